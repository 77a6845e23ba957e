//! The libraries' tests on NEON, under emulation. On an Arm host the step `unit` runs them instead.

use std::env::consts::{ARCH, OS};

use anyhow::{Result, bail};

use super::{
    FEATURES, Findings, How,
    tally::{self, Said},
};
use crate::apt::{self, Need};
use crate::process::run;
use crate::toolchain::Target;

/// The target whose tests are emulated.
pub const TRIPLE: &str = "aarch64-unknown-linux-gnu";

/// Its C compiler, which is the linker.
pub const LINKER: Need =
    Need { any_of: &["aarch64-linux-gnu-gcc"], package: "gcc-aarch64-linux-gnu" };

/// Its C library.
pub const LIBC: Need =
    Need { any_of: &["/usr/aarch64-linux-gnu/lib/crt1.o"], package: "libc6-dev-arm64-cross" };

const EMULATOR: Need =
    Need { any_of: &["qemu-aarch64", "qemu-aarch64-static"], package: "qemu-user" };

/// The arguments of every build for the target. They are equal, so that cargo compiles once.
pub const ARGS: [&str; 11] = [
    "--release",
    "--features",
    FEATURES,
    "--package",
    "rosenblatt",
    "--package",
    "rosenblatt-kernels",
    "--package",
    "rosenblatt-tests",
    "--package",
    "rosenblatt-golden",
];

/// Tests that use no kernel: how a graph is printed. The host runs them.
const HOST_ONLY: [&str; 1] = ["graph::print::"];

pub fn test(findings: &mut Findings) -> Result<()> {
    if ARCH == "aarch64" {
        println!("this CPU has NEON: step unit runs these tests");
        return Ok(());
    }
    if OS != "linux" {
        bail!("the emulator for this step runs on Linux; leave it out with --skip neon");
    }
    apt::ensure(&[LINKER, LIBC, EMULATOR])?;
    let target = Target::prepare(TRIPLE)?;
    let emulator = EMULATOR.found().expect("ensured above");

    // The host's clippy never sees this backend's code.
    run(target.cargo("clippy", "cross-clippy", "", ARGS).args(["--", "-D", "warnings"]))?;

    let mut command = target.cargo("test", "cross", "", ARGS);
    command
        .env(target.variable("LINKER"), "aarch64-linux-gnu-gcc")
        .env(target.variable("RUNNER"), format!("{emulator} -L /usr/aarch64-linux-gnu"))
        .env("REQUIRE_BACKEND", "neon")
        .args(["--lib", "--tests", "--", "--show-output"])
        .args(HOST_ONLY.iter().flat_map(|name| ["--skip", name]));
    if let Some(Said::Checked(what)) = tally::run(&mut command, findings)?.remove("neon") {
        findings.backend("neon", How::Emulated, &what);
    }
    Ok(())
}
