//! The computational graph: an expression as nodes. Values are computed forward, gradients backward
//! by the chain rule.
//!
//! Each operation on a handle adds one node to the graph. Each number in it adds one node too,
//! except an exponent. (`clamp` adds two of each.) The graph holds up to `N` nodes in a `heapless`
//! buffer: it needs no allocator and can lie in `.bss`. A node comes after its inputs. So the order
//! of the nodes is an order of evaluation, and the reverse order is one for the chain rule.
//!
//! ```
//! use rosenblatt_lecture::graph::Graph;
//!
//! let graph = Graph::<16>::new();
//! let x = graph.input(2.0).named("x");
//! let w = graph.parameter(-0.5).named("w");
//! let b = graph.parameter(1.5).named("b");
//! let y = (w * x + b).tanh().named("y");
//! let loss = (y - 1.0).powi(2);
//! assert!((y.value()? - 0.5f32.tanh()).abs() < 1e-6);
//!
//! loss.backward()?; // every node's gradient is the loss's slope by that node
//! let dy = 2.0 * (y.value()? - 1.0);
//! let db = dy * (1.0 - y.value()? * y.value()?);
//! assert!((b.gradient()? - db).abs() < 1e-6);
//! assert!((w.gradient()? - db * 2.0).abs() < 1e-6);
//!
//! x.set(3.0)?;
//! graph.forward()?;
//! assert_eq!(y.value()?, 0.0);
//! println!("{graph}"); // a table; graph.dot() and graph.svg() are pictures
//! # Ok::<(), rosenblatt_lecture::Error>(())
//! ```
//!
//! **Forward.** Values are computed in the order of the nodes. After [`Node::set`], all nodes
//! behind the changed one are computed again by [`Graph::forward`], by a read of one of their
//! values, or by [`Node::backward`]. A value is never stale.
//!
//! **Backward.** [`Node::backward`] of y sets every gradient to +0 and that of y to 1, then goes
//! from y to the first node. A node with gradient d adds d·∂node/∂first to the gradient of its
//! first input, then d·∂node/∂second to that of its second ([`Operation`] lists them). A node that
//! is used k times adds up k terms, in the order from its last user to its first. In `x * x` the
//! left factor's term comes first. Nodes that y does not depend on are skipped and keep +0. (The
//! chain rule as an algorithm: Linnainmaa, 1970; Rumelhart, Hinton and Williams, 1986.)
//!
//! **Bits.** One value at a time, IEEE-754 binary32 and the functions of the [numeric
//! contract](rosenblatt::kernels): the same bits on every CPU.
//!
//! **Text.** The table, DOT and SVG are written through `core::fmt`, for example to a serial port.
//! Printing cannot panic and needs no f64.
//!
//! **Errors.** An operator cannot return a `Result`. The graph counts nodes that do not fit. From
//! then on every method that returns a `Result` returns the error:
//!
//! ```
//! use rosenblatt_lecture::{Error, graph::Graph};
//!
//! let graph = Graph::<4>::new();
//! let x = graph.input(3.0);
//! let y = x * x * x + 1.0; // x, two products, the constant, the sum
//! assert_eq!(y.value(), Err(Error::GraphFull { capacity: 4, asked: 5 }));
//! let message = "the graph has room for 4 nodes; the expression has 5 so far";
//! assert_eq!(y.backward().unwrap_err().to_string(), message);
//! ```

mod formula;
mod node;
mod number;
mod operation;
mod print;
mod svg;

pub use node::{Node, Operand};
pub use operation::Operation;
pub use print::Dot;
pub use svg::Svg;

use crate::error::{Error, Result};
use core::{cell::RefCell, fmt};
use heapless::Vec;
use rosenblatt::{error::Quantity, optimizer::at_least_zero};
use rosenblatt_kernels::environment::standard;

/// The index of a node that did not fit, or that was not made because an operand belongs to another
/// graph.
const NOWHERE: u16 = u16::MAX;
/// The number of a name without a number.
const NO_NUMBER: u16 = u16::MAX;

/// The data of a node.
#[derive(Clone, Copy)]
struct Entry {
    operation: Operation,
    value: f32,
    gradient: f32,
    /// Empty if the node has none
    name: &'static str,
    number: u16,
    /// Up to two inputs; unused ones are 0
    inputs: [u16; 2],
    /// Whether the output of the last backward pass depends on it
    reached: bool,
}

/// All zero bits if the graph is empty.
struct State<const N: usize> {
    nodes: Vec<Entry, N>,
    /// How many nodes, from the first, have a current value
    current: usize,
    /// Number of nodes that did not fit
    lost: usize,
    /// 1 + the index of an operand that belongs to another graph; 0 for none
    stray: usize,
}

