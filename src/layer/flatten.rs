//! The same values in another shape.

use super::{Description, Layer, Nothing, Pass, Tensor, Train, copy, first_mut, window::as_many};
use crate::{init::Initializer, rng::Rng};
use core::marker::PhantomData;
use rosenblatt_kernels::{Plain, Simd, plain::recast};

/// Any sample as a row of `N` values, in the order of memory (row by row, channels last): Keras' `Flatten`
///
/// ```
/// use rosenblatt::prelude::*;
///
/// let net = Mlp::<(Flatten<Map<2, 1, 3>, 6>,)>::new();
/// assert_eq!(net.predict(&[[[1.0, 2.0, 3.0]], [[4.0, 5.0, 6.0]]]), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
/// ```
///
/// ```compile_fail,E0080
/// use rosenblatt::prelude::*;
/// let net = Mlp::<(Flatten<Map<2, 1, 3>, 5>,)>::new(); // it has 6
/// net.predict(&[[[1.0, 2.0, 3.0]], [[4.0, 5.0, 6.0]]]);
/// ```
pub type Flatten<X, const N: usize> = Reshape<X, [f32; N]>;

/// The values of an `X` as a `Y`, in the order of memory: Keras' `Reshape`
///
/// In front of a convolution it takes rows of pixels as images: `Reshape<[f32; 64], Map<8, 8, 1>>`. It copies them; data can be seen as another
/// shape without a copy by [`recast`](crate::kernels::plain::recast).
pub struct Reshape<X, Y>(PhantomData<(X, Y)>);

impl<X: Plain, Y: Plain> Reshape<X, Y> {
    const KIND: &'static str = if Y::SHAPE.rank() == 1 { "Flatten" } else { "Reshape" };
    const FITS: () = as_many(Self::KIND, X::LEN, Y::LEN);
}

impl<X: Plain, Y: Plain> Layer for Reshape<X, Y> {
    type Input = X;
    type Output = Y;
    type Params = Nothing;
    type Running = Nothing;
    type Head = ();
    const WIDTH: usize = {
        let () = Self::FITS;
        0
    };
    const KERNEL: usize = 0;

    #[inline(always)]
    fn infer<S: Simd, const C: usize>(_: S, _: &Nothing, _: &Nothing, x: &[X], y: &mut [Y]) {
        const { Self::FITS };
        copy(recast(x), y);
    }

    fn init(_: &mut Nothing, _: &mut Nothing, _: &impl Initializer, _: &mut Rng) {
        const { Self::FITS };
    }

    fn describe(tell: &mut dyn FnMut(&Description)) {
        const { Self::FITS };
        tell(&Description::of::<Self>(Self::KIND, ""));
    }

    fn tensors(_: &mut dyn FnMut(&Tensor)) {}
}

impl<X: Plain, Y: Plain> Train for Reshape<X, Y> {
    type Tape<const B: usize> = [Y; B];

    #[inline(always)]
    fn forward<S: Simd, const B: usize>(s: S, _: Pass, p: &Nothing, r: &Nothing, x: &[X], y: &mut [Y; B]) {
        Self::infer::<S, B>(s, p, r, x, first_mut(y, x.len()));
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
            copy(recast(dy), dx);
        }
    }
}
