//! Networks: layers composed, with their parameters.

use crate::{
    data::same_lengths,
    error::{Error, Result},
    init::{GlorotUniform, Initializer},
    layer::{Chain, Description, Layer, Tensor, in_place},
    rng::{Rng, Seed},
};
use core::{
    fmt::{self, Write as _},
    hash::Hasher,
    marker::PhantomData,
};
#[cfg(feature = "alloc")]
use rosenblatt_kernels::zero;
use rosenblatt_kernels::{Compact, Level, Plain, Simd, dispatch, environment::standard, zero_bits};

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
    /// What they carry along without learning it by gradient.
    fn running(&self) -> &<Self::Layers as Layer>::Running;
    /// That, to be changed.
    fn running_mut(&mut self) -> &mut <Self::Layers as Layer>::Running;
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

    #[inline(always)]
    fn running(&self) -> &RunningOf<T> {
        &self.running
    }

    #[inline(always)]
    fn running_mut(&mut self) -> &mut RunningOf<T> {
        &mut self.running
    }
}

/// The layers of a [`Stack`] as one.
pub type NetOf<T> = <T as Stack>::Net;
/// The parameters of a [`Stack`].
pub type ParamsOf<T> = <NetOf<T> as Layer>::Params;
/// What a [`Stack`] carries along without learning it by gradient.
pub type RunningOf<T> = <NetOf<T> as Layer>::Running;
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
    running: RunningOf<T>,
}

impl<T: Stack> Mlp<T> {
    /// How many parameters there are.
    pub const PARAMS: usize = <ParamsOf<T> as Plain>::LEN;
    /// The bytes of the network.
    pub const BYTES: usize = size_of::<Self>();

    /// A network whose parameters are all zero; usable in a `static`, where it costs no flash.
    ///
    /// Equal weights never break symmetry: call [`Mlp::init`] or set the weights before training. A hidden layer with nothing but zeros is an error there
    /// ([`Error::NeverSet`]).
    #[must_use]
    pub const fn new() -> Self {
        Self { params: ParamsOf::<T>::ZERO, running: RunningOf::<T>::ZERO }
    }

    /// A network with these parameters; usable in a `static`, whose weights then lie in flash.
    ///
    /// ```
    /// use rosenblatt::{kernels::plain::Affine, prelude::*};
    ///
    /// static AND: Mlp<(Dense<2, 1, Step>,)> = Mlp::from_params(Affine { w: [[1.0], [1.0]], b: [-1.5] });
    /// assert_eq!(gates::AND.x.map(|x| AND.predict(&x)), gates::AND.t);
    /// ```
    ///
    /// What a batch normalization carries along is zero then: see [`Mlp::from_parts`].
    #[must_use]
    pub const fn from_params(params: ParamsOf<T>) -> Self {
        Self::from_parts(params, RunningOf::<T>::ZERO)
    }

    /// A network with these parameters and what its batch normalizations carry along; usable in a `static` that lies in flash.
    ///
    /// ```
    /// use rosenblatt::{kernels::normalize::{Moments, Scale}, prelude::*};
    ///
    /// type Norm = Mlp<(BatchNorm<[f32; 1]>,)>;
    /// static NORM: Norm =
    ///     Norm::from_parts(Scale { gamma: [2.0], beta: [1.0] }, Moments { mean: [3.0], variance: [4.0 - 1e-3] });
    /// assert_eq!(NORM.predict(&[5.0]), [3.0]); // (5 - 3) / 2 · 2 + 1
    /// ```
    #[must_use]
    pub const fn from_parts(params: ParamsOf<T>, running: RunningOf<T>) -> Self {
        Self { params, running }
    }

