//! Samples whose last axis is the channels.

use crate::activation::{Activation, Differentiable};
use rosenblatt_kernels::{F32Array, Simd};

/// A sample with any number of axes, the last of which is the channels: `[f32; C]`,
/// `[[f32; C]; T]`, `[[[f32; C]; W]; H]`, …
///
/// Softmax and the normalizations use it as rows. A row is the channels of one position.
pub trait Channels: F32Array {
    /// The channels of one position, `[f32; C]`.
    type Row: Channels<Row = Self::Row>;
    /// One value for each position.
    type Positions: F32Array;

    /// Samples as rows.
    fn rows(x: &[Self]) -> &[Self::Row];
    /// Samples as rows.
    fn rows_mut(x: &mut [Self]) -> &mut [Self::Row];
    /// z ← f(z) for each row.
    fn activate<S: Simd, A: Activation>(s: S, z: &mut [Self]);
    /// dy ← dy·f′(z), from the output y = f(z).
    fn activate_grad<S: Simd, A: Differentiable>(s: S, y: &[Self], dy: &mut [Self]);
}

impl<const C: usize> Channels for [f32; C] {
    type Row = Self;
    type Positions = f32;

    #[inline(always)]
    fn rows(x: &[Self]) -> &[Self] {
        x
    }
    #[inline(always)]
    fn rows_mut(x: &mut [Self]) -> &mut [Self] {
        x
    }
    #[inline(always)]
    fn activate<S: Simd, A: Activation>(s: S, z: &mut [Self]) {
        A::forward(s, z);
    }
    #[inline(always)]
    fn activate_grad<S: Simd, A: Differentiable>(s: S, y: &[Self], dy: &mut [Self]) {
        A::backward(s, y, dy);
    }
}

impl<X: Channels, const N: usize> Channels for [X; N] {
    type Row = X::Row;
    type Positions = [X::Positions; N];

    #[inline(always)]
    fn rows(x: &[Self]) -> &[X::Row] {
        X::rows(x.as_flattened())
    }
    #[inline(always)]
    fn rows_mut(x: &mut [Self]) -> &mut [X::Row] {
        X::rows_mut(x.as_flattened_mut())
    }
    #[inline(always)]
    fn activate<S: Simd, A: Activation>(s: S, z: &mut [Self]) {
        X::activate::<S, A>(s, z.as_flattened_mut());
    }
    #[inline(always)]
    fn activate_grad<S: Simd, A: Differentiable>(s: S, y: &[Self], dy: &mut [Self]) {
        X::activate_grad::<S, A>(s, y.as_flattened(), dy.as_flattened_mut());
    }
}
