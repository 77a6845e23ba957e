//! A linked program, as the ELF file describes it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use object::elf::{SHF_ALLOC, SHF_WRITE};
use object::{Object, ObjectSection, ObjectSymbol, SectionFlags, SectionKind};
use rustc_demangle::demangle;

/// A linked program.
#[derive(Default)]
pub struct Image {
    pub sections: Vec<Section>,
    pub symbols: Vec<Symbol>,
}

/// A section that takes up memory on the chip.
pub struct Section {
    pub name: String,
    pub size: u64,
    /// The ELF file contains its bytes, so flash contains them.
    pub loaded: bool,
    /// The program may write to it.
    pub writable: bool,
}

/// A function or a variable.
pub struct Symbol {
    /// Its name as in the source, without a hash.
    pub name: String,
    pub size: u64,
    /// Index into the sections, if it lies in one.
    pub section: Option<usize>,
}

/// Data sets and learnt weights. They do not count as code of the library.
const DATA: [&str; 3] = [
    "rosenblatt_programs::data::IRIS",
    "rosenblatt_programs::data::IMAGES",
    "rosenblatt_programs::digits::LEARNT",
];

/// Tables that the CPU needs in every program. The interrupt vectors are a section, the page table
/// is a symbol.
const VECTORS: &str = ".vector_table";
const PAGES: &str = "rosenblatt_firmware::arch::aarch64::INITIAL_PAGETABLE";

impl Image {
    /// Reads a file.
    pub fn read(file: &Path) -> Result<Self> {
        let what = || format!("cannot read {}", file.display());
        Self::parse(&fs::read(file).with_context(what)?).with_context(what)
    }

    fn parse(bytes: &[u8]) -> Result<Self> {
        let file = object::File::parse(bytes)?;
        let mut image = Self::default();
        let mut index_of = Vec::new();
        for section in file.sections() {
            let SectionFlags::Elf { sh_flags, .. } = section.flags() else {
                continue;
            };
            if !sh_flags.contains(SHF_ALLOC) {
                continue;
            }
            index_of.push(section.index());
            image.sections.push(Section {
                name: section.name()?.to_owned(),
                size: section.size(),
                loaded: section.kind() != SectionKind::UninitializedData,
                writable: sh_flags.contains(SHF_WRITE),
            });
        }
        for symbol in file.symbols() {
            image.symbols.push(Symbol {
                name: format!("{:#}", demangle(symbol.name()?)),
                size: symbol.size(),
                section: symbol
                    .section_index()
                    .and_then(|index| index_of.iter().position(|&at| at == index)),
            });
        }
        Ok(image)
    }

    /// Bytes of data sets and weights in flash.
    pub fn data(&self) -> u64 {
        DATA.iter().map(|name| self.size(name)).sum()
    }

    /// Bytes of flash for everything else, without the tables that the CPU needs.
    pub fn flash(&self) -> u64 {
        let loaded: u64 = self
            .sections
            .iter()
            .filter(|section| section.loaded && section.name != VECTORS)
            .map(|s| s.size)
            .sum();
        loaded - self.data() - self.size(PAGES)
    }

    /// Bytes of RAM for variables.
    pub fn ram(&self) -> u64 {
        self.sections
            .iter()
            .filter(|section| [".data", ".bss"].contains(&section.name.as_str()))
            .map(|s| s.size)
            .sum()
    }

    /// The total size of the symbols of this name. It is 0 if there are none.
    pub fn size(&self, name: &str) -> u64 {
        self.named(name).map(|symbol| symbol.size).sum()
    }

    /// The symbols of this name. The compiler may have split one into `NAME.0` and so on.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &Symbol> {
        self.symbols.iter().filter(move |symbol| {
            symbol
                .name
                .strip_prefix(name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }

    /// The section of a symbol.
    pub fn section(&self, symbol: &Symbol) -> Option<&Section> {
        symbol.section.map(|index| &self.sections[index])
    }
}
