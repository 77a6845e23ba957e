//! The computational graph: a neuron's values and gradients at each node, and XOR trained through a
//! graph and, for comparison, by the library.
//!
//! `cargo run --release --example graph`

#[path = "../../../examples/common/mod.rs"]
mod common;

use anyhow::{Context, Result, bail};
use bpaf::{Parser, construct, long};
use rosenblatt::{kernels::F32Array, prelude::*};
use rosenblatt_lecture::graph::{Graph, Node};
use std::process::ExitCode;

/// Number of hidden units.
const H: usize = 4;
type Xor = Mlp<(Dense<2, H, Tanh>, Dense<H, 1, Sigmoid>)>;
type XorTrainer = Trainer<Xor, BinaryCrossEntropy, Sgd, 4>;

/// Capacity for the expression of [`network`].
const ROOM: usize = 65;

// Known at compile time, as a chip requires.
const _: () = assert!(Graph::<ROOM>::BYTES < 4096);

/// Command-line arguments.
struct Args {
    common: common::Options,
    /// Number of steps of gradient descent
    steps: usize,
    /// Learning rate
    lr: f32,
    /// With --plot, draws XOR's network instead of the neuron
    network: bool,
}

/// Parses the command line. Ends the program if an argument is invalid.
fn args() -> Args {
    let common = common::options();
    let steps = common::option("steps", "N", "Steps of gradient descent", 1000);
    let lr = common::option("lr", "LR", "Learning rate", 0.5);
    let network = long("network").help("Draws XOR's network, not the neuron, with --plot").switch();
    construct!(Args { common, steps, lr, network })
        .guard(|args| !args.network || args.common.plot.is_some(), "--network needs --plot FILE")
        .to_options()
        .descr("Shows a neuron as a computational graph, and trains XOR through one.")
        .run()
}

fn main() -> ExitCode {
    common::end(
        common::start(|| run(&args())),
        "XOR was not learnt; more --steps or another --seed may help",
    )
}

/// Prints and trains. True if all four predictions are right.
fn run(args: &Args) -> Result<bool> {
    if let Some(path) = &args.common.plot
        && path.extension().is_none_or(|ending| ending != "svg")
    {
        bail!("{}: the graph is drawn as SVG; the file's name must end in .svg", path.display());
    }
    let picture = neuron()?;
    let (learnt, network) = xor(args)?;
    if let Some(path) = &args.common.plot {
        let picture = if args.network { network } else { picture };
        std::fs::write(path, picture)
            .with_context(|| format!("{} cannot be written", path.display()))?;
        println!("plot {}", path.display());
    }
    Ok(learnt)
}

/// A sigmoid neuron with a squared error, as table, DOT and picture.
fn neuron() -> Result<String> {
    let graph = Graph::<16>::new();
    let (x1, x2) = (graph.input(-1.0).named("x1"), graph.input(-2.0).named("x2"));
    let (w1, w2) = (graph.parameter(2.0).named("w1"), graph.parameter(-3.0).named("w2"));
    let b = graph.parameter(-3.0).named("b");
    let t = graph.input(0.0).named("t");

    let z = (w1 * x1 + w2 * x2 + b).named("z");
    let y = z.sigmoid().named("y");
    let loss = (y - t).powi(2).named("loss");
    loss.backward()?;

    println!(
        "y = sigmoid(w1*x1 + w2*x2 + b), loss = (y - t)^2; gradient: the loss's slope by each \
         node\n"
    );
    println!("{graph}\n");
    println!("for Graphviz (dot -Tsvg):\n\n{}", graph.dot());
    Ok(graph.svg().to_string())
}

/// The nodes of XOR's network for one sample.
struct Network<'g> {
    x: [Node<'g, ROOM>; 2],
    t: Node<'g, ROOM>,
    /// In the order of [`Mlp::weights`]
    weights: Vec<Node<'g, ROOM>>,
    y: Node<'g, ROOM>,
    /// A quarter of the sample's loss, so that four samples give the mean
    loss: Node<'g, ROOM>,
}

