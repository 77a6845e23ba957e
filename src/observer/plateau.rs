//! Lowers the learning rate when the training no longer improves.

use super::{Best, EpochReport, Monitor, Observer, Session, comparable};
use crate::error::{Error, Result};
use core::ops::ControlFlow;
use rosenblatt_kernels::persist;

/// Keras' `ReduceLROnPlateau`: lr ← max(lr · factor, min_lr) when the monitored value has not
/// improved for `patience` epochs.
///
/// After a reduction, `cooldown` epochs do not count. A NaN is no improvement.
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::observer::Monitor;
///
/// type Unit = Mlp<(Dense<2, 1, Sigmoid>,)>;
/// let mut net = Unit::ZERO;
/// // A single unit cannot learn XOR.
/// let rule = ReduceOnPlateau { monitor: Monitor::Loss, ..ReduceOnPlateau::DEFAULT };
/// let reduce = ReduceOnPlateau { factor: 0.5, patience: 2, ..rule };
/// let fit = Fit { epochs: 20, ..Fit::new(Sgd::with_lr(1.0)) };
/// let mut trainer = Trainer::<Unit, BinaryCrossEntropy, Sgd, 4>::ZERO;
/// let last = trainer.fit_with(&mut net, &gates::XOR, &fit, &mut (reduce,))?;
/// assert!(last.lr < 0.01);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ReduceOnPlateau {
    /// The monitored value
    pub monitor: Monitor,
    /// Factor of the learning rate, below 1
    pub factor: f32,
    /// Epochs without improvement after which the rate is reduced
    pub patience: usize,
    /// A change of less than this is no improvement
    pub min_delta: f32,
    /// Number of epochs after a reduction that do not count
    pub cooldown: usize,
    /// The least learning rate
    pub min_lr: f32,
    /// The state; starts as [`Waited::NEW`]
    pub waited: Waited,
}

/// The state of a [`ReduceOnPlateau`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Waited {
    best: Best,
    wait: usize,
    cooldown: usize,
}

persist!([] Waited = "waited": { best: Best, wait: usize, cooldown: usize });
persist!([] ReduceOnPlateau = "reduce on plateau": { waited: Waited }
    skip { monitor, factor, patience, min_delta, cooldown, min_lr });

impl Waited {
    /// The initial state.
    pub const NEW: Self = Self { best: Best::NONE, wait: 0, cooldown: 0 };
}

impl ReduceOnPlateau {
    /// Keras' defaults: monitors the validation loss; factor 0.1 after 10 epochs without an
    /// improvement of 1e-4.
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

impl ReduceOnPlateau {
    fn check(&self) -> Result<()> {
        if !(0.0..1.0).contains(&self.factor) {
            return Err(Error::HyperParameter {
                name: "factor",
                value: self.factor,
                expected: "a number in [0, 1)",
            });
        }
        if !(self.min_lr >= 0.0 && self.min_lr.is_finite()) {
            let expected = "a finite number of at least 0";
            return Err(Error::HyperParameter { name: "min_lr", value: self.min_lr, expected });
        }
        comparable("min_delta", self.min_delta)
    }
}

impl Default for ReduceOnPlateau {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl<S: Session> Observer<S> for ReduceOnPlateau {
    const ACCURACY: bool = true;

    fn on_fit_begin(&mut self, _: &mut S) -> Result<()> {
        self.check()?;
        self.waited = Waited::NEW;
        Ok(())
    }

    fn on_fit_resume(&mut self, _: &mut S) -> Result<()> {
        self.check()
    }

    fn on_epoch_end(
        &mut self,
        epoch: &mut EpochReport,
        session: &mut S,
    ) -> Result<ControlFlow<()>> {
        let value = self.monitor.of(epoch)?;
        let Waited { best, wait, cooldown } = &mut self.waited;
        if *cooldown > 0 {
            *cooldown -= 1;
            *wait = 0;
        }
        if best.improved(self.monitor, value, self.min_delta, epoch.number) {
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