/// A graph of up to `N` nodes.
///
/// Handles ([`Node`]) borrow the graph and are `Copy`. A graph starts as zero bits, so a `static`
/// graph (for example in a `StaticCell`) lies in `.bss`.
///
/// ```
/// use rosenblatt_lecture::graph::Graph;
///
/// const _: () = assert!(Graph::<100>::BYTES < 5000); // a neuron of 30 inputs and its loss
///
/// // Learns y = 2x - 1 by gradient descent.
/// let graph = Graph::<16>::new();
/// let (x, t) = (graph.input(0.0), graph.input(0.0));
/// let (w, b) = (graph.parameter(0.0), graph.parameter(0.0));
/// let loss = (w * x + b - t).powi(2);
/// for _ in 0..100 {
///     graph.zero_gradients()?;
///     for sample in [-1.0, 0.0, 1.0] {
///         x.set(sample)?;
///         t.set(2.0 * sample - 1.0)?;
///         loss.accumulate()?;
///     }
///     graph.descend(0.1)?;
/// }
/// assert!((w.value()? - 2.0).abs() < 1e-3 && (b.value()? + 1.0).abs() < 1e-3);
/// # Ok::<(), rosenblatt_lecture::Error>(())
/// ```
pub struct Graph<const N: usize> {
    // Only this module's code runs while it is borrowed.
    state: RefCell<State<N>>,
}

impl<const N: usize> Graph<N> {
    /// The size of the graph in bytes.
    pub const BYTES: usize = size_of::<Self>();

    /// A graph without nodes. It can stand in a `static`, where it costs no flash.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(N < NOWHERE as usize, "a graph has room for at most 65,534 nodes") };
        Self { state: RefCell::new(State { nodes: Vec::new(), current: 0, lost: 0, stray: 0 }) }
    }

    /// A leaf for data: its value can be set.
    pub fn input(&self, value: f32) -> Node<'_, N> {
        self.push(Operation::Input, [0; 2], value)
    }

    /// A leaf that is learnt: an input that [`Graph::descend`] changes.
    pub fn parameter(&self, value: f32) -> Node<'_, N> {
        self.push(Operation::Parameter, [0; 2], value)
    }

    /// A leaf whose value does not change. Operators make one for each number in an expression.
    pub fn constant(&self, value: f32) -> Node<'_, N> {
        self.push(Operation::Constant, [0; 2], value)
    }

    /// The number of nodes.
    pub fn len(&self) -> usize {
        self.state.try_borrow().map_or(0, |state| state.nodes.len())
    }

    /// Whether there are no nodes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The greatest number of nodes, `N`.
    pub const fn capacity(&self) -> usize {
        N
    }

    /// All nodes in the order in which they were made.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = Node<'_, N>> + ExactSizeIterator {
        // There are at most 65,534.
        (0..self.len() as u16).map(|index| Node { graph: self, index })
    }

    /// Checks that building the graph has not failed so far.
    /// # Errors
    /// [`Error::GraphFull`] if a node did not fit. [`Error::OtherGraph`] if an operand belongs to
    /// another graph.
    pub fn check(&self) -> Result<()> {
        self.with(|_| Ok(()))
    }

    /// Computes the values of all nodes behind the first one that was set, in the order of the
    /// nodes.
    /// # Errors
    /// As [`Graph::check`].
    pub fn forward(&self) -> Result<()> {
        self.with(|state| {
            evaluate(&mut state.nodes, &mut state.current, N);
            Ok(())
        })
    }

    /// Sets every gradient to +0. Call it before the first [`Node::accumulate`] of a mini-batch.
    /// # Errors
    /// As [`Graph::check`].
    pub fn zero_gradients(&self) -> Result<()> {
        self.with(|state| {
            state.nodes.iter_mut().for_each(|node| node.gradient = 0.0);
            Ok(())
        })
    }

    /// One step of gradient descent, w ← w − lr·dw for each [parameter](Graph::parameter), in the
    /// order of the nodes.
    /// # Errors
    /// As [`Graph::check`]. [`HyperParameter`](rosenblatt::Error::HyperParameter) for a learning
    /// rate that is negative or not finite. [`NotFinite`](rosenblatt::Error::NotFinite) if a
    /// parameter's gradient is not finite. Nothing is changed then.
    pub fn descend(&self, lr: f32) -> Result<()> {
        at_least_zero("lr", lr)?;
        self.with(|state| {
            let learnt = |node: &&mut Entry| matches!(node.operation, Operation::Parameter);
            if !state.nodes.iter_mut().filter(learnt).all(|node| node.gradient.is_finite()) {
                return Err(rosenblatt::Error::NotFinite {
                    what: Quantity::Gradient,
                    epoch: 0,
                    step: 0,
                }
                .into());
            }
            state.nodes.iter_mut().filter(learnt).for_each(|node| node.value -= lr * node.gradient);
            state.current = 0;
            Ok(())
        })
    }

    /// Removes all nodes and errors. (It borrows the graph mutably, so no handle can be left.)
    pub fn clear(&mut self) {
        let state = self.state.get_mut();
        state.nodes.clear();
        (state.current, state.lost, state.stray) = (0, 0, 0);
    }

    /// The first error, if there was one.
    fn fault(state: &State<N>) -> Result<()> {
        if state.stray > 0 {
            return Err(Error::OtherGraph { node: state.stray - 1 });
        }
        if state.lost > 0 {
            return Err(Error::GraphFull { capacity: N, asked: N + state.lost });
        }
        Ok(())
    }

    /// Runs `f` on the nodes if the graph has no error.
    #[inline]
    fn with<R>(&self, f: impl FnOnce(&mut State<N>) -> Result<R>) -> Result<R> {
        // It is never borrowed here. A panic for that case would be linked into every firmware.
        let mut state =
            self.state.try_borrow_mut().map_err(|_| Error::GraphFull { capacity: N, asked: N })?;
        Self::fault(&state)?;
        standard(|| f(&mut state))
    }

    /// A copy of a node with its current value. Works in a graph with an error too.
    fn entry(&self, index: usize) -> Option<Entry> {
        let mut state = self.state.try_borrow_mut().ok()?;
        let State { nodes, current, .. } = &mut *state;
        standard(|| evaluate(nodes, current, index + 1));
        nodes.get(index).copied()
    }

    /// Adds a node.
    fn push(&self, operation: Operation, inputs: [u16; 2], value: f32) -> Node<'_, N> {
        let mut index = NOWHERE;
        if let Ok(mut state) = self.state.try_borrow_mut() {
            let place = state.nodes.len();
            let there = inputs.iter().take(operation.arity()).all(|input| *input != NOWHERE);
            let entry = Entry {
                operation,
                value,
                gradient: 0.0,
                name: "",
                number: NO_NUMBER,
                inputs,
                reached: false,
            };
            if there && state.nodes.push(entry).is_ok() {
                index = place as u16; // below N, which is below NOWHERE
            } else if place == N {
                state.lost = state.lost.saturating_add(1);
            }
        }
        Node { graph: self, index }
    }

    /// The node's index if it belongs to this graph. Otherwise records the error.
    fn own(&self, node: Node<'_, N>) -> u16 {
        if core::ptr::eq(self, node.graph) {
            return node.index;
        }
        if let Ok(mut state) = self.state.try_borrow_mut()
            && state.stray == 0
            && state.lost == 0
        {
            state.stray = 1 + usize::from(node.index);
        }
        NOWHERE
    }
}

