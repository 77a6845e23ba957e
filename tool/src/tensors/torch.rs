//! State dicts of PyTorch.
//!
//! A `Linear` is `[outputs, inputs]`, a convolution `[filters, channels, window …]`. Samples have
//! their channels first, so that the inputs of a layer behind a `Flatten` stand in another order.
//! The gates of a GRU are r z n, ours z r n. LSTM and RNN have two biases, which are added up.

use super::Tensor;
use crate::{
    channels_first::{kernel, rows, rows_back, transposed},
    model::{Cell, Kind, Layer, Model, Problems},
};
use anyhow::{Context, Result, bail, ensure};
use std::collections::{BTreeMap, BTreeSet};

type Outcome<T> = core::result::Result<T, String>;

/// The tensors of one module: of `fc1` those named `weight` and `bias`; of layer 1 of an `lstm`
/// those whose names end in `_l1`, without that.
type Module<'a> = BTreeMap<String, &'a Tensor>;

/// Reads a state dict into the layers of a model. `order` names the modules of its layers.
pub fn read(
    tensors: &BTreeMap<String, Tensor>,
    model: &mut Model,
    order: Option<&[String]>,
) -> Result<()> {
    let mut modules: BTreeMap<Vec<Part>, (String, Module)> = BTreeMap::new();
    let mut both = BTreeSet::new();
    for (name, tensor) in tensors {
        if let Some(name) = name.strip_suffix("_reverse") {
            both.insert(name.rsplit_once('.').map_or("", |(module, _)| module));
            continue;
        }
        let (module, inner) = name.rsplit_once('.').unwrap_or(("", name));
        let (inner, number) = match inner.rsplit_once("_l") {
            Some((inner, number)) if number.parse::<u32>().is_ok() => (inner, number),
            _ => (inner, ""),
        };
        let shown = match number {
            "" | "0" => module.to_owned(),
            number => format!("{module}.l{number}"),
        };
        // The first layer of an LSTM stands before its second one, which has a number.
        let key = match number {
            "" => parts(module),
            number => parts(&format!("{module}.l{number}")),
        };
        let entry = modules.entry(key).or_insert_with(|| (shown, Module::new()));
        entry.1.insert(inner.to_owned(), tensor);
    }
    ensure!(both.is_empty(), "Rosenblatt has no layer in both directions: modules {both:?}");
    let (keys, modules): (Vec<Vec<Part>>, Vec<(String, Module)>) = modules.into_iter().unzip();
    let flattened = flattened(model);
    let mut layers: Vec<(&mut Layer, Option<Vec<usize>>)> = model
        .layers
        .iter_mut()
        .zip(flattened)
        .filter(|(layer, _)| !layer.tensors().is_empty())
        .collect();
    let names: Vec<&String> = modules.iter().map(|(name, _)| name).collect();
    let chosen = match order {
        Some(order) => order
            .iter()
            .map(|name| {
                let at = modules.iter().position(|module| module.0 == *name);
                at.with_context(|| format!("there is no module {name:?}; there are {names:?}"))
            })
            .collect::<Result<Vec<_>>>()?,
        None => assign(&layers, &modules, &keys)?,
    };
    ensure!(
        chosen.len() == layers.len(),
        "{} modules for {} layers with weights; there are {names:?}",
        chosen.len(),
        layers.len()
    );
    let mut problems = Problems::default();
    for ((layer, sample), at) in layers.iter_mut().zip(chosen) {
        let (name, module) = &modules[at];
        let tensors = convert(layer, sample.as_deref(), module);
        let set = tensors.and_then(|tensors| layer.set(tensors));
        problems.take(set.map_err(|problem| format!("module {name:?}: {problem}")));
    }
    problems.check()
}

/// A piece of a name: numbers sort as numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(u64),
    Text(String),
}

