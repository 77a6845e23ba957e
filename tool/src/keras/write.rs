//! A model as a `.keras` archive that Keras 3 loads.

use super::config::{class, sources};
use crate::model::{Activation, Cell, Kind, Layer, Model, Window};
use anyhow::{Context, Result, ensure};
use hdf5_pure::{AttrValue, FileBuilder, GroupBuilder};
use serde_json::{Value, json};
use std::io::{Cursor, Write};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// Writes a `.keras` archive. Values keep their bits.
/// # Errors
/// For values that are not finite, and for a step function, which Keras does not have.
pub fn write(model: &Model) -> Result<Vec<u8>> {
    model.check_finite()?;
    for layer in &model.layers {
        let step = matches!(
            layer.kind,
            Kind::Dense(Activation::Step)
                | Kind::Conv2d(_, Activation::Step)
                | Kind::Conv1d(_, Activation::Step)
                | Kind::Activate(Activation::Step)
                | Kind::Recurrent(Cell::Simple(Activation::Step))
        );
        ensure!(!step, "layer {:?}: Keras has no step function", layer.name);
    }
    let metadata = json!({ "keras_version": "3.0.0", "date_saved": "1980-01-01@00:00:00" });
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    // Stored as Keras does; without the time, so that equal models are equal files.
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, bytes) in [
        ("metadata.json", metadata.to_string().into_bytes()),
        ("config.json", config(model).to_string().into_bytes()),
        ("model.weights.h5", values(model)?),
    ] {
        archive.start_file(name, options).context("the archive was not written")?;
        archive.write_all(&bytes).context("the archive was not written")?;
    }
    Ok(archive.finish().context("the archive was not written")?.into_inner())
}

/// `layers/dense/vars/0`, …
fn values(model: &Model) -> Result<Vec<u8>> {
    let mut file = FileBuilder::new();
    let mut layers = file.create_group("layers");
    for source in sources(model) {
        let layer = &model.layers[source.layer];
        let mut group = layers.create_group(&source.outer);
        group.set_attr("name", AttrValue::String(layer.name.clone()));
        if matches!(layer.kind, Kind::Recurrent(_)) {
            let mut cell = group.create_group("cell");
            vars(&mut cell, layer);
            group.add_group(cell.finish());
            let empty = group.create_group("vars");
            group.add_group(empty.finish());
        } else {
            vars(&mut group, layer);
        }
        layers.add_group(group.finish());
    }
    file.add_group(layers.finish());
    let empty = file.create_group("vars");
    file.add_group(empty.finish());
    file.finish().context("the HDF5 file was not written")
}

fn vars(group: &mut GroupBuilder, layer: &Layer) {
    let mut vars = group.create_group("vars");
    for (i, (tensor, values)) in layer.values().enumerate() {
        let shape: Vec<u64> = tensor.shape.iter().map(|n| *n as u64).collect();
        vars.create_dataset(&i.to_string()).with_f32_data(values).with_shape(&shape);
    }
    group.add_group(vars.finish());
}

fn config(model: &Model) -> Value {
    let batch = |shape: &[usize]| {
        let lengths = shape.iter().map(|n| json!(n));
        Value::Array([Value::Null].into_iter().chain(lengths).collect())
    };
    let input = json!({
        "module": "keras.layers",
        "class_name": "InputLayer",
        "config": { "batch_shape": batch(model.input()), "dtype": "float32", "name": "input" },
        "registered_name": null,
    });
    let layers = model.layers.iter().enumerate().map(|(index, layer)| {
        json!({
            "module": "keras.layers",
            "class_name": class(layer),
            "config": settings(index, layer),
            "registered_name": null,
            "build_config": { "input_shape": batch(&layer.input) },
        })
    });
    let layers: Vec<Value> = [input].into_iter().chain(layers).collect();
    json!({
        "module": "keras",
        "class_name": "Sequential",
        "config": {
            "name": "sequential",
            "trainable": true,
            "dtype": "float32",
            "layers": layers,
            "build_input_shape": batch(model.input()),
        },
        "registered_name": null,
        "build_config": { "input_shape": batch(model.input()) },
    })
}

/// The settings of a layer. Names of layers are unique in Keras.
fn settings(index: usize, layer: &Layer) -> Value {
    let mut all =
        json!({ "name": format!("layer_{index}"), "trainable": true, "dtype": "float32" });
    let units = layer.output.last().copied().unwrap_or_default();
    let more = match &layer.kind {
        Kind::Dense(f) => json!({ "units": units, "activation": activation(*f) }),
        Kind::Conv2d(window, f) => convolution(window, units, *f),
        Kind::Conv1d(window, f) => convolution(window, units, *f),
        Kind::Pool2d(_, window) => pooling(window),
        Kind::Pool1d(_, window) => pooling(window),
        Kind::Reshape if layer.output.len() == 1 => json!({ "data_format": "channels_last" }),
        Kind::Reshape => json!({ "target_shape": layer.output }),
        Kind::GlobalAverage => json!({ "data_format": "channels_last", "keepdims": false }),
        Kind::Activate(f) => json!({ "activation": activation(*f) }),
        Kind::BatchNorm { epsilon, share } => json!({
            "axis": -1,
            "epsilon": decimal(*epsilon),
            "momentum": 1.0 - decimal(*share),
            "center": true,
            "scale": true,
        }),
        Kind::LayerNorm(epsilon) => json!({
            "axis": -1,
            "epsilon": decimal(*epsilon),
            "center": true,
            "scale": true,
        }),
        Kind::Dropout { rate, .. } => json!({ "rate": f64::from(*rate) / 4_294_967_296.0 }),
        Kind::Recurrent(cell) => {
            let f = if let Cell::Simple(f) = cell { *f } else { Activation::Tanh };
            let mut all = json!({
                "units": units,
                "activation": activation(f),
                "use_bias": true,
                "return_sequences": layer.output.len() == 2,
            });
            if !matches!(cell, Cell::Simple(_)) {
                all["recurrent_activation"] = json!("sigmoid");
            }
            if *cell == Cell::Gru {
                all["reset_after"] = json!(true);
            }
            all
        }
    };
    if let (Some(all), Value::Object(more)) = (all.as_object_mut(), more) {
        all.extend(more);
    }
    all
}

fn convolution<const N: usize>(window: &Window<N>, filters: usize, f: Activation) -> Value {
    json!({
        "filters": filters,
        "kernel_size": window.size.to_vec(),
        "strides": window.stride.to_vec(),
        "padding": if window.same { "same" } else { "valid" },
        "data_format": "channels_last",
        "activation": activation(f),
        "use_bias": true,
    })
}

fn pooling<const N: usize>(window: &Window<N>) -> Value {
    json!({
        "pool_size": window.size.to_vec(),
        "strides": window.stride.to_vec(),
        "padding": if window.same { "same" } else { "valid" },
        "data_format": "channels_last",
    })
}

fn activation(f: Activation) -> Value {
    match f {
        Activation::Linear => json!("linear"),
        Activation::LeakyRelu { .. } => json!({
            "module": "keras.layers",
            "class_name": "LeakyReLU",
            "config": { "negative_slope": decimal(f.parameter()) },
            "registered_name": null,
        }),
        other => json!(other.name()),
    }
}

/// The shortest decimal that gives these bits.
fn decimal(value: f32) -> f64 {
    format!("{value:e}").parse().unwrap_or(f64::from(value))
}
