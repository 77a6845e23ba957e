//! A training that leaves a receipt, and its replay.

use super::{DataOf, Fit, TargetOf, Trainer, Training};
use crate::{
    dataset::Dataset,
    error::{Error, Quantity, Result},
    layer::{Layer, Trainable},
    loss::Loss,
    metrics::Evaluation,
    observer::{EpochReport, Observer, Session},
    optimizer::Optimizer,
    receipt::{
        self, Contents, DROP_LAST, End, Ending, FIXED, Numbers, PENALTY, Part, Receipt, SEEDED,
        SHUFFLED, STEERED, Start, Target, Verdict, hash_inputs, hash_targets, read::same,
    },
    rng::Seed,
    saved::{
        self,
        layout::{ALIGNMENT, HEADER, Layout, RECEIPT},
        sum_up,
    },
    sequential::{InputOf, LayersOf, Model, OutputOf, hash_of},
};
use core::ops::ControlFlow;
use rosenblatt_kernels::{
    Backend, F32Array,
    environment::standard,
    persist::{Persist, Words},
};

impl<N, L, O, const B: usize> Trainer<N, L, O, B>
where
    N: Model<Layers: Trainable>,
    O: Optimizer + Persist,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>, Target: Target>,
{
    /// Words of a receipt behind the records, without hashes.
    const WORDS_BEFORE_HASHES: usize =
        FIXED + O::WORDS + PENALTY * <LayersOf<N> as Trainable>::PENALTIES;

    /// The size in bytes of a receipt with this number of hashes before that of the end. `S` is the
    /// type of the start: [`Seed`] for weights of [`Sequential::init`](crate::Sequential::init).
    #[must_use]
    pub const fn receipt_bytes<S: Start>(hashes: usize) -> usize {
        Self::receipt_layout::<S>(hashes).bytes()
    }

    const fn receipt_layout<S: Start>(hashes: usize) -> Layout {
        let words = Self::WORDS_BEFORE_HASHES + S::WORDS + 2 * hashes;
        Layout::of_receipt(<LayersOf<N> as Layer>::ARCHITECTURE, words)
    }

    /// [`Trainer::fit_with`], with a [`Receipt`] by which the training can be proved
    /// ([`Trainer::replay`]).
    ///
    /// It first sets the initial weights (`start`) and resets this trainer ([`Trainer::reset`]). At
    /// the end it writes the receipt, also if the last step was rejected: its loss or gradient was
    /// not finite, or the learning rate of a schedule out of range.
    ///
    /// The observers see a [`Recorded`] training: one of one's own takes any [`Session`].
    ///
    /// See [`receipt`] for an example, and for what is proved.
    /// # Errors
    /// As [`Trainer::fit_with`]; [`Error::Receipt`] for a buffer that is too short. Before the
    /// first step nothing is changed then, but for the initial weights. After an error of an
    /// observer there is no receipt.
    pub fn fit_recorded<'d, S, Obs>(
        &mut self,
        net: &mut N,
        mut start: S,
        data: impl Into<DataOf<'d, N, L>>,
        fit: &Fit<O>,
        observer: Obs,
        receipt: &mut Receipt<'_>,
    ) -> Result<EpochReport>
    where
        S: Start,
        Obs: for<'a> Observer<Recorded<'a, N, L, O, B>> + Persist,
    {
        receipt.len = 0;
        let Dataset { x, t } = data.into();
        let every = Self::plan::<S>(fit.epochs, receipt)?;
        Self::prepared(
            x,
            t,
            fit,
            #[inline(always)]
            |backend, batch| {
                start.begin(net);
                Self::validate_weights(net)?;
                self.reset();
                let initial = hash_of_net(net);
                let layout = const { Self::receipt_layout::<S>(0) };
                let at = layout.state_at() / 4 + layout.state;
                let room = receipt.room.as_chunks_mut::<4>().0.get_mut(at..).unwrap_or_default();
                let room = room.as_chunks_mut::<2>().0.iter_mut();
                let marks = Recording { every, room, last: initial, epochs: 0, rejected: None };
                let mut watch = Watch { observer, marks, steered: false };
                let outcome = self.watched(net, x, t, fit, (backend, batch), &mut watch);
                let Watch { marks: Recording { last, epochs, rejected, .. }, steered, .. } = watch;
                if outcome.is_err() && rejected.is_none() {
                    return outcome;
                }
                let whole = if epochs == fit.epochs { End::Epochs } else { End::Observer };
                let ending = Ending { epochs, end: rejected.unwrap_or(whole) };
                let observers = Obs::CODE;
                let done = Done { every, batch, ending, initial, last, observers, steered };
                Self::write(receipt, &mut start, x, t, fit, &done);
                outcome
            },
        )
    }

    /// Writes a receipt around its hashes, which are in their place already.
    // On a chip out of line: its stack is not that of the training.
    #[cfg_attr(target_os = "none", inline(never))]
    fn write<S: Start>(
        receipt: &mut Receipt<'_>,
        start: &mut S,
        x: &[InputOf<N>],
        t: &[TargetOf<N, L>],
        fit: &Fit<O>,
        done: &Done,
    ) {
        let &Done { every, batch, ending, initial, last, observers, steered } = done;
        let hashes = ending.epochs.checked_div(every).unwrap_or(0);
        let layout = Self::receipt_layout::<S>(hashes);
        let (seed, order) = (start.seed(), fit.shuffle);
        let flag = |is: bool, flag: u32| if is { flag } else { 0 };
        let flags = flag(seed.is_some(), SEEDED)
            | flag(order.is_some(), SHUFFLED)
            | flag(fit.drop_last, DROP_LAST)
            | flag(steered, STEERED);
        let (end, step) = numbers(ending.end);
        let counts = [B, batch, x.len(), fit.epochs, ending.epochs, step, every];
        let number = |seed: Option<Seed>| seed.map_or(0, |Seed(seed)| seed);
        let doubles = [number(order), number(seed), hash_inputs(x), hash_targets(t), initial, last];
        let (i, o, q) = (S::WORDS, O::WORDS, <LayersOf<N> as Trainable>::PENALTIES);

        let mut to = Writer(receipt.room.as_chunks_mut::<4>().0.iter_mut());
        to.all(&layout.header(RECEIPT));
        LayersOf::<N>::records(&mut |record| to.all(record.words()));
        to.zeros(layout.state_at() / 4 - HEADER - <LayersOf<N> as Layer>::ARCHITECTURE.words);
        to.all(&[flags, end, L::CODE]);
        counts.iter().for_each(|count| to.put(word(*count)));
        doubles.iter().for_each(|double| to.all(&[*double as u32, (double >> 32) as u32]));
        to.all(&[observers, S::CODE, word(i), O::CODE, word(o), word(q)]);
        start.words(&mut to);
        { fit.optimizer }.words(&mut to);
        LayersOf::<N>::penalties(0, &mut |penalty| to.all(penalty));
        to.skip(2 * hashes);
        to.zeros(layout.checksum_at() / 4 - layout.state_at() / 4 - layout.state);

        let Some((bytes, rest)) = receipt.room.split_at_mut_checked(layout.checksum_at()) else {
            return;
        };
        if let Some(to) = rest.first_chunk_mut() {
            *to = sum_up(0, bytes).to_le_bytes();
            receipt.len = layout.bytes();
        }
    }

    /// The epochs from hash to hash, if there is room for the hashes.
    fn plan<S: Start>(epochs: usize, receipt: &Receipt<'_>) -> Result<usize> {
        let got = receipt.room.len();
        let least = const { Self::receipt_layout::<S>(0) };
        let full = (got.saturating_sub(4) / ALIGNMENT * ALIGNMENT)
            .checked_sub(least.state_at() + 4 * least.state);
        let room = full.ok_or(Error::Receipt { expected: least.bytes(), got })? / 8;
        let every = receipt.every.unwrap_or_else(|| match room {
            0 => 0,
            _ => epochs.div_ceil(room),
        });
        let hashes = epochs.checked_div(every).unwrap_or(0);
        if hashes > room {
            let expected = Self::receipt_layout::<S>(hashes).bytes();
            return Err(Error::Receipt { expected, got });
        }
        Ok(every)
    }

    /// Does a training of [`Trainer::fit_recorded`] again, and compares it with its receipt. The
    /// arguments are those of the training: start, data, settings. `fit.backend` is free. It stops
    /// where the training departs.
    ///
    /// Observers are needed only if the receipt says so ([`Contents::steered`]); else `()`, or any.
    /// [`Contents::fit`] and [`Contents::start`] give the settings of a receipt.
    ///
    /// A replay always begins at the start: a receipt holds hashes, no weights.
    /// # Errors
    /// Before the first step: [`receipt::Error::File`] and [`receipt::Error::Impossible`] for bytes
    /// that are wrong, or that are the receipt of another network; [`receipt::Error::Differs`] for
    /// other settings, data or initial weights, or for observers that are needed and not given;
    /// [`receipt::Error::Training`] as [`Trainer::fit_with`].
    ///
    /// After it: [`receipt::Error::Training`] for an error of an observer.
    pub fn replay<'d, S, Obs>(
        &mut self,
        net: &mut N,
        mut start: S,
        data: impl Into<DataOf<'d, N, L>>,
        fit: &Fit<O>,
        observer: Obs,
        receipt: &[u8],
    ) -> core::result::Result<Verdict, receipt::Error>
    where
        S: Start,
        Obs: for<'a> Observer<Recorded<'a, N, L, O, B>> + Persist,
    {
        let receipt = &Contents::read(receipt)?;
        let Dataset { x, t } = data.into();
        Self::prepared(
            x,
            t,
            fit,
            #[inline(always)]
            |backend, batch| {
                Self::compare(receipt, &mut start, x, t, fit, batch)?;
                if receipt.steered {
                    same(Part::Observers, receipt.observers, Obs::CODE)?;
                }
                start.begin(net);
                Self::validate_weights(net)?;
                same(Part::Initial, receipt.initial, hash_of_net(net))?;
                self.reset();
                let marks = Replaying { receipt, equal: 0, epochs: 0, verdict: Verdict::Same };
                let mut watch = Watch { observer, marks, steered: false };
                let outcome = self.watched(net, x, t, fit, (backend, batch), &mut watch);
                match outcome {
                    Err(error) => Err(error.into()),
                    Ok(_) => Ok(watch.marks.verdict),
                }
            },
        )
    }

    /// An error unless architecture, settings and data are those of the receipt.
    // On a chip out of line: its stack is not that of the training.
    #[cfg_attr(target_os = "none", inline(never))]
    fn compare<S: Start>(
        receipt: &Contents<'_>,
        start: &mut S,
        x: &[InputOf<N>],
        t: &[TargetOf<N, L>],
        fit: &Fit<O>,
        batch: usize,
    ) -> core::result::Result<(), receipt::Error> {
        let (expected, got) = (<LayersOf<N> as Layer>::ARCHITECTURE.hash, receipt.architecture);
        if expected != got {
            return Err(saved::Error::Architecture { expected, got }.into());
        }
        same(Part::Loss, receipt.loss, L::CODE)?;
        let expected = receipt.penalties.len() / PENALTY;
        same(Part::Penalties, word(expected), word(<LayersOf<N> as Trainable>::PENALTIES))?;
        let mut penalties = Comparing::new(receipt.penalties);
        LayersOf::<N>::penalties(0, &mut |penalty| {
            penalty.iter().for_each(|number| penalties.number(*number));
        });
        penalties.end(|_| Part::Penalties)?;
        same(Part::Optimizer, receipt.optimizer, O::CODE)?;
        let mut rule = Comparing::new(receipt.hyper_parameters);
        { fit.optimizer }.words(&mut rule);
        rule.end(|index| Part::HyperParameter { index })?;
        same(Part::Capacity, word(receipt.capacity), word(B))?;
        same(Part::Batch, word(receipt.batch), word(batch))?;
        let there = |part, expected: Option<Seed>, got: Option<Seed>| {
            same(part, u32::from(expected.is_some()), u32::from(got.is_some()))
        };
        let number = |seed: Option<Seed>| seed.map_or(0, |Seed(seed)| seed);
        there(Part::Shuffle, receipt.shuffle, fit.shuffle)?;
        same(Part::ShuffleSeed, number(receipt.shuffle), number(fit.shuffle))?;
        same(Part::DropLast, u32::from(receipt.drop_last), u32::from(fit.drop_last))?;
        same(Part::Epochs, word(receipt.epochs), word(fit.epochs))?;
        there(Part::Seeded, receipt.seed, start.seed())?;
        same(Part::Initializer, receipt.initializer, S::CODE)?;
        let mut initializer = Comparing::new(receipt.initializer_numbers);
        start.words(&mut initializer);
        initializer.end(|index| Part::InitializerNumber { index })?;
        same(Part::Seed, number(receipt.seed), number(start.seed()))?;
        same(Part::Samples, word(receipt.samples), word(x.len()))?;
        same(Part::Inputs, receipt.inputs, hash_inputs(x))?;
        same(Part::Targets, receipt.targets, hash_targets(t))
    }

    /// Trains with these observers; everything is checked already.
    fn watched<Obs>(
        &mut self,
        net: &mut N,
        x: &[InputOf<N>],
        t: &[TargetOf<N, L>],
        fit: &Fit<O>,
        (backend, batch): (Backend, usize),
        watch: &mut Obs,
    ) -> Result<EpochReport>
    where
        Obs: for<'a> Observer<Training<'a, N, L, O, B>>,
    {
        let mut training = Training { trainer: self, net, optimizer: fit.optimizer, backend };
        standard(
            #[inline(always)]
            || {
                watch.on_fit_begin(&mut training)?;
                let outcome = training.epochs(x, t, fit, batch, watch);
                watch.on_fit_end(&mut training);
                outcome
            },
        )
    }
}

