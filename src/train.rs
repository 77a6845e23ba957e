//! Training: one step, and `fit`.

use crate::{
    data::{Permutation, bad_input, finite_inputs, same_lengths},
    error::{Error, Quantity, Result},
    layer::{Layer, NeverSet, Pass, Train, first, first_mut, in_place},
    loss::Loss,
    metrics::{Confusion, Evaluation, predicted},
    network::Network,
    observer::{Epoch, Observer, Session},
    optimizer::{Optimizer, Zero},
    rng::Seed,
    sum::Sum,
};
use heapless::Vec;
#[cfg(feature = "alloc")]
use rosenblatt_kernels::zero;
use rosenblatt_kernels::{
    Compact, Flat, Level, Plain, Simd, dispatch_inside, environment::standard, optimizer::all_finite_on, simd::part,
    zero::ZeroBits, zero_bits,
};

type LayersOf<N> = <N as Network>::Layers;
type InputOf<N> = <LayersOf<N> as Layer>::Input;
type OutputOf<N> = <LayersOf<N> as Layer>::Output;
type ParamsOf<N> = <LayersOf<N> as Layer>::Params;
/// What a loss over the network `N` asks of the data.
type TargetOf<N, L> = <L as Loss<<LayersOf<N> as Layer>::Head, OutputOf<N>>>::Target;

/// How many samples the weights are updated after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Batch {
    /// All: one step an epoch (batch gradient descent). They must fit the trainer.
    Full,
    /// This many; the last mini-batch of an epoch may be shorter.
    Mini(usize),
    /// One (stochastic gradient descent).
    Stochastic,
}

/// How `fit` goes over the data.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Fit<O> {
    /// The update rule and its hyper-parameters
    pub optimizer: O,
    /// How often all samples are seen
    pub epochs: usize,
    /// Samples a step; `None` for as many as the trainer holds
    pub batch: Option<Batch>,
    /// A new order each epoch, drawn from this seed and the number of shuffled epochs that the trainer has begun: ten fits of one epoch see the orders of one fit of ten, and
    /// [`Trainer::reset`] begins anew. `None` for the order of the data
    pub shuffle: Option<Seed>,
    /// Whether the last mini-batch of an epoch is left out where it is shorter than the others; with `shuffle` these are other samples in each epoch. Loss and accuracy are
    /// those of the samples that were seen
    pub drop_last: bool,
    /// The backend; the result has the same bits on each
    pub level: Level,
}

impl<O: Optimizer> Fit<O> {
    /// One epoch over the data in their order, mini-batches as large as the trainer holds, on the fastest backend.
    pub fn new(optimizer: O) -> Self {
        Self { optimizer, epochs: 1, batch: None, shuffle: None, drop_last: false, level: Level::detect() }
    }
}

/// What a step writes: the gradient, the optimizer's memory, the activations and the gradient by the outputs.
struct Work<N: Network<Layers: Train>, O: Optimizer, const B: usize> {
    gradient: ParamsOf<N>,
    state: O::State<ParamsOf<N>>,
    tape: <LayersOf<N> as Train>::Tape<B>,
    dy: [OutputOf<N>; B],
}

