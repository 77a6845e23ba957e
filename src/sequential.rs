//! Networks: layers composed, with their parameters.
//!
//! In this order: [`Sequential`], the network; [`Model`], what a trainer uses of it; [`Layers`], a
//! tuple as one layer. `view.rs` has the predictions.

mod view;

pub use view::{PredictOn, Predicts, View};

use crate::{
    error::{Error, Result},
    init::{GlorotUniform, Initializer},
    layer::{Chain, Layer, Tensor},
    rng::{Rng, Seed},
    summary::Summary,
};
use core::{fmt, hash::Hasher};
#[cfg(feature = "alloc")]
use rosenblatt_kernels::zero;
use rosenblatt_kernels::{
    Backend, F32Array, array::reshape_rows, environment::standard, zero_bits,
};

/// Layers in sequence, with their parameters.
///
/// The type is the architecture. The value holds only the parameters and the non-trainable values
/// (moving mean and variance). All of them are zero bits until [`Mlp::init`]. The value can be
/// built in a `static`.
///
/// ```
/// use rosenblatt::prelude::*;
///
/// type Xor = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;
/// const _: () = assert!(Xor::PARAMS == 33);
///
/// let mut net = Xor::init(Seed(1957));
/// let [p] = net.predict(&[0.0, 1.0]);
/// assert!(p > 0.0 && p < 1.0);
/// ```
///
/// Layers whose shapes do not fit do not compile. The compiler says "the layers do not fit: Dense
/// gives 8, Dense takes 9":
///
/// ```compile_fail,E0080
/// use rosenblatt::prelude::*;
/// type Wrong = Mlp<(Dense<2, 8, Tanh>, Dense<9, 1, Sigmoid>)>; // 8 outputs into 9 inputs
/// let net = Wrong::ZERO;
/// ```
///
/// A sample of another length does not compile either:
///
/// ```compile_fail,E0308
/// use rosenblatt::prelude::*;
/// let net = Mlp::<(Dense<2, 1, Sigmoid>,)>::ZERO;
/// net.predict(&[0.0, 1.0, 2.0]);
/// ```
// Aligned to a cache line on hosts: rows that straddle lines cost about 15 %.
#[cfg_attr(not(target_os = "none"), repr(align(64)))]
pub struct Sequential<T: Layers> {
    pub(crate) params: ParamsOf<Self>,
    pub(crate) buffers: BuffersOf<Self>,
}

/// The lecture's name of [`Sequential`]: multi-layer perceptron.
///
/// ```
/// use rosenblatt::prelude::*;
///
/// let net = Mlp::<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>::ZERO;
/// assert_eq!(net.predict(&[1.0, 2.0]), [0.5]); // zero weights
/// ```
pub type Mlp<T> = Sequential<T>;

/// A tuple of layers. Each layer takes the output of the one before.
///
/// Implemented for tuples of one to 32 layers. A tuple of one is written with a comma:
///
/// ```compile_fail,E0277
/// use rosenblatt::prelude::*;
/// let net = Mlp::<(Dense<2, 1>)>::ZERO; // (Dense<2, 1>,) is right
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a tuple of 1 to 32 layers",
    note = "a tuple of one layer needs a comma: `Mlp<(Dense<2, 1>,)>`"
)]
pub trait Layers: 'static {
    /// The layers as nested pairs.
    type List: List<Composed = Self::Composed>;
    /// The layers as one layer.
    type Composed: Layer;
}

impl<T: Layers> Sequential<T> {
    /// The number of parameters.
    pub const PARAMS: usize = <ParamsOf<Self> as F32Array>::LEN;
    /// The size of the network in bytes.
    pub const BYTES: usize = size_of::<Self>();

