//! Normalization: columns over a batch (batch normalization), rows by themselves (layer normalization), forward and backward.
//!
//! Rows are the channels of one position of one sample. The variance is the biased one, Σ (x − mean)² / n; where it overflows it is NaN, so that a training step
//! ends in an error and not in a network that has gone silent. `NUMERICS.md` has the order of every sum. The shortest slice
//! says how many rows there are, for every result; with none a mean is 0/0.
//!
//! A mean is a pair of numbers, the nearest f32 and the rest, and it is computed in two passes: of the values, then of their
//! distances from the first result. So values that are all equal have exactly this mean and variance 0, and a deviation
//! far below the size of the mean keeps its digits (T. Chan, G. Golub and R. LeVeque, 1983).

use crate::{
    lanes::{Part, each, get, put, sum},
    math::compensated,
    plain::{Plain, values, values_mut},
    simd::Simd,
};

/// Added to a variance before its root is taken: Keras' default.
pub const EPSILON: f32 = 1e-3;
/// The share of a mini-batch's moments that the moving averages take: 1 − 0.99, Keras' default.
pub const SHARE: f32 = 0.01;

/// What a normalization learns: y = x̂·γ + β, one of each a channel.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Scale<R> {
    /// γ
    pub gamma: R,
    /// β
    pub beta: R,
}

/// Means and variances, one of each a channel.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Moments<R> {
    /// Σ x / n
    pub mean: R,
    /// Σ (x − mean)² / n
    pub variance: R,
}

/// Means and variances of a mini-batch, one of each a channel or a row. The mean is `mean` + `rest`, unrounded.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct BatchMoments<R> {
    /// Σ x / n, rounded
    pub mean: R,
    /// What is missing of Σ x / n
    pub rest: R,
    /// Σ (x − mean − rest)² / n
    pub variance: R,
}

// SAFETY: repr(C) of three equal parts of f32's alignment: no padding.
unsafe impl<R: Plain> Plain for BatchMoments<R> {
    const LEN: usize = 3 * R::LEN;
    const ZERO: Self = Self { mean: R::ZERO, rest: R::ZERO, variance: R::ZERO };
}

// SAFETY: repr(C) of two equal parts of f32's alignment: no padding.
unsafe impl<R: Plain> Plain for Scale<R> {
    const LEN: usize = 2 * R::LEN;
    const ZERO: Self = Self { gamma: R::ZERO, beta: R::ZERO };
}

// SAFETY: repr(C) of two equal parts of f32's alignment: no padding.
unsafe impl<R: Plain> Plain for Moments<R> {
    const LEN: usize = 2 * R::LEN;
    const ZERO: Self = Self { mean: R::ZERO, variance: R::ZERO };
}

/// The variance, or NaN where it overflowed.
#[inline(always)]
fn finite<S: Simd>(s: S, variance: S::F) -> S::F {
    s.add(variance, s.sub(variance, variance))
}

/// 1 / √(variance + ε)
#[inline(always)]
fn rsqrt<S: Simd>(s: S, variance: S::F) -> S::F {
    s.div(s.splat(1.0), s.sqrt(s.add(variance, s.splat(EPSILON))))
}

/// A mean: the nearest f32, and the rest.
type Mean<S> = (<S as Simd>::F, <S as Simd>::F);

/// The sum of two numbers: the nearest f32, and exactly what is missing (Knuth, 1969).
#[inline(always)]
fn pair_of<S: Simd>(s: S, a: S::F, b: S::F) -> Mean<S> {
    let sum = s.add(a, b);
    let b1 = s.sub(sum, a);
    (sum, s.add(s.sub(a, s.sub(sum, b1)), s.sub(b, b1)))
}

/// (x − mean) − rest
#[inline(always)]
fn distance<S: Simd>(s: S, x: S::F, mean: Mean<S>) -> S::F {
    s.sub(s.sub(x, mean.0), mean.1)
}

