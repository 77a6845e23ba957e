//! A training step of a GRU over the digits' rows (8 steps of 8 pixels, 12 units, then 10 classes;
//! batch 32). Every backend and hand-written plain loops for the same network are timed in one run.
//!
//! `cargo bench --bench recurrent` prints criterion's estimates. The relevant figure is the ratio
//! of `plain` to a backend. Before the timing both run 20 steps from the same weights, and their
//! losses must agree within rounding.

use criterion::{Criterion, criterion_group, criterion_main};
use rosenblatt::{kernels::Backend, prelude::*};
use std::hint::black_box;

const I: usize = 8;
const U: usize = 12;
const T: usize = 8;
const O: usize = 10;
const B: usize = 32;
const G: usize = 3 * U;

type Net = Mlp<(Gru<I, U, T>, Dense<U, O, Softmax>)>;
type NetTrainer = Trainer<Net, SparseCategoricalCrossEntropy, Adam, B>;

/// The network written by hand. Parameters, gradients and moments are as in Keras. Loops run in the
/// order that the compiler vectorizes best, with the columns in the innermost loop. The activations
/// are `std`'s.
struct Plain {
    weights: [Param; 5],
    a: [[[f32; G]; B]; T],
    s: [[[f32; G]; B]; T],
    h: [[[f32; U]; B]; T],
    y: [[f32; O]; B],
    step: i32,
}

/// A weight matrix with gradient and moments.
struct Param {
    w: Vec<f32>,
    g: Vec<f32>,
    m: Vec<f32>,
    v: Vec<f32>,
}

impl Param {
    fn new(w: &[f32]) -> Self {
        let zero = vec![0.0; w.len()];
        Self { w: w.to_vec(), g: zero.clone(), m: zero.clone(), v: zero }
    }

    #[inline(always)]
    fn adam(&mut self, alpha: f32) {
        for (((w, g), m), v) in self.w.iter_mut().zip(&self.g).zip(&mut self.m).zip(&mut self.v) {
            *m = 0.9 * *m + 0.1 * g;
            *v = 0.999 * *v + 0.001 * g * g;
            *w -= alpha * *m / (v.sqrt() + 1e-8);
        }
    }
}

/// y ← y + x·w
#[inline(always)]
fn product<const N: usize>(x: &[f32], w: &[f32], y: &mut [f32; N]) {
    for (x, w) in x.iter().zip(w.as_chunks::<N>().0) {
        for (y, w) in y.iter_mut().zip(w) {
            *y += x * w;
        }
    }
}

/// dw ← dw + xᵀ·d
#[inline(always)]
fn outer<const N: usize>(x: &[f32], d: &[f32; N], dw: &mut [f32]) {
    for (x, dw) in x.iter().zip(dw.as_chunks_mut::<N>().0) {
        for (dw, d) in dw.iter_mut().zip(d) {
            *dw += x * d;
        }
    }
}

