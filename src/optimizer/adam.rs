//! Adam: adaptive moments.

use super::{
    Optimizer, ZeroState, at_least, at_least_zero, below_one, counted_steps, decayed, defaults,
    learning_rate, power::Complement,
};
use crate::error::Result;
use rosenblatt_kernels::{
    F32Array, Simd, math,
    optimizer::{self, AdamStep},
    zero_bits,
};

/// Adam: m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²; w ← w − α·m / (√v + ε), α = lr_t·√(1 − β₂ᵗ) /
/// (1 − β₁ᵗ). Kingma and Ba, 2015, in Keras' form.
///
/// In m and v, 1 − β is that of the decimal number β, with the value that Keras computes in f64. In
/// α it is that of the f32 number, as in Keras. 1 − βᵗ is within 1 ulp for every t and β. For a
/// gradient of 2⁶³ or more see [`optimizer`](super).
///
/// ```
/// use rosenblatt::prelude::*;
/// let adam = Adam { beta1: 0.8, ..Adam::with_lr(0.01) };
/// assert_eq!((adam.lr, adam.beta2, adam.epsilon), (0.01, 0.999, 1e-8));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Adam {
    /// Learning rate
    pub lr: f32,
    /// Decay of the first moment, β₁
    pub beta1: f32,
    /// Decay of the second moment, β₂
    pub beta2: f32,
    /// Added to the root of the second moment, ε. It is at least 1e-15, so that it outweighs a
    /// second moment that is too small for f32
    pub epsilon: f32,
    /// How fast the learning rate falls: lr_t = lr / (1 + decay·(t − 1))
    pub decay: f32,
}

impl Adam {
    /// The defaults of the lecture and of the paper: lr 0.001, β₁ 0.9, β₂ 0.999, ε 1e-8, no decay.
    /// (Keras: ε 1e-7.)
    pub const DEFAULT: Self =
        Self { lr: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.0 };
}

defaults!(Adam);

/// The moments, and 1 − β₁ᵗ and 1 − β₂ᵗ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamState<P> {
    m: P,
    v: P,
    rest1: Complement,
    rest2: Complement,
    pub(super) t: u32,
}

zero_bits!([P: F32Array] AdamState<P>: { m, v, rest1, rest2, t });

impl<P: F32Array> ZeroState for AdamState<P> {
    const ZERO: Self =
        Self { m: P::ZERO, v: P::ZERO, rest1: Complement::ZERO, rest2: Complement::ZERO, t: 0 };

    fn set_zero(&mut self) {
        self.m.as_flat_mut().fill(0.0);
        self.v.as_flat_mut().fill(0.0);
        (self.rest1, self.rest2, self.t) = (Complement::ZERO, Complement::ZERO, 0);
    }
}

impl<P: F32Array> AdamState<P> {
    /// Counts a step. Returns the moments, their factors and lr_t.
    #[inline(always)]
    pub(super) fn next(&mut self, adam: &Adam) -> (&mut [f32], &mut [f32], AdamStep, f32) {
        let &Adam { lr, beta1, beta2, epsilon, decay } = adam;
        self.t = self.t.saturating_add(1);
        let (rest1, rest2) = (self.rest1.next(beta1), self.rest2.next(beta2));
        let lr = decayed(lr, decay, self.t);
        let alpha = lr * math::sqrt(rest2) / rest1;
        (self.m.as_flat_mut(), self.v.as_flat_mut(), AdamStep { alpha, beta1, beta2, epsilon }, lr)
    }
}

impl Optimizer for Adam {
    type State<P: F32Array> = AdamState<P>;

    #[inline(always)]
    fn update<S: Simd, P: F32Array>(&self, s: S, state: &mut AdamState<P>, w: &mut P, dw: &P) {
        let (m, v, step, _) = state.next(self);
        optimizer::adam_on(s, step, w.as_flat_mut(), m, v, dw.as_flat());
    }

    #[cfg_attr(not(target_os = "none"), inline(always))]
    fn check(&self) -> Result<()> {
        at_least_zero("lr", self.lr)?;
        below_one("beta1", self.beta1)?;
        below_one("beta2", self.beta2)?;
        at_least("epsilon", self.epsilon, 1e-15, "a finite number of at least 1e-15")?;
        at_least_zero("decay", self.decay)
    }

    learning_rate!();
    counted_steps!();
}
