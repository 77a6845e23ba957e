//! What a Thumb instruction does to registers and to the stack, read from a disassembler's text.
//!
//! Every known form is listed here. Any other form is an error: nothing is guessed.

use anyhow::{Context, Result, bail};

/// A register: r0 to r15 are 0 to 15, s0 to s31 are 16 to 47.
pub type Reg = usize;
pub const SP: Reg = 13;
pub const LR: Reg = 14;
pub const PC: Reg = 15;
/// s0.
pub const S0: Reg = 16;
pub const REGISTERS: usize = 48;

/// Words that move from registers into memory or back, at `base` + `offset` and upward.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    pub load: bool,
    pub base: Reg,
    /// `None` if it is known only at run time.
    pub offset: Option<i32>,
    pub registers: Vec<Reg>,
}

/// Where control goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    #[default]
    Next,
    /// To this address.
    Jump(u64),
    /// To this address or to the next instruction.
    Branch(u64),
    /// To the address in a register.
    Return(Reg),
}

/// One instruction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instruction {
    pub address: u64,
    /// Bytes.
    pub size: u64,
    /// The text of the disassembler.
    pub text: String,
    /// Registers that get a new value, other than loaded values.
    pub writes: Vec<Reg>,
    /// A register that gets another one's value.
    pub copy: Option<(Reg, Reg)>,
    pub memory: Option<Memory>,
    /// A register that moves by so many bytes.
    pub moves: Option<(Reg, i32)>,
    pub flow: Flow,
    /// Whether it depends on a condition, or on lanes.
    pub conditional: bool,
}

/// The conditions, which end a name.
const CONDITIONS: [&str; 16] = [
    "eq", "ne", "hs", "cs", "lo", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le",
];

/// Instructions that write their first operand.
const FIRST: [&str; 80] = [
    "mov", "mvn", "movw", "movt", "add", "addw", "adc", "sub", "subw", "sbc", "rsb", "and", "orr",
    "orn", "eor", "bic", "lsl", "lsr", "asr", "ror", "mul", "mla", "mls", "ubfx", "sbfx", "bfi",
    "bfc", "uxtb", "uxth", "sxtb", "sxth", "clz", "rbit", "rev", "udiv", "sdiv", "usat", "ssat",
    "cset", "csel", "csinc", "csinv", "csneg", "vadd", "vsub", "vmul", "vmla", "vmls", "vnmla",
    "vnmls", "vnmul", "vfma", "vfms", "vfnma", "vfnms", "vdiv", "vsqrt", "vneg", "vabs", "vcvt",
    "vmaxnm", "vminnm", "vseleq", "vselge", "vselgt", "vselvs", "vand", "vorr", "veor", "vbic",
    "vmvn", "vdup", "vshl", "vshr", "vmax", "vmin", "vpsel", "vrev64", "vmulh", "vqadd",
];

/// Instructions that write their first two operands.
const FIRST_TWO: [&str; 7] = ["umull", "smull", "umlal", "smlal", "vidup", "vddup", "viwdup"];

/// Instructions that write only flags, or nothing.
const NONE: [&str; 13] = [
    "cmp", "cmn", "tst", "teq", "nop", "dsb", "isb", "dmb", "vcmp", "vcmpe", "vmsr", "vctp",
    "vpnot",
];

/// Reads the lines of a routine, `address: name operands`, in the order of addresses.
pub fn read<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<Result<Instruction>> {
    // How many of the next instructions depend on a condition (IT) and on lanes (VPT).
    let (mut conditions, mut lanes) = (0, 0);
    lines
        .into_iter()
        .filter_map(line)
        .map(|(address, text)| {
            let read = instruction(address, text, conditions > 0, lanes > 0);
            conditions = usize::saturating_sub(conditions, 1);
            lanes = usize::saturating_sub(lanes, 1);
            let name = text.split(['\t', ' ', '.']).next().unwrap_or_default();
            let others = |start: &str| {
                name.strip_prefix(start).filter(|rest| rest.trim_matches(['t', 'e']).is_empty())
            };
            if let Some(rest) = others("it") {
                conditions = 1 + rest.len();
            } else if let Some(rest) = others("vpst").or_else(|| others("vpt")) {
                lanes = 1 + rest.len();
            }
            read.with_context(|| format!("at {address:#x}, `{text}` is not a known form"))
        })
        .collect()
}

/// Address and text of a line of disassembly.
fn line(line: &str) -> Option<(u64, &str)> {
    let (address, text) = line.trim().split_once(':')?;
    let text = text.split('@').next()?.trim();
    if text.is_empty() {
        return None;
    }
    Some((u64::from_str_radix(address, 16).ok()?, text))
}

