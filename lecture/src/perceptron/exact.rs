//! Sums of samples without rounding, for the certificate.

/// Σ ±(x, 1) over updates: exact, or marked as inexact.
pub struct Net<const I: usize> {
    x: [Exact; I],
    ones: Exact,
}

impl<const I: usize> Net<I> {
    /// No updates yet.
    pub const ZERO: Self = Self { x: [Exact::ZERO; I], ones: Exact::ZERO };

    /// Adds sign·(x, 1). `sign` is ±1, so the product is exact.
    #[inline(always)]
    pub fn add(&mut self, sign: f32, x: &[f32; I]) {
        self.x.iter_mut().zip(x).for_each(|(sum, x)| sum.add(sign * x));
        self.ones.add(sign);
    }

    /// Whether every sum is 0 and exact. `false` can also mean "not known".
    pub fn is_exactly_zero(&self) -> bool {
        self.x.iter().fold(self.ones.is_zero(), |zero, sum| zero & sum.is_zero())
    }
}

/// The unevaluated sum high + low of two numbers, at least 48 digits. `lost` is set once these were
/// not enough.
///
/// While `lost` is not set, high + low **is** the sum of all added numbers in exact arithmetic:
/// `two_sum` gives a + b = s + e without error, so (high + low) + x = low + (high + x) = low + (s +
/// e) = s + (low + e). The last sum is used only if its own error is 0.
#[derive(Clone, Copy)]
struct Exact {
    high: f32,
    low: f32,
    lost: bool,
}

impl Exact {
    const ZERO: Self = Self { high: 0.0, low: 0.0, lost: false };

    #[inline(always)]
    fn add(&mut self, x: f32) {
        let (high, error) = two_sum(self.high, x);
        let (low, lost) = two_sum(self.low, error);
        (self.high, self.low) = (high, low);
        // If a sum overflows, its error is NaN, which is not 0 either.
        self.lost |= lost != 0.0;
    }

    /// Whether high + low = 0 in exact arithmetic.
    fn is_zero(&self) -> bool {
        !self.lost & (self.high == -self.low)
    }
}

/// a + b as s + e: s is the rounded sum, e its error. Exact for all finite numbers, including
/// subnormal ones, whose sum is finite (D. Knuth, *The Art of Computer Programming* 2, 1969, 4.2.2,
/// theorem B; J.-M. Muller and others, *Handbook of Floating-Point Arithmetic*, 4.3.2).
#[inline(always)]
fn two_sum(a: f32, b: f32) -> (f32, f32) {
    let s = a + b;
    let b_part = s - a;
    let a_part = s - b_part;
    (s, (a - a_part) + (b - b_part))
}
