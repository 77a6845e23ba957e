//! Inference frame by frame: the state of a network is kept between frames.

use crate::{
    layer::{Layer, Streaming, in_place},
    sequential::{ComposedOf, Layers, LayersOf, Predicts, Sequential, View},
};
use core::marker::PhantomData;
use rosenblatt_kernels::{Backend, F32Array, OutOfLine, Simd, dispatch};

/// One input frame of a network.
pub type FrameOf<N> = <LayersOf<N> as Streaming>::Frame;
/// The output of a network after a frame.
pub type FrameOutputOf<N> = <LayersOf<N> as Streaming>::FrameOutput;
/// The state of a network between frames.
pub type MemoryOf<N> = <LayersOf<N> as Streaming>::Memory;

/// A stream through a network: one frame at a time, with the memory that the network keeps between
/// frames. [`Sequential::stream`] starts one that borrows the network. [`View::stream`] starts one
/// that holds a copy of the view: then `N` is [`View`].
///
/// ```
/// use rosenblatt::prelude::*;
///
/// // Predicts a tone's next sample. Trained on windows of 16 samples, run on a stream.
/// type Net = Mlp<(Gru<1, 8, 16>, Dense<8, 1>)>;
/// let tone = |t: usize| (t as f32 * 0.4).sin();
/// type Window = [[f32; 1]; 16];
/// let window = |i: usize| std::array::from_fn(|t| [tone(i + t)]);
/// let x: Vec<Window> = (0..128).map(window).collect();
/// let t: Vec<[f32; 1]> = (0..128).map(|i| [tone(i + 16)]).collect();
///
/// let mut net = Net::init(Seed(440));
/// let mut trainer = Box::new(Trainer::<Net, MeanSquaredError, Adam, 32>::ZERO);
/// let fit = Fit { epochs: 60, shuffle: Some(Seed(1)), ..Fit::new(Adam::with_lr(0.01)) };
/// trainer.fit(&mut net, Dataset::new(&x, &t)?, &fit)?;
///
/// let mut stream = net.stream();
/// for now in 0..1000 {
///     let [guess] = stream.push(&[tone(now)]);
///     assert!(now < 16 || (guess - tone(now + 1)).abs() < 0.2);
/// }
/// # Ok::<(), rosenblatt::Error>(())
/// ```
// Generic over what it holds: one pointer to a network, where a view has two.
pub struct Stream<'a, T: Layers<Composed: Streaming>, N = &'a Sequential<T>> {
    net: N,
    memory: MemoryOf<Sequential<T>>,
    borrowed: PhantomData<&'a ()>,
}

impl<'a, T, N> Stream<'a, T, N>
where
    T: Layers<Composed: Streaming>,
    N: Predicts<Layers = ComposedOf<T>>,
{
    /// The output after one more frame.
    ///
    /// For the first frames of a stream, as many as a sample has, the bits are those of
    /// [`Sequential::predict`] on the whole sample. A stream can be of any length. A step computes
    /// only the new frame.
    #[inline]
    pub fn push(&mut self, frame: &FrameOf<Sequential<T>>) -> FrameOutputOf<Sequential<T>> {
        self.push_by(Backend::detect(), frame)
    }

    /// This stream on a chosen backend: the same bits.
    ///
    /// ```
    /// use rosenblatt::prelude::*;
    /// let net = Mlp::<(Gru<1, 8, 16>, Dense<8, 1>)>::init(Seed(440));
    /// let (mut fast, mut scalar) = (net.stream(), net.stream());
    /// let y = scalar.on(Backend::baseline()).push(&[0.5]);
    /// assert_eq!(fast.push(&[0.5]), y);
    /// ```
    #[inline(always)]
    pub const fn on(&mut self, backend: Backend) -> StreamOn<'_, 'a, T, N> {
        StreamOn { stream: self, backend }
    }

    // The backend is an argument, not a field: a chip's compiler then knows it and drops the other.
    #[inline]
    fn push_by(
        &mut self,
        backend: Backend,
        frame: &FrameOf<Sequential<T>>,
    ) -> FrameOutputOf<Sequential<T>> {
        let mut y = FrameOutputOf::<Sequential<T>>::ZERO;
        let (p, r, memory) = (self.net.params(), self.net.buffers(), &mut self.memory);
        dispatch!(backend, width: ComposedOf::<T>::MAX_ROW, s => {
            step::<_, ComposedOf<T>>(s, p, r, memory, frame, &mut y)
        });
        y
    }

    /// Begins a new stream: the memory is zero again.
    pub fn reset(&mut self) {
        self.memory = MemoryOf::<Sequential<T>>::ZERO;
    }

    /// The memory after the last frame.
    #[must_use]
    pub const fn memory(&self) -> &MemoryOf<Sequential<T>> {
        &self.memory
    }
}

impl<T: Layers<Composed: Streaming>> Sequential<T> {
    /// A new stream through this network.
    #[must_use]
    pub const fn stream(&self) -> Stream<'_, T> {
        self.stream_from(MemoryOf::<Self>::ZERO)
    }

    /// A stream that continues with the memory of an earlier one.
    #[must_use]
    pub const fn stream_from(&self, memory: MemoryOf<Self>) -> Stream<'_, T> {
        Stream { net: self, memory, borrowed: PhantomData }
    }
}

impl<'a, T: Layers<Composed: Streaming>> View<'a, T> {
    /// [`Sequential::stream`].
    #[must_use]
    pub const fn stream(&self) -> Stream<'a, T, Self> {
        self.stream_from(MemoryOf::<Sequential<T>>::ZERO)
    }

    /// [`Sequential::stream_from`].
    #[must_use]
    pub const fn stream_from(&self, memory: MemoryOf<Sequential<T>>) -> Stream<'a, T, Self> {
        Stream { net: *self, memory, borrowed: PhantomData }
    }
}

/// A stream on a chosen backend: [`Stream::on`].
pub struct StreamOn<'s, 'a, T: Layers<Composed: Streaming>, N = &'a Sequential<T>> {
    stream: &'s mut Stream<'a, T, N>,
    backend: Backend,
}

impl<T, N> StreamOn<'_, '_, T, N>
where
    T: Layers<Composed: Streaming>,
    N: Predicts<Layers = ComposedOf<T>>,
{
    /// [`Stream::push`].
    #[inline(always)]
    pub fn push(&mut self, frame: &FrameOf<Sequential<T>>) -> FrameOutputOf<Sequential<T>> {
        self.stream.push_by(self.backend, frame)
    }
}

/// [`Streaming::step`], in place for a small network.
#[inline(always)]
fn step<S: Simd, N: Streaming>(
    s: S,
    p: &N::Params,
    r: &N::Buffers,
    memory: &mut N::Memory,
    x: &N::Frame,
    y: &mut N::FrameOutput,
) {
    if const { in_place::<S, N>() } {
        N::step(s, p, r, memory, x, y);
    } else {
        N::step(OutOfLine(s), p, r, memory, x, y);
    }
}
