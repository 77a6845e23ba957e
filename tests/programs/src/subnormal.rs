//! Arithmetic whose results depend on subnormal numbers, those below 2⁻¹²⁶. A unit that flushes
//! them to zero gives other bits.

use crate::{Fingerprint, Program};
use rosenblatt::{kernels::F32Array, prelude::*};
use rosenblatt_kernels::{Backend, Simd, dispatch, gemm};

/// The network. The weights of its second layer, their gradients and the outputs stay subnormal.
pub type Net = Mlp<(Dense<6, 12, Tanh>, Dense<12, 3, Linear>)>;

/// Its trainer, and matrices for single products.
pub struct Below {
    trainer: Trainer<Net, MeanSquaredError, Sgd, 8>,
    y: [[f32; N]; M],
}

const M: usize = 3;
const K: usize = 5;
const N: usize = 11;

/// 2⁻¹²⁶, the smallest normal number.
const SMALLEST: f32 = f32::MIN_POSITIVE;

const SGD: Sgd = Sgd::with_lr(0.25);

/// Inputs from −1 to 1, and targets around 2⁻¹²⁸.
const SAMPLES: ([[f32; 6]; 8], [[f32; 3]; 8]) = {
    let (mut x, mut t) = ([[0.0; 6]; 8], [[0.0; 3]; 8]);
    let mut i = 0;
    while i < 8 {
        let mut j = 0;
        while j < 6 {
            x[i][j] = ((5 * i + 3 * j) % 9) as f32 * 0.25 - 1.0;
            j += 1;
        }
        j = 0;
        while j < 3 {
            t[i][j] = (1.0 + ((3 * i + j) % 5) as f32) * (SMALLEST / 8.0);
            j += 1;
        }
        i += 1;
    }
    (x, t)
};

/// One product y = x·w + b of three rows, five terms and eleven columns. The arguments are x of
/// even rows, x of odd rows, and w and b of odd columns. Even columns have ordinary numbers, so
/// that in every register only some lanes depend on subnormal ones.
fn product(backend: Backend, y: &mut [[f32; N]; M], even: f32, odd: f32, w: f32, b: f32) {
    #[inline(always)]
    fn on<S: Simd>(
        s: S,
        x: &[[f32; K]; M],
        w: &[[f32; N]; K],
        b: &[f32; N],
        y: &mut [[f32; N]; M],
    ) {
        gemm::typed::gemm(s, x, w, b, y);
    }
    let mut x = [[0.0; K]; M];
    for (i, row) in x.iter_mut().enumerate() {
        for (p, x) in row.iter_mut().enumerate() {
            *x = if i % 2 == 0 { even } else { odd } * (1.0 + 0.125 * p as f32);
        }
    }
    let (mut weights, mut bias) = ([[0.0; N]; K], [0.0; N]);
    for j in 0..N {
        for (p, row) in weights.iter_mut().enumerate() {
            row[j] = if j % 2 == 1 { w * (1.0 - 0.25 * (p % 3) as f32) } else { 0.5 };
        }
        bias[j] = if j % 2 == 1 { b } else { 1.0 };
    }
    dispatch!(backend, s => on(s, &x, &weights, &bias, y));
}

/// Products, then a training.
pub struct Subnormal;

impl Program for Subnormal {
    const NAME: &'static str = "subnormal";
    type Net = Net;
    const NET: Net = Net::ZERO;
    type Trainer = Below;
    const TRAINER: Below = Below { trainer: Trainer::ZERO, y: [[0.0; N]; M] };

    fn run(
        backend: Backend,
        net: &mut Net,
        below: &mut Below,
        spoil: impl FnOnce(&mut [f32]),
    ) -> u64 {
        let mut hash = Fingerprint::default();
        let y = &mut below.y;
        // Subnormal inputs, ordinary results.
        product(backend, y, 1.0, 1e30, SMALLEST / 16.0, 0.0);
        hash.add(y.as_flattened());
        // Ordinary inputs, subnormal products.
        product(backend, y, 1e-20, 1e-19, 1e-20, 0.0);
        hash.add(y.as_flattened());
        // Subnormal sums of ordinary products, after cancellation.
        product(backend, y, 2.0, 2.0, SMALLEST, -8.5 * SMALLEST);
        hash.add(y.as_flattened());
        // A sum that starts at a subnormal number, with products that are zero.
        product(backend, y, 0.0, -0.0, 1.0, -SMALLEST / 3.0);
        hash.add(y.as_flattened());
        // Infinity times a subnormal number is infinity; times zero it is NaN.
        product(backend, y, f32::INFINITY, 1.0, SMALLEST / 4.0, 0.0);
        hash.add(y.as_flattened());

        net.initialize(Seed(126));
        for w in net.params_mut().tail.as_flat_mut() {
            *w *= SMALLEST;
        }
        spoil(net.params_mut().as_flat_mut());
        let (x, t) = &SAMPLES;
        let fit = Fit { epochs: 50, backend: Some(backend), ..Fit::new(SGD) };
        if below.trainer.fit(net, (x, t), &fit).is_ok() {
            hash.add(net.weights());
            for x in x {
                hash.add(&net.on(backend).predict(x));
            }
        }
        hash.end()
    }

    fn infer(_: &Net) -> bool {
        false
    }

    fn step(net: &mut Net, below: &mut Below) -> bool {
        let (x, t) = &SAMPLES;
        below.trainer.step(net, (x, t), &SGD).is_ok()
    }
}
