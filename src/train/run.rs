//! A training that is done in parts: between its steps it can be saved, and go on elsewhere.

use super::{DataOf, Fit, TargetOf, Trainer, Training, fit::Position};
use crate::{
    dataset::{Dataset, Permutation},
    error::Result,
    layer::{Layer, Trainable},
    loss::Loss,
    observer::{EpochReport, Observer},
    optimizer::Optimizer,
    rng::Seed,
    saved::{self, ResumeError, WriteError, file, layout::RUN},
    sequential::{InputOf, LayersOf, Model, OutputOf, ParamsOf},
};
use core::fmt;
use embedded_io::Write;
use rosenblatt_kernels::{
    environment::standard,
    persist::{Persist, Words, joined},
};

/// A [`fit`](Trainer::fit) that is done in parts. [`Trainer::begin`] starts one, and
/// [`Run::advance`] does some steps. The result has the bits of `fit`.
///
/// [`Run::save`] saves everything between two steps, also in the middle of an epoch: weights,
/// optimizer, dropout, the place in the epoch, the observers' state. [`Trainer::resume`] goes on
/// from there, on any target and backend, with the bits of the training that was never stopped. The
/// program gives it the same data, settings and observers again.
///
/// ```
/// use rosenblatt::prelude::*;
///
/// type Xor = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;
/// type XorTrainer = Trainer<Xor, BinaryCrossEntropy, Adam, 4>;
/// const FIT: Fit<Adam> = Fit::new(Adam::with_lr(0.01)).epochs(500);
///
/// let (mut net, mut trainer) = (Xor::init(Seed(1957)), XorTrainer::ZERO);
/// let mut checkpoint = [0; XorTrainer::run_bytes::<()>()];
/// let mut run = trainer.begin(&mut net, &gates::XOR, &FIT, ())?;
/// run.advance(123)?;
/// run.save(&mut checkpoint)?;
///
/// // Elsewhere, later: everything is in the checkpoint.
/// let (mut net, mut trainer) = (Xor::ZERO, XorTrainer::ZERO);
/// let mut run = trainer.resume(&mut net, &gates::XOR, &FIT, (), &checkpoint)?;
/// while run.advance(100)?.is_none() {}
/// assert_eq!(net.hash(), 0x4e12_1092_398d_b3c9); // that of the example `xor`
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Run<'a, 'd, N, L, O, Obs, const B: usize>
where
    N: Model<Layers: Trainable>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
{
    training: Training<'a, N, L, O, B>,
    x: &'d [InputOf<N>],
    t: &'d [TargetOf<N, L>],
    fit: Fit<O>,
    batch: usize,
    observer: Obs,
    /// Number of the epoch, from 1; 0 before the first one
    epoch: usize,
    /// Where it stands; at the start between epochs
    at: Position,
    /// The report of the last whole epoch
    report: EpochReport,
    ended: bool,
}

impl<N, L, O, const B: usize> Trainer<N, L, O, B>
where
    N: Model<Layers: Trainable>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
{
    /// Begins a training that is done in parts. It does no step yet.
    /// # Errors
    /// Those that [`Trainer::fit_with`] returns before its first step.
    pub fn begin<'a, 'd, Obs>(
        &'a mut self,
        net: &'a mut N,
        data: impl Into<DataOf<'d, N, L>>,
        fit: &Fit<O>,
        observer: Obs,
    ) -> Result<Run<'a, 'd, N, L, O, Obs, B>>
    where
        Obs: for<'b> Observer<Training<'b, N, L, O, B>>,
    {
        let Dataset { x, t } = data.into();
        Self::prepared(x, t, fit, |backend, batch| {
            Self::validate_weights(net)?;
            let training = Training { trainer: self, net, optimizer: fit.optimizer, backend };
            let mut run = Run::new(training, x, t, fit, batch, observer);
            standard(|| run.observer.on_fit_begin(&mut run.training))?;
            Ok(run)
        })
    }

    /// Goes on with a training that [`Run::save`] saved, after the step at which it was saved.
    /// Data, settings and observers must be those with which it began; `fit.epochs` and
    /// `fit.backend` may differ. The observers' own settings are not part of the checkpoint, and of
    /// the data only the number of samples. A training that has ended stays ended, also with more
    /// epochs: go on from [`Trainer::save`] then.
    /// # Errors
    /// [`ResumeError::Checkpoint`] if any byte is wrong, or if the checkpoint belongs to another
    /// network, optimizer or observer, or was saved with other settings. [`ResumeError::Training`]
    /// as [`Trainer::begin`]. Network, trainer and observers are unchanged then.
    pub fn resume<'a, 'd, Obs>(
        &'a mut self,
        net: &'a mut N,
        data: impl Into<DataOf<'d, N, L>>,
        fit: &Fit<O>,
        observer: Obs,
        from: &[u8],
    ) -> core::result::Result<Run<'a, 'd, N, L, O, Obs, B>, ResumeError>
    where
        Obs: for<'b> Observer<Training<'b, N, L, O, B>> + Persist,
        O: Persist,
        O::State<ParamsOf<N>>: Persist,
    {
        let file = file::checked::<N, State<'_, N, L, O, Obs, B>>(RUN, from)?;
        let Dataset { x, t } = data.into();
        Self::prepared(x, t, fit, |backend, batch| {
            let mut found = 0;
            file.load_part(0, &mut found);
            if found != settings::<N, L, O, B>(fit, batch, x.len()) {
                return Err(saved::Error::Settings.into());
            }
            // A file of unknown origin can have a right checksum and impossible numbers.
            let mut rule = fit.optimizer;
            file.load_part(1 + Self::WORDS, &mut rule);
            rule.check()?;
            let place = 1 + Self::WORDS + O::WORDS;
            let (mut epoch, mut at, mut report, mut ended) =
                (0usize, Position::START, EpochReport::before(0.0), false);
            file.load_part(place, &mut (&mut epoch, &mut at, &mut report, &mut ended));
            if !ended && !at.is_possible(batch, x.len()) {
                return Err(saved::Error::Position.into());
            }
            let training = Training { trainer: self, net, optimizer: fit.optimizer, backend };
            let mut run = Run::new(training, x, t, fit, batch, observer);
            standard(|| run.observer.on_fit_resume(&mut run.training))?;
            let (net, mut state) = run.parts();
            file.load(net);
            file.load_state(&mut state);
            Ok(run)
        })
    }

    /// The size in bytes of a checkpoint of [`Run::save`] with the observers `Obs`.
    #[must_use]
    pub const fn run_bytes<Obs: Persist>() -> usize
    where
        O: Persist,
        O::State<ParamsOf<N>>: Persist,
    {
        file::bytes::<N, State<'_, N, L, O, Obs, B>>()
    }
}

