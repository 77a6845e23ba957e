//! Inference frame by frame: a network that keeps its state while a sequence comes in.

use super::{
    Activate, BatchNorm, Chain, Channels, Dense, Dropout, Layer, LayerNorm, Regularized, Regularizer, in_place,
};
use crate::{
    activation::Activation,
    layer::Nothing,
    network::{Mlp, NetOf, Network, Stack},
};
use core::slice::{from_mut, from_ref};
use rosenblatt_kernels::{Compact, Level, Plain, Simd, dispatch, plain::Join};

/// A layer that can be run on one frame of a sequence at a time: recurrent layers, which remember, and those that look at a frame by itself (dense, normalizations, dropout,
/// activations), regularized or not.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be run frame by frame",
    note = "recurrent layers can, and layers after them that look at one frame by itself"
)]
pub trait Stepwise: Layer {
    /// What comes in at one step.
    type Frame: Plain;
    /// What goes out at one step.
    type FrameOutput: Plain;
    /// What is remembered from one step to the next; zero before the first.
    type Memory: Plain;

    /// y ← the output after one more frame.
    fn step<S: Simd>(
        s: S,
        p: &Self::Params,
        r: &Self::Running,
        memory: &mut Self::Memory,
        x: &Self::Frame,
        y: &mut Self::FrameOutput,
    );
}

impl<const I: usize, const O: usize, A: Activation> Stepwise for Dense<I, O, A> {
    type Frame = [f32; I];
    type FrameOutput = [f32; O];
    type Memory = Nothing;

    #[inline(always)]
    fn step<S: Simd>(s: S, p: &Self::Params, r: &Nothing, _: &mut Nothing, x: &[f32; I], y: &mut [f32; O]) {
        Self::infer::<S, 1>(s, p, r, from_ref(x), from_mut(y));
    }
}

/// Layers that look at the channels of one position by themselves: a frame is such a position, and the layer the same one over the channels alone.
macro_rules! by_itself {
    ($([$($generics:tt)*] $layer:ty, $of_frame:ty;)*) => {$(
        impl<X: Channels, $($generics)*> Stepwise for $layer {
            type Frame = X::Row;
            type FrameOutput = X::Row;
            type Memory = Nothing;

            #[inline(always)]
            fn step<S: Simd>(
                s: S,
                p: &Self::Params,
                r: &Self::Running,
                _: &mut Nothing,
                x: &X::Row,
                y: &mut X::Row,
            ) {
                <$of_frame>::infer::<S, 1>(s, p, r, from_ref(x), from_mut(y));
            }
        }
    )*};
}

by_itself! {
    [A: Activation] Activate<X, A>, Activate<X::Row, A>;
    [const NUM: u32, const DEN: u32, const SEED: u64] Dropout<X, NUM, DEN, SEED>, Dropout<X::Row, NUM, DEN, SEED>;
    [] BatchNorm<X>, BatchNorm<X::Row>;
    [] LayerNorm<X>, LayerNorm<X::Row>;
}

impl<L: Stepwise, R: Regularizer> Stepwise for Regularized<L, R> {
    type Frame = L::Frame;
    type FrameOutput = L::FrameOutput;
    type Memory = L::Memory;

    #[inline(always)]
    fn step<S: Simd>(
        s: S,
        p: &L::Params,
        r: &L::Running,
        memory: &mut L::Memory,
        x: &L::Frame,
        y: &mut L::FrameOutput,
    ) {
        L::step(s, p, r, memory, x, y);
    }
}

impl<L: Stepwise, R: Stepwise<Input = L::Output, Frame = L::FrameOutput>> Stepwise for Chain<L, R> {
    type Frame = L::Frame;
    type FrameOutput = R::FrameOutput;
    type Memory = Join<L::Memory, R::Memory>;

