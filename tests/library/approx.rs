//! Networks with approximate activations learn as those with exact ones do, and have the same bits on every backend of a build.
#![cfg(feature = "micromath")]

use crate::support;

use rosenblatt::{
    Level,
    activation::{ApproxSigmoid, ApproxSoftmax, ApproxTanh},
    layer::Dense,
    loss::Loss,
    prelude::*,
};
use support::{backends, data};

type Approx = Mlp<(Dense<2, 8, ApproxTanh>, Dense<8, 1, ApproxSigmoid>)>;
type Exact = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;

/// The epochs of XOR, the trained network's outputs, and the hash of its weights.
macro_rules! xor {
    ($net:ty, $level:expr) => {{
        let mut net = <$net>::new();
        net.init(Seed(1957));
        let fit = Fit { epochs: 500, level: $level, ..Fit::new(Adam::with_lr(0.01)) };
        let mut trainer = Trainer::<$net, Adam, BinaryCrossEntropy, 4>::new();
        let last = trainer.fit(&mut net, &gates::XOR.x, &gates::XOR.t, &fit, &mut ()).expect("good data");
        (last.loss, gates::XOR.x.map(|x| net.predict_on($level, &x)[0]), net.hash())
    }};
}

#[test]
fn xor_is_learnt() {
    let (exact_loss, exact, exact_hash) = xor!(Exact, Level::detect());
    let mut hashes = Vec::new();
    for level in backends() {
        let (loss, y, hash) = xor!(Approx, level);
        println!("{level}: loss {loss}, exact {exact_loss}; outputs {y:?}, exact {exact:?}");
        for ((y, exact), t) in y.into_iter().zip(exact).zip(gates::XOR.t) {
            assert!((y - t[0]).abs() < 0.1, "{y} instead of {}", t[0]);
            assert!((y - exact).abs() < 0.005, "{y}, exact {exact}");
        }
        hashes.push(hash);
    }
    assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{hashes:?}");
    assert_ne!(hashes[0], exact_hash, "the approximation does not show: it was not used");
}

/// Trains 4-16-3 on iris and gives accuracy and hash.
fn iris<T: Copy + 'static, L>(t: &[T], level: Level) -> (f32, u64)
where
    L: Loss<ApproxSoftmax, [f32; 3], Target = T>,
{
    type Net = Mlp<(Dense<4, 16, ApproxTanh>, Dense<16, 3, ApproxSoftmax>)>;
    let (x, _) = data::iris();
    let mut net = Net::new();
    net.init(Seed(1936));
    let fit = Fit { epochs: 100, shuffle: Some(Seed(4)), level, ..Fit::new(Adam::with_lr(0.01)) };
    let mut trainer = Trainer::<Net, Adam, L, 16>::new();
    trainer.fit(&mut net, &x, t, &fit, &mut ()).expect("good data");
    (trainer.evaluate_on(level, &net, &x, t).expect("good data").accuracy(), net.hash())
}

#[test]
fn iris_is_learnt_by_every_loss() {
    let (_, t) = data::iris();
    let one_hot = data::one_hot::<3>(&t);
    let first = iris::<_, SparseCategoricalCrossEntropy>(&t, Level::baseline());
    assert!(first.0 > 0.95, "accuracy {}", first.0);
    for level in backends() {
        assert_eq!(iris::<_, SparseCategoricalCrossEntropy>(&t, level), first, "{level}");
        assert_eq!(iris::<_, CategoricalCrossEntropy>(&one_hot, level), first, "{level}");
        let (accuracy, hash) = iris::<_, MeanSquaredError>(&one_hot, level);
        assert!(accuracy > 0.95 && hash != first.1, "{level}: accuracy {accuracy}");
    }
}

#[test]
fn summaries_say_so() {
    let text = Approx::summary().to_string();
    assert!(text.contains("tanh (approx.)") && text.contains("sigmoid (approx.)"), "{text}");
}
