//! Checkpoints: a training that stops after any step and goes on elsewhere ends in the bits of the
//! training that was never stopped.

use crate::support::{backends, bits, dataset};
use rosenblatt::{
    Error as DataError,
    kernels::{
        F32Array,
        persist::{Persist, Words},
    },
    layer::{All, Conv1d, DenseL2, GlobalAvgPool1d, Layer, Map, Reshape, Same, Signal, Trainable},
    loss::Loss,
    observer::{Monitor, StopOnNan},
    optimizer::{ClipNorm, ClipValue, Optimizer},
    prelude::*,
    saved::{Error, ResumeError},
    schedule::{
        ConstantRate, CosineDecay, ExponentialDecay, InverseTimeDecay, PiecewiseConstant,
        Scheduled, StepDecay, WarmUp,
    },
    sequential::{ComposedOf, InputOf, Layers, OutputOf},
    train::{Batch, Training},
};
use std::{
    fmt::{self, Debug},
    ops::ControlFlow,
};

/// Layers that keep something from step to step: counts of passes, moving means.
type NoisyLayers = (
    Dense<3, 4, Tanh>,
    Dropout<[f32; 4], { rate(0.25) }, 7>,
    BatchNorm<[f32; 4]>,
    Dropout<[f32; 4], { rate(0.125) }>,
    Dense<4, 2, Softmax>,
);
type ImageLayers = (
    Reshape<[f32; 16], Map<4, 4, 1>>,
    Conv2d<Map<4, 4, 1>, Map<4, 4, 2>, 3, 3, Relu, Same>,
    MaxPool2d<Map<4, 4, 2>, Map<2, 2, 2>, 2>,
    LayerNorm<Map<2, 2, 2>>,
    Flatten<Map<2, 2, 2>, 8>,
    DenseL2<8, 2, Softmax, 1, 100>,
);
type SoundLayers = (
    Conv1d<Signal<6, 1>, Signal<4, 2>, 3, Tanh>,
    BatchNorm<Signal<4, 2>>,
    Rnn<2, 2, 4, Tanh, All>,
    Dropout<[[f32; 2]; 4], { rate(0.5) }>,
    Gru<2, 3, 4, All>,
    Lstm<3, 2, 4, All>,
    GlobalAvgPool1d<Signal<4, 2>>,
    Dense<2, 2, Softmax>,
);

const SAMPLES: usize = 11;
const EPOCHS: usize = 5;
type Kind = SparseCategoricalCrossEntropy;
type Of<T> = Mlp<T>;
type TrainerOf<T, O> = Trainer<Of<T>, Kind, O, 4>;

/// Samples that no network fits at once.
fn samples<X: F32Array>() -> (Vec<X>, Vec<u8>) {
    let row = |i: usize| {
        let mut x = X::ZERO;
        for (j, x) in x.as_flat_mut().iter_mut().enumerate() {
            *x = ((i * 7 + j * 5) % 11) as f32 / 4.0 - 1.25;
        }
        x
    };
    ((0..SAMPLES).map(row).collect(), (0..SAMPLES).map(|i| (i % 3 == 0).into()).collect())
}

struct Listed(Vec<u32>);

impl Words for Listed {
    fn word(&mut self, word: &mut u32) {
        self.0.push(*word);
    }
}

/// The words of a state, which must be as many as it says.
fn words<P: Persist>(state: &mut P) -> Vec<u32> {
    let mut list = Listed(Vec::new());
    state.words(&mut list);
    assert_eq!(list.0.len(), P::WORDS);
    list.0
}

fn report(report: &EpochReport) -> (usize, Vec<u32>) {
    (report.number, words(&mut report.clone()))
}

