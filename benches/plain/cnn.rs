//! A small convolutional network written by hand. Each output of the convolution is computed
//! directly from its window.

#![allow(clippy::needless_range_loop, reason = "indices as in the formulas")]

use super::Param;

const F: usize = 8;
type Image = [[f32; 8]; 8];
type Maps = [[[f32; F]; 6]; 6];
type Pooled = [[[f32; F]; 3]; 3];

/// 8×8 images, a 3×3 convolution to eight maps with ReLU, 2×2 max pooling, ten classes by softmax.
/// Trains with Adam on `B` samples.
pub struct Cnn<const B: usize> {
    k: Param<[[f32; F]; 9]>,
    b1: Param<[[f32; F]; 1]>,
    w: Param<[[f32; 10]; 72]>,
    b2: Param<[[f32; 10]; 1]>,
    h: [Maps; B],
    p: [Pooled; B],
    y: [[f32; 10]; B],
    dp: [Pooled; B],
    dh: [Maps; B],
    t: i32,
}

impl<const B: usize> Cnn<B> {
    /// From weights in the library's order.
    pub fn new(weights: &[f32]) -> Self {
        let mut weights = weights.iter().copied();
        Self {
            k: Param::new(&mut weights),
            b1: Param::new(&mut weights),
            w: Param::new(&mut weights),
            b2: Param::new(&mut weights),
            h: [[[[0.0; F]; 6]; 6]; B],
            p: [[[[0.0; F]; 3]; 3]; B],
            y: [[0.0; 10]; B],
            dp: [[[[0.0; F]; 3]; 3]; B],
            dh: [[[[0.0; F]; 6]; 6]; B],
            t: 0,
        }
    }

    /// One step with Adam.
    #[inline(never)]
    pub fn step(&mut self, x: &[Image; B], t: &[u8; B], lr: f32) -> f32 {
        for ((x, h), p) in x.iter().zip(&mut self.h).zip(&mut self.p) {
            for i in 0..6 {
                for j in 0..6 {
                    let mut sum = self.b1.w[0];
                    for u in 0..3 {
                        for v in 0..3 {
                            for f in 0..F {
                                sum[f] += x[i + u][j + v] * self.k.w[3 * u + v][f];
                            }
                        }
                    }
                    h[i][j] = sum.map(|z| z.max(0.0));
                }
            }
            for i in 0..3 {
                for j in 0..3 {
                    for f in 0..F {
                        let window = [
                            h[2 * i][2 * j][f],
                            h[2 * i][2 * j + 1][f],
                            h[2 * i + 1][2 * j][f],
                            h[2 * i + 1][2 * j + 1][f],
                        ];
                        p[i][j][f] = window.into_iter().fold(f32::NEG_INFINITY, f32::max);
                    }
                }
            }
        }
        let mut total = 0.0;
        for ((p, y), t) in self.p.iter().zip(&mut self.y).zip(t) {
            *y = self.b2.w[0];
            for (p, w) in p.as_flattened().as_flattened().iter().zip(&self.w.w) {
                for (y, w) in y.iter_mut().zip(w) {
                    *y += p * w;
                }
            }
            let top = y.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            y.iter_mut().for_each(|y| *y = (*y - top).exp());
            let sum: f32 = y.iter().sum();
            y.iter_mut().for_each(|y| *y /= sum);
            total -= y[usize::from(*t)].max(1e-7).ln();
            y[usize::from(*t)] -= 1.0;
            y.iter_mut().for_each(|y| *y *= 1.0 / B as f32);
        }

        self.w.g = [[0.0; 10]; 72];
        self.b2.g = [[0.0; 10]];
        self.k.g = [[0.0; F]; 9];
        self.b1.g = [[0.0; F]];
        for n in 0..B {
            let (dy, p) = (&self.y[n], self.p[n].as_flattened().as_flattened());
            for ((p, dw), (w, dp)) in p
                .iter()
                .zip(&mut self.w.g)
                .zip(self.w.w.iter().zip(self.dp[n].as_flattened_mut().as_flattened_mut()))
            {
                for (dw, dy) in dw.iter_mut().zip(dy) {
                    *dw += p * dy;
                }
                *dp = dy.iter().zip(w).map(|(dy, w)| dy * w).sum();
            }
            for (db, dy) in self.b2.g[0].iter_mut().zip(dy) {
                *db += dy;
            }
            let (h, dh) = (&self.h[n], &mut self.dh[n]);
            *dh = [[[0.0; F]; 6]; 6];
            for i in 0..3 {
                for j in 0..3 {
                    for f in 0..F {
                        let top = self.p[n][i][j][f];
                        for (u, v) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                            if h[2 * i + u][2 * j + v][f] == top {
                                dh[2 * i + u][2 * j + v][f] =
                                    if top > 0.0 { self.dp[n][i][j][f] } else { 0.0 };
                                break;
                            }
                        }
                    }
                }
            }
            for i in 0..6 {
                for j in 0..6 {
                    for u in 0..3 {
                        for v in 0..3 {
                            for f in 0..F {
                                self.k.g[3 * u + v][f] += x[n][i + u][j + v] * dh[i][j][f];
                            }
                        }
                    }
                    for f in 0..F {
                        self.b1.g[0][f] += dh[i][j][f];
                    }
                }
            }
        }
        self.t += 1;
        let alpha = lr * (1.0 - 0.999f32.powi(self.t)).sqrt() / (1.0 - 0.9f32.powi(self.t));
        self.k.adam(alpha, 1e-8);
        self.b1.adam(alpha, 1e-8);
        self.w.adam(alpha, 1e-8);
        self.b2.adam(alpha, 1e-8);
        total / B as f32
    }
}