impl<N: Network<Layers: Train>, O: Optimizer, const B: usize> Work<N, O, B> {
    /// One training step on at most `B` samples: forward, loss, backward, update.
    ///
    /// No weight and no optimizer state changes unless loss and gradient are finite.
    #[inline(always)]
    fn step<S, L>(
        &mut self,
        s: S,
        net: &mut N,
        optimizer: &O,
        x: &[InputOf<N>],
        t: &[TargetOf<N, L>],
    ) -> core::result::Result<f32, Quantity>
    where
        S: Simd,
        L: Loss<<LayersOf<N> as Layer>::Head, OutputOf<N>>,
    {
        let m = x.len();
        part(
            s,
            #[inline(always)]
            || LayersOf::<N>::forward::<S, B>(s, Pass::TRAINING, net.params(), net.running(), x, &mut self.tape),
        );

        let y = first(LayersOf::<N>::output::<B>(&self.tape), m);
        let dy = first_mut(&mut self.dy, m);
        let mut loss = part(
            s,
            #[inline(always)]
            || L::loss(s, y, t, dy),
        );
        if const { LayersOf::<N>::PENALIZED } {
            loss += LayersOf::<N>::penalty(s, net.params());
        }
        if !loss.is_finite() {
            return Err(Quantity::Loss);
        }

        let (tape, gradient) = (&mut self.tape, &mut self.gradient);
        part(
            s,
            #[inline(always)]
            || LayersOf::<N>::backward::<S, B>(s, net.params(), x, tape, dy, L::JOINED, gradient, None),
        );
        if !all_finite_on(s, self.gradient.as_flat()) {
            return Err(Quantity::Gradient);
        }

        part(
            s,
            #[inline(always)]
            || {
                optimizer.prepare(s, self.gradient.as_flat_mut());
                optimizer.update(s, &mut self.state, net.params_mut(), &self.gradient);
            },
        );
        LayersOf::<N>::settle::<B>(&self.tape, net.running_mut());
        Ok(loss)
    }

    /// One step on a backend: the one switch of a training step, and the one copy of its code that `step` and every `fit` share. The floating-point environment
    /// is the caller's business.
    // In firmware for little flash the compiler chooses: where there is one caller, hyper-parameters that are constants stay so.
    #[cfg_attr(not(compact), inline(never))]
    fn run<L>(
        &mut self,
        level: Level,
        net: &mut N,
        optimizer: &O,
        x: &[InputOf<N>],
        t: &[TargetOf<N, L>],
    ) -> core::result::Result<f32, Quantity>
    where
        L: Loss<<LayersOf<N> as Layer>::Head, OutputOf<N>>,
    {
        dispatch_inside!(level, width: LayersOf::<N>::WIDTH, s => self.batch::<_, L>(s, net, optimizer, x, t))
    }

    /// [`Work::step`]: for a small network's full mini-batches in place, because the number of samples is known; else by called kernels.
    #[inline(always)]
    fn batch<S, L>(
        &mut self,
        s: S,
        net: &mut N,
        optimizer: &O,
        x: &[InputOf<N>],
        t: &[TargetOf<N, L>],
    ) -> core::result::Result<f32, Quantity>
    where
        S: Simd,
        L: Loss<<LayersOf<N> as Layer>::Head, OutputOf<N>>,
    {
        if const { S::INLINE == 0 } {
            return self.step::<S, L>(s, net, optimizer, x, t);
        }
        if const { in_place::<S, LayersOf<N>>() }
            && let (Ok(x), Ok(t)) = (<&[_; B]>::try_from(x), <&[_; B]>::try_from(t))
        {
            return self.step::<S, L>(s, net, optimizer, x, t);
        }
        self.step::<Compact<S>, L>(Compact(s), net, optimizer, x, t)
    }
}

