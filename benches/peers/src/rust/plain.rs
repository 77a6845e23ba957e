//! Plain Rust: loops over arrays whose lengths are constants, which the compiler vectorizes. The
//! exponential is a polynomial without a branch (Cephes), for the same reason.

use std::hint::black_box;

use anyhow::Result;

use super::RESTART;
use super::by_hand::Plain as TwoLayers;
use super::by_hand::cnn::Cnn;
use crate::contender::{Contender, Peer, contender};
use crate::data::{Data, Samples};
use crate::reference::frame_weights;
use crate::workload::{CHECKED_STEPS, Cell, Function, Kind, Rule, SAMPLES, Workload, softmax_rows};

/// The peer.
pub fn peer() -> impl Peer {
    Plain
}

struct Plain;

/// eˣ: x = n·ln 2 + r, e^r by a polynomial of degree six.
#[inline(always)]
fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    // Rounds to an integer by adding 1.5·2²³.
    const ROUND: f32 = 12_582_912.0;
    let n = (x * std::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = x - n * 0.693_359_4 - n * -2.121_944_4e-4;
    let mut p = 1.987_569_1e-4;
    for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_6e-1, 0.5] {
        p = p * r + c;
    }
    let e = p * r * r + r + 1.0;
    // The rounded sum still holds n in its lowest bits.
    let bits = (n + ROUND).to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
    e * f32::from_bits(bits)
}

#[inline(always)]
fn tanh(x: f32) -> f32 {
    // Below 0.625 the difference would cancel.
    let x2 = x * x;
    let mut p = -5.704_988_7e-3;
    for c in [2.063_909e-2, -5.373_971e-2, 1.333_144_2e-1, -3.333_328e-1] {
        p = p * x2 + c;
    }
    let small = p * x2 * x + x;
    let large = 1.0 - 2.0 / (exp(2.0 * x.abs()) + 1.0);
    if x.abs() < 0.625 { small } else { large.copysign(x) }
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[inline(always)]
fn softmax(x: &mut [f32]) {
    let top = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    x.iter_mut().for_each(|x| *x = exp(*x - top));
    let mut sums = [0.0; 16];
    let (chunks, rest) = x.as_chunks::<16>();
    for chunk in chunks {
        sums.iter_mut().zip(chunk).for_each(|(sum, x)| *sum += x);
    }
    let sum: f32 = sums.iter().chain(rest).sum();
    x.iter_mut().for_each(|x| *x /= sum);
}

/// y ← b + x·w
#[inline(always)]
fn affine<const K: usize, const N: usize>(
    x: &[f32; K],
    w: &[[f32; N]; K],
    b: &[f32; N],
) -> [f32; N] {
    let mut y = *b;
    for (x, w) in x.iter().zip(w) {
        for (y, w) in y.iter_mut().zip(w) {
            *y += x * w;
        }
    }
    y
}

/// A network of two dense layers for inference.
struct Net<const I: usize, const H: usize, const O: usize> {
    w1: [[f32; H]; I],
    b1: [f32; H],
    w2: [[f32; O]; H],
    b2: [f32; O],
}

/// Takes the next rows of `N` values from the front of a slice.
fn take<const N: usize, const R: usize>(from: &mut &[f32]) -> [[f32; N]; R] {
    let (now, rest) = from.split_at(N * R);
    *from = rest;
    now.as_chunks().0.try_into().expect("as many rows")
}

impl<const I: usize, const H: usize, const O: usize> Net<I, H, O> {
    fn new(mut weights: &[f32]) -> Box<Self> {
        let w = &mut weights;
        Box::new(Self { w1: take(w), b1: take::<H, 1>(w)[0], w2: take(w), b2: take::<O, 1>(w)[0] })
    }

    #[inline(always)]
    fn predict(&self, x: &[f32; I]) -> [f32; O] {
        let mut h = affine(x, &self.w1, &self.b1);
        h.iter_mut().for_each(|h| *h = if O == 1 { tanh(*h) } else { h.max(0.0) });
        let mut y = affine(&h, &self.w2, &self.b2);
        if O == 1 {
            y[0] = sigmoid(y[0])
        } else {
            softmax(&mut y)
        }
        y
    }
}

fn one<'a, const I: usize, const H: usize, const O: usize>(
    samples: &'a Samples,
) -> Box<dyn Contender + 'a> {
    let net = Net::<I, H, O>::new(&samples.weights);
    let again = Net::<I, H, O>::new(&samples.weights);
    let x = samples.x.as_chunks::<I>().0;
    let check = move || Ok(x.iter().flat_map(|x| again.predict(x)).collect());
    contender(check, move |i| net.predict(black_box(&x[i % SAMPLES])))
}

