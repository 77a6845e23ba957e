//! Networks: layers composed, with their parameters.

use crate::{
    data::same_lengths,
    error::{Error, Result},
    init::{GlorotUniform, Initializer},
    layer::{Layer, Tensor, in_place},
    model::{BuffersOf, ComposedOf, InputOf, Layers, Model, OutputOf, ParamsOf},
    rng::{Rng, Seed},
    summary::Summary,
};
use core::{fmt, hash::Hasher};
#[cfg(feature = "alloc")]
use rosenblatt_kernels::zero;
use rosenblatt_kernels::{
    Backend, F32Array, OutOfLine, Simd, dispatch, environment::standard, zero_bits,
};

/// Layers in a row, and their parameters.
///
/// The type is the architecture; the value is nothing but weights and biases, all zero bits until
/// [`Mlp::init`]. It can be built in a `static`.
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
pub struct Sequential<T: Layers> {
    params: ParamsOf<Self>,
    buffers: BuffersOf<Self>,
}

/// The lecture's name of it: a multi-layer perceptron.
pub type Mlp<T> = Sequential<T>;

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
}

impl<T: Layers> Sequential<T> {
    /// How many parameters there are.
    pub const PARAMS: usize = <ParamsOf<Self> as F32Array>::LEN;
    /// The bytes of the network.
    pub const BYTES: usize = size_of::<Self>();

    /// A network whose parameters are all zero; usable in a `static`, where it costs no flash.
    ///
    /// Equal weights never break symmetry: call [`Mlp::init`] or set the weights before training. A
    /// hidden layer with nothing but zeros is an error there ([`Error::NeverSet`]).
    #[must_use]
    pub const fn new() -> Self {
        Self { params: ParamsOf::<Self>::ZERO, buffers: BuffersOf::<Self>::ZERO }
    }

    /// A network with these parameters; usable in a `static`, whose weights then lie in flash.
    ///
    /// ```
    /// use rosenblatt::{kernels::array::Affine, prelude::*};
    ///
    /// static AND: Mlp<(Dense<2, 1, Step>,)> = Mlp::from_params(Affine { w: [[1.0], [1.0]], b: [-1.5] });
    /// assert_eq!(gates::AND.x.map(|x| AND.predict(&x)), gates::AND.t);
    /// ```
    ///
    /// What a batch normalization carries along is zero then: see [`Mlp::from_parts`].
    #[must_use]
    pub const fn from_params(params: ParamsOf<Self>) -> Self {
        Self::from_parts(params, BuffersOf::<Self>::ZERO)
    }

    /// A network with these parameters and what its batch normalizations carry along; usable in a
    /// `static` that lies in flash.
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
    pub const fn from_parts(params: ParamsOf<Self>, buffers: BuffersOf<Self>) -> Self {
        Self { params, buffers }
    }

    /// A network on the heap with [`Mlp::init`]'s weights, made in place: however large, it never
    /// passes the stack. Feature `alloc`.
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
        standard(|| {
            ComposedOf::<T>::init(&mut self.params, &mut self.buffers, init, &mut Rng::new(seed))
        });
    }

    /// The parameters, layer by layer: `.head` is the first layer's `{ w, b }`, `.tail` what
    /// follows (a last layer is itself `{ w, b }`).
    #[inline(always)]
    pub const fn params(&self) -> &ParamsOf<Self> {
        &self.params
    }

    /// The parameters, to be changed.
    #[inline(always)]
    pub const fn params_mut(&mut self) -> &mut ParamsOf<Self> {
        &mut self.params
    }

    /// All parameters in the order of memory: layer after layer as Keras' `get_weights()`, without
    /// what a batch normalization carries along.
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

    /// Calls `visit` with each tensor and its values: Keras' `get_weights()`, names, order and
    /// layout.
    ///
    /// Kernels are input-major (`[inputs, units]`, `[height, width, channels, filters]`), as Keras
    /// has them.
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

    /// Sets all tensors, each by its values: Keras' `set_weights()`, with the order and layout of
    /// its `get_weights()`.
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
    /// [`Error::Tensors`] for another number of tensors, [`Error::Tensor`] for one of another
    /// length; nothing is changed then.
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
        self.predict_on(Backend::detect(), x)
    }

    /// [`Sequential::predict`] on a chosen backend: the same bits.
    #[inline]
    pub fn predict_on(&self, backend: Backend, x: &InputOf<Self>) -> OutputOf<Self> {
        let mut y = OutputOf::<Self>::ZERO;
        let (row, to) = (core::slice::from_ref(x), core::slice::from_mut(&mut y));
        dispatch!(backend, width: ComposedOf::<T>::MAX_ROW, s => infer_one::<_, ComposedOf<T>>(s, &self.params, &self.buffers, row, to));
        y
    }

    /// y for each sample, on the fastest backend; the same bits as one at a time.
    /// # Errors
    /// [`Error::Lengths`] if `x` and `y` have different lengths; nothing is written then.
    pub fn predict_batch(&self, x: &[InputOf<Self>], y: &mut [OutputOf<Self>]) -> Result<()> {
        self.predict_batch_on(Backend::detect(), x, y)
    }

    /// [`Mlp::predict_batch`] on a chosen backend.
    /// # Errors
    /// As [`Mlp::predict_batch`].
    pub fn predict_batch_on(
        &self,
        backend: Backend,
        x: &[InputOf<Self>],
        y: &mut [OutputOf<Self>],
    ) -> Result<()> {
        same_lengths(x, y)?;
        // Hidden rows lie on the stack: on a chip one at a time.
        const ROWS: usize = if cfg!(target_os = "none") { 1 } else { 16 };
        #[inline(always)]
        fn rows<S: Simd, N: Layer>(
            s: S,
            p: &N::Params,
            r: &N::Buffers,
            x: &[N::Input],
            y: &mut [N::Output],
        ) {
            for (x, y) in x.chunks(ROWS).zip(y.chunks_mut(ROWS)) {
                N::infer::<S, ROWS>(s, p, r, x, y);
            }
        }
        dispatch!(backend, width: ComposedOf::<T>::MAX_ROW, s => rows::<_, ComposedOf<T>>(OutOfLine(s), &self.params, &self.buffers, x, y));
        Ok(())
    }

    /// FNV-1a over the bits of all parameters, then of what is carried along, little-endian, every
    /// NaN as one: equal weights, equal hash, on every target.
    #[must_use]
    pub fn hash(&self) -> u64 {
        hash_of([self.params.as_flat(), self.buffers.as_flat()])
    }

    /// The network as a table of its layers.
    #[must_use]
    pub const fn summary() -> Summary<T> {
        Summary::new()
    }
}

/// [`Layer::infer`] for one sample.
#[inline(always)]
fn infer_one<S: Simd, N: Layer>(
    s: S,
    p: &N::Params,
    r: &N::Buffers,
    x: &[N::Input],
    y: &mut [N::Output],
) {
    if const { in_place::<S, N>() } {
        N::infer::<S, 1>(s, p, r, x, y);
    } else {
        N::infer::<OutOfLine<S>, 1>(OutOfLine(s), p, r, x, y);
    }
}

zero_bits!([T: Layers] Sequential<T>: { params, buffers });

impl<T: Layers> Clone for Sequential<T> {
    fn clone(&self) -> Self {
        Self { params: self.params, buffers: self.buffers }
    }

    /// In place: nothing large crosses the stack.
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