fn instruction(address: u64, text: &str, conditional: bool, lanes: bool) -> Result<Instruction> {
    let (name, operands) = text.split_once(['\t', ' ']).unwrap_or((text, ""));
    let operands = split(operands);
    let mut base = name.split('.').next().unwrap_or_default();
    let mut done = Instruction {
        address,
        text: text.to_owned(),
        conditional: conditional || lanes,
        ..Instruction::default()
    };
    if conditional {
        let plain = CONDITIONS.iter().find_map(|condition| base.strip_suffix(condition));
        base = plain.context("no condition where one is expected")?;
    }
    if lanes {
        base = base.strip_suffix(['t', 'e']).context("no lanes where they are expected")?;
    }
    let operand = |index: usize| {
        operands.get(index).map(String::as_str).with_context(|| format!("no operand {index}"))
    };
    let target = |index: usize| -> Result<u64> {
        let word = operand(index)?.split(' ').next().unwrap_or_default();
        Ok(u64::from_str_radix(word.strip_prefix("0x").context("no address")?, 16)?)
    };
    // Many of them also set flags. Here the flags do not matter.
    let plain = base
        .strip_suffix('s')
        .filter(|plain| FIRST.contains(plain) && !FIRST.contains(&base))
        .unwrap_or(base);
    match plain {
        "it" | "itt" | "ite" | "ittt" | "itte" | "itet" | "itee" | "vpst" | "vpstt" | "vpste"
        | "vpt" | "vptt" | "vpte" => {}
        "itttt" | "ittte" | "ittet" | "ittee" | "itett" | "itete" | "iteet" | "iteee" => {}
        _ if NONE.contains(&plain) => {}
        "b" => {
            done.flow = if conditional { Flow::Branch(target(0)?) } else { Flow::Jump(target(0)?) }
        }
        "cbz" | "cbnz" => done.flow = Flow::Branch(target(1)?),
        "bx" => done.flow = Flow::Return(core(operand(0)?)?),
        "le" | "letp" => {
            done.writes.push(LR);
            done.flow =
                if operands.len() == 2 { Flow::Branch(target(1)?) } else { Flow::Jump(target(0)?) };
        }
        "wls" | "wlstp" => {
            done.writes.push(LR);
            done.flow = Flow::Branch(target(2)?);
        }
        "dls" | "dlstp" => done.writes.push(LR),
        "vmrs" => {
            if !operand(0)?.eq_ignore_ascii_case("apsr_nzcv") {
                done.writes.push(core(operand(0)?)?);
            }
        }
        "vmov" => moves(&mut done, &operands)?,
        "mov" if operands.len() == 2 && core(operand(1)?).is_ok() => {
            done.copy = Some((core(operand(0)?)?, core(operand(1)?)?));
        }
        "add" | "sub" | "addw" | "subw" if core(operand(0)?)? == SP => {
            let bytes = number(operand(operands.len() - 1)?)?;
            if operands.len() == 3 && core(operand(1)?)? != SP {
                bail!("the stack is moved elsewhere");
            }
            done.moves = Some((SP, if plain.starts_with("add") { bytes } else { -bytes }));
        }
        "push" | "vpush" => several(&mut done, false, true, "sp!", operand(0)?)?,
        "pop" | "vpop" => several(&mut done, true, false, "sp!", operand(0)?)?,
        "ldm" | "ldmia" | "vldm" | "vldmia" => {
            several(&mut done, true, false, operand(0)?, operand(1)?)?
        }
        "ldmdb" | "vldmdb" => several(&mut done, true, true, operand(0)?, operand(1)?)?,
        "stm" | "stmia" | "vstm" | "vstmia" => {
            several(&mut done, false, false, operand(0)?, operand(1)?)?
        }
        "stmdb" | "vstmdb" => several(&mut done, false, true, operand(0)?, operand(1)?)?,
        "ldr" | "vldr" | "vldrw" => one(&mut done, true, &operands, 1)?,
        "str" | "vstr" | "vstrw" => one(&mut done, false, &operands, 1)?,
        "ldrd" => one(&mut done, true, &operands, 2)?,
        "strd" => one(&mut done, false, &operands, 2)?,
        _ if FIRST.contains(&plain) => done.writes = registers(operand(0)?)?,
        _ if FIRST_TWO.contains(&plain) => {
            done.writes = registers(operand(0)?)?;
            done.writes.extend(registers(operand(1)?)?);
        }
        _ if plain.len() == 3 && plain.starts_with('b') && CONDITIONS.contains(&&plain[1..]) => {
            done.flow = Flow::Branch(target(0)?);
        }
        _ => bail!("an unknown name"),
    }
    // A jump to an address from memory or from a register copy is a return.
    let loads_pc =
        done.memory.as_ref().is_some_and(|memory| memory.load && memory.registers.contains(&PC));
    if loads_pc || done.copy.is_some_and(|(to, _)| to == PC) {
        done.flow = Flow::Return(PC);
    }
    if done.writes.iter().any(|&register| [SP, PC].contains(&register)) {
        bail!("sp or pc is computed");
    }
    if done.copy.is_some_and(|(to, from)| to == SP || from == SP)
        || (FIRST.contains(&plain)
            && operands.iter().skip(1).any(|operand| operand == "sp")
            && done.moves.is_none())
    {
        bail!("the stack is known by another register");
    }
    let on_stack = done.memory.as_ref().map(|memory| memory.base) == Some(SP)
        || matches!(done.moves, Some((SP, _)));
    if conditional && done.flow == Flow::Next && on_stack {
        bail!("the stack depends on a condition");
    }
    Ok(done)
}

