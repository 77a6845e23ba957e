//! Networks: layers composed, with their parameters.

use crate::{
    error::{Error, Result},
    init::{GlorotUniform, Initializer},
    layer::{Chain, Layer},
    rng::{Rng, Seed},
};
use core::{fmt, hash::Hasher, marker::PhantomData};
use rosenblatt_kernels::{Compact, Level, Plain, Simd, dispatch};

/// A tuple of layers whose shapes fit.
///
/// Implemented for tuples of one to twelve layers, each of which takes what the one before gives.
pub trait Stack: 'static {
    /// The layers as one.
    type Net: Layer;
}

impl<A: Layer> Stack for (A,) {
    type Net = A;
}

/// Tuples as nested pairs: (A, B, C) is A, then (B, C).
macro_rules! stack {
    ($a:ident $($rest:ident)+) => {
        impl<$a: Layer, $($rest: Layer),+> Stack for ($a, $($rest,)+)
        where
            ($($rest,)+): Stack<Net: Layer<Input = $a::Output>>,
        {
            type Net = Chain<$a, <($($rest,)+) as Stack>::Net>;
        }
        stack!($($rest)+);
    };
    ($a:ident) => {};
}
stack!(A B C D E F G H I J K L);

/// A value that holds the parameters of layers: [`Mlp`] and its kin.
pub trait Network {
    /// The layers as one.
    type Layers: Layer;
    /// Their parameters.
    fn params(&self) -> &<Self::Layers as Layer>::Params;
    /// Their parameters, to be changed.
    fn params_mut(&mut self) -> &mut <Self::Layers as Layer>::Params;
}

impl<T: Stack> Network for Mlp<T> {
    type Layers = NetOf<T>;

    #[inline(always)]
    fn params(&self) -> &ParamsOf<T> {
        &self.params
    }

    #[inline(always)]
    fn params_mut(&mut self) -> &mut ParamsOf<T> {
        &mut self.params
    }
}

/// The layers of a [`Stack`] as one.
pub type NetOf<T> = <T as Stack>::Net;
/// The parameters of a [`Stack`].
pub type ParamsOf<T> = <NetOf<T> as Layer>::Params;
/// One sample that a [`Stack`] takes.
pub type InputOf<T> = <NetOf<T> as Layer>::Input;
/// One sample that a [`Stack`] gives.
pub type OutputOf<T> = <NetOf<T> as Layer>::Output;

/// A multi-layer perceptron: the parameters of layers in a row.
///
/// The type is the architecture; the value is nothing but weights and biases, all zero bits until [`Mlp::init`]. It can be built in a `static`.
///
/// ```
/// use rosenblatt::prelude::*;
///
/// type Xor = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;
/// const _: () = assert!(Xor::PARAMS == 33);
///
/// let mut net = Xor::new();
/// net.init(Seed(1957));
/// let [p] = net.predict(&[0.0, 1.0]);
/// assert!(p > 0.0 && p < 1.0);
/// ```
///
/// Layers that do not fit do not compile:
///
/// ```compile_fail,E0271
/// use rosenblatt::prelude::*;
/// type Wrong = Mlp<(Dense<2, 8, Tanh>, Dense<9, 1, Sigmoid>)>; // 8 outputs into 9 inputs
/// let net = Wrong::new();
/// ```
///
/// Nor does a sample of another length:
///
/// ```compile_fail,E0308
/// use rosenblatt::prelude::*;
/// let net = Mlp::<(Dense<2, 1, Sigmoid>,)>::new();
/// net.predict(&[0.0, 1.0, 2.0]);
/// ```
// A cache line on hosts: rows that straddle lines cost about 15 %.
#[cfg_attr(not(target_os = "none"), repr(align(64)))]
pub struct Mlp<T: Stack> {
    params: ParamsOf<T>,
}

impl<T: Stack> Mlp<T> {
    /// How many parameters there are.
    pub const PARAMS: usize = <ParamsOf<T> as Plain>::LEN;
    /// The bytes of the network.
    pub const BYTES: usize = size_of::<Self>();

    /// A network whose parameters are all zero; usable in a `static`, where it costs no flash.
    ///
    /// Equal weights never break symmetry: call [`Mlp::init`] or set the weights before training.
    #[must_use]
    pub const fn new() -> Self {
        Self { params: ParamsOf::<T>::ZERO }
    }

    /// A network with these parameters; usable in a `static`, whose weights then lie in flash.
    ///
    /// ```
    /// use rosenblatt::{kernels::plain::Affine, prelude::*};
    ///
    /// static AND: Mlp<(Dense<2, 1, Step>,)> = Mlp::from_params(Affine { w: [[1.0], [1.0]], b: [-1.5] });
    /// assert_eq!(gates::AND.x.map(|x| AND.predict(&x)), gates::AND.t);
    /// ```
    #[must_use]
    pub const fn from_params(params: ParamsOf<T>) -> Self {
        Self { params }
    }

    /// Keras' default: [`GlorotUniform`] weights, zero biases.
    pub fn init(&mut self, seed: Seed) {
        self.init_with(&GlorotUniform, seed);
    }

