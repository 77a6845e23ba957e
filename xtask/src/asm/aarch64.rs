//! AArch64 instructions.

use yaxpeax_arch::{Decoder, U8Reader};
use yaxpeax_arm::armv8::a64::{InstDecoder, Instruction as Decoded, Opcode, Operand, SIMDSizeCode};

use super::code::{Class, Instruction, Memory, Transfer};

/// Decodes a piece of code that starts at an address.
pub fn decode(bytes: &[u8], address: u64) -> Vec<Instruction> {
    let decoder = InstDecoder::default();
    // The page and then the slot from which a linker's stub loads its target.
    let (mut page, mut slot) = (None, None);
    let words = bytes.chunks_exact(4).zip((address..).step_by(4));
    words
        .map(|(word, address)| {
            let Ok(decoded) = decoder.decode(&mut U8Reader::new(word)) else {
                return Instruction { address, class: unknown(word), ..Instruction::default() };
            };
            let name = decoded.opcode.to_string();
            let mut transfer = Transfer::None;
            match (decoded.opcode, decoded.operands) {
                (Opcode::BL | Opcode::B, [Operand::PCOffset(offset), ..])
                | (Opcode::Bcc(_), [Operand::PCOffset(offset), ..]) => {
                    transfer = Transfer::To(address.wrapping_add_signed(offset));
                }
                (Opcode::BLR, _) => {
                    transfer = slot.take().map_or(Transfer::Pointer, Transfer::Through)
                }
                (Opcode::BR, _) => transfer = slot.take().map_or(Transfer::None, Transfer::Through),
                (Opcode::ADRP, [_, Operand::PCOffset(offset), ..]) => {
                    page = Some((address & !0xfff).wrapping_add_signed(offset))
                }
                (Opcode::LDR, [_, Operand::RegPreIndex(_, offset, false), ..]) => {
                    slot = page.take().map(|page: u64| page.wrapping_add_signed(offset.into()));
                }
                _ => {}
            }
            Instruction {
                address,
                class: classify(&name, &decoded),
                memory: memory(&name),
                stack: decoded.operands.iter().any(from_stack),
                name,
                transfer,
                ..Instruction::default()
            }
        })
        .collect()
}

/// An undefined instruction marks a place that is never reached. Any other instruction that does
/// not decode is a gap in the decoder.
fn unknown(word: &[u8]) -> Class {
    if word[2..] == [0, 0] { Class::Other } else { Class::Unknown }
}

/// Whether an instruction loads or stores.
fn memory(name: &str) -> Memory {
    match name.get(..2) {
        Some("ld") => Memory::Load,
        Some("st") => Memory::Store,
        _ => Memory::None,
    }
}

/// Whether an operand is memory at the stack pointer, which has the number 31.
fn from_stack(operand: &Operand) -> bool {
    matches!(
        operand,
        Operand::RegPreIndex(31, ..)
            | Operand::RegPostIndex(31, ..)
            | Operand::RegPostIndexReg(31, ..)
            | Operand::RegRegOffset(31, ..)
    )
}

