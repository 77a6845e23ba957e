//! Adam and AdamW: adaptive moments.

use super::{
    all_below_huge, all_ordinary, flush_subnormal, one_minus, ordinary, same_lengths, whole_step,
};
use crate::{
    Backend, dispatch,
    simd::{Bodies, Simd, called},
    walk::{Part, for_each_register, load, store},
};

/// The factors of one step of Adam; see [`adam`].
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

/// The arguments of [`moments`] as pointers, and its factors in every lane.
struct Walk<S: Simd, F, const LOOK: bool> {
    s: S,
    w: *mut f32,
    m: *mut f32,
    v: *mut f32,
    dw: *const f32,
    alpha: S::F,
    beta: (S::F, S::F),
    one_minus: (S::F, S::F),
    epsilon: S::F,
    shrink: F,
}

impl<S: Simd, F: Fn(S::F) -> S::F, const LOOK: bool> Walk<S, F, LOOK> {
    /// Loads w, m, v and dw from `i` on.
    /// # Safety
    /// The lanes of `part` from `i` on must be readable in all four.
    #[inline(always)]
    unsafe fn load(&self, i: usize, part: Part<S>) -> [S::F; 4] {
        let s = self.s;
        // SAFETY: the caller's promise.
        unsafe {
            [
                load(s, self.w.add(i).cast_const(), part),
                load(s, self.m.add(i).cast_const(), part),
                load(s, self.v.add(i).cast_const(), part),
                load(s, self.dw.add(i), part),
            ]
        }
    }

    /// Makes the step for the values of [`Walk::load`] at the same place.
    /// # Safety
    /// The lanes of `part` from `i` on must be writable in w, m and v.
    #[cfg_attr(not(rosenblatt_unoptimized), inline(always))]
    #[cfg_attr(rosenblatt_unoptimized, inline(never))]
    unsafe fn store(&self, i: usize, part: Part<S>, [w, m, v, g]: [S::F; 4]) {
        let &Self { s, alpha, beta, one_minus, epsilon, ref shrink, .. } = self;
        let w = shrink(w);
        let all = !LOOK || all_ordinary(s, g);
        if const { S::LANES == 1 } && !all {
            // SAFETY: the caller's promise.
            return unsafe { store(s, self.w.add(i), part, whole_step(s, w, alpha, g)) };
        }
        let mut m1 = s.mul_add(beta.0, m, s.mul(one_minus.0, g));
        let mut v1 = s.mul_add(beta.1, v, s.mul(one_minus.1, s.mul(g, g)));
        let mut w1 = s.sub(w, s.div(s.mul(alpha, m1), s.add(s.sqrt(v1), epsilon)));
        (m1, v1) = (flush_subnormal(s, m1), flush_subnormal(s, v1));
        if const { S::LANES > 1 } && !all {
            let usual = ordinary(s, g);
            w1 = s.select(usual, w1, whole_step(s, w, alpha, g));
            (m1, v1) = (s.select(usual, m1, m), s.select(usual, v1, v));
        }
        // SAFETY: the caller's promise.
        unsafe {
            store(s, self.m.add(i), part, m1);
            store(s, self.v.add(i), part, v1);
            store(s, self.w.add(i), part, w1);
        }
    }
}

/// Adam, where each weight w is first replaced by `shrink(w)`. Without `LOOK` the caller has seen
/// that the gradient is below [`HUGE`](super::HUGE) everywhere.
#[inline(always)]
fn moments<S: Simd, const LOOK: bool>(
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
    let walk = Walk::<S, _, LOOK> {
        s,
        w: w.as_mut_ptr(),
        m: m.as_mut_ptr(),
        v: v.as_mut_ptr(),
        dw: dw.as_ptr(),
        alpha: s.splat(alpha),
        beta: (s.splat(beta1), s.splat(beta2)),
        one_minus: (s.splat(one_minus(beta1)), s.splat(one_minus(beta2))),
        epsilon: s.splat(epsilon),
        shrink,
    };
    let full = if const { S::LANES == 1 } { 0 } else { n / S::LANES * S::LANES };
    // The next values are loaded before the current ones are stored. A load waits for an older
    // store if the low bits of the two addresses agree, which happens by chance. Then no division
    // would overlap another.
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
    for_each_register(
        s,
        n - full,
        #[inline(always)]
        |i, part| {
            // SAFETY: `for_each_register` stays below the n − full remaining values.
            unsafe { walk.store(full + i, part, walk.load(full + i, part)) }
        },
    );
}

