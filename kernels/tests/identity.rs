//! The same bits: every kernel on every backend of this CPU, compared with the contract in plain
//! loops or with the scalar backend.

mod support;

use rosenblatt_kernels::{
    Backend, OutOfLine, Simd,
    activation::{self, Exp, LeakyRelu, MapGrad, Relu, Sigmoid, Tanh},
    arch::scalar::Scalar,
    array::F32Array,
    dispatch, dropout, gemm, loss, math,
    normalize::{self, BatchMoments, Moments, Scale},
    optimizer::{self, AdamStep},
    recurrent, regularize, vector,
};
use rosenblatt_suite::identity;
use std::fmt::Write as _;
use support::{
    Guarded, Random, assert_same, backends, contract, difference,
    emulated::{Emulated, Fused},
    stride,
};

/// The matrix products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Product {
    Gemm,
    GemmTn { add: bool },
    GemmNt,
}

type Shape = (usize, usize, usize);

impl Product {
    const ALL: [Self; 4] =
        [Self::Gemm, Self::GemmTn { add: true }, Self::GemmNt, Self::GemmTn { add: false }];

    /// Lengths of both factors and of the result.
    fn lengths(self, (m, k, n): Shape) -> (usize, usize, usize) {
        match self {
            Self::Gemm => (m * k, k * n, m * n),
            Self::GemmTn { .. } => (m * k, m * n, k * n),
            Self::GemmNt => (m * n, k * n, m * k),
        }
    }

    #[inline(always)]
    fn run<S: Simd>(
        self,
        s: S,
        (m, k, n): Shape,
        a: &[f32],
        b: &[f32],
        bias: &[f32],
        c: &mut [f32],
    ) {
        match self {
            Self::Gemm => gemm::gemm(s, m, k, n, a, b, bias, c),
            Self::GemmTn { add } => gemm::gemm_tn(s, m, k, n, a, b, c, add),
            Self::GemmNt => gemm::gemm_nt(s, m, k, n, a, b, c),
        }
    }

    fn contract(self, (m, k, n): Shape, a: &[f32], b: &[f32], bias: &[f32], c: &mut [f32]) {
        match self {
            Self::Gemm => contract::gemm(m, k, n, a, b, bias, c),
            Self::GemmTn { add } => contract::gemm_tn(m, k, n, a, b, c, add),
            Self::GemmNt => contract::gemm_nt(m, k, n, a, b, c),
        }
    }
}

/// Inputs of one sort, and space for results.
struct Data {
    a: Vec<f32>,
    b: Vec<f32>,
    bias: Vec<f32>,
    start: Vec<f32>,
    want: Vec<f32>,
    out: Guarded,
}

impl Data {
    fn new(sort: usize, factor: usize, result: usize) -> Self {
        let mut random = Random(sort as u64);
        Self {
            a: random.values(sort, factor + 4),
            b: random.values(sort, factor + 4),
            bias: random.values(sort, result + 4),
            start: random.values(sort, result),
            want: vec![0.0; result],
            out: Guarded::new(result),
        }
    }

    /// Compares one product with the contract. All slices start `shift` values off.
    fn check(
        &mut self,
        product: Product,
        shape: Shape,
        shift: usize,
        name: &dyn std::fmt::Display,
        run: impl Fn(&[f32], &[f32], &[f32], &mut [f32]),
        with_contract: bool,
    ) {
        let (a, b, c) = product.lengths(shape);
        let a = &self.a[shift % 4..][..a];
        let b = &self.b[(shift + 1) % 4..][..b];
        let bias = &self.bias[(shift + 2) % 4..][..shape.2];
        let (start, want) = (&self.start[..c], &mut self.want[..c]);
        if with_contract {
            want.copy_from_slice(start);
            product.contract(shape, a, b, bias, want);
        }
        let got = self.out.run(start, shift + 3, |c| run(a, b, bias, c));
        assert_same(got, want, || format!("{name} {product:?} {shape:?} from {shift}"));
    }
}

/// Checks one product on all backends. The contract's result is computed once.
fn check_backends(
    backends: &[Backend],
    data: &mut Data,
    product: Product,
    shape: Shape,
    shift: usize,
) {
    for (i, &backend) in backends.iter().enumerate() {
        let run = |a: &[f32], b: &[f32], bias: &[f32], c: &mut [f32]| {
            dispatch!(backend, s => product.run(s, shape, a, b, bias, c));
        };
        data.check(product, shape, shift, &backend, run, i == 0);
    }
}

#[test]
fn products_of_every_shape_up_to_40() {
    let backends = backends();
    let mut data: Vec<_> = (0..4).map(|sort| Data::new(sort, 40 * 40, 40 * 40)).collect();
    let stride = stride();
    let mut count = 0;
    for m in 1..=40 {
        for k in 1..=40 {
            for n in 1..=40 {
                let shift = m * 7 + k * 3 + n;
                for product in
                    [Product::Gemm, Product::GemmTn { add: (m + k + n) % 2 == 0 }, Product::GemmNt]
                {
                    count += 1;
                    if count % stride == 0 {
                        // Subnormal sums are slow on many CPUs. One case in sixteen has them.
                        let sort =
                            [0, 1, 0, 3, 0, 1, 0, 2, 0, 1, 0, 3, 0, 1, 0, 3][count / stride % 16];
                        check_backends(&backends, &mut data[sort], product, (m, k, n), shift);
                    }
                }
            }
        }
    }
}

#[test]
fn products_of_larger_shapes() {
    check_larger_shapes(&backends());
}

/// Tiles depend on the CPU, bits do not.
#[test]
fn products_with_the_tiles_of_other_cpus() {
    #[cfg(target_arch = "x86_64")]
    for backend in backends() {
        if let Backend::Avx512(avx512) = backend {
            for full_width in [true, false] {
                avx512.assume_full_width(Some(full_width));
                check_larger_shapes(&[backend]);
            }
            avx512.assume_full_width(None);
        }
    }
}

fn check_larger_shapes(backends: &[Backend]) {
    let shapes = [
        (65, 129, 33),
        (17, 300, 47),
        (3, 784, 128),
        (32, 1000, 1),
        (1, 784, 10),
        (300, 17, 5),
        (5, 2, 300),
        (1, 257, 513),
        (33, 256, 17),
        (2, 512, 65),
        (600, 3, 4),
        (4, 3, 600),
        (38, 300, 70),
        (24, 64, 64),
    ];
    for (i, shape) in shapes.into_iter().enumerate() {
        let (m, k, n) = shape;
        let factor = (m * k).max(k * n).max(m * n);
        let sorts = if cfg!(debug_assertions) { i..i + 1 } else { 0..4 };
        for sort in sorts {
            let mut data = Data::new(sort, factor, factor);
            for product in Product::ALL {
                check_backends(backends, &mut data, product, shape, i);
            }
        }
    }
}