/// What a training has done, for its receipt.
struct Done {
    /// Epochs from hash to hash
    every: usize,
    /// Samples of a step
    batch: usize,
    ending: Ending,
    /// Hashes of the initial network and of that of the end
    initial: u64,
    last: u64,
    /// Code of the observers, and whether they have changed learning rate or network
    observers: u32,
    steered: bool,
}

/// A count as a word. Above 2³² − 1 it is 2³² − 1.
fn word(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// An end as its number, and the step that was rejected.
const fn numbers(end: End) -> (u32, usize) {
    match end {
        End::Epochs => (0, 0),
        End::Observer => (1, 0),
        End::Loss { step } => (2, step),
        End::Gradient { step } => (3, step),
        End::Rate => (4, 0),
    }
}

/// The end by a rejected step.
const fn rejection(error: &Error) -> End {
    match *error {
        Error::NotFinite { what: Quantity::Loss, step, .. } => End::Loss { step },
        Error::NotFinite { what: Quantity::Gradient, step, .. } => End::Gradient { step },
        // The other check of a step.
        _ => End::Rate,
    }
}

#[cfg_attr(target_os = "none", inline(never))]
fn hash_of_net<N: Model>(net: &N) -> u64 {
    hash_of([net.params().as_flat(), net.buffers().as_flat()])
}

/// Writes words into a buffer that has room for them.
struct Writer<'a>(core::slice::IterMut<'a, [u8; 4]>);

