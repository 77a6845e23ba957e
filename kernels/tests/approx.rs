//! The approximate activations: their errors, their values at the limits, and that each lane is
//! independent of the others.
#![cfg(feature = "micromath")]

mod support;

use rosenblatt_kernels::{Backend, activation, approx};
use rosenblatt_suite::naive;
use support::{assert_same, backends, stride};

type Kernel = fn(Backend, &mut [f32]);
type Exact = fn(f32) -> f64;

/// The greatest `error(got, exact)` of a function over a dense sample of the inputs in a range, and
/// its input.
fn worst(kernel: Kernel, exact: Exact, range: [f32; 2], error: fn(f64, f64) -> f64) -> (f64, f32) {
    // The step is a prime, so that mantissas, exponents and signs all vary.
    let step = 257 * stride().min(64);
    let inputs: Vec<_> = (0..=u32::MAX)
        .step_by(step)
        .map(f32::from_bits)
        .filter(|x| (range[0]..=range[1]).contains(x))
        .collect();
    let mut worst = (0.0, 0.0);
    let mut y = inputs.clone();
    kernel(Backend::detect(), &mut y);
    for (x, y) in inputs.into_iter().zip(y) {
        let error = error(y.into(), exact(x));
        // A NaN counts as the greatest error.
        if error.is_nan() || error > worst.0 {
            worst = (error, x);
        }
    }
    worst
}

fn relative(got: f64, exact: f64) -> f64 {
    (got / exact - 1.0).abs()
}

fn absolute(got: f64, exact: f64) -> f64 {
    (got - exact).abs()
}

