//! Real handwritten digits: 1,797 images of 8×8 pixels, 80 % to learn from, 20 % to be tested on.
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
type DigitsTrainer = Trainer<Digits, Adam, SparseCategoricalCrossEntropy, 32>;

/// The share of test images that has to be read rightly.
const GOAL: f32 = 0.96;

// Zero bits in .bss, as on a chip: nothing large is built on the stack.
static NET: ConstStaticCell<Digits> = ConstStaticCell::new(Digits::new());
static TRAINER: ConstStaticCell<DigitsTrainer> = ConstStaticCell::new(DigitsTrainer::new());

/// What it takes.
struct Args {
    common: common::Options,
    /// How often the training samples are seen
    epochs: usize,
    /// Rows of 64 pixels from 0 to 16, then the digit
    data: PathBuf,
}

/// Reads them from the command line; ends the program where one is wrong.
fn args() -> Args {
    let common = common::options();
    let epochs = common::option("epochs", "N", "How often the training samples are seen", 30);
    let data = common::data_file("Rows of 64 pixels from 0 to 16, then the digit", common::digits::FILE);
    construct!(Args { common, epochs, data }).to_options().descr("Trains a 64-32-10 network on handwritten digits with Adam. Exit status 1 if it reads less than 96 % of the test images.").run()
}

fn main() -> ExitCode {
    common::end(
        common::start(|| run(&args())),
        "the test accuracy is below the goal; more --epochs or another --seed may help",
    )
}

/// Trains and reports; whether enough test images are read rightly.
fn run(args: &Args) -> Result<bool> {
    let (seed, level) = (args.common.seed(), args.common.backend);
    let (train, test) = common::digits::split(&args.data, common::digits::most)?;

    println!("{}", Digits::summary());
    println!("trainer: {} bytes; backend: {level}", DigitsTrainer::BYTES);
    println!("{} samples to learn from, {} to be tested on\n", train.0.len(), test.0.len());

    let net = NET.take();
    let trainer = TRAINER.take();
    net.init(seed);
    let adam = Adam { lr: 0.005, decay: 1e-3, ..Adam::DEFAULT };
    let fit = Fit { epochs: args.epochs, shuffle: Some(seed), level, ..Fit::new(adam) };
    let mut learning = Learning::new(args.epochs);
    let report = trainer.fit(net, &train.0, &train.1, &fit, &mut |epoch: &Epoch| learning.see(epoch))?;
    learning.end(&report);

    println!("{}", trainer.confusion::<10>(net, &test.0, &test.1)?);
    let misread: Vec<_> = (test.0.iter().zip(&test.1))
        .map(|(x, t)| (x, *t, predicted(&net.predict_on(level, x)).unwrap_or(usize::MAX)))
        .filter(|(_, t, p)| usize::from(*t) != *p)
        .collect();
    common::digits::draw(&misread);
    let accuracy = trainer.evaluate_on(level, net, &test.0, &test.1)?.accuracy();
    println!("test accuracy {accuracy:.4}");
    println!("weights {:016x}", net.hash());
    learning.plot(args.common.plot.as_deref())?;
    Ok(accuracy >= GOAL)
}
