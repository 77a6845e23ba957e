//! What a device and the server do, without Python.

#[path = "../../common/data.rs"]
mod data;

use anyhow::{Result, ensure};
use rosenblatt::{average::Average, kernels::zero::boxed, metrics::Evaluation, prelude::*};
use std::path::Path;

/// The network of `examples/digits`.
type Net = Mlp<(Dense<64, 32, Relu>, Dense<32, 10, Softmax>)>;
type NetTrainer = Trainer<Net, SparseCategoricalCrossEntropy, Adam, 32>;

/// The initial weights of every device.
const SEED: Seed = Seed(1957);

/// Images as rows of pixels from 0 to 1, and their digits.
#[derive(Clone)]
pub struct Samples {
    /// The images
    pub x: Vec<[f32; 64]>,
    /// Their digits
    pub t: Vec<u8>,
}

impl Samples {
    /// Four fifths of a file for training, and the rest for the test: the samples of
    /// `examples/digits`, in the same random order.
    /// # Errors
    /// For a file that cannot be read or has a bad value; the error names row and column.
    pub fn split(path: &Path) -> Result<(Self, Self)> {
        let (train, test) = data::split::<64>(path, 10, SEED, |n| n * 4 / 5)?;
        Ok((Self::scaled(train), Self::scaled(test)))
    }

    fn scaled((mut x, t): data::Samples<64>) -> Self {
        x.iter_mut().flatten().for_each(|pixel| *pixel /= 16.0);
        Self { x, t }
    }

    /// The samples of device `number` of `devices`. No sample belongs to two devices.
    ///
    /// The first half of the samples is dealt out one by one. The other half is sorted by digit and
    /// cut into runs, so that half of a device's samples show one digit or two.
    /// # Errors
    /// Unless `number` is below `devices`.
    pub fn share(&self, number: usize, devices: usize) -> Result<Self> {
        ensure!(number < devices, "no device {number}: {devices} are counted from 0");
        let half = self.len() / 2;
        let mut sorted: Vec<usize> = (half..self.len()).collect();
        sorted.sort_by_key(|i| self.t[*i]);
        let cut = |number: usize| number * sorted.len() / devices;
        let run = &sorted[cut(number)..cut(number + 1)];
        let dealt = (number..half).step_by(devices);
        let (x, t) = dealt.chain(run.iter().copied()).map(|i| (self.x[i], self.t[i])).unzip();
        Ok(Self { x, t })
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.t.len()
    }
}

/// A device: a network, its trainer, and samples that never leave it.
pub struct Device {
    net: Box<Net>,
    trainer: Box<NetTrainer>,
    samples: Samples,
}

impl Device {
    /// A device with these samples and the initial weights.
    pub fn new(samples: Samples) -> Self {
        Self { net: Net::boxed(SEED), trainer: NetTrainer::boxed(), samples }
    }

    /// Learns its samples for some epochs, with an optimizer that remembers nothing of an earlier
    /// call. Returns the mean loss of the last epoch, NaN for no epochs. `seed` chooses the orders
    /// of the samples.
    /// # Errors
    /// For no samples.
    pub fn fit(&mut self, epochs: usize, seed: u64) -> Result<f32> {
        let fit = Fit::new(Adam::with_lr(0.01)).epochs(epochs).shuffle(Seed(seed));
        self.trainer.reset();
        let data = Dataset::new(&self.samples.x, &self.samples.t)?;
        Ok(self.trainer.fit(&mut self.net, data, &fit)?.loss)
    }

    /// How good the network is on its samples.
    /// # Errors
    /// For no samples.
    pub fn evaluate(&mut self) -> Result<Evaluation> {
        let data = Dataset::new(&self.samples.x, &self.samples.t)?;
        Ok(self.trainer.evaluate(&self.net, data)?)
    }

    /// The network as a saved model.
    /// # Errors
    /// For a weight that is infinite or NaN.
    pub fn save(&self) -> Result<Vec<u8>> {
        save(&self.net)
    }

    /// Replaces the network by a saved model.
    /// # Errors
    /// If a byte is wrong. The network is unchanged then.
    pub fn load(&mut self, model: &[u8]) -> Result<()> {
        Ok(self.net.load(model)?)
    }

    /// Hash of the weights, equal on every machine.
    pub fn hash(&self) -> u64 {
        self.net.hash()
    }
}

/// The mean of saved models, exact and the same in any order.
pub struct Aggregator {
    average: Box<Average<Net>>,
    net: Box<Net>,
}

impl Aggregator {
    /// The mean of no models.
    pub fn new() -> Self {
        Self { average: boxed(), net: boxed() }
    }

    /// Adds a saved model of a device that has learnt from so many samples.
    /// # Errors
    /// If a byte is wrong, or the numbers of samples add up to 2³² or more. Nothing is added then.
    pub fn add(&mut self, model: &[u8], samples: u32) -> Result<()> {
        self.net.load(model)?;
        Ok(self.average.add(&self.net, samples)?)
    }

    /// The mean as a saved model.
    /// # Errors
    /// If the numbers of samples add up to 0.
    pub fn mean(&mut self) -> Result<Vec<u8>> {
        self.average.mean(&mut self.net)?;
        save(&self.net)
    }
}

fn save(net: &Net) -> Result<Vec<u8>> {
    let mut model = vec![0; Net::SAVED_BYTES];
    net.save(&mut model)?;
    Ok(model)
}
