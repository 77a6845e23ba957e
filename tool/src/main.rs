//! The tool `rosenblatt`.

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand, ValueEnum};
use rosenblatt_tool::{
    files::{self, Hints, Target},
    fold, golden, inspect, receipt,
    tensors::{Layout, Options},
    verify,
};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Reads models of Keras, PyTorch, ONNX and TensorFlow Lite and those of Rosenblatt, converts one
/// into another, and verifies what they predict.
#[derive(Parser)]
#[command(name = "rosenblatt", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Prints the layers of a model
    Inspect {
        /// The model: .rosenblatt, .keras, .h5, .weights.h5, .safetensors, .onnx, .tflite
        model: PathBuf,
        #[command(flatten)]
        hints: HintArgs,
    },
    /// Converts a model
    ///
    /// The end of the second name says into what: .rosenblatt, .rs (a Rust module: the network's
    /// type and its weights as a static), .safetensors, .keras
    Convert {
        /// The model
        from: PathBuf,
        /// The file to write
        to: PathBuf,
        #[command(flatten)]
        hints: HintArgs,
        /// Fold batch normalizations into the layers before them
        #[arg(long)]
        fold: bool,
        /// The layout in safetensors
        #[arg(long, value_enum, default_value_t = LayoutArg::Keras)]
        layout: LayoutArg,
        /// The name of the network's type in a Rust module
        #[arg(long, default_value = "Net")]
        name: String,
    },
    /// Compares what the network predicts with expected outputs
    ///
    /// It compiles a program with the network's type, runs it on every backend of this CPU, and
    /// prints the largest difference.
    Verify {
        /// The model
        model: PathBuf,
        #[command(flatten)]
        hints: HintArgs,
        /// The samples: FILE.safetensors, FILE.safetensors:TENSOR or FILE.csv
        #[arg(long)]
        inputs: String,
        /// The expected outputs; without it, those of the file of the samples
        #[arg(long)]
        outputs: Option<String>,
        /// The largest difference that is accepted
        #[arg(long, default_value_t = 1e-5)]
        tolerance: f32,
        /// Fold batch normalizations into the layers before them
        #[arg(long)]
        fold: bool,
    },
    /// Does the training of a receipt again and says where it departs
    ///
    /// It compiles a program with the types of the receipt, and trains on every backend of this CPU.
    /// The status is 1 unless every hash is that of the receipt.
    Replay {
        /// The receipt: the bytes of `Receipt::bytes`
        receipt: PathBuf,
        /// The samples: FILE.safetensors with `x` and `t`, or FILE.csv with inputs, then targets
        #[arg(long)]
        data: String,
        /// The initial weights as a saved model, if they were not drawn from a seed
        #[arg(long, value_name = "MODEL")]
        weights: Option<PathBuf>,
        /// Only these backends: scalar,avx2
        #[arg(long, value_name = "NAMES", value_delimiter = ',')]
        backends: Vec<String>,
    },
}

/// What a file leaves open.
#[derive(Args)]
struct HintArgs {
    /// The layers of a file that has weights only: "Dense<64, 32, Relu>, Dense<32, 10, Softmax>"
    #[arg(long, value_name = "TYPE")]
    net: Option<String>,
    /// A model with the same layers, for a file that has weights only
    #[arg(long, value_name = "MODEL")]
    like: Option<PathBuf>,
    /// The shape of a sample, for a model that leaves it open: 28,28,1
    #[arg(long, value_name = "SHAPE", value_parser = files::shape)]
    input: Option<Shape>,
    /// Only tensors whose names start with this: model, final
    #[arg(long, value_name = "NAME")]
    prefix: Option<String>,
    /// The modules of PyTorch in the order of the layers: fc_in,fc_out
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    modules: Option<Vec<String>>,
}

// Else a list would be taken as an argument that is given several times.
type Shape = Vec<usize>;

