//! Optimizers: how a gradient becomes a step.
//!
//! Hyper-parameters are a small value of their own; what an optimizer remembers ([`Optimizer::State`]) lies in the trainer and starts as zero bits.
//!
//! | optimizer | a step, g the gradient, t its number from 1, lr_t = lr / (1 + decay·(t − 1)) | state |
//! |---|---|---|
//! | [`Sgd`] | w ← w − lr_t·g | |
//! | [`Momentum`] | v ← r·v − lr_t·g; w ← w + v | v |
//! | [`Nesterov`] | v ← r·v − lr_t·g; w ← w + r·v − lr_t·g | v |
//! | [`AdaGrad`] | h ← h + g²; w ← w − lr_t·g / √(h + ε) | h |
//! | [`RmsProp`] | h ← ρ·h + (1 − ρ)·g²; w ← w − lr_t·g / √(h + ε) | h |
//! | [`Adam`] | m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²; w ← w − α·m / (√v + ε), α = lr_t·√(1 − β₂ᵗ) / (1 − β₁ᵗ) | m, v |
//! | [`AdamW`] | w ← w − lr_t·λ·w, then as Adam | m, v |
//!
//! In those that divide by a root of squares, a value of the gradient of 2⁶³ (9.2e18) or more, whose square f32 can hardly hold, is not remembered: the weight goes one learning rate
//! (Adam: α) against the sign of g, and the state stays, so that one such value does not stop its weight for good.
//!
//! Around any of them: [`Scheduled`](crate::schedule::Scheduled) gives each step its learning rate, [`ClipValue`] and [`ClipNorm`] keep the gradient
//! within bounds. They nest: `Scheduled<ClipNorm<Adam>, CosineDecay>`.

mod adagrad;
mod adam;
mod adamw;
mod clip;
mod momentum;
mod nesterov;
mod power;
mod rmsprop;
mod sgd;

pub use adagrad::AdaGrad;
pub use adam::{Adam, AdamState};
pub use adamw::AdamW;
pub use clip::{ClipNorm, ClipValue};
pub use momentum::Momentum;
pub use nesterov::Nesterov;
pub use rmsprop::RmsProp;
pub use sgd::{Sgd, SgdState};

use crate::error::{Error, Result};
use rosenblatt_kernels::{Plain, Simd, zero_bits};

/// A value that is all zero bits: a static of it lies in `.bss` and costs no flash.
pub trait Zero {
    /// The value.
    const ZERO: Self;

    /// Becomes the value, in place: nothing large crosses the stack.
    fn set_zero(&mut self);
}

/// The hyper-parameters of an update rule.
pub trait Optimizer: Copy {
    /// What it remembers between steps, for parameters of type `P`. For a trainer on the heap it must be [`ZeroBits`](rosenblatt_kernels::zero::ZeroBits), which
    /// [`zero_bits!`] makes of a struct.
    type State<P: Plain>: Zero;

    /// One step: w ← w − (something of dw and the state). Element by element, the same bits on every backend.
    fn update<S: Simd, P: Plain>(&self, s: S, state: &mut Self::State<P>, w: &mut P, dw: &P);

    /// Whether every hyper-parameter lies in its range.
    /// # Errors
    /// [`Error::HyperParameter`] names the first that does not.
    fn check(&self) -> Result<()>;

    /// The learning rate, before any `decay`.
    fn lr(&self) -> f32;

    /// Takes another learning rate; what the optimizer remembers stays.
    fn set_lr(&mut self, lr: f32);

    /// The learning rate that the last step used, with `decay` and a schedule's; before the first step, the rate of that one.
    fn last_lr<P: Plain>(&self, state: &Self::State<P>) -> f32 {
        let _ = state;
        self.lr()
    }

    /// Whether the next step's learning rate is one: a schedule of one's own may give anything.
    /// # Errors
    /// [`Error::HyperParameter`] for a rate that is negative, infinite or NaN.
    #[inline(always)]
    fn check_next<P: Plain>(&self, state: &Self::State<P>) -> Result<()> {
        let _ = state;
        Ok(())
    }

    /// Looks at the gradient, which is finite, before [`Optimizer::update`] and may change it: clipping. All parameters' values in a row.
    #[inline(always)]
    fn prepare<S: Simd>(&self, _s: S, _gradient: &mut [f32]) {}
}

/// One number a parameter, and the steps done: what momentum, AdaGrad and RMSProp remember.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accumulator<P> {
    x: P,
    t: u32,
}

impl<P: Plain> Zero for Accumulator<P> {
    const ZERO: Self = Self { x: P::ZERO, t: 0 };

    fn set_zero(&mut self) {
        self.x.as_flat_mut().fill(0.0);
        self.t = 0;
    }
}

zero_bits!([P: Plain] Accumulator<P>: { x, t });

impl<P: Plain> Accumulator<P> {
    /// Begins a step: the numbers, and lr_t.
    #[inline(always)]
    fn next(&mut self, lr: f32, decay: f32) -> (&mut [f32], f32) {
        self.t = self.t.saturating_add(1);
        (self.x.as_flat_mut(), decayed(lr, decay, self.t))
    }
}

/// `Default` and `with_lr` of an optimizer that has a constant `DEFAULT`.
macro_rules! defaults {
    ($optimizer:ident) => {
        impl $optimizer {
            /// The defaults with another learning rate.
            #[must_use]
            pub const fn with_lr(lr: f32) -> Self {
                Self { lr, ..Self::DEFAULT }
            }
        }

        impl Default for $optimizer {
            fn default() -> Self {
                Self::DEFAULT
            }
        }
    };
}
use defaults;

/// The methods of an [`Optimizer`] or [`Schedule`](crate::schedule::Schedule) about the learning rate, which is the field `lr`.
macro_rules! learning_rate {
    () => {
        #[inline(always)]
        fn lr(&self) -> f32 {
            self.lr
        }

        #[inline(always)]
        fn set_lr(&mut self, lr: f32) {
            self.lr = lr;
        }
    };
}
pub(crate) use learning_rate;

/// The method of an [`Optimizer`] about the last step's rate, where the state counts steps in `t`.
macro_rules! counted_steps {
    () => {
        fn last_lr<P: Plain>(&self, state: &Self::State<P>) -> f32 {
            super::decayed(self.lr, self.decay, state.t)
        }
    };
}
use counted_steps;

/// lr_t = lr / (1 + decay·(t − 1)), t from 1, as Keras' `decay`; lr where t is 0.
#[inline(always)]
pub(crate) fn decayed(lr: f32, decay: f32, t: u32) -> f32 {
    if decay == 0.0 { lr } else { lr / (1.0 + decay * t.saturating_sub(1) as f32) }
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

/// An error unless `value` is finite and at least `least`, which is above zero. `expected` says so.
#[inline(always)]
pub(crate) fn at_least(name: &'static str, value: f32, least: f32, expected: &'static str) -> Result<()> {
    let good = value.to_bits().wrapping_sub(least.to_bits()) < f32::INFINITY.to_bits() - least.to_bits();
    if good { Ok(()) } else { Err(Error::HyperParameter { name, value, expected }) }
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
