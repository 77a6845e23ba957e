//! Building the firmware: all programs of a board and an opt-level by one call of cargo.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::boards::{Build, Profile};
use crate::paths;
use crate::toolchain::Target;

/// A cargo command for a build, with a folder for what it makes.
pub fn cargo(build: &Build, subcommand: &str, folder: &str) -> Result<Command> {
    let target = Target::prepare(build.triple)?;
    // `alloc` for the planted allocation alone.
    let mut command =
        target.cargo(subcommand, &format!("firmware/{folder}"), "core,alloc", ["--manifest-path"]);
    command.arg(paths::root().join("tests/firmware/Cargo.toml")).env("BOARD", build.board);
    if let Some(flags) = build.rustflags {
        command.env(target.variable("RUSTFLAGS"), flags);
    }
    Ok(command)
}

/// The command that builds programs. What each choice of features gives lies in a folder of its own, so that one emulator may
/// run a program while cargo links the next one. What cargo compiles on the way lies in one folder for all boards: the host's
/// macros and build scripts are compiled once, and so is each crate for boards with one target and one set of features.
pub fn command(
    build: &Build,
    profile: Profile,
    programs: &[&str],
    features: &[&str],
) -> Result<Command> {
    command_into(&folder(build, features), build, profile, programs, features)
}

fn command_into(
    folder: &str,
    build: &Build,
    profile: Profile,
    programs: &[&str],
    features: &[&str],
) -> Result<Command> {
    let mut command = cargo(build, "build", folder)?;
    command.env("CARGO_BUILD_BUILD_DIR", paths::side_target("firmware/build"));
    command.args(["--quiet", "--profile", profile.cargo()]);
    for feature in build.features.iter().chain(features) {
        command.args(["--features", feature]);
    }
    for program in programs {
        command.args(["--bin", program]);
    }
    Ok(command)
}

/// The same for one program with a cfg that plants a defect in the kernels. It lies in a folder of its own: see [`planted_elf`].
pub fn planted(
    build: &Build,
    profile: Profile,
    program: &str,
    features: &[&str],
    cfg: &str,
) -> Result<Command> {
    let folder = folder(build, &[features, &[cfg]].concat());
    let mut command = command_into(&folder, build, profile, &[program], features)?;
    plant(&mut command, build, cfg)?;
    Ok(command)
}

/// Sets a cfg in a command of [`cargo`], beside the build's own flags.
pub fn plant(command: &mut Command, build: &Build, cfg: &str) -> Result<()> {
    let flags = format!("{} --cfg {cfg}", build.rustflags.unwrap_or_default());
    command.env(Target::prepare(build.triple)?.variable("RUSTFLAGS"), flags.trim_start());
    Ok(())
}

/// Where a program with these features is, once built.
pub fn elf(build: &Build, profile: Profile, program: &str, features: &[&str]) -> PathBuf {
    let target = paths::side_target("firmware").join(folder(build, features));
    target.join(build.triple).join(profile.cargo()).join(program)
}

/// Where a program with a planted defect is, once built.
pub fn planted_elf(
    build: &Build,
    profile: Profile,
    program: &str,
    features: &[&str],
    cfg: &str,
) -> PathBuf {
    elf(build, profile, program, &[features, &[cfg]].concat())
}

/// The folder for what has these features, and these cfgs.
fn folder(build: &Build, marks: &[&str]) -> String {
    [&[build.folder], marks].concat().join("-")
}
