//! Updates of parameters: one pass over weights, state and gradient. Before it a gradient is
//! checked and clipped.
//!
//! The formulas are value by value; each product and each sum is rounded. The hyper-parameters of a
//! step (learning rate, corrections) are plain numbers: the caller computes schedules and decay.
//! Functions whose names end in `_on` run inside a dispatch and update as many parameters as the
//! shortest slice has.

mod adam;
mod adaptive;
mod descent;

pub(crate) use adam::adam_body;
pub use adam::{AdamStep, adam, adam_on, adamw, adamw_on};
pub use adaptive::{adagrad, adagrad_on, rmsprop, rmsprop_on};
pub(crate) use descent::sgd_body;
pub use descent::{momentum, momentum_on, nesterov, nesterov_on, sgd, sgd_on};

use crate::{
    Backend, dispatch, math,
    simd::{Bodies, Simd, called},
    walk::{for_each_register, load, reduce_sum, store},
};

/// Whether every value is finite.
pub fn all_finite(backend: Backend, x: &[f32]) -> bool {
    dispatch!(backend, s => all_finite_on(s, x))
}

/// Each x ← min(max(x, −limit), limit). NaN stays NaN.
///
/// ```
/// use rosenblatt_kernels::{Backend, optimizer};
/// let mut dw = [0.5, -3.0, 7.0];
/// optimizer::clip_value(Backend::detect(), 1.0, &mut dw);
/// assert_eq!(dw, [0.5, -1.0, 1.0]);
/// ```
pub fn clip_value(backend: Backend, limit: f32, x: &mut [f32]) {
    dispatch!(backend, s => clip_value_on(s, limit, x));
}

/// The Euclidean norm ‖x‖ = √Σx², summed over sixteen virtual lanes ([`crate::vector::dot`])
///
/// Where the sum of squares overflows or is below 2⁻¹⁰⁰, it is computed again with x·2⁻⁹⁶ or x·2⁹⁶.
/// This scaling adds no error that matters. The result is ∞ only if the norm itself is, within the
/// error, beyond the greatest f32. It is 0 only if all values are zeros. It is NaN if a value is
/// NaN, else ∞ if one is infinite. Relative error within γ₍⌈n/16⌉₊₈₎, unless the norm is subnormal.
///
/// ```
/// use rosenblatt_kernels::{Backend, optimizer::norm};
/// assert_eq!(norm(Backend::detect(), &[3.0, -4.0]), 5.0);
/// assert_eq!(norm(Backend::detect(), &[3e30, -4e30]), 5e30); // the squares would overflow
/// ```
#[must_use]
pub fn norm(backend: Backend, x: &[f32]) -> f32 {
    dispatch!(backend, s => norm_on(s, x))
}

/// x ← x·limit/‖x‖ where ‖x‖ > limit. Otherwise, and where a value is not finite, x stays as it is.
/// Returns the [`norm`] before. `limit` must be greater than 0.
///
/// The direction stays. The norm becomes `limit` (within a few roundings, as long as limit/‖x‖ is
/// not subnormal), even if the sum of squares overflows.
///
/// ```
/// use rosenblatt_kernels::{Backend, optimizer};
/// let mut dw = [3.0, -4.0];
/// assert_eq!(optimizer::clip_norm(Backend::detect(), 2.5, &mut dw), 5.0);
/// assert_eq!(dw, [1.5, -2.0]);
/// ```
pub fn clip_norm(backend: Backend, limit: f32, x: &mut [f32]) -> f32 {
    dispatch!(backend, s => clip_norm_on(s, limit, x))
}

/// Whether every value is finite.
#[inline(always)]
pub fn all_finite_on<S: Simd>(s: S, x: &[f32]) -> bool {
    if const { called::<S>() } { s.shared().all_finite(x) } else { all_finite_body(s, x) }
}

#[inline(always)]
pub(crate) fn all_finite_body<S: Simd>(s: S, x: &[f32]) -> bool {
    #[cfg(rosenblatt_cortex_m)]
    if const { S::LANES == 1 } {
        return crate::arch::cortex_m::all_finite(x);
    }
    #[cfg(rosenblatt_small)]
    if const { S::LANES == 1 } {
        return crate::gemm::small::all_finite(x);
    }
    // x − x is +0 for a finite number, else NaN. A NaN stays NaN when bits are or-ed into it.
    let mut nan = s.splat(0.0);
    for_each_register(
        s,
        x.len(),
        #[inline(always)]
        |i, part| {
            // SAFETY: `for_each_register` stays below x.len().
            let x = unsafe { load(s, x.as_ptr().add(i), part) };
            nan = s.or(nan, s.sub(x, x));
        },
    );
    s.all(s.lt(nan, s.splat(1.0)))
}

