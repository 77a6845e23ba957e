//! What can be wrong with a saved model, and how it is said.

use super::{
    ALIGNMENT, VERSION,
    layout::{MODEL, RECEIPT, RUN, TRAINER},
};
use core::fmt;

/// Why a model was not loaded or saved. A network that was to be loaded is unchanged then.
///
/// ```
/// use rosenblatt::{prelude::*, saved};
/// type Net = Mlp<(Dense<2, 1, Sigmoid>,)>;
/// let mut file = [0; Net::SAVED_BYTES];
/// Net::init(Seed(1)).save(&mut file)?;
/// file[80] ^= 1;
/// let mut net = Net::ZERO;
/// let error = net.load(&file).unwrap_err();
/// assert!(matches!(error, saved::Error::Checksum { .. }));
/// # Ok::<(), saved::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The first bytes are not those of a saved model.
    Magic,
    /// The file has another version of the format.
    Version {
        /// The version found
        got: u16,
    },
    /// The file holds something else.
    Kind {
        /// The kind that belongs here: 1 a model, 2 a trainer's checkpoint, 3 a run's, 4 a receipt
        expected: u16,
        /// The kind found
        got: u16,
    },
    /// The checkpoint is that of another optimizer, of other layers with a memory, or of other
    /// observers.
    State,
    /// The checkpoint's place in an epoch is impossible.
    Position,
    /// The checkpoint was saved with other settings (loss, penalties, optimizer, mini-batch, the
    /// trainer's `B`, shuffle, `drop_last`) or another number of samples. The training would not go
    /// on as it began.
    Settings,
    /// The file was written under another version of the numeric contract. Its network would
    /// compute other bits here.
    Contract {
        /// The version of this build
        expected: u32,
        /// The version found
        got: u32,
    },
    /// The file holds another network.
    Architecture {
        /// The hash of this network's layers
        expected: u64,
        /// The hash found
        got: u64,
    },
    /// The file, or the buffer for it, has another length.
    Length {
        /// [`SAVED_BYTES`](crate::Sequential::SAVED_BYTES) of the network, or the size of a
        /// checkpoint
        expected: usize,
        /// The number of bytes found
        got: usize,
    },
    /// A number in the header is wrong.
    Header {
        /// Its offset in bytes
        offset: usize,
        /// The number that belongs there
        expected: u32,
        /// The number found
        got: u32,
    },
    /// The bytes do not have the checksum that the file states: it was damaged.
    Checksum {
        /// The checksum that the file states
        expected: u32,
        /// The checksum of its bytes
        got: u32,
    },
    /// A weight or a non-trainable value is not finite.
    NotFinite {
        /// `true` for a weight, `false` for a non-trainable value
        learnt: bool,
        /// Its index, from 0, in the order of [`weights`](crate::Sequential::weights)
        index: usize,
        /// The value
        value: f32,
    },
    /// A view needs an address that is a multiple of 16.
    Misaligned {
        /// The remainder of the address
        remainder: usize,
    },
    /// A view needs a little-endian target. Here a model must be copied
    /// ([`load`](crate::Sequential::load)).
    BigEndian,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Magic => f.write_str("this is no saved model: its first bytes are others"),
            Self::Version { got } => {
                write!(f, "the saved model has format version {got}; {VERSION} is expected")
            }
            Self::Kind { expected, got } => {
                write!(f, "the file holds {}; {} is expected", kind(got), kind(expected))
            }
            Self::State => f.write_str(
                "the checkpoint belongs to a training with another optimizer, dropout or observers",
            ),
            Self::Position => f.write_str("the checkpoint's place in an epoch is impossible"),
            Self::Settings => f.write_str(
                "the checkpoint was saved with other settings (loss, penalties, optimizer, \
                 mini-batch, capacity, shuffle, drop_last) or another number of samples",
            ),
            Self::Contract { expected, got } => write!(
                f,
                "the model was saved under version {got} of the numeric contract; this build has \
                 version {expected}"
            ),
            Self::Architecture { expected, got } => write!(
                f,
                "the file holds another network: the hash of its layers is {got:016x}, that of \
                 this network is {expected:016x}"
            ),
            Self::Length { expected, got } => {
                write!(f, "the file has {expected} bytes; {got} are given")
            }
            Self::Header { offset, expected, got } => write!(
                f,
                "the header of the saved model is wrong at byte {offset}: {got} instead of \
                 {expected}"
            ),
            Self::Checksum { expected, got } => write!(
                f,
                "the saved model is damaged: its bytes have the checksum {got:08x}, it states \
                 {expected:08x}"
            ),
            Self::NotFinite { learnt, index, value } => {
                let kind = if learnt { "weight" } else { "non-trainable value" };
                let place = index + 1;
                write!(f, "{kind} {place} (counted from 1) is {value}; a finite number is expected")
            }
            Self::Misaligned { remainder } => write!(
                f,
                "a view needs an address that is a multiple of {ALIGNMENT}; this one is \
                 {remainder} above one"
            ),
            Self::BigEndian => f.write_str(
                "a view needs a little-endian target: load the model into a network instead",
            ),
        }
    }
}

impl core::error::Error for Error {}

/// What a file of this kind holds.
const fn kind(kind: u16) -> &'static str {
    match kind {
        MODEL => "a saved model",
        TRAINER => "the checkpoint of a trainer",
        RUN => "the checkpoint of a run",
        RECEIPT => "the receipt of a training",
        _ => "something unknown",
    }
}

/// Why a training did not go on from a checkpoint. Nothing is changed then.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ResumeError {
    /// The checkpoint was refused.
    Checkpoint(Error),
    /// The data or the settings were refused, or an observer.
    Training(crate::Error),
}

impl fmt::Display for ResumeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkpoint(error) => error.fmt(f),
            Self::Training(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ResumeError {}

impl From<Error> for ResumeError {
    fn from(error: Error) -> Self {
        Self::Checkpoint(error)
    }
}

impl From<crate::Error> for ResumeError {
    fn from(error: crate::Error) -> Self {
        Self::Training(error)
    }
}

/// Why a model was not written.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum WriteError<E> {
    /// The model cannot be saved; nothing was written.
    Model(Error),
    /// The writer failed.
    Writer(E),
    /// The writer took no more bytes, without an error of its own.
    Stopped,
}

impl<E: fmt::Display> fmt::Display for WriteError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model(error) => error.fmt(f),
            Self::Writer(error) => write!(f, "the saved model was not written: {error}"),
            Self::Stopped => f.write_str("the saved model was not written: the writer is full"),
        }
    }
}

impl<E: core::error::Error> core::error::Error for WriteError<E> {}
