//! Operators on constants and shapes, which exporters leave in a graph.

use super::proto::NodeProto;
use super::values::{self, Floats, MOST};
use super::{Reader, Value, operand};
use crate::channels_first;
use crate::flow::{Step, View};
use std::rc::Rc;

impl<'a> Reader<'a> {
    /// A constant.
    pub fn literal(&mut self, node: &'a NodeProto) -> Step<Value<'a>> {
        if let Some(tensor) = values::tensor(node, "value") {
            return Ok(Value::Tensor(tensor));
        }
        if values::has(node, "value_float") {
            let values = vec![values::float(node, "value_float", 0.0)];
            return Ok(Value::Floats(Rc::new(Floats { shape: vec![], values })));
        }
        if values::has(node, "value_int") {
            return Ok(Value::Whole(vec![values::int(node, "value_int", 0)], true));
        }
        match values::ints(node, "value_ints") {
            Some(values) if values.len() <= MOST => Ok(Value::Whole(values.to_vec(), false)),
            _ => Err("a constant tensor, a number or whole numbers are expected".into()),
        }
    }

    /// The shape of a tensor.
    pub fn shape_of(&mut self, node: &NodeProto) -> Step<Value<'a>> {
        let dims: Vec<i64> = match self.value(node, 0) {
            Some(Value::Data(view)) => view.dims().iter().map(|n| *n as i64).collect(),
            Some(Value::Tensor(tensor)) if tensor.dims.len() <= MOST => tensor.dims.clone(),
            Some(Value::Floats(floats)) => floats.shape.iter().map(|n| *n as i64).collect(),
            _ => return Err(operand("a tensor of known shape")),
        };
        let rank = dims.len() as i64;
        let place = |name: &str, default: i64| {
            let at = values::int(node, name, default);
            (if at < 0 { at.saturating_add(rank) } else { at }).clamp(0, rank) as usize
        };
        let (start, end) = (place("start", 0), place("end", rank));
        Ok(Value::Whole(dims.get(start..end).unwrap_or_default().to_vec(), false))
    }

