//! The operations in which every kernel is written: registers of `f32` lanes.
//!
//! A type that implements [`Simd`] is a zero-size *token*. A token proves that the CPU has the
//! backend's instructions: a program gets one only from the CPU's detection (`Backend::detect`) or
//! from being compiled for these instructions. Kernels are generic over the token, marked
//! `#[inline(always)]`, and entered through [`Simd::vectorize`].
//!
//! The operations are IEEE-754 binary32, rounded to nearest even, the same on every backend
//! (`NUMERICS.md`). Integer operations work on the bits of the lanes.

#[doc(hidden)]
pub use crate::bodies::Bodies;

/// A backend: the proof of its CPU features, and the operations on its registers.
///
/// # Safety
/// A program must be able to get a token only where its instructions can run. `LANES` must be a
/// power of two of at most 16. `F` must hold `LANES` values.
pub unsafe trait Simd: Copy + Send + Sync + 'static {
    /// A register of `LANES` values.
    type F: Copy;
    /// The result of a comparison, one flag per lane.
    type M: Copy;
    /// The lanes that a partial load or store touches: the first `n`.
    type Tail: Copy;

    /// Values in a register.
    const LANES: usize;
    /// Rows of the largest gemm tile: as many sums as the register file can hold beside the
    /// operands.
    const MR: usize;
    /// Columns of that tile, in registers.
    const NR: usize;
    /// Rows of a taller tile of two registers for large products out of line: 6, 12, or 0 for none.
    const TALL: usize = 0;
    /// Limit for compiling in place: a product of known shape up to this many weights, a network up
    /// to this many multiply-adds per sample. Above it the out-of-line kernels are called. 0 means
    /// always called: in a debug build, and where compiling in place was not measured to be faster.
    const INLINE_MAX: usize;
    /// The name in messages and in [`backend::NAMES`](crate::backend::NAMES).
    const NAME: &'static str;
    /// The token for which the out-of-line kernels are compiled once: the backend itself.
    type Shared: Simd<Shared = Self::Shared> + Bodies;

    /// The token of [`Self::Shared`].
    fn shared(self) -> Self::Shared;

    /// Runs `f` with this backend's target features enabled. Code that is inlined into `f` can use
    /// them.
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R;

    /// Whether this CPU is faster with the tile of [`Self::TALL`] rows.
    #[inline(always)]
    fn is_faster_tall(self) -> bool {
        true
    }

    /// `x` in every lane.
    fn splat(self, x: f32) -> Self::F;
    /// These bits in every lane.
    #[inline(always)]
    fn splat_bits(self, bits: u32) -> Self::F {
        self.splat(f32::from_bits(bits))
    }
    /// Loads `LANES` consecutive values. They need no alignment.
    /// # Safety
    /// `p` must be valid for reading `LANES` values.
    unsafe fn load(self, p: *const f32) -> Self::F;
    /// Writes all lanes.
    /// # Safety
    /// `p` must be valid for writing `LANES` values.
    unsafe fn store(self, p: *mut f32, x: Self::F);
    /// The first `n` lanes. `n` must be less than `LANES`.
    fn tail(self, n: usize) -> Self::Tail;
    /// Loads the first `n` values of `tail(n)`. The other lanes are +0.
    /// # Safety
    /// `p` must be valid for reading the `n` values with which `tail` was made.
    unsafe fn load_tail(self, p: *const f32, tail: Self::Tail) -> Self::F;
    /// [`Simd::load_tail`] of values that [`Simd::store_tail`] has just written: in the same pieces,
    /// which come from the store buffer. One load of several pieces would wait until they are in the
    /// cache, and keep the arithmetic of the next prediction waiting.
    /// # Safety
    /// As for [`Simd::load_tail`].
    #[inline(always)]
    unsafe fn load_stored(self, p: *const f32, tail: Self::Tail) -> Self::F {
        // SAFETY: the caller's promise is the same.
        unsafe { self.load_tail(p, tail) }
    }
    /// Writes the first `n` lanes of `tail(n)` and nothing else.
    /// # Safety
    /// `p` must be valid for writing the `n` values with which `tail` was made.
    unsafe fn store_tail(self, p: *mut f32, tail: Self::Tail, x: Self::F);

    /// Loads the values at p, p + stride, …, `n` ≤ `LANES` of them: a column of a matrix. The other
    /// lanes are +0.
    /// # Safety
    /// `p` must be valid for reading these values.
    #[inline(always)]
    unsafe fn gather(self, p: *const f32, stride: usize, n: usize) -> Self::F {
        let mut lanes = [0.0f32; 16];
        for (i, lane) in lanes.iter_mut().enumerate().take(n) {
            // SAFETY: the caller guarantees n values.
            *lane = unsafe { *p.add(i * stride) };
        }
        // SAFETY: sixteen values hold one register.
        unsafe { self.load(lanes.as_ptr()) }
    }

    /// [`Simd::gather`] for the columns at p, p + 1, p + 2 and p + 3. Some backends transpose the
    /// `n` rows in registers.
    /// # Safety
    /// `p` must be valid for reading four values at each of the `n` places.
    #[inline(always)]
    unsafe fn gather4(self, p: *const f32, stride: usize, n: usize) -> [Self::F; 4] {
        // SAFETY: the caller guarantees four columns.
        unsafe {
            [
                self.gather(p, stride, n),
                self.gather(p.add(1), stride, n),
                self.gather(p.add(2), stride, n),
                self.gather(p.add(3), stride, n),
            ]
        }
    }

    /// The inverse of [`Simd::gather4`] for `LANES` rows: writes the columns at p, p + 1, p + 2 and
    /// p + 3. Rows are written in order, so that a row may begin before the fourth value of the row
    /// before it. Of the last row only the first `width` ≤ 4 values are written.
    /// # Safety
    /// `p` must be valid for writing four values at each of the places, and `width` at the last.
    #[inline(always)]
    unsafe fn scatter4(self, p: *mut f32, stride: usize, width: usize, columns: [Self::F; 4]) {
        let mut lanes = [[0.0f32; 16]; 4];
        for (column, lanes) in columns.into_iter().zip(&mut lanes) {
            // SAFETY: sixteen values hold one register.
            unsafe { self.store(lanes.as_mut_ptr(), column) };
        }
        for i in 0..Self::LANES {
            let width = if i + 1 == Self::LANES { width } else { 4 };
            for (c, lanes) in lanes.iter().enumerate().take(width) {
                // SAFETY: the caller guarantees these values.
                unsafe { *p.add(i * stride + c) = lanes[i] };
            }
        }
    }

    /// The first `n` lanes from `x`, the others from `rest`.
    fn fill(self, tail: Self::Tail, x: Self::F, rest: Self::F) -> Self::F;

    /// a + b
    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    /// a − b
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    /// a · b
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    /// a / b
    fn div(self, a: Self::F, b: Self::F) -> Self::F;
    /// √a
    fn sqrt(self, a: Self::F) -> Self::F;
    /// a · b + c, **unfused**: the product is rounded, then the sum.
    #[inline(always)]
    fn mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        self.add(self.mul(a, b), c)
    }

    /// a < b; false where either is NaN
    fn lt(self, a: Self::F, b: Self::F) -> Self::M;
    /// Lane by lane: `a` where the flag is set, else `b`.
    fn select(self, m: Self::M, a: Self::F, b: Self::F) -> Self::F;
    /// Whether the flag is set in every lane.
    fn all(self, m: Self::M) -> bool;

    /// Bitwise and
    fn and(self, a: Self::F, b: Self::F) -> Self::F;
    /// Bitwise or
    fn or(self, a: Self::F, b: Self::F) -> Self::F;
    /// Bitwise exclusive or
    fn xor(self, a: Self::F, b: Self::F) -> Self::F;
    /// Sum of the bits as 32-bit integers, wrapping
    fn int_add(self, a: Self::F, b: Self::F) -> Self::F;
    /// Difference of the bits as 32-bit integers, wrapping
    fn int_sub(self, a: Self::F, b: Self::F) -> Self::F;
    /// Bits shifted left by `N`
    fn shl<const N: i32>(self, a: Self::F) -> Self::F;
    /// Bits shifted right by `N` as signed integers
    fn sar<const N: i32>(self, a: Self::F) -> Self::F;

    /// The sum of the lanes by the fixed tree: lane i + lane (i + LANES/2), then the same with half
    /// as many lanes, down to one.
    fn sum_lanes(self, a: Self::F) -> f32;
    /// The greatest lane by the same tree. Of a pair (a, b) it takes `b` where `a < b`, else `a`.
    fn max_lanes(self, a: Self::F) -> f32;

    /// [`Simd::sum_lanes`] where the lanes from the fifth on are +0.
    #[inline(always)]
    fn sum_four(self, a: Self::F) -> f32 {
        self.sum_lanes(a)
    }
    /// [`Simd::max_lanes`] where the lanes from the fifth on are −∞.
    #[inline(always)]
    fn max_four(self, a: Self::F) -> f32 {
        self.max_lanes(a)
    }

    /// |a|
    #[inline(always)]
    fn abs(self, a: Self::F) -> Self::F {
        self.and(a, self.splat_bits(0x7fff_ffff))
    }
    /// `b` where `a < b`, else `a`: a NaN in `a` stays.
    #[inline(always)]
    fn max(self, a: Self::F, b: Self::F) -> Self::F {
        self.select(self.lt(a, b), b, a)
    }
    /// `b` where `b < a`, else `a`: a NaN in `a` stays.
    #[inline(always)]
    fn min(self, a: Self::F, b: Self::F) -> Self::F {
        self.select(self.lt(b, a), b, a)
    }
}

/// The limit `weights` of [`Simd::INLINE_MAX`], or 0 in a debug build. There each operation that is
/// compiled in place takes its own stack; a training step of a large network would need some
/// hundred kilobytes.
pub(crate) const fn in_place(weights: usize) -> usize {
    if cfg!(debug_assertions) { 0 } else { weights }
}

/// Whether kernels are called out of line for the token `S`. In firmware each kernel decides for
/// itself, to save flash.
pub(crate) const fn called<S: Simd>() -> bool {
    S::INLINE_MAX == 0 && !cfg!(target_os = "none")
}

/// Runs `f`, one part of a larger function. In a debug build it runs in a stack frame of its own:
/// without optimization, the stack slots of all code compiled in place add up.
#[inline(always)]
pub fn part<S: Simd, R>(s: S, f: impl FnOnce() -> R) -> R {
    #[inline(never)]
    fn apart<S: Simd, R>(s: S, f: impl FnOnce() -> R) -> R {
        s.vectorize(f)
    }
    if cfg!(debug_assertions) { apart(s, f) } else { f() }
}
