//! From an operator to a layer.

use super::{Operator, Reader, Value};
use crate::channels_first::transposed;
use crate::flow::{Frame, Moment, Operand, Operator as Arithmetic, Outcome, Step, Values, View};
use crate::model::{Activation, Cell, Pooling};

/// The number of float32 among the types of tensors.
pub const FLOAT: u8 = 0;

/// The name of a type of numbers.
pub fn kind(kind: u8) -> &'static str {
    match kind {
        0 => "float32",
        1 => "float16",
        2 => "int32",
        3 => "uint8",
        4 => "int64",
        5 => "string",
        6 => "bool",
        7 => "int16",
        9 => "int8",
        10 => "float64",
        13 => "a resource",
        17 => "int4",
        18 => "bfloat16",
        _ => "of another type",
    }
}

/// Whether weights of this type are quantized.
pub fn is_small(kind: u8) -> bool {
    matches!(kind, 1 | 3 | 7 | 9 | 17 | 18)
}

/// Whether an operator is read.
pub fn is_known(name: &str) -> bool {
    matches!(
        name,
        "ADD"
            | "AVERAGE_POOL_2D"
            | "BATCH_MATMUL"
            | "CONV_2D"
            | "DIV"
            | "EXPAND_DIMS"
            | "FULLY_CONNECTED"
            | "LEAKY_RELU"
            | "LOGISTIC"
            | "MAX_POOL_2D"
            | "MEAN"
            | "MUL"
            | "NEG"
            | "REDUCE_MAX"
            | "RELU"
            | "RESHAPE"
            | "RSQRT"
            | "SOFTMAX"
            | "SQRT"
            | "SQUARE"
            | "SQUARED_DIFFERENCE"
            | "SQUEEZE"
            | "STRIDED_SLICE"
            | "SUB"
            | "TANH"
            | "TRANSPOSE"
            | "UNIDIRECTIONAL_SEQUENCE_LSTM"
    )
}

/// The settings of an operator, whatever its operands are.
pub fn settings(operator: &Operator) -> Step<()> {
    match &operator.name[..] {
        "FULLY_CONNECTED" => fused(operator, 0).map(|_| ()),
        "MAX_POOL_2D" | "AVERAGE_POOL_2D" => fused(operator, 5).map(|_| ()),
        "CONV_2D" => {
            let options = operator.options.ok_or("no options")?;
            if options.i32_or(4, 1)? != 1 || options.i32_or(5, 1)? != 1 {
                return Err("dilations; Rosenblatt has none".into());
            }
            fused(operator, 3).map(|_| ())
        }
        _ => Ok(()),
    }
}

/// The activation in this field of an operator's options.
fn fused(operator: &Operator, field: usize) -> Step<Option<Activation>> {
    match operator.options.map_or(Ok(0), |options| options.u8(field))? {
        0 => Ok(None),
        1 => Ok(Some(Activation::Relu)),
        4 => Ok(Some(Activation::Tanh)),
        2 => Err("the activation RELU_N1_TO_1".into()),
        3 => Err("the activation RELU6".into()),
        5 => Err("the activation SIGN_BIT".into()),
        n => Err(format!("the activation {n}").into()),
    }
}

