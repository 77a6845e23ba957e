//! A trainer and its network as bytes, between two steps.

use super::Trainer;
use crate::{
    layer::{Layer, Trainable},
    loss::Loss,
    optimizer::Optimizer,
    saved::{Error, WriteError, file, layout::TRAINER},
    sequential::{LayersOf, Model, OutputOf, ParamsOf},
};
use embedded_io::Write;
use rosenblatt_kernels::persist::{Persist, Words, joined};

/// The optimizer's state, what the layers carry from step to step (the number of dropout's passes),
/// and the number of shuffled epochs.
impl<N, L, O, const B: usize> Persist for Trainer<N, L, O, B>
where
    N: Model<Layers: Trainable>,
    O: Optimizer + Persist,
    O::State<ParamsOf<N>>: Persist,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
{
    const CODE: u32 = joined(
        joined(O::CODE, O::State::<ParamsOf<N>>::CODE),
        <LayersOf<N> as Trainable>::CARRIED as u32,
    );
    const WORDS: usize = O::State::<ParamsOf<N>>::WORDS + <LayersOf<N> as Trainable>::CARRIED + 1;

    fn words(&mut self, words: &mut impl Words) {
        self.work.state.words(words);
        LayersOf::<N>::carried::<B>(&mut self.work.tape, words);
        self.epochs.words(words);
    }
}

impl<N, L, O, const B: usize> Trainer<N, L, O, B>
where
    N: Model<Layers: Trainable>,
    O: Optimizer + Persist,
    O::State<ParamsOf<N>>: Persist,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
{
    /// The size of a checkpoint in bytes.
    pub const CHECKPOINT_BYTES: usize = file::bytes::<N, Self>();

    /// Saves the network and this trainer between two calls of [`Trainer::step`] or
    /// [`Trainer::fit`]: the network, the optimizer's state, the number of dropout's passes and the
    /// number of shuffled epochs. The steps after [`Trainer::load`] have the bits of the steps that
    /// would have followed here, on any target. Hyper-parameters are not part of it: they are an
    /// argument of each step.
    ///
    /// For the middle of a `fit` see [`Trainer::begin`].
    ///
    /// ```
    /// use rosenblatt::prelude::*;
    ///
    /// type Xor = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;
    /// type XorTrainer = Trainer<Xor, BinaryCrossEntropy, Adam, 4>;
    /// let (mut net, mut trainer) = (Xor::init(Seed(1957)), XorTrainer::ZERO);
    /// trainer.step(&mut net, &gates::XOR, &Adam::DEFAULT)?;
    /// let mut checkpoint = [0; XorTrainer::CHECKPOINT_BYTES];
    /// trainer.save(&net, &mut checkpoint)?;
    /// let loss = trainer.step(&mut net, &gates::XOR, &Adam::DEFAULT)?;
    ///
    /// let (mut net, mut trainer) = (Xor::ZERO, XorTrainer::ZERO);
    /// trainer.load(&mut net, &checkpoint)?;
    /// assert_eq!(trainer.step(&mut net, &gates::XOR, &Adam::DEFAULT)?, loss);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    /// # Errors
    /// [`Error::Length`] for a buffer that is too short, [`Error::NotFinite`] for a weight that is
    /// not finite. Nothing is written then.
    pub fn save(&mut self, net: &N, to: &mut [u8]) -> Result<(), Error> {
        file::save(TRAINER, net, self, to)
    }

    /// [`Trainer::save`] into a writer.
    /// # Errors
    /// As [`Trainer::save`], and errors of the writer.
    pub fn save_to<W: Write>(&mut self, net: &N, to: W) -> Result<(), WriteError<W::Error>> {
        file::save_to(TRAINER, net, self, to)
    }

    /// Loads a checkpoint of [`Trainer::save`] into a network and this trainer.
    /// # Errors
    /// An [`Error`] if any byte is wrong, or if the checkpoint is that of another network or
    /// optimizer. Network and trainer are unchanged then.
    pub fn load(&mut self, net: &mut N, from: &[u8]) -> Result<(), Error> {
        let file = file::checked::<N, Self>(TRAINER, from)?;
        file.load(net);
        file.load_state(self);
        Ok(())
    }
}
