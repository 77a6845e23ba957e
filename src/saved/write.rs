//! Writes a model word by word, with a checksum.

use super::{ALIGNMENT, WriteError, sum_up};
use core::{convert::Infallible, slice::IterMut};
use embedded_io::Write;

/// Takes words of four bytes.
pub(super) trait Sink {
    /// What can go wrong.
    type Error;

    /// Takes the next four bytes.
    fn word(&mut self, bytes: [u8; 4]) -> Result<(), Self::Error>;
}

/// A buffer that is large enough. (Not a writer of bytes: it would link `memcpy`, which is as large
/// as all of this.)
pub(super) struct Buffer<'a>(pub(super) IterMut<'a, [u8; 4]>);

impl Sink for Buffer<'_> {
    type Error = Infallible;

    #[inline(always)]
    fn word(&mut self, bytes: [u8; 4]) -> Result<(), Infallible> {
        if let Some(to) = self.0.next() {
            *to = bytes;
        }
        Ok(())
    }
}

/// A writer of the user.
pub(super) struct Io<W>(pub(super) W);

impl<W: Write> Sink for Io<W> {
    type Error = WriteError<W::Error>;

    /// (`Write::write_all` panics where a writer takes no byte.)
    fn word(&mut self, bytes: [u8; 4]) -> Result<(), WriteError<W::Error>> {
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            match self.0.write(rest).map_err(WriteError::Writer)? {
                0 => return Err(WriteError::Stopped),
                n => rest = rest.get(n..).unwrap_or_default(),
            }
        }
        Ok(())
    }
}

/// Sums up what it writes.
pub(super) struct Writer<S> {
    pub(super) to: S,
    sum: u32,
    /// Words so far.
    words: usize,
}

impl<S: Sink> Writer<S> {
    pub(super) const fn new(to: S) -> Self {
        Self { to, sum: 0, words: 0 }
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn word(&mut self, word: u32) -> Result<(), S::Error> {
        let bytes = word.to_le_bytes();
        self.sum = sum_up(self.sum, &bytes);
        self.words += 1;
        self.to.word(bytes)
    }

    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn words(&mut self, words: &[u32]) -> Result<(), S::Error> {
        words.iter().try_for_each(|word| self.word(*word))
    }

    /// Zeros up to the next multiple of [`ALIGNMENT`].
    pub(super) fn pad(&mut self) -> Result<(), S::Error> {
        while !self.words.is_multiple_of(ALIGNMENT / 4) {
            self.word(0)?;
        }
        Ok(())
    }

    /// The bits of the values, then zeros up to the next multiple of [`ALIGNMENT`].
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn values(&mut self, values: &[f32]) -> Result<(), S::Error> {
        values.iter().try_for_each(|value| self.word(value.to_bits()))?;
        self.pad()
    }

    /// Writes the checksum.
    pub(super) fn end(mut self) -> Result<S, S::Error> {
        self.to.word(self.sum.to_le_bytes())?;
        Ok(self.to)
    }
}
