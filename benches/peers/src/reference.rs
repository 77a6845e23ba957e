//! What every workload must compute: naive loops in f64.

use crate::data::{Data, Samples};
use crate::workload::{
    CHECKED_STEPS, Cell, Function, Kind, Net, Rule, SAMPLES, Workload, softmax_rows,
};

/// A number per unit, such as the activations of a layer.
type Row = Vec<f64>;

/// The numbers that [`Contender::check`](crate::contender::Contender::check) must return.
pub fn expected(workload: &Workload, data: &Data) -> Vec<f64> {
    match workload.kind {
        Kind::Step(net) => train(Dense::new(net), data.net(net), net.samples, net.batch, net.lr),
        Kind::Cnn => train(Cnn, &data.cnn, SAMPLES, SAMPLES, 0.001),
        Kind::Rnn => train(Rnn, &data.rnn, 16, 16, 0.001),
        Kind::One(net) | Kind::Batch(net) => {
            let samples = data.net(net);
            let model = Dense::new(net);
            let w = wide(&samples.weights);
            samples.x.chunks(net.inputs).flat_map(|x| model.forward(&w, &wide(x)).1).collect()
        }
        Kind::Frame(cell, units) => frames(cell, units, data),
        Kind::Gemm(m, k, n) => {
            let (a, b) = (&data.pool[..m * k], &data.pool[m * k..]);
            let sum = |i: usize, j: usize| -> f64 {
                (0..k).map(|p| f64::from(a[i * k + p]) * f64::from(b[p * n + j])).sum()
            };
            (0..m * n).map(|at| sum(at / n, at % n)).collect()
        }
        Kind::Elementwise(function) => {
            data.values.iter().map(|&x| apply(function, f64::from(x))).collect()
        }
        Kind::Softmax(width) => {
            let values = wide(&data.values[..softmax_rows(width) * width]);
            values.chunks(width).flat_map(softmax).collect()
        }
        Kind::Update(rule, n) => update(rule, &data.pool[..n], &data.pool[n..2 * n]),
    }
}