/// d·wᵀ
#[inline(always)]
fn back<const N: usize>(d: &[f32; N], w: &[f32], dx: &mut [f32; U]) {
    for (dx, w) in dx.iter_mut().zip(w.as_chunks::<N>().0) {
        *dx += d.iter().zip(w).map(|(d, w)| d * w).sum::<f32>();
    }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

impl Plain {
    fn new(net: &Net) -> Self {
        let mut weights = Vec::new();
        net.tensors(|_, values| weights.push(Param::new(values)));
        Self {
            weights: weights.try_into().ok().expect("five tensors"),
            a: [[[0.0; G]; B]; T],
            s: [[[0.0; G]; B]; T],
            h: [[[0.0; U]; B]; T],
            y: [[0.0; O]; B],
            step: 0,
        }
    }

    #[inline(never)]
    fn step(&mut self, x: &[[[f32; I]; T]; B], t: &[u8; B], lr: f32) -> f32 {
        let Self { weights: [w, u, b, dense, bias], a, s, h, y, .. } = self;
        let mut state = [[0.0; U]; B];
        for k in 0..T {
            for i in 0..B {
                let (a, s, state) = (&mut a[k][i], &mut s[k][i], &mut state[i]);
                a.copy_from_slice(&b.w[..G]);
                s.copy_from_slice(&b.w[G..]);
                h[k][i] = *state;
                product(&x[i][k], &w.w, a);
                product(&*state, &u.w, s);
                for j in 0..U {
                    let (z, r) = (sigmoid(a[j] + s[j]), sigmoid(a[U + j] + s[U + j]));
                    let c = (a[2 * U + j] + r * s[2 * U + j]).tanh();
                    (a[j], a[U + j], a[2 * U + j]) = (z, r, c);
                    state[j] = z * state[j] + (1.0 - z) * c;
                }
            }
        }
        let mut loss = 0.0;
        for ((y, state), t) in y.iter_mut().zip(&state).zip(t) {
            y.copy_from_slice(&bias.w);
            product(state, &dense.w, y);
            let top = y.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            y.iter_mut().for_each(|y| *y = (*y - top).exp());
            let sum: f32 = y.iter().sum();
            y.iter_mut().for_each(|y| *y /= sum);
            loss -= y[usize::from(*t)].max(1e-7).ln();
            y[usize::from(*t)] -= 1.0;
            y.iter_mut().for_each(|y| *y *= 1.0 / B as f32);
        }
        for p in [&mut *w, u, b, dense, bias] {
            p.g.fill(0.0);
        }
        for i in 0..B {
            outer(&state[i], &y[i], &mut dense.g);
            bias.g.iter_mut().zip(&y[i]).for_each(|(g, d)| *g += d);
            let mut dh = [0.0; U];
            back(&y[i], &dense.w, &mut dh);
            for k in (0..T).rev() {
                let (a, s, before) = (&mut a[k][i], &mut s[k][i], &h[k][i]);
                for j in 0..U {
                    let (z, r, c) = (a[j], a[U + j], a[2 * U + j]);
                    let dz = dh[j] * (before[j] - c) * z * (1.0 - z);
                    let dc = dh[j] * (1.0 - z) * (1.0 - c * c);
                    let dr = dc * s[2 * U + j] * r * (1.0 - r);
                    (a[j], a[U + j], a[2 * U + j]) = (dz, dr, dc);
                    (s[j], s[U + j], s[2 * U + j]) = (dz, dr, dc * r);
                    dh[j] *= z;
                }
                back(&*s, &u.w, &mut dh);
                outer(&x[i][k], &*a, &mut w.g);
                outer(before, &*s, &mut u.g);
                b.g[..G].iter_mut().zip(&*a).for_each(|(g, d)| *g += d);
                b.g[G..].iter_mut().zip(&*s).for_each(|(g, d)| *g += d);
            }
        }
        self.step += 1;
        let alpha = lr * (1.0 - 0.999f32.powi(self.step)).sqrt() / (1.0 - 0.9f32.powi(self.step));
        self.weights.iter_mut().for_each(|p| p.adam(alpha));
        loss / B as f32
    }
}

fn recurrent(c: &mut Criterion) {
    let mut rng = rosenblatt::Rng::new(Seed(7));
    let mut x = Box::new([[[0.0; I]; T]; B]);
    x.as_flattened_mut().as_flattened_mut().iter_mut().for_each(|x| *x = rng.uniform());
    let t: [u8; B] = std::array::from_fn(|i| (i % O) as u8);
    let adam = Adam::DEFAULT;
    let start = Net::init(Seed(1957));

    let mut by_hand = Box::new(Plain::new(&start));
    let (mut net, mut trainer) = (start.clone(), Box::new(NetTrainer::ZERO));
    for step in 0..20 {
        let ours = trainer
            .step(&mut net, Dataset::new(&x[..], &t).expect("as many targets"), &adam)
            .expect("a finite loss");
        let theirs = by_hand.step(&x, &t, adam.lr);
        assert!((ours - theirs).abs() <= 1e-3 * theirs, "step {step}: {ours} and by hand {theirs}");
    }

    let mut group = c.benchmark_group("gru 8x8-12-10 batch 32");
    group.bench_function("plain", |b| {
        b.iter(|| by_hand.step(black_box(&x), black_box(&t), adam.lr))
    });
    for backend in Backend::available() {
        let (mut net, mut trainer) = (start.clone(), Box::new(NetTrainer::ZERO));
        group.bench_function(backend.name(), |b| {
            b.iter(|| {
                trainer
                    .on(backend)
                    .step(
                        &mut net,
                        Dataset::new(black_box(&x[..]), black_box(&t)).expect("as many targets"),
                        &adam,
                    )
                    .expect("a finite loss")
            });
        });
    }
    group.finish();

    let mut group = c.benchmark_group("gru 8x8-12-10, one frame");
    for backend in Backend::available() {
        let mut stream = start.stream();
        group.bench_function(backend.name(), |b| {
            b.iter(|| stream.on(backend).push(black_box(&x[0][0])))
        });
    }
    group.finish();
}

criterion_group!(benches, recurrent);
criterion_main!(benches);
