//! Every kernel on every backend against textbook loops in f64, within bounds that follow from the
//! roundings.

mod support;

use rosenblatt_kernels::{
    Backend, activation,
    array::F32Array,
    dispatch, gemm, loss,
    normalize::{self, BatchMoments, Moments, Scale},
    optimizer::{self, AdamStep},
    recurrent, regularize, vector,
};
use rosenblatt_suite::naive;
use support::{Random, backends, stride};

/// Half the spacing of numbers at 1, the largest relative error of one rounding.
const U: f64 = f32::EPSILON as f64 / 2.0;

/// γ_n = n·u / (1 − n·u), the bound for n roundings (Higham, 2002).
fn gamma(n: usize) -> f64 {
    let nu = n as f64 * U;
    nu / (1.0 - nu)
}

fn absolute(x: &[f32]) -> Vec<f32> {
    x.iter().map(|x| x.abs()).collect()
}

/// Each value must be within `relative` times its magnitude, or within a few least subnormal
/// numbers where products are tiny.
#[track_caller]
fn within(got: &[f32], exact: &[f64], magnitude: &[f64], relative: f64, what: impl Fn() -> String) {
    assert_eq!(got.len(), exact.len());
    for (i, ((got, exact), magnitude)) in got.iter().zip(exact).zip(magnitude).enumerate() {
        let error = (f64::from(*got) - exact).abs();
        let bound = relative * magnitude + 1e-42;
        assert!(
            error <= bound,
            "{} value {i}: {got:e} for {exact:e}, {error:e} off, allowed {bound:e}",
            what()
        );
    }
}

const SIZES: [usize; 15] = [1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 20, 31, 33];

fn shapes() -> impl Iterator<Item = (usize, usize, usize)> {
    let small = SIZES
        .into_iter()
        .flat_map(|m| SIZES.into_iter().flat_map(move |k| SIZES.map(|n| (m, k, n))));
    let large = [
        (1, 784, 10),
        (32, 784, 128),
        (17, 1000, 3),
        (300, 5, 7),
        (5, 7, 300),
        (2, 257, 65),
        (0, 3, 2),
        (2, 0, 3),
    ];
    small.step_by(stride().min(17)).chain(large)
}

#[test]
fn gemm_and_gemv() {
    let backends = backends();
    let mut random = Random(1);
    for (m, k, n) in shapes() {
        let mut draw = |n: usize| (0..n).map(|_| random.spread(6)).collect::<Vec<_>>();
        let (x, w, b) = (draw(m * k), draw(k * n), draw(n));
        let (mut exact, mut magnitude) = (vec![0.0; m * n], vec![0.0; m * n]);
        naive::gemm(m, k, n, &x, &w, &b, &mut exact);
        naive::gemm(m, k, n, &absolute(&x), &absolute(&w), &absolute(&b), &mut magnitude);
        for &backend in &backends {
            let mut y = vec![f32::NAN; m * n];
            dispatch!(backend, s => gemm::gemm(s, m, k, n, &x, &w, &b, &mut y));
            within(&y, &exact, &magnitude, gamma(2 * k), || format!("{backend} gemm {m}x{k}x{n}"));
            if m == 1 {
                let mut y = vec![f32::NAN; n];
                dispatch!(backend, s => gemm::gemv(s, &w, &x, &b, &mut y));
                naive::gemv(&w, &x, &b, &mut exact);
                within(&y, &exact, &magnitude, gamma(2 * k), || format!("{backend} gemv {k}x{n}"));
            }
        }
    }
}

#[test]
fn gemm_tn_and_ger() {
    let backends = backends();
    let mut random = Random(2);
    for (m, k, n) in shapes() {
        let mut draw = |n: usize| (0..n).map(|_| random.spread(6)).collect::<Vec<_>>();
        let (x, dy, start) = (draw(m * k), draw(m * n), draw(k * n));
        for add in [false, true] {
            let mut exact: Vec<_> = start.iter().map(|w| f64::from(*w)).collect();
            let mut magnitude: Vec<_> = exact.iter().map(|w| w.abs()).collect();
            naive::gemm_tn(m, k, n, &x, &dy, &mut exact, add);
            naive::gemm_tn(m, k, n, &absolute(&x), &absolute(&dy), &mut magnitude, add);
            for &backend in &backends {
                let mut dw = start.clone();
                dispatch!(backend, s => gemm::gemm_tn(s, m, k, n, &x, &dy, &mut dw, add));
                within(&dw, &exact, &magnitude, gamma(2 * m), || {
                    format!("{backend} gemm_tn {m}x{k}x{n} {add}")
                });
                if m == 1 && add {
                    let mut dw = start.clone();
                    dispatch!(backend, s => gemm::ger(s, &x, &dy, &mut dw));
                    let mut exact: Vec<_> = start.iter().map(|w| f64::from(*w)).collect();
                    naive::ger(&x, &dy, &mut exact);
                    within(&dw, &exact, &magnitude, gamma(2), || format!("{backend} ger {k}x{n}"));
                }
            }
        }
    }
}

