//! The types behind the codes of a receipt.
//!
//! A code is made of a name and the codes of the fields, as
//! [`persist!`](macro@rosenblatt_kernels::persist) does it. All types that can be built of the
//! library's parts are tried.

use anyhow::{Result, bail};
use rosenblatt::{init, loss::Loss, prelude::*};
use rosenblatt_kernels::persist::{Persist, joined, name_code};

/// A type, a value of it, and its code.
#[derive(Clone)]
struct Rule {
    ty: String,
    value: String,
    code: u32,
}

/// The path of a module of the library.
fn path(module: &str, name: &str) -> String {
    format!("::rosenblatt::{module}::{name}")
}

/// The code of a struct with these fields.
fn code(name: &str, fields: &[u32]) -> u32 {
    fields.iter().fold(name_code(name), |code, field| joined(code, *field))
}

/// The type and a value of the optimizer of this code: a rule of the library, clipped, scheduled, or
/// both.
pub fn optimizer(wanted: u32) -> Option<(String, String)> {
    let base = [
        ("Sgd", Sgd::CODE),
        ("Momentum", Momentum::CODE),
        ("Nesterov", Nesterov::CODE),
        ("AdaGrad", AdaGrad::CODE),
        ("RmsProp", RmsProp::CODE),
        ("Adam", Adam::CODE),
        ("AdamW", AdamW::CODE),
    ];
    let rules = base.map(|(name, code)| {
        let ty = path("optimizer", name);
        Rule { value: format!("{ty}::DEFAULT"), ty, code }
    });
    let schedules = schedules();
    let mut wrappers = vec![
        Wrapper::Clip { name: "ClipValue", text: "clip value" },
        Wrapper::Clip { name: "ClipNorm", text: "clip norm" },
    ];
    wrappers.extend(schedules.iter().map(Wrapper::Schedule));
    let found = (0..=3)
        .find_map(|depth| rules.iter().find_map(|rule| search(rule, &wrappers, wanted, depth)));
    found.map(|rule| (rule.ty, rule.value))
}

/// The rule of this code: `inner` in so many wrappers.
fn search(inner: &Rule, wrappers: &[Wrapper], wanted: u32, depth: u32) -> Option<Rule> {
    if depth == 0 {
        return (inner.code == wanted).then(|| inner.clone());
    }
    wrappers.iter().find_map(|wrapper| {
        // There are hundreds of thousands of the outermost ones: their texts are not written.
        if depth == 1 && wrapper.code(inner) != wanted {
            return None;
        }
        search(&wrapper.around(inner), wrappers, wanted, depth - 1)
    })
}

/// What stands around a rule.
enum Wrapper<'a> {
    Clip { name: &'static str, text: &'static str },
    Schedule(&'a Rule),
}

impl Wrapper<'_> {
    fn code(&self, inner: &Rule) -> u32 {
        match self {
            Self::Clip { text, .. } => code(text, &[inner.code, f32::CODE]),
            Self::Schedule(schedule) => code("scheduled", &[inner.code, schedule.code]),
        }
    }

    fn around(&self, inner: &Rule) -> Rule {
        let code = self.code(inner);
        match self {
            Self::Clip { name, .. } => {
                let ty = path("optimizer", name);
                let value = format!("{ty} {{ optimizer: {}, limit: 1.0 }}", inner.value);
                Rule { value, ty: format!("{ty}<{}>", inner.ty), code }
            }
            Self::Schedule(schedule) => {
                let ty = path("schedule", "Scheduled");
                let (value, then) = (&inner.value, &schedule.value);
                let value = format!("{ty} {{ optimizer: {value}, schedule: {then} }}");
                Rule { value, ty: format!("{ty}<{}, {}>", inner.ty, schedule.ty), code }
            }
        }
    }
}

