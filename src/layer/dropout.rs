//! Dropout.

use super::{Channels, Description, Layer, Nothing, Pass, Tensor, Train, copy, first_mut};
use crate::{
    activation::Linear,
    init::Initializer,
    rng::{Rng, mix},
};
use core::marker::PhantomData;
use rosenblatt_kernels::{Flat, Plain, Simd, dropout, plain::Join};

/// Drops each value with probability `NUM`/`DEN` while training, so that no unit can lean on another one.
/// Srivastava, Hinton and others, 2014; Keras' `Dropout`.
///
/// - training: y = x·(1 / (1 − rate)) where a value is kept, +0 where it is dropped; the expected value stays. dx = dy·(1 / (1 − rate)) where kept, else +0
/// - inference and evaluation: y = x
///
/// The draw is a function of `SEED`, the layer's place in the network, the number of the training pass and the value's index in the mini-batch, and of nothing else: integers,
/// so that every backend and chip drops the same values, and two equal layers in one network drop different ones. With φ = 0x9e3779b9 and `mix` the finalizer of MurmurHash3:
/// key = mix(mix(mix(mix(low + φ) xor high) xor place) xor pass), low and high the halves of `SEED`, and value i is dropped where
/// mix(key xor i·φ) < `NUM`·2³² / `DEN`.
///
/// The trainer counts the passes (from 0, modulo 2³²): every step that looks at its samples is one, also a step that is then refused because it is not finite.
/// [`Trainer::reset`](crate::Trainer::reset) begins at 0 again; a network without dropout holds no counter.
///
/// ```
/// use rosenblatt::prelude::*;
///
/// type Net = Mlp<(Dense<2, 32, Relu>, Dropout<[f32; 32], 1, 4>, Dense<32, 1, Sigmoid>)>; // a quarter is dropped
/// let mut net = Net::new();
/// net.init(Seed(1957));
/// let mut trainer = Trainer::<Net, Adam, BinaryCrossEntropy, 4>::new();
/// let fit = Fit { epochs: 500, ..Fit::new(Adam::with_lr(0.01)) };
/// trainer.fit(&mut net, &gates::XOR.x, &gates::XOR.t, &fit, &mut ())?;
/// assert_eq!(trainer.evaluate(&net, &gates::XOR.x, &gates::XOR.t)?.accuracy(), 1.0);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
///
/// A rate of 1 would leave nothing:
///
/// ```compile_fail,E0080
/// use rosenblatt::prelude::*;
/// type Net = Mlp<(Dense<2, 1>, Dropout<[f32; 1], 1, 1>)>;
/// Trainer::<Net, Sgd, MeanSquaredError, 1>::new().step(&mut Net::new(), &Sgd::DEFAULT, &[[0.0; 2]], &[[0.0]]);
/// ```
pub struct Dropout<X, const NUM: u32, const DEN: u32, const SEED: u64 = 0>(PhantomData<X>);

impl<X, const NUM: u32, const DEN: u32, const SEED: u64> Dropout<X, NUM, DEN, SEED> {
    /// A draw of 32 bits below this drops its value.
    const LIMIT: u32 = {
        assert!(NUM < DEN, "the rate of a dropout lies between 0 and 1, without 1");
        (((NUM as u64) << 32) / DEN as u64) as u32
    };
    /// 1 / (1 − rate)
    const SCALE: f32 = DEN as f32 / (DEN - NUM) as f32;
    /// What the seed gives to every key.
    const START: u32 = mix(mix((SEED as u32).wrapping_add(0x9e37_79b9)) ^ (SEED >> 32) as u32);
}

impl<X: Channels, const NUM: u32, const DEN: u32, const SEED: u64> Layer for Dropout<X, NUM, DEN, SEED> {
    type Input = X;
    type Output = X;
    type Params = Nothing;
    type Running = Nothing;
    type Head = Linear;
    const WIDTH: usize = X::Row::LEN;
    const KERNEL: usize = 0;
    const NAME: &'static str = "Dropout";

    #[inline(always)]
    fn infer<S: Simd, const C: usize>(_: S, _: &Nothing, _: &Nothing, x: &[X], y: &mut [X]) {
        copy(x, y);
    }

    fn init(_: &mut Nothing, _: &mut Nothing, _: &impl Initializer, _: &mut Rng) {}

    fn describe(tell: &mut dyn FnMut(&Description)) {
        tell(&Description::of::<Self>(Self::NAME, ""));
    }

    fn tensors(_: &mut dyn FnMut(&Tensor)) {}
}

impl<X: Channels, const NUM: u32, const DEN: u32, const SEED: u64> Train for Dropout<X, NUM, DEN, SEED> {
    /// The outputs; the number of the next pass and the key of the last one, as bits.
    type Tape<const B: usize> = Join<[X; B], [f32; 2]>;

    #[inline(always)]
    fn forward<S: Simd, const B: usize>(s: S, pass: Pass, _: &Nothing, _: &Nothing, x: &[X], tape: &mut Self::Tape<B>) {
        let y = first_mut(&mut tape.head, x.len());
        if !pass.training() {
            return copy(x, y);
        }
        let [next, last] = &mut tape.tail;
        let number = next.to_bits();
        let key = mix(mix(Self::START ^ pass.place()) ^ number);
        (*next, *last) = (f32::from_bits(number.wrapping_add(1)), f32::from_bits(key));
        dropout::dropout(s, key, Self::LIMIT, Self::SCALE, x.flat(), y.flat_mut());
    }

    #[inline(always)]
    fn output<const B: usize>(tape: &Self::Tape<B>) -> &[X; B] {
        &tape.head
    }

    #[inline(always)]
    fn backward<S: Simd, const B: usize>(
        s: S,
        _: &Nothing,
        _: &[X],
        tape: &mut Self::Tape<B>,
        dy: &mut [X],
        _: bool,
        _: &mut Nothing,
        dx: Option<&mut [X]>,
    ) {
        if let Some(dx) = dx {
            let [_, key] = tape.tail;
            dropout::dropout(s, key.to_bits(), Self::LIMIT, Self::SCALE, dy.flat(), dx.flat_mut());
        }
    }
}