impl Writer<'_> {
    fn all(&mut self, words: &[u32]) {
        words.iter().for_each(|word| self.put(*word));
    }

    fn zeros(&mut self, n: usize) {
        (0..n).for_each(|_| self.put(0));
    }

    fn skip(&mut self, n: usize) {
        self.0.by_ref().take(n).for_each(drop);
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn put(&mut self, word: u32) {
        if let Some(to) = self.0.next() {
            *to = word.to_le_bytes();
        }
    }
}

impl Words for Writer<'_> {
    fn word(&mut self, word: &mut u32) {
        self.put(*word);
    }
}

/// Compares words with those of a receipt, and remembers the first that differs.
struct Comparing<'a> {
    with: Numbers<'a>,
    count: usize,
    differs: Option<(usize, u32, u32)>,
}

impl<'a> Comparing<'a> {
    const fn new(with: Numbers<'a>) -> Self {
        Self { with, count: 0, differs: None }
    }

    fn number(&mut self, got: u32) {
        let expected = self.with.get(self.count).unwrap_or(!got);
        if expected != got && self.differs.is_none() {
            self.differs = Some((self.count, expected, got));
        }
        self.count += 1;
    }

    fn end(self, part: impl Fn(usize) -> Part) -> core::result::Result<(), receipt::Error> {
        if let Some((index, expected, got)) = self.differs {
            return same(part(index), expected, got);
        }
        same(part(self.count), word(self.with.len()), word(self.count))
    }
}

