//! Gradient descent.

use super::{Optimizer, ZeroState, at_least_zero, counted_steps, decayed, defaults, learning_rate};
use crate::error::Result;
use rosenblatt_kernels::{F32Array, Simd, optimizer, persist, zero_bits};

/// Stochastic gradient descent: w ← w − lr_t·g, lr_t = lr / (1 + decay·(t − 1)). Robbins and Monro,
/// 1951.
///
/// ```
/// use rosenblatt::prelude::*;
///
/// type Unit = Mlp<(Dense<1, 1>,)>;
/// let mut net = Unit::ZERO;
/// let mut trainer = Trainer::<Unit, MeanSquaredError, Sgd, 1>::ZERO;
/// trainer.step(&mut net, (&[[1.0]], &[[2.0]]), &Sgd::with_lr(0.25))?;
/// assert_eq!(net.weights(), [1.0, 1.0]); // both gradients are 2·(0 − 2)
/// # Ok::<(), rosenblatt::Error>(())
/// ```
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
persist!([] Sgd = "sgd": { lr: f32, decay: f32 });

/// The number of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SgdState {
    t: u32,
}

zero_bits!([] SgdState: { t });
persist!([] SgdState = "steps": { t: u32 });

impl ZeroState for SgdState {
    const ZERO: Self = Self { t: 0 };

    fn set_zero(&mut self) {
        self.t = 0;
    }
}

impl Optimizer for Sgd {
    type State<P: F32Array> = SgdState;

    #[inline(always)]
    fn update<S: Simd, P: F32Array>(&self, s: S, state: &mut SgdState, w: &mut P, dw: &P) {
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
