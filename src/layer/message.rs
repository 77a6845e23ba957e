//! Messages of the compiler with numbers in them.

use rosenblatt_kernels::array::Shape;

/// A compile-time message with numbers. `panic!` cannot format them in constants.
#[derive(Clone, Copy)]
pub(super) struct Message {
    bytes: [u8; 256],
    len: usize,
}

impl Message {
    pub(super) const fn new() -> Self {
        Self { bytes: [0; 256], len: 0 }
    }

    const fn byte(mut self, byte: u8) -> Self {
        if self.len < self.bytes.len() {
            self.bytes[self.len] = byte;
            self.len += 1;
        }
        self
    }

    pub(super) const fn text(mut self, text: &str) -> Self {
        let mut i = 0;
        while i < text.len() {
            self = self.byte(text.as_bytes()[i]);
            i += 1;
        }
        self
    }

    pub(super) const fn number(self, n: usize) -> Self {
        let start = if n < 10 { self } else { self.number(n / 10) };
        start.byte(b'0' + (n % 10) as u8)
    }

    /// `6x8`
    pub(super) const fn dims(mut self, dims: &[usize]) -> Self {
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

    /// `6x8` of a shape.
    pub(super) const fn shape(mut self, shape: Shape) -> Self {
        let mut i = 0;
        while i < shape.rank() {
            if i > 0 {
                self = self.byte(b'x');
            }
            self = self.number(shape.length(i));
            i += 1;
        }
        self
    }

    #[track_caller]
    pub(super) const fn fail(self) -> ! {
        match core::str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => panic!("{}", text),
            Err(_) => panic!("the shapes do not fit"),
        }
    }
}
