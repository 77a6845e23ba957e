//! Paths of the workspace.

use std::env;
use std::path::{Path, PathBuf};

/// The workspace's root folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the workspace's root folder")
}

/// Cargo's target folder for the host's own builds.
pub fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// A separate target folder for builds with other flags. These builds and the host's builds do not
/// replace each other's files.
pub fn side_target(name: &str) -> PathBuf {
    target().join(name)
}
