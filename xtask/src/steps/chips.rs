//! Builds the libraries for targets without an operating system. Targets that the libraries reject
//! must fail to build.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::process::{attempt, run};
use crate::toolchain::Target;

/// A Cortex-M0 (no FPU), a Cortex-M4F, a RISC-V (no FPU), wasm without SIMD, and kernels of
/// operating systems on x86-64, which do not use the vector registers.
const TARGETS: [&str; 5] = [
    "thumbv6m-none-eabi",
    "thumbv7em-none-eabihf",
    "riscv32imac-unknown-none-elf",
    "wasm32-unknown-unknown",
    "x86_64-unknown-none",
];

/// The rejected targets, on which equal bits cannot be guaranteed: target, flags, and a part of the
/// reason that the failing build must print.
const REFUSED: [(&str, &str, &str); 3] = [
    ("i586-unknown-linux-gnu", "", "x86 without SSE2"),
    ("i686-unknown-linux-gnu", "-C target-feature=-sse2", "x86 without SSE2"),
    ("powerpc64-unknown-linux-gnu", "", "-C target-cpu=pwr8"),
];

/// Targets that are close to the rejected ones and must build: target and flags.
const ACCEPTED: [(&str, &str); 3] = [
    ("i686-unknown-linux-gnu", ""),
    ("powerpc64-unknown-linux-gnu", "-C target-cpu=pwr8"),
    ("powerpc64-unknown-linux-gnu", "-C target-feature=-altivec"),
];

/// The features for microcontrollers, and a target to build them for. The target has no Helium, so
/// the feature `helium` must have no effect.
const FEATURES: (&str, &str) = ("thumbv7em-none-eabihf", "defmt,micromath,helium");

pub fn build() -> Result<()> {
    for triple in TARGETS {
        libraries(triple, &["--no-default-features"])?;
    }
    let (triple, features) = FEATURES;
    libraries(triple, &["--no-default-features", "--features", features])?;
    for (triple, flags) in ACCEPTED {
        run(&mut check(triple, flags)?)?;
    }
    for (triple, flags, reason) in REFUSED {
        let (done, said) = attempt(&mut check(triple, flags)?)?;
        ensure!(!done, "{triple} {flags}: the build must fail: it would compute other bits");
        ensure!(
            said.contains(reason),
            "{triple} {flags}: the build fails, but without the reason {reason:?}:\n{said}"
        );
    }
    clippy()
}

const LIBRARIES: [&str; 6] =
    ["--lib", "--release", "--package", "rosenblatt", "--package", "rosenblatt-kernels"];

/// Builds both libraries for a target.
fn libraries(triple: &'static str, features: &[&str]) -> Result<()> {
    run(Target::prepare(triple)?.cargo("build", "cross", "core", LIBRARIES).args(features))
}

/// `cargo check` of the kernels' library, which needs no linker.
fn check(triple: &'static str, flags: &str) -> Result<Command> {
    let target = Target::prepare(triple)?;
    let args = ["--lib", "--release", "--package", "rosenblatt-kernels"];
    let mut command = target.cargo("check", "cross-check", "core", args);
    command.env(target.variable("RUSTFLAGS"), flags);
    Ok(command)
}

/// Runs clippy for chips. The host's clippy never sees the code that is compiled for chips only,
/// for speed and for little flash.
fn clippy() -> Result<()> {
    for (triple, features, level) in [
        ("thumbv7em-none-eabihf", "environments", "3"),
        ("thumbv7em-none-eabihf", "environments", "s"),
        ("thumbv8m.main-none-eabihf", "environments,helium", "3"),
        ("x86_64-unknown-none", "environments", "3"),
    ] {
        let mut command =
            Target::prepare(triple)?.cargo("clippy", "cross-clippy", "core", LIBRARIES);
        command.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", level);
        run(command.args([
            "--package",
            "rosenblatt-suite",
            "--features",
            &features.replace("environments", "rosenblatt-kernels/environments"),
            "--",
            "-D",
            "warnings",
        ]))?;
    }
    Ok(())
}
