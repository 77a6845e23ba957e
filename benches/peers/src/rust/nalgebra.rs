//! nalgebra: matrices whose sizes are constants, a network written by hand on them.

use std::hint::black_box;

use anyhow::Result;
use nalgebra::{Matrix, SMatrix, SVector};

use super::RESTART;
use crate::contender::{Contender, Peer, contender};
use crate::data::{Data, Samples};
use crate::workload::{CHECKED_STEPS, Kind, Net, SAMPLES, Workload};

/// The peer.
pub fn peer() -> impl Peer {
    Nalgebra
}

struct Nalgebra;

/// A matrix with its gradient and Adam's moments.
struct Param<const R: usize, const C: usize> {
    w: SMatrix<f32, R, C>,
    g: SMatrix<f32, R, C>,
    m: SMatrix<f32, R, C>,
    v: SMatrix<f32, R, C>,
}

impl<const R: usize, const C: usize> Param<R, C> {
    fn new(weights: &mut &[f32], by_rows: bool) -> Self {
        let (now, rest) = weights.split_at(R * C);
        *weights = rest;
        let zero = SMatrix::zeros();
        let w =
            if by_rows { SMatrix::from_row_slice(now) } else { SMatrix::from_column_slice(now) };
        Self { w, g: zero, m: zero, v: zero }
    }

    fn adam(&mut self, rate: f32) {
        self.m.zip_apply(&self.g, |m, g| *m = 0.9 * *m + 0.1 * g);
        self.v.zip_apply(&self.g, |v, g| *v = 0.999 * *v + 0.001 * g * g);
        self.w.zip_zip_apply(&self.m, &self.v, |w, m, v| *w -= rate * m / (v.sqrt() + 1e-7));
    }
}

/// Columns are samples: y = w·x + b, so that a sample is a column in memory.
struct Two<const I: usize, const H: usize, const O: usize, const B: usize> {
    w1: Param<H, I>,
    b1: Param<H, 1>,
    w2: Param<O, H>,
    b2: Param<O, 1>,
    x: SMatrix<f32, I, B>,
    t: SMatrix<f32, O, B>,
    h: SMatrix<f32, H, B>,
    y: SMatrix<f32, O, B>,
    dh: SMatrix<f32, H, B>,
    step: i32,
}

impl<const I: usize, const H: usize, const O: usize, const B: usize> Two<I, H, O, B> {
    fn new(samples: &Samples) -> Box<Self> {
        let rest = &mut samples.weights.as_slice();
        Box::new(Self {
            w1: Param::new(rest, false),
            b1: Param::new(rest, false),
            w2: Param::new(rest, false),
            b2: Param::new(rest, false),
            x: SMatrix::from_column_slice(&samples.x[..I * B]),
            t: SMatrix::from_column_slice(&samples.t[..O * B]),
            h: SMatrix::zeros(),
            y: SMatrix::zeros(),
            dh: SMatrix::zeros(),
            step: 0,
        })
    }

    fn forward(&mut self) {
        for mut column in self.h.column_iter_mut() {
            column.copy_from(&self.b1.w);
        }
        self.h.gemm(1.0, &self.w1.w, &self.x, 1.0);
        if O == 1 {
            self.h.apply(|h| *h = h.tanh());
        } else {
            self.h.apply(|h| *h = h.max(0.0));
        }
        for mut column in self.y.column_iter_mut() {
            column.copy_from(&self.b2.w);
        }
        self.y.gemm(1.0, &self.w2.w, &self.h, 1.0);
        self.y.column_iter_mut().for_each(head);
    }

    fn step(&mut self, lr: f32) -> f32 {
        self.forward();
        let mut loss = 0.0;
        for (y, t) in self.y.iter().zip(self.t.iter()) {
            if O == 1 {
                loss -= t * y.ln() + (1.0 - t) * (1.0 - y).ln();
            } else if *t > 0.0 {
                loss -= t * y.ln();
            }
        }
        self.y.zip_apply(&self.t, |y, t| *y = (*y - t) / B as f32);
        self.w2.g.gemm(1.0, &self.y, &self.h.transpose(), 0.0);
        self.b2.g = self.y.column_sum();
        self.dh.gemm_tr(1.0, &self.w2.w, &self.y, 0.0);
        if O == 1 {
            self.dh.zip_apply(&self.h, |dh, h| *dh *= 1.0 - h * h);
        } else {
            self.dh.zip_apply(&self.h, |dh, h| *dh = if h > 0.0 { *dh } else { 0.0 });
        }
        self.w1.g.gemm(1.0, &self.dh, &self.x.transpose(), 0.0);
        self.b1.g = self.dh.column_sum();
        self.step += 1;
        let rate = lr * (1.0 - 0.999f32.powi(self.step)).sqrt() / (1.0 - 0.9f32.powi(self.step));
        self.w1.adam(rate);
        self.b1.adam(rate);
        self.w2.adam(rate);
        self.b2.adam(rate);
        loss / B as f32
    }
}

