//! A model as Rust: the network's type, and a module with its weights.

use crate::model::{Activation, Cell, Kind, Layer, Model, Pooling, Window};
use anyhow::{Result, bail};
use std::fmt::Write;

/// How names are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// `Dense<2, 8, Tanh>`, for people
    Short,
    /// `::rosenblatt::layer::Dense<…>`, right in every module
    Full,
}

/// The network's type.
pub fn net(model: &Model, names: Names) -> String {
    let path = if names == Names::Full { "::rosenblatt::" } else { "" };
    let layers: Vec<String> = model.layers.iter().map(|layer| type_of(layer, names)).collect();
    match (&layers[..], names) {
        ([one], _) => format!("{path}Sequential<({one},)>"),
        (all, Names::Short) => format!("{path}Sequential<({})>", all.join(", ")),
        (all, Names::Full) => format!("{path}Sequential<(\n    {},\n)>", all.join(",\n    ")),
    }
}

/// A layer's type. Parameters that have their defaults at the end are left out.
pub fn type_of(layer: &Layer, names: Names) -> String {
    let in_layer = |name: &str| match names {
        Names::Short => name.to_owned(),
        Names::Full => format!("::rosenblatt::layer::{name}"),
    };
    let shape = |shape: &[usize]| match *shape {
        [t, c] => in_layer(&format!("Signal<{t}, {c}>")),
        [h, w, c] => in_layer(&format!("Map<{h}, {w}, {c}>")),
        [a, b, c, d] => format!("[[[[f32; {d}]; {c}]; {b}]; {a}]"),
        [n, ..] => format!("[f32; {n}]"),
        [] => String::new(),
    };
    let number = |n: usize| n.to_string();
    let (x, y) = (shape(&layer.input), shape(&layer.output));
    let i = layer.input.last().copied().unwrap_or_default();
    let o = layer.output.last().copied().unwrap_or_default();
    let same = |same: bool| in_layer(if same { "Same" } else { "Valid" });
    let valid = in_layer("Valid");
    let linear = activation(Activation::Linear, names);
    let (name, arguments, defaults) = match &layer.kind {
        Kind::Dense(f) => {
            ("Dense", vec![number(i), number(o), activation(*f, names)], vec![linear])
        }
        Kind::Conv2d(Window { size: [h, w], stride: [down, across], same: padded }, f) => (
            "Conv2d",
            vec![
                x,
                y,
                number(*h),
                number(*w),
                activation(*f, names),
                same(*padded),
                number(*down),
                number(*across),
            ],
            vec![linear, valid, number(1), number(*down)],
        ),
        Kind::Conv1d(Window { size: [k], stride: [stride], same: padded }, f) => (
            "Conv1d",
            vec![x, y, number(*k), activation(*f, names), same(*padded), number(*stride)],
            vec![linear, valid, number(1)],
        ),
        Kind::Pool2d(pooling, Window { size: [h, w], stride: [down, across], same: padded }) => {
            let name = if *pooling == Pooling::Max { "MaxPool2d" } else { "AvgPool2d" };
            let window = [*h, *w].map(number);
            let arguments =
                [vec![x, y], window.to_vec(), vec![same(*padded), number(*down), number(*across)]];
            // The stride's default is the window, or the first stride if that is given.
            let defaults = if (down, across) == (h, w) {
                vec![number(*h), valid, number(*down), number(*across)]
            } else {
                vec![number(*h), valid, String::new(), number(*down)]
            };
            (name, arguments.concat(), defaults)
        }
        Kind::Pool1d(pooling, Window { size: [k], stride: [stride], same: padded }) => (
            if *pooling == Pooling::Max { "MaxPool1d" } else { "AvgPool1d" },
            vec![x, y, number(*k), same(*padded), number(*stride)],
            vec![valid, number(*k)],
        ),
        Kind::GlobalAverage if layer.input.len() == 3 => ("GlobalAvgPool2d", vec![x], vec![]),
        Kind::GlobalAverage => ("GlobalAvgPool1d", vec![x], vec![]),
        Kind::Reshape if layer.output.len() == 1 => ("Flatten", vec![x, number(o)], vec![]),
        Kind::Reshape => ("Reshape", vec![x, y], vec![]),
        Kind::Activate(f) => ("Activate", vec![x, activation(*f, names)], vec![]),
        Kind::BatchNorm { epsilon, share } => {
            let arguments = vec![x, in_braces("epsilon", *epsilon, names), momentum(*share, names)];
            let defaults = vec![in_braces("epsilon", 1e-3, names), momentum(0.01, names)];
            ("BatchNorm", arguments, defaults)
        }
        Kind::LayerNorm(epsilon) => (
            "LayerNorm",
            vec![x, in_braces("epsilon", *epsilon, names)],
            vec![in_braces("epsilon", 1e-3, names)],
        ),
        Kind::Dropout { rate, seed } => {
            ("Dropout", vec![x, dropout(*rate, names), seed.to_string()], vec![number(0)])
        }
        Kind::Recurrent(cell) => {
            let all = layer.output.len() == 2;
            let returns = in_layer(if all { "All" } else { "Last" });
            let last = in_layer("Last");
            let steps = layer.input.first().copied().unwrap_or_default();
            let lengths = [i, o, steps].map(number).to_vec();
            match cell {
                Cell::Simple(f) => (
                    "Rnn",
                    [lengths, vec![activation(*f, names), returns]].concat(),
                    vec![activation(Activation::Tanh, names), last],
                ),
                Cell::Gru => ("Gru", [lengths, vec![returns]].concat(), vec![last]),
                Cell::Lstm => ("Lstm", [lengths, vec![returns]].concat(), vec![last]),
            }
        }
    };
    let mut arguments = arguments;
    for default in defaults.iter().rev() {
        if arguments.last() != Some(default) {
            break;
        }
        arguments.pop();
    }
    format!("{}<{}>", in_layer(name), arguments.join(", "))
}

