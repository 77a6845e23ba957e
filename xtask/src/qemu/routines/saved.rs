//! Whether a routine restores what its caller keeps: r4 to r11, s16 to s31, the stack pointer and
//! the return address.
//!
//! The check follows every path through the routine. For each register and each word of the stack
//! it knows which of the caller's values it holds, if any. A routine may save a register in any way
//! that restores its value. Stores through registers other than sp are assumed not to hit the
//! routine's stack.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::thumb::{Flow, Instruction, LR, Memory, PC, REGISTERS, Reg, S0, SP};

/// s16.
pub const S16: Reg = S0 + 16;

/// The registers that a routine must leave as they were: those of the Arm procedure call standard.
fn kept() -> impl Iterator<Item = Reg> {
    (4..12).chain(S16..REGISTERS)
}

/// What is known before an instruction.
#[derive(Clone, PartialEq, Eq)]
struct State {
    /// Bytes from the caller's stack pointer to this one.
    sp: i32,
    /// For each register, the register of the caller whose value it holds.
    registers: [Option<Reg>; REGISTERS],
    /// The same for words of the stack, by their distance from the caller's stack pointer.
    stack: BTreeMap<i32, Reg>,
}

impl State {
    fn entry() -> Self {
        Self { sp: 0, registers: std::array::from_fn(Some), stack: BTreeMap::new() }
    }

    /// Keeps what holds in both states. The stack pointers must be equal.
    fn join(&mut self, other: &Self) {
        for (mine, theirs) in self.registers.iter_mut().zip(&other.registers) {
            if mine != theirs {
                *mine = None;
            }
        }
        self.stack.retain(|at, held| other.stack.get(at) == Some(held));
    }

    /// Applies the effect of an instruction.
    fn step(&mut self, instruction: &Instruction) {
        let before = self.clone();
        if let Some((to, from)) = instruction.copy {
            self.registers[to] = before.registers[from];
        }
        for &register in &instruction.writes {
            self.registers[register] = None;
        }
        if let Some(memory) = &instruction.memory {
            self.move_words(memory);
        }
        match instruction.moves {
            Some((SP, bytes)) => {
                self.sp += bytes;
                // An interrupt may overwrite what lies below the stack pointer.
                let sp = self.sp;
                self.stack.retain(|&at, _| at >= sp);
            }
            Some((register, _)) => self.registers[register] = None,
            None => {}
        }
        if instruction.conditional && !matches!(instruction.flow, Flow::Return(_)) {
            self.join(&before);
        }
    }

    fn move_words(&mut self, memory: &Memory) {
        let place = memory.offset.filter(|_| memory.base == SP).map(|offset| self.sp + offset);
        for (&register, step) in memory.registers.iter().zip((0..).step_by(4)) {
            let place = place.map(|place| place + step);
            if memory.load {
                self.registers[register] = place.and_then(|place| self.stack.get(&place).copied());
            } else if let Some(place) = place {
                match self.registers[register] {
                    Some(held) => self.stack.insert(place, held),
                    None => self.stack.remove(&place),
                };
            }
        }
    }
}

/// What is wrong with a routine, whose instructions begin at its entry.
pub fn complaints(name: &str, instructions: &[Result<Instruction>]) -> Vec<String> {
    match walk(instructions) {
        Ok(returns) if returns.is_empty() => vec![format!("{name}: never returns")],
        Ok(returns) => judge(name, &returns, instructions),
        Err(complaint) => vec![format!("{name}: {complaint}")],
    }
}

