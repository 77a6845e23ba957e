//! XOR's perceptron.
use rosenblatt::prelude::*;
use std::hint::black_box;

type Net = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;

fn main() -> Result<(), rosenblatt::Error> {
    let mut net = Net::init(Seed(1957));
    let mut trainer = Trainer::<Net, BinaryCrossEntropy, Adam, 16>::ZERO;
    let (x, t) = ([[0.0, 1.0]; 64], [[1.0]; 64]);
    let fit = Fit { epochs: 20, ..Fit::new(Adam::DEFAULT) };
    let last = trainer.fit(&mut net, (black_box(&x), black_box(&t)), &fit)?;
    println!("{} {:?}", last.loss, net.predict(&x[0]));
    Ok(())
}
