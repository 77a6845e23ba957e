//! A layer normalization that a file spells out: mean, difference, variance, root, product.
//!
//! Keras' converters write x·s + (β − mean·s) with s = γ / √(variance + ε). PyTorch's older ones
//! write (x − mean) / √(variance + ε)·γ + β, whose last two steps are an affine one behind a
//! normalization with γ = 1 and β = 0.

use super::affine::repeated;
use super::{Fault, Flow, Step, View};
use std::rc::Rc;

/// A tensor on the way to a layer normalization of `of` over its axis `axis`.
#[derive(Clone, Debug)]
pub struct Moment {
    of: View,
    axis: usize,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    /// The mean m
    Mean,
    /// −m
    NegMean,
    /// x − m
    Centered,
    /// (x − m)²
    Square,
    /// The mean of that, v
    Variance,
    /// v + ε
    Spread(f32),
    /// √(v + ε)
    Deviation(f32),
    /// r = γ / √(v + ε)
    Inverse(Factor),
    /// x·r
    Scaled(Factor),
    /// m·r
    Moved(Factor),
    /// β − m·r
    Offset(Factor, Option<Rc<Vec<f32>>>),
}

/// ε and γ of r.
#[derive(Clone, Debug, PartialEq)]
struct Factor {
    epsilon: f32,
    gamma: Option<Rc<Vec<f32>>>,
}

/// What a step takes.
#[derive(Clone, Copy, Debug)]
pub enum Operand<'a> {
    /// The output of a layer
    Data(&'a View),
    /// A tensor on the way
    Moment(&'a Moment),
    /// A constant: its shape and values
    Constant(&'a [usize], &'a [f32]),
}

/// A step with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// a + b
    Add,
    /// a − b
    Sub,
    /// a·b
    Mul,
    /// a / b
    Div,
    /// (a − b)²
    SquaredDifference,
}

/// What a step gives.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// A tensor on the way
    Moment(Moment),
    /// The normalized one
    Data(View),
}

impl Moment {
    /// The mean of a layer's output over one axis, which stays with the size 1.
    pub fn mean(of: &View, axis: usize) -> Self {
        Self { of: of.clone(), axis, what: What::Mean }
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.of.dims().len()
    }

    fn to(&self, what: What) -> Self {
        Self { what, ..self.clone() }
    }

    /// The mean of this over one axis, which stays with the size 1.
    pub fn mean_of(&self, axis: usize) -> Option<Self> {
        (axis == self.axis && matches!(self.what, What::Square)).then(|| self.to(What::Variance))
    }

    /// A step with one operand, by ONNX' name.
    pub fn apply(&self, operator: &str) -> Option<Self> {
        let what = match (operator, &self.what) {
            ("Neg", What::Mean) => What::NegMean,
            ("Sqrt", What::Spread(epsilon)) => What::Deviation(*epsilon),
            ("Rsqrt", What::Spread(epsilon)) | ("Reciprocal", What::Deviation(epsilon)) => {
                What::Inverse(Factor { epsilon: *epsilon, gamma: None })
            }
            ("Square", What::Centered) => What::Square,
            ("Neg", What::Moved(factor)) => What::Offset(factor.clone(), None),
            ("Identity", what) => what.clone(),
            _ => return None,
        };
        Some(self.to(what))
    }

    /// A constant with one value for each channel.
    fn channels(&self, shape: &[usize], values: &[f32]) -> Option<Rc<Vec<f32>>> {
        let dims = self.of.dims();
        let skip = dims.len().checked_sub(shape.len())?;
        let along = |(axis, size): (usize, &usize)| *size == 1 || axis + skip == self.axis;
        (shape.iter().enumerate().all(along)
            && (values.len() == 1 || dims.get(self.axis) == Some(&values.len())))
        .then(|| Rc::new(values.to_vec()))
    }

    /// This times a constant, plus a constant, or a constant minus this.
    fn with(&self, operator: Operator, first: bool, shape: &[usize], c: &[f32]) -> Option<What> {
        match (operator, &self.what, c) {
            (Operator::Add, What::Variance, [epsilon]) => Some(What::Spread(*epsilon)),
            (Operator::Mul, What::Inverse(Factor { epsilon, gamma: None }), _) => {
                let gamma = Some(self.channels(shape, c)?);
                Some(What::Inverse(Factor { epsilon: *epsilon, gamma }))
            }
            (Operator::Add, What::Offset(factor, None), _) => {
                Some(What::Offset(factor.clone(), Some(self.channels(shape, c)?)))
            }
            (Operator::Sub, What::Moved(factor), _) if first => {
                Some(What::Offset(factor.clone(), Some(self.channels(shape, c)?)))
            }
            _ => None,
        }
    }

