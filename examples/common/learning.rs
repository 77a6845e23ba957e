//! What one sees of a long training: a bar while it runs, a line at its end, curves in a file.

use super::plot::{self, Curve};
use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use rosenblatt::prelude::Epoch;
use std::{ops::ControlFlow, path::Path};

/// Loss and error of each epoch so far.
pub struct Learning {
    bar: ProgressBar,
    losses: Vec<f32>,
    misses: Vec<f32>,
}

impl Learning {
    /// A progress bar over epochs; in a pipe, where nobody watches, it draws nothing.
    pub fn new(epochs: usize) -> Self {
        let style = ProgressStyle::with_template("{bar:32} epoch {pos}/{len}  {msg}  {elapsed}")
            .expect("the template is well formed");
        let bar = ProgressBar::new(epochs as u64).with_style(style);
        Self { bar, losses: Vec::new(), misses: Vec::new() }
    }

    /// Takes an epoch in.
    pub fn see(&mut self, epoch: &Epoch) -> ControlFlow<()> {
        self.losses.push(epoch.loss);
        self.misses.push(1.0 - epoch.accuracy);
        self.bar.set_message(format!("loss {:.4}  accuracy {:.3}", epoch.loss, epoch.accuracy));
        self.bar.inc(1);
        ControlFlow::Continue(())
    }

    /// Ends the bar and says what the last epoch was like.
    pub fn end(&self, last: &Epoch) {
        self.bar.finish();
        println!("epoch {}: loss {:.4}, training accuracy {:.4}\n", last.epoch, last.loss, last.accuracy);
    }

    /// Draws the curves, if there is a file to draw them into.
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
