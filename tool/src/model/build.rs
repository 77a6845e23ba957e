//! A model layer by layer: shapes are computed and checked.

use super::{Activation, Cell, Kind, Layer, Model, Pooling, Problems, Window};
use anyhow::Result;

/// The most values of a sample and the most weights of a network: 2²⁵, 128 MiB. A file that states
/// more is refused before memory is taken for it.
pub const MOST: usize = 1 << 25;

/// Adds layers, each on the output of the one before.
///
/// It goes on after a problem, so that [`Builder::finish`] can name them all. After a layer whose
/// output is unknown, shapes are not checked until the next [`Builder::shape`].
#[derive(Debug, Default)]
pub struct Builder {
    layers: Vec<Layer>,
    /// Weights of all layers
    weights: usize,
    shape: Option<Vec<usize>>,
    lost: bool,
    problems: Problems,
}

impl Builder {
    /// A model for samples of this shape, channels last; without one until a shape is set.
    pub fn new(input: Option<Vec<usize>>) -> Self {
        let mut builder = Self::default();
        if let Some(input) = input {
            builder.shape(input);
        }
        builder
    }

    /// The shape of the samples that go into the next layer, if it is known.
    pub fn now(&self) -> Option<&[usize]> {
        self.shape.as_deref()
    }

    /// Sets it.
    pub fn shape(&mut self, shape: Vec<usize>) {
        if !(1..=4).contains(&shape.len()) {
            self.unknown(format!("a sample of the shape {shape:?}; 1 to 4 axes are supported"));
        } else if size(&shape).is_none_or(|size| size == 0) {
            self.unknown(format!(
                "a sample of the shape {shape:?}; 1 to {MOST} values are supported"
            ));
        } else {
            self.shape = Some(shape);
        }
    }

    /// Something is wrong that is not a layer's shape: a layer that Rosenblatt does not have, …
    pub fn problem(&mut self, problem: impl Into<String>) {
        self.problems.add(problem);
    }

    /// A layer that cannot be converted: the shape behind it is unknown.
    pub fn unknown(&mut self, problem: impl Into<String>) {
        self.problem(problem);
        self.shape = None;
        self.lost = true;
    }

    /// Whether a shape is missing that nobody gave.
    pub const fn needs_shape(&self) -> bool {
        self.shape.is_none() && !self.lost
    }

    /// The layers so far.
    pub fn layers(&mut self) -> &mut [Layer] {
        &mut self.layers
    }

    /// The number of layers so far.
    pub const fn layers_so_far(&self) -> usize {
        self.layers.len()
    }

    /// A layer that keeps the number of axes or whose output follows from its input; `units` are
    /// those of a dense or recurrent layer and the filters of a convolution, else ignored. Its
    /// values are zeros until [`Layer::set`].
    pub fn push(&mut self, name: &str, kind: Kind, units: usize) {
        let Some(input) = self.shape.clone() else { return };
        if let Err(problem) = kind.check() {
            return self.unknown(format!("layer {name:?}: {problem}"));
        }
        let output = match output(&kind, &input, units) {
            Ok(output) => output,
            Err(problem) => return self.unknown(format!("layer {name:?}: {problem}")),
        };
        self.add(name, kind, input, output);
    }

    /// A recurrent layer that returns all states, or the last one.
    pub fn recurrent(&mut self, name: &str, cell: Cell, units: usize, all: bool) {
        let Some(input) = self.shape.clone() else { return };
        let &[steps, _] = &input[..] else {
            return self.unknown(format!(
                "layer {name:?}: a recurrent layer takes [steps, values], not {input:?}"
            ));
        };
        let output = if all { vec![steps, units] } else { vec![units] };
        self.add(name, Kind::Recurrent(cell), input, output);
    }

    /// A layer that gives the same values another shape.
    pub fn reshape(&mut self, name: &str, output: Vec<usize>) {
        let Some(input) = self.shape.clone() else { return };
        if size(&input) != size(&output) || output.is_empty() || output.len() > 4 {
            return self.unknown(format!(
                "layer {name:?}: the shape {input:?} does not become {output:?}"
            ));
        }
        if input != output {
            self.reshape_always(name, output);
        }
    }

    /// The same, also if the shape stays what it is.
    pub fn reshape_always(&mut self, name: &str, output: Vec<usize>) {
        let Some(input) = self.shape.clone() else { return };
        self.add(name, Kind::Reshape, input, output);
    }

    fn add(&mut self, name: &str, kind: Kind, input: Vec<usize>, output: Vec<usize>) {
        let mut layer =
            Layer { name: name.into(), kind, input, output, params: vec![], buffers: vec![] };
        if size(&layer.output).is_none_or(|size| size == 0) {
            let shape = &layer.output;
            return self
                .unknown(format!("layer {name:?}: the output {shape:?} is empty or too large"));
        }
        let tensors = layer.tensors();
        let all: Option<usize> = tensors.iter().map(|tensor| size(&tensor.shape)).sum();
        match all.map(|all| self.weights + all).filter(|all| *all <= MOST) {
            Some(all) => self.weights = all,
            None => {
                return self.unknown(format!("layer {name:?}: more than {MOST} weights in all"));
            }
        }
        for tensor in tensors {
            let values = if tensor.learnt { &mut layer.params } else { &mut layer.buffers };
            values.resize(values.len() + tensor.size(), 0.0);
        }
        self.shape = Some(layer.output.clone());
        self.layers.push(layer);
    }

