//! Learning-rate schedules: the rate as a function of the step.
//!
//! Formulas and names are those of Keras' `LearningRateSchedule`s. Steps count from 0. A rate that
//! overflows becomes the greatest f32. A rate of 0 stays 0. All arithmetic is f32 in a fixed order;
//! powers and the cosine are the project's own code. The bits are the same on every target.
//!
//! | schedule | learning rate of step t |
//! |---|---|
//! | [`ConstantRate`] | lr |
//! | [`InverseTimeDecay`] | lr / (1 + decay_rate·t/decay_steps) |
//! | [`StepDecay`] | lr·drop^⌊t/every⌋ |
//! | [`ExponentialDecay`] | lr·decay_rate^(t/decay_steps) |
//! | [`CosineDecay`] | lr·((1 − alpha)·½(1 + cos(π·min(t/decay_steps, 1))) + alpha) |
//! | [`PiecewiseConstant`] | one value after another |
//! | [`WarmUp`] | rises linearly for `steps` steps to the first rate of the schedule `then`, which follows |
//!
//! With `staircase` the quotient t/decay_steps is rounded down. A schedule drives any optimizer
//! through [`Scheduled`]:
//!
//! ```
//! use rosenblatt::prelude::*;
//! use rosenblatt::schedule::{CosineDecay, Scheduled, WarmUp};
//!
//! type Xor = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;
//! type Rule = Scheduled<Adam, WarmUp<CosineDecay>>;
//!
//! let cosine = CosineDecay { lr: 0.03, decay_steps: 400, alpha: 0.1 };
//! let warm_up = WarmUp { start: 0.0, steps: 20, then: cosine };
//! let rule = Rule { optimizer: Adam::DEFAULT, schedule: warm_up };
//! let mut net = Xor::init(Seed(1957));
//! let mut trainer = Trainer::<Xor, BinaryCrossEntropy, Rule, 4>::ZERO;
//! let fit = Fit { epochs: 420, ..Fit::new(rule) };
//! trainer.fit(&mut net, &gates::XOR, &fit)?;
//! assert_eq!(trainer.evaluate(&net, &gates::XOR)?.accuracy(), 1.0);
//! # Ok::<(), rosenblatt::Error>(())
//! ```

mod constant;
mod cosine;
mod decay;
mod power;
mod warm_up;

pub use constant::{ConstantRate, PiecewiseConstant};
pub use cosine::CosineDecay;
pub use decay::{ExponentialDecay, InverseTimeDecay, StepDecay};
pub use warm_up::WarmUp;

use crate::{
    error::{Error, Result},
    optimizer::{Optimizer, ZeroState, at_least_zero},
};
use rosenblatt_kernels::{F32Array, Simd, persist, persist::Persist, zero::ZeroBits, zero_bits};

/// A learning rate for each step.
///
/// A schedule of one's own: lr / √(1 + t).
///
/// ```
/// use rosenblatt::{Result, optimizer::at_least_zero, schedule::{Scheduled, Schedule}, prelude::*};
///
/// #[derive(Clone, Copy)]
/// struct InverseRoot {
///     lr: f32,
/// }
///
/// impl Schedule for InverseRoot {
///     fn at(&self, step: u32) -> f32 {
///         self.lr / (1.0 + step as f32).sqrt()
///     }
///
///     fn lr(&self) -> f32 {
///         self.lr
///     }
///
///     fn set_lr(&mut self, lr: f32) {
///         self.lr = lr;
///     }
///
///     fn check(&self) -> Result<()> {
///         at_least_zero("lr", self.lr)
///     }
/// }
///
/// let rule = Scheduled { optimizer: Adam::DEFAULT, schedule: InverseRoot { lr: 0.5 } };
/// assert_eq!(rule.schedule.at(3), 0.25);
/// ```
pub trait Schedule: Copy {
    /// Whether [`Schedule::check`] ensures that every rate is finite and at least 0. The rate of
    /// each step is then not checked.
    const FINITE: bool = false;

    /// The learning rate of a step; steps count from 0. It must be finite and at least 0:
    /// [`Scheduled`] rejects a step with any other rate.
    fn at(&self, step: u32) -> f32;

    /// The rate that scales all others: the first one, or the first one after a warm-up.
    fn lr(&self) -> f32;

