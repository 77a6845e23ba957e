//! x86: what the CPU has, and a backend a register width.

mod avx2;
mod avx512;
mod avx512vl;
mod features;

pub use features::{Avx2, Avx512, Avx512Vl};
