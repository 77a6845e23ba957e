//! Logistic regression, which is one neuron: 569 breast tumours, told malignant from benign by 30 measurements; 80 % to learn from, 20 % to be tested on.
//!
//! `cargo run --release --example logistic`

#[path = "../common/mod.rs"]
mod common;

use anyhow::Result;
use bpaf::{Parser, construct};
use common::{
    plot::{self, Curve},
    tumours,
};
use rosenblatt::prelude::*;
use std::{ops::ControlFlow, path::PathBuf, process::ExitCode};

/// One neuron: p = σ(w·x + b), the probability of class 1.
type Cells = Mlp<(Neuron<30>,)>;
type CellsTrainer = Trainer<Cells, Sgd, BinaryCrossEntropy, 32>;

/// What the test accuracy must reach.
const GOAL: f32 = 0.95;

/// What it takes.
struct Args {
    common: common::Options,
    /// How often the training samples are seen
    epochs: usize,
    /// Rows of 30 measurements, then 0 (malignant) or 1 (benign)
    data: PathBuf,
}

/// Reads them from the command line; ends the program where one is wrong.
fn args() -> Args {
    let common = common::options();
    let epochs = common::option("epochs", "N", "How often the training samples are seen", 50);
    let data = common::data_file("Rows of 30 measurements, then 0 (malignant) or 1 (benign)", tumours::FILE);
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

/// Trains and reports; the test accuracy.
fn run(args: &Args) -> Result<f32> {
    let (seed, level) = (args.common.seed(), args.common.backend);
    let (train, test) = tumours::split(&args.data, seed)?;
    println!("{}", Cells::summary());
    println!("trainer: {} bytes; backend: {level}", CellsTrainer::BYTES);
    println!("{} samples to learn from, {} to be tested on\n", train.0.len(), test.0.len());

    let mut net = Cells::new();
    net.init(seed);
    let mut trainer = CellsTrainer::new();
    let fit = Fit { epochs: args.epochs, shuffle: Some(seed), level, ..Fit::new(Sgd::with_lr(0.1)) };
    let every = args.epochs.div_ceil(10).max(1);
    let mut losses = Vec::new();
    println!("{:>6} {:>9} {:>9}", "epoch", "loss", "accuracy");
    trainer.fit(&mut net, &train.0, &train.1, &fit, &mut |epoch: &Epoch| {
        losses.push(epoch.loss);
        if epoch.epoch.is_multiple_of(every) || epoch.epoch == 1 {
            println!("{:>6} {:>9.4} {:>9.4}", epoch.epoch, epoch.loss, epoch.accuracy);
        }
        ControlFlow::Continue(())
    })?;

    println!("\non the samples not seen (0 malignant, 1 benign):\n");
    println!("{}", trainer.confusion::<2>(&net, &test.0, &test.1)?);
    strongest(&net);
    let found = trainer.evaluate_on(level, &net, &test.0, &test.1)?;
    println!("test loss {:.4}", found.loss);
    println!("test accuracy {:.4}", found.accuracy());
    println!("weights {:016x}", net.hash());
    if let Some(path) = &args.common.plot {
        plot::draw(path, &[Curve { name: "training loss", values: losses }], None)?;
        println!("plot {}", path.display());
    }
    Ok(found.accuracy())
}

/// The measurements that count most. One deviation more of it multiplies the odds of "benign" by e^w.
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
