//! A GRU and a dense layer.
use rosenblatt::prelude::*;
use std::hint::black_box;

type Net = Mlp<(Gru<4, 24, 16>, Dense<24, 4, Softmax>)>;

fn main() -> Result<(), rosenblatt::Error> {
    let mut net = Net::init(Seed(1957));
    let mut trainer = Trainer::<Net, SparseCategoricalCrossEntropy, Adam, 16>::ZERO;
    let (x, t) = ([[[0.5; 4]; 16]; 64], [1; 64]);
    let fit = Fit { epochs: 20, ..Fit::new(Adam::DEFAULT) };
    let last = trainer.fit(&mut net, (black_box(&x), black_box(&t)), &fit)?;
    println!("{} {:?}", last.loss, net.predict(&x[0]));
    Ok(())
}
