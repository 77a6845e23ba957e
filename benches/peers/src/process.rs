//! A contender in another process: a program in any language that answers on its standard output.
//!
//! The program gets the folder of the data as its first argument. It reads commands from its
//! standard input, one a line, and answers each with one line:
//!
//! | command | answer |
//! |---|---|
//! | `name` | its name in the tables |
//! | `workloads` | the names of the workloads that it has, with spaces between them |
//! | `check T2` | the numbers of [`Contender::check`] |
//! | `time T2 1000` | the nanoseconds of 1,000 calls together |
//!
//! An answer `error …` says what went wrong. The end of the input ends the program.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::contender::{Contender, Peer};
use crate::data::Data;
use crate::workload::Workload;

/// Bytes of freed memory that a program keeps.
const KEPT: &str = "268435456";

/// A running program.
pub struct Program {
    name: String,
    workloads: Vec<String>,
    pipe: RefCell<Pipe>,
}

struct Pipe {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Program {
    /// Starts a program. The folder of the data is its first argument.
    pub fn start(command: &[String], data: &Path) -> Result<Self> {
        let (program, arguments) = command.split_first().context("an empty command")?;
        // An interpreter's options and its script come before the folder.
        let script = arguments.iter().position(|argument| argument.ends_with(".py"));
        let (script, rest) = arguments.split_at(script.map_or(0, |at| at + 1));
        let mut child = Command::new(program)
            .args(script)
            .arg(data)
            .args(rest)
            // One thread, also for libraries that split their work.
            .env("RAYON_NUM_THREADS", "1")
            // glibc keeps freed memory. Otherwise the page faults of large steps are timed, too.
            .env("MALLOC_TRIM_THRESHOLD_", KEPT)
            .env("MALLOC_MMAP_THRESHOLD_", KEPT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().context("no output")?);
        let mut pipe = Pipe { child, input, output };
        let name = pipe.ask("name").with_context(|| format!("of {}", command.join(" ")))?;
        let workloads = pipe.ask("workloads")?.split_whitespace().map(str::to_owned).collect();
        Ok(Self { name, workloads, pipe: RefCell::new(pipe) })
    }
}

impl Pipe {
    fn ask(&mut self, command: &str) -> Result<String> {
        let input = self.input.as_mut().context("the input is closed")?;
        writeln!(input, "{command}")?;
        input.flush()?;
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            bail!("the program ended at the command {command}");
        }
        if let Some(error) = line.strip_prefix("error ") {
            bail!("{command}: {}", error.trim());
        }
        Ok(line.trim().to_owned())
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // The end of the input ends the program.
        self.input = None;
        let _ = self.child.wait();
    }
}

impl Peer for Program {
    fn name(&self) -> &str {
        &self.name
    }

    fn contender<'a>(
        &'a self,
        workload: &Workload,
        _: &'a Data,
    ) -> Result<Option<Box<dyn Contender + 'a>>> {
        let name = workload.name();
        Ok(self.workloads.contains(&name).then(|| Box::new(Remote { program: self, name }) as _))
    }
}

/// One workload of a program.
struct Remote<'a> {
    program: &'a Program,
    name: String,
}

impl Contender for Remote<'_> {
    fn check(&mut self) -> Result<Vec<f32>> {
        let answer = self.program.pipe.borrow_mut().ask(&format!("check {}", self.name))?;
        answer
            .split_whitespace()
            .map(|word| word.parse().with_context(|| format!("{word} is no number")))
            .collect()
    }

    fn time(&mut self, calls: u64) -> Result<Duration> {
        let answer = self.program.pipe.borrow_mut().ask(&format!("time {} {calls}", self.name))?;
        let nanoseconds: f64 = answer.parse().with_context(|| format!("{answer} is no time"))?;
        Ok(Duration::from_secs_f64(nanoseconds.max(0.0) / 1e9))
    }
}

/// Answers the commands of a driver: the other side of [`Program`].
pub fn serve(peer: &dyn Peer, data: &Data) -> Result<()> {
    let mut workloads = crate::workload::all();
    if !data.swept.is_empty() {
        workloads.extend(crate::workload::sweep());
    }
    let mut open: Vec<(String, Box<dyn Contender + '_>)> = Vec::new();
    for line in std::io::stdin().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut answer = || -> Result<String> {
            Ok(match words.as_slice() {
                ["name"] => peer.name().to_owned(),
                ["workloads"] => {
                    let mut names = Vec::new();
                    for workload in &workloads {
                        if peer.contender(workload, data)?.is_some() {
                            names.push(workload.name());
                        }
                    }
                    names.join(" ")
                }
                [command, name, rest @ ..] => {
                    if !open.iter().any(|(one, _)| one == name) {
                        let workload = workloads
                            .iter()
                            .find(|workload| workload.name() == *name)
                            .with_context(|| format!("no workload {name}"))?;
                        let contender = peer
                            .contender(workload, data)?
                            .with_context(|| format!("{} has no {name}", peer.name()))?;
                        // One at a time, so that the memory of the others does not count.
                        open.clear();
                        open.push((workload.name(), contender));
                    }
                    let contender = &mut open.last_mut().expect("opened above").1;
                    match (*command, rest) {
                        ("check", []) => {
                            let numbers = contender.check()?;
                            numbers.iter().map(f32::to_string).collect::<Vec<_>>().join(" ")
                        }
                        ("time", [calls]) => contender.time(calls.parse()?)?.as_nanos().to_string(),
                        _ => bail!("no command {line}"),
                    }
                }
                _ => bail!("no command {line}"),
            })
        };
        match answer() {
            Ok(answer) => println!("{answer}"),
            Err(error) => println!("error {}", format!("{error:#}").replace('\n', " ")),
        }
    }
    Ok(())
}
