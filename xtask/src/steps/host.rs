//! Steps that need nothing but the host's own toolchain (clippy also looks at the firmware, for one chip).

use anyhow::Result;

use super::{
    FEATURES, Findings, How,
    tally::{self, Said},
};
use crate::paths;
use crate::process::{cargo, run};
use crate::qemu;
use crate::toolchain::ensure_component;

/// The crates that must also stand without their default features.
const LIBRARIES: [&str; 2] = ["rosenblatt", "rosenblatt-kernels"];

pub fn fmt() -> Result<()> {
    ensure_component("fmt", "rustfmt")?;
    run(&mut cargo(["fmt", "--all", "--check"]))?;
    for apart in ["tests/wasm", "tests/firmware", "examples/cortex-m"] {
        run(cargo(["fmt", "--check", "--manifest-path"]).arg(paths::root().join(apart).join("Cargo.toml")))?;
    }
    Ok(())
}

pub fn clippy() -> Result<()> {
    ensure_component("clippy", "clippy")?;
    run(&mut cargo(["clippy", "--workspace", "--all-targets", "--features", FEATURES, "--", "-D", "warnings"]))?;
    for library in LIBRARIES {
        let args = ["clippy", "--package", library, "--all-targets", "--no-default-features", "--", "-D", "warnings"];
        run(&mut cargo(args))?;
    }
    run(&mut qemu::clippy()?)
}

pub fn docs() -> Result<()> {
    run(cargo(["doc", "--workspace", "--no-deps", "--features", FEATURES]).env("RUSTDOCFLAGS", "-D warnings"))
}

pub fn unit(findings: &mut Findings) -> Result<()> {
    // The tests say by themselves which backends this CPU has and lacks; `--show-output` lets that through.
    let mut command = cargo(["test", "--workspace", "--release", "--features", FEATURES, "--", "--show-output"]);
    for (backend, said) in tally::run(&mut command, findings)? {
        match said {
            Said::NotHere => findings.backend(&backend, How::NotHere, ""),
            Said::Checked(what) => findings.backend(&backend, How::Run, &what),
        }
    }
    // Without optimization, where every temporary value has a place of its own on the stack.
    tally::run(&mut cargo(["test", "--package", "rosenblatt-debug", "--", "--show-output"]), findings)?;
    Ok(())
}
