//! Handwritten digits by two convolutions: small enough to learn on a chip with 16 KiB of RAM.

use crate::{Fingerprint, Program, data::IMAGES};
use rosenblatt::{
    kernels::{Plain, plain::recast},
    metrics::predicted,
    prelude::*,
};

/// The network: a valid convolution, a padded one with a stride.
pub type Net = Mlp<(
    Conv2d<Map<8, 8, 1>, Map<6, 6, 3>, 3, 3, Relu>,
    MaxPool2d<Map<6, 6, 3>, Map<3, 3, 3>, 2>,
    Conv2d<Map<3, 3, 3>, Map<2, 2, 6>, 3, 3, Tanh, Same, 2>,
    Flatten<Map<2, 2, 6>, 24>,
    Dense<24, 10, Softmax>,
)>;
/// Its trainer: mini-batches of 4.
pub type NetTrainer = Trainer<Net, Sgd, SparseCategoricalCrossEntropy, 4>;

/// Two shuffled epochs of gradient descent over 64 images.
pub struct Cnn;
const SGD: Sgd = Sgd::with_lr(0.1);

/// How many images it learns from.
const SAMPLES: usize = 64;

/// The images as maps.
fn images() -> (&'static [Map<8, 8, 1>], &'static [u8]) {
    let (x, t) = (IMAGES.x.first_chunk::<SAMPLES>(), IMAGES.t.first_chunk::<SAMPLES>());
    match (x, t) {
        (Some(x), Some(t)) => (recast(x), t),
        _ => (&[], &[]),
    }
}

impl Program for Cnn {
    const NAME: &'static str = "cnn";
    type Net = Net;
    const NET: Net = Net::new();
    type Trainer = NetTrainer;
    const TRAINER: NetTrainer = NetTrainer::new();

    fn run(level: Level, net: &mut Net, trainer: &mut NetTrainer, spoil: impl FnOnce(&mut [f32])) -> u64 {
        net.init_with(&HeUniform, Seed(64));
        spoil(net.params_mut().as_flat_mut());
        let fit = Fit { epochs: 2, shuffle: Some(Seed(10)), level, ..Fit::new(SGD) };
        let (x, t) = images();
        let mut hash = Fingerprint::default();
        if trainer.fit(net, x, t, &fit, &mut ()).is_ok() {
            hash.add(net.weights());
            for x in x {
                hash.add(&net.predict_on(level, x));
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
        trainer.step(net, &SGD, x, t).is_ok()
    }
}
