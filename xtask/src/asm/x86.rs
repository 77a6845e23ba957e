//! x86-64 instructions.

use iced_x86::{
    Decoder, DecoderOptions, EncodingKind, FlowControl, Instruction as Decoded, Mnemonic, OpKind,
    Register,
};

use super::code::{Class, Instruction, Memory, Transfer};

/// Decodes a piece of code that starts at an address.
pub fn decode(bytes: &[u8], address: u64) -> Vec<Instruction> {
    Decoder::with_ip(64, bytes, address, DecoderOptions::NONE)
        .iter()
        .map(|decoded| instruction(&decoded))
        .collect()
}

fn instruction(decoded: &Decoded) -> Instruction {
    let name = format!("{:?}", decoded.mnemonic()).to_lowercase();
    let widest = (0..decoded.op_count())
        .filter(|&operand| decoded.op_kind(operand) == OpKind::Register)
        .map(|operand| bits(decoded.op_register(operand)))
        .max()
        .unwrap_or(0);
    let class = match decoded.mnemonic() {
        Mnemonic::INVALID => Class::Unknown,
        // String instructions have some of these names too. They have no vector register.
        _ if widest == 0 => Class::Other,
        _ => classify(&name, widest),
    };
    let arithmetic = matches!(class, Class::Packed(_) | Class::Single);
    let legacy = arithmetic && decoded.code().encoding() == EncodingKind::Legacy;
    let (memory, stack) = memory(decoded);
    let address = decoded.ip();
    Instruction { address, class, name, memory, stack, widest, legacy, transfer: transfer(decoded) }
}

/// What an instruction does with memory, and whether the stack pointer addresses it.
fn memory(decoded: &Decoded) -> (Memory, bool) {
    let place = (0..decoded.op_count())
        .find(|&operand| decoded.op_kind(operand) == OpKind::Memory)
        .filter(|_| decoded.mnemonic() != Mnemonic::Lea);
    let memory = match place {
        None => Memory::None,
        // The first operand is where the result goes.
        Some(0) if format!("{:?}", decoded.mnemonic()).to_lowercase().contains("mov") => {
            Memory::Store
        }
        Some(_) => Memory::Load,
    };
    (memory, place.is_some() && decoded.memory_base() == Register::RSP)
}

/// Bits of a vector register; 0 for any other.
fn bits(register: Register) -> u32 {
    if register.is_zmm() {
        512
    } else if register.is_ymm() {
        256
    } else if register.is_xmm() {
        128
    } else {
        0
    }
}

/// What an instruction on vector registers does, by its name.
fn classify(name: &str, widest: u32) -> Class {
    let fused =
        ["vfmadd", "vfmsub", "vfnmadd", "vfnmsub", "v4fmadd", "v4fnmadd", "vfcmadd", "vdpbf16"];
    let estimate = ["rcp", "rsqrt", "vrcp", "vrsqrt", "vexp2"];
    if fused.iter().chain(&estimate).any(|start| name.starts_with(start)) {
        return Class::Forbidden;
    }
    let Some((stem, lanes)) = name.len().checked_sub(2).and_then(|at| name.split_at_checked(at))
    else {
        return Class::Other;
    };
    let arithmetic = [
        "add", "sub", "mul", "div", "sqrt", "min", "max", "cmp", "comi", "ucomi", "addsub", "hadd",
        "hsub", "dp", "round", "rndscale", "range", "reduce", "scalef", "getexp", "getmant",
        "fixupimm",
    ];
    if !arithmetic.contains(&stem.strip_prefix('v').unwrap_or(stem)) {
        return Class::Other;
    }
    match lanes {
        "ps" => Class::Packed(widest),
        "ss" | "sd" | "pd" | "sh" | "ph" => Class::Single,
        _ => Class::Other,
    }
}

