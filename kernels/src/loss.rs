//! Losses summed over a batch, and their gradients. Sums run over sixteen virtual lanes ([`crate::blas::dot`]).
//!
//! Probabilities are kept inside [1e-7, 1 − 1e-7] before the logarithm, as Keras does; the gradients that are joined with softmax or
//! sigmoid, `scale·(p − t)`, need no logarithm and no such guard. The shortest slice says how many values there are.

use crate::{
    bodies::{Bodies, called},
    lanes::{get, put, sum},
    math,
    simd::Simd,
};

/// Keras' `epsilon()`: how near a probability may come to 0 and 1.
pub const EPSILON: f32 = 1e-7;

/// p between ε and 1 − ε (NaN stays), and whether it is known to be a number that was there already.
#[inline(always)]
fn clip<S: Simd>(s: S, p: S::F) -> (S::F, bool) {
    let (low, high) = (s.splat(EPSILON), s.splat(1.0 - EPSILON));
    // A single value is worth a look: two comparisons less, and its logarithm needs no case apart.
    if const { S::LANES == 1 && !cfg!(compact) } && s.all(s.lt(low, p)) && s.all(s.lt(p, high)) {
        return (p, true);
    }
    (s.min(s.max(p, low), high), false)
}

/// ln of what [`clip`] gives, or of 1 less it.
#[inline(always)]
fn ln<S: Simd>(s: S, x: S::F, inside: bool) -> S::F {
    if inside { math::ln_normal(s, x) } else { math::ln(s, x) }
}

/// ln p′, p′ being p between ε and 1 − ε.
#[inline(always)]
fn ln_clipped<S: Simd>(s: S, p: S::F) -> S::F {
    let (p, inside) = clip(s, p);
    ln(s, p, inside)
}

/// Σ term(y, t) over two slices, with dy ← scale·(y − t).
#[inline(always)]
fn difference<S: Simd>(
    s: S,
    scale: f32,
    y: &[f32],
    t: &[f32],
    dy: &mut [f32],
    term: impl Fn(S::F, S::F, S::F) -> S::F,
) -> f32 {
    let scale = s.splat(scale);
    sum(
        s,
        y.len().min(t.len()).min(dy.len()),
        #[inline(always)]
        |i, part| {
            // SAFETY: `sum` stays below all three lengths.
            unsafe {
                let (y, t) = (get(s, y.as_ptr().add(i), part), get(s, t.as_ptr().add(i), part));
                let d = s.sub(y, t);
                put(s, dy.as_mut_ptr().add(i), part, s.mul(scale, d));
                term(y, t, d)
            }
        },
    )
}

/// Σ (y − t)²; dy ← scale·(y − t)
#[inline(always)]
pub fn squared_error<S: Simd>(s: S, scale: f32, y: &[f32], t: &[f32], dy: &mut [f32]) -> f32 {
    if const { called::<S>() } {
        s.shared().squared_error(scale, y, t, dy)
    } else {
        squared_error_body(s, scale, y, t, dy)
    }
}

#[inline(always)]
pub(crate) fn squared_error_body<S: Simd>(s: S, scale: f32, y: &[f32], t: &[f32], dy: &mut [f32]) -> f32 {
    difference(
        s,
        scale,
        y,
        t,
        dy,
        #[inline(always)]
        |_, _, d| s.mul(d, d),
    )
}

/// −Σ (t·ln p + (1 − t)·ln(1 − p)); dy ← scale·(p − t), the gradient through the sigmoid
#[inline(always)]
pub fn binary_cross_entropy<S: Simd>(s: S, scale: f32, p: &[f32], t: &[f32], dy: &mut [f32]) -> f32 {
    if const { called::<S>() } {
        s.shared().binary_cross_entropy(scale, p, t, dy)
    } else {
        binary_cross_entropy_body(s, scale, p, t, dy)
    }
}

