//! One value at a time, in plain Rust: the reference for every other backend.

use crate::{
    math,
    simd::{Simd, in_place},
};

/// The token of the backend that every CPU has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scalar;

#[inline(always)]
fn bits(x: u32) -> f32 {
    f32::from_bits(x)
}

// SAFETY: plain Rust runs on every CPU, and one f32 holds the one lane.
unsafe impl Simd for Scalar {
    type F = f32;
    type M = bool;
    type Tail = ();
    const LANES: usize = 1;
    const MR: usize = 4;
    const NR: usize = 4;
    // In firmware nothing is unrolled in place, to save flash.
    const INLINE_MAX: usize = in_place(0);
    const NAME: &'static str = "scalar";
    type Shared = Self;

    #[inline(always)]
    fn shared(self) -> Self {
        self
    }

    // Out of line like the other backends: the switch over them then needs no stack.
    #[cfg_attr(not(target_feature = "sse2"), inline(always))]
    #[cfg_attr(target_feature = "sse2", inline(never))]
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {
        f()
    }
    #[inline(always)]
    fn splat(self, x: f32) -> f32 {
        x
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> f32 {
        // SAFETY: the caller promises one readable value at `p`.
        unsafe { p.read() }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, x: f32) {
        // SAFETY: the caller promises one writable value at `p`.
        unsafe { p.write(x) }
    }
    #[inline(always)]
    fn tail(self, _n: usize) {}
    #[inline(always)]
    unsafe fn load_tail(self, _p: *const f32, _tail: ()) -> f32 {
        0.0
    }
    #[inline(always)]
    unsafe fn store_tail(self, _p: *mut f32, _tail: (), _x: f32) {}
    #[inline(always)]
    fn add(self, a: f32, b: f32) -> f32 {
        a + b
    }
    #[inline(always)]
    fn sub(self, a: f32, b: f32) -> f32 {
        a - b
    }
    #[inline(always)]
    fn mul(self, a: f32, b: f32) -> f32 {
        a * b
    }
    #[inline(always)]
    fn div(self, a: f32, b: f32) -> f32 {
        a / b
    }
    #[inline(always)]
    fn sqrt(self, a: f32) -> f32 {
        math::sqrt(a)
    }
    #[inline(always)]
    fn lt(self, a: f32, b: f32) -> bool {
        a < b
    }
    #[inline(always)]
    fn select(self, m: bool, a: f32, b: f32) -> f32 {
        if m { a } else { b }
    }
    #[inline(always)]
    fn fill(self, _tail: (), _x: f32, rest: f32) -> f32 {
        rest
    }
    #[inline(always)]
    fn all(self, m: bool) -> bool {
        m
    }
    #[inline(always)]
    fn and(self, a: f32, b: f32) -> f32 {
        bits(a.to_bits() & b.to_bits())
    }
    #[inline(always)]
    fn or(self, a: f32, b: f32) -> f32 {
        bits(a.to_bits() | b.to_bits())
    }
    #[inline(always)]
    fn xor(self, a: f32, b: f32) -> f32 {
        bits(a.to_bits() ^ b.to_bits())
    }
    #[inline(always)]
    fn int_add(self, a: f32, b: f32) -> f32 {
        bits(a.to_bits().wrapping_add(b.to_bits()))
    }
    #[inline(always)]
    fn int_sub(self, a: f32, b: f32) -> f32 {
        bits(a.to_bits().wrapping_sub(b.to_bits()))
    }
    #[inline(always)]
    fn shl<const N: i32>(self, a: f32) -> f32 {
        bits(a.to_bits() << N)
    }
    #[inline(always)]
    fn sar<const N: i32>(self, a: f32) -> f32 {
        bits((a.to_bits().cast_signed() >> N).cast_unsigned())
    }
    #[inline(always)]
    fn sum_lanes(self, a: f32) -> f32 {
        a
    }
    #[inline(always)]
    fn max_lanes(self, a: f32) -> f32 {
        a
    }
}
