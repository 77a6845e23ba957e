//! The perceptron: one unit with a step, and the learning rule that Frank Rosenblatt gave it.
//!
//! F. Rosenblatt, *The Perceptron: A Perceiving and Recognizing Automaton*, Cornell Aeronautical Laboratory report 85-460-1, 1957, and *The Perceptron: A Probabilistic
//! Model for Information Storage and Organization in the Brain*, Psychological Review 65(6), 1958.

mod exact;

use crate::{
    error::{Error, Quantity, Result},
    optimizer::positive,
};
use exact::Net;
use rosenblatt_kernels::environment::standard;

/// A unit with `I` inputs and a step: y = 1 where w₁x₁ + … + b > 0, else 0.
///
/// ```
/// use rosenblatt::prelude::*;
///
/// let mut unit = Perceptron::<2>::new(); // can be a `static`
/// let done = unit.fit(&gates::AND.x, &gates::AND.t, 1.0, 100)?;
/// assert_eq!(gates::AND.x.map(|x| [unit.predict(&x)]), gates::AND.t);
/// assert_eq!((unit.w, unit.b), ([2.0, 1.0], -2.0));
/// assert_eq!((done.epochs, done.updates), (6, 10));
/// # Ok::<(), rosenblatt::Error>(())
/// ```
///
/// No line parts XOR (Minsky and Papert, 1969), and `fit` proves it:
///
/// ```
/// # use rosenblatt::{Error, prelude::*};
/// let outcome = Perceptron::<2>::new().fit(&gates::XOR.x, &gates::XOR.t, 1.0, 100);
/// assert!(matches!(outcome, Err(Error::NotSeparable { .. })));
/// ```
///
/// # The learning rule
///
/// For one sample x with the answer t, 0 or 1 ([`Perceptron::learn`]):
///
/// w ← w + lr·(t − y)·x, b ← b + lr·(t − y)
///
/// Nothing changes where y is right. Where it is 0 instead of 1 the sample is added, where it is 1 instead of 0 taken away. It is no gradient descent: the step's slope is 0.
///
/// # It converges where it can
///
/// Let the samples be separable: with X = (x, 1) and s = +1 where t = 1, −1 where t = 0, some V of length 1 has s·V·X ≥ γ > 0 for all of them. Let R be the greatest length
/// of an X. From zero weights the rule makes at most **(R / γ)²** updates, at every learning rate (A. Novikoff, *On convergence proofs on perceptrons*, 1962): with W = (w, b) / lr an
/// update adds at least γ to V·W, and at most R² to |W|², because s·W·X ≤ 0; after k updates kγ ≤ V·W ≤ |W| ≤ √k·R. Other first weights add to the bound; rounding, which the
/// theorem does not know, shows only where R / γ is large.
///
/// # What proves that it cannot
///
/// An epoch that ends with the weights of an earlier one, after mistakes, will be repeated for ever: the order of the samples is fixed and so is the arithmetic. The updates in between, each
/// ±X, add up to nothing: Σ nᵢ·sᵢ·Xᵢ = 0, where nᵢ ≥ 0 counts the updates by sample i, and not all are 0. **No V separates such samples**: it would make each sᵢ·V·Xᵢ positive and
/// their sum with weights nᵢ with it, but that sum is V·0 = 0. (P. Gordan, 1873: exactly one of the two, V or such nᵢ, exists.)
///
/// In rounded arithmetic equal weights prove less: where w + lr·x rounds to w, nothing moves although much was added. So [`Perceptron::fit`] does not trust the weights. Beside them it adds up the ±X
/// themselves, without learning rate and without rounding (error-free transformations of sums: Knuth, 1969). It says [`Error::NotSeparable`] only if the weights are the same **to the bit** and
/// the sum of the ±X in between is **exactly 0**; that sum is the certificate, whatever rounding did to the weights. Otherwise it says [`Error::NotConverged`]:
/// so it does on samples that are not separable where rounding never lets the weights come round. Inputs near 1 ([`Standardize`](crate::data::Standardize)), and a power of two as learning rate, help.
///
/// Cycles of any length are found in fixed memory: the weights after epochs 0, 1, 2, 4, 8, … are kept until the next of these and compared with those of each epoch (R. Brent, *An improved
/// Monte Carlo factorization algorithm*, 1980).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Perceptron<const I: usize> {
    /// One weight an input
    pub w: [f32; I],
    /// The bias; −b is the threshold that w·x must exceed
    pub b: f32,
}

/// The samples are separated: each was answered rightly in the last epoch, which changed no weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Separated {
    /// Epochs run, the last one included
    pub epochs: usize,
    /// How often the weights were changed
    pub updates: usize,
}

