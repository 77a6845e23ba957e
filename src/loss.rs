//! Losses: the error of a batch, and its gradient by the outputs.
//!
//! A loss is the mean over the samples. Each cross-entropy is fused with its activation: through
//! sigmoid or softmax the gradient by the unit's input is p − t, which neither overflows nor
//! vanishes where p is near 0 or 1.
//!
//! Over the k outputs of one sample Keras takes the **mean** of the squared errors and of the
//! binary cross-entropies. The lecture's cost of a network takes their **sum**.
//! [`MeanSquaredError`] and [`BinaryCrossEntropy`] are Keras' losses. [`SumOverOutputs`] makes the
//! lecture's losses of them: `SumOverOutputs<BinaryCrossEntropy>`. Loss and gradient are then k
//! times as large, and so is a step of gradient descent at the same learning rate. With one output
//! they are the same. A categorical cross-entropy is a sum over the classes in both.

use crate::{
    activation::{SigmoidOutput, SoftmaxOutput},
    dataset::finite_targets,
    error::{Error, Result},
    metrics::class_of,
};
use core::marker::PhantomData;
use rosenblatt_kernels::{
    F32Array, F32Rows, Simd, loss,
    persist::{joined, name_code},
};

/// A loss for a network with the last activation `OutputActivation` and the output `Out`.
///
/// A loss of one's own has a target type and the function `loss`. The rest has defaults. Here: the
/// mean of |y − t| over the samples of a network with one output.
///
/// ```
/// use rosenblatt::{kernels::Simd, loss::Loss, prelude::*};
///
/// struct MeanAbsoluteError;
///
/// impl<A> Loss<A, [f32; 1]> for MeanAbsoluteError {
///     type Target = [f32; 1];
///
///     fn loss<S: Simd>(_: S, y: &[[f32; 1]], t: &[[f32; 1]], dy: &mut [[f32; 1]]) -> f32 {
///         let n = y.len() as f32;
///         let mut sum = 0.0;
///         for (([y], [t]), [dy]) in y.iter().zip(t).zip(dy) {
///             sum += (y - t).abs();
///             *dy = (y - t).signum() / n;
///         }
///         sum / n
///     }
/// }
///
/// type Line = Mlp<(Dense<1, 1>,)>;
/// let mut net = Line::ZERO;
/// let mut trainer = Trainer::<Line, MeanAbsoluteError, Sgd, 2>::ZERO;
/// let loss = trainer.step(&mut net, (&[[1.0], [2.0]], &[[3.0], [5.0]]), &Sgd::with_lr(0.5))?;
/// assert_eq!(loss, 4.0);
/// assert_eq!(net.weights(), [0.75, 0.5]);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "the loss `{Self}` does not fit a network that ends in `{OutputActivation}`",
    note = "MeanSquaredError goes with all outputs, BinaryCrossEntropy with those of Sigmoid, the \
            categorical cross-entropies with one row of Softmax"
)]
pub trait Loss<OutputActivation, Out> {
    /// The target of one sample.
    type Target: Copy + 'static;

    /// Whether `loss` writes the gradient before the last activation.
    const FUSED_WITH_ACTIVATION: bool = false;
    /// A number for the loss ([`name_code`] of a name): a checkpoint is
    /// refused if it belongs to another one.
    const CODE: u32 = 0;

    /// Checks that this loss can use every target. The default accepts all of them: a target that
    /// is not finite then makes the loss not finite, which is an error.
    /// # Errors
    /// Names the first sample whose target is wrong, its value and what was expected.
    #[inline(always)]
    fn check_targets(targets: &[Self::Target]) -> Result<()> {
        let _ = targets;
        Ok(())
    }

    /// [`Loss::check_targets`]; a loss that accepts any number as target also looks for targets
    /// that are infinite or NaN. Called before a `fit`, and after a loss or gradient that is not
    /// finite.
    /// # Errors
    /// As [`Loss::check_targets`]. Also names the first target that is infinite or NaN.
    #[inline(always)]
    fn locate_not_finite(targets: &[Self::Target]) -> Result<()> {
        Self::check_targets(targets)
    }

