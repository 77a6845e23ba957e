//! Convolution and pooling. The bits are compared with plain loops that follow the contract
//! (`kernels/NUMERICS.md`), the gradients with finite differences in f64.

use crate::support;
use crate::support::dataset;

use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed},
};
use rosenblatt::{
    Backend, Rng,
    kernels::{F32Array, F32Rows, OutOfLine, Simd, dispatch},
    layer::{AvgPool1d, Context, GlobalAvgPool1d, Layer, Map, Same, Signal, Trainable, Valid},
    prelude::*,
    sequential::ComposedOf,
};
use std::ops::{Add, Div, Mul};
use support::{
    amount, backends, bits, draw, roomy, samples,
    slopes::{Tolerance, slopes},
};

/// What a layer computes from a window.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Conv,
    Max,
    Average,
}

/// A layer as the reference describes it.
#[derive(Clone, Copy, Debug)]
struct Plan {
    kind: Kind,
    input: [usize; 3],
    output: [usize; 3],
    window: [usize; 2],
    stride: [usize; 2],
    same: bool,
    activation: fn(f64) -> f64,
}

/// f32 for the bits, f64 for the reference.
trait Real: Copy + PartialOrd + Add<Output = Self> + Mul<Output = Self> + Div<Output = Self> {
    fn of(x: f32) -> Self;
}
impl Real for f32 {
    fn of(x: f32) -> Self {
        x
    }
}
impl Real for f64 {
    fn of(x: f32) -> Self {
        x.into()
    }
}

impl Plan {
    /// Position in the input of place (u, v) in the window of output (i, j), by Keras' formula.
    /// `None` in the padding.
    fn place(&self, i: usize, j: usize, u: usize, v: usize) -> Option<usize> {
        let along = |axis: usize, window: usize, place: usize| {
            let (n, out, k) = (self.input[axis], self.output[axis], self.window[axis]);
            let total =
                ((out as isize - 1) * self.stride[axis] as isize + k as isize - n as isize).max(0);
            let before = if self.same { total / 2 } else { 0 };
            let at = (window * self.stride[axis] + place) as isize - before;
            usize::try_from(at).ok().filter(|at| *at < n)
        };
        Some((along(0, i, u)? * self.input[1] + along(1, j, v)?) * self.input[2])
    }

    /// Calls `see` for each window, row by row, with its index and the input position of each of
    /// its places, row by row.
    fn windows(&self, mut see: impl FnMut(usize, &[Option<usize>])) {
        for i in 0..self.output[0] {
            for j in 0..self.output[1] {
                let places: Vec<_> = (0..self.window[0])
                    .flat_map(|u| (0..self.window[1]).map(move |v| (u, v)))
                    .map(|(u, v)| self.place(i, j, u, v))
                    .collect();
                see(i * self.output[1] + j, &places);
            }
        }
    }

    /// Output of one sample before the activation, in the contract's order of accumulation.
    fn forward<R: Real>(&self, p: &[R], x: &[R]) -> Vec<R> {
        let (c, f) = (self.input[2], self.output[2]);
        let mut y = Vec::new();
        self.windows(|_, places| {
            let real: Vec<usize> = places.iter().flatten().copied().collect();
            for f_ in 0..f {
                y.push(match self.kind {
                    Kind::Conv => {
                        let (w, b) = p.split_at(places.len() * c * f);
                        let mut sum = b[f_];
                        for (q, place) in places.iter().enumerate() {
                            for c_ in 0..c {
                                let x = place.map_or(R::of(0.0), |at| x[at + c_]);
                                sum = sum + x * w[(q * c + c_) * f + f_];
                            }
                        }
                        sum
                    }
                    Kind::Max => {
                        let mut top = R::of(f32::NEG_INFINITY);
                        for at in &real {
                            let x = x[at + f_];
                            #[allow(clippy::eq_op, reason = "a NaN is what differs from itself")]
                            if top < x || x != x {
                                top = x;
                            }
                        }
                        top
                    }
                    Kind::Average => {
                        let sum = real.iter().fold(R::of(0.0), |sum, at| sum + x[at + f_]);
                        sum / R::of(real.len() as f32)
                    }
                });
            }
        });
        y
    }

