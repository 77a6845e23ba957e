//! The same values in another shape.

use super::{Context, Description, Layer, Nothing, Tensor, Trainable, window::as_many};
use crate::{init::Initializer, rng::Rng};
use core::marker::PhantomData;
use rosenblatt_kernels::{
    F32Array, Simd,
    array::{copy_rows, first_rows_mut, reshape_rows},
};

/// Any sample as one row of `N` values, in the order of memory (row by row, channels last): Keras'
/// `Flatten`
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::layer::Map;
///
/// let net = Mlp::<(Flatten<Map<2, 1, 3>, 6>,)>::ZERO;
/// let y = net.predict(&[[[1.0, 2.0, 3.0]], [[4.0, 5.0, 6.0]]]);
/// assert_eq!(y, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
/// ```
///
/// ```compile_fail,E0080
/// use rosenblatt::prelude::*;
/// use rosenblatt::layer::Map;
/// let net = Mlp::<(Flatten<Map<2, 1, 3>, 5>,)>::ZERO; // it has 6
/// net.predict(&[[[1.0, 2.0, 3.0]], [[4.0, 5.0, 6.0]]]);
/// ```
pub type Flatten<X, const N: usize> = Reshape<X, [f32; N]>;

/// The values of an `X` as a `Y`, in the order of memory: Keras' `Reshape`
///
/// Before a convolution it turns rows of pixels into images: `Reshape<[f32; 64], Map<8, 8, 1>>`. It
/// copies the values. [`reshape_rows`](crate::kernels::array::reshape_rows) reshapes data without a
/// copy.
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::layer::{Map, Reshape};
///
/// let net = Mlp::<(Reshape<[f32; 4], Map<2, 2, 1>>,)>::ZERO;
/// assert_eq!(net.predict(&[1.0, 2.0, 3.0, 4.0]), [[[1.0], [2.0]], [[3.0], [4.0]]]);
/// ```
pub struct Reshape<X, Y>(PhantomData<(X, Y)>);

impl<X: F32Array, Y: F32Array> Reshape<X, Y> {
    const KIND: &'static str = if Y::SHAPE.rank() == 1 { "Flatten" } else { "Reshape" };
    const FITS: () = as_many(Self::KIND, X::LEN, Y::LEN);
}

impl<X: F32Array, Y: F32Array> Layer for Reshape<X, Y> {
    type Input = X;
    type Output = Y;
    type Params = Nothing;
    type Buffers = Nothing;
    type OutputActivation = ();
    const MAX_ROW: usize = {
        let () = Self::FITS;
        0
    };
    const KERNEL_LEN: usize = 0;
    const NAME: &'static str = Self::KIND;

    #[inline(always)]
    fn infer<S: Simd, const C: usize>(_: S, _: &Nothing, _: &Nothing, x: &[X], y: &mut [Y]) {
        const { Self::FITS };
        copy_rows(reshape_rows(x), y);
    }

    fn init(_: &mut Nothing, _: &mut Nothing, _: &impl Initializer, _: &mut Rng) {
        const { Self::FITS };
    }

    fn describe(visit: &mut dyn FnMut(&Description)) {
        const { Self::FITS };
        visit(&Description::of::<Self>(Self::KIND, ""));
    }

    fn tensors(_: &mut dyn FnMut(&Tensor)) {}
}

impl<X: F32Array, Y: F32Array> Trainable for Reshape<X, Y> {
    type Tape<const B: usize> = [Y; B];

    #[inline(always)]
    fn forward<S: Simd, const B: usize>(
        s: S,
        _: Context,
        p: &Nothing,
        r: &Nothing,
        x: &[X],
        y: &mut [Y; B],
    ) {
        Self::infer::<S, B>(s, p, r, x, first_rows_mut(y, x.len()));
    }

    #[inline(always)]
    fn output<const B: usize>(y: &[Y; B]) -> &[Y; B] {
        y
    }

    #[inline(always)]
    fn backward<S: Simd, const B: usize>(
        _: S,
        _: &Nothing,
        _: &[X],
        _: &mut [Y; B],
        dy: &mut [Y],
        _: bool,
        _: &mut Nothing,
        dx: Option<&mut [X]>,
    ) {
        if let Some(dx) = dx {
            copy_rows(reshape_rows(dy), dx);
        }
    }
}
