//! Decoded functions of any instruction set, and what can be reached from one of them.

use std::collections::{BTreeMap, BTreeSet};

/// What an instruction does, as far as this check needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Class {
    /// Arithmetic or comparison of f32 lanes, in a register of this many bits.
    Packed(u32),
    /// Arithmetic or comparison of one value, or of lanes that are not f32 (for example f64).
    Single,
    /// What the numeric contract excludes.
    Forbidden,
    /// The decoder does not know it.
    Unknown,
    /// Everything else: moves, shuffles, integers, conversions, bit operations, control flow.
    #[default]
    Other,
}

/// Where control may go, other than to the next instruction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transfer {
    #[default]
    None,
    /// To an address in the binary.
    To(u64),
    /// To the address that is stored at an address in the binary.
    Through(u64),
    /// To an address in a register, by a call.
    Pointer,
    /// To an address in a register, by a jump: a `match`, or a tail call.
    Jump,
    /// To no other place. The instruction puts this address into a register.
    Takes(u64),
    /// The same with the address that is stored at this address.
    TakesThrough(u64),
}

/// What an instruction does with memory. Arithmetic with an operand in memory loads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Memory {
    #[default]
    None,
    Load,
    Store,
}

/// One decoded instruction.
#[derive(Clone, Debug, Default)]
pub struct Instruction {
    pub address: u64,
    pub class: Class,
    pub name: String,
    pub memory: Memory,
    /// The memory is addressed by the stack pointer: a register was spilled.
    pub stack: bool,
    /// Bits of the widest register it names.
    pub widest: u32,
    /// On x86: arithmetic in the encoding from before AVX.
    pub legacy: bool,
    pub transfer: Transfer,
}

/// What a function calls.
#[derive(Clone, Debug)]
pub enum Callee {
    /// Another function of the binary, by its index.
    Inside(usize),
    /// A function of another library, by its name.
    Outside(String),
    /// A pointer.
    Pointer,
}

/// One function of the binary.
#[derive(Debug, Default)]
pub struct Function {
    /// Its names as in the binary, mangled. The compiler may merge functions with equal code into
    /// one.
    pub names: Vec<String>,
    pub counts: Counts,
    /// Its innermost loops.
    pub loops: Vec<Loop>,
    pub callees: Vec<Callee>,
}

/// Instructions of one round of a loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Loop {
    /// Multiplications of f32, of vectors or of single values.
    pub multiplications: u32,
    /// All arithmetic and comparisons of f32.
    pub arithmetic: u32,
    pub loads: u32,
    pub stores: u32,
    /// Loads and stores of spilled registers, which are also counted above.
    pub spills: u32,
    pub instructions: u32,
}

impl Loop {
    /// Counts one instruction.
    pub fn add(&mut self, instruction: &Instruction) {
        self.instructions += 1;
        if matches!(instruction.class, Class::Packed(_) | Class::Single) {
            self.arithmetic += 1;
            let name = instruction.name.to_lowercase();
            self.multiplications += u32::from(name.contains("mul"));
        }
        match instruction.memory {
            Memory::None => return,
            Memory::Load => self.loads += 1,
            Memory::Store => self.stores += 1,
        }
        self.spills += u32::from(instruction.stack);
    }
}

/// The innermost loops of a function: what lies between a jump backward and its target, if no other
/// loop lies in between.
pub fn loops(code: &[Instruction]) -> Vec<Loop> {
    let (Some(first), Some(last)) = (code.first(), code.last()) else { return Vec::new() };
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for instruction in code {
        // A jump to the first instruction is a call of the function itself.
        if let Transfer::To(target) = instruction.transfer
            && (first.address + 1..=instruction.address).contains(&target)
        {
            ranges.push((target, instruction.address));
        }
    }
    debug_assert!(ranges.iter().all(|range| range.1 <= last.address));
    let inner = |outer: &&(u64, u64)| {
        !ranges.iter().any(|range| range != *outer && outer.0 <= range.0 && range.1 <= outer.1)
    };
    let count = |&(start, end): &(u64, u64)| {
        let mut round = Loop::default();
        let inside = |one: &&Instruction| (start..=end).contains(&one.address);
        code.iter().filter(inside).for_each(|instruction| round.add(instruction));
        round
    };
    ranges.iter().filter(inner).map(count).collect()
}

/// Instructions counted, of one function or of all that can be reached from one.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// By the bits of the register.
    pub packed: BTreeMap<u32, u32>,
    pub single: u32,
    pub forbidden: BTreeMap<String, u32>,
    pub unknown: u32,
    pub widest: u32,
    pub legacy: u32,
    /// Functions of other libraries that are called.
    pub outside: BTreeSet<String>,
    /// Calls that could not be followed.
    pub unfollowed: u32,
    /// Intrinsics that are called as functions. They are inlined wherever the caller has the
    /// backend's features.
    pub intrinsics: BTreeSet<String>,
}

impl Counts {
    /// Counts one instruction.
    pub fn add(&mut self, instruction: &Instruction) {
        self.widest = self.widest.max(instruction.widest);
        self.legacy += u32::from(instruction.legacy);
        match instruction.class {
            Class::Packed(bits) => *self.packed.entry(bits).or_default() += 1,
            Class::Single => self.single += 1,
            Class::Forbidden => *self.forbidden.entry(instruction.name.clone()).or_default() += 1,
            Class::Unknown => self.unknown += 1,
            Class::Other => {}
        }
    }

