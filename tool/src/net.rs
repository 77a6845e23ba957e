//! A network's type as a person writes it, read: `Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>`.

use crate::model::{Activation, Builder, Cell, Kind, Model, Pooling, Window};
use anyhow::{Context, Result};
use syn::{Expr, GenericArgument, Lit, PathArguments, Type, parse_str};

/// The network of a type: the layers alone, in parentheses, or in `Sequential<…>` or `Mlp<…>`. Its
/// weights are zeros.
/// # Errors
/// Names what is not a layer, and shapes that do not fit.
pub fn read(text: &str) -> Result<Model> {
    let tuple = format!("({},)", text.trim().trim_end_matches(','));
    let parse = |text: &str| parse_str::<Type>(text);
    let ty = parse(&tuple).or_else(|_| parse(text));
    let ty = ty.with_context(|| {
        format!("{text:?} is not the type of a network, like \"Dense<2, 8, Tanh>, Dense<8, 1>\"")
    })?;
    let mut builder = Builder::new(None);
    add_all(&ty, &mut builder, &mut 0);
    builder.finish()
}

/// `index` is that of the next layer in the text, also behind one that is not known.
fn add_all(ty: &Type, builder: &mut Builder, index: &mut usize) {
    match ty {
        Type::Tuple(tuple) => tuple.elems.iter().for_each(|ty| add_all(ty, builder, index)),
        Type::Paren(inner) => add_all(&inner.elem, builder, index),
        Type::Path(_) => match path(ty) {
            Some((name, arguments)) if name == "Sequential" || name == "Mlp" => {
                arguments.iter().filter_map(as_type).for_each(|ty| add_all(ty, builder, index));
            }
            Some((name, arguments)) => {
                if let Err(problem) = layer(&name, &arguments, builder, *index) {
                    builder.unknown(problem);
                }
                *index += 1;
            }
            None => builder.unknown("a path without a name"),
        },
        _ => builder.unknown("only layers are expected between the commas"),
    }
}

/// The last segment of a path: its name and its arguments.
fn path(ty: &Type) -> Option<(String, Vec<GenericArgument>)> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    let arguments = match &last.arguments {
        PathArguments::AngleBracketed(inner) => inner.args.iter().cloned().collect(),
        _ => Vec::new(),
    };
    Some((last.ident.to_string(), arguments))
}

const fn as_type(argument: &GenericArgument) -> Option<&Type> {
    match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    }
}

/// The parameters of a layer, one after the other.
struct Arguments<'a> {
    rest: std::slice::Iter<'a, GenericArgument>,
    layer: &'a str,
    index: usize,
}

type Outcome<T> = core::result::Result<T, String>;

impl Arguments<'_> {
    fn next<T>(
        &mut self,
        what: &str,
        default: Option<T>,
        read: impl Fn(&GenericArgument) -> Option<T>,
    ) -> Outcome<T> {
        self.index += 1;
        match (self.rest.next(), default) {
            (Some(argument), _) => read(argument).ok_or_else(|| {
                format!("{}, parameter {}: {what} is expected", self.layer, self.index)
            }),
            (None, Some(default)) => Ok(default),
            (None, None) => {
                Err(format!("{}, parameter {}: {what} is missing", self.layer, self.index))
            }
        }
    }

    fn number(&mut self, default: Option<usize>) -> Outcome<usize> {
        self.next("a number", default, |argument| Some(integer(argument)? as usize))
    }

    fn shape(&mut self) -> Outcome<Vec<usize>> {
        self.next("a shape like [f32; 8] or Map<8, 8, 1>", None, |argument| {
            shape(as_type(argument)?)
        })
    }

    fn activation(&mut self, default: Option<Activation>) -> Outcome<Activation> {
        self.next("an activation", default, |argument| activation(as_type(argument)?))
    }

    /// One of two words: whether it is the second one.
    fn second(&mut self, [first, second]: [&str; 2]) -> Outcome<bool> {
        let what = format!("{first} or {second}");
        self.next(&what, Some(false), |argument| {
            let (name, _) = path(as_type(argument)?)?;
            (name == first || name == second).then_some(name == second)
        })
    }

    /// `{ function(number) }`.
    fn called(&mut self, function: &str, default: Option<f64>) -> Outcome<f64> {
        let what = format!("{{ {function}(…) }}");
        self.next(&what, default, |argument| {
            let GenericArgument::Const(Expr::Block(block)) = argument else { return None };
            let [syn::Stmt::Expr(Expr::Call(call), None)] = &block.block.stmts[..] else {
                return None;
            };
            let Expr::Path(name) = &*call.func else { return None };
            if name.path.segments.last()?.ident != function || call.args.len() != 1 {
                return None;
            }
            float(call.args.first()?)
        })
    }

    fn end(mut self) -> Outcome<()> {
        match self.rest.next() {
            Some(_) => Err(format!("{} has more parameters than {}", self.layer, self.index)),
            None => Ok(()),
        }
    }
}

