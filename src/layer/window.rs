//! Windows that slide over maps and signals: shapes, padding, and the check that the types agree.

/// A sample of `H`×`W` places with `C` channels each, channels last as in Keras: an image, or what a convolution makes of one.
pub type Map<const H: usize, const W: usize, const C: usize> = [[[f32; C]; W]; H];

/// A sample of `T` steps in time with `C` channels each: what sensors give, or what a convolution makes of it.
pub type Signal<const T: usize, const C: usize> = [[f32; C]; T];

/// What happens at the edges.
pub trait Padding: 'static {
    /// Whether as many windows fit as there are strides: the input is padded.
    const SAME: bool;
    /// Keras' name.
    const NAME: &'static str;
}

/// Windows that lie wholly inside: ⌊(n − k) / stride⌋ + 1 of them. What is left over at the end is not looked at.
#[derive(Clone, Copy, Debug)]
pub struct Valid;

/// ⌈n / stride⌉ windows: max((outputs − 1)·stride + k − n, 0) places are added, the smaller half of them before the first, as Keras does it.
///
/// A convolution takes them as zeros; a pooling layer leaves them out.
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
    /// Places that there are
    pub input: usize,
    /// Windows, as the type has it
    pub output: usize,
    /// Places that a window has
    pub window: usize,
    /// From one window to the next
    pub stride: usize,
}

impl Axis {
    /// How many windows there are; 0 where none fits.
    const fn windows<P: Padding>(self) -> usize {
        if P::SAME {
            self.input.div_ceil(self.stride)
        } else if self.window <= self.input {
            (self.input - self.window) / self.stride + 1
        } else {
            0
        }
    }

    /// How many padded places lie before the first real one.
    pub(crate) const fn before<P: Padding>(self) -> usize {
        if P::SAME && self.output > 0 {
            (self.output - 1).saturating_mul(self.stride).saturating_add(self.window).saturating_sub(self.input) / 2
        } else {
            0
        }
    }
}

/// Fails to compile unless the outputs of a layer are what its windows give.
#[track_caller]
pub(crate) const fn fits<P: Padding, const N: usize>(layer: &str, axes: [Axis; N]) {
    let mut right = true;
    let mut usable = true;
    let (mut input, mut output, mut window, mut stride, mut wanted) = ([0; N], [0; N], [0; N], [0; N], [0; N]);
    let mut i = 0;
    while i < N {
        let axis = axes[i];
        usable &= axis.stride > 0 && axis.window > 0 && axis.input > 0;
        (input[i], output[i], window[i], stride[i]) = (axis.input, axis.output, axis.window, axis.stride);
        if axis.stride > 0 {
            wanted[i] = axis.windows::<P>();
        }
        right &= wanted[i] == output[i] && output[i] > 0;
        i += 1;
    }
    if right && usable {
        return;
    }
    let start = Message::new().text(layer).text(": a window of ").dims(&window).text(" over ").dims(&input);
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

/// Fails to compile unless a layer gives as many values as it takes.
#[track_caller]
pub(crate) const fn as_many(layer: &str, input: usize, output: usize) {
    if input != output {
        let start = Message::new().text(layer).text(": ").dims(&[input]).text(" values come in; the type says that ");
        start.dims(&[output]).text(" go out").fail();
    }
}

/// A compiler's message with numbers, which `panic!` cannot format in constants.
#[derive(Clone, Copy)]
struct Message {
    bytes: [u8; 256],
    len: usize,
}

impl Message {
    const fn new() -> Self {
        Self { bytes: [0; 256], len: 0 }
    }

    const fn byte(mut self, byte: u8) -> Self {
        if self.len < self.bytes.len() {
            self.bytes[self.len] = byte;
            self.len += 1;
        }
        self
    }

    const fn text(mut self, text: &str) -> Self {
        let mut i = 0;
        while i < text.len() {
            self = self.byte(text.as_bytes()[i]);
            i += 1;
        }
        self
    }

    const fn number(self, n: usize) -> Self {
        let start = if n < 10 { self } else { self.number(n / 10) };
        start.byte(b'0' + (n % 10) as u8)
    }

    /// `6x8`
    const fn dims(mut self, dims: &[usize]) -> Self {
        let mut i = 0;
        while i < dims.len() {
            if i > 0 {
                self = self.byte(b'x');
            }
            self = self.number(dims[i]);
            i += 1;
        }
        self
    }

    #[track_caller]
    const fn fail(self) -> ! {
        match core::str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => panic!("{}", text),
            Err(_) => panic!("the shapes do not fit"),
        }
    }
}