/// [`clip_value`] inside a dispatch.
#[inline(always)]
pub fn clip_value_on<S: Simd>(s: S, limit: f32, x: &mut [f32]) {
    let (low, high) = (s.splat(-limit), s.splat(limit));
    replace(
        s,
        x,
        #[inline(always)]
        |x| s.min(s.max(x, low), high),
    );
}

/// [`norm`] inside a dispatch.
#[inline(always)]
pub fn norm_on<S: Simd>(s: S, x: &[f32]) -> f32 {
    let (norm, scale) = scaled_norm(s, x);
    norm / scale
}

/// [`clip_norm`] inside a dispatch.
#[inline(always)]
pub fn clip_norm_on<S: Simd>(s: S, limit: f32, x: &mut [f32]) -> f32 {
    let (norm, scale) = scaled_norm(s, x);
    if norm > limit * scale && norm < f32::INFINITY {
        let factor = s.splat(limit / norm);
        let scale = s.splat(scale);
        replace(
            s,
            x,
            #[inline(always)]
            |x| s.mul(s.mul(scale, x), factor),
        );
    }
    norm / scale
}

/// Returns (scale·‖x‖, scale). scale is 1, or a power of two with which the squares neither
/// overflow nor underflow.
#[inline(always)]
fn scaled_norm<S: Simd>(s: S, x: &[f32]) -> (f32, f32) {
    const LEAST: f32 = power_of_two(-100);
    let plain = squares(s, 1.0, x);
    if (LEAST..f32::INFINITY).contains(&plain) {
        return (math::sqrt(plain), 1.0);
    }
    let scale = if plain < LEAST { power_of_two(96) } else { power_of_two(-96) };
    (math::sqrt(squares(s, scale, x)), scale)
}

/// Σ (scale·x)²
#[inline(always)]
fn squares<S: Simd>(s: S, scale: f32, x: &[f32]) -> f32 {
    let scale = s.splat(scale);
    reduce_sum(
        s,
        x.len(),
        #[inline(always)]
        |i, part| {
            // SAFETY: `reduce_sum` stays below x.len().
            let x = s.mul(scale, unsafe { load(s, x.as_ptr().add(i), part) });
            s.mul(x, x)
        },
    )
}

/// 2ⁿ for −126 ≤ n ≤ 127
const fn power_of_two(n: i32) -> f32 {
    f32::from_bits(((n + 127) as u32) << 23)
}

/// x ← f(x)
#[inline(always)]
fn replace<S: Simd>(s: S, x: &mut [f32], f: impl Fn(S::F) -> S::F) {
    for_each_register(
        s,
        x.len(),
        #[inline(always)]
        |i, part| {
            // SAFETY: `for_each_register` stays below x.len().
            unsafe {
                let p = x.as_mut_ptr().add(i);
                store(s, p, part, f(load(s, p.cast_const(), part)));
            }
        },
    );
}

/// Calls `rule(w, x, g)` for every parameter w, its one state value x and its gradient g. The rule
/// returns the new weight and state.
#[inline(always)]
fn update<S: Simd>(
    s: S,
    w: &mut [f32],
    x: &mut [f32],
    dw: &[f32],
    rule: impl Fn(S::F, S::F, S::F) -> (S::F, S::F),
) {
    for_each_register(
        s,
        w.len().min(x.len()).min(dw.len()),
        #[inline(always)]
        |i, part| {
            // SAFETY: `for_each_register` stays below all three lengths.
            unsafe {
                let (w, x) = (w.as_mut_ptr().add(i), x.as_mut_ptr().add(i));
                let g = load(s, dw.as_ptr().add(i), part);
                let (w1, x1) =
                    rule(load(s, w.cast_const(), part), load(s, x.cast_const(), part), g);
                store(s, x, part, x1);
                store(s, w, part, w1);
            }
        },
    );
}

/// A value of the gradient is huge from 2⁶³ on: its square, or a sum of a few such squares, could
/// overflow.
///
/// An infinite mean of squares would never decrease again, and its weight would never change again.
/// So the optimizers that divide by a root of squares leave their state unchanged at such a value.
/// They take a step of the whole learning rate against its sign.
const HUGE: f32 = f32::from_bits((127 + 63) << 23);