#[test]
fn gemm_nt_and_gemv_t() {
    let backends = backends();
    let mut random = Random(3);
    for (m, k, n) in shapes() {
        let mut draw = |n: usize| (0..n).map(|_| random.spread(6)).collect::<Vec<_>>();
        let (dy, w) = (draw(m * n), draw(k * n));
        let (mut exact, mut magnitude) = (vec![0.0; m * k], vec![0.0; m * k]);
        naive::gemm_nt(m, k, n, &dy, &w, &mut exact);
        naive::gemm_nt(m, k, n, &absolute(&dy), &absolute(&w), &mut magnitude);
        for &backend in &backends {
            let mut dx = vec![f32::NAN; m * k];
            dispatch!(backend, s => gemm::gemm_nt(s, m, k, n, &dy, &w, &mut dx));
            within(&dx, &exact, &magnitude, gamma(2 * n), || {
                format!("{backend} gemm_nt {m}x{k}x{n}")
            });
            if m == 1 {
                let mut dx = vec![f32::NAN; k];
                dispatch!(backend, s => gemm::gemv_t(s, &w, &dy, &mut dx));
                naive::gemv_t(&w, &dy, &mut exact);
                within(&dx, &exact, &magnitude, gamma(2 * n), || {
                    format!("{backend} gemv_t {k}x{n}")
                });
            }
        }
    }
}

#[test]
fn dot_axpy_and_sums() {
    let mut random = Random(4);
    for n in (0..=70).chain([1000, 12_345]) {
        let mut draw = |n: usize| (0..n).map(|_| random.spread(6)).collect::<Vec<_>>();
        let (x, y) = (draw(n), draw(n));
        let magnitude = naive::dot(&absolute(&x), &absolute(&y));
        for backend in backends() {
            let got = dispatch!(backend, s => vector::dot(s, &x, &y));
            let roundings = gamma(n / 16 + 5 + 1);
            within(&[got], &[naive::dot(&x, &y)], &[magnitude], roundings, || {
                format!("{backend} dot of {n}")
            });

            let mut got = y.clone();
            dispatch!(backend, s => vector::axpy(s, -0.3, &x, &mut got));
            let mut exact: Vec<_> = y.iter().map(|y| f64::from(*y)).collect();
            naive::axpy(-0.3, &x, &mut exact);
            let mut size: Vec<_> = y.iter().map(|y| f64::from(y.abs())).collect();
            naive::axpy(0.3, &absolute(&x), &mut size);
            within(&got, &exact, &size, gamma(2), || format!("{backend} axpy of {n}"));

            let (mut got, mut exact, mut size) = ([0.0; 5], [0.0; 5], [0.0; 5]);
            let rows = x.as_chunks().0;
            dispatch!(backend, s => gemm::typed::sum_rows(s, rows, &mut got));
            naive::sum_rows(&x, &mut exact);
            naive::sum_rows(&absolute(&x), &mut size);
            within(&got, &exact, &size, gamma(rows.len()), || {
                format!("{backend} sum of {} rows", rows.len())
            });
        }
    }
}

#[test]
fn activations() {
    let mut random = Random(5);
    let x: Vec<_> = (0..10_000).map(|_| random.spread(6)).collect();
    let d: Vec<_> = (0..10_000).map(|_| random.spread(2)).collect();
    type Map = (fn(Backend, &mut [f32]), fn(f32) -> f64, f64);
    let maps: [Map; 6] = [
        (activation::exp, naive::exp, 2.0 * U),
        (activation::tanh, naive::tanh, 4.0 * U),
        (activation::sigmoid, naive::sigmoid, 4.0 * U),
        (activation::relu, naive::relu, 0.0),
        (activation::leaky_relu::<1, 8>, |x| naive::leaky_relu(0.125, x), U),
        (activation::step, naive::step, 0.0),
    ];
    type Grad = (fn(Backend, &[f32], &mut [f32]), fn(f32, f32) -> f64, fn(f32) -> f64);
    // The last entry is the magnitude of the rounded terms, divided by |d|.
    let grads: [Grad; 6] = [
        (activation::exp_grad, naive::exp_grad, |y| f64::from(y.abs())),
        (activation::ln_grad, naive::ln_grad, |x| 1.0 / f64::from(x.abs())),
        (activation::tanh_grad, naive::tanh_grad, |y| 1.0 + f64::from(y * y)),
        (activation::sigmoid_grad, naive::sigmoid_grad, |y| f64::from(y.abs() * (1.0 + y.abs()))),
        (activation::relu_grad, naive::relu_grad, |_| 0.0),
        (activation::leaky_relu_grad::<1, 8>, |y, d| naive::leaky_relu_grad(0.125, y, d), |_| 1.0),
    ];
    for backend in backends() {
        for (i, (kernel, exact, bound)) in maps.into_iter().enumerate() {
            let mut y = x.clone();
            kernel(backend, &mut y);
            let exact: Vec<_> = x.iter().map(|x| exact(*x)).collect();
            let size: Vec<_> = exact.iter().map(|y| y.abs()).collect();
            within(&y, &exact, &size, bound, || format!("{backend} map {i}"));
        }
        for (i, (kernel, exact, size)) in grads.into_iter().enumerate() {
            let mut dx = d.clone();
            kernel(backend, &x, &mut dx);
            let exact: Vec<_> = x.iter().zip(&d).map(|(y, d)| exact(*y, *d)).collect();
            let size: Vec<_> =
                x.iter().zip(&d).map(|(y, d)| size(*y) * f64::from(d.abs())).collect();
            within(&dx, &exact, &size, gamma(3), || format!("{backend} gradient {i}"));
        }
    }
}

