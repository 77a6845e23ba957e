//! What can be logged by defmt. (Nothing is logged here: that takes a logger and a linker script, which firmware has.)
#![cfg(feature = "defmt")]

use rosenblatt::{
    Error,
    data::Standardize,
    error::Quantity,
    graph::Operation,
    kernels::{LevelError, optimizer::AdamStep},
    layer::Description,
    prelude::*,
};

fn is_format<T: defmt::Format>() {}

#[test]
fn errors_reports_and_hyper_parameters_can_be_logged() {
    is_format::<Error>();
    is_format::<rosenblatt::Result<Epoch>>();
    is_format::<Quantity>();
    is_format::<Operation>();
    is_format::<Level>();
    is_format::<LevelError>();
    is_format::<Epoch>();
    is_format::<History<1>>();
    is_format::<History<500>>();
    is_format::<Evaluation>();
    is_format::<Confusion<2>>();
    is_format::<Confusion<10>>();
    is_format::<Description>();
    is_format::<Perceptron<2>>();
    is_format::<Separated>();
    is_format::<Standardize<30>>();
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
