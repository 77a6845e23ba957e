//! The neuron: the smallest layer there is, and with cross-entropy logistic regression.

use crate::{activation::Sigmoid, layer::Dense};

/// One unit with `I` inputs: p = σ(z), z = w₁x₁ + w₂x₂ + … + b, σ(z) = 1 / (1 + e⁻ᶻ).
///
/// It is a [`Dense`] layer of one output. Where the [`Perceptron`](crate::Perceptron) decides by a step, it says with what probability the answer is 1; as σ has a slope everywhere it
/// learns by gradient, and data that no line parts do no harm.
///
/// With [`BinaryCrossEntropy`](crate::loss::BinaryCrossEntropy), L = −(t·ln p + (1 − t)·ln(1 − p)), it is **logistic regression** (D. Cox, *The regression analysis of binary sequences*,
/// 1958). By the chain rule ∂L/∂z = ∂L/∂p · σ′(z) = (p − t) / (p·(1 − p)) · p·(1 − p) = p − t, and so, as means over the samples of a batch,
///
/// ∂L/∂w = (p − t)·x, ∂L/∂b = p − t
///
/// That is the perceptron's rule with a probability for an answer: w ← w + lr·(t − p)·x. One deviation more of an input multiplies the odds p / (1 − p) by eʷ, if the inputs were
/// brought to deviation 1 ([`Standardize`](crate::data::Standardize)).
///
/// ```
/// use rosenblatt::prelude::*;
///
/// type Or = Mlp<(Neuron<2>,)>;
/// let mut net = Or::new();
/// let mut trainer = Trainer::<Or, Sgd, BinaryCrossEntropy, 4>::new();
/// trainer.step(&mut net, &Sgd::with_lr(0.0), &[[3.0, -2.0]], &[[1.0]])?;
/// // From zero weights p = ½: (½ − 1)·x and ½ − 1.
/// assert_eq!(trainer.gradient().w, [[-1.5], [1.0]]);
/// assert_eq!(trainer.gradient().b, [-0.5]);
///
/// let fit = Fit { epochs: 100, ..Fit::new(Sgd::with_lr(2.0)) };
/// trainer.fit(&mut net, &gates::OR.x, &gates::OR.t, &fit, &mut ())?;
/// assert_eq!(trainer.evaluate(&net, &gates::OR.x, &gates::OR.t)?.accuracy(), 1.0);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
pub type Neuron<const I: usize, A = Sigmoid> = Dense<I, 1, A>;