/// The states at all returns, or the reason why they are unknown.
fn walk(instructions: &[Result<Instruction>]) -> Result<Vec<(Instruction, State)>, String> {
    let mut states: Vec<Option<State>> = vec![None; instructions.len()];
    let mut open = vec![(0, State::entry())];
    let index_of = |address: u64| {
        instructions
            .iter()
            .position(|other| other.as_ref().is_ok_and(|other| other.address == address))
    };
    let mut returns = BTreeMap::new();
    while let Some((index, mut state)) = open.pop() {
        let instruction = match instructions.get(index) {
            Some(Ok(instruction)) => instruction,
            Some(Err(error)) => return Err(format!("{error:#}")),
            None => return Err("runs beyond its end".to_owned()),
        };
        if let Some(known) = &states[index] {
            if known.sp != state.sp {
                return Err(format!(
                    "at {:#x} the stack has one of two depths",
                    instruction.address
                ));
            }
            state.join(known);
            if state == *known {
                continue;
            }
        }
        states[index] = Some(state.clone());
        state.step(instruction);
        let mut to = |address: u64, state: State| {
            let index = index_of(address).ok_or_else(|| {
                format!("at {:#x} it leaves for {address:#x}", instruction.address)
            })?;
            open.push((index, state));
            Ok::<(), String>(())
        };
        match instruction.flow {
            Flow::Next => open.push((index + 1, state)),
            Flow::Jump(address) => to(address, state)?,
            Flow::Branch(address) => {
                to(address, state.clone())?;
                open.push((index + 1, state));
            }
            Flow::Return(_) => {
                if instruction.conditional {
                    open.push((index + 1, states[index].clone().expect("just set")));
                }
                // A later visit knows less. Its state replaces the earlier one.
                returns.insert(index, (instruction.clone(), state));
            }
        }
    }
    Ok(returns.into_values().collect())
}

fn judge(
    name: &str,
    returns: &[(Instruction, State)],
    instructions: &[Result<Instruction>],
) -> Vec<String> {
    // The registers that the routine stores anywhere. They tell a register that was not saved from
    // one that was not restored.
    let stored: BTreeSet<Reg> = instructions
        .iter()
        .flatten()
        .filter_map(|instruction| instruction.memory.as_ref())
        .filter(|memory| !memory.load && memory.base == SP)
        .flat_map(|memory| memory.registers.iter().copied())
        .collect();
    let (mut unsaved, mut unrestored, mut mixed) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut complaints = BTreeSet::new();
    for (instruction, state) in returns {
        for register in kept() {
            match state.registers[register] {
                Some(held) if held == register => {}
                Some(held) if kept().any(|other| other == held) => {
                    mixed.insert((register, held));
                }
                _ if stored.contains(&register) => {
                    unrestored.insert(register);
                }
                _ => {
                    unsaved.insert(register);
                }
            }
        }
        if state.sp != 0 {
            complaints
                .insert(format!("{name}: returns with its stack pointer {} bytes off", state.sp));
        }
        let Flow::Return(through) = instruction.flow else { continue };
        if state.registers[through] != Some(LR) {
            complaints.insert(format!(
                "{name}: at {:#x} it does not return to its caller",
                instruction.address
            ));
        }
    }
    for (registers, what) in
        [(unsaved, "and does not save"), (unrestored, "and saves, but does not restore")]
    {
        if !registers.is_empty() {
            complaints.insert(format!("{name}: writes {what} {}", list(&registers)));
        }
    }
    for (register, held) in mixed {
        complaints.insert(format!(
            "{name}: returns in {} what {} held",
            word(register),
            word(held)
        ));
    }
    complaints.into_iter().collect()
}

/// The names of registers. s16 and s17 together are d8.
fn list(registers: &BTreeSet<Reg>) -> String {
    let mut words = Vec::new();
    for &register in registers {
        let half = |other: Reg| register >= S0 && registers.contains(&other);
        match register % 2 {
            0 if half(register + 1) => words.push(format!("d{}", (register - S0) / 2)),
            1 if half(register - 1) => {}
            _ => words.push(word(register)),
        }
    }
    words.join(", ")
}

