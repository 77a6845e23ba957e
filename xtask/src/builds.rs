//! What the libraries are built with, so that steps which share a build name the same one.

use crate::apt::Need;

/// All features of the libraries. `helium` has no effect on the host.
pub const FEATURES: &str = "rosenblatt-kernels/environments,rosenblatt/alloc,rosenblatt/micromath,rosenblatt/defmt,rosenblatt/helium";

/// What all optimized programs of the host are built with. One set of packages and features: with another one, cargo would
/// compile the kernels and much of what they need anew.
pub const WHOLE: [&str; 4] = ["--workspace", "--release", "--features", FEATURES];

/// The target whose tests are emulated.
pub const ARM_TRIPLE: &str = "aarch64-unknown-linux-gnu";

/// Its C compiler, which links.
pub const ARM_LINKER: Need =
    Need { any_of: &["aarch64-linux-gnu-gcc"], package: "gcc-aarch64-linux-gnu" };

/// Its C library.
pub const ARM_LIBC: Need =
    Need { any_of: &["/usr/aarch64-linux-gnu/lib/crt1.o"], package: "libc6-dev-arm64-cross" };

/// What everything for the target is built with, so that it is compiled once.
pub const ARM_ARGS: [&str; 11] = [
    "--release",
    "--features",
    FEATURES,
    "--package",
    "rosenblatt",
    "--package",
    "rosenblatt-kernels",
    "--package",
    "rosenblatt-tests",
    "--package",
    "rosenblatt-golden",
];