impl<const I: usize> Perceptron<I> {
    /// All weights and the bias 0; usable in a `static`.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(I > 0, "a perceptron needs at least one input") };
        Self { w: [0.0; I], b: 0.0 }
    }

    /// What the step is asked about: b + x₁w₁ + x₂w₂ + …, each product and each sum rounded, in this order, as a layer `Dense<I, 1>` does.
    #[must_use]
    pub fn excitation(&self, x: &[f32; I]) -> f32 {
        standard(|| self.sum(x))
    }

    /// 1 where the excitation is above 0, else 0, as a layer `Dense<I, 1, Step>`. NaN for NaN.
    #[must_use]
    pub fn predict(&self, x: &[f32; I]) -> f32 {
        step(self.excitation(x))
    }

    /// The excitation, in the floating-point environment of the caller.
    #[inline(always)]
    fn sum(&self, x: &[f32; I]) -> f32 {
        self.w.iter().zip(x).fold(self.b, |z, (w, x)| z + x * w)
    }

    /// The learning rule for one sample; whether it was mistaken, and the weights changed.
    ///
    /// One product (lr·(t − y), which is ±lr)·x and one sum a weight, each rounded.
    /// # Errors
    /// As [`Perceptron::fit`], about sample 0; nothing is changed then.
    pub fn learn(&mut self, x: &[f32; I], t: f32, lr: f32) -> Result<bool> {
        check(core::slice::from_ref(x), &[[t]], lr)?;
        let change = standard(|| self.rule(x, t, lr)).map_err(|()| Error::NotFinite {
            what: Quantity::Weight,
            epoch: 0,
            step: 0,
        })?;
        Ok(change.is_some())
    }

    /// Goes over the samples, in their order, until an epoch makes no mistake or the proof is found that none ever will.
    ///
    /// It starts from the weights as they are, and leaves those of the last epoch, whatever the outcome. On the stack it keeps five more rows of `I` numbers.
    /// # Errors
    /// - [`Error::NotSeparable`] with a certificate: the weights have come round again, and the updates in between add up to exactly 0; see [above](Perceptron#what-proves-that-it-cannot).
    /// - [`Error::NotConverged`] after `epochs` epochs, or earlier where rounding has brought the weights to a stand (`stalled`).
    /// - [`Error::Empty`], [`Error::Lengths`], [`Error::Input`] for an x that is infinite or NaN, [`Error::Target`] for a t other than 0 and 1, [`Error::HyperParameter`] for a
    ///   learning rate that is not finite and above 0 and for no epochs: nothing is changed then.
    /// - [`Error::NotFinite`] for a weight beyond f32: that update is not done. `step` is the sample's place, from 1.
    pub fn fit(&mut self, x: &[[f32; I]], t: &[[f32; 1]], lr: f32, epochs: usize) -> Result<Separated> {
        check(x, t, lr)?;
        if epochs == 0 {
            return Err(Error::HyperParameter { name: "epochs", value: 0.0, expected: "at least 1" });
        }
        standard(|| self.epochs(x, t, lr, epochs))
    }

    /// All epochs; the data are good.
    fn epochs(&mut self, x: &[[f32; I]], t: &[[f32; 1]], lr: f32, epochs: usize) -> Result<Separated> {
        let (mut mistakes, mut updates) = (0, 0);
        let mut mark = Mark { weights: *self, epoch: 0, updates: 0 };
        let mut net = Net::<I>::ZERO;
        for epoch in 1..=epochs {
            mistakes = 0;
            for (i, (x, [t])) in x.iter().zip(t).enumerate() {
                let change = self.rule(x, *t, lr);
                match change.map_err(|()| Error::NotFinite { what: Quantity::Weight, epoch, step: i + 1 })? {
                    None => {}
                    Some(sign) => {
                        net.add(sign, x);
                        mistakes += 1;
                    }
                }
            }
            if mistakes == 0 {
                return Ok(Separated { epochs: epoch, updates });
            }
            updates += mistakes;
            if self.same_bits(&mark.weights) {
                return Err(if net.is_exactly_zero() {
                    Error::NotSeparable { epoch, period: epoch - mark.epoch, updates: updates - mark.updates }
                } else {
                    Error::NotConverged { epochs: epoch, mistakes, stalled: true }
                });
            }
            if epoch.is_power_of_two() {
                mark = Mark { weights: *self, epoch, updates };
                net = Net::ZERO;
            }
        }
        Err(Error::NotConverged { epochs, mistakes, stalled: false })
    }

    /// w ← w + (lr·(t − y))·x. The sign of t − y, or nothing where y is right; an error, and nothing changed, where a weight would not be finite.
    #[inline(always)]
    fn rule(&mut self, x: &[f32; I], t: f32, lr: f32) -> core::result::Result<Option<f32>, ()> {
        let y = step(self.sum(x));
        if y == t {
            return Ok(None);
        }
        let sign = t - y;
        let rate = lr * sign;
        let mut next = *self;
        next.w.iter_mut().zip(x).for_each(|(w, x)| *w += rate * x);
        next.b += rate;
        if !(next.b.is_finite() && next.w.iter().fold(true, |all, w| all & w.is_finite())) {
            return Err(());
        }
        *self = next;
        Ok(Some(sign))
    }

    /// Bit for bit: +0 and −0 are two.
    fn same_bits(&self, other: &Self) -> bool {
        let w = self.w.iter().zip(&other.w).fold(true, |same, (a, b)| same & (a.to_bits() == b.to_bits()));
        w & (self.b.to_bits() == other.b.to_bits())
    }
}

impl<const I: usize> Default for Perceptron<I> {
    fn default() -> Self {
        Self::new()
    }
}

/// 1 where z is above 0, else 0. NaN for NaN.
#[inline(always)]
fn step(z: f32) -> f32 {
    if z > 0.0 {
        1.0
    } else if z <= 0.0 {
        0.0
    } else {
        z
    }
}

/// The weights after an epoch that later ones are compared with.
struct Mark<const I: usize> {
    weights: Perceptron<I>,
    epoch: usize,
    updates: usize,
}

/// What must be true of data and learning rate.
fn check<const I: usize>(x: &[[f32; I]], t: &[[f32; 1]], lr: f32) -> Result<()> {
    crate::data::same_lengths(x, t)?;
    if x.is_empty() {
        return Err(Error::Empty);
    }
    positive("lr", lr)?;
    crate::data::finite_inputs(x)?;
    for (sample, &[value]) in t.iter().enumerate() {
        if value != 0.0 && value != 1.0 {
            return Err(Error::Target { sample, output: 0, value, expected: "0 or 1" });
        }
    }
    Ok(())
}