/// x̂ = ((x − mean) − rest)·r
#[inline(always)]
fn hat<S: Simd>(s: S, x: S::F, mean: Mean<S>, r: S::F) -> S::F {
    s.mul(distance(s, x, mean), r)
}

/// Calls `body` in place, or on a chip its one copy for all shapes.
macro_rules! sized {
    ($s:ident, $body:ident($($x:ident: $t:ty),*)) => {{
        #[inline(never)]
        #[allow(clippy::too_many_arguments, reason = "those of the body")]
        unsafe fn shared<S: Simd>(s: S, $($x: $t),*) {
            s.vectorize(
                #[inline(always)]
                // SAFETY: the caller's promise is the one that the body asks for.
                || unsafe { $body(s, $($x),*) },
            );
        }
        if const { S::INLINE == 0 } { shared($s.shared(), $($x),*) } else { $body($s, $($x),*) }
    }};
}

/// Mean and variance of each column of `x`.
///
/// Lanes run over the columns, sums over the rows in order: rows are added in blocks of four from +0, blocks with compensation (Kahan, 1965). Relative error of the variance within
/// 16 units of 2⁻²⁴ for up to 10⁹ rows whose mean is at most 2²⁰ deviations from 0.
#[inline(always)]
pub fn moments<S: Simd, R: Plain>(s: S, x: &[R], moments: &mut BatchMoments<R>) {
    let (m, n, x, moments) = (x.len(), R::LEN, x.as_ptr().cast(), values_mut(moments).as_mut_ptr());
    // SAFETY: x has m rows of R::LEN values, the moments are three rows of them.
    unsafe { sized!(s, columns(m: usize, n: usize, x: *const f32, moments: *mut f32)) }
}

/// The sum of `term(i)` for i < m: four at a time from +0, what they give with compensation.
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
/// `x` must be readable for m×n values, `moments` (mean, rest, variance) writable for three times n.
#[inline(always)]
unsafe fn columns<S: Simd>(s: S, m: usize, n: usize, x: *const f32, moments: *mut f32) {
    let count = s.splat(m as f32);
    each(
        s,
        n,
        #[inline(always)]
        |j, part| {
            // SAFETY: `each` stays below n, `down` below m, and there are three rows of moments.
            unsafe {
                let near = down(
                    s,
                    m,
                    #[inline(always)]
                    |i| get(s, x.add(i * n + j), part),
                );
                let near = s.div(near, count);
                let off = down(
                    s,
                    m,
                    #[inline(always)]
                    |i| s.sub(get(s, x.add(i * n + j), part), near),
                );
                let mean = pair_of(s, near, s.div(off, count));
                let squares = down(
                    s,
                    m,
                    #[inline(always)]
                    |i| {
                        let d = distance(s, get(s, x.add(i * n + j), part), mean);
                        s.mul(d, d)
                    },
                );
                put(s, moments.add(j), part, mean.0);
                put(s, moments.add(n + j), part, mean.1);
                put(s, moments.add(2 * n + j), part, finite(s, s.div(squares, count)));
            }
        },
    );
}

/// y ← (x − mean)·(γ·(1 / √(variance + ε))) + β, column by column
#[inline(always)]
pub fn batch<S: Simd, R: Plain>(s: S, x: &[R], moments: &Moments<R>, p: &Scale<R>, y: &mut [R]) {
    let (m, n) = (x.len().min(y.len()), R::LEN);
    let (x, y, moments, p) = (x.as_ptr().cast(), y.as_mut_ptr().cast(), pair(moments), pair(p));
    // SAFETY: both have at least m rows of R::LEN values, moments and parameters twice R::LEN.
    unsafe { sized!(s, batch_body(m: usize, n: usize, x: *const f32, moments: *const f32, p: *const f32, y: *mut f32)) }
}

