//! Powers of a positive f32 number, to full f32 precision.

use rosenblatt_kernels::{arch::scalar::Scalar, math};

/// base^(step/steps); with `staircase` the exponent is rounded down.
///
/// The power of the whole part is computed by repeated squaring of a pair of numbers whose sum is
/// the power. A pair holds about 44 bits, so even thousands of factors do not change the 24 bits of
/// the result. The power of the rest r < 1 is exp(r·ln base).
pub fn power(base: f32, step: u32, steps: u32, staircase: bool) -> f32 {
    let (Some(whole), Some(rest)) = (step.checked_div(steps), step.checked_rem(steps)) else {
        return 1.0;
    };
    let (power, _) = whole_power(base, whole);
    if staircase || rest == 0 {
        return power;
    }
    let rest = rest as f32 / steps as f32;
    power * math::exp(Scalar, rest * math::ln(Scalar, base))
}

/// A number as the sum of two; the second is at most half a unit in the last place of the first.
type Pair = (f32, f32);

/// baseⁿ
fn whole_power(base: f32, mut n: u32) -> Pair {
    let mut square = (base, 0.0);
    let mut power = (1.0, 0.0);
    loop {
        if n % 2 == 1 {
            power = times(power, square);
        }
        n /= 2;
        if n == 0 {
            return power;
        }
        square = times(square, square);
    }
}

/// The product of two positive pairs; ∞ from 2¹⁰⁰ on, because splitting a factor would overflow.
fn times((a, a_rest): Pair, (b, b_rest): Pair) -> Pair {
    const HUGE: f32 = f32::from_bits((127 + 100) << 23);
    let product = a * b;
    if product >= HUGE {
        return (f32::INFINITY, 0.0);
    }
    // The exact rounding error of the product, from halves of 12 bits (Dekker, 1971).
    let ((a1, a2), (b1, b2)) = (halves(a), halves(b));
    let error = a2 * b2 - (((product - a1 * b1) - a2 * b1) - a1 * b2);
    let rest = error + (a * b_rest + a_rest * b);
    let sum = product + rest;
    (sum, rest - (sum - product))
}

/// The upper 12 bits of a number, and the rest.
fn halves(x: f32) -> Pair {
    let shifted = 4097.0 * x;
    let high = shifted - (shifted - x);
    (high, x - high)
}
