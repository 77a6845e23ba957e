//! Gradient descent with all samples per step (batch), with some (mini-batch) and with one
//! (stochastic), on a line through noisy points.
//!
//! `cargo run --release --example descent -- --plot descent.svg`

#[path = "../common/mod.rs"]
mod common;

use anyhow::Result;
use bpaf::{Parser, construct};
use common::paths::{self, Landscape, Line, Lines, Panel};
use rosenblatt::{Rng, dataset::Permutation, prelude::*, train::Batch};
use std::process::ExitCode;

/// y = w·x + b. With two parameters, the loss is a surface that can be drawn.
type Plane = Mlp<(Dense<1, 1>,)>;
const SAMPLES: usize = 64;
/// Number of steps in the picture of the paths.
const DRAWN: usize = 120;
type PlaneTrainer = Trainer<Plane, MeanSquaredError, Sgd, SAMPLES>;

/// Command-line arguments.
struct Args {
    common: common::Options,
    /// How often the samples are seen
    epochs: usize,
    /// Learning rate, the same for all three
    lr: f32,
}

/// Parses the command line. Ends the program if an argument is invalid.
fn args() -> Args {
    let common = common::options();
    let epochs = common::option("epochs", "N", "How often the samples are seen", 120);
    let lr = common::option("lr", "RATE", "Learning rate, the same for all three", 0.1);
    construct!(Args { common, epochs, lr })
        .to_options()
        .descr("Fits a line by batch, mini-batch and stochastic gradient descent.")
        .run()
}

fn main() -> ExitCode {
    common::end(
        common::start(|| run(&args())),
        "not all came within 10 % of the least loss; more --epochs or another --lr may help",
    )
}

/// Results of one variant.
struct Descent {
    name: &'static str,
    batch: usize,
    /// The loss over all samples, before the first epoch and after each
    losses: Vec<f32>,
    /// w and b, before the first step and after each
    path: Vec<(f32, f32)>,
}

fn run(args: &Args) -> Result<bool> {
    // Points near 1.5x − 0.5 for x from 0 to 2. All x are positive, so w and b have to move
    // together, along a narrow valley.
    let mut rng = Rng::new(args.common.seed());
    let (x, t): (Vec<_>, Vec<_>) = (0..SAMPLES)
        .map(|_| {
            let x = 2.0 * rng.uniform();
            ([x], [1.5 * x - 0.5 + 0.3 * rng.normal()])
        })
        .unzip();
    let (minimum, least) = least_squares(&x, &t);

    let ways = [
        ("batch", Batch::Full, SAMPLES),
        ("mini-batch", Batch::Mini(8), 8),
        ("stochastic", Batch::Stochastic, 1),
    ];
    let mut descents = Vec::new();
    for (name, batch, m) in ways {
        descents.push(descend(args, name, batch, m, &x, &t)?);
    }

    println!(
        "{SAMPLES} points near y = 1.5x - 0.5; learning rate {}, {} epochs; backend: {}",
        args.lr, args.epochs, args.common.backend
    );
    println!("least loss {least:.5} at w = {:.4}, b = {:.4}\n", minimum.0, minimum.1);
    println!(
        "{:<11} {:>13} {:>14} {:>16} {:>9} {:>9} {:>10}",
        "descent", "samples/step", "steps/epoch", "epochs to +10 %", "w", "b", "loss"
    );
    let mut all = true;
    for descent in &descents {
        let reached = descent.losses.iter().position(|loss| *loss <= 1.1 * least);
        all &= reached.is_some();
        let reached = reached.map_or("never".to_owned(), |epochs| epochs.to_string());
        let (w, b) = descent.path.last().copied().unwrap_or_default();
        let loss = descent.losses.last().copied().unwrap_or(f32::NAN);
        let steps = SAMPLES.div_ceil(descent.batch);
        println!(
            "{:<11} {:>13} {steps:>14} {reached:>16} {w:>9.4} {b:>9.4} {loss:>10.5}",
            descent.name, descent.batch
        );
    }
    if let Some(path) = &args.common.plot {
        draw(path, &x, &t, minimum, least, &descents)?;
        println!("\nplot {}", path.display());
    }
    Ok(all)
}

