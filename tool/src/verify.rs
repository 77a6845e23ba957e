//! Compares what a network predicts with what it should.

use crate::{golden::Rows, model::Model, run};
use anyhow::{Result, ensure};

/// How far predictions are from the expected outputs.
#[derive(Clone, Debug)]
pub struct Report {
    /// Number of samples
    pub samples: usize,
    /// The backends on which all bits were the same
    pub backends: Vec<String>,
    /// The largest difference
    pub largest: f32,
    /// Where it is: sample, output, predicted, expected
    pub place: (usize, usize, f32, f32),
    /// The mean difference
    pub mean: f64,
    /// How many outputs have the same bits
    pub same: usize,
    /// Number of outputs
    pub outputs: usize,
}

/// Predicts the samples and compares.
/// # Errors
/// If the network does not run, or for another number of rows.
pub fn verify(model: &Model, samples: &Rows, expected: &Rows) -> Result<Report> {
    ensure!(
        samples.count == expected.count,
        "there are {} samples and {} expected outputs",
        samples.count,
        expected.count
    );
    let predictions = run::predict(model, samples)?;
    let found = &predictions.rows.values;
    ensure!(found.len() == expected.values.len(), "the program gave {} values", found.len());
    let width = (found.len() / samples.count.max(1)).max(1);
    let mut report = Report {
        samples: samples.count,
        backends: predictions.backends,
        largest: 0.0,
        place: (0, 0, 0.0, 0.0),
        mean: 0.0,
        same: 0,
        outputs: found.len(),
    };
    for (i, (y, t)) in found.iter().zip(&expected.values).enumerate() {
        let difference = (y - t).abs();
        report.mean += f64::from(difference) / found.len() as f64;
        report.same += usize::from(y.to_bits() == t.to_bits());
        // A NaN is the worst of all. If all are equal, the first one is shown.
        if i == 0 || report.largest.total_cmp(&difference).is_lt() {
            report.largest = difference;
            report.place = (i / width, i % width, *y, *t);
        }
    }
    Ok(report)
}
