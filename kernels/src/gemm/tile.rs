//! The product in registers: blocks of rows, then tiles of columns. Its operands, and what is known
//! of their shapes at compile time.

use crate::{
    array::F32Array,
    simd::{self, Simd},
    walk::{for_each_register, load, store},
};
use core::marker::PhantomData;

/// Where the sums of a product start.
#[derive(Clone, Copy)]
pub(crate) enum Start {
    /// At +0.
    Zero,
    /// At one value per column.
    Bias(*const f32),
    /// At the values in `c`.
    Carry,
}

/// What the compiler knows of a number of rows or columns. Code for impossible numbers is not
/// compiled.
pub(crate) trait Count {
    /// The number is never greater.
    const AT_MOST: usize = usize::MAX;
    /// The exact number, where it is known.
    const EXACT: Option<usize> = None;
    /// Whether it is a multiple of [`Simd::TALL`], for tiles of that many rows.
    const TALL: bool = false;
}

/// Nothing is known.
pub(crate) struct Any;
impl Count for Any {}

/// The rows of [`tall`].
struct Tall;
impl Count for Tall {
    const TALL: bool = true;
}

/// Exactly as many as `P` has values.
pub(crate) struct Len<P>(PhantomData<P>);
impl<P: F32Array> Count for Len<P> {
    const AT_MOST: usize = P::LEN;
    const EXACT: Option<usize> = Some(P::LEN);
}

/// At most `B`.
pub(crate) struct AtMost<const B: usize>;
impl<const B: usize> Count for AtMost<B> {
    const AT_MOST: usize = B;
}

/// A matrix in memory: element (i, j) lies at `p + i·row + j·col`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<P> {
    pub(crate) p: P,
    pub(crate) row: usize,
    pub(crate) col: usize,
}

/// The number of weights between an `X` and a `Y`.
pub(crate) struct Weights<X, Y>(PhantomData<(X, Y)>);
impl<X: F32Array, Y: F32Array> Count for Weights<X, Y> {
    const AT_MOST: usize = X::LEN * Y::LEN;
}

/// Length of a block of the sum. 256 rows of `b` by 64 bytes are half of a first-level cache.
/// Firmware uses no blocks.
const KC: Option<usize> = if cfg!(target_os = "none") { None } else { Some(256) };

/// The product that [`gemm`](crate::gemm) describes, for any m, k and n. `CALLED` is true in the
/// out-of-line copy of a backend, which may have more code.
///
/// # Safety
/// `a` must be readable for (0..m, 0..k), `b` for (0..k, 0..n), `c` readable and writable for
/// (0..m, 0..n) with `c.col` 1, a bias for 0..n; `b.col` must be 1 unless `LANES` is.
#[inline(always)]
pub(crate) unsafe fn product<S: Simd, M: Count, N: Count, const CALLED: bool>(
    s: S,
    (m, k, n): (usize, usize, usize),
    mut a: Matrix<*const f32>,
    mut b: Matrix<*const f32>,
    c: Matrix<*mut f32>,
    mut start: Start,
) {
    if m == 0 || n == 0 {
        return; // the result is empty
    }
    let mut left = k;
    loop {
        let block = KC.map_or(left, |block| left.min(block));
        let mut i = 0;
        /// All row blocks of this height that still fit.
        macro_rules! height {
            ($mr:literal x $nr:literal) => {
                height!($mr x $nr, !M::TALL && S::MR >= $mr)
            };
            ($mr:literal x $nr:literal, $has:expr) => {
                // `if const`: code that a backend does not use is not compiled.
                if const {
                    $has && M::AT_MOST >= $mr && ($mr == 1 || !cfg!(rosenblatt_small))
                } {
                    while m - i >= $mr {
                        // SAFETY: rows i .. i + MR lie inside m.
                        unsafe {
                            let a = Matrix { p: a.p.wrapping_add(i * a.row), ..a };
                            let c = Matrix { p: c.p.add(i * c.row), ..c };
                            rows::<S, N, CALLED, $mr, $nr>(s, block, n, a, b, c, start);
                        }
                        i += $mr;
                    }
                }
            };
        }
        height!(12 x 2, M::TALL && S::TALL == 12);
        height!(6 x 2, M::TALL && S::TALL == 6);
        // Tiles of fewer rows have more columns. A tile needs enough independent sums to hide the
        // latency of an addition.
        height!(16 x 1);
        height!(8 x 2);
        if const { S::MR * S::NR >= 16 } {
            height!(4 x 4);
        } else {
            height!(4 x 2);
        }
        height!(2 x 4);
        if cfg!(rosenblatt_small) {
            // One loop nest for all: less flash.
            height!(1 x 1);
        } else {
            height!(1 x 8);
        }
        left -= block;
        if left == 0 {
            return;
        }
        start = Start::Carry;
        // SAFETY: block < k, so both stay inside their matrices.
        unsafe {
            a.p = a.p.add(block * a.col);
            b.p = b.p.add(block * b.row);
        }
    }
}