impl<'a> Reader<'a> {
    /// The output of an operator.
    pub fn layer(&mut self, operator: &Operator<'a>, all: &[Operator], name: &str) -> Step<Value> {
        let view = match &operator.name[..] {
            "FULLY_CONNECTED" => self.dense(operator, name)?,
            "BATCH_MATMUL" => self.matmul(operator, name)?,
            "CONV_2D" => self.conv(operator, name)?,
            "MAX_POOL_2D" => self.pool(operator, name, Pooling::Max)?,
            "AVERAGE_POOL_2D" => self.pool(operator, name, Pooling::Average)?,
            "MEAN" => return self.reduce(operator, all, name, Pooling::Average),
            "REDUCE_MAX" => return self.reduce(operator, all, name, Pooling::Max),
            "RELU" => self.activate(operator, name, Activation::Relu)?,
            "LOGISTIC" => self.activate(operator, name, Activation::Sigmoid)?,
            "TANH" => self.activate(operator, name, Activation::Tanh)?,
            "LEAKY_RELU" => {
                let slope = operator.options.map_or(Ok(0.0), |options| options.f32(0))?;
                self.activate(operator, name, Activation::leaky(slope)?)?
            }
            "SOFTMAX" => {
                let view = self.data(operator, 0)?;
                let beta = operator.options.map_or(Ok(0.0), |options| options.f32(0))?;
                if beta != 1.0 {
                    return Err(format!("beta {beta}; 1 is expected").into());
                }
                let last = view.dims().len().checked_sub(1).ok_or("a tensor of no axes")?;
                self.flow.softmax(name, &view, &[last])?
            }
            "RESHAPE" | "EXPAND_DIMS" | "SQUEEZE" => {
                let view = self.data(operator, 0)?;
                self.flow.reshaped(name);
                // Keras' dense layer on each step: the file leaves open how many rows there are.
                if self.is_open(operator, &view)? && self.goes_to_dense(operator, all) {
                    view
                } else {
                    self.declared(operator, &view)?
                }
            }
            "TRANSPOSE" => {
                let axes = self.whole(operator, 1)?;
                let axes: Result<Vec<_>, _> = axes.into_iter().map(usize::try_from).collect();
                self.data(operator, 0)?.transposed(&axes.map_err(|_| "a negative axis")?)?
            }
            "STRIDED_SLICE" => self.slice(operator)?,
            "UNIDIRECTIONAL_SEQUENCE_LSTM" => self.lstm(operator, name)?,
            "ADD" => return self.arithmetic(operator, name, Arithmetic::Add),
            "SUB" => return self.arithmetic(operator, name, Arithmetic::Sub),
            "MUL" => return self.arithmetic(operator, name, Arithmetic::Mul),
            "DIV" => return self.arithmetic(operator, name, Arithmetic::Div),
            "SQUARED_DIFFERENCE" => {
                return self.arithmetic(operator, name, Arithmetic::SquaredDifference);
            }
            other => {
                let other = match other {
                    "NEG" => "Neg",
                    "RSQRT" => "Rsqrt",
                    "SQRT" => "Sqrt",
                    _ => "Square",
                };
                let Some(Value::Moment(moment)) = self.value(operator, 0) else {
                    return Err("it is read only as a part of a layer normalization".into());
                };
                let next =
                    moment.apply(other).ok_or("a step of a layer normalization is expected")?;
                return Ok(Value::Moment(next));
            }
        };
        Ok(Value::Data(view))
    }

    fn value(&self, operator: &Operator, input: usize) -> Option<Value> {
        operator.inputs.get(input).and_then(|input| self.values.get(input)).cloned()
    }

    /// The output of a layer.
    fn data(&self, operator: &Operator, input: usize) -> Step<View> {
        match self.value(operator, input) {
            Some(Value::Data(view)) => Ok(view),
            _ => Err(format!("the output of a layer as operand {input} is expected").into()),
        }
    }

    /// Real numbers of the file; None if the operator has no such operand.
    fn floats(&mut self, operator: &Operator, input: usize) -> Step<Option<Values>> {
        let Some(index) = operator.inputs.get(input).filter(|index| **index >= 0) else {
            return Ok(None);
        };
        let tensor = self.tensor(*index)?;
        let name = &tensor.name;
        if tensor.kind != FLOAT {
            return Err(format!("{name:?} is {}; float32 is expected", kind(tensor.kind)).into());
        }
        let bytes = self.content(&tensor)?;
        let size = tensor.shape.iter().try_fold(4usize, |all, n| all.checked_mul(*n));
        if bytes.is_empty() || size != Some(bytes.len()) || tensor.shape.len() > 8 {
            let n = bytes.len() / 4;
            return Err(
                format!("{name:?} has the shape {:?} and {n} constants", tensor.shape).into()
            );
        }
        self.budget = self
            .budget
            .checked_sub(bytes.len() / 4)
            .ok_or("the graph uses its constants more often than a network does")?;
        let values = bytes.as_chunks().0.iter().map(|it| f32::from_le_bytes(*it)).collect();
        Ok(Some((tensor.shape, values)))
    }

