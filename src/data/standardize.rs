//! Columns brought to mean 0 and deviation 1.

use crate::error::{Error, Result};
use rosenblatt_kernels::{Simd, arch::scalar::Scalar};

/// Brings each column to mean 0 and standard deviation 1: x′ = (x − mean) / deviation, as scikit-learn's `StandardScaler`.
///
/// Fitted to the training samples, applied to these and to all later ones. It is plain data of two rows, whatever the number of samples.
///
/// mean = Σx / n and deviation = √((Σd² − (Σd)² / n) / n), d = x − mean (the population's deviation, corrected for the rounding of the mean: Chan, Golub and
/// LeVeque, 1983). Each sum runs over the samples in their order and is compensated (Kahan, 1965): a million samples cost no digits. A column whose
/// values are all equal has that value as its mean and deviation 0, and becomes 0. (So has one whose squared distances from the mean are below f32.)
///
/// ```
/// use rosenblatt::data::Standardize;
/// let mut rows = [[1.0, 5.0], [3.0, 5.0]];
/// let scale = Standardize::fit(&rows)?;
/// assert_eq!((scale.mean, scale.deviation), ([2.0, 5.0], [1.0, 0.0]));
/// scale.transform(&mut rows);
/// assert_eq!(rows, [[-1.0, 0.0], [1.0, 0.0]]);
/// # Ok::<(), rosenblatt::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Standardize<const I: usize> {
    /// The mean of each column
    pub mean: [f32; I],
    /// The standard deviation of each column; 0 where all its values are equal
    pub deviation: [f32; I],
}

impl<const I: usize> Standardize<I> {
    /// Means and deviations of these samples.
    /// # Errors
    /// [`Error::Empty`] for no samples; [`Error::Input`] for a value that is infinite or NaN, or whose column's sum or sum of squares is beyond f32 (named is
    /// the column's value of the greatest size).
    pub fn fit(rows: &[[f32; I]]) -> Result<Self> {
        let Some(first) = rows.first() else {
            return Err(Error::Empty);
        };
        super::finite_inputs(rows)?;
        let n = rows.len() as f32;

        let mut constant = [true; I];
        let mut sums = [Sum::ZERO; I];
        for row in rows {
            for (((sum, constant), x), first) in sums.iter_mut().zip(&mut constant).zip(row).zip(first) {
                sum.add(*x);
                *constant &= x == first;
            }
        }
        let mut mean = *first;
        for ((mean, sum), constant) in mean.iter_mut().zip(&sums).zip(&constant) {
            if !constant {
                *mean = sum.value / n;
            }
        }

        let mut sums = [(Sum::ZERO, Sum::ZERO); I];
        for row in rows {
            for (((d, squares), x), mean) in sums.iter_mut().zip(row).zip(&mean) {
                let from_mean = x - mean;
                d.add(from_mean);
                squares.add(from_mean * from_mean);
            }
        }
        let mut deviation = [0.0; I];
        for (column, ((deviation, (d, squares)), constant)) in
            deviation.iter_mut().zip(&sums).zip(&constant).enumerate()
        {
            if !constant {
                let variance = (squares.value - d.value * d.value / n) / n;
                if !variance.is_finite() {
                    return Err(greatest(rows, column));
                }
                // Rounding may leave a little less than nothing.
                *deviation = Scalar.sqrt(if variance > 0.0 { variance } else { 0.0 });
            }
        }
        Ok(Self { mean, deviation })
    }

    /// x ← (x − mean) / deviation for each row, x − mean where the deviation is 0: one subtraction and one division.
    pub fn transform(&self, rows: &mut [[f32; I]]) {
        for row in rows {
            for ((x, mean), deviation) in row.iter_mut().zip(&self.mean).zip(&self.deviation) {
                let from_mean = *x - mean;
                *x = if *deviation == 0.0 { from_mean } else { from_mean / deviation };
            }
        }
    }
}

/// The error that names a column's value of the greatest size.
#[cold]
fn greatest<const I: usize>(rows: &[[f32; I]], column: usize) -> Error {
    let mut worst = (0, 0.0f32);
    for (sample, row) in rows.iter().enumerate() {
        if let Some(&value) = row.get(column)
            && value.abs() > worst.1.abs()
        {
            worst = (sample, value);
        }
    }
    let expected = "a number whose column has sums and squares within f32";
    Error::Input { sample: worst.0, column, value: worst.1, expected }
}

/// A sum that carries along what each addition rounded away.
#[derive(Clone, Copy)]
struct Sum {
    value: f32,
    /// What `value` is too large by
    excess: f32,
}

impl Sum {
    const ZERO: Self = Self { value: 0.0, excess: 0.0 };

    #[inline(always)]
    fn add(&mut self, x: f32) {
        let x = x - self.excess;
        let value = self.value + x;
        self.excess = (value - self.value) - x;
        self.value = value;
    }
}
