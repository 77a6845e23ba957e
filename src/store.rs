//! A store in NOR flash that survives a power cut at any moment.
//!
//! [`Store`] keeps the newest of several records of equal size, for example a saved model or a
//! checkpoint ([`saved`](crate::saved)), over the traits of `embedded-storage`. After a cut at any
//! word of a write or an erase, [`Store::load`] gives the record before or the new one, always as a
//! whole. Only before the first record is saved may it give none.
//!
//! # How
//!
//! The range of flash is divided into slots of whole pages, at least two. Records go into one slot
//! after the other, so that all pages wear alike. A record is written in this order, each word
//! once:
//!
//! | offset in the slot | size | content, little-endian |
//! |---|---|---|
//! | 0 | 4 | 52 53 53 31: `RSS1` |
//! | 4 | 4 | sequence number, from 1 |
//! | 8 | 4 | size of the data in bytes |
//! | 12 | 4 | CRC-32 of the 12 bytes before |
//! | h | size | the data |
//! | e | 4 | CRC-32 of the header's 16 bytes and the data |
//! | e + 4 | 4 | its complement |
//! | m | 4 times 4 | marks: 0, or ff ff ff ff while not written |
//!
//! h is 16, or the flash's size of a write W if that is more. e is the end of the data, and m that
//! of the checksum, rounded up to multiples of W; a mark has W bytes if W is above 4. Bytes that
//! belong to no part are ff.
//!
//! The checksum comes after the data, and the first mark only after the whole record was read
//! again. A record counts if its checksum is right and one of its marks is not ff. The newest is
//! that with the greatest number. The slot after it, which holds the oldest record, is erased for
//! the next one. Nothing is written when a store is opened or read, so a cut during recovery
//! changes nothing.
//!
//! A word whose write was cut can read differently each time, or give an error (ECC). A checksum
//! can be right by chance then, but its record has no mark. A mark can be such a word, too.
//! Therefore the first [`Store::save`] after a restart writes one more mark to the newest record
//! before it erases the oldest one. After a cut at a mark, two loads can give the new record and
//! then the record before, until a save has succeeded.
//!
//! # What it needs of the flash
//!
//! `WRITE_SIZE` divides 64, `READ_SIZE` divides `WRITE_SIZE`, and 16 and `WRITE_SIZE` divide
//! `ERASE_SIZE`. A mark consists of zeros, and zeros may be written over a word that is not erased,
//! if a cut left it or all four marks are used. Flash with ECC allows that value, too, on most
//! chips (STM32: a double word of zeros).
//!
//! A program that reads flash by address views the model where it lies: [`Store::find`] gives its
//! offset.

use crate::saved::sum_up;
use core::{fmt, ops::Range};
use embedded_storage::nor_flash::NorFlash;

/// The first bytes of a record.
const MAGIC: u32 = u32::from_le_bytes(*b"RSS1");
/// Bytes of a header, and the alignment of the data.
const HEADER: usize = 16;
/// Marks of a record.
const MARKS: u32 = 4;
/// Bytes that are read or written at once.
const CHUNK: usize = 64;

/// The newest of several records in NOR flash: see [`store`](self).
///
/// ```
/// use rosenblatt::{prelude::*, store::Store};
/// # use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
/// # struct Flash([u8; 4096]);
/// # impl ErrorType for Flash {
/// #     type Error = core::convert::Infallible;
/// # }
/// # impl ReadNorFlash for Flash {
/// #     const READ_SIZE: usize = 1;
/// #     fn read(&mut self, at: u32, to: &mut [u8]) -> Result<(), Self::Error> {
/// #         to.copy_from_slice(&self.0[at as usize..][..to.len()]);
/// #         Ok(())
/// #     }
/// #     fn capacity(&self) -> usize {
/// #         self.0.len()
/// #     }
/// # }
/// # impl NorFlash for Flash {
/// #     const WRITE_SIZE: usize = 4;
/// #     const ERASE_SIZE: usize = 1024;
/// #     fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
/// #         self.0[from as usize..to as usize].fill(0xff);
/// #         Ok(())
/// #     }
/// #     fn write(&mut self, at: u32, from: &[u8]) -> Result<(), Self::Error> {
/// #         self.0[at as usize..][..from.len()].copy_from_slice(from);
/// #         Ok(())
/// #     }
/// # }
/// # let flash = Flash([0xff; 4096]); // a driver of the chip
///
/// type Xor = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;
/// let mut file = [0; Xor::SAVED_BYTES];
/// let mut store = Store::new(flash, 0..4096, file.len())?;
/// assert_eq!(store.load(&mut file)?, None); // nothing yet
///
/// let net = Xor::init(Seed(1957));
/// net.save(&mut file)?;
/// store.save(&file)?; // the power may fail here
///
/// let mut after = Xor::ZERO;
/// assert_eq!(store.load(&mut file)?, Some(1)); // the first record
/// after.load(&file)?;
/// assert_eq!(after.weights(), net.weights());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Store<F> {
    flash: F,
    start: u32,
    slots: u32,
    /// Bytes of a slot.
    slot: u32,
    /// Bytes of the data.
    size: usize,
    /// The number of a record whose mark this store has written itself; 0 for none.
    marked: u32,
    /// Saves in a row that ended with [`Error::Worn`].
    worn: u32,
}

