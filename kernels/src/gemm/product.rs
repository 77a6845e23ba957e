//! One product, and the choice how it is computed.
//!
//! The sums and their order are those of [`gemm`](super) on each path:
//!
//! | path | when | file |
//! |---|---|---|
//! | plain loops | firmware built for size (`opt-level` s or z), without Helium | `small.rs` |
//! | lanes over the samples | one output, several samples, few inputs, a backend with lanes | `tile.rs`, `column` |
//! | lanes over the rows | up to 12 columns with sixteen lanes, up to 4 with eight | `narrow.rs` |
//! | tiles in place | few weights (`Simd::INLINE_MAX`), or one row of few columns | `tile.rs` |
//! | strips of `wᵀ` packed first | `dx` with more than one output | `transpose.rs` |
//! | several threads, each by one of the next paths | feature `threads`, a large product | `threads.rs` |
//! | Helium's tiles | feature `helium`, shapes for which it is faster | `arch/helium.rs`, by `call.rs` |
//! | Cortex-M assembly | a Cortex-M with an FPU, built for speed | `arch/cortex_m/gemm.rs`, by `call.rs` |
//! | out of line, one copy per backend | all others | `narrow.rs` and `tile.rs`, by `call.rs` and `bodies.rs` |

#[cfg(all(rosenblatt_small, not(rosenblatt_helium)))]
use super::small;
#[cfg(feature = "threads")]
use super::threads;
use super::{
    call::call,
    narrow::{self, could_be_narrow},
    tile::{self, AtMost, Count, Len, Matrix, Start, Weights, column},
    transpose::{DEPTH, product_nt},
};
use crate::{
    array::F32Array,
    simd::{Bodies, Simd},
};

/// One product: c ← start + a·b, where `a` is m×k, `b` k×n and `c` m×n.
#[derive(Clone, Copy)]
pub(super) struct Product {
    mkn: (usize, usize, usize),
    a: Matrix<*const f32>,
    b: Matrix<*const f32>,
    c: Matrix<*mut f32>,
    start: Start,
}

impl Product {
    /// y ← start + x·w for m samples, k inputs and n outputs.
    #[inline(always)]
    pub(super) fn forward(
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
    pub(super) fn weights(
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
    pub(super) fn inputs(
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
    pub(super) unsafe fn run_forward<S: Simd, M: Count, X: F32Array, Y: F32Array>(self, s: S) {
        // SAFETY: the caller's promise is what each path requires.
        unsafe {
            #[cfg(all(rosenblatt_small, not(rosenblatt_helium)))]
            if const { S::INLINE_MAX == 0 } {
                return small::forward(self.mkn, self.a.p, self.b.p, self.c.p, self.start);
            }
            if const { M::AT_MOST > 1 && Y::LEN == 1 && S::LANES > 1 && X::LEN <= S::INLINE_MAX }
                && self.mkn.0 > 1
                && let Start::Bias(b) = self.start
            {
                return column::<S, X>(s, self.mkn.0, self.a.p, self.b.p, *b, self.c.p);
            }
            self.sized::<S, M, Len<Y>, Weights<X, Y>>(s);
        }
    }

    /// dw ← start + xᵀ·dy.
    ///
    /// # Safety
    /// As for [`Product::run_forward`].
    #[inline(always)]
    pub(super) unsafe fn run_weights<S: Simd, X: F32Array, Y: F32Array>(self, s: S) {
        // SAFETY: the caller's promise is what each path requires.
        unsafe {
            #[cfg(all(rosenblatt_small, not(rosenblatt_helium)))]
            if const { S::INLINE_MAX == 0 } {
                return small::weights(self.mkn, self.a.p, self.b.p, self.c.p, self.start);
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
    pub(super) unsafe fn run_inputs<S: Simd, M: Count, X: F32Array, Y: F32Array>(self, s: S) {
        // SAFETY: the caller's promise is what each path requires.
        unsafe {
            #[cfg(all(rosenblatt_small, not(rosenblatt_helium)))]
            if const { S::INLINE_MAX == 0 } {
                return small::inputs(self.mkn, self.a.p, self.b.p, self.c.p, self.start);
            }
            if const { Y::LEN <= 1 } {
                // wᵀ has the memory of a row: no packing, no stack for a buffer.
                return self.sized::<S, M, Len<X>, Weights<X, Y>>(s);
            }
            let Self { mkn: (m, n, k), a: dy, b: w, c: dx, start } = self;
            if const { X::LEN * Y::LEN > S::INLINE_MAX } {
                self.call_transposed(s);
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
        unsafe {
            if const { could_be_narrow::<S, M, N>() } {
                narrow::product::<S, M, N, CALLED>(s, mkn, a, b, c, start);
            } else {
                tile::product::<S, M, N, CALLED>(s, mkn, a, b, c, start);
            }
        }
    }

    /// Out of line, a large product on several threads.
    ///
    /// # Safety
    /// As for [`Product::run_forward`]; `b.col` must be 1 unless `LANES` is.
    #[inline(always)]
    pub(super) unsafe fn call<S: Simd>(self, s: S) {
        // SAFETY: the caller's promise is the same.
        unsafe {
            #[cfg(feature = "threads")]
            if threads::run::<S, false>(self, s) {
                return;
            }
            self.called::<S, false>(s);
        }
    }

    /// dx ← start + dy·wᵀ out of line, a large product on several threads.
    ///
    /// # Safety
    /// As for [`Product::run_forward`], for a product of [`Product::inputs`].
    #[inline(always)]
    pub(super) unsafe fn call_transposed<S: Simd>(self, s: S) {
        // SAFETY: the caller's promise is the same.
        unsafe {
            #[cfg(feature = "threads")]
            if threads::run::<S, true>(self, s) {
                return;
            }
            self.called::<S, true>(s);
        }
    }

    /// Out of line, in this thread. With `TRANSPOSED` it is a product of [`Product::inputs`].
    ///
    /// # Safety
    /// As for [`Product::call`] or [`Product::call_transposed`].
    #[inline(always)]
    pub(super) unsafe fn called<S: Simd, const TRANSPOSED: bool>(self, s: S) {
        let Self { mkn, a, b, c, start } = self;
        // SAFETY: the caller's promise is the same.
        unsafe {
            if TRANSPOSED {
                let (m, n, k) = mkn;
                s.shared().product_nt((m, k, n), a.p, b.p, c.p, start);
            } else {
                call(s, mkn, a, b, c, start);
            }
        }
    }
}

/// Parts of a product, for threads.
#[cfg(feature = "threads")]
impl Product {
    /// m, k and n.
    pub(super) fn mkn(&self) -> (usize, usize, usize) {
        self.mkn
    }

    /// Rows `from..to` of the result.
    pub(super) fn rows(&self, from: usize, to: usize) -> Self {
        let Self { mkn: (_, k, n), a, c, .. } = *self;
        let a = Matrix { p: a.p.wrapping_add(from * a.row), ..a };
        let c = Matrix { p: c.p.wrapping_add(from * c.row), ..c };
        Self { mkn: (to - from, k, n), a, c, ..*self }
    }

    /// Columns `from..to` of the result.
    pub(super) fn columns(&self, from: usize, to: usize) -> Self {
        let Self { mkn: (m, k, _), b, c, start, .. } = *self;
        let b = Matrix { p: b.p.wrapping_add(from * b.col), ..b };
        let c = Matrix { p: c.p.wrapping_add(from * c.col), ..c };
        let start = match start {
            Start::Bias(bias) => Start::Bias(bias.wrapping_add(from)),
            other => other,
        };
        Self { mkn: (m, k, to - from), b, c, start, ..*self }
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