/// The out-of-line copy of [`product`] of a backend.
///
/// # Safety
/// As for [`product`].
#[inline(always)]
pub(crate) unsafe fn called<S: Simd>(
    s: S,
    mkn: (usize, usize, usize),
    a: Matrix<*const f32>,
    b: Matrix<*const f32>,
    c: Matrix<*mut f32>,
    start: Start,
) {
    // SAFETY: the caller's promise is the same.
    unsafe {
        // The compiler makes vectors of scalar code where it sees that columns are neighbours.
        if const { S::LANES == 1 && !cfg!(target_os = "none") } && b.col == 1 {
            let b = Matrix { col: 1, ..b };
            product::<S, Any, Any, true>(s, mkn, a, b, c, start);
        } else {
            product::<S, Any, Any, true>(s, mkn, a, b, c, start);
        }
    }
}

/// How many of `m` rows [`tall`] shall take, for `n` columns. The rest is for [`called`].
#[inline(always)]
pub(crate) fn tall_rows<S: Simd>(s: S, m: usize, n: usize) -> usize {
    if const { S::TALL == 0 } || n < 2 * S::LANES || m < S::TALL || !s.is_faster_tall() {
        return 0;
    }
    // Two tiles of four rows are faster than six rows and two.
    let short = usize::from(S::TALL == 6 && m % 6 == 2);
    (m / S::TALL - short) * S::TALL
}

/// [`product`] by tiles of `TALL` rows alone: an out-of-line copy of a backend. In one function with
/// the others it would take registers from their loops.
///
/// # Safety
/// As for [`product`]. `m` must be a multiple of `TALL`.
#[inline(always)]
pub(crate) unsafe fn tall<S: Simd>(
    s: S,
    mkn: (usize, usize, usize),
    a: Matrix<*const f32>,
    b: Matrix<*const f32>,
    c: Matrix<*mut f32>,
    start: Start,
) {
    // SAFETY: the caller's promise is the same.
    unsafe { product::<S, Tall, Any, true>(s, mkn, a, b, c, start) }
}

/// `MR` rows of `c` over all `n` columns, tiles of `NR` registers first.
///
/// # Safety
/// As for [`product`] with m = MR.
#[inline(always)]
unsafe fn rows<S: Simd, N: Count, const CALLED: bool, const MR: usize, const NR: usize>(
    s: S,
    k: usize,
    n: usize,
    a: Matrix<*const f32>,
    b: Matrix<*const f32>,
    c: Matrix<*mut f32>,
    start: Start,
) {
    /// The tile whose first column is j.
    macro_rules! tile_at {
        ($nr:expr, $j:expr, $part:expr) => {{
            let start = match start {
                Start::Bias(bias) => Start::Bias(bias.add($j)),
                other => other,
            };
            // Where k is 0, b may be empty: the pointer is not read.
            let b = Matrix { p: b.p.wrapping_add($j * b.col), ..b };
            let c = Matrix { p: c.p.add($j), ..c };
            let part = $part;
            simd::part(
                s,
                #[inline(always)]
                || tile::<S, MR, $nr>(s, k, a, b, c, start, part),
            );
        }};
    }
    let mut j = 0;
    // SAFETY: j + columns of the tile ≤ n, so each tile lies inside what the caller guarantees.
    unsafe {
        if const { N::AT_MOST >= NR * S::LANES } {
            while j + NR * S::LANES <= n {
                tile_at!(NR, j, None);
                j += NR * S::LANES;
            }
        }
        if const { CALLED && MR <= 2 && S::LANES > 1 && NR > 1 } {
            // A tile of one or two rows has few sums. One tile as wide as the rest hides the
            // latency of their additions.
            let left = n - j;
            let part =
                if left.is_multiple_of(S::LANES) { None } else { Some(s.tail(left % S::LANES)) };
            /// The tile of `nr` registers, if the rest has that many. The last register may be
            /// partial.
            macro_rules! last {
                ($($nr:literal)*) => {$(
                    if const { NR >= $nr && could_be_last::<N>($nr, NR, S::LANES) }
                        && left.div_ceil(S::LANES) == $nr
                    {
                        match part {
                            None => tile_at!($nr, j, None),
                            _ if const { matches!(N::EXACT, Some(n) if n % S::LANES == 0) } => {}
                            part => tile_at!($nr, j, part),
                        }
                    }
                )*};
            }
            last!(1 2 3 4 5 6 7 8);
            return;
        }
        if const { NR > 1 && N::AT_MOST >= S::LANES } {
            while j + S::LANES <= n {
                tile_at!(1, j, None);
                j += S::LANES;
            }
        }
        if const { S::LANES > 1 && !matches!(N::EXACT, Some(n) if n % S::LANES == 0) } && j < n {
            tile_at!(1, j, Some(s.tail(n - j)));
        }
    }
}

