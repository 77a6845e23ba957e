//! Normalization, forward and backward: by columns over a batch (batch normalization), and by
//! single rows (layer normalization).
//!
//! A row holds the channels of one position of one sample. The variance is the biased one, Σ (x −
//! mean)² / n. Where it overflows it is NaN, so that a training step reports an error instead of
//! continuing with a network whose outputs are all zero. `NUMERICS.md` has the order of every sum.
//! For every result the number of rows is that of the shortest slice. With no rows a mean is 0/0.
//!
//! `epsilon`, ε in the formulas, is added to a variance before its root is taken. It is a finite
//! number above 0: with ε = 0 a column of equal values would be NaN. A gradient takes the ε of its
//! forward pass.
//!
//! A mean is a pair of numbers: the nearest f32 and the rest. It is computed in two passes: over
//! the values, then over their distances from the first result. If all values are equal, the mean
//! is exactly that value and the variance is 0. A deviation far smaller than the mean keeps its
//! digits (T. Chan, G. Golub and R. LeVeque, 1983).

use crate::{
    array::{F32Array, values, values_mut},
    math::compensated,
    simd::Simd,
    walk::{Part, for_each_register, load, reduce_sum, store},
};

/// Trainable parameters of a normalization, one of each per channel: y = x̂·γ + β.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Scale<R> {
    /// γ
    pub gamma: R,
    /// β
    pub beta: R,
}

/// Means and variances, one of each per channel.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Moments<R> {
    /// Σ x / n
    pub mean: R,
    /// Σ (x − mean)² / n
    pub variance: R,
}

/// Means and variances of a mini-batch, one of each per channel or row. The mean is `mean` +
/// `mean_low`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct BatchMoments<R> {
    /// Σ x / n, rounded
    pub mean: R,
    /// The rest of Σ x / n
    pub mean_low: R,
    /// Σ (x − mean − mean_low)² / n
    pub variance: R,
}

// SAFETY: repr(C) of three equal parts of f32's alignment: no padding.
unsafe impl<R: F32Array> F32Array for BatchMoments<R> {
    const LEN: usize = 3 * R::LEN;
    const ZERO: Self = Self { mean: R::ZERO, mean_low: R::ZERO, variance: R::ZERO };
}

// SAFETY: repr(C) of two equal parts of f32's alignment: no padding.
unsafe impl<R: F32Array> F32Array for Scale<R> {
    const LEN: usize = 2 * R::LEN;
    const ZERO: Self = Self { gamma: R::ZERO, beta: R::ZERO };
}

// SAFETY: repr(C) of two equal parts of f32's alignment: no padding.
unsafe impl<R: F32Array> F32Array for Moments<R> {
    const LEN: usize = 2 * R::LEN;
    const ZERO: Self = Self { mean: R::ZERO, variance: R::ZERO };
}

/// The variance, or NaN where it overflowed.
#[inline(always)]
fn nan_if_infinite<S: Simd>(s: S, variance: S::F) -> S::F {
    s.add(variance, s.sub(variance, variance))
}

/// 1 / √(variance + ε)
#[inline(always)]
fn rsqrt<S: Simd>(s: S, epsilon: f32, variance: S::F) -> S::F {
    s.div(s.splat(1.0), s.sqrt(s.add(variance, s.splat(epsilon))))
}

/// A mean: the nearest f32 and the rest.
type Mean<S> = (<S as Simd>::F, <S as Simd>::F);

/// The sum of two numbers: the nearest f32 and the exact rest (Knuth, 1969).
#[inline(always)]
fn pair_of<S: Simd>(s: S, a: S::F, b: S::F) -> Mean<S> {
    let sum = s.add(a, b);
    let b1 = s.sub(sum, a);
    (sum, s.add(s.sub(a, s.sub(sum, b1)), s.sub(b, b1)))
}

/// (x − mean) − mean_low
#[inline(always)]
fn distance<S: Simd>(s: S, x: S::F, mean: Mean<S>) -> S::F {
    s.sub(s.sub(x, mean.0), mean.1)
}

/// x̂ = ((x − mean) − mean_low)·r
#[inline(always)]
fn x_hat<S: Simd>(s: S, x: S::F, mean: Mean<S>, r: S::F) -> S::F {
    s.mul(distance(s, x, mean), r)
}

