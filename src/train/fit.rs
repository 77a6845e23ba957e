//! `fit`: epochs of steps, and the session that observers see.

use super::{DataOf, TargetOf, Trainer, evaluate::hits};
use crate::{
    dataset::{Dataset, Permutation},
    error::{Error, Result},
    layer::{Layer, Trainable},
    loss::Loss,
    metrics::Evaluation,
    observer::{EpochReport, Observer, Session},
    optimizer::Optimizer,
    rng::Seed,
    sequential::{InputOf, LayersOf, Model, OutputOf},
};
use heapless::Vec;
use rosenblatt_kernels::{
    Backend, F32Array, dispatch_inside, environment::standard, math::Sum, optimizer::all_finite_on,
    persist,
};

/// How many samples each update of the weights uses.
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::train::Batch;
///
/// let full = Fit::new(Sgd::DEFAULT).batch(Batch::Full);
/// let stochastic = full.batch(Batch::Stochastic);
/// assert_ne!(full, stochastic);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Batch {
    /// All samples: one step an epoch (batch gradient descent). They must fit in the trainer
    Full,
    /// This many samples; the last mini-batch of an epoch may be shorter
    Mini(usize),
    /// One sample (stochastic gradient descent)
    Stochastic,
}

/// The settings of `fit`.
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::train::Batch;
/// const FIT: Fit<Sgd> = Fit::new(Sgd::with_lr(0.1)).epochs(20).batch(Batch::Mini(8));
/// assert_eq!((FIT.epochs, FIT.shuffle, FIT.drop_last), (20, None, false));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Fit<O> {
    /// The update rule and its hyper-parameters
    pub optimizer: O,
    /// Number of epochs
    pub epochs: usize,
    /// Samples a step; `None` for the trainer's capacity `B`
    pub batch: Option<Batch>,
    /// Seed of a new order in each epoch; `None` for the order of the data. The order depends on
    /// the seed and on the number of shuffled epochs that the trainer has begun: ten fits of one
    /// epoch use the same orders as one fit of ten epochs. [`Trainer::reset`] sets that number to 0
    pub shuffle: Option<Seed>,
    /// Whether the last mini-batch of an epoch is left out if it is shorter than the others. With
    /// `shuffle` other samples are left out in each epoch. Loss and accuracy are those of the
    /// samples that were used
    pub drop_last: bool,
    /// The backend; `None` for the fastest one. The result has the same bits on each backend
    pub backend: Option<Backend>,
}

impl<O: Optimizer> Fit<O> {
    /// One epoch over the data in their order, with mini-batches of the trainer's capacity, on the
    /// fastest backend.
    pub const fn new(optimizer: O) -> Self {
        Self { optimizer, epochs: 1, batch: None, shuffle: None, drop_last: false, backend: None }
    }

    /// Sets [`Fit::epochs`].
    #[must_use]
    pub const fn epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// Sets [`Fit::batch`].
    #[must_use]
    pub const fn batch(mut self, batch: Batch) -> Self {
        self.batch = Some(batch);
        self
    }

    /// Sets [`Fit::shuffle`].
    #[must_use]
    pub const fn shuffle(mut self, seed: Seed) -> Self {
        self.shuffle = Some(seed);
        self
    }

    /// Sets [`Fit::drop_last`].
    #[must_use]
    pub const fn drop_last(mut self) -> Self {
        self.drop_last = true;
        self
    }

    /// Sets [`Fit::backend`].
    #[must_use]
    pub const fn on(mut self, backend: Backend) -> Self {
        self.backend = Some(backend);
        self
    }
}

