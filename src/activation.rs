//! The activations a layer can end in: the lecture's names over the kernels.

use rosenblatt_kernels::{Simd, activation::fixed};

pub use rosenblatt_kernels::activation::{LeakyRelu, Relu, Sigmoid, Step, Tanh};

#[cfg(feature = "micromath")]
mod approx;
#[cfg(feature = "micromath")]
pub use {
    approx::ApproxSoftmax,
    rosenblatt_kernels::approx::{ApproxSigmoid, ApproxTanh},
};

/// The last part of a layer: y = f(z), on whole rows.
pub trait Activation: 'static {
    /// The lecture's name.
    const NAME: &'static str;
    /// z ← f(z) for each row.
    fn forward<S: Simd, const N: usize>(s: S, z: &mut [[f32; N]]);
}

/// An activation through which a gradient can flow. A step has none: its slope is zero wherever it has one.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` unit cannot be trained by gradient",
    note = "a step unit's slope is zero: train with Sigmoid or Tanh, or use the perceptron's learning rule"
)]
pub trait Differentiable: Activation {
    /// dy ← dy·f′(z), from the output y = f(z).
    fn backward<S: Simd, const N: usize>(s: S, y: &[[f32; N]], dy: &mut [[f32; N]]);
}

/// Activations that are the logistic function, if only nearly: what the binary cross-entropy can be joined with.
#[diagnostic::on_unimplemented(
    message = "BinaryCrossEntropy does not fit a network that ends in `{Self}`",
    note = "BinaryCrossEntropy goes with Sigmoid, MeanSquaredError with all"
)]
pub trait SigmoidHead: Activation {}

/// Activations that are the softmax, if only nearly: what the categorical cross-entropies can be joined with.
#[diagnostic::on_unimplemented(
    message = "a categorical cross-entropy does not fit a network that ends in `{Self}`",
    note = "the categorical cross-entropies go with Softmax, MeanSquaredError with all"
)]
pub trait SoftmaxHead: Activation {}

impl SigmoidHead for Sigmoid {}
impl SoftmaxHead for Softmax {}

/// f(z) = z, f′ = 1
#[derive(Clone, Copy, Debug)]
pub struct Linear;

impl Activation for Linear {
    const NAME: &'static str = "linear";
    #[inline(always)]
    fn forward<S: Simd, const N: usize>(_: S, _: &mut [[f32; N]]) {}
}

impl Differentiable for Linear {
    #[inline(always)]
    fn backward<S: Simd, const N: usize>(_: S, _: &[[f32; N]], _: &mut [[f32; N]]) {}
}

/// y = f(z), yⱼ = exp(zⱼ) / Σ exp(zᵢ): a row of probabilities. Backward: dz = y·(dy − Σ dy·y)
///
/// Over one unit it would always be 1, and learn nothing; it does not compile:
///
/// ```compile_fail,E0080
/// use rosenblatt::prelude::*;
/// type Net = Mlp<(Dense<2, 1, Softmax>,)>;
/// Net::new().predict(&[0.0, 1.0]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Softmax;

impl Activation for Softmax {
    const NAME: &'static str = "softmax";
    #[inline(always)]
    fn forward<S: Simd, const N: usize>(s: S, z: &mut [[f32; N]]) {
        const { assert!(N > 1, "softmax over one unit is 1, whatever the input: use Sigmoid, or one unit a class") };
        fixed::softmax(s, z);
    }
}

impl Differentiable for Softmax {
    #[inline(always)]
    fn backward<S: Simd, const N: usize>(s: S, y: &[[f32; N]], dy: &mut [[f32; N]]) {
        fixed::softmax_grad(s, y, dy);
    }
}

impl Activation for Step {
    const NAME: &'static str = "step";
    #[inline(always)]
    fn forward<S: Simd, const N: usize>(s: S, z: &mut [[f32; N]]) {
        fixed::map::<S, Self, N>(s, z);
    }
}

/// Activations that the kernels have as element by element maps with a gradient.
macro_rules! elementwise {
    ($($name:literal = [$($generics:tt)*] $map:ty;)*) => {$(
        impl<$($generics)*> Activation for $map {
            const NAME: &'static str = $name;
            #[inline(always)]
            fn forward<S: Simd, const N: usize>(s: S, z: &mut [[f32; N]]) {
                fixed::map::<S, Self, N>(s, z);
            }
        }

        impl<$($generics)*> Differentiable for $map {
            #[inline(always)]
            fn backward<S: Simd, const N: usize>(s: S, y: &[[f32; N]], dy: &mut [[f32; N]]) {
                fixed::map_grad::<S, Self, N>(s, y, dy);
            }
        }
    )*};
}
#[cfg(feature = "micromath")]
use elementwise;

elementwise! {
    "sigmoid" = [] Sigmoid;
    "tanh" = [] Tanh;
    "relu" = [] Relu;
    "leaky relu" = [const NUM: u32, const DEN: u32] LeakyRelu<NUM, DEN>;
}
