//! The examples for firmware engineers. They are built as they would build them, and run in the
//! emulator.

use anyhow::{Result, ensure};

use crate::expected;
use crate::paths;
use crate::process::run_lines;
use crate::toolchain::Target;

/// Runs `examples/cortex-m` and `examples/keras-on-chip`. The first must learn XOR on the emulated
/// chip, the second must predict what Keras does. Both print what their `expected.txt` contains.
pub fn run(update: bool) -> Result<()> {
    let text = printed("cortex-m")?;
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
    expected::check("cortex-m", "examples/cortex-m", &text, update)?;
    let text = printed("keras-on-chip")?;
    ensure!(
        text.lines().any(|line| line == "as Keras predicts: yes"),
        "examples/keras-on-chip does not predict what Keras does"
    );
    expected::check("keras-on-chip", "examples/keras-on-chip", &text, update)
}

/// What an example prints on the emulated chip. It must end with status 0.
fn printed(name: &str) -> Result<String> {
    let mut command = Target::prepare("thumbv7em-none-eabihf")?.cargo(
        "run",
        "firmware/example",
        "core,alloc",
        ["--release"],
    );
    // In its own folder, where `.cargo/config.toml` says how it is linked and run.
    command.current_dir(paths::root().join("examples").join(name));
    let mut text = String::new();
    run_lines(&mut command, |line| {
        text += line;
        text.push('\n');
        true
    })?;
    Ok(text)
}
