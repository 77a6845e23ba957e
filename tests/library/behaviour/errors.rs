//! Bad data and bad settings. The error must be the right one and name what was wrong and what was
//! expected. Nothing may change.

use super::{Line, Listener, Ten, Xor};
use crate::support::dataset;
use crate::support::{backends, bits};
use rosenblatt::{
    Backend, Error, Result,
    error::Quantity,
    kernels::F32Array,
    layer::{Layer, Trainable},
    loss::Loss,
    metrics::ConfusionMatrix,
    optimizer::Optimizer,
    prelude::*,
    sequential::Model,
    train::Batch,
};
use std::ops::ControlFlow;

type InputOf<N> = <<N as Model>::Layers as Layer>::Input;
type TargetOf<N, L> = <L as Loss<
    <<N as Model>::Layers as Layer>::OutputActivation,
    <<N as Model>::Layers as Layer>::Output,
>>::Target;
/// Samples and their targets.
type Data<'a, N, L> = (&'a [InputOf<N>], &'a [TargetOf<N, L>]);
/// A call that must fail.
type Bad<'a, N, L, const B: usize> =
    &'a mut dyn FnMut(Backend, &mut Trainer<N, L, Adam, B>, &mut N) -> Result<()>;

const ADAM: Adam = Adam::with_lr(0.01);
const CAPACITY: usize = 4;

/// Fails unless `bad`, called between two good steps, returns the error and leaves weights and
/// optimizer as if it had not been called.
#[track_caller]
fn refused<N, L>(
    start: &N,
    good: Data<'_, N, L>,
    bad: Bad<'_, N, L, CAPACITY>,
    error: &Error,
    message: &str,
) where
    N: Model<Layers: Trainable> + Clone,
    L: Loss<<N::Layers as Layer>::OutputActivation, <N::Layers as Layer>::Output>,
{
    let (x, t) = good;
    for backend in backends() {
        let (mut net, mut twin) = (start.clone(), start.clone());
        let mut trainer = Box::new(Trainer::<N, L, Adam, CAPACITY>::ZERO);
        let mut twins = Box::new(Trainer::<N, L, Adam, CAPACITY>::ZERO);
        trainer.on(backend).step(&mut net, dataset(x, t), &ADAM).expect("a good step");
        twins.on(backend).step(&mut twin, dataset(x, t), &ADAM).expect("a good step");
        assert_ne!(
            bits(net.params().as_flat()),
            bits(start.params().as_flat()),
            "the good step changes weights"
        );

        let got = bad(backend, &mut trainer, &mut net).expect_err("something bad");
        // Compared as text, because a NaN in the error equals nothing.
        assert_eq!(format!("{got:?}"), format!("{error:?}"), "on {backend}");
        assert_eq!(got.to_string(), message);
        assert_eq!(
            bits(net.params().as_flat()),
            bits(twin.params().as_flat()),
            "weights changed: {message}"
        );

        let loss = trainer.on(backend).step(&mut net, dataset(x, t), &ADAM).expect("a good step");
        let same = twins.on(backend).step(&mut twin, dataset(x, t), &ADAM).expect("a good step");
        assert_eq!(loss.to_bits(), same.to_bits(), "the next loss changed: {message}");
        assert_eq!(
            bits(net.params().as_flat()),
            bits(twin.params().as_flat()),
            "the optimizer changed: {message}"
        );
    }
}

/// [`refused`] for each function that checks data.
#[track_caller]
fn refused_everywhere<N, L>(
    start: &N,
    good: Data<'_, N, L>,
    (x, t): Data<'_, N, L>,
    error: &Error,
    message: &str,
) where
    N: Model<Layers: Trainable> + Clone,
    L: Loss<<N::Layers as Layer>::OutputActivation, <N::Layers as Layer>::Output>,
{
    let step: Bad<'_, N, L, 4> = &mut |backend, trainer, net| {
        trainer.on(backend).step(net, dataset(x, t), &ADAM).map(|_| ())
    };
    refused::<N, L>(start, good, step, error, message);
    let fit: Bad<'_, N, L, 4> = &mut |backend, trainer, net| {
        let mut unheard: Listener<'_> = OnEpoch(&mut |_| panic!("an epoch was trained"));
        trainer
            .fit_with(
                net,
                dataset(x, t),
                &Fit { backend: Some(backend), ..Fit::new(ADAM) },
                &mut unheard,
            )
            .map(|_| ())
    };
    refused::<N, L>(start, good, fit, error, message);
    let evaluate: Bad<'_, N, L, 4> =
        &mut |backend, trainer, net| trainer.on(backend).evaluate(net, dataset(x, t)).map(|_| ());
    refused::<N, L>(start, good, evaluate, error, message);
    let confusion: Bad<'_, N, L, 4> =
        &mut |_, trainer, net| trainer.confusion::<10>(net, dataset(x, t)).map(|_| ());
    refused::<N, L>(start, good, confusion, error, message);
}

