//! Files of Keras: `.keras`, `.weights.h5`, and the older `.h5` of a whole model or its weights.

mod config;
mod weights;
mod write;

pub use config::sources;
pub use write::write;

use crate::{
    model::{Model, Problems},
    tensors::Tensor,
};
use anyhow::{Context, Result, bail, ensure};
use config::Config;
use hdf5_pure::{AttrValue, File, Group};
use std::io::{Cursor, Read as _};
use zip::ZipArchive;

/// The most bytes of the weights in an archive. A larger part is refused.
const MOST_BYTES: u64 = 1 << 28;
/// The most bytes of a configuration. Its values take many times as much memory.
const MOST_CONFIG: u64 = 1 << 23;

/// The first bytes of an HDF5 file.
pub const HDF5: [u8; 8] = *b"\x89HDF\r\n\x1a\n";

/// Where the values of a layer are in a file, and which of its tensors the file leaves out.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Index of the layer in the model
    pub layer: usize,
    /// The group of its values in `model.weights.h5`
    pub group: String,
    /// The name of the layer of the outermost model that it belongs to
    pub outer: String,
    /// For each tensor: `None` if the file has it, else its value (a bias that is not used is 0)
    pub absent: Vec<Option<f32>>,
}

/// A model of Keras.
#[derive(Clone, Debug, PartialEq)]
pub struct Keras {
    /// The model
    pub model: Model,
    /// Where the values of its layers are in files of weights
    pub sources: Vec<Source>,
    /// What the model does not keep
    pub notes: Vec<String>,
}

/// Reads a `.keras` archive. `input` is the shape of a sample, for a model that leaves lengths open.
/// # Errors
/// Names everything in it that Rosenblatt does not have, or what is wrong with the file.
pub fn read_archive(bytes: &[u8], input: Option<Vec<usize>>) -> Result<Keras> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).context("the ZIP archive is damaged")?;
    let mut part = |name: &str, most: u64| -> Result<Vec<u8>> {
        let file = archive.by_name(name).with_context(|| format!("there is no {name} in it"))?;
        let mut all = Vec::new();
        let read = file.take(most + 1).read_to_end(&mut all);
        read.with_context(|| format!("{name} in it is damaged"))?;
        ensure!(all.len() as u64 <= most, "{name} in it has more than {} MiB", most >> 20);
        Ok(all)
    };
    let config = part("config.json", MOST_CONFIG)?;
    let values = part("model.weights.h5", MOST_BYTES)?;
    let config = serde_json::from_slice(&config).context("config.json is damaged")?;
    let Config { mut model, sources, notes } = config::read(&config, input)?;
    weights::by_groups(&file(values)?, &mut model, &sources)?;
    Ok(Keras { model, sources, notes })
}

/// Reads an HDF5 file. `like` is a model with the same layers, for a file that has weights only, and
/// where their values are if that is known.
/// # Errors
/// As [`read_archive`]. For a file that has weights only, if there is no `like`.
pub fn read_hdf5(
    bytes: &[u8],
    like: Option<(&Model, Option<&[Source]>)>,
    input: Option<Vec<usize>>,
) -> Result<Keras> {
    let file = file(bytes.to_vec())?;
    let root = file.root();
    let attributes = root.attrs().context("the HDF5 file is damaged")?;
    if let Some(text) = attributes.get("model_config").and_then(string) {
        ensure!(text.len() as u64 <= MOST_CONFIG, "its model_config has more than 8 MiB");
        let config = serde_json::from_str(text).context("its model_config is damaged")?;
        let Config { mut model, sources, notes } = config::read(&config, input)?;
        let group = file.group("model_weights").context("there is no model_weights in it")?;
        weights::by_names(&group, &mut model, &sources)?;
        return Ok(Keras { model, sources, notes });
    }
    let Some((like, known)) = like else {
        bail!(
            "the file has weights but no layers: name them with --net \"Dense<2, 8, Tanh>, …\" or \
             by a model of the same layers with --like"
        );
    };
    let mut model = like.clone();
    let mut sources = known.map_or_else(|| sources(like), <[Source]>::to_vec);
    if attributes.contains_key("layer_names") {
        weights::in_order(&root, &mut model, &sources)?;
    } else {
        if known.is_none() {
            weights::without_bias(&file, &model, &mut sources);
        }
        weights::by_groups(&file, &mut model, &sources)?;
    }
    Ok(Keras { model, sources, notes: Vec::new() })
}

/// Sets all values from a list in the order of Keras' `get_weights()`.
/// # Errors
/// For other shapes, and for values that are not finite.
pub fn put_all(model: &mut Model, sources: &[Source], list: Vec<Tensor>) -> Result<()> {
    let mut list = list.into_iter();
    let mut problems = Problems::default();
    for source in sources {
        let count = source.absent.iter().filter(|absent| absent.is_none()).count();
        let tensors = list.by_ref().take(count).collect();
        problems.take(weights::put(model, source, tensors));
    }
    problems.check()
}

fn file(bytes: Vec<u8>) -> Result<File> {
    File::from_bytes(bytes).context("the HDF5 file is damaged")
}

/// The text of an attribute.
fn string(value: &AttrValue) -> Option<&str> {
    match value {
        AttrValue::String(text)
        | AttrValue::AsciiString(text)
        | AttrValue::VarLenString(text)
        | AttrValue::VarLenAsciiString(text) => Some(text),
        _ => None,
    }
}

/// The texts of an attribute.
fn strings(group: &Group, name: &str) -> Result<Vec<String>> {
    let attributes = group.attrs().context("the HDF5 file is damaged")?;
    match attributes.get(name) {
        Some(
            AttrValue::StringArray(all)
            | AttrValue::AsciiStringArray(all)
            | AttrValue::VarLenStringArray(all)
            | AttrValue::VarLenAsciiStringArray(all),
        ) => Ok(all.clone()),
        // An empty list has no type of a text.
        Some(value) => Ok(string(value).map(str::to_owned).into_iter().collect()),
        None => bail!("a group of the HDF5 file has no {name}"),
    }
}
