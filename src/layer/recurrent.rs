//! Recurrent layers: a cell that reads a sequence step by step and carries a state from one step to the next.

mod gru;
mod lstm;
mod returns;
mod simple;

pub use gru::{Gru, GruCell};
pub use lstm::{Lstm, LstmCell};
pub use returns::{All, Last, Returns};
pub use simple::{Rnn, SimpleCell};

use super::{Description, Layer, Nothing, Pass, Stepwise, Tensor, Train, copy, first_mut};
use crate::{
    init::{Initializer, Orthogonal},
    rng::Rng,
};
use core::{
    marker::PhantomData,
    slice::{from_mut, from_ref},
};
use rosenblatt_kernels::{
    Compact, Flat, Plain, Simd,
    blas::fixed,
    plain::{Join, Recurrent, Shape, Unrolled},
};

/// What a recurrent layer does in one step with a state of `U` units.
pub trait Cell<const U: usize>: 'static {
    /// One value for each unit of each gate.
    type Gates: Plain;
    /// What a step needs beside its gates, and keeps for the way back.
    type Kept: Plain;
    /// What is carried along beside the state: [`Nothing`] or an LSTM's cell.
    type Carry: Plain;
    /// The biases.
    type Bias: Plain;
    /// The layer's name in Keras.
    const KIND: &'static str;
    /// The activation's name.
    const ACTIVATION: &'static str;

    /// The bias that is added to the product with the inputs.
    fn input_bias(b: &Self::Bias) -> &Self::Gates;

    /// One step of each row: from `a` = x·w + bias, and the state h and what is carried along, h and c after it.
    fn step<S: Simd, const M: usize>(
        s: S,
        u: &[Self::Gates; U],
        b: &Self::Bias,
        a: &mut [Self::Gates],
        kept: &mut [Self::Kept],
        h: &mut [[f32; U]],
        c: &mut [Self::Carry],
    );

    /// Sets the biases to what Keras starts them at.
    fn init_bias(b: &mut Self::Bias) {
        *b = Self::Bias::ZERO;
    }

    /// The shape of the biases in Keras.
    fn bias_shape() -> Shape {
        Shape::of(Self::Bias::LEN)
    }
}

/// A [`Cell`] that can be trained by gradient.
pub trait TrainCell<const U: usize>: Cell<U> {
    /// Whether a part of dh reaches the state before without a product; the sum of the product then starts there.
    const DIRECT: bool = false;

    /// One step backward through everything but the products: `a` becomes the gradient by x·w and its bias, dh the direct part of the gradient by
    /// the state before, dc that by what was carried along.
    fn back<S: Simd>(
        s: S,
        a: &mut [Self::Gates],
        kept: &mut [Self::Kept],
        before: &mut [[f32; U]],
        dh: &mut [[f32; U]],
        dc: &mut [Self::Carry],
    );

    /// Where the gradient by h·u stands after [`TrainCell::back`].
    fn by_state<'a>(a: &'a [Self::Gates], kept: &'a [Self::Kept]) -> &'a [Self::Gates];

    /// db ← the gradient by the biases, over all steps.
    fn bias_grad<S: Simd>(s: S, a: &[Self::Gates], kept: &[Self::Kept], db: &mut Self::Bias);
}

/// Marks that a network ends in a recurrent layer's state, which no cross-entropy can be joined with.
#[derive(Clone, Copy, Debug)]
pub struct HiddenState;