/// All schedules, up to 16 pieces of a piecewise one, and each after a warm-up.
fn schedules() -> Vec<Rule> {
    use rosenblatt::schedule::{
        ConstantRate, CosineDecay, ExponentialDecay, InverseTimeDecay, StepDecay,
    };
    let decay = "{ lr: 1.0, decay_steps: 1, decay_rate: 0.5, staircase: false }";
    let mut all: Vec<Rule> = [
        ("ConstantRate", "{ lr: 1.0 }", ConstantRate::CODE),
        ("InverseTimeDecay", decay, InverseTimeDecay::CODE),
        ("ExponentialDecay", decay, ExponentialDecay::CODE),
        ("StepDecay", "{ lr: 1.0, drop: 0.5, every: 1 }", StepDecay::CODE),
        ("CosineDecay", "{ lr: 1.0, decay_steps: 1, alpha: 0.0 }", CosineDecay::CODE),
    ]
    .map(|(name, fields, code)| {
        let ty = path("schedule", name);
        Rule { value: format!("{ty} {fields}"), ty, code }
    })
    .to_vec();
    all.extend((0..=16).map(|n| {
        let ty = path("schedule", "PiecewiseConstant");
        Rule {
            value: format!("{ty} {{ lr: 1.0, then: [(0, 1.0); {n}] }}"),
            ty: format!("{ty}<{n}>"),
            code: joined(name_code("piecewise"), n),
        }
    }));
    let warm: Vec<Rule> = all
        .iter()
        .map(|rule| {
            let ty = path("schedule", "WarmUp");
            Rule {
                value: format!("{ty} {{ start: 0.0, steps: 1, then: {} }}", rule.value),
                ty: format!("{ty}<{}>", rule.ty),
                code: code("warm up", &[f32::CODE, u32::CODE, rule.code]),
            }
        })
        .collect();
    all.extend(warm);
    all
}

/// The type of the loss of this code, and whether its targets are classes.
pub fn loss(wanted: u32) -> Option<(String, bool)> {
    type Row = [f32; 2];
    let all = [
        ("MeanSquaredError", <MeanSquaredError as Loss<Linear, Row>>::CODE, false),
        ("BinaryCrossEntropy", <BinaryCrossEntropy as Loss<Sigmoid, Row>>::CODE, false),
        ("CategoricalCrossEntropy", <CategoricalCrossEntropy as Loss<Softmax, Row>>::CODE, false),
        (
            "SparseCategoricalCrossEntropy<u32>",
            <SparseCategoricalCrossEntropy as Loss<Softmax, Row>>::CODE,
            true,
        ),
    ];
    all.into_iter().find_map(|(name, code, classes)| {
        let ty = path("loss", name);
        if code == wanted {
            Some((ty, classes))
        } else if joined(name_code("sum over outputs"), code) == wanted {
            Some((format!("{}<{ty}>", path("loss", "SumOverOutputs")), classes))
        } else {
            None
        }
    })
}

/// The initializer of this code, as an expression.
pub fn initializer(wanted: u32) -> Option<String> {
    let all = [
        ("GlorotUniform", init::GlorotUniform::CODE),
        ("GlorotNormal", init::GlorotNormal::CODE),
        ("HeUniform", init::HeUniform::CODE),
        ("HeNormal", init::HeNormal::CODE),
        ("LecunUniform", init::LecunUniform::CODE),
        ("LecunNormal", init::LecunNormal::CODE),
        ("Orthogonal", init::Orthogonal::CODE),
        ("Uniform { min: 0.0, max: 1.0 }", init::Uniform::CODE),
        ("Constant(0.0)", init::Constant::CODE),
    ];
    all.into_iter().find(|(_, code)| *code == wanted).map(|(name, _)| path("init", name))
}

/// The regularizer of a penalty: the index of the layer, a code, and two fractions.
pub fn regularizer(&[_, wanted, a, b, c, d]: &[u32; 6]) -> Result<String> {
    let all = [
        ("l1", format!("L1<{a}, {b}>")),
        ("l2", format!("L2<{c}, {d}>")),
        ("l1 l2", format!("L1L2<{a}, {b}, {c}, {d}>")),
    ];
    let found = all.into_iter().find(|(name, _)| code(name, &[a, b, c, d]) == wanted);
    match found {
        Some((_, ty)) => Ok(path("layer", &ty)),
        None => bail!("a penalty has the code {wanted:08x}, which is none of the library's"),
    }
}
