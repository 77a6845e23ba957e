//! Loss and accuracy over samples that are not trained on.

use super::{Epoch, Observer, Session};
use crate::error::Result;
use core::ops::ControlFlow;

/// Keras' `validation_data`: evaluates other samples after each epoch, in the trainer's own memory. Stands before the observers that look at its result. Bad samples
/// are an error before the first step; it counts rows in these samples.
///
/// ```
/// use rosenblatt::{data::split, prelude::*};
///
/// type Unit = Mlp<(Dense<2, 1, Sigmoid>,)>;
/// # let x = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.1, 0.1], [0.9, 0.9], [0.0, 0.9], [1.0, 0.1], [0.8, 0.9], [0.1, 0.0]];
/// # let t = [[0.0], [1.0], [1.0], [1.0], [0.0], [1.0], [1.0], [1.0], [1.0], [0.0]];
/// let data = split(&x, &t, 0.2)?; // Keras' validation_split: the last fifth
/// let mut observers = (Validation::new(data.x_val, data.t_val), History::<50>::new());
/// let fit = Fit { epochs: 50, ..Fit::new(Sgd::with_lr(1.0)) };
/// let mut net = Unit::new();
/// Trainer::<Unit, Sgd, BinaryCrossEntropy, 4>::new().fit(&mut net, data.x, data.t, &fit, &mut observers)?;
/// let last = observers.1.epochs().last().unwrap();
/// assert!(last.validation.unwrap().loss < 1.0);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Validation<'a, X, T> {
    x: &'a [X],
    t: &'a [T],
}

impl<'a, X, T> Validation<'a, X, T> {
    /// With these samples and their targets.
    #[must_use]
    pub const fn new(x: &'a [X], t: &'a [T]) -> Self {
        Self { x, t }
    }
}

impl<S: Session<Input = X, Target = T>, X, T> Observer<S> for Validation<'_, X, T> {
    const ACCURACY: bool = false;

    fn begin(&mut self, session: &mut S) -> Result<()> {
        session.check(self.x, self.t)
    }

    fn epoch(&mut self, epoch: &mut Epoch, session: &mut S) -> Result<ControlFlow<()>> {
        epoch.validation = Some(session.evaluate(self.x, self.t)?);
        Ok(ControlFlow::Continue(()))
    }
}
