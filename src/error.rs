//! Errors that data can cause. A wrong shape is no error here: it does not compile.

use core::fmt;
use rosenblatt_kernels::array::Shape;

/// The result of functions that check data.
pub type Result<T> = core::result::Result<T, Error>;

/// What was wrong with the data, and what was expected. A step that returns an error has changed no
/// weight.
///
/// The fields `sample`, `output`, `column` and `layer` are indices from 0. The printed texts count
/// rows, columns and layers from 1.
///
/// ```
/// use rosenblatt::{Error, dataset};
/// let error = dataset::finite_inputs(&[[0.0, 1.0], [2.0, f32::NAN]]).unwrap_err();
/// assert!(matches!(error, Error::Input { sample: 1, column: 1, .. }));
/// let message = "row 2, column 2 of the inputs (counted from 1) is NaN; \
///     a finite number is expected";
/// assert_eq!(error.to_string(), message);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// There are no samples.
    Empty,
    /// The number of targets (or outputs) is not the number of inputs.
    Lengths {
        /// Inputs given
        inputs: usize,
        /// Targets or outputs given
        targets: usize,
    },
    /// A mini-batch has more samples than the trainer holds.
    BatchTooLarge {
        /// Samples asked for
        batch: usize,
        /// The trainer's `B`
        capacity: usize,
    },
    /// A mini-batch of 0 samples was requested.
    BatchOfZero,
    /// A mini-batch has too few samples for a layer with statistics over the samples.
    BatchTooSmall {
        /// Samples of the mini-batch
        batch: usize,
        /// The smallest mini-batch of the network
        least: usize,
    },
    /// There are fewer samples than a mini-batch has, and `drop_last` leaves out shorter ones:
    /// nothing would be learnt.
    NoFullBatch {
        /// Samples given
        samples: usize,
        /// Samples of a mini-batch
        batch: usize,
    },
    /// The weights of a hidden layer were never set. A network with a hidden layer of zeros learns
    /// nothing.
    NeverSet {
        /// Index of the layer
        layer: usize,
        /// Its kind
        kind: &'static str,
    },
    /// An input value that cannot be used.
    Input {
        /// Index of the sample
        sample: usize,
        /// Index of the value in the sample
        column: usize,
        /// The value
        value: f32,
        /// What was expected
        expected: &'static str,
    },
    /// A target value that cannot be used.
    Target {
        /// Index of the sample
        sample: usize,
        /// Index of the output
        output: usize,
        /// Its target
        value: f32,
        /// What was expected
        expected: &'static str,
    },
    /// A class that the output layer does not have.
    Class {
        /// Index of the sample
        sample: usize,
        /// Its class
        class: usize,
        /// Classes are 0 … classes − 1
        classes: usize,
    },
    /// A target that is not a probability.
    Probability {
        /// Index of the sample
        sample: usize,
        /// Index of the output
        output: usize,
        /// Its target, not inside [0, 1]
        value: f32,
    },
    /// A one-hot target whose values do not sum to 1.
    OneHot {
        /// Index of the sample
        sample: usize,
        /// The sum of its values
        sum: f32,
    },
    /// A hyper-parameter outside its range.
    HyperParameter {
        /// Its name
        name: &'static str,
        /// Its value
        value: f32,
        /// What was expected
        expected: &'static str,
    },
    /// The number of weights is not the network's.
    Weights {
        /// The network's number
        expected: usize,
        /// The number given
        got: usize,
    },
    /// The number of tensors is not the network's.
    Tensors {
        /// The network's number
        expected: usize,
        /// The number given
        got: usize,
    },
    /// A tensor's number of values is not that of its shape.
    Tensor {
        /// Its index, from 0
        index: usize,
        /// Its name
        name: &'static str,
        /// Its shape
        shape: Shape,
        /// Values given
        got: usize,
    },
    /// An observer monitors a value of a validation, but there is no validation before it.
    NotMonitored {
        /// The value's name
        what: &'static str,
    },
    /// An observer could not write: the buffer is full, or writing to the file failed.
    NotWritten,
    /// The buffer of a receipt is too short.
    Receipt {
        /// Bytes of the receipt
        expected: usize,
        /// Bytes of the buffer
        got: usize,
    },
    /// A loss or gradient is infinite or NaN.
    NotFinite {
        /// Loss or gradient
        what: Quantity,
        /// The epoch, from 1; 0 for a single step outside `fit`
        epoch: usize,
        /// The step inside the epoch, from 1; 0 for a single step outside `fit`
        step: usize,
    },
}

