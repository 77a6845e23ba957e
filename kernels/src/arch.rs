//! One file per instruction set. No other file of this crate names an intrinsic.

pub mod scalar;

#[cfg(target_feature = "sse2")]
pub mod avx2;
#[cfg(target_feature = "sse2")]
pub mod avx512;
#[cfg(target_feature = "sse2")]
pub mod avx512vl;
#[cfg(feature = "helium")]
pub(crate) mod helium;
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
pub mod neon;
#[cfg(thumb)]
pub(crate) mod thumb;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub mod wasm;
