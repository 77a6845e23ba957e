//! Attributes, constants and shapes of a node.

use super::proto::{AttributeProto, NodeProto, TensorProto, tensor_shape_proto};
use super::{Reader, Value, operand};
use crate::flow::{Fault, Step, View};
use std::rc::Rc;

/// The number of float32 among ONNX' types.
pub const FLOAT: i32 = 1;

/// The most values of a row of whole numbers: they are shapes and indices.
pub const MOST: usize = 64;

/// A constant: its shape and its values, as many as the shape says.
#[derive(Debug)]
pub struct Floats {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// The name of a type of numbers.
pub fn kind(kind: i32) -> String {
    let name = match kind {
        1 => "float32",
        2 => "uint8",
        3 => "int8",
        4 => "uint16",
        5 => "int16",
        6 => "int32",
        7 => "int64",
        8 => "string",
        9 => "bool",
        10 => "float16",
        11 => "float64",
        12 => "uint32",
        13 => "uint64",
        16 => "bfloat16",
        _ => return format!("of the type {kind}"),
    };
    name.into()
}

/// The size of a dimension, or 0 if it is open.
pub fn dimension(dim: &tensor_shape_proto::Dimension) -> usize {
    match dim.value {
        Some(tensor_shape_proto::dimension::Value::DimValue(n)) => usize::try_from(n).unwrap_or(0),
        _ => 0,
    }
}

/// A dimension for a message.
pub fn dimension_name(dim: &tensor_shape_proto::Dimension) -> String {
    match &dim.value {
        Some(tensor_shape_proto::dimension::Value::DimValue(n)) => n.to_string(),
        Some(tensor_shape_proto::dimension::Value::DimParam(name)) => name.clone(),
        None => "?".into(),
    }
}

/// An axis that may count from the end.
pub fn axis(axis: i64, rank: usize) -> Step<usize> {
    let from_end =
        if axis < 0 { axis.checked_add(i64::try_from(rank).unwrap_or(0)) } else { Some(axis) };
    from_end
        .and_then(|axis| usize::try_from(axis).ok())
        .filter(|axis| *axis < rank)
        .ok_or_else(|| format!("the axis {axis} of a tensor of {rank} axes").into())
}

/// The same for several.
pub fn axes(axes: &[i64], rank: usize) -> Step<Vec<usize>> {
    if axes.len() > MOST {
        return Err(format!("{} axes", axes.len()).into());
    }
    axes.iter().map(|it| axis(*it, rank)).collect()
}

fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

/// A whole number.
pub fn int(node: &NodeProto, name: &str, default: i64) -> i64 {
    attribute(node, name).map_or(default, |attribute| attribute.i)
}

/// A real number.
pub fn float(node: &NodeProto, name: &str, default: f32) -> f32 {
    attribute(node, name).map_or(default, |attribute| attribute.f)
}

/// Whole numbers, if the node has them.
pub fn ints<'a>(node: &'a NodeProto, name: &str) -> Option<&'a [i64]> {
    attribute(node, name).map(|attribute| &attribute.ints[..])
}

/// A word.
pub fn word<'a>(node: &'a NodeProto, name: &str, default: &'a str) -> &'a str {
    attribute(node, name)
        .map_or(default, |attribute| std::str::from_utf8(&attribute.s).unwrap_or("?"))
}

/// Words, if the node has them.
pub fn words<'a>(node: &'a NodeProto, name: &str) -> Option<Vec<&'a str>> {
    let text = |bytes: &'a Vec<u8>| std::str::from_utf8(bytes).unwrap_or("?");
    attribute(node, name).map(|attribute| attribute.strings.iter().take(MOST).map(text).collect())
}

/// A tensor.
pub fn tensor<'a>(node: &'a NodeProto, name: &str) -> Option<&'a TensorProto> {
    attribute(node, name).and_then(|attribute| attribute.t.as_ref())
}

/// Whether a node has an attribute.
pub fn has(node: &NodeProto, name: &str) -> bool {
    attribute(node, name).is_some()
}

