//! Matrix products in the least flash, for firmware built for size (`opt-level` s or z): plain
//! loops, called with their shape.
//!
//! The sums are those of [`crate::gemm`], in the same order: the same bits. Where a sum has no
//! terms, a factor may be empty. Pointers into it are made by `wrapping_add` and not read.

use super::tile::Start;

/// y ← start + x·w.
/// # Safety
/// The matrices must be dense and row-major. The factors must be readable, the result writable, and
/// readable too where sums start at its values. A bias must have n values.
#[inline(always)]
pub(super) unsafe fn forward(
    (m, k, n): (usize, usize, usize),
    x: *const f32,
    w: *const f32,
    y: *mut f32,
    start: Start,
) {
    // SAFETY: the caller's promise is the same.
    unsafe {
        match start {
            Start::Bias(b) => gemm(m, k, n, x, w, b, y),
            Start::Carry | Start::Zero => gemm_add(m, k, n, x, w, y),
        }
    }
}

/// dw ← start + xᵀ·dy.
/// # Safety
/// The matrices must be dense and row-major. The factors must be readable, the result writable, and
/// readable too where sums start at its values. A bias must have n values.
#[inline(always)]
pub(super) unsafe fn weights(
    (k, m, n): (usize, usize, usize),
    x: *const f32,
    dy: *const f32,
    dw: *mut f32,
    start: Start,
) {
    // SAFETY: the caller's promise is the same.
    unsafe {
        match start {
            Start::Carry => gemm_tn_add(m, k, n, x, dy, dw),
            Start::Bias(_) | Start::Zero => gemm_tn(m, k, n, x, dy, dw),
        }
    }
}

/// dx ← start + dy·wᵀ.
/// # Safety
/// The matrices must be dense and row-major. The factors must be readable, the result writable, and
/// readable too where sums start at its values. A bias must have n values.
#[inline(always)]
pub(super) unsafe fn inputs(
    (m, n, k): (usize, usize, usize),
    dy: *const f32,
    w: *const f32,
    dx: *mut f32,
    start: Start,
) {
    // SAFETY: the caller's promise is the same.
    unsafe {
        match start {
            Start::Carry => gemm_nt_add(m, k, n, dy, w, dx),
            Start::Bias(_) | Start::Zero => gemm_nt(m, k, n, dy, w, dx),
        }
    }
}

/// y ← x·w + b; see [`crate::gemm::gemm`]
/// # Safety
/// `x` must be readable for m×k values, `w` for k×n, `b` for n, `y` writable for m×n.
#[inline(never)]
pub unsafe fn gemm(
    m: usize,
    k: usize,
    n: usize,
    mut x: *const f32,
    w: *const f32,
    b: *const f32,
    mut y: *mut f32,
) {
    // SAFETY: x and y go over the rows that the caller guarantees, w and b over columns j < n.
    unsafe {
        for _ in 0..m {
            for j in 0..n {
                *y = terms(k, x, 1, w.wrapping_add(j), n, *b.add(j));
                y = y.add(1);
            }
            x = x.add(k);
        }
    }
}

/// dw ← xᵀ·dy; see [`crate::gemm::gemm_tn`]
/// # Safety
/// `x` must be readable for m×k values, `dy` for m×n, `dw` writable for k×n.
#[inline(never)]
pub unsafe fn gemm_tn(
    m: usize,
    k: usize,
    n: usize,
    x: *const f32,
    dy: *const f32,
    mut dw: *mut f32,
) {
    // SAFETY: dw goes over the k×n values that the caller guarantees, x and dy over columns p < k
    // and j < n.
    unsafe {
        for p in 0..k {
            for j in 0..n {
                *dw = terms(m, x.wrapping_add(p), k, dy.wrapping_add(j), n, 0.0);
                dw = dw.add(1);
            }
        }
    }
}

