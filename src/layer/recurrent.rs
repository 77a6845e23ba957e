//! Recurrent layers: a cell reads a sequence step by step and keeps a state between steps.

mod gru;
mod lstm;
mod returns;
mod simple;

pub use gru::{Gru, GruCell};
pub use lstm::{Lstm, LstmCell};
pub use returns::{All, Last, Returns};
pub use simple::{Rnn, SimpleCell};

use super::{Context, Description, Layer, Nothing, Record, Streaming, Tensor, Trainable};
use crate::{
    init::{Initializer, Orthogonal},
    rng::Rng,
};
use core::{
    marker::PhantomData,
    slice::{from_mut, from_ref},
};
use rosenblatt_kernels::{
    F32Array, F32Rows, OutOfLine, Simd,
    array::{Join, Recurrent, Shape, Unrolled, copy_rows, first_rows_mut},
    gemm::typed,
};

/// One step of a recurrent layer with a state of `U` units.
pub trait Cell<const U: usize>: 'static {
    /// One value for each unit of each gate.
    type Gates: F32Array;
    /// Other values of a step that the backward pass needs.
    type Saved: F32Array;
    /// A second state: [`Nothing`], or the cell state of an LSTM.
    type Carry: F32Array;
    /// The biases.
    type Bias: F32Array;
    /// The layer's name in Keras.
    const KIND: &'static str;
    /// The activation's name.
    const ACTIVATION: &'static str;
    /// The activation's parameter
    /// ([`Activation::PARAMETER`](crate::activation::Activation::PARAMETER)).
    const ACTIVATION_PARAMETER: f32 = 0.0;

    /// The bias that is added to the product with the inputs.
    fn input_bias(b: &Self::Bias) -> &Self::Gates;

    /// One step of each row. Input: `a` = x·w + bias, the state h and the second state c. h and c
    /// become the states after the step.
    fn step<S: Simd, const M: usize>(
        s: S,
        u: &[Self::Gates; U],
        b: &Self::Bias,
        a: &mut [Self::Gates],
        saved: &mut [Self::Saved],
        h: &mut [[f32; U]],
        c: &mut [Self::Carry],
    );

    /// Sets the biases to Keras' initial values.
    fn init_bias(b: &mut Self::Bias) {
        *b = Self::Bias::ZERO;
    }

    /// The shape of the biases in Keras.
    fn bias_shape() -> Shape {
        Shape::of(Self::Bias::LEN)
    }
}

/// A [`Cell`] that can be trained by gradient.
pub trait TrainableCell<const U: usize>: Cell<U> {
    /// Whether part of dh passes to the step before without a product. The sum of the product then
    /// starts at that part.
    const DIRECT: bool = false;

    /// One step backward through everything except the products. `a` becomes the gradient by x·w
    /// and its bias. dh becomes the part of the gradient by the previous state that passes without
    /// a product, and dc the gradient by the previous second state.
    fn backward<S: Simd>(
        s: S,
        a: &mut [Self::Gates],
        saved: &mut [Self::Saved],
        before: &mut [[f32; U]],
        dh: &mut [[f32; U]],
        dc: &mut [Self::Carry],
    );

    /// The gradient by h·u, after [`TrainableCell::backward`].
    fn state_gradient<'a>(a: &'a [Self::Gates], saved: &'a [Self::Saved]) -> &'a [Self::Gates];

    /// db ← the gradient by the biases, over all steps.
    fn bias_grad<S: Simd>(s: S, a: &[Self::Gates], saved: &[Self::Saved], db: &mut Self::Bias);
}

/// Marks a network that ends in the state of a recurrent layer. No cross-entropy can be fused with
/// it.
#[derive(Clone, Copy, Debug)]
pub struct HiddenState;

