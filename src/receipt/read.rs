//! A receipt, read without the types of its training.

use super::{DROP_LAST, End, Ending, Error, FIXED, PENALTY, Part, SEEDED, SHUFFLED, STEERED};
use crate::{
    init::Initializer,
    layer::Architecture,
    optimizer::Optimizer,
    rng::Seed,
    saved,
    saved::read::{Load, ReceiptParts, receipt},
    train::{Batch, Fit},
};
use rosenblatt_kernels::{
    contract,
    persist::{FNV, Persist, fnv},
};

/// All that a receipt says.
///
/// ```
/// use rosenblatt::{kernels::persist::Persist, loss::Loss, prelude::*};
/// use rosenblatt::receipt::{Contents, Receipt};
///
/// type Unit = Mlp<(Dense<2, 1, Sigmoid>,)>;
/// type UnitTrainer = Trainer<Unit, BinaryCrossEntropy, Sgd, 4>;
/// let mut room = [0; UnitTrainer::receipt_bytes::<Seed>(5)];
/// let mut receipt = Receipt::new(&mut room);
/// let (mut net, mut trainer) = (Unit::ZERO, UnitTrainer::ZERO);
/// let fit = Fit::new(Sgd::with_lr(0.5)).epochs(70).shuffle(Seed(3));
/// trainer.fit_recorded(&mut net, Seed(1), &gates::OR, &fit, (), &mut receipt)?;
///
/// let contents = Contents::read(receipt.bytes())?;
/// assert_eq!(contents.optimizer, Sgd::CODE);
/// assert_eq!(contents.loss, <BinaryCrossEntropy as Loss<Sigmoid, [f32; 1]>>::CODE);
/// assert_eq!((contents.seed, contents.samples, contents.batch), (Some(Seed(1)), 4, 4));
/// // The settings, as a replay needs them.
/// let found = contents.fit(Sgd::DEFAULT)?;
/// assert_eq!(found.optimizer, Sgd::with_lr(0.5));
/// assert_eq!((found.epochs, found.shuffle), (70, Some(Seed(3))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contents<'a> {
    /// Version of the numeric contract
    pub contract: u32,
    /// Hash of the architecture
    pub architecture: u64,
    /// The records of the layers ([`Record`](crate::layer::Record)), one after the other
    pub records: Numbers<'a>,
    /// Code of the loss
    pub loss: u32,
    /// Six numbers for each penalty: the index of its layer, the code of its regularizer, the
    /// factors of Σ|w| and of Σw² as numerator and denominator
    pub penalties: Numbers<'a>,
    /// The trainer's `B`
    pub capacity: usize,
    /// Samples of a step
    pub batch: usize,
    /// Number of samples
    pub samples: usize,
    /// Number of epochs asked for
    pub epochs: usize,
    /// Where and how the training ended
    pub ending: Ending,
    /// Seed of the shuffle, if samples were shuffled
    pub shuffle: Option<Seed>,
    /// Whether a shorter last mini-batch was left out
    pub drop_last: bool,
    /// Seed of the initial weights; `None` if they were given
    pub seed: Option<Seed>,
    /// Code of the initializer; 0 if the initial weights were given
    pub initializer: u32,
    /// The numbers of the initializer
    pub initializer_numbers: Numbers<'a>,
    /// Code of the optimizer
    pub optimizer: u32,
    /// The hyper-parameters
    pub hyper_parameters: Numbers<'a>,
    /// Code of the observers; 0 for none
    pub observers: u32,
    /// Whether an observer changed the learning rate or the network. A replay then needs observers
    /// of the same types and settings
    pub steered: bool,
    /// Hash of the inputs
    pub inputs: u64,
    /// Hash of the targets
    pub targets: u64,
    /// Hash of the initial network
    pub initial: u64,
    /// Hash of the network at the end
    pub last: u64,
    /// Epochs from hash to hash; 0 if there is only that of the end
    pub every: usize,
    /// Hashes of the network after epoch `every`, 2·`every`, …
    pub hashes: Hashes<'a>,
}

