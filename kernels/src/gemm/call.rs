//! A product out of line: assembly, or the one compiled copy of a backend.

use super::tile::{Matrix, Start};
#[cfg(not(rosenblatt_helium))]
use crate::simd::Bodies;
use crate::simd::Simd;

/// A product that is not compiled in place: Helium's tiles and [`call_one`] for their rest, or
/// [`call_one`] alone.
///
/// # Safety
/// As for [`product`](super::tile::product).
#[inline(always)]
pub(super) unsafe fn call<S: Simd>(
    s: S,
    mkn: (usize, usize, usize),
    a: Matrix<*const f32>,
    b: Matrix<*const f32>,
    c: Matrix<*mut f32>,
    start: Start,
) {
    // SAFETY: the caller's promise is the same; the rest that Helium's tiles leave is a part of
    // the product.
    unsafe {
        #[cfg(rosenblatt_helium)]
        if crate::arch::helium::product(mkn, a, b, c, start, |mkn, a, b, c, start| {
            call_one(s, mkn, a, b, c, start);
        }) {
            return;
        }
        call_one(s, mkn, a, b, c, start);
    }
}

/// The Cortex-M assembly, or the backend's out-of-line copy of the tiles.
///
/// # Safety
/// As for [`call`].
#[inline(always)]
unsafe fn call_one<S: Simd>(
    s: S,
    mkn: (usize, usize, usize),
    a: Matrix<*const f32>,
    b: Matrix<*const f32>,
    c: Matrix<*mut f32>,
    start: Start,
) {
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
