//! The gated recurrent unit.

use super::{Cell, Last, Sequence, TrainableCell};
use crate::layer::Nothing;
use rosenblatt_kernels::{
    Simd,
    array::Shape,
    gemm::typed,
    recurrent::{gru, gru_grad},
};

/// The gated recurrent unit, Keras' `GRU` (with its default `reset_after=True`): hₜ = z·hₜ₋₁ + (1 −
/// z)·c, h₋₁ = 0
///
/// With a = xₜ·w + b₀ and s = hₜ₋₁·u + b₁, each in the columns z, r, c (Keras' order of the gates;
/// Keras names c "h"): z = σ(a_z + s_z), r = σ(a_r + s_r), c = tanh(a_c + r·s_c). Cho and others,
/// 2014, with the reset gate applied after the product.
///
/// Parameters `{ w, u, b }`: `[[[f32; U]; 3]; I]`, `[[[f32; U]; 3]; U]`, `[[[f32; U]; 3]; 2]`; in
/// memory these are Keras' `[I, 3U]`, `[U, 3U]`, `[2, 3U]`.
///
/// Backward: da_z = dh·(hₜ₋₁ − c)·z(1 − z), da_c = dh·(1 − z)·(1 − c²), da_r = da_c·s_c·r(1 − r),
/// ds = (da_z, da_r, da_c·r); dw += xₜᵀ·da, db₀ += da, du += hₜ₋₁ᵀ·ds, db₁ += ds, dxₜ = da·wᵀ. The
/// dh of the step before is dh·z + ds·uᵀ plus the gradient by that step's own output.
///
/// ```
/// use rosenblatt::prelude::*;
///
/// // One value a step, 64 steps: a sensor's window.
/// type Net = Mlp<(Gru<1, 16, 64>, Dense<16, 1>)>;
/// const _: () = assert!(Net::PARAMS == 3 * (16 + 16 * 16 + 2 * 16) + 17);
///
/// let mut net = Net::init(Seed(2014));
/// let window: [[f32; 1]; 64] = std::array::from_fn(|t| [(t as f32 / 5.0).sin()]);
/// let whole = net.predict(&window);
///
/// // The same outputs, computed as the values come in.
/// let mut stream = net.stream();
/// let steps = window.map(|value| stream.push(&value));
/// assert_eq!(steps[63], whole);
/// ```
pub type Gru<const I: usize, const U: usize, const T: usize, R = Last> =
    Sequence<GruCell, I, U, T, R>;

/// The cell of [`Gru`].
pub struct GruCell;

impl<const U: usize> Cell<U> for GruCell {
    type Gates = [[f32; U]; 3];
    /// s, the part of the gates that comes from the state.
    type Saved = [[f32; U]; 3];
    type Carry = Nothing;
    type Bias = [[[f32; U]; 3]; 2];
    const KIND: &'static str = "GRU";
    const ACTIVATION: &'static str = "tanh";

    #[inline(always)]
    fn input_bias([b, _]: &Self::Bias) -> &Self::Gates {
        b
    }

    #[inline(always)]
    fn step<S: Simd, const M: usize>(
        s: S,
        u: &[Self::Gates; U],
        [_, b]: &Self::Bias,
        a: &mut [Self::Gates],
        saved: &mut [Self::Saved],
        h: &mut [[f32; U]],
        _: &mut [Nothing],
    ) {
        typed::affine::<_, M, _, _, _>(s, h, u, b, saved);
        gru(s, a, saved, h);
    }

    fn bias_shape() -> Shape {
        Shape::of(3 * U).times(2)
    }
}

impl<const U: usize> TrainableCell<U> for GruCell {
    const DIRECT: bool = true;

    #[inline(always)]
    fn backward<S: Simd>(
        s: S,
        a: &mut [Self::Gates],
        saved: &mut [Self::Saved],
        before: &mut [[f32; U]],
        dh: &mut [[f32; U]],
        _: &mut [Nothing],
    ) {
        gru_grad(s, a, saved, before, dh);
    }

    #[inline(always)]
    fn state_gradient<'a>(_: &'a [Self::Gates], saved: &'a [Self::Saved]) -> &'a [Self::Gates] {
        saved
    }

    #[inline(always)]
    fn bias_grad<S: Simd>(
        s: S,
        a: &[Self::Gates],
        saved: &[Self::Saved],
        [inputs, state]: &mut Self::Bias,
    ) {
        typed::sum_rows(s, a, inputs);
        typed::sum_rows(s, saved, state);
    }
}