    /// The least distance from a kink: between the two greatest values of a window, or between a
    /// relu's input and 0.
    fn margin(&self, p: &[f64], x: &[f64]) -> f64 {
        let mut least = f64::INFINITY;
        if (self.activation)(-1.0) == 0.0 {
            least = self.forward(p, x).iter().fold(least, |least, z| least.min(z.abs()));
        }
        if self.kind == Kind::Max {
            self.windows(|_, places| {
                for c in 0..self.input[2] {
                    let mut values: Vec<f64> =
                        places.iter().flatten().map(|at| x[at + c]).collect();
                    values.sort_by(f64::total_cmp);
                    if let [.., next, top] = values[..] {
                        least = least.min(top - next);
                    }
                }
            });
        }
        least
    }

    /// dp and dx of several samples from the gradient before the activation, in the contract's
    /// order of accumulation.
    fn backward(&self, p: &[f32], x: &[Vec<f32>], dy: &[Vec<f32>]) -> (Vec<f32>, Vec<Vec<f32>>) {
        let (c, f) = (self.input[2], self.output[2]);
        let mut dp = vec![0.0; p.len()];
        let mut dxs = Vec::new();
        for (x, dy) in x.iter().zip(dy) {
            let mut dx = vec![0.0; x.len()];
            let y = self.forward(p, x);
            self.windows(|window, places| {
                let (y, dy) = (&y[window * f..][..f], &dy[window * f..][..f]);
                match self.kind {
                    Kind::Conv => {
                        let weights = places.len() * c * f;
                        for (q, place) in places.iter().enumerate() {
                            for c_ in 0..c {
                                let w = &p[(q * c + c_) * f..][..f];
                                let x = place.map_or(0.0, |at| x[at + c_]);
                                for (dw, dy) in dp[(q * c + c_) * f..][..f].iter_mut().zip(dy) {
                                    *dw += x * dy;
                                }
                                let part = dy.iter().zip(w).fold(0.0, |sum, (dy, w)| sum + dy * w);
                                if let Some(at) = place {
                                    dx[at + c_] += part;
                                }
                            }
                        }
                        for (db, dy) in dp[weights..].iter_mut().zip(dy) {
                            *db += dy;
                        }
                    }
                    Kind::Max => {
                        for c_ in 0..c {
                            let at = places
                                .iter()
                                .flatten()
                                .find(|at| {
                                    x[*at + c_].partial_cmp(&y[c_])
                                        != Some(std::cmp::Ordering::Less)
                                })
                                .expect("a real place");
                            dx[at + c_] += dy[c_];
                        }
                    }
                    Kind::Average => {
                        let real = places.iter().flatten().count();
                        for at in places.iter().flatten() {
                            for c_ in 0..c {
                                dx[at + c_] += dy[c_] / real as f32;
                            }
                        }
                    }
                }
            });
            dxs.push(dx);
        }
        (dp, dxs)
    }
}

/// A number of the given sort: 0 is ordinary; 1 is one of few values, among them both zeros; 2 is
/// small, with products that are subnormal or zero; 3 can be an infinity or NaN.
fn number(rng: &mut Rng, sort: usize) -> f32 {
    match sort {
        0 => draw(rng, 1.0),
        1 => [0.0, -0.0, 1.0, -1.0, 2.0, 0.5][rng.next_u32() as usize % 6],
        2 => draw(rng, 1.0) * 2f32.powi(-70 - (rng.next_u32() % 16) as i32),
        _ => match rng.next_u32() % 40 {
            0 => f32::NAN,
            1 => f32::INFINITY,
            2 => f32::NEG_INFINITY,
            _ => draw(rng, 1.0),
        },
    }
}

