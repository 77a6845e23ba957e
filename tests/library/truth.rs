//! Correct values in cases that other libraries' bug reports show broken. One test per promise.

use crate::support;
use crate::support::dataset;

use rosenblatt::{
    Error,
    dataset::{Permutation, Standardize},
    kernels::{F32Array, optimizer, zero::ZeroBits},
    layer::{Activate, DenseL1, Layer, Signal, Trainable},
    loss::Loss,
    metrics::{Evaluation, predicted},
    observer::Monitor,
    optimizer::{ClipNorm, ClipValue, Optimizer},
    prelude::*,
    schedule::{
        ConstantRate, CosineDecay, ExponentialDecay, InverseTimeDecay, PiecewiseConstant, Schedule,
        Scheduled, StepDecay, WarmUp,
    },
    sequential::Model,
    train::Batch,
};
use std::ops::ControlFlow;
use support::backends;

/// One weight and one bias.
type Line = Mlp<(Dense<1, 1>,)>;

/// The parameters of [`Line`].
type Weights = <<Line as Model>::Layers as Layer>::Params;

/// A trainer on the heap, built in place.
fn trainer<N, L, O, const B: usize>() -> Box<Trainer<N, L, O, B>>
where
    N: Model<Layers: Trainable>,
    O: Optimizer<State<<N::Layers as Layer>::Params>: ZeroBits>,
    L: Loss<<N::Layers as Layer>::OutputActivation, <N::Layers as Layer>::Output>,
{
    rosenblatt::kernels::zero::boxed()
}

fn line(w: f32, b: f32) -> Line {
    let mut net = Line::ZERO;
    net.set_weights(&[w, b]).expect("two weights");
    net
}

fn relative(got: f32, exact: f64) -> f64 {
    (f64::from(got) / exact - 1.0).abs()
}

// ---- NaN is never right and never best

#[test]
fn outputs_that_are_nan_are_never_right() {
    assert_eq!(predicted(&[f32::NAN]), None);
    assert_eq!(predicted(&[f32::NAN, 1.0, 2.0]), None);
    assert_eq!(predicted(&[3.0, 1.0, f32::NAN]), None);
    assert_eq!(predicted(&[f32::NEG_INFINITY; 3]), Some(0));
    let net = line(f32::INFINITY, 0.0);
    // 0·∞ is NaN; 1·∞ is above ½.
    let (x, t) = ([[0.0], [0.0], [1.0]], [[0.0], [1.0], [1.0]]);
    let mut trainer = trainer::<Line, MeanSquaredError, Sgd, 2>();
    let found = trainer.evaluate(&net, dataset(&x, &t)).expect("good data");
    assert_eq!((found.correct, found.samples), (1, 3));
    assert!(found.loss.is_nan());
    let seen = trainer.confusion::<2>(&net, dataset(&x, &t)).expect("good data");
    assert_eq!(
        (seen.undecided(0), seen.undecided(1), seen.count(1, 1), seen.total()),
        (1, 1, 1, 3)
    );
    assert_eq!(seen.accuracy(), 1.0 / 3.0);
    assert!(seen.to_string().contains("1 undecided (NaN)"));
}

#[test]
fn weights_that_overflowed_are_not_put_back() {
    let (x, t) =
        ([[0.0], [0.0], [0.0], [1.0], [5.0], [5.0]], [[0.0], [0.0], [0.0], [1.0], [1.0], [1.0]]);
    for monitor in [Monitor::ValAccuracy, Monitor::ValLoss, Monitor::Accuracy, Monitor::Loss] {
        let mut net = line(-1.0, 0.0);
        let mut observers = (
            Validation::new(dataset(&x, &t)),
            RestoreBest::new(Line::ZERO).monitor(monitor),
            History::<3>::new(),
        );
        let fit = Fit { epochs: 1, ..Fit::new(Sgd::with_lr(3e38)) };
        trainer::<Line, MeanSquaredError, Sgd, 6>()
            .fit_with(&mut net, dataset(&x, &t), &fit, &mut observers)
            .expect("one step");
        let found = observers.2.epochs()[0].validation.expect("validated");
        assert!(found.loss.is_nan() && found.correct <= 3, "{found:?}");
        assert_eq!((observers.1.best(), observers.1.best_epoch()), (None, 0), "{monitor}");
    }
}