pub(crate) fn wide(x: &[f32]) -> Row {
    x.iter().copied().map(f64::from).collect()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

pub(crate) fn apply(function: Function, x: f64) -> f64 {
    match function {
        Function::Exp => x.exp(),
        Function::Tanh => x.tanh(),
        Function::Sigmoid => sigmoid(x),
    }
}

pub(crate) fn softmax(x: &[f64]) -> Row {
    let top = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Row = x.iter().map(|x| (x - top).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

/// x · w + b, with w in row order.
fn affine(x: &[f64], w: &[f64], b: &[f64]) -> Row {
    let n = b.len();
    (0..n)
        .map(|j| b[j] + x.iter().enumerate().map(|(i, x)| x * w[i * n + j]).sum::<f64>())
        .collect()
}

/// A network whose gradient is taken by finite differences would be too inexact: each writes its
/// backward pass by hand.
trait Model {
    /// The loss of one sample, and its gradient added to `dw`.
    fn sample(&self, w: &[f64], x: &[f64], t: &[f64], dw: &mut [f64]) -> f64;
}

/// The losses of the first steps with Adam, with data of `count` samples.
fn train(model: impl Model, samples: &Samples, count: usize, batch: usize, lr: f32) -> Vec<f64> {
    let (inputs, outputs) = (samples.x.len() / count, samples.t.len() / count);
    let (x, t) = (wide(&samples.x), wide(&samples.t));
    let mut w = wide(&samples.weights);
    let mut adam = State::new(w.len());
    (0..CHECKED_STEPS)
        .map(|_| {
            let mut dw = vec![0.0; w.len()];
            let loss: f64 = (0..batch)
                .map(|i| {
                    let x = &x[i * inputs..][..inputs];
                    let t = &t[i * outputs..][..outputs];
                    model.sample(&w, x, t, &mut dw)
                })
                .sum();
            dw.iter_mut().for_each(|dw| *dw /= batch as f64);
            adam.update(Rule::Adam, f64::from(lr), &mut w, &dw);
            loss / batch as f64
        })
        .collect()
}

/// Two dense layers.
struct Dense {
    inputs: usize,
    hidden: usize,
    outputs: usize,
    xor: bool,
}

impl Dense {
    fn new(net: &Net) -> Self {
        Self { inputs: net.inputs, hidden: net.hidden, outputs: net.outputs, xor: net.is_xor() }
    }

    /// Where b1, w2 and b2 begin.
    fn places(&self) -> (usize, usize, usize) {
        let b1 = self.inputs * self.hidden;
        let w2 = b1 + self.hidden;
        (b1, w2, w2 + self.hidden * self.outputs)
    }

    fn forward(&self, w: &[f64], x: &[f64]) -> (Row, Row) {
        let (b1, w2, b2) = self.places();
        let mut h = affine(x, w, &w[b1..w2]);
        h.iter_mut().for_each(|h| *h = if self.xor { h.tanh() } else { h.max(0.0) });
        let y = affine(&h, &w[w2..], &w[b2..b2 + self.outputs]);
        let y = if self.xor { y.into_iter().map(sigmoid).collect() } else { softmax(&y) };
        (h, y)
    }
}

/// Adds the gradient of an affine map to `dw` and `db`. Returns the gradient by its input.
fn affine_backward(x: &[f64], w: &[f64], dy: &[f64], dw: &mut [f64], db: &mut [f64]) -> Row {
    let n = dy.len();
    db.iter_mut().zip(dy).for_each(|(db, dy)| *db += dy);
    (0..x.len())
        .map(|i| {
            let w = &w[i * n..][..n];
            dw[i * n..][..n].iter_mut().zip(dy).for_each(|(dw, dy)| *dw += x[i] * dy);
            w.iter().zip(dy).map(|(w, dy)| w * dy).sum()
        })
        .collect()
}

fn cross_entropy(y: &[f64], t: &[f64]) -> f64 {
    -y.iter().zip(t).map(|(y, t)| t * y.ln()).sum::<f64>()
}

impl Model for Dense {
    fn sample(&self, w: &[f64], x: &[f64], t: &[f64], dw: &mut [f64]) -> f64 {
        let (b1, w2, b2) = self.places();
        let (h, y) = self.forward(w, x);
        let dy: Row = y.iter().zip(t).map(|(y, t)| y - t).collect();
        let (first, second) = dw.split_at_mut(w2);
        let (dw2, db2) = second.split_at_mut(b2 - w2);
        let mut dh = affine_backward(&h, &w[w2..b2], &dy, dw2, db2);
        for (dh, h) in dh.iter_mut().zip(&h) {
            *dh *= if self.xor { 1.0 - h * h } else { f64::from(u8::from(*h > 0.0)) };
        }
        let (dw1, db1) = first.split_at_mut(b1);
        affine_backward(x, &w[..b1], &dh, dw1, db1);
        if self.xor {
            -(t[0] * y[0].ln() + (1.0 - t[0]) * (1.0 - y[0]).ln())
        } else {
            cross_entropy(&y, t)
        }
    }
}

/// 8×8×1, convolution 3×3 to 8 filters, ReLU, max-pool 2×2, dense 10 with softmax.
struct Cnn;

impl Model for Cnn {
    fn sample(&self, w: &[f64], x: &[f64], t: &[f64], dw: &mut [f64]) -> f64 {
        let conv = |row: usize, column: usize, f: usize| -> f64 {
            let sum: f64 =
                (0..9).map(|k| x[(row + k / 3) * 8 + column + k % 3] * w[k * 8 + f]).sum();
            (sum + w[72 + f]).max(0.0)
        };
        // The greatest value of each window, and its place.
        let (mut pooled, mut places) = (Vec::new(), Vec::new());
        for window in 0..9 {
            for f in 0..8 {
                let corners = (0..4).map(|k| (2 * (window / 3) + k / 2, 2 * (window % 3) + k % 2));
                let (mut best, mut place) = (f64::NEG_INFINITY, (0, 0));
                for (row, column) in corners {
                    let value = conv(row, column, f);
                    if value > best {
                        (best, place) = (value, (row, column));
                    }
                }
                pooled.push(best);
                places.push(place);
            }
        }
        let y = softmax(&affine(&pooled, &w[80..800], &w[800..810]));
        let dy: Row = y.iter().zip(t).map(|(y, t)| y - t).collect();
        let (kernel, dense) = dw.split_at_mut(80);
        let (dense, bias) = dense.split_at_mut(720);
        let dpooled = affine_backward(&pooled, &w[80..800], &dy, dense, bias);
        for (at, &(row, column)) in places.iter().enumerate() {
            let f = at % 8;
            if pooled[at] > 0.0 {
                for k in 0..9 {
                    kernel[k * 8 + f] += x[(row + k / 3) * 8 + column + k % 3] * dpooled[at];
                }
                kernel[72 + f] += dpooled[at];
            }
        }
        cross_entropy(&y, t)
    }
}

/// A simple recurrent layer of 16 tanh units over 32 steps of 8 inputs, and a dense output.
struct Rnn;

impl Model for Rnn {
    fn sample(&self, w: &[f64], x: &[f64], t: &[f64], dw: &mut [f64]) -> f64 {
        let (wx, wh, b) = (&w[..128], &w[128..384], &w[384..400]);
        let mut h = vec![vec![0.0; 16]];
        for x in x.chunks(8) {
            let before = affine(&h[h.len() - 1], wh, b);
            let input = affine(x, wx, &[0.0; 16]);
            h.push(before.iter().zip(input).map(|(a, b)| (a + b).tanh()).collect());
        }
        let y = affine(&h[32], &w[400..416], &w[416..417])[0];
        let dy = 2.0 * (y - t[0]);
        let (recurrent, dense) = dw.split_at_mut(400);
        let (dense, bias) = dense.split_at_mut(16);
        let mut dh = affine_backward(&h[32], &w[400..416], &[dy], dense, bias);
        let (dwx, rest) = recurrent.split_at_mut(128);
        let (dwh, db) = rest.split_at_mut(256);
        for step in (0..32).rev() {
            for (dh, h) in dh.iter_mut().zip(&h[step + 1]) {
                *dh *= 1.0 - h * h;
            }
            affine_backward(&x[step * 8..][..8], wx, &dh, dwx, &mut [0.0; 16]);
            dh = affine_backward(&h[step], wh, &dh, dwh, db);
        }
        (y - t[0]).powi(2)
    }
}

/// The outputs of the first 32 frames of a layer 1-h and a dense layer h-1, with the weights of
/// [`frame_weights`].
pub(crate) fn frames(cell: Cell, units: usize, data: &Data) -> Vec<f64> {
    let weights = wide(&frame_weights(cell, units, data));
    let gates = gates(cell);
    let n = gates * units;
    let (wx, rest) = weights.split_at(n);
    let (wh, rest) = rest.split_at(units * n);
    let (b, rest) = rest.split_at(frame_biases(cell) * n);
    let zero = vec![0.0; n];
    let state_bias = if cell == Cell::Gru { &b[n..] } else { &zero };
    let (w, dense_bias) = rest.split_at(units);
    let (mut h, mut c) = (vec![0.0; units], vec![0.0; units]);
    data.values[..SAMPLES]
        .iter()
        .map(|&x| {
            let x = f64::from(x) / 8.0;
            let input = affine(&[x], wx, &b[..n]);
            let hidden = affine(&h, wh, state_bias);
            for j in 0..units {
                let sum = |gate: usize| input[gate * units + j] + hidden[gate * units + j];
                match cell {
                    // Keras' gates z r h, with the reset gate behind the product.
                    Cell::Gru => {
                        let (z, r) = (sigmoid(sum(0)), sigmoid(sum(1)));
                        let at = 2 * units + j;
                        let candidate = (input[at] + r * hidden[at]).tanh();
                        h[j] = z * h[j] + (1.0 - z) * candidate;
                    }
                    // Keras' gates i f c o.
                    Cell::Lstm => {
                        let (i, f, o) = (sigmoid(sum(0)), sigmoid(sum(1)), sigmoid(sum(3)));
                        c[j] = f * c[j] + i * sum(2).tanh();
                        h[j] = o * c[j].tanh();
                    }
                }
            }
            affine(&h, w, dense_bias)[0]
        })
        .collect()
}

/// Gates of a cell.
pub fn gates(cell: Cell) -> usize {
    match cell {
        Cell::Gru => 3,
        Cell::Lstm => 4,
    }
}

/// Rows of biases: Keras' GRU has one for the input and one for the state.
pub fn frame_biases(cell: Cell) -> usize {
    match cell {
        Cell::Gru => 2,
        Cell::Lstm => 1,
    }
}

/// The weights of a workload of frames: [`Data::pool`] times 0.25, in Keras' order: wx
/// [1][gates·h], wh [h][gates·h], the biases, then w [h][1] and b [1] of the dense layer.
pub fn frame_weights(cell: Cell, units: usize, data: &Data) -> Vec<f32> {
    let n = gates(cell) * units;
    let count = n + units * n + frame_biases(cell) * n + units + 1;
    data.pool[..count].iter().map(|w| w * 0.25).collect()
}

/// What an optimizer remembers.
struct State {
    t: i32,
    first: Row,
    second: Row,
}

impl State {
    fn new(n: usize) -> Self {
        Self { t: 0, first: vec![0.0; n], second: vec![0.0; n] }
    }

    fn update(&mut self, rule: Rule, lr: f64, w: &mut [f64], dw: &[f64]) {
        self.t += 1;
        let rate = lr * (1.0 - 0.999f64.powi(self.t)).sqrt() / (1.0 - 0.9f64.powi(self.t));
        let state = self.first.iter_mut().zip(&mut self.second);
        for ((w, &g), (m, v)) in w.iter_mut().zip(dw).zip(state) {
            *w += match rule {
                Rule::Sgd => -lr * g,
                Rule::Momentum => {
                    *m = 0.9 * *m - lr * g;
                    *m
                }
                Rule::Nesterov => {
                    *m = 0.9 * *m - lr * g;
                    0.9 * *m - lr * g
                }
                Rule::AdaGrad => {
                    *v += g * g;
                    -lr * g / (*v + 1e-7).sqrt()
                }
                Rule::RmsProp => {
                    *v = 0.9 * *v + 0.1 * g * g;
                    -lr * g / (*v + 1e-7).sqrt()
                }
                Rule::Adam => {
                    *m = 0.9 * *m + 0.1 * g;
                    *v = 0.999 * *v + 0.001 * g * g;
                    -rate * *m / (v.sqrt() + 1e-7)
                }
            };
        }
    }
}

/// The parameters after the first updates with one gradient.
fn update(rule: Rule, w: &[f32], dw: &[f32]) -> Row {
    let (mut w, dw) = (wide(w), wide(dw));
    let mut state = State::new(w.len());
    if rule == Rule::AdaGrad {
        state.second.fill(0.1);
    }
    for _ in 0..CHECKED_STEPS {
        state.update(rule, 0.01, &mut w, &dw);
    }
    w
}
