//! Kernels that are called, not compiled in place: one compiled copy a backend, in this crate.
//!
//! A user's program compiles thin glue over them. That keeps its build short, and in a debug build a profile for this crate
//! alone (`[profile.dev.package.rosenblatt-kernels]`) makes the arithmetic fast.

use crate::{
    arch::scalar::Scalar,
    blas::{Any, Matrix, Start, product, product_nt},
    simd::Simd,
};

/// The body of [`Bodies::product`].
macro_rules! product_body {
    ($s:ident, $mkn:ident, $a:ident, $b:ident, $c:ident, $start:ident) => {
        $s.vectorize(
            #[inline(always)]
            || {
                // SAFETY: the caller's promise is the same.
                unsafe { product::<Self, Any, Any, true>($s, $mkn, $a, $b, $c, $start) }
            },
        )
    };
}

/// The body of [`Bodies::product_nt`]: it calls [`Bodies::product`].
macro_rules! product_nt_body {
    ($s:ident, $mkn:ident, $dy:ident, $w:ident, $dx:ident, $first:ident) => {
        $s.vectorize(
            #[inline(always)]
            || {
                // SAFETY: the caller's promise is the same.
                unsafe { product_nt::<Self, Any, Any, false>($s, $mkn, $dy, $w, $dx, $first) }
            },
        )
    };
}

/// The called kernels of a backend. A backend of one's own takes the methods as they are.
#[doc(hidden)]
pub trait Bodies: Simd {
    /// c ← start + a·b; see [`product`].
    ///
    /// # Safety
    /// As for [`product`].
    #[inline(never)]
    unsafe fn product(
        self,
        mkn: (usize, usize, usize),
        a: Matrix<*const f32>,
        b: Matrix<*const f32>,
        c: Matrix<*mut f32>,
        start: Start,
    ) {
        product_body!(self, mkn, a, b, c, start);
    }

    /// dx ← first + dy·wᵀ; see [`product_nt`].
    ///
    /// # Safety
    /// As for [`product_nt`].
    #[inline(never)]
    unsafe fn product_nt(self, mkn: (usize, usize, usize), dy: *const f32, w: *const f32, dx: *mut f32, first: Start) {
        product_nt_body!(self, mkn, dy, w, dx, first);
    }
}

/// Methods that are not generic, and so are compiled here and not in a user's program.
macro_rules! compiled_here {
    ($($(#[$cfg:meta])* $backend:ty;)*) => {$(
        $(#[$cfg])*
        impl Bodies for $backend {
            #[inline(never)]
            unsafe fn product(
                self,
                mkn: (usize, usize, usize),
                a: Matrix<*const f32>,
                b: Matrix<*const f32>,
                c: Matrix<*mut f32>,
                start: Start,
            ) {
                product_body!(self, mkn, a, b, c, start);
            }

            #[inline(never)]
            unsafe fn product_nt(
                self,
                mkn: (usize, usize, usize),
                dy: *const f32,
                w: *const f32,
                dx: *mut f32,
                first: Start,
            ) {
                product_nt_body!(self, mkn, dy, w, dx, first);
            }
        }
    )*};
}

compiled_here! {
    Scalar;
    #[cfg(target_feature = "sse2")]
    crate::arch::avx2::Avx2;
    #[cfg(target_feature = "sse2")]
    crate::arch::avx512vl::Avx512Vl;
    #[cfg(target_feature = "sse2")]
    crate::arch::avx512::Avx512;
    #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
    crate::arch::neon::Neon;
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    crate::arch::wasm::Wasm;
}
