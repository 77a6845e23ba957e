//! A file as a whole: a network and a state, written, checked and read.

use super::{
    Error, WriteError,
    layout::Layout,
    read::{self, Checked},
    write::{Buffer, Io, Sink, Writer},
};
use crate::{
    layer::Layer,
    sequential::{LayersOf, Model},
};
use embedded_io::Write;
use rosenblatt_kernels::{
    F32Array,
    persist::{Persist, Words},
};

/// What the file of the network `N` with the state `P` looks like.
struct File<N, P>(N, P);

impl<N: Model, P: Persist> File<N, P> {
    const LAYOUT: Layout = Layout::of::<LayersOf<N>, P>();
}

/// The size of a file.
pub(crate) const fn bytes<N: Model, P: Persist>() -> usize {
    File::<N, P>::LAYOUT.bytes()
}

/// Writes a file into the start of a buffer.
pub(crate) fn save<N: Model, P: Persist>(
    kind: u16,
    net: &N,
    state: &mut P,
    to: &mut [u8],
) -> Result<(), Error> {
    let expected = bytes::<N, P>();
    let length = Error::Length { expected, got: to.len() };
    let (to, _) = to.get_mut(..expected).ok_or(length)?.as_chunks_mut::<4>();
    all_finite(net)?;
    let Ok(_) = write(kind, net, state, Buffer(to.iter_mut()));
    Ok(())
}

/// Writes a file into a writer.
pub(crate) fn save_to<N: Model, P: Persist, W: Write>(
    kind: u16,
    net: &N,
    state: &mut P,
    to: W,
) -> Result<(), WriteError<W::Error>> {
    all_finite(net).map_err(WriteError::Model)?;
    let Io(mut to) = write(kind, net, state, Io(to))?;
    to.flush().map_err(WriteError::Writer)
}

/// The parts of a file, if every byte is right.
pub(crate) fn checked<N: Model, P: Persist>(kind: u16, from: &[u8]) -> Result<Checked<'_>, Error> {
    read::checked(kind, from, &const { File::<N, P>::LAYOUT })
}

fn all_finite(net: &impl Model) -> Result<(), Error> {
    finite(true, net.params().as_flat())?;
    finite(false, net.buffers().as_flat())
}

/// An error for the first value that is not finite.
#[cfg_attr(target_os = "none", inline(never))]
fn finite(learnt: bool, values: &[f32]) -> Result<(), Error> {
    read::all_finite(learnt, values.iter().copied())
}

fn write<N: Model, P: Persist, S: Sink>(
    kind: u16,
    net: &N,
    state: &mut P,
    to: S,
) -> Result<S, S::Error> {
    let mut writer = Writer::new(to);
    writer.words(&const { File::<N, P>::LAYOUT }.header(kind))?;
    let mut written = Ok(());
    LayersOf::<N>::records(&mut |record| {
        if written.is_ok() {
            written = writer.words(record.words());
        }
    });
    written?;
    writer.pad()?;
    writer.values(net.params().as_flat())?;
    writer.values(net.buffers().as_flat())?;
    if const { P::WORDS > 0 } {
        let mut words = Save { writer: &mut writer, written: Ok(()), count: 0 };
        state.words(&mut words);
        debug_assert_eq!(
            words.count,
            P::WORDS,
            "a state passes another number of words than WORDS"
        );
        words.written?;
        writer.pad()?;
    }
    writer.end()
}

/// Writes the words of a state.
struct Save<'a, S: Sink> {
    writer: &'a mut Writer<S>,
    written: Result<(), S::Error>,
    count: usize,
}

impl<S: Sink> Words for Save<'_, S> {
    fn word(&mut self, word: &mut u32) {
        self.count += 1;
        if self.written.is_ok() {
            self.written = self.writer.words(&[*word]);
        }
    }
}