/// Everything that training needs beside the network, in fixed memory: gradient, optimizer state, the activations and
/// gradients of up to `B` samples, and the mini-batch that a shuffle gathers.
///
/// `N` is the network's type, `O` the optimizer, `L` the loss. It starts as zero bits: a `static` of it lies in `.bss`. That is where a large one
/// belongs; a local variable is fine for a small one.
///
/// ```
/// use rosenblatt::prelude::*;
///
/// type Xor = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;
/// type XorTrainer = Trainer<Xor, Adam, BinaryCrossEntropy, 4>;
/// const _: () = assert!(Xor::BYTES + XorTrainer::BYTES < 2048);
///
/// let mut net = Xor::new();
/// net.init(Seed(1957));
/// let mut trainer = XorTrainer::new();
/// let fit = Fit { epochs: 500, ..Fit::new(Adam::with_lr(0.01)) };
/// trainer.fit(&mut net, &gates::XOR.x, &gates::XOR.t, &fit, &mut ())?;
/// assert_eq!(trainer.evaluate(&net, &gates::XOR.x, &gates::XOR.t)?.accuracy(), 1.0);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
///
/// A step unit has no gradient; it does not compile:
///
/// ```compile_fail,E0277
/// use rosenblatt::prelude::*;
/// type Steps = Mlp<(Dense<2, 8, Step>, Dense<8, 1, Sigmoid>)>;
/// let trainer = Trainer::<Steps, Sgd, BinaryCrossEntropy, 4>::new();
/// ```
///
/// Nor does a loss that the last activation does not fit:
///
/// ```compile_fail,E0277
/// use rosenblatt::prelude::*;
/// type Three = Mlp<(Dense<2, 3, Tanh>,)>;
/// let trainer = Trainer::<Three, Sgd, CategoricalCrossEntropy, 4>::new();
/// ```
#[cfg_attr(not(target_os = "none"), repr(align(64)))]
pub struct Trainer<N, O, L, const B: usize>
where
    N: Network<Layers: Train>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::Head, OutputOf<N>>,
{
    work: Work<N, O, B>,
    x: Vec<InputOf<N>, B, u32>,
    t: Vec<TargetOf<N, L>, B, u32>,
    /// Shuffled epochs begun, modulo 2³².
    epochs: u32,
}

