//! A new order for each epoch, without a buffer for it.

use crate::rng::{Seed, mix};

/// A pseudo-random permutation of 0 … n − 1, computed index by index in constant memory.
///
/// A Feistel network over the next power of four above n, at least 256 (Luby and Rackoff, 1988). An
/// index outside of 0 … n − 1 goes through the network again (Black and Rogaway, 2002). No sample
/// is moved and no order is stored, so data can stay in flash.
///
/// ```
/// use rosenblatt::{Seed, dataset::Permutation};
/// let order = Permutation::new(10, Seed(1957), 1);
/// let mut seen = [false; 10];
/// (0..10).for_each(|i| seen[order.index(i)] = true);
/// assert_eq!(seen, [true; 10]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Permutation {
    n: u32,
    half: u32,
    keys: [u32; Self::ROUNDS],
}

impl Permutation {
    const ROUNDS: usize = 6;

    /// The order of epoch `epoch` with `seed`. A length of 2³² or more is reduced to 2³² − 1.
    #[must_use]
    pub fn new(n: usize, seed: Seed, epoch: usize) -> Self {
        let n = u32::try_from(n).unwrap_or(u32::MAX);
        // At least four bits for each half, so that short sequences are mixed too.
        let bits = (u32::BITS - n.leading_zeros()).max(8);
        // Mixed after each part. If two mixed parts were only xor-ed, exchanging seed and epoch
        // would give the same order.
        let start = mix(mix(mix(seed.0 as u32) ^ (seed.0 >> 32) as u32) ^ epoch as u32);
        let mut keys = [0; Self::ROUNDS];
        for (round, key) in (1u32..).zip(&mut keys) {
            *key = mix(start.wrapping_add(round.wrapping_mul(0x9e37_79b9)));
        }
        Self { n, half: bits.div_ceil(2), keys }
    }

    /// The index of the sample at place `i` of this order. `i` itself if `i` is not below n.
    #[must_use]
    pub fn index(&self, i: usize) -> usize {
        if i >= self.n as usize {
            return i;
        }
        let mask = (1u32 << self.half) - 1;
        let mut x = i as u32;
        loop {
            let (mut left, mut right) = (x >> self.half, x & mask);
            for key in self.keys {
                (left, right) = (right, left ^ (mix(right ^ key) & mask));
            }
            x = left << self.half | right;
            if x < self.n {
                return x as usize;
            }
        }
    }
}
