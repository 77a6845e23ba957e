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
    libraries(triple, &["--no-default-features", "--features", features])
}

/// Builds both libraries for a target.
fn libraries(triple: &'static str, features: &[&str]) -> Result<()> {
    let args = ["--lib", "--release", "--package", "rosenblatt", "--package", "rosenblatt-kernels"];
    run(Target::prepare(triple)?.cargo("build", "cross", "core", args).args(features))
}
