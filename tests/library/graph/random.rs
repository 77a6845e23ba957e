//! Random expressions against f64 and dual numbers.
//!
//! The tolerance for f32 depends on the expression, and so it is measured. The f64 evaluation is
//! repeated with an error of up to one ULP of f32 in every result. The graph may deviate by a small
//! multiple of the spread (stochastic arithmetic: Vignes, 1974).

use crate::support::amount;
use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed},
};
use rosenblatt::{Rng, prelude::Seed};
use rosenblatt_lecture::graph::{Graph, Node};
use std::sync::atomic::{AtomicUsize, Ordering};

/// v + d·ε, ε² = 0.
#[derive(Clone, Copy, Debug)]
struct Dual {
    v: f64,
    d: f64,
}

/// An operation, its operands (earlier nodes) and its constant.
#[derive(Clone, Copy, Debug)]
struct Step {
    kind: u8,
    a: usize,
    b: usize,
    number: i8,
}

const KINDS: u8 = 21;
const LEAVES: usize = 4;
const TANH: u8 = 8;

/// The operation in the graph.
fn in_graph<'g>(step: Step, a: Node<'g, 128>, b: Node<'g, 128>) -> Node<'g, 128> {
    let number = f32::from(step.number) / 16.0;
    match step.kind {
        0 => a + b,
        1 => a - b,
        2 => a * b,
        3 => a / b,
        4 => -a,
        5 => a.exp(),
        6 => a.ln(),
        7 => a.sigmoid(),
        TANH => a.tanh(),
        9 => a.relu(),
        10 => a.step(),
        11 => a.max(b),
        12 => a.min(b),
        13 => a.powi(i32::from(step.number % 4)),
        14 => a.powf(number + 0.03),
        15 => a + number,
        16 => number - a,
        17 => number * a,
        18 => a / (number + 0.03),
        19 => number / a,
        _ => a.clamp(-0.75, number.abs()),
    }
}

/// The operation in dual numbers; `None` near a kink or a pole, or where the result is too large.
fn in_duals(step: Step, a: Dual, b: Dual, noise: &mut impl FnMut() -> f64) -> Option<Dual> {
    const NEAR: f64 = 1e-3;
    let number = f64::from(step.number) / 16.0;
    let shift = f64::from(f32::from(step.number) / 16.0 + 0.03);
    let f = |v: f64, slope: f64| Dual { v, d: slope * a.d };
    let apart = |x: f64, y: f64| (x - y).abs() > NEAR;
    let (good, y) = match step.kind {
        0 => (true, Dual { v: a.v + b.v, d: a.d + b.d }),
        1 => (true, Dual { v: a.v - b.v, d: a.d - b.d }),
        2 => (true, Dual { v: a.v * b.v, d: a.d * b.v + a.v * b.d }),
        3 => (apart(b.v, 0.0), Dual { v: a.v / b.v, d: (a.d * b.v - a.v * b.d) / (b.v * b.v) }),
        4 => (true, f(-a.v, -1.0)),
        5 => (true, f(a.v.exp(), a.v.exp())),
        6 => (a.v > NEAR, f(a.v.ln(), 1.0 / a.v)),
        7 => {
            // The slopes are computed from y. Near the limits of y, they consist of y's rounding
            // error.
            let y = (1.0 + noise()) / (1.0 + (-a.v).exp());
            (true, f(y, y * (1.0 - y)))
        }
        TANH => {
            let y = a.v.tanh() * (1.0 + noise());
            (true, f(y, 1.0 - y * y))
        }
        9 => (apart(a.v, 0.0), if a.v > 0.0 { a } else { f(0.0, 0.0) }),
        10 => (apart(a.v, 0.0), f(if a.v > 0.0 { 1.0 } else { 0.0 }, 0.0)),
        11 => (apart(a.v, b.v), if a.v < b.v { b } else { a }),
        12 => (apart(a.v, b.v), if b.v < a.v { b } else { a }),
        13 => {
            let n = i32::from(step.number % 4);
            let slope = if n == 0 { 0.0 } else { f64::from(n) * a.v.powi(n - 1) };
            (n >= 0 || apart(a.v, 0.0), f(a.v.powi(n), slope))
        }
        14 => (a.v > NEAR, f(a.v.powf(shift), shift * a.v.powf(shift - 1.0))),
        15 => (true, f(a.v + number, 1.0)),
        16 => (true, f(number - a.v, -1.0)),
        17 => (true, f(number * a.v, number)),
        18 => (true, f(a.v / shift, 1.0 / shift)),
        19 => (apart(a.v, 0.0), f(number / a.v, -number / (a.v * a.v))),
        _ => {
            let (low, high) = (-0.75, number.abs());
            let y = if a.v < low {
                f(low, 0.0)
            } else if a.v > high {
                f(high, 0.0)
            } else {
                a
            };
            (apart(a.v, low) && apart(a.v, high), y)
        }
    };
    (good && y.v.abs() < 1e4).then_some(y)
}

