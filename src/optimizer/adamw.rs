//! AdamW: Adam with weight decay.

use super::{Adam, AdamState, Optimizer, at_least_zero, counted_steps, defaults, learning_rate};
use crate::error::Result;
use rosenblatt_kernels::{F32Array, Simd, optimizer, persist};

/// AdamW: w ← w − lr_t·λ·w, then a step of [`Adam`]. Loshchilov and Hutter, 2019.
///
/// The decay is separate from the gradient. So the moments do not divide it, as they divide the
/// gradient of an L2 penalty. As in Keras it applies to all parameters, also to biases. With λ = 0
/// it is [`Adam`] to the bit. Keras: `AdamW(lr, weight_decay=λ, epsilon=ε)`.
///
/// ```
/// use rosenblatt::{kernels::dispatch, optimizer::{Optimizer, ZeroState}, prelude::*};
///
/// let rule = AdamW { lr: 0.5, weight_decay: 0.25, ..AdamW::DEFAULT };
/// let (mut w, mut state) = ([2.0], <AdamW as Optimizer>::State::<[f32; 1]>::ZERO);
/// dispatch!(Backend::detect(), s => rule.update(s, &mut state, &mut w, &[0.0]));
/// assert_eq!(w, [1.75]); // no gradient: only the decay, 0.5·0.25·2
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AdamW {
    /// Learning rate
    pub lr: f32,
    /// Decay of the first moment, β₁
    pub beta1: f32,
    /// Decay of the second moment, β₂
    pub beta2: f32,
    /// Added to the root of the second moment, ε; at least 1e-15
    pub epsilon: f32,
    /// Weight decay, λ: the share of a weight that a step with lr_t = 1 removes
    pub weight_decay: f32,
    /// How fast the learning rate falls
    pub decay: f32,
}

impl AdamW {
    /// As [`Adam::DEFAULT`], with Keras' weight decay: lr 0.001, β₁ 0.9, β₂ 0.999, ε 1e-8, λ 0.004,
    /// no decay of the learning rate.
    pub const DEFAULT: Self = Self {
        lr: 0.001,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.004,
        decay: 0.0,
    };

    /// The hyper-parameters of the step of Adam.
    const fn adam(&self) -> Adam {
        let &Self { lr, beta1, beta2, epsilon, decay, .. } = self;
        Adam { lr, beta1, beta2, epsilon, decay }
    }
}

defaults!(AdamW);
persist!([] AdamW = "adamw":
    { lr: f32, beta1: f32, beta2: f32, epsilon: f32, weight_decay: f32, decay: f32 });

impl Optimizer for AdamW {
    type State<P: F32Array> = AdamState<P>;

    #[inline(always)]
    fn update<S: Simd, P: F32Array>(&self, s: S, state: &mut AdamState<P>, w: &mut P, dw: &P) {
        let (m, v, step, lr) = state.next(&self.adam());
        optimizer::adamw_on(s, step, lr * self.weight_decay, w.as_flat_mut(), m, v, dw.as_flat());
    }

    #[inline(always)]
    fn look_ahead<P: F32Array>(&self, state: &mut AdamState<P>) {
        state.look_ahead(&self.adam());
    }

    fn check(&self) -> Result<()> {
        self.adam().check()?;
        at_least_zero("weight_decay", self.weight_decay)
    }

    learning_rate!();
    counted_steps!();
}
