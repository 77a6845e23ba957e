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
//! [`loss`], [`optimizer`], [`init`], [`metrics`], [`history`], [`data`], [`gates`]. Where it began: [`perceptron`], [`neuron`]. The arithmetic is in the crate `rosenblatt-kernels`.
#![no_std]
#![forbid(unsafe_code)]

pub mod activation;
pub mod data;
pub mod error;
pub mod gates;
pub mod history;
pub mod init;
pub mod layer;
pub mod loss;
pub mod metrics;
pub mod network;
pub mod neuron;
pub mod optimizer;
pub mod perceptron;
pub mod rng;
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
        history::{Epoch, History, Observer},
        init::{Constant, GlorotNormal, GlorotUniform, HeNormal, HeUniform, LecunNormal, LecunUniform, Uniform},
        kernels::Level,
        layer::Dense,
        loss::{BinaryCrossEntropy, CategoricalCrossEntropy, MeanSquaredError, SparseCategoricalCrossEntropy, Summed},
        metrics::{Confusion, Evaluation},
        network::Mlp,
        neuron::Neuron,
        optimizer::{Adam, Sgd},
        perceptron::{Perceptron, Separated},
        rng::Seed,
        train::{Batch, Fit, Trainer},
    };
}

/// The README's programs, compiled and run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
