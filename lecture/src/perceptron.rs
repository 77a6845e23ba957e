//! The perceptron: one unit with a step, and Frank Rosenblatt's learning rule.
//!
//! F. Rosenblatt, *The Perceptron: A Perceiving and Recognizing Automaton*, Cornell Aeronautical
//! Laboratory report 85-460-1, 1957, and *The Perceptron: A Probabilistic Model for Information
//! Storage and Organization in the Brain*, Psychological Review 65(6), 1958.

mod exact;

use crate::error::{Error, Result};
use exact::Net;
use rosenblatt::{dataset, optimizer::positive};
use rosenblatt_kernels::environment::standard;

/// A unit with `I` inputs and a step: y = 1 where w₁x₁ + … + b > 0, else 0.
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt_lecture::Perceptron;
///
/// let mut unit = Perceptron::<2>::new(); // can be a `static`
/// let done = unit.fit(&gates::AND.x, &gates::AND.t, 1.0, 100)?;
/// assert_eq!(gates::AND.x.map(|x| [unit.predict(&x)]), gates::AND.t);
/// assert_eq!((unit.w, unit.b), ([2.0, 1.0], -2.0));
/// assert_eq!((done.epochs, done.updates), (6, 10));
/// # Ok::<(), rosenblatt_lecture::Error>(())
/// ```
///
/// No line separates XOR (Minsky and Papert, 1969), and `fit` proves it:
///
/// ```
/// # use rosenblatt::prelude::*;
/// # use rosenblatt_lecture::{Error, Perceptron};
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
/// If y is right, nothing changes. If y is 0 instead of 1, lr·x is added; if y is 1 instead of 0,
/// lr·x is subtracted. This is not gradient descent: the step's slope is 0.
///
/// # Convergence
///
/// Let the samples be separable. Let X = (x, 1), and s = +1 for t = 1, s = −1 for t = 0. Then some
/// V of length 1 has s·V·X ≥ γ > 0 for all samples. Let R be the greatest length of an X. From zero
/// weights the rule makes at most **(R / γ)²** updates, at every learning rate (A. Novikoff, *On
/// convergence proofs on perceptrons*, 1962).
///
/// Proof: with W = (w, b) / lr, an update adds at least γ to V·W, and at most R² to |W|², because
/// s·W·X ≤ 0. After k updates kγ ≤ V·W ≤ |W| ≤ √k·R.
///
/// Other initial weights increase the bound. The theorem ignores rounding; rounding matters only if
/// R / γ is large.
///
/// # Proof of non-separability
///
/// The order of the samples is fixed, and so is the arithmetic. So an epoch that made mistakes and
/// ends with the weights of an earlier epoch will repeat for ever. The updates in between, each ±X,
/// add up to 0: Σ nᵢ·sᵢ·Xᵢ = 0, where nᵢ ≥ 0 counts the updates by sample i, and not all nᵢ are 0.
/// **No V separates such samples**: it would make each sᵢ·V·Xᵢ positive, and so their sum with
/// weights nᵢ, but that sum is V·0 = 0. (P. Gordan, 1873: exactly one of the two exists, V or such
/// nᵢ.)
///
/// In rounded arithmetic equal weights prove less: if w + lr·x rounds to w, the weights stay
/// although much was added. So [`Perceptron::fit`] also adds up the ±X themselves, without learning
/// rate and without rounding (error-free transformations of sums: Knuth, 1969). It returns
/// [`Error::NotSeparable`] only if the weights are the same **to the bit** and the sum of the ±X in
/// between is **exactly 0**. That sum is the certificate; it holds whatever rounding did to the
/// weights. Otherwise it returns [`Error::NotConverged`], also for samples that are not separable
/// if rounding prevents the weights from repeating. Inputs near 1
/// ([`Standardize`](rosenblatt::dataset::Standardize)) and a power of two as learning rate help.
///
/// Cycles of any length are found in fixed memory. The weights after epochs 0, 1, 2, 4, 8, … are
/// each kept until the next of these epochs and compared with the weights of each epoch (R. Brent,
/// *An improved Monte Carlo factorization algorithm*, 1980).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Perceptron<const I: usize> {
    /// One weight for each input
    pub w: [f32; I],
    /// The bias; −b is the threshold that w·x must exceed
    pub b: f32,
}

/// The samples are separated: every answer of the last epoch was right, and the epoch changed no
/// weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Separated {
    /// Number of epochs run, including the last one
    pub epochs: usize,
    /// Number of updates of the weights
    pub updates: usize,
}

