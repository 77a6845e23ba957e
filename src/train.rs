//! Training: the trainer, which holds all the memory that training needs. One step is in `step.rs`,
//! epochs of steps are in `fit.rs`, forward passes alone in `evaluate.rs`, and what is refused
//! before anything changes in `check.rs`.

mod check;
mod evaluate;
mod fit;
mod step;

pub use fit::{Batch, Fit, Training};

use crate::{
    error::{Error, Result},
    layer::{Layer, Trainable},
    loss::Loss,
    model::{InputOf, LayersOf, Model, OutputOf, ParamsOf},
    optimizer::{Optimizer, ZeroState},
};
use heapless::Vec;
#[cfg(feature = "alloc")]
use rosenblatt_kernels::zero;
use rosenblatt_kernels::{Backend, F32Array, environment::standard, zero::ZeroBits, zero_bits};
use step::StepMemory;

/// What a loss over the network `N` asks of the data.
type TargetOf<N, L> = <L as Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>>::Target;

/// Everything that training needs beside the network, in fixed memory: gradient, optimizer state,
/// the activations and gradients of up to `B` samples, and the mini-batch that a shuffle gathers.
///
/// `N` is the network's type, `O` the optimizer, `L` the loss. It starts as zero bits: a `static`
/// of it lies in `.bss`. That is where a large one belongs; a local variable is fine for a small
/// one.
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
    N: Model<Layers: Trainable>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
{
    work: StepMemory<N, O, B>,
    x: Vec<InputOf<N>, B, u32>,
    t: Vec<TargetOf<N, L>, B, u32>,
    /// Shuffled epochs begun, modulo 2³².
    epochs: u32,
}

impl<N, O, L, const B: usize> Trainer<N, O, L, B>
where
    N: Model<Layers: Trainable>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
{
    /// The bytes of the trainer: all the memory that training takes beside the network and a
    /// bounded stack.
    pub const BYTES: usize = size_of::<Self>();

    /// A trainer that has seen nothing; usable in a `static`, where it costs no flash.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(B > 0, "a trainer needs room for at least one sample") };
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
    }

    /// A trainer on the heap, made in place: however large, it never passes the stack. Feature
    /// `alloc`.
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

    /// Forgets the optimizer's state and how many steps and epochs there were, in place: the next
    /// step is its first, for a [`Dropout`](crate::layer::Dropout) and for the orders of
    /// [`Fit::shuffle`], too.
    pub fn reset(&mut self) {
        self.work.state.set_zero();
        self.work.tape.as_flat_mut().fill(0.0);
        self.epochs = 0;
    }

    /// The gradient of the last step: one value a parameter, of the network's own type. After a
    /// step that was refused because it is not finite, that gradient.
    pub const fn gradient(&self) -> &ParamsOf<N> {
        &self.work.gradient
    }

    /// One step on one mini-batch: forward, loss, backward, update. Returns the loss before the
    /// update.
    ///
    /// # Errors
    /// For no samples, more than `B`, one sample under batch normalization, other lengths, wrong
    /// targets, hyper-parameters out of range, a hidden layer whose weights were never set
    /// ([`Error::NeverSet`]), or a loss or gradient that is not finite. No weight is changed then.
    /// (A finite gradient times a huge learning rate may still overflow a weight: the next step's
    /// loss is not finite then.)
    #[inline]
    pub fn step(
        &mut self,
        net: &mut N,
        optimizer: &O,
        x: &[InputOf<N>],
        t: &[TargetOf<N, L>],
    ) -> Result<f32> {
        self.step_on(Backend::detect(), net, optimizer, x, t)
    }

    /// [`Trainer::step`] on a chosen backend: the same bits.
    /// # Errors
    /// As [`Trainer::step`].
    #[inline]
    pub fn step_on(
        &mut self,
        backend: Backend,
        net: &mut N,
        optimizer: &O,
        x: &[InputOf<N>],
        t: &[TargetOf<N, L>],
    ) -> Result<f32> {
        Self::validate_shapes(x, t)?;
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

zero_bits!([N: Model<Layers: Trainable>, O: Optimizer, L, const B: usize] Trainer<N, O, L, B>: { work, x, t, epochs }
    where L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>, O::State<ParamsOf<N>>: ZeroBits);

impl<N, O, L, const B: usize> Default for Trainer<N, O, L, B>
where
    N: Model<Layers: Trainable>,
    O: Optimizer,
    L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
{
    fn default() -> Self {
        Self::new()
    }
}
