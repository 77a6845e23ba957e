//! `cargo xtask ulp`: the accuracy of the elementary functions, over all inputs.

#[cfg(feature = "ulp")]
mod judge;
#[cfg(feature = "ulp")]
mod oracle;
#[cfg(feature = "ulp")]
mod sweep;

use std::env;
use std::num::NonZeroU32;
use std::process::exit;

use anyhow::Result;
use clap::ValueEnum;

use crate::process::{cargo, run};

/// Check the accuracy of exp, ln, tanh, sigmoid and cos πx over all 4294967296 inputs.
///
/// Prints for each function the worst error in ULP and where it occurs, how many results are not correctly rounded, and what
/// NaN, infinities, zeros, overflow and underflow give. Fails if the stated bound is exceeded: 1 ULP for exp and ln, 2 ULP
/// for the others. All functions together take a few minutes.
///
/// The error of a result is its distance from the exact value over the spacing of f32 numbers around the exact value. The
/// exact value comes from f64 functions; where it lies so close to the middle of two f32 numbers that f64 cannot tell which
/// is nearer, arithmetic of 320 bits decides.
#[derive(clap::Args)]
pub struct Args {
    /// The function to check
    #[arg(value_enum, default_value = "all")]
    function: Choice,
    /// Take only every Nth bit pattern: a sample instead of all inputs
    #[arg(long, value_name = "N", default_value = "1")]
    step: NonZeroU32,
    /// The backend: scalar, avx2, avx512, neon; auto is the fastest that this CPU has
    #[arg(long, value_name = "BACKEND", default_value = "auto")]
    backend: String,
    /// How many threads share the work
    #[arg(long, value_name = "N", default_value = "2")]
    threads: NonZeroU32,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Choice {
    Exp,
    Ln,
    Tanh,
    Sigmoid,
    CosPi,
    All,
}

pub fn main(args: &Args) -> Result<()> {
    // Four billion inputs need an optimised build, and the kernels, which the other commands do without.
    #[cfg(feature = "ulp")]
    if !cfg!(debug_assertions) {
        return sweep::all(args);
    }
    let _ = args;
    let build = ["run", "--quiet", "--release", "--package", "xtask", "--features", "ulp", "--"];
    if run(cargo(build).args(env::args_os().skip(1))).is_err() {
        // It has said what is wrong.
        exit(1);
    }
    Ok(())
}
