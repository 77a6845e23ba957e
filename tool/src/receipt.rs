//! A training done again from its receipt.

mod types;

use crate::{golden, model::Model, run, rust, saved};
use anyhow::{Context, Result, bail, ensure};
use rosenblatt::receipt::Contents;
use std::{fs, path::Path};

/// What a receipt says, as Rust and for people.
#[derive(Clone, Debug, PartialEq)]
pub struct Training {
    /// The network
    pub model: Model,
    /// Its type, with penalties
    pub net: String,
    /// The loss' type
    pub loss: String,
    /// Whether targets are classes
    pub classes: bool,
    /// The optimizer's type
    pub optimizer: String,
    /// An expression of that type
    pub start: String,
    /// The initializer as an expression; none if the weights were given
    pub initializer: Option<String>,
}

/// The types of a receipt.
/// # Errors
/// Names the codes that belong to no type of the library: a loss, an optimizer or a layer of one's
/// own.
pub fn training(receipt: &Contents) -> Result<Training> {
    let records: Vec<u32> = receipt.records.iter().collect();
    let model = saved::layers(&records)?;
    let mut layers: Vec<String> =
        model.layers.iter().map(|layer| rust::type_of(layer, rust::Names::Full)).collect();
    let penalties: Vec<u32> = receipt.penalties.iter().collect();
    for penalty in penalties.as_chunks::<6>().0 {
        let regularizer = types::regularizer(penalty)?;
        let layer = layers
            .get_mut(penalty[0] as usize)
            .context("a penalty on a layer that is not there")?;
        *layer = format!("::rosenblatt::layer::Regularized<{layer}, {regularizer}>");
    }
    let (loss, classes) =
        types::loss(receipt.loss).with_context(|| unknown("loss", receipt.loss))?;
    let (optimizer, start) = types::optimizer(receipt.optimizer)
        .with_context(|| unknown("optimizer", receipt.optimizer))?;
    let initializer = match receipt.seed {
        None => None,
        Some(_) => Some(
            types::initializer(receipt.initializer)
                .with_context(|| unknown("initializer", receipt.initializer))?,
        ),
    };
    let net = format!("::rosenblatt::Sequential<({},)>", layers.join(", "));
    Ok(Training { model, net, loss, classes, optimizer, start, initializer })
}

fn unknown(what: &str, code: u32) -> String {
    format!(
        "the {what} has the code {code:08x}, which is none of the library's: replay it with \
         Trainer::replay in a program that has its type"
    )
}

