//! Losses by their formulas in f64, and random targets for each.

use super::draw;
use rosenblatt::{
    Rng,
    loss::{Class, Loss, PerOutput, SumOverOutputs},
    prelude::*,
};

/// A loss for which the tests can draw targets and compute the value independently.
pub trait Judged<OutputActivation, const O: usize>: Loss<OutputActivation, [f32; O]> {
    /// A random target.
    fn target(rng: &mut Rng) -> Self::Target;
    /// The loss of one sample.
    fn error(y: &[f64], t: &Self::Target) -> f64;
}

impl<OutputActivation, const O: usize> Judged<OutputActivation, O> for MeanSquaredError {
    fn target(rng: &mut Rng) -> [f32; O] {
        std::array::from_fn(|_| draw(rng, 1.0))
    }

    fn error(y: &[f64], t: &[f32; O]) -> f64 {
        y.iter().zip(t).map(|(y, t)| (y - f64::from(*t)).powi(2)).sum::<f64>() / O as f64
    }
}

impl<const O: usize> Judged<Sigmoid, O> for BinaryCrossEntropy {
    /// 0, 1 or a probability between them.
    fn target(rng: &mut Rng) -> [f32; O] {
        std::array::from_fn(|_| match rng.next_u32() % 3 {
            0 => 0.0,
            1 => 1.0,
            _ => rng.uniform(),
        })
    }

    fn error(y: &[f64], t: &[f32; O]) -> f64 {
        let term = |(p, t): (&f64, &f32)| {
            let t = f64::from(*t);
            -(t * p.ln() + (1.0 - t) * (1.0 - p).ln())
        };
        y.iter().zip(t).map(term).sum::<f64>() / O as f64
    }
}

impl<const O: usize> Judged<Softmax, O> for CategoricalCrossEntropy {
    /// One-hot, or in half the cases 1/4 for each of four classes (with two or three classes 1/2
    /// for two, with one class 1).
    fn target(rng: &mut Rng) -> [f32; O] {
        let mut t = [0.0; O];
        let class = rng.next_u32() as usize % O;
        let share = if rng.next_u32().is_multiple_of(2) { 1 } else { [1, 1, 2, 2, 4][O.min(4)] };
        for i in 0..share {
            t[(class + i) % O] = 1.0 / share as f32;
        }
        t
    }

    fn error(y: &[f64], t: &[f32; O]) -> f64 {
        -y.iter()
            .zip(t)
            .filter(|(_, t)| **t != 0.0)
            .map(|(p, t)| f64::from(*t) * p.ln())
            .sum::<f64>()
    }
}

impl<C: Class + TryFrom<u32>, const O: usize> Judged<Softmax, O>
    for SparseCategoricalCrossEntropy<C>
{
    fn target(rng: &mut Rng) -> C {
        C::try_from(rng.next_u32() % O as u32).ok().expect("so many classes fit")
    }

    fn error(y: &[f64], t: &C) -> f64 {
        -y[t.index()].ln()
    }
}

impl<
    OutputActivation,
    L: Judged<OutputActivation, O> + PerOutput<OutputActivation, [f32; O]>,
    const O: usize,
> Judged<OutputActivation, O> for SumOverOutputs<L>
{
    fn target(rng: &mut Rng) -> L::Target {
        L::target(rng)
    }

    fn error(y: &[f64], t: &L::Target) -> f64 {
        O as f64 * L::error(y, t)
    }
}
