//! Properties for any shape and any values, on every backend.

mod support;

use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    test_runner::{Config, RngSeed},
};
use rosenblatt_kernels::{
    Backend, activation, dispatch, gemm, loss,
    optimizer::{self, AdamStep},
    vector,
};
use support::{backends, contract, difference};

/// The same cases in every run, and more of them in a release build.
fn config() -> Config {
    let cases = if cfg!(debug_assertions) { 48 } else { 512 };
    Config { cases, rng_seed: RngSeed::Fixed(1957), failure_persistence: None, ..Config::default() }
}

/// Any f32: half the values have a random bit pattern, half are moderate.
fn any_f32() -> impl Strategy<Value = f32> {
    prop_oneof![any::<u32>().prop_map(f32::from_bits), moderate()]
}

fn moderate() -> impl Strategy<Value = f32> {
    -8.0f32..8.0
}

fn backend() -> impl Strategy<Value = Backend> {
    select(backends())
}

type Shape = (usize, usize, usize);

/// A shape and the operands of a product, with all values drawn from `values`.
fn product(
    values: impl Strategy<Value = f32> + Clone,
) -> impl Strategy<Value = (Shape, Vec<f32>, Vec<f32>, Vec<f32>)> {
    (0..40usize, 0..70usize, 0..70usize).prop_flat_map(move |(m, k, n)| {
        let values = values.clone();
        (Just((m, k, n)), vec(values.clone(), m * k), vec(values.clone(), k * n), vec(values, n))
    })
}

fn gemm(backend: Backend, (m, k, n): Shape, x: &[f32], w: &[f32], b: &[f32]) -> Vec<f32> {
    let mut y = vec![f32::NAN; m * n];
    dispatch!(backend, s => gemm::gemm(s, m, k, n, x, w, b, &mut y));
    y
}