impl<N, O, L, const B: usize> Trainer<N, O, L, B>
where
    N: Network<Layers: Train>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::Head, OutputOf<N>>,
{
    /// The bytes of the trainer: all the memory that training takes beside the network and a bounded stack.
    pub const BYTES: usize = size_of::<Self>();

    /// A trainer that has seen nothing; usable in a `static`, where it costs no flash.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(B > 0, "a trainer needs room for at least one sample") };
        Self {
            work: Work {
                gradient: ParamsOf::<N>::ZERO,
                state: O::State::<ParamsOf<N>>::ZERO,
                tape: <LayersOf<N> as Train>::Tape::<B>::ZERO,
                dy: [OutputOf::<N>::ZERO; B],
            },
            x: Vec::new(),
            t: Vec::new(),
            epochs: 0,
        }
    }

    /// A trainer on the heap, made in place: however large, it never passes the stack. Feature `alloc`.
    ///
    /// ```
    /// use rosenblatt::prelude::*;
    /// type Net = Mlp<(Dense<784, 1024, Relu>, Dense<1024, 10, Softmax>)>;
    /// let mut net = Net::boxed(Seed(1957));
    /// let mut trainer = Trainer::<Net, Adam, SparseCategoricalCrossEntropy, 32>::boxed(); // 10 MB
    /// trainer.step(&mut net, &Adam::DEFAULT, &[[0.5; 784]], &[7])?;
    /// # Ok::<(), rosenblatt::Error>(())
    /// ```
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn boxed() -> alloc::boxed::Box<Self>
    where
        O::State<ParamsOf<N>>: ZeroBits,
    {
        const { assert!(B > 0, "a trainer needs room for at least one sample") };
        zero::boxed()
    }

    /// Forgets the optimizer's state and how many steps and epochs there were, in place: the next step is its first, for a [`Dropout`](crate::layer::Dropout) and for
    /// the orders of [`Fit::shuffle`], too.
    pub fn reset(&mut self) {
        self.work.state.set_zero();
        self.work.tape.as_flat_mut().fill(0.0);
        self.epochs = 0;
    }

    /// The gradient of the last step: one value a parameter, of the network's own type. After a step that was refused because it is not finite, that gradient.
    pub const fn gradient(&self) -> &ParamsOf<N> {
        &self.work.gradient
    }

    /// One step on one mini-batch: forward, loss, backward, update. Returns the loss before the update.
    ///
    /// # Errors
    /// For no samples, more than `B`, one sample under batch normalization, other lengths, wrong targets, hyper-parameters out of range, a hidden layer whose weights were never
    /// set ([`Error::NeverSet`]), or a loss or gradient that is not finite. No weight is changed then. (A finite gradient times a huge learning rate may still overflow a weight: the next step's loss is not finite then.)
    #[inline]
    pub fn step(&mut self, net: &mut N, optimizer: &O, x: &[InputOf<N>], t: &[TargetOf<N, L>]) -> Result<f32> {
        self.step_on(Level::detect(), net, optimizer, x, t)
    }

    /// [`Trainer::step`] on a chosen backend: the same bits.
    /// # Errors
    /// As [`Trainer::step`].
    #[inline]
    pub fn step_on(
        &mut self,
        level: Level,
        net: &mut N,
        optimizer: &O,
        x: &[InputOf<N>],
        t: &[TargetOf<N, L>],
    ) -> Result<f32> {
        Self::check(x, t)?;
        optimizer.check()?;
        if x.len() > B {
            return Err(Error::BatchTooLarge { batch: x.len(), capacity: B });
        }
        Self::enough(x.len())?;
        Self::set(net)?;
        optimizer.check_next(&self.work.state)?;
        let done = standard(|| self.work.run::<L>(level, net, optimizer, x, t));
        done.map_err(|what| Self::culprit(x, t).unwrap_or(Error::NotFinite { what, epoch: 0, step: 0 }))
    }

    /// Trains for `fit.epochs` epochs, telling `observer` after each. Returns the last one's report. Observers run in the floating-point environment of the numeric contract, whatever
    /// the caller's is.
    ///
    /// Observers ([`observer`](crate::observer)) validate, stop early, restore the best weights, change the learning rate, keep a history or a log; `()` is none.
    ///
    /// An epoch sees every sample once, in the order of the data or in a new one (`fit.shuffle`). With no epochs nothing happens, and the report is epoch 0 with
    /// NaN.
    /// # Errors
    /// For no samples, other lengths, wrong targets, hyper-parameters out of range, a batch over `B` or too small for a batch normalization, or a hidden layer whose weights were
    /// never set: found before the first step, nothing is changed. A loss or gradient that is not finite ends the training at that step, which changes no weight. What an observer finds after an epoch ends it there
    /// ([`Error::NotMonitored`] after the first, [`Error::NotWritten`], a learning rate out of range); the weights are that epoch's.
    pub fn fit<Obs>(
        &mut self,
        net: &mut N,
        x: &[InputOf<N>],
        t: &[TargetOf<N, L>],
        fit: &Fit<O>,
        observer: &mut Obs,
    ) -> Result<Epoch>
    where
        Obs: for<'a> Observer<Running<'a, N, O, L, B>>,
    {
        Self::good(fit.level, x, t)?;
        fit.optimizer.check()?;
        let batch = match fit.batch {
            None => B.min(x.len()),
            Some(Batch::Full) => x.len(),
            Some(Batch::Mini(batch)) => batch,
            Some(Batch::Stochastic) => 1,
        };
        if batch == 0 {
            return Err(Error::BatchOfZero);
        }
        if batch > B {
            return Err(Error::BatchTooLarge { batch, capacity: B });
        }
        if fit.drop_last && batch > x.len() {
            return Err(Error::NoFullBatch { samples: x.len(), batch });
        }
        Self::enough(batch.min(x.len()))?;
        if const { LayersOf::<N>::LEAST_SAMPLES > 1 } && !fit.drop_last {
            match x.len().checked_rem(batch) {
                None | Some(0) => {}
                Some(last) => Self::enough(last)?,
            }
        }
        Self::set(net)?;
        let mut running = Running { trainer: self, net, optimizer: fit.optimizer, level: fit.level };
        standard(
            #[inline(always)]
            || {
                observer.begin(&mut running)?;
                let outcome = running.epochs(x, t, fit, batch, observer);
                observer.end(&mut running);
                outcome
            },
        )
    }

    /// Loss and accuracy over any number of samples, without changing a weight.
    ///
    /// The loss is the mean of the means of batches of `B` samples, added with compensation: relative error within 1e-6 of the mean of the samples' losses for up to 10⁸ samples. Its last
    /// bit can depend on `B`. It never depends on the backend. A sample whose outputs are NaN is never predicted rightly.
    /// # Errors
    /// For no samples, other lengths or wrong targets.
    pub fn evaluate(&mut self, net: &N, x: &[InputOf<N>], t: &[TargetOf<N, L>]) -> Result<Evaluation> {
        self.evaluate_on(Level::detect(), net, x, t)
    }

    /// [`Trainer::evaluate`] on a chosen backend: the same bits.
    /// # Errors
    /// As [`Trainer::evaluate`].
    pub fn evaluate_on(&mut self, level: Level, net: &N, x: &[InputOf<N>], t: &[TargetOf<N, L>]) -> Result<Evaluation> {
        let (mut total, mut correct) = (Sum::ZERO, 0);
        standard(|| {
            self.visit(level, net, x, t, |loss, y, t| {
                total.add(loss * t.len() as f32);
                correct += hits::<N, L>(y, t);
                Ok(())
            })?;
            Ok(Evaluation { loss: total.mean(x.len()), correct, samples: x.len() })
        })
    }

    /// Which class was taken for which, over any number of samples; outputs that are NaN stand for none.
    /// # Errors
    /// For no samples, other lengths, wrong targets, or a class of `C` or more.
    pub fn confusion<const C: usize>(
        &mut self,
        net: &N,
        x: &[InputOf<N>],
        t: &[TargetOf<N, L>],
    ) -> Result<Confusion<C>> {
        let mut confusion = Confusion::new();
        standard(|| {
            self.visit(Level::detect(), net, x, t, |_, y, t| {
                y.iter().zip(t).try_for_each(|(y, t)| confusion.record(L::class(t), predicted(y.as_flat())))
            })
        })?;
        Ok(confusion)
    }

    /// y for one sample; the network's own [`predict`](crate::Mlp::predict) without its hidden rows on the stack.
    pub fn predict(&mut self, net: &N, x: &InputOf<N>) -> OutputOf<N> {
        standard(|| self.forward(Level::detect(), net, core::slice::from_ref(x)));
        LayersOf::<N>::output::<B>(&self.work.tape)[0]
    }

    /// y for up to `B` samples, in the trainer's own memory.
    /// # Errors
    /// [`Error::BatchTooLarge`] for more than `B` samples.
    pub fn predict_batch(&mut self, net: &N, x: &[InputOf<N>]) -> Result<&[OutputOf<N>]> {
        if x.len() > B {
            return Err(Error::BatchTooLarge { batch: x.len(), capacity: B });
        }
        standard(|| self.forward(Level::detect(), net, x));
        Ok(first(LayersOf::<N>::output::<B>(&self.work.tape), x.len()))
    }

    /// Runs at most `B` samples forward, onto the tape, in the floating-point environment of the caller.
    fn forward(&mut self, level: Level, net: &N, x: &[InputOf<N>]) {
        dispatch_inside!(level, width: LayersOf::<N>::WIDTH, s => {
            LayersOf::<N>::forward::<_, B>(Compact(s), Pass::INFERENCE, net.params(), net.running(), x, &mut self.work.tape)
        });
    }

    /// Runs all samples forward, `B` at a time, in the floating-point environment of the caller, and calls `see(mean loss, outputs, targets)` for each batch.
    fn visit(
        &mut self,
        level: Level,
        net: &N,
        x: &[InputOf<N>],
        t: &[TargetOf<N, L>],
        mut see: impl FnMut(f32, &[OutputOf<N>], &[TargetOf<N, L>]) -> Result<()>,
    ) -> Result<()> {
        Self::check(x, t)?;
        let penalty = if const { LayersOf::<N>::PENALIZED } {
            dispatch_inside!(level, s => LayersOf::<N>::penalty(s, net.params()))
        } else {
            0.0
        };
        let all = (x, t);
        for (x, t) in x.chunks(B).zip(t.chunks(B)) {
            self.forward(level, net, x);
            let y = first(LayersOf::<N>::output::<B>(&self.work.tape), x.len());
            let dy = first_mut(&mut self.work.dy, x.len());
            let mut loss = dispatch_inside!(level, s => L::loss(s, y, t, dy));
            if const { LayersOf::<N>::PENALIZED } {
                loss += penalty;
            }
            if !loss.is_finite()
                && let Some(error) = Self::culprit(all.0, all.1)
            {
                return Err(error);
            }
            see(loss, y, t)?;
        }
        Ok(())
    }

    /// The value of the data that keeps a loss from being finite; `None` if all are finite, and so the network is to blame.
    #[cold]
    fn culprit(x: &[InputOf<N>], t: &[TargetOf<N, L>]) -> Option<Error> {
        finite_inputs(x).and_then(|()| L::culprit(t)).err()
    }

    /// What must be true of all data.
    #[inline(always)]
    fn check(x: &[InputOf<N>], t: &[TargetOf<N, L>]) -> Result<()> {
        Self::lengths(x, t)?;
        match <&[_; B]>::try_from(t) {
            // A full mini-batch: as many as the compiler knows.
            Ok(t) if !cfg!(target_os = "none") => L::check(t),
            _ => L::check(t),
        }
    }

    /// What must be true of data before a whole training: every number is looked at.
    #[inline(always)]
    fn good(level: Level, x: &[InputOf<N>], t: &[TargetOf<N, L>]) -> Result<()> {
        Self::lengths(x, t)?;
        L::culprit(t)?;
        let finite = dispatch_inside!(level, s => all_finite_on(s, x.flat()));
        if finite { Ok(()) } else { Err(bad_input(x)) }
    }

    /// Whether a step can learn from so many samples.
    #[inline(always)]
    fn enough(batch: usize) -> Result<()> {
        let least = const { LayersOf::<N>::LEAST_SAMPLES };
        if batch < least { Err(Error::BatchTooSmall { batch, least }) } else { Ok(()) }
    }

    /// Whether each hidden layer has weights.
    #[inline(always)]
    fn set(net: &N) -> Result<()> {
        match LayersOf::<N>::never_set(net.params(), 0, false) {
            Some(NeverSet { layer, kind }) => Err(Error::NeverSet { layer: layer as usize, kind }),
            None => Ok(()),
        }
    }

    #[inline(always)]
    fn lengths(x: &[InputOf<N>], t: &[TargetOf<N, L>]) -> Result<()> {
        same_lengths(x, t)?;
        if x.is_empty() {
            return Err(Error::Empty);
        }
        Ok(())
    }
}

