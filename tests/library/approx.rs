//! Networks with approximate activations learn as well as those with exact ones. Their bits are the
//! same on every backend of a build.
#![cfg(feature = "micromath")]

use crate::support;
use crate::support::dataset;

use rosenblatt::{
    Backend,
    activation::{ApproxSigmoid, ApproxSoftmax, ApproxTanh},
    layer::Dense,
    loss::Loss,
    prelude::*,
};
use support::{backends, data};

type Approx = Mlp<(Dense<2, 8, ApproxTanh>, Dense<8, 1, ApproxSigmoid>)>;
type Exact = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;

/// Gives the number of epochs of XOR, the outputs of the trained network and the hash of its
/// weights.
macro_rules! xor {
    ($net:ty, $backend:expr) => {{
        let mut net = <$net>::ZERO;
        net.initialize(Seed(1957));
        let fit = Fit { epochs: 500, backend: Some($backend), ..Fit::new(Adam::with_lr(0.01)) };
        let mut trainer = Trainer::<$net, BinaryCrossEntropy, Adam, 4>::ZERO;
        let last = trainer.fit(&mut net, &gates::XOR, &fit).expect("good data");
        (last.loss, gates::XOR.x.map(|x| net.on($backend).predict(&x)[0]), net.hash())
    }};
}

#[test]
fn xor_is_learnt() {
    let (exact_loss, exact, exact_hash) = xor!(Exact, Backend::detect());
    let mut hashes = Vec::new();
    for backend in backends() {
        let (loss, y, hash) = xor!(Approx, backend);
        println!("{backend}: loss {loss}, exact {exact_loss}; outputs {y:?}, exact {exact:?}");
        for ((y, exact), t) in y.into_iter().zip(exact).zip(gates::XOR.t) {
            assert!((y - t[0]).abs() < 0.1, "{y} instead of {}", t[0]);
            assert!((y - exact).abs() < 0.005, "{y}, exact {exact}");
        }
        hashes.push(hash);
    }
    assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{hashes:?}");
    assert_ne!(hashes[0], exact_hash, "the approximation does not show: it was not used");
}

/// Trains 4-16-3 on iris. Gives accuracy and hash.
fn iris<T: Copy + 'static, L>(t: &[T], backend: Backend) -> (f32, u64)
where
    L: Loss<ApproxSoftmax, [f32; 3], Target = T>,
{
    type Net = Mlp<(Dense<4, 16, ApproxTanh>, Dense<16, 3, ApproxSoftmax>)>;
    let (x, _) = data::iris();
    let mut net = Net::init(Seed(1936));
    let fit = Fit {
        epochs: 100,
        shuffle: Some(Seed(4)),
        backend: Some(backend),
        ..Fit::new(Adam::with_lr(0.01))
    };
    let mut trainer = Trainer::<Net, L, Adam, 16>::ZERO;
    trainer.fit(&mut net, dataset(&x, t), &fit).expect("good data");
    (trainer.on(backend).evaluate(&net, dataset(&x, t)).expect("good data").accuracy(), net.hash())
}

#[test]
fn iris_is_learnt_by_every_loss() {
    let (_, t) = data::iris();
    let one_hot = data::one_hot::<3>(&t);
    let first = iris::<_, SparseCategoricalCrossEntropy>(&t, Backend::baseline());
    assert!(first.0 > 0.95, "accuracy {}", first.0);
    for backend in backends() {
        assert_eq!(iris::<_, SparseCategoricalCrossEntropy>(&t, backend), first, "{backend}");
        assert_eq!(iris::<_, CategoricalCrossEntropy>(&one_hot, backend), first, "{backend}");
        let (accuracy, hash) = iris::<_, MeanSquaredError>(&one_hot, backend);
        assert!(accuracy > 0.95 && hash != first.1, "{backend}: accuracy {accuracy}");
    }
}

#[test]
fn summaries_say_so() {
    let text = Approx::summary().to_string();
    assert!(text.contains("tanh (approx.)") && text.contains("sigmoid (approx.)"), "{text}");
}
