//! What a replay has found.

use core::fmt;

/// How a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum End {
    /// After all epochs.
    Epochs,
    /// By an observer, before the last epoch.
    Observer,
    /// A step was rejected, because its loss was not finite.
    Loss {
        /// Its number in its epoch, from 1
        step: usize,
    },
    /// A step was rejected, because its gradient was not finite.
    Gradient {
        /// Its number in its epoch, from 1
        step: usize,
    },
    /// The learning rate of a schedule was out of range.
    Rate,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Epochs => f.write_str("all of them"),
            Self::Observer => f.write_str("by an observer"),
            Self::Loss { step } => write!(f, "then step {step} was rejected for its loss"),
            Self::Gradient { step } => write!(f, "then step {step} was rejected for its gradient"),
            Self::Rate => f.write_str("then a learning rate was out of range"),
        }
    }
}

/// Where and how a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ending {
    /// Number of whole epochs
    pub epochs: usize,
    /// How it ended
    pub end: End,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {} epochs, {}", self.epochs, self.end)
    }
}

/// What a replay has found: the same training, or the place where it departs from the receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use]
#[non_exhaustive]
pub enum Verdict {
    /// Every hash and the end are those of the receipt.
    Same,
    /// The networks differ. They still had the same hash after epoch `last`, so the training
    /// departs behind it, up to the end of epoch `first`.
    Departs {
        /// The last epoch with the hash of the receipt; 0 for the initial network
        last: usize,
        /// The first epoch with another hash. If it is that of the end, the networks can also
        /// differ behind it: in the steps of an epoch that was not finished, or by an observer.
        first: usize,
        /// The hash in the receipt
        expected: u64,
        /// The hash of the replay
        got: u64,
    },
    /// The replay ended at another place.
    Ends {
        /// The last epoch with the hash of the receipt; 0 for the initial network
        last: usize,
        /// The end in the receipt
        expected: Ending,
        /// That of the replay; `None` if it went on
        got: Option<Ending>,
    },
}

impl Verdict {
    /// Whether the replay is the training of the receipt.
    #[must_use]
    pub const fn is_same(&self) -> bool {
        matches!(self, Self::Same)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Same => f.write_str("the same bits as in the receipt, from the start to the end"),
            Self::Departs { last, first, expected, got } => write!(
                f,
                "departs behind epoch {last}, up to the end of epoch {first}: the network's hash \
                 is {got:016x}; that of the receipt is {expected:016x}"
            ),
            Self::Ends { last, expected, got: Some(got) } => write!(
                f,
                "departs behind epoch {last}: the replay ends {got}; the training of the receipt \
                 ends {expected}"
            ),
            Self::Ends { last, expected, got: None } => write!(
                f,
                "departs behind epoch {last}: the replay goes on; the training of the receipt ends \
                 {expected}"
            ),
        }
    }
}
