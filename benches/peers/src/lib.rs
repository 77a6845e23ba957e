//! Rosenblatt beside its peers, in one run.
//!
//! [`workload`] lists what is timed, [`data`] has the numbers, [`reference`] computes in f64 what
//! each workload must give. A [`contender`] runs a workload: [`ours`], or a program in another
//! [`process`]. [`measure`] checks each contender and then times all of them in turn. [`report`]
//! prints the tables, with the core's [`limits`] and with figures [`recorded`] elsewhere.
//!
//! [`curve`] shows the same over the width and the batch of a network. [`cliff`] times this library
//! at many [`shape`]s, each beside one that fills the registers.

pub mod cliff;
pub mod contender;
pub mod curve;
pub mod data;
pub mod limits;
pub mod measure;
pub mod ours;
pub mod process;
pub mod recorded;
pub mod reference;
pub mod report;
#[cfg(any(feature = "contenders", feature = "widths"))]
pub mod rust;
pub mod shape;
pub mod workload;
