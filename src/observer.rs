//! Observers of `fit`. At the end of each epoch an observer sees the report. It can read the
//! network, change the learning rate, or end the training. `()` observes nothing and compiles to
//! nothing.
//!
//! A tuple calls its observers in order. What one adds to the report, the next ones see: put
//! [`Validation`] first, then the observers that monitor its loss, then those that record the
//! report.
//!
//! | Keras | here |
//! |---|---|
//! | `History` | [`History`] |
//! | `validation_data`, `validation_split` | [`Validation`], [`Dataset::split`] |
//! | `EarlyStopping` | [`EarlyStopping`] |
//! | `EarlyStopping(restore_best_weights=True)` | [`RestoreBest::like`] it, in front of it |
//! | `ReduceLROnPlateau` | [`ReduceOnPlateau`] |
//! | `TerminateOnNaN` | [`StopOnNan`] |
//! | `CSVLogger` | [`CsvLog`] |
//! | `LambdaCallback` | [`OnEpoch`] with a closure `FnMut(&EpochReport) -> ControlFlow<()>` |

mod csv;
mod early;
mod history;
mod plateau;
mod validation;

pub use csv::CsvLog;
pub use early::{EarlyStopping, RestoreBest, Watched};
pub use history::History;
pub use plateau::{ReduceOnPlateau, Waited};
pub use validation::Validation;

use crate::{
    dataset::Dataset,
    error::{Error, Quantity, Result},
    metrics::Evaluation,
};
use core::{fmt, ops::ControlFlow};
use rosenblatt_kernels::{
    persist,
    persist::{Persist, Words, name_code},
};

/// The report of one epoch.
///
/// ```
/// use rosenblatt::prelude::*;
///
/// type Unit = Mlp<(Dense<2, 1, Sigmoid>,)>;
/// let mut net = Unit::ZERO;
/// let fit = Fit { epochs: 3, ..Fit::new(Sgd::with_lr(0.5)) };
/// let mut trainer = Trainer::<Unit, BinaryCrossEntropy, Sgd, 4>::ZERO;
/// let last: EpochReport = trainer.fit(&mut net, &gates::OR, &fit)?;
/// assert_eq!((last.number, last.lr, last.validation), (3, 0.5, None));
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EpochReport {
    /// Its number, from 1
    pub number: usize,
    /// Mean loss over the epoch's samples, each before its step's update (as in Keras)
    pub loss: f32,
    /// Share of samples whose class was predicted before the update; NaN if no observer needs the
    /// accuracy
    pub accuracy: f32,
    /// The result of a [`Validation`], if there is one
    pub validation: Option<Evaluation>,
    /// The learning rate of the epoch's last step, with `decay` and a schedule. If there was no
    /// epoch, the learning rate of the optimizer
    pub lr: f32,
}

persist!([] EpochReport = "report": {
    number: usize, loss: f32, accuracy: f32, validation: Option<Evaluation>, lr: f32,
});

impl EpochReport {
    /// The report of no epoch, by an optimizer with this learning rate.
    pub(crate) const fn before(lr: f32) -> Self {
        Self { number: 0, loss: f32::NAN, accuracy: f32::NAN, validation: None, lr }
    }
}

/// A training as an observer sees it.
pub trait Session {
    /// The network's type.
    type Net;
    /// One sample.
    type Input;
    /// The target of one sample.
    type Target;

