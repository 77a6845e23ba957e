//! A graph as text: a table, and Graphviz' DOT. Both are written through `core::fmt`, for example
//! to a serial port.

use super::{Entry, Graph, NO_NUMBER, number::Number};
use crate::error::{Error, graph_full, other_graph};
use core::fmt::{self, Write as _};

/// A node's name, followed by its number.
pub(super) struct Name(&'static str, u16);

/// A node's name, or #index.
pub(super) struct Label(Name, usize);

impl Entry {
    pub(super) fn name(&self) -> Name {
        Name(self.name, self.number)
    }

    pub(super) fn label(&self, index: usize) -> Label {
        Label(self.name(), index)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)?;
        if self.0.is_empty() || self.1 == NO_NUMBER { Ok(()) } else { write!(f, "{}", self.1) }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.0.is_empty() { write!(f, "#{}", self.1) } else { self.0.fmt(f) }
    }
}

/// The number of characters that `what` prints.
pub(super) fn width(what: impl fmt::Display) -> usize {
    struct Count(usize);
    impl fmt::Write for Count {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 += text.chars().count();
            Ok(())
        }
    }
    let mut count = Count(0);
    // Counting cannot fail.
    let _ = write!(count, "{what}");
    count.0
}

/// Writes `what`, spaces up to `columns`, and two more. (A width in `write!` could panic if it were
/// very large.)
fn column(f: &mut fmt::Formatter<'_>, what: impl fmt::Display, columns: usize) -> fmt::Result {
    write!(f, "{what}")?;
    (width(&what)..columns + 2).try_for_each(|_| f.write_char(' '))
}

/// The inputs of a node, by name.
struct Inputs<'a, const N: usize>(&'a Graph<N>, Entry);

impl<const N: usize> fmt::Display for Inputs<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for &input in self.1.inputs() {
            let index = usize::from(input);
            if let Some(entry) = self.0.entry(index) {
                write!(f, "{between}{}", entry.label(index))?;
                between = ", ";
            }
        }
        Ok(())
    }
}

impl<const N: usize> Graph<N> {
    /// Each node and its index, with current values.
    pub(super) fn entries(&self) -> impl Iterator<Item = (usize, Entry)> {
        (0..self.len()).map_while(|i| Some((i, self.entry(i)?)))
    }

    /// The graph in Graphviz' language, for `dot -Tsvg`.
    #[must_use]
    pub const fn dot(&self) -> Dot<'_, N> {
        Dot(self)
    }
}

/// A table with one line for each node: index, name, operation, inputs, value, gradient. If the
/// graph has an error, the last line is its text.
impl<const N: usize> fmt::Display for Graph<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut names, mut operations, mut inputs) = (4, 9, 6);
        for (_, entry) in self.entries() {
            names = names.max(width(entry.name()));
            operations = operations.max(width(entry.operation));
            inputs = inputs.max(width(Inputs(self, entry)));
        }
        f.write_str("    #  ")?;
        column(f, "name", names)?;
        column(f, "operation", operations)?;
        column(f, "inputs", inputs)?;
        f.write_str("         value        gradient")?;
        for (i, entry) in self.entries() {
            write!(f, "\n{i:>5}  ")?;
            column(f, entry.name(), names)?;
            column(f, entry.operation, operations)?;
            column(f, Inputs(self, entry), inputs)?;
            write!(f, "{:>14}  {:>14}", Number(entry.value, 6), Number(entry.gradient, 6))?;
        }
        match self.check() {
            Err(Error::GraphFull { capacity, asked }) => {
                f.write_char('\n')?;
                graph_full(f, capacity, asked)
            }
            Err(Error::OtherGraph { node }) => {
                f.write_char('\n')?;
                other_graph(f, node)
            }
            _ => Ok(()),
        }
    }
}

/// A graph in Graphviz' language; [`Graph::dot`].
pub struct Dot<'a, const N: usize>(&'a Graph<N>);

/// Text inside quotation marks.
struct Quoted<T>(T);

impl<T: fmt::Display> fmt::Display for Quoted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Escape<'a, 'b>(&'a mut fmt::Formatter<'b>);
        impl fmt::Write for Escape<'_, '_> {
            fn write_char(&mut self, c: char) -> fmt::Result {
                if matches!(c, '"' | '\\') {
                    self.0.write_char('\\')?;
                }
                self.0.write_char(if c == '\n' { ' ' } else { c })
            }
            fn write_str(&mut self, text: &str) -> fmt::Result {
                text.chars().try_for_each(|c| self.write_char(c))
            }
        }
        write!(Escape(f), "{}", self.0)
    }
}

impl<const N: usize> fmt::Display for Dot<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("digraph {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n")?;
        for (i, entry) in self.0.entries() {
            write!(f, "  n{i} [label=\"")?;
            if !entry.name.is_empty() {
                write!(f, "{}: ", Quoted(entry.name()))?;
            }
            write!(
                f,
                "{}\\n{}\\ngradient {}\"",
                entry.operation,
                Number(entry.value, 4),
                Number(entry.gradient, 4)
            )?;
            f.write_str(if entry.operation.arity() == 0 { ", style=rounded];\n" } else { "];\n" })?;
            for input in entry.inputs() {
                writeln!(f, "  n{input} -> n{i};")?;
            }
        }
        f.write_str("}\n")
    }
}
