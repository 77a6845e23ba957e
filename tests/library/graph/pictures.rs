//! The lecture's examples, with numbers that are exact in f32 unless a tolerance is given.

use rosenblatt::prelude::*;
use rosenblatt_lecture::graph::{Graph, Node};

fn value<const N: usize>(node: Node<'_, N>) -> f32 {
    node.value().expect("a good graph")
}

fn gradient<const N: usize>(node: Node<'_, N>) -> f32 {
    node.gradient().expect("a good graph")
}

fn near(got: f32, want: f32) -> bool {
    (got - want).abs() <= 1e-6 * want.abs().max(1.0)
}

#[test]
fn an_addition_passes_the_gradient_on() {
    let graph = Graph::<8>::new();
    let (x, y, k) = (graph.input(10.0), graph.input(5.0), graph.input(1.25));
    let sum = x + y;
    let out = sum * k;
    out.backward().expect("room");
    assert_eq!([x, y, sum, k, out].map(value), [10.0, 5.0, 15.0, 1.25, 18.75]);
    assert_eq!([x, y, sum, k, out].map(gradient), [1.25, 1.25, 1.25, 15.0, 1.0]);
}

#[test]
fn a_multiplication_swaps_its_inputs() {
    let graph = Graph::<8>::new();
    let (x, y) = (graph.input(10.0), graph.input(5.0));
    let out = x * y;
    out.backward().expect("room");
    assert_eq!([out, x, y].map(value), [50.0, 10.0, 5.0]);
    assert_eq!([out, x, y].map(gradient), [1.0, 5.0, 10.0]);
}

/// (x + y)·z at −2, 5, −4.
#[test]
fn a_sum_times_a_number() {
    let graph = Graph::<8>::new();
    let (x, y, z) = (graph.input(-2.0), graph.input(5.0), graph.input(-4.0));
    let q = x + y;
    let f = q * z;
    f.backward().expect("room");
    assert_eq!([q, f].map(value), [3.0, -12.0]);
    assert_eq!([x, y, z, q, f].map(gradient), [-4.0, -4.0, 3.0, -4.0, 1.0]);
}

/// Two apples at 100 and three oranges at 150, with a tax of one tenth.
#[test]
fn shopping() {
    let graph = Graph::<16>::new();
    let (apple, apples) = (graph.input(100.0), graph.input(2.0));
    let (orange, oranges, tax) = (graph.input(150.0), graph.input(3.0), graph.input(1.1));
    let price = (apple * apples + orange * oranges) * tax;
    price.backward().expect("room");
    assert!(near(value(price), 715.0));
    for (node, want) in
        [(apple, 2.2), (apples, 110.0), (orange, 3.3), (oranges, 165.0), (tax, 650.0)]
    {
        assert!(near(gradient(node), want), "{} instead of {want}", gradient(node));
    }
}

/// Each layer is y = w·x + b. The gradient for the first x is the product of all w.
#[test]
fn several_layers() {
    let graph = Graph::<32>::new();
    let x = graph.input(2.0);
    let w = [0.5, -4.0, 0.25].map(|w| graph.parameter(w));
    let b = [1.0, 3.0, -0.5].map(|b| graph.parameter(b));
    let mut layers = vec![x];
    for (w, b) in w.into_iter().zip(b) {
        layers.push(w * *layers.last().expect("x") + b);
    }
    let y = layers[3];
    y.backward().expect("room");
    // 0.5·2 + 1 = 2; −4·2 + 3 = −5; 0.25·−5 − 0.5 = −1.75
    assert_eq!(layers.iter().map(|h| value(*h)).collect::<Vec<_>>(), [2.0, 2.0, -5.0, -1.75]);
    assert_eq!(layers.iter().map(|h| gradient(*h)).collect::<Vec<_>>(), [-0.5, -1.0, 0.25, 1.0]);
    assert_eq!(b.map(gradient), [-1.0, 0.25, 1.0]);
    assert_eq!(w.map(gradient), [-2.0, 0.5, -5.0]);
}

