//! Pooling: the positions of a window are reduced to one, channel by channel.
//!
//! The window is the lines of `x`, each of `W` positions, and in each line the range `across` of
//! positions. Lanes run over the channels. Every channel goes over the positions row by row. A
//! range that exceeds the line covers nothing.

use crate::{
    simd::Simd,
    walk::{for_each_register, load, store},
};
use core::ops::Range;

/// The positions of a line that the window covers.
#[inline(always)]
fn covered<'a, const W: usize, const C: usize>(
    line: &'a [[f32; C]; W],
    across: &Range<usize>,
) -> core::slice::Iter<'a, [f32; C]> {
    line.get(across.clone()).unwrap_or(&[]).iter()
}

/// y ← the greatest value of each channel: starts at −∞ and takes each value that is greater; NaN
/// if any value is NaN
#[inline(always)]
pub fn max<S: Simd, const W: usize, const C: usize>(
    s: S,
    x: &[[[f32; C]; W]],
    across: Range<usize>,
    y: &mut [f32; C],
) {
    let infinity = s.splat_bits(0x7f80_0000);
    for_each_register(
        s,
        C,
        #[inline(always)]
        |c, part| {
            let mut top = s.splat(f32::NEG_INFINITY);
            // The sign bit records a NaN: without its sign, a NaN's bits are greater than those of
            // infinity.
            let mut broken = s.splat(0.0);
            for line in x {
                for place in covered(line, &across) {
                    // SAFETY: `for_each_register` stays below C, and a position has C values.
                    let x = unsafe { load(s, place.as_ptr().add(c), part) };
                    top = s.max(top, x);
                    broken = s.or(broken, s.int_sub(infinity, s.abs(x)));
                }
            }
            // SAFETY: `for_each_register` stays below C.
            unsafe { store(s, y.as_mut_ptr().add(c), part, s.or(top, s.sar::<31>(broken))) };
        },
    );
}

/// The gradient of [`max`]: for each channel, dx ← dx + dy at the first position that is not below
/// y
#[inline(always)]
pub fn max_grad<S: Simd, const W: usize, const C: usize>(
    s: S,
    x: &[[[f32; C]; W]],
    across: Range<usize>,
    (y, dy): (&[f32; C], &[f32; C]),
    dx: &mut [[[f32; C]; W]],
) {
    let zero = s.splat(0.0);
    for_each_register(
        s,
        C,
        #[inline(always)]
        |c, part| {
            // SAFETY: `for_each_register` stays below C.
            let (y, mut rest) =
                unsafe { (load(s, y.as_ptr().add(c), part), load(s, dy.as_ptr().add(c), part)) };
            for (line, dx) in x.iter().zip(dx.iter_mut()) {
                for (place, dx) in
                    covered(line, &across).zip(dx.get_mut(across.clone()).unwrap_or(&mut []))
                {
                    // SAFETY: `for_each_register` stays below C, and a position has C values.
                    unsafe {
                        let dx = dx.as_mut_ptr().add(c);
                        let below = s.lt(load(s, place.as_ptr().add(c), part), y);
                        // Adding +0 does not change dx: a sum that starts at +0 is never −0.
                        store(
                            s,
                            dx,
                            part,
                            s.add(load(s, dx.cast_const(), part), s.select(below, zero, rest)),
                        );
                        rest = s.select(below, rest, zero);
                    }
                }
            }
        },
    );
}

/// y ← the sum of each channel's values, from +0 row by row, divided by `places`
#[inline(always)]
pub fn avg<S: Simd, const W: usize, const C: usize>(
    s: S,
    x: &[[[f32; C]; W]],
    across: Range<usize>,
    places: f32,
    y: &mut [f32; C],
) {
    for_each_register(
        s,
        C,
        #[inline(always)]
        |c, part| {
            let mut sum = s.splat(0.0);
            for line in x {
                for place in covered(line, &across) {
                    // SAFETY: `for_each_register` stays below C, and a position has C values.
                    sum = s.add(sum, unsafe { load(s, place.as_ptr().add(c), part) });
                }
            }
            // SAFETY: `for_each_register` stays below C.
            unsafe { store(s, y.as_mut_ptr().add(c), part, s.div(sum, s.splat(places))) };
        },
    );
}

/// The gradient of [`avg`]: dx ← dx + dy / `places` for each position of the window
#[inline(always)]
pub fn avg_grad<S: Simd, const W: usize, const C: usize>(
    s: S,
    across: Range<usize>,
    places: f32,
    dy: &[f32; C],
    dx: &mut [[[f32; C]; W]],
) {
    for_each_register(
        s,
        C,
        #[inline(always)]
        |c, part| {
            // SAFETY: `for_each_register` stays below C.
            let share = s.div(unsafe { load(s, dy.as_ptr().add(c), part) }, s.splat(places));
            for line in dx.iter_mut() {
                for dx in line.get_mut(across.clone()).unwrap_or(&mut []) {
                    // SAFETY: `for_each_register` stays below C, and a position has C values.
                    unsafe {
                        let dx = dx.as_mut_ptr().add(c);
                        store(s, dx, part, s.add(load(s, dx.cast_const(), part), share));
                    }
                }
            }
        },
    );
}
