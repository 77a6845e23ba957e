//! Receipts: the format against a reader that follows its description, replays on every backend,
//! and every change of data, seed, weights, settings or receipt.

use crate::support::{backends, dataset};
use rosenblatt::{
    Backend, Error as DataError,
    init::{Constant, HeNormal, Initializer, LecunUniform, Orthogonal, Uniform},
    kernels::{
        F32Array, contract,
        persist::{Persist, Words, name_code},
    },
    layer::{DenseL1, DenseL2, L1, L1L2, L2, Layer, Regularized, Regularizer, Trainable},
    loss::{Loss, SumOverOutputs},
    observer::{Monitor, Session, StopOnNan},
    optimizer::{ClipNorm, ClipValue, Optimizer},
    prelude::*,
    receipt::{
        Contents, End, Ending, Error, Given, Part, Receipt, Start, Target, Verdict, hash_inputs,
        hash_targets,
    },
    saved,
    schedule::{
        ConstantRate, CosineDecay, ExponentialDecay, InverseTimeDecay, PiecewiseConstant, Schedule,
        Scheduled, StepDecay, WarmUp,
    },
    sequential::{ComposedOf, InputOf, Layers, OutputOf},
    train::{Batch, Recorded},
};
use std::ops::ControlFlow;

/// Layers that keep something from step to step: counts of passes, moving means.
type NoisyLayers = (
    Dense<3, 4, Tanh>,
    Dropout<[f32; 4], { rate(0.25) }, 7>,
    BatchNorm<[f32; 4]>,
    Dropout<[f32; 4], { rate(0.125) }>,
    Dense<4, 2, Softmax>,
);
type Noisy = Mlp<NoisyLayers>;
type Classes = SparseCategoricalCrossEntropy;

const SAMPLES: usize = 11;
/// Epochs of a training, and from hash to hash.
const EPOCHS: usize = 7;
const EVERY: usize = 3;

fn samples() -> (Vec<[f32; 3]>, Vec<u8>) {
    let row = |i: usize| [0, 1, 2].map(|j| ((i * 7 + j * 5) % 11) as f32 / 4.0 - 1.25);
    ((0..SAMPLES).map(row).collect(), (0..SAMPLES).map(|i| (i % 3 == 0).into()).collect())
}

/// A network with its loss and optimizer, and the data and settings of a training.
struct Case<'a, T: Layers, L, O, X, Y> {
    x: &'a [X],
    t: &'a [Y],
    fit: Fit<O>,
    kind: std::marker::PhantomData<(T, L)>,
}

impl<'a, T, L, O, X, Y> Case<'a, T, L, O, X, Y>
where
    T: Layers<Composed: Trainable + Layer<Input = X>>,
    X: F32Array,
    Y: Target + Copy + 'static,
    O: Optimizer + Persist,
    L: Loss<<ComposedOf<T> as Layer>::OutputActivation, OutputOf<Mlp<T>>, Target = Y>,
{
    fn new(x: &'a [X], t: &'a [Y], fit: Fit<O>) -> Self {
        Self { x, t, fit, kind: std::marker::PhantomData }
    }

    /// Records, and returns the receipt and the hash of the network.
    fn record<S: Start>(&self, start: S, fit: Fit<O>) -> (Vec<u8>, u64) {
        let (mut net, mut trainer) = (Mlp::<T>::ZERO, Trainer::<Mlp<T>, L, O, 4>::ZERO);
        let mut room = vec![0xaa; Trainer::<Mlp<T>, L, O, 4>::receipt_bytes::<S>(EPOCHS / EVERY)];
        let mut receipt = Receipt::new(&mut room).every(EVERY);
        let data = dataset(self.x, self.t);
        trainer.fit_recorded(&mut net, start, data, &fit, (), &mut receipt).expect("good data");
        let bytes = receipt.bytes().to_vec();
        assert_eq!(bytes.len(), room.len());
        (bytes, net.hash())
    }

    fn replay<S: Start>(
        &self,
        start: S,
        fit: Fit<O>,
        (x, t): (&[X], &[Y]),
        receipt: &[u8],
    ) -> Result<Verdict, Error> {
        // In memory that another training has used.
        let (mut net, mut trainer) = (Mlp::<T>::init(Seed(99)), Trainer::<_, L, O, 4>::ZERO);
        trainer.fit(&mut net, dataset(self.x, self.t), &self.fit).expect("good data");
        trainer.replay(&mut net, start, dataset(x, t), &fit, (), receipt)
    }

    /// The receipt is the same on every backend, and each replays it. What differs is found.
    fn proves(&self) {
        let seed = Seed(1 << 40 | 3);
        let backends = backends();
        let (receipt, end) = self.record(seed, self.fit.on(Backend::baseline()));
        for backend in &backends {
            assert!(
                self.record(seed, self.fit.on(*backend)) == (receipt.clone(), end),
                "{backend}"
            );
            let found = self.replay(seed, self.fit.on(*backend), (self.x, self.t), &receipt);
            assert_eq!(found, Ok(Verdict::Same), "{backend}");
        }
        self.described(seed, &receipt, end);
        // Other seeds: also in a receipt that says them.
        for other in [Seed(1 << 40 | 2), Seed(3)] {
            let expected = Error::Differs { part: Part::Seed, expected: seed.0, got: other.0 };
            let found = self.replay(other, self.fit, (self.x, self.t), &receipt);
            assert_eq!(found, Err(expected));
            let forged = forge(&receipt, |state| put64(state, 12, other.0));
            let found = self.replay(other, self.fit, (self.x, self.t), &forged);
            assert!(matches!(found, Err(Error::Differs { part: Part::Initial, .. })), "{found:?}");
        }
        // A bit of each value.
        let mut x = self.x.to_vec();
        for i in 0..x.len() {
            for j in 0..X::LEN {
                let good = x[i].as_flat()[j];
                for bit in [0, 13, 22, 24, 31] {
                    x[i].as_flat_mut()[j] = f32::from_bits(good.to_bits() ^ 1 << bit);
                    let found = self.replay(seed, self.fit, (&x, self.t), &receipt);
                    let inputs = Part::Inputs;
                    assert!(
                        matches!(found, Err(Error::Differs { part, .. }) if part == inputs),
                        "sample {i}, value {j}, bit {bit}: {found:?}"
                    );
                }
                x[i].as_flat_mut()[j] = good;
            }
        }
        // A sample less.
        let less = (&self.x[1..], &self.t[1..]);
        let expected = Error::Differs {
            part: Part::Samples,
            expected: SAMPLES as u64,
            got: SAMPLES as u64 - 1,
        };
        assert_eq!(self.replay(seed, self.fit, less, &receipt), Err(expected));
    }

    /// The receipt is what its description says.
    fn described(&self, seed: Seed, receipt: &[u8], end: u64) {
        let contents = Contents::read(receipt).expect("its own receipt");
        let state = Parsed::of(receipt);
        let word = |i: usize| state.state[i];
        let double = |i: usize| u64::from(word(i)) | u64::from(word(i + 1)) << 32;
        // Words.
        let shuffled = self.fit.shuffle.is_some();
        let flags = 1 | u32::from(shuffled) << 1 | u32::from(self.fit.drop_last) << 2;
        let batch = match self.fit.batch {
            Some(Batch::Mini(batch)) => batch as u32,
            _ => 4,
        };
        let fixed = [flags, 0, L::CODE, 4, batch, 11, 7, 7, 0, 3];
        assert_eq!(state.state[..10], fixed);
        assert_eq!(double(10), self.fit.shuffle.map_or(0, |Seed(seed)| seed));
        assert_eq!(double(12), seed.0);
        assert_eq!((double(14), double(16)), (hash_inputs(self.x), hash_targets(self.t)));
        assert_eq!(double(18), Mlp::<T>::init(seed).hash());
        assert_eq!(double(20), end);
        let codes = [0, name_code("glorot uniform"), 0, O::CODE, O::WORDS as u32];
        assert_eq!(state.state[22..27], codes);
        let penalties = word(27) as usize;
        let mut rule = Listed(Vec::new());
        { self.fit.optimizer }.words(&mut rule);
        assert_eq!(state.state[28..28 + O::WORDS], rule.0);
        let at = 28 + O::WORDS + 6 * penalties;
        assert_eq!(state.state.len(), at + 2 * (EPOCHS / EVERY));
        // Hashes: of trainings that end there.
        for i in 0..EPOCHS / EVERY {
            let (mut net, mut trainer) = (Mlp::<T>::init(seed), Trainer::<_, L, O, 4>::ZERO);
            let fit = self.fit.epochs(EVERY * (i + 1));
            trainer.fit(&mut net, dataset(self.x, self.t), &fit).expect("good data");
            assert_eq!(double(at + 2 * i), net.hash());
            assert_eq!(contents.hashes.get(i), Some(net.hash()));
        }
        // The same, read without types.
        let ending = Ending { epochs: EPOCHS, end: End::Epochs };
        assert_eq!((contents.contract, contents.ending), (contract::VERSION, ending));
        assert_eq!(contents.records.iter().collect::<Vec<_>>(), state.records);
        assert_eq!((contents.loss, contents.optimizer), (L::CODE, O::CODE));
        assert_eq!((contents.capacity, contents.batch), (4, batch as usize));
        assert_eq!((contents.samples, contents.epochs), (SAMPLES, EPOCHS));
        assert_eq!((contents.shuffle, contents.seed), (self.fit.shuffle, Some(seed)));
        assert_eq!((contents.drop_last, contents.steered), (self.fit.drop_last, false));
        assert_eq!(contents.hyper_parameters.iter().collect::<Vec<_>>(), rule.0);
        assert_eq!((contents.initial, contents.last), (double(18), end));
        assert_eq!((contents.inputs, contents.targets), (double(14), double(16)));
        assert_eq!((contents.every, contents.hashes.len()), (EVERY, EPOCHS / EVERY));
        assert_eq!((contents.observers, contents.initializer_numbers.len()), (0, 0));
        assert_eq!(contents.penalties.len(), 6 * penalties);
        // The settings that it gives are those of the training: with any other rule's numbers.
        let found = contents.fit(self.fit.optimizer).expect("its own rule");
        assert_eq!(self.replay(seed, found, (self.x, self.t), receipt), Ok(Verdict::Same));
    }
}