/// All nodes, with the derivative with respect to node `seed`. Each result has an error of up to
/// `noise`.
fn duals(
    leaves: [f32; LEAVES],
    steps: &[Step],
    seed: usize,
    mut noise: impl FnMut() -> f64,
) -> Option<Vec<Dual>> {
    let mut nodes: Vec<Dual> = leaves.iter().map(|x| Dual { v: f64::from(*x), d: 0.0 }).collect();
    if let Some(leaf) = nodes.get_mut(seed) {
        leaf.d = 1.0;
    }
    for step in steps {
        let mut y = in_duals(*step, nodes[step.a], nodes[step.b], &mut noise)?;
        y.v *= 1.0 + noise();
        y.d *= 1.0 + noise();
        if nodes.len() == seed {
            y.d = 1.0;
        }
        nodes.push(y);
    }
    Some(nodes)
}

/// Makes all operands refer to earlier nodes. An operation near a kink or a pole becomes a tanh.
fn repair(leaves: [f32; LEAVES], raw: &[(u8, usize, usize, i8)]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (i, &(kind, a, b, number)) in raw.iter().enumerate() {
        let there = LEAVES + i;
        // Prefers recent nodes, so that expressions become deep.
        let pick = |x: usize| {
            if x.is_multiple_of(2) { x / 2 % there } else { there - 1 - x / 2 % there.min(3) }
        };
        let step = Step { kind, a: pick(a), b: pick(b), number };
        steps.push(step);
        if duals(leaves, &steps, usize::MAX, || 0.0).is_none() {
            steps.pop();
            steps.push(Step { kind: TANH, ..step });
        }
    }
    steps
}

/// The number of expressions that could not be judged, and of those that could.
static CASES: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];
/// How often an error of 1 % in a slope was found. Some expressions do not use any leaf, and all
/// their slopes are 0.
static SEEN: AtomicUsize = AtomicUsize::new(0);

/// Compares every value and slope. Each may deviate by a multiple of its spread under rounding. The
/// slopes of the leaves are multiplied by `defect`. The result is false if the noise reaches a
/// kink; nothing can then be judged.
fn judge(
    leaves: [f32; LEAVES],
    steps: &[Step],
    noise_seed: u64,
    defect: f64,
) -> Result<bool, TestCaseError> {
    let graph = Graph::<128>::new();
    let mut nodes: Vec<Node<'_, 128>> = leaves.iter().map(|x| graph.input(*x)).collect();
    for step in steps {
        nodes.push(in_graph(*step, nodes[step.a], nodes[step.b]));
    }
    let last = *nodes.last().expect("leaves");
    last.backward().expect("room");
    let mut rng = Rng::new(Seed(noise_seed));
    for (seed, node) in nodes.iter().enumerate() {
        let centre = duals(leaves, steps, seed, || 0.0).expect("repaired");
        let end = centre.last().expect("leaves");
        let (mut value, mut slope) = (0.0f64, 0.0f64);
        for _ in 0..12 {
            let mut noise = || f64::from(2.0 * rng.uniform() - 1.0) * 1.2e-7;
            let Some(noisy) = duals(leaves, steps, seed, &mut noise) else { return Ok(false) };
            value = value.max((noisy[seed].v - centre[seed].v).abs());
            slope = slope.max((noisy[noisy.len() - 1].d - end.d).abs());
        }
        let [value_got, slope_got] =
            [node.value(), node.gradient()].map(|got| f64::from(got.expect("room")));
        for (got, want, spread) in [
            (value_got, centre[seed].v, value),
            (if seed < LEAVES { defect * slope_got } else { slope_got }, end.d, slope),
        ] {
            let off = (got - want).abs();
            let share = off / (spread + 1e-7 * want.abs() + 1e-12);
            prop_assert!(
                share < 12.0,
                "node {seed}: {got:?} instead of {want}, spread {spread}; {leaves:?} {steps:?}"
            );
        }
    }
    Ok(true)
}

proptest! {
    #![proptest_config(Config {
        cases: amount(1500, 100),
        rng_seed: RngSeed::Fixed(1970),
        failure_persistence: None,
        ..Config::default()
    })]

    fn expressions_have_the_values_and_slopes_of_dual_numbers(
        leaves in prop::array::uniform4(-2f32..2.0),
        raw in prop::collection::vec((0..KINDS, 0usize..1000, 0usize..1000, -32i8..32), 1..24),
        noise: u64,
    ) {
        let steps = repair(leaves, &raw);
        let judged = judge(leaves, &steps, noise, 1.0)?;
        CASES[usize::from(judged)].fetch_add(1, Ordering::Relaxed);
        SEEN.fetch_add(usize::from(judge(leaves, &steps, noise, 1.01).is_err()), Ordering::Relaxed);
    }
}

#[test]
fn expressions_are_right_and_nearly_all_could_be_judged() {
    expressions_have_the_values_and_slopes_of_dual_numbers();
    let [nothing, judged] = CASES.each_ref().map(|cases| cases.load(Ordering::Relaxed));
    assert!(judged > 9 * nothing, "{judged} expressions were judged, {nothing} could not be");
    let seen = SEEN.load(Ordering::Relaxed);
    assert!(
        2 * seen > judged,
        "of {judged} expressions only {seen} showed that the slopes by the leaves were wrong"
    );
}