    /// The network.
    fn net(&self) -> &Self::Net;
    /// The network, mutable.
    fn net_mut(&mut self) -> &mut Self::Net;
    /// The learning rate of the optimizer.
    fn lr(&self) -> f32;
    /// Sets the learning rate for the rest of this `fit`. The next `fit` starts with the optimizer
    /// that it is given. (In Keras the rate stays.)
    /// # Errors
    /// Those of the optimizer's check. Nothing is changed then.
    fn set_lr(&mut self, lr: f32) -> Result<()>;
    /// Whether all parameters and all non-trainable values (moving mean and variance) are finite. A
    /// step can end with one that is not; only the next step finds it.
    fn finite(&self) -> bool {
        true
    }
    /// Checks that these samples can be evaluated.
    /// # Errors
    /// For no samples, wrong targets, or numbers that are infinite or NaN.
    fn validate(&self, data: Dataset<'_, Self::Input, Self::Target>) -> Result<()>;
    /// Loss and accuracy over other samples, in the trainer's memory.
    /// # Errors
    /// As [`Trainer::evaluate`](crate::Trainer::evaluate).
    fn evaluate(&mut self, data: Dataset<'_, Self::Input, Self::Target>) -> Result<Evaluation>;
}

/// Observes `fit`. `()` does nothing and costs nothing. [`OnEpoch`] calls a closure. A tuple calls
/// each of its observers. `&mut o` observes with a borrowed observer.
///
/// An observer of one's own, which counts the epochs that lowered the loss:
///
/// ```
/// use core::ops::ControlFlow;
/// use rosenblatt::{Result, observer::Session, prelude::*};
///
/// struct Falls {
///     last: f32,
///     count: usize,
/// }
///
/// impl<S: Session> Observer<S> for Falls {
///     fn on_epoch_end(&mut self, epoch: &mut EpochReport, _: &mut S) -> Result<ControlFlow<()>> {
///         self.count += usize::from(epoch.loss < self.last);
///         self.last = epoch.loss;
///         Ok(ControlFlow::Continue(()))
///     }
/// }
///
/// type Unit = Mlp<(Dense<2, 1, Sigmoid>,)>;
/// let mut falls = Falls { last: f32::INFINITY, count: 0 };
/// let fit = Fit { epochs: 10, ..Fit::new(Sgd::with_lr(0.5)) };
/// let mut trainer = Trainer::<Unit, BinaryCrossEntropy, Sgd, 4>::ZERO;
/// trainer.fit_with(&mut Unit::default(), &gates::OR, &fit, &mut falls)?;
/// assert_eq!(falls.count, 10);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
pub trait Observer<S: Session> {
    /// Whether `fit` computes the accuracy for this observer.
    const ACCURACY: bool = true;

    /// Called when a training begins. An observer resets its state here.
    /// # Errors
    /// Whatever prevents the observer from working. The training then does not begin, and nothing
    /// is changed.
    #[inline(always)]
    fn on_fit_begin(&mut self, session: &mut S) -> Result<()> {
        let _ = session;
        Ok(())
    }

    /// Called instead of [`Observer::on_fit_begin`] when a training goes on from a checkpoint,
    /// before anything is read from it. The observer's state is read afterwards.
    /// # Errors
    /// Whatever prevents the observer from working. The training then does not go on, and nothing
    /// is changed.
    #[inline(always)]
    fn on_fit_resume(&mut self, session: &mut S) -> Result<()> {
        let _ = session;
        Ok(())
    }

    /// Called at the end of each epoch. `Break` ends the training. Later observers and the caller
    /// see changes of the report.
    /// # Errors
    /// Whatever prevents the observer from working. It ends the training.
    fn on_epoch_end(&mut self, epoch: &mut EpochReport, session: &mut S)
    -> Result<ControlFlow<()>>;

    /// Called when a step is rejected because loss or gradient is not finite ([`Error::NotFinite`];
    /// no weight was changed). `true` ends the training without an error.
    #[inline(always)]
    fn on_rejected_step(&mut self, error: &Error) -> bool {
        let _ = error;
        false
    }

    /// Called when the training has ended: after the last epoch, by an observer, or by an error.
    #[inline(always)]
    fn on_fit_end(&mut self, session: &mut S) {
        let _ = session;
    }
}

impl<S: Session> Observer<S> for () {
    const ACCURACY: bool = false;

    #[inline(always)]
    fn on_epoch_end(&mut self, _: &mut EpochReport, _: &mut S) -> Result<ControlFlow<()>> {
        Ok(ControlFlow::Continue(()))
    }
}

/// An observer that calls a closure at the end of each epoch: Keras' `LambdaCallback`.
///
/// ```
/// use core::ops::ControlFlow;
/// use rosenblatt::prelude::*;
///
/// type Unit = Mlp<(Dense<2, 1, Sigmoid>,)>;
/// let mut net = Unit::ZERO;
/// let mut stop = OnEpoch(|epoch: &EpochReport| {
///     if epoch.loss < 0.3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
/// });
/// let fit = Fit { epochs: 1000, ..Fit::new(Sgd::with_lr(1.0)) };
/// let mut trainer = Trainer::<Unit, BinaryCrossEntropy, Sgd, 4>::ZERO;
/// let last = trainer.fit_with(&mut net, &gates::OR, &fit, &mut stop)?;
/// assert!(last.number < 1000);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct OnEpoch<F>(pub F);

/// What the closure remembers is not part of a checkpoint.
impl<F> Persist for OnEpoch<F> {
    const CODE: u32 = name_code("closure");
    const WORDS: usize = 0;

    fn words(&mut self, _: &mut impl Words) {}
}

impl<S: Session, F: FnMut(&EpochReport) -> ControlFlow<()>> Observer<S> for OnEpoch<F> {
    #[inline(always)]
    fn on_epoch_end(&mut self, epoch: &mut EpochReport, _: &mut S) -> Result<ControlFlow<()>> {
        Ok(self.0(epoch))
    }
}

/// Tuples of observers. Each one is called, also after an earlier one has ended the training.
macro_rules! tuples {
    ($($name:ident)+) => {
        impl<S: Session, $($name: Observer<S>),+> Observer<S> for ($($name,)+) {
            const ACCURACY: bool = false $(|| $name::ACCURACY)+;

            #[inline(always)]
            fn on_fit_begin(&mut self, session: &mut S) -> Result<()> {
                #[allow(non_snake_case, reason = "one variable a type")]
                let ($($name,)+) = self;
                $($name.on_fit_begin(session)?;)+
                Ok(())
            }

            #[inline(always)]
            fn on_fit_resume(&mut self, session: &mut S) -> Result<()> {
                #[allow(non_snake_case, reason = "one variable a type")]
                let ($($name,)+) = self;
                $($name.on_fit_resume(session)?;)+
                Ok(())
            }

            #[inline(always)]
            fn on_epoch_end(
                &mut self,
                epoch: &mut EpochReport,
                session: &mut S
            ) -> Result<ControlFlow<()>> {
                #[allow(non_snake_case, reason = "one variable a type")]
                let ($($name,)+) = self;
                let mut flow = ControlFlow::Continue(());
                $(if $name.on_epoch_end(epoch, session)?.is_break() {
                    flow = ControlFlow::Break(());
                })+
                Ok(flow)
            }

            #[inline(always)]
            fn on_rejected_step(&mut self, error: &Error) -> bool {
                #[allow(non_snake_case, reason = "one variable a type")]
                let ($($name,)+) = self;
                let mut handled = false;
                $(handled |= $name.on_rejected_step(error);)+
                handled
            }

            #[inline(always)]
            fn on_fit_end(&mut self, session: &mut S) {
                #[allow(non_snake_case, reason = "one variable a type")]
                let ($($name,)+) = self;
                $($name.on_fit_end(session);)+
            }
        }
    };
}
tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);

/// A borrowed observer. The caller can read it afterwards.
impl<S: Session, O: Observer<S>> Observer<S> for &mut O {
    const ACCURACY: bool = O::ACCURACY;

