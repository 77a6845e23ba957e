//! The backends: one file or folder per instruction set. No other file of this crate names an
//! intrinsic.

pub mod scalar;

#[cfg(rosenblatt_cortex_m)]
pub(crate) mod cortex_m;
#[cfg(rosenblatt_helium)]
pub(crate) mod helium;
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
pub mod neon;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub mod wasm;
#[cfg(target_feature = "sse2")]
pub mod x86;
