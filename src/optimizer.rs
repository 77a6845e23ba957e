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

// From +0 up the bits are in the order of the numbers, and those of NaN and of negative numbers are above: a step asks five times, by one comparison of
// integers each.

/// An error unless `value` is finite and at least zero.
#[inline(always)]
pub(crate) fn at_least_zero(name: &'static str, value: f32) -> Result<()> {
    if value.to_bits() < f32::INFINITY.to_bits() { Ok(()) } else { zero(name, value, "a finite number of at least 0") }
}

/// An error unless `value` is finite and above zero.
#[inline(always)]
pub(crate) fn positive(name: &'static str, value: f32) -> Result<()> {
    let good = value.to_bits().wrapping_sub(1) < f32::INFINITY.to_bits() - 1;
    if good { Ok(()) } else { Err(Error::HyperParameter { name, value, expected: "a finite number above 0" }) }
}

/// An error unless `value` lies in [0, 1).
#[inline(always)]
pub(crate) fn below_one(name: &'static str, value: f32) -> Result<()> {
    if value.to_bits() < 1f32.to_bits() { Ok(()) } else { zero(name, value, "a number in [0, 1)") }
}

/// An error unless `value` is zero, −0 that is.
#[cold]
#[inline(never)]
fn zero(name: &'static str, value: f32, expected: &'static str) -> Result<()> {
    if value == 0.0 { Ok(()) } else { Err(Error::HyperParameter { name, value, expected }) }
}
