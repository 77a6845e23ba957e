//! Logic gates. Rosenblatt's perceptron learns OR, AND and NAND, and proves that it cannot learn
//! XOR. The lecture's network with fixed weights computes XOR.
//!
//! `cargo run --release --example gates`

#[path = "../../../examples/common/mod.rs"]
mod common;

use anyhow::Result;
use bpaf::{Parser, construct};
use common::plot::{self, Curve, Map};
use rosenblatt::{
    gates::Gate,
    kernels::array::{Affine, Join},
    prelude::*,
};
use rosenblatt_lecture::{Error, Perceptron, Separated};
use std::process::ExitCode;

/// XOR with two hidden units.
type Xor = Mlp<(Dense<2, 2, Sigmoid>, Dense<2, 1, Sigmoid>)>;

/// The lecture's weights: h₁ = σ(20x₁ + 20x₂ − 10), h₂ = σ(−20x₁ − 20x₂ + 30), y = σ(20h₁ + 20h₂ −
/// 30).
static BY_HAND: Xor = Mlp::from_params(Join {
    head: Affine { w: [[20.0, -20.0], [20.0, -20.0]], b: [-10.0, 30.0] },
    tail: Affine { w: [[20.0], [20.0]], b: [-30.0] },
});

/// Command-line arguments.
struct Args {
    common: common::Shared,
    /// The learning rate of Rosenblatt's rule
    lr: f32,
    /// How often the four samples are seen, at most
    epochs: usize,
}

/// Parses the command line. Ends the program if an argument is invalid.
fn args() -> Args {
    let common = common::shared();
    let lr = common::option("lr", "X", "The learning rate of Rosenblatt's rule", 1.0);
    let epochs = common::option("epochs", "N", "How often the four samples are seen at most", 100);
    construct!(Args { common, lr, epochs })
        .to_options()
        .descr("Trains perceptrons on logic gates.")
        .run()
}

fn main() -> ExitCode {
    common::end(
        common::start(|| run(&args())),
        "not all ended as they should; more --epochs or another --lr may help",
    )
}

/// True if OR, AND and NAND were learnt, XOR was proved not separable, and the network computes it.
fn run(args: &Args) -> Result<bool> {
    let (lr, epochs) = (args.lr, args.epochs);
    let gates = [("OR", gates::OR), ("AND", gates::AND), ("NAND", gates::NAND)];
    let mut good = true;
    let mut units = Vec::new();

    println!(
        "one perceptron, y = 1 where w1 x1 + w2 x2 + b > 0; w <- w + lr (t - y) x, \
         b <- b + lr (t - y); lr {lr}\n"
    );
    println!(
        "{:<5} {:>10} {:>10} {:>10} {:>7} {:>8}   outcome",
        "gate", "w1", "w2", "b", "epochs", "updates"
    );
    for (name, gate) in gates.into_iter().chain([("XOR", gates::XOR)]) {
        let mut unit = Perceptron::<2>::new();
        let (epochs, updates, outcome) = match unit.fit(&gate.x, &gate.t, lr, epochs) {
            Ok(Separated { epochs, updates }) => {
                (epochs, updates.to_string(), "separated".to_owned())
            }
            Err(Error::NotSeparable { epoch, .. }) => {
                (epoch, String::new(), "not separable, proved below".to_owned())
            }
            Err(error @ Error::NotConverged { epochs, .. }) => {
                (epochs, String::new(), error.to_string())
            }
            Err(error) => return Err(error.into()),
        };
        let Perceptron { w: [w1, w2], b } = unit;
        println!("{name:<5} {w1:>10} {w2:>10} {b:>10} {epochs:>7} {updates:>8}   {outcome}");
        good &= (outcome == "separated") == (name != "XOR");
        units.push((name, gate, unit));
    }

    println!(
        "\nthe lines: x1 across, x2 up, from -0.5 to 1.5; shaded where y = 1; the gate's answers \
         at the corners"
    );
    pictures(&units[..3]);
    good &= certificate(&gates::XOR, lr, epochs)?;
    good &= by_hand(args.common.backend);
    if let Some(path) = &args.common.plot {
        let mistakes =
            gates.map(|(name, gate)| Curve { name, values: mistakes(&gate, lr, epochs) });
        let map = Map {
            title: "XOR by the hand-set network",
            range: (-0.5, 1.5),
            output: &|x1, x2| BY_HAND.on(args.common.backend).predict(&[x1, x2])[0],
            points: gates::XOR.x.into_iter().zip(gates::XOR.t.map(|[t]| t > 0.5)).collect(),
        };
        plot::draw(path, &mistakes, Some(&map))?;
        println!("plot {} (left: mistakes an epoch)", path.display());
    }
    Ok(good)
}

