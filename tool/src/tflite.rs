//! Reads TensorFlow Lite: a graph that is a chain from one input to one output, with f32 weights.
//!
//! The converter of TensorFlow folds a batch normalization into the weights of the layer before, or
//! writes it as products and sums with constants. These go into the weights of the layer before
//! where that is linear, and are a batch normalization elsewhere. A layer normalization is spelled
//! out. A one-dimensional layer is a two-dimensional one of height 1 between reshapes.
//!
//! A quantized model is refused: the message counts its quantized tensors and names the first ones.
//!
//! A file of n bytes takes memory and time in proportion to n.

mod flatbuffer;
mod layers;
mod operators;

use crate::flow::{Fault, Flow, Moment, Step, View};
use crate::model::Model;
use anyhow::{Result, bail, ensure};
use flatbuffer::{Table, Vector};
use operators::OPERATORS;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The most operands of an operator, and axes of a tensor.
const MOST: usize = 32;

/// The most operators of a graph.
const OPERATIONS: usize = 10_000;

/// The number of the operator that a name says more about.
const CUSTOM: usize = 32;

/// Reads a model.
/// # Errors
/// If the file is no TensorFlow Lite file, names every operator that Rosenblatt has no layer for,
/// and everything else that is wrong.
pub fn read(bytes: &[u8]) -> Result<Model> {
    ensure!(bytes.get(4..8) == Some(b"TFL3"), "this is not a TensorFlow Lite file (no TFL3)");
    match Reader::new(bytes) {
        Ok(reader) => reader.read(),
        Err(Fault::Is(problem)) => bail!("{problem}"),
        Err(Fault::Known) => bail!("the file is damaged"),
    }
}

/// What a tensor stands for, if it is no constant.
#[derive(Clone)]
enum Value {
    /// The output of a layer, or the input
    Data(View),
    /// A step of a layer normalization
    Moment(Moment),
    /// What it is could not be found out; the reason has been recorded
    Unknown,
}

/// A tensor of the file.
struct Tensor {
    name: String,
    shape: Vec<usize>,
    /// Whether its sizes depend on the number of samples
    open: bool,
    kind: u8,
    buffer: usize,
}

/// An operator of the file.
#[derive(Debug)]
struct Operator<'a> {
    name: String,
    /// The tensors that it takes; −1 stands for none
    inputs: Vec<i32>,
    outputs: Vec<i32>,
    options: Option<Table<'a>>,
}

struct Reader<'a> {
    tensors: Vector<'a>,
    buffers: Vector<'a>,
    operators: Vec<Operator<'a>>,
    input: i32,
    output: i32,
    flow: Flow,
    values: HashMap<i32, Value>,
    /// The operators that use each tensor
    users: HashMap<i32, Vec<usize>>,
    /// How many values of constants may still be converted
    budget: usize,
}

impl<'a> Reader<'a> {
    fn new(file: &'a [u8]) -> Step<Self> {
        let model = Table::root(file)?;
        let version = model.u32(0)?;
        if version != 3 {
            return Err(format!("version {version} of the schema; 3 is expected").into());
        }
        let codes = model.vector(1, 4)?;
        let graph = model.vector(2, 4)?;
        if graph.is_empty() {
            return Err("the file has no graph".into());
        }
        let graph = graph.table(0)?;
        let (tensors, buffers) = (graph.vector(0, 4)?, model.vector(4, 4)?);
        let one = |field: usize, what: &str| match graph.i32s(field, MOST)?[..] {
            [one] => Ok(one),
            ref all => {
                Err(Fault::Is(format!("the graph has {} {what}; one is expected", all.len())))
            }
        };
        let (input, output) = (one(1, "inputs")?, one(2, "outputs")?);
        let list = graph.vector(3, 4)?;
        if list.len() > OPERATIONS {
            return Err(format!("{} operators; {OPERATIONS} at most", list.len()).into());
        }
        let mut operators = Vec::with_capacity(list.len());
        for i in 0..list.len() {
            operators.push(operator(&list.table(i)?, &codes)?);
        }
        let budget = file.len().saturating_mul(64);
        let (values, users) = (HashMap::new(), HashMap::new());
        let flow = Flow::default();
        Ok(Self { tensors, buffers, operators, input, output, flow, values, users, budget })
    }

