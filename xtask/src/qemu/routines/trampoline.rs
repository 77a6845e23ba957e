//! Watches the routines as the program runs. The firmware's trampoline
//! (`tests/firmware/src/trampoline.rs`) stands before every routine, fills the registers that a
//! routine must keep, and compares them afterwards. Meanwhile a timer interrupts and spoils the
//! other registers.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use object::{Object, ObjectSection, ObjectSymbol};

use super::super::boards::Board;
use super::super::emulator;
use super::{Routine, saved};

/// The symbol of the firmware's table of routines.
const TABLE: &str = "ROUTINES";
/// How many routines the table can take.
const MOST: usize = 64;
/// How many words of code and jumps the table can take.
const CODE: u64 = 8192;

/// What a program with the trampoline printed.
#[derive(Debug, PartialEq, Eq)]
struct Watched {
    hash: u64,
    calls: u64,
    interrupts: u64,
    spoiled: u64,
    /// The first spoiled register, as an index into r4 to r11, s16 to s31, sp.
    register: u64,
    /// The number of the routine that spoiled it.
    routine: u64,
}

/// Runs a program. Returns what is wrong, and the numbers of calls and of interrupts.
pub fn complaints(
    board: &Board,
    elf: &Path,
    routines: &[Routine],
    hash: u64,
) -> Result<(Vec<String>, u64, u64)> {
    let patched = patch(elf, routines)?;
    let output = emulator::output(board, &patched, &[], None)?;
    let watched = parse(&output)?;
    Ok((
        judge(&watched, hash, |index| routines.get(index).map_or("no routine", |one| &one.name)),
        watched.calls,
        watched.interrupts,
    ))
}

fn judge<'a>(watched: &Watched, hash: u64, name: impl Fn(usize) -> &'a str) -> Vec<String> {
    let mut complaints = Vec::new();
    if watched.spoiled > 0 {
        let register = match watched.register {
            index @ 0..8 => 4 + index as usize,
            index @ 8..24 => saved::S16 + index as usize - 8,
            _ => super::thumb::SP,
        };
        let name = name(usize::try_from(watched.routine).unwrap_or(usize::MAX));
        complaints.push(format!(
            "{name}: spoils {} as it runs; so do {} calls",
            saved::word(register),
            watched.spoiled
        ));
    }
    if watched.hash != hash {
        complaints.push(format!(
            "hash under interrupts: expected {hash:016x}, got {:016x}",
            watched.hash
        ));
    }
    if watched.calls == 0 || watched.interrupts == 0 {
        complaints.push(format!(
            "{} calls and {} interrupts: the trampoline sees nothing",
            watched.calls, watched.interrupts
        ));
    }
    complaints
}

/// Reads lines `name value`, the value in hexadecimal.
fn parse(output: &str) -> Result<Watched> {
    let value = |name: &str| {
        let line = output.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        u64::from_str_radix(line.with_context(|| format!("expected a line {name}, got none"))?, 16)
            .with_context(|| format!("{name} is not a number"))
    };
    Ok(Watched {
        hash: value("hash")?,
        calls: value("calls")?,
        interrupts: value("interrupts")?,
        spoiled: value("spoiled")?,
        register: value("register")?,
        routine: value("routine")?,
    })
}

/// Writes the routines' addresses and sizes into the firmware's table, in a copy of the program.
fn patch(elf: &Path, routines: &[Routine]) -> Result<PathBuf> {
    let mut bytes = fs::read(elf).with_context(|| format!("cannot read {}", elf.display()))?;
    let words: u64 = routines.iter().map(|routine| routine.size.div_ceil(4) + 4).sum();
    if routines.len() >= MOST || words > CODE {
        bail!("{} routines of {words} words are too many for the firmware's table", routines.len());
    }
    let at = {
        let file = object::File::parse(&*bytes)?;
        let table = file.symbols().find(|symbol| symbol.name() == Ok(TABLE));
        let table = table.with_context(|| format!("{} has no {TABLE}", elf.display()))?;
        let section =
            file.section_by_index(table.section_index().context("the table is in no section")?)?;
        let (offset, _) = section.file_range().context("the table has no place in the file")?;
        usize::try_from(offset + table.address() - section.address())?
    };
    for (index, routine) in routines.iter().enumerate() {
        if routine.start % 4 != 0 || routine.size < 6 {
            bail!("{} has no room for a jump", routine.name);
        }
        let (start, size) = (u32::try_from(routine.start)?, u32::try_from(routine.size)?);
        let entry = bytes
            .get_mut(at + 8 * index..at + 8 * index + 8)
            .context("the table ends before the file does")?;
        entry[..4].copy_from_slice(&start.to_le_bytes());
        entry[4..].copy_from_slice(&size.to_le_bytes());
    }
    let patched = elf.with_extension("trampoline");
    fs::write(&patched, bytes).with_context(|| format!("cannot write {}", patched.display()))?;
    Ok(patched)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen() {
        let output = "hash 00000000000000ff\ncalls 0000000000000010\ninterrupts 0000000000000002\n\
            spoiled 0000000000000003\n\
            register 000000000000000e\nroutine 0000000000000001\n";
        let watched = parse(output).expect("all lines are there");
        let names = ["f", "g"];
        let name = |index: usize| names[index];
        assert_eq!(judge(&watched, 0xff, name), ["g: spoils s22 as it runs; so do 3 calls"]);
        let good = Watched { spoiled: 0, ..watched };
        assert_eq!(judge(&good, 0xff, name), [""; 0]);
        assert_eq!(judge(&good, 0xfe, name).len(), 1);
        assert_eq!(judge(&Watched { calls: 0, ..good }, 0xff, name).len(), 1);
        assert!(parse("hash 1\n").is_err());
    }
}