/// [`adam`] inside a dispatch.
#[inline(always)]
pub fn adam_on<S: Simd>(
    s: S,
    step: AdamStep,
    w: &mut [f32],
    m: &mut [f32],
    v: &mut [f32],
    dw: &[f32],
) {
    if const { called::<S>() } {
        s.shared().adam(step, w, m, v, dw)
    } else if const { S::LANES == 1 || cfg!(target_os = "none") } {
        adam_body(s, step, w, m, v, dw)
    } else if all_below_huge(s, dw) {
        // In place the parameters are few: one look at all of them costs less than one at each
        // register, and the code is shorter.
        moments::<S, false>(
            s,
            step,
            w,
            m,
            v,
            dw,
            #[inline(always)]
            |w| w,
        );
    } else {
        s.shared().adam(step, w, m, v, dw)
    }
}

#[inline(always)]
pub(crate) fn adam_body<S: Simd>(
    s: S,
    step: AdamStep,
    w: &mut [f32],
    m: &mut [f32],
    v: &mut [f32],
    dw: &[f32],
) {
    #[cfg(rosenblatt_cortex_m)]
    if const { S::LANES == 1 } {
        let AdamStep { alpha, beta1, beta2, epsilon } = step;
        let one_minus = (one_minus(beta1), one_minus(beta2));
        let (beta, written) = ((beta1, beta2), [w, m, v]);
        return crate::arch::cortex_m::adam(alpha, beta, one_minus, epsilon, written, dw);
    }
    moments::<S, true>(
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
pub fn adamw_on<S: Simd>(
    s: S,
    step: AdamStep,
    shrink: f32,
    w: &mut [f32],
    m: &mut [f32],
    v: &mut [f32],
    dw: &[f32],
) {
    // w + (0 − shrink)·w: with shrink 0 the product leaves −0 as it is.
    let shrink = s.splat(0.0 - shrink);
    moments::<S, true>(
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
/// ε stands outside the root ("epsilon hat", as in Keras). Subnormal moments are stored as +0; the
/// step uses them before that. Where |dw| is 2⁶³ or more, m and v stay and w ← w − α·sign(dw),
/// which is NaN where dw is infinite or NaN. An ε below 1e-15 can be less than the root of a second
/// moment that was stored as +0; steps are too long then. Kingma and Ba, 2015.
/// # Panics
/// If the lengths differ.
pub fn adam(
    backend: Backend,
    step: AdamStep,
    w: &mut [f32],
    m: &mut [f32],
    v: &mut [f32],
    dw: &[f32],
) {
    same_lengths!(w, m, v, dw);
    dispatch!(backend, s => adam_body(s, step, w, m, v, dw));
}

/// AdamW: w ← w − shrink·w, then [`adam`]; shrink = lr·λ, the learning rate times the weight decay
///
/// The decay is not part of the gradient and is not divided by its moments. With shrink 0 the
/// result is that of [`adam`] to the bit, as long as the weights are finite. Loshchilov and Hutter,
/// 2019.
/// # Panics
/// If the lengths differ.
///
/// ```
/// use rosenblatt_kernels::{Backend, optimizer::{self, AdamStep}};
/// let step = AdamStep { alpha: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
/// let (mut w, mut m, mut v) = ([2.0], [0.0], [0.0]);
/// optimizer::adamw(Backend::detect(), step, 0.25, &mut w, &mut m, &mut v, &[0.0]);
/// assert_eq!(w, [1.5]); // no gradient: only the decay
/// ```
pub fn adamw(
    backend: Backend,
    step: AdamStep,
    shrink: f32,
    w: &mut [f32],
    m: &mut [f32],
    v: &mut [f32],
    dw: &[f32],
) {
    same_lengths!(w, m, v, dw);
    dispatch!(backend, s => adamw_on(s, step, shrink, w, m, v, dw));
}
