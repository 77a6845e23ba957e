//! `cargo xtask fuzz`: searches for inputs that make a reader of files panic.

use std::fs;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::paths;
use crate::process::{cargo, run};
use crate::table::table;
use crate::toolchain::Rustc;

/// Search with libFuzzer for files that make a reader panic, take long, or take much memory.
///
/// `tool/fuzz/targets.rs` has the targets. `cargo xtask test` runs the same targets on a few
/// thousand inputs each. What is found is written to target/fuzz/found.
#[derive(clap::Args)]
pub struct Args {
    /// Only these targets; may be given several times, or as a list with commas
    #[arg(long, value_name = "TARGET", value_delimiter = ',')]
    only: Vec<String>,

    /// Inputs for each target
    #[arg(long, default_value_t = 1_000_000)]
    runs: u64,
}

/// The targets of `tool/fuzz/targets.rs`.
const TARGETS: [&str; 6] = ["load", "resume", "saved", "net", "file", "weights"];

/// Coverage for libFuzzer, which stable Rust has without a sanitizer.
const COVERAGE: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg=fuzzing",
];

pub fn main(args: &Args) -> Result<()> {
    if let Some(unknown) = args.only.iter().find(|name| !TARGETS.contains(&name.as_str())) {
        bail!("no target {unknown}; there are {}", TARGETS.join(", "));
    }
    let folder = paths::side_target("fuzz");
    let host = &Rustc::get()?.host;
    // With `--target`, the flags do not reach build scripts.
    run(cargo(["build", "--release", "--target", host, "--manifest-path"])
        .arg(paths::root().join("tool/fuzz/Cargo.toml"))
        .arg("--target-dir")
        .arg(&folder)
        .env("RUSTFLAGS", COVERAGE.join(" ")))
    .context("libFuzzer needs a C++ compiler")?;
    let program = folder.join(host).join("release/fuzz");
    let mut rows = Vec::new();
    for name in TARGETS {
        if !args.only.is_empty() && !args.only.iter().any(|only| only == name) {
            continue;
        }
        let place = |kind: &str| folder.join(kind).join(name);
        let (corpus, seeds, found) = (place("corpus"), place("seeds"), place("found"));
        for folder in [&corpus, &seeds, &found] {
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        let start = Instant::now();
        let seed = Command::new(&program)
            .args(["-runs=0", "-verbosity=0"])
            .env("ROSENBLATT_TARGET", name)
            .env("ROSENBLATT_SEEDS", &seeds)
            .status()?;
        ensure!(seed.success(), "the seeds of {name} were not written");
        let status = Command::new(&program)
            .arg(format!("-runs={}", args.runs))
            .args(["-seed=1957", "-max_len=65536", "-timeout=20", "-rss_limit_mb=2048"])
            .args(["-print_final_stats=1", "-verbosity=1"])
            .arg(format!("-artifact_prefix={}/", found.display()))
            .args([&corpus, &seeds])
            .env("ROSENBLATT_TARGET", name)
            .status()?;
        ensure!(status.success(), "target {name}: see above, and {}", found.display());
        let seconds = start.elapsed().as_secs_f64();
        rows.push(vec![name.to_owned(), args.runs.to_string(), format!("{seconds:.0}")]);
    }
    println!("\n{}", table(&["target", "inputs", "seconds"], rows, [1, 2]));
    Ok(())
}