#[test]
fn softmax_and_its_gradient() {
    let mut random = Random(6);
    for n in (1..=40).chain([100, 1000]) {
        let rows = 4;
        let x: Vec<_> = (0..rows * n).map(|_| random.spread(3)).collect();
        let d: Vec<_> = (0..rows * n).map(|_| random.spread(3)).collect();
        let (mut exact, mut dx) = (vec![0.0; rows * n], vec![0.0; rows * n]);
        naive::softmax(n, &x, &mut exact);
        for backend in backends() {
            let mut y = x.clone();
            activation::softmax(backend, n, &mut y);
            // x − max is at most 16 and is rounded; exp has an error of 1 ULP in numerator and
            // denominator; then the sum and the division.
            let relative = (2.0 * (16.0 + 2.0) + (n / 16 + 5 + 1) as f64) * U;
            within(&y, &exact, &exact, relative, || format!("{backend} softmax of {n}"));

            naive::softmax_grad(n, &y, &d, &mut dx);
            let mut got = d.clone();
            activation::softmax_grad(backend, n, &y, &mut got);
            let size: Vec<_> = y
                .chunks_exact(n)
                .zip(d.chunks_exact(n))
                .flat_map(|(y, d)| {
                    let inner = naive::dot(y, &absolute(d));
                    y.iter()
                        .zip(d)
                        .map(move |(y, d)| f64::from(*y) * (f64::from(d.abs()) + inner))
                        .collect::<Vec<_>>()
                })
                .collect();
            within(&got, &dx, &size, gamma(n / 16 + 5 + 3), || {
                format!("{backend} softmax_grad of {n}")
            });
        }
    }
}

#[test]
fn losses() {
    let mut random = Random(7);
    for n in (0..=70).chain([1000]) {
        let mut p: Vec<_> = (0..n).map(|_| random.spread(4)).collect();
        activation::sigmoid(Backend::baseline(), &mut p);
        for (i, p) in p.iter_mut().enumerate() {
            // Some probabilities are 0 or 1, both right and wrong.
            match i % 9 {
                7 => *p = 0.0,
                8 => *p = 1.0,
                _ => {}
            }
        }
        let t: Vec<_> = (0..n)
            .map(|i| if i % 2 == 0 { (i / 2 % 2) as f32 } else { random.plain().abs() })
            .collect();
        let mut exact_dy = vec![0.0; n];
        naive::loss_grad(0.7, &p, &t, &mut exact_dy);
        let size_dy: Vec<_> = exact_dy.iter().map(|d| d.abs()).collect();
        // 1 − p is rounded before its logarithm, an error of u beside the logarithm's own.
        let logs: f64 = p
            .iter()
            .map(|p| 2.0 - naive::ln(p.clamp(1e-7, 1.0)) - naive::ln((1.0 - p).clamp(1e-7, 1.0)))
            .sum();
        for backend in backends() {
            let mut dy = vec![f32::NAN; n];
            let check = |name: &str, got: f32, exact: f64, size: f64, dy: &mut Vec<f32>| {
                let what = || format!("{backend} {name} of {n}");
                within(&[got], &[exact], &[size], gamma(n / 16 + 5 + 8), what);
                within(dy, &exact_dy, &size_dy, gamma(2), what);
                dy.fill(f32::NAN);
            };
            let got = dispatch!(backend, s => loss::squared_error(s, 0.7, &p, &t, &mut dy));
            let exact = naive::squared_error(&p, &t);
            check("squared_error", got, exact, exact, &mut dy);
            let got = dispatch!(backend, s => loss::binary_cross_entropy(s, 0.7, &p, &t, &mut dy));
            check("binary_cross_entropy", got, naive::binary_cross_entropy(&p, &t), logs, &mut dy);
            let got =
                dispatch!(backend, s => loss::categorical_cross_entropy(s, 0.7, &p, &t, &mut dy));
            let exact = naive::categorical_cross_entropy(&p, &t);
            check("categorical_cross_entropy", got, exact, exact, &mut dy);

            let (rows, _) = p.as_chunks::<7>();
            let mut dy = vec![[f32::NAN; 7]; rows.len()];
            let class = |i: usize| i * 5 % 7;
            let got =
                dispatch!(backend, s => loss::sparse_cross_entropy(s, 0.7, rows, class, &mut dy));
            let exact = naive::sparse_cross_entropy(7, &p, class);
            within(&[got], &[exact], &[exact], gamma(n / 16 + 5 + 8), || {
                format!("{backend} sparse of {n}")
            });
            let hot: Vec<_> =
                (0..rows.len() * 7).map(|i| f32::from(u8::from(class(i / 7) == i % 7))).collect();
            let mut exact = vec![0.0; hot.len()];
            naive::loss_grad(0.7, &p, &hot, &mut exact);
            let size: Vec<_> = exact.iter().map(|d| d.abs()).collect();
            within(dy.as_flattened(), &exact, &size, gamma(2), || {
                format!("{backend} sparse gradient of {n}")
            });
        }
    }
}

