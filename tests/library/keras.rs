//! The same trajectories as Keras 3: optimizers step by step, and whole trainings from the same
//! weights on the same samples.
//!
//! Keras wrote the files in `fixtures/` with the script `make_fixtures.py`. The environment
//! variable `KERAS_FIXTURES` names another folder of such files, made with another seed or data
//! set.

use crate::support;
use crate::support::dataset;

use rosenblatt::{
    Backend,
    kernels::{F32Array, Simd, dispatch},
    layer::{Activate, Dense, DenseL2, Layer, Map, Same, Signal, Trainable},
    loss::Loss,
    metrics::predicted,
    optimizer::{ClipNorm, ClipValue, Optimizer, ZeroState},
    prelude::*,
    schedule::{
        ConstantRate, CosineDecay, ExponentialDecay, InverseTimeDecay, PiecewiseConstant, Schedule,
        Scheduled, StepDecay, WarmUp,
    },
    sequential::{Layers, Model},
};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;
use std::{fs, io::Write as _, path::PathBuf};
use support::{backends, roomy};

/// One type for all optimizers, so that each network's training is compiled once. A step is that of
/// the inner optimizer.
macro_rules! optimizers {
    ($($optimizer:ident { $($field:ident: $key:literal),* } $(if $mark:literal)?;)*) => {
        #[derive(Clone, Copy, Debug)]
        enum Any {
            $($optimizer($optimizer),)*
        }

        #[derive(Clone, Copy)]
        #[allow(non_snake_case, reason = "a field for each optimizer, by its name")]
        struct AnyState<P: F32Array> {
            $($optimizer: <$optimizer as Optimizer>::State<P>,)*
        }

        impl<P: F32Array> ZeroState for AnyState<P> {
            const ZERO: Self =
                Self { $($optimizer: <$optimizer as Optimizer>::State::<P>::ZERO,)* };

            fn set_zero(&mut self) {
                $(self.$optimizer.set_zero();)*
            }
        }

        impl Optimizer for Any {
            type State<P: F32Array> = AnyState<P>;

            #[inline(always)]
            fn update<S: Simd, P: F32Array>(
                &self,
                s: S,
                state: &mut AnyState<P>,
                w: &mut P,
                dw: &P,
            ) {
                match self {
                    $(Self::$optimizer(optimizer) =>
                        optimizer.update(s, &mut state.$optimizer, w, dw),)*
                }
            }

            fn check(&self) -> rosenblatt::Result<()> {
                match self { $(Self::$optimizer(optimizer) => optimizer.check(),)* }
            }

            fn lr(&self) -> f32 {
                match self { $(Self::$optimizer(optimizer) => optimizer.lr(),)* }
            }

            fn set_lr(&mut self, lr: f32) {
                match self { $(Self::$optimizer(optimizer) => optimizer.set_lr(lr),)* }
            }
        }

        impl Any {
            /// The optimizer that has a fixture's hyper-parameters.
            fn configured(hyper: &Hyper<'_>) -> Result<Self, String> {
                $(if let Some(optimizer) = hyper.all(
                    [$($key),*].as_slice(),
                    [$($mark)?].as_slice(),
                    || $optimizer { $($field: hyper.get($key),)* decay: hyper.get("decay") },
                ) {
                    return Ok(Self::$optimizer(optimizer));
                })*
                Err(format!("no optimizer here has the hyper-parameters {}", hyper.values))
            }

            /// Its name in the fixtures.
            fn name(&self) -> String {
                match self { $(Self::$optimizer(_) => stringify!($optimizer).to_lowercase(),)* }
            }
        }
    };
}

/// One test per training, named after its file. The first word is the macro that lists the data
/// sets for its networks.
macro_rules! trainings {
    ($of_shape:ident: $($file:ident: $net:ident, $loss:ident;)*) => {$(
        #[test]
        fn $file() {
            roomy(|| {
                let data = DataSet::read();
                $of_shape!(data, $net, $loss, stringify!($file));
            });
        }
    )*};
}

// To add a network, an optimizer, a data set or a training, add a line to one of the lists below.

type MlpOf<const I: usize, const C: usize> = Mlp<(Dense<I, 32, Relu>, Dense<32, C, Softmax>)>;
type Mlp3Of<const I: usize, const C: usize> =
    Mlp<(Dense<I, 24, Tanh>, Dense<24, 16, Sigmoid>, Dense<16, C, Softmax>)>;
type L2Of<const I: usize, const C: usize> =
    Mlp<(DenseL2<I, 32, Relu, 1, 1000>, Dense<32, C, Softmax>)>;
