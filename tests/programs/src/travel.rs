//! Flowers of Iris, in a training that is stopped and goes on elsewhere: in other memory, and on
//! another machine (`cargo xtask travel`).

use crate::{Fingerprint, Program, data::IRIS};
use rosenblatt::{
    kernels::F32Array,
    observer::Monitor,
    prelude::*,
    saved::ResumeError,
    schedule::{CosineDecay, Scheduled, WarmUp},
};

/// The network. Two of its layers have a memory besides weights.
pub type Net = Mlp<(
    Dense<4, 8, Tanh>,
    BatchNorm<[f32; 8]>,
    Dropout<[f32; 8], { rate(0.125) }>,
    Dense<8, 3, Softmax>,
)>;
/// The update rule: Adam, and a learning rate of its own for each step.
pub type Rule = Scheduled<Adam, WarmUp<CosineDecay>>;
/// Its trainer: mini-batches of 16.
pub type NetTrainer = Trainer<Net, SparseCategoricalCrossEntropy, Rule, 16>;
/// What watches the training.
pub type Observers = (ReduceOnPlateau, History<4>);

/// The settings of the training: 16 epochs of 9 steps and a shorter one.
pub const FIT: Fit<Rule> = Fit::new(Scheduled {
    optimizer: Adam::DEFAULT,
    schedule: WarmUp {
        start: 0.0,
        steps: 20,
        then: CosineDecay { lr: 0.03, decay_steps: 160, alpha: 0.1 },
    },
})
.epochs(16)
.shuffle(Seed(1936));

/// The size of a checkpoint.
pub const BYTES: usize = NetTrainer::run_bytes::<Observers>();

/// Does up to `steps` steps: from the beginning if `from` is empty, else from that checkpoint.
/// Writes a checkpoint to `to`. Returns whether the training has ended.
///
/// # Errors
/// Those of [`Trainer::resume`].
pub fn carry(
    backend: Backend,
    net: &mut Net,
    trainer: &mut NetTrainer,
    from: &[u8],
    steps: usize,
    to: &mut [u8],
    spoil: impl FnOnce(&mut [f32]),
) -> Result<bool, ResumeError> {
    let fit = FIT.on(backend);
    let rule = ReduceOnPlateau { monitor: Monitor::Loss, ..ReduceOnPlateau::DEFAULT };
    let rule = ReduceOnPlateau { patience: 2, min_delta: 0.05, factor: 0.75, ..rule };
    let observers: Observers = (rule, History::new());
    let data = (&IRIS.x, &IRIS.t);
    let mut run = if from.is_empty() {
        net.initialize(Seed(1936));
        spoil(net.params_mut().as_flat_mut());
        trainer.reset();
        trainer.begin(net, data, &fit, observers)?
    } else {
        trainer.resume(net, data, &fit, observers, from)?
    };
    let ended = run.advance(steps)?.is_some();
    run.save(to)?;
    Ok(ended)
}

/// The training in parts of seven steps.
pub struct Travel;

/// A trainer, and two buffers for checkpoints.
pub struct Memory {
    trainer: NetTrainer,
    files: [[u8; BYTES]; 2],
}

impl Program for Travel {
    const NAME: &'static str = "travel";
    type Net = Net;
    const NET: Net = Net::ZERO;
    type Trainer = Memory;
    const TRAINER: Memory = Memory { trainer: NetTrainer::ZERO, files: [[0; BYTES]; 2] };

    fn run(
        backend: Backend,
        net: &mut Net,
        memory: &mut Memory,
        spoil: impl FnOnce(&mut [f32]),
    ) -> u64 {
        let Memory { trainer, files: [from, to] } = memory;
        let mut hash = Fingerprint::default();
        let mut ended = carry(backend, net, trainer, &[], 7, to, spoil);
        while ended == Ok(false) {
            from.copy_from_slice(to);
            hash.add_bytes(from);
            // Nothing may remain but the checkpoint.
            trainer.reset();
            net.clone_from(&const { Net::ZERO });
            ended = carry(backend, net, trainer, from, 7, to, |_| {});
        }
        hash.add_bytes(to);
        hash.add(net.weights());
        if ended.is_ok() { hash.end() } else { 0 }
    }

    fn infer(_: &Net) -> bool {
        false
    }

    /// Goes on from a checkpoint for one step, and saves the next checkpoint.
    fn step(net: &mut Net, memory: &mut Memory) -> bool {
        let Memory { trainer, files: [from, to] } = memory;
        let begun = carry(Backend::baseline(), net, trainer, &[], 1, from, |_| {}).is_ok();
        begun && carry(Backend::baseline(), net, trainer, from, 1, to, |_| {}).is_ok()
    }
}
