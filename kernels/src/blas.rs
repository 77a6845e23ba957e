//! dot, axpy, gemv, ger and gemm: one generic body each.
//!
//! # The algorithm
//!
//! All matrix products are one sum, `c[i][j] = start + a(i,0)·b[0][j] + a(i,1)·b[1][j] + …`, where `start` is a bias,
//! zero or what `c` already holds:
//!
//! | product | a(i, p) | b | sums over |
//! |---|---|---|---|
//! | forward `y = x·w + b` ([`gemm`]) | `x[i][p]` | `w` | inputs |
//! | `dw = xᵀ·dy` ([`gemm_tn`]) | `x[p][i]` | `dy` | samples |
//! | `dx = dy·wᵀ` ([`gemm_nt`]) | `dy[i][p]` | `wᵀ`, packed strip by strip | outputs |
//!
//! The lanes of a register run over j, so that no sum is ever split: every output adds over p from 0 upward, on every
//! backend, at every batch size. `c` is cut into tiles of `MR` rows by `NR` registers that stay in registers
//! while p runs; each step loads `NR` registers of `b` and broadcasts `MR` values of `a`
//! (Goto and van de Geijn, 2008, without packing: our matrices fit the cache). Ragged columns are a masked tile.
//! p runs in blocks of `KC`, so that a panel of `b` stays in the first-level cache; between blocks the sums wait in `c`.

use crate::plain::Plain;
use crate::{
    bodies::{Bodies, called},
    lanes::{each, get, put, sum},
    simd::{self, Simd},
};
use core::{marker::PhantomData, mem::MaybeUninit};

/// Length of a block of the sum: 256 rows of `b` by 64 bytes are half a first-level cache. A chip has none, and needs no blocks.
const KC: Option<usize> = if cfg!(target_os = "none") { None } else { Some(256) };

/// Where the sums of a product start.
#[derive(Clone, Copy)]
pub(crate) enum Start {
    /// At +0.
    Zero,
    /// At one value a column.
    Bias(*const f32),
    /// At what `c` holds.
    Carry,
}

/// What the compiler knows of a number of rows or columns: code for what cannot be is not compiled.
pub(crate) trait Count {
    /// It is never greater.
    const AT_MOST: usize = usize::MAX;
    /// It is this one.
    const EXACT: Option<usize> = None;
}

/// Nothing is known.
pub(crate) struct Any;
impl Count for Any {}

/// As many as `P` has values.
struct Len<P>(PhantomData<P>);
impl<P: Plain> Count for Len<P> {
    const AT_MOST: usize = P::LEN;
    const EXACT: Option<usize> = Some(P::LEN);
}

/// No more than `B`.
struct AtMost<const B: usize>;
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

/// One tile: `MR` rows by `NR` registers of `c`, summed over `k`. With `part`, only its lanes of the last register.
///
/// # Safety
/// `a` must be readable for (0..MR, 0..k); `b` for (0..k, columns) and `c` for (0..MR, columns) readable and writable, where columns
/// are `NR·LANES`, or fewer where `part` says so; `b.col` must be 1 unless `LANES` is. A bias must have as many values.
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
    // SAFETY: every address below is one that the caller vouches for.
    unsafe {
        match start {
            Start::Zero => {}
            Start::Bias(bias) => {
                for v in 0..NR {
                    let bias = get(s, bias.add(v * S::LANES), part(v));
                    for row in &mut sums {
                        row[v] = bias;
                    }
                }
            }
            Start::Carry => {
                for (i, row) in sums.iter_mut().enumerate() {
                    for (v, sum) in row.iter_mut().enumerate() {
                        *sum = get(s, c.p.add(i * c.row + v * S::LANES).cast_const(), part(v));
                    }
                }
            }
        }
        for p in 0..k {
            let mut w = [s.splat(0.0); NR];
            for (v, w) in w.iter_mut().enumerate() {
                *w = get(s, b.p.add(p * b.row + v * S::LANES * b.col), part(v));
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
                put(s, c.p.add(i * c.row + v * S::LANES), part(v), *sum);
            }
        }
    }
}

