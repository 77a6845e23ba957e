//! Tensors with names, in files of `safetensors`: state dicts of PyTorch, lists in Keras' order, and
//! those that this tool writes. None of them says which layers there are.

mod torch;

use crate::{
    keras::{self, Source},
    model::{Model, Problems},
    net, rust,
};
use anyhow::{Context, Result, bail};
use safetensors::{Dtype, SafeTensors, serialize, tensor::TensorView};
use std::collections::{BTreeMap, HashMap};

/// The key of the network's type in the metadata.
const NET: &str = "rosenblatt.net";

/// A shape and its values.
pub type Tensor = (Vec<usize>, Vec<f32>);

/// What a file of tensors leaves open.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Only tensors whose names start with this and a dot
    pub prefix: Option<String>,
    /// PyTorch's modules in the order of the layers
    pub modules: Option<Vec<String>>,
}

/// How tensors are named and laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `0.kernel`, `0.bias`, …, as Keras keeps them
    Keras,
    /// `0.weight`, `0.bias`, …: the state dict of a `torch.nn.Sequential`
    Torch,
}

/// Reads a file for a network with the layers of `like`. Of a model of Keras it is known which values
/// a list leaves out.
/// # Errors
/// If the file is damaged or holds other tensors. Without `like`, unless the file names its layers.
pub fn read(
    bytes: &[u8],
    like: Option<(&Model, Option<&[Source]>)>,
    options: &Options,
) -> Result<Model> {
    let file = SafeTensors::deserialize(bytes).context("the safetensors file is damaged")?;
    let (_, header) = SafeTensors::read_metadata(bytes).context("the file is damaged")?;
    let stated = header.metadata().as_ref().and_then(|all| all.get(NET));
    let mut model = match (like, stated) {
        (Some((like, _)), _) => like.clone(),
        (None, Some(text)) => net::read(text).context("the network's type in the metadata")?,
        (None, None) => bail!(
            "the file has weights but no layers: name them with --net \"Dense<2, 8, Tanh>, …\" or \
             by a model of the same layers with --like. It has {}",
            contents(&file)
        ),
    };
    let prefix = options.prefix.as_ref().map(|prefix| format!("{}.", prefix.trim_end_matches('.')));
    let mut tensors = BTreeMap::new();
    let mut problems = Problems::default();
    for (name, view) in file.iter() {
        let inner = match &prefix {
            None => name,
            Some(prefix) => match name.strip_prefix(prefix.as_str()) {
                Some(inner) => inner,
                None => continue,
            },
        };
        if inner.ends_with("num_batches_tracked") {
            continue;
        }
        if view.dtype() == Dtype::F32 {
            tensors.insert(inner.to_owned(), values(&view));
        } else {
            let dtype = view.dtype();
            problems.add(format!("{name} has values of the type {dtype:?}; F32 is expected"));
        }
    }
    // A file of golden values has others beside the weights.
    let known = like.and_then(|(_, sources)| sources);
    let sources = known.map_or_else(|| keras::sources(&model), <[Source]>::to_vec);
    if let Some(lists) = lists(&tensors, &model, &sources) {
        let found: Vec<&String> = lists.keys().collect();
        let [one] = &found[..] else {
            bail!("the file has several lists of weights: choose one of {found:?} with --prefix");
        };
        keras::put_all(&mut model, &sources, lists[*one].clone())?;
        return Ok(model);
    }
    problems.check()?;
    match &options.prefix {
        Some(prefix) if tensors.is_empty() => {
            bail!("no tensor's name starts with {prefix:?}. The file has {}", contents(&file))
        }
        _ => {}
    }
    let named = named(&tensors, &model);
    if let Some(list) = named {
        put(&mut model, list.into_iter())?;
        return Ok(model);
    }
    torch::read(&tensors, &mut model, options.modules.as_deref())?;
    Ok(model)
}

/// The names and shapes of the first tensors, for a message.
fn contents(file: &SafeTensors) -> String {
    const SHOWN: usize = 40;
    let mut all: Vec<_> = file.iter().collect();
    all.sort_by_key(|(name, _)| *name);
    let shown = all.iter().take(SHOWN);
    let mut text: Vec<String> =
        shown.map(|(name, view)| format!("{name} {:?}", view.shape())).collect();
    match all.len() {
        0 => text.push("no tensor".into()),
        n if n > SHOWN => text.push(format!("{} more", n - SHOWN)),
        _ => {}
    }
    text.join(", ")
}