fn parts(name: &str) -> Vec<Part> {
    let mut all: Vec<Part> = Vec::new();
    for c in name.chars() {
        match (c.to_digit(10), all.last_mut()) {
            (Some(digit), Some(Part::Number(n))) => {
                *n = n.saturating_mul(10).saturating_add(u64::from(digit));
            }
            (Some(digit), _) => all.push(Part::Number(u64::from(digit))),
            (None, Some(Part::Text(text))) => text.push(c),
            (None, _) => all.push(Part::Text(c.to_string())),
        }
    }
    all
}

/// Which module belongs to which layer: by shapes. Where several fit, those whose names differ in
/// numbers only come in the order of their numbers. `keys` are the names with all numbers.
fn assign(
    layers: &[(&mut Layer, Option<Vec<usize>>)],
    modules: &[(String, Module)],
    keys: &[Vec<Part>],
) -> Result<Vec<usize>> {
    let names: Vec<&String> = modules.iter().map(|(name, _)| name).collect();
    ensure!(
        modules.len() == layers.len(),
        "the network has {} layers with weights; the file has the {} modules {names:?}",
        layers.len(),
        modules.len()
    );
    let fits: Vec<Vec<usize>> = layers
        .iter()
        .map(|(layer, sample)| {
            let fits = |at: &usize| {
                let shapes = convert(layer, sample.as_deref(), &modules[*at].1);
                shapes.is_ok_and(|all| {
                    let tensors = layer.tensors();
                    tensors.len() == all.len()
                        && tensors.iter().zip(&all).all(|(tensor, found)| tensor.shape == found.0)
                })
            };
            (0..modules.len()).filter(fits).collect()
        })
        .collect();
    let words = |key: &Vec<Part>| -> Vec<Part> {
        let word = |part: &Part| match part {
            Part::Number(_) => Part::Number(0),
            Part::Text(text) => Part::Text(text.clone()),
        };
        key.iter().map(word).collect()
    };
    let words: Vec<Vec<Part>> = keys.iter().map(words).collect();
    let several = || {
        bail!(
            "the modules {names:?} fit the layers in several ways: name them in the order of the \
             layers, as in --modules {}",
            names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(",")
        )
    };
    let any = |_: &[usize], _: usize| true;
    let ordered = |now: &[usize], at: usize| {
        now.iter().all(|other| words[*other] != words[at] || *other < at)
    };
    let (mut found, mut steps) = (Vec::new(), 0);
    search(&fits, &ordered, &mut Vec::new(), &mut found, &mut steps);
    // Names whose numbers say another order: only if the shapes leave one way.
    if found.is_empty() {
        search(&fits, &any, &mut Vec::new(), &mut found, &mut steps);
    }
    match &found[..] {
        // Too many to be tried.
        [_] if steps > STEPS => several(),
        [] => {
            // The first layer that nothing fits is named with what was expected.
            if let Some(at) = fits.iter().position(Vec::is_empty) {
                let (layer, _) = &layers[at];
                let shapes: Vec<_> =
                    layer.tensors().into_iter().map(|tensor| tensor.shape).collect();
                bail!(
                    "no module of {names:?} fits layer {:?}, whose tensors are {shapes:?}",
                    layer.name
                );
            }
            bail!("the modules {names:?} do not fit the layers one to one")
        }
        [one] => Ok(one.clone()),
        _ => several(),
    }
}

/// The most steps of a search.
const STEPS: u32 = 100_000;

/// Up to two assignments. `may` says whether a module may follow those so far.
fn search(
    fits: &[Vec<usize>],
    may: &impl Fn(&[usize], usize) -> bool,
    now: &mut Vec<usize>,
    found: &mut Vec<Vec<usize>>,
    steps: &mut u32,
) {
    *steps += 1;
    if found.len() > 1 || *steps > STEPS {
        return;
    }
    let Some(next) = fits.get(now.len()) else {
        found.push(now.clone());
        return;
    };
    for at in next {
        if !now.contains(at) && may(now, *at) {
            now.push(*at);
            search(fits, may, now, found, steps);
            now.pop();
        }
    }
}