type NormOf<const I: usize, const C: usize> = Mlp<(
    Dense<I, 32>,
    BatchNorm<[f32; 32]>,
    Activate<[f32; 32], Relu>,
    Dense<32, 16, Tanh>,
    LayerNorm<[f32; 16]>,
    Dense<16, C, Softmax>,
)>;
type BinaryOf<const I: usize, const C: usize> = Mlp<(Dense<I, 16, Tanh>, Dense<16, 1, Sigmoid>)>;
type RegressionOf<const I: usize, const C: usize> = Mlp<(Dense<I, 16, Tanh>, Dense<16, 1>)>;
type Cnn = Mlp<(
    Conv2d<Map<8, 8, 1>, Map<6, 6, 8>, 3, 3, Relu>,
    MaxPool2d<Map<6, 6, 8>, Map<3, 3, 8>, 2>,
    Flatten<Map<3, 3, 8>, 72>,
    Dense<72, 10, Softmax>,
)>;
type Cnn2 = Mlp<(
    Conv2d<Map<8, 8, 1>, Map<8, 8, 6>, 3, 3, Tanh, Same>,
    AvgPool2d<Map<8, 8, 6>, Map<4, 4, 6>, 2>,
    Conv2d<Map<4, 4, 6>, Map<2, 2, 8>, 3, 3, Relu, Same, 2>,
    Flatten<Map<2, 2, 8>, 32>,
    Dense<32, 10, Softmax>,
)>;
type Conv = Mlp<(
    Conv1d<Signal<8, 8>, Signal<6, 8>, 3, Relu>,
    Flatten<Signal<6, 8>, 48>,
    Dense<48, 10, Softmax>,
)>;
// Over the eight rows of an 8×8 image.
type SimpleRnn = Mlp<(Rnn<8, 16, 8>, Dense<16, 10, Softmax>)>;
type GruNet = Mlp<(Gru<8, 12, 8>, Dense<12, 10, Softmax>)>;
type LstmNet = Mlp<(Lstm<8, 12, 8>, Dense<12, 10, Softmax>)>;

// A fixture's optimizer is the one whose keys are exactly the fixture's hyper-parameters, `decay`
// aside.
optimizers! {
    AdamW {
        lr: "lr", beta1: "beta_1", beta2: "beta_2", epsilon: "epsilon", weight_decay: "weight_decay"
    };
    Adam { lr: "lr", beta1: "beta_1", beta2: "beta_2", epsilon: "epsilon" };
    RmsProp { lr: "lr", rho: "rho", epsilon: "epsilon" };
    AdaGrad { lr: "lr", epsilon: "epsilon" };
    Nesterov { lr: "lr", momentum: "momentum" } if "nesterov";
    Momentum { lr: "lr", momentum: "momentum" };
    Sgd { lr: "lr" };
}

/// Selects a data set's network by the number of its inputs and classes, and runs a training.
macro_rules! of_shape {
    ($data:expr, $net:ident, $loss:ident, $file:expr) => {
        match ($data.inputs, $data.classes) {
            (64, 10) => check::<$net<64, 10>, $loss>($file, &$data), // digits
            (13, 3) => check::<$net<13, 3>, $loss>($file, &$data),   // wine
            (30, 2) => check::<$net<30, 2>, $loss>($file, &$data),   // breast cancer
            shape => panic!("no data set here has the inputs and classes {shape:?}"),
        }
    };
}

/// Networks over images. Only the digits are images. The script writes no such files for other data
/// sets.
macro_rules! images {
    ($data:expr, $net:ident, $loss:ident, $file:expr) => {
        match ($data.inputs, $data.classes) {
            (64, 10) => check::<$net, $loss>($file, &$data), // digits
            shape => skip($file, shape),
        }
    };
}

/// Reports that a training is skipped. Writes past the test harness, which hides the output of a
/// passing test.
fn skip(file: &str, (inputs, classes): (usize, usize)) {
    let said = format!(
        "SKIPPED {file}: it needs images of 8x8 pixels; the data in {} have {inputs} inputs and \
         {classes} classes\n",
        folder().display()
    );
    std::io::stderr().write_all(said.as_bytes()).expect("stderr");
}