/// The whole numbers of a tensor, and whether it is one number.
pub fn whole(tensor: &TensorProto) -> Option<(Vec<i64>, bool)> {
    let n = tensor.dims.iter().try_fold(1usize, |all, n| {
        usize::try_from(*n).ok().and_then(|n| all.checked_mul(n)).filter(|n| *n <= MOST)
    })?;
    let raw = &tensor.raw_data;
    let values: Vec<i64> = match (tensor.data_type, raw.is_empty()) {
        (7, true) => tensor.int64_data.iter().take(MOST + 1).copied().collect(),
        (7, false) => {
            raw.as_chunks().0.iter().take(MOST + 1).map(|it| i64::from_le_bytes(*it)).collect()
        }
        (6, true) => {
            tensor.int32_data.iter().take(MOST + 1).map(|value| i64::from(*value)).collect()
        }
        (6, false) => {
            let number = |it: &[u8; 4]| i64::from(i32::from_le_bytes(*it));
            raw.as_chunks().0.iter().take(MOST + 1).map(number).collect()
        }
        _ => return None,
    };
    (values.len() == n && tensor.data_location == 0).then_some((values, tensor.dims.is_empty()))
}

impl<'a> Reader<'a> {
    /// An operand, if the node has it.
    pub fn value(&self, node: &NodeProto, input: usize) -> Option<Value<'a>> {
        let name = node.input.get(input).filter(|name| !name.is_empty())?;
        self.values.get(&name[..]).cloned()
    }

    /// The output of a layer.
    pub fn data(&self, node: &NodeProto, input: usize) -> Step<View> {
        match self.value(node, input) {
            Some(Value::Data(view)) => Ok(view),
            _ => Err(operand(&format!("the output of a layer as operand {input}"))),
        }
    }

    /// Whole numbers that are known.
    pub fn whole(&self, node: &NodeProto, input: usize) -> Option<(Vec<i64>, bool)> {
        match self.value(node, input)? {
            Value::Whole(values, one) => Some((values, one)),
            Value::Tensor(tensor) => whole(tensor),
            _ => None,
        }
    }

    /// Whole numbers that an older version has as an attribute and a newer one as an operand.
    pub fn ints(&self, node: &NodeProto, name: &str, input: usize) -> Step<Option<Vec<i64>>> {
        if let Some(values) = ints(node, name) {
            return Ok(Some(values.iter().take(MOST).copied().collect()));
        }
        if self.value(node, input).is_none() {
            return Ok(None);
        }
        let (values, _) =
            self.whole(node, input).ok_or_else(|| operand(&format!("constant {name}")))?;
        Ok(Some(values))
    }

    /// A constant of real numbers, if the node has this operand.
    pub fn floats(&mut self, node: &NodeProto, input: usize) -> Step<Option<Rc<Floats>>> {
        match self.value(node, input) {
            None => Ok(None),
            Some(Value::Floats(floats)) => {
                self.spend(floats.values.len())?;
                Ok(Some(floats))
            }
            Some(Value::Tensor(tensor)) => self.decode(tensor).map(Some),
            Some(_) => Err(operand(&format!("a constant as operand {input}"))),
        }
    }

    /// The same, which the node must have.
    pub fn constant(&mut self, node: &NodeProto, input: usize) -> Step<Rc<Floats>> {
        self.floats(node, input)?.ok_or_else(|| operand(&format!("a constant as operand {input}")))
    }

    /// Counts work on constants.
    pub fn spend(&mut self, values: usize) -> Step<()> {
        self.budget = self.budget.checked_sub(values).ok_or_else(|| {
            Fault::from("the graph uses its constants more often than a network does")
        })?;
        Ok(())
    }

    /// The values of a constant of the file.
    pub fn decode(&mut self, tensor: &TensorProto) -> Step<Rc<Floats>> {
        let name = &tensor.name;
        if tensor.data_type != FLOAT {
            let kind = kind(tensor.data_type);
            return Err(format!("the constant {name:?} is {kind}; float32 is expected").into());
        }
        if tensor.data_location != 0 {
            return Err(format!("the constant {name:?} is in another file").into());
        }
        let present = if tensor.raw_data.is_empty() {
            tensor.float_data.len()
        } else {
            tensor.raw_data.len() / 4
        };
        let shape: Option<Vec<usize>> =
            tensor.dims.iter().map(|n| usize::try_from(*n).ok()).collect();
        let shape = shape.filter(|shape| {
            let size = shape.iter().try_fold(1usize, |all, n| all.checked_mul(*n));
            shape.len() <= 8 && size == Some(present)
        });
        let Some(shape) = shape.filter(|_| tensor.raw_data.len().is_multiple_of(4)) else {
            return Err(format!(
                "the constant {name:?} has the shape {:?} and {present} values",
                &tensor.dims[..tensor.dims.len().min(8)]
            )
            .into());
        };
        self.spend(present)?;
        let values = if tensor.raw_data.is_empty() {
            tensor.float_data.clone()
        } else {
            tensor.raw_data.as_chunks().0.iter().map(|it| f32::from_le_bytes(*it)).collect()
        };
        Ok(Rc::new(Floats { shape, values }))
    }
}
