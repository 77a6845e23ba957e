//! A chain of layers, as the graph of another format states it: one tensor after another, whose
//! axes the file may order otherwise.
//!
//! A file's reshapes and transpositions do not move values. They change the [`View`] of the sample
//! only. A layer asks for the axes that it needs, in the order of Rosenblatt (channels last). The
//! first layer decides so how a sample of the model lies in memory: a convolution of ONNX that
//! takes `[1, channels, height, width]` makes it `[height, width, channels]`.
//!
//! A graph is evaluated for one sample: the axis of samples has the size 1.

mod affine;
mod moments;
mod view;

pub use moments::{Moment, Operand, Operator, Outcome};
pub use view::View;

use affine::repeated;

use crate::channels_first;
use crate::model::{Activation, Builder, Cell, Kind, Model, Pooling, Window};
use anyhow::Result;

/// Why a step could not be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// What is wrong
    Is(String),
    /// It has been recorded already
    Known,
}

impl From<String> for Fault {
    fn from(problem: String) -> Self {
        Self::Is(problem)
    }
}

impl From<&str> for Fault {
    fn from(problem: &str) -> Self {
        Self::Is(problem.into())
    }
}

/// The result of a step.
pub type Step<T = View> = Result<T, Fault>;

/// A tensor's shape and values.
pub type Values = (Vec<usize>, Vec<f32>);

/// The most layers of a network; [`Builder::finish`] says so.
const LAYERS: usize = 32;

/// The layers so far, and what is known of the tensor behind them.
#[derive(Debug, Default)]
pub struct Flow {
    builder: Builder,
    /// The axes of a sample as the file has them, until the first layer decides on their order
    free: Option<Vec<usize>>,
    /// Steps on each value alone, or by one number, before that
    waiting: Vec<(String, Waiting)>,
    /// Which step gave the sample another shape since the last layer
    reshaped: Option<String>,
    /// The number of changes so far; a view of an earlier state is a branch of the graph
    state: usize,
    /// The number of factors and sums that went into the weights of a layer before
    folded: usize,
}

/// A step before the order of axes is known.
#[derive(Debug)]
enum Waiting {
    Layer(Kind),
    Affine { scale: f32, shift: f32 },
}

/// A window of the file over two or one axes.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The axes of positions
    pub positions: &'a [usize],
    /// The axis of channels
    pub channels: usize,
    /// Positions that it covers
    pub size: &'a [usize],
    /// Distance between windows
    pub stride: &'a [usize],
    /// Keras' padding "same", else "valid"
    pub same: bool,
}

impl Flow {
    /// The input, with or without an axis of samples: `samples` is its index.
    pub fn input(&mut self, mut dims: Vec<usize>, samples: Option<usize>) -> Step {
        if let Some(samples) = samples
            && let Some(size) = dims.get_mut(samples)
        {
            *size = 1;
        }
        let view = View::new(&dims, self.state)?;
        if let Some(samples) = samples.filter(|samples| *samples < dims.len()) {
            dims.remove(samples);
        }
        self.free = Some(dims);
        Ok(view)
    }

    /// Something is wrong: what follows is not checked.
    pub fn unknown(&mut self, fault: Fault, at: &str) {
        if let Fault::Is(problem) = fault {
            self.builder.unknown(format!("{at}: {problem}"));
        }
        self.free = None;
        self.waiting.clear();
    }

    /// Something is wrong that is no layer.
    pub fn problem(&mut self, problem: impl Into<String>) {
        self.builder.problem(problem);
    }

    /// Notes that a step called `name` gave the sample another shape.
    pub fn reshaped(&mut self, name: &str) {
        self.reshaped = Some(name.into());
    }

    /// Whether this is the newest tensor.
    fn current(&self, view: &View) -> Step<()> {
        if view.state() == self.state {
            Ok(())
        } else {
            Err("it takes a tensor that an earlier layer gave: a network is a chain of layers"
                .into())
        }
    }

