//! Convolutions over maps and signals.

use super::{
    Context, Description, Layer, Map, Nothing, Padding, Record, Signal, Tensor, Trainable, Valid,
    window::{Axis, fits},
};
use crate::{
    activation::{Activation, Differentiable, Linear},
    init::Initializer,
    rng::Rng,
};
use core::marker::PhantomData;
use rosenblatt_kernels::{
    F32Array, Simd,
    array::{Affine, Join, first_rows, first_rows_mut, reshape_rows, reshape_rows_mut},
    gemm::typed,
};

/// Output rows whose patches are laid out at once. One on a chip, to save memory. Several
/// elsewhere, so that a product has enough rows to be fast.
const ROWS: usize = if cfg!(target_os = "none") { 1 } else { 4 };

/// The values that a window covers.
type Patch<const KH: usize, const KW: usize, const C: usize> = [[[f32; C]; KW]; KH];
/// The patches of [`ROWS`] output rows.
type Patches<const KH: usize, const KW: usize, const C: usize, const OW: usize> =
    [[Patch<KH, KW, C>; OW]; ROWS];
/// Space for some patches, and for the transposed kernel: for each filter a patch of weights. On a
/// chip the product transposes strips of the kernel instead.
type Room<const KH: usize, const KW: usize, const C: usize, const OW: usize, const F: usize> =
    Join<Patches<KH, KW, C, OW>, Turned<KH, KW, C, F>>;
#[cfg(not(target_os = "none"))]
type Turned<const KH: usize, const KW: usize, const C: usize, const F: usize> =
    [Patch<KH, KW, C>; F];
#[cfg(target_os = "none")]
type Turned<const KH: usize, const KW: usize, const C: usize, const F: usize> = Nothing;
/// A kernel: one weight for each position of a window, each channel and each filter.
type Kernel<const KH: usize, const KW: usize, const C: usize, const F: usize> =
    [[[[f32; F]; C]; KW]; KH];

/// A convolution over maps: each `KH`×`KW` window of `X` gives one position of `Y`, with the same
/// weights
///
/// y\[i\]\[j\]\[f\] = act(b\[f\] + Σ x\[i·SH + u − top\]\[j·SW + v − left\]\[c\] ·
/// w\[u\]\[v\]\[c\]\[f\]), summed over u < `KH`, v < `KW`, c < C in that order. With
/// [`Same`](super::Same), positions outside of `X` are zeros. With [`Valid`] no window reaches
/// outside.
///
/// `X` is a [`Map<H, W, C>`](Map). `Y` is a `Map` with one channel for each filter; the compiler
/// checks its height and width, and its error states the right ones. The stride is 1, one number
/// for both axes (`SH`), or two numbers (`SH`, `SW`).
///
/// The kernel is `[KH][KW][C][F]`, the bias `[F]`, as in Keras. (Deep learning's "convolution" is a
/// cross-correlation in mathematics: the kernel is not reversed. LeCun and others, 1989.)
///
/// Backward, with dz = dy·act′(z): dw\[u\]\[v\]\[c\]\[f\] = Σ x\[…\]·dz\[i\]\[j\]\[f\] and db\[f\]
/// = Σ dz\[i\]\[j\]\[f\], summed over the samples, then i, then j. dx at a position is the sum over
/// the windows that cover it, over i, then j, of Σ dz\[i\]\[j\]\[f\]·w\[u\]\[v\]\[c\]\[f\] over f.
///
/// Windows are laid out as rows, a few output rows at a time (one on a chip), and multiplied by the
/// kernel as a matrix. Inference needs no other memory besides its outputs. Backward lays the
/// windows out again: keeping them would take `KH`·`KW` times the memory of the inputs.
///
/// ```
/// use rosenblatt::{kernels::array::Affine, layer::{Map, Same}, prelude::*};
///
/// // Finds vertical edges: each pixel minus its left neighbour.
/// type Edges = Mlp<(Conv2d<Map<2, 4, 1>, Map<2, 3, 1>, 1, 2>,)>;
/// let net = Edges::from_params(Affine { w: [[[[-1.0]], [[1.0]]]], b: [0.0] });
/// let image = [[0.0, 0.0, 5.0, 5.0], [7.0, 7.0, 7.0, 0.0]].map(|row| row.map(|pixel| [pixel]));
/// assert_eq!(net.predict(&image), [[[0.0], [5.0], [0.0]], [[0.0], [0.0], [-7.0]]]);
///
/// // A network that reads digits.
/// type Cnn = Mlp<(
///     Conv2d<Map<8, 8, 1>, Map<6, 6, 8>, 3, 3, Relu>,
///     MaxPool2d<Map<6, 6, 8>, Map<3, 3, 8>, 2>,
///     Conv2d<Map<3, 3, 8>, Map<2, 2, 16>, 3, 3, Relu, Same, 2>, // padded, stride 2
///     Flatten<Map<2, 2, 16>, 64>,
///     Dense<64, 10, Softmax>,
/// )>;
/// assert_eq!(Cnn::PARAMS, 9 * 8 + 8 + 9 * 8 * 16 + 16 + 640 + 10);
/// let mut net = Cnn::init(Seed(1957));
/// let p = net.predict(&[[[0.5]; 8]; 8]);
/// assert!((p.iter().sum::<f32>() - 1.0).abs() < 1e-6);
/// ```
///
/// A wrong shape does not compile: *Conv2d: a window of 3x3 over 8x8, stride 1x1, padding valid,
/// gives 6x6; the type says 8x8*.
///
/// ```compile_fail,E0080
/// use rosenblatt::prelude::*;
/// use rosenblatt::layer::Map;
/// let net = Mlp::<(Conv2d<Map<8, 8, 1>, Map<8, 8, 4>, 3, 3>,)>::ZERO;
/// net.predict(&[[[0.0]; 8]; 8]);
/// ```
///
/// With `Same` the same shape compiles:
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::layer::{Map, Same};
/// let net = Mlp::<(Conv2d<Map<8, 8, 1>, Map<8, 8, 4>, 3, 3, Linear, Same>,)>::ZERO;
/// net.predict(&[[[0.0]; 8]; 8]);
/// ```
pub struct Conv2d<
    X,
    Y,
    const KH: usize,
    const KW: usize,
    A = Linear,
    P = Valid,
    const SH: usize = 1,
    const SW: usize = SH,