impl Words for Comparing<'_> {
    fn word(&mut self, word: &mut u32) {
        self.number(*word);
    }
}

/// What is done at the marks of a training.
trait Marks {
    /// After an epoch. `ends` is true if an observer ends the training.
    fn epoch(&mut self, number: usize, ends: bool, hash: impl FnOnce() -> u64) -> ControlFlow<()>;

    /// At a rejected step; `true` ends the training without an error.
    fn rejected(&mut self, end: End) -> bool;

    /// At the end, with the hash of the network.
    fn end(&mut self, hash: u64);
}

/// Calls observers, and marks.
struct Watch<Obs, M> {
    observer: Obs,
    marks: M,
    /// Whether an observer has changed the learning rate or the network.
    steered: bool,
}

impl<'s, N, L, O, Obs, M, const B: usize> Observer<Training<'s, N, L, O, B>> for Watch<Obs, M>
where
    N: Model<Layers: Trainable>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
    Obs: for<'a> Observer<Recorded<'a, N, L, O, B>>,
    M: Marks,
{
    const ACCURACY: bool = Obs::ACCURACY;

    #[inline(always)]
    fn on_fit_begin(&mut self, training: &mut Training<'s, N, L, O, B>) -> Result<()> {
        let observer = &mut self.observer;
        Recorded::of(training, &mut self.steered, |session| observer.on_fit_begin(session))
    }

    #[inline(always)]
    fn on_epoch_end(
        &mut self,
        report: &mut EpochReport,
        training: &mut Training<'s, N, L, O, B>,
    ) -> Result<ControlFlow<()>> {
        let Self { observer, marks, steered } = self;
        let number = report.number;
        let flow =
            Recorded::of(training, steered, |session| observer.on_epoch_end(report, session))?;
        Ok(marks.epoch(number, flow.is_break(), || hash_of_net(training.net)))
    }

    #[inline(always)]
    fn on_rejected_step(&mut self, error: &Error) -> bool {
        let handled = self.observer.on_rejected_step(error);
        self.marks.rejected(rejection(error)) || handled
    }

    #[inline(always)]
    fn on_fit_end(&mut self, training: &mut Training<'s, N, L, O, B>) {
        let observer = &mut self.observer;
        Recorded::of(training, &mut self.steered, |session| observer.on_fit_end(session));
        self.marks.end(hash_of_net(training.net));
    }
}