#[inline(always)]
pub(crate) fn binary_cross_entropy_body<S: Simd>(s: S, scale: f32, p: &[f32], t: &[f32], dy: &mut [f32]) -> f32 {
    let one = s.splat(1.0);
    -difference(
        s,
        scale,
        p,
        t,
        dy,
        #[inline(always)]
        |p, t, _| {
            let (p, inside) = clip(s, p);
            let rest = s.sub(one, p);
            // Where all targets are 0 or 1 (t − t² is zero), the term of weight 0 is a zero, which changes nothing: one logarithm is enough.
            if const { !cfg!(compact) } && s.all(s.lt(s.abs(s.sub(t, s.mul(t, t))), s.splat_bits(1))) {
                return ln(s, s.select(s.lt(s.splat(0.0), t), p, rest), inside);
            }
            s.mul_add(t, math::ln(s, p), s.mul(s.sub(one, t), math::ln(s, rest)))
        },
    )
}

/// −Σ t·ln p; dy ← scale·(p − t), the gradient through the softmax
#[inline(always)]
pub fn categorical_cross_entropy<S: Simd>(s: S, scale: f32, p: &[f32], t: &[f32], dy: &mut [f32]) -> f32 {
    if const { called::<S>() } {
        s.shared().categorical_cross_entropy(scale, p, t, dy)
    } else {
        categorical_cross_entropy_body(s, scale, p, t, dy)
    }
}

#[inline(always)]
pub(crate) fn categorical_cross_entropy_body<S: Simd>(s: S, scale: f32, p: &[f32], t: &[f32], dy: &mut [f32]) -> f32 {
    -difference(
        s,
        scale,
        p,
        t,
        dy,
        #[inline(always)]
        |p, t, _| s.mul(t, ln_clipped(s, p)),
    )
}

/// [`sparse_cross_entropy`] value by value: gradient and loss of a row in one go.
#[inline(never)]
fn single<S: Simd, const N: usize>(
    s: S,
    scale: f32,
    p: &[[f32; N]],
    class: impl Fn(usize) -> usize,
    dy: &mut [[f32; N]],
) -> f32 {
    -sum(
        s,
        p.len().min(dy.len()),
        #[inline(always)]
        |i, _| {
            let (Some(p), Some(dy)) = (p.get(i), dy.get_mut(i)) else {
                return s.splat(0.0);
            };
            for (p, dy) in p.iter().zip(dy.iter_mut()) {
                *dy = scale * p;
            }
            let c = class(i);
            let (Some(&p), Some(dy)) = (p.get(c), dy.get_mut(c)) else {
                return s.splat(f32::NAN);
            };
            *dy = scale * (p - 1.0);
            ln_clipped(s, s.splat(p))
        },
    )
}

/// −Σ ln `p[i][class(i)]`; dy ← scale·(p − one-hot), the gradient through the softmax
///
/// A class that a row does not have gives NaN.
#[inline(always)]
pub fn sparse_cross_entropy<S: Simd, const N: usize>(
    s: S,
    scale: f32,
    p: &[[f32; N]],
    class: impl Fn(usize) -> usize,
    dy: &mut [[f32; N]],
) -> f32 {
    if const { S::LANES == 1 && !cfg!(compact) } {
        return single(s, scale, p, class, dy);
    }
    for (i, (p, dy)) in p.iter().zip(dy.iter_mut()).enumerate() {
        crate::lanes::each(
            s,
            N,
            #[inline(always)]
            |j, part| {
                // SAFETY: `each` stays below the N values of a row.
                unsafe { put(s, dy.as_mut_ptr().add(j), part, s.mul(s.splat(scale), get(s, p.as_ptr().add(j), part))) }
            },
        );
        let c = class(i);
        if let (Some(p), Some(dy)) = (p.get(c), dy.get_mut(c)) {
            *dy = scale * (p - 1.0);
        }
    }
    -sum(
        s,
        p.len().min(dy.len()),
        #[inline(always)]
        |i, _| {
            if const { S::LANES == 1 } {
                let q = p.get(i).map_or(1.0, |row| row.get(class(i)).copied().unwrap_or(f32::NAN));
                return ln_clipped(s, s.splat(q));
            }
            let mut picked = [1.0f32; 16];
            for (i, q) in (i..).zip(picked.iter_mut().take(S::LANES)) {
                if let Some(row) = p.get(i) {
                    *q = row.get(class(i)).copied().unwrap_or(f32::NAN);
                }
            }
            // SAFETY: sixteen values hold one register.
            ln_clipped(s, unsafe { s.load(picked.as_ptr()) })
        },
    )
}
