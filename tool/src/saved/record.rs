//! The record of a layer: the table in the documentation of `rosenblatt::layer::Record`.

use crate::model::{Activation, Builder, Cell, Kind, Layer, Pooling, Window, size};
use rosenblatt_kernels::persist::{FNV, fnv, name_code};

/// What the hash of each further layer is multiplied by.
pub const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// The hash of one record.
pub fn hash(words: &[u32]) -> u64 {
    words.iter().fold(FNV, |hash, word| fnv(hash, &word.to_le_bytes()))
}

/// The record of a layer.
pub fn words(layer: &Layer) -> Vec<u32> {
    let activation = activation(&layer.kind);
    let mut words = vec![
        0,
        name_code(name(layer)),
        activation.map_or(0, |activation| name_code(activation.name())),
        activation.map_or(0.0, |activation| activation.parameter()).to_bits(),
    ];
    for shape in [&layer.input, &layer.output] {
        words.push(shape.len() as u32);
        words.extend(shape.iter().map(|n| *n as u32));
    }
    match &layer.kind {
        Kind::Conv2d(window, _) | Kind::Pool2d(_, window) => words.extend(window.numbers()),
        Kind::Conv1d(window, _) | Kind::Pool1d(_, window) => words.extend(window.numbers()),
        Kind::BatchNorm { epsilon, share } => words.extend([epsilon.to_bits(), share.to_bits()]),
        Kind::LayerNorm(epsilon) => words.push(epsilon.to_bits()),
        Kind::Dropout { rate, seed } => words.extend([*rate, *seed as u32, (*seed >> 32) as u32]),
        Kind::Dense(_)
        | Kind::GlobalAverage
        | Kind::Reshape
        | Kind::Activate(_)
        | Kind::Recurrent(_) => {}
    }
    words[0] = words.len() as u32;
    words
}

/// The activation at the end of a layer, if its record states one.
fn activation(kind: &Kind) -> Option<Activation> {
    match kind {
        Kind::Dense(activation)
        | Kind::Conv2d(_, activation)
        | Kind::Conv1d(_, activation)
        | Kind::Activate(activation)
        | Kind::Recurrent(Cell::Simple(activation)) => Some(*activation),
        Kind::Recurrent(_) => Some(Activation::Tanh),
        _ => None,
    }
}

