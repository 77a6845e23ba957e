//! Each operation against its formula in f64, its slope against finite differences, and values that
//! must be exact.

use crate::support::bits;
use rosenblatt_lecture::graph::{Graph, Node, Operation};

type Op<'g> = Node<'g, 16>;

/// Half the width of the difference quotient.
const H: f64 = 1e-5;
/// Tolerance of f32 against f64: a few roundings. `powf` multiplies the logarithm's error by up to
/// 20.
const RELATIVE: f64 = 3e-6;

const POINTS: [(f32, f32); 8] = [
    (0.7, 1.3),
    (-0.4, 2.0),
    (3.0, -0.75),
    (-1.75, -1.5),
    (0.05, 4.0),
    (9.0, 0.5),
    (-6.0, -2.5),
    (1.25, -8.0),
];

/// Compares values and slopes of `y = f(a, b)` and `out = 3·y − a` at a point with f64.
fn judge(
    name: &str,
    at: (f32, f32),
    f: impl for<'g> Fn(Op<'g>, Op<'g>) -> Op<'g>,
    want: impl Fn(f64, f64) -> f64,
) {
    compare(name, at, f, want).unwrap_or_else(|error| panic!("{error}"));
}

fn compare(
    name: &str,
    (a, b): (f32, f32),
    f: impl for<'g> Fn(Op<'g>, Op<'g>) -> Op<'g>,
    want: impl Fn(f64, f64) -> f64,
) -> Result<(), String> {
    let (x, z) = (f64::from(a), f64::from(b));
    let graph = Graph::<16>::new();
    let (left, right) = (graph.input(a), graph.input(b));
    let y = f(left, right);
    let out = 3.0 * y - left;
    out.backward().expect("room");
    let wanted = [
        (y.value(), want(x, z)),
        (y.gradient(), 3.0),
        (left.gradient(), 3.0 * (want(x + H, z) - want(x - H, z)) / (2.0 * H) - 1.0),
        (right.gradient(), 3.0 * (want(x, z + H) - want(x, z - H)) / (2.0 * H)),
    ];
    for (i, (got, want)) in wanted.into_iter().enumerate() {
        let got = f64::from(got.expect("room"));
        let quotient = if i < 2 { 0.0 } else { 1e-8 * (1.0 + want.abs()) };
        let near = (got - want).abs() <= RELATIVE * want.abs() + 1e-6 + quotient;
        if !(near || got.is_nan() && want.is_nan()) {
            return Err(format!("{name} at {a}, {b}: {got} instead of {want} ({i})"));
        }
    }
    Ok(())
}

/// An error of 0.001 % in a value or a slope must be found.
#[test]
fn a_wrong_operation_is_seen() {
    for at in POINTS {
        assert!(compare("a + b", at, |a, b| a + b, |a, b| a + b * (1.0 + 1e-5)).is_err());
        assert!(compare("a · b", at, |a, b| a * b, |a, b| a * b * (1.0 + 1e-5)).is_err());
        // The value is right, but a graph that takes b for a constant has the slope 0 for it.
        assert!(
            compare("tanh b", at, |a, _| a * 1.0, |a, b| a + 1e-4 * (b - f64::from(at.1))).is_err()
        );
    }
}

#[test]
fn values_and_slopes() {
    let sigmoid = |a: f64| 1.0 / (1.0 + (-a).exp());
    for at @ (a, _) in POINTS {
        judge("a + b", at, |a, b| a + b, |a, b| a + b);
        judge("a - b", at, |a, b| a - b, |a, b| a - b);
        judge("a · b", at, |a, b| a * b, |a, b| a * b);
        judge("a / b", at, |a, b| a / b, |a, b| a / b);
        judge("-a", at, |a, _| -a, |a, _| -a);
        judge("2 + a", at, |a, _| 2.0 + a, |a, _| 2.0 + a);
        judge("a - 2", at, |a, _| a - 2.0, |a, _| a - 2.0);
        judge("2 - a", at, |a, _| 2.0 - a, |a, _| 2.0 - a);
        judge("a / 4", at, |a, _| a / 4.0, |a, _| a / 4.0);
        judge("4 / a", at, |a, _| 4.0 / a, |a, _| 4.0 / a);
        for n in [-3, -1, 0, 1, 2, 3, 7] {
            judge(&format!("a^{n}"), at, |a, _| a.powi(n), |a, _| a.powi(n));
            judge(&format!("a^{n}.0"), at, |a, _| a.powf(n as f32), |a, _| a.powi(n));
        }
        if a > 0.0 {
            for c in [-1.5f32, -0.25, 0.5, 1.5, 2.75, 8.5] {
                judge(&format!("a^{c}"), at, |a, _| a.powf(c), |a, _| a.powf(f64::from(c)));
            }
            judge("ln a", at, |a, _| a.ln(), |a, _| a.ln());
        }
        judge("exp a", at, |a, _| a.exp(), |a, _| a.exp());
        judge("sigmoid a", at, |a, _| a.sigmoid(), |a, _| sigmoid(a));
        judge("tanh a", at, |a, _| a.tanh(), |a, _| a.tanh());
        judge("relu a", at, |a, _| a.relu(), |a, _| a.max(0.0));
        judge("step a", at, |a, _| a.step(), |a, _| f64::from(u8::from(a > 0.0)));
        judge("max(a, b)", at, |a, b| a.max(b), f64::max);
        judge("min(a, b)", at, |a, b| a.min(b), f64::min);
        judge("max(b, 1.4)", at, |_, b| b.max(1.4), |_, b| b.max(f64::from(1.4f32)));
        judge("clamp a", at, |a, _| a.clamp(-0.5, 1.0), |a, _| a.clamp(-0.5, 1.0));
        judge("(a·b)/(a + 20)", at, |a, b| (a * b) / (a + 20.0), |a, b| (a * b) / (a + 20.0));
    }
}

