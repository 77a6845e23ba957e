//! The graph as an independent check of the networks' backward pass. The same network, once as
//! layers and once as nodes, has the same gradients within rounding.

use crate::support::dataset;
use crate::support::{bits, draw, judge::Judged, roomy, samples};
use rosenblatt::{
    Rng,
    kernels::F32Array,
    layer::{Description, Layer, Trainable},
    prelude::*,
    sequential::{ComposedOf, Layers},
};
use rosenblatt_lecture::graph::{Graph, Node};

/// Capacity for four samples of the largest network in one graph.
const ROOM: usize = 1500;
type N<'g> = Node<'g, ROOM>;

/// Relative tolerance between graph and network: some tens of roundings of 6e-8 each.
const RELATIVE: f32 = 2e-5;
/// Tolerance where a gradient's terms cancel: this share of the network's greatest gradient.
const FLOOR: f32 = 1e-6;

/// A loss that the graph supports.
trait Expressed<OutputActivation, const O: usize>: Judged<OutputActivation, O> {
    fn node<'g>(graph: &'g Graph<ROOM>, y: &[N<'g>; O], t: &[N<'g>; O]) -> N<'g>;
    fn values(t: &Self::Target) -> [f32; O];
}

macro_rules! expressed {
    ($($loss:ident, $head:ident $(: $generic:ident)?, $method:ident;)*) => {$(
        impl<$($generic,)? const O: usize> Expressed<$head, O> for $loss {
            fn node<'g>(graph: &'g Graph<ROOM>, y: &[N<'g>; O], t: &[N<'g>; O]) -> N<'g> {
                graph.$method(y, t)
            }
            fn values(t: &[f32; O]) -> [f32; O] {
                *t
            }
        }
    )*};
}
expressed! {
    MeanSquaredError, OutputActivation: OutputActivation, mean_squared_error;
    BinaryCrossEntropy, Sigmoid, binary_cross_entropy;
    CategoricalCrossEntropy, Softmax, categorical_cross_entropy;
}

/// The layers of a network as nodes, with `weights` in the order of [`Mlp::weights`].
fn layers<'g>(
    graph: &'g Graph<ROOM>,
    layers: &[Description],
    weights: &[N<'g>],
    x: &[N<'g>],
) -> Vec<N<'g>> {
    let mut h = x.to_vec();
    let mut rest = weights;
    for layer in layers {
        let (w, tail) = rest.split_at(layer.inputs * layer.outputs);
        let (b, tail) = tail.split_at(layer.outputs);
        rest = tail;
        let z: Vec<N<'g>> = (0..layer.outputs)
            .map(|j| (0..layer.inputs).fold(b[j], |z, i| z + h[i] * w[i * layer.outputs + j]))
            .collect();
        let each = |f: fn(N<'g>) -> N<'g>| z.iter().map(|z| f(*z)).collect();
        h = match layer.activation {
            "linear" => z,
            "sigmoid" => each(N::sigmoid),
            "tanh" => each(N::tanh),
            "relu" => each(N::relu),
            "softmax" => match z.as_slice() {
                &[a, b, c] => graph.softmax(&[a, b, c]).to_vec(),
                _ => panic!("three classes"),
            },
            other => panic!("no node is named {other}"),
        };
    }
    h
}

fn describe<T: Layers>() -> Vec<Description> {
    let mut all = Vec::new();
    ComposedOf::<T>::describe(&mut |layer| all.push(*layer));
    all
}

/// The greatest deviation as a share of the tolerance.
fn compare(what: &str, got: &[f32], want: &[f32]) -> f32 {
    assert_eq!(got.len(), want.len());
    let top = want.iter().fold(0f32, |top, want| top.max(want.abs()));
    let mut worst = 0f32;
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        let share = (got - want).abs() / (RELATIVE * want.abs() + FLOOR * top);
        assert!(share <= 1.0, "{what}, parameter {i}: the graph has {got}, the network {want}");
        worst = worst.max(share);
    }
    worst
}

