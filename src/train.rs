//! Training: the [`Trainer`], which holds all the memory that training needs. `step.rs` has one
//! step, `fit.rs` epochs of steps, `evaluate.rs` forward passes alone, and `check.rs` the checks
//! before anything changes.

mod check;
mod checkpoint;
mod evaluate;
mod fit;
mod receipt;
mod run;
mod step;

pub use fit::{Batch, Fit, Training};
pub use receipt::Recorded;
pub use run::Run;

use crate::{
    dataset::Dataset,
    error::{Error, Result},
    layer::{Layer, Trainable},
    loss::Loss,
    metrics::Evaluation,
    optimizer::{Optimizer, ZeroState},
    sequential::{InputOf, LayersOf, Model, OutputOf, ParamsOf},
};
use heapless::Vec;
#[cfg(feature = "alloc")]
use rosenblatt_kernels::zero;
use rosenblatt_kernels::{Backend, F32Array, environment::standard, zero::ZeroBits, zero_bits};
use step::StepMemory;

/// What the loss of the network `N` needs to know about one sample.
pub type TargetOf<N, L> =
    <L as Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>>::Target;
/// The samples and targets that the network `N` takes with the loss `L`.
pub type DataOf<'a, N, L> = Dataset<'a, InputOf<N>, TargetOf<N, L>>;

/// All the memory that training needs besides the network: gradient, optimizer state, the
/// activations and gradients of up to `B` samples, and the mini-batch that a shuffle gathers.
///
/// `N` is the network's type, `O` the optimizer, `L` the loss. A trainer starts as zero bits, so a
/// `static` trainer lies in `.bss`. Put a large trainer in a `static`; a local variable is fine for
/// a small one.
///
/// ```
/// use rosenblatt::prelude::*;
///
/// type Xor = Mlp<(Dense<2, 8, Tanh>, Dense<8, 1, Sigmoid>)>;
/// type XorTrainer = Trainer<Xor, BinaryCrossEntropy, Adam, 4>;
/// const _: () = assert!(Xor::BYTES + XorTrainer::BYTES < 2048);
///
/// let mut net = Xor::init(Seed(1957));
/// let mut trainer = XorTrainer::ZERO;
/// let fit = Fit { epochs: 500, ..Fit::new(Adam::with_lr(0.01)) };
/// trainer.fit(&mut net, &gates::XOR, &fit)?;
/// assert_eq!(trainer.evaluate(&net, &gates::XOR)?.accuracy(), 1.0);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
///
/// A step activation has no gradient, so it does not compile:
///
/// ```compile_fail,E0277
/// use rosenblatt::prelude::*;
/// use rosenblatt::activation::Step;
/// type Steps = Mlp<(Dense<2, 8, Step>, Dense<8, 1, Sigmoid>)>;
/// let trainer = Trainer::<Steps, BinaryCrossEntropy, Sgd, 4>::ZERO;
/// ```
///
/// A loss that does not fit the last activation does not compile either:
///
/// ```compile_fail,E0277
/// use rosenblatt::prelude::*;
/// type Three = Mlp<(Dense<2, 3, Tanh>,)>;
/// let trainer = Trainer::<Three, CategoricalCrossEntropy, Sgd, 4>::ZERO;
/// ```
#[cfg_attr(not(target_os = "none"), repr(align(64)))]
pub struct Trainer<N, L, O, const B: usize>
where
    N: Model<Layers: Trainable>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
{
    work: StepMemory<N, O, B>,
    x: Vec<InputOf<N>, B, u32>,
    t: Vec<TargetOf<N, L>, B, u32>,
    /// Number of shuffled epochs begun, modulo 2³².
    epochs: u32,
}

