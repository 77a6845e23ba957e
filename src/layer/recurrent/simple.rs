//! The simple recurrent layer.

use super::{Cell, Last, Sequence, TrainableCell};
use crate::{
    activation::{Activation, Differentiable, Tanh},
    layer::Nothing,
};
use core::marker::PhantomData;
use rosenblatt_kernels::{Simd, array::copy_rows, gemm::typed};

/// The simple recurrent layer, Keras' `SimpleRNN`: hₜ = f(xₜ·w + b + hₜ₋₁·u), h₋₁ = 0 (Elman, 1990)
///
/// Parameters `{ w, u, b }`: `[[f32; U]; I]`, `[[f32; U]; U]`, `[f32; U]`. Each sum starts at the
/// bias, adds over the inputs, then over the units of the state.
///
/// Backward, from the last step to the first, with dz = dh·f′: dw += xₜᵀ·dz, du += hₜ₋₁ᵀ·dz, db +=
/// dz, dxₜ = dz·wᵀ. The dh of the step before is dz·uᵀ plus the gradient by that step's own output.
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::layer::All;
///
/// // Eight steps of three values. The first of two recurrent layers gives all states.
/// type Net = Mlp<(Rnn<3, 16, 8, Tanh, All>, Rnn<16, 12, 8>, Dense<12, 2, Softmax>)>;
/// let mut net = Net::init(Seed(1990));
/// let [p, q] = net.predict(&[[0.1, 0.2, 0.3]; 8]);
/// assert!((p + q - 1.0).abs() < 1e-6);
/// ```
pub type Rnn<const I: usize, const U: usize, const T: usize, A = Tanh, R = Last> =
    Sequence<SimpleCell<A>, I, U, T, R>;

/// The cell of [`Rnn`].
pub struct SimpleCell<A>(PhantomData<A>);

impl<A: Activation, const U: usize> Cell<U> for SimpleCell<A> {
    type Gates = [f32; U];
    type Saved = Nothing;
    type Carry = Nothing;
    type Bias = [f32; U];
    const KIND: &'static str = "SimpleRNN";
    const ACTIVATION: &'static str = A::NAME;
    const ACTIVATION_PARAMETER: f32 = A::PARAMETER;

    #[inline(always)]
    fn input_bias(b: &[f32; U]) -> &[f32; U] {
        b
    }

    #[inline(always)]
    fn step<S: Simd, const M: usize>(
        s: S,
        u: &[[f32; U]; U],
        _: &[f32; U],
        a: &mut [[f32; U]],
        _: &mut [Nothing],
        h: &mut [[f32; U]],
        _: &mut [Nothing],
    ) {
        typed::gemm_add::<_, M, _, _, _>(s, h, u, a);
        A::forward(s, a);
        copy_rows(a, h);
    }
}

impl<A: Differentiable, const U: usize> TrainableCell<U> for SimpleCell<A> {
    #[inline(always)]
    fn backward<S: Simd>(
        s: S,
        a: &mut [[f32; U]],
        _: &mut [Nothing],
        _: &mut [[f32; U]],
        dh: &mut [[f32; U]],
        _: &mut [Nothing],
    ) {
        A::backward(s, a, dh);
        copy_rows(dh, a);
    }

    #[inline(always)]
    fn state_gradient<'a>(a: &'a [[f32; U]], _: &'a [Nothing]) -> &'a [[f32; U]] {
        a
    }

    #[inline(always)]
    fn bias_grad<S: Simd>(s: S, a: &[[f32; U]], _: &[Nothing], db: &mut [f32; U]) {
        typed::sum_rows(s, a, db);
    }
}
