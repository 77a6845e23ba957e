//! Standardization of columns: mean 0 and standard deviation 1.

use crate::error::{Error, Result};
use rosenblatt_kernels::{
    environment::standard,
    math::{self, Sum},
};

/// Brings each column to mean 0 and standard deviation 1: x′ = (x − mean) / deviation, as
/// scikit-learn's `StandardScaler`.
///
/// Fit it to the training samples; apply it to these and to all later samples. It is two rows of
/// numbers, whatever the number of samples.
///
/// mean = Σx / n and deviation = √((Σd² − (Σd)² / n) / n) with d = x − mean. This is the
/// population's deviation, corrected for the rounding of the mean (Chan, Golub and LeVeque, 1983).
/// Each sum runs over the samples in order and is compensated (Kahan, 1965). The relative error of
/// mean and deviation is below 1e-6 for 10⁸ samples. A column is first scaled to a size near 1 by a
/// power of two, so that no square overflows or underflows. If all values of a column are equal,
/// its mean is that value, its deviation is 0, and it becomes 0.
///
/// ```
/// use rosenblatt::dataset::Standardize;
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
    /// The standard deviation of each column; 0 if all its values are equal
    pub deviation: [f32; I],
}

impl<const I: usize> Standardize<I> {
    /// Computes mean and deviation of these samples.
    /// # Errors
    /// [`Error::Empty`] for no samples. [`Error::Input`] for a value that is infinite or NaN.
    pub fn fit(rows: &[[f32; I]]) -> Result<Self> {
        let Some(first) = rows.first() else {
            return Err(Error::Empty);
        };
        super::finite_inputs(rows)?;
        Ok(standard(|| Self::of(rows, first)))
    }

    fn of(rows: &[[f32; I]], first: &[f32; I]) -> Self {
        let n = rows.len() as f32;
        let mut columns = first.map(Column::new);
        for row in rows {
            columns.iter_mut().zip(row).for_each(|(column, x)| column.look_at(*x));
        }
        for row in rows {
            columns.iter_mut().zip(row).for_each(|(column, x)| column.sum.add(column.scaled(*x)));
        }
        for column in &mut columns {
            column.mean = column.sum.value() / n;
        }
        for row in rows {
            columns.iter_mut().zip(row).for_each(|(column, x)| column.add_distance(*x));
        }
        Self {
            mean: columns.each_ref().map(Column::mean),
            deviation: columns.each_ref().map(|c| c.deviation(n)),
        }
    }

    /// x ← (x − mean) / deviation for each row; x − mean if the deviation is 0. One subtraction and
    /// one division. (If the subtraction overflows, half the values are subtracted and the result
    /// is doubled.)
    pub fn transform(&self, rows: &mut [[f32; I]]) {
        standard(|| self.apply(rows));
    }

    fn apply(&self, rows: &mut [[f32; I]]) {
        for row in rows {
            for ((x, mean), deviation) in row.iter_mut().zip(&self.mean).zip(&self.deviation) {
                let from_mean = *x - mean;
                *x = if *deviation == 0.0 {
                    from_mean
                } else if from_mean.is_infinite() {
                    (*x * 0.5 - mean * 0.5) / deviation * 2.0
                } else {
                    from_mean / deviation
                };
            }
        }
    }
}

/// Statistics of a column. The sums are of its values times a power of two ([`Column::scaled`]).
#[derive(Clone, Copy)]
struct Column {
    first: f32,
    /// Whether all values equal the first
    constant: bool,
    /// The greatest |x|
    size: f32,
    sum: Sum,
    /// The mean of the scaled values
    mean: f32,
    /// Σd and Σd²
    distances: Sum,
    squares: Sum,
}

impl Column {
    fn new(first: f32) -> Self {
        let zero = Sum::ZERO;
        Self {
            first,
            constant: true,
            size: 0.0,
            sum: zero,
            mean: 0.0,
            distances: zero,
            squares: zero,
        }
    }

    fn look_at(&mut self, x: f32) {
        self.constant &= x == self.first;
        if self.size < x.abs() {
            self.size = x.abs();
        }
    }

    /// The exponent n of the greatest value, limited so that 2ⁿ and 2⁻ⁿ are normal numbers.
    fn exponent(&self) -> i32 {
        ((self.size.to_bits() >> 23) as i32 - 127).clamp(-126, 126)
    }

    fn scaled(&self, x: f32) -> f32 {
        x * power_of_two(-self.exponent())
    }

    fn unscaled(&self, x: f32) -> f32 {
        x * power_of_two(self.exponent())
    }

    fn add_distance(&mut self, x: f32) {
        let d = self.scaled(x) - self.mean;
        self.distances.add(d);
        self.squares.add(d * d);
    }

    fn mean(&self) -> f32 {
        if self.constant { self.first } else { self.unscaled(self.mean) }
    }

    fn deviation(&self, n: f32) -> f32 {
        if self.constant {
            return 0.0;
        }
        let d = self.distances.value();
        let variance = (self.squares.value() - d * d / n) / n;
        // Rounding can give a number slightly below 0.
        self.unscaled(math::sqrt(if variance > 0.0 { variance } else { 0.0 }))
    }
}

/// 2ⁿ for −126 ≤ n ≤ 126
fn power_of_two(n: i32) -> f32 {
    f32::from_bits(((127 + n) as u32) << 23)
}
