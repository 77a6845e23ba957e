//! The proofs about every linked program, by its symbols.

use super::golden::Program;
use super::image::Image;

/// The start of the paths of functions that only a panic calls.
const PANIC: &str = "core::panicking::";

/// Functions that allocate memory, and functions that only they call.
const ALLOCATORS: [&str; 16] = [
    "__rust_alloc",
    "__rust_alloc_zeroed",
    "__rust_realloc",
    "__rust_dealloc",
    "__rust_alloc_error_handler",
    "__rust_no_alloc_shim_is_unstable",
    "__rust_no_alloc_shim_is_unstable_v2",
    "__rdl_alloc",
    "__rg_alloc",
    "malloc",
    "calloc",
    "realloc",
    "aligned_alloc",
    "posix_memalign",
    "free",
    "sbrk",
];

/// Functions for arithmetic on f64, by libgcc's names, for CPUs without it.
const DOUBLE: [&str; 32] = [
    "__adddf3",
    "__subdf3",
    "__muldf3",
    "__divdf3",
    "__negdf2",
    "__powidf2",
    "__eqdf2",
    "__nedf2",
    "__ltdf2",
    "__ledf2",
    "__gtdf2",
    "__gedf2",
    "__cmpdf2",
    "__unorddf2",
    "__extendsfdf2",
    "__extendhfdf2",
    "__truncdfsf2",
    "__truncdfhf2",
    "__fixdfsi",
    "__fixdfdi",
    "__fixdfti",
    "__fixunsdfsi",
    "__fixunsdfdi",
    "__fixunsdfti",
    "__floatsidf",
    "__floatdidf",
    "__floattidf",
    "__floatunsidf",
    "__floatundidf",
    "__floatuntidf",
    "__floatunsitf",
    "__adddf3vfp",
];

/// The start of their names in Arm's run-time ABI, for example `__aeabi_dadd` and
/// `__aeabi_cdcmple`. `is_double` adds the conversions to f64, for example `__aeabi_f2d` and
/// `__aeabi_ui2d`.
const AEABI_DOUBLE: [&str; 3] = ["__aeabi_d", "__aeabi_cd", "__aeabi_cfrcmpd"];

/// The learnt weights, and their bytes: (64 · 32 + 32 + 32 · 10 + 10) · 4.
const LEARNT: &str = "rosenblatt_programs::digits::LEARNT";
const WEIGHTS: u64 = 9640;

/// What is wrong with a linked program.
pub fn complaints(program: &Program, image: &Image) -> Vec<String> {
    let mut complaints = symbols(image, program.is_suite());
    if program.has_weights() {
        complaints.extend(weights(image));
    }
    complaints
}

/// What is wrong with its functions. `may_panic` is true for a suite of tests.
fn symbols(image: &Image, may_panic: bool) -> Vec<String> {
    let mut complaints = Vec::new();
    if image.symbols.is_empty() {
        complaints.push("has no symbols: nothing can be proved".to_owned());
    }
    for name in image.symbols.iter().map(|symbol| symbol.name.as_str()) {
        if !may_panic && (name.starts_with(PANIC) || name.starts_with("rust_begin_unwind")) {
            complaints.push(format!("no panic is allowed, but it has {name}"));
        } else if is_allocator(name) {
            complaints.push(format!("no allocator is allowed, but it has {name}"));
        } else if is_double(name) {
            complaints.push(format!("no arithmetic on f64 is allowed, but it has {name}"));
        }
    }
    complaints
}

fn is_allocator(name: &str) -> bool {
    ALLOCATORS.contains(&last(name))
        || name.contains("GlobalAlloc")
        || name.trim_start_matches('<').starts_with("alloc::")
}

fn is_double(name: &str) -> bool {
    let name = last(name);
    DOUBLE.contains(&name)
        || AEABI_DOUBLE.iter().any(|prefix| name.starts_with(prefix))
        || name.strip_prefix("__aeabi_").is_some_and(|conversion| conversion.ends_with("2d"))
}

/// The function's own name in a path such as `compiler_builtins::float::mul::__muldf3`.
fn last(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path)
}