fn fill<T: F32Array>(rng: &mut Rng, sort: usize) -> T {
    let mut values = T::ZERO;
    values.as_flat_mut().iter_mut().for_each(|x| *x = number(rng, sort));
    values
}

/// Capacity in samples. Batches may be smaller.
const B: usize = 5;

/// Results of a layer for several samples: y by inference, y by training, dp, dx. With `fused`, dy
/// is the gradient before the activation.
type Made = [Vec<Vec<u32>>; 4];

#[inline(always)]
fn make<S: Simd, L: Trainable>(
    s: S,
    p: &L::Params,
    x: &[L::Input],
    dy: &[L::Output],
    alone: bool,
    fused: bool,
) -> Made {
    let buffers = L::Buffers::ZERO;
    let mut y = vec![L::Output::ZERO; x.len()];
    if alone {
        L::infer::<_, B>(s, p, &buffers, x, &mut y);
    } else {
        L::infer::<_, B>(OutOfLine(s), p, &buffers, x, &mut y);
    }
    let mut tape = Box::new(L::Tape::<B>::ZERO);
    let (mut dy, mut dp, mut dx) = (dy.to_vec(), L::Params::ZERO, vec![L::Input::ZERO; x.len()]);
    // The buffers' old contents must not matter.
    dp.as_flat_mut().fill(f32::NAN);
    dx.iter_mut().for_each(|dx| dx.as_flat_mut().fill(f32::NAN));
    L::forward::<_, B>(s, Context::TRAINING, p, &buffers, x, &mut tape);
    let trained: Vec<_> =
        L::output::<B>(&tape)[..x.len()].iter().map(|y| bits(y.as_flat())).collect();
    L::backward::<_, B>(s, p, x, &mut tape, &mut dy, fused, &mut dp, Some(&mut dx));
    [
        y.iter().map(|y| bits(y.as_flat())).collect(),
        trained,
        vec![bits(dp.as_flat())],
        dx.iter().map(|dx| bits(dx.as_flat())).collect(),
    ]
}

/// Checks linear layers: the contract's bits on every backend, for batches of several sizes.
fn same_bits<L: Trainable>(plan: Plan) {
    let flat = |rows: &[Vec<f32>]| rows.iter().map(|row| bits(row)).collect::<Vec<_>>();
    for sort in 0..4 {
        for m in [1, 2, B] {
            let mut rng = Rng::new(Seed((sort * 10 + m) as u64));
            let p: L::Params = fill(&mut rng, sort);
            let x: Vec<L::Input> = (0..m).map(|_| fill(&mut rng, sort)).collect();
            let dy: Vec<L::Output> = (0..m).map(|_| fill(&mut rng, sort)).collect();
            let rows: Vec<_> = x.iter().map(|x| x.as_flat().to_vec()).collect();
            let y: Vec<_> = rows.iter().map(|x| plan.forward(p.as_flat(), x)).collect();
            let dys: Vec<_> = dy.iter().map(|dy| dy.as_flat().to_vec()).collect();
            let (dp, dx) = plan.backward(p.as_flat(), &rows, &dys);
            let want = [flat(&y), flat(&y), flat(&[dp]), flat(&dx)];
            for backend in backends() {
                let got = dispatch!(backend, s => make::<_, L>(s, &p, &x, &dy, m == 1, true));
                for ((got, want), part) in
                    got.iter().zip(&want).zip(["y", "y in training", "dp", "dx"])
                {
                    assert_eq!(
                        got, want,
                        "{part} of {m} samples of sort {sort} on {backend}: {plan:?}"
                    );
                }
            }
        }
    }
}

/// Least distance of a relu's input from 0, and of a window's two greatest values from each other.
const MARGIN: f64 = 2e-4;
/// Some tens of roundings of 6e-8 each.
const TOLERANCE: Tolerance = Tolerance { relative: 2e-5, floor: 1e-6, least: 0.0, visible: 5e-4 };