    /// A network whose parameters are all zero. It can stand in a `static`, where it costs no
    /// flash.
    ///
    /// Equal weights never break symmetry: draw them ([`Sequential::init`],
    /// [`Sequential::initialize`]) or set them before training. Training a network with a hidden
    /// layer of only zeros is an error ([`Error::NeverSet`]).
    pub const ZERO: Self = {
        // Layers that do not fit are found here.
        let _ = ComposedOf::<T>::MAX_ROW;
        Self { params: ParamsOf::<Self>::ZERO, buffers: BuffersOf::<Self>::ZERO }
    };

    /// A network with Keras' default: [`GlorotUniform`] weights and zero biases.
    #[must_use]
    #[cfg_attr(target_os = "none", inline(always))]
    pub fn init(seed: Seed) -> Self {
        Self::init_with(&GlorotUniform, seed)
    }

    /// A network with weights that `init` draws, layer after layer from one generator, and zero
    /// biases.
    #[must_use]
    #[cfg_attr(target_os = "none", inline(always))]
    pub fn init_with(init: &impl Initializer, seed: Seed) -> Self {
        let mut net = Self::ZERO;
        net.initialize_with(init, seed);
        net
    }

    /// A network with these parameters. It can stand in a `static`; the weights are then in flash.
    ///
    /// ```
    /// use rosenblatt::{kernels::array::Affine, activation::Step, prelude::*};
    ///
    /// static AND: Mlp<(Dense<2, 1, Step>,)> =
    ///     Mlp::from_params(Affine { w: [[1.0], [1.0]], b: [-1.5] });
    /// assert_eq!(gates::AND.x.map(|x| AND.predict(&x)), gates::AND.t);
    /// ```
    ///
    /// The moving mean and variance of a batch normalization are zero then: see
    /// [`Mlp::from_parts`].
    #[must_use]
    pub const fn from_params(params: ParamsOf<Self>) -> Self {
        Self::from_parts(params, BuffersOf::<Self>::ZERO)
    }

    /// A network with these parameters and non-trainable values (moving mean and variance). It can
    /// stand in a `static` in flash.
    ///
    /// ```
    /// use rosenblatt::{kernels::normalize::{Moments, Scale}, prelude::*};
    ///
    /// type Norm = Mlp<(BatchNorm<[f32; 1]>,)>;
    /// static NORM: Norm = Norm::from_parts(
    ///     Scale { gamma: [2.0], beta: [1.0] },
    ///     Moments { mean: [3.0], variance: [4.0 - 1e-3] },
    /// );
    /// assert_eq!(NORM.predict(&[5.0]), [3.0]); // (5 - 3) / 2 · 2 + 1
    /// ```
    #[must_use]
    pub const fn from_parts(params: ParamsOf<Self>, buffers: BuffersOf<Self>) -> Self {
        Self { params, buffers }
    }

    /// A network with these parameters in the order of [`Sequential::weights`], and these
    /// non-trainable values. It can stand in a `static` in flash. The tool `rosenblatt` writes such
    /// a `static` of a model from Keras, PyTorch, ONNX or TensorFlow Lite.
    ///
    /// ```
    /// use rosenblatt::prelude::*;
    ///
    /// type Net = Sequential<(Dense<2, 1, Relu>,)>;
    /// static NET: Net = Net::from_weights([1.0, 2.0, 0.5], []);
    /// assert_eq!(NET.predict(&[3.0, -1.0]), [1.5]); // 0.5 + 3·1 − 1·2
    /// ```
    ///
    /// Another number of values does not compile:
    ///
    /// ```compile_fail,E0080
    /// use rosenblatt::prelude::*;
    /// type Net = Sequential<(Dense<2, 1, Relu>,)>;
    /// static NET: Net = Net::from_weights([1.0, 2.0], []);
    /// ```
    #[must_use]
    pub const fn from_weights<const N: usize, const M: usize>(
        weights: [f32; N],
        buffers: [f32; M],
    ) -> Self {
        Self::from_parts(from_row(weights), from_row(buffers))
    }

