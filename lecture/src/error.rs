//! What can go wrong with a perceptron and with a graph.

use core::fmt;

/// The result of what looks at data, or builds a graph.
pub type Result<T> = core::result::Result<T, Error>;

/// What was wrong, and what was expected.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// What the library says of data and hyper-parameters.
    Library(rosenblatt::Error),
    /// The samples cannot be separated by a perceptron, which is proved: its weights came round
    /// again, and what was added in between is exactly nothing
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
        /// The weights came round again, but only because of rounding: further epochs would change
        /// nothing
        stalled: bool,
    },
    /// A weight of a [`Perceptron`](crate::Perceptron) is infinite or NaN after a step.
    NotFinite {
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

impl From<rosenblatt::Error> for Error {
    fn from(error: rosenblatt::Error) -> Self {
        Self::Library(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Library(error) => error.fmt(f),
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
            Self::NotFinite { epoch, step } => {
                f.write_str("the weight is not finite")?;
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

// These two are also written by what prints a graph, which must not link the printing of an f32: it
// can panic.

/// [`Error::GraphFull`] in words.
pub(crate) fn graph_full(f: &mut fmt::Formatter<'_>, capacity: usize, asked: usize) -> fmt::Result {
    write!(f, "the graph has room for {capacity} nodes; the expression has {asked} so far")
}

/// [`Error::OtherGraph`] in words.
pub(crate) fn other_graph(f: &mut fmt::Formatter<'_>, node: usize) -> fmt::Result {
    write!(f, "an expression uses node {node} of another graph; all nodes must be of one graph")
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Library(error) => Some(error),
            _ => None,
        }
    }
}
