//! Saved models: a network's parameters as bytes that every target writes and reads alike.
//!
//! [`Sequential::save`] and [`Sequential::save_to`] write them, [`Sequential::load`] copies them
//! into a network, and [`Sequential::view`] predicts from them where they lie.
//! [`include_model!`](crate::include_model) places a file in flash.
//!
//! ```
//! use rosenblatt::{prelude::*, saved};
//!
//! type Xor = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;
//!
//! let net = Xor::init(Seed(1957));
//! let mut file = [0; Xor::SAVED_BYTES];
//! net.save(&mut file)?;
//!
//! let mut loaded = Xor::ZERO;
//! loaded.load(&file)?;
//! assert_eq!(loaded.weights(), net.weights());
//!
//! type Other = Mlp<(Dense<2, 8, Relu>, Dense<8, 1, Sigmoid>)>;
//! let mut other = Other::ZERO;
//! let error = other.load(&file).unwrap_err();
//! assert!(matches!(error, saved::Error::Architecture { .. }));
//! # Ok::<(), saved::Error>(())
//! ```
//!
//! # The format, version 1
//!
//! All numbers are little-endian. Offsets and sizes are in bytes.
//!
//! | offset | size | content |
//! |---|---|---|
//! | 0 | 8 | 89 52 53 42 0d 0a 1a 0a: `\x89RSB\r\n\x1a\n` |
//! | 8 | 2 | version of the format: 1 |
//! | 10 | 2 | kind: 1 a model, 2 the checkpoint of a trainer, 3 that of a run, 4 a [`receipt`](crate::receipt) |
//! | 12 | 4 | version of the numeric contract ([`contract::VERSION`](crate::kernels::contract::VERSION)) |
//! | 16 | 8 | hash of the architecture ([`Architecture::hash`](crate::layer::Architecture::hash)) |
//! | 24 | 4 | size of the whole file |
//! | 28 | 4 | w: number of words of the records |
//! | 32 | 4 | n: number of parameters; 0 for a receipt |
//! | 36 | 4 | m: number of non-trainable values; 0 for a receipt |
//! | 40 | 4 | k: number of words of the state; 0 for a model |
//! | 44 | 4 | code of the state's type ([`Persist::CODE`](crate::kernels::persist::Persist::CODE)); 0 for a model |
//! | 48 | 4·w | the records of the layers ([`Record`](crate::layer::Record)), from input to output |
//! | p | 4·n | the parameters, f32, in the order of [`Sequential::weights`] |
//! | q | 4·m | the non-trainable values, f32: moving means and variances, layer after layer |
//! | r | 4·k | the state of a checkpoint, or a receipt |
//! | s | 4 | CRC-32 (ISO-HDLC, that of zip and PNG) of all bytes before it |
//!
//! p, q, r and s are the ends of the parts before them, rounded up to multiples of 16. The bytes
//! between are 0. The records describe each layer completely, so that a tool can read a file
//! without the network's type.
//!
//! A file is refused unless header and checksum are right and every weight is finite: see
//! [`Error`]. CRC-32 finds every error within 32 neighbouring bits, and any other with a
//! probability of 1 − 2⁻³². Weights that are not finite are refused too, when a model is saved and
//! when it is loaded.

mod error;
pub(crate) mod file;
pub(crate) mod layout;
pub(crate) mod read;
mod write;

pub use error::{Error, ResumeError, WriteError};

use crate::sequential::{Layers, Sequential, View};
use core::hint::black_box;
use embedded_io::Write;
use layout::{ALIGNMENT, MODEL, VERSION};
use rosenblatt_kernels::array::from_le_bytes;

impl<T: Layers> Sequential<T> {
    /// The size of this network's saved model in bytes.
    pub const SAVED_BYTES: usize = file::bytes::<Self, ()>();

    /// Saves this network into a buffer: the first [`Sequential::SAVED_BYTES`] bytes. The format is
    /// that of [`saved`](crate::saved).
    /// # Errors
    /// [`Error::Length`] for a buffer that is too short; [`Error::NotFinite`] for a weight that is
    /// infinite or NaN. Nothing is written then.
    pub fn save(&self, to: &mut [u8]) -> Result<(), Error> {
        file::save(MODEL, self, &mut (), to)
    }

