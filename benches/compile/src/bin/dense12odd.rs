//! Twelve dense layers of twelve shapes.
use rosenblatt::prelude::*;
use std::hint::black_box;

type Net = Mlp<(
    Dense<20, 36, Tanh>,
    Dense<36, 17, Tanh>,
    Dense<17, 40, Tanh>,
    Dense<40, 24, Tanh>,
    Dense<24, 33, Tanh>,
    Dense<33, 12, Tanh>,
    Dense<12, 48, Tanh>,
    Dense<48, 9, Tanh>,
    Dense<9, 30, Tanh>,
    Dense<30, 22, Tanh>,
    Dense<22, 27, Tanh>,
    Dense<27, 4, Softmax>,
)>;

fn main() -> Result<(), rosenblatt::Error> {
    let mut net = Net::init(Seed(1957));
    let mut trainer = Trainer::<Net, SparseCategoricalCrossEntropy, Adam, 16>::ZERO;
    let (x, t) = ([[0.5; 20]; 64], [1; 64]);
    let fit = Fit { epochs: 20, ..Fit::new(Adam::DEFAULT) };
    let last = trainer.fit(&mut net, (black_box(&x), black_box(&t)), &fit)?;
    println!("{} {:?}", last.loss, net.predict(&x[0]));
    Ok(())
}
