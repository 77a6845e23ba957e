//! RMSProp: a learning rate for each weight, from a moving mean of squares.

use super::{
    Accumulator, Optimizer, at_least, at_least_zero, below_one, counted_steps, defaults,
    learning_rate,
};
use crate::error::Result;
use rosenblatt_kernels::{F32Array, Simd, optimizer, persist};

/// RMSProp: h ← ρ·h + (1 − ρ)·g²; w ← w − lr_t·g / √(h + ε), lr_t = lr / (1 + decay·(t − 1)).
/// Tieleman and Hinton, 2012.
///
/// h, a moving mean of squares, starts at 0. Unlike the sum of [`AdaGrad`](super::AdaGrad) it
/// forgets old gradients, so a weight does not stop moving. Keras: `RMSprop(lr, rho=ρ, epsilon=ε)`.
/// For a gradient of 2⁶³ or more see [`optimizer`](super).
///
/// ```
/// use rosenblatt::{kernels::dispatch, optimizer::{Optimizer, ZeroState}, prelude::*};
///
/// let rule = RmsProp { lr: 0.5, rho: 0.75, ..RmsProp::DEFAULT };
/// let (mut w, mut state) = ([1.0], <RmsProp as Optimizer>::State::<[f32; 1]>::ZERO);
/// dispatch!(Backend::detect(), s => rule.update(s, &mut state, &mut w, &[4.0]));
/// assert_eq!(w, [0.0]); // h = 0.25·16, the step 0.5·4 / √4
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RmsProp {
    /// Learning rate
    pub lr: f32,
    /// The share of the mean of squares that a step keeps, ρ
    pub rho: f32,
    /// Added to the mean of squares, inside the root, ε. It is at least 1e-30, so that it outweighs
    /// a mean that is too small for f32
    pub epsilon: f32,
    /// How fast the learning rate falls
    pub decay: f32,
}

impl RmsProp {
    /// The lecture's: lr 0.001, ρ 0.9, ε 1e-8, no decay. (Keras: ε 1e-7.)
    pub const DEFAULT: Self = Self { lr: 0.001, rho: 0.9, epsilon: 1e-8, decay: 0.0 };
}

defaults!(RmsProp);
persist!([] RmsProp = "rmsprop": { lr: f32, rho: f32, epsilon: f32, decay: f32 });

impl Optimizer for RmsProp {
    type State<P: F32Array> = Accumulator<P>;

    #[inline(always)]
    fn update<S: Simd, P: F32Array>(&self, s: S, state: &mut Accumulator<P>, w: &mut P, dw: &P) {
        let (h, lr) = state.next(self.lr, self.decay);
        optimizer::rmsprop_on(s, lr, self.rho, self.epsilon, w.as_flat_mut(), h, dw.as_flat());
    }

    fn check(&self) -> Result<()> {
        at_least_zero("lr", self.lr)?;
        below_one("rho", self.rho)?;
        at_least("epsilon", self.epsilon, 1e-30, "a finite number of at least 1e-30")?;
        at_least_zero("decay", self.decay)
    }

    learning_rate!();
    counted_steps!();
}
