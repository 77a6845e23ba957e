//! x86 with AVX-512 F, BW, DQ and VL: sixteen lanes, thirty-two registers, mask registers for
//! tails.

#[cfg(target_arch = "x86")]
use core::arch::x86::*;
#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::*;

use super::{Avx512, features};
use crate::simd::{Simd, in_place};

#[inline(always)]
fn int(a: __m512) -> __m512i {
    // SAFETY: a cast of bits; only `Avx512` methods call it, so the token proves the feature.
    unsafe { _mm512_castps_si512(a) }
}
#[inline(always)]
fn float(a: __m512i) -> __m512 {
    // SAFETY: as in `int`.
    unsafe { _mm512_castsi512_ps(a) }
}

/// The first n lanes.
#[inline(always)]
fn mask(n: usize) -> __mmask16 {
    ((1u32 << n) - 1) as __mmask16
}

/// The 4×4 matrices of four registers, each transposed: value j of quarter q of register i becomes
/// value i of quarter q of register j.
/// # Safety
/// The CPU must have AVX-512 F and DQ.
#[inline(always)]
unsafe fn transposed([a, b, c, d]: [__m512; 4]) -> [__m512; 4] {
    // SAFETY: the caller guarantees the features.
    unsafe {
        let double = |x| _mm512_castps_pd(x);
        let (ab, cd) = (double(_mm512_unpacklo_ps(a, b)), double(_mm512_unpacklo_ps(c, d)));
        let (ab_high, cd_high) =
            (double(_mm512_unpackhi_ps(a, b)), double(_mm512_unpackhi_ps(c, d)));
        [
            _mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd)),
            _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd)),
            _mm512_castpd_ps(_mm512_unpacklo_pd(ab_high, cd_high)),
            _mm512_castpd_ps(_mm512_unpackhi_pd(ab_high, cd_high)),
        ]
    }
}

/// Implements a method by one expression of intrinsics.
macro_rules! op {
    ($($name:ident($($x:ident: $t:ty),*) -> $r:ty = $e:expr;)*) => {$(
        #[inline(always)]
        fn $name(self, $($x: $t),*) -> $r {
            // SAFETY: `self` proves that `Avx512::new` found the features.
            unsafe { $e }
        }
    )*};
}

// SAFETY: `features.rs` hands the token out only where CPUID names the features.
unsafe impl Simd for Avx512 {
    type F = __m512;
    type M = __mmask16;
    type Tail = usize;
    const LANES: usize = 16;
    const MR: usize = 16;
    const NR: usize = 1;
    // GFLOP/s at 64³, 128³, 256³ with 16x1 and with 12x2 on Zen 5: 226 and 235, 221 and 242, 212 and
    // 243. On Zen 4 tiles of 16x1 reach the CPU's limit of 115.
    const TALL: usize = 12;
    const INLINE_MAX: usize = in_place(512);
    const NAME: &'static str = "avx512";
    type Shared = Self;

    #[inline(always)]
    fn shared(self) -> Self {
        self
    }

    #[inline(always)]
    fn is_faster_tall(self) -> bool {
        features::has_full_width()
    }

