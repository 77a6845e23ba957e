//! Numbers as text by integer arithmetic. core's printing of an f32 can panic, and would be linked
//! into firmware that prints a graph.

use core::{
    fmt::{self, Write as _},
    num::NonZeroU64,
};
use heapless::String;

/// `x` with the given number of decimals (at most 6), rounded to nearest, ties to even. From a
/// million on and below a thousandth it has four decimals and an exponent. `{:>14}` aligns it.
pub(super) struct Number(pub f32, pub u8);

// Not zero. A division by zero would be a panic; if the compiler sees that it is impossible, the
// panic is not linked.
const TEN: NonZeroU64 = NonZeroU64::new(10).unwrap();

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(x, decimals) = *self;
        let mut text = String::<24>::new();
        write(&mut text, x, usize::from(decimals))?;
        f.pad(&text)
    }
}

/// [`Number`] with as many of six decimals as it needs.
pub(super) struct Trimmed(pub f32);

impl fmt::Display for Trimmed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::<24>::new();
        write(&mut text, self.0, 6)?;
        let decimal = text.contains('.') && !text.contains('e');
        f.write_str(if decimal { text.trim_end_matches('0').trim_end_matches('.') } else { &text })
    }
}

fn write(text: &mut String<24>, x: f32, decimals: usize) -> fmt::Result {
    if x.is_nan() {
        return text.write_str("NaN");
    }
    if x.is_sign_negative() {
        text.write_char('-')?;
    }
    let x = x.abs();
    if x == f32::INFINITY {
        return text.write_str("inf");
    }
    // x = m·2ᵉ
    let bits = x.to_bits();
    let (m, e) = if bits < 0x0080_0000 {
        (bits, -149)
    } else {
        (bits & 0x007f_ffff | 0x0080_0000, (bits >> 23).cast_signed() - 150)
    };
    if x == 0.0 || (1e-3..1e6).contains(&x) {
        let mut unit = NonZeroU64::MIN;
        (0..decimals).for_each(|_| unit = unit.saturating_mul(TEN));
        // Below 2⁴⁴, with e below 0, because x is below 10⁶.
        let scaled = round(u64::from(m) * unit.get(), e);
        integer(text, scaled / unit, 1)?;
        if decimals > 0 {
            text.write_char('.')?;
            integer(text, scaled % unit, decimals)?;
        }
        return Ok(());
    }
    let (digits, exponent) = scientific(u64::from(m), e);
    integer(text, digits / 10_000, 1)?;
    text.write_char('.')?;
    integer(text, digits % 10_000, 4)?;
    text.write_char('e')?;
    if exponent < 0 {
        text.write_char('-')?;
    }
    integer(text, u64::from(exponent.unsigned_abs()), 1)
}

/// v·2ᵉ rounded to the nearest integer, ties to even; e is at most 0.
fn round(v: u64, e: i32) -> u64 {
    let shift = e.unsigned_abs().min(63);
    if shift == 0 {
        return v;
    }
    let (whole, rest, half) = (v >> shift, v & ((1 << shift) - 1), 1 << (shift - 1));
    whole + u64::from(rest > half || rest == half && whole & 1 == 1)
}

/// Writes v·2ᵉ as d·10⁻⁴·10ˣ and returns (d, x), where d has five digits; v is above 0.
fn scientific(mut v: u64, mut e: i32) -> (u64, i32) {
    let mut exponent = 4;
    // Scales to 10⁴ … 10⁵, in up to 50 steps. v keeps 60 bits; each step loses less than one unit.
    loop {
        let shift = v.leading_zeros();
        v <<= shift;
        e -= shift.cast_signed();
        // v·2ᵉ is at least 2⁶³⁺ᵉ and below twice that.
        if e > -47 || e == -47 && v >> 47 >= 100_000 {
            v /= 10;
            exponent += 1;
        } else if e < -50 || e == -50 && v >> 50 < 10_000 {
            v = (v >> 4) * 10;
            e += 4;
            exponent -= 1;
        } else {
            break;
        }
    }
    let digits = round(v, e);
    if digits < 100_000 { (digits, exponent) } else { (10_000, exponent + 1) }
}

/// `v` with at least `digits` digits.
pub(super) fn integer(text: &mut impl fmt::Write, mut v: u64, digits: usize) -> fmt::Result {
    let mut reversed = [b'0'; 20];
    let mut n = 0;
    for digit in &mut reversed {
        if v == 0 && n >= digits {
            break;
        }
        *digit += (v % 10) as u8;
        v /= 10;
        n += 1;
    }
    reversed.iter().take(n).rev().try_for_each(|digit| text.write_char(char::from(*digit)))
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::{Number, Trimmed};
    use std::{format, string::ToString};

    /// The text that core prints.
    fn want(x: f32, decimals: usize) -> std::string::String {
        if x == 0.0 || !x.is_finite() || (1e-3..1e6).contains(&x.abs()) {
            format!("{x:.decimals$}")
        } else {
            format!("{x:.4e}")
        }
    }

    #[test]
    fn exponents_are_short() {
        let texts =
            [0.5, -1.25, 1e5, 100.5, 3.0, 0.0, 1e7, f32::NAN].map(|c| Trimmed(c).to_string());
        assert_eq!(texts, ["0.5", "-1.25", "100000", "100.5", "3", "0", "1.0000e7", "NaN"]);
    }

    #[test]
    fn numbers_are_those_of_core() {
        let special = [
            0.0,
            -0.0,
            0.5,
            0.25,
            1.5,
            0.000_999_999_9,
            999_999.94,
            1e6,
            f32::MAX,
            f32::MIN_POSITIVE,
            1e-45,
        ];
        let odd = [
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::NAN,
            1e-3,
            9.99995e10,
            1e10,
            1e-10,
            0.000_000_5,
        ];
        let mut bits = 1u32;
        let random = (0..400_000).map(|_| {
            bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from_bits(bits)
        });
        let grid = (-100_000..100_000).map(|i| i as f32 / 1024.0);
        for x in special.into_iter().chain(odd).chain(random).chain(grid) {
            for decimals in [0, 4, 6] {
                assert_eq!(
                    Number(x, decimals).to_string(),
                    want(x, usize::from(decimals)),
                    "{x:e}"
                );
            }
        }
    }
}
