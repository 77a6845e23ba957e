//! Losses: how wrong a batch is, and the gradient by its outputs.
//!
//! A loss is the mean over the samples. The cross-entropies are joined with the activation they belong to: through sigmoid or softmax
//! the gradient by the unit's input is p − t, which neither overflows nor vanishes where p is near 0 or 1.
//!
//! Over the k outputs of one sample Keras takes the **mean** of the squared errors and of the binary cross-entropies; the lecture's cost of a network is their **sum**.
//! [`MeanSquaredError`] and [`BinaryCrossEntropy`] are Keras'; [`Summed`] makes the lecture's of them: `Summed<BinaryCrossEntropy>`. Loss and gradient are k times as large,
//! and so is the step at the same learning rate; with one output they are the same. A categorical cross-entropy is a sum over the classes in both.

use crate::{
    activation::{SigmoidHead, SoftmaxHead},
    data::finite_targets,
    error::{Error, Result},
    metrics::class_of,
};
use core::marker::PhantomData;
use rosenblatt_kernels::{Flat, Plain, Simd, loss};

/// A loss that fits a network's last activation `Head` and its output `Out`.
#[diagnostic::on_unimplemented(
    message = "the loss `{Self}` does not fit a network that ends in `{Head}`",
    note = "MeanSquaredError goes with all outputs, BinaryCrossEntropy with those of Sigmoid, the categorical cross-entropies with one row of Softmax"
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

    /// Before a whole training, and once a loss or gradient is infinite or NaN: [`Loss::check`], and the losses that take any number as a target look for one
    /// that is none.
    /// # Errors
    /// Names the first target that is infinite or NaN.
    #[inline(always)]
    fn culprit(targets: &[Self::Target]) -> Result<()> {
        Self::check(targets)
    }

    /// The mean loss of a batch; writes the gradient into dy. Sums run over sixteen virtual lanes.
    fn loss<S: Simd>(s: S, y: &[Out], t: &[Self::Target], dy: &mut [Out]) -> f32;

    /// The class that a target stands for, as [`predicted`](crate::metrics::predicted) counts them.
    fn class(target: &Self::Target) -> usize;
}

/// A loss that is a mean over the outputs, of terms that each look at one of them: what [`Summed`] can make a sum of.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no mean over a network's outputs, so there is no sum in its place",
    note = "Summed goes with MeanSquaredError and BinaryCrossEntropy; a categorical cross-entropy is a sum over the classes already"
)]
pub trait PerOutput<Head, Out>: Loss<Head, Out> {
    /// The sum of all terms of a batch, divided by `n`; writes its gradient into dy.
    fn over<S: Simd>(s: S, n: f32, y: &[Out], t: &[Self::Target], dy: &mut [Out]) -> f32;
}

/// A loss summed over the k outputs instead of their mean, as in the lecture's cost of a network: C = 1/samples · Σ over the samples Σ over the outputs.
///
/// Loss and gradient are k times those of `L`, and are rounded once: the same sums, divided by the number of samples alone.
///
/// ```
/// use rosenblatt::prelude::*;
/// type Two = Mlp<(Dense<1, 2, Sigmoid>,)>;
/// let (net, x, t) = (Two::new(), [[1.0]], [[0.0, 1.0]]); // both outputs ½
/// let keras = Trainer::<Two, Sgd, BinaryCrossEntropy, 1>::new().evaluate(&net, &x, &t)?;
/// let lecture = Trainer::<Two, Sgd, Summed<BinaryCrossEntropy>, 1>::new().evaluate(&net, &x, &t)?;
/// assert_eq!(keras.loss, 2f32.ln());
/// assert_eq!(lecture.loss, 2.0 * 2f32.ln());
/// # Ok::<(), rosenblatt::Error>(())
/// ```
///
/// A categorical cross-entropy is a sum already:
///
/// ```compile_fail,E0277
/// use rosenblatt::prelude::*;
/// type Three = Mlp<(Dense<2, 3, Softmax>,)>;
/// let trainer = Trainer::<Three, Sgd, Summed<CategoricalCrossEntropy>, 4>::new();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Summed<L>(PhantomData<L>);

impl<Head, Out, L: PerOutput<Head, Out>> Loss<Head, Out> for Summed<L> {
    type Target = L::Target;
    const JOINED: bool = L::JOINED;

    #[inline(always)]
    fn check(targets: &[L::Target]) -> Result<()> {
        L::check(targets)
    }

    #[inline(always)]
    fn culprit(targets: &[L::Target]) -> Result<()> {
        L::culprit(targets)
    }

