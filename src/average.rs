//! Averages of networks: one that follows another, and the mean of many in any order.

use crate::sequential::{BuffersOf, Layers, Model, ParamsOf, Sequential};
use core::{cmp::Ordering, fmt};
use rosenblatt_kernels::{F32Array, environment::standard, zero_bits};

/// Limbs of a sum. A finite f32 is an integer of 277 bits in units of 2⁻¹⁴⁹. The sum of the weights
/// has 32 bits, and there is a sign: 310 bits.
const LIMBS: usize = 10;

/// The exact weighted mean of networks: Σ nᵢ·wᵢ / Σ nᵢ for each parameter and each non-trainable
/// value, rounded once.
///
/// Nothing is rounded before the end, so the result does not depend on the order in which the
/// networks arrive, nor on how they are grouped ([`Average::merge`]). It is federated averaging
/// (McMahan and others, 2017) if n is the number of samples that a device has learnt from.
///
/// Each sum is an integer of 320 bits (Kulisch, 2013), 40 bytes a value, without an allocator.
/// [`Average::ZERO`] is all zero bits. The mean is rounded to nearest, ties to even. A mean that
/// is or rounds to zero is +0.
///
/// ```
/// use rosenblatt::{average::Average, prelude::*};
///
/// type Net = Mlp<(Dense<2, 1>,)>;
/// let nets = [3u64, 1, 2].map(|seed| Net::init(Seed(seed)));
/// let (mut ahead, mut back) = (Average::<Net>::ZERO, Average::<Net>::ZERO);
/// for (net, samples) in nets.iter().zip([100, 7, 31]) {
///     ahead.add(net, samples)?;
/// }
/// for (net, samples) in nets.iter().zip([100, 7, 31]).rev() {
///     back.add(net, samples)?;
/// }
/// let (mut a, mut b) = (Net::ZERO, Net::ZERO);
/// ahead.mean(&mut a)?;
/// back.mean(&mut b)?;
/// assert_eq!(a.weights(), b.weights());
/// # Ok::<(), rosenblatt::average::Error>(())
/// ```
pub struct Average<N: Model> {
    /// The bits of the limbs, the lowest limb first: two's complement in units of 2⁻¹⁴⁹.
    params: [ParamsOf<N>; LIMBS],
    buffers: [BuffersOf<N>; LIMBS],
    total: u32,
}

zero_bits!([N: Model] Average<N>: { params, buffers, total });

impl<N: Model> Average<N> {
    /// The average of no networks.
    pub const ZERO: Self = Self {
        params: [ParamsOf::<N>::ZERO; LIMBS],
        buffers: [BuffersOf::<N>::ZERO; LIMBS],
        total: 0,
    };

    /// Its size in bytes.
    pub const BYTES: usize = size_of::<Self>();

    /// Adds a network with a weight: the number of samples that it has learnt from, or 1.
    /// # Errors
    /// [`Error::NotFinite`] for a network with a value that is infinite or NaN,
    /// [`Error::TooMuch`] if the weights add up to 2³² or more. Nothing is changed then.
    pub fn add(&mut self, net: &N, weight: u32) -> Result<(), Error> {
        let total = self.total.checked_add(weight).ok_or(Error::TooMuch)?;
        finite(true, net.params().as_flat())?;
        finite(false, net.buffers().as_flat())?;
        each(&mut self.params, net.params(), |sum, value| sum.add(value, weight));
        each(&mut self.buffers, net.buffers(), |sum, value| sum.add(value, weight));
        self.total = total;
        Ok(())
    }

    /// Adds all networks of another average.
    /// # Errors
    /// [`Error::TooMuch`] if the weights add up to 2³² or more. Nothing is changed then.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        self.total = self.total.checked_add(other.total).ok_or(Error::TooMuch)?;
        merge(&mut self.params, &other.params);
        merge(&mut self.buffers, &other.buffers);
        Ok(())
    }

    /// Writes the mean into a network.
    /// # Errors
    /// [`Error::Empty`] if the weights add up to 0. Nothing is changed then.
    pub fn mean(&self, net: &mut N) -> Result<(), Error> {
        if self.total == 0 {
            return Err(Error::Empty);
        }
        means(&self.params, self.total, net.params_mut());
        means(&self.buffers, self.total, net.buffers_mut());
        Ok(())
    }

    /// The sum of the weights.
    #[must_use]
    pub const fn total(&self) -> u32 {
        self.total
    }

    /// Forgets all networks, in place.
    pub fn reset(&mut self) {
        self.params.as_flat_mut().fill(0.0);
        self.buffers.as_flat_mut().fill(0.0);
        self.total = 0;
    }
}

