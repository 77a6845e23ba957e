//! exp, ln, tanh, sigmoid and cos πx on the lanes of any backend, in f32 and without a fused
//! operation.
//!
//! Every constant is an f32 and every operation is one of [`Simd`]'s, so all backends compute the
//! same bits. The stated errors are the worst over all 2³² inputs (`cargo xtask ulp`), in units in
//! the last place of the exact result.
//!
//! [`sqrt`] and [`Sum`] are for single values, outside of kernels.

use crate::simd::Simd;

/// 1.5·2²³: adding it to |x| < 2²² leaves the nearest integer in the low bits of the sum.
const MAGIC: f32 = 12_582_912.0;
const LOG2_E: f32 = core::f32::consts::LOG2_E;
/// ln 2 in two parts. The first has nine significant bits, so its product with an exponent is
/// exact.
const LN2_HI: f32 = 355.0 / 512.0;
const LN2_LO: f32 = -2.121_944_4e-4;

/// Splits `x` into n·ln 2 + r, |r| ≤ ½ ln 2 (Cody and Waite, 1980). Returns (MAGIC + n, eʳ − 1).
///
/// eʳ − 1 = r + r²·q(r), where q is a minimax polynomial of degree 4 whose first coefficient is ½
/// (relative error of eʳ 2⁻²⁸). r is the exact difference `x − n·hi` minus the small `n·lo`. The
/// last sum takes these two one by one, so the rounding of r does not enter it.
#[cfg_attr(not(any(rosenblatt_small, rosenblatt_unoptimized)), inline(always))]
#[cfg_attr(any(rosenblatt_small, rosenblatt_unoptimized), inline(never))]
fn reduce<S: Simd>(s: S, x: S::F) -> (S::F, S::F) {
    let t = s.mul_add(x, s.splat(LOG2_E), s.splat(MAGIC));
    let n = s.sub(t, s.splat(MAGIC));
    let high = s.sub(x, s.mul(n, s.splat(LN2_HI)));
    let low = s.mul(n, s.splat(LN2_LO));
    let r = s.sub(high, low);
    // In pairs (Estrin) instead of Horner's rule: as many operations, half the latency.
    let r2 = s.mul(r, r);
    let c01 = s.mul_add(s.splat(1.666_653_3e-1), r, s.splat(0.5));
    let c23 = s.mul_add(s.splat(8.367_635e-3), r, s.splat(4.166_724e-2));
    let q = s.mul_add(s.mul_add(s.splat(1.386_364_5e-3), r2, c23), r2, c01);
    (t, s.add(high, s.sub(s.mul(r2, q), low)))
}

/// p·2ⁿ where `t` = MAGIC + n and both p and the result are normal: n is added to the exponent.
#[inline(always)]
fn scale<S: Simd>(s: S, p: S::F, t: S::F) -> S::F {
    s.int_add(p, s.shl::<23>(t))
}

/// eˣ. Error below 1 ULP (measured: see [`crate::activation::exp`]).
///
/// x = n·ln 2 + r, eˣ = 2ⁿ·(1 + (r + r²·q(r))). From 88.72284 on the result is ∞. Below −103.97208
/// it is +0. Subnormal results are rounded once. NaN stays NaN.
#[cfg_attr(not(any(rosenblatt_small, rosenblatt_unoptimized)), inline(always))]
#[cfg_attr(any(rosenblatt_small, rosenblatt_unoptimized), inline(never))]
pub fn exp<S: Simd>(s: S, x: S::F) -> S::F {
    // Inside ±87 the result is normal and needs one exponent addition. Both paths give the same
    // bits there.
    let near = !cfg!(rosenblatt_small) && s.all(s.lt(s.abs(x), s.splat(87.0)));
    let x = if near { x } else { s.min(s.max(x, s.splat(-104.0)), s.splat(89.0)) };
    let (t, w) = reduce(s, x);
    let p = s.add(s.splat(1.0), w);
    if near {
        return scale(s, p, t);
    }
    // 2ⁿ in two factors, each a normal number. Only the second product can round.
    let n = s.int_sub(t, s.splat(MAGIC));
    let half = s.sar::<1>(n);
    let bias = s.splat_bits(127);
    let a = s.shl::<23>(s.int_add(half, bias));
    let b = s.shl::<23>(s.int_add(s.int_sub(n, half), bias));
    s.mul(s.mul(p, a), b)
}

