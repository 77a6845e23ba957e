//! Every example, run to its end: on the fastest backend and on the scalar one, with its plot.

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::paths;
use crate::process::{cargo, read, run};
use crate::table::table;

/// Seconds that an example may take on each backend.
const LIMIT: f64 = 20.0;

/// The folders of `examples/` that are examples of the workspace: `common` is what they share, and those with a manifest stand alone.
fn names() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(paths::root().join("examples"))? {
        let folder = entry?.path();
        if folder.join("main.rs").exists() && !folder.join("Cargo.toml").exists() {
            names.push(folder.file_name().context("a folder's name")?.to_string_lossy().into_owned());
        }
    }
    names.sort();
    ensure!(names.iter().any(|name| name == "xor"), "examples/ has no example xor");
    Ok(names)
}

/// Runs them. One must end with status 0, within the time; on both backends it must say the same; and there must be a plot where it takes `--plot`.
pub fn run_all() -> Result<()> {
    run(&mut cargo(["build", "--release", "--examples"]))?;
    let folder = paths::root().join("target/examples");
    fs::create_dir_all(&folder)?;
    let mut rows = Vec::new();
    for name in names()? {
        let start = |args: &[&str]| -> Result<(String, f64)> {
            let mut command = cargo(["run", "--release", "--quiet", "--example", &name, "--"]);
            let before = Instant::now();
            let text = read(command.args(args)).with_context(|| format!("example {name} {}", args.join(" ")))?;
            let seconds = before.elapsed().as_secs_f64();
            if seconds > LIMIT {
                bail!("example {name} {} took {seconds:.1} s; at most {LIMIT} s are allowed", args.join(" "));
            }
            Ok((text, seconds))
        };
        let (help, _) = start(&["--help"])?;
        let plot = folder.join(format!("{name}.svg"));
        let _ = fs::remove_file(&plot);
        let plot_name = plot.to_string_lossy();
        let plots = help.contains("--plot");
        let with_plot: &[&str] = if plots { &["--plot", &plot_name] } else { &[] };
        let (text, seconds) = start(with_plot)?;
        if plots {
            let picture = fs::read_to_string(&plot).with_context(|| format!("example {name} has written no plot"))?;
            ensure!(picture.contains("</svg>"), "{} is not a whole SVG file", plot.display());
        }
        let mut lines = 0;
        if help.contains("--backend") {
            let (scalar, _) = start(&["--backend", "scalar"])?;
            let (results, others) = (results(&text), results(&scalar));
            lines = results.len();
            ensure!(lines > 0, "example {name} says nothing");
            if let Some(other) = results.iter().zip(&others).find(|(a, b)| a != b) {
                bail!("example {name} says on the fastest backend and on scalar: {other:?}");
            }
            ensure!(lines == others.len(), "example {name}: {lines} lines, {} on scalar", others.len());
        }
        let plot = if plots { "yes" } else { "" };
        rows.push(vec![name, format!("{seconds:.1}"), plot.into(), lines.to_string(), weights(&text).join(", ")]);
    }
    println!("\n{}", table(&["example", "seconds", "plot", "lines, the same on scalar", "weights"], rows, [1, 3]));
    Ok(())
}

/// What an example has to say, but for the lines that name a backend or a file.
fn results(text: &str) -> Vec<&str> {
    let said = |line: &&str| !line.is_empty() && !line.contains("backend") && !line.contains("plot");
    text.lines().filter(said).collect()
}

/// The hashes after `weights` at the start of a line.
fn weights(text: &str) -> Vec<String> {
    text.lines().filter_map(|line| line.strip_prefix("weights ")).map(|hash| hash.trim().to_owned()).collect()
}
