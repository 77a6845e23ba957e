//! The layers of a Keras model, from its configuration.

use super::Source;
use crate::model::{Activation, Builder, Cell, Kind, Layer, Model, Pooling, Window};
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::HashMap;

/// A configuration as layers.
pub struct Config {
    /// The network, with values of zero
    pub model: Model,
    /// Where the values of its layers are
    pub sources: Vec<Source>,
    /// What the network does not keep: penalties and dropout inside of a recurrent layer
    pub notes: Vec<String>,
}

type Outcome<T> = core::result::Result<T, String>;

/// Reads a configuration. `input` is the shape of a sample, if it leaves lengths open.
pub fn read(config: &Value, input: Option<Vec<usize>>) -> Result<Config> {
    let given = input.is_some();
    let mut reader =
        Reader { builder: Builder::new(input), given, sources: Vec::new(), notes: Vec::new() };
    reader.model(config, "", None, 0);
    let Reader { builder, sources, notes, .. } = reader;
    let model = builder.finish().context("the network cannot be converted")?;
    Ok(Config { model, sources, notes })
}

/// The sources of a network that Keras would make of these layers.
pub fn sources(model: &Model) -> Vec<Source> {
    let mut names = Names::default();
    let mut sources = Vec::new();
    for (index, layer) in model.layers.iter().enumerate() {
        let name = names.next(class(layer));
        let tensors = layer.tensors().len();
        if tensors > 0 {
            let cell = if matches!(layer.kind, Kind::Recurrent(_)) { "/cell" } else { "" };
            let group = format!("layers/{name}{cell}");
            sources.push(Source { layer: index, group, outer: name, absent: vec![None; tensors] });
        }
    }
    sources
}

/// Keras' class of a layer.
pub fn class(layer: &Layer) -> &'static str {
    match &layer.kind {
        Kind::Dense(_) => "Dense",
        Kind::Conv2d(..) => "Conv2D",
        Kind::Conv1d(..) => "Conv1D",
        Kind::Pool2d(Pooling::Max, _) => "MaxPooling2D",
        Kind::Pool2d(Pooling::Average, _) => "AveragePooling2D",
        Kind::Pool1d(Pooling::Max, _) => "MaxPooling1D",
        Kind::Pool1d(Pooling::Average, _) => "AveragePooling1D",
        Kind::GlobalAverage if layer.input.len() == 3 => "GlobalAveragePooling2D",
        Kind::GlobalAverage => "GlobalAveragePooling1D",
        Kind::Reshape if layer.output.len() == 1 => "Flatten",
        Kind::Reshape => "Reshape",
        Kind::Activate(_) => "Activation",
        Kind::BatchNorm { .. } => "BatchNormalization",
        Kind::LayerNorm(_) => "LayerNormalization",
        Kind::Dropout { .. } => "Dropout",
        Kind::Recurrent(Cell::Simple(_)) => "SimpleRNN",
        Kind::Recurrent(Cell::Gru) => "GRU",
        Kind::Recurrent(Cell::Lstm) => "LSTM",
    }
}

/// Keras' names of the layers of one model: `dense`, `dense_1`, `dense_2`, …
#[derive(Default)]
pub struct Names(HashMap<String, usize>);

impl Names {
    /// The name of the next layer of this class.
    pub fn next(&mut self, class: &str) -> String {
        let name = snake_case(class);
        let count = self.0.entry(name.clone()).or_default();
        *count += 1;
        if *count == 1 { name } else { format!("{name}_{}", *count - 1) }
    }
}