/// Compares y, dp and dx under the loss Σ dy·y with the reference. Checks that every backend has
/// the same bits.
fn differences<L: Trainable>(plan: Plan) {
    let wide = |x: &[f32]| x.iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
    for m in [1, B] {
        let (p, x, dy) = (0..1000)
            .map(|seed| {
                let mut rng = Rng::new(Seed(seed));
                let mut p = L::Params::ZERO;
                p.as_flat_mut().iter_mut().for_each(|w| *w = draw(&mut rng, 0.9));
                (p, samples::<L::Input>(&mut rng, m, 0.9), samples::<L::Output>(&mut rng, m, 1.0))
            })
            .find(|(p, x, _)| {
                x.iter().all(|x| plan.margin(&wide(p.as_flat()), &wide(x.as_flat())) > MARGIN)
            })
            .expect("some seed will do");
        let (weights, inputs, dys) = (wide(p.as_flat()), wide(x.flat()), wide(dy.flat()));
        let outputs = |p: &[f64], x: &[f64]| {
            let samples = x.chunks(L::Input::LEN).flat_map(|x| plan.forward(p, x));
            samples.map(plan.activation).collect::<Vec<_>>()
        };
        let cost =
            |p: &[f64], x: &[f64]| outputs(p, x).iter().zip(&dys).map(|(y, dy)| y * dy).sum();
        let want = [
            outputs(&weights, &inputs),
            slopes(&weights, |p| cost(p, &inputs)),
            slopes(&inputs, |x| cost(&weights, x)),
        ];
        let mut first: Option<Made> = None;
        for backend in backends() {
            let made = dispatch!(backend, s => make::<_, L>(s, &p, &x, &dy, true, false));
            assert!(
                *first.get_or_insert_with(|| made.clone()) == made,
                "{m} samples on {backend}: other bits: {plan:?}"
            );
            let [_, y, dp, dx] = made;
            for ((got, want), part) in [y, dp, dx].iter().zip(&want).zip(["y", "dp", "dx"]) {
                let got: Vec<f32> = got.concat().into_iter().map(f32::from_bits).collect();
                if let Err(error) = TOLERANCE.judge(&got, want) {
                    panic!("{part} of {m} samples on {backend}: {error}: {plan:?}");
                }
            }
        }
    }
}

fn linear(z: f64) -> f64 {
    z
}

fn tanh(z: f64) -> f64 {
    z.tanh()
}

fn relu(z: f64) -> f64 {
    z.max(0.0)
}

/// Two tests per layer: the bits of its linear form, and the gradients. The reference gets the
/// layer's sizes as numbers.
macro_rules! layers {
    ($($name:ident: $kind:ident [$($input:literal),*] -> [$($output:literal),*],
        window $window:expr, stride $stride:expr, $same:literal,
        $linear:ty $(, $activated:ty, $activation:ident)?;)*) => {$(
        mod $name {
            use super::*;
            const PLAN: Plan = Plan {
                kind: Kind::$kind,
                input: [$($input),*],
                output: [$($output),*],
                window: $window,
                stride: $stride,
                same: $same,
                activation: linear,
            };

            #[test]
            fn has_the_bits_of_the_contract() {
                roomy(|| same_bits::<$linear>(PLAN));
            }

            #[test]
            fn has_the_gradients_of_finite_differences() {
                #[allow(unused_mut, unused_assignments, reason = "only some have an activation")]
                let mut run: fn() = || differences::<$linear>(PLAN);
                $(run = || differences::<$activated>(Plan { activation: $activation, ..PLAN });)?
                roomy(run);
            }
        }
    )*};
}