fn batch<'a, const I: usize, const H: usize, const O: usize>(
    samples: &'a Samples,
) -> Box<dyn Contender + 'a> {
    let net = Net::<I, H, O>::new(&samples.weights);
    let again = Net::<I, H, O>::new(&samples.weights);
    let x = samples.x.as_chunks::<I>().0;
    let mut y = vec![[0.0; O]; x.len()];
    let check = move || Ok(x.iter().flat_map(|x| again.predict(x)).collect());
    contender(check, move |_| {
        for (x, y) in black_box(x).iter().zip(&mut y) {
            *y = net.predict(x);
        }
        black_box(&mut y);
    })
}

/// A training step of two layers.
macro_rules! step {
    ($data:expr, $net:expr, $i:literal - $h:literal - $o:literal, $b:literal, $step:ident) => {{
        let samples: &Samples = $data.net($net);
        let lr: f32 = $net.lr;
        let new = || {
            let mut net = Box::new(TwoLayers::<$i, $h, $o, $b>::new(&samples.weights));
            // As the workloads want it.
            net.epsilon = 1e-7;
            net
        };
        let x: &[[f32; $i]; $b] = samples.x[..$i * $b].as_chunks().0.try_into()?;
        let t: &[[f32; $o]; $b] = samples.t[..$o * $b].as_chunks().0.try_into()?;
        let check = move || {
            let mut net = new();
            Ok((0..CHECKED_STEPS).map(|_| net.$step(x, t, lr)).collect())
        };
        let (mut net, mut steps) = (new(), 0);
        contender(check, move |_| {
            steps += 1;
            if steps % RESTART == 0 {
                net = new();
            }
            net.$step(black_box(x), black_box(t), lr)
        })
    }};
}

fn cnn(samples: &Samples) -> Result<Box<dyn Contender + '_>> {
    let x: &[[[f32; 8]; 8]; SAMPLES] = samples.x.as_chunks::<8>().0.as_chunks().0.try_into()?;
    let t: [u8; SAMPLES] = std::array::from_fn(|i| (i % 10) as u8);
    let new = || Box::new(Cnn::<SAMPLES>::new(&samples.weights));
    let check = move || {
        let mut net = new();
        Ok((0..CHECKED_STEPS).map(|_| net.step(x, &t, 0.001)).collect())
    };
    let (mut net, mut steps) = (new(), 0);
    Ok(contender(check, move |_| {
        steps += 1;
        if steps % RESTART == 0 {
            net = new();
        }
        net.step(black_box(x), black_box(&t), 0.001)
    }))
}

/// The recurrent network of workload R with its gradient and Adam's moments.
struct Rnn {
    w: Vec<f32>,
    g: Vec<f32>,
    m: Vec<f32>,
    v: Vec<f32>,
    h: Box<[[[f32; 16]; 33]; 16]>,
    t: i32,
}

impl Rnn {
    fn new(weights: &[f32]) -> Self {
        let zero = vec![0.0; weights.len()];
        let h = Box::new([[[0.0; 16]; 33]; 16]);
        Self { w: weights.to_vec(), g: zero.clone(), m: zero.clone(), v: zero, h, t: 0 }
    }

