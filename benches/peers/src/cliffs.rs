//! Times this library at many shapes. `cargo xtask bench --cliffs` builds and starts it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use rosenblatt_peers::cliff::{self, Backends};
use rosenblatt_peers::data::Data;
use rosenblatt_peers::measure;
use rosenblatt_peers::ours::Ours;
use rosenblatt_peers::report::cpu;
use rosenblatt_peers::shape::{self, Kernel, Shape};

/// Times this library at many shapes, each beside one that fills the registers.
#[derive(Parser)]
struct Args {
    /// Time only these kernels, separated by commas: gemm_nt,gru. A wrong name lists all
    #[arg(long, value_name = "NAME", value_delimiter = ',', ignore_case = true)]
    only: Vec<String>,
    /// The folder for the report and the plot
    #[arg(long, value_name = "FOLDER", default_value = "target/peers")]
    out: PathBuf,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let kernels = chosen(&args.only)?;
    let data = Data::new();
    measure::prove(&data)?;
    fs::create_dir_all(&args.out).with_context(|| format!("cannot make {}", args.out.display()))?;

    let shapes = shape::shapes(&kernels);
    let all = Ours::backends();
    let mut backends = Vec::new();
    for ours in &all {
        let backend = ours.backend();
        let tile = cliff::tile(backend);
        let (larger, smaller) =
            (shape::with_larger(&shapes, tile), shape::with_smaller(&shapes, tile));
        let bar = ProgressBar::new((larger.len() + smaller.len()) as u64)
            .with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}")?);
        bar.set_message(backend.name());
        let frames = |Shape { kernel, n, .. }: Shape| {
            let cell = kernel.cell().context("no cell")?;
            ours.frame(cell, n, &data)?.with_context(|| format!("{n} units are not compiled"))
        };
        let run = |pairs: Vec<shape::Pair>| -> Result<Vec<_>> {
            let one = |pair| {
                bar.inc(1);
                cliff::run(backend, pair, &data, &frames)
            };
            pairs.into_iter().map(one).collect()
        };
        let (larger, smaller) = (run(larger)?, run(smaller)?);
        bar.finish_and_clear();
        backends.push(Backends { name: backend.name().to_owned(), tile, larger, smaller });
    }

    println!("{}", cliff::text(&cpu(), &backends, false));
    let (text, plot) = (args.out.join("cliffs.md"), args.out.join("cliffs.svg"));
    fs::write(&text, cliff::text(&cpu(), &backends, true))
        .with_context(|| format!("cannot write {}", text.display()))?;
    cliff::plot(&cpu(), &backends, &plot)?;
    println!("the same as Markdown: {}\nas a plot: {}", text.display(), plot.display());
    Ok(())
}

/// The kernels of these names, or all.
fn chosen(only: &[String]) -> Result<Vec<Kernel>> {
    let wanted = |name: &str| only.iter().any(|one| one.eq_ignore_ascii_case(name));
    for name in only {
        let known = Kernel::ALL.map(Kernel::name);
        ensure!(
            known.iter().any(|one| one.eq_ignore_ascii_case(name)),
            "no kernel {name}; there are {}",
            known.join(", ")
        );
    }
    let all = Kernel::ALL.into_iter();
    Ok(all.filter(|kernel| only.is_empty() || wanted(kernel.name())).collect())
}
