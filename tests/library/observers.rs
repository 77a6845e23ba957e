//! Observers: they must decide as Keras' callbacks do on the same values. Further tests check their
//! effect on a real training.

use crate::support;
use crate::support::dataset;

use rosenblatt::{
    Error, Result,
    layer::Dense,
    metrics::Evaluation,
    observer::{Monitor, Session, StopOnNan, Watched},
    prelude::*,
};
use serde_json::Value;
use std::ops::ControlFlow;
use support::data;

/// A stand-in for a training. Its weights are a number.
struct Fake {
    net: usize,
    lr: f32,
}

impl Session for Fake {
    type Net = usize;
    type Input = ();
    type Target = ();
    fn net(&self) -> &usize {
        &self.net
    }
    fn net_mut(&mut self) -> &mut usize {
        &mut self.net
    }
    fn lr(&self) -> f32 {
        self.lr
    }
    fn set_lr(&mut self, lr: f32) -> Result<()> {
        self.lr = lr;
        Ok(())
    }
    fn validate(&self, _: Dataset<'_, (), ()>) -> Result<()> {
        Ok(())
    }
    fn evaluate(&mut self, _: Dataset<'_, (), ()>) -> Result<Evaluation> {
        Err(Error::Empty)
    }
}

/// Results of a sequence: the epoch (from 0) at which it stopped, the epoch whose weights are in
/// the network at the end, and the learning rates.
#[derive(Debug, PartialEq)]
struct Outcome {
    stopped: Option<usize>,
    weights: usize,
    rates: Vec<f32>,
}

/// Passes one value per epoch to the observer, as `fit` does.
fn drive(mut observer: impl Observer<Fake>, monitor: Monitor, values: &[f32]) -> Outcome {
    let mut session = Fake { net: usize::MAX, lr: 0.5 };
    observer.on_fit_begin(&mut session).expect("good hyper-parameters");
    let (mut stopped, mut rates) = (None, Vec::new());
    for (i, &value) in values.iter().enumerate() {
        session.net = i;
        // The accuracy as a number of 1024ths.
        let found = match monitor {
            Monitor::ValLoss => Evaluation { loss: value, correct: 0, samples: 1 },
            _ => Evaluation { loss: 0.0, correct: (value * 1024.0) as usize, samples: 1024 },
        };
        let mut report = EpochReport {
            number: i + 1,
            loss: 0.0,
            accuracy: 0.0,
            validation: Some(found),
            lr: session.lr,
        };
        let flow = observer.on_epoch_end(&mut report, &mut session).expect("validated");
        rates.push(session.lr);
        if flow.is_break() {
            stopped = Some(i);
            break;
        }
    }
    observer.on_fit_end(&mut session);
    Outcome { stopped, weights: session.net, rates }
}

/// Keras' results.
fn wanted(case: &Value, epochs: usize) -> Outcome {
    let stopped = case["stopped"].as_u64().map(|epoch| epoch as usize);
    let rates = case["rates"].as_array().map_or_else(
        || vec![0.5; stopped.map_or(epochs, |epoch| epoch + 1)],
        |rates| rates.iter().map(|rate| rate.as_f64().expect("a rate") as f32).collect(),
    );
    Outcome { stopped, weights: case["weights"].as_u64().expect("an epoch") as usize, rates }
}

