//! A smaller learning rate where the training no longer improves.

use super::{Best, Epoch, Monitor, Observer, Session, comparable};
use crate::error::{Error, Result};
use core::ops::ControlFlow;

/// Keras' `ReduceLROnPlateau`: lr ← max(lr · factor, min_lr) when the monitored value has not improved for `patience` epochs.
///
/// After a reduction `cooldown` epochs pass before it counts again. A value that is NaN is no improvement.
///
/// ```
/// use rosenblatt::prelude::*;
///
/// type Unit = Mlp<(Dense<2, 1, Sigmoid>,)>;
/// let mut net = Unit::new();
/// // On XOR a single unit gets nowhere.
/// let reduce = ReduceOnPlateau { monitor: Monitor::Loss, factor: 0.5, patience: 2, ..ReduceOnPlateau::DEFAULT };
/// let fit = Fit { epochs: 20, ..Fit::new(Sgd::with_lr(1.0)) };
/// let last = Trainer::<Unit, Sgd, BinaryCrossEntropy, 4>::new().fit(
///     &mut net, &gates::XOR.x, &gates::XOR.t, &fit, &mut (reduce,))?;
/// assert!(last.lr < 0.01);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ReduceOnPlateau {
    /// What is watched
    pub monitor: Monitor,
    /// What the learning rate is multiplied with, below 1
    pub factor: f32,
    /// Epochs without improvement after which it is
    pub patience: usize,
    /// A change of less than this is no improvement
    pub min_delta: f32,
    /// Epochs after a reduction in which nothing is counted
    pub cooldown: usize,
    /// The learning rate never gets smaller than this
    pub min_lr: f32,
    /// What it has seen: starts as [`Waited::NEW`]
    pub waited: Waited,
}

/// What a [`ReduceOnPlateau`] remembers.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Waited {
    best: Best,
    wait: usize,
    cooldown: usize,
}

impl Waited {
    /// Nothing seen.
    pub const NEW: Self = Self { best: Best::NONE, wait: 0, cooldown: 0 };
}

impl ReduceOnPlateau {
    /// Keras' defaults: the validation loss, a tenth after 10 epochs without an improvement of 1e-4.
    pub const DEFAULT: Self = Self {
        monitor: Monitor::ValLoss,
        factor: 0.1,
        patience: 10,
        min_delta: 1e-4,
        cooldown: 0,
        min_lr: 0.0,
        waited: Waited::NEW,
    };
}

impl Default for ReduceOnPlateau {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl<S: Session> Observer<S> for ReduceOnPlateau {
    const ACCURACY: bool = true;

    fn begin(&mut self, _: &mut S) -> Result<()> {
        if !(0.0..1.0).contains(&self.factor) {
            return Err(Error::HyperParameter { name: "factor", value: self.factor, expected: "a number in [0, 1)" });
        }
        if !(self.min_lr >= 0.0 && self.min_lr.is_finite()) {
            let expected = "a finite number of at least 0";
            return Err(Error::HyperParameter { name: "min_lr", value: self.min_lr, expected });
        }
        comparable("min_delta", self.min_delta)?;
        self.waited = Waited::NEW;
        Ok(())
    }

    fn epoch(&mut self, epoch: &mut Epoch, session: &mut S) -> Result<ControlFlow<()>> {
        let value = self.monitor.of(epoch)?;
        let Waited { best, wait, cooldown } = &mut self.waited;
        if *cooldown > 0 {
            *cooldown -= 1;
            *wait = 0;
        }
        if best.improved(self.monitor, value, self.min_delta, epoch.epoch) {
            *wait = 0;
        } else if *cooldown == 0 {
            *wait += 1;
            let lr = session.lr();
            if *wait >= self.patience && lr > self.min_lr {
                let reduced = lr * self.factor;
                session.set_lr(if reduced > self.min_lr { reduced } else { self.min_lr })?;
                (*cooldown, *wait) = (self.cooldown, 0);
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}
