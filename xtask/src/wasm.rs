//! `tests/wasm`: built with SIMD and run under node. It contains the suite of kernels and the
//! firmware's programs.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::apt::{self, Need};
use crate::paths;
use crate::process;
use crate::toolchain::Target;

/// What runs a module.
pub const NODE: Need = Need { any_of: &["node", "nodejs"], package: "nodejs" };

/// The compiler's flags for SIMD.
pub const SIMD: &str = "-C target-feature=+simd128";

/// A cargo command for wasm with SIMD.
pub fn cargo(target: Target, subcommand: &str, folder: &str, args: &[&str]) -> Command {
    let mut command = target.cargo(subcommand, folder, "core", ["--release"]);
    command.env(target.variable("RUSTFLAGS"), SIMD).args(args);
    command
}

pub fn folder() -> PathBuf {
    paths::root().join("tests/wasm")
}

/// Builds the suite and runs it. Returns the final hash of each of the firmware's programs. `each`
/// receives every printed line.
pub fn programs(mut each: impl FnMut(&str)) -> Result<BTreeMap<String, u64>> {
    let mut hashes = BTreeMap::new();
    process::run_lines(script("run.mjs")?.arg(golden_hash()?), |line| {
        if let Some((name, hash)) = program(line) {
            hashes.insert(name.to_owned(), hash);
        }
        each(line);
        true
    })?;
    Ok(hashes)
}

/// Builds the module, and returns the command that runs a script of `tests/wasm` on it.
pub fn script(name: &str) -> Result<Command> {
    apt::ensure(&[NODE])?;
    let target = Target::prepare("wasm32-unknown-unknown")?;
    process::run(
        cargo(target, "build", "wasm", &["--manifest-path"]).arg(folder().join("Cargo.toml")),
    )?;
    let module = target.release_folder("wasm").join("rosenblatt_wasm_tests.wasm");
    let mut command = Command::new(NODE.found().expect("ensured above"));
    command.arg(folder().join(name)).arg(module);
    Ok(command)
}

/// A line `program NAME: HASH`.
fn program(line: &str) -> Option<(&str, u64)> {
    let (name, hash) = line.strip_prefix("program ")?.split_once(": ")?;
    Some((name, u64::from_str_radix(hash, 16).ok()?))
}

/// The hash over all kernels that every backend must reproduce.
fn golden_hash() -> Result<String> {
    let file = paths::root().join("kernels/tests/identity.golden");
    let text =
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let line = text
        .lines()
        .find(|line| line.ends_with(" all"))
        .context("the golden file has no line for all kernels")?;
    Ok(line.split(' ').next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn program_lines() {
        assert_eq!(program("program xor-sgd: 00000000000000ff"), Some(("xor-sgd", 255)));
        assert_eq!(program("backend wasm: 3 checks, 0 mismatches, hash 00000000000000ff"), None);
    }
}
