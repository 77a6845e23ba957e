//! Samples before training: a new order each epoch without a buffer for it, a part kept for validation, the search for a value that is no number,
//! standardizing.

mod standardize;

pub use standardize::Standardize;

use crate::{
    error::{Error, Result},
    rng::{Seed, mix},
};
use rosenblatt_kernels::Plain;

/// What is expected where a number is infinite or NaN.
const FINITE: &str = "a finite number";

/// Sample, column and value of the first number that is infinite or NaN.
#[cold]
fn first_not_finite<R: Plain>(rows: &[R]) -> Option<(usize, usize, f32)> {
    rows.iter().enumerate().find_map(|(sample, row)| {
        let (column, value) = row.as_flat().iter().enumerate().find(|(_, value)| !value.is_finite())?;
        Some((sample, column, *value))
    })
}

/// An error unless all values of all samples are finite. (Of a sample with several dimensions the column is the place in memory.)
///
/// Looks at one value after the other: for data that just came in, and to find the culprit when a loss is not finite.
/// # Errors
/// [`Error::Input`] names the first that is infinite or NaN.
pub fn finite_inputs<R: Plain>(x: &[R]) -> Result<()> {
    match first_not_finite(x) {
        Some((sample, column, value)) => Err(Error::Input { sample, column, value, expected: FINITE }),
        None => Ok(()),
    }
}

/// The error about samples that are known to hold a value that is not finite.
#[inline(always)]
pub(crate) fn bad_input<R: Plain>(x: &[R]) -> Error {
    let (sample, column, value) = first_not_finite(x).unwrap_or((0, 0, f32::NAN));
    Error::Input { sample, column, value, expected: FINITE }
}

/// [`finite_inputs`] for targets.
/// # Errors
/// [`Error::Target`] names the first that is infinite or NaN.
pub fn finite_targets<R: Plain>(t: &[R]) -> Result<()> {
    match first_not_finite(t) {
        Some((sample, output, value)) => Err(Error::Target { sample, output, value, expected: FINITE }),
        None => Ok(()),
    }
}

/// A pseudo-random permutation of 0 … n − 1, computed index by index in constant memory.
///
/// A Feistel network over the next power of four above n (Luby and Rackoff, 1988); indices that fall outside are sent through again
/// (Black and Rogaway, 2002). Data may stay in flash: nothing is moved and no order is stored.
///
/// ```
/// use rosenblatt::{Seed, data::Permutation};
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

    /// The order of epoch `epoch` under `seed`. Lengths beyond 2³² are cut to it.
    #[must_use]
    pub fn new(n: usize, seed: Seed, epoch: usize) -> Self {
        let n = u32::try_from(n).unwrap_or(u32::MAX);
        // At least four bits a side: short sequences need room to mix.
        let bits = (u32::BITS - n.leading_zeros()).max(8);
        // Stirred after each part: were two stirred parts only xor-ed, seed and epoch could change places.
        let start = mix(mix(mix(seed.0 as u32) ^ (seed.0 >> 32) as u32) ^ epoch as u32);
        let mut keys = [0; Self::ROUNDS];
        for (round, key) in (1u32..).zip(&mut keys) {
            *key = mix(start.wrapping_add(round.wrapping_mul(0x9e37_79b9)));
        }
        Self { n, half: bits.div_ceil(2), keys }
    }

    /// Where the sample at place `i` of this order lies; `i` itself if there is no such place.
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

/// Samples to learn from, and samples kept for validation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split<'a, X, T> {
    /// Inputs to learn from
    pub x: &'a [X],
    /// Their targets
    pub t: &'a [T],
    /// Inputs to validate with
    pub x_val: &'a [X],
    /// Their targets
    pub t_val: &'a [T],
}

/// Keras' `validation_split`: the first ⌊n·(1 − share)⌋ samples to learn from, the last ones, in their order, for validation.
///
/// Nothing is copied. Samples that are sorted by class should be shuffled before, as with Keras.
///
/// ```
/// use rosenblatt::data::split;
/// let (x, t) = ([[1.0], [2.0], [3.0], [4.0], [5.0]], [0u8, 1, 0, 1, 0]);
/// let data = split(&x, &t, 0.4)?;
/// assert_eq!((data.x.len(), data.x_val, data.t_val), (3, &x[3..], &t[3..]));
/// # Ok::<(), rosenblatt::Error>(())
/// ```
/// # Errors
/// [`Error::Lengths`], [`Error::HyperParameter`] for a share not between 0 and 1, also for one that would leave a part without samples, [`Error::Empty`] for no samples at all.
pub fn split<'a, X, T>(x: &'a [X], t: &'a [T], share: f64) -> Result<Split<'a, X, T>> {
    same_lengths(x, t)?;
    let wrong = |expected| Error::HyperParameter { name: "share", value: share as f32, expected };
    if !(share > 0.0 && share < 1.0) {
        return Err(wrong("a number between 0 and 1"));
    }
    // In f64, as Keras: where n·(1 − share) should be a whole number, the rounding decides which.
    let at = (x.len() as f64 * (1.0 - share)) as usize;
    match (x.split_at_checked(at), t.split_at_checked(at)) {
        (Some((x, x_val)), Some((t, t_val))) if !x.is_empty() && !x_val.is_empty() => Ok(Split { x, t, x_val, t_val }),
        _ if x.is_empty() => Err(Error::Empty),
        _ => Err(wrong("one that leaves samples in both parts")),
    }
}

/// An error unless there are as many targets as inputs.
#[inline(always)]
pub(crate) fn same_lengths<X, T>(x: &[X], t: &[T]) -> Result<()> {
    if x.len() == t.len() { Ok(()) } else { Err(Error::Lengths { inputs: x.len(), targets: t.len() }) }
}
