//! Metrics: accuracy and the confusion matrix.

use crate::error::{Error, Result};
use core::fmt;
use rosenblatt_kernels::{environment::standard, persist};

/// The class of outputs, or of a one-hot target. With one output, the class is 1 if it is above ½,
/// else 0. With several, it is the index of the greatest, the first of equal ones. `None` if an
/// output is NaN; such a sample counts as wrong.
///
/// ```
/// use rosenblatt::metrics::predicted;
/// assert_eq!(predicted(&[0.7]), Some(1));
/// assert_eq!(predicted(&[0.1, 0.6, 0.3]), Some(1));
/// assert_eq!(predicted(&[f32::NAN, 0.6, 0.3]), None);
/// ```
#[must_use]
pub fn predicted(y: &[f32]) -> Option<usize> {
    if let [p] = y {
        return if p.is_nan() { None } else { Some(usize::from(*p > 0.5)) };
    }
    let (mut best, mut top) = (0, f32::NEG_INFINITY);
    for (class, &p) in y.iter().enumerate() {
        if p.is_nan() {
            return None;
        }
        if p > top {
            (best, top) = (class, p);
        }
    }
    Some(best)
}

/// [`predicted`] of a target. If it has no class, a class that no output has.
#[inline(always)]
pub(crate) fn class_of(t: &[f32]) -> usize {
    predicted(t).unwrap_or(usize::MAX)
}

/// The result of `evaluate`.
///
/// ```
/// use rosenblatt::prelude::*;
/// use rosenblatt::metrics::Evaluation;
/// let found = Evaluation { loss: 0.5, correct: 3, samples: 4 };
/// assert_eq!(found.accuracy(), 0.75);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Evaluation {
    /// Mean loss over all samples
    pub loss: f32,
    /// Samples whose class was predicted. Samples with NaN outputs do not count
    pub correct: usize,
    /// Number of samples
    pub samples: usize,
}

persist!([] Evaluation = "evaluation": { loss: f32, correct: usize, samples: usize });

impl Evaluation {
    /// The share of samples whose class was predicted, 0 to 1.
    #[must_use]
    pub fn accuracy(&self) -> f32 {
        standard(|| self.correct as f32 / self.samples as f32)
    }
}

/// Counts of actual classes (rows) and predicted classes (columns).
///
/// ```
/// use rosenblatt::metrics::ConfusionMatrix;
/// let mut seen = ConfusionMatrix::<3>::new();
/// seen.record(0, 0)?;
/// seen.record(2, 1)?;
/// assert_eq!(seen.count(2, 1), 1);
/// assert_eq!(seen.accuracy(), 0.5);
/// assert!(seen.record(3, 0).is_err());
/// seen.record(1, None)?; // NaN outputs have no class
/// assert_eq!((seen.undecided(1), seen.total()), (1, 3));
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ConfusionMatrix<const C: usize> {
    counts: [[u32; C]; C],
    undecided: [u32; C],
}

impl<const C: usize> ConfusionMatrix<C> {
    /// A matrix without samples.
    #[must_use]
    pub const fn new() -> Self {
        Self { counts: [[0; C]; C], undecided: [0; C] }
    }

    /// Counts one sample. `predicted` is a class, or the result of [`predicted`]; `None` counts as
    /// undecided.
    /// # Errors
    /// [`Error::Class`] if either class is not below `C`. Its `sample` is the number of samples
    /// counted so far.
    pub fn record(&mut self, actual: usize, predicted: impl Into<Option<usize>>) -> Result<()> {
        let sample = self.total() as usize;
        let predicted = predicted.into();
        let class = predicted.map_or(actual, |predicted| actual.max(predicted));
        let count = match predicted {
            Some(predicted) => self.counts.get_mut(actual).and_then(|row| row.get_mut(predicted)),
            None => self.undecided.get_mut(actual),
        };
        match count {
            Some(count) => {
                *count = count.saturating_add(1);
                Ok(())
            }
            None => Err(Error::Class { sample, class, classes: C }),
        }
    }

    /// Number of samples of class `actual` that were predicted as `predicted`; 0 for a class of `C`
    /// or more.
    #[must_use]
    pub fn count(&self, actual: usize, predicted: usize) -> u32 {
        self.counts.get(actual).and_then(|row| row.get(predicted)).copied().unwrap_or(0)
    }

    /// Number of samples of class `actual` without a prediction, because an output was NaN; 0 for a
    /// class of `C` or more.
    #[must_use]
    pub fn undecided(&self, actual: usize) -> u32 {
        self.undecided.get(actual).copied().unwrap_or(0)
    }

    /// Number of samples, including the undecided ones.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.counts.iter().flatten().chain(&self.undecided).fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// The share of samples on the diagonal; NaN if there are no samples.
    #[must_use]
    pub fn accuracy(&self) -> f32 {
        let right: u32 =
            self.counts.iter().enumerate().filter_map(|(class, row)| row.get(class)).sum();
        standard(|| right as f32 / self.total() as f32)
    }
}

impl<const C: usize> Default for ConfusionMatrix<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const C: usize> fmt::Display for ConfusionMatrix<C> {
    /// Rows are the actual classes, columns the predicted ones. Zeros are dots. A row ends with the
    /// share of its class that was predicted correctly, and the number of undecided samples if
    /// there are any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("actual \\ predicted\n      ")?;
        for class in 0..C {
            write!(f, "{class:>5}")?;
        }
        f.write_str("    found\n")?;
        for (class, (row, undecided)) in self.counts.iter().zip(&self.undecided).enumerate() {
            write!(f, "{class:>5} ")?;
            for &count in row {
                if count == 0 {
                    write!(f, "{:>5}", ".")?;
                } else {
                    write!(f, "{count:>5}")?;
                }
            }
            let all = row.iter().fold(*undecided, |sum, n| sum.saturating_add(*n));
            if all == 0 {
                write!(f, "{:>9}", "-")?;
            } else {
                write!(f, "{:>7.1} %", 100.0 * self.count(class, class) as f32 / all as f32)?;
            }
            if *undecided > 0 {
                write!(f, "  {undecided} undecided (NaN)")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
