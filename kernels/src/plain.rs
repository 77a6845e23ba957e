//! Data made of nothing but `f32`: what a kernel may see as one flat slice.

/// A type whose memory is `LEN` values of `f32` and nothing else.
///
/// Parameters, gradients and samples are such types, so that one optimizer kernel can walk over a whole network and
/// a batch `&[[f32; K]]` is a matrix. Zero is all zero bits: a static of it lies in `.bss`.
///
/// # Safety
/// The type must be an array of `f32` in memory: size `4·LEN`, alignment of `f32`, no padding, every bit pattern valid.
pub unsafe trait Plain: Copy + Send + Sync + 'static {
    /// How many values it is made of.
    const LEN: usize;
    /// All values +0.
    const ZERO: Self;

    /// The values in the order of memory.
    #[inline(always)]
    fn as_flat(&self) -> &[f32] {
        core::slice::from_ref(self).flat()
    }
    /// The values in the order of memory.
    #[inline(always)]
    fn as_flat_mut(&mut self) -> &mut [f32] {
        core::slice::from_mut(self).flat_mut()
    }
}

/// A batch of plain rows as one slice of `rows · LEN` values.
pub trait Flat {
    /// The values in the order of memory.
    fn flat(&self) -> &[f32];
    /// The values in the order of memory.
    fn flat_mut(&mut self) -> &mut [f32];
}

impl<T: Plain> Flat for [T] {
    #[inline(always)]
    fn flat(&self) -> &[f32] {
        // SAFETY: `Plain` promises that each element is LEN values of f32 without padding.
        unsafe { core::slice::from_raw_parts(self.as_ptr().cast(), self.len() * T::LEN) }
    }
    #[inline(always)]
    fn flat_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `flat`; every bit pattern of f32 is valid for T, and the borrow is unique.
        unsafe { core::slice::from_raw_parts_mut(self.as_mut_ptr().cast(), self.len() * T::LEN) }
    }
}

// SAFETY: one f32 is one f32.
unsafe impl Plain for f32 {
    const LEN: usize = 1;
    const ZERO: Self = 0.0;
}

// SAFETY: arrays have no padding between or after their elements.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {
    const LEN: usize = N * T::LEN;
    const ZERO: Self = [T::ZERO; N];
}

/// Weights and bias of one affine map: y = x·w + b.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Affine<W, B> {
    /// Weights, input-major: `w[i][o]`.
    pub w: W,
    /// Bias, one an output.
    pub b: B,
}

// SAFETY: repr(C) of two parts with the size a multiple of, and the alignment of, f32: no padding.
unsafe impl<W: Plain, B: Plain> Plain for Affine<W, B> {
    const LEN: usize = W::LEN + B::LEN;
    const ZERO: Self = Self { w: W::ZERO, b: B::ZERO };
}

/// The parameters of two things in a row.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Join<A, B> {
    /// Of the first.
    pub head: A,
    /// Of what follows.
    pub tail: B,
}

// SAFETY: repr(C) of two parts with the size a multiple of, and the alignment of, f32: no padding.
unsafe impl<A: Plain, B: Plain> Plain for Join<A, B> {
    const LEN: usize = A::LEN + B::LEN;
    const ZERO: Self = Self { head: A::ZERO, tail: B::ZERO };
}