fn ten() -> Ten {
    Ten::init(Seed(10))
}

fn xor() -> Xor {
    Xor::init(Seed(1957))
}

/// Both weights are equal, and stay equal as long as both inputs are.
fn line() -> Line {
    let mut net = Line::ZERO;
    net.set_weights(&[0.5, 0.5, 0.0]).expect("three");
    net
}

const X3: [[f32; 3]; 4] = [[0.1, 0.2, 0.3], [-0.5, 0.0, 1.0], [1.0, -1.0, 0.5], [0.0, 0.7, -0.2]];
const CLASSES: [u8; 4] = [0, 9, 3, 3];

fn one_hot() -> [[f32; 10]; 4] {
    CLASSES.map(|class| std::array::from_fn(|i| f32::from(u8::from(i == usize::from(class)))))
}

#[test]
fn classes_that_there_are_not() {
    type Bytes = SparseCategoricalCrossEntropy<u8>;
    type Wide = SparseCategoricalCrossEntropy<u64>;
    for class in [10, 11, 255] {
        let error = Error::Class { sample: 2, class: class.into(), classes: 10 };
        let message = format!("row 3 (counted from 1) has class {class}; classes are 0 to 9");
        let t = [0, 1, class, 99];
        refused_everywhere::<Ten, Bytes>(&ten(), (&X3, &CLASSES), (&X3, &t), &error, &message);
    }
    let mut wide = Trainer::<Ten, Wide, Adam, CAPACITY>::ZERO;
    assert!(wide.evaluate(&ten(), dataset(&X3, &CLASSES.map(u64::from))).is_ok());
    let error = wide.evaluate(&ten(), dataset(&X3[..1], &[u64::MAX])).expect_err("ten classes");
    assert_eq!(error, Error::Class { sample: 0, class: usize::MAX, classes: 10 });
}

#[test]
fn targets_that_are_no_probabilities() {
    let values = [
        (1.5, "1.5"),
        (-0.1, "-0.1"),
        (f32::NAN, "NaN"),
        (f32::INFINITY, "inf"),
        (1.0f32.next_up(), "1.0000001"),
    ];
    for (value, text) in values {
        let mut t = one_hot();
        t[3][7] = value;
        let error = Error::Probability { sample: 3, output: 7, value };
        let message = format!(
            "row 4, column 8 of the targets (counted from 1) is {text}; a probability in [0, 1] is \
             expected"
        );
        refused_everywhere::<Ten, CategoricalCrossEntropy>(
            &ten(),
            (&X3, &one_hot()),
            (&X3, &t),
            &error,
            &message,
        );

        let gate = gates::XOR;
        let t = [[0.0], [value], [f32::NAN], [1.0]];
        let error = Error::Probability { sample: 1, output: 0, value };
        let message = format!(
            "row 2, column 1 of the targets (counted from 1) is {text}; a probability in [0, 1] is \
             expected"
        );
        refused_everywhere::<Xor, BinaryCrossEntropy>(
            &xor(),
            (&gate.x, &gate.t),
            (&gate.x, &t),
            &error,
            &message,
        );
    }
}

#[test]
fn one_hot_targets_that_do_not_sum_to_one() {
    for (value, sum) in [(0.5, 0.5), (0.0, 0.0)] {
        let mut t = one_hot();
        t[1][9] = value;
        let error = Error::OneHot { sample: 1, sum };
        let message = format!(
            "row 2 of the one-hot targets (counted from 1) sums to {sum}; it must sum to 1"
        );
        refused_everywhere::<Ten, CategoricalCrossEntropy>(
            &ten(),
            (&X3, &one_hot()),
            (&X3, &t),
            &error,
            &message,
        );
    }
    let mut t = one_hot();
    t[0][5] = 1.0;
    let error = Error::OneHot { sample: 0, sum: 2.0 };
    let message = "row 1 of the one-hot targets (counted from 1) sums to 2; it must sum to 1";
    refused_everywhere::<Ten, CategoricalCrossEntropy>(
        &ten(),
        (&X3, &one_hot()),
        (&X3, &t),
        &error,
        message,
    );

    // Targets whose sum is 1 only within rounding are valid, and so are the ends of the range.
    let mut third = [[0.0; 10]; 1];
    third[0][..3].fill(1.0 / 3.0);
    Trainer::<Ten, CategoricalCrossEntropy, Sgd, 1>::default()
        .step(&mut ten(), dataset(&X3[..1], &third), &Sgd::DEFAULT)
        .expect("a good target");
}

