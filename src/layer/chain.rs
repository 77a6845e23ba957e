//! Two layers in sequence are one layer.

use super::{
    Architecture, Context, Description, Layer, NeverSet, Record, Tensor, Trainable,
    message::Message,
};
use crate::{init::Initializer, rng::Rng};
use core::marker::PhantomData;
use rosenblatt_kernels::{
    F32Array, Simd,
    array::{Join, first_rows, first_rows_mut, matching_rows, matching_rows_mut},
    columns::Columns,
    persist::{Words, joined},
};

/// `L`, then `R`. Compiles only if `R` takes the shape that `L` gives: the error names both.
pub struct Chain<L, R>(PhantomData<(L, R)>);

impl<L: Layer, R: Layer> Chain<L, R> {
    /// Fails to compile unless the second layer takes what the first one gives.
    const FITS: () = {
        let (gives, takes) = (L::Output::SHAPE, R::Input::SHAPE);
        if !gives.same(takes) {
            let start =
                Message::new().text("the layers do not fit: ").text(L::NAME).text(" gives ");
            let start = start.shape(gives).text(", ").text(R::NAME).text(" takes ").shape(takes);
            if takes.rank() == gives.rank() + 1 {
                start.text(" (a recurrent layer with `All` gives the states of all steps)").fail();
            }
            start.fail();
        }
    };

    /// Outputs of the first layer as inputs of the second one: the same type.
    #[inline(always)]
    fn pass_on(h: &[L::Output]) -> &[R::Input] {
        const { Self::FITS };
        matching_rows(h)
    }
}

impl<L: Layer, R: Layer> Layer for Chain<L, R> {
    type Input = L::Input;
    type Output = R::Output;
    type Params = Join<L::Params, R::Params>;
    type Buffers = Join<L::Buffers, R::Buffers>;
    type OutputActivation = R::OutputActivation;
    const MAX_ROW: usize = {
        let () = Self::FITS;
        if L::MAX_ROW > R::MAX_ROW { L::MAX_ROW } else { R::MAX_ROW }
    };
    const NAME: &'static str = L::NAME;
    const KERNEL_LEN: usize = 0; // each layer has its own
    const MULTIPLY_ADDS: usize = L::MULTIPLY_ADDS + R::MULTIPLY_ADDS;
    const DEPTH: u32 = L::DEPTH + R::DEPTH;
    const ARCHITECTURE: Architecture = L::ARCHITECTURE.then(R::ARCHITECTURE);

    #[inline(always)]
    fn infer<S: Simd, const C: usize>(
        s: S,
        p: &Self::Params,
        r: &Self::Buffers,
        x: &[L::Input],
        y: &mut [R::Output],
    ) {
        let mut h = [L::Output::ZERO; C];
        let h = first_rows_mut(&mut h, x.len());
        L::infer::<S, C>(s, &p.head, &r.head, x, h);
        R::infer::<S, C>(s, &p.tail, &r.tail, Self::pass_on(h), y);
    }

    const COLUMNS: bool = L::COLUMNS && R::COLUMNS;

    #[inline(always)]
    fn infer_columns<S: Simd>(
        s: S,
        p: &Self::Params,
        r: &Self::Buffers,
        x: &Columns<L::Input>,
        y: &mut Columns<R::Output>,
    ) {
        let mut h = Columns::<L::Output>::ZERO;
        L::infer_columns(s, &p.head, &r.head, x, &mut h);
        if let Some(h) = h.matching() {
            R::infer_columns(s, &p.tail, &r.tail, h, y);
        }
    }

    fn init(p: &mut Self::Params, r: &mut Self::Buffers, init: &impl Initializer, rng: &mut Rng) {
        L::init(&mut p.head, &mut r.head, init, rng);
        R::init(&mut p.tail, &mut r.tail, init, rng);
    }

    fn describe(visit: &mut dyn FnMut(&Description)) {
        L::describe(visit);
        R::describe(visit);
    }

    fn tensors(visit: &mut dyn FnMut(&Tensor)) {
        L::tensors(visit);
        R::tensors(visit);
    }

    #[inline(always)]
    fn records(visit: &mut impl FnMut(&Record)) {
        L::records(visit);
        R::records(visit);
    }
}

impl<L: Trainable, R: Trainable> Trainable for Chain<L, R> {
    /// The first layer's tape, the gradient by its outputs, the tape of what follows.
    type Tape<const B: usize> = Join<L::Tape<B>, Join<[L::Output; B], R::Tape<B>>>;

    const PENALIZED: bool = L::PENALIZED || R::PENALIZED;
    const PENALTY_CODE: u32 = joined(L::PENALTY_CODE, R::PENALTY_CODE);
    const PENALTIES: usize = L::PENALTIES + R::PENALTIES;
    const LEAST_SAMPLES: usize =
        if L::LEAST_SAMPLES > R::LEAST_SAMPLES { L::LEAST_SAMPLES } else { R::LEAST_SAMPLES };

    #[inline(always)]
    fn forward<S: Simd, const B: usize>(
        s: S,
        pass: Context,
        p: &Self::Params,
        r: &Self::Buffers,
        x: &[L::Input],
        tape: &mut Self::Tape<B>,
    ) {
        L::forward::<S, B>(s, pass, &p.head, &r.head, x, &mut tape.head);
        let h = Self::pass_on(first_rows(L::output::<B>(&tape.head), x.len()));
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
        fused: bool,
        dp: &mut Self::Params,
        dx: Option<&mut [L::Input]>,
    ) {
        let Join { head, tail: Join { head: dh, tail } } = tape;
        let h = Self::pass_on(first_rows(L::output::<B>(head), x.len()));
        let dh = first_rows_mut(dh, x.len());
        let dx_tail = matching_rows_mut(dh);
        R::backward::<S, B>(s, &p.tail, h, tail, dy, fused, &mut dp.tail, Some(dx_tail));
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
        L::never_set(&p.head, place, hidden || learns)
            .or_else(|| R::never_set(&p.tail, place + L::DEPTH, hidden))
    }

    #[inline(always)]
    fn penalties(place: u32, visit: &mut impl FnMut(&[u32; 6])) {
        L::penalties(place, visit);
        R::penalties(place + L::DEPTH, visit);
    }

    const CARRIED: usize = L::CARRIED + R::CARRIED;

    fn carried<const B: usize>(tape: &mut Self::Tape<B>, words: &mut impl Words) {
        L::carried::<B>(&mut tape.head, words);
        R::carried::<B>(&mut tape.tail.tail, words);
    }

    #[inline(always)]
    fn update_buffers<const B: usize>(tape: &Self::Tape<B>, r: &mut Self::Buffers) {
        L::update_buffers::<B>(&tape.head, &mut r.head);
        R::update_buffers::<B>(&tape.tail.tail, &mut r.tail);
    }
}

impl Context {
    /// The context of the layer that follows `L`.
    #[inline(always)]
    #[must_use]
    pub const fn after<L: Layer>(self) -> Self {
        Self { place: self.place + L::DEPTH, ..self }
    }
}
