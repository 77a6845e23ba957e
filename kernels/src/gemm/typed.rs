//! Matrix products with shapes in types: what layers call.
//!
//! Lengths follow from the types, so nothing can panic. The number of rows is that of the shortest
//! slice.

use super::{
    product::Product,
    tile::{AtMost, Start},
};
use crate::{
    array::F32Array,
    simd::{Bodies, Simd, called},
    walk::{for_each_register, load, store},
};
use core::ptr;

/// y ← x·w + b, with the sums of [`gemm`](super::gemm).
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

/// [`gemm`] for rows of any [`F32Array`]: y ← x·w + b. `w` is k×n, where k is the number of values
/// of an `X` and n that of a `Y`. At most `M` rows are computed; the compiler leaves out code for
/// more.
///
/// ```compile_fail
/// use rosenblatt_kernels::{arch::scalar::Scalar, gemm::typed};
/// let w = [[[0.0; 5]; 2]; 3]; // 3·2 inputs, but the samples have 3·3
/// typed::affine::<_, 1, _, _, _>(Scalar, &[[[0.0; 3]; 3]], &w, &[0.0; 5], &mut [[0.0; 5]]);
/// ```
#[inline(always)]
pub fn affine<S: Simd, const M: usize, X: F32Array, W: F32Array, Y: F32Array>(
    s: S,
    x: &[X],
    w: &W,
    b: &Y,
    y: &mut [Y],
) {
    const { fits::<X, W, Y>() };
    let m = x.len().min(y.len()).min(M);
    let (x, w, b, y) = (
        x.as_ptr().cast(),
        ptr::from_ref(w).cast(),
        ptr::from_ref(b).cast(),
        y.as_mut_ptr().cast(),
    );
    // SAFETY: k and n are in the types, and neither slice has fewer than m rows.
    unsafe {
        Product::forward((m, X::LEN, Y::LEN), x, w, y, Start::Bias(b))
            .run_forward::<S, AtMost<M>, X, Y>(s)
    }
}

/// y ← y + x·w for at most `M` rows: [`affine`], but each sum starts at the old value of `y`.
#[inline(always)]
pub fn gemm_add<S: Simd, const M: usize, X: F32Array, W: F32Array, Y: F32Array>(
    s: S,
    x: &[X],
    w: &W,
    y: &mut [Y],
) {
    const { fits::<X, W, Y>() };
    let m = x.len().min(y.len()).min(M);
    let (x, w, y) = (x.as_ptr().cast(), ptr::from_ref(w).cast(), y.as_mut_ptr().cast());
    // SAFETY: k and n are in the types, and neither slice has fewer than m rows.
    unsafe {
        Product::forward((m, X::LEN, Y::LEN), x, w, y, Start::Carry)
            .run_forward::<S, AtMost<M>, X, Y>(s)
    }
}

/// dw ← xᵀ·dy, with the sums of [`gemm_tn`](super::gemm_tn).
#[inline(always)]
pub fn gemm_tn<S: Simd, const K: usize, const N: usize>(
    s: S,
    x: &[[f32; K]],
    dy: &[[f32; N]],
    dw: &mut [[f32; N]; K],
) {
    affine_grad(s, x, dy, dw, false);
}

/// [`gemm_tn`] for rows of any [`F32Array`]: dw ← xᵀ·dy, or dw ← dw + xᵀ·dy with `add`.
#[inline(always)]
pub fn affine_grad<S: Simd, X: F32Array, W: F32Array, Y: F32Array>(
    s: S,
    x: &[X],
    dy: &[Y],
    dw: &mut W,
    add: bool,
) {
    const { fits::<X, W, Y>() };
    let m = x.len().min(dy.len());
    let (x, dy, dw) = (x.as_ptr().cast(), dy.as_ptr().cast(), ptr::from_mut(dw).cast());
    let start = if add { Start::Carry } else { Start::Zero };
    // SAFETY: k and n are in the types, and neither slice has fewer than m rows.
    unsafe { Product::weights((m, X::LEN, Y::LEN), x, dy, dw, start).run_weights::<S, X, Y>(s) }
}

/// dx ← dy·wᵀ, with the sums of [`gemm_nt`](super::gemm_nt).
#[inline(always)]
pub fn gemm_nt<S: Simd, const K: usize, const N: usize>(
    s: S,
    dy: &[[f32; N]],
    w: &[[f32; N]; K],
    dx: &mut [[f32; K]],
) {
    affine_grad_input::<S, { usize::MAX }, _, _, _>(s, dy, w, dx, false);
}

