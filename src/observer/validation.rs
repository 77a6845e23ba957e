//! Loss and accuracy over samples that are not used for training.

use super::{EpochReport, Observer, Session};
use crate::{dataset::Dataset, error::Result};
use core::ops::ControlFlow;
use rosenblatt_kernels::persist;

/// Keras' `validation_data`: evaluates other samples after each epoch, in the trainer's memory. Put
/// it before the observers that use its result. Wrong samples are an error before the first step;
/// the error counts rows in these samples.
///
/// ```
/// use rosenblatt::prelude::*;
///
/// type Unit = Mlp<(Dense<2, 1, Sigmoid>,)>;
/// # let x = [
/// #     [0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.1, 0.1],
/// #     [0.9, 0.9], [0.0, 0.9], [1.0, 0.1], [0.8, 0.9], [0.1, 0.0],
/// # ];
/// # let t = [[0.0], [1.0], [1.0], [1.0], [0.0], [1.0], [1.0], [1.0], [1.0], [0.0]];
/// let (train, held_out) = Dataset::of(&x, &t).split(0.2)?; // the last fifth
/// let mut history = History::<50>::new();
/// let fit = Fit { epochs: 50, ..Fit::new(Sgd::with_lr(1.0)) };
/// let mut net = Unit::ZERO;
/// let mut trainer = Trainer::<Unit, BinaryCrossEntropy, Sgd, 4>::ZERO;
/// let observers = (Validation::new(held_out), &mut history);
/// trainer.fit_with(&mut net, train, &fit, observers)?;
/// let last = history.epochs().last().unwrap();
/// assert!(last.validation.unwrap().loss < 1.0);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Validation<'a, X, T> {
    data: Dataset<'a, X, T>,
}

persist!(['a, X, T] Validation<'a, X, T> = "validation": {} skip { data });

impl<'a, X, T> Validation<'a, X, T> {
    /// Validates with these samples and targets.
    #[must_use]
    pub fn new(data: impl Into<Dataset<'a, X, T>>) -> Self {
        Self { data: data.into() }
    }
}

impl<S: Session<Input = X, Target = T>, X, T> Observer<S> for Validation<'_, X, T> {
    const ACCURACY: bool = false;

    fn on_fit_begin(&mut self, session: &mut S) -> Result<()> {
        session.validate(self.data)
    }

    fn on_fit_resume(&mut self, session: &mut S) -> Result<()> {
        session.validate(self.data)
    }

    fn on_epoch_end(
        &mut self,
        epoch: &mut EpochReport,
        session: &mut S,
    ) -> Result<ControlFlow<()>> {
        epoch.validation = Some(session.evaluate(self.data)?);
        Ok(ControlFlow::Continue(()))
    }
}