impl<F> fmt::Debug for Store<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({} slots of {} bytes from {})", self.slots, self.slot, self.start)
    }
}

/// A good record.
#[derive(Clone, Copy)]
struct Found {
    slot: u32,
    number: u32,
}

impl<F: NorFlash> Store<F> {
    /// Offset of the data in a slot.
    const DATA: usize = {
        assert!(
            F::WRITE_SIZE > 0 && CHUNK.is_multiple_of(F::WRITE_SIZE),
            "the flash's WRITE_SIZE must divide 64"
        );
        assert!(
            F::READ_SIZE > 0 && F::WRITE_SIZE.is_multiple_of(F::READ_SIZE),
            "the flash's READ_SIZE must divide its WRITE_SIZE"
        );
        assert!(
            F::ERASE_SIZE.is_multiple_of(16) && F::ERASE_SIZE.is_multiple_of(F::WRITE_SIZE),
            "16 and the flash's WRITE_SIZE must divide its ERASE_SIZE"
        );
        HEADER.next_multiple_of(F::WRITE_SIZE)
    };
    /// Bytes of the checksum and its complement.
    const TRAILER: usize = 8usize.next_multiple_of(F::WRITE_SIZE);
    /// Bytes of a mark.
    const MARK: usize = 4usize.next_multiple_of(F::WRITE_SIZE);

    /// A store for records of `size` bytes in a range of the flash. Nothing is written.
    /// # Errors
    /// [`Error::Range`] unless the range consists of whole pages, lies in the flash and has room
    /// for two records.
    pub fn new(flash: F, range: Range<u32>, size: usize) -> Result<Self, Error<F::Error>> {
        let page = F::ERASE_SIZE;
        let record = Self::DATA
            .checked_add(size)
            .and_then(|end| end.checked_next_multiple_of(F::WRITE_SIZE))
            .and_then(|end| end.checked_add(Self::TRAILER + MARKS as usize * Self::MARK))
            .and_then(|end| end.checked_next_multiple_of(page))
            .and_then(|slot| u32::try_from(slot).ok());
        let pages = |at: u32| (at as usize).is_multiple_of(page);
        let whole =
            pages(range.start) && pages(range.end) && range.end as usize <= flash.capacity();
        let slots = record.and_then(|slot| range.end.checked_sub(range.start)?.checked_div(slot));
        match (record, slots) {
            (Some(slot), Some(slots)) if whole && slots >= 2 => {
                Ok(Self { flash, start: range.start, slots, slot, size, marked: 0, worn: 0 })
            }
            _ => Err(Error::Range { page, record: record.unwrap_or(u32::MAX) }),
        }
    }

    /// The newest record's data and its number; `None` if there is no record. `to` is as long as
    /// the data. Nothing is written to the flash. A slot that cannot be read counts as empty.
    /// # Errors
    /// [`Error::Length`] for a buffer of another length, [`Error::Flash`]. `to` is then unchanged,
    /// or has an unknown content after an error of the flash.
    pub fn load(&mut self, to: &mut [u8]) -> Result<Option<u32>, Error<F::Error>> {
        if to.len() != self.size {
            return Err(Error::Length { expected: self.size, got: to.len() });
        }
        let Some(Found { slot, number }) = self.newest()? else {
            return Ok(None);
        };
        let at = self.offset(slot) + Self::DATA as u32;
        self.chunks(at, self.size, |offset, bytes| {
            let to = to.get_mut(offset..).unwrap_or_default();
            to.iter_mut().zip(bytes).for_each(|(to, byte)| *to = *byte);
        })?;
        Ok(Some(number))
    }

    /// The offset in the flash of the newest record's data, and its number: for flash that is read
    /// by address. The offset is a multiple of 16. With n slots, save number n from now erases the
    /// record there; with two slots, the second one.
    /// # Errors
    /// [`Error::Flash`].
    pub fn find(&mut self) -> Result<Option<(u32, u32)>, Error<F::Error>> {
        let at = |store: &Self, slot| store.offset(slot) + Self::DATA as u32;
        Ok(self.newest()?.map(|found| (at(self, found.slot), found.number)))
    }

