//! x86: detection of the CPU's features, and one backend per register width.

mod avx2;
mod avx512;
mod avx512vl;
mod features;

pub use features::{Avx2, Avx512, Avx512Vl};
