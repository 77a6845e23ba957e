//! The targets under libFuzzer: `cargo xtask fuzz` builds and runs them.
#![no_main]

mod targets;

use libfuzzer_sys::{Corpus, fuzz_target};
use std::{env, fs, path::PathBuf, sync::OnceLock};
use targets::{TARGETS, Target, seeds};

/// The target of `ROSENBLATT_TARGET`. Its seeds are written into the folder `ROSENBLATT_SEEDS`.
fn target() -> Target {
    static CHOSEN: OnceLock<Target> = OnceLock::new();
    *CHOSEN.get_or_init(|| {
        let name = env::var("ROSENBLATT_TARGET").expect("ROSENBLATT_TARGET names a target");
        let found = TARGETS.iter().find(|(known, _)| *known == name);
        found.expect("ROSENBLATT_TARGET is one of the targets").1
    })
}

fuzz_target!(
    init: {
        let name = env::var("ROSENBLATT_TARGET").unwrap_or_default();
        if let Some(folder) = env::var_os("ROSENBLATT_SEEDS").map(PathBuf::from) {
            for (i, seed) in seeds(&name).iter().enumerate() {
                fs::write(folder.join(format!("seed{i}")), seed).expect("the folder is there");
            }
        }
    },
    |bytes: &[u8]| -> Corpus {
        target()(bytes);
        Corpus::Keep
    }
);
