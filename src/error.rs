//! What data can cause. A wrong shape does not get here: it does not compile.

use core::fmt;

/// The result of everything that looks at data.
pub type Result<T> = core::result::Result<T, Error>;

/// What was wrong with the data, and what was expected. When one is returned, no weight was changed by the step it is about.
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
    /// A loss or gradient is infinite or NaN.
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
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Empty => f.write_str("no samples; at least one is needed"),
            Self::Lengths { inputs, targets } => {
                write!(f, "{inputs} inputs, but {targets} targets; as many are needed")
            }
            Self::BatchTooLarge { batch, capacity } => {
                write!(f, "a mini-batch of {batch} samples; the trainer holds {capacity}")
            }
            Self::BatchOfZero => f.write_str("a mini-batch of 0 samples; at least 1 is needed"),
            Self::Class { sample, class, classes } => {
                write!(f, "sample {sample} has class {class}; classes are 0 to {}", classes.saturating_sub(1))
            }
            Self::Probability { sample, output, value } => {
                write!(f, "sample {sample} has the target {value} for output {output}; a probability lies in [0, 1]")
            }
            Self::OneHot { sample, sum } => {
                write!(f, "the one-hot target of sample {sample} sums to {sum}; it must sum to 1")
            }
            Self::HyperParameter { name, value, expected } => write!(f, "{name} is {value}; {expected} is expected"),
            Self::Weights { expected, got } => write!(f, "{got} weights; the network has {expected}"),
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
