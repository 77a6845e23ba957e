//! Layers with a penalty on their weights.

use super::{
    Architecture, Context, Dense, Description, Layer, NeverSet, Record, Tensor, Trainable,
};
use crate::{init::Initializer, rng::Rng};
use core::marker::PhantomData;
use rosenblatt_kernels::{
    F32Array, Simd,
    array::{first_rows, first_rows_mut},
    columns::Columns,
    persist::{Words, joined, name_code},
    regularize,
};

/// A penalty that a layer's kernel adds to the loss.
pub trait Regularizer: 'static {
    /// The penalty for the weights w. Sums run over sixteen virtual lanes.
    fn penalty<S: Simd>(s: S, w: &[f32]) -> f32;
    /// dw ← dw + the penalty's gradient.
    fn add_gradient<S: Simd>(s: S, w: &[f32], dw: &mut [f32]);
    /// A number for the regularizer and its factors, for checkpoints and receipts.
    const CODE: u32 = 0;
    /// The factors of Σ|w| and of Σw², each as numerator and denominator, for receipts.
    const FACTORS: [u32; 4] = [0, 1, 0, 1];
}

/// The code of a regularizer with these factors.
const fn code(name: &str, factors: [u32; 4]) -> u32 {
    let [a, b, c, d] = factors;
    joined(joined(joined(joined(name_code(name), a), b), c), d)
}

/// A quotient of two numbers, rounded once.
const fn quotient(num: u32, den: u32) -> f32 {
    assert!(den > 0, "the divisor of a regularizer's factor is 0");
    num as f32 / den as f32
}

/// λ·Σ|w|, λ = `NUM`/`DEN`; gradient λ·sign(w), 0 at 0: "lasso", Tibshirani, 1996.
///
/// It moves small weights towards 0 but does not make them exactly 0. As in Keras the penalty is
/// part of the gradient: a weight whose gradient is below λ oscillates around 0, at most about lr·λ
/// away. To get zeros, set such weights to 0 after the training.
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::layer::{L1, Regularized};
/// type Net = Mlp<(Regularized<Dense<1, 1>, L1<1, 8>>,)>; // Σ|w| / 8
/// let mut net = Net::ZERO;
/// net.set_weights(&[-4.0, 0.0])?;
/// let mut trainer = Trainer::<Net, MeanSquaredError, Sgd, 1>::ZERO;
/// assert_eq!(trainer.evaluate(&net, (&[[0.0]], &[[0.0]]))?.loss, 0.5);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct L1<const NUM: u32, const DEN: u32>;

/// λ·Σw² (without ½, as in Keras), λ = `NUM`/`DEN`; gradient 2·λ·w. It keeps weights small:
/// "ridge", "weight decay".
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::layer::{L2, Regularized};
/// type Net = Mlp<(Regularized<Dense<1, 1>, L2<1, 8>>,)>; // Σw² / 8
/// let mut net = Net::ZERO;
/// net.set_weights(&[-4.0, 0.0])?;
/// let mut trainer = Trainer::<Net, MeanSquaredError, Sgd, 1>::ZERO;
/// assert_eq!(trainer.evaluate(&net, (&[[0.0]], &[[0.0]]))?.loss, 2.0);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct L2<const NUM: u32, const DEN: u32>;

/// λ₁·Σ|w| + λ₂·Σw²: [`L1`] with `NUM1`/`DEN1` plus [`L2`] with `NUM2`/`DEN2`, "elastic net"
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::layer::{L1L2, Regularized};
/// type Net = Mlp<(Regularized<Dense<1, 1>, L1L2<1, 8, 1, 16>>,)>; // Σ|w| / 8 + Σw² / 16
/// let mut net = Net::ZERO;
/// net.set_weights(&[-4.0, 0.0])?;
/// let mut trainer = Trainer::<Net, MeanSquaredError, Sgd, 1>::ZERO;
/// assert_eq!(trainer.evaluate(&net, (&[[0.0]], &[[0.0]]))?.loss, 1.5);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct L1L2<const NUM1: u32, const DEN1: u32, const NUM2: u32, const DEN2: u32>;

impl<const NUM: u32, const DEN: u32> Regularizer for L1<NUM, DEN> {
    const CODE: u32 = code("l1", Self::FACTORS);
    const FACTORS: [u32; 4] = [NUM, DEN, 0, 1];

    #[inline(always)]
    fn penalty<S: Simd>(s: S, w: &[f32]) -> f32 {
        regularize::l1(s, w) * const { quotient(NUM, DEN) }
    }
    #[inline(always)]
    fn add_gradient<S: Simd>(s: S, w: &[f32], dw: &mut [f32]) {
        regularize::l1_grad(s, const { quotient(NUM, DEN) }, w, dw);
    }
}

impl<const NUM: u32, const DEN: u32> Regularizer for L2<NUM, DEN> {
    const CODE: u32 = code("l2", Self::FACTORS);
    const FACTORS: [u32; 4] = [0, 1, NUM, DEN];

