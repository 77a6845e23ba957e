//! A model, whatever file it comes from: layers with shapes, settings and values, in the order and
//! layout of Rosenblatt (which are those of Keras).

mod build;
mod problems;

pub use build::{Builder, MOST, size};
pub use problems::Problems;

use anyhow::{Result, bail};

/// A network.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The layers from input to output; at least one
    pub layers: Vec<Layer>,
}

/// A layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Its name in the file it comes from, for messages and for Keras
    pub name: String,
    /// What it computes
    pub kind: Kind,
    /// The shape of an input sample, channels last
    pub input: Vec<usize>,
    /// The shape of an output sample, channels last
    pub output: Vec<usize>,
    /// The learnt tensors one after another, in the order of [`Layer::tensors`]
    pub params: Vec<f32>,
    /// The non-trainable tensors one after another
    pub buffers: Vec<f32>,
}

/// What a layer computes.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// y = f(x·w + b), w is `[inputs, units]`
    Dense(Activation),
    /// The kernel is `[height, width, channels, filters]`
    Conv2d(Window<2>, Activation),
    /// The kernel is `[width, channels, filters]`
    Conv1d(Window<1>, Activation),
    /// The greatest or the mean value of each window
    Pool2d(Pooling, Window<2>),
    /// The same over time steps
    Pool1d(Pooling, Window<1>),
    /// The mean over all positions: `[h, w, c]` or `[t, c]` to `[c]`
    GlobalAverage,
    /// The same values, in the order of memory, in another shape
    Reshape,
    /// An activation as a layer of its own
    Activate(Activation),
    /// Over the last axis; moving ← moving + share·(batch − moving)
    BatchNorm {
        /// ε
        epsilon: f32,
        /// 1 − Keras' momentum
        share: f32,
    },
    /// Over the last axis, with this ε
    LayerNorm(f32),
    /// Each value is dropped in training with the probability p
    Dropout {
        /// ⌊p·2³²⌋
        rate: u32,
        /// Of its random numbers
        seed: u64,
    },
    /// A recurrent layer over `[steps, values]`; `[units]` or `[steps, units]` comes out
    Recurrent(Cell),
}

/// A recurrent cell. w is `[values, gates·units]`, u is `[units, gates·units]`.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// One gate; b is `[units]`
    Simple(Activation),
    /// Gates z, r, h; b is `[2, 3·units]`: of the inputs, of the state (Keras' `reset_after`)
    Gru,
    /// Gates i, f, c, o; b is `[4·units]`
    Lstm,
}

/// How a pooling layer makes one value of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// The greatest
    Max,
    /// The mean; padded positions do not count
    Average,
}

/// A window that slides over `N` axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window<const N: usize> {
    /// Positions that it covers
    pub size: [usize; N],
    /// Distance between windows
    pub stride: [usize; N],
    /// Keras' padding "same", else "valid"
    pub same: bool,
}

/// The function at the end of a layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// y = z
    Linear,
    /// max(z, 0)
    Relu,
    /// z, or z·`num`/`den` below 0
    LeakyRelu {
        /// Numerator of the slope
        num: u32,
        /// Denominator of the slope
        den: u32,
    },
    /// 1 / (1 + e⁻ᶻ)
    Sigmoid,
    /// tanh z
    Tanh,
    /// e^zᵢ / Σ e^zⱼ over the last axis
    Softmax,
    /// 1 above 0, else 0
    Step,
}

/// A tensor of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Keras' name of it
    pub name: &'static str,
    /// Its shape in Keras
    pub shape: Vec<usize>,
    /// Whether it is learnt
    pub learnt: bool,
}

impl Tensor {
    /// The number of its values.
    pub fn size(&self) -> usize {
        self.shape.iter().product()
    }
}

impl Activation {
    /// The leaky ReLU of this slope.
    /// # Errors
    /// Unless 0 ≤ slope ≤ 1 and a fraction of two 32-bit numbers gives it exactly.
    pub fn leaky(slope: f32) -> core::result::Result<Self, String> {
        let (num, den) = fraction(slope)
            .filter(|(num, den)| num <= den)
            .ok_or_else(|| format!("the slope {slope} of a leaky ReLU is not from 0 to 1"))?;
        Ok(Self::LeakyRelu { num, den })
    }

    /// The library's name of it, which records hold.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Relu => "relu",
            Self::LeakyRelu { .. } => "leaky relu",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Softmax => "softmax",
            Self::Step => "step",
        }
    }

    /// The slope of a leaky ReLU, else 0.
    pub fn parameter(&self) -> f32 {
        match *self {
            Self::LeakyRelu { num, den } => num as f32 / den as f32,
            _ => 0.0,
        }
    }
}

/// A fraction that is `value` when it is rounded to f32: with a power of ten below it if possible,
/// as people write it, else the best by continued fractions.
pub fn fraction(value: f32) -> Option<(u32, u32)> {
    if !value.is_finite() || value < 0.0 {
        return None;
    }
    let equal = |num: u32, den: u32| (num as f32 / den as f32).to_bits() == value.to_bits();
    for digits in 0..=9 {
        let den = 10u32.pow(digits);
        let num = (f64::from(value) * f64::from(den)).round();
        if num < f64::from(u32::MAX) && equal(num as u32, den) {
            let divisor = gcd(num as u32, den);
            let (num, den) = (num as u32 / divisor, den / divisor);
            return Some(if equal(num, den) { (num, den) } else { (num * divisor, den * divisor) });
        }
    }
    let (mut x, mut before, mut last) = (f64::from(value), (0u64, 1u64), (1u64, 0u64));
    for _ in 0..40 {
        let whole = x.floor();
        let next = (
            (whole as u64).checked_mul(last.0)?.checked_add(before.0)?,
            (whole as u64).checked_mul(last.1)?.checked_add(before.1)?,
        );
        let (num, den) = (u32::try_from(next.0).ok()?, u32::try_from(next.1).ok()?);
        if den > 0 && equal(num, den) {
            return Some((num, den));
        }
        (before, last) = (last, next);
        x = 1.0 / (x - whole);
    }
    None
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}

