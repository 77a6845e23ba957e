//! `cargo xtask bless`: writes the expected values of the tests again.

use anyhow::Result;

use crate::{
    counts,
    process::{cargo, run},
    size,
    steps::examples,
};

/// Write the expected values of the tests again: hashes, figures, output of the examples.
///
/// The commit that contains the change must say why. A changed hash is a breaking change.
#[derive(clap::Args)]
pub struct Args {
    /// What to write: everything, if nothing is named
    #[arg(value_enum)]
    what: Vec<What>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// `kernels/tests/identity.golden`: the hash of all kernels
    Identity,
    /// `tests/golden.txt`: the hashes of whole trainings
    Golden,
    /// `tests/firmware/figures.txt`: instructions, flash, RAM and stack of the firmware
    Figures,
    /// `benches/counts/counts.txt`: instructions of kernels, steps and predictions on x86
    Counts,
    /// `expected.txt` beside each example: its output
    Examples,
}

pub fn main(args: &Args) -> Result<()> {
    let wanted = |what| args.what.is_empty() || args.what.contains(&what);
    if wanted(What::Identity) {
        test("rosenblatt-kernels", "identity")?;
    }
    if wanted(What::Golden) {
        test("rosenblatt-golden", "golden")?;
    }
    if wanted(What::Figures) {
        size::record()?;
    }
    if wanted(What::Counts) {
        counts::record()?;
    }
    if wanted(What::Examples) {
        examples::record()?;
    }
    Ok(())
}

/// Runs a test program with `ROSENBLATT_BLESS` set, so that it writes its file.
fn test(package: &str, name: &str) -> Result<()> {
    let args = ["test", "--release", "--package", package, "--test", name];
    run(cargo(args).env("ROSENBLATT_BLESS", "1"))
}