#[test]
fn no_samples_and_other_lengths() {
    type Bytes = SparseCategoricalCrossEntropy<u8>;
    let good = (&X3[..], &CLASSES[..]);
    let message = "no samples; at least one is needed";
    refused_everywhere::<Ten, Bytes>(&ten(), good, (&[], &[]), &Error::Empty, message);
    for (inputs, targets) in [(4, 3), (3, 4), (0, 1), (1, 0)] {
        let error = Error::Lengths { inputs, targets };
        let message =
            format!("{inputs} inputs, but {targets} targets or outputs; as many are needed");
        let found = Dataset::new(&X3[..inputs], &CLASSES[..targets]).expect_err("other lengths");
        assert_eq!((found, found.to_string()), (error, message));
    }
}

#[test]
fn batches_over_the_capacity() {
    type Bytes = SparseCategoricalCrossEntropy<u8>;
    let (x, t) = ([X3; 2].concat(), [CLASSES; 2].concat());
    let good = (&X3[..], &CLASSES[..]);
    let too_large = |batch| Error::BatchTooLarge { batch, capacity: CAPACITY };
    let message = |batch| format!("a mini-batch of {batch} samples; the trainer holds 4");

    let step: Bad<'_, Ten, Bytes, 4> = &mut |backend, trainer, net| {
        trainer.on(backend).step(net, dataset(&x[..5], &t[..5]), &ADAM).map(|_| ())
    };
    refused(&ten(), good, step, &too_large(5), &message(5));
    let predict: Bad<'_, Ten, Bytes, 4> =
        &mut |_, trainer, net| trainer.predict_batch(net, &x).map(|_| ());
    refused(&ten(), good, predict, &too_large(8), &message(8));

    let cases = [
        (Batch::Full, too_large(8), message(8)),
        (Batch::Mini(5), too_large(5), message(5)),
        (Batch::Mini(usize::MAX), too_large(usize::MAX), message(usize::MAX)),
        (
            Batch::Mini(0),
            Error::BatchOfZero,
            "a mini-batch of 0 samples; at least 1 is needed".to_owned(),
        ),
    ];
    for (batch, error, message) in cases {
        let fit: Bad<'_, Ten, Bytes, 4> = &mut |backend, trainer, net| {
            let fit = Fit { batch: Some(batch), backend: Some(backend), ..Fit::new(ADAM) };
            let mut listener: Listener<'_> = OnEpoch(&mut |_| ControlFlow::Continue(()));
            trainer.fit_with(net, dataset(&x, &t), &fit, &mut listener).map(|_| ())
        };
        refused(&ten(), good, fit, &error, &message);
    }

    // Valid: any number of samples in mini-batches that fit, and a full batch that fits.
    let mut trainer = Trainer::<Ten, Bytes, Adam, CAPACITY>::ZERO;
    for (n, batch) in [
        (8, None),
        (8, Some(Batch::Mini(3))),
        (8, Some(Batch::Stochastic)),
        (4, Some(Batch::Full)),
        (1, None),
    ] {
        let mut listener: Listener<'_> = OnEpoch(&mut |_| ControlFlow::Continue(()));
        trainer
            .fit_with(
                &mut ten(),
                dataset(&x[..n], &t[..n]),
                &Fit { batch, ..Fit::new(ADAM) },
                &mut listener,
            )
            .expect("good data");
    }
}

