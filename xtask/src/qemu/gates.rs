//! Tests the gates: each must catch a defect that is planted for it.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::boards::{Board, M4F, M55_HELIUM, Profile};
use super::build;
use super::emulator;
use super::golden::Program;
use super::image::Image;
use super::proofs;
use super::routines;
use crate::apt;
use crate::process;

/// The program that the defects are planted in.
const PROGRAM: &str = "xor";

/// A defect of the kernels, planted by a cfg.
const FLUSH: &str = "rosenblatt_planted_flush";
/// Defects of the kernels and of the firmware's own routines, planted by a cfg.
pub const SPOIL: &str = "rosenblatt_planted_spoil";

/// The function that a panic would call. It does not exist, so the linker reports it.
const MISSING: &str = "this_firmware_can_panic";

/// Plants each defect, and fails if one is not caught.
pub fn prove(programs: &[Program]) -> Result<()> {
    let Some(program) = programs.iter().find(|program| program.name == PROGRAM) else {
        bail!("no program {PROGRAM} to plant defects in");
    };
    ulp(program)?;
    panic()?;
    found(program, "planted-double", "arithmetic on f64")?;
    found(program, "planted-alloc", "allocator")?;
    flush(programs)?;
    spoil(program)
}

/// Routines in assembly that spoil registers of their callers. Some of them are never called. The
/// gate must report that too.
fn spoil(program: &Program) -> Result<()> {
    const FORGETFUL: &str = "rosenblatt_kernels::arch::cortex_m::stream::tanh_grad_blocks";
    apt::ensure(&[routines::DISASSEMBLER])?;
    let m4f = [
        (FORGETFUL, "writes and does not save d11"),
        ("planted_unsaved", "writes and does not save r4, r5, r6, r7, r8, r9, r10, r11"),
        ("planted_mixed", "returns in r5 what r4 held"),
        ("planted_mixed", "is never called"),
    ];
    let helium = [
        ("planted_lanes", "writes and does not save d14, d15"),
        ("planted_lanes", "is never called"),
    ];
    for (name, expected) in [(M4F, m4f.as_slice()), (M55_HELIUM, &helium)] {
        let board = Board::named(name);
        process::run(&mut build::planted(board.build, Profile::Fast, PROGRAM, &[], SPOIL)?)?;
        let names: Vec<&str> = expected.iter().map(|(routine, _)| *routine).collect();
        let complaints = routines::planted(
            board,
            &build::planted_elf(board.build, Profile::Fast, PROGRAM, &[], SPOIL),
            &names,
        )?;
        for (routine, what) in expected {
            let complaint = format!("{routine}: {what}");
            if !complaints.contains(&complaint) {
                bail!(
                    "the gate of the routines did not catch {SPOIL} on {name}: expected \
                     {complaint}, got {complaints:?}"
                );
            }
            caught(SPOIL, &complaint)?;
        }
        process::run(&mut build::planted(
            board.build,
            Profile::Fast,
            PROGRAM,
            &[routines::TRAMPOLINE],
            SPOIL,
        )?)?;
        let elf =
            build::planted_elf(board.build, Profile::Fast, PROGRAM, &[routines::TRAMPOLINE], SPOIL);
        let complaints = routines::planted_watched(board, &elf, program.hash, &[FORGETFUL])?;
        // s22 and s23 are d11.
        match complaints
            .iter()
            .find(|complaint| complaint.starts_with(&format!("{FORGETFUL}: spoils s22 as it runs")))
        {
            Some(complaint) => caught(SPOIL, complaint)?,
            None => bail!("the trampoline did not catch {SPOIL} on {name}: got {complaints:?}"),
        }
    }
    Ok(())
}

/// Subnormal numbers that Helium flushes and that are not computed again. The hash must show it.
fn flush(programs: &[Program]) -> Result<()> {
    const FLUSHED: &str = "subnormal";
    let Some(program) = programs.iter().find(|program| program.name == FLUSHED) else {
        bail!("no program {FLUSHED} to plant flushed numbers in");
    };
    let board = Board::named(M55_HELIUM);
    process::run(&mut build::planted(board.build, Profile::Fast, FLUSHED, &[], FLUSH)?)?;
    let run =
        emulator::run(board, &build::planted_elf(board.build, Profile::Fast, FLUSHED, &[], FLUSH))?;
    match program.complaint(run.hash) {
        Some(complaint) => caught(FLUSH, &complaint),
        None => bail!(
            "the gate of the hash did not catch {FLUSH}, planted in {FLUSHED} on {M55_HELIUM}: got \
             the golden hash"
        ),
    }
}

/// One bit of one initial weight. The hash must show it.
fn ulp(program: &Program) -> Result<()> {
    let board = Board::named(M4F);
    let run = emulator::run(board, &build("planted-ulp")?)?;
    match program.complaint(run.hash) {
        Some(complaint) => caught("planted-ulp", &complaint),
        None => missed("hash", "planted-ulp", "the golden hash"),
    }
}

/// A panic. The program must not link with it.
fn panic() -> Result<()> {
    let board = Board::named(M4F);
    let mut command = build::command(board.build, Profile::Fast, &[PROGRAM], &["planted-panic"])?;
    let (linked, said) = process::attempt(&mut command)?;
    if linked {
        return missed("linker", "planted-panic", "a linked program");
    }
    match said.lines().find(|line| line.contains(MISSING) && line.contains("undefined")) {
        Some(line) => caught("planted-panic", line.trim()),
        None => missed("linker", "planted-panic", &format!("another error: {said}")),
    }
}

/// A defect that the symbols must show.
fn found(program: &Program, feature: &str, what: &str) -> Result<()> {
    let image = Image::read(&build(feature)?)?;
    let complaints = proofs::complaints(program, &image);
    match complaints.iter().find(|complaint| complaint.contains(what)) {
        Some(complaint) => caught(feature, complaint),
        None => missed("symbols", feature, &format!("the complaints {complaints:?}")),
    }
}

/// Builds the program with a defect. Returns the path of the ELF file.
fn build(feature: &str) -> Result<PathBuf> {
    let build = Board::named(M4F).build;
    process::run(&mut build::command(build, Profile::Fast, &[PROGRAM], &[feature])?)?;
    Ok(build::elf(build, Profile::Fast, PROGRAM, &[feature]))
}

fn caught(feature: &str, how: &str) -> Result<()> {
    println!("caught {feature}: {how}");
    Ok(())
}

fn missed(gate: &str, feature: &str, got: &str) -> Result<()> {
    bail!(
        "the gate of the {gate} did not catch {feature}, planted in {PROGRAM} on {M4F}: got {got}"
    )
}
