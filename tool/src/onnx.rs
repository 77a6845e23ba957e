//! Reads ONNX: a graph that is a chain from one input to one output, with f32 weights.
//!
//! ONNX is channels first. Rosenblatt's samples are channels last: where the first layer is a
//! convolution, a pooling or a normalization on `[samples, channels, height, width]`, a sample of
//! the model is `[height, width, channels]`, and the caller gives its samples in this order. Weights
//! behind a `Flatten` are put into the order of channels last. Transpositions that only change the
//! layout, as exporters of Keras and PyTorch write them, need no layer ([`Flow`]).
//!
//! Products and sums with constants go into the weights of the layer before where that is linear,
//! and are a batch normalization elsewhere. `LayerNormalization` can also be spelled out.
//!
//! A file of n bytes takes memory and time in proportion to n: constants that the file states, but
//! does not contain, are refused, and each of its tensors is converted a bounded number of times.

mod constants;
mod layers;
mod proto;
mod recurrent;
mod values;

use crate::flow::{Fault, Flow, Moment, View};
use crate::model::Model;
use anyhow::{Context as _, Result, bail, ensure};
use prost::Message as _;
use proto::{GraphProto, ModelProto, NodeProto, TensorProto, type_proto};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;
use values::Floats;

/// The oldest version of the operators, ONNX 1.2.
const OPSET: i64 = 7;

/// Reads a model.
/// # Errors
/// If the file is no ONNX file, names every operator that Rosenblatt has no layer for, and
/// everything else that is wrong.
pub fn read(bytes: &[u8]) -> Result<Model> {
    let model = ModelProto::decode(bytes).context("this is not an ONNX file")?;
    let graph = model.graph.as_ref().context("this is not an ONNX file: it has no graph")?;
    let default = |domain: &str| matches!(domain, "" | "ai.onnx");
    let opset = model.opset_import.iter().filter(|set| default(&set.domain)).map(|set| set.version);
    let opset = opset.max().context("the file does not say which version of ONNX it has")?;
    ensure!(opset >= OPSET, "operators of version {opset}; {OPSET} or newer is expected");
    Reader::new(graph, opset, bytes.len()).read()
}

/// What a name of the graph stands for.
#[derive(Clone)]
enum Value<'a> {
    /// The output of a layer, or the input
    Data(View),
    /// A step of a layer normalization
    Moment(Moment),
    /// Whole numbers: shapes and indices; whether it is one number, not a row
    Whole(Vec<i64>, bool),
    /// A constant that was computed
    Floats(Rc<Floats>),
    /// A constant of the file
    Tensor(&'a TensorProto),
    /// A tensor of zeros, of any shape
    Zeros,
    /// What it is could not be found out; the reason has been recorded
    Unknown,
}

struct Reader<'a> {
    graph: &'a GraphProto,
    opset: i64,
    flow: Flow,
    values: HashMap<&'a str, Value<'a>>,
    /// The nodes that use each name, by number
    users: HashMap<&'a str, Vec<usize>>,
    /// Operators without a layer, and the nodes that have them
    unknown: BTreeMap<String, Vec<String>>,
    /// How many samples the graph is for, if that is fixed
    samples: usize,
    /// How many values of constants may still be converted
    budget: usize,
}

impl<'a> Reader<'a> {
    fn new(graph: &'a GraphProto, opset: i64, bytes: usize) -> Self {
        let budget = bytes.saturating_mul(64);
        let (values, users) = (HashMap::new(), HashMap::new());
        let (flow, unknown) = (Flow::default(), BTreeMap::new());
        Self { graph, opset, flow, values, users, unknown, samples: 1, budget }
    }

    fn read(mut self) -> Result<Model> {
        let graph = self.graph;
        for tensor in &graph.initializer {
            self.values.insert(&tensor.name, Value::Tensor(tensor));
        }
        let [output] = &graph.output[..] else {
            bail!("the graph has {} outputs; one is expected", graph.output.len());
        };
        let needed = self.needed(&output.name);
        self.input()?;
        for (index, node) in graph.node.iter().enumerate() {
            if needed.contains(&index) {
                self.node(index, node);
            }
        }
        let view = match self.values.get(&output.name[..]) {
            Some(Value::Data(view)) => Some(view.clone()),
            Some(Value::Unknown) => None,
            _ => {
                self.flow.problem(format!("no layer gives the output {:?}", output.name));
                None
            }
        };
        for (operator, nodes) in &self.unknown {
            let more = nodes.len().saturating_sub(10);
            let nodes = nodes.iter().take(10).map(|name| format!("{name:?}"));
            let nodes = nodes.collect::<Vec<_>>().join(", ");
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            self.flow.problem(format!(
                "Rosenblatt has no layer for the operator {operator}: {nodes}{more}"
            ));
        }
        let known = view.is_some();
        let model = self.flow.finish(view)?;
        ensure!(known, "the graph could not be read to its output");
        Ok(model)
    }

    /// The nodes that the output depends on. It notes who uses what.
    fn needed(&mut self, output: &'a str) -> HashSet<usize> {
        let (mut names, mut nodes) = (HashSet::from([output]), HashSet::new());
        for (index, node) in self.graph.node.iter().enumerate().rev() {
            if node.output.iter().any(|name| names.contains(&name[..])) {
                nodes.insert(index);
                for name in node.input.iter().filter(|name| !name.is_empty()) {
                    names.insert(name);
                    self.users.entry(name).or_default().push(index);
                }
            }
        }
        nodes
    }

