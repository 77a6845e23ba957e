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
use rosenblatt_peers::report::Report;
use rosenblatt_peers::workload::{self, Workload};

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
    let workloads = chosen(&args.only)?;
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

/// The workloads of these names, or all.
fn chosen(only: &[String]) -> Result<Vec<Workload>> {
    let all = workload::all();
    if only.is_empty() {
        return Ok(all);
    }
    only.iter()
        .map(|name| {
            let same = |one: &&Workload| one.name().eq_ignore_ascii_case(name);
            all.iter().find(same).copied().with_context(|| {
                let names: Vec<String> = all.iter().map(Workload::name).collect();
                format!("no workload {name}; there are {}", names.join(", "))
            })
        })
        .collect()
}

/// The CPU's name, family and model.
fn cpu() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find(|line| line.split(':').next().map(str::trim) == Some(name));
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim())
    };
    match field("model name") {
        Some(name) => {
            let number = |name| field(name).unwrap_or("?");
            format!("{name}, family {} model {}", number("cpu family"), number("model"))
        }
        None => format!("{}, of unknown name", std::env::consts::ARCH),
    }
}
