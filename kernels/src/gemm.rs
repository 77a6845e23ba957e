//! Matrix products: gemm, gemv, ger, and the products of their gradients.
//!
//! # The algorithm
//!
//! All matrix products are one sum, `c[i][j] = start + a(i,0)·b[0][j] + a(i,1)·b[1][j] + …`, where
//! `start` is a bias, zero or the old value of `c[i][j]`:
//!
//! | product | a(i, p) | b | sums over |
//! |---|---|---|---|
//! | forward `y = x·w + b` ([`gemm`]) | `x[i][p]` | `w` | inputs |
//! | `dw = xᵀ·dy` ([`gemm_tn`]) | `x[p][i]` | `dy` | samples |
//! | `dx = dy·wᵀ` ([`gemm_nt`]) | `dy[i][p]` | `wᵀ`, packed strip by strip | outputs |
//!
//! The lanes of a register run over j, so no sum is ever split. Every output adds over p from 0
//! upward, on every backend, at every batch size. `c` is cut into tiles of `MR` rows by `NR`
//! registers. A tile stays in registers while p runs; each step loads `NR` registers of `b` and
//! broadcasts `MR` values of `a` (Goto and van de Geijn, 2008). Nothing is packed for the forward
//! product and `dw`: these matrices fit the cache. The last columns, fewer than a register, are a
//! masked tile. p runs in blocks of `KC`, so that a panel of `b` stays in the first-level cache.
//! Between two blocks the sums are stored in `c`.
//!
//! # The paths
//!
//! `Product`, in this file, chooses how a layer's product is computed. The sums and their order are
//! the same on each path:
//!
//! | path | when | file |
//! |---|---|---|
//! | plain loops | firmware built for size (`opt-level` s or z), without Helium | `small.rs` |
//! | lanes over the samples | one output, several samples, few inputs, a backend with lanes | `typed.rs`, `column` |
//! | tiles in place | few weights (`Simd::INLINE_MAX`), or one row of few columns | `tile.rs` |
//! | strips of `wᵀ` packed first | `dx` with more than one output | `transpose.rs` |
//! | Helium's tiles | feature `helium`, shapes for which it is faster | `arch/helium.rs` |
//! | Cortex-M assembly | a Cortex-M with an FPU, built for speed | `arch/cortex_m/gemm.rs` |
//! | out of line, one copy per backend | all others | `tile.rs`, by `bodies.rs` |

mod matrix;
#[cfg(rosenblatt_small)]
#[cfg_attr(
    rosenblatt_helium,
    allow(dead_code, reason = "Helium's products take the place of these")
)]
pub(crate) mod small;
mod tile;
mod transpose;
pub mod typed;

pub(crate) use matrix::{Any, Matrix, Start};
pub(crate) use tile::product;
pub(crate) use transpose::{DEPTH, product_nt};

use crate::{array::F32Array, bodies::Bodies, simd::Simd};
use matrix::{AtMost, Count, Len, Weights};

/// y ← x·w + b
///
/// `x` is m×k, `w` k×n, `y` m×n, all row-major. `b` has n values. `y` is overwritten. Each
/// `y[i][j]` starts at `b[j]` and adds `x[i][0]·w[0][j]`, `x[i][1]·w[1][j]`, … in that order. Each
/// product and each sum is rounded. Error: within γ₂ₖ·(|x|·|w| + |b|).
/// # Panics
/// If a length does not agree with m, k and n.
#[inline]
#[allow(clippy::too_many_arguments, reason = "the argument list of BLAS")]
pub fn gemm<S: Simd>(
    s: S,
    m: usize,
    k: usize,
    n: usize,
    x: &[f32],
    w: &[f32],
    b: &[f32],
    y: &mut [f32],
) {
    check("x", x.len(), m, k);
    check("w", w.len(), k, n);
    check("b", b.len(), 1, n);
    check("y", y.len(), m, n);
    let product = Product::forward(
        (m, k, n),
        x.as_ptr(),
        w.as_ptr(),
        y.as_mut_ptr(),
        Start::Bias(b.as_ptr()),
    );
    // SAFETY: the four checks above.
    unsafe { product.call(s) }
}

