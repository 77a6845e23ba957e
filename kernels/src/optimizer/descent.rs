//! Gradient descent, and with the momentum of a heavy ball.

use super::{normal, same_lengths, update};
use crate::{
    Level,
    bodies::{Bodies, called},
    dispatch,
    lanes::{each, get, put},
    simd::Simd,
};

/// [`sgd`] inside a dispatch.
#[inline(always)]
pub fn sgd_on<S: Simd>(s: S, lr: f32, w: &mut [f32], dw: &[f32]) {
    if const { called::<S>() } { s.shared().sgd(lr, w, dw) } else { sgd_body(s, lr, w, dw) }
}

#[inline(always)]
pub(crate) fn sgd_body<S: Simd>(s: S, lr: f32, w: &mut [f32], dw: &[f32]) {
    #[cfg(thumb)]
    if const { S::LANES == 1 } {
        return crate::arch::thumb::sgd(lr, w, dw);
    }
    let lr = s.splat(lr);
    each(
        s,
        w.len().min(dw.len()),
        #[inline(always)]
        |i, part| {
            // SAFETY: `each` stays below both lengths.
            unsafe {
                let p = w.as_mut_ptr().add(i);
                let step = s.mul(lr, get(s, dw.as_ptr().add(i), part));
                put(s, p, part, s.sub(get(s, p.cast_const(), part), step));
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
            let d = fall(s, lr, r, v, g);
            (s.sub(w, d), normal(s, minus(s, d)))
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
            let d = fall(s, lr, r, v, g);
            (s.sub(w, s.mul_add(r, d, s.mul(lr, g))), normal(s, minus(s, d)))
        },
    );
}

/// lr·g − r·v, the velocity turned round. Where both products are +0 so is it, and w less +0 is w, −0 too; r·v − lr·g would be +0 as well, and added to −0 give +0.
/// So a step with r = 0 is that of [`sgd`] to the bit, as long as lr·g is not −0.
#[inline(always)]
fn fall<S: Simd>(s: S, lr: S::F, r: S::F, v: S::F, g: S::F) -> S::F {
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
/// use rosenblatt_kernels::{Level, optimizer};
/// let mut w = [1.0, 2.0];
/// optimizer::sgd(Level::detect(), 0.5, &mut w, &[2.0, -2.0]);
/// assert_eq!(w, [0.0, 3.0]);
/// ```
pub fn sgd(level: Level, lr: f32, w: &mut [f32], dw: &[f32]) {
    same_lengths!(w, dw);
    dispatch!(level, s => sgd_on(s, lr, w, dw));
}

/// Momentum: v ← r·v − lr·dw; w ← w + v
///
/// Velocities are kept as +0 where they are subnormal; the step is taken with what they were before. With r = 0 it is [`sgd`] to the bit (unless lr·dw
/// is −0 or underflows to it). Polyak, 1964.
/// # Panics
/// If the lengths differ.
///
/// ```
/// use rosenblatt_kernels::{Level, optimizer};
/// let (mut w, mut v) = ([1.0], [0.0]);
/// for _ in 0..2 {
///     optimizer::momentum(Level::detect(), 0.25, 0.5, &mut w, &mut v, &[1.0]);
/// }
/// assert_eq!((v, w), ([-0.375], [0.375])); // -0.25, then 0.5·(-0.25) - 0.25
/// ```
pub fn momentum(level: Level, lr: f32, r: f32, w: &mut [f32], v: &mut [f32], dw: &[f32]) {
    same_lengths!(w, v, dw);
    dispatch!(level, s => momentum_on(s, lr, r, w, v, dw));
}

/// Nesterov's momentum: v ← r·v − lr·dw; w ← w + r·v − lr·dw
///
/// The gradient is taken where the weights are; the step looks one velocity ahead. Velocities as in [`momentum`]. Nesterov, 1983, in the form of Sutskever et
/// al., 2013, as Keras has it.
/// # Panics
/// If the lengths differ.
pub fn nesterov(level: Level, lr: f32, r: f32, w: &mut [f32], v: &mut [f32], dw: &[f32]) {
    same_lengths!(w, v, dw);
    dispatch!(level, s => nesterov_on(s, lr, r, w, v, dw));
}