/// Whether tiles of `nr` registers can leave a rest of `registers` registers of `N` columns. Where
/// the compiler knows the number of columns, only one size of rest is compiled.
const fn could_be_last<N: Count>(registers: usize, nr: usize, lanes: usize) -> bool {
    match N::EXACT {
        Some(n) => (n % (nr * lanes)).div_ceil(lanes) == registers,
        None => true,
    }
}

/// One tile: `MR` rows by `NR` registers of `c`, summed over `k`. With `part`, only these lanes of
/// the last register.
///
/// # Safety
/// `a` must be readable for (0..MR, 0..k); `b` for (0..k, columns) and `c` for (0..MR, columns)
/// readable and writable, where columns are `NR·LANES`, or fewer where `part` says so; `b.col` must
/// be 1 unless `LANES` is. A bias must have as many values.
#[inline(always)]
unsafe fn tile<S: Simd, const MR: usize, const NR: usize>(
    s: S,
    k: usize,
    a: Matrix<*const f32>,
    b: Matrix<*const f32>,
    c: Matrix<*mut f32>,
    start: Start,
    part: Option<S::Tail>,
) {
    let part = |v: usize| if v + 1 == NR { part } else { None };
    let mut sums = [[s.splat(0.0); NR]; MR];
    // SAFETY: every address below is one that the caller guarantees.
    unsafe {
        match start {
            Start::Zero => {}
            Start::Bias(bias) => {
                for v in 0..NR {
                    let bias = load(s, bias.add(v * S::LANES), part(v));
                    for row in &mut sums {
                        row[v] = bias;
                    }
                }
            }
            Start::Carry => {
                for (i, row) in sums.iter_mut().enumerate() {
                    for (v, sum) in row.iter_mut().enumerate() {
                        *sum = load(s, c.p.add(i * c.row + v * S::LANES).cast_const(), part(v));
                    }
                }
            }
        }
        for p in 0..k {
            let mut w = [s.splat(0.0); NR];
            for (v, w) in w.iter_mut().enumerate() {
                *w = load(s, b.p.add(p * b.row + v * S::LANES * b.col), part(v));
            }
            for (i, row) in sums.iter_mut().enumerate() {
                let x = s.splat(*a.p.add(i * a.row + p * a.col));
                for (sum, w) in row.iter_mut().zip(w) {
                    *sum = s.mul_add(x, w, *sum);
                }
            }
        }
        for (i, row) in sums.iter().enumerate() {
            for (v, sum) in row.iter().enumerate() {
                store(s, c.p.add(i * c.row + v * S::LANES), part(v), *sum);
            }
        }
    }
}

/// y ← x·w + b for one unit and m samples. Lanes run over the samples, so that y is written a
/// register at a time.
///
/// # Safety
/// `x` must be readable for m×k values, k those of an `X`, `w` for k, `y` writable for m.
#[inline(always)]
pub(super) unsafe fn column<S: Simd, X: F32Array>(
    s: S,
    m: usize,
    x: *const f32,
    w: *const f32,
    b: f32,
    y: *mut f32,
) {
    // SAFETY: the caller guarantees X::LEN weights.
    let w = unsafe { core::slice::from_raw_parts(w, X::LEN) };
    for_each_register(
        s,
        m,
        #[inline(always)]
        |i, part| {
            let mut sum = s.splat(b);
            let (fours, rest) = w.as_chunks::<4>();
            // SAFETY: `for_each_register` stays below m.
            let (x, n) = (unsafe { x.add(i * X::LEN) }, S::LANES.min(m - i));
            for (p, w) in fours.iter().enumerate() {
                // SAFETY: samples from i on, as many as `part` has lanes, lie below m; p + 3 is
                // below X::LEN.
                let x = unsafe { s.gather4(x.add(4 * p), X::LEN, n) };
                for (x, w) in x.into_iter().zip(w) {
                    sum = s.mul_add(x, s.splat(*w), sum);
                }
            }
            for (p, w) in (4 * fours.len()..).zip(rest) {
                // SAFETY: as above; p is below X::LEN.
                let x = unsafe { s.gather(x.add(p), X::LEN, n) };
                sum = s.mul_add(x, s.splat(*w), sum);
            }
            // SAFETY: `for_each_register` stays below m.
            unsafe { store(s, y.add(i), part, sum) };
        },
    );
}