    fn constant(&mut self, operator: &Operator, input: usize) -> Step<Values> {
        let floats = self.floats(operator, input)?;
        floats.ok_or_else(|| format!("a constant as operand {input} is expected").into())
    }

    /// Whole numbers of the file.
    fn whole(&self, operator: &Operator, input: usize) -> Step<Vec<i64>> {
        let index = operator.inputs.get(input).ok_or("an operand is not there")?;
        let tensor = self.tensor(*index)?;
        let bytes = self.content(&tensor)?;
        let size = tensor.shape.iter().try_fold(1usize, |all, n| all.checked_mul(*n));
        let values: Vec<i64> = match tensor.kind {
            2 => {
                let numbers = bytes.as_chunks().0.iter().take(super::MOST + 1);
                numbers.map(|it| i64::from(i32::from_le_bytes(*it))).collect()
            }
            4 => {
                let numbers = bytes.as_chunks().0.iter().take(super::MOST + 1);
                numbers.map(|it| i64::from_le_bytes(*it)).collect()
            }
            _ => vec![],
        };
        if size != Some(values.len()) || values.is_empty() || values.len() > super::MOST {
            return Err(format!("constant whole numbers as operand {input} are expected").into());
        }
        Ok(values)
    }

    /// A view with the shape that the file states for the operator's output.
    fn declared(&self, operator: &Operator, view: &View) -> Step<View> {
        let output = operator.outputs.first().ok_or("an operator without an output")?;
        view.reshaped(&self.tensor(*output)?.shape)
    }

    /// Whether the file leaves open how large the output of these values is.
    fn is_open(&self, operator: &Operator, view: &View) -> Step<bool> {
        let output = operator.outputs.first().ok_or("an operator without an output")?;
        let tensor = self.tensor(*output)?;
        let size = tensor.shape.iter().try_fold(1usize, |all, n| all.checked_mul(*n));
        Ok(tensor.open && size != Some(view.count()))
    }

    /// Whether only dense layers take the output.
    fn goes_to_dense(&self, operator: &Operator, all: &[Operator]) -> bool {
        let users = operator.outputs.iter().filter_map(|output| self.users.get(output)).flatten();
        users.filter_map(|index| all.get(*index)).all(|user| user.name == "FULLY_CONNECTED")
    }

    /// The activation at the end of an operator.
    fn fused(&mut self, name: &str, view: View, operator: &Operator, field: usize) -> Step<View> {
        match fused(operator, field)? {
            Some(activation) => self.flow.activate(name, &view, activation),
            None => Ok(view),
        }
    }

    fn dense(&mut self, operator: &Operator, name: &str) -> Step<View> {
        let view = self.data(operator, 0)?;
        let (shape, w) = self.constant(operator, 1)?;
        let b = self.floats(operator, 2)?.map(|(_, b)| b);
        let &[units, inputs] = &shape[..] else {
            return Err(format!("weights of the shape {shape:?}").into());
        };
        if operator.options.map_or(Ok(0), |options| options.u8(1))? != 0 {
            return Err("weights that are shuffled".into());
        }
        // One row of all values, or a row on each step.
        let row = if inputs == view.count() {
            view.reshaped(&[1, inputs])?
        } else if view.dims().last() == Some(&inputs) {
            view
        } else {
            return Err(format!("weights {shape:?} for a tensor {:?}", view.dims()).into());
        };
        let (_, w) = transposed(&shape, &w, &[1, 0]);
        let view = self.flow.dense(name, &row, units, &w, b)?;
        let view = self.fused(name, view, operator, 0)?;
        if self.is_open(operator, &view)? {
            return view.reshaped(&[view.count() / units.max(1), units]);
        }
        self.declared(operator, &view)
    }