trainings! { of_shape:
    mlp_sgd: MlpOf, SparseCategoricalCrossEntropy;
    mlp_sgd_decay: MlpOf, SparseCategoricalCrossEntropy;
    mlp_momentum: MlpOf, SparseCategoricalCrossEntropy;
    mlp_nesterov: MlpOf, SparseCategoricalCrossEntropy;
    mlp_adagrad: MlpOf, SparseCategoricalCrossEntropy;
    mlp_adagrad_decay: MlpOf, SparseCategoricalCrossEntropy;
    mlp_rmsprop: MlpOf, SparseCategoricalCrossEntropy;
    mlp_rmsprop_decay: MlpOf, SparseCategoricalCrossEntropy;
    mlp_adam: MlpOf, SparseCategoricalCrossEntropy;
    mlp_adam_decay: MlpOf, SparseCategoricalCrossEntropy;
    mlp_adamw: MlpOf, SparseCategoricalCrossEntropy;
    mlp3_sgd: Mlp3Of, SparseCategoricalCrossEntropy;
    mlp3_momentum: Mlp3Of, SparseCategoricalCrossEntropy;
    mlp3_adam: Mlp3Of, SparseCategoricalCrossEntropy;
    l2_sgd: L2Of, SparseCategoricalCrossEntropy;
    l2_adam: L2Of, SparseCategoricalCrossEntropy;
    norm_momentum: NormOf, SparseCategoricalCrossEntropy;
    norm_adam: NormOf, SparseCategoricalCrossEntropy;
    binary_sgd: BinaryOf, BinaryCrossEntropy;
    binary_adam: BinaryOf, BinaryCrossEntropy;
    regression_momentum: RegressionOf, MeanSquaredError;
    regression_rmsprop: RegressionOf, MeanSquaredError;
}

trainings! { images:
    cnn_sgd: Cnn, SparseCategoricalCrossEntropy;
    cnn_adam: Cnn, SparseCategoricalCrossEntropy;
    cnn2_momentum: Cnn2, SparseCategoricalCrossEntropy;
    cnn2_adam: Cnn2, SparseCategoricalCrossEntropy;
    conv1d_adam: Conv, SparseCategoricalCrossEntropy;
    rnn_sgd: SimpleRnn, SparseCategoricalCrossEntropy;
    rnn_rmsprop: SimpleRnn, SparseCategoricalCrossEntropy;
    rnn_adam: SimpleRnn, SparseCategoricalCrossEntropy;
    gru_sgd: GruNet, SparseCategoricalCrossEntropy;
    gru_adam: GruNet, SparseCategoricalCrossEntropy;
    lstm_sgd: LstmNet, SparseCategoricalCrossEntropy;
    lstm_adam: LstmNet, SparseCategoricalCrossEntropy;
}

/// Parameters after each optimizer step: |Δ| ≤ STEP · max(1, |w|). About ten roundings of 6e-8 per
/// step; over 50 steps they nearly cancel.
const STEP: f64 = 2e-6;
/// Loss of each training step, relative. Two libraries add in different orders. Training amplifies
/// the difference.
const LOSS: f64 = 1e-3;
/// Each predicted probability.
const PREDICTION: f64 = 5e-3;
/// Each predicted probability where a bias is undetermined: see [`Tensors::undetermined`].
const ADRIFT: f64 = 5e-2;
/// The least share of test samples whose class must be the one that Keras predicts.
const CLASSES: f64 = 0.995;
/// Samples in a mini-batch of the fixtures.
const BATCH: usize = 32;

/// True also for NaN.
fn beyond(off: f64, limit: f64) -> bool {
    off.is_nan() || off > limit
}

/// Hyper-parameters under their names in the fixtures.
struct Hyper<'a> {
    values: &'a Value,
    /// Factor of the learning rate: 1, or a planted defect.
    lr: f32,
}

impl Hyper<'_> {
    /// The value of a name; 0 if the fixture lacks it, as with `decay`.
    fn get(&self, key: &str) -> f32 {
        let value = self.values[key].as_f64().unwrap_or(0.0) as f32;
        if key == "lr" { value * self.lr } else { value }
    }

    /// The optimizer if exactly these keys are present. `decay` is optional.
    fn all<O>(&self, keys: &[&str], marks: &[&str], optimizer: impl FnOnce() -> O) -> Option<O> {
        let known =
            |key: &str| keys.contains(&key) || marks.contains(&key) || ["decay"].contains(&key);
        let here = self.values.as_object()?;
        let complete = keys.iter().chain(marks).all(|key| here.contains_key(*key));
        (complete && here.keys().all(|key| known(key))).then(optimizer)
    }
}

fn folder() -> PathBuf {
    std::env::var_os("KERAS_FIXTURES")
        .map_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures").into(), PathBuf::from)
}

