//! The workloads: what is timed, in which unit, and how much arithmetic it contains.

use std::fmt;

/// A network of two dense layers.
///
/// `xor`: tanh, then sigmoid, with binary cross-entropy. The others: ReLU, then softmax, with
/// categorical cross-entropy.
pub struct Net {
    /// 1 to 4: the number in the names of its workloads.
    pub number: usize,
    pub inputs: usize,
    pub hidden: usize,
    pub outputs: usize,
    /// Samples of a training step.
    pub batch: usize,
    /// The learning rate of Adam.
    pub lr: f32,
}

/// The networks of the workloads T1 to T4, I1 to I4 and B1 to B4.
pub static NETS: [Net; 4] = [
    Net { number: 1, inputs: 2, hidden: 8, outputs: 1, batch: 4, lr: 0.01 },
    Net { number: 2, inputs: 4, hidden: 16, outputs: 3, batch: 16, lr: 0.001 },
    Net { number: 3, inputs: 64, hidden: 32, outputs: 10, batch: 32, lr: 0.001 },
    Net { number: 4, inputs: 784, hidden: 128, outputs: 10, batch: 32, lr: 0.001 },
];

/// Samples of a batched inference, and of every network's data.
pub const SAMPLES: usize = 32;
/// Steps whose losses a check compares.
pub const CHECKED_STEPS: usize = 5;
/// Values of an elementwise workload.
pub const VALUES: usize = 1024;

impl Net {
    /// The xor network has a sigmoid and binary cross-entropy.
    pub fn is_xor(&self) -> bool {
        self.number == 1
    }

    /// Weights and biases.
    pub fn parameters(&self) -> usize {
        (self.inputs + 1) * self.hidden + (self.hidden + 1) * self.outputs
    }

    /// Multiply-adds of one sample's forward pass.
    pub fn multiply_adds(&self) -> usize {
        self.inputs * self.hidden + self.hidden * self.outputs
    }
}

/// An activation function over [`VALUES`] numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Function {
    Exp,
    Tanh,
    Sigmoid,
}

/// The update rule of an optimizer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule {
    Sgd,
    Momentum,
    Nesterov,
    AdaGrad,
    RmsProp,
    Adam,
}

/// A recurrent layer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cell {
    Gru,
    Lstm,
}

