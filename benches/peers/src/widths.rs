//! Times networks of many widths and batches. `cargo xtask bench --widths` builds and starts it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use rosenblatt_peers::contender::Peer;
use rosenblatt_peers::curve::{Axis, Curves};
use rosenblatt_peers::data::Data;
use rosenblatt_peers::measure;
use rosenblatt_peers::ours::Ours;
use rosenblatt_peers::process::Program;
use rosenblatt_peers::report::cpu;
use rosenblatt_peers::workload;

/// Times networks of many widths and batches.
#[derive(Parser)]
struct Args {
    /// Time only these workloads, separated by commas: Tw21b32,Iw21b32,Bw32b7
    #[arg(long, value_name = "NAME", value_delimiter = ',', ignore_case = true)]
    only: Vec<String>,
    /// A peer in a program of its own: a command with its arguments, separated by spaces
    #[arg(long, value_name = "COMMAND")]
    program: Vec<String>,
    /// The folder for the data of the programs, the report and the plots
    #[arg(long, value_name = "FOLDER", default_value = "target/peers")]
    out: PathBuf,
}

/// Bytes of stack: a network of width 1,024 with its moments is made there.
const STACK: usize = 256 << 20;

fn main() -> Result<()> {
    let args = Args::parse();
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(move || run(&args))?;
    thread.join().map_err(|_| anyhow!("the bench panicked"))?
}

fn run(args: &Args) -> Result<()> {
    let workloads = workload::chosen(workload::sweep(), &args.only)?;
    let data = Data::with_sweep();
    measure::prove(&data)?;
    let folder = args.out.join("data");
    data.write(&folder)?;

    let mut peers: Vec<Box<dyn Peer>> = Vec::new();
    for one in Ours::backends() {
        peers.push(Box::new(one));
    }
    let ours = peers.len();
    for command in &args.program {
        let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        peers.push(Box::new(Program::start(&words, &folder)?));
    }

    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}")?;
    let bar = ProgressBar::new(workloads.len() as u64).with_style(style);
    let mut results = Vec::new();
    for workload in workloads {
        bar.set_message(workload.name());
        let outcomes = measure::run(&workload, &peers, &data)?;
        // A width or a batch that is in the list but not compiled.
        let found = outcomes.iter().filter(|(place, _)| *place < ours).count();
        ensure!(found == ours, "{workload} is not compiled for each backend");
        results.push((workload, outcomes));
        bar.inc(1);
    }
    bar.finish_and_clear();

    let names = peers.iter().map(|peer| peer.name().to_owned()).collect();
    let curves = Curves { cpu: cpu(), names, ours, results };
    println!("{}", curves.text(false));
    let text = args.out.join("widths.md");
    fs::write(&text, curves.text(true))
        .with_context(|| format!("cannot write {}", text.display()))?;
    println!("the same as Markdown: {}", text.display());
    for (axis, name) in Axis::ALL.into_iter().zip(["widths.svg", "batches.svg"]) {
        let plot = args.out.join(name);
        curves.plot(axis, &plot)?;
        println!("as a plot: {}", plot.display());
    }
    match curves.wrong().len() {
        0 => Ok(()),
        wrong => bail!("{wrong} results were wrong"),
    }
}