    /// A network on the heap with the weights of [`Mlp::init`]. It is made in place and never
    /// crosses the stack, so it can be large. Feature `alloc`.
    ///
    /// ```
    /// use rosenblatt::prelude::*;
    /// let net = Mlp::<(Dense<4096, 1024, Relu>, Dense<1024, 1>)>::boxed(Seed(1957)); // 16.8 MB
    /// assert_ne!(net.weights()[0], 0.0);
    /// ```
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn boxed(seed: Seed) -> alloc::boxed::Box<Self> {
        let mut net = zero::boxed::<Self>();
        net.initialize(seed);
        net
    }

    /// [`Sequential::init`] in place: for a network in a `static`, or one that is too large for the
    /// stack.
    #[cfg_attr(target_os = "none", inline(always))]
    pub fn initialize(&mut self, seed: Seed) {
        self.initialize_with(&GlorotUniform, seed);
    }

    /// [`Sequential::init_with`] in place.
    // On a chip inlined: the generator's start is a constant if the seed is known.
    #[cfg_attr(target_os = "none", inline(always))]
    pub fn initialize_with(&mut self, init: &impl Initializer, seed: Seed) {
        standard(|| {
            ComposedOf::<T>::init(&mut self.params, &mut self.buffers, init, &mut Rng::new(seed))
        });
    }

    /// The parameters, layer by layer. `.head` holds the first layer's `{ w, b }`; `.tail` holds
    /// the layers after it. The last layer has no `.head`: it is `{ w, b }` itself.
    #[inline(always)]
    pub const fn params(&self) -> &ParamsOf<Self> {
        &self.params
    }

    /// The same, mutable.
    #[inline(always)]
    pub const fn params_mut(&mut self) -> &mut ParamsOf<Self> {
        &mut self.params
    }

    /// The parameters of layer `I`, counted from 0: `{ w, b }` of a dense layer or a convolution.
    ///
    /// ```
    /// use rosenblatt::prelude::*;
    /// let mut net = Mlp::<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>::init(Seed(1957));
    /// assert_eq!(net.layer::<0>().b, [0.0; 8]);
    /// net.layer_mut::<1>().w[3][0] = 0.25;
    /// assert_eq!(net.weights()[16 + 8 + 3], 0.25);
    /// ```
    #[inline(always)]
    pub fn layer<const I: usize>(&self) -> &<T::List as At<I>>::Params
    where
        T::List: At<I>,
    {
        <T::List as At<I>>::at(&self.params)
    }

    /// [`Sequential::layer`], mutable.
    #[inline(always)]
    pub fn layer_mut<const I: usize>(&mut self) -> &mut <T::List as At<I>>::Params
    where
        T::List: At<I>,
    {
        <T::List as At<I>>::at_mut(&mut self.params)
    }

    /// All parameters in the order of memory: layer after layer as in Keras' `get_weights()`, but
    /// without the non-trainable values (moving mean and variance).
    #[inline(always)]
    pub fn weights(&self) -> &[f32] {
        self.params.as_flat()
    }

    /// [`Sequential::weights`], mutable.
    #[inline(always)]
    pub fn weights_mut(&mut self) -> &mut [f32] {
        self.params.as_flat_mut()
    }

    /// Sets all parameters, in the order of [`Mlp::weights`].
    /// # Errors
    /// [`Error::Weights`] if there are more or fewer. Nothing is changed then.
    pub fn set_weights(&mut self, weights: &[f32]) -> Result<()> {
        let expected = Self::PARAMS;
        if weights.len() != expected {
            return Err(Error::Weights { expected, got: weights.len() });
        }
        for (w, new) in self.params.as_flat_mut().iter_mut().zip(weights) {
            *w = *new;
        }
        Ok(())
    }

    /// Calls `visit` with each tensor and its values. Names, order and layout are those of Keras'
    /// `get_weights()`.
    ///
    /// Kernels are input-major (`[inputs, units]`, `[height, width, channels, filters]`), as in
    /// Keras.
    pub fn tensors(&self, mut visit: impl FnMut(&Tensor, &[f32])) {
        let (mut learnt, mut buffers) = (self.params.as_flat(), self.buffers.as_flat());
        ComposedOf::<T>::tensors(&mut |tensor| {
            let rest = if tensor.learnt { &mut learnt } else { &mut buffers };
            if let Some((values, tail)) = rest.split_at_checked(tensor.shape.len()) {
                *rest = tail;
                visit(tensor, values);
            }
        });
    }

