//! What `fit`, `evaluate` and the observers do.

use super::{Listener, Ten, Xor, XorTrainer};
use crate::support::{backends, bits, samples};
use rosenblatt::{Level, Rng, data::Permutation, layer::Dense, metrics::predicted, prelude::*};
use std::ops::ControlFlow;

type Loss = SparseCategoricalCrossEntropy<u8>;
/// Four samples a step at most.
type TenTrainer = Trainer<Ten, Adam, Loss, 4>;

const ADAM: Adam = Adam { decay: 0.01, ..Adam::with_lr(0.05) };

/// Eleven samples: two steps of four and one of three.
fn eleven() -> (Vec<[f32; 3]>, Vec<u8>) {
    let mut rng = Rng::new(Seed(11));
    let x = samples(&mut rng, 11, 2.0);
    (x, (0..11).map(|i| i * 7 % 10).collect())
}

fn ten() -> Ten {
    let mut net = Ten::new();
    net.init(Seed(10));
    net
}

/// One epoch by single steps, in an order. Gives the mean loss and accuracy over its samples, before each step's update.
fn by_steps(
    level: Level,
    trainer: &mut TenTrainer,
    net: &mut Ten,
    x: &[[f32; 3]],
    t: &[u8],
    order: impl Fn(usize) -> usize,
) -> (f64, f32) {
    let (mut total, mut correct) = (0.0, 0u8);
    let places: Vec<usize> = (0..x.len()).map(order).collect();
    for places in places.chunks(4) {
        let (x, t): (Vec<_>, Vec<_>) = places.iter().map(|i| (x[*i], t[*i])).unzip();
        correct += x
            .iter()
            .zip(&t)
            .map(|(x, t)| u8::from(predicted(&net.predict_on(level, x)) == Some(usize::from(*t))))
            .sum::<u8>();
        let loss = trainer.step_on(level, net, &ADAM, &x, &t).expect("a good step");
        total += f64::from(loss) * x.len() as f64;
    }
    (total / x.len() as f64, f32::from(correct) / x.len() as f32)
}

/// `fit` is nothing but steps over mini-batches, in the data's order or in that of [`Permutation`]. What it reports is, as in Keras, the mean over
/// the epoch's samples, each before its step's update; not the mean over steps, of which the last is smaller, nor the loss at the epoch's end.
#[test]
fn fit_is_steps_and_reports_means_over_samples() {
    let (x, t) = eleven();
    for level in backends() {
        for shuffle in [None, Some(Seed(77))] {
            let (mut net, mut twin) = (ten(), ten());
            let (mut trainer, mut twins) = (TenTrainer::new(), TenTrainer::new());
            let mut history = History::<5>::new();
            let fit = Fit { epochs: 5, shuffle, level, ..Fit::new(ADAM) };
            let last = trainer.fit(&mut net, &x, &t, &fit, &mut history).expect("good data");
            assert_eq!(history.epochs().len(), 5);
            assert_eq!(history.epochs().last(), Some(&last));
            for (number, epoch) in (1..).zip(history.epochs()) {
                let order = shuffle.map(|seed| Permutation::new(x.len(), seed, number));
                let place = |i| order.map_or(i, |order| order.index(i));
                let (loss, accuracy) = by_steps(level, &mut twins, &mut twin, &x, &t, place);
                assert_eq!(epoch.epoch, number);
                assert!((f64::from(epoch.loss) / loss - 1.0).abs() < 1e-6, "epoch {number}: {} and {loss}", epoch.loss);
                assert_eq!(epoch.accuracy, accuracy);
            }
            assert_eq!(bits(net.weights()), bits(twin.weights()));
        }
    }
}

#[test]
fn batches_decide_how_many_steps_an_epoch_has() {
    let (x, t) = eleven();
    // With Adam, each number of steps gives other weights; the same number in the same order the same ones.
    let weights = |batch, n: usize| {
        let mut net = ten();
        let fit = Fit { batch, ..Fit::new(ADAM) };
        TenTrainer::new().fit(&mut net, &x[..n], &t[..n], &fit, &mut ()).expect("good data");
        net.hash()
    };
    // As many as the trainer holds.
    assert_eq!(weights(None, 11), weights(Some(Batch::Mini(4)), 11));
    assert_eq!(weights(None, 4), weights(Some(Batch::Full), 4));
    assert_eq!(weights(None, 3), weights(Some(Batch::Full), 3));
    assert_eq!(weights(Some(Batch::Stochastic), 11), weights(Some(Batch::Mini(1)), 11));
    // More than there are samples is as good as all.
    assert_eq!(weights(Some(Batch::Mini(4)), 3), weights(Some(Batch::Full), 3));
    assert_ne!(weights(Some(Batch::Mini(4)), 11), weights(Some(Batch::Mini(3)), 11));
    assert_ne!(weights(Some(Batch::Mini(2)), 11), weights(Some(Batch::Mini(1)), 11));
}