/// For each layer: the shape of the sample whose flattened values it takes, if these stand in
/// another order in PyTorch.
fn flattened(model: &Model) -> Vec<Option<Vec<usize>>> {
    let (mut first, mut sample) = (model.input().len() == 3, None);
    let mut all = Vec::new();
    for layer in &model.layers {
        all.push(sample.clone());
        match layer.kind {
            Kind::Conv2d(..) | Kind::Conv1d(..) | Kind::Pool2d(..) | Kind::Pool1d(..) => {
                first = true
            }
            Kind::Recurrent(_) => (first, sample) = (false, None),
            Kind::Reshape => {
                let flat = layer.output.len() == 1 && layer.input.len() > 1;
                sample = (flat && first).then(|| layer.input.clone());
                first = first && !flat || layer.output.len() == 3;
            }
            Kind::Dense(_) | Kind::GlobalAverage => sample = None,
            Kind::Activate(_)
            | Kind::BatchNorm { .. }
            | Kind::LayerNorm(_)
            | Kind::Dropout { .. } => {}
        }
    }
    all
}

/// A module's tensors as those of a layer. Shapes are checked afterwards.
fn convert(layer: &Layer, sample: Option<&[usize]>, module: &Module) -> Outcome<Vec<Tensor>> {
    let known = |names: &[&str]| match module.keys().find(|key| !names.contains(&key.as_str())) {
        Some(key) => Err(format!("the tensor {key:?} is not one of {names:?}")),
        None => Ok(()),
    };
    let need = |name: &str, rank: usize| match module.get(name) {
        Some(tensor) if tensor.0.len() == rank => Ok((*tensor).clone()),
        Some(tensor) => {
            Err(format!("{name} has the shape {:?}; {rank} axes are expected", tensor.0))
        }
        None => Err(format!("there is no {name}")),
    };
    let units = layer.output.last().copied().unwrap_or_default();
    let or = |name: &str, value: f32| match module.contains_key(name) {
        true => need(name, 1),
        false => Ok((vec![units], vec![value; units])),
    };
    // A vector over the flattened values of a sample.
    let ordered = |(shape, values): Tensor| match sample {
        Some(sample) if shape == [sample.iter().product::<usize>()] => {
            (shape, rows(sample, 1, &values))
        }
        _ => (shape, values),
    };
    match &layer.kind {
        Kind::Dense(_) => {
            known(&["weight", "bias"])?;
            let (shape, weight) = need("weight", 2)?;
            let (shape, mut w) = transposed(&shape, &weight, &[1, 0]);
            if let Some(sample) = sample
                && shape[0] == sample.iter().product::<usize>()
            {
                w = rows(sample, shape[1], &w);
            }
            Ok(vec![(shape, w), or("bias", 0.0)?])
        }
        Kind::Conv2d(..) | Kind::Conv1d(..) => {
            known(&["weight", "bias"])?;
            let rank = if matches!(layer.kind, Kind::Conv2d(..)) { 4 } else { 3 };
            // A Linear on each step is a convolution with a window of one here.
            let (shape, weight) = match module.get("weight") {
                Some((shape, weight)) if shape.len() == 2 => {
                    let ones = [1].into_iter().cycle().take(rank - 2);
                    (shape.iter().copied().chain(ones).collect(), weight.clone())
                }
                _ => need("weight", rank)?,
            };
            Ok(vec![kernel(&shape, &weight), or("bias", 0.0)?])
        }
        Kind::BatchNorm { .. } => {
            known(&["weight", "bias", "running_mean", "running_var"])?;
            let all = [or("weight", 1.0)?, or("bias", 0.0)?];
            let moving = [need("running_mean", 1)?, need("running_var", 1)?];
            Ok(all.into_iter().chain(moving).map(ordered).collect())
        }
        Kind::LayerNorm(_) => {
            known(&["weight", "bias"])?;
            Ok([or("weight", 1.0)?, or("bias", 0.0)?].into_iter().map(ordered).collect())
        }
        Kind::Recurrent(cell) => {
            known(&["weight_ih", "weight_hh", "bias_ih", "bias_hh"])?;
            let width = cell.gates() * units;
            let turned = |name: &str| -> Outcome<Tensor> {
                let (shape, weight) = need(name, 2)?;
                let (shape, w) = transposed(&shape, &weight, &[1, 0]);
                // Only whole rows can be put in order.
                let w = if shape[1] == width { gates(cell, width, &w) } else { w };
                Ok((shape, w))
            };
            let bias = |name: &str| -> Outcome<Vec<f32>> {
                match module.contains_key(name) {
                    true => Ok(gates(cell, width, &need(name, 1)?.1)),
                    false => Ok(vec![0.0; width]),
                }
            };
            let (b, c) = (bias("bias_ih")?, bias("bias_hh")?);
            let b = if *cell == Cell::Gru {
                (vec![2, b.len()], [b, c].concat())
            } else {
                (vec![b.len()], b.iter().zip(&c).map(|(b, c)| b + c).collect())
            };
            Ok(vec![turned("weight_ih")?, turned("weight_hh")?, b])
        }
        _ => Err("the layer has no weights".into()),
    }
}

