//! From a node to a layer.

use super::proto::NodeProto;
use super::values::{self, axis};
use super::{Reader, Value, operand, recurrent};
use crate::channels_first;
use crate::flow::{Fault, Frame, Moment, Operand, Operator, Outcome, Step, View, padding};
use crate::model::{Activation, Kind, Pooling};

/// Whether an operator is read.
pub fn is_known(operator: &str) -> bool {
    matches!(
        operator,
        "Add"
            | "AveragePool"
            | "BatchNormalization"
            | "Cast"
            | "Concat"
            | "Constant"
            | "ConstantOfShape"
            | "Conv"
            | "Div"
            | "Dropout"
            | "Expand"
            | "Flatten"
            | "GRU"
            | "Gather"
            | "Gemm"
            | "GlobalAveragePool"
            | "GlobalMaxPool"
            | "Identity"
            | "LSTM"
            | "LayerNormalization"
            | "LeakyRelu"
            | "MatMul"
            | "MaxPool"
            | "Mul"
            | "Neg"
            | "Pow"
            | "RNN"
            | "Reciprocal"
            | "ReduceMax"
            | "ReduceMean"
            | "Relu"
            | "Reshape"
            | "Shape"
            | "Sigmoid"
            | "Slice"
            | "Softmax"
            | "Sqrt"
            | "Squeeze"
            | "Sub"
            | "Tanh"
            | "Transpose"
            | "Unsqueeze"
    )
}

/// The settings of a node, whatever its operands are.
pub fn settings(node: &NodeProto) -> Step<()> {
    let number = |name: &str, expected: i64| values::int(node, name, expected) == expected;
    match &node.op_type[..] {
        "Conv" | "MaxPool" | "AveragePool"
            if values::ints(node, "dilations").is_some_and(|all| all.iter().any(|n| *n != 1)) =>
        {
            Err("dilations; Rosenblatt has none".into())
        }
        "Conv" if !number("group", 1) => {
            let group = values::int(node, "group", 1);
            Err(format!("{group} groups; Rosenblatt has no grouped convolution").into())
        }
        "MaxPool" if !number("storage_order", 0) => Err("indices by columns".into()),
        "BatchNormalization" if !number("training_mode", 0) || !number("spatial", 1) => {
            Err("a normalization by a batch's own mean, or for each position".into())
        }
        "LeakyRelu" => Ok(Activation::leaky(values::float(node, "alpha", 0.01)).map(|_| ())?),
        "RNN" | "GRU" | "LSTM" => recurrent::settings(node),
        _ => Ok(()),
    }
}

