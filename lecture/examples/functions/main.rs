//! All activations and losses over their range, with their gradients, as the library computes them.
//! Also the sums of softmax, and losses as sums and as means over outputs.
//!
//! `cargo run --release --example functions`

#[path = "../../../examples/common/mod.rs"]
mod common;

use anyhow::Result;
use bpaf::{Parser, construct};
use common::grid::{self, Line, Panel};
use rosenblatt::{
    Rng,
    activation::{Activation, Differentiable, Step},
    kernels::{activation, dispatch},
    loss::{Loss, PerOutput, SumOverOutputs},
    prelude::*,
};
use std::{path::PathBuf, process::ExitCode};

/// Command-line arguments.
struct Args {
    common: common::Options,
}

/// Parses the command line. Ends the program if an argument is invalid.
fn args() -> Args {
    let common = common::options();
    construct!(Args { common })
        .to_options()
        .descr("Draws every activation and loss with its gradient.")
        .run()
}

fn main() -> ExitCode {
    common::end(common::start(|| run(&args())), "a row of softmax does not sum to 1")
}

/// Draws and prints. True if the sums are right.
fn run(args: &Args) -> Result<bool> {
    let backend = args.common.backend;
    let mut panels = vec![
        step(backend),
        curve::<Linear>(backend, "linear: z", (-4.0, 4.0)),
        curve::<Sigmoid>(backend, "sigmoid: 1 / (1 + exp -z)", (-0.25, 1.25)),
        curve::<Tanh>(backend, "tanh", (-1.5, 1.5)),
        curve::<Relu>(backend, "ReLU: z above 0, else 0", (-1.0, 4.0)),
        curve::<LeakyRelu>(backend, "leaky ReLU: z above 0, else 0.3 z", (-2.0, 4.0)),
        softmax(backend),
        exp(backend),
        ln(backend),
    ];
    println!("activations over z, and their slopes\n");
    grid::print(3, (29, 9), &panels);

    println!(
        "losses of one sample over p, the output of a sigmoid; their gradients by p, and by z \
         before the sigmoid\n"
    );
    let losses: Vec<Panel> = [1.0, 0.0].into_iter().flat_map(|t| losses(backend, t)).collect();
    grid::print(3, (29, 9), &losses);
    println!(
        "by z, the squared error's gradient vanishes where the unit is most wrong; the \
         cross-entropy's is p - t\n"
    );
    panels.extend(losses);
    let categorical = [categorical(backend)];
    println!("the loss of one sample over the logit of its class, the others at 1 and 0\n");
    grid::print(3, (29, 9), &categorical);
    panels.extend(categorical);

    let good = row_sums(backend, args.common.seed());
    costs(backend, args.common.seed())?;
    let path = match &args.common.plot {
        Some(path) => path.clone(),
        None => beside_the_program(),
    };
    grid::draw(&path, 3, &panels)?;
    println!("plot {}", path.display());
    Ok(good)
}

/// `functions.svg` in the target folder.
fn beside_the_program() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    // target/release/examples/functions
    let target = program.ancestors().nth(3).filter(|folder| folder.is_dir());
    target.map_or_else(std::env::temp_dir, PathBuf::from).join("functions.svg")
}

/// Evenly spaced from `low` to `high`, both included.
fn arguments(low: f32, high: f32) -> Vec<f32> {
    const N: usize = 400;
    (0..=N).map(|i| low + (high - low) * i as f32 / N as f32).collect()
}

fn line(name: &'static str, x: &[f32], y: impl IntoIterator<Item = f32>) -> Line {
    Line { name, points: x.iter().copied().zip(y).collect() }
}

/// f(z) from the library's forward pass.
fn forward<A: Activation, const N: usize>(
    backend: Backend,
    mut rows: Vec<[f32; N]>,
) -> Vec<[f32; N]> {
    dispatch!(backend, s => A::forward(s, &mut rows));
    rows
}

/// The gradient with respect to z from the library's backward pass. `dy` is the gradient with
/// respect to the outputs.
fn backward<A: Differentiable, const N: usize>(
    backend: Backend,
    y: &[[f32; N]],
    mut dy: Vec<[f32; N]>,
) -> Vec<[f32; N]> {
    dispatch!(backend, s => A::backward(s, y, &mut dy));
    dy
}

/// An activation of one value and its slope.
fn curve<A: Differentiable>(backend: Backend, title: &str, y_range: (f32, f32)) -> Panel {
    let range = (-4.0, 4.0);
    let z = arguments(range.0, range.1);
    let y = forward::<A, 1>(backend, z.iter().map(|z| [*z]).collect());
    let slope = backward::<A, 1>(backend, &y, vec![[1.0]; z.len()]);
    let lines = vec![
        line("f", &z, y.into_iter().flatten()),
        line("slope", &z, slope.into_iter().flatten()),
    ];
    Panel { title: title.to_owned(), x: range, y: y_range, lines }
}