#[test]
fn products_without_rows_columns_or_terms() {
    let backends = backends();
    let mut data = Data::new(0, 21_000, 21_000);
    for shape in [
        (0, 3, 4),
        (0, 300, 70),
        (0, 70, 300),
        (3, 0, 4),
        (3, 4, 0),
        (0, 0, 4),
        (0, 4, 0),
        (4, 0, 0),
        (0, 0, 0),
        (2, 1, 0),
        (2, 0, 1),
    ] {
        for product in Product::ALL {
            check_backends(&backends, &mut data, product, shape, 1);
        }
    }
}

/// Tiles of backends that this CPU may lack, among them NEON's and wasm's.
#[test]
fn products_with_emulated_lanes() {
    fn sweep<S: Simd>(name: &str, s: S) {
        let mut data: Vec<_> = (0..4).map(|sort| Data::new(sort, 40 * 40, 40 * 40)).collect();
        let sizes = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 19, 24, 31, 32, 33, 37, 40];
        let mut count = 0;
        for m in sizes {
            for k in [1, 2, 3, 8, 17, 40] {
                for n in sizes {
                    count += 1;
                    let product = Product::ALL[count % 4];
                    let run = |a: &[f32], b: &[f32], bias: &[f32], c: &mut [f32]| {
                        product.run(s, (m, k, n), a, b, bias, c);
                    };
                    if count % stride().min(7) == 0 {
                        data[count / 4 % 4].check(product, (m, k, n), count, &name, run, true);
                    }
                }
            }
        }
    }
    sweep("two lanes, 4x2", Emulated::<2, 4, 2>);
    sweep("four lanes, 8x2", Emulated::<4, 8, 2>);
    sweep("four lanes, 4x2", Emulated::<4, 4, 2>);
    sweep("eight lanes, 4x2", Emulated::<8, 4, 2>);
    sweep("sixteen lanes, 16x1", Emulated::<16, 16, 1>);
}

#[test]
fn products_of_known_shape() {
    fn check<const K: usize, const N: usize>(backends: &[Backend], m: usize) {
        for sort in 0..4 {
            let mut random = Random(K as u64);
            let x = random.values(sort, m * K + 1);
            let w = random.values(sort, K * N + 1);
            let dy = random.values(sort, m * N + 1);
            let b = random.values(sort, N);
            let (x, w, dy) = (&x[1..], &w[1..], &dy[1..]);
            let (xs, dys) = (x.as_chunks::<K>().0, dy.as_chunks::<N>().0);
            let ws: &[[f32; N]; K] = w.as_chunks().0.try_into().expect("K rows");
            let bs: &[f32; N] = b.as_slice().try_into().expect("N values");
            let (mut y, mut dw, mut dx) = (vec![0.0; m * N], vec![0.0; K * N], vec![0.0; m * K]);
            contract::gemm(m, K, N, x, w, &b, &mut y);
            contract::gemm_tn(m, K, N, x, dy, &mut dw, false);
            contract::gemm_nt(m, K, N, dy, w, &mut dx);
            let mut out = Guarded::new(m.max(K) * K.max(N));
            for &backend in backends {
                let what = |name| format!("{backend} fixed::{name} {m}x{K}x{N} sort {sort}");
                let start = vec![f32::NAN; y.len()];
                let got = out.run(&start, m, |y| {
                    dispatch!(backend, s => gemm::typed::gemm(s, xs, ws, bs, y.as_chunks_mut().0));
                });
                assert_same(got, &y, || what("gemm"));
                let start = vec![f32::NAN; dw.len()];
                let got = out.run(&start, m + 1, |dw| {
                    let dw: &mut [[f32; N]; K] = dw.as_chunks_mut().0.try_into().expect("K rows");
                    dispatch!(backend, s => gemm::typed::gemm_tn(s, xs, dys, dw));
                });
                assert_same(got, &dw, || what("gemm_tn"));
                let start = vec![f32::NAN; dx.len()];
                let got = out.run(&start, m + 2, |dx| {
                    dispatch!(backend, s => gemm::typed::gemm_nt(s, dys, ws, dx.as_chunks_mut().0));
                });
                assert_same(got, &dx, || what("gemm_nt"));

                // The forms that add: the same sums from another start.
                let start = random.values(sort, y.len());
                let mut want = start.clone();
                contract::gemm_add(m, K, N, x, w, &mut want);
                let got = out.run(&start, m, |y| {
                    dispatch!(backend, s => gemm::typed::gemm_add::<_, { usize::MAX }, _, _, _>(
                        s, xs, ws, y.as_chunks_mut::<N>().0
                    ));
                });
                assert_same(got, &want, || what("gemm_add"));
                let start = random.values(sort, dw.len());
                let mut want = start.clone();
                contract::gemm_tn(m, K, N, x, dy, &mut want, true);
                let got = out.run(&start, m + 1, |dw| {
                    let dw: &mut [[f32; N]; K] = dw.as_chunks_mut().0.try_into().expect("K rows");
                    dispatch!(backend, s => gemm::typed::affine_grad(s, xs, dys, dw, true));
                });
                assert_same(got, &want, || what("affine_grad"));
                let start = random.values(sort, dx.len());
                let mut want = start.clone();
                contract::gemm_nt_add(m, K, N, dy, w, &mut want);
                let got = out.run(&start, m + 2, |dx| {
                    dispatch!(
                        backend,
                        s => gemm::typed::affine_grad_input::<_, { usize::MAX }, _, _, _>(
                            s, dys, ws, dx.as_chunks_mut::<K>().0, true
                        )
                    );
                });
                assert_same(got, &want, || what("affine_grad_input"));
            }
        }
    }
    let backends = backends();
    // Inlined on some backends, shared functions on others; as many rows as a register has lanes,
    // fewer and more.
    for m in [0, 1, 4, 5, 9, 12, 15, 32] {
        check::<2, 8>(&backends, m);
        check::<8, 1>(&backends, m);
        check::<3, 5>(&backends, m);
        check::<16, 16>(&backends, m);
        check::<10, 33>(&backends, m);
        check::<67, 19>(&backends, m);
        check::<65, 129>(&backends, m);
        check::<300, 3>(&backends, m);
        check::<37, 1>(&backends, m);
    }
}

