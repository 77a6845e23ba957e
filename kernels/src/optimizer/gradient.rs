//! Checks and limits of a gradient before an optimizer uses it.

use crate::{
    Backend,
    bodies::Bodies,
    dispatch, math,
    simd::{Simd, called},
    walk::{for_each_register, load, reduce_sum, store},
};

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