/// Prints units side by side over the square from −0.5 to 1.5.
fn pictures(units: &[(&str, Gate, Perceptron<2>)]) {
    const ROWS: usize = 9;
    const COLUMNS: usize = 21;
    let at = |i: usize, n: usize| -0.5 + 2.0 * i as f32 / (n - 1) as f32;
    println!(
        "{}",
        units
            .iter()
            .map(|(name, ..)| format!("  {name:<width$}", width = COLUMNS + 2))
            .collect::<String>()
    );
    for row in (0..ROWS).rev() {
        for (_, gate, unit) in units {
            let line: String = (0..COLUMNS)
                .map(|column| {
                    let x = [at(column, COLUMNS), at(row, ROWS)];
                    match gate.x.iter().position(|sample| *sample == x) {
                        Some(i) if gate.t[i][0] > 0.5 => '1',
                        Some(_) => '0',
                        None if unit.predict(&x) > 0.5 => '▒',
                        None => ' ',
                    }
                })
                .collect();
            print!("  |{line}|");
        }
        println!();
    }
    println!();
}

/// Runs the rule on a gate until the gate is proved not separable, and prints the proof.
fn certificate(gate: &Gate, lr: f32, epochs: usize) -> Result<bool> {
    let outcome = Perceptron::<2>::new().fit(&gate.x, &gate.t, lr, epochs);
    let Err(error @ Error::NotSeparable { epoch, period, .. }) = outcome else { return Ok(false) };
    println!("XOR is {error}\n");
    println!("{:>6} {:>10} {:>10} {:>10}", "epoch", "w1", "w2", "b");
    // Only the end of a long run is printed.
    const AT_MOST: usize = 8;
    let mut unit = Perceptron::<2>::new();
    let mut counts = [0; 4];
    for now in 0..=epoch {
        for (count, (x, [t])) in counts.iter_mut().zip(gate.x.iter().zip(gate.t)) {
            if now > 0 && unit.learn(x, t, lr)? && now > epoch - period {
                *count += 1;
            }
        }
        let mark =
            if now == epoch || now + period == epoch { "   the same, to the bit" } else { "" };
        if now + AT_MOST > epoch || !mark.is_empty() {
            println!("{now:>6} {:>10} {:>10} {:>10}{mark}", unit.w[0], unit.w[1], unit.b);
        }
    }
    println!(
        "\nthe updates in between, in units of lr: a sample was added where t = 1, taken away \
         where t = 0"
    );
    println!("{:>3} {:>3} {:>7} {:>8} {:>16}", "x1", "x2", "target", "updates", "adds to w1 w2 b");
    let mut sum = [0.0; 3];
    for ((x, [t]), count) in gate.x.iter().zip(gate.t).zip(counts) {
        let times = if t > 0.5 { 1.0 } else { -1.0 } * f64::from(count);
        let adds = [f64::from(x[0]), f64::from(x[1]), 1.0].map(|x| times * x + 0.0);
        sum.iter_mut().zip(adds).for_each(|(sum, add)| *sum += add);
        println!(
            "{:>3} {:>3} {t:>7} {count:>8} {:>8} {:>3} {:>3}",
            x[0], x[1], adds[0], adds[1], adds[2]
        );
    }
    println!("{:>24} {:>8} {:>3} {:>3}", "together", sum[0], sum[1], sum[2]);
    println!(
        "were there a line v1 x1 + v2 x2 + v0 = 0 that parts the samples, each of these updates \
         would add something above 0"
    );
    println!("to v1 w1 + v2 w2 + v0 b, and together they could not be 0: there is no such line\n");
    Ok(sum == [0.0; 3])
}

/// Prints the truth table of the network with fixed weights. True if it is XOR's.
fn by_hand(backend: Backend) -> bool {
    println!(
        "two layers can, with weights set by hand: h1 = s(20 x1 + 20 x2 - 10) is OR, \
         h2 = s(-20 x1 - 20 x2 + 30) is NAND,"
    );
    println!("y = s(20 h1 + 20 h2 - 30) is AND of both; s is the sigmoid");
    println!("{:>3} {:>3} {:>10} {:>10} {:>10} {:>7}", "x1", "x2", "h1", "h2", "y", "target");
    let first = Mlp::<(Dense<2, 2, Sigmoid>,)>::from_params(*BY_HAND.layer::<0>());
    let mut right = true;
    for (x, [t]) in gates::XOR.x.iter().zip(gates::XOR.t) {
        let ([h1, h2], [y]) = (first.on(backend).predict(x), BY_HAND.on(backend).predict(x));
        println!("{:>3} {:>3} {h1:>10.6} {h2:>10.6} {y:>10.6} {t:>7}", x[0], x[1]);
        right &= (y - t).abs() < 1e-3;
    }
    println!();
    right
}

/// The number of mistakes in each epoch, until there are none.
fn mistakes(gate: &Gate, lr: f32, epochs: usize) -> Vec<f32> {
    let mut unit = Perceptron::<2>::new();
    let mut all = Vec::new();
    while all.last() != Some(&0.0) && all.len() < epochs {
        let wrong =
            gate.x.iter().zip(gate.t).filter(|(x, [t])| unit.learn(x, *t, lr) == Ok(true)).count();
        all.push(wrong as f32);
    }
    all
}