    /// Sets the values of all tensors, as Keras' `set_weights()`. Order and layout are those of
    /// Keras' `get_weights()`.
    ///
    /// ```
    /// use rosenblatt::prelude::*;
    ///
    /// let mut net = Mlp::<(Dense<2, 3, Tanh>, Dense<3, 1, Sigmoid>)>::ZERO;
    /// let (kernel, bias) = ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0.0; 3]);
    /// net.set_tensors(&[&kernel, &bias, &[1.0, -1.0, 1.0], &[0.5]])?;
    /// assert_eq!(net.layer::<0>().w[1], [0.4, 0.5, 0.6]);
    /// let error = net.set_tensors(&[&kernel, &bias, &[1.0, -1.0], &[0.5]]).unwrap_err();
    /// let message = "tensor 2 (kernel) has 2 values; its shape (3, 1) asks for 3";
    /// assert_eq!(error.to_string(), message);
    /// # Ok::<(), rosenblatt::Error>(())
    /// ```
    /// # Errors
    /// [`Error::Tensors`] for another number of tensors. [`Error::Tensor`] for a tensor of another
    /// length. Nothing is changed then.
    pub fn set_tensors(&mut self, tensors: &[&[f32]]) -> Result<()> {
        let (mut expected, mut wrong) = (0, None);
        ComposedOf::<T>::tensors(&mut |&Tensor { name, shape, .. }| {
            let got = tensors.get(expected).map_or(shape.len(), |values| values.len());
            if got != shape.len() && wrong.is_none() {
                wrong = Some(Error::Tensor { index: expected, name, shape, got });
            }
            expected += 1;
        });
        if tensors.len() != expected {
            return Err(Error::Tensors { expected, got: tensors.len() });
        }
        if let Some(error) = wrong {
            return Err(error);
        }
        let (mut learnt, mut buffers) =
            (self.params.as_flat_mut().iter_mut(), self.buffers.as_flat_mut().iter_mut());
        let mut tensors = tensors.iter();
        ComposedOf::<T>::tensors(&mut |tensor| {
            let rest = if tensor.learnt { &mut learnt } else { &mut buffers };
            for value in tensors.next().copied().unwrap_or_default() {
                if let Some(w) = rest.next() {
                    *w = *value;
                }
            }
        });
        Ok(())
    }

    /// y for one sample, on the fastest backend.
    #[inline]
    pub fn predict(&self, x: &InputOf<Self>) -> OutputOf<Self> {
        view::predict(self, Backend::detect(), x)
    }

    /// y for each sample, on the fastest backend. The bits are those of [`Mlp::predict`] for each
    /// sample.
    /// # Errors
    /// [`Error::Lengths`] if `x` and `y` have different lengths. Nothing is written then.
    pub fn predict_batch(&self, x: &[InputOf<Self>], y: &mut [OutputOf<Self>]) -> Result<()> {
        view::predict_batch(self, Backend::detect(), x, y)
    }

    /// This network on a chosen backend: the same bits.
    ///
    /// ```
    /// use rosenblatt::prelude::*;
    /// let net = Mlp::<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>::init(Seed(1957));
    /// let x = [0.5, -1.0];
    /// assert_eq!(net.on(Backend::baseline()).predict(&x), net.predict(&x));
    /// ```
    #[inline(always)]
    pub const fn on(&self, backend: Backend) -> PredictOn<'_, Self> {
        PredictOn { net: self, backend }
    }

    /// This network as a [`View`]: its parameters, borrowed.
    #[inline(always)]
    #[must_use]
    pub const fn as_view(&self) -> View<'_, T> {
        View::new(&self.params, &self.buffers)
    }

    /// FNV-1a over the bits of all parameters, then of the non-trainable values. The bits are
    /// little-endian; every NaN counts as the same one. Equal values have the same hash on every
    /// target.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.as_view().hash()
    }

    /// The table of the layers, to be printed.
    #[must_use]
    pub const fn summary() -> Summary<T> {
        Summary::new()
    }
}

