//! "Your first neural network with Keras", in Rust: build, summary, compile, fit with callbacks, evaluate, predict.
//!
//! `cargo run --release --example keras`

#[path = "../common/mod.rs"]
mod common;

use anyhow::{Context, Result};
use bpaf::{Parser, construct, long};
use common::{
    plot::{self, Curve},
    tumours,
};
use rosenblatt::{data::split, prelude::*};
use std::{
    fmt,
    fs::File,
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::ExitCode,
};

// model = Sequential([Input((30,)), Dense(12, "relu"), Dense(8, "relu"), Dense(1, "sigmoid")])
type Model = Mlp<(Dense<30, 12, Relu>, Dense<12, 8, Relu>, Dense<8, 1, Sigmoid>)>;
// model.compile(Adam(), loss="binary_crossentropy", metrics=["accuracy"])
type ModelTrainer = Trainer<Model, Adam, BinaryCrossEntropy, 10>;

/// At most so many epochs.
const EPOCHS: usize = 150;

/// What it takes.
struct Args {
    common: common::Options,
    /// How often the samples are seen, at most
    epochs: usize,
    /// Writes the history as comma-separated values
    log: Option<PathBuf>,
}

/// Reads them from the command line; ends the program where one is wrong.
fn args() -> Args {
    let common = common::options();
    let epochs = common::number("epochs", "How often the samples are seen, at most", EPOCHS, 1..=EPOCHS);
    let log = long("log").help("Writes the history as comma-separated values").argument("FILE").optional();
    construct!(Args { common, epochs, log }).to_options().descr("Learns which of 569 tumours are benign.").run()
}

fn main() -> ExitCode {
    common::end(
        common::start(|| run(&args())),
        "less than 0.95 test accuracy; more --epochs or another --seed may help",
    )
}

/// A file, or nothing, as something that takes text.
struct Log(Option<io::BufWriter<File>>);

impl fmt::Write for Log {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let Some(file) = &mut self.0 else { return Ok(()) };
        io::Write::write_all(file, text.as_bytes()).map_err(|_| fmt::Error)
    }
}

/// Trains and reports; whether enough test samples are right.
fn run(args: &Args) -> Result<bool> {
    let level = args.common.backend;
    // Four fifths to learn from, columns brought to mean 0 and deviation 1 by what is learnt from.
    let ((x, t), (x_test, t_test)) = tumours::split(Path::new(tumours::FILE), args.common.seed())?;

    println!("{}", Model::summary());
    println!("trainer: {} bytes; backend: {level}\n", ModelTrainer::BYTES);
    let mut net = Model::new();
    net.init(args.common.seed());
    let mut trainer = ModelTrainer::new();

    // model.fit(x, t, epochs=150, batch_size=10, validation_split=0.2, callbacks=[...])
    let data = split(&x, &t, 0.2)?;
    let fit = Fit { epochs: args.epochs, shuffle: Some(args.common.seed()), level, ..Fit::new(Adam::default()) };
    let file = match &args.log {
        Some(path) => Some(File::create(path).with_context(|| format!("{} cannot be written", path.display()))?),
        None => None,
    };
    let watch = |epoch: &Epoch| {
        if epoch.epoch == 1 {
            println!(
                "{:>7} {:>8} {:>9} {:>8} {:>13} {:>13}",
                "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning rate"
            );
        }
        if epoch.epoch == 1 || epoch.epoch.is_multiple_of(5) {
            let (loss, accuracy) =
                epoch.validation.map_or((f32::NAN, f32::NAN), |found| (found.loss, found.accuracy()));
            let Epoch { epoch, loss: train, accuracy: right, lr, .. } = epoch;
            println!("{epoch:>7} {train:>8.4} {right:>9.4} {loss:>8.4} {accuracy:>13.4} {lr:>13.1e}");
        }
        ControlFlow::Continue(())
    };
    let early = EarlyStopping::with_patience(15);
    let mut observers = (
        Validation::new(data.x_val, data.t_val),
        RestoreBest::like(&early, Model::new()),
        ReduceOnPlateau { factor: 0.5, patience: 5, ..ReduceOnPlateau::DEFAULT },
        early,
        StopOnNan::new(),
        CsvLog::new(Log(file.map(io::BufWriter::new))),
        History::<EPOCHS>::new(),
        watch,
    );
    let last = trainer.fit(&mut net, data.x, data.t, &fit, &mut observers)?;
    let (_, best, _, early, nan, log, history, _) = observers;
    if let Some(mut file) = log.into_inner().0 {
        io::Write::flush(&mut file).context("the log cannot be written")?;
    }
    match (early.stopped(), nan.stopped()) {
        (_, Some(error)) => println!("\nstopped: {error}"),
        (Some(epoch), _) => println!(
            "\nstopped after epoch {epoch}: the validation loss has not improved since epoch {}",
            best.best_epoch()
        ),
        _ => println!("\nran all {} epochs", last.epoch),
    }
    println!("restored the weights of epoch {}", best.best_epoch());

    // model.evaluate(x_test, t_test); model.predict(x_test[:5])
    let found = trainer.evaluate_on(level, &net, &x_test, &t_test)?;
    println!("\n{:>10} {:>9} {:>9}", "predicted", "rounded", "true");
    for (x, [t]) in x_test.iter().zip(t_test).take(5) {
        let [p] = net.predict_on(level, x);
        println!("{p:>10.4} {:>9} {t:>9}", p.round());
    }
    println!("\ntest loss {:.4}", found.loss);
    println!("test accuracy {:.4}", found.accuracy());
    println!("weights {:016x}", net.hash());

    if let Some(path) = &args.common.plot {
        let curve =
            |name, value: fn(&Epoch) -> f32| Curve { name, values: history.epochs().iter().map(value).collect() };
        let validation = |epoch: &Epoch| epoch.validation.map_or(f32::NAN, |found| found.loss);
        plot::draw(path, &[curve("loss", |epoch| epoch.loss), curve("val_loss", validation)], None)?;
        println!("plot {}", path.display());
    }
    Ok(found.accuracy() >= 0.95)
}