/// The cell `C`, `U` units wide, read over `T` steps of `I` values each: [`Rnn`], [`Gru`], [`Lstm`].
///
/// A sample is `[[f32; I]; T]`. The state before the first step is zero. With [`Last`] (the default) the output is the state after the last step,
/// `[f32; U]`; with [`All`] that after every step, `[[f32; U]; T]`, which another recurrent layer takes.
///
/// Trained by back-propagation through time (Rumelhart, Hinton and Williams, 1986; Werbos, 1990) over all `T` steps: from the last step to the first,
/// dh, the gradient by the state, is what comes from the outputs plus what comes from the step after. Weights are the same at every step: dw, du and
/// db add over the steps from the last to the first, at each over the samples from 0 upward.
///
/// Kernels start as the network's initializer says with the fans of Keras (`I` and `GATES·U`), recurrent kernels [`Orthogonal`], biases at zero, the
/// LSTM's forget gate at 1: Keras' defaults.
///
/// The tape keeps all steps: T·(I + 2U) values a sample for [`Rnn`], T·(I + 7U) for [`Gru`] and [`Lstm`], a few rows of U beside
/// ([`Trainer::BYTES`](crate::Trainer::BYTES)). Inference keeps one step, and [`Mlp::step`](crate::Mlp::step) is one.
///
/// A recurrent layer reads sequences: what stands before another one must give [`All`] states.
///
/// ```compile_fail,E0271
/// use rosenblatt::prelude::*;
/// type Wrong = Mlp<(Gru<8, 12, 4>, Gru<12, 12, 4>)>; // the last state into a layer that reads four
/// let net = Wrong::new();
/// ```
///
/// A unit without a gradient cannot be trained:
///
/// ```compile_fail,E0277
/// use rosenblatt::prelude::*;
/// type Steps = Mlp<(Rnn<8, 12, 4, Step>, Dense<12, 1, Sigmoid>)>;
/// let trainer = Trainer::<Steps, Sgd, BinaryCrossEntropy, 4>::new();
/// ```
///
/// No cross-entropy is joined with a state: a dense layer goes between.
///
/// ```compile_fail,E0277
/// use rosenblatt::prelude::*;
/// type Direct = Mlp<(Rnn<8, 1, 4, Sigmoid>,)>;
/// let trainer = Trainer::<Direct, Sgd, BinaryCrossEntropy, 4>::new();
/// ```
pub struct Sequence<C, const I: usize, const U: usize, const T: usize, R = Last>(PhantomData<(C, R)>);

/// The parameters of the cell `C`.
type ParamsOf<C, const I: usize, const U: usize> =
    Recurrent<[<C as Cell<U>>::Gates; I], [<C as Cell<U>>::Gates; U], <C as Cell<U>>::Bias>;
type OutputOf<R, const U: usize, const T: usize> = <R as Returns>::Output<[f32; U], T>;

/// One step of each row: the inputs' part of the gates, then the cell.
#[inline(always)]
fn step<S: Simd, C: Cell<U>, const M: usize, const I: usize, const U: usize>(
    s: S,
    p: &ParamsOf<C, I, U>,
    x: &[[f32; I]],
    a: &mut [C::Gates],
    kept: &mut [C::Kept],
    h: &mut [[f32; U]],
    c: &mut [C::Carry],
) {
    if const { M == 1 && !cfg!(target_os = "none") } {
        // One row a step is so little work that calls would show: in place, in a large network too.
        let s = s.shared();
        fixed::affine::<_, M, _, _, _>(s, x, &p.w, C::input_bias(&p.b), a);
        C::step::<_, M>(s, &p.u, &p.b, a, kept, h, c);
    } else {
        fixed::affine::<_, M, _, _, _>(s, x, &p.w, C::input_bias(&p.b), a);
        C::step::<_, M>(s, &p.u, &p.b, a, kept, h, c);
    }
}

/// The `m` rows of step `t` among those of `T` steps, the last step first. Cannot panic; a chunked iterator could, for all that the optimizer knows.
#[inline(always)]
fn of_step<const T: usize, P>(rows: &mut [P], m: usize, t: usize) -> &mut [P] {
    let at = (T - 1 - t) * m;
    rows.get_mut(at..at + m).unwrap_or_default()
}

