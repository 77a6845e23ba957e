//! Pooling: each window of a map or signal becomes one position, channel by channel.

use super::{
    Context, Description, Layer, Map, Nothing, Padding, Record, Signal, Tensor, Trainable, Valid,
    window::{Axis, fits},
};
use crate::{init::Initializer, rng::Rng};
use core::{marker::PhantomData, ops::Range};
use rosenblatt_kernels::{
    F32Array, Simd,
    array::{first_rows, first_rows_mut, reshape_rows, reshape_rows_mut},
    pool,
};

/// The greatest value of each `PH`×`PW` window, channel by channel: Keras' `MaxPooling2D`
///
/// `X` is a [`Map<H, W, C>`](Map). `Y` is a `Map` with the same channels; the compiler checks its
/// height and width. The window is square unless `PW` is given. The stride is the window's size
/// unless `SH` (for both axes) or `SH` and `SW` are given. With [`Valid`], the default padding,
/// rows and columns that no window covers are dropped. With [`Same`](super::Same), padded positions
/// are left out.
///
/// Of equal values the first, row by row, is the maximum, and the whole gradient goes to it. If a
/// value is NaN, the result is NaN and its gradient goes to the first position of the window.
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::layer::{Map, Same, Valid};
///
/// let image = [[1.0, 5.0, 2.0], [3.0, 4.0, 9.0], [0.0, 6.0, 7.0]];
/// let image = image.map(|row| row.map(|pixel| [pixel]));
/// let net = Mlp::<(MaxPool2d<Map<3, 3, 1>, Map<1, 1, 1>, 2>,)>::ZERO;
/// assert_eq!(net.predict(&image), [[[5.0]]]);
/// // 2x2 windows with stride 1.
/// let net = Mlp::<(MaxPool2d<Map<3, 3, 1>, Map<2, 2, 1>, 2, 2, Valid, 1>,)>::ZERO;
/// assert_eq!(net.predict(&image), [[[5.0], [9.0]], [[6.0], [9.0]]]);
/// let net = Mlp::<(MaxPool2d<Map<3, 3, 1>, Map<2, 2, 1>, 2, 2, Same>,)>::ZERO;
/// assert_eq!(net.predict(&image), [[[5.0], [9.0]], [[6.0], [7.0]]]);
/// ```
///
/// *MaxPool2d: a window of 2x2 over 3x3, stride 2x2, padding valid, gives 1x1; the type says 2x2*:
///
/// ```compile_fail,E0080
/// use rosenblatt::prelude::*;
/// use rosenblatt::layer::Map;
/// let net = Mlp::<(MaxPool2d<Map<3, 3, 1>, Map<2, 2, 1>, 2>,)>::ZERO;
/// net.predict(&[[[0.0]; 3]; 3]);
/// ```
pub type MaxPool2d<
    X,
    Y,
    const PH: usize,
    const PW: usize = PH,
    P = Valid,
    const SH: usize = 0,
    const SW: usize = 0,
> = Pool2d<Max, X, Y, PH, PW, P, SH, SW>;

/// The mean of each `PH`×`PW` window, channel by channel: Keras' `AveragePooling2D`
///
/// The values of a window are added row by row from +0 and divided by their number. With
/// [`Same`](super::Same), padded positions do not count. Window, stride and padding are as in
/// [`MaxPool2d`]. Backward: each position of the window gets dy divided by that number.
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::layer::{Map, Same};
///
/// let image = [[1.0, 5.0, 2.0], [3.0, 5.0, 8.0]].map(|row| row.map(|pixel| [pixel]));
/// let net = Mlp::<(AvgPool2d<Map<2, 3, 1>, Map<1, 1, 1>, 2>,)>::ZERO;
/// assert_eq!(net.predict(&image), [[[3.5]]]);
/// let net = Mlp::<(AvgPool2d<Map<2, 3, 1>, Map<1, 2, 1>, 2, 2, Same>,)>::ZERO;
/// assert_eq!(net.predict(&image), [[[3.5], [5.0]]]);
/// ```
pub type AvgPool2d<
    X,
    Y,
    const PH: usize,
    const PW: usize = PH,
    P = Valid,
    const SH: usize = 0,
    const SW: usize = 0,
> = Pool2d<Average, X, Y, PH, PW, P, SH, SW>;