/// Writes hashes into their place.
struct Recording<'a> {
    every: usize,
    /// The place of the next hashes
    room: core::slice::IterMut<'a, [[u8; 4]; 2]>,
    /// Whole epochs so far
    epochs: usize,
    rejected: Option<End>,
    /// The hash at the end
    last: u64,
}

impl Marks for Recording<'_> {
    #[inline(always)]
    fn epoch(&mut self, number: usize, ends: bool, hash: impl FnOnce() -> u64) -> ControlFlow<()> {
        self.epochs = number;
        if number.checked_rem(self.every) == Some(0)
            && let Some([low, high]) = self.room.next()
        {
            let hash = hash();
            (*low, *high) = ((hash as u32).to_le_bytes(), ((hash >> 32) as u32).to_le_bytes());
        }
        if ends { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn rejected(&mut self, end: End) -> bool {
        self.rejected = Some(end);
        false
    }

    #[inline(always)]
    fn end(&mut self, hash: u64) {
        self.last = hash;
    }
}

/// Compares hashes with those of a receipt.
struct Replaying<'a> {
    receipt: &'a Contents<'a>,
    /// The last epoch with the hash of the receipt
    equal: usize,
    /// Whole epochs so far
    epochs: usize,
    verdict: Verdict,
}

impl Replaying<'_> {
    fn departs(&mut self, first: usize, expected: u64, got: u64) {
        self.verdict = Verdict::Departs { last: self.equal, first, expected, got };
    }

    fn ends(&mut self, got: Option<Ending>) {
        let expected = self.receipt.ending;
        self.verdict = Verdict::Ends { last: self.equal, expected, got };
    }
}

