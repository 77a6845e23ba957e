//! Ends a training that no longer improves, and restores its best epoch.

use super::{Best, EpochReport, Monitor, Observer, Session, comparable};
use crate::error::Result;
use crate::sequential::{BuffersOf, Model, ParamsOf};
use core::ops::ControlFlow;
use rosenblatt_kernels::{
    F32Array, persist,
    persist::{Persist, Words, joined, name_code, values},
};

/// Keras' `EarlyStopping`: ends the training when the monitored value has not improved for
/// `patience` epochs.
///
/// To restore the weights of the best epoch (`restore_best_weights=True`), put
/// [`RestoreBest::like`] before it in the tuple.
///
/// A NaN is no improvement. An accuracy counts as NaN if the loss beside it is NaN. A `min_delta`
/// or `baseline` of NaN is an error before the first step.
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::observer::Monitor;
///
/// type Unit = Mlp<(Dense<2, 1, Sigmoid>,)>;
/// let mut net = Unit::ZERO;
/// let rule = EarlyStopping { monitor: Monitor::Loss, ..EarlyStopping::with_patience(3) };
/// let mut stop = EarlyStopping { min_delta: 1e-3, ..rule };
/// let fit = Fit { epochs: 10_000, ..Fit::new(Sgd::with_lr(1.0)) };
/// let mut trainer = Trainer::<Unit, BinaryCrossEntropy, Sgd, 4>::ZERO;
/// let last = trainer.fit_with(&mut net, &gates::OR, &fit, &mut stop)?;
/// assert!(last.number < 1000);
/// assert_eq!(stop.stopped(), Some(last.number));
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EarlyStopping {
    /// The monitored value
    pub monitor: Monitor,
    /// A change of less than this is no improvement
    pub min_delta: f32,
    /// Epochs without improvement after which the training ends
    pub patience: usize,
    /// A value that must be beaten before an improvement counts
    pub baseline: Option<f32>,
    /// Number of epochs at the start that are ignored
    pub start_from_epoch: usize,
    /// The state; starts as [`Watched::NEW`]
    pub watched: Watched,
}

/// The state of an [`EarlyStopping`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Watched {
    best: Best,
    wait: usize,
    stopped: Option<usize>,
}

persist!([] Watched = "watched": { best: Best, wait: usize, stopped: Option<usize> });
persist!([] EarlyStopping = "early stopping": { watched: Watched }
    skip { monitor, min_delta, patience, baseline, start_from_epoch });

impl Watched {
    /// The initial state.
    pub const NEW: Self = Self { best: Best::NONE, wait: 0, stopped: None };
}

impl EarlyStopping {
    /// Keras' defaults: monitors the validation loss, patience 0, and every improvement counts.
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

    fn check(&self) -> Result<()> {
        comparable("min_delta", self.min_delta)?;
        comparable("baseline", self.baseline.unwrap_or(0.0))
    }

    /// The number of the epoch after which it ended the training, if it did.
    #[must_use]
    pub const fn stopped(&self) -> Option<usize> {
        self.watched.stopped
    }

    /// The number of the epoch with the best value; 0 if there is none yet.
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

    fn on_fit_begin(&mut self, _: &mut S) -> Result<()> {
        self.check()?;
        self.watched = Watched::NEW;
        Ok(())
    }

    fn on_fit_resume(&mut self, _: &mut S) -> Result<()> {
        self.check()
    }