#[test]
fn one_sample_and_a_batch_agree() {
    for backend in backends() {
        for (i, (m, k, n)) in
            [(4, 2, 8), (33, 7, 19), (16, 300, 33), (5, 64, 10), (40, 1, 1)].into_iter().enumerate()
        {
            let mut random = Random(i as u64);
            let x = random.values(i, m * k);
            let w = random.values(i, k * n);
            let dy = random.values(i, m * n);
            let b = random.values(i, n);
            let (mut y, mut dx, mut dw) = (vec![0.0; m * n], vec![0.0; m * k], vec![0.0; k * n]);
            dispatch!(backend, s => gemm::gemm(s, m, k, n, &x, &w, &b, &mut y));
            dispatch!(backend, s => gemm::gemm_nt(s, m, k, n, &dy, &w, &mut dx));
            dispatch!(backend, s => gemm::gemm_tn(s, m, k, n, &x, &dy, &mut dw, false));
            let mut alone_dw = vec![0.0; k * n];
            for row in 0..m {
                let (x, dy) = (&x[row * k..][..k], &dy[row * n..][..n]);
                let (mut alone_y, mut alone_dx) = (vec![0.0; n], vec![0.0; k]);
                dispatch!(backend, s => gemm::gemv(s, &w, x, &b, &mut alone_y));
                dispatch!(backend, s => gemm::gemv_t(s, &w, dy, &mut alone_dx));
                dispatch!(backend, s => gemm::ger(s, x, dy, &mut alone_dw));
                assert_same(&alone_y, &y[row * n..][..n], || {
                    format!("{backend} gemv {m}x{k}x{n} row {row}")
                });
                assert_same(&alone_dx, &dx[row * k..][..k], || {
                    format!("{backend} gemv_t {m}x{k}x{n} row {row}")
                });
            }
            assert_same(&alone_dw, &dw, || format!("{backend} ger {m}x{k}x{n}"));
        }
    }
}

#[test]
fn fused_multiply_add_would_be_seen() {
    let shape = (5, 6, 7);
    for product in Product::ALL {
        let (a, b, c) = product.lengths(shape);
        let mut random = Random(5);
        let (a, b, bias) = (random.values(0, a), random.values(0, b), random.values(0, shape.2));
        let (mut fused, mut unfused) = (vec![1.0; c], vec![1.0; c]);
        product.run(Fused, shape, &a, &b, &bias, &mut fused);
        product.run(Scalar, shape, &a, &b, &bias, &mut unfused);
        assert!(difference(&fused, &unfused).is_some(), "{product:?}");
    }
    let x = Random(1).values(0, 4096);
    let all = |f: fn(f32) -> f32| x.iter().map(|x| f(*x)).collect::<Vec<_>>();
    assert!(difference(&all(|x| math::exp(Fused, x)), &all(|x| math::exp(Scalar, x))).is_some());
    assert!(difference(&all(|x| math::tanh(Fused, x)), &all(|x| math::tanh(Scalar, x))).is_some());
}

#[test]
fn dot_sum_and_axpy() {
    fn check(
        name: &dyn std::fmt::Display,
        dot: impl Fn(&[f32], &[f32]) -> f32,
        axpy: impl Fn(f32, &[f32], &mut [f32]),
    ) {
        let mut out = Guarded::new(1024);
        for n in (0..=70).chain([127, 128, 129, 255, 1000]) {
            for sort in 0..4 {
                for shift in 0..4 {
                    let mut random = Random((n * 16 + sort * 4 + shift) as u64);
                    let x = random.values(sort, n + shift);
                    let y = random.values(sort, n + 3);
                    let (x, y) = (&x[shift..], &y[3..]);
                    assert_same(&[dot(x, y)], &[contract::dot(x, y)], || {
                        format!("{name} dot of {n}, sort {sort}")
                    });
                    let a = random.values(sort, 1)[0];
                    let mut want = y.to_vec();
                    contract::add_scaled(a, x, &mut want);
                    let got = out.run(y, shift + 1, |y| axpy(a, x, y));
                    assert_same(got, &want, || format!("{name} axpy of {n}, sort {sort}"));
                }
            }
        }
        let zero = dot(&[-0.0, 1.0], &[1.0, -0.0]);
        assert_eq!(zero.to_bits(), 0, "{name}: a sum of zeros is +0");
    }
    for backend in backends() {
        check(
            &backend,
            |x, y| dispatch!(backend, s => vector::dot(s, x, y)),
            |a, x, y| dispatch!(backend, s => vector::axpy(s, a, x, y)),
        );
    }
    check(
        &"two lanes",
        |x, y| vector::dot(Emulated::<2, 4, 2>, x, y),
        |a, x, y| vector::axpy(Emulated::<2, 4, 2>, a, x, y),
    );
    check(
        &"four lanes",
        |x, y| vector::dot(Emulated::<4, 4, 2>, x, y),
        |a, x, y| vector::axpy(Emulated::<4, 4, 2>, a, x, y),
    );
}

#[test]
fn sums_of_rows() {
    fn check<const N: usize>(backends: &[Backend]) {
        for m in [0, 1, 2, 5, 33] {
            for sort in 0..4 {
                let dy = Random(N as u64).values(sort, m * N + 1);
                let dy = &dy[1..];
                let mut want = [0.0; N];
                for row in dy.as_chunks::<N>().0 {
                    contract::add_scaled(1.0, row, &mut want);
                }
                for &backend in backends {
                    let mut out = Guarded::new(N);
                    let got = out.run(&[f32::NAN; N], m, |db| {
                        let db: &mut [f32; N] = db.try_into().expect("N values");
                        dispatch!(backend, s => gemm::typed::sum_rows(s, dy.as_chunks().0, db));
                    });
                    assert_same(got, &want, || {
                        format!("{backend} sum of {m} rows of {N}, sort {sort}")
                    });
                    let start = Random(m as u64).values(sort, N);
                    let mut want = start.clone();
                    for row in dy.as_chunks::<N>().0 {
                        contract::add_scaled(1.0, row, &mut want);
                    }
                    let got = out.run(&start, m, |db| {
                        let db: &mut [f32; N] = db.try_into().expect("N values");
                        dispatch!(backend, s => gemm::typed::sum_rows_add(s, dy.as_chunks().0, db));
                    });
                    assert_same(got, &want, || {
                        format!("{backend} added sum of {m} rows of {N}, sort {sort}")
                    });
                }
            }
        }
    }
    let backends = backends();
    check::<1>(&backends);
    check::<3>(&backends);
    check::<8>(&backends);
    check::<17>(&backends);
    check::<32>(&backends);
    check::<70>(&backends);
}

