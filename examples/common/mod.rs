//! What the examples share beside the networks: options, data files, plots.

#![allow(dead_code, reason = "each example uses what it needs")]

pub mod data;
pub mod digits;
pub mod grid;
pub mod learning;
pub mod paths;
pub mod plot;
pub mod tumours;

use anyhow::{Result, anyhow};
use rosenblatt::{Level, kernels::contract, prelude::Seed};
use std::{ops::Deref, path::PathBuf, process::ExitCode};

/// Runs an example, if this build on this CPU computes as the contract says: otherwise its results would be none to compare.
pub fn start<T>(run: impl FnOnce() -> Result<T>) -> Result<T> {
    match contract::violation() {
        None => run(),
        Some(violation) => Err(anyhow!("the results would not be those of other machines: {violation}")),
    }
}

/// How an example ends: status 1 and a line that says why, if something went wrong or the goal was missed.
pub fn end(reached: Result<bool>, missed: &str) -> ExitCode {
    let why = match reached {
        Ok(true) => return ExitCode::SUCCESS,
        Ok(false) => missed.to_owned(),
        Err(error) => format!("error: {error:#}"),
    };
    eprintln!("{why}");
    ExitCode::FAILURE
}

/// Options that every example takes.
#[derive(clap::Args, Debug)]
pub struct Shared {
    /// Instructions to use: scalar, avx2, avx512vl, avx512, neon, or auto for the fastest of this CPU. The results have the same bits
    #[arg(long, default_value = "auto")]
    pub backend: Level,
    /// Draws what is shown into FILE (.svg)
    #[arg(long, value_name = "FILE", value_parser = plot::file)]
    pub plot: Option<PathBuf>,
}

/// And those that draw something take a seed.
#[derive(clap::Args, Debug)]
pub struct Options {
    #[command(flatten)]
    shared: Shared,
    /// Seed of the initial weights and the shuffles
    #[arg(long, value_name = "N", default_value_t = 1957)]
    pub seed: u64,
}

impl Options {
    /// The seed as the library takes it.
    pub fn seed(&self) -> Seed {
        Seed(self.seed)
    }
}

impl Deref for Options {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}
