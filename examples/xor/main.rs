//! XOR, which no single unit can learn (Minsky and Papert, 1969), by a network of 2 inputs, 8
//! hidden units and 1 output.
//!
//! `cargo run --release --example xor`

#[path = "../common/mod.rs"]
mod common;

use anyhow::Result;
use bpaf::{Parser, construct};
use common::plot::{self, Curve, Map};
use rosenblatt::prelude::*;
use std::{ops::ControlFlow, process::ExitCode};

type Xor = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;
type XorTrainer = Trainer<Xor, BinaryCrossEntropy, Adam, 4>;

// Known at compile time, as a chip requires.
const _: () = assert!(Xor::BYTES + XorTrainer::BYTES < 2048);

/// Command-line arguments.
struct Args {
    common: common::Options,
    /// How often the four samples are seen
    epochs: usize,
}

/// Parses the command line. Ends the program if an argument is invalid.
fn args() -> Args {
    let common = common::options();
    let epochs = common::option("epochs", "N", "How often the four samples are seen", 500);
    construct!(Args { common, epochs })
        .to_options()
        .descr("Trains a 2-8-1 network on XOR with Adam.")
        .run()
}

fn main() -> ExitCode {
    common::end(
        common::start(|| run(&args())),
        "XOR was not learnt; more --epochs or another --seed may help",
    )
}

/// Trains and reports. True if all four predictions are right.
fn run(args: &Args) -> Result<bool> {
    let backend = args.common.backend;
    println!("{}", Xor::summary());
    println!("trainer: {} bytes; backend: {backend}\n", XorTrainer::BYTES);

    let mut net = Xor::init(args.common.seed());
    let mut trainer = XorTrainer::ZERO;
    let fit = Fit { epochs: args.epochs, backend: Some(backend), ..Fit::new(Adam::with_lr(0.01)) };

    let mut losses = Vec::new();
    let every = args.epochs.div_ceil(10).max(1);
    println!("{:>6} {:>10} {:>9}", "epoch", "loss", "accuracy");
    let mut watch = OnEpoch(|epoch: &EpochReport| {
        losses.push(epoch.loss);
        if epoch.number.is_multiple_of(every) || epoch.number == 1 {
            println!("{:>6} {:>10.6} {:>7.0} %", epoch.number, epoch.loss, 100.0 * epoch.accuracy);
        }
        ControlFlow::Continue(())
    });
    trainer.fit_with(&mut net, &gates::XOR, &fit, &mut watch)?;

    println!("\n{:>3} {:>3} {:>7} {:>11}", "x1", "x2", "target", "prediction");
    let mut right = 0;
    for (x, [t]) in gates::XOR.x.iter().zip(gates::XOR.t) {
        let [y] = net.on(backend).predict(x);
        right += usize::from((y > 0.5) == (t > 0.5));
        println!("{:>3} {:>3} {t:>7} {y:>11.4}", x[0], x[1]);
    }

    picture(&net, backend);
    println!("accuracy {right}/4");
    println!("weights {:016x}", net.hash());
    if let Some(path) = &args.common.plot {
        let map = Map {
            title: "output over both inputs",
            range: (-0.5, 1.5),
            output: &|x1, x2| net.on(backend).predict(&[x1, x2])[0],
            points: gates::XOR.x.into_iter().zip(gates::XOR.t.map(|[t]| t > 0.5)).collect(),
        };
        plot::draw(path, &[Curve { name: "loss", values: losses }], Some(&map))?;
        println!("plot {}", path.display());
    }
    Ok(right == 4)
}

/// Prints the output over the square from −0.5 to 1.5. Darker means nearer to 1. The samples are
/// shown by their targets.
fn picture(net: &Xor, backend: Backend) {
    const ROWS: usize = 17;
    const COLUMNS: usize = 41;
    let at = |i: usize, n: usize| -0.5 + 2.0 * i as f32 / (n - 1) as f32;
    println!("\noutput over x1 (across) and x2 (up), from -0.5 to 1.5");
    for row in (0..ROWS).rev() {
        let line: String = (0..COLUMNS)
            .map(|column| {
                let x = [at(column, COLUMNS), at(row, ROWS)];
                if let Some(i) = gates::XOR.x.iter().position(|sample| *sample == x) {
                    return if gates::XOR.t[i][0] > 0.5 { '1' } else { '0' };
                }
                let [y] = net.on(backend).predict(&x);
                [' ', '░', '▒', '▓', '█'][((y * 5.0) as usize).min(4)]
            })
            .collect();
        println!("  |{line}|");
    }
    println!();
}
