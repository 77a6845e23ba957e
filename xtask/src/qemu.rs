//! `cargo xtask qemu`: the firmware's programs on every board, in an emulator.

mod boards;
mod bounds;
mod build;
mod emulator;
mod example;
pub mod figures;
mod gates;
mod goals;
pub mod golden;
mod image;
mod proofs;
pub mod replay;
mod report;
mod routines;
pub mod travel;

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::builder::PossibleValuesParser;

use crate::apt;
use crate::process;
use crate::toolchain::{Rustc, Target};
use crate::wasm;
use boards::{BOARDS, Board, Build, M4F, Profile, WASM};
use emulator::Run;
use golden::Program;
use image::Image;
pub use report::Measured;

/// Run the firmware's programs on every board, in an emulator.
///
/// Builds every program of `tests/firmware` for every board at opt-level s and 3, runs it in QEMU,
/// and prints what it needs: instructions (not cycles), flash, RAM, stack. It fails where
///
/// - the result has a different hash from that in `tests/golden.txt`, which every backend and board
///   must give;
/// - a loop of known length is not counted exactly;
/// - the linked program can panic, or contains an allocator or arithmetic on f64;
/// - variables or learnt weights do not have the expected size or place;
/// - the stack gets deeper than the bound in `xtask/src/qemu/bounds.rs`;
/// - a goal in `xtask/src/qemu/goals.rs` is missed, with the compiler of the recorded figures;
/// - a routine in assembly spoils a register that its caller keeps, by its code or as it runs under
///   interrupts, or the program `identity` does not reach every instruction of it.
///
/// Without a choice of boards or programs it also plants defects, which must be caught: another
/// bit, a panic, an allocator, arithmetic on f64, flushed subnormals, spoiled registers. It also
/// runs the example `examples/cortex-m`, a training that moves (`cargo xtask travel`), and the
/// replay of a chip's receipt (`cargo xtask replay`).
#[derive(Default, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Run only on these boards, separated by commas
    #[arg(long, value_name = "NAME", value_delimiter = ',', ignore_case = true, value_parser = board_names())]
    board: Vec<String>,
    /// Run only these programs, separated by commas
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    program: Vec<String>,
}

fn board_names() -> PossibleValuesParser {
    PossibleValuesParser::new(BOARDS.iter().map(|board| board.name).chain([WASM]))
}

impl Args {
    fn has_board(&self, name: &str) -> bool {
        self.board.is_empty() || self.board.iter().any(|board| board.eq_ignore_ascii_case(name))
    }

    /// Whether nothing is left out.
    fn is_all(&self) -> bool {
        self.board.is_empty() && self.program.is_empty()
    }

    fn programs(&self) -> Result<Vec<Program>> {
        let mut programs = golden::programs()?;
        if let Some(unknown) =
            self.program.iter().find(|name| !programs.iter().any(|program| program.name == **name))
        {
            let names: Vec<&str> = programs.iter().map(|program| program.name.as_str()).collect();
            bail!("no program {unknown}; there are {}", names.join(", "));
        }
        programs.retain(|program| self.program.is_empty() || self.program.contains(&program.name));
        Ok(programs)
    }
}

pub fn main(args: &Args) -> Result<()> {
    if args.is_all() { everything()?.judge() } else { measure(args)?.judge() }
}

/// For the step of the test command: all of it. The step then compares with the recorded figures.
pub fn step() -> Result<Measured> {
    let measured = everything()?;
    measured.judge()?;
    Ok(measured)
}

/// Measures all programs on all boards. At the same time it tests the gates and runs the example.
fn everything() -> Result<Measured> {
    apt::ensure(&boards::EMULATORS)?;
    thread::scope(|scope| {
        let beside = scope.spawn(|| {
            gates::prove(&golden::programs()?)?;
            example(false)?;
            travel::main()?;
            replay::main()
        });
        let measured = measure(&Args::default());
        beside.join().expect("the gates do not panic")?;
        measured
    })
}

