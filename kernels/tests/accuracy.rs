//! exp, ln, tanh, sigmoid and cos πx against f64, for a dense sample of the inputs.
//! `cargo xtask ulp` tests all 2³² inputs. Further tests check exact values on every backend.

mod support;

use rosenblatt_kernels::{Backend, activation, math::Sum};
use rosenblatt_suite::naive;
use support::{backends, stride};

type Kernel = fn(Backend, &mut [f32]);
type Exact = fn(f32) -> f64;

const FUNCTIONS: [(&str, Kernel, Exact, f64); 5] = [
    ("exp", activation::exp, naive::exp, 1.0),
    ("ln", activation::ln, naive::ln, 1.0),
    ("tanh", activation::tanh, naive::tanh, 2.0),
    ("sigmoid", activation::sigmoid, naive::sigmoid, 2.0),
    ("cos_pi", activation::cos_pi, naive::cos_pi, 2.0),
];

/// The spacing of f32 numbers at the magnitude of a value, also beyond the range of f32.
fn ulp(exact: f64) -> f64 {
    let exponent = ((exact.to_bits() >> 52) & 0x7ff) as i32 - 1023;
    2f64.powi(exponent.clamp(-126, 127) - 23)
}

/// The error of a result in ULP. It is infinite if only one of the two is NaN, and if the exact
/// value is infinite and the result is another. An infinite result for a finite value counts as
/// 2¹²⁸.
fn error(got: f32, exact: f64) -> f64 {
    let rounded = exact as f32;
    if rounded.is_nan() || got.is_nan() {
        return if rounded.is_nan() && got.is_nan() { 0.0 } else { f64::INFINITY };
    }
    if !got.is_finite() && got == rounded {
        return 0.0;
    }
    if exact.is_infinite() {
        return f64::INFINITY;
    }
    let got = if got.is_infinite() { 2f64.powi(128).copysign(got.into()) } else { got.into() };
    (got - exact).abs() / ulp(exact)
}

#[test]
fn errors_are_measured_rightly() {
    assert_eq!(error(1.0, 1.0), 0.0);
    assert_eq!(error(1.0 + f32::EPSILON, 1.0), 1.0);
    assert_eq!(error(1.0, 1.0 + 0.75 * f64::from(f32::EPSILON)), 0.75);
    assert_eq!(error(f32::from_bits(3), 0.0), 3.0);
    assert_eq!(error(f32::NAN, f64::NAN), 0.0);
    assert_eq!(error(f32::NAN, 1.0), f64::INFINITY);
    assert_eq!(error(1.0, f64::NAN), f64::INFINITY);
    assert_eq!(error(f32::NEG_INFINITY, f64::NEG_INFINITY), 0.0);
    assert_eq!(error(f32::INFINITY, 2f64.powi(128)), 0.0);
    assert_eq!(error(f32::MAX, f64::NEG_INFINITY), f64::INFINITY);
    assert!(error(f32::INFINITY, 1.0) > 1e30);
}

#[test]
fn errors_stay_below_their_bounds() {
    let backends = backends();
    // The step is a prime, so that mantissas, exponents and signs all vary.
    let step = 1009 * stride().min(64) as u64;
    for (name, kernel, exact, bound) in FUNCTIONS {
        let mut worst = (0.0, 0.0);
        let mut bits = 0;
        while bits < 1 << 32 {
            let x: Vec<_> = (0..4096).map(|i| f32::from_bits((bits + i * step) as u32)).collect();
            bits += 4096 * step;
            let exact: Vec<_> = x.iter().map(|x| exact(*x)).collect();
            for backend in &backends {
                let mut y = x.clone();
                kernel(*backend, &mut y);
                for ((x, y), exact) in x.iter().zip(&y).zip(&exact) {
                    let error = error(*y, *exact);
                    if error > worst.0 {
                        worst = (error, *x);
                    }
                    assert!(
                        error < bound,
                        "{backend} {name}({x:e}) is {y:e}, exactly {exact:e}: {error} ULP"
                    );
                    // The sign must be right for zeros too.
                    assert!(
                        y.is_nan() || y.is_sign_negative() == exact.is_sign_negative(),
                        "{backend} {name}({x:e})"
                    );
                }
            }
        }
        println!("{name}: {} ULP at {:e}", worst.0, worst.1);
    }
}