#[test]
fn callbacks_decide_as_in_keras() {
    let document: Value =
        serde_json::from_str(include_str!("../fixtures/callbacks.json")).expect("JSON");
    let number = |case: &Value, key: &str| case[key].as_f64().map(|value| value as f32);
    let count = |case: &Value, key: &str| case[key].as_u64().expect("a number") as usize;
    let (mut tried, mut stopped, mut reduced, mut impatient_differ) = (0, 0, 0, 0);
    for case in document["cases"].as_array().expect("cases") {
        let sequence = document["sequences"][count(case, "sequence")].as_array().expect("values");
        let values: Vec<f32> =
            sequence.iter().map(|value| value.as_f64().map_or(f32::NAN, |v| v as f32)).collect();
        let monitor =
            if case["monitor"] == "val_loss" { Monitor::ValLoss } else { Monitor::ValAccuracy };
        let (patience, min_delta) =
            (count(case, "patience"), number(case, "min_delta").expect("a number"));
        let want = wanted(case, values.len());
        let got = match case["callback"].as_str() {
            Some("EarlyStopping") => {
                let start_from_epoch = count(case, "start_from_epoch");
                let make = |patience| {
                    let baseline = number(case, "baseline");
                    let watched = Watched::NEW;
                    let early = EarlyStopping {
                        monitor,
                        min_delta,
                        patience,
                        baseline,
                        start_from_epoch,
                        watched,
                    };
                    (RestoreBest::like(&early, 0), early)
                };
                // At least some cases must give other results with another patience.
                impatient_differ +=
                    usize::from(drive(make(patience + 1), monitor, &values) != want);
                drive(make(patience), monitor, &values)
            }
            Some("ReduceLROnPlateau") => {
                let (factor, min_lr) = (
                    number(case, "factor").expect("a number"),
                    number(case, "min_lr").expect("a number"),
                );
                let cooldown = count(case, "cooldown");
                let observer = ReduceOnPlateau {
                    monitor,
                    factor,
                    patience,
                    min_delta,
                    cooldown,
                    min_lr,
                    ..ReduceOnPlateau::DEFAULT
                };
                drive(observer, monitor, &values)
            }
            other => panic!("no observer stands for {other:?}"),
        };
        if values.first().is_some_and(|first| first.is_nan()) {
            // If the first value is NaN, Keras takes it for the best value, and no later value is
            // better. Here NaN is never the best value, and its weights are not restored.
            assert!(got.weights > 0, "{case}");
            tried += 1;
            continue;
        }
        assert_eq!(got, want, "{case}");
        tried += 1;
        stopped += usize::from(got.stopped.is_some());
        reduced += usize::from(got.rates.iter().any(|rate| *rate != 0.5));
    }
    println!("{tried} cases, {stopped} stopped early, {reduced} with a reduced learning rate");
    assert!(tried >= 640 && stopped > 150 && reduced > 150 && impatient_differ > 150);
}

type Flower = Mlp<(Dense<4, 8, Tanh>, Dense<8, 3, Softmax>)>;
type FlowerTrainer = Trainer<Flower, SparseCategoricalCrossEntropy, Sgd, 16>;

/// Iris in an order that mixes the classes.
fn flowers() -> (Vec<[f32; 4]>, Vec<u8>) {
    let (x, t) = data::iris();
    let order = rosenblatt::dataset::Permutation::new(x.len(), Seed(1936), 0);
    (0..x.len()).map(|i| (x[order.index(i)], t[order.index(i)])).unzip()
}

fn flower() -> Flower {
    Flower::init(Seed(7))
}

#[test]
fn validation_is_an_evaluation_of_the_last_part() {
    let (x, t) = flowers();
    let (train, held_out) = dataset(&x, &t).split(0.2).expect("150 samples");
    assert_eq!((train.len(), held_out.len()), (120, 30));
    let fit = Fit { epochs: 5, ..Fit::new(Sgd::with_lr(0.1)) };
    let mut observers = (Validation::new(held_out), History::<5>::new());
    let (mut net, mut trainer) = (flower(), FlowerTrainer::ZERO);
    let last = trainer.fit_with(&mut net, train, &fit, &mut observers).expect("good data");
    let found = trainer.evaluate(&net, held_out).expect("good data");
    assert_eq!(last.validation, Some(found));
    assert_eq!(observers.1.epochs()[4], last);
    assert!(observers.1.epochs().iter().all(|epoch| epoch.validation.is_some() && epoch.lr == 0.1));

    // An observer must not change the training.
    let mut other = flower();
    FlowerTrainer::default().fit(&mut other, train, &fit).expect("good data");
    assert_eq!(net.hash(), other.hash());
}

#[test]
fn the_best_weights_come_back() {
    let (x, t) = flowers();
    // Few training samples and a high learning rate, so that the validation loss rises again.
    let (x, t, x_val, t_val) = (&x[..20], &t[..20], &x[20..], &t[20..]);
    let fit = Fit { epochs: 400, shuffle: Some(Seed(3)), ..Fit::new(Sgd::with_lr(1.0)) };
    let mut net = flower();
    let mut trainer = FlowerTrainer::ZERO;
    let mut observers = (
        Validation::new(dataset(x_val, t_val)),
        RestoreBest::new(Flower::ZERO),
        EarlyStopping::with_patience(20),
        History::<400>::new(),
    );
    let last = trainer.fit_with(&mut net, dataset(x, t), &fit, &mut observers).expect("good data");
    let (_, keep, stop, history) = &observers;
    let best = history.epochs().iter().min_by(|a, b| {
        let loss = |epoch: &EpochReport| epoch.validation.expect("validated").loss;
        loss(a).total_cmp(&loss(b))
    });
    let best = best.expect("epochs");
    assert_eq!(
        (keep.best_epoch(), keep.best()),
        (best.number, best.validation.map(|found| found.loss))
    );
    assert_eq!(stop.stopped(), Some(last.number));
    assert!(
        best.number + 20 == last.number && best.number > 1,
        "best {}, last {}",
        best.number,
        last.number
    );
    assert_eq!(
        trainer.evaluate(&net, dataset(x_val, t_val)).expect("good data").loss,
        best.validation.expect("validated").loss
    );

    // The restored weights are exactly those of that epoch.
    let mut again = flower();
    let to_best = Fit { epochs: best.number, ..fit };
    trainer.reset();
    trainer.fit(&mut again, dataset(x, t), &to_best).expect("good data");
    assert_eq!(again.hash(), net.hash());
    // An observer can be used again. It starts from its initial state.
    let mut fresh = flower();
    trainer.reset();
    trainer.fit_with(&mut fresh, dataset(x, t), &fit, &mut observers).expect("good data");
    assert_eq!((fresh.hash(), observers.2.stopped()), (net.hash(), Some(last.number)));
}

