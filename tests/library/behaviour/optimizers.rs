//! Properties of every optimizer, schedule and clipping.

use super::Xor;
use crate::support::dataset;
use crate::support::{backends, bits, draw};
use rosenblatt::{
    Backend, Error, Result, Rng,
    kernels::{F32Array, dispatch},
    layer::Dense,
    optimizer::{ClipNorm, ClipValue, Optimizer, ZeroState},
    prelude::*,
    schedule::{
        ConstantRate, CosineDecay, ExponentialDecay, InverseTimeDecay, PiecewiseConstant, Schedule,
        Scheduled, StepDecay, WarmUp,
    },
};

/// Several registers of any backend, and a tail.
type Params = [f32; 37];

/// Takes ten steps as a trainer does, and gives the bits of the weights. Some weights have the
/// gradient 0.
fn steps<O: Optimizer>(backend: Backend, rule: O, state: &mut O::State<Params>) -> Vec<u32> {
    let mut rng = Rng::new(Seed(5));
    let mut w: Params = std::array::from_fn(|i| if i == 0 { -0.0 } else { draw(&mut rng, 1.0) });
    for _ in 0..10 {
        let mut dw: Params =
            std::array::from_fn(|i| if i % 9 == 0 { 0.0 } else { draw(&mut rng, 0.1) });
        dispatch!(backend, s => rule.prepare(s, &mut dw));
        dispatch!(backend, s => rule.update(s, state, &mut w, &dw));
    }
    bits(&w)
}

/// The weights after ten steps. They must be the same on every backend, and again after a reset.
#[track_caller]
fn trained<O: Optimizer>(rule: O) -> Vec<u32> {
    rule.check().expect("a good rule");
    let mut first = None;
    for backend in backends() {
        let mut state = O::State::<Params>::ZERO;
        let weights = steps(backend, rule, &mut state);
        assert_eq!(first.get_or_insert_with(|| weights.clone()), &weights, "{backend}");
        state.set_zero();
        assert_eq!(steps(backend, rule, &mut state), weights, "{backend}: after a reset");
    }
    first.expect("the scalar backend at least")
}

const COSINE: CosineDecay = CosineDecay { lr: 0.1, decay_steps: 8, alpha: 0.1 };

/// Each rule must give other weights than all others, and must change the weights.
#[test]
fn every_rule_is_the_same_everywhere_and_begins_anew_after_a_reset() {
    let mut seen = vec![
        trained(Sgd::with_lr(0.1)),
        trained(Momentum::with_lr(0.1)),
        trained(Nesterov::with_lr(0.1)),
        trained(AdaGrad::with_lr(0.1)),
        trained(RmsProp::with_lr(0.1)),
        trained(Adam::with_lr(0.1)),
        trained(AdamW::with_lr(0.1)),
        trained(ClipValue { optimizer: Sgd::with_lr(0.1), limit: 0.02 }),
        trained(ClipNorm { optimizer: Sgd::with_lr(0.1), limit: 0.02 }),
        trained(Scheduled { optimizer: Adam::DEFAULT, schedule: COSINE }),
        trained(Scheduled {
            optimizer: ClipNorm { optimizer: Adam::DEFAULT, limit: 0.02 },
            schedule: WarmUp { start: 0.0, steps: 3, then: COSINE },
        }),
    ];
    let rules = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), rules);
}

#[test]
fn special_cases_are_the_simpler_rules() {
    let sgd = trained(Sgd::with_lr(0.1));
    assert_eq!(trained(Momentum { momentum: 0.0, ..Momentum::with_lr(0.1) }), sgd);
    assert_eq!(trained(Nesterov { momentum: 0.0, ..Nesterov::with_lr(0.1) }), sgd);
    assert_eq!(trained(ClipNorm { optimizer: Sgd::with_lr(0.1), limit: 1e9 }), sgd);
    assert_eq!(trained(ClipValue { optimizer: Sgd::with_lr(0.1), limit: 1e9 }), sgd);
    assert_eq!(
        trained(Scheduled { optimizer: Sgd::DEFAULT, schedule: ConstantRate { lr: 0.1 } }),
        sgd
    );
    assert_eq!(
        trained(AdamW { weight_decay: 0.0, ..AdamW::with_lr(0.1) }),
        trained(Adam::with_lr(0.1))
    );
}

/// `decay` is inverse time decay, for each optimizer that has it.
#[test]
fn decay_is_a_schedule() {
    macro_rules! decays {
        ($($optimizer:ident)*) => {$(
            let plain = trained($optimizer::with_lr(0.1));
            let decaying = trained($optimizer { decay: 0.25, ..$optimizer::with_lr(0.1) });
            let schedule = InverseTimeDecay {
                lr: 0.1,
                decay_steps: 1,
                decay_rate: 0.25,
                staircase: false,
            };
            assert_eq!(
                decaying,
                trained(Scheduled { optimizer: $optimizer::DEFAULT, schedule }),
                stringify!($optimizer)
            );
            assert_ne!(decaying, plain, stringify!($optimizer));
        )*};
    }
    decays!(Sgd Momentum Nesterov AdaGrad RmsProp Adam AdamW);
}