impl Layer {
    /// The tensors of this layer in the order of Keras' `get_weights()`: the learnt ones, then the
    /// others.
    pub fn tensors(&self) -> Vec<Tensor> {
        let learnt = |name, shape| Tensor { name, shape, learnt: true };
        let moving = |name, shape| Tensor { name, shape, learnt: false };
        let channels = self.output.last().copied().unwrap_or(1);
        let inputs = self.input.last().copied().unwrap_or(1);
        let bias = learnt("bias", vec![channels]);
        match &self.kind {
            Kind::Dense(_) => vec![learnt("kernel", vec![inputs, channels]), bias],
            Kind::Conv2d(Window { size: [h, w], .. }, _) => {
                vec![learnt("kernel", vec![*h, *w, inputs, channels]), bias]
            }
            Kind::Conv1d(Window { size: [k], .. }, _) => {
                vec![learnt("kernel", vec![*k, inputs, channels]), bias]
            }
            Kind::BatchNorm { .. } => vec![
                learnt("gamma", vec![channels]),
                learnt("beta", vec![channels]),
                moving("moving_mean", vec![channels]),
                moving("moving_variance", vec![channels]),
            ],
            Kind::LayerNorm(_) => {
                vec![learnt("gamma", vec![channels]), learnt("beta", vec![channels])]
            }
            Kind::Recurrent(cell) => {
                let all = cell.gates() * channels;
                let bias = if *cell == Cell::Gru { vec![2, all] } else { vec![all] };
                vec![
                    learnt("kernel", vec![inputs, all]),
                    learnt("recurrent_kernel", vec![channels, all]),
                    learnt("bias", bias),
                ]
            }
            Kind::Pool2d(..)
            | Kind::Pool1d(..)
            | Kind::GlobalAverage
            | Kind::Reshape
            | Kind::Activate(_)
            | Kind::Dropout { .. } => Vec::new(),
        }
    }

    /// The tensors with their values.
    pub fn values(&self) -> impl Iterator<Item = (Tensor, &[f32])> {
        let (mut params, mut buffers) = (&self.params[..], &self.buffers[..]);
        self.tensors().into_iter().map(move |tensor| {
            let from = if tensor.learnt { &mut params } else { &mut buffers };
            let (values, rest) = from.split_at(tensor.size());
            *from = rest;
            (tensor, values)
        })
    }

    /// Sets the values of all tensors, in the order of [`Layer::tensors`].
    /// # Errors
    /// Names this layer, a tensor and the shapes expected and found.
    pub fn set(&mut self, values: Vec<(Vec<usize>, Vec<f32>)>) -> core::result::Result<(), String> {
        let tensors = self.tensors();
        if tensors.len() != values.len() {
            let (expected, got) = (tensors.len(), values.len());
            return Err(format!("layer {:?} has {expected} tensors, the file {got}", self.name));
        }
        let (mut params, mut buffers) = (Vec::new(), Vec::new());
        for (tensor, (shape, values)) in tensors.into_iter().zip(values) {
            if tensor.shape != shape || tensor.size() != values.len() {
                return Err(format!(
                    "layer {:?}, {}: the shape {:?} is expected, the file has {shape:?}",
                    self.name, tensor.name, tensor.shape
                ));
            }
            if let Some(index) = values.iter().position(|value| !value.is_finite()) {
                return Err(format!(
                    "layer {:?}, {}: value {index} is {}, which is not finite",
                    self.name, tensor.name, values[index]
                ));
            }
            if tensor.learnt { &mut params } else { &mut buffers }.extend(values);
        }
        (self.params, self.buffers) = (params, buffers);
        Ok(())
    }
}

impl Cell {
    /// The number of gates.
    pub const fn gates(&self) -> usize {
        match self {
            Self::Simple(_) => 1,
            Self::Gru => 3,
            Self::Lstm => 4,
        }
    }
}

impl Model {
    /// The shape of an input sample.
    pub fn input(&self) -> &[usize] {
        self.layers.first().map_or(&[], |layer| &layer.input)
    }

    /// The shape of an output sample.
    pub fn output(&self) -> &[usize] {
        self.layers.last().map_or(&[], |layer| &layer.output)
    }

    /// # Errors
    /// For the first value that is not finite.
    pub fn check_finite(&self) -> Result<()> {
        for layer in &self.layers {
            for (tensor, values) in layer.values() {
                if let Some((index, value)) = values.iter().enumerate().find(|v| !v.1.is_finite()) {
                    let (layer, name) = (&layer.name, tensor.name);
                    bail!("layer {layer:?}, {name}: value {index} is {value}, which is not finite");
                }
            }
        }
        Ok(())
    }

    /// The number of learnt values.
    pub fn params(&self) -> usize {
        self.layers.iter().map(|layer| layer.params.len()).sum()
    }
}