    /// The model.
    /// # Errors
    /// Names every problem so far.
    pub fn finish(mut self) -> Result<Model> {
        if self.layers.is_empty() && self.problems.is_empty() {
            self.problem("there is no layer");
        }
        if self.layers.len() > 32 {
            let layers = self.layers.len();
            self.problem(format!("there are {layers} layers; a network has at most 32"));
        }
        self.problems.check()?;
        Ok(Model { layers: self.layers })
    }
}

/// The number of values of a shape, unless it is larger than [`MOST`].
pub fn size(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |all, n| all.checked_mul(*n)).filter(|all| *all <= MOST)
}

/// The shape of an output sample.
fn output(kind: &Kind, input: &[usize], units: usize) -> Result<Vec<usize>, String> {
    match (kind, input) {
        (
            Kind::Dense(activation)
            | Kind::Activate(activation)
            | Kind::Conv2d(_, activation)
            | Kind::Conv1d(_, activation),
            _,
        ) if *activation == Activation::Softmax
            && units_of(kind, input, units).is_some_and(|units| units < 2) =>
        {
            Err("a softmax over one value is always 1".into())
        }
        (Kind::Dense(_), [_]) => Ok(vec![units]),
        (Kind::Dense(_), _) => Err(format!("a dense layer takes one row of values, not {input:?}")),
        (Kind::Conv2d(window, _), [h, w, _]) => {
            let [h, w] = window.over([*h, *w])?;
            Ok(vec![h, w, units])
        }
        (Kind::Pool2d(_, window), [h, w, c]) => {
            let [h, w] = window.over([*h, *w])?;
            Ok(vec![h, w, *c])
        }
        (Kind::Conv1d(window, _), [t, _]) => {
            let [t] = window.over([*t])?;
            Ok(vec![t, units])
        }
        (Kind::Pool1d(_, window), [t, c]) => {
            let [t] = window.over([*t])?;
            Ok(vec![t, *c])
        }
        (Kind::GlobalAverage, [.., c]) if input.len() == 2 || input.len() == 3 => Ok(vec![*c]),
        (
            Kind::Activate(_) | Kind::BatchNorm { .. } | Kind::LayerNorm(_) | Kind::Dropout { .. },
            _,
        ) => Ok(input.to_vec()),
        (Kind::Conv2d(..) | Kind::Pool2d(..), _) => {
            Err(format!("it takes [height, width, channels], not {input:?}"))
        }
        (Kind::Conv1d(..) | Kind::Pool1d(..), _) => {
            Err(format!("it takes [steps, channels], not {input:?}"))
        }
        (Kind::GlobalAverage, _) => {
            Err(format!("it takes [height, width, channels] or [steps, channels], not {input:?}"))
        }
        (Kind::Reshape | Kind::Recurrent(_), _) => Err("its output is not given".into()),
    }
}

fn units_of(kind: &Kind, input: &[usize], units: usize) -> Option<usize> {
    if matches!(kind, Kind::Activate(_)) { input.last().copied() } else { Some(units) }
}

impl<const N: usize> Window<N> {
    /// The number of windows on each axis.
    fn over(&self, positions: [usize; N]) -> Result<[usize; N], String> {
        let mut windows = [0; N];
        for axis in 0..N {
            let (n, k, s) = (positions[axis], self.size[axis], self.stride[axis]);
            if k == 0 || s == 0 {
                return Err(format!("the window {:?}, stride {:?}", self.size, self.stride));
            }
            if !self.same && k > n {
                return Err(format!("a window of {:?} does not fit {positions:?}", self.size));
            }
            windows[axis] = if self.same { n.div_ceil(s) } else { (n - k) / s + 1 };
        }
        Ok(windows)
    }
}

impl Kind {
    /// The settings that the library's types accept.
    fn check(&self) -> Result<(), String> {
        match *self {
            Self::BatchNorm { epsilon, .. } | Self::LayerNorm(epsilon)
                if !(epsilon > 0.0 && epsilon.is_finite()) =>
            {
                Err(format!("epsilon is {epsilon}; a finite number above 0 is expected"))
            }
            Self::BatchNorm { share, .. } if !(1e-4..=1.0).contains(&share) => {
                Err(format!("momentum is {}; a number from 0 to 0.9999 is expected", 1.0 - share))
            }
            _ => Ok(()),
        }
    }

    /// A pooling layer over all positions of a shape.
    pub fn whole(pooling: Pooling, shape: &[usize]) -> Option<Self> {
        match *shape {
            [h, w, _] => {
                let window = Window { size: [h, w], stride: [h, w], same: false };
                Some(Self::Pool2d(pooling, window))
            }
            [t, _] => {
                let window = Window { size: [t], stride: [t], same: false };
                Some(Self::Pool1d(pooling, window))
            }
            _ => None,
        }
    }
}