    /// The order of a sample's axes becomes that of `view` with its axes in the order `axes`, if it
    /// is not decided yet; `shape` is its shape in this order. Then the layers that waited follow.
    fn bind(&mut self, view: &View, axes: &[usize], shape: &[usize]) -> Step {
        let Some(free) = self.free.take() else { return Ok(view.clone()) };
        let order = view.memory(axes);
        let same = |a: &[usize], b: &[usize]| {
            let (mut a, mut b) = (a.to_vec(), b.to_vec());
            a.sort_unstable();
            b.sort_unstable();
            a == b
        };
        let (view, shape) = if order.iter().copied().eq(0..order.len()) {
            // The order of the file. Its own shape stays, the layer's is a reshape of it.
            (view.clone(), if same(&free, shape) { shape.to_vec() } else { free })
        } else {
            let view = view.reordered(&order);
            let shape = if same(&free, shape) { shape.to_vec() } else { view.sizes().to_vec() };
            (view, shape)
        };
        self.builder.shape(if shape.is_empty() { vec![1] } else { shape });
        for (name, waiting) in std::mem::take(&mut self.waiting) {
            match waiting {
                Waiting::Layer(kind) => self.push(&name, kind, 0, vec![])?,
                Waiting::Affine { scale, shift } => {
                    let n = self.shape()?.last().copied().unwrap_or(1);
                    self.affine_values(&name, &repeated(scale, n)?, &repeated(shift, n)?)?;
                }
            }
        }
        Ok(view.at(self.state))
    }

    /// The shape of a sample now.
    pub fn shape(&self) -> Step<Vec<usize>> {
        self.builder.now().map(<[usize]>::to_vec).ok_or(Fault::Known)
    }

    /// The number of a sample's axes: 2 of a sequence, 3 of a map.
    pub fn rank(&self) -> usize {
        self.free.as_deref().or(self.builder.now()).map_or(0, <[usize]>::len)
    }

    /// A sample with the shape of these axes of a view, in this order, and the view of it.
    pub fn request(&mut self, name: &str, view: &View, axes: &[usize]) -> Step {
        self.current(view)?;
        let shape = view.shape(axes);
        let view = &self.bind(view, axes, &shape)?;
        let order = view.memory(axes);
        if order.len() != view.sizes().len() || !order.iter().copied().eq(0..order.len()) {
            return Err(format!(
                "it needs the axes {axes:?} of a tensor of the shape {:?} as {shape:?}; they lie in \
                 another order, and Rosenblatt does not transpose",
                view.dims()
            )
            .into());
        }
        self.reshape(name, shape)?;
        Ok(view.at(self.state))
    }

    /// The sample as one row, and the place in our memory of each value of the file's row: as the
    /// axes of a tensor of these sizes.
    fn row(&mut self, name: &str, view: &View, axis: usize) -> Step<(Vec<usize>, Vec<usize>)> {
        self.current(view)?;
        let all: Vec<usize> = (0..view.dims().len()).collect();
        let view = self.bind(view, &all, &[view.count()])?;
        let order = view.memory(&[axis]);
        self.reshape(name, vec![view.count()])?;
        Ok((view.sizes().to_vec(), order))
    }

    fn reshape(&mut self, name: &str, shape: Vec<usize>) -> Step<()> {
        if self.shape()? != shape {
            let name = self.reshaped.take().unwrap_or_else(|| format!("{name}_reshape"));
            self.builder.reshape(&name, shape);
            self.changed()?;
        }
        self.reshaped = None;
        Ok(())
    }

    fn changed(&mut self) -> Step<()> {
        self.state += 1;
        if self.builder.layers().len() > LAYERS || self.builder.now().is_none() {
            return Err(Fault::Known);
        }
        Ok(())
    }

    /// A layer with its values.
    fn push(&mut self, name: &str, kind: Kind, units: usize, values: Vec<Values>) -> Step<()> {
        self.shape()?;
        self.builder.push(name, kind, units);
        self.fill(values)
    }

    fn fill(&mut self, values: Vec<Values>) -> Step<()> {
        self.changed()?;
        if let Some(layer) = self.builder.layers().last_mut() {
            layer.set(values)?;
        }
        Ok(())
    }

    /// A view of the newest tensor: for each axis of the file which axis of our sample it is; an
    /// axis without one has the size 1.
    fn seen(&self, axes: &[Option<usize>]) -> Step {
        View::of(&self.shape()?, axes, self.state)
    }