#[test]
fn defaults_are_the_lectures() {
    assert_eq!(Sgd::default(), Sgd { lr: 0.01, decay: 0.0 });
    assert_eq!(Momentum::default(), Momentum { lr: 0.01, momentum: 0.9, decay: 0.0 });
    assert_eq!(Nesterov::default(), Nesterov { lr: 0.01, momentum: 0.9, decay: 0.0 });
    assert_eq!(AdaGrad::default(), AdaGrad { lr: 0.01, epsilon: 1e-8, decay: 0.0 });
    assert_eq!(RmsProp::default(), RmsProp { lr: 0.001, rho: 0.9, epsilon: 1e-8, decay: 0.0 });
    let AdamW { lr, beta1, beta2, epsilon, weight_decay, decay } = AdamW::default();
    assert_eq!(
        (lr, beta1, beta2, epsilon, weight_decay, decay),
        (0.001, 0.9, 0.999, 1e-8, 0.004, 0.0)
    );
}

/// The name in the error for an invalid rule.
#[track_caller]
fn refused<O: Optimizer>(rule: O) -> &'static str {
    match rule.check() {
        Err(Error::HyperParameter { name, .. }) => name,
        other => panic!("{other:?}"),
    }
}

#[test]
fn bad_hyper_parameters_are_named() {
    for bad in [-1.0, f32::NAN, f32::INFINITY] {
        assert_eq!(refused(Momentum { lr: bad, ..Momentum::DEFAULT }), "lr");
        assert_eq!(refused(Momentum { momentum: bad, ..Momentum::DEFAULT }), "momentum");
        assert_eq!(refused(Nesterov { decay: bad, ..Nesterov::DEFAULT }), "decay");
        assert_eq!(refused(AdaGrad { epsilon: bad, ..AdaGrad::DEFAULT }), "epsilon");
        assert_eq!(refused(RmsProp { rho: bad, ..RmsProp::DEFAULT }), "rho");
        assert_eq!(refused(AdamW { weight_decay: bad, ..AdamW::DEFAULT }), "weight_decay");
        assert_eq!(refused(AdamW { beta2: bad, ..AdamW::DEFAULT }), "beta2");
        assert_eq!(refused(ClipValue { optimizer: Sgd::DEFAULT, limit: bad }), "limit");
        assert_eq!(refused(ClipNorm { optimizer: Sgd::DEFAULT, limit: bad }), "limit");
        assert_eq!(refused(ClipNorm { optimizer: Sgd::with_lr(bad), limit: 1.0 }), "lr");
        assert_eq!(
            refused(Scheduled { optimizer: Sgd::DEFAULT, schedule: ConstantRate { lr: bad } }),
            "lr"
        );
    }
    assert_eq!(refused(Momentum { momentum: 1.0, ..Momentum::DEFAULT }), "momentum");
    assert_eq!(refused(RmsProp { epsilon: 0.0, ..RmsProp::DEFAULT }), "epsilon");
    assert_eq!(refused(ClipNorm { optimizer: Sgd::DEFAULT, limit: 0.0 }), "limit");
}

#[test]
fn bad_schedules_are_named() {
    let name = |outcome: Result<()>| match outcome {
        Err(Error::HyperParameter { name, .. }) => name,
        other => panic!("{other:?}"),
    };
    let exponential =
        ExponentialDecay { lr: 0.1, decay_steps: 10, decay_rate: 0.5, staircase: false };
    let inverse = InverseTimeDecay { lr: 0.1, decay_steps: 10, decay_rate: 0.5, staircase: false };
    assert_eq!(name(ExponentialDecay { decay_steps: 0, ..exponential }.check()), "decay_steps");
    assert_eq!(name(ExponentialDecay { decay_rate: 0.0, ..exponential }.check()), "decay_rate");
    assert_eq!(name(InverseTimeDecay { decay_steps: 0, ..inverse }.check()), "decay_steps");
    assert_eq!(name(InverseTimeDecay { decay_rate: -0.5, ..inverse }.check()), "decay_rate");
    assert_eq!(name(StepDecay { lr: 0.1, drop: 0.5, every: 0 }.check()), "every");
    assert_eq!(name(StepDecay { lr: 0.1, drop: -0.5, every: 1 }.check()), "drop");
    assert_eq!(name(CosineDecay { alpha: 1.5, ..COSINE }.check()), "alpha");
    assert_eq!(name(CosineDecay { decay_steps: 0, ..COSINE }.check()), "decay_steps");
    assert_eq!(name(WarmUp { start: f32::NAN, steps: 3, then: COSINE }.check()), "start");
    assert_eq!(
        name(WarmUp { start: 0.0, steps: 3, then: CosineDecay { lr: -1.0, ..COSINE } }.check()),
        "lr"
    );
    assert_eq!(
        name(PiecewiseConstant { lr: 0.1, then: [(20, 0.01), (20, 0.001)] }.check()),
        "boundary"
    );
    let error = CosineDecay { decay_steps: 0, ..COSINE }.check().expect_err("no steps");
    assert_eq!(error.to_string(), "decay_steps is 0; a number of at least 1 is expected");
}

