//! Burn, with Flex as its backend: its own kernels for CPUs, without threads.

use anyhow::Result;
use burn::module::Param;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::{BinaryCrossEntropyLossConfig, CrossEntropyLossConfig, MseLoss, Reduction};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, PaddingConfig2d};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::prelude::*;
use burn::tensor::activation::{relu, sigmoid, softmax};

use crate::contender::{Contender, Peer, contender};
use crate::data::{Data, Samples};
use crate::workload::{CHECKED_STEPS, Kind, Net, SAMPLES, Workload};

struct Burn;

pub fn peer() -> impl Peer {
    Burn
}

impl Peer for Burn {
    fn name(&self) -> &str {
        "Burn (flex)"
    }

    fn contender<'a>(
        &'a self,
        workload: &Workload,
        data: &'a Data,
    ) -> Result<Option<Box<dyn Contender + 'a>>> {
        Ok(match workload.kind {
            Kind::Step(net) => Some(train_dense(net, data.net(net))),
            Kind::Cnn => Some(train_cnn(&data.cnn)),
            Kind::Rnn => Some(train_rnn(&data.rnn)),
            Kind::One(net) => Some(infer(net, data.net(net), 1)),
            Kind::Batch(net) => Some(infer(net, data.net(net), SAMPLES)),
            _ => None,
        })
    }
}

/// Two dense layers.
#[derive(Module, Debug)]
struct Dense {
    hidden: Linear,
    output: Linear,
    xor: bool,
}

impl Dense {
    fn new(net: &Net, weights: &[f32], device: &Device) -> Self {
        let (hidden, output) = weights.split_at((net.inputs + 1) * net.hidden);
        Self {
            hidden: linear(hidden, net.inputs, net.hidden, device),
            output: linear(output, net.hidden, net.outputs, device),
            xor: net.is_xor(),
        }
    }

    fn logits(&self, x: Tensor<2>) -> Tensor<2> {
        let x = self.hidden.forward(x);
        self.output.forward(if self.xor { x.tanh() } else { relu(x) })
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let logits = self.logits(x);
        if self.xor { sigmoid(logits) } else { softmax(logits, 1) }
    }
}

/// An inference of `batch` samples.
fn infer<'a>(net: &'static Net, samples: &'a Samples, batch: usize) -> Box<dyn Contender + 'a> {
    let device = Device::flex();
    let model = Dense::new(net, &samples.weights, &device);
    let inputs: Vec<Tensor<2>> = samples
        .x
        .chunks_exact(batch * net.inputs)
        .map(|x| tensor(x, [batch, net.inputs], &device))
        .collect();

    let (check_model, check_inputs) = (model.clone(), inputs.clone());
    let check = move || {
        let outputs = check_inputs.iter().map(|x| floats(check_model.forward(x.clone())));
        Ok(outputs.collect::<Result<Vec<_>>>()?.concat())
    };
    contender(check, move |i| model.forward(inputs[i % inputs.len()].clone()))
}

fn train_dense<'a>(net: &'static Net, samples: &'a Samples) -> Box<dyn Contender + 'a> {
    let device = Device::flex().autodiff();
    let x = tensor(&samples.x[..net.batch * net.inputs], [net.batch, net.inputs], &device);
    let targets = &samples.t[..net.batch * net.outputs];

    let model_device = device.clone();
    let model = move || Dense::new(net, &samples.weights, &model_device);
    if net.is_xor() {
        let targets: Tensor<2> = tensor(targets, [net.batch, net.outputs], &device);
        let targets = targets.int();
        let loss = BinaryCrossEntropyLossConfig::new().with_logits(true).init(&device);
        train(net.lr, model, move |model| loss.forward(model.logits(x.clone()), targets.clone()))
    } else {
        let targets = classes(targets, net.outputs, &device);
        let loss = CrossEntropyLossConfig::new().init(&device);
        train(net.lr, model, move |model| loss.forward(model.logits(x.clone()), targets.clone()))
    }
}

/// The convolutional network.
#[derive(Module, Debug)]
struct Cnn {
    conv: Conv2d,
    pool: MaxPool2d,
    output: Linear,
}

impl Cnn {
    fn new(weights: &[f32], device: &Device) -> Self {
        let (kernel, rest) = weights.split_at(9 * 8);
        let (bias, dense) = rest.split_at(8);
        let (w, b) = dense.split_at(72 * 10);

        // Burn has the filters first, in the kernel and in the rows of the dense layer.
        let config = Conv2dConfig::new([1, 8], [3, 3]).with_padding(PaddingConfig2d::Valid);
        let mut conv = config.init(device);
        conv.weight = param(&transpose(kernel, 9, 8), [8, 1, 3, 3], device);
        conv.bias = Some(param(bias, [8], device));
        let rows: Vec<&[f32]> = w.chunks_exact(10).collect();
        let w: Vec<f32> = (0..72).flat_map(|row| rows[row % 9 * 8 + row / 9]).copied().collect();
        Self {
            conv,
            pool: MaxPool2dConfig::new([2, 2]).init(),
            output: Linear {
                weight: param(&w, [72, 10], device),
                bias: Some(param(b, [10], device)),
            },
        }
    }

    fn logits(&self, x: Tensor<4>) -> Tensor<2> {
        let x = self.pool.forward(relu(self.conv.forward(x)));
        self.output.forward(x.flatten(1, 3))
    }
}

