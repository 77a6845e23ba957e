//! For the `build.rs` of a program: a model becomes Rust when the program is compiled.

use crate::{
    files::{self, Hints, Target},
    fold,
    tensors::Layout,
};
use anyhow::{Context, Result};
use std::{env, path::Path};

/// What a `build.rs` may set.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What the file leaves open: the layers of a file of weights, the shape of a sample
    pub hints: Hints,
    /// Whether batch normalizations become part of the layers before them
    pub fold: bool,
}

/// Writes `NAME.rs`, in small letters, into `OUT_DIR`: the type `NAME` of the network in `model` and
/// a `static` with its weights. The program includes it:
/// `include!(concat!(env!("OUT_DIR"), "/name.rs"));`
///
/// It runs again when the model changes. An error stops the build and is printed.
/// # Panics
/// If the model cannot be converted, with what is wrong: that ends the `build.rs`.
pub fn convert(model: &str, name: &str, options: Options) {
    println!("cargo:rerun-if-changed={model}");
    if let Err(error) = write(Path::new(model), name, &options) {
        // cargo prints the lines of a build.rs that fails.
        panic!("{error:#}");
    }
}

fn write(model: &Path, name: &str, options: &Options) -> Result<()> {
    let found = files::read(model, &options.hints)?;
    for note in &found.notes {
        println!("cargo:warning={}: {note}", model.display());
    }
    let net = if options.fold { fold::fold(&found.model)? } else { found.model };
    let out = env::var_os("OUT_DIR").context("OUT_DIR is not set: this is for a build.rs")?;
    let to = Path::new(&out).join(format!("{}.rs", name.to_lowercase()));
    let source = model.file_name().unwrap_or_default().to_string_lossy();
    files::write(&to, &net, &Target { layout: Layout::Keras, name, source: &source })
}
