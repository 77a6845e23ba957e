//! Rates that fall.

use super::{Schedule, at_least_one, power::power, quotient, times};
use crate::{
    error::Result,
    optimizer::{at_least_zero, learning_rate, positive},
};
use rosenblatt_kernels::environment::standard;

/// lr / (1 + decay_rate·t/decay_steps); with `staircase` the quotient t/decay_steps is rounded down. Keras' `InverseTimeDecay`.
///
/// With `decay_steps` 1 it is what an optimizer's `decay` does.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct InverseTimeDecay {
    /// The first learning rate
    pub lr: f32,
    /// How many steps a decay takes, at least 1
    pub decay_steps: u32,
    /// How strong it is: after `decay_steps` steps the rate is lr / (1 + decay_rate)
    pub decay_rate: f32,
    /// Whether it falls only every `decay_steps` steps
    pub staircase: bool,
}

impl Schedule for InverseTimeDecay {
    const FINITE: bool = true;

    fn at(&self, step: u32) -> f32 {
        standard(|| self.lr / (1.0 + self.decay_rate * quotient(step, self.decay_steps, self.staircase)))
    }

    fn check(&self) -> Result<()> {
        at_least_zero("lr", self.lr)?;
        at_least_one("decay_steps", self.decay_steps)?;
        at_least_zero("decay_rate", self.decay_rate)
    }

    learning_rate!();
}

/// lr·decay_rate^(t/decay_steps); with `staircase` the exponent is rounded down. Keras' `ExponentialDecay`.
///
/// A whole exponent's power is a product carried in pairs of f32, the rest's is exp(rest·ln decay_rate). From 2¹⁰⁰ on a power counts as ∞.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ExponentialDecay {
    /// The first learning rate
    pub lr: f32,
    /// How many steps a decay takes, at least 1
    pub decay_steps: u32,
    /// What the rate is multiplied with after `decay_steps` steps, above 0
    pub decay_rate: f32,
    /// Whether it falls only every `decay_steps` steps
    pub staircase: bool,
}

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

/// lr·drop^⌊t/every⌋: every so many steps the rate drops. [`ExponentialDecay`] as a staircase, in the lecture's words.
///
/// ```
/// use rosenblatt::{prelude::*, schedule::Schedule};
/// let schedule = StepDecay { lr: 1.0, drop: 0.5, every: 10 };
/// assert_eq!([0, 9, 10, 20, 39].map(|step| schedule.at(step)), [1.0, 1.0, 0.5, 0.25, 0.125]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StepDecay {
    /// The first learning rate
    pub lr: f32,
    /// What the rate is multiplied with, above 0
    pub drop: f32,
    /// Every how many steps, at least 1
    pub every: u32,
}

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