fn values(view: &TensorView) -> Tensor {
    let values = view.data().as_chunks::<4>().0.iter().map(|bits| f32::from_le_bytes(*bits));
    (view.shape().to_vec(), values.collect())
}

/// The lists `0`, `1`, … whose shapes are those of Keras' `get_weights()`, by what stands before the
/// numbers; none if there is no such list.
fn lists(
    tensors: &BTreeMap<String, Tensor>,
    model: &Model,
    sources: &[Source],
) -> Option<BTreeMap<String, Vec<Tensor>>> {
    let shapes: Vec<Vec<usize>> = sources
        .iter()
        .flat_map(|source| {
            let tensors = model.layers[source.layer].tensors().into_iter().zip(&source.absent);
            tensors.filter(|(_, absent)| absent.is_none()).map(|(tensor, _)| tensor.shape)
        })
        .collect();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for name in tensors.keys() {
        let (start, number) = name.rsplit_once('.').unwrap_or(("", name));
        if number.parse::<usize>().is_ok() {
            *counts.entry(start.to_owned()).or_default() += 1;
        }
    }
    counts.retain(|_, count| *count == shapes.len() && *count > 0);
    let mut found = BTreeMap::new();
    for start in counts.into_keys() {
        let list: Option<Vec<Tensor>> = (0..shapes.len())
            .map(|i| {
                let name = if start.is_empty() { i.to_string() } else { format!("{start}.{i}") };
                tensors.get(&name).filter(|tensor| tensor.0 == shapes[i]).cloned()
            })
            .collect();
        if let Some(list) = list {
            found.insert(start, list);
        }
    }
    (!found.is_empty()).then_some(found)
}

/// `0.kernel`, `0.bias`, …, if all of them are there.
fn named(tensors: &BTreeMap<String, Tensor>, model: &Model) -> Option<Vec<Tensor>> {
    let names = model.layers.iter().enumerate().flat_map(|(index, layer)| {
        layer.tensors().into_iter().map(move |tensor| format!("{index}.{}", tensor.name))
    });
    names.map(|name| tensors.get(&name).cloned()).collect()
}

fn put(model: &mut Model, mut list: impl Iterator<Item = Tensor>) -> Result<()> {
    let mut problems = Problems::default();
    for layer in &mut model.layers {
        let count = layer.tensors().len();
        let all = list.by_ref().take(count).collect();
        problems.take(layer.set(all));
    }
    problems.check()
}

/// Writes the tensors of a network. Values keep their bits.
/// # Errors
/// For values that are not finite.
pub fn write(model: &Model, layout: Layout) -> Result<Vec<u8>> {
    model.check_finite()?;
    let tensors: Vec<(String, Tensor)> = match layout {
        Layout::Torch => torch::write(model)?,
        Layout::Keras => model
            .layers
            .iter()
            .enumerate()
            .flat_map(|(index, layer)| {
                layer.values().map(move |(tensor, values)| {
                    (format!("{index}.{}", tensor.name), (tensor.shape, values.to_vec()))
                })
            })
            .collect(),
    };
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, (_, values))| values.iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let views = tensors
        .iter()
        .zip(&bytes)
        .map(|((name, (shape, _)), bytes)| {
            Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?))
        })
        .collect::<Result<Vec<_>>>()?;
    let mut metadata = HashMap::from([(NET.to_owned(), rust::net(model, rust::Names::Short))]);
    if layout == Layout::Torch {
        metadata.insert("format".to_owned(), "pt".to_owned());
    }
    serialize(views, Some(metadata)).context("the safetensors file was not written")
}

/// All tensors of a file by name, for golden values.
/// # Errors
/// If the file is damaged.
pub fn all(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>> {
    let file = SafeTensors::deserialize(bytes).context("the safetensors file is damaged")?;
    let floats = file.iter().filter(|(_, view)| view.dtype() == Dtype::F32);
    Ok(floats.map(|(name, view)| (name.to_owned(), values(&view))).collect())
}