    fn matmul(&mut self, operator: &Operator, name: &str) -> Step<View> {
        let view = self.data(operator, 0)?;
        let (mut shape, mut w) = self.constant(operator, 1)?;
        let flag = |field| operator.options.map_or(Ok(0), |options| options.u8(field));
        let (x, y) = (flag(0)?, flag(1)?);
        if x != 0 || shape.len() != 2 {
            return Err(format!("a product with a tensor {shape:?}").into());
        }
        if y != 0 {
            (shape, w) = transposed(&shape, &w, &[1, 0]);
        }
        if view.dims().last() != Some(&shape[0]) {
            return Err(format!("weights {shape:?} for a tensor {:?}", view.dims()).into());
        }
        self.flow.dense(name, &view, shape[1], &w, None)
    }

    fn conv(&mut self, operator: &Operator, name: &str) -> Step<View> {
        let view = self.data(operator, 0)?;
        let (shape, w) = self.constant(operator, 1)?;
        let b = self.floats(operator, 2)?.map(|(_, b)| b);
        let options = operator.options.ok_or("no options")?;
        settings(operator)?;
        let &[_, h, wide, channels] = &shape[..] else {
            return Err(format!("weights of the shape {shape:?}").into());
        };
        let dims = view.dims();
        if dims.len() != 4 || dims[0] != 1 || dims[3] != channels {
            return Err(format!("weights {shape:?} for a tensor {dims:?}").into());
        }
        let kernel = transposed(&shape, &w, &[1, 2, 3, 0]);
        let frame = Frame {
            positions: &[1, 2],
            channels: 3,
            size: &[h, wide],
            stride: &[size(options.i32(2)?)?, size(options.i32(1)?)?],
            same: same(options.u8(0)?)?,
        };
        let view = self.flow.conv(name, &view, &frame, kernel, b)?;
        self.fused(name, view, operator, 3)
    }

    fn pool(&mut self, operator: &Operator, name: &str, pooling: Pooling) -> Step<View> {
        let view = self.data(operator, 0)?;
        let options = operator.options.ok_or("no options")?;
        if view.dims().len() != 4 {
            return Err(format!("a tensor {:?}; [1, height, width, channels]", view.dims()).into());
        }
        let frame = Frame {
            positions: &[1, 2],
            channels: 3,
            size: &[size(options.i32(4)?)?, size(options.i32(3)?)?],
            stride: &[size(options.i32(2)?)?, size(options.i32(1)?)?],
            same: same(options.u8(0)?)?,
        };
        let view = self.flow.pool(name, &view, pooling, &frame)?;
        self.fused(name, view, operator, 5)
    }

    fn reduce(
        &mut self,
        operator: &Operator,
        all: &[Operator],
        name: &str,
        pooling: Pooling,
    ) -> Step<Value> {
        let axes = self.whole(operator, 1)?;
        let keep = operator.options.map_or(Ok(0), |options| options.u8(0))? != 0;
        let rank = match self.value(operator, 0) {
            Some(Value::Moment(moment)) => moment.rank(),
            _ => self.data(operator, 0)?.dims().len(),
        };
        let axis = |axis: &i64| {
            let at = if *axis < 0 { *axis + rank as i64 } else { *axis };
            usize::try_from(at).ok().filter(|axis| *axis < rank)
        };
        let axes: Option<Vec<_>> = axes.iter().map(axis).collect();
        let mut axes = axes.ok_or("an axis that the tensor does not have")?;
        axes.sort_unstable();
        axes.dedup();
        if let (Some(Value::Moment(moment)), &[axis], true) =
            (self.value(operator, 0), &axes[..], keep)
        {
            let mean = moment.mean_of(axis).ok_or("the square of a difference is expected")?;
            return Ok(Value::Moment(mean));
        }
        let view = self.data(operator, 0)?;
        let normalizes = |output: &i32| {
            let users = self.users.get(output).into_iter().flatten();
            users
                .filter_map(|index| all.get(*index))
                .all(|user| matches!(&user.name[..], "SUB" | "NEG" | "SQUARED_DIFFERENCE"))
        };
        if let (&[axis], true, Pooling::Average) = (&axes[..], keep, pooling)
            && operator.outputs.first().is_some_and(normalizes)
        {
            return Ok(Value::Moment(Moment::mean(&view, axis)));
        }
        if axes.contains(&0) && rank > 1 {
            return Err("a reduction over the samples".into());
        }
        let reduced = self.flow.global(name, &view, pooling, &axes)?;
        let reduced = if keep { reduced } else { reduced.squeezed(Some(&axes))? };
        Ok(Value::Data(reduced))
    }

