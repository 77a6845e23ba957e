//! The example for firmware engineers: built as they would, and run in the emulator.

use anyhow::{Result, bail};

use crate::paths;
use crate::process::run_lines;
use crate::toolchain::Target;

/// Runs `examples/cortex-m`, which has to learn XOR on the emulated chip.
pub fn run() -> Result<()> {
    let mut command =
        Target::prepare("thumbv7em-none-eabihf")?.cargo("run", "firmware/example", "core,alloc", ["--release"]);
    // In its own folder, whose `.cargo/config.toml` says how it is linked and run.
    command.current_dir(paths::root().join("examples/cortex-m"));
    let mut learnt = false;
    run_lines(&mut command, |line| {
        learnt |= line == "accuracy 4/4";
        true
    })?;
    if !learnt {
        bail!("examples/cortex-m does not say accuracy 4/4");
    }
    Ok(())
}
