//! Small neural networks that train and run in fixed memory: `no_std`, no allocator, hand-vectorized kernels, **the same bits on every CPU**.
//!
//! A network is a type. Its weights, the trainer's gradient, optimizer state and activations are plain arrays whose size is a constant.
//!
//! ```
//! use rosenblatt::prelude::*;
//!
//! type Xor = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;
//!
//! let mut net = Xor::new();
//! net.init(Seed(1957));
//! let mut trainer = Trainer::<Xor, Adam, BinaryCrossEntropy, 4>::new();
//! let fit = Fit { epochs: 500, ..Fit::new(Adam::with_lr(0.01)) };
//! trainer.fit(&mut net, &gates::XOR.x, &gates::XOR.t, &fit, &mut ())?;
//!
//! assert!(net.predict(&[0.0, 1.0])[0] > 0.9);
//! assert!(net.predict(&[1.0, 1.0])[0] < 0.1);
//! # Ok::<(), rosenblatt::Error>(())
//! ```
//!
//! The tour: [`layer`] (what a layer is) → [`network`] (layers composed) → [`train`] (one step, readable top to bottom, and `fit`) →
//! [`loss`], [`optimizer`], [`schedule`], [`init`], [`metrics`], [`observer`], [`history`], [`data`]. Where it began: [`gates`], [`perceptron`], [`neuron`];
//! the tests' witness: [`graph`]. [`lecture`] goes through all of it chapter by chapter. The arithmetic is in the crate `rosenblatt-kernels`.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;

pub mod activation;
pub mod data;
pub mod error;
pub mod gates;
pub mod graph;
pub mod history;
pub mod init;
pub mod layer;
pub mod lecture;
pub mod loss;
pub mod metrics;
pub mod network;
pub mod neuron;
pub mod observer;
pub mod optimizer;
pub mod perceptron;
pub mod rng;
pub mod schedule;
mod sum;
pub mod train;

pub use error::{Error, Result};
pub use network::{Mlp, hash};
pub use perceptron::Perceptron;
pub use rng::{Rng, Seed};
pub use rosenblatt_kernels as kernels;
pub use rosenblatt_kernels::Level;
pub use train::Trainer;

/// Everything a program names: `use rosenblatt::prelude::*;`
pub mod prelude {
    pub use crate::{
        activation::{LeakyRelu, Linear, Relu, Sigmoid, Softmax, Step, Tanh},
        gates,
        graph::Graph,
        history::History,
        init::{
            Constant, GlorotNormal, GlorotUniform, HeNormal, HeUniform, LecunNormal, LecunUniform, Orthogonal, Uniform,
        },
        kernels::Level,
        layer::{
            Activate, All, AvgPool1d, AvgPool2d, BatchNorm, Conv1d, Conv2d, Dense, DenseL1, DenseL2, Dropout, Flatten,
            GlobalAvgPool1d, GlobalAvgPool2d, Gru, L1, L1L2, L2, Last, LayerNorm, Lstm, Map, MaxPool1d, MaxPool2d,
            Regularized, Reshape, Rnn, Same, Signal, Valid,
        },
        loss::{BinaryCrossEntropy, CategoricalCrossEntropy, MeanSquaredError, SparseCategoricalCrossEntropy, Summed},
        metrics::{Confusion, Evaluation},
        network::Mlp,
        neuron::Neuron,
        observer::{
            CsvLog, EarlyStopping, Epoch, Monitor, Observer, ReduceOnPlateau, RestoreBest, StopOnNan, Validation, Watch,
        },
        optimizer::{AdaGrad, Adam, AdamW, ClipNorm, ClipValue, Momentum, Nesterov, RmsProp, Sgd},
        perceptron::{Perceptron, Separated},
        rng::Seed,
        schedule::{
            ConstantRate, CosineDecay, ExponentialDecay, InverseTimeDecay, PiecewiseConstant, Scheduled, StepDecay,
            WarmUp,
        },
        train::{Batch, Fit, Trainer},
    };
}

/// The README's programs, compiled and run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
