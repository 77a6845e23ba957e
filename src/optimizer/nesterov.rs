//! Nesterov's momentum.

use super::{
    Accumulator, Optimizer, at_least_zero, below_one, counted_steps, defaults, learning_rate,
};
use crate::error::Result;
use rosenblatt_kernels::{F32Array, Simd, optimizer, persist};

/// Nesterov's momentum: v ← r·v − lr_t·g; w ← w + r·v − lr_t·g, lr_t = lr / (1 + decay·(t − 1)).
/// Nesterov, 1983, in Keras' form.
///
/// The weights are r·v ahead of those of the usual form, so that the gradient is computed at the
/// point to which the velocity leads. With r = 0 it is [`Sgd`](super::Sgd) to the bit. Keras:
/// `SGD(lr, momentum=r, nesterov=True)`.
///
/// ```
/// use rosenblatt::{kernels::dispatch, optimizer::{Optimizer, ZeroState}, prelude::*};
///
/// let rule = Nesterov { lr: 0.25, momentum: 0.5, decay: 0.0 };
/// let (mut w, mut state) = ([1.0], <Nesterov as Optimizer>::State::<[f32; 1]>::ZERO);
/// dispatch!(Backend::detect(), s => rule.update(s, &mut state, &mut w, &[1.0]));
/// assert_eq!(w, [1.0 - 0.125 - 0.25]); // v is -0.25
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Nesterov {
    /// Learning rate
    pub lr: f32,
    /// The share of the velocity that a step keeps, r: the lecture's drag
    pub momentum: f32,
    /// How fast the learning rate falls
    pub decay: f32,
}

impl Nesterov {
    /// lr 0.01, the lecture's drag r 0.9, no decay.
    pub const DEFAULT: Self = Self { lr: 0.01, momentum: 0.9, decay: 0.0 };
}

defaults!(Nesterov);
persist!([] Nesterov = "nesterov": { lr: f32, momentum: f32, decay: f32 });

impl Optimizer for Nesterov {
    type State<P: F32Array> = Accumulator<P>;

    #[inline(always)]
    fn update<S: Simd, P: F32Array>(&self, s: S, state: &mut Accumulator<P>, w: &mut P, dw: &P) {
        let (v, lr) = state.next(self.lr, self.decay);
        optimizer::nesterov_on(s, lr, self.momentum, w.as_flat_mut(), v, dw.as_flat());
    }

    fn check(&self) -> Result<()> {
        at_least_zero("lr", self.lr)?;
        below_one("momentum", self.momentum)?;
        at_least_zero("decay", self.decay)
    }

    learning_rate!();
    counted_steps!();
}
