//! x86 with AVX2: eight lanes, sixteen registers.

#[cfg(target_arch = "x86")]
use core::arch::x86::*;
#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::*;

use super::Avx2;
use crate::simd::{Simd, in_place};

/// Eight set flags, then eight clear ones. Eight flags from place 8 − n on are the mask of a tail
/// of n lanes.
static MASKS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

/// The first n lanes.
#[inline(always)]
fn mask(n: usize) -> __m256i {
    let n = n.min(8);
    // SAFETY: the window 8−n .. 16−n lies inside the sixteen masks, since n ≤ 8; the token of the
    // caller proves AVX.
    unsafe { _mm256_loadu_si256(MASKS.as_ptr().add(8 - n).cast()) }
}

#[inline(always)]
fn int(a: __m256) -> __m256i {
    // SAFETY: a cast of bits; only `Avx2` methods call it, so the token proves the feature.
    unsafe { _mm256_castps_si256(a) }
}
#[inline(always)]
fn float(a: __m256i) -> __m256 {
    // SAFETY: as in `int`.
    unsafe { _mm256_castsi256_ps(a) }
}

/// The four columns of four rows.
/// # Safety
/// The CPU must have AVX. The caller must guarantee four values at each of p, p + stride, p +
/// 2·stride and p + 3·stride.
#[inline(always)]
unsafe fn columns(p: *const f32, stride: usize) -> [__m128; 4] {
    // SAFETY: the caller guarantees both.
    unsafe {
        let (a, b) = (_mm_loadu_ps(p), _mm_loadu_ps(p.add(stride)));
        let (c, d) = (_mm_loadu_ps(p.add(2 * stride)), _mm_loadu_ps(p.add(3 * stride)));
        let (ab, cd) = (_mm_unpacklo_ps(a, b), _mm_unpacklo_ps(c, d));
        let (ab_high, cd_high) = (_mm_unpackhi_ps(a, b), _mm_unpackhi_ps(c, d));
        [
            _mm_movelh_ps(ab, cd),
            _mm_movehl_ps(cd, ab),
            _mm_movelh_ps(ab_high, cd_high),
            _mm_movehl_ps(cd_high, ab_high),
        ]
    }
}

/// The 4×4 matrices of four registers, each transposed: value j of half h of register i becomes
/// value i of half h of register j.
/// # Safety
/// The CPU must have AVX.
#[inline(always)]
unsafe fn transposed([a, b, c, d]: [__m256; 4]) -> [__m256; 4] {
    // SAFETY: the caller guarantees the feature.
    unsafe {
        let (ab, cd) = (_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d));
        let (ab_high, cd_high) = (_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d));
        [
            _mm256_shuffle_ps::<0x44>(ab, cd),
            _mm256_shuffle_ps::<0xee>(ab, cd),
            _mm256_shuffle_ps::<0x44>(ab_high, cd_high),
            _mm256_shuffle_ps::<0xee>(ab_high, cd_high),
        ]
    }
}

/// Implements a method by one expression of intrinsics.
macro_rules! op {
    ($($name:ident($($x:ident: $t:ty),*) -> $r:ty = $e:expr;)*) => {$(
        #[inline(always)]
        fn $name(self, $($x: $t),*) -> $r {
            // SAFETY: `self` proves that `Avx2::new` found the features.
            unsafe { $e }
        }
    )*};
}

// SAFETY: `features.rs` hands the token out only where CPUID names the features.
unsafe impl Simd for Avx2 {
    type F = __m256;
    type M = __m256;
    type Tail = usize;
    const LANES: usize = 8;
    const MR: usize = 4;
    const NR: usize = 2;
    // GFLOP/s at 64³, 128³, 256³ with four rows and with six. Zen 4: 91 and 101, 78 and 90, 78 and
    // 87; Zen 5: 119 and 116, 111 and 117, 115 and 120.
    const TALL: usize = 6;
    const INLINE_MAX: usize = in_place(512);
    const NAME: &'static str = "avx2";
    type Shared = Self;

    #[inline(always)]
    fn shared(self) -> Self {
        self
    }