/// The cell `C` with `U` units over `T` steps of `I` values each: [`Rnn`], [`Gru`], [`Lstm`].
///
/// A sample is `[[f32; I]; T]`. The state before the first step is zero. With [`Last`] (the
/// default) the output is the state after the last step, `[f32; U]`. With [`All`] it is the state
/// after every step, `[[f32; U]; T]`, which another recurrent layer can read.
///
/// Trained by back-propagation through time (Rumelhart, Hinton and Williams, 1986; Werbos, 1990)
/// over all `T` steps. From the last step to the first, dh, the gradient by the state, is the
/// gradient from the outputs plus the gradient from the following step. All steps share the
/// weights: dw, du and db are summed over the steps from the last to the first, and within a step
/// over the samples in order.
///
/// Initial values are Keras' defaults. The network's initializer fills kernels, with Keras' fans
/// (`I` and `GATES·U`). [`Orthogonal`] fills recurrent kernels. Biases are zero; the bias of the
/// LSTM's forget gate is 1.
///
/// The tape holds all steps: T·(I + 2U) values a sample for [`Rnn`], T·(I + 7U) for [`Gru`] and
/// [`Lstm`], and a few rows of U values ([`Trainer::BYTES`](crate::Trainer::BYTES)). Inference
/// holds one step. [`Stream::push`](crate::stream::Stream::push) computes one step.
///
/// A recurrent layer reads sequences, so a recurrent layer before it must give [`All`] states.
///
/// ```compile_fail,E0080
/// use rosenblatt::prelude::*;
/// // The first layer gives one state; the second reads four.
/// type Wrong = Mlp<(Gru<8, 12, 4>, Gru<12, 12, 4>)>;
/// let net = Wrong::ZERO;
/// ```
///
/// An activation without a gradient cannot be trained:
///
/// ```compile_fail,E0277
/// use rosenblatt::prelude::*;
/// use rosenblatt::activation::Step;
/// type Steps = Mlp<(Rnn<8, 12, 4, Step>, Dense<12, 1, Sigmoid>)>;
/// let trainer = Trainer::<Steps, BinaryCrossEntropy, Sgd, 4>::ZERO;
/// ```
///
/// No cross-entropy is fused with a state. Put a dense layer after the recurrent one.
///
/// ```compile_fail,E0277
/// use rosenblatt::prelude::*;
/// type Direct = Mlp<(Rnn<8, 1, 4, Sigmoid>,)>;
/// let trainer = Trainer::<Direct, BinaryCrossEntropy, Sgd, 4>::ZERO;
/// ```
pub struct Sequence<C, const I: usize, const U: usize, const T: usize, R = Last>(
    PhantomData<(C, R)>,
);

/// The parameters of the cell `C`.
type ParamsOf<C, const I: usize, const U: usize> =
    Recurrent<[<C as Cell<U>>::Gates; I], [<C as Cell<U>>::Gates; U], <C as Cell<U>>::Bias>;
type OutputOf<R, const U: usize, const T: usize> = <R as Returns>::Output<[f32; U], T>;

/// One step of each row: the part of the gates that comes from the inputs, then the cell.
#[inline(always)]
fn step<S: Simd, C: Cell<U>, const M: usize, const I: usize, const U: usize>(
    s: S,
    p: &ParamsOf<C, I, U>,
    x: &[[f32; I]],
    a: &mut [C::Gates],
    saved: &mut [C::Saved],
    h: &mut [[f32; U]],
    c: &mut [C::Carry],
) {
    if const { M == 1 && !cfg!(target_os = "none") } {
        // One row a step is so little work that a call would cost time: inlined, also in a large
        // network.
        let s = s.shared();
        typed::affine::<_, M, _, _, _>(s, x, &p.w, C::input_bias(&p.b), a);
        C::step::<_, M>(s, &p.u, &p.b, a, saved, h, c);
    } else {
        typed::affine::<_, M, _, _, _>(s, x, &p.w, C::input_bias(&p.b), a);
        C::step::<_, M>(s, &p.u, &p.b, a, saved, h, c);
    }
}

/// The `m` rows of step `t` in rows of `T` steps, stored from the last step to the first. Cannot
/// panic. (The optimizer cannot prove that of a chunked iterator.)
#[inline(always)]
fn of_step<const T: usize, P>(rows: &mut [P], m: usize, t: usize) -> &mut [P] {
    let at = (T - 1 - t) * m;
    rows.get_mut(at..at + m).unwrap_or_default()
}

