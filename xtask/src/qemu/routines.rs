//! Checks of the routines written in assembly.
//!
//! Each routine restores its caller's registers: `saved` proves it from the machine code, path by
//! path, and `trampoline` checks it as the code runs. The identity suite reaches every instruction
//! of each routine: `reached` reads the emulator's log.
//!
//! No test of results shows either. The caller may keep nothing in the register that is spoiled. A
//! routine that nothing calls gives no wrong result.

mod reached;
mod saved;
mod thumb;
mod trampoline;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use object::{Object, ObjectSymbol, SymbolKind};
use rustc_demangle::demangle;

use super::boards::{Board, M4F, M4F_TUNED, M55_HELIUM, Profile};
use super::emulator;
use crate::apt::Need;
use crate::process;
use crate::toolchain::Target;
use thumb::Instruction;

/// The boards that together have all routines.
const BOARDS: [&str; 3] = [M4F, M4F_TUNED, M55_HELIUM];
/// The program that must reach them all.
const SUITE: &str = "identity";
/// How the names of Helium's routines begin. Firmware with them may lack some of the others.
const HELIUM: &str = "rosenblatt_helium_";

/// The feature of the firmware that watches every call.
pub const TRAMPOLINE: &str = "trampoline";

/// The disassembler.
pub const DISASSEMBLER: Need = Need {
    any_of: &[
        "llvm-objdump",
        "llvm-objdump-22",
        "llvm-objdump-21",
        "llvm-objdump-20",
        "llvm-objdump-19",
        "llvm-objdump-14",
    ],
    package: "llvm",
};

/// A routine in a linked program.
#[derive(Debug)]
struct Routine {
    name: String,
    /// Where it lies.
    start: u64,
    /// Bytes.
    size: u64,
    instructions: Vec<Result<Instruction>>,
}

/// Whether the routines of this firmware are checked.
pub fn are_on(board: &Board, profile: Profile, program: &str) -> bool {
    profile == Profile::Fast && program == SUITE && BOARDS.contains(&board.name)
}

/// What is wrong with the routines of the kernels in a program that should reach them all.
pub fn complaints(board: &Board, elf: &Path) -> Result<Vec<String>> {
    let written = written(board)?;
    let routines = read(elf, |name| written.contains(name))?;
    let there: BTreeSet<&str> = routines.iter().map(|routine| routine.name.as_str()).collect();
    let mut complaints: Vec<String> = written
        .iter()
        .filter(|name| {
            !there.contains(name.as_str()) && (board.name != M55_HELIUM || name.starts_with(HELIUM))
        })
        .map(|name| format!("{name}: is not linked, so nothing calls it"))
        .collect();
    complaints.extend(unsaved(&routines));
    // Helium leaves only small products to the other routines. The other boards reach the rest of
    // those.
    let (whole, entries): (Vec<&Routine>, Vec<&Routine>) = routines
        .iter()
        .partition(|routine| board.name != M55_HELIUM || routine.name.starts_with(HELIUM));
    complaints.extend(unreached(board, elf, &whole, &entries)?);
    let count: usize = routines.iter().map(|routine| routine.instructions.len()).sum();
    println!("{}: {} routines in assembly, {count} instructions", board.name, routines.len());
    Ok(complaints)
}

/// What is wrong with the routines of these names, in a program with planted defects.
pub fn planted(board: &Board, elf: &Path, names: &[&str]) -> Result<Vec<String>> {
    let routines = read(elf, |name| names.contains(&name))?;
    let mut complaints = unsaved(&routines);
    let all: Vec<&Routine> = routines.iter().collect();
    complaints.extend(unreached(board, elf, &all, &[])?);
    Ok(complaints)
}

/// What goes wrong as a program with the trampoline runs. It should end in the hash.
pub fn watched(board: &Board, elf: &Path, hash: u64) -> Result<Vec<String>> {
    let written = written(board)?;
    let routines = read(elf, |name| written.contains(name))?;
    let (complaints, calls, interrupts) = trampoline::complaints(board, elf, &routines, hash)?;
    println!(
        "{}: {calls} calls of routines in assembly, {interrupts} interrupts meanwhile",
        board.name
    );
    Ok(complaints)
}

/// The same for routines of these names in a program with a planted defect.
pub fn planted_watched(
    board: &Board,
    elf: &Path,
    hash: u64,
    names: &[&str],
) -> Result<Vec<String>> {
    let routines = read(elf, |name| names.contains(&name))?;
    Ok(trampoline::complaints(board, elf, &routines, hash)?.0)
}

/// The names of all routines that the kernels have in this build. LLVM's module keeps assembly
/// apart from compiled functions. A linked program does not.
fn written(board: &Board) -> Result<BTreeSet<String>> {
    let target = Target::prepare(board.build.triple)?;
    let folder = format!("routines/{}", board.build.folder);
    let library = ["--quiet", "--package", "rosenblatt-kernels", "--lib", "--release"];
    let mut command = target.cargo("rustc", &folder, "core", library);
    if let Some(flags) = board.build.rustflags {
        command.env(target.variable("RUSTFLAGS"), flags);
    }
    for feature in board.build.features {
        command.args(["--features", feature]);
    }
    let file = target.release_folder(&folder).join("kernels.ll");
    command.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1");
    process::run(command.arg("--").arg(format!("--emit=llvm-ir={}", file.display())))?;
    let text =
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let names = names(&text);
    if names.is_empty() {
        bail!("{} names no routine in assembly", file.display());
    }
    Ok(names)
}

