//! Batch normalization and layer normalization.

use super::{Channels, Context, Description, Layer, Nothing, Record, Tensor, Trainable};
use crate::{activation::Linear, init::Initializer, rng::Rng};
use core::marker::PhantomData;
use rosenblatt_kernels::{
    F32Array, Simd,
    array::{Join, first_rows, first_rows_mut},
    normalize::{self, BatchMoments, Moments, Scale},
};

/// Batch normalization: brings each channel (last axis) to mean 0 and variance 1, then scales it by
/// γ and shifts it by β. γ and β are learnt. Ioffe and Szegedy, 2015; Keras' `BatchNormalization`.
///
/// `X` is `[f32; C]`, `[[f32; C]; T]`, `[[[f32; C]; W]; H]`, …: a channel has n values, one for
/// each sample and position. [`epsilon`] makes `EPSILON` from ε, [`momentum`] makes `MOMENTUM` from
/// the part m of the moving values that stays in a step. Without them ε is 0.001 and m is 0.99,
/// Keras' defaults. With r = 1 / √(v + ε) and s = 1 − m:
///
/// - training: μ = Σx / n and v = Σ(x − μ)² / n over the mini-batch, y = (x − μ)·(γ·r) + β. After a
///   step with a finite loss and gradient: mean ← mean + s·(μ − mean) and variance ← variance +
///   s·(v − variance), with the biased v as in Keras. A rejected step changes neither.
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
///
/// # From PyTorch
///
/// PyTorch's defaults are `eps=1e-5` and `momentum=0.1`. Its momentum is s, the part that is
/// replaced: 0.1 there is 0.9 here. Predictions are then the same. In training PyTorch's moving
/// variance takes the unbiased variance Σ(x − μ)² / (n − 1); this layer and Keras take the biased
/// one, which is smaller by the factor (n − 1) / n. Everything else of a step is the same.
///
/// ```
/// use rosenblatt::prelude::*;
///
/// // BatchNorm1d(2)
/// let mut net = Mlp::<(BatchNorm<[f32; 2], { epsilon(1e-5) }, { momentum(0.9) }>,)>::ZERO;
/// // weight, bias, running_mean, running_var
/// net.set_tensors(&[&[1.0, 2.0], &[0.0, 1.0], &[0.5, 0.0], &[1e-4, 4.0]])?;
/// let y = net.predict(&[0.51, 4.0]);
/// assert!((y[0] - 0.953_463).abs() < 1e-5 && (y[1] - 4.999_995).abs() < 1e-5);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
pub struct BatchNorm<
    X,
    const EPSILON: u32 = { epsilon(1e-3) },
    const MOMENTUM: u32 = { momentum(0.99) },
>(PhantomData<X>);

/// ε of a normalization as the parameter of a type, because stable Rust takes no float there: the
/// bits of the nearest f32.
///
/// The variance of inputs around 0.01 is about 1e-4. It disappears beside Keras' ε of 1e-3, not
/// beside PyTorch's of 1e-5:
///
/// ```
/// use rosenblatt::prelude::*;
/// let x = [0.01, 0.02, 0.03, 0.04];
/// let keras = Mlp::<(LayerNorm<[f32; 4]>,)>::init(Seed(0)).predict(&x);
/// let torch = Mlp::<(LayerNorm<[f32; 4], { epsilon(1e-5) }>,)>::init(Seed(0)).predict(&x);
/// assert_eq!([keras[3], torch[3]].map(|y| (y * 1e3).round()), [447.0, 1291.0]);
/// assert_eq!(epsilon(1e-5), 1e-5f32.to_bits());
/// ```
///
/// A value out of range does not compile:
///
/// ```compile_fail,E0080
/// use rosenblatt::prelude::*;
/// type Net = Mlp<(LayerNorm<[f32; 4], { epsilon(0.0) }>,)>;
/// Net::ZERO.predict(&[0.0; 4]);
/// ```
/// # Panics
/// Unless the nearest f32 is finite and above 0. In the parameter of a type that is an error of the
/// compiler.
#[must_use]
pub const fn epsilon(epsilon: f64) -> u32 {
    epsilon_of((epsilon as f32).to_bits()).to_bits()
}

/// The momentum of a [`BatchNorm`] as the parameter of a type, because stable Rust takes no float
/// there: the bits of the f32 nearest to s = 1 − m, the part of the moving values that a step
/// replaces.
///
/// m is Keras' momentum. PyTorch's is s: write `momentum(0.9)` for PyTorch's 0.1.
///
/// The moving values are f32. A step that is less than half a unit in the last place (ulp) is lost;
/// the layer then goes half of the way
/// ([`moving`](rosenblatt_kernels::normalize::moving)). A moving value is thus determined up to
/// ½ / s ulp: 50 for m = 0.99, and 5000, which is 0.06 %, for m = 0.9999. A larger m is refused.
///
/// ```
/// use rosenblatt::prelude::*;
/// type Norm = BatchNorm<[f32; 2], { epsilon(1e-5) }, { momentum(0.9) }>;
/// assert_eq!(momentum(0.9), 0.1f32.to_bits());
/// ```
///
/// A value out of range does not compile:
///
/// ```compile_fail,E0080
/// use rosenblatt::prelude::*;
/// type Net = Mlp<(BatchNorm<[f32; 2], { epsilon(1e-5) }, { momentum(1.0) }>,)>;
/// Net::ZERO.predict(&[0.0; 2]);
/// ```
/// # Panics
/// Unless 0 ≤ m ≤ 0.9999. In the parameter of a type that is an error of the compiler.
#[must_use]
pub const fn momentum(m: f64) -> u32 {
    assert!(m >= 0.0 && m <= 0.9999, "{}", MOMENTUM_RANGE);
    share_of(((1.0 - m) as f32).to_bits()).to_bits()
}

