//! Pooling: the places of a window become one, channel by channel.
//!
//! A window is some lines of a map, of which each has `W` places, and a range of places in each line. Lanes run over the channels; every channel looks at
//! the places row by row. A range that
//! leaves the line covers nothing.

use crate::{
    lanes::{each, get, put},
    simd::Simd,
};
use core::ops::Range;

/// The places of a line that a window covers.
#[inline(always)]
fn covered<'a, const W: usize, const C: usize>(
    line: &'a [[f32; C]; W],
    across: &Range<usize>,
) -> core::slice::Iter<'a, [f32; C]> {
    line.get(across.clone()).unwrap_or(&[]).iter()
}

/// y ← the greatest value of each channel: −∞, then each place that is greater than the greatest so far; NaN if any is NaN
#[inline(always)]
pub fn greatest<S: Simd, const W: usize, const C: usize>(
    s: S,
    x: &[[[f32; C]; W]],
    across: Range<usize>,
    y: &mut [f32; C],
) {
    let infinity = s.splat_bits(0x7f80_0000);
    each(
        s,
        C,
        #[inline(always)]
        |c, part| {
            let mut top = s.splat(f32::NEG_INFINITY);
            // The sign bit tells that there was a NaN: its bits without the sign are above infinity's.
            let mut broken = s.splat(0.0);
            for line in x {
                for place in covered(line, &across) {
                    // SAFETY: `each` stays below C, and a place has C values.
                    let x = unsafe { get(s, place.as_ptr().add(c), part) };
                    top = s.max(top, x);
                    broken = s.or(broken, s.int_sub(infinity, s.abs(x)));
                }
            }
            // SAFETY: `each` stays below C.
            unsafe { put(s, y.as_mut_ptr().add(c), part, s.or(top, s.sar::<31>(broken))) };
        },
    );
}

/// The gradient of [`greatest`]: of each channel the first place that is not below y adds dy to its dx
#[inline(always)]
pub fn greatest_grad<S: Simd, const W: usize, const C: usize>(
    s: S,
    x: &[[[f32; C]; W]],
    across: Range<usize>,
    (y, dy): (&[f32; C], &[f32; C]),
    dx: &mut [[[f32; C]; W]],
) {
    let zero = s.splat(0.0);
    each(
        s,
        C,
        #[inline(always)]
        |c, part| {
            // SAFETY: `each` stays below C.
            let (y, mut rest) = unsafe { (get(s, y.as_ptr().add(c), part), get(s, dy.as_ptr().add(c), part)) };
            for (line, dx) in x.iter().zip(dx.iter_mut()) {
                for (place, dx) in covered(line, &across).zip(dx.get_mut(across.clone()).unwrap_or(&mut [])) {
                    // SAFETY: `each` stays below C, and a place has C values.
                    unsafe {
                        let dx = dx.as_mut_ptr().add(c);
                        let below = s.lt(get(s, place.as_ptr().add(c), part), y);
                        // Adding +0 changes no dx: a sum that starts at +0 is never −0.
                        put(s, dx, part, s.add(get(s, dx.cast_const(), part), s.select(below, zero, rest)));
                        rest = s.select(below, rest, zero);
                    }
                }
            }
        },
    );
}

/// y ← the sum of each channel's values, from +0, divided by `places`
#[inline(always)]
pub fn mean<S: Simd, const W: usize, const C: usize>(
    s: S,
    x: &[[[f32; C]; W]],
    across: Range<usize>,
    places: f32,
    y: &mut [f32; C],
) {
    each(
        s,
        C,
        #[inline(always)]
        |c, part| {
            let mut sum = s.splat(0.0);
            for line in x {
                for place in covered(line, &across) {
                    // SAFETY: `each` stays below C, and a place has C values.
                    sum = s.add(sum, unsafe { get(s, place.as_ptr().add(c), part) });
                }
            }
            // SAFETY: `each` stays below C.
            unsafe { put(s, y.as_mut_ptr().add(c), part, s.div(sum, s.splat(places))) };
        },
    );
}

/// The gradient of [`mean`]: dx ← dx + dy / `places` for each place of the window
#[inline(always)]
pub fn mean_grad<S: Simd, const W: usize, const C: usize>(
    s: S,
    across: Range<usize>,
    places: f32,
    dy: &[f32; C],
    dx: &mut [[[f32; C]; W]],
) {
    each(
        s,
        C,
        #[inline(always)]
        |c, part| {
            // SAFETY: `each` stays below C.
            let share = s.div(unsafe { get(s, dy.as_ptr().add(c), part) }, s.splat(places));
            for line in dx.iter_mut() {
                for dx in line.get_mut(across.clone()).unwrap_or(&mut []) {
                    // SAFETY: `each` stays below C, and a place has C values.
                    unsafe {
                        let dx = dx.as_mut_ptr().add(c);
                        put(s, dx, part, s.add(get(s, dx.cast_const(), part), share));
                    }
                }
            }
        },
    );
}
