//! Reading what `cargo test` prints.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::Result;

use super::Findings;
use crate::process;

/// Runs a `cargo test -- --show-output` command, counts its tests, and returns the backends that it said are not on this CPU.
pub fn run(command: &mut Command, findings: &mut Findings) -> Result<BTreeSet<String>> {
    let mut missing = BTreeSet::new();
    let mut said = BTreeSet::new();
    // Whether the output of tests that passed is being shown: `--show-output` gives more of it than a person wants to read.
    let mut passed_output = false;
    process::run_lines(command, |line| {
        if let Some((passed, failed)) = result(line) {
            findings.passed += passed;
            findings.failed += failed;
        }
        if let Some(name) = missing_backend(line) {
            missing.insert(name.to_owned());
        }
        match line {
            "successes:" => passed_output = true,
            "failures:" => passed_output = false,
            _ if line.starts_with("test result: ") => passed_output = false,
            _ => {}
        }
        // What the tests say of backends they say over and over: once is enough.
        !passed_output || (line.starts_with("backend ") && said.insert(line.to_owned()))
    })?;
    Ok(missing)
}

/// The counts in a line `test result: ok. 3 passed; 0 failed; ...`.
fn result(line: &str) -> Option<(u32, u32)> {
    let counts = line.strip_prefix("test result: ")?.split_once(". ")?.1;
    let count = |what: &str| {
        let part = counts.split("; ").find_map(|part| part.strip_suffix(what))?;
        part.trim().parse().ok()
    };
    Some((count(" passed")?, count(" failed")?))
}

/// The name in a line `backend NAME: not on this CPU`.
fn missing_backend(line: &str) -> Option<&str> {
    line.trim().strip_prefix("backend ")?.strip_suffix(": not on this CPU")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines() {
        let ok = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s";
        assert_eq!(result(ok), Some((12, 0)));
        let failed =
            "test result: FAILED. 7 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s";
        assert_eq!(result(failed), Some((7, 2)));
        assert_eq!(result("test network::tests::result: ok"), None);
    }

    #[test]
    fn backend_lines() {
        assert_eq!(missing_backend("backend avx512: not on this CPU"), Some("avx512"));
        assert_eq!(missing_backend("backend avx512: 900 checks"), None);
    }
}
