//! Losses summed over a batch, and their gradients. Sums run over sixteen virtual lanes
//! ([`crate::vector::dot`]).
//!
//! Probabilities are clipped to [1e-7, 1 − 1e-7] before the logarithm, as in Keras. The gradients
//! through softmax or sigmoid, `scale·(p − t)`, take no logarithm and are not clipped. The number
//! of values is that of the shortest slice.

use crate::{
    math,
    simd::{Bodies, Simd, called},
    walk::{for_each_register, load, reduce_sum, store},
};

/// Keras' `epsilon()`: the least distance of a clipped probability from 0 and 1.
pub const EPSILON: f32 = 1e-7;

/// p clipped to [ε, 1 − ε] (NaN stays), and whether p is known to have been inside.
#[inline(always)]
fn clip<S: Simd>(s: S, p: S::F) -> (S::F, bool) {
    let (low, high) = (s.splat(EPSILON), s.splat(1.0 - EPSILON));
    // A test pays for a single value: it saves two comparisons, and the logarithm needs no special
    // cases.
    if const { S::LANES == 1 && !cfg!(rosenblatt_small) }
        && s.all(s.lt(low, p))
        && s.all(s.lt(p, high))
    {
        return (p, true);
    }
    (s.min(s.max(p, low), high), false)
}

/// ln x, where x is p′ or 1 − p′ of [`clip`] and `inside` its flag.
#[inline(always)]
fn ln<S: Simd>(s: S, x: S::F, inside: bool) -> S::F {
    if inside { math::ln_normal(s, x) } else { math::ln(s, x) }
}

/// ln p′, where p′ is p clipped to [ε, 1 − ε].
#[inline(always)]
fn ln_clipped<S: Simd>(s: S, p: S::F) -> S::F {
    let (p, inside) = clip(s, p);
    ln(s, p, inside)
}

/// Σ term(y, t, y − t) over two slices, with dy ← scale·(y − t).
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
    reduce_sum(
        s,
        y.len().min(t.len()).min(dy.len()),
        #[inline(always)]
        |i, part| {
            // SAFETY: `reduce_sum` stays below all three lengths.
            unsafe {
                let (y, t) = (load(s, y.as_ptr().add(i), part), load(s, t.as_ptr().add(i), part));
                let d = s.sub(y, t);
                store(s, dy.as_mut_ptr().add(i), part, s.mul(scale, d));
                term(y, t, d)
            }
        },
    )
}

/// Returns Σ (y − t)²; dy ← scale·(y − t)
#[inline(always)]
pub fn squared_error<S: Simd>(s: S, scale: f32, y: &[f32], t: &[f32], dy: &mut [f32]) -> f32 {
    if const { called::<S>() } {
        s.shared().squared_error(scale, y, t, dy)
    } else {
        squared_error_body(s, scale, y, t, dy)
    }
}

#[inline(always)]
pub(crate) fn squared_error_body<S: Simd>(
    s: S,
    scale: f32,
    y: &[f32],
    t: &[f32],
    dy: &mut [f32],
) -> f32 {
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

/// Returns −Σ (t·ln p + (1 − t)·ln(1 − p)); dy ← scale·(p − t), the gradient through the sigmoid
#[inline(always)]
pub fn binary_cross_entropy<S: Simd>(
    s: S,
    scale: f32,
    p: &[f32],
    t: &[f32],
    dy: &mut [f32],
) -> f32 {
    if const { called::<S>() } {
        s.shared().binary_cross_entropy(scale, p, t, dy)
    } else {
        binary_cross_entropy_body(s, scale, p, t, dy)
    }
}

#[inline(always)]
pub(crate) fn binary_cross_entropy_body<S: Simd>(
    s: S,
    scale: f32,
    p: &[f32],
    t: &[f32],
    dy: &mut [f32],
) -> f32 {
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
            // Where all targets are 0 or 1 (t − t² is zero), the term of weight 0 is a zero and
            // changes nothing: one logarithm is enough.
            if const { !cfg!(rosenblatt_small) }
                && s.all(s.lt(s.abs(s.sub(t, s.mul(t, t))), s.splat_bits(1)))
            {
                return ln(s, s.select(s.lt(s.splat(0.0), t), p, rest), inside);
            }
            s.mul_add(t, math::ln(s, p), s.mul(s.sub(one, t), math::ln(s, rest)))
        },
    )
}

/// Returns −Σ t·ln p; dy ← scale·(p − t), the gradient through the softmax
#[inline(always)]
pub fn categorical_cross_entropy<S: Simd>(
    s: S,
    scale: f32,
    p: &[f32],
    t: &[f32],
    dy: &mut [f32],
) -> f32 {
    if const { called::<S>() } {
        s.shared().categorical_cross_entropy(scale, p, t, dy)
    } else {
        categorical_cross_entropy_body(s, scale, p, t, dy)
    }
}

#[inline(always)]
pub(crate) fn categorical_cross_entropy_body<S: Simd>(
    s: S,
    scale: f32,
    p: &[f32],
    t: &[f32],
    dy: &mut [f32],
) -> f32 {
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

/// [`sparse_cross_entropy`] value by value: gradient and loss of a row in one pass.
#[inline(never)]
fn single<S: Simd, const N: usize>(
    s: S,
    scale: f32,
    p: &[[f32; N]],
    class: impl Fn(usize) -> usize,
    dy: &mut [[f32; N]],
) -> f32 {
    -reduce_sum(
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

/// Returns −Σ ln `p[i][class(i)]`; dy ← scale·(p − one-hot), the gradient through the softmax
///
/// The loss is NaN if `class(i)` is not less than N.
#[inline(always)]
pub fn sparse_cross_entropy<S: Simd, const N: usize>(
    s: S,
    scale: f32,
    p: &[[f32; N]],
    class: impl Fn(usize) -> usize,
    dy: &mut [[f32; N]],
) -> f32 {
    if const { S::LANES == 1 && !cfg!(rosenblatt_small) } {
        return single(s, scale, p, class, dy);
    }
    for (i, (p, dy)) in p.iter().zip(dy.iter_mut()).enumerate() {
        for_each_register(
            s,
            N,
            #[inline(always)]
            |j, part| {
                // SAFETY: `for_each_register` stays below the N values of a row.
                unsafe {
                    store(
                        s,
                        dy.as_mut_ptr().add(j),
                        part,
                        s.mul(s.splat(scale), load(s, p.as_ptr().add(j), part)),
                    )
                }
            },
        );
        let c = class(i);
        if let (Some(p), Some(dy)) = (p.get(c), dy.get_mut(c)) {
            *dy = scale * (p - 1.0);
        }
    }
    -reduce_sum(
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
