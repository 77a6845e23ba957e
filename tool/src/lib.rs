//! The tool `rosenblatt`: reads models of Keras, PyTorch, ONNX and TensorFlow Lite and those of
//! Rosenblatt, converts one into another, and verifies what they predict.
//!
//! Every format is read into a [`model::Model`] and written from one.

pub mod build;
pub mod channels_first;
pub mod files;
pub mod flow;
pub mod fold;
pub mod golden;
#[cfg(feature = "cli")]
pub mod inspect;
pub mod keras;
pub mod model;
pub mod net;
pub mod onnx;
pub mod receipt;
pub mod run;
pub mod rust;
pub mod saved;
pub mod tensors;
pub mod tflite;
pub mod verify;