    /// Returns the mean loss of a batch and writes the gradient into dy. Sums run over sixteen
    /// virtual lanes.
    fn loss<S: Simd>(s: S, y: &[Out], t: &[Self::Target], dy: &mut [Out]) -> f32;

    /// The class of a target, to be compared with [`predicted`](crate::metrics::predicted). The
    /// default is a class that no output stands for: the accuracy is then 0.
    fn class(target: &Self::Target) -> usize {
        let _ = target;
        usize::MAX
    }
}

/// A loss that is a mean of terms, one for each output. [`SumOverOutputs`] can turn it into a sum.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no mean over a network's outputs, so there is no sum in its place",
    note = "SumOverOutputs goes with MeanSquaredError and BinaryCrossEntropy; a categorical \
            cross-entropy is a sum over the classes already"
)]
pub trait PerOutput<OutputActivation, Out>: Loss<OutputActivation, Out> {
    /// Returns the sum of all terms of a batch divided by `n`, and writes its gradient into dy.
    fn over<S: Simd>(s: S, n: f32, y: &[Out], t: &[Self::Target], dy: &mut [Out]) -> f32;
}

/// A loss summed over the k outputs instead of averaged, as in the lecture's cost of a network: C =
/// 1/samples · Σ over the samples Σ over the outputs.
///
/// Loss and gradient are k times those of `L`, rounded once: the same sums, divided only by the
/// number of samples.
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::loss::SumOverOutputs;
/// type Two = Mlp<(Dense<1, 2, Sigmoid>,)>;
/// let (net, x, t) = (Two::ZERO, [[1.0]], [[0.0, 1.0]]); // both outputs ½
/// let keras = Trainer::<Two, BinaryCrossEntropy, Sgd, 1>::default().evaluate(&net, (&x, &t))?;
/// type Sum = SumOverOutputs<BinaryCrossEntropy>;
/// let lecture = Trainer::<Two, Sum, Sgd, 1>::default().evaluate(&net, (&x, &t))?;
/// assert_eq!(keras.loss, 2f32.ln());
/// assert_eq!(lecture.loss, 2.0 * 2f32.ln());
/// # Ok::<(), rosenblatt::Error>(())
/// ```
///
/// A categorical cross-entropy is a sum already:
///
/// ```compile_fail,E0277
/// use rosenblatt::prelude::*;
/// use rosenblatt::loss::SumOverOutputs;
/// type Three = Mlp<(Dense<2, 3, Softmax>,)>;
/// let trainer = Trainer::<Three, SumOverOutputs<CategoricalCrossEntropy>, Sgd, 4>::ZERO;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SumOverOutputs<L>(PhantomData<L>);

impl<OutputActivation, Out, L: PerOutput<OutputActivation, Out>> Loss<OutputActivation, Out>
    for SumOverOutputs<L>
{
    type Target = L::Target;
    const FUSED_WITH_ACTIVATION: bool = L::FUSED_WITH_ACTIVATION;
    const CODE: u32 = joined(name_code("sum over outputs"), L::CODE);

    #[inline(always)]
    fn check_targets(targets: &[L::Target]) -> Result<()> {
        L::check_targets(targets)
    }

    #[inline(always)]
    fn locate_not_finite(targets: &[L::Target]) -> Result<()> {
        L::locate_not_finite(targets)
    }

    #[inline(always)]
    fn loss<S: Simd>(s: S, y: &[Out], t: &[L::Target], dy: &mut [Out]) -> f32 {
        L::over(s, y.len() as f32, y, t, dy)
    }

    fn class(t: &L::Target) -> usize {
        L::class(t)
    }
}

