//! Vectors: dot and axpy, and the sum of rows.

use crate::{
    gemm::check,
    simd::Simd,
    walk::{for_each_register, load, reduce_sum, store},
};

/// x·y over sixteen virtual lanes
///
/// Index i belongs to lane i mod 16. Each lane adds its products from +0 in the order of i. The
/// lanes are joined by halves. More than 64 products are added in blocks of 64, and in each lane
/// the blocks with compensation (Kahan, 1965). A zero result is +0. Error: within γ₉·|x|·|y| for up
/// to 64 products, within γ₁₁·|x|·|y| for up to 10⁹.
/// # Panics
/// If the lengths differ.
#[inline]
pub fn dot<S: Simd>(s: S, x: &[f32], y: &[f32]) -> f32 {
    #[inline(never)]
    fn body<S: Simd>(s: S, x: &[f32], y: &[f32]) -> f32 {
        s.vectorize(
            #[inline(always)]
            || {
                reduce_sum(
                    s,
                    x.len(),
                    #[inline(always)]
                    |i, part| {
                        // SAFETY: `dot` checked that both have x.len() values; `reduce_sum` stays
                        // below it.
                        unsafe {
                            s.mul(
                                load(s, x.as_ptr().add(i), part),
                                load(s, y.as_ptr().add(i), part),
                            )
                        }
                    },
                )
            },
        )
    }
    check("y", y.len(), 1, x.len());
    body(s.shared(), x, y)
}

/// y ← a·x + y: `y[i] ← a·x[i] + y[i]`, product and sum rounded
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
                for_each_register(
                    s,
                    y.len(),
                    #[inline(always)]
                    |i, part| {
                        // SAFETY: `axpy` checked that both have y.len() values; `for_each_register`
                        // stays below it.
                        unsafe {
                            let p = y.as_mut_ptr().add(i);
                            let x = load(s, x.as_ptr().add(i), part);
                            store(s, p, part, s.mul_add(a, x, load(s, p.cast_const(), part)));
                        }
                    },
                );
            },
        );
    }
    check("x", x.len(), 1, y.len());
    body(s.shared(), a, x, y);
}

/// db ← the sum of `m` rows of `n` values; with `add`, db ← db + that sum. Rows are added in order.
///
/// # Safety
/// `dy` must be readable for m×n, `db` readable and writable for n.
#[inline(always)]
pub(crate) unsafe fn sum_rows_body<S: Simd>(
    s: S,
    m: usize,
    n: usize,
    dy: *const f32,
    db: *mut f32,
    add: bool,
) {
    for_each_register(
        s,
        n,
        #[inline(always)]
        |j, part| {
            // SAFETY: `for_each_register` stays below n, and i below m.
            unsafe {
                let mut sum =
                    if add { load(s, db.add(j).cast_const(), part) } else { s.splat(0.0) };
                for i in 0..m {
                    sum = s.add(sum, load(s, dy.add(i * n + j), part));
                }
                store(s, db.add(j), part, sum);
            }
        },
    );
}