>(PhantomData<(X, Y, A, P)>);

/// A convolution over signals: [`Conv2d`] with one axis, the time
///
/// y\[i\]\[f\] = act(b\[f\] + Σ x\[i·S + v − before\]\[c\] · w\[v\]\[c\]\[f\]), summed over v <
/// `K`, c < C in that order. `X` is a [`Signal<T, C>`](Signal), `Y` a `Signal` with one channel for
/// each filter. The kernel is `[K][C][F]`, as in Keras. Everything else is as in [`Conv2d`].
///
/// ```
/// use rosenblatt::{kernels::array::Affine, layer::Signal, prelude::*};
///
/// // The change of a sensor's value from step to step.
/// type Slope = Mlp<(Conv1d<Signal<4, 1>, Signal<3, 1>, 2>,)>;
/// let net = Slope::from_params(Affine { w: [[[-1.0]], [[1.0]]], b: [0.0] });
/// assert_eq!(net.predict(&[[1.0], [2.0], [4.0], [3.0]]), [[1.0], [2.0], [-1.0]]);
/// ```
///
/// *Conv1d: a window of 2 over 4, stride 1, padding valid, gives 3; the type says 4*:
///
/// ```compile_fail,E0080
/// use rosenblatt::prelude::*;
/// use rosenblatt::layer::Signal;
/// let net = Mlp::<(Conv1d<Signal<4, 1>, Signal<4, 1>, 2>,)>::ZERO;
/// net.predict(&[[1.0], [2.0], [4.0], [3.0]]);
/// ```
pub struct Conv1d<X, Y, const K: usize, A = Linear, P = Valid, const S: usize = 1>(
    PhantomData<(X, Y, A, P)>,
);

/// The arithmetic of both layers.
impl<
    const H: usize,
    const W: usize,
    const C: usize,
    const OH: usize,
    const OW: usize,
    const F: usize,
    const KH: usize,
    const KW: usize,
    A: Activation,
    P: Padding,
    const SH: usize,
    const SW: usize,
