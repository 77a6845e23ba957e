//! Arithmetic that hangs on subnormal numbers, those below 2⁻¹²⁶: units that flush them to zero give other bits.

use crate::{Fingerprint, Program};
use rosenblatt::{kernels::Plain, prelude::*};
use rosenblatt_kernels::{Level, Simd, blas, dispatch};

/// The network: the weights of its second layer, their gradients and the outputs stay subnormal.
pub type Net = Mlp<(Dense<6, 12, Tanh>, Dense<12, 3, Linear>)>;

/// Its trainer, and matrices for single products.
pub struct Below {
    trainer: Trainer<Net, Sgd, MeanSquaredError, 8>,
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

/// One product y = x·w + b of three rows, five terms and eleven columns, from single values: x where a row is even and where it is odd, w and b
/// where a column is odd. Even columns have ordinary numbers, so that in every register only some lanes hang on subnormal ones.
fn product(level: Level, y: &mut [[f32; N]; M], even: f32, odd: f32, w: f32, b: f32) {
    #[inline(always)]
    fn on<S: Simd>(s: S, x: &[[f32; K]; M], w: &[[f32; N]; K], b: &[f32; N], y: &mut [[f32; N]; M]) {
        blas::fixed::gemm(s, x, w, b, y);
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
    dispatch!(level, s => on(s, &x, &weights, &bias, y));
}

/// Products, then a training.
pub struct Subnormal;

impl Program for Subnormal {
    const NAME: &'static str = "subnormal";
    type Net = Net;
    const NET: Net = Net::new();
    type Trainer = Below;
    const TRAINER: Below = Below { trainer: Trainer::new(), y: [[0.0; N]; M] };

    fn run(level: Level, net: &mut Net, below: &mut Below, spoil: impl FnOnce(&mut [f32])) -> u64 {
        let mut hash = Fingerprint::default();
        let y = &mut below.y;
        // Subnormal inputs, ordinary results.
        product(level, y, 1.0, 1e30, SMALLEST / 16.0, 0.0);
        hash.add(y.as_flattened());
        // Ordinary inputs, subnormal products.
        product(level, y, 1e-20, 1e-19, 1e-20, 0.0);
        hash.add(y.as_flattened());
        // Subnormal sums of ordinary products: they cancel but for a rest.
        product(level, y, 2.0, 2.0, SMALLEST, -8.5 * SMALLEST);
        hash.add(y.as_flattened());
        // A subnormal start, and products that are zero.
        product(level, y, 0.0, -0.0, 1.0, -SMALLEST / 3.0);
        hash.add(y.as_flattened());
        // Infinity times a subnormal number is infinity; times zero it is NaN.
        product(level, y, f32::INFINITY, 1.0, SMALLEST / 4.0, 0.0);
        hash.add(y.as_flattened());

        net.init(Seed(126));
        for w in net.params_mut().tail.as_flat_mut() {
            *w *= SMALLEST;
        }
        spoil(net.params_mut().as_flat_mut());
        let (x, t) = &SAMPLES;
        let fit = Fit { epochs: 50, level, ..Fit::new(SGD) };
        if below.trainer.fit(net, x, t, &fit, &mut ()).is_ok() {
            hash.add(net.weights());
            for x in x {
                hash.add(&net.predict_on(level, x));
            }
        }
        hash.end()
    }

    fn infer(_: &Net) -> bool {
        false
    }

    fn step(net: &mut Net, below: &mut Below) -> bool {
        let (x, t) = &SAMPLES;
        below.trainer.step(net, &SGD, x, t).is_ok()
    }
}