#[test]
fn observers_are_told_each_epoch_and_may_stop() {
    let (x, t) = eleven();
    let mut told = Vec::new();
    let mut net = ten();
    let mut observer: Listener<'_> = &mut |epoch| {
        told.push(*epoch);
        if epoch.epoch == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let fit = Fit { epochs: 100, ..Fit::new(ADAM) };
    let last = TenTrainer::new().fit(&mut net, &x, &t, &fit, &mut observer).expect("good data");
    assert_eq!(told.iter().map(|epoch| epoch.epoch).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(told[2], last);

    // Stopping after three is training for three; who listens changes nothing.
    let mut other = ten();
    let fit = Fit { epochs: 3, ..fit };
    let silent = TenTrainer::new().fit(&mut other, &x, &t, &fit, &mut ()).expect("good data");
    assert_eq!(net.hash(), other.hash());
    assert_eq!((silent.epoch, silent.loss), (3, last.loss));
    assert!(silent.accuracy.is_nan(), "nobody asked for accuracy");

    // No epoch: nothing happens, nobody is told.
    let mut unheard: Listener<'_> = &mut |_| panic!("there was no epoch");
    let none = TenTrainer::new().fit(&mut other, &x, &t, &Fit { epochs: 0, ..fit }, &mut unheard).expect("good data");
    assert_eq!(none.epoch, 0);
    assert_eq!(net.hash(), other.hash());
}

#[test]
fn histories_keep_the_first_epochs() {
    let (x, t) = eleven();
    let mut told = Vec::new();
    let mut observer: Listener<'_> = &mut |epoch| {
        told.push(*epoch);
        ControlFlow::Continue(())
    };
    let fit = Fit { epochs: 7, ..Fit::new(ADAM) };
    TenTrainer::new().fit(&mut ten(), &x, &t, &fit, &mut observer).expect("good data");
    let mut history = History::<5>::new();
    assert_eq!(history.epochs(), []);
    let last = TenTrainer::new().fit(&mut ten(), &x, &t, &fit, &mut history).expect("good data");
    assert_eq!(history.epochs(), &told[..5]);
    assert_eq!((told.len(), last), (7, told[6]));
    assert!(told.iter().all(|epoch| (0.0..=1.0).contains(&epoch.accuracy)));
}

#[test]
fn evaluations_go_over_any_number_of_samples() {
    let (x, t) = eleven();
    let net = ten();
    for level in backends() {
        let mut trainer = TenTrainer::new();
        for n in [1, 3, 4, 5, 8, 11] {
            let (x, t) = (&x[..n], &t[..n]);
            let y: Vec<_> = x.iter().map(|x| net.predict_on(level, x)).collect();
            let correct = y.iter().zip(t).filter(|(y, t)| predicted(*y) == Some(usize::from(**t))).count();
            let loss = y.iter().zip(t).map(|(y, t)| -f64::from(y[usize::from(*t)]).ln()).sum::<f64>() / n as f64;
            let evaluation = trainer.evaluate_on(level, &net, x, t).expect("good data");
            assert_eq!((evaluation.correct, evaluation.samples), (correct, n));
            assert_eq!(evaluation.accuracy(), correct as f32 / n as f32);
            assert!((f64::from(evaluation.loss) / loss - 1.0).abs() < 1e-6);
        }
    }
    assert_eq!(net.hash(), ten().hash());
}

#[test]
fn confusions_count_classes_against_predictions() {
    let (x, t) = eleven();
    let net = ten();
    let mut trainer = TenTrainer::new();
    let confusion = trainer.confusion::<10>(&net, &x, &t).expect("ten classes");
    let mut want = [[0; 10]; 10];
    for (x, t) in x.iter().zip(&t) {
        want[usize::from(*t)][predicted(&net.predict(x)).expect("a class")] += 1;
    }
    for (actual, row) in want.iter().enumerate() {
        for (predicted, count) in row.iter().enumerate() {
            assert_eq!(confusion.count(actual, predicted), *count);
        }
    }
    assert_eq!(confusion.total(), 11);
    assert_eq!(confusion.accuracy(), trainer.evaluate(&net, &x, &t).expect("good data").accuracy());
    assert_eq!(confusion.count(10, 0), 0);
    assert!(Confusion::<10>::new().accuracy().is_nan());
    // A table of too few classes says so.
    assert!(trainer.confusion::<3>(&net, &x, &t).expect_err("classes to 9").to_string().contains("classes are 0 to 2"));

    let mut table = Confusion::<2>::new();
    for (actual, predicted) in [(0, 0), (0, 0), (0, 1), (1, 1)] {
        table.record(actual, predicted).expect("two classes");
    }
    let rows: Vec<Vec<String>> =
        table.to_string().lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect();
    assert_eq!(rows[1], ["0", "1", "found"]);
    assert_eq!(rows[2], ["0", "2", "1", "66.7", "%"]);
    assert_eq!(rows[3], ["1", ".", "1", "100.0", "%"]);
}

