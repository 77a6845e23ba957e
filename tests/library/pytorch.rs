//! The same normalizations as PyTorch's: predictions and two steps of training from the same
//! weights, with PyTorch's `eps` and `momentum`.
//!
//! PyTorch wrote `fixtures/pytorch.json` in f64 with the script `make_pytorch.py`.

use crate::support::{backends, dataset};
use rosenblatt::{
    Backend,
    kernels::{F32Array, F32Rows},
    layer::Activate,
    prelude::*,
};
use serde_json::Value;

type Net<const EPSILON: u32, const MOMENTUM: u32> = Mlp<(
    Dense<3, 5>,
    BatchNorm<[f32; 5], EPSILON, MOMENTUM>,
    Activate<[f32; 5], Tanh>,
    Dense<5, 4>,
    LayerNorm<[f32; 4], EPSILON>,
)>;
/// Samples of the mini-batch.
const N: usize = 8;
/// Greatest deviation, relative to the greatest magnitude of its tensor. Two normalizations one
/// after the other, the first with r = 100, amplify roundings of 6e-8.
const LIMIT: f64 = 2e-6;
/// That of the bias before the batch normalization. Its gradient is 0 but for roundings, which r
/// amplifies; the bias itself is around 0.01.
const ADRIFT: f64 = 1e-4;

fn document() -> Value {
    serde_json::from_str(include_str!("../fixtures/pytorch.json")).expect("JSON")
}

fn numbers(values: &Value) -> Vec<f64> {
    let values = values.as_array().expect("numbers");
    values.iter().map(|value| value.as_f64().expect("a number")).collect()
}

fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|x| *x as f32).collect()
}

fn rows<X: F32Array>(values: &Value) -> Vec<X> {
    let mut rows = vec![X::ZERO; values.as_array().expect("numbers").len() / X::LEN];
    rows.flat_mut().copy_from_slice(&narrow(&numbers(values)));
    rows
}

/// The deviation; an error where it is too large.
fn near(what: &str, limit: f64, got: &[f32], want: &[f64]) -> Result<f64, String> {
    assert_eq!(got.len(), want.len(), "{what}");
    let size = want.iter().fold(0.0f64, |size, want| size.max(want.abs()));
    let off = got.iter().zip(want).map(|(got, want)| (f64::from(*got) - want).abs() / size);
    let worst = off.fold(0.0, f64::max);
    if worst <= limit { Ok(worst) } else { Err(format!("{what}: {got:?}, PyTorch has {want:?}")) }
}

fn tensors<const E: u32, const M: u32>(net: &Net<E, M>) -> Vec<(&'static str, Vec<f32>)> {
    let mut all = Vec::new();
    net.tensors(|tensor, values| all.push((tensor.name, values.to_vec())));
    all
}

/// Predicts and trains as the script did.
fn follow<const E: u32, const M: u32>(backend: Backend) -> Result<f64, String> {
    let document = document();
    let (x, t): (Vec<[f32; 3]>, Vec<[f32; 4]>) = (rows(&document["x"]), rows(&document["t"]));
    assert_eq!((x.len(), t.len()), (N, N));
    let sgd = Sgd::with_lr(document["lr"].as_f64().expect("a rate") as f32);
    let of = |part: &Value| -> Vec<Vec<f64>> {
        part.as_array().expect("tensors").iter().map(numbers).collect()
    };
    let set = |net: &mut Net<E, M>, tensors: &[Vec<f64>]| {
        let tensors: Vec<_> = tensors.iter().map(|tensor| narrow(tensor)).collect();
        let tensors: Vec<_> = tensors.iter().map(Vec::as_slice).collect();
        net.set_tensors(&tensors).expect("as many tensors as PyTorch has, of the same lengths");
    };
    let predict = |net: &Net<E, M>, want: &Value| {
        let mut y = vec![[0.0; 4]; N];
        net.on(backend).predict_batch(&x, &mut y).expect("as many");
        near("predictions", LIMIT, y.flat(), &numbers(want))
    };
    let mut net = Box::new(Net::<E, M>::ZERO);
    let mut before = of(&document["init"]);
    set(&mut net, &before);
    let mut worst = predict(&net, &document["predictions"])?;
    let mut trainer = Box::new(Trainer::<Net<E, M>, MeanSquaredError, Sgd, N>::ZERO);
    for (i, step) in document["steps"].as_array().expect("steps").iter().enumerate() {
        let loss = trainer.on(backend).step(&mut net, dataset(&x, &t), &sgd).expect("good data");
        let what = |part: &str| format!("{backend}, step {}, {part}", i + 1);
        let after = of(&step["tensors"]);
        let want = step["loss"].as_f64().expect("a number");
        worst = worst.max(near(&what("loss"), LIMIT, &[loss], &[want])?);
        let changes = before.iter().zip(&after);
        for (k, ((name, got), (before, after))) in tensors(&net).iter().zip(changes).enumerate() {
            let want = if *name == "moving_variance" {
                // PyTorch takes Σ(x − μ)² / (n − 1), this library Σ(x − μ)² / n.
                let biased = |(before, after): (&f64, &f64)| {
                    0.9 * before + (after - 0.9 * before) * (N - 1) as f64 / N as f64
                };
                before.iter().zip(after).map(biased).collect()
            } else {
                after.clone()
            };
            if k == 1 {
                near(&what(name), ADRIFT, got, &want)?;
            } else {
                worst = worst.max(near(&what(name), LIMIT, got, &want)?);
            }
        }
        // From here on with PyTorch's moving variance.
        set(&mut net, &after);
        worst = worst.max(predict(&net, &step["predictions"])?);
        before = after;
    }
    Ok(worst)
}

#[test]
fn a_network_with_normalizations_follows_pytorch() {
    const E: u32 = epsilon(1e-5);
    const M: u32 = momentum(0.9);
    for backend in backends() {
        let worst = follow::<E, M>(backend).unwrap_or_else(|error| panic!("{error}"));
        println!("{backend}: worst deviation {worst:.1e}");
    }
    // Keras' constants are others.
    let backend = Backend::baseline();
    let wrong = [
        follow::<{ epsilon(1e-3) }, M>(backend),
        follow::<{ epsilon(1.1e-5) }, M>(backend),
        follow::<E, { momentum(0.99) }>(backend),
    ];
    assert!(wrong.iter().all(Result::is_err), "{wrong:?}");
}

#[test]
fn rows_of_any_epsilon_are_normalized_as_by_pytorch() {
    fn check<const E: u32>(eps: &str) {
        let document = document();
        let x: Vec<[f32; 4]> = rows(&document["rows"]["x"]);
        let net = Mlp::<(LayerNorm<[f32; 4], E>,)>::init(Seed(0));
        for backend in backends() {
            let y: Vec<_> = x.iter().map(|x| net.on(backend).predict(x)).collect();
            near(eps, LIMIT, y.flat(), &numbers(&document["rows"]["y"][eps]))
                .unwrap_or_else(|error| panic!("{error}"));
            // The first row is 0.01, 0.02, 0.03, 0.04; its variance is 1.25e-4.
            let added = f64::from(f32::from_bits(E));
            let want = [-0.015, -0.005, 0.005, 0.015].map(|d| d / (1.25e-4 + added).sqrt());
            near(eps, LIMIT, &y[0], &want).unwrap_or_else(|error| panic!("{error}"));
        }
    }
    check::<{ epsilon(1e-3) }>("1e-3");
    check::<{ epsilon(1e-5) }>("1e-5");
    check::<{ epsilon(1e-12) }>("1e-12");
}
