//! Reads the output of `cargo test`.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::Result;

use super::Findings;
use crate::process;

/// What the tests report about a backend.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    /// This CPU lacks it.
    NotHere,
    /// The backend was checked. The text is the result.
    Checked(String),
}

/// Runs a `cargo test -- --show-output` command and counts its tests. Returns what they report
/// about each backend.
pub fn run(command: &mut Command, findings: &mut Findings) -> Result<BTreeMap<String, Said>> {
    let mut backends = BTreeMap::new();
    // Whether the lines are the output of tests that passed. `--show-output` prints more of it than
    // a person wants to read.
    let mut passed_output = false;
    process::run_lines(command, |line| {
        if let Some((passed, failed)) = result(line) {
            findings.passed += passed;
            findings.failed += failed;
        }
        match line {
            "successes:" => passed_output = true,
            "failures:" => passed_output = false,
            _ if line.starts_with("test result: ") => passed_output = false,
            _ => {}
        }
        match backend(line) {
            // Every test names the backends that this CPU lacks. Tests of the harness itself print
            // such lines for invented CPUs. A backend counts as missing only if no test checked it.
            Some((name, Said::NotHere)) => {
                backends.entry(name.to_owned()).or_insert(Said::NotHere);
                false
            }
            Some((name, checked)) => {
                backends.insert(name.to_owned(), checked);
                true
            }
            None => !passed_output,
        }
    })?;
    for (name, _) in backends.iter().filter(|(_, said)| **said == Said::NotHere) {
        println!("backend {name}: not on this CPU");
    }
    Ok(backends)
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

/// The name in a line `backend NAME: not on this CPU` or `backend NAME: 3 checks, ...`, and what
/// the line reports.
pub fn backend(line: &str) -> Option<(&str, Said)> {
    let (name, text) = line.strip_prefix("backend ")?.split_once(": ")?;
    match text {
        "not on this CPU" => Some((name, Said::NotHere)),
        _ if text.contains(" checks, ") => Some((name, Said::Checked(text.to_owned()))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines() {
        let ok = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; \
                  finished in 0.01s";
        assert_eq!(result(ok), Some((12, 0)));
        let failed = "test result: FAILED. 7 passed; 2 failed; 0 ignored; 0 measured; \
                      0 filtered out; finished in 1.00s";
        assert_eq!(result(failed), Some((7, 2)));
        assert_eq!(result("test network::tests::result: ok"), None);
    }

    #[test]
    fn backend_lines() {
        assert_eq!(backend("backend avx512: not on this CPU"), Some(("avx512", Said::NotHere)));
        let checked = "900 checks, 0 mismatches, hash 0123456789abcdef";
        assert_eq!(
            backend(&format!("backend avx2: {checked}")),
            Some(("avx2", Said::Checked(checked.into())))
        );
        assert_eq!(backend("backend avx2: panicked"), None);
    }
}
