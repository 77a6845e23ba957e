//! AArch64 with NEON (Advanced SIMD): four lanes, thirty-two registers.

use core::arch::aarch64::*;

use crate::simd::{Simd, in_place};

/// Proof that the program was compiled for NEON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neon(());

impl Neon {
    /// The token. This file is compiled only where the target has NEON.
    #[inline(always)]
    pub const fn new() -> Self {
        Self(())
    }
}

impl Default for Neon {
    fn default() -> Self {
        Self::new()
    }
}

#[inline(always)]
fn int(a: float32x4_t) -> int32x4_t {
    // SAFETY: NEON is a feature of the whole target.
    unsafe { vreinterpretq_s32_f32(a) }
}
#[inline(always)]
fn float(a: int32x4_t) -> float32x4_t {
    // SAFETY: NEON is a feature of the whole target.
    unsafe { vreinterpretq_f32_s32(a) }
}

/// Loads four values.
/// # Safety
/// `p` must be valid for reading four values.
#[cfg(not(target_os = "none"))]
#[inline(always)]
unsafe fn load(p: *const f32) -> float32x4_t {
    // SAFETY: NEON is a feature of the whole target, and the caller guarantees the values.
    unsafe { vld1q_f32(p) }
}

/// # Safety
/// `p` must be valid for writing four values.
#[cfg(not(target_os = "none"))]
#[inline(always)]
unsafe fn store(p: *mut f32, x: float32x4_t) {
    // SAFETY: NEON is a feature of the whole target, and the caller guarantees the values.
    unsafe { vst1q_f32(p, x) }
}

/// Loads four values. Targets without an operating system are compiled for aligned memory accesses,
/// where the intrinsic reads byte by byte. LD1 needs only the alignment of its elements.
/// # Safety
/// `p` must be valid for reading four values.
#[cfg(target_os = "none")]
#[inline(always)]
unsafe fn load(p: *const f32) -> float32x4_t {
    let x;
    // SAFETY: NEON is a feature of the whole target, and the caller guarantees the values.
    unsafe {
        core::arch::asm!(
            "ld1 {{{x:v}.4s}}, [{p}]", x = out(vreg) x, p = in(reg) p,
            options(pure, readonly, nostack, preserves_flags)
        );
    }
    x
}

/// See `load`.
/// # Safety
/// `p` must be valid for writing four values.
#[cfg(target_os = "none")]
#[inline(always)]
unsafe fn store(p: *mut f32, x: float32x4_t) {
    // SAFETY: NEON is a feature of the whole target, and the caller guarantees the values.
    unsafe {
        core::arch::asm!(
            "st1 {{{x:v}.4s}}, [{p}]", x = in(vreg) x, p = in(reg) p,
            options(nostack, preserves_flags)
        );
    }
}

/// The 4×4 matrix of four registers, transposed: value j of register i becomes value i of register j.
#[inline(always)]
fn transposed([a, b, c, d]: [float32x4_t; 4]) -> [float32x4_t; 4] {
    // SAFETY: NEON is a feature of the whole target.
    unsafe {
        let (ab, cd) = (vzip1q_f32(a, b), vzip1q_f32(c, d));
        let (ab_high, cd_high) = (vzip2q_f32(a, b), vzip2q_f32(c, d));
        [
            vcombine_f32(vget_low_f32(ab), vget_low_f32(cd)),
            vcombine_f32(vget_high_f32(ab), vget_high_f32(cd)),
            vcombine_f32(vget_low_f32(ab_high), vget_low_f32(cd_high)),
            vcombine_f32(vget_high_f32(ab_high), vget_high_f32(cd_high)),
        ]
    }
}

/// Implements a method by one expression of intrinsics.
macro_rules! op {
    ($($name:ident($($x:ident: $t:ty),*) -> $r:ty = $e:expr;)*) => {$(
        #[inline(always)]
        fn $name(self, $($x: $t),*) -> $r {
            // SAFETY: NEON is a feature of the whole target, or this file would not be compiled.
            unsafe { $e }
        }
    )*};
}

