//! The three species of iris by 4-16-3, with real measurements in flash.

use crate::{Fingerprint, Program, data::IRIS};
use rosenblatt::{kernels::F32Array, prelude::*};

/// The network.
pub type Net = Mlp<(Dense<4, 16, Relu>, Dense<16, 3, Softmax>)>;
/// Its trainer: mini-batches of 16.
pub type NetTrainer = Trainer<Net, SparseCategoricalCrossEntropy, Sgd, 16>;

/// 50 shuffled epochs of gradient descent. The last mini-batch of each has 6 samples.
pub struct Iris;
const SGD: Sgd = Sgd::with_lr(0.05);

impl Program for Iris {
    const NAME: &'static str = "iris";
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
        net.initialize(Seed(1936));
        spoil(net.params_mut().as_flat_mut());
        let fit =
            Fit { epochs: 50, shuffle: Some(Seed(4)), backend: Some(backend), ..Fit::new(SGD) };
        let mut hash = Fingerprint::default();
        if trainer.fit(net, (&IRIS.x, &IRIS.t), &fit).is_ok() {
            hash.add(net.weights());
            for x in &IRIS.x {
                hash.add(&net.on(backend).predict(x));
            }
        }
        hash.end()
    }

    fn infer(net: &Net) -> bool {
        net.predict(&IRIS.x[0])[0] > 0.5
    }

    fn step(net: &mut Net, trainer: &mut NetTrainer) -> bool {
        let (Some(x), Some(t)) = (IRIS.x.first_chunk::<16>(), IRIS.t.first_chunk::<16>()) else {
            return false;
        };
        trainer.step(net, (x, t), &SGD).is_ok()
    }
}
