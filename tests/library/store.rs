//! The store in flash, on a flash whose power is cut after any word.
//!
//! The flash knows nothing of the store. It is stricter than a real one: a word may be written once
//! after an erase, and then only with zeros; a cut leaves a word with some of its bits changed, and
//! such a word reads differently each time until it is erased, or cannot be read; a cut erase
//! leaves words erased, untouched and in between, in any order of the words.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};
use rosenblatt::{
    Rng, Seed,
    prelude::*,
    store::{Error, Store},
};

/// Random numbers that depend on a seed only.
#[derive(Clone)]
struct Dice(Rng);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(Rng::new(Seed(seed)))
    }

    /// A number below n.
    fn below(&mut self, n: usize) -> usize {
        self.0.next_u32() as usize % n
    }

    fn byte(&mut self) -> u8 {
        (self.0.next_u32() >> 24) as u8
    }
}

/// What became of a word.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Word {
    Erased,
    Written,
    /// Its power was cut: bits that are set here read as 0 or 1, differently each time.
    Torn,
}

/// A flash of `PAGES` pages with words of `W` bytes and pages of `E` bytes.
#[derive(Clone)]
struct Flash<const W: usize, const E: usize> {
    bytes: Vec<u8>,
    words: Vec<Word>,
    /// Bits of torn words that are not certain.
    loose: Vec<u8>,
    /// Erases of each page.
    wear: Vec<usize>,
    /// Words until the power is cut; `None` for never.
    left: Option<usize>,
    /// Whether there is no power.
    off: bool,
    /// Whether torn words read alike each time.
    certain: bool,
    /// Whether torn words cannot be read, as in a flash with ECC.
    ecc: bool,
    /// Words written or erased so far.
    work: usize,
    dice: Dice,
}

#[derive(Debug, PartialEq)]
enum Fault {
    /// There is no power.
    Off,
    /// A word whose write was cut cannot be read.
    Torn,
}

impl NorFlashError for Fault {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

impl<const W: usize, const E: usize> Flash<W, E> {
    fn new(pages: usize, seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        // A new chip is not always erased.
        let bytes = (0..pages * E).map(|_| dice.byte()).collect();
        Self {
            bytes,
            words: vec![Word::Written; pages * E / W],
            loose: vec![0; pages * E],
            wear: vec![0; pages],
            left: None,
            off: false,
            certain: false,
            ecc: false,
            work: 0,
            dice,
        }
    }

    /// The power comes back, for this number of words.
    fn restart(&mut self, left: Option<usize>) {
        (self.off, self.left) = (false, left);
    }

    /// Whether the next word is the one at which the power is cut.
    fn cut(&mut self) -> bool {
        self.work += 1;
        match &mut self.left {
            Some(0) => self.off = true,
            Some(left) => *left -= 1,
            None => {}
        }
        self.off
    }

    /// Leaves a word between its bits and others.
    fn tear(&mut self, word: usize, to: impl Fn(usize) -> u8) {
        self.words[word] = Word::Torn;
        // Half of the time all but one bit are as before, and that bit is not certain.
        let one_bit = (self.dice.below(2) == 0).then(|| word * W + self.dice.below(W));
        for i in word * W..(word + 1) * W {
            let (done, loose) = match one_bit {
                None => (self.dice.byte(), self.dice.byte()),
                Some(byte) if byte == i => (0, 1 << self.dice.below(8)),
                Some(_) => (0, 0),
            };
            let changing = self.bytes[i] ^ to(i);
            // Of the bits that were to change, some have, and of those some are not certain.
            self.bytes[i] ^= changing & done;
            self.loose[i] = if self.certain { 0 } else { changing & loose };
        }
    }
}

impl<const W: usize, const E: usize> ErrorType for Flash<W, E> {
    type Error = Fault;
}

impl<const W: usize, const E: usize> ReadNorFlash for Flash<W, E> {
    const READ_SIZE: usize = if W < 4 { W } else { 4 };

