//! XOR by 2-8-1.

use crate::{Fingerprint, Program};
use rosenblatt::{kernels::F32Array, optimizer::Optimizer, prelude::*};

/// The network of the example `xor`.
pub type Net = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;
/// Its trainer.
pub type NetTrainer<O> = Trainer<Net, BinaryCrossEntropy, O, 4>;

/// Trains as the example `xor` does, and hashes weights and predictions. Inlined as in a user's
/// `main`, so that code for unused options is not linked.
#[inline(always)]
fn train<O: Optimizer>(
    fit: &Fit<O>,
    net: &mut Net,
    trainer: &mut NetTrainer<O>,
    spoil: impl FnOnce(&mut [f32]),
) -> u64 {
    net.initialize(Seed(1957));
    spoil(net.params_mut().as_flat_mut());
    let mut hash = Fingerprint::default();
    if trainer.fit(net, &gates::XOR, fit).is_ok() {
        hash.add(net.weights());
        for x in &gates::XOR.x {
            // Uses the trainer's memory. No hidden row is on the stack.
            hash.add(&trainer.predict(net, x));
        }
    }
    hash.end()
}

/// The example's training: 500 epochs of Adam.
pub struct Xor;
const ADAM: Adam = Adam::with_lr(0.01);

impl Program for Xor {
    const NAME: &'static str = "xor";
    type Net = Net;
    const NET: Net = Net::ZERO;
    type Trainer = NetTrainer<Adam>;
    const TRAINER: Self::Trainer = NetTrainer::ZERO;

    fn run(
        backend: Backend,
        net: &mut Net,
        trainer: &mut Self::Trainer,
        spoil: impl FnOnce(&mut [f32]),
    ) -> u64 {
        train(&Fit { epochs: 500, backend: Some(backend), ..Fit::new(ADAM) }, net, trainer, spoil)
    }

    fn infer(net: &Net) -> bool {
        net.predict(&gates::XOR.x[1])[0] > 0.5
    }

    fn step(net: &mut Net, trainer: &mut Self::Trainer) -> bool {
        trainer.step(net, &gates::XOR, &ADAM).is_ok()
    }
}

/// The same with gradient descent.
pub struct XorSgd;
const SGD: Sgd = Sgd::with_lr(1.0);

impl Program for XorSgd {
    const NAME: &'static str = "xor-sgd";
    type Net = Net;
    const NET: Net = Net::ZERO;
    type Trainer = NetTrainer<Sgd>;
    const TRAINER: Self::Trainer = NetTrainer::ZERO;

    fn run(
        backend: Backend,
        net: &mut Net,
        trainer: &mut Self::Trainer,
        spoil: impl FnOnce(&mut [f32]),
    ) -> u64 {
        train(&Fit { epochs: 500, backend: Some(backend), ..Fit::new(SGD) }, net, trainer, spoil)
    }

    fn infer(net: &Net) -> bool {
        net.predict(&gates::XOR.x[1])[0] > 0.5
    }

    fn step(net: &mut Net, trainer: &mut Self::Trainer) -> bool {
        trainer.step(net, &gates::XOR, &SGD).is_ok()
    }
}
