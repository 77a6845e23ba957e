//! The product by a transposed matrix: strips of it are packed, then multiplied.

use super::{
    call::call,
    narrow::product,
    tile::{Count, Matrix, Start},
};
use crate::simd::Simd;
use core::mem::MaybeUninit;

/// Columns and rows of the buffer in which [`gemm_nt`](super::gemm_nt) packs `wᵀ`: 4 KiB of stack.
/// The Cortex-M assembly works on eight columns: 512 bytes. Where the rows are known to be short,
/// the buffer has only as many rows as they need.
const STRIP: usize = if cfg!(rosenblatt_cortex_m) { 8 } else { 16 };
pub(crate) const DEPTH: usize = if cfg!(rosenblatt_cortex_m) { 16 } else { 64 };

/// `dx = first + dy·wᵀ` for `w` of k×n, where `first` is zero or the old `dx`. Strips of columns of
/// `wᵀ`, `D` rows at a time, are packed, then multiplied.
///
/// # Safety
/// `dy` must be readable for m×n, `w` for k×n, `dx` writable for m×k, and readable where sums start
/// at its values; all dense and row-major.
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
    // SAFETY: strips and blocks stay inside k and n; the buffer holds STRIP·D values and only the
    // packed ones are read.
    unsafe {
        if m == 0 {
            return;
        }
        if S::LANES == 1 && (!cfg!(rosenblatt_cortex_m) || cfg!(rosenblatt_helium)) || n <= 1 {
            // No packing: a backend of one lane steps over rows, Helium gathers, and a single
            // column is its own transpose. With n = 0 the result is `first`.
            let b = Matrix { p: w, row: 1, col: n };
            block::<S, M, K, INLINE>(s, (m, n, k), a, b, c, first);
            return;
        }
        #[cfg(rosenblatt_cortex_m)]
        let mut i = if matches!(first, Start::Carry) {
            0
        } else {
            crate::arch::cortex_m::few_outputs((m, k, n), dy, w, dx)
        };
        #[cfg(not(rosenblatt_cortex_m))]
        let mut i = 0;
        let mut packed = [[MaybeUninit::<f32>::uninit(); STRIP]; D];
        while i < k {
            let width = (k - i).min(STRIP);
            let mut start = first;
            let mut p = 0;
            while p < n {
                let depth = (n - p).min(D);
                #[cfg(rosenblatt_cortex_m)]
                crate::arch::cortex_m::transpose(
                    w.add(i * n + p),
                    4 * n,
                    width,
                    depth,
                    packed.as_mut_ptr().cast(),
                );
                #[cfg(not(rosenblatt_cortex_m))]
                pack(s, w.add(i * n + p), n, (width, depth), &mut packed);
                let b = Matrix { p: packed.as_ptr().cast(), row: STRIP, col: 1 };
                let a = Matrix { p: a.p.add(p), ..a };
                let c = Matrix { p: c.p.add(i), ..c };
                block::<S, M, K, INLINE>(s, (m, depth, width), a, b, c, start);
                start = Start::Carry;
                p += depth;
            }
            i += width;
        }
    }
}

/// One block: compiled in place with `INLINE`, else called.
///
/// # Safety
/// As for [`product`].
#[inline(always)]
unsafe fn block<S: Simd, M: Count, N: Count, const INLINE: bool>(
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
            call(s, mkn, a, b, c, start);
        }
    }
}

/// packed ← the transpose of `width` rows of `depth` values. The rows are `n` apart.
///
/// # Safety
/// `w` must be readable there; `width` and `depth` must not be greater than the buffer's.
#[cfg(not(rosenblatt_cortex_m))]
#[inline(always)]
unsafe fn pack<S: Simd>(
    s: S,
    w: *const f32,
    n: usize,
    (width, depth): (usize, usize),
    packed: &mut [[MaybeUninit<f32>; STRIP]],
) {
    // SAFETY: rows below width and values q (to q + 3) below depth; the caller guarantees both
    // sides.
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
