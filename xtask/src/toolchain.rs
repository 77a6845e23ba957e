//! The Rust toolchain in use, and how it gets the standard library of a target that it lacks.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::{paths, process, rust_src};

/// How long rustup may take for one download before it counts as unreachable.
const RUSTUP_LIMIT: Duration = Duration::from_secs(60);

/// How long rustup may take to install a whole toolchain.
const MIRI_LIMIT: Duration = Duration::from_secs(180);

/// What `rustc -vV` and `rustc --print sysroot` print.
pub struct Rustc {
    /// For example `1.95.0`.
    pub release: String,
    /// The target it runs on.
    pub host: String,
    /// The toolchain's root folder.
    pub sysroot: PathBuf,
}

impl Rustc {
    /// The compiler in use.
    pub fn get() -> Result<&'static Self> {
        static RUSTC: OnceLock<Rustc> = OnceLock::new();
        if RUSTC.get().is_none() {
            let _ = RUSTC.set(Self::ask()?);
        }
        Ok(RUSTC.get().expect("just set"))
    }

    fn ask() -> Result<Self> {
        let version = process::read(rustc().arg("-vV"))?;
        let field = |name: &str| {
            let value =
                version.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            value.map(str::to_owned).with_context(|| format!("`rustc -vV` prints no {name}"))
        };
        Ok(Self {
            release: field("release")?,
            host: field("host")?,
            sysroot: process::read(rustc().args(["--print", "sysroot"]))?.into(),
        })
    }

    /// Where cargo's `-Zbuild-std` expects the library's source.
    fn source(&self) -> PathBuf {
        self.sysroot.join("lib/rustlib/src/rust/library")
    }
}

fn rustc() -> Command {
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

/// A target for which crates can be built.
#[derive(Clone, Copy)]
pub struct Target {
    triple: &'static str,
    build_std: bool,
}

impl Target {
    /// Makes sure that crates can be built for this target.
    ///
    /// The usual way is `rustup target add`. Where rustup is absent or cannot download, cargo's
    /// `-Zbuild-std` builds the standard library from source. That flag is unstable and needs
    /// `RUSTC_BOOTSTRAP`. Our own crates remain stable Rust, as the host's builds show.
    pub fn prepare(triple: &'static str) -> Result<Self> {
        let rustc = Rustc::get()?;
        let with = |build_std| Ok(Self { triple, build_std });
        if rustc.host == triple || installed(triple)? {
            return with(false);
        }
        // Another step may have installed it meanwhile.
        let _alone = process::installing()?;
        if installed(triple)? {
            return with(false);
        }
        // A source that rustup did not install is there because rustup failed in an earlier run, or
        // because the distribution packages it. Rustup is not asked again.
        let source = rustc.source();
        let from_rustup = rustc.sysroot.join("lib/rustlib/manifest-rust-src").exists();
        if source.exists() && !from_rustup && rust_src::is_for(&source, &rustc.release) {
            return with(true);
        }
        if rustup(&["target", "add", triple])? && installed(triple)? {
            return with(false);
        }
        if source.exists() && from_rustup {
            return with(true);
        }
        if rustup(&["component", "add", "rust-src"])? && source.exists() {
            return with(true);
        }
        rust_src::install(&rustc.release, &source).with_context(|| {
            format!(
                "no standard library for {triple}: `rustup target add {triple}` failed, and so did \
                 the download of its source"
            )
        })?;
        with(true)
    }

    /// Where its standard library comes from. The same compiler generates different code with a
    /// precompiled library and with a library built here.
    pub fn library(self) -> &'static str {
        if self.build_std { "built here" } else { "precompiled" }
    }

    /// A cargo command for this target.
    ///
    /// `folder` is the target folder. `clippy` needs a different one from `build` and `test`: in a
    /// shared folder they would rebuild the standard library in turn. `crates` are the parts of the
    /// standard library to build, if it has to be built. Empty means all of it.
    pub fn cargo<S: AsRef<OsStr>>(
        self,
        subcommand: &str,
        folder: &str,
        crates: &str,
        args: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = process::cargo([subcommand, "--target", self.triple, "--target-dir"]);
        command.arg(paths::side_target(folder));
        if self.build_std {
            command.env("RUSTC_BOOTSTRAP", "1");
            command.arg(if crates.is_empty() {
                "-Zbuild-std".to_owned()
            } else {
                format!("-Zbuild-std={crates}")
            });
        }
        command.args(args);
        command
    }

    /// The environment variable of a cargo setting for this target, for example
    /// `CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS`.
    pub fn variable(self, setting: &str) -> String {
        format!("CARGO_TARGET_{}_{setting}", self.triple.to_uppercase().replace(['-', '.'], "_"))
    }

    /// The folder of this target's release build.
    pub fn release_folder(self, folder: &str) -> PathBuf {
        paths::side_target(folder).join(self.triple).join("release")
    }
}

