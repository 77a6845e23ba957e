//! The exact functions.

use std::cmp::Ordering;
use std::f64::consts::PI;

use dashu_float::{FBig, round::mode::HalfEven};
use rosenblatt_kernels::{Backend, activation};

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
    CosPi,
}

impl Function {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Exp, Self::Ln, Self::Tanh, Self::Sigmoid, Self::CosPi];

    pub fn name(self) -> &'static str {
        match self {
            Self::Exp => "exp",
            Self::Ln => "ln",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
            Self::CosPi => "cos_pi",
        }
    }

    /// The stated bound on the error, in ULP.
    pub fn bound(self) -> f64 {
        match self {
            Self::Exp | Self::Ln => 1.0,
            Self::Tanh | Self::Sigmoid | Self::CosPi => 2.0,
        }
    }

    /// The kernel under test, in place.
    pub fn kernel(self, backend: Backend, x: &mut [f32]) {
        match self {
            Self::Exp => activation::exp(backend, x),
            Self::Ln => activation::ln(backend, x),
            Self::Tanh => activation::tanh(backend, x),
            Self::Sigmoid => activation::sigmoid(backend, x),
            Self::CosPi => activation::cos_pi(backend, x),
        }
    }

    /// The value to about the precision of f64.
    pub fn exact(self, x: f32) -> f64 {
        let x = f64::from(x);
        match self {
            Self::Exp => x.exp(),
            Self::Ln => x.ln(),
            Self::Tanh => x.tanh(),
            // For large −x the sum is 1 in f64, and this form still has all its digits.
            Self::Sigmoid if x < 0.0 => x.exp() / (1.0 + x.exp()),
            Self::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Self::CosPi => match turns(x) {
                Turns::Cosine(u) => (PI * u).cos(),
                Turns::Sine(u) => (PI * u).sin(),
                Turns::MinusCosine(u) => -(PI * u).cos(),
            },
        }
    }

    /// Compares the value with a number, in arithmetic of `PRECISION` bits.
    pub fn compare(self, input: f32, number: f64) -> Ordering {
        let x = Big::try_from(f64::from(input)).expect("finite").with_precision(PRECISION).value();
        let one = Big::ONE.with_precision(PRECISION).value();
        let value = match self {
            Self::Exp => x.exp(),
            Self::Ln => x.ln(),
            // (e²ˣ − 1) / (e²ˣ + 1). `PRECISION` allows for the digits that are lost near zero.
            Self::Tanh => {
                let power = (x * Big::from(2)).exp_m1();
                &power / (&power + Big::from(2))
            }
            Self::Sigmoid => &one / (&one + (-x).exp()),
            Self::CosPi => match turns(input.into()) {
                Turns::Cosine(u) => series(u, 0),
                Turns::Sine(u) => series(u, 1),
                Turns::MinusCosine(u) => -series(u, 0),
            },
        };
        value.cmp(&Big::try_from(number).expect("finite"))
    }
}

/// cos πx as a function of a number from 0 to ¼, which f64 holds exactly.
enum Turns {
    Cosine(f64),
    Sine(f64),
    MinusCosine(f64),
}

fn turns(x: f64) -> Turns {
    let u = (x - 2.0 * (0.5 * x).round_ties_even()).abs();
    match u {
        u if u <= 0.25 => Turns::Cosine(u),
        u if u < 0.75 => Turns::Sine(0.5 - u),
        u => Turns::MinusCosine(1.0 - u),
    }
}

/// cos πu, or sin πu if `first` is 1, by Taylor's series. Each term is the one before times −(πu)²
/// / (k·(k − 1)).
fn series(u: f64, first: u32) -> Big {
    let x = pi() * Big::try_from(u).expect("finite").with_precision(PRECISION).value();
    let square = &x * &x;
    let mut term = if first == 1 { x } else { Big::ONE.with_precision(PRECISION).value() };
    let mut sum = term.clone();
    for k in (first + 2..150).step_by(2) {
        term = -(term * &square) / Big::from(k * (k - 1));
        sum += &term;
    }
    sum
}

/// π = 16·arctan(1/5) − 4·arctan(1/239) (Machin, 1706).
fn pi() -> Big {
    let arctan = |n: u32| {
        let mut power = Big::ONE.with_precision(PRECISION).value() / Big::from(n);
        let mut sum = power.clone();
        for k in (3..170u32).step_by(2) {
            power = -power / Big::from(n * n);
            sum += &power / Big::from(k);
        }
        sum
    };
    arctan(5) * Big::from(16) - arctan(239) * Big::from(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_is_the_cosine() {
        assert!((pi().to_f64().value() - PI).abs() < 1e-15);
        for i in -40..40 {
            let x = i as f32 / 16.0;
            let exact = Function::CosPi.exact(x);
            assert!((exact - (PI * f64::from(x)).cos()).abs() < 1e-15);
            assert_eq!(Function::CosPi.compare(x, exact - 1e-15), Ordering::Greater);
            assert_eq!(Function::CosPi.compare(x, exact + 1e-15), Ordering::Less);
        }
        assert_eq!(Function::CosPi.compare(1.0 / 3.0, 0.5), Ordering::Less);
    }
}
