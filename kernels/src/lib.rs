//! Kernels for small neural networks in fixed memory: `no_std`, no allocator, and **the same bits on every backend**.
//!
//! Matrix products, activations, losses and parameter updates over `f32` slices and arrays, vectorized by hand for AVX2, AVX-512, NEON and
//! WebAssembly simd128, with plain Rust everywhere else. `NUMERICS.md` beside the sources is the contract; the networks live in
//! the crate `rosenblatt`.
//!
//! - [`fixed`]: fixed-size buffers, shapes checked by the types. Start here.
//! - [`blas`], [`activation`], [`pool`], [`recurrent`], [`normalize`], [`dropout`], [`regularize`], [`optimizer`], [`loss`]: the kernels.
//! - `approx`: approximate activations, outside the contract (feature `micromath`).
//! - [`simd`], [`level`], [`arch`]: the vocabulary they are written in, which backend runs, and the backends.
//! - [`environment`], [`contract`]: what keeps the bits the same in any floating-point environment, and a check that they are.
//! - [`zero`]: values that are zero bits at the start, in a static or, with the feature `alloc`, on the heap.
//!
//! ```
//! use rosenblatt_kernels::{Level, fixed};
//!
//! let x: heapless::Vec<[f32; 2], 4> = [[0.0, 1.0], [1.0, 1.0]].into_iter().collect();
//! let w = [[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]];
//! let mut y = heapless::Vec::new();
//! fixed::matmul(Level::detect(), &x, &w, &[0.5; 3], &mut y);
//! assert_eq!(y, [[10.5, 20.5, 30.5], [11.5, 22.5, 33.5]]);
//! ```
#![no_std]

#[cfg(feature = "alloc")]
extern crate alloc;

// `uefi` and x86-64's `none` compute in software instead, which rounds as the contract says.
#[cfg(all(
    not(target_feature = "sse2"),
    not(target_os = "uefi"),
    any(target_arch = "x86", all(target_arch = "x86_64", not(target_os = "none")))
))]
compile_error!(
    "x86 without SSE2 computes in the x87's wider registers and ends in other bits than every other CPU: \
     build for a target with SSE2, such as i686 instead of i586 (NUMERICS.md, section 8)"
);

pub mod activation;
#[cfg(feature = "micromath")]
pub mod approx;
pub mod arch;
pub mod blas;
#[allow(private_interfaces, reason = "hidden methods, which only the products call")]
mod bodies;
mod compact;
pub mod contract;
mod delegate;
pub mod dropout;
pub mod environment;
pub mod fixed;
mod lanes;
pub mod level;
#[cfg(compact)]
#[cfg_attr(feature = "helium", allow(dead_code, reason = "Helium's products take the place of these"))]
mod little;
pub mod loss;
pub mod math;
pub mod normalize;
pub mod optimizer;
pub mod plain;
pub mod pool;
pub mod recurrent;
pub mod regularize;
pub mod simd;
pub mod zero;

#[cfg(feature = "reference")]
pub mod identity;
#[cfg(feature = "reference")]
pub mod naive;

pub use compact::Compact;
pub use level::{Level, LevelError};
pub use plain::{Flat, Plain};
pub use simd::Simd;
