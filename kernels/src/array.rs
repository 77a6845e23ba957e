//! Data that consists only of `f32`, which a kernel sees as one flat slice.

use core::fmt;

/// A type whose memory is `LEN` values of `f32` and nothing else.
///
/// Parameters, gradients and samples are such types. One optimizer kernel can therefore walk over a
/// whole network, and a batch `&[[f32; K]]` is a matrix. `ZERO` is all zero bits: a static of it
/// lies in `.bss`.
///
/// # Safety
/// The type must be an array of `f32` in memory: size `4·LEN`, alignment of `f32`, no padding,
/// every bit pattern valid. An implementation must not override `as_flat` and `as_flat_mut`. If it
/// defines `SHAPE`, that shape must have `LEN` values.
pub unsafe trait F32Array: Copy + Send + Sync + 'static {
    /// The number of values.
    const LEN: usize;
    /// All values +0.
    const ZERO: Self;
    /// The shape for display: for an array of arrays, its lengths from outside in.
    const SHAPE: Shape = Shape::of(Self::LEN);

    /// The values in the order of memory.
    #[inline(always)]
    fn as_flat(&self) -> &[f32] {
        values(self)
    }
    /// The values in the order of memory.
    #[inline(always)]
    fn as_flat_mut(&mut self) -> &mut [f32] {
        values_mut(self)
    }
}

/// The lengths of an array of arrays, from outside in, as in Keras' summary.
///
/// ```
/// use rosenblatt_kernels::{F32Array, array::Shape};
/// assert_eq!(<[[[f32; 3]; 8]; 6]>::SHAPE.dims(), [6, 8, 3]);
/// assert_eq!(Shape::of(10).to_string(), "(10)");
/// assert_eq!(<[[f32; 3]; 5]>::SHAPE.to_string(), "(5, 3)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Shape {
    dims: [usize; Self::RANK],
    rank: usize,
}

impl Shape {
    /// The greatest number of lengths. The inner dimensions of a deeper array count as one length.
    pub const RANK: usize = 5;
    /// The shape of one value.
    pub const VALUE: Self = Self { dims: [0; Self::RANK], rank: 0 };

    /// The shape of a row of `n` values.
    #[must_use]
    pub const fn of(n: usize) -> Self {
        Self::VALUE.times(n)
    }

    /// The shape of `n` arrays of this shape.
    #[must_use]
    pub const fn times(self, n: usize) -> Self {
        if self.rank == Self::RANK {
            return Self::of(self.len() * n);
        }
        let mut dims = [0; Self::RANK];
        dims[0] = n;
        let mut i = 0;
        while i < self.rank {
            dims[i + 1] = self.dims[i];
            i += 1;
        }
        Self { dims, rank: self.rank + 1 }
    }

    /// The lengths, from outside in.
    #[must_use]
    pub fn dims(&self) -> &[usize] {
        self.dims.get(..self.rank).unwrap_or(&self.dims)
    }

    /// The number of lengths.
    #[must_use]
    pub const fn rank(&self) -> usize {
        self.rank
    }

    /// Whether the lengths are those of another shape.
    #[must_use]
    pub const fn same(&self, other: Self) -> bool {
        let mut i = 0;
        while i < Self::RANK {
            if self.length(i) != other.length(i) {
                return false;
            }
            i += 1;
        }
        self.rank == other.rank
    }

    /// Length `i` from outside in, 0 beyond the last one.
    #[must_use]
    pub const fn length(&self, i: usize) -> usize {
        if i < self.rank { self.dims[i] } else { 0 }
    }

    /// The number of values.
    #[must_use]
    pub const fn len(&self) -> usize {
        let (mut len, mut i) = (1, 0);
        while i < self.rank {
            len *= self.dims[i];
            i += 1;
        }
        len
    }

    /// Whether there are no values.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (i, n) in self.dims().iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{n}")?;
        }
        f.write_str(")")
    }
}

/// Views rows as rows of another type with the same number of values: `&[[[f32; 4]; 3]]` as
/// `&[[f32; 12]]`. The number is checked at compile time.
#[inline(always)]
#[must_use]
pub const fn reshape_rows<A: F32Array, B: F32Array>(rows: &[A]) -> &[B] {
    const {
        assert!(
            A::LEN == B::LEN && size_of::<A>() == size_of::<B>(),
            "rows of one length cannot be seen as rows of another"
        )
    };
    // SAFETY: `F32Array` promises that both are arrays of LEN f32 of f32's alignment, and the
    // lengths are equal.
    unsafe { core::slice::from_raw_parts(rows.as_ptr().cast(), rows.len()) }
}

