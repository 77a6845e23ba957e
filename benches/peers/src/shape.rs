//! Many shapes, and for each the shapes with which it is compared.

use std::fmt;

use crate::data::Random;
use crate::workload::Cell;

/// A kernel that is timed at many shapes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kernel {
    /// y ← x·w + b
    Gemm,
    /// dw ← xᵀ·dy
    GemmTn,
    /// dx ← dy·wᵀ
    GemmNt,
    /// One frame of a recurrent network 1-n-1
    Gru,
    /// The same
    Lstm,
    /// Softmax of [`ROWS`] rows of n values
    Softmax,
    /// tanh of n values
    Tanh,
    /// ReLU of n values
    Relu,
}

impl Kernel {
    pub const ALL: [Self; 8] = [
        Self::Gemm,
        Self::GemmTn,
        Self::GemmNt,
        Self::Gru,
        Self::Lstm,
        Self::Softmax,
        Self::Tanh,
        Self::Relu,
    ];

    /// The name in tables and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gemm => "gemm",
            Self::GemmTn => "gemm_tn",
            Self::GemmNt => "gemm_nt",
            Self::Gru => "gru",
            Self::Lstm => "lstm",
            Self::Softmax => "softmax",
            Self::Tanh => "tanh",
            Self::Relu => "relu",
        }
    }

    pub fn is_product(self) -> bool {
        matches!(self, Self::Gemm | Self::GemmTn | Self::GemmNt)
    }

    /// The cell, for frames.
    pub fn cell(self) -> Option<Cell> {
        match self {
            Self::Gru => Some(Cell::Gru),
            Self::Lstm => Some(Cell::Lstm),
            _ => None,
        }
    }
}

/// A kernel and its shape. What is no product has m = k = 1, or m rows of softmax.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Shape {
    pub kernel: Kernel,
    pub m: usize,
    pub k: usize,
    pub n: usize,
}

/// What fills the registers of a backend.
#[derive(Clone, Copy, Debug)]
pub struct Tile {
    /// Values in a register.
    pub lanes: usize,
    /// Rows of the largest tile of a product.
    pub rows: usize,
    /// Its columns: registers times lanes.
    pub columns: usize,
}

/// The greatest length in any dimension.
pub const MOST: usize = 256;
/// Rows of a softmax.
pub const ROWS: usize = 16;
/// Units of the recurrent layers. Each is compiled for each backend, so the list is short.
pub const UNITS: [usize; 18] =
    [1, 4, 5, 8, 16, 24, 31, 32, 33, 36, 40, 48, 63, 64, 100, 112, 200, 208];
/// Multiples of tiles and registers, and their neighbours.
const AWKWARD: [usize; 22] =
    [1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 15, 16, 17, 24, 31, 32, 33, 40, 48, 63, 64, 65];
/// The other dimensions of a product with one awkward dimension.
const OTHER: usize = 32;
/// Products of any shape, for each of the three kernels.
const RANDOM: usize = 60;

impl Shape {
    /// The arithmetic: multiply-adds of a product or a frame, values of a function.
    pub fn work(self) -> usize {
        let Self { kernel, m, k, n } = self;
        match kernel {
            // Gates of n units from one input and n states, and a dense layer with one output.
            Kernel::Gru => 3 * n * (1 + n) + n,
            Kernel::Lstm => 4 * n * (1 + n) + n,
            _ => m * k * n,
        }
    }

    /// The next larger shape that fills the registers: itself, if it does.
    ///
    /// The rows of a product's result become a multiple of the tile's rows, its columns a multiple
    /// of the tile's columns. The length of its sums fills no register and stays. The units of a
    /// recurrent layer are columns of its products: the next of [`UNITS`] that is a multiple of the
    /// tile's columns. The values of a function become a multiple of the lanes.
    #[must_use]
    pub fn filled(self, tile: Tile) -> Self {
        let Self { kernel, m, k, n } = self;
        let rows = |x: usize| x.next_multiple_of(tile.rows);
        let columns = |x: usize| x.next_multiple_of(tile.columns);
        match kernel {
            Kernel::Gemm => Self { m: rows(m), n: columns(n), ..self },
            Kernel::GemmTn => Self { k: rows(k), n: columns(n), ..self },
            Kernel::GemmNt => Self { m: rows(m), k: columns(k), ..self },
            Kernel::Gru | Kernel::Lstm => {
                let fills = |units: &usize| *units >= n && units.is_multiple_of(tile.columns);
                // Above the last one nothing is compiled.
                Self { n: UNITS.into_iter().find(fills).unwrap_or(n), ..self }
            }
            Kernel::Softmax | Kernel::Tanh | Kernel::Relu => {
                Self { n: n.next_multiple_of(tile.lanes), ..self }
            }
        }
    }