impl<'a> Reader<'a> {
    /// The outputs of a node.
    pub fn layer(&mut self, node: &'a NodeProto, name: &str) -> Step<Vec<Value<'a>>> {
        settings(node)?;
        let value: Value = match &node.op_type[..] {
            "Gemm" => self.gemm(node, name)?.into(),
            "MatMul" => self.matmul(node, name)?.into(),
            "Conv" => self.conv(node, name)?.into(),
            "MaxPool" => self.pool(node, name, Pooling::Max)?.into(),
            "AveragePool" => self.pool(node, name, Pooling::Average)?.into(),
            "GlobalAveragePool" => self.global(node, name, Pooling::Average)?.into(),
            "GlobalMaxPool" => self.global(node, name, Pooling::Max)?.into(),
            "ReduceMean" => self.reduce(node, name, Pooling::Average)?,
            "ReduceMax" => self.reduce(node, name, Pooling::Max)?,
            "BatchNormalization" => self.batch_norm(node, name)?.into(),
            "LayerNormalization" => self.layer_norm(node, name)?.into(),
            "Relu" => self.activate(node, name, Activation::Relu)?.into(),
            "Sigmoid" => self.activate(node, name, Activation::Sigmoid)?.into(),
            "Tanh" => self.activate(node, name, Activation::Tanh)?.into(),
            "LeakyRelu" => {
                let slope = Activation::leaky(values::float(node, "alpha", 0.01))?;
                self.activate(node, name, slope)?.into()
            }
            "Softmax" => self.softmax(node, name)?.into(),
            "Dropout" => self.dropout(node, name)?.into(),
            "RNN" | "GRU" | "LSTM" => return self.recurrent(node, name),
            "Constant" => self.literal(node)?,
            "Shape" => self.shape_of(node)?,
            "ConstantOfShape" | "Expand" => self.filled(node)?,
            "Slice" => match self.on_whole(node) {
                Some(value) => value,
                None => self.slice(node)?,
            },
            "Gather" => match self.on_whole(node) {
                Some(value) => value,
                None => self.gather(node)?,
            },
            "Concat" => self.on_whole(node).ok_or_else(|| {
                Fault::from("it joins tensors of the network, which is not a chain of layers then")
            })?,
            "Identity" | "Cast" => self.same(node)?,
            "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Transpose" => {
                self.shaped(node, name)?
            }
            "Add" => self.arithmetic(node, name, Operator::Add)?,
            "Sub" => self.arithmetic(node, name, Operator::Sub)?,
            "Mul" => self.arithmetic(node, name, Operator::Mul)?,
            "Div" => self.arithmetic(node, name, Operator::Div)?,
            _ => self.on_the_way(node)?,
        };
        Ok(vec![value])
    }

    /// A tensor itself. A conversion from float32 to float32 is one, too.
    fn same(&mut self, node: &NodeProto) -> Step<Value<'a>> {
        if let Some(value) = self.on_whole(node) {
            return Ok(value);
        }
        let to = values::int(node, "to", 1);
        if to != i64::from(values::FLOAT) {
            let kind = values::kind(i32::try_from(to).unwrap_or(0));
            return Err(format!("a conversion to {kind}; float32 is expected").into());
        }
        let value = self.value(node, 0).ok_or_else(|| operand("a tensor"))?;
        if let Value::Tensor(tensor) = &value
            && tensor.data_type != values::FLOAT
        {
            let kind = values::kind(tensor.data_type);
            return Err(format!("a constant of {kind}; float32 is expected").into());
        }
        Ok(value)
    }

    fn gemm(&mut self, node: &NodeProto, name: &str) -> Step {
        let mut view = self.data(node, 0)?;
        let w = self.constant(node, 1)?;
        let c = self.floats(node, 2)?;
        if values::int(node, "transA", 0) != 0 {
            view = view.transposed(&[1, 0])?;
        }
        let mut w = match w.shape[..] {
            [_, _] if values::int(node, "transB", 0) != 0 => {
                channels_first::transposed(&w.shape, &w.values, &[1, 0])
            }
            [_, _] => (w.shape.clone(), w.values.clone()),
            _ => return Err(format!("weights of the shape {:?}", w.shape).into()),
        };
        let units = w.0.last().copied().unwrap_or(0);
        let alpha = values::float(node, "alpha", 1.0);
        if alpha != 1.0 {
            w.1.iter_mut().for_each(|w| *w *= alpha);
        }
        let beta = values::float(node, "beta", 1.0);
        let b = match c {
            None => None,
            Some(c) => {
                let row = c.shape.iter().rev().skip(1).all(|n| *n == 1);
                let mut b = match c.values[..] {
                    [one] => vec![one; units],
                    _ if row && c.values.len() == units => c.values.clone(),
                    _ => return Err(format!("a bias {:?} for {units} units", c.shape).into()),
                };
                if beta != 1.0 {
                    b.iter_mut().for_each(|b| *b *= beta);
                }
                Some(b)
            }
        };
        self.flow.dense(name, &view, units, &w.1, b)
    }

    fn matmul(&mut self, node: &NodeProto, name: &str) -> Step {
        let view = self.data(node, 0)?;
        let w = self.constant(node, 1)?;
        let &[inputs, units] = &w.shape[..] else {
            return Err(format!("weights of the shape {:?}; two axes are expected", w.shape).into());
        };
        if view.dims().last() != Some(&inputs) {
            return Err(format!("weights {:?} for a tensor {:?}", w.shape, view.dims()).into());
        }
        self.flow.dense(name, &view, units, &w.values, None)
    }

