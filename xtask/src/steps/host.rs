//! Steps that need only the host's own toolchain. Clippy also checks the firmware, for one chip.

use std::process::Command;

use anyhow::{Result, ensure};

use super::{
    Findings, How, package,
    tally::{self, Said},
};
use crate::builds::{FEATURES, WHOLE};
use crate::flower;
use crate::paths;
use crate::process::{cargo, read, run};
use crate::qemu;
use crate::toolchain::ensure_component;

/// The crates that are published. They are checked with all features and with none.
pub const LIBRARIES: [&str; 2] = ["rosenblatt-kernels", "rosenblatt"];

/// The packages that are not members of the workspace.
pub const APART: [&str; 9] = [
    "tests/wasm",
    "tests/firmware",
    "examples/cortex-m",
    "examples/flower",
    "examples/keras-on-chip",
    "benches/compile",
    "benches/peers",
    "benches/wasm",
    "tool/fuzz",
];

pub fn fmt() -> Result<()> {
    ensure_component("fmt", "rustfmt")?;
    run(&mut cargo(["fmt", "--all", "--check"]))?;
    for apart in APART {
        run(cargo(["fmt", "--check", "--manifest-path"])
            .arg(paths::root().join(apart).join("Cargo.toml")))?;
    }
    locks()
}

/// Each `Cargo.lock` must belong to its `Cargo.toml`. Otherwise the first build changes it, and
/// takes versions that nobody has tested.
fn locks() -> Result<()> {
    for folder in [""].into_iter().chain(APART) {
        run(cargo(["update", "--quiet", "--workspace", "--locked", "--manifest-path"])
            .arg(paths::root().join(folder).join("Cargo.toml")))?;
    }
    Ok(())
}

pub fn clippy() -> Result<()> {
    ensure_component("clippy", "clippy")?;
    run(&mut cargo([
        "clippy",
        "--workspace",
        "--all-targets",
        "--features",
        FEATURES,
        "--",
        "-D",
        "warnings",
    ]))?;
    for library in LIBRARIES {
        for features in ["--no-default-features", "--all-features"] {
            let args =
                ["clippy", "--package", library, "--all-targets", features, "--", "-D", "warnings"];
            run(&mut cargo(args))?;
        }
    }
    // The benches that stand apart: beside the peers (without these, which are a few hundred
    // crates), and under node. They share a target folder of their own, so that they do not wait
    // for another step.
    for bench in ["benches/peers", "benches/wasm"] {
        run(cargo(["clippy", "--manifest-path"])
            .arg(paths::root().join(bench).join("Cargo.toml"))
            .arg("--target-dir")
            .arg(paths::side_target("peers-clippy"))
            .args(["--", "-D", "warnings"]))?;
    }
    flower::clippy()?;
    run(&mut qemu::clippy()?)
}

pub fn docs() -> Result<()> {
    run(cargo(["doc", "--workspace", "--no-deps", "--features", FEATURES])
        .env("RUSTDOCFLAGS", "-D warnings"))?;
    for library in LIBRARIES {
        let args = ["doc", "--package", library, "--no-deps", "--all-features"];
        run(cargo(args).env("RUSTDOCFLAGS", "-D warnings"))?;
    }
    package::check()
}

pub fn unit(findings: &mut Findings) -> Result<()> {
    // The tests print which backends this CPU has and lacks. `--show-output` shows that. Examples
    // are not built here: the step `examples` builds them, and a test builds some with the same
    // features, so that they are compiled once.
    let mut command = cargo(["test"]);
    command.args(WHOLE).args(["--lib", "--bins", "--tests", "--", "--show-output"]);
    for (backend, said) in tally::run(&mut command, findings)? {
        match said {
            Said::NotHere => findings.backend(&backend, How::NotHere, ""),
            Said::Checked(what) => findings.backend(&backend, How::Run, &what),
        }
    }
    tally::run(cargo(["test"]).args(WHOLE).arg("--doc"), findings)?;
    tally::run(cargo(["test", "--package", "xtask"]).args(["--", "--show-output"]), findings)?;
    let threads =
        ["test", "--package", "rosenblatt-kernels", "--features", "threads", "--test", "threads"];
    tally::run(&mut cargo(threads), findings)?;
    // Without optimization every temporary value has its own place on the stack.
    let unoptimized = ["test", "--package", "rosenblatt-debug"];
    tally::run(cargo(unoptimized).args(["--", "--show-output"]), findings)?;
    // The same with the lines that the README gives for fast debug builds.
    let lines =
        ["--config", "profile.dev.package.rosenblatt-kernels.opt-level=3", "--", "--show-output"];
    let folder = paths::target().join("optimized-kernels");
    tally::run(cargo(unoptimized).args(lines).env("CARGO_TARGET_DIR", folder), findings)?;
    fusing_is_seen()
}

/// The check that programs call at their start must detect a compiler that was told to fuse. It
/// must accept a plain build.
fn fusing_is_seen() -> Result<()> {
    #[cfg(target_arch = "x86_64")]
    let fuses = std::is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    let fuses = cfg!(target_arch = "aarch64");
    run(cargo(["build"]).args(WHOLE).args(["--bin", "contract"]))?;
    let honest = read(&mut Command::new(paths::target().join("release/contract")))?;
    ensure!(honest.contains("the contract holds"), "a plain build prints: {honest}");
    if !fuses {
        println!("SKIPPED: this CPU has no fused operation that a compiler could be told to use");
        return Ok(());
    }
    let fma = if cfg!(target_arch = "x86_64") { " -Ctarget-feature=+fma" } else { "" };
    let mut command = cargo([
        "run",
        "--quiet",
        "--release",
        "--package",
        "rosenblatt-debug",
        "--bin",
        "contract",
    ]);
    command.env("RUSTFLAGS", format!("-Cllvm-args=-fp-contract=fast{fma}"));
    // The compiler fuses at every level except 0. Level 1 takes half the time to compile.
    command
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("CARGO_TARGET_DIR", paths::target().join("fused"));
    let fused = read(&mut command)?;
    ensure!(
        fused.starts_with("Fused"),
        "a build with fused operations is not detected; it prints: {fused}"
    );
    println!("a build with fused operations is detected: {}", fused.trim());
    Ok(())
}
