//! Kernels by shape and backend. Each result is checked before it is timed.
//!
//! `cargo bench --bench kernels`; `-- gemm/32` selects by
//! name. Criterion prints throughput in elements: for gemm one element is one floating-point
//! operation (2·m·k·n in total), for the other kernels one value.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rosenblatt::{
    Rng, Seed,
    kernels::{
        Backend, F32Array, activation, dispatch, dropout, gemm,
        normalize::{self, BatchMoments, Scale},
        optimizer, regularize,
    },
};
use rosenblatt_suite::naive;
use std::hint::black_box;

/// Values in [−1, 1).
fn values(n: usize) -> Vec<f32> {
    let mut rng = Rng::new(Seed(7));
    (0..n).map(|_| 2.0 * rng.uniform() - 1.0).collect()
}

fn gemm(c: &mut Criterion) {
    let mut group = c.benchmark_group("gemm");
    let cubes = [4, 7, 8, 16, 17, 32, 33, 64, 128].map(|n| (n, n, n));
    for (m, k, n) in cubes.into_iter().chain([(32, 784, 128), (32, 128, 10), (1, 784, 128)]) {
        let (x, w, b) = (values(m * k), values(k * n), values(n));
        let mut y = vec![0.0; m * n];
        group.throughput(Throughput::Elements(2 * (m * k * n) as u64));
        for backend in Backend::available() {
            dispatch!(backend, s => gemm::gemm(s, m, k, n, &x, &w, &b, &mut y));
            let judge = naive_gemm(m, k, n, &x, &w, &b);
            let bound = 1e-6 * k as f64;
            assert!(
                y.iter().zip(&judge).all(|(y, j)| (f64::from(*y) - j).abs() <= bound),
                "{m}x{k}x{n} on {backend}"
            );
            group.bench_function(BenchmarkId::new(format!("{m}x{k}x{n}"), backend), |bench| {
                bench.iter(|| {
                    dispatch!(backend, s => gemm::gemm(
                        s, m, k, n, black_box(&x), &w, &b, &mut y
                    ));
                });
            });
        }
    }
    group.finish();
}

fn naive_gemm(m: usize, k: usize, n: usize, x: &[f32], w: &[f32], b: &[f32]) -> Vec<f64> {
    let mut y = vec![0.0; m * n];
    naive::gemm(m, k, n, x, w, b, &mut y);
    y
}

fn elementwise(c: &mut Criterion) {
    type Map = fn(Backend, &mut [f32]);
    type Judge = fn(f64) -> f64;
    let maps: [(&str, Map, Judge); 4] = [
        ("exp", activation::exp, f64::exp),
        ("tanh", activation::tanh, f64::tanh),
        ("sigmoid", activation::sigmoid, |x| 1.0 / (1.0 + (-x).exp())),
        ("relu", activation::relu, |x| x.max(0.0)),
    ];
    let x = values(1024);
    for (name, map, judge) in maps {
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Elements(x.len() as u64));
        for backend in Backend::available() {
            let mut y = x.clone();
            map(backend, &mut y);
            assert!(
                x.iter().zip(&y).all(|(x, y)| (f64::from(*y) - judge(f64::from(*x))).abs() < 1e-6),
                "{name}"
            );
            // In place. Each run starts with a copy of the inputs.
            group.bench_function(backend.name(), |bench| {
                bench.iter(|| {
                    y.copy_from_slice(black_box(&x));
                    map(backend, &mut y);
                });
            });
        }
        group.finish();
    }
    let mut group = c.benchmark_group("softmax rows of 10");
    group.throughput(Throughput::Elements(1020));
    for backend in Backend::available() {
        let mut y = x[..1020].to_vec();
        group.bench_function(backend.name(), |bench| {
            bench.iter(|| {
                y.copy_from_slice(black_box(&x[..1020]));
                activation::softmax(backend, 10, &mut y);
            });
        });
    }
    group.finish();
}