    #[inline(never)]
    fn step(&mut self, x: &[[[f32; 8]; 32]; 16], t: &[f32; 16]) -> f32 {
        let mut w = self.w.as_slice();
        let (wx, wh): ([[f32; 16]; 8], [[f32; 16]; 16]) = (take(&mut w), take(&mut w));
        let ([b], [dense]): ([[f32; 16]; 1], [[f32; 16]; 1]) = (take(&mut w), take(&mut w));
        let (mut dwx, mut dwh, mut db) = ([[0.0; 16]; 8], [[0.0; 16]; 16], [0.0; 16]);
        let (mut ddense, mut dbias, mut loss) = ([0.0; 16], 0.0, 0.0);
        for ((x, t), h) in x.iter().zip(t).zip(self.h.iter_mut()) {
            for (k, x) in x.iter().enumerate() {
                h[k + 1] = affine(&h[k], &wh, &affine(x, &wx, &b)).map(tanh);
            }
            let y = w[0] + h[32].iter().zip(&dense).map(|(h, w)| h * w).sum::<f32>();
            loss += (y - t) * (y - t);
            let dy = 2.0 / 16.0 * (y - t);
            dbias += dy;
            ddense.iter_mut().zip(&h[32]).for_each(|(d, h)| *d += h * dy);
            let mut dh = dense.map(|w| w * dy);
            for (k, x) in x.iter().enumerate().rev() {
                dh.iter_mut().zip(&h[k + 1]).for_each(|(dh, h)| *dh *= 1.0 - h * h);
                for (x, dw) in x.iter().zip(&mut dwx) {
                    dw.iter_mut().zip(&dh).for_each(|(dw, dh)| *dw += x * dh);
                }
                for (h, dw) in h[k].iter().zip(&mut dwh) {
                    dw.iter_mut().zip(&dh).for_each(|(dw, dh)| *dw += h * dh);
                }
                db.iter_mut().zip(&dh).for_each(|(db, dh)| *db += dh);
                dh = wh.map(|w| w.iter().zip(&dh).map(|(w, dh)| w * dh).sum());
            }
        }
        let parts = [dwx.as_flattened(), dwh.as_flattened(), &db, &ddense, &[dbias]];
        let gradient = parts.into_iter().flatten();
        self.g.iter_mut().zip(gradient).for_each(|(g, d)| *g = *d);
        self.t += 1;
        let alpha = 0.001 * (1.0 - 0.999f32.powi(self.t)).sqrt() / (1.0 - 0.9f32.powi(self.t));
        update(Rule::Adam, alpha, &mut self.w, &self.g, &mut self.m, &mut self.v);
        loss / 16.0
    }
}

fn rnn(samples: &Samples) -> Result<Box<dyn Contender + '_>> {
    let x: &[[[f32; 8]; 32]; 16] = samples.x.as_chunks::<8>().0.as_chunks().0.try_into()?;
    let t: &[f32; 16] = samples.t.as_slice().try_into()?;
    let check = move || {
        let mut net = Rnn::new(&samples.weights);
        Ok((0..CHECKED_STEPS).map(|_| net.step(x, t)).collect())
    };
    let (mut net, mut steps) = (Rnn::new(&samples.weights), 0);
    Ok(contender(check, move |_| {
        steps += 1;
        if steps % RESTART == 0 {
            net = Rnn::new(&samples.weights);
        }
        net.step(black_box(x), black_box(t))
    }))
}

