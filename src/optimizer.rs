//! Optimizers: how a gradient becomes a step.
//!
//! Hyper-parameters are a small value of their own; what an optimizer remembers ([`Optimizer::State`]) lies in the trainer and starts as zero bits.

mod adam;
mod sgd;

pub use adam::{Adam, AdamState};
pub use sgd::{Sgd, SgdState};

use crate::error::{Error, Result};
use rosenblatt_kernels::{Plain, Simd};

/// A value that is all zero bits: a static of it lies in `.bss` and costs no flash.
pub trait Zero {
    /// The value.
    const ZERO: Self;

    /// Becomes the value, in place: nothing large crosses the stack.
    fn set_zero(&mut self);
}

/// The hyper-parameters of an update rule.
pub trait Optimizer: Copy {
    /// What it remembers between steps, for parameters of type `P`.
    type State<P: Plain>: Zero;

    /// One step: w ← w − (something of dw and the state). Element by element, the same bits on every backend.
    fn update<S: Simd, P: Plain>(&self, s: S, state: &mut Self::State<P>, w: &mut P, dw: &P);

    /// The learning rate it holds, before decay.
    fn lr(&self) -> f32;

    /// Sets the learning rate.
    fn set_lr(&mut self, lr: f32);

    /// Whether every hyper-parameter lies in its range.
    /// # Errors
    /// [`Error::HyperParameter`] names the first that does not.
    fn check(&self) -> Result<()>;
}

/// lr_t = lr / (1 + decay·(t − 1)), t from 1, as Keras' `decay`.
#[inline(always)]
pub(crate) fn decayed(lr: f32, decay: f32, t: u32) -> f32 {
    if decay == 0.0 { lr } else { lr / (1.0 + decay * (t - 1) as f32) }
}

/// An error unless `value` is finite and at least zero.
pub(crate) fn at_least_zero(name: &'static str, value: f32) -> Result<()> {
    if value >= 0.0 && value.is_finite() {
        Ok(())
    } else {
        Err(Error::HyperParameter { name, value, expected: "a finite number of at least 0" })
    }
}

/// An error unless `value` is finite and above zero.
pub(crate) fn positive(name: &'static str, value: f32) -> Result<()> {
    if value > 0.0 && value.is_finite() {
        Ok(())
    } else {
        Err(Error::HyperParameter { name, value, expected: "a finite number above 0" })
    }
}

/// An error unless `value` lies in [0, 1).
pub(crate) fn below_one(name: &'static str, value: f32) -> Result<()> {
    if (0.0..1.0).contains(&value) {
        Ok(())
    } else {
        Err(Error::HyperParameter { name, value, expected: "a number in [0, 1)" })
    }
}
