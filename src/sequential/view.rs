//! Predictions: of a network, and of parameters that lie elsewhere, for example in flash.

use super::{BuffersOf, ComposedOf, InputOf, Layers, OutputOf, ParamsOf, Sequential, hash_of};
use crate::{
    dataset::same_lengths,
    error::Result,
    layer::{Layer, in_place},
};
use core::fmt;
use rosenblatt_kernels::{
    Backend, F32Array, OutOfLine, Simd,
    columns::{self, Columns},
    dispatch,
};

/// A network whose parameters and non-trainable values are borrowed. It predicts as
/// [`Sequential`] does, with the same bits.
///
/// [`Sequential::as_view`] lends those of a network. [`Sequential::view`] finds them in a saved
/// model, for example in flash, and copies nothing.
///
/// ```
/// use rosenblatt::prelude::*;
/// type Xor = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;
/// let net = Xor::init(Seed(1957));
/// assert_eq!(net.as_view().predict(&[0.0, 1.0]), net.predict(&[0.0, 1.0]));
/// ```
pub struct View<'a, T: Layers> {
    params: &'a ParamsOf<Sequential<T>>,
    buffers: &'a BuffersOf<Sequential<T>>,
}

impl<T: Layers> Copy for View<'_, T> {}

impl<T: Layers> fmt::Debug for View<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "View({} parameters, hash {:016x})", Sequential::<T>::PARAMS, self.hash())
    }
}

impl<T: Layers> Clone for View<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<'a, T: Layers> View<'a, T> {
    /// A network with these parameters and non-trainable values.
    #[inline(always)]
    #[must_use]
    pub const fn new(
        params: &'a ParamsOf<Sequential<T>>,
        buffers: &'a BuffersOf<Sequential<T>>,
    ) -> Self {
        Self { params, buffers }
    }

    /// [`Sequential::params`].
    #[inline(always)]
    #[must_use]
    pub const fn params(&self) -> &'a ParamsOf<Sequential<T>> {
        self.params
    }

    /// [`Sequential::weights`].
    #[inline(always)]
    #[must_use]
    pub fn weights(&self) -> &'a [f32] {
        self.params.as_flat()
    }

    /// The non-trainable values: moving means and variances.
    #[inline(always)]
    #[must_use]
    pub const fn buffers(&self) -> &'a BuffersOf<Sequential<T>> {
        self.buffers
    }

    /// [`Sequential::predict`].
    #[inline]
    pub fn predict(&self, x: &InputOf<Sequential<T>>) -> OutputOf<Sequential<T>> {
        predict(self, Backend::detect(), x)
    }

    /// [`Sequential::predict_batch`].
    /// # Errors
    /// As [`Sequential::predict_batch`].
    pub fn predict_batch(
        &self,
        x: &[InputOf<Sequential<T>>],
        y: &mut [OutputOf<Sequential<T>>],
    ) -> Result<()> {
        predict_batch(self, Backend::detect(), x, y)
    }

    /// This network on a chosen backend: the same bits.
    #[inline(always)]
    #[must_use]
    pub const fn on(&self, backend: Backend) -> PredictOn<'_, Self> {
        PredictOn { net: self, backend }
    }

    /// [`Sequential::hash`].
    #[must_use]
    pub fn hash(&self) -> u64 {
        hash_of([self.params.as_flat(), self.buffers.as_flat()])
    }
}

/// What a prediction needs of a network: [`Sequential`] and [`View`] have it.
pub trait Predicts {
    /// The layers as one layer.
    type Layers: Layer;
    /// Their parameters.
    fn params(&self) -> &<Self::Layers as Layer>::Params;
    /// Their non-trainable values.
    fn buffers(&self) -> &<Self::Layers as Layer>::Buffers;
}

impl<T: Layers> Predicts for Sequential<T> {
    type Layers = ComposedOf<T>;

    #[inline(always)]
    fn params(&self) -> &ParamsOf<Self> {
        &self.params
    }

    #[inline(always)]
    fn buffers(&self) -> &BuffersOf<Self> {
        &self.buffers
    }
}

