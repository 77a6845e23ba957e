//! Updates of parameters: one pass over weights, state and gradient.
//!
//! The formulas are element by element; each product and sum is rounded. Hyper-parameters of the step (learning rate, corrections) come in
//! as numbers, so that a schedule or decay is the caller's.

use crate::{
    Level, dispatch,
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

/// [`sgd`] inside a dispatch; the shortest slice says how many parameters there are.
#[inline(always)]
pub fn sgd_on<S: Simd>(s: S, lr: f32, w: &mut [f32], dw: &[f32]) {
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

/// x, or +0 where x is subnormal.
///
/// The moments of a weight whose gradient has vanished (a dead unit, a batch learnt by heart) decay until they stick at a subnormal number, on
/// which x86 takes a hundred cycles an operation: training would slow down to a third. An explicit selection, the same on every backend.
#[inline(always)]
fn normal<S: Simd>(s: S, x: S::F) -> S::F {
    s.select(s.lt(s.abs(x), s.splat(f32::MIN_POSITIVE)), s.splat(0.0), x)
}

/// What [`adam_on`] walks over, and its factors in every lane.
#[derive(Clone, Copy)]
struct Walk<S: Simd> {
    s: S,
    w: *mut f32,
    m: *mut f32,
    v: *mut f32,
    dw: *const f32,
    alpha: S::F,
    beta: (S::F, S::F),
    rest: (S::F, S::F),
    epsilon: S::F,
}

impl<S: Simd> Walk<S> {
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
    #[inline(always)]
    unsafe fn store(&self, i: usize, part: Part<S>, [w, m, v, g]: [S::F; 4]) {
        let &Self { s, alpha, beta, rest, epsilon, .. } = self;
        let m = s.mul_add(beta.0, m, s.mul(rest.0, g));
        let v = s.mul_add(beta.1, v, s.mul(rest.1, s.mul(g, g)));
        // SAFETY: the caller's promise.
        unsafe {
            put(s, self.m.add(i), part, normal(s, m));
            put(s, self.v.add(i), part, normal(s, v));
            let step = s.div(s.mul(alpha, m), s.add(s.sqrt(v), epsilon));
            put(s, self.w.add(i), part, s.sub(w, step));
        }
    }
}

/// [`adam`] inside a dispatch; the shortest slice says how many parameters there are.
#[inline(always)]
pub fn adam_on<S: Simd>(s: S, step: AdamStep, w: &mut [f32], m: &mut [f32], v: &mut [f32], dw: &[f32]) {
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
        rest: (s.splat(1.0 - beta1), s.splat(1.0 - beta2)),
        epsilon: s.splat(epsilon),
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

/// Whether every value is finite.
#[inline(always)]
pub fn all_finite_on<S: Simd>(s: S, x: &[f32]) -> bool {
    #[cfg(thumb)]
    if const { S::LANES == 1 } {
        return crate::arch::thumb::all_finite(x);
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
    assert!(w.len() == dw.len(), "w has {} values, dw has {}", w.len(), dw.len());
    dispatch!(level, s => sgd_on(s, lr, w, dw));
}

/// Adam: m ← β₁·m + (1 − β₁)·dw; v ← β₂·v + (1 − β₂)·dw²; w ← w − α·m / (√v + ε)
///
/// ε stands outside the root ("epsilon hat", as Keras). Kingma and Ba, 2015. Moments are kept as +0 where they are subnormal; the step is taken
/// with what they were before.
/// # Panics
/// If the lengths differ.
pub fn adam(level: Level, step: AdamStep, w: &mut [f32], m: &mut [f32], v: &mut [f32], dw: &[f32]) {
    let n = w.len();
    assert!(
        m.len() == n && v.len() == n && dw.len() == n,
        "w has {n} values, m {}, v {}, dw {}",
        m.len(),
        v.len(),
        dw.len()
    );
    dispatch!(level, s => adam_on(s, step, w, m, v, dw));
}

/// Whether every value is finite.
pub fn all_finite(level: Level, x: &[f32]) -> bool {
    dispatch!(level, s => all_finite_on(s, x))
}