/// Mean over samples and outputs of (y − t)², as in Keras; dy = 2·(y − t) / (samples · outputs)
///
/// Outputs have any plain shape: a row, a sequence, a map. Targets have the same shape. The
/// accuracy compares [`predicted`](crate::metrics::predicted) of outputs and targets.
/// [`SumOverOutputs`] gives the lecture's loss, the sum over the outputs.
///
/// ```
/// use rosenblatt::prelude::*;
/// type Net = Mlp<(Dense<1, 2>,)>;
/// let trainer = &mut Trainer::<Net, MeanSquaredError, Sgd, 1>::ZERO;
/// let found = trainer.evaluate(&Net::ZERO, (&[[1.0]], &[[3.0, 1.0]]))?; // both outputs 0
/// assert_eq!(found.loss, (9.0 + 1.0) / 2.0);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MeanSquaredError;

impl<OutputActivation, Out: F32Array> Loss<OutputActivation, Out> for MeanSquaredError {
    type Target = Out;
    const CODE: u32 = name_code("mean squared error");
    const FUSED_WITH_ACTIVATION: bool = false;

    #[inline(always)]
    fn check_targets(_: &[Out]) -> Result<()> {
        Ok(()) // a target that is not finite shows in the loss
    }

    #[inline(always)]
    fn locate_not_finite(targets: &[Out]) -> Result<()> {
        finite_targets(targets)
    }

    #[inline(always)]
    fn loss<S: Simd>(s: S, y: &[Out], t: &[Out], dy: &mut [Out]) -> f32 {
        <Self as PerOutput<OutputActivation, _>>::over(s, (y.len() * Out::LEN) as f32, y, t, dy)
    }

    fn class(t: &Out) -> usize {
        class_of(t.as_flat())
    }
}

impl<OutputActivation, Out: F32Array> PerOutput<OutputActivation, Out> for MeanSquaredError {
    #[inline(always)]
    fn over<S: Simd>(s: S, n: f32, y: &[Out], t: &[Out], dy: &mut [Out]) -> f32 {
        loss::squared_error(s, 2.0 / n, y.flat(), t.flat(), dy.flat_mut()) / n
    }
}

/// An error unless every target lies in [0, 1].
#[inline(always)]
fn probabilities<T: F32Array>(targets: &[T]) -> Result<()> {
    // The bits of the numbers from +0 to 1 are in the order of the numbers. The bits of all other
    // numbers are greater. Adding +0 turns −0 into +0.
    let good = |value: f32| (value + 0.0).to_bits() <= 1f32.to_bits();
    // The compiler vectorizes a loop without an early exit. The slow path finds the offending
    // value.
    let values = targets.flat().iter();
    let all = if cfg!(target_os = "none") {
        // Compares integers, without the sum; −0 is compared separately.
        values.map(|x| x.to_bits()).all(|bits| bits <= 1f32.to_bits() || bits == (-0f32).to_bits())
    } else {
        values.fold(true, |all, x| all & good(*x))
    };
    if all { Ok(()) } else { Err(improbable(targets)) }
}

/// The error about the first target outside [0, 1]; there is one.
#[cold]
fn improbable<T: F32Array>(targets: &[T]) -> Error {
    let bad = targets.flat().iter().enumerate().find(|(_, value)| !(0.0..=1.0).contains(*value));
    let (i, value) = bad.map_or((0, f32::NAN), |(i, value)| (i, *value));
    Error::Probability { sample: i / T::LEN.max(1), output: i % T::LEN.max(1), value }
}

/// Mean over samples and outputs of −(t·ln p + (1 − t)·ln(1 − p)), as in Keras; with sigmoid dz =
/// (p − t) / (samples · outputs)
///
/// Outputs have any plain shape; targets have the same shape. Targets are 0, 1 or probabilities
/// between. For the logarithms p is clamped to [1e-7, 1 − 1e-7]. The accuracy compares
/// [`predicted`](crate::metrics::predicted) of outputs and targets. [`SumOverOutputs`] gives the
/// lecture's cost of a network, the sum over the outputs.
///
/// ```
/// use rosenblatt::prelude::*;
/// type Net = Mlp<(Dense<1, 1, Sigmoid>,)>;
/// let trainer = &mut Trainer::<Net, BinaryCrossEntropy, Sgd, 1>::ZERO;
/// let found = trainer.evaluate(&Net::ZERO, (&[[1.0]], &[[1.0]]))?; // p = ½
/// assert_eq!(found.loss, 2f32.ln());
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BinaryCrossEntropy;

