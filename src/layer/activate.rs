//! An activation as a layer of its own.

use super::{Channels, Context, Description, Layer, Nothing, Record, Tensor, Trainable};
use crate::{
    activation::{Activation, Differentiable},
    init::Initializer,
    rng::Rng,
};
use core::marker::PhantomData;
use rosenblatt_kernels::{
    F32Array, Simd,
    array::{copy_rows, first_rows, first_rows_mut},
};

/// y = f(x) for samples of any plain shape: `Activate<[f32; 32], Relu>`,
/// `Activate<[[f32; 8]; 5], Tanh>`
///
/// Use it where another layer, for example a normalization, stands between a layer and its
/// activation. Softmax works on the last axis; every other activation works element by element. A
/// loss is fused with it as with the activation of a [`Dense`](super::Dense) layer. Backward: dx =
/// dy·f′(x), computed from y.
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::layer::Activate;
///
/// type Net = Mlp<(
///     Dense<2, 8>,
///     BatchNorm<[f32; 8]>,
///     Activate<[f32; 8], Relu>,
///     Dense<8, 3>,
///     Activate<[f32; 3], Softmax>,
/// )>;
/// let mut net = Net::init(Seed(1957));
/// assert!((net.predict(&[0.5, -1.0]).iter().sum::<f32>() - 1.0).abs() < 1e-6);
/// let mut trainer = Trainer::<Net, SparseCategoricalCrossEntropy, Sgd, 2>::ZERO;
/// trainer.step(&mut net, (&[[0.0, 1.0], [1.0, 0.0]], &[2, 0]), &Sgd::with_lr(0.1))?;
/// # Ok::<(), rosenblatt::Error>(())
/// ```
pub struct Activate<X, A>(PhantomData<(X, A)>);

impl<X: Channels, A: Activation> Layer for Activate<X, A> {
    type Input = X;
    type Output = X;
    type Params = Nothing;
    type Buffers = Nothing;
    type OutputActivation = A;
    const MAX_ROW: usize = X::Row::LEN;
    const KERNEL_LEN: usize = 0;
    const NAME: &'static str = "Activation";
    const RECORD: Record = Record::activated::<Self>(A::NAME, A::PARAMETER);

    #[inline(always)]
    fn infer<S: Simd, const C: usize>(s: S, _: &Nothing, _: &Nothing, x: &[X], y: &mut [X]) {
        copy_rows(x, y);
        X::activate::<S, A>(s, y);
    }

    fn init(_: &mut Nothing, _: &mut Nothing, _: &impl Initializer, _: &mut Rng) {}

    fn describe(visit: &mut dyn FnMut(&Description)) {
        visit(&Description::of::<Self>(Self::NAME, A::NAME));
    }

    fn tensors(_: &mut dyn FnMut(&Tensor)) {}
}

impl<X: Channels, A: Differentiable> Trainable for Activate<X, A> {
    type Tape<const B: usize> = [X; B];

    #[inline(always)]
    fn forward<S: Simd, const B: usize>(
        s: S,
        _: Context,
        p: &Nothing,
        r: &Nothing,
        x: &[X],
        y: &mut [X; B],
    ) {
        Self::infer::<S, B>(s, p, r, x, first_rows_mut(y, x.len()));
    }

    #[inline(always)]
    fn output<const B: usize>(y: &[X; B]) -> &[X; B] {
        y
    }

    #[inline(always)]
    fn backward<S: Simd, const B: usize>(
        s: S,
        _: &Nothing,
        _: &[X],
        y: &mut [X; B],
        dy: &mut [X],
        fused: bool,
        _: &mut Nothing,
        dx: Option<&mut [X]>,
    ) {
        if !fused {
            X::activate_grad::<S, A>(s, first_rows(y, dy.len()), dy);
        }
        if let Some(dx) = dx {
            copy_rows(dy, dx);
        }
    }
}
