//! Updates of parameters: one pass over weights, state and gradient.
//!
//! The formulas are value by value; each product and each sum is rounded. The hyper-parameters of a
//! step (learning rate, corrections) are plain numbers: the caller computes schedules and decay.
//! Functions whose names end in `_on` run inside a dispatch and update as many parameters as the
//! shortest slice has.

mod adam;
mod adaptive;
mod descent;
mod gradient;

pub(crate) use adam::adam_body;
pub use adam::{AdamStep, adam, adam_on, adamw, adamw_on};
pub use adaptive::{adagrad, adagrad_on, rmsprop, rmsprop_on};
pub(crate) use descent::sgd_body;
pub use descent::{momentum, momentum_on, nesterov, nesterov_on, sgd, sgd_on};
pub(crate) use gradient::all_finite_body;
pub use gradient::{
    all_finite, all_finite_on, clip_norm, clip_norm_on, clip_value, clip_value_on, norm, norm_on,
};

use crate::{
    simd::Simd,
    walk::{for_each_register, load, store},
};

/// Calls `rule(w, x, g)` for every parameter w, its one state value x and its gradient g. The rule
/// returns the new weight and state.
#[inline(always)]
fn update<S: Simd>(
    s: S,
    w: &mut [f32],
    x: &mut [f32],
    dw: &[f32],
    rule: impl Fn(S::F, S::F, S::F) -> (S::F, S::F),
) {
    for_each_register(
        s,
        w.len().min(x.len()).min(dw.len()),
        #[inline(always)]
        |i, part| {
            // SAFETY: `for_each_register` stays below all three lengths.
            unsafe {
                let (w, x) = (w.as_mut_ptr().add(i), x.as_mut_ptr().add(i));
                let g = load(s, dw.as_ptr().add(i), part);
                let (w1, x1) =
                    rule(load(s, w.cast_const(), part), load(s, x.cast_const(), part), g);
                store(s, x, part, x1);
                store(s, w, part, w1);
            }
        },
    );
}

/// A value of the gradient is huge from 2⁶³ on: its square, or a sum of a few such squares, could
/// overflow.
///
/// An infinite mean of squares would never decrease again, and its weight would never change again.
/// So the optimizers that divide by a root of squares leave their state unchanged at such a value.
/// They take a step of the whole learning rate against its sign.
const HUGE: f32 = f32::from_bits((127 + 63) << 23);

/// Whether |g| < [`HUGE`]. False for infinities and NaN.
#[inline(always)]
fn ordinary<S: Simd>(s: S, g: S::F) -> S::M {
    s.lt(s.abs(g), s.splat(HUGE))
}

/// [`ordinary`] of all lanes.
#[inline(always)]
fn all_ordinary<S: Simd>(s: S, g: S::F) -> bool {
    if const { S::LANES == 1 } {
        // The bits without the sign, as integers, have the order of |g|. Infinity and NaN are the
        // greatest.
        return s.sum_lanes(g).to_bits() << 1 < HUGE.to_bits() << 1;
    }
    s.all(ordinary(s, g))
}

/// One whole step against the sign of g: w − rate·(g / |g|), which is NaN where g is infinite or
/// NaN.
#[inline(always)]
fn whole_step<S: Simd>(s: S, w: S::F, rate: S::F, g: S::F) -> S::F {
    s.sub(w, s.mul(rate, s.div(g, s.abs(g))))
}

/// [`update`] for rules that divide by a root of squares. A huge gradient takes a [`whole_step`]
/// and leaves the state unchanged.
#[inline(always)]
fn update_by_squares<S: Simd>(
    s: S,
    rate: S::F,
    w: &mut [f32],
    h: &mut [f32],
    dw: &[f32],
    rule: impl Fn(S::F, S::F, S::F) -> (S::F, S::F),
) {
    update(
        s,
        w,
        h,
        dw,
        #[inline(always)]
        |w, h, g| {
            let all = all_ordinary(s, g);
            if const { S::LANES == 1 } && !all {
                return (whole_step(s, w, rate, g), h);
            }
            let (w1, h1) = rule(w, h, g);
            if all {
                return (w1, h1);
            }
            let usual = ordinary(s, g);
            (s.select(usual, w1, whole_step(s, w, rate, g)), s.select(usual, h1, h))
        },
    );
}

/// x, or +0 where x is zero or subnormal.
///
/// Decaying values are moments, velocities and means of squares. If the gradient of a weight
/// vanishes (a dead unit, a batch that is fitted exactly), they decay until they stick at a
/// subnormal number. x86 then takes a hundred cycles per operation, and training slows down to a
/// third. The selection is explicit and the same on every backend.
#[inline(always)]
fn flush_subnormal<S: Simd>(s: S, x: S::F) -> S::F {
    s.select(s.lt(s.abs(x), s.splat(f32::MIN_POSITIVE)), s.splat(0.0), x)
}

/// 1 − β of a decay β in [0, 1), for the decimal number that β was written as.
///
/// 0.999 in f32 is 0.99900001. In f32, 1 − β would differ from 0.001 by a relative error of 1.3e-5:
/// the subtraction keeps the absolute error of β. Keras subtracts in f64. Here the product 10⁷·β
/// rounds this error away if β has at most seven decimal places: from 8,388,608 = 2²³ on, f32 has
/// only whole numbers, and below that 1 − β is large. From there on, a β of more places counts as
/// the nearest number of seven places.
#[inline(always)]
fn one_minus(beta: f32) -> f32 {
    const PLACES: f32 = 1e7;
    (PLACES - beta * PLACES) / PLACES
}

/// Panics unless all slices have the length of `w`.
macro_rules! same_lengths {
    ($w:ident $(, $x:ident)+) => {
        assert!(
            $($x.len() == $w.len())&&+,
            concat!("w has {} values", $(", ", stringify!($x), " has {}"),+),
            $w.len(),
            $($x.len()),+
        );
    };
}
use same_lengths;