/// [`MaxPool2d`] over a [`Signal`]: windows of `K` steps; the stride is `K` unless `S` is given
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::layer::Signal;
/// let net = Mlp::<(MaxPool1d<Signal<5, 2>, Signal<2, 2>, 2>,)>::ZERO;
/// let steps = [[1.0, 0.0], [2.0, -1.0], [3.0, -2.0], [2.0, -3.0], [9.0, 9.0]];
/// assert_eq!(net.predict(&steps), [[2.0, 0.0], [3.0, -2.0]]);
/// ```
pub type MaxPool1d<X, Y, const K: usize, P = Valid, const S: usize = 0> =
    Pool1d<Max, X, Y, K, P, S>;

/// [`AvgPool2d`] over a [`Signal`]: windows of `K` steps; the stride is `K` unless `S` is given
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::layer::{AvgPool1d, Same, Signal};
/// let net = Mlp::<(AvgPool1d<Signal<5, 1>, Signal<3, 1>, 2, Same>,)>::ZERO;
/// assert_eq!(net.predict(&[[1.0], [2.0], [3.0], [2.0], [9.0]]), [[1.5], [2.5], [9.0]]);
/// ```
pub type AvgPool1d<X, Y, const K: usize, P = Valid, const S: usize = 0> =
    Pool1d<Average, X, Y, K, P, S>;

/// How a window becomes one position.
pub trait Pooling: 'static {
    /// The layer's name for maps and for signals.
    const NAMES: [&'static str; 2];

    /// y ← the pooled values of a window: the positions `across` of each of the lines `x`.
    fn forward<S: Simd, const W: usize, const C: usize>(
        s: S,
        x: &[[[f32; C]; W]],
        across: Range<usize>,
        y: &mut [f32; C],
    );

    /// Adds the gradient dy of one position to the positions of its window.
    fn backward<S: Simd, const W: usize, const C: usize>(
        s: S,
        x: &[[[f32; C]; W]],
        across: Range<usize>,
        y: (&[f32; C], &[f32; C]),
        dx: &mut [[[f32; C]; W]],
    );
}

/// The greatest value.
#[derive(Clone, Copy, Debug)]
pub struct Max;

