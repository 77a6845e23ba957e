//! What a layer is: shapes and parameters as types, forward and backward over a whole mini-batch.

mod activate;
mod chain;
mod channels;
mod conv;
mod dense;
mod dropout;
mod flatten;
mod normalization;
mod pool;
mod recurrent;
mod regularized;
mod stepwise;
mod window;

pub use activate::Activate;
pub use chain::Chain;
pub use channels::Channels;
pub use conv::{Conv1d, Conv2d};
pub use dense::Dense;
pub use dropout::Dropout;
pub use flatten::{Flatten, Reshape};
pub use normalization::{BatchNorm, LayerNorm};
pub use pool::{
    Average, AvgPool1d, AvgPool2d, GlobalAvgPool1d, GlobalAvgPool2d, Max, MaxPool1d, MaxPool2d, Pool1d, Pool2d, Pooling,
};
pub use recurrent::{
    All, Cell, Gru, GruCell, HiddenState, Last, Lstm, LstmCell, Returns, Rnn, Sequence, SimpleCell, TrainCell,
};
pub use regularized::{DenseL1, DenseL2, L1, L1L2, L2, Regularized, Regularizer};
pub use stepwise::{FrameOf, FrameOutputOf, MemoryOf, Stepwise};
pub use window::{Map, Padding, Same, Signal, Valid};

use crate::{init::Initializer, rng::Rng};
use rosenblatt_kernels::{Plain, Simd, plain::Shape};

/// A layer, or layers in a row. The type says everything; there is no value.
///
/// Parameters are plain data apart from the layer: weights, gradients and moments are all of the type `Params`.
pub trait Layer: 'static {
    /// One sample that comes in.
    type Input: Plain;
    /// One sample that goes out.
    type Output: Plain;
    /// Everything that is learnt.
    type Params: Plain;
    /// What is carried along but not learnt by gradient: running means and variances. Most layers have nothing, [`Nothing`].
    type Running: Plain;
    /// The most values that a row of any layer has; picks the backend for narrow networks ([`Level::for_width`](crate::Level::for_width)).
    const WIDTH: usize;
    /// How many values at the front of `Params` are the kernel: the weights of the inputs, which a regularizer looks at.
    const KERNEL: usize;
    /// Multiply-adds of one sample in the matrix products: decides whether the network is compiled in place ([`Simd::INLINE`]).
    const MULTIPLY_ADDS: usize = Self::KERNEL;
    /// Keras' name of the layer's kind, for summaries and errors.
    const NAME: &'static str = "layer";
    /// How many layers it is: a chain is several.
    const LAYERS: u32 = 1;
    /// The activation at the end, which a loss may be joined with.
    type Head;

    /// y ← layer(x) for each row, keeping nothing. `C` bounds how many rows one call may have; hidden rows lie on the stack.
    fn infer<S: Simd, const C: usize>(
        s: S,
        p: &Self::Params,
        r: &Self::Running,
        x: &[Self::Input],
        y: &mut [Self::Output],
    );

    /// Fills the weights by `init`, layer after layer; sets the biases to zero, and what else there is to its start.
    fn init(p: &mut Self::Params, r: &mut Self::Running, init: &impl Initializer, rng: &mut Rng);

    /// Calls `tell` for each layer from input to output.
    fn describe(tell: &mut dyn FnMut(&Description));

    /// Calls `tell` for each tensor in the order of Keras' `get_weights()`. They lie in this order, without gaps, in `Params` and in `Running`.
    fn tensors(tell: &mut dyn FnMut(&Tensor));
}

/// Whether the code of the layers `L` is compiled in place for the backend `S`: networks so small that a call costs more than the arithmetic, of few
/// layers, so that they compile in seconds; on a chip, whose program is compiled for one backend, of any number. All others call the kernels' own compiled copies.
#[must_use]
pub(crate) const fn in_place<S: Simd, L: Layer>() -> bool {
    S::INLINE == 0 || L::MULTIPLY_ADDS <= S::INLINE && (L::LAYERS <= 4 || cfg!(target_os = "none"))
}

/// No parameters, no running state.
pub type Nothing = [f32; 0];

/// One tensor of a layer, as Keras names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Tensor {
    /// Keras' name: `kernel`, `bias`, `recurrent_kernel`, `gamma`, `moving_mean`, …
    pub name: &'static str,
    /// Its lengths
    pub shape: Shape,
    /// Whether it is learnt (in `Params`) or carried along (in `Running`)
    pub learnt: bool,
}

impl Tensor {
    /// A tensor that is learnt, of the shape of `P`.
    pub const fn learnt<P: Plain>(name: &'static str) -> Self {
        Self { name, shape: P::SHAPE, learnt: true }
    }

    /// A tensor that is carried along, of the shape of `P`.
    pub const fn running<P: Plain>(name: &'static str) -> Self {
        Self { name, shape: P::SHAPE, learnt: false }
    }
}

/// A layer that was never given weights: [`Train::never_set`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeverSet {
    /// Its index in the network, from 0
    pub layer: u32,
    /// Its kind
    pub kind: &'static str,
}

