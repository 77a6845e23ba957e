//! `cargo xtask size`: whether the firmware has grown.

use anyhow::{Result, bail};

use crate::qemu::figures::{Comparison, Recorded, Table, compare};
use crate::qemu::{self, Measured};

/// Compare the firmware's figures with the recorded ones.
///
/// Measures what `cargo xtask qemu` measures, and compares it with `tests/firmware/figures.txt`:
/// instructions, flash, RAM and stack of every program on every board. It fails if one of them has
/// grown by more than 2 %. With a compiler other than the recorded one it only prints the
/// differences.
#[derive(clap::Args)]
pub struct Args {}

pub fn main(_: &Args) -> Result<()> {
    let measured = qemu::measure(&qemu::Args::default())?;
    measured.judge()?;
    check(&measured)
}

/// Measures, and writes the file again.
pub fn record() -> Result<()> {
    let measured = qemu::measure(&qemu::Args::default())?;
    measured.judge()?;
    Recorded::write(&measured.compiler, &measured.rows())?;
    println!("wrote tests/firmware/figures.txt");
    Ok(())
}

/// Compares figures just measured with the recorded ones.
pub fn check(measured: &Measured) -> Result<()> {
    judge(&Recorded::read()?, &measured.compiler, &measured.table())
}

fn judge(recorded: &Recorded, compiler: &str, now: &Table) -> Result<()> {
    let Comparison { grown, changed } = compare(&recorded.figures, now);
    for line in &changed {
        println!("{line}");
    }
    for line in &grown {
        println!("grown: {line}");
    }
    match grown.first() {
        None => println!("no figure has grown by more than 2 %"),
        Some(_) if recorded.compiler != compiler => {
            println!("not judged: recorded with {}, measured with {compiler}", recorded.compiler);
        }
        Some(first) => bail!(
            "{} figures have grown by more than 2 %, the first: {first}; if that is meant to be, `cargo xtask bless figures` \
             records them",
            grown.len()
        ),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(step: u64) -> Table {
        [(
            ("xor".to_owned(), "M4F".to_owned()),
            [None, Some(step), None, None, None, None, None, None],
        )]
        .into()
    }

    #[test]
    fn growth_fails_with_the_same_compiler_alone() {
        let recorded = Recorded { compiler: "rustc 1.2.3".to_owned(), figures: table(1000) };
        assert!(judge(&recorded, "rustc 1.2.3", &table(1020)).is_ok());
        let error =
            judge(&recorded, "rustc 1.2.3", &table(1021)).expect_err("it has grown").to_string();
        assert!(
            error.contains("xor on M4F: instructions-step was 1000 and is 1021 (+2.1 %)"),
            "{error}"
        );
        assert!(judge(&recorded, "rustc 1.2.4", &table(1021)).is_ok());
    }
}
