//! Tells the kernels what cargo alone knows: whether firmware is built for little flash (`opt-level` s or z), and whether for a core on which a multiply
//! and an addition are quicker than the one instruction for both (`-C target-cpu=cortex-m4`).

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(compact, cortex_fpu, thumb, slow_vmla)");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    if !is("CARGO_CFG_TARGET_OS", "none") {
        return;
    }
    // Cortex-R and -A have the same architecture and ABI, but other instructions.
    let cortex_fpu =
        env::var("TARGET").is_ok_and(|target| target.starts_with("thumb")) && is("CARGO_CFG_TARGET_ABI", "eabihf");
    if cortex_fpu {
        println!("cargo:rustc-cfg=cortex_fpu");
    }
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    if ["cortex-m52", "cortex-m55", "cortex-m85", "+mve"].iter().any(|helium| flags.contains(helium)) {
        // The compiler would turn loops over f32 into Helium code, which flushes subnormal numbers to zero and asks nobody.
        println!(
            "cargo::error=a compiler that knows of Helium (-C target-cpu=cortex-m55 and the like) breaks the numeric contract: leave that flag off; the feature `helium` has assembly that keeps it"
        );
    }
    if is("OPT_LEVEL", "s") || is("OPT_LEVEL", "z") {
        // Only on chips, whose one backend has no features that a called function would lose.
        println!("cargo:rustc-cfg=compact");
    } else if cortex_fpu {
        // Built for speed: `src/arch/thumb.rs`.
        println!("cargo:rustc-cfg=thumb");
        if flags.contains("target-cpu=cortex-m4") {
            println!("cargo:rustc-cfg=slow_vmla");
        }
    }
}
