//! Handwritten digits as signals of eight channels, through convolution, pooling and the other
//! recurrent layers in one network.

use crate::{Fingerprint, Program, data::IMAGES};
use rosenblatt::{
    kernels::{F32Array, array::reshape_rows},
    layer::{All, AvgPool1d, GlobalAvgPool1d, Same, Signal},
    prelude::*,
};

/// The network.
pub type Net = Mlp<(
    Conv1d<Signal<8, 8>, Signal<8, 4>, 3, Tanh, Same>,
    AvgPool1d<Signal<8, 4>, Signal<4, 4>, 2>,
    Lstm<4, 4, 4, All>,
    Rnn<4, 4, 4, Tanh, All>,
    GlobalAvgPool1d<Signal<4, 4>>,
    Dense<4, 10, Softmax>,
)>;
/// Its trainer: mini-batches of 4.
pub type NetTrainer = Trainer<Net, SparseCategoricalCrossEntropy, Sgd, 4>;

/// One shuffled epoch over the first digits, whose last mini-batch has 2 samples.
pub struct Sequence;
const SGD: Sgd = Sgd::with_lr(0.1);
/// Number of digits to train on.
const LEARNT: usize = 130;
/// Number of digits to predict.
const READ: usize = 16;

/// The images as signals of eight steps.
fn signals() -> &'static [Signal<8, 8>] {
    reshape_rows(&IMAGES.x)
}

impl Program for Sequence {
    const NAME: &'static str = "sequence";
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
        net.initialize(Seed(1997));
        spoil(net.params_mut().as_flat_mut());
        let fit =
            Fit { epochs: 1, shuffle: Some(Seed(9)), backend: Some(backend), ..Fit::new(SGD) };
        let mut hash = Fingerprint::default();
        let (Some(x), Some(t)) =
            (signals().first_chunk::<LEARNT>(), IMAGES.t.first_chunk::<LEARNT>())
        else {
            return 0;
        };
        if let Ok(report) = trainer.fit(net, (x, t), &fit) {
            hash.add(&[report.loss]);
            hash.add(net.weights());
            for signal in x.iter().take(READ) {
                hash.add(&net.on(backend).predict(signal));
            }
        }
        hash.end()
    }

    fn infer(net: &Net) -> bool {
        signals().first().is_some_and(|signal| net.predict(signal)[0] < 1.0)
    }

    fn step(net: &mut Net, trainer: &mut NetTrainer) -> bool {
        let (Some(x), Some(t)) = (signals().first_chunk::<4>(), IMAGES.t.first_chunk::<4>()) else {
            return false;
        };
        trainer.step(net, (x, t), &SGD).is_ok()
    }
}