/// VMOV: between one or two registers of each kind, or from a constant.
fn moves(done: &mut Instruction, operands: &[String]) -> Result<()> {
    let [to, from, ..] = operands else {
        bail!("too few operands");
    };
    done.writes = registers(to)?;
    if operands.len() == 4 || (operands.len() == 3 && core(to).is_ok()) {
        done.writes.extend(registers(from)?);
    }
    if let (2, [to], Ok([from])) =
        (operands.len(), done.writes.as_slice(), registers(from).as_deref())
    {
        // A lane or a half of a register is not the whole register.
        if !operands.iter().any(|operand| operand.contains('[')) {
            done.copy = Some((*to, *from));
            done.writes.clear();
        }
    }
    Ok(())
}

/// Loads or stores several registers at the address in a register, or right below it.
fn several(done: &mut Instruction, load: bool, below: bool, base: &str, list: &str) -> Result<()> {
    let (base, changes) = (core(base.trim_end_matches('!'))?, base.ends_with('!'));
    let inside = list
        .strip_prefix('{')
        .and_then(|list| list.strip_suffix('}'))
        .context("no list of registers")?;
    let mut all = Vec::new();
    for part in inside.split(',').map(str::trim) {
        match part.split_once('-') {
            Some((first, last)) => {
                all.extend(registers(first)?[0]..=*registers(last)?.last().context("no register")?)
            }
            None => all.extend(registers(part)?),
        }
    }
    let bytes = i32::try_from(4 * all.len())?;
    done.memory =
        Some(Memory { load, base, offset: Some(if below { -bytes } else { 0 }), registers: all });
    if changes {
        done.moves = Some((base, if below { -bytes } else { bytes }));
    }
    Ok(())
}

/// `count` operands, then an address: `[base]`, `[base, #4]`, `[base, #4]!`, `[base], #4` or
/// `[base, index]`.
fn one(done: &mut Instruction, load: bool, operands: &[String], count: usize) -> Result<()> {
    let mut all = Vec::new();
    for operand in operands.iter().take(count) {
        all.extend(registers(operand)?);
    }
    let address = operands.get(count).context("no address")?;
    let (inside, changes) = match address.strip_suffix('!') {
        Some(address) => (address, true),
        None => (address.as_str(), false),
    };
    let inside = inside
        .strip_prefix('[')
        .and_then(|inside| inside.strip_suffix(']'))
        .context("no address")?;
    let (base, offset) = match inside.split_once(',') {
        Some((base, offset)) => (base.trim(), number(offset.trim()).ok()),
        None => (inside, Some(0)),
    };
    let base = core(base)?;
    let mut memory = Memory { load, base, offset, registers: all };
    if let Some(after) = operands.get(count + 1) {
        done.moves = Some((base, number(after)?));
        memory.offset = Some(0);
    } else if changes {
        done.moves = Some((base, offset.context("an unknown step")?));
    }
    if base == SP && memory.offset.is_none() {
        bail!("an unknown place on the stack");
    }
    done.memory = Some(memory);
    Ok(())
}

/// Operands, split at the commas outside of brackets.
fn split(operands: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut depth = 0;
    for c in operands.chars() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            _ => {}
        }
        if c == ',' && depth == 0 {
            all.push(String::new());
        } else if let Some(last) = all.last_mut() {
            last.push(c);
        }
    }
    all.into_iter()
        .map(|operand| operand.trim().to_owned())
        .filter(|operand| !operand.is_empty())
        .collect()
}

/// `#8`, `#-8`, `#0x8`, `#-0x8`.
fn number(text: &str) -> Result<i32> {
    let text = text.strip_prefix('#').context("no number")?;
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let value = match digits.strip_prefix("0x") {
        Some(digits) => i32::from_str_radix(digits, 16)?,
        None => digits.parse()?,
    };
    Ok(sign * value)
}

