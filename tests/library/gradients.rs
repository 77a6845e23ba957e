//! Every parameter's gradient against finite differences of a forward pass in f64.

use crate::support;
use crate::support::dataset;

use rosenblatt::{
    Rng,
    kernels::F32Array,
    layer::{Dense, Description, Layer, Trainable},
    loss::SumOverOutputs,
    prelude::*,
    sequential::{ComposedOf, Layers},
};
use support::{
    backends, bits, draw,
    judge::Judged,
    roomy, samples,
    slopes::{Tolerance, slopes},
};

/// Least distance of a relu's input from its kink, so that moving a weight never crosses it.
const MARGIN: f64 = 1e-3;
/// Some tens of roundings of 6e-8 each.
const TOLERANCE: Tolerance = Tolerance { relative: 2e-5, floor: 5e-7, least: 0.0, visible: 5e-4 };

/// A network as the reference sees it: its layers, and the slope of its leaky relus.
struct Reference {
    layers: Vec<Description>,
    slope: f64,
}

impl Reference {
    fn of<N: Layer>(slope: f64) -> Self {
        let mut layers = Vec::new();
        N::describe(&mut |layer| layers.push(*layer));
        Self { layers, slope }
    }

    /// Outputs for one sample, and the least distance of a relu's input from its kink.
    fn forward(&self, weights: &[f64], x: &[f32]) -> (Vec<f64>, f64) {
        let mut margin = f64::INFINITY;
        let mut h: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
        let mut rest = weights;
        for layer in &self.layers {
            let (w, tail) = rest.split_at(layer.inputs * layer.outputs);
            let (b, tail) = tail.split_at(layer.outputs);
            rest = tail;
            let mut z = b.to_vec();
            for j in 0..layer.outputs {
                for i in 0..layer.inputs {
                    z[j] += h[i] * w[i * layer.outputs + j];
                }
            }
            if layer.activation.ends_with("relu") {
                margin = z.iter().fold(margin, |margin, z| margin.min(z.abs()));
            }
            h = self.activate(layer.activation, &z);
        }
        assert!(rest.is_empty(), "parameters are left over");
        (h, margin)
    }

    fn activate(&self, name: &str, z: &[f64]) -> Vec<f64> {
        let each = |f: &dyn Fn(f64) -> f64| z.iter().map(|z| f(*z)).collect();
        match name {
            "linear" => z.to_vec(),
            "sigmoid" => each(&|z| 1.0 / (1.0 + (-z).exp())),
            "tanh" => each(&f64::tanh),
            "relu" => each(&|z| if z > 0.0 { z } else { 0.0 }),
            "leaky relu" => each(&|z| if z > 0.0 { z } else { self.slope * z }),
            "softmax" => {
                let total: f64 = z.iter().map(|z| z.exp()).sum();
                each(&|z| z.exp() / total)
            }
            _ => panic!("the judge knows no activation {name}"),
        }
    }

    /// Mean loss of a batch, and the least distance from a kink.
    fn loss<OutputActivation, L: Judged<OutputActivation, O>, const I: usize, const O: usize>(
        &self,
        weights: &[f64],
        x: &[[f32; I]],
        t: &[L::Target],
    ) -> (f64, f64) {
        let (mut total, mut least) = (0.0, f64::INFINITY);
        for (x, t) in x.iter().zip(t) {
            let (y, margin) = self.forward(weights, x);
            total += L::error(&y, t);
            least = least.min(margin);
        }
        (total / x.len() as f64, least)
    }
}

