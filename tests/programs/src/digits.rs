//! Handwritten digits by 64-32-10, and by 64-8-10 where memory is scarce.

use crate::{
    Fingerprint, Program,
    data::{DIGITS, IMAGES},
};
use rosenblatt::{
    init::HeUniform,
    kernels::{
        F32Array,
        array::{Affine, Join},
    },
    metrics::predicted,
    prelude::*,
};

/// The network of the example `digits`.
pub type Net = Mlp<(Dense<64, 32, Relu>, Dense<32, 10, Softmax>)>;
/// Its trainer: mini-batches of 32.
pub type NetTrainer = Trainer<Net, SparseCategoricalCrossEntropy, Sgd, 32>;
/// A network for 16 KiB of RAM.
pub type Small = Mlp<(Dense<64, 8, Relu>, Dense<8, 10, Softmax>)>;
/// Its trainer: mini-batches of 8.
pub type SmallTrainer = Trainer<Small, SparseCategoricalCrossEntropy, Sgd, 8>;

/// Trained weights as bytes, little-endian, in the order of [`Mlp::weights`]. A test of
/// `tests/golden` trains them again.
pub const WEIGHTS: &[u8; 4 * Net::PARAMS] = include_bytes!("../digits.weights");

/// A network with trained weights. It is a constant, so that it is placed in flash.
pub static LEARNT: Net = Net::from_params(Join {
    head: Affine { w: matrix(0), b: row(64 * 32) },
    tail: Affine { w: matrix(65 * 32), b: row(65 * 32 + 32 * 10) },
});

/// `N` of the weights, from index `at`.
const fn row<const N: usize>(at: usize) -> [f32; N] {
    let mut row = [0.0; N];
    let mut i = 0;
    while i < N {
        let byte = 4 * (at + i);
        row[i] = f32::from_le_bytes([
            WEIGHTS[byte],
            WEIGHTS[byte + 1],
            WEIGHTS[byte + 2],
            WEIGHTS[byte + 3],
        ]);
        i += 1;
    }
    row
}

/// `K` rows of the weights, from index `at`.
const fn matrix<const K: usize, const N: usize>(at: usize) -> [[f32; N]; K] {
    let mut matrix = [[0.0; N]; K];
    let mut i = 0;
    while i < K {
        matrix[i] = row(at + i * N);
        i += 1;
    }
    matrix
}

/// Inference only. Weights and images are in flash.
pub struct Infer;

impl Program for Infer {
    const NAME: &'static str = "digits-infer";
    type Net = ();
    const NET: () = ();
    type Trainer = ();
    const TRAINER: () = ();

    fn run(backend: Backend, (): &mut (), (): &mut (), _: impl FnOnce(&mut [f32])) -> u64 {
        let mut hash = Fingerprint::default();
        for x in &IMAGES.x {
            hash.add(&LEARNT.on(backend).predict(x));
        }
        hash.end()
    }

    fn infer((): &()) -> bool {
        predicted(&LEARNT.predict(&IMAGES.x[0])) == Some(usize::from(IMAGES.t[0]))
    }

    fn step((): &mut (), (): &mut ()) -> bool {
        false
    }
}

const SGD: Sgd = Sgd::with_lr(0.1);

/// Trains on the images, and hashes weights and predictions.
macro_rules! train {
    ($net:expr, $trainer:expr, $backend:expr, $epochs:literal, $spoil:expr) => {{
        $net.initialize_with(&HeUniform, Seed(64));
        $spoil($net.params_mut().as_flat_mut());
        let fit = Fit {
            epochs: $epochs,
            shuffle: Some(Seed(10)),
            backend: Some($backend),
            ..Fit::new(SGD)
        };
        let mut hash = Fingerprint::default();
        if $trainer.fit($net, (&IMAGES.x, &IMAGES.t), &fit).is_ok() {
            hash.add($net.weights());
            for x in &IMAGES.x[..DIGITS / 8] {
                hash.add(&$net.on($backend).predict(x));
            }
        }
        hash.end()
    }};
}

/// Two shuffled epochs of gradient descent.
pub struct Train;

impl Program for Train {
    const NAME: &'static str = "digits";
    type Net = Net;
    const NET: Net = Net::ZERO;
    type Trainer = NetTrainer;
    const TRAINER: NetTrainer = NetTrainer::ZERO;

    fn run(
        backend: Backend,
        net: &mut Net,
        trainer: &mut NetTrainer,
        spoil: impl FnOnce(&mut [f32]),
    ) -> u64 {
        train!(net, trainer, backend, 2, spoil)
    }

    fn infer(net: &Net) -> bool {
        predicted(&net.predict(&IMAGES.x[0])).is_some()
    }

    fn step(net: &mut Net, trainer: &mut NetTrainer) -> bool {
        let (Some(x), Some(t)) = (IMAGES.x.first_chunk::<32>(), IMAGES.t.first_chunk::<32>())
        else {
            return false;
        };
        trainer.step(net, (x, t), &SGD).is_ok()
    }
}

/// The same with the small network.
pub struct TrainSmall;

impl Program for TrainSmall {
    const NAME: &'static str = "digits-small";
    type Net = Small;
    const NET: Small = Small::ZERO;
    type Trainer = SmallTrainer;
    const TRAINER: SmallTrainer = SmallTrainer::ZERO;

    fn run(
        backend: Backend,
        net: &mut Small,
        trainer: &mut SmallTrainer,
        spoil: impl FnOnce(&mut [f32]),
    ) -> u64 {
        train!(net, trainer, backend, 2, spoil)
    }

    fn infer(net: &Small) -> bool {
        predicted(&net.predict(&IMAGES.x[0])).is_some()
    }

    fn step(net: &mut Small, trainer: &mut SmallTrainer) -> bool {
        let (Some(x), Some(t)) = (IMAGES.x.first_chunk::<8>(), IMAGES.t.first_chunk::<8>()) else {
            return false;
        };
        trainer.step(net, (x, t), &SGD).is_ok()
    }
}
