//! XOR by 2-8-1, whose weights are kept in a flash that loses its power again and again.

use crate::{
    Fingerprint, Program,
    xor::{Net, NetTrainer},
};
use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};
use rosenblatt::{kernels::F32Array, prelude::*, store::Store};

/// Bytes of a page, and pages: three slots of three pages.
const PAGE: usize = 128;
const PAGES: usize = 9;

/// A flash in RAM. Its power lasts for some words.
pub struct Flash {
    bytes: [u8; PAGE * PAGES],
    left: u32,
}

impl Flash {
    /// Whether there is power for one more word.
    fn word(&mut self) -> Result<(), NorFlashErrorKind> {
        self.left = self.left.checked_sub(1).ok_or(NorFlashErrorKind::Other)?;
        Ok(())
    }

    /// `len` bytes at an offset.
    fn part(&mut self, offset: u32, len: usize) -> Result<&mut [u8], NorFlashErrorKind> {
        let part = self.bytes.get_mut(offset as usize..).and_then(|rest| rest.get_mut(..len));
        part.ok_or(NorFlashErrorKind::OutOfBounds)
    }
}

impl ErrorType for Flash {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, to: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        let from = self.part(offset, to.len())?;
        to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = PAGE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        for at in (from..to).step_by(4) {
            self.word()?;
            self.part(at, 4)?.fill(0xff);
        }
        Ok(())
    }

    /// The last word before the power fails is written by half.
    fn write(&mut self, offset: u32, from: &[u8]) -> Result<(), NorFlashErrorKind> {
        for (at, word) in (offset..).step_by(4).zip(from.chunks(4)) {
            let whole = self.word();
            let len = if whole.is_ok() { word.len() } else { 2 };
            for (to, byte) in self.part(at, 4)?.iter_mut().zip(word).take(len) {
                *to &= *byte;
            }
            whole?;
        }
        Ok(())
    }
}

/// The trainer, the flash, and the buffer of a saved model.
pub struct Memory {
    trainer: NetTrainer<Adam>,
    flash: Flash,
    file: [u8; Net::SAVED_BYTES],
}

/// Forty parts of a training. Each ends with a save, which the power survives or not. The next part
/// starts from what the flash holds.
pub struct Kept;
const FIT: Fit<Adam> = Fit::new(Adam::with_lr(0.03)).epochs(25);

impl Program for Kept {
    const NAME: &'static str = "store";
    type Net = Net;
    const NET: Net = Net::ZERO;
    type Trainer = Memory;
    const TRAINER: Memory = Memory {
        trainer: NetTrainer::ZERO,
        flash: Flash { bytes: [0; PAGE * PAGES], left: 0 },
        file: [0; Net::SAVED_BYTES],
    };

    fn run(
        backend: Backend,
        net: &mut Net,
        memory: &mut Memory,
        spoil: impl FnOnce(&mut [f32]),
    ) -> u64 {
        let Memory { trainer, flash, file } = memory;
        net.initialize(Seed(1957));
        spoil(net.params_mut().as_flat_mut());
        let fit = Fit { backend: Some(backend), ..FIT };
        let (mut hash, mut lost) = (Fingerprint::default(), 0u16);
        for part in 0..40 {
            if trainer.fit(net, &gates::XOR, &fit).is_err() || net.save(file).is_err() {
                return 0;
            }
            // A save takes 96 words of an erase and 74 of a write.
            flash.left = 90 + 29 * part % 100;
            let Ok(mut store) = Store::new(&mut *flash, 0..(PAGE * PAGES) as u32, file.len())
            else {
                return 0;
            };
            lost += u16::from(store.save(file).is_err());
            // The power is back.
            match store.load(file) {
                Ok(Some(_)) if net.load(file).is_ok() => hash.add_bytes(file),
                Ok(None) => {}
                _ => return 0,
            }
        }
        hash.add(net.weights());
        hash.add(&[f32::from(lost)]);
        for x in &gates::XOR.x {
            hash.add(&trainer.predict(net, x));
        }
        hash.end()
    }

    fn infer(_: &Net) -> bool {
        false
    }

    /// Stores once, with a checkpoint of the weights.
    fn step(net: &mut Net, memory: &mut Memory) -> bool {
        let Memory { flash, file, .. } = memory;
        flash.left = u32::MAX;
        let size = file.len();
        net.save(file).is_ok()
            && Store::new(flash, 0..(PAGE * PAGES) as u32, size)
                .is_ok_and(|mut store| store.save(file).is_ok())
    }
}