/// Compares gradients and loss of `M` samples, for several seeds: by one graph of a single sample,
/// by one graph of all samples, and by the network.
fn witness<T, L, const I: usize, const O: usize>(name: &str)
where
    T: Layers<Composed: Trainable<Input = [f32; I], Output = [f32; O]>>,
    L: Expressed<<ComposedOf<T> as Layer>::OutputActivation, O>,
{
    const M: usize = 4;
    let description = describe::<T>();
    let mut worst = 0f32;
    for seed in 0..20 {
        let mut rng = Rng::new(Seed(seed));
        let mut net = Mlp::<T>::init(Seed(seed));
        net.params_mut().as_flat_mut().iter_mut().for_each(|w| *w += draw(&mut rng, 0.5));
        let x: Vec<[f32; I]> = samples(&mut rng, M, 1.5);
        let t: Vec<L::Target> = (0..M).map(|_| L::target(&mut rng)).collect();

        let one = Box::new(Graph::<ROOM>::new());
        let weights: Vec<N<'_>> = net.weights().iter().map(|w| one.parameter(*w)).collect();
        let inputs: [N<'_>; I] = std::array::from_fn(|_| one.input(0.0));
        let targets: [N<'_>; O] = std::array::from_fn(|_| one.input(0.0));
        let y: [N<'_>; O] =
            layers(&one, &description, &weights, &inputs).try_into().expect("O outputs");
        let loss = L::node(&one, &y, &targets) / M as f32;
        let mut total = 0.0;
        one.zero_gradients().expect("room");
        for (x, t) in x.iter().zip(&t) {
            for (node, value) in inputs.iter().zip(x).chain(targets.iter().zip(&L::values(t))) {
                node.set(*value).expect("an input");
            }
            loss.accumulate().expect("room");
            total += loss.value().expect("room");
            let y = y.map(|y| y.value().expect("room"));
            // A layer adds its products in the nodes' order. Softmax sums in another order.
            if description.last().is_some_and(|layer| layer.activation != "softmax") {
                assert_eq!(bits(&y), bits(&net.predict(x)), "{name}: the outputs have other bits");
            }
        }
        let by_one: Vec<f32> = weights.iter().map(|w| w.gradient().expect("room")).collect();

        let all = Box::new(Graph::<ROOM>::new());
        let weights: Vec<N<'_>> = net.weights().iter().map(|w| all.parameter(*w)).collect();
        let mut losses = Vec::new();
        for (x, t) in x.iter().zip(&t) {
            let x: Vec<N<'_>> = x.iter().map(|x| all.input(*x)).collect();
            let y: [N<'_>; O] =
                layers(&all, &description, &weights, &x).try_into().expect("O outputs");
            losses.push(L::node(&all, &y, &L::values(t).map(|t| all.constant(t))));
        }
        (all.sum(&losses) / M as f32).backward().expect("room");
        let by_all: Vec<f32> = weights.iter().map(|w| w.gradient().expect("room")).collect();

        let mut trainer = Trainer::<Mlp<T>, L, Sgd, M>::ZERO;
        let by_net = trainer.step(&mut net, dataset(&x, &t), &Sgd::DEFAULT).expect("good data");
        assert!(
            (by_net - total).abs() <= 2e-6 * by_net.abs(),
            "{name}: loss {total} by the graph, {by_net}"
        );
        let gradient = trainer.gradient().as_flat();
        worst = worst.max(compare(name, &by_one, gradient)).max(compare(name, &by_all, gradient));
    }
    println!("{name}: at most {worst:.3} of what is let through");
}

macro_rules! witnesses {
    ($($name:ident: $layers:ty, $loss:ty, $inputs:literal, $outputs:literal;)*) => {$(
        #[test]
        fn $name() {
            roomy(|| witness::<$layers, $loss, $inputs, $outputs>(stringify!($name)));
        }
    )*};
}
witnesses! {
    xor_with_cross_entropy: (Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>), BinaryCrossEntropy, 2, 1;
    xor_with_mse: (Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>), MeanSquaredError, 2, 1;
    xor_with_relu: (Dense<2, 8, Relu>, Dense<8, 1, Sigmoid>), BinaryCrossEntropy, 2, 1;
    two_outputs: (Dense<3, 5, Sigmoid>, Dense<5, 2, Sigmoid>), BinaryCrossEntropy, 3, 2;
    three_classes: (Dense<4, 6, Tanh>, Dense<6, 3, Softmax>), CategoricalCrossEntropy, 4, 3;
    three_classes_with_mse: (Dense<4, 6, Relu>, Dense<6, 3, Softmax>), MeanSquaredError, 4, 3;
    three_layers: (Dense<3, 6, Relu>, Dense<6, 5, Tanh>, Dense<5, 2>), MeanSquaredError, 3, 2;
}

/// Gradient descent on XOR through both, 400 steps with learning rate 0.5. The weights agree within
/// 1e-5 · max(1, |w|).
#[test]
fn trainings_stay_together() {
    type Layers = (Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>);
    const LR: f32 = 0.5;
    for seed in [1957, 1, 2, 3] {
        let mut net = Mlp::<Layers>::init(Seed(seed));
        let mut trainer = Trainer::<Mlp<Layers>, BinaryCrossEntropy, Sgd, 4>::ZERO;

        let graph = Box::new(Graph::<ROOM>::new());
        let weights: Vec<N<'_>> = net.weights().iter().map(|w| graph.parameter(*w)).collect();
        let x: [N<'_>; 2] = std::array::from_fn(|_| graph.input(0.0));
        let t = graph.input(0.0);
        let y = layers(&graph, &describe::<Layers>(), &weights, &x)[0];
        let loss = graph.binary_cross_entropy(&[y], &[t]) / 4.0;

        let mut worst = 0f32;
        for _ in 0..400 {
            graph.zero_gradients().expect("room");
            for (sample, [target]) in gates::XOR.x.iter().zip(gates::XOR.t) {
                x.iter().zip(sample).for_each(|(node, x)| node.set(*x).expect("an input"));
                t.set(target).expect("an input");
                loss.accumulate().expect("room");
            }
            graph.descend(LR).expect("finite");
            trainer.step(&mut net, &gates::XOR, &Sgd::with_lr(LR)).expect("good data");
            for (node, w) in weights.iter().zip(net.weights()) {
                worst = worst.max((node.value().expect("room") - w).abs() / w.abs().max(1.0));
            }
        }
        println!("seed {seed}: the weights were at most {worst:.1e} apart");
        assert!(worst <= 1e-5, "seed {seed}: {worst}");
        for ([a, b], [want]) in gates::XOR.x.into_iter().zip(gates::XOR.t) {
            x[0].set(a).expect("an input");
            x[1].set(b).expect("an input");
            assert!(
                (y.value().expect("room") - want).abs() < 0.2,
                "seed {seed}: XOR was not learnt"
            );
        }
    }
}
