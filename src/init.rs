//! Initializers of weights, with Keras' names, formulas and truncation. Biases start at zero.
//!
//! Each is [`Persist`]: a receipt of a training holds its code and numbers.

use crate::rng::Rng;
use rosenblatt_kernels::{
    environment::standard,
    math, persist,
    persist::{Persist, Words, name_code},
};

/// A rule for the initial weights of a layer.
///
/// `fan_in` and `fan_out` are the numbers of inputs and outputs that a weight's unit is connected
/// to.
///
/// ```
/// use rosenblatt::{Rng, init::{Initializer, HeNormal}, prelude::*};
///
/// /// 1, 2, 3, …
/// struct Counting;
///
/// impl Initializer for Counting {
///     fn fill(&self, _: &mut Rng, _fan_in: usize, _fan_out: usize, w: &mut [f32]) {
///         w.iter_mut().enumerate().for_each(|(i, w)| *w = i as f32 + 1.0);
///     }
/// }
///
/// let mut net = Mlp::<(Dense<2, 1>,)>::init_with(&Counting, Seed(1957));
/// assert_eq!(net.weights(), [1.0, 2.0, 0.0]);
/// net.initialize_with(&HeNormal, Seed(1957));
/// assert!(net.weights()[0] != 1.0);
/// ```
pub trait Initializer {
    /// Fills `w` from `rng`, value after value.
    fn fill(&self, rng: &mut Rng, fan_in: usize, fan_out: usize, w: &mut [f32]);
}

/// Uniform between ±√(3·variance).
fn uniform(rng: &mut Rng, variance: f32, w: &mut [f32]) {
    let limit = math::sqrt(3.0 * variance);
    between(rng, -limit, limit, w);
}

/// Uniform between two numbers.
fn between(rng: &mut Rng, min: f32, max: f32, w: &mut [f32]) {
    w.iter_mut().for_each(|w| *w = min + (max - min) * rng.uniform());
}

/// Normal with this variance; values beyond two standard deviations are drawn again, as in Keras'
/// variance scaling. The draws are divided by 0.8796 to compensate for the lost variance.
fn truncated_normal(rng: &mut Rng, variance: f32, w: &mut [f32]) {
    let deviation = math::sqrt(variance) / 0.879_625_7;
    for w in w {
        let mut z = rng.normal();
        while !(-2.0..=2.0).contains(&z) {
            z = rng.normal();
        }
        *w = deviation * z;
    }
}

