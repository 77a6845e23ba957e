//! The programs, and the hash that each must end in.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, bail};

use crate::paths;

/// A program, from its line in `tests/golden.txt`.
pub struct Program {
    pub name: String,
    /// The hash that it must end in.
    pub hash: u64,
}

impl Program {
    /// Whether it is a suite of tests. Such a program panics where it finds an error, which no
    /// other program may do. Its sizes are not measured.
    pub fn is_suite(&self) -> bool {
        ["identity", "products"].contains(&self.name.as_str())
    }

    /// What is wrong with the hash that it has ended in.
    pub fn complaint(&self, hash: u64) -> Option<String> {
        (hash != self.hash).then(|| format!("hash: expected {:016x}, got {hash:016x}", self.hash))
    }

    /// Whether it runs on weights in flash.
    pub fn has_weights(&self) -> bool {
        self.name == "digits-infer"
    }
}

/// All programs, in the order of tables.
pub fn programs() -> Result<Vec<Program>> {
    let text = read("tests/golden.txt")?;
    let programs = parse(&text)?;
    // A program without a line, or a line without a program, would not be noticed.
    let folder = paths::root().join("tests/firmware/src/bin");
    let binaries: BTreeSet<String> = fs::read_dir(&folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .map(|entry| {
            Ok(entry?.path().file_stem().unwrap_or_default().to_string_lossy().into_owned())
        })
        .collect::<Result<_>>()?;
    let named: BTreeSet<String> = programs.iter().map(|program| program.name.clone()).collect();
    let odd: Vec<&str> = binaries.symmetric_difference(&named).map(String::as_str).collect();
    if !odd.is_empty() {
        bail!("tests/firmware/src/bin and tests/golden.txt differ in {}", odd.join(", "));
    }
    Ok(programs)
}

fn read(file: &str) -> Result<String> {
    fs::read_to_string(paths::root().join(file)).with_context(|| format!("cannot read {file}"))
}

/// The lines `firmware/NAME HASH`.
fn parse(text: &str) -> Result<Vec<Program>> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("firmware/")?.split_once(' '));
    let programs: Vec<Program> = lines
        .map(|(name, hash)| {
            Ok(Program { name: name.to_owned(), hash: u64::from_str_radix(hash, 16)? })
        })
        .collect::<Result<_>>()?;
    if programs.is_empty() {
        bail!("tests/golden.txt names no program");
    }
    Ok(programs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_programs() {
        let programs =
            parse("xor 64492e941ce94521\nfirmware/xor-sgd 00000000000000ff\n").expect("two lines");
        assert_eq!(programs.len(), 1);
        assert_eq!((programs[0].name.as_str(), programs[0].hash), ("xor-sgd", 255));
        assert!(parse("xor 64492e941ce94521\n").is_err());
        assert!(parse("firmware/xor ?\n").is_err());
    }
}
