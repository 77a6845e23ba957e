//! The step `counts`: how many instructions kernels, steps and predictions take, counted by valgrind
//! and compared with the recorded numbers.
//!
//! Times depend on the machine and on what else runs there. The number of instructions does not.

use std::collections::BTreeMap;
use std::env::consts::{ARCH, OS};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::apt::{self, Need};
use crate::builds::WHOLE;
use crate::paths;
use crate::process::{cargo, read, run};
use crate::steps::Done;
use crate::table::table;
use crate::toolchain::Rustc;

const VALGRIND: Need = Need { any_of: &["valgrind"], package: "valgrind" };

/// The backends that are counted. Valgrind knows AVX2 but not AVX-512.
const BACKENDS: [&str; 2] = ["scalar", "avx2"];

/// The growth of a number that is allowed, in per cent.
const TOLERANCE: u64 = 2;

/// Numbers of instructions by backend and workload.
type Counts = BTreeMap<(String, String), u64>;

fn path() -> PathBuf {
    paths::root().join("benches/counts/counts.txt")
}

/// Counts the instructions and compares them with the recorded ones.
pub fn check() -> Result<Done> {
    if (OS, ARCH) != ("linux", "x86_64") {
        return Ok(Done::Skipped("instructions are counted on x86-64 under Linux only".to_owned()));
    }
    let text = fs::read_to_string(path()).with_context(|| path().display().to_string())?;
    let (compiler, recorded) = parse(&text)?;
    let now = measure()?;
    println!("{}", report(&recorded, &now));
    judge((&compiler, &recorded), (&Rustc::get()?.release, &now))?;
    Ok(Done::Passed)
}

/// Counts the instructions, and writes the file again.
pub fn record() -> Result<()> {
    let counts = measure()?;
    let missing: Vec<&str> =
        BACKENDS.into_iter().filter(|name| !counts.keys().any(|(one, _)| one == name)).collect();
    ensure!(missing.is_empty(), "this CPU lacks the backend {}", missing.join(", "));
    fs::write(path(), written(&Rustc::get()?.release, &counts))?;
    println!("wrote {}", path().display());
    Ok(())
}

fn measure() -> Result<Counts> {
    apt::ensure(&[VALGRIND])?;
    run(cargo(["build"]).args(WHOLE).args(["--bin", "counts"]))?;
    let folder = paths::side_target("counts");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let mut counts = Counts::new();
    for backend in BACKENDS {
        if backend == "avx2" && !has_avx2() {
            println!("backend avx2: not on this CPU");
            continue;
        }
        for (name, count) in one(backend, &folder)? {
            counts.insert((backend.to_owned(), name), count);
        }
    }
    Ok(counts)
}

fn has_avx2() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// The workloads of one backend in their order.
fn one(backend: &str, folder: &Path) -> Result<Vec<(String, u64)>> {
    // Valgrind writes `NAME.1` where `mark` is entered first, then `NAME.2`, and so on.
    let file = |i: usize| folder.join(format!("{backend}.{i}"));
    let output = format!("--callgrind-out-file={}", folder.join(backend).display());
    let printed = read(
        Command::new("valgrind")
            .args(["--quiet", "--tool=callgrind", "--dump-before=*counts*mark*"])
            .arg(output)
            .arg(paths::target().join("release/counts"))
            .arg(backend),
    )?;
    let names: Vec<&str> = printed.lines().collect();
    ensure!(
        !names.is_empty() && file(2 * names.len()).exists() && !file(2 * names.len() + 1).exists(),
        "valgrind has not counted each of {} workloads of {backend} by itself",
        names.len()
    );
    // Before each workload lies what prepares it.
    let counted = names.iter().enumerate().map(|(i, name)| {
        let file = file(2 * i + 2);
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
        let total = total.with_context(|| format!("{} has no total", file.display()))?;
        Ok(((*name).to_owned(), total.trim().parse()?))
    });
    counted.collect()
}

/// The text of the file: the compiler, then a line for each number.
fn written(compiler: &str, counts: &Counts) -> String {
    let mut text = format!("rustc {compiler}\n");
    for ((backend, name), count) in counts {
        text += &format!("{count} {backend} {name}\n");
    }
    text
}

/// Reads the text of [`written`].
fn parse(text: &str) -> Result<(String, Counts)> {
    let mut lines = text.lines();
    let compiler = lines.next().and_then(|line| line.strip_prefix("rustc "));
    let compiler = compiler.context("the first line must name the compiler: rustc VERSION")?;
    let line = |line: &str| {
        let (count, rest) = line.split_once(' ')?;
        let (backend, name) = rest.split_once(' ')?;
        Some(((backend.to_owned(), name.to_owned()), count.parse().ok()?))
    };
    let counts: Option<Counts> = lines.map(line).collect();
    Ok((compiler.to_owned(), counts.context("a line must be: COUNT BACKEND WORKLOAD")?))
}