/// The value and the slope of `f` at a point.
fn at(x: f32, f: impl for<'g> Fn(Op<'g>) -> Op<'g>) -> (f32, f32) {
    let graph = Graph::<16>::new();
    let x = graph.input(x);
    let y = f(x);
    y.backward().expect("room");
    (y.value().expect("room"), x.gradient().expect("room"))
}

#[test]
fn a_whole_power_is_repeated_multiplication() {
    for x in [1.1f32, -0.3, 7.7, 1e-3, -12.345] {
        let mut product = x;
        for n in 2..20 {
            product *= x;
            assert_eq!(at(x, |x| x.powi(n)).0.to_bits(), product.to_bits(), "{x}^{n}");
            assert_eq!(at(x, |x| x.powf(n as f32)).0.to_bits(), product.to_bits(), "{x}^{n}.0");
            assert_eq!(at(x, |x| x.powi(-n)).0.to_bits(), (1.0 / product).to_bits(), "{x}^-{n}");
        }
    }
    assert_eq!(at(-3.0, |x| x.powf(2.0)), (9.0, -6.0));
    assert_eq!(at(0.0, |x| x.powi(0)), (1.0, 0.0));
    assert_eq!(at(0.0, |x| x.powi(1)), (0.0, 1.0));
    assert_eq!(at(0.0, |x| x.powi(2)), (0.0, 0.0));
    assert_eq!(at(0.0, |x| x.powi(-1)), (f32::INFINITY, f32::NEG_INFINITY));
    assert_eq!(at(0.0, |x| x.powf(1.5)), (0.0, 0.0));
    assert_eq!(at(0.0, |x| x.powf(0.5)), (0.0, f32::INFINITY));
    assert!(at(-1.0, |x| x.powf(0.5)).0.is_nan());
    // It terminates for every exponent.
    assert_eq!(at(1.0, |x| x.powi(i32::MAX)).0, 1.0);
    assert_eq!(at(1.0, |x| x.powi(i32::MIN)).0, 1.0);
    assert_eq!(at(2.0, |x| x.powi(i32::MAX)).0, f32::INFINITY);
    assert_eq!(at(0.5, |x| x.powf(3e9)).0, 0.0);
    assert!(at(f32::NAN, |x| x.powi(i32::MAX)).0.is_nan());
}

#[test]
fn kinks_and_ties() {
    assert_eq!(at(0.0, |x| x.relu()), (0.0, 0.0));
    assert_eq!(bits(&[at(-0.0, |x| x.relu()).0]), bits(&[0.0]));
    let graph = Graph::<16>::new();
    let (a, b) = (graph.input(2.0), graph.input(2.0));
    a.max(b).backward().expect("room");
    assert_eq!((a.gradient(), b.gradient()), (Ok(1.0), Ok(0.0)));
    b.min(a).backward().expect("room");
    assert_eq!((a.gradient(), b.gradient()), (Ok(0.0), Ok(1.0)));
    for (x, want) in [
        (-3.0, (-1.0, 0.0)),
        (0.25, (0.25, 1.0)),
        (3.0, (1.0, 0.0)),
        (1.0, (1.0, 1.0)),
        (-1.0, (-1.0, 1.0)),
    ] {
        assert_eq!(at(x, |x| x.clamp(-1.0, 1.0)), want, "{x}");
    }
}

#[test]
fn not_a_number_stays() {
    let nan: [(&str, f32); 12] = [
        ("exp", at(f32::NAN, |x| x.exp()).0),
        ("ln", at(f32::NAN, |x| x.ln()).0),
        ("ln below zero", at(-1.0, |x| x.ln()).0),
        ("sigmoid", at(f32::NAN, |x| x.sigmoid()).0),
        ("tanh", at(f32::NAN, |x| x.tanh()).0),
        ("relu", at(f32::NAN, |x| x.relu()).0),
        ("step", at(f32::NAN, |x| x.step()).0),
        ("max", at(f32::NAN, |x| x.max(1.0)).0),
        ("min", at(f32::NAN, |x| x.min(1.0)).0),
        ("0 / 0", at(0.0, |x| x / x).0),
        ("+", at(f32::NAN, |x| x + 1.0).0),
        ("powi", at(f32::NAN, |x| x.powi(3)).0),
    ];
    for (name, value) in nan {
        assert!(value.is_nan(), "{name}: {value}");
    }
}

