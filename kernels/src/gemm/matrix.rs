//! The operands of a product, and what is known of their shapes at compile time.

use crate::array::F32Array;
use core::marker::PhantomData;

/// Where the sums of a product start.
#[derive(Clone, Copy)]
pub(crate) enum Start {
    /// At +0.
    Zero,
    /// At one value per column.
    Bias(*const f32),
    /// At the values in `c`.
    Carry,
}

/// What the compiler knows of a number of rows or columns. Code for impossible numbers is not
/// compiled.
pub(crate) trait Count {
    /// The number is never greater.
    const AT_MOST: usize = usize::MAX;
    /// The exact number, where it is known.
    const EXACT: Option<usize> = None;
}

/// Nothing is known.
pub(crate) struct Any;
impl Count for Any {}

/// Exactly as many as `P` has values.
pub(crate) struct Len<P>(PhantomData<P>);
impl<P: F32Array> Count for Len<P> {
    const AT_MOST: usize = P::LEN;
    const EXACT: Option<usize> = Some(P::LEN);
}

/// At most `B`.
pub(crate) struct AtMost<const B: usize>;
impl<const B: usize> Count for AtMost<B> {
    const AT_MOST: usize = B;
}

/// A matrix in memory: element (i, j) lies at `p + i·row + j·col`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<P> {
    pub(crate) p: P,
    pub(crate) row: usize,
    pub(crate) col: usize,
}

/// The number of weights between an `X` and a `Y`.
pub(crate) struct Weights<X, Y>(PhantomData<(X, Y)>);
impl<X: F32Array, Y: F32Array> Count for Weights<X, Y> {
    const AT_MOST: usize = X::LEN * Y::LEN;
}