/// A row of values as the parts that lie in memory like it.
const fn from_row<const N: usize, P: F32Array>(row: [f32; N]) -> P {
    let rows = [row];
    let [parts] = reshape_rows::<_, P>(&rows) else { return P::ZERO };
    *parts
}

zero_bits!([T: Layers] Sequential<T>: { params, buffers });

impl<T: Layers> Clone for Sequential<T> {
    fn clone(&self) -> Self {
        Self { params: self.params, buffers: self.buffers }
    }

    /// Copies in place: nothing large crosses the stack.
    fn clone_from(&mut self, other: &Self) {
        self.params.as_flat_mut().copy_from_slice(other.params.as_flat());
        self.buffers.as_flat_mut().copy_from_slice(other.buffers.as_flat());
    }
}

impl<T: Layers> fmt::Debug for Sequential<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sequential({} parameters, hash {:016x})", Self::PARAMS, self.hash())
    }
}

impl<T: Layers> Default for Sequential<T> {
    fn default() -> Self {
        Self::ZERO
    }
}

/// FNV-1a (64 bits) over the little-endian bits of `values`, every NaN as 0x7fc00000.
#[must_use]
pub fn hash(values: &[f32]) -> u64 {
    hash_of([values])
}

/// [`hash`] of several slices, one after the other.
pub(crate) fn hash_of<const N: usize>(slices: [&[f32]; N]) -> u64 {
    let mut hasher = fnv::FnvHasher::default();
    for value in slices.into_iter().flatten() {
        let bits = if value.is_nan() { 0x7fc0_0000 } else { value.to_bits() };
        hasher.write(&bits.to_le_bytes());
    }
    hasher.finish()
}

/// A value that holds the parameters of layers: [`Sequential`].
pub trait Model {
    /// The layers as one layer.
    type Layers: Layer;
    /// Their parameters.
    fn params(&self) -> &<Self::Layers as Layer>::Params;
    /// Their parameters, mutable.
    fn params_mut(&mut self) -> &mut <Self::Layers as Layer>::Params;
    /// Non-trainable values (moving mean and variance).
    fn buffers(&self) -> &<Self::Layers as Layer>::Buffers;
    /// Non-trainable values, mutable.
    fn buffers_mut(&mut self) -> &mut <Self::Layers as Layer>::Buffers;
    /// Draws the initial weights: [`Sequential::initialize_with`].
    fn draw(&mut self, init: &impl Initializer, seed: Seed);
}

impl<T: Layers> Model for Sequential<T> {
    type Layers = ComposedOf<T>;

    #[inline(always)]
    fn params(&self) -> &ParamsOf<Self> {
        &self.params
    }

    #[inline(always)]
    fn params_mut(&mut self) -> &mut ParamsOf<Self> {
        &mut self.params
    }

    #[inline(always)]
    fn buffers(&self) -> &BuffersOf<Self> {
        &self.buffers
    }

    #[inline(always)]
    fn buffers_mut(&mut self) -> &mut BuffersOf<Self> {
        &mut self.buffers
    }

    #[cfg_attr(target_os = "none", inline(always))]
    fn draw(&mut self, init: &impl Initializer, seed: Seed) {
        self.initialize_with(init, seed);
    }
}

/// The layers of a tuple as one layer.
pub type ComposedOf<T> = <T as Layers>::Composed;
/// The layers of a network as one layer.
pub type LayersOf<N> = <N as Model>::Layers;
/// The parameters of a network.
pub type ParamsOf<N> = <LayersOf<N> as Layer>::Params;
/// The non-trainable values of a network: moving means and variances.
pub type BuffersOf<N> = <LayersOf<N> as Layer>::Buffers;
/// One input sample of a network.
pub type InputOf<N> = <LayersOf<N> as Layer>::Input;
/// One output sample of a network.
pub type OutputOf<N> = <LayersOf<N> as Layer>::Output;