#[test]
fn references_and_assignments_are_operators_too() {
    let graph = Graph::<64>::new();
    let (a, b) = (graph.input(3.0), graph.input(4.0));
    let (x, y) = (&a, &b);
    let all = [a + b, a + y, x + b, x + y, a + 4.0, x + 4.0, 3.0 + b, 3.0 + y];
    assert!(all.iter().all(|sum| sum.value() == Ok(7.0)));
    assert_eq!((-x).value(), Ok(-3.0));
    let mut z = a;
    z += b;
    z *= 2.0;
    z -= y;
    z /= a;
    // ((3 + 4)·2 − 4) / 3
    assert_eq!(z.value(), Ok(10.0 / 3.0));
    let operations =
        z.inputs().expect("room").iter().map(|node| node.operation()).collect::<Vec<_>>();
    assert_eq!(operations, [Ok(Operation::Subtract), Ok(Operation::Input)]);
}

#[test]
fn values_are_never_stale() {
    let graph = Graph::<16>::new();
    let (x, w) = (graph.input(1.0), graph.parameter(2.0));
    let y = w * x;
    assert_eq!(y.value(), Ok(2.0));
    x.set(5.0).expect("an input");
    assert_eq!(y.value(), Ok(10.0));
    w.set(3.0).expect("a parameter");
    let z = y + 1.0;
    z.backward().expect("room");
    assert_eq!((z.value(), x.gradient(), w.gradient()), (Ok(16.0), Ok(3.0), Ok(5.0)));
    x.set(6.0).expect("an input");
    assert_eq!((x.value(), w.gradient()), (Ok(6.0), Ok(5.0)), "gradients stay until the next pass");
    graph.forward().expect("room");
    assert_eq!((y.value(), z.value()), (Ok(18.0), Ok(19.0)));
}

/// The leaves accumulate over the samples. All other nodes start again at each.
#[test]
fn a_mini_batch_accumulates() {
    let graph = Graph::<16>::new();
    let (x, w) = (graph.input(0.0), graph.parameter(2.0));
    let h = w * x;
    let y = h * h;
    for (sample, total, dh) in [(1.0, 4.0, 4.0), (3.0, 40.0, 12.0), (-1.0, 44.0, -4.0)] {
        x.set(sample).expect("an input");
        y.accumulate().expect("room");
        assert_eq!((w.gradient(), h.gradient(), y.gradient()), (Ok(total), Ok(dh), Ok(1.0)));
    }
    graph.zero_gradients().expect("room");
    assert_eq!((w.gradient(), h.gradient()), (Ok(0.0), Ok(0.0)));
    y.accumulate().expect("room");
    assert_eq!(w.gradient(), Ok(4.0));
    y.backward().expect("room");
    assert_eq!(w.gradient(), Ok(4.0));
}

#[test]
fn softmax_and_losses() {
    let graph = Graph::<64>::new();
    let z = [1.0, 1000.0, -5.0, 1000.0].map(|z| graph.input(z));
    let p = graph.softmax(&z);
    assert_eq!(p.map(|p| p.value().expect("room")), [0.0, 0.5, 0.0, 0.5], "nothing overflows");
    let t = [0.0, 1.0, 0.0, 0.0].map(|t| graph.input(t));
    let loss = graph.categorical_cross_entropy(&p, &t);
    loss.backward().expect("room");
    assert!((loss.value().expect("room") - std::f32::consts::LN_2).abs() < 1e-6);
    assert!(
        (z[1].gradient().expect("room") + 0.5).abs() < 1e-6
            && (z[3].gradient().expect("room") - 0.5).abs() < 1e-6
    );

    let graph = Graph::<64>::new();
    let (p, t) = ([0.25, 1.0].map(|p| graph.input(p)), [1.0, 0.0].map(|t| graph.input(t)));
    let loss = graph.binary_cross_entropy(&p, &t);
    loss.backward().expect("room");
    // The second output is completely wrong: −ln 2⁻²³, the clamped loss.
    let want = 0.5 * (4f32.ln() + 23.0 * std::f32::consts::LN_2);
    assert!((loss.value().expect("room") - want).abs() < 1e-5);
    assert_eq!(p.map(|p| p.gradient().expect("room")), [-2.0, 0.0]);
    assert_eq!(graph.sum(&[]).value(), Ok(0.0));
    assert_eq!(graph.sum(&p).value(), Ok(1.25));
}
