//! The reports of a training's epochs.

use super::{EpochReport, Observer, Session};
use crate::error::Result;
use core::ops::ControlFlow;
use heapless::Vec;
use rosenblatt_kernels::persist::{Persist, Words, joined, name_code};

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

/// The number of reports, then `N` reports; those that do not exist yet are that of no epoch.
impl<const N: usize> Persist for History<N> {
    const CODE: u32 = joined(name_code("history"), N as u32);
    const WORDS: usize = 1 + N * EpochReport::WORDS;

    fn words(&mut self, words: &mut impl Words) {
        let mut len = self.epochs.len();
        len.words(words);
        for i in 0..N {
            let mut report = self.epochs.get(i).copied().unwrap_or(EpochReport::before(0.0));
            report.words(words);
            match self.epochs.get_mut(i) {
                Some(old) => *old = report,
                // It is read with more reports than it has. There is room for `N`.
                None if i < len => drop(self.epochs.push(report)),
                None => {}
            }
        }
        self.epochs.truncate(len);
    }
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
