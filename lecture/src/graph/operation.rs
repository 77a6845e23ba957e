//! The operation of a node, and its part of the chain rule.

use super::number::Trimmed;
use core::fmt;
use rosenblatt_kernels::{
    Simd,
    activation::{Exp, Ln, Map, Relu, Sigmoid, Step, Tanh},
    arch::scalar::Scalar,
};

/// The operation of a node: its value y from its inputs a and b, and the terms that it adds to
/// their gradients, from the gradient d = ∂out/∂y.
///
/// | operation | y | to a's gradient | to b's gradient |
/// |---|---|---|---|
/// | `Add` | a + b | d | d |
/// | `Subtract` | a − b | d | −d |
/// | `Multiply` | a·b | d·b | d·a |
/// | `Divide` | a / b | d / b | −(d·y) / b |
/// | `Negate` | −a | −d | |
/// | `Powi(n)` | aⁿ: a·a·… from the left; for n < 0, 1 divided by that; for n = 0, 1 | d·(n·aⁿ⁻¹); +0 for n = 0 | |
/// | `Powf(c)` | exp(c·ln a): NaN below zero | d·(c·exp((c − 1)·ln a)) | |
/// | `Exp` | eᵃ | d·y | |
/// | `Ln` | ln a | d / a | |
/// | `Sigmoid` | 1 / (1 + e⁻ᵃ) | d·(y·(1 − y)) | |
/// | `Tanh` | tanh a | d·(1 − y·y) | |
/// | `Relu` | a if 0 < a, else +0; NaN stays | d if 0 < y, else +0 | |
/// | `Step` | 1 if 0 < a, else +0; NaN stays | +0: it has no slope | |
/// | `Max` | b if a < b, else a | +0 if a < b, else d | d if a < b, else +0 |
/// | `Min` | b if b < a, else a | +0 if b < a, else d | d if b < a, else +0 |
///
/// Each product, quotient and sum is rounded, in the order of the formula.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Operation {
    /// A leaf whose value can be set
    Input,
    /// A leaf that is learnt
    Parameter,
    /// A leaf whose value does not change
    Constant,
    /// a + b
    Add,
    /// a − b
    Subtract,
    /// a·b
    Multiply,
    /// a / b
    Divide,
    /// −a
    Negate,
    /// a to a whole power
    Powi(i32),
    /// a to any power
    Powf(f32),
    /// eᵃ
    Exp,
    /// The natural logarithm
    Ln,
    /// The logistic function
    Sigmoid,
    /// The hyperbolic tangent
    Tanh,
    /// a if it is positive, else 0
    Relu,
    /// 1 if a is positive, else 0
    Step,
    /// The greater one: b if a < b, else a. So a NaN a stays, and a NaN b is ignored
    Max,
    /// The smaller one: b if b < a, else a. So a NaN a stays, and a NaN b is ignored
    Min,
}

impl Operation {
    /// The number of inputs: 0, 1 or 2.
    #[must_use]
    pub const fn arity(self) -> usize {
        match self {
            Self::Input | Self::Parameter | Self::Constant => 0,
            Self::Add | Self::Subtract | Self::Multiply | Self::Divide | Self::Max | Self::Min => 2,
            _ => 1,
        }
    }

    /// Its name in tables and pictures.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Parameter => "parameter",
            Self::Constant => "constant",
            Self::Add => "add",
            Self::Subtract => "subtract",
            Self::Multiply => "multiply",
            Self::Divide => "divide",
            Self::Negate => "negate",
            Self::Powi(_) | Self::Powf(_) => "power",
            Self::Exp => "exp",
            Self::Ln => "ln",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Relu => "relu",
            Self::Step => "step",
            Self::Max => "max",
            Self::Min => "min",
        }
    }

    /// y from the inputs. A leaf has none.
    pub(super) fn value(self, a: f32, b: f32) -> f32 {
        let s = Scalar;
        match self {
            Self::Input | Self::Parameter | Self::Constant => f32::NAN,
            Self::Add => a + b,
            Self::Subtract => a - b,
            Self::Multiply => a * b,
            Self::Divide => a / b,
            Self::Negate => -a,
            Self::Powi(n) => powi(a, n),
            Self::Powf(c) => powf(a, c),
            Self::Exp => Exp::f(s, a),
            Self::Ln => Ln::f(s, a),
            Self::Sigmoid => Sigmoid::f(s, a),
            Self::Tanh => Tanh::f(s, a),
            Self::Relu => Relu::f(s, a),
            Self::Step => Step::f(s, a),
            Self::Max => s.max(a, b),
            Self::Min => s.min(a, b),
        }
    }

    /// The terms that it adds to the gradients of its inputs, from its own gradient `d`.
    pub(super) fn gradients(self, a: f32, b: f32, y: f32, d: f32) -> [f32; 2] {
        // Written out, without the kernels, so that a graph's gradient is an independent check of a
        // network's.
        match self {
            Self::Input | Self::Parameter | Self::Constant => [0.0; 2],
            Self::Add => [d, d],
            Self::Subtract => [d, -d],
            Self::Multiply => [d * b, d * a],
            Self::Divide => [d / b, -(d * y) / b],
            Self::Negate => [-d, 0.0],
            // Not 0·a⁻¹, which is NaN at zero.
            Self::Powi(0) => [0.0; 2],
            Self::Powi(n) => [d * (n as f32 * powi(a, n.saturating_sub(1))), 0.0],
            Self::Powf(c) => [d * (c * powf(a, c - 1.0)), 0.0],
            Self::Exp => [d * y, 0.0],
            Self::Ln => [d / a, 0.0],
            Self::Sigmoid => [d * (y * (1.0 - y)), 0.0],
            Self::Tanh => [d * (1.0 - y * y), 0.0],
            Self::Relu => [if 0.0 < y { d } else { 0.0 }, 0.0],
            Self::Step => [0.0; 2],
            Self::Max => {
                if a < b {
                    [0.0, d]
                } else {
                    [d, 0.0]
                }
            }
            Self::Min => {
                if b < a {
                    [0.0, d]
                } else {
                    [d, 0.0]
                }
            }
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Powi(n) => write!(f, "power {n}"),
            Self::Powf(c) => write!(f, "power {}", Trimmed(*c)),
            _ => f.write_str(self.name()),
        }
    }
}

/// xⁿ: |n| − 1 multiplications by x, from the left; fewer if further ones would change nothing.
fn powi(x: f32, n: i32) -> f32 {
    if n == 0 {
        return 1.0;
    }
    let mut p = x;
    for _ in 1..n.unsigned_abs() {
        let next = p * x;
        if next.to_bits() == p.to_bits() {
            break;
        }
        p = next;
    }
    if n < 0 { 1.0 / p } else { p }
}

/// exp(c·ln x).
fn powf(x: f32, c: f32) -> f32 {
    Exp::f(Scalar, c * Ln::f(Scalar, x))
}
