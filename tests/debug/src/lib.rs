//! Statics and the heap: training needs little stack, also for a large network and trainer and also
//! in a debug build.
//!
//! `cargo test -p rosenblatt-debug` runs it without optimization, where every temporary value has
//! its own place on the stack.

#![cfg(test)]
#![forbid(unsafe_code)]

use rosenblatt::{
    layer::{Activate, Map},
    prelude::*,
};
use std::{sync::Mutex, thread};

/// The whole stack of a thread.
const STACK: usize = 256 * 1024;

/// Runs on a thread with a small stack. An overflow ends the process and thus fails the test.
fn with_little_stack(run: impl FnOnce() + Send + 'static) {
    thread::Builder::new()
        .stack_size(STACK)
        .spawn(run)
        .expect("a thread")
        .join()
        .expect("a run to its end");
}

/// Trains for two shuffled epochs, evaluates and predicts.
macro_rules! train {
    ($net:ident, $trainer:ident, $rule:expr, $x:expr, $t:expr) => {
        with_little_stack(|| {
            let (net, trainer) =
                (&mut *$net.lock().expect("alone"), &mut *$trainer.lock().expect("alone"));
            net.initialize(Seed(1957));
            let fit = Fit { epochs: 2, shuffle: Some(Seed(1)), ..Fit::new($rule) };
            let last = trainer
                .fit(net, Dataset::new($x, $t).expect("as many targets"), &fit)
                .expect("good data");
            assert!(last.loss.is_finite());
            assert!(
                trainer
                    .evaluate(net, Dataset::new($x, $t).expect("as many targets"))
                    .expect("good data")
                    .loss
                    < 10.0
            );
            let alone = net.predict(&$x[0]);
            assert_eq!(trainer.predict(net, &$x[0]), alone);
            trainer.reset();
        });
    };
}

#[test]
fn a_large_static_network() {
    type Net = Mlp<(Dense<784, 256, Relu>, Dense<256, 10, Softmax>)>;
    type NetTrainer = Trainer<Net, SparseCategoricalCrossEntropy, Adam, 16>;
    const _: () = assert!(Net::BYTES + NetTrainer::BYTES > 3_300_000);
    static NET: Mutex<Net> = Mutex::new(Net::ZERO);
    static TRAINER: Mutex<NetTrainer> = Mutex::new(NetTrainer::ZERO);
    static X: [[f32; 784]; 20] = [[0.25; 784]; 20];
    train!(NET, TRAINER, Adam::DEFAULT, &X, &[3; 20]);
}

#[test]
fn a_static_convolutional_network() {
    type Net = Mlp<(
        Conv2d<Map<16, 16, 1>, Map<14, 14, 8>, 3, 3>,
        BatchNorm<Map<14, 14, 8>>,
        Activate<Map<14, 14, 8>, Relu>,
        MaxPool2d<Map<14, 14, 8>, Map<7, 7, 8>, 2, 2>,
        Flatten<Map<7, 7, 8>, 392>,
        Dropout<[f32; 392], { rate(0.25) }>,
        Dense<392, 10, Softmax>,
    )>;
    type NetTrainer = Trainer<Net, SparseCategoricalCrossEntropy, RmsProp, 16>;
    static NET: Mutex<Net> = Mutex::new(Net::ZERO);
    static TRAINER: Mutex<NetTrainer> = Mutex::new(NetTrainer::ZERO);
    static X: [Map<16, 16, 1>; 20] = [[[[0.5]; 16]; 16]; 20];
    train!(NET, TRAINER, RmsProp::DEFAULT, &X, &[3; 20]);
}

#[test]
fn a_static_recurrent_network() {
    type Net = Mlp<(Gru<8, 64, 32>, LayerNorm<[f32; 64]>, Dense<64, 4, Sigmoid>)>;
    type NetTrainer = Trainer<Net, BinaryCrossEntropy, Momentum, 16>;
    static NET: Mutex<Net> = Mutex::new(Net::ZERO);
    static TRAINER: Mutex<NetTrainer> = Mutex::new(NetTrainer::ZERO);
    static X: [[[f32; 8]; 32]; 20] = [[[0.5; 8]; 32]; 20];
    train!(NET, TRAINER, Momentum::DEFAULT, &X, &[[1.0, 0.0, 0.5, 0.0]; 20]);
}

/// 13.7 MB, more than the 8 MiB that a main thread's stack usually has.
#[test]
fn a_trainer_on_the_heap() {
    type Net = Mlp<(Dense<784, 1024, Relu>, Dense<1024, 10, Softmax>)>;
    type NetTrainer = Trainer<Net, SparseCategoricalCrossEntropy, Adam, 32>;
    const _: () = assert!(Net::BYTES + NetTrainer::BYTES > 12_900_000);
    with_little_stack(|| {
        let (mut net, mut trainer) = (Net::boxed(Seed(1957)), NetTrainer::boxed());
        let loss = trainer
            .step(
                &mut net,
                Dataset::new(&[[0.25; 784]], &[7]).expect("as many targets"),
                &Adam::DEFAULT,
            )
            .expect("good data");
        assert!(loss > 0.0 && net.predict(&[0.25; 784])[7] > 0.0);
    });
}