struct Listed(Vec<u32>);

impl Words for Listed {
    fn word(&mut self, word: &mut u32) {
        self.0.push(*word);
    }
}

/// A receipt as the byte table describes it.
struct Parsed {
    records: Vec<u32>,
    state: Vec<u32>,
    /// Offset of the state
    at: usize,
}

impl Parsed {
    fn of(file: &[u8]) -> Self {
        let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes"));
        assert_eq!(file[..8], [0x89, 0x52, 0x53, 0x42, 0x0d, 0x0a, 0x1a, 0x0a]);
        assert_eq!(file[8..12], [1, 0, 4, 0]);
        assert_eq!(word(12), contract::VERSION);
        assert_eq!(word(24) as usize, file.len());
        let (w, k) = (word(28) as usize, word(40) as usize);
        assert_eq!((word(32), word(36), word(44)), (0, 0, name_code("receipt")));
        let at = (48 + 4 * w).next_multiple_of(16);
        let end = (at + 4 * k).next_multiple_of(16);
        assert!(file[48 + 4 * w..at].iter().chain(&file[at + 4 * k..end]).all(|byte| *byte == 0));
        assert_eq!(end + 4, file.len());
        assert_eq!(word(end), crate::saved::crc(&file[..end]));
        let words = |from: usize, n: usize| (0..n).map(|i| word(from + 4 * i)).collect::<Vec<_>>();
        Self { records: words(48, w), state: words(at, k), at }
    }
}

/// A receipt with other words and a right checksum.
fn forge(receipt: &[u8], change: impl FnOnce(&mut [[u8; 4]])) -> Vec<u8> {
    let mut forged = receipt.to_vec();
    let at = Parsed::of(receipt).at;
    let end = forged.len() - 4;
    change(forged[at..end].as_chunks_mut::<4>().0);
    sum_up(&mut forged);
    forged
}

fn sum_up(file: &mut [u8]) {
    let end = file.len() - 4;
    let sum = crate::saved::crc(&file[..end]);
    file[end..].copy_from_slice(&sum.to_le_bytes());
}

fn put(state: &mut [[u8; 4]], at: usize, value: u32) {
    state[at] = value.to_le_bytes();
}

fn put64(state: &mut [[u8; 4]], at: usize, value: u64) {
    put(state, at, value as u32);
    put(state, at + 1, (value >> 32) as u32);
}

fn noisy<O: Optimizer + Persist>(optimizer: O) {
    let (x, t) = samples();
    let fit = Fit::new(optimizer).epochs(EPOCHS).shuffle(Seed(5 << 33 | 5));
    Case::<NoisyLayers, Classes, O, _, _>::new(&x, &t, fit).proves();
}