    /// A network on the heap with [`Mlp::init`]'s weights, made in place: however large, it never passes the stack. Feature `alloc`.
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
        net.init(seed);
        net
    }

    /// Keras' default: [`GlorotUniform`] weights, zero biases.
    #[cfg_attr(target_os = "none", inline(always))]
    pub fn init(&mut self, seed: Seed) {
        self.init_with(&GlorotUniform, seed);
    }

    /// Weights by `init`, layer after layer from one generator; zero biases.
    // On a chip in place: of a known seed the generator's start is a constant.
    #[cfg_attr(target_os = "none", inline(always))]
    pub fn init_with(&mut self, init: &impl Initializer, seed: Seed) {
        standard(|| NetOf::<T>::init(&mut self.params, &mut self.running, init, &mut Rng::new(seed)));
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

    /// All parameters in the order of memory: layer after layer as Keras' `get_weights()`, without what a batch normalization carries along.
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

    /// Calls `see` with each tensor and its values: Keras' `get_weights()`, names, order and layout.
    ///
    /// Kernels are input-major (`[inputs, units]`, `[height, width, channels, filters]`), as Keras has them.
    pub fn tensors(&self, mut see: impl FnMut(&Tensor, &[f32])) {
        let (mut learnt, mut running) = (self.params.as_flat(), self.running.as_flat());
        NetOf::<T>::tensors(&mut |tensor| {
            let rest = if tensor.learnt { &mut learnt } else { &mut running };
            if let Some((values, tail)) = rest.split_at_checked(tensor.shape.len()) {
                *rest = tail;
                see(tensor, values);
            }
        });
    }

    /// Sets all tensors, each by its values: Keras' `set_weights()`, with the order and layout of its `get_weights()`.
    ///
    /// ```
    /// use rosenblatt::prelude::*;
    ///
    /// let mut net = Mlp::<(Dense<2, 3, Tanh>, Dense<3, 1, Sigmoid>)>::new();
    /// let (kernel, bias) = ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0.0; 3]);
    /// net.set_tensors(&[&kernel, &bias, &[1.0, -1.0, 1.0], &[0.5]])?;
    /// assert_eq!(net.params().head.w[1], [0.4, 0.5, 0.6]);
    /// let wrong = net.set_tensors(&[&kernel, &bias, &[1.0, -1.0], &[0.5]]);
    /// assert_eq!(wrong.unwrap_err().to_string(), "tensor 2 (kernel) has 2 values; its shape (3, 1) asks for 3");
    /// # Ok::<(), rosenblatt::Error>(())
    /// ```
    /// # Errors
    /// [`Error::Tensors`] for another number of tensors, [`Error::Tensor`] for one of another length; nothing is changed then.
    pub fn set_tensors(&mut self, tensors: &[&[f32]]) -> Result<()> {
        let (mut expected, mut wrong) = (0, None);
        NetOf::<T>::tensors(&mut |&Tensor { name, shape, .. }| {
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
        let (mut learnt, mut running) = (self.params.as_flat_mut().iter_mut(), self.running.as_flat_mut().iter_mut());
        let mut tensors = tensors.iter();
        NetOf::<T>::tensors(&mut |tensor| {
            let rest = if tensor.learnt { &mut learnt } else { &mut running };
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
    pub fn predict(&self, x: &InputOf<T>) -> OutputOf<T> {
        self.predict_on(Level::detect(), x)
    }

    /// [`Mlp::predict`] on a chosen backend: the same bits.
    #[inline]
    pub fn predict_on(&self, level: Level, x: &InputOf<T>) -> OutputOf<T> {
        let mut y = OutputOf::<T>::ZERO;
        let (row, to) = (core::slice::from_ref(x), core::slice::from_mut(&mut y));
        dispatch!(level, width: NetOf::<T>::WIDTH, s => infer_one::<_, NetOf<T>>(s, &self.params, &self.running, row, to));
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
        same_lengths(x, y)?;
        // Hidden rows lie on the stack: on a chip one at a time.
        const ROWS: usize = if cfg!(target_os = "none") { 1 } else { 16 };
        #[inline(always)]
        fn rows<S: Simd, N: Layer>(s: S, p: &N::Params, r: &N::Running, x: &[N::Input], y: &mut [N::Output]) {
            for (x, y) in x.chunks(ROWS).zip(y.chunks_mut(ROWS)) {
                N::infer::<S, ROWS>(s, p, r, x, y);
            }
        }
        dispatch!(level, width: NetOf::<T>::WIDTH, s => rows::<_, NetOf<T>>(Compact(s), &self.params, &self.running, x, y));
        Ok(())
    }

    /// FNV-1a over the bits of all parameters, then of what is carried along, little-endian, every NaN as one: equal weights, equal hash, on
    /// every target.
    #[must_use]
    pub fn hash(&self) -> u64 {
        hash_of([self.params.as_flat(), self.running.as_flat()])
    }

    /// The network as a table of its layers.
    #[must_use]
    pub const fn summary() -> Summary<T> {
        Summary(PhantomData)
    }
}

/// [`Layer::infer`] for one sample.
#[inline(always)]
fn infer_one<S: Simd, N: Layer>(s: S, p: &N::Params, r: &N::Running, x: &[N::Input], y: &mut [N::Output]) {
    if const { in_place::<S, N>() } {
        N::infer::<S, 1>(s, p, r, x, y);
    } else {
        N::infer::<Compact<S>, 1>(Compact(s), p, r, x, y);
    }
}

zero_bits!([T: Stack] Mlp<T>: { params, running });

impl<T: Stack> Clone for Mlp<T> {
    fn clone(&self) -> Self {
        Self { params: self.params, running: self.running }
    }

    /// In place: nothing large crosses the stack.
    fn clone_from(&mut self, other: &Self) {
        self.params.as_flat_mut().copy_from_slice(other.params.as_flat());
        self.running.as_flat_mut().copy_from_slice(other.running.as_flat());
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
    hash_of([values])
}

/// [`hash`] of slices in a row.
fn hash_of<const N: usize>(slices: [&[f32]; N]) -> u64 {
    let mut hasher = fnv::FnvHasher::default();
    for value in slices.into_iter().flatten() {
        let bits = if value.is_nan() { 0x7fc0_0000 } else { value.to_bits() };
        hasher.write(&bits.to_le_bytes());
    }
    hasher.finish()
}

/// The shape of what a layer gives: `10`, or `6x6x8`.
fn outputs(d: &Description) -> heapless::String<48> {
    let mut text = heapless::String::new();
    for (i, n) in d.shape.dims().iter().enumerate() {
        // Five lengths of up to eight digits fit.
        let _ = if i == 0 { write!(text, "{n}") } else { write!(text, "x{n}") };
    }
    text
}

/// Prints a network's layers, parameters and bytes.
pub struct Summary<T: Stack>(PhantomData<T>);

impl<T: Stack> fmt::Display for Summary<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut kinds, mut shapes) = ("layer".len(), "outputs".len());
        NetOf::<T>::describe(&mut |d| {
            kinds = kinds.max(d.kind.len());
            shapes = shapes.max(outputs(d).len());
        });
        let titles = ("layer", "inputs", "outputs", "activation", "parameters");
        let (kind, inputs, shape, activation, params) = titles;
        writeln!(f, "{kind:<kinds$} {inputs:>8} {shape:>shapes$}   {activation:<12} {params:>10}")?;
        let (mut result, mut running) = (Ok(()), 0);
        NetOf::<T>::describe(&mut |d| {
            running += d.running;
            if result.is_ok() {
                let (kind, shape, activation) = (d.kind, outputs(d), d.activation);
                result =
                    writeln!(f, "{kind:<kinds$} {:>8} {shape:>shapes$}   {activation:<12} {:>10}", d.inputs, d.params);
            }
        });
        result?;
        write!(f, "{} parameters, ", Mlp::<T>::PARAMS)?;
        if running > 0 {
            write!(f, "{running} running values, ")?;
        }
        write!(f, "{} bytes", Mlp::<T>::BYTES)
    }
}
