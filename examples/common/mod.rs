//! Shared by the examples: options, data files, plots.

#![allow(dead_code, reason = "each example uses what it needs")]

pub mod data;
pub mod digits;
pub mod files;
pub mod grid;
pub mod learning;
pub mod paths;
pub mod plot;
pub mod tumours;

use anyhow::anyhow;
use bpaf::{Parser, construct, long};
use rosenblatt::{Backend, kernels::contract, prelude::Seed};
use std::{
    fmt::Display,
    ops::{Deref, RangeInclusive},
    path::PathBuf,
    process::ExitCode,
    str::FromStr,
};

/// Runs an example if this build on this CPU follows the numeric contract. Otherwise its results
/// could not be compared.
pub fn start<T>(run: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    match contract::violation() {
        None => run(),
        Some(violation) => {
            Err(anyhow!("the results would not be those of other machines: {violation}"))
        }
    }
}

/// The exit status. It is 1, with a line that gives the reason, after an error or if the goal was
/// missed.
pub fn end(reached: anyhow::Result<bool>, missed: &str) -> ExitCode {
    let why = match reached {
        Ok(true) => return ExitCode::SUCCESS,
        Ok(false) => missed.to_owned(),
        Err(error) => format!("error: {error:#}"),
    };
    eprintln!("{why}");
    ExitCode::FAILURE
}

/// Options that every example takes.
#[derive(Clone, Debug)]
pub struct Shared {
    /// Instructions to use
    pub backend: Backend,
    /// File for the plot
    pub plot: Option<PathBuf>,
}

/// Options of examples that use random numbers.
#[derive(Clone, Debug)]
pub struct Options {
    shared: Shared,
    /// Seed of the initial weights and the shuffles
    pub seed: u64,
}

/// `--backend`
pub fn backend() -> impl Parser<Backend> {
    const BACKENDS: &str = "Instructions to use: scalar, avx2, avx512vl, avx512, neon, or auto \
                            for the fastest of this CPU. The results have the same bits \
                            [default: auto]";
    value("backend", "NAME", BACKENDS, |name| name.parse()).fallback(Backend::detect())
}

/// `--backend` and `--plot`
pub fn shared() -> impl Parser<Shared> {
    let backend = backend();
    let plot = value("plot", "FILE", "Draws what is shown into FILE (.svg)", plot::file).optional();
    construct!(Shared { backend, plot })
}

/// The options of [`shared`] and `--seed`
pub fn options() -> impl Parser<Options> {
    let shared = shared();
    let seed = seed();
    construct!(Options { shared, seed })
}

/// `--seed`
pub fn seed() -> impl Parser<u64> {
    option("seed", "N", "Seed of the initial weights and the shuffles", 1957)
}

/// `--name WHAT`, parsed by `read`. An error names the option.
fn value<T, E: Display>(
    name: &'static str,
    what: &'static str,
    help: &'static str,
    read: impl Fn(&str) -> Result<T, E>,
) -> impl Parser<T> {
    let read = move |text: String| read(&text).map_err(|error| format!("--{name} {what}: {error}"));
    long(name).help(help).argument(what).parse(read)
}

/// `--name WHAT`, or the default.
pub fn option<T>(
    name: &'static str,
    what: &'static str,
    help: &'static str,
    default: T,
) -> impl Parser<T>
where
    T: FromStr<Err: Display> + Display + Clone + 'static,
{
    value(name, what, help, |text| text.parse()).fallback(default).display_fallback()
}

/// [`option`] for a number within a range.
pub fn number<T>(
    name: &'static str,
    help: &'static str,
    default: T,
    range: RangeInclusive<T>,
) -> impl Parser<T>
where
    T: FromStr<Err: Display> + Display + PartialOrd + Clone + 'static,
{
    let read = move |text: &str| match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!("a number from {} to {} is expected", range.start(), range.end())),
    };
    value(name, "N", help, read).fallback(default).display_fallback()
}

/// `--data FILE`. The default is the file in the repository.
pub fn data_file(help: &'static str, default: &'static str) -> impl Parser<PathBuf> {
    let file = long("data").help(help).argument("FILE").fallback(PathBuf::from(default));
    file.format_fallback(|path, f| path.display().fmt(f))
}

impl Options {
    /// The seed in the library's type.
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