/// Whether trainings of `T` by `fit` end alike, stopped and not stopped.
fn resumes<T, O, Obs>(fit: Fit<O>, observers: impl Fn() -> Obs)
where
    T: Layers<Composed: Trainable>,
    O: Optimizer + Persist,
    O::State<<ComposedOf<T> as Layer>::Params>: Persist,
    Obs: for<'a> Observer<Training<'a, Of<T>, Kind, O, 4>> + Persist + Debug,
    Kind: Loss<<ComposedOf<T> as Layer>::OutputActivation, OutputOf<Of<T>>, Target = u8>,
{
    let (x, t) = samples::<InputOf<Of<T>>>();
    let (x, t) = (x.as_slice(), t.as_slice());
    let fit = fit.epochs(EPOCHS);
    let start = || {
        let mut net = Box::new(Of::<T>::ZERO);
        net.initialize(Seed(3));
        (net, Box::new(TrainerOf::<T, O>::ZERO))
    };
    let empty = || (Box::new(Of::<T>::ZERO), Box::new(TrainerOf::<T, O>::ZERO));
    let room = TrainerOf::<T, O>::run_bytes::<Obs>();

    // Never stopped, by `fit`.
    let (mut net, mut trainer) = start();
    let mut seen = observers();
    let last = trainer.fit_with(&mut net, dataset(x, t), &fit, &mut seen).expect("good data");
    let (weights, buffers) = (bits(net.weights()), bits(net.as_view().buffers().as_flat()));
    let memory = format!("{seen:?}");
    let whole = (weights, buffers, report(&last), words(&mut seen), words(&mut *trainer));

    // In one part.
    let mut file = vec![0; room];
    let (mut net, mut trainer) = start();
    let mut run = trainer.begin(&mut net, dataset(x, t), &fit, observers()).expect("good data");
    let mut steps = 0;
    let last = loop {
        steps += 1;
        if let Some(last) = run.advance(1).expect("good data") {
            break last;
        }
    };
    run.save(&mut file).expect("finite weights");
    let mut seen = run.into_observer();
    let (weights, buffers) = (bits(net.weights()), bits(net.as_view().buffers().as_flat()));
    assert_eq!(format!("{seen:?}"), memory);
    let one = (weights, buffers, report(&last), words(&mut seen), words(&mut *trainer));
    assert_eq!(one, whole, "in parts of one step, without a checkpoint");
    let golden = file.clone();

    // Stopped after every step, each time on another backend and in other memory.
    let (mut net, mut trainer) = start();
    let mut run = trainer.begin(&mut net, dataset(x, t), &fit, observers()).expect("good data");
    run.save(&mut file).expect("finite weights");
    let backends = backends();
    for step in 0..steps {
        let (mut net, mut trainer) = empty();
        let fit = fit.on(backends[step % backends.len()]);
        let mut run = trainer
            .resume(&mut net, dataset(x, t), &fit, observers(), &file)
            .expect("its own checkpoint");
        let end = run.advance(1).expect("good data");
        assert_eq!(end.is_some(), step + 1 == steps);
        file.fill(0xaa);
        run.save(&mut file).expect("finite weights");
    }
    assert!(file == golden, "stopped after every step");

    // Stopped once, after some steps, in memory that another training has used.
    let (mut used, mut worn) = start();
    worn.fit(&mut used, dataset(x, t), &fit).expect("good data");
    for stop in 0..=steps {
        let (mut net, mut trainer) = start();
        let mut run = trainer.begin(&mut net, dataset(x, t), &fit, observers()).expect("good data");
        run.advance(stop).expect("good data");
        run.save(&mut file).expect("finite weights");
        let mut run = worn
            .resume(&mut used, dataset(x, t), &fit, observers(), &file)
            .expect("its own checkpoint");
        let last = run.advance(usize::MAX).expect("good data").expect("the end");
        assert_eq!(report(&last), whole.2);
        assert_eq!(format!("{:?}", run.observer()), memory);
        run.save(&mut file).expect("finite weights");
        assert!(file == golden, "stopped once, after {stop} steps");
        // It has ended; it stays so.
        assert_eq!(
            run.advance(1).expect("good data").map(|last| report(&last)),
            Some(report(&last))
        );
    }
}

fn plain<T, O>(optimizer: O)
where
    T: Layers<Composed: Trainable>,
    O: Optimizer + Persist,
    O::State<<ComposedOf<T> as Layer>::Params>: Persist,
    Kind: Loss<<ComposedOf<T> as Layer>::OutputActivation, OutputOf<Of<T>>, Target = u8>,
{
    resumes::<T, O, ()>(Fit::new(optimizer).shuffle(Seed(5)), || ());
}

