//! A receipt of a training: some hundred bytes that say what a training was, and by which another
//! machine can prove it: it does the training again.
//!
//! [`Trainer::fit_recorded`] trains and writes a [`Receipt`]: the network's layers, the settings,
//! the seeds, a hash of the data, and a hash of the network after every k epochs.
//! [`Trainer::replay`] does the training again, on any target and backend, and compares. Because
//! every target computes the same bits, each hash must be the same. If one is not, the [`Verdict`]
//! says between which epochs the training departs. [`Contents::read`] reads a receipt without any
//! type of the training.
//!
//! ```
//! use rosenblatt::{
//!     prelude::*,
//!     receipt::{Receipt, Verdict},
//! };
//!
//! type Xor = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;
//! type XorTrainer = Trainer<Xor, BinaryCrossEntropy, Adam, 4>;
//! const FIT: Fit<Adam> = Fit::new(Adam::with_lr(0.01)).epochs(500);
//!
//! let (mut net, mut trainer) = (Xor::ZERO, XorTrainer::ZERO);
//! let mut room = [0; XorTrainer::receipt_bytes::<Seed>(10)]; // ten hashes: one every 50 epochs
//! let mut receipt = Receipt::new(&mut room);
//! trainer.fit_recorded(&mut net, Seed(1957), &gates::XOR, &FIT, (), &mut receipt)?;
//! assert_eq!(receipt.bytes().len(), 340);
//!
//! // Elsewhere: the same call, with the receipt's bytes.
//! let (mut net, mut trainer) = (Xor::ZERO, XorTrainer::ZERO);
//! let verdict =
//!     trainer.replay(&mut net, Seed(1957), &gates::XOR, &FIT, (), receipt.bytes())?;
//! assert_eq!(verdict, Verdict::Same);
//! let error = trainer.replay(&mut net, Seed(1957), &gates::OR, &FIT, (), receipt.bytes());
//! assert_eq!(
//!     error.unwrap_err().to_string(),
//!     "the hash of the targets is 0eca2e0e0525cf8d; that of the receipt is 0d16ef0e03b3d000"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is proved
//!
//! The data, the seeds and the weights cannot be others than those of the training:
//! `fit_recorded` draws the initial weights from the seed itself, hashes the very data that it
//! trains with, and resets the trainer first. A training that starts from weights of the caller
//! ([`Given`]) is recorded too. The receipt then holds their hash, and a replay needs them, for
//! example from a [saved model](crate::saved).
//!
//! Observers are called as in [`Trainer::fit_with`]. A replay does not need those that only watched
//! or that ended the training: the receipt holds the epoch of the end. If one changed the learning
//! rate or the network (as [`ReduceOnPlateau`](crate::observer::ReduceOnPlateau) and
//! [`RestoreBest`](crate::observer::RestoreBest) do), the receipt says so. A replay then needs
//! observers of the same types. Their own settings and the samples of a
//! [`Validation`](crate::observer::Validation) are not part of the receipt: with others the replay
//! departs.
//!
//! The hashes find every accidental change. They are no cryptographic hashes: somebody who tries
//! long enough can make other data of the same hash.
//!
//! # The format, version 1
//!
//! A receipt is a file of the format of [`saved`](crate::saved), of kind 4, with no parameters and
//! no non-trainable values. Its state has the code `name_code("receipt")` and k words:
//!
//! | word | content |
//! |---|---|
//! | 0 | sum of 1 if the initial weights were drawn from a seed, 2 if samples were shuffled, 4 for `drop_last`, 8 if an observer changed learning rate or network |
//! | 1 | the end: 0 after all epochs, 1 by an observer, 2 at a loss or 3 at a gradient that is not finite, 4 at a learning rate out of range |
//! | 2 | code of the loss ([`Loss::CODE`]) |
//! | 3 | the trainer's capacity `B` |
//! | 4 | samples of a step |
//! | 5 | number of samples |
//! | 6 | number of epochs asked for |
//! | 7 | e: number of whole epochs done |
//! | 8 | number of the step that was rejected, from 1, in epoch e + 1; 0 if none was |
//! | 9 | k: epochs from hash to hash; 0 if there is only that of the end |
//! | 10, 11 | seed of the shuffle; 0 if there is none |
//! | 12, 13 | seed of the initial weights; 0 if there is none |
//! | 14, 15 | hash of the inputs ([`hash_inputs`]) |
//! | 16, 17 | hash of the targets ([`hash_targets`]) |
//! | 18, 19 | hash of the initial network ([`Sequential::hash`](crate::Sequential::hash)) |
//! | 20, 21 | hash of the network at the end |
//! | 22 | code of the observers ([`Persist::CODE`]); 0 for none |
//! | 23 | code of the initializer (its [`Persist::CODE`]); 0 for given weights |
//! | 24 | i: number of the initializer's words |
//! | 25 | code of the optimizer with its wrappers and schedule ([`Persist::CODE`]) |
//! | 26 | o: number of the optimizer's words |
//! | 27 | q: number of penalties |
//! | 28 | i words of the initializer: its numbers in the order of its fields |
//! | 28 + i | o words of the optimizer: its hyper-parameters in the order of its fields |
//! | 28 + i + o | 6·q words: for each penalty the index of its layer, the code of its regularizer, the factors of Σ\|w\| and of Σw² as numerator and denominator ([`Trainable::penalties`](crate::layer::Trainable::penalties)) |
//! | … | ⌊e/k⌋ hashes of two words: of the network after epoch k, 2·k, … |
//!
//! Of two words, the first is the low half. An f32 is its bits. Each hash is FNV-1a (64 bits):
//! h ← (h xor byte)·0x100000001b3 modulo 2⁶⁴ over bytes, from h = 0xcbf29ce484222325. Each step is
//! a bijection of h, and of the byte: a change of one byte, so also of any one bit, always changes
//! the hash.

