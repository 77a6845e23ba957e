//! Inference frame by frame: the state of a network is kept between frames.

use crate::{
    layer::{Layer, Streaming, in_place},
    model::{ComposedOf, Layers, LayersOf, Model},
    sequential::Sequential,
};
use rosenblatt_kernels::{Backend, F32Array, OutOfLine, Simd, dispatch};

/// One input frame of a network.
pub type FrameOf<N> = <LayersOf<N> as Streaming>::Frame;
/// The output of a network after a frame.
pub type FrameOutputOf<N> = <LayersOf<N> as Streaming>::FrameOutput;
/// The state of a network between frames.
pub type MemoryOf<N> = <LayersOf<N> as Streaming>::Memory;

/// Streaming: a recurrent network runs on one frame at a time, with one memory for each stream.
impl<T: Layers<Composed: Streaming>> Sequential<T> {
    /// The memory before the first frame: all zero. Use a new one for each new stream.
    #[must_use]
    pub const fn memory() -> MemoryOf<Self> {
        MemoryOf::<Self>::ZERO
    }

    /// The output after one more frame, on the fastest backend.
    ///
    /// For the first frames of a stream, as many as a sample has, the bits are those of
    /// [`Sequential::predict`] on the whole sample. A stream can be of any length. A step computes
    /// only the new frame.
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
    /// let mut net = Net::new();
    /// net.init(Seed(440));
    /// let mut trainer = Box::new(Trainer::<Net, Adam, MeanSquaredError, 32>::new());
    /// let fit = Fit { epochs: 60, shuffle: Some(Seed(1)), ..Fit::new(Adam::with_lr(0.01)) };
    /// trainer.fit(&mut net, &x, &t, &fit, &mut ())?;
    ///
    /// let mut memory = Net::memory();
    /// for now in 0..1000 {
    ///     let [guess] = net.step(&mut memory, &[tone(now)]);
    ///     assert!(now < 16 || (guess - tone(now + 1)).abs() < 0.2);
    /// }
    /// # Ok::<(), rosenblatt::Error>(())
    /// ```
    #[inline]
    pub fn step(&self, memory: &mut MemoryOf<Self>, frame: &FrameOf<Self>) -> FrameOutputOf<Self> {
        self.step_on(Backend::detect(), memory, frame)
    }

    /// [`Sequential::step`] on a chosen backend: the same bits.
    #[inline]
    pub fn step_on(
        &self,
        backend: Backend,
        memory: &mut MemoryOf<Self>,
        frame: &FrameOf<Self>,
    ) -> FrameOutputOf<Self> {
        let mut y = FrameOutputOf::<Self>::ZERO;
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
        let (p, r) = (self.params(), self.buffers());
        dispatch!(backend, width: ComposedOf::<T>::MAX_ROW, s => step::<_, ComposedOf<T>>(s, p, r, memory, frame, &mut y));
        y
    }
}
