//! How far a result is from the exact one.

use super::oracle::Function;

/// The spacing of subnormal f32 numbers, 2⁻¹⁴⁹.
const LEAST: f64 = f32::from_bits(1) as f64;

/// The first number beyond f32, 2¹²⁸: what ∞ stands for when a distance is measured.
const BEYOND: f64 = 2.0 * (1u128 << 127) as f64;

/// The verdict on one result.
pub struct Verdict {
    /// Its error in ULP; infinite if it is wrong in kind (a NaN, the wrong infinity).
    pub error: f64,
    /// The correctly rounded result.
    pub rounded: f32,
    /// Whether f64 could not decide which number that is, so that more bits were needed.
    pub close_call: bool,
}

/// Judges a result, given the exact value to f64's precision.
pub fn judge(function: Function, input: f32, exact: f64, got: f32) -> Verdict {
    if exact.is_nan() || got.is_nan() {
        let error = if exact.is_nan() && got.is_nan() { 0.0 } else { f64::INFINITY };
        return Verdict { error, rounded: exact as f32, close_call: false };
    }
    let (rounded, close_call) = round(function, input, exact);
    let error = if got == rounded && !got.is_finite() {
        0.0
    } else if exact.is_infinite() {
        f64::INFINITY
    } else {
        let got = if got.is_infinite() { BEYOND.copysign(got.into()) } else { got.into() };
        (got - exact).abs() / ulp(exact)
    };
    Verdict { error, rounded, close_call }
}

/// The f32 nearest to the exact value, and whether f64 could not decide it.
fn round(function: Function, input: f32, exact: f64) -> (f32, bool) {
    let nearest = exact as f32;
    if !exact.is_finite() {
        return (nearest, false);
    }
    // For normal numbers, the 29 bits that f64 has beyond f32 give the distance to the middle.
    if exact.abs() >= f32::MIN_POSITIVE.into()
        && ((exact.to_bits() & 0x1fff_ffff) as i64 - 0x1000_0000).abs() > 32
    {
        return (nearest, false);
    }
    let other = if f64::from(nearest).abs() > exact.abs() {
        toward_zero(nearest)
    } else {
        away_from_zero(nearest)
    };
    let middle = (finite(nearest) + finite(other)) / 2.0;
    if (exact - middle).abs() > exact.abs() * 2f64.powi(-48) {
        return (nearest, false);
    }
    let (low, high) = if nearest < other { (nearest, other) } else { (other, nearest) };
    let rounded = match function.compare(input, middle) {
        std::cmp::Ordering::Less => low,
        std::cmp::Ordering::Greater => high,
        std::cmp::Ordering::Equal => {
            if low.to_bits() & 1 == 0 {
                low
            } else {
                high
            }
        }
    };
    (rounded, true)
}

fn toward_zero(x: f32) -> f32 {
    if x == 0.0 { x } else { f32::from_bits(x.to_bits() - 1) }
}

fn away_from_zero(x: f32) -> f32 {
    if x.is_infinite() { x } else { f32::from_bits(x.to_bits() + 1) }
}

fn finite(x: f32) -> f64 {
    if x.is_infinite() { BEYOND.copysign(x.into()) } else { x.into() }
}

/// The spacing of f32 numbers in the binade of a value.
fn ulp(exact: f64) -> f64 {
    let exponent = ((exact.to_bits() >> 52) & 0x7ff) as i32 - 1023;
    if exponent < -126 {
        return LEAST;
    }
    f64::from_bits(((exponent.min(127) - 23 + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(exact: f64, got: f32) -> f64 {
        judge(Function::Ln, 2.0, exact, got).error
    }

    #[test]
    fn spacing() {
        assert_eq!(ulp(1.0), f64::from(f32::EPSILON));
        assert_eq!(ulp(-1.999), f64::from(f32::EPSILON));
        assert_eq!(ulp(0.999), f64::from(f32::EPSILON) / 2.0);
        assert_eq!(ulp(f32::MAX.into()), 2f64.powi(104));
        assert_eq!(ulp(1e300), 2f64.powi(104));
        for small in [0.0, 1e-300, 1e-45, 1e-40, f64::from(f32::MIN_POSITIVE)] {
            assert_eq!(ulp(small), LEAST);
        }
    }

    #[test]
    fn errors() {
        assert_eq!(error(1.0, 1.0), 0.0);
        assert_eq!(error(1.0, 1.0 + f32::EPSILON), 1.0);
        assert_eq!(error(1.0 + 0.75 * f64::from(f32::EPSILON), 1.0), 0.75);
        assert_eq!(error(0.0, f32::from_bits(3)), 3.0);
        assert_eq!(error(f64::NAN, f32::NAN), 0.0);
        assert_eq!(error(f64::NAN, 1.0), f64::INFINITY);
        assert_eq!(error(1.0, f32::NAN), f64::INFINITY);
        assert_eq!(error(f64::NEG_INFINITY, f32::NEG_INFINITY), 0.0);
        assert_eq!(error(f64::NEG_INFINITY, f32::MIN), f64::INFINITY);
    }

    #[test]
    fn overflow() {
        let max = f64::from(f32::MAX);
        let ulp = 2f64.powi(104);
        // Beyond the middle of MAX and 2¹²⁸, infinity is right. The error of MAX is its distance.
        assert_eq!(error(max + 0.75 * ulp, f32::INFINITY), 0.0);
        assert_eq!(error(max + 0.75 * ulp, f32::MAX), 0.75);
        // Below the middle, MAX is right. The error of infinity is the distance of 2¹²⁸.
        assert_eq!(error(max + 0.25 * ulp, f32::MAX), 0.25);
        assert_eq!(error(max + 0.25 * ulp, f32::INFINITY), 0.75);
        assert!(error(1e300, f32::MAX) > 1e100);
    }

    #[test]
    fn close_calls_are_settled_exactly() {
        // exp(2⁻²⁴) = 1 + 2⁻²⁴ + 2⁻⁴⁹ + …, just above the middle of 1 and the next number. f64
        // cannot decide this safely.
        let input = 2f32.powi(-24);
        let verdict = judge(Function::Exp, input, f64::from(input).exp(), 1.0);
        assert!(verdict.close_call);
        assert_eq!(verdict.rounded, 1.0 + f32::EPSILON);
        // exp(−2⁻²⁵) = 1 − 2⁻²⁵ + 2⁻⁵¹ − …, just above the middle of 1 and the number below it.
        let input = -(2f32.powi(-25));
        let verdict = judge(Function::Exp, input, f64::from(input).exp(), 1.0);
        assert!(verdict.close_call);
        assert_eq!(verdict.rounded, 1.0);
        // Half the least subnormal is exp(−150 ln 2). The value at the nearest f32 argument lies
        // clearly on one side of it.
        assert!(
            !judge(Function::Exp, -103.972_08, f64::from(-103.972_08f32).exp(), 0.0).close_call
        );
    }
}