    /// A fully connected layer on the last axis: w is `[inputs, units]` in the order of the file.
    pub fn dense(
        &mut self,
        name: &str,
        view: &View,
        units: usize,
        w: &[f32],
        b: Option<Vec<f32>>,
    ) -> Step {
        let Some(axis) = view.dims().len().checked_sub(1) else { return Err("no axis".into()) };
        let dims = view.dims();
        let positions: Vec<usize> = (0..axis).filter(|axis| dims[*axis] != 1).collect();
        match positions.len() {
            0 => {}
            1 | 2 => {
                // On each step or position it is a convolution with a window of one.
                if dims[axis].checked_mul(units) != Some(w.len()) {
                    return Err(format!(
                        "{} weights for {} inputs and {units} units",
                        w.len(),
                        dims[axis]
                    )
                    .into());
                }
                let ones = vec![1; positions.len()];
                let kernel = ([&ones[..], &[dims[axis], units]].concat(), w.to_vec());
                let frame = Frame {
                    positions: &positions,
                    channels: axis,
                    size: &ones,
                    stride: &ones,
                    same: false,
                };
                return self.conv(name, view, &frame, kernel, b);
            }
            n => {
                return Err(format!(
                    "it takes a row of values, a sequence or a map of them, not {dims:?} with {n} \
                     axes of positions"
                )
                .into());
            }
        }
        if view.count().checked_mul(units) != Some(w.len()) {
            return Err(format!(
                "the weights have {} values; {} inputs and {units} units ask for more or fewer",
                w.len(),
                view.count()
            )
            .into());
        }
        let (sizes, order) = self.row(name, view, axis)?;
        let w = ordered(&sizes, &order, units, w);
        let b = b.unwrap_or_else(|| vec![0.0; units]);
        let values = vec![(vec![view.count(), units], w), (vec![b.len()], b)];
        self.push(name, Kind::Dense(Activation::Linear), units, values)?;
        let axes: Vec<_> = (0..=axis).map(|i| (i == axis).then_some(0)).collect();
        self.seen(&axes)
    }

    /// The axes of positions and channels as `[height, width, channels]` or `[steps, channels]`. A
    /// sequence that the file treats as a map of the height 1 stays one.
    fn map(&mut self, name: &str, view: &View, frame: &Frame) -> Step<usize> {
        let flat = frame.positions.len() == 2
            && self.rank() == 2
            && view.shape(&frame.positions[..1]) == [1]
            && frame.size.first() == Some(&1);
        let skip = usize::from(flat);
        let axes: Vec<usize> =
            frame.positions.iter().skip(skip).chain([&frame.channels]).copied().collect();
        self.request(name, view, &axes)?;
        Ok(skip)
    }

    /// The view behind a layer with windows.
    fn mapped(&self, rank: usize, frame: &Frame, skip: usize) -> Step {
        let mut axes = vec![None; rank];
        let positions = frame.positions.iter().skip(skip);
        for (ours, axis) in positions.chain([&frame.channels]).enumerate() {
            if let Some(slot) = axes.get_mut(*axis) {
                *slot = Some(ours);
            }
        }
        self.seen(&axes)
    }

    /// A convolution with the kernel `[window …, channels, filters]`.
    pub fn conv(
        &mut self,
        name: &str,
        view: &View,
        frame: &Frame,
        kernel: Values,
        b: Option<Vec<f32>>,
    ) -> Step {
        let (mut shape, values) = kernel;
        let filters = shape.last().copied().unwrap_or(0);
        let b = b.unwrap_or_else(|| vec![0.0; filters]);
        let skip = self.map(name, view, frame)?;
        shape.drain(..skip.min(shape.len()));
        let kind = match window(frame, skip)? {
            Windows::Two(window) => Kind::Conv2d(window, Activation::Linear),
            Windows::One(window) => Kind::Conv1d(window, Activation::Linear),
        };
        self.push(name, kind, filters, vec![(shape, values), (vec![b.len()], b)])?;
        self.mapped(view.dims().len(), frame, skip)
    }

    /// A pooling layer.
    pub fn pool(&mut self, name: &str, view: &View, pooling: Pooling, frame: &Frame) -> Step {
        let skip = self.map(name, view, frame)?;
        let kind = match window(frame, skip)? {
            Windows::Two(window) => Kind::Pool2d(pooling, window),
            Windows::One(window) => Kind::Pool1d(pooling, window),
        };
        self.push(name, kind, 0, vec![])?;
        self.mapped(view.dims().len(), frame, skip)
    }