fn activation(activation: Activation, names: Names) -> String {
    let name = match activation {
        Activation::Linear => "Linear".to_owned(),
        Activation::Relu => "Relu".to_owned(),
        Activation::LeakyRelu { num, den } => format!("LeakyRelu<{num}, {den}>"),
        Activation::Sigmoid => "Sigmoid".to_owned(),
        Activation::Tanh => "Tanh".to_owned(),
        Activation::Softmax => "Softmax".to_owned(),
        Activation::Step => "Step".to_owned(),
    };
    if names == Names::Full { format!("::rosenblatt::activation::{name}") } else { name }
}

/// `{ function(value) }`: the shortest number that is this f32.
fn in_braces(function: &str, value: impl std::fmt::Debug, names: Names) -> String {
    let path = if names == Names::Full { "::rosenblatt::layer::" } else { "" };
    format!("{{ {path}{function}({value:?}) }}")
}

/// Keras' momentum with the fewest digits that gives this share.
fn momentum(share: f32, names: Names) -> String {
    let exact = 1.0 - f64::from(share);
    let rounded = (1..17).map(|digits| format!("{exact:.digits$}")).find_map(|text| {
        let value: f64 = text.parse().ok()?;
        (((1.0 - value) as f32).to_bits() == share.to_bits()).then_some(value)
    });
    in_braces("momentum", rounded.unwrap_or(exact), names)
}

/// The probability with the fewest digits that gives this rate.
fn dropout(rate: u32, names: Names) -> String {
    const ALL: f64 = 4_294_967_296.0;
    let exact = (f64::from(rate) + 0.5) / ALL;
    let rounded = (0..12).map(|digits| format!("{exact:.digits$}")).find_map(|text| {
        let value: f64 = text.parse().ok()?;
        ((value * ALL) as u32 == rate && value < 1.0).then_some(value)
    });
    in_braces("rate", rounded.unwrap_or(exact), names)
}

/// A module with the type `NAME` and a static of the name in capitals that holds the weights. It
/// stands alone: `include!` it or put it into a file of its own.
/// # Errors
/// For a name that is no type's name, and for values that are not finite.
pub fn module(model: &Model, name: &str, source: &str) -> Result<String> {
    model.check_finite()?;
    let valid = name != "Self"
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric());
    if !valid {
        bail!("{name:?} is no name for a type; one like \"Digits\" is expected");
    }
    let mut constant = String::new();
    for (i, c) in name.chars().enumerate() {
        if i > 0 && c.is_ascii_uppercase() {
            constant.push('_');
        }
        constant.push(c.to_ascii_uppercase());
    }
    let mut out = String::new();
    let source = source.replace(|c: char| c.is_control(), " ");
    writeln!(out, "// Made from {source} by `rosenblatt convert`. Changes here are lost.\n")?;
    writeln!(
        out,
        "/// {:?} to {:?}, {} parameters.",
        model.input(),
        model.output(),
        model.params()
    )?;
    writeln!(out, "pub type {name} = {};\n", net(model, Names::Full))?;
    writeln!(out, "/// The network with its weights. It lies in flash.")?;
    writeln!(out, "#[rustfmt::skip]")?;
    writeln!(
        out,
        "#[allow(clippy::all, reason = \"the shortest decimals that give these bits\")]"
    )?;
    writeln!(out, "pub static {constant}: {name} = {name}::from_weights([")?;
    list(&mut out, model, true)?;
    writeln!(out, "], [")?;
    list(&mut out, model, false)?;
    writeln!(out, "]);")?;
    Ok(out)
}

/// The learnt values, or the others, tensor by tensor.
fn list(out: &mut String, model: &Model, learnt: bool) -> Result<()> {
    for (index, layer) in model.layers.iter().enumerate() {
        for (tensor, values) in layer.values().filter(|(tensor, _)| tensor.learnt == learnt) {
            writeln!(out, "    // layer {index}, {}: {:?}", tensor.name, tensor.shape)?;
            for line in values.chunks(8) {
                let line: Vec<String> = line.iter().map(|value| format!("{value:?}")).collect();
                writeln!(out, "    {},", line.join(", "))?;
            }
        }
    }
    Ok(())
}
