//! Sets cfgs from what only cargo knows: a build without optimization, a build of firmware for
//! size (`opt-level` s or z), and a core on which a multiply and an add are faster than the
//! combined instruction (`-C target-cpu=cortex-m4`).
//!
//! Rejects flags for Helium or AltiVec, with which the compiler's own vector code would break the
//! numeric contract.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!(
        "cargo:rustc-check-cfg=cfg(rosenblatt_small, rosenblatt_cortex_fpu, rosenblatt_riscv_fpu, \
         rosenblatt_cortex_m, rosenblatt_slow_vmla, rosenblatt_unoptimized)"
    );
    println!("cargo:rustc-check-cfg=cfg(rosenblatt_helium)");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    if is("OPT_LEVEL", "0") {
        // Each inlined operation takes stack of its own. Without optimization they remain
        // functions.
        println!("cargo:rustc-cfg=rosenblatt_unoptimized");
    }
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    // All CPUs of Rust's little-endian PowerPC targets have VSX.
    if is("CARGO_CFG_TARGET_ENDIAN", "big")
        && ["powerpc", "powerpc64"].iter().any(|powerpc| is("CARGO_CFG_TARGET_ARCH", powerpc))
        && vectorizes_with_altivec(
            &flags,
            is("CARGO_CFG_TARGET_ARCH", "powerpc64"),
            is("CARGO_CFG_TARGET_OS", "aix"),
        )
    {
        println!(
            "cargo::error=the compiler turns loops over f32 into AltiVec code, which flushes \
             subnormal numbers: other bits than on every other CPU. Name a CPU with VSX \
             (-C target-cpu=pwr8 or newer, in RUSTFLAGS), or leave AltiVec out \
             (-C target-feature=-altivec)"
        );
    }
    if env::var("TARGET").is_ok_and(|target| has_riscv_fpu(&target, &flags)) {
        println!("cargo:rustc-cfg=rosenblatt_riscv_fpu");
    }
    if !is("CARGO_CFG_TARGET_OS", "none") {
        return;
    }
    // Cortex-R and Cortex-A have the same architecture and ABI, but other instructions.
    let cortex_fpu = env::var("TARGET").is_ok_and(|target| target.starts_with("thumb"))
        && is("CARGO_CFG_TARGET_ABI", "eabihf");
    if cortex_fpu {
        println!("cargo:rustc-cfg=rosenblatt_cortex_fpu");
    }
    if ["cortex-m52", "cortex-m55", "cortex-m85", "+mve"]
        .iter()
        .any(|helium| flags.contains(helium))
    {
        // LLVM would turn f32 loops into Helium code, which flushes subnormal numbers to zero.
        println!(
            "cargo::error=a compiler that knows of Helium (-C target-cpu=cortex-m55 and the like) \
             breaks the numeric contract: leave that flag off; the feature `helium` has assembly \
             that keeps it"
        );
    }
    if env::var_os("CARGO_FEATURE_HELIUM").is_some() && is("TARGET", "thumbv8m.main-none-eabihf") {
        // The feature has no effect on other targets, so that every target builds with all
        // features.
        println!("cargo:rustc-cfg=rosenblatt_helium");
    }
    if is("OPT_LEVEL", "s") || is("OPT_LEVEL", "z") {
        // Only on chips. Their one backend has no target features that a called function would
        // lose.
        println!("cargo:rustc-cfg=rosenblatt_small");
    } else if cortex_fpu {
        // Built for speed: `src/arch/cortex_m.rs`.
        println!("cargo:rustc-cfg=rosenblatt_cortex_m");
        if flags.contains("target-cpu=cortex-m4") {
            println!("cargo:rustc-cfg=rosenblatt_slow_vmla");
        }
    }
}

/// Whether the target is a RISC-V with the extension F, from the letters of its name or from the
/// flags. Stable Rust has no `cfg` for it.
fn has_riscv_fpu(target: &str, flags: &str) -> bool {
    let Some(isa) = target.strip_prefix("riscv32").or_else(|| target.strip_prefix("riscv64"))
    else {
        return false;
    };
    let letters = isa.split(['-', '_']).next().unwrap_or_default();
    // `riscv64-linux-android` and similar targets are at least RV64GC.
    letters.is_empty()
        || letters.contains(['f', 'g'])
        || letters.starts_with("a2")
        || flags.contains("+f")
}

/// Whether a compiler for big-endian PowerPC with these flags uses AltiVec without VSX. VSX
/// arithmetic keeps subnormal numbers.
///
/// Stable Rust has no `cfg` for either, so they are derived from the flags. `altivec` and `vsx` are
/// the target's defaults.
fn vectorizes_with_altivec(flags: &str, mut altivec: bool, mut vsx: bool) -> bool {
    // The value is in the same word as `-C` or in the next one. The text before the value's name is
    // dropped.
    let values = |name: &'static str| {
        flags.split('\x1f').filter_map(move |word| Some(word.split_once(name)?.1))
    };
    for cpu in values("target-cpu=") {
        vsx = ["pwr7", "pwr8", "pwr9", "pwr10", "pwr11", "future"].contains(&cpu);
        // `native` may be any of them.
        altivec |= vsx
            || ["7400", "7450", "g4", "g4+", "970", "g5", "pwr6", "pwr6x", "ppc64", "native"]
                .contains(&cpu);
    }
    // A named feature overrides the CPU, whatever their order.
    for feature in values("target-feature=").flat_map(|features| features.split(',')) {
        match feature {
            "+altivec" => altivec = true,
            "-altivec" => (altivec, vsx) = (false, false),
            "+vsx" => (altivec, vsx) = (true, true),
            "-vsx" => vsx = false,
            _ => {}
        }
    }
    altivec && !vsx
}