impl<C: Cell<U>, const I: usize, const U: usize, const T: usize, R: Returns> Layer for Sequence<C, I, U, T, R> {
    type Input = [[f32; I]; T];
    type Output = OutputOf<R, U, T>;
    type Params = ParamsOf<C, I, U>;
    type Running = Nothing;
    type Head = HiddenState;
    const WIDTH: usize = C::Gates::LEN;
    const KERNEL: usize = I * C::Gates::LEN;
    const MULTIPLY_ADDS: usize = T * (I + U) * C::Gates::LEN;
    const NAME: &'static str = C::KIND;

    #[inline(always)]
    fn infer<S: Simd, const N: usize>(s: S, p: &Self::Params, _: &Nothing, x: &[Self::Input], y: &mut [Self::Output]) {
        const { assert!(I > 0 && U > 0 && T > 0, "a recurrent layer needs inputs, units and steps") };
        let m = x.len();
        let (mut frame, mut a, mut kept) = ([[0.0; I]; N], [C::Gates::ZERO; N], [C::Kept::ZERO; N]);
        let (mut h, mut c) = ([[0.0; U]; N], [C::Carry::ZERO; N]);
        let (frame, h) = (first_mut(&mut frame, m), first_mut(&mut h, m));
        for t in 0..T {
            pick(x, t, frame);
            step::<S, C, N, I, U>(s, p, frame, &mut a, &mut kept, h, &mut c);
            R::put::<[f32; U], T>(t, h, y);
        }
    }

    fn init(p: &mut Self::Params, _: &mut Nothing, init: &impl Initializer, rng: &mut Rng) {
        init.fill(rng, I, C::Gates::LEN, p.w.as_mut_slice().flat_mut());
        Orthogonal.fill(rng, U, C::Gates::LEN, p.u.as_mut_slice().flat_mut());
        C::init_bias(&mut p.b);
    }

    fn describe(tell: &mut dyn FnMut(&Description)) {
        tell(&Description::of::<Self>(Self::NAME, C::ACTIVATION));
    }

    fn tensors(tell: &mut dyn FnMut(&Tensor)) {
        // A gate's columns stand beside the next one's, as in Keras.
        let columns = Shape::of(C::Gates::LEN);
        tell(&Tensor { name: "kernel", shape: columns.times(I), learnt: true });
        tell(&Tensor { name: "recurrent_kernel", shape: columns.times(U), learnt: true });
        tell(&Tensor { name: "bias", shape: C::bias_shape(), learnt: true });
    }
}

/// row ← step `t` of each sample.
#[inline(always)]
fn pick<F: Plain, const T: usize>(x: &[[F; T]], t: usize, rows: &mut [F]) {
    for (row, x) in rows.iter_mut().zip(x) {
        if let Some(frame) = x.get(t) {
            *row = *frame;
        }
    }
}

/// Step `t` of each sample ← row.
#[inline(always)]
fn place<F: Plain, const T: usize>(rows: &[F], t: usize, x: &mut [[F; T]]) {
    for (row, x) in rows.iter().zip(x) {
        if let Some(frame) = x.get_mut(t) {
            *frame = *row;
        }
    }
}

impl<C: TrainCell<U>, const I: usize, const U: usize, const T: usize, R: Returns> Train for Sequence<C, I, U, T, R> {
    /// Rows of `m` samples lie without gaps, step by step from the last to the first: what is alike at all steps is one product over all of them.
    type Tape<const B: usize> = Unrolled<
        [[[f32; I]; B]; T],
        [[C::Gates; B]; T],
        [[C::Kept; B]; T],
        [[[f32; U]; B]; T],
        [[f32; U]; B],
        [C::Carry; B],
        [OutputOf<R, U, T>; B],
    >;