    /// The mean or the greatest value over the axes `positions`, which then have the size 1.
    pub fn global(
        &mut self,
        name: &str,
        view: &View,
        pooling: Pooling,
        positions: &[usize],
    ) -> Step {
        let dims = view.dims();
        let rest: Vec<usize> = (0..dims.len()).filter(|axis| !positions.contains(axis)).collect();
        // The channels are the one other axis that is larger than 1, else the last one.
        let large: Vec<usize> = rest.iter().copied().filter(|axis| dims[*axis] > 1).collect();
        let channels = match large[..] {
            [] => rest.last().copied(),
            [channels] => Some(channels),
            _ => return Err(format!("it leaves {} axes of {dims:?}", large.len()).into()),
        };
        let Some(channels) = channels else {
            return Err("it reduces all axes; that of the channels must remain".into());
        };
        let mut over = positions.to_vec();
        while over.len() + 1 > self.rank().max(2) {
            let Some(one) = over.iter().position(|axis| dims[*axis] == 1) else { break };
            over.remove(one);
        }
        over.push(channels);
        self.request(name, view, &over)?;
        let c = self.shape()?.last().copied().unwrap_or(1);
        match pooling {
            Pooling::Average => self.push(name, Kind::GlobalAverage, 0, vec![])?,
            Pooling::Max => {
                let Some(kind) = Kind::whole(pooling, &self.shape()?) else {
                    return Err(format!("it takes a map or a sequence, not {dims:?}").into());
                };
                self.push(name, kind, 0, vec![])?;
                self.reshape(name, vec![c])?;
            }
        }
        let axes: Vec<_> = (0..dims.len()).map(|axis| (axis == channels).then_some(0)).collect();
        self.seen(&axes)
    }

    /// An activation, other than softmax: that of the layer before, if this has none.
    pub fn activate(&mut self, name: &str, view: &View, activation: Activation) -> Step {
        self.current(view)?;
        if self.free.is_none() && self.fuse(activation) {
            return Ok(view.at(self.state));
        }
        self.each(name, view, Kind::Activate(activation))
    }

    /// A layer on each value alone.
    pub fn each(&mut self, name: &str, view: &View, kind: Kind) -> Step {
        self.current(view)?;
        if self.free.is_some() {
            self.wait(name, Waiting::Layer(kind))?;
        } else {
            self.push(name, kind, 0, vec![])?;
        }
        Ok(view.at(self.state))
    }

    fn wait(&mut self, name: &str, waiting: Waiting) -> Step<()> {
        if self.waiting.len() >= LAYERS {
            return Err(format!("more than {LAYERS} layers").into());
        }
        self.waiting.push((name.into(), waiting));
        self.state += 1;
        Ok(())
    }

    /// Makes this the activation of the last layer, if that is linear.
    fn fuse(&mut self, activation: Activation) -> bool {
        let Some(layer) = self.builder.layers().last_mut() else { return false };
        match &mut layer.kind {
            Kind::Dense(now) => fuse_into(now, activation),
            Kind::Conv2d(_, now) | Kind::Conv1d(_, now) if activation != Activation::Softmax => {
                fuse_into(now, activation)
            }
            _ => false,
        }
        .then(|| self.state += 1)
        .is_some()
    }

    /// Softmax over these axes of the file.
    pub fn softmax(&mut self, name: &str, view: &View, axes: &[usize]) -> Step {
        self.current(view)?;
        let dims = view.dims();
        let over: usize = view.shape(axes).iter().product();
        if over < 2 {
            return Err(format!("a softmax over one value of {dims:?}").into());
        }
        let rest: Vec<usize> = (0..dims.len()).filter(|axis| !axes.contains(axis)).collect();
        // One large axis among them is our last. If there are more, they are one row of all values.
        let large: Vec<usize> = axes.iter().copied().filter(|axis| dims[*axis] > 1).collect();
        let view = match large[..] {
            [axis] => self.channels_last(name, view, axis)?,
            _ if rest.iter().all(|axis| dims[*axis] == 1) => {
                let axes: Vec<usize> = (0..dims.len()).collect();
                let view = self.bind(view, &axes, &[view.count()])?;
                self.reshape(name, vec![view.count()])?;
                view.at(self.state)
            }
            _ => return Err(format!("a softmax over the axes {axes:?} of {dims:?}").into()),
        };
        if self.shape()?.len() == 1 && self.fuse(Activation::Softmax) {
            return Ok(view.at(self.state));
        }
        self.push(name, Kind::Activate(Activation::Softmax), 0, vec![])?;
        Ok(view.at(self.state))
    }