    /// This and the normalized tensor itself; `first` if the tensor is the first operand.
    fn with_data(&self, operator: Operator, first: bool) -> Option<What> {
        match (operator, &self.what) {
            (Operator::Sub, What::Mean) if first => Some(What::Centered),
            (Operator::Add, What::NegMean) => Some(What::Centered),
            (Operator::SquaredDifference, What::Mean) => Some(What::Square),
            (Operator::Mul, What::Inverse(factor)) => Some(What::Scaled(factor.clone())),
            _ => None,
        }
    }
}

/// What two tensors on the way give.
enum Pair<'a> {
    Moment(What),
    Normalized(&'a Factor, Option<&'a Vec<f32>>),
}

fn pair<'a>(operator: Operator, a: &'a What, b: &'a What) -> Option<Pair<'a>> {
    use What::*;
    Some(match (operator, a, b) {
        (Operator::Mul, Centered, Centered) => Pair::Moment(Square),
        (Operator::Mul, NegMean, Inverse(factor)) | (Operator::Mul, Inverse(factor), NegMean) => {
            Pair::Moment(Offset(factor.clone(), None))
        }
        (Operator::Mul, Mean, Inverse(factor)) | (Operator::Mul, Inverse(factor), Mean) => {
            Pair::Moment(Moved(factor.clone()))
        }
        (Operator::Mul, Centered, Inverse(factor)) | (Operator::Mul, Inverse(factor), Centered) => {
            Pair::Normalized(factor, None)
        }
        (Operator::Add, Scaled(factor), Offset(other, beta))
        | (Operator::Add, Offset(other, beta), Scaled(factor))
            if factor == other =>
        {
            Pair::Normalized(factor, beta.as_deref())
        }
        (Operator::Sub, Scaled(factor), Moved(other)) if factor == other => {
            Pair::Normalized(factor, None)
        }
        _ => return None,
    })
}

impl Flow {
    /// A step with two operands, if it is one of a layer normalization.
    pub fn moment(
        &mut self,
        name: &str,
        operator: Operator,
        a: Operand,
        b: Operand,
    ) -> Option<Step<Outcome>> {
        use Operand::{Constant, Data, Moment};
        let (moment, what) = match (a, b) {
            (Data(x), Moment(m)) | (Moment(m), Data(x)) => {
                let first = matches!(a, Data(_));
                (m, m.with_data(operator, first).filter(|_| m.of == *x)?)
            }
            (Constant(shape, c), Moment(m)) => (m, m.with(operator, true, shape, c)?),
            (Moment(m), Constant(shape, c)) => (m, m.with(operator, false, shape, c)?),
            (Moment(m), Moment(n)) if m.of == n.of && m.axis == n.axis => {
                if let (Operator::Div, What::Centered, What::Deviation(epsilon)) =
                    (operator, &m.what, &n.what)
                {
                    let factor = Factor { epsilon: *epsilon, gamma: None };
                    return Some(self.normalized(name, m, &factor, None));
                }
                match pair(operator, &m.what, &n.what)? {
                    Pair::Moment(what) => (m, what),
                    Pair::Normalized(factor, beta) => {
                        return Some(self.normalized(name, m, factor, beta));
                    }
                }
            }
            _ => return None,
        };
        Some(Ok(Outcome::Moment(moment.to(what))))
    }

    fn normalized(
        &mut self,
        name: &str,
        moment: &Moment,
        factor: &Factor,
        beta: Option<&Vec<f32>>,
    ) -> Step<Outcome> {
        let n = moment.of.shape(&[moment.axis])[0];
        let all = |given: Option<&Vec<f32>>, default: f32| match given.map(|all| &all[..]) {
            None => repeated(default, n),
            Some([one]) => repeated(*one, n),
            Some(all) if all.len() == n => Ok(all.to_vec()),
            Some(all) => Err(Fault::from(format!("{} values for {n} channels", all.len()))),
        };
        let values = [all(factor.gamma.as_deref(), 1.0)?, all(beta, 0.0)?];
        self.layer_norm(name, &moment.of, moment.axis, factor.epsilon, values).map(Outcome::Data)
    }
}
