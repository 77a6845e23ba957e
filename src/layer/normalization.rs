//! Batch normalization and layer normalization.

use super::{Channels, Context, Description, Layer, Nothing, Tensor, Trainable};
use crate::{activation::Linear, init::Initializer, rng::Rng};
use core::marker::PhantomData;
use rosenblatt_kernels::{
    F32Array, Simd,
    array::{Join, first_rows, first_rows_mut},
    normalize::{self, BatchMoments, Moments, Scale},
};

/// Batch normalization: brings each channel (last axis) to mean 0 and variance 1, then scales it by
/// γ and shifts it by β. γ and β are learnt. Ioffe and Szegedy, 2015; Keras' `BatchNormalization`
/// with its defaults.
///
/// `X` is `[f32; C]`, `[[f32; C]; T]`, `[[[f32; C]; W]; H]`, …: a channel has n values, one for
/// each sample and position. With ε = 0.001 and r = 1 / √(v + ε):
///
/// - training: μ = Σx / n and v = Σ(x − μ)² / n over the mini-batch, y = (x − μ)·(γ·r) + β. After a
///   step with a finite loss and gradient: mean ← mean + 0.01·(μ − mean) and variance ← variance +
///   0.01·(v − variance), with the biased v as in Keras. A rejected step changes neither.
/// - inference and evaluation: the moving mean and variance replace μ and v. A prediction does not
///   depend on the other samples.
/// - backward, with x̂ = (x − μ)·r: dβ = Σ dy, dγ = Σ dy·x̂, dx = γ·r·((dy − dβ/n) − x̂·dγ/n).
///
/// Sums run over the samples in order, and within a sample over the positions in order. The sums of
/// μ and v are compensated, and μ is kept unrounded
/// ([`moments`](rosenblatt_kernels::normalize::moments)): a channel of equal values gives y = β,
/// however large they are. A variance that overflows makes the loss NaN; the step is then an error.
///
/// A mini-batch of one sample with one position has no variance. A step with it is an error
/// ([`Error::BatchTooSmall`](crate::Error::BatchTooSmall)), also if it is the shorter last
/// mini-batch of an epoch. [`Fit::drop_last`](crate::train::Fit::drop_last) leaves that one out.
///
/// [`Mlp::init`](crate::Mlp::init) sets γ = 1, β = 0, mean 0, variance 1. A network that was never
/// initialized has variance 0. The [`tensors`](crate::Mlp::tensors) are `gamma`, `beta`,
/// `moving_mean`, `moving_variance`, in the order of Keras' `get_weights()`.
///
/// ```
/// use rosenblatt::prelude::*;
///
/// let mut net = Mlp::<(BatchNorm<[f32; 2]>,)>::init(Seed(0));
/// let mut trainer = Trainer::<_, MeanSquaredError, Sgd, 4>::ZERO;
/// let (x, t) = ([[1.0, 10.0], [3.0, 30.0]], [[-1.0, -1.0], [1.0, 1.0]]);
/// let loss = trainer.step(&mut net, (&x, &t), &Sgd::with_lr(0.0))?;
/// assert!(loss < 1e-6); // (x − μ) / √v is −1 and 1 in both columns
/// net.tensors(|tensor, values| {
///     if tensor.name == "moving_mean" {
///         assert!((values[0] - 0.02).abs() < 1e-6 && (values[1] - 0.2).abs() < 1e-6); // 0.01·μ
///     }
/// });
/// # Ok::<(), rosenblatt::Error>(())
/// ```
pub struct BatchNorm<X>(PhantomData<X>);

impl<X: Channels> Layer for BatchNorm<X> {
    type Input = X;
    type Output = X;
    type Params = Scale<X::Row>;
    type Buffers = Moments<X::Row>;
    type OutputActivation = Linear;
    const MAX_ROW: usize = X::Row::LEN;
    const KERNEL_LEN: usize = 0;
    const NAME: &'static str = "BatchNormalization";

    #[inline(always)]
    fn infer<S: Simd, const C: usize>(
        s: S,
        p: &Self::Params,
        r: &Self::Buffers,
        x: &[X],
        y: &mut [X],
    ) {
        const { assert!(X::LEN > 0, "a normalization needs at least one value") };
        normalize::batch(s, X::rows(x), r, p, X::rows_mut(y));
    }

    fn init(p: &mut Self::Params, r: &mut Self::Buffers, _: &impl Initializer, _: &mut Rng) {
        unit(p);
        r.mean.as_flat_mut().fill(0.0);
        r.variance.as_flat_mut().fill(1.0);
    }

    fn describe(visit: &mut dyn FnMut(&Description)) {
        visit(&Description::of::<Self>(Self::NAME, ""));
    }

    fn tensors(visit: &mut dyn FnMut(&Tensor)) {
        visit(&Tensor::learnt::<X::Row>("gamma"));
        visit(&Tensor::learnt::<X::Row>("beta"));
        visit(&Tensor::buffer::<X::Row>("moving_mean"));
        visit(&Tensor::buffer::<X::Row>("moving_variance"));
    }
}

/// γ = 1, β = 0.
fn unit<R: F32Array>(p: &mut Scale<R>) {
    p.gamma.as_flat_mut().fill(1.0);
    p.beta.as_flat_mut().fill(0.0);
}

impl<X: Channels> Trainable for BatchNorm<X> {
    /// The outputs, and the mean and variance of the mini-batch.
    type Tape<const B: usize> = Join<[X; B], BatchMoments<X::Row>>;
    /// One sample with one position would have variance 0; nothing could be learnt from it.
    const LEAST_SAMPLES: usize = if X::Positions::LEN > 1 { 1 } else { 2 };