    fn activate(&mut self, operator: &Operator, name: &str, activation: Activation) -> Step<View> {
        let view = self.data(operator, 0)?;
        self.flow.activate(name, &view, activation)
    }

    fn arithmetic(
        &mut self,
        operator: &Operator,
        name: &str,
        arithmetic: Arithmetic,
    ) -> Step<Value> {
        let (a, b) = (self.value(operator, 0), self.value(operator, 1));
        let c = if a.is_none() { Some(self.constant(operator, 0)?) } else { None };
        let d = if b.is_none() { Some(self.constant(operator, 1)?) } else { None };
        if let (Some(left), Some(right)) = (operand(&a, &c), operand(&b, &d))
            && let Some(outcome) = self.flow.moment(name, arithmetic, left, right)
        {
            return Ok(match outcome? {
                Outcome::Moment(moment) => Value::Moment(moment),
                Outcome::Data(view) => Value::Data(self.fused(name, view, operator, 0)?),
            });
        }
        let (view, (shape, mut values), swapped) = match (a, b, c, d) {
            (Some(Value::Data(view)), _, _, Some(constant)) => (view, constant, false),
            (_, Some(Value::Data(view)), Some(constant), _) => (view, constant, true),
            (Some(Value::Data(_)), Some(Value::Data(_)), ..) => {
                return Err("it takes two tensors of the network, which is not a chain then".into());
            }
            _ => return Err("the output of a layer and a constant are expected".into()),
        };
        let product = match (arithmetic, swapped) {
            (Arithmetic::Add, _) => false,
            (Arithmetic::Mul, _) => true,
            (Arithmetic::Sub, false) => {
                values.iter_mut().for_each(|value| *value = -*value);
                false
            }
            (Arithmetic::Div, false) => {
                values.iter_mut().for_each(|value| *value = 1.0 / *value);
                true
            }
            _ => return Err("a constant is expected as the second operand".into()),
        };
        let view = self.flow.affine(name, &view, product, &shape, &values)?;
        self.fused(name, view, operator, 0).map(Value::Data)
    }

    /// The last step of a recurrent layer.
    fn slice(&mut self, operator: &Operator) -> Step<View> {
        let view = self.data(operator, 0)?;
        let dims = view.dims();
        let begin = self.whole(operator, 1)?;
        let options = operator.options.ok_or("no options")?;
        let masks = [options.i32(0)?, options.i32(1)?, options.i32(2)?, options.i32(3)?];
        let [starts, ends, ellipsis, new] = masks;
        let (end, step) = (self.whole(operator, 2)?, self.whole(operator, 3)?);
        let full = |axis: usize| {
            let n = dims[axis] as i64;
            let from = starts >> axis & 1 != 0 || begin[axis] == 0;
            from && (ends >> axis & 1 != 0 || end[axis] >= n)
        };
        let rank = dims.len();
        if [begin.len(), end.len(), step.len()] == [rank; 3]
            && (ellipsis, new) == (0, 0)
            && step.iter().all(|step| *step == 1)
        {
            let cut: Vec<usize> = (0..rank).filter(|axis| !full(*axis)).collect();
            if let [axis] = cut[..]
                && (begin[axis] == -1 || begin[axis] == dims[axis] as i64 - 1)
            {
                let view = self.flow.last_step(&view, axis)?;
                return self.declared(operator, &view);
            }
        }
        Err("only the last step of a recurrent layer can be taken".into())
    }