    /// Whole numbers by an operator on rows of them; None if that is not possible.
    pub fn on_whole(&self, node: &NodeProto) -> Option<Value<'a>> {
        let (a, one) = self.whole(node, 0)?;
        let value = match &node.op_type[..] {
            "Cast" | "Identity" => Value::Whole(a, one),
            "Squeeze" => Value::Whole(a, true),
            "Unsqueeze" | "Reshape" => Value::Whole(a, false),
            "Gather" => {
                let (indices, one) = self.whole(node, 1)?;
                let take = |index: &i64| values::axis(*index, a.len()).ok().map(|index| a[index]);
                Value::Whole(indices.iter().map(take).collect::<Option<_>>()?, one)
            }
            "Slice" => {
                let (from, to) = self.range(node, a.len())?;
                Value::Whole(a.get(from..to)?.to_vec(), false)
            }
            "Concat" => {
                let mut all = Vec::new();
                for input in 0..node.input.len() {
                    all.extend(self.whole(node, input)?.0);
                    if all.len() > MOST {
                        return None;
                    }
                }
                Value::Whole(all, false)
            }
            operator => {
                let (b, other) = self.whole(node, 1)?;
                let n = a.len().max(b.len());
                let of = |all: &[i64], i: usize| match all {
                    [value] => Some(*value),
                    all => all.get(i).copied(),
                };
                let number = |i: usize| {
                    let (a, b) = (of(&a, i)?, of(&b, i)?);
                    match operator {
                        "Add" => a.checked_add(b),
                        "Sub" => a.checked_sub(b),
                        "Mul" => a.checked_mul(b),
                        "Div" => a.checked_div(b),
                        _ => None,
                    }
                };
                Value::Whole((0..n).map(number).collect::<Option<_>>()?, one && other)
            }
        };
        Some(value)
    }

    /// The range that a `Slice` of one axis takes of `n` values.
    fn range(&self, node: &NodeProto, n: usize) -> Option<(usize, usize)> {
        let one = |name: &str, input: usize, default: i64| match self.ints(node, name, input) {
            Ok(None) => Some(default),
            Ok(Some(values)) if values.len() == 1 => values.first().copied(),
            _ => None,
        };
        let rank = n as i64;
        let place =
            |at: i64| (if at < 0 { at.saturating_add(rank) } else { at }).clamp(0, rank) as usize;
        let (start, end) = (one("starts", 1, i64::MAX)?, one("ends", 2, i64::MIN)?);
        (one("steps", 4, 1)? == 1).then_some((place(start), place(end)))
    }

    /// A part of a tensor along one axis: the whole of it, or the last step of a sequence.
    pub fn slice(&mut self, node: &NodeProto) -> Step<Value<'a>> {
        if let Some(Value::Zeros) = self.value(node, 0) {
            return Ok(Value::Zeros);
        }
        let view = self.data(node, 0)?;
        let rank = view.dims().len();
        let axis = match self.ints(node, "axes", 3)?.as_deref() {
            Some([axis]) => values::axis(*axis, rank)?,
            None => 0,
            Some(axes) => return Err(format!("a part along {} axes", axes.len()).into()),
        };
        let n = view.shape(&[axis])[0];
        let (from, to) =
            self.range(node, n).ok_or_else(|| operand("a constant range of step 1"))?;
        match (from, to) {
            (0, to) if to == n => Ok(view.into()),
            (from, to) if from + 1 == n && to == n => Ok(self.flow.last_step(&view, axis)?.into()),
            _ => Err(format!(
                "a part from {from} to {to} of {n} values; only the last step of a recurrent layer \
                 can be taken"
            )
            .into()),
        }
    }

    /// One step of a sequence, the last one.
    pub fn gather(&mut self, node: &NodeProto) -> Step<Value<'a>> {
        let view = self.data(node, 0)?;
        let axis = values::axis(values::int(node, "axis", 0), view.dims().len())?;
        let n = view.shape(&[axis])[0];
        let (indices, one) = self.whole(node, 1).ok_or_else(|| operand("a constant index"))?;
        let [index] = indices[..] else {
            return Err(format!("{} indices; one is expected", indices.len()).into());
        };
        if values::axis(index, n)? + 1 != n {
            return Err(format!("index {index} of {n}; only the last step can be taken").into());
        }
        let view = if n == 1 { view } else { self.flow.last_step(&view, axis)? };
        Ok(if one { view.squeezed(Some(&[axis]))? } else { view }.into())
    }

    /// A tensor of one number. Of real ones only zeros are known: the first states of a sequence.
    pub fn filled(&mut self, node: &'a NodeProto) -> Step<Value<'a>> {
        let (value, shape) = match &node.op_type[..] {
            "Expand" => (self.value(node, 0), self.whole(node, 1)),
            _ => {
                let zero = Floats { shape: vec![], values: vec![0.0] };
                let value = values::tensor(node, "value").map(Value::Tensor);
                (value.or(Some(Value::Floats(Rc::new(zero)))), self.whole(node, 0))
            }
        };
        match value {
            Some(Value::Zeros) => return Ok(Value::Zeros),
            Some(Value::Data(view)) => {
                let same = shape.is_some_and(|(shape, _)| {
                    shape.len() <= view.dims().len()
                        && shape
                            .iter()
                            .rev()
                            .zip(view.dims().iter().rev())
                            .all(|(a, b)| *a == 1 || usize::try_from(*a) == Ok(*b))
                });
                if same {
                    return Ok(view.into());
                }
            }
            Some(value @ (Value::Floats(_) | Value::Tensor(_))) if self.zeros(&value)? => {
                return Ok(Value::Zeros);
            }
            _ => {}
        }
        Err("only zeros, the first states of a sequence, can be repeated".into())
    }

    /// Whether a constant has only zeros.
    pub fn zeros(&mut self, value: &Value) -> Step<bool> {
        let floats = match value {
            Value::Zeros => return Ok(true),
            Value::Floats(floats) => Rc::clone(floats),
            Value::Tensor(tensor) => self.decode(tensor)?,
            _ => return Ok(false),
        };
        Ok(floats.values.iter().all(|value| *value == 0.0))
    }

    /// A constant, or a layer's output, in another shape or order of axes.
    pub fn shaped(&mut self, node: &'a NodeProto, name: &str) -> Step<Value<'a>> {
        match self.value(node, 0) {
            Some(Value::Data(view)) => {
                self.flow.reshaped(name);
                Ok(self.seen(node, &view)?.into())
            }
            Some(Value::Zeros) => Ok(Value::Zeros),
            Some(Value::Tensor(_) | Value::Floats(_)) => {
                if let Some(value) = self.on_whole(node) {
                    return Ok(value);
                }
                let floats = self.constant(node, 0)?;
                // Its view says where each value lies. Tensors of no values have none.
                let view = self.seen(node, &View::new(&floats.shape, 0)?)?;
                let order = view.memory(&(0..view.dims().len()).collect::<Vec<_>>());
                let values = if order.iter().copied().eq(0..order.len()) {
                    floats.values.clone()
                } else {
                    channels_first::transposed(view.sizes(), &floats.values, &order).1
                };
                Ok(Value::Floats(Rc::new(Floats { shape: view.dims(), values })))
            }
            _ => self.on_whole(node).ok_or_else(|| operand("a tensor")),
        }
    }

    /// A view by `Reshape`, `Flatten`, `Squeeze`, `Unsqueeze` or `Transpose`.
    fn seen(&mut self, node: &NodeProto, view: &View) -> Step<View> {
        let dims = view.dims();
        let rank = dims.len();
        match &node.op_type[..] {
            "Reshape" => {
                let (target, _) =
                    self.whole(node, 1).ok_or_else(|| operand("a shape that is known"))?;
                let zero = values::int(node, "allowzero", 0) != 0;
                view.reshaped(&self.target(&dims, &target, zero)?)
            }
            "Flatten" => {
                let at = values::int(node, "axis", 1);
                let at = if at == rank as i64 { rank } else { values::axis(at, rank)? };
                let (a, b) = dims.split_at(at);
                view.reshaped(&[a.iter().product(), b.iter().product()])
            }
            "Squeeze" => match self.ints(node, "axes", 1)? {
                Some(axes) => view.squeezed(Some(&values::axes(&axes, rank)?)),
                None => {
                    // The axis of samples stays.
                    let one = |axis: &usize| *axis > 0 && dims.get(*axis) == Some(&1);
                    view.squeezed(Some(&(0..rank).filter(one).collect::<Vec<_>>()))
                }
            },
            "Unsqueeze" => {
                let axes = self.ints(node, "axes", 1)?.ok_or_else(|| operand("axes"))?;
                view.unsqueezed(&values::axes(&axes, rank + axes.len())?)
            }
            _ => {
                let axes = match values::ints(node, "perm") {
                    Some(axes) => values::axes(axes, rank)?,
                    None => (0..rank).rev().collect(),
                };
                view.transposed(&axes)
            }
        }
    }

    /// The shape that a `Reshape` asks for.
    fn target(&self, dims: &[usize], target: &[i64], zero: bool) -> Step<Vec<usize>> {
        let size: usize = dims.iter().product();
        let fixed = |n: i64, axis: usize| match n {
            0 if !zero => dims.get(axis).copied(),
            n => usize::try_from(n).ok(),
        };
        let known = |target: &[i64]| {
            let sizes = target.iter().enumerate().filter(|(_, n)| **n != -1);
            let mut sizes = sizes.map(|(axis, n)| fixed(*n, axis));
            sizes.try_fold(1usize, |all, n| all.checked_mul(n?))
        };
        let open = target.iter().filter(|n| **n == -1).count();
        let fits = |target: &[i64]| match known(target) {
            Some(product) if product > 0 && open == 1 => size.is_multiple_of(product),
            Some(product) => open == 0 && product == size,
            None => false,
        };
        // A fixed number of samples is in the shape, too.
        let mut target = target.to_vec();
        if self.samples > 1
            && let Some(first) = target.first_mut()
            && usize::try_from(*first) == Ok(self.samples)
        {
            *first = 1;
        }
        if !fits(&target) {
            return Err(format!("the shape {dims:?} does not become {target:?}").into());
        }
        let rest = size / known(&target).unwrap_or(1).max(1);
        let sizes = target.iter().enumerate();
        sizes
            .map(|(axis, n)| if *n == -1 { Some(rest) } else { fixed(*n, axis) })
            .collect::<Option<_>>()
            .ok_or_else(|| format!("the shape {target:?}").into())
    }
}
