//! A training that moves: it begins on this machine, goes on on an emulated chip, and ends in a
//! wasm module. It must end in the bytes of the training that never moved.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::boards::{Board, M4F, Profile};
use super::{build, emulator};
use crate::builds::WHOLE;
use crate::paths;
use crate::process::{cargo, read, run};
use crate::table::table;
use crate::wasm;

/// The chip's program and the name of its file.
const PROGRAM: &str = "carry";
const FILE: &str = "carry.bin";

/// Steps on this machine. The chip does 50, and the wasm module the rest.
const STEPS: &str = "37";
const REST: &str = "1000000";

/// A training that stops and moves: begin it here, go on on an emulated Cortex-M4F, end it in wasm.
///
/// Each part reads the checkpoint of the part before, a file of some KiB, and writes its own. The
/// last checkpoint must have the bytes of the training that never moved.
#[derive(clap::Args)]
pub struct Args {}

/// Runs the parts and prints a table of them.
pub fn main() -> Result<()> {
    let folder = paths::side_target("travel");
    fs::create_dir_all(&folder).with_context(|| format!("cannot write {}", folder.display()))?;
    let file = folder.join(FILE);
    let still = folder.join("still.bin");
    for old in [&file, &still] {
        let _ = fs::remove_file(old);
    }

    // The training that never moves, on the scalar backend.
    run(cargo(["build"]).args(WHOLE).args(["--bin", PROGRAM]))?;
    let here = || Command::new(paths::target().join("release").join(PROGRAM));
    let never = Part::of("never moved", &read(here().arg(&still).args([REST, "scalar"]))?, &still)?;

    let first = Part::of("this machine", &read(here().arg(&file).arg(STEPS))?, &file)?;
    let board = Board::named(M4F);
    let level = Profile::ALL[0];
    run(&mut build::command(board.build, level, &[PROGRAM], &[])?)?;
    let elf = build::elf(board.build, level, PROGRAM, &[]);
    let second = Part::of(M4F, &emulator::output(board, &elf, &[], Some(&folder))?, &file)?;
    let third = Part::of("wasm", &read(wasm::script("carry.mjs")?.arg(&file).arg(REST))?, &file)?;

    let parts = [first, second, third, never];
    let rows = parts.iter().map(Part::row);
    println!("{}", table(&["where", "backend", "ended", "network's hash", "checkpoint"], rows, []));
    let [first, second, third, never] = &parts;
    ensure!(
        !first.ended && !second.ended && third.ended && never.ended,
        "the training did not end in its last part"
    );
    ensure!(
        first.checkpoint != second.checkpoint && second.checkpoint != third.checkpoint,
        "a part did not go on"
    );
    ensure!(
        third.hash == never.hash && third.checkpoint == never.checkpoint,
        "the training that moved does not end as the one that never moved"
    );
    println!("the training that moved ends in the bytes of the one that never moved");
    Ok(())
}

/// What a part printed, and the checkpoint that it wrote.
struct Part {
    name: String,
    backend: String,
    ended: bool,
    hash: String,
    checkpoint: Vec<u8>,
}

impl Part {
    fn of(name: &str, output: &str, file: &Path) -> Result<Self> {
        let value = |key: &str| {
            let line = output.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
            line.map(|value| value.trim_start_matches('0').to_owned())
        };
        let told = |key: &str| value(key).with_context(|| format!("no line {key} in: {output}"));
        Ok(Self {
            name: name.to_owned(),
            backend: value("backend").unwrap_or_default(),
            ended: told("ended")? == "1",
            hash: told("hash")?,
            checkpoint: fs::read(file)?,
        })
    }

    fn row(&self) -> Vec<String> {
        let ended = if self.ended { "yes" } else { "no" };
        let sum = self.checkpoint.last_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        let checkpoint = format!("{} bytes, CRC-32 {sum:08x}", self.checkpoint.len());
        vec![self.name.clone(), self.backend.clone(), ended.into(), self.hash.clone(), checkpoint]
    }
}
