//! Breast tumours, benign or malignant: read, divided, scaled.

use super::data;
use anyhow::Result;
use rosenblatt::{data::Standardize, prelude::Seed};
use std::path::Path;

/// The data beside the sources: 569 tumours by 30 measurements; class 0 is malignant, 1 benign.
pub const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/breast_cancer.csv");

/// Measurements and answers.
pub type Samples = (Vec<[f32; 30]>, Vec<[f32; 1]>);

/// The samples in an order drawn from the seed, 80 % and the rest. Both are scaled by what is known of the first part alone: its means and deviations.
pub fn split(path: &Path, seed: Seed) -> Result<(Samples, Samples)> {
    let ((mut x, t), (mut x_test, t_test)) = data::split::<30>(path, 2, seed, |n| n * 4 / 5)?;
    let scale = Standardize::fit(&x)?;
    scale.transform(&mut x);
    scale.transform(&mut x_test);
    let answers = |t: Vec<u8>| t.into_iter().map(|t| [f32::from(t)]).collect();
    Ok(((x, answers(t)), (x_test, answers(t_test))))
}
