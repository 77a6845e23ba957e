//! Kernels, steps and predictions of known shapes, to be counted or timed: valgrind counts their
//! instructions (the program `counts`), node times them as WebAssembly (`benches/wasm`).

use rosenblatt::{
    Backend,
    kernels::{F32Array, F32Rows, Simd, activation, dispatch, gemm, optimizer},
    layer::{Gru, Lstm},
    prelude::*,
};
use std::hint::black_box;

/// Receives the workloads one after the other.
pub trait Meter {
    /// Measures one workload: `f` runs it once.
    fn measure(&mut self, name: &str, f: impl FnMut());
}

/// Prepares each workload and hands it to the meter.
pub fn all(backend: Backend, meter: &mut impl Meter) {
    products(backend, meter);
    functions(backend, meter);
    networks(backend, meter);
}

type Xor = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;
type Iris = Mlp<(Dense<4, 16, Relu>, Dense<16, 3, Softmax>)>;
type Digits = Mlp<(Dense<64, 32, Relu>, Dense<32, 10, Softmax>)>;
type Large = Mlp<(Dense<784, 128, Relu>, Dense<128, 10, Softmax>)>;

/// `n` values between −1 and 1.
fn values(n: usize) -> Vec<f32> {
    (0..n).map(|i| (i * 37 % 64) as f32 / 32.0 - 1.0).collect()
}

/// `M` samples.
fn samples<X: F32Array, const M: usize>() -> Box<[X; M]> {
    let mut x = vec![X::ZERO; M];
    x.flat_mut().copy_from_slice(&values(M * X::LEN));
    x.try_into().unwrap_or_else(|_| unreachable!("M samples"))
}

fn products(backend: Backend, meter: &mut impl Meter) {
    #[inline(always)]
    fn square<S: Simd, const N: usize>(s: S, x: &[f32], y: &mut [f32]) {
        let (x, y) = (x.as_chunks::<N>().0, y.as_chunks_mut::<N>().0);
        if let (Some(w), Some(b)) = (x.first_chunk::<N>(), x.first()) {
            gemm::typed::gemm(s, x, w, b, y);
        }
    }
    macro_rules! known {
        ($($n:literal)*) => {$(
            let (x, mut y) = (values($n * $n), values($n * $n));
            meter.measure(concat!("gemm known ", $n), || {
                dispatch!(backend, s => square::<_, $n>(s, black_box(&x), &mut y));
                black_box(&y);
            });
        )*};
    }
    known!(4 8 16);
    for (m, k, n) in [(4, 4, 4), (17, 17, 17), (64, 64, 64), (32, 784, 128), (32, 128, 10)] {
        let (x, w, b, mut y) = (values(m * k), values(k * n), values(n), values(m * n));
        meter.measure(&format!("gemm {m}x{k}x{n}"), || {
            dispatch!(backend, s => gemm::gemm(s, m, k, n, black_box(&x), &w, &b, &mut y));
            black_box(&y);
        });
        let (mut dw, mut dx) = (values(k * n), values(m * k));
        meter.measure(&format!("gemm_tn {m}x{k}x{n}"), || {
            dispatch!(backend, s => gemm::gemm_tn(s, m, k, n, black_box(&x), &y, &mut dw, false));
            black_box(&dw);
        });
        meter.measure(&format!("gemm_nt {m}x{k}x{n}"), || {
            dispatch!(backend, s => gemm::gemm_nt(s, m, k, n, black_box(&y), &w, &mut dx));
            black_box(&dx);
        });
    }
}

fn functions(backend: Backend, meter: &mut impl Meter) {
    type Map = fn(Backend, &mut [f32]);
    let maps: [(&str, Map); 5] = [
        ("exp", activation::exp),
        ("ln", activation::ln),
        ("tanh", activation::tanh),
        ("sigmoid", activation::sigmoid),
        ("relu", activation::relu),
    ];
    for (name, map) in maps {
        let (from, mut x) = (values(1000), values(1000));
        meter.measure(&format!("{name} 1000"), || {
            x.copy_from_slice(black_box(&from));
            map(backend, &mut x);
            black_box(&x);
        });
    }
    for n in [3, 10, 100] {
        let (from, mut x) = (values(32 * n), values(32 * n));
        meter.measure(&format!("softmax 32x{n}"), || {
            x.copy_from_slice(black_box(&from));
            activation::softmax(backend, n, &mut x);
            black_box(&x);
        });
    }
    for n in [33, 1024] {
        let (mut w, mut m, mut v, dw) = (values(n), vec![0.0; n], vec![0.0; n], values(n));
        meter
            .measure(&format!("sgd {n}"), || optimizer::sgd(backend, 0.01, &mut w, black_box(&dw)));
        let step = optimizer::AdamStep { alpha: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 };
        meter.measure(&format!("adam {n}"), || {
            optimizer::adam(backend, step, &mut w, &mut m, &mut v, black_box(&dw));
        });
        meter.measure(&format!("rmsprop {n}"), || {
            optimizer::rmsprop(backend, 0.01, 0.9, 1e-7, &mut w, &mut v, black_box(&dw));
        });
    }
}

fn networks(backend: Backend, meter: &mut impl Meter) {
    macro_rules! network {
        ($name:literal, $net:ty, $loss:ident, $batch:literal, $target:expr) => {
            let mut net = Box::new(<$net>::ZERO);
            net.initialize(Seed(7));
            let (x, one) = (samples::<_, 32>(), samples::<_, 1>());
            let mut y = Box::new([<$net>::ZERO.predict(&one[0]); 32]);
            meter.measure(concat!($name, " predict"), || {
                black_box(net.on(backend).predict(black_box(&one[0])));
            });
            meter.measure(concat!($name, " predict 32"), || {
                net.on(backend).predict_batch(black_box(&*x), &mut *y).expect("32 and 32");
                black_box(&y);
            });
            let mut trainer = Box::new(Trainer::<$net, $loss, Adam, $batch>::ZERO);
            let (x, adam) = (samples::<_, $batch>(), Adam::with_lr(0.001));
            let t: Box<[_; $batch]> = Box::new(std::array::from_fn($target));
            meter.measure(concat!($name, " step"), || {
                let done = trainer.on(backend).step(&mut net, (black_box(&*x), &*t), &adam);
                done.expect("a finite loss");
            });
        };
    }
    network!("xor", Xor, BinaryCrossEntropy, 4, |i| [(i % 2) as f32]);
    network!("iris", Iris, SparseCategoricalCrossEntropy, 16, |i| (i % 3) as _);
    network!("digits", Digits, SparseCategoricalCrossEntropy, 32, |i| (i % 10) as _);
    network!("784-128-10", Large, SparseCategoricalCrossEntropy, 32, |i| (i % 10) as _);

    macro_rules! stream {
        ($name:literal, $net:ty) => {
            let mut net = Box::new(<$net>::ZERO);
            net.initialize(Seed(7));
            let mut stream = net.stream();
            meter.measure($name, || {
                black_box(stream.on(backend).push(black_box(&[0.5])));
            });
        };
    }
    stream!("gru 1-8-1 frame", Mlp<(Gru<1, 8, 1>, Dense<8, 1>)>);
    stream!("gru 1-40-1 frame", Mlp<(Gru<1, 40, 1>, Dense<40, 1>)>);
    stream!("lstm 1-16-1 frame", Mlp<(Lstm<1, 16, 1>, Dense<16, 1>)>);
}