mod error;
pub(crate) mod read;
mod verdict;

pub use error::{Error, Part};
pub use read::{Contents, Hashes, Numbers};
pub use verdict::{End, Ending, Verdict};

#[cfg(doc)]
use crate::{Trainer, loss::Loss};
use crate::{
    init::{GlorotUniform, Initializer},
    rng::Seed,
    sequential::Model,
};
use rosenblatt_kernels::{
    F32Array, F32Rows,
    array::Shape,
    persist::{FNV, Persist, Words, fnv},
};

/// Words before those of initializer, optimizer, penalties and hashes.
pub(crate) const FIXED: usize = 28;
/// Words of a penalty.
pub(crate) const PENALTY: usize = 6;
/// Bits of word 0.
pub(crate) const SEEDED: u32 = 1;
pub(crate) const SHUFFLED: u32 = 2;
pub(crate) const DROP_LAST: u32 = 4;
pub(crate) const STEERED: u32 = 8;

/// The buffer of a receipt, which [`Trainer::fit_recorded`] fills.
///
/// ```
/// use rosenblatt::{prelude::*, receipt::{Contents, Receipt}};
/// type Unit = Mlp<(Dense<2, 1, Sigmoid>,)>;
/// type UnitTrainer = Trainer<Unit, BinaryCrossEntropy, Sgd, 4>;
/// let mut room = [0; UnitTrainer::receipt_bytes::<Seed>(5)];
/// let mut receipt = Receipt::new(&mut room).every(20);
/// assert!(receipt.bytes().is_empty());
/// let fit = Fit::new(Sgd::DEFAULT).epochs(70);
/// let (mut net, mut trainer) = (Unit::ZERO, UnitTrainer::ZERO);
/// trainer.fit_recorded(&mut net, Seed(1), &gates::OR, &fit, (), &mut receipt)?;
/// let contents = Contents::read(receipt.bytes())?;
/// assert_eq!(contents.hashes.len(), 3); // of epochs 20, 40, 60
/// assert_eq!(contents.last, net.hash());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Receipt<'a> {
    pub(crate) room: &'a mut [u8],
    pub(crate) every: Option<usize>,
    pub(crate) len: usize,
}

