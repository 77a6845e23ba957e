//! What networks are made of, as nodes: sums, a unit, softmax, losses.

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

    /// What a unit computes before its activation, x·w + b: ((b + x₀·w₀) + x₁·w₁) + …, in a layer's order.
    pub fn neuron<'g, const I: usize>(
        &'g self,
        x: &[Node<'g, N>; I],
        w: &[Node<'g, N>; I],
        b: Node<'g, N>,
    ) -> Node<'g, N> {
        let b = Node { graph: self, index: self.own(b) };
        x.iter().zip(w).fold(b, |z, (x, w)| z + x * w)
    }

    /// eᵢ / Σe with eᵢ = exp(zᵢ − max z), so that nothing overflows. Sum and maximum go from the first to the last.
    pub fn softmax<'g, const K: usize>(&'g self, z: &[Node<'g, N>; K]) -> [Node<'g, N>; K] {
        let Some((first, rest)) = z.split_first() else { return *z };
        let first = Node { graph: self, index: self.own(*first) };
        let top = rest.iter().fold(first, |top, z| top.max(z));
        let e = z.map(|z| (z - top).exp());
        let total = self.sum(&e);
        e.map(|e| e / total)
    }

    /// The mean over the outputs of (y − t)²: [`MeanSquaredError`](crate::loss::MeanSquaredError) of one sample.
    pub fn mean_squared_error<'g, const K: usize>(&'g self, y: &[Node<'g, N>; K], t: &[Node<'g, N>; K]) -> Node<'g, N> {
        self.mean(&pairs(y, t, |y, t| (y - t).powi(2)))
    }

    /// The mean over the outputs of −(t·ln p′ + (1 − t)·ln(1 − p′)), p′ being p between 1e-7 and 1 − 1e-7:
    /// [`BinaryCrossEntropy`](crate::loss::BinaryCrossEntropy) of one sample.
    ///
    /// Outside these bounds the graph's gradient is 0; that of the library, joined with the sigmoid, is p − t.
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

    /// −Σ t·ln p′, p′ being p between 1e-7 and 1 − 1e-7: [`CategoricalCrossEntropy`](crate::loss::CategoricalCrossEntropy) of one sample.
    pub fn categorical_cross_entropy<'g, const K: usize>(
        &'g self,
        p: &[Node<'g, N>; K],
        t: &[Node<'g, N>; K],
    ) -> Node<'g, N> {
        -self.sum(&pairs(p, t, |p, t| t * p.clamp(EPSILON, 1.0 - EPSILON).ln()))
    }

    /// The sum divided by the number of terms, if that is not 1.
    fn mean<'g, const K: usize>(&'g self, terms: &[Node<'g, N>; K]) -> Node<'g, N> {
        const { assert!(K > 0, "a mean of nothing") };
        let sum = self.sum(terms);
        if K == 1 { sum } else { sum / K as f32 }
    }
}

/// f of each output and its target.
fn pairs<'g, const N: usize, const K: usize>(
    y: &[Node<'g, N>; K],
    t: &[Node<'g, N>; K],
    f: impl Fn(Node<'g, N>, Node<'g, N>) -> Node<'g, N>,
) -> [Node<'g, N>; K] {
    let mut t = t.iter();
    // There are as many; were there not, the output itself would stay.
    y.map(|y| t.next().map_or(y, |t| f(y, *t)))
}