    /// The next smaller one of these shapes: of those of the same kernel that are greater in no
    /// dimension, the one with most work.
    pub fn next_smaller(self, shapes: &[Self]) -> Option<Self> {
        let inside = |one: &&Self| {
            one.kernel == self.kernel
                && **one != self
                && one.m <= self.m
                && one.k <= self.k
                && one.n <= self.n
        };
        // The shape itself decides between two of the same work, so that the order does not.
        shapes.iter().filter(inside).max_by_key(|one| (one.work(), **one)).copied()
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kernel, m, k, n } = self;
        write!(f, "{} ", kernel.name())?;
        match kernel {
            Kernel::Gemm | Kernel::GemmTn | Kernel::GemmNt => write!(f, "{m}×{k}×{n}"),
            Kernel::Gru | Kernel::Lstm => write!(f, "1-{n}-1"),
            Kernel::Softmax => write!(f, "{m}×{n}"),
            Kernel::Tanh | Kernel::Relu => write!(f, "{n}"),
        }
    }
}

/// All shapes of these kernels, the same in every run, each once.
pub fn shapes(kernels: &[Kernel]) -> Vec<Shape> {
    let mut all = Vec::new();
    for &kernel in kernels {
        let one = |m, k, n| Shape { kernel, m, k, n };
        if kernel.is_product() {
            for a in AWKWARD {
                all.extend([one(a, OTHER, OTHER), one(OTHER, a, OTHER), one(OTHER, OTHER, a)]);
                all.extend([one(1, a, a), one(a, 1, a), one(a, a, 1), one(a, a, a)]);
            }
            // The same for the three kernels.
            let mut random = Random(1);
            let mut length = || 1 + (random.unit() * MOST as f32) as usize;
            all.extend((0..RANDOM).map(|_| one(length(), length(), length())));
        } else if kernel.cell().is_some() {
            all.extend(UNITS.map(|units| one(1, 1, units)));
        } else {
            let rows = if kernel == Kernel::Softmax { ROWS } else { 1 };
            all.extend(AWKWARD.map(|a| one(rows, 1, a)));
            all.extend([100, 127, 128, 129, 200, 255, MOST].map(|a| one(rows, 1, a)));
        }
    }
    all.sort();
    all.dedup();
    all
}

/// Two shapes that are timed in turn. The first should take no more time for its arithmetic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pair {
    pub shape: Shape,
    pub other: Shape,
}

/// Each shape that does not fill the registers, with the next larger one that does.
pub fn with_larger(shapes: &[Shape], tile: Tile) -> Vec<Pair> {
    let pair = |&shape: &Shape| Pair { shape, other: shape.filled(tile) };
    shapes.iter().map(pair).filter(|pair| pair.shape != pair.other).collect()
}

/// Each shape that fills the registers, of these or next to one of these, with the next smaller one
/// that does.
pub fn with_smaller(shapes: &[Shape], tile: Tile) -> Vec<Pair> {
    let mut full: Vec<Shape> = shapes.iter().map(|shape| shape.filled(tile)).collect();
    full.sort();
    full.dedup();
    let pair = |&shape: &Shape| Some(Pair { shape, other: shape.next_smaller(&full)? });
    full.iter().filter_map(pair).collect()
}

