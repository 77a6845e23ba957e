//! Builds the firmware: all programs of a board and an opt-level by one call of cargo.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::boards::{Build, Profile};
use crate::toolchain::Target;
use crate::{names, paths};

/// A cargo command for a build, with the folder of its output.
pub fn cargo(build: &Build, subcommand: &str, folder: &str) -> Result<Command> {
    let target = Target::prepare(build.triple)?;
    // Only the planted allocation needs `alloc`.
    let mut command =
        target.cargo(subcommand, &format!("firmware/{folder}"), "core,alloc", ["--manifest-path"]);
    command.arg(paths::root().join("tests/firmware/Cargo.toml")).env("BOARD", build.board);
    names::stable(&mut command)?;
    if let Some(flags) = build.rustflags {
        command.env(target.variable("RUSTFLAGS"), flags);
    }
    Ok(command)
}

/// The command that builds programs.
///
/// Each set of features has its own folder of programs, so that an emulator can run a program while
/// cargo links the next one. All boards share one folder of intermediate files. So the host's
/// macros and build scripts are compiled once, and each crate is compiled once for all boards with
/// the same target and features.
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

/// The same for one program, with a cfg that plants a defect in the kernels. It has its own folder:
/// see [`planted_elf`].
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

/// Sets a cfg in a command of [`cargo`], in addition to the build's own flags.
pub fn plant(command: &mut Command, build: &Build, cfg: &str) -> Result<()> {
    let flags = format!("{} --cfg {cfg}", build.rustflags.unwrap_or_default());
    command.env(Target::prepare(build.triple)?.variable("RUSTFLAGS"), flags.trim_start());
    Ok(())
}

/// The path of a built program with these features.
pub fn elf(build: &Build, profile: Profile, program: &str, features: &[&str]) -> PathBuf {
    let target = paths::side_target("firmware").join(folder(build, features));
    target.join(build.triple).join(profile.cargo()).join(program)
}

/// The path of a built program with a planted defect.
pub fn planted_elf(
    build: &Build,
    profile: Profile,
    program: &str,
    features: &[&str],
    cfg: &str,
) -> PathBuf {
    elf(build, profile, program, &[features, &[cfg]].concat())
}

/// The name of the folder for these features and cfgs.
fn folder(build: &Build, marks: &[&str]) -> String {
    [&[build.folder], marks].concat().join("-")
}
