//! Recurrent layers of many widths, each compiled for each backend.

use super::*;

/// The contender of a frame, or `None` where the width is not compiled.
macro_rules! frames {
    ($self:ident, $data:expr, $cell:expr, $units:expr; $($u:literal)*) => {
        match ($cell, $units) {
            $(
                (Cell::Gru, $u) => Some(frame!($self, Gru, $u, $data)),
                (Cell::Lstm, $u) => Some(frame!($self, Lstm, $u, $data)),
            )*
            _ => None,
        }
    };
}

impl Ours {
    /// One frame a call through a layer of this many units: one of
    /// [`UNITS`](crate::shape::UNITS).
    pub fn frame<'a>(
        &'a self,
        cell: Cell,
        units: usize,
        data: &'a Data,
    ) -> Result<Option<Box<dyn Contender + 'a>>> {
        Ok(frames!(
            self, data, cell, units;
            1 4 5 8 16 24 31 32 33 36 40 48 63 64 100 112 200 208
        ))
    }

    /// The backend.
    pub fn backend(&self) -> Backend {
        self.backend
    }
}