impl<C: Cell<U>, const I: usize, const U: usize, const T: usize, R: Returns> Layer
    for Sequence<C, I, U, T, R>
{
    type Input = [[f32; I]; T];
    type Output = OutputOf<R, U, T>;
    type Params = ParamsOf<C, I, U>;
    type Buffers = Nothing;
    type OutputActivation = HiddenState;
    const MAX_ROW: usize = C::Gates::LEN;
    const KERNEL_LEN: usize = I * C::Gates::LEN;
    const MULTIPLY_ADDS: usize = T * (I + U) * C::Gates::LEN;
    const NAME: &'static str = C::KIND;
    const RECORD: Record = Record::activated::<Self>(C::ACTIVATION, C::ACTIVATION_PARAMETER);

    #[inline(always)]
    fn infer<S: Simd, const N: usize>(
        s: S,
        p: &Self::Params,
        _: &Nothing,
        x: &[Self::Input],
        y: &mut [Self::Output],
    ) {
        const { assert!(I > 0 && U > 0 && T > 0, "a recurrent layer needs inputs, units and steps") };
        let m = x.len();
        let (mut frame, mut a, mut saved) =
            ([[0.0; I]; N], [C::Gates::ZERO; N], [C::Saved::ZERO; N]);
        let (mut h, mut c) = ([[0.0; U]; N], [C::Carry::ZERO; N]);
        let (frame, h) = (first_rows_mut(&mut frame, m), first_rows_mut(&mut h, m));
        for t in 0..T {
            pick(x, t, frame);
            step::<S, C, N, I, U>(s, p, frame, &mut a, &mut saved, h, &mut c);
            R::put::<[f32; U], T>(t, h, y);
        }
    }

    fn init(p: &mut Self::Params, _: &mut Nothing, init: &impl Initializer, rng: &mut Rng) {
        init.fill(rng, I, C::Gates::LEN, p.w.as_mut_slice().flat_mut());
        Orthogonal.fill(rng, U, C::Gates::LEN, p.u.as_mut_slice().flat_mut());
        C::init_bias(&mut p.b);
    }

    fn describe(visit: &mut dyn FnMut(&Description)) {
        visit(&Description::of::<Self>(Self::NAME, C::ACTIVATION));
    }

    fn tensors(visit: &mut dyn FnMut(&Tensor)) {
        // The columns of the gates stand side by side, as in Keras.
        let columns = Shape::of(C::Gates::LEN);
        visit(&Tensor { name: "kernel", shape: columns.times(I), learnt: true });
        visit(&Tensor { name: "recurrent_kernel", shape: columns.times(U), learnt: true });
        visit(&Tensor { name: "bias", shape: C::bias_shape(), learnt: true });
    }
}

/// row ← step `t` of each sample.
#[inline(always)]
fn pick<F: F32Array, const T: usize>(x: &[[F; T]], t: usize, rows: &mut [F]) {
    for (row, x) in rows.iter_mut().zip(x) {
        if let Some(frame) = x.get(t) {
            *row = *frame;
        }
    }
}

/// Step `t` of each sample ← row.
#[inline(always)]
fn place<F: F32Array, const T: usize>(rows: &[F], t: usize, x: &mut [[F; T]]) {
    for (row, x) in rows.iter().zip(x) {
        if let Some(frame) = x.get_mut(t) {
            *frame = *row;
        }
    }
}

