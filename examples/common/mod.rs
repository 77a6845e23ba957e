//! What the examples share beside the networks: options, data files, plots.

#![allow(dead_code, reason = "each example uses what it needs")]

pub mod data;
pub mod plot;

use rosenblatt::{Level, prelude::Seed};
use std::path::PathBuf;

/// Options that every example takes.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Instructions to use: scalar, avx2, avx512vl, avx512, neon, or auto for the fastest of this CPU. The results have the same bits
    #[arg(long, default_value = "auto")]
    pub backend: Level,
    /// Seed of the initial weights and the shuffles
    #[arg(long, value_name = "N", default_value_t = 1957)]
    pub seed: u64,
    /// Draws the training into FILE (.svg or .png)
    #[arg(long, value_name = "FILE", value_parser = plot::file)]
    pub plot: Option<PathBuf>,
}

impl Options {
    /// The seed as the library takes it.
    pub fn seed(&self) -> Seed {
        Seed(self.seed)
    }
}

/// A progress bar over epochs; in a pipe, where nobody watches, it draws nothing.
pub fn progress(epochs: usize) -> indicatif::ProgressBar {
    let style = indicatif::ProgressStyle::with_template("{bar:32} epoch {pos}/{len}  {msg}  {elapsed}")
        .expect("the template is well formed");
    indicatif::ProgressBar::new(epochs as u64).with_style(style)
}

/// Values from 0 to 1 as shades, two characters each.
pub fn shades(values: &[f32]) -> String {
    let shade = |value: &f32| [' ', '░', '▒', '▓', '█'][((value * 5.0) as usize).min(4)];
    values.iter().flat_map(|value| [shade(value); 2]).collect()
}