fn integer(argument: &GenericArgument) -> Option<u64> {
    let GenericArgument::Const(Expr::Lit(literal)) = argument else { return None };
    let Lit::Int(int) = &literal.lit else { return None };
    int.base10_parse().ok()
}

fn float(expr: &Expr) -> Option<f64> {
    let Expr::Lit(literal) = expr else { return None };
    match &literal.lit {
        Lit::Float(float) => float.base10_parse().ok(),
        Lit::Int(int) => int.base10_parse().ok(),
        _ => None,
    }
}

fn shape(ty: &Type) -> Option<Vec<usize>> {
    match ty {
        Type::Array(array) => {
            let Expr::Lit(literal) = &array.len else { return None };
            let Lit::Int(int) = &literal.lit else { return None };
            let mut all = vec![int.base10_parse().ok()?];
            match &*array.elem {
                Type::Path(_) if path(&array.elem)?.0 == "f32" => {}
                inner => all.extend(shape(inner)?),
            }
            Some(all)
        }
        Type::Path(_) => {
            let (name, arguments) = path(ty)?;
            let lengths: Option<Vec<usize>> =
                arguments.iter().map(|argument| Some(integer(argument)? as usize)).collect();
            let lengths = lengths?;
            let fits =
                (name == "Map" && lengths.len() == 3) || (name == "Signal" && lengths.len() == 2);
            fits.then_some(lengths)
        }
        _ => None,
    }
}

fn activation(ty: &Type) -> Option<Activation> {
    let (name, arguments) = path(ty)?;
    match (name.as_str(), &arguments[..]) {
        ("Linear", []) => Some(Activation::Linear),
        ("Relu", []) => Some(Activation::Relu),
        ("Sigmoid", []) => Some(Activation::Sigmoid),
        ("Tanh", []) => Some(Activation::Tanh),
        ("Softmax", []) => Some(Activation::Softmax),
        ("Step", []) => Some(Activation::Step),
        ("LeakyRelu", [num, den]) => {
            let [num, den] = [num, den].map(|n| u32::try_from(integer(n)?).ok());
            let (num, den) = (num?, den?);
            (den > 0 && num <= den).then_some(Activation::LeakyRelu { num, den })
        }
        _ => None,
    }
}