    #[inline(always)]
    fn forward<S: Simd, const B: usize>(
        s: S,
        pass: Context,
        p: &Self::Params,
        r: &Self::Buffers,
        x: &[X],
        tape: &mut Self::Tape<B>,
    ) {
        let y = first_rows_mut(&mut tape.head, x.len());
        if pass.training() {
            normalize::moments(s, X::rows(x), &mut tape.tail);
            normalize::batch_own(s, X::rows(x), &tape.tail, p, X::rows_mut(y));
        } else {
            Self::infer::<S, B>(s, p, r, x, y);
        }
    }

    #[inline(always)]
    fn output<const B: usize>(tape: &Self::Tape<B>) -> &[X; B] {
        &tape.head
    }

    #[inline(always)]
    fn backward<S: Simd, const B: usize>(
        s: S,
        p: &Self::Params,
        x: &[X],
        tape: &mut Self::Tape<B>,
        dy: &mut [X],
        _: bool,
        dp: &mut Self::Params,
        dx: Option<&mut [X]>,
    ) {
        normalize::batch_grad(s, X::rows(x), &tape.tail, p, X::rows(dy), dp, dx.map(X::rows_mut));
    }

    #[inline(always)]
    fn update_buffers<const B: usize>(tape: &Self::Tape<B>, r: &mut Self::Buffers) {
        normalize::moving(r, &tape.tail);
    }
}

/// Layer normalization: brings the channels (last axis) of each position of each sample to mean 0
/// and variance 1, then scales them by γ and shifts them by β. γ and β are learnt. Ba, Kiros and
/// Hinton, 2016; Keras' `LayerNormalization` with its defaults.
///
/// `X` is `[f32; C]`, `[[f32; C]; T]`, …. Training and inference compute the same. A sample does
/// not depend on its batch. For each row of C channels, with ε = 0.001:
///
/// - μ = Σx / C, v = Σ(x − μ)² / C, r = 1 / √(v + ε), x̂ = (x − μ)·r, y = x̂·γ + β
/// - backward, with g = dy·γ: dx = r·((g − Σg/C) − x̂·(Σ(g·x̂)/C)); dγ = Σ dy·x̂ and dβ = Σ dy over
///   samples and positions
///
/// Sums along a row run over sixteen virtual lanes (index mod 16, joined by halves). Sums over rows
/// start at +0 and run over samples and positions in order. A variance that overflows becomes NaN
/// and makes the row NaN.
///
/// ```
/// use rosenblatt::prelude::*;
///
/// let mut net = Mlp::<(LayerNorm<[f32; 4]>,)>::init(Seed(0)); // γ = 1, β = 0
/// let y = net.predict(&[10.0, 20.0, 30.0, 40.0]);
/// assert_eq!(y.map(|y| (y * 100.0).round()), [-134.0, -45.0, 45.0, 134.0]);
/// ```
pub struct LayerNorm<X>(PhantomData<X>);

impl<X: Channels> Layer for LayerNorm<X> {
    type Input = X;
    type Output = X;
    type Params = Scale<X::Row>;
    type Buffers = Nothing;
    type OutputActivation = Linear;
    const MAX_ROW: usize = X::Row::LEN;
    const KERNEL_LEN: usize = 0;
    const NAME: &'static str = "LayerNormalization";

    #[inline(always)]
    fn infer<S: Simd, const C: usize>(s: S, p: &Self::Params, _: &Nothing, x: &[X], y: &mut [X]) {
        const { assert!(X::LEN > 0, "a normalization needs at least one value") };
        normalize::layer(s, X::rows(x), p, X::rows_mut(y), None);
    }

    fn init(p: &mut Self::Params, _: &mut Nothing, _: &impl Initializer, _: &mut Rng) {
        unit(p);
    }

    fn describe(visit: &mut dyn FnMut(&Description)) {
        visit(&Description::of::<Self>(Self::NAME, ""));
    }

    fn tensors(visit: &mut dyn FnMut(&Tensor)) {
        visit(&Tensor::learnt::<X::Row>("gamma"));
        visit(&Tensor::learnt::<X::Row>("beta"));
    }
}

impl<X: Channels> Trainable for LayerNorm<X> {
    /// The outputs, and the mean and variance of each position.
    type Tape<const B: usize> = Join<[X; B], BatchMoments<[X::Positions; B]>>;

    #[inline(always)]
    fn forward<S: Simd, const B: usize>(
        s: S,
        _: Context,
        p: &Self::Params,
        _: &Nothing,
        x: &[X],
        tape: &mut Self::Tape<B>,
    ) {
        let Join { head: y, tail: BatchMoments { mean, mean_low, variance } } = tape;
        let stats = (mean.as_flat_mut(), mean_low.as_flat_mut(), variance.as_flat_mut());
        normalize::layer(s, X::rows(x), p, X::rows_mut(first_rows_mut(y, x.len())), Some(stats));
    }

    #[inline(always)]
    fn output<const B: usize>(tape: &Self::Tape<B>) -> &[X; B] {
        &tape.head
    }

    #[inline(always)]
    fn backward<S: Simd, const B: usize>(
        s: S,
        p: &Self::Params,
        x: &[X],
        tape: &mut Self::Tape<B>,
        dy: &mut [X],
        _: bool,
        dp: &mut Self::Params,
        dx: Option<&mut [X]>,
    ) {
        let BatchMoments { mean, mean_low, variance } = &tape.tail;
        let stats = (mean.as_flat(), mean_low.as_flat(), variance.as_flat());
        let x = X::rows(first_rows(x, dy.len()));
        normalize::layer_grad(s, x, stats, p, X::rows(dy), dp, dx.map(X::rows_mut));
    }
}
