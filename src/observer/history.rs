//! The reports of a training's epochs.

use super::{EpochReport, Observer, Session};
use crate::error::Result;
use core::ops::ControlFlow;
use heapless::Vec;

/// Records the first `N` epochs of a training.
///
/// ```
/// use rosenblatt::prelude::*;
///
/// type Unit = Mlp<(Dense<2, 1, Sigmoid>,)>;
/// let mut net = Unit::init(Seed(1));
/// let mut history = History::<20>::new();
/// let fit = Fit { epochs: 20, ..Fit::new(Sgd::with_lr(1.0)) };
/// let mut trainer = Trainer::<Unit, BinaryCrossEntropy, Sgd, 4>::ZERO;
/// trainer.fit_with(&mut net, &gates::OR, &fit, &mut history)?;
/// assert!(history.epochs()[19].loss < history.epochs()[0].loss);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct History<const N: usize> {
    epochs: Vec<EpochReport, N>,
}

impl<const N: usize> History<N> {
    /// An empty history.
    #[must_use]
    pub const fn new() -> Self {
        Self { epochs: Vec::new() }
    }

    /// The recorded reports, in order.
    #[must_use]
    pub fn epochs(&self) -> &[EpochReport] {
        &self.epochs
    }
}

impl<S: Session, const N: usize> Observer<S> for History<N> {
    fn on_fit_begin(&mut self, _: &mut S) -> Result<()> {
        self.epochs.clear();
        Ok(())
    }

    fn on_epoch_end(&mut self, epoch: &mut EpochReport, _: &mut S) -> Result<ControlFlow<()>> {
        // If it is full, it keeps the first N reports and the training continues.
        let _ = self.epochs.push(*epoch);
        Ok(ControlFlow::Continue(()))
    }
}
