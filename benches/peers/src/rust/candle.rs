//! Candle on the CPU, without threads.

use anyhow::{Context, Result, ensure};
use candle_core::{D, Device, Tensor, Var};
use candle_nn::ops::{sigmoid, softmax_last_dim};
use candle_nn::{AdamW, Optimizer, ParamsAdamW, loss};

use crate::contender::{Contender, Peer, contender};
use crate::data::{Data, Samples};
use crate::workload::{CHECKED_STEPS, Kind, Net, SAMPLES, Workload};

struct Candle;

/// To be called on the thread that measures, before anything uses rayon.
pub fn peer() -> impl Peer {
    // Candle gives softmax and convolution to rayon. The calling thread becomes rayon's only one,
    // because a change of threads costs as much as the work. It fails where another peer has set
    // up rayon before, which is no error.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global();
    Candle
}

impl Peer for Candle {
    fn name(&self) -> &str {
        "Candle"
    }

    fn contender<'a>(
        &'a self,
        workload: &Workload,
        data: &'a Data,
    ) -> Result<Option<Box<dyn Contender + 'a>>> {
        // Without the variable, each matrix product reads /proc/cpuinfo, which takes 20 µs, and can
        // use threads.
        ensure!(
            std::env::var("RAYON_NUM_THREADS").is_ok_and(|threads| threads == "1"),
            "Candle needs RAYON_NUM_THREADS=1 in the environment, to be measured with one thread"
        );
        match workload.kind {
            Kind::Step(net) => train_dense(net, data.net(net)).map(Some),
            Kind::Cnn => train_cnn(&data.cnn).map(Some),
            Kind::Rnn => train_rnn(&data.rnn).map(Some),
            Kind::One(net) => infer(net, data.net(net), 1).map(Some),
            Kind::Batch(net) => infer(net, data.net(net), SAMPLES).map(Some),
            _ => Ok(None),
        }
    }
}

/// Two dense layers.
///
/// `candle_nn::Linear` keeps the transposed matrix, whose gradient is not contiguous.
#[derive(Clone)]
struct Dense {
    w1: Tensor,
    b1: Tensor,
    w2: Tensor,
    b2: Tensor,
    xor: bool,
}

impl Dense {
    fn new(net: &Net, p: &mut Parameters<'_>) -> Result<Self> {
        Ok(Self {
            w1: p.take(&[net.inputs, net.hidden])?,
            b1: p.take(&[net.hidden])?,
            w2: p.take(&[net.hidden, net.outputs])?,
            b2: p.take(&[net.outputs])?,
            xor: net.is_xor(),
        })
    }

    fn logits(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let x = x.matmul(&self.w1)?.broadcast_add(&self.b1)?;
        let x = if self.xor { x.tanh()? } else { x.relu()? };
        x.matmul(&self.w2)?.broadcast_add(&self.b2)
    }

    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let logits = self.logits(x)?;
        if self.xor { sigmoid(&logits) } else { softmax_last_dim(&logits) }
    }
}

/// An inference of `batch` samples.
fn infer<'a>(
    net: &'static Net,
    samples: &'a Samples,
    batch: usize,
) -> Result<Box<dyn Contender + 'a>> {
    // Detached, because operations on variables are recorded for a backward pass.
    let mut parameters = Parameters::new(&samples.weights);
    parameters.detached = true;
    let model = Dense::new(net, &mut parameters)?;
    let inputs = samples
        .x
        .chunks_exact(batch * net.inputs)
        .map(|x| Ok(Tensor::from_slice(x, (batch, net.inputs), &Device::Cpu)?))
        .collect::<Result<Vec<_>>>()?;

    let (check_model, check_inputs) = (model.clone(), inputs.clone());
    let check = move || {
        let mut outputs = Vec::new();
        for x in &check_inputs {
            outputs.extend(check_model.forward(x)?.flatten_all()?.to_vec1::<f32>()?);
        }
        Ok(outputs)
    };
    Ok(contender(check, move |i| model.forward(&inputs[i % inputs.len()])))
}

fn train_dense<'a>(net: &'static Net, samples: &'a Samples) -> Result<Box<dyn Contender + 'a>> {
    let shape = (net.batch, net.inputs);
    let x = Tensor::from_slice(&samples.x[..net.batch * net.inputs], shape, &Device::Cpu)?;
    let targets = &samples.t[..net.batch * net.outputs];
    let model = move |p: &mut Parameters<'_>| Dense::new(net, p);
    if net.is_xor() {
        let targets = Tensor::from_slice(targets, (net.batch, net.outputs), &Device::Cpu)?;
        train(&samples.weights, net.lr, model, move |model| {
            loss::binary_cross_entropy_with_logit(&model.logits(&x)?, &targets)
        })
    } else {
        let targets = classes(targets, net.outputs)?;
        train(&samples.weights, net.lr, model, move |model| {
            loss::cross_entropy(&model.logits(&x)?, &targets)
        })
    }
}

/// The convolutional network.
struct Cnn {
    /// Filters first.
    kernel: Tensor,
    bias: Tensor,
    w: Tensor,
    b: Tensor,
}