/// [`reshape_rows`], mutable.
#[inline(always)]
#[must_use]
pub const fn reshape_rows_mut<A: F32Array, B: F32Array>(rows: &mut [A]) -> &mut [B] {
    const {
        assert!(
            A::LEN == B::LEN && size_of::<A>() == size_of::<B>(),
            "rows of one length cannot be seen as rows of another"
        )
    };
    // SAFETY: as in `reshape_rows`; every bit pattern of f32 is valid for both, and the borrow is
    // unique.
    unsafe { core::slice::from_raw_parts_mut(rows.as_mut_ptr().cast(), rows.len()) }
}

/// [`reshape_rows`] for callers that compare the shapes by themselves: no rows if the types do not
/// hold the same number of values.
#[inline(always)]
#[must_use]
pub const fn matching_rows<A: F32Array, B: F32Array>(rows: &[A]) -> &[B] {
    if const { A::LEN == B::LEN && size_of::<A>() == size_of::<B>() } {
        // SAFETY: `F32Array` promises that both are arrays of LEN f32 of f32's alignment, and the
        // lengths are equal.
        unsafe { core::slice::from_raw_parts(rows.as_ptr().cast(), rows.len()) }
    } else {
        &[]
    }
}

/// [`matching_rows`] for writing.
#[inline(always)]
#[must_use]
pub const fn matching_rows_mut<A: F32Array, B: F32Array>(rows: &mut [A]) -> &mut [B] {
    if const { A::LEN == B::LEN && size_of::<A>() == size_of::<B>() } {
        // SAFETY: as in `matching_rows`; every bit pattern of f32 is valid for both, and the borrow
        // is unique.
        unsafe { core::slice::from_raw_parts_mut(rows.as_mut_ptr().cast(), rows.len()) }
    } else {
        &mut []
    }
}

/// The first `m` rows; all rows if there are fewer. Cannot panic.
#[inline(always)]
#[must_use]
pub fn first_rows<T>(rows: &[T], m: usize) -> &[T] {
    rows.get(..m).unwrap_or(rows)
}

/// [`first_rows`], mutable.
#[inline(always)]
#[must_use]
pub fn first_rows_mut<T>(rows: &mut [T], m: usize) -> &mut [T] {
    // Not `split_at_mut`: called from another crate it makes LLVM unroll more (1.2 KB more flash
    // for `sequence` on a Cortex-M4F).
    let m = m.min(rows.len());
    &mut rows[..m]
}

/// Views little-endian bytes as a value, without a copy: weights in flash or in a mapped file.
///
/// `None` if the number of bytes is not 4·LEN, if their address is not aligned for f32, or on a
/// big-endian target.
///
/// ```
/// use rosenblatt_kernels::array::from_le_bytes;
/// #[repr(align(4))]
/// struct Aligned<const N: usize>([u8; N]);
/// static TWO: Aligned<8> = Aligned([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
/// assert_eq!(from_le_bytes::<[f32; 2]>(&TWO.0), Some(&[1.0, -2.0]));
/// assert_eq!(from_le_bytes::<[f32; 1]>(&TWO.0), None);
/// assert_eq!(from_le_bytes::<[f32; 1]>(&TWO.0[2..6]), None);
/// ```
#[inline]
#[must_use]
pub fn from_le_bytes<P: F32Array>(bytes: &[u8]) -> Option<&P> {
    let values: *const P = bytes.as_ptr().cast();
    if cfg!(target_endian = "big") || bytes.len() != size_of::<P>() || !values.is_aligned() {
        return None;
    }
    // SAFETY: the line above checks the size and the alignment. `F32Array` promises that every bit
    // pattern is valid. The bytes are borrowed as long as the value.
    Some(unsafe { &*values })
}

/// y ← x, row by row, as many as the shorter slice has. Cannot panic.
#[inline(always)]
pub fn copy_rows<T: Copy>(x: &[T], y: &mut [T]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = *x;
    }
}

/// [`F32Array::as_flat`] for the kernels. It cannot be overridden, so its length is always `LEN`.
#[inline(always)]
pub(crate) fn values<T: F32Array>(x: &T) -> &[f32] {
    core::slice::from_ref(x).flat()
}

/// [`values`], mutable.
#[inline(always)]
pub(crate) fn values_mut<T: F32Array>(x: &mut T) -> &mut [f32] {
    core::slice::from_mut(x).flat_mut()
}