/// dw ← xᵀ·dy, or dw ← dw + xᵀ·dy with `add`
///
/// `x` is m×k, `dy` m×n, `dw` k×n, all row-major. Each `dw[p][j]` starts at zero (with `add`, at
/// its old value) and adds `x[0][p]·dy[0][j]`, `x[1][p]·dy[1][j]`, … over the samples in order.
/// # Panics
/// If a length does not agree with m, k and n.
#[inline]
#[allow(clippy::too_many_arguments, reason = "the argument list of BLAS")]
pub fn gemm_tn<S: Simd>(
    s: S,
    m: usize,
    k: usize,
    n: usize,
    x: &[f32],
    dy: &[f32],
    dw: &mut [f32],
    add: bool,
) {
    check("x", x.len(), m, k);
    check("dy", dy.len(), m, n);
    check("dw", dw.len(), k, n);
    let start = if add { Start::Carry } else { Start::Zero };
    let product = Product::weights((m, k, n), x.as_ptr(), dy.as_ptr(), dw.as_mut_ptr(), start);
    // SAFETY: the three checks above.
    unsafe { product.call(s) }
}

/// dx ← dy·wᵀ
///
/// `dy` is m×n, `w` k×n, `dx` m×k, all row-major. `dx` is overwritten. Each `dx[i][p]` starts at
/// zero and adds `dy[i][0]·w[p][0]`, `dy[i][1]·w[p][1]`, … over the outputs in order. Uses 4 KiB of
/// stack on backends with lanes, 512 bytes on a Cortex-M with an FPU.
/// # Panics
/// If a length does not agree with m, k and n.
#[inline]
#[allow(clippy::too_many_arguments, reason = "the argument list of BLAS")]
pub fn gemm_nt<S: Simd>(s: S, m: usize, k: usize, n: usize, dy: &[f32], w: &[f32], dx: &mut [f32]) {
    check("dy", dy.len(), m, n);
    check("w", w.len(), k, n);
    check("dx", dx.len(), m, k);
    // SAFETY: the three checks above.
    unsafe {
        s.shared().product_nt((m, k, n), dy.as_ptr(), w.as_ptr(), dx.as_mut_ptr(), Start::Zero)
    }
}

/// y ← wᵀ·x + b: [`gemm`] for one sample, with the same bits
///
/// `w` is k×n row-major, `x` has k values, `b` and `y` have n.
/// # Panics
/// If the lengths do not agree.
#[inline]
pub fn gemv<S: Simd>(s: S, w: &[f32], x: &[f32], b: &[f32], y: &mut [f32]) {
    gemm(s, 1, x.len(), y.len(), x, w, b, y);
}

/// dx ← w·dy: [`gemm_nt`] for one sample, with the same bits
///
/// `w` is k×n row-major, `dy` has n values, `dx` has k.
/// # Panics
/// If the lengths do not agree.
#[inline]
pub fn gemv_t<S: Simd>(s: S, w: &[f32], dy: &[f32], dx: &mut [f32]) {
    gemm_nt(s, 1, dx.len(), dy.len(), dy, w, dx);
}

/// w ← w + x·yᵀ: the outer product, one sample's part of `dw`
///
/// `w` is k×n row-major, `x` has k values, `y` has n. `w[i][j] ← w[i][j] + x[i]·y[j]`.
/// # Panics
/// If the lengths do not agree.
#[inline]
pub fn ger<S: Simd>(s: S, x: &[f32], y: &[f32], w: &mut [f32]) {
    gemm_tn(s, 1, x.len(), y.len(), x, y, w, true);
}

/// Panics with the length and the shape unless the slice has `rows · cols` values.
#[inline(always)]
#[track_caller]
pub(crate) fn check(name: &str, len: usize, rows: usize, cols: usize) {
    assert!(
        rows.checked_mul(cols) == Some(len),
        "{name} has {len} values, its shape {rows}x{cols} asks for another number"
    );
}

/// One product: c ← start + a·b, where `a` is m×k, `b` k×n and `c` m×n.
#[derive(Clone, Copy)]
pub(crate) struct Product {
    mkn: (usize, usize, usize),
    a: Matrix<*const f32>,
    b: Matrix<*const f32>,
    c: Matrix<*mut f32>,
    start: Start,
}

