//! Handwritten digits by a convolutional network: at least 98 % of 360 images that it has not seen.
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
    kernels::{Plain, plain::recast},
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
    Dropout<[f32; 512], 1, 2>,
    Dense<512, 10, Softmax>,
)>;
type CnnTrainer = Trainer<Cnn, Adam, SparseCategoricalCrossEntropy, 32>;

/// The share of test images that has to be read rightly.
const GOAL: f32 = 0.98;

// Zero bits in .bss, as on a chip: nothing large is built on the stack.
static NET: ConstStaticCell<Cnn> = ConstStaticCell::new(Cnn::new());
static TRAINER: ConstStaticCell<CnnTrainer> = ConstStaticCell::new(CnnTrainer::new());

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
    let epochs = common::option("epochs", "N", "How often the training samples are seen", 50);
    let data = common::data_file("Rows of 64 pixels from 0 to 16, then the digit", digits::FILE);
    construct!(Args { common, epochs, data }).to_options().descr("Trains a convolutional network on handwritten digits with Adam. Exit status 1 if it reads less than 98 % of the test images.").run()
}

/// Each image as it is, and shifted by one pixel to the left, to the right, up and down: what a digit is does not hang on its place.
fn shifted(images: &[Map<8, 8, 1>], digits: &[u8]) -> (Vec<Map<8, 8, 1>>, Vec<u8>) {
    let places = [(1, 1), (1, 0), (1, 2), (0, 1), (2, 1)];
    let shift = |image: &Map<8, 8, 1>, (down, right): (usize, usize)| -> Map<8, 8, 1> {
        let pixel = |i: usize, j: usize| {
            let row = (i + 1).checked_sub(down).and_then(|i| image.get(i));
            row.and_then(|row| (j + 1).checked_sub(right).and_then(|j| row.get(j))).copied().unwrap_or([0.0])
        };
        std::array::from_fn(|i| std::array::from_fn(|j| pixel(i, j)))
    };
    let all = places.into_iter().flat_map(|place| images.iter().zip(digits).map(move |(x, t)| (shift(x, place), *t)));
    all.unzip()
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
    let (train, test) = digits::split(&args.data, digits::most)?;
    let (images, unseen): (&[Map<8, 8, 1>], &[Map<8, 8, 1>]) = (recast(&train.0), recast(&test.0));

    println!("{}", Cnn::summary());
    println!("trainer: {} bytes; backend: {level}", CnnTrainer::BYTES);
    println!("{} samples to learn from, {} to be tested on\n", images.len(), unseen.len());

    let net = NET.take();
    let trainer = TRAINER.take();
    net.init(seed);
    let adam = Adam { lr: 0.003, decay: 3e-3, ..Adam::DEFAULT };
    let fit = Fit { epochs: args.epochs, shuffle: Some(seed), level, ..Fit::new(adam) };
    let mut learning = Learning::new(args.epochs);
    let (images, labels) = shifted(images, &train.1);
    let report = trainer.fit(net, &images, &labels, &fit, &mut |epoch: &Epoch| learning.see(epoch))?;
    learning.end(&report);

    println!("what the first layer looks for, dark to light:");
    draw_filters(net);
    println!("{}", trainer.confusion::<10>(net, unseen, &test.1)?);
    let misread: Vec<_> = (test.0.iter().zip(unseen).zip(&test.1))
        .map(|((pixels, x), t)| (pixels, *t, predicted(&net.predict_on(level, x)).unwrap_or(usize::MAX)))
        .filter(|(_, t, p)| usize::from(*t) != *p)
        .collect();
    digits::draw(&misread);
    let accuracy = trainer.evaluate_on(level, net, unseen, &test.1)?.accuracy();
    println!("test accuracy {accuracy:.4}");
    println!("weights {:016x}", net.hash());
    learning.plot(args.common.plot.as_deref())?;
    Ok(accuracy >= GOAL)
}

/// The kernels of the first layer side by side, each from its least weight to its greatest.
fn draw_filters(net: &Cnn) {
    let kernel = &net.params().head.w;
    for filters in (0..FILTERS).collect::<Vec<_>>().chunks(8) {
        for line in kernel {
            for &f in filters {
                let weights = kernel.as_flat().chunks_exact(FILTERS).map(|weights| weights[f]);
                let (low, high) =
                    weights.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), w| (low.min(w), high.max(w)));
                print!("  ");
                line.iter().for_each(|[weights]| print!("{}", shade((weights[f] - low) / (high - low))));
            }
            println!();
        }
        println!();
    }
}
