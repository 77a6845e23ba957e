//! Who listens to `fit`: at the end of each epoch an observer sees the report, may look at the network, change the learning rate, or end the
//! training. Observers cost nothing when unused: `()` compiles to nothing.
//!
//! Observers in a tuple are asked in order, and what one adds to the report the next ones see: [`Validation`] first, then what monitors its
//! loss, then what writes it down.
//!
//! | Keras | here |
//! |---|---|
//! | `History` | [`History`](crate::history::History) |
//! | `validation_data`, `validation_split` | [`Validation`], [`split`](crate::data::split) |
//! | `EarlyStopping` | [`EarlyStopping`] |
//! | `EarlyStopping(restore_best_weights=True)` | [`RestoreBest::like`] it, in front of it |
//! | `ReduceLROnPlateau` | [`ReduceOnPlateau`] |
//! | `TerminateOnNaN` | [`StopOnNan`] |
//! | `CSVLogger` | [`CsvLog`] |
//! | `LambdaCallback` | a closure `FnMut(&Epoch) -> ControlFlow<()>` |

mod csv;
mod early;
mod plateau;
mod validation;

pub use csv::CsvLog;
pub use early::{EarlyStopping, RestoreBest, Watched};
pub use plateau::{ReduceOnPlateau, Waited};
pub use validation::Validation;

use crate::{
    error::{Error, Result},
    metrics::Evaluation,
};
use core::{fmt, ops::ControlFlow};

/// One epoch, as it ends.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Epoch {
    /// Its number, from 1
    pub epoch: usize,
    /// Mean loss over the epoch's samples, each before its step's update (as Keras reports it)
    pub loss: f32,
    /// Share of samples whose class was predicted before the update; NaN if the observer does not ask for it
    pub accuracy: f32,
    /// What a [`Validation`] found
    pub validation: Option<Evaluation>,
    /// The learning rate that the epoch's last step used, with `decay` and a schedule's; with no epoch, the one that the optimizer holds
    pub lr: f32,
}

/// A training as an observer sees it.
pub trait Session {
    /// The network's type.
    type Net;
    /// One sample.
    type Input;
    /// What the loss asks of the data about one sample.
    type Target;

    /// The network.
    fn net(&self) -> &Self::Net;
    /// The network, to be changed.
    fn net_mut(&mut self) -> &mut Self::Net;
    /// The learning rate that the optimizer holds.
    fn lr(&self) -> f32;
    /// Sets it, for what is left of this `fit`: the next one begins with the optimizer that it is given, unlike in Keras, where the rate stays.
    /// # Errors
    /// What the optimizer's own check says; nothing is changed then.
    fn set_lr(&mut self, lr: f32) -> Result<()>;
    /// Whether every weight and every running value is finite: a step may end in one that is not, and only the next one finds it.
    fn finite(&self) -> bool {
        true
    }
    /// Whether these samples could be evaluated.
    /// # Errors
    /// For no samples, other lengths, wrong targets, numbers that are infinite or NaN.
    fn check(&self, x: &[Self::Input], t: &[Self::Target]) -> Result<()>;
    /// Loss and accuracy over other samples, in the trainer's memory.
    /// # Errors
    /// As [`Trainer::evaluate`](crate::Trainer::evaluate).
    fn evaluate(&mut self, x: &[Self::Input], t: &[Self::Target]) -> Result<Evaluation>;
}

/// Listens to `fit`. `()` does not and costs nothing; a closure `FnMut(&Epoch) -> ControlFlow<()>` does; a tuple asks each of its observers.
pub trait Observer<S: Session> {
    /// Whether accuracy is to be counted.
    const ACCURACY: bool = true;

    /// The training begins. An observer forgets what it saw of an earlier one.
    /// # Errors
    /// Whatever makes watching impossible; the training does not begin then, and nothing is changed.
    #[inline(always)]
    fn begin(&mut self, session: &mut S) -> Result<()> {
        let _ = session;
        Ok(())
    }

    /// An epoch has ended; `Break` ends the training. What is written into the report is what later observers and the caller see.
    /// # Errors
    /// Whatever makes going on senseless; it ends the training.
    fn epoch(&mut self, epoch: &mut Epoch, session: &mut S) -> Result<ControlFlow<()>>;

    /// A step was refused because loss or gradient is not finite ([`Error::NotFinite`]; no weight was changed). `true` ends the training without an error.
    #[inline(always)]
    fn refused(&mut self, error: &Error) -> bool {
        let _ = error;
        false
    }

    /// The training has ended, by itself, by an observer or by an error.
    #[inline(always)]
    fn end(&mut self, session: &mut S) {
        let _ = session;
    }
}

impl<S: Session> Observer<S> for () {
    const ACCURACY: bool = false;

    #[inline(always)]
    fn epoch(&mut self, _: &mut Epoch, _: &mut S) -> Result<ControlFlow<()>> {
        Ok(ControlFlow::Continue(()))
    }
}

impl<S: Session, F: FnMut(&Epoch) -> ControlFlow<()>> Observer<S> for F {
    #[inline(always)]
    fn epoch(&mut self, epoch: &mut Epoch, _: &mut S) -> Result<ControlFlow<()>> {
        Ok(self(epoch))
    }
}