    /// Writes a new record and reads it again. Returns its number.
    /// # Errors
    /// [`Error::Length`] for data of another size; nothing is changed then. [`Error::Worn`] if
    /// other bytes are read than were written: the record before stays the newest, and the next
    /// save tries another slot if there are more than two. After [`Error::Flash`] the newest record
    /// is the one before or the new one.
    pub fn save(&mut self, data: &[u8]) -> Result<u32, Error<F::Error>> {
        if data.len() != self.size {
            return Err(Error::Length { expected: self.size, got: data.len() });
        }
        let slot = match self.newest()? {
            None => 0,
            Some(found) => {
                if found.number != self.marked {
                    self.mark(found.slot)?;
                    self.marked = found.number;
                }
                let further = self.worn.checked_rem(self.slots - 1).unwrap_or(0);
                (found.slot + 1 + further).checked_rem(self.slots).unwrap_or(0)
            }
        };
        // Above the numbers of damaged records too: one of them might be read well another time.
        let mut last = 0;
        for slot in 0..self.slots {
            last = last.max(self.header(slot).ok().flatten().unwrap_or(0));
        }
        let number = last.checked_add(1).filter(|next| *next < u32::MAX).ok_or(Error::Worn)?;
        let start = self.offset(slot);
        self.flash.erase(start, start + self.slot).map_err(Error::Flash)?;

        let header = header(number, self.size as u32);
        let mut sum = sum_up(0, &header);
        self.write(start, &header)?;
        let data_at = start + Self::DATA as u32;
        let mut end = data_at;
        for chunk in data.chunks(CHUNK) {
            sum = sum_up(sum, chunk);
            self.write(end, chunk)?;
            end += chunk.len().next_multiple_of(F::WRITE_SIZE) as u32;
        }
        self.write(end, &trailer(sum))?;
        self.worn = self.worn.wrapping_add(1);
        if !self.is_good(slot)? {
            return Err(Error::Worn);
        }
        self.mark(slot)?;
        (self.marked, self.worn) = (number, 0);
        Ok(number)
    }

    /// Returns the flash.
    pub fn release(self) -> F {
        self.flash
    }

    /// The good record with the greatest number.
    fn newest(&mut self) -> Result<Option<Found>, Error<F::Error>> {
        let mut below = u32::MAX;
        loop {
            let (mut best, mut unread): (Option<Found>, _) = (None, Ok(None));
            let mut readable = false;
            for slot in 0..self.slots {
                match self.header(slot) {
                    Ok(Some(number))
                        if number < below && best.is_none_or(|best| best.number < number) =>
                    {
                        best = Some(Found { slot, number });
                    }
                    Ok(_) => readable = true,
                    Err(error) => unread = Err(error),
                }
            }
            match best {
                Some(found)
                    if self.is_marked(found.slot) && self.is_good(found.slot).unwrap_or(false) =>
                {
                    return Ok(Some(found));
                }
                Some(found) => below = found.number,
                // If no slot can be read, it is not a slot that is damaged.
                None if readable => return Ok(None),
                None => return unread,
            }
        }
    }

    /// The number in the header of a slot, if the header is good.
    fn header(&mut self, slot: u32) -> Result<Option<u32>, Error<F::Error>> {
        let mut found = None;
        let size = self.size as u32;
        self.chunks(self.offset(slot), HEADER, |_, bytes| found = number(bytes, size))?;
        Ok(found)
    }

    /// Whether the checksum of a slot is that of its header and data.
    fn is_good(&mut self, slot: u32) -> Result<bool, Error<F::Error>> {
        let (start, size) = (self.offset(slot), self.size as u32);
        let (mut good, mut sum) = (false, 0);
        self.chunks(start, HEADER, |_, bytes| {
            (good, sum) = (number(bytes, size).is_some(), sum_up(0, bytes));
        })?;
        let data = start + Self::DATA as u32;
        self.chunks(data, self.size, |_, bytes| sum = sum_up(sum, bytes))?;
        let end = data + self.size.next_multiple_of(F::WRITE_SIZE) as u32;
        self.chunks(end, 8, |_, bytes| good &= bytes == trailer(sum))?;
        Ok(good)
    }

    /// The offset of a mark.
    const fn mark_at(&self, slot: u32, i: u32) -> u32 {
        let end = Self::DATA + self.size.next_multiple_of(F::WRITE_SIZE) + Self::TRAILER;
        self.offset(slot) + end as u32 + i * Self::MARK as u32
    }

