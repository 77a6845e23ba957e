//! XOR by 2-8-1, with a receipt, which it then replays. `cargo xtask replay` takes the receipt of
//! an emulated chip to other machines.

use crate::{
    Fingerprint, Program,
    xor::{Net, NetTrainer},
};
use rosenblatt::{
    init::GlorotUniform,
    kernels::{
        F32Array,
        persist::{Persist, Words},
    },
    prelude::*,
    receipt::{Error, Receipt, Start, Verdict},
    sequential::Model,
};

/// The size of the receipt, with ten hashes.
pub const BYTES: usize = NetTrainer::<Adam>::receipt_bytes::<Seed>(10);

const FIT: Fit<Adam> = Fit::new(Adam::with_lr(0.01)).epochs(500);
const SEED: Seed = Seed(1957);

/// Weights of a seed that are changed in secret.
struct Spoilt<F>(Option<F>);

impl<F: FnOnce(&mut [f32])> Start for Spoilt<F> {
    const CODE: u32 = GlorotUniform::CODE;
    const WORDS: usize = 0;

    fn seed(&self) -> Option<Seed> {
        Some(SEED)
    }

    fn words(&mut self, _: &mut impl Words) {}

    #[inline(always)]
    fn begin(&mut self, net: &mut impl Model) {
        net.draw(&GlorotUniform, SEED);
        if let Some(spoil) = self.0.take() {
            spoil(net.params_mut().as_flat_mut());
        }
    }
}

/// Trains, and returns the receipt.
///
/// # Errors
/// Those of [`Trainer::fit_recorded`].
pub fn record<'a>(
    backend: Backend,
    net: &mut Net,
    trainer: &mut NetTrainer<Adam>,
    room: &'a mut [u8; BYTES],
    spoil: impl FnOnce(&mut [f32]),
) -> rosenblatt::Result<Receipt<'a>> {
    let mut receipt = Receipt::new(room);
    let start = Spoilt(Some(spoil));
    trainer.fit_recorded(net, start, &gates::XOR, &FIT.on(backend), (), &mut receipt)?;
    Ok(receipt)
}

/// Replays a receipt.
///
/// # Errors
/// Those of [`Trainer::replay`].
pub fn replay(
    backend: Backend,
    net: &mut Net,
    trainer: &mut NetTrainer<Adam>,
    receipt: &[u8],
) -> Result<Verdict, Error> {
    trainer.replay(net, SEED, &gates::XOR, &FIT.on(backend), (), receipt)
}

/// What the program needs besides the network: a trainer, and the buffer of a receipt.
pub struct Memory {
    trainer: NetTrainer<Adam>,
    room: [u8; BYTES],
}

/// The training of `xor`. Its flash beyond that of `xor` is the price of a receipt and its replay.
pub struct Recorded;

impl Program for Recorded {
    const NAME: &'static str = "receipt";
    type Net = Net;
    const NET: Net = Net::ZERO;
    type Trainer = Memory;
    const TRAINER: Memory = Memory { trainer: NetTrainer::ZERO, room: [0; BYTES] };

    fn run(
        backend: Backend,
        net: &mut Net,
        memory: &mut Memory,
        spoil: impl FnOnce(&mut [f32]),
    ) -> u64 {
        let Memory { trainer, room } = memory;
        let mut hash = Fingerprint::default();
        if let Ok(receipt) = record(backend, net, trainer, room, spoil) {
            hash.add_bytes(receipt.bytes());
            hash.add(net.weights());
            if replay(backend, net, trainer, receipt.bytes()) == Ok(Verdict::Same) {
                hash.add(net.weights());
            }
        }
        hash.end()
    }

    fn infer(_: &Net) -> bool {
        false
    }

    /// Records a training of one epoch.
    fn step(net: &mut Net, memory: &mut Memory) -> bool {
        let Memory { trainer, room } = memory;
        let mut receipt = Receipt::new(room);
        let fit = FIT.epochs(1).on(Backend::baseline());
        let done = trainer.fit_recorded(net, SEED, &gates::XOR, &fit, (), &mut receipt);
        done.is_ok()
    }
}
