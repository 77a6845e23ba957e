//! Products of few columns: lanes run over the rows, so that registers are full.
//!
//! A tile of the columns fills three lanes of sixteen where a network has three outputs. Here lane i
//! holds row i: one register of `a` and a single value of `b` give the terms of [`Simd::LANES`]
//! rows. Each sum has the same terms in the same order as in a tile.

use super::tile::{self, Any, Count, Matrix, Start};
use crate::simd::{Bodies, Simd};

/// The most columns of a narrow product: with lanes over its rows it is faster than tiles. (Measured
/// for each number of lanes; in registers of four tiles are as fast.)
const fn most<S: Simd>() -> usize {
    match S::LANES {
        16 => 12,
        8 => 4,
        _ => 0,
    }
}

/// The product of [`tile::product`] in place, but with lanes over the rows where that is faster.
///
/// # Safety
/// As for [`tile::product`].
#[inline(always)]
pub(crate) unsafe fn product<S: Simd, M: Count, N: Count, const CALLED: bool>(
    s: S,
    (m, k, n): (usize, usize, usize),
    a: Matrix<*const f32>,
    b: Matrix<*const f32>,
    c: Matrix<*mut f32>,
    start: Start,
) {
    let mut done = 0;
    // SAFETY: the caller's promise is the same. `is_narrow` holds what `narrow` requires.
    unsafe {
        if const { could_be_narrow::<S, M, N>() } && is_narrow::<S>(n, a, b, c, start) {
            // In place for sixteen lanes alone: with its code in each layer on AVX2, too, networks
            // compile longer.
            done = if const { S::LANES == 16 } {
                narrow(s, (m, k, n), a, b, c, start)
            } else {
                s.shared().narrow((m, k, n), a, b, c, start)
            };
        }
        let (m, a, c) = after(done, m, a, c);
        tile::product::<S, M, N, CALLED>(s, (m, k, n), a, b, c, start);
    }
}

/// The out-of-line copy of a backend. It calls the ways: in one function each would take
/// registers from the others' loops.
///
/// # Safety
/// As for [`tile::product`].
#[inline(always)]
pub(crate) unsafe fn called<S: Bodies>(
    s: S,
    (m, k, n): (usize, usize, usize),
    a: Matrix<*const f32>,
    b: Matrix<*const f32>,
    c: Matrix<*mut f32>,
    start: Start,
) {
    // SAFETY: as in `product`.
    unsafe {
        if const { could_be_narrow::<S, Any, Any>() }
            && m >= S::LANES
            && is_narrow::<S>(n, a, b, c, start)
        {
            let done = s.narrow((m, k, n), a, b, c, start);
            if done < m {
                let (m, a, c) = after(done, m, a, c);
                s.tiles((m, k, n), a, b, c, start);
            }
            return;
        }
        if const { could_be_narrow::<S, Any, Any>() } {
            let done = tile::tall_rows(s, m, n);
            if done > 0 {
                s.tall((done, k, n), a, b, c, start);
            }
            if done < m {
                let (m, a, c) = after(done, m, a, c);
                s.tiles((m, k, n), a, b, c, start);
            }
        } else {
            tile::called(s, (m, k, n), a, b, c, start);
        }
    }
}

/// The matrices without their first `done` ≤ m rows.
#[inline(always)]
fn after(
    done: usize,
    m: usize,
    a: Matrix<*const f32>,
    c: Matrix<*mut f32>,
) -> (usize, Matrix<*const f32>, Matrix<*mut f32>) {
    let a = Matrix { p: a.p.wrapping_add(done * a.row), ..a };
    let c = Matrix { p: c.p.wrapping_add(done * c.row), ..c };
    (m - done, a, c)
}

/// Whether a product of `M` rows and `N` columns may be computed with lanes over the rows.
pub(super) const fn could_be_narrow<S: Simd, M: Count, N: Count>() -> bool {
    most::<S>() > 0
        && M::AT_MOST >= S::LANES
        && !cfg!(target_os = "none")
        && match N::EXACT {
            Some(n) => n <= most::<S>(),
            None => true,
        }
}