> Conv2d<Map<H, W, C>, Map<OH, OW, F>, KH, KW, A, P, SH, SW>
{
    const DOWN: Axis = Axis { input: H, output: OH, window: KH, stride: SH };
    const ACROSS: Axis = Axis { input: W, output: OW, window: KW, stride: SW };
    const TOP: usize = Self::DOWN.before::<P>();
    const LEFT: usize = Self::ACROSS.before::<P>();
    const FITS: () = {
        assert!(C > 0 && F > 0, "a convolution needs at least one channel and one filter");
        fits::<P, 2>("Conv2d", [Self::DOWN, Self::ACROSS]);
    };

    /// Lays out the patches of `rows` output rows, from `row` on. `patches` has room for them.
    #[cfg_attr(not(target_os = "none"), inline(always))]
    fn lay_out(x: &Map<H, W, C>, row: usize, patches: &mut Patches<KH, KW, C, OW>, rows: usize) {
        for (i, patches) in patches.iter_mut().enumerate().take(rows) {
            for u in 0..KH {
                let line = ((row + i) * SH + u).checked_sub(Self::TOP).and_then(|i| x.get(i));
                let parts = patches.iter_mut().filter_map(|patch| patch.get_mut(u));
                match line {
                    None => parts.for_each(|part| *part = [[0.0; C]; KW]),
                    Some(line) if const { !P::SAME } => {
                        for (part, covered) in parts.zip(line.windows(KW).step_by(SW)) {
                            if let Some(covered) = covered.first_chunk() {
                                *part = *covered;
                            }
                        }
                    }
                    Some(line) => {
                        for (j, part) in parts.enumerate() {
                            *part = Self::covered(line, j * SW);
                        }
                    }
                }
            }
        }
    }

    /// The part of a line that the window starting at `at` covers. `at` counts from the first
    /// padded position.
    #[inline(always)]
    fn covered(line: &[[f32; C]; W], at: usize) -> [[f32; C]; KW] {
        if let Some(part) = at
            .checked_sub(Self::LEFT)
            .and_then(|at| line.get(at..))
            .and_then(|rest| rest.first_chunk::<KW>())
        {
            return *part;
        }
        core::array::from_fn(|v| {
            let place = (at + v).checked_sub(Self::LEFT).and_then(|j| line.get(j));
            place.copied().unwrap_or([0.0; C])
        })
    }

    /// Adds the gradients of patches to the positions that the patches were copied from.
    #[cfg_attr(not(target_os = "none"), inline(always))]
    fn add_back<S: Simd>(
        s: S,
        dx: &mut Map<H, W, C>,
        row: usize,
        patches: &Patches<KH, KW, C, OW>,
        rows: usize,
    ) {
        for (i, patches) in patches.iter().enumerate().take(rows) {
            for u in 0..KH {
                let Some(line) =
                    ((row + i) * SH + u).checked_sub(Self::TOP).and_then(|i| dx.get_mut(i))
                else {
                    continue;
                };
                // At one position of x, j rises while v falls. v runs downward so that the terms
                // are added in the order of j.
                for v in (0..KW).rev() {
                    for (j, patch) in patches.iter().enumerate() {
                        let place =
                            (j * SW + v).checked_sub(Self::LEFT).and_then(|j| line.get_mut(j));
                        if let (Some(place), Some(part)) =
                            (place, patch.get(u).and_then(|part| part.get(v)))
                        {
                            typed::add(s, place, part);
                        }
                    }
                }
            }
        }
    }

    /// y ← act(conv(x)) for each sample.
    #[inline(always)]
    fn apply<S: Simd, K: F32Array>(
        s: S,
        w: &K,
        b: &[f32; F],
        x: &[Map<H, W, C>],
        y: &mut [Map<OH, OW, F>],
        patches: &mut Patches<KH, KW, C, OW>,
    ) {
        for (x, y) in x.iter().zip(y.iter_mut()) {
            for (i, y) in y.chunks_mut(ROWS).enumerate() {
                Self::lay_out(x, i * ROWS, patches, y.len());
                typed::affine::<_, { usize::MAX }, _, _, _>(
                    s,
                    patches.as_flattened(),
                    w,
                    b,
                    y.as_flattened_mut(),
                );
                A::forward(s, y.as_flattened_mut());
            }
        }
    }

    /// The gradients. If `y`, the outputs, is given, dy is first turned into the gradient before
    /// the activation.
    #[allow(clippy::too_many_arguments, reason = "the chain rule's terms, each by its name")]
    #[inline(always)]
    fn gradients<S: Simd, K: F32Array>(
        s: S,
        w: &K,
        x: &[Map<H, W, C>],
        y: Option<&[Map<OH, OW, F>]>,
        dy: &mut [Map<OH, OW, F>],
        dw: &mut K,
        db: &mut [f32; F],
        mut dx: Option<&mut [Map<H, W, C>]>,
        room: &mut Room<KH, KW, C, OW, F>,
    ) where
        A: Differentiable,
    {
        let Join { head: patches, tail: turned } = room;
        #[cfg(target_os = "none")]
        let [] = turned;
        #[cfg(not(target_os = "none"))]
        if dx.is_some() {
            turn(w, turned);
        }
        dw.as_flat_mut().fill(0.0);
        db.fill(0.0);
        for (n, (x, dy)) in x.iter().zip(dy.iter_mut()).enumerate() {
            if let Some(y) = y.and_then(|y| y.get(n)) {
                A::backward(s, y.as_flattened(), dy.as_flattened_mut());
            }
            typed::sum_rows_add(s, dy.as_flattened(), db);
            let mut dx = dx.as_mut().and_then(|dx| dx.get_mut(n));
            if let Some(dx) = &mut dx {
                dx.as_flat_mut().fill(0.0);
            }
            for (i, dy) in dy.chunks(ROWS).enumerate() {
                let dy_rows = dy.as_flattened();
                Self::lay_out(x, i * ROWS, patches, dy.len());
                typed::affine_grad(s, patches.as_flattened(), dy_rows, dw, true);
                if let Some(dx) = &mut dx {
                    #[cfg(not(target_os = "none"))]
                    typed::affine::<_, { usize::MAX }, _, _, _>(
                        s,
                        dy_rows,
                        &*turned,
                        &Patch::ZERO,
                        patches.as_flattened_mut(),
                    );
                    #[cfg(target_os = "none")]
                    typed::affine_grad_input::<_, { usize::MAX }, _, _, _>(
                        s,
                        dy_rows,
                        w,
                        patches.as_flattened_mut(),
                        false,
                    );
                    Self::add_back(s, dx, i * ROWS, patches, dy.len());
                }
            }
        }
    }
}