#[test]
fn a_reset_trainer_starts_anew() {
    let (x, t) = eleven();
    for level in backends() {
        let mut trainer = TenTrainer::new();
        let fit = Fit { epochs: 2, level, ..Fit::new(ADAM) };
        let once = |trainer: &mut TenTrainer| {
            let mut net = ten();
            trainer.fit(&mut net, &x, &t, &fit, &mut ()).expect("good data");
            net.hash()
        };
        let first = once(&mut trainer);
        // The moments and the decayed learning rate of the first training are still there …
        assert_ne!(once(&mut trainer), first);
        // … until they are forgotten.
        trainer.reset();
        assert_eq!(once(&mut trainer), first);
    }
}

/// The share of XOR's answers that are right after 500 epochs from these weights, on every backend.
fn xor_after(net: &Xor) -> Vec<(Xor, f32)> {
    let train = |level| {
        let mut net = net.clone();
        let mut trainer = XorTrainer::new();
        let fit = Fit { epochs: 500, level, ..Fit::new(Adam::with_lr(0.01)) };
        trainer.fit(&mut net, &gates::XOR.x, &gates::XOR.t, &fit, &mut ()).expect("good data");
        let accuracy = trainer.evaluate_on(level, &net, &gates::XOR.x, &gates::XOR.t).expect("good data").accuracy();
        (net, accuracy)
    };
    backends().into_iter().map(train).collect()
}

#[test]
fn equal_weights_never_break_symmetry() {
    for value in [1e-30, 0.5, -1.0] {
        let mut start = Xor::new();
        start.init_with(&Constant(value), Seed(1));
        for (net, accuracy) in xor_after(&start) {
            assert!(accuracy < 1.0, "XOR was learnt from equal weights");
            let params = net.params();
            for unit in 1..8 {
                assert_eq!(params.head.w[0][unit].to_bits(), params.head.w[0][0].to_bits());
                assert_eq!(params.head.w[1][unit].to_bits(), params.head.w[1][0].to_bits());
                assert_eq!(params.head.b[unit].to_bits(), params.head.b[0].to_bits());
                assert_eq!(params.tail.w[unit][0].to_bits(), params.tail.w[0][0].to_bits());
            }
            // Tiny weights stand on XOR's saddle: its four gradients cancel. Other weights move.
            assert_eq!(net.params().head == start.params().head, value == 1e-30);
        }
    }
}

#[test]
fn random_weights_learn_xor() {
    let mut learnt = 0;
    for seed in 0..20 {
        let mut start = Xor::new();
        start.init(Seed(seed));
        learnt += u32::from(xor_after(&start).iter().all(|(_, accuracy)| *accuracy == 1.0));
    }
    // A start from which 500 epochs do not suffice may happen; it is rare.
    assert!(learnt >= 19, "{learnt} of 20 seeds learnt XOR");
}

/// One unit draws one line: that parts OR, AND and NAND, and never XOR (Minsky and Papert, 1969).
#[test]
fn one_unit_learns_what_a_line_can_part() {
    type Unit = Mlp<(Dense<2, 1, Sigmoid>,)>;
    for level in backends() {
        for (gate, best) in [(gates::OR, 1.0), (gates::AND, 1.0), (gates::NAND, 1.0), (gates::XOR, 0.75)] {
            let mut net = Unit::new();
            net.init(Seed(1));
            let mut trainer = Trainer::<Unit, Sgd, BinaryCrossEntropy, 4>::new();
            let fit = Fit { epochs: 200, level, ..Fit::new(Sgd::with_lr(2.0)) };
            trainer.fit(&mut net, &gate.x, &gate.t, &fit, &mut ()).expect("good data");
            let accuracy = trainer.evaluate_on(level, &net, &gate.x, &gate.t).expect("good data").accuracy();
            if best == 1.0 { assert_eq!(accuracy, 1.0) } else { assert!(accuracy <= best) }
        }
    }
}

#[test]
fn fit_has_keras_like_defaults() {
    let fit = Fit::new(Sgd::default());
    assert_eq!((fit.optimizer, fit.epochs, fit.batch, fit.shuffle), (Sgd { lr: 0.01, decay: 0.0 }, 1, None, None));
    assert_eq!(fit.level, Level::detect());
    let Adam { lr, beta1, beta2, epsilon, decay } = Adam::default();
    assert_eq!((lr, beta1, beta2, epsilon, decay), (0.001, 0.9, 0.999, 1e-8, 0.0));
}
