//! Layers: shapes and parameters as types, forward and backward passes over a mini-batch.

mod activate;
mod chain;
mod channels;
mod conv;
mod dense;
mod dropout;
mod flatten;
mod message;
mod normalization;
mod pool;
mod record;
mod recurrent;
mod regularized;
mod streaming;
mod window;

pub use activate::Activate;
pub use chain::Chain;
pub use channels::Channels;
pub use conv::{Conv1d, Conv2d};
pub use dense::Dense;
pub use dropout::{Dropout, rate};
pub use flatten::{Flatten, Reshape};
pub use normalization::{BatchNorm, LayerNorm, epsilon, momentum};
pub use pool::{
    Average, AvgPool1d, AvgPool2d, GlobalAvgPool1d, GlobalAvgPool2d, Max, MaxPool1d, MaxPool2d,
    Pool1d, Pool2d, Pooling,
};
pub use record::{Architecture, Record};
pub use recurrent::{
    All, Cell, Gru, GruCell, HiddenState, Last, Lstm, LstmCell, Returns, Rnn, Sequence, SimpleCell,
    TrainableCell,
};
pub use regularized::{DenseL1, DenseL2, L1, L1L2, L2, Regularized, Regularizer};
pub use streaming::Streaming;
pub use window::{Map, Padding, Same, Signal, Valid};

use crate::{init::Initializer, rng::Rng};
pub use rosenblatt_kernels::persist::name_code;
use rosenblatt_kernels::{F32Array, Simd, array::Shape, columns::Columns, persist::Words};

/// A layer, or several layers in sequence, as a type. There is no value of the type.
///
/// The values of a layer are plain data outside of it: weights, gradients and moments all have the
/// type `Params`.
///
/// A layer of one's own, which multiplies by two ([`Trainable`] shows its backward pass):
///
/// ```
/// use rosenblatt::{
///     Rng,
///     init::Initializer,
///     kernels::{F32Array, Simd},
///     layer::{Description, Layer, Nothing, Tensor},
///     prelude::*,
/// };
///
/// struct Double<const N: usize>;
///
/// impl<const N: usize> Layer for Double<N> {
///     type Input = [f32; N];
///     type Output = [f32; N];
///     type Params = Nothing;
///     type Buffers = Nothing;
///     type OutputActivation = Linear;
///     const MAX_ROW: usize = N;
///     const KERNEL_LEN: usize = 0;
///
///     fn infer<S: Simd, const C: usize>(
///         _: S,
///         _: &Nothing,
///         _: &Nothing,
///         x: &[[f32; N]],
///         y: &mut [[f32; N]],
///     ) {
///         for (x, y) in x.iter().zip(y) {
///             *y = x.map(|x| 2.0 * x);
///         }
///     }
///
///     fn init(_: &mut Nothing, _: &mut Nothing, _: &impl Initializer, _: &mut Rng) {}
///
///     fn describe(visit: &mut dyn FnMut(&Description)) {
///         visit(&Description {
///             kind: "Double",
///             inputs: N,
///             outputs: N,
///             activation: "",
///             shape: <[f32; N]>::SHAPE,
///             params: 0,
///             buffers: 0,
///         });
///     }
///
///     fn tensors(_: &mut dyn FnMut(&Tensor)) {}
/// }
///
/// let net = Mlp::<(Double<2>,)>::ZERO;
/// assert_eq!(net.predict(&[1.0, -3.0]), [2.0, -6.0]);
/// ```
pub trait Layer: Sized + 'static {
    /// One input sample.
    type Input: F32Array;
    /// One output sample.
    type Output: F32Array;
    /// The parameters: everything that is learnt by gradient.
    type Params: F32Array;
    /// Non-trainable values (moving mean and variance). [`Nothing`] for most layers.
    type Buffers: F32Array;
    /// The length of the longest row of any layer. It selects the backend of narrow networks
    /// ([`Backend::for_width`](crate::Backend::for_width)).
    const MAX_ROW: usize;
    /// Number of values at the front of `Params` that are the kernel: the weights of the inputs. A
    /// regularizer uses only these.
    const KERNEL_LEN: usize;
    /// Multiply-adds of one sample in the matrix products. It decides whether the network's code is
    /// inlined ([`Simd::INLINE_MAX`]).
    const MULTIPLY_ADDS: usize = Self::KERNEL_LEN;
    /// Keras' name of the layer's kind, for summaries and errors.
    const NAME: &'static str = "layer";
    /// Number of layers: 1, or more for a chain.
    const DEPTH: u32 = 1;
    /// The last activation. A loss may be fused with it.
    type OutputActivation;
    /// The layer as numbers, for saved models. A layer of one's own that has more parameters in its
    /// type than its shapes adds them ([`Record::word`]).
    const RECORD: Record = Record::of::<Self>();
    /// The number and the hash of the records of all layers.
    const ARCHITECTURE: Architecture = Architecture::of(&Self::RECORD);

    /// y ← layer(x) for each row; keeps nothing for a backward pass. One call has at most `C` rows.
    /// Hidden rows are on the stack.
    fn infer<S: Simd, const C: usize>(
        s: S,
        p: &Self::Params,
        r: &Self::Buffers,
        x: &[Self::Input],
        y: &mut [Self::Output],
    );

    /// Whether [`Layer::infer_columns`] computes this layer.
    const COLUMNS: bool = false;

    /// y ← layer(x) for sixteen samples side by side, with the bits of [`Layer::infer`]. Called
    /// only where [`Layer::COLUMNS`] is true.
    #[inline(always)]
    fn infer_columns<S: Simd>(
        s: S,
        p: &Self::Params,
        r: &Self::Buffers,
        x: &Columns<Self::Input>,
        y: &mut Columns<Self::Output>,
    ) {
        let _ = (s, p, r, x, y);
    }

    /// Fills the weights by `init`, layer after layer. Sets biases to zero and all other values to
    /// their initial values.
    fn init(p: &mut Self::Params, r: &mut Self::Buffers, init: &impl Initializer, rng: &mut Rng);

    /// Calls `visit` for each layer from input to output.
    fn describe(visit: &mut dyn FnMut(&Description));

    /// Calls `visit` for each tensor in the order of Keras' `get_weights()`. The tensors lie in
    /// this order, without gaps, in `Params` and in `Buffers`.
    fn tensors(visit: &mut dyn FnMut(&Tensor));

    /// Calls `visit` for the record of each layer from input to output.
    #[inline(always)]
    fn records(visit: &mut impl FnMut(&Record)) {
        visit(&Self::RECORD);
    }
}

