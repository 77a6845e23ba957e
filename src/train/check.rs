//! Checks of data, batch and weights before a step changes anything.

use super::{TargetOf, Trainer};
use crate::{
    dataset::{bad_input, finite_inputs},
    error::{Error, Result},
    layer::{Layer, NeverSet, Trainable},
    loss::Loss,
    optimizer::Optimizer,
    sequential::{InputOf, LayersOf, Model, OutputOf},
};
use rosenblatt_kernels::{Backend, F32Rows, dispatch_inside, optimizer::all_finite_on};

impl<N, L, O, const B: usize> Trainer<N, L, O, B>
where
    N: Model<Layers: Trainable>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
{
    /// The error about the first value in the data that is infinite or NaN. `None` if all are
    /// finite: then the cause is the network.
    #[cold]
    pub(super) fn locate_not_finite(x: &[InputOf<N>], t: &[TargetOf<N, L>]) -> Option<Error> {
        finite_inputs(x).and_then(|()| L::locate_not_finite(t)).err()
    }

    /// The checks of every call: the number of samples, and the targets.
    #[inline(always)]
    pub(super) fn validate_targets(x: &[InputOf<N>], t: &[TargetOf<N, L>]) -> Result<()> {
        Self::validate_count(x)?;
        match <&[_; B]>::try_from(t) {
            // A full mini-batch has a length that the compiler knows.
            Ok(t) if !cfg!(target_os = "none") => L::check_targets(t),
            _ => L::check_targets(t),
        }
    }

    /// The checks before a whole training, which look at every number.
    #[inline(always)]
    pub(super) fn validate_values(
        backend: Backend,
        x: &[InputOf<N>],
        t: &[TargetOf<N, L>],
    ) -> Result<()> {
        Self::validate_count(x)?;
        L::locate_not_finite(t)?;
        let finite = dispatch_inside!(backend, s => all_finite_on(s, x.flat()));
        if finite { Ok(()) } else { Err(bad_input(x)) }
    }

    /// An error if a mini-batch has too few samples for a layer.
    #[inline(always)]
    pub(super) fn validate_batch(batch: usize) -> Result<()> {
        let least = const { LayersOf::<N>::LEAST_SAMPLES };
        if batch < least { Err(Error::BatchTooSmall { batch, least }) } else { Ok(()) }
    }

    /// An error if the weights of a hidden layer were never set.
    #[inline(always)]
    pub(super) fn validate_weights(net: &N) -> Result<()> {
        match LayersOf::<N>::never_set(net.params(), 0, false) {
            Some(NeverSet { layer, kind }) => Err(Error::NeverSet { layer: layer as usize, kind }),
            None => Ok(()),
        }
    }

    /// An error unless there are samples.
    #[inline(always)]
    pub(super) fn validate_count(x: &[InputOf<N>]) -> Result<()> {
        if x.is_empty() { Err(Error::Empty) } else { Ok(()) }
    }
}
