//! What data can cause. A wrong shape does not get here: it does not compile.

use core::fmt;
use rosenblatt_kernels::plain::Shape;

/// The result of everything that looks at data.
pub type Result<T> = core::result::Result<T, Error>;

/// What was wrong with the data, and what was expected. When one is returned, no weight was changed by the step it is about.
///
/// The fields `sample`, `output`, `column` and `layer` are indices and count from 0; the texts name row, column and layer and count from 1.
///
/// ```
/// use rosenblatt::{Error, data};
/// let error = data::finite_inputs(&[[0.0, 1.0], [2.0, f32::NAN]]).unwrap_err();
/// assert!(matches!(error, Error::Input { sample: 1, column: 1, .. }));
/// assert_eq!(error.to_string(), "row 2, column 2 of the inputs (counted from 1) is NaN; a finite number is expected");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// There are no samples.
    Empty,
    /// As many targets (or outputs) as inputs were expected.
    Lengths {
        /// Inputs given
        inputs: usize,
        /// Targets or outputs given
        targets: usize,
    },
    /// A mini-batch has more samples than the trainer's buffers hold.
    BatchTooLarge {
        /// Samples asked for
        batch: usize,
        /// The trainer's `B`
        capacity: usize,
    },
    /// A mini-batch of no samples was asked for.
    BatchOfZero,
    /// A mini-batch has too few samples for a layer that takes statistics over them.
    BatchTooSmall {
        /// Samples of the mini-batch
        batch: usize,
        /// The fewest that the network can learn from
        least: usize,
    },
    /// There are fewer samples than a mini-batch has, and shorter ones are to be left out: nothing would be learnt.
    NoFullBatch {
        /// Samples given
        samples: usize,
        /// Samples of a mini-batch
        batch: usize,
    },
    /// The weights of a hidden layer were never set: with nothing but zeros the network learns nothing.
    NeverSet {
        /// Index of the layer
        layer: usize,
        /// Its kind
        kind: &'static str,
    },
    /// A value of a sample that cannot be learnt from.
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
    /// A value of a target that cannot be learnt from.
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
    /// A target that is no probability.
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
        /// What its values sum to
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
    /// Another number of weights than the network has.
    Weights {
        /// The network's
        expected: usize,
        /// Given
        got: usize,
    },
    /// Another number of tensors than the network has.
    Tensors {
        /// The network's
        expected: usize,
        /// Given
        got: usize,
    },
    /// A tensor with another number of values than its shape asks for.
    Tensor {
        /// Its place, from 0
        index: usize,
        /// Its name
        name: &'static str,
        /// Its shape
        shape: Shape,
        /// Values given
        got: usize,
    },
    /// An observer monitors a value that no validation has found.
    NotMonitored {
        /// Its name
        what: &'static str,
    },
    /// An observer could not write: the buffer is full, or the file refused.
    NotWritten,
    /// The samples cannot be separated by a perceptron, which is proved: its weights came round again, and what was added in between is exactly nothing
    /// ([`Perceptron::fit`](crate::Perceptron::fit)).
    NotSeparable {
        /// The epoch, from 1, whose end saw the weights again
        epoch: usize,
        /// How many epochs earlier they were the same, to the bit
        period: usize,
        /// How often the weights were changed in between
        updates: usize,
    },
    /// A perceptron has not separated the samples; whether it can be done is not known.
    NotConverged {
        /// Epochs run
        epochs: usize,
        /// Samples that the last one mistook
        mistakes: usize,
        /// The weights came round again, but only because of rounding: further epochs would change nothing
        stalled: bool,
    },
    /// A loss, gradient or weight is infinite or NaN.
    NotFinite {
        /// Which
        what: Quantity,
        /// The epoch, from 1; 0 for a single step outside `fit`
        epoch: usize,
        /// The step inside the epoch, from 1; 0 for a single step outside `fit`
        step: usize,
    },
    /// A graph was asked for more nodes than it has room for.
    GraphFull {
        /// The graph's `N`
        capacity: usize,
        /// Nodes asked for so far
        asked: usize,
    },
    /// An expression mixes nodes of two graphs.
    OtherGraph {
        /// Index, in its own graph, of the node that is not this graph's
        node: usize,
    },
    /// The value of a node was set that is computed, or a constant.
    NotAnInput {
        /// Index of the node
        node: usize,
        /// What it is
        operation: &'static str,
    },
}