impl<N: Model> fmt::Debug for Average<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Average(networks of weight {})", self.total)
    }
}

impl<N: Model> Default for Average<N> {
    fn default() -> Self {
        Self::ZERO
    }
}

impl<T: Layers> Sequential<T> {
    /// Moves this network toward another one: w ← w + t·(v − w) for each parameter and each
    /// non-trainable value, with difference, product and sum rounded. For t = 1 it becomes equal to
    /// the other, for t = 0 it stays.
    ///
    /// t lies in [0, 1]; it is not checked. With a small t it follows the other slowly: the target
    /// network of reinforcement learning (soft update, τ = t), or an exponential moving average of
    /// the weights.
    ///
    /// ```
    /// use rosenblatt::prelude::*;
    /// type Net = Mlp<(Dense<1, 1>,)>;
    /// let (mut target, mut net) = (Net::ZERO, Net::ZERO);
    /// net.set_weights(&[4.0, -2.0])?;
    /// target.lerp(&net, 0.25);
    /// assert_eq!(target.weights(), [1.0, -0.5]);
    /// # Ok::<(), rosenblatt::Error>(())
    /// ```
    pub fn lerp(&mut self, other: &Self, t: f32) {
        standard(|| {
            lerp(self.params.as_flat_mut(), other.params.as_flat(), t);
            lerp(self.buffers.as_flat_mut(), other.buffers.as_flat(), t);
        });
    }
}

fn lerp(w: &mut [f32], v: &[f32], t: f32) {
    // 0·(v − w) is NaN where v − w overflows.
    if t == 0.0 {
        return;
    }
    for (w, v) in w.iter_mut().zip(v) {
        *w = if t == 1.0 { *v } else { *w + t * (*v - *w) };
    }
}

/// Calls `change` with the sum of each value, and the value.
fn each<P: F32Array>(sums: &mut [P; LIMBS], values: &P, change: impl Fn(&mut Sum, f32)) {
    for (i, value) in values.as_flat().iter().enumerate() {
        let mut sum = Sum::read(sums, i);
        change(&mut sum, *value);
        sum.write(sums, i);
    }
}

fn merge<P: F32Array>(sums: &mut [P; LIMBS], others: &[P; LIMBS]) {
    for i in 0..P::LEN {
        let mut sum = Sum::read(sums, i);
        sum.add_limbs(&Sum::read(others, i).0);
        sum.write(sums, i);
    }
}

fn means<P: F32Array>(sums: &[P; LIMBS], total: u32, to: &mut P) {
    for (i, to) in to.as_flat_mut().iter_mut().enumerate() {
        *to = Sum::read(sums, i).over(total);
    }
}

fn finite(learnt: bool, values: &[f32]) -> Result<(), Error> {
    match values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
        Some((index, value)) => Err(Error::NotFinite { learnt, index, value: *value }),
        None => Ok(()),
    }
}

/// A sum of finite numbers, exact: two's complement in units of 2⁻¹⁴⁹, the lowest limb first.
#[derive(Clone, Copy)]
struct Sum([u32; LIMBS]);

impl Sum {
    /// The sum of value `i`.
    fn read<P: F32Array>(sums: &[P; LIMBS], i: usize) -> Self {
        Self(sums.each_ref().map(|limb| limb.as_flat().get(i).map_or(0, |limb| limb.to_bits())))
    }

    fn write<P: F32Array>(&self, sums: &mut [P; LIMBS], i: usize) {
        for (sums, limb) in sums.iter_mut().zip(self.0) {
            if let Some(to) = sums.as_flat_mut().get_mut(i) {
                *to = f32::from_bits(limb);
            }
        }
    }