impl<const N: usize> Default for Graph<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> fmt::Debug for Graph<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Graph({} of {N} nodes)", self.len())
    }
}

/// The values of both inputs; +0 for an unused one.
#[inline]
fn operands(nodes: &[Entry], node: &Entry) -> [f32; 2] {
    node.inputs.map(|input| nodes.get(usize::from(input)).map_or(0.0, |node| node.value))
}

/// Computes the values of nodes `current` … `end − 1`.
fn evaluate(nodes: &mut [Entry], current: &mut usize, end: usize) {
    let end = end.min(nodes.len());
    for i in *current..end {
        let Some(node) = nodes.get(i) else { break };
        let (operation, [a, b]) = (node.operation, operands(nodes, node));
        if let Some(node) = nodes.get_mut(i)
            && operation.arity() > 0
        {
            node.value = operation.value(a, b);
        }
    }
    *current = end.max(*current);
}

/// The chain rule from node `output` to the first. With `keep`, the gradients of leaves are not
/// reset but added to.
fn chain(nodes: &mut [Entry], output: usize, keep: bool) {
    for node in nodes.iter_mut() {
        node.reached = false;
        if !keep || node.operation.arity() > 0 {
            node.gradient = 0.0;
        }
    }
    if let Some(node) = nodes.get_mut(output) {
        node.reached = true;
        node.gradient += 1.0;
    }
    for i in (0..=output).rev() {
        let Some(&node) = nodes.get(i) else { continue };
        if !node.reached {
            continue;
        }
        let [a, b] = operands(nodes, &node);
        let terms = node.operation.gradients(a, b, node.value, node.gradient);
        for (input, term) in node.inputs.iter().zip(terms).take(node.operation.arity()) {
            if let Some(input) = nodes.get_mut(usize::from(*input)) {
                input.reached = true;
                input.gradient += term;
            }
        }
    }
}