    fn conv(&mut self, node: &NodeProto, name: &str) -> Step {
        let view = self.data(node, 0)?;
        let w = self.constant(node, 1)?;
        let b = self.floats(node, 2)?.map(|b| b.values.clone());
        let dims = view.dims();
        if w.shape.len() != dims.len() || w.shape.len() < 3 || w.shape[1] != dims[1] {
            return Err(format!("weights {:?} for a tensor {dims:?}", w.shape).into());
        }
        let size = &w.shape[2..];
        let window = self.window(node, &view, Some(size))?;
        let kernel = channels_first::kernel(&w.shape, &w.values);
        self.flow.conv(name, &view, &window.frame(), kernel, b)
    }

    fn pool(&mut self, node: &NodeProto, name: &str, pooling: Pooling) -> Step {
        let view = self.data(node, 0)?;
        if self.is_used(node, 1) {
            return Err("the indices of the greatest values".into());
        }
        let window = self.window(node, &view, None)?;
        if pooling == Pooling::Average
            && window.padded
            && values::int(node, "count_include_pad", 0) != 0
        {
            return Err("a mean that counts padded positions (count_include_pad)".into());
        }
        self.flow.pool(name, &view, pooling, &window.frame())
    }

    /// Window, stride and padding of a node on `[samples, channels, positions …]`.
    fn window(&self, node: &NodeProto, view: &View, kernel: Option<&[usize]>) -> Step<Sliding> {
        let dims = view.dims();
        let Some((&[1, _], positions)) = dims.split_first_chunk::<2>() else {
            return Err(format!("a tensor {dims:?}; [samples, channels, positions …]").into());
        };
        let rank = positions.len();
        if !(1..=2).contains(&rank) {
            return Err(format!("{rank} axes of positions; Rosenblatt has one or two").into());
        }
        let sizes = |name: &str, default: usize| match values::ints(node, name) {
            None => Ok(vec![default; rank]),
            Some(all) if all.len() == rank && all.iter().all(|n| (1..1 << 30).contains(n)) => {
                Ok(all.iter().map(|n| *n as usize).collect())
            }
            Some(all) => Err(Fault::from(format!("{name} {:?}", &all[..all.len().min(8)]))),
        };
        let size = match (values::has(node, "kernel_shape"), kernel) {
            (true, kernel) => {
                let size = sizes("kernel_shape", 1)?;
                if kernel.is_some_and(|kernel| kernel != size) {
                    return Err(format!("kernel_shape {size:?} for weights {kernel:?}").into());
                }
                size
            }
            (false, Some(kernel)) => kernel.to_vec(),
            (false, None) => return Err(operand("kernel_shape")),
        };
        let stride = sizes("strides", 1)?;
        let mut pads = match values::ints(node, "pads") {
            None => vec![[0, 0]; rank],
            Some(all) if all.len() == 2 * rank && all.iter().all(|n| (0..1 << 30).contains(n)) => {
                (0..rank).map(|axis| [all[axis] as usize, all[axis + rank] as usize]).collect()
            }
            Some(all) => return Err(format!("pads {:?}", &all[..all.len().min(8)]).into()),
        };
        let round_up = values::int(node, "ceil_mode", 0) != 0;
        let all = |axis: usize| {
            let (n, k, s): (usize, usize, usize) = (positions[axis], size[axis], stride[axis]);
            (n.div_ceil(s) - 1).saturating_mul(s).saturating_add(k).saturating_sub(n)
        };
        let same = match values::word(node, "auto_pad", "NOTSET") {
            "" | "NOTSET" => {
                if round_up && pads.iter().all(|pads| *pads == [0, 0]) {
                    // The last window, which is not whole, counts: the padding behind it.
                    for axis in 0..rank {
                        let (n, k, s) = (positions[axis], size[axis], stride[axis]);
                        if let Some(rest) = n.checked_sub(k).map(|n| n % s).filter(|n| *n > 0) {
                            pads[axis][1] = s - rest;
                        }
                    }
                } else if round_up {
                    return Err("a number of windows that is rounded up (ceil_mode)".into());
                }
                padding(positions, &size, &stride, &pads)?
            }
            "VALID" => false,
            "SAME_UPPER" => true,
            "SAME_LOWER" if (0..rank).all(|axis| all(axis).is_multiple_of(2)) => true,
            pad => return Err(format!("the padding {pad:?}").into()),
        };
        let padded = same && (0..rank).any(|axis| all(axis) > 0);
        Ok(Sliding { positions: (2..2 + rank).collect(), size, stride, same, padded })
    }

