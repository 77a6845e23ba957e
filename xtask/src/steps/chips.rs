//! The libraries for targets without an operating system.

use anyhow::Result;

use crate::process::run;
use crate::toolchain::Target;

/// A Cortex-M0 (no FPU), a Cortex-M4F, a RISC-V (no FPU), and wasm without SIMD.
const TARGETS: [&str; 4] =
    ["thumbv6m-none-eabi", "thumbv7em-none-eabihf", "riscv32imac-unknown-none-elf", "wasm32-unknown-unknown"];

pub fn build() -> Result<()> {
    for triple in TARGETS {
        let args = [
            "--lib",
            "--release",
            "--no-default-features",
            "--package",
            "rosenblatt",
            "--package",
            "rosenblatt-kernels",
        ];
        run(&mut Target::prepare(triple)?.cargo("build", "cross", "core", args))?;
    }
    Ok(())
}