    #[inline(always)]
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {
        #[target_feature(enable = "avx,avx2")]
        #[inline]
        fn with_features<R>(f: impl FnOnce() -> R) -> R {
            f()
        }
        // SAFETY: `self` proves that `Avx2::new` found the features.
        unsafe { with_features(f) }
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> __m256 {
        // SAFETY: the token proves the feature, the caller promises eight readable values.
        unsafe { _mm256_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, x: __m256) {
        // SAFETY: the token proves the feature, the caller promises eight writable values.
        unsafe { _mm256_storeu_ps(p, x) }
    }
    #[inline(always)]
    fn tail(self, n: usize) -> usize {
        n.min(8)
    }
    #[inline(always)]
    unsafe fn load_tail(self, p: *const f32, n: usize) -> __m256 {
        // A narrow load, unlike a masked one, can take a value that was just stored from the store
        // buffer. Two values are loaded as one integer: `_mm_load_sd` would need an aligned f64.
        // SAFETY: the token proves the feature; only the first n values are touched, and the caller
        // guarantees them.
        unsafe {
            match n {
                1 => _mm256_zextps128_ps256(_mm_load_ss(p)),
                2 => _mm256_zextps128_ps256(_mm_castsi128_ps(_mm_loadu_si64(p.cast()))),
                4 => _mm256_zextps128_ps256(_mm_loadu_ps(p)),
                _ => _mm256_maskload_ps(p, mask(n)),
            }
        }
    }
    #[inline(always)]
    unsafe fn gather(self, p: *const f32, stride: usize, n: usize) -> __m256 {
        // In registers: an array that is written value by value and read as one register would
        // stall. Lanes from n on repeat the first value here.
        let at = |i: usize| {
            // SAFETY: value i < n, or the first; the caller guarantees n values, and n is at least
            // 1 where this is called.
            unsafe { *p.add(if i < n { i * stride } else { 0 }) }
        };
        if n == 0 {
            return self.splat(0.0);
        }
        // SAFETY: `self` proves that `Avx2::new` found the features.
        let all = unsafe {
            let low = _mm_set_ps(at(3), at(2), at(1), at(0));
            if n <= 4 {
                _mm256_zextps128_ps256(low)
            } else {
                _mm256_insertf128_ps::<1>(
                    _mm256_castps128_ps256(low),
                    _mm_set_ps(at(7), at(6), at(5), at(4)),
                )
            }
        };
        if n == 4 || n >= 8 { all } else { self.fill(n, all, self.splat(0.0)) }
    }
    #[inline(always)]
    unsafe fn gather4(self, p: *const f32, stride: usize, n: usize) -> [__m256; 4] {
        // SAFETY: the token proves the features; the caller guarantees four values in each of n
        // rows.
        unsafe {
            if n != 4 && n < 8 {
                return [
                    self.gather(p, stride, n),
                    self.gather(p.add(1), stride, n),
                    self.gather(p.add(2), stride, n),
                    self.gather(p.add(3), stride, n),
                ];
            }
            if n == 4 {
                let [a, b, c, d] = columns(p, stride);
                return [
                    _mm256_zextps128_ps256(a),
                    _mm256_zextps128_ps256(b),
                    _mm256_zextps128_ps256(c),
                    _mm256_zextps128_ps256(d),
                ];
            }
            // Rows i and 4 + i in one register, then the columns of both fours of rows at once.
            let row = |i: usize| _mm_loadu_ps(p.add(i * stride));
            transposed([
                _mm256_set_m128(row(4), row(0)),
                _mm256_set_m128(row(5), row(1)),
                _mm256_set_m128(row(6), row(2)),
                _mm256_set_m128(row(7), row(3)),
            ])
        }
    }
    #[inline(always)]
    unsafe fn scatter4(self, p: *mut f32, stride: usize, width: usize, columns: [__m256; 4]) {
        // SAFETY: the token proves the features; the caller guarantees four values in each of
        // seven rows, and `width` in the last.
        unsafe {
            let [a, b, c, d] = transposed(columns);
            let last = _mm256_extractf128_ps::<1>(d);
            let put = |i: usize, row: __m128| _mm_storeu_ps(p.add(i * stride), row);
            put(0, _mm256_castps256_ps128(a));
            put(1, _mm256_castps256_ps128(b));
            put(2, _mm256_castps256_ps128(c));
            put(3, _mm256_castps256_ps128(d));
            put(4, _mm256_extractf128_ps::<1>(a));
            put(5, _mm256_extractf128_ps::<1>(b));
            put(6, _mm256_extractf128_ps::<1>(c));
            self.store_tail(p.add(7 * stride), width, _mm256_castps128_ps256(last));
        }
    }
    #[inline(always)]
    unsafe fn load_stored(self, mut p: *const f32, n: usize) -> __m256 {
        // SAFETY: the token proves the feature; the pieces 4, 2, 1 add up to n values, and the
        // caller guarantees them.
        unsafe {
            let mut four = _mm_setzero_ps();
            if n & 4 != 0 {
                four = _mm_loadu_ps(p);
                p = p.add(4);
            }
            let two = |p: *const f32| _mm_castsi128_ps(_mm_loadu_si64(p.cast()));
            let rest = match n & 3 {
                0 => _mm_setzero_ps(),
                1 => _mm_load_ss(p),
                2 => two(p),
                _ => _mm_movelh_ps(two(p), _mm_load_ss(p.add(2))),
            };
            if n & 4 != 0 { _mm256_set_m128(rest, four) } else { _mm256_zextps128_ps256(rest) }
        }
    }
    // In exact pieces, not masked: a masked store occupies all its 32 bytes in the store buffer,
    // and the load of the next row would wait for it. Two values are stored as one integer, as in
    // `load_tail`.
    #[inline(always)]
    unsafe fn store_tail(self, mut p: *mut f32, n: usize, x: __m256) {
        // SAFETY: the token proves the features; the pieces 4, 2, 1 add up to n values, and the
        // caller guarantees them.
        unsafe {
            let mut x4 = _mm256_castps256_ps128(x);
            if n & 4 != 0 {
                _mm_storeu_ps(p, x4);
                x4 = _mm256_extractf128_ps::<1>(x);
                p = p.add(4);
            }
            if n & 2 != 0 {
                _mm_storeu_si64(p.cast(), _mm_castps_si128(x4));
                x4 = _mm_movehl_ps(x4, x4);
                p = p.add(2);
            }
            if n & 1 != 0 {
                _mm_store_ss(p, x4);
            }
        }
    }
    #[inline(always)]
    fn fill(self, n: usize, x: __m256, rest: __m256) -> __m256 {
        self.select(float(mask(n)), x, rest)
    }
    op! {
        splat(x: f32) -> __m256 = _mm256_set1_ps(x);
        add(a: __m256, b: __m256) -> __m256 = _mm256_add_ps(a, b);
        sub(a: __m256, b: __m256) -> __m256 = _mm256_sub_ps(a, b);
        mul(a: __m256, b: __m256) -> __m256 = _mm256_mul_ps(a, b);
        div(a: __m256, b: __m256) -> __m256 = _mm256_div_ps(a, b);
        sqrt(a: __m256) -> __m256 = _mm256_sqrt_ps(a);
        lt(a: __m256, b: __m256) -> __m256 = _mm256_cmp_ps::<_CMP_LT_OQ>(a, b);
        select(m: __m256, a: __m256, b: __m256) -> __m256 = _mm256_blendv_ps(b, a, m);
        all(m: __m256) -> bool = _mm256_movemask_ps(m) == 0xff;
        // minps(b, a) is `b < a ? b : a` and maxps(b, a) `b > a ? b : a`: exactly
        // compare-and-select.
        min(a: __m256, b: __m256) -> __m256 = _mm256_min_ps(b, a);
        max(a: __m256, b: __m256) -> __m256 = _mm256_max_ps(b, a);
        and(a: __m256, b: __m256) -> __m256 = _mm256_and_ps(a, b);
        or(a: __m256, b: __m256) -> __m256 = _mm256_or_ps(a, b);
        xor(a: __m256, b: __m256) -> __m256 = _mm256_xor_ps(a, b);
        int_add(a: __m256, b: __m256) -> __m256 = float(_mm256_add_epi32(int(a), int(b)));
        int_sub(a: __m256, b: __m256) -> __m256 = float(_mm256_sub_epi32(int(a), int(b)));
    }
    #[inline(always)]
    fn shl<const N: i32>(self, a: __m256) -> __m256 {
        // SAFETY: `self` proves that `Avx2::new` found the features.
        float(unsafe { _mm256_slli_epi32::<N>(int(a)) })
    }
    #[inline(always)]
    fn sar<const N: i32>(self, a: __m256) -> __m256 {
        // SAFETY: `self` proves that `Avx2::new` found the features.
        float(unsafe { _mm256_srai_epi32::<N>(int(a)) })
    }
    #[inline(always)]
    fn sum_lanes(self, a: __m256) -> f32 {
        // SAFETY: `self` proves that `Avx2::new` found the features.
        unsafe {
            let a = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
            let a = _mm_add_ps(a, _mm_movehl_ps(a, a));
            _mm_cvtss_f32(_mm_add_ss(a, _mm_movehdup_ps(a)))
        }
    }
    #[inline(always)]
    fn max_lanes(self, a: __m256) -> f32 {
        // maxps(b, a) is `b > a ? b : a`: exactly compare-and-select.
        // SAFETY: `self` proves that `Avx2::new` found the features.
        unsafe {
            let a = _mm_max_ps(_mm256_extractf128_ps::<1>(a), _mm256_castps256_ps128(a));
            let a = _mm_max_ps(_mm_movehl_ps(a, a), a);
            _mm_cvtss_f32(_mm_max_ss(_mm_movehdup_ps(a), a))
        }
    }
    #[inline(always)]
    fn sum_four(self, a: __m256) -> f32 {
        // SAFETY: `self` proves that `Avx2::new` found the features.
        unsafe {
            let a = _mm256_castps256_ps128(a);
            let a = _mm_add_ps(a, _mm_movehl_ps(a, a));
            _mm_cvtss_f32(_mm_add_ss(a, _mm_movehdup_ps(a)))
        }
    }
    #[inline(always)]
    fn max_four(self, a: __m256) -> f32 {
        // SAFETY: `self` proves that `Avx2::new` found the features.
        unsafe {
            let a = _mm256_castps256_ps128(a);
            let a = _mm_max_ps(_mm_movehl_ps(a, a), a);
            _mm_cvtss_f32(_mm_max_ss(_mm_movehdup_ps(a), a))
        }
    }
}
