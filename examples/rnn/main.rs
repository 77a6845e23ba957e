//! Real handwritten digits read as a sequence, row by row from the top, by a recurrent network.
//!
//! `cargo run --release --example rnn` (or with `-- --cell simple`, `-- --cell lstm`)

#[path = "../common/mod.rs"]
mod common;

use anyhow::Result;
use bpaf::{Parser, construct};
use common::learning::Learning;
use rosenblatt::{
    kernels::array::reshape_rows,
    layer::{Streaming, Trainable},
    metrics::predicted,
    prelude::*,
    sequential::{ComposedOf, Layers},
};
use static_cell::ConstStaticCell;
use std::{fmt, path::PathBuf, process::ExitCode, str::FromStr};

/// The test accuracy that must be reached.
const GOAL: f32 = 0.95;

/// An image as the network reads it: eight steps of eight pixels each.
type Image = [[f32; 8]; 8];
/// The trainer of each network.
type ImageTrainer<T> = Trainer<Mlp<T>, SparseCategoricalCrossEntropy, Adam, 32>;

/// The recurrent layer that reads the rows.
#[derive(Clone, Copy)]
enum Cell {
    Simple,
    Gru,
    Lstm,
}

impl FromStr for Cell {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "simple" => Ok(Self::Simple),
            "gru" => Ok(Self::Gru),
            "lstm" => Ok(Self::Lstm),
            _ => Err("simple, gru or lstm is expected".into()),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Simple => "simple",
            Self::Gru => "gru",
            Self::Lstm => "lstm",
        })
    }
}

/// Command-line arguments.
struct Args {
    common: common::Options,
    /// The recurrent layer
    cell: Cell,
    /// How often the training samples are seen
    epochs: usize,
    /// Rows of 64 pixels from 0 to 16, then the digit
    data: PathBuf,
}

/// Parses the command line. Ends the program if an argument is invalid.
fn args() -> Args {
    let common = common::options();
    let cell = common::option(
        "cell",
        "CELL",
        "The recurrent layer: simple, gru (gated recurrent units) or lstm (long short-term memory)",
        Cell::Gru,
    );
    let epochs = common::option("epochs", "N", "How often the training samples are seen", 60);
    let data =
        common::data_file("Rows of 64 pixels from 0 to 16, then the digit", common::digits::FILE);
    construct!(Args { common, cell, epochs, data })
        .to_options()
        .descr(
            "Trains a recurrent layer of 32 units and a softmax on handwritten digits that are \
             read row by row.",
        )
        .run()
}

/// Runs with the given type of recurrent layer.
macro_rules! with {
    ($cell:ty, $args:expr) => {{
        type Layers = ($cell, Dense<32, 10, Softmax>);
        // All bits are zero, so they are in .bss as on a chip, and nothing large is built on the
        // stack.
        static NET: ConstStaticCell<Mlp<Layers>> = ConstStaticCell::new(Mlp::ZERO);
        static TRAINER: ConstStaticCell<ImageTrainer<Layers>> = ConstStaticCell::new(Trainer::ZERO);
        run(NET.take(), TRAINER.take(), $args)
    }};
}

fn main() -> ExitCode {
    let args = args();
    let accuracy = common::start(|| match args.cell {
        Cell::Simple => with!(Rnn<8, 32, 8>, &args),
        Cell::Gru => with!(Gru<8, 32, 8>, &args),
        Cell::Lstm => with!(Lstm<8, 32, 8>, &args),
    });
    common::end(
        accuracy.map(|accuracy| accuracy >= GOAL),
        "the test accuracy is below the goal; more --epochs or another --seed may help",
    )
}

/// Trains and reports. Gives the test accuracy.
fn run<T>(net: &mut Mlp<T>, trainer: &mut ImageTrainer<T>, args: &Args) -> Result<f32>
where
    T: Layers,
    ComposedOf<T>: Trainable<Input = Image, Output = [f32; 10], OutputActivation = Softmax>
        + Streaming<Frame = [f32; 8], FrameOutput = [f32; 10]>,
{
    let (seed, backend) = (args.common.seed(), args.common.backend);
    let ((train, train_digits), (test, test_digits)) =
        common::digits::split(&args.data, common::digits::most)?;
    let (train, test) = (reshape_rows::<_, Image>(&train), reshape_rows::<_, Image>(&test));

    println!("{}", Mlp::<T>::summary());
    println!("trainer: {} bytes; backend: {backend}", ImageTrainer::<T>::BYTES);
    println!("{} samples to learn from, {} to be tested on\n", train.len(), test.len());

    net.initialize(seed);
    let adam = Adam { lr: 0.01, decay: 2e-3, ..Adam::DEFAULT };
    let fit =
        Fit { epochs: args.epochs, shuffle: Some(seed), backend: Some(backend), ..Fit::new(adam) };
    let mut learning = Learning::new(args.epochs);
    let report = trainer.fit_with(
        net,
        Dataset::new(train, &train_digits)?,
        &fit,
        &mut OnEpoch(|epoch: &EpochReport| learning.see(epoch)),
    )?;
    learning.end(&report);

    println!("{}", trainer.confusion::<10>(net, Dataset::new(test, &test_digits)?)?);
    row_by_row(net, backend, test, &test_digits);
    let accuracy = trainer.on(backend).evaluate(net, Dataset::new(test, &test_digits)?)?.accuracy();
    println!("test accuracy {accuracy:.4}");
    println!("weights {:016x}", net.hash());
    learning.plot(args.common.plot.as_deref())?;
    Ok(accuracy)
}

/// Prints the prediction for a digit after each of its rows, from the state that is kept between
/// rows.
fn row_by_row<T>(net: &Mlp<T>, backend: Backend, images: &[Image], digits: &[u8])
where
    T: Layers,
    ComposedOf<T>:
        Streaming<Input = Image, Frame = [f32; 8], FrameOutput = [f32; 10], Output = [f32; 10]>,
{
    let sure = |image: &Image, digit: u8| net.on(backend).predict(image)[usize::from(digit)] > 0.9;
    let Some((image, digit)) =
        images.iter().zip(digits).find(|(image, digit)| sure(image, **digit))
    else {
        println!("no digit is read with certainty\n");
        return;
    };
    println!("a {digit} comes in row by row; after each row, what it is taken for, in %:");
    println!(
        "  {:<16}     {}   guess",
        "row",
        (0..10).map(|digit| format!("{digit:>4}")).collect::<String>()
    );
    let mut stream = net.stream();
    for row in image {
        let p = stream.on(backend).push(row);
        let percent: String = p.iter().map(|p| format!("{:>4.0}", 100.0 * p)).collect();
        println!(
            "  {}     {percent}   {:>5}  {}",
            common::digits::shades(row),
            predicted(&p).map_or("?".to_owned(), |class| class.to_string()),
            common::digits::shades(&p)
        );
    }
    println!();
}
