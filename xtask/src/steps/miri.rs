//! Runs the kernels under Miri, which detects undefined behaviour that no result shows.

use super::{Done, Findings, How};
use crate::process::run_lines;
use crate::toolchain::Miri;

/// The runs: target, flags, and the backend that they select. Miri knows AVX2 but not AVX-512.
/// s390x is big-endian.
const RUNS: [(&str, &str, &str); 2] = [
    ("x86_64-unknown-linux-gnu", "-C target-feature=+avx2", "avx2"),
    ("s390x-unknown-linux-gnu", "", "scalar"),
];

pub fn run(findings: &mut Findings) -> anyhow::Result<Done> {
    let miri = match Miri::find()? {
        Ok(miri) => miri,
        Err(why) => return Ok(Done::Skipped(why)),
    };
    for (triple, flags, backend) in RUNS {
        let mut checked = false;
        let start = format!("backend {backend}: ");
        let mut command = miri.test(triple, flags);
        command.args(["--package", "rosenblatt-kernels", "--test", "miri", "--", "--show-output"]);
        run_lines(&mut command, |line| {
            checked |= line.starts_with(&start);
            true
        })?;
        anyhow::ensure!(checked, "Miri has not run the backend {backend}");
        findings.backend(backend, How::Emulated, "by Miri");
    }
    Ok(Done::Passed)
}
