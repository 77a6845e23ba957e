//! Real handwritten digits: 1,797 images of 8×8 pixels, 80 % to learn from, 20 % to be tested on.
//!
//! `cargo run --release --example digits`

#[path = "../common/mod.rs"]
mod common;

use anyhow::Result;
use clap::Parser;
use common::plot::{self, Curve};
use rosenblatt::{metrics::predicted, prelude::*};
use static_cell::ConstStaticCell;
use std::{ops::ControlFlow, path::PathBuf};

type Digits = Mlp<(Dense<64, 32, Relu>, Dense<32, 10, Softmax>)>;
type DigitsTrainer = Trainer<Digits, Adam, SparseCategoricalCrossEntropy, 32>;

// Zero bits in .bss, as on a chip: nothing large is built on the stack.
static NET: ConstStaticCell<Digits> = ConstStaticCell::new(Digits::new());
static TRAINER: ConstStaticCell<DigitsTrainer> = ConstStaticCell::new(DigitsTrainer::new());

/// Trains a 64-32-10 network on handwritten digits with Adam.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    common: common::Options,
    /// How often the training samples are seen
    #[arg(long, value_name = "N", default_value_t = 30)]
    epochs: usize,
    /// Rows of 64 pixels from 0 to 16, then the digit
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/data/digits.csv"))]
    data: PathBuf,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let (seed, level) = (args.common.seed(), args.common.backend);
    let (train, test) = common::data::digits(&args.data)?;

    println!("{}", Digits::summary());
    println!("trainer: {} bytes; backend: {level}", DigitsTrainer::BYTES);
    println!("{} samples to learn from, {} to be tested on\n", train.0.len(), test.0.len());

    let net = NET.take();
    let trainer = TRAINER.take();
    net.init(seed);
    let adam = Adam { lr: 0.005, decay: 1e-3, ..Adam::DEFAULT };
    let fit = Fit { epochs: args.epochs, shuffle: Some(seed), level, ..Fit::new(adam) };
    let mut losses = Vec::new();
    let mut misses = Vec::new();
    let bar = common::progress(args.epochs);
    let report = trainer.fit(net, &train.0, &train.1, &fit, &mut |epoch: &Epoch| {
        losses.push(epoch.loss);
        misses.push(1.0 - epoch.accuracy);
        bar.set_message(format!("loss {:.4}  accuracy {:.3}", epoch.loss, epoch.accuracy));
        bar.inc(1);
        ControlFlow::Continue(())
    })?;
    bar.finish();
    println!("epoch {}: loss {:.4}, training accuracy {:.4}\n", report.epoch, report.loss, report.accuracy);

    println!("{}", trainer.confusion::<10>(net, &test.0, &test.1)?);
    let misread: Vec<_> = (test.0.iter().zip(&test.1))
        .map(|(x, t)| (x, *t, predicted(&net.predict_on(level, x))))
        .filter(|(_, t, p)| usize::from(*t) != *p)
        .collect();
    draw(&misread);
    println!("test accuracy {:.4}", trainer.evaluate_on(level, net, &test.0, &test.1)?.accuracy());
    println!("weights {:016x}", net.hash());
    if let Some(path) = &args.common.plot {
        let curves =
            [Curve { name: "training loss", values: losses }, Curve { name: "training error", values: misses }];
        plot::draw(path, &curves, None)?;
        println!("plot {}", path.display());
    }
    Ok(())
}

/// Some misread digits side by side.
fn draw(misread: &[(&[f32; 64], u8, usize)]) {
    const AT_MOST: usize = 6;
    if misread.is_empty() {
        println!("no digit misread\n");
        return;
    }
    let shown = &misread[..misread.len().min(AT_MOST)];
    println!("{} misread; {} of them:", misread.len(), shown.len());
    for (_, digit, read) in shown {
        print!("  {:<17}", format!("a {digit}, read as {read}"));
    }
    println!();
    for row in 0..8 {
        for (image, ..) in shown {
            print!("  ");
            print!("{}", common::shades(&image[8 * row..8 * row + 8]));
            print!(" ");
        }
        println!();
    }
    println!();
}
