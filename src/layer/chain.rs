//! Two layers in a row are a layer.

use super::{Description, Layer, NeverSet, Pass, Tensor, Train, first, first_mut};
use crate::{init::Initializer, rng::Rng};
use core::marker::PhantomData;
use rosenblatt_kernels::{Plain, Simd, plain::Join};

/// `L`, then `R`. Compiles only where `R` takes what `L` gives.
pub struct Chain<L, R>(PhantomData<(L, R)>);

impl<L: Layer, R: Layer<Input = L::Output>> Layer for Chain<L, R> {
    type Input = L::Input;
    type Output = R::Output;
    type Params = Join<L::Params, R::Params>;
    type Running = Join<L::Running, R::Running>;
    type Head = R::Head;
    const WIDTH: usize = if L::WIDTH > R::WIDTH { L::WIDTH } else { R::WIDTH };
    const KERNEL: usize = 0; // each layer has its own
    const MULTIPLY_ADDS: usize = L::MULTIPLY_ADDS + R::MULTIPLY_ADDS;
    const LAYERS: u32 = L::LAYERS + R::LAYERS;

    #[inline(always)]
    fn infer<S: Simd, const C: usize>(s: S, p: &Self::Params, r: &Self::Running, x: &[L::Input], y: &mut [R::Output]) {
        let mut h = [L::Output::ZERO; C];
        let h = first_mut(&mut h, x.len());
        L::infer::<S, C>(s, &p.head, &r.head, x, h);
        R::infer::<S, C>(s, &p.tail, &r.tail, h, y);
    }

    fn init(p: &mut Self::Params, r: &mut Self::Running, init: &impl Initializer, rng: &mut Rng) {
        L::init(&mut p.head, &mut r.head, init, rng);
        R::init(&mut p.tail, &mut r.tail, init, rng);
    }

    fn describe(tell: &mut dyn FnMut(&Description)) {
        L::describe(tell);
        R::describe(tell);
    }

    fn tensors(tell: &mut dyn FnMut(&Tensor)) {
        L::tensors(tell);
        R::tensors(tell);
    }
}

impl<L: Train, R: Train<Input = L::Output>> Train for Chain<L, R> {
    /// The first layer's tape, the gradient by its outputs, the tape of what follows.
    type Tape<const B: usize> = Join<L::Tape<B>, Join<[L::Output; B], R::Tape<B>>>;

    const PENALIZED: bool = L::PENALIZED || R::PENALIZED;
    const LEAST_SAMPLES: usize = if L::LEAST_SAMPLES > R::LEAST_SAMPLES { L::LEAST_SAMPLES } else { R::LEAST_SAMPLES };

    #[inline(always)]
    fn forward<S: Simd, const B: usize>(
        s: S,
        pass: Pass,
        p: &Self::Params,
        r: &Self::Running,
        x: &[L::Input],
        tape: &mut Self::Tape<B>,
    ) {
        L::forward::<S, B>(s, pass, &p.head, &r.head, x, &mut tape.head);
        let h = first(L::output::<B>(&tape.head), x.len());
        R::forward::<S, B>(s, pass.after::<L>(), &p.tail, &r.tail, h, &mut tape.tail.tail);
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

    #[inline(always)]
    fn penalty<S: Simd>(s: S, p: &Self::Params) -> f32 {
        match (const { L::PENALIZED }, const { R::PENALIZED }) {
            (true, true) => L::penalty(s, &p.head) + R::penalty(s, &p.tail),
            (true, false) => L::penalty(s, &p.head),
            _ => R::penalty(s, &p.tail),
        }
    }

    #[inline(always)]
    fn never_set(p: &Self::Params, place: u32, hidden: bool) -> Option<NeverSet> {
        let learns = const { R::Params::LEN > 0 };
        L::never_set(&p.head, place, hidden || learns).or_else(|| R::never_set(&p.tail, place + L::LAYERS, hidden))
    }

    #[inline(always)]
    fn settle<const B: usize>(tape: &Self::Tape<B>, r: &mut Self::Running) {
        L::settle::<B>(&tape.head, &mut r.head);
        R::settle::<B>(&tape.tail.tail, &mut r.tail);
    }
}