impl<N, L, O, const B: usize> Trainer<N, L, O, B>
where
    N: Model<Layers: Trainable>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
{
    /// The size of the trainer in bytes. Training takes no other memory than the network, the
    /// trainer and a bounded stack.
    pub const BYTES: usize = size_of::<Self>();

    /// A trainer in its initial state: all zero bits. It can stand in a `static`, where it costs no
    /// flash. That is why the hyper-parameters are not part of it: they are an argument of
    /// [`Trainer::step`] and [`Trainer::fit`].
    pub const ZERO: Self = {
        assert!(B > 0, "a trainer needs room for at least one sample");
        Self {
            work: StepMemory {
                gradient: ParamsOf::<N>::ZERO,
                state: O::State::<ParamsOf<N>>::ZERO,
                tape: <LayersOf<N> as Trainable>::Tape::<B>::ZERO,
                dy: [OutputOf::<N>::ZERO; B],
            },
            x: Vec::new(),
            t: Vec::new(),
            epochs: 0,
        }
    };

    /// A trainer on the heap. It is made in place and never crosses the stack, so it can be large.
    /// Feature `alloc`.
    ///
    /// ```
    /// use rosenblatt::prelude::*;
    /// type Net = Mlp<(Dense<784, 1024, Relu>, Dense<1024, 10, Softmax>)>;
    /// let mut net = Net::boxed(Seed(1957));
    /// let mut trainer = Trainer::<Net, SparseCategoricalCrossEntropy, Adam, 32>::boxed(); // 10 MB
    /// trainer.step(&mut net, (&[[0.5; 784]], &[7]), &Adam::DEFAULT)?;
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

    /// Resets the optimizer's state and the counts of steps and epochs, in place. The next step is
    /// then the first one, also for [`Dropout`](crate::layer::Dropout) and for the orders of
    /// [`Fit::shuffle`].
    pub fn reset(&mut self) {
        self.work.state.set_zero();
        self.work.tape.as_flat_mut().fill(0.0);
        self.epochs = 0;
    }

    /// The gradient of the last step: one value a parameter, in the type of the network's
    /// parameters. If the last step was rejected because its gradient is not finite, this is that
    /// gradient.
    pub const fn gradient(&self) -> &ParamsOf<N> {
        &self.work.gradient
    }

    /// One step on one mini-batch: forward, loss, backward, update. Returns the loss before the
    /// update.
    ///
    /// # Errors
    /// For no samples, more than `B` samples, one sample under batch normalization,
    /// wrong targets, hyper-parameters out of range, a hidden layer whose
    /// weights were never set ([`Error::NeverSet`]), or a loss or gradient that is not finite. No
    /// weight is changed then.
    ///
    /// A finite gradient times a very large learning rate can still overflow a weight. The loss of
    /// the next step is then not finite.
    #[inline]
    pub fn step<'d>(
        &mut self,
        net: &mut N,
        batch: impl Into<DataOf<'d, N, L>>,
        optimizer: &O,
    ) -> Result<f32> {
        let Dataset { x, t } = batch.into();
        self.step_by(Backend::detect(), net, x, t, optimizer)
    }

    /// This trainer on a chosen backend: the same bits.
    ///
    /// ```
    /// use rosenblatt::prelude::*;
    /// type Unit = Mlp<(Dense<2, 1, Sigmoid>,)>;
    /// type UnitTrainer = Trainer<Unit, BinaryCrossEntropy, Sgd, 4>;
    /// let (mut net, mut trainer) = (Unit::ZERO, UnitTrainer::ZERO);
    /// let scalar = Backend::baseline();
    /// let loss = trainer.on(scalar).step(&mut net, &gates::OR, &Sgd::DEFAULT)?;
    /// assert_eq!(loss, 2f32.ln());
    /// assert!(trainer.on(scalar).evaluate(&net, &gates::OR)?.loss < loss);
    /// # Ok::<(), rosenblatt::Error>(())
    /// ```
    #[inline(always)]
    pub const fn on(&mut self, backend: Backend) -> TrainerOn<'_, N, L, O, B> {
        TrainerOn { trainer: self, backend }
    }

    // Here and below a dataset is two slices: these are passed in registers, and the compiler sees
    // how long they are.
    #[inline]
    fn step_by(
        &mut self,
        backend: Backend,
        net: &mut N,
        x: &[InputOf<N>],
        t: &[TargetOf<N, L>],
        optimizer: &O,
    ) -> Result<f32> {
        Self::validate_targets(x, t)?;
        optimizer.check()?;
        if x.len() > B {
            return Err(Error::BatchTooLarge { batch: x.len(), capacity: B });
        }
        Self::validate_batch(x.len())?;
        Self::validate_weights(net)?;
        optimizer.check_next(&self.work.state)?;
        let done = standard(|| self.work.run::<L>(backend, net, optimizer, x, t));
        done.map_err(|what| {
            Self::locate_not_finite(x, t).unwrap_or(Error::NotFinite { what, epoch: 0, step: 0 })
        })
    }
}

/// A trainer on a chosen backend: [`Trainer::on`].
pub struct TrainerOn<'a, N, L, O, const B: usize>
where
    N: Model<Layers: Trainable>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
{
    trainer: &'a mut Trainer<N, L, O, B>,
    backend: Backend,
}

impl<N, L, O, const B: usize> TrainerOn<'_, N, L, O, B>
where
    N: Model<Layers: Trainable>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
{
    /// [`Trainer::step`].
    /// # Errors
    /// As [`Trainer::step`].
    #[inline]
    pub fn step<'d>(
        self,
        net: &mut N,
        batch: impl Into<DataOf<'d, N, L>>,
        optimizer: &O,
    ) -> Result<f32> {
        let Dataset { x, t } = batch.into();
        self.trainer.step_by(self.backend, net, x, t, optimizer)
    }

    /// [`Trainer::evaluate`].
    /// # Errors
    /// As [`Trainer::evaluate`].
    #[inline]
    pub fn evaluate<'d>(self, net: &N, data: impl Into<DataOf<'d, N, L>>) -> Result<Evaluation> {
        let Dataset { x, t } = data.into();
        self.trainer.evaluate_by(self.backend, net, x, t)
    }
}

zero_bits!([N: Model<Layers: Trainable>, O: Optimizer, L, const B: usize]
    Trainer<N, L, O, B>: { work, x, t, epochs }
    where
        L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
        O::State<ParamsOf<N>>: ZeroBits);

impl<N, L, O, const B: usize> Default for Trainer<N, L, O, B>
where
    N: Model<Layers: Trainable>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
{
    fn default() -> Self {
        Self::ZERO
    }
}
