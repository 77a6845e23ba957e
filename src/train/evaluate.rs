//! Evaluation and prediction in the trainer's memory. They change no weight.

use super::{DataOf, TargetOf, Trainer};
use crate::{
    dataset::Dataset,
    error::{Error, Result},
    layer::{Context, Layer, Trainable},
    loss::Loss,
    metrics::{ConfusionMatrix, Evaluation, predicted},
    optimizer::Optimizer,
    sequential::{InputOf, LayersOf, Model, OutputOf},
};
use rosenblatt_kernels::{
    Backend, F32Array, OutOfLine,
    array::{first_rows, first_rows_mut},
    dispatch_inside,
    environment::standard,
    math::Sum,
};

impl<N, L, O, const B: usize> Trainer<N, L, O, B>
where
    N: Model<Layers: Trainable>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
{
    /// Loss and accuracy over any number of samples, without changing a weight.
    ///
    /// The loss is the mean of the means of batches of `B` samples, added with compensation. For up
    /// to 10⁸ samples its relative error is within 1e-6 of the mean of the samples' losses. Its
    /// last bit can depend on `B`. It never depends on the backend. A sample whose outputs are NaN
    /// never counts as correct.
    /// # Errors
    /// For no samples or wrong targets.
    #[inline]
    pub fn evaluate<'d>(
        &mut self,
        net: &N,
        data: impl Into<DataOf<'d, N, L>>,
    ) -> Result<Evaluation> {
        let Dataset { x, t } = data.into();
        self.evaluate_by(Backend::detect(), net, x, t)
    }

    pub(super) fn evaluate_by(
        &mut self,
        backend: Backend,
        net: &N,
        x: &[InputOf<N>],
        t: &[TargetOf<N, L>],
    ) -> Result<Evaluation> {
        let (mut total, mut correct) = (Sum::ZERO, 0);
        standard(|| {
            self.each_batch(backend, net, x, t, |loss, y, t| {
                total.add(loss * t.len() as f32);
                correct += hits::<N, L>(y, t);
                Ok(())
            })?;
            Ok(Evaluation { loss: total.mean(x.len()), correct, samples: x.len() })
        })
    }

    /// Counts which class was predicted for which, over any number of samples. Outputs that are NaN
    /// count as no class.
    /// # Errors
    /// For no samples, wrong targets, or a class of `C` or more.
    pub fn confusion<'d, const C: usize>(
        &mut self,
        net: &N,
        data: impl Into<DataOf<'d, N, L>>,
    ) -> Result<ConfusionMatrix<C>> {
        let Dataset { x, t } = data.into();
        let mut confusion = ConfusionMatrix::new();
        standard(|| {
            self.each_batch(Backend::detect(), net, x, t, |_, y, t| {
                y.iter()
                    .zip(t)
                    .try_for_each(|(y, t)| confusion.record(L::class(t), predicted(y.as_flat())))
            })
        })?;
        Ok(confusion)
    }

    /// y for one sample. Unlike the network's own [`predict`](crate::Mlp::predict), it keeps no
    /// hidden rows on the stack.
    pub fn predict(&mut self, net: &N, x: &InputOf<N>) -> OutputOf<N> {
        standard(|| self.forward(Backend::detect(), net, core::slice::from_ref(x)));
        LayersOf::<N>::output::<B>(&self.work.tape)[0]
    }

    /// y for up to `B` samples, in the trainer's own memory.
    /// # Errors
    /// [`Error::BatchTooLarge`] for more than `B` samples.
    pub fn predict_batch(&mut self, net: &N, x: &[InputOf<N>]) -> Result<&[OutputOf<N>]> {
        if x.len() > B {
            return Err(Error::BatchTooLarge { batch: x.len(), capacity: B });
        }
        standard(|| self.forward(Backend::detect(), net, x));
        Ok(first_rows(LayersOf::<N>::output::<B>(&self.work.tape), x.len()))
    }

    /// Runs at most `B` samples forward onto the tape, in the caller's floating-point environment.
    fn forward(&mut self, backend: Backend, net: &N, x: &[InputOf<N>]) {
        dispatch_inside!(backend, width: LayersOf::<N>::MAX_ROW, s => {
            LayersOf::<N>::forward::<_, B>(
                OutOfLine(s),
                Context::INFERENCE,
                net.params(),
                net.buffers(),
                x,
                &mut self.work.tape
            )
        });
    }

    /// Runs all samples forward, `B` at a time, in the caller's floating-point environment. Calls
    /// `each(mean loss, outputs, targets)` for each batch.
    fn each_batch(
        &mut self,
        backend: Backend,
        net: &N,
        x: &[InputOf<N>],
        t: &[TargetOf<N, L>],
        mut each: impl FnMut(f32, &[OutputOf<N>], &[TargetOf<N, L>]) -> Result<()>,
    ) -> Result<()> {
        Self::validate_targets(x, t)?;
        let penalty = if const { LayersOf::<N>::PENALIZED } {
            dispatch_inside!(backend, s => LayersOf::<N>::penalty(s, net.params()))
        } else {
            0.0
        };
        let all = (x, t);
        for (x, t) in x.chunks(B).zip(t.chunks(B)) {
            self.forward(backend, net, x);
            let y = first_rows(LayersOf::<N>::output::<B>(&self.work.tape), x.len());
            let dy = first_rows_mut(&mut self.work.dy, x.len());
            let mut loss = dispatch_inside!(backend, s => L::loss(s, y, t, dy));
            if const { LayersOf::<N>::PENALIZED } {
                loss += penalty;
            }
            if !loss.is_finite()
                && let Some(error) = Self::locate_not_finite(all.0, all.1)
            {
                return Err(error);
            }
            each(loss, y, t)?;
        }
        Ok(())
    }
}

/// Number of samples whose class is predicted.
#[inline(always)]
pub(super) fn hits<N, L>(y: &[OutputOf<N>], t: &[TargetOf<N, L>]) -> usize
where
    N: Model,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
{
    y.iter().zip(t).filter(|(y, t)| predicted(y.as_flat()) == Some(L::class(t))).count()
}
