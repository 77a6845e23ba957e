//! Checks the bytes of a saved model, before anything is taken from them.

use super::{
    Error,
    layout::{HEADER, Layout, RECEIPT},
    sum_up,
};
use crate::{layer::Architecture, sequential::Model};
use core::hint::black_box;
use rosenblatt_kernels::{
    F32Array,
    persist::{Persist, Words},
};

/// The parts of a file in which every byte is right.
#[derive(Clone, Copy)]
pub(crate) struct Checked<'a> {
    pub(super) params: &'a [u8],
    pub(super) buffers: &'a [u8],
    state: &'a [u8],
}

impl Checked<'_> {
    /// Copies the parameters and non-trainable values.
    pub(crate) fn load(&self, net: &mut impl Model) {
        copy(self.params, net.params_mut().as_flat_mut());
        copy(self.buffers, net.buffers_mut().as_flat_mut());
    }

    /// Copies the state.
    pub(crate) fn load_state(&self, state: &mut impl Persist) {
        self.load_part(0, state);
    }

    /// Copies a part of the state, which starts at a word.
    pub(crate) fn load_part(&self, word: usize, part: &mut impl Persist) {
        let words = self.state.as_chunks::<4>().0.get(word..).unwrap_or_default();
        part.words(&mut Load(words.iter()));
    }
}

/// Reads the words of a state.
pub(crate) struct Load<'a>(pub(crate) core::slice::Iter<'a, [u8; 4]>);

impl Words for Load<'_> {
    fn word(&mut self, word: &mut u32) {
        if let Some(bytes) = self.0.next() {
            *word = u32::from_le_bytes(*bytes);
        }
    }
}

/// The parts of the file, if it is a good one of this kind and layout.
pub(super) fn checked<'a>(
    kind: u16,
    bytes: &'a [u8],
    layout: &Layout,
) -> Result<Checked<'a>, Error> {
    let length = Error::Length { expected: layout.bytes(), got: bytes.len() };
    let header = layout.header(kind);
    let (words, _) = bytes.as_chunks::<4>();
    if words.len() < header.len() {
        return Err(length);
    }
    for (i, (expected, got)) in header.iter().zip(words).enumerate() {
        let got = u32::from_le_bytes(*got);
        if got != *expected {
            return Err(wrong(i, &header, words).unwrap_or(Error::Header {
                offset: 4 * i,
                expected: *expected,
                got,
            }));
        }
    }
    let parts = || {
        let (rest, end) = bytes.split_at_checked(layout.checksum_at())?;
        let params = rest.get(layout.params_at()..)?.get(..4 * layout.params)?;
        let buffers = rest.get(layout.buffers_at()..)?.get(..4 * layout.buffers)?;
        let state = rest.get(layout.state_at()..)?.get(..4 * layout.state)?;
        let checksum = u32::from_le_bytes(end.try_into().ok()?);
        Some((rest, Checked { params, buffers, state }, checksum))
    };
    let (rest, parts, expected) = parts().ok_or(length)?;
    let got = sum_up(0, rest);
    if got != expected {
        return Err(Error::Checksum { expected, got });
    }
    finite(true, parts.params)?;
    finite(false, parts.buffers)?;
    Ok(parts)
}

/// A receipt in which every byte is right.
pub(crate) struct ReceiptParts<'a> {
    /// Hash of the architecture
    pub(crate) hash: u64,
    /// Words of the layers' records
    pub(crate) records: &'a [[u8; 4]],
    /// Words behind them
    pub(crate) state: &'a [[u8; 4]],
}

/// The parts of a receipt.
pub(crate) fn receipt(bytes: &[u8]) -> Result<ReceiptParts<'_>, Error> {
    let (words, _) = bytes.as_chunks::<4>();
    let word = |i: usize| words.get(i).map_or(0, |word| u32::from_le_bytes(*word));
    let (records, state) = (word(7) as usize, word(10) as usize);
    let hash = u64::from(word(4)) | u64::from(word(5)) << 32;
    // Parts that are longer than the file: without them it has another size than it states. (The
    // sum of their sizes could overflow.)
    let fits = |n: usize| if n <= words.len() { n } else { 0 };
    let architecture = Architecture { words: fits(records), layers: 0, hash };
    let layout = Layout::of_receipt(architecture, fits(state));
    checked(RECEIPT, bytes, &layout).map_err(|error| match error {
        // The sizes are the file's own, so the code of the state is another one.
        Error::State => Error::Header { offset: 44, expected: layout.code, got: word(11) },
        error => error,
    })?;
    let records = words.get(HEADER..HEADER + records).unwrap_or_default();
    let state = words.get(layout.state_at() / 4..).and_then(|words| words.get(..state));
    Ok(ReceiptParts { hash, records, state: state.unwrap_or_default() })
}

/// The error for word `i` of the header, if the word has a meaning of its own.
fn wrong(i: usize, header: &[u32], words: &[[u8; 4]]) -> Option<Error> {
    let expected = |i: usize| header.get(i).copied().unwrap_or(0);
    let got = |i: usize| words.get(i).map_or(0, |word| u32::from_le_bytes(*word));
    let double = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    match i {
        0 | 1 => Some(Error::Magic),
        2 if got(2) as u16 != expected(2) as u16 => Some(Error::Version { got: got(2) as u16 }),
        2 => Some(Error::Kind { expected: (expected(2) >> 16) as u16, got: (got(2) >> 16) as u16 }),
        3 => Some(Error::Contract { expected: expected(3), got: got(3) }),
        4 | 5 => Some(Error::Architecture {
            expected: double(expected(4), expected(5)),
            got: double(got(4), got(5)),
        }),
        // Another state has another length too. Its type says more.
        6 if expected(10) > 0 && (got(10) != expected(10) || got(11) != expected(11)) => {
            Some(Error::State)
        }
        6 => Some(Error::Length { expected: expected(6) as usize, got: got(6) as usize }),
        10 | 11 if header.get(10).is_some_and(|words| *words > 0) => Some(Error::State),
        _ => None,
    }
}

/// to ← the values of the bytes.
#[cfg_attr(target_os = "none", inline(never))]
fn copy(bytes: &[u8], to: &mut [f32]) {
    for (to, value) in to.iter_mut().zip(values(bytes)) {
        *to = in_a_loop(value);
    }
}

/// The little-endian values of the bytes.
fn values(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.as_chunks::<4>().0.iter().map(|bits| f32::from_le_bytes(*bits))
}

/// An error for the first value that is not finite.
#[cfg_attr(target_os = "none", inline(never))]
fn finite(learnt: bool, bytes: &[u8]) -> Result<(), Error> {
    all_finite(learnt, values(bytes))
}

/// The same for any values.
#[inline(always)]
pub(super) fn all_finite(learnt: bool, values: impl Iterator<Item = f32>) -> Result<(), Error> {
    let mut values = values.map(in_a_loop).enumerate();
    match values.find(|(_, value)| !value.is_finite()) {
        Some((index, value)) => Err(Error::NotFinite { learnt, index, value }),
        None => Ok(()),
    }
}

/// The value. On a chip it hides it from the compiler, which would unroll the loop around it, or
/// make it a call of `memcpy`, which takes 900 bytes of flash.
#[inline(always)]
fn in_a_loop(value: f32) -> f32 {
    if cfg!(target_os = "none") { black_box(value) } else { value }
}