#[test]
fn hyper_parameters_out_of_range() {
    const LEAST: &str = "a finite number of at least 0";
    const BELOW_ONE: &str = "a number in [0, 1)";
    let bad = [
        (Adam { lr: f32::NAN, ..ADAM }, "lr", f32::NAN, LEAST),
        (Adam { lr: -0.1, ..ADAM }, "lr", -0.1, LEAST),
        (Adam { lr: f32::INFINITY, ..ADAM }, "lr", f32::INFINITY, LEAST),
        (Adam { beta1: 1.0, ..ADAM }, "beta1", 1.0, BELOW_ONE),
        (Adam { beta1: -0.5, ..ADAM }, "beta1", -0.5, BELOW_ONE),
        (Adam { beta2: 1.0, ..ADAM }, "beta2", 1.0, BELOW_ONE),
        (Adam { beta2: f32::NAN, ..ADAM }, "beta2", f32::NAN, BELOW_ONE),
        (Adam { epsilon: 0.0, ..ADAM }, "epsilon", 0.0, "a finite number of at least 1e-15"),
        (
            Adam { epsilon: f32::NAN, ..ADAM },
            "epsilon",
            f32::NAN,
            "a finite number of at least 1e-15",
        ),
        (Adam { decay: -1.0, ..ADAM }, "decay", -1.0, LEAST),
        (Adam { decay: f32::INFINITY, ..ADAM }, "decay", f32::INFINITY, LEAST),
    ];
    let gate = gates::XOR;
    let good = (&gate.x[..], &gate.t[..]);
    for (adam, name, value, expected) in bad {
        let error = Error::HyperParameter { name, value, expected };
        let message = format!("{name} is {value}; {expected} is expected");
        let step: Bad<'_, Xor, BinaryCrossEntropy, 4> = &mut |backend, trainer, net| {
            trainer.on(backend).step(net, dataset(good.0, good.1), &adam).map(|_| ())
        };
        refused(&xor(), good, step, &error, &message);
        let fit: Bad<'_, Xor, BinaryCrossEntropy, 4> = &mut |backend, trainer, net| {
            let mut unheard: Listener<'_> = OnEpoch(&mut |_| panic!("an epoch was trained"));
            trainer
                .fit_with(
                    net,
                    dataset(good.0, good.1),
                    &Fit { backend: Some(backend), ..Fit::new(adam) },
                    &mut unheard,
                )
                .map(|_| ())
        };
        refused(&xor(), good, fit, &error, &message);
    }
    for (sgd, name) in [
        (Sgd { lr: f32::NAN, ..Sgd::DEFAULT }, "lr"),
        (Sgd { lr: -1.0, ..Sgd::DEFAULT }, "lr"),
        (Sgd { decay: f32::NAN, ..Sgd::DEFAULT }, "decay"),
    ] {
        assert!(sgd.check().expect_err("bad").to_string().starts_with(name));
    }
    // Values at the limits of their ranges.
    Adam { lr: 0.0, beta1: 0.0, beta2: 0.0, epsilon: 1e-15, decay: 0.0 }.check().expect("in range");
    Sgd { lr: 0.0, decay: 0.0 }.check().expect("in range");
}

const LOSS: Error = Error::NotFinite { what: Quantity::Loss, epoch: 0, step: 0 };
const GRADIENT: Error = Error::NotFinite { what: Quantity::Gradient, epoch: 0, step: 0 };

/// The same samples with one value changed.
fn with<const I: usize, const N: usize>(
    mut x: [[f32; I]; N],
    sample: usize,
    value: f32,
) -> [[f32; I]; N] {
    x[sample][0] = value;
    x
}

#[test]
fn samples_that_are_not_finite() {
    type Bytes = SparseCategoricalCrossEntropy<u8>;
    let good = (&X3[..], &CLASSES[..]);
    // A NaN reaches the loss. An infinity passes tanh as ±1, and first shows in the gradient.
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for sample in [0, 3] {
            let x = with(X3, sample, value);
            let named =
                |sample| Error::Input { sample, column: 0, value, expected: "a finite number" };
            let text = |sample: usize| {
                let row = sample + 1;
                format!(
                    "row {row}, column 1 of the inputs (counted from 1) is {value}; a finite \
                     number is expected"
                )
            };
            let (error, message) = (named(sample), text(sample));
            let step: Bad<'_, Ten, Bytes, 4> = &mut |backend, trainer, net| {
                trainer.on(backend).step(net, dataset(&x, &CLASSES), &ADAM).map(|_| ())
            };
            refused(&ten(), good, step, &error, &message);
            // Found before the first step.
            let fit: Bad<'_, Ten, Bytes, 4> = &mut |backend, trainer, net| {
                let fit = Fit {
                    backend: Some(backend),
                    batch: Some(Batch::Stochastic),
                    ..Fit::new(ADAM)
                };
                trainer.fit(net, dataset(&x, &CLASSES), &fit).map(|_| ())
            };
            refused(&ten(), good, fit, &error, &message);
            if value.is_nan() {
                let evaluate: Bad<'_, Ten, Bytes, 4> = &mut |backend, trainer, net| {
                    trainer.on(backend).evaluate(net, dataset(&x, &CLASSES)).map(|_| ())
                };
                refused(&ten(), good, evaluate, &error, &message);
                let confusion: Bad<'_, Ten, Bytes, 4> = &mut |_, trainer, net| {
                    trainer.confusion::<10>(net, dataset(&x, &CLASSES)).map(|_| ())
                };
                refused(&ten(), good, confusion, &error, &message);
            }
            // A smaller batch takes another code path.
            let step: Bad<'_, Ten, Bytes, 4> = &mut |backend, trainer, net| {
                trainer
                    .on(backend)
                    .step(net, dataset(&x[sample..=sample], &CLASSES[..1]), &ADAM)
                    .map(|_| ())
            };
            refused(&ten(), good, step, &named(0), &text(0));
        }
    }
}

