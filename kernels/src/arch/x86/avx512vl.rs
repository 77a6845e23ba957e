//! AVX-512 VL: the eight lanes of AVX2 on a CPU with AVX-512, for rows that fill no more than half
//! of an AVX-512 register.
//!
//! Most intrinsics are AVX2's. Compiled with AVX-512's features they have twice as many registers,
//! and constants in memory as operands. Comparisons write to mask registers.

#[cfg(target_arch = "x86")]
use core::arch::x86::*;
#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::*;

use super::{Avx2, Avx512Vl};
use crate::{delegate::operations_of, simd::Simd};

// SAFETY: `features.rs` hands the token out only where CPUID names the features.
unsafe impl Simd for Avx512Vl {
    const INLINE_MAX: usize = Avx2::INLINE_MAX;
    const NAME: &'static str = "avx512vl";
    type Shared = Self;

    #[inline(always)]
    fn shared(self) -> Self {
        self
    }

    #[inline(always)]
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
        #[inline]
        fn with_features<R>(f: impl FnOnce() -> R) -> R {
            f()
        }
        // SAFETY: `self` proves that `Avx512Vl::new` found the features.
        unsafe { with_features(f) }
    }

    type M = __mmask8;

    #[inline(always)]
    fn lt(self, a: __m256, b: __m256) -> __mmask8 {
        // SAFETY: `self` proves the features.
        unsafe { _mm256_cmp_ps_mask::<_CMP_LT_OQ>(a, b) }
    }
    #[inline(always)]
    fn select(self, m: __mmask8, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` proves the features.
        unsafe { _mm256_mask_blend_ps(m, b, a) }
    }
    #[inline(always)]
    fn all(self, m: __mmask8) -> bool {
        m == 0xff
    }
    #[inline(always)]
    fn fill(self, n: usize, x: __m256, rest: __m256) -> __m256 {
        self.select(((1u32 << n) - 1) as __mmask8, x, rest)
    }

    operations_of!(but masks of Avx2);
}