impl<N, L, O, Obs, const B: usize> fmt::Debug for Run<'_, '_, N, L, O, Obs, B>
where
    N: Model<Layers: Trainable>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Run(epoch {}, step {}, ended: {})", self.epoch, self.at.step, self.ended)
    }
}

impl<'a, 'd, N, L, O, Obs, const B: usize> Run<'a, 'd, N, L, O, Obs, B>
where
    N: Model<Layers: Trainable>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
{
    fn new(
        training: Training<'a, N, L, O, B>,
        x: &'d [InputOf<N>],
        t: &'d [TargetOf<N, L>],
        fit: &Fit<O>,
        batch: usize,
        observer: Obs,
    ) -> Self {
        let report = EpochReport::before(training.optimizer.lr());
        let (epoch, at, ended) = (0, Position::START, false);
        Self { training, x, t, fit: *fit, batch, observer, epoch, at, report, ended }
    }

    /// Does up to `steps` steps. Returns the report of the last epoch when the training has ended,
    /// as [`Trainer::fit_with`] does; `None` while steps are left.
    ///
    /// The observers are called after each epoch.
    /// # Errors
    /// As [`Trainer::fit_with`]. An error ends the training: later calls, also after a resume,
    /// return the report of the last whole epoch.
    pub fn advance(&mut self, steps: usize) -> Result<Option<EpochReport>>
    where
        Obs: for<'b> Observer<Training<'b, N, L, O, B>>,
    {
        standard(|| {
            for _ in 0..steps {
                if self.ended {
                    break;
                }
                let goes_on = self.step();
                if !matches!(goes_on, Ok(true)) {
                    self.ended = true;
                    self.observer.on_fit_end(&mut self.training);
                }
                goes_on?;
            }
            Ok(self.ended.then_some(self.report))
        })
    }

    /// One step, and the end of its epoch; `false` if it was the last one.
    fn step(&mut self) -> Result<bool>
    where
        Obs: for<'b> Observer<Training<'b, N, L, O, B>>,
    {
        let Self { training, x, t, fit, batch, observer, epoch, at, report, .. } = self;
        if at.step == 0 {
            if *epoch >= fit.epochs {
                return Ok(false);
            }
            *epoch += 1;
            if fit.shuffle.is_some() {
                training.trainer.epochs = training.trainer.epochs.wrapping_add(1);
            }
        }
        let number = training.trainer.epochs as usize;
        let order = fit.shuffle.map(|seed| Permutation::new(x.len(), seed, number));
        match training.next_step(x, t, *epoch, *batch, order.as_ref(), Obs::ACCURACY, at) {
            Err(error) if observer.on_rejected_step(&error) => return Ok(false),
            done => done?,
        };
        let rest = x.len().saturating_sub(at.start);
        if rest > 0 && !(fit.drop_last && rest < *batch) {
            return Ok(true);
        }
        let (loss, accuracy) = at.means(Obs::ACCURACY);
        let lr = training.optimizer.last_lr(&training.trainer.work.state);
        *at = Position::START;
        *report = EpochReport { number: *epoch, loss, accuracy, validation: None, lr };
        let goes_on = observer.on_epoch_end(report, training)?.is_continue();
        Ok(goes_on && *epoch < fit.epochs)
    }

    /// The network.
    pub const fn net(&self) -> &N {
        self.training.net
    }

    /// The observers.
    pub const fn observer(&self) -> &Obs {
        &self.observer
    }

    /// Returns the observers.
    pub fn into_observer(self) -> Obs {
        self.observer
    }

    /// The number of the epoch in which the training is, from 1, and the number of its steps that
    /// are begun. Between two epochs: the number of epochs that are done, and 0.
    pub const fn position(&self) -> (usize, usize) {
        (self.epoch, self.at.step)
    }

    /// Saves the whole training into the start of a buffer of at least [`Trainer::run_bytes`]
    /// bytes. The format is that of [`saved`]; its state is, in this order: a hash of settings and
    /// number of samples; the trainer (optimizer, dropout, number of shuffled epochs); the
    /// optimizer's hyper-parameters; epoch, samples used, steps, sum of losses, correct
    /// predictions; the last report; whether the training has ended; the observers.
    /// # Errors
    /// [`saved::Error::Length`] for a buffer that is too short, [`saved::Error::NotFinite`] for a
    /// weight that is not finite. Nothing is written then.
    pub fn save(&mut self, to: &mut [u8]) -> core::result::Result<(), saved::Error>
    where
        Obs: Persist,
        O: Persist,
        O::State<ParamsOf<N>>: Persist,
    {
        let (net, mut state) = self.parts();
        file::save(RUN, &*net, &mut state, to)
    }

    /// [`Run::save`] into a writer.
    /// # Errors
    /// As [`Run::save`], and errors of the writer.
    pub fn save_to<W: Write>(&mut self, to: W) -> core::result::Result<(), WriteError<W::Error>>
    where
        Obs: Persist,
        O: Persist,
        O::State<ParamsOf<N>>: Persist,
    {
        let (net, mut state) = self.parts();
        file::save_to(RUN, &*net, &mut state, to)
    }

    /// The network, and all that a checkpoint holds besides.
    fn parts(&mut self) -> (&mut N, State<'_, N, L, O, Obs, B>)
    where
        O: Persist,
    {
        let settings = settings::<N, L, O, B>(&self.fit, self.batch, self.x.len());
        let Training { trainer, net, optimizer, .. } = &mut self.training;
        let Self { observer, epoch, at, report, ended, .. } = self;
        (net, State { settings, trainer, optimizer, epoch, at, report, ended, observer })
    }
}

/// The state of a run.
struct State<'a, N, L, O, Obs, const B: usize>
where
    N: Model<Layers: Trainable>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
{
    settings: u32,
    trainer: &'a mut Trainer<N, L, O, B>,
    optimizer: &'a mut O,
    epoch: &'a mut usize,
    at: &'a mut Position,
    report: &'a mut EpochReport,
    ended: &'a mut bool,
    observer: &'a mut Obs,
}

impl<N, L, O, Obs: Persist, const B: usize> Persist for State<'_, N, L, O, Obs, B>
where
    N: Model<Layers: Trainable>,
    O: Optimizer + Persist,
    O::State<ParamsOf<N>>: Persist,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
{
    const CODE: u32 = joined(Trainer::<N, L, O, B>::CODE, Obs::CODE);
    const WORDS: usize = Trainer::<N, L, O, B>::WORDS
        + O::WORDS
        + Position::WORDS
        + EpochReport::WORDS
        + Obs::WORDS
        + 3;

    fn words(&mut self, words: &mut impl Words) {
        self.settings.words(words);
        self.trainer.words(words);
        self.optimizer.words(words);
        self.epoch.words(words);
        self.at.words(words);
        self.report.words(words);
        self.ended.words(words);
        self.observer.words(words);
    }
}

/// A hash of what must not change while a training is stopped.
fn settings<N, L, O, const B: usize>(fit: &Fit<O>, batch: usize, samples: usize) -> u32
where
    N: Model<Layers: Trainable>,
    O: Optimizer + Persist,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
{
    struct Hash(u32);
    impl Words for Hash {
        fn word(&mut self, word: &mut u32) {
            self.0 = joined(self.0, *word);
        }
    }
    let mut hash = Hash(joined(L::CODE, <LayersOf<N> as Trainable>::PENALTY_CODE));
    { fit.optimizer }.words(&mut hash);
    { B }.words(&mut hash);
    let Seed(seed) = fit.shuffle.unwrap_or(Seed(0));
    let seed = [seed as u32, (seed >> 32) as u32, u32::from(fit.shuffle.is_some())];
    for mut word in seed.into_iter().chain([u32::from(fit.drop_last)]) {
        hash.word(&mut word);
    }
    { batch }.words(&mut hash);
    { samples }.words(&mut hash);
    hash.0
}
