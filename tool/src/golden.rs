//! Samples and expected outputs from files.

use crate::tensors;
use anyhow::{Context, Result, bail, ensure};
use std::{fs, path::Path};

/// Rows of values.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// All rows one after another
    pub values: Vec<f32>,
    /// Their number
    pub count: usize,
}

/// Reads `FILE` or `FILE:TENSOR`: a tensor of a safetensors file whose first axis is the samples,
/// or the lines of a CSV file. `names` are tried if no tensor is named. Each row has `width` values.
/// # Errors
/// Names the file and what was expected.
pub fn read(place: &str, names: &[&str], width: usize) -> Result<Rows> {
    let (file, tensor) = match place.rsplit_once(':') {
        Some((file, tensor)) if !Path::new(place).exists() => (file, Some(tensor)),
        _ => (place, None),
    };
    let bytes = fs::read(file).with_context(|| format!("{file} cannot be read"))?;
    let rows = if file.ends_with(".csv") {
        ensure!(tensor.is_none(), "{file}: a CSV file has no tensors with names");
        lines(&bytes, width)
    } else if bytes.get(8) != Some(&b'{') {
        Err(anyhow::anyhow!("it is neither a .csv nor a safetensors file"))
    } else {
        one(&bytes, tensor, names, width)
    };
    rows.with_context(|| file.to_owned())
}

/// Samples and targets of a file: the tensors `x` and `t` of a safetensors file, or lines of a CSV
/// file with the inputs, then the targets.
/// # Errors
/// Names the file and what was expected.
pub fn pairs(file: &str, inputs: usize, targets: usize) -> Result<(Rows, Rows)> {
    if !file.ends_with(".csv") {
        let x = read(file, &["x", "x_train", "inputs"], inputs)?;
        let t = read(file, &["t", "y", "y_train", "targets"], targets)?;
        ensure!(x.count == t.count, "{file}: {} samples and {} targets", x.count, t.count);
        return Ok((x, t));
    }
    let rows = read(file, &[], inputs + targets)?;
    let (mut x, mut t) = (Vec::new(), Vec::new());
    for row in rows.values.chunks(inputs + targets) {
        let (inputs, targets) = row.split_at(inputs);
        x.extend(inputs);
        t.extend(targets);
    }
    let count = rows.count;
    Ok((Rows { values: x, count }, Rows { values: t, count }))
}

fn one(bytes: &[u8], tensor: Option<&str>, names: &[&str], width: usize) -> Result<Rows> {
    let all = tensors::all(bytes)?;
    let there: Vec<&String> = all.keys().collect();
    let name = match tensor {
        Some(name) => name,
        None => match names.iter().find(|name| all.contains_key(**name)) {
            Some(name) => name,
            None => {
                bail!("it has none of the tensors {names:?}; it has {there:?}: write FILE:TENSOR")
            }
        },
    };
    let Some((shape, values)) = all.get(name) else {
        bail!("there is no tensor {name:?} of f32; there are {there:?}")
    };
    let count = shape.first().copied().unwrap_or_default();
    ensure!(
        count > 0 && count.checked_mul(width) == Some(values.len()),
        "{name} has the shape {shape:?}; rows of {width} values are expected"
    );
    Ok(Rows { values: values.clone(), count })
}

/// Lines of numbers with commas between them; empty lines and a first line of words are left out.
fn lines(bytes: &[u8], width: usize) -> Result<Rows> {
    let text = std::str::from_utf8(bytes).context("it is no text")?;
    let (mut values, mut count) = (Vec::new(), 0);
    for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
        let row: Result<Vec<f32>, _> = text.split(',').map(|value| value.trim().parse()).collect();
        match row {
            Ok(row) if row.len() == width => values.extend(row),
            Ok(row) => bail!("line {line} has {} numbers; {width} are expected", row.len()),
            Err(_) if count == 0 && line == 1 => continue,
            Err(_) => bail!("line {line} has something that is not a number"),
        }
        count += 1;
    }
    ensure!(count > 0, "it has no line of numbers");
    Ok(Rows { values, count })
}
