//! Gradient descent.

use super::{Optimizer, Zero, at_least_zero, counted_steps, decayed, defaults, learning_rate};
use crate::error::Result;
use rosenblatt_kernels::{Plain, Simd, optimizer, zero_bits};

/// Stochastic gradient descent: w ← w − lr_t·dw, lr_t = lr / (1 + decay·(t − 1)). Robbins and Monro, 1951.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sgd {
    /// Learning rate
    pub lr: f32,
    /// How fast the learning rate falls
    pub decay: f32,
}

impl Sgd {
    /// Keras' defaults: lr 0.01, no decay.
    pub const DEFAULT: Self = Self { lr: 0.01, decay: 0.0 };
}

defaults!(Sgd);

/// Steps done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SgdState {
    t: u32,
}

zero_bits!([] SgdState: { t });

impl Zero for SgdState {
    const ZERO: Self = Self { t: 0 };

    fn set_zero(&mut self) {
        self.t = 0;
    }
}

impl Optimizer for Sgd {
    type State<P: Plain> = SgdState;

    #[inline(always)]
    fn update<S: Simd, P: Plain>(&self, s: S, state: &mut SgdState, w: &mut P, dw: &P) {
        state.t = state.t.saturating_add(1);
        optimizer::sgd_on(s, decayed(self.lr, self.decay, state.t), w.as_flat_mut(), dw.as_flat());
    }

    #[cfg_attr(not(target_os = "none"), inline(always))]
    fn check(&self) -> Result<()> {
        at_least_zero("lr", self.lr)?;
        at_least_zero("decay", self.decay)
    }

    learning_rate!();
    counted_steps!();
}
