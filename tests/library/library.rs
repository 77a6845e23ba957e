//! The tests of the networks' library, as one program: each network is compiled once for all of them.
//!
//! It is compiled at opt-level 1, which is faster by a third: the bits are the same at every level. `tests/golden` holds a user's build to them.

mod support;

mod approx;
mod behaviour;
mod convolution;
mod data;
mod defmt;
mod gradients;
mod graph;
mod identity;
mod keras;
mod layers;
mod observers;
mod perceptron;
mod properties;
mod recurrent;
mod truth;
