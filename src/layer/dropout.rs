//! Dropout.

use super::{Channels, Context, Description, Layer, Nothing, Record, Tensor, Trainable};
use crate::{
    activation::Linear,
    init::Initializer,
    rng::{Rng, mix},
};
use core::marker::PhantomData;
use rosenblatt_kernels::{
    F32Array, F32Rows, Simd,
    array::{Join, copy_rows, first_rows_mut},
    columns::Columns,
    dropout,
    persist::{Persist, Words},
};

/// Drops each value with the probability `RATE` in training, so that no unit depends on a single
/// other one. [`rate`] makes `RATE` from a number. Srivastava, Hinton and others, 2014; Keras'
/// `Dropout`.
///
/// - training: y = x·(1 / (1 − rate)) for a kept value, +0 for a dropped one; the expected value
///   stays the same. dx = dy·(1 / (1 − rate)) for a kept value, else +0
/// - inference and evaluation: y = x
///
/// Whether a value is dropped depends only on `SEED`, the layer's index in the network, the number
/// of the training pass and the value's index in the mini-batch. The arithmetic is in integers, so
/// every backend and chip drops the same values. Two equal layers in one network drop different
/// values. With φ = 0x9e3779b9, `mix` the finalizer of MurmurHash3, and low and high the halves of
/// `SEED`: key = mix(mix(mix(mix(low + φ) xor high) xor index) xor pass). Value i is dropped if
/// mix(key xor i·φ) < `RATE`.
///
/// The trainer counts the training passes from 0, modulo 2³². A step that is rejected because it is
/// not finite counts too. [`Trainer::reset`](crate::Trainer::reset) sets the count to 0. A network
/// without dropout has no counter.
///
/// ```
/// use rosenblatt::prelude::*;
///
/// // A quarter of the values is dropped.
/// type Net = Mlp<(Dense<2, 32, Relu>, Dropout<[f32; 32], { rate(0.25) }>, Dense<32, 1, Sigmoid>)>;
/// let mut net = Net::init(Seed(1957));
/// let mut trainer = Trainer::<Net, BinaryCrossEntropy, Adam, 4>::ZERO;
/// let fit = Fit { epochs: 500, ..Fit::new(Adam::with_lr(0.01)) };
/// trainer.fit(&mut net, &gates::XOR, &fit)?;
/// assert_eq!(trainer.evaluate(&net, &gates::XOR)?.accuracy(), 1.0);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
///
/// A rate of 1 would drop everything. It does not compile:
///
/// ```compile_fail,E0080
/// use rosenblatt::prelude::*;
/// type Net = Mlp<(Dense<2, 1>, Dropout<[f32; 1], { rate(1.0) }>)>;
/// let (mut net, mut trainer) = (Net::ZERO, Trainer::<Net, MeanSquaredError, Sgd, 1>::ZERO);
/// trainer.step(&mut net, (&[[0.0; 2]], &[[0.0]]), &Sgd::DEFAULT);
/// ```
pub struct Dropout<X, const RATE: u32, const SEED: u64 = 0>(PhantomData<X>);

/// A probability as the parameter of a type: ⌊p·2³²⌋, because stable Rust takes no float there.
///
/// ```
/// use rosenblatt::prelude::*;
/// type Half = Dropout<[f32; 32], { rate(0.5) }>;
/// assert_eq!(rate(0.5), 1 << 31);
/// ```
/// # Panics
/// Unless 0 ≤ p < 1. In the parameter of a type that is an error of the compiler.
#[must_use]
pub const fn rate(p: f64) -> u32 {
    assert!(p >= 0.0 && p < 1.0, "the rate of a dropout lies between 0 and 1, without 1");
    (p * ALL) as u32
}

/// 2³²
const ALL: f64 = 4_294_967_296.0;

impl<X, const RATE: u32, const SEED: u64> Dropout<X, RATE, SEED> {
    /// 1 / (1 − rate)
    const SCALE: f32 = (ALL / (ALL - RATE as f64)) as f32;
    /// The part of the key that depends on the seed.
    const START: u32 = mix(mix((SEED as u32).wrapping_add(0x9e37_79b9)) ^ (SEED >> 32) as u32);
}

impl<X: Channels, const RATE: u32, const SEED: u64> Layer for Dropout<X, RATE, SEED> {
    type Input = X;
    type Output = X;
    type Params = Nothing;
    type Buffers = Nothing;
    type OutputActivation = Linear;
    const MAX_ROW: usize = X::Row::LEN;
    const KERNEL_LEN: usize = 0;
    const NAME: &'static str = "Dropout";
    const RECORD: Record =
        Record::of::<Self>().word(RATE).word(SEED as u32).word((SEED >> 32) as u32);

    #[inline(always)]
    fn infer<S: Simd, const C: usize>(_: S, _: &Nothing, _: &Nothing, x: &[X], y: &mut [X]) {
        copy_rows(x, y);
    }

    const COLUMNS: bool = true;

    #[inline(always)]
    fn infer_columns<S: Simd>(_: S, _: &Nothing, _: &Nothing, x: &Columns<X>, y: &mut Columns<X>) {
        *y = *x;
    }

    fn init(_: &mut Nothing, _: &mut Nothing, _: &impl Initializer, _: &mut Rng) {}

    fn describe(visit: &mut dyn FnMut(&Description)) {
        visit(&Description::of::<Self>(Self::NAME, ""));
    }

    fn tensors(_: &mut dyn FnMut(&Tensor)) {}
}

impl<X: Channels, const RATE: u32, const SEED: u64> Trainable for Dropout<X, RATE, SEED> {
    /// The outputs, then two numbers as bits: the number of the next pass and the key of the last
    /// one.
    type Tape<const B: usize> = Join<[X; B], [f32; 2]>;

    #[inline(always)]
    fn forward<S: Simd, const B: usize>(
        s: S,
        pass: Context,
        _: &Nothing,
        _: &Nothing,
        x: &[X],
        tape: &mut Self::Tape<B>,
    ) {
        let y = first_rows_mut(&mut tape.head, x.len());
        if !pass.training() {
            return copy_rows(x, y);
        }
        let [next, last] = &mut tape.tail;
        let number = next.to_bits();
        let key = mix(mix(Self::START ^ pass.place()) ^ number);
        (*next, *last) = (f32::from_bits(number.wrapping_add(1)), f32::from_bits(key));
        dropout::dropout(s, key, RATE, Self::SCALE, x.flat(), y.flat_mut());
    }

    /// The number of the next pass.
    const CARRIED: usize = 1;

    fn carried<const B: usize>(tape: &mut Self::Tape<B>, words: &mut impl Words) {
        let [next, _] = &mut tape.tail;
        next.words(words);
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
            dropout::dropout(s, key.to_bits(), RATE, Self::SCALE, dy.flat(), dx.flat_mut());
        }
    }
}