/// Reports scripted validation losses.
struct Script<'a>(&'a [f32]);

impl<S: rosenblatt::observer::Session> Observer<S> for Script<'_> {
    fn on_epoch_end(
        &mut self,
        epoch: &mut EpochReport,
        _: &mut S,
    ) -> rosenblatt::Result<ControlFlow<()>> {
        let loss = self.0[epoch.number - 1];
        epoch.validation = Some(Evaluation { loss, correct: 1, samples: 1 });
        Ok(ControlFlow::Continue(()))
    }
}

#[test]
fn nan_is_no_improvement() {
    let losses = [f32::NAN, 2.0, 1.0, f32::NAN, f32::NAN];
    let fit = Fit { epochs: 5, ..Fit::new(Sgd::with_lr(0.0)) };
    for monitor in [Monitor::ValLoss, Monitor::ValAccuracy] {
        let stop = EarlyStopping { monitor, ..EarlyStopping::with_patience(2) };
        let mut observers = (
            Script(&losses),
            RestoreBest::new(Line::ZERO).monitor(monitor),
            stop,
            ReduceOnPlateau {
                monitor,
                patience: 2,
                factor: 0.5,
                min_delta: 0.0,
                ..ReduceOnPlateau::DEFAULT
            },
        );
        let fit = Fit { optimizer: Sgd::with_lr(1e-3), ..fit };
        let last = trainer::<Line, MeanSquaredError, Sgd, 1>()
            .fit_with(&mut line(0.0, 0.0), dataset(&[[1.0]], &[[0.0]]), &fit, &mut observers)
            .expect("good data");
        // Each epoch whose loss is a number has the accuracy 1.
        let best = if monitor == Monitor::ValLoss { (Some(1.0), 3) } else { (Some(1.0), 2) };
        assert_eq!((observers.1.best(), observers.1.best_epoch()), best, "{monitor}");
        assert_eq!(last.number, if monitor == Monitor::ValLoss { 5 } else { 4 }, "{monitor}");
    }
    for early in [
        EarlyStopping { min_delta: f32::NAN, ..EarlyStopping::DEFAULT },
        EarlyStopping { baseline: Some(f32::NAN), ..EarlyStopping::DEFAULT },
    ] {
        let mut observers = (Script(&losses), early);
        let refused = trainer::<Line, MeanSquaredError, Sgd, 1>().fit_with(
            &mut line(0.0, 0.0),
            dataset(&[[1.0]], &[[0.0]]),
            &fit,
            &mut observers,
        );
        assert!(matches!(refused, Err(Error::HyperParameter { .. })));
    }
}

#[test]
fn pooling_shows_nan() {
    let net = Mlp::<(MaxPool1d<Signal<4, 1>, Signal<2, 1>, 2>,)>::ZERO;
    let [[a], [b]] = net.predict(&[[1.0], [f32::NAN], [3.0], [2.0]]);
    assert!(a.is_nan() && b == 3.0);
}

// ---- means do not drift

#[test]
fn the_mean_of_a_million_equal_losses() {
    let t = 0.1f32.sqrt();
    let exact = f64::from(t) * f64::from(t);
    for samples in [1_000_000, 4_000_000] {
        let (x, t) = (vec![[0.0]; samples], vec![[t]; samples]);
        let mut net = line(0.0, 0.0);
        let mut one = trainer::<Line, MeanSquaredError, Sgd, 1>();
        let found = one.evaluate(&net, dataset(&x, &t)).expect("good data");
        assert!(relative(found.loss, exact) < 1e-6, "{samples} evaluated: {}", found.loss);
        let last =
            one.fit(&mut net, dataset(&x, &t), &Fit::new(Sgd::with_lr(0.0))).expect("good data");
        assert!(relative(last.loss, exact) < 1e-6, "{samples} in fit: {}", last.loss);
    }
}

