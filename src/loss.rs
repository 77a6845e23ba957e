//! Losses: how wrong a batch is, and the gradient by its outputs.
//!
//! A loss is the mean over the samples. The cross-entropies are joined with the activation they belong to: through sigmoid or softmax
//! the gradient by the unit's input is p − t, which neither overflows nor vanishes where p is near 0 or 1.

use crate::{
    activation::{SigmoidHead, SoftmaxHead},
    error::{Error, Result},
    metrics::predicted,
};
use core::marker::PhantomData;
use rosenblatt_kernels::{Flat, Simd, loss};

/// A loss that fits a network's last activation `Head` and its output `Out`.
#[diagnostic::on_unimplemented(
    message = "the loss `{Self}` does not fit a network that ends in `{Head}`",
    note = "BinaryCrossEntropy goes with Sigmoid, the categorical cross-entropies with Softmax, MeanSquaredError with all"
)]
pub trait Loss<Head, Out> {
    /// What the data says about one sample.
    type Target: Copy + 'static;

    /// Whether the gradient is the one before the last activation.
    const JOINED: bool;

    /// Whether every target is one that this loss can be asked about.
    /// # Errors
    /// Names the first sample that is not, what was wrong and what was expected.
    fn check(targets: &[Self::Target]) -> Result<()>;

    /// The mean loss of a batch; writes the gradient into dy. Sums run over sixteen virtual lanes.
    fn loss<S: Simd>(s: S, y: &[Out], t: &[Self::Target], dy: &mut [Out]) -> f32;

    /// The class that a target stands for, as [`predicted`] counts them.
    fn class(target: &Self::Target) -> usize;
}

/// Mean over samples and outputs of (y − t)²; dy = 2·(y − t) / (samples · outputs)
#[derive(Clone, Copy, Debug)]
pub struct MeanSquaredError;

impl<Head, const O: usize> Loss<Head, [f32; O]> for MeanSquaredError {
    type Target = [f32; O];
    const JOINED: bool = false;

    #[inline(always)]
    fn check(_: &[[f32; O]]) -> Result<()> {
        Ok(()) // a target that is not finite shows in the loss
    }

    #[inline(always)]
    fn loss<S: Simd>(s: S, y: &[[f32; O]], t: &[[f32; O]], dy: &mut [[f32; O]]) -> f32 {
        let n = (y.len() * O) as f32;
        loss::squared_error(s, 2.0 / n, y.flat(), t.flat(), dy.flat_mut()) / n
    }

    fn class(t: &[f32; O]) -> usize {
        predicted(t)
    }
}

/// An error unless every target lies in [0, 1].
#[inline(always)]
fn probabilities<const O: usize>(targets: &[[f32; O]]) -> Result<()> {
    let good = |value: f32| (0.0..=1.0).contains(&value);
    // Without an early exit the compiler vectorizes it; which one was wrong is a question for the unhappy road.
    if targets.flat().iter().fold(true, |all, &value| all & good(value)) { Ok(()) } else { first_improbable(targets) }
}

/// The error that names the first target outside [0, 1].
#[cold]
fn first_improbable<const O: usize>(targets: &[[f32; O]]) -> Result<()> {
    for (sample, target) in targets.iter().enumerate() {
        for (output, &value) in target.iter().enumerate() {
            if !(0.0..=1.0).contains(&value) {
                return Err(Error::Probability { sample, output, value });
            }
        }
    }
    Ok(())
}

/// Mean over samples and outputs of −(t·ln p + (1 − t)·ln(1 − p)), as Keras; with sigmoid dz = (p − t) / (samples · outputs)
///
/// Targets are 0, 1 or probabilities between. p is kept inside [1e-7, 1 − 1e-7] for the logarithms.
#[derive(Clone, Copy, Debug)]
pub struct BinaryCrossEntropy;

impl<Head: SigmoidHead, const O: usize> Loss<Head, [f32; O]> for BinaryCrossEntropy {
    type Target = [f32; O];
    const JOINED: bool = true;

    #[inline(always)]
    fn check(targets: &[[f32; O]]) -> Result<()> {
        probabilities(targets)
    }

    #[inline(always)]
    fn loss<S: Simd>(s: S, y: &[[f32; O]], t: &[[f32; O]], dy: &mut [[f32; O]]) -> f32 {
        let n = (y.len() * O) as f32;
        loss::binary_cross_entropy(s, 1.0 / n, y.flat(), t.flat(), dy.flat_mut()) / n
    }

    fn class(t: &[f32; O]) -> usize {
        predicted(t)
    }
}

/// Mean over samples of −Σ t·ln p, t one-hot (or probabilities that sum to 1); with softmax dz = (p − t) / samples
#[derive(Clone, Copy, Debug)]
pub struct CategoricalCrossEntropy;

impl<Head: SoftmaxHead, const O: usize> Loss<Head, [f32; O]> for CategoricalCrossEntropy {
    type Target = [f32; O];
    const JOINED: bool = true;

    #[inline(always)]
    fn check(targets: &[[f32; O]]) -> Result<()> {
        probabilities(targets)?;
        for (sample, target) in targets.iter().enumerate() {
            let sum = target.iter().sum::<f32>();
            if !(0.999..=1.001).contains(&sum) {
                return Err(Error::OneHot { sample, sum });
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn loss<S: Simd>(s: S, y: &[[f32; O]], t: &[[f32; O]], dy: &mut [[f32; O]]) -> f32 {
        let n = y.len() as f32;
        loss::categorical_cross_entropy(s, 1.0 / n, y.flat(), t.flat(), dy.flat_mut()) / n
    }

    fn class(t: &[f32; O]) -> usize {
        predicted(t)
    }
}

/// A class index: an unsigned integer, as small as a chip likes it.
pub trait Class: Copy + 'static {
    /// As an index.
    fn index(self) -> usize;
}

/// Unsigned integers as classes.
macro_rules! class {
    ($($t:ty)+) => {$(
        impl Class for $t {
            #[inline(always)]
            fn index(self) -> usize {
                // A class beyond usize is as wrong as the greatest one.
                usize::try_from(self).unwrap_or(usize::MAX)
            }
        }
    )+};
}
class!(u8 u16 u32 u64 usize);

/// [`CategoricalCrossEntropy`] with the class's index as target: the mean over samples of −ln `p[class]`, the same gradient
#[derive(Clone, Copy, Debug)]
pub struct SparseCategoricalCrossEntropy<C = u8>(PhantomData<C>);

impl<C: Class, Head: SoftmaxHead, const O: usize> Loss<Head, [f32; O]> for SparseCategoricalCrossEntropy<C> {
    type Target = C;
    const JOINED: bool = true;

    #[inline(always)]
    fn check(targets: &[C]) -> Result<()> {
        for (sample, target) in targets.iter().enumerate() {
            let class = target.index();
            if class >= O {
                return Err(Error::Class { sample, class, classes: O });
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn loss<S: Simd>(s: S, y: &[[f32; O]], t: &[C], dy: &mut [[f32; O]]) -> f32 {
        let n = y.len() as f32;
        let class = |i: usize| t.get(i).map_or(usize::MAX, |c| c.index());
        loss::sparse_cross_entropy(s, 1.0 / n, y, class, dy) / n
    }

    fn class(t: &C) -> usize {
        t.index()
    }
}
