//! A log of the training as comma-separated values.

use super::{EpochReport, Observer, Session};
use crate::{
    error::{Error, Result},
    metrics::Evaluation,
};
use core::{fmt::Write, ops::ControlFlow};
use rosenblatt_kernels::persist::{Persist, Words, name_code};

/// Keras' `CSVLogger`: one line for each epoch, with Keras' column names in Keras' order. Epochs
/// count from 0. Values that were not computed are `NA`.
///
/// It writes to any [`Write`]: a `heapless::String` on a chip, a `String`, or an adapter to a file.
/// A write error ends the training with [`Error::NotWritten`]; the log then holds whole lines only.
/// `learning_rate` is [`EpochReport::lr`].
///
/// ```
/// use rosenblatt::prelude::*;
///
/// type Unit = Mlp<(Dense<2, 1, Sigmoid>,)>;
/// let mut net = Unit::ZERO;
/// let mut log = CsvLog::new(String::new());
/// let fit = Fit { epochs: 2, ..Fit::new(Sgd::with_lr(0.5)) };
/// let mut trainer = Trainer::<Unit, BinaryCrossEntropy, Sgd, 4>::ZERO;
/// trainer.fit_with(&mut net, &gates::OR, &fit, &mut log)?;
/// let text = log.into_inner();
/// let head = "epoch,accuracy,learning_rate,loss,val_accuracy,val_loss\n0,0.25,0.5,0.69";
/// assert!(text.starts_with(head));
/// assert_eq!(text.lines().count(), 3);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct CsvLog<W> {
    out: W,
}

/// A training that goes on appends its lines to the writer, without a line of titles.
impl<W> Persist for CsvLog<W> {
    const CODE: u32 = name_code("csv");
    const WORDS: usize = 0;

    fn words(&mut self, _: &mut impl Words) {}
}

impl<W: Write> CsvLog<W> {
    /// A log that writes to `out`.
    #[must_use]
    pub const fn new(out: W) -> Self {
        Self { out }
    }

    /// Returns the writer.
    #[must_use]
    pub fn into_inner(self) -> W {
        self.out
    }

    /// The writer.
    pub const fn get_ref(&self) -> &W {
        &self.out
    }

    /// Writes a whole line at once. If there is no room for it, no part of it is written.
    fn line(&mut self, epoch: &EpochReport) -> core::fmt::Result {
        // An f32 takes up to 48 characters.
        let mut line = heapless::String::<320>::new();
        write!(
            line,
            "{},{},{},{},",
            epoch.number.saturating_sub(1),
            epoch.accuracy,
            epoch.lr,
            epoch.loss
        )?;
        match epoch.validation {
            Some(found @ Evaluation { loss, .. }) => writeln!(line, "{},{loss}", found.accuracy())?,
            None => line.write_str("NA,NA\n")?,
        }
        self.out.write_str(&line)
    }
}

impl<S: Session, W: Write> Observer<S> for CsvLog<W> {
    const ACCURACY: bool = true;

    fn on_fit_begin(&mut self, _: &mut S) -> Result<()> {
        self.out
            .write_str("epoch,accuracy,learning_rate,loss,val_accuracy,val_loss\n")
            .map_err(|_| Error::NotWritten)
    }

    fn on_epoch_end(&mut self, epoch: &mut EpochReport, _: &mut S) -> Result<ControlFlow<()>> {
        self.line(epoch).map_err(|_| Error::NotWritten)?;
        Ok(ControlFlow::Continue(()))
    }
}
