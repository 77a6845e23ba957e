//! Three convolutions, batch normalization, two dense layers.
use rosenblatt::{
    layer::{Map, Same},
    prelude::*,
};
use std::hint::black_box;

type Net = Mlp<(
    Conv2d<Map<16, 16, 1>, Map<16, 16, 8>, 3, 3, Relu, Same>,
    Conv2d<Map<16, 16, 8>, Map<8, 8, 16>, 3, 3, Relu, Same, 2>,
    BatchNorm<Map<8, 8, 16>>,
    Conv2d<Map<8, 8, 16>, Map<4, 4, 16>, 3, 3, Relu, Same, 2>,
    Flatten<Map<4, 4, 16>, 256>,
    Dense<256, 32, Relu>,
    Dense<32, 4, Softmax>,
)>;

fn main() -> Result<(), rosenblatt::Error> {
    let mut net = Net::init(Seed(1957));
    let mut trainer = Trainer::<Net, SparseCategoricalCrossEntropy, Adam, 16>::ZERO;
    let (x, t) = ([[[[0.5]; 16]; 16]; 64], [1; 64]);
    let fit = Fit { epochs: 20, ..Fit::new(Adam::DEFAULT) };
    let last = trainer.fit(&mut net, (black_box(&x), black_box(&t)), &fit)?;
    println!("{} {:?}", last.loss, net.predict(&x[0]));
    Ok(())
}