/// Tuples of observers; each is told, also where one before has ended the training.
macro_rules! tuples {
    ($($name:ident)+) => {
        impl<S: Session, $($name: Observer<S>),+> Observer<S> for ($($name,)+) {
            const ACCURACY: bool = false $(|| $name::ACCURACY)+;

            #[inline(always)]
            fn begin(&mut self, session: &mut S) -> Result<()> {
                #[allow(non_snake_case, reason = "one variable a type")]
                let ($($name,)+) = self;
                $($name.begin(session)?;)+
                Ok(())
            }

            #[inline(always)]
            fn epoch(&mut self, epoch: &mut Epoch, session: &mut S) -> Result<ControlFlow<()>> {
                #[allow(non_snake_case, reason = "one variable a type")]
                let ($($name,)+) = self;
                let mut flow = ControlFlow::Continue(());
                $(if $name.epoch(epoch, session)?.is_break() {
                    flow = ControlFlow::Break(());
                })+
                Ok(flow)
            }

            #[inline(always)]
            fn refused(&mut self, error: &Error) -> bool {
                #[allow(non_snake_case, reason = "one variable a type")]
                let ($($name,)+) = self;
                let mut handled = false;
                $(handled |= $name.refused(error);)+
                handled
            }

            #[inline(always)]
            fn end(&mut self, session: &mut S) {
                #[allow(non_snake_case, reason = "one variable a type")]
                let ($($name,)+) = self;
                $($name.end(session);)+
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

/// A borrowed observer.
///
/// ```
/// use rosenblatt::prelude::*;
/// let mut history = History::<10>::new();
/// let mut observers = (Watch(&mut history), StopOnNan::new());
/// # let _ = &mut observers;
/// ```
#[derive(Debug)]
pub struct Watch<'a, O>(pub &'a mut O);

impl<S: Session, O: Observer<S>> Observer<S> for Watch<'_, O> {
    const ACCURACY: bool = O::ACCURACY;

    #[inline(always)]
    fn begin(&mut self, session: &mut S) -> Result<()> {
        self.0.begin(session)
    }

    #[inline(always)]
    fn epoch(&mut self, epoch: &mut Epoch, session: &mut S) -> Result<ControlFlow<()>> {
        self.0.epoch(epoch, session)
    }

    #[inline(always)]
    fn refused(&mut self, error: &Error) -> bool {
        self.0.refused(error)
    }

    #[inline(always)]
    fn end(&mut self, session: &mut S) {
        self.0.end(session);
    }
}

/// What an observer compares from epoch to epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Monitor {
    /// The training loss; less is better
    Loss,
    /// The training accuracy; more is better
    Accuracy,
    /// The loss that a [`Validation`] found (Keras' `val_loss`); less is better
    #[default]
    ValLoss,
    /// The accuracy that a [`Validation`] found (Keras' `val_accuracy`); more is better
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

    /// Its value in a report; NaN for an accuracy beside a loss that is NaN.
    /// # Errors
    /// [`Error::NotMonitored`] if it is a [`Validation`]'s and none stands before.
    fn of(self, epoch: &Epoch) -> Result<f32> {
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

    /// Whether `value` is better than `best` by more than `min_delta`, as Keras: value − min_delta > best, or value + min_delta < best. NaN is never better.
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

/// An error if a number that values are compared with is NaN: nothing would ever be better.
fn comparable(name: &'static str, value: f32) -> Result<()> {
    if value.is_nan() { Err(Error::HyperParameter { name, value, expected: "a number" }) } else { Ok(()) }
}

/// The best value seen so far.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Best {
    value: Option<f32>,
    epoch: usize,
}

impl Best {
    const NONE: Self = Self { value: None, epoch: 0 };

    /// Takes a value in; whether it is an improvement. The first number is one, as in Keras; NaN is never one.
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

/// Keras' `TerminateOnNaN`: a loss or gradient that is not finite ends `fit` without an error, and the observer says where.
///
/// Without it, `fit` ends with [`Error::NotFinite`]. Either way the step that met it changed no weight.
///
/// ```
/// use rosenblatt::prelude::*;
///
/// type Line = Mlp<(Dense<1, 1>,)>;
/// let mut net = Line::new();
/// let mut stop = StopOnNan::new();
/// let fit = Fit { epochs: 100, ..Fit::new(Sgd::with_lr(1e30)) };
/// Trainer::<Line, Sgd, MeanSquaredError, 1>::new().fit(&mut net, &[[2.0]], &[[1.0]], &fit, &mut stop)?;
/// assert!(stop.stopped().is_some());
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StopOnNan {
    stopped: Option<Error>,
}

impl StopOnNan {
    /// Nothing met yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { stopped: None }
    }

    /// What ended the training ([`Error::NotFinite`], which names epoch and step), if anything did.
    #[must_use]
    pub const fn stopped(&self) -> Option<Error> {
        self.stopped
    }
}

impl<S: Session> Observer<S> for StopOnNan {
    const ACCURACY: bool = false;

    fn begin(&mut self, _: &mut S) -> Result<()> {
        self.stopped = None;
        Ok(())
    }

    #[inline(always)]
    fn epoch(&mut self, _: &mut Epoch, _: &mut S) -> Result<ControlFlow<()>> {
        Ok(ControlFlow::Continue(()))
    }

    fn refused(&mut self, error: &Error) -> bool {
        self.stopped = Some(*error);
        true
    }
}