impl Marks for Replaying<'_> {
    #[inline(always)]
    fn epoch(&mut self, number: usize, ends: bool, hash: impl FnOnce() -> u64) -> ControlFlow<()> {
        self.epochs = number;
        let &Contents { ending, every, hashes, .. } = self.receipt;
        // A hash that is not there lies behind the end of the receipt's training.
        if number.checked_rem(every) == Some(0)
            && let Some(expected) =
                number.checked_div(every).and_then(|place| hashes.get(place.wrapping_sub(1)))
        {
            let got = hash();
            if got != expected {
                self.departs(number, expected, got);
                return ControlFlow::Break(());
            }
            self.equal = number;
        }
        if number > ending.epochs {
            self.ends(None);
        } else if number == ending.epochs && matches!(ending.end, End::Epochs | End::Observer) {
            return ControlFlow::Break(());
        } else if ends {
            self.ends(Some(Ending { epochs: number, end: End::Observer }));
        } else {
            return ControlFlow::Continue(());
        }
        ControlFlow::Break(())
    }

    fn rejected(&mut self, end: End) -> bool {
        let got = Ending { epochs: self.epochs, end };
        if got != self.receipt.ending {
            self.ends(Some(got));
        }
        true
    }

    #[inline(always)]
    fn end(&mut self, got: u64) {
        let expected = self.receipt.last;
        if self.verdict.is_same() && got != expected {
            self.departs(self.epochs, expected, got);
        }
    }
}

/// A training that is recorded or replayed, as its observers see it. It notices whether they change
/// the learning rate or the network.
pub struct Recorded<'a, N, L, O, const B: usize>
where
    N: Model<Layers: Trainable>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
{
    training: Training<'a, N, L, O, B>,
    steered: bool,
}

impl<N, L, O, const B: usize> Recorded<'_, N, L, O, B>
where
    N: Model<Layers: Trainable>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
{
    /// Calls `f` with this training, and notes in `steered` whether it was changed.
    #[inline(always)]
    fn of<R>(
        training: &mut Training<'_, N, L, O, B>,
        steered: &mut bool,
        f: impl FnOnce(&mut Recorded<'_, N, L, O, B>) -> R,
    ) -> R {
        let Training { trainer, net, optimizer, backend } = training;
        let (rule, backend) = (*optimizer, *backend);
        let seen = Training { trainer, net, optimizer: rule, backend };
        let mut session = Recorded { training: seen, steered: *steered };
        let result = f(&mut session);
        (*optimizer, *steered) = (session.training.optimizer, session.steered);
        result
    }
}

impl<N, L, O, const B: usize> Session for Recorded<'_, N, L, O, B>
where
    N: Model<Layers: Trainable>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
{
    type Net = N;
    type Input = InputOf<N>;
    type Target = TargetOf<N, L>;

    fn net(&self) -> &N {
        self.training.net()
    }

    fn net_mut(&mut self) -> &mut N {
        self.steered = true;
        self.training.net_mut()
    }

    fn lr(&self) -> f32 {
        self.training.lr()
    }

    fn set_lr(&mut self, lr: f32) -> Result<()> {
        self.steered = true;
        self.training.set_lr(lr)
    }

    fn finite(&self) -> bool {
        self.training.finite()
    }

    fn validate(&self, data: DataOf<'_, N, L>) -> Result<()> {
        self.training.validate(data)
    }

    fn evaluate(&mut self, data: DataOf<'_, N, L>) -> Result<Evaluation> {
        self.training.evaluate(data)
    }
}
