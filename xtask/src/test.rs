//! `cargo xtask test`: runs the steps and reports the outcome of each.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{IsTerminal, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::paths;
use crate::steps::{Done, Findings, Step, quick};
use crate::table::table;

/// How many steps run at the same time. Much of a step is one compiler, one linker or one emulator,
/// which uses one core.
const AT_A_TIME: usize = 2;

/// Run the checks of the project, step by step.
///
/// Two steps run at the same time. The output of a step is shown when the step ends. After the
/// first failure no further step starts.
///
/// The report is a table of the steps, a table of the SIMD backends and how each was tested, and
/// for each failed step the command that runs it alone. A line gives the reason for each SKIPPED
/// step. A line `N passed, M failed` also gives the number of SKIPPED steps.
///
/// A step may need more than rustc, cargo and a C linker: targets, an emulator, node. What is
/// missing is installed, by rustup or, on Debian and its derivatives, by apt. A second run finds
/// everything in place.
#[derive(clap::Args)]
pub struct Args {
    /// Run only this step; may be given several times, or as a list with commas
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    only: Vec<Step>,
    /// Leave this step out; may be given several times, or as a list with commas
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    skip: Vec<Step>,
    /// Print the steps and what each checks, and run nothing
    #[arg(long)]
    list: bool,
    /// Run only what a change most often breaks, in two minutes; the end names what was not run
    #[arg(long, conflicts_with_all = ["only", "skip"])]
    quick: bool,
    /// Write the outcome of the one step into this file: a run of several steps starts each step
    /// with this option
    #[arg(long, value_name = "FILE", hide = true)]
    outcome: Option<PathBuf>,
}

/// The outcome of a step.
enum Outcome {
    Passed(Duration),
    Failed(Duration, String),
    Skipped(String),
    NotRun,
}

pub fn main(args: &Args) -> Result<()> {
    let all = Step::ALL;
    if args.list {
        println!(
            "{}",
            table(
                &["step", "what it does"],
                all.map(|step| vec![step.name().into(), step.about().into()]),
                []
            )
        );
        return Ok(());
    }
    if args.quick {
        return quick::run();
    }
    let wanted = |step: Step| {
        (args.only.is_empty() || args.only.contains(&step)) && !args.skip.contains(&step)
    };
    let steps: Vec<Step> = all.into_iter().filter(|&step| wanted(step)).collect();
    if let (Some(file), &[step]) = (&args.outcome, steps.as_slice()) {
        let mut findings = Findings::default();
        let outcome = run(step, &mut findings);
        return Ok(fs::write(file, written(&outcome, &findings))?);
    }

    let start = Instant::now();
    let mut findings = Findings::default();
    let outcomes = match steps.as_slice() {
        [] => bail!("--only and --skip leave no step to run"),
        &[step] => {
            println!("\n{}", title(step));
            vec![(step, run(step, &mut findings))]
        }
        several => side_by_side(several, &mut findings)?,
    };

    println!("\n{}", summary(&outcomes));
    println!("\n{} steps in {:.0} s", outcomes.len(), start.elapsed().as_secs_f64());
    println!("\n{}", findings.backend_table());
    let mut failed = Vec::new();
    for (step, outcome) in &outcomes {
        if let Outcome::Failed(_, error) = outcome {
            let name = step.name();
            println!(
                "\nstep {name} failed: {error}\nto run it alone: cargo xtask test --only {name}"
            );
            failed.push(name);
        }
    }
    let skipped = skipped(&outcomes);
    skipped.iter().for_each(|line| println!("\n{line}"));
    let count =
        if skipped.is_empty() { String::new() } else { format!(", {} SKIPPED", skipped.len()) };
    println!("\n{} passed, {} failed{count}", findings.passed, findings.failed);
    if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(", ")) }
}

fn title(step: Step) -> String {
    format!("=== {}: {}", step.name(), step.about())
}

/// Runs a step in this process.
fn run(step: Step, findings: &mut Findings) -> Outcome {
    let before = Instant::now();
    match step.run(findings) {
        Ok(Done::Passed) => Outcome::Passed(before.elapsed()),
        Ok(Done::Skipped(why)) => {
            println!("SKIPPED: {why}");
            Outcome::Skipped(why)
        }
        Err(error) => Outcome::Failed(before.elapsed(), format!("{error:#}")),
    }
}

/// Runs several steps, two at the same time, each in its own process.
fn side_by_side(steps: &[Step], findings: &mut Findings) -> Result<Vec<(Step, Outcome)>> {
    let folder = paths::side_target("steps");
    fs::create_dir_all(&folder).with_context(|| format!("cannot write {}", folder.display()))?;
    let start = Instant::now();
    let waiting: Mutex<VecDeque<Step>> =
        Mutex::new(Step::STARTS.into_iter().filter(|step| steps.contains(step)).collect());
    let done = Mutex::new((Vec::new(), findings));
    let lane = || {
        loop {
            let Some(step) = waiting.lock().expect("nobody panicked").pop_front() else {
                return;
            };
            println!(
                "... {} starts ({:.0} s since the start)",
                step.name(),
                start.elapsed().as_secs_f64()
            );
            let before = Instant::now();
            let result = apart(step, &folder);
            let mut done = done.lock().expect("nobody panicked");
            println!("\n{} ({:.0} s)", title(step), before.elapsed().as_secs_f64());
            let _ = stdout().write_all(&fs::read(log(step, &folder)).unwrap_or_default());
            let (outcome, found) = result.unwrap_or_else(|error| {
                let one = Findings { failed: 1, ..Findings::default() };
                (Outcome::Failed(before.elapsed(), format!("{error:#}")), one)
            });
            if let Outcome::Failed(_, error) = &outcome {
                println!("\nstep {} failed: {error}", step.name());
                waiting.lock().expect("nobody panicked").clear();
            }
            done.0.push((step, outcome));
            done.1.absorb(found);
        }
    };
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(lane);
        }
    });
    let mut outcomes = done.into_inner().expect("nobody panicked").0;
    let all = steps.iter().map(|&step| match outcomes.iter().position(|(one, _)| *one == step) {
        Some(place) => outcomes.swap_remove(place),
        None => (step, Outcome::NotRun),
    });
    Ok(all.collect())
}

