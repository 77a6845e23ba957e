//! Steps that need nothing but the host's own toolchain.

use anyhow::Result;

use super::{
    Findings, How,
    tally::{self, Said},
};
use crate::paths;
use crate::process::{cargo, run};
use crate::toolchain::ensure_component;

/// The crates that must also stand without their default features.
const LIBRARIES: [&str; 2] = ["rosenblatt", "rosenblatt-kernels"];

pub fn fmt() -> Result<()> {
    ensure_component("fmt", "rustfmt")?;
    run(&mut cargo(["fmt", "--all", "--check"]))?;
    let wasm = paths::root().join("tests/wasm/Cargo.toml");
    run(cargo(["fmt", "--check", "--manifest-path"]).arg(wasm))
}

pub fn clippy() -> Result<()> {
    ensure_component("clippy", "clippy")?;
    run(&mut cargo([
        "clippy",
        "--workspace",
        "--all-targets",
        "--features",
        "rosenblatt-kernels/reference",
        "--",
        "-D",
        "warnings",
    ]))?;
    for library in LIBRARIES {
        run(&mut cargo(["clippy", "--package", library, "--no-default-features", "--", "-D", "warnings"]))?;
    }
    Ok(())
}

pub fn docs() -> Result<()> {
    run(cargo(["doc", "--workspace", "--no-deps", "--features", "rosenblatt-kernels/reference"])
        .env("RUSTDOCFLAGS", "-D warnings"))
}

pub fn unit(findings: &mut Findings) -> Result<()> {
    // The tests say by themselves which backends this CPU has and lacks; `--show-output` lets that through.
    let mut command = cargo([
        "test",
        "--workspace",
        "--release",
        "--features",
        "rosenblatt-kernels/reference",
        "--",
        "--show-output",
    ]);
    for (backend, said) in tally::run(&mut command, findings)? {
        match said {
            Said::NotHere => findings.backend(&backend, How::NotHere, ""),
            Said::Checked(what) => findings.backend(&backend, How::Run, &what),
        }
    }
    Ok(())
}
