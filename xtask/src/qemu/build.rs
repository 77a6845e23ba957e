//! Building the firmware: all programs of a board and an opt-level by one call of cargo.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::boards::Build;
use crate::paths;
use crate::toolchain::Target;

/// What the firmware is optimised for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Opt-level s.
    Small,
    /// Opt-level 3.
    Fast,
}

impl Profile {
    /// In the order of columns.
    pub const ALL: [Self; 2] = [Self::Small, Self::Fast];

    /// How tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "opt-level s",
            Self::Fast => "opt-level 3",
        }
    }

    /// How cargo calls it, and its folder.
    fn cargo(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Fast => "release",
        }
    }
}

/// A cargo command for a build, in a target folder of its own.
pub fn cargo(build: &Build, subcommand: &str, folder: &str) -> Result<Command> {
    let target = Target::prepare(build.triple)?;
    // `alloc` for the planted allocation alone.
    let mut command = target.cargo(subcommand, &format!("firmware/{folder}"), "core,alloc", ["--manifest-path"]);
    command.arg(paths::root().join("tests/firmware/Cargo.toml")).env("BOARD", build.board);
    if let Some(flags) = build.rustflags {
        command.env(target.variable("RUSTFLAGS"), flags);
    }
    Ok(command)
}

/// The command that builds programs. With `features` it replaces what was built without them.
pub fn command(build: &Build, profile: Profile, programs: &[&str], features: &[&str]) -> Result<Command> {
    let mut command = cargo(build, "build", build.folder)?;
    command.args(["--quiet", "--profile", profile.cargo()]);
    for feature in build.features.iter().chain(features) {
        command.args(["--features", feature]);
    }
    for program in programs {
        command.args(["--bin", program]);
    }
    Ok(command)
}

/// Where a program is, once built.
pub fn elf(build: &Build, profile: Profile, program: &str) -> PathBuf {
    paths::side_target("firmware").join(build.folder).join(build.triple).join(profile.cargo()).join(program)
}