    #[inline(always)]
    fn penalty<S: Simd>(s: S, w: &[f32]) -> f32 {
        regularize::l2(s, w) * const { quotient(NUM, DEN) }
    }
    #[inline(always)]
    fn add_gradient<S: Simd>(s: S, w: &[f32], dw: &mut [f32]) {
        regularize::l2_grad(s, const { quotient(NUM, DEN) }, w, dw);
    }
}

impl<const NUM1: u32, const DEN1: u32, const NUM2: u32, const DEN2: u32> Regularizer
    for L1L2<NUM1, DEN1, NUM2, DEN2>
{
    const CODE: u32 = code("l1 l2", Self::FACTORS);
    const FACTORS: [u32; 4] = [NUM1, DEN1, NUM2, DEN2];

    #[inline(always)]
    fn penalty<S: Simd>(s: S, w: &[f32]) -> f32 {
        L1::<NUM1, DEN1>::penalty(s, w) + L2::<NUM2, DEN2>::penalty(s, w)
    }
    #[inline(always)]
    fn add_gradient<S: Simd>(s: S, w: &[f32], dw: &mut [f32]) {
        L1::<NUM1, DEN1>::add_gradient(s, w, dw);
        L2::<NUM2, DEN2>::add_gradient(s, w, dw);
    }
}

/// The layer `L` with the regularizer `R` ([`L1`], [`L2`] or [`L1L2`]) on its kernel, as Keras'
/// `kernel_regularizer`. The kernel is the weights of the inputs, without the bias.
///
/// Training minimizes the mean loss of the batch plus the penalties of all such layers. A step and
/// [`evaluate`](crate::Trainer::evaluate) return this sum.
///
/// **The lecture's cost** is the *sum* of the losses of all N samples plus λ·Σw². Divided by N it
/// is the loss of Keras and of this crate: mean + (λ/N)·Σw². Both have the same minimum. To follow
/// the lecture, divide its λ by the number of terms in the mean. This is N, the number of training
/// samples; with mean squared error or binary cross-entropy, which average over the k outputs too,
/// it is N·k. Also multiply the learning rate by that number if the optimizer depends on the
/// gradient's length: gradient descent does, with or without momentum; Adam does not.
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::layer::DenseL2;
///
/// type Net = Mlp<(DenseL2<2, 1, Linear, 1, 100>,)>; // 0.01·Σw²
/// let mut net = Net::ZERO;
/// net.set_weights(&[3.0, -4.0, 0.5])?; // two weights, one bias
/// let mut trainer = Trainer::<Net, MeanSquaredError, Sgd, 1>::ZERO;
/// let loss = trainer.step(&mut net, (&[[0.0, 0.0]], &[[0.5]]), &Sgd::with_lr(0.1))?;
/// assert_eq!(loss, 0.01 * 25.0); // no error: nothing but the penalty
/// assert_eq!(trainer.gradient().as_flat(), [0.02 * 3.0, 0.02 * -4.0, 0.0]);
/// # use rosenblatt::kernels::F32Array;
/// # Ok::<(), rosenblatt::Error>(())
/// ```
///
/// A layer without a kernel cannot be regularized:
///
/// ```compile_fail,E0080
/// use rosenblatt::prelude::*;
/// use rosenblatt::layer::{L2, Regularized};
/// type Net = Mlp<(Regularized<LayerNorm<[f32; 2]>, L2<1, 100>>,)>;
/// let (mut net, mut trainer) = (Net::ZERO, Trainer::<Net, MeanSquaredError, Sgd, 1>::ZERO);
/// trainer.step(&mut net, (&[[0.0; 2]], &[[0.0; 2]]), &Sgd::DEFAULT);
/// ```
pub struct Regularized<L, R>(PhantomData<(L, R)>);

/// A [`Dense`] layer with λ·Σ|w|, λ = `NUM`/`DEN`: `DenseL1<64, 32, Relu, 1, 1000>`
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::layer::DenseL1;
/// type Net = Mlp<(DenseL1<1, 1, Linear, 1, 8>,)>; // Σ|w| / 8
/// let mut net = Net::ZERO;
/// net.set_weights(&[-4.0, 0.0])?;
/// let mut trainer = Trainer::<Net, MeanSquaredError, Sgd, 1>::ZERO;
/// assert_eq!(trainer.evaluate(&net, (&[[0.0]], &[[0.0]]))?.loss, 0.5);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
pub type DenseL1<const I: usize, const O: usize, A, const NUM: u32, const DEN: u32> =
    Regularized<Dense<I, O, A>, L1<NUM, DEN>>;
/// A [`Dense`] layer with λ·Σw², λ = `NUM`/`DEN`: `DenseL2<64, 32, Relu, 1, 1000>`
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::layer::DenseL2;
/// type Net = Mlp<(DenseL2<1, 1, Linear, 1, 8>,)>; // Σw² / 8
/// let mut net = Net::ZERO;
/// net.set_weights(&[-4.0, 0.0])?;
/// let mut trainer = Trainer::<Net, MeanSquaredError, Sgd, 1>::ZERO;
/// assert_eq!(trainer.evaluate(&net, (&[[0.0]], &[[0.0]]))?.loss, 2.0);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
pub type DenseL2<const I: usize, const O: usize, A, const NUM: u32, const DEN: u32> =
    Regularized<Dense<I, O, A>, L2<NUM, DEN>>;

