//! The search for values that are not finite, and the comparison of lengths.

use crate::error::{Error, Result};
use rosenblatt_kernels::F32Array;

/// The expected value of an error about an infinite or NaN number.
const FINITE: &str = "a finite number";

/// Sample, column and value of the first number that is infinite or NaN.
#[cold]
fn first_not_finite<R: F32Array>(rows: &[R]) -> Option<(usize, usize, f32)> {
    rows.iter().enumerate().find_map(|(sample, row)| {
        let (column, value) =
            row.as_flat().iter().enumerate().find(|(_, value)| !value.is_finite())?;
        Some((sample, column, *value))
    })
}

/// An error unless all values of all samples are finite. (In a sample with several dimensions the
/// column is the index in memory.)
///
/// It checks one value after the other. Use it for new data, and to find the offending value when a
/// loss is not finite.
/// # Errors
/// [`Error::Input`] names the first value that is infinite or NaN.
pub fn finite_inputs<R: F32Array>(x: &[R]) -> Result<()> {
    match first_not_finite(x) {
        Some((sample, column, value)) => {
            Err(Error::Input { sample, column, value, expected: FINITE })
        }
        None => Ok(()),
    }
}

/// The error about samples that hold a value that is not finite.
#[inline(always)]
pub(crate) fn bad_input<R: F32Array>(x: &[R]) -> Error {
    let (sample, column, value) = first_not_finite(x).unwrap_or((0, 0, f32::NAN));
    Error::Input { sample, column, value, expected: FINITE }
}

/// [`finite_inputs`] for targets.
/// # Errors
/// [`Error::Target`] names the first value that is infinite or NaN.
pub fn finite_targets<R: F32Array>(t: &[R]) -> Result<()> {
    match first_not_finite(t) {
        Some((sample, output, value)) => {
            Err(Error::Target { sample, output, value, expected: FINITE })
        }
        None => Ok(()),
    }
}

/// An error unless there are as many targets as inputs.
/// # Errors
/// [`Error::Lengths`] with both numbers.
#[inline(always)]
pub fn same_lengths<X, T>(x: &[X], t: &[T]) -> Result<()> {
    if x.len() == t.len() {
        Ok(())
    } else {
        Err(Error::Lengths { inputs: x.len(), targets: t.len() })
    }
}