#[test]
fn losses_and_gradients_that_overflow() {
    let good: Data<'_, Line, MeanSquaredError> = (&[[1.0, 1.0], [-2.0, -2.0]], &[[1.0], [0.5]]);
    let cases: [([f32; 2], f32, Error, &str); 2] = [
        // An output of 1e25 is finite, its square is not.
        ([1e25, 1e25], 0.0, LOSS, "loss"),
        // The output is 0 and the loss 4, but a weight's gradient −4·3e38 overflows f32.
        ([3e38, -3e38], 2.0, GRADIENT, "gradient"),
    ];
    for (x, t, error, what) in cases {
        let step: Bad<'_, Line, MeanSquaredError, 4> = &mut |backend, trainer, net| {
            trainer.on(backend).step(net, dataset(&[x], &[[t]]), &ADAM).map(|_| ())
        };
        refused(
            &line(),
            good,
            step,
            &error,
            &format!("the {what} is not finite; no weight was changed by this step"),
        );
    }
}

#[test]
fn targets_that_are_not_finite() {
    let good: Data<'_, Line, MeanSquaredError> = (&[[1.0, 1.0], [-2.0, -2.0]], &[[1.0], [0.5]]);
    for value in [f32::NAN, f32::INFINITY] {
        let error = Error::Target { sample: 1, output: 0, value, expected: "a finite number" };
        let message = format!(
            "row 2, column 1 of the targets (counted from 1) is {value}; a finite number is \
             expected"
        );
        let bad: Data<'_, Line, MeanSquaredError> =
            (&[[1.0, 1.0], [-2.0, -2.0]], &[[1.0], [value]]);
        refused_everywhere::<Line, MeanSquaredError>(&line(), good, bad, &error, &message);
    }
}

/// `fit` ends at the bad step and names it. The weights and the optimizer are those after the last
/// good step.
#[test]
fn fit_ends_at_the_step_that_fails() {
    // Seven samples in steps of two. The last step of an epoch has one sample, the bad one.
    let x: [[f32; 2]; 7] = std::array::from_fn(|i| [i as f32 / 4.0, 1.0 - i as f32 / 8.0]);
    let t = x.map(|x| [x[0] - x[1]]);
    let gradient: ([f32; 2], f32) = ([3e38, -3e38], 2.0);
    for ((value, target), what, text) in
        [(([1e25, 1e25], 0.0), Quantity::Loss, "loss"), (gradient, Quantity::Gradient, "gradient")]
    {
        let (mut x, mut t) = (x, t);
        (x[6], t[6]) = (value, [target]);
        // A step moves the two weights apart by at most lr. With lr 0 they stay equal, and the bad
        // sample's output stays 0.
        let adam = if what == Quantity::Gradient { Adam::with_lr(0.0) } else { ADAM };
        for backend in backends() {
            let (mut net, mut twin) = (line(), line());
            let mut trainer = Trainer::<Line, MeanSquaredError, Adam, CAPACITY>::ZERO;
            let mut twins = Trainer::<Line, MeanSquaredError, Adam, CAPACITY>::ZERO;
            let mut heard = 0;
            let mut observer: Listener<'_> = OnEpoch(&mut |_| {
                heard += 1;
                ControlFlow::Continue(())
            });
            let fit = Fit {
                epochs: 3,
                batch: Some(Batch::Mini(2)),
                backend: Some(backend),
                ..Fit::new(adam)
            };
            let error = trainer
                .fit_with(&mut net, dataset(&x, &t), &fit, &mut observer)
                .expect_err("a bad sample");
            assert_eq!(error, Error::NotFinite { what, epoch: 1, step: 4 });
            let message = format!(
                "the {text} is not finite at epoch 1, step 4; no weight was changed by this step"
            );
            assert_eq!(error.to_string(), message);
            assert_eq!(heard, 0, "an epoch that did not end was reported");

            for (x, t) in x[..6].chunks(2).zip(t.chunks(2)) {
                twins.on(backend).step(&mut twin, dataset(x, t), &adam).expect("a good step");
            }
            assert_eq!(
                bits(net.weights()),
                bits(twin.weights()),
                "weights are not those after the last good step"
            );
            trainer
                .on(backend)
                .step(&mut net, dataset(&x[..3], &t[..3]), &ADAM)
                .expect("a good step");
            twins
                .on(backend)
                .step(&mut twin, dataset(&x[..3], &t[..3]), &ADAM)
                .expect("a good step");
            assert_eq!(
                bits(net.weights()),
                bits(twin.weights()),
                "the optimizer is not that after the last good step"
            );
        }
    }
}