/// Whether `registers` can be what tiles of `nr` registers leave over of `N` columns: where the compiler knows the number, one tile is enough code.
const fn could_be_last<N: Count>(registers: usize, nr: usize, lanes: usize) -> bool {
    match N::EXACT {
        Some(n) => (n % (nr * lanes)).div_ceil(lanes) == registers,
        None => true,
    }
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
            // Where k is 0 there is no b to point into.
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
    // SAFETY: j + columns of the tile ≤ n, so that each tile is a part of what the caller vouches for.
    unsafe {
        if const { N::AT_MOST >= NR * S::LANES } {
            while j + NR * S::LANES <= n {
                tile_at!(NR, j, None);
                j += NR * S::LANES;
            }
        }
        if const { CALLED && MR <= 2 && S::LANES > 1 && NR > 1 } {
            // One or two rows keep few sums. One tile as wide as what is left hides the latency of their additions.
            let left = n - j;
            let part = if left.is_multiple_of(S::LANES) { None } else { Some(s.tail(left % S::LANES)) };
            /// The tile of so many registers, if they are what is left; the last one may be partial.
            macro_rules! last {
                ($($nr:literal)*) => {$(
                    if const { NR >= $nr && could_be_last::<N>($nr, NR, S::LANES) } && left.div_ceil(S::LANES) == $nr {
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

/// The product of the module's first lines, for any m, k and n. `CALLED`: in the one copy a backend, which may have more code.
///
/// # Safety
/// `a` must be readable for (0..m, 0..k), `b` for (0..k, 0..n), `c` readable and writable for (0..m, 0..n) with `c.col` 1, a bias
/// for 0..n; `b.col` must be 1 unless `LANES` is.
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
        return; // however many rows of nothing, and no rows of anything
    }
    let mut left = k;
    loop {
        let block = KC.map_or(left, |block| left.min(block));
        let mut i = 0;
        /// All row blocks of this height that still fit.
        macro_rules! height {
            ($mr:literal x $nr:literal) => {
                // `if const`: what a backend does not use is not even compiled.
                if const { S::MR >= $mr && M::AT_MOST >= $mr && ($mr == 1 || !cfg!(compact)) } {
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
        // Fewer rows leave registers for more columns: the sums of a tile must outlast the latency of an addition.
        height!(16 x 1);
        height!(8 x 2);
        if const { S::MR * S::NR >= 16 } {
            height!(4 x 4);
        } else {
            height!(4 x 2);
        }
        height!(2 x 4);
        if cfg!(compact) {
            // One loop nest for all: little flash.
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

/// What is called for a product that is not compiled in place: Helium's tiles with what they leave over, or [`product_alone`].
///
/// # Safety
/// As for [`product`].
#[inline(always)]
unsafe fn product_called<S: Simd>(
    s: S,
    mkn: (usize, usize, usize),
    a: Matrix<*const f32>,
    b: Matrix<*const f32>,
    c: Matrix<*mut f32>,
    start: Start,
) {
    // SAFETY: the caller's promise is the same; the tiles that Helium leaves over are parts of the product.
    unsafe {
        #[cfg(feature = "helium")]
        if crate::arch::helium::product(mkn, a, b, c, start, |mkn, a, b, c, start| {
            product_alone(s, mkn, a, b, c, start);
        }) {
            return;
        }
        product_alone(s, mkn, a, b, c, start);
    }
}

/// Assembly that stands in for the scalar tiles, or the one copy of them.
///
/// # Safety
/// As for [`product`].
#[inline(always)]
unsafe fn product_alone<S: Simd>(
    s: S,
    mkn: (usize, usize, usize),
    a: Matrix<*const f32>,
    b: Matrix<*const f32>,
    c: Matrix<*mut f32>,
    start: Start,
) {
    #[cfg(thumb)]
    if b.col == 1 && (a.col == 1 || a.row == 1) {
        let start = match start {
            Start::Zero => None,
            Start::Bias(bias) => Some((bias, 0)),
            Start::Carry => Some((c.p.cast_const(), c.row)),
        };
        // SAFETY: the caller's promise is the same.
        return unsafe { crate::arch::thumb::product(mkn, (a.p, a.row, a.col), (b.p, b.row), (c.p, c.row), start) };
    }
    // SAFETY: the caller's promise is the same.
    unsafe {
        #[cfg(feature = "helium")]
        {
            let _ = s;
            crate::arch::helium::plain(mkn, a, b, c, start);
        }
        #[cfg(not(feature = "helium"))]
        s.shared().product(mkn, a, b, c, start);
    }
}

/// A copy of [`product`] here where `INLINE` says so, else a call.
///
/// # Safety
/// As for [`product`].
#[inline(always)]
unsafe fn product_for<S: Simd, M: Count, N: Count, const INLINE: bool>(
    s: S,
    mkn: (usize, usize, usize),
    a: Matrix<*const f32>,
    b: Matrix<*const f32>,
    c: Matrix<*mut f32>,
    start: Start,
) {
    // SAFETY: the caller's promise is the same.
    unsafe {
        if INLINE {
            product::<S, M, N, false>(s, mkn, a, b, c, start);
        } else {
            product_called(s, mkn, a, b, c, start);
        }
    }
}

/// Columns and rows of the buffer through which [`gemm_nt`] turns `w`: 4 KiB of stack; for the assembly on a chip, which works on
/// eight columns, 512 bytes. Where the rows are known to be short, the buffer has only as many as they need.
const STRIP: usize = if cfg!(thumb) { 8 } else { 16 };
pub(crate) const DEPTH: usize = if cfg!(thumb) { 16 } else { 64 };

/// packed ← the transpose of `width` rows of `depth` values, the rows `n` apart.
///
/// # Safety
/// `w` must be readable there; `width` and `depth` must not be greater than the buffer's.
#[cfg(not(thumb))]
#[inline(always)]
unsafe fn pack<S: Simd>(
    s: S,
    w: *const f32,
    n: usize,
    (width, depth): (usize, usize),
    packed: &mut [[MaybeUninit<f32>; STRIP]],
) {
    // SAFETY: rows below width and values q (to q + 3) below depth; the caller vouches for both sides.
    unsafe {
        if const { S::LANES > 1 } && width == STRIP {
            let mut q = 0;
            while q < depth {
                let count = if q + 4 <= depth { 4 } else { 1 };
                for r in (0..STRIP).step_by(S::LANES) {
                    let from = w.add(r * n + q);
                    let to = packed.as_mut_ptr().add(q).cast::<f32>().add(r);
                    if count == 4 {
                        for (i, column) in s.gather4(from, n, S::LANES).into_iter().enumerate() {
                            s.store(to.add(i * STRIP), column);
                        }
                    } else {
                        s.store(to, s.gather(from, n, S::LANES));
                    }
                }
                q += count;
            }
            return;
        }
        for r in 0..width {
            for (q, row) in packed.iter_mut().enumerate().take(depth) {
                row.get_unchecked_mut(r).write(*w.add(r * n + q));
            }
        }
    }
}

/// `dx = first + dy·wᵀ` for `w` of k×n, `first` zero or what `dx` holds: strips of columns of `wᵀ`, `D` rows at a time, are packed,
/// then multiplied.
///
/// # Safety
/// `dy` must be readable for m×n, `w` for k×n, `dx` writable for m×k, and readable where sums start at what it holds; all dense and row-major.
#[inline(always)]
pub(crate) unsafe fn product_nt<S: Simd, M: Count, K: Count, const D: usize, const INLINE: bool>(
    s: S,
    (m, k, n): (usize, usize, usize),
    dy: *const f32,
    w: *const f32,
    dx: *mut f32,
    first: Start,
) {
    let a = Matrix { p: dy, row: n, col: 1 };
    let c = Matrix { p: dx, row: k, col: 1 };
    // SAFETY: strips and blocks stay inside k and n; the buffer holds STRIP·D values and only the packed ones are read.
    unsafe {
        if m == 0 {
            return;
        }
        if S::LANES == 1 && (!cfg!(thumb) || cfg!(feature = "helium")) || n <= 1 {
            // One lane can step over rows, Helium gathers, a single column is its own transpose, and no column at all leaves zeros.
            let b = Matrix { p: w, row: 1, col: n };
            product_for::<S, M, K, INLINE>(s, (m, n, k), a, b, c, first);
            return;
        }
        #[cfg(thumb)]
        let mut i =
            if matches!(first, Start::Carry) { 0 } else { crate::arch::thumb::few_outputs((m, k, n), dy, w, dx) };
        #[cfg(not(thumb))]
        let mut i = 0;
        let mut packed = [[MaybeUninit::<f32>::uninit(); STRIP]; D];
        while i < k {
            let width = (k - i).min(STRIP);
            let mut start = first;
            let mut p = 0;
            while p < n {
                let depth = (n - p).min(D);
                #[cfg(thumb)]
                crate::arch::thumb::transpose(w.add(i * n + p), 4 * n, width, depth, packed.as_mut_ptr().cast());
                #[cfg(not(thumb))]
                pack(s, w.add(i * n + p), n, (width, depth), &mut packed);
                let b = Matrix { p: packed.as_ptr().cast(), row: STRIP, col: 1 };
                let a = Matrix { p: a.p.add(p), ..a };
                let c = Matrix { p: c.p.add(i), ..c };
                product_for::<S, M, K, INLINE>(s, (m, depth, width), a, b, c, start);
                start = Start::Carry;
                p += depth;
            }
            i += width;
        }
    }
}

/// Panics with both numbers unless a slice has the length its shape says.
#[inline(always)]
#[track_caller]
fn check(name: &str, len: usize, rows: usize, cols: usize) {
    assert!(
        rows.checked_mul(cols) == Some(len),
        "{name} has {len} values, its shape {rows}x{cols} asks for another number"
    );
}

/// y ← x·w + b
///
/// `x` is m×k, `w` k×n, `y` m×n, all row-major; `b` has n values; `y` is overwritten. Each `y[i][j]` starts at `b[j]` and adds
/// `x[i][0]·w[0][j]`, `x[i][1]·w[1][j]`, … in that order, product and sum rounded, on every backend. Error: within γ₂ₖ·(|x|·|w| + |b|).
/// # Panics
/// If a length does not agree with m, k and n.
#[inline]
#[allow(clippy::too_many_arguments, reason = "the argument list of BLAS")]
pub fn gemm<S: Simd>(s: S, m: usize, k: usize, n: usize, x: &[f32], w: &[f32], b: &[f32], y: &mut [f32]) {
    check("x", x.len(), m, k);
    check("w", w.len(), k, n);
    check("b", b.len(), 1, n);
    check("y", y.len(), m, n);
    let a = Matrix { p: x.as_ptr(), row: k, col: 1 };
    let w = Matrix { p: w.as_ptr(), row: n, col: 1 };
    let c = Matrix { p: y.as_mut_ptr(), row: n, col: 1 };
    // SAFETY: the four checks above.
    unsafe { product_called(s, (m, k, n), a, w, c, Start::Bias(b.as_ptr())) }
}

/// dw ← xᵀ·dy, or dw ← dw + xᵀ·dy with `add`
///
/// `x` is m×k, `dy` m×n, `dw` k×n, all row-major. Each `dw[p][j]` starts at zero (or at itself) and adds `x[0][p]·dy[0][j]`,
/// `x[1][p]·dy[1][j]`, … over the samples in order.
/// # Panics
/// If a length does not agree with m, k and n.
#[inline]
#[allow(clippy::too_many_arguments, reason = "the argument list of BLAS")]
pub fn gemm_tn<S: Simd>(s: S, m: usize, k: usize, n: usize, x: &[f32], dy: &[f32], dw: &mut [f32], add: bool) {
    check("x", x.len(), m, k);
    check("dy", dy.len(), m, n);
    check("dw", dw.len(), k, n);
    let a = Matrix { p: x.as_ptr(), row: 1, col: k };
    let b = Matrix { p: dy.as_ptr(), row: n, col: 1 };
    let c = Matrix { p: dw.as_mut_ptr(), row: n, col: 1 };
    let start = if add { Start::Carry } else { Start::Zero };
    // SAFETY: the three checks above.
    unsafe { product_called(s, (k, m, n), a, b, c, start) }
}

/// dx ← dy·wᵀ
///
/// `dy` is m×n, `w` k×n, `dx` m×k, all row-major; `dx` is overwritten. Each `dx[i][p]` starts at zero and adds `dy[i][0]·w[p][0]`,
/// `dy[i][1]·w[p][1]`, … over the outputs in order. Uses 4 KiB of stack on backends with lanes, 512 bytes on a Cortex-M with an FPU.
/// # Panics
/// If a length does not agree with m, k and n.
#[inline]
#[allow(clippy::too_many_arguments, reason = "the argument list of BLAS")]
pub fn gemm_nt<S: Simd>(s: S, m: usize, k: usize, n: usize, dy: &[f32], w: &[f32], dx: &mut [f32]) {
    check("dy", dy.len(), m, n);
    check("w", w.len(), k, n);
    check("dx", dx.len(), m, k);
    // SAFETY: the three checks above.
    unsafe { s.shared().product_nt((m, k, n), dy.as_ptr(), w.as_ptr(), dx.as_mut_ptr(), Start::Zero) }
}

/// y ← wᵀ·x + b: [`gemm`] for one sample, the same bits
///
/// `w` is k×n row-major, `x` has k values, `b` and `y` have n.
/// # Panics
/// If the lengths do not agree.
#[inline]
pub fn gemv<S: Simd>(s: S, w: &[f32], x: &[f32], b: &[f32], y: &mut [f32]) {
    gemm(s, 1, x.len(), y.len(), x, w, b, y);
}

/// dx ← w·dy: [`gemm_nt`] for one sample, the same bits
///
/// `w` is k×n row-major, `dy` has n values, `dx` has k.
/// # Panics
/// If the lengths do not agree.
#[inline]
pub fn gemv_t<S: Simd>(s: S, w: &[f32], dy: &[f32], dx: &mut [f32]) {
    gemm_nt(s, 1, dx.len(), dy.len(), dy, w, dx);
}

/// w ← w + x·yᵀ: one sample's share of `dw`
///
/// `w` is k×n row-major, `x` has k values, `y` has n; `w[i][j] ← w[i][j] + x[i]·y[j]`.
/// # Panics
/// If the lengths do not agree.
#[inline]
pub fn ger<S: Simd>(s: S, x: &[f32], y: &[f32], w: &mut [f32]) {
    gemm_tn(s, 1, x.len(), y.len(), x, y, w, true);
}

/// x·y over sixteen virtual lanes
///
/// Index i belongs to lane i mod 16; each lane adds its products from zero upward; the lanes are joined by halves. A zero
/// result is +0. Error: within γ₍ₙ⸝₁₆₊₅₎·|x|·|y|.
/// # Panics
/// If the lengths differ.
#[inline]
pub fn dot<S: Simd>(s: S, x: &[f32], y: &[f32]) -> f32 {
    #[inline(never)]
    fn body<S: Simd>(s: S, x: &[f32], y: &[f32]) -> f32 {
        s.vectorize(
            #[inline(always)]
            || {
                sum(
                    s,
                    x.len(),
                    #[inline(always)]
                    |i, part| {
                        // SAFETY: `dot` checked that both have x.len() values; `sum` stays below it.
                        unsafe { s.mul(get(s, x.as_ptr().add(i), part), get(s, y.as_ptr().add(i), part)) }
                    },
                )
            },
        )
    }
    check("y", y.len(), 1, x.len());
    body(s.shared(), x, y)
}

/// y ← a·x + y
///
/// # Panics
/// If the lengths differ.
#[inline]
pub fn axpy<S: Simd>(s: S, a: f32, x: &[f32], y: &mut [f32]) {
    #[inline(never)]
    fn body<S: Simd>(s: S, a: f32, x: &[f32], y: &mut [f32]) {
        s.vectorize(
            #[inline(always)]
            || {
                let a = s.splat(a);
                each(
                    s,
                    y.len(),
                    #[inline(always)]
                    |i, part| {
                        // SAFETY: `axpy` checked that both have y.len() values; `each` stays below it.
                        unsafe {
                            let p = y.as_mut_ptr().add(i);
                            let x = get(s, x.as_ptr().add(i), part);
                            put(s, p, part, s.mul_add(a, x, get(s, p.cast_const(), part)));
                        }
                    },
                );
            },
        );
    }
    check("x", x.len(), 1, y.len());
    body(s.shared(), a, x, y);
}

/// db ← the sum of `m` rows of `n` values, or what it holds and that sum with `add`.
///
/// # Safety
/// `dy` must be readable for m×n, `db` readable and writable for n.
#[inline(always)]
pub(crate) unsafe fn sum_rows_body<S: Simd>(s: S, m: usize, n: usize, dy: *const f32, db: *mut f32, add: bool) {
    each(
        s,
        n,
        #[inline(always)]
        |j, part| {
            // SAFETY: `each` stays below n, and i below m.
            unsafe {
                let mut sum = if add { get(s, db.add(j).cast_const(), part) } else { s.splat(0.0) };
                for i in 0..m {
                    sum = s.add(sum, get(s, dy.add(i * n + j), part));
                }
                put(s, db.add(j), part, sum);
            }
        },
    );
}

/// Shapes in types: what layers call. Lengths follow from the types, so that nothing can panic; the number of rows is the
/// shortest slice's.
pub mod fixed {
    use super::*;
    #[cfg(compact)]
    use crate::little;
    use crate::plain::{Flat, values};
    use core::ptr;

    /// [`product`] in place for a layer of few enough weights, else a call; the other one is not even compiled.
    macro_rules! sized {
        ($weights:expr, $m:ty, $n:ty, ($($argument:expr),*)) => {
            if const { $weights <= S::INLINE } {
                product::<S, $m, $n, false>($($argument),*)
            } else if const { one_row::<S, $m, $n>() } {
                product::<S, $m, $n, true>($($argument),*)
            } else {
                product_called($($argument),*)
            }
        };
    }

    /// Whether a product is one row of so few columns that two tiles are all of its code: little to compile, and it costs less than a call.
    const fn one_row<S: Simd, M: Count, N: Count>() -> bool {
        S::INLINE > 0
            && M::AT_MOST == 1
            && matches!(N::EXACT, Some(n) if n <= 2 * S::NR * S::LANES)
            && !cfg!(target_os = "none")
    }

    /// [`gemm`](super::gemm): y ← x·w + b.
    #[inline(always)]
    pub fn gemm<S: Simd, const K: usize, const N: usize>(
        s: S,
        x: &[[f32; K]],
        w: &[[f32; N]; K],
        b: &[f32; N],
        y: &mut [[f32; N]],
    ) {
        affine::<S, { usize::MAX }, _, _, _>(s, x, w, b, y);
    }

    /// Fails to compile unless `W` holds a weight for each value of an `X` and each of a `Y`.
    const fn fits<X: Plain, W: Plain, Y: Plain>() {
        // A product that overflows is no number of weights; wrapped, it might be taken for one.
        let weights = X::LEN.checked_mul(Y::LEN);
        assert!(matches!(weights, Some(n) if n == W::LEN), "the weights do not fit rows of these lengths");
    }

    /// [`gemm`] for rows of any plain shape: `w` is k×n where k and n are the values of an `X` and of a `Y`. There are at most `M` rows;
    /// the compiler leaves out code for more.
    ///
    /// ```compile_fail
    /// use rosenblatt_kernels::{arch::scalar::Scalar, blas::fixed};
    /// let w = [[[0.0; 5]; 2]; 3]; // 3·2 inputs, but the samples have 3·3
    /// fixed::affine::<_, 1, _, _, _>(Scalar, &[[[0.0; 3]; 3]], &w, &[0.0; 5], &mut [[0.0; 5]]);
    /// ```
    #[inline(always)]
    pub fn affine<S: Simd, const M: usize, X: Plain, W: Plain, Y: Plain>(s: S, x: &[X], w: &W, b: &Y, y: &mut [Y]) {
        const { fits::<X, W, Y>() };
        let m = x.len().min(y.len()).min(M);
        #[cfg(all(compact, not(feature = "helium")))]
        if const { S::INLINE == 0 } {
            // SAFETY: the types say k and n, and m is no more than either slice has rows.
            return unsafe {
                little::gemm(
                    m,
                    X::LEN,
                    Y::LEN,
                    x.as_ptr().cast(),
                    ptr::from_ref(w).cast(),
                    ptr::from_ref(b).cast(),
                    y.as_mut_ptr().cast(),
                )
            };
        }
        if const { M > 1 && Y::LEN == 1 && S::LANES > 1 && X::LEN <= S::INLINE } && m > 1 {
            return column(s, x, values(w), values(b)[0], y.flat_mut());
        }
        let a = Matrix { p: x.as_ptr().cast(), row: X::LEN, col: 1 };
        let w = Matrix { p: ptr::from_ref(w).cast(), row: Y::LEN, col: 1 };
        let c = Matrix { p: y.as_mut_ptr().cast(), row: Y::LEN, col: 1 };
        // SAFETY: the types say k and n, and m is no more than either slice has rows.
        unsafe {
            let start = Start::Bias(ptr::from_ref(b).cast());
            sized!(X::LEN * Y::LEN, AtMost<M>, Len<Y>, (s, (m, X::LEN, Y::LEN), a, w, c, start));
        }
    }

    /// y ← y + x·w: [`affine`] whose sums start at what `y` holds, for at most `M` rows of any plain shape.
    #[inline(always)]
    pub fn gemm_add<S: Simd, const M: usize, X: Plain, W: Plain, Y: Plain>(s: S, x: &[X], w: &W, y: &mut [Y]) {
        const { fits::<X, W, Y>() };
        let m = x.len().min(y.len()).min(M);
        #[cfg(all(compact, not(feature = "helium")))]
        if const { S::INLINE == 0 } {
            // SAFETY: the types say k and n, and m is no more than either slice has rows.
            return unsafe {
                little::gemm_add(m, X::LEN, Y::LEN, x.as_ptr().cast(), ptr::from_ref(w).cast(), y.as_mut_ptr().cast())
            };
        }
        let a = Matrix { p: x.as_ptr().cast(), row: X::LEN, col: 1 };
        let w = Matrix { p: ptr::from_ref(w).cast(), row: Y::LEN, col: 1 };
        let c = Matrix { p: y.as_mut_ptr().cast(), row: Y::LEN, col: 1 };
        // SAFETY: the types say k and n, and m is no more than either slice has rows.
        unsafe {
            sized!(X::LEN * Y::LEN, AtMost<M>, Len<Y>, (s, (m, X::LEN, Y::LEN), a, w, c, Start::Carry));
        }
    }

    /// y ← x·w + b for one unit: lanes run over the samples, so that y is written by registers and not value by value.
    #[inline(always)]
    fn column<S: Simd, X: Plain>(s: S, x: &[X], w: &[f32], b: f32, y: &mut [f32]) {
        let m = x.len().min(y.len());
        each(
            s,
            m,
            #[inline(always)]
            |i, part| {
                let mut sum = s.splat(b);
                let (fours, rest) = w.as_chunks::<4>();
                // SAFETY: `each` stays below m.
                let (x, n) = (unsafe { x.as_ptr().add(i).cast::<f32>() }, S::LANES.min(m - i));
                for (p, w) in fours.iter().enumerate() {
                    // SAFETY: samples from i on, as many as `part` has lanes, lie below m; p + 3 is below X::LEN.
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
                // SAFETY: `each` stays below m.
                unsafe { put(s, y.as_mut_ptr().add(i), part, sum) };
            },
        );
    }

    /// [`gemm_tn`](super::gemm_tn): dw ← xᵀ·dy.
    #[inline(always)]
    pub fn gemm_tn<S: Simd, const K: usize, const N: usize>(
        s: S,
        x: &[[f32; K]],
        dy: &[[f32; N]],
        dw: &mut [[f32; N]; K],
    ) {
        affine_grad(s, x, dy, dw, false);
    }

    /// [`gemm_tn`] for rows of any plain shape: dw ← xᵀ·dy, or dw ← dw + xᵀ·dy with `add`.
    #[inline(always)]
    pub fn affine_grad<S: Simd, X: Plain, W: Plain, Y: Plain>(s: S, x: &[X], dy: &[Y], dw: &mut W, add: bool) {
        const { fits::<X, W, Y>() };
        let m = x.len().min(dy.len());
        let (x, dy, dw) = (x.as_ptr().cast(), dy.as_ptr().cast(), ptr::from_mut(dw).cast());
        #[cfg(all(compact, not(feature = "helium")))]
        if const { S::INLINE == 0 } {
            // SAFETY: the types say k and n, and m is no more than either slice has rows.
            return unsafe {
                if add {
                    little::gemm_tn_add(m, X::LEN, Y::LEN, x, dy, dw);
                } else {
                    little::gemm_tn(m, X::LEN, Y::LEN, x, dy, dw);
                }
            };
        }
        let start = if add { Start::Carry } else { Start::Zero };
        let a = Matrix { p: x, row: 1, col: X::LEN };
        let b = Matrix { p: dy, row: Y::LEN, col: 1 };
        let c = Matrix { p: dw, row: Y::LEN, col: 1 };
        if Y::LEN == 1 {
            // A column is a row too: lanes over the inputs, the same products in the same order.
            let (a, b) = (Matrix { row: 0, col: 1, ..b }, Matrix { row: X::LEN, col: 1, ..a });
            // SAFETY: the types say k, and m is no more than either slice has rows.
            unsafe { sized!(X::LEN, AtMost<1>, Len<X>, (s, (1, m, X::LEN), a, b, c, start)) };
            return;
        }
        // SAFETY: the types say k and n, and m is no more than either slice has rows.
        unsafe {
            sized!(X::LEN * Y::LEN, Len<X>, Len<Y>, (s, (X::LEN, m, Y::LEN), a, b, c, start));
        }
    }

    /// [`gemm_nt`](super::gemm_nt): dx ← dy·wᵀ.
    #[inline(always)]
    pub fn gemm_nt<S: Simd, const K: usize, const N: usize>(
        s: S,
        dy: &[[f32; N]],
        w: &[[f32; N]; K],
        dx: &mut [[f32; K]],
    ) {
        affine_grad_input::<S, { usize::MAX }, _, _, _>(s, dy, w, dx, false);
    }

    /// [`gemm_nt`] for at most `M` rows of any plain shape: dx ← dy·wᵀ, or dx ← dx + dy·wᵀ with `add`.
    #[inline(always)]
    pub fn affine_grad_input<S: Simd, const M: usize, X: Plain, W: Plain, Y: Plain>(
        s: S,
        dy: &[Y],
        w: &W,
        dx: &mut [X],
        add: bool,
    ) {
        const { fits::<X, W, Y>() };
        let m = dy.len().min(dx.len()).min(M);
        let (dy, w, dx) = (dy.as_ptr().cast(), ptr::from_ref(w).cast(), dx.as_mut_ptr().cast());
        #[cfg(all(compact, not(feature = "helium")))]
        if const { S::INLINE == 0 } {
            // SAFETY: the types say k and n, and m is no more than either slice has rows.
            return unsafe {
                if add {
                    little::gemm_nt_add(m, X::LEN, Y::LEN, dy, w, dx);
                } else {
                    little::gemm_nt(m, X::LEN, Y::LEN, dy, w, dx);
                }
            };
        }
        let start = if add { Start::Carry } else { Start::Zero };
        let mkn = (m, X::LEN, Y::LEN);
        // SAFETY: the types say k and n, and m is no more than either slice has rows.
        unsafe {
            if const { Y::LEN <= 1 } {
                // Nothing is packed: no stack for it.
                let a = Matrix { p: dy, row: Y::LEN, col: 1 };
                let c = Matrix { p: dx, row: X::LEN, col: 1 };
                let b = Matrix { p: w, row: 1, col: Y::LEN };
                sized!(X::LEN * Y::LEN, AtMost<M>, Len<X>, (s, (m, Y::LEN, X::LEN), a, b, c, start));
            } else if const { X::LEN * Y::LEN <= S::INLINE } {
                // The buffer is as short as the rows: 48 weights need no 4 KiB of a small stack.
                if const { Y::LEN <= 4 } {
                    product_nt::<S, AtMost<M>, Len<X>, 4, true>(s, mkn, dy, w, dx, start);
                } else if const { Y::LEN <= 16 } {
                    product_nt::<S, AtMost<M>, Len<X>, 16, true>(s, mkn, dy, w, dx, start);
                } else {
                    product_nt::<S, AtMost<M>, Len<X>, DEPTH, true>(s, mkn, dy, w, dx, start);
                }
            } else {
                s.shared().product_nt(mkn, dy, w, dx, start);
            }
        }
    }

    /// db ← the sum of the rows of dy: `db[j]` starts at zero and adds `dy[0][j]`, `dy[1][j]`, … over the samples in order.
    /// Rows of any plain shape.
    #[inline(always)]
    pub fn sum_rows<S: Simd, Y: Plain>(s: S, dy: &[Y], db: &mut Y) {
        #[cfg(compact)]
        if const { S::INLINE == 0 } {
            // SAFETY: the types say n, and m is how many rows there are.
            return unsafe { little::sum_rows(dy.len(), Y::LEN, dy.as_ptr().cast(), ptr::from_mut(db).cast()) };
        }
        #[cfg(thumb)]
        if const { S::LANES == 1 } {
            return crate::arch::thumb::sum_rows(dy, db);
        }
        if const { called::<S>() } {
            // SAFETY: the types say n, and m is how many rows there are.
            return unsafe {
                s.shared().sum_rows(dy.len(), Y::LEN, dy.as_ptr().cast(), ptr::from_mut(db).cast(), false)
            };
        }
        columns::<S, Y, false>(s, dy, db);
    }

    /// db ← db + the sum of the rows of dy: [`sum_rows`] whose sums start at what `db` holds.
    #[inline(always)]
    pub fn sum_rows_add<S: Simd, const N: usize>(s: S, dy: &[[f32; N]], db: &mut [f32; N]) {
        if const { called::<S>() } {
            // SAFETY: the types say n, and m is how many rows there are.
            return unsafe { s.shared().sum_rows(dy.len(), N, dy.as_ptr().cast(), ptr::from_mut(db).cast(), true) };
        }
        columns::<S, [f32; N], true>(s, dy, db);
    }

    #[inline(always)]
    fn columns<S: Simd, Y: Plain, const ADD: bool>(s: S, dy: &[Y], db: &mut Y) {
        // Not `sum_rows_body`: with a counter instead of a slice LLVM unrolls more (3.6 KB more flash for iris on AArch64).
        let to: *mut f32 = ptr::from_mut(db).cast();
        each(
            s,
            Y::LEN,
            #[inline(always)]
            |j, part| {
                // SAFETY: `each` stays below Y::LEN, how many values db and each row have.
                unsafe {
                    let mut sum = if ADD { get(s, to.add(j).cast_const(), part) } else { s.splat(0.0) };
                    for row in dy {
                        sum = s.add(sum, get(s, ptr::from_ref(row).cast::<f32>().add(j), part));
                    }
                    put(s, to.add(j), part, sum);
                }
            },
        );
    }

    /// y ← y + x, value by value.
    #[inline(always)]
    pub fn add<S: Simd, const N: usize>(s: S, y: &mut [f32; N], x: &[f32; N]) {
        each(
            s,
            N,
            #[inline(always)]
            |j, part| {
                // SAFETY: `each` stays below N, and both have N values.
                unsafe {
                    let y = y.as_mut_ptr().add(j);
                    put(s, y, part, s.add(get(s, y.cast_const(), part), get(s, x.as_ptr().add(j), part)));
                }
            },
        );
    }
}
