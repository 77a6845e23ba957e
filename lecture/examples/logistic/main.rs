//! Logistic regression, which is one neuron. It classifies 569 breast tumours as malignant or
//! benign from 30 measurements. 80 % are for training, 20 % for the test.
//!
//! `cargo run --release --example logistic`

#[path = "../../../examples/common/mod.rs"]
mod common;

use anyhow::Result;
use bpaf::{Parser, construct};
use common::{
    plot::{self, Curve},
    tumours,
};
use rosenblatt::prelude::*;
use rosenblatt_lecture::Neuron;
use std::{ops::ControlFlow, path::PathBuf, process::ExitCode};

/// The tumours, from the library's repository.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/breast_cancer.csv");

/// One neuron: p = σ(w·x + b), the probability of class 1.
type Cells = Mlp<(Neuron<30>,)>;
type CellsTrainer = Trainer<Cells, BinaryCrossEntropy, Sgd, 32>;

/// The test accuracy that must be reached.
const GOAL: f32 = 0.95;

/// Command-line arguments.
struct Args {
    common: common::Options,
    /// How often the training samples are seen
    epochs: usize,
    /// Rows of 30 measurements, then 0 (malignant) or 1 (benign)
    data: PathBuf,
}

/// Parses the command line. Ends the program if an argument is invalid.
fn args() -> Args {
    let common = common::options();
    let epochs = common::option("epochs", "N", "How often the training samples are seen", 50);
    let data = common::data_file("Rows of 30 measurements, then 0 (malignant) or 1 (benign)", FILE);
    construct!(Args { common, epochs, data })
        .to_options()
        .descr("Trains one sigmoid unit with cross-entropy on breast-cancer data.")
        .run()
}

fn main() -> ExitCode {
    common::end(
        common::start(|| run(&args())).map(|accuracy| accuracy >= GOAL),
        "the test accuracy is below the goal; more --epochs or another --seed may help",
    )
}

/// Trains and reports. Gives the test accuracy.
fn run(args: &Args) -> Result<f32> {
    let (seed, backend) = (args.common.seed(), args.common.backend);
    let (train, test) = tumours::split(&args.data, seed)?;
    println!("{}", Cells::summary());
    println!("trainer: {} bytes; backend: {backend}", CellsTrainer::BYTES);
    println!("{} samples to learn from, {} to be tested on\n", train.0.len(), test.0.len());

    let mut net = Cells::init(seed);
    let mut trainer = CellsTrainer::ZERO;
    let fit = Fit {
        epochs: args.epochs,
        shuffle: Some(seed),
        backend: Some(backend),
        ..Fit::new(Sgd::with_lr(0.1))
    };
    let every = args.epochs.div_ceil(10).max(1);
    let mut losses = Vec::new();
    println!("{:>6} {:>9} {:>9}", "epoch", "loss", "accuracy");
    trainer.fit_with(
        &mut net,
        Dataset::new(&train.0, &train.1)?,
        &fit,
        &mut OnEpoch(|epoch: &EpochReport| {
            losses.push(epoch.loss);
            if epoch.number.is_multiple_of(every) || epoch.number == 1 {
                println!("{:>6} {:>9.4} {:>9.4}", epoch.number, epoch.loss, epoch.accuracy);
            }
            ControlFlow::Continue(())
        }),
    )?;

    println!("\non the samples not seen (0 malignant, 1 benign):\n");
    println!("{}", trainer.confusion::<2>(&net, Dataset::new(&test.0, &test.1)?)?);
    strongest(&net);
    let found = trainer.on(backend).evaluate(&net, Dataset::new(&test.0, &test.1)?)?;
    println!("test loss {:.4}", found.loss);
    println!("test accuracy {:.4}", found.accuracy());
    println!("weights {:016x}", net.hash());
    if let Some(path) = &args.common.plot {
        plot::draw(path, &[Curve { name: "training loss", values: losses }], None)?;
        println!("plot {}", path.display());
    }
    Ok(found.accuracy())
}

/// Prints the measurements with the largest weights. One more standard deviation of a measurement
/// multiplies the odds of "benign" by e^w.
fn strongest(net: &Cells) {
    const OF: [&str; 10] = [
        "radius",
        "texture",
        "perimeter",
        "area",
        "smoothness",
        "compactness",
        "concavity",
        "concave points",
        "symmetry",
        "fractal dimension",
    ];
    const KIND: [&str; 3] = ["mean", "error of", "worst"];
    let mut weights: Vec<(usize, f32)> = net.params().w.iter().map(|[w]| *w).enumerate().collect();
    weights.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    println!("{:<24} {:>8}", "strongest measurements", "weight");
    for (i, w) in weights.iter().take(5) {
        println!("{:<24} {w:>8.3}", format!("{} {}", KIND[i / 10], OF[i % 10]));
    }
    println!("{:<24} {:>8.3}\n", "bias", net.params().b[0]);
}
