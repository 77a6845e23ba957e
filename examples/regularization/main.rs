//! Few samples, some with a wrong label, and a wide network. The network memorizes them, the wrong
//! ones too. The example compares the effects of regularization, dropout and batch normalization.
//!
//! `cargo run --release --example regularization -- --plot losses.svg`

#[path = "../common/mod.rs"]
mod common;

use anyhow::{Result, ensure};
use bpaf::{Parser, construct};
use common::{
    digits::Samples,
    plot::{self, Pair},
};
use rosenblatt::{
    Rng,
    init::HeUniform,
    layer::{Activate, DenseL1, DenseL2, Layer, Trainable},
    prelude::*,
    sequential::Layers,
};
use std::{path::PathBuf, process::ExitCode};

/// Units of the hidden layer. With 10 classes the network has about 9,600 weights, for 300 samples.
const WIDE: usize = 128;

// Five variants of one network: 64 pixels, a wide layer, ten digits.
type Plain = (Dense<64, WIDE, Relu>, Dense<WIDE, 10, Softmax>);
type Ridge = (DenseL2<64, WIDE, Relu, 1, 200>, DenseL2<WIDE, 10, Softmax, 1, 200>);
type Lasso = (DenseL1<64, WIDE, Relu, 1, 1000>, DenseL1<WIDE, 10, Softmax, 1, 1000>);
type Dropped =
    (Dense<64, WIDE, Relu>, Dropout<[f32; WIDE], { rate(0.5) }>, Dense<WIDE, 10, Softmax>);
type Normed = (
    Dense<64, WIDE>,
    BatchNorm<[f32; WIDE]>,
    Activate<[f32; WIDE], Relu>,
    Dense<WIDE, 10, Softmax>,
);

/// Command-line arguments.
struct Args {
    common: common::Options,
    /// How often the training samples are seen
    epochs: u32,
    /// Samples to learn from; the others are for the test
    samples: u16,
    /// Percent of the training samples that get a wrong label
    wrong: u32,
    /// Rows of 64 pixels from 0 to 16, then the digit
    data: PathBuf,
}

/// Parses the command line. Ends the program if an argument is invalid.
fn args() -> Args {
    let common = common::options();
    let epochs =
        common::number("epochs", "How often the training samples are seen", 100, 1..=u32::MAX);
    let samples = common::number(
        "samples",
        "Samples to learn from; the others are for the test",
        300,
        1..=1796,
    );
    let wrong = common::number(
        "wrong",
        "Percent of the training samples that get a wrong label",
        20,
        0..=50,
    );
    let data =
        common::data_file("Rows of 64 pixels from 0 to 16, then the digit", common::digits::FILE);
    construct!(Args { common, epochs, samples, wrong, data })
        .to_options()
        .descr(
            "Trains a wide network on few handwritten digits: plain, and with L2, L1, dropout and \
             batch normalization.",
        )
        .run()
}

/// Results of one network.
struct Outcome {
    /// Mean −ln p of the right digit per epoch, over the training samples and over the others,
    /// without penalties
    losses: [Vec<f32>; 2],
    /// Over the training samples and over the others
    accuracy: [f32; 2],
    /// Share of the wide layer's weights that are nearly 0
    near_zero: f32,
    /// Σw² of these weights
    squares: f32,
    hash: u64,
}

fn main() -> ExitCode {
    common::end(common::start(|| compare(&args())).map(|()| true), "")
}