    fn read(mut self) -> Result<Model> {
        let needed = self.needed();
        let quantized = match self.quantized() {
            Ok(quantized) => quantized,
            Err(fault) => {
                self.flow.unknown(fault, "the tensors");
                true
            }
        };
        let operators = std::mem::take(&mut self.operators);
        let mut unknown = BTreeMap::<_, Vec<String>>::new();
        match self.start() {
            Ok(view) if !quantized => _ = self.values.insert(self.input, Value::Data(view)),
            Ok(_) => _ = self.values.insert(self.input, Value::Unknown),
            Err(fault) => {
                self.flow.unknown(fault, "the input");
                self.values.insert(self.input, Value::Unknown);
            }
        }
        for (index, operator) in operators.iter().enumerate() {
            if !needed.contains(&index) {
                continue;
            }
            let name = self.name_of(operator, index);
            if !layers::is_known(&operator.name) {
                unknown.entry(operator.name.clone()).or_default().push(name.clone());
            }
            let at = format!("{} {name:?}", operator.name);
            let value = self.step(operator, &operators, &name, &at);
            self.values.extend(operator.outputs.iter().map(|output| (*output, value.clone())));
        }
        let view = match self.values.get(&self.output) {
            Some(Value::Data(view)) => Some(view.clone()),
            Some(Value::Unknown) => None,
            _ => {
                self.flow.problem("no layer gives the output");
                None
            }
        };
        for (operator, names) in unknown {
            let more = names.len().saturating_sub(10);
            let names = names.iter().take(10).map(|name| format!("{name:?}")).collect::<Vec<_>>();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let names = names.join(", ");
            self.flow.problem(format!(
                "Rosenblatt has no layer for the operator {operator}: {names}{more}"
            ));
        }
        let known = view.is_some();
        let model = self.flow.finish(view)?;
        ensure!(known, "the graph could not be read to its output");
        Ok(model)
    }

    fn step(&mut self, operator: &Operator<'a>, all: &[Operator], name: &str, at: &str) -> Value {
        let open =
            operator.inputs.iter().any(|it| matches!(self.values.get(it), Some(Value::Unknown)));
        if !layers::is_known(&operator.name) {
            return Value::Unknown;
        }
        if open {
            if let Err(fault) = layers::settings(operator) {
                self.flow.unknown(fault, at);
            }
            return Value::Unknown;
        }
        self.layer(operator, all, name).unwrap_or_else(|fault| {
            self.flow.unknown(fault, at);
            Value::Unknown
        })
    }

    /// The name of an operator: that of its output, as it has none.
    fn name_of(&self, operator: &Operator, index: usize) -> String {
        let name = operator.outputs.first().and_then(|output| self.tensor(*output).ok());
        let name = name.map(|tensor| tensor.name).filter(|name| !name.is_empty());
        name.unwrap_or_else(|| format!("{}_{index}", operator.name))
    }

    /// The operators that the output depends on. It notes who uses what.
    fn needed(&mut self) -> HashSet<usize> {
        let (mut tensors, mut needed) = (HashSet::from([self.output]), HashSet::new());
        for (index, operator) in self.operators.iter().enumerate().rev() {
            if operator.outputs.iter().any(|output| tensors.contains(output)) {
                needed.insert(index);
                // The output's shape in the file tells what these ask for.
                let shaped = matches!(&operator.name[..], "RESHAPE" | "EXPAND_DIMS" | "SQUEEZE");
                for input in operator.inputs.iter().take(if shaped { 1 } else { MOST }) {
                    tensors.insert(*input);
                    self.users.entry(*input).or_default().push(index);
                }
            }
        }
        needed
    }