/// A batch of rows as one slice of `rows · LEN` values.
pub trait F32Rows {
    /// The values in the order of memory.
    fn flat(&self) -> &[f32];
    /// The values in the order of memory, mutable.
    fn flat_mut(&mut self) -> &mut [f32];
}

impl<T: F32Array> F32Rows for [T] {
    #[inline(always)]
    fn flat(&self) -> &[f32] {
        // SAFETY: `F32Array` promises that each element is LEN values of f32 without padding.
        unsafe { core::slice::from_raw_parts(self.as_ptr().cast(), self.len() * T::LEN) }
    }
    #[inline(always)]
    fn flat_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `flat`; every bit pattern of f32 is valid for T, and the borrow is unique.
        unsafe { core::slice::from_raw_parts_mut(self.as_mut_ptr().cast(), self.len() * T::LEN) }
    }
}

// SAFETY: one f32 is one f32.
unsafe impl F32Array for f32 {
    const LEN: usize = 1;
    const ZERO: Self = 0.0;
    const SHAPE: Shape = Shape::VALUE;
}

// SAFETY: arrays have no padding between or after their elements.
unsafe impl<T: F32Array, const N: usize> F32Array for [T; N] {
    const LEN: usize = N * T::LEN;
    const ZERO: Self = [T::ZERO; N];
    const SHAPE: Shape = T::SHAPE.times(N);
}

/// Weights and bias of an affine map: y = x·w + b.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Affine<W, B> {
    /// Weights, input-major: `w[i][o]`.
    pub w: W,
    /// Bias, one value per output.
    pub b: B,
}

// SAFETY: repr(C) of two parts with the size a multiple of, and the alignment of, f32: no padding.
unsafe impl<W: F32Array, B: F32Array> F32Array for Affine<W, B> {
    const LEN: usize = W::LEN + B::LEN;
    const ZERO: Self = Self { w: W::ZERO, b: B::ZERO };
}

/// The parameters of two parts, one after the other.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Join<A, B> {
    /// Parameters of the first part.
    pub head: A,
    /// Parameters of the rest.
    pub tail: B,
}

// SAFETY: repr(C) of two parts with the size a multiple of, and the alignment of, f32: no padding.
unsafe impl<A: F32Array, B: F32Array> F32Array for Join<A, B> {
    const LEN: usize = A::LEN + B::LEN;
    const ZERO: Self = Self { head: A::ZERO, tail: B::ZERO };
}

/// Defines structs whose fields are all [`F32Array`], and implements [`F32Array`] for them.
macro_rules! records {
    ($(
        $(#[$doc:meta])*
        $name:ident { $($(#[$field_doc:meta])* $field:ident: $part:ident,)* }
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[repr(C)]
        pub struct $name<$($part),*> {
            $($(#[$field_doc])* pub $field: $part,)*
        }

        // SAFETY: repr(C) of parts with the size a multiple of, and the alignment of, f32: no
        // padding.
        unsafe impl<$($part: F32Array),*> F32Array for $name<$($part),*> {
            const LEN: usize = 0 $(+ $part::LEN)*;
            const ZERO: Self = Self { $($field: $part::ZERO),* };
        }
    )*};
}

records! {
    /// Parameters of a recurrent layer, in the order and layout of Keras' `get_weights()`.
    ///
    /// Keras' kernels have a column for each unit of each gate. Here the columns of a gate are an
    /// array: `[[[f32; U]; GATES]; I]` has the memory of `[I, GATES·U]`.
    Recurrent {
        /// Weights of the inputs, input-major: `w[i][gate][unit]`.
        w: W,
        /// Weights of the previous state: `u[previous unit][gate][unit]`.
        u: U,
        /// Bias: `b[gate][unit]`. A GRU has two: `b[0]` for the inputs and `b[1]` for the state.
        b: B,
    }
    /// The values that a recurrent layer keeps of a mini-batch. The first four have an entry for
    /// every step, the last step first.
    Unrolled {
        /// Inputs of the steps.
        x: X,
        /// Gates. In the backward pass: the gradient by their sums.
        a: A,
        /// Other values that a cell keeps. In the backward pass of a GRU: the gradient by the sums
        /// of the state.
        saved: K,
        /// States before the steps.
        before: P,
        /// The state. In the backward pass: its gradient.
        h: H,
        /// The cell state (LSTM). In the backward pass: its gradient.
        c: C,
        /// Outputs.
        y: Y,
    }
}
