//! Approximate activations by the crate `micromath`: **outside the numeric contract**; see
//! [`rosenblatt_kernels::approx`].

use super::{Activation, Differentiable, SigmoidOutput, SoftmaxOutput};
use rosenblatt_kernels::{
    Simd,
    activation::typed,
    approx::{self, ApproxSigmoid, ApproxTanh},
};

/// [`Softmax`](super::Softmax) with micromath's exponential: probabilities within 0.24 %
///
/// The gradient is the exact one of the probabilities that came out.
#[derive(Clone, Copy, Debug)]
pub struct ApproxSoftmax;

impl Activation for ApproxSoftmax {
    const NAME: &'static str = "softmax (approx.)";
    #[inline(always)]
    fn forward<S: Simd, const N: usize>(_: S, z: &mut [[f32; N]]) {
        const {
            assert!(
                N > 1,
                "softmax over one unit is 1, whatever the input: use Sigmoid, or one unit a class"
            )
        };
        z.iter_mut().for_each(|row| approx::softmax_row(row));
    }
}

impl Differentiable for ApproxSoftmax {
    #[inline(always)]
    fn backward<S: Simd, const N: usize>(s: S, y: &[[f32; N]], dy: &mut [[f32; N]]) {
        typed::softmax_grad(s, y, dy);
    }
}

super::elementwise! {
    "sigmoid (approx.)" = [] ApproxSigmoid;
    "tanh (approx.)" = [] ApproxTanh;
}

impl SigmoidOutput for ApproxSigmoid {}
impl SoftmaxOutput for ApproxSoftmax {}