/// The library's name of a layer.
pub fn name(layer: &Layer) -> &'static str {
    match &layer.kind {
        Kind::Dense(_) => "Dense",
        Kind::Conv2d(..) => "Conv2d",
        Kind::Conv1d(..) => "Conv1d",
        Kind::Pool2d(Pooling::Max, _) => "MaxPool2d",
        Kind::Pool2d(Pooling::Average, _) => "AvgPool2d",
        Kind::Pool1d(Pooling::Max, _) => "MaxPool1d",
        Kind::Pool1d(Pooling::Average, _) => "AvgPool1d",
        Kind::GlobalAverage if layer.input.len() == 3 => "GlobalAvgPool2d",
        Kind::GlobalAverage => "GlobalAvgPool1d",
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

impl<const N: usize> Window<N> {
    fn numbers(&self) -> impl Iterator<Item = u32> {
        let lengths = self.size.into_iter().chain(self.stride).map(|n| n as u32);
        lengths.chain([u32::from(self.same)])
    }
}

/// A record as it is read.
pub struct Record {
    kind: u32,
    activation: Option<Activation>,
    input: Vec<usize>,
    output: Vec<usize>,
    numbers: Vec<u32>,
}

impl Record {
    /// The parts of a record; lengths that are missing are left out.
    pub fn parse(words: &[u32]) -> Self {
        let mut words = words.iter().copied().skip(1);
        let mut next = || words.next().unwrap_or_default();
        let (kind, name, parameter) = (next(), next(), f32::from_bits(next()));
        let activation = match name {
            0 => Some(Activation::Linear),
            name if name == name_code("linear") => Some(Activation::Linear),
            name if name == name_code("relu") => Some(Activation::Relu),
            name if name == name_code("leaky relu") => Activation::leaky(parameter).ok(),
            name if name == name_code("sigmoid") => Some(Activation::Sigmoid),
            name if name == name_code("tanh") => Some(Activation::Tanh),
            name if name == name_code("softmax") => Some(Activation::Softmax),
            name if name == name_code("step") => Some(Activation::Step),
            _ => None,
        };
        let mut shape = || {
            let rank = words.next().unwrap_or_default().min(8);
            words.by_ref().take(rank as usize).map(|n| n as usize).collect()
        };
        let (input, output) = (shape(), shape());
        Self { kind, activation, input, output, numbers: words.collect() }
    }

    /// Adds the layer of this record.
    pub fn add(self, builder: &mut Builder) {
        let index = builder.layers().len();
        let name = format!("layer_{index}");
        let is = |name: &str| self.kind == name_code(name);
        let Some(activation) = self.activation else {
            return builder.unknown(format!("layer {index} has an unknown activation"));
        };
        match builder.now() {
            Some(shape) if shape != self.input => {
                let shape = shape.to_vec();
                return builder.unknown(format!(
                    "layer {index} takes {:?}; the layer before it gives {shape:?}",
                    self.input
                ));
            }
            _ => builder.shape(self.input.clone()),
        }
        let units = self.output.last().copied().unwrap_or_default();
        let n = |i: usize| self.numbers.get(i).map_or(0, |n| *n as usize);
        let bits = |i: usize| f32::from_bits(n(i) as u32);
        let two = Window { size: [n(0), n(1)], stride: [n(2), n(3)], same: n(4) != 0 };
        let one = Window { size: [n(0)], stride: [n(1)], same: n(2) != 0 };
        let recurrent = |cell| Some(Kind::Recurrent(cell));
        let kind = match () {
            () if is("Dense") => Some(Kind::Dense(activation)),
            () if is("Conv2d") => Some(Kind::Conv2d(two, activation)),
            () if is("Conv1d") => Some(Kind::Conv1d(one, activation)),
            () if is("MaxPool2d") => Some(Kind::Pool2d(Pooling::Max, two)),
            () if is("AvgPool2d") => Some(Kind::Pool2d(Pooling::Average, two)),
            () if is("MaxPool1d") => Some(Kind::Pool1d(Pooling::Max, one)),
            () if is("AvgPool1d") => Some(Kind::Pool1d(Pooling::Average, one)),
            () if is("GlobalAvgPool2d") || is("GlobalAvgPool1d") => Some(Kind::GlobalAverage),
            () if is("Flatten") || is("Reshape") => Some(Kind::Reshape),
            () if is("Activation") => Some(Kind::Activate(activation)),
            () if is("BatchNormalization") => {
                Some(Kind::BatchNorm { epsilon: bits(0), share: bits(1) })
            }
            () if is("LayerNormalization") => Some(Kind::LayerNorm(bits(0))),
            () if is("Dropout") => {
                let seed = n(1) as u64 | (n(2) as u64) << 32;
                Some(Kind::Dropout { rate: n(0) as u32, seed })
            }
            () if is("SimpleRNN") => recurrent(Cell::Simple(activation)),
            () if is("GRU") => recurrent(Cell::Gru),
            () if is("LSTM") => recurrent(Cell::Lstm),
            () => None,
        };
        match kind {
            None => builder.unknown(format!(
                "layer {index} is of the unknown kind {:08x}, perhaps a layer of one's own",
                self.kind
            )),
            Some(Kind::Recurrent(cell)) => {
                builder.recurrent(&name, cell, units, self.output.len() == 2);
            }
            // Also where both shapes are equal: the record says that there is a layer.
            Some(Kind::Reshape) if size(&self.input) == size(&self.output) => {
                builder.reshape_always(&name, self.output.clone());
            }
            Some(kind) => builder.push(&name, kind, units),
        }
        let found = builder.now().map(<[usize]>::to_vec);
        if found.as_ref().is_some_and(|found| *found != self.output) {
            builder.unknown(format!(
                "layer {index} gives {found:?}; its record says {:?}",
                self.output
            ));
        }
    }
}
