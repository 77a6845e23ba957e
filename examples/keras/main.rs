//! "Your first neural network with Keras", in Rust: build, summary, compile, fit with callbacks,
//! evaluate, predict.
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
use rosenblatt::{observer::StopOnNan, prelude::*};
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
type ModelTrainer = Trainer<Model, BinaryCrossEntropy, Adam, 10>;

/// The greatest number of epochs.
const EPOCHS: usize = 150;

/// Command-line arguments.
struct Args {
    common: common::Options,
    /// How often the samples are seen, at most
    epochs: usize,
    /// Writes the history as comma-separated values
    log: Option<PathBuf>,
}

/// Parses the command line. Ends the program if an argument is invalid.
fn args() -> Args {
    let common = common::options();
    let epochs =
        common::number("epochs", "How often the samples are seen, at most", EPOCHS, 1..=EPOCHS);
    let log = long("log")
        .help("Writes the history as comma-separated values")
        .argument("FILE")
        .optional();
    construct!(Args { common, epochs, log })
        .to_options()
        .descr("Learns which of 569 tumours are benign.")
        .run()
}

fn main() -> ExitCode {
    common::end(
        common::start(|| run(&args())),
        "less than 0.95 test accuracy; more --epochs or another --seed may help",
    )
}

/// Writes text to a file, or discards it if there is none.
struct Log(Option<io::BufWriter<File>>);

impl fmt::Write for Log {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let Some(file) = &mut self.0 else { return Ok(()) };
        io::Write::write_all(file, text.as_bytes()).map_err(|_| fmt::Error)
    }
}

/// Trains and reports. True if enough test samples are classified correctly.
fn run(args: &Args) -> Result<bool> {
    let backend = args.common.backend;
    // Four fifths are for training. All columns are standardized with the means and deviations of
    // this part.
    let ((x, t), (x_test, t_test)) = tumours::split(Path::new(tumours::FILE), args.common.seed())?;

    println!("{}", Model::summary());
    println!("trainer: {} bytes; backend: {backend}\n", ModelTrainer::BYTES);
    let mut net = Model::init(args.common.seed());
    let mut trainer = ModelTrainer::ZERO;

    // model.fit(x, t, epochs=150, batch_size=10, validation_split=0.2, callbacks=[...])
    let (train, held_out) = Dataset::new(&x, &t)?.split(0.2)?;
    let fit = Fit {
        epochs: args.epochs,
        shuffle: Some(args.common.seed()),
        backend: Some(backend),
        ..Fit::new(Adam::default())
    };
    let file = match &args.log {
        Some(path) => Some(
            File::create(path).with_context(|| format!("{} cannot be written", path.display()))?,
        ),
        None => None,
    };
    let watch = OnEpoch(|epoch: &EpochReport| {
        if epoch.number == 1 {
            println!(
                "{:>7} {:>8} {:>9} {:>8} {:>13} {:>13}",
                "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning rate"
            );
        }
        if epoch.number == 1 || epoch.number.is_multiple_of(5) {
            let (loss, accuracy) = epoch
                .validation
                .map_or((f32::NAN, f32::NAN), |found| (found.loss, found.accuracy()));
            let EpochReport { number, loss: train, accuracy: right, lr, .. } = epoch;
            println!(
                "{number:>7} {train:>8.4} {right:>9.4} {loss:>8.4} {accuracy:>13.4} {lr:>13.1e}"
            );
        }
        ControlFlow::Continue(())
    });
    let early = EarlyStopping::with_patience(15);
    let mut observers = (
        Validation::new(held_out),
        RestoreBest::like(&early, Model::ZERO),
        ReduceOnPlateau { factor: 0.5, patience: 5, ..ReduceOnPlateau::DEFAULT },
        early,
        StopOnNan::new(),
        CsvLog::new(Log(file.map(io::BufWriter::new))),
        History::<EPOCHS>::new(),
        watch,
    );
    let last = trainer.fit_with(&mut net, train, &fit, &mut observers)?;
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
        _ => println!("\nran all {} epochs", last.number),
    }
    println!("restored the weights of epoch {}", best.best_epoch());

    // model.evaluate(x_test, t_test); model.predict(x_test[:5])
    let found = trainer.on(backend).evaluate(&net, Dataset::new(&x_test, &t_test)?)?;
    println!("\n{:>10} {:>9} {:>9}", "predicted", "rounded", "true");
    for (x, [t]) in x_test.iter().zip(t_test).take(5) {
        let [p] = net.on(backend).predict(x);
        println!("{p:>10.4} {:>9} {t:>9}", p.round());
    }
    println!("\ntest loss {:.4}", found.loss);
    println!("test accuracy {:.4}", found.accuracy());
    println!("weights {:016x}", net.hash());

    if let Some(path) = &args.common.plot {
        let curve = |name, value: fn(&EpochReport) -> f32| Curve {
            name,
            values: history.epochs().iter().map(value).collect(),
        };
        let validation =
            |epoch: &EpochReport| epoch.validation.map_or(f32::NAN, |found| found.loss);
        plot::draw(
            path,
            &[curve("loss", |epoch| epoch.loss), curve("val_loss", validation)],
            None,
        )?;
        println!("plot {}", path.display());
    }
    Ok(found.accuracy() >= 0.95)
}
