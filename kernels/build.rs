//! Tells the kernels what cargo alone knows: whether they are built without optimization, whether firmware is built for little flash (`opt-level` s or z),
//! and whether for a core on which a multiply and an addition are quicker than the one instruction for both (`-C target-cpu=cortex-m4`).
//!
//! Refuses compilers whose own vector code would break the numeric contract: those that know of Helium or of AltiVec.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(compact, cortex_fpu, riscv_fpu, thumb, slow_vmla, unoptimized)");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    if is("OPT_LEVEL", "0") {
        // Every operation that is compiled in place takes stack of its own: functions stay functions.
        println!("cargo:rustc-cfg=unoptimized");
    }
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    // Every CPU that Rust's little-endian PowerPC targets run on has VSX.
    if is("CARGO_CFG_TARGET_ENDIAN", "big")
        && ["powerpc", "powerpc64"].iter().any(|powerpc| is("CARGO_CFG_TARGET_ARCH", powerpc))
        && vectorizes_with_altivec(&flags, is("CARGO_CFG_TARGET_ARCH", "powerpc64"), is("CARGO_CFG_TARGET_OS", "aix"))
    {
        println!(
            "cargo::error=the compiler turns loops over f32 into AltiVec code, which flushes subnormal numbers: other bits than on every other CPU. \
             Name a CPU with VSX (-C target-cpu=pwr8 or newer, in RUSTFLAGS), or leave AltiVec out (-C target-feature=-altivec)"
        );
    }
    if env::var("TARGET").is_ok_and(|target| has_riscv_fpu(&target, &flags)) {
        println!("cargo:rustc-cfg=riscv_fpu");
    }
    if !is("CARGO_CFG_TARGET_OS", "none") {
        return;
    }
    // Cortex-R and -A have the same architecture and ABI, but other instructions.
    let cortex_fpu =
        env::var("TARGET").is_ok_and(|target| target.starts_with("thumb")) && is("CARGO_CFG_TARGET_ABI", "eabihf");
    if cortex_fpu {
        println!("cargo:rustc-cfg=cortex_fpu");
    }
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

/// Whether the target is a RISC-V with the extension F, which stable Rust has no `cfg` for: the letters of its name, or the flags.
fn has_riscv_fpu(target: &str, flags: &str) -> bool {
    let Some(isa) = target.strip_prefix("riscv32").or_else(|| target.strip_prefix("riscv64")) else {
        return false;
    };
    let letters = isa.split(['-', '_']).next().unwrap_or_default();
    // `riscv64-linux-android` and its kin are at least RV64GC.
    letters.is_empty() || letters.contains(['f', 'g']) || letters.starts_with("a2") || flags.contains("+f")
}

/// Whether a compiler for big-endian PowerPC with these flags has AltiVec without VSX, whose arithmetic keeps subnormal numbers.
///
/// Stable Rust has no `cfg` for either, so the flags have to tell. `altivec` and `vsx` are what the target begins with.
fn vectorizes_with_altivec(flags: &str, mut altivec: bool, mut vsx: bool) -> bool {
    // One flag a word, or `-C` and its value apart: what stands before the value's name is cut off.
    let values = |name: &'static str| flags.split('\x1f').filter_map(move |word| Some(word.split_once(name)?.1));
    for cpu in values("target-cpu=") {
        vsx = ["pwr7", "pwr8", "pwr9", "pwr10", "pwr11", "future"].contains(&cpu);
        // `native` may be any of them.
        altivec |= vsx || ["7400", "7450", "g4", "g4+", "970", "g5", "pwr6", "pwr6x", "ppc64", "native"].contains(&cpu);
    }
    // A feature that is named counts for more than the CPU, wherever it stands.
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