/// A core register.
fn core(name: &str) -> Result<Reg> {
    Ok(match name {
        "sb" => 9,
        "sl" => 10,
        "fp" => 11,
        "ip" => 12,
        "sp" => SP,
        "lr" => LR,
        "pc" => PC,
        _ => {
            let number: Reg = name.strip_prefix('r').context("no core register")?.parse()?;
            if number > 12 {
                bail!("no core register");
            }
            number
        }
    })
}

/// The registers that a name stands for: one for r4 and s4, two for d4, four for q4 or a lane of
/// it.
fn registers(name: &str) -> Result<Vec<Reg>> {
    if let Ok(register) = core(name) {
        return Ok(vec![register]);
    }
    let whole = name.split('[').next().unwrap_or_default();
    let of = |prefix: char, width: usize| -> Option<Vec<Reg>> {
        let number: usize = whole.strip_prefix(prefix)?.parse().ok()?;
        let first = S0 + number * width;
        (first + width <= REGISTERS).then(|| (first..first + width).collect())
    };
    of('s', 1)
        .or_else(|| of('d', 2))
        .or_else(|| of('q', 4))
        .with_context(|| format!("no register {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Instruction {
        read([format!("  10: {text}").as_str()])
            .remove(0)
            .unwrap_or_else(|error| panic!("{text}: {error:#}"))
    }

    #[test]
    fn forms() {
        assert_eq!(one("vadd.f32\ts16, s0, s1").writes, [S0 + 16]);
        assert_eq!(one("vadd.f32\tq4, q0, q1").writes, (S0 + 16..S0 + 20).collect::<Vec<_>>());
        assert_eq!(one("subs.w\tr9, r9, #4").writes, [9]);
        assert_eq!(one("vidup.u32\tq6, r4, #4").writes.last(), Some(&4));
        assert_eq!(one("mov\tr12, r0").copy, Some((12, 0)));
        assert_eq!(one("vmov\tr4, s16").copy, Some((4, S0 + 16)));
        assert_eq!(one("vmov.f32\ts0, #1.000000e+00").writes, [S0]);
        assert_eq!(one("sub\tsp, #0x10").moves, Some((SP, -16)));
        assert_eq!(one("bne.w\t0x24c2 <f+0x17e>       @ imm = #352").flow, Flow::Branch(0x24c2));
        assert_eq!(one("le\tlr, 0x2384 <f+0x40> @ imm = #-2").flow, Flow::Branch(0x2384));
        assert_eq!(one("wls\tlr, r4, 0x245a <f>").writes, [LR]);
        assert_eq!(one("bx\tlr").flow, Flow::Return(LR));
        let pop = one("pop.w\t{r4, r5, pc}");
        assert_eq!((pop.flow, pop.moves), (Flow::Return(PC), Some((SP, 12))));
        let push = one("vpush\t{d8, d9}");
        let registers = vec![S0 + 16, S0 + 17, S0 + 18, S0 + 19];
        assert_eq!(
            push.memory,
            Some(Memory { load: false, base: SP, offset: Some(-16), registers })
        );
        assert_eq!(
            one("vldmia\tr0!, {s24, s25}").memory.map(|memory| memory.registers),
            Some(vec![S0 + 24, S0 + 25])
        );
        assert_eq!(one("ldr\tr7, [r4], #4").moves, Some((4, 4)));
        assert_eq!(one("vldrw.u32\tq4, [r2, q6]").memory.and_then(|memory| memory.offset), None);
        assert_eq!(
            one("ldrd\tr2, r3, [r12, #28]").memory.map(|memory| memory.registers),
            Some(vec![2, 3])
        );
        assert_eq!(one("bic.w\tr2, r2, r2, asr #31").writes, [2]);
    }

    #[test]
    fn blocks_of_conditions() {
        let block = "0: it hs\n2: strhs.w lr, [r1, #4]\n6: itt eq\n8: moveq r4, #1\n\
            a: moveq r5, #1\nc: mov r6, #1\n\
            e: vpst\n12: vldrwt.u32 q4, [r2]\n16: vldrw.u32 q4, [r2]";
        let read: Vec<bool> =
            read(block.lines()).into_iter().map(|one| one.expect("known").conditional).collect();
        assert_eq!(read, [false, true, false, true, true, false, false, true, false]);
    }

    #[test]
    fn nothing_is_guessed() {
        for text in [
            "bl\t0x100 <f>",
            "frob\tr4",
            "mov\tr4, sp",
            "add\tr4, sp, #8",
            "mov\tsp, r4",
            ".word\t0x1234",
            "svc\t#0",
        ] {
            assert!(read([format!("10: {text}").as_str()])[0].is_err(), "{text}");
        }
    }
}
