//! Whether this build, on this CPU, computes as `NUMERICS.md` says: a check for firmware to call at its start.
//!
//! The crates refuse targets that are known to break the contract, and set the floating-point [`environment`](crate::environment)
//! themselves. What they cannot prevent is a compiler that was told to fuse (`-Cllvm-args=-fp-contract=fast`): the bits would
//! be others, and nothing would fail. This sees it.

use crate::{Level, dispatch_inside, simd::Simd};
use core::{fmt, hint::black_box};

/// What breaks the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Violation {
    /// A product and a sum are rounded once instead of twice
    Fused,
    /// A subnormal result or input becomes zero
    Flushed,
    /// Rounding is not to the nearest number, ties to even
    Rounding,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fused => "the compiler fuses multiplications and additions (leave out -fp-contract=fast)",
            Self::Flushed => "subnormal numbers are flushed to zero",
            Self::Rounding => "rounding is not to the nearest number",
        })
    }
}

impl core::error::Error for Violation {}

/// Whether arithmetic here is the contract's, as the caller's environment has it: unfused, to nearest, subnormal numbers kept.
///
/// Some twenty instructions for the backend that [`Level::detect`] names and for scalar code. In an environment that flushes or rounds otherwise
/// it is false, although what the crates compute is right there: their entries switch to the right one.
///
/// ```
/// assert!(rosenblatt_kernels::contract::holds());
/// ```
#[must_use]
#[inline(never)]
pub fn holds() -> bool {
    violation().is_none()
}

/// What breaks the contract, if anything does.
#[must_use]
#[inline(never)]
pub fn violation() -> Option<Violation> {
    // Where the switch over backends has one case, one look is enough.
    scalar().or_else(|| dispatch_inside!(Level::detect(), s => vector(s)))
}

/// 1 + 2⁻²³
const NEXT: f32 = 1.0 + f32::EPSILON;

/// Of single values.
fn scalar() -> Option<Violation> {
    let (a, c) = (black_box(NEXT), black_box(-(1.0 + 2.0 * f32::EPSILON)));
    let [tiny, half] = black_box([f32::MIN_POSITIVE, 0.5]);
    // The exact product 1 + 2⁻²² + 2⁻⁴⁶ is rounded to 1 + 2⁻²²: a sum that sees 2⁻⁴⁶ was fused.
    if a * a + c != 0.0 {
        return violates_by_rounding().or(Some(Violation::Fused));
    }
    let subnormal = tiny * half;
    if subnormal.to_bits() != 0x0040_0000 || (black_box(subnormal) + subnormal).to_bits() != tiny.to_bits() {
        return Some(Violation::Flushed);
    }
    violates_by_rounding()
}

/// Whether sums are rounded to nearest: three quarters of a unit go up in size, a quarter goes down, half a unit to even.
fn violates_by_rounding() -> Option<Violation> {
    let [one, unit] = black_box([1.0f32, f32::EPSILON]);
    let (quarter, half) = (unit * black_box(0.25), unit * black_box(0.5));
    let right = [one + (half + quarter), -one - (half + quarter)] == [NEXT, -NEXT]
        && [one + quarter, -one - quarter] == [1.0, -1.0]
        && [one + half, NEXT + half] == [1.0, 1.0 + 2.0 * f32::EPSILON];
    if right { None } else { Some(Violation::Rounding) }
}

/// Of a backend's registers: they share the scalar code's environment, so only fusing is left to ask for.
#[inline(always)]
fn vector<S: Simd>(s: S) -> Option<Violation> {
    let (a, c) = (black_box(NEXT), black_box(-(1.0 + 2.0 * f32::EPSILON)));
    let rest = s.mul_add(s.splat(a), s.splat(a), s.splat(c));
    if s.all(s.lt(s.abs(rest), s.splat_bits(1))) { None } else { Some(Violation::Fused) }
}