/// [`gemm_nt`] for at most `M` rows of any [`F32Array`]: dx ← dy·wᵀ, or dx ← dx + dy·wᵀ with `add`.
#[inline(always)]
pub fn affine_grad_input<S: Simd, const M: usize, X: F32Array, W: F32Array, Y: F32Array>(
    s: S,
    dy: &[Y],
    w: &W,
    dx: &mut [X],
    add: bool,
) {
    const { fits::<X, W, Y>() };
    let m = dy.len().min(dx.len()).min(M);
    let (dy, w, dx) = (dy.as_ptr().cast(), ptr::from_ref(w).cast(), dx.as_mut_ptr().cast());
    let start = if add { Start::Carry } else { Start::Zero };
    // SAFETY: k and n are in the types, and neither slice has fewer than m rows.
    unsafe {
        Product::inputs((m, X::LEN, Y::LEN), dy, w, dx, start).run_inputs::<S, AtMost<M>, X, Y>(s)
    }
}

/// db ← the sum of the rows of dy: `db[j]` starts at zero and adds `dy[0][j]`, `dy[1][j]`, … over
/// the samples in order.
#[inline(always)]
pub fn sum_rows<S: Simd, Y: F32Array>(s: S, dy: &[Y], db: &mut Y) {
    #[cfg(rosenblatt_small)]
    if const { S::INLINE_MAX == 0 } {
        // SAFETY: n is in the type, and m is the number of rows.
        return unsafe {
            super::small::sum_rows(dy.len(), Y::LEN, dy.as_ptr().cast(), ptr::from_mut(db).cast())
        };
    }
    #[cfg(rosenblatt_cortex_m)]
    if const { S::LANES == 1 } {
        return crate::arch::cortex_m::sum_rows(dy, db);
    }
    if const { called::<S>() } {
        // SAFETY: n is in the type, and m is the number of rows.
        return unsafe {
            s.shared().sum_rows(
                dy.len(),
                Y::LEN,
                dy.as_ptr().cast(),
                ptr::from_mut(db).cast(),
                false,
            )
        };
    }
    columns::<S, Y, false>(s, dy, db);
}

/// db ← db + the sum of the rows of dy: [`sum_rows`], but each sum starts at the old value of `db`.
#[inline(always)]
pub fn sum_rows_add<S: Simd, const N: usize>(s: S, dy: &[[f32; N]], db: &mut [f32; N]) {
    if const { called::<S>() } {
        // SAFETY: n is in the type, and m is the number of rows.
        return unsafe {
            s.shared().sum_rows(dy.len(), N, dy.as_ptr().cast(), ptr::from_mut(db).cast(), true)
        };
    }
    columns::<S, [f32; N], true>(s, dy, db);
}

#[inline(always)]
fn columns<S: Simd, Y: F32Array, const ADD: bool>(s: S, dy: &[Y], db: &mut Y) {
    // Not `sum_rows_body`: with a counter instead of a slice LLVM unrolls more (3.6 KB more flash
    // for iris on AArch64).
    let to: *mut f32 = ptr::from_mut(db).cast();
    for_each_register(
        s,
        Y::LEN,
        #[inline(always)]
        |j, part| {
            // SAFETY: `for_each_register` stays below Y::LEN; db and each row have that many
            // values.
            unsafe {
                let mut sum =
                    if ADD { load(s, to.add(j).cast_const(), part) } else { s.splat(0.0) };
                for row in dy {
                    sum = s.add(sum, load(s, ptr::from_ref(row).cast::<f32>().add(j), part));
                }
                store(s, to.add(j), part, sum);
            }
        },
    );
}

/// y ← y + x, value by value.
#[inline(always)]
pub fn add<S: Simd, const N: usize>(s: S, y: &mut [f32; N], x: &[f32; N]) {
    for_each_register(
        s,
        N,
        #[inline(always)]
        |j, part| {
            // SAFETY: `for_each_register` stays below N, and both have N values.
            unsafe {
                let y = y.as_mut_ptr().add(j);
                store(
                    s,
                    y,
                    part,
                    s.add(load(s, y.cast_const(), part), load(s, x.as_ptr().add(j), part)),
                );
            }
        },
    );
}

/// Fails to compile unless `W` has as many values as an `X` times those of a `Y`.
pub(crate) const fn fits<X: F32Array, W: F32Array, Y: F32Array>() {
    // Checked: a product that wraps could equal W::LEN by chance.
    let weights = X::LEN.checked_mul(Y::LEN);
    assert!(
        matches!(weights, Some(n) if n == W::LEN),
        "the weights do not fit rows of these lengths"
    );
}