/// Whether the code of the layers `L` is inlined for the backend `S`. It is for networks so small
/// that a call costs more than the arithmetic, and of few layers, so that they compile in seconds.
/// A chip's program is compiled for one backend: there any number of layers is inlined.
/// All other networks call the kernels' own compiled copies.
#[must_use]
pub(crate) const fn in_place<S: Simd, L: Layer>() -> bool {
    S::INLINE_MAX == 0
        || L::MULTIPLY_ADDS <= S::INLINE_MAX && (L::DEPTH <= 4 || cfg!(target_os = "none"))
}

/// No parameters, or no non-trainable values.
pub type Nothing = [f32; 0];

/// One tensor of a layer, as Keras names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Tensor {
    /// Keras' name: `kernel`, `bias`, `recurrent_kernel`, `gamma`, `moving_mean`, …
    pub name: &'static str,
    /// Its shape
    pub shape: Shape,
    /// `true` for a parameter (in `Params`), `false` for non-trainable values (in `Buffers`)
    pub learnt: bool,
}

impl Tensor {
    /// A tensor of parameters, of the shape of `P`.
    pub const fn learnt<P: F32Array>(name: &'static str) -> Self {
        Self { name, shape: P::SHAPE, learnt: true }
    }

    /// A tensor of non-trainable values, of the shape of `P`.
    pub const fn buffer<P: F32Array>(name: &'static str) -> Self {
        Self { name, shape: P::SHAPE, learnt: false }
    }
}

/// A layer whose weights were never set: [`Trainable::never_set`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeverSet {
    /// Its index in the network, from 0
    pub layer: u32,
    /// Its kind
    pub kind: &'static str,
}