/// Sigmoid of one output, softmax of more.
fn head<R, C, S>(mut y: Matrix<f32, R, C, S>)
where
    R: nalgebra::Dim,
    C: nalgebra::Dim,
    S: nalgebra::RawStorageMut<f32, R, C>,
{
    if y.len() == 1 {
        y.apply(|y| *y = 1.0 / (1.0 + (-*y).exp()));
        return;
    }
    let top = y.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    y.apply(|y| *y = (*y - top).exp());
    let sum: f32 = y.iter().sum();
    y.apply(|y| *y /= sum);
}

fn step<'a, const I: usize, const H: usize, const O: usize, const B: usize>(
    net: &'a Net,
    samples: &'a Samples,
) -> Box<dyn Contender + 'a> {
    let check = move || {
        let mut two = Two::<I, H, O, B>::new(samples);
        Ok((0..CHECKED_STEPS).map(|_| two.step(net.lr)).collect())
    };
    let (mut two, mut steps) = (Two::<I, H, O, B>::new(samples), 0);
    contender(check, move |_| {
        steps += 1;
        if steps % RESTART == 0 {
            two = Two::new(samples);
        }
        two.step(black_box(net.lr))
    })
}

fn one<const I: usize, const H: usize, const O: usize>(
    samples: &Samples,
) -> Box<dyn Contender + '_> {
    let two = Two::<I, H, O, 1>::new(samples);
    let x: Vec<SVector<f32, I>> = samples.x.chunks(I).map(SVector::from_column_slice).collect();
    let predict = move |x: &SVector<f32, I>| {
        let mut h = two.b1.w;
        h.gemv(1.0, &two.w1.w, x, 1.0);
        h.apply(|h| *h = if O == 1 { h.tanh() } else { h.max(0.0) });
        let mut y = two.b2.w;
        y.gemv(1.0, &two.w2.w, &h, 1.0);
        head(y.column_mut(0));
        y
    };
    let predict = std::rc::Rc::new(predict);
    let (again, all) = (predict.clone(), x.clone());
    let check = move || {
        Ok(all.iter().flat_map(|x| again(x).iter().copied().collect::<Vec<f32>>()).collect())
    };
    contender(check, move |i| predict(black_box(&x[i % SAMPLES])))
}

fn batch<const I: usize, const H: usize, const O: usize>(
    samples: &Samples,
) -> Box<dyn Contender + '_> {
    let mut two = Two::<I, H, O, SAMPLES>::new(samples);
    let check = move || {
        let mut two = Two::<I, H, O, SAMPLES>::new(samples);
        two.forward();
        Ok(two.y.as_slice().to_vec())
    };
    contender(check, move |_| {
        black_box(&mut two.x);
        two.forward();
        black_box(&mut two.y);
    })
}

/// Cᵀ = Bᵀ·Aᵀ: its matrices are stored by columns.
fn product<const M: usize, const K: usize, const N: usize>(data: &Data) -> Box<dyn Contender + '_> {
    let (a, b) = data.pool.split_at(M * K);
    let a = Box::new(SMatrix::<f32, K, M>::from_column_slice(a[..M * K].into()));
    let b = Box::new(SMatrix::<f32, N, K>::from_column_slice(b[..K * N].into()));
    let mut c = Box::new(SMatrix::<f32, N, M>::zeros());
    let (left, right) = (a.clone(), b.clone());
    let check = move || {
        let mut c = Box::new(SMatrix::<f32, N, M>::zeros());
        c.gemm(1.0, &*right, &*left, 0.0);
        Ok(c.as_slice().to_vec())
    };
    contender(check, move |_| {
        c.gemm(1.0, &*b, black_box(&*a), 0.0);
        black_box(&mut c);
    })
}

impl Peer for Nalgebra {
    fn name(&self) -> &str {
        "nalgebra, fixed size"
    }

    fn contender<'a>(
        &'a self,
        workload: &Workload,
        data: &'a Data,
    ) -> Result<Option<Box<dyn Contender + 'a>>> {
        Ok(Some(match workload.kind {
            Kind::Step(net) => match net.number {
                1 => step::<2, 8, 1, 4>(net, data.net(net)),
                2 => step::<4, 16, 3, 16>(net, data.net(net)),
                3 => step::<64, 32, 10, 32>(net, data.net(net)),
                _ => step::<784, 128, 10, 32>(net, data.net(net)),
            },
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
            Kind::Gemm(4, 4, 4) => product::<4, 4, 4>(data),
            Kind::Gemm(7, 7, 7) => product::<7, 7, 7>(data),
            Kind::Gemm(8, 8, 8) => product::<8, 8, 8>(data),
            Kind::Gemm(16, 16, 16) => product::<16, 16, 16>(data),
            Kind::Gemm(17, 17, 17) => product::<17, 17, 17>(data),
            Kind::Gemm(32, 32, 32) => product::<32, 32, 32>(data),
            Kind::Gemm(33, 33, 33) => product::<33, 33, 33>(data),
            Kind::Gemm(64, 64, 64) => product::<64, 64, 64>(data),
            Kind::Gemm(32, 128, 10) => product::<32, 128, 10>(data),
            _ => return Ok(None),
        }))
    }
}