/// Calls `body`: compiled in place, or where `INLINE_MAX` is 0 its one copy for all shapes.
macro_rules! sized {
    ($s:ident, $body:ident($($x:ident: $t:ty),*)) => {{
        #[inline(never)]
        #[allow(clippy::too_many_arguments, reason = "those of the body")]
        unsafe fn shared<S: Simd>(s: S, $($x: $t),*) {
            s.vectorize(
                #[inline(always)]
                // SAFETY: the caller's promise is what the body requires.
                || unsafe { $body(s, $($x),*) },
            );
        }
        if const { S::INLINE_MAX == 0 } { shared($s.shared(), $($x),*) } else { $body($s, $($x),*) }
    }};
}

/// Mean and variance of each column of `x`.
///
/// Lanes run over the columns, sums over the rows in order. Rows are added in blocks of four from
/// +0; blocks are added with compensation (Kahan, 1965). Relative error of the variance: within 16
/// units of 2⁻²⁴ for up to 10⁹ rows whose mean is at most 2²⁰ deviations from 0.
#[inline(always)]
pub fn moments<S: Simd, R: F32Array>(s: S, x: &[R], moments: &mut BatchMoments<R>) {
    let (m, n, x, moments) = (x.len(), R::LEN, x.as_ptr().cast(), values_mut(moments).as_mut_ptr());
    // SAFETY: x has m rows of R::LEN values, and `moments` has three.
    unsafe { sized!(s, columns(m: usize, n: usize, x: *const f32, moments: *mut f32)) }
}

/// The sum of `term(i)` for i < m: blocks of four from +0, added with compensation.
#[inline(always)]
fn down<S: Simd>(s: S, m: usize, term: impl Fn(usize) -> S::F) -> S::F {
    const BLOCK: usize = 4;
    let (mut total, mut excess) = (s.splat(0.0), s.splat(0.0));
    let mut i = 0;
    while i < m {
        let end = m.min(i + BLOCK);
        let mut block = s.splat(0.0);
        while i < end {
            block = s.add(block, term(i));
            i += 1;
        }
        (total, excess) = compensated(s, total, excess, block);
    }
    total
}

/// # Safety
/// `x` must be readable for m×n values, `moments` (mean, mean_low, variance) writable for three
/// times n.
#[inline(always)]
unsafe fn columns<S: Simd>(s: S, m: usize, n: usize, x: *const f32, moments: *mut f32) {
    let count = s.splat(m as f32);
    for_each_register(
        s,
        n,
        #[inline(always)]
        |j, part| {
            // SAFETY: `for_each_register` stays below n, `down` below m, and there are three rows
            // of moments.
            unsafe {
                let near = down(
                    s,
                    m,
                    #[inline(always)]
                    |i| load(s, x.add(i * n + j), part),
                );
                let near = s.div(near, count);
                let off = down(
                    s,
                    m,
                    #[inline(always)]
                    |i| s.sub(load(s, x.add(i * n + j), part), near),
                );
                let mean = pair_of(s, near, s.div(off, count));
                let squares = down(
                    s,
                    m,
                    #[inline(always)]
                    |i| {
                        let d = distance(s, load(s, x.add(i * n + j), part), mean);
                        s.mul(d, d)
                    },
                );
                store(s, moments.add(j), part, mean.0);
                store(s, moments.add(n + j), part, mean.1);
                store(s, moments.add(2 * n + j), part, nan_if_infinite(s, s.div(squares, count)));
            }
        },
    );
}

/// y ← (x − mean)·(γ·(1 / √(variance + epsilon))) + β, column by column
#[inline(always)]
pub fn batch<S: Simd, R: F32Array>(
    s: S,
    epsilon: f32,
    x: &[R],
    moments: &Moments<R>,
    p: &Scale<R>,
    y: &mut [R],
) {
    let (m, n) = (x.len().min(y.len()), R::LEN);
    let (x, y, moments, p) = (x.as_ptr().cast(), y.as_mut_ptr().cast(), pair(moments), pair(p));
    // SAFETY: both have at least m rows of R::LEN values, moments and parameters twice R::LEN.
    unsafe {
        sized!(s, batch_body(
            m: usize, n: usize, epsilon: f32, x: *const f32, moments: *const f32, p: *const f32,
            y: *mut f32
        ))
    }
}