    /// Adds weight·value.
    fn add(&mut self, value: f32, weight: u32) {
        let bits = value.to_bits();
        let (exponent, fraction) = (bits >> 23 & 0xff, bits & 0x007f_ffff);
        // A subnormal number has the unit of the least normal ones.
        let (digits, shift) = match exponent {
            0 => (fraction, 0),
            _ => (fraction | 1 << 23, exponent - 1),
        };
        // At most 56 bits; shifted by up to 31 they lie in three limbs.
        let product = u64::from(digits) * u64::from(weight);
        let (low, high) =
            (u64::from(product as u32) << (shift % 32), product >> 32 << (shift % 32));
        let middle = (low >> 32) + (high & 0xffff_ffff);
        let parts = [low as u32, middle as u32, ((middle >> 32) + (high >> 32)) as u32];
        let mut limbs = [0; LIMBS];
        for (limb, part) in limbs.iter_mut().skip((shift / 32) as usize).zip(parts) {
            *limb = part;
        }
        if bits >> 31 == 1 {
            negate(&mut limbs);
        }
        self.add_limbs(&limbs);
    }

    fn add_limbs(&mut self, limbs: &[u32; LIMBS]) {
        let mut carry = 0;
        for (to, limb) in self.0.iter_mut().zip(limbs) {
            let sum = u64::from(*to) + u64::from(*limb) + carry;
            (*to, carry) = (sum as u32, sum >> 32);
        }
    }

    /// The sum divided by n > 0, rounded to nearest, ties to even.
    fn over(mut self, n: u32) -> f32 {
        let negative = self.0.last().is_some_and(|top| top >> 31 == 1);
        if negative {
            negate(&mut self.0);
        }
        let mut rest = 0;
        for limb in self.0.iter_mut().rev() {
            let part = rest << 32 | u64::from(*limb);
            *limb = part.checked_div(u64::from(n)).unwrap_or(0) as u32;
            rest = part.checked_rem(u64::from(n)).unwrap_or(0);
        }
        let bits = rounded(&self.0, (2 * rest).cmp(&u64::from(n)), rest > 0);
        f32::from_bits(bits | if negative && bits > 0 { 1 << 31 } else { 0 })
    }
}

/// limbs ← −limbs
fn negate(limbs: &mut [u32; LIMBS]) {
    let mut carry = true;
    for limb in limbs {
        (*limb, carry) = (!*limb).overflowing_add(u32::from(carry));
    }
}

/// The bits of an integer in units of 2⁻¹⁴⁹ and a fraction behind it, rounded. `half` compares the
/// fraction with ½; `more` says whether it is above 0.
fn rounded(limbs: &[u32; LIMBS], half: Ordering, more: bool) -> u32 {
    let bit = |i: usize| limbs.get(i / 32).is_some_and(|limb| limb >> (i % 32) & 1 == 1);
    let top = (0..32 * LIMBS).rev().find(|i| bit(*i)).unwrap_or(0);
    let (bits, half) = match top.checked_sub(23) {
        // The units of subnormal and of the least normal numbers: the bits are the integer.
        None | Some(0) => (limbs.first().copied().unwrap_or(0), half),
        Some(shift) => {
            let digits = (0..23).fold(0, |digits, i| digits | u32::from(bit(shift + i)) << i);
            let below = more || (0..shift - 1).any(bit);
            let half = match (bit(shift - 1), below) {
                (true, true) => Ordering::Greater,
                (true, false) => Ordering::Equal,
                (false, _) => Ordering::Less,
            };
            ((shift as u32 + 1) << 23 | digits, half)
        }
    };
    match half {
        Ordering::Less => bits,
        Ordering::Equal => bits + (bits & 1),
        Ordering::Greater => bits + 1,
    }
}

/// Why networks were not averaged.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// A value of a network is not finite.
    NotFinite {
        /// `true` for a weight, `false` for a non-trainable value
        learnt: bool,
        /// Its index, from 0, in the order of [`weights`](Sequential::weights)
        index: usize,
        /// The value
        value: f32,
    },
    /// The weights add up to 2³² or more.
    TooMuch,
    /// There is nothing to average: the weights add up to 0.
    Empty,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotFinite { learnt, index, value } => {
                let kind = if learnt { "weight" } else { "non-trainable value" };
                let place = index + 1;
                write!(f, "{kind} {place} (counted from 1) is {value}; a finite number is expected")
            }
            Self::TooMuch => f.write_str("the weights of the networks add up to 2³² or more"),
            Self::Empty => f.write_str("there is nothing to average: no network has a weight"),
        }
    }
}

impl core::error::Error for Error {}
