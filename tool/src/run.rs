//! Runs a network as users run it: the tool writes a program with the network's type, compiles it
//! with the library, and starts it.

use crate::{golden::Rows, model::Model, rust, saved};
use anyhow::{Context, Result, bail, ensure};
use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

/// The library's folder: `ROSENBLATT`, or that from which this tool was built.
fn library() -> Result<PathBuf> {
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let folder = env::var_os("ROSENBLATT").map_or_else(|| built.into(), PathBuf::from);
    folder.canonicalize().with_context(|| {
        format!(
            "the library is not at {}: set ROSENBLATT to the folder of its Cargo.toml",
            folder.display()
        )
    })
}

/// Compiles and runs a program with the library. `code` has a function `run`, which returns a
/// `Result<(), E>`. Returns what the program printed.
/// # Errors
/// If cargo is not there, does not compile it, or if `run` returns an error; with what they printed.
pub fn program(code: &str, arguments: &[&Path]) -> Result<String> {
    let library = library()?;
    let folder = tempfile::tempdir().context("a folder for the program")?;
    let manifest = format!(
        "[package]\nname = \"rosenblatt-run\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\nrosenblatt = {{ path = {:?}, features = [\"alloc\"] }}\n\n\
         [profile.release]\nopt-level = 1\n",
        library.display().to_string()
    );
    let put = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).with_context(|| format!("{name} of the program"))
    };
    put("Cargo.toml", &manifest)?;
    fs::create_dir(folder.path().join("src")).context("a folder for the program")?;
    put("src/main.rs", &[code, MAIN].concat())?;
    // The versions of the library's own lock file: nothing has to be looked up.
    let versions = library.join("Cargo.lock");
    if versions.exists() {
        fs::copy(&versions, folder.path().join("Cargo.lock"))
            .context("the program's Cargo.lock")?;
    }
    let target =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| library.join("target"), PathBuf::from);
    let target = library.join(target).join("rosenblatt-run");
    // Until the program is copied, no other tool may build in the same folder.
    fs::create_dir_all(&target).with_context(|| target.display().to_string())?;
    let lock = File::create(target.join("rosenblatt-run.lock")).context("a lock")?;
    lock.lock().context("a lock")?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build = Command::new(&cargo)
        .args(["build", "--release", "--quiet", "--target-dir"])
        .arg(&target)
        .current_dir(folder.path())
        .output()
        .with_context(|| format!("{} cannot be started", cargo.display()))?;
    ensure!(
        build.status.success(),
        "the program does not compile:\n{}",
        String::from_utf8_lossy(&build.stderr)
    );
    let built = target.join("release").join(format!("rosenblatt-run{}", env::consts::EXE_SUFFIX));
    let mine = folder.path().join("program");
    fs::copy(&built, &mine).context("the program")?;
    drop(lock);
    let run = Command::new(&mine).args(arguments).output().context("the program")?;
    let printed = String::from_utf8_lossy(&run.stdout).into_owned();
    if !run.status.success() {
        bail!("{}", String::from_utf8_lossy(&run.stderr).trim_end());
    }
    Ok(printed)
}

/// What a network predicts, and on which backends all bits were the same.
pub struct Predictions {
    /// The outputs
    pub rows: Rows,
    /// Names of the backends
    pub backends: Vec<String>,
}

/// Predicts all samples on every backend of this CPU, one by one and in batches.
/// # Errors
/// If the program does not run, or if a backend gives other bits.
pub fn predict(model: &Model, samples: &Rows) -> Result<Predictions> {
    let folder = tempfile::tempdir().context("a folder for the samples")?;
    let place = |name: &str| folder.path().join(name);
    let bytes = |values: &[f32]| -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    };
    fs::write(place("model"), saved::write(model)?).context("the model")?;
    fs::write(place("x"), bytes(&samples.values)).context("the samples")?;
    let main = PREDICT
        .replace("NET", &rust::net(model, rust::Names::Full))
        .replace("INPUTS", &model.input().iter().product::<usize>().to_string())
        .replace("OUTPUTS", &model.output().iter().product::<usize>().to_string());
    let printed = program(&main, &[&place("model"), &place("x"), &place("y")])?;
    let y = fs::read(place("y")).context("the outputs")?;
    let values = y.as_chunks::<4>().0.iter().map(|bits| f32::from_le_bytes(*bits)).collect();
    let backends = printed.split_whitespace().map(str::to_owned).collect();
    Ok(Predictions { rows: Rows { values, count: samples.count }, backends })
}

const MAIN: &str = r#"
fn main() -> std::process::ExitCode {
    match run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            std::process::ExitCode::FAILURE
        }
    }
}
"#;

const PREDICT: &str = r#"
use rosenblatt::{Backend, kernels::array::reshape_rows};
use std::{env, error::Error, fs};

type Net = NET;

fn run() -> Result<(), Box<dyn Error>> {
    let places: Vec<_> = env::args_os().skip(1).collect();
    let mut net = Net::boxed(rosenblatt::Seed(0));
    net.load(&fs::read(&places[0])?)?;
    let x: Vec<f32> =
        fs::read(&places[1])?.as_chunks::<4>().0.iter().map(|bits| f32::from_le_bytes(*bits)).collect();
    let x = reshape_rows::<[f32; INPUTS], _>(x.as_chunks().0);
    let mut first: Option<Vec<u32>> = None;
    for backend in Backend::available() {
        let mut y = vec![[0.0f32; OUTPUTS]; x.len()];
        let rows = rosenblatt::kernels::array::reshape_rows_mut(&mut y);
        net.on(backend).predict_batch(x, rows)?;
        for (x, y) in x.iter().zip(rows.iter()) {
            let alone = [net.on(backend).predict(x)];
            let (alone, y) = (bits(&alone), bits(core::slice::from_ref(y)));
            if alone != y {
                return Err(format!("{}: a batch has other bits", backend.name()).into());
            }
        }
        let all = bits(rows);
        match &first {
            None => first = Some(all),
            Some(first) if *first != all => {
                return Err(format!("{} has other bits", backend.name()).into());
            }
            Some(_) => {}
        }
        println!("{}", backend.name());
    }
    let bytes: Vec<u8> =
        first.unwrap_or_default().iter().flat_map(|bits| bits.to_le_bytes()).collect();
    fs::write(&places[2], bytes)?;
    Ok(())
}

fn bits<Y: rosenblatt::kernels::F32Array>(rows: &[Y]) -> Vec<u32> {
    reshape_rows::<Y, [f32; OUTPUTS]>(rows).as_flattened().iter().map(|y| y.to_bits()).collect()
}
"#;
