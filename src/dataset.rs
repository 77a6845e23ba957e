//! Samples and their targets, and their preparation: a new order for each epoch without a buffer, a
//! part for validation, the search for values that are not finite, standardization.

mod check;
pub mod gates;
mod permutation;
mod standardize;

pub(crate) use check::bad_input;
pub use check::{finite_inputs, finite_targets, same_lengths};
pub use permutation::Permutation;
pub use standardize::Standardize;

use crate::error::{Error, Result};

/// Samples and their targets: as many targets as samples.
///
/// It borrows both, so data can stay in flash. The lengths are compared once, where it is made. Two
/// arrays of one length cannot differ: a pair of references to them is a dataset.
///
/// ```
/// use rosenblatt::prelude::*;
///
/// const XOR: Dataset<[f32; 2], [f32; 1]> = Dataset::of(&gates::XOR.x, &gates::XOR.t);
/// assert_eq!(XOR.len(), 4);
///
/// let (x, t) = (vec![[1.0], [2.0], [3.0]], vec![0u8, 1, 0]);
/// let data = Dataset::new(&x, &t)?;
/// assert_eq!(data.x()[2], [3.0]);
/// let error = Dataset::new(&x, &t[..2]).unwrap_err();
/// assert_eq!(error.to_string(), "3 inputs, but 2 targets or outputs; as many are needed");
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Debug, PartialEq)]
pub struct Dataset<'a, X, T> {
    pub(crate) x: &'a [X],
    pub(crate) t: &'a [T],
}

impl<'a, X, T> Dataset<'a, X, T> {
    /// The samples `x` with the targets `t`.
    /// # Errors
    /// [`Error::Lengths`] if there are not as many targets as samples.
    pub const fn new(x: &'a [X], t: &'a [T]) -> Result<Self> {
        if x.len() == t.len() {
            Ok(Self { x, t })
        } else {
            Err(Error::Lengths { inputs: x.len(), targets: t.len() })
        }
    }

    /// The samples of an array with the targets of another one. It is a constant where they are.
    #[must_use]
    pub const fn of<const N: usize>(x: &'a [X; N], t: &'a [T; N]) -> Self {
        Self { x, t }
    }

    /// The samples.
    #[must_use]
    pub const fn x(&self) -> &'a [X] {
        self.x
    }

    /// The targets.
    #[must_use]
    pub const fn t(&self) -> &'a [T] {
        self.t
    }

    /// The number of samples.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.x.len()
    }

    /// Whether there are no samples.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.x.is_empty()
    }

    /// Keras' `validation_split`: the first ⌊n·(1 − share)⌋ samples are for training, the others
    /// for validation, in their order.
    ///
    /// Nothing is copied. Shuffle samples that are sorted by class before the split, as with Keras.
    ///
    /// ```
    /// use rosenblatt::prelude::*;
    /// let (x, t) = ([[1.0], [2.0], [3.0], [4.0], [5.0]], [0u8, 1, 0, 1, 0]);
    /// let (train, validation) = Dataset::of(&x, &t).split(0.4)?;
    /// assert_eq!((train.len(), validation.x(), validation.t()), (3, &x[3..], &t[3..]));
    /// # Ok::<(), rosenblatt::Error>(())
    /// ```
    /// # Errors
    /// [`Error::HyperParameter`] for a share that is not between 0 and 1, or that leaves a part
    /// without samples. [`Error::Empty`] for no samples.
    pub fn split(self, share: f64) -> Result<(Self, Self)> {
        let Self { x, t } = self;
        let wrong =
            |expected| Error::HyperParameter { name: "share", value: share as f32, expected };
        if !(share > 0.0 && share < 1.0) {
            return Err(wrong("a number between 0 and 1"));
        }
        // In f64, as Keras: when n·(1 − share) is near a whole number, the rounding decides.
        let at = (x.len() as f64 * (1.0 - share)) as usize;
        match (x.split_at_checked(at), t.split_at_checked(at)) {
            (Some((x, x_val)), Some((t, t_val))) if !x.is_empty() && !x_val.is_empty() => {
                Ok((Self { x, t }, Self { x: x_val, t: t_val }))
            }
            _ if x.is_empty() => Err(Error::Empty),
            _ => Err(wrong("one that leaves samples in both parts")),
        }
    }
}

impl<X, T> Clone for Dataset<'_, X, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<X, T> Copy for Dataset<'_, X, T> {}

impl<'a, X, T, const N: usize> From<(&'a [X; N], &'a [T; N])> for Dataset<'a, X, T> {
    #[inline(always)]
    fn from((x, t): (&'a [X; N], &'a [T; N])) -> Self {
        Self::of(x, t)
    }
}

impl<'a> From<&'a gates::Gate> for Dataset<'a, [f32; 2], [f32; 1]> {
    #[inline(always)]
    fn from(gate: &'a gates::Gate) -> Self {
        Self::of(&gate.x, &gate.t)
    }
}
