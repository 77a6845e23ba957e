//! The libraries' tests on NEON, under emulation. On an Arm host the step `unit` runs them instead.

use std::env::consts::{ARCH, OS};

use anyhow::{Result, bail};

use super::{
    Findings, How,
    tally::{self, Said},
};
use crate::apt::{self, Need};
use crate::builds::{ARM_ARGS, ARM_LIBC, ARM_LINKER, ARM_TRIPLE};
use crate::process::run;
use crate::toolchain::Target;

const EMULATOR: Need =
    Need { any_of: &["qemu-aarch64", "qemu-aarch64-static"], package: "qemu-user" };

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
    apt::ensure(&[ARM_LINKER, ARM_LIBC, EMULATOR])?;
    let target = Target::prepare(ARM_TRIPLE)?;
    let emulator = EMULATOR.found().expect("ensured above");

    // The host's clippy never sees this backend's code.
    run(target.cargo("clippy", "cross-clippy", "", ARM_ARGS).args(["--", "-D", "warnings"]))?;

    let mut command = target.cargo("test", "cross", "", ARM_ARGS);
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
