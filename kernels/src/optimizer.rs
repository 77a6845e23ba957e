//! Updates of parameters: one pass over weights, state and gradient.
//!
//! The formulas are element by element; each product and sum is rounded. Hyper-parameters of the step (learning rate, corrections) come in
//! as numbers, so that a schedule or decay is the caller's. The functions whose names end in `_on` are for use inside a dispatch; the shortest
//! slice says how many parameters there are.

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
pub use gradient::{all_finite, all_finite_on, clip_norm, clip_norm_on, clip_value, clip_value_on, norm, norm_on};

use crate::{
    lanes::{each, get, put},
    simd::Simd,
};

/// Calls `rule(w, x, g)` for every parameter, its one number of state and its gradient; the new weight and state that it returns take their place.
#[inline(always)]
fn update<S: Simd>(s: S, w: &mut [f32], x: &mut [f32], dw: &[f32], rule: impl Fn(S::F, S::F, S::F) -> (S::F, S::F)) {
    each(
        s,
        w.len().min(x.len()).min(dw.len()),
        #[inline(always)]
        |i, part| {
            // SAFETY: `each` stays below all three lengths.
            unsafe {
                let (w, x) = (w.as_mut_ptr().add(i), x.as_mut_ptr().add(i));
                let g = get(s, dw.as_ptr().add(i), part);
                let (w1, x1) = rule(get(s, w.cast_const(), part), get(s, x.cast_const(), part), g);
                put(s, x, part, x1);
                put(s, w, part, w1);
            }
        },
    );
}

/// From here on, 2⁶³, a value of the gradient is huge: its square, and sums of a few of them, might overflow.
///
/// An infinite mean of squares would never come down again, and its weight would stand still for good. So what divides by a root of
/// squares does not remember such a value, and takes a step of the whole rate against its sign.
const HUGE: f32 = f32::from_bits((127 + 63) << 23);

/// Whether g is not huge: neither that large nor infinite or NaN.
#[inline(always)]
fn ordinary<S: Simd>(s: S, g: S::F) -> S::M {
    s.lt(s.abs(g), s.splat(HUGE))
}

/// [`ordinary`] of all lanes.
#[inline(always)]
fn all_ordinary<S: Simd>(s: S, g: S::F) -> bool {
    if const { S::LANES == 1 } {
        // As integers: sizes are in the order of their bits, and infinity and NaN come last.
        return s.sum_lanes(g).to_bits() << 1 < HUGE.to_bits() << 1;
    }
    s.all(ordinary(s, g))
}

/// w, one rate against the sign of g: w − rate·(g / |g|), which is NaN where g is infinite or NaN
#[inline(always)]
fn whole_step<S: Simd>(s: S, w: S::F, rate: S::F, g: S::F) -> S::F {
    s.sub(w, s.mul(rate, s.div(g, s.abs(g))))
}

/// [`update`] for rules that divide by a root of squares: a huge gradient takes a [`whole_step`] and leaves the state as it is.
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
/// What decays (moments, velocities, means of squares) of a weight whose gradient has vanished (a dead unit, a batch learnt by heart) would fall until it
/// sticks at a subnormal number, on which x86 takes a hundred cycles an operation: training would slow down to a third. An explicit selection, the
/// same on every backend.
#[inline(always)]
fn normal<S: Simd>(s: S, x: S::F) -> S::F {
    s.select(s.lt(s.abs(x), s.splat(f32::MIN_POSITIVE)), s.splat(0.0), x)
}

/// 1 − β of a decay β in [0, 1), for the decimal number that β was written as.
///
/// 0.999 in f32 is 0.99900001, and what that leaves of 1 is 1.3e-5 off 0.001: the subtraction keeps the error of β and loses the size that hid it. Keras
/// subtracts in f64. Here 10⁷·β has no room for the error of a number of at most seven places: from 8,388,608 = 2²³ on there are only whole numbers, and below,
/// 1 − β is large. From there on, what has more places is taken for the nearest that has seven.
#[inline(always)]
fn rest(beta: f32) -> f32 {
    const PLACES: f32 = 1e7;
    (PLACES - beta * PLACES) / PLACES
}

/// Panics unless all slices are as long as the weights.
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