/// y ← ((x − mean) − mean_low)·(γ·(1 / √(variance + epsilon))) + β: [`batch`] with the moments of
/// `x` itself
#[inline(always)]
pub fn batch_own<S: Simd, R: F32Array>(
    s: S,
    epsilon: f32,
    x: &[R],
    moments: &BatchMoments<R>,
    p: &Scale<R>,
    y: &mut [R],
) {
    let (m, n) = (x.len().min(y.len()), R::LEN);
    let (x, y, moments, p) = (x.as_ptr().cast(), y.as_mut_ptr().cast(), pair(moments), pair(p));
    // SAFETY: both have at least m rows of R::LEN values, the moments three times R::LEN, the
    // parameters twice.
    unsafe {
        sized!(s, batch_own_body(
            m: usize, n: usize, epsilon: f32, x: *const f32, moments: *const f32, p: *const f32,
            y: *mut f32
        ))
    }
}

/// Pointer to the first value of parameters or moments, whose rows follow each other.
#[inline(always)]
fn pair<P: F32Array>(p: &P) -> *const f32 {
    values(p).as_ptr()
}

/// # Safety
/// `x` must be readable and `y` writable for m×n values, `moments` (mean, variance) and `p` (γ, β)
/// readable for twice n.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "each array by its name")]
unsafe fn batch_body<S: Simd>(
    s: S,
    m: usize,
    n: usize,
    epsilon: f32,
    x: *const f32,
    moments: *const f32,
    p: *const f32,
    y: *mut f32,
) {
    // SAFETY: the caller's promise; `columns_by` passes j below n. These means have no rest:
    // `mean_low` is 0.
    unsafe {
        columns_by(
            s,
            (m, n),
            epsilon,
            x,
            p,
            y,
            #[inline(always)]
            |j, part| {
                ((load(s, moments.add(j), part), s.splat(0.0)), load(s, moments.add(n + j), part))
            },
        );
    }
}

/// # Safety
/// `x` must be readable and `y` writable for m×n values, `moments` (mean, mean_low, variance)
/// readable for three times n, `p` (γ, β) for twice.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "each array by its name")]
unsafe fn batch_own_body<S: Simd>(
    s: S,
    m: usize,
    n: usize,
    epsilon: f32,
    x: *const f32,
    moments: *const f32,
    p: *const f32,
    y: *mut f32,
) {
    // SAFETY: the caller's promise; `columns_by` passes j below n.
    unsafe {
        columns_by(
            s,
            (m, n),
            epsilon,
            x,
            p,
            y,
            #[inline(always)]
            |j, part| moments_at(s, moments, n, j, part),
        );
    }
}

/// y ← ((x − mean) − mean_low)·(γ·(1 / √(variance + ε))) + β, column by column. `moments(j, part)`
/// returns mean and variance.
/// # Safety
/// `x` must be readable and `y` writable for m×n values, `p` (γ, β) readable for twice n.
#[inline(always)]
unsafe fn columns_by<S: Simd>(
    s: S,
    (m, n): (usize, usize),
    epsilon: f32,
    x: *const f32,
    p: *const f32,
    y: *mut f32,
    moments: impl Fn(usize, Part<S>) -> (Mean<S>, S::F),
) {
    for_each_register(
        s,
        n,
        #[inline(always)]
        |j, part| {
            let (mean, variance) = moments(j, part);
            // SAFETY: `for_each_register` stays below n, rows below m.
            unsafe {
                let (gamma, beta) = (load(s, p.add(j), part), load(s, p.add(n + j), part));
                let scale = s.mul(gamma, rsqrt(s, epsilon, variance));
                for i in 0..m {
                    let i = i * n + j;
                    let d = distance(s, load(s, x.add(i), part), mean);
                    store(s, y.add(i), part, s.mul_add(d, scale, beta));
                }
            }
        },
    );
}

/// Mean and variance of columns.
/// # Safety
/// `moments` (mean, mean_low, variance) must be readable for three times n, and `j` with `part` lie
/// below n.
#[inline(always)]
unsafe fn moments_at<S: Simd>(
    s: S,
    moments: *const f32,
    n: usize,
    j: usize,
    part: Part<S>,
) -> (Mean<S>, S::F) {
    // SAFETY: the caller guarantees three rows.
    unsafe {
        let mean = (load(s, moments.add(j), part), load(s, moments.add(n + j), part));
        (mean, load(s, moments.add(2 * n + j), part))
    }
}

