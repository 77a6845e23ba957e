//! Long short-term memory.

use super::{Cell, Last, Sequence, TrainableCell};
use rosenblatt_kernels::{
    Simd,
    gemm::typed,
    recurrent::{lstm, lstm_grad},
};

/// Long short-term memory, Keras' `LSTM`: cₜ = f·cₜ₋₁ + i·g, hₜ = o·tanh cₜ, h₋₁ = c₋₁ = 0
///
/// With a = xₜ·w + b + hₜ₋₁·u in the columns i, f, g, o (Keras' order; Keras names g "c"): i =
/// σ(a_i), f = σ(a_f), g = tanh(a_g), o = σ(a_o). Hochreiter and Schmidhuber, 1997. The forget gate
/// f is that of Gers and others, 2000. Its bias starts at 1 (Keras' `unit_forget_bias`).
///
/// Parameters `{ w, u, b }`: `[[[f32; U]; 4]; I]`, `[[[f32; U]; 4]; U]`, `[[f32; U]; 4]`; in memory
/// these are Keras' `[I, 4U]`, `[U, 4U]`, `[4U]`.
///
/// Backward, with dc′ = dh·o·(1 − tanh²cₜ) + dc: da_i = dc′·g·i(1 − i), da_f = dc′·cₜ₋₁·f(1 − f),
/// da_g = dc′·i·(1 − g²), da_o = dh·tanh cₜ·o(1 − o); dw += xₜᵀ·da, du += hₜ₋₁ᵀ·da, db += da, dxₜ =
/// da·wᵀ. The dc of the step before is dc′·f. The dh of the step before is da·uᵀ plus the gradient
/// by that step's own output.
///
/// ```
/// use rosenblatt::prelude::*;
///
/// type Net = Mlp<(Lstm<2, 4, 10>, Dense<4, 1, Sigmoid>)>;
/// let mut net = Net::init(Seed(1997));
/// let [i, f, g, o] = net.layer::<0>().b;
/// assert_eq!((i, f, g, o), ([0.0; 4], [1.0; 4], [0.0; 4], [0.0; 4]));
/// ```
pub type Lstm<const I: usize, const U: usize, const T: usize, R = Last> =
    Sequence<LstmCell, I, U, T, R>;

/// The cell of [`Lstm`].
pub struct LstmCell;

impl<const U: usize> Cell<U> for LstmCell {
    type Gates = [[f32; U]; 4];
    /// c before the step, and tanh of c after it.
    type Saved = [[f32; U]; 2];
    type Carry = [f32; U];
    type Bias = [[f32; U]; 4];
    const KIND: &'static str = "LSTM";
    const ACTIVATION: &'static str = "tanh";

    #[inline(always)]
    fn input_bias(b: &Self::Bias) -> &Self::Gates {
        b
    }

    #[inline(always)]
    fn step<S: Simd, const M: usize>(
        s: S,
        u: &[Self::Gates; U],
        _: &Self::Bias,
        a: &mut [Self::Gates],
        saved: &mut [Self::Saved],
        h: &mut [[f32; U]],
        c: &mut [[f32; U]],
    ) {
        typed::gemm_add::<_, M, _, _, _>(s, h, u, a);
        lstm(s, a, saved, h, c);
    }

    fn init_bias([i, f, g, o]: &mut Self::Bias) {
        [*i, *f, *g, *o] = [[0.0; U], [1.0; U], [0.0; U], [0.0; U]];
    }
}

impl<const U: usize> TrainableCell<U> for LstmCell {
    #[inline(always)]
    fn backward<S: Simd>(
        s: S,
        a: &mut [Self::Gates],
        saved: &mut [Self::Saved],
        _: &mut [[f32; U]],
        dh: &mut [[f32; U]],
        dc: &mut [[f32; U]],
    ) {
        lstm_grad(s, a, saved, dh, dc);
    }

    #[inline(always)]
    fn state_gradient<'a>(a: &'a [Self::Gates], _: &'a [Self::Saved]) -> &'a [Self::Gates] {
        a
    }

    #[inline(always)]
    fn bias_grad<S: Simd>(s: S, a: &[Self::Gates], _: &[Self::Saved], db: &mut Self::Bias) {
        typed::sum_rows(s, a, db);
    }
}
