//! Logic gates as data: the lecture's first problems.

/// All inputs of a gate and its answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gate {
    /// The four inputs
    pub x: [[f32; 2]; 4],
    /// The answers, 0 or 1
    pub t: [[f32; 1]; 4],
}

const fn gate(t: [f32; 4]) -> Gate {
    Gate { x: [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], t: [[t[0]], [t[1]], [t[2]], [t[3]]] }
}

/// True if either input is.
pub const OR: Gate = gate([0.0, 1.0, 1.0, 1.0]);
/// True if both inputs are.
pub const AND: Gate = gate([0.0, 0.0, 0.0, 1.0]);
/// False if both inputs are true.
pub const NAND: Gate = gate([1.0, 1.0, 1.0, 0.0]);
/// True if the inputs differ: no single unit can learn it (Minsky and Papert, 1969).
pub const XOR: Gate = gate([0.0, 1.0, 1.0, 0.0]);
