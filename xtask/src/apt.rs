//! Tools that a step needs and that Debian packages.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;

/// Something a step needs on the machine.
#[derive(Clone, Copy)]
pub struct Need {
    /// What to look for: the name of a program, or an absolute path. One of them is enough.
    pub any_of: &'static [&'static str],
    /// Debian's package that brings it.
    pub package: &'static str,
}

impl Need {
    /// Which of the alternatives is here.
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
    // Another step may have brought it meanwhile.
    let _alone = process::installing()?;
    let packages = missing(needs);
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    if process::find("apt-get").is_none() {
        bail!(
            "this step needs what Debian calls {list}, and there is no apt-get to install it: install it by hand"
        );
    }
    println!("installing {list}");
    // The package lists may be there already; if not, or if they are out of date, fetch them and try again.
    let install = || {
        process::run(as_root()?.args(["install", "-qq", "--no-install-recommends"]).args(&packages))
    };
    if install().is_err() {
        process::run(as_root()?.arg("update"))?;
        install().with_context(|| format!("cannot install {list}; this step needs it"))?;
    }
    match missing(needs).as_slice() {
        [] => Ok(()),
        still => bail!("installed {}, yet what it should bring is not found", still.join(" ")),
    }
}

/// An apt-get that may install: as it is for root, by sudo for others, which must not ask for a password.
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