/// A power of thousands of factors is accurate to all its digits.
#[test]
fn exponential_decay_keeps_its_digits() {
    for decay_rate in [0.5f32, 0.9, 0.96, 0.999, 0.999_9, 1e-3, 1.0, 1.001, 1.5] {
        for decay_steps in [1, 7, 1000] {
            for staircase in [false, true] {
                let schedule = ExponentialDecay { lr: 1.0, decay_steps, decay_rate, staircase };
                for step in (0..5000).step_by(13) {
                    let q = f64::from(step) / f64::from(decay_steps);
                    let exact = f64::from(decay_rate).powf(if staircase { q.floor() } else { q });
                    let got = f64::from(schedule.at(step));
                    if exact >= 2f64.powi(100) {
                        assert!(got == f64::from(f32::MAX) || (got / exact - 1.0).abs() < 1e-6);
                    } else if exact > 1e-37 {
                        // The rest of the exponent needs a logarithm, which is rounded.
                        let bound = 2e-7 + 1e-7 * f64::from(decay_rate).ln().abs();
                        assert!(
                            (got / exact - 1.0).abs() < bound,
                            "{decay_rate}^({step}/{decay_steps}): {got}, not {exact}"
                        );
                    } else {
                        assert!(got < 2e-37);
                    }
                }
            }
        }
    }
    let halves = ExponentialDecay { lr: 1.0, decay_steps: 1, decay_rate: 0.5, staircase: false };
    assert_eq!(halves.at(20), 2f32.powi(-20));
    assert_eq!(halves.at(u32::MAX), 0.0);
}

#[test]
fn schedules_at_their_ends() {
    let half = CosineDecay { lr: 1.0, decay_steps: 8, alpha: 0.25 };
    assert_eq!([0, 4, 8, 9, u32::MAX].map(|step| half.at(step)), [1.0, 0.625, 0.25, 0.25, 0.25]);
    let whole = CosineDecay { alpha: 0.0, ..half };
    assert_eq!([0, 8, 100].map(|step| whole.at(step)), [1.0, 0.0, 0.0]);
    let warm = WarmUp { start: 0.5, steps: 4, then: half };
    assert_eq!([0, 2, 4, 8, 12].map(|step| warm.at(step)), [0.5, 0.75, 1.0, 0.625, 0.25]);
    assert_eq!(WarmUp { start: 0.5, steps: 0, then: half }.at(0), 1.0);
    let stairs = InverseTimeDecay { lr: 1.0, decay_steps: 10, decay_rate: 1.0, staircase: true };
    assert_eq!([0, 9, 10, 29, 30].map(|step| stairs.at(step)), [1.0, 1.0, 0.5, 1.0 / 3.0, 0.25]);
}

#[test]
fn learning_rates_can_be_set_through_every_wrapper() {
    let mut rule = ClipNorm {
        optimizer: Scheduled { optimizer: Adam::DEFAULT, schedule: COSINE },
        limit: 1.0,
    };
    assert_eq!(rule.lr(), 0.1);
    rule.set_lr(0.05);
    assert_eq!((rule.lr(), rule.optimizer.schedule.at(8)), (0.05, 0.05 * 0.1));
    let mut rule = ClipValue { optimizer: RmsProp::DEFAULT, limit: 1.0 };
    rule.set_lr(0.5);
    assert_eq!((rule.lr(), rule.optimizer.lr), (0.5, 0.5));
    let mut pieces = PiecewiseConstant { lr: 0.4, then: [(10, 0.2), (20, 0.1)] };
    pieces.set_lr(0.2);
    assert_eq!([0, 10, 11, 21].map(|step| pieces.at(step)), [0.2, 0.2, 0.1, 0.05]);
    let mut warm = WarmUp { start: 0.0, steps: 4, then: COSINE };
    warm.set_lr(0.2);
    assert_eq!((warm.lr(), warm.at(2), warm.at(4)), (0.2, 0.1, 0.2));
}