/// [`batch`] by the moments of `x` itself: y ← ((x − mean) − rest)·(γ·(1 / √(variance + ε))) + β
#[inline(always)]
pub fn batch_own<S: Simd, R: Plain>(s: S, x: &[R], moments: &BatchMoments<R>, p: &Scale<R>, y: &mut [R]) {
    let (m, n) = (x.len().min(y.len()), R::LEN);
    let (x, y, moments, p) = (x.as_ptr().cast(), y.as_mut_ptr().cast(), pair(moments), pair(p));
    // SAFETY: both have at least m rows of R::LEN values, the moments three times R::LEN, the parameters twice.
    unsafe {
        sized!(s, batch_own_body(m: usize, n: usize, x: *const f32, moments: *const f32, p: *const f32, y: *mut f32))
    }
}

/// Where the rows of parameters or moments lie, one after the other.
#[inline(always)]
fn pair<P: Plain>(p: &P) -> *const f32 {
    values(p).as_ptr()
}

/// # Safety
/// `x` must be readable and `y` writable for m×n values, `moments` (mean, variance) and `p` (γ, β) readable for twice n.
#[inline(always)]
unsafe fn batch_body<S: Simd>(
    s: S,
    m: usize,
    n: usize,
    x: *const f32,
    moments: *const f32,
    p: *const f32,
    y: *mut f32,
) {
    // SAFETY: the caller's promise; `columns_by` asks below n. There is nothing to add to a mean that is one number.
    unsafe {
        columns_by(
            s,
            (m, n),
            x,
            p,
            y,
            #[inline(always)]
            |j, part| ((get(s, moments.add(j), part), s.splat(0.0)), get(s, moments.add(n + j), part)),
        );
    }
}

/// # Safety
/// `x` must be readable and `y` writable for m×n values, `moments` (mean, rest, variance) readable for three times n, `p` (γ, β) for twice.
#[inline(always)]
unsafe fn batch_own_body<S: Simd>(
    s: S,
    m: usize,
    n: usize,
    x: *const f32,
    moments: *const f32,
    p: *const f32,
    y: *mut f32,
) {
    // SAFETY: the caller's promise; `columns_by` asks below n.
    unsafe {
        columns_by(
            s,
            (m, n),
            x,
            p,
            y,
            #[inline(always)]
            |j, part| moments_at(s, moments, n, j, part),
        );
    }
}

/// y ← ((x − mean) − rest)·(γ·(1 / √(variance + ε))) + β, column by column; `moments(j, part)` says mean and variance.
/// # Safety
/// `x` must be readable and `y` writable for m×n values, `p` (γ, β) readable for twice n.
#[inline(always)]
unsafe fn columns_by<S: Simd>(
    s: S,
    (m, n): (usize, usize),
    x: *const f32,
    p: *const f32,
    y: *mut f32,
    moments: impl Fn(usize, Part<S>) -> (Mean<S>, S::F),
) {
    each(
        s,
        n,
        #[inline(always)]
        |j, part| {
            let (mean, variance) = moments(j, part);
            // SAFETY: `each` stays below n, rows below m.
            unsafe {
                let (gamma, beta) = (get(s, p.add(j), part), get(s, p.add(n + j), part));
                let scale = s.mul(gamma, rsqrt(s, variance));
                for i in 0..m {
                    let i = i * n + j;
                    let d = distance(s, get(s, x.add(i), part), mean);
                    put(s, y.add(i), part, s.mul_add(d, scale, beta));
                }
            }
        },
    );
}

/// Mean and variance of columns.
/// # Safety
/// `moments` (mean, rest, variance) must be readable for three times n, and `j` with `part` lie below n.
#[inline(always)]
unsafe fn moments_at<S: Simd>(s: S, moments: *const f32, n: usize, j: usize, part: Part<S>) -> (Mean<S>, S::F) {
    // SAFETY: the caller vouches for three rows.
    unsafe {
        let mean = (get(s, moments.add(j), part), get(s, moments.add(n + j), part));
        (mean, get(s, moments.add(2 * n + j), part))
    }
}

