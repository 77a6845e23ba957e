//! `cargo xtask bench --wasm`: the backend for wasm beside the scalar one, timed under node.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::apt;
use crate::paths;
use crate::process;
use crate::table::table;
use crate::toolchain::Target;
use crate::wasm::{NODE, SIMD};

/// A workload and its nanoseconds.
type Timed = (String, f64);

/// Builds the module with and without SIMD, times both in turn, prints a table, and writes it into
/// `out`.
pub fn run(out: &Path) -> Result<()> {
    apt::ensure(&[NODE])?;
    let target = Target::prepare("wasm32-unknown-unknown")?;
    let scalar = build(target, "wasm-bench-scalar", "")?;
    let simd = build(target, "wasm-bench-simd", SIMD)?;
    let mut runs = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        runs.0.push(time(&scalar)?);
        runs.1.push(time(&simd)?);
    }
    let text = report(&best(&runs.0), &best(&runs.1))?;
    let node = process::read(node().arg("--version"))?;
    println!("\n{text}\nnode {}, the least of {RUNS} runs", node.trim());
    let file = out.join("wasm.txt");
    fs::write(&file, &text).with_context(|| format!("cannot write {}", file.display()))?;
    println!("the same as a file: {}", file.display());
    Ok(())
}

/// Each module runs so many times. The machine may do something else meanwhile.
const RUNS: usize = 3;

fn node() -> Command {
    Command::new(NODE.found().expect("installed before the first run"))
}

/// Compiles the module with these flags. Returns its path.
fn build(target: Target, folder: &str, flags: &str) -> Result<std::path::PathBuf> {
    // All of the standard library: the workloads allocate.
    let mut command = target.cargo("build", folder, "", ["--quiet", "--release"]);
    command.env(target.variable("RUSTFLAGS"), flags).arg("--manifest-path");
    process::run(command.arg(paths::root().join("benches/wasm/Cargo.toml")))?;
    Ok(target.release_folder(folder).join("rosenblatt_wasm_bench.wasm"))
}

fn time(module: &Path) -> Result<Vec<Timed>> {
    let script = paths::root().join("benches/wasm/run.mjs");
    let printed = process::read(node().arg(script).arg(module))?;
    let timed: Option<Vec<Timed>> = printed.lines().map(line).collect();
    timed.with_context(|| format!("the module printed {printed:?}"))
}

/// A line of the script: a name, a tab, nanoseconds.
fn line(line: &str) -> Option<Timed> {
    let (name, time) = line.split_once('\t')?;
    let time: f64 = time.parse().ok()?;
    (time > 0.0).then(|| (name.to_owned(), time))
}

/// The least time of each workload, in the order of the first run.
fn best(runs: &[Vec<Timed>]) -> Vec<Timed> {
    let mut least: BTreeMap<&str, f64> = BTreeMap::new();
    for (name, time) in runs.iter().flatten() {
        least.entry(name).and_modify(|least| *least = least.min(*time)).or_insert(*time);
    }
    let first = runs.first().into_iter().flatten();
    first.map(|(name, _)| (name.clone(), least[name.as_str()])).collect()
}

fn report(scalar: &[Timed], simd: &[Timed]) -> Result<String> {
    let names =
        |timed: &[Timed]| -> Vec<String> { timed.iter().map(|(name, _)| name.clone()).collect() };
    ensure!(
        !scalar.is_empty() && names(scalar) == names(simd),
        "the two modules timed different workloads"
    );
    let rows = scalar.iter().zip(simd).map(|((name, scalar), (_, simd))| {
        let numbers =
            [format!("{scalar:.0}"), format!("{simd:.0}"), format!("{:.2}", simd / scalar)];
        [vec![name.clone()], numbers.to_vec()].concat()
    });
    Ok(table(&["under node, ns a call", "scalar", "SIMD", "SIMD to scalar"], rows, 1..4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_time_counts() {
        let run = |a, b| vec![("a".to_owned(), a), ("b".to_owned(), b)];
        let (scalar, simd) = (best(&[run(4.0, 9.0), run(6.0, 8.0)]), best(&[run(2.0, 8.0)]));
        assert_eq!(scalar, run(4.0, 8.0));
        let text = report(&scalar, &simd).unwrap();
        let cells: Vec<Vec<&str>> =
            text.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(cells, [["a", "4", "2", "0.50"], ["b", "8", "8", "1.00"]]);
        assert!(report(&scalar, &simd[..1]).is_err());
        assert!(report(&[], &[]).is_err());
    }

    #[test]
    fn lines_of_the_script() {
        assert_eq!(line("xor step\t12.5"), Some(("xor step".to_owned(), 12.5)));
        assert_eq!(line("xor step"), None);
        assert_eq!(line("xor step\t0"), None);
        assert_eq!(line("xor step\tNaN"), None);
    }
}