    fn on_epoch_end(&mut self, epoch: &mut EpochReport, _: &mut S) -> Result<ControlFlow<()>> {
        let value = self.monitor.of(epoch)?;
        if epoch.number <= self.start_from_epoch {
            return Ok(ControlFlow::Continue(()));
        }
        let Watched { best, wait, stopped } = &mut self.watched;
        *wait += 1;
        if best.improved(self.monitor, value, self.min_delta, epoch.number) {
            if self.baseline.is_none_or(|line| self.monitor.better(value, line, self.min_delta)) {
                *wait = 0;
            }
        } else if *wait >= self.patience && epoch.number > 1 {
            *stopped = Some(epoch.number);
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Keras' `restore_best_weights`: keeps a copy of the network of the epoch with the best monitored
/// value, and restores it when the training ends.
///
/// The copy is part of the observer, so its memory is known and it can lie in a `static`. As in
/// Keras it holds weights and non-trainable values (moving mean and variance), not the optimizer's
/// state.
///
/// A NaN is never the best value. An epoch that ends with a weight that is infinite or NaN is never
/// the best epoch. If no epoch is good, nothing is restored.
///
/// ```
/// use rosenblatt::prelude::*;
///
/// type Unit = Mlp<(Dense<2, 1, Sigmoid>,)>;
/// let mut net = Unit::ZERO;
/// let (x, t) = (&gates::OR.x, &gates::OR.t);
/// let early = EarlyStopping::with_patience(5);
/// let mut observers = (Validation::new((x, t)), RestoreBest::like(&early, Unit::ZERO), early);
/// let fit = Fit { epochs: 200, ..Fit::new(Sgd::with_lr(0.5)) };
/// let mut trainer = Trainer::<Unit, BinaryCrossEntropy, Sgd, 4>::ZERO;
/// trainer.fit_with(&mut net, (x, t), &fit, &mut observers)?;
/// assert_eq!(observers.1.best(), Some(trainer.evaluate(&net, (x, t))?.loss));
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RestoreBest<N> {
    /// The monitored value
    pub monitor: Monitor,
    /// A change of less than this is no improvement
    pub min_delta: f32,
    /// Number of epochs at the start that are ignored
    pub start_from_epoch: usize,
    best: Best,
    net: N,
}

/// The best value and its epoch, then the copy of the network.
impl<N: Model> Persist for RestoreBest<N> {
    const CODE: u32 = joined(
        joined(joined(name_code("restore best"), Best::CODE), ParamsOf::<N>::LEN as u32),
        BuffersOf::<N>::LEN as u32,
    );
    const WORDS: usize = Best::WORDS + ParamsOf::<N>::LEN + BuffersOf::<N>::LEN;

    fn words(&mut self, words: &mut impl Words) {
        self.best.words(words);
        values(self.net.params_mut(), words);
        values(self.net.buffers_mut(), words);
        // A file of unknown origin: what is not finite is not restored.
        let all = [self.net.params().as_flat(), self.net.buffers().as_flat()];
        if !all.into_iter().flatten().all(|value| value.is_finite()) {
            self.best = Best::NONE;
        }
    }
}

impl<N> RestoreBest<N> {
    /// Monitors the validation loss. `room` is the memory for the copy; its content does not
    /// matter.
    #[must_use]
    pub const fn new(room: N) -> Self {
        Self {
            monitor: Monitor::ValLoss,
            min_delta: 0.0,
            start_from_epoch: 0,
            best: Best::NONE,
            net: room,
        }
    }

    /// Monitors the same value as `early`, with the same `min_delta` and `start_from_epoch`. (In
    /// Keras one callback does both.)
    #[must_use]
    pub fn like(early: &EarlyStopping, room: N) -> Self {
        let &EarlyStopping { monitor, min_delta, start_from_epoch, .. } = early;
        Self { monitor, min_delta, start_from_epoch, ..Self::new(room) }
    }

    /// The same, with another monitored value.
    #[must_use]
    pub fn monitor(self, monitor: Monitor) -> Self {
        Self { monitor, ..self }
    }

    /// The best value so far.
    #[must_use]
    pub const fn best(&self) -> Option<f32> {
        self.best.value
    }

    /// The number of the epoch with the best value; 0 if there is none yet.
    #[must_use]
    pub const fn best_epoch(&self) -> usize {
        self.best.epoch
    }
}

impl<S: Session<Net = N>, N: Clone> Observer<S> for RestoreBest<N> {
    const ACCURACY: bool = true;

    fn on_fit_begin(&mut self, _: &mut S) -> Result<()> {
        comparable("min_delta", self.min_delta)?;
        self.best = Best::NONE;
        Ok(())
    }

    fn on_fit_resume(&mut self, _: &mut S) -> Result<()> {
        comparable("min_delta", self.min_delta)
    }

    fn on_epoch_end(
        &mut self,
        epoch: &mut EpochReport,
        session: &mut S,
    ) -> Result<ControlFlow<()>> {
        let value = self.monitor.of(epoch)?;
        if epoch.number > self.start_from_epoch
            && session.finite()
            && self.best.improved(self.monitor, value, self.min_delta, epoch.number)
        {
            self.net.clone_from(session.net());
        }
        Ok(ControlFlow::Continue(()))
    }

    fn on_fit_end(&mut self, session: &mut S) {
        if self.best.value.is_some() {
            session.net_mut().clone_from(&self.net);
        }
    }
}
