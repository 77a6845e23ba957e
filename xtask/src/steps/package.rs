//! The packages as they would be published: their files, and whether they build by themselves.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::host::{APART, LIBRARIES};
use crate::paths;
use crate::process::{cargo, read, run};

/// Files outside `src` that every package must contain.
const REQUIRED: [&str; 5] =
    ["Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "build.rs"];

/// Files that cargo adds.
const ADDED: [&str; 3] = [".cargo_vcs_info.json", "Cargo.lock", "Cargo.toml.orig"];

/// Further files outside `src`, each of which one package must contain.
const OWN: [(&str, &str); 3] = [
    ("rosenblatt", "CHANGELOG.md"),
    // The documentation's programs include it.
    ("rosenblatt", "src/saved/xor.rosenblatt"),
    ("rosenblatt-kernels", "NUMERICS.md"),
];

/// Each package has its own copy.
const LICENCES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

/// Checks both packages, and that no other package can be published by mistake.
pub fn check() -> Result<()> {
    only_the_libraries_are_published()?;
    for licence in LICENCES {
        let text = |folder: &str| {
            let file = paths::root().join(folder).join(licence);
            fs::read(&file).with_context(|| format!("cannot read {}", file.display()))
        };
        ensure!(text("")? == text("kernels")?, "kernels/{licence} differs from {licence}");
    }
    for library in LIBRARIES {
        let files = read(&mut cargo([
            "package",
            "--quiet",
            "--list",
            "--allow-dirty",
            "--package",
            library,
        ]))?;
        let complaints = complaints(library, &files);
        ensure!(complaints.is_empty(), "the package {library}: {}", complaints.join(", "));
        println!("the package {library}: {} files, as expected", files.lines().count());
    }
    builds()
}

/// Packs both libraries, unpacks them into their own workspace, and builds them there with all
/// features.
///
/// `rosenblatt` takes the packed `rosenblatt-kernels` from there. Cargo's own verification would
/// take it from a cache, which cargo does not update if the version is the same. Cargo uses the
/// network only for what `Cargo.lock` names and this machine lacks.
fn builds() -> Result<()> {
    run(&mut cargo(["fetch", "--locked"]))?;
    let folder = paths::side_target("packed");
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    let packages = LIBRARIES.iter().flat_map(|library| ["--package", library]);
    let mut pack = cargo(["package", "--offline", "--allow-dirty", "--no-verify", "--target-dir"]);
    run(pack.arg(&folder).args(packages))?;

    let mut manifest = String::from("[workspace]\nresolver = \"3\"\nmembers = [\"rosenblatt*\"]\n");
    for library in LIBRARIES {
        let name = format!("{library}-{}", version(library)?);
        let archive = folder.join("package").join(format!("{name}.crate"));
        // Cargo gives every packed file the same old time; `m` gives it the present one.
        run(Command::new("tar").arg("-xmzf").arg(archive).arg("-C").arg(&folder))?;
        manifest += &format!("[patch.crates-io.{library}]\npath = \"{name}\"\n");
    }
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::copy(paths::root().join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let mut build =
        cargo(["build", "--offline", "--workspace", "--all-features", "--manifest-path"]);
    run(build.arg(folder.join("Cargo.toml")).arg("--target-dir").arg(paths::target()))
}

/// The version of a library, which cargo prints after the last `@` or `#`.
fn version(library: &str) -> Result<String> {
    let id = read(&mut cargo(["pkgid", "--package", library]))?;
    let version = id.rsplit(['@', '#']).next().context("a version")?;
    Ok(version.to_owned())
}

/// What is wrong with the list of a package's files.
fn complaints(library: &str, files: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let own = OWN.iter().filter(|(of, _)| *of == library).map(|(_, file)| *file);
    let required: Vec<&str> = REQUIRED.into_iter().chain(["src/lib.rs"]).chain(own).collect();
    for file in &required {
        if !files.lines().any(|line| line == *file) {
            complaints.push(format!("{file} is missing"));
        }
    }
    for file in files.lines() {
        let source = file.starts_with("src/") && (file.ends_with(".rs") || file.ends_with(".md"));
        if !source && !required.contains(&file) && !ADDED.contains(&file) {
            complaints.push(format!("{file} does not belong there"));
        }
    }
    complaints
}

/// Checks that every other package has `publish = false`.
fn only_the_libraries_are_published() -> Result<()> {
    let workspace = read(&mut cargo(["metadata", "--no-deps", "--format-version", "1"]))?;
    let published = workspace.matches("\"publish\":null").count();
    ensure!(
        published == LIBRARIES.len(),
        "{published} packages of the workspace can be published, expected two"
    );
    for folder in APART {
        let file = paths::root().join(folder).join("Cargo.toml");
        let text =
            fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        ensure!(
            text.contains("\npublish = false\n"),
            "{folder}/Cargo.toml must contain publish = false"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_belong_or_is_missing_is_named() {
        let good = format!(
            "Cargo.lock\n{}\nNUMERICS.md\nsrc/lib.rs\nsrc/arch/neon.rs",
            REQUIRED.join("\n")
        );
        assert!(complaints("rosenblatt-kernels", &good).is_empty());
        let planted = good.replace("LICENSE-MIT", "tests/fixtures/digits.json");
        let named = ["LICENSE-MIT is missing", "tests/fixtures/digits.json does not belong there"];
        assert_eq!(complaints("rosenblatt-kernels", &planted), named);
        let other = [
            "CHANGELOG.md is missing",
            "src/saved/xor.rosenblatt is missing",
            "NUMERICS.md does not belong there",
        ];
        assert_eq!(complaints("rosenblatt", &good), other);
    }
}
