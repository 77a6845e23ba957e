//! Looking at a gradient before it is used, and keeping it within bounds.

use crate::{
    Level,
    arch::scalar::Scalar,
    bodies::{Bodies, called},
    dispatch,
    lanes::{each, get, put, sum},
    simd::Simd,
};

/// Whether every value is finite.
#[inline(always)]
pub fn all_finite_on<S: Simd>(s: S, x: &[f32]) -> bool {
    if const { called::<S>() } { s.shared().all_finite(x) } else { all_finite_body(s, x) }
}

#[inline(always)]
pub(crate) fn all_finite_body<S: Simd>(s: S, x: &[f32]) -> bool {
    #[cfg(thumb)]
    if const { S::LANES == 1 } {
        return crate::arch::thumb::all_finite(x);
    }
    #[cfg(compact)]
    if const { S::LANES == 1 } {
        return crate::little::all_finite(x);
    }
    // x − x is +0 for a finite number, else NaN; or-ing bits into a NaN leaves a NaN.
    let mut nan = s.splat(0.0);
    each(
        s,
        x.len(),
        #[inline(always)]
        |i, part| {
            // SAFETY: `each` stays below x.len().
            let x = unsafe { get(s, x.as_ptr().add(i), part) };
            nan = s.or(nan, s.sub(x, x));
        },
    );
    s.all(s.lt(nan, s.splat(1.0)))
}

/// x ← f(x)
#[inline(always)]
fn replace<S: Simd>(s: S, x: &mut [f32], f: impl Fn(S::F) -> S::F) {
    each(
        s,
        x.len(),
        #[inline(always)]
        |i, part| {
            // SAFETY: `each` stays below x.len().
            unsafe {
                let p = x.as_mut_ptr().add(i);
                put(s, p, part, f(get(s, p.cast_const(), part)));
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
    sum(
        s,
        x.len(),
        #[inline(always)]
        |i, part| {
            // SAFETY: `sum` stays below x.len().
            let x = s.mul(scale, unsafe { get(s, x.as_ptr().add(i), part) });
            s.mul(x, x)
        },
    )
}

/// 2ⁿ for −126 ≤ n ≤ 127
const fn power_of_two(n: i32) -> f32 {
    f32::from_bits(((n + 127) as u32) << 23)
}

/// (scale·‖x‖, scale): scale is 1, or a power of two that keeps the squares between overflow and underflow.
#[inline(always)]
fn scaled_norm<S: Simd>(s: S, x: &[f32]) -> (f32, f32) {
    const LEAST: f32 = power_of_two(-100);
    let plain = squares(s, 1.0, x);
    if (LEAST..f32::INFINITY).contains(&plain) {
        return (Scalar.sqrt(plain), 1.0);
    }
    let scale = if plain < LEAST { power_of_two(96) } else { power_of_two(-96) };
    (Scalar.sqrt(squares(s, scale, x)), scale)
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
pub fn all_finite(level: Level, x: &[f32]) -> bool {
    dispatch!(level, s => all_finite_on(s, x))
}

/// Each x ← x brought between −limit and limit. NaN stays NaN.
///
/// ```
/// use rosenblatt_kernels::{Level, optimizer};
/// let mut dw = [0.5, -3.0, 7.0];
/// optimizer::clip_value(Level::detect(), 1.0, &mut dw);
/// assert_eq!(dw, [0.5, -1.0, 1.0]);
/// ```
pub fn clip_value(level: Level, limit: f32, x: &mut [f32]) {
    dispatch!(level, s => clip_value_on(s, limit, x));
}

/// The Euclidean norm ‖x‖ = √Σx², summed over sixteen virtual lanes ([`crate::blas::dot`])
///
/// Where the sum of squares overflows or is below 2⁻¹⁰⁰, it is taken again of x·2⁻⁹⁶ or x·2⁹⁶, which rounds nothing that matters: the result is ∞ only if the norm itself is,
/// within the error, beyond the greatest f32, 0 only if all values are zeros. NaN if a value is NaN, else ∞ if one is infinite. Relative error within γ₍⌈n/16⌉₊₈₎, unless the
/// norm is subnormal.
///
/// ```
/// use rosenblatt_kernels::{Level, optimizer::norm};
/// assert_eq!(norm(Level::detect(), &[3.0, -4.0]), 5.0);
/// assert_eq!(norm(Level::detect(), &[3e30, -4e30]), 5e30); // the squares would overflow
/// ```
#[must_use]
pub fn norm(level: Level, x: &[f32]) -> f32 {
    dispatch!(level, s => norm_on(s, x))
}

/// x ← x·limit/‖x‖ where ‖x‖ > limit > 0; otherwise, and where a value is not finite, x stays as it is. Returns the [`norm`] before.
///
/// The direction stays, the norm becomes the limit (within a few roundings, as long as limit/‖x‖ is no subnormal number), whether or not the sum of squares overflows.
///
/// ```
/// use rosenblatt_kernels::{Level, optimizer};
/// let mut dw = [3.0, -4.0];
/// assert_eq!(optimizer::clip_norm(Level::detect(), 2.5, &mut dw), 5.0);
/// assert_eq!(dw, [1.5, -2.0]);
/// ```
pub fn clip_norm(level: Level, limit: f32, x: &mut [f32]) -> f32 {
    dispatch!(level, s => clip_norm_on(s, limit, x))
}
