//! `counts BACKEND`: runs each workload [`REPEATS`] times, for a program that counts instructions.
//!
//! [`mark`] is called before and after each workload. `xtask/src/counts.rs` lets valgrind count the
//! instructions between two calls. The names are printed in the order of the workloads.

use rosenblatt::{
    Backend,
    kernels::{F32Array, F32Rows, Simd, activation, dispatch, gemm, optimizer},
    layer::{Gru, Lstm},
    prelude::*,
};
use std::{hint::black_box, process::ExitCode};

/// How often a workload is run between two marks.
const REPEATS: usize = 16;

type Xor = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;
type Iris = Mlp<(Dense<4, 16, Relu>, Dense<16, 3, Softmax>)>;
type Digits = Mlp<(Dense<64, 32, Relu>, Dense<32, 10, Softmax>)>;
type Large = Mlp<(Dense<784, 128, Relu>, Dense<128, 10, Softmax>)>;

/// Valgrind begins a new count where this function is entered.
#[inline(never)]
fn mark() {
    black_box(());
}

/// Runs one workload between two marks.
fn count(name: &str, mut f: impl FnMut()) {
    f();
    mark();
    for _ in 0..REPEATS {
        f();
    }
    mark();
    println!("{name}");
}

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

fn main() -> ExitCode {
    let backend = std::env::args().nth(1).unwrap_or_default().parse();
    match backend {
        Ok(backend) => {
            products(backend);
            functions(backend);
            networks(backend);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn products(backend: Backend) {
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
            count(concat!("gemm known ", $n), || {
                dispatch!(backend, s => square::<_, $n>(s, black_box(&x), &mut y));
                black_box(&y);
            });
        )*};
    }
    known!(4 8 16);
    for (m, k, n) in [(4, 4, 4), (17, 17, 17), (64, 64, 64), (32, 784, 128), (32, 128, 10)] {
        let (x, w, b, mut y) = (values(m * k), values(k * n), values(n), values(m * n));
        count(&format!("gemm {m}x{k}x{n}"), || {
            dispatch!(backend, s => gemm::gemm(s, m, k, n, black_box(&x), &w, &b, &mut y));
            black_box(&y);
        });
        let (mut dw, mut dx) = (values(k * n), values(m * k));
        count(&format!("gemm_tn {m}x{k}x{n}"), || {
            dispatch!(backend, s => gemm::gemm_tn(s, m, k, n, black_box(&x), &y, &mut dw, false));
            black_box(&dw);
        });
        count(&format!("gemm_nt {m}x{k}x{n}"), || {
            dispatch!(backend, s => gemm::gemm_nt(s, m, k, n, black_box(&y), &w, &mut dx));
            black_box(&dx);
        });
    }
}

fn functions(backend: Backend) {
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
        count(&format!("{name} 1000"), || {
            x.copy_from_slice(black_box(&from));
            map(backend, &mut x);
            black_box(&x);
        });
    }
    for n in [3, 10, 100] {
        let (from, mut x) = (values(32 * n), values(32 * n));
        count(&format!("softmax 32x{n}"), || {
            x.copy_from_slice(black_box(&from));
            activation::softmax(backend, n, &mut x);
            black_box(&x);
        });
    }
    for n in [33, 1024] {
        let (mut w, mut m, mut v, dw) = (values(n), vec![0.0; n], vec![0.0; n], values(n));
        count(&format!("sgd {n}"), || optimizer::sgd(backend, 0.01, &mut w, black_box(&dw)));
        let step = optimizer::AdamStep { alpha: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 };
        count(&format!("adam {n}"), || {
            optimizer::adam(backend, step, &mut w, &mut m, &mut v, black_box(&dw));
        });
        count(&format!("rmsprop {n}"), || {
            optimizer::rmsprop(backend, 0.01, 0.9, 1e-7, &mut w, &mut v, black_box(&dw));
        });
    }
}

fn networks(backend: Backend) {
    macro_rules! network {
        ($name:literal, $net:ty, $loss:ident, $batch:literal, $target:expr) => {
            let mut net = Box::new(<$net>::ZERO);
            net.initialize(Seed(7));
            let (x, one) = (samples::<_, 32>(), samples::<_, 1>());
            let mut y = Box::new([<$net>::ZERO.predict(&one[0]); 32]);
            count(concat!($name, " predict"), || {
                black_box(net.on(backend).predict(black_box(&one[0])));
            });
            count(concat!($name, " predict 32"), || {
                net.on(backend).predict_batch(black_box(&*x), &mut *y).expect("32 and 32");
                black_box(&y);
            });
            let mut trainer = Box::new(Trainer::<$net, $loss, Adam, $batch>::ZERO);
            let (x, adam) = (samples::<_, $batch>(), Adam::with_lr(0.001));
            let t: Box<[_; $batch]> = Box::new(std::array::from_fn($target));
            count(concat!($name, " step"), || {
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
            count($name, || {
                black_box(stream.on(backend).push(black_box(&[0.5])));
            });
        };
    }
    stream!("gru 1-8-1 frame", Mlp<(Gru<1, 8, 1>, Dense<8, 1>)>);
    stream!("gru 1-40-1 frame", Mlp<(Gru<1, 40, 1>, Dense<40, 1>)>);
    stream!("lstm 1-16-1 frame", Mlp<(Lstm<1, 16, 1>, Dense<16, 1>)>);
}
