//! Tests the inputs and prints the report.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Result, anyhow, bail};
use indicatif::{ProgressBar, ProgressStyle};
use rosenblatt_kernels::Backend;

use super::judge::judge;
use super::oracle::Function;
use super::{Args, Choice};

/// The number of inputs that a thread takes at a time.
const BLOCK: u64 = 1 << 16;

/// Checks the functions that the command line names.
pub fn all(args: &Args) -> Result<()> {
    let backend: Backend = args.backend.parse().map_err(|error| anyhow!("{error}"))?;
    let mut exceeded = Vec::new();
    for function in Function::ALL.into_iter().filter(|&function| wanted(args.function, function)) {
        let start = Instant::now();
        let tally = sweep(function, backend, args.step.get().into(), args.threads.get());
        println!("{} on {backend}, {:.1} s", function.name(), start.elapsed().as_secs_f64());
        if !tally.print(function) {
            exceeded.push(function.name());
        }
    }
    if !exceeded.is_empty() {
        bail!("not within the stated bounds: {}", exceeded.join(", "));
    }
    Ok(())
}

fn wanted(choice: Choice, function: Function) -> bool {
    match choice {
        Choice::All => true,
        Choice::Exp => function == Function::Exp,
        Choice::Ln => function == Function::Ln,
        Choice::Tanh => function == Function::Tanh,
        Choice::Sigmoid => function == Function::Sigmoid,
        Choice::CosPi => function == Function::CosPi,
    }
}

/// The results of one function.
#[derive(Clone, Copy, Default)]
struct Tally {
    inputs: u64,
    /// The largest error, and the input that has it.
    worst: f64,
    worst_at: u32,
    not_rounded: u64,
    close_calls: u64,
    nan_inputs: u64,
    /// A NaN where there should be none, or none where there should be one.
    nan_wrong: u64,
    /// The wrong result at +∞ or −∞.
    infinity_wrong: u64,
    /// At +0 or −0: the wrong value or the wrong sign.
    zero_wrong: u64,
    /// Zero results of the wrong sign at any input.
    sign_wrong: u64,
    /// Infinite where the correctly rounded result is finite, or the other way round.
    overflow_differs: u64,
    /// Zero where the correctly rounded result is not, or the other way round.
    underflow_differs: u64,
}

/// Tests every `step`th input.
fn sweep(function: Function, backend: Backend, step: u64, threads: u32) -> Tally {
    let inputs = (1u64 << 32).div_ceil(step);
    let bar = ProgressBar::new(inputs);
    bar.set_style(
        ProgressStyle::with_template("{msg:8} [{wide_bar}] {percent:>3} %, {eta} left")
            .expect("the template is fixed")
            .progress_chars("=> "),
    );
    bar.set_message(function.name());
    let next = AtomicU64::new(0);
    let total = Mutex::new(Tally::default());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut tally = Tally::default();
                let mut block = Vec::with_capacity(BLOCK as usize);
                loop {
                    let from = next.fetch_add(BLOCK, Ordering::Relaxed);
                    if from >= inputs {
                        break;
                    }
                    let until = (from + BLOCK).min(inputs);
                    block.clear();
                    block.extend((from..until).map(|index| f32::from_bits((index * step) as u32)));
                    function.kernel(backend, &mut block);
                    for (index, &got) in (from..until).zip(&block) {
                        tally.add(function, (index * step) as u32, got);
                    }
                    bar.inc(until - from);
                }
                total.lock().expect("no thread panics holding it").merge(&tally);
            });
        }
    });
    bar.finish_and_clear();
    let mut total = total.into_inner().expect("no thread panics holding it");
    if step > 1 {
        // A sample rarely contains these inputs, and the report has a check for each.
        for input in [f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, f32::NAN] {
            let mut result = [input];
            function.kernel(backend, &mut result);
            total.add(function, input.to_bits(), result[0]);
        }
    }
    total
}