#[test]
fn the_loss_of_a_large_batch() {
    const B: usize = 300_000;
    let (x, t) = (vec![[0.0]; B], vec![[0.1f32; 4]; B]);
    let mut net = Mlp::<(Dense<1, 4, Sigmoid>,)>::ZERO;
    let exact = 0.4f64.powi(2);
    for backend in backends() {
        let mut all = trainer::<_, MeanSquaredError, Sgd, B>();
        let loss =
            all.on(backend).step(&mut net, dataset(&x, &t), &Sgd::with_lr(0.0)).expect("good data");
        assert!(relative(loss, exact) < 1e-6, "{backend}: {loss}");
    }
    let mut all = trainer::<_, BinaryCrossEntropy, Sgd, B>();
    let loss = all.step(&mut net, dataset(&x, &t), &Sgd::with_lr(0.0)).expect("good data");
    assert!(relative(loss, 2f64.ln()) < 1e-6, "{loss}");
}

#[test]
fn the_penalty_of_many_weights() {
    type Net = Mlp<(DenseL1<1000, 1000, Linear, 1, 1>,)>;
    let mut net = Box::new(Net::ZERO);
    net.params_mut().w.as_flattened_mut().fill(0.1);
    let mut all = trainer::<Net, MeanSquaredError, Sgd, 1>();
    let found = all.evaluate(&net, dataset(&[[0.0; 1000]], &[[0.0; 1000]])).expect("good data");
    assert!(relative(found.loss, f64::from(0.1f32) * 1e6) < 1e-6, "{}", found.loss);
}

// ---- normalization

type Norm = Mlp<(BatchNorm<[f32; 2]>,)>;

#[test]
fn a_constant_column_is_zero_in_training_and_in_inference() {
    for value in [123_456.7, -3e-9, 1e15, 0.1, 7.0] {
        for backend in backends() {
            let mut net = Norm::init(Seed(0));
            let x = vec![[value, -value]; 1000];
            let mut trainer = trainer::<Norm, MeanSquaredError, Sgd, 1000>();
            let still = Sgd::with_lr(0.0);
            let step =
                |net: &mut Norm, trainer: &mut Trainer<Norm, MeanSquaredError, Sgd, 1000>| {
                    trainer
                        .on(backend)
                        .step(net, dataset(&x, &vec![[0.0; 2]; 1000]), &still)
                        .expect("good data")
                };
            assert_eq!(step(&mut net, &mut trainer), 0.0, "{backend} {value}");
            for _ in 0..6000 {
                step(&mut net, &mut trainer);
            }
            assert_eq!(net.buffers().mean, [value, -value], "{backend}");
            assert_eq!(net.predict(&[value, -value]), [0.0; 2], "{backend} {value}");
        }
    }
}

#[test]
fn a_small_deviation_beside_a_large_mean() {
    let x: Vec<[f32; 2]> =
        (0..1000).map(|i| [1e6 + (i % 7) as f32 * 0.125, 5e4 + (i % 13) as f32 * 0.0625]).collect();
    let column = |j: usize| x.iter().map(move |x| f64::from(x[j]));
    let exact = [0, 1].map(|j| {
        let mean = column(j).sum::<f64>() / 1000.0;
        let variance = column(j).map(|x| (x - mean).powi(2)).sum::<f64>() / 1000.0;
        (mean, variance)
    });
    for backend in backends() {
        let mut own = rosenblatt::kernels::normalize::BatchMoments::<[f32; 2]>::ZERO;
        rosenblatt::kernels::dispatch!(backend, s => rosenblatt::kernels::normalize::moments(
            s, &x, &mut own
        ));
        for (j, (mean, variance)) in exact.into_iter().enumerate() {
            let got = f64::from(own.mean[j]) + f64::from(own.mean_low[j]);
            assert!((got - mean).abs() < 1e-6 * variance.sqrt(), "{backend}: {got}, not {mean}");
            assert!(
                relative(own.variance[j], variance) < 1e-6,
                "{backend}: {}, not {variance}",
                own.variance[j]
            );
        }
    }
}

