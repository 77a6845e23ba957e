//! Handwritten digits by a convolutional network. It must classify at least 98 % of 360 unseen
//! images correctly.
//!
//! `cargo run --release --example cnn`

#[path = "../common/mod.rs"]
mod common;

use anyhow::Result;
use bpaf::{Parser, construct};
use common::{
    digits::{self, shade},
    learning::Learning,
};
use rosenblatt::{
    kernels::{F32Array, array::reshape_rows},
    layer::{Map, Same},
    metrics::predicted,
    prelude::*,
};
use static_cell::ConstStaticCell;
use std::{path::PathBuf, process::ExitCode};

const FILTERS: usize = 16;
type Cnn = Mlp<(
    Conv2d<Map<8, 8, 1>, Map<8, 8, FILTERS>, 3, 3, Relu, Same>,
    MaxPool2d<Map<8, 8, FILTERS>, Map<4, 4, FILTERS>, 2>,
    Conv2d<Map<4, 4, FILTERS>, Map<4, 4, 32>, 3, 3, Relu, Same>,
    Flatten<Map<4, 4, 32>, 512>,
    Dropout<[f32; 512], { rate(0.5) }>,
    Dense<512, 10, Softmax>,
)>;
type CnnTrainer = Trainer<Cnn, SparseCategoricalCrossEntropy, Adam, 32>;

/// The share of test images that must be classified correctly.
const GOAL: f32 = 0.98;

// All bits are zero, so they are in .bss as on a chip, and nothing large is built on the stack.
static NET: ConstStaticCell<Cnn> = ConstStaticCell::new(Cnn::ZERO);
static TRAINER: ConstStaticCell<CnnTrainer> = ConstStaticCell::new(CnnTrainer::ZERO);

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
    let epochs = common::option("epochs", "N", "How often the training samples are seen", 50);
    let data = common::data_file("Rows of 64 pixels from 0 to 16, then the digit", digits::FILE);
    construct!(Args { common, epochs, data })
        .to_options()
        .descr(
            "Trains a convolutional network on handwritten digits with Adam. \
             Exit status 1 if it reads less than 98 % of the test images.",
        )
        .run()
}

/// Each image unchanged, and shifted by one pixel to the left, to the right, up and down. A digit
/// is the same at each of these places.
fn shifted(images: &[Map<8, 8, 1>], digits: &[u8]) -> (Vec<Map<8, 8, 1>>, Vec<u8>) {
    let places = [(1, 1), (1, 0), (1, 2), (0, 1), (2, 1)];
    let shift = |image: &Map<8, 8, 1>, (down, right): (usize, usize)| -> Map<8, 8, 1> {
        let pixel = |i: usize, j: usize| {
            let row = (i + 1).checked_sub(down).and_then(|i| image.get(i));
            row.and_then(|row| (j + 1).checked_sub(right).and_then(|j| row.get(j)))
                .copied()
                .unwrap_or([0.0])
        };
        std::array::from_fn(|i| std::array::from_fn(|j| pixel(i, j)))
    };
    let all = places
        .into_iter()
        .flat_map(|place| images.iter().zip(digits).map(move |(x, t)| (shift(x, place), *t)));
    all.unzip()
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
    let (train, test) = digits::split(&args.data, digits::most)?;
    let (images, unseen): (&[Map<8, 8, 1>], &[Map<8, 8, 1>]) =
        (reshape_rows(&train.0), reshape_rows(&test.0));

    println!("{}", Cnn::summary());
    println!("trainer: {} bytes; backend: {backend}", CnnTrainer::BYTES);
    println!("{} samples to learn from, {} to be tested on\n", images.len(), unseen.len());

    let net = NET.take();
    let trainer = TRAINER.take();
    net.initialize(seed);
    let adam = Adam { lr: 0.003, decay: 3e-3, ..Adam::DEFAULT };
    let fit =
        Fit { epochs: args.epochs, shuffle: Some(seed), backend: Some(backend), ..Fit::new(adam) };
    let mut learning = Learning::new(args.epochs);
    let (images, labels) = shifted(images, &train.1);
    let report = trainer.fit_with(
        net,
        Dataset::new(&images, &labels)?,
        &fit,
        &mut OnEpoch(|epoch: &EpochReport| learning.see(epoch)),
    )?;
    learning.end(&report);

    println!("what the first layer looks for, dark to light:");
    draw_filters(net);
    println!("{}", trainer.confusion::<10>(net, Dataset::new(unseen, &test.1)?)?);
    let misread: Vec<_> = (test.0.iter().zip(unseen).zip(&test.1))
        .map(|((pixels, x), t)| {
            (pixels, *t, predicted(&net.on(backend).predict(x)).unwrap_or(usize::MAX))
        })
        .filter(|(_, t, p)| usize::from(*t) != *p)
        .collect();
    digits::draw(&misread);
    let accuracy = trainer.on(backend).evaluate(net, Dataset::new(unseen, &test.1)?)?.accuracy();
    println!("test accuracy {accuracy:.4}");
    println!("weights {:016x}", net.hash());
    learning.plot(args.common.plot.as_deref())?;
    Ok(accuracy >= GOAL)
}

/// Prints the kernels of the first layer side by side. Each is scaled from its least weight to its
/// greatest.
fn draw_filters(net: &Cnn) {
    let kernel = &net.layer::<0>().w;
    for filters in (0..FILTERS).collect::<Vec<_>>().chunks(8) {
        for line in kernel {
            for &f in filters {
                let weights = kernel.as_flat().chunks_exact(FILTERS).map(|weights| weights[f]);
                let (low, high) = weights
                    .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), w| {
                        (low.min(w), high.max(w))
                    });
                print!("  ");
                line.iter()
                    .for_each(|[weights]| print!("{}", shade((weights[f] - low) / (high - low))));
            }
            println!();
        }
        println!();
    }
}
