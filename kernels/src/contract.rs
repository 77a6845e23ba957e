//! A check, for the start of firmware, that this build on this CPU computes as `NUMERICS.md` says.
//!
//! The crates do not compile for targets that are known to break the contract, and they set the
//! floating-point [`environment`](crate::environment) themselves. They cannot prevent a compiler
//! option that fuses products and sums (`-Cllvm-args=-fp-contract=fast`): the bits change, and
//! nothing fails. This check finds that.

use crate::{Backend, dispatch_inside, simd::Simd};
use core::{fmt, hint::black_box};

/// The version of the numeric contract (`NUMERICS.md`). Builds of one version compute the same bits.
/// Store it beside weights that another build shall continue to train.
///
/// ```
/// assert_eq!(rosenblatt_kernels::contract::VERSION, 1);
/// ```
pub const VERSION: u32 = 1;

/// How arithmetic breaks the contract.
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
            Self::Fused => {
                "the compiler fuses multiplications and additions (leave out -fp-contract=fast)"
            }
            Self::Flushed => "subnormal numbers are flushed to zero",
            Self::Rounding => "rounding is not to the nearest number",
        })
    }
}

impl core::error::Error for Violation {}

/// Whether arithmetic in the caller's environment follows the contract: unfused, to nearest,
/// subnormal numbers kept.
///
/// It costs some twenty instructions for scalar code and for the backend of [`Backend::detect`]. In
/// an environment that flushes or rounds differently it returns false. The crates' own results are
/// right there all the same, because their entries switch to the standard environment.
///
/// ```
/// assert!(rosenblatt_kernels::contract::holds());
/// ```
#[must_use]
#[inline(never)]
pub fn holds() -> bool {
    violation().is_none()
}

/// The violation of the contract, if there is one.
#[must_use]
#[inline(never)]
pub fn violation() -> Option<Violation> {
    // Without `dispatch!`: the check must run in the caller's environment.
    scalar().or_else(|| dispatch_inside!(Backend::detect(), s => vector(s)))
}

/// 1 + 2⁻²³
const NEXT: f32 = 1.0 + f32::EPSILON;

/// Checks scalar code.
fn scalar() -> Option<Violation> {
    let (a, c) = (black_box(NEXT), black_box(-(1.0 + 2.0 * f32::EPSILON)));
    let [tiny, half] = black_box([f32::MIN_POSITIVE, 0.5]);
    // The exact product 1 + 2⁻²² + 2⁻⁴⁶ rounds to 1 + 2⁻²². If the sum contains 2⁻⁴⁶, it was fused.
    if a * a + c != 0.0 {
        return violates_by_rounding().or(Some(Violation::Fused));
    }
    let subnormal = tiny * half;
    if subnormal.to_bits() != 0x0040_0000
        || (black_box(subnormal) + subnormal).to_bits() != tiny.to_bits()
    {
        return Some(Violation::Flushed);
    }
    violates_by_rounding()
}

/// Checks that sums are rounded to nearest: three quarters of a unit round away from zero, a
/// quarter toward zero, half a unit to even.
fn violates_by_rounding() -> Option<Violation> {
    let [one, unit] = black_box([1.0f32, f32::EPSILON]);
    let (quarter, half) = (unit * black_box(0.25), unit * black_box(0.5));
    let right = [one + (half + quarter), -one - (half + quarter)] == [NEXT, -NEXT]
        && [one + quarter, -one - quarter] == [1.0, -1.0]
        && [one + half, NEXT + half] == [1.0, 1.0 + 2.0 * f32::EPSILON];
    if right { None } else { Some(Violation::Rounding) }
}

/// Checks a backend's registers for fusing. They share the environment of scalar code, which is
/// checked already.
#[inline(always)]
fn vector<S: Simd>(s: S) -> Option<Violation> {
    let (a, c) = (black_box(NEXT), black_box(-(1.0 + 2.0 * f32::EPSILON)));
    let rest = s.mul_add(s.splat(a), s.splat(a), s.splat(c));
    if s.all(s.lt(s.abs(rest), s.splat_bits(1))) { None } else { Some(Violation::Fused) }
}