/// Checks values of a function on every backend, alone and in a full register.
#[track_caller]
fn values(name: &str, kernel: Kernel, pairs: &[(f32, f32)]) {
    for backend in backends() {
        for &(x, want) in pairs {
            for n in [1, 16, 17] {
                let mut y = vec![x; n];
                kernel(backend, &mut y);
                for y in y {
                    let same = y.to_bits() == want.to_bits() || y.is_nan() && want.is_nan();
                    assert!(
                        same,
                        "{backend} {name}({x:e}) is {y:e} ({:#x}), not {want:e}",
                        y.to_bits()
                    );
                }
            }
        }
    }
}

const INF: f32 = f32::INFINITY;
const NAN: f32 = f32::NAN;
const TINY: f32 = f32::from_bits(1);
const SUBNORMAL: f32 = f32::from_bits(0x007f_ffff);

#[test]
fn exp_where_it_is_exact() {
    values(
        "exp",
        activation::exp,
        &[
            (0.0, 1.0),
            (-0.0, 1.0),
            (TINY, 1.0),
            (-TINY, 1.0),
            (SUBNORMAL, 1.0),
            (-SUBNORMAL, 1.0),
            (1e-10, 1.0),
            (1.0, std::f32::consts::E),
            (INF, INF),
            (-INF, 0.0),
            (NAN, NAN),
            (-NAN, NAN),
            (f32::MAX, INF),
            (f32::MIN, 0.0),
        ],
    );
}

#[test]
fn exp_where_it_overflows_and_underflows() {
    // The last input with a finite result, the last one whose result is above half the least
    // subnormal number, and the last one with a normal result.
    let (over, under, normal) = (88.722_83_f32, -103.972_08_f32, -87.336_54_f32);
    values(
        "exp",
        activation::exp,
        &[(over.next_up(), INF), (under.next_down(), 0.0), (89.0, INF), (-104.0, 0.0)],
    );
    for backend in backends() {
        let one = |x: f32| {
            let mut x = [x];
            activation::exp(backend, &mut x);
            x[0]
        };
        assert!(one(over).is_finite() && naive::exp(over.next_up()) as f32 == INF, "{backend}");
        assert_eq!(one(under), TINY, "{backend}");
        assert_eq!(naive::exp(under.next_down()) as f32, 0.0);
        assert!(
            one(normal) >= f32::MIN_POSITIVE && one(normal.next_down()) < f32::MIN_POSITIVE,
            "{backend}"
        );
        // Subnormal results are rounded once and never flushed.
        for i in 0..16_000 {
            let x = -87.0 - i as f32 / 1024.0;
            let error = error(one(x), naive::exp(x));
            assert!(error < 1.0, "{backend} exp({x}): {error} ULP");
        }
    }
}

#[test]
fn exp_is_the_same_alone_and_beside_anything() {
    // A register takes a shorter code path if all its lanes are inside ±87.
    for backend in backends() {
        for i in 0..40_000 {
            let x = (i - 20_000) as f32 * 0.004_35;
            let mut alone = [x; 16];
            let mut beside = [x; 16];
            beside[15] = if i % 2 == 0 { 88.0 } else { NAN };
            activation::exp(backend, &mut alone);
            activation::exp(backend, &mut beside);
            assert_eq!(alone[0].to_bits(), beside[0].to_bits(), "{backend} exp({x})");
        }
    }
}

#[test]
fn sigmoid_is_the_same_alone_and_beside_anything() {
    for backend in backends() {
        for i in 0..40_000 {
            let x = (i - 20_000) as f32 * 0.001;
            let mut alone = [x; 16];
            let mut beside = [x; 16];
            beside[15] = if i % 2 == 0 { -50.0 } else { NAN };
            activation::sigmoid(backend, &mut alone);
            activation::sigmoid(backend, &mut beside);
            assert_eq!(alone[0].to_bits(), beside[0].to_bits(), "{backend} sigmoid({x})");
        }
    }
}