/// The gradients of [`batch_own`]: dβ ← Σ dy, dγ ← Σ dy·x̂, dx ← (γ·r)·((dy − dβ/m) − x̂·(dγ/m))
/// with r = 1 / √(variance + epsilon) and x̂ = ((x − mean) − mean_low)·r, over m rows
///
/// Lanes run over the columns. Each sum starts at +0 and adds the rows in order. Without `dx` only
/// dβ and dγ are computed.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the chain rule's terms, each by its name")]
pub fn batch_grad<S: Simd, R: F32Array>(
    s: S,
    epsilon: f32,
    x: &[R],
    moments: &BatchMoments<R>,
    p: &Scale<R>,
    dy: &[R],
    dp: &mut Scale<R>,
    dx: Option<&mut [R]>,
) {
    let (mut m, n) = (x.len().min(dy.len()), R::LEN);
    let dx = match dx {
        Some(dx) => {
            m = m.min(dx.len());
            dx.as_mut_ptr().cast()
        }
        None => core::ptr::null_mut(),
    };
    let (x, moments, p, dy) = (x.as_ptr().cast(), pair(moments), pair(p), dy.as_ptr().cast());
    let dp = values_mut(dp).as_mut_ptr();
    // SAFETY: all have at least m rows of R::LEN values, the moments three times R::LEN, the
    // parameters twice.
    unsafe {
        sized!(
            s,
            batch_grad_body(
                m: usize,
                n: usize,
                epsilon: f32,
                x: *const f32,
                moments: *const f32,
                p: *const f32,
                dy: *const f32,
                dp: *mut f32,
                dx: *mut f32
            )
        )
    }
}

/// # Safety
/// `x` and `dy` must be readable for m×n values, `dx`, if it is not null, writable for as many;
/// `moments` readable for three times n, `p` readable and `dp` writable for twice n.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the chain rule's terms, each by its name")]
unsafe fn batch_grad_body<S: Simd>(
    s: S,
    m: usize,
    n: usize,
    epsilon: f32,
    x: *const f32,
    moments: *const f32,
    p: *const f32,
    dy: *const f32,
    dp: *mut f32,
    dx: *mut f32,
) {
    let count = s.splat(m as f32);
    for_each_register(
        s,
        n,
        #[inline(always)]
        |j, part| {
            // SAFETY: `for_each_register` stays below n, rows below m.
            unsafe {
                let (mean, variance) = moments_at(s, moments, n, j, part);
                let r = rsqrt(s, epsilon, variance);
                let (mut dgamma, mut dbeta) = (s.splat(0.0), s.splat(0.0));
                for i in 0..m {
                    let i = i * n + j;
                    let (x, dy) = (load(s, x.add(i), part), load(s, dy.add(i), part));
                    dbeta = s.add(dbeta, dy);
                    dgamma = s.mul_add(dy, x_hat(s, x, mean, r), dgamma);
                }
                store(s, dp.add(j), part, dgamma);
                store(s, dp.add(n + j), part, dbeta);
                if !dx.is_null() {
                    let scale = s.mul(load(s, p.add(j), part), r);
                    let (dgamma, dbeta) = (s.div(dgamma, count), s.div(dbeta, count));
                    for i in 0..m {
                        let i = i * n + j;
                        let (x, dy) = (load(s, x.add(i), part), load(s, dy.add(i), part));
                        let d = s.sub(s.sub(dy, dbeta), s.mul(x_hat(s, x, mean, r), dgamma));
                        store(s, dx.add(i), part, s.mul(scale, d));
                    }
                }
            }
        },
    );
}

/// Moving averages of means and variances: a ← a + share·(b − a), value by value, as Keras'
/// a·momentum + b·(1 − momentum) with share = 1 − momentum
///
/// `share` lies above 0. With 1 or more, a becomes b.
///
/// Where this step is too small to change a, a goes half of the way to b. Where that is too small
/// too, a becomes b. If the values b are all equal, the average therefore ends exactly at b;
/// otherwise it would stop up to ½ / share ulp away, which is 50 for 0.01. Half of the way is at
/// most that far too.
#[inline(always)]
pub fn moving<R: F32Array>(share: f32, average: &mut Moments<R>, batch: &BatchMoments<R>) {
    let toward = |a: &mut f32, b: &f32| {
        // a + (b − a) would not be b where a is far greater.
        if share >= 1.0 {
            *a = *b;
            return;
        }
        // A difference of two products, which cannot overflow.
        let step = *a + (*b * share - *a * share);
        let half = *a + (*b * 0.5 - *a * 0.5);
        *a = if step != *a {
            step
        } else if half != *a {
            half
        } else {
            *b
        };
    };
    values_mut(&mut average.mean)
        .iter_mut()
        .zip(values(&batch.mean))
        .for_each(|(a, b)| toward(a, b));
    values_mut(&mut average.variance)
        .iter_mut()
        .zip(values(&batch.variance))
        .for_each(|(a, b)| toward(a, b));
}