#[test]
fn rows_of_equal_values_are_zero() {
    let net = Mlp::<(LayerNorm<[f32; 100]>,)>::init(Seed(0));
    for value in [123_456.7, 0.1, -1e12] {
        assert_eq!(net.predict(&[value; 100]), [0.0; 100]);
    }
}

#[test]
fn standardizing_any_size() {
    for size in [1e-38f32, 1e-23, 1e-10, 1.0, 1e10, 5e37] {
        let rows: Vec<[f32; 1]> = [1.0, 2.0, 3.0, 4.0].map(|x| [x * size]).to_vec();
        let scale = Standardize::fit(&rows).expect("good data");
        assert!(
            relative(scale.deviation[0], f64::from(size) * 1.25f64.sqrt()) < 1e-6,
            "{size:e}: {:e}",
            scale.deviation[0]
        );
        let mut rows = rows;
        scale.transform(&mut rows);
        let want = [-1.341_640_8, -0.447_213_6, 0.447_213_6, 1.341_640_8];
        rows.iter()
            .zip(want)
            .for_each(|([x], want)| assert!((x - want).abs() < 1e-5, "{size:e}: {x}"));
    }
    let mut ends = [[3e38f32], [-3e38], [3e38], [-3e38]];
    let scale = Standardize::fit(&ends).expect("good data");
    assert_eq!((scale.mean, scale.deviation), ([0.0], [3e38]));
    scale.transform(&mut ends);
    assert_eq!(ends, [[1.0], [-1.0], [1.0], [-1.0]]);
    let scale = Standardize::fit(&[[3e38f32], [-1e38]]).expect("good data");
    let mut far = [[3.4e38f32], [-3.4e38]];
    scale.transform(&mut far);
    assert!(far.iter().all(|[x]| x.is_finite()), "{far:?}");
}

#[test]
fn one_sample_is_no_batch_for_a_normalization() {
    type Net = Mlp<(Dense<2, 4>, BatchNorm<[f32; 4]>, Activate<[f32; 4], Tanh>, Dense<4, 1>)>;
    let mut net = Net::init(Seed(1));
    let before = net.hash();
    let x: Vec<[f32; 2]> = (0..33).map(|i| [i as f32 * 0.1, 1.0 - i as f32 * 0.05]).collect();
    let t: Vec<[f32; 1]> = x.iter().map(|x| [x[0] - x[1]]).collect();
    let mut trainer = trainer::<Net, MeanSquaredError, Sgd, 32>();
    let too_small = Err(Error::BatchTooSmall { batch: 1, least: 2 });
    assert_eq!(trainer.step(&mut net, dataset(&x[..1], &t[..1]), &Sgd::DEFAULT), too_small);
    let fit = Fit { epochs: 2, ..Fit::new(Sgd::DEFAULT) };
    for fit in [
        fit,
        Fit { batch: Some(Batch::Stochastic), ..fit },
        Fit { batch: Some(Batch::Mini(16)), ..fit },
    ] {
        let refused = trainer.fit(&mut net, dataset(&x, &t), &fit).map(|last| last.number);
        assert_eq!(refused, too_small.map(|_: f32| 0), "{fit:?}");
    }
    assert_eq!(net.hash(), before);
    assert_eq!(
        Error::BatchTooSmall { batch: 1, least: 2 }.to_string(),
        "a mini-batch of 1 sample; batch normalization needs at least 2 (drop_last leaves out the \
         last one of an epoch if it is shorter than the others)"
    );
    let last =
        trainer.fit(&mut net, dataset(&x, &t), &Fit { drop_last: true, ..fit }).expect("32 of 33");
    assert!(last.loss.is_finite());
    assert!(trainer.fit(&mut net, dataset(&x[..32], &t[..32]), &fit).is_ok());
    // A sequence has several positions, so one sample is enough.
    let mut steps = Mlp::<(BatchNorm<[[f32; 2]; 3]>,)>::init(Seed(0));
    let mut trainer = self::trainer::<_, MeanSquaredError, Sgd, 1>();
    assert!(
        trainer
            .step(
                &mut steps,
                dataset(&[[[1.0; 2], [2.0; 2], [3.0; 2]]], &[[[0.0; 2]; 3]]),
                &Sgd::DEFAULT
            )
            .is_ok()
    );
}

