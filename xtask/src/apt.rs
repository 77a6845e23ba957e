//! Installs the tools that a step needs, from Debian packages.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;

/// A program or a file that a step needs.
#[derive(Clone, Copy)]
pub struct Need {
    /// Names of programs, or absolute paths. One of them is enough.
    pub any_of: &'static [&'static str],
    /// The Debian package that contains it.
    pub package: &'static str,
}

impl Need {
    /// The first of the alternatives that exists on this machine.
    pub fn found(&self) -> Option<&'static str> {
        self.any_of.iter().copied().find(|what| {
            if what.starts_with('/') {
                Path::new(what).exists()
            } else {
                process::find(what).is_some()
            }
        })
    }
}

/// Installs what is missing.
pub fn ensure(needs: &[Need]) -> Result<()> {
    let missing = |needs: &[Need]| -> Vec<&'static str> {
        needs.iter().filter(|need| need.found().is_none()).map(|need| need.package).collect()
    };
    if missing(needs).is_empty() {
        return Ok(());
    }
    // Another step may have installed it meanwhile.
    let _alone = process::installing()?;
    let packages = missing(needs);
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    if process::find("apt-get").is_none() {
        bail!(
            "this step needs the Debian packages {list}, and there is no apt-get here: install \
             them, or what they contain, by hand"
        );
    }
    println!("installing {list}");
    // The machine may have the package lists already. If they are missing or out of date, the
    // installation fails. It is repeated after an update of the lists.
    let install = || {
        process::run(as_root()?.args(["install", "-qq", "--no-install-recommends"]).args(&packages))
    };
    if install().is_err() {
        process::run(as_root()?.arg("update"))?;
        install().with_context(|| format!("cannot install {list}; this step needs it"))?;
    }
    match missing(needs).as_slice() {
        [] => Ok(()),
        still => bail!("installed {}, but what it should contain is not found", still.join(" ")),
    }
}

/// An `apt-get` command that may install. Users other than root run it by `sudo`, which must not
/// ask for a password.
fn as_root() -> Result<Command> {
    let mut command = if process::read(Command::new("id").arg("-u"))? == "0" {
        Command::new("apt-get")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        sudo
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    Ok(command)
}