impl<T: Layers> Predicts for View<'_, T> {
    type Layers = ComposedOf<T>;

    #[inline(always)]
    fn params(&self) -> &ParamsOf<Sequential<T>> {
        self.params
    }

    #[inline(always)]
    fn buffers(&self) -> &BuffersOf<Sequential<T>> {
        self.buffers
    }
}

impl<N: Predicts> Predicts for &N {
    type Layers = N::Layers;

    #[inline(always)]
    fn params(&self) -> &<N::Layers as Layer>::Params {
        (**self).params()
    }

    #[inline(always)]
    fn buffers(&self) -> &<N::Layers as Layer>::Buffers {
        (**self).buffers()
    }
}

/// A network on a chosen backend: [`Sequential::on`], [`View::on`].
pub struct PredictOn<'a, N> {
    pub(super) net: &'a N,
    pub(super) backend: Backend,
}

type Input<N> = <<N as Predicts>::Layers as Layer>::Input;
type Output<N> = <<N as Predicts>::Layers as Layer>::Output;

impl<N: Predicts> PredictOn<'_, N> {
    /// [`Sequential::predict`].
    #[inline(always)]
    pub fn predict(&self, x: &Input<N>) -> Output<N> {
        predict(self.net, self.backend, x)
    }

    /// [`Sequential::predict_batch`].
    /// # Errors
    /// As [`Sequential::predict_batch`].
    pub fn predict_batch(&self, x: &[Input<N>], y: &mut [Output<N>]) -> Result<()> {
        predict_batch(self.net, self.backend, x, y)
    }
}

/// y for one sample.
// The closure holds one pointer to the network, not two to its parts: four instructions fewer.
#[inline]
pub(super) fn predict<N: Predicts>(net: &N, backend: Backend, x: &Input<N>) -> Output<N> {
    let mut y = Output::<N>::ZERO;
    let (row, to) = (core::slice::from_ref(x), core::slice::from_mut(&mut y));
    dispatch!(
        backend,
        width: N::Layers::MAX_ROW,
        s => infer_one::<_, N::Layers>(s, net.params(), net.buffers(), row, to)
    );
    y
}

/// y for each sample.
pub(super) fn predict_batch<N: Predicts>(
    net: &N,
    backend: Backend,
    x: &[Input<N>],
    y: &mut [Output<N>],
) -> Result<()> {
    same_lengths(x, y)?;
    dispatch!(
        backend,
        width: if N::Layers::COLUMNS { usize::MAX } else { N::Layers::MAX_ROW },
        s => infer_rows::<_, N::Layers>(OutOfLine(s), net.params(), net.buffers(), x, y)
    );
    Ok(())
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
    // On a desktop `vectorize` is a call, behind which the compiler does not know that there is one
    // row. On a chip it knows.
    let (x, y) = if cfg!(target_os = "none") {
        (x, y)
    } else if let (Some(x), Some(y)) = (x.first_chunk::<1>(), y.first_chunk_mut::<1>()) {
        (x.as_slice(), y.as_mut_slice())
    } else {
        return;
    };
    if const { in_place::<S, N>() } {
        N::infer::<S, 1>(s, p, r, x, y);
    } else {
        N::infer::<OutOfLine<S>, 1>(OutOfLine(s), p, r, x, y);
    }
}

/// [`Layer::infer`] for any number of samples, or [`Layer::infer_columns`].
#[inline(always)]
fn infer_rows<S: Simd, N: Layer>(
    s: S,
    p: &N::Params,
    r: &N::Buffers,
    x: &[N::Input],
    y: &mut [N::Output],
) {
    // Hidden rows are on the stack, so a chip takes one row at a time.
    const ROWS: usize = if cfg!(target_os = "none") { 1 } else { 16 };
    for (x, y) in x.chunks(ROWS).zip(y.chunks_mut(ROWS)) {
        let least = const { columns::least::<S>(N::Input::LEN) };
        if const { N::COLUMNS && columns::pays::<S>() } && x.len() >= least {
            let (mut from, mut to) = (Columns::ZERO, Columns::ZERO);
            from.set(s, x);
            N::infer_columns(s, p, r, &from, &mut to);
            to.get(s, y);
        } else {
            N::infer::<S, ROWS>(s, p, r, x, y);
        }
    }
}
