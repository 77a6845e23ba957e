//! Constant and piecewise constant rates.

use super::{Schedule, times};
use crate::{
    error::{Error, Result},
    optimizer::{at_least_zero, learning_rate},
};
use rosenblatt_kernels::{
    persist,
    persist::{Persist, Words, joined, name_code},
};

/// The same rate for every step.
///
/// ```
/// use rosenblatt::{schedule::{ConstantRate, Schedule}, prelude::*};
/// assert_eq!(ConstantRate { lr: 0.5 }.at(1000), 0.5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ConstantRate {
    /// Learning rate
    pub lr: f32,
}

persist!([] ConstantRate = "constant": { lr: f32 });

impl Schedule for ConstantRate {
    const FINITE: bool = true;

    fn at(&self, _: u32) -> f32 {
        self.lr
    }

    fn check(&self) -> Result<()> {
        at_least_zero("lr", self.lr)
    }

    learning_rate!();
}

/// One rate after another. `lr` holds up to and including the first boundary. Each piece's rate
/// holds from the step after its boundary. Keras' `PiecewiseConstantDecay`.
///
/// ```
/// use rosenblatt::{schedule::{PiecewiseConstant, Schedule}, prelude::*};
/// let schedule = PiecewiseConstant { lr: 0.5, then: [(100, 0.25), (200, 0.125)] };
/// let rates = [0, 100, 101, 200, 201].map(|step| schedule.at(step));
/// assert_eq!(rates, [0.5, 0.5, 0.25, 0.25, 0.125]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PiecewiseConstant<const N: usize> {
    /// The first learning rate
    pub lr: f32,
    /// For each later piece: the last step of the piece before, and the rate after it. Boundaries
    /// ascend
    pub then: [(u32, f32); N],
}

impl<const N: usize> Persist for PiecewiseConstant<N> {
    const CODE: u32 = joined(name_code("piecewise"), N as u32);
    const WORDS: usize = 1 + 2 * N;

    fn words(&mut self, words: &mut impl Words) {
        self.lr.words(words);
        for (boundary, lr) in &mut self.then {
            boundary.words(words);
            lr.words(words);
        }
    }
}

impl<const N: usize> Schedule for PiecewiseConstant<N> {
    const FINITE: bool = true;

    fn at(&self, step: u32) -> f32 {
        self.then
            .iter()
            .take_while(|(boundary, _)| step > *boundary)
            .last()
            .map_or(self.lr, |(_, lr)| *lr)
    }

    fn lr(&self) -> f32 {
        self.lr
    }

    fn set_lr(&mut self, lr: f32) {
        // A rate of 0 cannot be scaled: all others become 0 too.
        let factor = if self.lr == 0.0 { 0.0 } else { lr / self.lr };
        self.lr = lr;
        for (_, rate) in &mut self.then {
            *rate = times(*rate, factor);
        }
    }

    fn check(&self) -> Result<()> {
        at_least_zero("lr", self.lr)?;
        let mut before = None;
        for (boundary, lr) in self.then {
            at_least_zero("lr", lr)?;
            if before.is_some_and(|before| before >= boundary) {
                let value = boundary as f32;
                return Err(Error::HyperParameter {
                    name: "boundary",
                    value,
                    expected: "one above the boundary before",
                });
            }
            before = Some(boundary);
        }
        Ok(())
    }
}
