//! `cargo xtask test --quick`: what a change most often breaks, for frequent runs while editing.

use std::time::Instant;

use anyhow::{Result, ensure};

use super::{
    Findings, Step, host,
    tally::{self, Said},
};
use crate::process::{self, cargo};

/// The profile that optimizes the kernels and compiles everything else quickly.
const PROFILE: [&str; 2] = ["--profile", "quick"];

/// The libraries, and the package of the golden hashes.
const PACKAGES: [&str; 6] = [
    "--package",
    "rosenblatt",
    "--package",
    "rosenblatt-kernels",
    "--package",
    "rosenblatt-golden",
];

/// The libraries' own tests, the kernels' identity suite, and the golden hashes.
const TESTS: [&str; 7] = ["--lib", "--test", "harness", "--test", "identity", "--test", "golden"];

pub fn run() -> Result<()> {
    let start = Instant::now();
    let mut findings = Findings::default();
    host::fmt()?;
    let libraries = [
        "clippy",
        "--package",
        "rosenblatt",
        "--package",
        "rosenblatt-kernels",
        "--",
        "-D",
        "warnings",
    ];
    process::run(&mut cargo(libraries))?;
    let mut command = cargo(["test"]);
    command.args(PROFILE).args(PACKAGES).args(TESTS).args(["--", "--show-output"]);
    let backends = tally::run(&mut command, &mut findings)?;
    let checked = |name: &str| matches!(backends.get(name), Some(Said::Checked(_)));
    ensure!(
        checked("scalar") && backends.values().any(|said| matches!(said, Said::Checked(_))),
        "no backend was checked"
    );
    let steps: Vec<&str> =
        Step::ALL.into_iter().filter(|step| *step != Step::Fmt).map(Step::name).collect();
    println!(
        "\n{} tests passed in {:.0} s. The formatting is right, clippy accepts the libraries, and \
         the kernels' identity suite and the golden hashes are right on this CPU, without \
         optimization of the networks.\n\
         NOT run, or not completely: {}. `cargo xtask test` runs all steps.",
        findings.passed,
        start.elapsed().as_secs_f64(),
        steps.join(", ")
    );
    Ok(())
}