    #[inline(always)]
    fn on_fit_begin(&mut self, session: &mut S) -> Result<()> {
        (**self).on_fit_begin(session)
    }

    #[inline(always)]
    fn on_fit_resume(&mut self, session: &mut S) -> Result<()> {
        (**self).on_fit_resume(session)
    }

    #[inline(always)]
    fn on_epoch_end(
        &mut self,
        epoch: &mut EpochReport,
        session: &mut S,
    ) -> Result<ControlFlow<()>> {
        (**self).on_epoch_end(epoch, session)
    }

    #[inline(always)]
    fn on_rejected_step(&mut self, error: &Error) -> bool {
        (**self).on_rejected_step(error)
    }

    #[inline(always)]
    fn on_fit_end(&mut self, session: &mut S) {
        (**self).on_fit_end(session);
    }
}

/// The value that an observer compares from epoch to epoch.
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::observer::Monitor;
///
/// let early = EarlyStopping { monitor: Monitor::Accuracy, ..EarlyStopping::with_patience(5) };
/// assert_eq!(early.monitor.name(), "accuracy");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Monitor {
    /// The training loss; less is better
    Loss,
    /// The training accuracy; more is better
    Accuracy,
    /// The loss of a [`Validation`] (Keras' `val_loss`); less is better
    #[default]
    ValLoss,
    /// The accuracy of a [`Validation`] (Keras' `val_accuracy`); more is better
    ValAccuracy,
}