/// One update. `rate` is Adam's with its corrections.
#[inline(always)]
fn update(rule: Rule, rate: f32, w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
    let all = w.iter_mut().zip(g).zip(m).zip(v);
    match rule {
        Rule::Sgd => w.iter_mut().zip(g).for_each(|(w, g)| *w -= rate * g),
        Rule::Momentum => all.for_each(|(((w, g), m), _)| {
            *m = 0.9 * *m - rate * g;
            *w += *m;
        }),
        Rule::Nesterov => all.for_each(|(((w, g), m), _)| {
            *m = 0.9 * *m - rate * g;
            *w += 0.9 * *m - rate * g;
        }),
        Rule::AdaGrad => all.for_each(|(((w, g), h), _)| {
            *h += g * g;
            *w -= rate * g / (*h + 1e-7).sqrt();
        }),
        Rule::RmsProp => all.for_each(|(((w, g), h), _)| {
            *h = 0.9 * *h + 0.1 * g * g;
            *w -= rate * g / (*h + 1e-7).sqrt();
        }),
        Rule::Adam => all.for_each(|(((w, g), m), v)| {
            *m = 0.9 * *m + 0.1 * g;
            *v = 0.999 * *v + 0.001 * g * g;
            *w -= rate * *m / (v.sqrt() + 1e-7);
        }),
    }
}

fn updates(rule: Rule, n: usize, data: &Data) -> Box<dyn Contender + '_> {
    let (start, g) = (&data.pool[..n], &data.pool[n..2 * n]);
    let first = if rule == Rule::AdaGrad { 0.1 } else { 0.0 };
    let check = move || {
        let (mut w, mut m, mut v) = (start.to_vec(), vec![first; n], vec![0.0; n]);
        for t in 1..=CHECKED_STEPS as i32 {
            let correction = (1.0 - 0.999f32.powi(t)).sqrt() / (1.0 - 0.9f32.powi(t));
            let rate = if rule == Rule::Adam { 0.01 * correction } else { 0.01 };
            update(rule, rate, &mut w, g, &mut m, &mut v);
        }
        Ok(w)
    };
    let (mut w, mut m, mut v) = (start.to_vec(), vec![first; n], vec![0.0; n]);
    contender(check, move |_| {
        update(rule, black_box(1e-6), &mut w, black_box(g), &mut m, &mut v);
        black_box(&mut w);
    })
}

/// C = A·B, a row of C at a time.
macro_rules! product {
    ($data:expr, $mkn:expr, $($m:literal x $k:literal x $n:literal),*) => {
        match $mkn {
            $(($m, $k, $n) => {
                let (a, b) = $data.pool.split_at($m * $k);
                let a: &[[f32; $k]; $m] = a.as_chunks().0.try_into()?;
                let b: &[[f32; $n]; $k] = b[..$k * $n].as_chunks().0.try_into()?;
                let mut c = Box::new([[0.0; $n]; $m]);
                let mut again = c.clone();
                let product = |a: &[[f32; $k]; $m], c: &mut [[f32; $n]; $m]| {
                    for (a, c) in a.iter().zip(c) {
                        *c = affine(a, b, &[0.0; $n]);
                    }
                };
                let check = move || {
                    product(a, &mut again);
                    Ok(again.as_flattened().to_vec())
                };
                Some(contender(check, move |_| {
                    product(black_box(a), &mut c);
                    black_box(&mut c);
                }))
            })*
            _ => None,
        }
    };
}

/// Writes `f` of every value.
fn map<'a>(x: &'a [f32], f: impl Fn(f32) -> f32 + Copy + 'a) -> Box<dyn Contender + 'a> {
    let mut y = vec![0.0; x.len()];
    let check = move || Ok(x.iter().copied().map(f).collect());
    contender(check, move |_| {
        y.iter_mut().zip(black_box(x)).for_each(|(y, x)| *y = f(*x));
        black_box(&mut y);
    })
}

fn softmaxes<const N: usize>(data: &Data) -> Box<dyn Contender + '_> {
    let x = &data.values[..softmax_rows(N) * N];
    let rows = |x: &mut [f32]| x.as_chunks_mut::<N>().0.iter_mut().for_each(|x| softmax(x));
    let mut y = x.to_vec();
    let check = move || {
        let mut y = x.to_vec();
        rows(&mut y);
        Ok(y)
    };
    contender(check, move |_| {
        y.copy_from_slice(black_box(x));
        rows(&mut y);
        black_box(&mut y);
    })
}

