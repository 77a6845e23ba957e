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
//! The lanes of a register run over j (over i where `c` has few columns and registers have sixteen
//! lanes: `narrow.rs`), so no sum is ever split. Every output adds over p from 0
//! upward, on every backend, at every batch size. `c` is cut into tiles of `MR` rows by `NR`
//! registers. A tile stays in registers while p runs; each step loads `NR` registers of `b` and
//! broadcasts `MR` values of `a` (Goto and van de Geijn, 2008). Nothing is packed for the forward
//! product and `dw`: these matrices fit the cache. The last columns, fewer than a register, are a
//! masked tile. p runs in blocks of `KC`, so that a panel of `b` stays in the first-level cache.
//! Between two blocks the sums are stored in `c`.
//!
//! `product.rs` chooses how a product is computed. The sums and their order are the same on each
//! path.

mod call;
pub(crate) mod narrow;
mod product;
#[cfg(rosenblatt_small)]
#[cfg_attr(
    rosenblatt_helium,
    allow(dead_code, reason = "Helium's products take the place of these")
)]
pub(crate) mod small;
#[cfg(feature = "threads")]
mod threads;
pub(crate) mod tile;
pub(crate) mod transpose;
pub mod typed;

use crate::simd::Simd;
use product::Product;
use tile::Start;

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
    let product = Product::inputs((m, k, n), dy.as_ptr(), w.as_ptr(), dx.as_mut_ptr(), Start::Zero);
    // SAFETY: the three checks above.
    unsafe { product.call_transposed(s) }
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
