//! The example for firmware engineers. It is built as they would build it, and run in the emulator.

use anyhow::{Result, ensure};

use crate::expected;
use crate::paths;
use crate::process::run_lines;
use crate::toolchain::Target;

/// Runs `examples/cortex-m`. It must learn XOR on the emulated chip and print what its
/// `expected.txt` contains.
pub fn run(update: bool) -> Result<()> {
    let mut command = Target::prepare("thumbv7em-none-eabihf")?.cargo(
        "run",
        "firmware/example",
        "core,alloc",
        ["--release"],
    );
    // In its own folder, where `.cargo/config.toml` says how it is linked and run.
    command.current_dir(paths::root().join("examples/cortex-m"));
    let mut text = String::new();
    run_lines(&mut command, |line| {
        text += line;
        text.push('\n');
        true
    })?;
    let refused =
        text.lines().find_map(|line| line.split_once(" broken samples refused")?.0.parse().ok());
    ensure!(
        refused.is_some_and(|refused: u32| refused > 0),
        "examples/cortex-m refused no broken sample"
    );
    ensure!(
        text.lines().any(|line| line == "accuracy 4/4"),
        "examples/cortex-m does not print accuracy 4/4"
    );
    expected::check("cortex-m", "examples/cortex-m", &text, update)
}