/// A recurrent layer 1-U of `G` = `gates`·U columns, and a dense layer.
struct Frames<const U: usize, const G: usize> {
    cell: Cell,
    wx: [f32; G],
    wh: [[f32; G]; U],
    bias: [f32; G],
    state_bias: [f32; G],
    w: [f32; U],
    b: f32,
    h: [f32; U],
    c: [f32; U],
}

impl<const U: usize, const G: usize> Frames<U, G> {
    fn new(cell: Cell, data: &Data) -> Self {
        let weights = frame_weights(cell, U, data);
        let rest = &mut weights.as_slice();
        let ([wx], wh, [bias]) = (take::<G, 1>(rest), take::<G, U>(rest), take::<G, 1>(rest));
        let state_bias = if cell == Cell::Gru { take::<G, 1>(rest)[0] } else { [0.0; G] };
        let [w] = take::<U, 1>(rest);
        let b = rest[0];
        Self { cell, wx, wh, bias, state_bias, w, b, h: [0.0; U], c: [0.0; U] }
    }

    #[inline(always)]
    fn push(&mut self, x: f32) -> f32 {
        let hidden = affine(&self.h, &self.wh, &self.state_bias);
        let input: [f32; G] = std::array::from_fn(|j| self.bias[j] + x * self.wx[j]);
        let sum = |at: usize| input[at] + hidden[at];
        match self.cell {
            Cell::Gru => {
                for j in 0..U {
                    let (z, r) = (sigmoid(sum(j)), sigmoid(sum(U + j)));
                    let candidate = tanh(input[2 * U + j] + r * hidden[2 * U + j]);
                    self.h[j] = z * self.h[j] + (1.0 - z) * candidate;
                }
            }
            Cell::Lstm => {
                for j in 0..U {
                    let (i, f, o) = (sigmoid(sum(j)), sigmoid(sum(U + j)), sigmoid(sum(3 * U + j)));
                    self.c[j] = f * self.c[j] + i * tanh(sum(2 * U + j));
                    self.h[j] = o * tanh(self.c[j]);
                }
            }
        }
        self.b + self.h.iter().zip(&self.w).map(|(h, w)| h * w).sum::<f32>()
    }
}

fn frames<const U: usize, const G: usize>(cell: Cell, data: &Data) -> Box<dyn Contender + '_> {
    let x = &data.values[..SAMPLES];
    let check = move || {
        let mut net = Frames::<U, G>::new(cell, data);
        Ok(x.iter().map(|x| net.push(x / 8.0)).collect())
    };
    let mut net = Frames::<U, G>::new(cell, data);
    contender(check, move |i| net.push(black_box(x[i % SAMPLES])))
}

/// The contender of a network of the sweep from its kind, its width and its batch.
#[cfg(feature = "widths")]
macro_rules! swept {
    (
        $workload:expr, $net:expr, $data:expr;
        widths: $($w:literal)*; batches of $width:literal: $($b:literal)*
    ) => {
        match ($workload.kind, ($net.hidden, $net.batch)) {
            $(
                (Kind::Step(_), ($w, SAMPLES)) => {
                    step!($data, $net, $w - $w - 10, 32, step_classes)
                }
                (Kind::One(_), ($w, SAMPLES)) => one::<$w, $w, 10>($data.net($net)),
            )*
            $(
                (Kind::Step(_), ($width, $b)) => {
                    step!($data, $net, $width - $width - 10, $b, step_classes)
                }
            )*
            (Kind::Batch(_), ($width, _)) => batch::<$width, $width, 10>($data.net($net)),
            _ => return Ok(None),
        }
    };
}

