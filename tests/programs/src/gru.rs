//! Handwritten digits read row by row by gated recurrent units, few enough for 16 KiB of RAM; then frame by frame, as a sensor would give them.

use crate::{Fingerprint, Program, data::IMAGES};
use rosenblatt::{
    kernels::{Plain, plain::recast},
    prelude::*,
};

/// The network: 8 steps of 8 pixels, 6 units.
pub type Net = Mlp<(Gru<8, 6, 8>, Dense<6, 10, Softmax>)>;
/// Its trainer: mini-batches of 4.
pub type NetTrainer = Trainer<Net, Sgd, SparseCategoricalCrossEntropy, 4>;

/// One shuffled epoch over the first digits, the last mini-batch of it with 2 samples, then a stream of rows.
pub struct Rows;
const SGD: Sgd = Sgd::with_lr(0.1);
/// How many digits are learnt from.
const LEARNT: usize = 130;
/// How many are streamed.
const STREAMED: usize = 16;

/// The images as sequences of rows.
fn images() -> &'static [[[f32; 8]; 8]] {
    recast(&IMAGES.x)
}

impl Program for Rows {
    const NAME: &'static str = "gru";
    type Net = Net;
    const NET: Net = Net::new();
    type Trainer = NetTrainer;
    const TRAINER: NetTrainer = NetTrainer::new();

    fn run(level: Level, net: &mut Net, trainer: &mut NetTrainer, spoil: impl FnOnce(&mut [f32])) -> u64 {
        net.init(Seed(2014));
        spoil(net.params_mut().as_flat_mut());
        let fit = Fit { epochs: 1, shuffle: Some(Seed(8)), level, ..Fit::new(SGD) };
        let mut hash = Fingerprint::default();
        let (Some(x), Some(t)) = (images().get(..LEARNT), IMAGES.t.get(..LEARNT)) else {
            return 0;
        };
        if trainer.fit(net, x, t, &fit, &mut ()).is_ok() {
            hash.add(net.weights());
            // One stream: the state goes on from one image to the next.
            let mut memory = Net::memory();
            for image in x.iter().take(STREAMED) {
                for row in image {
                    hash.add(&net.step_on(level, &mut memory, row));
                }
                hash.add(&net.predict_on(level, image));
            }
            hash.add(memory.as_flat());
        }
        hash.end()
    }

    fn infer(net: &Net) -> bool {
        let mut memory = Net::memory();
        images().first().and_then(|image| image.first()).is_some_and(|row| net.step(&mut memory, row)[0] < 1.0)
    }

    fn step(net: &mut Net, trainer: &mut NetTrainer) -> bool {
        let (Some(x), Some(t)) = (images().first_chunk::<4>(), IMAGES.t.first_chunk::<4>()) else {
            return false;
        };
        trainer.step(net, &SGD, x, t).is_ok()
    }
}
