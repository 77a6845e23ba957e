//! A training as a table of comma-separated values.

use super::{Epoch, Observer, Session};
use crate::{
    error::{Error, Result},
    metrics::Evaluation,
};
use core::{fmt::Write, ops::ControlFlow};

/// Keras' `CSVLogger`: one line an epoch, with Keras' column names in Keras' order, epochs counted from 0, `NA` for what was not asked for.
///
/// Writes to anything that takes text: a `heapless::String` on a chip, a `String`, or a file behind an adapter. What cannot be written ends the training with
/// [`Error::NotWritten`], with whole lines in the log. `learning_rate` is [`Epoch::lr`].
///
/// ```
/// use rosenblatt::prelude::*;
///
/// type Unit = Mlp<(Dense<2, 1, Sigmoid>,)>;
/// let mut net = Unit::new();
/// let mut log = CsvLog::new(String::new());
/// let fit = Fit { epochs: 2, ..Fit::new(Sgd::with_lr(0.5)) };
/// Trainer::<Unit, Sgd, BinaryCrossEntropy, 4>::new().fit(&mut net, &gates::OR.x, &gates::OR.t, &fit, &mut log)?;
/// let text = log.into_inner();
/// assert!(text.starts_with("epoch,accuracy,learning_rate,loss,val_accuracy,val_loss\n0,0.25,0.5,0.69"));
/// assert_eq!(text.lines().count(), 3);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct CsvLog<W> {
    out: W,
}

impl<W: Write> CsvLog<W> {
    /// Into `out`.
    #[must_use]
    pub const fn new(out: W) -> Self {
        Self { out }
    }

    /// What was written to.
    #[must_use]
    pub fn into_inner(self) -> W {
        self.out
    }

    /// What is written to.
    pub const fn get_ref(&self) -> &W {
        &self.out
    }

    /// Written at once, so that where there is no room for a line nothing of it is there.
    fn line(&mut self, epoch: &Epoch) -> core::fmt::Result {
        // An f32 takes up to 48 characters.
        let mut line = heapless::String::<320>::new();
        write!(line, "{},{},{},{},", epoch.epoch.saturating_sub(1), epoch.accuracy, epoch.lr, epoch.loss)?;
        match epoch.validation {
            Some(found @ Evaluation { loss, .. }) => writeln!(line, "{},{loss}", found.accuracy())?,
            None => line.write_str("NA,NA\n")?,
        }
        self.out.write_str(&line)
    }
}

impl<S: Session, W: Write> Observer<S> for CsvLog<W> {
    const ACCURACY: bool = true;

    fn begin(&mut self, _: &mut S) -> Result<()> {
        self.out.write_str("epoch,accuracy,learning_rate,loss,val_accuracy,val_loss\n").map_err(|_| Error::NotWritten)
    }

    fn epoch(&mut self, epoch: &mut Epoch, _: &mut S) -> Result<ControlFlow<()>> {
        self.line(epoch).map_err(|_| Error::NotWritten)?;
        Ok(ControlFlow::Continue(()))
    }
}