    fn include(&mut self, other: &Self) {
        for (bits, times) in &other.packed {
            *self.packed.entry(*bits).or_default() += times;
        }
        for (name, times) in &other.forbidden {
            *self.forbidden.entry(name.clone()).or_default() += times;
        }
        self.single += other.single;
        self.unknown += other.unknown;
        self.legacy += other.legacy;
        self.widest = self.widest.max(other.widest);
    }
}

/// All functions of a binary.
#[derive(Debug, Default)]
pub struct Code {
    pub functions: Vec<Function>,
}

impl Code {
    /// The functions' indices and names.
    pub fn names(&self) -> impl Iterator<Item = (usize, &str)> {
        let functions = self.functions.iter().enumerate();
        functions.flat_map(|(index, function)| {
            function.names.iter().map(move |name| (index, name.as_str()))
        })
    }

    /// A function and all that it calls, each once, but not what ends the program.
    fn reached(&self, start: usize) -> Vec<&Function> {
        let mut reached = vec![&self.functions[start]];
        let mut seen = BTreeSet::from([start]);
        let mut next = 0;
        while let Some(function) = reached.get(next) {
            next += 1;
            for callee in &function.callees {
                if let Callee::Inside(index) = callee
                    && !self.functions[*index].names.iter().any(|name| gives_up(name))
                    && seen.insert(*index)
                {
                    reached.push(&self.functions[*index]);
                }
            }
        }
        reached
    }

    /// The counts of a function and of all that it calls, each function once.
    pub fn reachable(&self, start: usize) -> Counts {
        let mut counts = Counts::default();
        for function in self.reached(start) {
            counts.include(&function.counts);
            counts.intrinsics.extend(function.names.iter().filter_map(|name| intrinsic(name)));
            for callee in &function.callees {
                match callee {
                    Callee::Inside(_) => {}
                    Callee::Outside(name) if gives_up(name) => {}
                    Callee::Outside(name) => {
                        counts.outside.insert(name.clone());
                    }
                    Callee::Pointer => counts.unfollowed += 1,
                }
            }
        }
        counts
    }

    /// The innermost loops of a function and of all that it calls, those with the most
    /// multiplications first.
    pub fn loops(&self, start: usize) -> Vec<Loop> {
        let mut loops: Vec<Loop> =
            self.reached(start).iter().flat_map(|function| &function.loops).copied().collect();
        loops.sort_unstable_by(|a, b| b.cmp(a));
        loops.dedup();
        loops
    }
}

/// The intrinsic's name, if the function is one. Intrinsics that query the CPU's features do not
/// count.
fn intrinsic(symbol: &str) -> Option<String> {
    let name = format!("{:#}", rustc_demangle::demangle(symbol));
    let name = name.strip_prefix("core::core_arch::")?.rsplit("::").next()?;
    let asks = name.starts_with("__cpuid") || name == "_xgetbv";
    (!asks).then(|| name.to_owned())
}

/// Whether the standard library ends the program in this function. Nothing is computed after it.
fn gives_up(symbol: &str) -> bool {
    let name = format!("{:#}", rustc_demangle::demangle(symbol));
    let name = name.trim_start_matches('_');
    [
        "core::panicking::",
        "core::slice::index::slice_",
        "core::option::",
        "core::result::unwrap_failed",
        "std::panicking::",
        "Unwind_Resume",
    ]
    .iter()
    .any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_followed_once_and_not_into_panics() {
        let function = |name: &str, single, callees| Function {
            names: vec![name.into()],
            counts: Counts { single, ..Counts::default() },
            callees,
            loops: vec![Loop { multiplications: single, ..Loop::default() }],
        };
        let code = Code {
            functions: vec![
                function(
                    "probe_a_b",
                    1,
                    vec![Callee::Inside(1), Callee::Inside(2), Callee::Outside("expf".into())],
                ),
                function("inner", 10, vec![Callee::Inside(0), Callee::Inside(2), Callee::Pointer]),
                function(
                    "_ZN4core9core_arch3x863avx13_mm256_add_ps17h0123456789abcdefE",
                    100,
                    vec![Callee::Inside(3)],
                ),
                function("_ZN4core9panicking9panic_fmt17h0123456789abcdefE", 1000, vec![]),
                function("unrelated", 10_000, vec![]),
            ],
        };
        let counts = code.reachable(0);
        assert_eq!(counts.single, 111);
        assert_eq!(counts.unfollowed, 1);
        assert!(counts.outside.contains("expf"));
        assert!(counts.intrinsics.contains("_mm256_add_ps"));
        let most: Vec<u32> = code.loops(0).iter().map(|one| one.multiplications).collect();
        assert_eq!(most, [100, 10, 1]);
    }

    #[test]
    fn only_innermost_loops_are_counted() {
        let one = |address, name: &str, memory, stack, transfer| Instruction {
            address,
            class: if name == "other" { Class::Other } else { Class::Packed(128) },
            name: name.into(),
            memory,
            stack,
            transfer,
            ..Instruction::default()
        };
        let code = [
            one(0, "other", Memory::None, false, Transfer::None),
            one(4, "fmul", Memory::None, false, Transfer::None),
            one(8, "fmul", Memory::Load, false, Transfer::None),
            one(12, "other", Memory::Load, true, Transfer::None),
            one(16, "fadd", Memory::None, false, Transfer::None),
            one(20, "other", Memory::Store, true, Transfer::To(8)),
            one(24, "other", Memory::None, false, Transfer::To(4)),
            one(28, "other", Memory::None, false, Transfer::To(0)),
        ];
        let inner = Loop {
            multiplications: 1,
            arithmetic: 2,
            loads: 2,
            stores: 1,
            spills: 2,
            instructions: 4,
        };
        assert_eq!(loops(&code), [inner]);
    }
}
