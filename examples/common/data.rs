//! Reading samples from a CSV file: numbers, the class last.

use anyhow::{Context, Result, bail};
use rosenblatt::{data::Permutation, prelude::Seed};
use std::path::Path;

/// Images of 8×8 pixels from 0 to 1, and their digits.
pub type Digits = (Vec<[f32; 64]>, Vec<u8>);

/// The handwritten digits in a drawn order: 80 % to learn from, and the rest. The draw does not hang on --seed: all runs are tested on the same samples.
///
/// # Errors
/// As [`read`].
pub fn digits(path: &Path) -> Result<(Digits, Digits)> {
    let (x, t) = read::<64>(path, 10)?;
    let order = Permutation::new(x.len(), Seed(1957), 0);
    let pick = |range: std::ops::Range<usize>| -> Digits {
        range.map(|i| order.index(i)).map(|i| (x[i].map(|pixel| pixel / 16.0), t[i])).unzip()
    };
    let cut = x.len() * 4 / 5;
    Ok((pick(0..cut), pick(cut..x.len())))
}

/// Reads rows of `N` numbers and a class below `classes`.
///
/// # Errors
/// For a file that cannot be read, no rows, or a row of another length, a value that is no finite number or a class there is not: names row and column.
pub fn read<const N: usize>(path: &Path, classes: u8) -> Result<(Vec<[f32; N]>, Vec<u8>)> {
    let name = path.display();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_path(path)
        .with_context(|| format!("{name} cannot be read"))?;
    let (mut x, mut t) = (Vec::new(), Vec::new());
    for (row, record) in reader.records().enumerate() {
        let row = row + 1;
        let record = record.with_context(|| format!("{name}, row {row}"))?;
        if record.len() != N + 1 {
            bail!("{name}, row {row} has {} columns; {N} numbers and a class are expected", record.len());
        }
        let mut sample = [0.0; N];
        for (column, (value, field)) in sample.iter_mut().zip(&record).enumerate() {
            *value = match field.parse::<f32>() {
                Ok(number) if number.is_finite() => number,
                _ => bail!("{name}, row {row}, column {}: {field:?} is not a finite number", column + 1),
            };
        }
        let class = match record[N].parse::<u8>() {
            Ok(class) if class < classes => class,
            _ => bail!(
                "{name}, row {row}, column {}: {:?} is no class; 0 to {} are expected",
                N + 1,
                &record[N],
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
