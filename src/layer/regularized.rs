//! Layers whose weights cost something.

use super::{Dense, Description, Layer, NeverSet, Pass, Tensor, Train, first, first_mut};
use crate::{init::Initializer, rng::Rng};
use core::marker::PhantomData;
use rosenblatt_kernels::{Plain, Simd, regularize};

/// What a layer's kernel adds to the loss.
pub trait Regularizer: 'static {
    /// The penalty for the weights w. Sums run over sixteen virtual lanes.
    fn penalty<S: Simd>(s: S, w: &[f32]) -> f32;
    /// dw ← dw + the penalty's gradient.
    fn add_gradient<S: Simd>(s: S, w: &[f32], dw: &mut [f32]);
}

/// A quotient of two numbers, rounded once.
const fn quotient(num: u32, den: u32) -> f32 {
    assert!(den > 0, "the divisor of a regularizer's factor is 0");
    num as f32 / den as f32
}

/// λ·Σ|w|, λ = `NUM`/`DEN`; its gradient λ·sign(w), 0 at 0: "lasso", Tibshirani, 1996.
///
/// It draws small weights towards 0, but does not make them exactly 0: as in Keras the penalty is a part of the gradient, and a weight whose gradient is below λ goes to and fro
/// around 0, at most about lr·λ away. Whoever wants zeros sets such weights to 0 after the training.
#[derive(Clone, Copy, Debug)]
pub struct L1<const NUM: u32, const DEN: u32>;

/// λ·Σw² (without ½, as Keras), λ = `NUM`/`DEN`; its gradient 2·λ·w. Keeps weights small: "ridge", "weight decay".
#[derive(Clone, Copy, Debug)]
pub struct L2<const NUM: u32, const DEN: u32>;

/// λ₁·Σ|w| + λ₂·Σw²: [`L1`] with `NUM1`/`DEN1` and [`L2`] with `NUM2`/`DEN2`, "elastic net"
#[derive(Clone, Copy, Debug)]
pub struct L1L2<const NUM1: u32, const DEN1: u32, const NUM2: u32, const DEN2: u32>;

impl<const NUM: u32, const DEN: u32> Regularizer for L1<NUM, DEN> {
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
    #[inline(always)]
    fn penalty<S: Simd>(s: S, w: &[f32]) -> f32 {
        regularize::l2(s, w) * const { quotient(NUM, DEN) }
    }
    #[inline(always)]
    fn add_gradient<S: Simd>(s: S, w: &[f32], dw: &mut [f32]) {
        regularize::l2_grad(s, const { quotient(NUM, DEN) }, w, dw);
    }
}