impl<'a> Contents<'a> {
    /// Reads a receipt. Every byte is checked.
    /// # Errors
    /// [`Error::File`] if the bytes are no receipt or were damaged, [`Error::Impossible`] for
    /// numbers that no receipt has.
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        let ReceiptParts { hash: architecture, records, state } = receipt(bytes)?;
        let got = hash_of_records(records);
        if got != architecture {
            return Err(saved::Error::Architecture { expected: got, got: architecture }.into());
        }
        let state = Numbers(state);
        let word = |i: usize| state.get(i).unwrap_or(0);
        let number = |i: usize| word(i) as usize;
        let double = |i: usize| u64::from(word(i)) | u64::from(word(i + 1)) << 32;
        let [i, o, q] = [24, 26, 27].map(number);
        // More words than the file has. Their sum could overflow.
        let all = state.len();
        let mut checks = Checks(None);
        checks.add(24, i <= all);
        checks.add(26, o <= all);
        checks.add(27, q <= all / PENALTY);
        checks.end()?;
        let (flags, capacity, samples, batch) = (word(0), number(3), number(5), number(4));
        let (epochs, done, step, every) = (number(6), number(7), number(8), number(9));
        let hashes = done.checked_div(every).unwrap_or(0);
        let has = |flag: u32| flags & flag != 0;
        let end = match word(1) {
            0 => End::Epochs,
            1 => End::Observer,
            2 => End::Loss { step },
            3 => End::Gradient { step },
            _ => End::Rate,
        };
        let rejected = matches!(end, End::Loss { .. } | End::Gradient { .. });
        // ⌈samples / batch⌉
        let steps = samples.wrapping_sub(1).checked_div(batch).unwrap_or(0) + 1;
        checks.add(0, flags <= SEEDED | SHUFFLED | DROP_LAST | STEERED);
        checks.add(1, word(1) <= 4);
        checks.add(3, capacity > 0);
        checks.add(4, batch > 0 && batch <= capacity);
        checks.add(5, samples > 0);
        checks.add(7, if end == End::Epochs { done == epochs } else { done < epochs });
        checks.add(8, if rejected { step > 0 && step <= steps } else { step == 0 });
        checks.add(9, hashes <= all / 2);
        checks.add(10, has(SHUFFLED) || double(10) == 0);
        checks.add(12, has(SEEDED) || double(12) == 0);
        checks.end()?;
        let words = FIXED + i + o + PENALTY * q;
        checks.add(27, all == words + 2 * hashes);
        checks.end()?;
        let part = |from: usize, len: usize| {
            Numbers(state.0.get(from..).and_then(|words| words.get(..len)).unwrap_or_default())
        };
        Ok(Self {
            contract: contract::VERSION,
            architecture,
            records: Numbers(records),
            loss: word(2),
            penalties: part(FIXED + i + o, PENALTY * q),
            capacity,
            batch,
            samples,
            epochs,
            ending: Ending { epochs: done, end },
            shuffle: has(SHUFFLED).then_some(Seed(double(10))),
            drop_last: has(DROP_LAST),
            seed: has(SEEDED).then_some(Seed(double(12))),
            initializer: word(23),
            initializer_numbers: part(FIXED, i),
            optimizer: word(25),
            hyper_parameters: part(FIXED + i, o),
            observers: word(22),
            steered: has(STEERED),
            inputs: double(14),
            targets: double(16),
            initial: double(18),
            last: double(20),
            every,
            hashes: Hashes(part(words, 2 * hashes)),
        })
    }

    /// The settings, as a replay needs them. The hyper-parameters of `optimizer` are replaced by
    /// those of the receipt.
    /// # Errors
    /// [`Error::Differs`] if the optimizer is of another type.
    pub fn fit<O: Optimizer + Persist>(&self, mut optimizer: O) -> Result<Fit<O>, Error> {
        same(Part::Optimizer, self.optimizer, O::CODE)?;
        same(Part::Optimizer, self.hyper_parameters.len() as u32, O::WORDS as u32)?;
        optimizer.words(&mut Load(self.hyper_parameters.0.iter()));
        let fit = Fit::new(optimizer).epochs(self.epochs).batch(Batch::Mini(self.batch));
        Ok(Fit { shuffle: self.shuffle, drop_last: self.drop_last, ..fit })
    }

    /// Initializer and seed, as a replay needs them. The numbers of `initializer` are replaced by
    /// those of the receipt.
    ///
    /// ```
    /// use rosenblatt::{init::{Constant, Uniform}, prelude::*, receipt::{Contents, Receipt}};
    /// type Unit = Mlp<(Dense<2, 1, Sigmoid>,)>;
    /// type UnitTrainer = Trainer<Unit, BinaryCrossEntropy, Sgd, 4>;
    /// type Start = (Uniform, Seed);
    /// let mut room = [0; UnitTrainer::receipt_bytes::<Start>(1)];
    /// let mut receipt = Receipt::new(&mut room);
    /// let (fit, start) = (Fit::new(Sgd::DEFAULT), (Uniform { min: 1.0, max: 2.0 }, Seed(5)));
    /// let (mut net, mut trainer) = (Unit::ZERO, UnitTrainer::ZERO);
    /// trainer.fit_recorded(&mut net, start, &gates::OR, &fit, (), &mut receipt)?;
    ///
    /// let contents = Contents::read(receipt.bytes())?;
    /// assert_eq!(contents.start(Uniform::default())?, start);
    /// assert!(contents.start(Constant(0.5)).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    /// # Errors
    /// [`Error::Differs`] if the initializer is of another type, or if the weights were given.
    pub fn start<I: Initializer + Persist>(&self, mut initializer: I) -> Result<(I, Seed), Error> {
        let given = Error::Differs { part: Part::Seeded, expected: 0, got: 1 };
        let seed = self.seed.ok_or(given)?;
        same(Part::Initializer, self.initializer, I::CODE)?;
        same(Part::Initializer, self.initializer_numbers.len() as u32, I::WORDS as u32)?;
        initializer.words(&mut Load(self.initializer_numbers.0.iter()));
        Ok((initializer, seed))
    }
}