fn transfer(decoded: &Decoded) -> Transfer {
    match decoded.flow_control() {
        FlowControl::Call | FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch => {
            Transfer::To(decoded.near_branch_target())
        }
        FlowControl::IndirectCall | FlowControl::IndirectBranch
            if decoded.is_ip_rel_memory_operand() =>
        {
            Transfer::Through(decoded.ip_rel_memory_address())
        }
        FlowControl::IndirectCall => Transfer::Pointer,
        FlowControl::Next if decoded.is_ip_rel_memory_operand() => match decoded.mnemonic() {
            Mnemonic::Lea => Transfer::Takes(decoded.ip_rel_memory_address()),
            Mnemonic::Mov if decoded.op0_register().is_gpr64() => {
                Transfer::TakesThrough(decoded.ip_rel_memory_address())
            }
            _ => Transfer::None,
        },
        FlowControl::IndirectBranch => Transfer::Jump,
        _ => Transfer::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(bytes: &[u8]) -> Instruction {
        let decoded = decode(bytes, 0x1000);
        assert_eq!(decoded.len(), 1, "{decoded:?}");
        decoded[0].clone()
    }

    #[test]
    fn vector_arithmetic() {
        // vaddps zmm0, zmm0, zmm1
        assert_eq!(one(&[0x62, 0xf1, 0x7c, 0x48, 0x58, 0xc1]).class, Class::Packed(512));
        // vmulps ymm0, ymm0, [rdi]
        assert_eq!(one(&[0xc5, 0xfc, 0x59, 0x07]).class, Class::Packed(256));
        // mulps xmm0, xmm1
        assert_eq!(one(&[0x0f, 0x59, 0xc1]).class, Class::Packed(128));
        // vcmpltps k1, zmm0, zmm1
        assert_eq!(one(&[0x62, 0xf1, 0x7c, 0x48, 0xc2, 0xc9, 0x01]).class, Class::Packed(512));
    }

    #[test]
    fn scalar_arithmetic() {
        // mulss xmm0, xmm1; vaddss xmm0, xmm0, xmm1; ucomiss xmm0, xmm1
        assert!(one(&[0xf3, 0x0f, 0x59, 0xc1]).legacy && !one(&[0xc5, 0xfa, 0x58, 0xc1]).legacy);
        assert_eq!(one(&[0xf3, 0x0f, 0x59, 0xc1]).class, Class::Single);
        assert_eq!(one(&[0xc5, 0xfa, 0x58, 0xc1]).class, Class::Single);
        assert_eq!(one(&[0x0f, 0x2e, 0xc1]).class, Class::Single);
        // mulpd xmm0, xmm1: two lanes, though not of f32
        assert_eq!(one(&[0x66, 0x0f, 0x59, 0xc1]).class, Class::Single);
    }

    #[test]
    fn forbidden() {
        // vfmadd231ps zmm0, zmm1, zmm2; vfnmadd213ss xmm0, xmm1, xmm2; rsqrtps xmm0, xmm1
        assert_eq!(one(&[0x62, 0xf2, 0x75, 0x48, 0xb8, 0xc2]).class, Class::Forbidden);
        assert_eq!(one(&[0xc4, 0xe2, 0x71, 0xad, 0xc2]).class, Class::Forbidden);
        assert_eq!(one(&[0x0f, 0x52, 0xc1]).class, Class::Forbidden);
    }

    #[test]
    fn others() {
        // vxorps xmm0, xmm0, xmm0; movsd (the string instruction); vmovups [rdi], zmm0;
        // vcvtdq2ps ymm0, ymm0
        assert_eq!(one(&[0xc5, 0xf8, 0x57, 0xc0]).class, Class::Other);
        assert_eq!(one(&[0xa5]).class, Class::Other);
        let store = one(&[0x62, 0xf1, 0x7c, 0x48, 0x11, 0x07]);
        assert_eq!((store.class, store.widest), (Class::Other, 512));
        assert_eq!(one(&[0xc5, 0xfc, 0x5b, 0xc0]).class, Class::Other);
    }

    #[test]
    fn loads_stores_and_spills() {
        let got = |bytes: &[u8]| (one(bytes).memory, one(bytes).stack);
        // vmulps ymm0, ymm0, [rdi]; vmovups [rdi], zmm0; vmovups ymm0, [rsp+32];
        // lea rax, [rsp+32]; vmulps ymm0, ymm0, ymm1
        assert_eq!(got(&[0xc5, 0xfc, 0x59, 0x07]), (Memory::Load, false));
        assert_eq!(got(&[0x62, 0xf1, 0x7c, 0x48, 0x11, 0x07]), (Memory::Store, false));
        assert_eq!(got(&[0xc5, 0xfc, 0x10, 0x44, 0x24, 0x20]), (Memory::Load, true));
        assert_eq!(got(&[0x48, 0x8d, 0x44, 0x24, 0x20]), (Memory::None, false));
        assert_eq!(got(&[0xc5, 0xfc, 0x59, 0xc1]), (Memory::None, false));
    }

    #[test]
    fn transfers() {
        // call +0; jmp [rip+0x10]; call rax; je +2; ret
        assert_eq!(one(&[0xe8, 0, 0, 0, 0]).transfer, Transfer::To(0x1005));
        assert_eq!(one(&[0xff, 0x25, 0x10, 0, 0, 0]).transfer, Transfer::Through(0x1016));
        assert_eq!(one(&[0xff, 0xd0]).transfer, Transfer::Pointer);
        // jmp r11
        assert_eq!(one(&[0x41, 0xff, 0xe3]).transfer, Transfer::Jump);
        assert_eq!(one(&[0x74, 0x02]).transfer, Transfer::To(0x1004));
        assert_eq!(one(&[0xc3]).transfer, Transfer::None);
        // lea rax, [rip+0x10]; mov rax, [rip+0x10]
        assert_eq!(one(&[0x48, 0x8d, 0x05, 0x10, 0, 0, 0]).transfer, Transfer::Takes(0x1017));
        assert_eq!(
            one(&[0x48, 0x8b, 0x05, 0x10, 0, 0, 0]).transfer,
            Transfer::TakesThrough(0x1017)
        );
    }
}
