//! The libraries for targets without an operating system.

use anyhow::Result;

use crate::process::run;
use crate::toolchain::Target;

/// A Cortex-M0 (no FPU), a Cortex-M4F, a RISC-V (no FPU), and wasm without SIMD.
const TARGETS: [&str; 4] =
    ["thumbv6m-none-eabi", "thumbv7em-none-eabihf", "riscv32imac-unknown-none-elf", "wasm32-unknown-unknown"];

/// The features that are for microcontrollers, and a target to try them on.
const FEATURES: (&str, &str) = ("thumbv7em-none-eabihf", "defmt,micromath");

pub fn build() -> Result<()> {
    for triple in TARGETS {
        libraries(triple, &["--no-default-features"])?;
    }
    let (triple, features) = FEATURES;
    libraries(triple, &["--no-default-features", "--features", features])?;
    clippy()
}

const LIBRARIES: [&str; 6] = ["--lib", "--release", "--package", "rosenblatt", "--package", "rosenblatt-kernels"];

/// Builds both libraries for a target.
fn libraries(triple: &'static str, features: &[&str]) -> Result<()> {
    run(Target::prepare(triple)?.cargo("build", "cross", "core", LIBRARIES).args(features))
}

/// Clippy, too: the host's run never sees what is compiled for chips only, for speed and for little flash.
fn clippy() -> Result<()> {
    for (triple, features, level) in [
        ("thumbv7em-none-eabihf", "reference", "3"),
        ("thumbv7em-none-eabihf", "reference", "s"),
        ("thumbv8m.main-none-eabihf", "reference,helium", "3"),
    ] {
        let mut command = Target::prepare(triple)?.cargo("clippy", "cross-clippy", "core", LIBRARIES);
        command.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", level);
        run(command.args([
            "--features",
            &features.replace("reference", "rosenblatt-kernels/reference"),
            "--",
            "-D",
            "warnings",
        ]))?;
    }
    Ok(())
}