/// The gradients of [`batch_own`]. With r = 1 / √(variance + ε) and x̂ = ((x − mean) − rest)·r over m rows:
/// dβ ← Σ dy, dγ ← Σ dy·x̂, dx ← (γ·r)·((dy − dβ/m) − x̂·(dγ/m))
///
/// Lanes run over the columns: each sum starts at +0 and goes over the rows in order.
#[inline(always)]
pub fn batch_grad<S: Simd, R: Plain>(
    s: S,
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
    // SAFETY: all have at least m rows of R::LEN values, the moments three times R::LEN, the parameters twice.
    unsafe {
        sized!(
            s,
            batch_grad_body(
                m: usize,
                n: usize,
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
/// `x` and `dy` must be readable for m×n values, `dx`, if it is not null, writable for as many; `moments` readable for three times n, `p` readable and `dp`
/// writable for twice n.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the chain rule's terms, each by its name")]
unsafe fn batch_grad_body<S: Simd>(
    s: S,
    m: usize,
    n: usize,
    x: *const f32,
    moments: *const f32,
    p: *const f32,
    dy: *const f32,
    dp: *mut f32,
    dx: *mut f32,
) {
    let count = s.splat(m as f32);
    each(
        s,
        n,
        #[inline(always)]
        |j, part| {
            // SAFETY: `each` stays below n, rows below m.
            unsafe {
                let (mean, variance) = moments_at(s, moments, n, j, part);
                let r = rsqrt(s, variance);
                let (mut dgamma, mut dbeta) = (s.splat(0.0), s.splat(0.0));
                for i in 0..m {
                    let i = i * n + j;
                    let (x, dy) = (get(s, x.add(i), part), get(s, dy.add(i), part));
                    dbeta = s.add(dbeta, dy);
                    dgamma = s.mul_add(dy, hat(s, x, mean, r), dgamma);
                }
                put(s, dp.add(j), part, dgamma);
                put(s, dp.add(n + j), part, dbeta);
                if !dx.is_null() {
                    let scale = s.mul(get(s, p.add(j), part), r);
                    let (dgamma, dbeta) = (s.div(dgamma, count), s.div(dbeta, count));
                    for i in 0..m {
                        let i = i * n + j;
                        let (x, dy) = (get(s, x.add(i), part), get(s, dy.add(i), part));
                        let d = s.sub(s.sub(dy, dbeta), s.mul(hat(s, x, mean, r), dgamma));
                        put(s, dx.add(i), part, s.mul(scale, d));
                    }
                }
            }
        },
    );
}

/// Moving averages of means and variances: a ← a + 0.01·(b − a), value by value, as Keras' a·0.99 + b·0.01
///
/// Where a step is too small to move a, the average goes half of the way, and where that is too small, all of it: a moving average of
/// equal values b ends at b exactly, instead of resting up to 50 ulp away.
#[inline(always)]
pub fn moving<R: Plain>(average: &mut Moments<R>, batch: &BatchMoments<R>) {
    let toward = |a: &mut f32, b: &f32| {
        // A difference of products, which cannot overflow.
        let step = *a + (*b * SHARE - *a * SHARE);
        let half = *a + (*b * 0.5 - *a * 0.5);
        *a = if step != *a {
            step
        } else if half != *a {
            half
        } else {
            *b
        };
    };
    values_mut(&mut average.mean).iter_mut().zip(values(&batch.mean)).for_each(|(a, b)| toward(a, b));
    values_mut(&mut average.variance).iter_mut().zip(values(&batch.variance)).for_each(|(a, b)| toward(a, b));
}

/// Where the mean, its rest and the variance of each row go, or come from.
pub type RowMoments<'a> = (&'a [f32], &'a [f32], &'a [f32]);

/// y ← (((x − mean) − rest)·(1 / √(variance + ε)))·γ + β, each row by its own mean (with its rest) and variance, which go to `stats`
///
/// All sums run over the sixteen virtual lanes ([`crate::blas::dot`]).
#[inline(always)]
pub fn layer<S: Simd, R: Plain>(
    s: S,
    x: &[R],
    p: &Scale<R>,
    y: &mut [R],
    stats: Option<(&mut [f32], &mut [f32], &mut [f32])>,
) {
    let (mut m, n) = (x.len().min(y.len()), R::LEN);
    let none = core::ptr::null_mut();
    let (mean, rest, variance) = match stats {
        Some((mean, rest, variance)) => {
            m = m.min(mean.len()).min(rest.len()).min(variance.len());
            (mean.as_mut_ptr(), rest.as_mut_ptr(), variance.as_mut_ptr())
        }
        None => (none, none, none),
    };
    let (x, p, y) = (x.as_ptr().cast(), pair(p), y.as_mut_ptr().cast());
    // SAFETY: all have at least m rows, of R::LEN values or of one; the parameters have twice R::LEN.
    unsafe {
        sized!(
            s,
            layer_body(
                m: usize,
                n: usize,
                x: *const f32,
                p: *const f32,
                y: *mut f32,
                mean: *mut f32,
                rest: *mut f32,
                variance: *mut f32
            )
        )
    }
}

/// # Safety
/// `x` must be readable and `y` writable for m×n values, `p` (γ, β) readable for twice n; `mean`, `rest` and `variance` null or writable for m.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "each array by its name")]
unsafe fn layer_body<S: Simd>(
    s: S,
    m: usize,
    n: usize,
    mut x: *const f32,
    p: *const f32,
    mut y: *mut f32,
    mean: *mut f32,
    rest: *mut f32,
    variance: *mut f32,
) {
    let count = s.splat(n as f32);
    for i in 0..m {
        // SAFETY: x and y go over the m rows, `sum` and `each` stay below the n values of one.
        unsafe {
            let total = sum(
                s,
                n,
                #[inline(always)]
                |j, part| get(s, x.add(j), part),
            );
            let near = s.div(s.splat(total), count);
            let off = sum(
                s,
                n,
                #[inline(always)]
                |j, part| s.sub(get(s, x.add(j), part), near),
            );
            let center = pair_of(s, near, s.div(s.splat(off), count));
            let squares = sum(
                s,
                n,
                #[inline(always)]
                |j, part| {
                    let d = distance(s, get(s, x.add(j), part), center);
                    s.mul(d, d)
                },
            );
            let spread = finite(s, s.div(s.splat(squares), count));
            if !mean.is_null() {
                put(s, mean.add(i), first(s), center.0);
                put(s, rest.add(i), first(s), center.1);
                put(s, variance.add(i), first(s), spread);
            }
            let r = rsqrt(s, spread);
            each(
                s,
                n,
                #[inline(always)]
                |j, part| {
                    let hat = hat(s, get(s, x.add(j), part), center, r);
                    put(s, y.add(j), part, s.mul_add(hat, get(s, p.add(j), part), get(s, p.add(n + j), part)));
                },
            );
            x = x.add(n);
            y = y.add(n);
        }
    }
}

/// The first lane alone.
#[inline(always)]
fn first<S: Simd>(s: S) -> Part<S> {
    if const { S::LANES == 1 } { None } else { Some(s.tail(1)) }
}

/// The gradients of [`layer`]. With r = 1 / √(variance + ε), x̂ = ((x − mean) − rest)·r and g = dy·γ over the n values of a row:
/// dx ← r·((g − Σg/n) − x̂·(Σ(g·x̂)/n)); dγ ← Σ dy·x̂ and dβ ← Σ dy over the rows
///
/// Sums along a row run over the sixteen virtual lanes; those over the rows start at +0 and go in order.
#[inline(always)]
pub fn layer_grad<S: Simd, R: Plain>(
    s: S,
    x: &[R],
    stats: RowMoments<'_>,
    p: &Scale<R>,
    dy: &[R],
    dp: &mut Scale<R>,
    dx: Option<&mut [R]>,
) {
    let (mean, rest, variance) = stats;
    let (mut m, n) = (x.len().min(dy.len()).min(mean.len()).min(rest.len()).min(variance.len()), R::LEN);
    let dx = match dx {
        Some(dx) => {
            m = m.min(dx.len());
            dx.as_mut_ptr().cast()
        }
        None => core::ptr::null_mut(),
    };
    let (x, mean, rest, variance) = (x.as_ptr().cast(), mean.as_ptr(), rest.as_ptr(), variance.as_ptr());
    let (p, dy, dp) = (pair(p), dy.as_ptr().cast(), values_mut(dp).as_mut_ptr());
    // SAFETY: all have at least m rows, of R::LEN values or of one; the parameters have twice R::LEN.
    unsafe {
        sized!(
            s,
            layer_grad_body(
                m: usize,
                n: usize,
                x: *const f32,
                mean: *const f32,
                rest: *const f32,
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
/// `x` and `dy` must be readable for m×n values, `dx`, if it is not null, writable for as many; `mean`, `rest` and `variance` readable for m, `p` readable and `dp`
/// writable for twice n.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the chain rule's terms, each by its name")]
unsafe fn layer_grad_body<S: Simd>(
    s: S,
    m: usize,
    n: usize,
    mut x: *const f32,
    mean: *const f32,
    rest: *const f32,
    variance: *const f32,
    p: *const f32,
    mut dy: *const f32,
    dp: *mut f32,
    mut dx: *mut f32,
) {
    let count = s.splat(n as f32);
    each(
        s,
        2 * n,
        #[inline(always)]
        // SAFETY: `each` stays below the 2·n values of dp.
        |j, part| unsafe { put(s, dp.add(j), part, s.splat(0.0)) },
    );
    for i in 0..m {
        // SAFETY: x, dy and dx go over the m rows, `sum` and `each` stay below the n values of one.
        unsafe {
            let center = (s.splat(*mean.add(i)), s.splat(*rest.add(i)));
            let r = rsqrt(s, s.splat(*variance.add(i)));
            if !dx.is_null() {
                let total = sum(
                    s,
                    n,
                    #[inline(always)]
                    |j, part| s.mul(get(s, dy.add(j), part), get(s, p.add(j), part)),
                );
                let inner = sum(
                    s,
                    n,
                    #[inline(always)]
                    |j, part| {
                        let g = s.mul(get(s, dy.add(j), part), get(s, p.add(j), part));
                        s.mul(g, hat(s, get(s, x.add(j), part), center, r))
                    },
                );
                let (total, inner) = (s.div(s.splat(total), count), s.div(s.splat(inner), count));
                each(
                    s,
                    n,
                    #[inline(always)]
                    |j, part| {
                        let g = s.mul(get(s, dy.add(j), part), get(s, p.add(j), part));
                        let hat = hat(s, get(s, x.add(j), part), center, r);
                        let d = s.sub(s.sub(g, total), s.mul(hat, inner));
                        put(s, dx.add(j), part, s.mul(r, d));
                    },
                );
                dx = dx.add(n);
            }
            each(
                s,
                n,
                #[inline(always)]
                |j, part| {
                    let (dgamma, dbeta, dy) = (dp.add(j), dp.add(n + j), get(s, dy.add(j), part));
                    let hat = hat(s, get(s, x.add(j), part), center, r);
                    put(s, dgamma, part, s.mul_add(dy, hat, get(s, dgamma.cast_const(), part)));
                    put(s, dbeta, part, s.add(get(s, dbeta.cast_const(), part), dy));
                },
            );
            x = x.add(n);
            dy = dy.add(n);
        }
    }
}