/// What is wrong with the sizes that the program printed, and with the sections of its variables.
pub fn memory(image: &Image, net: u64, trainer: u64) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, printed) in [("NET", net), ("TRAINER", trainer)] {
        let size = image.size(name);
        if size != printed {
            complaints.push(format!(
                "{name}: expected the {printed} bytes that it printed, got {size} in the ELF file"
            ));
        }
        for symbol in image.named(name).filter(|symbol| symbol.size > 0) {
            let section = image.section(symbol).map_or("no section", |section| &section.name);
            if section != ".bss" {
                complaints.push(format!("{name}: expected in .bss, got it in {section}"));
            }
        }
    }
    complaints
}

/// What is wrong with the learnt weights, which must lie in flash.
fn weights(image: &Image) -> Vec<String> {
    let mut complaints = Vec::new();
    let size = image.size(LEARNT);
    if size != WEIGHTS {
        complaints.push(format!("LEARNT: expected {WEIGHTS} bytes in flash, got {size}"));
    }
    for symbol in image.named(LEARNT) {
        match image.section(symbol) {
            Some(section) if section.loaded && !section.writable && section.name != ".data" => {}
            Some(section) => {
                complaints.push(format!("LEARNT: expected in flash, got it in {}", section.name))
            }
            None => complaints.push("LEARNT: expected in flash, got it in no section".to_owned()),
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::super::image::{Section, Symbol};
    use super::*;

    fn image(symbols: &[(&str, u64, usize)]) -> Image {
        let section = |name: &str, loaded, writable| Section {
            name: name.to_owned(),
            size: 0,
            loaded,
            writable,
        };
        Image {
            sections: vec![
                section(".rodata", true, false),
                section(".data", true, true),
                section(".bss", false, true),
            ],
            symbols: symbols
                .iter()
                .map(|&(name, size, section)| Symbol {
                    name: name.to_owned(),
                    size,
                    section: Some(section),
                })
                .collect(),
        }
    }

    fn found(name: &str) -> usize {
        symbols(&image(&[("main", 8, 0), (name, 8, 0)]), false).len()
    }

    #[test]
    fn panics_allocators_and_doubles_are_found() {
        for name in [
            "core::panicking::panic_bounds_check",
            "rust_begin_unwind",
            "malloc",
            "free",
            "__rustc::__rust_alloc",
            "__rustc::__rust_no_alloc_shim_is_unstable_v2",
            "<rosenblatt_firmware::planted::Nothing as core::alloc::global::GlobalAlloc>::alloc",
            "alloc::alloc::handle_alloc_error",
            "__aeabi_dmul",
            "__aeabi_cdcmple",
            "__aeabi_f2d",
            "__aeabi_ul2d",
            "__aeabi_d2f",
            "__muldf3",
            "compiler_builtins::float::mul::__muldf3",
            "__extendsfdf2",
        ] {
            assert_eq!(found(name), 1, "{name}");
        }
    }

    #[test]
    fn what_is_allowed_is_not_found() {
        for name in [
            "__aeabi_fmul",
            "__aeabi_ui2f",
            "__aeabi_uldivmod",
            "__mulsf3",
            "compiler_builtins::float::mul::__mulsf3",
            "memcpy",
            "Reset",
        ] {
            assert_eq!(found(name), 0, "{name}");
        }
        assert_eq!(symbols(&image(&[("core::panicking::panic", 8, 0)]), true).len(), 0);
        assert_eq!(symbols(&Image::default(), false).len(), 1);
    }

    #[test]
    fn only_the_program_with_weights_needs_them() {
        let image = image(&[("main", 8, 0)]);
        let program = |name: &str| Program { name: name.to_owned(), hash: 0 };
        assert_eq!(complaints(&program("digits-infer"), &image).len(), 1);
        assert_eq!(complaints(&program("xor"), &image).len(), 0);
    }

    #[test]
    fn sizes_and_places() {
        let good = image(&[("NET", 132, 2), ("TRAINER", 752, 2), (LEARNT, 9640, 0)]);
        assert!(memory(&good, 132, 752).is_empty() && weights(&good).is_empty());
        assert_eq!(memory(&good, 132, 756).len(), 1);
        assert_eq!(weights(&image(&[(LEARNT, 9644, 0)])).len(), 1);
        assert_eq!(memory(&image(&[("NET", 132, 1)]), 132, 0).len(), 1);
        for section in [1, 2] {
            assert_eq!(weights(&image(&[(LEARNT, 9640, section)])).len(), 1);
        }
        assert_eq!(weights(&image(&[])).len(), 1);
    }
}