/// Does the training of a receipt again, on the backends of these names or on all of this CPU.
/// `data` has the samples: `x` and `t` in a safetensors file, or lines of inputs and targets.
/// `weights` is a saved model, for a training whose initial weights were given. Returns a line for
/// each backend, and whether all were the same.
/// # Errors
/// For other data, settings or weights than those of the receipt; if the program does not run.
pub fn replay(
    bytes: &[u8],
    data: &str,
    weights: Option<&Path>,
    backends: &[String],
) -> Result<(Vec<(String, String)>, bool)> {
    ensure!(bytes.starts_with(&saved::MAGIC), "this is no receipt: its first bytes are others");
    let receipt = Contents::read(bytes).map_err(|error| anyhow::anyhow!("{error}"))?;
    let training = training(&receipt)?;
    ensure!(
        !receipt.steered,
        "an observer changed the learning rate or the network: replay it with Trainer::replay in a \
         program that has the observers"
    );
    ensure!(
        training.initializer.is_some() || weights.is_some(),
        "the initial weights were given: name a saved model of them with --weights"
    );
    let width = |shape: &[usize]| shape.iter().product::<usize>();
    let inputs = width(training.model.input());
    let outputs = if training.classes { 1 } else { width(training.model.output()) };
    let (x, t) = golden::pairs(data, inputs, outputs)?;
    let folder = tempfile::tempdir().context("a folder for the samples")?;
    let place = |name: &str| folder.path().join(name);
    let put =
        |name: &str, bytes: &[u8]| fs::write(place(name), bytes).with_context(|| name.to_owned());
    let flat = |values: &[f32]| -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    };
    put("receipt", bytes)?;
    put("x", &flat(&x.values))?;
    put("t", &flat(&t.values))?;
    let model = match weights {
        None => place("none"),
        Some(path) => path.canonicalize().with_context(|| path.display().to_string())?,
    };
    let targets = if training.classes {
        for class in &t.values {
            ensure!(
                class.fract() == 0.0 && (0.0..1e6).contains(class),
                "the target {class} is no class"
            );
        }
        "let t: Vec<u32> = t.iter().map(|class| *class as u32).collect();\n    let t = &t[..];"
    } else {
        "let t = reshape_rows::<[f32; OUTPUTS], _>(t.as_chunks().0);"
    };
    let start = match &training.initializer {
        Some(initializer) => format!("receipt.start({initializer})?"),
        None => "rosenblatt::receipt::Given".to_owned(),
    };
    let main = REPLAY
        .replace("NET", &training.net)
        .replace("LOSS", &training.loss)
        .replace("RULE", &training.optimizer)
        .replace("ROOM", &receipt.capacity.to_string())
        .replace("TARGETS", targets)
        .replace("BEGIN", &start)
        .replace("FIRST", &training.start)
        .replace("INPUTS", &inputs.to_string())
        .replace("OUTPUTS", &outputs.to_string())
        .replace("CHOSEN", &format!("{backends:?}"));
    let arguments = [place("receipt"), place("x"), place("t"), model];
    let arguments: Vec<&Path> = arguments.iter().map(AsRef::as_ref).collect();
    let printed = run::program(&main, &arguments)?;
    let mut lines = Vec::new();
    let mut same = true;
    for line in printed.lines() {
        let mut parts = line.splitn(3, '\t');
        let (Some(backend), Some(equal), Some(verdict)) =
            (parts.next(), parts.next(), parts.next())
        else {
            bail!("the program printed {line:?}");
        };
        same &= equal == "true";
        lines.push((backend.to_owned(), verdict.to_owned()));
    }
    ensure!(!lines.is_empty(), "no backend of {backends:?} is there on this CPU");
    Ok((lines, same))
}

const REPLAY: &str = r#"
use rosenblatt::{Backend, Dataset, Trainer, kernels::array::reshape_rows, receipt::Contents, train::Fit};
use std::{env, error::Error, fs};

type Net = NET;
type NetTrainer = Trainer<Net, LOSS, RULE, ROOM>;

fn floats(place: &std::ffi::OsStr) -> std::io::Result<Vec<f32>> {
    Ok(fs::read(place)?.as_chunks::<4>().0.iter().map(|bits| f32::from_le_bytes(*bits)).collect())
}

fn run() -> Result<(), Box<dyn Error>> {
    let places: Vec<_> = env::args_os().skip(1).collect();
    let bytes = fs::read(&places[0])?;
    let receipt = Contents::read(&bytes)?;
    let (x, t) = (floats(&places[1])?, floats(&places[2])?);
    let x = reshape_rows::<[f32; INPUTS], _>(x.as_chunks().0);
    TARGETS
    let chosen: &[&str] = &CHOSEN;
    for backend in Backend::available() {
        if !chosen.is_empty() && !chosen.contains(&backend.name()) {
            continue;
        }
        let mut net = Net::boxed(rosenblatt::Seed(0));
        let mut trainer = NetTrainer::boxed();
        if fs::exists(&places[3])? {
            net.load(&fs::read(&places[3])?)?;
        }
        let start = BEGIN;
        let fit = Fit { backend: Some(backend), ..receipt.fit(FIRST)? };
        let verdict = trainer.replay(&mut net, start, Dataset::new(x, t)?, &fit, (), &bytes)?;
        println!("{}\t{}\t{verdict}", backend.name(), verdict.is_same());
    }
    Ok(())
}
"#;