/// (A, B, C) as (A, (B, (C, ()))).
macro_rules! nested {
    () => { () };
    ($a:ident $($rest:ident)*) => { ($a, nested!($($rest)*)) };
}

/// Tuples of this length and of all shorter ones.
macro_rules! tuples {
    () => {};
    ($a:ident $($rest:ident)*) => {
        #[diagnostic::do_not_recommend]
        impl<$a: Layer, $($rest: Layer),*> Layers for ($a, $($rest,)*) {
            type List = nested!($a $($rest)*);
            type Composed = <Self::List as List>::Composed;
        }
        tuples!($($rest)*);
    };
}
tuples!(
    L0 L1 L2 L3 L4 L5 L6 L7 L8 L9 L10 L11 L12 L13 L14 L15 L16 L17 L18 L19 L20 L21 L22 L23 L24 L25
    L26 L27 L28 L29 L30 L31
);

/// Layers as nested pairs: (A, (B, ())) is A, then B.
pub trait List: 'static {
    /// The layers as one layer.
    type Composed: Layer;
}

impl<A: Layer> List for (A, ()) {
    type Composed = A;
}

impl<A: Layer, B: 'static, R: 'static> List for (A, (B, R))
where
    (B, R): List,
{
    type Composed = Chain<A, <(B, R) as List>::Composed>;
}

/// A list that has a layer `I`, counted from 0.
#[diagnostic::on_unimplemented(
    message = "the network has no layer {I}",
    note = "layers are counted from 0"
)]
pub trait At<const I: usize>: List {
    /// The parameters of layer `I`.
    type Params;

    /// The parameters of layer `I` among all.
    fn at(params: &<Self::Composed as Layer>::Params) -> &Self::Params;

    /// The same, mutable.
    fn at_mut(params: &mut <Self::Composed as Layer>::Params) -> &mut Self::Params;
}

impl<A: Layer> At<0> for (A, ()) {
    type Params = A::Params;

    #[inline(always)]
    fn at(params: &A::Params) -> &A::Params {
        params
    }

    #[inline(always)]
    fn at_mut(params: &mut A::Params) -> &mut A::Params {
        params
    }
}

impl<A: Layer, B: 'static, R: 'static> At<0> for (A, (B, R))
where
    (B, R): List,
{
    type Params = A::Params;

    #[inline(always)]
    fn at(params: &<Self::Composed as Layer>::Params) -> &A::Params {
        &params.head
    }

    #[inline(always)]
    fn at_mut(params: &mut <Self::Composed as Layer>::Params) -> &mut A::Params {
        &mut params.head
    }
}

/// Layer `I` of a list is layer `I` − 1 of what follows its first layer.
macro_rules! at {
    ($($before:literal $i:literal;)*) => {$(
        impl<A: Layer, B: 'static, R: 'static> At<$i> for (A, (B, R))
        where
            (B, R): At<$before>,
        {
            type Params = <(B, R) as At<$before>>::Params;

            #[inline(always)]
            fn at(params: &<Self::Composed as Layer>::Params) -> &Self::Params {
                <(B, R) as At<$before>>::at(&params.tail)
            }

            #[inline(always)]
            fn at_mut(params: &mut <Self::Composed as Layer>::Params) -> &mut Self::Params {
                <(B, R) as At<$before>>::at_mut(&mut params.tail)
            }
        }
    )*};
}
at! {
    0 1; 1 2; 2 3; 3 4; 4 5; 5 6; 6 7; 7 8; 8 9; 9 10; 10 11; 11 12; 12 13; 13 14; 14 15; 15 16;
    16 17; 17 18; 18 19; 19 20; 20 21; 21 22; 22 23; 23 24; 24 25; 25 26; 26 27; 27 28; 28 29;
    29 30; 30 31;
}
