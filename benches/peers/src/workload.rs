//! The workloads: what is timed, in which unit, and how much arithmetic it contains.

use std::fmt;

use anyhow::{Context, Result};

/// A network of two dense layers.
///
/// `xor`: tanh, then sigmoid, with binary cross-entropy. The others: ReLU, then softmax, with
/// categorical cross-entropy.
pub struct Net {
    /// 1 to 4: the number in the names of its workloads. 0 in [`SWEPT`].
    pub number: usize,
    pub inputs: usize,
    pub hidden: usize,
    pub outputs: usize,
    /// Samples of a training step.
    pub batch: usize,
    /// Samples of its data and of a batched inference.
    pub samples: usize,
    /// The learning rate of Adam.
    pub lr: f32,
}

/// The networks of the workloads T1 to T4, I1 to I4 and B1 to B4.
pub static NETS: [Net; 4] = [
    Net { number: 1, inputs: 2, hidden: 8, outputs: 1, batch: 4, samples: SAMPLES, lr: 0.01 },
    Net { number: 2, inputs: 4, hidden: 16, outputs: 3, batch: 16, samples: SAMPLES, lr: 0.001 },
    Net { number: 3, inputs: 64, hidden: 32, outputs: 10, batch: 32, samples: SAMPLES, lr: 0.001 },
    Net {
        number: 4,
        inputs: 784,
        hidden: 128,
        outputs: 10,
        batch: 32,
        samples: SAMPLES,
        lr: 0.001,
    },
];

/// Widths of the sweep: multiples of a register, and numbers that nobody tunes for. Each is a
/// network w-w-10, which is compiled for each backend, so the list is short.
pub const WIDTHS: [usize; 12] = [1, 3, 5, 8, 13, 21, 32, 50, 100, 200, 512, 1024];
/// Batches of the sweep. [`SAMPLES`] belongs to them, too: it is the batch of the widths.
pub const BATCHES: [usize; 9] = [1, 3, 7, 16, 31, 33, 100, 256, 1024];
/// The width of the batches, which is one of [`WIDTHS`].
pub const WIDTH: usize = 32;

/// The networks w-w-10 of the sweep: of each width with a batch of [`SAMPLES`], then of width
/// [`WIDTH`] with each batch.
///
/// A layer of w by w weights has all products of a training step: forward, by the weights, and by
/// the inputs from the second layer, which has ten outputs at each width, as a classifier has.
pub static SWEPT: [Net; WIDTHS.len() + BATCHES.len()] = {
    let mut nets = [const { swept(WIDTH, SAMPLES) }; WIDTHS.len() + BATCHES.len()];
    let mut at = 0;
    while at < nets.len() {
        nets[at] = if at < WIDTHS.len() {
            swept(WIDTHS[at], SAMPLES)
        } else {
            swept(WIDTH, BATCHES[at - WIDTHS.len()])
        };
        at += 1;
    }
    nets
};

const fn swept(width: usize, batch: usize) -> Net {
    Net { number: 0, inputs: width, hidden: width, outputs: 10, batch, samples: batch, lr: 0.001 }
}

/// Samples of the networks' data and of a batched inference, except in [`SWEPT`].
pub const SAMPLES: usize = 32;
/// Steps whose losses a check compares.
pub const CHECKED_STEPS: usize = 5;
/// Values of an elementwise workload.
pub const VALUES: usize = 1024;

impl Net {
    /// What stands for it in names of workloads and files: `2`, or `w21b32`.
    pub fn label(&self) -> String {
        match self.number {
            0 => format!("w{}b{}", self.hidden, self.batch),
            number => number.to_string(),
        }
    }

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
    /// An inference of all of its samples.
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

/// The workloads of the sweep. Of each width: a step and the inference of one sample. Of each
/// batch: a step and the inference of as many samples.
pub fn sweep() -> Vec<Workload> {
    let mut kinds: Vec<Kind> = Vec::new();
    for net in &SWEPT {
        kinds.push(Kind::Step(net));
        if net.batch == SAMPLES {
            kinds.push(Kind::One(net));
        }
        if net.hidden == WIDTH {
            kinds.push(Kind::Batch(net));
        }
    }
    kinds.into_iter().map(|kind| Workload { kind }).collect()
}

/// The workloads of these names, or all.
pub fn chosen(all: Vec<Workload>, only: &[String]) -> Result<Vec<Workload>> {
    if only.is_empty() {
        return Ok(all);
    }
    only.iter()
        .map(|name| {
            let same = |one: &&Workload| one.name().eq_ignore_ascii_case(name);
            all.iter().find(same).copied().with_context(|| {
                let names: Vec<String> = all.iter().map(Workload::name).collect();
                format!("no workload {name}; there are {}", names.join(", "))
            })
        })
        .collect()
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
            Kind::Batch(net) => net.samples,
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
            Kind::Step(net) => write!(f, "T{}", net.label()),
            Kind::One(net) => write!(f, "I{}", net.label()),
            Kind::Batch(net) => write!(f, "B{}", net.label()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sweep_has_each_width_and_each_batch_once() {
        let names: Vec<String> = sweep().iter().map(Workload::name).collect();
        for width in WIDTHS {
            for name in [format!("Tw{width}b32"), format!("Iw{width}b32")] {
                assert_eq!(names.iter().filter(|one| **one == name).count(), 1, "{name}");
            }
        }
        for batch in [&BATCHES[..], &[SAMPLES]].concat() {
            for name in [format!("Tw32b{batch}"), format!("Bw32b{batch}")] {
                assert_eq!(names.iter().filter(|one| **one == name).count(), 1, "{name}");
            }
        }
        assert_eq!(names.len(), 2 * WIDTHS.len() + 2 * BATCHES.len() + 1);
    }

    #[test]
    fn a_wrong_name_lists_all() {
        let some = |name: &str| chosen(sweep(), &[name.to_owned()]);
        assert_eq!(some("tW5b32").unwrap()[0].name(), "Tw5b32");
        assert!(format!("{:#}", some("Tw6b32").err().unwrap()).contains("Tw5b32"));
    }
}
