//! What this core can do at most, measured in the same run: how close is a result to it?

use std::hint::black_box;
use std::time::Instant;

use rosenblatt::kernels::{Backend, Simd, dispatch};

use crate::workload::{Cell, Kind, Rule, SAMPLES, Workload};

/// The limits of one core.
pub struct Limits {
    /// Multiplications and additions, not fused, in registers: GFLOP/s.
    pub peak: f64,
    /// Loads from the first-level cache, GB/s.
    pub l1: f64,
    /// Loads from the second-level cache, GB/s.
    pub l2: f64,
    /// Nanoseconds of one division.
    pub division: f64,
    /// Nanoseconds of one square root.
    pub root: f64,
}

/// Independent chains: enough to hide the latency of an operation.
const CHAINS: usize = 12;
/// Bytes that are loaded from L1, of 32 KiB or more.
const L1: usize = 16 << 10;
/// Bytes that are loaded from L2, of 512 KiB or more, and do not fit into L1.
const L2: usize = 256 << 10;

/// Passes over the bytes.
const PASSES: usize = 64;

impl Limits {
    /// Measures all of them on the fastest backend.
    pub fn measure() -> Self {
        let backend = Backend::detect();
        let lanes = dispatch!(backend, s => lanes(s)) as f64;
        let per_lane =
            |chain: fn(Backend)| best(|| chain(backend)) / (REPEATS * CHAINS) as f64 / lanes;
        Self {
            peak: 2.0
                / per_lane(
                    |backend| dispatch!(backend, s => chains(s, |x, a, b| s.mul_add(x, a, b))),
                ),
            l1: load_speed(backend, L1),
            l2: load_speed(backend, L2),
            division: per_lane(|backend| dispatch!(backend, s => chains(s, |x, a, _| s.div(a, x)))),
            root: per_lane(|backend| dispatch!(backend, s => chains(s, |x, _, _| s.sqrt(x)))),
        }
    }

    /// The least time in which a core of these limits can run a workload once, in nanoseconds: its
    /// arithmetic, its divisions and roots, or what it must load, whichever takes longest. A step's
    /// update follows its gradient, so their times add up.
    pub fn nanoseconds(&self, workload: &Workload) -> f64 {
        let flops = |n: usize| n as f64 / self.peak;
        let divisions = |n: usize| n as f64 * (self.division + self.root);
        let loads = |floats: usize| {
            let bytes = 4 * floats;
            bytes as f64 / if bytes <= 32 << 10 { self.l1 } else { self.l2 }
        };
        match workload.kind {
            Kind::Step(net) => {
                // Forward and the gradient by the weights; by the inputs for the second layer only.
                let products = 4 * net.multiply_adds() + 2 * net.hidden * net.outputs;
                flops(products * net.batch) + divisions(net.parameters())
            }
            // A convolution of 36 places, 9 values and 8 filters, a dense layer 72-10.
            Kind::Cnn => flops(SAMPLES * (4 * (36 * 72 + 720) + 2 * 720)) + divisions(810),
            // 32 steps of 8·16 and 16·16 multiply-adds; the gradient by the inputs is not needed.
            Kind::Rnn => flops(16 * 32 * (4 * (128 + 256) + 2 * 256)) + divisions(417),
            Kind::One(net) => flops(2 * net.multiply_adds()).max(loads(net.parameters())),
            Kind::Batch(net) => flops(2 * net.multiply_adds() * SAMPLES),
            Kind::Frame(cell, units) => {
                let gates = if cell == Cell::Gru { 3 } else { 4 };
                let weights = gates * units * (units + 2) + units;
                flops(2 * weights).max(loads(weights))
            }
            Kind::Gemm(m, k, n) => flops(2 * m * k * n),
            Kind::Elementwise(_) | Kind::Softmax(_) => loads(workload.units() as usize),
            Kind::Update(rule, n) => match rule {
                Rule::Sgd => loads(2 * n),
                Rule::Momentum | Rule::Nesterov => loads(3 * n),
                Rule::AdaGrad | Rule::RmsProp => loads(3 * n).max(divisions(n)),
                Rule::Adam => loads(4 * n).max(divisions(n)),
            },
        }
    }

    /// The limits in one line.
    pub fn text(&self) -> String {
        format!(
            "{:.0} GFLOP/s multiply and add (not fused), loads {:.0} GB/s from L1 and {:.0} GB/s \
             from L2, {:.3} ns a division, {:.3} ns a square root",
            self.peak, self.l1, self.l2, self.division, self.root
        )
    }
}

/// Operations of a chain.
const REPEATS: usize = 4096;

fn lanes<S: Simd>(_: S) -> usize {
    S::LANES
}

/// Independent chains x ← f(x, a, b) of register operations.
#[inline(always)]
fn chains<S: Simd>(s: S, f: impl Fn(S::F, S::F, S::F) -> S::F) {
    let (a, b) = (s.splat(black_box(0.75)), s.splat(black_box(0.5)));
    let mut x = [s.splat(black_box(1.5)); CHAINS];
    for _ in 0..REPEATS {
        for x in &mut x {
            *x = f(*x, a, b);
        }
    }
    let sum = x.into_iter().reduce(|x, y| s.add(x, y)).map(|x| s.sum_lanes(x));
    black_box(sum);
}

/// GB/s of loads from an array of this size, each added to a sum.
fn load_speed(backend: Backend, bytes: usize) -> f64 {
    // From the beginning of a line of the cache: a load that crosses its end takes twice as long.
    let space = vec![1u32; bytes / 4 + 16];
    let values = &space[space.as_ptr().align_offset(64)..][..bytes / 4];
    // The compiler may change the order of a sum of integers, so that it adds whole registers.
    // Many passes: reading the clock takes about as long as one.
    let all = || {
        dispatch!(backend, _s => {
            for _ in 0..PASSES {
                let sum = black_box(values).iter().fold(0u32, |sum, x| sum.wrapping_add(*x));
                black_box(sum);
            }
        });
    };
    all();
    (PASSES * bytes) as f64 / best(all)
}

/// The shortest of many times, in nanoseconds.
fn best(f: impl Fn()) -> f64 {
    let time = || {
        let start = Instant::now();
        f();
        start.elapsed().as_nanos() as f64
    };
    (0..500).map(|_| time()).fold(f64::INFINITY, f64::min)
}