impl<C: TrainableCell<U>, const I: usize, const U: usize, const T: usize, R: Returns> Trainable
    for Sequence<C, I, U, T, R>
{
    /// Rows of `m` samples lie without gaps, step by step from the last to the first. A product
    /// that is the same at all steps is then one product over all of them.
    type Tape<const B: usize> = Unrolled<
        [[[f32; I]; B]; T],
        [[C::Gates; B]; T],
        [[C::Saved; B]; T],
        [[[f32; U]; B]; T],
        [[f32; U]; B],
        [C::Carry; B],
        [OutputOf<R, U, T>; B],
    >;

    #[inline(always)]
    fn forward<S: Simd, const B: usize>(
        s: S,
        _: Context,
        p: &Self::Params,
        _: &Nothing,
        x: &[Self::Input],
        tape: &mut Self::Tape<B>,
    ) {
        const { assert!(I > 0 && U > 0 && T > 0, "a recurrent layer needs inputs, units and steps") };
        let m = x.len().min(B);
        let frames = first_rows_mut(tape.x.as_flattened_mut(), T * m);
        for t in 0..T {
            pick(x, t, of_step::<T, _>(frames, m, t));
        }
        let a = first_rows_mut(tape.a.as_flattened_mut(), T * m);
        // A product over all steps is worth a call, also in a small network.
        typed::affine::<_, { usize::MAX }, _, _, _>(
            OutOfLine(s),
            frames,
            &p.w,
            C::input_bias(&p.b),
            a,
        );

        let (h, c) = (first_rows_mut(&mut tape.h, m), first_rows_mut(&mut tape.c, m));
        h.fill([0.0; U]);
        c.fill(C::Carry::ZERO);
        let (saved, before) = (tape.saved.as_flattened_mut(), tape.before.as_flattened_mut());
        for t in 0..T {
            copy_rows(h, of_step::<T, _>(before, m, t));
            C::step::<S, B>(
                s,
                &p.u,
                &p.b,
                of_step::<T, _>(a, m, t),
                of_step::<T, _>(saved, m, t),
                h,
                c,
            );
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
        let frames = first_rows_mut(tape.x.as_flattened_mut(), T * m);
        let a = first_rows_mut(tape.a.as_flattened_mut(), T * m);
        let saved = first_rows_mut(tape.saved.as_flattened_mut(), T * m);
        let before = first_rows_mut(tape.before.as_flattened_mut(), T * m);
        let (dh, dc) = (first_rows_mut(&mut tape.h, m), first_rows_mut(&mut tape.c, m));
        dh.fill([0.0; U]);
        dc.fill(C::Carry::ZERO);
        for t in (0..T).rev() {
            let (a, saved) = (of_step::<T, _>(a, m, t), of_step::<T, _>(saved, m, t));
            R::add_grad::<U, T>(t, dy, dh);
            C::backward(s, a, saved, of_step::<T, _>(before, m, t), dh, dc);
            if t > 0 {
                typed::affine_grad_input::<_, B, _, _, _>(
                    s,
                    C::state_gradient(a, saved),
                    &p.u,
                    dh,
                    C::DIRECT,
                );
            }
        }

        let s = OutOfLine(s);
        typed::affine_grad(s, frames, a, &mut dp.w, false);
        typed::affine_grad(s, before, C::state_gradient(a, saved), &mut dp.u, false);
        C::bias_grad(s, a, saved, &mut dp.b);
        if let Some(dx) = dx {
            typed::affine_grad_input::<_, { usize::MAX }, _, _, _>(s, a, &p.w, frames, false);
            for t in 0..T {
                place(of_step::<T, _>(frames, m, t), t, dx);
            }
        }
    }
}

impl<C: Cell<U>, const I: usize, const U: usize, const T: usize, R: Returns> Streaming
    for Sequence<C, I, U, T, R>
{
    type Frame = [f32; I];
    type FrameOutput = [f32; U];
    /// The state and the second state.
    type Memory = Join<[f32; U], C::Carry>;

    #[inline(always)]
    fn step<S: Simd>(
        s: S,
        p: &Self::Params,
        _: &Nothing,
        memory: &mut Self::Memory,
        x: &[f32; I],
        y: &mut [f32; U],
    ) {
        let Join { head: h, tail: c } = memory;
        let (mut a, mut saved) = (C::Gates::ZERO, C::Saved::ZERO);
        step::<S, C, 1, I, U>(
            s,
            p,
            from_ref(x),
            from_mut(&mut a),
            from_mut(&mut saved),
            from_mut(h),
            from_mut(c),
        );
        *y = *h;
    }
}
