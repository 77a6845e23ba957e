//! Adaptive moments.

use super::{all_ordinary, normal, ordinary, rest, same_lengths, whole_step};
use crate::{
    Level,
    bodies::{Bodies, called},
    dispatch,
    lanes::{Part, each, get, put},
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

/// What [`moments`] walks over, and its factors in every lane.
struct Walk<S: Simd, F> {
    s: S,
    w: *mut f32,
    m: *mut f32,
    v: *mut f32,
    dw: *const f32,
    alpha: S::F,
    beta: (S::F, S::F),
    rest: (S::F, S::F),
    epsilon: S::F,
    shrink: F,
}

impl<S: Simd, F: Fn(S::F) -> S::F> Walk<S, F> {
    /// w, m, v and dw from `i` on.
    /// # Safety
    /// The lanes of `part` from `i` on must be readable in all four.
    #[inline(always)]
    unsafe fn load(&self, i: usize, part: Part<S>) -> [S::F; 4] {
        let s = self.s;
        // SAFETY: the caller's promise.
        unsafe {
            [
                get(s, self.w.add(i).cast_const(), part),
                get(s, self.m.add(i).cast_const(), part),
                get(s, self.v.add(i).cast_const(), part),
                get(s, self.dw.add(i), part),
            ]
        }
    }

    /// The step for what [`Walk::load`] gave there.
    /// # Safety
    /// The lanes of `part` from `i` on must be writable in w, m and v.
    #[cfg_attr(not(unoptimized), inline(always))]
    #[cfg_attr(unoptimized, inline(never))]
    unsafe fn store(&self, i: usize, part: Part<S>, [w, m, v, g]: [S::F; 4]) {
        let &Self { s, alpha, beta, rest, epsilon, ref shrink, .. } = self;
        let w = shrink(w);
        let all = all_ordinary(s, g);
        if const { S::LANES == 1 } && !all {
            // SAFETY: the caller's promise.
            return unsafe { put(s, self.w.add(i), part, whole_step(s, w, alpha, g)) };
        }
        let mut m1 = s.mul_add(beta.0, m, s.mul(rest.0, g));
        let mut v1 = s.mul_add(beta.1, v, s.mul(rest.1, s.mul(g, g)));
        let mut w1 = s.sub(w, s.div(s.mul(alpha, m1), s.add(s.sqrt(v1), epsilon)));
        (m1, v1) = (normal(s, m1), normal(s, v1));
        if const { S::LANES > 1 } && !all {
            let usual = ordinary(s, g);
            w1 = s.select(usual, w1, whole_step(s, w, alpha, g));
            (m1, v1) = (s.select(usual, m1, m), s.select(usual, v1, v));
        }
        // SAFETY: the caller's promise.
        unsafe {
            put(s, self.m.add(i), part, m1);
            put(s, self.v.add(i), part, v1);
            put(s, self.w.add(i), part, w1);
        }
    }
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
    let n = w.len().min(m.len()).min(v.len()).min(dw.len());
    let walk = Walk {
        s,
        w: w.as_mut_ptr(),
        m: m.as_mut_ptr(),
        v: v.as_mut_ptr(),
        dw: dw.as_ptr(),
        alpha: s.splat(alpha),
        beta: (s.splat(beta1), s.splat(beta2)),
        rest: (s.splat(rest(beta1)), s.splat(rest(beta2))),
        epsilon: s.splat(epsilon),
        shrink,
    };
    let full = if const { S::LANES == 1 } { 0 } else { n / S::LANES * S::LANES };
    // The next values are loaded before these are stored: a load whose address agrees with an older store's in its low bits, which is chance, waits for
    // that store, and all divisions would follow one another.
    if full > 0 {
        // SAFETY: i + LANES ≤ full, and no slice is shorter.
        unsafe {
            let mut i = 0;
            let mut values = walk.load(0, None);
            while i + S::LANES < full {
                let next = walk.load(i + S::LANES, None);
                walk.store(i, None, values);
                values = next;
                i += S::LANES;
            }
            walk.store(i, None, values);
        }
    }
    each(
        s,
        n - full,
        #[inline(always)]
        |i, part| {
            // SAFETY: `each` stays below the rest.
            unsafe { walk.store(full + i, part, walk.load(full + i, part)) }
        },
    );
}

/// [`adam`] inside a dispatch.
#[inline(always)]
pub fn adam_on<S: Simd>(s: S, step: AdamStep, w: &mut [f32], m: &mut [f32], v: &mut [f32], dw: &[f32]) {
    if const { called::<S>() } { s.shared().adam(step, w, m, v, dw) } else { adam_body(s, step, w, m, v, dw) }
}

#[inline(always)]
pub(crate) fn adam_body<S: Simd>(s: S, step: AdamStep, w: &mut [f32], m: &mut [f32], v: &mut [f32], dw: &[f32]) {
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
/// with what they were before. Where |dw| is 2⁶³ or more, m and v stay and w ← w − α·sign(dw), which is NaN where dw is
/// infinite or NaN. An ε below 1e-15 may be less than the root of a second moment that was too
/// small to be kept: steps are too long then.
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
