//! Times Rosenblatt beside its peers. `cargo xtask bench --peers` installs the peers, builds them
//! and starts this program.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use rosenblatt_peers::contender::Peer;
use rosenblatt_peers::data::Data;
use rosenblatt_peers::limits::Limits;
use rosenblatt_peers::measure;
use rosenblatt_peers::ours::Ours;
use rosenblatt_peers::process::Program;
use rosenblatt_peers::report::{Report, cpu};
use rosenblatt_peers::workload;

/// Times Rosenblatt beside its peers.
#[derive(Parser)]
struct Args {
    /// Time only these workloads, separated by commas: T2,I2,gemm64
    #[arg(long, value_name = "NAME", value_delimiter = ',', ignore_case = true)]
    only: Vec<String>,
    /// A peer in a program of its own: a command with its arguments, separated by spaces
    #[arg(long, value_name = "COMMAND")]
    program: Vec<String>,
    /// The folder for the data of the programs, the report and the plot
    #[arg(long, value_name = "FOLDER", default_value = "target/peers")]
    out: PathBuf,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let workloads = workload::chosen(workload::all(), &args.only)?;
    let data = Data::new();
    measure::prove(&data)?;
    let folder = args.out.join("data");
    data.write(&folder)?;

    let ours = Ours::all();
    let count = ours.len();
    let mut peers: Vec<Box<dyn Peer>> = Vec::new();
    for one in ours {
        peers.push(Box::new(one));
    }
    for command in &args.program {
        let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        peers.push(Box::new(Program::start(&words, &folder)?));
    }

    let limits = Limits::measure();
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}")?;
    let bar = ProgressBar::new(workloads.len() as u64).with_style(style);
    let mut results = Vec::new();
    for workload in workloads {
        bar.set_message(workload.name());
        results.push((workload, measure::run(&workload, &peers, &data)?));
        bar.inc(1);
    }
    bar.finish_and_clear();

    let report = Report {
        cpu: cpu(),
        limits,
        names: peers.iter().map(|peer| peer.name().to_owned()).collect(),
        ours: count,
        results,
    };
    println!("{}", report.text(false));
    let (text, plot) = (args.out.join("peers.md"), args.out.join("peers.svg"));
    fs::write(&text, report.text(true))
        .with_context(|| format!("cannot write {}", text.display()))?;
    report.plot(&plot)?;
    println!("the same as Markdown: {}\nas a plot: {}", text.display(), plot.display());
    match report.wrong().len() {
        0 => Ok(()),
        wrong => bail!("{wrong} results were wrong"),
    }
}