macro_rules! prop_same {
    ($got:expr, $want:expr) => {
        prop_assert_eq!(difference(&$got, &$want), None)
    };
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn products_follow_the_contract(
        backend in backend(),
        (shape, x, w, b) in product(any::<u32>().prop_map(f32::from_bits).boxed()),
    ) {
        let (m, k, n) = shape;
        let mut want = vec![0.0; m * n];
        contract::gemm(m, k, n, &x, &w, &b, &mut want);
        prop_same!(gemm(backend, shape, &x, &w, &b), want);
    }

    #[test]
    fn a_batch_may_be_cut_anywhere(
        backend in backend(),
        (shape, x, w, b) in product(moderate().boxed()),
        cut in 0..40usize,
    ) {
        let (m, k, n) = shape;
        let cut = cut.min(m);
        let whole = gemm(backend, shape, &x, &w, &b);
        let mut parts = gemm(backend, (cut, k, n), &x[..cut * k], &w, &b);
        parts.extend(gemm(backend, (m - cut, k, n), &x[cut * k..], &w, &b));
        prop_same!(parts, whole);

        // The weights' gradient, accumulated over two parts of the batch.
        let dy = whole;
        let (mut dw, mut carried) = (vec![0.0; k * n], vec![0.0; k * n]);
        dispatch!(backend, s => gemm::gemm_tn(s, m, k, n, &x, &dy, &mut dw, false));
        dispatch!(backend, s => gemm::gemm_tn(
            s, cut, k, n, &x[..cut * k], &dy[..cut * n], &mut carried, false
        ));
        dispatch!(backend, s => gemm::gemm_tn(
            s, m - cut, k, n, &x[cut * k..], &dy[cut * n..], &mut carried, true
        ));
        prop_same!(carried, dw);
    }

    #[test]
    fn a_column_does_not_depend_on_the_others(
        backend in backend(),
        (shape, x, w, b) in product(moderate().boxed()),
        columns in 0..70usize,
    ) {
        let (m, k, n) = shape;
        let few = columns.min(n);
        let narrow: Vec<_> = w.chunks(n.max(1)).flat_map(|row| &row[..few]).copied().collect();
        let got = gemm(backend, (m, k, few), &x, &narrow, &b[..few]);
        let whole = gemm(backend, shape, &x, &w, &b);
        let want: Vec<_> = whole.chunks(n.max(1)).flat_map(|row| &row[..few]).copied().collect();
        prop_same!(got, want);
    }

    #[test]
    fn powers_of_two_pass_through(
        backend in backend(),
        (shape, x, w, b) in product(moderate().boxed()),
        exponent in -20..20i32,
    ) {
        let scale = 2f32.powi(exponent);
        let scaled = |x: &[f32]| x.iter().map(|x| x * scale).collect::<Vec<_>>();
        let got = gemm(backend, shape, &scaled(&x), &w, &scaled(&b));
        prop_same!(got, scaled(&gemm(backend, shape, &x, &w, &b)));
    }

    #[test]
    fn the_gradient_of_the_input_is_a_product_with_the_transpose(
        backend in backend(),
        (shape, dy, w, _) in product(moderate().boxed()),
    ) {
        // Here k is the number of outputs.
        let (m, n, k) = shape;
        let turned: Vec<_> = (0..k * n).map(|i| w[i % n * k + i / n]).collect();
        let mut dx = vec![f32::NAN; m * k];
        dispatch!(backend, s => gemm::gemm_nt(s, m, k, n, &dy, &turned, &mut dx));
        prop_same!(dx, gemm(backend, (m, n, k), &dy, &w, &vec![0.0; k]));
    }

    #[test]
    fn dot_is_symmetric_and_follows_the_contract(
        backend in backend(),
        pairs in vec((any_f32(), any_f32()), 0..200),
    ) {
        let (x, y): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let got = dispatch!(backend, s => vector::dot(s, &x, &y));
        prop_same!([got], [contract::dot(&x, &y)]);
        prop_same!([got], [dispatch!(backend, s => vector::dot(s, &y, &x))]);
    }

    #[test]
    fn maps_look_at_one_value_at_a_time(backend in backend(), x in vec(any_f32(), 0..100)) {
        for f in [
            activation::exp,
            activation::ln,
            activation::tanh,
            activation::sigmoid,
            activation::relu,
            activation::step,
        ] {
            let mut got = x.clone();
            f(backend, &mut got);
            let mut want = x.clone();
            want.chunks_mut(1).for_each(|x| f(Backend::baseline(), x));
            prop_same!(got, want);
        }
    }

    #[test]
    fn ranges(backend in backend(), x in vec(any_f32(), 1..100)) {
        let of = |f: fn(Backend, &mut [f32])| {
            let mut y = x.clone();
            f(backend, &mut y);
            y
        };
        prop_assert!(of(activation::exp).iter().all(|y| y.is_nan() || *y >= 0.0));
        prop_assert!(of(activation::tanh).iter().all(|y| y.is_nan() || y.abs() <= 1.0));
        prop_assert!(of(activation::sigmoid).iter().all(|y| y.is_nan() || (0.0..=1.0).contains(y)));
        let nan = |y: &[f32]| y.iter().zip(&x).all(|(y, x)| y.is_nan() == x.is_nan());
        prop_assert!(
            nan(&of(activation::exp)) && nan(&of(activation::tanh)) && nan(&of(activation::sigmoid))
        );
        prop_assert!(nan(&of(activation::relu)) && nan(&of(activation::step)));
        let ln = of(activation::ln);
        prop_assert!(ln.iter().zip(&x).all(|(y, x)| y.is_nan() == (x.is_nan() || *x < 0.0)));
    }

    #[test]
    fn softmax_is_a_distribution(backend in backend(), x in vec(-100.0f32..100.0, 1..300)) {
        let mut y = x.clone();
        activation::softmax(backend, x.len(), &mut y);
        let mut want = x.clone();
        contract::softmax(&mut want);
        prop_same!(y, want);
        prop_assert!(y.iter().all(|y| (0.0..=1.0).contains(y)));
        let total: f64 = y.iter().map(|y| f64::from(*y)).sum();
        // The error of the sum, and one rounding per quotient.
        prop_assert!(
            (total - 1.0).abs() <= (x.len() as f64 / 16.0 + 8.0) * f64::from(f32::EPSILON),
            "{}",
            total
        );
        // The greatest input has the greatest output.
        let top = (0..x.len()).max_by(|a, b| x[*a].total_cmp(&x[*b])).expect("not empty");
        prop_assert!(y.iter().all(|share| *share <= y[top]));
    }

    #[test]
    fn softmax_does_not_see_a_common_shift(
        backend in backend(),
        x in vec(-64i32..64, 1..100),
        shift in -64i32..64,
    ) {
        // Multiples of 1/8, so that the differences are exact.
        let of = |shift: i32| {
            let mut y: Vec<_> = x.iter().map(|x| (x + shift) as f32 / 8.0).collect();
            activation::softmax(backend, y.len(), &mut y);
            y
        };
        prop_same!(of(shift), of(0));
    }

    #[test]
    fn losses_are_the_same_everywhere(
        backend in backend(),
        pairs in vec((any_f32(), any_f32()), 0..100),
        scale in any_f32(),
    ) {
        let (p, t): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let on = |backend: Backend| {
            let mut dy = [vec![0.0; p.len()], vec![0.0; p.len()], vec![0.0; p.len()]];
            let values = [
                dispatch!(backend, s => loss::squared_error(s, scale, &p, &t, &mut dy[0])),
                dispatch!(backend, s => loss::binary_cross_entropy(s, scale, &p, &t, &mut dy[1])),
                dispatch!(backend, s => loss::categorical_cross_entropy(
                    s, scale, &p, &t, &mut dy[2]
                )),
            ];
            (values, dy.concat())
        };
        let (got, want) = (on(backend), on(Backend::baseline()));
        prop_same!(got.0, want.0);
        prop_same!(got.1, want.1);
    }

    #[test]
    fn losses_of_probabilities_are_not_negative(
        backend in backend(),
        pairs in vec((0.0f32..=1.0, 0.0f32..=1.0), 0..100),
    ) {
        let (p, t): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let mut dy = vec![0.0; p.len()];
        let squared = dispatch!(backend, s => loss::squared_error(s, 1.0, &p, &t, &mut dy));
        let binary = dispatch!(backend, s => loss::binary_cross_entropy(s, 1.0, &p, &t, &mut dy));
        let categorical = dispatch!(backend, s => loss::categorical_cross_entropy(
            s, 1.0, &p, &t, &mut dy
        ));
        prop_assert!(squared >= 0.0 && binary >= 0.0 && categorical >= 0.0);
    }

    #[test]
    fn optimizers_are_the_same_everywhere(
        backend in backend(),
        values in vec((any_f32(), any_f32(), any_f32(), any_f32()), 0..100),
        alpha in any_f32(),
        beta1 in 0.0f32..1.0,
        beta2 in 0.0f32..1.0,
    ) {
        let column = |f: fn(&(f32, f32, f32, f32)) -> f32| values.iter().map(f).collect::<Vec<_>>();
        let (w, m, v, dw) = (column(|x| x.0), column(|x| x.1), column(|x| x.2), column(|x| x.3));
        let on = |backend: Backend| {
            let (mut w1, mut w2, mut m, mut v) = (w.clone(), w.clone(), m.clone(), v.clone());
            optimizer::sgd(backend, alpha, &mut w1, &dw);
            optimizer::adam(
                backend,
                AdamStep { alpha, beta1, beta2, epsilon: 1e-7 },
                &mut w2,
                &mut m,
                &mut v,
                &dw,
            );
            let mut rest = [w.clone(), w.clone(), w.clone(), w.clone(), w.clone()];
            let mut state = [m.clone(), m.clone(), v.clone(), v.clone()];
            let [w3, w4, w5, w6, clipped] = &mut rest;
            let [a, b, c, d] = &mut state;
            optimizer::momentum(backend, alpha, beta1, w3, a, &dw);
            optimizer::nesterov(backend, alpha, beta1, w4, b, &dw);
            optimizer::adagrad(backend, alpha, 1e-7, w5, c, &dw);
            optimizer::rmsprop(backend, alpha, beta2, 1e-7, w6, d, &dw);
            optimizer::clip_norm(backend, beta1, clipped);
            [[w1, w2, m, v].concat(), rest.concat(), state.concat()].concat()
        };
        prop_same!(on(backend), on(Backend::baseline()));
    }

    #[test]
    fn a_step_of_nothing_changes_nothing(backend in backend(), w in vec(moderate(), 0..100)) {
        let mut got = w.clone();
        optimizer::sgd(backend, 0.0, &mut got, &vec![1.0; w.len()]);
        prop_same!(got, w);
        let (mut m, mut v) = (vec![0.0; w.len()], vec![0.0; w.len()]);
        let step = AdamStep { alpha: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
        optimizer::adam(backend, step, &mut got, &mut m, &mut v, &vec![0.0; w.len()]);
        prop_same!(got, w);
    }

    #[test]
    fn a_clipped_gradient_has_its_direction_and_at_most_the_limit(
        backend in backend(),
        x in vec(moderate(), 1..100),
        limit in 0.01f32..100.0,
    ) {
        let mut got = x.clone();
        let before = optimizer::clip_norm(backend, limit, &mut got);
        let after = optimizer::norm(backend, &got);
        // Two roundings per value, those of both norms, and that of the quotient.
        prop_assert!(
            after <= limit * (1.0 + 3e-6) || before <= limit,
            "{} after {}",
            after,
            before
        );
        if before <= limit {
            prop_same!(got, x);
        } else {
            let factor = f64::from(limit) / f64::from(before);
            for (got, x) in got.iter().zip(&x) {
                prop_assert!(
                    (f64::from(*got) - f64::from(*x) * factor).abs()
                        <= 3e-7 * f64::from(x.abs()) * factor + 1e-42
                );
            }
        }
        optimizer::clip_value(backend, limit, &mut got);
        prop_assert!(got.iter().all(|x| x.abs() <= limit));
    }

    #[test]
    fn all_finite_is_what_it_says(backend in backend(), x in vec(any_f32(), 0..40)) {
        prop_assert_eq!(optimizer::all_finite(backend, &x), x.iter().all(|x| x.is_finite()));
    }
}