#[test]
fn a_smaller_learning_rate_is_really_used() {
    let (x, t) = flowers();
    let reduce = ReduceOnPlateau {
        monitor: Monitor::Loss,
        min_delta: 10.0,
        patience: 1,
        factor: 0.0,
        ..ReduceOnPlateau::DEFAULT
    };
    // The first epoch is the best. After the second one the learning rate is 0.
    let fit = |epochs| Fit { epochs, ..Fit::new(Sgd::with_lr(0.1)) };
    let (mut two, mut ten) = (flower(), flower());
    FlowerTrainer::default().fit(&mut two, dataset(&x, &t), &fit(2)).expect("good data");
    let last = FlowerTrainer::default()
        .fit_with(&mut ten, dataset(&x, &t), &fit(10), &mut reduce.clone())
        .expect("good data");
    assert_eq!((two.hash(), last.lr, last.number), (ten.hash(), 0.0, 10));
}

#[test]
fn what_is_not_finite_ends_the_training_one_way_or_the_other() {
    type Line = Mlp<(Dense<1, 1>,)>;
    let fit = Fit { epochs: 100, ..Fit::new(Sgd::with_lr(1e30)) };
    let mut trainer = Trainer::<Line, MeanSquaredError, Sgd, 1>::ZERO;
    let error =
        trainer.fit(&mut Line::default(), dataset(&[[2.0]], &[[1.0]]), &fit).expect_err("overflow");
    let mut stop = (StopOnNan::new(), History::<9>::new());
    let last = trainer
        .fit_with(&mut Line::default(), dataset(&[[2.0]], &[[1.0]]), &fit, &mut stop)
        .expect("stopped");
    assert_eq!(stop.0.stopped(), Some(error));
    let Error::NotFinite { epoch, .. } = error else { panic!("{error}") };
    assert_eq!((last.number + 1, stop.1.epochs().len() + 1), (epoch, epoch));
}

#[test]
fn monitoring_without_validation_is_an_error() {
    let (x, t) = flowers();
    let fit = Fit { epochs: 3, ..Fit::new(Sgd::with_lr(0.1)) };
    let error = FlowerTrainer::default()
        .fit_with(
            &mut flower(),
            dataset(&x, &t),
            &fit,
            &mut (EarlyStopping::with_patience(3), Validation::new(dataset(&x, &t))),
        )
        .expect_err("the validation comes too late");
    assert_eq!(error, Error::NotMonitored { what: "val_loss" });
    assert!(
        error.to_string().contains("val_loss is monitored, but no Validation stands before"),
        "{error}"
    );
}

#[test]
fn a_validation_set_with_a_wrong_class_is_found_before_the_training() {
    let (x, mut t) = flowers();
    let good = t.clone();
    t[149] = 3;
    let mut net = flower();
    let fit = Fit { epochs: 3, ..Fit::new(Sgd::with_lr(0.1)) };
    let error = FlowerTrainer::default()
        .fit_with(&mut net, dataset(&x, &good), &fit, &mut (Validation::new(dataset(&x, &t)),))
        .expect_err("class 3 of 0 to 2");
    assert!(matches!(error, Error::Class { sample: 149, class: 3, .. }), "{error}");
    assert_eq!(net.hash(), flower().hash());
}