/// What a forward pass is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    training: bool,
    place: u32,
}

impl Pass {
    /// A training step: batch statistics, dropout.
    pub const TRAINING: Self = Self { training: true, place: 0 };
    /// Evaluation or prediction: running statistics, no dropout.
    pub const INFERENCE: Self = Self { training: false, place: 0 };

    /// Whether it is a training step's.
    #[inline(always)]
    #[must_use]
    pub const fn training(self) -> bool {
        self.training
    }

    /// How many layers stand before this one: two equal layers with noise draw different numbers.
    #[inline(always)]
    #[must_use]
    pub const fn place(self) -> u32 {
        self.place
    }

    /// The pass as what follows `L` sees it.
    #[inline(always)]
    #[must_use]
    pub const fn after<L: Layer>(self) -> Self {
        Self { place: self.place + L::LAYERS, ..self }
    }
}

/// One line of a summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Description {
    /// The kind of layer
    pub kind: &'static str,
    /// Values of a sample that come in
    pub inputs: usize,
    /// Values of a sample that go out
    pub outputs: usize,
    /// The activation's name
    pub activation: &'static str,
    /// The shape of a sample that goes out
    pub shape: Shape,
    /// Parameters
    pub params: usize,
    /// Values carried along but not learnt
    pub running: usize,
}

impl Description {
    /// The line of a layer.
    pub(crate) fn of<L: Layer>(kind: &'static str, activation: &'static str) -> Self {
        Self {
            kind,
            inputs: L::Input::LEN,
            outputs: L::Output::LEN,
            activation,
            shape: L::Output::SHAPE,
            params: L::Params::LEN,
            running: L::Running::LEN,
        }
    }
}

/// A layer that can be trained by gradient.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be trained by gradient",
    note = "every layer's activation must have a gradient; a step has none"
)]
pub trait Train: Layer {
    /// What the forward pass keeps of up to `B` samples for the backward pass, and the gradients between layers.
    type Tape<const B: usize>: Plain;
    /// Whether [`Train::penalty`] adds to the loss.
    const PENALIZED: bool = false;
    /// The fewest samples that a mini-batch may have: 2 where statistics are taken over the samples.
    const LEAST_SAMPLES: usize = 1;

    /// Runs a mini-batch forward and keeps its outputs on the tape.
    fn forward<S: Simd, const B: usize>(
        s: S,
        pass: Pass,
        p: &Self::Params,
        r: &Self::Running,
        x: &[Self::Input],
        tape: &mut Self::Tape<B>,
    );

    /// The outputs of the last forward pass.
    fn output<const B: usize>(tape: &Self::Tape<B>) -> &[Self::Output; B];

    /// From dy, the gradient by the outputs, computes dp, the gradient by the parameters (overwritten), and, if asked for, dx.
    ///
    /// `x` is what `forward` was given; `dy` has as many rows and is used up. With `joined` dy is the gradient before the last activation
    /// already, as a loss joined with it gives.
    #[allow(clippy::too_many_arguments, reason = "the chain rule's terms, each by its name")]
    fn backward<S: Simd, const B: usize>(
        s: S,
        p: &Self::Params,
        x: &[Self::Input],
        tape: &mut Self::Tape<B>,
        dy: &mut [Self::Output],
        joined: bool,
        dp: &mut Self::Params,
        dx: Option<&mut [Self::Input]>,
    );

    /// What the layer adds to the loss by itself: regularization. Its gradient is part of `backward`'s dp.
    #[inline(always)]
    fn penalty<S: Simd>(s: S, p: &Self::Params) -> f32 {
        let _ = (s, p);
        0.0
    }

    /// The first layer that was never given weights: all its parameters are 0, and a layer with parameters follows (`hidden`), so that neither would learn anything.
    /// `place` is the index of the first layer.
    #[inline(always)]
    fn never_set(p: &Self::Params, place: u32, hidden: bool) -> Option<NeverSet> {
        let unset = const { Self::Params::LEN > 0 } && hidden && p.as_flat().iter().all(|w| w.to_bits() << 1 == 0);
        unset.then_some(NeverSet { layer: place, kind: Self::NAME })
    }

    /// Takes the last training pass into the running state; called once the step is known to be good.
    #[inline(always)]
    fn settle<const B: usize>(tape: &Self::Tape<B>, r: &mut Self::Running) {
        let _ = (tape, r);
    }
}

/// The first `m` rows; all where there are fewer. Cannot panic.
#[inline(always)]
pub(crate) fn first<T>(rows: &[T], m: usize) -> &[T] {
    rows.get(..m).unwrap_or(rows)
}

/// The first `m` rows; all where there are fewer. Cannot panic.
#[inline(always)]
pub(crate) fn first_mut<T>(rows: &mut [T], m: usize) -> &mut [T] {
    let m = m.min(rows.len());
    rows.split_at_mut(m).0
}

/// y ← x, row by row. Cannot panic.
#[inline(always)]
pub(crate) fn copy<T: Copy>(x: &[T], y: &mut [T]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = *x;
    }
}