impl Product {
    /// y ← start + x·w for m samples, k inputs and n outputs.
    #[inline(always)]
    fn forward(
        mkn: (usize, usize, usize),
        x: *const f32,
        w: *const f32,
        y: *mut f32,
        start: Start,
    ) -> Self {
        let (_, k, n) = mkn;
        Self {
            mkn,
            a: Matrix { p: x, row: k, col: 1 },
            b: Matrix { p: w, row: n, col: 1 },
            c: Matrix { p: y, row: n, col: 1 },
            start,
        }
    }

    /// dw ← start + xᵀ·dy for m samples, k inputs and n outputs.
    #[inline(always)]
    fn weights(
        (m, k, n): (usize, usize, usize),
        x: *const f32,
        dy: *const f32,
        dw: *mut f32,
        start: Start,
    ) -> Self {
        Self {
            mkn: (k, m, n),
            a: Matrix { p: x, row: 1, col: k },
            b: Matrix { p: dy, row: n, col: 1 },
            c: Matrix { p: dw, row: n, col: 1 },
            start,
        }
    }

    /// dx ← start + dy·wᵀ for m samples, k inputs and n outputs.
    #[inline(always)]
    fn inputs(
        (m, k, n): (usize, usize, usize),
        dy: *const f32,
        w: *const f32,
        dx: *mut f32,
        start: Start,
    ) -> Self {
        Self {
            mkn: (m, n, k),
            a: Matrix { p: dy, row: n, col: 1 },
            b: Matrix { p: w, row: 1, col: n },
            c: Matrix { p: dx, row: k, col: 1 },
            start,
        }
    }

    /// y ← start + x·w. An `X` is the inputs of one sample, a `Y` its outputs. `M` is what is known
    /// of the number of samples.
    ///
    /// # Safety
    /// The matrices must be dense and row-major. `a` and `b` must be readable, `c` writable. `c`
    /// must be readable too where sums start at its values. A bias must have n values.
    #[inline(always)]
    unsafe fn run_forward<S: Simd, M: Count, X: F32Array, Y: F32Array>(self, s: S) {
        // SAFETY: the caller's promise is what each path requires.
        unsafe {
            #[cfg(all(rosenblatt_small, not(rosenblatt_helium)))]
            if const { S::INLINE_MAX == 0 } {
                return small::forward(self);
            }
            if const { M::AT_MOST > 1 && Y::LEN == 1 && S::LANES > 1 && X::LEN <= S::INLINE_MAX }
                && self.mkn.0 > 1
                && let Start::Bias(b) = self.start
            {
                return typed::column::<S, X>(s, self.mkn.0, self.a.p, self.b.p, *b, self.c.p);
            }
            self.sized::<S, M, Len<Y>, Weights<X, Y>>(s);
        }
    }

    /// dw ← start + xᵀ·dy.
    ///
    /// # Safety
    /// As for [`Product::run_forward`].
    #[inline(always)]
    unsafe fn run_weights<S: Simd, X: F32Array, Y: F32Array>(self, s: S) {
        // SAFETY: the caller's promise is what each path requires.
        unsafe {
            #[cfg(all(rosenblatt_small, not(rosenblatt_helium)))]
            if const { S::INLINE_MAX == 0 } {
                return small::weights(self);
            }
            if const { Y::LEN == 1 } {
                // A column has the memory of a row: lanes over the inputs, the same products in the
                // same order.
                let Self { mkn: (k, m, _), a, b, .. } = self;
                let (a, b) = (Matrix { row: 0, col: 1, ..b }, Matrix { row: k, col: 1, ..a });
                return Self { mkn: (1, m, k), a, b, ..self }
                    .sized::<S, AtMost<1>, Len<X>, Len<X>>(s);
            }
            self.sized::<S, Len<X>, Len<Y>, Weights<X, Y>>(s);
        }
    }