/// The gradient that a step uses, and the weights after it.
fn gradient<O: Optimizer>(backend: Backend, rule: O, t: f32) -> Result<([f32; 3], [f32; 3])> {
    type Plane = Mlp<(Dense<2, 1>,)>;
    let mut net = Plane::ZERO;
    let mut trainer = Trainer::<Plane, MeanSquaredError, O, 1>::ZERO;
    trainer.on(backend).step(&mut net, dataset(&[[0.5, -0.25]], &[[t]]), &rule)?;
    let three = |values: &[f32]| values.try_into().expect("three");
    Ok((three(trainer.gradient().as_flat()), three(net.weights())))
}

#[test]
fn clipping_keeps_a_gradient_within_bounds() {
    for backend in backends() {
        // −2t·(x, 1)
        let (plain, _) = gradient(backend, Sgd::with_lr(1.0), 4.0).expect("a step");
        assert_eq!(plain, [-4.0, 2.0, -8.0]);
        let (values, w) =
            gradient(backend, ClipValue { optimizer: Sgd::with_lr(1.0), limit: 3.0 }, 4.0)
                .expect("a step");
        assert_eq!((values, w), ([-3.0, 2.0, -3.0], [3.0, -2.0, 3.0]));
        let norm = 84f32.sqrt();
        let rule = ClipNorm { optimizer: Sgd::with_lr(1.0), limit: 1.0 };
        let (clipped, w) = gradient(backend, rule, 4.0).expect("a step");
        for ((clipped, w), plain) in clipped.iter().zip(w).zip(plain) {
            assert!((clipped - plain / norm).abs() < 1e-6 && w == -clipped, "{clipped}");
        }
        // The outer wrapper clips first.
        let both = ClipValue { optimizer: rule, limit: 2.0 };
        let (clipped, _) = gradient(backend, both, 4.0).expect("a step");
        assert!(
            clipped.iter().zip([-2.0, 2.0, -2.0]).all(|(g, c)| (g - c / 12f32.sqrt()).abs() < 1e-6),
            "{clipped:?}"
        );
    }
}

/// A finite gradient whose squares overflow. In Keras the norm is ∞ and the weights become NaN.
/// Here the step has the limit's length.
#[test]
fn clipping_survives_squares_that_overflow() {
    for backend in backends() {
        // The loss for t = 9e18 is 8e37. The gradient's squares would sum to more than f32::MAX.
        let t = 9e18;
        let (plain, _) = gradient(backend, Sgd::with_lr(1e-20), t).expect("a step");
        assert!(plain.iter().map(|g| g * g).sum::<f32>().is_infinite());
        for limit in [1.0, 1e-20, 1e10] {
            let (clipped, w) =
                gradient(backend, ClipNorm { optimizer: Sgd::with_lr(1.0), limit }, t)
                    .expect("a step");
            let norm = clipped.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
            assert!((norm / f64::from(limit) - 1.0).abs() < 1e-6, "{backend}: {norm}");
            assert_eq!(w, clipped.map(|g| -g));
        }
        // A gradient of zeros stays unchanged.
        let (clipped, _) = gradient(backend, ClipNorm { optimizer: Sgd::DEFAULT, limit: 1.0 }, 0.0)
            .expect("a step");
        assert_eq!(clipped, [0.0; 3]);
    }
}

/// In a trainer, the step after a reset is the schedule's first again. A step that fails is not
/// counted.
#[test]
fn the_trainer_counts_the_steps() {
    type Rule = Scheduled<ClipNorm<Adam>, PiecewiseConstant<1>>;
    let rule = Rule {
        optimizer: ClipNorm { optimizer: Adam::DEFAULT, limit: 0.01 },
        schedule: PiecewiseConstant { lr: 0.5, then: [(0, 0.0)] },
    };
    let start = Xor::init(Seed(1));
    let mut trainer = Trainer::<Xor, BinaryCrossEntropy, Rule, 4>::ZERO;
    for _ in 0..2 {
        let mut net = start.clone();
        let bad = trainer.step(&mut net, dataset(&[[f32::NAN, 0.0]], &[[1.0]]), &rule);
        assert!(matches!(bad, Err(Error::Input { sample: 0, column: 0, .. })));
        trainer.step(&mut net, &gates::XOR, &rule).expect("a good step");
        let once = net.hash();
        assert_ne!(once, start.hash(), "the first good step has the first rate");
        trainer.step(&mut net, &gates::XOR, &rule).expect("a good step");
        assert_eq!(net.hash(), once, "the second has a rate of 0");
        let bad = Rule { schedule: PiecewiseConstant { lr: -1.0, ..rule.schedule }, ..rule };
        assert!(matches!(
            trainer.step(&mut net, &gates::XOR, &bad),
            Err(Error::HyperParameter { name: "lr", .. })
        ));
        trainer.reset();
    }
}