type Map = (&'static str, fn(Backend, &mut [f32]));

const MAPS: [Map; 8] = [
    ("exp", activation::exp),
    ("ln", activation::ln),
    ("tanh", activation::tanh),
    ("sigmoid", activation::sigmoid),
    ("relu", activation::relu),
    ("leaky_relu", activation::leaky_relu::<1, 100>),
    ("step", activation::step),
    ("cos_pi", activation::cos_pi),
];

type MapGradFn = (&'static str, fn(Backend, &[f32], &mut [f32]));

const GRADS: [MapGradFn; 6] = [
    ("exp_grad", activation::exp_grad),
    ("ln_grad", activation::ln_grad),
    ("tanh_grad", activation::tanh_grad),
    ("sigmoid_grad", activation::sigmoid_grad),
    ("relu_grad", activation::relu_grad),
    ("leaky_relu_grad", activation::leaky_relu_grad::<1, 100>),
];

#[test]
fn maps_of_inputs_from_all_over() {
    let backends = backends();
    // The step is a prime, so that mantissas, exponents and signs all vary.
    let step = 1009 * stride().min(64) as u64;
    let mut random = Random(7);
    let mut bits = 0;
    while bits < 1 << 32 {
        let x: Vec<_> = (0..4096).map(|i| f32::from_bits((bits + i * step) as u32)).collect();
        bits += 4096 * step;
        for (name, f) in MAPS {
            let mut want = x.clone();
            f(Backend::baseline(), &mut want);
            for backend in &backends[1..] {
                let mut got = x.clone();
                f(*backend, &mut got);
                assert_same(&got, &want, || format!("{backend} {name} from {:#x}", x[0].to_bits()));
            }
        }
        let d: Vec<_> = x.iter().map(|_| random.special()).collect();
        for (name, f) in GRADS {
            let mut want = d.clone();
            f(Backend::baseline(), &x, &mut want);
            for backend in &backends[1..] {
                let mut got = d.clone();
                f(*backend, &x, &mut got);
                assert_same(&got, &want, || format!("{backend} {name} from {:#x}", x[0].to_bits()));
            }
        }
    }
}

#[test]
fn maps_of_every_length() {
    let backends = backends();
    let mut out = Guarded::new(71);
    for n in 0..=70 {
        for sort in 0..4 {
            let mut random = Random(n as u64);
            let x = random.values(sort, n);
            for (i, &backend) in backends.iter().enumerate() {
                for shift in 0..4 {
                    for (name, f) in MAPS {
                        let want: Vec<_> =
                            x.iter().map(|x| alone(*x, |x| f(Backend::baseline(), x))).collect();
                        let got = out.run(&x, shift, |x| f(backend, x));
                        assert_same(got, &want, || format!("{backend} {name} of {n}, sort {sort}"));
                    }
                }
                let y = Random(i as u64).values(3, n + 2);
                for (name, f) in GRADS {
                    let y = &y[i % 3..][..n];
                    let pairs = x.iter().zip(y);
                    let want: Vec<_> = pairs
                        .map(|(d, y)| alone(*d, |d| f(Backend::baseline(), &[*y], d)))
                        .collect();
                    let got = out.run(&x, n + i, |d| f(backend, y, d));
                    assert_same(got, &want, || format!("{backend} {name} of {n}, sort {sort}"));
                }
            }
        }
    }
}

fn alone(x: f32, f: impl FnOnce(&mut [f32])) -> f32 {
    let mut x = [x];
    f(&mut x);
    x[0]
}

/// A leaky relu's slope given by two numbers, and gradients through the typed interface.
#[test]
fn maps_of_known_shape() {
    fn check<A: MapGrad>(backends: &[Backend]) {
        for sort in 0..4 {
            let x = Random(3).values(sort, 9 * 7);
            let mut want = x.clone();
            for x in &mut want {
                *x = A::f(Scalar, *x);
            }
            for &backend in backends {
                let mut got = x.clone();
                dispatch!(backend, s => activation::typed::map::<_, A, 7>(
                    s, got.as_chunks_mut().0
                ));
                assert_same(&got, &want, || format!("{backend} map, sort {sort}"));
                let mut got = x.clone();
                dispatch!(backend, s => activation::typed::map_grad::<_, A, 7>(
                    s, want.as_chunks().0, got.as_chunks_mut().0
                ));
                let grad: Vec<_> =
                    want.iter().zip(&x).map(|(y, d)| A::df(Scalar, *y, *d)).collect();
                assert_same(&got, &grad, || format!("{backend} map_grad, sort {sort}"));
            }
        }
    }
    let backends = backends();
    check::<Exp>(&backends);
    check::<Tanh>(&backends);
    check::<Sigmoid>(&backends);
    check::<Relu>(&backends);
    check::<LeakyRelu<1, 100>>(&backends);
}

#[test]
fn softmax_and_its_gradient() {
    let backends = backends();
    for n in (1..=40).chain([64, 100, 1000]) {
        for sort in 0..4 {
            let mut random = Random((n * 4 + sort) as u64);
            let rows = 3;
            let x = random.values(sort, rows * n);
            let d = random.values(sort, rows * n);
            let mut y = x.clone();
            y.chunks_exact_mut(n).for_each(contract::softmax);
            let mut dx = d.clone();
            y.chunks_exact(n)
                .zip(dx.chunks_exact_mut(n))
                .for_each(|(y, dx)| contract::softmax_grad(y, dx));
            let mut out = Guarded::new(rows * n);
            for &backend in &backends {
                let got = out.run(&x, n, |x| activation::softmax(backend, n, x));
                assert_same(got, &y, || format!("{backend} softmax of {n}, sort {sort}"));
                let got = out.run(&d, n + 1, |d| activation::softmax_grad(backend, n, &y, d));
                assert_same(got, &dx, || format!("{backend} softmax_grad of {n}, sort {sort}"));
                // A row has the same bits alone and in a batch.
                for (x, y) in x.chunks_exact(n).zip(y.chunks_exact(n)) {
                    let got = out.run(x, n + 2, |x| activation::softmax(backend, n, x));
                    assert_same(got, y, || {
                        format!("{backend} softmax of one row of {n}, sort {sort}")
                    });
                }
            }
        }
    }
}

/// A loss on one backend: value and gradient.
fn with_loss(which: usize, backend: Backend, scale: f32, p: &[f32], t: &[f32]) -> (f32, Vec<f32>) {
    let mut dy = vec![f32::NAN; p.len()];
    let value = match which {
        0 => dispatch!(backend, s => loss::squared_error(s, scale, p, t, &mut dy)),
        1 => dispatch!(backend, s => loss::binary_cross_entropy(s, scale, p, t, &mut dy)),
        2 => dispatch!(backend, s => loss::categorical_cross_entropy(s, scale, p, t, &mut dy)),
        _ => dispatch!(backend, s => loss::sparse_cross_entropy::<_, 5>(
            s, scale, p.as_chunks().0, |i| t[i * 5].abs() as usize % 6, dy.as_chunks_mut().0
        )),
    };
    (value, dy)
}

#[test]
fn losses() {
    let backends = backends();
    for n in 0..=70 {
        for sort in 0..4 {
            let mut random = Random((n * 4 + sort) as u64);
            let mut p = random.values(sort, n);
            // Every second length has probabilities.
            if n % 2 == 0 {
                activation::sigmoid(Backend::baseline(), &mut p);
            }
            let t: Vec<_> = random
                .values(0, n)
                .into_iter()
                .map(|t| if n % 3 == 0 { t.max(0.0).ceil() } else { t.abs() * 9.0 })
                .collect();
            for which in 0..4 {
                let (want, want_dy) = with_loss(which, Backend::baseline(), 0.25, &p, &t);
                for &backend in &backends {
                    let (value, dy) = with_loss(which, backend, 0.25, &p, &t);
                    assert_same(&[value], &[want], || {
                        format!("{backend} loss {which} of {n}, sort {sort}")
                    });
                    assert_same(&dy, &want_dy, || {
                        format!("{backend} gradient of loss {which} of {n}, sort {sort}")
                    });
                }
            }
        }
    }
}

/// The losses by the contract, term by term, summed over the sixteen lanes.
#[test]
fn losses_by_the_contract() {
    let mut random = Random(11);
    for n in [1, 5, 16, 17, 33, 70] {
        let p: Vec<_> = random.values(0, n).into_iter().map(|p| p.abs()).collect();
        let t = random.values(0, n);
        let clip = |p: f32| {
            let p = if p < 1e-7 { 1e-7 } else { p };
            if 1.0 - 1e-7 < p { 1.0 - 1e-7 } else { p }
        };
        let ln = |x| math::ln(Scalar, x);
        let squared = contract::sum(p.iter().zip(&t).map(|(p, t)| (p - t) * (p - t)));
        let binary = contract::sum(p.iter().zip(&t).map(|(p, t)| {
            let p = clip(*p);
            let (left, right) = (t * ln(p), (1.0 - t) * ln(1.0 - p));
            left + right
        }));
        let categorical = contract::sum(p.iter().zip(&t).map(|(p, t)| t * ln(clip(*p))));
        for backend in backends() {
            for (which, want) in [squared, -binary, -categorical].into_iter().enumerate() {
                let (value, dy) = with_loss(which, backend, 0.3, &p, &t);
                assert_same(&[value], &[want], || format!("{backend} loss {which} of {n}"));
                let want: Vec<_> = p.iter().zip(&t).map(|(p, t)| 0.3 * (p - t)).collect();
                assert_same(&dy, &want, || format!("{backend} gradient of loss {which} of {n}"));
            }
        }
    }
}

#[test]
fn optimizers() {
    let backends = backends();
    let steps = [
        AdamStep { alpha: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
        AdamStep { alpha: 0.1, beta1: 0.5, beta2: 0.75, epsilon: 0.0 },
    ];
    for n in (0..=70).chain([257]) {
        for sort in 0..4 {
            let mut random = Random((n * 4 + sort) as u64);
            let dw = random.values(sort, n + 1);
            let dw = &dw[1..];
            let start = random.values(sort, 3 * n);
            let mut out = Guarded::new(3 * n);
            let mut want: Vec<_> = start[..n].to_vec();
            for (w, dw) in want.iter_mut().zip(dw) {
                let step = 0.01 * dw;
                *w -= step;
            }
            for &backend in &backends {
                let got = out.run(&start[..n], n, |w| optimizer::sgd(backend, 0.01, w, dw));
                assert_same(got, &want, || format!("{backend} sgd of {n}, sort {sort}"));
            }
            for step in steps {
                let AdamStep { alpha, beta1, beta2, epsilon } = step;
                let mut want = start.clone();
                for i in 0..n {
                    let g = dw[i];
                    if huge(g) {
                        want[i] -= alpha * (g / g.abs());
                        continue;
                    }
                    let (m, v) = (beta1 * want[n + i], beta2 * want[2 * n + i]);
                    let m = m + rest(beta1) * g;
                    let v = v + rest(beta2) * (g * g);
                    // The step uses the values before they are set to zero.
                    want[n + i] = kept(m);
                    want[2 * n + i] = kept(v);
                    want[i] -= (alpha * m) / (v.sqrt() + epsilon);
                }
                for &backend in &backends {
                    let got = out.run(&start, n, |all| {
                        let (w, state) = all.split_at_mut(n);
                        let (m, v) = state.split_at_mut(n);
                        optimizer::adam(backend, step, w, m, v, dw);
                    });
                    assert_same(got, &want, || format!("{backend} adam of {n}, sort {sort}"));
                }
            }
        }
    }
}

/// A rule for one parameter: gives w and the state from w, the state and g.
type Rule<'a, const N: usize> = &'a dyn Fn(f32, [f32; N], f32) -> (f32, [f32; N]);
/// The kernel that must follow it. Its arguments are the weights, then each state.
type Kernel<'a, const N: usize> = &'a dyn Fn(Backend, &mut [f32], [&mut [f32]; N], &[f32]);

/// Compares a kernel on every backend with its rule, for lengths around those of the registers.
fn follows<const N: usize>(name: &str, rule: Rule<'_, N>, kernel: Kernel<'_, N>) {
    let backends = backends();
    for n in (0..=70).chain([257]) {
        for sort in 0..4 {
            let mut random = Random((n * 4 + sort) as u64);
            let dw = random.values(sort, n + 1);
            let dw = &dw[1..];
            let start = random.values(sort, (1 + N) * n);
            let mut want = start.clone();
            for i in 0..n {
                let (w, state) =
                    rule(start[i], std::array::from_fn(|k| start[(1 + k) * n + i]), dw[i]);
                want[i] = w;
                state.into_iter().enumerate().for_each(|(k, x)| want[(1 + k) * n + i] = x);
            }
            let mut out = Guarded::new((1 + N) * n);
            for &backend in &backends {
                let got = out.run(&start, n, |all| {
                    let (w, state) = all.split_at_mut(n);
                    let mut parts = state.chunks_mut(n.max(1));
                    kernel(
                        backend,
                        w,
                        std::array::from_fn(|_| parts.next().unwrap_or_default()),
                        dw,
                    );
                });
                assert_same(got, &want, || format!("{backend} {name} of {n}, sort {sort}"));
            }
        }
    }
}

/// Whether a gradient is so large that rules that divide by a root of squares take a whole step and
/// keep their state.
fn huge(g: f32) -> bool {
    !matches!(g.abs().partial_cmp(&2f32.powi(63)), Some(std::cmp::Ordering::Less))
}

/// Subnormal state is stored as zero.
fn kept(x: f32) -> f32 {
    if x.abs() < f32::MIN_POSITIVE { 0.0 } else { x }
}

/// 1 − β of the decimal number.
fn rest(beta: f32) -> f32 {
    let places = beta * 1e7;
    (1e7 - places) / 1e7
}

#[test]
fn further_optimizers() {
    for (lr, r) in [(0.01, 0.9), (0.5, 0.0), (1e-30, 0.999)] {
        let rule = |w: f32, [v]: [f32; 1], g: f32| {
            let (fall, drag) = (lr * g, r * v);
            let d = fall - drag;
            (w - d, [kept(-d)])
        };
        follows("momentum", &rule, &|backend, w, [v], dw| {
            optimizer::momentum(backend, lr, r, w, v, dw)
        });
        let rule = |w: f32, [v]: [f32; 1], g: f32| {
            let (fall, drag) = (lr * g, r * v);
            let d = fall - drag;
            let ahead = r * d;
            (w - (ahead + fall), [kept(-d)])
        };
        follows("nesterov", &rule, &|backend, w, [v], dw| {
            optimizer::nesterov(backend, lr, r, w, v, dw)
        });
    }
    for (lr, rho, epsilon) in [(0.01f32, 0.9f32, 1e-8f32), (0.5, 0.0, 1e-30)] {
        let rule = |w: f32, [h]: [f32; 1], g: f32| {
            if huge(g) {
                return (w - lr * (g / g.abs()), [h]);
            }
            let square = g * g;
            let h = square + h;
            let h = if f32::MAX < h { f32::MAX } else { h };
            (w - (lr * g) / (h + epsilon).sqrt(), [h])
        };
        follows("adagrad", &rule, &|backend, w, [h], dw| {
            optimizer::adagrad(backend, lr, epsilon, w, h, dw)
        });
        let rule = |w: f32, [h]: [f32; 1], g: f32| {
            if huge(g) {
                return (w - lr * (g / g.abs()), [h]);
            }
            let (old, new) = (rho * h, rest(rho) * (g * g));
            let h = old + new;
            (w - (lr * g) / (h + epsilon).sqrt(), [kept(h)])
        };
        follows("rmsprop", &rule, &|backend, w, [h], dw| {
            optimizer::rmsprop(backend, lr, rho, epsilon, w, h, dw)
        });
    }
    for (step, shrink) in [
        (AdamStep { alpha: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }, 4e-6),
        (AdamStep { alpha: 0.1, beta1: 0.5, beta2: 0.75, epsilon: 0.0 }, 0.0),
    ] {
        let AdamStep { alpha, beta1, beta2, epsilon } = step;
        let rule = |w: f32, [m, v]: [f32; 2], g: f32| {
            let decay = (0.0 - shrink) * w;
            let w = decay + w;
            if huge(g) {
                return (w - alpha * (g / g.abs()), [m, v]);
            }
            let (m, v) = (beta1 * m, beta2 * v);
            let m = m + rest(beta1) * g;
            let v = v + rest(beta2) * (g * g);
            (w - (alpha * m) / (v.sqrt() + epsilon), [kept(m), kept(v)])
        };
        follows("adamw", &rule, &|backend, w, [m, v], dw| {
            optimizer::adamw(backend, step, shrink, w, m, v, dw)
        });
    }
}

/// With r = 0 the rule is gradient descent; without weight decay it is Adam. The bits are the same,
/// also of zeros of both signs.
#[test]
fn special_cases_are_the_simpler_rules() {
    for backend in backends() {
        for sort in [0, 2] {
            let mut random = Random(sort as u64);
            let mut start = random.values(sort, 70);
            (start[3], start[4]) = (0.0, -0.0);
            let (mut sgd, mut still, mut ahead) = (start.clone(), start.clone(), start.clone());
            let (mut v1, mut v2) = (vec![0.0; 70], vec![0.0; 70]);
            let (mut adam, mut adamw) = (start.clone(), start.clone());
            let mut moments = [vec![0.0; 70], vec![0.0; 70], vec![0.0; 70], vec![0.0; 70]];
            for t in 1..=20 {
                let mut dw = random.values(sort, 70);
                // The gradient of a dead unit is +0.
                dw[3..9].fill(0.0);
                optimizer::sgd(backend, 0.1, &mut sgd, &dw);
                optimizer::momentum(backend, 0.1, 0.0, &mut still, &mut v1, &dw);
                optimizer::nesterov(backend, 0.1, 0.0, &mut ahead, &mut v2, &dw);
                assert_same(&still, &sgd, || format!("{backend} momentum with r = 0, step {t}"));
                assert_same(&ahead, &sgd, || format!("{backend} nesterov with r = 0, step {t}"));
                let step = AdamStep { alpha: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
                let [m1, m2, h1, h2] = &mut moments;
                optimizer::adam(backend, step, &mut adam, m1, h1, &dw);
                optimizer::adamw(backend, step, 0.0, &mut adamw, m2, h2, &dw);
                assert_same(&adamw, &adam, || format!("{backend} adamw with λ = 0, step {t}"));
            }
        }
    }
}

/// State that decays becomes zero and does not stay at a subnormal number.
#[test]
fn nothing_sticks_at_subnormal_numbers() {
    for backend in backends() {
        let start = [1.0, -1e-30, 1e-38, 2.5];
        let (mut v1, mut v2, mut h) = (start, start, start);
        for _ in 0..2000 {
            let mut w = [1.0; 4];
            optimizer::momentum(backend, 0.1, 0.9, &mut w, &mut v1, &[0.0; 4]);
            optimizer::nesterov(backend, 0.1, 0.9, &mut w, &mut v2, &[0.0; 4]);
            optimizer::rmsprop(backend, 0.1, 0.9, 1e-8, &mut w, &mut h, &[0.0; 4]);
            for x in [v1, v2, h].as_flattened() {
                assert!(*x == 0.0 || x.is_normal(), "{backend}: {x:e}");
            }
        }
        assert_eq!([v1, v2, h], [[0.0; 4]; 3]);
    }
}

#[test]
fn norms_and_clipping() {
    let backends = backends();
    for n in (0..=70).chain([257, 1000]) {
        for sort in 0..4 {
            let x = Random((n * 4 + sort) as u64).values(sort, n);
            // (scale·‖x‖, scale) by the contract.
            let squares = |scale: f32| contract::sum(x.iter().map(|x| (scale * x) * (scale * x)));
            let (least, up) = (2f32.powi(-100), 2f32.powi(96));
            let (norm, scale) = match squares(1.0) {
                sum if sum >= least && sum < f32::INFINITY => (sum.sqrt(), 1.0),
                sum if sum < least => (squares(up).sqrt(), up),
                _ => (squares(1.0 / up).sqrt(), 1.0 / up),
            };
            let mut out = Guarded::new(n);
            for limit in [0.75f32, 1e-30, 1e30] {
                let mut want = x.clone();
                if norm > limit * scale && norm < f32::INFINITY {
                    let factor = limit / norm;
                    want.iter_mut().for_each(|x| *x = (scale * *x) * factor);
                }
                for &backend in &backends {
                    let what =
                        |name| format!("{backend} {name} of {n}, sort {sort}, limit {limit:e}");
                    let mut got_norm = 0.0;
                    let got =
                        out.run(&x, n, |x| got_norm = optimizer::clip_norm(backend, limit, x));
                    assert_same(got, &want, || what("clip_norm"));
                    assert_same(&[got_norm], &[norm / scale], || what("clip_norm's norm"));
                    assert_same(&[optimizer::norm(backend, &x)], &[norm / scale], || what("norm"));
                    let clipped: Vec<_> = x
                        .iter()
                        .map(|x| {
                            if *x < -limit {
                                -limit
                            } else if limit < *x {
                                limit
                            } else {
                                *x
                            }
                        })
                        .collect();
                    let got = out.run(&x, n, |x| optimizer::clip_value(backend, limit, x));
                    assert_same(got, &clipped, || what("clip_value"));
                }
            }
        }
    }
}

/// All normalizations of `m` rows of `N`, one result after the other.
#[inline(always)]
fn normalizations<S: Simd, const N: usize>(
    s: S,
    [epsilon, share]: [f32; 2],
    [x, dy]: [&[[f32; N]]; 2],
    p: &Scale<[f32; N]>,
    moments: &Moments<[f32; N]>,
) -> Vec<f32> {
    let m = x.len();
    let mut all = Vec::new();
    let (mut own, mut dp) = (BatchMoments::ZERO, Scale::ZERO);
    let mut y = vec![[f32::NAN; N]; m];
    let [mut mean, mut rest, mut variance] = [(); 3].map(|()| vec![f32::NAN; m]);
    normalize::moments(s, x, &mut own);
    all.extend_from_slice(own.as_flat());
    let mut average = *moments;
    normalize::moving(share, &mut average, &own);
    all.extend_from_slice(average.as_flat());
    normalize::batch(s, epsilon, x, moments, p, &mut y);
    all.extend_from_slice(y.as_flattened());
    normalize::batch_own(s, epsilon, x, &own, p, &mut y);
    all.extend_from_slice(y.as_flattened());
    normalize::batch_grad(s, epsilon, x, &own, p, dy, &mut dp, Some(&mut y));
    all.extend_from_slice(dp.as_flat());
    all.extend_from_slice(y.as_flattened());
    normalize::layer(s, epsilon, x, p, &mut y, Some((&mut mean, &mut rest, &mut variance)));
    all.extend(mean.iter().chain(&rest).chain(&variance));
    all.extend_from_slice(y.as_flattened());
    normalize::layer_grad(s, epsilon, x, (&mean, &rest, &variance), p, dy, &mut dp, Some(&mut y));
    all.extend_from_slice(dp.as_flat());
    all.extend_from_slice(y.as_flattened());
    all
}

#[test]
fn normalizations_by_the_contract() {
    fn check<const N: usize>(m: usize, sort: usize) {
        // ε and the part of the moving values that is replaced.
        for constants in [[1e-3, 0.01], [1e-5, 0.1], [1e-12, 1e-4], [0.1, 1.0]] {
            checked::<N>(constants, m, sort);
        }
    }

    fn checked<const N: usize>([epsilon, share]: [f32; 2], m: usize, sort: usize) {
        let mut random = Random((N * 100 + m * 4 + sort) as u64);
        let [x, dy] = [(); 2].map(|()| random.values(sort, m * N));
        let mut row = || <[f32; N]>::try_from(random.values(sort, N)).expect("N values");
        let p = Scale { gamma: row(), beta: row() };
        let moments = Moments { mean: row(), variance: row().map(f32::abs) };
        let own = contract::moments(N, &x);
        let own = own.each_ref().map(Vec::as_slice);
        let mut want = own.concat();
        want.extend(contract::moving(share, &moments.mean, own[0]));
        want.extend(contract::moving(share, &moments.variance, own[2]));
        want.extend(contract::batch(
            N,
            epsilon,
            &x,
            &moments.mean,
            &moments.variance,
            &p.gamma,
            &p.beta,
        ));
        want.extend(contract::batch_own(N, epsilon, &x, own, &p.gamma, &p.beta));
        want.extend(contract::batch_grad(N, epsilon, &x, own, &p.gamma, &dy).concat());
        let [mean, rest, variance, y] = contract::layer(N, epsilon, &x, &p.gamma, &p.beta);
        let own = [mean.as_slice(), &rest, &variance];
        want.extend(own.concat());
        want.extend(y);
        want.extend(contract::layer_grad(N, epsilon, &x, own, &p.gamma, &dy).concat());
        let (constants, rows) = ([epsilon, share], [x.as_chunks().0, dy.as_chunks().0]);
        let what = |backend: &dyn std::fmt::Display| {
            format!("{backend}, {m} rows of {N}, sort {sort}, ε {epsilon}")
        };
        for backend in backends() {
            let got =
                dispatch!(backend, s => normalizations::<_, N>(s, constants, rows, &p, &moments));
            assert_same(&got, &want, || what(&backend));
            let shared = dispatch!(backend, s => normalizations::<_, N>(OutOfLine(s), constants, rows, &p, &moments));
            assert_same(&shared, &want, || what(&backend));
        }
        assert_same(
            &normalizations(Emulated::<2, 4, 2>, constants, rows, &p, &moments),
            &want,
            || what(&"2 lanes"),
        );
        assert_same(
            &normalizations(Emulated::<4, 4, 2>, constants, rows, &p, &moments),
            &want,
            || what(&"4 lanes"),
        );
        assert_same(
            &normalizations(Emulated::<16, 4, 1>, constants, rows, &p, &moments),
            &want,
            || what(&"16 lanes"),
        );
    }
    for sort in 0..4 {
        for m in [1, 2, 3, 7, 33] {
            check::<1>(m, sort);
            check::<3>(m, sort);
            check::<8>(m, sort);
            check::<16>(m, sort);
            check::<17>(m, sort);
            check::<70>(m, sort);
        }
    }
}

#[test]
fn dropout_and_regularizers_by_the_contract() {
    for n in (0..=70).chain([257]) {
        for sort in 0..4 {
            let mut random = Random((n * 4 + sort) as u64);
            let (w, start) = (random.values(sort, n), random.values(sort, n));
            let (key, limit) = (random.next(), random.next());
            let lambda = [0.3, -0.3][sort % 2];
            let kept = |i: usize| {
                let mut z = key ^ (i as u32).wrapping_mul(0x9e37_79b9);
                z = (z ^ (z >> 16)).wrapping_mul(0x85eb_ca6b);
                z = (z ^ (z >> 13)).wrapping_mul(0xc2b2_ae35);
                z ^ (z >> 16) >= limit
            };
            let want: Vec<f32> =
                w.iter().enumerate().map(|(i, w)| if kept(i) { w * 1.25 } else { 0.0 }).collect();
            let grown: Vec<f32> = w
                .iter()
                .zip(&start)
                .map(|(w, dw)| {
                    let sign = if w.abs() > 0.0 { lambda * 1f32.copysign(*w) } else { *w };
                    let product = 0.25 * w;
                    (dw + sign) + product
                })
                .collect();
            let sums = [contract::sum(w.iter().map(|w| w.abs())), contract::dot(&w, &w)];
            let mut out = Guarded::new(n);
            for backend in backends() {
                let what = || format!("{backend}, {n} values of sort {sort}");
                let got = out.run(
                    &start,
                    n,
                    |y| dispatch!(backend, s => dropout::dropout(s, key, limit, 1.25, &w, y)),
                );
                assert_same(got, &want, what);
                let got = out.run(&start, n, |y| {
                    dispatch!(backend, s => dropout::dropout(
                        OutOfLine(s), key, limit, 1.25, &w, y
                    ));
                });
                assert_same(got, &want, what);
                let got = out.run(&start, n + 1, |dw| {
                    dispatch!(backend, s => regularize::l1_grad(s, lambda, &w, dw));
                    dispatch!(backend, s => regularize::l2_grad(s, 0.125, &w, dw));
                });
                assert_same(got, &grown, what);
                let got = [
                    dispatch!(backend, s => regularize::l1(s, &w)),
                    dispatch!(backend, s => regularize::l2(s, &w)),
                ];
                assert_same(&got, &sums, what);
            }
        }
    }
}

#[test]
fn what_is_not_finite_is_found_everywhere() {
    for backend in backends() {
        for n in 0..=70 {
            let mut x = Random(n).values(1, n as usize);
            assert!(optimizer::all_finite(backend, &x), "{backend} {n}");
            for i in 0..x.len() {
                for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    let good = std::mem::replace(&mut x[i], bad);
                    assert!(!optimizer::all_finite(backend, &x), "{backend} {bad} at {i} of {n}");
                    x[i] = good;
                }
            }
        }
    }
}

/// One hash for every backend and every target. `cargo xtask bless identity` writes the file
/// again, after a change of the contract.
#[test]
fn golden_hashes() {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/identity.golden");
    for backend in backends() {
        let mut text = String::new();
        let mut line = |name: &str, outcome: identity::Outcome| {
            let _ = writeln!(text, "{:016x} {:6} {name}", outcome.hash, outcome.checks);
            assert_eq!(outcome.mismatches, 0, "{backend} {name}");
        };
        identity::each(backend, &mut line);
        let total = identity::run(backend);
        line("all", total);
        println!(
            "backend {backend}: {} checks, {} mismatches, hash {:016x}",
            total.checks, total.mismatches, total.hash
        );
        if std::env::var_os("ROSENBLATT_BLESS").is_some() && backend == Backend::baseline() {
            std::fs::write(golden, &text).expect("the file can be written");
        }
        let golden = std::fs::read_to_string(golden).expect("tests/identity.golden is there");
        for (got, want) in text.lines().zip(golden.lines()) {
            assert_eq!(
                got, want,
                "{backend}: left is what ran, right what tests/identity.golden says"
            );
        }
        assert_eq!(text, golden);
    }
}

#[test]
fn the_suite_sees_a_wrong_bit() {
    let mut outcome = identity::Outcome { checks: 0, mismatches: 0, hash: 0 };
    outcome.compare(&[1.0, f32::NAN, -0.0], &[1.0, -f32::NAN, -0.0]);
    assert_eq!((outcome.checks, outcome.mismatches), (3, 0));
    outcome.compare(&[1.0], &[1.0 + f32::EPSILON]);
    outcome.compare(&[0.0], &[-0.0]);
    outcome.compare(&[0.0], &[]);
    assert_eq!((outcome.checks, outcome.mismatches), (5, 3));
}

/// Rows of gates: each cell with several widths, alone and in a batch, forward and backward.
#[test]
fn recurrent_cells() {
    /// A row of `values` has 8·U values: 3, 3, 1 and 1 (GRU) or 4, 2, 1 and 1 (LSTM) times U.
    fn split<const U: usize>(values: &mut [f32], lens: [usize; 3]) -> [&mut [f32]; 4] {
        let m = values.len() / (8 * U);
        let (a, rest) = values.split_at_mut(m * lens[0] * U);
        let (b, rest) = rest.split_at_mut(m * lens[1] * U);
        let (c, d) = rest.split_at_mut(m * lens[2] * U);
        [a, b, c, d]
    }
    #[inline(always)]
    fn run<S: Simd, const U: usize>(s: S, cell: usize, values: &mut [f32]) {
        let gates = if cell < 2 { [3, 3, 1] } else { [4, 2, 1] };
        let [a, b, c, d] = split::<U>(values, gates);
        let (c, d) = (c.as_chunks_mut::<U>().0, d.as_chunks_mut::<U>().0);
        if cell < 2 {
            let a = a.as_chunks_mut::<U>().0.as_chunks_mut::<3>().0;
            let b = b.as_chunks_mut::<U>().0.as_chunks_mut::<3>().0;
            if cell == 0 { recurrent::gru(s, a, b, c) } else { recurrent::gru_grad(s, a, b, c, d) }
        } else {
            let a = a.as_chunks_mut::<U>().0.as_chunks_mut::<4>().0;
            let b = b.as_chunks_mut::<U>().0.as_chunks_mut::<2>().0;
            if cell == 2 {
                recurrent::lstm(s, a, b, c, d)
            } else {
                recurrent::lstm_grad(s, a, b, c, d)
            }
        }
    }
    fn want<const U: usize>(cell: usize, values: &mut [f32]) {
        let gates = if cell < 2 { [3, 3, 1] } else { [4, 2, 1] };
        let m = values.len() / (8 * U);
        let [a, b, c, d] = split::<U>(values, gates);
        for i in 0..m {
            let a = &mut a[i * gates[0] * U..][..gates[0] * U];
            let b = &mut b[i * gates[1] * U..][..gates[1] * U];
            let (c, d) = (&mut c[i * U..][..U], &mut d[i * U..][..U]);
            match cell {
                0 => contract::gru(U, a, b, c),
                1 => contract::gru_grad(U, a, b, c, d),
                2 => contract::lstm(U, a, b, c, d),
                _ => contract::lstm_grad(U, a, b, c, d),
            }
        }
    }
    fn check<const U: usize>(backends: &[Backend]) {
        for m in [0, 1, 2, 5] {
            for cell in 0..4 {
                for sort in 0..4 {
                    let start = Random((U + cell) as u64).values(sort, 8 * U * m);
                    let mut exact = start.clone();
                    want::<U>(cell, &mut exact);
                    let mut out = Guarded::new(start.len());
                    let what =
                        |name: &str| format!("{name} cell {cell}, {m} rows of {U}, sort {sort}");
                    for &backend in backends {
                        let got = out.run(
                            &start,
                            m,
                            |x| dispatch!(backend, s => run::<_, U>(s, cell, x)),
                        );
                        assert_same(got, &exact, || what(backend.name()));
                        let got = out.run(
                            &start,
                            m,
                            |x| dispatch!(backend, s => run::<_, U>(OutOfLine(s), cell, x)),
                        );
                        assert_same(got, &exact, || what(&format!("{backend}, shared,")));
                    }
                    let got = out.run(&start, m, |x| run::<_, U>(Emulated::<4, 4, 2>, cell, x));
                    assert_same(got, &exact, || what("four lanes"));
                }
            }
        }
    }
    let backends = backends();
    check::<1>(&backends);
    check::<5>(&backends);
    check::<12>(&backends);
    check::<16>(&backends);
    check::<37>(&backends);
}
