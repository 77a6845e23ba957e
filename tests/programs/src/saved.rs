//! XOR by 2-8-1, saved, loaded into another network, and predicted from the saved bytes.

use core::hint::black_box;

use crate::{
    Fingerprint, Program,
    xor::{Net, NetTrainer},
};
use rosenblatt::{kernels::F32Array, prelude::*, saved::Aligned};

/// What the program needs besides the network: a trainer, and the buffer of a saved model.
pub struct Memory {
    trainer: NetTrainer<Adam>,
    file: Aligned<[u8; Net::SAVED_BYTES]>,
}

/// The training of `xor`. Its flash beyond that of `xor` is the price of saving and loading.
pub struct Saved;
const FIT: Fit<Adam> = Fit::new(Adam::with_lr(0.01)).epochs(500);

impl Program for Saved {
    const NAME: &'static str = "saved";
    type Net = Net;
    const NET: Net = Net::ZERO;
    type Trainer = Memory;
    const TRAINER: Memory =
        Memory { trainer: NetTrainer::ZERO, file: Aligned([0; Net::SAVED_BYTES]) };

    fn run(
        backend: Backend,
        net: &mut Net,
        memory: &mut Memory,
        spoil: impl FnOnce(&mut [f32]),
    ) -> u64 {
        let Memory { trainer, file } = memory;
        net.initialize(Seed(1957));
        spoil(net.params_mut().as_flat_mut());
        let mut hash = Fingerprint::default();
        if trainer.fit(net, &gates::XOR, &Fit { backend: Some(backend), ..FIT }).is_ok()
            && net.save(&mut file.0).is_ok()
        {
            hash.add_bytes(&file.0);
            net.weights_mut().iter_mut().for_each(|w| *w = black_box(0.0));
            if net.load(&file.0).is_ok() {
                hash.add(net.weights());
                for x in &gates::XOR.x {
                    hash.add(&trainer.predict(net, x));
                }
            }
        }
        hash.end()
    }

    fn infer(net: &Net) -> bool {
        net.predict(&gates::XOR.x[1])[0] > 0.5
    }

    /// Saves and loads once.
    fn step(net: &mut Net, memory: &mut Memory) -> bool {
        net.save(&mut memory.file.0).is_ok() && net.load(&memory.file.0).is_ok()
    }
}