layers! {
    one_place: Conv [1, 1, 1] -> [1, 1, 1], window [1, 1], stride [1, 1], false,
        Conv2d<Map<1, 1, 1>, Map<1, 1, 1>, 1, 1>;
    digits: Conv [8, 8, 1] -> [6, 6, 8], window [3, 3], stride [1, 1], false,
        Conv2d<Map<8, 8, 1>, Map<6, 6, 8>, 3, 3>,
        Conv2d<Map<8, 8, 1>, Map<6, 6, 8>, 3, 3, Relu>, relu;
    same_with_stride: Conv [5, 7, 3] -> [3, 4, 5], window [3, 3], stride [2, 2], true,
        Conv2d<Map<5, 7, 3>, Map<3, 4, 5>, 3, 3, Linear, Same, 2>,
        Conv2d<Map<5, 7, 3>, Map<3, 4, 5>, 3, 3, Relu, Same, 2>, relu;
    same_even_window: Conv [6, 5, 2] -> [6, 5, 3], window [2, 4], stride [1, 1], true,
        Conv2d<Map<6, 5, 2>, Map<6, 5, 3>, 2, 4, Linear, Same>,
        Conv2d<Map<6, 5, 2>, Map<6, 5, 3>, 2, 4, Tanh, Same>, tanh;
    same_window_beyond_the_input: Conv [2, 3, 2] -> [2, 3, 2], window [5, 6], stride [1, 1], true,
        Conv2d<Map<2, 3, 2>, Map<2, 3, 2>, 5, 6, Linear, Same>;
    same_stride_beyond_the_window: Conv [7, 7, 1] -> [3, 2, 4], window [1, 2], stride [3, 5], true,
        Conv2d<Map<7, 7, 1>, Map<3, 2, 4>, 1, 2, Linear, Same, 3, 5>;
    stride_beyond_the_window: Conv [9, 10, 2] -> [3, 3, 4], window [2, 1], stride [3, 4], false,
        Conv2d<Map<9, 10, 2>, Map<3, 3, 4>, 2, 1, Linear, Valid, 3, 4>;
    window_beyond_the_stride: Conv [9, 6, 1] -> [3, 4, 2], window [5, 3], stride [2, 1], false,
        Conv2d<Map<9, 6, 1>, Map<3, 4, 2>, 5, 3, Linear, Valid, 2, 1>;
    many_channels: Conv [4, 4, 17] -> [3, 3, 33], window [2, 2], stride [1, 1], false,
        Conv2d<Map<4, 4, 17>, Map<3, 3, 33>, 2, 2>;
    one_filter: Conv [4, 5, 3] -> [3, 3, 1], window [2, 3], stride [1, 1], false,
        Conv2d<Map<4, 5, 3>, Map<3, 3, 1>, 2, 3>;
    pointwise: Conv [3, 4, 5] -> [3, 4, 9], window [1, 1], stride [1, 1], false,
        Conv2d<Map<3, 4, 5>, Map<3, 4, 9>, 1, 1>;
    whole: Conv [3, 4, 2] -> [1, 1, 6], window [3, 4], stride [1, 1], false,
        Conv2d<Map<3, 4, 2>, Map<1, 1, 6>, 3, 4>;
    tall: Conv [11, 3, 1] -> [10, 3, 2], window [2, 1], stride [1, 1], false,
        Conv2d<Map<11, 3, 1>, Map<10, 3, 2>, 2, 1>;
    signal: Conv [1, 10, 3] -> [1, 4, 5], window [1, 4], stride [1, 2], false,
        Conv1d<Signal<10, 3>, Signal<4, 5>, 4, Linear, Valid, 2>,
        Conv1d<Signal<10, 3>, Signal<4, 5>, 4, Relu, Valid, 2>, relu;
    signal_same: Conv [1, 10, 2] -> [1, 4, 3], window [1, 6], stride [1, 3], true,
        Conv1d<Signal<10, 2>, Signal<4, 3>, 6, Linear, Same, 3>;

    greatest: Max [6, 6, 8] -> [3, 3, 8], window [2, 2], stride [2, 2], false,
        MaxPool2d<Map<6, 6, 8>, Map<3, 3, 8>, 2>;
    greatest_rows_left_over: Max [5, 7, 3] -> [2, 3, 3], window [2, 2], stride [2, 2], false,
        MaxPool2d<Map<5, 7, 3>, Map<2, 3, 3>, 2>;
    greatest_same: Max [5, 6, 2] -> [3, 2, 2], window [2, 3], stride [2, 3], true,
        MaxPool2d<Map<5, 6, 2>, Map<3, 2, 2>, 2, 3, Same>;
    greatest_overlapping: Max [5, 5, 17] -> [5, 5, 17], window [3, 3], stride [1, 1], true,
        MaxPool2d<Map<5, 5, 17>, Map<5, 5, 17>, 3, 3, Same, 1>;
    greatest_stride_beyond_the_window: Max [7, 8, 1] -> [2, 3, 1],
        window [2, 1], stride [4, 3], false,
        MaxPool2d<Map<7, 8, 1>, Map<2, 3, 1>, 2, 1, Valid, 4, 3>;
    greatest_of_signal: Max [1, 9, 4] -> [1, 4, 4], window [1, 3], stride [1, 2], false,
        MaxPool1d<Signal<9, 4>, Signal<4, 4>, 3, Valid, 2>;
    mean: Average [8, 8, 6] -> [4, 4, 6], window [2, 2], stride [2, 2], false,
        AvgPool2d<Map<8, 8, 6>, Map<4, 4, 6>, 2>;
    mean_same: Average [5, 4, 9] -> [3, 2, 9], window [3, 3], stride [2, 2], true,
        AvgPool2d<Map<5, 4, 9>, Map<3, 2, 9>, 3, 3, Same, 2>;
    mean_of_signal: Average [1, 7, 2] -> [1, 4, 2], window [1, 2], stride [1, 2], true,
        AvgPool1d<Signal<7, 2>, Signal<4, 2>, 2, Same>;
    mean_of_all: Average [3, 5, 7] -> [1, 1, 7], window [3, 5], stride [1, 1], false,
        GlobalAvgPool2d<Map<3, 5, 7>>;
    mean_of_all_steps: Average [1, 6, 3] -> [1, 1, 3], window [1, 6], stride [1, 1], false,
        GlobalAvgPool1d<Signal<6, 3>>;
}

