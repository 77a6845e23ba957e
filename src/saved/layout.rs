//! Where the parts of a saved model lie, as constants of the network's type.

use crate::layer::{Architecture, Layer};
use rosenblatt_kernels::{
    F32Array, contract,
    persist::{Persist, name_code},
};

/// The first eight bytes of every file. As in PNG, a byte above 127 and the line ends show a file
/// that was sent as text.
const MAGIC: [u8; 8] = *b"\x89RSB\r\n\x1a\n";

/// The version of the format.
pub(super) const VERSION: u16 = 1;

/// What the file holds: a model.
pub(crate) const MODEL: u16 = 1;
/// A network and its trainer, between steps.
pub(crate) const TRAINER: u16 = 2;
/// The same, and a training that is not finished.
pub(crate) const RUN: u16 = 3;
/// A receipt of a training: no weights.
pub(crate) const RECEIPT: u16 = 4;

/// Words of the header.
pub(crate) const HEADER: usize = 12;

/// Parameters and non-trainable values lie at multiples of this number of bytes.
pub(crate) const ALIGNMENT: usize = 16;

/// The numbers that decide where the parts of a file lie.
pub(crate) struct Layout {
    /// The layers
    architecture: Architecture,
    /// Number of parameters
    pub(super) params: usize,
    /// Number of non-trainable values
    pub(super) buffers: usize,
    /// Number of words of the state
    pub(crate) state: usize,
    /// The code of its type
    pub(super) code: u32,
}

impl Layout {
    /// The layout for the layers `L` and the state `P`.
    pub(super) const fn of<L: Layer, P: Persist>() -> Self {
        let (params, buffers) = (L::Params::LEN, L::Buffers::LEN);
        let (architecture, state, code) = (L::ARCHITECTURE, P::WORDS, P::CODE);
        let layout = Self { architecture, params, buffers, state, code };
        assert!(layout.bytes() <= u32::MAX as usize, "a file has at most 4 GiB");
        layout
    }

    /// The layout of a receipt with this number of words behind the records.
    pub(crate) const fn of_receipt(architecture: Architecture, state: usize) -> Self {
        Self { architecture, params: 0, buffers: 0, state, code: name_code("receipt") }
    }

    /// The offset of the parameters.
    pub(super) const fn params_at(&self) -> usize {
        padded(4 * (HEADER + self.architecture.words))
    }

    /// The offset of the non-trainable values.
    pub(super) const fn buffers_at(&self) -> usize {
        padded(self.params_at() + 4 * self.params)
    }

    /// The offset of the state.
    pub(crate) const fn state_at(&self) -> usize {
        padded(self.buffers_at() + 4 * self.buffers)
    }

    /// The offset of the checksum.
    pub(crate) const fn checksum_at(&self) -> usize {
        padded(self.state_at() + 4 * self.state)
    }

    /// The size of the file.
    pub(crate) const fn bytes(&self) -> usize {
        self.checksum_at() + 4
    }

    /// The words of the header of a file of this kind.
    pub(crate) const fn header(&self, kind: u16) -> [u32; HEADER] {
        let [a, b, c, d, e, f, g, h] = MAGIC;
        let hash = self.architecture.hash;
        [
            u32::from_le_bytes([a, b, c, d]),
            u32::from_le_bytes([e, f, g, h]),
            VERSION as u32 | (kind as u32) << 16,
            contract::VERSION,
            hash as u32,
            (hash >> 32) as u32,
            self.bytes() as u32,
            self.architecture.words as u32,
            self.params as u32,
            self.buffers as u32,
            self.state as u32,
            self.code,
        ]
    }
}

/// The next multiple of [`ALIGNMENT`].
const fn padded(bytes: usize) -> usize {
    bytes.next_multiple_of(ALIGNMENT)
}
