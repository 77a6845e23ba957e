//! Regularization: penalties of the weights and their gradients. Sums run over sixteen virtual
//! lanes ([`crate::vector::dot`]). The number of weights is that of the shortest slice.

use crate::{
    simd::Simd,
    walk::{for_each_register, load, reduce_sum, store},
};

/// Σ f(w)
#[inline(always)]
fn total<S: Simd>(s: S, w: &[f32], f: impl Fn(S::F) -> S::F) -> f32 {
    reduce_sum(
        s,
        w.len(),
        #[inline(always)]
        // SAFETY: `reduce_sum` stays below w.len().
        |i, part| f(unsafe { load(s, w.as_ptr().add(i), part) }),
    )
}

/// dw ← dw + f(w). The number of values is that of the shorter slice.
#[inline(always)]
fn add<S: Simd>(s: S, w: &[f32], dw: &mut [f32], f: impl Fn(S::F) -> S::F) {
    for_each_register(
        s,
        w.len().min(dw.len()),
        #[inline(always)]
        |i, part| {
            // SAFETY: `for_each_register` stays below both lengths.
            unsafe {
                let p = dw.as_mut_ptr().add(i);
                store(
                    s,
                    p,
                    part,
                    s.add(load(s, p.cast_const(), part), f(load(s, w.as_ptr().add(i), part))),
                );
            }
        },
    );
}

/// Σ |w|
#[inline(always)]
pub fn l1<S: Simd>(s: S, w: &[f32]) -> f32 {
    total(
        s,
        w,
        #[inline(always)]
        |w| s.abs(w),
    )
}

/// Σ w²
#[inline(always)]
pub fn l2<S: Simd>(s: S, w: &[f32]) -> f32 {
    total(
        s,
        w,
        #[inline(always)]
        |w| s.mul(w, w),
    )
}

/// dw ← dw + λ·sign(w): λ where 0 < w, −λ where w < 0, w itself where it is ±0 or NaN
#[inline(always)]
pub fn l1_grad<S: Simd>(s: S, lambda: f32, w: &[f32], dw: &mut [f32]) {
    let (zero, lambda, sign) = (s.splat(0.0), s.splat(lambda), s.splat(-0.0));
    add(
        s,
        w,
        dw,
        #[inline(always)]
        |w| s.select(s.lt(zero, s.abs(w)), s.xor(lambda, s.and(w, sign)), w),
    );
}

/// dw ← dw + (2·λ)·w
#[inline(always)]
pub fn l2_grad<S: Simd>(s: S, lambda: f32, w: &[f32], dw: &mut [f32]) {
    let double = s.splat(2.0 * lambda);
    add(
        s,
        w,
        dw,
        #[inline(always)]
        |w| s.mul(double, w),
    );
}
