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
/// Prints for each function the worst error in ULP and its input, how many results are not
/// correctly rounded, and what NaN, infinities, zeros, overflow and underflow give. Fails if an
/// error exceeds the stated bound: 1 ULP for exp and ln, 2 ULP for the others. Fails if a NaN, the
/// result at an infinity or a zero, or the sign of a zero is wrong. All functions together take a
/// few minutes.
///
/// The error of a result is its distance from the exact value, divided by the spacing of f32
/// numbers around the exact value. The exact value comes from f64 functions. Where it lies so close
/// to the middle of two f32 numbers that f64 cannot decide which is nearer, 320-bit arithmetic
/// decides.
#[derive(clap::Args)]
pub struct Args {
    /// The function to check
    #[arg(value_enum, default_value = "all")]
    function: Choice,
    /// Take only every Nth bit pattern: a sample instead of all inputs
    #[arg(long, value_name = "N", default_value = "1")]
    step: NonZeroU32,
    /// The backend: scalar, avx2, avx512vl, avx512, neon; auto is the fastest that this CPU has
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
    // Four billion inputs need an optimized build and the kernels. The other commands need neither.
    #[cfg(feature = "ulp")]
    if !cfg!(debug_assertions) {
        return sweep::all(args);
    }
    let _ = args;
    let build = ["run", "--quiet", "--release", "--package", "xtask", "--features", "ulp", "--"];
    if run(cargo(build).args(env::args_os().skip(1))).is_err() {
        // The child process has printed what is wrong.
        exit(1);
    }
    Ok(())
}