fn train_cnn(samples: &Samples) -> Box<dyn Contender + '_> {
    let device = Device::flex().autodiff();
    let x: Tensor<4> = tensor(&samples.x, [SAMPLES, 1, 8, 8], &device);
    let targets = classes(&samples.t, 10, &device);
    let loss = CrossEntropyLossConfig::new().init(&device);
    let model = move || Cnn::new(&samples.weights, &device);
    train(0.001, model, move |model| loss.forward(model.logits(x.clone()), targets.clone()))
}

/// The recurrent network.
///
/// `burn::nn::Rnn` keeps the outputs of all steps, which makes it slower by a third.
#[derive(Module, Debug)]
struct Rnn {
    input: Linear,
    recurrent: Linear,
    output: Linear,
}

impl Rnn {
    fn new(weights: &[f32], device: &Device) -> Self {
        let (wx, rest) = weights.split_at(8 * 16);
        let (wh, rest) = rest.split_at(16 * 16);
        let (b, dense) = rest.split_at(16);
        let wx = param(wx, [8, 16], device);
        Self {
            input: Linear { weight: wx, bias: Some(param(b, [16], device)) },
            recurrent: Linear { weight: param(wh, [16, 16], device), bias: None },
            output: linear(dense, 16, 1, device),
        }
    }

    /// `x` is (steps, batch, inputs).
    fn forward(&self, x: Tensor<3>) -> Tensor<2> {
        // One product has the inputs of all steps.
        let mut steps = self.input.forward(x).iter_dim(0).map(|z| z.squeeze_dim(0));
        let first: Tensor<2> = steps.next().expect("there is a step");
        let last = steps.fold(first.tanh(), |h, z| (z + self.recurrent.forward(h)).tanh());
        self.output.forward(last)
    }
}

fn train_rnn(samples: &Samples) -> Box<dyn Contender + '_> {
    let device = Device::flex().autodiff();
    // From (batch, steps, inputs) to (steps, batch, inputs).
    let rows: Vec<&[f32]> = samples.x.chunks_exact(8).collect();
    let x: Vec<f32> =
        (0..32 * 16).flat_map(|row| rows[row % 16 * 32 + row / 16]).copied().collect();
    let x: Tensor<3> = tensor(&x, [32, 16, 8], &device);
    let targets: Tensor<2> = tensor(&samples.t, [16, 1], &device);
    let model = move || Rnn::new(&samples.weights, &device);
    train(0.001, model, move |model| {
        MseLoss::new().forward(model.forward(x.clone()), targets.clone(), Reduction::Mean)
    })
}

/// A model with Burn's Adam.
struct Training<M> {
    /// `None` only inside of a step: the optimizer takes the model and returns a new one.
    model: Option<M>,
    adam: ModuleOptimizer,
    lr: f64,
}

impl<M: Module> Training<M> {
    fn new(model: M, lr: f32) -> Self {
        let adam = AdamConfig::new().with_epsilon(1e-7).init();
        Self { model: Some(model), adam, lr: f64::from(lr) }
    }

    fn step(&mut self, loss: impl Fn(&M) -> Tensor<1>) -> f32 {
        let model = self.model.take().expect("a step puts the model back");
        let loss = loss(&model);
        let grads = GradientsParams::from_grads(loss.backward(), &model);
        self.model = Some(self.adam.step(self.lr, model, grads));
        loss.into_scalar()
    }
}

/// A training that starts from the model that `model` makes.
fn train<'a, M: Module + 'a>(
    lr: f32,
    model: impl Fn() -> M + 'a,
    loss: impl Fn(&M) -> Tensor<1> + Clone + 'a,
) -> Box<dyn Contender + 'a> {
    let mut timed = Training::new(model(), lr);
    let timed_loss = loss.clone();
    let check = move || {
        let mut training = Training::new(model(), lr);
        Ok((0..CHECKED_STEPS).map(|_| training.step(&loss)).collect())
    };
    contender(check, move |_| timed.step(&timed_loss))
}

/// A dense layer of weights in row order, with the bias behind them.
fn linear(weights: &[f32], inputs: usize, outputs: usize, device: &Device) -> Linear {
    let (w, b) = weights.split_at(inputs * outputs);
    Linear { weight: param(w, [inputs, outputs], device), bias: Some(param(b, [outputs], device)) }
}

fn param<const D: usize>(values: &[f32], shape: [usize; D], device: &Device) -> Param<Tensor<D>> {
    Param::from_data(TensorData::new(values.to_vec(), shape), device)
}

fn tensor<const D: usize>(values: &[f32], shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
}

/// The classes of one-hot rows.
fn classes(one_hot: &[f32], width: usize, device: &Device) -> Tensor<1, Int> {
    let classes: Vec<i32> = one_hot
        .chunks_exact(width)
        .flat_map(|row| (0..).zip(row).filter(|(_, value)| **value == 1.0).map(|(class, _)| class))
        .collect();
    Tensor::from_data(TensorData::new(classes, [one_hot.len() / width]), device)
}

/// The transpose of a matrix in row order.
fn transpose(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|j| (0..rows).map(move |i| values[i * columns + j])).collect()
}

fn floats<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    Ok(tensor.into_data().iter::<f32>().collect())
}
