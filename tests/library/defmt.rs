//! Which types defmt can format. Nothing is logged here, because logging needs a logger and a
//! linker script, which firmware has.
#![cfg(feature = "defmt")]

use rosenblatt::{
    Error,
    dataset::Standardize,
    error::Quantity,
    kernels::{BackendError, optimizer::AdamStep},
    layer::Description,
    metrics::{ConfusionMatrix, Evaluation},
    observer::StopOnNan,
    optimizer::{ClipNorm, ClipValue},
    prelude::*,
    schedule::{
        ConstantRate, CosineDecay, ExponentialDecay, InverseTimeDecay, PiecewiseConstant,
        Scheduled, StepDecay, WarmUp,
    },
    train::Batch,
};
use rosenblatt_lecture::{Perceptron, Separated, graph::Operation};

fn is_format<T: defmt::Format>() {}

#[test]
fn errors_reports_and_hyper_parameters_can_be_logged() {
    is_format::<Error>();
    is_format::<rosenblatt::Result<EpochReport>>();
    is_format::<Quantity>();
    is_format::<Operation>();
    is_format::<Backend>();
    is_format::<BackendError>();
    is_format::<EpochReport>();
    is_format::<History<1>>();
    is_format::<History<500>>();
    is_format::<Evaluation>();
    is_format::<ConfusionMatrix<2>>();
    is_format::<ConfusionMatrix<10>>();
    is_format::<Description>();
    is_format::<Perceptron<2>>();
    is_format::<Separated>();
    is_format::<Standardize<30>>();
    is_format::<rosenblatt::receipt::Error>();
    is_format::<rosenblatt::receipt::Verdict>();
    is_format::<Seed>();
    is_format::<Batch>();
    is_format::<Sgd>();
    is_format::<Adam>();
    is_format::<AdamStep>();
    is_format::<AdamW>();
    is_format::<Momentum>();
    is_format::<Nesterov>();
    is_format::<AdaGrad>();
    is_format::<RmsProp>();
    is_format::<ClipValue<Adam>>();
    is_format::<ClipNorm<Scheduled<Sgd, WarmUp<CosineDecay>>>>();
    is_format::<ConstantRate>();
    is_format::<InverseTimeDecay>();
    is_format::<ExponentialDecay>();
    is_format::<StepDecay>();
    is_format::<PiecewiseConstant<2>>();
    is_format::<EarlyStopping>();
    is_format::<ReduceOnPlateau>();
    is_format::<StopOnNan>();
    is_format::<Fit<Sgd>>();
    is_format::<Fit<Adam>>();
}
