//! The architecture of a network as numbers: a [`Record`] for each layer, and a hash of them all.
//!
//! A saved model ([`saved`](crate::saved)) holds both. The records let a tool print and convert a
//! file without the network's type. The hash lets a program refuse the file of another network.

use super::Layer;
use rosenblatt_kernels::{
    F32Array,
    array::Shape,
    persist::{FNV, fnv, name_code},
};

/// A layer's kind, activation, shapes and further numbers, as words of 32 bits.
///
/// | word | meaning |
/// |---|---|
/// | 0 | the number of words, this one included |
/// | 1 | the kind: [`name_code`] of the layer's name (`Dense`, `Conv2d`, `GRU`, …) |
/// | 2 | the activation: [`name_code`] of its name (`tanh`, …); 0 for none |
/// | 3 | the activation's parameter (the slope of a leaky ReLU): the bits of an f32; 0 for none |
/// | 4 | r, the number of lengths of an input sample, then r lengths from outside in |
/// | 5 + r | q, the number of lengths of an output sample, then q lengths |
/// | 6 + r + q | further numbers |
///
/// The further numbers by kind, after those of the shapes:
///
/// | kind | numbers |
/// |---|---|
/// | `Conv2d` | window height, width, stride down, across, 1 for `Same` or 0 for `Valid` |
/// | `Conv1d` | window, stride, 1 for `Same` or 0 for `Valid` |
/// | `MaxPool2d`, `AvgPool2d` | window height, width, stride down, across, 1 for `Same` or 0 |
/// | `MaxPool1d`, `AvgPool1d` | window, stride, 1 for `Same` or 0 for `Valid` |
/// | `BatchNormalization` | the bits of ε, the bits of 1 − momentum |
/// | `LayerNormalization` | the bits of ε |
/// | `Dropout` | rate·2³², the seed's low half, its high half |
/// | a layer of one's own | what its [`Layer::RECORD`] adds |
/// | all others | none |
///
/// ```
/// use rosenblatt::{layer::{Layer, name_code}, prelude::*};
/// let record = <Dense<2, 8, Tanh> as Layer>::RECORD;
/// assert_eq!(record.words(), [8, name_code("Dense"), name_code("tanh"), 0, 1, 2, 1, 8]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    words: [u32; Self::WORDS],
    len: usize,
}

impl Record {
    /// The largest number of words.
    pub const WORDS: usize = 24;

    /// The record of the layer `L` with its [`Layer::NAME`], without an activation.
    #[must_use]
    pub const fn of<L: Layer>() -> Self {
        Self::activated::<L>("", 0.0)
    }

    /// The record of the layer `L`, which ends in an activation of this name and parameter.
    #[must_use]
    pub const fn activated<L: Layer>(activation: &str, parameter: f32) -> Self {
        let start = Self { words: [0; Self::WORDS], len: 1 }.word(name_code(L::NAME));
        let kind = start.word(name_code(activation)).word(parameter.to_bits());
        kind.shape(L::Input::SHAPE).shape(L::Output::SHAPE)
    }

    /// Adds a number.
    /// # Panics
    /// If there are too many. In the constant of a layer that is an error of the compiler.
    #[must_use]
    pub const fn word(mut self, word: u32) -> Self {
        assert!(self.len < Self::WORDS, "the record of a layer has too many numbers");
        self.words[self.len] = word;
        self.len += 1;
        self.words[0] = self.len as u32;
        self
    }

    /// Adds several numbers: lengths, strides.
    #[must_use]
    pub(crate) const fn numbers<const N: usize>(mut self, numbers: [usize; N]) -> Self {
        let mut i = 0;
        while i < N {
            assert!(numbers[i] <= u32::MAX as usize, "a length does not fit into 32 bits");
            self = self.word(numbers[i] as u32);
            i += 1;
        }
        self
    }

    const fn shape(self, shape: Shape) -> Self {
        let mut record = self.numbers([shape.rank()]);
        let mut i = 0;
        while i < shape.rank() {
            record = record.numbers([shape.length(i)]);
            i += 1;
        }
        record
    }

    /// The words.
    #[must_use]
    pub const fn words(&self) -> &[u32] {
        self.words.split_at(self.len).0
    }
}

/// The number of words, the number of layers and the hash of one layer, or of several in sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Architecture {
    /// Words of all records
    pub words: usize,
    /// Number of layers
    pub layers: u32,
    /// h₀ + h₁·p + h₂·p² + … modulo 2⁶⁴, with hᵢ the FNV-1a hash (64 bits) of the little-endian
    /// words of record i and p = 0x9e3779b97f4a7c15
    pub hash: u64,
}

impl Architecture {
    /// One layer with this record.
    #[must_use]
    pub const fn of(record: &Record) -> Self {
        let mut hash = FNV;
        let mut i = 0;
        while i < record.len {
            hash = fnv(hash, &record.words[i].to_le_bytes());
            i += 1;
        }
        Self { words: record.len, layers: 1, hash }
    }

    /// These layers, then `next`.
    #[must_use]
    pub const fn then(self, next: Self) -> Self {
        let factor = 0x9e37_79b9_7f4a_7c15u64.wrapping_pow(self.layers);
        Self {
            words: self.words + next.words,
            layers: self.layers + next.layers,
            hash: self.hash.wrapping_add(factor.wrapping_mul(next.hash)),
        }
    }
}