/// eˣ for x ≤ 0, with the bits of [`exp`]. The result for x above zero is unspecified.
#[cfg_attr(not(rosenblatt_unoptimized), inline(always))]
#[cfg_attr(rosenblatt_unoptimized, inline(never))]
pub fn exp_below<S: Simd>(s: S, x: S::F) -> S::F {
    if const { S::LANES == 1 && !cfg!(rosenblatt_small) } {
        // Worth a test for a single value: each row of a softmax has a 0.
        if !s.all(s.lt(x, s.splat(0.0))) {
            return s.add(s.splat(1.0), x);
        }
        if s.all(s.lt(s.splat(-87.0), x)) {
            let (t, w) = reduce(s, x);
            return scale(s, s.add(s.splat(1.0), w), t);
        }
    }
    exp(s, x)
}

/// Splits a normal x above zero: x = 2ᵏ·(1 + f) with √½ ≤ 1 + f < √2. Returns (k, f); f is exact.
#[inline(always)]
fn split<S: Simd>(s: S, x: S::F) -> (S::F, S::F) {
    let sqrt_half = s.splat(core::f32::consts::FRAC_1_SQRT_2);
    let d = s.int_sub(x, sqrt_half);
    let k = s.sub(s.int_add(s.sar::<23>(d), s.splat(MAGIC)), s.splat(MAGIC));
    let m = s.int_add(s.and(d, s.splat_bits(0x007f_ffff)), sqrt_half);
    (k, s.sub(m, s.splat(1.0)))
}

/// k·ln 2 + ln(1 + f) for the parts of [`split`].
///
/// With q = f/(2 + f) and z = q², ln(1 + f) = f − ½f² + q·(½f² + z·R(z)), R of degree 3. Method and
/// coefficients: FreeBSD's logf (Sun Microsystems).
#[inline(always)]
fn ln_parts<S: Simd>(s: S, k: S::F, f: S::F) -> S::F {
    let q = s.div(f, s.add(s.splat(2.0), f));
    let z = s.mul(q, q);
    let z2 = s.mul(z, z);
    let even = s.mul(z2, s.mul_add(s.splat(0.242_790_79), z2, s.splat(0.400_009_72)));
    let odd = s.mul(z, s.mul_add(s.splat(0.284_987_87), z2, s.splat(0.666_666_6)));
    let half = s.mul(s.splat(0.5), s.mul(f, f));
    let small = s.mul_add(q, s.add(half, s.add(odd, even)), s.mul(k, s.splat(LN2_LO)));
    s.add(s.mul(k, s.splat(LN2_HI)), s.add(f, s.sub(small, half)))
}

/// ln x. Error below 1 ULP (measured: see [`crate::activation::ln`]).
///
/// ln ±0 = −∞, ln ∞ = ∞. Below zero and for NaN the result is NaN. Subnormal numbers are scaled
/// first.
#[cfg_attr(not(any(rosenblatt_small, rosenblatt_unoptimized)), inline(always))]
#[cfg_attr(any(rosenblatt_small, rosenblatt_unoptimized), inline(never))]
pub fn ln<S: Simd>(s: S, x: S::F) -> S::F {
    // A normal number above zero needs no special cases. Both paths give the same bits there.
    let normal = !cfg!(rosenblatt_small)
        && s.all(s.lt(s.splat_bits(0x007f_ffff), x))
        && s.all(s.lt(x, s.splat(f32::INFINITY)));
    let tiny = s.lt(x, s.splat(f32::MIN_POSITIVE));
    let m = if normal { x } else { s.select(tiny, s.mul(x, s.splat(8_388_608.0)), x) };
    let (k, f) = split(s, m);
    let k = if normal { k } else { s.select(tiny, s.sub(k, s.splat(23.0)), k) };
    let y = ln_parts(s, k, f);
    if normal {
        return y;
    }
    // Outside 0 < x < ∞ the result is −∞ for zeros, NaN below zero, x for ∞ and NaN.
    let zero = s.splat(0.0);
    let y = s.select(s.lt(zero, x), y, s.splat(f32::NAN));
    let y = s.select(s.lt(s.abs(x), s.splat_bits(1)), s.splat(f32::NEG_INFINITY), y);
    s.select(s.lt(x, s.splat(f32::INFINITY)), y, s.add(x, zero))
}

