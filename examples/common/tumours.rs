//! Breast tumours, benign or malignant: reading, splitting, scaling.

use super::data;
use anyhow::Result;
use rosenblatt::{dataset::Standardize, prelude::Seed};
use std::path::Path;

/// The data set in the repository: 569 tumours with 30 measurements each. Class 0 is malignant, 1
/// is benign.
pub const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/breast_cancer.csv");

/// Measurements and targets.
pub type Samples = (Vec<[f32; 30]>, Vec<[f32; 1]>);

/// The samples in a random order from the seed: 80 % and the rest. Both are scaled with the means
/// and deviations of the first part.
pub fn split(path: &Path, seed: Seed) -> Result<(Samples, Samples)> {
    let ((mut x, t), (mut x_test, t_test)) = data::split::<30>(path, 2, seed, |n| n * 4 / 5)?;
    let scale = Standardize::fit(&x)?;
    scale.transform(&mut x);
    scale.transform(&mut x_test);
    let answers = |t: Vec<u8>| t.into_iter().map(|t| [f32::from(t)]).collect();
    Ok(((x, answers(t)), (x_test, answers(t_test))))
}