    fn global(&mut self, node: &NodeProto, name: &str, pooling: Pooling) -> Step {
        let view = self.data(node, 0)?;
        let rank = view.dims().len();
        if rank < 3 {
            return Err(format!("a tensor {:?} without positions", view.dims()).into());
        }
        self.flow.global(name, &view, pooling, &(2..rank).collect::<Vec<_>>())
    }

    fn reduce(&mut self, node: &NodeProto, name: &str, pooling: Pooling) -> Step<Value<'a>> {
        let axes = self.ints(node, "axes", 1)?.ok_or_else(|| operand("axes"))?;
        let keep = values::int(node, "keepdims", 1) != 0;
        if let (Some(Value::Moment(moment)), [at], true) = (self.value(node, 0), &axes[..], keep) {
            let mean = moment.mean_of(axis(*at, moment.rank())?);
            return mean.map(Value::Moment).ok_or_else(|| operand("the square of a difference"));
        }
        let view = self.data(node, 0)?;
        let mut positions = values::axes(&axes, view.dims().len())?;
        positions.sort_unstable();
        positions.dedup();
        let normalizes = ["Sub", "Neg"];
        if let ([axis], true, Pooling::Average) = (&positions[..], keep, pooling)
            && node.output.first().is_some_and(|name| self.only_used_by(name, &normalizes))
        {
            return Ok(Value::Moment(Moment::mean(&view, *axis)));
        }
        if positions.contains(&0) && view.dims().len() > 1 {
            return Err("a reduction over the samples".into());
        }
        let reduced = self.flow.global(name, &view, pooling, &positions)?;
        Ok(if keep { reduced } else { reduced.squeezed(Some(&positions))? }.into())
    }

    fn batch_norm(&mut self, node: &NodeProto, name: &str) -> Step {
        let view = self.data(node, 0)?;
        let mut all = [vec![], vec![], vec![], vec![]];
        for (input, values) in all.iter_mut().enumerate() {
            *values = self.constant(node, input + 1)?.values.clone();
        }
        let momentum = values::float(node, "momentum", 0.9);
        // Its decimal digits: 1 − 0.99 is 0.01, not the nearest number to 1 − 0.9900000095.
        let momentum: f64 = momentum.to_string().parse().map_err(|_| operand("momentum"))?;
        let share = (1.0 - momentum) as f32;
        let epsilon = values::float(node, "epsilon", 1e-5);
        if view.dims().len() < 2 {
            return Err(format!("a tensor {:?} without channels", view.dims()).into());
        }
        self.flow.batch_norm(name, &view, 1, (epsilon, share), all)
    }

    fn layer_norm(&mut self, node: &NodeProto, name: &str) -> Step {
        let view = self.data(node, 0)?;
        let rank = view.dims().len();
        let at = axis(values::int(node, "axis", -1), rank)?;
        if at + 1 != rank || self.is_used(node, 1) || self.is_used(node, 2) {
            return Err("a normalization over the last axis, with one output, is expected".into());
        }
        let gamma = self.constant(node, 1)?.values.clone();
        let beta = self.floats(node, 2)?.map(|beta| beta.values.clone());
        let beta = beta.unwrap_or_else(|| vec![0.0; gamma.len()]);
        let epsilon = values::float(node, "epsilon", 1e-5);
        self.flow.layer_norm(name, &view, at, epsilon, [gamma, beta])
    }

    fn activate(&mut self, node: &NodeProto, name: &str, activation: Activation) -> Step {
        let view = self.data(node, 0)?;
        self.flow.activate(name, &view, activation)
    }

    fn softmax(&mut self, node: &NodeProto, name: &str) -> Step {
        let view = self.data(node, 0)?;
        let rank = view.dims().len();
        // Before version 13 it is over this axis and all behind it.
        let axes: Vec<usize> = if self.opset < 13 {
            (axis(values::int(node, "axis", 1), rank)?..rank).collect()
        } else {
            vec![axis(values::int(node, "axis", -1), rank)?]
        };
        self.flow.softmax(name, &view, &axes)
    }

    fn dropout(&mut self, node: &NodeProto, name: &str) -> Step {
        let view = self.data(node, 0)?;
        let ratio = match self.floats(node, 1)?.as_deref() {
            Some(ratio) => ratio.values.first().copied().unwrap_or(0.5),
            None => values::float(node, "ratio", 0.5),
        };
        if self.is_used(node, 1) || !(0.0..1.0).contains(&ratio) {
            return Err(format!("a share of {ratio}, from 0 to below 1 without a mask").into());
        }
        if ratio == 0.0 {
            return Ok(view);
        }
        let rate = (f64::from(ratio) * (1u64 << 32) as f64) as u32;
        self.flow.each(name, &view, Kind::Dropout { rate, seed: 0 })
    }

    fn arithmetic(
        &mut self,
        node: &'a NodeProto,
        name: &str,
        operator: Operator,
    ) -> Step<Value<'a>> {
        if let Some(value) = self.on_whole(node) {
            return Ok(value);
        }
        let (a, b) = (self.value(node, 0), self.value(node, 1));
        let constant = |reader: &mut Self, input: usize, value: &Option<Value>| match value {
            Some(Value::Tensor(_) | Value::Floats(_)) => reader.floats(node, input),
            _ => Ok(None),
        };
        let (c, d) = (constant(self, 0, &a)?, constant(self, 1, &b)?);
        let left = operand_of(&a, c.as_deref());
        let right = operand_of(&b, d.as_deref());
        if let (Some(left), Some(right)) = (left, right)
            && let Some(outcome) = self.flow.moment(name, operator, left, right)
        {
            return Ok(match outcome? {
                Outcome::Moment(moment) => Value::Moment(moment),
                Outcome::Data(view) => Value::Data(view),
            });
        }
        let (view, constant, swapped) = match (a, b, c, d) {
            (Some(Value::Data(view)), _, _, Some(constant)) => (view, constant, false),
            (_, Some(Value::Data(view)), Some(constant), _) => (view, constant, true),
            (Some(Value::Data(_)), Some(Value::Data(_)), ..) => {
                return Err("it takes two tensors of the network, which is not a chain then".into());
            }
            _ => return Err(operand("the output of a layer and a constant")),
        };
        let (product, values) = match (operator, swapped) {
            (Operator::Add, _) => (false, constant.values.clone()),
            (Operator::Mul, _) => (true, constant.values.clone()),
            (Operator::Sub, false) => (false, constant.values.iter().map(|c| -c).collect()),
            (Operator::Div, false) => (true, constant.values.iter().map(|c| 1.0 / c).collect()),
            _ => return Err("a constant is expected as the second operand".into()),
        };
        Ok(self.flow.affine(name, &view, product, &constant.shape, &values)?.into())
    }

    /// An operator that only a layer normalization has.
    fn on_the_way(&mut self, node: &NodeProto) -> Step<Value<'a>> {
        let Some(Value::Moment(moment)) = self.value(node, 0) else {
            return Err("it is read only as a part of a layer normalization".into());
        };
        let operator = match &node.op_type[..] {
            "Pow" if self.floats(node, 1)?.is_some_and(|power| power.values == [2.0]) => "Square",
            operator => operator,
        };
        let next = moment.apply(operator).map(Value::Moment);
        next.ok_or_else(|| operand("a step of a layer normalization"))
    }
}

fn operand_of<'b>(
    value: &'b Option<Value>,
    constant: Option<&'b values::Floats>,
) -> Option<Operand<'b>> {
    match (value, constant) {
        (Some(Value::Data(view)), _) => Some(Operand::Data(view)),
        (Some(Value::Moment(moment)), _) => Some(Operand::Moment(moment)),
        (_, Some(floats)) => Some(Operand::Constant(&floats.shape, &floats.values)),
        _ => None,
    }
}

/// A window on `[samples, channels, positions …]`.
struct Sliding {
    positions: Vec<usize>,
    size: Vec<usize>,
    stride: Vec<usize>,
    same: bool,
    padded: bool,
}

impl Sliding {
    fn frame(&self) -> Frame<'_> {
        Frame {
            positions: &self.positions,
            channels: 1,
            size: &self.size,
            stride: &self.stride,
            same: self.same,
        }
    }
}
