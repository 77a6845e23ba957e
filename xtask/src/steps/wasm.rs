//! The wasm backend: `tests/wasm`, built with SIMD and run under node.

use std::process::Command;

use anyhow::Result;

use super::{Findings, How};
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
    process::run(cargo("clippy", "wasm-clippy", &libraries).args(["--all-features", "--", "-D", "warnings"]))?;
    let suite = ["--manifest-path".as_ref(), manifest.as_os_str()];
    process::run(cargo("clippy", "wasm-clippy", &[]).args(suite).args(["--", "-D", "warnings"]))?;
    process::run(cargo("build", "wasm", &[]).args(suite))?;

    let node = NODE.found().expect("ensured above");
    let module = target.release_folder("wasm").join("rosenblatt_wasm_tests.wasm");
    process::run(Command::new(node).arg(folder.join("run.mjs")).arg(module))?;
    findings.backend("wasm", How::Run, "step wasm, node");
    Ok(())
}