/// dx ← dy·wᵀ; see [`crate::gemm::gemm_nt`]
/// # Safety
/// `dy` must be readable for m×n values, `w` for k×n, `dx` writable for m×k.
#[inline(never)]
pub unsafe fn gemm_nt(
    m: usize,
    k: usize,
    n: usize,
    mut dy: *const f32,
    w: *const f32,
    mut dx: *mut f32,
) {
    // SAFETY: dy and dx go over the rows that the caller guarantees, w over the rows p < k.
    unsafe {
        for _ in 0..m {
            for p in 0..k {
                *dx = terms(n, dy, 1, w.wrapping_add(p * n), 1, 0.0);
                dx = dx.add(1);
            }
            dy = dy.add(n);
        }
    }
}

/// db ← the sum of the rows of dy; see [`crate::gemm::typed::sum_rows`]
/// # Safety
/// `dy` must be readable for m×n values, `db` writable for n.
#[inline(never)]
pub unsafe fn sum_rows(m: usize, n: usize, dy: *const f32, db: *mut f32) {
    // SAFETY: dy is read at columns j < n of the rows that the caller guarantees.
    unsafe {
        for j in 0..n {
            let mut sum = 0.0;
            let mut p = dy.wrapping_add(j);
            for _ in 0..m {
                sum += *p;
                p = p.wrapping_add(n);
            }
            *db.add(j) = sum;
        }
    }
}

/// Products whose sums start at the values of the result; see [`crate::gemm::typed`]
macro_rules! adding {
    ($(
        $(#[$doc:meta])*
        $name:ident($m:ident, $k:ident, $n:ident, $a:ident, $b:ident, $c:ident) = $body:expr;
    )*) => {$(
        $(#[$doc])*
        /// # Safety
        /// As for the form that starts at zero or a bias. The result must be readable too.
        #[inline(never)]
        pub unsafe fn $name(
            $m: usize, $k: usize, $n: usize, $a: *const f32, $b: *const f32, $c: *mut f32
        ) {
            // SAFETY: rows and columns are those that the caller guarantees.
            unsafe { $body }
        }
    )*};
}
adding! {
    /// y ← y + x·w
    gemm_add(m, k, n, x, w, y) =
        each(m, n, y, |i, j, y| terms(k, x.wrapping_add(i * k), 1, w.wrapping_add(j), n, y));
    /// dw ← dw + xᵀ·dy
    gemm_tn_add(m, k, n, x, dy, dw) =
        each(k, n, dw, |p, j, dw| terms(m, x.wrapping_add(p), k, dy.wrapping_add(j), n, dw));
    /// dx ← dx + dy·wᵀ
    gemm_nt_add(m, k, n, dy, w, dx) =
        each(m, k, dx, |i, p, dx|
            terms(n, dy.wrapping_add(i * n), 1, w.wrapping_add(p * n), 1, dx));
}

/// c(i, j) ← f(i, j, c(i, j)) for a dense matrix.
/// # Safety
/// `c` must be readable and writable for m×n values.
#[inline(always)]
unsafe fn each(m: usize, n: usize, mut c: *mut f32, f: impl Fn(usize, usize, f32) -> f32) {
    for i in 0..m {
        for j in 0..n {
            // SAFETY: c goes over the m×n values that the caller guarantees.
            unsafe {
                *c = f(i, j, *c);
                c = c.add(1);
            }
        }
    }
}

/// Whether every value is finite.
#[inline(never)]
pub fn all_finite(x: &[f32]) -> bool {
    x.iter().all(|x| x.is_finite())
}

/// sum + a₀·b₀ + a₁·b₁ + …, k terms in that order. Values of a are `a_step` apart, values of b
/// `b_step`.
/// # Safety
/// `a` and `b` must be readable at these k places.
#[inline(always)]
unsafe fn terms(
    k: usize,
    mut a: *const f32,
    a_step: usize,
    mut b: *const f32,
    b_step: usize,
    mut sum: f32,
) -> f32 {
    for _ in 0..k {
        // SAFETY: the caller guarantees the k places.
        sum += unsafe { *a * *b };
        a = a.wrapping_add(a_step);
        b = b.wrapping_add(b_step);
    }
    sum
}
