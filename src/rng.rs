//! The random generator of initial weights and shuffles. It uses integers only, so that every
//! target draws the same numbers.

pub(crate) use rosenblatt_kernels::dropout::mix;
use rosenblatt_kernels::{arch::scalar::Scalar, environment::standard, math};

/// The seed of a sequence of random numbers. Equal seeds give equal numbers on every target.
///
/// ```
/// use rosenblatt::prelude::*;
/// type Net = Mlp<(Dense<2, 3>,)>;
/// let (a, b) = (Net::init(Seed(1957)), Net::init(Seed(1957)));
/// assert_eq!(a.weights(), b.weights());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Seed(pub u64);

impl Seed {
    /// Word `i`, from 1, of a generator's initial state.
    #[inline(always)]
    const fn word(self, i: u32) -> u32 {
        let (low, high) = (self.0 as u32, (self.0 >> 32) as u32);
        // The words are Weyl steps apart, so that no seed gives the forbidden state of four zeros.
        let salt = 0x9e37_79b9u32.wrapping_mul(i);
        mix(mix(low.wrapping_add(salt)) ^ high) ^ salt
    }
}

/// xoshiro128++ (D. Blackman and S. Vigna, 2019): 32-bit additions, shifts and rotations, fast on a
/// Cortex-M0.
///
/// ```
/// use rosenblatt::{Rng, Seed};
/// let mut rng = Rng::new(Seed(1957));
/// assert_eq!(rng.next_u32(), Rng::new(Seed(1957)).next_u32());
/// assert!((0.0..1.0).contains(&rng.uniform()));
/// ```
#[derive(Clone, Debug)]
pub struct Rng([u32; 4]);

impl Rng {
    /// A generator at the start of the sequence of `seed`.
    #[must_use]
    pub const fn new(seed: Seed) -> Self {
        // Not a loop: if the seed is known, the firmware holds only four constants.
        Self([seed.word(1), seed.word(2), seed.word(3), seed.word(4)])
    }

    /// The next 32 bits.
    #[inline]
    pub const fn next_u32(&mut self) -> u32 {
        let [a, b, c, d] = self.0;
        let out = a.wrapping_add(d).rotate_left(7).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.0 = [a ^ d, b ^ c, c ^ (b << 9), d.rotate_left(11)];
        out
    }

    /// Uniform in [0, 1): the upper 24 of the next 32 bits, divided by 2²⁴. Exact.
    #[inline]
    pub const fn uniform(&mut self) -> f32 {
        (self.next_u32() >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// Normal with mean 0 and standard deviation 1, by Marsaglia's polar method (1964): u·√(−2·ln q
    /// / q) for a point (u, v) of the unit disc, q = u² + v². The second number of the method is
    /// not used.
    pub fn normal(&mut self) -> f32 {
        standard(|| self.draw_normal())
    }

    fn draw_normal(&mut self) -> f32 {
        loop {
            let u = 2.0 * self.uniform() - 1.0;
            let v = 2.0 * self.uniform() - 1.0;
            let q = u * u + v * v;
            if q > 0.0 && q < 1.0 {
                return u * math::sqrt(-2.0 * math::ln(Scalar, q) / q);
            }
        }
    }
}