/// A batch of 32 rows of 32 channels.
fn layers(c: &mut Criterion) {
    type Row = [f32; 32];
    const EPSILON: f32 = 1e-3;
    let (x, dy) = (values(1024), values(1024));
    let (x, dy) = (x.as_chunks::<32>().0, dy.as_chunks::<32>().0);
    let p = Scale::<Row> { gamma: [1.0; 32], beta: [0.5; 32] };
    let [mut y, mut dx] = [[[0.0; 32]; 32]; 2];
    let (mut moments, mut dp) = (BatchMoments::<Row>::ZERO, Scale::<Row>::ZERO);
    let [mut mean, mut rest, mut variance] = [[0.0; 32]; 3];
    let mut judge = vec![0.0; 1024];
    let mut group = c.benchmark_group("layers of 32x32");
    group.throughput(Throughput::Elements(1024));
    for backend in Backend::available() {
        let near = |y: &[Row], judge: &[f64]| {
            y.as_flattened()
                .iter()
                .zip(judge)
                .all(|(y, judge)| (f64::from(*y) - judge).abs() < 1e-5)
        };
        group.bench_function(BenchmarkId::new("batch normalization", backend), |bench| {
            bench.iter(|| {
                dispatch!(backend, s => normalize::moments(s, black_box(x), &mut moments));
                dispatch!(backend, s => normalize::batch_own(s, EPSILON, x, &moments, &p, &mut y));
            });
        });
        naive::batch_norm(32, EPSILON, x.as_flattened(), p.as_flat(), &mut judge);
        assert!(near(&y, &judge), "batch normalization on {backend}");
        group.bench_function(BenchmarkId::new("batch normalization, gradient", backend), |bench| {
            bench.iter(|| {
                dispatch!(backend, s => normalize::batch_grad(
                    s, EPSILON, x, &moments, &p, black_box(dy), &mut dp, Some(&mut dx)
                ));
            });
        });
        group.bench_function(BenchmarkId::new("layer normalization", backend), |bench| {
            bench.iter(|| {
                let stats = (mean.as_mut_slice(), rest.as_mut_slice(), variance.as_mut_slice());
                dispatch!(backend, s => normalize::layer(
                    s, EPSILON, black_box(x), &p, &mut y, Some(stats)
                ));
            });
        });
        naive::layer_norm(32, EPSILON, x.as_flattened(), p.as_flat(), &mut judge);
        assert!(near(&y, &judge), "layer normalization on {backend}");
        group.bench_function(BenchmarkId::new("layer normalization, gradient", backend), |bench| {
            bench.iter(|| {
                let stats = (mean.as_slice(), rest.as_slice(), variance.as_slice());
                dispatch!(backend, s => normalize::layer_grad(
                    s, EPSILON, x, stats, &p, black_box(dy), &mut dp, Some(&mut dx)
                ));
            });
        });
        group.bench_function(BenchmarkId::new("dropout", backend), |bench| {
            let (x, y) = (x.as_flattened(), y.as_flattened_mut());
            bench.iter(
                || dispatch!(backend, s => dropout::dropout(s, black_box(7), 1 << 30, 1.25, x, y)),
            );
        });
        group.bench_function(BenchmarkId::new("L2", backend), |bench| {
            let (w, dw) = (x.as_flattened(), dx.as_flattened_mut());
            bench.iter(|| {
                dispatch!(backend, s => regularize::l2_grad(s, 1e-9, black_box(w), dw));
                dispatch!(backend, s => regularize::l2(s, w))
            });
        });
    }
    group.finish();
}

fn optimizers(c: &mut Criterion) {
    let step = optimizer::AdamStep { alpha: 1e-6, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    for n in [1024, 100_480] {
        let mut group = c.benchmark_group(format!("optimizers of {n}"));
        group.throughput(Throughput::Elements(n as u64));
        let dw = values(n);
        for backend in Backend::available() {
            let mut w = values(n);
            group.bench_function(BenchmarkId::new("sgd", backend), |bench| {
                bench.iter(|| optimizer::sgd(backend, 1e-6, &mut w, black_box(&dw)));
            });
            let (mut m, mut v) = (vec![0.0; n], vec![0.0; n]);
            type OneState = fn(Backend, &mut [f32], &mut [f32], &[f32]);
            let rules: [(&str, OneState); 4] = [
                ("momentum", |backend, w, v, dw| optimizer::momentum(backend, 1e-6, 0.9, w, v, dw)),
                ("nesterov", |backend, w, v, dw| optimizer::nesterov(backend, 1e-6, 0.9, w, v, dw)),
                ("adagrad", |backend, w, h, dw| optimizer::adagrad(backend, 1e-6, 1e-8, w, h, dw)),
                ("rmsprop", |backend, w, h, dw| {
                    optimizer::rmsprop(backend, 1e-6, 0.9, 1e-8, w, h, dw)
                }),
            ];
            for (name, rule) in rules {
                v.fill(0.0);
                group.bench_function(BenchmarkId::new(name, backend), |bench| {
                    bench.iter(|| rule(backend, &mut w, &mut v, black_box(&dw)));
                });
            }
            v.fill(0.0);
            group.bench_function(BenchmarkId::new("adam", backend), |bench| {
                bench.iter(|| {
                    optimizer::adam(backend, step, &mut w, &mut m, &mut v, black_box(&dw))
                });
            });
            group.bench_function(BenchmarkId::new("adamw", backend), |bench| {
                bench.iter(|| {
                    optimizer::adamw(backend, step, 1e-9, &mut w, &mut m, &mut v, black_box(&dw))
                });
            });
            group.bench_function(BenchmarkId::new("norm", backend), |bench| {
                bench.iter(|| optimizer::norm(backend, black_box(&dw)));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, gemm, elementwise, layers, optimizers);
criterion_main!(benches);
