//! Sums over samples with an error that does not grow with their number.

use rosenblatt_kernels::{arch::scalar::Scalar, math::compensated};

/// A sum with a correction for rounding (W. Kahan, *Further remarks on reducing truncation errors*,
/// 1965).
///
/// Relative error of a sum of n numbers of one sign: at most (2 + n·2⁻²³) units of 2⁻²⁴. For 10⁸
/// samples that is below 1e-6. A sum that is infinite stays infinite.
#[derive(Clone, Copy)]
pub(crate) struct Sum {
    value: f32,
    /// By how much `value` is too large
    excess: f32,
}

impl Sum {
    /// The empty sum.
    pub(crate) const ZERO: Self = Self { value: 0.0, excess: 0.0 };

    /// Adds a number.
    #[inline(always)]
    pub(crate) fn add(&mut self, x: f32) {
        (self.value, self.excess) = compensated(Scalar, self.value, self.excess, x);
    }

    /// The sum divided by n. The division is done here, before a caller's floating-point
    /// environment is restored.
    #[inline(always)]
    pub(crate) fn mean(&self, n: usize) -> f32 {
        core::hint::black_box(self.value / n as f32)
    }

    /// The sum, rounded.
    #[inline(always)]
    pub(crate) fn value(&self) -> f32 {
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::Sum;

    #[test]
    fn a_hundred_million_terms_lose_no_digit() {
        for x in [0.1f32, 0.3, 1e-3] {
            let mut sum = Sum::ZERO;
            (0..100_000_000).for_each(|_| sum.add(x));
            let exact = f64::from(x) * 1e8;
            assert!((f64::from(sum.value()) / exact - 1.0).abs() < 1e-6, "{x}: {}", sum.value());
        }
    }

    #[test]
    fn an_infinite_sum_stays_infinite() {
        let mut sum = Sum::ZERO;
        for x in [3e38, 3e38, 1.0] {
            sum.add(x);
        }
        assert_eq!(sum.value(), f32::INFINITY);
    }
}
