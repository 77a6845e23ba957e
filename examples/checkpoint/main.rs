//! A training that is cut again and again, and goes on from a file each time.
//!
//! `cargo run --release --example checkpoint`

#[path = "../common/mod.rs"]
mod common;

use anyhow::{Context, Result};
use bpaf::{Parser, construct, long};
use common::files;
use rosenblatt::prelude::*;
use std::{env, fs, path::PathBuf, process::ExitCode};

type Digits = Mlp<(Dense<64, 32, Relu>, Dropout<[f32; 32], { rate(0.1) }>, Dense<32, 10, Softmax>)>;
type DigitsTrainer = Trainer<Digits, SparseCategoricalCrossEntropy, Adam, 32>;

/// The size of a checkpoint: weights, optimizer, dropout, place in the epoch.
const BYTES: usize = DigitsTrainer::run_bytes::<()>();

/// Command-line arguments.
struct Args {
    /// Instructions to use
    backend: Backend,
    /// Seed of the initial weights and the shuffles
    seed: u64,
    /// Steps until the training is cut
    steps: usize,
    /// The checkpoint
    file: PathBuf,
    /// Whether the program ends after one part
    one: bool,
}

/// Parses the command line. Ends the program if an argument is invalid.
fn args() -> Args {
    let (backend, seed) = (common::backend(), common::seed());
    let steps = common::number("steps", "Steps until the training is cut", 400, 1..=1_000_000);
    let file = long("file").help("The checkpoint [default: a file for temporary data]");
    let file = file.argument("FILE").fallback_with(|| {
        std::io::Result::Ok(env::temp_dir().join("rosenblatt-digits.checkpoint"))
    });
    let one = long("one-part").help("Ends after one part; the next start goes on from FILE");
    let one = one.switch();
    construct!(Args { backend, seed, steps, file, one })
        .to_options()
        .descr(
            "Trains a network on handwritten digits in parts. Each part starts with nothing but a \
             file. Exit status 1 if the weights are not those of the training without a cut.",
        )
        .run()
}

fn main() -> ExitCode {
    common::end(common::start(|| run(&args())), "the weights are those of another training")
}

/// Trains in parts, then without a cut. True if both end alike.
fn run(args: &Args) -> Result<bool> {
    let (train, _) = common::digits::split(common::digits::FILE.as_ref(), common::digits::most)?;
    let data = Dataset::new(&train.0, &train.1)?;
    let fit = Fit::new(Adam::with_lr(0.005)).epochs(30).shuffle(Seed(args.seed));
    let fit = fit.on(args.backend);
    if !args.one {
        let _ = fs::remove_file(&args.file);
    }

    println!("a checkpoint has {BYTES} bytes; backend: {}\n", args.backend);
    println!("{:>12}  {:>5}  {:>13}  {:>8}", "goes on from", "epoch", "steps of it", "CRC-32");
    let weights = loop {
        // Whatever was in memory is lost. Network and trainer are empty again.
        let (mut net, mut trainer) = (Box::new(Digits::ZERO), Box::new(DigitsTrainer::ZERO));
        let (from, mut run) = if fs::exists(&args.file)? {
            let checkpoint = fs::read(&args.file)?;
            let name = args.file.display();
            let run = trainer
                .resume(&mut *net, data, &fit, (), &checkpoint)
                .with_context(|| format!("{name} cannot be used"))?;
            ("the file", run)
        } else {
            net.initialize(Seed(args.seed));
            ("nothing", trainer.begin(&mut *net, data, &fit, ())?)
        };
        let end = run.advance(args.steps)?;
        let mut checkpoint = vec![0; BYTES];
        run.save(&mut checkpoint)?;
        let (epoch, steps) = run.position();
        let sum = checkpoint.last_chunk().map_or(0, |sum| u32::from_le_bytes(*sum));
        println!("{from:>12}  {epoch:>5}  {steps:>13}  {sum:08x}");
        files::replace(&args.file, &checkpoint)?;
        if end.is_some() {
            break net.hash();
        }
        if args.one {
            println!("\ncut; the next start goes on from {}", args.file.display());
            return Ok(true);
        }
    };
    fs::remove_file(&args.file)?;

    let (mut net, mut trainer) = (Box::new(Digits::ZERO), Box::new(DigitsTrainer::ZERO));
    net.initialize(Seed(args.seed));
    trainer.fit(&mut *net, data, &fit)?;
    println!("\nwithout a cut {:016x}", net.hash());
    println!("weights {weights:016x}");
    Ok(weights == net.hash())
}
