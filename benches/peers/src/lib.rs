//! Rosenblatt beside its peers, in one run.
//!
//! [`workload`] lists what is timed, [`data`] has the numbers, [`reference`] computes in f64 what
//! each workload must give. A [`contender`] runs a workload: [`ours`], or a program in another
//! [`process`]. [`measure`] checks each contender and then times all of them in turn. [`report`]
//! prints the tables, with the core's [`limits`] and with figures [`recorded`] elsewhere.

pub mod contender;
pub mod data;
pub mod limits;
pub mod measure;
pub mod ours;
pub mod process;
pub mod recorded;
pub mod reference;
pub mod report;
#[cfg(feature = "contenders")]
pub mod rust;
pub mod workload;
