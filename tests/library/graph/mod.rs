//! The computational graph: the lecture's examples by hand, each operation against f64, random
//! expressions against dual numbers, and the graph as an independent check of the networks'
//! gradients.

mod errors;
mod operations;
mod pictures;
mod print;
mod random;
mod witness;