/// The upper bounds are those of the documentation. The lower bounds show that the sample is dense
/// enough to find them. This crate's own functions are measured for comparison.
#[test]
fn errors_are_the_documented_ones() {
    const ALL: [f32; 2] = [f32::NEG_INFINITY, f32::INFINITY];
    const NORMAL: [f32; 2] = [-87.33, 88.72];
    type Case = (&'static str, Kernel, Kernel, Exact, [f32; 2], fn(f64, f64) -> f64, f64);
    let cases: [Case; 3] = [
        ("exp, relative", approx::exp, activation::exp, naive::exp, NORMAL, relative, 0.002_4),
        ("tanh, absolute", approx::tanh, activation::tanh, naive::tanh, ALL, absolute, 0.000_34),
        (
            "sigmoid, absolute",
            approx::sigmoid,
            activation::sigmoid,
            naive::sigmoid,
            ALL,
            absolute,
            0.000_17,
        ),
    ];
    for (name, approximate, ours, exact, range, error, bound) in cases {
        let (approximate, at) = worst(approximate, exact, range, error);
        let (ours, ours_at) = worst(ours, exact, range, error);
        println!(
            "{name} error: micromath {approximate:.3e} at {at:e}, ours {ours:.3e} at {ours_at:e}"
        );
        assert!(
            approximate <= bound && approximate > 0.9 * bound,
            "{name}: {approximate:e} at {at:e}"
        );
        assert!(ours < 2e-7, "{name}: {ours:e} at {ours_at:e}");
    }
}

#[test]
fn a_wrong_value_is_found() {
    // One value among millions.
    let spoilt = |backend: Backend, x: &mut [f32]| {
        let at = x.len() / 3;
        approx::tanh(backend, x);
        x[at] += 0.01;
    };
    assert!(worst(spoilt, naive::tanh, [-4.0, 4.0], absolute).0 > 0.009);
    let spoilt = |backend: Backend, x: &mut [f32]| {
        approx::tanh(backend, x);
        x[0] = f32::NAN;
    };
    assert!(worst(spoilt, naive::tanh, [-4.0, 4.0], absolute).0.is_nan());
}

const INF: f32 = f32::INFINITY;
const NAN: f32 = f32::NAN;
const TINY: f32 = f32::from_bits(1);

#[test]
fn values_at_the_ends() {
    let exp = [
        (0.0, 1.0),
        (-0.0, 1.0),
        (TINY, 1.0),
        (-TINY, 1.0),
        (88.721, INF),
        (88.725, INF),
        (1e9, INF),
        (f32::MAX, INF),
        (INF, INF),
    ];
    let low = [
        (-87.331, 0.0),
        (-87.34, 0.0),
        (-104.0, 0.0),
        (f32::MIN, 0.0),
        (-INF, 0.0),
        (NAN, NAN),
        (-NAN, NAN),
    ];
    let tanh = [
        (0.0, 0.0),
        (-0.0, -0.0),
        (TINY, 0.0),
        (-TINY, -0.0),
        (1e-8, 0.0),
        (9.5, 1.0),
        (-9.5, -1.0),
        (44.4, 1.0),
        (f32::MAX, 1.0),
    ];
    let more = [(f32::MIN, -1.0), (INF, 1.0), (-INF, -1.0), (NAN, NAN), (-NAN, NAN)];
    let sigmoid = [
        (0.0, 0.5),
        (-0.0, 0.5),
        (TINY, 0.5),
        (-TINY, 0.5),
        (20.0, 1.0),
        (-88.73, 0.0),
        (f32::MAX, 1.0),
        (f32::MIN, 0.0),
    ];
    let last = [(INF, 1.0), (-INF, 0.0), (NAN, NAN), (-NAN, NAN)];
    type Values<'a> = &'a [(f32, f32)];
    let cases: [(&str, Kernel, [Values<'_>; 2]); 3] = [
        ("exp", approx::exp, [&exp, &low]),
        ("tanh", approx::tanh, [&tanh, &more]),
        ("sigmoid", approx::sigmoid, [&sigmoid, &last]),
    ];
    for backend in backends() {
        for (name, kernel, pairs) in cases {
            for &(x, want) in pairs.into_iter().flatten() {
                for n in [1, 16, 17] {
                    let mut y = vec![x; n];
                    kernel(backend, &mut y);
                    assert_same(&y, &vec![want; n], || format!("{backend} {name}({x:e})"));
                }
            }
        }
    }
}

/// On every backend a value has the same result alone and in a slice of any length with any
/// neighbours. Nothing else is written.
#[test]
fn lanes_are_values_by_themselves() {
    let mut random = support::Random(6);
    for backend in backends() {
        for (name, kernel) in
            [("exp", approx::exp as Kernel), ("tanh", approx::tanh), ("sigmoid", approx::sigmoid)]
        {
            for n in 0..70 {
                for sort in 0..4 {
                    let x: Vec<_> = random.values(sort, n).iter().map(|x| 8.0 * x).collect();
                    let alone: Vec<_> = x
                        .iter()
                        .map(|x| {
                            let mut y = [*x];
                            kernel(Backend::baseline(), &mut y);
                            y[0]
                        })
                        .collect();
                    let mut room = support::Guarded::new(n);
                    assert_same(room.run(&x, n, |x| kernel(backend, x)), &alone, || {
                        format!("{backend} {name}, {n} values")
                    });
                }
            }
        }
    }
}

#[test]
fn tanh_is_odd_and_sigmoids_add_to_one() {
    for i in 0..50_000u16 {
        let x = f32::from(i) / 4096.0;
        let mut y = [x, -x];
        approx::tanh(Backend::detect(), &mut y);
        assert_eq!(y[0].to_bits(), (-y[1]).to_bits(), "tanh({x})");
        let mut y = [x, -x];
        approx::sigmoid(Backend::detect(), &mut y);
        assert!((y[0] + y[1] - 1.0).abs() <= f32::EPSILON / 2.0, "sigmoid({x})");
    }
}

#[test]
fn softmax_rows() {
    let mut random = support::Random(7);
    let mut worst = 0.0f64;
    for n in 1..40 {
        let x: Vec<_> = random.values(0, 30 * n).iter().map(|x| 20.0 * x).collect();
        let (mut y, mut exact) = (x.clone(), x);
        approx::softmax(n, &mut y);
        activation::softmax(Backend::detect(), n, &mut exact);
        for (y, exact) in y.chunks(n).zip(exact.chunks(n)) {
            assert!((y.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            worst = y
                .iter()
                .zip(exact)
                .map(|(y, exact)| relative((*y).into(), (*exact).into()))
                .fold(worst, f64::max);
        }
    }
    println!("softmax, relative error: micromath {worst:.3e} beside ours");
    assert!(worst <= 0.002_4 && worst > 0.002);

    let of = |x: &[f32]| {
        let mut y = x.to_vec();
        approx::softmax(y.len(), &mut y);
        y
    };
    assert_eq!(of(&[3.0]), [1.0]);
    assert_eq!(of(&[f32::MAX, f32::MAX, f32::MIN]), [0.5, 0.5, 0.0]);
    assert_eq!(of(&[0.0, -100.0]), [1.0, 0.0]);
    for bad in [[NAN, 0.0], [0.0, NAN], [INF, 0.0], [0.0, INF], [INF, INF], [-INF, -INF]] {
        assert!(of(&bad).iter().all(|y| y.is_nan()), "{bad:?}");
    }
    let mut nothing = [];
    approx::softmax(3, &mut nothing);
    assert!(std::panic::catch_unwind(|| approx::softmax(0, &mut [1.0])).is_err());
    assert!(std::panic::catch_unwind(|| approx::softmax(2, &mut [1.0; 3])).is_err());
}