impl<const I: usize> Perceptron<I> {
    /// A perceptron whose weights and bias are 0. It can stand in a `static`.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(I > 0, "a perceptron needs at least one input") };
        Self { w: [0.0; I], b: 0.0 }
    }

    /// The input of the step: b + x₁w₁ + x₂w₂ + …. Each product and each sum is rounded, in this
    /// order, as in a layer `Dense<I, 1>`.
    #[must_use]
    pub fn excitation(&self, x: &[f32; I]) -> f32 {
        standard(|| self.sum(x))
    }

    /// 1 if the excitation is above 0, else 0, as in a layer `Dense<I, 1, Step>`. NaN for NaN.
    #[must_use]
    pub fn predict(&self, x: &[f32; I]) -> f32 {
        step(self.excitation(x))
    }

    /// The excitation, in the caller's floating-point environment.
    #[inline(always)]
    fn sum(&self, x: &[f32; I]) -> f32 {
        self.w.iter().zip(x).fold(self.b, |z, (w, x)| z + x * w)
    }

    /// Applies the learning rule to one sample. Returns whether the answer was wrong and the
    /// weights changed.
    ///
    /// Each weight takes one product, (lr·(t − y))·x where lr·(t − y) is ±lr, and one sum. Each is
    /// rounded.
    /// # Errors
    /// Those of [`Perceptron::fit`], for sample 0. Nothing is changed then.
    pub fn learn(&mut self, x: &[f32; I], t: f32, lr: f32) -> Result<bool> {
        check(core::slice::from_ref(x), &[[t]], lr)?;
        let change = standard(|| self.rule(x, t, lr))
            .map_err(|()| Error::NotFinite { epoch: 0, step: 0 })?;
        Ok(change.is_some())
    }

    /// Learns from the samples, in their order, until an epoch makes no mistake, or until it is
    /// proved that no epoch ever will.
    ///
    /// It starts from the current weights. It leaves the weights of the last epoch, also on an
    /// error. It keeps five more rows of `I` numbers on the stack.
    /// # Errors
    /// - [`Error::NotSeparable`] with a certificate: the weights repeated, and the updates in
    ///   between add up to exactly 0; see [above](Perceptron#proof-of-non-separability).
    /// - [`Error::NotConverged`] after `epochs` epochs, or earlier if rounding stops the weights
    ///   from changing (`stalled`).
    /// - [`Error::Library`] with [`Empty`](rosenblatt::Error::Empty),
    ///   [`Lengths`](rosenblatt::Error::Lengths), [`Input`](rosenblatt::Error::Input) for an x that
    ///   is infinite or NaN, [`Target`](rosenblatt::Error::Target) for a t other than 0 and 1,
    ///   [`HyperParameter`](rosenblatt::Error::HyperParameter) for a learning rate that is not
    ///   finite and above 0, or for no epochs. Nothing is changed then.
    /// - [`Error::NotFinite`] for an update that would overflow a weight. The update is not done.
    ///   `step` is the sample's number, from 1.
    pub fn fit(
        &mut self,
        x: &[[f32; I]],
        t: &[[f32; 1]],
        lr: f32,
        epochs: usize,
    ) -> Result<Separated> {
        check(x, t, lr)?;
        if epochs == 0 {
            return Err(rosenblatt::Error::HyperParameter {
                name: "epochs",
                value: 0.0,
                expected: "at least 1",
            }
            .into());
        }
        standard(|| self.epochs(x, t, lr, epochs))
    }

    /// Runs all epochs. The data are already checked.
    fn epochs(
        &mut self,
        x: &[[f32; I]],
        t: &[[f32; 1]],
        lr: f32,
        epochs: usize,
    ) -> Result<Separated> {
        let (mut mistakes, mut updates) = (0, 0);
        let mut mark = Mark { weights: *self, epoch: 0, updates: 0 };
        let mut net = Net::<I>::ZERO;
        for epoch in 1..=epochs {
            mistakes = 0;
            for (i, (x, [t])) in x.iter().zip(t).enumerate() {
                let change = self.rule(x, *t, lr);
                match change.map_err(|()| Error::NotFinite { epoch, step: i + 1 })? {
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
                    Error::NotSeparable {
                        epoch,
                        period: epoch - mark.epoch,
                        updates: updates - mark.updates,
                    }
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

    /// w ← w + (lr·(t − y))·x. Returns the sign of t − y; `None` if y is right. If a weight would
    /// not be finite, it returns an error and changes nothing.
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

    /// Whether the bits are equal; +0 and −0 differ.
    fn same_bits(&self, other: &Self) -> bool {
        let w = self
            .w
            .iter()
            .zip(&other.w)
            .fold(true, |same, (a, b)| same & (a.to_bits() == b.to_bits()));
        w & (self.b.to_bits() == other.b.to_bits())
    }
}

impl<const I: usize> Default for Perceptron<I> {
    fn default() -> Self {
        Self::new()
    }
}

/// 1 if z is above 0, else 0. NaN for NaN.
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

/// The weights after an epoch, kept to be compared with later ones.
struct Mark<const I: usize> {
    weights: Perceptron<I>,
    epoch: usize,
    updates: usize,
}

/// Checks data and learning rate.
fn check<const I: usize>(x: &[[f32; I]], t: &[[f32; 1]], lr: f32) -> Result<()> {
    dataset::same_lengths(x, t)?;
    if x.is_empty() {
        return Err(rosenblatt::Error::Empty.into());
    }
    positive("lr", lr)?;
    dataset::finite_inputs(x)?;
    for (sample, &[value]) in t.iter().enumerate() {
        if value != 0.0 && value != 1.0 {
            return Err(
                rosenblatt::Error::Target { sample, output: 0, value, expected: "0 or 1" }.into()
            );
        }
    }
    Ok(())
}