#[test]
fn the_last_short_batch_is_dropped() {
    let (x, t) = ([[1.0], [1.0], [1.0], [1.0], [100.0]], [[0.0]; 5]);
    let fit = Fit { batch: Some(Batch::Mini(2)), drop_last: true, ..Fit::new(Sgd::with_lr(0.0)) };
    let mut trainer = trainer::<Line, MeanSquaredError, Sgd, 8>();
    let mut history = History::<1>::new();
    trainer.fit_with(&mut line(1.0, 0.0), dataset(&x, &t), &fit, &mut history).expect("good data");
    assert_eq!((history.epochs()[0].loss, history.epochs()[0].accuracy), (1.0, 0.0));
    let none = trainer.fit(
        &mut line(1.0, 0.0),
        dataset(&x, &t),
        &Fit { batch: Some(Batch::Mini(8)), ..fit },
    );
    assert_eq!(none.map(|last| last.number), Err(Error::NoFullBatch { samples: 5, batch: 8 }));
}

// ---- optimizers

/// One huge gradient, then 10,000 ordinary steps toward t = 3.
fn recovers<O: Optimizer<State<Weights>: ZeroBits>>(rule: O, huge: f32) {
    let (mut net, mut trainer) = (line(0.0, 0.0), trainer::<Line, MeanSquaredError, O, 1>());
    trainer.step(&mut net, dataset(&[[huge]], &[[huge]]), &rule).expect("a finite gradient");
    assert!(net.weights().iter().all(|w| w.abs() < 1.0), "{:?}", net.weights());
    let mut loss = 9.0;
    for _ in 0..10_000 {
        loss =
            trainer.step(&mut net, dataset(&[[1.0]], &[[3.0]]), &rule).expect("an ordinary step");
    }
    assert!(loss < 1e-2, "after {huge:e} the loss is {loss}");
}

#[test]
fn one_huge_gradient_freezes_nothing() {
    for huge in [1e10, 3e12, 1e18] {
        recovers(Adam::DEFAULT, huge);
        recovers(AdamW { weight_decay: 0.0, ..AdamW::DEFAULT }, huge);
        recovers(RmsProp::DEFAULT, huge);
        recovers(AdaGrad::with_lr(0.1), huge);
        recovers(ClipNorm { optimizer: Adam::DEFAULT, limit: 1.0 }, huge);
        recovers(
            Scheduled { optimizer: Adam::DEFAULT, schedule: ConstantRate { lr: 0.001 } },
            huge,
        );
    }
    // The kernels alone, on every backend.
    for backend in backends() {
        for g in [1e19f32, -1e25, f32::MAX] {
            let (mut w, mut h) = ([1.0; 9], [4.0; 9]);
            optimizer::adagrad(backend, 0.5, 1e-8, &mut w, &mut h, &[g; 9]);
            assert_eq!((w, h), ([1.0 - 0.5f32.copysign(g); 9], [4.0; 9]), "{backend}");
            optimizer::rmsprop(backend, 0.5, 0.9, 1e-8, &mut w, &mut h, &[g; 9]);
            assert_eq!(h, [4.0; 9], "{backend}");
        }
        // Sums of squares saturate at f32::MAX.
        let (mut w, mut h) = ([1.0], [f32::MAX]);
        optimizer::adagrad(backend, 0.5, 1e-8, &mut w, &mut h, &[9e18]);
        assert_eq!(h, [f32::MAX]);
    }
}