// SAFETY: this file is compiled only for targets with NEON.
unsafe impl Simd for Neon {
    type F = float32x4_t;
    type M = uint32x4_t;
    type Tail = usize;
    const LANES: usize = 4;
    const MR: usize = 8;
    const NR: usize = 2;
    const INLINE_MAX: usize = in_place(if cfg!(target_os = "none") { 256 } else { 512 });
    const NAME: &'static str = "neon";
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
    unsafe fn load(self, p: *const f32) -> float32x4_t {
        // SAFETY: the caller promises four readable values.
        unsafe { load(p) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, x: float32x4_t) {
        // SAFETY: the caller promises four writable values.
        unsafe { store(p, x) }
    }
    #[inline(always)]
    fn tail(self, n: usize) -> usize {
        n
    }
    #[inline(always)]
    unsafe fn load_tail(self, p: *const f32, n: usize) -> float32x4_t {
        // SAFETY: the caller promises n readable values.
        unsafe { self.gather(p, 1, n) }
    }
    #[inline(always)]
    unsafe fn gather(self, p: *const f32, stride: usize, n: usize) -> float32x4_t {
        // SAFETY: lane i is read only where i < n; the caller promises these values.
        unsafe {
            let mut x = vdupq_n_f32(0.0);
            if n > 0 {
                x = vld1q_lane_f32::<0>(p, x);
            }
            if n > 1 {
                x = vld1q_lane_f32::<1>(p.add(stride), x);
            }
            if n > 2 {
                x = vld1q_lane_f32::<2>(p.add(2 * stride), x);
            }
            if n > 3 {
                x = vld1q_lane_f32::<3>(p.add(3 * stride), x);
            }
            x
        }
    }
    #[inline(always)]
    unsafe fn store_tail(self, p: *mut f32, n: usize, x: float32x4_t) {
        // SAFETY: lane i is written only where i < n; the caller promises n writable values.
        unsafe {
            if n > 0 {
                vst1q_lane_f32::<0>(p, x);
            }
            if n > 1 {
                vst1q_lane_f32::<1>(p.add(1), x);
            }
            if n > 2 {
                vst1q_lane_f32::<2>(p.add(2), x);
            }
        }
    }
    #[inline(always)]
    fn fill(self, n: usize, x: float32x4_t, rest: float32x4_t) -> float32x4_t {
        // SAFETY: NEON is a feature of the whole target; four integers fill a register.
        let index: uint32x4_t = unsafe { core::mem::transmute([0u32, 1, 2, 3]) };
        // SAFETY: NEON is a feature of the whole target.
        self.select(unsafe { vcltq_u32(index, vdupq_n_u32(n as u32)) }, x, rest)
    }
    op! {
        splat(x: f32) -> float32x4_t = vdupq_n_f32(x);
        add(a: float32x4_t, b: float32x4_t) -> float32x4_t = vaddq_f32(a, b);
        sub(a: float32x4_t, b: float32x4_t) -> float32x4_t = vsubq_f32(a, b);
        mul(a: float32x4_t, b: float32x4_t) -> float32x4_t = vmulq_f32(a, b);
        div(a: float32x4_t, b: float32x4_t) -> float32x4_t = vdivq_f32(a, b);
        sqrt(a: float32x4_t) -> float32x4_t = vsqrtq_f32(a);
        lt(a: float32x4_t, b: float32x4_t) -> uint32x4_t = vcltq_f32(a, b);
        select(m: uint32x4_t, a: float32x4_t, b: float32x4_t) -> float32x4_t = vbslq_f32(m, a, b);
        all(m: uint32x4_t) -> bool = vminvq_u32(m) != 0;
        and(a: float32x4_t, b: float32x4_t) -> float32x4_t = float(vandq_s32(int(a), int(b)));
        or(a: float32x4_t, b: float32x4_t) -> float32x4_t = float(vorrq_s32(int(a), int(b)));
        xor(a: float32x4_t, b: float32x4_t) -> float32x4_t = float(veorq_s32(int(a), int(b)));
        int_add(a: float32x4_t, b: float32x4_t) -> float32x4_t = float(vaddq_s32(int(a), int(b)));
        int_sub(a: float32x4_t, b: float32x4_t) -> float32x4_t = float(vsubq_s32(int(a), int(b)));
    }
    #[inline(always)]
    fn shl<const N: i32>(self, a: float32x4_t) -> float32x4_t {
        // SAFETY: NEON is a feature of the whole target.
        float(unsafe { vshlq_n_s32::<N>(int(a)) })
    }
    #[inline(always)]
    fn sar<const N: i32>(self, a: float32x4_t) -> float32x4_t {
        // SAFETY: NEON is a feature of the whole target.
        float(unsafe { vshrq_n_s32::<N>(int(a)) })
    }
    #[inline(always)]
    fn sum_lanes(self, a: float32x4_t) -> f32 {
        // SAFETY: NEON is a feature of the whole target.
        unsafe {
            let a = vadd_f32(vget_low_f32(a), vget_high_f32(a));
            vget_lane_f32::<0>(a) + vget_lane_f32::<1>(a)
        }
    }
    // In firmware a batch is small: the single loads of the default take fewer instructions.
    #[cfg(not(target_os = "none"))]
    #[inline(always)]
    unsafe fn gather4(self, p: *const f32, stride: usize, n: usize) -> [float32x4_t; 4] {
        // SAFETY: NEON is a feature of the whole target; the caller guarantees four values in each
        // of n rows.
        unsafe {
            let row = |i: usize| if i < n { vld1q_f32(p.add(i * stride)) } else { self.splat(0.0) };
            transposed([row(0), row(1), row(2), row(3)])
        }
    }
    #[inline(always)]
    unsafe fn scatter4(self, p: *mut f32, stride: usize, width: usize, columns: [float32x4_t; 4]) {
        let [a, b, c, d] = transposed(columns);
        // SAFETY: NEON is a feature of the whole target; the caller guarantees four values in each
        // of three rows, and `width` in the last.
        unsafe {
            vst1q_f32(p, a);
            vst1q_f32(p.add(stride), b);
            vst1q_f32(p.add(2 * stride), c);
            let p = p.add(3 * stride);
            if width == 4 { vst1q_f32(p, d) } else { self.store_tail(p, self.tail(width), d) }
        }
    }
    #[inline(always)]
    fn max_lanes(self, a: float32x4_t) -> f32 {
        // SAFETY: NEON is a feature of the whole target.
        unsafe {
            let (lo, hi) = (vget_low_f32(a), vget_high_f32(a));
            let a = vbsl_f32(vclt_f32(lo, hi), hi, lo);
            let (x, y) = (vget_lane_f32::<0>(a), vget_lane_f32::<1>(a));
            if x < y { y } else { x }
        }
    }
}
