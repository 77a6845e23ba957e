//! What a layer is: shapes and parameters as types, forward and backward over a whole mini-batch.

mod chain;
mod dense;

pub use chain::Chain;
pub use dense::Dense;

use crate::{init::Initializer, rng::Rng};
use rosenblatt_kernels::{Plain, Simd};

/// A layer, or layers in a row. The type says everything; there is no value.
///
/// Parameters are plain data apart from the layer: weights, gradients and moments are all of the type `Params`.
pub trait Layer: 'static {
    /// One sample that comes in.
    type Input: Plain;
    /// One sample that goes out.
    type Output: Plain;
    /// Everything that is learnt.
    type Params: Plain;
    /// The most values that a row of any layer has; picks the backend for narrow networks ([`Level::for_width`](crate::Level::for_width)).
    const WIDTH: usize;
    /// The activation at the end, which a loss may be joined with.
    type Head;

    /// y ← layer(x) for each row, keeping nothing. `C` bounds how many rows one call may have; hidden rows lie on the stack.
    fn infer<S: Simd, const C: usize>(s: S, p: &Self::Params, x: &[Self::Input], y: &mut [Self::Output]);

    /// Fills the weights by `init`, layer after layer, and sets the biases to zero.
    fn init(p: &mut Self::Params, init: &impl Initializer, rng: &mut Rng);

    /// Calls `tell` for each layer from input to output.
    fn describe(tell: &mut dyn FnMut(&Description));
}

/// One line of a summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Description {
    /// The kind of layer
    pub kind: &'static str,
    /// Values of a sample that come in
    pub inputs: usize,
    /// Values of a sample that go out
    pub outputs: usize,
    /// The activation's name
    pub activation: &'static str,
    /// Parameters
    pub params: usize,
}

/// A layer that can be trained by gradient.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be trained by gradient",
    note = "every layer's activation must have a gradient; a step has none"
)]
pub trait Train: Layer {
    /// What the forward pass keeps of up to `B` samples for the backward pass, and the gradients between layers.
    type Tape<const B: usize>: Plain;

    /// Runs a mini-batch forward and keeps its outputs on the tape.
    fn forward<S: Simd, const B: usize>(s: S, p: &Self::Params, x: &[Self::Input], tape: &mut Self::Tape<B>);

    /// The outputs of the last forward pass.
    fn output<const B: usize>(tape: &Self::Tape<B>) -> &[Self::Output; B];

    /// From dy, the gradient by the outputs, computes dp, the gradient by the parameters (overwritten), and, if asked for, dx.
    ///
    /// `x` is what `forward` was given; `dy` has as many rows and is used up. With `joined` dy is the gradient before the last activation
    /// already, as a loss joined with it gives.
    #[allow(clippy::too_many_arguments, reason = "the chain rule's terms, each by its name")]
    fn backward<S: Simd, const B: usize>(
        s: S,
        p: &Self::Params,
        x: &[Self::Input],
        tape: &mut Self::Tape<B>,
        dy: &mut [Self::Output],
        joined: bool,
        dp: &mut Self::Params,
        dx: Option<&mut [Self::Input]>,
    );
}

/// The first `m` rows; all where there are fewer. Cannot panic.
#[inline(always)]
pub(crate) fn first<T>(rows: &[T], m: usize) -> &[T] {
    rows.get(..m).unwrap_or(rows)
}

/// The first `m` rows; all where there are fewer. Cannot panic.
#[inline(always)]
pub(crate) fn first_mut<T>(rows: &mut [T], m: usize) -> &mut [T] {
    let m = m.min(rows.len());
    rows.split_at_mut(m).0
}
