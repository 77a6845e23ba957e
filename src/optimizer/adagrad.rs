//! AdaGrad: a learning rate for each weight, which falls.

use super::{
    Accumulator, Optimizer, at_least_zero, counted_steps, defaults, learning_rate, positive,
};
use crate::error::Result;
use rosenblatt_kernels::{F32Array, Simd, optimizer, persist};

/// AdaGrad: h ← h + g²; w ← w − lr_t·g / √(h + ε), lr_t = lr / (1 + decay·(t − 1)). Duchi, Hazan
/// and Singer, 2011.
///
/// h, the sum of squares, starts at 0. A weight with large gradients so far makes smaller steps
/// from then on. Keras: `Adagrad(lr, initial_accumulator_value=0, epsilon=ε)`. For a gradient of
/// 2⁶³ or more see [`optimizer`](super).
///
/// ```
/// use rosenblatt::{kernels::dispatch, optimizer::{Optimizer, ZeroState}, prelude::*};
///
/// let rule = AdaGrad::with_lr(0.5);
/// let (mut w, mut state) = ([1.0, 1.0], <AdaGrad as Optimizer>::State::<[f32; 2]>::ZERO);
/// dispatch!(Backend::detect(), s => rule.update(s, &mut state, &mut w, &[4.0, -8.0]));
/// assert_eq!(w, [0.5, 1.5]); // the first step is lr, whatever the size of the gradient
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AdaGrad {
    /// Learning rate
    pub lr: f32,
    /// Added to the sum of squares, inside the root, ε
    pub epsilon: f32,
    /// How fast the learning rate falls
    pub decay: f32,
}

impl AdaGrad {
    /// The lecture's: lr 0.01, ε 1e-8, no decay. (Keras: lr 0.001, ε 1e-7, sums that start at 0.1.)
    pub const DEFAULT: Self = Self { lr: 0.01, epsilon: 1e-8, decay: 0.0 };
}

defaults!(AdaGrad);
persist!([] AdaGrad = "adagrad": { lr: f32, epsilon: f32, decay: f32 });

impl Optimizer for AdaGrad {
    type State<P: F32Array> = Accumulator<P>;

    #[inline(always)]
    fn update<S: Simd, P: F32Array>(&self, s: S, state: &mut Accumulator<P>, w: &mut P, dw: &P) {
        let (h, lr) = state.next(self.lr, self.decay);
        optimizer::adagrad_on(s, lr, self.epsilon, w.as_flat_mut(), h, dw.as_flat());
    }

    fn check(&self) -> Result<()> {
        at_least_zero("lr", self.lr)?;
        positive("epsilon", self.epsilon)?;
        at_least_zero("decay", self.decay)
    }

    learning_rate!();
    counted_steps!();
}
