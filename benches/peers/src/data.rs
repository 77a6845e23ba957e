//! The numbers that every contender works on. They are also written into a folder, for the programs
//! in other languages.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::workload::{NETS, Net, SAMPLES, SWEPT, VALUES};

/// Weights, inputs and targets of one network, in row order.
pub struct Samples {
    /// For two dense layers: w1 [inputs][hidden], b1, w2 [hidden][outputs], b2.
    ///
    /// CNN: kernel [3][3][8], bias [8], dense w [72][10] with its rows in the order (row, column,
    /// filter), b [10]. RNN: wx [8][16], wh [16][16], b [16], dense w [16][1], b [1].
    pub weights: Vec<f32>,
    /// [samples][inputs]; CNN [32][8][8]; RNN [16][32][8].
    pub x: Vec<f32>,
    /// [samples][outputs]; CNN [32][10], one-hot; RNN [16][1].
    pub t: Vec<f32>,
}

/// All numbers.
pub struct Data {
    pub nets: [Samples; 4],
    /// Those of [`SWEPT`], or none.
    pub swept: Vec<Samples>,
    pub cnn: Samples,
    pub rnn: Samples,
    /// Uniform in −1 … 1. A gemm takes A from its start and B from behind A. An update takes the
    /// parameters from its start and the gradient from behind them.
    pub pool: Vec<f32>,
    /// [`VALUES`] numbers, uniform in −8 … 8.
    pub values: Vec<f32>,
}

/// Numbers in [`Data::pool`]: two times the parameters of the largest update.
const POOL: usize = 2 * 100_480;

/// Numbers that look random: SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// Uniform in 0 … 1.
    pub(crate) fn unit(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1 << 24) as f32
    }

    fn uniform(&mut self, n: usize, limit: f32) -> impl Iterator<Item = f32> {
        (0..n).map(move |_| limit * (2.0 * self.unit() - 1.0))
    }

    /// A weight matrix by Glorot's uniform rule, and its bias.
    fn layer(&mut self, inputs: usize, outputs: usize, bias: usize) -> Vec<f32> {
        let limit = (6.0 / (inputs + outputs) as f32).sqrt();
        let mut weights: Vec<f32> = self.uniform(inputs * outputs, limit).collect();
        weights.extend(self.uniform(bias, 0.1));
        weights
    }
}

fn one_hot(samples: usize, classes: usize) -> Vec<f32> {
    (0..samples)
        .flat_map(|i| (0..classes).map(move |class| f32::from(u8::from(i % classes == class))))
        .collect()
}

fn net(net: &Net) -> Samples {
    let mut random = Random(match net.number {
        0 => (net.hidden << 16 | net.batch) as u64,
        number => number as u64,
    });
    let mut weights = random.layer(net.inputs, net.hidden, net.hidden);
    weights.extend(random.layer(net.hidden, net.outputs, net.outputs));
    let (x, t) = if net.is_xor() {
        let corners = [([0.0, 0.0], 0.0), ([0.0, 1.0], 1.0), ([1.0, 0.0], 1.0), ([1.0, 1.0], 0.0)];
        let all = || (0..net.samples).map(|i| corners[i % 4]);
        (all().flat_map(|(x, _)| x).collect(), all().map(|(_, t)| t).collect())
    } else {
        let inputs = net.samples * net.inputs;
        ((0..inputs).map(|_| random.unit()).collect(), one_hot(net.samples, net.outputs))
    };
    Samples { weights, x, t }
}

impl Default for Data {
    fn default() -> Self {
        Self::new()
    }
}

impl Data {
    /// The same numbers in every run.
    pub fn new() -> Self {
        let mut random = Random(10);
        let mut weights = random.layer(9, 8, 8);
        weights.extend(random.layer(72, 10, 10));
        let cnn = Samples {
            weights,
            x: (0..SAMPLES * 64).map(|_| random.unit()).collect(),
            t: one_hot(SAMPLES, 10),
        };

        let mut weights = random.layer(8, 16, 0);
        weights.extend(random.layer(16, 16, 16));
        weights.extend(random.layer(16, 1, 1));
        let rnn = Samples {
            weights,
            x: random.uniform(16 * 32 * 8, 1.0).collect(),
            t: random.uniform(16, 1.0).collect(),
        };
        Self {
            nets: [net(&NETS[0]), net(&NETS[1]), net(&NETS[2]), net(&NETS[3])],
            swept: Vec::new(),
            cnn,
            rnn,
            pool: random.uniform(POOL, 1.0).collect(),
            values: random.uniform(VALUES, 8.0).collect(),
        }
    }

    /// The same with the networks of the sweep.
    pub fn with_sweep() -> Self {
        Self { swept: SWEPT.iter().map(net).collect(), ..Self::new() }
    }

    /// The samples of a network.
    ///
    /// # Panics
    /// If it is one of [`SWEPT`], and the data is without the sweep.
    pub fn net(&self, net: &Net) -> &Samples {
        if net.number > 0 {
            return &self.nets[net.number - 1];
        }
        let at = SWEPT.iter().position(|one| one.label() == net.label()).expect("one of the sweep");
        &self.swept[at]
    }

    /// Writes each array into a file of its own, 32-bit floats in little-endian order:
    /// `n1.weights`, `n1.x`, `n1.t`, … `nw21b32.weights`, … `cnn.weights`, … `rnn.weights`, …
    /// `pool`, `values`.
    pub fn write(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let write = |name: &str, values: &[f32]| {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            let path = folder.join(name);
            fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
        };
        let labels = NETS.iter().chain(&SWEPT).map(|net| format!("n{}", net.label()));
        let nets = self.nets.iter().chain(&self.swept).zip(labels);
        let others = [(&self.cnn, "cnn".to_owned()), (&self.rnn, "rnn".to_owned())];
        for (samples, name) in nets.chain(others) {
            write(&format!("{name}.weights"), &samples.weights)?;
            write(&format!("{name}.x"), &samples.x)?;
            write(&format!("{name}.t"), &samples.t)?;
        }
        write("pool", &self.pool)?;
        write("values", &self.values)
    }
}
