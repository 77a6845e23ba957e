//! The handwritten digits: reading, splitting, printing.

use super::data;
use anyhow::Result;
use rosenblatt::prelude::Seed;
use std::path::Path;

/// The data set in the repository: 1,797 images of 8×8 pixels.
pub const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/digits.csv");

/// Images as rows of pixels from 0 to 1, and their digits.
pub type Samples = data::Samples<64>;

/// The samples in a random order: the first `first(n)` and the rest. The order does not depend on
/// --seed, so that all runs are tested on the same samples.
pub fn split(path: &Path, first: impl Fn(usize) -> usize) -> Result<(Samples, Samples)> {
    let mut parts = data::split::<64>(path, 10, Seed(1957), first)?;
    for x in parts.0.0.iter_mut().chain(&mut parts.1.0).flatten() {
        *x /= 16.0;
    }
    Ok(parts)
}

/// Four fifths, for training.
pub fn most(n: usize) -> usize {
    n * 4 / 5
}

/// A value from 0 to 1 as two characters, which are almost square together.
pub fn shade(value: f32) -> &'static str {
    ["  ", "░░", "▒▒", "▓▓", "██"][((value * 5.0) as usize).min(4)]
}

/// Several values from 0 to 1.
pub fn shades(values: &[f32]) -> String {
    values.iter().map(|value| shade(*value)).collect()
}

/// Prints some misclassified digits side by side: the image, the digit and the prediction.
pub fn draw(misread: &[(&[f32; 64], u8, usize)]) {
    const AT_MOST: usize = 6;
    if misread.is_empty() {
        println!("no digit misread\n");
        return;
    }
    let shown = &misread[..misread.len().min(AT_MOST)];
    println!("{} misread; {} of them:", misread.len(), shown.len());
    for (_, digit, read) in shown {
        print!("  {:<17}", format!("a {digit}, read as {read}"));
    }
    println!();
    for row in 0..8 {
        for (image, ..) in shown {
            print!("  ");
            print!("{} ", shades(&image[8 * row..8 * row + 8]));
        }
        println!();
    }
    println!();
}