impl Monitor {
    /// Keras' name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Accuracy => "accuracy",
            Self::ValLoss => "val_loss",
            Self::ValAccuracy => "val_accuracy",
        }
    }

    /// The value in a report. An accuracy is NaN if the loss beside it is NaN.
    /// # Errors
    /// [`Error::NotMonitored`] if the value is a [`Validation`]'s and there is none before this
    /// observer.
    fn of(self, epoch: &EpochReport) -> Result<f32> {
        let validation = || epoch.validation.ok_or(Error::NotMonitored { what: self.name() });
        Ok(match self {
            Self::Loss => epoch.loss,
            Self::Accuracy => epoch.accuracy,
            Self::ValLoss => validation()?.loss,
            Self::ValAccuracy => {
                let found = validation()?;
                if found.loss.is_nan() { f32::NAN } else { found.accuracy() }
            }
        })
    }

    /// Whether `value` is better than `best` by more than `min_delta`, as in Keras: value −
    /// min_delta > best, or value + min_delta < best. NaN is never better.
    fn better(self, value: f32, best: f32, min_delta: f32) -> bool {
        let min_delta = if min_delta < 0.0 { -min_delta } else { min_delta };
        match self {
            Self::Loss | Self::ValLoss => value + min_delta < best,
            Self::Accuracy | Self::ValAccuracy => value - min_delta > best,
        }
    }
}

impl fmt::Display for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// An error if `value` is NaN: no value would ever be better.
fn comparable(name: &'static str, value: f32) -> Result<()> {
    if value.is_nan() {
        Err(Error::HyperParameter { name, value, expected: "a number" })
    } else {
        Ok(())
    }
}

/// The best value seen so far.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Best {
    value: Option<f32>,
    epoch: usize,
}

persist!([] Best = "best": { value: Option<f32>, epoch: usize });

impl Best {
    const NONE: Self = Self { value: None, epoch: 0 };

    /// Whether `value` is an improvement; stores it then. The first number is one, as in Keras. NaN
    /// never is.
    fn improved(&mut self, monitor: Monitor, value: f32, min_delta: f32, epoch: usize) -> bool {
        let better = match self.value {
            None => !value.is_nan(),
            Some(best) => monitor.better(value, best, min_delta),
        };
        if better {
            *self = Self { value: Some(value), epoch };
        }
        better
    }
}

/// Keras' `TerminateOnNaN`: a loss or gradient that is not finite ends `fit` without an error.
/// [`StopOnNan::stopped`] says where.
///
/// Without it, `fit` ends with [`Error::NotFinite`]. In both cases the rejected step changes no
/// weight.
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::observer::StopOnNan;
///
/// type Line = Mlp<(Dense<1, 1>,)>;
/// let mut net = Line::ZERO;
/// let mut stop = StopOnNan::new();
/// let fit = Fit { epochs: 100, ..Fit::new(Sgd::with_lr(1e30)) };
/// let mut trainer = Trainer::<Line, MeanSquaredError, Sgd, 1>::ZERO;
/// trainer.fit_with(&mut net, (&[[2.0]], &[[1.0]]), &fit, &mut stop)?;
/// assert!(stop.stopped().is_some());
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StopOnNan {
    stopped: Option<Error>,
}

/// Whether it ended the training, what was not finite (1 for the gradient), epoch and step.
impl Persist for StopOnNan {
    const CODE: u32 = name_code("stop on nan");
    const WORDS: usize = 4;

    fn words(&mut self, words: &mut impl Words) {
        let (mut there, mut gradient, mut epoch, mut step) = match self.stopped {
            Some(Error::NotFinite { what, epoch, step }) => {
                (true, what == Quantity::Gradient, epoch, step)
            }
            _ => (false, false, 0, 0),
        };
        there.words(words);
        gradient.words(words);
        epoch.words(words);
        step.words(words);
        let what = if gradient { Quantity::Gradient } else { Quantity::Loss };
        self.stopped = there.then_some(Error::NotFinite { what, epoch, step });
    }
}

impl StopOnNan {
    /// An observer that has seen nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { stopped: None }
    }

    /// The error that ended the training ([`Error::NotFinite`], which names epoch and step), if
    /// there was one.
    #[must_use]
    pub const fn stopped(&self) -> Option<Error> {
        self.stopped
    }
}

impl<S: Session> Observer<S> for StopOnNan {
    const ACCURACY: bool = false;

    fn on_fit_begin(&mut self, _: &mut S) -> Result<()> {
        self.stopped = None;
        Ok(())
    }

    #[inline(always)]
    fn on_epoch_end(&mut self, _: &mut EpochReport, _: &mut S) -> Result<ControlFlow<()>> {
        Ok(ControlFlow::Continue(()))
    }

    fn on_rejected_step(&mut self, error: &Error) -> bool {
        self.stopped = Some(*error);
        true
    }
}
