//! What a training leaves behind: its epochs.

use crate::{
    error::Result,
    observer::{Epoch, Observer, Session},
};
use core::ops::ControlFlow;
use heapless::Vec;

/// The first `N` epochs of a training.
///
/// ```
/// use rosenblatt::prelude::*;
///
/// type Unit = Mlp<(Dense<2, 1, Sigmoid>,)>;
/// let mut net = Unit::new();
/// net.init(Seed(1));
/// let mut history = History::<20>::new();
/// let fit = Fit { epochs: 20, ..Fit::new(Sgd::with_lr(1.0)) };
/// Trainer::<Unit, Sgd, BinaryCrossEntropy, 4>::new().fit(&mut net, &gates::OR.x, &gates::OR.t, &fit, &mut history)?;
/// assert!(history.epochs()[19].loss < history.epochs()[0].loss);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct History<const N: usize> {
    epochs: Vec<Epoch, N>,
}

impl<const N: usize> History<N> {
    /// Nothing recorded.
    #[must_use]
    pub const fn new() -> Self {
        Self { epochs: Vec::new() }
    }

    /// What was recorded, in order.
    #[must_use]
    pub fn epochs(&self) -> &[Epoch] {
        &self.epochs
    }
}

impl<S: Session, const N: usize> Observer<S> for History<N> {
    fn begin(&mut self, _: &mut S) -> Result<()> {
        self.epochs.clear();
        Ok(())
    }

    fn epoch(&mut self, epoch: &mut Epoch, _: &mut S) -> Result<ControlFlow<()>> {
        // Full: the first N are kept, the training goes on.
        let _ = self.epochs.push(*epoch);
        Ok(ControlFlow::Continue(()))
    }
}