/// Mean, rest of the mean and variance of each row.
pub type RowMoments<'a> = (&'a [f32], &'a [f32], &'a [f32]);

/// y ← (((x − mean) − mean_low)·(1 / √(variance + epsilon)))·γ + β with the mean and the variance of
/// each row. They are stored in `stats` (mean, rest of the mean, variance)
///
/// All sums run over the sixteen virtual lanes ([`crate::vector::dot`]).
#[inline(always)]
pub fn layer<S: Simd, R: F32Array>(
    s: S,
    epsilon: f32,
    x: &[R],
    p: &Scale<R>,
    y: &mut [R],
    stats: Option<(&mut [f32], &mut [f32], &mut [f32])>,
) {
    let (mut m, n) = (x.len().min(y.len()), R::LEN);
    let none = core::ptr::null_mut();
    let (mean, mean_low, variance) = match stats {
        Some((mean, mean_low, variance)) => {
            m = m.min(mean.len()).min(mean_low.len()).min(variance.len());
            (mean.as_mut_ptr(), mean_low.as_mut_ptr(), variance.as_mut_ptr())
        }
        None => (none, none, none),
    };
    let (x, p, y) = (x.as_ptr().cast(), pair(p), y.as_mut_ptr().cast());
    // SAFETY: all have at least m rows, of R::LEN values or of one; the parameters have twice
    // R::LEN.
    unsafe {
        sized!(
            s,
            layer_body(
                m: usize,
                n: usize,
                epsilon: f32,
                x: *const f32,
                p: *const f32,
                y: *mut f32,
                mean: *mut f32,
                mean_low: *mut f32,
                variance: *mut f32
            )
        )
    }
}

/// # Safety
/// `x` must be readable and `y` writable for m×n values, `p` (γ, β) readable for twice n; `mean`,
/// `mean_low` and `variance` null or writable for m.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "each array by its name")]
unsafe fn layer_body<S: Simd>(
    s: S,
    m: usize,
    n: usize,
    epsilon: f32,
    mut x: *const f32,
    p: *const f32,
    mut y: *mut f32,
    mean: *mut f32,
    mean_low: *mut f32,
    variance: *mut f32,
) {
    let count = s.splat(n as f32);
    for i in 0..m {
        // SAFETY: x and y go over the m rows, `reduce_sum` and `for_each_register` stay below the n
        // values of one.
        unsafe {
            let total = reduce_sum(
                s,
                n,
                #[inline(always)]
                |j, part| load(s, x.add(j), part),
            );
            let near = s.div(s.splat(total), count);
            let off = reduce_sum(
                s,
                n,
                #[inline(always)]
                |j, part| s.sub(load(s, x.add(j), part), near),
            );
            let center = pair_of(s, near, s.div(s.splat(off), count));
            let squares = reduce_sum(
                s,
                n,
                #[inline(always)]
                |j, part| {
                    let d = distance(s, load(s, x.add(j), part), center);
                    s.mul(d, d)
                },
            );
            let spread = nan_if_infinite(s, s.div(s.splat(squares), count));
            if !mean.is_null() {
                store(s, mean.add(i), first(s), center.0);
                store(s, mean_low.add(i), first(s), center.1);
                store(s, variance.add(i), first(s), spread);
            }
            let r = rsqrt(s, epsilon, spread);
            for_each_register(
                s,
                n,
                #[inline(always)]
                |j, part| {
                    let x_hat = x_hat(s, load(s, x.add(j), part), center, r);
                    store(
                        s,
                        y.add(j),
                        part,
                        s.mul_add(x_hat, load(s, p.add(j), part), load(s, p.add(n + j), part)),
                    );
                },
            );
            x = x.add(n);
            y = y.add(n);
        }
    }
}

/// Only the first lane.
#[inline(always)]
fn first<S: Simd>(s: S) -> Part<S> {
    if const { S::LANES == 1 } { None } else { Some(s.tail(1)) }
}

