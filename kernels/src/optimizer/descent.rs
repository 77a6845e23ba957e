//! Gradient descent, alone and with momentum.

use super::{flush_subnormal, same_lengths, update};
use crate::{
    Backend, dispatch,
    simd::{Bodies, Simd, called},
    walk::{for_each_register, load, store},
};

/// [`sgd`] inside a dispatch.
#[inline(always)]
pub fn sgd_on<S: Simd>(s: S, lr: f32, w: &mut [f32], dw: &[f32]) {
    if const { called::<S>() } { s.shared().sgd(lr, w, dw) } else { sgd_body(s, lr, w, dw) }
}

#[inline(always)]
pub(crate) fn sgd_body<S: Simd>(s: S, lr: f32, w: &mut [f32], dw: &[f32]) {
    #[cfg(rosenblatt_cortex_m)]
    if const { S::LANES == 1 } {
        return crate::arch::cortex_m::sgd(lr, w, dw);
    }
    let lr = s.splat(lr);
    for_each_register(
        s,
        w.len().min(dw.len()),
        #[inline(always)]
        |i, part| {
            // SAFETY: `for_each_register` stays below both lengths.
            unsafe {
                let p = w.as_mut_ptr().add(i);
                let step = s.mul(lr, load(s, dw.as_ptr().add(i), part));
                store(s, p, part, s.sub(load(s, p.cast_const(), part), step));
            }
        },
    );
}

/// [`momentum`] inside a dispatch.
#[inline(always)]
pub fn momentum_on<S: Simd>(s: S, lr: f32, r: f32, w: &mut [f32], v: &mut [f32], dw: &[f32]) {
    let (lr, r) = (s.splat(lr), s.splat(r));
    update(
        s,
        w,
        v,
        dw,
        #[inline(always)]
        |w, v, g| {
            let d = neg_velocity(s, lr, r, v, g);
            (s.sub(w, d), flush_subnormal(s, minus(s, d)))
        },
    );
}

/// [`nesterov`] inside a dispatch.
#[inline(always)]
pub fn nesterov_on<S: Simd>(s: S, lr: f32, r: f32, w: &mut [f32], v: &mut [f32], dw: &[f32]) {
    let (lr, r) = (s.splat(lr), s.splat(r));
    update(
        s,
        w,
        v,
        dw,
        #[inline(always)]
        |w, v, g| {
            let d = neg_velocity(s, lr, r, v, g);
            (s.sub(w, s.mul_add(r, d, s.mul(lr, g))), flush_subnormal(s, minus(s, d)))
        },
    );
}

/// lr·g − r·v, the negated velocity.
///
/// The sign makes a step with r = 0 equal to that of [`sgd`] to the bit, as long as lr·g is not −0.
/// Where both products are +0 the difference is +0, and w − (+0) is w, also for w = −0. The
/// velocity r·v − lr·g would be +0 too, but −0 + (+0) is +0.
#[inline(always)]
fn neg_velocity<S: Simd>(s: S, lr: S::F, r: S::F, v: S::F, g: S::F) -> S::F {
    s.sub(s.mul(lr, g), s.mul(r, v))
}

/// −x
#[inline(always)]
fn minus<S: Simd>(s: S, x: S::F) -> S::F {
    s.xor(x, s.splat(-0.0))
}

/// Stochastic gradient descent: w ← w − lr·dw
///
/// # Panics
/// If the lengths differ.
///
/// ```
/// use rosenblatt_kernels::{Backend, optimizer};
/// let mut w = [1.0, 2.0];
/// optimizer::sgd(Backend::detect(), 0.5, &mut w, &[2.0, -2.0]);
/// assert_eq!(w, [0.0, 3.0]);
/// ```
pub fn sgd(backend: Backend, lr: f32, w: &mut [f32], dw: &[f32]) {
    same_lengths!(w, dw);
    dispatch!(backend, s => sgd_on(s, lr, w, dw));
}

/// Momentum: v ← r·v − lr·dw; w ← w + v
///
/// Subnormal velocities are stored as +0; the step uses them before that. With r = 0 the result is
/// that of [`sgd`] to the bit (unless lr·dw is −0 or underflows to it). Polyak, 1964.
/// # Panics
/// If the lengths differ.
///
/// ```
/// use rosenblatt_kernels::{Backend, optimizer};
/// let (mut w, mut v) = ([1.0], [0.0]);
/// for _ in 0..2 {
///     optimizer::momentum(Backend::detect(), 0.25, 0.5, &mut w, &mut v, &[1.0]);
/// }
/// assert_eq!((v, w), ([-0.375], [0.375])); // -0.25, then 0.5·(-0.25) - 0.25
/// ```
pub fn momentum(backend: Backend, lr: f32, r: f32, w: &mut [f32], v: &mut [f32], dw: &[f32]) {
    same_lengths!(w, v, dw);
    dispatch!(backend, s => momentum_on(s, lr, r, w, v, dw));
}

/// Nesterov's momentum: v ← r·v − lr·dw; w ← w + r·v − lr·dw
///
/// The gradient is taken at the current weights; the step adds the next velocity's part. Subnormal
/// velocities as in [`momentum`]. Nesterov, 1983, in the form of Sutskever et al., 2013, as in
/// Keras.
/// # Panics
/// If the lengths differ.
pub fn nesterov(backend: Backend, lr: f32, r: f32, w: &mut [f32], v: &mut [f32], dw: &[f32]) {
    same_lengths!(w, v, dw);
    dispatch!(backend, s => nesterov_on(s, lr, r, w, v, dw));
}