#[test]
fn an_epsilon_below_what_a_moment_keeps_is_refused() {
    let (x, t) = ([[1.0]], [[0.0]]);
    let refused = |outcome: rosenblatt::Result<f32>| {
        matches!(outcome, Err(Error::HyperParameter { name: "epsilon", .. }))
    };
    for epsilon in [1e-30, 1e-20, 9e-16, 0.0, -1.0, f32::NAN, f32::INFINITY] {
        let adam = Adam { epsilon, ..Adam::DEFAULT };
        assert!(refused(trainer::<Line, MeanSquaredError, Adam, 1>().step(
            &mut line(0.0, 0.0),
            dataset(&x, &t),
            &adam
        )));
        let adam = AdamW { epsilon, ..AdamW::DEFAULT };
        assert!(refused(trainer::<Line, MeanSquaredError, AdamW, 1>().step(
            &mut line(0.0, 0.0),
            dataset(&x, &t),
            &adam
        )));
        if epsilon < 1e-30 {
            let rule = RmsProp { epsilon, ..RmsProp::DEFAULT };
            assert!(refused(trainer::<Line, MeanSquaredError, RmsProp, 1>().step(
                &mut line(0.0, 0.0),
                dataset(&x, &t),
                &rule
            )));
        }
    }
    // With the least ε and every β₂, tiny gradients give no longer steps than other gradients.
    for beta2 in [0.9, 0.999, 0.999_999, 1f32.next_down()] {
        for g in [1e-15, 1e-17, 3e-18, 1e-18, 1e-19, 1e-22] {
            let rule = Adam { epsilon: 1e-15, beta2, ..Adam::DEFAULT };
            let mut net = line(0.0, 0.0);
            let mut trainer = trainer::<Line, MeanSquaredError, Adam, 1>();
            for _ in 0..1000 {
                net.set_weights(&[0.0, net.weights()[1]]).expect("two weights");
                let b = net.weights()[1];
                trainer
                    .step(&mut net, dataset(&[[0.0]], &[[b + g]]), &rule)
                    .expect("a small gradient");
            }
            assert!(net.weights()[1].abs() < 1.1, "β₂ {beta2}, g {g:e}: {}", net.weights()[1]);
        }
    }
}

// ---- schedules and rates

#[test]
fn a_rate_is_finite_whatever_the_schedule() {
    let steps = [0, 1, 99, 1000, 100_000, u32::MAX];
    for lr in [0.0, 1e-38, 0.1, f32::MAX] {
        for rate in [1e-30, 0.5, 1.0, 2.0, 1e30, f32::MAX] {
            for step in steps {
                for staircase in [false, true] {
                    let all = [
                        ExponentialDecay { lr, decay_steps: 1, decay_rate: rate, staircase }
                            .at(step),
                        ExponentialDecay { lr, decay_steps: 7, decay_rate: rate, staircase }
                            .at(step),
                        InverseTimeDecay { lr, decay_steps: 1, decay_rate: rate, staircase }
                            .at(step),
                        StepDecay { lr, drop: rate, every: 3 }.at(step),
                        CosineDecay { lr, decay_steps: 10, alpha: 0.5 }.at(step),
                        WarmUp {
                            start: f32::MAX,
                            steps: 5000,
                            then: StepDecay { lr, drop: rate, every: 3 },
                        }
                        .at(step),
                    ];
                    for got in all {
                        assert!(
                            got.is_finite() && got >= 0.0,
                            "lr {lr:e}, rate {rate:e}, step {step}: {all:?}"
                        );
                    }
                    if lr == 0.0 {
                        assert_eq!(all[..5], [0.0; 5]);
                    }
                }
            }
        }
    }
    let mut pieces = PiecewiseConstant { lr: 1e-40, then: [(1, 0.0), (2, 1.0)] };
    pieces.set_lr(1e10);
    assert!([0, 2, 3].into_iter().all(|step| pieces.at(step).is_finite()), "{pieces:?}");
}

