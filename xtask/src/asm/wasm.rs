//! Functions and calls in a wasm module.

use anyhow::Result;
use wasmparser::{ExternalKind, KnownCustom, Name, Operator, Parser, Payload, TypeRef};

use super::code::{Callee, Class, Code, Function, Instruction, Loop, Memory};

/// Reads a module's functions.
pub fn read(bytes: &[u8]) -> Result<Code> {
    // The numbers of functions begin with the imported functions.
    let mut imports: Vec<String> = Vec::new();
    let mut functions: Vec<Function> = Vec::new();
    let mut names: Vec<(usize, String)> = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    if matches!(import.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)) {
                        imports.push(import.name.to_owned());
                    }
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    if export.kind == ExternalKind::Func {
                        names.push((export.index as usize, export.name.to_owned()));
                    }
                }
            }
            Payload::CodeSectionEntry(body) => {
                let mut function = Function::default();
                let mut blocks = Blocks::default();
                for operator in body.get_operators_reader()? {
                    let operator = operator?;
                    let instruction = instruction(&operator);
                    function.counts.add(&instruction);
                    function.loops.extend(blocks.enter(&operator, &instruction));
                    function.callees.extend(callee(&operator, &imports));
                }
                functions.push(function);
            }
            Payload::CustomSection(section) => {
                let KnownCustom::Name(section) = section.as_known() else {
                    continue;
                };
                for part in section {
                    let Name::Function(map) = part? else { continue };
                    for naming in map {
                        let naming = naming?;
                        names.push((naming.index as usize, naming.name.to_owned()));
                    }
                }
            }
            _ => {}
        }
    }
    for (index, name) in names {
        if let Some(function) =
            index.checked_sub(imports.len()).and_then(|index| functions.get_mut(index))
        {
            // An exported function often has its name in both sections.
            if !function.names.contains(&name) {
                function.names.push(name);
            }
        }
    }
    Ok(Code { functions })
}

/// The blocks around an operator: the rounds of loops that are not yet at their end.
#[derive(Default)]
struct Blocks {
    open: Vec<Option<Loop>>,
}

impl Blocks {
    /// Goes on by one operator. Returns an innermost loop at its end.
    fn enter(&mut self, operator: &Operator<'_>, instruction: &Instruction) -> Option<Loop> {
        match operator {
            Operator::Loop { .. } => {
                // The loops around it are not innermost.
                self.open.iter_mut().for_each(|block| *block = None);
                self.open.push(Some(Loop::default()));
                None
            }
            Operator::Block { .. } | Operator::If { .. } | Operator::TryTable { .. } => {
                self.open.push(None);
                None
            }
            Operator::End => self.open.pop().flatten(),
            _ => {
                self.open.iter_mut().flatten().for_each(|round| round.add(instruction));
                None
            }
        }
    }
}

fn callee(operator: &Operator<'_>, imports: &[String]) -> Option<Callee> {
    match *operator {
        Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
            let index = function_index as usize;
            Some(match imports.get(index) {
                Some(name) => Callee::Outside(name.clone()),
                None => Callee::Inside(index - imports.len()),
            })
        }
        Operator::CallIndirect { .. }
        | Operator::ReturnCallIndirect { .. }
        | Operator::CallRef { .. }
        | Operator::ReturnCallRef { .. } => Some(Callee::Pointer),
        _ => None,
    }
}

fn instruction(operator: &Operator<'_>) -> Instruction {
    let text = format!("{operator:?}");
    let name = text.split([' ', '{']).next().unwrap_or_default();
    let memory = match name {
        _ if name.contains("Load") => Memory::Load,
        _ if name.contains("Store") => Memory::Store,
        _ => Memory::None,
    };
    Instruction { class: classify(name), name: name.to_owned(), memory, ..Instruction::default() }
}

/// What an instruction does, by the decoder's name for it, such as `F32x4Mul` for `f32x4.mul`.
fn classify(name: &str) -> Class {
    if name.contains("Relaxed") {
        return Class::Forbidden;
    }
    let arithmetic = [
        "Add", "Sub", "Mul", "Div", "Sqrt", "Min", "Max", "PMin", "PMax", "Eq", "Ne", "Lt", "Gt",
        "Le", "Ge", "Ceil", "Floor", "Trunc", "Nearest",
    ];
    for (lanes, class) in [
        ("F32x4", Class::Packed(128)),
        ("F64x2", Class::Single),
        ("F32", Class::Single),
        ("F64", Class::Single),
    ] {
        if let Some(operation) = name.strip_prefix(lanes)
            && arithmetic.contains(&operation)
        {
            return class;
        }
    }
    Class::Other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes() {
        assert_eq!(instruction(&Operator::F32x4Mul).class, Class::Packed(128));
        assert_eq!(instruction(&Operator::F32x4Lt).class, Class::Packed(128));
        assert_eq!(instruction(&Operator::F32Mul).class, Class::Single);
        assert_eq!(instruction(&Operator::F64x2Add).class, Class::Single);
        assert_eq!(instruction(&Operator::F32x4RelaxedMadd).class, Class::Forbidden);
        assert_eq!(instruction(&Operator::F32x4RelaxedMin).class, Class::Forbidden);
        assert_eq!(instruction(&Operator::F32x4ConvertI32x4S).class, Class::Other);
        assert_eq!(instruction(&Operator::I32x4Add).class, Class::Other);
    }

    #[test]
    fn loops_end_where_their_block_does() {
        let blockty = wasmparser::BlockType::Empty;
        let mut blocks = Blocks::default();
        let mut ended = Vec::new();
        for operator in [
            Operator::Loop { blockty },
            Operator::F32x4Mul,
            Operator::Block { blockty },
            Operator::Loop { blockty },
            Operator::F32x4Mul,
            Operator::F32x4Add,
            Operator::End,
            Operator::End,
            Operator::F32x4Mul,
            Operator::End,
        ] {
            ended.extend(blocks.enter(&operator, &instruction(&operator)));
        }
        let inner = Loop { multiplications: 1, arithmetic: 2, instructions: 2, ..Loop::default() };
        assert_eq!(ended, [inner]);
    }

    #[test]
    fn calls_count_past_the_imports() {
        let imports = ["fmaf".to_owned()];
        assert!(matches!(
            callee(&Operator::Call { function_index: 0 }, &imports),
            Some(Callee::Outside(name)) if name == "fmaf"
        ));
        assert!(matches!(
            callee(&Operator::Call { function_index: 3 }, &imports),
            Some(Callee::Inside(2))
        ));
    }
}