/// Transposes the kernel: all weights of a filter become one row.
#[cfg(not(target_os = "none"))]
#[inline(always)]
fn turn<K: F32Array, T: F32Array, const F: usize>(w: &K, turned: &mut [T; F]) {
    for (f, turned) in turned.iter_mut().enumerate() {
        for (turned, w) in turned.as_flat_mut().iter_mut().zip(w.as_flat().chunks_exact(F)) {
            if let Some(w) = w.get(f) {
                *turned = *w;
            }
        }
    }
}

/// The [`Layer`] and [`Trainable`] implementations of both. `$x`, `$y` and the kernel are types;
/// both layers call the convolution over maps.
macro_rules! layer {
    (
        $name:literal, [$($generics:tt)*] $layer:ty,
        $x:ty, $y:ty, $kernel:ty, $fan:expr, [$c:ident $f:ident],
        $core:ty, $patches:ty, $room:ty, $windows:expr, $fits:expr
    ) => {
        impl<$($generics)*, A: Activation, P: Padding> Layer for $layer {
            type Input = $x;
            type Output = $y;
            type Params = Affine<$kernel, [f32; $f]>;
            type Buffers = Nothing;
            type OutputActivation = A;
            const MAX_ROW: usize = {
                let () = $fits;
                $f
            };
            const KERNEL_LEN: usize = $fan * $c * $f;
            const MULTIPLY_ADDS: usize = $fan * $c * <$y as F32Array>::LEN;
            const NAME: &'static str = $name;
            const RECORD: Record = Record::activated::<Self>(A::NAME, A::PARAMETER)
                .numbers($windows)
                .word(P::SAME as u32);

            #[inline(always)]
            fn infer<S: Simd, const ROWS: usize>(
                s: S,
                p: &Self::Params,
                _: &Nothing,
                x: &[$x],
                y: &mut [$y]
            ) {
                const { $fits };
                let mut patches = <$patches>::ZERO;
                <$core>::apply(s, &p.w, &p.b, reshape_rows(x), reshape_rows_mut(y), &mut patches);
            }

            fn init(p: &mut Self::Params, _: &mut Nothing, init: &impl Initializer, rng: &mut Rng) {
                const { $fits };
                init.fill(rng, $fan * $c, $fan * $f, p.w.as_flat_mut());
                p.b.fill(0.0);
            }

            fn describe(visit: &mut dyn FnMut(&Description)) {
                const { $fits };
                visit(&Description::of::<Self>(Self::NAME, A::NAME));
            }

            fn tensors(visit: &mut dyn FnMut(&Tensor)) {
                visit(&Tensor::learnt::<$kernel>("kernel"));
                visit(&Tensor::learnt::<[f32; $f]>("bias"));
            }
        }

        impl<$($generics)*, A: Differentiable, P: Padding> Trainable for $layer {
            /// The outputs, and space for some patches.
            type Tape<const B: usize> = Join<[$y; B], $room>;

            #[inline(always)]
            fn forward<S: Simd, const B: usize>(
                s: S,
                _: Context,
                p: &Self::Params,
                _: &Nothing,
                x: &[$x],
                tape: &mut Self::Tape<B>,
            ) {
                const { $fits };
                let Join { head: y, tail: room } = tape;
                <$core>::apply(
                    s,
                    &p.w,
                    &p.b,
                    reshape_rows(x),
                    reshape_rows_mut(first_rows_mut(y, x.len())),
                    &mut room.head
                );
            }

            #[inline(always)]
            fn output<const B: usize>(tape: &Self::Tape<B>) -> &[$y; B] {
                &tape.head
            }

            #[inline(always)]
            fn backward<S: Simd, const B: usize>(
                s: S,
                p: &Self::Params,
                x: &[$x],
                tape: &mut Self::Tape<B>,
                dy: &mut [$y],
                fused: bool,
                dp: &mut Self::Params,
                dx: Option<&mut [$x]>,
            ) {
                let Join { head: y, tail: room } = tape;
                let y = if fused { None } else { Some(reshape_rows(first_rows(y, dy.len()))) };
                let (dy, dx) = (reshape_rows_mut(dy), dx.map(reshape_rows_mut));
                <$core>::gradients(s, &p.w, reshape_rows(x), y, dy, &mut dp.w, &mut dp.b, dx, room);
            }
        }
    };
}

