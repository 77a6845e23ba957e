//! The three species of iris by a network with normalizations, dropout and regularization. It tests
//! running statistics, penalties and random masks on every target.

use crate::{Fingerprint, Program, data::IRIS};
use rosenblatt::{
    kernels::F32Array,
    layer::{Activate, DenseL2, L1L2, Regularized},
    prelude::*,
};

/// The network.
pub type Net = Mlp<(
    DenseL2<4, 8, Linear, 1, 1000>,
    BatchNorm<[f32; 8]>,
    Activate<[f32; 8], Relu>,
    Dropout<[f32; 8], { rate(0.125) }>,
    Regularized<Dense<8, 6, Tanh>, L1L2<1, 2000, 1, 1000>>,
    LayerNorm<[f32; 6]>,
    Dense<6, 3, Softmax>,
)>;
/// Its trainer: mini-batches of 16.
pub type NetTrainer = Trainer<Net, SparseCategoricalCrossEntropy, Sgd, 16>;

/// 20 shuffled epochs of gradient descent. The last mini-batch of each has 6 samples.
pub struct Layers;
const SGD: Sgd = Sgd::with_lr(0.1);

impl Program for Layers {
    const NAME: &'static str = "layers";
    type Net = Net;
    const NET: Net = Net::ZERO;
    type Trainer = NetTrainer;
    const TRAINER: NetTrainer = NetTrainer::ZERO;

    fn run(
        backend: Backend,
        net: &mut Net,
        trainer: &mut NetTrainer,
        spoil: impl FnOnce(&mut [f32]),
    ) -> u64 {
        net.initialize(Seed(2014));
        spoil(net.params_mut().as_flat_mut());
        let fit =
            Fit { epochs: 20, shuffle: Some(Seed(4)), backend: Some(backend), ..Fit::new(SGD) };
        let mut hash = Fingerprint::default();
        if let Ok(report) = trainer.fit(net, (&IRIS.x, &IRIS.t), &fit) {
            hash.add(&[report.loss]);
            net.tensors(|_, values| hash.add(values));
            for x in &IRIS.x {
                hash.add(&net.on(backend).predict(x));
            }
            if let Ok(evaluation) = trainer.on(backend).evaluate(net, (&IRIS.x, &IRIS.t)) {
                hash.add(&[evaluation.loss]);
            }
        }
        hash.end()
    }

    fn infer(net: &Net) -> bool {
        net.predict(&IRIS.x[0])[0] > 0.5
    }

    fn step(net: &mut Net, trainer: &mut NetTrainer) -> bool {
        let (Some(x), Some(t)) = (IRIS.x.first_chunk::<16>(), IRIS.t.first_chunk::<16>()) else {
            return false;
        };
        trainer.step(net, (x, t), &SGD).is_ok()
    }
}