/// The purpose of a forward pass, and the index of the layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    training: bool,
    place: u32,
}

impl Context {
    /// A training step: statistics of the mini-batch, dropout.
    pub const TRAINING: Self = Self { training: true, place: 0 };
    /// Evaluation or prediction: moving mean and variance, no dropout.
    pub const INFERENCE: Self = Self { training: false, place: 0 };

    /// Whether this is a training step.
    #[inline(always)]
    #[must_use]
    pub const fn training(self) -> bool {
        self.training
    }

    /// Index of this layer. Mixed into dropout's key, so that two equal dropout layers use
    /// different masks.
    #[inline(always)]
    #[must_use]
    pub const fn place(self) -> u32 {
        self.place
    }
}

/// One line of a summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Description {
    /// The kind of layer
    pub kind: &'static str,
    /// Values of an input sample
    pub inputs: usize,
    /// Values of an output sample
    pub outputs: usize,
    /// The activation's name
    pub activation: &'static str,
    /// The shape of an output sample
    pub shape: Shape,
    /// Number of parameters
    pub params: usize,
    /// Number of non-trainable values
    pub buffers: usize,
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
            buffers: L::Buffers::LEN,
        }
    }
}

/// A layer that can be trained by gradient.
///
/// The backward pass of the layer in [`Layer`]'s example, y = 2·x, dx = 2·dy:
///
/// ```
/// # use rosenblatt::{
/// #     Rng,
/// #     init::Initializer,
/// #     kernels::Simd,
/// #     layer::{Context, Description, Layer, Nothing, Tensor, Trainable},
/// #     prelude::*,
/// # };
/// # struct Double<const N: usize>;
/// # impl<const N: usize> Layer for Double<N> {
/// #     type Input = [f32; N];
/// #     type Output = [f32; N];
/// #     type Params = Nothing;
/// #     type Buffers = Nothing;
/// #     type OutputActivation = Linear;
/// #     const MAX_ROW: usize = N;
/// #     const KERNEL_LEN: usize = 0;
/// #     fn infer<S: Simd, const C: usize>(
/// #         _: S,
/// #         _: &Nothing,
/// #         _: &Nothing,
/// #         x: &[[f32; N]],
/// #         y: &mut [[f32; N]],
/// #     ) {
/// #         for (x, y) in x.iter().zip(y) {
/// #             *y = x.map(|x| 2.0 * x);
/// #         }
/// #     }
/// #     fn init(_: &mut Nothing, _: &mut Nothing, _: &impl Initializer, _: &mut Rng) {}
/// #     fn describe(_: &mut dyn FnMut(&Description)) {}
/// #     fn tensors(_: &mut dyn FnMut(&Tensor)) {}
/// # }
/// impl<const N: usize> Trainable for Double<N> {
///     type Tape<const B: usize> = [[f32; N]; B];
///
///     fn forward<S: Simd, const B: usize>(
///         s: S,
///         _: Context,
///         p: &Nothing,
///         r: &Nothing,
///         x: &[[f32; N]],
///         y: &mut [[f32; N]; B],
///     ) {
///         Self::infer::<S, B>(s, p, r, x, &mut y[..x.len()]);
///     }
///
///     fn output<const B: usize>(y: &[[f32; N]; B]) -> &[[f32; N]; B] {
///         y
///     }
///
///     fn backward<S: Simd, const B: usize>(
///         _: S,
///         _: &Nothing,
///         _: &[[f32; N]],
///         _: &mut [[f32; N]; B],
///         dy: &mut [[f32; N]],
///         _: bool,
///         _: &mut Nothing,
///         dx: Option<&mut [[f32; N]]>,
///     ) {
///         if let Some(dx) = dx {
///             for (dx, dy) in dx.iter_mut().zip(dy) {
///                 *dx = dy.map(|dy| 2.0 * dy);
///             }
///         }
///     }
/// }
///
/// type Net = Mlp<(Dense<1, 1>, Double<1>)>;
/// let mut net = Net::ZERO;
/// let mut trainer = Trainer::<Net, MeanSquaredError, Sgd, 1>::ZERO;
/// trainer.step(&mut net, (&[[1.0]], &[[1.0]]), &Sgd::with_lr(0.125))?;
/// assert_eq!(net.weights(), [0.5, 0.5]); // dw = db = 2·(y − t)·2 = −4
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be trained by gradient",
    note = "every layer's activation must have a gradient; a step has none"
)]
pub trait Trainable: Layer {
    /// What the forward pass keeps of up to `B` samples for the backward pass, and the gradients
    /// between layers.
    type Tape<const B: usize>: F32Array;
    /// Whether [`Trainable::penalty`] adds to the loss.
    const PENALIZED: bool = false;
    /// A number for the penalties: a checkpoint is refused if it belongs to others. 0 for none.
    const PENALTY_CODE: u32 = 0;
    /// Number of calls of [`Trainable::penalties`]' `visit`.
    const PENALTIES: usize = 0;
    /// The smallest mini-batch: 2 samples for a layer with statistics over the samples.
    const LEAST_SAMPLES: usize = 1;

