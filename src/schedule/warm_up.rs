//! A linear warm-up.

use super::Schedule;
use crate::{error::Result, optimizer::at_least_zero};
use rosenblatt_kernels::{environment::standard, persist, persist::Persist};

/// A linear warm-up before any schedule: (target − start)·t/steps + start for t < `steps`, where
/// target is the first rate of `then`. After it `then` follows, from its own step 0.
///
/// Before a [`CosineDecay`](super::CosineDecay) it is Keras' `CosineDecay` with `warmup_target` and
/// `warmup_steps`.
///
/// ```
/// use rosenblatt::{schedule::{StepDecay, WarmUp, Schedule}, prelude::*};
/// let then = StepDecay { lr: 1.0, drop: 0.5, every: 2 };
/// let schedule = WarmUp { start: 0.0, steps: 4, then };
/// let rates = [0, 1, 3, 4, 5, 6].map(|step| schedule.at(step));
/// assert_eq!(rates, [0.0, 0.25, 0.75, 1.0, 1.0, 0.5]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WarmUp<S> {
    /// The rate of step 0
    pub start: f32,
    /// Number of steps of the warm-up; 0 for none
    pub steps: u32,
    /// The schedule that follows
    pub then: S,
}

persist!([S: Persist] WarmUp<S> = "warm up": { start: f32, steps: u32, then: S });

impl<S: Schedule> Schedule for WarmUp<S> {
    const FINITE: bool = S::FINITE;

    fn at(&self, step: u32) -> f32 {
        if let Some(step) = step.checked_sub(self.steps) {
            return self.then.at(step);
        }
        standard(|| (self.then.at(0) - self.start) * (step as f32 / self.steps as f32) + self.start)
    }

    fn lr(&self) -> f32 {
        self.then.lr()
    }

    /// Scales `then`. The warm-up still begins at `start`.
    fn set_lr(&mut self, lr: f32) {
        self.then.set_lr(lr);
    }

    fn check(&self) -> Result<()> {
        at_least_zero("start", self.start)?;
        self.then.check()
    }
}
