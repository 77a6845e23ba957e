//! The tests of the networks' library, as one program: each network is compiled once for all of them.
//!
//! `golden.rs` is a program of its own, because it also runs on targets for which the rest is not built.

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
