//! WebAssembly with simd128: four lanes. No relaxed operations: their results may differ between
//! engines.

use core::arch::wasm32::*;

use crate::simd::{Simd, in_place};

/// Proof that the module was compiled with simd128. (An engine without it rejects the whole
/// module.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wasm(());

impl Wasm {
    /// The token. This file is compiled only where the target has simd128.
    #[inline(always)]
    pub const fn new() -> Self {
        Self(())
    }
}

impl Default for Wasm {
    fn default() -> Self {
        Self::new()
    }
}

/// The 4×4 matrix of four registers, transposed: value j of register i becomes value i of register j.
#[inline(always)]
fn transposed([a, b, c, d]: [v128; 4]) -> [v128; 4] {
    let (ab, cd) = (i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<0, 4, 1, 5>(c, d));
    let (ab_high, cd_high) = (i32x4_shuffle::<2, 6, 3, 7>(a, b), i32x4_shuffle::<2, 6, 3, 7>(c, d));
    [
        i64x2_shuffle::<0, 2>(ab, cd),
        i64x2_shuffle::<1, 3>(ab, cd),
        i64x2_shuffle::<0, 2>(ab_high, cd_high),
        i64x2_shuffle::<1, 3>(ab_high, cd_high),
    ]
}

/// Implements a method by one expression of intrinsics.
macro_rules! op {
    ($($name:ident($($x:ident: $t:ty),*) -> $r:ty = $e:expr;)*) => {$(
        #[inline(always)]
        fn $name(self, $($x: $t),*) -> $r {
            $e
        }
    )*};
}

// SAFETY: this file is compiled only for targets with simd128.
unsafe impl Simd for Wasm {
    type F = v128;
    type M = v128;
    type Tail = usize;
    const LANES: usize = 4;
    const MR: usize = 4;
    const NR: usize = 2;
    const INLINE_MAX: usize = in_place(512);
    const NAME: &'static str = "wasm";
    type Shared = Self;

    #[inline(always)]
    fn shared(self) -> Self {
        self
    }

    #[inline(always)]
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {
        f()
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> v128 {
        // SAFETY: the caller promises four readable values; v128.load needs no alignment.
        unsafe { v128_load(p.cast()) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, x: v128) {
        // SAFETY: the caller promises four writable values.
        unsafe { v128_store(p.cast(), x) }
    }
    #[inline(always)]
    fn tail(self, n: usize) -> usize {
        n
    }
    #[inline(always)]
    unsafe fn load_tail(self, p: *const f32, n: usize) -> v128 {
        // SAFETY: the caller promises n readable values.
        unsafe { self.gather(p, 1, n) }
    }
    #[inline(always)]
    unsafe fn gather(self, p: *const f32, stride: usize, n: usize) -> v128 {
        // SAFETY: lane i is read only where i < n; the caller promises these values.
        unsafe {
            let mut x = f32x4_splat(0.0);
            if n > 0 {
                x = v128_load32_lane::<0>(x, p.cast());
            }
            if n > 1 {
                x = v128_load32_lane::<1>(x, p.add(stride).cast());
            }
            if n > 2 {
                x = v128_load32_lane::<2>(x, p.add(2 * stride).cast());
            }
            if n > 3 {
                x = v128_load32_lane::<3>(x, p.add(3 * stride).cast());
            }
            x
        }
    }
    #[inline(always)]
    unsafe fn store_tail(self, p: *mut f32, n: usize, x: v128) {
        // SAFETY: lane i is written only where i < n; the caller promises n writable values.
        unsafe {
            if n > 0 {
                v128_store32_lane::<0>(x, p.cast());
            }
            if n > 1 {
                v128_store32_lane::<1>(x, p.add(1).cast());
            }
            if n > 2 {
                v128_store32_lane::<2>(x, p.add(2).cast());
            }
        }
    }
    #[inline(always)]
    fn fill(self, n: usize, x: v128, rest: v128) -> v128 {
        self.select(i32x4_lt(i32x4(0, 1, 2, 3), i32x4_splat(n as i32)), x, rest)
    }
    op! {
        splat(x: f32) -> v128 = f32x4_splat(x);
        add(a: v128, b: v128) -> v128 = f32x4_add(a, b);
        sub(a: v128, b: v128) -> v128 = f32x4_sub(a, b);
        mul(a: v128, b: v128) -> v128 = f32x4_mul(a, b);
        div(a: v128, b: v128) -> v128 = f32x4_div(a, b);
        sqrt(a: v128) -> v128 = f32x4_sqrt(a);
        lt(a: v128, b: v128) -> v128 = f32x4_lt(a, b);
        select(m: v128, a: v128, b: v128) -> v128 = v128_bitselect(a, b, m);
        all(m: v128) -> bool = i32x4_all_true(m);
        // pmin(a, b) is `b < a ? b : a` and pmax(a, b) `a < b ? b : a`: exactly compare-and-select.
        min(a: v128, b: v128) -> v128 = f32x4_pmin(a, b);
        max(a: v128, b: v128) -> v128 = f32x4_pmax(a, b);
        and(a: v128, b: v128) -> v128 = v128_and(a, b);
        or(a: v128, b: v128) -> v128 = v128_or(a, b);
        xor(a: v128, b: v128) -> v128 = v128_xor(a, b);
        int_add(a: v128, b: v128) -> v128 = i32x4_add(a, b);
        int_sub(a: v128, b: v128) -> v128 = i32x4_sub(a, b);
    }
    #[inline(always)]
    fn shl<const N: i32>(self, a: v128) -> v128 {
        i32x4_shl(a, N.cast_unsigned())
    }
    #[inline(always)]
    fn sar<const N: i32>(self, a: v128) -> v128 {
        i32x4_shr(a, N.cast_unsigned())
    }
    #[inline(always)]
    fn sum_lanes(self, a: v128) -> f32 {
        let a = f32x4_add(a, i32x4_shuffle::<2, 3, 0, 1>(a, a));
        f32x4_extract_lane::<0>(a) + f32x4_extract_lane::<1>(a)
    }
    #[inline(always)]
    unsafe fn gather4(self, p: *const f32, stride: usize, n: usize) -> [v128; 4] {
        // SAFETY: the caller guarantees four values in each of n rows.
        let row = |i: usize| unsafe {
            if i < n { v128_load(p.add(i * stride).cast()) } else { self.splat(0.0) }
        };
        transposed([row(0), row(1), row(2), row(3)])
    }
    #[inline(always)]
    unsafe fn scatter4(self, p: *mut f32, stride: usize, width: usize, columns: [v128; 4]) {
        let [a, b, c, d] = transposed(columns);
        // SAFETY: the caller guarantees four values in each of three rows, and `width` in the last.
        unsafe {
            v128_store(p.cast(), a);
            v128_store(p.add(stride).cast(), b);
            v128_store(p.add(2 * stride).cast(), c);
            let p = p.add(3 * stride);
            if width == 4 {
                v128_store(p.cast(), d)
            } else {
                self.store_tail(p, self.tail(width), d)
            }
        }
    }
    #[inline(always)]
    fn max_lanes(self, a: v128) -> f32 {
        let a = self.max(a, i32x4_shuffle::<2, 3, 0, 1>(a, a));
        let (x, y) = (f32x4_extract_lane::<0>(a), f32x4_extract_lane::<1>(a));
        if x < y { y } else { x }
    }
}
