//! Layers that run frame by frame.

use super::{
    Activate, BatchNorm, Chain, Channels, Dense, Dropout, Layer, LayerNorm, Nothing, Regularized,
    Regularizer,
};
use crate::activation::Activation;
use core::slice::{from_mut, from_ref};
use rosenblatt_kernels::{
    F32Array, Simd,
    array::{Join, matching_rows},
};

/// A layer that can run on one frame of a sequence at a time. Recurrent layers keep a state between
/// frames. Dense layers, normalizations, dropout and activations process each frame independently.
/// All of them can be regularized.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be run frame by frame",
    note = "recurrent layers can, and layers after them that look at one frame by itself"
)]
pub trait Streaming: Layer {
    /// The input of one step.
    type Frame: F32Array;
    /// The output of one step.
    type FrameOutput: F32Array;
    /// The state between steps; zero before the first.
    type Memory: F32Array;

    /// y ← the output after the frame x.
    fn step<S: Simd>(
        s: S,
        p: &Self::Params,
        r: &Self::Buffers,
        memory: &mut Self::Memory,
        x: &Self::Frame,
        y: &mut Self::FrameOutput,
    );
}

impl<const I: usize, const O: usize, A: Activation> Streaming for Dense<I, O, A> {
    type Frame = [f32; I];
    type FrameOutput = [f32; O];
    type Memory = Nothing;

    #[inline(always)]
    fn step<S: Simd>(
        s: S,
        p: &Self::Params,
        r: &Nothing,
        _: &mut Nothing,
        x: &[f32; I],
        y: &mut [f32; O],
    ) {
        Self::infer::<S, 1>(s, p, r, from_ref(x), from_mut(y));
    }
}

/// Layers that process each position independently. A frame is one position; the layer of a frame
/// is the same layer over one position.
macro_rules! by_itself {
    ($([$($generics:tt)*] $layer:ty, $of_frame:ty;)*) => {$(
        impl<X: Channels, $($generics)*> Streaming for $layer {
            type Frame = X::Row;
            type FrameOutput = X::Row;
            type Memory = Nothing;

            #[inline(always)]
            fn step<S: Simd>(
                s: S,
                p: &Self::Params,
                r: &Self::Buffers,
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
    [const RATE: u32, const SEED: u64] Dropout<X, RATE, SEED>, Dropout<X::Row, RATE, SEED>;
    [const EPSILON: u32, const MOMENTUM: u32]
        BatchNorm<X, EPSILON, MOMENTUM>, BatchNorm<X::Row, EPSILON, MOMENTUM>;
    [const EPSILON: u32] LayerNorm<X, EPSILON>, LayerNorm<X::Row, EPSILON>;
}

impl<L: Streaming, R: Regularizer> Streaming for Regularized<L, R> {
    type Frame = L::Frame;
    type FrameOutput = L::FrameOutput;
    type Memory = L::Memory;

    #[inline(always)]
    fn step<S: Simd>(
        s: S,
        p: &L::Params,
        r: &L::Buffers,
        memory: &mut L::Memory,
        x: &L::Frame,
        y: &mut L::FrameOutput,
    ) {
        L::step(s, p, r, memory, x, y);
    }
}

impl<L: Streaming, R: Streaming> Streaming for Chain<L, R> {
    type Frame = L::Frame;
    type FrameOutput = R::FrameOutput;
    type Memory = Join<L::Memory, R::Memory>;

    #[inline(always)]
    fn step<S: Simd>(
        s: S,
        p: &Self::Params,
        r: &Self::Buffers,
        memory: &mut Self::Memory,
        x: &L::Frame,
        y: &mut R::FrameOutput,
    ) {
        let mut h = L::FrameOutput::ZERO;
        L::step(s, &p.head, &r.head, &mut memory.head, x, &mut h);
        if let [h] = matching_rows(from_ref(&h)) {
            R::step(s, &p.tail, &r.tail, &mut memory.tail, h, y);
        }
    }
}