impl<const NUM1: u32, const DEN1: u32, const NUM2: u32, const DEN2: u32> Regularizer for L1L2<NUM1, DEN1, NUM2, DEN2> {
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

/// The layer `L`, whose kernel (the weights of its inputs, not its bias) is regularized by `R`: [`L1`], [`L2`] or [`L1L2`], as Keras' `kernel_regularizer`
///
/// The loss that training minimizes, and that a step and [`evaluate`](crate::Trainer::evaluate) tell, is the mean loss of the batch plus the penalties of all such layers.
///
/// **The lecture's cost** is the *sum* of the losses of all N samples plus λ·Σw². Divided by N it is Keras' loss and ours: mean + (λ/N)·Σw². Both have
/// the same minimum. To follow the lecture, divide its λ by the number of terms that the loss averages here (the samples of the training set; with mean squared error or
/// binary cross-entropy, whose mean goes over the k outputs too, N·k), and multiply its learning rate by that number where the gradient's length matters
/// (gradient descent, with or without momentum; not Adam, which divides it out).
///
/// ```
/// use rosenblatt::prelude::*;
///
/// type Net = Mlp<(DenseL2<2, 1, Linear, 1, 100>,)>; // 0.01·Σw²
/// let mut net = Net::new();
/// net.set_weights(&[3.0, -4.0, 0.5])?; // two weights, one bias
/// let mut trainer = Trainer::<Net, Sgd, MeanSquaredError, 1>::new();
/// let loss = trainer.step(&mut net, &Sgd::with_lr(0.1), &[[0.0, 0.0]], &[[0.5]])?;
/// assert_eq!(loss, 0.01 * 25.0); // no error: nothing but the penalty
/// assert_eq!(trainer.gradient().as_flat(), [0.02 * 3.0, 0.02 * -4.0, 0.0]);
/// # use rosenblatt::kernels::Plain;
/// # Ok::<(), rosenblatt::Error>(())
/// ```
///
/// A layer without a kernel has nothing to regularize:
///
/// ```compile_fail,E0080
/// use rosenblatt::prelude::*;
/// type Net = Mlp<(Regularized<LayerNorm<[f32; 2]>, L2<1, 100>>,)>;
/// Trainer::<Net, Sgd, MeanSquaredError, 1>::new().step(&mut Net::new(), &Sgd::DEFAULT, &[[0.0; 2]], &[[0.0; 2]]);
/// ```
pub struct Regularized<L, R>(PhantomData<(L, R)>);

/// A [`Dense`] layer with λ·Σ|w|, λ = `NUM`/`DEN`: `DenseL1<64, 32, Relu, 1, 1000>`
pub type DenseL1<const I: usize, const O: usize, A, const NUM: u32, const DEN: u32> =
    Regularized<Dense<I, O, A>, L1<NUM, DEN>>;
/// A [`Dense`] layer with λ·Σw², λ = `NUM`/`DEN`: `DenseL2<64, 32, Relu, 1, 1000>`
pub type DenseL2<const I: usize, const O: usize, A, const NUM: u32, const DEN: u32> =
    Regularized<Dense<I, O, A>, L2<NUM, DEN>>;

impl<L: Layer, R: Regularizer> Regularized<L, R> {
    /// The kernel in front of the parameters.
    #[inline(always)]
    fn kernel(p: &L::Params) -> &[f32] {
        const { assert!(L::KERNEL > 0, "a regularizer needs a layer with a kernel") };
        first(p.as_flat(), L::KERNEL)
    }
}

impl<L: Layer, R: Regularizer> Layer for Regularized<L, R> {
    type Input = L::Input;
    type Output = L::Output;
    type Params = L::Params;
    type Running = L::Running;
    type Head = L::Head;
    const WIDTH: usize = L::WIDTH;
    const KERNEL: usize = L::KERNEL;
    const MULTIPLY_ADDS: usize = L::MULTIPLY_ADDS;
    const NAME: &'static str = L::NAME;
    const LAYERS: u32 = L::LAYERS;

    #[inline(always)]
    fn infer<S: Simd, const C: usize>(s: S, p: &L::Params, r: &L::Running, x: &[L::Input], y: &mut [L::Output]) {
        L::infer::<S, C>(s, p, r, x, y);
    }

    fn init(p: &mut L::Params, r: &mut L::Running, init: &impl Initializer, rng: &mut Rng) {
        L::init(p, r, init, rng);
    }

    fn describe(tell: &mut dyn FnMut(&Description)) {
        L::describe(tell);
    }

    fn tensors(tell: &mut dyn FnMut(&Tensor)) {
        L::tensors(tell);
    }
}

impl<L: Train, R: Regularizer> Train for Regularized<L, R> {
    type Tape<const B: usize> = L::Tape<B>;
    const PENALIZED: bool = true;
    const LEAST_SAMPLES: usize = L::LEAST_SAMPLES;

    #[inline(always)]
    fn forward<S: Simd, const B: usize>(
        s: S,
        pass: Pass,
        p: &L::Params,
        r: &L::Running,
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
        joined: bool,
        dp: &mut L::Params,
        dx: Option<&mut [L::Input]>,
    ) {
        L::backward::<S, B>(s, p, x, tape, dy, joined, dp, dx);
        R::add_gradient(s, Self::kernel(p), first_mut(dp.as_flat_mut(), L::KERNEL));
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
    fn settle<const B: usize>(tape: &L::Tape<B>, r: &mut L::Running) {
        L::settle::<B>(tape, r);
    }
}
