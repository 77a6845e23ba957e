//! An activation as a layer of its own.

use super::{Channels, Description, Layer, Nothing, Pass, Tensor, Train, copy, first, first_mut};
use crate::{
    activation::{Activation, Differentiable},
    init::Initializer,
    rng::Rng,
};
use core::marker::PhantomData;
use rosenblatt_kernels::{Plain, Simd};

/// y = f(x) for samples of any plain shape: `Activate<[f32; 32], Relu>`, `Activate<[[f32; 8]; 5], Tanh>`
///
/// For what stands between a layer and its activation, a normalization say. Softmax goes over the last axis, everything else value by value. A loss joins with
/// it as with the activation of a [`Dense`](super::Dense) layer. Backward: dx = dy·f′(x), written in y.
///
/// ```
/// use rosenblatt::prelude::*;
///
/// type Net = Mlp<(Dense<2, 8>, BatchNorm<[f32; 8]>, Activate<[f32; 8], Relu>, Dense<8, 3>, Activate<[f32; 3], Softmax>)>;
/// let mut net = Net::new();
/// net.init(Seed(1957));
/// assert!((net.predict(&[0.5, -1.0]).iter().sum::<f32>() - 1.0).abs() < 1e-6);
/// let mut trainer = Trainer::<Net, Sgd, SparseCategoricalCrossEntropy, 2>::new();
/// trainer.step(&mut net, &Sgd::with_lr(0.1), &[[0.0, 1.0], [1.0, 0.0]], &[2, 0])?;
/// # Ok::<(), rosenblatt::Error>(())
/// ```
pub struct Activate<X, A>(PhantomData<(X, A)>);

impl<X: Channels, A: Activation> Layer for Activate<X, A> {
    type Input = X;
    type Output = X;
    type Params = Nothing;
    type Running = Nothing;
    type Head = A;
    const WIDTH: usize = X::Row::LEN;
    const KERNEL: usize = 0;
    const NAME: &'static str = "Activation";

    #[inline(always)]
    fn infer<S: Simd, const C: usize>(s: S, _: &Nothing, _: &Nothing, x: &[X], y: &mut [X]) {
        copy(x, y);
        X::activate::<S, A>(s, y);
    }

    fn init(_: &mut Nothing, _: &mut Nothing, _: &impl Initializer, _: &mut Rng) {}

    fn describe(tell: &mut dyn FnMut(&Description)) {
        tell(&Description::of::<Self>(Self::NAME, A::NAME));
    }

    fn tensors(_: &mut dyn FnMut(&Tensor)) {}
}

impl<X: Channels, A: Differentiable> Train for Activate<X, A> {
    type Tape<const B: usize> = [X; B];

    #[inline(always)]
    fn forward<S: Simd, const B: usize>(s: S, _: Pass, p: &Nothing, r: &Nothing, x: &[X], y: &mut [X; B]) {
        Self::infer::<S, B>(s, p, r, x, first_mut(y, x.len()));
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
        joined: bool,
        _: &mut Nothing,
        dx: Option<&mut [X]>,
    ) {
        if !joined {
            X::activate_grad::<S, A>(s, first(y, dy.len()), dy);
        }
        if let Some(dx) = dx {
            copy(dy, dx);
        }
    }
}
