//! One training step: forward, loss, backward, update.

use super::TargetOf;
use crate::{
    error::Quantity,
    layer::{Context, Layer, Trainable, in_place},
    loss::Loss,
    optimizer::Optimizer,
    sequential::{InputOf, LayersOf, Model, OutputOf, ParamsOf},
};
use rosenblatt_kernels::{
    Backend, F32Array, OutOfLine, Simd,
    array::{first_rows, first_rows_mut},
    dispatch_inside,
    optimizer::all_finite_on,
    simd::part,
    zero::ZeroBits,
    zero_bits,
};

/// What a step writes: the gradient, the optimizer's state, the activations and the gradient by the
/// outputs.
pub(super) struct StepMemory<N: Model<Layers: Trainable>, O: Optimizer, const B: usize> {
    pub(super) gradient: ParamsOf<N>,
    pub(super) state: O::State<ParamsOf<N>>,
    pub(super) tape: <LayersOf<N> as Trainable>::Tape<B>,
    pub(super) dy: [OutputOf<N>; B],
}

impl<N: Model<Layers: Trainable>, O: Optimizer, const B: usize> StepMemory<N, O, B> {
    /// One step on a backend. The backend is selected once a step, here. `step` and every `fit`
    /// share this one copy of the code. The caller sets the floating-point environment.
    // In firmware for little flash the compiler decides about inlining: inlined into a single
    // caller, constant hyper-parameters stay constants.
    #[cfg_attr(not(rosenblatt_small), inline(never))]
    pub(super) fn run<L>(
        &mut self,
        backend: Backend,
        net: &mut N,
        optimizer: &O,
        x: &[InputOf<N>],
        t: &[TargetOf<N, L>],
    ) -> Result<f32, Quantity>
    where
        L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
    {
        dispatch_inside!(
            backend,
            width: LayersOf::<N>::MAX_ROW,
            s => self.batch::<_, L>(s, net, optimizer, x, t)
        )
    }

    /// [`StepMemory::step`]. The kernels of a small network's full mini-batches are inlined,
    /// because the number of samples is known. All other steps call kernels out of line.
    #[inline(always)]
    fn batch<S, L>(
        &mut self,
        s: S,
        net: &mut N,
        optimizer: &O,
        x: &[InputOf<N>],
        t: &[TargetOf<N, L>],
    ) -> Result<f32, Quantity>
    where
        S: Simd,
        L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
    {
        if const { S::INLINE_MAX == 0 } {
            return self.step::<S, L>(s, net, optimizer, x, t);
        }
        if const { in_place::<S, LayersOf<N>>() }
            && let (Ok(x), Ok(t)) = (<&[_; B]>::try_from(x), <&[_; B]>::try_from(t))
        {
            return self.step::<S, L>(s, net, optimizer, x, t);
        }
        self.step::<OutOfLine<S>, L>(OutOfLine(s), net, optimizer, x, t)
    }

    /// One training step on at most `B` samples: forward, loss, backward, update.
    ///
    /// Weights and optimizer state change only if loss and gradient are finite.
    #[inline(always)]
    fn step<S, L>(
        &mut self,
        s: S,
        net: &mut N,
        optimizer: &O,
        x: &[InputOf<N>],
        t: &[TargetOf<N, L>],
    ) -> Result<f32, Quantity>
    where
        S: Simd,
        L: Loss<<LayersOf<N> as Layer>::OutputActivation, OutputOf<N>>,
    {
        let m = x.len();
        optimizer.look_ahead(&mut self.state);
        part(
            s,
            #[inline(always)]
            || {
                LayersOf::<N>::forward::<S, B>(
                    s,
                    Context::TRAINING,
                    net.params(),
                    net.buffers(),
                    x,
                    &mut self.tape,
                )
            },
        );

        let y = first_rows(LayersOf::<N>::output::<B>(&self.tape), m);
        let dy = first_rows_mut(&mut self.dy, m);
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
            || {
                LayersOf::<N>::backward::<S, B>(
                    s,
                    net.params(),
                    x,
                    tape,
                    dy,
                    L::FUSED_WITH_ACTIVATION,
                    gradient,
                    None,
                )
            },
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
        LayersOf::<N>::update_buffers::<B>(&self.tape, net.buffers_mut());
        Ok(loss)
    }
}

zero_bits!([N: Model<Layers: Trainable>, O: Optimizer, const B: usize]
    StepMemory<N, O, B>: { gradient, state, tape, dy }
    where O::State<ParamsOf<N>>: ZeroBits);
