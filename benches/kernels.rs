//! Kernels by shape and backend, the answer checked before it is timed.
//!
//! `cargo bench --bench kernels`; `-- gemm/32` picks by name. Criterion prints throughput in elements: for gemm one element is one
//! floating-point operation (2·m·k·n in all), for the rest one value.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rosenblatt::{
    Rng, Seed,
    kernels::{Level, activation, blas, dispatch, naive, optimizer},
};
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
        for level in Level::available() {
            dispatch!(level, s => blas::gemm(s, m, k, n, &x, &w, &b, &mut y));
            let judge = naive_gemm(m, k, n, &x, &w, &b);
            let bound = 1e-6 * k as f64;
            assert!(y.iter().zip(&judge).all(|(y, j)| (f64::from(*y) - j).abs() <= bound), "{m}x{k}x{n} on {level}");
            group.bench_function(BenchmarkId::new(format!("{m}x{k}x{n}"), level), |bench| {
                bench.iter(|| dispatch!(level, s => blas::gemm(s, m, k, n, black_box(&x), &w, &b, &mut y)));
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
    type Map = fn(Level, &mut [f32]);
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
        for level in Level::available() {
            let mut y = x.clone();
            map(level, &mut y);
            assert!(x.iter().zip(&y).all(|(x, y)| (f64::from(*y) - judge(f64::from(*x))).abs() < 1e-6), "{name}");
            // In place, again and again: from the copied start each time.
            group.bench_function(level.name(), |bench| {
                bench.iter(|| {
                    y.copy_from_slice(black_box(&x));
                    map(level, &mut y);
                });
            });
        }
        group.finish();
    }
    let mut group = c.benchmark_group("softmax rows of 10");
    group.throughput(Throughput::Elements(1020));
    for level in Level::available() {
        let mut y = x[..1020].to_vec();
        group.bench_function(level.name(), |bench| {
            bench.iter(|| {
                y.copy_from_slice(black_box(&x[..1020]));
                activation::softmax(level, 10, &mut y);
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
        for level in Level::available() {
            let mut w = values(n);
            group.bench_function(BenchmarkId::new("sgd", level), |bench| {
                bench.iter(|| optimizer::sgd(level, 1e-6, &mut w, black_box(&dw)));
            });
            let (mut m, mut v) = (vec![0.0; n], vec![0.0; n]);
            type OneState = fn(Level, &mut [f32], &mut [f32], &[f32]);
            let rules: [(&str, OneState); 4] = [
                ("momentum", |level, w, v, dw| optimizer::momentum(level, 1e-6, 0.9, w, v, dw)),
                ("nesterov", |level, w, v, dw| optimizer::nesterov(level, 1e-6, 0.9, w, v, dw)),
                ("adagrad", |level, w, h, dw| optimizer::adagrad(level, 1e-6, 1e-8, w, h, dw)),
                ("rmsprop", |level, w, h, dw| optimizer::rmsprop(level, 1e-6, 0.9, 1e-8, w, h, dw)),
            ];
            for (name, rule) in rules {
                v.fill(0.0);
                group.bench_function(BenchmarkId::new(name, level), |bench| {
                    bench.iter(|| rule(level, &mut w, &mut v, black_box(&dw)));
                });
            }
            v.fill(0.0);
            group.bench_function(BenchmarkId::new("adam", level), |bench| {
                bench.iter(|| optimizer::adam(level, step, &mut w, &mut m, &mut v, black_box(&dw)));
            });
            group.bench_function(BenchmarkId::new("adamw", level), |bench| {
                bench.iter(|| optimizer::adamw(level, step, 1e-9, &mut w, &mut m, &mut v, black_box(&dw)));
            });
            group.bench_function(BenchmarkId::new("norm", level), |bench| {
                bench.iter(|| optimizer::norm(level, black_box(&dw)));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, gemm, elementwise, optimizers);
criterion_main!(benches);
