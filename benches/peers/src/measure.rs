//! Checks every contender of a workload, then times them in turn.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::contender::{Contender, Peer};
use crate::data::Data;
use crate::reference;
use crate::workload::{Function, Kind, Workload};

/// Times of each contender. They are taken in turn, so that a slower or faster hour of the machine
/// meets all of them.
const ROUNDS: usize = 21;
/// The time of one round of one contender.
const ROUND: Duration = Duration::from_micros(1500);

/// What a contender reached: nanoseconds of a call.
#[derive(Clone, Copy)]
pub struct Times {
    /// The middle one of the rounds.
    pub median: f64,
    /// Half of the distance between the first and the third quarter, as a part of the median.
    pub spread: f64,
    /// The largest relative error of its result.
    pub error: f64,
}

/// The outcome of one contender.
pub enum Outcome {
    Timed(Times),
    /// Its result differs from the reference, or it failed. It was not timed.
    Wrong(String),
}

/// Runs a workload on all peers that have it. The numbers are the peers' places.
pub fn run(
    workload: &Workload,
    peers: &[Box<dyn Peer>],
    data: &Data,
) -> Result<Vec<(usize, Outcome)>> {
    let expected = reference::expected(workload, data);
    let mut outcomes = Vec::new();
    let mut racing: Vec<(usize, Racer<'_>)> = Vec::new();
    for (place, peer) in peers.iter().enumerate() {
        let opened = peer.contender(workload, data).and_then(|contender| {
            let Some(mut contender) = contender else { return Ok(None) };
            let error = judge(workload, &contender.check()?, &expected)?;
            Ok(Some((place, Racer::new(contender, error, ROUND)?)))
        });
        match opened {
            Ok(racer) => racing.extend(racer),
            Err(error) => outcomes.push((place, Outcome::Wrong(format!("{error:#}")))),
        }
    }
    for _ in 0..ROUNDS {
        for (_, racer) in &mut racing {
            racer.run()?;
        }
    }
    outcomes
        .extend(racing.into_iter().map(|(place, racer)| (place, Outcome::Timed(racer.result()))));
    outcomes.sort_by_key(|(place, _)| *place);
    Ok(outcomes)
}

/// A contender whose result was right, with its times so far.
pub struct Racer<'a> {
    contender: Box<dyn Contender + 'a>,
    calls: u64,
    error: f64,
    times: Vec<f64>,
}

impl<'a> Racer<'a> {
    /// A contender with the largest relative error of its result. A round is to take this long.
    pub fn new(
        mut contender: Box<dyn Contender + 'a>,
        error: f64,
        round: Duration,
    ) -> Result<Self> {
        let calls = calibrate(contender.as_mut(), round)?;
        Ok(Self { contender, calls, error, times: Vec::new() })
    }

    /// Runs one round.
    pub fn run(&mut self) -> Result<()> {
        let time = self.contender.time(self.calls)?;
        self.times.push(time.as_secs_f64() * 1e9 / self.calls as f64);
        Ok(())
    }

    /// What the rounds give together.
    pub fn result(mut self) -> Times {
        self.times.sort_by(f64::total_cmp);
        let quarter = |share: usize| self.times[self.times.len() * share / 4];
        let median = quarter(2);
        let spread = (quarter(3) - quarter(1)) / 2.0 / median;
        Times { median, spread, error: self.error }
    }
}

/// The calls of one round: as many as take this long, at least one.
fn calibrate(contender: &mut dyn Contender, round: Duration) -> Result<u64> {
    let mut calls = 1;
    loop {
        let time = contender.time(calls)?;
        if time >= round / 4 {
            let more = round.as_secs_f64() / time.as_secs_f64();
            return Ok(((calls as f64 * more) as u64).max(1));
        }
        calls *= 2;
    }
}

/// Compares a result with the reference. Returns the largest relative error.
fn judge(workload: &Workload, found: &[f32], expected: &[f64]) -> Result<f64> {
    // The functions' values are compared with themselves, or with one.
    match workload.kind {
        Kind::Elementwise(Function::Exp) => compare(found, expected, 1e-5, 0.0),
        Kind::Elementwise(_) | Kind::Softmax(_) => compare(found, expected, 1e-6, 1.0),
        _ => compare_sums(found, expected),
    }
}

/// Compares sums with the reference. Numbers near zero are differences of greater ones, so that the
/// error is compared with the size of all numbers.
pub fn compare_sums(found: &[f32], expected: &[f64]) -> Result<f64> {
    let squares: f64 = expected.iter().map(|x| x * x).sum();
    compare(found, expected, 1e-3, (squares / expected.len() as f64).sqrt())
}

/// Compares numbers with the reference: an error is at most `tolerance` times the number, or times
/// `size` where the number is less. Returns the largest relative error.
pub fn compare(found: &[f32], expected: &[f64], tolerance: f64, size: f64) -> Result<f64> {
    if found.len() != expected.len() {
        bail!("{} numbers instead of {}", found.len(), expected.len());
    }
    let mut largest = 0.0f64;
    for (at, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(found) - expected).abs();
        ensure!(
            error <= tolerance * expected.abs().max(size),
            "number {} is {found} instead of {expected}",
            at + 1
        );
        if expected != 0.0 {
            largest = largest.max(error / expected.abs());
        }
    }
    Ok(largest)
}

/// Plants wrong results, each of which must be refused. The bench begins with it.
pub fn prove(data: &Data) -> Result<()> {
    for name in ["exp", "T2", "gemm7", "adam33"] {
        let all = crate::workload::all();
        let workload = all.iter().find(|one| one.name() == name).context("no such workload")?;
        let expected = reference::expected(workload, data);
        let right: Vec<f32> = expected.iter().map(|x| *x as f32).collect();
        judge(workload, &right, &expected)?;
        for at in [0, right.len() / 2, right.len() - 1] {
            for wrong in [right[at] + 0.1, f32::NAN, f32::INFINITY] {
                let mut planted = right.clone();
                planted[at] = wrong;
                ensure!(
                    judge(workload, &planted, &expected).is_err(),
                    "{name}: {wrong} instead of {} was not noticed",
                    right[at]
                );
            }
        }
        ensure!(judge(workload, &right[1..], &expected).is_err(), "{name}: a missing number");
    }
    Ok(())
}
