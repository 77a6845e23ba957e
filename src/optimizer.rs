//! Optimizers: the update of the weights from a gradient.
//!
//! An optimizer value holds the hyper-parameters. Its state between steps ([`Optimizer::State`])
//! lies in the trainer and starts as zero bits.
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
//! AdaGrad, RMSProp, Adam and AdamW divide by a root of squares. A value of the gradient of 2⁶³
//! (9.2e18) or more has a square that f32 can hardly hold. They leave such a value out of the state
//! and move the weight by one learning rate (Adam: α) against the sign of g. Otherwise one such
//! value would stop its weight for good.
//!
//! Wrappers take any of them: [`Scheduled`](crate::schedule::Scheduled) sets the learning rate of
//! each step, [`ClipValue`] and [`ClipNorm`] bound the gradient. Wrappers nest:
//! `Scheduled<ClipNorm<Adam>, CosineDecay>`.

mod adagrad;
mod adam;
mod adamw;
mod clip;
mod momentum;
mod nesterov;
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
use rosenblatt_kernels::{F32Array, Simd, persist, zero_bits};

/// A type with a value that is all zero bits. A `static` of it lies in `.bss` and costs no flash.
pub trait ZeroState {
    /// The value.
    const ZERO: Self;

    /// Sets `self` to zero in place. Nothing large crosses the stack.
    fn set_zero(&mut self);
}

/// An update rule with its hyper-parameters.
///
/// An optimizer of one's own: w ← w − lr·sign(g), without state.
///
/// ```
/// use rosenblatt::{
///     Result,
///     kernels::{F32Array, Simd},
///     optimizer::{Optimizer, ZeroState, at_least_zero},
///     prelude::*,
/// };
///
/// #[derive(Clone, Copy)]
/// struct SignDescent {
///     lr: f32,
/// }
///
/// struct NoState;
///
/// impl ZeroState for NoState {
///     const ZERO: Self = Self;
///
///     fn set_zero(&mut self) {}
/// }
///
/// impl Optimizer for SignDescent {
///     type State<P: F32Array> = NoState;
///
///     fn update<S: Simd, P: F32Array>(&self, _: S, _: &mut NoState, w: &mut P, dw: &P) {
///         for (w, g) in w.as_flat_mut().iter_mut().zip(dw.as_flat()) {
///             if *g != 0.0 {
///                 *w -= self.lr * g.signum();
///             }
///         }
///     }
///
///     fn check(&self) -> Result<()> {
///         at_least_zero("lr", self.lr)
///     }
///
///     fn lr(&self) -> f32 {
///         self.lr
///     }
///
///     fn set_lr(&mut self, lr: f32) {
///         self.lr = lr;
///     }
/// }
///
/// type Line = Mlp<(Dense<1, 1>,)>;
/// let mut net = Line::ZERO;
/// let mut trainer = Trainer::<Line, MeanSquaredError, SignDescent, 1>::ZERO;
/// trainer.step(&mut net, (&[[-3.0]], &[[7.0]]), &SignDescent { lr: 0.5 })?;
/// assert_eq!(net.weights(), [-0.5, 0.5]);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
pub trait Optimizer: Copy {
    /// The state between steps, for parameters of type `P`. In a trainer on the heap it must be
    /// [`ZeroBits`](rosenblatt_kernels::zero::ZeroBits); [`zero_bits!`] implements that for a
    /// struct.
    type State<P: F32Array>: ZeroState;

    /// One step: w ← w − (a function of dw and the state). It works element by element and gives
    /// the same bits on every backend.
    fn update<S: Simd, P: F32Array>(&self, s: S, state: &mut Self::State<P>, w: &mut P, dw: &P);

    /// Checks that every hyper-parameter is in its range.
    /// # Errors
    /// [`Error::HyperParameter`] names the first that is not.
    fn check(&self) -> Result<()>;

    /// The learning rate, before any `decay`.
    fn lr(&self) -> f32;

    /// Sets the learning rate. The state stays.
    fn set_lr(&mut self, lr: f32);

    /// The learning rate of the last step, with `decay` and a schedule. Before the first step, the
    /// learning rate of the first step.
    fn last_lr<P: F32Array>(&self, state: &Self::State<P>) -> f32 {
        let _ = state;
        self.lr()
    }

    /// Checks the learning rate of the next step: a schedule of one's own can return any number.
    /// # Errors
    /// [`Error::HyperParameter`] for a rate that is negative, infinite or NaN.
    #[inline(always)]
    fn check_next<P: F32Array>(&self, state: &Self::State<P>) -> Result<()> {
        let _ = state;
        Ok(())
    }