/// ln x for a normal number above zero, with the bits of [`ln`]. The result for other numbers and
/// NaN is unspecified.
#[cfg_attr(not(rosenblatt_unoptimized), inline(always))]
#[cfg_attr(rosenblatt_unoptimized, inline(never))]
pub fn ln_normal<S: Simd>(s: S, x: S::F) -> S::F {
    let (k, f) = split(s, x);
    ln_parts(s, k, f)
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
/// Below 0.625 a polynomial. From there on, |x| = n·½ ln 2 + h, and t = tanh h comes from the same
/// polynomial. Then e²ˣ = 2ⁿ·(1 + t)/(1 − t) and tanh |x| = 1 − 2/(e²ˣ + 1) = 1 − (1 − t)/(½(2ⁿ +
/// 1) + ½(2ⁿ − 1)·t), with one division. The sign of x is put back. From 9.011 on the result is ±1.
///
/// tanh of ±0 and of a subnormal number is the number itself. NaN stays NaN.
#[cfg_attr(not(rosenblatt_unoptimized), inline(always))]
#[cfg_attr(rosenblatt_unoptimized, inline(never))]
pub fn tanh<S: Simd>(s: S, x: S::F) -> S::F {
    if const { S::LANES == 1 } {
        // A single value takes one path. The bits are those of the selections below.
        let a = s.abs(x);
        let sign = s.and(x, s.splat(-0.0));
        if s.all(s.lt(a, s.splat(0.625))) {
            return s.or(tanh_near_zero(s, a), sign);
        }
        if s.all(s.lt(s.splat(9.1), a)) {
            return s.or(s.splat(1.0), sign);
        }
    }
    let sign = s.and(x, s.splat(-0.0));
    let a = s.min(s.abs(x), s.splat(9.1));
    let small = s.lt(a, s.splat(0.625));
    let t = s.mul_add(a, s.splat(2.0 * LOG2_E), s.splat(MAGIC));
    let n = s.select(small, s.splat(0.0), s.sub(t, s.splat(MAGIC)));
    // One product is enough for n·½ ln 2. It rounds only for large n, where tanh is nearly flat.
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
/// With −x = n·ln 2 + r and w = eʳ − 1, the divisor is (2ⁿ + 1) + 2ⁿ·w, rounded once: 2ⁿ + 1 is
/// exact for −23 ≤ n ≤ 23, and rounds to 1 below. At and below −16 the result is e − e² with e =
/// eˣ: nothing overflows, and small results keep their precision. NaN stays NaN.
#[cfg_attr(not(rosenblatt_unoptimized), inline(always))]
#[cfg_attr(rosenblatt_unoptimized, inline(never))]
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

/// cos πx. Error below 2 ULP over all inputs (measured: see [`crate::activation::cos_pi`]).
///
/// The argument is in half turns, for which every reduction is exact. Cosine has the period 2, so
/// |x| becomes u = |x − 2k| ≤ 1. cos πu = −cos π(1 − u) brings it to v ≤ ½. Up to ¼ the result is a
/// polynomial in v². Above, cos πv = sin πw with w = ½ − v is another polynomial, with π in two
/// parts to keep its rounding error out. The result is 0 at every ½ and ±1 at every whole number.
/// From 2²⁴ on every number is even. NaN and ±∞ give NaN.
#[cfg_attr(not(rosenblatt_unoptimized), inline(always))]
#[cfg_attr(rosenblatt_unoptimized, inline(never))]
pub fn cos_pi<S: Simd>(s: S, x: S::F) -> S::F {
    let (one, half) = (s.splat(1.0), s.splat(0.5));
    let a = s.abs(x);
    let a = s.select(s.lt(a, s.splat(16_777_216.0)), a, s.splat(0.0));
    // ½a is below 2²³: the last bit of the sum with 2²³ is worth 1.
    let k = s.sub(s.mul_add(half, a, s.splat(8_388_608.0)), s.splat(8_388_608.0));
    let u = s.abs(s.sub(a, s.add(k, k)));
    let turned = s.lt(half, u);
    let v = s.select(turned, s.sub(one, u), u);

    let z = s.mul(v, v);
    let z2 = s.mul(z, z);
    let c = s.mul_add(
        s.mul_add(s.splat(0.229_745_21), z, s.splat(-1.334_835_9)),
        z2,
        s.mul_add(s.splat(4.058_698_7), z, s.splat(-4.934_802)),
    );
    let cosine = s.mul_add(z, c, one);

    let w = s.sub(half, v);
    let z = s.mul(w, w);
    let c = s.mul_add(
        s.mul_add(s.splat(-0.589_336_93), z, s.splat(2.549_797_5)),
        z,
        s.splat(-5.167_709),
    );
    let rest = s.mul(w, s.mul_add(z, c, s.splat(-8.742_278e-8)));
    let sine = s.mul_add(w, s.splat(core::f32::consts::PI), rest);

    let y = s.select(s.lt(s.splat(0.25), v), sine, cosine);
    let y = s.select(turned, s.sub(s.splat(0.0), y), y);
    // x − x is +0 for a number, else NaN.
    s.add(y, s.sub(x, x))
}

/// One compensated addition (Kahan, 1965): x′ = x − e; s′ = s + x′; e′ = (s′ − s) − x′. Where e′ is
/// not finite it is 0, so that an infinite sum stays infinite. Returns (s′, e′): the sum and what
/// rounding has added to it.
#[inline(always)]
pub fn compensated<S: Simd>(s: S, sum: S::F, excess: S::F, x: S::F) -> (S::F, S::F) {
    let x = s.sub(x, excess);
    let next = s.add(sum, x);
    let excess = s.sub(s.sub(next, sum), x);
    let finite = s.lt(s.abs(excess), s.splat(f32::INFINITY));
    (next, s.select(finite, excess, s.splat(0.0)))
}

/// A sum of single values with a correction for rounding: additions as in [`compensated`].
///
/// Relative error of a sum of n numbers of one sign: at most (2 + n·2⁻²³) units of 2⁻²⁴. For 10⁸
/// numbers that is below 1e-6. A sum that is infinite stays infinite.
///
/// ```
/// use rosenblatt_kernels::math::Sum;
/// let mut sum = Sum::ZERO;
/// (0..1_000_000).for_each(|_| sum.add(0.1));
/// assert_eq!(sum.value(), 100_000.0); // a plain sum in f32 gives 100958.34
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sum {
    value: f32,
    /// By how much `value` is too large
    excess: f32,
}

crate::persist!([] Sum = "sum": { value: f32, excess: f32 });

impl Sum {
    /// The empty sum.
    pub const ZERO: Self = Self { value: 0.0, excess: 0.0 };

    /// Adds a number.
    #[inline(always)]
    pub fn add(&mut self, x: f32) {
        let x = x - self.excess;
        let next = self.value + x;
        let excess = (next - self.value) - x;
        *self = Self { value: next, excess: if excess.is_finite() { excess } else { 0.0 } };
    }

    /// The sum divided by n. The division is done here, before a caller's floating-point
    /// environment is restored.
    #[must_use]
    #[inline(always)]
    pub fn mean(&self, n: usize) -> f32 {
        core::hint::black_box(self.value / n as f32)
    }

    /// The sum, rounded.
    #[must_use]
    #[inline(always)]
    pub const fn value(&self) -> f32 {
        self.value
    }
}

/// √a of a single value, correctly rounded: the operation `sqrt` of the scalar backend. `core` has
/// no square root.
///
/// ```
/// assert_eq!(rosenblatt_kernels::math::sqrt(2.0), std::f32::consts::SQRT_2);
/// ```
#[must_use]
#[inline(always)]
pub fn sqrt(a: f32) -> f32 {
    // libm's root is an SSE instruction in inline assembly. Between AVX instructions its encoding
    // costs a hundred cycles.
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
    {
        use core::arch::x86_64::{_mm_cvtss_f32, _mm_set_ss, _mm_sqrt_ss};
        // SAFETY: SSE is a feature of the whole target.
        unsafe { _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(a))) }
    }
    #[cfg(rosenblatt_cortex_fpu)]
    {
        /// libm's root is software.
        #[unsafe(naked)]
        extern "C" fn vsqrt(a: f32) -> f32 {
            core::arch::naked_asm!(".fpu fpv4-sp-d16", "vsqrt.f32 s0, s0", "bx lr")
        }
        vsqrt(a)
    }
    #[cfg(not(any(rosenblatt_cortex_fpu, all(target_arch = "x86_64", target_feature = "sse2"))))]
    libm::sqrtf(a)
}