/// Whether the toolchain has a compiled library for a target.
fn installed(triple: &str) -> Result<bool> {
    let folder = process::read(rustc().args(["--print", "target-libdir", "--target", triple]))?;
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(false);
    };
    Ok(entries
        .flatten()
        .any(|entry| Path::new(&entry.file_name()).extension() == Some(OsStr::new("rlib"))))
}

/// Runs rustup, and returns whether it succeeded. After a failure it is not run again, because the
/// network would be the same.
fn rustup(args: &[&str]) -> Result<bool> {
    static UNREACHABLE: AtomicBool = AtomicBool::new(false);
    if UNREACHABLE.load(Ordering::Relaxed) {
        return Ok(false);
    }
    let Some(rustup) = process::find("rustup") else {
        return Ok(false);
    };
    print!("rustup {}: ", args.join(" "));
    let done = process::succeeds_within(Command::new(rustup).args(args), RUSTUP_LIMIT)?;
    println!("{}", if done { "done" } else { "not possible here" });
    UNREACHABLE.store(!done, Ordering::Relaxed);
    Ok(done)
}

/// A nightly toolchain that has Miri.
pub struct Miri(PathBuf);

impl Miri {
    /// Looks for the toolchain, and installs it by rustup if it is missing. The inner error says
    /// why it cannot be installed.
    pub fn find() -> Result<Result<Self, String>> {
        let Some(rustup) = process::find("rustup") else {
            return Ok(Err("there is no rustup to bring a nightly toolchain with Miri".into()));
        };
        let miri = Self(rustup);
        let present =
            |miri: &Self| process::succeeds_within(miri.cargo().arg("--version"), MIRI_LIMIT);
        if !present(&miri)? {
            let _alone = process::installing()?;
            let profile = [
                "toolchain",
                "install",
                "nightly",
                "--profile",
                "minimal",
                "--component",
                "miri,rust-src",
            ];
            println!("rustup {}", profile.join(" "));
            // This does not call the function `rustup`. Some nightlies have no Miri, and such a
            // failure does not mean that the network is unreachable.
            if !process::succeeds_within(Command::new(&miri.0).args(profile), MIRI_LIMIT)?
                || !present(&miri)?
            {
                return Ok(Err(
                    "there is no nightly toolchain with Miri, and rustup cannot download one"
                        .into(),
                ));
            }
        }
        Ok(Ok(miri))
    }

    fn cargo(&self) -> Command {
        let mut command = Command::new(&self.0);
        command.args(["run", "nightly", "cargo", "miri"]).current_dir(paths::root());
        // The cargo that runs this xtask sets these variables.
        command.env_remove("RUSTC").env_remove("CARGO");
        command
    }

    /// `cargo miri test` for a target, which needs no linker and no emulator.
    pub fn test(&self, triple: &str, flags: &str) -> Command {
        let mut command = self.cargo();
        command.args(["test", "--target", triple, "--target-dir"]).arg(paths::side_target("miri"));
        command.env("RUSTFLAGS", flags);
        command
    }
}

/// Fails unless cargo has this subcommand. If it is missing, rustup is asked to install its
/// component.
pub fn ensure_component(subcommand: &str, component: &str) -> Result<()> {
    let present =
        || process::succeeds_within(&mut process::cargo([subcommand, "--version"]), RUSTUP_LIMIT);
    if present()? {
        return Ok(());
    }
    let _alone = process::installing()?;
    if present()? || (rustup(&["component", "add", component])? && present()?) {
        return Ok(());
    }
    bail!("`cargo {subcommand}` is missing: install the toolchain's component {component}")
}
