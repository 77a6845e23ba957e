//! The functions as they should be.

use std::cmp::Ordering;

use dashu_float::{FBig, round::mode::HalfEven};
use rosenblatt_kernels::{Level, activation};

/// Bits of the arithmetic that decides close calls.
const PRECISION: usize = 320;

type Big = FBig<HalfEven, 2>;

/// One of the functions under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    Exp,
    Ln,
    Tanh,
    Sigmoid,
}

impl Function {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Exp, Self::Ln, Self::Tanh, Self::Sigmoid];

    pub fn name(self) -> &'static str {
        match self {
            Self::Exp => "exp",
            Self::Ln => "ln",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
        }
    }

    /// The stated bound on the error, in ULP.
    pub fn bound(self) -> f64 {
        match self {
            Self::Exp | Self::Ln => 1.0,
            Self::Tanh | Self::Sigmoid => 2.0,
        }
    }

    /// The kernel under test, in place.
    pub fn kernel(self, level: Level, x: &mut [f32]) {
        match self {
            Self::Exp => activation::exp(level, x),
            Self::Ln => activation::ln(level, x),
            Self::Tanh => activation::tanh(level, x),
            Self::Sigmoid => activation::sigmoid(level, x),
        }
    }

    /// The value to about the precision of f64.
    pub fn exact(self, x: f32) -> f64 {
        let x = f64::from(x);
        match self {
            Self::Exp => x.exp(),
            Self::Ln => x.ln(),
            Self::Tanh => x.tanh(),
            // For large −x the sum is 1 to f64's precision, and this form still has all its digits.
            Self::Sigmoid if x < 0.0 => x.exp() / (1.0 + x.exp()),
            Self::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        }
    }

    /// How the value compares to a number, by arithmetic of `PRECISION` bits.
    pub fn compare(self, x: f32, number: f64) -> Ordering {
        let x = Big::try_from(f64::from(x)).expect("finite").with_precision(PRECISION).value();
        let one = Big::ONE.with_precision(PRECISION).value();
        let value = match self {
            Self::Exp => x.exp(),
            Self::Ln => x.ln(),
            // (e²ˣ − 1) / (e²ˣ + 1), and the loss of digits near zero is why there are so many.
            Self::Tanh => {
                let power = (x * Big::from(2)).exp_m1();
                &power / (&power + Big::from(2))
            }
            Self::Sigmoid => &one / (&one + (-x).exp()),
        };
        value.cmp(&Big::try_from(number).expect("finite"))
    }
}