/// The first word that is impossible.
struct Checks(Option<usize>);

impl Checks {
    #[cfg_attr(target_os = "none", inline(never))]
    fn add(&mut self, word: usize, is_possible: bool) {
        if !is_possible && self.0.is_none() {
            self.0 = Some(word);
        }
    }

    fn end(&self) -> Result<(), Error> {
        match self.0 {
            Some(word) => Err(Error::Impossible { word }),
            None => Ok(()),
        }
    }
}

/// An error unless the number of the receipt is that of the replay.
pub(crate) fn same<N: Into<u64>>(part: Part, expected: N, got: N) -> Result<(), Error> {
    let (expected, got) = (expected.into(), got.into());
    if expected == got { Ok(()) } else { Err(Error::Differs { part, expected, got }) }
}

/// The hash of the architecture that these records describe; 0 for words that are no records.
fn hash_of_records(mut words: &[[u8; 4]]) -> u64 {
    let mut sum = Architecture { words: 0, layers: 0, hash: 0 };
    while let Some(first) = words.first() {
        let len = u32::from_le_bytes(*first) as usize;
        let Some((record, rest)) = words.split_at_checked(len).filter(|_| len > 0) else {
            return 0;
        };
        let hash = fnv(FNV, record.as_flattened());
        sum = sum.then(Architecture { words: len, layers: 1, hash });
        words = rest;
    }
    sum.hash
}

/// Words of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers<'a>(pub(crate) &'a [[u8; 4]]);

impl<'a> Numbers<'a> {
    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Word `i`, from 0.
    #[must_use]
    pub fn get(&self, i: usize) -> Option<u32> {
        self.0.get(i).map(|word| u32::from_le_bytes(*word))
    }

    /// All words in their order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + use<'a> {
        self.0.iter().map(|word| u32::from_le_bytes(*word))
    }
}

/// Hashes of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashes<'a>(Numbers<'a>);

impl<'a> Hashes<'a> {
    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len() / 2
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Hash `i`, from 0.
    #[must_use]
    pub fn get(&self, i: usize) -> Option<u64> {
        let at = i.checked_mul(2)?;
        Some(u64::from(self.0.get(at)?) | u64::from(self.0.get(at + 1)?) << 32)
    }

    /// All hashes in their order.
    pub fn iter(&self) -> impl Iterator<Item = u64> + use<'a> {
        let hashes = *self;
        (0..hashes.len()).filter_map(move |i| hashes.get(i))
    }
}