/// The learning rate is too high. The weights grow until the loss of a later epoch is not finite.
#[test]
fn divergence_is_named_with_epoch_and_step() {
    let x: [[f32; 2]; 6] = std::array::from_fn(|i| [1.0 + i as f32, 2.0]);
    let t = x.map(|x| [x[0]]);
    let sgd = Sgd::with_lr(0.5);
    let mut outcomes = Vec::new();
    for backend in backends() {
        let (mut net, mut twin) = (line(), line());
        let fit = Fit {
            epochs: 1000,
            batch: Some(Batch::Mini(2)),
            backend: Some(backend),
            ..Fit::new(sgd)
        };
        let error = Trainer::<Line, MeanSquaredError, Sgd, 2>::default()
            .fit(&mut net, dataset(&x, &t), &fit)
            .expect_err("divergence");
        let Error::NotFinite { epoch, step, .. } = error else { panic!("{error}") };
        assert!(epoch > 1, "{error}");

        let mut trainer = Trainer::<Line, MeanSquaredError, Sgd, 2>::ZERO;
        for _ in 1..epoch {
            x.chunks(2).zip(t.chunks(2)).for_each(|(x, t)| {
                trainer.on(backend).step(&mut twin, dataset(x, t), &sgd).expect("a good step");
            });
        }
        x.chunks(2).zip(t.chunks(2)).take(step - 1).for_each(|(x, t)| {
            trainer.on(backend).step(&mut twin, dataset(x, t), &sgd).expect("a good step");
        });
        assert!(net.weights().iter().all(|w| w.is_finite()));
        assert_eq!(bits(net.weights()), bits(twin.weights()));
        outcomes.push((format!("{error:?}"), net.hash()));
    }
    assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "{outcomes:?}");
}

#[test]
fn weights_of_another_number() {
    let mut net = xor();
    let before = bits(net.weights());
    for got in [0, 1, 32, 34, 1000] {
        let error = net.set_weights(&vec![1.0; got]).expect_err("33 are expected");
        assert_eq!(error, Error::Weights { expected: 33, got });
        assert_eq!(error.to_string(), format!("{got} weights; the network has 33"));
        assert_eq!(bits(net.weights()), before);
    }
    let weights: Vec<f32> = (0u8..33).map(f32::from).collect();
    net.set_weights(&weights).expect("33");
    assert_eq!(net.weights(), weights);
}

#[test]
fn outputs_of_another_number() {
    let net = xor();
    for backend in backends() {
        for targets in [0, 3, 5] {
            let mut y = vec![[7.0]; targets];
            let error =
                net.on(backend).predict_batch(&gates::XOR.x, &mut y).expect_err("4 are expected");
            assert_eq!(error, Error::Lengths { inputs: 4, targets });
            assert!(y.iter().all(|y| *y == [7.0]), "something was written");
        }
    }
    net.predict_batch(&[], &mut []).expect("nothing is asked");
}

#[test]
fn errors_are_errors() {
    fn source(error: &dyn std::error::Error) -> String {
        error.to_string()
    }
    assert_eq!(source(&Error::Empty), "no samples; at least one is needed");
    let classes = ConfusionMatrix::<2>::new().record(0, 5).expect_err("two classes");
    assert_eq!(classes, Error::Class { sample: 0, class: 5, classes: 2 });
}