    #[inline(always)]
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
        #[inline]
        fn with_features<R>(f: impl FnOnce() -> R) -> R {
            f()
        }
        // SAFETY: `self` proves that `Avx512::new` found the features.
        unsafe { with_features(f) }
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> __m512 {
        // SAFETY: the token proves the feature, the caller promises sixteen readable values.
        unsafe { _mm512_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, x: __m512) {
        // SAFETY: the token proves the feature, the caller promises sixteen writable values.
        unsafe { _mm512_storeu_ps(p, x) }
    }
    #[inline(always)]
    fn tail(self, n: usize) -> usize {
        n.min(16)
    }
    // Narrow loads for half and quarter registers (in tiny layers the number is known at compile
    // time). Unlike a masked load, they can take a value that was just stored from the store
    // buffer.
    #[inline(always)]
    unsafe fn load_tail(self, p: *const f32, n: usize) -> __m512 {
        // SAFETY: the token proves the features; only the first n values are touched, and the
        // caller guarantees them.
        unsafe {
            match n {
                8 => _mm512_zextps256_ps512(_mm256_loadu_ps(p)),
                4 => _mm512_zextps128_ps512(_mm_loadu_ps(p)),
                _ => _mm512_maskz_loadu_ps(mask(n), p),
            }
        }
    }
    #[inline(always)]
    unsafe fn gather(self, p: *const f32, stride: usize, n: usize) -> __m512 {
        // SAFETY: the token proves the features; the caller guarantees n values, of which the
        // second half begins at the ninth.
        unsafe {
            let low = self.half().gather(p, stride, n.min(8));
            if n <= 8 {
                return _mm512_zextps256_ps512(low);
            }
            let high = self.half().gather(p.add(8 * stride), stride, n - 8);
            _mm512_insertf32x8::<1>(_mm512_castps256_ps512(low), high)
        }
    }
    #[inline(always)]
    unsafe fn gather4(self, p: *const f32, stride: usize, n: usize) -> [__m512; 4] {
        // SAFETY: the token proves the features; the caller guarantees four values in each of n
        // rows.
        unsafe {
            if n == 16 {
                // Every fourth row in one register, then the columns of all fours of rows at once.
                let row = |i: usize| _mm_loadu_ps(p.add(i * stride));
                let mut rows = [_mm512_setzero_ps(); 4];
                for (i, fourth) in rows.iter_mut().enumerate() {
                    let first = _mm512_castps128_ps512(row(i));
                    let first = _mm512_insertf32x4::<1>(first, row(4 + i));
                    let first = _mm512_insertf32x4::<2>(first, row(8 + i));
                    *fourth = _mm512_insertf32x4::<3>(first, row(12 + i));
                }
                return transposed(rows);
            }
            let [a, b, c, d] = self.half().gather4(p, stride, n.min(8));
            let high = if n <= 8 {
                [_mm256_setzero_ps(); 4]
            } else {
                self.half().gather4(p.add(8 * stride), stride, n - 8)
            };
            [
                _mm512_insertf32x8::<1>(_mm512_castps256_ps512(a), high[0]),
                _mm512_insertf32x8::<1>(_mm512_castps256_ps512(b), high[1]),
                _mm512_insertf32x8::<1>(_mm512_castps256_ps512(c), high[2]),
                _mm512_insertf32x8::<1>(_mm512_castps256_ps512(d), high[3]),
            ]
        }
    }
    #[inline(always)]
    unsafe fn scatter4(self, p: *mut f32, stride: usize, width: usize, columns: [__m512; 4]) {
        // SAFETY: the token proves the features; the caller guarantees four values in each of
        // fifteen rows, and `width` in the last.
        unsafe {
            let [a, b, c, d] = transposed(columns);
            let last = _mm512_extractf32x4_ps::<3>(d);
            let put = |i: usize, row: __m128| _mm_storeu_ps(p.add(i * stride), row);
            put(0, _mm512_castps512_ps128(a));
            put(1, _mm512_castps512_ps128(b));
            put(2, _mm512_castps512_ps128(c));
            put(3, _mm512_castps512_ps128(d));
            put(4, _mm512_extractf32x4_ps::<1>(a));
            put(5, _mm512_extractf32x4_ps::<1>(b));
            put(6, _mm512_extractf32x4_ps::<1>(c));
            put(7, _mm512_extractf32x4_ps::<1>(d));
            put(8, _mm512_extractf32x4_ps::<2>(a));
            put(9, _mm512_extractf32x4_ps::<2>(b));
            put(10, _mm512_extractf32x4_ps::<2>(c));
            put(11, _mm512_extractf32x4_ps::<2>(d));
            put(12, _mm512_extractf32x4_ps::<3>(a));
            put(13, _mm512_extractf32x4_ps::<3>(b));
            put(14, _mm512_extractf32x4_ps::<3>(c));
            self.half().store_tail(p.add(15 * stride), width, _mm256_castps128_ps256(last));
        }
    }
    #[inline(always)]
    unsafe fn load_stored(self, p: *const f32, n: usize) -> __m512 {
        // SAFETY: the token proves the features; the pieces 8, 4, 2, 1 add up to n values, and the
        // caller guarantees them.
        unsafe {
            if n & 8 == 0 {
                return _mm512_zextps256_ps512(self.half().load_stored(p, n & 7));
            }
            let eight = _mm512_castps256_ps512(_mm256_loadu_ps(p));
            _mm512_insertf32x8::<1>(eight, self.half().load_stored(p.add(8), n & 7))
        }
    }
    // In exact pieces, not masked: a masked store occupies all its 64 bytes in the store buffer,
    // and the load of the next row would wait for it.
    #[inline(always)]
    unsafe fn store_tail(self, mut p: *mut f32, n: usize, x: __m512) {
        // SAFETY: the token proves the features; the pieces 8, 4, 2, 1 add up to n values, and the
        // caller guarantees them.
        unsafe {
            let mut x8 = _mm512_castps512_ps256(x);
            if n & 8 != 0 {
                _mm256_storeu_ps(p, x8);
                x8 = _mm512_extractf32x8_ps::<1>(x);
                p = p.add(8);
            }
            self.half().store_tail(p, n & 7, x8);
        }
    }
    #[inline(always)]
    fn fill(self, n: usize, x: __m512, rest: __m512) -> __m512 {
        self.select(mask(n), x, rest)
    }
    op! {
        splat(x: f32) -> __m512 = _mm512_set1_ps(x);
        add(a: __m512, b: __m512) -> __m512 = _mm512_add_ps(a, b);
        sub(a: __m512, b: __m512) -> __m512 = _mm512_sub_ps(a, b);
        mul(a: __m512, b: __m512) -> __m512 = _mm512_mul_ps(a, b);
        div(a: __m512, b: __m512) -> __m512 = _mm512_div_ps(a, b);
        sqrt(a: __m512) -> __m512 = _mm512_sqrt_ps(a);
        lt(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b);
        select(m: __mmask16, a: __m512, b: __m512) -> __m512 = _mm512_mask_blend_ps(m, b, a);
        // minps(b, a) is `b < a ? b : a` and maxps(b, a) `b > a ? b : a`: exactly
        // compare-and-select.
        min(a: __m512, b: __m512) -> __m512 = _mm512_min_ps(b, a);
        max(a: __m512, b: __m512) -> __m512 = _mm512_max_ps(b, a);
        and(a: __m512, b: __m512) -> __m512 = _mm512_and_ps(a, b);
        or(a: __m512, b: __m512) -> __m512 = _mm512_or_ps(a, b);
        xor(a: __m512, b: __m512) -> __m512 = _mm512_xor_ps(a, b);
        int_add(a: __m512, b: __m512) -> __m512 = float(_mm512_add_epi32(int(a), int(b)));
        int_sub(a: __m512, b: __m512) -> __m512 = float(_mm512_sub_epi32(int(a), int(b)));
    }
    #[inline(always)]
    fn all(self, m: __mmask16) -> bool {
        m == 0xffff
    }
    #[inline(always)]
    fn shl<const N: i32>(self, a: __m512) -> __m512 {
        // SAFETY: `self` proves that `Avx512::new` found the features.
        float(unsafe { _mm512_sll_epi32(int(a), _mm_cvtsi32_si128(N)) })
    }
    #[inline(always)]
    fn sar<const N: i32>(self, a: __m512) -> __m512 {
        // SAFETY: `self` proves that `Avx512::new` found the features.
        float(unsafe { _mm512_sra_epi32(int(a), _mm_cvtsi32_si128(N)) })
    }
    #[inline(always)]
    fn sum_lanes(self, a: __m512) -> f32 {
        // SAFETY: `self` proves that `Avx512::new` found the features.
        unsafe {
            let a = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps::<1>(a));
            let a = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
            let a = _mm_add_ps(a, _mm_movehl_ps(a, a));
            _mm_cvtss_f32(_mm_add_ss(a, _mm_movehdup_ps(a)))
        }
    }
    #[inline(always)]
    fn max_lanes(self, a: __m512) -> f32 {
        // maxps(b, a) is `b > a ? b : a`: exactly compare-and-select.
        // SAFETY: `self` proves that `Avx512::new` found the features.
        unsafe {
            let a = _mm256_max_ps(_mm512_extractf32x8_ps::<1>(a), _mm512_castps512_ps256(a));
            let a = _mm_max_ps(_mm256_extractf128_ps::<1>(a), _mm256_castps256_ps128(a));
            let a = _mm_max_ps(_mm_movehl_ps(a, a), a);
            _mm_cvtss_f32(_mm_max_ss(_mm_movehdup_ps(a), a))
        }
    }
    #[inline(always)]
    fn sum_four(self, a: __m512) -> f32 {
        // SAFETY: `self` proves that `Avx512::new` found the features.
        unsafe {
            let a = _mm512_castps512_ps128(a);
            let a = _mm_add_ps(a, _mm_movehl_ps(a, a));
            _mm_cvtss_f32(_mm_add_ss(a, _mm_movehdup_ps(a)))
        }
    }
    #[inline(always)]
    fn max_four(self, a: __m512) -> f32 {
        // SAFETY: `self` proves that `Avx512::new` found the features.
        unsafe {
            let a = _mm512_castps512_ps128(a);
            let a = _mm_max_ps(_mm_movehl_ps(a, a), a);
            _mm_cvtss_f32(_mm_max_ss(_mm_movehdup_ps(a), a))
        }
    }
}