    #[inline(always)]
    fn step<S: Simd>(
        s: S,
        p: &Self::Params,
        r: &Self::Running,
        memory: &mut Self::Memory,
        x: &L::Frame,
        y: &mut R::FrameOutput,
    ) {
        let mut h = L::FrameOutput::ZERO;
        L::step(s, &p.head, &r.head, &mut memory.head, x, &mut h);
        R::step(s, &p.tail, &r.tail, &mut memory.tail, &h, y);
    }
}

/// One frame that a [`Stack`] takes.
pub type FrameOf<T> = <NetOf<T> as Stepwise>::Frame;
/// What a [`Stack`] gives after a frame.
pub type FrameOutputOf<T> = <NetOf<T> as Stepwise>::FrameOutput;
/// What a [`Stack`] remembers between frames.
pub type MemoryOf<T> = <NetOf<T> as Stepwise>::Memory;

/// A recurrent network in real time: one frame at a time, on the one memory that a stream has.
impl<T: Stack<Net: Stepwise>> Mlp<T> {
    /// The memory before the first frame: all zero. A stream starts anew by taking another one.
    #[must_use]
    pub const fn memory() -> MemoryOf<T> {
        MemoryOf::<T>::ZERO
    }

    /// The output after one more frame, on the fastest backend.
    ///
    /// After as many frames as a sample has, from [`Mlp::memory`], the bits are those of [`Mlp::predict`] on the whole; a stream may go on for as long as
    /// it likes. One step costs what one step costs: nothing is computed twice.
    ///
    /// ```
    /// use rosenblatt::prelude::*;
    ///
    /// // Guesses a tone's next sample from those that were heard. Trained on windows of 16 samples, run on a stream.
    /// type Net = Mlp<(Gru<1, 8, 16>, Dense<8, 1>)>;
    /// let tone = |t: usize| (t as f32 * 0.4).sin();
    /// let x: Vec<[[f32; 1]; 16]> = (0..128).map(|i| std::array::from_fn(|t| [tone(i + t)])).collect();
    /// let t: Vec<[f32; 1]> = (0..128).map(|i| [tone(i + 16)]).collect();
    ///
    /// let mut net = Net::new();
    /// net.init(Seed(440));
    /// let mut trainer = Box::new(Trainer::<Net, Adam, MeanSquaredError, 32>::new());
    /// let fit = Fit { epochs: 60, shuffle: Some(Seed(1)), ..Fit::new(Adam::with_lr(0.01)) };
    /// trainer.fit(&mut net, &x, &t, &fit, &mut ())?;
    ///
    /// let mut memory = Net::memory();
    /// for now in 0..1000 {
    ///     let [guess] = net.step(&mut memory, &[tone(now)]);
    ///     assert!(now < 16 || (guess - tone(now + 1)).abs() < 0.2);
    /// }
    /// # Ok::<(), rosenblatt::Error>(())
    /// ```
    #[inline]
    pub fn step(&self, memory: &mut MemoryOf<T>, frame: &FrameOf<T>) -> FrameOutputOf<T> {
        self.step_on(Level::detect(), memory, frame)
    }

    /// [`Mlp::step`] on a chosen backend: the same bits.
    #[inline]
    pub fn step_on(&self, level: Level, memory: &mut MemoryOf<T>, frame: &FrameOf<T>) -> FrameOutputOf<T> {
        let mut y = FrameOutputOf::<T>::ZERO;
        #[inline(always)]
        fn step<S: Simd, N: Stepwise>(
            s: S,
            p: &N::Params,
            r: &N::Running,
            memory: &mut N::Memory,
            x: &N::Frame,
            y: &mut N::FrameOutput,
        ) {
            if const { in_place::<S, N>() } {
                N::step(s, p, r, memory, x, y);
            } else {
                N::step(Compact(s), p, r, memory, x, y);
            }
        }
        let (p, r) = (self.params(), self.running());
        dispatch!(level, width: NetOf::<T>::WIDTH, s => step::<_, NetOf<T>>(s, p, r, memory, frame, &mut y));
        y
    }
}
