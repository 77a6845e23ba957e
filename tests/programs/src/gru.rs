//! Handwritten digits, read row by row by gated recurrent units in 16 KiB of RAM. Afterwards the
//! rows arrive one at a time, as from a sensor.

use crate::{Fingerprint, Program, data::IMAGES};
use rosenblatt::{
    kernels::{F32Array, array::reshape_rows},
    prelude::*,
};

/// The network: 8 steps of 8 pixels, 6 units.
pub type Net = Mlp<(Gru<8, 6, 8>, Dense<6, 10, Softmax>)>;
/// Its trainer: mini-batches of 4.
pub type NetTrainer = Trainer<Net, SparseCategoricalCrossEntropy, Sgd, 4>;

/// One shuffled epoch over the first digits, whose last mini-batch has 2 samples, then a stream of
/// rows.
pub struct Rows;
const SGD: Sgd = Sgd::with_lr(0.1);
/// Number of digits to train on.
const LEARNT: usize = 130;
/// Number of digits that are streamed.
const STREAMED: usize = 16;

/// The images as sequences of rows.
fn images() -> &'static [[[f32; 8]; 8]] {
    reshape_rows(&IMAGES.x)
}

impl Program for Rows {
    const NAME: &'static str = "gru";
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
        net.initialize(Seed(2014));
        spoil(net.params_mut().as_flat_mut());
        let fit =
            Fit { epochs: 1, shuffle: Some(Seed(8)), backend: Some(backend), ..Fit::new(SGD) };
        let mut hash = Fingerprint::default();
        let (Some(x), Some(t)) =
            (images().first_chunk::<LEARNT>(), IMAGES.t.first_chunk::<LEARNT>())
        else {
            return 0;
        };
        if trainer.fit(net, (x, t), &fit).is_ok() {
            hash.add(net.weights());
            // One stream: the state is kept from one image to the next.
            let mut stream = net.stream();
            for image in x.iter().take(STREAMED) {
                for row in image {
                    hash.add(&stream.on(backend).push(row));
                }
                hash.add(&net.on(backend).predict(image));
            }
            hash.add(stream.memory().as_flat());
        }
        hash.end()
    }

    fn infer(net: &Net) -> bool {
        let mut stream = net.stream();
        images()
            .first()
            .and_then(|image| image.first())
            .is_some_and(|row| stream.push(row)[0] < 1.0)
    }

    fn step(net: &mut Net, trainer: &mut NetTrainer) -> bool {
        let (Some(x), Some(t)) = (images().first_chunk::<4>(), IMAGES.t.first_chunk::<4>()) else {
            return false;
        };
        trainer.step(net, (x, t), &SGD).is_ok()
    }
}