/// The quantities that a step checks before it changes a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Quantity {
    /// The mini-batch's loss
    Loss,
    /// The gradient of a parameter
    Gradient,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Empty => f.write_str("no samples; at least one is needed"),
            Self::Lengths { inputs, targets } => {
                write!(f, "{inputs} inputs, but {targets} targets or outputs; as many are needed")
            }
            Self::BatchTooLarge { batch, capacity } => {
                write!(f, "a mini-batch of {batch} samples; the trainer holds {capacity}")
            }
            Self::BatchOfZero => f.write_str("a mini-batch of 0 samples; at least 1 is needed"),
            Self::BatchTooSmall { batch, least } => {
                let plural = if batch == 1 { "" } else { "s" };
                write!(
                    f,
                    "a mini-batch of {batch} sample{plural}; batch normalization needs at least \
                     {least}"
                )?;
                f.write_str(
                    " (drop_last leaves out the last one of an epoch if it is shorter than the \
                     others)",
                )
            }
            Self::NoFullBatch { samples, batch } => {
                write!(
                    f,
                    "{samples} samples make no mini-batch of {batch}, and drop_last leaves out \
                     shorter ones"
                )
            }
            Self::NeverSet { layer, kind } => {
                let layer = layer.saturating_add(1);
                write!(
                    f,
                    "all weights of layer {layer} ({kind}) are 0, and so the network cannot learn; "
                )?;
                f.write_str("call init, or set them")
            }
            Self::Input { sample, column, value, expected } => {
                write!(
                    f,
                    "{} of the inputs (counted from 1) is {value}; {expected} is expected",
                    Place(sample, column)
                )
            }
            Self::Target { sample, output, value, expected } => {
                write!(
                    f,
                    "{} of the targets (counted from 1) is {value}; {expected} is expected",
                    Place(sample, output)
                )
            }
            Self::Class { sample, class, classes } => {
                let (row, last) = (sample.saturating_add(1), classes.saturating_sub(1));
                write!(f, "row {row} (counted from 1) has class {class}; classes are 0 to {last}")
            }
            Self::Probability { sample, output, value } => {
                let place = Place(sample, output);
                write!(
                    f,
                    "{place} of the targets (counted from 1) is {value}; a probability in [0, 1] \
                     is expected"
                )
            }
            Self::OneHot { sample, sum } => {
                let row = sample.saturating_add(1);
                write!(
                    f,
                    "row {row} of the one-hot targets (counted from 1) sums to {sum}; it must sum \
                     to 1"
                )
            }
            Self::HyperParameter { name, value, expected } => {
                write!(f, "{name} is {value}; {expected} is expected")
            }
            Self::Weights { expected, got } => {
                write!(f, "{got} weights; the network has {expected}")
            }
            Self::Tensors { expected, got } => {
                write!(f, "{got} tensors; the network has {expected}")
            }
            Self::Tensor { index, name, shape, got } => {
                write!(
                    f,
                    "tensor {index} ({name}) has {got} values; its shape {shape} asks for {}",
                    shape.len()
                )
            }
            Self::NotMonitored { what } => {
                write!(
                    f,
                    "{what} is monitored, but no Validation stands before the observer that does"
                )
            }
            Self::NotWritten => f.write_str("a line of the log could not be written"),
            Self::Receipt { expected, got } => {
                write!(f, "the receipt has {expected} bytes; its buffer has {got}")
            }
            Self::NotFinite { what, epoch, step } => {
                let what = match what {
                    Quantity::Loss => "loss",
                    Quantity::Gradient => "gradient",
                };
                write!(f, "the {what} is not finite")?;
                if epoch > 0 {
                    write!(f, " at epoch {epoch}, step {step}")?;
                }
                f.write_str("; no weight was changed by this step")
            }
        }
    }
}

impl core::error::Error for Error {}

/// The indices of a sample and of a value in it, printed as row and column from 1.
struct Place(usize, usize);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {}, column {}", self.0.saturating_add(1), self.1.saturating_add(1))
    }
}
