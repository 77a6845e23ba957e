//! Windows that slide over maps and signals: shapes, padding, and the checks of the types.

use super::message::Message;

/// A sample of `H`×`W` positions with `C` channels each, channels last as in Keras: an image, or
/// the output of a convolution.
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::layer::Map;
/// let image: Map<2, 3, 1> = [[[1.0], [2.0], [3.0]], [[4.0], [5.0], [6.0]]];
/// assert_eq!(image[1][2], [6.0]);
/// ```
pub type Map<const H: usize, const W: usize, const C: usize> = [[[f32; C]; W]; H];

/// A sample of `T` time steps with `C` channels each: sensor data, or the output of a convolution.
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::layer::Signal;
/// let acceleration: Signal<2, 3> = [[0.0, 0.1, 9.8], [0.2, 0.1, 9.7]];
/// assert_eq!(acceleration[1][2], 9.7);
/// ```
pub type Signal<const T: usize, const C: usize> = [[f32; C]; T];

/// How windows treat the edges.
pub trait Padding: 'static {
    /// Whether the input is padded, so that there is a window for each stride.
    const SAME: bool;
    /// Keras' name.
    const NAME: &'static str;
}

/// Only windows inside of the input: ⌊(n − k) / stride⌋ + 1 of them. Positions left over at the end
/// are ignored.
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::layer::{Signal, Valid};
/// let net = Mlp::<(MaxPool1d<Signal<5, 1>, Signal<2, 1>, 2, Valid>,)>::ZERO;
/// assert_eq!(net.predict(&[[1.0], [2.0], [3.0], [4.0], [5.0]]), [[2.0], [4.0]]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Valid;

/// ⌈n / stride⌉ windows. max((outputs − 1)·stride + k − n, 0) positions are added, the smaller half
/// of them before the first, as in Keras.
///
/// A convolution reads the added positions as zeros; a pooling layer leaves them out.
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::layer::{Same, Signal};
/// let net = Mlp::<(MaxPool1d<Signal<5, 1>, Signal<3, 1>, 2, Same>,)>::ZERO;
/// assert_eq!(net.predict(&[[1.0], [2.0], [3.0], [4.0], [5.0]]), [[2.0], [4.0], [5.0]]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Same;

impl Padding for Valid {
    const SAME: bool = false;
    const NAME: &'static str = "valid";
}

impl Padding for Same {
    const SAME: bool = true;
    const NAME: &'static str = "same";
}

/// One axis along which windows slide.
#[derive(Clone, Copy)]
pub(crate) struct Axis {
    /// Positions of the input
    pub input: usize,
    /// Number of windows that the type states
    pub output: usize,
    /// Positions of a window
    pub window: usize,
    /// Distance between windows
    pub stride: usize,
}

impl Axis {
    /// The number of windows; 0 if none fits.
    const fn windows<P: Padding>(self) -> usize {
        if P::SAME {
            self.input.div_ceil(self.stride)
        } else if self.window <= self.input {
            (self.input - self.window) / self.stride + 1
        } else {
            0
        }
    }

    /// The number of padded positions before the first real one.
    pub(crate) const fn before<P: Padding>(self) -> usize {
        if P::SAME && self.output > 0 {
            (self.output - 1)
                .saturating_mul(self.stride)
                .saturating_add(self.window)
                .saturating_sub(self.input)
                / 2
        } else {
            0
        }
    }
}

/// Fails to compile unless the output shape of a layer follows from its windows.
#[track_caller]
pub(crate) const fn fits<P: Padding, const N: usize>(layer: &str, axes: [Axis; N]) {
    let mut right = true;
    let mut usable = true;
    let (mut input, mut output, mut window, mut stride, mut wanted) =
        ([0; N], [0; N], [0; N], [0; N], [0; N]);
    let mut i = 0;
    while i < N {
        let axis = axes[i];
        usable &= axis.stride > 0 && axis.window > 0 && axis.input > 0;
        (input[i], output[i], window[i], stride[i]) =
            (axis.input, axis.output, axis.window, axis.stride);
        if axis.stride > 0 {
            wanted[i] = axis.windows::<P>();
        }
        right &= wanted[i] == output[i] && output[i] > 0;
        i += 1;
    }
    if right && usable {
        return;
    }
    let start =
        Message::new().text(layer).text(": a window of ").dims(&window).text(" over ").dims(&input);
    let start = start.text(", stride ").dims(&stride).text(", padding ").text(P::NAME);
    if !usable {
        start.text(": all lengths and strides must be at least 1").fail();
    }
    let mut i = 0;
    while i < N {
        if wanted[i] == 0 {
            start.text(": the window does not fit").fail();
        }
        i += 1;
    }
    start.text(", gives ").dims(&wanted).text("; the type says ").dims(&output).fail();
}

/// Fails to compile unless a layer has as many outputs as inputs.
#[track_caller]
pub(crate) const fn as_many(layer: &str, input: usize, output: usize) {
    if input != output {
        let start = Message::new()
            .text(layer)
            .text(": ")
            .dims(&[input])
            .text(" values come in; the type says that ");
        start.dims(&[output]).text(" go out").fail();
    }
}
