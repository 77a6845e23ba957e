//! The same trajectories as Keras 3: optimizers step by step, and whole trainings from the same weights on the same samples.
//!
//! `fixtures/` was written by Keras (`make_fixtures.py` says how). The environment variable `KERAS_FIXTURES` names another folder of such files,
//! made from another seed or data set.

mod support;

use rosenblatt::{
    Level,
    kernels::{Plain, dispatch},
    layer::{Dense, Layer, Train},
    loss::Loss,
    metrics::predicted,
    network::{Network, Stack},
    optimizer::{Optimizer, Zero},
    prelude::*,
};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;
use std::{fs, path::PathBuf};
use support::{backends, roomy};

// To add a network, an optimizer, a training or a data set: a line in one of the four lists below.

type MlpOf<const I: usize, const C: usize> = Mlp<(Dense<I, 32, Relu>, Dense<32, C, Softmax>)>;
type Mlp3Of<const I: usize, const C: usize> = Mlp<(Dense<I, 24, Tanh>, Dense<24, 16, Sigmoid>, Dense<16, C, Softmax>)>;
type L2Of<const I: usize, const C: usize> = Mlp<(DenseL2<I, 32, Relu, 1, 1000>, Dense<32, C, Softmax>)>;
type NormOf<const I: usize, const C: usize> = Mlp<(
    Dense<I, 32>,
    BatchNorm<[f32; 32]>,
    Activate<[f32; 32], Relu>,
    Dense<32, 16, Tanh>,
    LayerNorm<[f32; 16]>,
    Dense<16, C, Softmax>,
)>;
type BinaryOf<const I: usize, const C: usize> = Mlp<(Dense<I, 16, Tanh>, Dense<16, 1, Sigmoid>)>;

/// An optimizer with the hyper-parameters that a fixture names.
trait Configured: Optimizer {
    fn configured(hyper: &Hyper<'_>) -> Self;
}

/// How each optimizer reads its hyper-parameters.
macro_rules! optimizers {
    ($($optimizer:ident { $($field:ident: $key:literal),* };)*) => {$(
        impl Configured for $optimizer {
            fn configured(hyper: &Hyper<'_>) -> Self {
                Self { $($field: hyper.get($key)),* }
            }
        }
    )*};
}

optimizers! {
    Sgd { lr: "lr", decay: "decay" };
    Adam { lr: "lr", beta1: "beta_1", beta2: "beta_2", epsilon: "epsilon", decay: "decay" };
}

/// Configurations in `optimizers.json`: names, and the optimizer that has to follow them.
macro_rules! configurations {
    ($($name:literal: $optimizer:ident;)*) => {
        const CONFIGURATIONS: &[(&str, fn(&Steps) -> Result<f64, String>)] =
            &[$(($name, |steps| steps.follow::<$optimizer>($name, 1.0)),)*];
    };
}

configurations! {
    "sgd": Sgd;
    "sgd_decay": Sgd;
    "adam": Adam;
    "adam_decay": Adam;
}

/// The data sets by their inputs and classes: runs a training with the network of that shape.
macro_rules! of_shape {
    ($data:expr, $net:ident, $loss:ident, $optimizer:ident, $file:expr) => {
        match ($data.inputs, $data.classes) {
            (64, 10) => check::<$net<64, 10>, $loss, $optimizer>($file, &$data), // digits
            (13, 3) => check::<$net<13, 3>, $loss, $optimizer>($file, &$data),   // wine
            (30, 2) => check::<$net<30, 2>, $loss, $optimizer>($file, &$data),   // breast cancer
            shape => panic!("no data set here has the inputs and classes {shape:?}"),
        }
    };
}

/// A test for each training, by the file's name.
macro_rules! trainings {
    ($($file:ident: $net:ident, $loss:ident, $optimizer:ident;)*) => {$(
        #[test]
        fn $file() {
            roomy(|| {
                let data = DataSet::read();
                of_shape!(data, $net, $loss, $optimizer, stringify!($file));
            });
        }
    )*};
}

trainings! {
    mlp_sgd: MlpOf, SparseCategoricalCrossEntropy, Sgd;
    mlp_sgd_decay: MlpOf, SparseCategoricalCrossEntropy, Sgd;
    mlp_adam: MlpOf, SparseCategoricalCrossEntropy, Adam;
    mlp_adam_decay: MlpOf, SparseCategoricalCrossEntropy, Adam;
    mlp3_sgd: Mlp3Of, SparseCategoricalCrossEntropy, Sgd;
    mlp3_adam: Mlp3Of, SparseCategoricalCrossEntropy, Adam;
    l2_sgd: L2Of, SparseCategoricalCrossEntropy, Sgd;
    l2_adam: L2Of, SparseCategoricalCrossEntropy, Adam;
    norm_adam: NormOf, SparseCategoricalCrossEntropy, Adam;
    binary_sgd: BinaryOf, BinaryCrossEntropy, Sgd;
    binary_adam: BinaryOf, BinaryCrossEntropy, Adam;
}

/// Parameters after each optimizer step: |Δ| ≤ this · max(1, |w|). Some ten roundings of 6e-8 a step; over 50 steps they nearly cancel.
const STEP: f64 = 2e-6;
/// Loss of each training step, relative. Two libraries add in different orders; training multiplies the difference.
const LOSS: f64 = 1e-3;
/// Each predicted probability.
const PREDICTION: f64 = 5e-3;
/// The share of test samples that must get the class that Keras gives them.
const CLASSES: f64 = 0.995;
/// Samples in a mini-batch of the fixtures.
const BATCH: usize = 32;

/// A NaN is beyond every limit.
fn beyond(off: f64, limit: f64) -> bool {
    off.is_nan() || off > limit
}

/// Hyper-parameters in the words of the fixtures.
struct Hyper<'a> {
    values: &'a Value,
    /// What the learning rate is multiplied with: 1, or a planted defect.
    lr: f32,
}