zero_bits!([N: Network<Layers: Train>, O: Optimizer, const B: usize] Work<N, O, B>: { gradient, state, tape, dy }
    where O::State<ParamsOf<N>>: ZeroBits);
zero_bits!([N: Network<Layers: Train>, O: Optimizer, L, const B: usize] Trainer<N, O, L, B>: { work, x, t, epochs }
    where L: Loss<<LayersOf<N> as Layer>::Head, OutputOf<N>>, O::State<ParamsOf<N>>: ZeroBits);

/// A `fit` that is under way: what its observers see of it.
pub struct Running<'a, N, O, L, const B: usize>
where
    N: Network<Layers: Train>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::Head, OutputOf<N>>,
{
    trainer: &'a mut Trainer<N, O, L, B>,
    net: &'a mut N,
    optimizer: O,
    level: Level,
}

impl<N, O, L, const B: usize> Running<'_, N, O, L, B>
where
    N: Network<Layers: Train>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::Head, OutputOf<N>>,
{
    /// All epochs; the data and the batch are good.
    #[inline(always)]
    fn epochs<Obs: Observer<Self>>(
        &mut self,
        x: &[InputOf<N>],
        t: &[TargetOf<N, L>],
        fit: &Fit<O>,
        batch: usize,
        observer: &mut Obs,
    ) -> Result<Epoch> {
        let mut report =
            Epoch { epoch: 0, loss: f32::NAN, accuracy: f32::NAN, validation: None, lr: self.optimizer.lr() };
        let mut epoch = 0;
        while epoch < fit.epochs {
            epoch += 1;
            let order = fit.shuffle.map(|seed| {
                self.trainer.epochs = self.trainer.epochs.wrapping_add(1);
                Permutation::new(x.len(), seed, self.trainer.epochs as usize)
            });
            let part = (batch, fit.drop_last);
            let (loss, accuracy) = match self.epoch(x, t, epoch, part, order.as_ref(), Obs::ACCURACY) {
                Err(error) if observer.refused(&error) => break,
                done => done?,
            };
            let lr = self.optimizer.last_lr(&self.trainer.work.state);
            report = Epoch { epoch, loss, accuracy, validation: None, lr };
            if observer.epoch(&mut report, self)?.is_break() {
                break;
            }
        }
        Ok(report)
    }

    /// One epoch: every sample once, `batch` a step; a shorter last mini-batch may be dropped. Mean loss, and accuracy if it is asked for.
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
        let Trainer { work, x: x_buffer, t: t_buffer, .. } = &mut *self.trainer;
        let (mut total, mut correct) = (Sum::ZERO, 0);
        // Samples seen.
        let mut start = 0;
        let mut step = 0;
        while start < x.len() {
            step += 1;
            let m = batch.min(x.len() - start);
            if drop_last && m < batch {
                break;
            }
            let (xs, ts) = match order {
                Some(order) => {
                    gather(x_buffer, x, order, start, m);
                    gather(t_buffer, t, order, start, m);
                    (x_buffer.as_slice(), t_buffer.as_slice())
                }
                None => (rows(x, start, m), rows(t, start, m)),
            };
            self.optimizer.check_next(&work.state)?;
            let done = work.run::<L>(self.level, self.net, &self.optimizer, xs, ts);
            let loss = done.map_err(|what| Error::NotFinite { what, epoch, step })?;
            total.add(loss * m as f32);
            if counts {
                correct += hits::<N, L>(LayersOf::<N>::output::<B>(&work.tape), ts);
            }
            start += m;
        }
        let accuracy = if counts { correct as f32 / start as f32 } else { f32::NAN };
        Ok((total.mean(start), accuracy))
    }
}

