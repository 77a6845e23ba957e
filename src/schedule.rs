//! Learning-rate schedules: the rate as a function of the step.
//!
//! Formulas and names are those of Keras' `LearningRateSchedule`s; steps count from 0. A rate that grows without end stops at the greatest f32; a rate of 0 stays 0. All arithmetic is f32 in a fixed order, powers and the cosine by the project's own code:
//! the same bits on every target.
//!
//! | schedule | learning rate of step t |
//! |---|---|
//! | [`ConstantRate`] | lr |
//! | [`InverseTimeDecay`] | lr / (1 + decay_rate·t/decay_steps) |
//! | [`StepDecay`] | lr·drop^⌊t/every⌋ |
//! | [`ExponentialDecay`] | lr·decay_rate^(t/decay_steps) |
//! | [`CosineDecay`] | lr·((1 − alpha)·½(1 + cos(π·min(t/decay_steps, 1))) + alpha) |
//! | [`PiecewiseConstant`] | one value after another |
//! | [`WarmUp`] | rises along a line for `steps` steps to where the schedule `then` starts, which follows |
//!
//! With `staircase` the quotient t/decay_steps is rounded down. A schedule drives any optimizer through [`Scheduled`]:
//!
//! ```
//! use rosenblatt::prelude::*;
//!
//! type Xor = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;
//! type Rule = Scheduled<Adam, WarmUp<CosineDecay>>;
//!
//! let cosine = CosineDecay { lr: 0.03, decay_steps: 400, alpha: 0.1 };
//! let rule = Rule { optimizer: Adam::DEFAULT, schedule: WarmUp { start: 0.0, steps: 20, then: cosine } };
//! let mut net = Xor::new();
//! net.init(Seed(1957));
//! let mut trainer = Trainer::<Xor, Rule, BinaryCrossEntropy, 4>::new();
//! trainer.fit(&mut net, &gates::XOR.x, &gates::XOR.t, &Fit { epochs: 420, ..Fit::new(rule) }, &mut ())?;
//! assert_eq!(trainer.evaluate(&net, &gates::XOR.x, &gates::XOR.t)?.accuracy(), 1.0);
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
    optimizer::{Optimizer, Zero, at_least_zero},
};
use rosenblatt_kernels::{Plain, Simd, zero::ZeroBits, zero_bits};

/// A learning rate for each step.
pub trait Schedule: Copy {
    /// Whether every rate is finite and at least 0 wherever [`Schedule::check`] is content: then nobody looks at each step's.
    const FINITE: bool = false;

    /// The learning rate of a step, which is counted from 0. It must be finite and at least 0: [`Scheduled`] refuses a step with another one.
    fn at(&self, step: u32) -> f32;

    /// The rate that all others are in proportion to: the first one; after a warm-up.
    fn lr(&self) -> f32;

    /// Puts another rate in the place of [`Schedule::lr`]; the others follow in proportion.
    fn set_lr(&mut self, lr: f32);

    /// Whether every parameter lies in its range.
    /// # Errors
    /// [`Error::HyperParameter`] names the first that does not.
    fn check(&self) -> Result<()>;
}

/// An optimizer whose learning rate a schedule gives, step by step.
///
/// The optimizer's own `lr` is not used; its `decay`, 0 by default, would come on top. The trainer keeps the count of steps:
/// [`Trainer::reset`](crate::Trainer::reset) makes the next one the first, number 0. [`Optimizer::set_lr`] raises or lowers the whole schedule.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Scheduled<O, S> {
    /// What makes the steps
    pub optimizer: O,
    /// How long they are
    pub schedule: S,
}

/// What the optimizer remembers, and the steps done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScheduledState<T> {
    inner: T,
    step: u32,
}

zero_bits!([T: ZeroBits] ScheduledState<T>: { inner, step });

impl<T: Zero> Zero for ScheduledState<T> {
    const ZERO: Self = Self { inner: T::ZERO, step: 0 };

    fn set_zero(&mut self) {
        self.inner.set_zero();
        self.step = 0;
    }
}

impl<O: Optimizer, S: Schedule> Optimizer for Scheduled<O, S> {
    type State<P: Plain> = ScheduledState<O::State<P>>;

    #[inline(always)]
    fn update<T: Simd, P: Plain>(&self, s: T, state: &mut Self::State<P>, w: &mut P, dw: &P) {
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

    fn last_lr<P: Plain>(&self, state: &Self::State<P>) -> f32 {
        let mut optimizer = self.optimizer;
        optimizer.set_lr(self.schedule.at(state.step.saturating_sub(1)));
        optimizer.last_lr(&state.inner)
    }

    fn check_next<P: Plain>(&self, state: &Self::State<P>) -> Result<()> {
        if S::FINITE { Ok(()) } else { at_least_zero("the schedule's learning rate", self.schedule.at(state.step)) }
    }

    #[inline(always)]
    fn prepare<T: Simd>(&self, s: T, gradient: &mut [f32]) {
        self.optimizer.prepare(s, gradient);
    }
}

/// lr·factor, where the factor is at least 0 and may be infinite: at most the greatest f32, and 0 where lr is 0.
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

/// An error for a span of no steps.
fn at_least_one(name: &'static str, steps: u32) -> Result<()> {
    if steps > 0 { Ok(()) } else { Err(Error::HyperParameter { name, value: 0.0, expected: "a number of at least 1" }) }
}

/// t/steps, rounded down with `staircase`.
fn quotient(step: u32, steps: u32, staircase: bool) -> f32 {
    if staircase { step.checked_div(steps).unwrap_or(0) as f32 } else { step as f32 / steps as f32 }
}
