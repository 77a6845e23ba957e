//! Rosenblatt itself, on one backend.

use std::hint::black_box;

use anyhow::Result;
use rosenblatt::kernels::optimizer::AdamStep;
use rosenblatt::kernels::{activation, dispatch, gemm, optimizer};
use rosenblatt::layer::Map;
use rosenblatt::prelude::*;

use crate::contender::{Contender, Peer, contender};
use crate::data::{Data, Samples};
use crate::reference::frame_weights;
use crate::workload::{CHECKED_STEPS, Cell, Function, Kind, Rule, SAMPLES, Workload, softmax_rows};

/// Rosenblatt on a backend. `shapes`: products whose shape is known when the program is compiled.
pub struct Ours {
    name: String,
    backend: Backend,
    shapes: bool,
}

impl Ours {
    /// On every backend of this CPU, slowest first. The last one also computes products whose shape
    /// is an argument.
    pub fn all() -> Vec<Self> {
        let one = |backend: Backend, shapes: bool, name| Self { name, backend, shapes };
        let mut all: Vec<Self> = Backend::available()
            .map(|backend| one(backend, true, format!("rosenblatt {backend}")))
            .collect();
        let best = Backend::detect();
        all.push(one(best, false, format!("rosenblatt {best}, shape at run time")));
        all
    }

    /// On every backend of this CPU, slowest first.
    pub fn backends() -> Vec<Self> {
        Self::all().into_iter().filter(|one| one.shapes).collect()
    }
}

type Xor = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;
type Iris = Mlp<(Dense<4, 16, Relu>, Dense<16, 3, Softmax>)>;
type Digits = Mlp<(Dense<64, 32, Relu>, Dense<32, 10, Softmax>)>;
type Mnist = Mlp<(Dense<784, 128, Relu>, Dense<128, 10, Softmax>)>;
type Cnn = Mlp<(
    Conv2d<Map<8, 8, 1>, Map<6, 6, 8>, 3, 3, Relu>,
    MaxPool2d<Map<6, 6, 8>, Map<3, 3, 8>, 2>,
    Flatten<Map<3, 3, 8>, 72>,
    Dense<72, 10, Softmax>,
)>;
type Recurrent = Mlp<(Rnn<8, 16, 32>, Dense<16, 1>)>;

/// Adam as the workloads want it.
fn adam(lr: f32) -> Adam {
    Adam { epsilon: 1e-7, ..Adam::with_lr(lr) }
}

/// Rows of `N` values.
fn rows<const N: usize>(x: &[f32]) -> &[[f32; N]] {
    x.as_chunks().0
}

/// A network from its weights.
macro_rules! net {
    ($net:ty, $weights:expr) => {{
        let mut net = Box::new(<$net>::ZERO);
        net.set_weights($weights)?;
        net
    }};
}

/// The contender for a training step of `$batch` samples.
macro_rules! step {
    (
        $self:ident, $net:ty, $loss:ty, $batch:literal, $samples:expr, $lr:expr, $x:expr, $t:expr
    ) => {{
        type T = Trainer<$net, $loss, Adam, $batch>;
        let backend = $self.backend;
        let (samples, adam): (&Samples, Adam) = ($samples, adam($lr));
        let (x, t) = (&$x[..$batch], &$t[..$batch]);
        let (mut net, mut trainer) = (net!($net, &samples.weights), Box::new(T::ZERO));
        let check = move || {
            let (mut net, mut trainer) = (net!($net, &samples.weights), Box::new(T::ZERO));
            let step = |_| Ok(trainer.on(backend).step(&mut net, Dataset::new(x, t)?, &adam)?);
            (0..CHECKED_STEPS).map(step).collect()
        };
        contender(check, move |_| {
            trainer.on(backend).step(
                &mut net,
                Dataset::new(black_box(x), black_box(t)).expect("as many targets"),
                &adam,
            )
        })
    }};
}

/// The contender for one sample a call.
macro_rules! one {
    ($self:ident, $net:ty, $samples:expr) => {{
        let (backend, samples): (_, &Samples) = ($self.backend, $samples);
        let net = net!($net, &samples.weights);
        let (again, x) = (net.clone(), rows(&samples.x));
        contender(
            move || Ok(x.iter().flat_map(|x| again.on(backend).predict(x)).collect()),
            move |i| net.on(backend).predict(black_box(&x[i % SAMPLES])),
        )
    }};
}

/// The contender for all samples a call.
macro_rules! batch {
    ($self:ident, $net:ty, $samples:expr) => {{
        let (backend, samples): (_, &Samples) = ($self.backend, $samples);
        let net = net!($net, &samples.weights);
        let (again, x) = (net.clone(), rows(&samples.x));
        let mut y = vec![again.predict(&x[0]); x.len()];
        let check = move || {
            let mut y = vec![again.predict(&x[0]); x.len()];
            again.on(backend).predict_batch(x, &mut y)?;
            Ok(y.as_flattened().to_vec())
        };
        contender(check, move |_| {
            let done = net.on(backend).predict_batch(black_box(x), &mut y);
            black_box(&mut y);
            done
        })
    }};
}