/// The gradients of [`layer`]: dx ← r·((g − Σg/n) − x̂·(Σ(g·x̂)/n)) with r = 1 / √(variance +
/// epsilon), x̂ = ((x − mean) − mean_low)·r and g = dy·γ, over the n values of a row; dγ ← Σ dy·x̂
/// and dβ ← Σ dy over the rows
///
/// Sums along a row run over the sixteen virtual lanes ([`crate::vector::dot`]). Sums over the rows
/// start at +0 and add the rows in order. Without `dx` only dγ and dβ are computed.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the chain rule's terms, each by its name")]
pub fn layer_grad<S: Simd, R: F32Array>(
    s: S,
    epsilon: f32,
    x: &[R],
    stats: RowMoments<'_>,
    p: &Scale<R>,
    dy: &[R],
    dp: &mut Scale<R>,
    dx: Option<&mut [R]>,
) {
    let (mean, mean_low, variance) = stats;
    let (mut m, n) =
        (x.len().min(dy.len()).min(mean.len()).min(mean_low.len()).min(variance.len()), R::LEN);
    let dx = match dx {
        Some(dx) => {
            m = m.min(dx.len());
            dx.as_mut_ptr().cast()
        }
        None => core::ptr::null_mut(),
    };
    let (x, mean, mean_low, variance) =
        (x.as_ptr().cast(), mean.as_ptr(), mean_low.as_ptr(), variance.as_ptr());
    let (p, dy, dp) = (pair(p), dy.as_ptr().cast(), values_mut(dp).as_mut_ptr());
    // SAFETY: all have at least m rows, of R::LEN values or of one; the parameters have twice
    // R::LEN.
    unsafe {
        sized!(
            s,
            layer_grad_body(
                m: usize,
                n: usize,
                epsilon: f32,
                x: *const f32,
                mean: *const f32,
                mean_low: *const f32,
                variance: *const f32,
                p: *const f32,
                dy: *const f32,
                dp: *mut f32,
                dx: *mut f32
            )
        )
    }
}

/// # Safety
/// `x` and `dy` must be readable for m×n values, `dx`, if it is not null, writable for as many;
/// `mean`, `mean_low` and `variance` readable for m, `p` readable and `dp` writable for twice n.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the chain rule's terms, each by its name")]
unsafe fn layer_grad_body<S: Simd>(
    s: S,
    m: usize,
    n: usize,
    epsilon: f32,
    mut x: *const f32,
    mean: *const f32,
    mean_low: *const f32,
    variance: *const f32,
    p: *const f32,
    mut dy: *const f32,
    dp: *mut f32,
    mut dx: *mut f32,
) {
    let count = s.splat(n as f32);
    for_each_register(
        s,
        2 * n,
        #[inline(always)]
        // SAFETY: `for_each_register` stays below the 2·n values of dp.
        |j, part| unsafe { store(s, dp.add(j), part, s.splat(0.0)) },
    );
    for i in 0..m {
        // SAFETY: x, dy and dx go over the m rows, `reduce_sum` and `for_each_register` stay below
        // the n values of one.
        unsafe {
            let center = (s.splat(*mean.add(i)), s.splat(*mean_low.add(i)));
            let r = rsqrt(s, epsilon, s.splat(*variance.add(i)));
            if !dx.is_null() {
                let total = reduce_sum(
                    s,
                    n,
                    #[inline(always)]
                    |j, part| s.mul(load(s, dy.add(j), part), load(s, p.add(j), part)),
                );
                let inner = reduce_sum(
                    s,
                    n,
                    #[inline(always)]
                    |j, part| {
                        let g = s.mul(load(s, dy.add(j), part), load(s, p.add(j), part));
                        s.mul(g, x_hat(s, load(s, x.add(j), part), center, r))
                    },
                );
                let (total, inner) = (s.div(s.splat(total), count), s.div(s.splat(inner), count));
                for_each_register(
                    s,
                    n,
                    #[inline(always)]
                    |j, part| {
                        let g = s.mul(load(s, dy.add(j), part), load(s, p.add(j), part));
                        let x_hat = x_hat(s, load(s, x.add(j), part), center, r);
                        let d = s.sub(s.sub(g, total), s.mul(x_hat, inner));
                        store(s, dx.add(j), part, s.mul(r, d));
                    },
                );
                dx = dx.add(n);
            }
            for_each_register(
                s,
                n,
                #[inline(always)]
                |j, part| {
                    let (dgamma, dbeta, dy) = (dp.add(j), dp.add(n + j), load(s, dy.add(j), part));
                    let x_hat = x_hat(s, load(s, x.add(j), part), center, r);
                    store(
                        s,
                        dgamma,
                        part,
                        s.mul_add(dy, x_hat, load(s, dgamma.cast_const(), part)),
                    );
                    store(s, dbeta, part, s.add(load(s, dbeta.cast_const(), part), dy));
                },
            );
            x = x.add(n);
            dy = dy.add(n);
        }
    }
}