#[test]
fn logs_have_keras_columns() {
    let (x, t) = flowers();
    let (train, held_out) = dataset(&x, &t).split(0.2).expect("150 samples");
    let fit = Fit { epochs: 3, ..Fit::new(Sgd::with_lr(0.125)) };
    let mut observers =
        (Validation::new(held_out), CsvLog::new(String::new()), History::<3>::new());
    FlowerTrainer::default()
        .fit_with(&mut flower(), train, &fit, &mut observers)
        .expect("good data");
    let (_, log, history) = observers;
    let text = log.into_inner();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(
        lines[0],
        ["epoch", "accuracy", "learning_rate", "loss", "val_accuracy", "val_loss"]
    );
    assert_eq!(lines.len(), 4);
    for (i, (line, epoch)) in lines[1..].iter().zip(history.epochs()).enumerate() {
        let found = epoch.validation.expect("validated");
        let values: Vec<f32> = line.iter().map(|value| value.parse().expect("a number")).collect();
        // The printed values read back as the same bits.
        assert_eq!(
            values,
            [i as f32, epoch.accuracy, 0.125, epoch.loss, found.accuracy(), found.loss]
        );
    }

    // A full buffer is an error. No line is lost silently.
    let mut short = CsvLog::new(heapless::String::<80>::new());
    let error = FlowerTrainer::default()
        .fit_with(&mut flower(), dataset(&x, &t), &fit, &mut short)
        .expect_err("80 bytes");
    assert_eq!(error, Error::NotWritten);
    assert_eq!(
        short.into_inner().as_str(),
        "epoch,accuracy,learning_rate,loss,val_accuracy,val_loss\n",
        "whole lines"
    );
}

/// Sets a learning rate after each epoch.
struct Rate(f32);

impl<S: Session> Observer<S> for Rate {
    fn on_epoch_end(&mut self, _: &mut EpochReport, session: &mut S) -> Result<ControlFlow<()>> {
        session.set_lr(self.0)?;
        Ok(ControlFlow::Continue(()))
    }
}

#[test]
fn a_learning_rate_that_cannot_be_is_refused() {
    let (x, t) = flowers();
    let trained = |epochs, lr| {
        let mut net = flower();
        let fit = Fit { epochs, ..Fit::new(Sgd::with_lr(0.1)) };
        let done =
            FlowerTrainer::default().fit_with(&mut net, dataset(&x, &t), &fit, &mut Rate(lr));
        (done.map(|last| last.number), net.hash())
    };
    let one = trained(1, 0.1);
    for lr in [f32::NAN, f32::INFINITY, -0.1] {
        let (done, hash) = trained(5, lr);
        assert!(matches!(done, Err(Error::HyperParameter { name: "lr", .. })), "{lr}: {done:?}");
        assert_eq!(hash, one.1, "{lr}: the weights are those of the first epoch");
    }
    assert_eq!(trained(3, 0.05).0, Ok(3));
}

/// Bad validation data is found before the first step, as is bad training data.
#[test]
fn bad_validation_data_change_nothing() {
    let (x, t) = flowers();
    let fit = Fit { epochs: 3, ..Fit::new(Sgd::with_lr(0.1)) };
    for value in [f32::NAN, f32::INFINITY] {
        let mut other = x.clone();
        other[7][2] = value;
        let mut net = flower();
        let error = FlowerTrainer::default()
            .fit_with(&mut net, dataset(&x, &t), &fit, &mut Validation::new(dataset(&other, &t)))
            .expect_err("no number");
        assert!(matches!(error, Error::Input { sample: 7, column: 2, .. }), "{error}");
        assert_eq!(net.hash(), flower().hash());
    }
}

#[test]
fn shares_that_leave_nothing_are_errors() {
    let (x, t) = ([[0.0f32]; 3], [0u8; 3]);
    for (share, ok) in
        [(0.34, true), (0.5, true), (0.99, false), (0.0, false), (1.0, false), (f64::NAN, false)]
    {
        assert_eq!(dataset(&x, &t).split(share).is_ok(), ok, "{share}");
    }
    assert_eq!(Dataset::new(&x, &t[..2]), Err(Error::Lengths { inputs: 3, targets: 2 }));
    assert!(dataset(&x[..1], &t[..1]).split(0.5).is_err());
    // Python's results of int(math.floor(n * (1.0 - share))). They depend on the rounding of 1 −
    // share in f64.
    for (n, share, first) in [
        (5, 0.6, 2),
        (10, 0.6, 4),
        (100, 0.33, 67),
        (90, 0.3, 62),
        (10, 0.2, 8),
        (569, 0.25, 426),
        (1797, 0.1, 1617),
    ] {
        let (x, t) = (vec![[0.0f32]; n], vec![0u8; n]);
        let (train, held_out) = dataset(&x, &t).split(share).expect("enough");
        assert_eq!(
            (train.x().len(), train.t().len(), held_out.len()),
            (first, first, n - first),
            "{n} {share}"
        );
    }
}
