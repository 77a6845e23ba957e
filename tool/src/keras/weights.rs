//! The values of a model in an HDF5 file of Keras.

use super::{Source, strings};
use crate::{
    model::{Model, Problems},
    tensors::Tensor,
};
use anyhow::{Context, Result, ensure};
use hdf5_pure::{DType, Dataset, File, Group};

/// Keras 3: a group for each layer.
pub fn by_groups(file: &File, model: &mut Model, sources: &[Source]) -> Result<()> {
    let mut problems = Problems::default();
    for source in sources {
        let expected = model.layers[source.layer].tensors().into_iter().zip(&source.absent);
        let expected = expected.filter_map(|(tensor, absent)| absent.is_none().then_some(tensor));
        let tensors = (0..)
            .zip(expected)
            .map(|(i, expected)| {
                let path = format!("{}/vars/{i}", source.group);
                let tensor = file.dataset(&path).with_context(|| format!("there is no {path}"));
                tensor.and_then(|tensor| read(&tensor, &path, expected.size()))
            })
            .collect::<Result<Vec<_>>>()
            .map_err(|error| format!("{error:#}"));
        let set = tensors.and_then(|tensors| put(model, source, tensors));
        problems.take(set);
    }
    problems.check()
}

/// Marks the biases that a file leaves out (`use_bias=False`).
pub fn without_bias(file: &File, model: &Model, sources: &mut [Source]) {
    for source in sources {
        let last = source.absent.len() - 1;
        let biased = model.layers[source.layer].tensors()[last].name == "bias";
        let there = |i: usize| file.dataset(&format!("{}/vars/{i}", source.group)).is_ok();
        if biased && there(last - 1) && !there(last) {
            source.absent[last] = Some(0.0);
        }
    }
}

/// Keras 2 and `save("model.h5")`: a group for each layer of the outermost model.
pub fn by_names(group: &Group, model: &mut Model, sources: &[Source]) -> Result<()> {
    let mut rest = sources;
    while let Some(first) = rest.first() {
        let count = rest.iter().take_while(|source| source.outer == first.outer).count();
        let (layers, after) = rest.split_at(count);
        let name = &first.outer;
        let values = group.group(name).with_context(|| format!("there is no group {name:?}"))?;
        outer(&values, model, layers)?;
        rest = after;
    }
    Ok(())
}

/// Keras 2's `save_weights("weights.h5")` for a model whose names are not known: the layers that
/// have weights, in order.
pub fn in_order(root: &Group, model: &mut Model, sources: &[Source]) -> Result<()> {
    let mut rest = sources;
    for name in strings(root, "layer_names")? {
        let group = root.group(&name).with_context(|| format!("there is no group {name:?}"))?;
        let count = strings(&group, "weight_names")?.len();
        if count == 0 {
            continue;
        }
        let (mut tensors, mut layers) = (0, 0);
        while tensors < count && layers < rest.len() {
            tensors += rest[layers].absent.iter().filter(|absent| absent.is_none()).count();
            layers += 1;
        }
        let (now, after) = rest.split_at(layers);
        outer(&group, model, now)?;
        rest = after;
    }
    ensure!(rest.is_empty(), "the file has fewer layers with weights than the network");
    Ok(())
}

/// The layers that share a group.
fn outer(group: &Group, model: &mut Model, layers: &[Source]) -> Result<()> {
    let mut names = strings(group, "weight_names")?.into_iter();
    let mut problems = Problems::default();
    // A model inside a model lists all its learnt values first.
    let (mut all, mut order) = (Vec::new(), Vec::new());
    for learnt in [true, false] {
        for (at, source) in layers.iter().enumerate() {
            let tensors = model.layers[source.layer].tensors();
            for (index, tensor) in tensors.iter().enumerate() {
                if source.absent[index].is_none() && tensor.learnt == learnt {
                    order.push((at, index, tensor.size()));
                }
            }
        }
    }
    for (at, index, size) in order {
        let name = names.next().with_context(|| {
            let layer = &model.layers[layers[at].layer].name;
            format!("the file has too few values for layer {layer:?}")
        })?;
        let tensor = group.dataset(&name).with_context(|| format!("there is no {name:?}"))?;
        all.push((at, index, read(&tensor, &name, size)?));
    }
    ensure!(names.next().is_none(), "the file has more values than layer {:?}", layers[0].outer);
    all.sort_by_key(|(at, index, _)| (*at, *index));
    for (at, source) in layers.iter().enumerate() {
        let mine = all.iter().filter(|(of, ..)| *of == at);
        let mine = mine.map(|(_, _, tensor)| tensor.clone()).collect();
        problems.take(put(model, source, mine));
    }
    problems.check()
}

/// Reads a tensor. One that has not `expected` values has none here, and is refused by its shape
/// later: a small file may state large tensors.
fn read(tensor: &Dataset, name: &str, expected: usize) -> Result<Tensor> {
    let shape = tensor.shape().with_context(|| format!("{name} is damaged"))?;
    let dtype = tensor.dtype().with_context(|| format!("{name} is damaged"))?;
    ensure!(dtype == DType::F32, "{name} has values of the type {dtype:?}; F32 is expected");
    let shape: Vec<usize> = shape.iter().filter_map(|n| usize::try_from(*n).ok()).collect();
    let size = crate::model::size(&shape).with_context(|| format!("{name} is too large"))?;
    if size != expected {
        return Ok((shape, Vec::new()));
    }
    let values = tensor.read_f32().with_context(|| format!("{name} is damaged"))?;
    ensure!(values.len() == size, "{name} is damaged: {} values of {size}", values.len());
    Ok((shape, values))
}

/// Sets the values of a layer; those that the file leaves out are constants.
pub fn put(model: &mut Model, source: &Source, tensors: Vec<Tensor>) -> Result<(), String> {
    let layer = &mut model.layers[source.layer];
    let mut found = tensors.into_iter();
    let mut all = Vec::new();
    for (tensor, absent) in layer.tensors().into_iter().zip(&source.absent) {
        match absent {
            Some(value) => all.push((tensor.shape.clone(), vec![*value; tensor.size()])),
            // A dense layer on each step is a convolution here: its kernel has axes of 1 more.
            None => all.extend(found.next().map(|(shape, values)| {
                let ones = tensor.shape.iter().take_while(|n| **n == 1).count();
                let same = ones > 0 && tensor.shape[ones..] == shape[..];
                (if same { tensor.shape.clone() } else { shape }, values)
            })),
        }
    }
    layer.set(all)
}
