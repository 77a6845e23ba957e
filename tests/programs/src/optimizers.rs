//! XOR by 2-8-1 with each optimizer, with a schedule and with clipping.

use crate::{
    Fingerprint, Program,
    xor::{Net, NetTrainer},
};
use rosenblatt::{
    kernels::F32Array,
    optimizer::{ClipNorm, Optimizer},
    prelude::*,
    schedule::{CosineDecay, ExponentialDecay, Scheduled, WarmUp},
};

/// Adam whose learning rate rises, then falls along a cosine.
pub type Waved = Scheduled<Adam, WarmUp<CosineDecay>>;
/// Momentum with a falling learning rate, its gradient clipped.
pub type Clipped = ClipNorm<Scheduled<Momentum, ExponentialDecay>>;

const MOMENTUM: Momentum = Momentum::with_lr(0.5);
const WAVED: Waved = Scheduled {
    optimizer: Adam::DEFAULT,
    schedule: WarmUp {
        start: 0.001,
        steps: 10,
        then: CosineDecay { lr: 0.1, decay_steps: 80, alpha: 0.05 },
    },
};
const CLIPPED: Clipped = ClipNorm {
    optimizer: Scheduled {
        optimizer: Momentum::DEFAULT,
        schedule: ExponentialDecay { lr: 0.5, decay_steps: 30, decay_rate: 0.7, staircase: false },
    },
    limit: 0.125,
};

/// One trainer per optimizer.
pub struct Trainers {
    sgd: NetTrainer<Sgd>,
    momentum: NetTrainer<Momentum>,
    nesterov: NetTrainer<Nesterov>,
    adagrad: NetTrainer<AdaGrad>,
    rmsprop: NetTrainer<RmsProp>,
    adam: NetTrainer<Adam>,
    adamw: NetTrainer<AdamW>,
    waved: NetTrainer<Waved>,
    clipped: NetTrainer<Clipped>,
}

/// State that all trainings share.
struct Go<'a> {
    backend: Backend,
    start: Net,
    net: &'a mut Net,
    hash: Fingerprint,
}

/// A hundred steps with each optimizer, from the same weights.
pub struct Optimizers;

impl Program for Optimizers {
    const NAME: &'static str = "optimizers";
    type Net = Net;
    const NET: Net = Net::ZERO;
    type Trainer = Trainers;
    const TRAINER: Trainers = Trainers {
        sgd: NetTrainer::ZERO,
        momentum: NetTrainer::ZERO,
        nesterov: NetTrainer::ZERO,
        adagrad: NetTrainer::ZERO,
        rmsprop: NetTrainer::ZERO,
        adam: NetTrainer::ZERO,
        adamw: NetTrainer::ZERO,
        waved: NetTrainer::ZERO,
        clipped: NetTrainer::ZERO,
    };

    fn run(
        backend: Backend,
        net: &mut Net,
        trainers: &mut Trainers,
        spoil: impl FnOnce(&mut [f32]),
    ) -> u64 {
        fn learn<O: Optimizer>(go: &mut Go<'_>, rule: O, trainer: &mut NetTrainer<O>) {
            go.net.clone_from(&go.start);
            for _ in 0..100 {
                if trainer.on(go.backend).step(go.net, &gates::XOR, &rule).is_err() {
                    return;
                }
            }
            go.hash.add(go.net.weights());
        }
        net.initialize(Seed(1957));
        spoil(net.params_mut().as_flat_mut());
        let start = net.clone();
        let go = &mut Go { backend, start, net, hash: Fingerprint::default() };
        learn(go, Sgd::with_lr(1.0), &mut trainers.sgd);
        learn(go, MOMENTUM, &mut trainers.momentum);
        learn(go, Nesterov::with_lr(0.5), &mut trainers.nesterov);
        learn(go, AdaGrad::with_lr(0.5), &mut trainers.adagrad);
        learn(go, RmsProp::with_lr(0.05), &mut trainers.rmsprop);
        learn(go, Adam::with_lr(0.05), &mut trainers.adam);
        learn(go, AdamW::with_lr(0.05), &mut trainers.adamw);
        learn(go, WAVED, &mut trainers.waved);
        learn(go, CLIPPED, &mut trainers.clipped);
        go.hash.end()
    }

    fn infer(_: &Net) -> bool {
        false
    }

    fn step(net: &mut Net, trainers: &mut Trainers) -> bool {
        trainers.momentum.step(net, &gates::XOR, &MOMENTUM).is_ok()
    }
}
