//! The fully connected layer.

use super::{Context, Description, Layer, Nothing, Record, Tensor, Trainable};
use crate::{
    activation::{Activation, Differentiable, Linear},
    init::Initializer,
    rng::Rng,
};
use core::marker::PhantomData;
use rosenblatt_kernels::{
    F32Rows, Simd,
    array::{Affine, first_rows, first_rows_mut},
    columns::{self, Columns},
    gemm::typed,
};

/// `O` units, each connected to all `I` inputs: y = f(x·w + b)
///
/// `w` is `[[f32; O]; I]`, input-major as in Keras. Each sum starts at the bias and adds over the
/// inputs. Backward, with dz = dy·f′(z): dw = xᵀ·dz, db = Σ dz over the samples, dx = dz·wᵀ.
///
/// ```
/// use rosenblatt::{kernels::array::Affine, prelude::*};
///
/// let net = Mlp::<(Dense<2, 1, Relu>,)>::from_params(Affine { w: [[1.0], [2.0]], b: [0.5] });
/// assert_eq!(net.predict(&[3.0, -1.0]), [1.5]); // 0.5 + 3·1 − 1·2
/// ```
pub struct Dense<const I: usize, const O: usize, A = Linear>(PhantomData<A>);

impl<const I: usize, const O: usize, A: Activation> Layer for Dense<I, O, A> {
    type Input = [f32; I];
    type Output = [f32; O];
    type Params = Affine<[[f32; O]; I], [f32; O]>;
    type Buffers = Nothing;
    type OutputActivation = A;
    const MAX_ROW: usize = O;
    const KERNEL_LEN: usize = I * O;
    const NAME: &'static str = "Dense";
    const RECORD: Record = Record::activated::<Self>(A::NAME, A::PARAMETER);

    #[inline(always)]
    fn infer<S: Simd, const C: usize>(
        s: S,
        p: &Self::Params,
        _: &Nothing,
        x: &[[f32; I]],
        y: &mut [[f32; O]],
    ) {
        const { assert!(I > 0 && O > 0, "a dense layer needs at least one input and one unit") };
        typed::affine::<_, C, _, _, _>(s, x, &p.w, &p.b, y);
        A::forward(s, y);
    }

    // Columns of more values do not stay in the first-level cache.
    const COLUMNS: bool = I <= 64 && O <= 64 && O <= A::COLUMNS;

    #[inline(always)]
    fn infer_columns<S: Simd>(
        s: S,
        p: &Self::Params,
        _: &Nothing,
        x: &Columns<[f32; I]>,
        y: &mut Columns<[f32; O]>,
    ) {
        if const { Self::COLUMNS } {
            columns::affine(s, x, &p.w, &p.b, y);
            A::forward_columns(s, y);
        }
    }

    fn init(p: &mut Self::Params, _: &mut Nothing, init: &impl Initializer, rng: &mut Rng) {
        init.fill(rng, I, O, p.w.as_mut_slice().flat_mut());
        p.b.fill(0.0);
    }

    fn describe(visit: &mut dyn FnMut(&Description)) {
        visit(&Description::of::<Self>(Self::NAME, A::NAME));
    }

    fn tensors(visit: &mut dyn FnMut(&Tensor)) {
        visit(&Tensor::learnt::<[[f32; O]; I]>("kernel"));
        visit(&Tensor::learnt::<[f32; O]>("bias"));
    }
}

impl<const I: usize, const O: usize, A: Differentiable> Trainable for Dense<I, O, A> {
    type Tape<const B: usize> = [[f32; O]; B];

    #[inline(always)]
    fn forward<S: Simd, const B: usize>(
        s: S,
        _: Context,
        p: &Self::Params,
        r: &Nothing,
        x: &[[f32; I]],
        y: &mut [[f32; O]; B],
    ) {
        Self::infer::<S, B>(s, p, r, x, first_rows_mut(y, x.len()));
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
        fused: bool,
        dp: &mut Self::Params,
        dx: Option<&mut [[f32; I]]>,
    ) {
        if !fused {
            A::backward(s, first_rows(y, dy.len()), dy);
        }
        typed::affine_grad(s, x, dy, &mut dp.w, false);
        typed::sum_rows(s, dy, &mut dp.b);
        if let Some(dx) = dx {
            typed::affine_grad_input::<_, B, _, _, _>(s, dy, &p.w, dx, false);
        }
    }
}
