//! Handles to nodes, and the operators on them.

use super::{Entry, Graph, NO_NUMBER, NOWHERE, Operation, State, chain, evaluate};
use crate::error::{Error, Result};
use core::{fmt, ops};
use heapless::Vec;

/// A handle to a node of a graph of up to `N` nodes. Handles are `Copy`.
///
/// `+ - * /` (and `+=` and so on) take nodes, references to nodes, and `f32` on either side. An
/// `f32` becomes a constant. `-x` negates.
///
/// ```
/// use rosenblatt_lecture::graph::Graph;
///
/// let graph = Graph::<8>::new();
/// let x = graph.input(2.0);
/// let y = 1.0 / (x + 2.0);
/// y.backward()?;
/// assert_eq!((y.value()?, x.gradient()?), (0.25, -0.0625));
/// # Ok::<(), rosenblatt_lecture::Error>(())
/// ```
pub struct Node<'g, const N: usize> {
    pub(super) graph: &'g Graph<N>,
    pub(super) index: u16,
}

impl<const N: usize> Clone for Node<'_, N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<const N: usize> Copy for Node<'_, N> {}

/// The other operand of an operation: a node, or a number, which becomes a constant.
pub trait Operand<'g, const N: usize> {
    /// As a node of `graph`.
    fn node(self, graph: &'g Graph<N>) -> Node<'g, N>;
}

impl<'g, const N: usize> Operand<'g, N> for Node<'g, N> {
    fn node(self, _: &'g Graph<N>) -> Node<'g, N> {
        self
    }
}

impl<'g, const N: usize> Operand<'g, N> for &Node<'g, N> {
    fn node(self, _: &'g Graph<N>) -> Node<'g, N> {
        *self
    }
}

impl<'g, const N: usize> Operand<'g, N> for f32 {
    fn node(self, graph: &'g Graph<N>) -> Node<'g, N> {
        graph.constant(self)
    }
}

/// Methods that make a node with one input.
macro_rules! unary {
    ($($(#[$doc:meta])* $method:ident = $operation:ident;)*) => {$(
        $(#[$doc])*
        pub fn $method(self) -> Self {
            self.apply(Operation::$operation)
        }
    )*};
}

impl<'g, const N: usize> Node<'g, N> {
    unary! {
        /// eˣ
        exp = Exp;
        /// ln x
        ln = Ln;
        /// 1 / (1 + e⁻ˣ)
        sigmoid = Sigmoid;
        /// tanh x
        tanh = Tanh;
        /// x if 0 < x, else 0; NaN stays
        relu = Relu;
        /// 1 if 0 < x, else 0; NaN stays; its gradient is zero everywhere
        step = Step;
    }

    /// xⁿ, by |n| − 1 multiplications from the left; x⁰ is 1.
    pub fn powi(self, n: i32) -> Self {
        self.apply(Operation::Powi(n))
    }

    /// xᶜ. If `c` is a whole number (an `i32`) it is [`Node::powi`], which is defined below zero.
    /// Otherwise it is exp(c·ln x), which is NaN below zero.
    ///
    /// The rounding error of the logarithm is multiplied by c·ln x. The relative error is about
    /// 2⁻²⁴·|c·ln x|.
    pub fn powf(self, c: f32) -> Self {
        let whole = c as i32;
        if whole as f32 == c && whole != i32::MAX {
            self.powi(whole)
        } else {
            self.apply(Operation::Powf(c))
        }
    }

    /// The greater of two. If they are equal it is this one, which also gets the gradient.
    pub fn max(self, other: impl Operand<'g, N>) -> Self {
        self.combine(Operation::Max, other.node(self.graph))
    }

    /// The smaller of two. If they are equal it is this one, which also gets the gradient.
    pub fn min(self, other: impl Operand<'g, N>) -> Self {
        self.combine(Operation::Min, other.node(self.graph))
    }

    /// min(max(x, low), high). Outside of the bounds the gradient is 0.
    pub fn clamp(self, low: f32, high: f32) -> Self {
        self.max(low).min(high)
    }

    /// Gives the node a name for printing.
    pub fn named(self, name: &'static str) -> Self {
        self.rename(name, NO_NUMBER)
    }

    /// Gives the node a name and a number for printing: `numbered("w", 3)` is printed as w3.
    pub fn numbered(self, name: &'static str, number: u16) -> Self {
        self.rename(name, number)
    }

    fn rename(self, name: &'static str, number: u16) -> Self {
        let _ = self.with(|state, index| {
            if let Some(node) = state.nodes.get_mut(index) {
                (node.name, node.number) = (name, number);
            }
            Ok(())
        });
        self
    }

    /// Sets the value of an input or a parameter. [`Graph::forward`], or a read of a value, then
    /// computes the values that depend on it. Gradients stay until the next backward pass.
    /// # Errors
    /// As [`Graph::check`]. [`Error::NotAnInput`] for any other node.
    pub fn set(self, value: f32) -> Result<()> {
        self.with(|state, node| match state.nodes.get_mut(node) {
            Some(entry) if matches!(entry.operation, Operation::Input | Operation::Parameter) => {
                entry.value = value;
                state.current = state.current.min(node);
                Ok(())
            }
            entry => Err(Error::NotAnInput {
                node,
                operation: entry.map_or("", |entry| entry.operation.name()),
            }),
        })
    }

    /// The node's value.
    /// # Errors
    /// As [`Graph::check`].
    pub fn value(self) -> Result<f32> {
        self.with(|state, index| {
            evaluate(&mut state.nodes, &mut state.current, index + 1);
            Ok(read(state, index, |entry| entry.value))
        })
    }

    /// The gradient by this node of the node that [`Node::backward`] was last called on; 0 before.
    /// # Errors
    /// As [`Graph::check`].
    pub fn gradient(self) -> Result<f32> {
        self.with(|state, index| Ok(read(state, index, |entry| entry.gradient)))
    }

    /// Computes ∂self/∂node for every node by the chain rule, starting with 1 for this node. The
    /// [module](super) states the order.
    /// # Errors
    /// As [`Graph::check`].
    pub fn backward(self) -> Result<()> {
        self.chain(false)
    }

    /// [`Node::backward`] for one sample of a mini-batch: it adds to the gradients of leaves
    /// (inputs, parameters, constants).
    /// # Errors
    /// As [`Graph::check`].
    pub fn accumulate(self) -> Result<()> {
        self.chain(true)
    }

    fn chain(self, keep: bool) -> Result<()> {
        self.with(|state, index| {
            evaluate(&mut state.nodes, &mut state.current, index + 1);
            chain(&mut state.nodes, index, keep);
            Ok(())
        })
    }

    /// The node's index in the order of the nodes, from 0.
    /// # Errors
    /// As [`Graph::check`].
    pub fn index(self) -> Result<usize> {
        self.with(|_, index| Ok(index))
    }

    /// The node's operation.
    /// # Errors
    /// As [`Graph::check`].
    pub fn operation(self) -> Result<Operation> {
        self.with(|state, index| {
            Ok(state.nodes.get(index).map_or(Operation::Constant, |entry| entry.operation))
        })
    }

    /// The node's inputs: none, one, or two.
    /// # Errors
    /// As [`Graph::check`].
    pub fn inputs(self) -> Result<Vec<Self, 2>> {
        self.with(|state, index| {
            let inputs = state.nodes.get(index).map_or(&[][..], Entry::inputs);
            Ok(inputs.iter().map(|&index| Self { graph: self.graph, index }).collect())
        })
    }

    /// Runs `f` on the graph's state and the node's index, if it has one.
    fn with<R>(self, f: impl FnOnce(&mut State<N>, usize) -> Result<R>) -> Result<R> {
        // A node without an index belongs to a graph with an error.
        self.graph.with(|state| f(state, usize::from(self.index)))
    }

    pub(super) fn apply(self, operation: Operation) -> Self {
        self.graph.push(operation, [self.index, 0], 0.0)
    }

    pub(super) fn combine(self, operation: Operation, other: Self) -> Self {
        self.graph.push(operation, [self.index, self.graph.own(other)], 0.0)
    }
}

fn read<const N: usize>(state: &State<N>, index: usize, f: impl FnOnce(&Entry) -> f32) -> f32 {
    state.nodes.get(index).map_or(f32::NAN, f)
}

impl Entry {
    /// The indices of its inputs.
    pub(super) fn inputs(&self) -> &[u16] {
        self.inputs.get(..self.operation.arity()).unwrap_or(&[])
    }
}

impl<const N: usize> fmt::Debug for Node<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.index == NOWHERE {
            return f.write_str("Node(nowhere)");
        }
        write!(f, "Node(#{})", self.index)
    }
}

impl<const N: usize> ops::Neg for Node<'_, N> {
    type Output = Self;
    fn neg(self) -> Self {
        self.apply(Operation::Negate)
    }
}

