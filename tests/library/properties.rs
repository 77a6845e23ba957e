//! What holds for any network, data and seed.

use crate::support;

use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed},
};
use rosenblatt::{
    Rng,
    kernels::Plain,
    layer::{Dense, Layer, Train},
    network::{NetOf, Stack},
    prelude::*,
};
use support::{amount, backends, bits, draw, judge::Judged, samples};

/// The same cases in every run.
fn config() -> Config {
    Config { cases: amount(200, 20), rng_seed: RngSeed::Fixed(1957), failure_persistence: None, ..Config::default() }
}

type Classify = (Dense<5, 9, Tanh>, Dense<9, 4, Softmax>);
type Regress = (Dense<5, 9, Sigmoid>, Dense<9, 3>);
type Decide = (Dense<5, 9, Tanh>, Dense<9, 2, Sigmoid>);

/// Weights and inputs of about these sizes.
fn net<T: Stack>(seed: u64, size: f32) -> Mlp<T> {
    let mut rng = Rng::new(Seed(seed));
    let mut net = Mlp::<T>::new();
    let weights: Vec<f32> = (0..Mlp::<T>::PARAMS).map(|_| draw(&mut rng, size)).collect();
    net.set_weights(&weights).expect("as many as there are");
    net
}

/// The slope along the gradient is its squared length: a small step lowers the loss by lr·|g|², less a term in lr².
fn step_descends<T, L, const I: usize, const O: usize>(seed: u64, m: usize) -> Result<(), TestCaseError>
where
    T: Stack<Net: Train<Input = [f32; I], Output = [f32; O]>>,
    L: Judged<<NetOf<T> as Layer>::Head, O>,
{
    let mut rng = Rng::new(Seed(seed));
    let x: Vec<[f32; I]> = samples(&mut rng, m, 1.0);
    let t: Vec<L::Target> = (0..m).map(|_| L::target(&mut rng)).collect();
    let start = net::<T>(seed ^ 1, 1.0);
    for level in backends() {
        let mut net = start.clone();
        let mut trainer = Trainer::<Mlp<T>, Sgd, L, 8>::new();
        let lr = 1e-2;
        let before = trainer.step_on(level, &mut net, &Sgd::with_lr(lr), &x, &t).expect("good data");
        let squared: f32 = trainer.gradient().as_flat().iter().map(|g| g * g).sum();
        let after = trainer.step_on(level, &mut net, &Sgd::with_lr(0.0), &x, &t).expect("good data");
        // Half of what the slope promises, less the rounding of two losses.
        let least = 0.5 * lr * squared - 1e-6 * before;
        prop_assert!(before - after >= least, "{level}: {before} to {after}, with a squared gradient of {squared}");
    }
    Ok(())
}

/// One sample alone, in any batch, on any backend: the same bits.
fn alone_as_in_a_batch<T, const I: usize, const O: usize>(
    seed: u64,
    m: usize,
    sizes: (f32, f32),
) -> Result<(), TestCaseError>
where
    T: Stack<Net: Train<Input = [f32; I], Output = [f32; O]>>,
{
    let net = net::<T>(seed, sizes.0);
    let x: Vec<[f32; I]> = samples(&mut Rng::new(Seed(seed ^ 2)), m, sizes.1);
    let want: Vec<_> = x.iter().map(|x| bits(&net.predict(x))).collect();
    for level in backends() {
        let mut y = vec![[0.0; O]; m];
        net.predict_batch_on(level, &x, &mut y).expect("as many outputs as inputs");
        for (i, (y, x)) in y.iter().zip(&x).enumerate() {
            prop_assert_eq!(&bits(y), &want[i], "sample {} of {} on {}", i, m, level);
            prop_assert_eq!(&bits(&net.predict_on(level, x)), &want[i], "sample {} alone on {}", i, level);
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
        alone_as_in_a_batch::<(Dense<5, 35, Relu>, Dense<35, 17, Softmax>), 5, 17>(seed, m, (weights, inputs))?;
    }

    /// With weights of 0 that stay 0 (lr 0), the loss of sample i is made 2^i: an epoch's sum of losses shows which samples were seen, and how often.
    #[test]
    fn an_epoch_sees_each_sample_once(seed: u64, n in 1usize..=20, batch in 0u32..3, epochs in 1usize..4) {
        type Two = Mlp<(Dense<1, 2>,)>;
        let x = vec![[0.0]; n];
        // Half of (2^k)² + (2^k)² is 2^(2k); half of (2^(k + 1))² is 2^(2k + 1).
        let t: Vec<[f32; 2]> = (0..n as i32)
            .map(|i| if i % 2 == 0 { [2f32.powi(i / 2); 2] } else { [2f32.powi(i / 2 + 1), 0.0] })
            .collect();
        let want = (1 << n) as f32 - 1.0;
        for level in backends() {
            let mut reports = Vec::new();
            let mut observer = |epoch: &Epoch| {
                reports.push(epoch.loss * n as f32);
                std::ops::ControlFlow::Continue(())
            };
            let mut trainer = Trainer::<Two, Sgd, MeanSquaredError, 4>::new();
            let fit = Fit { epochs, batch: Some(Batch::Mini(1 << batch)), shuffle: Some(Seed(seed)), level, ..Fit::new(Sgd::with_lr(0.0)) };
            trainer.fit(&mut Two::new(), &x, &t, &fit, &mut observer).expect("good data");
            prop_assert_eq!(reports.len(), epochs);
            // Means of three samples and over n are rounded, by far less than ½.
            prop_assert!(reports.iter().all(|sum| sum.round() == want), "{:?} instead of {}", reports, want);
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
        for level in backends() {
            let y = net.predict_on(level, &x);
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
        for level in backends() {
            prop_assert!(net.predict_on(level, &x).iter().all(|p| (0.0..=1.0).contains(p)));
        }
    }

    /// Moving the data along changes nothing but rounding: a permuted full batch gives the same loss and gradient within it.
    #[test]
    fn the_order_in_a_batch_hardly_matters(seed: u64) {
        let mut rng = Rng::new(Seed(seed));
        let mut x: Vec<[f32; 5]> = samples(&mut rng, 8, 1.0);
        let mut t: Vec<[f32; 3]> = samples(&mut rng, 8, 1.0);
        let start = net::<Regress>(seed, 1.0);
        let step = |x: &[[f32; 5]], t: &[[f32; 3]]| {
            let mut trainer = Trainer::<Mlp<Regress>, Sgd, MeanSquaredError, 8>::new();
            let loss = trainer.step(&mut start.clone(), &Sgd::DEFAULT, x, t).expect("good data");
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
