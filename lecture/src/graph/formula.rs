//! Formulas of networks as nodes: sums, a unit, softmax, losses.

use super::{Graph, Node};
use rosenblatt_kernels::loss::EPSILON;

impl<const N: usize> Graph<N> {
    /// ((t₀ + t₁) + t₂) + …; a constant 0 if there are none.
    pub fn sum<'g>(&'g self, terms: &[Node<'g, N>]) -> Node<'g, N> {
        match terms.split_first() {
            None => self.constant(0.0),
            Some((first, rest)) => {
                let first = Node { graph: self, index: self.own(*first) };
                rest.iter().fold(first, |sum, term| sum + term)
            }
        }
    }

    /// The input of a unit's activation, x·w + b: ((b + x₀·w₀) + x₁·w₁) + …, in the order of a
    /// layer.
    pub fn neuron<'g, const I: usize>(
        &'g self,
        x: &[Node<'g, N>; I],
        w: &[Node<'g, N>; I],
        b: Node<'g, N>,
    ) -> Node<'g, N> {
        let b = Node { graph: self, index: self.own(b) };
        x.iter().zip(w).fold(b, |z, (x, w)| z + x * w)
    }

    /// eᵢ / Σe with eᵢ = exp(zᵢ − max z), so that nothing overflows. Sum and maximum run from the
    /// first to the last.
    pub fn softmax<'g, const K: usize>(&'g self, z: &[Node<'g, N>; K]) -> [Node<'g, N>; K] {
        let Some((first, rest)) = z.split_first() else { return *z };
        let first = Node { graph: self, index: self.own(*first) };
        let top = rest.iter().fold(first, |top, z| top.max(z));
        let e = z.map(|z| (z - top).exp());
        let total = self.sum(&e);
        e.map(|e| e / total)
    }

    /// The mean over the outputs of (y − t)²:
    /// [`MeanSquaredError`](rosenblatt::loss::MeanSquaredError) of one sample.
    pub fn mean_squared_error<'g, const K: usize>(
        &'g self,
        y: &[Node<'g, N>; K],
        t: &[Node<'g, N>; K],
    ) -> Node<'g, N> {
        self.mean(&pairs(y, t, |y, t| (y - t).powi(2)))
    }

    /// The mean over the outputs of −(t·ln p′ + (1 − t)·ln(1 − p′)), where p′ is p clamped to
    /// [1e-7, 1 − 1e-7]: [`BinaryCrossEntropy`](rosenblatt::loss::BinaryCrossEntropy) of one
    /// sample.
    ///
    /// Outside these bounds the graph's gradient is 0. The library's gradient, fused with the
    /// sigmoid, is p − t there.
    pub fn binary_cross_entropy<'g, const K: usize>(
        &'g self,
        p: &[Node<'g, N>; K],
        t: &[Node<'g, N>; K],
    ) -> Node<'g, N> {
        let term = |p: Node<'g, N>, t: Node<'g, N>| {
            let p = p.clamp(EPSILON, 1.0 - EPSILON);
            -(t * p.ln() + (1.0 - t) * (1.0 - p).ln())
        };
        self.mean(&pairs(p, t, term))
    }

    /// −Σ t·ln p′, where p′ is p clamped to [1e-7, 1 − 1e-7]:
    /// [`CategoricalCrossEntropy`](rosenblatt::loss::CategoricalCrossEntropy) of one sample.
    pub fn categorical_cross_entropy<'g, const K: usize>(
        &'g self,
        p: &[Node<'g, N>; K],
        t: &[Node<'g, N>; K],
    ) -> Node<'g, N> {
        -self.sum(&pairs(p, t, |p, t| t * p.clamp(EPSILON, 1.0 - EPSILON).ln()))
    }

    /// The sum divided by the number of terms. No division for one term.
    fn mean<'g, const K: usize>(&'g self, terms: &[Node<'g, N>; K]) -> Node<'g, N> {
        const { assert!(K > 0, "a mean of nothing") };
        let sum = self.sum(terms);
        if K == 1 { sum } else { sum / K as f32 }
    }
}

/// f(output, target) for each pair.
fn pairs<'g, const N: usize, const K: usize>(
    y: &[Node<'g, N>; K],
    t: &[Node<'g, N>; K],
    f: impl Fn(Node<'g, N>, Node<'g, N>) -> Node<'g, N>,
) -> [Node<'g, N>; K] {
    let mut t = t.iter();
    // Both have K elements, so the default is never used.
    y.map(|y| t.next().map_or(y, |t| f(y, *t)))
}
