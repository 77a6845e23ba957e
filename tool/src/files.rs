//! Files by their content and by the ends of their names.

use crate::{
    keras::{self, Keras, Source},
    model::Model,
    net, onnx, rust, saved,
    tensors::{self, Layout, Options},
    tflite,
};
use anyhow::{Context, Result, bail, ensure};
use std::{
    fs::File,
    io::{Read, Write},
    panic,
    path::Path,
};

/// The most bytes of a file: more than a network's largest weights, and an optimizer's values with
/// them, take in any format.
const MOST_BYTES: u64 = 1 << 30;

/// What a file leaves open, as the user gives it.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    /// The network's type
    pub net: Option<String>,
    /// A model with the same layers
    pub like: Option<Found>,
    /// The shape of a sample
    pub input: Option<Vec<usize>>,
    /// For files of tensors
    pub tensors: Options,
}

/// A model, the name of its format, and what was left out.
#[derive(Clone, Debug)]
pub struct Found {
    /// The model
    pub model: Model,
    /// For people
    pub format: &'static str,
    /// The header of a file of Rosenblatt
    pub header: Option<saved::Header>,
    /// Of a model of Keras: where its values are in files of weights
    pub sources: Option<Vec<Source>>,
    /// What the model does not keep of the file
    pub notes: Vec<String>,
}

/// Reads a model of any format.
/// # Errors
/// Names the file and what is wrong with it.
pub fn read(path: &Path, hints: &Hints) -> Result<Found> {
    let bytes = bytes(path)?;
    parse(&bytes, hints).with_context(|| path.display().to_string())
}

/// The bytes of a file, of 1 GiB at most.
/// # Errors
/// Names the file and what is wrong.
pub fn bytes(path: &Path) -> Result<Vec<u8>> {
    let read = || -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
        ensure!(bytes.len() as u64 <= MOST_BYTES, "it has more than 1 GiB");
        Ok(bytes)
    };
    read().with_context(|| format!("{} cannot be read", path.display()))
}

/// Reads a model from the bytes of a file. Never panics.
/// # Errors
/// Names what is wrong.
pub fn parse(bytes: &[u8], hints: &Hints) -> Result<Found> {
    // The readers of other formats are not ours. A panic in one of them is an error here.
    let quiet = panic::catch_unwind(|| parse_unguarded(bytes, hints));
    quiet.unwrap_or_else(|_| bail!("the file is damaged: its reader gave up"))
}

/// [`parse`] that lets a panic of another format's reader through: for tests that look for one.
/// # Errors
/// As [`parse`].
pub fn parse_unguarded(bytes: &[u8], hints: &Hints) -> Result<Found> {
    let net = match (&hints.net, &hints.like) {
        (Some(_), Some(_)) => bail!("--net and --like both name the layers: give one of them"),
        (Some(text), None) => Some(net::read(text)?),
        _ => None,
    };
    let like = match &hints.like {
        Some(like) => Some((&like.model, like.sources.as_deref())),
        None => net.as_ref().map(|net| (net, None)),
    };
    let found = |model, format| Found { model, format, header: None, sources: None, notes: vec![] };
    let of_keras = |keras: Keras, format| {
        let Keras { model, sources, notes } = keras;
        Found { sources: Some(sources), notes, ..found(model, format) }
    };
    if bytes.starts_with(&saved::MAGIC) {
        let (header, model) = saved::read(bytes)?;
        let format = match header.holds {
            saved::Holds::Model => "Rosenblatt, saved model",
            saved::Holds::Trainer => "Rosenblatt, checkpoint of a trainer",
            saved::Holds::Run => "Rosenblatt, checkpoint of a training",
        };
        Ok(Found { header: Some(header), ..found(model, format) })
    } else if bytes.starts_with(b"PK\x03\x04") {
        Ok(of_keras(keras::read_archive(bytes, hints.input.clone())?, "Keras 3"))
    } else if bytes.starts_with(&keras::HDF5) {
        Ok(of_keras(keras::read_hdf5(bytes, like, hints.input.clone())?, "Keras, HDF5"))
    } else if bytes.get(8) == Some(&b'{') {
        Ok(found(tensors::read(bytes, like, &hints.tensors)?, "safetensors"))
    } else if bytes.get(4..8) == Some(b"TFL3") {
        Ok(found(tflite::read(bytes)?, "TensorFlow Lite"))
    } else if bytes.first().is_some_and(|first| [0x08, 0x12, 0x3a, 0x42].contains(first)) {
        // The first field of a model in ONNX: its version, its producer, the graph, or the opset.
        Ok(found(onnx::read(bytes)?, "ONNX"))
    } else if bytes.is_empty() {
        bail!("the file is empty")
    } else {
        bail!(
            "the file is none of these: a saved model of Rosenblatt, .keras, .h5, .weights.h5, \
             .safetensors, .onnx, .tflite"
        )
    }
}

/// What is written.
#[derive(Clone, Debug)]
pub struct Target<'a> {
    /// The layout of tensors in safetensors
    pub layout: Layout,
    /// The name of the type in a Rust module
    pub name: &'a str,
    /// What a Rust module says that it comes from
    pub source: &'a str,
}

/// Writes a model in the format that the end of the name says. A file of that name is replaced as a
/// whole.
/// # Errors
/// Names the file and what is wrong. Nothing is written then.
pub fn write(path: &Path, model: &Model, target: &Target) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
    let bytes = match end {
        "rosenblatt" => saved::write(model)?,
        "safetensors" => tensors::write(model, target.layout)?,
        "keras" => keras::write(model)?,
        "rs" => rust::module(model, target.name, target.source)?.into_bytes(),
        _ => bail!(
            "{}: the name ends in none of .rosenblatt, .rs, .safetensors, .keras",
            path.display()
        ),
    };
    replace(path, &bytes).with_context(|| format!("{} cannot be written", path.display()))
}

/// Writes a file beside it and gives that its name.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    ensure!(folder.is_dir(), "there is no folder {}", folder.display());
    ensure!(!path.is_dir(), "it is a folder");
    let mut file = tempfile::Builder::new();
    #[cfg(unix)]
    let file = file.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut file = file.tempfile_in(folder).map_err(reason)?;
    file.write_all(bytes).map_err(reason)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| reason(error.error))?;
    Ok(())
}

/// An error without the name of the file beside it.
fn reason(error: std::io::Error) -> anyhow::Error {
    anyhow::anyhow!("{}", error.kind())
}

/// A shape as people write it: `28,28,1`.
/// # Errors
/// For anything but numbers above 0.
pub fn shape(text: &str) -> Result<Vec<usize>> {
    let lengths: Vec<usize> = text
        .split([',', 'x'])
        .map(|length| length.trim().parse())
        .collect::<Result<_, _>>()
        .with_context(|| format!("{text:?} is no shape; one like 28,28,1 is expected"))?;
    ensure!(lengths.iter().all(|length| *length > 0), "{text:?} has a length of 0");
    Ok(lengths)
}