/// A user's schedule that returns invalid rates.
#[derive(Clone, Copy)]
struct Wild(f32);

impl Schedule for Wild {
    fn at(&self, step: u32) -> f32 {
        if step < 2 { 0.1 } else { self.0 }
    }
    fn lr(&self) -> f32 {
        0.1
    }
    fn set_lr(&mut self, _: f32) {}
    fn check(&self) -> rosenblatt::Result<()> {
        Ok(())
    }
}

#[test]
fn a_schedule_that_goes_wrong_ends_the_training_before_a_weight_is_lost() {
    for wild in [f32::NAN, f32::INFINITY, -1.0] {
        let rule = Scheduled { optimizer: Sgd::DEFAULT, schedule: Wild(wild) };
        let mut net = line(0.0, 0.0);
        let fit = Fit { epochs: 5, ..Fit::new(rule) };
        let mut trainer = trainer::<Line, MeanSquaredError, _, 1>();
        let outcome = trainer.fit(&mut net, dataset(&[[1.0]], &[[1.0]]), &fit);
        assert!(matches!(outcome, Err(Error::HyperParameter { .. })), "{outcome:?}");
        assert!(net.weights().iter().all(|w| w.is_finite()));
        assert!(trainer.step(&mut net, dataset(&[[1.0]], &[[1.0]]), &rule).is_err());
    }
}

/// The rates that a training of four one-step epochs reports.
fn rates<O: Optimizer<State<Weights>: ZeroBits>>(rule: O) -> Vec<f32> {
    let mut history = History::<4>::new();
    let fit = Fit { epochs: 4, ..Fit::new(rule) };
    let mut trainer = trainer::<Line, MeanSquaredError, O, 1>();
    trainer
        .fit_with(&mut line(0.0, 0.0), dataset(&[[1.0]], &[[1.0]]), &fit, &mut history)
        .expect("good data");
    history.epochs().iter().map(|epoch| epoch.lr).collect()
}

#[test]
fn an_epoch_reports_the_rate_it_used() {
    let schedule = ExponentialDecay { lr: 0.1, decay_steps: 1, decay_rate: 0.5, staircase: false };
    assert_eq!(rates(Scheduled { optimizer: Sgd::DEFAULT, schedule }), [0.1, 0.05, 0.025, 0.0125]);
    let clipped =
        ClipValue { optimizer: Scheduled { optimizer: Adam::DEFAULT, schedule }, limit: 1.0 };
    assert_eq!(rates(clipped), [0.1, 0.05, 0.025, 0.0125]);
    assert_eq!(rates(Sgd { decay: 1.0, ..Sgd::with_lr(0.5) }), [0.5, 0.25, 0.5 / 3.0, 0.125]);
    assert_eq!(rates(Adam { decay: 1.0, ..Adam::with_lr(0.5) }), [0.5, 0.25, 0.5 / 3.0, 0.125]);
    assert_eq!(rates(RmsProp::with_lr(0.5)), [0.5; 4]);
    let mut log = CsvLog::new(String::new());
    let fit = Fit { epochs: 4, ..Fit::new(Scheduled { optimizer: Sgd::DEFAULT, schedule }) };
    let mut trainer = trainer::<Line, MeanSquaredError, _, 1>();
    trainer
        .fit_with(&mut line(0.0, 0.0), dataset(&[[1.0]], &[[1.0]]), &fit, &mut log)
        .expect("good data");
    let text = log.into_inner();
    let column: Vec<_> =
        text.lines().skip(1).map(|line| line.split(',').nth(2).expect("a rate")).collect();
    assert_eq!(column, ["0.1", "0.05", "0.025", "0.0125"]);
}

// ---- a network that cannot learn is an error

