//! Shows the progress of a long training: a bar while it runs, a line at its end, curves in a file.

use super::plot::{self, Curve};
use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use rosenblatt::prelude::EpochReport;
use std::{ops::ControlFlow, path::Path};

/// Loss and error of each epoch so far.
pub struct Learning {
    bar: ProgressBar,
    losses: Vec<f32>,
    misses: Vec<f32>,
}

impl Learning {
    /// A progress bar over epochs. If the output is a pipe, nothing is drawn.
    pub fn new(epochs: usize) -> Self {
        let style = ProgressStyle::with_template("{bar:32} epoch {pos}/{len}  {msg}  {elapsed}")
            .expect("the template is well formed");
        let bar = ProgressBar::new(epochs as u64).with_style(style);
        Self { bar, losses: Vec::new(), misses: Vec::new() }
    }

    /// Records an epoch.
    pub fn see(&mut self, epoch: &EpochReport) -> ControlFlow<()> {
        self.losses.push(epoch.loss);
        self.misses.push(1.0 - epoch.accuracy);
        self.bar.set_message(format!("loss {:.4}  accuracy {:.3}", epoch.loss, epoch.accuracy));
        self.bar.inc(1);
        ControlFlow::Continue(())
    }

    /// Ends the bar and prints the results of the last epoch.
    pub fn end(&self, last: &EpochReport) {
        self.bar.finish();
        println!(
            "epoch {}: loss {:.4}, training accuracy {:.4}\n",
            last.number, last.loss, last.accuracy
        );
    }

    /// Draws the curves if a file is given.
    pub fn plot(self, path: Option<&Path>) -> Result<()> {
        let Some(path) = path else { return Ok(()) };
        let curves = [
            Curve { name: "training loss", values: self.losses },
            Curve { name: "training error", values: self.misses },
        ];
        plot::draw(path, &curves, None)?;
        println!("plot {}", path.display());
        Ok(())
    }
}
