//! The arguments of the builds that several steps share.

use crate::apt::Need;

/// All features of the libraries. `helium` has no effect on the host.
pub const FEATURES: &str = "rosenblatt-kernels/environments,rosenblatt/alloc,rosenblatt/micromath,\
                            rosenblatt/defmt,rosenblatt/helium";

/// The arguments of all optimized builds for the host. They share one set of packages and features.
/// With another set, cargo would compile the kernels and much of their dependencies again. This
/// program is left out: it and its dependencies are compiled already, without optimization.
pub const WHOLE: [&str; 6] =
    ["--workspace", "--exclude", "xtask", "--release", "--features", FEATURES];

/// The target whose tests are emulated.
pub const ARM_TRIPLE: &str = "aarch64-unknown-linux-gnu";

/// Its C compiler, which is the linker.
pub const ARM_LINKER: Need =
    Need { any_of: &["aarch64-linux-gnu-gcc"], package: "gcc-aarch64-linux-gnu" };

/// Its C library.
pub const ARM_LIBC: Need =
    Need { any_of: &["/usr/aarch64-linux-gnu/lib/crt1.o"], package: "libc6-dev-arm64-cross" };

/// The arguments of every build for the target. They are equal, so that cargo compiles once.
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
