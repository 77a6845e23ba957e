//! Sets a cfg from what only cargo knows: whether firmware is built for size (`opt-level` s or z).

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(rosenblatt_small)");
    let is = |name: &str, values: &[&str]| {
        env::var(name).is_ok_and(|found| values.contains(&found.as_str()))
    };
    if is("CARGO_CFG_TARGET_OS", &["none"]) && is("OPT_LEVEL", &["s", "z"]) {
        println!("cargo:rustc-cfg=rosenblatt_small");
    }
}
