#![doc = include_str!("lecture.md")]
#![no_std]
#![forbid(unsafe_code)]

pub mod error;
pub mod graph;
pub mod neuron;
pub mod perceptron;

pub use error::{Error, Result};
pub use graph::Graph;
pub use neuron::Neuron;
pub use perceptron::{Perceptron, Separated};