impl Tally {
    fn add(&mut self, function: Function, bits: u32, got: f32) {
        let input = f32::from_bits(bits);
        let exact = function.exact(input);
        let verdict = judge(function, input, exact, got);
        let rounded = verdict.rounded;
        // Of two inputs with the same error, the report names the one with the lesser bits. So it
        // does not depend on how the threads share the work.
        if verdict.error > self.worst
            || (verdict.error == self.worst && verdict.error > 0.0 && bits < self.worst_at)
        {
            self.worst = verdict.error;
            self.worst_at = bits;
        }
        self.inputs += 1;
        self.nan_inputs += u64::from(input.is_nan());
        self.close_calls += u64::from(verdict.close_call);
        self.nan_wrong += u64::from(got.is_nan() != exact.is_nan());
        if got.is_nan() || exact.is_nan() {
            return;
        }
        let wrong = got.to_bits() != rounded.to_bits();
        self.not_rounded += u64::from(got != rounded);
        self.infinity_wrong += u64::from(input.is_infinite() && wrong);
        self.zero_wrong += u64::from(input == 0.0 && wrong);
        self.sign_wrong +=
            u64::from(got == 0.0 && got.is_sign_negative() != exact.is_sign_negative());
        self.overflow_differs += u64::from(got.is_infinite() != rounded.is_infinite());
        self.underflow_differs += u64::from((got == 0.0) != (rounded == 0.0));
    }

    fn merge(&mut self, other: &Self) {
        if other.worst > self.worst || (other.worst == self.worst && other.worst_at < self.worst_at)
        {
            self.worst = other.worst;
            self.worst_at = other.worst_at;
        }
        self.inputs += other.inputs;
        self.not_rounded += other.not_rounded;
        self.close_calls += other.close_calls;
        self.nan_inputs += other.nan_inputs;
        self.nan_wrong += other.nan_wrong;
        self.infinity_wrong += other.infinity_wrong;
        self.zero_wrong += other.zero_wrong;
        self.sign_wrong += other.sign_wrong;
        self.overflow_differs += other.overflow_differs;
        self.underflow_differs += other.underflow_differs;
    }

    /// Prints the report. Returns true if the function keeps its promises.
    fn print(&self, function: Function) -> bool {
        let right = |wrong: u64| {
            if wrong == 0 { "right".to_owned() } else { format!("WRONG {wrong} times") }
        };
        let differs = |times: u64| {
            if times == 0 {
                "as in the correctly rounded result".to_owned()
            } else {
                format!("differs {times} times")
            }
        };
        let input = f32::from_bits(self.worst_at);
        let line = |what: &str, value: String| println!("  {what:23} {value}");

        println!("  {} inputs", self.inputs);
        line(
            "worst error",
            format!("{:.4} ULP at {:#010x} = {input:?}", self.worst, self.worst_at),
        );
        line("", format!("exact {:e}", function.exact(input)));
        let share = 100.0 * self.not_rounded as f64 / self.inputs as f64;
        line(
            "not correctly rounded",
            format!(
                "{} ({share:.4} %); {} close calls settled",
                self.not_rounded, self.close_calls
            ),
        );
        line("NaN", format!("{} ({} NaN inputs)", right(self.nan_wrong), self.nan_inputs));
        line("at +∞ and −∞", right(self.infinity_wrong));
        line("at +0 and −0", right(self.zero_wrong));
        line("sign of zero results", right(self.sign_wrong));
        line("overflow to ∞", differs(self.overflow_differs));
        line("underflow to 0", differs(self.underflow_differs));
        let within = self.worst <= function.bound();
        line(
            "bound",
            format!("{} ULP, {}", function.bound(), if within { "kept" } else { "EXCEEDED" }),
        );
        within && self.nan_wrong + self.infinity_wrong + self.zero_wrong + self.sign_wrong == 0
    }
}
