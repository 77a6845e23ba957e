//! Rates that fall.

use super::{Schedule, at_least_one, power::power, quotient, times};
use crate::{
    error::Result,
    optimizer::{at_least_zero, learning_rate, positive},
};
use rosenblatt_kernels::{environment::standard, persist};

/// lr / (1 + decay_rate·t/decay_steps). With `staircase` the quotient t/decay_steps is rounded
/// down. Keras' `InverseTimeDecay`.
///
/// With `decay_steps` 1 it computes the same as an optimizer's `decay`.
///
/// ```
/// use rosenblatt::{schedule::{InverseTimeDecay, Schedule}, prelude::*};
/// let schedule = InverseTimeDecay { lr: 1.0, decay_steps: 10, decay_rate: 1.0, staircase: false };
/// assert_eq!([0, 10, 30].map(|step| schedule.at(step)), [1.0, 0.5, 0.25]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct InverseTimeDecay {
    /// The first learning rate
    pub lr: f32,
    /// Number of steps of a decay, at least 1
    pub decay_steps: u32,
    /// Strength: after `decay_steps` steps the rate is lr / (1 + decay_rate)
    pub decay_rate: f32,
    /// Whether it falls only every `decay_steps` steps
    pub staircase: bool,
}

persist!([] InverseTimeDecay = "inverse time":
    { lr: f32, decay_steps: u32, decay_rate: f32, staircase: bool });

impl Schedule for InverseTimeDecay {
    const FINITE: bool = true;

    fn at(&self, step: u32) -> f32 {
        standard(|| {
            self.lr / (1.0 + self.decay_rate * quotient(step, self.decay_steps, self.staircase))
        })
    }

    fn check(&self) -> Result<()> {
        at_least_zero("lr", self.lr)?;
        at_least_one("decay_steps", self.decay_steps)?;
        at_least_zero("decay_rate", self.decay_rate)
    }

    learning_rate!();
}

/// lr·decay_rate^(t/decay_steps). With `staircase` the exponent is rounded down. Keras'
/// `ExponentialDecay`.
///
/// The power of the whole part of the exponent is a product in pairs of f32. The power of the rest
/// is exp(rest·ln decay_rate). A power of 2¹⁰⁰ or more counts as ∞.
///
/// ```
/// use rosenblatt::{schedule::{ExponentialDecay, Schedule}, prelude::*};
/// let schedule = ExponentialDecay { lr: 1.0, decay_steps: 10, decay_rate: 0.5, staircase: true };
/// assert_eq!([0, 9, 10, 25].map(|step| schedule.at(step)), [1.0, 1.0, 0.5, 0.25]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ExponentialDecay {
    /// The first learning rate
    pub lr: f32,
    /// Number of steps of a decay, at least 1
    pub decay_steps: u32,
    /// Factor of the rate after `decay_steps` steps, above 0
    pub decay_rate: f32,
    /// Whether it falls only every `decay_steps` steps
    pub staircase: bool,
}

persist!([] ExponentialDecay = "exponential":
    { lr: f32, decay_steps: u32, decay_rate: f32, staircase: bool });

impl Schedule for ExponentialDecay {
    const FINITE: bool = true;

    fn at(&self, step: u32) -> f32 {
        standard(|| times(self.lr, power(self.decay_rate, step, self.decay_steps, self.staircase)))
    }

    fn check(&self) -> Result<()> {
        at_least_zero("lr", self.lr)?;
        at_least_one("decay_steps", self.decay_steps)?;
        positive("decay_rate", self.decay_rate)
    }

    learning_rate!();
}

/// lr·drop^⌊t/every⌋: the rate drops every `every` steps. It is the lecture's form of
/// [`ExponentialDecay`] with `staircase`.
///
/// ```
/// use rosenblatt::{schedule::{StepDecay, Schedule}, prelude::*};
/// let schedule = StepDecay { lr: 1.0, drop: 0.5, every: 10 };
/// assert_eq!([0, 9, 10, 20, 39].map(|step| schedule.at(step)), [1.0, 1.0, 0.5, 0.25, 0.125]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StepDecay {
    /// The first learning rate
    pub lr: f32,
    /// Factor of each drop, above 0
    pub drop: f32,
    /// Number of steps between drops, at least 1
    pub every: u32,
}

persist!([] StepDecay = "step": { lr: f32, drop: f32, every: u32 });

impl Schedule for StepDecay {
    const FINITE: bool = true;

    fn at(&self, step: u32) -> f32 {
        standard(|| times(self.lr, power(self.drop, step, self.every, true)))
    }

    fn check(&self) -> Result<()> {
        at_least_zero("lr", self.lr)?;
        positive("drop", self.drop)?;
        at_least_one("every", self.every)
    }

    learning_rate!();
}