#[test]
fn a_relu_that_is_off_stops_the_gradient() {
    let graph = Graph::<16>::new();
    let (x, w, b, v) =
        (graph.input(3.0), graph.parameter(-1.0), graph.parameter(0.5), graph.parameter(4.0));
    let z = w * x + b;
    let h = z.relu();
    let y = h * v;
    y.backward().expect("room");
    assert_eq!([z, h, y].map(value), [-2.5, 0.0, 0.0]);
    assert_eq!([h, z, w, x, b, v].map(gradient), [4.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    // With the other sign its output is positive.
    w.set(1.0).expect("a parameter");
    y.backward().expect("room");
    assert_eq!([z, h, y].map(value), [3.5, 3.5, 14.0]);
    assert_eq!([h, z, w, x, b, v].map(gradient), [4.0, 4.0, 12.0, 4.0, 4.0, 3.5]);
    // At 0 its output is 0.
    b.set(-3.0).expect("a parameter");
    y.backward().expect("room");
    assert_eq!((value(z), gradient(h), gradient(z)), (0.0, 4.0, 0.0));
}

#[test]
fn a_step_has_no_slope() {
    let graph = Graph::<8>::new();
    for (x, want) in [(2.0, 1.0), (0.0, 0.0), (-1.0, 0.0)] {
        let mut graph = Graph::<8>::new();
        let x = graph.input(x);
        let y = x.step();
        y.backward().expect("room");
        assert_eq!((value(y), gradient(y), gradient(x)), (want, 1.0, 0.0));
        graph.clear();
    }
    assert!(graph.is_empty());
}

/// Two inputs, weights 2 and −3, inputs −1 and −2, bias −3: z = 1.
#[test]
fn a_sigmoid_neuron() {
    let graph = Graph::<16>::new();
    let (w, x) = ([2.0, -3.0].map(|w| graph.parameter(w)), [-1.0, -2.0].map(|x| graph.input(x)));
    let b = graph.parameter(-3.0);
    let z = w[0] * x[0] + w[1] * x[1] + b;
    let y = z.sigmoid();
    y.backward().expect("room");
    assert_eq!(value(z), 1.0);
    assert!(near(value(y), 0.731_058_6));
    // y·(1 − y)
    let d = 0.196_611_93;
    for (node, want) in
        [(w[0], -d), (w[1], -2.0 * d), (x[0], 2.0 * d), (x[1], -3.0 * d), (b, d), (z, d)]
    {
        assert!(near(gradient(node), want), "{} instead of {want}", gradient(node));
    }
    // The same from its parts, 1 / (1 + exp(−z)).
    let parts = Graph::<16>::new();
    let z = parts.input(1.0);
    let y = 1.0 / (1.0 + (-z).exp());
    y.backward().expect("room");
    assert!(near(value(y), 0.731_058_6) && near(gradient(z), d));
}

/// L = (w·x + b − t)²: dL/dw = 2·(y − t)·x.
#[test]
fn one_neuron_with_mse() {
    let graph = Graph::<16>::new();
    let (x, t) = (graph.input(2.0), graph.input(1.0));
    let (w, b) = (graph.parameter(1.5), graph.parameter(0.5));
    let y = w * x + b;
    let loss = graph.mean_squared_error(&[y], &[t]);
    loss.backward().expect("room");
    assert_eq!([y, loss].map(value), [3.5, 6.25]);
    assert_eq!([y, w, b, x, t].map(gradient), [5.0, 10.0, 5.0, 7.5, -5.0]);
    // One step: w = 1.5 − 0.125·10, b = 0.5 − 0.125·5; 2·0.25 − 0.125 = 0.375.
    graph.descend(0.125).expect("finite");
    assert_eq!([w, b, y, loss].map(value), [0.25, -0.125, 0.375, 0.390_625]);
    // Two outputs. The loss is their mean.
    let two = Graph::<16>::new();
    let (y, t) = ([1.0, 2.0].map(|y| two.input(y)), [0.0, 4.0].map(|t| two.input(t)));
    let loss = two.mean_squared_error(&y, &t);
    loss.backward().expect("room");
    assert_eq!(value(loss), 2.5);
    assert_eq!((y.map(gradient), t.map(gradient)), ([1.0, -2.0], [-1.0, 2.0]));
}

/// A node that is used twice sums both terms.
#[test]
fn gradients_add_where_a_node_is_used_again() {
    let graph = Graph::<16>::new();
    let x = graph.input(3.0);
    let square = x * x;
    square.backward().expect("room");
    assert_eq!(gradient(x), 6.0);
    // x² + x·(x² + 1): 2x + 3x² + 1
    let y = square + x * (square + 1.0);
    y.backward().expect("room");
    assert_eq!((value(y), gradient(x), gradient(square)), (39.0, 34.0, 4.0));
    let doubled = x + x;
    doubled.backward().expect("room");
    assert_eq!((gradient(x), gradient(square), gradient(y)), (2.0, 0.0, 0.0));
    let none = x - x;
    none.backward().expect("room");
    assert_eq!(gradient(x), 0.0);
}

/// An output adds nothing to the gradient of what it does not depend on, whatever its slope.
#[test]
fn other_branches_take_no_part() {
    let graph = Graph::<16>::new();
    let x = graph.input(0.0);
    let infinite = x.ln();
    let y = x * 3.0;
    y.backward().expect("room");
    assert_eq!((value(infinite), gradient(x), gradient(infinite)), (f32::NEG_INFINITY, 3.0, 0.0));
}

#[test]
fn xor_by_hand() {
    let graph = Graph::<64>::new();
    let (x1, x2) = (graph.input(0.0), graph.input(0.0));
    let h1 = (20.0 * x1 + 20.0 * x2 - 10.0).sigmoid();
    let h2 = (-20.0 * x1 - 20.0 * x2 + 30.0).sigmoid();
    let y = (20.0 * h1 + 20.0 * h2 - 30.0).sigmoid();
    for ([a, b], [t]) in gates::XOR.x.into_iter().zip(gates::XOR.t) {
        x1.set(a).expect("an input");
        x2.set(b).expect("an input");
        graph.forward().expect("room");
        assert!((value(y) - t).abs() < 1e-4, "{a} xor {b} is {}", value(y));
        y.backward().expect("room");
        // By the chain rule in f64.
        let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
        let (a, b) = (f64::from(a), f64::from(b));
        let (p, q) = (sigmoid(20.0 * a + 20.0 * b - 10.0), sigmoid(-20.0 * a - 20.0 * b + 30.0));
        let o = sigmoid(20.0 * p + 20.0 * q - 30.0);
        let slope = o * (1.0 - o) * 400.0 * (p * (1.0 - p) - q * (1.0 - q));
        // Near y = 1 the slope depends on 1 − y, which has few digits.
        assert!(
            (f64::from(gradient(x1)) - slope).abs() <= 1e-2 * slope.abs() + 1e-7,
            "{} {slope}",
            gradient(x1)
        );
        assert_eq!(gradient(x1), gradient(x2));
    }
}
