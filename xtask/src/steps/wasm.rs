//! The wasm backend: `tests/wasm`, built with SIMD and run under node.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use super::{
    Findings, How,
    tally::{self, Said},
};
use crate::apt::{self, Need};
use crate::paths;
use crate::process;
use crate::toolchain::Target;

const NODE: Need = Need { any_of: &["node", "nodejs"], package: "nodejs" };

pub fn run(findings: &mut Findings) -> Result<()> {
    apt::ensure(&[NODE])?;
    let target = Target::prepare("wasm32-unknown-unknown")?;
    let folder = paths::root().join("tests/wasm");
    let manifest = folder.join("Cargo.toml");
    let cargo = |subcommand: &str, folder: &str, args: &[&str]| {
        let mut command = target.cargo(subcommand, folder, "core", ["--release"]);
        command.env(target.variable("RUSTFLAGS"), "-C target-feature=+simd128").args(args);
        command
    };

    // Clippy for the libraries, too: the host's run never sees this backend's code.
    let libraries = ["--package", "rosenblatt-kernels", "--package", "rosenblatt"];
    process::run(cargo("clippy", "wasm-clippy", &libraries).args([
        "--features",
        "rosenblatt-kernels/reference",
        "--",
        "-D",
        "warnings",
    ]))?;
    let suite = ["--manifest-path".as_ref(), manifest.as_os_str()];
    process::run(cargo("clippy", "wasm-clippy", &[]).args(suite).args(["--", "-D", "warnings"]))?;
    process::run(cargo("build", "wasm", &[]).args(suite))?;

    let node = NODE.found().expect("ensured above");
    let module = target.release_folder("wasm").join("rosenblatt_wasm_tests.wasm");
    let mut command = Command::new(node);
    command.arg(folder.join("run.mjs")).arg(module).arg(golden_hash()?);
    process::run_lines(&mut command, |line| {
        if let Some((name, Said::Checked(what))) = tally::backend(line) {
            findings.backend(name, How::Run, &what);
        }
        true
    })
}

/// The hash over all kernels that every backend must reproduce.
fn golden_hash() -> Result<String> {
    let file = paths::root().join("kernels/tests/identity.golden");
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let line =
        text.lines().find(|line| line.ends_with(" all")).context("the golden file has no line for all kernels")?;
    Ok(line.split(' ').next().unwrap_or_default().to_owned())
}
