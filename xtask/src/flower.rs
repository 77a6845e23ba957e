//! `cargo xtask flower`: the example `examples/flower`, as a user installs and runs it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::expected;
use crate::paths;
use crate::process::{self, run, run_lines};

/// Install the example with Flower, check its binding, and compare its table with `expected.txt`.
///
/// It needs Python 3.11 or newer with `venv`. On its first run it installs Flower and Ray from PyPI
/// into `target/flower`, 530 MB. `cargo xtask test` checks the same hashes without Python.
#[derive(clap::Args)]
pub struct Args {
    /// Write the table to `expected.txt` instead
    #[arg(long)]
    bless: bool,
}

pub fn main(args: &Args) -> Result<()> {
    compare(args.bless)
}

fn compare(update: bool) -> Result<()> {
    let environment = paths::side_target("flower");
    let python = environment.join("bin/python");
    if !python.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    }
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet"])
        .arg(folder())
        .env("CARGO_TARGET_DIR", paths::side_target("flower-wheel")))?;
    run(Command::new(&python).arg(folder().join("check.py")))?;
    let mut text = String::new();
    run_lines(Command::new(&python).arg(folder().join("run.py")), |line| {
        text += line;
        text.push('\n');
        true
    })?;
    expected::check("flower", "examples/flower", &text, update)?;
    println!("as expected: flower");
    Ok(())
}

/// Runs the tests of the binding's Rust. They compute the hashes of `expected.txt` without Python
/// and Flower.
pub fn test() -> Result<()> {
    let mut passed = 0;
    run_lines(&mut cargo("test"), |line| {
        passed += u32::from(line.starts_with("test ") && line.ends_with(" ... ok"));
        true
    })?;
    ensure!(passed > 0, "examples/flower has no test");
    Ok(())
}

/// Lints the binding.
pub fn clippy() -> Result<()> {
    run(cargo("clippy").args(["--all-targets", "--", "-D", "warnings"]))
}

/// A cargo command for the binding that needs no Python.
fn cargo(subcommand: &str) -> Command {
    let mut command = process::cargo([subcommand, "--release", "--manifest-path"]);
    command
        .arg(folder().join("Cargo.toml"))
        .arg("--target-dir")
        .arg(paths::side_target("flower-tests"))
        .envs([("PYO3_NO_PYTHON", "1"), ("PYO3_BUILD_EXTENSION_MODULE", "1")]);
    command
}

fn folder() -> PathBuf {
    paths::root().join("examples/flower")
}
