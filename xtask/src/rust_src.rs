//! The standard library's source from Debian, for machines where rustup cannot download.
//!
//! Debian packages the source of several compiler versions, but mostly in other suites than the
//! machine's own. This module copies the machine's package sources, with their mirror and keys,
//! into a separate folder, and asks for those suites. The machine's package lists remain unchanged.
//! Root is needed only if the toolchain belongs to root.
//!
//! If rustup later adds its own `rust-src` to the toolchain, it reports that the folder exists.
//! Remove the folder that it names.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{paths, process};

/// Debian's suites with compilers newer than its stable release.
const SUITES: [&str; 4] = ["stable-backports", "oldstable-backports", "testing", "unstable"];

/// Names of the machine's own suite, beside its code name.
const ALIASES: [&str; 5] = ["stable", "oldstable", "testing", "unstable", "sid"];

/// The file that names the release of a source that this module installed. It lies in the library's
/// folder, where cargo ignores it.
const MARK: &str = "FROM-DEBIAN";

/// Whether a source that rustup did not bring belongs to this compiler.
pub fn is_for(source: &Path, release: &str) -> bool {
    match fs::read_to_string(source.join(MARK)) {
        Ok(mark) => mark.trim() == release,
        // The distribution's own source, which changes with its compiler.
        Err(_) => true,
    }
}

/// Fetches the source for a compiler's release and puts it where cargo looks for it.
pub fn install(release: &str, source: &Path) -> Result<()> {
    for tool in ["apt-get", "dpkg-deb", "tar"] {
        if process::find(tool).is_none() {
            bail!(
                "the source of Rust {release}'s standard library is missing in {}, and there is no \
                 {tool} to fetch it",
                source.display()
            );
        }
    }
    println!("fetching the source of Rust {release}'s standard library from Debian");
    // The folder is made before the download, to find out early whether it can be written. It lies
    // beside the final place and is renamed when it is complete, so that a partial copy is never
    // found there.
    let copy = source.with_file_name(format!("library.{}", std::process::id()));
    fs::create_dir_all(&copy).with_context(|| {
        format!("cannot write {}: run this step once as the toolchain's owner", copy.display())
    })?;
    let scratch = paths::side_target("rust-src");
    let done = fill(release, &scratch, &copy, source);
    let _ = fs::remove_dir_all(&scratch);
    let _ = fs::remove_dir_all(&copy);
    done
}

fn fill(release: &str, scratch: &Path, copy: &Path, source: &Path) -> Result<()> {
    let _ = fs::remove_dir_all(scratch);
    let library = download(release, scratch)?;
    fs::write(library.join(MARK), format!("{release}\n"))?;
    process::run(Command::new("cp").arg("-R").arg(library.join(".")).arg(copy))?;
    match fs::remove_dir_all(source) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    Ok(fs::rename(copy, source)?)
}

/// Downloads and unpacks the package. Returns the folder `library` in it.
fn download(release: &str, scratch: &Path) -> Result<PathBuf> {
    let own = own_sources()?;
    for suite in SUITES {
        let home = scratch.join(suite);
        let sources = home.join("sources");
        fs::create_dir_all(&sources)?;
        for (number, (extension, text)) in own.iter().enumerate() {
            let text = match *extension {
                "sources" => stanzas_for(suite, text, &codename()),
                _ => lines_for(suite, text, &codename()),
            };
            fs::write(sources.join(format!("{number}.{extension}")), text)?;
        }
        // A mirror may lack a suite. After a failure the next suite is tried.
        if process::run(apt(&home)?.arg("update")).is_err()
            || process::run(apt(&home)?.args(["download", &format!("rust-src={release}*")]))
                .is_err()
        {
            continue;
        }
        let package = fs::read_dir(&home)?
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|e| e == "deb"));
        let package = package.context("apt-get downloaded nothing")?;
        let inside = format!("usr/src/rustc-{release}/library");
        unpack(&package, &inside, &home)?;
        return Ok(home.join(inside));
    }
    bail!(
        "Debian's suites {} have no rust-src {release} that this machine's package sources reach",
        SUITES.join(", ")
    )
}

/// Unpacks one folder of a package.
fn unpack(package: &Path, inside: &str, into: &Path) -> Result<()> {
    let mut archive = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(package)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut tar = Command::new("tar");
    tar.arg("-x")
        .arg("-C")
        .arg(into)
        .arg(format!("./{inside}"))
        .stdin(archive.stdout.take().expect("piped"));
    process::run(&mut tar)?;
    let status = archive.wait()?;
    if !status.success() {
        bail!("`dpkg-deb` ended with {status}");
    }
    Ok(())
}

/// An `apt-get` command with its own lists, caches and sources.
fn apt(home: &Path) -> Result<Command> {
    fs::create_dir_all(home.join("lists/partial"))?;
    fs::create_dir_all(home.join("cache/archives/partial"))?;
    let home = home.display();
    let settings = format!(
        "Dir::Etc::SourceList \"/dev/null\";
Dir::Etc::SourceParts \"{home}/sources\";
Dir::Etc::Preferences \"/dev/null\";
Dir::Etc::PreferencesParts \"/dev/null\";
Dir::State::Lists \"{home}/lists\";
Dir::Cache \"{home}/cache\";
Acquire::Languages \"none\";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled \"false\";
// The folders are ours, so the download needs no other user.
APT::Sandbox::User \"\";
"
    );
    let file = format!("{home}/apt.conf");
    fs::write(&file, settings)?;
    let mut command = Command::new("apt-get");
    command.current_dir(home.to_string()).env("APT_CONFIG", file).arg("-q");
    Ok(command)
}

