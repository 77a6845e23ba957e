//! Logic gates as data: the lecture's first examples.
//!
//! A `Perceptron` learns [`OR`], [`AND`] and [`NAND`], because a line separates their answers. XOR
//! takes two layers. It is OR and NAND together: two hidden units compute OR and NAND, and one unit
//! combines them by AND. The lecture's network does this with weights set by hand:
//!
//! ```
//! use rosenblatt::prelude::*;
//! let mut net = Mlp::<(Dense<2, 2, Sigmoid>, Dense<2, 1, Sigmoid>)>::ZERO;
//! // h₁ = σ(20x₁ + 20x₂ − 10) is OR, h₂ = σ(−20x₁ − 20x₂ + 30) is NAND.
//! // y = σ(20h₁ + 20h₂ − 30) is their AND.
//! net.set_weights(&[20.0, -20.0, 20.0, -20.0, -10.0, 30.0, 20.0, 20.0, -30.0])?;
//! for (x, [t]) in gates::XOR.x.iter().zip(gates::XOR.t) {
//!     assert!((net.predict(x)[0] - t).abs() < 1e-4);
//! }
//! # Ok::<(), rosenblatt::Error>(())
//! ```

/// The inputs and answers of a gate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gate {
    /// The four inputs
    pub x: [[f32; 2]; 4],
    /// The answers, 0 or 1
    pub t: [[f32; 1]; 4],
}

const fn gate(t: [f32; 4]) -> Gate {
    Gate {
        x: [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]],
        t: [[t[0]], [t[1]], [t[2]], [t[3]]],
    }
}

/// True if either input is true.
pub const OR: Gate = gate([0.0, 1.0, 1.0, 1.0]);
/// True if both inputs are true.
pub const AND: Gate = gate([0.0, 0.0, 0.0, 1.0]);
/// False if both inputs are true.
pub const NAND: Gate = gate([1.0, 1.0, 1.0, 0.0]);
/// True if the inputs differ: no single unit can learn it (Minsky and Papert, 1969).
pub const XOR: Gate = gate([0.0, 1.0, 1.0, 0.0]);