/// The state dict of a `torch.nn.Sequential` with these layers.
pub fn write(model: &Model) -> Result<Vec<(String, Tensor)>> {
    let mut all = Vec::new();
    for ((index, layer), sample) in model.layers.iter().enumerate().zip(flattened(model)) {
        let tensors: Vec<Tensor> =
            layer.values().map(|(tensor, values)| (tensor.shape, values.to_vec())).collect();
        let mut put = |name: &str, tensor: Tensor| all.push((format!("{index}.{name}"), tensor));
        match (&layer.kind, &tensors[..]) {
            (Kind::Dense(_), [(shape, w), b]) => {
                let w = match &sample {
                    Some(sample) => rows_back(sample, shape[1], w),
                    None => w.clone(),
                };
                put("weight", transposed(shape, &w, &[1, 0]));
                put("bias", b.clone());
            }
            (Kind::Conv2d(..) | Kind::Conv1d(..), [(shape, w), b]) => {
                let n = shape.len();
                let axes: Vec<usize> = [n - 1, n - 2].into_iter().chain(0..n - 2).collect();
                put("weight", transposed(shape, w, &axes));
                put("bias", b.clone());
            }
            (Kind::BatchNorm { .. } | Kind::LayerNorm(_), tensors) => {
                let names = ["weight", "bias", "running_mean", "running_var"];
                for (name, (shape, values)) in names.iter().zip(tensors) {
                    let values = match &sample {
                        Some(sample) => rows_back(sample, 1, values),
                        None => values.clone(),
                    };
                    put(name, (shape.clone(), values));
                }
            }
            (Kind::Recurrent(cell), [(w_shape, w), (u_shape, u), (_, b)]) => {
                let width = w_shape[1];
                let turned =
                    |shape: &[usize], w: &[f32]| transposed(shape, &gates(cell, width, w), &[1, 0]);
                put("weight_ih_l0", turned(w_shape, w));
                put("weight_hh_l0", turned(u_shape, u));
                let (b, c) = b.split_at(width);
                let c = if c.is_empty() { vec![0.0; width] } else { c.to_vec() };
                put("bias_ih_l0", (vec![width], gates(cell, width, b)));
                put("bias_hh_l0", (vec![width], gates(cell, width, &c)));
            }
            _ => {}
        }
    }
    Ok(all)
}

/// Rows of `width` values: the first two of three gates change places in a GRU, r z n and z r n.
fn gates(cell: &Cell, width: usize, values: &[f32]) -> Vec<f32> {
    let mut all = values.to_vec();
    if *cell == Cell::Gru {
        let units = width / 3;
        for row in all.chunks_exact_mut(width) {
            let (first, rest) = row.split_at_mut(units);
            first.swap_with_slice(&mut rest[..units]);
        }
    }
    all
}
