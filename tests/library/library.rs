//! The tests of the networks' library, as one program, so that each network is compiled once for
//! all of them.
//!
//! It is compiled at opt-level 1, which saves a third of the time. The bits are the same at every
//! opt-level. `tests/golden` checks them in a release build.

mod support;

mod approx;
mod average;
mod behaviour;
mod checkpoint;
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
mod pytorch;
mod receipt;
mod recurrent;
mod saved;
mod store;
mod truth;
