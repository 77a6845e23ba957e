//! Figures of libraries that are in no registry, taken earlier on another machine: AMD Zen 5,
//! full-width AVX-512, 256 GFLOP/s unfused. They stand beside the measured ones and take part in
//! no ratio.

use crate::workload::Workload;

/// A library and its figures, in the units of the report.
pub struct Recorded {
    pub name: &'static str,
    figures: &'static [(&'static str, f64)],
}

/// All of them.
pub static RECORDED: [Recorded; 2] = [
    Recorded {
        name: "RTNeural, Eigen back end (Zen 5)",
        figures: &[
            ("gru8", 57.0),
            ("gru24", 93.0),
            ("gru40", 174.0),
            ("lstm8", 50.0),
            ("lstm16", 54.0),
            ("lstm24", 110.0),
            ("lstm40", 194.0),
        ],
    },
    Recorded {
        name: "libxsmm 2 (Zen 5)",
        figures: &[
            ("gemm4", 27.0),
            ("gemm7", 68.0),
            ("gemm8", 87.0),
            ("gemm16", 231.0),
            ("gemm17", 135.0),
            ("gemm32", 262.0),
            ("gemm33", 172.0),
            ("gemm64", 264.0),
            ("gemm100", 226.0),
            ("gemm128", 262.0),
            ("gemm256", 257.0),
            ("gemm32x784x128", 265.0),
            ("gemm32x128x10", 148.0),
            ("gemm1x784x128", 66.0),
        ],
    },
];

impl Recorded {
    /// The figure of a workload.
    pub fn figure(&self, workload: &Workload) -> Option<f64> {
        let name = workload.name();
        self.figures.iter().find(|(one, _)| *one == name).map(|(_, figure)| *figure)
    }
}
