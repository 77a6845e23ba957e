//! Initial weights. Keras' names, formulas and truncation; biases start at zero.

use crate::rng::Rng;
use rosenblatt_kernels::{Simd, arch::scalar::Scalar, environment::standard};

/// How the weights of a layer start.
///
/// `fan_in` and `fan_out` are the numbers of inputs and outputs that one weight's unit is connected to.
pub trait Initializer {
    /// Fills `w` from `rng`, value after value.
    fn fill(&self, rng: &mut Rng, fan_in: usize, fan_out: usize, w: &mut [f32]);
}

/// Uniform between ±√(3·variance).
fn uniform(rng: &mut Rng, variance: f32, w: &mut [f32]) {
    let limit = Scalar.sqrt(3.0 * variance);
    between(rng, -limit, limit, w);
}

/// Uniform between two numbers.
fn between(rng: &mut Rng, min: f32, max: f32, w: &mut [f32]) {
    w.iter_mut().for_each(|w| *w = min + (max - min) * rng.uniform());
}

/// Normal with this variance, drawn again beyond two standard deviations, as Keras' variance scaling: the draws are
/// widened by 1/0.8796 to make up for what the cut takes away.
fn truncated_normal(rng: &mut Rng, variance: f32, w: &mut [f32]) {
    let deviation = Scalar.sqrt(variance) / 0.879_625_7;
    for w in w {
        let mut z = rng.normal();
        while !(-2.0..=2.0).contains(&z) {
            z = rng.normal();
        }
        *w = deviation * z;
    }
}

/// The initializers that scale a variance by the fans.
macro_rules! scaled {
    ($($(#[$doc:meta])* $name:ident = $draw:ident(|$i:ident, $o:ident| $variance:expr);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        pub struct $name;

        impl Initializer for $name {
            fn fill(&self, rng: &mut Rng, fan_in: usize, fan_out: usize, w: &mut [f32]) {
                standard(|| {
                    let ($i, $o) = (fan_in as f32, fan_out as f32);
                    let _ = ($i, $o);
                    $draw(rng, $variance, w);
                });
            }
        }
    )*};
}

scaled! {
    /// Uniform between ±√(6 / (fan_in + fan_out)); Keras' default. Glorot and Bengio, 2010.
    GlorotUniform = uniform(|i, o| 2.0 / (i + o));
    /// Truncated normal with variance 2 / (fan_in + fan_out). Glorot and Bengio, 2010.
    GlorotNormal = truncated_normal(|i, o| 2.0 / (i + o));
    /// Uniform between ±√(6 / fan_in), for ReLU. He and others, 2015.
    HeUniform = uniform(|i, o| 2.0 / i);
    /// Truncated normal with variance 2 / fan_in, for ReLU. He and others, 2015.
    HeNormal = truncated_normal(|i, o| 2.0 / i);
    /// Uniform between ±√(3 / fan_in). LeCun and others, 1998.
    LecunUniform = uniform(|i, o| 1.0 / i);
    /// Truncated normal with variance 1 / fan_in. LeCun and others, 1998.
    LecunNormal = truncated_normal(|i, o| 1.0 / i);
}

/// Uniform from `min` to `max`: min + (max − min)·u, u in [0, 1), rounded; the difference of the bounds must be finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Uniform {
    /// The least value
    pub min: f32,
    /// The bound above all values
    pub max: f32,
}

impl Default for Uniform {
    /// ±0.05, as Keras' `RandomUniform`.
    fn default() -> Self {
        Self { min: -0.05, max: 0.05 }
    }
}

impl Initializer for Uniform {
    fn fill(&self, rng: &mut Rng, _fan_in: usize, _fan_out: usize, w: &mut [f32]) {
        standard(|| between(rng, self.min, self.max, w));
    }
}

/// Every weight the same. Hidden units that start equal stay equal: of use for tests and for single units.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Constant(pub f32);

impl Initializer for Constant {
    fn fill(&self, _rng: &mut Rng, _fan_in: usize, _fan_out: usize, w: &mut [f32]) {
        w.fill(self.0);
    }
}

/// Rows that are orthonormal (columns, where a row has fewer values than there are rows); Keras' start of recurrent kernels. Saxe and others, 2014.
///
/// `w` is a matrix of `fan_in` rows. Normal draws, vector after vector, each made orthogonal to those before and brought to length 1 by the modified
/// Gram-Schmidt process, twice over (Giraud and others, 2005: twice is enough); that is the Q of Keras' QR decomposition with its signs. Sums run over a
/// vector's values from 0 upward. A state that is multiplied by such a matrix keeps its length.
///
/// ```
/// use rosenblatt::{Rng, init::Initializer, prelude::*};
/// let mut w = [0.0; 6];
/// Orthogonal.fill(&mut Rng::new(Seed(1957)), 2, 3, &mut w);
/// let [a, b, c, d, e, f] = w;
/// assert!((a * a + b * b + c * c - 1.0).abs() < 1e-6 && (a * d + b * e + c * f).abs() < 1e-6);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Orthogonal;

/// One of several vectors of equal length in a slice, one after the other or one beside the other.
#[derive(Clone, Copy)]
struct Vectors {
    /// Values of one vector
    len: usize,
    /// From one vector to the next
    apart: usize,
    /// From one value to the next
    step: usize,
}

impl Vectors {
    /// Value `i` of vector `v`.
    fn get(self, w: &[f32], v: usize, i: usize) -> f32 {
        w.get(v * self.apart + i * self.step).copied().unwrap_or(0.0)
    }

    /// Sets each value i of vector `v` to f(i, what it is).
    fn map(self, w: &mut [f32], v: usize, mut f: impl FnMut(&[f32], usize, f32) -> f32) {
        for i in 0..self.len {
            let new = f(w, i, self.get(w, v, i));
            if let Some(value) = w.get_mut(v * self.apart + i * self.step) {
                *value = new;
            }
        }
    }

    /// a·b
    fn dot(self, w: &[f32], a: usize, b: usize) -> f32 {
        (0..self.len).fold(0.0, |sum, i| sum + self.get(w, a, i) * self.get(w, b, i))
    }
}

impl Initializer for Orthogonal {
    fn fill(&self, rng: &mut Rng, fan_in: usize, _fan_out: usize, w: &mut [f32]) {
        standard(|| orthogonal(rng, fan_in, w));
    }
}

fn orthogonal(rng: &mut Rng, fan_in: usize, w: &mut [f32]) {
    let (rows, columns) = (fan_in, w.len().checked_div(fan_in).unwrap_or(0));
    let (count, vectors) = if rows <= columns {
        (rows, Vectors { len: columns, apart: columns, step: 1 })
    } else {
        (columns, Vectors { len: rows, apart: 1, step: columns })
    };
    for v in 0..count {
        loop {
            vectors.map(w, v, |_, _, _| rng.normal());
            let drawn = vectors.dot(w, v, v);
            for with in (0..v).chain(0..v) {
                let share = vectors.dot(w, v, with);
                vectors.map(w, v, |w, i, value| value - share * vectors.get(w, with, i));
            }
            let left = vectors.dot(w, v, v);
            // A draw that nearly depends on those before would be mostly rounding: another one.
            if left > 1e-6 * drawn {
                let length = Scalar.sqrt(left);
                vectors.map(w, v, |_, _, value| value / length);
                break;
            }
        }
    }
}