/// The contender for one frame a call.
macro_rules! frame {
    ($self:ident, $cell:ident, $units:literal, $data:expr) => {{
        type Net = Mlp<($cell<1, $units, 1>, Dense<$units, 1>)>;
        let (backend, data): (_, &Data) = ($self.backend, $data);
        let net = net!(Net, &frame_weights(Cell::$cell, $units, data));
        // The stream borrows the network, which lives as long as the program.
        let net: &'static Net = Box::leak(net);
        let x: Vec<[f32; 1]> = data.values[..SAMPLES].iter().map(|x| [x / 8.0]).collect();
        let (mut stream, frames) = (net.stream(), x.clone());
        let check = move || {
            let mut stream = net.stream();
            Ok(x.iter().flat_map(|x| stream.on(backend).push(x)).collect())
        };
        contender(check, move |i| stream.on(backend).push(black_box(&frames[i % SAMPLES])))
    }};
}

/// The contender for a product whose shape is known to the compiler.
macro_rules! known {
    ($self:ident, $data:expr, $mkn:expr, $($m:literal x $k:literal x $n:literal),*) => {
        match $mkn {
            $(($m, $k, $n) => {
                let (backend, data): (_, &Data) = ($self.backend, $data);
                let (x, w) = data.pool.split_at($m * $k);
                let x: &[[f32; $k]; $m] = rows(x).try_into()?;
                let w: &[[f32; $n]; $k] = rows(&w[..$k * $n]).try_into()?;
                let b = [0.0; $n];
                let mut y = Box::new([[0.0; $n]; $m]);
                let mut again = y.clone();
                let product = move |x: &[[f32; $k]; $m], y: &mut [[f32; $n]; $m]| {
                    dispatch!(backend, s => gemm::typed::affine::<_, $m, _, _, _>(
                        s, x, w, &b, y
                    ));
                };
                let check = move || {
                    product(x, &mut again);
                    Ok(again.as_flattened().to_vec())
                };
                Some(contender(check, move |_| {
                    product(black_box(x), &mut y);
                    black_box(&mut y);
                }))
            })*
            _ => None,
        }
    };
}

#[cfg(feature = "cliffs")]
pub mod frames;
#[cfg(feature = "widths")]
mod widths;

impl Ours {
    /// A product whose shape is an argument.
    fn unknown<'a>(
        &self,
        (m, k, n): (usize, usize, usize),
        data: &'a Data,
    ) -> Box<dyn Contender + 'a> {
        let backend = self.backend;
        let (x, w) = data.pool.split_at(m * k);
        let (x, w, b) = (x, &w[..k * n], vec![0.0; n]);
        let mut y = vec![0.0; m * n];
        let mut again = y.clone();
        let product = move |x: &[f32], y: &mut [f32]| {
            dispatch!(backend, s => gemm::gemm(s, m, k, n, x, w, &b, y));
        };
        let once = product.clone();
        let check = move || {
            once(x, &mut again);
            Ok(again.clone())
        };
        contender(check, move |_| {
            product(black_box(x), &mut y);
            black_box(&mut y);
        })
    }

    /// `map` works in place: each call copies `x` first.
    fn in_place<'a>(
        &self,
        x: &'a [f32],
        map: impl Fn(&mut [f32]) + Copy + 'a,
    ) -> Box<dyn Contender + 'a> {
        let (mut y, mut again) = (x.to_vec(), x.to_vec());
        let check = move || {
            again.copy_from_slice(x);
            map(&mut again);
            Ok(again.clone())
        };
        contender(check, move |_| {
            y.copy_from_slice(black_box(x));
            map(&mut y);
            black_box(&mut y);
        })
    }

    fn update<'a>(&self, rule: Rule, n: usize, data: &'a Data) -> Box<dyn Contender + 'a> {
        let backend = self.backend;
        let (start, dw) = (&data.pool[..n], &data.pool[n..2 * n]);
        let first = if rule == Rule::AdaGrad { 0.1 } else { 0.0 };
        // `rate` is Adam's with its corrections: a trainer computes it once a step.
        let update = move |rate: f32, w: &mut [f32], m: &mut [f32], v: &mut [f32]| match rule {
            Rule::Sgd => optimizer::sgd(backend, rate, w, dw),
            Rule::Momentum => optimizer::momentum(backend, rate, 0.9, w, m, dw),
            Rule::Nesterov => optimizer::nesterov(backend, rate, 0.9, w, m, dw),
            Rule::AdaGrad => optimizer::adagrad(backend, rate, 1e-7, w, m, dw),
            Rule::RmsProp => optimizer::rmsprop(backend, rate, 0.9, 1e-7, w, m, dw),
            Rule::Adam => {
                let step = AdamStep { alpha: rate, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 };
                optimizer::adam(backend, step, w, m, v, dw);
            }
        };
        let check = move || {
            let (mut w, mut m, mut v) = (start.to_vec(), vec![first; n], vec![0.0; n]);
            for t in 1..=CHECKED_STEPS as i32 {
                let correction = (1.0 - 0.999f32.powi(t)).sqrt() / (1.0 - 0.9f32.powi(t));
                let rate = if rule == Rule::Adam { 0.01 * correction } else { 0.01 };
                update(rate, &mut w, &mut m, &mut v);
            }
            Ok(w)
        };
        let (mut w, mut m, mut v) = (start.to_vec(), vec![first; n], vec![0.0; n]);
        contender(check, move |_| {
            update(black_box(1e-6), &mut w, &mut m, &mut v);
            black_box(&mut w);
        })
    }
}

