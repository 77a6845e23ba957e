//! Adaptive moments.

use super::{normal, same_lengths};
use crate::{
    Level, dispatch,
    lanes::{each, get, put},
    simd::Simd,
};

/// What one step of Adam multiplies with; see [`adam`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AdamStep {
    /// lr·√(1 − β₂ᵗ) / (1 − β₁ᵗ)
    pub alpha: f32,
    /// Decay of the first moment
    pub beta1: f32,
    /// Decay of the second moment
    pub beta2: f32,
    /// Added to the root of the second moment
    pub epsilon: f32,
}

/// Adam on weights that `shrink` has looked at first.
#[inline(always)]
fn moments<S: Simd>(
    s: S,
    step: AdamStep,
    w: &mut [f32],
    m: &mut [f32],
    v: &mut [f32],
    dw: &[f32],
    shrink: impl Fn(S::F) -> S::F,
) {
    let AdamStep { alpha, beta1, beta2, epsilon } = step;
    let (rest1, rest2) = (s.splat(1.0 - beta1), s.splat(1.0 - beta2));
    let (alpha, beta1, beta2, epsilon) = (s.splat(alpha), s.splat(beta1), s.splat(beta2), s.splat(epsilon));
    each(
        s,
        w.len().min(m.len()).min(v.len()).min(dw.len()),
        #[inline(always)]
        |i, part| {
            // SAFETY: `each` stays below all four lengths.
            unsafe {
                let (w, m, v) = (w.as_mut_ptr().add(i), m.as_mut_ptr().add(i), v.as_mut_ptr().add(i));
                let g = get(s, dw.as_ptr().add(i), part);
                let m1 = s.mul_add(beta1, get(s, m.cast_const(), part), s.mul(rest1, g));
                let v1 = s.mul_add(beta2, get(s, v.cast_const(), part), s.mul(rest2, s.mul(g, g)));
                put(s, m, part, normal(s, m1));
                put(s, v, part, normal(s, v1));
                let step = s.div(s.mul(alpha, m1), s.add(s.sqrt(v1), epsilon));
                put(s, w, part, s.sub(shrink(get(s, w.cast_const(), part)), step));
            }
        },
    );
}

/// [`adam`] inside a dispatch.
#[inline(always)]
pub fn adam_on<S: Simd>(s: S, step: AdamStep, w: &mut [f32], m: &mut [f32], v: &mut [f32], dw: &[f32]) {
    moments(
        s,
        step,
        w,
        m,
        v,
        dw,
        #[inline(always)]
        |w| w,
    );
}

/// [`adamw`] inside a dispatch.
#[inline(always)]
pub fn adamw_on<S: Simd>(s: S, step: AdamStep, shrink: f32, w: &mut [f32], m: &mut [f32], v: &mut [f32], dw: &[f32]) {
    // A product with 0 − shrink, added: with nothing to shrink it leaves −0 as it is.
    let shrink = s.splat(0.0 - shrink);
    moments(
        s,
        step,
        w,
        m,
        v,
        dw,
        #[inline(always)]
        |w| s.mul_add(shrink, w, w),
    );
}

/// Adam: m ← β₁·m + (1 − β₁)·dw; v ← β₂·v + (1 − β₂)·dw²; w ← w − α·m / (√v + ε)
///
/// ε stands outside the root ("epsilon hat", as Keras). Kingma and Ba, 2015. Moments are kept as +0 where they are subnormal; the step is taken
/// with what they were before.
/// # Panics
/// If the lengths differ.
pub fn adam(level: Level, step: AdamStep, w: &mut [f32], m: &mut [f32], v: &mut [f32], dw: &[f32]) {
    same_lengths!(w, m, v, dw);
    dispatch!(level, s => adam_on(s, step, w, m, v, dw));
}

/// AdamW: w ← w − shrink·w, then [`adam`]; shrink = lr·λ, the learning rate times the weight decay
///
/// The decay is apart from the gradient and not divided by its moments. With shrink 0 it is [`adam`] to the bit, as long as the weights are finite. Loshchilov and
/// Hutter, 2019.
/// # Panics
/// If the lengths differ.
///
/// ```
/// use rosenblatt_kernels::{Level, optimizer::{self, AdamStep}};
/// let step = AdamStep { alpha: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
/// let (mut w, mut m, mut v) = ([2.0], [0.0], [0.0]);
/// optimizer::adamw(Level::detect(), step, 0.25, &mut w, &mut m, &mut v, &[0.0]);
/// assert_eq!(w, [1.5]); // no gradient: only the decay
/// ```
pub fn adamw(level: Level, step: AdamStep, shrink: f32, w: &mut [f32], m: &mut [f32], v: &mut [f32], dw: &[f32]) {
    same_lengths!(w, m, v, dw);
    dispatch!(level, s => adamw_on(s, step, shrink, w, m, v, dw));
}