/// `BatchNormalization` as `batch_normalization`, `SimpleRNN` as `simple_rnn`, by the two regular
/// expressions of Keras: an underscore before a capital that a small letter follows, and between a
/// small letter and a capital.
fn snake_case(class: &str) -> String {
    let all: Vec<char> = class.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect();
    let mut out = String::new();
    for (i, c) in all.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|i| all.get(i));
        let after = all.get(i + 1);
        let word = after.is_some_and(char::is_ascii_lowercase);
        let end = before.is_some_and(char::is_ascii_lowercase);
        if c.is_ascii_uppercase() && before.is_some() && (word || end) && !out.ends_with('_') {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

struct Reader {
    builder: Builder,
    /// Whether the caller gave the shape of a sample
    given: bool,
    sources: Vec<Source>,
    notes: Vec<String>,
}

impl Reader {
    /// The layers of a model, or of a model inside a model.
    fn model(&mut self, config: &Value, prefix: &str, outer: Option<&str>, depth: usize) {
        let class = text(config, "class_name").unwrap_or_default();
        let inner = &config["config"];
        if depth > 8 {
            return self.builder.unknown("models are nested more than 8 deep");
        }
        if class != "Sequential" && class != "Functional" && class != "Model" {
            return self.builder.unknown(format!(
                "a model of the class {class:?}; Sequential or Functional is expected"
            ));
        }
        // The oldest files have the list of layers instead of the settings.
        let layers = inner.as_array().or_else(|| inner["layers"].as_array());
        let Some(layers) = layers else {
            return self.builder.unknown(format!("a {class} without a list of layers"));
        };
        for key in ["batch_input_shape", "build_input_shape"] {
            self.sample(&inner[key]);
        }
        let order = match class {
            "Sequential" => Ok((0..layers.len()).collect()),
            _ => chain(layers, &inner["output_layers"]),
        };
        let order: Vec<usize> = match order {
            Ok(order) => order,
            Err(problem) => {
                self.builder.problem(problem);
                // The layers are still looked at, so that all problems are named.
                (0..layers.len()).collect()
            }
        };
        // Names count in the order of the list.
        let mut names = Names::default();
        let names: Vec<String> = layers
            .iter()
            .map(|layer| names.next(text(layer, "class_name").unwrap_or_default()))
            .collect();
        for index in order {
            let (layer, group) = (&layers[index], format!("{prefix}layers/{}", names[index]));
            let name = text(layer, "name").or_else(|| text(&layer["config"], "name"));
            let name = name.unwrap_or(&names[index]).to_owned();
            let outer = outer.unwrap_or(&name).to_owned();
            match text(layer, "class_name").unwrap_or_default() {
                "Sequential" | "Functional" | "Model" => {
                    self.model(layer, &format!("{group}/"), Some(&outer), depth + 1);
                }
                class => {
                    for key in ["batch_shape", "batch_input_shape"] {
                        self.sample(&layer["config"][key]);
                    }
                    let added = self.layer(class, &name, &group, &outer, &layer["config"]);
                    if let Err(problem) = added {
                        self.builder.unknown(format!("layer {name:?} ({class}): {problem}"));
                    }
                }
            }
        }
    }

    /// The shape of a sample, from `[null, …]`.
    fn sample(&mut self, shape: &Value) {
        if self.given || self.builder.now().is_some() || self.builder.layers_so_far() > 0 {
            return;
        }
        let Some([_, sample @ ..]) = shape.as_array().map(Vec::as_slice) else { return };
        let lengths: Option<Vec<usize>> = sample.iter().map(length).collect();
        match lengths {
            Some(lengths) => self.builder.shape(lengths),
            None => {
                self.given = true;
                self.builder.problem(format!(
                    "a sample has the shape {shape}, with open lengths: give it with --input, as \
                     in --input 28,28,1"
                ));
            }
        }
    }

    fn layer(
        &mut self,
        class: &str,
        name: &str,
        group: &str,
        outer: &str,
        config: &Value,
    ) -> Outcome<()> {
        if class != "InputLayer" && self.builder.needs_shape() && !self.given {
            self.given = true;
            self.builder.problem(
                "the shape of a sample is not in the file: give it with --input, as in --input \
                 28,28,1",
            );
        }
        let before = self.builder.layers_so_far();
        let yes = |key: &str| config[key].as_bool().unwrap_or(true);
        let no = |key: &str| !config[key].as_bool().unwrap_or(false);
        let require = |right: bool, key: &str, what: &str| {
            let message = || format!("{key} is {}; {what} is expected", config[key]);
            if right { Ok(()) } else { Err(message()) }
        };
        let last = |key: &str| require(config[key] != "channels_first", key, "channels_last");
        let one = |key: &str| {
            let right = match &config[key] {
                Value::Array(all) => all.iter().all(|n| *n == 1),
                Value::Null => true,
                n => *n == 1,
            };
            require(right, key, "1")
        };
        let mut absent = Vec::new();
        let mut cell = "";
        match class {
            "InputLayer" => return Ok(()),
            "Dense" => {
                let activation = activation(&config["activation"])?;
                // On each step or position it is a convolution with a window of one.
                let kind = match self.builder.now().map(<[usize]>::len) {
                    Some(2) => {
                        let window = Window { size: [1], stride: [1], same: false };
                        Kind::Conv1d(window, activation)
                    }
                    Some(3) => {
                        let window = Window { size: [1; 2], stride: [1; 2], same: false };
                        Kind::Conv2d(window, activation)
                    }
                    _ => Kind::Dense(activation),
                };
                self.builder.push(name, kind, units(config, "units")?);
                absent = vec![None, unless(yes("use_bias"), 0.0)];
            }
            "Conv2D" | "Conv1D" => {
                all([last("data_format"), one("dilation_rate"), one("groups")])?;
                let activation = activation(&config["activation"])?;
                let kind = if class == "Conv2D" {
                    Kind::Conv2d(window(config, "kernel_size", false)?, activation)
                } else {
                    Kind::Conv1d(window(config, "kernel_size", false)?, activation)
                };
                self.builder.push(name, kind, units(config, "filters")?);
                absent = vec![None, unless(yes("use_bias"), 0.0)];
            }
            "MaxPooling2D" | "AveragePooling2D" => {
                last("data_format")?;
                let kind = Kind::Pool2d(pooling(class), window(config, "pool_size", true)?);
                self.builder.push(name, kind, 0);
            }
            "MaxPooling1D" | "AveragePooling1D" => {
                last("data_format")?;
                let kind = Kind::Pool1d(pooling(class), window(config, "pool_size", true)?);
                self.builder.push(name, kind, 0);
            }
            "GlobalAveragePooling2D" | "GlobalAveragePooling1D" => {
                last("data_format")?;
                let rank = self.builder.now().map(<[usize]>::len);
                self.builder.push(name, Kind::GlobalAverage, 0);
                if let (false, Some(rank), Some([c])) = (no("keepdims"), rank, self.builder.now()) {
                    let mut kept = vec![1; rank];
                    kept[rank - 1] = *c;
                    self.builder.reshape(name, kept);
                }
            }
            "GlobalMaxPooling2D" | "GlobalMaxPooling1D" => {
                last("data_format")?;
                if let Some(kind) =
                    self.builder.now().and_then(|now| Kind::whole(Pooling::Max, now))
                {
                    self.builder.push(name, kind, 0);
                }
                if no("keepdims") {
                    self.flatten(name);
                }
            }
            "Flatten" => {
                last("data_format")?;
                self.flatten(name);
            }
            "Reshape" => self.reshape(name, &config["target_shape"])?,
            "Activation" => {
                let kind = Kind::Activate(activation(&config["activation"])?);
                self.builder.push(name, kind, 0);
            }
            "ReLU" | "LeakyReLU" | "Softmax" | "Sigmoid" => {
                let kind = Kind::Activate(activation_of(class, config)?);
                self.builder.push(name, kind, 0);
            }
            "BatchNormalization" => {
                self.last_axis(&config["axis"])?;
                require(no("renorm"), "renorm", "false")?;
                let epsilon = number(config, "epsilon", 1e-3)? as f32;
                let share = (1.0 - number(config, "momentum", 0.99)?) as f32;
                self.builder.push(name, Kind::BatchNorm { epsilon, share }, 0);
                absent = vec![unless(yes("scale"), 1.0), unless(yes("center"), 0.0), None, None];
            }
            "LayerNormalization" => {
                self.last_axis(&config["axis"])?;
                require(no("rms_scaling"), "rms_scaling", "false")?;
                let epsilon = number(config, "epsilon", 1e-3)? as f32;
                self.builder.push(name, Kind::LayerNorm(epsilon), 0);
                absent = vec![unless(yes("scale"), 1.0), unless(yes("center"), 0.0)];
            }
            "Dropout" => {
                let rate = number(config, "rate", 0.0)?;
                require((0.0..1.0).contains(&rate), "rate", "a number from 0 to below 1")?;
                let rate = (rate * 4_294_967_296.0) as u32;
                self.builder.push(name, Kind::Dropout { rate, seed: 0 }, 0);
            }
            "SimpleRNN" | "GRU" | "LSTM" => {
                let inner = activation(&config["activation"]);
                let is = |key: &str, expected: Activation, what: &str| {
                    let right = class == "SimpleRNN" || activation(&config[key]) == Ok(expected);
                    require(right, key, what)
                };
                all([
                    require(no("go_backwards"), "go_backwards", "false"),
                    require(no("stateful"), "stateful", "false"),
                    require(no("return_state"), "return_state", "false"),
                    require(class != "GRU" || yes("reset_after"), "reset_after", "true"),
                    is("activation", Activation::Tanh, "\"tanh\""),
                    is("recurrent_activation", Activation::Sigmoid, "\"sigmoid\""),
                ])?;
                let kind = match class {
                    "SimpleRNN" => Cell::Simple(inner?),
                    "GRU" => Cell::Gru,
                    _ => Cell::Lstm,
                };
                let all = !no("return_sequences");
                self.builder.recurrent(name, kind, units(config, "units")?, all);
                absent = vec![None, None, unless(yes("use_bias"), 0.0)];
                cell = "/cell";
                for key in ["dropout", "recurrent_dropout"] {
                    if number(config, key, 0.0)? > 0.0 {
                        self.notes.push(format!("layer {name:?}: {key} is left out"));
                    }
                }
            }
            _ => return Err("Rosenblatt has no such layer".into()),
        }
        // A policy is an object with a name; a layer of one type has the type's name.
        let policy = config["dtype"].as_str().or_else(|| text(&config["dtype"]["config"], "name"));
        if let Some(policy) = policy.filter(|policy| *policy != "float32") {
            self.notes.push(format!(
                "layer {name:?}: Keras computes it in {policy}, Rosenblatt in float32: predictions \
                 differ"
            ));
        }
        for key in ["kernel", "bias", "activity", "recurrent", "beta", "gamma"] {
            let key = format!("{key}_regularizer");
            if !config[&key].is_null() {
                self.notes.push(format!("layer {name:?}: {key} is left out: write Regularized<…>"));
            }
        }
        if !absent.is_empty() && self.builder.layers_so_far() > before {
            let (group, outer) = (format!("{group}{cell}"), outer.to_owned());
            self.sources.push(Source { layer: before, group, outer, absent });
        }
        Ok(())
    }

    fn flatten(&mut self, name: &str) {
        if let Some(size) = self.builder.now().and_then(crate::model::size) {
            self.builder.reshape(name, vec![size]);
        }
    }

    fn reshape(&mut self, name: &str, target: &Value) -> Outcome<()> {
        let Some(now) = self.builder.now() else { return Ok(()) };
        let size = crate::model::size(now).unwrap_or_default();
        let wrong = || format!("target_shape is {target}");
        let lengths = target.as_array().ok_or_else(wrong)?;
        let known: Vec<usize> = lengths.iter().filter_map(length).collect();
        let known = crate::model::size(&known).filter(|known| *known > 0).ok_or_else(wrong)?;
        let open = lengths.iter().filter(|n| n.as_i64() == Some(-1)).count();
        if open > 1 {
            return Err(wrong());
        }
        let shape: Option<Vec<usize>> = lengths
            .iter()
            .map(|n| if n.as_i64() == Some(-1) { Some(size / known) } else { length(n) })
            .collect();
        self.builder.reshape(name, shape.ok_or_else(wrong)?);
        Ok(())
    }

    /// An axis that must be the last one: −1, its number with the batch as axis 0, or a list of it.
    fn last_axis(&self, axis: &Value) -> Outcome<()> {
        let axis = match axis {
            Value::Array(all) if all.len() == 1 => &all[0],
            other => other,
        };
        let rank = self.builder.now().map(<[usize]>::len);
        match axis.as_i64() {
            Some(-1) => Ok(()),
            None if axis.is_null() => Ok(()),
            Some(axis) if rank.is_none_or(|rank| axis == rank as i64) => Ok(()),
            _ => Err(format!("axis is {axis}; the last one is expected")),
        }
    }
}

/// The indices of the layers of a functional model from its input to its output.
fn chain(layers: &[Value], outputs: &Value) -> Outcome<Vec<usize>> {
    let name = |layer: &Value| {
        text(layer, "name")
            .or_else(|| text(&layer["config"], "name"))
            .unwrap_or_default()
            .to_owned()
    };
    let names: Vec<String> = layers.iter().map(name).collect();
    let mut next: HashMap<String, usize> = HashMap::new();
    let mut start = None;
    for (index, layer) in layers.iter().enumerate() {
        let mut from = Vec::new();
        origins(&layer["inbound_nodes"], &mut from, 0);
        match &from[..] {
            [] if start.is_none() => start = Some(index),
            [] => return Err(format!("the model has two inputs: {:?} too", names[index])),
            [one] => {
                if next.insert(one.clone(), index).is_some() {
                    return Err(format!(
                        "two layers take the output of {one:?}; a chain is expected"
                    ));
                }
            }
            several => {
                let name = &names[index];
                return Err(format!("layer {name:?} takes the outputs of {several:?}, not of one"));
            }
        }
    }
    let mut order = Vec::new();
    let mut now = start.ok_or("the model has no input")?;
    while order.len() < layers.len() {
        order.push(now);
        match next.get(&names[now]) {
            Some(after) => now = *after,
            None => break,
        }
    }
    if order.len() != layers.len() {
        return Err("the layers are not one chain from the input to the output".into());
    }
    let (mut given, mut last) = (Vec::new(), order.last().map(|last| &names[*last]));
    origins(outputs, &mut given, 0);
    // Files that name no output have that of the last layer.
    if given.iter().any(|name| last.take() != Some(name)) {
        return Err(format!(
            "the model gives the outputs of {given:?}; that of the last layer alone is expected"
        ));
    }
    Ok(order)
}

/// The names of the layers whose outputs a layer takes.
fn origins(nodes: &Value, from: &mut Vec<String>, depth: usize) {
    if depth > 12 {
        return;
    }
    match nodes {
        // Keras 2: ["name", 0, 0, {}]
        Value::Array(all) => match &all[..] {
            [Value::String(name), Value::Number(_), Value::Number(_), ..] => {
                from.push(name.clone())
            }
            all => all.iter().for_each(|node| origins(node, from, depth + 1)),
        },
        Value::Object(map) => match map.get("keras_history").and_then(Value::as_array) {
            Some(history) => {
                from.extend(history.first().and_then(Value::as_str).map(str::to_owned))
            }
            None => map.values().for_each(|node| origins(node, from, depth + 1)),
        },
        _ => {}
    }
}

/// All that is wrong with the settings of a layer.
fn all<const N: usize>(settings: [Outcome<()>; N]) -> Outcome<()> {
    let wrong: Vec<String> = settings.into_iter().filter_map(Result::err).collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value[key].as_str()
}

fn length(value: &Value) -> Option<usize> {
    usize::try_from(value.as_u64()?).ok()
}

const fn unless(there: bool, value: f32) -> Option<f32> {
    if there { None } else { Some(value) }
}

fn units(config: &Value, key: &str) -> Outcome<usize> {
    length(&config[key]).ok_or_else(|| format!("{key} is {}; a number is expected", config[key]))
}

fn number(config: &Value, key: &str, default: f64) -> Outcome<f64> {
    match &config[key] {
        Value::Null => Ok(default),
        value => value.as_f64().ok_or_else(|| format!("{key} is {value}; a number is expected")),
    }
}

fn pooling(class: &str) -> Pooling {
    if class.starts_with("Max") { Pooling::Max } else { Pooling::Average }
}

/// Lengths of a window: one number for all axes, or one for each.
fn lengths<const N: usize>(config: &Value, key: &str) -> Outcome<[usize; N]> {
    let wrong = || format!("{key} is {}; {N} numbers are expected", config[key]);
    match &config[key] {
        Value::Array(all) => {
            let all: Option<Vec<usize>> = all.iter().map(length).collect();
            all.and_then(|all| all.try_into().ok()).ok_or_else(wrong)
        }
        value => Ok([length(value).ok_or_else(wrong)?; N]),
    }
}

/// A window; without strides the window itself is the stride of a pooling layer.
fn window<const N: usize>(config: &Value, size: &str, pool: bool) -> Outcome<Window<N>> {
    let window = lengths(config, size)?;
    let stride = match &config["strides"] {
        Value::Null if pool => window,
        Value::Null => [1; N],
        _ => lengths(config, "strides")?,
    };
    let same = match text(config, "padding").unwrap_or("valid") {
        "valid" => false,
        "same" => true,
        other => return Err(format!("padding is {other:?}; \"valid\" or \"same\" is expected")),
    };
    Ok(Window { size: window, stride, same })
}

/// An activation: a name, or an object with a name and settings.
fn activation(value: &Value) -> Outcome<Activation> {
    match value {
        Value::Null => Ok(Activation::Linear),
        Value::String(name) => activation_of(name, &Value::Null),
        Value::Object(_) => match (text(value, "class_name"), &value["config"]) {
            (Some("function"), Value::String(name)) => activation_of(name, &Value::Null),
            (Some(class), config) => activation_of(class, config),
            _ => Err(format!("the activation {value}")),
        },
        _ => Err(format!("the activation {value}")),
    }
}

/// The activation of this name, or of the layer of this class.
fn activation_of(name: &str, config: &Value) -> Outcome<Activation> {
    let slope = |key: &str, default: f64| match &config[key] {
        Value::Array(all) if all.len() == 1 => all[0].as_f64().unwrap_or(f64::NAN),
        value => value.as_f64().unwrap_or(default),
    };
    match name {
        "linear" => Ok(Activation::Linear),
        "relu" => Ok(Activation::Relu),
        "sigmoid" | "Sigmoid" => Ok(Activation::Sigmoid),
        "tanh" => Ok(Activation::Tanh),
        "softmax" => Ok(Activation::Softmax),
        "leaky_relu" => Activation::leaky(0.2),
        // Its slope is `alpha` in Keras 2.
        "LeakyReLU" => Activation::leaky(slope("negative_slope", slope("alpha", 0.3)) as f32),
        "ReLU" => {
            if config["max_value"].as_f64().is_some() || slope("threshold", 0.0) != 0.0 {
                return Err("a ReLU with max_value or threshold".into());
            }
            match slope("negative_slope", 0.0) {
                0.0 => Ok(Activation::Relu),
                slope => Activation::leaky(slope as f32),
            }
        }
        "Softmax" if matches!(config["axis"].as_i64(), None | Some(-1)) => Ok(Activation::Softmax),
        "Softmax" => {
            Err(format!("a softmax over axis {}; the last one is expected", config["axis"]))
        }
        _ => Err(format!("Rosenblatt has no activation {name:?}")),
    }
}