/// Runs the example for firmware engineers. Compares its output with the expected one, or writes
/// it.
pub fn example(update: bool) -> Result<()> {
    apt::ensure(&boards::EMULATORS)?;
    example::run(update)
}

/// The clippy command for the firmware, which `cargo xtask test` runs with the others.
pub fn clippy() -> Result<Command> {
    let board = Board::named(M4F);
    let mut command = build::cargo(board.build, "clippy", "clippy")?;
    build::plant(&mut command, board.build, gates::SPOIL)?;
    // Without `bare`, which leaves code out.
    command.args([
        "--features",
        "planted-ulp,planted-panic,planted-double,planted-alloc,trampoline",
        "--",
        "-D",
        "warnings",
    ]);
    Ok(command)
}

/// Builds, proves and runs the programs, and prints the table.
pub fn measure(args: &Args) -> Result<Measured> {
    let start = Instant::now();
    let programs = args.programs()?;
    let boards: Vec<&'static Board> =
        BOARDS.iter().filter(|board| args.has_board(board.name)).collect();
    let mut measured = Measured::new(compiler()?);
    if !boards.is_empty() {
        apt::ensure(&boards::EMULATORS)?;
    }
    // Both opt-levels are measured at the same time. Each has its own target folders, and emulators
    // run while cargo builds.
    let stop = AtomicBool::new(false);
    thread::scope(|scope| -> Result<()> {
        let levels = Profile::ALL.map(|profile| {
            let (boards, programs, stop) = (&boards, &programs, &stop);
            let measured = Measured::new(measured.compiler.clone());
            scope.spawn(move || one_level(profile, boards, programs, measured, stop))
        });
        if args.has_board(WASM) {
            let hashes = wasm::programs(|_| {})?;
            for program in &programs {
                measured.wasm(program, hashes.get(&program.name).copied());
            }
        }
        for level in levels {
            measured.absorb(level.join().expect("an opt-level does not panic")?);
        }
        Ok(())
    })?;
    measured.sort(&programs);
    println!("\n{}", measured.text(start.elapsed()));
    Ok(measured)
}

/// The compiler and its standard library, on which the figures depend.
fn compiler() -> Result<String> {
    let library = Target::prepare(Board::named(M4F).build.triple)?.library();
    Ok(format!("rustc {}, core {library}", Rustc::get()?.release))
}

