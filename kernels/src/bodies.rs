//! Out-of-line kernels: compiled in this crate, one copy per backend.
//!
//! A user's program compiles only small wrappers around them. This keeps its build short. In a
//! debug build, a profile for this crate alone (`[profile.dev.package.rosenblatt-kernels]`) makes
//! the arithmetic fast.

use crate::{
    activation::{
        Relu, Sigmoid, Tanh, map_body, map_grad_body, softmax_grad_rows, softmax_rows,
        softmax_samples,
    },
    arch::scalar::Scalar,
    columns,
    gemm::{
        narrow,
        tile::{self, Any, Matrix, Start},
        transpose::{DEPTH, product_nt},
    },
    loss, optimizer,
    optimizer::AdamStep,
    recurrent,
    simd::Simd,
    vector::sum_rows_body,
};

/// Out-of-line methods. The body of each is a function that is compiled in place.
macro_rules! methods {
    ($($(#[$doc:meta])* fn $name:ident($($x:ident: $t:ty),*) $(-> $r:ty)? = $body:path;)*) => {$(
        $(#[$doc])*
        #[inline(never)]
        fn $name(self, $($x: $t),*) $(-> $r)? {
            self.vectorize(
                #[inline(always)]
                || $body(self, $($x),*),
            )
        }
    )*};
}

/// As [`methods`], but unsafe.
macro_rules! unsafe_methods {
    ($($(#[$doc:meta])* fn $name:ident($($x:ident: $t:ty),*) $(-> $r:ty)? = $body:path;)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// As for its body.
        #[inline(never)]
        unsafe fn $name(self, $($x: $t),*) $(-> $r)? {
            self.vectorize(
                #[inline(always)]
                || {
                    // SAFETY: the caller's promise is the same.
                    unsafe { $body(self, $($x),*) }
                },
            )
        }
    )*};
}

/// All out-of-line kernels: in the trait for any token, in each implementation for one token.
macro_rules! all {
    () => {
        unsafe_methods! {
            /// c ← start + a·b
            fn product(
                mkn: (usize, usize, usize), a: Matrix<*const f32>, b: Matrix<*const f32>,
                c: Matrix<*mut f32>, start: Start
            ) = narrow::called;
            /// The same by tiles alone
            fn tiles(
                mkn: (usize, usize, usize), a: Matrix<*const f32>, b: Matrix<*const f32>,
                c: Matrix<*mut f32>, start: Start
            ) = tile::called;
            /// The same by tall tiles alone
            fn tall(
                mkn: (usize, usize, usize), a: Matrix<*const f32>, b: Matrix<*const f32>,
                c: Matrix<*mut f32>, start: Start
            ) = tile::tall;
            /// The first rows of such a product, with lanes over the rows. Returns their number
            fn narrow(
                mkn: (usize, usize, usize), a: Matrix<*const f32>, b: Matrix<*const f32>,
                c: Matrix<*mut f32>, start: Start
            ) -> usize = narrow::narrow;
            /// dx ← first + dy·wᵀ, with `product` for each block
            fn product_nt(
                mkn: (usize, usize, usize), dy: *const f32, w: *const f32, dx: *mut f32,
                first: Start
            ) = product_nt::<Self, Any, Any, DEPTH, false>;
            /// Sixteen samples of n values become columns
            fn set_columns(n: usize, x: *const f32, y: *mut f32) = columns::set_body;
            /// Columns become sixteen samples of n values
            fn get_columns(n: usize, x: *const f32, y: *mut f32) = columns::get_body;
            /// y ← x·w + b, where x and y are columns
            fn affine_columns(
                kn: (usize, usize), x: *const f32, w: *const f32, b: *const f32, y: *mut f32
            ) = columns::affine_body;
            /// Sixteen samples of n values, which are columns, ← softmax(sample)
            fn softmax_samples(n: usize, x: *mut f32) = softmax_samples;
            /// db ← the sum of `m` rows of dy; with `add`, db ← db + that sum
            fn sum_rows(m: usize, n: usize, dy: *const f32, db: *mut f32, add: bool)
                = sum_rows_body;
            /// A GRU's step for `m` rows of `u` units
            fn gru(m: usize, u: usize, a: *mut f32, b: *mut f32, h: *mut f32) = recurrent::gru_rows;
            /// A GRU's step backward
            fn gru_grad(
                m: usize, u: usize, a: *mut f32, b: *mut f32, before: *mut f32, dh: *mut f32
            ) = recurrent::gru_grad_rows;
            /// An LSTM's step for `m` rows of `u` units
            fn lstm(m: usize, u: usize, a: *mut f32, kept: *mut f32, h: *mut f32, c: *mut f32)
                = recurrent::lstm_rows;
            /// An LSTM's step backward
            fn lstm_grad(
                m: usize, u: usize, a: *mut f32, kept: *mut f32, dh: *mut f32, dc: *mut f32
            ) = recurrent::lstm_grad_rows;
        }
        methods! {
            /// x ← tanh x
            fn tanh(x: &mut [f32]) = map_body::<Self, Tanh>;
            /// x ← σ(x)
            fn sigmoid(x: &mut [f32]) = map_body::<Self, Sigmoid>;
            /// x ← max(x, 0)
            fn relu(x: &mut [f32]) = map_body::<Self, Relu>;
            /// dy ← dy·(1 − y²)
            fn tanh_grad(y: &[f32], dy: &mut [f32]) = map_grad_body::<Self, Tanh>;
            /// dy ← dy·y·(1 − y)
            fn sigmoid_grad(y: &[f32], dy: &mut [f32]) = map_grad_body::<Self, Sigmoid>;
            /// dy ← dy where y > 0, else +0
            fn relu_grad(y: &[f32], dy: &mut [f32]) = map_grad_body::<Self, Relu>;
            /// Each row of n values ← softmax(row)
            fn softmax(n: usize, x: &mut [f32]) = softmax_rows;
            /// Each row of n values of dy ← y·(dy − Σ dy·y)
            fn softmax_grad(n: usize, y: &[f32], dy: &mut [f32]) = softmax_grad_rows;
            /// Returns Σ (y − t)²
            fn squared_error(scale: f32, y: &[f32], t: &[f32], dy: &mut [f32]) -> f32
                = loss::squared_error_body;
            /// Returns −Σ (t·ln p + (1 − t)·ln(1 − p))
            fn binary_cross_entropy(scale: f32, p: &[f32], t: &[f32], dy: &mut [f32]) -> f32
                = loss::binary_cross_entropy_body;
            /// Returns −Σ t·ln p
            fn categorical_cross_entropy(scale: f32, p: &[f32], t: &[f32], dy: &mut [f32]) -> f32
                = loss::categorical_cross_entropy_body;
            /// Whether every value is finite
            fn all_finite(x: &[f32]) -> bool = optimizer::all_finite_body;
            /// w ← w − lr·dw
            fn sgd(lr: f32, w: &mut [f32], dw: &[f32]) = optimizer::sgd_body;
            /// Adam's step
            fn adam(step: AdamStep, w: &mut [f32], m: &mut [f32], v: &mut [f32], dw: &[f32])
                = optimizer::adam_body;
        }
    };
}

/// The out-of-line kernels of a backend. A backend that is defined outside of this crate uses the
/// default methods.
#[doc(hidden)]
pub trait Bodies: Simd {
    all!();
}

/// Implementations that are not generic, so they are compiled here and not in a user's program.
macro_rules! compiled_here {
    ($($(#[$cfg:meta])* $backend:ty;)*) => {$(
        $(#[$cfg])*
        impl Bodies for $backend {
            all!();
        }
    )*};
}

compiled_here! {
    Scalar;
    #[cfg(target_feature = "sse2")]
    crate::arch::x86::Avx2;
    #[cfg(target_feature = "sse2")]
    crate::arch::x86::Avx512Vl;
    #[cfg(target_feature = "sse2")]
    crate::arch::x86::Avx512;
    #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
    crate::arch::neon::Neon;
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    crate::arch::wasm::Wasm;
}
