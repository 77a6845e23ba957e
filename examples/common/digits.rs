//! The handwritten digits: read, divided, drawn.

use super::data;
use anyhow::Result;
use rosenblatt::prelude::Seed;
use std::path::Path;

/// The data beside the sources: 1,797 images of 8×8 pixels.
pub const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/digits.csv");

/// Images, row after row of pixels from 0 to 1, and their digits.
pub type Samples = data::Samples<64>;

/// The samples in a drawn order: the `first(n)` and the rest. The draw does not hang on --seed: all runs are tested on the same samples.
pub fn split(path: &Path, first: impl Fn(usize) -> usize) -> Result<(Samples, Samples)> {
    let mut parts = data::split::<64>(path, 10, Seed(1957), first)?;
    for x in parts.0.0.iter_mut().chain(&mut parts.1.0).flatten() {
        *x /= 16.0;
    }
    Ok(parts)
}

/// Four fifths, to learn from.
pub fn most(n: usize) -> usize {
    n * 4 / 5
}

/// A value from 0 to 1 as two characters, which together are nearly square.
pub fn shade(value: f32) -> &'static str {
    ["  ", "░░", "▒▒", "▓▓", "██"][((value * 5.0) as usize).min(4)]
}

/// Values from 0 to 1, one after the other.
pub fn shades(values: &[f32]) -> String {
    values.iter().map(|value| shade(*value)).collect()
}

/// Some misread digits side by side: the image, what it is, what it was read as.
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