#[test]
fn every_optimizer_goes_on() {
    plain::<NoisyLayers, _>(Sgd { decay: 0.1, ..Sgd::with_lr(0.1) });
    plain::<NoisyLayers, _>(Momentum { decay: 0.1, ..Momentum::with_lr(0.1) });
    plain::<NoisyLayers, _>(Nesterov { decay: 0.1, ..Nesterov::with_lr(0.1) });
    plain::<NoisyLayers, _>(AdaGrad { decay: 0.1, ..AdaGrad::with_lr(0.1) });
    plain::<NoisyLayers, _>(RmsProp { decay: 0.1, ..RmsProp::with_lr(0.01) });
    plain::<NoisyLayers, _>(Adam { decay: 0.1, ..Adam::with_lr(0.01) });
    plain::<NoisyLayers, _>(AdamW { decay: 0.1, ..AdamW::with_lr(0.01) });
    plain::<NoisyLayers, _>(ClipNorm { optimizer: Momentum::with_lr(0.1), limit: 0.1 });
    plain::<NoisyLayers, _>(ClipValue { optimizer: Adam::with_lr(0.1), limit: 0.01 });
}

#[test]
fn every_kind_of_layer_goes_on() {
    plain::<ImageLayers, _>(Adam::with_lr(0.01));
    plain::<SoundLayers, _>(Adam::with_lr(0.01));
}

#[test]
fn every_schedule_goes_on() {
    // Observers that change the rate scale the schedule's other rates too.
    fn one<S: rosenblatt::schedule::Schedule + Persist>(schedule: S) {
        let rule = Scheduled { optimizer: Momentum::DEFAULT, schedule };
        let plateau = || ReduceOnPlateau {
            monitor: Monitor::Loss,
            patience: 1,
            factor: 0.7,
            min_delta: 9.0,
            ..Default::default()
        };
        resumes::<NoisyLayers, _, _>(Fit::new(rule).batch(Batch::Mini(3)), plateau);
    }
    one(ConstantRate { lr: 0.1 });
    one(PiecewiseConstant { lr: 0.1, then: [(2, 0.05), (5, 0.03)] });
    one(CosineDecay { lr: 0.1, decay_steps: 10, alpha: 0.1 });
    one(ExponentialDecay { lr: 0.1, decay_steps: 3, decay_rate: 0.5, staircase: true });
    one(InverseTimeDecay { lr: 0.1, decay_steps: 3, decay_rate: 0.5, staircase: false });
    one(StepDecay { lr: 0.1, drop: 0.5, every: 4 });
    let then = CosineDecay { lr: 0.1, decay_steps: 10, alpha: 0.1 };
    one(WarmUp { start: 0.01, steps: 5, then });
}

#[test]
fn every_observer_goes_on() {
    type Net = Of<NoisyLayers>;
    let (x, t) = samples::<[f32; 3]>();
    let held_out = || Validation::new(dataset(&x[..5], &t[..5]));
    let monitor = Monitor::ValAccuracy;
    let early = EarlyStopping { monitor, min_delta: 0.5, ..EarlyStopping::with_patience(2) };
    let plateau =
        ReduceOnPlateau { patience: 1, min_delta: 9.0, cooldown: 2, ..Default::default() };
    let observers = || {
        let best = RestoreBest::new(Net::ZERO);
        (held_out(), early, best, plateau, History::<5>::new(), StopOnNan::new())
    };
    let patient = || ReduceOnPlateau { patience: 2, monitor: Monitor::Loss, ..plateau };
    resumes::<NoisyLayers, _, _>(Fit::new(Adam::with_lr(0.1)), patient);
    for drop_last in [false, true] {
        for shuffle in [None, Some(Seed(8))] {
            let fit = Fit { drop_last, shuffle, ..Fit::new(Adam::with_lr(0.1)) };
            resumes::<NoisyLayers, _, _>(fit, observers);
        }
    }
    // A history that is shorter than the training, a log, a closure.
    #[derive(Debug)]
    struct Nowhere;
    impl fmt::Write for Nowhere {
        fn write_str(&mut self, _: &str) -> fmt::Result {
            Ok(())
        }
    }
    fn nothing(_: &EpochReport) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
    let log = || CsvLog::new(Nowhere);
    let closure = || OnEpoch(nothing as fn(&EpochReport) -> ControlFlow<()>);
    resumes::<NoisyLayers, _, _>(Fit::new(Adam::DEFAULT), || {
        (held_out(), History::<2>::new(), log(), closure())
    });
}