layer! {
    "Conv2d",
    [
        const H: usize, const W: usize, const C: usize,
        const OH: usize, const OW: usize, const F: usize,
        const KH: usize, const KW: usize, const SH: usize, const SW: usize
    ]
    Conv2d<Map<H, W, C>, Map<OH, OW, F>, KH, KW, A, P, SH, SW>,
    Map<H, W, C>, Map<OH, OW, F>, Kernel<KH, KW, C, F>, KH * KW, [C F],
    Self, Patches<KH, KW, C, OW>, Room<KH, KW, C, OW, F>, [KH, KW, SH, SW], Self::FITS
}

layer! {
    "Conv1d",
    [
        const T: usize, const C: usize, const OT: usize, const F: usize,
        const K: usize, const SK: usize
    ]
    Conv1d<Signal<T, C>, Signal<OT, F>, K, A, P, SK>,
    Signal<T, C>, Signal<OT, F>, [[[f32; F]; C]; K], K, [C F],
    Conv2d<Map<1, T, C>, Map<1, OT, F>, 1, K, A, P, 1, SK>,
    Patches<1, K, C, OT>, Room<1, K, C, OT, F>, [K, SK],
    {
        assert!(C > 0 && F > 0, "a convolution needs at least one channel and one filter");
        fits::<P, 1>("Conv1d", [Axis { input: T, output: OT, window: K, stride: SK }])
    }
}