/// The greatest ones by a key, greatest first.
pub fn worst<T>(all: &[T], count: usize, key: impl Fn(&T) -> f64) -> Vec<&T> {
    let mut all: Vec<&T> = all.iter().collect();
    all.sort_by(|a, b| key(b).total_cmp(&key(a)));
    all.truncate(count);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const TILES: [Tile; 4] = [
        Tile { lanes: 1, rows: 4, columns: 4 },
        Tile { lanes: 4, rows: 8, columns: 8 },
        Tile { lanes: 8, rows: 4, columns: 16 },
        Tile { lanes: 16, rows: 16, columns: 16 },
    ];

    fn shape(kernel: Kernel, m: usize, k: usize, n: usize) -> Shape {
        Shape { kernel, m, k, n }
    }

    #[test]
    fn the_result_is_rounded_up_and_the_sum_is_not() {
        let filled = |kernel, tile: usize| shape(kernel, 5, 17, 33).filled(TILES[tile]);
        assert_eq!(filled(Kernel::Gemm, 2), shape(Kernel::Gemm, 8, 17, 48));
        assert_eq!(filled(Kernel::GemmTn, 2), shape(Kernel::GemmTn, 5, 20, 48));
        assert_eq!(filled(Kernel::GemmNt, 2), shape(Kernel::GemmNt, 8, 32, 33));
        assert_eq!(filled(Kernel::Gemm, 3), shape(Kernel::Gemm, 16, 17, 48));
        assert_eq!(filled(Kernel::Gemm, 0), shape(Kernel::Gemm, 8, 17, 36));
    }

    #[test]
    fn functions_fill_lanes_and_frames_take_the_next_compiled_width() {
        assert_eq!(shape(Kernel::Tanh, 1, 1, 9).filled(TILES[2]).n, 16);
        assert_eq!(shape(Kernel::Tanh, 1, 1, 9).filled(TILES[0]).n, 9);
        assert_eq!(
            shape(Kernel::Softmax, 16, 1, 3).filled(TILES[3]),
            shape(Kernel::Softmax, 16, 1, 16)
        );
        assert_eq!(shape(Kernel::Gru, 1, 1, 33).filled(TILES[0]).n, 36);
        assert_eq!(shape(Kernel::Gru, 1, 1, 33).filled(TILES[3]).n, 48);
        assert_eq!(shape(Kernel::Lstm, 1, 1, 100).filled(TILES[1]).n, 112);
    }

    #[test]
    fn filling_ends_and_stays_within_the_limits() {
        for tile in TILES {
            for shape in shapes(&Kernel::ALL) {
                let full = shape.filled(tile);
                assert_eq!(full.filled(tile), full, "{shape}");
                assert!(full.work() >= shape.work(), "{shape}");
                assert!([full.m, full.k, full.n].iter().all(|x| (1..=MOST).contains(x)), "{shape}");
            }
        }
    }

    #[test]
    fn there_are_some_hundred_shapes_each_once() {
        let all = shapes(&Kernel::ALL);
        assert!((600..1000).contains(&all.len()), "{} shapes", all.len());
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        for kernel in Kernel::ALL {
            let count = all.iter().filter(|shape| shape.kernel == kernel).count();
            assert!(count >= UNITS.len(), "{}: {count}", kernel.name());
        }
        let largest = all.iter().map(|shape| shape.m.max(shape.k).max(shape.n)).max();
        assert_eq!(largest, Some(MOST));
        assert_eq!(all, shapes(&Kernel::ALL));
    }

    #[test]
    fn the_next_smaller_one_is_greater_in_no_dimension() {
        let at = |m, n| shape(Kernel::Gemm, m, 8, n);
        let all =
            [at(16, 16), at(16, 48), at(64, 16), at(32, 32), shape(Kernel::GemmTn, 30, 8, 30)];
        assert_eq!(at(32, 32).next_smaller(&all), Some(at(16, 16)));
        assert_eq!(at(32, 64).next_smaller(&all), Some(at(32, 32)));
        assert_eq!(at(16, 16).next_smaller(&all), None);
    }

    #[test]
    fn pairs_have_two_shapes_of_which_the_other_is_full() {
        for tile in TILES {
            let all = shapes(&Kernel::ALL);
            for Pair { shape, other } in with_larger(&all, tile) {
                assert!(other.work() > shape.work() && other == other.filled(tile), "{shape}");
            }
            let smaller = with_smaller(&all, tile);
            for &Pair { shape, other } in &smaller {
                assert!(other.work() < shape.work(), "{shape}");
                assert!(shape == shape.filled(tile) && other == other.filled(tile), "{shape}");
            }
            if tile.columns <= 8 {
                let gru = |n| shape(Kernel::Gru, 1, 1, n);
                assert!(smaller.contains(&Pair { shape: gru(32), other: gru(24) }));
            }
        }
    }

    #[test]
    fn the_worst_come_first() {
        assert_eq!(worst(&[1.0, 3.0, 2.0], 2, |x| *x), [&3.0, &2.0]);
        assert_eq!(worst(&[1.0], 2, |x| *x), [&1.0]);
        // A time that is no number stands first and is seen.
        assert!(worst(&[1.0, f64::NAN], 1, |x| *x)[0].is_nan());
    }
}