    /// Whether nothing was written to a mark, or what was written reads so. Where a mark cannot be
    /// read, something was written.
    fn is_empty(&mut self, slot: u32, i: u32) -> bool {
        let mut empty = true;
        let read = self.chunks(self.mark_at(slot, i), Self::MARK, |_, bytes| {
            empty &= bytes.iter().all(|byte| *byte == 0xff);
        });
        empty && read.is_ok()
    }

    fn is_marked(&mut self, slot: u32) -> bool {
        (0..MARKS).any(|i| !self.is_empty(slot, i))
    }

    /// Writes the first mark that is not written; the last one again if none is left.
    fn mark(&mut self, slot: u32) -> Result<(), Error<F::Error>> {
        let free = (0..MARKS).find(|i| self.is_empty(slot, *i)).unwrap_or(MARKS - 1);
        let at = self.mark_at(slot, free);
        let mark = [0; CHUNK];
        self.flash.write(at, mark.get(..Self::MARK).unwrap_or_default()).map_err(Error::Flash)?;
        let mut zero = true;
        self.chunks(at, Self::MARK, |_, bytes| zero &= bytes.iter().all(|byte| *byte == 0))?;
        if zero { Ok(()) } else { Err(Error::Worn) }
    }

    /// Reads `len` bytes in chunks, and passes each with its offset.
    fn chunks(
        &mut self,
        at: u32,
        len: usize,
        mut each: impl FnMut(usize, &[u8]),
    ) -> Result<(), Error<F::Error>> {
        let mut offset = 0;
        while offset < len {
            let mut chunk = [0; CHUNK];
            let n = CHUNK.min(len - offset);
            let whole = n.next_multiple_of(F::READ_SIZE).min(CHUNK);
            let chunk = chunk.get_mut(..whole).unwrap_or_default();
            self.flash.read(at + offset as u32, chunk).map_err(Error::Flash)?;
            each(offset, chunk.get(..n).unwrap_or_default());
            offset += n;
        }
        Ok(())
    }

    /// Writes up to [`CHUNK`] bytes, filled up with ff to a whole size of a write.
    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), Error<F::Error>> {
        let mut chunk = [0xff; CHUNK];
        for (to, byte) in chunk.iter_mut().zip(bytes) {
            *to = *byte;
        }
        let whole = bytes.len().next_multiple_of(F::WRITE_SIZE).min(CHUNK);
        let chunk = chunk.get(..whole).unwrap_or_default();
        self.flash.write(at, chunk).map_err(Error::Flash)
    }

    const fn offset(&self, slot: u32) -> u32 {
        self.start + slot * self.slot
    }
}

/// The bytes of a header.
fn header(number: u32, size: u32) -> [u8; HEADER] {
    let words = [MAGIC, number, size];
    let sum = words.iter().fold(0, |sum, word| sum_up(sum, &word.to_le_bytes()));
    let [a, b, c, d] = [MAGIC, number, size, sum].map(u32::to_le_bytes);
    let mut bytes = [0; HEADER];
    for (to, from) in bytes.iter_mut().zip(a.iter().chain(&b).chain(&c).chain(&d)) {
        *to = *from;
    }
    bytes
}

/// The number in a good header of a record of this size.
fn number(bytes: &[u8], size: u32) -> Option<u32> {
    let &[_, _, _, _, a, b, c, d, ..] = bytes else {
        return None;
    };
    let number = u32::from_le_bytes([a, b, c, d]);
    (bytes == header(number, size)).then_some(number)
}

/// The bytes behind the data: the checksum and its complement.
fn trailer(sum: u32) -> [u8; 8] {
    (u64::from(sum) | u64::from(!sum) << 32).to_le_bytes()
}

/// Why a store did not read or write.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error<E> {
    /// The range does not consist of whole pages, is not in the flash, or has no room for two
    /// records.
    Range {
        /// Bytes of a page
        page: usize,
        /// Bytes of a record in whole pages; a range needs twice as many
        record: u32,
    },
    /// A buffer has another length than the records.
    Length {
        /// Bytes of a record's data
        expected: usize,
        /// Bytes given
        got: usize,
    },
    /// A new record is not read as it was written, or there are no more numbers. The flash is worn
    /// out.
    Worn,
    /// The flash gave an error.
    Flash(E),
}

impl<E: fmt::Debug> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range { page, record } => write!(
                f,
                "the range must consist of whole pages of {page} bytes inside the flash, with room \
                 for two records of {record} bytes"
            ),
            Self::Length { expected, got } => {
                write!(f, "the store holds {expected} bytes; {got} are given")
            }
            Self::Worn => f.write_str("the new record is not read as it was written"),
            Self::Flash(error) => write!(f, "the flash gave an error: {error:?}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for Error<E> {}