    /// Computes early what [`Optimizer::update`] needs of the state alone, if that takes long. A
    /// trainer calls it before each forward pass: divisions then overlap the passes. It changes no
    /// result of `update`, which must also work without it.
    #[inline(always)]
    fn look_ahead<P: F32Array>(&self, state: &mut Self::State<P>) {
        let _ = state;
    }

    /// Changes the gradient before [`Optimizer::update`]: clipping. The gradient is finite.
    /// `gradient` holds the values of all parameters.
    #[inline(always)]
    fn prepare<S: Simd>(&self, _s: S, _gradient: &mut [f32]) {}
}

/// One number for each parameter, and the number of steps: the state of momentum, AdaGrad and
/// RMSProp.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accumulator<P> {
    x: P,
    t: u32,
}

impl<P: F32Array> ZeroState for Accumulator<P> {
    const ZERO: Self = Self { x: P::ZERO, t: 0 };

    fn set_zero(&mut self) {
        self.x.as_flat_mut().fill(0.0);
        self.t = 0;
    }
}

zero_bits!([P: F32Array] Accumulator<P>: { x, t });
persist!([P: F32Array] Accumulator<P> = "accumulator": values { x: P } { t: u32 });

impl<P: F32Array> Accumulator<P> {
    /// Counts a step. Returns the numbers and lr_t.
    #[inline(always)]
    fn next(&mut self, lr: f32, decay: f32) -> (&mut [f32], f32) {
        self.t = self.t.saturating_add(1);
        (self.x.as_flat_mut(), decayed(lr, decay, self.t))
    }
}

/// `Default` and `with_lr` for an optimizer that has a constant `DEFAULT`.
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

/// The methods of an [`Optimizer`] or [`Schedule`](crate::schedule::Schedule) for the learning
/// rate, if it is the field `lr`.
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

/// The method of an [`Optimizer`] for the last step's rate, if the state counts steps in `t`.
macro_rules! counted_steps {
    () => {
        fn last_lr<P: F32Array>(&self, state: &Self::State<P>) -> f32 {
            super::decayed(self.lr, self.decay, state.t)
        }
    };
}
use counted_steps;

/// lr_t = lr / (1 + decay·(t − 1)), t from 1, as Keras' `decay`; lr if t is 0.
#[inline(always)]
pub(crate) fn decayed(lr: f32, decay: f32, t: u32) -> f32 {
    if decay == 0.0 { lr } else { lr / (1.0 + decay * t.saturating_sub(1) as f32) }
}

// From +0 up, the bits are in the order of the numbers. The bits of NaN and of negative numbers are
// above. So each check is one comparison of integers; a step makes five such checks.

/// An error unless `value` is finite and at least zero: for [`Optimizer::check`].
/// # Errors
/// [`Error::HyperParameter`] with the name and the value.
#[inline(always)]
pub fn at_least_zero(name: &'static str, value: f32) -> Result<()> {
    if value.to_bits() < f32::INFINITY.to_bits() {
        Ok(())
    } else {
        zero(name, value, "a finite number of at least 0")
    }
}

/// An error unless `value` is finite and above zero: for [`Optimizer::check`].
/// # Errors
/// [`Error::HyperParameter`] with the name and the value.
#[inline(always)]
pub fn positive(name: &'static str, value: f32) -> Result<()> {
    let good = value.to_bits().wrapping_sub(1) < f32::INFINITY.to_bits() - 1;
    if good {
        Ok(())
    } else {
        Err(Error::HyperParameter { name, value, expected: "a finite number above 0" })
    }
}

/// An error unless `value` is finite and at least `least`, which is above zero. `expected` is the
/// text of that range.
/// # Errors
/// [`Error::HyperParameter`] with the name and the value.
#[inline(always)]
pub fn at_least(name: &'static str, value: f32, least: f32, expected: &'static str) -> Result<()> {
    let good =
        value.to_bits().wrapping_sub(least.to_bits()) < f32::INFINITY.to_bits() - least.to_bits();
    if good { Ok(()) } else { Err(Error::HyperParameter { name, value, expected }) }
}

/// An error unless `value` lies in [0, 1): for [`Optimizer::check`].
/// # Errors
/// [`Error::HyperParameter`] with the name and the value.
#[inline(always)]
pub fn below_one(name: &'static str, value: f32) -> Result<()> {
    if value.to_bits() < 1f32.to_bits() { Ok(()) } else { zero(name, value, "a number in [0, 1)") }
}

/// An error unless `value` is −0, which counts as zero.
#[cold]
#[inline(never)]
fn zero(name: &'static str, value: f32, expected: &'static str) -> Result<()> {
    if value == 0.0 { Ok(()) } else { Err(Error::HyperParameter { name, value, expected }) }
}
