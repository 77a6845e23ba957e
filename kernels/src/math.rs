//! exp, ln, tanh and sigmoid on the lanes of any backend, in f32 and without a fused operation.
//!
//! Every constant is an f32, every operation one of [`Simd`]'s, so that all backends compute the same bits.
//! The stated errors are the worst over all 2³² inputs (`cargo xtask ulp`), in units in the last place of the
//! exact result.

use crate::simd::Simd;

/// 1.5·2²³: adding it to |x| < 2²² leaves the nearest integer in the low bits of the sum.
const MAGIC: f32 = 12_582_912.0;
const LOG2_E: f32 = core::f32::consts::LOG2_E;
/// ln 2 in two parts. The first has nine significant bits, so that its product with an exponent is exact.
const LN2_HI: f32 = 355.0 / 512.0;
const LN2_LO: f32 = -2.121_944_4e-4;

/// Splits `x` into n·ln 2 + r, |r| ≤ ½ ln 2 (Cody and Waite, 1980), and gives (MAGIC + n, eʳ − 1).
///
/// eʳ − 1 = r + r²·q(r), q a minimax polynomial of degree 5 (relative error of eʳ 2⁻²⁷·⁵; Cephes' expf). r is the exact difference `x − n·hi` less
/// the small `n·lo`: in the last sum the two enter apart, so that rounding r costs nothing.
#[inline(always)]
fn reduce<S: Simd>(s: S, x: S::F) -> (S::F, S::F) {
    let t = s.mul_add(x, s.splat(LOG2_E), s.splat(MAGIC));
    let n = s.sub(t, s.splat(MAGIC));
    let high = s.sub(x, s.mul(n, s.splat(LN2_HI)));
    let low = s.mul(n, s.splat(LN2_LO));
    let r = s.sub(high, low);
    // In pairs (Estrin), not one term after the other: as many operations, half the latency.
    let r2 = s.mul(r, r);
    let c01 = s.mul_add(s.splat(1.666_666_5e-1), r, s.splat(0.5));
    let c23 = s.mul_add(s.splat(8.333_452e-3), r, s.splat(4.166_579_6e-2));
    let c45 = s.mul_add(s.splat(1.987_569_1e-4), r, s.splat(1.398_199_9e-3));
    let q = s.mul_add(s.mul_add(c45, r2, c23), r2, c01);
    (t, s.add(high, s.sub(s.mul(r2, q), low)))
}

/// p·2ⁿ where `t` = MAGIC + n and both p and the result are normal: n is added to the exponent.
#[inline(always)]
fn scale<S: Simd>(s: S, p: S::F, t: S::F) -> S::F {
    s.int_add(p, s.shl::<23>(t))
}

/// eˣ. Error below 1 ULP (measured: see [`crate::activation::exp`]).
///
/// x = n·ln 2 + r, eˣ = 2ⁿ·(1 + (r + r²·q(r))). From 88.72284 on the result is ∞; below −103.97208 it is +0;
/// subnormal results are rounded once. NaN stays NaN.
#[inline(always)]
pub fn exp<S: Simd>(s: S, x: S::F) -> S::F {
    // Inside ±87 the result is normal and needs one exponent addition; both roads give the same bits there.
    if s.all(s.lt(s.abs(x), s.splat(87.0))) {
        return exp_normal(s, x);
    }
    let x = s.min(s.max(x, s.splat(-104.0)), s.splat(89.0));
    let (t, w) = reduce(s, x);
    let p = s.add(s.splat(1.0), w);
    // 2ⁿ in two factors, each a normal number; only the second product can round.
    let n = s.int_sub(t, s.splat(MAGIC));
    let half = s.sar::<1>(n);
    let bias = s.splat_bits(127);
    let a = s.shl::<23>(s.int_add(half, bias));
    let b = s.shl::<23>(s.int_add(s.int_sub(n, half), bias));
    s.mul(s.mul(p, a), b)
}

/// eˣ for |x| < 87.3, where the result is a normal number. Outside, and for NaN, the result means nothing.
#[inline(always)]
pub fn exp_normal<S: Simd>(s: S, x: S::F) -> S::F {
    let (t, w) = reduce(s, x);
    scale(s, s.add(s.splat(1.0), w), t)
}

