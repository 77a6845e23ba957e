//! How good a network is: accuracy and the confusion matrix.

use crate::error::{Error, Result};
use core::fmt;

/// The class that outputs (or a one-hot target) stand for: with one output whether it is above ½, else the index of the
/// greatest, the first of equals.
#[must_use]
pub fn predicted(y: &[f32]) -> usize {
    if let [p] = y {
        return usize::from(*p > 0.5);
    }
    let (mut best, mut top) = (0, f32::NEG_INFINITY);
    for (class, &p) in y.iter().enumerate() {
        if p > top {
            (best, top) = (class, p);
        }
    }
    best
}

/// What `evaluate` found.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Evaluation {
    /// Mean loss over all samples
    pub loss: f32,
    /// Samples whose class was predicted
    pub correct: usize,
    /// All samples
    pub samples: usize,
}

impl Evaluation {
    /// The share of samples whose class was predicted, 0 to 1.
    #[must_use]
    pub fn accuracy(&self) -> f32 {
        self.correct as f32 / self.samples as f32
    }
}

/// How often a class (row) was taken for a class (column).
///
/// ```
/// use rosenblatt::metrics::Confusion;
/// let mut seen = Confusion::<3>::new();
/// seen.record(0, 0)?;
/// seen.record(2, 1)?;
/// assert_eq!(seen.count(2, 1), 1);
/// assert_eq!(seen.accuracy(), 0.5);
/// assert!(seen.record(3, 0).is_err());
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Confusion<const C: usize>([[u32; C]; C]);

impl<const C: usize> Confusion<C> {
    /// Nothing seen yet.
    #[must_use]
    pub const fn new() -> Self {
        Self([[0; C]; C])
    }

    /// Counts one sample.
    /// # Errors
    /// [`Error::Class`] if either is not below `C`; `sample` is then the number of samples counted so far.
    pub fn record(&mut self, actual: usize, predicted: usize) -> Result<()> {
        let sample = self.total() as usize;
        let class = actual.max(predicted);
        match self.0.get_mut(actual).and_then(|row| row.get_mut(predicted)) {
            Some(count) => {
                *count = count.saturating_add(1);
                Ok(())
            }
            None => Err(Error::Class { sample, class, classes: C }),
        }
    }

    /// How often class `actual` was taken for `predicted`; 0 for classes there are not.
    #[must_use]
    pub fn count(&self, actual: usize, predicted: usize) -> u32 {
        self.0.get(actual).and_then(|row| row.get(predicted)).copied().unwrap_or(0)
    }

    /// Samples counted.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.0.iter().flatten().sum()
    }

    /// The share on the diagonal; NaN if nothing was counted.
    #[must_use]
    pub fn accuracy(&self) -> f32 {
        let right: u32 = self.0.iter().enumerate().filter_map(|(class, row)| row.get(class)).sum();
        right as f32 / self.total() as f32
    }
}

impl<const C: usize> Default for Confusion<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const C: usize> fmt::Display for Confusion<C> {
    /// Rows are the actual classes, columns the predicted ones; zeros are dots. Ends with each class's share found.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("actual \\ predicted\n      ")?;
        for class in 0..C {
            write!(f, "{class:>5}")?;
        }
        f.write_str("    found\n")?;
        for (class, row) in self.0.iter().enumerate() {
            write!(f, "{class:>5} ")?;
            for &count in row {
                if count == 0 {
                    write!(f, "{:>5}", ".")?;
                } else {
                    write!(f, "{count:>5}")?;
                }
            }
            let all: u32 = row.iter().sum();
            if all == 0 {
                writeln!(f, "{:>9}", "-")?;
            } else {
                writeln!(f, "{:>7.1} %", 100.0 * self.count(class, class) as f32 / all as f32)?;
            }
        }
        Ok(())
    }
}