/// The step has no backward pass. Its slope is 0, and undefined at 0.
fn step(backend: Backend) -> Panel {
    let z = arguments(-4.0, 4.0);
    let y = forward::<Step, 1>(backend, z.iter().map(|z| [*z]).collect());
    let lines = vec![line("f", &z, y.into_iter().flatten()), line("no gradient", &[], [])];
    Panel { title: "step: 1 above 0, else 0".to_owned(), x: (-4.0, 4.0), y: (-0.25, 1.25), lines }
}

/// Three probabilities as functions of the first logit, with the others fixed at 1 and 0, and the
/// slope of the first.
fn softmax(backend: Backend) -> Panel {
    let z = arguments(-4.0, 6.0);
    let p = forward::<Softmax, 3>(backend, z.iter().map(|z| [*z, 1.0, 0.0]).collect());
    let slope = backward::<Softmax, 3>(backend, &p, vec![[1.0, 0.0, 0.0]; z.len()]);
    let of = |i: usize| p.iter().map(move |p| p[i]);
    let lines = vec![
        line("p1", &z, of(0)),
        line("slope", &z, slope.iter().map(|dz| dz[0])),
        line("p2", &z, of(1)),
        line("p3", &z, of(2)),
    ];
    Panel { title: "softmax of (z, 1, 0)".to_owned(), x: (-4.0, 6.0), y: (0.0, 1.4), lines }
}

fn exp(backend: Backend) -> Panel {
    let x = arguments(-4.0, 2.0);
    let mut y = x.clone();
    activation::exp(backend, &mut y);
    let mut slope = vec![1.0; x.len()];
    activation::exp_grad(backend, &y, &mut slope);
    Panel {
        title: "exp, which is its own slope".to_owned(),
        x: (-4.0, 2.0),
        y: (0.0, 8.0),
        lines: vec![line("f", &x, y), line("slope", &x, slope)],
    }
}

fn ln(backend: Backend) -> Panel {
    let x = arguments(0.01, 4.0);
    let mut y = x.clone();
    activation::ln(backend, &mut y);
    let mut slope = vec![1.0; x.len()];
    activation::ln_grad(backend, &x, &mut slope);
    Panel {
        title: "ln".to_owned(),
        x: (0.0, 4.0),
        y: (-3.0, 5.0),
        lines: vec![line("f", &x, y), line("slope", &x, slope)],
    }
}

/// A loss of one output p for the target t, and the gradient that the backward pass gets from it.
fn loss<L: Loss<Sigmoid, [f32; 1], Target = [f32; 1]>>(
    backend: Backend,
    p: &[f32],
    t: f32,
) -> (Vec<f32>, Vec<[f32; 1]>) {
    p.iter()
        .map(|p| {
            let mut dy = [[0.0]];
            let loss = dispatch!(backend, s => L::loss(s, &[[*p]], &[[t]], &mut dy));
            (loss, dy[0])
        })
        .unzip()
}

/// Squared error and cross-entropy for one target: values, gradients with respect to p and to z.
fn losses(backend: Backend, t: f32) -> [Panel; 3] {
    let p = arguments(0.005, 0.995);
    let rows: Vec<[f32; 1]> = p.iter().map(|p| [*p]).collect();
    let (squares, squares_by_p) = loss::<MeanSquaredError>(backend, &p, t);
    // Fused with the sigmoid: this is already the gradient with respect to z.
    let (entropy, entropy_by_z) = loss::<BinaryCrossEntropy>(backend, &p, t);
    let squares_by_z = backward::<Sigmoid, 1>(backend, &rows, squares_by_p.clone());
    // With respect to p it is that of −ln p, or of −ln(1 − p), whose inner slope is −1.
    let (inside, sign) =
        if t == 1.0 { (p.clone(), 1.0) } else { (p.iter().map(|p| 1.0 - p).collect(), -1.0) };
    let mut entropy_by_p = vec![-sign; p.len()];
    activation::ln_grad(backend, &inside, &mut entropy_by_p);

    let panel = |title: String, y, squares: Vec<f32>, entropy: Vec<f32>| Panel {
        title,
        x: (0.0, 1.0),
        y,
        lines: vec![line("cross-entropy", &p, entropy), line("squared error", &p, squares)],
    };
    let flat = |rows: Vec<[f32; 1]>| rows.into_iter().flatten().collect();
    let (steep, flat_range) =
        if t == 1.0 { ((-6.0, 1.0), (-1.0, 0.25)) } else { ((-1.0, 6.0), (-0.25, 1.0)) };
    [
        panel(format!("loss over p, t = {t}"), (0.0, 4.0), squares, entropy),
        panel(format!("gradient by p, t = {t}"), steep, flat(squares_by_p), entropy_by_p),
        panel(
            format!("gradient by z over p, t = {t}"),
            flat_range,
            flat(squares_by_z),
            flat(entropy_by_z),
        ),
    ]
}