impl Hyper<'_> {
    /// By name; 0 where the fixture does not mention it, as for `decay`.
    fn get(&self, key: &str) -> f32 {
        let value = self.values[key].as_f64().unwrap_or(0.0) as f32;
        if key == "lr" { value * self.lr } else { value }
    }
}

fn folder() -> PathBuf {
    std::env::var_os("KERAS_FIXTURES")
        .map_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures").into(), PathBuf::from)
}

fn read(file: &str) -> Vec<u8> {
    let path = folder().join(file);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Four bytes a value, little-endian, as safetensors has them.
fn values<T>(tensors: &SafeTensors<'_>, name: &str, dtype: Dtype, from: fn([u8; 4]) -> T) -> Vec<T> {
    let tensor = tensors.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(tensor.dtype(), dtype, "{name}");
    tensor.data().chunks_exact(4).map(|bytes| from(bytes.try_into().expect("four"))).collect()
}

fn floats(tensors: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    values(tensors, name, Dtype::F32, f32::from_le_bytes)
}

/// `optimizers.json`: 17 parameters, 50 gradients, and the parameters after each step of each configuration.
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

    /// Runs one configuration on every backend. Gives the worst |Δ| / max(1, |w|), or where it was too large.
    fn follow<O: Configured>(&self, name: &str, lr: f32) -> Result<f64, String> {
        let after = &self.document["after"][name];
        let optimizer = O::configured(&Hyper { values: &after["hyper"], lr });
        optimizer.check().map_err(|error| error.to_string())?;
        let gradients = self.document["gradients"].as_array().expect("rows");
        let rows = after["parameters"].as_array().expect("rows");
        assert_eq!((rows.len(), gradients.len()), (50, 50));
        let mut worst = 0.0f64;
        for level in backends() {
            let mut w = Self::row(&self.document["start"]);
            let mut state = O::State::<[f32; Self::PARAMETERS]>::ZERO;
            for (step, (gradient, row)) in gradients.iter().zip(rows).enumerate() {
                let gradient = Self::row(gradient);
                dispatch!(level, s => optimizer.update(s, &mut state, &mut w, &gradient));
                for (i, (got, want)) in w.iter().zip(Self::row(row)).enumerate() {
                    let off = f64::from((got - want).abs()) / f64::from(want.abs().max(1.0));
                    if beyond(off, STEP) {
                        return Err(format!(
                            "{name} on {level}, step {}: parameter {i} is {got}, Keras has {want}",
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

#[test]
fn optimizers_step_by_step() {
    let steps = Steps::read();
    for (name, follow) in CONFIGURATIONS {
        let worst = follow(&steps).unwrap_or_else(|error| panic!("{error}"));
        println!("{name}: worst deviation {worst:.1e}");
    }
    for name in steps.document["after"].as_object().expect("configurations").keys() {
        if !CONFIGURATIONS.iter().any(|(known, _)| known == name) {
            println!("{name}: in the fixtures, but no optimizer follows it yet");
        }
    }
}

#[test]
fn a_wrong_learning_rate_is_seen() {
    let steps = Steps::read();
    assert!(steps.follow::<Sgd>("sgd", 1.001).is_err());
    assert!(steps.follow::<Adam>("adam", 1.001).is_err());
    // Another rule with the same hyper-parameters.
    assert!(steps.follow::<Sgd>("adam", 1.0).is_err());

    let data = DataSet::read();
    if (data.inputs, data.classes) == (64, 10) {
        let training = Training::read("mlp_sgd");
        let run = || training.run::<MlpOf<64, 10>, SparseCategoricalCrossEntropy, Sgd>(Level::detect(), &data, 1.01);
        assert!(training.compare(&run()).is_err());
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

/// Flat values as samples of a network's own type.
fn rows<X: Plain>(flat: &[f32]) -> Vec<X> {
    assert!(flat.len().is_multiple_of(X::LEN), "the network takes {} values a sample", X::LEN);
    flat.chunks_exact(X::LEN)
        .map(|values| {
            let mut x = X::ZERO;
            x.as_flat_mut().copy_from_slice(values);
            x
        })
        .collect()
}

/// A loss, and what the fixtures gave it as target for a class.
trait Labelled<Head, Out>: Loss<Head, Out> {
    fn label(class: i32) -> Self::Target;
}

impl<const O: usize> Labelled<Softmax, [f32; O]> for SparseCategoricalCrossEntropy {
    fn label(class: i32) -> u8 {
        u8::try_from(class).expect("a small class")
    }
}

impl Labelled<Sigmoid, [f32; 1]> for BinaryCrossEntropy {
    fn label(class: i32) -> [f32; 1] {
        [(class % 2) as f32]
    }
}

/// What Keras calls `get_weights` and `set_weights`.
trait Tensors: Network<Layers: Train> + Default {
    fn get(&self) -> Vec<Vec<f32>>;
    fn set(&mut self, tensors: &[Vec<f32>]) -> rosenblatt::Result<()>;

    /// The places of each bias in front of a batch normalization, and of its moving mean.
    ///
    /// The normalization takes the mean away, and so this bias has the gradient 0 but for rounding. Adam divides a gradient by its own size: rounding becomes steps, and
    /// the bias walks about, in Keras as here, each with its own rounding. Training does not see it; predictions do, because the moving mean comes after it by some hundred
    /// steps. On the digits a training in f64, where nothing walks, ends 9e-3 from Keras' predictions; with these two tensors set to what Keras has, 1e-5.
    fn undetermined(&self) -> Vec<usize> {
        let mut names = Vec::new();
        self.names(&mut names);
        let pattern = ["bias", "gamma", "beta", "moving_mean"];
        names.windows(4).enumerate().filter(|(_, names)| *names == pattern).flat_map(|(i, _)| [i, i + 3]).collect()
    }

    fn names(&self, names: &mut Vec<&'static str>);
}

impl<T: Stack<Net: Train>> Tensors for Mlp<T> {
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

type LayersOf<N> = <N as Network>::Layers;
type OutputOf<N> = <LayersOf<N> as Layer>::Output;

/// One file of a training.
struct Training {
    file: String,
    optimizer: Value,
    epochs: usize,
    init: Vec<Vec<f32>>,
    /// Keras' final tensors.
    last: Vec<Vec<f32>>,
    outcome: Outcome,
}

/// What comes of a training.
struct Outcome {
    losses: Vec<f32>,
    weights: Vec<f32>,
    predictions: Vec<f32>,
    /// Predictions with Keras' values of what [`Tensors::undetermined`] names, where Adam has set it adrift.
    anchored: Option<Vec<f32>>,
    outputs: usize,
}

/// How far two outcomes are apart.
struct Deviation {
    loss: f64,
    prediction: f64,
    weight: f64,
    same_class: f64,
}

impl Training {
    fn read(file: &str) -> Self {
        let bytes = read(&format!("{file}.safetensors"));
        let tensors = SafeTensors::deserialize(&bytes).expect("safetensors");
        let (_, metadata) = SafeTensors::read_metadata(&bytes).expect("safetensors");
        let notes = metadata.metadata().as_ref().expect("notes");
        assert_eq!((notes["batch"].as_str(), notes["order"].as_str()), ("32", "sequential"), "{file}");
        // Keras' get_weights(): one tensor after the other.
        let all = |part: &str| {
            let names = (0..).map(|k| format!("{part}.{k}")).take_while(|name| tensors.tensor(name).is_ok());
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

    /// Trains from the fixture's weights, over the samples in their order.
    fn run<N, L, O>(&self, level: Level, data: &DataSet, lr: f32) -> Outcome
    where
        N: Tensors,
        L: Labelled<<LayersOf<N> as Layer>::Head, OutputOf<N>>,
        O: Configured,
    {
        let optimizer = O::configured(&Hyper { values: &self.optimizer, lr });
        optimizer.check().expect("good hyper-parameters");
        let x: Vec<<LayersOf<N> as Layer>::Input> = rows(&data.x_train);
        let t: Vec<_> = data.y_train.iter().map(|class| L::label(*class)).collect();
        let mut net = Box::new(N::default());
        net.set(&self.init).expect("as many tensors as Keras has, of the same lengths");
        let mut trainer = Box::new(Trainer::<N, O, L, BATCH>::new());
        let mut losses = Vec::new();
        for _ in 0..self.epochs {
            for (x, t) in x.chunks(BATCH).zip(t.chunks(BATCH)) {
                losses.push(trainer.step_on(level, &mut net, &optimizer, x, t).expect("good data"));
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
        let adrift = if self.optimizer.get("beta_2").is_some() { net.undetermined() } else { Vec::new() };
        let anchored = (!adrift.is_empty()).then(|| {
            let mut tensors = net.get();
            adrift.iter().for_each(|i| tensors[*i].clone_from(&self.last[*i]));
            net.set(&tensors).expect("Keras' own");
            predict(&net)
        });
        Outcome { losses, weights, predictions, anchored, outputs: <OutputOf<N> as Plain>::LEN }
    }

    /// How far from Keras' outcome; an error if too far.
    fn compare(&self, got: &Outcome) -> Result<Deviation, String> {
        let (file, want) = (&self.file, &self.outcome);
        assert_eq!(got.losses.len(), want.losses.len(), "{file}: steps");
        assert_eq!(got.weights.len(), want.weights.len(), "{file}: weights");
        assert_eq!((got.predictions.len(), got.outputs), (want.predictions.len(), want.outputs), "{file}: predictions");
        let mut far = Deviation { loss: 0.0, prediction: 0.0, weight: 0.0, same_class: 0.0 };
        for (step, (got, want)) in got.losses.iter().zip(&want.losses).enumerate() {
            let off = (f64::from(*got) / f64::from(*want) - 1.0).abs();
            if beyond(off, LOSS) {
                return Err(format!("{file}, step {}: the loss is {got}, Keras has {want}", step + 1));
            }
            far.loss = far.loss.max(off);
        }
        let determined = got.anchored.as_ref().unwrap_or(&got.predictions);
        for (i, (got, want)) in determined.iter().zip(&want.predictions).enumerate() {
            let off = f64::from((got - want).abs());
            if beyond(off, PREDICTION) {
                return Err(format!("{file}: output {i} of the test samples is {got}, Keras has {want}"));
            }
            far.prediction = far.prediction.max(off);
        }
        let class = |y: &[f32]| y.chunks_exact(want.outputs).map(predicted).collect::<Vec<_>>();
        let (got_class, want_class) = (class(determined), class(&want.predictions));
        let same = got_class.iter().zip(&want_class).filter(|(got, want)| got == want).count();
        far.same_class = same as f64 / want_class.len() as f64;
        if far.same_class < CLASSES {
            return Err(format!("{file}: only {same} of {} test samples got Keras' class", want_class.len()));
        }
        for (got, want) in got.weights.iter().zip(&want.weights) {
            far.weight = far.weight.max(f64::from((got - want).abs()));
        }
        Ok(far)
    }
}

/// One training on every backend.
fn check<N, L, O>(file: &str, data: &DataSet)
where
    N: Tensors,
    L: Labelled<<LayersOf<N> as Layer>::Head, OutputOf<N>>,
    O: Configured,
{
    let training = Training::read(file);
    for level in backends() {
        let far = training
            .compare(&training.run::<N, L, O>(level, data, 1.0))
            .unwrap_or_else(|error| panic!("{level}: {error}"));
        println!(
            "{file} on {level}: {} steps, worst loss {:.1e} (relative), prediction {:.1e}, weight {:.1e}; {:.2} % the same classes",
            training.outcome.losses.len(),
            far.loss,
            far.prediction,
            far.weight,
            100.0 * far.same_class
        );
    }
}
