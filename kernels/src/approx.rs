//! Approximate activations by the crate `micromath`, with the feature `micromath`. **Outside the
//! numeric contract.**
//!
//! A program uses them only if it names them: [`ApproxTanh`] instead of `Tanh`, and so on. Results
//! are those of micromath's exponential in f32 arithmetic, value by value. They may change with
//! micromath's version. The rest of this file (formulas, division, limits of the range) is ordinary
//! f32 arithmetic. micromath's root and reciprocal, whose errors are several percent, are not used.
//!
//! | function | greatest error | where |
//! |---|---|---|
//! | [`exp`] | 0.24 % of eˣ | −87.33 ≤ x ≤ 88.72 |
//! | [`tanh`] | 0.00034 | everywhere |
//! | [`sigmoid`] | 0.00017 | everywhere |
//! | [`softmax`] | 0.24 % of a probability | down to e⁻⁸⁷ |
//!
//! Measured by
//! `cargo test -p rosenblatt-kernels --release --all-features --test approx -- --nocapture`, over a
//! dense sample against f64.

use crate::{
    Backend,
    activation::{Exp, Map, MapGrad, Sigmoid, Tanh, typed},
    dispatch,
    simd::Simd,
};
use micromath::F32;

/// f(x) ≈ eˣ; see [`exp`]
#[derive(Clone, Copy, Debug)]
pub struct ApproxExp;
/// f(x) ≈ tanh x; see [`tanh`]
#[derive(Clone, Copy, Debug)]
pub struct ApproxTanh;
/// f(x) ≈ 1 / (1 + e⁻ˣ); see [`sigmoid`]
#[derive(Clone, Copy, Debug)]
pub struct ApproxSigmoid;

const SIGN: u32 = 0x8000_0000;

/// eˣ by micromath where the result is a normal number. Outside this range micromath is not called:
/// its exponents overflow there. It returns NaN for x = 88.725, and NaN fails a debug assertion.
#[inline]
fn exp_one(x: f32) -> f32 {
    const LOW: u32 = 87.33_f32.to_bits();
    const HIGH: u32 = 88.72_f32.to_bits();
    // Comparisons of integers: without an FPU, comparisons of floats are calls.
    let (size, negative) = (x.to_bits() & !SIGN, x.to_bits() >= SIGN);
    if size <= if negative { LOW } else { HIGH } {
        F32(x).exp().0
    } else if x.is_nan() {
        x
    } else if negative {
        0.0
    } else {
        f32::INFINITY
    }
}

/// 1 − 2 / (e²ᵃ + 1) with a = |x| and the sign of x
#[inline]
fn tanh_one(x: f32) -> f32 {
    let a = f32::from_bits(x.to_bits() & !SIGN);
    let y = 1.0 - 2.0 / (exp_one(a + a) + 1.0);
    f32::from_bits(y.to_bits() | x.to_bits() & SIGN)
}

/// y = 1 / (e^|x| + 1) where x is negative, else 1 − y
#[inline]
fn sigmoid_one(x: f32) -> f32 {
    let y = 1.0 / (exp_one(f32::from_bits(x.to_bits() & !SIGN)) + 1.0);
    if x.to_bits() >= SIGN { y } else { 1.0 - y }
}

/// `f` of each lane, through memory.
#[inline(always)]
fn by_lane<S: Simd>(s: S, x: S::F, f: impl Fn(f32) -> f32) -> S::F {
    let mut lanes = [0.0; 16];
    // SAFETY: a register has at most sixteen lanes, as `Simd` requires of its implementations.
    unsafe { s.store(lanes.as_mut_ptr(), x) };
    for x in lanes.iter_mut().take(S::LANES) {
        *x = f(*x);
    }
    // SAFETY: as above.
    unsafe { s.load(lanes.as_ptr()) }
}

/// The [`Map`] of a function of one value. Its gradient is that of the exact activation, a formula
/// in the output.
macro_rules! maps {
    ($($map:ident = $f:ident, $exact:ident;)*) => {$(
        impl Map for $map {
            #[inline(always)]
            fn f<S: Simd>(s: S, x: S::F) -> S::F {
                by_lane(s, x, $f)
            }
        }

        impl MapGrad for $map {
            #[inline(always)]
            fn df<S: Simd>(s: S, y: S::F, d: S::F) -> S::F {
                $exact::df(s, y, d)
            }
        }
    )*};
}

maps! {
    ApproxExp = exp_one, Exp;
    ApproxTanh = tanh_one, Tanh;
    ApproxSigmoid = sigmoid_one, Sigmoid;
}

/// Public functions that run a [`Map`] over a slice.
macro_rules! face {
    ($($(#[$doc:meta])* $name:ident = $map:ty;)*) => {$(
        $(#[$doc])*
        pub fn $name(backend: Backend, x: &mut [f32]) {
            dispatch!(backend, s => typed::map::<_, $map, 1>(s, x.as_chunks_mut().0));
        }
    )*};
}

face! {
    /// x ← eˣ by micromath, within 0.24 % for −87.33 ≤ x ≤ 88.72.
    ///
    /// ±0 and subnormal numbers give 1. Above 88.72 the result is ∞, below −87.33 it is +0: there
    /// are no subnormal results. NaN stays NaN.
    ///
    /// ```
    /// use rosenblatt_kernels::{Backend, approx};
    /// let mut x = [0.0, 2.0, -100.0];
    /// approx::exp(Backend::detect(), &mut x);
    /// assert_eq!((x[0], x[2]), (1.0, 0.0));
    /// assert!((x[1] / 7.389_056 - 1.0).abs() < 0.002_4);
    /// ```
    exp = ApproxExp;
    /// x ← tanh x as 1 − 2 / (e²ᵃ + 1), a = |x|, with the sign of x; within 0.00034 (absolute).
    ///
    /// micromath has no tanh: this is its exponential and a division. ±0 stays, ±∞ gives ±1, NaN
    /// stays NaN. tanh(−x) is −tanh(x) to the bit. Near 0 the error relative to x grows: below
    /// 3·10⁻⁸ the result is ±0.
    tanh = ApproxTanh;
    /// x ← 1 / (1 + e⁻ˣ), within 0.00017 (absolute): y = 1 / (eᵃ + 1) with a = |x| for negative x,
    /// 1 − y for the others.
    ///
    /// ±0 gives ½, −∞ gives +0, ∞ gives 1. Below −88.72 the result is +0. NaN stays NaN.
    sigmoid = ApproxSigmoid;
}

/// Each row of `n` values ← softmax(row) with the exponential of [`exp`]:
/// `y[j] = exp(x[j] − max x) / Σ exp(x[i] − max x)`. The sum runs from left to right.
///
/// A row with a NaN or +∞, or of nothing but −∞, becomes NaN. Terms more than 87.33 below the
/// greatest are +0.
/// # Panics
/// If `n` is 0 or does not divide the length.
pub fn softmax(n: usize, x: &mut [f32]) {
    assert!(n > 0 && x.len().is_multiple_of(n), "{} values are no rows of {n}", x.len());
    x.chunks_exact_mut(n).for_each(softmax_row);
}

/// [`softmax`] of one row. An empty row stays empty.
pub fn softmax_row(row: &mut [f32]) {
    let top = row.iter().fold(f32::NEG_INFINITY, |top, &x| if top < x { x } else { top });
    let mut total = 0.0;
    for x in &mut *row {
        *x = exp_one(*x - top);
        total += *x;
    }
    for x in row {
        *x /= total;
    }
}
