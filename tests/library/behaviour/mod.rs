//! The API's promises, one test each.

use crate::support;

mod errors;
mod networks;
mod numbers;
mod optimizers;
mod training;

use rosenblatt::{Backend, layer::Dense, prelude::*};
use std::ops::ControlFlow;

/// Two inputs, eight hidden units, one output. It can learn XOR.
type Xor = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;
type XorTrainer = Trainer<Xor, BinaryCrossEntropy, Adam, 4>;
/// Ten classes from three inputs.
type Ten = Mlp<(Dense<3, 4, Tanh>, Dense<4, 10, Softmax>)>;
/// A linear unit.
type Line = Mlp<(Dense<2, 1>,)>;
/// An observer behind a reference, because each type of observer compiles another `fit`.
type Listener<'a> = OnEpoch<&'a mut dyn FnMut(&EpochReport) -> ControlFlow<()>>;

#[test]
fn a_missing_backend_fails_only_where_required() {
    let only_scalar = |name: &str| (name == "scalar").then_some(Backend::baseline());
    assert_eq!(support::pick("", only_scalar), [Backend::baseline()]);
    assert_eq!(support::pick("scalar, ", only_scalar), [Backend::baseline()]);
    assert!(std::panic::catch_unwind(|| support::pick("scalar,avx512", only_scalar)).is_err());
    assert!(std::panic::catch_unwind(|| support::pick("sse9", only_scalar)).is_err());
}
