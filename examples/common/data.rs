//! Reads samples from a CSV file: numbers, then the class.

use anyhow::{Context, Result, bail, ensure};
use rosenblatt::{dataset::Permutation, prelude::Seed};
use std::{ops::Range, path::Path};

/// Rows of numbers, and their classes.
pub type Samples<const N: usize> = (Vec<[f32; N]>, Vec<u8>);

/// Reads rows of `N` numbers and a class below `classes`.
///
/// Rows and columns count from 1. The row is the line number in the file; empty lines count.
/// # Errors
/// If the file cannot be read or has no rows. If a row has another length, a value that is not a
/// finite number, or an unknown class; the error names row, column and value.
pub fn read<const N: usize>(path: &Path, classes: u8) -> Result<Samples<N>> {
    let name = path.display();
    let bytes = std::fs::read(path).with_context(|| format!("{name} cannot be read"))?;
    let (mut x, mut t) = (Vec::new(), Vec::new());
    for (row, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        // One line at a time, so that the row is the line of the file.
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).from_reader(line);
        let Some(record) = reader.records().next() else { continue };
        let record = record.with_context(|| format!("{name}, row {row} is no text"))?;
        let fields: Vec<&str> = record.iter().collect();
        if fields == [""] {
            continue;
        }
        let [numbers @ .., class] = &fields[..] else { continue };
        if numbers.len() != N {
            bail!(
                "{name}, row {row} has {} columns; {} are expected, {N} numbers and a class",
                fields.len(),
                N + 1
            );
        }
        let mut sample = [0.0; N];
        for (column, (value, field)) in (1..).zip(sample.iter_mut().zip(numbers)) {
            *value = match field.parse::<f32>() {
                Ok(number) if number.is_finite() => number,
                _ => bail!("{name}, row {row}, column {column}: {field:?} is not a finite number"),
            };
        }
        let class = match class.parse::<u8>() {
            Ok(class) if class < classes => class,
            _ => bail!(
                "{name}, row {row}, column {}: {class:?} is no class; 0 to {} are expected",
                N + 1,
                classes - 1
            ),
        };
        x.push(sample);
        t.push(class);
    }
    if x.is_empty() {
        bail!("{name} holds no samples");
    }
    Ok((x, t))
}

/// The samples of a file in a random order from the seed: the first `first(n)` for training, and
/// the rest.
/// # Errors
/// As for [`read`], and if there are so few samples that a part would be empty.
pub fn split<const N: usize>(
    path: &Path,
    classes: u8,
    seed: Seed,
    first: impl Fn(usize) -> usize,
) -> Result<(Samples<N>, Samples<N>)> {
    let (x, t) = read::<N>(path, classes)?;
    let order = Permutation::new(x.len(), seed, 0);
    let pick = |range: Range<usize>| -> Samples<N> {
        range.map(|i| order.index(i)).map(|i| (x[i], t[i])).unzip()
    };
    let (n, cut) = (x.len(), first(x.len()));
    ensure!(0 < cut && cut < n, "{} holds too few samples to be split: {n}", path.display());
    Ok((pick(0..cut), pick(cut..n)))
}
