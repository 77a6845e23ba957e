//! The data sets, parsed at compile time. On a chip they are numbers in flash.

#![allow(long_running_const_eval, reason = "digits.csv has 264,712 characters")]

const IRIS_CSV: &[u8] = include_bytes!("../../../data/iris.csv");
const DIGITS_CSV: &[u8] = include_bytes!("../../../data/digits.csv");

/// Number of digits that the programs use. As f32 they must fit into the flash of a Cortex-M3
/// board.
pub const DIGITS: usize = 512;

/// Samples and their classes.
pub struct Samples<const I: usize, const N: usize> {
    /// Inputs
    pub x: [[f32; I]; N],
    /// Classes
    pub t: [u8; N],
}

/// 150 flowers: four lengths in cm, three classes.
pub static IRIS: Samples<4, 150> = parse(IRIS_CSV, 1.0);
/// Images of 8×8 pixels from 0 to 1, ten digits.
pub static IMAGES: Samples<64, DIGITS> = parse(DIGITS_CSV, 16.0);

/// Parses the first `N` lines `value, …, class` of a file. Values have at most one decimal place
/// and are divided by `unit`.
const fn parse<const I: usize, const N: usize>(csv: &[u8], unit: f32) -> Samples<I, N> {
    let mut samples = Samples { x: [[0.0; I]; N], t: [0; N] };
    let (mut at, mut row) = (0, 0);
    while row < N {
        let mut column = 0;
        while column <= I {
            // The number is an integer of tenths, so that the quotient is the f32 nearest to the
            // decimal number.
            let (mut digits, mut scale) = (0u32, 1u32);
            while csv[at] != b',' && csv[at] != b'\n' {
                match csv[at] {
                    b'.' => scale = 10,
                    digit @ b'0'..=b'9' => digits = 10 * digits + (digit - b'0') as u32,
                    b'\r' => {}
                    _ => panic!("the data hold something that is no number"),
                }
                at += 1;
            }
            assert!((csv[at] == b'\n') == (column == I), "a line has another number of values");
            at += 1;
            if column < I {
                samples.x[row][column] = digits as f32 / (scale as f32 * unit);
            } else {
                samples.t[row] = digits as u8;
            }
            column += 1;
        }
        row += 1;
    }
    samples
}
