//! Errors of perceptrons and graphs.

use core::fmt;

/// The result of functions that check data or build a graph.
pub type Result<T> = core::result::Result<T, Error>;

/// What was wrong, and what was expected.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// An error of the library about data or hyper-parameters.
    Library(rosenblatt::Error),
    /// A perceptron cannot separate the samples. This is proved: its weights repeated, and the
    /// updates in between add up to exactly 0 ([`Perceptron::fit`](crate::Perceptron::fit)).
    NotSeparable {
        /// The epoch, from 1, at whose end the weights repeated
        epoch: usize,
        /// How many epochs earlier the weights were the same, to the bit
        period: usize,
        /// Number of updates in between
        updates: usize,
    },
    /// A perceptron has not separated the samples. Whether they are separable is not known.
    NotConverged {
        /// Number of epochs run
        epochs: usize,
        /// Wrong samples in the last epoch
        mistakes: usize,
        /// The weights repeated, but only because of rounding. Further epochs would change nothing
        stalled: bool,
    },
    /// A weight of a [`Perceptron`](crate::Perceptron) is infinite or NaN after a step.
    NotFinite {
        /// The epoch, from 1; 0 for a single step outside `fit`
        epoch: usize,
        /// The step inside the epoch, from 1; 0 for a single step outside `fit`
        step: usize,
    },
    /// An expression needs more nodes than the graph can hold.
    GraphFull {
        /// The graph's `N`
        capacity: usize,
        /// Nodes needed so far
        asked: usize,
    },
    /// An expression mixes nodes of two graphs.
    OtherGraph {
        /// Index, in its own graph, of the node of the other graph
        node: usize,
    },
    /// A value was set on a node that is computed, or on a constant.
    NotAnInput {
        /// Index of the node
        node: usize,
        /// The node's operation
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
                    "not linearly separable: the weights after epoch {epoch} are those after epoch \
                     {}, to the bit, ",
                    epoch.saturating_sub(period)
                )?;
                write!(f, "and the {updates} updates in between add up to exactly 0")
            }
            Self::NotConverged { epochs, mistakes, stalled } => {
                let plural = if mistakes == 1 { "" } else { "s" };
                write!(f, "not separated: epoch {epochs} still made {mistakes} mistake{plural}")?;
                f.write_str(match stalled {
                    false => "; more epochs may help, or the samples are not separable",
                    true => {
                        ", and rounding keeps the weights from moving on; another learning rate \
                         may help"
                    }
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

// Printing a graph also writes these two. It must not link the printing of an f32, which can panic.

/// The text of [`Error::GraphFull`].
pub(crate) fn graph_full(f: &mut fmt::Formatter<'_>, capacity: usize, asked: usize) -> fmt::Result {
    write!(f, "the graph has room for {capacity} nodes; the expression has {asked} so far")
}

/// The text of [`Error::OtherGraph`].
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