impl Peer for Ours {
    fn name(&self) -> &str {
        &self.name
    }

    fn contender<'a>(
        &'a self,
        workload: &Workload,
        data: &'a Data,
    ) -> Result<Option<Box<dyn Contender + 'a>>> {
        let backend = self.backend;
        if !self.shapes {
            return Ok(match workload.kind {
                Kind::Gemm(m, k, n) => Some(self.unknown((m, k, n), data)),
                _ => None,
            });
        }
        Ok(Some(match workload.kind {
            Kind::Step(net) | Kind::One(net) | Kind::Batch(net) if net.number == 0 => {
                #[cfg(feature = "widths")]
                return self.swept(workload, net, data);
                #[cfg(not(feature = "widths"))]
                return Ok(None);
            }
            Kind::Step(net) => {
                let (samples, lr) = (data.net(net), net.lr);
                let (x, t) = (&samples.x, &samples.t);
                type Binary = BinaryCrossEntropy;
                type Classes = CategoricalCrossEntropy;
                match net.number {
                    1 => step!(self, Xor, Binary, 4, samples, lr, rows::<2>(x), rows::<1>(t)),
                    2 => step!(self, Iris, Classes, 16, samples, lr, rows::<4>(x), rows::<3>(t)),
                    3 => {
                        step!(self, Digits, Classes, 32, samples, lr, rows::<64>(x), rows::<10>(t))
                    }
                    _ => {
                        step!(self, Mnist, Classes, 32, samples, lr, rows::<784>(x), rows::<10>(t))
                    }
                }
            }
            Kind::Cnn => {
                let (x, t) = (&data.cnn.x, &data.cnn.t);
                let x: &[[[[f32; 1]; 8]; 8]] = rows_of_one(x).as_chunks().0;
                step!(self, Cnn, CategoricalCrossEntropy, 32, &data.cnn, 0.001, x, rows::<10>(t))
            }
            Kind::Rnn => {
                let (x, t) = (&data.rnn.x, &data.rnn.t);
                let x: &[[[f32; 8]; 32]] = rows::<8>(x).as_chunks().0;
                step!(self, Recurrent, MeanSquaredError, 16, &data.rnn, 0.001, x, rows::<1>(t))
            }
            Kind::One(net) => match net.number {
                1 => one!(self, Xor, data.net(net)),
                2 => one!(self, Iris, data.net(net)),
                3 => one!(self, Digits, data.net(net)),
                _ => one!(self, Mnist, data.net(net)),
            },
            Kind::Batch(net) => match net.number {
                1 => batch!(self, Xor, data.net(net)),
                2 => batch!(self, Iris, data.net(net)),
                3 => batch!(self, Digits, data.net(net)),
                _ => batch!(self, Mnist, data.net(net)),
            },
            Kind::Frame(Cell::Gru, 8) => frame!(self, Gru, 8, data),
            Kind::Frame(Cell::Gru, 24) => frame!(self, Gru, 24, data),
            Kind::Frame(Cell::Gru, 40) => frame!(self, Gru, 40, data),
            Kind::Frame(Cell::Lstm, 8) => frame!(self, Lstm, 8, data),
            Kind::Frame(Cell::Lstm, 16) => frame!(self, Lstm, 16, data),
            Kind::Frame(Cell::Lstm, 24) => frame!(self, Lstm, 24, data),
            Kind::Frame(Cell::Lstm, 40) => frame!(self, Lstm, 40, data),
            Kind::Frame(..) => return Ok(None),
            Kind::Gemm(m, k, n) => {
                return Ok(known!(
                    self, data, (m, k, n),
                    4 x 4 x 4, 7 x 7 x 7, 8 x 8 x 8, 16 x 16 x 16, 17 x 17 x 17, 32 x 32 x 32,
                    33 x 33 x 33, 64 x 64 x 64, 100 x 100 x 100, 128 x 128 x 128,
                    256 x 256 x 256, 32 x 784 x 128, 32 x 128 x 10, 1 x 784 x 128
                ));
            }
            Kind::Elementwise(function) => {
                let map = match function {
                    Function::Exp => activation::exp,
                    Function::Tanh => activation::tanh,
                    Function::Sigmoid => activation::sigmoid,
                };
                self.in_place(&data.values, move |x| map(backend, x))
            }
            Kind::Softmax(width) => {
                let values = &data.values[..softmax_rows(width) * width];
                self.in_place(values, move |x| activation::softmax(backend, width, x))
            }
            Kind::Update(rule, n) => self.update(rule, n, data),
        }))
    }
}

/// Images of one channel.
fn rows_of_one(x: &[f32]) -> &[[[f32; 1]; 8]] {
    rows::<1>(x).as_chunks().0
}
