//! Gradients against finite differences.

/// Distance by which a value is moved to either side. The difference quotient's own error is about
/// H² times the third derivative.
const H: f64 = 1e-5;

/// Central differences of f for each value of x.
pub fn slopes(x: &[f64], f: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let mut moved = x.to_vec();
    (0..x.len())
        .map(|i| {
            let mut at = |value| {
                moved[i] = value;
                f(&moved)
            };
            let slope = (at(x[i] + H) - at(x[i] - H)) / (2.0 * H);
            moved[i] = x[i];
            slope
        })
        .collect()
}

/// Tolerance for f32 against a reference in f64.
#[derive(Clone, Copy)]
pub struct Tolerance {
    /// Relative to the value: the roundings of its computation
    pub relative: f64,
    /// Relative to the greatest value: where terms cancel, rounding is as large as the terms
    pub floor: f64,
    /// Lower bound for the greatest value in `floor` and `visible`
    pub least: f64,
    /// The check must find 1 % off in values above this share of the greatest one, and a fifth of
    /// this share in any value
    pub visible: f64,
}

impl Tolerance {
    fn top(&self, want: &[f64]) -> f64 {
        want.iter().fold(self.least, |top, want| top.max(want.abs()))
    }

    /// The greatest deviation as a share of the tolerance; an error names the first value beyond
    /// it.
    pub fn compare(&self, got: &[f32], want: &[f64]) -> Result<f64, String> {
        assert_eq!(got.len(), want.len());
        let top = self.top(want);
        let mut worst = 0.0f64;
        for (i, (got, want)) in got.iter().zip(want).enumerate() {
            let share =
                (f64::from(*got) - want).abs() / (self.relative * want.abs() + self.floor * top);
            if share.is_nan() || share > 1.0 {
                return Err(format!("value {i} is {got:e}, the judge has {want:e}"));
            }
            worst = worst.max(share);
        }
        Ok(worst)
    }

    /// [`Tolerance::compare`], and a check that the errors of [`Tolerance::visible`] are found.
    /// Gives the greatest share, and the share of values that were tested with 1 %.
    pub fn judge(&self, got: &[f32], want: &[f64]) -> Result<(f64, f64), String> {
        let worst = self.compare(got, want)?;
        let top = self.top(want);
        let mut tried = 0;
        for i in 0..got.len() {
            let seen = |defect: f64| {
                let mut wrong = got.to_vec();
                wrong[i] += defect as f32;
                self.compare(&wrong, want).is_err()
            };
            if want[i].abs() > self.visible * top {
                assert!(seen(0.01 * want[i]), "1 % off at value {i} went unseen");
                tried += 1;
            }
            assert!(seen(0.2 * self.visible * top), "an error at value {i} went unseen");
        }
        Ok((worst, f64::from(tried) / got.len() as f64))
    }
}