/// Measures all boards at one opt-level, one build after the other. After an error, the other
/// opt-level stops before its next build.
fn one_level(
    profile: Profile,
    boards: &[&'static Board],
    programs: &[Program],
    mut measured: Measured,
    stop: &AtomicBool,
) -> Result<Measured> {
    for (index, board) in boards.iter().enumerate() {
        // Boards with the same firmware are measured together.
        if boards[..index].iter().any(|before| before.build.folder == board.build.folder) {
            continue;
        }
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let same: Vec<_> = boards
            .iter()
            .copied()
            .filter(|other| other.build.folder == board.build.folder)
            .collect();
        if let Err(error) = one_build(board.build, &same, profile, programs, &mut measured) {
            stop.store(true, Ordering::Relaxed);
            return Err(error);
        }
    }
    Ok(measured)
}

/// Measures all programs of one build at one opt-level, on the boards that share it.
fn one_build(
    build: &Build,
    boards: &[&'static Board],
    profile: Profile,
    programs: &[Program],
    measured: &mut Measured,
) -> Result<()> {
    let (fitting, others): (Vec<&Program>, Vec<&Program>) =
        programs.iter().partition(|program| build.fits(&program.name));
    for board in boards {
        for program in &others {
            measured.too_small(program, board);
        }
    }
    let fitting: Vec<&Program> =
        fitting.into_iter().filter(|program| build.fits_at(&program.name, profile)).collect();
    if fitting.is_empty() {
        return Ok(());
    }
    // First the bare programs, whose sizes are measured. Then the programs that also print.
    let sized: Vec<&Program> =
        fitting.iter().copied().filter(|program| !program.is_suite()).collect();
    let bare = images(build, profile, &sized, &["bare"])?;
    let whole = images(build, profile, &fitting, &[])?;

    for board in boards {
        for (program, image) in sized.iter().zip(&bare) {
            measured.image(program, board, profile, image);
        }
        for (programs, images) in [(&sized, &bare), (&fitting, &whole)] {
            for (program, image) in programs.iter().zip(images) {
                measured.complain(program, board, profile, proofs::complaints(program, image));
            }
        }
    }

    let jobs: Vec<(&'static Board, PathBuf)> = boards
        .iter()
        .flat_map(|&board| {
            fitting
                .iter()
                .map(move |program| (board, build::elf(build, profile, &program.name, &[])))
        })
        .collect();
    let start = Instant::now();
    let mut runs = emulator::all(&jobs).into_iter();
    let names: Vec<&str> = boards.iter().map(|board| board.name).collect();
    println!(
        "ran {} programs on {} at {} in {:.1} s",
        jobs.len(),
        names.join(" and "),
        profile.name(),
        start.elapsed().as_secs_f64()
    );

    for board in boards {
        for (program, image) in fitting.iter().zip(&whole) {
            let mut complaints = match runs.next().expect("one for each job") {
                Ok(run) => {
                    let hash = program.complaint(run.hash);
                    measured.run(program, board, profile, &run, hash.is_none());
                    let mut complaints = proofs::memory(image, run.net, run.trainer);
                    complaints.extend(bounds::complaint(&program.name, build.triple, run.stack));
                    complaints.extend(ruler_complaint(&run));
                    complaints.extend(hash);
                    complaints
                }
                Err(error) => {
                    measured.no_run(program, board);
                    vec![format!("{error:#}")]
                }
            };
            if routines::are_on(board, profile, &program.name) {
                apt::ensure(&[routines::DISASSEMBLER])?;
                let elf = |features: &[&str]| build::elf(build, profile, &program.name, features);
                complaints.extend(routines::complaints(board, &elf(&[]))?);
                let watched = [routines::TRAMPOLINE];
                process::run(&mut build::command(build, profile, &[&program.name], &watched)?)?;
                complaints.extend(routines::watched(board, &elf(&watched), program.hash)?);
            }
            measured.complain(program, board, profile, complaints);
        }
    }
    Ok(())
}

/// Instructions of the firmware's ruler, a loop of known length.
const RULER: u64 = 2001;

/// Builds programs and reads what was linked.
fn images(
    build: &Build,
    profile: Profile,
    programs: &[&Program],
    features: &[&str],
) -> Result<Vec<Image>> {
    let names: Vec<&str> = programs.iter().map(|program| program.name.as_str()).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    process::run(&mut build::command(build, profile, &names, features)?).with_context(|| {
        format!("the firmware for {} at {} does not link", build.folder, profile.name())
    })?;
    names.iter().map(|name| Image::read(&build::elf(build, profile, name, features))).collect()
}

fn ruler_complaint(run: &Run) -> Option<String> {
    (run.ruler != RULER).then(|| {
        format!("count of instructions: expected {RULER} for the ruler, got {}", run.ruler)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_results_are_found() {
        let program = Program { name: "xor".to_owned(), hash: 0xff };
        let run =
            Run { hash: 0xff, stack: 0, net: 0, trainer: 0, ruler: RULER, infer: None, step: None };
        assert!(program.complaint(run.hash).is_none() && ruler_complaint(&run).is_none());
        let wrong = Run { hash: 0xfe, ruler: 2000, ..run };
        let complaint = program.complaint(wrong.hash).expect("another hash");
        assert_eq!(complaint, "hash: expected 00000000000000ff, got 00000000000000fe");
        assert!(ruler_complaint(&wrong).is_some());
    }
}
