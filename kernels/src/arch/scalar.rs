//! One value at a time, in plain Rust: the reference for every other backend.

use crate::simd::{Simd, in_place};

/// The token of the backend that every CPU has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scalar;

#[inline(always)]
fn bits(x: u32) -> f32 {
    f32::from_bits(x)
}

/// √a, correctly rounded. `core` has no square root.
#[inline(always)]
fn sqrt(a: f32) -> f32 {
    // libm's root is an SSE instruction in inline assembly. Between AVX instructions its encoding
    // costs a hundred cycles.
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
    {
        use core::arch::x86_64::{_mm_cvtss_f32, _mm_set_ss, _mm_sqrt_ss};
        // SAFETY: SSE is a feature of the whole target.
        unsafe { _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(a))) }
    }
    #[cfg(rosenblatt_cortex_fpu)]
    {
        /// libm's root is software.
        #[unsafe(naked)]
        extern "C" fn vsqrt(a: f32) -> f32 {
            core::arch::naked_asm!(".fpu fpv4-sp-d16", "vsqrt.f32 s0, s0", "bx lr")
        }
        vsqrt(a)
    }
    #[cfg(not(any(rosenblatt_cortex_fpu, all(target_arch = "x86_64", target_feature = "sse2"))))]
    libm::sqrtf(a)
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
        sqrt(a)
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
