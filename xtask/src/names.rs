//! Symbol names that do not depend on the folder of a clone.
//!
//! Cargo passes `-C metadata=HASH` to rustc. For a crate outside of the workspace the hash contains
//! the path of its folder, and the firmware's workspace uses the library from outside. The hash
//! decides the order of functions in the program, the order decides what the compiler inlines, and
//! so the same commit had 12 KB of code in one folder and 28 KB in another. Here this program runs
//! as cargo's `RUSTC_WRAPPER` and replaces the hash.

use std::ffi::OsString;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

/// Set where this program runs as a wrapper.
const VARIABLE: &str = "ROSENBLATT_STABLE_NAMES";

/// Another value gives other names, to see how much a figure depends on them.
const SALT: &str = "ROSENBLATT_NAMES_SALT";

/// Makes a cargo command build with names that do not depend on the folder.
pub fn stable(command: &mut Command) -> Result<()> {
    let this = std::env::current_exe().context("the path of this program")?;
    command.env("RUSTC_WRAPPER", this).env(VARIABLE, "1");
    Ok(())
}

/// Runs rustc if this program was started as a wrapper by [`stable`]'s cargo.
pub fn wrapper() -> Option<ExitCode> {
    std::env::var_os(VARIABLE)?;
    // Cargo's first argument for a wrapper is the compiler.
    let mut args = std::env::args_os().skip(1);
    let rustc = args.next()?;
    match Command::new(&rustc).args(renamed(args.collect())).status() {
        Ok(status) => {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            Some(ExitCode::from(code.unwrap_or(1)))
        }
        Err(error) => {
            eprintln!("cannot run {}: {error}", rustc.display());
            Some(ExitCode::FAILURE)
        }
    }
}

/// The arguments with another `metadata`: a hash of all that tells crates of one program apart.
fn renamed(mut args: Vec<OsString>) -> Vec<OsString> {
    let is_metadata = |arg: &OsString| arg.to_str().is_some_and(|arg| arg.starts_with("metadata="));
    let Some(place) = args.iter().position(is_metadata) else {
        return args;
    };
    let mut hasher = DefaultHasher::new();
    for name in ["CARGO_PKG_NAME", "CARGO_PKG_VERSION", SALT] {
        std::env::var_os(name).hash(&mut hasher);
    }
    // The crate's own name, its kind, its features, its target and its opt-level.
    for pair in args.windows(2) {
        let told = ["--crate-name", "--crate-type", "--cfg", "--target"];
        let level = pair[1].to_str().is_some_and(|value| value.starts_with("opt-level="));
        if level || pair[0].to_str().is_some_and(|flag| told.contains(&flag)) {
            pair.hash(&mut hasher);
        }
    }
    args[place] = format!("metadata={:016x}", hasher.finish()).into();
    args
}

#[cfg(test)]
mod tests {
    use super::renamed;
    use std::ffi::OsString;

    fn names(line: &str) -> Vec<OsString> {
        renamed(line.split(' ').map(OsString::from).collect())
    }

    #[test]
    fn the_hash_of_the_folder_is_replaced() {
        let one = names("--crate-name kernels -C opt-level=3 -C metadata=0123456789abcdef");
        let other = names("--crate-name kernels -C opt-level=3 -C metadata=fedcba9876543210");
        assert_eq!(one, other);
        assert_eq!(one[..5], names("--crate-name kernels -C opt-level=3 -C"));
        // What tells crates apart still does.
        for line in [
            "--crate-name other -C opt-level=3 -C metadata=0",
            "--crate-name kernels -C opt-level=s -C metadata=0",
            "--crate-name kernels --cfg feature=\"alloc\" -C opt-level=3 -C metadata=0",
        ] {
            assert_ne!(names(line).last(), one.last(), "{line}");
        }
    }

    #[test]
    fn other_arguments_stay() {
        let line = "-vV --print sysroot";
        assert_eq!(names(line).join(" ".as_ref()), OsString::from(line));
    }
}