    /// Replaces [`Schedule::lr`] and scales all other rates in proportion.
    fn set_lr(&mut self, lr: f32);

    /// Checks that every parameter is in its range.
    /// # Errors
    /// [`Error::HyperParameter`] names the first that is not.
    fn check(&self) -> Result<()>;
}

/// An optimizer whose learning rate follows a schedule, step by step.
///
/// The optimizer's own `lr` is not used. Its `decay`, 0 by default, still applies to the schedule's
/// rate. The trainer counts the steps: after [`Trainer::reset`](crate::Trainer::reset) the next
/// step is number 0 again. [`Optimizer::set_lr`] scales the whole schedule.
///
/// ```
/// use rosenblatt::{optimizer::Optimizer, schedule::{Scheduled, StepDecay}, prelude::*};
/// let schedule = StepDecay { lr: 0.5, drop: 0.1, every: 100 };
/// let rule = Scheduled { optimizer: Momentum::DEFAULT, schedule };
/// assert_eq!(rule.lr(), 0.5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Scheduled<O, S> {
    /// The update rule
    pub optimizer: O,
    /// The learning rates
    pub schedule: S,
}

/// The optimizer's state, and the number of steps done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScheduledState<T> {
    inner: T,
    step: u32,
}

zero_bits!([T: ZeroBits] ScheduledState<T>: { inner, step });
persist!([T: Persist] ScheduledState<T> = "scheduled state": { inner: T, step: u32 });
persist!([O: Persist, S: Persist] Scheduled<O, S> = "scheduled": { optimizer: O, schedule: S });

impl<T: ZeroState> ZeroState for ScheduledState<T> {
    const ZERO: Self = Self { inner: T::ZERO, step: 0 };

    fn set_zero(&mut self) {
        self.inner.set_zero();
        self.step = 0;
    }
}

impl<O: Optimizer, S: Schedule> Optimizer for Scheduled<O, S> {
    type State<P: F32Array> = ScheduledState<O::State<P>>;

    #[inline(always)]
    fn update<T: Simd, P: F32Array>(&self, s: T, state: &mut Self::State<P>, w: &mut P, dw: &P) {
        let mut optimizer = self.optimizer;
        optimizer.set_lr(self.schedule.at(state.step));
        state.step = state.step.saturating_add(1);
        optimizer.update(s, &mut state.inner, w, dw);
    }

    fn check(&self) -> Result<()> {
        self.schedule.check()?;
        self.optimizer.check()
    }

    fn lr(&self) -> f32 {
        self.schedule.lr()
    }

    fn set_lr(&mut self, lr: f32) {
        self.schedule.set_lr(lr);
    }

    fn last_lr<P: F32Array>(&self, state: &Self::State<P>) -> f32 {
        let mut optimizer = self.optimizer;
        optimizer.set_lr(self.schedule.at(state.step.saturating_sub(1)));
        optimizer.last_lr(&state.inner)
    }

    fn check_next<P: F32Array>(&self, state: &Self::State<P>) -> Result<()> {
        if S::FINITE {
            Ok(())
        } else {
            at_least_zero("the schedule's learning rate", self.schedule.at(state.step))
        }
    }

    #[inline(always)]
    fn prepare<T: Simd>(&self, s: T, gradient: &mut [f32]) {
        self.optimizer.prepare(s, gradient);
    }
}

/// lr·factor; `factor` is at least 0 and may be infinite. The result is at most the greatest f32,
/// and 0 if lr is 0.
fn times(lr: f32, factor: f32) -> f32 {
    let rate = lr * factor;
    if lr == 0.0 {
        0.0
    } else if rate < f32::MAX {
        rate
    } else {
        f32::MAX
    }
}

/// An error unless there is at least one step.
fn at_least_one(name: &'static str, steps: u32) -> Result<()> {
    if steps > 0 {
        Ok(())
    } else {
        Err(Error::HyperParameter { name, value: 0.0, expected: "a number of at least 1" })
    }
}

/// t/steps, rounded down with `staircase`.
fn quotient(step: u32, steps: u32, staircase: bool) -> f32 {
    if staircase { step.checked_div(steps).unwrap_or(0) as f32 } else { step as f32 / steps as f32 }
}
