//! Kernels that are called, not compiled in place: one compiled copy a backend, in this crate.
//!
//! A user's program compiles thin glue over them. That keeps its build short, and in a debug build a profile for this crate
//! alone (`[profile.dev.package.rosenblatt-kernels]`) makes the arithmetic fast.

use crate::{
    arch::scalar::Scalar,
    blas::{Any, Matrix, Start, product, product_nt},
    simd::Simd,
};

/// The called kernels of a backend. Sealed: the module is private.
pub trait Bodies: Simd {
    /// c ← start + a·b; see [`product`].
    ///
    /// # Safety
    /// As for [`product`].
    unsafe fn product(
        self,
        mkn: (usize, usize, usize),
        a: Matrix<*const f32>,
        b: Matrix<*const f32>,
        c: Matrix<*mut f32>,
        start: Start,
    );

    /// dx ← first + dy·wᵀ; see [`product_nt`].
    ///
    /// # Safety
    /// As for [`product_nt`].
    unsafe fn product_nt(self, mkn: (usize, usize, usize), dy: *const f32, w: *const f32, dx: *mut f32, first: Start);
}

/// Compiles the bodies for each backend.
macro_rules! bodies {
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
                self.vectorize(
                    #[inline(always)]
                    || {
                        // SAFETY: the caller's promise is the same.
                        unsafe { product::<Self, Any, Any, true>(self, mkn, a, b, c, start) }
                    },
                );
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
                self.vectorize(
                    #[inline(always)]
                    || {
                        // SAFETY: the caller's promise is the same. On a chip the one copy of `product` serves this one too.
                        unsafe {
                            if cfg!(target_os = "none") {
                                product_nt::<Self, Any, Any, false, true>(self, mkn, dy, w, dx, first);
                            } else {
                                product_nt::<Self, Any, Any, true, true>(self, mkn, dy, w, dx, first);
                            }
                        }
                    },
                );
            }
        }
    )*};
}

bodies! {
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