    #[inline(always)]
    fn forward<S: Simd, const B: usize>(
        s: S,
        _: Pass,
        p: &Self::Params,
        _: &Nothing,
        x: &[Self::Input],
        tape: &mut Self::Tape<B>,
    ) {
        const { assert!(I > 0 && U > 0 && T > 0, "a recurrent layer needs inputs, units and steps") };
        let m = x.len().min(B);
        let frames = first_mut(tape.x.as_flattened_mut(), T * m);
        for t in 0..T {
            pick(x, t, of_step::<T, _>(frames, m, t));
        }
        let a = first_mut(tape.a.as_flattened_mut(), T * m);
        // Products over all steps are worth a call, in a small network too.
        fixed::affine::<_, { usize::MAX }, _, _, _>(Compact(s), frames, &p.w, C::input_bias(&p.b), a);

        let (h, c) = (first_mut(&mut tape.h, m), first_mut(&mut tape.c, m));
        h.fill([0.0; U]);
        c.fill(C::Carry::ZERO);
        let (kept, before) = (tape.kept.as_flattened_mut(), tape.before.as_flattened_mut());
        for t in 0..T {
            copy(h, of_step::<T, _>(before, m, t));
            C::step::<S, B>(s, &p.u, &p.b, of_step::<T, _>(a, m, t), of_step::<T, _>(kept, m, t), h, c);
            R::put::<[f32; U], T>(t, h, &mut tape.y);
        }
    }

    #[inline(always)]
    fn output<const B: usize>(tape: &Self::Tape<B>) -> &[Self::Output; B] {
        &tape.y
    }

    #[inline(always)]
    fn backward<S: Simd, const B: usize>(
        s: S,
        p: &Self::Params,
        x: &[Self::Input],
        tape: &mut Self::Tape<B>,
        dy: &mut [Self::Output],
        _: bool,
        dp: &mut Self::Params,
        dx: Option<&mut [Self::Input]>,
    ) {
        let m = x.len().min(B);
        let frames = first_mut(tape.x.as_flattened_mut(), T * m);
        let a = first_mut(tape.a.as_flattened_mut(), T * m);
        let kept = first_mut(tape.kept.as_flattened_mut(), T * m);
        let before = first_mut(tape.before.as_flattened_mut(), T * m);
        let (dh, dc) = (first_mut(&mut tape.h, m), first_mut(&mut tape.c, m));
        dh.fill([0.0; U]);
        dc.fill(C::Carry::ZERO);
        for t in (0..T).rev() {
            let (a, kept) = (of_step::<T, _>(a, m, t), of_step::<T, _>(kept, m, t));
            R::add_grad::<U, T>(t, dy, dh);
            C::back(s, a, kept, of_step::<T, _>(before, m, t), dh, dc);
            if t > 0 {
                fixed::affine_grad_input::<_, B, _, _, _>(s, C::by_state(a, kept), &p.u, dh, C::DIRECT);
            }
        }

        let s = Compact(s);
        fixed::affine_grad(s, frames, a, &mut dp.w, false);
        fixed::affine_grad(s, before, C::by_state(a, kept), &mut dp.u, false);
        C::bias_grad(s, a, kept, &mut dp.b);
        if let Some(dx) = dx {
            fixed::affine_grad_input::<_, { usize::MAX }, _, _, _>(s, a, &p.w, frames, false);
            for t in 0..T {
                place(of_step::<T, _>(frames, m, t), t, dx);
            }
        }
    }
}

impl<C: Cell<U>, const I: usize, const U: usize, const T: usize, R: Returns> Stepwise for Sequence<C, I, U, T, R> {
    type Frame = [f32; I];
    type FrameOutput = [f32; U];
    /// The state, and what is carried along beside it.
    type Memory = Join<[f32; U], C::Carry>;

    #[inline(always)]
    fn step<S: Simd>(s: S, p: &Self::Params, _: &Nothing, memory: &mut Self::Memory, x: &[f32; I], y: &mut [f32; U]) {
        let Join { head: h, tail: c } = memory;
        let (mut a, mut kept) = (C::Gates::ZERO, C::Kept::ZERO);
        step::<S, C, 1, I, U>(s, p, from_ref(x), from_mut(&mut a), from_mut(&mut kept), from_mut(h), from_mut(c));
        *y = *h;
    }
}