fn layer(
    name: &str,
    arguments: &[GenericArgument],
    builder: &mut Builder,
    index: usize,
) -> Outcome<()> {
    let label = format!("layer_{index}");
    let text = format!("layer {index}, {name}");
    let mut next = Arguments { rest: arguments.iter(), layer: &text, index: 0 };
    let linear = Some(Activation::Linear);
    const PADDING: [&str; 2] = ["Valid", "Same"];
    const RETURNS: [&str; 2] = ["Last", "All"];
    match name {
        "Dense" => {
            let (i, o, f) = (next.number(None)?, next.number(None)?, next.activation(linear)?);
            takes(builder, vec![i])?;
            builder.push(&label, Kind::Dense(f), o);
        }
        "Conv2d" | "MaxPool2d" | "AvgPool2d" => {
            let (x, y, h) = (next.shape()?, next.shape()?, next.number(None)?);
            let conv = name == "Conv2d";
            let w = next.number(if conv { None } else { Some(h) })?;
            let f = if conv { next.activation(linear)? } else { Activation::Linear };
            let same = next.second(PADDING)?;
            // 0 is the default of the library: a convolution's 1, or the window.
            let or = |n: usize, default: usize| if n == 0 { default } else { n };
            let (down, across) = (next.number(Some(0))?, next.number(Some(0))?);
            let stride = if conv {
                [or(down, 1), or(across, or(down, 1))]
            } else {
                [or(down, h), or(across, or(down, w))]
            };
            let window = Window { size: [h, w], stride, same };
            takes(builder, x)?;
            let kind = match name {
                "Conv2d" => Kind::Conv2d(window, f),
                "MaxPool2d" => Kind::Pool2d(Pooling::Max, window),
                _ => Kind::Pool2d(Pooling::Average, window),
            };
            builder.push(&label, kind, y.last().copied().unwrap_or_default());
            gives(builder, &text, &y)?;
        }
        "Conv1d" | "MaxPool1d" | "AvgPool1d" => {
            let (x, y, k) = (next.shape()?, next.shape()?, next.number(None)?);
            let conv = name == "Conv1d";
            let f = if conv { next.activation(linear)? } else { Activation::Linear };
            let same = next.second(PADDING)?;
            let stride = match next.number(Some(0))? {
                0 if conv => 1,
                0 => k,
                stride => stride,
            };
            let window = Window { size: [k], stride: [stride], same };
            takes(builder, x)?;
            let kind = match name {
                "Conv1d" => Kind::Conv1d(window, f),
                "MaxPool1d" => Kind::Pool1d(Pooling::Max, window),
                _ => Kind::Pool1d(Pooling::Average, window),
            };
            builder.push(&label, kind, y.last().copied().unwrap_or_default());
            gives(builder, &text, &y)?;
        }
        "GlobalAvgPool2d" | "GlobalAvgPool1d" => {
            takes(builder, next.shape()?)?;
            builder.push(&label, Kind::GlobalAverage, 0);
        }
        "Flatten" => {
            let (x, n) = (next.shape()?, next.number(None)?);
            takes(builder, x)?;
            builder.reshape_always(&label, vec![n]);
            gives(builder, &text, &[n])?;
        }
        "Reshape" => {
            let (x, y) = (next.shape()?, next.shape()?);
            takes(builder, x)?;
            builder.reshape_always(&label, y);
        }
        "Activate" => {
            takes(builder, next.shape()?)?;
            builder.push(&label, Kind::Activate(next.activation(None)?), 0);
        }
        "BatchNorm" => {
            takes(builder, next.shape()?)?;
            let epsilon = next.called("epsilon", Some(1e-3))? as f32;
            let share = (1.0 - next.called("momentum", Some(0.99))?) as f32;
            builder.push(&label, Kind::BatchNorm { epsilon, share }, 0);
        }
        "LayerNorm" => {
            takes(builder, next.shape()?)?;
            let epsilon = next.called("epsilon", Some(1e-3))? as f32;
            builder.push(&label, Kind::LayerNorm(epsilon), 0);
        }
        "Dropout" => {
            takes(builder, next.shape()?)?;
            let rate = next.called("rate", None)?;
            if !(0.0..1.0).contains(&rate) {
                return Err(format!("{text}: the rate {rate} is not from 0 to below 1"));
            }
            let rate = (rate * 4_294_967_296.0) as u32;
            let seed = next.next("a number", Some(0), integer)?;
            builder.push(&label, Kind::Dropout { rate, seed }, 0);
        }
        "Rnn" | "Gru" | "Lstm" => {
            let [i, u, t] = [next.number(None)?, next.number(None)?, next.number(None)?];
            let cell = match name {
                "Rnn" => Cell::Simple(next.activation(Some(Activation::Tanh))?),
                "Gru" => Cell::Gru,
                _ => Cell::Lstm,
            };
            let all = next.second(RETURNS)?;
            takes(builder, vec![t, i])?;
            builder.recurrent(&label, cell, u, all);
        }
        "Regularized" => {
            // The penalty is part of the training only.
            let inner = next.next("a layer", None, |argument| path(as_type(argument)?))?;
            return layer(&inner.0, &inner.1, builder, index);
        }
        _ => return Err(format!("layer {index}: Rosenblatt has no layer {name:?}")),
    }
    next.end()
}

/// The shape that the next layer takes, which must be that before it.
fn takes(builder: &mut Builder, shape: Vec<usize>) -> Outcome<()> {
    match builder.now() {
        Some(now) if now != shape => Err(format!(
            "layer {} takes {shape:?}; the layer before it gives {now:?}",
            builder.layers_so_far()
        )),
        Some(_) => Ok(()),
        None => {
            builder.shape(shape);
            Ok(())
        }
    }
}

/// The shape that the last layer must have.
fn gives(builder: &Builder, layer: &str, shape: &[usize]) -> Outcome<()> {
    match builder.now() {
        Some(now) if now != shape => Err(format!("{layer} gives {now:?}; the type says {shape:?}")),
        _ => Ok(()),
    }
}