impl<N, L, O, const B: usize> Trainer<N, L, O, B>
where
    N: Model<Layers: Trainable>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
{
    /// [`Trainer::fit_with`] without an observer: trains for `fit.epochs` epochs, and returns the
    /// report of the last one.
    /// # Errors
    /// As [`Trainer::fit_with`].
    #[inline(always)]
    pub fn fit<'d>(
        &mut self,
        net: &mut N,
        data: impl Into<DataOf<'d, N, L>>,
        fit: &Fit<O>,
    ) -> Result<EpochReport> {
        self.fit_with(net, data, fit, ())
    }

    /// Trains for `fit.epochs` epochs and calls the observers after each. Returns the report of the
    /// last epoch. Observers run in the floating-point environment of the numeric contract,
    /// whatever the caller's is.
    ///
    /// Observers ([`observer`](crate::observer)) validate, stop early, restore the best weights,
    /// change the learning rate, keep a history or a log. A tuple is several of them; `&mut` lends
    /// one that the caller reads afterwards.
    ///
    /// An epoch uses every sample once, in the order of the data or in a new order (`fit.shuffle`);
    /// `fit.drop_last` leaves out a shorter last mini-batch. With no epochs there is no step; the
    /// report then has number 0, and NaN as loss and accuracy.
    /// # Errors
    /// Before the first step, with nothing changed: for no samples, wrong targets, hyper-parameters
    /// out of range, a batch over `B` or too small for a batch normalization, a hidden layer whose
    /// weights were never set, or an error of an observer in
    /// [`Observer::on_fit_begin`].
    ///
    /// A loss or gradient that is not finite ends the training at that step. The step changes no
    /// weight.
    ///
    /// An error of an observer ends the training after its epoch: [`Error::NotMonitored`] after the
    /// first one, [`Error::NotWritten`], or a learning rate out of range. The weights are those of
    /// that epoch.
    #[inline(always)]
    pub fn fit_with<'d, Obs>(
        &mut self,
        net: &mut N,
        data: impl Into<DataOf<'d, N, L>>,
        fit: &Fit<O>,
        mut observer: Obs,
    ) -> Result<EpochReport>
    where
        Obs: for<'a> Observer<Training<'a, N, L, O, B>>,
    {
        let Dataset { x, t } = data.into();
        self.fit_by(net, x, t, fit, &mut observer)
    }

    /// Checks data and settings, then calls `go` with the backend and the size of a mini-batch.
    // With a closure an error is written once, where the caller wants it.
    #[inline(always)]
    pub(super) fn prepared<R, E: From<Error>>(
        x: &[InputOf<N>],
        t: &[TargetOf<N, L>],
        fit: &Fit<O>,
        go: impl FnOnce(Backend, usize) -> core::result::Result<R, E>,
    ) -> core::result::Result<R, E> {
        let backend = fit.backend.unwrap_or_else(Backend::detect);
        Self::validate_values(backend, x, t)?;
        fit.optimizer.check()?;
        let batch = match fit.batch {
            None => B.min(x.len()),
            Some(Batch::Full) => x.len(),
            Some(Batch::Mini(batch)) => batch,
            Some(Batch::Stochastic) => 1,
        };
        if batch == 0 {
            return Err(Error::BatchOfZero.into());
        }
        if batch > B {
            return Err(Error::BatchTooLarge { batch, capacity: B }.into());
        }
        if fit.drop_last && batch > x.len() {
            return Err(Error::NoFullBatch { samples: x.len(), batch }.into());
        }
        Self::validate_batch(batch.min(x.len()))?;
        if const { LayersOf::<N>::LEAST_SAMPLES > 1 } && !fit.drop_last {
            match x.len().checked_rem(batch) {
                None | Some(0) => {}
                Some(last) => Self::validate_batch(last)?,
            }
        }
        go(backend, batch)
    }

    fn fit_by<Obs>(
        &mut self,
        net: &mut N,
        x: &[InputOf<N>],
        t: &[TargetOf<N, L>],
        fit: &Fit<O>,
        observer: &mut Obs,
    ) -> Result<EpochReport>
    where
        Obs: for<'a> Observer<Training<'a, N, L, O, B>>,
    {
        Self::prepared(
            x,
            t,
            fit,
            #[inline(always)]
            |backend, batch| {
                Self::validate_weights(net)?;
                let mut training =
                    Training { trainer: self, net, optimizer: fit.optimizer, backend };
                standard(
                    #[inline(always)]
                    || {
                        observer.on_fit_begin(&mut training)?;
                        let outcome = training.epochs(x, t, fit, batch, observer);
                        observer.on_fit_end(&mut training);
                        outcome
                    },
                )
            },
        )
    }
}

/// A running `fit`: what its observers see.
pub struct Training<'a, N, L, O, const B: usize>
where
    N: Model<Layers: Trainable>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
{
    pub(super) trainer: &'a mut Trainer<N, L, O, B>,
    pub(super) net: &'a mut N,
    pub(super) optimizer: O,
    pub(super) backend: Backend,
}

