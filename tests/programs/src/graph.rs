//! XOR by 2-3-1 through the computational graph.

use crate::{Fingerprint, Program};
use core::{fmt::Write as _, hash::Hasher};
use rosenblatt::{
    Rng,
    init::{GlorotUniform, Initializer},
    prelude::*,
};
use rosenblatt_lecture::graph::{Graph, Node, Operation};

/// Weights and biases: 2·3 + 3 and 3 + 1.
pub type Weights = [f32; 13];
/// Capacity for sample, weights, three hidden units of five nodes, the output unit and the loss.
pub type Xor = Graph<54>;
type At<'g> = Node<'g, 54>;

/// 200 steps of gradient descent on all four samples.
pub struct Train;

/// The nodes for one sample: x, t, loss and output.
fn build<'g>(graph: &'g Xor, weights: &Weights) -> ([At<'g>; 2], At<'g>, At<'g>, At<'g>) {
    let (x, t) = ([0.0; 2].map(|x| graph.input(x).named("x")), graph.input(0.0).named("t"));
    // For each of three hidden units w, w, b; then the output's w, w, w, b.
    let [a, b, c, d, e, f, g, h, i, v, w, y, z] = weights.map(|w| graph.parameter(w).named("w"));
    let hidden =
        [([a, b], c), ([d, e], f), ([g, h], i)].map(|(w, b)| graph.neuron(&x, &w, b).tanh());
    let output = graph.neuron(&hidden, &[v, w, y], z).sigmoid();
    // Divided by 4, because the loss is the mean over the samples.
    (x, t, graph.binary_cross_entropy(&[output], &[t]) / 4.0, output)
}

/// Trains. True if it has learnt XOR; an error if the graph's capacity is too small.
fn train(
    graph: &Xor,
    weights: &mut Weights,
    hash: &mut Fingerprint,
) -> rosenblatt_lecture::Result<bool> {
    let (x, t, loss, output) = build(graph, weights);
    for _ in 0..200 {
        graph.zero_gradients()?;
        for (sample, [target]) in gates::XOR.x.iter().zip(gates::XOR.t) {
            x.iter().zip(sample).try_for_each(|(node, x)| node.set(*x))?;
            t.set(target)?;
            loss.accumulate()?;
        }
        graph.descend(1.0)?;
    }
    let learnt = graph.nodes().filter(|node| node.operation() == Ok(Operation::Parameter));
    for (w, node) in weights.iter_mut().zip(learnt) {
        *w = node.value()?;
    }
    hash.add(weights);
    let mut learnt = true;
    for (sample, [target]) in gates::XOR.x.iter().zip(gates::XOR.t) {
        x.iter().zip(sample).try_for_each(|(node, x)| node.set(*x))?;
        let y = output.value()?;
        learnt &= (y > 0.5) == (target > 0.5);
        hash.add(&[y]);
    }
    Ok(learnt)
}

impl Program for Train {
    const NAME: &'static str = "graph";
    type Net = Weights;
    const NET: Weights = [0.0; 13];
    type Trainer = Xor;
    #[allow(
        clippy::declare_interior_mutable_const,
        reason = "each target takes one copy: its static"
    )]
    const TRAINER: Xor = Xor::new();

    fn run(
        _: Backend,
        weights: &mut Weights,
        graph: &mut Xor,
        spoil: impl FnOnce(&mut [f32]),
    ) -> u64 {
        GlorotUniform.fill(&mut Rng::new(Seed(1957)), 2, 3, weights);
        spoil(weights);
        let mut hash = Fingerprint::default();
        match train(graph, weights, &mut hash) {
            Ok(true) => hash.end(),
            _ => 0,
        }
    }

    fn infer(_: &Weights) -> bool {
        false
    }

    /// One sample forward and backward.
    fn step(_: &mut Weights, graph: &mut Xor) -> bool {
        let Some(x) = graph.nodes().next() else { return false };
        let Some(loss) = graph.nodes().next_back() else { return false };
        x.set(1.0).and_then(|()| loss.backward()).is_ok()
    }
}

/// A neuron as a table, as DOT and as a picture.
pub struct Print;

/// Takes the place of a serial port.
struct Port(fnv::FnvHasher);

impl core::fmt::Write for Port {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

impl Program for Print {
    const NAME: &'static str = "graph-print";
    type Net = [f32; 3];
    const NET: Self::Net = [0.0; 3];
    type Trainer = Graph<24>;
    #[allow(
        clippy::declare_interior_mutable_const,
        reason = "each target takes one copy: its static"
    )]
    const TRAINER: Self::Trainer = Graph::new();

    fn run(
        _: Backend,
        weights: &mut [f32; 3],
        graph: &mut Graph<24>,
        spoil: impl FnOnce(&mut [f32]),
    ) -> u64 {
        *weights = [2.0, -3.0, -3.0];
        spoil(weights);
        let x = [-1.0, -2.0].map(|x| graph.input(x).named("x"));
        let [w1, w2, b] = weights.map(|w| graph.parameter(w));
        let y = graph.neuron(&x, &[w1, w2], b).sigmoid().named("y");
        // The second term is 0 unless a bit of the weight is changed.
        let loss = ((y - 1.0).powi(2) + (w1 - 2.0).powi(2)).named("loss");
        let mut port = Port(fnv::FnvHasher::default());
        match loss.backward() {
            Ok(()) if write!(port, "{graph}\n{}{}", graph.dot(), graph.svg()).is_ok() => {
                port.0.finish()
            }
            _ => 0,
        }
    }

    fn infer(_: &[f32; 3]) -> bool {
        false
    }

    fn step(_: &mut [f32; 3], _: &mut Graph<24>) -> bool {
        false
    }
}
