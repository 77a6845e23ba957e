//! Small neural networks that train and run in fixed memory: `no_std`, no allocator,
//! hand-vectorized kernels, **the same bits on every CPU**.
//!
//! A network is a type. Its weights, the trainer's gradient, optimizer state and activations are
//! plain arrays whose size is a constant.
//!
//! ```
//! use rosenblatt::prelude::*;
//!
//! type Xor = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;
//!
//! let mut net = Xor::init(Seed(1957));
//! let mut trainer = Trainer::<Xor, BinaryCrossEntropy, Adam, 4>::ZERO;
//! let fit = Fit::new(Adam::with_lr(0.01)).epochs(500);
//! trainer.fit(&mut net, &gates::XOR, &fit)?;
//!
//! assert!(net.predict(&[0.0, 1.0])[0] > 0.9);
//! assert!(net.predict(&[1.0, 1.0])[0] < 0.1);
//! # Ok::<(), rosenblatt::Error>(())
//! ```
//!
//! Reading order: [`layer`] (what a layer is) → [`sequential`] (layers composed) → [`train`] (one
//! training step, and `fit`) → [`loss`], [`optimizer`], [`schedule`], [`init`], [`metrics`],
//! [`observer`], [`dataset`], [`gates`]; [`saved`], [`store`], [`receipt`]. The crate
//! `rosenblatt-kernels` has the arithmetic. The crate `rosenblatt-lecture` follows the lecture
//! chapter by chapter.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;

pub mod activation;
pub mod average;
pub mod dataset;
pub mod error;
pub mod init;
pub mod layer;
pub mod loss;
pub mod metrics;
pub mod observer;
pub mod optimizer;
pub mod receipt;
pub mod rng;
pub mod saved;
pub mod schedule;
pub mod sequential;
pub mod store;
pub mod stream;
pub mod summary;
pub mod train;

pub use dataset::{Dataset, gates};
pub use error::{Error, Result};
pub use rng::{Rng, Seed};
pub use rosenblatt_kernels as kernels;
pub use rosenblatt_kernels::Backend;
pub use sequential::{Mlp, Sequential, hash};
pub use train::Trainer;

/// The names that most programs use: `use rosenblatt::prelude::*;`
///
/// Short words that a program may use for things of its own stay in their modules:
/// [`activation::Step`], the shapes and paddings of [`layer`] (`Map`, `Signal`, `Same`, `Valid`,
/// `All`, `Last`), its penalties (`L1`, `L2`), [`init`], [`schedule`] and [`train::Batch`].
pub mod prelude {
    pub use crate::{
        activation::{LeakyRelu, Linear, Relu, Sigmoid, Softmax, Tanh},
        dataset::{Dataset, gates},
        kernels::Backend,
        layer::{
            AvgPool2d, BatchNorm, Conv1d, Conv2d, Dense, Dropout, Flatten, GlobalAvgPool2d, Gru,
            LayerNorm, Lstm, MaxPool1d, MaxPool2d, Rnn, epsilon, momentum, rate,
        },
        loss::{
            BinaryCrossEntropy, CategoricalCrossEntropy, MeanSquaredError,
            SparseCategoricalCrossEntropy,
        },
        observer::{
            CsvLog, EarlyStopping, EpochReport, History, Observer, OnEpoch, ReduceOnPlateau,
            RestoreBest, Validation,
        },
        optimizer::{AdaGrad, Adam, AdamW, Momentum, Nesterov, RmsProp, Sgd},
        rng::Seed,
        sequential::{Mlp, Sequential},
        train::{Fit, Trainer},
    };
}

/// The README's programs, compiled and run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
