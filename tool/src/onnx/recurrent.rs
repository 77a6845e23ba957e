//! Recurrent layers.

use super::proto::NodeProto;
use super::values::{self, Floats};
use super::{Reader, Value, operand};
use crate::flow::{Step, Values};
use crate::model::{Activation, Cell};

impl<'a> Reader<'a> {
    /// `RNN`, `GRU` or `LSTM`: all states, and the last one.
    pub fn recurrent(&mut self, node: &'a NodeProto, name: &str) -> Step<Vec<Value<'a>>> {
        let view = self.data(node, 0)?;
        let (cell, order) = cell(node)?;
        let (w, u, b) = (self.constant(node, 1)?, self.constant(node, 2)?, self.floats(node, 3)?);
        let samples_first = values::int(node, "layout", 0) != 0;
        let (steps, samples) = if samples_first { (1, 0) } else { (0, 1) };
        let dims = view.dims();
        if dims.len() != 3 || dims[samples] != 1 {
            return Err(format!("a tensor {dims:?}; one sample with steps and values").into());
        }
        for (input, what) in [(5, "state"), (6, "cell state")] {
            if let Some(value) = self.value(node, input)
                && !self.zeros(&value)?
            {
                return Err(format!("a first {what} that is not zero").into());
            }
        }
        if self.value(node, 4).is_some()
            && self
                .whole(node, 4)
                .is_none_or(|(all, _)| all.iter().any(|n| *n != dims[steps] as i64))
        {
            return Err("sequences of several lengths (sequence_lens)".into());
        }
        let (sequence, last, state) =
            (self.is_used(node, 0), self.is_used(node, 1), self.is_used(node, 2));
        if sequence && last || state {
            return Err("all states, or the last one, and no cell state: one output is used".into());
        }
        let weights = weights(&cell, order, dims[2], &w, &u, b.as_deref())?;
        let units = u.shape[2];
        let axes: &[Option<usize>] = match (sequence, samples_first) {
            (true, false) => &[Some(0), None, None, Some(1)],
            (true, true) => &[None, Some(0), None, Some(1)],
            (false, _) => &[None, None, Some(1)],
        };
        let view =
            self.flow.recurrent(name, &view, [steps, 2], cell, units, sequence, weights, axes)?;
        Ok(if sequence { vec![view.into()] } else { vec![Value::Unknown, view.into()] })
    }
}

/// The cell, and ONNX' gate for each of Keras' gates.
fn cell(node: &NodeProto) -> Step<(Cell, &'static [usize])> {
    let given = values::words(node, "activations");
    let expect = |expected: &[&str]| match &given {
        Some(given)
            if given.len() != expected.len()
                || given.iter().zip(expected).any(|(a, b)| !a.eq_ignore_ascii_case(b)) =>
        {
            Err(format!("the activations {given:?}; {expected:?} are expected"))
        }
        _ => Ok(()),
    };
    match &node.op_type[..] {
        "RNN" => {
            let activation = match given.as_deref() {
                None => Activation::Tanh,
                Some([one]) if one.eq_ignore_ascii_case("Tanh") => Activation::Tanh,
                Some([one]) if one.eq_ignore_ascii_case("Relu") => Activation::Relu,
                Some([one]) if one.eq_ignore_ascii_case("Sigmoid") => Activation::Sigmoid,
                Some(given) => return Err(format!("the activations {given:?}").into()),
            };
            Ok((Cell::Simple(activation), &[0]))
        }
        "GRU" => {
            expect(&["Sigmoid", "Tanh"])?;
            if values::int(node, "linear_before_reset", 0) == 0 {
                return Err(
                    "the reset gate before the product (linear_before_reset 0); Rosenblatt \
                            has it behind, as Keras' reset_after"
                        .into(),
                );
            }
            Ok((Cell::Gru, &[0, 1, 2]))
        }
        _ => {
            expect(&["Sigmoid", "Tanh", "Tanh"])?;
            // i o f c becomes i f c o.
            Ok((Cell::Lstm, &[0, 2, 3, 1]))
        }
    }
}

/// The settings of a node.
pub fn settings(node: &NodeProto) -> Step<()> {
    cell(node)?;
    let direction = values::word(node, "direction", "forward");
    if direction != "forward" {
        return Err(format!("the direction {direction:?}; forward is expected").into());
    }
    if values::has(node, "clip") {
        return Err("clipped values (clip)".into());
    }
    if values::int(node, "input_forget", 0) != 0 {
        return Err("coupled gates (input_forget)".into());
    }
    if node.input.get(7).is_some_and(|name| !name.is_empty()) {
        return Err("peepholes".into());
    }
    Ok(())
}

/// Keras' w, u, b of ONNX' W `[1, gates·units, values]`, R `[1, gates·units, units]` and B
/// `[1, 2·gates·units]`.
fn weights(
    cell: &Cell,
    order: &[usize],
    inputs: usize,
    w: &Floats,
    u: &Floats,
    b: Option<&Floats>,
) -> Step<Vec<Values>> {
    let gates = order.len();
    let &[1, rows, units] = &u.shape[..] else {
        return Err(operand("R of the shape [1, gates·units, units]"));
    };
    if rows != gates.saturating_mul(units) || w.shape != [1, rows, inputs] || rows == 0 {
        return Err(format!("W {:?} and R {:?} for {inputs} values", w.shape, u.shape).into());
    }
    if b.is_some_and(|b| b.shape != [1, 2 * rows]) {
        return Err(format!("B {:?} for W {:?}", b.map(|b| &b.shape), w.shape).into());
    }
    let mut rows_of = Vec::with_capacity(rows);
    for gate in order {
        rows_of.extend(gate * units..(gate + 1) * units);
    }
    let transposed = |values: &[f32], n: usize| -> Vec<f32> {
        (0..n).flat_map(|i| rows_of.iter().map(move |row| values[row * n + i])).collect()
    };
    let all = vec![0.0; 2 * rows];
    let b = b.map_or(&all, |b| &b.values);
    let of_inputs = rows_of.iter().map(|row| b[*row]);
    let of_state = rows_of.iter().map(|row| b[*row + rows]);
    let b = if *cell == Cell::Gru {
        (vec![2, rows], of_inputs.chain(of_state).collect())
    } else {
        (vec![rows], of_inputs.zip(of_state).map(|(a, b)| a + b).collect())
    };
    Ok(vec![
        (vec![inputs, rows], transposed(&w.values, inputs)),
        (vec![units, rows], transposed(&u.values, units)),
        b,
    ])
}