#[test]
fn ln_where_it_is_exact() {
    values(
        "ln",
        activation::ln,
        &[
            (1.0, 0.0),
            (0.0, -INF),
            (-0.0, -INF),
            (INF, INF),
            (-INF, NAN),
            (NAN, NAN),
            (-NAN, NAN),
            (-1.0, NAN),
            (-TINY, NAN),
            (-SUBNORMAL, NAN),
            (f32::MIN, NAN),
            (2.0, std::f32::consts::LN_2),
            (std::f32::consts::E, 1.0),
        ],
    );
    for backend in backends() {
        // Both sides of every threshold of the algorithm, and the subnormal numbers.
        let near = [
            TINY,
            SUBNORMAL,
            f32::MIN_POSITIVE,
            std::f32::consts::FRAC_1_SQRT_2,
            1.0,
            std::f32::consts::SQRT_2,
            f32::MAX,
        ];
        for x in near {
            for x in [x.next_down(), x, x.next_up()] {
                if x > 0.0 && x.is_finite() {
                    let mut y = [x];
                    activation::ln(backend, &mut y);
                    let error = error(y[0], naive::ln(x));
                    assert!(error < 1.0, "{backend} ln({x:e}): {error} ULP");
                }
            }
        }
    }
}

#[test]
fn tanh_where_it_is_exact() {
    values(
        "tanh",
        activation::tanh,
        &[
            (0.0, 0.0),
            (-0.0, -0.0),
            (TINY, TINY),
            (-TINY, -TINY),
            (SUBNORMAL, SUBNORMAL),
            (-SUBNORMAL, -SUBNORMAL),
            (f32::MIN_POSITIVE, f32::MIN_POSITIVE),
            (-f32::MIN_POSITIVE, -f32::MIN_POSITIVE),
            (1e-20, 1e-20),
            (INF, 1.0),
            (-INF, -1.0),
            (NAN, NAN),
            (f32::MAX, 1.0),
            (f32::MIN, -1.0),
            (9.011, 1.0),
            (-9.011, -1.0),
            (9.1, 1.0),
            (9.2, 1.0),
        ],
    );
}

#[test]
fn tanh_is_odd_and_stays_within_one() {
    for backend in backends() {
        for i in 0..1 << 16 {
            let x = f32::from_bits(i * 0x7f81);
            let mut y = [x, -x];
            activation::tanh(backend, &mut y);
            if x.is_nan() {
                assert!(y[0].is_nan() && y[1].is_nan(), "{backend} tanh({x:e})");
            } else {
                assert!(y[0].abs() <= 1.0, "{backend} tanh({x:e})");
                assert_eq!(y[0].to_bits(), (-y[1]).to_bits(), "{backend} tanh({x:e})");
            }
        }
    }
}

#[test]
fn sigmoid_where_it_is_exact() {
    values(
        "sigmoid",
        activation::sigmoid,
        &[
            (0.0, 0.5),
            (-0.0, 0.5),
            (TINY, 0.5),
            (-TINY, 0.5),
            (SUBNORMAL, 0.5),
            (-SUBNORMAL, 0.5),
            (INF, 1.0),
            (-INF, 0.0),
            (NAN, NAN),
            (-NAN, NAN),
            (f32::MAX, 1.0),
            (f32::MIN, 0.0),
            (18.0, 1.0),
            (88.0, 1.0),
            (-104.0, 0.0),
        ],
    );
    for backend in backends() {
        for i in 0..=110 * 64 {
            let x = -(i as f32) / 64.0;
            let mut y = [x];
            activation::sigmoid(backend, &mut y);
            let error = error(y[0], naive::sigmoid(x));
            assert!(error < 2.0, "{backend} sigmoid({x}): {error} ULP");
        }
    }
}

