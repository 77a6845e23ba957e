//! Rates that stay, for ever or for a while.

use super::{Schedule, times};
use crate::{
    error::{Error, Result},
    optimizer::{at_least_zero, learning_rate},
};

/// The same rate for every step.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ConstantRate {
    /// Learning rate
    pub lr: f32,
}

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

/// One rate after another: `lr` up to and including the first boundary, then each piece's rate from the step after its boundary on. Keras' `PiecewiseConstantDecay`.
///
/// ```
/// use rosenblatt::{prelude::*, schedule::Schedule};
/// let schedule = PiecewiseConstant { lr: 0.5, then: [(100, 0.25), (200, 0.125)] };
/// assert_eq!([0, 100, 101, 200, 201].map(|step| schedule.at(step)), [0.5, 0.5, 0.25, 0.25, 0.125]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PiecewiseConstant<const N: usize> {
    /// The first learning rate
    pub lr: f32,
    /// The last step of what was before, and the rate from then on; boundaries ascend
    pub then: [(u32, f32); N],
}

impl<const N: usize> Schedule for PiecewiseConstant<N> {
    const FINITE: bool = true;

    fn at(&self, step: u32) -> f32 {
        self.then.iter().take_while(|(boundary, _)| step > *boundary).last().map_or(self.lr, |(_, lr)| *lr)
    }

    fn lr(&self) -> f32 {
        self.lr
    }

    fn set_lr(&mut self, lr: f32) {
        // From 0 there is no way back.
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