/// Checks one network with one loss: batches of 1, of 3 (fewer than the trainer holds) and of B, on
/// every backend.
fn check<T, L, const I: usize, const O: usize, const B: usize>(name: &str, slope: f64)
where
    T: Layers<Composed: Trainable<Input = [f32; I], Output = [f32; O]>>,
    L: Judged<<ComposedOf<T> as Layer>::OutputActivation, O>,
{
    let backends = backends();
    let judge = Reference::of::<ComposedOf<T>>(slope);
    let mut worst = 0.0f64;
    for m in [1, 3, B] {
        // Draws again until no relu is at its kink. With dead units some gradients are exactly 0.
        let (net, weights, x, t) = (0..)
            .map(|seed| {
                let mut rng = Rng::new(Seed(seed));
                let weights: Vec<f32> =
                    (0..Mlp::<T>::PARAMS).map(|_| draw(&mut rng, 0.8)).collect();
                let mut net = Mlp::<T>::ZERO;
                net.set_weights(&weights).expect("as many as there are");
                let x: Vec<[f32; I]> = samples(&mut rng, m, 1.0);
                let t: Vec<L::Target> = (0..m).map(|_| L::target(&mut rng)).collect();
                (net, weights.into_iter().map(f64::from).collect::<Vec<_>>(), x, t)
            })
            .find(|(_, weights, x, t)| judge.loss::<_, L, I, O>(weights, x, t).1 > MARGIN)
            .expect("some seed will do");
        let (want_loss, _) = judge.loss::<_, L, I, O>(&weights, &x, &t);
        let want = slopes(&weights, |weights| judge.loss::<_, L, I, O>(weights, &x, &t).0);

        let mut first = None;
        for &backend in &backends {
            let mut trainer = Box::new(Trainer::<Mlp<T>, L, Sgd, B>::ZERO);
            let mut net = net.clone();
            // The learning rate is 0, because only the gradient is needed.
            let loss = trainer
                .on(backend)
                .step(&mut net, dataset(&x, &t), &Sgd::with_lr(0.0))
                .expect("a good step");
            let got = trainer.gradient().as_flat();
            let off = (f64::from(loss) / want_loss - 1.0).abs();
            assert!(off < 1e-5, "{name}, batch {m}, {backend}: loss {loss}, judge {want_loss}");
            let (off, tried) = TOLERANCE
                .judge(got, &want)
                .unwrap_or_else(|error| panic!("{name}, batch {m}, {backend}: {error}"));
            worst = worst.max(off);
            // A relu with a negative input makes the gradients behind it 0.
            assert!(tried > 0.25, "{name}: only {tried} of the gradients could be tried");
            let got = bits(got);
            assert_eq!(
                *first.get_or_insert_with(|| got.clone()),
                got,
                "{name}, batch {m}: {backend} has other bits"
            );
        }
    }
    println!("{name}: worst deviation {:.0} % of what is let through", 100.0 * worst);
}

/// One test per line: layers, loss, and the slope of a leaky relu.
macro_rules! gradients {
    ($($name:ident: $stack:ty, $loss:ty $(, $slope:literal)?;)*) => {$(
        #[test]
        fn $name() {
            // Takes the last one. The default slope is 0.3.
            let slopes = [0.3 $(, $slope)?];
            roomy(
                move || check::<$stack, $loss, _, _, 8>(stringify!($name), slopes[slopes.len() - 1])
            );
        }
    )*};
}

// Together the lines cover each activation as hidden and as output activation, each loss, one to
// three layers, one output and several. They are few and small, because each line compiles its own
// training step for each backend.
gradients! {
    linear_then_tanh: (Dense<3, 5>, Dense<5, 2, Tanh>), MeanSquaredError;
    sigmoid_then_relu: (Dense<3, 5, Sigmoid>, Dense<5, 3, Relu>), MeanSquaredError;
    tanh_then_leaky_relu: (Dense<3, 5, Tanh>, Dense<5, 2, LeakyRelu<3, 4>>), MeanSquaredError, 0.75;
    leaky_relu_then_softmax: (Dense<3, 5, LeakyRelu<1, 100>>, Dense<5, 3, Softmax>),
        MeanSquaredError, 0.01;
    softmax_then_sigmoid: (Dense<3, 5, Softmax>, Dense<5, 3, Sigmoid>), BinaryCrossEntropy;
    one_output: (Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>), BinaryCrossEntropy;
    categorical: (Dense<3, 5, Relu>, Dense<5, 4, Softmax>), CategoricalCrossEntropy;
    sparse: (Dense<3, 5, LeakyRelu>, Dense<5, 4, Softmax>), SparseCategoricalCrossEntropy;
    summed_squares: (Dense<3, 5, Tanh>, Dense<5, 3>), SumOverOutputs<MeanSquaredError>;
    summed_squares_of_one: (Dense<3, 1, Sigmoid>,), SumOverOutputs<MeanSquaredError>;
    summed_cross_entropy: (Dense<3, 5, Tanh>, Dense<5, 3, Sigmoid>),
        SumOverOutputs<BinaryCrossEntropy>;
    one_layer: (Dense<5, 1, Sigmoid>,), MeanSquaredError;
    three_layers: (Dense<4, 6, Relu>, Dense<6, 5, Tanh>, Dense<5, 3>), MeanSquaredError;
    // Rows longer than a register whose length is not a multiple of one.
    wide: (Dense<19, 35, Tanh>, Dense<35, 18, Softmax>), SparseCategoricalCrossEntropy<u32>;
}
