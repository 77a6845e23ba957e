//! Functions and calls in a native library (ELF, and Mach-O where it is similar).

use std::collections::{BTreeMap, HashMap};

use anyhow::{Result, bail};
use object::{
    Architecture, Object, ObjectSection, ObjectSymbol, RelocationTarget, SectionKind, SymbolKind,
};

use super::code::{Callee, Code, Function, Instruction, Transfer, loops};
use super::{aarch64, x86};

/// A decoder of instructions: bytes and their address.
type Decode = fn(&[u8], u64) -> Vec<Instruction>;

/// Reads a library. Returns its architecture and its functions.
pub fn read(bytes: &[u8]) -> Result<(&'static str, Code)> {
    let file = object::File::parse(bytes)?;
    let (architecture, decode): (_, Decode) = match file.architecture() {
        Architecture::X86_64 => ("x86_64", x86::decode),
        Architecture::Aarch64 => ("aarch64", aarch64::decode),
        other => bail!("no decoder for {other:?}"),
    };
    let image = Image::new(&file, decode);
    let mut functions = Vec::new();
    for (&start, &(end, index)) in &image.ranges {
        debug_assert_eq!(index, functions.len());
        let mut function = Function { names: image.names[&start].clone(), ..Function::default() };
        // Functions whose address is put into a register, for example for a call in a loop.
        let mut taken = Vec::new();
        let mut jumps = false;
        let instructions = decode(image.bytes(start, end), start);
        function.loops = loops(&instructions);
        for instruction in instructions {
            function.counts.add(&instruction);
            jumps |= matches!(instruction.transfer, Transfer::Jump);
            match image.callee(instruction.transfer) {
                Some(Callee::Inside(inside)) if inside == index => {}
                Some(callee) => function.callees.push(callee),
                None => taken.extend(image.taken(instruction.transfer)),
            }
        }
        // A call through a register then goes to one of these functions.
        if !taken.is_empty()
            && function.callees.iter().any(|callee| matches!(callee, Callee::Pointer))
        {
            function.callees.retain(|callee| !matches!(callee, Callee::Pointer));
            function.callees.extend(taken);
        } else if jumps {
            // So does a tail call through a register. Any other jump stays in the function: it is a
            // `match`, and no function's address was taken.
            function.callees.extend(taken);
        }
        functions.push(function);
    }
    Ok((architecture, Code { functions }))
}

/// What is needed to find the target of a call.
struct Image<'data> {
    decode: Decode,
    /// Sections with code: start and bytes.
    text: Vec<(u64, &'data [u8])>,
    /// Functions: start → end and index.
    ranges: BTreeMap<u64, (u64, usize)>,
    names: HashMap<u64, Vec<String>>,
    /// What the loader writes at an address: a function of another library, or an address in this
    /// one.
    slots: HashMap<u64, Slot>,
}

enum Slot {
    Import(String),
    Address(u64),
}

impl<'data> Image<'data> {
    fn new(file: &object::File<'data>, decode: Decode) -> Self {
        let text: Vec<(u64, &[u8])> = file
            .sections()
            .filter(|section| section.kind() == SectionKind::Text)
            .filter_map(|section| Some((section.address(), section.data().ok()?)))
            .collect();

        let mut names: HashMap<u64, Vec<String>> = HashMap::new();
        let mut sizes = BTreeMap::new();
        for symbol in file
            .symbols()
            .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition())
        {
            let Ok(name) = symbol.name() else { continue };
            names.entry(symbol.address()).or_default().push(name.to_owned());
            sizes.insert(symbol.address(), symbol.size());
        }
        // A symbol without a size (Mach-O has none) extends to the next symbol or to the section's
        // end.
        let starts: Vec<u64> = sizes.keys().copied().collect();
        let mut ranges = BTreeMap::new();
        for (number, (&start, &size)) in sizes.iter().enumerate() {
            let section = text
                .iter()
                .find(|(address, bytes)| (*address..address + bytes.len() as u64).contains(&start));
            let Some((address, bytes)) = section else {
                continue;
            };
            let section_end = address + bytes.len() as u64;
            let next = starts.get(number + 1).copied().unwrap_or(section_end);
            let end = if size > 0 { start + size } else { next }.min(section_end);
            ranges.insert(start, (end, ranges.len()));
        }

        let dynamic: HashMap<_, _> =
            file.dynamic_symbols().map(|symbol| (symbol.index(), symbol)).collect();
        let mut slots = HashMap::new();
        for (address, relocation) in file.dynamic_relocations().into_iter().flatten() {
            let slot = match relocation.target() {
                RelocationTarget::Symbol(index) => match dynamic.get(&index) {
                    Some(symbol) if symbol.is_definition() => Slot::Address(symbol.address()),
                    Some(symbol) => Slot::Import(
                        symbol.name().unwrap_or("a function without a name").to_owned(),
                    ),
                    None => continue,
                },
                _ => Slot::Address(relocation.addend() as u64),
            };
            slots.insert(address, slot);
        }
        Self { decode, text, ranges, names, slots }
    }

    fn bytes(&self, start: u64, end: u64) -> &'data [u8] {
        for (address, bytes) in &self.text {
            if let Some(from) =
                start.checked_sub(*address).filter(|&from| from < bytes.len() as u64)
            {
                let until = (end - address).min(bytes.len() as u64);
                return &bytes[from as usize..until as usize];
            }
        }
        &[]
    }

    /// The function that an instruction may enter, if there is one.
    fn callee(&self, transfer: Transfer) -> Option<Callee> {
        match transfer {
            Transfer::None | Transfer::Jump | Transfer::Takes(_) | Transfer::TakesThrough(_) => {
                None
            }
            Transfer::Pointer => Some(Callee::Pointer),
            Transfer::Through(slot) => self.through(slot),
            Transfer::To(address) => {
                if let Some((_, &(end, index))) = self.ranges.range(..=address).next_back()
                    && address < end
                {
                    return Some(Callee::Inside(index));
                }
                // This code belongs to no function. It is a stub of the linker: a few instructions
                // that jump on through a slot.
                let stub = (self.decode)(self.bytes(address, address + 16), address);
                let slot = stub.iter().find_map(|instruction| match instruction.transfer {
                    Transfer::Through(slot) => Some(slot),
                    _ => None,
                });
                slot.and_then(|slot| self.through(slot))
                    .or_else(|| Some(Callee::Outside(format!("code at {address:#x}"))))
            }
        }
    }

    /// The function whose address an instruction puts into a register, if there is one.
    fn taken(&self, transfer: Transfer) -> Option<Callee> {
        match transfer {
            Transfer::Takes(address) => {
                self.ranges.get(&address).map(|&(_, index)| Callee::Inside(index))
            }
            Transfer::TakesThrough(slot) => match self.slots.get(&slot)? {
                Slot::Import(name) => Some(Callee::Outside(name.clone())),
                Slot::Address(address) => self.taken(Transfer::Takes(*address)),
            },
            _ => None,
        }
    }

    fn through(&self, slot: u64) -> Option<Callee> {
        match self.slots.get(&slot) {
            Some(Slot::Import(name)) => Some(Callee::Outside(name.clone())),
            Some(Slot::Address(address)) => self.callee(Transfer::To(*address)),
            None => Some(Callee::Pointer),
        }
    }
}