    #[inline(always)]
    fn loss<S: Simd>(s: S, y: &[Out], t: &[L::Target], dy: &mut [Out]) -> f32 {
        L::over(s, y.len() as f32, y, t, dy)
    }

    fn class(t: &L::Target) -> usize {
        L::class(t)
    }
}

/// Mean over samples and outputs of (y − t)², as Keras; dy = 2·(y − t) / (samples · outputs)
///
/// Outputs of any plain shape: a row, a sequence, a map; targets are of the same. Accuracy looks where the greatest of a sample's values is. The lecture's loss, summed over the
/// outputs: [`Summed`].
#[derive(Clone, Copy, Debug)]
pub struct MeanSquaredError;

impl<Head, Out: Plain> Loss<Head, Out> for MeanSquaredError {
    type Target = Out;
    const JOINED: bool = false;

    #[inline(always)]
    fn check(_: &[Out]) -> Result<()> {
        Ok(()) // a target that is not finite shows in the loss
    }

    #[inline(always)]
    fn culprit(targets: &[Out]) -> Result<()> {
        finite_targets(targets)
    }

    #[inline(always)]
    fn loss<S: Simd>(s: S, y: &[Out], t: &[Out], dy: &mut [Out]) -> f32 {
        <Self as PerOutput<Head, _>>::over(s, (y.len() * Out::LEN) as f32, y, t, dy)
    }

    fn class(t: &Out) -> usize {
        class_of(t.as_flat())
    }
}

impl<Head, Out: Plain> PerOutput<Head, Out> for MeanSquaredError {
    #[inline(always)]
    fn over<S: Simd>(s: S, n: f32, y: &[Out], t: &[Out], dy: &mut [Out]) -> f32 {
        loss::squared_error(s, 2.0 / n, y.flat(), t.flat(), dy.flat_mut()) / n
    }
}

/// An error unless every target lies in [0, 1].
#[inline(always)]
fn probabilities<T: Plain>(targets: &[T]) -> Result<()> {
    // From +0 to 1 the bits grow with the value; those of all else are greater. Adding +0 makes a +0 of −0.
    let good = |value: f32| (value + 0.0).to_bits() <= 1f32.to_bits();
    // Without an early exit the compiler vectorizes it; which one was wrong is a question for the unhappy road.
    let values = targets.flat().iter();
    let all = if cfg!(target_os = "none") {
        // As integers, without the sum: −0 by its own name.
        values.map(|x| x.to_bits()).all(|bits| bits <= 1f32.to_bits() || bits == (-0f32).to_bits())
    } else {
        values.fold(true, |all, x| all & good(*x))
    };
    if all { Ok(()) } else { Err(improbable(targets)) }
}

/// The error about targets that are known not to lie in [0, 1].
#[cold]
fn improbable<T: Plain>(targets: &[T]) -> Error {
    let bad = targets.flat().iter().enumerate().find(|(_, value)| !(0.0..=1.0).contains(*value));
    let (i, value) = bad.map_or((0, f32::NAN), |(i, value)| (i, *value));
    Error::Probability { sample: i / T::LEN.max(1), output: i % T::LEN.max(1), value }
}

/// Mean over samples and outputs of −(t·ln p + (1 − t)·ln(1 − p)), as Keras; with sigmoid dz = (p − t) / (samples · outputs)
///
/// Outputs of any plain shape; targets are of the same. Accuracy looks where the greatest of a sample's values is. The lecture's cost of a network, summed over the outputs: [`Summed`]. Targets are 0, 1 or probabilities between. p is kept inside [1e-7, 1 − 1e-7] for the logarithms.
#[derive(Clone, Copy, Debug)]
pub struct BinaryCrossEntropy;

impl<Head: SigmoidHead, Out: Plain> Loss<Head, Out> for BinaryCrossEntropy {
    type Target = Out;
    const JOINED: bool = true;

    #[inline(always)]
    fn check(targets: &[Out]) -> Result<()> {
        probabilities(targets)
    }

    #[inline(always)]
    fn loss<S: Simd>(s: S, y: &[Out], t: &[Out], dy: &mut [Out]) -> f32 {
        <Self as PerOutput<Head, _>>::over(s, (y.len() * Out::LEN) as f32, y, t, dy)
    }

    fn class(t: &Out) -> usize {
        class_of(t.as_flat())
    }
}

impl<Head: SigmoidHead, Out: Plain> PerOutput<Head, Out> for BinaryCrossEntropy {
    #[inline(always)]
    fn over<S: Simd>(s: S, n: f32, y: &[Out], t: &[Out], dy: &mut [Out]) -> f32 {
        loss::binary_cross_entropy(s, 1.0 / n, y.flat(), t.flat(), dy.flat_mut()) / n
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
        class_of(t)
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