const MOMENTUM_RANGE: &str = "the momentum of a batch normalization lies between 0 and 0.9999";

/// The ε that a type's parameter stands for. It may not come from [`epsilon`], so it is checked.
const fn epsilon_of(bits: u32) -> f32 {
    let epsilon = f32::from_bits(bits);
    assert!(
        epsilon > 0.0 && epsilon < f32::INFINITY,
        "the epsilon of a normalization is a finite number above 0"
    );
    epsilon
}

/// The part of the moving values that a step replaces. It may not come from [`momentum`], so it is
/// checked.
const fn share_of(bits: u32) -> f32 {
    let share = f32::from_bits(bits);
    assert!(share >= 1e-4 && share <= 1.0, "{}", MOMENTUM_RANGE);
    share
}

impl<X, const EPSILON: u32, const MOMENTUM: u32> BatchNorm<X, EPSILON, MOMENTUM> {
    const E: f32 = epsilon_of(EPSILON);
    /// s
    const SHARE: f32 = share_of(MOMENTUM);
}

impl<X: Channels, const EPSILON: u32, const MOMENTUM: u32> Layer
    for BatchNorm<X, EPSILON, MOMENTUM>
{
    type Input = X;
    type Output = X;
    type Params = Scale<X::Row>;
    type Buffers = Moments<X::Row>;
    type OutputActivation = Linear;
    const MAX_ROW: usize = X::Row::LEN;
    const KERNEL_LEN: usize = 0;
    const NAME: &'static str = "BatchNormalization";
    const RECORD: Record = Record::of::<Self>().word(Self::E.to_bits()).word(Self::SHARE.to_bits());

    #[inline(always)]
    fn infer<S: Simd, const C: usize>(
        s: S,
        p: &Self::Params,
        r: &Self::Buffers,
        x: &[X],
        y: &mut [X],
    ) {
        const { assert!(X::LEN > 0, "a normalization needs at least one value") };
        normalize::batch(s, Self::E, X::rows(x), r, p, X::rows_mut(y));
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

impl<X: Channels, const EPSILON: u32, const MOMENTUM: u32> Trainable
    for BatchNorm<X, EPSILON, MOMENTUM>
{
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
            normalize::batch_own(s, Self::E, X::rows(x), &tape.tail, p, X::rows_mut(y));
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
        let (x, dy, dx) = (X::rows(x), X::rows(dy), dx.map(X::rows_mut));
        normalize::batch_grad(s, Self::E, x, &tape.tail, p, dy, dp, dx);
    }

    #[inline(always)]
    fn update_buffers<const B: usize>(tape: &Self::Tape<B>, r: &mut Self::Buffers) {
        normalize::moving(Self::SHARE, r, &tape.tail);
    }
}

/// Layer normalization: brings the channels (last axis) of each position of each sample to mean 0
/// and variance 1, then scales them by γ and shifts them by β. γ and β are learnt. Ba, Kiros and
/// Hinton, 2016; Keras' `LayerNormalization`.
///
/// `X` is `[f32; C]`, `[[f32; C]; T]`, …. Training and inference compute the same. A sample does
/// not depend on its batch. [`epsilon`] makes `EPSILON` from ε. Without it ε is 0.001, Keras'
/// default; PyTorch's is `{ epsilon(1e-5) }`. For each row of C channels:
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
pub struct LayerNorm<X, const EPSILON: u32 = { epsilon(1e-3) }>(PhantomData<X>);

impl<X, const EPSILON: u32> LayerNorm<X, EPSILON> {
    const E: f32 = epsilon_of(EPSILON);
}

impl<X: Channels, const EPSILON: u32> Layer for LayerNorm<X, EPSILON> {
    type Input = X;
    type Output = X;
    type Params = Scale<X::Row>;
    type Buffers = Nothing;
    type OutputActivation = Linear;
    const MAX_ROW: usize = X::Row::LEN;
    const KERNEL_LEN: usize = 0;
    const NAME: &'static str = "LayerNormalization";
    const RECORD: Record = Record::of::<Self>().word(Self::E.to_bits());

    #[inline(always)]
    fn infer<S: Simd, const C: usize>(s: S, p: &Self::Params, _: &Nothing, x: &[X], y: &mut [X]) {
        const { assert!(X::LEN > 0, "a normalization needs at least one value") };
        normalize::layer(s, Self::E, X::rows(x), p, X::rows_mut(y), None);
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

impl<X: Channels, const EPSILON: u32> Trainable for LayerNorm<X, EPSILON> {
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
        let y = X::rows_mut(first_rows_mut(y, x.len()));
        normalize::layer(s, Self::E, X::rows(x), p, y, Some(stats));
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
        let (dy, dx) = (X::rows(dy), dx.map(X::rows_mut));
        normalize::layer_grad(s, Self::E, x, stats, p, dy, dp, dx);
    }
}