#[test]
fn every_optimizer_is_proved() {
    noisy(Sgd { decay: 0.1, ..Sgd::with_lr(0.1) });
    noisy(Momentum { decay: 0.1, ..Momentum::with_lr(0.1) });
    noisy(Nesterov { decay: 0.1, ..Nesterov::with_lr(0.1) });
    noisy(AdaGrad { decay: 0.1, ..AdaGrad::with_lr(0.1) });
    noisy(RmsProp { decay: 0.1, ..RmsProp::with_lr(0.01) });
    noisy(Adam { decay: 0.1, ..Adam::with_lr(0.01) });
    noisy(AdamW { decay: 0.1, ..AdamW::with_lr(0.01) });
    noisy(ClipNorm { optimizer: Momentum::with_lr(0.1), limit: 0.1 });
    noisy(ClipValue { optimizer: Adam::with_lr(0.1), limit: 0.01 });
}

#[test]
fn every_schedule_is_proved() {
    fn one<S: Schedule + Persist>(schedule: S) {
        noisy(Scheduled { optimizer: Momentum::DEFAULT, schedule });
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

/// In their order, mini-batches of other sizes, and targets that are numbers.
#[test]
fn every_kind_of_training_is_proved() {
    type Plain = (Dense<3, 4, Tanh>, DenseL2<4, 2, Sigmoid, 1, 100>);
    let (x, t) = samples();
    let numbers: Vec<[f32; 2]> = t.iter().map(|class| [f32::from(*class), 0.25]).collect();
    let fit = Fit::new(Adam::with_lr(0.1)).epochs(EPOCHS);
    let fits = [fit, fit.drop_last(), fit.batch(Batch::Mini(3)), fit.batch(Batch::Mini(2))];
    for fit in fits {
        Case::<Plain, MeanSquaredError, _, _, _>::new(&x, &numbers, fit).proves();
    }
    Case::<Plain, SumOverOutputs<BinaryCrossEntropy>, _, _, _>::new(&x, &numbers, fit).proves();
    let hot: Vec<[f32; 2]> = t.iter().map(|t| [1.0 - f32::from(*t), f32::from(*t)]).collect();
    let shuffled = fit.shuffle(Seed(1)).drop_last();
    Case::<NoisyLayers, CategoricalCrossEntropy, _, _, _>::new(&x, &hot, shuffled).proves();
    // A bit of each target.
    let case = Case::<Plain, MeanSquaredError, _, _, _>::new(&x, &numbers, fit);
    let (receipt, _) = case.record(Seed(1), fit);
    for i in 0..2 * SAMPLES {
        for bit in [0, 9, 21, 25, 31] {
            let mut other = numbers.clone();
            let value = &mut other[i / 2][i % 2];
            *value = f32::from_bits(value.to_bits() ^ 1 << bit);
            let found = case.replay(Seed(1), fit, (&x, &other), &receipt);
            assert!(matches!(found, Err(Error::Differs { part: Part::Targets, .. })), "{found:?}");
        }
    }
    let case = Case::<NoisyLayers, Classes, _, _, _>::new(&x, &t, shuffled);
    let (receipt, _) = case.record(Seed(1), shuffled);
    for i in 0..SAMPLES {
        let mut other = t.clone();
        other[i] ^= 1;
        let found = case.replay(Seed(1), shuffled, (&x, &other), &receipt);
        assert!(matches!(found, Err(Error::Differs { part: Part::Targets, .. })), "{found:?}");
    }
    // The same classes in another type.
    let wide: Vec<u64> = t.iter().map(|class| u64::from(*class)).collect();
    type Wide = SparseCategoricalCrossEntropy<u64>;
    let wide = Case::<NoisyLayers, Wide, _, _, _>::new(&x, &wide, shuffled);
    assert_eq!(wide.replay(Seed(1), shuffled, (&x, wide.t), &receipt), Ok(Verdict::Same));
}

type NoisyTrainer = Trainer<Noisy, Classes, Adam, 4>;
const FIT: Fit<Adam> = Fit::new(Adam::with_lr(0.1)).epochs(EPOCHS).shuffle(Seed(8));

/// Records with these observers.
fn recorded<Obs>(fit: &Fit<Adam>, every: usize, observer: Obs) -> (Vec<u8>, Noisy)
where
    Obs: for<'a> Observer<Recorded<'a, Noisy, Classes, Adam, 4>> + Persist,
{
    let (x, t) = samples();
    // In memory that another training has used.
    let (mut net, mut trainer) = (Noisy::init(Seed(9)), NoisyTrainer::ZERO);
    trainer.fit(&mut net, dataset(&x, &t), &FIT).expect("good data");
    let mut room = [0; 1024];
    let mut receipt = Receipt::new(&mut room).every(every);
    let outcome =
        trainer.fit_recorded(&mut net, Seed(1), dataset(&x, &t), fit, observer, &mut receipt);
    outcome.expect("good data");
    (receipt.bytes().to_vec(), net)
}

fn replayed<Obs>(fit: &Fit<Adam>, observer: Obs, receipt: &[u8]) -> Result<Verdict, Error>
where
    Obs: for<'a> Observer<Recorded<'a, Noisy, Classes, Adam, 4>> + Persist,
{
    let (x, t) = samples();
    let (mut net, mut trainer) = (Noisy::ZERO, NoisyTrainer::ZERO);
    trainer.replay(&mut net, Seed(1), dataset(&x, &t), fit, observer, receipt)
}

#[test]
fn a_damaged_receipt_is_refused() {
    let (receipt, _) = recorded(&FIT, EVERY, ());
    let mut bad = receipt.clone();
    for bit in 0..8 * receipt.len() {
        bad[bit / 8] ^= 1 << (bit % 8);
        let error = replayed(&FIT, (), &bad).expect_err("a flipped bit");
        assert!(matches!(error, Error::File(_)), "bit {bit}: {error}");
        assert_eq!(Contents::read(&bad), Err(error));
        let code = Error::File(saved::Error::Header {
            offset: 44,
            expected: name_code("receipt"),
            got: name_code("receipt") ^ 1 << (bit % 32),
        });
        assert_eq!(error == code, bit / 32 == 11);
        bad[bit / 8] ^= 1 << (bit % 8);
    }
    for len in 0..receipt.len() {
        let error = Contents::read(&receipt[..len]).expect_err("cut");
        assert!(matches!(error, Error::File(saved::Error::Length { .. })), "{len}: {error}");
    }
    let longer: Vec<u8> = receipt.iter().copied().chain([0; 4]).collect();
    assert!(matches!(Contents::read(&longer), Err(Error::File(saved::Error::Length { .. }))));
    // Other files.
    let mut model = vec![0; Noisy::SAVED_BYTES];
    Noisy::ZERO.save(&mut model).expect("finite");
    let kind = Error::File(saved::Error::Kind { expected: 4, got: 1 });
    assert_eq!(Contents::read(&model), Err(kind));
    let mut net = Noisy::ZERO;
    assert_eq!(net.load(&receipt), Err(saved::Error::Kind { expected: 1, got: 4 }));
    let message = "the file holds the receipt of a training; a saved model is expected";
    assert_eq!(net.load(&receipt).expect_err("a receipt").to_string(), message);
    // The receipt of another network.
    let (x, t) = samples();
    let (mut net, mut trainer) =
        (Mlp::<(Dense<3, 2, Softmax>,)>::ZERO, Trainer::<_, Classes, Adam, 4>::ZERO);
    let found = trainer.replay(&mut net, Seed(1), dataset(&x, &t), &FIT, (), &receipt);
    assert!(matches!(found, Err(Error::File(saved::Error::Architecture { .. }))));
}

/// Receipts with a right checksum and other words: each bit of each word is found.
#[test]
fn a_forged_receipt_is_found() {
    let (receipt, _) = recorded(&FIT, EVERY, ());
    let words = Parsed::of(&receipt).state.len();
    for word in 0..words {
        for bit in 0..32 {
            let forged = forge(&receipt, |state| {
                let old = u32::from_le_bytes(state[word]);
                put(state, word, old ^ 1 << bit);
            });
            let found = replayed(&FIT, (), &forged);
            // The code of the observers, and whether they steered: there are none.
            let free = word == 22 || word == 0 && bit == 3;
            assert_eq!(found == Ok(Verdict::Same), free, "word {word}, bit {bit}: {found:?}");
        }
    }
    // Records with another hash of the architecture, and records that are none.
    for (at, value) in [(16, 1), (48, 0), (48, 1), (48, 255), (52, 7)] {
        let mut forged = receipt.clone();
        forged[at] ^= value;
        sum_up(&mut forged);
        let found = Contents::read(&forged);
        let good = value == 0;
        assert_eq!(found.is_ok(), good);
        let architecture = matches!(found, Err(Error::File(saved::Error::Architecture { .. })));
        assert_eq!(architecture, !good);
    }
    // Numbers that overflow.
    for word in [3, 4, 5, 7, 8, 24, 26, 27] {
        for value in [0x1fff_ffff, 0x3fff_ffff, 0x7fff_ffff, u32::MAX] {
            let forged = forge(&receipt, |state| put(state, word, value));
            if word != 3 && word != 5 {
                let found = Contents::read(&forged);
                assert!(matches!(found, Err(Error::Impossible { .. })), "{word}: {found:?}");
            }
        }
    }
    for at in [28, 40] {
        for value in [1u32 << 29, 1 << 30, u32::MAX] {
            let mut forged = receipt.clone();
            forged[at..at + 4].copy_from_slice(&value.to_le_bytes());
            sum_up(&mut forged);
            assert!(matches!(Contents::read(&forged), Err(Error::File(_))));
        }
    }
}

/// Changes one weight by its last bit, once.
struct Tamper {
    epoch: usize,
}

impl Persist for Tamper {
    const CODE: u32 = name_code("tamper");
    const WORDS: usize = 0;

    fn words(&mut self, _: &mut impl Words) {}
}

impl<S: Session<Net = Noisy>> Observer<S> for Tamper {
    fn on_epoch_end(
        &mut self,
        report: &mut EpochReport,
        session: &mut S,
    ) -> rosenblatt::Result<ControlFlow<()>> {
        if report.number == self.epoch {
            let weight = &mut session.net_mut().weights_mut()[5];
            *weight = weight.next_up();
        }
        Ok(ControlFlow::Continue(()))
    }
}

#[test]
fn a_tampered_weight_is_located() {
    let (honest, _) = recorded(&FIT, 2, ());
    for epoch in 1..=EPOCHS {
        let (last, first) = match epoch {
            1 | 2 => (0, 2),
            3 | 4 => (2, 4),
            5 | 6 => (4, 6),
            _ => (6, 7),
        };
        let at = |found: Result<Verdict, Error>| match found {
            Ok(Verdict::Departs { last, first, expected, got }) if expected != got => (last, first),
            found => panic!("{found:?}"),
        };
        assert_eq!(at(replayed(&FIT, Tamper { epoch }, &honest)), (last, first));
        // The tamperer records: the receipt says that an observer has changed something.
        let (tampered, _) = recorded(&FIT, 2, Tamper { epoch });
        assert!(Contents::read(&tampered).expect("a receipt").steered);
        let found = replayed(&FIT, (), &tampered);
        let expected = u64::from(Tamper::CODE);
        assert_eq!(found, Err(Error::Differs { part: Part::Observers, expected, got: 0 }));
        assert_eq!(replayed(&FIT, Tamper { epoch }, &tampered), Ok(Verdict::Same));
        // Somebody hides that.
        let forged = forge(&tampered, |state| {
            put(state, 0, 3);
            put(state, 22, 0);
        });
        assert_eq!(at(replayed(&FIT, (), &forged)), (last, first));
    }
    // A hash that was changed, and that of the end.
    for (i, place) in [(0, (0, 2)), (1, (2, 4)), (2, (4, 6))] {
        let forged = forge(&honest, |state| state[28 + 5 + 2 * i][3] ^= 0x80);
        let found = replayed(&FIT, (), &forged);
        let Ok(Verdict::Departs { last, first, .. }) = found else { panic!("{found:?}") };
        assert_eq!((last, first), place);
    }
    let forged = forge(&honest, |state| state[21][0] ^= 1);
    let found = replayed(&FIT, (), &forged).expect("the same settings");
    let Verdict::Departs { last: 6, first: 7, expected, got } = found else { panic!("{found}") };
    assert_eq!(expected ^ got, 1 << 32);
    assert_eq!(
        found.to_string(),
        format!(
            "departs behind epoch 6, up to the end of epoch 7: the network's hash is {got:016x}; \
             that of the receipt is {expected:016x}"
        )
    );
}

#[test]
fn observers_are_needed_only_where_they_steer() {
    let (x, t) = samples();
    let fit = FIT.epochs(40);
    // They watch.
    let held_out = || Validation::new(dataset(&x[..5], &t[..5]));
    let (plain, trained) = recorded(&fit, 10, ());
    let (watched, net) = recorded(&fit, 10, (held_out(), History::<3>::new(), StopOnNan::new()));
    assert_eq!(net.hash(), trained.hash());
    assert!(plain != watched, "the code of the observers");
    assert_eq!(replayed(&fit, (), &watched), Ok(Verdict::Same));
    assert_eq!(replayed(&fit, History::<3>::new(), &plain), Ok(Verdict::Same));
    // They end the training.
    let stop = |patience| EarlyStopping {
        monitor: Monitor::Loss,
        min_delta: 9.0,
        ..EarlyStopping::with_patience(patience)
    };
    let (stopped, net) = recorded(&fit, 10, stop(25));
    let contents = Contents::read(&stopped).expect("a receipt");
    let ending = Ending { epochs: 26, end: End::Observer };
    assert_eq!((contents.ending, contents.epochs, contents.steered), (ending, 40, false));
    assert_eq!((contents.hashes.len(), contents.last), (2, net.hash()));
    assert_eq!(replayed(&fit, (), &stopped), Ok(Verdict::Same));
    assert_eq!(replayed(&fit, stop(25), &stopped), Ok(Verdict::Same));
    assert_eq!(replayed(&fit, stop(26), &stopped), Ok(Verdict::Same));
    let early = Ending { epochs: 25, end: End::Observer };
    let found = replayed(&fit, stop(24), &stopped).expect("the same settings");
    assert_eq!(found, Verdict::Ends { last: 20, expected: ending, got: Some(early) });
    assert_eq!(
        found.to_string(),
        "departs behind epoch 20: the replay ends after 25 epochs, by an observer; the training of \
         the receipt ends after 26 epochs, by an observer"
    );
    // It ends with the last epoch.
    let (last, _) = recorded(&fit, 10, stop(39));
    let ending = Ending { epochs: 40, end: End::Epochs };
    assert_eq!(Contents::read(&last).expect("a receipt").ending, ending);
    assert_eq!(replayed(&fit, (), &last), Ok(Verdict::Same));
    // They change the learning rate, or the network.
    let plateau = |patience| ReduceOnPlateau {
        monitor: Monitor::Loss,
        min_delta: 9.0,
        patience,
        ..ReduceOnPlateau::DEFAULT
    };
    let (reduced, net) = recorded(&fit, 10, plateau(14));
    assert_ne!(net.hash(), trained.hash());
    let found = replayed(&fit, (), &reduced);
    assert!(matches!(found, Err(Error::Differs { part: Part::Observers, .. })));
    assert_eq!(replayed(&fit, plateau(14), &reduced), Ok(Verdict::Same));
    let found = replayed(&fit, plateau(15), &reduced);
    assert!(matches!(found, Ok(Verdict::Departs { last: 10, first: 20, .. })), "{found:?}");
    // One that never does.
    let (never, _) = recorded(&fit, 10, plateau(99));
    assert!(!Contents::read(&never).expect("a receipt").steered);
    assert_eq!(replayed(&fit, (), &never), Ok(Verdict::Same));
    let best = || {
        let early = stop(25);
        (RestoreBest::like(&early, Noisy::ZERO), early)
    };
    let (restored, net) = recorded(&fit, 10, best());
    let contents = Contents::read(&restored).expect("a receipt");
    assert_eq!((contents.steered, contents.last), (true, net.hash()));
    assert_eq!(replayed(&fit, best(), &restored), Ok(Verdict::Same));
    let found = replayed(&fit, stop(25), &restored);
    assert!(matches!(found, Err(Error::Differs { part: Part::Observers, .. })));
    let mut other = best();
    other.0.min_delta = 0.0;
    let found = replayed(&fit, other, &restored);
    assert!(matches!(found, Ok(Verdict::Departs { last: 20, first: 26, .. })), "{found:?}");
}

/// The receipt says at which step a training was rejected.
#[test]
fn a_rejected_step_is_recorded() {
    type Line = Mlp<(Dense<1, 1>,)>;
    type LineTrainer = Trainer<Line, MeanSquaredError, Sgd, 2>;
    let (x, t) = ([[2.0], [1.0], [3.0], [2.5]], [[1.0], [0.0], [1.0], [0.5]]);
    let fit = Fit::new(Sgd::with_lr(30.0)).epochs(100);
    let mut ends = Vec::new();
    for stops in [false, true] {
        let (mut net, mut trainer) = (Line::ZERO, LineTrainer::ZERO);
        let mut room = [0; LineTrainer::receipt_bytes::<Seed>(100)];
        let mut receipt = Receipt::new(&mut room);
        let mut stop = StopOnNan::new();
        let error = if stops {
            let watch = (&mut stop,);
            trainer
                .fit_recorded(&mut net, Seed(1), (&x, &t), &fit, watch, &mut receipt)
                .expect("it is handled");
            stop.stopped().expect("a rejected step")
        } else {
            trainer
                .fit_recorded(&mut net, Seed(1), (&x, &t), &fit, (), &mut receipt)
                .expect_err("a rejected step")
        };
        let DataError::NotFinite { what, epoch, step } = error else { panic!("{error}") };
        let contents = Contents::read(receipt.bytes()).expect("a receipt");
        let end = match what {
            rosenblatt::error::Quantity::Loss => End::Loss { step },
            rosenblatt::error::Quantity::Gradient => End::Gradient { step },
        };
        let ending = Ending { epochs: epoch - 1, end };
        assert_eq!((contents.ending, contents.last), (ending, net.hash()));
        assert_eq!(contents.hashes.len(), epoch - 1);
        assert!(epoch > 4 && epoch < 50, "{epoch}");
        let bytes = receipt.bytes().to_vec();
        let replay = |receipt: &[u8]| {
            let (mut net, mut trainer) = (Line::ZERO, LineTrainer::ZERO);
            trainer.replay(&mut net, Seed(1), (&x, &t), &fit, (), receipt)
        };
        assert_eq!(replay(&bytes), Ok(Verdict::Same));
        // Another step, the other kind, an epoch less: without its hash.
        let got = Some(ending);
        let code = u32::from_le_bytes(bytes[Parsed::of(&bytes).at + 4..][..4].try_into().unwrap());
        for (word, value) in [(8, 3 - step as u32), (1, code ^ 1)] {
            let found = replay(&forge(&bytes, |state| put(state, word, value)));
            let Ok(Verdict::Ends { last, got: found, .. }) = found else { panic!("{found:?}") };
            assert_eq!((last, found), (epoch - 1, got));
        }
        let forged = forge(&bytes, |state| {
            put(state, 1, 1);
            put(state, 8, 0);
        });
        let found = replay(&forged);
        if step == 1 {
            assert_eq!(found, Ok(Verdict::Same)); // an end by an observer, with the same network
        } else {
            assert!(matches!(found, Ok(Verdict::Departs { .. })), "{found:?}");
        }
        // It says that a step was rejected where none was.
        let longer = Ending { epochs: 2, end };
        let cut = {
            let at = Parsed::of(&bytes).at;
            let words = 28 + 2 + 4;
            let mut file = bytes[..(at + 4 * words).next_multiple_of(16) + 4].to_vec();
            let len = file.len();
            file[24..28].copy_from_slice(&(len as u32).to_le_bytes());
            file[40..44].copy_from_slice(&(words as u32).to_le_bytes());
            file[at + 28..at + 32].copy_from_slice(&2u32.to_le_bytes());
            file[at + 4 * words..len - 4].fill(0);
            sum_up(&mut file);
            file
        };
        let found = replay(&cut).expect("the same settings");
        assert_eq!(found, Verdict::Ends { last: 2, expected: longer, got: None });
        ends.push(ending);
    }
    assert_eq!(ends[0], ends[1]);
}

/// A schedule of one's own that leaves its range.
#[test]
fn a_rate_out_of_range_is_recorded() {
    #[derive(Clone, Copy)]
    struct Wrong;
    impl Persist for Wrong {
        const CODE: u32 = name_code("wrong");
        const WORDS: usize = 0;
        fn words(&mut self, _: &mut impl Words) {}
    }
    impl Schedule for Wrong {
        fn at(&self, step: u32) -> f32 {
            if step < 5 { 0.1 } else { -1.0 }
        }
        fn lr(&self) -> f32 {
            0.1
        }
        fn set_lr(&mut self, _: f32) {}
        fn check(&self) -> rosenblatt::Result<()> {
            Ok(())
        }
    }
    type Rule = Scheduled<Sgd, Wrong>;
    type UnitTrainer = Trainer<Mlp<(Dense<2, 1, Sigmoid>,)>, BinaryCrossEntropy, Rule, 4>;
    let fit = Fit::new(Scheduled { optimizer: Sgd::DEFAULT, schedule: Wrong }).epochs(9);
    let (mut net, mut trainer) = (Mlp::ZERO, UnitTrainer::ZERO);
    let mut room = [0; UnitTrainer::receipt_bytes::<Seed>(9)];
    let mut receipt = Receipt::new(&mut room);
    let outcome = trainer.fit_recorded(&mut net, Seed(1), &gates::OR, &fit, (), &mut receipt);
    assert!(matches!(outcome, Err(DataError::HyperParameter { .. })));
    let ending = Contents::read(receipt.bytes()).expect("a receipt").ending;
    assert_eq!(ending, Ending { epochs: 5, end: End::Rate });
    let found = trainer.replay(&mut net, Seed(1), &gates::OR, &fit, (), receipt.bytes());
    assert_eq!(found, Ok(Verdict::Same));
}

#[test]
fn every_start_is_proved() {
    fn one<S: Start + Copy>(start: S, begin: Noisy, codes: (u32, &[u32])) {
        let (x, t) = samples();
        let (mut net, mut trainer) = (begin.clone(), NoisyTrainer::ZERO);
        let mut room = [0; 1024];
        let mut receipt = Receipt::new(&mut room);
        trainer
            .fit_recorded(&mut net, start, dataset(&x, &t), &FIT, (), &mut receipt)
            .expect("good data");
        let contents = Contents::read(receipt.bytes()).expect("a receipt");
        assert_eq!(contents.seed, start.seed());
        assert_eq!(contents.initial, begin.hash());
        let words: Vec<u32> = contents.initializer_numbers.iter().collect();
        assert_eq!((contents.initializer, words.as_slice()), codes);
        let mut again = begin.clone();
        let found = trainer.replay(&mut again, start, dataset(&x, &t), &FIT, (), receipt.bytes());
        assert_eq!(found, Ok(Verdict::Same));
        assert_eq!(again.hash(), net.hash());
    }
    fn drawn<I: Initializer + Persist + Copy>(init: I, words: &[u32]) {
        let seed = Seed(77);
        one((init, seed), Noisy::init_with(&init, seed), (I::CODE, words));
    }
    one(Seed(77), Noisy::init(Seed(77)), (name_code("glorot uniform"), &[]));
    one(Given, Noisy::init(Seed(5)), (0, &[]));
    drawn(rosenblatt::init::GlorotUniform, &[]);
    drawn(rosenblatt::init::GlorotNormal, &[]);
    drawn(rosenblatt::init::HeUniform, &[]);
    drawn(HeNormal, &[]);
    drawn(LecunUniform, &[]);
    drawn(rosenblatt::init::LecunNormal, &[]);
    drawn(Orthogonal, &[]);
    let bits = |x: f32| x.to_bits();
    drawn(Uniform { min: -0.5, max: 0.25 }, &[bits(-0.5), bits(0.25)]);
    drawn(Constant(0.5), &[bits(0.5)]);

    // Other starts than that of the receipt.
    let (x, t) = samples();
    let (mut net, mut trainer) = (Noisy::ZERO, NoisyTrainer::ZERO);
    let mut room = [0; 1024];
    let mut receipt = Receipt::new(&mut room);
    let start = (Uniform { min: -0.5, max: 0.25 }, Seed(1));
    trainer
        .fit_recorded(&mut net, start, dataset(&x, &t), &FIT, (), &mut receipt)
        .expect("good data");
    let mut part = |start: &mut dyn FnMut(
        &mut Noisy,
        &mut NoisyTrainer,
    ) -> Result<Verdict, Error>| {
        match start(&mut net, &mut trainer) {
            Err(Error::Differs { part, .. }) => part,
            found => panic!("{found:?}"),
        }
    };
    let bytes = receipt.bytes();
    let data = || dataset(&x, &t);
    let found = part(&mut |net, trainer| {
        trainer.replay(net, (Uniform { min: -0.5, max: 0.5 }, Seed(1)), data(), &FIT, (), bytes)
    });
    assert_eq!(found, Part::InitializerNumber { index: 1 });
    let found = part(&mut |net, trainer| trainer.replay(net, Seed(1), data(), &FIT, (), bytes));
    assert_eq!(found, Part::Initializer);
    let found = part(&mut |net, trainer| trainer.replay(net, Given, data(), &FIT, (), bytes));
    assert_eq!(found, Part::Seeded);
    // Every bit of the given weights.
    let begin = Noisy::init(Seed(5));
    let (mut net, mut trainer) = (begin.clone(), NoisyTrainer::ZERO);
    let mut receipt = Receipt::new(&mut room);
    trainer.fit_recorded(&mut net, Given, data(), &FIT, (), &mut receipt).expect("good data");
    for i in 0..Noisy::PARAMS {
        for bit in 0..32 {
            let mut net = begin.clone();
            let weight = &mut net.weights_mut()[i];
            *weight = f32::from_bits(weight.to_bits() ^ 1 << bit);
            let found = trainer.replay(&mut net, Given, data(), &FIT, (), receipt.bytes());
            let initial = matches!(found, Err(Error::Differs { part: Part::Initial, .. }));
            assert!(initial, "weight {i}, bit {bit}: {found:?}");
        }
    }
}

#[test]
fn each_other_setting_has_an_error() {
    let (receipt, _) = recorded(&FIT, EVERY, ());
    let refused = |fit: &Fit<Adam>| match replayed(fit, (), &receipt) {
        Err(Error::Differs { part, .. }) => part,
        found => panic!("{found:?}"),
    };
    let rule = |optimizer| Fit { optimizer, ..FIT };
    let hyper = |index| Part::HyperParameter { index };
    let adam = FIT.optimizer;
    assert_eq!(refused(&rule(Adam { lr: 0.1f32.next_up(), ..adam })), hyper(0));
    assert_eq!(refused(&rule(Adam { beta1: 0.8, ..adam })), hyper(1));
    assert_eq!(refused(&rule(Adam { beta2: 0.8, ..adam })), hyper(2));
    assert_eq!(refused(&rule(Adam { epsilon: 0.5, ..adam })), hyper(3));
    assert_eq!(refused(&rule(Adam { decay: 0.5, ..adam })), hyper(4));
    assert_eq!(refused(&FIT.batch(Batch::Mini(3))), Part::Batch);
    assert_eq!(refused(&Fit { shuffle: None, ..FIT }), Part::Shuffle);
    assert_eq!(refused(&FIT.shuffle(Seed(1 << 32 | 8))), Part::ShuffleSeed);
    assert_eq!(refused(&FIT.drop_last()), Part::DropLast);
    assert_eq!(refused(&FIT.epochs(8)), Part::Epochs);
    let found = replayed(&Fit::new(Adam::with_lr(-1.0)), (), &receipt);
    assert!(matches!(found, Err(Error::Training(DataError::HyperParameter { .. }))));

    // Other types.
    let (x, t) = samples();
    let data = || dataset(&x, &t);
    let mut net = Noisy::ZERO;
    let found = Trainer::<Noisy, Classes, AdamW, 4>::default().replay(
        &mut net,
        Seed(1),
        data(),
        &Fit::new(AdamW::DEFAULT),
        (),
        &receipt,
    );
    let expected = Error::Differs {
        part: Part::Optimizer,
        expected: Adam::CODE.into(),
        got: AdamW::CODE.into(),
    };
    assert_eq!(found, Err(expected));
    let found = Contents::read(&receipt).expect("a receipt").fit(AdamW::DEFAULT);
    assert_eq!(found.err(), Some(expected));
    let found = Trainer::<Noisy, Classes, Adam, 5>::default().replay(
        &mut net,
        Seed(1),
        data(),
        &FIT.batch(Batch::Mini(4)),
        (),
        &receipt,
    );
    let expected = Error::Differs { part: Part::Capacity, expected: 4, got: 5 };
    assert_eq!(found, Err(expected));
    assert_eq!(expected.to_string(), "the trainer's B is 5; that of the receipt is 4");
    let hot: Vec<[f32; 2]> = t.iter().map(|t| [1.0 - f32::from(*t), f32::from(*t)]).collect();
    let found = Trainer::<Noisy, CategoricalCrossEntropy, Adam, 4>::default().replay(
        &mut net,
        Seed(1),
        dataset(&x, &hot),
        &FIT,
        (),
        &receipt,
    );
    assert!(matches!(found, Err(Error::Differs { part: Part::Loss, .. })));
}

/// Penalties are written with their layers and factors.
#[test]
fn penalties_are_named() {
    type Net<R> = (
        Dense<3, 4, Tanh>,
        Regularized<DenseL1<4, 4, Tanh, 1, 1000>, R>,
        LayerNorm<[f32; 4]>,
        DenseL2<4, 2, Softmax, 3, 200>,
    );
    type Elastic = L1L2<1, 10, 2, 300>;
    type NetTrainer<R> = Trainer<Mlp<Net<R>>, Classes, Sgd, 4>;
    let (x, t) = samples();
    let fit = Fit::new(Sgd::DEFAULT).epochs(2);
    let mut room = [0; NetTrainer::<Elastic>::receipt_bytes::<Seed>(0)];
    let mut receipt = Receipt::new(&mut room);
    let (mut net, mut trainer) = (Mlp::ZERO, NetTrainer::<Elastic>::ZERO);
    trainer
        .fit_recorded(&mut net, Seed(1), dataset(&x, &t), &fit, (), &mut receipt)
        .expect("good data");
    let contents = Contents::read(receipt.bytes()).expect("a receipt");
    let words: Vec<u32> = contents.penalties.iter().collect();
    let expected = [
        [1, L1::<1, 1000>::CODE, 1, 1000, 0, 1],
        [1, Elastic::CODE, 1, 10, 2, 300],
        [3, L2::<3, 200>::CODE, 0, 1, 3, 200],
    ];
    assert_eq!(words, expected.as_flattened());
    let found = trainer.replay(&mut net, Seed(1), dataset(&x, &t), &fit, (), receipt.bytes());
    assert_eq!(found, Ok(Verdict::Same));
    let (mut net, mut trainer) = (Mlp::ZERO, NetTrainer::<L1L2<1, 10, 2, 301>>::ZERO);
    let found = trainer.replay(&mut net, Seed(1), dataset(&x, &t), &fit, (), receipt.bytes());
    assert!(matches!(found, Err(Error::Differs { part: Part::Penalties, .. })), "{found:?}");
    type Fewer = (Dense<3, 4, Tanh>, Dense<4, 4, Tanh>, LayerNorm<[f32; 4]>, Dense<4, 2, Softmax>);
    let (mut net, mut trainer) = (Mlp::<Fewer>::ZERO, Trainer::<_, Classes, Sgd, 4>::ZERO);
    let found = trainer.replay(&mut net, Seed(1), dataset(&x, &t), &fit, (), receipt.bytes());
    let expected = Error::Differs { part: Part::Penalties, expected: 3, got: 0 };
    assert_eq!(found, Err(expected));
}

#[test]
fn the_buffer_decides_how_many_hashes_there_are() {
    let (x, t) = samples();
    type Found = Result<(usize, usize, usize), DataError>;
    let record = |room: usize, every: Option<usize>, epochs: usize| -> Found {
        let (mut net, mut trainer) = (Noisy::ZERO, NoisyTrainer::ZERO);
        let mut room = vec![0xaa; room];
        let receipt = Receipt::new(&mut room);
        let mut receipt = match every {
            Some(every) => receipt.every(every),
            None => receipt,
        };
        let fit = FIT.epochs(epochs);
        let outcome =
            trainer.fit_recorded(&mut net, Seed(1), dataset(&x, &t), &fit, (), &mut receipt);
        assert_eq!(outcome.is_err(), receipt.bytes().is_empty());
        outcome?;
        let bytes = receipt.bytes().to_vec();
        let contents = Contents::read(&bytes).expect("a receipt");
        assert_eq!(contents.ending.epochs, epochs);
        let mut net = Noisy::ZERO;
        let found = trainer.replay(&mut net, Seed(1), dataset(&x, &t), &fit, (), &bytes);
        assert_eq!(found, Ok(Verdict::Same));
        Ok((bytes.len(), contents.every, contents.hashes.len()))
    };
    let bytes = NoisyTrainer::receipt_bytes::<Seed>;
    for hashes in 0..12 {
        for epochs in 0..14 {
            for more in 0..7 {
                let (len, every, n) = record(bytes(hashes) + more, None, epochs).expect("room");
                // The padding can have room for one more.
                let room = (0..).take_while(|n| bytes(*n) <= bytes(hashes) + more).last();
                let room = room.expect("some");
                let least = if room == 0 { 0 } else { epochs.div_ceil(room) };
                assert_eq!((every, n), (least, epochs.checked_div(least).unwrap_or(0)));
                assert_eq!(len, bytes(n));
            }
        }
    }
    assert_eq!(record(bytes(3), Some(2), 7), Ok((bytes(3), 2, 3)));
    assert_eq!(record(bytes(7), Some(0), 7), Ok((bytes(0), 0, 0)));
    assert_eq!(record(bytes(7), Some(9), 7), Ok((bytes(0), 9, 0)));
    let expected = bytes(7);
    let error = record(bytes(4), Some(1), 7).expect_err("no room");
    assert_eq!(error, DataError::Receipt { expected, got: bytes(4) });
    let message = format!("the receipt has {expected} bytes; its buffer has {}", bytes(4));
    assert_eq!(error.to_string(), message);
    for got in 0..bytes(0) {
        let error = record(got, None, 7).expect_err("no room");
        assert_eq!(error, DataError::Receipt { expected: bytes(0), got });
    }
}

/// Errors before the first step, and errors of observers, leave no receipt.
#[test]
fn a_training_that_fails_has_no_receipt() {
    let (mut x, t) = samples();
    let (mut net, mut trainer) = (Noisy::ZERO, NoisyTrainer::ZERO);
    let mut room = [0; 1024];
    let mut receipt = Receipt::new(&mut room);
    let data = dataset(&x, &t);
    trainer.fit_recorded(&mut net, Seed(1), data, &FIT, (), &mut receipt).expect("good data");
    assert!(!receipt.bytes().is_empty());
    // No validation stands before it.
    let early = EarlyStopping::with_patience(1);
    let outcome = trainer.fit_recorded(&mut net, Seed(1), data, &FIT, early, &mut receipt);
    assert!(matches!(outcome, Err(DataError::NotMonitored { .. })));
    assert!(receipt.bytes().is_empty());
    // Its settings are wrong.
    let early = EarlyStopping { min_delta: f32::NAN, ..early };
    let outcome = trainer.fit_recorded(&mut net, Seed(1), data, &FIT, early, &mut receipt);
    assert!(matches!(outcome, Err(DataError::HyperParameter { .. })));
    assert!(receipt.bytes().is_empty());
    // Weights that were never set.
    let outcome = trainer.fit_recorded(&mut Noisy::default(), Given, data, &FIT, (), &mut receipt);
    assert!(matches!(outcome, Err(DataError::NeverSet { .. })));
    assert!(receipt.bytes().is_empty());
    x[3][1] = f32::NAN;
    let before = net.hash();
    let outcome = trainer.fit_recorded(&mut net, Seed(1), dataset(&x, &t), &FIT, (), &mut receipt);
    assert!(matches!(outcome, Err(DataError::Input { sample: 3, column: 1, .. })));
    assert_eq!(net.hash(), before);
    assert!(receipt.bytes().is_empty());
}

/// The hashes of data are what their description says.
#[test]
fn data_have_the_described_hash() {
    let fnv = |bytes: &[u8]| {
        bytes.iter().fold(0xcbf2_9ce4_8422_2325u64, |h, b| {
            (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3)
        })
    };
    let words =
        |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    let values = [[[1.5f32, -0.0], [f32::MAX, 1e-45], [3.0, 4.0]]; 2];
    let mut bytes = words(&[2, 0, 1, 2, 3, 2]);
    bytes.extend(values.as_flattened().as_flattened().iter().flat_map(|x| x.to_le_bytes()));
    assert_eq!(hash_inputs(&values), fnv(&bytes));
    assert_eq!(hash_targets(&values), fnv(&bytes));
    let classes = words(&[3, 0, 2, 0, 7, 0, 0, 0, 255, 0]);
    assert_eq!(hash_targets(&[7u8, 0, 255]), fnv(&classes));
    assert_eq!(hash_targets(&[7u16, 0, 255]), fnv(&classes));
    assert_eq!(hash_targets(&[7u32, 0, 255]), fnv(&classes));
    assert_eq!(hash_targets(&[7u64, 0, 255]), fnv(&classes));
    assert_eq!(hash_targets(&[7usize, 0, 255]), fnv(&classes));
    assert_ne!(hash_targets(&[1u64 << 32]), hash_targets(&[0u64]));
    assert_ne!(hash_targets(&[0.0f32, 1.0]), hash_targets(&[[0.0f32], [1.0]]));
    let none: [[f32; 2]; 0] = [];
    assert_eq!(hash_inputs(&none), fnv(&words(&[0, 0, 1, 1, 2])));
}

#[allow(dead_code, reason = "the bound is the test: any network's input can be hashed")]
fn any_input<T: Layers>(x: &[InputOf<Mlp<T>>]) -> u64 {
    hash_inputs(x)
}
