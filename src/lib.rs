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
//! [`observer`], [`dataset`], [`gates`]. The crate `rosenblatt-kernels` has the
//! arithmetic. The crate `rosenblatt-lecture` follows the lecture chapter by chapter.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;

pub mod activation;
pub mod dataset;
pub mod error;
pub mod init;
pub mod layer;
pub mod loss;
pub mod metrics;
pub mod observer;
pub mod optimizer;
pub mod rng;
pub mod schedule;
pub mod sequential;
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
pub mod prelude {
    pub use crate::{
        activation::{LeakyRelu, Linear, Relu, Sigmoid, Softmax, Step, Tanh},
        dataset::{Dataset, gates},
        init::{
            Constant, GlorotNormal, GlorotUniform, HeNormal, HeUniform, LecunNormal, LecunUniform,
            Orthogonal, Uniform,
        },
        kernels::Backend,
        layer::{
            Activate, All, AvgPool1d, AvgPool2d, BatchNorm, Conv1d, Conv2d, Dense, DenseL1,
            DenseL2, Dropout, Flatten, GlobalAvgPool1d, GlobalAvgPool2d, Gru, L1, L1L2, L2, Last,
            LayerNorm, Lstm, Map, MaxPool1d, MaxPool2d, Regularized, Reshape, Rnn, Same, Signal,
            Valid,
        },
        loss::{
            BinaryCrossEntropy, CategoricalCrossEntropy, MeanSquaredError,
            SparseCategoricalCrossEntropy, SumOverOutputs,
        },
        metrics::{ConfusionMatrix, Evaluation},
        observer::{
            CsvLog, EarlyStopping, EpochReport, History, Monitor, Observer, OnEpoch,
            ReduceOnPlateau, RestoreBest, StopOnNan, Validation,
        },
        optimizer::{AdaGrad, Adam, AdamW, ClipNorm, ClipValue, Momentum, Nesterov, RmsProp, Sgd},
        rng::Seed,
        schedule::{
            ConstantRate, CosineDecay, ExponentialDecay, InverseTimeDecay, PiecewiseConstant,
            Scheduled, StepDecay, WarmUp,
        },
        sequential::{Mlp, Sequential},
        train::{Batch, Fit, Trainer},
    };
}

/// The README's programs, compiled and run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
