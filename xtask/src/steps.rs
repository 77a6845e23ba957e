//! The steps of the test command: one function each, grouped by the machine they are for.

mod chips;
pub mod examples;
mod host;
mod miri;
mod neon;
mod package;
pub mod quick;
mod tally;
mod wasm;

use std::collections::BTreeMap;

use anyhow::Result;
use clap::ValueEnum;

use crate::asm;
use crate::counts;
use crate::qemu;
use crate::size;
use crate::table::table;

/// How a step ended that did not fail.
pub enum Done {
    /// All its checks passed.
    Passed,
    /// It checked nothing. The text says what is missing on this machine.
    Skipped(String),
}

/// One step of `cargo xtask test`.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Step {
    Fmt,
    Clippy,
    Docs,
    Unit,
    Examples,
    Asm,
    Counts,
    Miri,
    Chips,
    Wasm,
    Neon,
    Qemu,
}

impl Step {
    /// All steps, in the order of tables: the quick ones come first.
    pub const ALL: [Self; 12] = [
        Self::Fmt,
        Self::Clippy,
        Self::Docs,
        Self::Unit,
        Self::Examples,
        Self::Asm,
        Self::Counts,
        Self::Miri,
        Self::Chips,
        Self::Wasm,
        Self::Neon,
        Self::Qemu,
    ];

    /// The order in which the steps start: first those that fail most often, then the longest ones.
    /// Steps that build in the same target folder wait for each other, so they are spread out.
    pub const STARTS: [Self; 12] = [
        Self::Fmt,
        Self::Clippy,
        Self::Unit,
        Self::Qemu,
        Self::Neon,
        Self::Miri,
        Self::Asm,
        Self::Wasm,
        Self::Chips,
        Self::Counts,
        Self::Examples,
        Self::Docs,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Clippy => "clippy",
            Self::Docs => "docs",
            Self::Unit => "unit",
            Self::Examples => "examples",
            Self::Asm => "asm",
            Self::Counts => "counts",
            Self::Miri => "miri",
            Self::Chips => "chips",
            Self::Wasm => "wasm",
            Self::Neon => "neon",
            Self::Qemu => "qemu",
        }
    }

    /// What it does, in a few words.
    pub fn about(self) -> &'static str {
        match self {
            Self::Fmt => "the code is formatted",
            Self::Clippy => "clippy gives no warning, with all features and with none",
            Self::Docs => {
                "the documentation builds without a warning, and the packages are ready to be \
                 published"
            }
            Self::Unit => "all tests, on every backend of this CPU",
            Self::Examples => {
                "each example reaches its goal and prints the expected output, on the scalar \
                 backend too"
            }
            Self::Asm => {
                "each backend's machine code uses its own vector instructions, and no fused ones"
            }
            Self::Counts => {
                "kernels, steps and predictions take no more instructions than recorded; skipped on \
                 other machines than x86-64 with Linux"
            }
            Self::Miri => {
                "Miri finds no undefined behaviour in the kernels; skipped if no nightly with Miri \
                 is available"
            }
            Self::Chips => {
                "the libraries build without std, and reject targets that would compute other bits"
            }
            Self::Wasm => "the wasm backend, run under node",
            Self::Neon => "the libraries' tests on the NEON backend, under emulation",
            Self::Qemu => {
                "the firmware's programs on every emulated board: their hashes, proofs and figures"
            }
        }
    }

    /// Runs the step. Its counts and its results go into `findings`.
    pub fn run(self, findings: &mut Findings) -> Result<Done> {
        // Steps that run `cargo test` count their tests. Each other step counts as one check.
        let counts_tests = matches!(self, Self::Unit | Self::Neon);
        let (passed, failed) = (findings.passed, findings.failed);
        let done = match self {
            Self::Fmt => host::fmt(),
            Self::Clippy => host::clippy(),
            Self::Docs => host::docs(),
            Self::Unit => host::unit(findings),
            Self::Examples => examples::run_all(),
            Self::Asm => asm::check(&asm::Args::default()),
            Self::Counts => match counts::check() {
                Ok(skipped @ Done::Skipped(_)) => return Ok(skipped),
                done => done.map(|_| ()),
            },
            Self::Miri => match miri::run(findings) {
                Ok(skipped @ Done::Skipped(_)) => return Ok(skipped),
                done => done.map(|_| ()),
            },
            Self::Chips => chips::build(),
            Self::Wasm => wasm::run(findings),
            Self::Neon => neon::test(findings),
            Self::Qemu => qemu::step().and_then(|measured| size::check(&measured)),
        };
        match &done {
            Ok(()) if !counts_tests => findings.passed = passed + 1,
            Err(_) if findings.failed == failed => findings.failed += 1,
            _ => {}
        }
        done.map(|()| Done::Passed)
    }
}

/// How a backend was tested.
#[derive(Clone, Copy)]
pub enum How {
    Run,
    Emulated,
    NotHere,
}

/// The findings of the steps so far.
#[derive(Default)]
pub struct Findings {
    /// Checks that passed: single tests, and steps that are one check.
    pub passed: u32,
    /// Checks that failed.
    pub failed: u32,
    pub(crate) backends: BTreeMap<String, (How, String)>,
}

impl Findings {
    /// Records how a backend was tested. A run on this CPU replaces an emulated one, and either
    /// replaces none.
    pub fn backend(&mut self, name: &str, how: How, detail: &str) {
        let weight = |how: How| match how {
            How::Run => 2,
            How::Emulated => 1,
            How::NotHere => 0,
        };
        let entry = self.backends.entry(name.to_owned()).or_insert((how, detail.to_owned()));
        if weight(how) > weight(entry.0) {
            *entry = (how, detail.to_owned());
        }
    }

    /// Adds the findings of another process.
    pub fn absorb(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        for (name, (how, detail)) in other.backends {
            self.backend(&name, how, &detail);
        }
    }

    /// The findings as text for another process, which reads it by [`Self::read`].
    pub fn written(&self) -> String {
        let mut text = format!("{} {}\n", self.passed, self.failed);
        for (name, (how, detail)) in &self.backends {
            let how = match how {
                How::Run => "run",
                How::Emulated => "emulated",
                How::NotHere => "not-here",
            };
            text += &format!("{name} {how} {detail}\n");
        }
        text
    }

    /// Reads the text of [`Self::written`].
    pub fn read(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let (passed, failed) = lines.next()?.split_once(' ')?;
        let mut findings =
            Self { passed: passed.parse().ok()?, failed: failed.parse().ok()?, ..Self::default() };
        for line in lines {
            let (name, rest) = line.split_once(' ')?;
            let (how, detail) = rest.split_once(' ')?;
            let how = match how {
                "run" => How::Run,
                "emulated" => How::Emulated,
                "not-here" => How::NotHere,
                _ => return None,
            };
            findings.backend(name, how, detail);
        }
        Some(findings)
    }

    /// The table of the backends and how each was tested.
    pub fn backend_table(&self) -> String {
        let known = ["scalar", "avx2", "avx512vl", "avx512", "neon", "wasm"];
        let others = self.backends.keys().map(String::as_str).filter(|name| !known.contains(name));
        let rows = known.into_iter().chain(others).map(|name| {
            let (how, detail) = match self.backends.get(name) {
                Some((How::Run, detail)) => ("run", detail.as_str()),
                Some((How::Emulated, detail)) => ("emulated", detail.as_str()),
                Some((How::NotHere, detail)) => ("not on this CPU", detail.as_str()),
                None => ("not tried", ""),
            };
            vec![name.into(), how.into(), detail.into()]
        });
        table(&["backend", "how", "what"], rows, [])
    }
}
