//! A receipt of an emulated chip, which this machine and a wasm module replay.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::boards::{Board, M0, Profile};
use super::{build, emulator};
use crate::builds::WHOLE;
use crate::paths;
use crate::process::{cargo, read, run};
use crate::table::table;
use crate::wasm;

/// This machine's program, the chip's program, and the name of its file.
const HERE: &str = "replay";
const THERE: &str = "record";
const FILE: &str = "receipt.bin";

/// A receipt of an emulated Cortex-M0: replay it here on every backend, and in wasm.
///
/// The chip trains and writes a file of some hundred bytes. Each replay must end in the chip's
/// weights. A receipt with a changed byte must be refused.
#[derive(clap::Args)]
pub struct Args {}

/// Records, replays, and prints a table of all.
pub fn main() -> Result<()> {
    let folder = paths::side_target("replay");
    fs::create_dir_all(&folder).with_context(|| format!("cannot write {}", folder.display()))?;
    let file = folder.join(FILE);
    let _ = fs::remove_file(&file);

    let board = Board::named(M0);
    let level = Profile::ALL[0];
    run(&mut build::command(board.build, level, &[THERE], &[])?)?;
    let elf = build::elf(board.build, level, THERE, &[]);
    let output = emulator::output(board, &elf, &[], Some(&folder))?;
    let recorded = value(&output, "hash").with_context(|| format!("no hash in: {output}"))?;

    run(cargo(["build"]).args(WHOLE).args(["--bin", HERE]))?;
    let here = |file: &Path, backend: &str| {
        let mut command = Command::new(paths::target().join("release").join(HERE));
        command.arg(file).arg(backend);
        command
    };
    let mut rows = vec![row(M0, "recorded", &recorded)];
    let mut replays = 0;
    for backend in ["scalar", "avx2", "avx512vl", "avx512", "neon"] {
        let output = here(&file, backend).output()?;
        // As in all tests.
        if String::from_utf8_lossy(&output.stderr).contains("is not a backend of this CPU") {
            println!("backend {backend}: not on this CPU");
            continue;
        }
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        rows.push(replayed(backend, &text, &recorded)?);
        replays += 1;
    }
    ensure!(replays > 0, "no backend of this CPU has replayed the receipt");
    let output = read(wasm::script("replay.mjs")?.arg(&file))?;
    rows.push(replayed("wasm", &output, &recorded)?);
    println!("{}", table(&["where", "what", "network's hash"], rows, []));

    // A gate that never closes would prove nothing.
    let receipt = fs::read(&file)?;
    let changed = folder.join("changed.bin");
    for at in [0, receipt.len() / 2, receipt.len() - 1] {
        let mut bytes = receipt.clone();
        bytes[at] ^= 1;
        fs::write(&changed, bytes)?;
        let refused = here(&changed, "scalar").output()?;
        ensure!(!refused.status.success(), "a receipt with a changed byte {at} is not refused");
    }
    println!("the receipt of {} bytes is proved, and refused with a changed byte", receipt.len());
    Ok(())
}

fn replayed(name: &str, output: &str, recorded: &str) -> Result<Vec<String>> {
    let same = value(output, "same").with_context(|| format!("no line same in: {output}"))?;
    let hash = value(output, "hash").with_context(|| format!("no line hash in: {output}"))?;
    ensure!(same == "1" && hash == recorded, "{name} does not prove the receipt: {output}");
    Ok(row(name, "replayed", &hash))
}

fn row(name: &str, what: &str, hash: &str) -> Vec<String> {
    vec![name.to_owned(), what.to_owned(), hash.to_owned()]
}

/// The value of a line `key value`, without leading zeros.
fn value(output: &str, key: &str) -> Option<String> {
    let line = output.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    line.map(|value| value.trim_start_matches('0').to_owned())
}
