//! What `fit` tells while it runs, and who listens.

use core::ops::ControlFlow;
use heapless::Vec;

/// One epoch, as it ends.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Epoch {
    /// Its number, from 1
    pub epoch: usize,
    /// Mean loss over the epoch's samples, each before its step's update (as Keras reports it)
    pub loss: f32,
    /// Share of samples whose class was predicted before the update; NaN if the observer does not ask for it
    pub accuracy: f32,
}

/// Listens to `fit`. `()` does not and costs nothing; a closure `FnMut(&Epoch) -> ControlFlow<()>` does; [`History`] keeps all.
pub trait Observer {
    /// Whether accuracy is to be counted.
    const ACCURACY: bool = true;

    /// An epoch has ended; `Break` ends the training.
    fn epoch(&mut self, epoch: &Epoch) -> ControlFlow<()>;
}

impl Observer for () {
    const ACCURACY: bool = false;

    #[inline(always)]
    fn epoch(&mut self, _: &Epoch) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

impl<F: FnMut(&Epoch) -> ControlFlow<()>> Observer for F {
    fn epoch(&mut self, epoch: &Epoch) -> ControlFlow<()> {
        self(epoch)
    }
}

/// The first `N` epochs of a training.
///
/// ```
/// use rosenblatt::prelude::*;
///
/// type Unit = Mlp<(Dense<2, 1, Sigmoid>,)>;
/// let mut net = Unit::new();
/// net.init(Seed(1));
/// let mut history = History::<20>::new();
/// let fit = Fit { epochs: 20, ..Fit::new(Sgd::with_lr(1.0)) };
/// Trainer::<Unit, Sgd, BinaryCrossEntropy, 4>::new().fit(&mut net, &gates::OR.x, &gates::OR.t, &fit, &mut history)?;
/// assert!(history.epochs()[19].loss < history.epochs()[0].loss);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct History<const N: usize> {
    epochs: Vec<Epoch, N>,
}

impl<const N: usize> History<N> {
    /// Nothing recorded.
    #[must_use]
    pub const fn new() -> Self {
        Self { epochs: Vec::new() }
    }

    /// What was recorded, in order.
    #[must_use]
    pub fn epochs(&self) -> &[Epoch] {
        &self.epochs
    }
}

impl<const N: usize> Observer for History<N> {
    fn epoch(&mut self, epoch: &Epoch) -> ControlFlow<()> {
        // Full: the first N are kept, the training goes on.
        let _ = self.epochs.push(*epoch);
        ControlFlow::Continue(())
    }
}