/// What an instruction does, by its name and its first vector operand.
fn classify(name: &str, decoded: &Decoded) -> Class {
    let fused =
        ["fmla", "fmls", "fmadd", "fmsub", "fnmadd", "fnmsub", "fcmla", "bfm", "bfdot", "fmmla"];
    let estimate = ["frecp", "frsqrt"];
    if fused.iter().chain(&estimate).any(|start| name.starts_with(start)) {
        return Class::Forbidden;
    }
    let arithmetic = [
        "fadd", "fsub", "fmul", "fnmul", "fdiv", "fsqrt", "fmin", "fmax", "fabd", "fcm", "fcadd",
        "fccmp", "facg", "frint",
    ];
    if !arithmetic.iter().any(|start| name.starts_with(start)) {
        return Class::Other;
    }
    let register = decoded.operands.iter().find(|operand| {
        matches!(operand, Operand::SIMDRegister(..) | Operand::SIMDRegisterElements(..))
    });
    match register {
        Some(Operand::SIMDRegisterElements(SIMDSizeCode::Q, _, SIMDSizeCode::S)) => {
            Class::Packed(128)
        }
        Some(Operand::SIMDRegisterElements(SIMDSizeCode::D, _, SIMDSizeCode::S)) => {
            Class::Packed(64)
        }
        _ => Class::Single,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(word: u32) -> Instruction {
        decode(&word.to_le_bytes(), 0x1000).remove(0)
    }

    #[test]
    fn vector_arithmetic() {
        // fmul v0.4s, v0.4s, v1.4s; fadd v0.4s, v0.4s, v1.4s; fmul v0.4s, v0.4s, v1.s[0]
        assert_eq!(one(0x6e21dc00).class, Class::Packed(128));
        assert_eq!(one(0x4e21d400).class, Class::Packed(128));
        assert_eq!(one(0x4f819000).class, Class::Packed(128));
        // fdiv v0.4s, v0.4s, v1.4s; fsqrt v0.4s, v1.4s; fcmgt v0.4s, v1.4s, v0.4s
        assert_eq!(one(0x6e21fc00).class, Class::Packed(128));
        assert_eq!(one(0x6ea1f820).class, Class::Packed(128));
        assert_eq!(one(0x6ea0e420).class, Class::Packed(128));
        // fadd v0.2s, v0.2s, v1.2s
        assert_eq!(one(0x0e21d400).class, Class::Packed(64));
    }

    #[test]
    fn scalar_arithmetic() {
        // fmul s0, s0, s1; fadd s0, s0, s1; fcmp s0, s1; faddp s0, v0.2s; fmul v0.2d, v0.2d, v1.2d
        for word in [0x1e210800, 0x1e212800, 0x1e212000, 0x7e30d800, 0x6e61dc00] {
            assert_eq!(one(word).class, Class::Single, "{word:#x}");
        }
    }

    #[test]
    fn forbidden() {
        // fmla v0.4s, v1.4s, v2.4s; fmls v0.4s, v1.4s, v2.4s; fmla v0.4s, v1.4s, v2.s[0];
        // fmadd s0, s1, s2, s0; frecpe v0.4s, v0.4s
        for word in [0x4e22cc20, 0x4ea2cc20, 0x4f821020, 0x1f020020, 0x4ea1d800] {
            let instruction = one(word);
            assert_eq!(instruction.class, Class::Forbidden, "{word:#x} {}", instruction.name);
        }
    }

    #[test]
    fn loads_stores_and_spills() {
        // ldr q0, [x0]; ldp q0, q1, [x0, #32]; str q0, [x1, #16]; ldr q0, [sp, #16];
        // stp q0, q1, [sp, #32]; fmul v0.4s, v0.4s, v1.4s
        let words = [0x3dc00000, 0xad410400, 0x3d800420, 0x3dc007e0, 0xad0107e0, 0x6e21dc00];
        let got = words.map(|word| (one(word).memory, one(word).stack));
        let (load, store) = (Memory::Load, Memory::Store);
        let wanted = [
            (load, false),
            (load, false),
            (store, false),
            (load, true),
            (store, true),
            (Memory::None, false),
        ];
        assert_eq!(got, wanted);
    }

    #[test]
    fn others_and_transfers() {
        // bif v0.16b, v1.16b, v2.16b; fmov s0, w0; scvtf v0.4s, v0.4s; udf #0; add x0, x0, x1
        for word in [0x6ee21c20, 0x1e270000, 0x4e21d800, 0, 0x8b010000] {
            assert_eq!(one(word).class, Class::Other, "{word:#x}");
        }
        // bl +8; b -4; b.eq +8; blr x8; ret
        assert_eq!(one(0x94000002).transfer, Transfer::To(0x1008));
        assert_eq!(one(0x17ffffff).transfer, Transfer::To(0xffc));
        assert_eq!(one(0x54000040).transfer, Transfer::To(0x1008));
        assert_eq!(one(0xd63f0100).transfer, Transfer::Pointer);
        assert_eq!(one(0xd65f03c0).transfer, Transfer::None);
    }
}