impl<N, L, O, const B: usize> Training<'_, N, L, O, B>
where
    N: Model<Layers: Trainable>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
{
    /// Runs all epochs. The data and the batch are already checked.
    #[inline(always)]
    pub(super) fn epochs<Obs: Observer<Self>>(
        &mut self,
        x: &[InputOf<N>],
        t: &[TargetOf<N, L>],
        fit: &Fit<O>,
        batch: usize,
        observer: &mut Obs,
    ) -> Result<EpochReport> {
        let mut report = EpochReport::before(self.optimizer.lr());
        let mut epoch = 0;
        while epoch < fit.epochs {
            epoch += 1;
            let order = fit.shuffle.map(|seed| {
                self.trainer.epochs = self.trainer.epochs.wrapping_add(1);
                Permutation::new(x.len(), seed, self.trainer.epochs as usize)
            });
            let part = (batch, fit.drop_last);
            let (loss, accuracy) =
                match self.epoch(x, t, epoch, part, order.as_ref(), Obs::ACCURACY) {
                    Err(error) if observer.on_rejected_step(&error) => break,
                    done => done?,
                };
            let lr = self.optimizer.last_lr(&self.trainer.work.state);
            report = EpochReport { number: epoch, loss, accuracy, validation: None, lr };
            if observer.on_epoch_end(&mut report, self)?.is_break() {
                break;
            }
        }
        Ok(report)
    }

    /// Runs one epoch: every sample once, `batch` samples a step. `drop_last` leaves out a shorter
    /// last mini-batch. Returns the mean loss, and the accuracy if `counts` is set.
    #[inline(always)]
    fn epoch(
        &mut self,
        x: &[InputOf<N>],
        t: &[TargetOf<N, L>],
        epoch: usize,
        (batch, drop_last): (usize, bool),
        order: Option<&Permutation>,
        counts: bool,
    ) -> Result<(f32, f32)> {
        let mut at = Position::START;
        while at.start < x.len() {
            if drop_last && x.len() - at.start < batch {
                break;
            }
            self.next_step(x, t, epoch, batch, order, counts, &mut at)?;
        }
        Ok(at.means(counts))
    }

    /// One step of an epoch on the next mini-batch.
    #[inline(always)]
    #[allow(clippy::too_many_arguments, reason = "what an epoch is given, and where it stands")]
    pub(super) fn next_step(
        &mut self,
        x: &[InputOf<N>],
        t: &[TargetOf<N, L>],
        epoch: usize,
        batch: usize,
        order: Option<&Permutation>,
        counts: bool,
        at: &mut Position,
    ) -> Result<()> {
        let Trainer { work, x: x_buffer, t: t_buffer, .. } = &mut *self.trainer;
        at.step += 1;
        let m = batch.min(x.len() - at.start);
        let (xs, ts) = match order {
            Some(order) => {
                gather(x_buffer, x, order, at.start, m);
                gather(t_buffer, t, order, at.start, m);
                (x_buffer.as_slice(), t_buffer.as_slice())
            }
            None => (rows(x, at.start, m), rows(t, at.start, m)),
        };
        self.optimizer.check_next(&work.state)?;
        let done = work.run::<L>(self.backend, self.net, &self.optimizer, xs, ts);
        let loss = done.map_err(|what| Error::NotFinite { what, epoch, step: at.step })?;
        at.total.add(loss * m as f32);
        if counts {
            at.correct += hits::<N, L>(LayersOf::<N>::output::<B>(&work.tape), ts);
        }
        at.start += m;
        Ok(())
    }
}

/// Where an epoch stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Position {
    /// Samples used so far
    pub start: usize,
    /// Steps so far
    pub step: usize,
    /// The sum of their losses
    pub total: Sum,
    /// The samples whose class was predicted
    pub correct: usize,
}

persist!([] Position = "position": { start: usize, step: usize, total: Sum, correct: usize });

impl Position {
    pub(super) const START: Self = Self { start: 0, step: 0, total: Sum::ZERO, correct: 0 };

    /// Whether an epoch of full mini-batches over these samples can stand here.
    pub(super) fn is_possible(&self, batch: usize, samples: usize) -> bool {
        let steps = self.step.checked_mul(batch);
        self.start < samples && self.correct <= self.start && steps == Some(self.start)
    }

    /// The mean loss, and the accuracy if it was counted.
    #[inline(always)]
    pub(super) fn means(&self, counts: bool) -> (f32, f32) {
        let accuracy = if counts { self.correct as f32 / self.start as f32 } else { f32::NAN };
        (self.total.mean(self.start), accuracy)
    }
}

impl<N, L, O, const B: usize> Session for Training<'_, N, L, O, B>
where
    N: Model<Layers: Trainable>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
{
    type Net = N;
    type Input = InputOf<N>;
    type Target = TargetOf<N, L>;

    fn net(&self) -> &N {
        self.net
    }

    fn net_mut(&mut self) -> &mut N {
        self.net
    }

    fn lr(&self) -> f32 {
        self.optimizer.lr()
    }

    fn set_lr(&mut self, lr: f32) -> Result<()> {
        let mut changed = self.optimizer;
        changed.set_lr(lr);
        changed.check()?;
        self.optimizer = changed;
        Ok(())
    }

    fn finite(&self) -> bool {
        let (params, buffers) = (self.net.params().as_flat(), self.net.buffers().as_flat());
        dispatch_inside!(self.backend, s => all_finite_on(s, params) && all_finite_on(s, buffers))
    }

    fn validate(&self, data: DataOf<'_, N, L>) -> Result<()> {
        Trainer::<N, L, O, B>::validate_values(self.backend, data.x, data.t)
    }

    fn evaluate(&mut self, data: DataOf<'_, N, L>) -> Result<Evaluation> {
        self.trainer.evaluate_by(self.backend, self.net, data.x, data.t)
    }
}

/// `m` rows from `start`; empty if there are fewer. Cannot panic.
#[inline(always)]
fn rows<R>(all: &[R], start: usize, m: usize) -> &[R] {
    all.get(start..).and_then(|rest| rest.get(..m)).unwrap_or(&[])
}

/// Fills `batch` with the rows at places `start` … `start + m − 1` of the order.
#[inline(always)]
fn gather<R: Copy, const B: usize>(
    batch: &mut Vec<R, B, u32>,
    all: &[R],
    order: &Permutation,
    start: usize,
    m: usize,
) {
    batch.clear();
    for i in start..start + m {
        if let Some(row) = all.get(order.index(i)) {
            // m ≤ B, so there is room.
            let _ = batch.push(*row);
        }
    }
}