impl<L: Layer, R: Regularizer> Regularized<L, R> {
    /// The kernel at the front of the parameters.
    #[inline(always)]
    fn kernel(p: &L::Params) -> &[f32] {
        const { assert!(L::KERNEL_LEN > 0, "a regularizer needs a layer with a kernel") };
        first_rows(p.as_flat(), L::KERNEL_LEN)
    }
}

impl<L: Layer, R: Regularizer> Layer for Regularized<L, R> {
    type Input = L::Input;
    type Output = L::Output;
    type Params = L::Params;
    type Buffers = L::Buffers;
    type OutputActivation = L::OutputActivation;
    const MAX_ROW: usize = L::MAX_ROW;
    const KERNEL_LEN: usize = L::KERNEL_LEN;
    const MULTIPLY_ADDS: usize = L::MULTIPLY_ADDS;
    const NAME: &'static str = L::NAME;
    const DEPTH: u32 = L::DEPTH;
    const RECORD: Record = L::RECORD;
    const ARCHITECTURE: Architecture = L::ARCHITECTURE;

    #[inline(always)]
    fn infer<S: Simd, const C: usize>(
        s: S,
        p: &L::Params,
        r: &L::Buffers,
        x: &[L::Input],
        y: &mut [L::Output],
    ) {
        L::infer::<S, C>(s, p, r, x, y);
    }

    const COLUMNS: bool = L::COLUMNS;

    #[inline(always)]
    fn infer_columns<S: Simd>(
        s: S,
        p: &L::Params,
        r: &L::Buffers,
        x: &Columns<L::Input>,
        y: &mut Columns<L::Output>,
    ) {
        L::infer_columns(s, p, r, x, y);
    }

    fn init(p: &mut L::Params, r: &mut L::Buffers, init: &impl Initializer, rng: &mut Rng) {
        L::init(p, r, init, rng);
    }

    fn describe(visit: &mut dyn FnMut(&Description)) {
        L::describe(visit);
    }

    fn tensors(visit: &mut dyn FnMut(&Tensor)) {
        L::tensors(visit);
    }

    #[inline(always)]
    fn records(visit: &mut impl FnMut(&Record)) {
        L::records(visit);
    }
}

impl<L: Trainable, R: Regularizer> Trainable for Regularized<L, R> {
    type Tape<const B: usize> = L::Tape<B>;
    const PENALIZED: bool = true;
    const PENALTY_CODE: u32 = joined(L::PENALTY_CODE, R::CODE);
    const PENALTIES: usize = L::PENALTIES + 1;
    const LEAST_SAMPLES: usize = L::LEAST_SAMPLES;

    #[inline(always)]
    fn forward<S: Simd, const B: usize>(
        s: S,
        pass: Context,
        p: &L::Params,
        r: &L::Buffers,
        x: &[L::Input],
        tape: &mut L::Tape<B>,
    ) {
        L::forward::<S, B>(s, pass, p, r, x, tape);
    }

    #[inline(always)]
    fn output<const B: usize>(tape: &L::Tape<B>) -> &[L::Output; B] {
        L::output::<B>(tape)
    }

    #[inline(always)]
    fn backward<S: Simd, const B: usize>(
        s: S,
        p: &L::Params,
        x: &[L::Input],
        tape: &mut L::Tape<B>,
        dy: &mut [L::Output],
        fused: bool,
        dp: &mut L::Params,
        dx: Option<&mut [L::Input]>,
    ) {
        L::backward::<S, B>(s, p, x, tape, dy, fused, dp, dx);
        R::add_gradient(s, Self::kernel(p), first_rows_mut(dp.as_flat_mut(), L::KERNEL_LEN));
    }

    #[inline(always)]
    fn penalty<S: Simd>(s: S, p: &L::Params) -> f32 {
        let own = R::penalty(s, Self::kernel(p));
        if const { L::PENALIZED } { L::penalty(s, p) + own } else { own }
    }

    #[inline(always)]
    fn never_set(p: &L::Params, place: u32, hidden: bool) -> Option<NeverSet> {
        L::never_set(p, place, hidden)
    }

    #[inline(always)]
    fn penalties(place: u32, visit: &mut impl FnMut(&[u32; 6])) {
        L::penalties(place, visit);
        let [a, b, c, d] = R::FACTORS;
        visit(&[place, R::CODE, a, b, c, d]);
    }

    const CARRIED: usize = L::CARRIED;

    fn carried<const B: usize>(tape: &mut L::Tape<B>, words: &mut impl Words) {
        L::carried::<B>(tape, words);
    }

    #[inline(always)]
    fn update_buffers<const B: usize>(tape: &L::Tape<B>, r: &mut L::Buffers) {
        L::update_buffers::<B>(tape, r);
    }
}
