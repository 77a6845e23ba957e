//! Runs every example to its end, on the fastest backend and on the scalar one, with its plot. The
//! output is compared line by line.

use std::fs;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::builds::WHOLE;
use crate::expected;
use crate::flower;
use crate::paths;
use crate::process::{cargo, read, run};
use crate::qemu;
use crate::table::table;

/// Seconds that an example should take on each backend. A slower run is reported. It does not make
/// the step fail, because the machine may be slow.
const LIMIT: f64 = 20.0;

/// The folders of the examples.
const ROOMS: [&str; 2] = ["examples", "lecture/examples"];

/// The examples of the workspace. `common` is their shared code. An example with its own manifest
/// is not part of the workspace.
fn names() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for room in ROOMS {
        for entry in fs::read_dir(paths::root().join(room))? {
            let folder = entry?.path();
            if folder.join("main.rs").exists() && !folder.join("Cargo.toml").exists() {
                names.push(
                    folder.file_name().context("a folder's name")?.to_string_lossy().into_owned(),
                );
            }
        }
    }
    names.sort();
    ensure!(names.iter().any(|name| name == "xor"), "examples/ has no example xor");
    Ok(names)
}

/// Run the examples and compare their output with `expected.txt`.
///
/// Lines that name a backend or a plot are ignored. `cargo xtask test` does more: it also checks
/// the plots, measures the time, and runs the examples on the scalar backend.
#[derive(clap::Args)]
pub struct Args {
    /// Only these; may be given several times, or as a list with commas
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
}

/// The examples that run in an emulator.
const ON_A_CHIP: [&str; 2] = ["cortex-m", "keras-on-chip"];

pub fn main(args: &Args) -> Result<()> {
    compare(&args.only, false)
}

/// Writes the output of all examples to their files, and shows the first changed line of each.
pub fn record() -> Result<()> {
    compare(&[], true)
}

fn compare(only: &[String], update: bool) -> Result<()> {
    let mut all = names()?;
    all.extend(ON_A_CHIP.map(str::to_owned));
    if let Some(unknown) = only.iter().find(|name| !all.contains(name)) {
        bail!("no example {unknown}; there are {}", all.join(", "));
    }
    all.retain(|name| only.is_empty() || only.contains(name));
    let on_a_chip = |name: &String| ON_A_CHIP.contains(&name.as_str());
    let on_the_host: Vec<&String> = all.iter().filter(|name| !on_a_chip(name)).collect();
    if !on_the_host.is_empty() {
        let chosen = on_the_host.iter().flat_map(|name| ["--example", name.as_str()]);
        run(cargo(["build"]).args(WHOLE).args(chosen))?;
    }
    for name in on_the_host {
        let (text, _) = start(name, &[])?;
        expected::check(name, &format!("example {name}"), &text, update)?;
    }
    if all.iter().any(on_a_chip) {
        qemu::example(update)?;
    }
    println!("as expected: {}", all.join(", "));
    Ok(())
}

/// Runs an example that is already built. Returns its output and the seconds that it took.
fn start(name: &str, args: &[&str]) -> Result<(String, f64)> {
    let mut command = Command::new(paths::target().join("release/examples").join(name));
    let before = Instant::now();
    let text = read(command.args(args).current_dir(paths::root()))
        .with_context(|| format!("example {name} {}", args.join(" ")))?;
    Ok((text, before.elapsed().as_secs_f64()))
}

/// Runs the examples for the test command. Each must end with status 0 and print the expected
/// output, on the scalar backend too. An example with the option `--plot` must write a plot. Of the
/// example with Flower, the part in Rust is run.
pub fn run_all() -> Result<()> {
    run(cargo(["build"]).args(WHOLE).arg("--examples"))?;
    let folder = paths::root().join("target/examples");
    fs::create_dir_all(&folder)?;
    let mut rows = Vec::new();
    for name in names()? {
        let start = |args: &[&str]| -> Result<(String, f64)> {
            let (text, seconds) = start(&name, args)?;
            if seconds > LIMIT {
                println!(
                    "example {name} {} took {seconds:.1} s; it should take {LIMIT} s at most",
                    args.join(" ")
                );
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
            let picture = fs::read_to_string(&plot)
                .with_context(|| format!("example {name} wrote no plot"))?;
            ensure!(picture.contains("</svg>"), "{} is not a complete SVG file", plot.display());
        }
        let lines = expected::results(&text).len();
        ensure!(lines > 0, "example {name} prints nothing");
        expected::check(&name, &format!("example {name}"), &text, false)?;
        let scalar = help.contains("--backend");
        if scalar {
            let (text, _) = start(&["--backend", "scalar"])?;
            expected::check(&name, &format!("example {name} --backend scalar"), &text, false)?;
        }
        let yes = |yes: bool| if yes { "yes" } else { "" }.to_owned();
        rows.push(vec![
            name,
            format!("{seconds:.1}"),
            yes(plots),
            lines.to_string(),
            yes(scalar),
            weights(&text).join(", "),
        ]);
    }
    println!(
        "\n{}",
        table(
            &["example", "seconds", "plot", "lines as expected", "on scalar, too", "weights"],
            rows,
            [1, 3]
        )
    );
    flower::test()
}

/// The hashes after `weights` at the start of a line.
fn weights(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.strip_prefix("weights "))
        .map(|hash| hash.trim().to_owned())
        .collect()
}