#[test]
fn optimizers() {
    let mut random = Random(8);
    let wide = |x: &[f32]| x.iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
    let n = 1000;
    let mut draw = |spread: i32| (0..n).map(|_| random.spread(spread)).collect::<Vec<_>>();
    let (w, m, v, dw) = (draw(4), draw(4), absolute(&draw(6)), draw(4));
    let step = AdamStep { alpha: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    for backend in backends() {
        let mut got = w.clone();
        optimizer::sgd(backend, 0.1, &mut got, &dw);
        let (mut exact, mut size) = (wide(&w), wide(&absolute(&w)));
        naive::sgd(0.1, &mut exact, &dw);
        naive::sgd(-0.1, &mut size, &absolute(&dw));
        within(&got, &exact, &size, gamma(2), || format!("{backend} sgd"));

        let (mut w1, mut m1, mut v1) = (w.clone(), m.clone(), v.clone());
        optimizer::adam(backend, step, &mut w1, &mut m1, &mut v1, &dw);
        let (mut exact_w, mut exact_m, mut exact_v) = (wide(&w), wide(&m), wide(&v));
        naive::adam(step, &mut exact_w, &mut exact_m, &mut exact_v, &dw);
        let size_m: Vec<_> = m
            .iter()
            .zip(&dw)
            .map(|(m, g)| 0.9 * f64::from(m.abs()) + 0.1 * f64::from(g.abs()))
            .collect();
        within(&m1, &exact_m, &size_m, gamma(4), || format!("{backend} adam, m"));
        within(&v1, &exact_v, &exact_v, gamma(5), || format!("{backend} adam, v"));
        let size_w: Vec<_> = (0..n)
            .map(|i| f64::from(w[i].abs()) + 0.01 * size_m[i] / (exact_v[i].sqrt() + 1e-8))
            .collect();
        within(&w1, &exact_w, &size_w, gamma(16), || format!("{backend} adam, w"));
    }
}

/// 1 − β for every β with six decimal places. Where 1 − β is small, the result is the f32 nearest
/// to the decimal number. Elsewhere it is off by at most 0.5e-7.
#[test]
fn complements_of_decays() {
    for k in 0..1_000_000u32 {
        let beta = (f64::from(k) / 1e6) as f32;
        let want = (1e6 - f64::from(k)) / 1e6;
        let (mut w, mut m, mut v) = ([0.0], [0.0], [0.0]);
        let step = AdamStep { alpha: 0.0, beta1: 0.0, beta2: beta, epsilon: 1.0 };
        optimizer::adam(Backend::baseline(), step, &mut w, &mut m, &mut v, &[1.0]);
        let (got, off) = (v[0], (f64::from(v[0]) - want).abs());
        assert!(
            if beta >= 0.84 { got == want as f32 } else { off <= 0.5e-7 + 1e-7 * want },
            "1 - {beta} is {got:e}, not {want:e}"
        );
        m = [0.0];
        optimizer::rmsprop(Backend::baseline(), 0.0, beta, 1.0, &mut w, &mut m, &[1.0]);
        assert_eq!(m, v, "rho {beta}");
    }
    // The largest β below 1 gives a positive 1 − β.
    let (mut w, mut h) = ([0.0], [0.0]);
    optimizer::rmsprop(Backend::baseline(), 0.0, 1.0f32.next_down(), 1.0, &mut w, &mut h, &[1.0]);
    assert_eq!(h, [1e-7]);
}

#[test]
fn further_optimizers() {
    let mut random = Random(10);
    let wide = |x: &[f32]| x.iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
    let n = 1000;
    let mut draw = |spread: i32| (0..n).map(|_| random.spread(spread)).collect::<Vec<_>>();
    let (w, v, h, dw) = (draw(4), draw(4), absolute(&draw(6)), draw(4));
    let (lr, r, rho, epsilon) = (0.1, 0.9, 0.9, 1e-8);
    // Each value is within a few roundings of the sum's terms.
    let size: Vec<_> = (0..n)
        .map(|i| {
            f64::from(w[i].abs())
                + 2.0 * (f64::from(v[i].abs()) + f64::from(lr) * f64::from(dw[i].abs()))
        })
        .collect();
    for backend in backends() {
        type Kernel = fn(Backend, f32, f32, &mut [f32], &mut [f32], &[f32]);
        type Exact = fn(f32, f32, &mut [f64], &mut [f64], &[f32]);
        let kernels: [(&str, Kernel, Exact); 2] = [
            ("momentum", optimizer::momentum, naive::momentum),
            ("nesterov", optimizer::nesterov, naive::nesterov),
        ];
        for (name, kernel, exact) in kernels {
            let (mut w1, mut v1) = (w.clone(), v.clone());
            kernel(backend, lr, r, &mut w1, &mut v1, &dw);
            let (mut exact_w, mut exact_v) = (wide(&w), wide(&v));
            exact(lr, r, &mut exact_w, &mut exact_v, &dw);
            within(&v1, &exact_v, &size, gamma(3), || format!("{backend} {name}, v"));
            within(&w1, &exact_w, &size, gamma(6), || format!("{backend} {name}, w"));
        }
        let check = |name: &str,
                     run: &dyn Fn(&mut [f32], &mut [f32]),
                     exact: &dyn Fn(&mut [f64], &mut [f64])| {
            let (mut w1, mut h1) = (w.clone(), h.clone());
            run(&mut w1, &mut h1);
            let (mut exact_w, mut exact_h) = (wide(&w), wide(&h));
            exact(&mut exact_w, &mut exact_h);
            within(&h1, &exact_h, &exact_h, gamma(5), || format!("{backend} {name}, h"));
            let size: Vec<_> = (0..n)
                .map(|i| f64::from(w[i].abs()) + (exact_w[i] - f64::from(w[i])).abs())
                .collect();
            within(&w1, &exact_w, &size, gamma(10), || format!("{backend} {name}, w"));
        };
        check("adagrad", &|w, h| optimizer::adagrad(backend, lr, epsilon, w, h, &dw), &|w, h| {
            naive::adagrad(lr, epsilon, w, h, &dw);
        });
        check(
            "rmsprop",
            &|w, h| optimizer::rmsprop(backend, lr, rho, epsilon, w, h, &dw),
            &|w, h| {
                naive::rmsprop(lr, rho, epsilon, w, h, &dw);
            },
        );
        // From zero, so that the moments have the gradient's magnitude.
        let step = AdamStep { alpha: 0.01, beta1: 0.9, beta2: 0.999, epsilon };
        let zeros = vec![0.0; n];
        let (mut w1, mut m1, mut v1) = (w.clone(), zeros.clone(), zeros.clone());
        optimizer::adamw(backend, step, 0.01, &mut w1, &mut m1, &mut v1, &dw);
        let (mut exact_w, mut exact_m, mut exact_v) = (wide(&w), wide(&zeros), wide(&zeros));
        naive::adamw(step, 0.01, &mut exact_w, &mut exact_m, &mut exact_v, &dw);
        let size: Vec<_> = w.iter().map(|w| f64::from(w.abs()) + 0.04).collect();
        within(&w1, &exact_w, &size, gamma(16), || format!("{backend} adamw, w"));
    }
}

#[test]
fn norms_and_clipping() {
    let mut random = Random(11);
    for n in (1..=70).chain([1000]) {
        // Magnitudes from squares that underflow to squares that overflow.
        for exponent in [-149i32, -130, -100, -60, -50, -49, 0, 40, 63, 64, 100, 115] {
            let scale = 2f64.powi(exponent);
            let x: Vec<_> = (0..n).map(|_| (f64::from(random.spread(6)) * scale) as f32).collect();
            let exact = naive::norm(&x);
            for backend in backends() {
                let what = || format!("{backend} norm of {n} values near 2^{exponent}");
                let norm = optimizer::norm(backend, &x);
                // Sixteen lanes, the tree, a square, a root, a power of two.
                within(&[norm], &[exact], &[exact], gamma(n / 16 + 8), what);
                assert!(norm > 0.0 || exact == 0.0, "{}", what());
                for limit in [exact as f32 * 0.25, exact as f32 * 4.0] {
                    if limit < f32::MIN_POSITIVE * 1e3 || !limit.is_finite() {
                        continue;
                    }
                    let mut got = x.clone();
                    assert_eq!(optimizer::clip_norm(backend, limit, &mut got), norm);
                    let factor = (f64::from(limit) / exact).min(1.0);
                    let clipped: Vec<_> = x.iter().map(|x| f64::from(*x) * factor).collect();
                    let size: Vec<_> = clipped.iter().map(|x| x.abs()).collect();
                    within(&got, &clipped, &size, gamma(n / 16 + 12), what);
                    if factor == 1.0 {
                        assert_eq!(got, x, "{}", what());
                    }
                }
            }
        }
    }
    for backend in backends() {
        assert_eq!(optimizer::norm(backend, &[]), 0.0);
        assert_eq!(optimizer::norm(backend, &[0.0, -0.0]), 0.0);
        assert_eq!(
            optimizer::norm(backend, &[f32::MAX; 2]),
            f32::INFINITY,
            "the norm itself is beyond f32"
        );
        assert_eq!(optimizer::norm(backend, &[f32::NEG_INFINITY, 1.0]), f32::INFINITY);
        assert!(optimizer::norm(backend, &[f32::NAN, f32::INFINITY]).is_nan());
        // The clipped values are right even if the norm overflows f32.
        let mut x = [f32::MAX, -f32::MAX];
        assert_eq!(optimizer::clip_norm(backend, 1.0, &mut x), f32::INFINITY);
        assert!(
            (x[0] - std::f32::consts::FRAC_1_SQRT_2).abs() < 1e-6 && x[1] == -x[0],
            "{backend} {x:?}"
        );
        let mut x = [f32::INFINITY, 1.0];
        optimizer::clip_norm(backend, 1.0, &mut x);
        assert_eq!(x, [f32::INFINITY, 1.0], "what is not finite stays as it is");
    }
}

/// All values are about 1, so that every error is several roundings of 1. Slopes are at most 1 and
/// do not amplify it.
#[test]
fn recurrent_cells() {
    const UNITS: usize = 19;
    /// Roundings in the longest chain from an input to an output. σ and tanh count as two each.
    const CHAIN: usize = 16;
    type Row<const G: usize> = [[f32; UNITS]; G];
    let mut random = Random(9);
    let mut draw = |scale: f32| -> [f32; UNITS] { std::array::from_fn(|_| scale * random.plain()) };
    for case in 0..200 {
        let (a, b) = (
            Row::<4>::from(std::array::from_fn(|_| draw(3.0))),
            Row::<3>::from(std::array::from_fn(|_| draw(1.0))),
        );
        let (h, c, dh, dc) = (draw(1.0), draw(1.0), draw(1.0), draw(1.0));
        let size = [4.0; 4 * UNITS];
        for backend in backends() {
            let check = |name: &str, got: &[f32], exact: &[f64]| {
                within(got, exact, &size[..got.len()], gamma(CHAIN), || {
                    format!("{backend} {name}, case {case}")
                });
            };
            let (mut gates, mut inner, mut state) = ([[a[0], a[1], a[2]]], [b], [h]);
            dispatch!(backend, s => recurrent::gru(s, &mut gates, &mut inner, &mut state));
            let (mut want, mut after) = ([0.0; 3 * UNITS], [0.0; UNITS]);
            naive::gru(&a.as_flattened()[..3 * UNITS], b.as_flattened(), &h, &mut want, &mut after);
            check("gru, gates", gates[0].as_flattened(), &want);
            check("gru, state", &state[0], &after);
            let (mut da, mut db, mut direct) = ([0.0; 3 * UNITS], [0.0; 3 * UNITS], [0.0; UNITS]);
            naive::gru_grad(
                gates[0].as_flattened(),
                b.as_flattened(),
                &h,
                &dh,
                &mut da,
                &mut db,
                &mut direct,
            );
            let mut back = [dh];
            dispatch!(backend, s => recurrent::gru_grad(
                s, &mut gates, &mut inner, &mut [h], &mut back
            ));
            check("gru, da", gates[0].as_flattened(), &da);
            check("gru, db", inner[0].as_flattened(), &db);
            check("gru, dh", &back[0], &direct);

            let (mut gates, mut kept, mut state, mut cell) =
                ([a], [[[0.0; UNITS]; 2]], [[0.0; UNITS]], [c]);
            dispatch!(backend, s => recurrent::lstm(
                s, &mut gates, &mut kept, &mut state, &mut cell
            ));
            let (mut want, mut after) = ([0.0; 4 * UNITS], [0.0; UNITS]);
            let mut out = [0.0; UNITS];
            naive::lstm(a.as_flattened(), &c, &mut want, &mut out, &mut after);
            check("lstm, gates", gates[0].as_flattened(), &want);
            check("lstm, state", &state[0], &out);
            check("lstm, cell", &cell[0], &after);
            let (mut da, mut before) = ([0.0; 4 * UNITS], [0.0; UNITS]);
            naive::lstm_grad(
                gates[0].as_flattened(),
                kept[0].as_flattened(),
                &dh,
                &dc,
                &mut da,
                &mut before,
            );
            let mut back = [dc];
            dispatch!(backend, s => recurrent::lstm_grad(
                s, &mut gates, &mut kept, &mut [dh], &mut back
            ));
            check("lstm, da", gates[0].as_flattened(), &da);
            check("lstm, dc", &back[0], &before);
        }
    }
}

/// Compared with f64. The tolerance of a value is relative to the greatest magnitude, because the
/// rounding of a mean affects its whole column or row. A small variance amplifies it.
#[test]
fn normalizations() {
    fn check<const N: usize>(m: usize) {
        for epsilon in [1e-3, 1e-5, 1e-12, 0.1] {
            checked::<N>(epsilon, m);
        }
    }

    fn checked<const N: usize>(epsilon: f32, m: usize) {
        let mut random = Random((100 * N + m) as u64);
        let [x, dy] = [(); 2].map(|()| (0..m * N).map(|_| random.plain()).collect::<Vec<_>>());
        let mut row = || std::array::from_fn::<_, N, _>(|_| random.plain());
        let p = Scale { gamma: row(), beta: row() };
        let (xs, dys) = (x.as_chunks::<N>().0, dy.as_chunks::<N>().0);
        let [mut y, mut dx] = [(); 2].map(|()| vec![[f32::NAN; N]; m]);
        let [mut exact_y, mut exact_dx] = [(); 2].map(|()| vec![0.0; m * N]);
        let (mut exact_dp, mut exact_moments) = (vec![0.0; 2 * N], vec![0.0; 2 * N]);
        // The greatest r = 1 / √(variance + ε) of the columns, and of the rows. Where the variance
        // is 0, so is x̂, whatever r is.
        let steepest = |variances: &mut dyn Iterator<Item = f64>| {
            let r = variances.filter(|v| *v > 0.0).map(|v| (v + f64::from(epsilon)).sqrt().recip());
            r.fold(0.0, f64::max)
        };
        naive::moments(N, &x, &mut exact_moments);
        let columns = steepest(&mut exact_moments[N..].iter().copied());
        let rows = steepest(&mut x.chunks_exact(N).map(|row| {
            let mut moments = vec![0.0; 2];
            naive::moments(1, row, &mut moments);
            moments[1]
        }));
        // Values are below 1. x̂ is at most r·|x − mean| and at most √n. A mean of n values errs by
        // n/2 roundings, x̂ by r times that, and dx contains x̂ again.
        let bound = |r: f64, n: usize| gamma(n + 16) * (r + 1.0) * (n as f64).sqrt();
        let dx_bound = |r: f64, n: usize| (r + 1.0) * bound(r, n);
        for backend in backends() {
            let what = |name: &str| format!("{backend} {name} of {m} rows of {N}, ε {epsilon}");
            let near = |got: &[f32], exact: &[f64], relative: f64, name: &str| {
                let top = exact.iter().fold(1.0, |top: f64, exact| top.max(exact.abs()));
                within(got, exact, &vec![top; exact.len()], relative, || what(name));
            };
            let (mut moments, mut dp) = (BatchMoments::ZERO, Scale::ZERO);
            dispatch!(backend, s => normalize::moments(s, xs, &mut moments));
            let got = [moments.mean, moments.variance];
            near(got.as_flattened(), &exact_moments, gamma(12), "moments");
            dispatch!(backend, s => normalize::batch_own(s, epsilon, xs, &moments, &p, &mut y));
            naive::batch_norm(N, epsilon, &x, p.as_flat(), &mut exact_y);
            near(y.as_flattened(), &exact_y, bound(columns, m), "batch");
            dispatch!(backend, s => normalize::batch_grad(
                s, epsilon, xs, &moments, &p, dys, &mut dp, Some(&mut dx)
            ));
            naive::batch_norm_grad(N, epsilon, &x, p.as_flat(), &dy, &mut exact_dp, &mut exact_dx);
            near(dp.as_flat(), &exact_dp, bound(columns, m), "batch_grad, parameters");
            // With many rows the formula would not detect missing means, which are several percent.
            near(
                dx.as_flattened(),
                &exact_dx,
                dx_bound(columns, m).min(1e-3),
                "batch_grad, inputs",
            );
            let [mut mean, mut rest, mut variance] = [(); 3].map(|()| vec![f32::NAN; m]);
            dispatch!(backend, s => normalize::layer(
                s, epsilon, xs, &p, &mut y, Some((&mut mean, &mut rest, &mut variance))
            ));
            naive::layer_norm(N, epsilon, &x, p.as_flat(), &mut exact_y);
            near(y.as_flattened(), &exact_y, bound(rows, N / 16 + 5), "layer");
            dispatch!(backend, s => normalize::layer_grad(
                s, epsilon, xs, (&mean, &rest, &variance), &p, dys, &mut dp, Some(&mut dx)
            ));
            naive::layer_norm_grad(N, epsilon, &x, p.as_flat(), &dy, &mut exact_dp, &mut exact_dx);
            near(dp.as_flat(), &exact_dp, bound(rows, N / 16 + 5 + m), "layer_grad, parameters");
            near(dx.as_flattened(), &exact_dx, dx_bound(rows, N / 16 + 5), "layer_grad, inputs");
        }
    }
    for m in [1, 2, 3, 8, 33, 300] {
        check::<1>(m);
        check::<2>(m);
        check::<5>(m);
        check::<16>(m);
        check::<33>(m);
    }
}

/// Each step of a moving value against a + (1 − momentum)·(b − a) in f64.
#[test]
fn moving_values() {
    let mut random = Random(21);
    for share in [0.01, 0.1, 1e-3, 1e-4, 0.5, 0.9, 1.0] {
        let row = |random: &mut Random| std::array::from_fn::<_, 1000, _>(|_| random.spread(6));
        let mut average = Moments { mean: row(&mut random), variance: row(&mut random) };
        let batch = BatchMoments {
            mean: row(&mut random),
            mean_low: [f32::NAN; 1000],
            variance: row(&mut random),
        };
        let before = average;
        normalize::moving(share, &mut average, &batch);
        for (before, b, got) in [
            (before.mean, batch.mean, average.mean),
            (before.variance, batch.variance, average.variance),
        ] {
            let wide = |x: &[f32]| x.iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
            let (a, b) = (wide(&before), wide(&b));
            let exact = |(a, b): (&f64, &f64)| a + f64::from(share) * (b - a);
            let want: Vec<_> = a.iter().zip(&b).map(exact).collect();
            let size: Vec<_> = a.iter().zip(&b).map(|(a, b)| a.abs() + b.abs()).collect();
            within(&got, &want, &size, gamma(3), || format!("share {share}"));
        }
    }
    // With share 1 the value is the batch's, however great it was.
    let mut average = Moments { mean: [1e30], variance: [f32::MAX] };
    let batch = BatchMoments { mean: [1.0], mean_low: [0.0], variance: [1e-30] };
    normalize::moving(1.0, &mut average, &batch);
    assert_eq!((average.mean, average.variance), ([1.0], [1e-30]));
}

/// A moving value of equal batches ends exactly at theirs, and never goes further away than before.
#[test]
fn a_moving_value_arrives() {
    for share in [0.01f32, 0.1, 1e-3, 1e-4, 1.0] {
        for (start, end) in [(0.0f32, 123.456f32), (-3e-9, 1e15), (1.0, 1.000_01), (5.0, -7.0)] {
            let mut average = Moments { mean: [start], variance: [start] };
            let batch = BatchMoments { mean: [end], mean_low: [0.0], variance: [end] };
            let mut steps = 0;
            while average.mean != [end] {
                let off = (average.mean[0] - end).abs();
                normalize::moving(share, &mut average, &batch);
                assert!((average.mean[0] - end).abs() < off, "{share}: {average:?} to {end}");
                steps += 1;
            }
            assert_eq!(average.variance, [end]);
            // (1 − share)ⁿ falls below half a unit in the last place of the way.
            assert!(f64::from(steps) <= 20.0 / f64::from(share) + 60.0, "{share}: {steps} steps");
        }
    }
}

#[test]
fn regularizers() {
    let mut random = Random(13);
    for n in (0..=70).chain([1000]) {
        let [w, dw] = [(); 2].map(|()| (0..n).map(|_| random.spread(6)).collect::<Vec<f32>>());
        let wide = |x: &[f32]| x.iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
        let (mut lasso, mut ridge) = (wide(&dw), wide(&dw));
        naive::l1_grad(0.3, &w, &mut lasso);
        naive::axpy(2.0 * 0.3, &w, &mut ridge);
        let (mut size1, mut size2) = (wide(&absolute(&dw)), wide(&absolute(&dw)));
        naive::l1_grad(0.3, &vec![1.0; n], &mut size1);
        naive::axpy(0.6, &absolute(&w), &mut size2);
        for backend in backends() {
            let what = || format!("{backend} regularizers of {n}");
            let sums = [
                dispatch!(backend, s => regularize::l1(s, &w)),
                dispatch!(backend, s => regularize::l2(s, &w)),
            ];
            let exact = [naive::l1(&w), naive::dot(&w, &w)];
            within(&sums, &exact, &exact, gamma(n / 16 + 6), what);
            let (mut first, mut second) = (dw.clone(), dw.clone());
            dispatch!(backend, s => regularize::l1_grad(s, 0.3, &w, &mut first));
            dispatch!(backend, s => regularize::l2_grad(s, 0.3, &w, &mut second));
            within(&first, &lasso, &size1, gamma(1), what);
            within(&second, &ridge, &size2, gamma(2), what);
        }
    }
}

/// The bounds are tight enough to detect an error of 1e-4.
#[test]
fn a_wrong_term_is_seen() {
    let (m, k, n) = (3, 5, 7);
    let mut random = Random(9);
    let mut draw = |n: usize| (0..n).map(|_| random.spread(6)).collect::<Vec<_>>();
    let (x, w, b) = (draw(m * k), draw(k * n), draw(n));
    let (mut exact, mut magnitude) = (vec![0.0; m * n], vec![0.0; m * n]);
    naive::gemm(m, k, n, &x, &w, &b, &mut exact);
    naive::gemm(m, k, n, &absolute(&x), &absolute(&w), &absolute(&b), &mut magnitude);
    let mut y: Vec<_> = exact.iter().map(|y| *y as f32).collect();
    within(&y, &exact, &magnitude, gamma(2 * k), String::new);
    y[4] += 1e-4 * magnitude[4] as f32;
    assert!(
        std::panic::catch_unwind(|| within(&y, &exact, &magnitude, gamma(2 * k), String::new))
            .is_err()
    );
}