/// The table of all workloads: recorded and counted now.
fn report(recorded: &Counts, now: &Counts) -> String {
    let change = |key: &(String, String), now: u64| match recorded.get(key) {
        Some(&old) if old == now => vec![old.to_string(), String::new()],
        Some(&old) => {
            vec![old.to_string(), format!("{:+.1} %", 100.0 * (now as f64 / old as f64 - 1.0))]
        }
        None => vec!["-".to_owned(), "new".to_owned()],
    };
    let rows = now.iter().map(|(key, &count)| {
        let mut row = vec![key.1.clone(), key.0.clone(), count.to_string()];
        row.extend(change(key, count));
        row
    });
    table(&["workload, 16 times", "backend", "instructions", "recorded", "change"], rows, [2, 3, 4])
}

/// Fails if a number has grown, or if one of a counted backend is missing or was never recorded.
fn judge(
    (old_compiler, recorded): (&str, &Counts),
    (compiler, now): (&str, &Counts),
) -> Result<()> {
    let of = |counts: &Counts, backend: &str| counts.keys().any(|(one, _)| one == backend);
    for (key, _) in recorded.iter().filter(|(key, _)| of(now, &key.0)) {
        ensure!(now.contains_key(key), "{} on {} was not counted", key.1, key.0);
    }
    let mut grown = Vec::new();
    for (key, &count) in now {
        let Some(&old) = recorded.get(key) else {
            bail!("{} on {} is not recorded: `cargo xtask bless counts`", key.1, key.0);
        };
        if count * 100 > old * (100 + TOLERANCE) {
            grown.push(format!("{} on {} was {old} and is {count}", key.1, key.0));
        }
    }
    let Some(first) = grown.first() else {
        println!("no number of instructions has grown by more than {TOLERANCE} %");
        return Ok(());
    };
    if compiler != old_compiler {
        println!("not judged: recorded with rustc {old_compiler}, counted with {compiler}");
        return Ok(());
    }
    bail!(
        "{} numbers of instructions have grown by more than {TOLERANCE} %, the first: {first}; if \
         that is meant to be, `cargo xtask bless counts` records them",
        grown.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(rows: &[(&str, &str, u64)]) -> Counts {
        let row = |&(backend, name, count): &(&str, &str, u64)| {
            ((backend.to_owned(), name.to_owned()), count)
        };
        rows.iter().map(row).collect()
    }

    #[test]
    fn growth_fails_with_the_same_compiler_alone() {
        let old = counts(&[("scalar", "xor step", 1000), ("avx2", "xor step", 500)]);
        let now = |count| counts(&[("scalar", "xor step", count)]);
        assert!(judge(("1.2.3", &old), ("1.2.3", &now(1020))).is_ok());
        assert!(judge(("1.2.3", &old), ("1.2.4", &now(1021))).is_ok());
        let error = judge(("1.2.3", &old), ("1.2.3", &now(1021))).expect_err("it has grown");
        assert!(error.to_string().contains("xor step on scalar was 1000 and is 1021"), "{error}");
    }

    #[test]
    fn a_workload_that_is_missing_or_new_fails() {
        let old = counts(&[("scalar", "exp 1000", 7), ("scalar", "xor step", 1000)]);
        let one = counts(&[("scalar", "exp 1000", 7)]);
        let error = judge(("1.2.3", &old), ("1.2.3", &one)).expect_err("one is missing");
        assert_eq!(error.to_string(), "xor step on scalar was not counted");
        let error = judge(("1.2.3", &one), ("1.2.3", &old)).expect_err("one is new");
        assert!(error.to_string().starts_with("xor step on scalar is not recorded"), "{error}");
    }

    #[test]
    fn the_file_is_read_as_it_was_written() {
        let old = counts(&[("avx2", "gemm 4x4x4", 12), ("scalar", "xor step", 1000)]);
        let text = written("1.2.3", &old);
        assert_eq!(text, "rustc 1.2.3\n12 avx2 gemm 4x4x4\n1000 scalar xor step\n");
        assert_eq!(parse(&text).expect("it is well formed"), ("1.2.3".to_owned(), old));
        assert!(parse("rustc 1.2.3\nxor step\n").is_err());
        assert!(parse("").is_err());
    }
}