/// The initializers with a variance that depends on the fans.
macro_rules! scaled {
    ($($(#[$doc:meta])* $name:ident $text:literal = $draw:ident(|$i:ident, $o:ident| $variance:expr);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        pub struct $name;

        persist!([] $name = $text: {});

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
    ///
    /// ```
    /// use rosenblatt::prelude::*;
    /// use rosenblatt::init::GlorotUniform;
    /// let net = Mlp::<(Dense<2, 1>,)>::init_with(&GlorotUniform, Seed(1957));
    /// assert_ne!(net.weights()[0], 0.0);
    /// ```
    GlorotUniform "glorot uniform" = uniform(|i, o| 2.0 / (i + o));
    /// Truncated normal with variance 2 / (fan_in + fan_out). Glorot and Bengio, 2010.
    ///
    /// ```
    /// use rosenblatt::prelude::*;
    /// use rosenblatt::init::GlorotNormal;
    /// let net = Mlp::<(Dense<2, 1>,)>::init_with(&GlorotNormal, Seed(1957));
    /// assert_ne!(net.weights()[0], 0.0);
    /// ```
    GlorotNormal "glorot normal" = truncated_normal(|i, o| 2.0 / (i + o));
    /// Uniform between ±√(6 / fan_in), for ReLU. He and others, 2015.
    ///
    /// ```
    /// use rosenblatt::prelude::*;
    /// use rosenblatt::init::HeUniform;
    /// let net = Mlp::<(Dense<2, 1>,)>::init_with(&HeUniform, Seed(1957));
    /// assert_ne!(net.weights()[0], 0.0);
    /// ```
    HeUniform "he uniform" = uniform(|i, o| 2.0 / i);
    /// Truncated normal with variance 2 / fan_in, for ReLU. He and others, 2015.
    ///
    /// ```
    /// use rosenblatt::prelude::*;
    /// use rosenblatt::init::HeNormal;
    /// let net = Mlp::<(Dense<2, 1>,)>::init_with(&HeNormal, Seed(1957));
    /// assert_ne!(net.weights()[0], 0.0);
    /// ```
    HeNormal "he normal" = truncated_normal(|i, o| 2.0 / i);
    /// Uniform between ±√(3 / fan_in). LeCun and others, 1998.
    ///
    /// ```
    /// use rosenblatt::prelude::*;
    /// use rosenblatt::init::LecunUniform;
    /// let net = Mlp::<(Dense<2, 1>,)>::init_with(&LecunUniform, Seed(1957));
    /// assert_ne!(net.weights()[0], 0.0);
    /// ```
    LecunUniform "lecun uniform" = uniform(|i, o| 1.0 / i);
    /// Truncated normal with variance 1 / fan_in. LeCun and others, 1998.
    ///
    /// ```
    /// use rosenblatt::prelude::*;
    /// use rosenblatt::init::LecunNormal;
    /// let net = Mlp::<(Dense<2, 1>,)>::init_with(&LecunNormal, Seed(1957));
    /// assert_ne!(net.weights()[0], 0.0);
    /// ```
    LecunNormal "lecun normal" = truncated_normal(|i, o| 1.0 / i);
}

/// Uniform from `min` to `max`: min + (max − min)·u, with u in [0, 1), rounded. max − min must be
/// finite.
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::init::Uniform;
/// let mut net = Mlp::<(Dense<2, 1>,)>::init_with(&Uniform { min: 0.5, max: 0.75 }, Seed(1957));
/// assert!(net.weights()[..2].iter().all(|w| (0.5..=0.75).contains(w)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Uniform {
    /// The least value
    pub min: f32,
    /// The bound above all values
    pub max: f32,
}

persist!([] Uniform = "uniform": { min: f32, max: f32 });

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

/// Every weight is the same. Hidden units that start equal stay equal. Useful for tests and for
/// single units.
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::init::Constant;
/// let mut net = Mlp::<(Dense<2, 1>,)>::init_with(&Constant(0.5), Seed(1957));
/// assert_eq!(net.weights(), [0.5, 0.5, 0.0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Constant(pub f32);

impl Persist for Constant {
    const CODE: u32 = name_code("constant weights");
    const WORDS: usize = 1;

    fn words(&mut self, words: &mut impl Words) {
        self.0.words(words);
    }
}

impl Initializer for Constant {
    fn fill(&self, _rng: &mut Rng, _fan_in: usize, _fan_out: usize, w: &mut [f32]) {
        w.fill(self.0);
    }
}

/// A matrix with orthonormal rows (orthonormal columns, if it has more rows than columns); Keras'
/// initializer of recurrent kernels. Saxe and others, 2014.
///
/// `w` is a matrix of `fan_in` rows. Vectors are drawn from a normal distribution one after the
/// other. Each is made orthogonal to those before, and scaled to length 1, by the modified
/// Gram-Schmidt process, applied twice (Giraud and others, 2005: twice is enough). The result is
/// the Q of Keras' QR decomposition, with its signs. Sums run over a vector's values from 0 upward.
/// Multiplying a state by such a matrix does not change its length.
///
/// ```
/// use rosenblatt::{Rng, init::{Initializer, Orthogonal}, prelude::*};
/// let mut w = [0.0; 6];
/// Orthogonal.fill(&mut Rng::new(Seed(1957)), 2, 3, &mut w);
/// let [a, b, c, d, e, f] = w;
/// assert!((a * a + b * b + c * c - 1.0).abs() < 1e-6 && (a * d + b * e + c * f).abs() < 1e-6);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Orthogonal;

persist!([] Orthogonal = "orthogonal": {});

/// Several vectors of equal length in a slice, one after the other or interleaved.
#[derive(Clone, Copy)]
struct Vectors {
    /// Values of one vector
    len: usize,
    /// Distance between vectors
    apart: usize,
    /// Distance between values of a vector
    step: usize,
}

impl Vectors {
    /// Value `i` of vector `v`.
    fn get(self, w: &[f32], v: usize, i: usize) -> f32 {
        w.get(v * self.apart + i * self.step).copied().unwrap_or(0.0)
    }

    /// Sets each value i of vector `v` to f(w, i, old value).
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
            // A draw that nearly depends on those before is mostly rounding error: draw again.
            if left > 1e-6 * drawn {
                let length = math::sqrt(left);
                vectors.map(w, v, |_, _, value| value / length);
                break;
            }
        }
    }
}