fn train_cnn(samples: &Samples) -> Result<Box<dyn Contender + '_>> {
    let (kernel, rest) = samples.weights.split_at(9 * 8);
    let (bias, dense) = rest.split_at(8);
    let (w, b) = dense.split_at(72 * 10);
    // Candle has the filters first, in the kernel and in the rows of the dense layer.
    let rows: Vec<&[f32]> = w.chunks_exact(10).collect();
    let mut weights: Vec<f32> =
        (0..8).flat_map(|f| (0..9).map(move |i| kernel[i * 8 + f])).collect();
    weights.extend(bias);
    weights.extend((0..72).flat_map(|row| rows[row % 9 * 8 + row / 9]));
    weights.extend(b);

    let x = Tensor::from_slice(&samples.x, (SAMPLES, 1, 8, 8), &Device::Cpu)?;
    let targets = classes(&samples.t, 10)?;
    let model = |p: &mut Parameters<'_>| {
        Ok(Cnn {
            kernel: p.take(&[8, 1, 3, 3])?,
            bias: p.take(&[1, 8, 1, 1])?,
            w: p.take(&[72, 10])?,
            b: p.take(&[10])?,
        })
    };
    train(&weights, 0.001, model, move |model: &Cnn| {
        let x = x.conv2d(&model.kernel, 0, 1, 1, 1)?.broadcast_add(&model.bias)?.relu()?;
        // The gradient of Candle's max_pool2d is a quarter of what it is to be, which Adam hides.
        // Here the maxima of the windows' columns and rows have the exact gradient.
        let x = x.reshape((SAMPLES, 8, 3, 2, 3, 2))?.max(5)?.max(3)?.flatten_from(1)?;
        loss::cross_entropy(&x.matmul(&model.w)?.broadcast_add(&model.b)?, &targets)
    })
}

/// The recurrent network.
struct Rnn {
    wx: Tensor,
    wh: Tensor,
    b: Tensor,
    output: Tensor,
    output_bias: Tensor,
}

fn train_rnn(samples: &Samples) -> Result<Box<dyn Contender + '_>> {
    let x = Tensor::from_slice(&samples.x, (16, 32, 8), &Device::Cpu)?;
    let steps = (0..32)
        .map(|i| x.get_on_dim(1, i)?.contiguous())
        .collect::<candle_core::Result<Vec<_>>>()?;
    let targets = Tensor::from_slice(&samples.t, (16, 1), &Device::Cpu)?;
    let model = |p: &mut Parameters<'_>| {
        Ok(Rnn {
            wx: p.take(&[8, 16])?,
            wh: p.take(&[16, 16])?,
            b: p.take(&[16])?,
            output: p.take(&[16, 1])?,
            output_bias: p.take(&[1])?,
        })
    };
    train(&samples.weights, 0.001, model, move |model: &Rnn| {
        let mut h = steps[0].matmul(&model.wx)?.broadcast_add(&model.b)?.tanh()?;
        for x in &steps[1..] {
            let z = (x.matmul(&model.wx)? + h.matmul(&model.wh)?)?;
            h = z.broadcast_add(&model.b)?.tanh()?;
        }
        loss::mse(&h.matmul(&model.output)?.broadcast_add(&model.output_bias)?, &targets)
    })
}

/// Weights that are handed out in their order.
struct Parameters<'a> {
    rest: &'a [f32],
    vars: Vec<Var>,
    /// Whether to hand out plain tensors instead of variables.
    detached: bool,
}

impl<'a> Parameters<'a> {
    fn new(weights: &'a [f32]) -> Self {
        Self { rest: weights, vars: Vec::new(), detached: false }
    }

    fn take(&mut self, shape: &[usize]) -> Result<Tensor> {
        let (values, rest) =
            self.rest.split_at_checked(shape.iter().product()).context("too few weights")?;
        self.rest = rest;
        if self.detached {
            return Ok(Tensor::from_slice(values, shape, &Device::Cpu)?);
        }
        let var = Var::from_slice(values, shape, &Device::Cpu)?;
        self.vars.push(var.clone());
        Ok(var.into_inner())
    }
}

/// A model with Candle's AdamW, which is Adam without weight decay.
struct Training<M> {
    model: M,
    adam: AdamW,
}

impl<M> Training<M> {
    fn new(
        weights: &[f32],
        lr: f32,
        model: &impl Fn(&mut Parameters<'_>) -> Result<M>,
    ) -> Result<Self> {
        let mut parameters = Parameters::new(weights);
        let model = model(&mut parameters)?;
        let config = ParamsAdamW {
            lr: f64::from(lr),
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-7,
            weight_decay: 0.0,
        };
        Ok(Self { model, adam: AdamW::new(parameters.vars, config)? })
    }

    fn step(&mut self, loss: impl Fn(&M) -> candle_core::Result<Tensor>) -> Result<f32> {
        let loss = loss(&self.model)?;
        self.adam.backward_step(&loss)?;
        Ok(loss.to_scalar()?)
    }
}

/// A training that starts from these weights.
fn train<'a, M: 'a>(
    weights: &[f32],
    lr: f32,
    model: impl Fn(&mut Parameters<'_>) -> Result<M> + 'a,
    loss: impl Fn(&M) -> candle_core::Result<Tensor> + Clone + 'a,
) -> Result<Box<dyn Contender + 'a>> {
    let mut timed = Training::new(weights, lr, &model)?;
    let timed_loss = loss.clone();
    let weights = weights.to_vec();
    let check = move || {
        let mut training = Training::new(&weights, lr, &model)?;
        (0..CHECKED_STEPS).map(|_| training.step(&loss)).collect()
    };
    Ok(contender(check, move |_| timed.step(&timed_loss)))
}

/// The classes of one-hot rows.
fn classes(one_hot: &[f32], width: usize) -> Result<Tensor> {
    let rows = Tensor::from_slice(one_hot, (one_hot.len() / width, width), &Device::Cpu)?;
    Ok(rows.argmax(D::Minus1)?)
}
