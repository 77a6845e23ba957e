//! Child processes. `run`, `run_lines` and `attempt` print each command before they run it.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use wait_timeout::ChildExt;

use crate::paths;

/// The cargo that runs this xtask, started in the workspace's root.
pub fn cargo<I, S>(args: I) -> Command
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(paths::root());
    command
}

/// Runs a command to its end. Its output goes straight to the terminal.
pub fn run(command: &mut Command) -> Result<()> {
    show(command);
    let status = command.status().with_context(|| cannot_start(command))?;
    if !status.success() {
        bail!("`{}` ended with {status}", program(command));
    }
    Ok(())
}

/// Runs a command to its end. Prints the lines of its standard output for which `each` returns
/// true.
pub fn run_lines(command: &mut Command, mut each: impl FnMut(&str) -> bool) -> Result<()> {
    show(command);
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| cannot_start(command))?;
    let mut output = BufReader::new(child.stdout.take().expect("standard output is piped"));
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        if each(text.trim_end()) {
            print!("{text}");
        }
        line.clear();
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{}` ended with {status}", program(command));
    }
    Ok(())
}

/// Runs a command and returns its standard output, trimmed. Prints neither the command nor the
/// output.
pub fn read(command: &mut Command) -> Result<String> {
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| cannot_start(command))?;
    if !output.status.success() {
        bail!("`{}` ended with {}", program(command), output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether a command succeeds within a time limit. At the limit the command is killed. Its output
/// is not shown.
pub fn succeeds_within(command: &mut Command, limit: Duration) -> Result<bool> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| cannot_start(command))?;
    match child.wait_timeout(limit)? {
        Some(status) => Ok(status.success()),
        None => {
            child.kill()?;
            child.wait()?;
            Ok(false)
        }
    }
}

/// Runs a command and returns its exit status and its output: standard output, then standard error.
/// At the time limit the command is killed and the result is `None`. The command is not shown. It
/// must not print more than a pipe holds (64 KiB).
pub fn output_within(
    command: &mut Command,
    limit: Duration,
) -> Result<Option<(ExitStatus, String)>> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| cannot_start(command))?;
    let Some(status) = child.wait_timeout(limit)? else {
        child.kill()?;
        child.wait()?;
        return Ok(None);
    };
    let mut bytes = Vec::new();
    child.stdout.take().expect("standard output is piped").read_to_end(&mut bytes)?;
    child.stderr.take().expect("standard error is piped").read_to_end(&mut bytes)?;
    Ok(Some((status, String::from_utf8_lossy(&bytes).into_owned())))
}

/// Whether a command succeeds, and what it prints on its standard error.
pub fn attempt(command: &mut Command) -> Result<(bool, String)> {
    show(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| cannot_start(command))?;
    Ok((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
}

/// Waits until no other process of this project installs anything. The caller may install as long
/// as it holds the returned file, which is locked.
pub fn installing() -> Result<File> {
    let path = paths::side_target("installing");
    fs::create_dir_all(paths::target())?;
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    file.lock()?;
    Ok(file)
}

/// The path of an installed program, if there is one of that name.
pub fn find(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(program).with_extension(env::consts::EXE_EXTENSION))
        .find(|path| path.is_file())
}

/// Prints the command in the form in which a person would type it.
fn show(command: &Command) {
    let mut line = String::from("$");
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            line += &format!(" {}={}", name.display(), quoted(value));
        }
    }
    line += &format!(" {}", program(command));
    for argument in command.get_args() {
        line += &format!(" {}", quoted(argument));
    }
    println!("{line}");
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let word = match word.strip_prefix(&format!("{}/", paths::root().display())) {
        Some(inside) => inside.to_owned(),
        None => word.into_owned(),
    };
    if word.contains([' ', '*', '$', '"']) { format!("'{word}'") } else { word }
}

fn program(command: &Command) -> String {
    let path = PathBuf::from(command.get_program());
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn cannot_start(command: &Command) -> String {
    format!("cannot start `{}`", command.get_program().display())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn past_the_limit_a_command_is_ended() {
        let limit = Duration::from_millis(100);
        assert!(
            output_within(Command::new("sleep").arg("60"), limit).expect("it starts").is_none()
        );
    }

    #[test]
    fn both_outputs_are_read() {
        let limit = Duration::from_secs(60);
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two >&2; exit 3"]);
        let (status, output) =
            output_within(&mut command, limit).expect("it starts").expect("it ends");
        assert_eq!((status.code(), output.as_str()), (Some(3), "one\ntwo\n"));
        let (done, said) = attempt(&mut command).expect("it starts");
        assert_eq!((done, said.as_str()), (false, "two\n"));
    }
}