/// Trains all five and reports. The result is an error if one does not have its expected effect.
fn compare(args: &Args) -> Result<()> {
    let (train, test) = split(args)?;
    println!(
        "64-{WIDE}-10 with Adam, {} epochs: {} samples to learn from ({} % with a wrong label), {} \
         to be tested on; backend: {}\n",
        args.epochs,
        train.0.len(),
        args.wrong,
        test.0.len(),
        args.common.backend
    );
    let outcomes = [
        ("plain", run::<Plain>(args, &train, &test)?),
        ("L2, 0.005·Σw²", run::<Ridge>(args, &train, &test)?),
        ("L1, 0.001·Σ|w|", run::<Lasso>(args, &train, &test)?),
        ("dropout of a half", run::<Dropped>(args, &train, &test)?),
        ("batch normalization", run::<Normed>(args, &train, &test)?),
    ];

    println!("                           loss           accuracy        weights");
    println!("                     training   test   training   test   near 0    Σw²   hash");
    for (name, Outcome { losses, accuracy: [known, new], near_zero, squares, hash }) in &outcomes {
        let [training, test] =
            losses.each_ref().map(|values| values.last().copied().unwrap_or(f32::NAN));
        let share = 100.0 * near_zero;
        println!(
            "{name:<20} {training:>8.3} {test:>6.3}   {known:>8.3} {new:>6.3}  {share:>5.1} %  \
             {squares:>5.1}   {hash:016x}"
        );
    }
    println!(
        "\nloss: the mean of −ln p over the samples, without penalties; weights: the wide layer's, \
         near 0 below 0.001"
    );

    if let Some(path) = &args.common.plot {
        let pairs: Vec<_> = outcomes
            .iter()
            .map(|(name, outcome)| Pair {
                name,
                strong: &outcome.losses[1],
                faint: &outcome.losses[0],
            })
            .collect();
        plot::pairs(path, "loss: test strong, training faint", &pairs)?;
        println!("plot {}", path.display());
    }

    let [plain, ridge, lasso, dropped, _] = outcomes.each_ref().map(|(_, outcome)| outcome);
    for (name, outcome) in &outcomes {
        ensure!(
            outcome.accuracy[1] > 0.5,
            "{name} did not learn the digits: a share of {} is read",
            outcome.accuracy[1]
        );
    }
    ensure!(ridge.squares < plain.squares / 2.0, "L2 did not keep the weights small");
    ensure!(lasso.near_zero > 0.3 && plain.near_zero < 0.1, "L1 did not draw the weights to zero");
    // With few wrong labels the plain network is as good as the others.
    for (name, outcome) in [("L2", ridge), ("L1", lasso), ("dropout", dropped)]
        .into_iter()
        .filter(|_| args.wrong >= 10)
    {
        let final_loss = |outcome: &Outcome| outcome.losses[1].last().copied().unwrap_or(f32::NAN);
        ensure!(
            final_loss(outcome) < final_loss(plain),
            "{name} did not help: the test loss is no smaller than plain"
        );
    }
    Ok(())
}

/// The first samples, some of them with a wrong label, and the rest.
fn split(args: &Args) -> Result<(Samples, Samples)> {
    let (mut train, test) = common::digits::split(&args.data, |_| usize::from(args.samples))?;
    let mut rng = Rng::new(Seed(1957));
    for t in &mut train.1 {
        if rng.next_u32() % 100 < args.wrong {
            *t = (*t + 1 + (rng.next_u32() % 9) as u8) % 10;
        }
    }
    Ok((train, test))
}

/// Trains one network.
fn run<T>(args: &Args, train: &Samples, test: &Samples) -> Result<Outcome>
where
    T: Layers<
        Composed: Trainable<Input = [f32; 64], Output = [f32; 10]>
                      + Layer<OutputActivation = Softmax>,
    >,
{
    let (seed, backend) = (args.common.seed(), args.common.backend);
    let mut net = Box::new(Mlp::<T>::ZERO);
    let mut trainer = Box::new(Trainer::<Mlp<T>, SparseCategoricalCrossEntropy, Adam, 20>::ZERO);
    net.initialize_with(&HeUniform, seed);
    let (mut losses, mut accuracy) = ([Vec::new(), Vec::new()], [0.0; 2]);
    for epoch in 0..args.epochs {
        let order = Seed(seed.0.wrapping_add(u64::from(epoch)));
        let fit =
            Fit { shuffle: Some(order), backend: Some(backend), ..Fit::new(Adam::with_lr(0.003)) };
        trainer.fit(&mut net, Dataset::new(&train.0, &train.1)?, &fit)?;
        for (i, (x, t)) in [train, test].into_iter().enumerate() {
            let mut y = vec![[0.0; 10]; x.len()];
            net.on(backend).predict_batch(x, &mut y)?;
            let right = |(y, t): (&[f32; 10], &u8)| -> (f32, usize) {
                let p = y[usize::from(*t)];
                (-p.max(1e-7).ln(), usize::from(y.iter().all(|other| *other <= p)))
            };
            let (loss, hits) = y
                .iter()
                .zip(t)
                .map(right)
                .fold((0.0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            losses[i].push(loss / x.len() as f32);
            accuracy[i] = hits as f32 / x.len() as f32;
        }
    }
    let wide = &net.weights()[..64 * WIDE];
    let near_zero = wide.iter().filter(|w| w.abs() < 1e-3).count() as f32 / wide.len() as f32;
    let squares = wide.iter().map(|w| w * w).sum();
    Ok(Outcome { losses, accuracy, near_zero, squares, hash: net.hash() })
}
