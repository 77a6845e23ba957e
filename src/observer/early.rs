//! Ending a training that no longer improves, and going back to its best epoch.

use super::{Best, Epoch, Monitor, Observer, Session, comparable};
use crate::error::Result;
use core::ops::ControlFlow;

/// Keras' `EarlyStopping`: ends the training when the monitored value has not improved for `patience` epochs.
///
/// To go back to the weights of the best epoch (`restore_best_weights=True`), put [`RestoreBest::like`] it in front of it.
///
/// A value that is NaN is no improvement, and an accuracy beside a loss that is NaN counts as NaN. A `min_delta` or `baseline` of NaN is an error before the first step.
///
/// ```
/// use rosenblatt::prelude::*;
///
/// type Unit = Mlp<(Dense<2, 1, Sigmoid>,)>;
/// let mut net = Unit::new();
/// let mut stop = EarlyStopping { monitor: Monitor::Loss, patience: 3, min_delta: 1e-3, ..EarlyStopping::DEFAULT };
/// let fit = Fit { epochs: 10_000, ..Fit::new(Sgd::with_lr(1.0)) };
/// let last = Trainer::<Unit, Sgd, BinaryCrossEntropy, 4>::new().fit(&mut net, &gates::OR.x, &gates::OR.t, &fit, &mut stop)?;
/// assert!(last.epoch < 1000);
/// assert_eq!(stop.stopped(), Some(last.epoch));
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EarlyStopping {
    /// What is watched
    pub monitor: Monitor,
    /// A change of less than this is no improvement
    pub min_delta: f32,
    /// Epochs without improvement after which the training ends
    pub patience: usize,
    /// A value that must be beaten before an improvement counts
    pub baseline: Option<f32>,
    /// Epochs at the start that are not looked at
    pub start_from_epoch: usize,
    /// What it has seen: starts as [`Watched::NEW`]
    pub watched: Watched,
}

/// What an [`EarlyStopping`] remembers.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Watched {
    best: Best,
    wait: usize,
    stopped: Option<usize>,
}

impl Watched {
    /// Nothing seen.
    pub const NEW: Self = Self { best: Best::NONE, wait: 0, stopped: None };
}

impl EarlyStopping {
    /// Keras' defaults: the validation loss, no patience, every improvement counts.
    pub const DEFAULT: Self = Self {
        monitor: Monitor::ValLoss,
        min_delta: 0.0,
        patience: 0,
        baseline: None,
        start_from_epoch: 0,
        watched: Watched::NEW,
    };

    /// The defaults with this patience.
    #[must_use]
    pub const fn with_patience(patience: usize) -> Self {
        Self { patience, ..Self::DEFAULT }
    }

    /// The epoch after which it ended the training, if it did.
    #[must_use]
    pub const fn stopped(&self) -> Option<usize> {
        self.watched.stopped
    }

    /// The epoch with the best value, 0 before there is one.
    #[must_use]
    pub const fn best_epoch(&self) -> usize {
        self.watched.best.epoch
    }
}

impl Default for EarlyStopping {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl<S: Session> Observer<S> for EarlyStopping {
    const ACCURACY: bool = true;

    fn begin(&mut self, _: &mut S) -> Result<()> {
        comparable("min_delta", self.min_delta)?;
        comparable("baseline", self.baseline.unwrap_or(0.0))?;
        self.watched = Watched::NEW;
        Ok(())
    }

    fn epoch(&mut self, epoch: &mut Epoch, _: &mut S) -> Result<ControlFlow<()>> {
        let value = self.monitor.of(epoch)?;
        if epoch.epoch <= self.start_from_epoch {
            return Ok(ControlFlow::Continue(()));
        }
        let Watched { best, wait, stopped } = &mut self.watched;
        *wait += 1;
        if best.improved(self.monitor, value, self.min_delta, epoch.epoch) {
            if self.baseline.is_none_or(|line| self.monitor.better(value, line, self.min_delta)) {
                *wait = 0;
            }
        } else if *wait >= self.patience && epoch.epoch > 1 {
            *stopped = Some(epoch.epoch);
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Keras' `restore_best_weights`: keeps a copy of the network from the epoch with the best monitored value, and at the training's end puts it back.
///
/// The copy is part of the value: its memory is known, and it can lie in a `static`. Like Keras' it holds weights and running statistics, not the
/// optimizer's state.
///
/// A value that is NaN is never the best, nor is an epoch that ends with a weight that is infinite or NaN. Where no epoch is good, nothing is put back.
///
/// ```
/// use rosenblatt::prelude::*;
///
/// type Unit = Mlp<(Dense<2, 1, Sigmoid>,)>;
/// let mut net = Unit::new();
/// let (x, t) = (&gates::OR.x, &gates::OR.t);
/// let early = EarlyStopping::with_patience(5);
/// let mut observers = (Validation::new(x, t), RestoreBest::like(&early, Unit::new()), early);
/// let fit = Fit { epochs: 200, ..Fit::new(Sgd::with_lr(0.5)) };
/// let mut trainer = Trainer::<Unit, Sgd, BinaryCrossEntropy, 4>::new();
/// trainer.fit(&mut net, x, t, &fit, &mut observers)?;
/// assert_eq!(observers.1.best(), Some(trainer.evaluate(&net, x, t)?.loss));
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RestoreBest<N> {
    /// What is watched
    pub monitor: Monitor,
    /// A change of less than this is no improvement
    pub min_delta: f32,
    /// Epochs at the start that are not looked at
    pub start_from_epoch: usize,
    best: Best,
    net: N,
}

impl<N> RestoreBest<N> {
    /// Watches the validation loss; `room` is the memory for the copy, whatever it holds.
    #[must_use]
    pub const fn new(room: N) -> Self {
        Self { monitor: Monitor::ValLoss, min_delta: 0.0, start_from_epoch: 0, best: Best::NONE, net: room }
    }

    /// Watches what `early` watches, as Keras' one callback does for both: the same value, `min_delta` and `start_from_epoch`.
    #[must_use]
    pub fn like(early: &EarlyStopping, room: N) -> Self {
        let &EarlyStopping { monitor, min_delta, start_from_epoch, .. } = early;
        Self { monitor, min_delta, start_from_epoch, ..Self::new(room) }
    }

    /// Watches another value.
    #[must_use]
    pub fn monitor(self, monitor: Monitor) -> Self {
        Self { monitor, ..self }
    }

    /// The best value so far.
    #[must_use]
    pub const fn best(&self) -> Option<f32> {
        self.best.value
    }

    /// The epoch it is from, 0 before there is one.
    #[must_use]
    pub const fn best_epoch(&self) -> usize {
        self.best.epoch
    }
}

impl<S: Session<Net = N>, N: Clone> Observer<S> for RestoreBest<N> {
    const ACCURACY: bool = true;

    fn begin(&mut self, _: &mut S) -> Result<()> {
        comparable("min_delta", self.min_delta)?;
        self.best = Best::NONE;
        Ok(())
    }

    fn epoch(&mut self, epoch: &mut Epoch, session: &mut S) -> Result<ControlFlow<()>> {
        let value = self.monitor.of(epoch)?;
        if epoch.epoch > self.start_from_epoch
            && session.finite()
            && self.best.improved(self.monitor, value, self.min_delta, epoch.epoch)
        {
            self.net.clone_from(session.net());
        }
        Ok(ControlFlow::Continue(()))
    }

    fn end(&mut self, session: &mut S) {
        if self.best.value.is_some() {
            session.net_mut().clone_from(&self.net);
        }
    }
}