/// What is timed.
#[derive(Clone, Copy)]
pub enum Kind {
    /// One training step with Adam on a mini-batch.
    Step(&'static Net),
    /// One sample's inference. Calls go through the samples in turn.
    One(&'static Net),
    /// An inference of [`SAMPLES`] samples.
    Batch(&'static Net),
    /// A training step of the convolutional network.
    Cnn,
    /// A training step of the recurrent network.
    Rnn,
    /// One frame through a recurrent layer of this many units and a dense layer: 1-h-1.
    Frame(Cell, usize),
    /// C = A · B with A: m × k and B: k × n, in row order.
    Gemm(usize, usize, usize),
    /// A function of [`VALUES`] numbers, out of place.
    Elementwise(Function),
    /// Softmax of rows of this length, in place, about [`VALUES`] values in all.
    Softmax(usize),
    /// One update of this many parameters.
    Update(Rule, usize),
}

/// A workload.
#[derive(Clone, Copy)]
pub struct Workload {
    pub kind: Kind,
}

/// Values in all rows of a softmax workload.
pub const fn softmax_rows(width: usize) -> usize {
    VALUES / width
}

/// The sizes of the gemm workloads: m, k, n.
const GEMMS: [(usize, usize, usize); 14] = [
    (4, 4, 4),
    (7, 7, 7),
    (8, 8, 8),
    (16, 16, 16),
    (17, 17, 17),
    (32, 32, 32),
    (33, 33, 33),
    (64, 64, 64),
    (100, 100, 100),
    (128, 128, 128),
    (256, 256, 256),
    (32, 784, 128),
    (32, 128, 10),
    (1, 784, 128),
];

/// The optimizers' update rules.
pub const RULES: [Rule; 6] =
    [Rule::Sgd, Rule::Momentum, Rule::Nesterov, Rule::AdaGrad, Rule::RmsProp, Rule::Adam];

/// All workloads, in the order of the report.
pub fn all() -> Vec<Workload> {
    let mut kinds: Vec<Kind> = Vec::new();
    kinds.extend(NETS.iter().map(Kind::Step));
    kinds.extend([Kind::Cnn, Kind::Rnn]);
    kinds.extend(NETS.iter().map(Kind::One));
    kinds.extend(NETS.iter().map(Kind::Batch));
    kinds.extend([8, 24, 40].map(|units| Kind::Frame(Cell::Gru, units)));
    kinds.extend([8, 16, 24, 40].map(|units| Kind::Frame(Cell::Lstm, units)));
    kinds.extend(GEMMS.map(|(m, k, n)| Kind::Gemm(m, k, n)));
    kinds.extend([Function::Exp, Function::Tanh, Function::Sigmoid].map(Kind::Elementwise));
    kinds.extend([3, 10, 100, 1000].map(Kind::Softmax));
    for rule in RULES {
        kinds.extend([33, 1024, 100_480].map(|n| Kind::Update(rule, n)));
    }
    kinds.into_iter().map(|kind| Workload { kind }).collect()
}

/// The parts of the report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Section {
    Step,
    One,
    Batch,
    Frame,
    Gemm,
    Elementwise,
    Update,
}

impl Section {
    pub const ALL: [Self; 7] = [
        Self::Step,
        Self::One,
        Self::Batch,
        Self::Frame,
        Self::Gemm,
        Self::Elementwise,
        Self::Update,
    ];

    /// The heading, with the unit.
    pub fn title(self) -> &'static str {
        match self {
            Self::Step => "Training, ns a step",
            Self::One => "Inference, ns a sample, one sample a call",
            Self::Batch => "Inference, ns a sample, 32 samples a call",
            Self::Frame => "Recurrent networks 1-h-1, ns a frame",
            Self::Gemm => "Matrix products m×k×n, GFLOP/s",
            Self::Elementwise => "Functions and softmax rows, ns a value (largest relative error)",
            Self::Update => "Optimizers, ns a parameter",
        }
    }

    /// Whether a greater figure is the better one.
    pub fn greater_is_better(self) -> bool {
        self == Self::Gemm
    }
}

impl Workload {
    /// The part of the report in which it stands.
    pub fn section(&self) -> Section {
        match self.kind {
            Kind::Step(_) | Kind::Cnn | Kind::Rnn => Section::Step,
            Kind::One(_) => Section::One,
            Kind::Batch(_) => Section::Batch,
            Kind::Frame(..) => Section::Frame,
            Kind::Gemm(..) => Section::Gemm,
            Kind::Elementwise(_) | Kind::Softmax(_) => Section::Elementwise,
            Kind::Update(..) => Section::Update,
        }
    }

    /// The name in tables and on the command line, which external programs read.
    pub fn name(&self) -> String {
        self.to_string()
    }

    /// What one call works on, in the unit of its section: samples, values, parameters, or
    /// floating-point operations.
    pub fn units(&self) -> f64 {
        let units = match self.kind {
            Kind::Step(_) | Kind::Cnn | Kind::Rnn | Kind::One(_) | Kind::Frame(..) => 1,
            Kind::Batch(_) => SAMPLES,
            Kind::Gemm(m, k, n) => 2 * m * k * n,
            Kind::Elementwise(_) => VALUES,
            Kind::Softmax(width) => softmax_rows(width) * width,
            Kind::Update(_, n) => n,
        };
        units as f64
    }

    /// The figure of the report for a time of one call in nanoseconds.
    pub fn figure(&self, nanoseconds: f64) -> f64 {
        if self.section().greater_is_better() {
            self.units() / nanoseconds
        } else {
            nanoseconds / self.units()
        }
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Step(net) => write!(f, "T{}", net.number),
            Kind::One(net) => write!(f, "I{}", net.number),
            Kind::Batch(net) => write!(f, "B{}", net.number),
            Kind::Cnn => write!(f, "C"),
            Kind::Rnn => write!(f, "R"),
            Kind::Frame(Cell::Gru, units) => write!(f, "gru{units}"),
            Kind::Frame(Cell::Lstm, units) => write!(f, "lstm{units}"),
            Kind::Gemm(m, k, n) if m == k && k == n => write!(f, "gemm{m}"),
            Kind::Gemm(m, k, n) => write!(f, "gemm{m}x{k}x{n}"),
            Kind::Elementwise(function) => write!(f, "{}", format!("{function:?}").to_lowercase()),
            Kind::Softmax(width) => write!(f, "softmax{width}"),
            Kind::Update(rule, n) => write!(f, "{}{n}", format!("{rule:?}").to_lowercase()),
        }
    }
}