    fn read(&mut self, offset: u32, to: &mut [u8]) -> Result<(), Fault> {
        assert!((offset as usize).is_multiple_of(Self::READ_SIZE), "a read at {offset}");
        assert!(to.len().is_multiple_of(Self::READ_SIZE), "a read of {} bytes", to.len());
        if self.off {
            return Err(Fault::Off);
        }
        for (i, to) in to.iter_mut().enumerate() {
            let at = offset as usize + i;
            if self.ecc && self.words[at / W] == Word::Torn {
                return Err(Fault::Torn);
            }
            let noise = if self.words[at / W] == Word::Torn { self.dice.byte() } else { 0 };
            *to = self.bytes[at] ^ (noise & self.loose[at]);
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl<const W: usize, const E: usize> NorFlash for Flash<W, E> {
    const WRITE_SIZE: usize = W;
    const ERASE_SIZE: usize = E;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Fault> {
        let (from, to) = (from as usize, to as usize);
        assert!(from.is_multiple_of(E) && to.is_multiple_of(E) && from < to, "erase {from}..{to}");
        for page in from / E..to / E {
            if self.off {
                return Err(Fault::Off);
            }
            self.wear[page] += 1;
            // Any order: the first words need not be erased first.
            let words = E / W;
            let (start, step) =
                (self.dice.below(words), 1 + 2 * self.dice.below(words.div_ceil(2)));
            for i in 0..words {
                let word = page * words + (start + i * step) % words;
                if self.cut() {
                    self.tear(word, |_| 0xff);
                    return Err(Fault::Off);
                }
                self.words[word] = Word::Erased;
                self.bytes[word * W..(word + 1) * W].fill(0xff);
                self.loose[word * W..(word + 1) * W].fill(0);
            }
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, from: &[u8]) -> Result<(), Fault> {
        let offset = offset as usize;
        assert!(offset.is_multiple_of(W) && from.len().is_multiple_of(W), "write at {offset}");
        for (i, bytes) in from.chunks(W).enumerate() {
            if self.off {
                return Err(Fault::Off);
            }
            let word = offset / W + i;
            // Only zeros may be written over a word that is not erased.
            let over = bytes.iter().all(|byte| *byte == 0);
            assert!(over || self.words[word] == Word::Erased, "word {word} is written again");
            if self.cut() {
                self.tear(word, |at| bytes[at - word * W]);
                return Err(Fault::Off);
            }
            self.words[word] = Word::Written;
            self.bytes[word * W..(word + 1) * W].copy_from_slice(bytes);
            self.loose[word * W..(word + 1) * W].fill(0);
        }
        Ok(())
    }
}

/// Data that tells which record it is: a mixture of two would be neither.
fn data(number: u32, size: usize) -> Vec<u8> {
    let mut dice = Dice::new(u64::from(number) << 20 | size as u64);
    (0..size).map(|_| dice.byte()).collect()
}

/// The records that a load may give: the last one that was there for sure, and those whose saving
/// was cut since.
struct Seen(Vec<u32>);

impl Seen {
    fn sure(number: u32) -> Self {
        Self(vec![number])
    }
}

/// Loads twice. Both must give a record that may be there. If torn words always read alike, both
/// give the same one, and only that one may be there from now on.
fn check<const W: usize, const E: usize>(
    store: &mut Store<Flash<W, E>>,
    size: usize,
    seen: &mut Seen,
    certain: bool,
) {
    for _ in 0..2 {
        let mut got = vec![0; size];
        let which = match store.load(&mut got).expect("power") {
            None => 0,
            Some(_) => {
                let there = |n: &&u32| **n > 0 && data(**n, size) == got;
                *seen.0.iter().find(there).expect("the old or the new record, no mixture")
            }
        };
        assert!(seen.0.contains(&which), "record {which}, not one of {:?}", seen.0);
        if certain {
            *seen = Seen::sure(which);
        }
    }
}

/// A random history: saves, cuts, restarts, cuts again.
fn history<const W: usize, const E: usize>(seed: u64) -> usize {
    let mut dice = Dice::new(seed);
    let size = 1 + dice.below(3 * E);
    let parts = [16, size, 8].map(|part: usize| part.next_multiple_of(W));
    let record = parts.iter().sum::<usize>() + 4 * 4usize.next_multiple_of(W);
    let pages_of_a_record = record.div_ceil(E);
    let slots = 2 + dice.below(3);
    let first = dice.below(2);
    let pages = first + slots * pages_of_a_record + dice.below(2);
    let mut flash = Flash::<W, E>::new(pages, seed ^ 0x5eed);
    let range = (first * E) as u32..(pages * E) as u32;
    flash.ecc = dice.below(3) == 0;
    let certain = dice.below(2) == 0;
    flash.certain = certain;
    let mut seen = Seen::sure(0);
    let mut next = 1;
    let mut cuts = 0;
    for _ in 0..6 {
        flash.restart(None);
        let mut store = Store::new(flash, range.clone(), size).expect("a good range");
        check(&mut store, size, &mut seen, certain);
        flash = store.release();
        // A record takes about this many words.
        let words = pages_of_a_record * E / W + record / W;
        flash.restart(Some(dice.below(3 * words)));
        let mut store = Store::new(flash, range.clone(), size).expect("a good range");
        // Saves until the power is cut, which may happen at once.
        for _ in 0..4 {
            let saved = store.save(&data(next, size));
            match saved {
                Ok(_) => seen = Seen::sure(next),
                Err(Error::Flash(Fault::Off)) => {
                    cuts += 1;
                    seen.0.push(next);
                }
                Err(error) => panic!("{error}"),
            }
            next += 1;
            if saved.is_err() {
                break;
            }
        }
        flash = store.release();
    }
    cuts
}

/// 10⁵ random histories with `ROSENBLATT_HISTORIES=100000`.
#[test]
fn after_any_cut_the_old_or_the_new_record_is_there() {
    let histories = std::env::var("ROSENBLATT_HISTORIES").ok().and_then(|n| n.parse().ok());
    let histories: u64 = histories.unwrap_or(4_000);
    let mut cuts = 0;
    for seed in 0..histories {
        cuts += match seed % 5 {
            0 => history::<1, 16>(seed),
            1 => history::<4, 64>(seed),
            2 => history::<8, 64>(seed),
            3 => history::<2, 32>(seed),
            _ => history::<32, 128>(seed),
        };
    }
    println!("{histories} histories, {cuts} cuts");
    assert!(cuts as u64 > histories);
}

/// Every word of two saves, and every word of the save after each such cut.
#[test]
fn every_word_may_be_the_last_one() {
    const SIZE: usize = 21;
    const PAGES: u32 = 6;
    let start = || {
        let mut store =
            Store::new(Flash::<4, 32>::new(PAGES as usize, 1), 0..PAGES * 32, SIZE).expect("good");
        store.save(&data(1, SIZE)).expect("power");
        store.save(&data(2, SIZE)).expect("power");
        store.release()
    };
    let words = {
        let mut flash = start();
        flash.work = 0;
        let mut store = Store::new(flash, 0..PAGES * 32, SIZE).expect("good");
        store.save(&data(3, SIZE)).expect("power");
        store.release().work
    };
    assert!(words > 20, "{words}");
    for first in 0..words {
        for second in 0..=words {
            let mut flash = start();
            flash.restart(Some(first));
            let mut store = Store::new(flash, 0..PAGES * 32, SIZE).expect("good");
            assert_eq!(store.save(&data(3, SIZE)), Err(Error::Flash(Fault::Off)));
            let mut flash = store.release();
            flash.restart(Some(second));
            let mut store = Store::new(flash, 0..PAGES * 32, SIZE).expect("good");
            check(&mut store, SIZE, &mut Seen(vec![2, 3]), false);
            let done = store.save(&data(4, SIZE)).is_ok();
            assert_eq!(done, second == words, "{first} {second}");
            let mut flash = store.release();
            flash.restart(None);
            let mut store = Store::new(flash, 0..PAGES * 32, SIZE).expect("good");
            let mut got = [0; SIZE];
            store.load(&mut got).expect("power").expect("a record");
            let which = (1..=4).find(|n| data(*n, SIZE) == got).expect("no mixture");
            assert!(if done { which == 4 } else { which >= 2 }, "{first} {second}: {which}");
        }
    }
}

#[test]
fn all_pages_wear_alike() {
    for (pages, size, slots) in [(4, 8, 4), (6, 50, 3), (7, 90, 2)] {
        let mut store =
            Store::new(Flash::<4, 64>::new(pages, 7), 0..pages as u32 * 64, size).expect("good");
        for n in 1..=5 * slots {
            assert_eq!(store.save(&data(n, size)), Ok(n));
            let mut got = vec![0; size];
            assert_eq!((store.load(&mut got), got), (Ok(Some(n)), data(n, size)));
        }
        let wear = store.release().wear;
        let used = pages / slots as usize * slots as usize;
        assert!(
            wear[..used].iter().all(|n| *n == 5) && wear[used..].iter().all(|n| *n == 0),
            "{wear:?}"
        );
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    type F = Flash<4, 64>;
    let range = |range, size| Store::new(F::new(4, 1), range, size).err();
    let wrong = |record| Some(Error::Range { page: 64, record });
    assert_eq!(range(0..256, 40), None);
    assert_eq!(range(0..256, 41), None);
    assert_eq!(range(0..128, 41), wrong(128)); // 16 + 44 + 8 bytes: two pages
    assert_eq!(range(0..64, 8), wrong(64));
    assert_eq!(range(0..256, 300), wrong(384));
    assert_eq!(range(8..256, 8), wrong(64));
    assert_eq!(range(0..200, 8), wrong(64));
    assert_eq!(range(0..320, 8), wrong(64));
    #[allow(clippy::reversed_empty_ranges, reason = "that is the test")]
    let reversed = 128..64;
    assert_eq!(range(reversed, 8), wrong(64));
    assert!(matches!(range(0..256, usize::MAX), Some(Error::Range { .. })));
    let mut store = Store::new(F::new(4, 1), 0..256, 8).expect("good");
    assert_eq!(store.save(&[0; 7]), Err(Error::Length { expected: 8, got: 7 }));
    assert_eq!(store.load(&mut [0; 9]), Err(Error::Length { expected: 8, got: 9 }));
    assert_eq!(store.load(&mut [0; 8]), Ok(None));
}

/// A bit of the newest record that changes by itself: the record before is loaded, and saving goes
/// on.
#[test]
fn a_rotten_record_is_skipped() {
    type F = Flash<4, 64>;
    const SIZE: usize = 24;
    let mut store = Store::new(F::new(3, 1), 0..192, SIZE).expect("good");
    store.save(&data(1, SIZE)).expect("power");
    store.save(&data(2, SIZE)).expect("power");
    let good = store.release();
    for bit in 0..8 * (16 + SIZE + 8) {
        let mut flash = good.clone();
        flash.bytes[64 + bit / 8] ^= 1 << (bit % 8);
        let mut store = Store::new(flash, 0..192, SIZE).expect("good");
        let mut got = [0; SIZE];
        assert_eq!(store.load(&mut got), Ok(Some(1)), "bit {bit}");
        assert_eq!(got.as_slice(), data(1, SIZE));
        let number = store.save(&data(3, SIZE)).expect("power");
        assert!(number > 1);
        assert_eq!(store.load(&mut got), Ok(Some(number)));
        assert_eq!(got.as_slice(), data(3, SIZE));
    }
}

/// Models in the store, found by their address.
#[test]
fn a_model_is_viewed_where_it_lies() {
    type Net = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;
    let mut file = [0; Net::SAVED_BYTES];
    let mut store = Store::new(Flash::<8, 128>::new(8, 3), 0..1024, file.len()).expect("good");
    for seed in 1..5 {
        let net = Net::init(Seed(seed));
        net.save(&mut file).expect("finite weights");
        store.save(&file).expect("power");
        let (at, number) = store.find().expect("power").expect("a record");
        assert_eq!((at % 16, u64::from(number)), (0, seed));
        let mut copy = [0; Net::SAVED_BYTES];
        store.load(&mut copy).expect("power");
        let mut loaded = Net::ZERO;
        loaded.load(&copy).expect("the model");
        assert_eq!(loaded.weights(), net.weights());
    }
}

/// The power is cut at every mark, again and again, until a record has no free mark left.
#[test]
fn a_cut_at_each_mark_loses_nothing() {
    const SIZE: usize = 8;
    for seed in 0..400 {
        let mut flash = Flash::<4, 64>::new(2, seed);
        flash.ecc = seed % 4 == 0;
        let open = |flash| Store::new(flash, 0..128, SIZE).expect("a good range");
        let mut store = open(flash);
        store.save(&data(1, SIZE)).expect("power");
        flash = store.release();
        // An erase of 16 words, then 4 of the header, 2 of data and 2 of the checksum; then the
        // mark.
        flash.restart(Some(24));
        let mut store = open(flash);
        assert_eq!(store.save(&data(2, SIZE)), Err(Error::Flash(Fault::Off)));
        flash = store.release();
        let mut seen = Seen(vec![1, 2]);
        for next in 3..12 {
            flash.restart(None);
            let mut store = open(flash);
            check(&mut store, SIZE, &mut seen, false);
            flash = store.release();
            // The mark of the newest record, or the first word of the erase behind it.
            flash.restart(Some(next as usize % 2));
            let mut store = open(flash);
            assert_eq!(store.save(&data(next, SIZE)), Err(Error::Flash(Fault::Off)));
            flash = store.release();
        }
        flash.restart(None);
        let mut store = open(flash);
        check(&mut store, SIZE, &mut seen, false);
        store.save(&data(99, SIZE)).expect("power");
        check(&mut store, SIZE, &mut Seen::sure(99), false);
    }
}

/// A page that can no longer be written: the next save takes the slot after it.
#[test]
fn a_worn_slot_is_passed_over() {
    struct Worn(Flash<4, 64>);
    impl ErrorType for Worn {
        type Error = Fault;
    }
    impl ReadNorFlash for Worn {
        const READ_SIZE: usize = 4;
        fn read(&mut self, offset: u32, to: &mut [u8]) -> Result<(), Fault> {
            self.0.read(offset, to)
        }
        fn capacity(&self) -> usize {
            self.0.capacity()
        }
    }
    impl NorFlash for Worn {
        const WRITE_SIZE: usize = 4;
        const ERASE_SIZE: usize = 64;
        fn erase(&mut self, from: u32, to: u32) -> Result<(), Fault> {
            self.0.erase(from, to)
        }
        fn write(&mut self, offset: u32, from: &[u8]) -> Result<(), Fault> {
            self.0.write(offset, from)?;
            // A bit of the second page stays 1.
            if (64..128).contains(&offset) {
                self.0.bytes[64 + 20] |= 1;
            }
            Ok(())
        }
    }
    let mut store = Store::new(Worn(Flash::new(4, 1)), 0..256, 8).expect("good");
    store.save(&[0; 8]).expect("the first slot");
    assert_eq!(store.save(&[2; 8]), Err(Error::Worn));
    let mut got = [1; 8];
    store.load(&mut got).expect("power").expect("the first record");
    assert_eq!(got, [0; 8]);
    store.save(&[2; 8]).expect("the third slot");
    store.load(&mut got).expect("power").expect("a record");
    assert_eq!(got, [2; 8]);
}