/// A training that an observer ends, and one that a loss ends that is not finite.
#[test]
fn a_training_that_has_ended_stays_so() {
    let stop = || EarlyStopping {
        monitor: Monitor::Loss,
        min_delta: 9.0,
        ..EarlyStopping::with_patience(1)
    };
    resumes::<NoisyLayers, _, _>(Fit::new(Sgd::DEFAULT), || (stop(), History::<3>::new()));
    let huge = Momentum { momentum: 0.0, ..Momentum::with_lr(1e38) };
    resumes::<(Dense<3, 2, Softmax>,), _, _>(Fit::new(huge), StopOnNan::new);
}

type Small = (Dense<3, 2, Softmax>, Dropout<[f32; 2], { rate(0.25) }>, Dense<2, 2, Softmax>);
type SmallTrainer = TrainerOf<Small, Adam>;

/// A checkpoint in the middle of a training, and its data and settings.
fn checkpoint() -> (Vec<u8>, Vec<[f32; 3]>, Vec<u8>, Fit<Adam>) {
    let (x, t) = samples::<[f32; 3]>();
    let fit = Fit::new(Adam::with_lr(0.1)).epochs(9).shuffle(Seed(1));
    let mut net = Of::<Small>::init(Seed(2));
    let mut trainer = SmallTrainer::ZERO;
    let mut file = vec![0; SmallTrainer::run_bytes::<History<2>>()];
    let mut run =
        trainer.begin(&mut net, dataset(&x, &t), &fit, History::<2>::new()).expect("good data");
    run.advance(5).expect("good data");
    assert_eq!(run.position(), (2, 2));
    run.save(&mut file).expect("finite weights");
    (file, x, t, fit)
}

/// What `resume` says of this file; nothing may change.
fn refused<Obs>(
    file: &[u8],
    (x, t, fit): (&[[f32; 3]], &[u8], &Fit<Adam>),
    mut observer: Obs,
) -> ResumeError
where
    Obs: for<'a> Observer<Training<'a, Of<Small>, Kind, Adam, 4>> + Persist,
{
    let mut net = Of::<Small>::init(Seed(9));
    let mut trainer = SmallTrainer::ZERO;
    let before = (net.hash(), words(&mut trainer), words(&mut observer));
    let error = trainer.resume(&mut net, dataset(x, t), fit, &mut observer, file).err();
    assert_eq!((net.hash(), words(&mut trainer), words(&mut observer)), before);
    error.expect("a file that must be refused")
}

#[test]
fn a_damaged_checkpoint_is_refused() {
    let (file, x, t, fit) = checkpoint();
    let mut bad = file.clone();
    for bit in 0..8 * file.len() {
        bad[bit / 8] ^= 1 << (bit % 8);
        let error = refused(&bad, (&x, &t, &fit), History::<2>::new());
        assert!(matches!(error, ResumeError::Checkpoint(_)), "bit {bit}: {error}");
        bad[bit / 8] ^= 1 << (bit % 8);
    }
    for len in 0..file.len() {
        let error = refused(&file[..len], (&x, &t, &fit), History::<2>::new());
        let length = Error::Length { expected: file.len(), got: len };
        assert_eq!(error, ResumeError::Checkpoint(length));
    }
}