/// What a step checks before it changes a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Quantity {
    /// The mini-batch's loss
    Loss,
    /// The gradient of a parameter
    Gradient,
    /// A weight of a [`Perceptron`](crate::Perceptron) after the step
    Weight,
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
                write!(f, "a mini-batch of {batch} sample{plural}; batch normalization needs at least {least}")?;
                f.write_str(" (drop_last leaves out the last one of an epoch if it is shorter than the others)")
            }
            Self::NoFullBatch { samples, batch } => {
                write!(f, "{samples} samples make no mini-batch of {batch}, and drop_last leaves out shorter ones")
            }
            Self::NeverSet { layer, kind } => {
                let layer = layer.saturating_add(1);
                write!(f, "all weights of layer {layer} ({kind}) are 0, and so the network cannot learn; ")?;
                f.write_str("call init, or set them")
            }
            Self::Input { sample, column, value, expected } => {
                write!(f, "{} of the inputs (counted from 1) is {value}; {expected} is expected", Place(sample, column))
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
                write!(f, "{place} of the targets (counted from 1) is {value}; a probability in [0, 1] is expected")
            }
            Self::OneHot { sample, sum } => {
                let row = sample.saturating_add(1);
                write!(f, "row {row} of the one-hot targets (counted from 1) sums to {sum}; it must sum to 1")
            }
            Self::HyperParameter { name, value, expected } => write!(f, "{name} is {value}; {expected} is expected"),
            Self::Weights { expected, got } => write!(f, "{got} weights; the network has {expected}"),
            Self::Tensors { expected, got } => write!(f, "{got} tensors; the network has {expected}"),
            Self::Tensor { index, name, shape, got } => {
                write!(f, "tensor {index} ({name}) has {got} values; its shape {shape} asks for {}", shape.len())
            }
            Self::NotMonitored { what } => {
                write!(f, "{what} is monitored, but no Validation stands before the observer that does")
            }
            Self::NotWritten => f.write_str("a line of the log could not be written"),
            Self::NotSeparable { epoch, period, updates } => {
                write!(
                    f,
                    "not linearly separable: the weights after epoch {epoch} are those after epoch {}, to the bit, ",
                    epoch.saturating_sub(period)
                )?;
                write!(f, "and the {updates} updates in between add up to exactly 0")
            }
            Self::NotConverged { epochs, mistakes, stalled } => {
                let plural = if mistakes == 1 { "" } else { "s" };
                write!(f, "not separated: epoch {epochs} still made {mistakes} mistake{plural}")?;
                f.write_str(match stalled {
                    false => "; more epochs may help, or the samples are not separable",
                    true => ", and rounding keeps the weights from moving on; another learning rate may help",
                })
            }
            Self::NotFinite { what, epoch, step } => {
                let what = match what {
                    Quantity::Loss => "loss",
                    Quantity::Gradient => "gradient",
                    Quantity::Weight => "weight",
                };
                write!(f, "the {what} is not finite")?;
                if epoch > 0 {
                    write!(f, " at epoch {epoch}, step {step}")?;
                }
                f.write_str("; no weight was changed by this step")
            }
            Self::GraphFull { capacity, asked } => graph_full(f, capacity, asked),
            Self::OtherGraph { node } => other_graph(f, node),
            Self::NotAnInput { node, operation } => {
                write!(f, "node {node} ({operation}) cannot be set; only inputs and parameters can")
            }
        }
    }
}

// These two are also written by what prints a graph, which must not link the printing of an f32: it can panic.

/// [`Error::GraphFull`] in words.
pub(crate) fn graph_full(f: &mut fmt::Formatter<'_>, capacity: usize, asked: usize) -> fmt::Result {
    write!(f, "the graph has room for {capacity} nodes; the expression has {asked} so far")
}

/// [`Error::OtherGraph`] in words.
pub(crate) fn other_graph(f: &mut fmt::Formatter<'_>, node: usize) -> fmt::Result {
    write!(f, "an expression uses node {node} of another graph; all nodes must be of one graph")
}

impl core::error::Error for Error {}

/// Indices of a sample and of a value in it, as row and column.
struct Place(usize, usize);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {}, column {}", self.0.saturating_add(1), self.1.saturating_add(1))
    }
}