impl<'a> Receipt<'a> {
    /// A receipt in this buffer, whose size [`Trainer::receipt_bytes`] gives. It has a hash after
    /// every k epochs, k = ⌈epochs / n⌉ if the buffer has room for n hashes.
    #[must_use]
    pub const fn new(room: &'a mut [u8]) -> Self {
        Self { room, every: None, len: 0 }
    }

    /// The same, with a hash after every `epochs` epochs; 0 for none but that of the end.
    #[must_use]
    pub fn every(self, epochs: usize) -> Self {
        Self { every: Some(epochs), ..self }
    }

    /// The bytes of the receipt. There are none before a training has ended, and after one that an
    /// error of an observer ended.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.room.get(..self.len).unwrap_or_default()
    }
}

/// Where a recorded training starts: from a [`Seed`], which draws weights by [`GlorotUniform`], a
/// pair of an initializer and a seed, or from the weights that the network has ([`Given`]).
pub trait Start {
    /// A number for the rule ([`Persist::CODE`] of the initializer); 0 for given weights.
    const CODE: u32;
    /// The number of words of its numbers.
    const WORDS: usize;

    /// The seed, if weights are drawn.
    fn seed(&self) -> Option<Seed>;

    /// Passes [`Start::WORDS`] words to `words`.
    fn words(&mut self, words: &mut impl Words);

    /// Sets the initial weights.
    fn begin(&mut self, net: &mut impl Model);
}

impl Start for Seed {
    const CODE: u32 = GlorotUniform::CODE;
    const WORDS: usize = 0;

    fn seed(&self) -> Option<Seed> {
        Some(*self)
    }

    fn words(&mut self, _: &mut impl Words) {}

    #[cfg_attr(target_os = "none", inline(always))]
    fn begin(&mut self, net: &mut impl Model) {
        net.draw(&GlorotUniform, *self);
    }
}

impl<I: Initializer + Persist> Start for (I, Seed) {
    const CODE: u32 = I::CODE;
    const WORDS: usize = I::WORDS;

    fn seed(&self) -> Option<Seed> {
        Some(self.1)
    }

    fn words(&mut self, words: &mut impl Words) {
        self.0.words(words);
    }

    #[cfg_attr(target_os = "none", inline(always))]
    fn begin(&mut self, net: &mut impl Model) {
        net.draw(&self.0, self.1);
    }
}

/// A recorded training starts from the weights that the network has. A replay needs the same ones:
/// a receipt holds only their hash.
///
/// ```
/// use rosenblatt::{prelude::*, receipt::{Given, Part, Receipt, Error}};
/// type Unit = Mlp<(Dense<2, 1, Sigmoid>,)>;
/// type UnitTrainer = Trainer<Unit, BinaryCrossEntropy, Sgd, 4>;
/// let mut room = [0; UnitTrainer::receipt_bytes::<Given>(1)];
/// let mut receipt = Receipt::new(&mut room);
/// let (fit, mut trainer) = (Fit::new(Sgd::DEFAULT).epochs(10), UnitTrainer::ZERO);
/// let mut net = Unit::init(Seed(7));
/// trainer.fit_recorded(&mut net, Given, &gates::OR, &fit, (), &mut receipt)?;
///
/// let mut net = Unit::init(Seed(7));
/// assert!(trainer.replay(&mut net, Given, &gates::OR, &fit, (), receipt.bytes())?.is_same());
/// let mut other = Unit::init(Seed(8));
/// let error = trainer.replay(&mut other, Given, &gates::OR, &fit, (), receipt.bytes());
/// assert!(matches!(error, Err(Error::Differs { part: Part::Initial, .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Given;

impl Start for Given {
    const CODE: u32 = 0;
    const WORDS: usize = 0;

    fn seed(&self) -> Option<Seed> {
        None
    }