#[test]
fn a_checkpoint_of_something_else_is_refused() {
    let (file, x, t, fit) = checkpoint();
    let good = (x.as_slice(), t.as_slice(), &fit);
    let checked = |error| match error {
        ResumeError::Checkpoint(error) => error,
        error => panic!("{error}"),
    };
    let history = History::<2>::new;
    // Other observers.
    assert_eq!(checked(refused(&file, good, ())), Error::State);
    assert_eq!(checked(refused(&file, good, History::<3>::new())), Error::State);
    let swapped = (OnEpoch(|_: &EpochReport| ControlFlow::Continue(())), history());
    assert_eq!(checked(refused(&file, good, swapped)), Error::State);
    // Other settings.
    let other = [
        Fit { optimizer: Adam::with_lr(0.2), ..fit },
        Fit { batch: Some(Batch::Mini(3)), ..fit },
        Fit { shuffle: None, ..fit },
        Fit { shuffle: Some(Seed(1 << 32 | 1)), ..fit },
        Fit { drop_last: true, ..fit },
    ];
    for other in &other {
        assert_eq!(checked(refused(&file, (&x, &t, other), history())), Error::Settings);
    }
    assert_eq!(checked(refused(&file, (&x[1..], &t[1..], &fit), history())), Error::Settings);
    // Data that cannot be used.
    let mut nan = x.clone();
    nan[4][1] = f32::NAN;
    let error = refused(&file, (&nan, &t, &fit), history());
    assert!(matches!(error, ResumeError::Training(DataError::Input { sample: 4, column: 1, .. })));
    // An observer that cannot go on.
    let early = EarlyStopping { min_delta: f32::NAN, ..EarlyStopping::DEFAULT };
    let (mut net, mut trainer) = (Of::<Small>::init(Seed(2)), SmallTrainer::ZERO);
    let mut with_early = vec![0; SmallTrainer::run_bytes::<EarlyStopping>()];
    let stopping = EarlyStopping { monitor: Monitor::Loss, ..EarlyStopping::DEFAULT };
    let mut run = trainer.begin(&mut net, dataset(&x, &t), &fit, stopping).expect("good data");
    run.save(&mut with_early).expect("finite weights");
    let error = refused(&with_early, good, early);
    assert!(matches!(error, ResumeError::Training(DataError::HyperParameter { .. })), "{error}");

    // Files of other kinds, networks and optimizers.
    let (mut net, mut trainer) = (Of::<Small>::init(Seed(2)), SmallTrainer::ZERO);
    let mut model = vec![0; Of::<Small>::SAVED_BYTES];
    net.save(&mut model).expect("finite weights");
    let mut small = vec![0; SmallTrainer::CHECKPOINT_BYTES];
    trainer.save(&net, &mut small).expect("finite weights");
    for (bytes, kind) in [(&model, 1), (&small, 2)] {
        let error = checked(refused(bytes, good, history()));
        assert_eq!(error, Error::Kind { expected: 3, got: kind });
    }
    let error = trainer.load(&mut net, &file).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the file holds the checkpoint of a run; the checkpoint of a trainer is expected"
    );
    assert!(matches!(net.load(&small), Err(Error::Kind { expected: 1, got: 2 })));
    trainer.load(&mut net, &small).expect("its own checkpoint");
    let mut rms = TrainerOf::<Small, AdamW>::ZERO;
    assert_eq!(rms.load(&mut net, &small), Err(Error::State));
    let mut other = Of::<(Dense<3, 2, Softmax>,)>::ZERO;
    let mut trainer = TrainerOf::<(Dense<3, 2, Softmax>,), Adam>::ZERO;
    assert!(matches!(trainer.load(&mut other, &small), Err(Error::Architecture { .. })));
}

/// Files with a right checksum and impossible numbers.
#[test]
fn impossible_numbers_are_refused() {
    let (file, x, t, fit) = checkpoint();
    let end = file.len() - 4;
    let state = {
        let at = 28 + 12; // the number of the state's words
        let words = u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes")) as usize;
        end - (4 * words).next_multiple_of(16)
    };
    let place = 1 + SmallTrainer::WORDS;
    // Learning rate; then epoch, start, step, sum, excess, correct.
    let with = |word: usize, value: u32| {
        let mut file = file.clone();
        file[state + 4 * word..][..4].copy_from_slice(&value.to_le_bytes());
        let sum = crate::saved::crc(&file[..end]);
        file[end..].copy_from_slice(&sum.to_le_bytes());
        refused_or_not(&file, (&x, &t, &fit))
    };
    let epoch = place + Adam::WORDS;
    assert_eq!(with(epoch, 2), None);
    assert_eq!(with(epoch + 1, 8), None); // as it was
    for start in [1, 7, 9, 11, 12, u32::MAX] {
        assert_eq!(with(epoch + 1, start), Some(ResumeError::Checkpoint(Error::Position)));
    }
    for step in [0, 1, 3, u32::MAX] {
        assert_eq!(with(epoch + 2, step), Some(ResumeError::Checkpoint(Error::Position)));
    }
    for correct in [9, u32::MAX] {
        assert_eq!(with(epoch + 5, correct), Some(ResumeError::Checkpoint(Error::Position)));
    }
    for lr in [f32::NAN, -1.0, f32::INFINITY] {
        let error = with(place, lr.to_bits());
        assert!(matches!(error, Some(ResumeError::Training(DataError::HyperParameter { .. }))));
    }
}