impl<OutputActivation: SigmoidOutput, Out: F32Array> Loss<OutputActivation, Out>
    for BinaryCrossEntropy
{
    type Target = Out;
    const CODE: u32 = name_code("binary cross-entropy");
    const FUSED_WITH_ACTIVATION: bool = true;

    #[inline(always)]
    fn check_targets(targets: &[Out]) -> Result<()> {
        probabilities(targets)
    }

    #[inline(always)]
    fn loss<S: Simd>(s: S, y: &[Out], t: &[Out], dy: &mut [Out]) -> f32 {
        <Self as PerOutput<OutputActivation, _>>::over(s, (y.len() * Out::LEN) as f32, y, t, dy)
    }

    fn class(t: &Out) -> usize {
        class_of(t.as_flat())
    }
}

impl<OutputActivation: SigmoidOutput, Out: F32Array> PerOutput<OutputActivation, Out>
    for BinaryCrossEntropy
{
    #[inline(always)]
    fn over<S: Simd>(s: S, n: f32, y: &[Out], t: &[Out], dy: &mut [Out]) -> f32 {
        loss::binary_cross_entropy(s, 1.0 / n, y.flat(), t.flat(), dy.flat_mut()) / n
    }
}

/// Mean over samples of −Σ t·ln p; t is one-hot, or probabilities that sum to 1; with softmax dz =
/// (p − t) / samples
///
/// ```
/// use rosenblatt::prelude::*;
/// type Net = Mlp<(Dense<1, 2, Softmax>,)>;
/// let trainer = &mut Trainer::<Net, CategoricalCrossEntropy, Sgd, 1>::ZERO;
/// let found = trainer.evaluate(&Net::ZERO, (&[[1.0]], &[[0.0, 1.0]]))?; // both outputs ½
/// assert!((found.loss - 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CategoricalCrossEntropy;

impl<OutputActivation: SoftmaxOutput, const O: usize> Loss<OutputActivation, [f32; O]>
    for CategoricalCrossEntropy
{
    type Target = [f32; O];
    const CODE: u32 = name_code("categorical cross-entropy");
    const FUSED_WITH_ACTIVATION: bool = true;

    #[inline(always)]
    fn check_targets(targets: &[[f32; O]]) -> Result<()> {
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

/// A class index: an unsigned integer of any size.
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
                // A class beyond usize is as wrong as the greatest index.
                usize::try_from(self).unwrap_or(usize::MAX)
            }
        }
    )+};
}
class!(u8 u16 u32 u64 usize);

/// [`CategoricalCrossEntropy`] with a class index as target: the mean over samples of −ln
/// `p[class]`. The gradient is the same.
///
/// ```
/// use rosenblatt::prelude::*;
/// type Net = Mlp<(Dense<1, 2, Softmax>,)>;
/// let trainer = &mut Trainer::<Net, SparseCategoricalCrossEntropy, Sgd, 1>::ZERO;
/// let found = trainer.evaluate(&Net::ZERO, (&[[1.0]], &[1]))?; // both outputs ½
/// assert!((found.loss - 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SparseCategoricalCrossEntropy<C = u8>(PhantomData<C>);

impl<C: Class, OutputActivation: SoftmaxOutput, const O: usize> Loss<OutputActivation, [f32; O]>
    for SparseCategoricalCrossEntropy<C>
{
    type Target = C;
    const CODE: u32 = name_code("sparse categorical cross-entropy");
    const FUSED_WITH_ACTIVATION: bool = true;

    #[inline(always)]
    fn check_targets(targets: &[C]) -> Result<()> {
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