/// The network with these weights.
fn network<'g>(graph: &'g Graph<ROOM>, net: &Xor) -> Network<'g> {
    let x = [1, 2].map(|i| graph.input(0.0).numbered("x", i));
    let t = graph.input(0.0).named("t");
    let weights: Vec<_> = net.weights().iter().map(|w| graph.parameter(*w)).collect();
    // In the layers' order: w by inputs, then b.
    let (w, rest) = weights.split_at(2 * H);
    let (b, rest) = rest.split_at(H);
    let h: [_; H] = std::array::from_fn(|j| {
        let number = j as u16 + 1;
        let w = [w[j].numbered("w1", number), w[H + j].numbered("w2", number)];
        graph.neuron(&x, &w, b[j].numbered("b", number)).tanh().numbered("h", number)
    });
    let v = std::array::from_fn(|i| rest[i].numbered("v", i as u16 + 1));
    let y = graph.neuron(&h, &v, rest[H].named("b")).sigmoid().named("y");
    let loss = (graph.binary_cross_entropy(&[y], &[t]) / 4.0).named("loss");
    Network { x, t, weights, y, loss }
}

/// Computes the gradient of the mean loss over all four samples. Gives that loss.
fn gradient(graph: &Graph<ROOM>, net: &Network<'_>) -> rosenblatt_lecture::Result<f32> {
    let mut total = 0.0;
    graph.zero_gradients()?;
    for (x, [t]) in gates::XOR.x.iter().zip(gates::XOR.t) {
        net.x.iter().zip(x).try_for_each(|(node, x)| node.set(*x))?;
        net.t.set(t)?;
        net.loss.accumulate()?;
        total += net.loss.value()?;
    }
    Ok(total)
}

/// Trains through the graph and through the library. Gives whether the graph's outputs are right,
/// and its picture.
fn xor(args: &Args) -> Result<(bool, String)> {
    let backend = args.common.backend;
    let optimizer = Sgd::with_lr(args.lr);
    let mut net = Xor::init(args.common.seed());
    let mut trainer = XorTrainer::ZERO;
    let graph = Graph::<ROOM>::new();
    let nodes = network(&graph, &net);
    println!(
        "XOR by 2-{H}-1: a graph of {} nodes in {} bytes; backend of the library: {backend}\n",
        graph.len(),
        Graph::<ROOM>::BYTES
    );

    let every = args.steps.div_ceil(10).max(1);
    for step in 1..=args.steps {
        let loss = gradient(&graph, &nodes)?;
        let theirs = trainer.on(backend).step(&mut net, &gates::XOR, &optimizer)?;
        if step == 1 {
            side_by_side(&nodes, trainer.gradient().as_flat())?;
            println!(
                "{:>6} {:>12} {:>12} {:>14}",
                "step", "graph's loss", "library's", "weights apart"
            );
        }
        graph.descend(args.lr)?;
        if step == 1 || step.is_multiple_of(every) {
            let mut apart = 0f32;
            for (node, w) in nodes.weights.iter().zip(net.weights()) {
                apart = apart.max((node.value()? - w).abs());
            }
            println!("{step:>6} {loss:>12.6} {theirs:>12.6} {apart:>14.1e}");
        }
    }

    println!("\n{:>3} {:>3} {:>7} {:>12} {:>12}", "x1", "x2", "target", "graph's y", "library's");
    let mut right = 0;
    for (x, [t]) in gates::XOR.x.iter().zip(gates::XOR.t) {
        nodes.x.iter().zip(x).try_for_each(|(node, x)| node.set(*x))?;
        let y = nodes.y.value()?;
        right += usize::from((y > 0.5) == (t > 0.5));
        println!(
            "{:>3} {:>3} {t:>7} {y:>12.4} {:>12.4}",
            x[0],
            x[1],
            net.on(backend).predict(x)[0]
        );
    }
    println!("accuracy {right}/4");
    let weights = nodes
        .weights
        .iter()
        .map(|node| node.value())
        .collect::<rosenblatt_lecture::Result<Vec<_>>>()?;
    println!("weights {:016x}", rosenblatt::hash(&weights));
    Ok((right == 4, graph.svg().to_string()))
}

/// Prints the gradients of the first step.
fn side_by_side(nodes: &Network<'_>, theirs: &[f32]) -> Result<()> {
    println!("the first step's gradients:");
    println!("{:>6} {:>12} {:>12} {:>10}", "weight", "graph", "library", "apart");
    for ((node, theirs), i) in nodes.weights.iter().zip(theirs).zip(0..) {
        let ours = node.gradient()?;
        println!("{i:>6} {ours:>12.8} {theirs:>12.8} {:>10.1e}", (ours - theirs).abs());
    }
    println!();
    Ok(())
}