/// The machine's package sources: file extension and text.
fn own_sources() -> Result<Vec<(&'static str, String)>> {
    let folder = Path::new("/etc/apt/sources.list.d");
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    files.extend(fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()));
    let mut found = Vec::new();
    for file in files {
        let extension = match file.extension().and_then(|extension| extension.to_str()) {
            Some("sources") => "sources",
            Some("list") => "list",
            _ => continue,
        };
        if let Ok(text) = fs::read_to_string(file) {
            found.push((extension, text));
        }
    }
    if found.is_empty() {
        bail!("this machine has no package sources in /etc/apt");
    }
    Ok(found)
}

/// The code name of the release that the machine runs. If it has none, the result is empty.
fn codename() -> String {
    let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    name.unwrap_or_default().trim_matches('"').to_owned()
}

/// Whether a suite is the machine's own release, and not its updates, its security fixes or another
/// repository.
fn is_own(suite: &str, codename: &str) -> bool {
    suite == codename || ALIASES.contains(&suite)
}

/// The stanzas of a `.sources` file for the machine's own release, with another suite in its place.
fn stanzas_for(suite: &str, text: &str, codename: &str) -> String {
    let mut result = String::new();
    for stanza in text.split("\n\n") {
        // Fields with their continuation lines.
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in stanza.lines().filter(|line| !line.starts_with('#')) {
            match (line.split_once(':'), fields.last_mut()) {
                (_, Some((_, value))) if line.starts_with([' ', '\t']) => {
                    *value += &format!("\n{line}")
                }
                (Some((name, value)), _) => fields.push((name.to_lowercase(), value.to_owned())),
                _ => {}
            }
        }
        let words = |name: &str| {
            fields
                .iter()
                .filter(|(n, _)| n == name)
                .flat_map(|(_, value)| value.split_whitespace())
                .collect::<Vec<_>>()
        };
        if !words("types").contains(&"deb")
            || words("enabled").contains(&"no")
            || !words("suites").iter().any(|word| is_own(word, codename))
        {
            continue;
        }
        for (name, value) in &fields {
            match name.as_str() {
                "types" => result += "types: deb\n",
                "suites" => result += &format!("suites: {suite}\n"),
                _ => result += &format!("{name}:{value}\n"),
            }
        }
        result += "\n";
    }
    result
}

/// The lines of a `.list` file for the machine's own release, with another suite in its place.
fn lines_for(suite: &str, text: &str, codename: &str) -> String {
    let mut result = String::new();
    for line in text.lines() {
        let Some(rest) =
            line.trim_start().strip_prefix("deb").filter(|rest| rest.starts_with([' ', '\t']))
        else {
            continue;
        };
        let rest = rest.trim_start();
        let (options, rest) = match rest.split_once(']') {
            Some((options, rest)) if rest.trim_start() != "" && options.starts_with('[') => {
                (format!("{options}] "), rest)
            }
            _ => (String::new(), rest),
        };
        let mut words = rest.split_whitespace();
        if let (Some(uri), Some(own)) = (words.next(), words.next())
            && is_own(own, codename)
        {
            let components: Vec<_> = words.take_while(|word| !word.starts_with('#')).collect();
            result += &format!("deb {options}{uri} {suite} {}\n", components.join(" "));
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stanzas_keep_mirror_and_key() {
        let text = "Types: deb deb-src\n# a comment\nURIs: http://mirror.invalid/debian\n\
                    Suites: bookworm bookworm-updates\nComponents: main\n\
                    Signed-By: /usr/share/keyrings/a.gpg\n\n\
                    Types: deb\nURIs: http://mirror.invalid/security\n\
                    Suites: bookworm-security\nComponents: main\n\n\
                    Types: deb\nURIs: http://other.invalid\nSuites: cloud\nComponents: main\n";
        assert_eq!(
            stanzas_for("stable-backports", text, "bookworm"),
            "types: deb\nuris: http://mirror.invalid/debian\nsuites: stable-backports\n\
             components: main\nsigned-by: /usr/share/keyrings/a.gpg\n\n"
        );
    }

    #[test]
    fn stanzas_keep_an_embedded_key_and_drop_what_is_off() {
        let text = "Types: deb\nURIs: u\nSuites:\n trixie\nComponents: main\n\
                    Signed-By:\n -----BEGIN-----\n .\n abc\n\n\
                    Enabled: no\nTypes: deb\nURIs: v\nSuites: trixie\nComponents: main\n";
        assert_eq!(
            stanzas_for("testing", text, "trixie"),
            "types: deb\nuris: u\nsuites: testing\ncomponents: main\n\
             signed-by:\n -----BEGIN-----\n .\n abc\n\n"
        );
    }

    #[test]
    fn lines_keep_mirror_and_options() {
        let text = "# deb http://mirror.invalid/debian bookworm main\n\
                    deb http://mirror.invalid/debian bookworm main contrib # here\n\
                    deb-src http://mirror.invalid/debian bookworm main\n\
                    deb [arch=amd64 signed-by=/k.gpg] http://mirror.invalid/x stable main\n\
                    deb http://mirror.invalid/security bookworm-security main\ndebris\n";
        assert_eq!(
            lines_for("unstable", text, "bookworm"),
            "deb http://mirror.invalid/debian unstable main contrib\n\
             deb [arch=amd64 signed-by=/k.gpg] http://mirror.invalid/x unstable main\n"
        );
    }
}