/// ln x. Error below 1 ULP (measured: see [`crate::activation::ln`]).
///
/// x = 2ᵏ·(1 + f), √½ ≤ 1 + f < √2, ln x = k·ln 2 + f − f²/2 + f³·p(f), p of degree 8 (Cephes' logf). ln ±0 = −∞,
/// ln ∞ = ∞, below zero and for NaN the result is NaN; subnormal numbers are scaled first.
#[inline(always)]
pub fn ln<S: Simd>(s: S, x: S::F) -> S::F {
    let tiny = s.lt(x, s.splat(f32::MIN_POSITIVE));
    let m = s.select(tiny, s.mul(x, s.splat(8_388_608.0)), x);
    let sqrt_half = s.splat(core::f32::consts::FRAC_1_SQRT_2);
    let d = s.int_sub(m, sqrt_half);
    let k = s.int_add(s.sar::<23>(d), s.splat(MAGIC));
    let k = s.sub(k, s.select(tiny, s.splat(MAGIC + 23.0), s.splat(MAGIC)));
    let f = s.int_add(s.and(d, s.splat_bits(0x007f_ffff)), sqrt_half);
    let f = s.sub(f, s.splat(1.0));

    let mut p = s.splat(7.037_683_6e-2);
    for c in [
        -1.151_461e-1,
        1.167_699_87e-1,
        -1.242_014_1e-1,
        1.424_932_3e-1,
        -1.666_805_7e-1,
        2.000_071_5e-1,
        -2.499_999_4e-1,
        3.333_333e-1,
    ] {
        p = s.mul_add(p, f, s.splat(c));
    }
    let f2 = s.mul(f, f);
    let y = s.mul(s.mul(f, f2), p);
    let y = s.mul_add(k, s.splat(LN2_LO), y);
    let y = s.sub(y, s.mul(s.splat(0.5), f2));
    let y = s.add(s.mul(k, s.splat(LN2_HI)), s.add(f, y));

    // Not (0 < x < ∞): −∞ for zeros, x for ∞ and NaN, NaN below zero.
    let zero = s.splat(0.0);
    let y = s.select(s.lt(zero, x), y, s.splat(f32::NAN));
    let y = s.select(s.lt(s.abs(x), s.splat_bits(1)), s.splat(f32::NEG_INFINITY), y);
    s.select(s.lt(x, s.splat(f32::INFINITY)), y, s.add(x, zero))
}

/// tanh h for |h| ≤ 0.625: h + h³·p(h²), p of degree 4 (Cephes' tanhf).
#[inline(always)]
fn tanh_near_zero<S: Simd>(s: S, h: S::F) -> S::F {
    let z = s.mul(h, h);
    // In pairs (Estrin): half the latency for one multiplication more.
    let z2 = s.mul(z, z);
    let c01 = s.mul_add(s.splat(1.333_144_2e-1), z, s.splat(-3.333_328e-1));
    let c23 = s.mul_add(s.splat(2.063_909e-2), z, s.splat(-5.373_971_6e-2));
    let p = s.mul_add(s.mul_add(s.splat(-5.704_988_7e-3), z2, c23), z2, c01);
    s.mul_add(h, s.mul(z, p), h)
}

/// tanh x. Error below 2 ULP (measured: see [`crate::activation::tanh`]).
///
/// Up to 0.625 by a polynomial. Above, |x| = n·½ ln 2 + h with t = tanh h from the same polynomial, so that e²ˣ = 2ⁿ·(1 + t)/(1 − t) and
/// tanh |x| = 1 − 2/(e²ˣ + 1) = 1 − (1 − t)/(½(2ⁿ + 1) + ½(2ⁿ − 1)·t): one division. The sign is put back. From 9.011 on the result is
/// ±1; ±0 and subnormal numbers are their own tanh; NaN stays NaN.
#[inline(always)]
pub fn tanh<S: Simd>(s: S, x: S::F) -> S::F {
    let sign = s.and(x, s.splat(-0.0));
    let a = s.min(s.abs(x), s.splat(9.1));
    let small = s.lt(a, s.splat(0.625));
    let t = s.mul_add(a, s.splat(2.0 * LOG2_E), s.splat(MAGIC));
    let n = s.select(small, s.splat(0.0), s.sub(t, s.splat(MAGIC)));
    // One product is enough for n·½ ln 2: where n is large enough to round it, tanh is nearly flat.
    let h = s.sub(a, s.mul(n, s.splat(0.5 * core::f32::consts::LN_2)));
    let y = tanh_near_zero(s, h);
    let (one, half) = (s.splat(1.0), s.splat(0.5));
    let power = scale(s, half, t);
    let below = s.mul_add(s.sub(power, half), y, s.add(power, half));
    let large = s.sub(one, s.div(s.sub(one, y), below));
    s.or(s.select(small, y, large), sign)
}

/// 1 / (1 + e⁻ˣ). Error below 2 ULP (measured: see [`crate::activation::sigmoid`]).
///
/// With −x = n·ln 2 + r and w = eʳ − 1 the divisor is (2ⁿ + 1) + 2ⁿ·w, rounded once: 2ⁿ + 1 is exact for −23 ≤ n ≤ 23 and 1 below. Below
/// −16 the result is e − e², e = eˣ, so that nothing overflows and small results keep their precision. NaN stays NaN.
#[inline(always)]
pub fn sigmoid<S: Simd>(s: S, x: S::F) -> S::F {
    let low = s.splat(-16.0);
    let (t, w) = reduce(s, s.xor(s.min(x, s.splat(87.0)), s.splat(-0.0)));
    let one = s.splat(1.0);
    let power = scale(s, one, t);
    let y = s.div(one, s.mul_add(power, w, s.add(power, one)));
    if s.all(s.lt(low, x)) {
        return y;
    }
    let e = exp(s, x);
    s.select(s.lt(low, x), y, s.sub(e, s.mul(e, e)))
}
