//! AdaGrad and RMSProp: a step size for each weight, by the squares of its gradients.

use super::{flush_subnormal, one_minus, same_lengths, update_by_squares};
use crate::{Backend, dispatch, simd::Simd};

/// [`adagrad`] inside a dispatch.
#[inline(always)]
pub fn adagrad_on<S: Simd>(s: S, lr: f32, epsilon: f32, w: &mut [f32], h: &mut [f32], dw: &[f32]) {
    let (lr, epsilon) = (s.splat(lr), s.splat(epsilon));
    update_by_squares(
        s,
        lr,
        w,
        h,
        dw,
        #[inline(always)]
        |w, h, g| {
            // h only grows. It stays at the greatest f32.
            let h = s.min(s.mul_add(g, g, h), s.splat(f32::MAX));
            (s.sub(w, step(s, lr, epsilon, h, g)), h)
        },
    );
}

/// [`rmsprop`] inside a dispatch.
#[inline(always)]
pub fn rmsprop_on<S: Simd>(
    s: S,
    lr: f32,
    rho: f32,
    epsilon: f32,
    w: &mut [f32],
    h: &mut [f32],
    dw: &[f32],
) {
    let one_minus_rho = s.splat(one_minus(rho));
    let (lr, rho, epsilon) = (s.splat(lr), s.splat(rho), s.splat(epsilon));
    update_by_squares(
        s,
        lr,
        w,
        h,
        dw,
        #[inline(always)]
        |w, h, g| {
            let h = s.mul_add(rho, h, s.mul(one_minus_rho, s.mul(g, g)));
            (s.sub(w, step(s, lr, epsilon, h, g)), flush_subnormal(s, h))
        },
    );
}

/// lr·g / √(h + ε)
#[inline(always)]
fn step<S: Simd>(s: S, lr: S::F, epsilon: S::F, h: S::F, g: S::F) -> S::F {
    s.div(s.mul(lr, g), s.sqrt(s.add(h, epsilon)))
}

/// AdaGrad: h ← h + dw²; w ← w − lr·dw / √(h + ε)
///
/// ε stands inside the root, as in Keras. h only grows, up to the greatest f32; a subnormal h is
/// kept. Where |dw| is 2⁶³ or more, h stays and w ← w − lr·sign(dw), which is NaN where dw is
/// infinite or NaN. Duchi, Hazan and Singer, 2011.
/// # Panics
/// If the lengths differ.
///
/// ```
/// use rosenblatt_kernels::{Backend, optimizer};
/// let (mut w, mut h) = ([1.0], [0.0]);
/// optimizer::adagrad(Backend::detect(), 0.5, 1e-8, &mut w, &mut h, &[2.0]);
/// assert_eq!((h, w), ([4.0], [0.5])); // the first step is lr, whatever the gradient
/// ```
pub fn adagrad(backend: Backend, lr: f32, epsilon: f32, w: &mut [f32], h: &mut [f32], dw: &[f32]) {
    same_lengths!(w, h, dw);
    dispatch!(backend, s => adagrad_on(s, lr, epsilon, w, h, dw));
}

/// RMSProp: h ← ρ·h + (1 − ρ)·dw²; w ← w − lr·dw / √(h + ε)
///
/// ε stands inside the root, as in Keras. A subnormal mean of squares h is stored as +0; the step
/// uses it before that. Where |dw| is 2⁶³ or more, h stays and w ← w − lr·sign(dw), which is NaN
/// where dw is infinite or NaN. Tieleman and Hinton, 2012.
/// # Panics
/// If the lengths differ.
pub fn rmsprop(
    backend: Backend,
    lr: f32,
    rho: f32,
    epsilon: f32,
    w: &mut [f32],
    h: &mut [f32],
    dw: &[f32],
) {
    same_lengths!(w, h, dw);
    dispatch!(backend, s => rmsprop_on(s, lr, rho, epsilon, w, h, dw));
}
