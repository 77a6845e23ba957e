//! Gradient clipping around any optimizer.

use super::{Optimizer, positive};
use crate::error::Result;
use rosenblatt_kernels::{F32Array, Simd, optimizer, persist, persist::Persist};

/// All methods except [`Optimizer::prepare`] and [`Optimizer::check`] are the inner optimizer's.
macro_rules! inner {
    () => {
        type State<P: F32Array> = O::State<P>;

        #[inline(always)]
        fn update<S: Simd, P: F32Array>(
            &self,
            s: S,
            state: &mut Self::State<P>,
            w: &mut P,
            dw: &P,
        ) {
            self.optimizer.update(s, state, w, dw);
        }

        fn lr(&self) -> f32 {
            self.optimizer.lr()
        }

        fn set_lr(&mut self, lr: f32) {
            self.optimizer.set_lr(lr);
        }

        fn last_lr<P: F32Array>(&self, state: &Self::State<P>) -> f32 {
            self.optimizer.last_lr(state)
        }

        #[inline(always)]
        fn look_ahead<P: F32Array>(&self, state: &mut Self::State<P>) {
            self.optimizer.look_ahead(state);
        }

        #[inline(always)]
        fn check_next<P: F32Array>(&self, state: &Self::State<P>) -> Result<()> {
            self.optimizer.check_next(state)
        }
    };
}

/// Clipping by value: each value of the gradient is clamped to [−limit, limit]. Keras' `clipvalue`.
///
/// It can change the gradient's direction; [`ClipNorm`] does not.
/// [`Trainer::gradient`](crate::Trainer::gradient) is the clipped gradient.
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::optimizer::ClipValue;
///
/// type Unit = Mlp<(Dense<1, 1>,)>;
/// let mut net = Unit::ZERO;
/// let mut trainer = Trainer::<Unit, MeanSquaredError, ClipValue<Sgd>, 1>::ZERO;
/// let rule = ClipValue { optimizer: Sgd::with_lr(0.5), limit: 1.0 };
/// trainer.step(&mut net, (&[[1.0]], &[[1e10]]), &rule)?;
/// assert_eq!(net.weights(), [0.5, 0.5]); // not 1e10
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ClipValue<O> {
    /// The optimizer of the clipped gradient
    pub optimizer: O,
    /// The greatest value, above 0
    pub limit: f32,
}

persist!([O: Persist] ClipValue<O> = "clip value": { optimizer: O, limit: f32 });

impl<O: Optimizer> Optimizer for ClipValue<O> {
    inner!();

    #[inline(always)]
    fn prepare<S: Simd>(&self, s: S, gradient: &mut [f32]) {
        optimizer::clip_value_on(s, self.limit, gradient);
        self.optimizer.prepare(s, gradient);
    }

    fn check(&self) -> Result<()> {
        positive("limit", self.limit)?;
        self.optimizer.check()
    }
}

/// Clipping by norm: if ‖g‖ = √Σg² over all parameters is above the limit, g ← g·limit/‖g‖. Keras'
/// `global_clipnorm`.
///
/// The direction does not change. At or below the limit the gradient keeps its bits. If Σg²
/// overflows, Keras' norm is ∞ and its gradient NaN. Here the norm is computed from scaled values
/// (see [`clip_norm`](rosenblatt_kernels::optimizer::clip_norm)), so every finite gradient above
/// the limit gets the limit's length. The sum runs over sixteen lanes: the same bits everywhere.
/// Pascanu, Mikolov and Bengio, 2013.
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::optimizer::ClipNorm;
///
/// type Unit = Mlp<(Dense<1, 1>,)>;
/// let mut net = Unit::ZERO;
/// let mut trainer = Trainer::<Unit, MeanSquaredError, ClipNorm<Sgd>, 1>::ZERO;
/// let rule = ClipNorm { optimizer: Sgd::with_lr(1.0), limit: 5.0 };
/// trainer.step(&mut net, (&[[0.75]], &[[100.0]]), &rule)?; // the gradient: -150 for w, -200 for b
/// assert_eq!(net.weights(), [3.0, 4.0]);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ClipNorm<O> {
    /// The optimizer of the clipped gradient
    pub optimizer: O,
    /// The greatest norm, above 0
    pub limit: f32,
}

persist!([O: Persist] ClipNorm<O> = "clip norm": { optimizer: O, limit: f32 });

impl<O: Optimizer> Optimizer for ClipNorm<O> {
    inner!();

    #[inline(always)]
    fn prepare<S: Simd>(&self, s: S, gradient: &mut [f32]) {
        optimizer::clip_norm_on(s, self.limit, gradient);
        self.optimizer.prepare(s, gradient);
    }

    fn check(&self) -> Result<()> {
        positive("limit", self.limit)?;
        self.optimizer.check()
    }
}