/// Whether |g| < [`HUGE`]. False for infinities and NaN.
#[inline(always)]
fn ordinary<S: Simd>(s: S, g: S::F) -> S::M {
    s.lt(s.abs(g), s.splat(HUGE))
}

/// [`ordinary`] of all lanes.
#[inline(always)]
fn all_ordinary<S: Simd>(s: S, g: S::F) -> bool {
    if const { S::LANES == 1 } {
        // The bits without the sign, as integers, have the order of |g|. Infinity and NaN are the
        // greatest.
        return s.sum_lanes(g).to_bits() << 1 < HUGE.to_bits() << 1;
    }
    s.all(ordinary(s, g))
}

/// Whether |g| < [`HUGE`] for every value.
#[inline(always)]
fn all_below_huge<S: Simd>(s: S, g: &[f32]) -> bool {
    // 2⁶⁵·HUGE = 2¹²⁸ is the first number that overflows, and ∞ − ∞ is NaN. A NaN stays NaN when
    // bits are or-ed into it.
    let scale = s.splat(f32::from_bits((127 + 65) << 23));
    let mut nan = s.splat(0.0);
    for_each_register(
        s,
        g.len(),
        #[inline(always)]
        |i, part| {
            // SAFETY: `for_each_register` stays below g.len().
            let g = s.mul(unsafe { load(s, g.as_ptr().add(i), part) }, scale);
            nan = s.or(nan, s.sub(g, g));
        },
    );
    s.all(s.lt(nan, s.splat(1.0)))
}

/// One whole step against the sign of g: w − rate·(g / |g|), which is NaN where g is infinite or
/// NaN.
#[inline(always)]
fn whole_step<S: Simd>(s: S, w: S::F, rate: S::F, g: S::F) -> S::F {
    s.sub(w, s.mul(rate, s.div(g, s.abs(g))))
}

/// [`update`] for rules that divide by a root of squares. A huge gradient takes a [`whole_step`]
/// and leaves the state unchanged.
#[inline(always)]
fn update_by_squares<S: Simd>(
    s: S,
    rate: S::F,
    w: &mut [f32],
    h: &mut [f32],
    dw: &[f32],
    rule: impl Fn(S::F, S::F, S::F) -> (S::F, S::F),
) {
    update(
        s,
        w,
        h,
        dw,
        #[inline(always)]
        |w, h, g| {
            let all = all_ordinary(s, g);
            if const { S::LANES == 1 } && !all {
                return (whole_step(s, w, rate, g), h);
            }
            let (w1, h1) = rule(w, h, g);
            if all {
                return (w1, h1);
            }
            let usual = ordinary(s, g);
            (s.select(usual, w1, whole_step(s, w, rate, g)), s.select(usual, h1, h))
        },
    );
}

/// x, or +0 where x is zero or subnormal.
///
/// Decaying values are moments, velocities and means of squares. If the gradient of a weight
/// vanishes (a dead unit, a batch that is fitted exactly), they decay until they stick at a
/// subnormal number. x86 then takes a hundred cycles per operation, and training slows down to a
/// third. The selection is explicit and the same on every backend.
#[inline(always)]
fn flush_subnormal<S: Simd>(s: S, x: S::F) -> S::F {
    s.select(s.lt(s.abs(x), s.splat(f32::MIN_POSITIVE)), s.splat(0.0), x)
}

/// 1 − β of a decay β in [0, 1), for the decimal number that β was written as.
///
/// 0.999 in f32 is 0.99900001. In f32, 1 − β would differ from 0.001 by a relative error of 1.3e-5:
/// the subtraction keeps the absolute error of β. Keras subtracts in f64. Here the product 10⁷·β
/// rounds this error away if β has at most seven decimal places: from 8,388,608 = 2²³ on, f32 has
/// only whole numbers, and below that 1 − β is large. From there on, a β of more places counts as
/// the nearest number of seven places.
#[inline(always)]
fn one_minus(beta: f32) -> f32 {
    const PLACES: f32 = 1e7;
    (PLACES - beta * PLACES) / PLACES
}

/// Panics unless all slices have the length of `w`.
macro_rules! same_lengths {
    ($w:ident $(, $x:ident)+) => {
        assert!(
            $($x.len() == $w.len())&&+,
            concat!("w has {} values", $(", ", stringify!($x), " has {}"),+),
            $w.len(),
            $($x.len()),+
        );
    };
}
use same_lengths;