    /// Starts with the graph's input.
    fn input(&mut self) -> Result<()> {
        // Before version 4 of the file format constants are inputs, too.
        let inputs = self.graph.input.iter();
        let inputs: Vec<_> =
            inputs.filter(|input| !self.values.contains_key(&input.name[..])).collect();
        let [input] = inputs[..] else {
            let names: Vec<_> = inputs.iter().take(10).map(|input| &input.name[..]).collect();
            let n = inputs.len();
            self.flow.problem(format!("the network has {n} inputs {names:?}; one is expected"));
            self.values.extend(inputs.iter().map(|input| (&input.name[..], Value::Unknown)));
            return Ok(());
        };
        let name = &input.name;
        let Some(type_proto::Value::TensorType(kind)) =
            input.r#type.as_ref().and_then(|kind| kind.value.as_ref())
        else {
            bail!("the input {name:?} is no tensor");
        };
        if kind.elem_type != values::FLOAT {
            let kind = values::kind(kind.elem_type);
            self.flow.problem(format!("the input {name:?} is {kind}; float32 is expected"));
        }
        let shape =
            kind.shape.as_ref().with_context(|| format!("the input {name:?} has no shape"))?;
        let dims: Vec<usize> = shape.dim.iter().map(values::dimension).collect();
        let free: Vec<usize> = (0..dims.len()).filter(|axis| dims[*axis] == 0).collect();
        let samples = match free[..] {
            [axis] => Some(axis),
            [] if self.reads_steps_first(name) => Some(1),
            [] if dims.len() > 1 => Some(0),
            [] => None,
            _ => bail!(
                "the input {name:?} has the shape {:?}; only the number of samples may be open",
                shape.dim.iter().map(values::dimension_name).collect::<Vec<_>>()
            ),
        };
        self.samples = samples.and_then(|axis| dims.get(axis)).map_or(1, |n| (*n).max(1));
        let value = match self.flow.input(dims, samples) {
            Ok(view) => Value::Data(view),
            Err(fault) => {
                self.flow.unknown(fault, &format!("the input {name:?}"));
                Value::Unknown
            }
        };
        self.values.insert(name, value);
        Ok(())
    }

    /// Whether a recurrent layer takes this, with its steps before its samples.
    fn reads_steps_first(&self, name: &str) -> bool {
        let users = self.users.get(name).into_iter().flatten();
        users.filter_map(|index| self.graph.node.get(*index)).any(|node| {
            matches!(&node.op_type[..], "RNN" | "GRU" | "LSTM")
                && node.attribute.iter().all(|it| it.name != "layout" || it.i == 0)
        })
    }

    fn node(&mut self, index: usize, node: &'a NodeProto) {
        let name = if node.name.is_empty() {
            format!("{}_{index}", node.op_type)
        } else {
            node.name.clone()
        };
        let at = format!("{} {name:?}", node.op_type);
        let known = matches!(&node.domain[..], "" | "ai.onnx") && layers::is_known(&node.op_type);
        let mut open = false;
        for input in node.input.iter().filter(|input| !input.is_empty()) {
            match self.values.get(&input[..]) {
                Some(Value::Unknown) => open = true,
                Some(_) => {}
                None => {
                    let fault = format!("it takes {input:?}, which nothing before it gives");
                    self.flow.unknown(fault.into(), &at);
                    open = true;
                }
            }
        }
        let values = if !known {
            let domain = Some(&node.domain[..]).filter(|domain| !domain.is_empty());
            let operator =
                domain.map_or(node.op_type.clone(), |it| format!("{it}.{}", node.op_type));
            self.unknown.entry(operator).or_default().push(name);
            vec![]
        } else if open {
            if let Err(fault) = layers::settings(node) {
                self.flow.unknown(fault, &at);
            }
            vec![]
        } else {
            match self.layer(node, &name) {
                Ok(values) => values,
                Err(fault) => {
                    self.flow.unknown(fault, &at);
                    vec![]
                }
            }
        };
        let mut values = values.into_iter();
        for output in &node.output {
            let value = values.next().unwrap_or(Value::Unknown);
            if !output.is_empty() {
                self.values.insert(output, value);
            }
        }
    }

    /// Whether only nodes with one of these operators use a tensor.
    fn only_used_by(&self, name: &str, operators: &[&str]) -> bool {
        let users = self.users.get(name).into_iter().flatten();
        users
            .filter_map(|index| self.graph.node.get(*index))
            .all(|node| operators.contains(&&node.op_type[..]))
    }

    /// Whether anything uses a node's output of this number.
    fn is_used(&self, node: &NodeProto, output: usize) -> bool {
        node.output.get(output).filter(|name| !name.is_empty()).is_some_and(|name| {
            self.users.contains_key(&name[..])
                || self.graph.output.iter().any(|output| output.name == *name)
        })
    }
}

impl From<View> for Value<'_> {
    fn from(view: View) -> Self {
        Self::Data(view)
    }
}

/// An error that says what an operand is and what is expected.
fn operand(what: &str) -> Fault {
    Fault::Is(format!("{what} is expected"))
}