impl Pooling for Max {
    const NAMES: [&'static str; 2] = ["MaxPool2d", "MaxPool1d"];

    #[inline(always)]
    fn forward<S: Simd, const W: usize, const C: usize>(
        s: S,
        x: &[[[f32; C]; W]],
        across: Range<usize>,
        y: &mut [f32; C],
    ) {
        pool::max(s, x, across, y);
    }

    #[inline(always)]
    fn backward<S: Simd, const W: usize, const C: usize>(
        s: S,
        x: &[[[f32; C]; W]],
        across: Range<usize>,
        y: (&[f32; C], &[f32; C]),
        dx: &mut [[[f32; C]; W]],
    ) {
        pool::max_grad(s, x, across, y, dx);
    }
}

/// The mean.
#[derive(Clone, Copy, Debug)]
pub struct Average;

impl Pooling for Average {
    const NAMES: [&'static str; 2] = ["AvgPool2d", "AvgPool1d"];

    #[inline(always)]
    fn forward<S: Simd, const W: usize, const C: usize>(
        s: S,
        x: &[[[f32; C]; W]],
        across: Range<usize>,
        y: &mut [f32; C],
    ) {
        let places = places(x.len(), &across);
        pool::avg(s, x, across, places, y);
    }

    #[inline(always)]
    fn backward<S: Simd, const W: usize, const C: usize>(
        s: S,
        x: &[[[f32; C]; W]],
        across: Range<usize>,
        (_, dy): (&[f32; C], &[f32; C]),
        dx: &mut [[[f32; C]; W]],
    ) {
        let places = places(x.len(), &across);
        pool::avg_grad(s, across, places, dy, dx);
    }
}

/// Number of positions in a window. An f32 counts exactly up to 16 million.
#[inline(always)]
fn places(lines: usize, across: &Range<usize>) -> f32 {
    (lines * across.len()) as f32
}

/// A pooling layer over maps: [`MaxPool2d`], [`AvgPool2d`]. A stride of 0 means the default.
pub struct Pool2d<G, X, Y, const PH: usize, const PW: usize, P, const SH: usize, const SW: usize>(
    PhantomData<(G, X, Y, P)>,
);

/// A pooling layer over signals: [`MaxPool1d`], [`AvgPool1d`]. A stride of 0 means the default.
pub struct Pool1d<G, X, Y, const K: usize, P, const S: usize>(PhantomData<(G, X, Y, P)>);

/// The mean of each channel over a whole [`Map`]: Keras' `GlobalAveragePooling2D`
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::layer::Map;
/// let net = Mlp::<(GlobalAvgPool2d<Map<1, 2, 2>>,)>::ZERO;
/// assert_eq!(net.predict(&[[[1.0, 5.0], [2.0, 7.0]]]), [1.5, 6.0]);
/// ```
pub struct GlobalAvgPool2d<X>(PhantomData<X>);

/// The mean of each channel over a whole [`Signal`]: Keras' `GlobalAveragePooling1D`
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::layer::{GlobalAvgPool1d, Signal};
/// let net = Mlp::<(GlobalAvgPool1d<Signal<2, 2>>,)>::ZERO;
/// assert_eq!(net.predict(&[[1.0, 5.0], [2.0, 7.0]]), [1.5, 6.0]);
/// ```
pub struct GlobalAvgPool1d<X>(PhantomData<X>);

/// The stride, or the default if it is 0.
const fn or(stride: usize, otherwise: usize) -> usize {
    if stride == 0 { otherwise } else { stride }
}

/// The arithmetic of all pooling layers.
impl<
    G: Pooling,
    const H: usize,
    const W: usize,
    const C: usize,
    const OH: usize,
    const OW: usize,
    const PH: usize,
    const PW: usize,
    P: Padding,
    const SH: usize,
    const SW: usize,
> Pool2d<G, Map<H, W, C>, Map<OH, OW, C>, PH, PW, P, SH, SW>
{
    const DOWN: Axis = Axis { input: H, output: OH, window: PH, stride: or(SH, PH) };
    const ACROSS: Axis = Axis { input: W, output: OW, window: PW, stride: or(SW, or(SH, PW)) };
    const FITS: () = {
        assert!(C > 0, "a map needs at least one channel");
        fits::<P, 2>(G::NAMES[0], [Self::DOWN, Self::ACROSS]);
    };

    /// The positions that a window covers, without padding.
    #[inline(always)]
    fn real(axis: Axis, window: usize) -> Range<usize> {
        let (start, before) = (window * axis.stride, axis.before::<P>());
        start.saturating_sub(before)
            ..start.saturating_add(axis.window).saturating_sub(before).min(axis.input)
    }

    #[cfg_attr(not(target_os = "none"), inline(always))]
    fn apply<S: Simd>(s: S, x: &[Map<H, W, C>], y: &mut [Map<OH, OW, C>]) {
        for (x, y) in x.iter().zip(y) {
            for (i, y) in y.iter_mut().enumerate() {
                let lines = x.get(Self::real(Self::DOWN, i)).unwrap_or(&[]);
                for (j, y) in y.iter_mut().enumerate() {
                    G::forward(s, lines, Self::real(Self::ACROSS, j), y);
                }
            }
        }
    }

    #[cfg_attr(not(target_os = "none"), inline(always))]
    fn gradient<S: Simd>(
        s: S,
        x: &[Map<H, W, C>],
        y: &[Map<OH, OW, C>],
        dy: &[Map<OH, OW, C>],
        dx: &mut [Map<H, W, C>],
    ) {
        for (((x, y), dy), dx) in x.iter().zip(y).zip(dy).zip(dx) {
            dx.as_flat_mut().fill(0.0);
            for (i, (y, dy)) in y.iter().zip(dy).enumerate() {
                let down = Self::real(Self::DOWN, i);
                let (lines, dx) =
                    (x.get(down.clone()).unwrap_or(&[]), dx.get_mut(down).unwrap_or(&mut []));
                for (j, y) in y.iter().zip(dy).enumerate() {
                    G::backward(s, lines, Self::real(Self::ACROSS, j), y, dx);
                }
            }
        }
    }
}

/// The [`Layer`] and [`Trainable`] implementations of all pooling layers.
macro_rules! layer {
    (
        $name:expr, [$($generics:tt)*] $layer:ty, $x:ty, $y:ty, $core:ty, $windows:expr, $fits:expr
    ) => {
        impl<$($generics)*> Layer for $layer {
            type Input = $x;
            type Output = $y;
            type Params = Nothing;
            type Buffers = Nothing;
            type OutputActivation = ();
            const MAX_ROW: usize = {
                let () = $fits;
                0
            };
            const KERNEL_LEN: usize = 0;
            const NAME: &'static str = $name;
            const RECORD: Record = Record::of::<Self>().numbers($windows);

            #[inline(always)]
            fn infer<S: Simd, const B: usize>(
                s: S,
                _: &Nothing,
                _: &Nothing,
                x: &[$x],
                y: &mut [$y]
            ) {
                const { $fits };
                <$core>::apply(s, reshape_rows(x), reshape_rows_mut(y));
            }

            fn init(_: &mut Nothing, _: &mut Nothing, _: &impl Initializer, _: &mut Rng) {
                const { $fits };
            }

            fn describe(visit: &mut dyn FnMut(&Description)) {
                const { $fits };
                visit(&Description::of::<Self>($name, ""));
            }

            fn tensors(_: &mut dyn FnMut(&Tensor)) {}
        }

        impl<$($generics)*> Trainable for $layer {
            type Tape<const B: usize> = [$y; B];

            #[inline(always)]
            fn forward<S: Simd, const B: usize>(
                s: S,
                _: Context,
                p: &Nothing,
                r: &Nothing,
                x: &[$x],
                y: &mut [$y; B]
            ) {
                Self::infer::<S, B>(s, p, r, x, first_rows_mut(y, x.len()));
            }

            #[inline(always)]
            fn output<const B: usize>(y: &[$y; B]) -> &[$y; B] {
                y
            }

            #[inline(always)]
            fn backward<S: Simd, const B: usize>(
                s: S,
                _: &Nothing,
                x: &[$x],
                y: &mut [$y; B],
                dy: &mut [$y],
                _: bool,
                _: &mut Nothing,
                dx: Option<&mut [$x]>,
            ) {
                if let Some(dx) = dx {
                    <$core>::gradient(
                        s,
                        reshape_rows(x),
                        reshape_rows(first_rows(y, dy.len())),
                        reshape_rows(dy),
                        reshape_rows_mut(dx)
                    );
                }
            }
        }
    };
}

layer! {
    G::NAMES[0],
    [
        G: Pooling,
        const H: usize, const W: usize, const C: usize, const OH: usize, const OW: usize,
        const PH: usize, const PW: usize, P: Padding, const SH: usize, const SW: usize
    ]
    Pool2d<G, Map<H, W, C>, Map<OH, OW, C>, PH, PW, P, SH, SW>,
    Map<H, W, C>, Map<OH, OW, C>, Self,
    [PH, PW, Self::DOWN.stride, Self::ACROSS.stride, P::SAME as usize], Self::FITS
}

layer! {
    G::NAMES[1],
    [
        G: Pooling, const T: usize, const C: usize, const OT: usize,
        const K: usize, P: Padding, const SK: usize
    ]
    Pool1d<G, Signal<T, C>, Signal<OT, C>, K, P, SK>,
    Signal<T, C>, Signal<OT, C>, Pool2d<G, Map<1, T, C>, Map<1, OT, C>, 1, K, P, 0, SK>,
    [K, or(SK, K), P::SAME as usize],
    {
        assert!(C > 0, "a signal needs at least one channel");
        fits::<P, 1>(G::NAMES[1], [Axis { input: T, output: OT, window: K, stride: or(SK, K) }])
    }
}

layer! {
    "GlobalAvgPool2d",
    [const H: usize, const W: usize, const C: usize] GlobalAvgPool2d<Map<H, W, C>>,
    Map<H, W, C>, [f32; C], Pool2d<Average, Map<H, W, C>, Map<1, 1, C>, H, W, Valid, 0, 0>,
    [],
    assert!(H > 0 && W > 0 && C > 0, "a map needs at least one place and one channel")
}

layer! {
    "GlobalAvgPool1d", [const T: usize, const C: usize] GlobalAvgPool1d<Signal<T, C>>,
    Signal<T, C>, [f32; C], Pool2d<Average, Map<1, T, C>, Map<1, 1, C>, 1, T, Valid, 0, 0>,
    [],
    assert!(T > 0 && C > 0, "a signal needs at least one step and one channel")
}
