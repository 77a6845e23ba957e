//! What the API promises, promise by promise.

use crate::support;

mod errors;
mod networks;
mod numbers;
mod optimizers;
mod training;

use rosenblatt::{Level, layer::Dense, prelude::*};
use std::ops::ControlFlow;

/// Two inputs, eight hidden units, one output: learns XOR.
type Xor = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;
type XorTrainer = Trainer<Xor, Adam, BinaryCrossEntropy, 4>;
/// Ten classes of three inputs.
type Ten = Mlp<(Dense<3, 4, Tanh>, Dense<4, 10, Softmax>)>;
/// A linear unit.
type Line = Mlp<(Dense<2, 1>,)>;
/// An observer behind a pointer: each type of observer compiles another `fit`.
type Listener<'a> = &'a mut dyn FnMut(&Epoch) -> ControlFlow<()>;

#[test]
fn a_missing_backend_fails_only_where_required() {
    let only_scalar = |name: &str| (name == "scalar").then_some(Level::baseline());
    assert_eq!(support::pick("", only_scalar), [Level::baseline()]);
    assert_eq!(support::pick("scalar, ", only_scalar), [Level::baseline()]);
    assert!(std::panic::catch_unwind(|| support::pick("scalar,avx512", only_scalar)).is_err());
    assert!(std::panic::catch_unwind(|| support::pick("sse9", only_scalar)).is_err());
}