    /// Weights by `init`, layer after layer from one generator; zero biases.
    pub fn init_with(&mut self, init: &impl Initializer, seed: Seed) {
        NetOf::<T>::init(&mut self.params, init, &mut Rng::new(seed));
    }

    /// The parameters, layer by layer: `.head` is the first layer's `{ w, b }`, `.tail` what follows (a last layer is itself `{ w, b }`).
    #[inline(always)]
    pub const fn params(&self) -> &ParamsOf<T> {
        &self.params
    }

    /// The parameters, to be changed.
    #[inline(always)]
    pub const fn params_mut(&mut self) -> &mut ParamsOf<T> {
        &mut self.params
    }

    /// All parameters in the order of Keras' `get_weights()`: w (input-major), then b, layer after layer.
    #[inline(always)]
    pub fn weights(&self) -> &[f32] {
        self.params.as_flat()
    }

    /// Sets all parameters, in the order of [`Mlp::weights`].
    /// # Errors
    /// [`Error::Weights`] if there are more or fewer; nothing is changed then.
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

    /// y for one sample, on the fastest backend.
    #[inline]
    pub fn predict(&self, x: &InputOf<T>) -> OutputOf<T> {
        self.predict_on(Level::detect(), x)
    }

    /// [`Mlp::predict`] on a chosen backend: the same bits.
    #[inline]
    pub fn predict_on(&self, level: Level, x: &InputOf<T>) -> OutputOf<T> {
        let mut y = OutputOf::<T>::ZERO;
        let level = level.for_width(NetOf::<T>::WIDTH);
        dispatch!(level, s => NetOf::<T>::infer::<_, 1>(s, &self.params, core::slice::from_ref(x), core::slice::from_mut(&mut y)));
        y
    }

    /// y for each sample, on the fastest backend; the same bits as one at a time.
    /// # Errors
    /// [`Error::Lengths`] if `x` and `y` have different lengths; nothing is written then.
    pub fn predict_batch(&self, x: &[InputOf<T>], y: &mut [OutputOf<T>]) -> Result<()> {
        self.predict_batch_on(Level::detect(), x, y)
    }

    /// [`Mlp::predict_batch`] on a chosen backend.
    /// # Errors
    /// As [`Mlp::predict_batch`].
    pub fn predict_batch_on(&self, level: Level, x: &[InputOf<T>], y: &mut [OutputOf<T>]) -> Result<()> {
        if x.len() != y.len() {
            return Err(Error::Lengths { inputs: x.len(), targets: y.len() });
        }
        // Hidden rows lie on the stack: on a chip one at a time.
        const ROWS: usize = if cfg!(target_os = "none") { 1 } else { 16 };
        #[inline(always)]
        fn rows<S: Simd, N: Layer>(s: S, p: &N::Params, x: &[N::Input], y: &mut [N::Output]) {
            for (x, y) in x.chunks(ROWS).zip(y.chunks_mut(ROWS)) {
                N::infer::<S, ROWS>(s, p, x, y);
            }
        }
        let level = level.for_width(NetOf::<T>::WIDTH);
        dispatch!(level, s => rows::<_, NetOf<T>>(Compact(s), &self.params, x, y));
        Ok(())
    }

    /// FNV-1a over the bits of all parameters, little-endian, every NaN as one: equal weights, equal hash, on every target.
    #[must_use]
    pub fn hash(&self) -> u64 {
        hash(self.weights())
    }

    /// The network as a table of its layers.
    #[must_use]
    pub const fn summary() -> Summary<T> {
        Summary(PhantomData)
    }
}

impl<T: Stack> Clone for Mlp<T> {
    fn clone(&self) -> Self {
        Self { params: self.params }
    }
}

impl<T: Stack> fmt::Debug for Mlp<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mlp({} parameters, hash {:016x})", Self::PARAMS, self.hash())
    }
}

impl<T: Stack> Default for Mlp<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// FNV-1a (64 bits) over the little-endian bits of `values`, every NaN as 0x7fc00000.
#[must_use]
pub fn hash(values: &[f32]) -> u64 {
    let mut hasher = fnv::FnvHasher::default();
    for value in values {
        let bits = if value.is_nan() { 0x7fc0_0000 } else { value.to_bits() };
        hasher.write(&bits.to_le_bytes());
    }
    hasher.finish()
}

/// Prints a network's layers, parameters and bytes.
pub struct Summary<T: Stack>(PhantomData<T>);

impl<T: Stack> fmt::Display for Summary<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<10} {:>8} {:>8}   {:<12} {:>10}", "layer", "inputs", "outputs", "activation", "parameters")?;
        let mut result = Ok(());
        NetOf::<T>::describe(&mut |d| {
            if result.is_ok() {
                let (kind, activation) = (d.kind, d.activation);
                result = writeln!(f, "{kind:<10} {:>8} {:>8}   {activation:<12} {:>10}", d.inputs, d.outputs, d.params);
            }
        });
        result?;
        write!(f, "{} parameters, {} bytes", Mlp::<T>::PARAMS, Mlp::<T>::BYTES)
    }
}
