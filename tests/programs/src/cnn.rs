//! Handwritten digits by two convolutions. The network can be trained on a chip with 16 KiB of RAM.

use crate::{Fingerprint, Program, data::IMAGES};
use rosenblatt::{
    init::HeUniform,
    kernels::{F32Array, array::reshape_rows},
    layer::{Map, Same},
    metrics::predicted,
    prelude::*,
};

/// The network: an unpadded convolution, and a padded one with a stride.
pub type Net = Mlp<(
    Conv2d<Map<8, 8, 1>, Map<6, 6, 3>, 3, 3, Relu>,
    MaxPool2d<Map<6, 6, 3>, Map<3, 3, 3>, 2>,
    Conv2d<Map<3, 3, 3>, Map<2, 2, 6>, 3, 3, Tanh, Same, 2>,
    Flatten<Map<2, 2, 6>, 24>,
    Dense<24, 10, Softmax>,
)>;
/// Its trainer: mini-batches of 4.
pub type NetTrainer = Trainer<Net, SparseCategoricalCrossEntropy, Sgd, 4>;

/// Two shuffled epochs of gradient descent over 64 images.
pub struct Cnn;
const SGD: Sgd = Sgd::with_lr(0.1);

/// Number of images to train on.
const SAMPLES: usize = 64;

/// The images as maps.
fn images() -> (&'static [Map<8, 8, 1>], &'static [u8]) {
    let (x, t) = (IMAGES.x.first_chunk::<SAMPLES>(), IMAGES.t.first_chunk::<SAMPLES>());
    match (x, t) {
        (Some(x), Some(t)) => (reshape_rows(x), t),
        _ => (&[], &[]),
    }
}

impl Program for Cnn {
    const NAME: &'static str = "cnn";
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
        net.initialize_with(&HeUniform, Seed(64));
        spoil(net.params_mut().as_flat_mut());
        let fit =
            Fit { epochs: 2, shuffle: Some(Seed(10)), backend: Some(backend), ..Fit::new(SGD) };
        let (x, t) = images();
        let mut hash = Fingerprint::default();
        if Dataset::new(x, t).and_then(|data| trainer.fit(net, data, &fit)).is_ok() {
            hash.add(net.weights());
            for x in x {
                hash.add(&net.on(backend).predict(x));
            }
        }
        hash.end()
    }

    fn infer(net: &Net) -> bool {
        images().0.first().is_some_and(|x| predicted(&net.predict(x)).is_some())
    }

    fn step(net: &mut Net, trainer: &mut NetTrainer) -> bool {
        let (x, t) = images();
        let (Some(x), Some(t)) = (x.first_chunk::<4>(), t.first_chunk::<4>()) else {
            return false;
        };
        trainer.step(net, (x, t), &SGD).is_ok()
    }
}
