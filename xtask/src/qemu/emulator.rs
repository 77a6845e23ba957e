//! Runs firmware in the emulator, and reads what it prints.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::boards::Board;
use crate::process;

/// After this time a program counts as one that never ends. The longest takes a few seconds. A slow
/// machine must not make a program fail.
const LIMIT: Duration = Duration::from_secs(1800);

/// How many emulators run at the same time.
const AT_A_TIME: usize = 2;

/// Output and exit status by semihosting, and nothing on the screen.
const OPTIONS: [&str; 8] = [
    "-semihosting-config",
    "enable=on,target=native",
    "-nographic",
    "-monitor",
    "none",
    "-serial",
    "none",
    "-kernel",
];

/// What a program printed.
#[derive(Debug, PartialEq, Eq)]
pub struct Run {
    pub hash: u64,
    /// Peak bytes of stack.
    pub stack: u64,
    /// Bytes of the network.
    pub net: u64,
    /// Bytes of everything else that training needs.
    pub trainer: u64,
    /// Instructions of a loop whose length is known.
    pub ruler: u64,
    /// Instructions of an inference, if the program has one.
    pub infer: Option<u64>,
    /// Instructions of a training step, if the program has one.
    pub step: Option<u64>,
}

/// Runs firmware on several boards. Returns the result of each job, in the order of the jobs.
pub fn all(jobs: &[(&'static Board, PathBuf)]) -> Vec<Result<Run>> {
    let next = Mutex::new(jobs.iter().enumerate());
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let Some((index, (board, elf))) = next.lock().expect("nobody panicked").next()
                    else {
                        return;
                    };
                    let result = run(board, elf);
                    done.lock().expect("nobody panicked").push((index, result));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("nobody panicked");
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Runs firmware on a board.
pub fn run(board: &Board, elf: &Path) -> Result<Run> {
    let output = output(board, elf, &[], None)?;
    parse(board, &output).with_context(|| format!("the output is: {}", one_line(&output)))
}

/// Runs firmware on a board, and logs all code that it reaches into a file.
pub fn log_code(board: &Board, elf: &Path, log: &Path) -> Result<()> {
    let options = ["-d".as_ref(), "in_asm".as_ref(), "-D".as_ref(), log.as_os_str()];
    output(board, elf, &options, None)?;
    Ok(())
}

/// Runs firmware on a board with further options, in a folder whose files it may use. Returns what
/// it printed.
pub fn output(
    board: &Board,
    elf: &Path,
    options: &[&OsStr],
    folder: Option<&Path>,
) -> Result<String> {
    let words = board.emulator();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args(options).args(OPTIONS).arg(elf);
    if let Some(folder) = folder {
        command.current_dir(folder);
    }
    let Some((status, output)) = process::output_within(&mut command, LIMIT)? else {
        bail!("expected an end within {} s, got none", LIMIT.as_secs());
    };
    if !status.success() {
        bail!(
            "expected the emulator to succeed, got {status} and the output: {}",
            one_line(&output)
        );
    }
    Ok(output)
}

fn one_line(output: &str) -> String {
    output.lines().collect::<Vec<_>>().join("; ")
}

/// Reads lines `name value` with hexadecimal values. A number of ticks is followed by the number of
/// interrupts during these ticks.
fn parse(board: &Board, output: &str) -> Result<Run> {
    // The emulator may print lines of its own.
    let lines: Vec<(&str, u64)> = output
        .lines()
        .filter_map(|line| {
            let (name, value) = line.split_once(' ')?;
            Some((name, u64::from_str_radix(value, 16).ok()?))
        })
        .collect();
    let at = |name: &str| lines.iter().position(|(line, _)| *line == name);
    let value = |name: &str| {
        at(name).map(|at| lines[at].1).with_context(|| format!("expected a line {name}, got none"))
    };
    let counted = |name: &str| {
        let Some(at) = at(name) else {
            return Ok(None);
        };
        match lines.get(at + 1) {
            Some(("interrupts", interrupts)) => {
                Ok(Some(board.instructions(lines[at].1, *interrupts)))
            }
            _ => bail!("expected a line interrupts after {name}, got none"),
        }
    };
    Ok(Run {
        hash: value("hash")?,
        stack: value("stack")?,
        net: value("net")?,
        trainer: value("trainer")?,
        ruler: counted("ruler")?.context("expected a line ruler, got none")?,
        infer: counted("infer")?,
        step: counted("step")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "hash 2f4da0107f19e4ff\nstack 0000000000000100\nqemu: a word\n\
        net 84\ntrainer 2f0\nruler 7d1\ninterrupts 0\ninfer 3e8\ninterrupts 2\n";

    #[test]
    fn output_is_read() {
        let board = Board::named("RV32IMAC");
        let run = parse(board, OUTPUT).expect("all lines are there");
        let (hash, stack) = (0x2f4d_a010_7f19_e4ff, 256);
        assert_eq!(
            run,
            Run { hash, stack, net: 132, trainer: 752, ruler: 2001, infer: Some(990), step: None }
        );
        assert!(parse(board, &OUTPUT.replace("stack", "heap")).is_err());
        assert!(parse(board, &OUTPUT.replace("interrupts 2\n", "")).is_err());
    }
}