/// Computed by hand. Of an odd number of padded rows, the smaller half lies before the input.
#[test]
fn same_pads_the_smaller_half_before() {
    let sums = |x: [f32; 3]| {
        let mut net = Mlp::<(Conv1d<Signal<3, 1>, Signal<3, 1>, 2, Linear, Same>,)>::ZERO;
        net.set_tensors(&[&[1.0, 10.0], &[0.0]]).expect("a kernel and a bias");
        net.predict(&x.map(|x| [x])).map(|[y]| y)
    };
    assert_eq!(sums([1.0, 2.0, 3.0]), [21.0, 32.0, 3.0]);
    let net = Mlp::<(AvgPool1d<Signal<4, 1>, Signal<4, 1>, 4, Same, 1>,)>::ZERO;
    assert_eq!(net.predict(&[[1.0], [2.0], [6.0], [3.0]]), [[3.0], [3.0], [11.0 / 3.0], [4.5]]);
}

/// The summary's text, and the names and shapes that Keras gives the tensors.
#[test]
fn described_as_in_keras() {
    type Net = Mlp<(
        Conv2d<Map<8, 8, 1>, Map<8, 8, 6>, 3, 3, Tanh, Same>,
        AvgPool2d<Map<8, 8, 6>, Map<4, 4, 6>, 2>,
        Conv2d<Map<4, 4, 6>, Map<2, 2, 8>, 3, 3, Relu, Same, 2>,
        Flatten<Map<2, 2, 8>, 32>,
        Dense<32, 10, Softmax>,
    )>;
    let mut tensors = Vec::new();
    Net::ZERO.tensors(|tensor, values| {
        tensors.push(format!("{} {} {}", tensor.name, tensor.shape, values.len()))
    });
    let want = [
        "kernel (3, 3, 1, 6) 54",
        "bias (6) 6",
        "kernel (3, 3, 6, 8) 432",
        "bias (8) 8",
        "kernel (32, 10) 320",
        "bias (10) 10",
    ];
    assert_eq!(tensors, want);
    let summary = Net::summary().to_string();
    for line in [
        "Conv2d          64   8x8x6   tanh                 60",
        "AvgPool2d      384   4x4x6                         0",
        "Flatten         32      32                         0",
    ] {
        assert!(summary.contains(line), "{summary}");
    }
    assert_eq!(<ComposedOf<(Conv2d<Map<8, 8, 3>, Map<6, 6, 5>, 3, 3>,)> as Layer>::KERNEL_LEN, 135);
    // Keras' fans: fan_in is window · channels, fan_out is window · filters.
    let net = Mlp::<(Conv2d<Map<8, 8, 3>, Map<6, 6, 5>, 3, 3>,)>::init(Seed(1));
    let limit = (6.0f32 / (27.0 + 45.0)).sqrt();
    let top = net.params().w.as_flat().iter().fold(0f32, |top, w| top.max(w.abs()));
    assert!(top <= limit && top > 0.95 * limit, "{top} of {limit}");
    assert_eq!(net.params().b, [0.0; 5]);
}

