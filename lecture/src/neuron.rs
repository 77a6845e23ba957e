//! The neuron: the smallest layer. With cross-entropy as loss it is logistic regression.

use rosenblatt::{activation::Sigmoid, layer::Dense};

/// One unit with `I` inputs: p = σ(z), z = w₁x₁ + w₂x₂ + … + b, σ(z) = 1 / (1 + e⁻ᶻ).
///
/// It is a [`Dense`] layer of one output. The [`Perceptron`](crate::Perceptron) decides by a step;
/// the neuron gives the probability that the answer is 1. σ has a slope everywhere, so the neuron
/// learns by gradient, also from data that no line separates.
///
/// With [`BinaryCrossEntropy`](rosenblatt::loss::BinaryCrossEntropy), L = −(t·ln p + (1 − t)·ln(1 −
/// p)), it is **logistic regression** (D. Cox, *The regression analysis of binary sequences*,
/// 1958). By the chain rule ∂L/∂z = ∂L/∂p · σ′(z) = (p − t) / (p·(1 − p)) · p·(1 − p) = p − t. This
/// gives, as means over the samples of a batch,
///
/// ∂L/∂w = (p − t)·x, ∂L/∂b = p − t
///
/// This is the perceptron's rule with the probability p as answer: w ← w + lr·(t − p)·x. If the
/// inputs have standard deviation 1 ([`Standardize`](rosenblatt::dataset::Standardize)), raising
/// one input by one standard deviation multiplies the odds p / (1 − p) by eʷ.
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt_lecture::Neuron;
///
/// type Or = Mlp<(Neuron<2>,)>;
/// let mut net = Or::ZERO;
/// let mut trainer = Trainer::<Or, BinaryCrossEntropy, Sgd, 4>::ZERO;
/// trainer.step(&mut net, (&[[3.0, -2.0]], &[[1.0]]), &Sgd::with_lr(0.0))?;
/// // From zero weights p = ½: (½ − 1)·x and ½ − 1.
/// assert_eq!(trainer.gradient().w, [[-1.5], [1.0]]);
/// assert_eq!(trainer.gradient().b, [-0.5]);
///
/// let fit = Fit { epochs: 100, ..Fit::new(Sgd::with_lr(2.0)) };
/// trainer.fit(&mut net, &gates::OR, &fit)?;
/// assert_eq!(trainer.evaluate(&net, &gates::OR)?.accuracy(), 1.0);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
pub type Neuron<const I: usize, A = Sigmoid> = Dense<I, 1, A>;
