//! Properties of any network, data and seed.

use crate::support;
use crate::support::dataset;

use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed},
};
use rosenblatt::{
    Rng,
    kernels::F32Array,
    layer::{Dense, Layer, Trainable},
    prelude::*,
    sequential::{ComposedOf, Layers},
    train::Batch,
};
use support::{amount, backends, bits, draw, judge::Judged, samples};

/// The same cases in every run.
fn config() -> Config {
    Config {
        cases: amount(200, 20),
        rng_seed: RngSeed::Fixed(1957),
        failure_persistence: None,
        ..Config::default()
    }
}

type Classify = (Dense<5, 9, Tanh>, Dense<9, 4, Softmax>);
type Regress = (Dense<5, 9, Sigmoid>, Dense<9, 3>);
type Decide = (Dense<5, 9, Tanh>, Dense<9, 2, Sigmoid>);

/// A network with weights below `size`.
fn net<T: Layers>(seed: u64, size: f32) -> Mlp<T> {
    let mut rng = Rng::new(Seed(seed));
    let mut net = Mlp::<T>::ZERO;
    let weights: Vec<f32> = (0..Mlp::<T>::PARAMS).map(|_| draw(&mut rng, size)).collect();
    net.set_weights(&weights).expect("as many as there are");
    net
}

/// The slope along the gradient is its squared length. A small step lowers the loss by lr·|g|²
/// minus a term in lr².
fn step_descends<T, L, const I: usize, const O: usize>(
    seed: u64,
    m: usize,
) -> Result<(), TestCaseError>
where
    T: Layers<Composed: Trainable<Input = [f32; I], Output = [f32; O]>>,
    L: Judged<<ComposedOf<T> as Layer>::OutputActivation, O>,
{
    let mut rng = Rng::new(Seed(seed));
    let x: Vec<[f32; I]> = samples(&mut rng, m, 1.0);
    let t: Vec<L::Target> = (0..m).map(|_| L::target(&mut rng)).collect();
    let start = net::<T>(seed ^ 1, 1.0);
    for backend in backends() {
        let mut net = start.clone();
        let mut trainer = Trainer::<Mlp<T>, L, Sgd, 8>::ZERO;
        let lr = 1e-2;
        let before = trainer
            .on(backend)
            .step(&mut net, dataset(&x, &t), &Sgd::with_lr(lr))
            .expect("good data");
        let squared: f32 = trainer.gradient().as_flat().iter().map(|g| g * g).sum();
        let after = trainer
            .on(backend)
            .step(&mut net, dataset(&x, &t), &Sgd::with_lr(0.0))
            .expect("good data");
        // Half of what the slope predicts, minus the rounding of two losses.
        let least = 0.5 * lr * squared - 1e-6 * before;
        prop_assert!(
            before - after >= least,
            "{backend}: {before} to {after}, with a squared gradient of {squared}"
        );
    }
    Ok(())
}

/// One sample has the same bits alone, in any batch and on any backend.
fn alone_as_in_a_batch<T, const I: usize, const O: usize>(
    seed: u64,
    m: usize,
    sizes: (f32, f32),
) -> Result<(), TestCaseError>
where
    T: Layers<Composed: Trainable<Input = [f32; I], Output = [f32; O]>>,
{
    let net = net::<T>(seed, sizes.0);
    let x: Vec<[f32; I]> = samples(&mut Rng::new(Seed(seed ^ 2)), m, sizes.1);
    let want: Vec<_> = x.iter().map(|x| bits(&net.predict(x))).collect();
    for backend in backends() {
        let mut y = vec![[0.0; O]; m];
        net.on(backend).predict_batch(&x, &mut y).expect("as many outputs as inputs");
        for (i, (y, x)) in y.iter().zip(&x).enumerate() {
            prop_assert_eq!(&bits(y), &want[i], "sample {} of {} on {}", i, m, backend);
            prop_assert_eq!(
                &bits(&net.on(backend).predict(x)),
                &want[i],
                "sample {} alone on {}",
                i,
                backend
            );
        }
    }
    Ok(())
}