    fn words(&mut self, _: &mut impl Words) {}

    fn begin(&mut self, _: &mut impl Model) {}
}

/// An FNV-1a hash (64 bits) of words and values, in little-endian bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hash(u64);

impl Hash {
    /// The start of the hash of values of this kind (1 for f32, 2 for classes) and shape: the
    /// number of samples (8 bytes), the kind, the rank, and the lengths (4 bytes each).
    fn start(samples: usize, kind: u32, shape: Shape) -> Self {
        let mut hash = Self(FNV);
        hash.class(samples as u64);
        hash.word(kind);
        hash.word(shape.rank() as u32);
        shape.dims().iter().for_each(|length| hash.word(*length as u32));
        hash
    }

    /// Adds four bytes.
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn word(&mut self, word: u32) {
        self.0 = fnv(self.0, &word.to_le_bytes());
    }

    /// Adds a class: eight bytes.
    pub fn class(&mut self, class: u64) {
        self.word(class as u32);
        self.word((class >> 32) as u32);
    }

    /// Adds the bits of a value.
    pub fn value(&mut self, value: f32) {
        self.word(value.to_bits());
    }
}

/// The hash of a training's inputs: FNV-1a over the number of samples (8 bytes), 1, the rank and
/// the lengths of a sample's shape (4 bytes each), then the bits of all values in their order. All
/// are little-endian.
#[must_use]
pub fn hash_inputs<X: F32Array>(x: &[X]) -> u64 {
    let mut hash = Hash::start(x.len(), 1, X::SHAPE);
    x.flat().iter().for_each(|value| hash.value(*value));
    hash.0
}

/// The hash of a training's targets: as [`hash_inputs`]. For classes 2 stands in the place of 1,
/// the rank is 0, and each class has 8 bytes, whatever its type: the hash of classes in `u8` is
/// that of the same classes in `usize`.
///
/// ```
/// use rosenblatt::receipt::{hash_inputs, hash_targets};
/// assert_eq!(hash_targets(&[1u8, 0, 2]), hash_targets(&[1usize, 0, 2]));
/// assert_eq!(hash_targets(&[[0.5, 1.0]]), hash_inputs(&[[0.5, 1.0]]));
/// assert_ne!(hash_targets(&[[0.0]]), hash_targets(&[[-0.0]]));
/// assert_ne!(hash_targets(&[[0.0, 1.0]]), hash_targets(&[[0.0], [1.0]]));
/// ```
#[must_use]
pub fn hash_targets<T: Target>(t: &[T]) -> u64 {
    let mut hash = Hash::start(t.len(), T::KIND, T::SHAPE);
    t.iter().for_each(|target| target.add_to(&mut hash));
    hash.0
}

/// A target that a receipt can hash: an f32, a class, or an array of targets. A loss of one's own
/// with another target implements it.
pub trait Target {
    /// 1 for numbers, 2 for classes.
    const KIND: u32;
    /// The lengths of an array of arrays, from outside in.
    const SHAPE: Shape;

    /// Adds every bit of the target to the hash.
    fn add_to(&self, hash: &mut Hash);
}

impl Target for f32 {
    const KIND: u32 = 1;
    const SHAPE: Shape = Shape::VALUE;

    fn add_to(&self, hash: &mut Hash) {
        hash.value(*self);
    }
}

impl<T: Target, const N: usize> Target for [T; N] {
    const KIND: u32 = T::KIND;
    const SHAPE: Shape = T::SHAPE.times(N);

    fn add_to(&self, hash: &mut Hash) {
        self.iter().for_each(|target| target.add_to(hash));
    }
}

/// Unsigned integers as classes.
macro_rules! class {
    ($($t:ty)+) => {$(
        impl Target for $t {
            const KIND: u32 = 2;
            const SHAPE: Shape = Shape::VALUE;

            fn add_to(&self, hash: &mut Hash) {
                hash.class(*self as u64);
            }
        }
    )+};
}
class!(u8 u16 u32 u64 usize);
