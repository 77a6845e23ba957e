//! The baseline: the same training step in plain Rust, written by hand for one network whose shapes
//! are constants.
//!
//! Loops run in the order that the compiler vectorizes best, with the outputs in the innermost
//! loop. The activations are `std`'s.

#![allow(dead_code, reason = "each bench uses a part of it")]

pub mod cnn;

/// A network I-H-O with one hidden layer, its Adam state and its buffers for `B` samples.
pub struct Plain<const I: usize, const H: usize, const O: usize, const B: usize> {
    w1: Param<[[f32; H]; I]>,
    b1: Param<[[f32; H]; 1]>,
    w2: Param<[[f32; O]; H]>,
    b2: Param<[[f32; O]; 1]>,
    h: [[f32; H]; B],
    y: [[f32; O]; B],
    dh: [[f32; H]; B],
    t: i32,
    /// Adam's. 1e-8 unless changed.
    pub epsilon: f32,
}

/// A weight matrix with gradient and moments.
struct Param<M> {
    w: M,
    g: M,
    m: M,
    v: M,
}

impl<const N: usize, const R: usize> Param<[[f32; N]; R]> {
    fn new(weights: &mut impl Iterator<Item = f32>) -> Self {
        let zero = [[0.0; N]; R];
        let mut w = zero;
        w.as_flattened_mut().iter_mut().for_each(|w| *w = weights.next().expect("too few weights"));
        Self { w, g: zero, m: zero, v: zero }
    }

    #[inline(always)]
    fn adam(&mut self, alpha: f32, epsilon: f32) {
        let state = self.m.as_flattened_mut().iter_mut().zip(self.v.as_flattened_mut());
        let weights = self.w.as_flattened_mut().iter_mut().zip(self.g.as_flattened());
        for ((w, g), (m, v)) in weights.zip(state) {
            *m = 0.9 * *m + 0.1 * g;
            *v = 0.999 * *v + 0.001 * g * g;
            *w -= alpha * *m / (v.sqrt() + epsilon);
        }
    }
}

impl<const I: usize, const H: usize, const O: usize, const B: usize> Plain<I, H, O, B> {
    /// From weights in the library's order.
    pub fn new(weights: &[f32]) -> Self {
        let mut weights = weights.iter().copied();
        Self {
            w1: Param::new(&mut weights),
            b1: Param::new(&mut weights),
            w2: Param::new(&mut weights),
            b2: Param::new(&mut weights),
            h: [[0.0; H]; B],
            y: [[0.0; O]; B],
            dh: [[0.0; H]; B],
            t: 0,
            epsilon: 1e-8,
        }
    }

    #[inline(always)]
    fn affine<const K: usize, const N: usize>(
        x: &[[f32; K]; B],
        w: &[[f32; N]; K],
        b: &[[f32; N]; 1],
        y: &mut [[f32; N]; B],
    ) {
        for (x, y) in x.iter().zip(y) {
            *y = b[0];
            for (x, w) in x.iter().zip(w) {
                for (y, w) in y.iter_mut().zip(w) {
                    *y += x * w;
                }
            }
        }
    }

    #[inline(always)]
    fn affine_grad<const K: usize, const N: usize>(
        x: &[[f32; K]; B],
        dy: &[[f32; N]; B],
        dw: &mut [[f32; N]; K],
        db: &mut [[f32; N]; 1],
    ) {
        *dw = [[0.0; N]; K];
        *db = [[0.0; N]];
        for (x, dy) in x.iter().zip(dy) {
            for (x, dw) in x.iter().zip(dw.iter_mut()) {
                for (dw, dy) in dw.iter_mut().zip(dy) {
                    *dw += x * dy;
                }
            }
            for (db, dy) in db[0].iter_mut().zip(dy) {
                *db += dy;
            }
        }
    }

    /// One step. `hidden(x)` and `hidden_grad(y)` are the hidden activation and its gradient.
    /// `head` turns the last row into probabilities.
    #[allow(
        clippy::too_many_arguments,
        reason = "the parts that the two networks differ in, each by its name"
    )]
    #[inline(always)]
    fn step(
        &mut self,
        x: &[[f32; I]; B],
        t: &[[f32; O]; B],
        lr: f32,
        hidden: impl Fn(f32) -> f32,
        hidden_grad: impl Fn(f32) -> f32,
        head: impl Fn(&mut [f32; O]),
        loss: impl Fn(&[f32; O], &[f32; O]) -> f32,
    ) -> f32 {
        Self::affine(x, &self.w1.w, &self.b1.w, &mut self.h);
        self.h.as_flattened_mut().iter_mut().for_each(|h| *h = hidden(*h));
        Self::affine(&self.h, &self.w2.w, &self.b2.w, &mut self.y);
        let mut total = 0.0;
        for (y, t) in self.y.iter_mut().zip(t) {
            head(y);
            total += loss(y, t);
            for (y, t) in y.iter_mut().zip(t) {
                *y = (*y - t) * (1.0 / B as f32);
            }
        }
        Self::affine_grad(&self.h, &self.y, &mut self.w2.g, &mut self.b2.g);
        for ((dh, h), dy) in self.dh.iter_mut().zip(&self.h).zip(&self.y) {
            for ((dh, h), w) in dh.iter_mut().zip(h).zip(&self.w2.w) {
                *dh = dy.iter().zip(w).map(|(dy, w)| dy * w).sum::<f32>() * hidden_grad(*h);
            }
        }
        Self::affine_grad(x, &self.dh, &mut self.w1.g, &mut self.b1.g);
        self.t += 1;
        let alpha = lr * (1.0 - 0.999f32.powi(self.t)).sqrt() / (1.0 - 0.9f32.powi(self.t));
        self.w1.adam(alpha, self.epsilon);
        self.b1.adam(alpha, self.epsilon);
        self.w2.adam(alpha, self.epsilon);
        self.b2.adam(alpha, self.epsilon);
        total / B as f32
    }

    /// tanh, sigmoid, binary cross-entropy.
    #[inline(never)]
    pub fn step_binary(&mut self, x: &[[f32; I]; B], t: &[[f32; O]; B], lr: f32) -> f32 {
        self.step(
            x,
            t,
            lr,
            f32::tanh,
            |y| 1.0 - y * y,
            |y| y.iter_mut().for_each(|y| *y = 1.0 / (1.0 + (-*y).exp())),
            |y, t| {
                y.iter()
                    .zip(t)
                    .map(|(y, t)| -(t * y.max(1e-7).ln() + (1.0 - t) * (1.0 - y).max(1e-7).ln()))
                    .sum::<f32>()
            },
        )
    }

    /// ReLU, softmax, categorical cross-entropy.
    #[inline(never)]
    pub fn step_classes(&mut self, x: &[[f32; I]; B], t: &[[f32; O]; B], lr: f32) -> f32 {
        self.step(
            x,
            t,
            lr,
            |x| x.max(0.0),
            |y| if y > 0.0 { 1.0 } else { 0.0 },
            |y| {
                let top = y.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                y.iter_mut().for_each(|y| *y = (*y - top).exp());
                let sum: f32 = y.iter().sum();
                y.iter_mut().for_each(|y| *y /= sum);
            },
            |y, t| {
                y.iter()
                    .zip(t)
                    .map(|(y, t)| if *t > 0.0 { -t * y.max(1e-7).ln() } else { 0.0 })
                    .sum::<f32>()
            },
        )
    }
}
