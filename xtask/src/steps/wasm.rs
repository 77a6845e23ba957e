//! The step of the wasm backend: it runs `tests/wasm` in node and compares the hashes of the
//! firmware's programs.

use anyhow::{Result, bail};

use super::{
    Findings, How,
    tally::{self, Said},
};
use crate::builds::FEATURES;
use crate::process;
use crate::qemu::golden;
use crate::toolchain::Target;
use crate::wasm;

pub fn run(findings: &mut Findings) -> Result<()> {
    let target = Target::prepare("wasm32-unknown-unknown")?;
    // The host's clippy never sees this backend's code.
    let libraries =
        ["--package", "rosenblatt-kernels", "--package", "rosenblatt", "--features", FEATURES];
    let deny = ["--", "-D", "warnings"];
    process::run(wasm::cargo(target, "clippy", "wasm-clippy", &libraries).args(deny))?;
    let manifest = wasm::folder().join("Cargo.toml");
    process::run(
        wasm::cargo(target, "clippy", "wasm-clippy", &["--manifest-path"]).arg(manifest).args(deny),
    )?;

    let mut hashes = wasm::programs(|line| {
        if let Some((name, Said::Checked(what))) = tally::backend(line) {
            findings.backend(name, How::Run, &what);
        }
    })?;
    for program in golden::programs()? {
        match hashes.remove(&program.name) {
            Some(hash) if hash == program.hash => {}
            Some(hash) => {
                bail!("{} on wasm: expected {:016x}, got {hash:016x}", program.name, program.hash)
            }
            None => bail!("{} on wasm: expected {:016x}, got nothing", program.name, program.hash),
        }
    }
    Ok(())
}
