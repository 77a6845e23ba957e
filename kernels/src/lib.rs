//! Kernels for small neural networks in fixed memory: `no_std`, no allocator, and **the same bits
//! on every backend**.
//!
//! Matrix products, activations, losses and parameter updates over `f32` slices and arrays. They
//! are vectorized by hand for AVX2, AVX-512, NEON and WebAssembly simd128; other CPUs run plain
//! Rust. `NUMERICS.md`, beside the sources, is the numeric contract. The networks are in the crate
//! `rosenblatt`.
//!
//! - [`fixed`]: buffers of fixed size, shapes checked by the types. Start here.
//! - [`gemm`], [`vector`], [`activation`], [`pool`], [`recurrent`], [`normalize`], [`dropout`],
//!   [`regularize`], [`optimizer`], [`loss`]: the kernels.
//! - `approx`: approximate activations, outside the contract (feature `micromath`).
//! - [`simd`], [`backend`], [`arch`]: the operations that kernels are written in, the choice of a
//!   backend, and the backends.
//! - [`environment`], [`contract`]: how the bits stay the same in any floating-point environment,
//!   and a check of the contract.
//! - [`mod@persist`]: what a checkpoint holds of a state, as words.
//! - [`zero`]: values that start as zero bits, in a static or (feature `alloc`) on the heap.
//!
//! ```
//! use rosenblatt_kernels::{Backend, fixed};
//!
//! let x: heapless::Vec<[f32; 2], 4> = [[0.0, 1.0], [1.0, 1.0]].into_iter().collect();
//! let w = [[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]];
//! let mut y = heapless::Vec::new();
//! fixed::matmul(Backend::detect(), &x, &w, &[0.5; 3], &mut y);
//! assert_eq!(y, [[10.5, 20.5, 30.5], [11.5, 22.5, 33.5]]);
//! ```
#![no_std]

#[cfg(feature = "alloc")]
extern crate alloc;

// The targets `uefi` and `x86_64-unknown-none` compute in software, which rounds as the contract
// says.
#[cfg(all(
    not(target_feature = "sse2"),
    not(target_os = "uefi"),
    any(target_arch = "x86", all(target_arch = "x86_64", not(target_os = "none")))
))]
compile_error!(
    "x86 without SSE2 computes in the x87's wider registers and ends in other bits than every \
     other CPU: build for a target with SSE2, such as i686 instead of i586 (NUMERICS.md, section 8)"
);

pub mod activation;
#[cfg(feature = "micromath")]
pub mod approx;
pub mod arch;
pub mod array;
pub mod backend;
#[allow(private_interfaces, reason = "hidden methods, which only the products call")]
mod bodies;
pub mod columns;
pub mod contract;
mod delegate;
pub mod dropout;
pub mod environment;
pub mod fixed;
pub mod gemm;
pub mod loss;
pub mod math;
pub mod normalize;
pub mod optimizer;
mod out_of_line;
pub mod persist;
pub mod pool;
pub mod recurrent;
pub mod regularize;
pub mod simd;
pub mod vector;
mod walk;
pub mod zero;

pub use array::{F32Array, F32Rows};
pub use backend::{Backend, BackendError};
pub use out_of_line::OutOfLine;
pub use simd::Simd;

/// The README's example, compiled and run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