    /// Runs a mini-batch forward and keeps its outputs on the tape.
    fn forward<S: Simd, const B: usize>(
        s: S,
        pass: Context,
        p: &Self::Params,
        r: &Self::Buffers,
        x: &[Self::Input],
        tape: &mut Self::Tape<B>,
    );

    /// The outputs of the last forward pass.
    fn output<const B: usize>(tape: &Self::Tape<B>) -> &[Self::Output; B];

    /// Computes dp, the gradient by the parameters, from dy, the gradient by the outputs.
    /// Overwrites dp. Computes dx, the gradient by the inputs, if it is asked for.
    ///
    /// `x` is the input of `forward`. `dy` has as many rows as `x` and is overwritten. With
    /// `fused`, dy is already the gradient before the last activation, from a loss that is fused
    /// with it.
    #[allow(clippy::too_many_arguments, reason = "the chain rule's terms, each by its name")]
    fn backward<S: Simd, const B: usize>(
        s: S,
        p: &Self::Params,
        x: &[Self::Input],
        tape: &mut Self::Tape<B>,
        dy: &mut [Self::Output],
        fused: bool,
        dp: &mut Self::Params,
        dx: Option<&mut [Self::Input]>,
    );

    /// The layer's own term of the loss: regularization. Its gradient is part of `backward`'s dp.
    #[inline(always)]
    fn penalty<S: Simd>(s: S, p: &Self::Params) -> f32 {
        let _ = (s, p);
        0.0
    }

    /// Calls `visit` for each penalty, for receipts: the index of its layer, its code, the factors
    /// of Σ|w| and of Σw² as numerator and denominator. `place` is the index of the first layer.
    #[inline(always)]
    fn penalties(place: u32, visit: &mut impl FnMut(&[u32; 6])) {
        let _ = (place, visit);
    }

    /// The first layer whose weights were never set: all its parameters are 0 and a layer with
    /// parameters follows (`hidden`). Neither of the two would learn anything. `place` is the index
    /// of the first layer.
    #[inline(always)]
    fn never_set(p: &Self::Params, place: u32, hidden: bool) -> Option<NeverSet> {
        let unset = const { Self::Params::LEN > 0 }
            && hidden
            && p.as_flat().iter().all(|w| w.to_bits() << 1 == 0);
        unset.then_some(NeverSet { layer: place, kind: Self::NAME })
    }

    /// Number of words of [`Trainable::carried`].
    const CARRIED: usize = 0;

    /// Passes what the tape carries from one step to the next to `words`: a count of passes. A
    /// checkpoint holds it. Most layers carry nothing.
    #[inline(always)]
    fn carried<const B: usize>(tape: &mut Self::Tape<B>, words: &mut impl Words) {
        let _ = (tape, words);
    }

    /// Updates the non-trainable values from the last training pass. Called only after a step with
    /// a finite loss and gradient.
    #[inline(always)]
    fn update_buffers<const B: usize>(tape: &Self::Tape<B>, r: &mut Self::Buffers) {
        let _ = (tape, r);
    }
}