    fn lstm(&mut self, operator: &Operator, name: &str) -> Step<View> {
        let view = self.data(operator, 0)?;
        let options = operator.options.ok_or("no options")?;
        if options.u8(0)? != 4 || options.f32(2)? != 0.0 {
            return Err("another activation than tanh, or a clipped projection".into());
        }
        let absent = |input: usize| operator.inputs.get(input).is_none_or(|index| *index < 0);
        if ![9, 10, 11, 16, 17, 20, 21, 22, 23].into_iter().all(absent) {
            return Err("peepholes, a projection or a layer normalization in the cell".into());
        }
        let (steps, samples) = if options.u8(3)? != 0 { (0, 1) } else { (1, 0) };
        let dims = view.dims();
        if dims.len() != 3 || dims[samples] != 1 {
            return Err(format!("a tensor {dims:?}; one sample with steps and values").into());
        }
        // The converter limits each state of a cell to ±10. No state is larger than its step.
        let clip = options.f32(1)?;
        if clip != 0.0 && dims[steps] as f32 > clip {
            return Err(format!(
                "the state of the cell is limited to ±{clip}, which {} steps can reach; Rosenblatt \
                 does not limit it",
                dims[steps]
            )
            .into());
        }
        // TensorFlow Lite has a tensor for each gate i, f, c, o.
        let (mut w, mut u, mut b) = (Vec::new(), Vec::new(), Vec::new());
        let mut units = 0;
        for gate in 0..4 {
            let (shape, values) = self.constant(operator, 1 + gate)?;
            let (of_state, state) = self.constant(operator, 5 + gate)?;
            let bias = self.constant(operator, 12 + gate)?.1;
            if gate > 0 && bias.len() != units {
                return Err("gates of several sizes".into());
            }
            units = bias.len();
            if shape != [units, dims[2]] || of_state != [units, units] {
                return Err(format!("weights {shape:?} and {of_state:?} for {units} units").into());
            }
            w.push(values);
            u.push(state);
            b.extend(bias);
        }
        let joined = |all: &[Vec<f32>], inputs: usize| -> Values {
            let row = |i: usize| {
                all.iter().flat_map(move |gate| (0..units).map(move |unit| gate[unit * inputs + i]))
            };
            (vec![inputs, 4 * units], (0..inputs).flat_map(row).collect())
        };
        let weights = vec![joined(&w, dims[2]), joined(&u, units), (vec![b.len()], b)];
        let mut axes = [None, None, Some(1)];
        axes[steps] = Some(0);
        let of = [steps, 2];
        self.flow.recurrent(name, &view, of, Cell::Lstm, units, true, weights, &axes)
    }
}

fn operand<'b>(value: &'b Option<Value>, constant: &'b Option<Values>) -> Option<Operand<'b>> {
    match (value, constant) {
        (Some(Value::Data(view)), _) => Some(Operand::Data(view)),
        (Some(Value::Moment(moment)), _) => Some(Operand::Moment(moment)),
        (_, Some((shape, values))) => Some(Operand::Constant(shape, values)),
        _ => None,
    }
}

fn size(n: i32) -> Step<usize> {
    let n = usize::try_from(n).ok().filter(|n| (1..1 << 30).contains(n));
    n.ok_or_else(|| "a window or a stride of 0 or less".into())
}

fn same(padding: u8) -> Step<bool> {
    match padding {
        0 => Ok(true),
        1 => Ok(false),
        n => Err(format!("the padding {n}").into()),
    }
}