fn log(step: Step, folder: &Path) -> PathBuf {
    folder.join(step.name()).with_extension("log")
}

/// Runs a step in its own process, whose output goes into a file.
fn apart(step: Step, folder: &Path) -> Result<(Outcome, Findings)> {
    let result = folder.join(step.name());
    let _ = fs::remove_file(&result);
    let output = File::create(log(step, folder))?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["test", "--only", step.name(), "--outcome"]).arg(&result);
    if stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let status =
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).status()?;
    let text = fs::read_to_string(result)
        .with_context(|| format!("it ended with {status} and wrote no outcome"))?;
    read(&text).with_context(|| format!("its outcome cannot be read: {text}"))
}

/// The outcome of a step as text for another process: one line, then the findings.
fn written(outcome: &Outcome, findings: &Findings) -> String {
    let line = |text: &str| text.replace('\n', "\t");
    let first = match outcome {
        Outcome::Passed(time) => format!("passed {}", time.as_secs_f64()),
        Outcome::Failed(time, error) => format!("failed {} {}", time.as_secs_f64(), line(error)),
        Outcome::Skipped(why) => format!("skipped {}", line(why)),
        Outcome::NotRun => "not run".to_owned(),
    };
    format!("{first}\n{}", findings.written())
}

/// The inverse of `written`.
fn read(text: &str) -> Option<(Outcome, Findings)> {
    let (first, rest) = text.split_once('\n')?;
    let (word, detail) = first.split_once(' ')?;
    let time = |text: &str| Some(Duration::from_secs_f64(text.parse().ok()?));
    let outcome = match word {
        "passed" => Outcome::Passed(time(detail)?),
        "failed" => {
            let (seconds, error) = detail.split_once(' ')?;
            Outcome::Failed(time(seconds)?, error.replace('\t', "\n"))
        }
        "skipped" => Outcome::Skipped(detail.replace('\t', "\n")),
        _ => return None,
    };
    Some((outcome, Findings::read(rest)?))
}

/// A line for each step that checked nothing.
fn skipped(outcomes: &[(Step, Outcome)]) -> Vec<String> {
    let line = |(step, outcome): &(Step, Outcome)| match outcome {
        Outcome::Skipped(why) => {
            Some(format!("step {} SKIPPED, nothing was checked: {why}", step.name()))
        }
        _ => None,
    };
    outcomes.iter().filter_map(line).collect()
}

fn summary(outcomes: &[(Step, Outcome)]) -> String {
    let seconds = |time: &Duration| format!("{:.1}", time.as_secs_f64());
    let rows = outcomes.iter().map(|(step, outcome)| {
        let (result, time) = match outcome {
            Outcome::Passed(time) => ("passed", seconds(time)),
            Outcome::Failed(time, _) => ("FAILED", seconds(time)),
            Outcome::Skipped(_) => ("SKIPPED", String::new()),
            Outcome::NotRun => ("not run", String::new()),
        };
        vec![step.name().into(), result.into(), time]
    });
    table(&["step", "result", "seconds"], rows, [2])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::How;

    #[test]
    fn every_step_starts() {
        assert!(Step::ALL.iter().all(|step| Step::STARTS.contains(step)));
    }

    #[test]
    fn a_skipped_step_is_in_the_table_and_says_why() {
        let outcomes = [
            (Step::Fmt, Outcome::Passed(Duration::ZERO)),
            (Step::Miri, Outcome::Skipped("no nightly".into())),
        ];
        assert!(
            summary(&outcomes)
                .lines()
                .any(|line| line.contains("miri") && line.contains("SKIPPED"))
        );
        assert_eq!(skipped(&outcomes), ["step miri SKIPPED, nothing was checked: no nightly"]);
    }

    #[test]
    fn what_another_process_found_is_read() {
        let mut findings = Findings { passed: 12, failed: 1, ..Findings::default() };
        findings.backend("avx2", How::Run, "3 checks, 0 mismatches");
        findings.backend("neon", How::NotHere, "");
        let failed = Outcome::Failed(Duration::from_millis(1500), "two\nlines".to_owned());
        let (outcome, found) = read(&written(&failed, &findings)).expect("its own text");
        assert!(matches!(
            outcome,
            Outcome::Failed(time, error) if time.as_millis() == 1500 && error == "two\nlines"
        ));
        assert_eq!(
            (found.passed, found.failed, found.backend_table()),
            (12, 1, findings.backend_table())
        );
        let skipped = written(&Outcome::Skipped("no nightly".to_owned()), &Findings::default());
        assert!(matches!(read(&skipped), Some((Outcome::Skipped(why), _)) if why == "no nightly"));
        assert!(read("").is_none() && read("passed 1\nodd").is_none());
    }
}