    /// The axis `axis` becomes the last of our sample, or the only one.
    fn channels_last(&mut self, name: &str, view: &View, axis: usize) -> Step {
        self.current(view)?;
        let dims = view.dims();
        if view.memory(&[axis]).len() == view.sizes().len() && !view.sizes().is_empty() {
            // All values are on this axis, in whatever order.
            let all: Vec<usize> = (0..dims.len()).collect();
            let view = self.bind(view, &all, &[view.count()])?;
            if self.shape()?.last() != Some(&view.count()) {
                self.reshape(name, vec![view.count()])?;
            }
            return Ok(view.at(self.state));
        }
        let last = self.shape().ok().and_then(|shape| shape.last().copied());
        let memory = view.memory(&[axis]);
        let n = view.sizes().len();
        if self.free.is_none()
            && last == Some(view.shape(&[axis])[0])
            && memory.iter().copied().eq(n - memory.len()..n)
        {
            return Ok(view.clone());
        }
        let others = (0..dims.len()).filter(|other| *other != axis);
        let mut axes: Vec<usize> = others.filter(|other| dims[*other] > 1).collect();
        if self.free.is_none() {
            axes.sort_by_key(|axis| view.memory(&[*axis]).first().copied());
        } else {
            // Axes of the size 1 count in a sample's shape, but not that of samples, the first.
            let all: Vec<usize> = (1..dims.len()).filter(|other| *other != axis).collect();
            if all.len() + 1 == self.rank() {
                axes = all;
            }
        }
        axes.push(axis);
        self.request(name, view, &axes)
    }

    /// Values of the file's axis `axis` in the order of our last axis, which that becomes.
    fn channel_values(
        &mut self,
        name: &str,
        view: &View,
        axis: usize,
        all: Vec<&mut Vec<f32>>,
    ) -> Step {
        let n = view.shape(&[axis])[0];
        let view = self.channels_last(name, view, axis)?;
        let order = view.memory(&[axis]);
        let first = order.iter().min().copied().unwrap_or(0);
        let sizes: Vec<usize> =
            (first..first + order.len()).filter_map(|i| view.sizes().get(i).copied()).collect();
        let order: Vec<usize> = order.iter().map(|i| i - first).collect();
        for values in all {
            if values.len() != n {
                return Err(format!("{} values for {n} channels", values.len()).into());
            }
            *values = ordered(&sizes, &order, 1, values);
        }
        Ok(view)
    }

    /// Batch normalization over the channels, the axis `axis`: γ, β, mean, variance.
    pub fn batch_norm(
        &mut self,
        name: &str,
        view: &View,
        axis: usize,
        (epsilon, share): (f32, f32),
        mut values: [Vec<f32>; 4],
    ) -> Step {
        let view = self.channel_values(name, view, axis, values.iter_mut().collect())?;
        let values = values.map(|values| (vec![values.len()], values)).into();
        self.push(name, Kind::BatchNorm { epsilon, share }, 0, values)?;
        Ok(view.at(self.state))
    }

    /// Layer normalization over the axis `axis`: γ, β.
    pub fn layer_norm(
        &mut self,
        name: &str,
        view: &View,
        axis: usize,
        epsilon: f32,
        mut values: [Vec<f32>; 2],
    ) -> Step {
        let view = self.channel_values(name, view, axis, values.iter_mut().collect())?;
        let values = values.map(|values| (vec![values.len()], values)).into();
        self.push(name, Kind::LayerNorm(epsilon), 0, values)?;
        Ok(view.at(self.state))
    }

    /// A recurrent layer over the axes of steps and of values, with w, u, b of Keras. `axes` says
    /// for each axis of the output whether it is that of steps (0) or of units (1).
    #[allow(clippy::too_many_arguments, reason = "each is another property of the layer")]
    pub fn recurrent(
        &mut self,
        name: &str,
        view: &View,
        [steps, values]: [usize; 2],
        cell: Cell,
        units: usize,
        all: bool,
        weights: Vec<Values>,
        axes: &[Option<usize>],
    ) -> Step {
        self.request(name, view, &[steps, values])?;
        self.builder.recurrent(name, cell, units, all);
        self.fill(weights)?;
        let ours = |axis: &Option<usize>| match (axis, all) {
            (Some(0), false) | (None, _) => None,
            (Some(axis), true) => Some(*axis),
            (Some(_), false) => Some(0),
        };
        self.seen(&axes.iter().map(ours).collect::<Vec<_>>())
    }

