//! A rate that falls along a cosine.

use super::{Schedule, at_least_one, quotient};
use crate::{
    error::{Error, Result},
    optimizer::{at_least_zero, learning_rate},
};
use rosenblatt_kernels::{arch::scalar::Scalar, environment::standard, math, persist};

/// lr·((1 − alpha)·½(1 + cos(π·p)) + alpha), p = min(t, decay_steps)/decay_steps: the rate falls
/// from lr to lr·alpha. Keras' `CosineDecay`; Loshchilov and Hutter, 2017.
///
/// [`WarmUp`](super::WarmUp) before it replaces Keras' `warmup_target` and `warmup_steps`.
///
/// ```
/// use rosenblatt::{schedule::{CosineDecay, Schedule}, prelude::*};
/// let schedule = CosineDecay { lr: 1.0, decay_steps: 10, alpha: 0.25 };
/// assert_eq!([0, 10, 20].map(|step| schedule.at(step)), [1.0, 0.25, 0.25]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CosineDecay {
    /// The first learning rate
    pub lr: f32,
    /// Number of steps in which it falls, at least 1
    pub decay_steps: u32,
    /// The last rate as a share of lr, from 0 to 1
    pub alpha: f32,
}

persist!([] CosineDecay = "cosine": { lr: f32, decay_steps: u32, alpha: f32 });

impl Schedule for CosineDecay {
    const FINITE: bool = true;

    fn at(&self, step: u32) -> f32 {
        standard(|| {
            let p = quotient(step.min(self.decay_steps), self.decay_steps, false);
            let cosine = 0.5 * (1.0 + math::cos_pi(Scalar, p));
            self.lr * ((1.0 - self.alpha) * cosine + self.alpha)
        })
    }

    fn check(&self) -> Result<()> {
        at_least_zero("lr", self.lr)?;
        at_least_one("decay_steps", self.decay_steps)?;
        if (0.0..=1.0).contains(&self.alpha) {
            Ok(())
        } else {
            Err(Error::HyperParameter {
                name: "alpha",
                value: self.alpha,
                expected: "a number in [0, 1]",
            })
        }
    }

    learning_rate!();
}
