//! Why a receipt cannot be read or replayed, and how it is said.

use crate::saved;
use core::fmt;

/// Why a receipt was refused. A training that departs from its receipt is no error: that is a
/// [`Verdict`](super::Verdict).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no receipt of this version and contract, they are damaged, or they are that of
    /// another network.
    File(saved::Error),
    /// A number of the receipt is impossible, although its checksum is right.
    Impossible {
        /// Index of the word in the state
        word: usize,
    },
    /// The replay is another training than that of the receipt.
    Differs {
        /// What differs
        part: Part,
        /// The number in the receipt
        expected: u64,
        /// The number of the replay
        got: u64,
    },
    /// The data or the settings cannot be used, or an observer cannot.
    Training(crate::Error),
}

/// A part of a training that its receipt holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Part {
    /// The loss
    Loss,
    /// The penalties of the layers (L1, L2): a word of them, or their number
    Penalties,
    /// The type of the optimizer, with its wrappers and its schedule
    Optimizer,
    /// A word of the optimizer: a hyper-parameter
    HyperParameter {
        /// Its index, from 0
        index: usize,
    },
    /// The trainer's `B`
    Capacity,
    /// The samples of a step
    Batch,
    /// Whether samples are shuffled
    Shuffle,
    /// The seed of the shuffle
    ShuffleSeed,
    /// Whether a shorter last mini-batch is left out
    DropLast,
    /// The number of epochs
    Epochs,
    /// Whether the initial weights are drawn
    Seeded,
    /// The initializer
    Initializer,
    /// A word of the initializer
    InitializerNumber {
        /// Its index, from 0
        index: usize,
    },
    /// The seed of the initial weights
    Seed,
    /// The number of samples
    Samples,
    /// The inputs
    Inputs,
    /// The targets
    Targets,
    /// The initial weights
    Initial,
    /// The types of the observers
    Observers,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::File(error) => error.fmt(f),
            Self::Impossible { word } => {
                write!(f, "word {word} of the receipt (counted from 0) is impossible")
            }
            Self::Differs { part, expected, got } => {
                part.fmt(f)?;
                match part {
                    Part::Capacity
                    | Part::Batch
                    | Part::Epochs
                    | Part::Samples
                    | Part::Seed
                    | Part::ShuffleSeed => {
                        write!(f, " is {got}; that of the receipt is {expected}")
                    }
                    Part::Shuffle | Part::DropLast | Part::Seeded => {
                        let answer = |yes: u64| if yes == 1 { "yes" } else { "no" };
                        write!(f, ": {}; the receipt says {}", answer(got), answer(expected))
                    }
                    Part::Inputs | Part::Targets | Part::Initial => {
                        write!(f, " is {got:016x}; that of the receipt is {expected:016x}")
                    }
                    Part::HyperParameter { .. } | Part::InitializerNumber { .. } => {
                        write!(f, " has the bits {got:08x}; the receipt has {expected:08x}")
                    }
                    _ => write!(f, " is {got:08x}; that of the receipt is {expected:08x}"),
                }
            }
            Self::Training(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::Loss => "the code of the loss",
            Self::Penalties => "a number of the penalties",
            Self::Optimizer => "the code of the optimizer",
            Self::HyperParameter { index } => {
                return write!(f, "number {index} of the optimizer (counted from 0)");
            }
            Self::Capacity => "the trainer's B",
            Self::Batch => "the number of samples of a step",
            Self::Shuffle => "whether samples are shuffled",
            Self::ShuffleSeed => "the seed of the shuffle",
            Self::DropLast => "whether a shorter last mini-batch is left out",
            Self::Epochs => "the number of epochs",
            Self::Seeded => "whether the initial weights are drawn from a seed",
            Self::Initializer => "the code of the initializer",
            Self::InitializerNumber { index } => {
                return write!(f, "number {index} of the initializer (counted from 0)");
            }
            Self::Seed => "the seed of the initial weights",
            Self::Samples => "the number of samples",
            Self::Inputs => "the hash of the inputs",
            Self::Targets => "the hash of the targets",
            Self::Initial => "the hash of the initial network",
            Self::Observers => "the code of the observers",
        })
    }
}

impl core::error::Error for Error {}

impl From<saved::Error> for Error {
    fn from(error: saved::Error) -> Self {
        Self::File(error)
    }
}

impl From<crate::Error> for Error {
    fn from(error: crate::Error) -> Self {
        Self::Training(error)
    }
}
