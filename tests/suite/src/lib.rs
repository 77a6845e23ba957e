//! The judges of the kernels. They run wherever the kernels do: on a host, under wasm, on a
//! microcontroller.
#![no_std]
#![forbid(unsafe_code)]

pub mod identity;
pub mod naive;