/// The routines in a module of LLVM. Naked functions are assembly of the module. Macros of assembly
/// are not expanded there, but the functions they make are declared.
fn names(module: &str) -> BTreeSet<String> {
    let assembly = module.lines().filter_map(|line| {
        let (_, name) = line.strip_prefix("module asm")?.split_once(".type ")?;
        let (name, kind) = name.split_once(',')?;
        (kind.contains("%function") && !name.contains('\\')).then_some(name)
    });
    let declared = module.lines().filter_map(|line| {
        let (_, name) = line.strip_prefix("declare ")?.split_once('@')?;
        name.split('(').next().filter(|name| name.starts_with("rosenblatt_"))
    });
    assembly.chain(declared).map(plain).collect()
}

/// A name as in the source, without a hash.
fn plain(name: &str) -> String {
    format!("{:#}", demangle(name.trim().trim_matches('"')))
}

/// Disassembles the routines of a program that are wanted.
fn read(elf: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<Routine>> {
    let what = || format!("cannot read {}", elf.display());
    let bytes = fs::read(elf).with_context(what)?;
    let file = object::File::parse(&*bytes).with_context(what)?;
    let lines = disassemble(elf)?;
    let mut routines = Vec::new();
    let mut seen = BTreeSet::new();
    for symbol in
        file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition())
    {
        let name = plain(symbol.name()?);
        // The lowest bit marks Thumb code.
        let start = symbol.address() & !1;
        if !wanted(&name) || !seen.insert(start) {
            continue;
        }
        let inside = start..start + symbol.size();
        let own = lines
            .iter()
            .filter(|(address, _)| inside.contains(address))
            .map(|(_, line)| line.as_str());
        let instructions = thumb::read(own);
        if instructions.is_empty() {
            bail!("{name} has no instructions in {}", elf.display());
        }
        routines.push(Routine { name, start, size: symbol.size(), instructions });
    }
    if routines.is_empty() {
        bail!("{} has none of the routines", elf.display());
    }
    Ok(routines)
}

/// The lines of disassembly that begin with an address.
fn disassemble(elf: &Path) -> Result<Vec<(u64, String)>> {
    let tool = DISASSEMBLER.found().context("there is no disassembler")?;
    // The instruction sets of all boards.
    let options = [
        "--disassemble",
        "--no-show-raw-insn",
        "--triple=thumbv8.1m.main-none-eabi",
        "--mattr=+mve.fp,+lob",
    ];
    let text = process::read(Command::new(tool).args(options).arg(elf))?;
    let lines = text.lines().filter_map(|line| {
        let (address, _) = line.trim().split_once(':')?;
        Some((u64::from_str_radix(address, 16).ok()?, line.to_owned()))
    });
    Ok(lines.collect())
}

/// The complaints about registers that routines spoil.
fn unsaved(routines: &[Routine]) -> Vec<String> {
    routines
        .iter()
        .flat_map(|routine| saved::complaints(&routine.name, &routine.instructions))
        .collect()
}

/// The complaints about routines of which the program does not reach every instruction, or not the
/// first one.
fn unreached(
    board: &Board,
    elf: &Path,
    whole: &[&Routine],
    entries: &[&Routine],
) -> Result<Vec<String>> {
    let log = log_of(elf);
    emulator::log_code(board, elf, &log)?;
    let text = fs::read(&log).with_context(|| format!("cannot read {}", log.display()))?;
    let reached = reached::read(&String::from_utf8_lossy(&text));
    if reached.is_empty() {
        bail!("the emulator's log {} names no instruction", log.display());
    }
    let mut complaints = Vec::new();
    for (routine, all) in whole
        .iter()
        .map(|routine| (routine, true))
        .chain(entries.iter().map(|routine| (routine, false)))
    {
        let addresses: Vec<u64> =
            routine.instructions.iter().flatten().map(|one| one.address).collect();
        let missing = reached::missing(addresses.iter().copied(), &reached);
        if missing.first() == addresses.first() {
            complaints.push(format!("{}: is never called", routine.name));
        } else if let (true, Some(first)) = (all, missing.first()) {
            complaints.push(format!(
                "{}: {} of {} instructions are never reached, from {first:#x} on",
                routine.name,
                missing.len(),
                addresses.len()
            ));
        }
    }
    Ok(complaints)
}

/// The emulator's log, beside the program.
fn log_of(elf: &Path) -> PathBuf {
    elf.with_extension("log")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_routines() {
        let module = "module asm \".type _ZN1k4gemm6rows_817h44ca0eda1b629465E, %function\"\n\
            module asm \"    .type \\5Cname, %function\"\nmodule asm \".type table, %object\"\n\
            declare dso_local noundef i32 @rosenblatt_helium_2x8(ptr noalias) #0\n\
            declare void @memcpy(ptr)\n";
        assert_eq!(
            names(module).into_iter().collect::<Vec<_>>(),
            ["k::gemm::rows_8", "rosenblatt_helium_2x8"]
        );
    }
}