impl<N, O, L, const B: usize> Session for Running<'_, N, O, L, B>
where
    N: Network<Layers: Train>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::Head, OutputOf<N>>,
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
        let (params, running) = (self.net.params().as_flat(), self.net.running().as_flat());
        dispatch_inside!(self.level, s => all_finite_on(s, params) && all_finite_on(s, running))
    }

    fn check(&self, x: &[InputOf<N>], t: &[TargetOf<N, L>]) -> Result<()> {
        Trainer::<N, O, L, B>::good(self.level, x, t)
    }

    fn evaluate(&mut self, x: &[InputOf<N>], t: &[TargetOf<N, L>]) -> Result<Evaluation> {
        self.trainer.evaluate_on(self.level, self.net, x, t)
    }
}

impl<N, O, L, const B: usize> Default for Trainer<N, O, L, B>
where
    N: Network<Layers: Train>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::Head, OutputOf<N>>,
{
    fn default() -> Self {
        Self::new()
    }
}

/// Samples whose class is predicted.
#[inline(always)]
fn hits<N, L>(y: &[OutputOf<N>], t: &[TargetOf<N, L>]) -> usize
where
    N: Network,
    L: Loss<<LayersOf<N> as Layer>::Head, OutputOf<N>>,
{
    y.iter().zip(t).filter(|(y, t)| predicted(y.as_flat()) == Some(L::class(t))).count()
}

/// `m` rows from `start`; none where there are not so many. Cannot panic.
#[inline(always)]
fn rows<R>(all: &[R], start: usize, m: usize) -> &[R] {
    all.get(start..).and_then(|rest| rest.get(..m)).unwrap_or(&[])
}

/// Fills `batch` with places `start` … `start + m − 1` of the order.
#[inline(always)]
fn gather<R: Copy, const B: usize>(batch: &mut Vec<R, B, u32>, all: &[R], order: &Permutation, start: usize, m: usize) {
    batch.clear();
    for i in start..start + m {
        if let Some(row) = all.get(order.index(i)) {
            // m ≤ B: there is room.
            let _ = batch.push(*row);
        }
    }
}
