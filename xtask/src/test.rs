//! `cargo xtask test`: runs the steps in order and says what became of each.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::steps::{Done, Findings, Step};
use crate::table::table;

/// The one test command: every check of the project, step by step.
///
/// It stops at the first step that fails, says how to run that step alone, and ends with a table of the steps, a table of
/// the SIMD backends and how each was tried, and one line `N passed, M failed`, which names steps that were SKIPPED.
///
/// What a step needs beyond rustc, cargo and a C linker (targets, an emulator, node) is looked for and, if it is not
/// there, installed: by rustup, or by apt on Debian and its kin. A second run finds it all in place.
#[derive(clap::Args)]
pub struct Args {
    /// Run only this step; may be given several times, or as a list with commas
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    only: Vec<Step>,
    /// Leave this step out; may be given several times, or as a list with commas
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    skip: Vec<Step>,
    /// Print the steps and what each is for, and run nothing
    #[arg(long)]
    list: bool,
}

/// What became of a step.
enum Outcome {
    Passed(Duration),
    Failed(Duration),
    Skipped(String),
    NotRun,
}

pub fn main(args: &Args) -> Result<()> {
    let all = Step::ALL;
    if args.list {
        println!(
            "{}",
            table(&["step", "what it does"], all.map(|step| vec![step.name().into(), step.about().into()]), [])
        );
        return Ok(());
    }
    let wanted = |step: Step| (args.only.is_empty() || args.only.contains(&step)) && !args.skip.contains(&step);
    let steps: Vec<Step> = all.into_iter().filter(|&step| wanted(step)).collect();
    if steps.is_empty() {
        bail!("--only and --skip leave no step to run");
    }

    let start = Instant::now();
    let mut findings = Findings::default();
    let mut failure = None;
    let mut outcomes = Vec::new();
    for step in steps {
        if failure.is_some() {
            outcomes.push((step, Outcome::NotRun));
            continue;
        }
        println!("\n=== {}: {} ({:.1} s since the start)", step.name(), step.about(), start.elapsed().as_secs_f64());
        let before = Instant::now();
        match step.run(&mut findings) {
            Ok(Done::Passed) => outcomes.push((step, Outcome::Passed(before.elapsed()))),
            Ok(Done::Skipped(why)) => {
                println!("SKIPPED: {why}");
                outcomes.push((step, Outcome::Skipped(why)));
            }
            Err(error) => {
                outcomes.push((step, Outcome::Failed(before.elapsed())));
                failure = Some((step, error));
            }
        }
    }

    println!("\n{}", summary(&outcomes));
    println!("\n{}", findings.backend_table());
    if let Some((step, error)) = &failure {
        println!("\nstep {} failed: {error:#}\nto run it alone: cargo xtask test --only {}", step.name(), step.name());
    }
    let skipped = skipped(&outcomes);
    skipped.iter().for_each(|line| println!("\n{line}"));
    let count = if skipped.is_empty() { String::new() } else { format!(", {} SKIPPED", skipped.len()) };
    println!("\n{} passed, {} failed{count}", findings.passed, findings.failed);
    match failure {
        Some((step, _)) => bail!("step {} failed", step.name()),
        None => Ok(()),
    }
}

/// A line for each step that checked nothing.
fn skipped(outcomes: &[(Step, Outcome)]) -> Vec<String> {
    let line = |(step, outcome): &(Step, Outcome)| match outcome {
        Outcome::Skipped(why) => Some(format!("step {} SKIPPED, nothing was checked: {why}", step.name())),
        _ => None,
    };
    outcomes.iter().filter_map(line).collect()
}

fn summary(outcomes: &[(Step, Outcome)]) -> String {
    let seconds = |time: &Duration| format!("{:.1}", time.as_secs_f64());
    let rows = outcomes.iter().map(|(step, outcome)| {
        let (result, time) = match outcome {
            Outcome::Passed(time) => ("passed", seconds(time)),
            Outcome::Failed(time) => ("FAILED", seconds(time)),
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

    #[test]
    fn a_skipped_step_is_in_the_table_and_says_why() {
        let outcomes =
            [(Step::Fmt, Outcome::Passed(Duration::ZERO)), (Step::Miri, Outcome::Skipped("no nightly".into()))];
        assert!(summary(&outcomes).lines().any(|line| line.contains("miri") && line.contains("SKIPPED")));
        assert_eq!(skipped(&outcomes), ["step miri SKIPPED, nothing was checked: no nightly"]);
    }
}