/// Whether lanes over the rows are faster for `n` columns, and these matrices allow it.
#[inline(always)]
fn is_narrow<S: Simd>(
    n: usize,
    a: Matrix<*const f32>,
    b: Matrix<*const f32>,
    c: Matrix<*mut f32>,
    start: Start,
) -> bool {
    // Transposing `a` takes as long as the terms of five columns.
    let limit = if a.row == 1 { most::<S>() } else { most::<S>().min(8) };
    // The rows of `c` are written one over the end of the other. Where sums start at their values,
    // none may be lost.
    let kept = n <= 4 || n.is_multiple_of(4) || !matches!(start, Start::Carry);
    n > 0 && n <= limit && kept && c.row == n && b.col == 1 && (a.row == 1 || a.col == 1)
}

/// c ← start + a·b for the first rows of `c`, as many as fill registers. Returns their number.
///
/// # Safety
/// As for [`tile::product`], with matrices for which [`is_narrow`] is true.
#[inline(always)]
pub(crate) unsafe fn narrow<S: Simd>(
    s: S,
    (m, k, n): (usize, usize, usize),
    a: Matrix<*const f32>,
    b: Matrix<*const f32>,
    c: Matrix<*mut f32>,
    start: Start,
) -> usize {
    let mut i = 0;
    while i + S::LANES <= m {
        // From the last columns to the first: four values are written where fewer are left, and
        // those behind belong to the next row, whose first columns come later.
        let mut left = n.div_ceil(4);
        while left > 0 {
            left -= 1;
            let j = 4 * left;
            let start = match start {
                Start::Bias(bias) => Start::Bias(bias.wrapping_add(j)),
                other => other,
            };
            // SAFETY: rows i to i + LANES lie below m, columns j to j + width below n.
            unsafe {
                let a = Matrix { p: a.p.wrapping_add(i * a.row), ..a };
                let b = Matrix { p: b.p.wrapping_add(j), ..b };
                let c = Matrix { p: c.p.add(i * c.row + j), ..c };
                match n - j {
                    1 => columns::<S, 1>(s, k, a, b, c, start),
                    2 => columns::<S, 2>(s, k, a, b, c, start),
                    3 => columns::<S, 3>(s, k, a, b, c, start),
                    _ => columns::<S, 4>(s, k, a, b, c, start),
                }
            }
        }
        i += S::LANES;
    }
    i
}

/// `W` ≤ 4 columns of `LANES` rows: four of them, or the last ones.
///
/// # Safety
/// As for [`narrow`] with m = LANES and n = W. `c` may have columns before these, and behind them
/// where W is 4.
#[inline(always)]
unsafe fn columns<S: Simd, const W: usize>(
    s: S,
    k: usize,
    a: Matrix<*const f32>,
    b: Matrix<*const f32>,
    c: Matrix<*mut f32>,
    start: Start,
) {
    let zero = s.splat(0.0);
    // Values from `W` on are not used.
    let mut sums = [zero; 4];
    // SAFETY: every address below is one that the caller guarantees.
    unsafe {
        match start {
            Start::Zero => {}
            Start::Bias(bias) => {
                for (j, sum) in sums.iter_mut().enumerate().take(W) {
                    *sum = s.splat(*bias.add(j));
                }
            }
            Start::Carry => {
                for (j, sum) in sums.iter_mut().enumerate().take(W) {
                    *sum = s.gather(c.p.add(j).cast_const(), c.row, S::LANES);
                }
            }
        }
        macro_rules! add {
            ($p:expr, $x:expr) => {{
                let (p, x) = ($p, $x);
                for (j, sum) in sums.iter_mut().enumerate().take(W) {
                    *sum = s.mul_add(x, s.splat(*b.p.add(p * b.row + j)), *sum);
                }
            }};
        }
        if a.row == 1 {
            for p in 0..k {
                add!(p, s.load(a.p.add(p * a.col)));
            }
        } else {
            let mut p = 0;
            while p + 4 <= k {
                let four = s.gather4(a.p.add(p), a.row, S::LANES);
                for (q, x) in four.into_iter().enumerate() {
                    add!(p + q, x);
                }
                p += 4;
            }
            while p < k {
                add!(p, s.gather(a.p.add(p), a.row, S::LANES));
                p += 1;
            }
        }
        if W == 1 && c.row == 1 {
            s.store(c.p, sums[0]);
        } else {
            // Rows are at least two values apart. So the fourth value of each row but the last one
            // lies before the end of the last one.
            s.scatter4(c.p, c.row, W, sums);
        }
    }
}
