//! The programs that every target runs: desktop backends, wasm, and bare-metal firmware in an
//! emulator.
//!
//! A program is training or inference on fixed data with fixed seeds. It ends with one hash, which
//! is in `tests/golden.txt` and which every target must reproduce. If a board's memory is too small
//! for a network, it runs a program with a smaller one, which every larger target runs too.
#![no_std]
#![forbid(unsafe_code)]

pub mod cnn;
pub mod data;
pub mod digits;
pub mod functions;
pub mod gemm;
pub mod graph;
pub mod gru;
pub mod identity;
pub mod iris;
pub mod layers;
pub mod optimizers;
pub mod products;
pub mod receipt;
pub mod saved;
pub mod sequence;
pub mod store;
pub mod subnormal;
pub mod travel;
pub mod weather;
pub mod xor;

use core::hash::Hasher;
use rosenblatt::Backend;

/// A program that every target runs, in memory that the target provides as statics with zero bits.
pub trait Program {
    /// Its name in `tests/golden.txt` and in tables.
    const NAME: &'static str;
    /// The network whose weights it changes; `()` if there is none or it is in flash.
    type Net: 'static;
    /// Its initial value, all bits zero.
    const NET: Self::Net;
    /// What training needs in addition to the network, or a buffer; `()` if nothing.
    type Trainer: 'static;
    /// Its initial value, all bits zero.
    const TRAINER: Self::Trainer;

    /// Runs the program. `spoil` is called with the initial weights. A test of the check changes
    /// one bit there.
    fn run(
        backend: Backend,
        net: &mut Self::Net,
        trainer: &mut Self::Trainer,
        spoil: impl FnOnce(&mut [f32]),
    ) -> u64;

    /// One inference, to count its instructions; `false` if the program has none.
    fn infer(net: &Self::Net) -> bool;

    /// One training step (or the one operation of the program), to count its instructions; `false`
    /// if there is none.
    fn step(net: &mut Self::Net, trainer: &mut Self::Trainer) -> bool;
}

/// Calls `$with!(name, Type)` for each program, in the order of the tables.
#[macro_export]
macro_rules! programs {
    ($with:ident) => {
        $with!("xor", $crate::xor::Xor);
        $with!("xor-sgd", $crate::xor::XorSgd);
        $with!("iris", $crate::iris::Iris);
        $with!("digits-infer", $crate::digits::Infer);
        $with!("digits", $crate::digits::Train);
        $with!("digits-small", $crate::digits::TrainSmall);
        $with!("cnn", $crate::cnn::Cnn);
        $with!("gru", $crate::gru::Rows);
        $with!("sequence", $crate::sequence::Sequence);
        $with!("exp", $crate::functions::Exp);
        $with!("tanh", $crate::functions::Tanh);
        $with!("exp-micromath", $crate::functions::ExpMicromath);
        $with!("tanh-micromath", $crate::functions::TanhMicromath);
        $with!("gemm32", $crate::gemm::Gemm32);
        $with!("subnormal", $crate::subnormal::Subnormal);
        $with!("products", $crate::products::Products);
        $with!("saved", $crate::saved::Saved);
        $with!("store", $crate::store::Kept);
        $with!("travel", $crate::travel::Travel);
        $with!("receipt", $crate::receipt::Recorded);
        $with!("weather", $crate::weather::Weather);
        $with!("graph", $crate::graph::Train);
        $with!("graph-print", $crate::graph::Print);
        $with!("optimizers", $crate::optimizers::Optimizers);
        $with!("layers", $crate::layers::Layers);
        $with!("identity", $crate::identity::Identity);
    };
}

/// Adds the bits of values to a hash; see [`rosenblatt::hash`].
#[derive(Default)]
pub struct Fingerprint(fnv::FnvHasher);

impl Fingerprint {
    /// Adds values.
    pub fn add(&mut self, values: &[f32]) {
        if cfg!(feature = "bare") {
            core::hint::black_box(values);
        } else {
            self.0.write(&rosenblatt::hash(values).to_le_bytes());
        }
    }

    /// Adds bytes.
    pub fn add_bytes(&mut self, bytes: &[u8]) {
        if cfg!(feature = "bare") {
            core::hint::black_box(bytes);
        } else {
            self.0.write(bytes);
        }
    }

    /// The hash of all values so far.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.0.finish()
    }
}