/// Sizes from subnormal to overflowing.
fn size() -> impl Strategy<Value = f32> {
    (-130i32..128).prop_map(|exponent| 2f32.powi(exponent))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_small_step_lowers_the_loss(seed: u64, m in 1usize..=8) {
        step_descends::<Classify, SparseCategoricalCrossEntropy, 5, 4>(seed, m)?;
        step_descends::<Regress, MeanSquaredError, 5, 3>(seed, m)?;
        step_descends::<Decide, BinaryCrossEntropy, 5, 2>(seed, m)?;
    }

    #[test]
    fn a_batch_is_its_samples(seed: u64, m in 0usize..40, weights in size(), inputs in size()) {
        alone_as_in_a_batch::<Classify, 5, 4>(seed, m, (weights, inputs))?;
        alone_as_in_a_batch::<Regress, 5, 3>(seed, m, (weights, inputs))?;
        alone_as_in_a_batch::<(Dense<5, 35, Relu>, Dense<35, 17, Softmax>), 5, 17>(
            seed,
            m,
            (weights, inputs),
        )?;
    }

    /// All weights stay 0 (lr 0), and the targets make the loss of sample i equal to 2^i. An
    /// epoch's sum of losses then shows how often each sample was used.
    #[test]
    fn an_epoch_sees_each_sample_once(
        seed: u64,
        n in 1usize..=20,
        batch in 0u32..3,
        epochs in 1usize..4,
    ) {
        type Two = Mlp<(Dense<1, 2>,)>;
        let x = vec![[0.0]; n];
        // Half of (2^k)² + (2^k)² is 2^(2k); half of (2^(k + 1))² is 2^(2k + 1).
        let t: Vec<[f32; 2]> = (0..n as i32)
            .map(|i| if i % 2 == 0 { [2f32.powi(i / 2); 2] } else { [2f32.powi(i / 2 + 1), 0.0] })
            .collect();
        let want = (1 << n) as f32 - 1.0;
        for backend in backends() {
            let mut reports = Vec::new();
            let mut observer = OnEpoch(|epoch: &EpochReport| {
                reports.push(epoch.loss * n as f32);
                std::ops::ControlFlow::Continue(())
            });
            let mut trainer = Trainer::<Two, MeanSquaredError, Sgd, 4>::ZERO;
            let fit = Fit {
                epochs,
                batch: Some(Batch::Mini(1 << batch)),
                shuffle: Some(Seed(seed)),
                backend: Some(backend),
                ..Fit::new(Sgd::with_lr(0.0))
            };
            trainer
                .fit_with(&mut Two::default(), dataset(&x, &t), &fit, &mut observer)
                .expect("good data");
            prop_assert_eq!(reports.len(), epochs);
            // Means over mini-batches and over n are rounded, by much less than ½.
            prop_assert!(
                reports.iter().all(|sum| sum.round() == want),
                "{:?} instead of {}",
                reports,
                want
            );
        }
    }

    #[test]
    fn the_hash_sees_every_bit(seed: u64, place in 0usize..94, bit in 0u32..32) {
        let mut net = net::<Classify>(seed, 1.0);
        prop_assert_eq!(Mlp::<Classify>::PARAMS, 94);
        let before = net.hash();
        let w = &mut net.params_mut().as_flat_mut()[place];
        let old = *w;
        *w = f32::from_bits(old.to_bits() ^ 1 << bit);
        prop_assert_ne!(net.hash(), before);
        net.params_mut().as_flat_mut()[place] = old;
        prop_assert_eq!(net.hash(), before);
    }

    #[test]
    fn softmax_outputs_are_probabilities(seed: u64, size in 0f32..200.0) {
        let net = net::<Classify>(seed, size);
        let x: [f32; 5] = samples::<[f32; 5]>(&mut Rng::new(Seed(seed ^ 3)), 1, 1.0)[0];
        for backend in backends() {
            let y = net.on(backend).predict(&x);
            prop_assert!(y.iter().all(|p| (0.0..=1.0).contains(p)), "{:?}", y);
            let total: f32 = y.iter().sum();
            // Four quotients and three sums, each rounded once.
            prop_assert!((total - 1.0).abs() < 4e-7, "{:?} sums to {}", y, total);
        }
    }

    #[test]
    fn sigmoid_outputs_are_probabilities(seed: u64, size in 0f32..1e10) {
        let net = net::<Decide>(seed, size);
        let x: [f32; 5] = samples::<[f32; 5]>(&mut Rng::new(Seed(seed ^ 3)), 1, 1.0)[0];
        for backend in backends() {
            prop_assert!(net.on(backend).predict(&x).iter().all(|p| (0.0..=1.0).contains(p)));
        }
    }

    /// The order of samples in a full batch changes the loss and the gradient only by rounding.
    #[test]
    fn the_order_in_a_batch_hardly_matters(seed: u64) {
        let mut rng = Rng::new(Seed(seed));
        let mut x: Vec<[f32; 5]> = samples(&mut rng, 8, 1.0);
        let mut t: Vec<[f32; 3]> = samples(&mut rng, 8, 1.0);
        let start = net::<Regress>(seed, 1.0);
        let step = |x: &[[f32; 5]], t: &[[f32; 3]]| {
            let mut trainer = Trainer::<Mlp<Regress>, MeanSquaredError, Sgd, 8>::ZERO;
            let loss = trainer
                .step(&mut start.clone(), dataset(x, t), &Sgd::DEFAULT)
                .expect("good data");
            (loss, trainer.gradient().as_flat().to_vec())
        };
        let (loss, gradient) = step(&x, &t);
        x.reverse();
        t.reverse();
        let (other, reversed) = step(&x, &t);
        prop_assert!((loss - other).abs() <= 1e-6 * loss);
        let top = gradient.iter().fold(0f32, |top, g| top.max(g.abs()));
        for (a, b) in gradient.iter().zip(&reversed) {
            prop_assert!((a - b).abs() <= 2e-6 * top, "{} and {}", a, b);
        }
    }
}