#[test]
fn cos_pi_where_it_is_exact() {
    let (odd, even) = (16_777_215.0, 16_777_214.0);
    values(
        "cos_pi",
        activation::cos_pi,
        &[
            (0.0, 1.0),
            (-0.0, 1.0),
            (TINY, 1.0),
            (SUBNORMAL, 1.0),
            (0.5, 0.0),
            (-0.5, 0.0),
            (1.0, -1.0),
            (-1.0, -1.0),
            (1.5, 0.0),
            (2.0, 1.0),
            (2.5, 0.0),
            (4_194_303.5, 0.0),
            (odd, -1.0),
            (even, 1.0),
            (-odd, -1.0),
            (8_388_607.0, -1.0),
            (8_388_608.0, 1.0),
            (16_777_216.0, 1.0),
            (f32::MAX, 1.0),
            (INF, NAN),
            (-INF, NAN),
            (NAN, NAN),
        ],
    );
    for backend in backends() {
        for i in 0..1 << 16 {
            let x = i as f32 / 65_536.0;
            // The function is even, and odd about 1/2.
            let mut y = [x, -x, 1.0 - x, x + 2.0];
            activation::cos_pi(backend, &mut y);
            assert!(y[0].abs() <= 1.0, "{backend} cos_pi({x})");
            assert!(
                y[1] == y[0] && y[2] == -y[0] && y[3] == y[0],
                "{backend} cos_pi({x}) is {y:?}"
            );
        }
    }
}

#[test]
fn simple_functions_are_exact() {
    values(
        "relu",
        activation::relu,
        &[
            (0.0, 0.0),
            (-0.0, 0.0),
            (TINY, TINY),
            (-TINY, 0.0),
            (INF, INF),
            (-INF, 0.0),
            (NAN, NAN),
            (3.5, 3.5),
            (-3.5, 0.0),
        ],
    );
    values(
        "leaky_relu",
        activation::leaky_relu::<1, 4>,
        &[
            (0.0, 0.0),
            (-0.0, -0.0),
            (TINY, TINY),
            (-TINY, -0.0),
            (INF, INF),
            (-INF, -INF),
            (NAN, NAN),
            (3.5, 3.5),
            (-3.5, -0.875),
        ],
    );
    values(
        "step",
        activation::step,
        &[
            (0.0, 0.0),
            (-0.0, 0.0),
            (TINY, 1.0),
            (-TINY, 0.0),
            (INF, 1.0),
            (-INF, 0.0),
            (NAN, NAN),
            (-NAN, NAN),
            (2.0, 1.0),
        ],
    );
}

#[test]
fn softmax_at_the_edges() {
    for backend in backends() {
        let of = |x: &[f32]| {
            let mut y = x.to_vec();
            activation::softmax(backend, x.len(), &mut y);
            y
        };
        assert_eq!(of(&[3.0]), [1.0]);
        assert_eq!(of(&[-INF, 0.0]), [0.0, 1.0]);
        assert_eq!(of(&[f32::MAX, f32::MAX, f32::MIN]), [0.5, 0.5, 0.0]);
        assert_eq!(of(&[0.0, -0.0, 0.0, -0.0]), [0.25; 4]);
        for bad in [[NAN, 0.0], [0.0, NAN], [INF, 0.0], [0.0, INF], [INF, INF], [-INF, -INF]] {
            assert!(of(&bad).iter().all(|y| y.is_nan()), "{backend} {bad:?}");
        }
    }
}

#[test]
fn a_sum_of_a_hundred_million_terms_loses_no_digit() {
    for x in [0.1f32, 0.3, 1e-3] {
        let mut sum = Sum::ZERO;
        (0..100_000_000).for_each(|_| sum.add(x));
        let exact = f64::from(x) * 1e8;
        assert!((f64::from(sum.value()) / exact - 1.0).abs() < 1e-6, "{x}: {}", sum.value());
    }
}

#[test]
fn an_infinite_sum_stays_infinite() {
    let mut sum = Sum::ZERO;
    for x in [3e38, 3e38, 1.0] {
        sum.add(x);
    }
    assert_eq!(sum.value(), f32::INFINITY);
}