type Reader = (
    Conv2d<Map<6, 7, 2>, Map<6, 7, 5>, 3, 3, Relu, Same>,
    MaxPool2d<Map<6, 7, 5>, Map<3, 3, 5>, 2>,
    Conv2d<Map<3, 3, 5>, Map<2, 2, 9>, 2, 2, Tanh>,
    Flatten<Map<2, 2, 9>, 36>,
    Dense<36, 4, Softmax>,
);

proptest! {
    #![proptest_config(Config {
        cases: amount(100, 10),
        rng_seed: RngSeed::Fixed(1957),
        failure_persistence: None,
        ..Config::default()
    })]

    /// A prediction has the same bits alone, in any batch, in the trainer and on any backend. So
    /// has a training step.
    #[test]
    fn a_batch_is_its_samples(
        seed: u64,
        m in 1usize..20,
        weights in -60i32..60,
        inputs in -60i32..60,
    ) {
        let mut rng = Rng::new(Seed(seed));
        let mut net = Mlp::<Reader>::ZERO;
        net.params_mut()
            .as_flat_mut()
            .iter_mut()
            .for_each(|w| *w = draw(&mut rng, 2f32.powi(weights)));
        let x: Vec<Map<6, 7, 2>> = samples(&mut rng, m, 2f32.powi(inputs));
        let t: Vec<u8> = (0..m).map(|i| (i % 4) as u8).collect();
        let want: Vec<_> =
            x.iter().map(|x| bits(&net.on(Backend::baseline()).predict(x))).collect();
        let mut trained = None;
        for backend in backends() {
            let mut y = vec![[0.0; 4]; m];
            net.on(backend).predict_batch(&x, &mut y).expect("as many outputs as inputs");
            for (i, (y, x)) in y.iter().zip(&x).enumerate() {
                prop_assert_eq!(&bits(y), &want[i], "sample {} of {} on {}", i, m, backend);
                prop_assert_eq!(
                    &bits(&net.on(backend).predict(x)),
                    &want[i],
                    "sample {} alone on {}",
                    i,
                    backend
                );
            }
            let mut trainer =
                Box::new(Trainer::<Mlp<Reader>, SparseCategoricalCrossEntropy, Sgd, 20>::ZERO);
            let y = trainer.predict_batch(&net, &x).expect("fits");
            prop_assert!(y.iter().zip(&want).all(|(y, want)| bits(y) == *want));
            let mut net = net.clone();
            let loss = trainer
                .on(backend)
                .step(&mut net, dataset(&x, &t), &Sgd::with_lr(0.1))
                .map(f32::to_bits);
            let outcome = (loss.ok(), net.hash());
            prop_assert_eq!(*trained.get_or_insert(outcome), outcome, "a step on {}", backend);
        }
    }
}