/// The contender for a workload of the sweep.
#[cfg(feature = "widths")]
fn swept<'a>(
    workload: &Workload,
    net: &crate::workload::Net,
    data: &'a Data,
) -> Result<Option<Box<dyn Contender + 'a>>> {
    Ok(Some(swept!(
        workload, net, data;
        widths: 1 3 5 8 13 21 32 50 100 200 512 1024;
        batches of 32: 1 3 7 16 31 33 100 256 1024
    )))
}

impl Peer for Plain {
    fn name(&self) -> &str {
        "plain Rust loops"
    }

    fn contender<'a>(
        &'a self,
        workload: &Workload,
        data: &'a Data,
    ) -> Result<Option<Box<dyn Contender + 'a>>> {
        Ok(Some(match workload.kind {
            Kind::Step(net) | Kind::One(net) | Kind::Batch(net) if net.number == 0 => {
                #[cfg(feature = "widths")]
                return swept(workload, net, data);
                #[cfg(not(feature = "widths"))]
                return Ok(None);
            }
            Kind::Step(net) => match net.number {
                1 => step!(data, net, 2 - 8 - 1, 4, step_binary),
                2 => step!(data, net, 4 - 16 - 3, 16, step_classes),
                3 => step!(data, net, 64 - 32 - 10, 32, step_classes),
                _ => step!(data, net, 784 - 128 - 10, 32, step_classes),
            },
            Kind::Cnn => cnn(&data.cnn)?,
            Kind::Rnn => rnn(&data.rnn)?,
            Kind::One(net) => match net.number {
                1 => one::<2, 8, 1>(data.net(net)),
                2 => one::<4, 16, 3>(data.net(net)),
                3 => one::<64, 32, 10>(data.net(net)),
                _ => one::<784, 128, 10>(data.net(net)),
            },
            Kind::Batch(net) => match net.number {
                1 => batch::<2, 8, 1>(data.net(net)),
                2 => batch::<4, 16, 3>(data.net(net)),
                3 => batch::<64, 32, 10>(data.net(net)),
                _ => batch::<784, 128, 10>(data.net(net)),
            },
            Kind::Frame(cell @ Cell::Gru, 8) => frames::<8, 24>(cell, data),
            Kind::Frame(cell @ Cell::Gru, 24) => frames::<24, 72>(cell, data),
            Kind::Frame(cell @ Cell::Gru, 40) => frames::<40, 120>(cell, data),
            Kind::Frame(cell @ Cell::Lstm, 8) => frames::<8, 32>(cell, data),
            Kind::Frame(cell @ Cell::Lstm, 16) => frames::<16, 64>(cell, data),
            Kind::Frame(cell @ Cell::Lstm, 24) => frames::<24, 96>(cell, data),
            Kind::Frame(cell @ Cell::Lstm, 40) => frames::<40, 160>(cell, data),
            Kind::Frame(..) => return Ok(None),
            Kind::Gemm(m, k, n) => {
                return Ok(product!(
                    data, (m, k, n),
                    4 x 4 x 4, 7 x 7 x 7, 8 x 8 x 8, 16 x 16 x 16, 17 x 17 x 17, 32 x 32 x 32,
                    33 x 33 x 33, 64 x 64 x 64, 100 x 100 x 100, 128 x 128 x 128,
                    256 x 256 x 256, 32 x 784 x 128, 32 x 128 x 10, 1 x 784 x 128
                ));
            }
            Kind::Elementwise(Function::Exp) => map(&data.values, exp),
            Kind::Elementwise(Function::Tanh) => map(&data.values, tanh),
            Kind::Elementwise(Function::Sigmoid) => map(&data.values, sigmoid),
            Kind::Softmax(3) => softmaxes::<3>(data),
            Kind::Softmax(10) => softmaxes::<10>(data),
            Kind::Softmax(100) => softmaxes::<100>(data),
            Kind::Softmax(1000) => softmaxes::<1000>(data),
            Kind::Softmax(_) => return Ok(None),
            Kind::Update(rule, n) => updates(rule, n, data),
        }))
    }
}
