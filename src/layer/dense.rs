//! The fully connected layer.

use super::{Description, Layer, Nothing, Pass, Tensor, Train, first};
use crate::{
    activation::{Activation, Differentiable, Linear},
    init::Initializer,
    rng::Rng,
};
use core::marker::PhantomData;
use rosenblatt_kernels::{Flat, Simd, blas::fixed, plain::Affine};

/// `O` units, each connected to all `I` inputs: y = f(x·w + b)
///
/// `w` is `[[f32; O]; I]`, input-major as in Keras. Backward, with dz = dy·f′(z): dw = xᵀ·dz, db = the sum of dz over the samples, dx = dz·wᵀ.
pub struct Dense<const I: usize, const O: usize, A = Linear>(PhantomData<A>);

impl<const I: usize, const O: usize, A: Activation> Layer for Dense<I, O, A> {
    type Input = [f32; I];
    type Output = [f32; O];
    type Params = Affine<[[f32; O]; I], [f32; O]>;
    type Running = Nothing;
    type Head = A;
    const WIDTH: usize = O;
    const KERNEL: usize = I * O;
    const NAME: &'static str = "Dense";

    #[inline(always)]
    fn infer<S: Simd, const C: usize>(s: S, p: &Self::Params, _: &Nothing, x: &[[f32; I]], y: &mut [[f32; O]]) {
        const { assert!(I > 0 && O > 0, "a dense layer needs at least one input and one unit") };
        fixed::affine::<_, C, _, _, _>(s, x, &p.w, &p.b, y);
        A::forward(s, y);
    }

    fn init(p: &mut Self::Params, _: &mut Nothing, init: &impl Initializer, rng: &mut Rng) {
        init.fill(rng, I, O, p.w.as_mut_slice().flat_mut());
        p.b.fill(0.0);
    }

    fn describe(tell: &mut dyn FnMut(&Description)) {
        tell(&Description::of::<Self>(Self::NAME, A::NAME));
    }

    fn tensors(tell: &mut dyn FnMut(&Tensor)) {
        tell(&Tensor::learnt::<[[f32; O]; I]>("kernel"));
        tell(&Tensor::learnt::<[f32; O]>("bias"));
    }
}

impl<const I: usize, const O: usize, A: Differentiable> Train for Dense<I, O, A> {
    type Tape<const B: usize> = [[f32; O]; B];

    #[inline(always)]
    fn forward<S: Simd, const B: usize>(
        s: S,
        _: Pass,
        p: &Self::Params,
        r: &Nothing,
        x: &[[f32; I]],
        y: &mut [[f32; O]; B],
    ) {
        Self::infer::<S, B>(s, p, r, x, super::first_mut(y, x.len()));
    }

    #[inline(always)]
    fn output<const B: usize>(y: &[[f32; O]; B]) -> &[[f32; O]; B] {
        y
    }

    #[inline(always)]
    fn backward<S: Simd, const B: usize>(
        s: S,
        p: &Self::Params,
        x: &[[f32; I]],
        y: &mut [[f32; O]; B],
        dy: &mut [[f32; O]],
        joined: bool,
        dp: &mut Self::Params,
        dx: Option<&mut [[f32; I]]>,
    ) {
        if !joined {
            A::backward(s, first(y, dy.len()), dy);
        }
        fixed::affine_grad(s, x, dy, &mut dp.w, false);
        fixed::sum_rows(s, dy, &mut dp.b);
        if let Some(dx) = dx {
            fixed::affine_grad_input::<_, B, _, _, _>(s, dy, &p.w, dx, false);
        }
    }
}