    /// Saves this network into a writer, in words of four bytes.
    ///
    /// ```
    /// use embedded_io::Write;
    /// use rosenblatt::prelude::*;
    /// type Net = Mlp<(Dense<2, 1, Sigmoid>,)>;
    /// let (mut a, mut b) = ([0; Net::SAVED_BYTES], [0; Net::SAVED_BYTES]);
    /// let net = Net::init(Seed(1957));
    /// net.save(&mut a)?;
    /// net.save_to(b.as_mut_slice()).expect("there is room");
    /// assert_eq!(a, b);
    /// # Ok::<(), rosenblatt::saved::Error>(())
    /// ```
    /// # Errors
    /// [`WriteError::Model`] for a weight that is infinite or NaN, with nothing written;
    /// [`WriteError::Writer`] for an error of the writer; [`WriteError::Stopped`] if it takes no
    /// more bytes.
    pub fn save_to<W: Write>(&self, to: W) -> Result<(), WriteError<W::Error>> {
        file::save_to(MODEL, self, &mut (), to)
    }

    /// Loads a saved model of this network: copies its parameters and non-trainable values.
    /// # Errors
    /// An [`Error`] if any byte is wrong, or if there are more bytes or fewer than
    /// [`Sequential::SAVED_BYTES`]. The network is unchanged then.
    pub fn load(&mut self, from: &[u8]) -> Result<(), Error> {
        file::checked::<Self, ()>(MODEL, from)?.load(self);
        Ok(())
    }

    /// A view of a saved model of this network, which predicts without copying a weight: from flash
    /// ([`include_model!`](crate::include_model)), a mapped address or a mapped file.
    ///
    /// The bytes are checked once, here.
    /// # Errors
    /// As [`Sequential::load`]. [`Error::Misaligned`] unless the address is a multiple of 16, and
    /// [`Error::BigEndian`] on a big-endian target.
    pub fn view(from: &[u8]) -> Result<View<'_, T>, Error> {
        if cfg!(target_endian = "big") {
            return Err(Error::BigEndian);
        }
        let remainder = from.as_ptr().addr() % ALIGNMENT;
        let misaligned = Error::Misaligned { remainder };
        if remainder != 0 {
            return Err(misaligned);
        }
        let file = file::checked::<Self, ()>(MODEL, from)?;
        let parts = from_le_bytes(file.params).zip(from_le_bytes(file.buffers));
        parts.map(|(params, buffers)| View::new(params, buffers)).ok_or(misaligned)
    }
}

/// A value at an address that is a multiple of 16: the buffer of a model that shall be viewed.
///
/// ```
/// use rosenblatt::{prelude::*, saved::Aligned};
/// type Net = Mlp<(Dense<2, 1, Sigmoid>,)>;
/// let mut file = Aligned([0; Net::SAVED_BYTES]);
/// Net::init(Seed(1957)).save(&mut file.0)?;
/// assert_eq!(Net::view(&file.0)?.predict(&[0.0, 0.0]), [0.5]);
/// # Ok::<(), rosenblatt::saved::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(16))]
pub struct Aligned<B: ?Sized>(pub B);

/// The bytes of a file at an address that is a multiple of 16, as [`Sequential::view`] needs them.
/// On a chip they lie in flash. The path is relative to the file that contains the call, as for
/// [`include_bytes!`].
///
/// ```
/// use rosenblatt::{include_model, prelude::*};
///
/// type Xor = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;
/// static XOR: &[u8] =
///     include_model!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/saved/xor.rosenblatt"));
///
/// let net = Xor::view(XOR)?;
/// assert!(net.predict(&[0.0, 1.0])[0] > 0.9);
/// assert!(net.predict(&[1.0, 1.0])[0] < 0.1);
/// # Ok::<(), rosenblatt::saved::Error>(())
/// ```
#[macro_export]
macro_rules! include_model {
    ($path:expr $(,)?) => {{
        static MODEL: &$crate::saved::Aligned<[u8]> =
            &$crate::saved::Aligned(*include_bytes!($path));
        &MODEL.0
    }};
}

/// CRC-32 by a table on hosts, bit by bit on a chip, where a table would take 1 KiB of flash.
#[cfg(not(target_os = "none"))]
type Table = crc::Table<16>;
#[cfg(target_os = "none")]
type Table = crc::NoTable;

const CRC: crc::Crc<u32, Table> = crc::Crc::<u32, Table>::new(&crc::CRC_32_ISO_HDLC);

/// The CRC-32 of all bytes so far and these; `sum` is that of the bytes so far, 0 for none.
// On a chip one copy for all callers, and byte by byte behind a `black_box`: at opt-level 3 it would
// be unrolled, to 800 bytes.
#[cfg_attr(target_os = "none", inline(never))]
pub(crate) fn sum_up(sum: u32, bytes: &[u8]) -> u32 {
    let mut digest = CRC.digest_with_initial((!sum).reverse_bits());
    if cfg!(target_os = "none") {
        bytes.iter().for_each(|byte| digest.update(&[black_box(*byte)]));
    } else {
        digest.update(bytes);
    }
    digest.finalize()
}