/// Categorical cross-entropy as a function of the right class's logit, and its gradient with
/// respect to that logit, which is p − 1.
fn categorical(backend: Backend) -> Panel {
    let z = arguments(-4.0, 6.0);
    let p = forward::<Softmax, 3>(backend, z.iter().map(|z| [*z, 1.0, 0.0]).collect());
    let (loss, gradient): (Vec<_>, Vec<_>) = p
        .iter()
        .map(|p| {
            let mut dy = [[0.0; 3]];
            let target = [[1.0, 0.0, 0.0]];
            (
                dispatch!(backend, s => <CategoricalCrossEntropy as Loss<Softmax, _>>::loss(
                    s, &[*p], &target, &mut dy
                )),
                dy[0][0],
            )
        })
        .unzip();
    let lines = vec![line("cross-entropy", &z, loss), line("gradient by z", &z, gradient)];
    Panel {
        title: "-ln p, p = softmax of (z, 1, 0)".to_owned(),
        x: (-4.0, 6.0),
        y: (-1.0, 5.0),
        lines,
    }
}

/// Prints the sums of softmax rows. True if all are 1.
fn row_sums(backend: Backend, seed: Seed) -> bool {
    let mut rng = Rng::new(seed);
    let mut rows = vec![
        [0.0; 4],
        [1.0, 2.0, 3.0, 4.0],
        [1000.0, 0.0, -1000.0, 999.0],
        [-1e-3, 0.0, 1e-3, 88.0],
    ];
    rows.extend((0..3).map(|_| std::array::from_fn(|_| 10.0 * rng.uniform() - 5.0)));
    let probabilities = forward::<Softmax, 4>(backend, rows.clone());
    println!("softmax: rows of any logits become rows of probabilities");
    println!("{:>40}  {:>40} {:>11}", "logits", "probabilities", "sum");
    let mut good = true;
    for (z, p) in rows.iter().zip(&probabilities) {
        let sum: f32 = p.iter().sum();
        good &= (sum - 1.0).abs() < 1e-6;
        let cells = |row: &[f32; 4], digits| row.map(|x| format!("{x:>10.digits$}")).concat();
        println!(" {}  {}  {sum:>9.7}", cells(z, 3), cells(p, 5));
    }
    println!();
    good
}

/// A network of three sigmoid outputs.
type Three = Mlp<(Dense<2, 3, Sigmoid>,)>;

/// The loss of three outputs over four samples, and its gradient with respect to the first bias.
fn cost<L: Loss<Sigmoid, [f32; 3], Target = [f32; 3]>>(
    backend: Backend,
    seed: Seed,
) -> Result<(f32, f32)> {
    let mut net = Three::init(seed);
    let t: [[f32; 3]; 4] =
        std::array::from_fn(|i| [gates::OR.t[i][0], gates::AND.t[i][0], gates::XOR.t[i][0]]);
    let mut trainer = Trainer::<Three, L, Sgd, 4>::ZERO;
    let loss =
        trainer.on(backend).step(&mut net, Dataset::new(&gates::OR.x, &t)?, &Sgd::with_lr(0.0))?;
    Ok((loss, trainer.gradient().b[0]))
}

/// Prints the lecture's cost of a network, summed over the k outputs, and Keras' mean.
fn costs(backend: Backend, seed: Seed) -> Result<()> {
    fn row<L: PerOutput<Sigmoid, [f32; 3], Target = [f32; 3]>>(
        name: &str,
        backend: Backend,
        seed: Seed,
    ) -> Result<()> {
        let (keras, lecture) =
            (cost::<L>(backend, seed)?, cost::<SumOverOutputs<L>>(backend, seed)?);
        for (what, keras, lecture) in
            [("loss", keras.0, lecture.0), ("gradient of b1", keras.1, lecture.1)]
        {
            println!(
                "{name:<22} {what:<15} {keras:>14.7} {lecture:>16.7} {:>10.6}",
                lecture / keras
            );
        }
        Ok(())
    }
    println!(
        "the cost of a network with k = 3 outputs (OR, AND, XOR), before it has learnt anything"
    );
    println!(
        "{:<22} {:<15} {:>14} {:>16} {:>10}",
        "", "", "Keras: mean", "lecture: sum", "quotient"
    );
    row::<BinaryCrossEntropy>("BinaryCrossEntropy", backend, seed)?;
    row::<MeanSquaredError>("MeanSquaredError", backend, seed)?;
    println!(
        "the lecture's is SumOverOutputs<L>, for instance SumOverOutputs<BinaryCrossEntropy>\n"
    );
    Ok(())
}
