//! The bounds on the stack depth of each program.

/// Peak bytes of stack over all boards and both opt-levels: on CPUs of 32 bits, and on AArch64,
/// whose registers are wider. Each bound is the measured peak plus some room, rounded up to a
/// multiple of 256.
const BOUNDS: [(&str, u64, u64); 26] = [
    ("xor", 1_024, 3_584),
    ("xor-sgd", 1_024, 3_840),
    ("iris", 1_280, 10_240),
    ("digits-infer", 1_024, 1_792),
    ("digits", 1_536, 4_096),
    ("digits-small", 1_280, 9_216),
    ("cnn", 2_560, 13_312),
    ("gru", 1_792, 10_240),
    ("sequence", 3_072, 20_224),
    ("exp", 512, 512),
    ("tanh", 512, 512),
    ("exp-micromath", 512, 512),
    ("tanh-micromath", 512, 512),
    ("gemm32", 768, 1_280),
    ("subnormal", 1_536, 11_264),
    ("products", 1_280, 1_792),
    ("saved", 1_024, 3_840),
    ("store", 1_536, 5_120),
    ("travel", 3_072, 8_448),
    ("receipt", 1_792, 3_584),
    ("weather", 1_280, 5_120),
    ("graph", 1_280, 2_048),
    ("graph-print", 2_048, 3_072),
    ("optimizers", 1_280, 5_120),
    ("layers", 1_792, 14_592),
    ("identity", 9_728, 16_384),
];

/// The complaint about a peak of the stack, if it exceeds its bound.
pub fn complaint(program: &str, triple: &str, peak: u64) -> Option<String> {
    let Some((_, narrow, wide)) = BOUNDS.iter().find(|(name, ..)| *name == program) else {
        return Some(format!(
            "stack: expected a bound in xtask/src/qemu/bounds.rs, got a peak of {peak} bytes"
        ));
    };
    let bound = *if triple.starts_with("aarch64") { wide } else { narrow };
    (peak > bound).then(|| format!("stack: expected at most {bound} bytes, got {peak}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_deep_a_stack_is_found() {
        let (program, narrow, wide) = BOUNDS[0];
        assert_eq!(complaint(program, "thumbv6m-none-eabi", narrow), None);
        assert!(complaint(program, "thumbv6m-none-eabi", narrow + 1).is_some());
        assert_eq!(complaint(program, "aarch64-unknown-none", wide), None);
        assert!(complaint(program, "aarch64-unknown-none", wide + 1).is_some());
        assert!(complaint("a new program", "thumbv6m-none-eabi", 0).is_some());
    }
}
