//! Real handwritten digits: 1,797 images of 8×8 pixels, 80 % for training, 20 % for the test.
//!
//! `cargo run --release --example digits`

#[path = "../common/mod.rs"]
mod common;

use anyhow::Result;
use bpaf::{Parser, construct};
use common::learning::Learning;
use rosenblatt::{metrics::predicted, prelude::*};
use static_cell::ConstStaticCell;
use std::{path::PathBuf, process::ExitCode};

type Digits = Mlp<(Dense<64, 32, Relu>, Dense<32, 10, Softmax>)>;
type DigitsTrainer = Trainer<Digits, SparseCategoricalCrossEntropy, Adam, 32>;

/// The share of test images that must be classified correctly.
const GOAL: f32 = 0.96;

// All bits are zero, so they are in .bss as on a chip, and nothing large is built on the stack.
static NET: ConstStaticCell<Digits> = ConstStaticCell::new(Digits::ZERO);
static TRAINER: ConstStaticCell<DigitsTrainer> = ConstStaticCell::new(DigitsTrainer::ZERO);

/// Command-line arguments.
struct Args {
    common: common::Options,
    /// How often the training samples are seen
    epochs: usize,
    /// Rows of 64 pixels from 0 to 16, then the digit
    data: PathBuf,
}

/// Parses the command line. Ends the program if an argument is invalid.
fn args() -> Args {
    let common = common::options();
    let epochs = common::option("epochs", "N", "How often the training samples are seen", 30);
    let data =
        common::data_file("Rows of 64 pixels from 0 to 16, then the digit", common::digits::FILE);
    construct!(Args { common, epochs, data })
        .to_options()
        .descr(
            "Trains a 64-32-10 network on handwritten digits with Adam. \
             Exit status 1 if it reads less than 96 % of the test images.",
        )
        .run()
}

fn main() -> ExitCode {
    common::end(
        common::start(|| run(&args())),
        "the test accuracy is below the goal; more --epochs or another --seed may help",
    )
}

/// Trains and reports. True if enough test images are classified correctly.
fn run(args: &Args) -> Result<bool> {
    let (seed, backend) = (args.common.seed(), args.common.backend);
    let (train, test) = common::digits::split(&args.data, common::digits::most)?;

    println!("{}", Digits::summary());
    println!("trainer: {} bytes; backend: {backend}", DigitsTrainer::BYTES);
    println!("{} samples to learn from, {} to be tested on\n", train.0.len(), test.0.len());

    let net = NET.take();
    let trainer = TRAINER.take();
    net.initialize(seed);
    let adam = Adam { lr: 0.005, decay: 1e-3, ..Adam::DEFAULT };
    let fit =
        Fit { epochs: args.epochs, shuffle: Some(seed), backend: Some(backend), ..Fit::new(adam) };
    let mut learning = Learning::new(args.epochs);
    let report = trainer.fit_with(
        net,
        Dataset::new(&train.0, &train.1)?,
        &fit,
        &mut OnEpoch(|epoch: &EpochReport| learning.see(epoch)),
    )?;
    learning.end(&report);

    println!("{}", trainer.confusion::<10>(net, Dataset::new(&test.0, &test.1)?)?);
    let misread: Vec<_> = (test.0.iter().zip(&test.1))
        .map(|(x, t)| (x, *t, predicted(&net.on(backend).predict(x)).unwrap_or(usize::MAX)))
        .filter(|(_, t, p)| usize::from(*t) != *p)
        .collect();
    common::digits::draw(&misread);
    let accuracy = trainer.on(backend).evaluate(net, Dataset::new(&test.0, &test.1)?)?.accuracy();
    println!("test accuracy {accuracy:.4}");
    println!("weights {:016x}", net.hash());
    learning.plot(args.common.plot.as_deref())?;
    Ok(accuracy >= GOAL)
}