/// The name of a register.
pub fn word(register: Reg) -> String {
    match register {
        LR => "lr".to_owned(),
        PC => "pc".to_owned(),
        SP => "sp".to_owned(),
        S0.. => format!("s{}", register - S0),
        _ => format!("r{register}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::thumb;
    use super::*;

    /// The complaints about a routine that is given as two-byte instructions from address 0 on.
    fn of(text: &str) -> Vec<String> {
        let lines: Vec<String> =
            text.split("; ").enumerate().map(|(i, line)| format!("{:x}: {line}", 2 * i)).collect();
        complaints("f", &thumb::read(lines.iter().map(String::as_str)))
    }

    #[test]
    fn what_comes_back_is_right_however_it_was_saved() {
        for good in [
            "vpush {d8, d9}; vmov.f32 s16, #1.0; vadd.f32 q4, q0, q1; vpop {d8, d9}; bx lr",
            "push {r4, r5, lr}; mov r4, r0; movs r5, #0; bl_free_loop; pop {r4, r5, pc}",
            "push {r4-r6, lr}; ldm r0!, {r4-r6}; pop {r4-r6, pc}",
            "stmdb sp!, {r4, r5}; ldr r4, [r0]; ldm sp!, {r4, r5}; bx lr",
            "sub sp, #8; str r4, [sp, #4]; movs r4, #0; ldr r4, [sp, #4]; add sp, #8; bx lr",
            "mov r12, r4; movs r4, #1; mov r4, r12; bx lr",
            "vmov r3, s16; vldr s16, [r0]; vmov s16, r3; bx lr",
            "vadd.f32 s15, s0, s1; movs r3, #0; bx lr",
        ] {
            let good = good.replace("bl_free_loop", "subs r5, #1");
            assert_eq!(of(&good), [""; 0], "{good}");
        }
    }

    #[test]
    fn planted_defects() {
        for (bad, complaint) in [
            // d8 to d10 of d8 to d11.
            (
                "vpush {d8, d9, d10}; vldmia r1, {s16-s23}; vpop {d8, d9, d10}; bx lr",
                "f: writes and does not save d11",
            ),
            (
                "ldm r0, {r4-r11}; bx lr",
                "f: writes and does not save r4, r5, r6, r7, r8, r9, r10, r11",
            ),
            ("vldrw.u32 q4, [r2]; bx lr", "f: writes and does not save d8, d9"),
            ("vidup.u32 q0, r4, #4; bx lr", "f: writes and does not save r4"),
            ("vldr s31, [r0]; bx lr", "f: writes and does not save s31"),
            ("it eq; moveq r4, #0; bx lr", "f: writes and does not save r4"),
            ("vpst; vldrwt.u32 q7, [r2]; bx lr", "f: writes and does not save d14, d15"),
            ("push {r4, r5}; mov r4, r0; pop {r5, r6}; bx lr", "f: returns in r6 what r5 held"),
            (
                "push {r4, r5}; mov r4, r0; pop {r5, r6}; bx lr",
                "f: writes and saves, but does not restore r4",
            ),
            (
                "push {r4, r5}; mov r4, r0; pop {r4}; bx lr",
                "f: returns with its stack pointer -4 bytes off",
            ),
            (
                "push {r4}; mov r4, r0; cmp r0, #0; beq 0xa; pop {r4}; bx lr",
                "f: at 0xa the stack has one of two depths",
            ),
            (
                "push {r4}; mov r4, r0; add sp, #4; ldr r4, [sp, #-4]; bx lr",
                "f: writes and saves, but does not restore r4",
            ),
            (
                "mov r5, r0; push {r5}; pop {r5}; bx lr",
                "f: writes and saves, but does not restore r5",
            ),
            ("ldr r8, [r1], #4; bx lr", "f: writes and does not save r8"),
            ("ldr r0, [r8], #4; bx lr", "f: writes and does not save r8"),
            ("wls lr, r0, 0x4; le lr, 0x2; bx lr", "f: at 0x4 it does not return to its caller"),
            ("push {r4, lr}; pop {r4, lr}; b 0x100", "f: at 0x4 it leaves for 0x100"),
            ("movs r0, #0", "f: runs beyond its end"),
            ("b 0x0", "f: never returns"),
        ] {
            let got = of(bad);
            assert!(got.iter().any(|one| one == complaint), "{bad}: {got:?}");
        }
        assert!(of("frob r4; bx lr")[0].starts_with("f: at 0x0, `frob r4` is not a known form"));
    }

    #[test]
    fn loops_come_to_an_end() {
        assert_eq!(
            of("push {r4}; ldr r4, [r0], #4; subs r1, #1; bne 0x2; pop {r4}; bx lr"),
            [""; 0]
        );
        // One of two paths spoils it.
        assert_eq!(
            of("cmp r0, #0; beq 0x6; movs r4, #1; bx lr"),
            ["f: writes and does not save r4"]
        );
    }
}