    /// Only the last step of the recurrent layer just before: `axis` is that of steps and remains
    /// with the size 1.
    pub fn last_step(&mut self, view: &View, axis: usize) -> Step {
        self.current(view)?;
        let shape = self.shape()?;
        let dims = view.dims();
        if let Some(layer) = self.builder.layers().last_mut()
            && let (Kind::Recurrent(_), &[steps, units]) = (&layer.kind, &layer.output[..])
            && shape == [steps, units]
            && dims.get(axis) == Some(&steps)
            && view.memory(&[axis]) == view.first_axes(steps)
        {
            layer.output = vec![units];
            self.builder.shape(vec![units]);
            self.state += 1;
            let axes: Vec<_> = (0..dims.len())
                .map(|other| (other != axis && dims[other] == units).then_some(0))
                .collect();
            return self.seen(&axes);
        }
        Err("only the last step of a recurrent layer just before can be taken".into())
    }

    /// The model, whose output is `view`.
    /// # Errors
    /// Names all problems.
    pub fn finish(mut self, view: Option<View>) -> Result<Model> {
        if let Some(view) = view
            && let Err(fault) = self.output(&view)
        {
            self.unknown(fault, "the output");
        }
        self.builder.finish()
    }

    fn output(&mut self, view: &View) -> Step<()> {
        self.current(view)?;
        let dims = view.dims();
        let all: Vec<usize> = (0..dims.len()).collect();
        let view = self.bind(view, &all, &dims)?;
        let last = |axes: &[usize]| {
            let order = view.memory(axes);
            order.iter().copied().eq(0..order.len())
        };
        // As the file has it, or a map or sequence with its channels first.
        let mut rotated = all.clone();
        if let Some(rest) = rotated.get_mut(1..) {
            rest.rotate_left(usize::from(!rest.is_empty()));
        }
        let known = last(&all) || all.len() > 2 && last(&rotated);
        if !known {
            return Err(format!(
                "a tensor of the shape {dims:?} whose values lie in another order than those of \
                 Rosenblatt"
            )
            .into());
        }
        let large = |dims: &[usize]| dims.iter().copied().filter(|n| *n > 1).collect::<Vec<_>>();
        if last(&all) && large(&self.shape()?) != large(&dims) {
            let skip = usize::from(dims.len() > 1 && dims.first() == Some(&1));
            self.reshape("output", dims.into_iter().skip(skip).collect())?;
        }
        Ok(())
    }
}

fn fuse_into(now: &mut Activation, activation: Activation) -> bool {
    let linear = *now == Activation::Linear;
    if linear {
        *now = activation;
    }
    linear
}

/// The rows of `[inputs, units]` in our order: the file's row has the axes `order` of a tensor of
/// these sizes.
fn ordered(sizes: &[usize], order: &[usize], units: usize, values: &[f32]) -> Vec<f32> {
    if order.iter().copied().eq(0..order.len()) {
        return values.to_vec();
    }
    let mut shape: Vec<usize> = order.iter().map(|axis| sizes[*axis]).collect();
    shape.push(units);
    let mut axes: Vec<usize> = (0..order.len()).collect();
    axes.sort_by_key(|place| order[*place]);
    axes.push(order.len());
    channels_first::transposed(&shape, values, &axes).1
}

enum Windows {
    One(Window<1>),
    Two(Window<2>),
}

fn window(frame: &Frame, skip: usize) -> Step<Windows> {
    let (size, stride, same) = (frame.size, frame.stride, frame.same);
    match (size.get(skip..), stride.get(skip..)) {
        (Some(&[h, w]), Some(&[y, x])) => {
            Ok(Windows::Two(Window { size: [h, w], stride: [y, x], same }))
        }
        (Some(&[k]), Some(&[s])) => Ok(Windows::One(Window { size: [k], stride: [s], same })),
        _ => Err(format!("a window {size:?} with the stride {stride:?}").into()),
    }
}

/// Whether a window's padding is that of "same" on all axes; an error unless it is that or none.
/// `pads` is before and after on each axis.
pub fn padding(
    positions: &[usize],
    size: &[usize],
    stride: &[usize],
    pads: &[[usize; 2]],
) -> Step<bool> {
    let (mut valid, mut same) = (true, true);
    for (((n, k), s), pads) in positions.iter().zip(size).zip(stride).zip(pads) {
        if *s == 0 || *k == 0 {
            return Err("a window or a stride of 0".into());
        }
        let last = (n.div_ceil(*s).saturating_sub(1)).saturating_mul(*s).saturating_add(*k);
        let all = last.saturating_sub(*n);
        same &= *pads == [all / 2, all - all / 2];
        valid &= *pads == [0, 0];
    }
    if !valid && !same {
        return Err(format!(
            "the padding {pads:?} (before and after, each axis) is neither Keras' \"valid\" nor \
             \"same\""
        )
        .into());
    }
    Ok(!valid)
}