    /// dx ← start + dy·wᵀ.
    ///
    /// # Safety
    /// As for [`Product::run_forward`].
    #[inline(always)]
    unsafe fn run_inputs<S: Simd, M: Count, X: F32Array, Y: F32Array>(self, s: S) {
        // SAFETY: the caller's promise is what each path requires.
        unsafe {
            #[cfg(all(rosenblatt_small, not(rosenblatt_helium)))]
            if const { S::INLINE_MAX == 0 } {
                return small::inputs(self);
            }
            if const { Y::LEN <= 1 } {
                // wᵀ has the memory of a row: no packing, no stack for a buffer.
                return self.sized::<S, M, Len<X>, Weights<X, Y>>(s);
            }
            let Self { mkn: (m, n, k), a: dy, b: w, c: dx, start } = self;
            if const { X::LEN * Y::LEN > S::INLINE_MAX } {
                s.shared().product_nt((m, k, n), dy.p, w.p, dx.p, start);
            } else if const { Y::LEN <= 4 } {
                // 48 weights need no buffer of 4 KiB on a small stack.
                product_nt::<S, M, Len<X>, 4, true>(s, (m, k, n), dy.p, w.p, dx.p, start);
            } else if const { Y::LEN <= 16 } {
                product_nt::<S, M, Len<X>, 16, true>(s, (m, k, n), dy.p, w.p, dx.p, start);
            } else {
                product_nt::<S, M, Len<X>, DEPTH, true>(s, (m, k, n), dy.p, w.p, dx.p, start);
            }
        }
    }

    /// Tiles in place for a layer of at most `INLINE_MAX` weights or one short row, else a call.
    /// Only the chosen one is compiled.
    ///
    /// # Safety
    /// As for [`Product::run_forward`].
    #[inline(always)]
    unsafe fn sized<S: Simd, M: Count, N: Count, W: Count>(self, s: S) {
        // SAFETY: the caller's promise is the same.
        unsafe {
            if const { W::AT_MOST <= S::INLINE_MAX } {
                self.in_place::<S, M, N, false>(s);
            } else if const { one_row::<S, M, N>() } {
                self.in_place::<S, M, N, true>(s);
            } else {
                self.call(s);
            }
        }
    }

    /// Tiles in place.
    ///
    /// # Safety
    /// As for [`Product::run_forward`].
    #[inline(always)]
    unsafe fn in_place<S: Simd, M: Count, N: Count, const CALLED: bool>(self, s: S) {
        let Self { mkn, a, b, c, start } = self;
        // SAFETY: the caller's promise is the same.
        unsafe { product::<S, M, N, CALLED>(s, mkn, a, b, c, start) }
    }

    /// A product that is not compiled in place: Helium's tiles and [`Product::call_one`] for their
    /// rest, or [`Product::call_one`] alone.
    ///
    /// # Safety
    /// As for [`Product::run_forward`]; `b.col` must be 1 unless `LANES` is.
    #[inline(always)]
    unsafe fn call<S: Simd>(self, s: S) {
        // SAFETY: the caller's promise is the same; the rest that Helium's tiles leave is a part of
        // the product.
        unsafe {
            #[cfg(rosenblatt_helium)]
            {
                let Self { mkn, a, b, c, start } = self;
                if crate::arch::helium::product(mkn, a, b, c, start, |mkn, a, b, c, start| {
                    Self { mkn, a, b, c, start }.call_one(s);
                }) {
                    return;
                }
            }
            self.call_one(s);
        }
    }

    /// The Cortex-M assembly, or the backend's out-of-line copy of the tiles.
    ///
    /// # Safety
    /// As for [`Product::call`].
    #[inline(always)]
    unsafe fn call_one<S: Simd>(self, s: S) {
        let Self { mkn, a, b, c, start } = self;
        #[cfg(rosenblatt_cortex_m)]
        if b.col == 1 && (a.col == 1 || a.row == 1) {
            let start = match start {
                Start::Zero => None,
                Start::Bias(bias) => Some((bias, 0)),
                Start::Carry => Some((c.p.cast_const(), c.row)),
            };
            // SAFETY: the caller's promise is the same.
            return unsafe {
                crate::arch::cortex_m::product(
                    mkn,
                    (a.p, a.row, a.col),
                    (b.p, b.row),
                    (c.p, c.row),
                    start,
                )
            };
        }
        // SAFETY: the caller's promise is the same.
        unsafe {
            #[cfg(rosenblatt_helium)]
            {
                let _ = s;
                crate::arch::helium::plain(mkn, a, b, c, start);
            }
            #[cfg(not(rosenblatt_helium))]
            s.shared().product(mkn, a, b, c, start);
        }
    }
}

/// Whether a product is one row of so few columns that two tiles are all of its code. That is
/// little to compile and costs less than a call.
const fn one_row<S: Simd, M: Count, N: Count>() -> bool {
    S::INLINE_MAX > 0
        && M::AT_MOST == 1
        && matches!(N::EXACT, Some(n) if n <= 2 * S::NR * S::LANES)
        && !cfg!(target_os = "none")
}