    /// The input.
    fn start(&mut self) -> Step {
        let tensor = self.tensor(self.input)?;
        if tensor.kind != layers::FLOAT {
            let kind = layers::kind(tensor.kind);
            return Err(format!("{:?} is {kind}; float32 is expected", tensor.name).into());
        }
        let open = self.tensors.table(self.input.max(0) as usize)?.i32s(7, MOST)?;
        let samples = if tensor.shape.len() > 1 { Some(0) } else { None };
        if open.iter().skip(1).any(|n| *n < 0) {
            return Err(
                format!("the shape {open:?}; only the number of samples may be open").into()
            );
        }
        if let (Some(0), Some(n)) = (samples, tensor.shape.first().filter(|n| **n != 1)) {
            return Err(format!("the graph is for {n} samples at a time; one is expected").into());
        }
        self.flow.input(tensor.shape, samples)
    }

    /// Whether the graph is quantized, which is a problem then.
    fn quantized(&mut self) -> Step<bool> {
        let (mut names, mut kinds) = (Vec::new(), BTreeMap::<_, usize>::new());
        for i in 0..self.tensors.len() {
            let tensor = self.tensors.table(i)?;
            let kind = tensor.u8(1)?;
            let scaled = match tensor.table(4)? {
                Some(quantization) => !quantization.vector(2, 4)?.is_empty(),
                None => false,
            };
            if scaled && kind != layers::FLOAT || layers::is_small(kind) {
                *kinds.entry(layers::kind(kind)).or_default() += 1;
                if names.len() < 10 {
                    names.push(format!("{:?}", name(&tensor)?));
                }
            }
        }
        let all: usize = kinds.values().sum();
        if all == 0 {
            return Ok(false);
        }
        let kinds =
            kinds.iter().map(|(kind, n)| format!("{n} {kind}")).collect::<Vec<_>>().join(", ");
        let more = all.saturating_sub(names.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        self.flow.problem(format!(
            "{all} tensors are quantized ({kinds}); float32 is expected: {}{more}",
            names.join(", ")
        ));
        Ok(true)
    }

    /// A tensor.
    fn tensor(&self, index: i32) -> Step<Tensor> {
        let index = usize::try_from(index).map_err(|_| "a tensor that is not there")?;
        let tensor = self.tensors.table(index)?;
        let shape = tensor.i32s(0, MOST)?.into_iter().map(usize::try_from);
        let Ok(shape) = shape.collect() else {
            return Err(format!("the shape of {:?} is negative", name(&tensor)?).into());
        };
        let (kind, buffer) = (tensor.u8(1)?, tensor.u32(2)? as usize);
        let open = tensor.i32s(7, MOST)?.iter().any(|n| *n < 0);
        Ok(Tensor { name: name(&tensor)?, shape, open, kind, buffer })
    }

    /// The bytes of a constant; empty for a tensor that is computed.
    fn content(&self, tensor: &Tensor) -> Step<&'a [u8]> {
        let buffer = self.buffers.table(tensor.buffer)?;
        if buffer.u64(1)? > 1 {
            return Err(format!("{:?} lies behind the FlatBuffer", tensor.name).into());
        }
        buffer.bytes(0)
    }
}

/// The name of a tensor: that of the first step, where the converter has joined several.
fn name(tensor: &Table) -> Step<String> {
    let name = tensor.text(3)?;
    Ok(name.split(';').next().unwrap_or_default().into())
}

fn operator<'a>(table: &Table<'a>, codes: &Vector<'a>) -> Step<Operator<'a>> {
    let code = codes.table(table.u32(0)? as usize)?;
    // The older field is a byte, and 127 in it refers to the newer one.
    let number = i64::from(code.u8(0)?.cast_signed()).max(i64::from(code.i32(3)?));
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    let name = match OPERATORS.get(number) {
        Some(_) if number == CUSTOM => format!("{:?}", code.text(1)?),
        Some(name) => (*name).into(),
        None => format!("number {number}"),
    };
    let (inputs, outputs) = (table.i32s(1, MOST)?, table.i32s(2, MOST)?);
    Ok(Operator { name, inputs, outputs, options: table.table(4)? })
}