/// [`refused`], or `None` if the file is accepted.
fn refused_or_not(
    file: &[u8],
    (x, t, fit): (&[[f32; 3]], &[u8], &Fit<Adam>),
) -> Option<ResumeError> {
    let (mut net, mut trainer) = (Of::<Small>::init(Seed(9)), SmallTrainer::ZERO);
    let history = History::<2>::new();
    let accepted = trainer.resume(&mut net, dataset(x, t), fit, history, file).err();
    accepted.map(|_| refused(file, (x, t, fit), History::<2>::new()))
}

/// Another loss, penalty or capacity would lead to other weights.
#[test]
fn another_loss_penalty_or_capacity_is_refused() {
    type Layers<const DEN: u32> = (DenseL2<3, 2, Sigmoid, 1, DEN>,);
    fn file<L, const DEN: u32, const B: usize>(from: Option<&[u8]>) -> Result<Vec<u8>, ResumeError>
    where
        L: Loss<Sigmoid, [f32; 2], Target = [f32; 2]>,
    {
        let (x, t) = ([[0.5, 1.0, -1.0]; 6], [[0.0, 1.0]; 6]);
        let fit = Fit::new(Adam::DEFAULT).epochs(3).batch(Batch::Mini(2));
        let mut net = Of::<Layers<DEN>>::init(Seed(1));
        let mut trainer = Trainer::<Of<Layers<DEN>>, L, Adam, B>::ZERO;
        let mut run = match from {
            None => trainer.begin(&mut net, (&x, &t), &fit, ()).expect("good data"),
            Some(file) => trainer.resume(&mut net, (&x, &t), &fit, (), file)?,
        };
        run.advance(2).expect("good data");
        let mut to = vec![0; Trainer::<Of<Layers<DEN>>, L, Adam, B>::run_bytes::<()>()];
        run.save(&mut to).expect("finite weights");
        Ok(to)
    }
    let saved = file::<MeanSquaredError, 100, 4>(None).expect("good data");
    let settings = Err(ResumeError::Checkpoint(Error::Settings));
    assert!(file::<MeanSquaredError, 100, 4>(Some(&saved)).is_ok());
    assert_eq!(file::<BinaryCrossEntropy, 100, 4>(Some(&saved)), settings);
    assert_eq!(file::<MeanSquaredError, 10, 4>(Some(&saved)), settings);
    assert_eq!(file::<MeanSquaredError, 100, 5>(Some(&saved)), settings);
}

/// Steps after `load` are those that would have followed `save`.
#[test]
fn single_steps_go_on() {
    let (x, t) = samples::<[f32; 3]>();
    let adam = Adam::with_lr(0.05);
    let (mut net, mut trainer) =
        (Of::<NoisyLayers>::init(Seed(2)), TrainerOf::<NoisyLayers, Adam>::ZERO);
    let mut file = vec![0; TrainerOf::<NoisyLayers, Adam>::CHECKPOINT_BYTES];
    let (mut other, mut worn) = (net.clone(), TrainerOf::<NoisyLayers, Adam>::ZERO);
    for step in 0..20 {
        trainer.save(&net, &mut file).expect("finite weights");
        worn.load(&mut other, &file).expect("its own checkpoint");
        let rows = step % 8..step % 8 + 3;
        let (x, t) = (&x[rows.clone()], &t[rows]);
        let a = trainer.step(&mut net, dataset(x, t), &adam).expect("good data");
        let b = worn.step(&mut other, dataset(x, t), &adam).expect("good data");
        assert_eq!((a.to_bits(), net.hash()), (b.to_bits(), other.hash()));
    }
}