#[test]
fn weights_that_were_never_set_are_named() {
    type Xor = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;
    let (x, t) = (&gates::XOR.x, &gates::XOR.t);
    let mut trainer = trainer::<Xor, BinaryCrossEntropy, Adam, 4>();
    let mut net = Xor::ZERO;
    let never_set = Error::NeverSet { layer: 0, kind: "Dense" };
    let refused = Err(never_set);
    assert_eq!(trainer.step(&mut net, dataset(x, t), &Adam::DEFAULT), refused);
    assert_eq!(
        trainer.fit(&mut net, dataset(x, t), &Fit::new(Adam::DEFAULT)).map(|last| last.loss),
        refused
    );
    assert_eq!(
        never_set.to_string(),
        "all weights of layer 1 (Dense) are 0, and so the network cannot learn; call init, or set \
         them"
    );
    // The last layer's weights may be 0.
    net.initialize(Seed(1));
    net.params_mut().tail = F32Array::ZERO;
    assert!(trainer.step(&mut net, dataset(x, t), &Adam::DEFAULT).is_ok());

    type Deep =
        Mlp<(Flatten<[[f32; 1]; 2], 2>, Gru2, Dense<3, 4>, BatchNorm<[f32; 4]>, Dense<4, 1>)>;
    type Gru2 = Dense<2, 3, Tanh>;
    let mut net = Deep::init(Seed(1));
    net.params_mut().tail.tail.tail.head = F32Array::ZERO;
    let mut trainer = self::trainer::<Deep, MeanSquaredError, Sgd, 2>();
    let outcome = trainer.step(
        &mut net,
        dataset(&[[[0.0], [1.0]], [[1.0], [1.0]]], &[[0.0], [1.0]]),
        &Sgd::DEFAULT,
    );
    assert_eq!(outcome, Err(Error::NeverSet { layer: 3, kind: "BatchNormalization" }));
    // A single layer can learn from zero weights.
    assert!(
        self::trainer::<Line, MeanSquaredError, Sgd, 1>()
            .step(&mut line(0.0, 0.0), dataset(&[[1.0]], &[[1.0]]), &Sgd::DEFAULT)
            .is_ok()
    );
}

// ---- orders

#[test]
fn fits_one_after_the_other_go_on_with_the_orders() {
    let x: Vec<[f32; 1]> = (0..10).map(|i| [i as f32 / 10.0]).collect();
    let t: Vec<[f32; 1]> = x.iter().map(|x| [x[0] * x[0]]).collect();
    let fit = Fit {
        batch: Some(Batch::Stochastic),
        shuffle: Some(Seed(7)),
        ..Fit::new(Adam::with_lr(0.1))
    };
    let run = |fits: usize, epochs: usize| {
        let (mut net, mut trainer) = (line(0.0, 0.0), trainer::<Line, MeanSquaredError, Adam, 1>());
        for _ in 0..fits {
            trainer.fit(&mut net, dataset(&x, &t), &Fit { epochs, ..fit }).expect("good data");
        }
        net.hash()
    };
    assert_eq!(run(6, 1), run(1, 6));
    assert_eq!(run(2, 3), run(1, 6));
    assert_ne!(run(1, 1), run(1, 2));
    // `reset` starts with the first order again.
    let mut trainer = trainer::<Line, MeanSquaredError, Adam, 1>();
    let hashes = [(); 2].map(|()| {
        let mut net = line(0.0, 0.0);
        trainer.reset();
        trainer.fit(&mut net, dataset(&x, &t), &Fit { epochs: 2, ..fit }).expect("good data");
        net.hash()
    });
    assert_eq!(hashes[0], hashes[1]);
    let orders: Vec<Vec<usize>> = (1..4)
        .map(|epoch| (0..10).map(|i| Permutation::new(10, Seed(7), epoch).index(i)).collect())
        .collect();
    assert!(orders[0] != orders[1] && orders[1] != orders[2]);
}
