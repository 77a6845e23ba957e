//! Two layers in a row are a layer.

use super::{Description, Layer, Train, first, first_mut};
use crate::{init::Initializer, rng::Rng};
use core::marker::PhantomData;
use rosenblatt_kernels::{Plain, Simd, plain::Join};

/// `L`, then `R`. Compiles only where `R` takes what `L` gives.
pub struct Chain<L, R>(PhantomData<(L, R)>);

impl<L: Layer, R: Layer<Input = L::Output>> Layer for Chain<L, R> {
    type Input = L::Input;
    type Output = R::Output;
    type Params = Join<L::Params, R::Params>;
    type Head = R::Head;
    const WIDTH: usize = if L::WIDTH > R::WIDTH { L::WIDTH } else { R::WIDTH };

    #[inline(always)]
    fn infer<S: Simd, const C: usize>(s: S, p: &Self::Params, x: &[L::Input], y: &mut [R::Output]) {
        let mut h = [L::Output::ZERO; C];
        let h = first_mut(&mut h, x.len());
        L::infer::<S, C>(s, &p.head, x, h);
        R::infer::<S, C>(s, &p.tail, h, y);
    }

    fn init(p: &mut Self::Params, init: &impl Initializer, rng: &mut Rng) {
        L::init(&mut p.head, init, rng);
        R::init(&mut p.tail, init, rng);
    }

    fn describe(tell: &mut dyn FnMut(&Description)) {
        L::describe(tell);
        R::describe(tell);
    }
}

impl<L: Train, R: Train<Input = L::Output>> Train for Chain<L, R> {
    /// The first layer's tape, the gradient by its outputs, the tape of what follows.
    type Tape<const B: usize> = Join<L::Tape<B>, Join<[L::Output; B], R::Tape<B>>>;

    #[inline(always)]
    fn forward<S: Simd, const B: usize>(s: S, p: &Self::Params, x: &[L::Input], tape: &mut Self::Tape<B>) {
        L::forward::<S, B>(s, &p.head, x, &mut tape.head);
        R::forward::<S, B>(s, &p.tail, first(L::output::<B>(&tape.head), x.len()), &mut tape.tail.tail);
    }

    #[inline(always)]
    fn output<const B: usize>(tape: &Self::Tape<B>) -> &[R::Output; B] {
        R::output::<B>(&tape.tail.tail)
    }

    #[inline(always)]
    fn backward<S: Simd, const B: usize>(
        s: S,
        p: &Self::Params,
        x: &[L::Input],
        tape: &mut Self::Tape<B>,
        dy: &mut [R::Output],
        joined: bool,
        dp: &mut Self::Params,
        dx: Option<&mut [L::Input]>,
    ) {
        let Join { head, tail: Join { head: dh, tail } } = tape;
        let h = first(L::output::<B>(head), x.len());
        let dh = first_mut(dh, x.len());
        R::backward::<S, B>(s, &p.tail, h, tail, dy, joined, &mut dp.tail, Some(dh));
        L::backward::<S, B>(s, &p.head, x, head, dh, false, &mut dp.head, dx);
    }
}