fn read(file: &str) -> Vec<u8> {
    let path = folder().join(file);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Values of four bytes, little-endian, as in safetensors.
fn values<T>(
    tensors: &SafeTensors<'_>,
    name: &str,
    dtype: Dtype,
    from: fn([u8; 4]) -> T,
) -> Vec<T> {
    let tensor = tensors.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(tensor.dtype(), dtype, "{name}");
    tensor.data().chunks_exact(4).map(|bytes| from(bytes.try_into().expect("four"))).collect()
}

fn floats(tensors: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    values(tensors, name, Dtype::F32, f32::from_le_bytes)
}

/// `optimizers.json`: 17 parameters, 50 gradients, and for each configuration the parameters after
/// each step.
struct Steps {
    document: Value,
}

impl Steps {
    const PARAMETERS: usize = 17;

    fn read() -> Self {
        Self { document: serde_json::from_slice(&read("optimizers.json")).expect("JSON") }
    }

    fn row(values: &Value) -> [f32; Self::PARAMETERS] {
        let values = values.as_array().expect("numbers");
        assert_eq!(values.len(), Self::PARAMETERS);
        std::array::from_fn(|i| values[i].as_f64().expect("a number") as f32)
    }

    /// Runs one configuration on every backend. Gives the greatest |Δ| / max(1, |w|), or an error
    /// where it is too large.
    fn follow(&self, name: &str, lr: f32) -> Result<f64, String> {
        let after = &self.document["after"][name];
        let optimizer = Any::configured(&Hyper { values: &after["hyper"], lr })
            .map_err(|error| format!("{name}: {error}"))?;
        // The second word of a name is `decay`.
        if name.split('_').next() != Some(&optimizer.name()) {
            return Err(format!("{name}: its hyper-parameters are those of {}", optimizer.name()));
        }
        self.run(optimizer, name, &after["parameters"])
    }

    /// Runs an optimizer over all gradients and compares the parameters after each step.
    fn run<O: Optimizer>(&self, optimizer: O, name: &str, rows: &Value) -> Result<f64, String> {
        optimizer.check().map_err(|error| error.to_string())?;
        let gradients = self.document["gradients"].as_array().expect("rows");
        let rows = rows.as_array().expect("rows");
        assert_eq!((rows.len(), gradients.len()), (50, 50));
        let mut worst = 0.0f64;
        for backend in backends() {
            let mut w = Self::row(&self.document["start"]);
            let mut state = O::State::<[f32; Self::PARAMETERS]>::ZERO;
            for (step, (gradient, row)) in gradients.iter().zip(rows).enumerate() {
                let mut gradient = Self::row(gradient);
                dispatch!(backend, s => optimizer.prepare(s, &mut gradient));
                dispatch!(backend, s => optimizer.update(s, &mut state, &mut w, &gradient));
                for (i, (got, want)) in w.iter().zip(Self::row(row)).enumerate() {
                    let off = f64::from((got - want).abs()) / f64::from(want.abs().max(1.0));
                    if beyond(off, STEP) {
                        return Err(format!(
                            "{name} on {backend}, step {}: parameter {i} is {got}, Keras has \
                             {want}",
                            step + 1
                        ));
                    }
                    worst = worst.max(off);
                }
            }
        }
        Ok(worst)
    }
}

/// The configurations in the script for `optimizers.json`.
const CONFIGURATIONS: [&str; 11] = [
    "sgd",
    "sgd_decay",
    "momentum",
    "nesterov",
    "adagrad",
    "adagrad_decay",
    "rmsprop",
    "rmsprop_decay",
    "adam",
    "adam_decay",
    "adamw",
];

#[test]
fn optimizers_step_by_step() {
    let steps = Steps::read();
    let here = steps.document["after"].as_object().expect("configurations");
    for name in here.keys() {
        let worst = steps.follow(name, 1.0).unwrap_or_else(|error| panic!("{error}"));
        println!("{name}: worst deviation {worst:.1e}");
    }
    for name in CONFIGURATIONS {
        assert!(here.contains_key(name), "{name} is not in optimizers.json");
    }
}

#[test]
fn a_wrong_learning_rate_is_seen() {
    let mut steps = Steps::read();
    for name in CONFIGURATIONS {
        assert!(steps.follow(name, 1.001).is_err(), "{name}");
    }
    // Another rule with the same hyper-parameters.
    let sgd = steps.document["after"]["sgd"]["hyper"].clone();
    steps.document["after"]["adam"]["hyper"] = sgd;
    assert!(steps.follow("adam", 1.0).is_err());
    // A rule that does not exist here.
    steps.document["after"]["sgd"]["hyper"]["rho_2"] = 0.5.into();
    assert!(steps.follow("sgd", 1.0).is_err());

    let data = DataSet::read();
    if (data.inputs, data.classes) == (64, 10) {
        let training = Training::read("mlp_sgd");
        let run = |lr| {
            training.run::<MlpOf<64, 10>, SparseCategoricalCrossEntropy>(
                Backend::detect(),
                &data,
                lr,
            )
        };
        assert!(training.compare(&run(1.01).expect("good data")).is_err());
    }
}

/// A schedule of any kind, chosen by the hyper-parameters in `schedules.json`.
#[derive(Clone, Copy, Debug)]
enum AnySchedule {
    Constant(ConstantRate),
    InverseTime(InverseTimeDecay),
    Step(StepDecay),
    Exponential(ExponentialDecay),
    Cosine(CosineDecay),
    WarmUpCosine(WarmUp<CosineDecay>),
    Piecewise(PiecewiseConstant<2>),
}

impl AnySchedule {
    fn configured(schedule: &Value) -> Self {
        let values = &schedule["hyper"];
        let hyper = Hyper { values, lr: 1.0 };
        let lr = hyper.get("lr");
        let (decay_steps, decay_rate) = (hyper.get("decay_steps") as u32, hyper.get("decay_rate"));
        let staircase = hyper.get("staircase") > 0.0;
        let cosine = CosineDecay { lr, decay_steps, alpha: hyper.get("alpha") };
        match schedule["kind"].as_str().expect("a kind") {
            "constant" => Self::Constant(ConstantRate { lr }),
            "inverse_time" => {
                Self::InverseTime(InverseTimeDecay { lr, decay_steps, decay_rate, staircase })
            }
            "step" => Self::Step(StepDecay {
                lr,
                drop: hyper.get("drop"),
                every: hyper.get("every") as u32,
            }),
            "exponential" => {
                Self::Exponential(ExponentialDecay { lr, decay_steps, decay_rate, staircase })
            }
            "cosine" => Self::Cosine(cosine),
            "warm_up_cosine" => Self::WarmUpCosine(WarmUp {
                start: hyper.get("start"),
                steps: hyper.get("steps") as u32,
                then: cosine,
            }),
            "piecewise" => Self::Piecewise(PiecewiseConstant {
                lr,
                then: std::array::from_fn(|i| {
                    (
                        values["boundaries"][i].as_u64().expect("a step") as u32,
                        values["rates"][i].as_f64().expect("a rate") as f32,
                    )
                }),
            }),
            kind => panic!("no schedule here is called {kind}"),
        }
    }
}

/// Calls a method of the inner schedule.
macro_rules! inner {
    ($self:ident, $inner:ident => $call:expr) => {
        match $self {
            AnySchedule::Constant($inner) => $call,
            AnySchedule::InverseTime($inner) => $call,
            AnySchedule::Step($inner) => $call,
            AnySchedule::Exponential($inner) => $call,
            AnySchedule::Cosine($inner) => $call,
            AnySchedule::WarmUpCosine($inner) => $call,
            AnySchedule::Piecewise($inner) => $call,
        }
    };
}

impl Schedule for AnySchedule {
    fn at(&self, step: u32) -> f32 {
        inner!(self, schedule => schedule.at(step))
    }

    fn lr(&self) -> f32 {
        inner!(self, schedule => schedule.lr())
    }

    fn set_lr(&mut self, lr: f32) {
        inner!(self, schedule => schedule.set_lr(lr));
    }

    fn check(&self) -> rosenblatt::Result<()> {
        inner!(self, schedule => schedule.check())
    }
}

/// `schedules.json`. It does not depend on seed or data, and so other folders of fixtures do not
/// contain it.
fn schedules() -> Value {
    serde_json::from_str(include_str!("../fixtures/schedules.json")).expect("JSON")
}

/// Compares the rate of each step with Keras'. The tolerance is what f32 leaves of Keras' formulas,
/// relative to the initial rate.
#[test]
fn schedules_step_by_step() {
    let document = schedules();
    let steps: Vec<_> = document["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|t| t.as_u64().expect("t") as u32)
        .collect();
    for (name, schedule) in document["schedules"].as_object().expect("schedules") {
        let rule = AnySchedule::configured(schedule);
        rule.check().expect("good parameters");
        let mut worst = 0.0f32;
        for (t, want) in steps.iter().zip(schedule["rates"].as_array().expect("rates")) {
            let (got, want) = (rule.at(*t), want.as_f64().expect("a rate") as f32);
            // Where the base of a power is near 1, Keras' own f32 power errs by several ULP, an
            // error relative to the rate. The cosine's error is relative to the initial rate.
            let off = (got - want).abs() / rule.lr();
            assert!(
                off <= 2e-7 && (got - want).abs() <= 2e-5 * want + 2e-7 * rule.lr(),
                "{name}, step {t}: {got}, Keras has {want}"
            );
            worst = worst.max(off);
        }
        println!("{name}: worst deviation {worst:.1e} of the first rate");

        // Another initial rate scales all rates in proportion.
        let mut half = rule;
        half.set_lr(0.5 * rule.lr());
        assert_eq!(half.lr(), 0.5 * rule.lr());
        for t in steps
            .iter()
            .filter(|t| !matches!(rule, AnySchedule::WarmUpCosine(warm_up) if **t < warm_up.steps))
        {
            assert_eq!(half.at(*t), 0.5 * rule.at(*t), "{name}, step {t}");
        }
    }
}

/// Optimizers with a schedule, with clipping, and with both.
#[test]
fn scheduled_and_clipped_step_by_step() {
    let steps = Steps { document: schedules() };
    for (name, run) in steps.document["runs"].as_object().expect("runs") {
        let mut hyper = run["hyper"].clone();
        let mut take = |key: &str| hyper.as_object_mut().expect("an object").remove(key);
        let schedule = take("schedule").map(|name| {
            AnySchedule::configured(&steps.document["schedules"][name.as_str().expect("a name")])
        });
        let limit = |value: Value| value.as_f64().expect("a number") as f32;
        let (value, norm) = (take("clip_value").map(limit), take("clip_norm").map(limit));
        if hyper.get("lr").is_none() {
            // The schedule's rate must be used instead.
            hyper["lr"] = 123.0.into();
        }
        let optimizer = Any::configured(&Hyper { values: &hyper, lr: 1.0 }).expect("an optimizer");
        let rows = &run["parameters"];
        let outcome = match (schedule, value, norm) {
            (None, Some(limit), None) => steps.run(ClipValue { optimizer, limit }, name, rows),
            (None, None, Some(limit)) => steps.run(ClipNorm { optimizer, limit }, name, rows),
            (Some(schedule), None, None) => {
                steps.run(Scheduled { optimizer, schedule }, name, rows)
            }
            (Some(schedule), None, Some(limit)) => {
                // Either wrapper may be the outer one.
                let outer = steps.run(
                    ClipNorm { optimizer: Scheduled { optimizer, schedule }, limit },
                    name,
                    rows,
                );
                let inner = steps.run(
                    Scheduled { optimizer: ClipNorm { optimizer, limit }, schedule },
                    name,
                    rows,
                );
                assert_eq!(outer, inner);
                outer
            }
            what => panic!("{name}: {what:?}"),
        };
        println!(
            "{name}: worst deviation {:.1e}",
            outcome.unwrap_or_else(|error| panic!("{error}"))
        );
        // Without the wrapper the results must differ.
        assert!(steps.run(optimizer, name, rows).is_err(), "{name}");
    }
}

/// `data.safetensors`
struct DataSet {
    inputs: usize,
    classes: usize,
    x_train: Vec<f32>,
    y_train: Vec<i32>,
    x_test: Vec<f32>,
}

impl DataSet {
    fn read() -> Self {
        let bytes = read("data.safetensors");
        let tensors = SafeTensors::deserialize(&bytes).expect("safetensors");
        let labels = |name| values(&tensors, name, Dtype::I32, i32::from_le_bytes);
        let (y_train, y_test) = (labels("y_train"), labels("y_test"));
        let classes = y_train.iter().chain(&y_test).max().expect("samples") + 1;
        Self {
            inputs: tensors.tensor("x_train").expect("inputs").shape()[1],
            classes: usize::try_from(classes).expect("classes from 0"),
            x_train: floats(&tensors, "x_train"),
            y_train,
            x_test: floats(&tensors, "x_test"),
        }
    }
}

/// Flat values as samples of a network's input or target type.
fn rows<X: F32Array>(flat: &[f32]) -> Vec<X> {
    assert!(flat.len().is_multiple_of(X::LEN), "the network takes {} values a sample", X::LEN);
    flat.chunks_exact(X::LEN)
        .map(|values| {
            let mut x = X::ZERO;
            x.as_flat_mut().copy_from_slice(values);
            x
        })
        .collect()
}

/// A loss, and the target that the fixtures use for a class.
trait Labelled<OutputActivation, Out>: Loss<OutputActivation, Out> {
    fn label(class: i32, classes: usize) -> Self::Target;
}

impl<const O: usize> Labelled<Softmax, [f32; O]> for SparseCategoricalCrossEntropy {
    fn label(class: i32, _: usize) -> u8 {
        u8::try_from(class).expect("a small class")
    }
}

impl Labelled<Sigmoid, [f32; 1]> for BinaryCrossEntropy {
    fn label(class: i32, _: usize) -> [f32; 1] {
        [(class % 2) as f32]
    }
}

impl<OutputActivation> Labelled<OutputActivation, [f32; 1]> for MeanSquaredError {
    /// The script divides in f64, then rounds.
    fn label(class: i32, classes: usize) -> [f32; 1] {
        [(f64::from(class) / (classes - 1).max(1) as f64) as f32]
    }
}

/// Keras' `get_weights` and `set_weights`.
trait Tensors: Model<Layers: Trainable> + Default {
    fn get(&self) -> Vec<Vec<f32>>;
    fn set(&mut self, tensors: &[Vec<f32>]) -> rosenblatt::Result<()>;

    /// The indices of each bias in front of a batch normalization, and of that normalization's
    /// moving mean.
    ///
    /// The normalization subtracts the mean, so this bias has gradient 0 except for rounding. Adam
    /// divides a gradient by its own size. It thus turns rounding errors into full steps, and the
    /// bias drifts, in Keras and here, each with its own rounding errors. Training is not affected.
    /// Predictions are, because the moving mean follows the bias with a lag of some hundred steps.
    /// On the digits a training in f64, where nothing drifts, ends 9e-3 from Keras' predictions;
    /// with these two tensors set to Keras' values, 1e-5.
    fn undetermined(&self) -> Vec<usize> {
        let mut names = Vec::new();
        self.names(&mut names);
        let pattern = ["bias", "gamma", "beta", "moving_mean"];
        names
            .windows(4)
            .enumerate()
            .filter(|(_, names)| *names == pattern)
            .flat_map(|(i, _)| [i, i + 3])
            .collect()
    }

    fn names(&self, names: &mut Vec<&'static str>);
}

impl<T: Layers<Composed: Trainable>> Tensors for Mlp<T> {
    fn get(&self) -> Vec<Vec<f32>> {
        let mut all = Vec::new();
        self.tensors(|_, values| all.push(values.to_vec()));
        all
    }

    fn set(&mut self, tensors: &[Vec<f32>]) -> rosenblatt::Result<()> {
        self.set_tensors(&tensors.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    fn names(&self, names: &mut Vec<&'static str>) {
        self.tensors(|tensor, _| names.push(tensor.name));
    }
}

type LayersOf<N> = <N as Model>::Layers;
type OutputOf<N> = <LayersOf<N> as Layer>::Output;

/// One training's file.
struct Training {
    file: String,
    optimizer: Value,
    epochs: usize,
    init: Vec<Vec<f32>>,
    /// Keras' final tensors.
    last: Vec<Vec<f32>>,
    outcome: Outcome,
}

/// Results of a training.
struct Outcome {
    losses: Vec<f32>,
    weights: Vec<f32>,
    predictions: Vec<f32>,
    /// Predictions after the tensors that [`Tensors::undetermined`] names are set to Keras' values,
    /// where Adam lets them drift.
    anchored: Option<Vec<f32>>,
    outputs: usize,
}

/// How far two outcomes are apart.
struct Deviation {
    loss: f64,
    prediction: f64,
    /// Predictions with the drifting tensors as trained.
    adrift: f64,
    weight: f64,
    same_class: f64,
}

impl Training {
    fn read(file: &str) -> Self {
        let bytes = read(&format!("{file}.safetensors"));
        let tensors = SafeTensors::deserialize(&bytes).expect("safetensors");
        let (_, metadata) = SafeTensors::read_metadata(&bytes).expect("safetensors");
        let notes = metadata.metadata().as_ref().expect("notes");
        assert_eq!(
            (notes["batch"].as_str(), notes["order"].as_str()),
            ("32", "sequential"),
            "{file}"
        );
        let all = |part: &str| {
            let names = (0..)
                .map(|k| format!("{part}.{k}"))
                .take_while(|name| tensors.tensor(name).is_ok());
            names.map(|name| floats(&tensors, &name)).collect::<Vec<_>>()
        };
        Self {
            file: file.to_owned(),
            optimizer: serde_json::from_str(&notes["optimizer"]).expect("JSON"),
            epochs: notes["epochs"].parse().expect("a number"),
            init: all("init"),
            last: all("final"),
            outcome: Outcome {
                losses: floats(&tensors, "loss"),
                weights: all("final").concat(),
                predictions: floats(&tensors, "predictions"),
                anchored: None,
                outputs: tensors.tensor("predictions").expect("predictions").shape()[1],
            },
        }
    }

    /// Trains from the fixture's weights over the samples in their order.
    fn run<N, L>(&self, backend: Backend, data: &DataSet, lr: f32) -> rosenblatt::Result<Outcome>
    where
        N: Tensors,
        L: Labelled<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
    {
        let optimizer =
            Any::configured(&Hyper { values: &self.optimizer, lr }).expect("an optimizer");
        optimizer.check().expect("good hyper-parameters");
        let x: Vec<<LayersOf<N> as Layer>::Input> = rows(&data.x_train);
        let t: Vec<_> = data.y_train.iter().map(|class| L::label(*class, data.classes)).collect();
        let mut net = Box::new(N::default());
        net.set(&self.init).expect("as many tensors as Keras has, of the same lengths");
        let mut trainer = Box::new(Trainer::<N, L, Any, BATCH>::ZERO);
        let mut losses = Vec::new();
        for _ in 0..self.epochs {
            for (x, t) in x.chunks(BATCH).zip(t.chunks(BATCH)) {
                losses.push(trainer.on(backend).step(&mut net, dataset(x, t), &optimizer)?);
            }
        }
        let mut predict = |net: &N| {
            let mut predictions = Vec::new();
            for x in rows(&data.x_test).chunks(BATCH) {
                let y = trainer.predict_batch(net, x).expect("fits");
                y.iter().for_each(|y| predictions.extend(y.as_flat()));
            }
            predictions
        };
        let predictions = predict(&net);
        let weights = net.get().concat();
        let adrift =
            if self.optimizer.get("beta_2").is_some() { net.undetermined() } else { Vec::new() };
        let anchored = (!adrift.is_empty()).then(|| {
            let mut tensors = net.get();
            adrift.iter().for_each(|i| tensors[*i].clone_from(&self.last[*i]));
            net.set(&tensors).expect("Keras' own");
            predict(&net)
        });
        Ok(Outcome {
            losses,
            weights,
            predictions,
            anchored,
            outputs: <OutputOf<N> as F32Array>::LEN,
        })
    }

    /// The deviation from Keras' results; an error if it is too large.
    fn compare(&self, got: &Outcome) -> Result<Deviation, String> {
        let (file, want) = (&self.file, &self.outcome);
        assert_eq!(got.losses.len(), want.losses.len(), "{file}: steps");
        assert_eq!(got.weights.len(), want.weights.len(), "{file}: weights");
        assert_eq!(
            (got.predictions.len(), got.outputs),
            (want.predictions.len(), want.outputs),
            "{file}: predictions"
        );
        let mut far =
            Deviation { loss: 0.0, prediction: 0.0, adrift: 0.0, weight: 0.0, same_class: 0.0 };
        for (step, (got, want)) in got.losses.iter().zip(&want.losses).enumerate() {
            let off = (f64::from(*got) / f64::from(*want) - 1.0).abs();
            if beyond(off, LOSS) {
                return Err(format!(
                    "{file}, step {}: the loss is {got}, Keras has {want}",
                    step + 1
                ));
            }
            far.loss = far.loss.max(off);
        }
        let outputs = |got: &[f32], limit| {
            let mut worst = 0.0f64;
            for (i, (got, want)) in got.iter().zip(&want.predictions).enumerate() {
                let off = f64::from((got - want).abs());
                if beyond(off, limit) {
                    return Err(format!(
                        "{file}: output {i} of the test samples is {got}, Keras has {want}"
                    ));
                }
                worst = worst.max(off);
            }
            Ok(worst)
        };
        let determined = got.anchored.as_ref().unwrap_or(&got.predictions);
        far.prediction = outputs(determined, PREDICTION)?;
        far.adrift =
            outputs(&got.predictions, if got.anchored.is_some() { ADRIFT } else { PREDICTION })?;
        let class = |y: &[f32]| y.chunks_exact(want.outputs).map(predicted).collect::<Vec<_>>();
        let (got_class, want_class) = (class(determined), class(&want.predictions));
        let same = got_class.iter().zip(&want_class).filter(|(got, want)| got == want).count();
        far.same_class = same as f64 / want_class.len() as f64;
        if far.same_class < CLASSES {
            return Err(format!(
                "{file}: only {same} of {} test samples got Keras' class",
                want_class.len()
            ));
        }
        for (got, want) in got.weights.iter().zip(&want.weights) {
            far.weight = far.weight.max(f64::from((got - want).abs()));
        }
        Ok(far)
    }
}

/// Runs one training on every backend. With twice the learning rate the results must differ.
fn check<N, L>(file: &str, data: &DataSet)
where
    N: Tensors,
    L: Labelled<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
{
    let training = Training::read(file);
    let same = |lr| {
        training
            .run::<N, L>(Backend::baseline(), data, lr)
            .is_ok_and(|other| training.compare(&other).is_ok())
    };
    assert!(!same(2.0), "{file}: twice the learning rate went unseen");
    for backend in backends() {
        let far = training
            .compare(&training.run::<N, L>(backend, data, 1.0).expect("good data"))
            .unwrap_or_else(|error| panic!("{backend}: {error}"));
        println!(
            "{file} on {backend}: {} steps, worst loss {:.1e} (relative), prediction {:.1e} (as \
             trained {:.1e}), weight {:.1e}; {:.2} % the same classes",
            training.outcome.losses.len(),
            far.loss,
            far.prediction,
            far.adrift,
            far.weight,
            100.0 * far.same_class
        );
    }
}