impl<'g, const N: usize> ops::Neg for &Node<'g, N> {
    type Output = Node<'g, N>;
    fn neg(self) -> Node<'g, N> {
        -*self
    }
}

/// `$trait<$right> for $left`; `self` and `other` are turned into handles.
macro_rules! operator {
    ($($operation:ident $trait:ident $method:ident $assign_trait:ident $assign:ident)*) => {$(
        operator!($operation $trait $method: Node<'g, N>, Node<'g, N>; a, b => a, b);
        operator!($operation $trait $method: Node<'g, N>, &Node<'g, N>; a, b => a, *b);
        operator!($operation $trait $method: &Node<'g, N>, Node<'g, N>; a, b => *a, b);
        operator!($operation $trait $method: &Node<'g, N>, &Node<'g, N>; a, b => *a, *b);
        operator!($operation $trait $method: Node<'g, N>, f32; a, b => a, a.graph.constant(b));
        operator!($operation $trait $method: &Node<'g, N>, f32; a, b => *a, a.graph.constant(b));
        operator!($operation $trait $method: f32, Node<'g, N>; a, b => b.graph.constant(a), b);
        operator!($operation $trait $method: f32, &Node<'g, N>; a, b => b.graph.constant(a), *b);

        impl<'g, const N: usize, R: Operand<'g, N>> ops::$assign_trait<R> for Node<'g, N> {
            fn $assign(&mut self, other: R) {
                *self = self.combine(Operation::$operation, other.node(self.graph));
            }
        }
    )*};
    (
        $operation:ident $trait:ident $method:ident: $left:ty, $right:ty;
        $a:ident, $b:ident => $x:expr, $y:expr
    ) => {
        impl<'g, const N: usize> ops::$trait<$right> for $left {
            type Output = Node<'g, N>;
            fn $method(self, other: $right) -> Node<'g, N> {
                let ($a, $b) = (self, other);
                let left: Node<'g, N> = $x;
                left.combine(Operation::$operation, $y)
            }
        }
    };
}

operator! {
    Add Add add AddAssign add_assign
    Subtract Sub sub SubAssign sub_assign
    Multiply Mul mul MulAssign mul_assign
    Divide Div div DivAssign div_assign
}
