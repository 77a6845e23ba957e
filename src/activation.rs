//! Activations: the lecture's names for functions of the kernels.

use rosenblatt_kernels::{Simd, activation::typed, columns::Columns};

pub use rosenblatt_kernels::activation::{LeakyRelu, Relu, Sigmoid, Step, Tanh};

#[cfg(feature = "micromath")]
mod approx;
#[cfg(feature = "micromath")]
pub use {
    approx::ApproxSoftmax,
    rosenblatt_kernels::approx::{ApproxSigmoid, ApproxTanh},
};

/// The last operation of a layer: y = f(z), on whole rows.
pub trait Activation: 'static {
    /// The activation's name in the lecture.
    const NAME: &'static str;
    /// A number in the activation's type: the slope of a leaky ReLU. 0 if there is none.
    const PARAMETER: f32 = 0.0;
    /// The most units for which [`Activation::forward_columns`] is right: `usize::MAX` where each
    /// value depends on its own z only, 0 where samples are never computed side by side.
    const COLUMNS: usize = 0;
    /// z ← f(z) for each row.
    fn forward<S: Simd, const N: usize>(s: S, z: &mut [[f32; N]]);
    /// z ← f(z) for sixteen samples side by side.
    #[inline(always)]
    fn forward_columns<S: Simd, const N: usize>(s: S, z: &mut Columns<[f32; N]>) {
        Self::forward(s, z.rows_mut());
    }
}

/// An activation with a gradient. [`Step`] has none: its slope is zero wherever it is defined.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` unit cannot be trained by gradient",
    note = "a step unit's slope is zero: train with Sigmoid or Tanh, or use the perceptron's \
            learning rule"
)]
pub trait Differentiable: Activation {
    /// dy ← dy·f′(z), from the output y = f(z).
    fn backward<S: Simd, const N: usize>(s: S, y: &[[f32; N]], dy: &mut [[f32; N]]);
}

/// The logistic function, exact or approximate. The binary cross-entropy can be fused with it.
#[diagnostic::on_unimplemented(
    message = "BinaryCrossEntropy does not fit a network that ends in `{Self}`",
    note = "BinaryCrossEntropy goes with Sigmoid, MeanSquaredError with all"
)]
pub trait SigmoidOutput: Activation {}

/// The softmax function, exact or approximate. The categorical cross-entropies can be fused with
/// it.
#[diagnostic::on_unimplemented(
    message = "a categorical cross-entropy does not fit a network that ends in `{Self}`",
    note = "the categorical cross-entropies go with Softmax, MeanSquaredError with all"
)]
pub trait SoftmaxOutput: Activation {}

impl SigmoidOutput for Sigmoid {}
impl SoftmaxOutput for Softmax {}

/// f(z) = z, f′ = 1
///
/// ```
/// use rosenblatt::{kernels::array::Affine, prelude::*};
/// let net = Mlp::<(Dense<1, 1, Linear>,)>::from_params(Affine { w: [[2.0]], b: [1.0] });
/// assert_eq!(net.predict(&[-3.0]), [-5.0]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Linear;

impl Activation for Linear {
    const NAME: &'static str = "linear";
    const COLUMNS: usize = usize::MAX;
    #[inline(always)]
    fn forward<S: Simd, const N: usize>(_: S, _: &mut [[f32; N]]) {}
}

impl Differentiable for Linear {
    #[inline(always)]
    fn backward<S: Simd, const N: usize>(_: S, _: &[[f32; N]], _: &mut [[f32; N]]) {}
}

/// y = f(z), yⱼ = exp(zⱼ) / Σ exp(zᵢ): a row of probabilities. Backward: dz = y·(dy − Σ dy·y)
///
/// ```
/// use rosenblatt::prelude::*;
/// let net = Mlp::<(Dense<2, 4, Softmax>,)>::ZERO; // zero weights
/// assert_eq!(net.predict(&[3.0, -1.0]), [0.25; 4]);
/// ```
///
/// Over one unit it would always be 1, and nothing could be learnt. It does not compile:
///
/// ```compile_fail,E0080
/// use rosenblatt::prelude::*;
/// type Net = Mlp<(Dense<2, 1, Softmax>,)>;
/// Net::ZERO.predict(&[0.0, 1.0]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Softmax;

impl Activation for Softmax {
    const NAME: &'static str = "softmax";
    const COLUMNS: usize = 16;
    #[inline(always)]
    fn forward<S: Simd, const N: usize>(s: S, z: &mut [[f32; N]]) {
        const {
            assert!(
                N > 1,
                "softmax over one unit is 1, whatever the input: use Sigmoid, or one unit a class"
            )
        };
        typed::softmax(s, z);
    }
    #[inline(always)]
    fn forward_columns<S: Simd, const N: usize>(s: S, z: &mut Columns<[f32; N]>) {
        typed::softmax_columns(s, z);
    }
}

impl Differentiable for Softmax {
    #[inline(always)]
    fn backward<S: Simd, const N: usize>(s: S, y: &[[f32; N]], dy: &mut [[f32; N]]) {
        typed::softmax_grad(s, y, dy);
    }
}

impl Activation for Step {
    const NAME: &'static str = "step";
    const COLUMNS: usize = usize::MAX;
    #[inline(always)]
    fn forward<S: Simd, const N: usize>(s: S, z: &mut [[f32; N]]) {
        typed::map::<S, Self, N>(s, z);
    }
}

/// Activations that the kernels have as element-by-element maps with a gradient.
macro_rules! elementwise {
    ($($name:literal = [$($generics:tt)*] $map:ty $(, $parameter:expr)?;)*) => {$(
        impl<$($generics)*> Activation for $map {
            const NAME: &'static str = $name;
            $(const PARAMETER: f32 = $parameter;)?
            const COLUMNS: usize = usize::MAX;
            #[inline(always)]
            fn forward<S: Simd, const N: usize>(s: S, z: &mut [[f32; N]]) {
                typed::map::<S, Self, N>(s, z);
            }
        }

        impl<$($generics)*> Differentiable for $map {
            #[inline(always)]
            fn backward<S: Simd, const N: usize>(s: S, y: &[[f32; N]], dy: &mut [[f32; N]]) {
                typed::map_grad::<S, Self, N>(s, y, dy);
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
    "leaky relu" = [const NUM: u32, const DEN: u32] LeakyRelu<NUM, DEN>, Self::SLOPE;
}