/// Trains one variant; all have the same start. An epoch does the same as [`Trainer::fit`] with
/// this [`Batch`], but in single steps, to record the path.
fn descend(
    args: &Args,
    name: &'static str,
    batch: Batch,
    m: usize,
    x: &[[f32; 1]],
    t: &[[f32; 1]],
) -> Result<Descent> {
    let (seed, backend, sgd) = (args.common.seed(), args.common.backend, Sgd::with_lr(args.lr));
    let start = {
        let mut net = Plane::ZERO;
        net.set_weights(&[-1.0, 2.5])?;
        net
    };
    let mut net = start.clone();
    let mut trainer = PlaneTrainer::ZERO;
    let at = |net: &Plane| (net.weights()[0], net.weights()[1]);
    let (mut losses, mut path) =
        (vec![trainer.on(backend).evaluate(&net, Dataset::new(x, t)?)?.loss], vec![at(&net)]);
    for epoch in 1..=args.epochs {
        let order = Permutation::new(x.len(), seed, epoch);
        let places: Vec<_> = (0..x.len()).map(|i| order.index(i)).collect();
        for places in places.chunks(m) {
            let (xs, ts): (Vec<_>, Vec<_>) = places.iter().map(|i| (x[*i], t[*i])).unzip();
            trainer.on(backend).step(&mut net, Dataset::new(&xs, &ts)?, &sgd)?;
            path.push(at(&net));
        }
        losses.push(trainer.on(backend).evaluate(&net, Dataset::new(x, t)?)?.loss);
    }

    let mut whole = start;
    trainer.reset();
    let fit = Fit {
        epochs: args.epochs,
        batch: Some(batch),
        shuffle: Some(seed),
        backend: Some(backend),
        ..Fit::new(sgd)
    };
    trainer.fit(&mut whole, Dataset::new(x, t)?, &fit)?;
    assert_eq!(whole.hash(), net.hash(), "fit does the same steps");
    Ok(Descent { name, batch: m, losses, path })
}

/// Mean of (w·x + b − t)².
fn loss(x: &[[f32; 1]], t: &[[f32; 1]], w: f32, b: f32) -> f32 {
    x.iter().zip(t).map(|([x], [t])| (w * x + b - t).powi(2)).sum::<f32>() / x.len() as f32
}

/// The minimum of the loss, by the normal equations.
fn least_squares(x: &[[f32; 1]], t: &[[f32; 1]]) -> ((f32, f32), f32) {
    let n = x.len() as f32;
    let mean =
        |f: &dyn Fn(f32, f32) -> f32| x.iter().zip(t).map(|([x], [t])| f(*x, *t)).sum::<f32>() / n;
    let (x1, t1) = (mean(&|x, _| x), mean(&|_, t| t));
    let w = mean(&|x, t| (x - x1) * (t - t1)) / mean(&|x, _| (x - x1).powi(2));
    let b = t1 - w * x1;
    ((w, b), loss(x, t, w, b))
}

/// Draws the loss over epochs, and the paths over the surface.
fn draw(
    path: &std::path::Path,
    x: &[[f32; 1]],
    t: &[[f32; 1]],
    minimum: (f32, f32),
    least: f32,
    descents: &[Descent],
) -> Result<()> {
    // The smoothest path is drawn last, on top.
    let colors = [5, 4, 2];
    let lines = descents.iter().zip(colors).map(|(descent, color)| Line {
        name: descent.name,
        color,
        points: descent
            .losses
            .iter()
            .enumerate()
            .map(|(epoch, loss)| (epoch as f32, *loss))
            .collect(),
    });
    let curves = Lines {
        title: "loss over all samples".to_owned(),
        x: "epoch",
        y: "loss",
        logarithmic: true,
        lines: lines.collect(),
    };
    let paths = descents.iter().zip(colors).rev().map(|(descent, color)| Line {
        name: descent.name,
        color,
        points: descent.path.iter().take(DRAWN + 1).copied().collect(),
    });
    let backends: Vec<_> = (0..14).map(|i| least * (1.0 + 0.15 * 1.9f32.powi(i))).collect();
    let landscape = Landscape {
        title: format!("the first {DRAWN} steps over the loss surface"),
        axes: ("w", "b"),
        x: -1.5..3.5,
        y: -2.0..3.0,
        height: &|w, b| loss(x, t, w, b),
        levels: &backends,
        minimum,
        paths: paths.collect(),
        legend: true,
    };
    paths::draw(path, 1120, &[(500, vec![Panel::Lines(curves), Panel::Landscape(landscape)])])
}
