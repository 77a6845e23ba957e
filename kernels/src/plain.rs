//! Data made of nothing but `f32`: what a kernel may see as one flat slice.

use core::fmt;

/// A type whose memory is `LEN` values of `f32` and nothing else.
///
/// Parameters, gradients and samples are such types, so that one optimizer kernel can walk over a whole network and
/// a batch `&[[f32; K]]` is a matrix. Zero is all zero bits: a static of it lies in `.bss`.
///
/// # Safety
/// The type must be an array of `f32` in memory: size `4·LEN`, alignment of `f32`, no padding, every bit pattern valid.
/// An implementation must not override `as_flat` and `as_flat_mut`. A `SHAPE` of its own must have `LEN` values.
pub unsafe trait Plain: Copy + Send + Sync + 'static {
    /// How many values it is made of.
    const LEN: usize;
    /// All values +0.
    const ZERO: Self;
    /// As what shape a reader sees it: an array of arrays as the lengths from outside in.
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
/// use rosenblatt_kernels::{Plain, plain::Shape};
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
    /// The most lengths a shape has; an array that is deeper counts as flat from there inward.
    pub const RANK: usize = 5;
    /// One value.
    pub const VALUE: Self = Self { dims: [0; Self::RANK], rank: 0 };

    /// A row of `n`.
    #[must_use]
    pub const fn of(n: usize) -> Self {
        Self::VALUE.times(n)
    }

    /// `n` of these.
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

    /// How many lengths there are.
    #[must_use]
    pub const fn rank(&self) -> usize {
        self.rank
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

/// The same values as rows of another type: `&[[[f32; 4]; 3]]` as `&[[f32; 12]]`. The types must hold equally many; that is checked at compile time.
#[inline(always)]
#[must_use]
pub const fn recast<A: Plain, B: Plain>(rows: &[A]) -> &[B] {
    const {
        assert!(
            A::LEN == B::LEN && size_of::<A>() == size_of::<B>(),
            "rows of one length cannot be seen as rows of another"
        )
    };
    // SAFETY: `Plain` promises that both are arrays of LEN f32 of f32's alignment, and the lengths are equal.
    unsafe { core::slice::from_raw_parts(rows.as_ptr().cast(), rows.len()) }
}

/// [`recast`] for writing.
#[inline(always)]
#[must_use]
pub const fn recast_mut<A: Plain, B: Plain>(rows: &mut [A]) -> &mut [B] {
    const {
        assert!(
            A::LEN == B::LEN && size_of::<A>() == size_of::<B>(),
            "rows of one length cannot be seen as rows of another"
        )
    };
    // SAFETY: as in `recast`; every bit pattern of f32 is valid for both, and the borrow is unique.
    unsafe { core::slice::from_raw_parts_mut(rows.as_mut_ptr().cast(), rows.len()) }
}

/// [`Plain::as_flat`] as the kernels take it: it cannot be overridden, so `LEN` alone says how long it is.
#[inline(always)]
pub(crate) fn values<T: Plain>(x: &T) -> &[f32] {
    core::slice::from_ref(x).flat()
}

/// [`values`] for writing.
#[inline(always)]
pub(crate) fn values_mut<T: Plain>(x: &mut T) -> &mut [f32] {
    core::slice::from_mut(x).flat_mut()
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
    const SHAPE: Shape = Shape::VALUE;
}

// SAFETY: arrays have no padding between or after their elements.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {
    const LEN: usize = N * T::LEN;
    const ZERO: Self = [T::ZERO; N];
    const SHAPE: Shape = T::SHAPE.times(N);
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

/// Records of plain parts: the struct and the promise that it is plain itself.
macro_rules! records {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $part:ident,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[repr(C)]
        pub struct $name<$($part),*> {
            $($(#[$field_doc])* pub $field: $part,)*
        }

        // SAFETY: repr(C) of parts with the size a multiple of, and the alignment of, f32: no padding.
        unsafe impl<$($part: Plain),*> Plain for $name<$($part),*> {
            const LEN: usize = 0 $(+ $part::LEN)*;
            const ZERO: Self = Self { $($field: $part::ZERO),* };
        }
    )*};
}

records! {
    /// Parameters of a recurrent layer, in the order and layout of Keras' `get_weights()`.
    ///
    /// Keras' kernels have a column for each unit of each gate; here a gate's columns are an array: `[[[f32; U]; GATES]; I]` has the memory of `[I, GATES·U]`.
    Recurrent {
        /// Weights of the inputs, input-major: `w[i][gate][unit]`.
        w: W,
        /// Weights of the state of the step before: `u[unit before][gate][unit]`.
        u: U,
        /// Bias: `b[gate][unit]`; a GRU has two, `b[0]` for the inputs and `b[1]` for the state.
        b: B,
    }
    /// What a recurrent layer keeps of a mini-batch: the first four for every step, the last step first.
    Unrolled {
        /// Inputs of the steps.
        x: X,
        /// Gates; going backward, the gradient before them.
        a: A,
        /// What else a cell keeps; going backward, a GRU's gradient of the part that comes from the state.
        kept: K,
        /// States before the steps.
        before: P,
        /// The state; going backward, its gradient.
        h: H,
        /// The cell's state beside it (LSTM); going backward, its gradient.
        c: C,
        /// Outputs.
        y: Y,
    }
}