#[derive(Clone, Copy, ValueEnum)]
enum LayoutArg {
    /// 0.kernel, 0.bias: shapes and gates as Keras keeps them
    Keras,
    /// 0.weight, 0.bias: the state dict of a torch.nn.Sequential
    Torch,
}

impl HintArgs {
    fn read(self) -> Result<Hints> {
        let like = match &self.like {
            Some(path) => Some(files::read(path, &Hints::default())?),
            None => None,
        };
        let tensors = Options { prefix: self.prefix, modules: self.modules };
        Ok(Hints { net: self.net, like, input: self.input, tensors })
    }
}

fn main() -> ExitCode {
    // A reader's panic is reported as an error: see `files::parse`.
    std::panic::set_hook(Box::new(|_| {}));
    let command = Cli::parse().command;
    match std::panic::catch_unwind(|| run(command)) {
        Ok(Ok(true)) => ExitCode::SUCCESS,
        Ok(Ok(false)) => ExitCode::FAILURE,
        Ok(Err(error)) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
            // The reader of a pipe has what it wanted.
            if !text.contains("Broken pipe") {
                eprintln!("error: this is a mistake in the tool, please report it: {text}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Whether the predictions are as expected.
fn run(command: Command) -> Result<bool> {
    match command {
        Command::Inspect { model, hints } => {
            print!("{}", inspect::table(&files::read(&model, &hints.read()?)?));
        }
        Command::Convert { from, to, hints, fold, layout, name } => {
            let found = files::read(&from, &hints.read()?)?;
            found.notes.iter().for_each(|note| eprintln!("note: {note}"));
            let model = if fold { fold::fold(&found.model)? } else { found.model };
            let layout = match layout {
                LayoutArg::Keras => Layout::Keras,
                LayoutArg::Torch => Layout::Torch,
            };
            let source = file_name(&from);
            files::write(&to, &model, &Target { layout, name: &name, source: &source })?;
            let bytes = std::fs::metadata(&to).with_context(|| to.display().to_string())?.len();
            let (layers, params) = (model.layers.len(), model.params());
            println!("{}: {layers} layers, {params} parameters, {bytes} bytes", to.display());
        }
        Command::Verify { model, hints, inputs, outputs, tolerance, fold } => {
            let found = files::read(&model, &hints.read()?)?;
            found.notes.iter().for_each(|note| eprintln!("note: {note}"));
            let net = if fold { fold::fold(&found.model)? } else { found.model };
            let width = |shape: &[usize]| shape.iter().product();
            let (x, y) = (width(net.input()), width(net.output()));
            let samples = golden::read(&inputs, &["x", "x_test", "inputs", "input"], x)?;
            let place = outputs.as_ref().unwrap_or(&inputs);
            let names = ["y", "predictions", "outputs", "output"];
            let expected = golden::read(place, &names, y)?;
            return Ok(print(&verify::verify(&net, &samples, &expected)?, tolerance));
        }
        Command::Replay { receipt, data, weights, backends } => {
            let name = receipt.display().to_string();
            let bytes = files::bytes(&receipt)?;
            let (lines, same) = receipt::replay(&bytes, &data, weights.as_deref(), &backends)
                .with_context(|| name)?;
            for (backend, verdict) in lines {
                println!("{backend:<10} {verdict}");
            }
            return Ok(same);
        }
    }
    Ok(true)
}

fn print(report: &verify::Report, tolerance: f32) -> bool {
    let (sample, output, found, expected) = report.place;
    let right = report.largest <= tolerance;
    println!("samples             {}", report.samples);
    println!("backends            {}, the same bits", report.backends.join(", "));
    println!(
        "largest difference  {:e}: sample {sample}, output {output}: {found} for {expected}",
        report.largest
    );
    println!("mean difference     {:.3e}", report.mean);
    println!("equal bits          {} of {}", report.same, report.outputs);
    println!("within {tolerance:e}        {}", if right { "yes" } else { "NO" });
    right
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
