//! The measurements, the complaints about them, and the table.

use std::time::Duration;

use anyhow::{Result, bail};

use super::boards::{BOARDS, Board, M4F, M4F_TUNED, Profile, WASM};
use super::emulator::Run;
use super::figures::{Figure, Figures, Recorded, Table};
use super::goals;
use super::golden::Program;
use super::image::Image;
use crate::table::table;

/// A program on a board.
struct Row {
    program: String,
    board: &'static str,
    figures: Figures,
    /// Whether each run gave the golden hash, one opt-level after the other.
    hashes: Vec<bool>,
    /// The board's RAM, if it is too small for the program.
    too_small: Option<u64>,
}

/// Everything that was measured.
pub struct Measured {
    /// The compiler and its standard library, on which the figures depend.
    pub compiler: String,
    rows: Vec<Row>,
    complaints: Vec<String>,
}

impl Measured {
    pub fn new(compiler: String) -> Self {
        Self { compiler, rows: Vec::new(), complaints: Vec::new() }
    }

    fn row(&mut self, program: &Program, board: &'static str) -> &mut Row {
        let is = |row: &Row| row.program == program.name && row.board == board;
        let index = self.rows.iter().position(is).unwrap_or_else(|| {
            let program = program.name.clone();
            self.rows.push(Row {
                program,
                board,
                figures: Figures::default(),
                hashes: Vec::new(),
                too_small: None,
            });
            self.rows.len() - 1
        });
        &mut self.rows[index]
    }

    /// Records that a program does not fit.
    pub fn too_small(&mut self, program: &Program, board: &'static Board) {
        self.row(program, board.name).too_small =
            board.build.too_small.as_ref().map(|small| small.ram);
    }

    /// Records the sizes of a linked program.
    pub fn image(
        &mut self,
        program: &Program,
        board: &'static Board,
        profile: Profile,
        image: &Image,
    ) {
        let figures = &mut self.row(program, board.name).figures;
        let flash = match profile {
            Profile::Small => Figure::FlashSmall,
            Profile::Fast => Figure::FlashFast,
        };
        figures[flash as usize] = Some(image.flash());
        let data = &mut figures[Figure::Data as usize];
        *data = (*data).max(Some(image.data()).filter(|&data| data > 0));
        let ram = &mut figures[Figure::Ram as usize];
        *ram = (*ram).max(Some(image.ram()));
    }

    /// Records what a program printed.
    pub fn run(
        &mut self,
        program: &Program,
        board: &'static Board,
        profile: Profile,
        run: &Run,
        right: bool,
    ) {
        let row = self.row(program, board.name);
        row.hashes.push(right);
        match profile {
            Profile::Small => row.figures[Figure::StackSmall as usize] = Some(run.stack),
            Profile::Fast => {
                row.figures[Figure::StackFast as usize] = Some(run.stack);
                row.figures[Figure::Infer as usize] = run.infer;
                row.figures[Figure::Step as usize] = run.step;
            }
        }
    }

    /// Records that a program did not run to its end.
    pub fn no_run(&mut self, program: &Program, board: &'static Board) {
        self.row(program, board.name).hashes.push(false);
    }

    /// Records the hash on wasm, where nothing else is measured.
    pub fn wasm(&mut self, program: &Program, hash: Option<u64>) {
        let right = hash == Some(program.hash);
        self.row(program, WASM).hashes.push(right);
        if !right {
            let got = hash.map_or("nothing".to_owned(), |hash| format!("{hash:016x}"));
            self.complaints.push(format!(
                "{} on {WASM}: hash: expected {:016x}, got {got}",
                program.name, program.hash
            ));
        }
    }

    /// Adds the measurements of another opt-level.
    pub fn absorb(&mut self, other: Self) {
        for theirs in other.rows {
            let Some(ours) = self
                .rows
                .iter_mut()
                .find(|row| row.program == theirs.program && row.board == theirs.board)
            else {
                self.rows.push(theirs);
                continue;
            };
            for (figure, their) in ours.figures.iter_mut().zip(theirs.figures) {
                *figure = (*figure).max(their);
            }
            ours.hashes.extend(theirs.hashes);
            ours.too_small = ours.too_small.or(theirs.too_small);
        }
        self.complaints.extend(other.complaints);
    }

    /// Records what is wrong.
    pub fn complain(
        &mut self,
        program: &Program,
        board: &Board,
        profile: Profile,
        complaints: Vec<String>,
    ) {
        let place = format!("{} on {} at {}", program.name, board.name, profile.name());
        self.complaints
            .extend(complaints.into_iter().map(|complaint| format!("{place}: {complaint}")));
    }

    /// Puts the rows into the order of tables. Checks that programs were left out only where they
    /// do not fit.
    pub fn sort(&mut self, programs: &[Program]) {
        let program = |row: &Row| programs.iter().position(|program| program.name == row.program);
        let board = |row: &Row| {
            BOARDS.iter().position(|board| board.name == row.board).unwrap_or(BOARDS.len())
        };
        self.rows.sort_by_key(|row| (program(row), board(row)));
        for row in &self.rows {
            if let (Some(ram), Some(need)) = (row.too_small, self.need(&row.program))
                && need <= ram
            {
                let Row { program, board, .. } = row;
                self.complaints.push(format!(
                    "{program} on {board}: expected to need more than {ram} bytes of RAM (see \
                     xtask/src/qemu/boards.rs), got {need}"
                ));
            }
        }
        // The goals hold for one compiler, like the recorded figures.
        if Recorded::read().is_ok_and(|recorded| recorded.compiler == self.compiler) {
            let missed = goals::missed(|program| self.on_m4f(program));
            self.complaints.extend(missed);
        }
    }

    fn on_m4f(&self, program: &str) -> Option<Figures> {
        Some(self.rows.iter().find(|row| row.program == program && row.board == M4F)?.figures)
    }

    /// The least bytes of RAM that a program needs on a CPU of 32 bits, if it ran on one.
    fn need(&self, program: &str) -> Option<u64> {
        let need = |row: &Row| {
            let stack = row.figures[Figure::StackSmall as usize]?
                .min(row.figures[Figure::StackFast as usize]?);
            Some(row.figures[Figure::Ram as usize]? + stack)
        };
        self.rows
            .iter()
            .filter(|row| row.program == program && row.board != "AArch64")
            .filter_map(need)
            .min()
    }

    /// The figures of the programs that have any, for the file of figures.
    pub fn rows(&self) -> Vec<(&str, &str, Figures)> {
        let counted = self.rows.iter().filter(|row| row.figures.iter().any(Option::is_some));
        counted.map(|row| (row.program.as_str(), row.board, row.figures)).collect()
    }

    /// The same figures by program and board.
    pub fn table(&self) -> Table {
        let rows = self.rows().into_iter();
        rows.map(|(program, board, figures)| ((program.to_owned(), board.to_owned()), figures))
            .collect()
    }

    /// The table, the meaning of its columns, and the goals.
    pub fn text(&self, time: Duration) -> String {
        let rows = self.rows.iter().map(|row| {
            let mut cells = vec![row.program.clone(), row.board.to_owned()];
            cells.extend(
                row.figures
                    .map(|figure| figure.map_or("-".to_owned(), |figure| figure.to_string())),
            );
            cells.push(self.verdict(row));
            cells
        });
        let header = [
            "program",
            "board",
            "instructions\nan inference",
            "instructions\na step",
            "flash\nat s",
            "flash\nat 3",
            "data in\nflash",
            "static\nRAM",
            "stack\nat s",
            "stack\nat 3",
            "hash",
        ];
        let mut text = table(&header, rows, 2..=9);
        text += "\n\n";
        text += NOTES;
        if self.rows.iter().any(|row| row.board == M4F_TUNED) {
            text += TUNED;
        }
        if let Some(list) = goals::list(|program| self.on_m4f(program)) {
            text += &format!("\n{list}\n");
        }
        let runs: usize = self.rows.iter().map(|row| row.hashes.len()).sum();
        text + &format!(
            "\n{runs} runs, with their builds, in {:.0} s ({})",
            time.as_secs_f64(),
            self.compiler
        )
    }

    fn verdict(&self, row: &Row) -> String {
        let Some(ram) = row.too_small else {
            let right = !row.hashes.is_empty() && row.hashes.iter().all(|&right| right);
            return if right { "✓" } else { "✗" }.to_owned();
        };
        match self.need(&row.program) {
            Some(need) => format!("needs {} KiB RAM, has {}", need.div_ceil(1024), ram >> 10),
            None => format!("needs more RAM than {} KiB", ram >> 10),
        }
    }

    /// Fails if anything is wrong.
    pub fn judge(&self) -> Result<()> {
        for complaint in &self.complaints {
            println!("{complaint}");
        }
        match self.complaints.as_slice() {
            [] => Ok(()),
            [first, ..] => bail!("{} complaints, the first: {first}", self.complaints.len()),
        }
    }
}

/// The meaning of the columns.
const NOTES: &str = "\
instructions: retired instructions, not cycles, at opt-level 3; a step of exp or tanh computes the
  function of 256 numbers
flash: bytes at opt-level s and 3 of a program that does nothing else, with its start-up code,
  without its data and without the tables that the CPU needs (interrupt vectors, AArch64's first
  page table); static RAM: bytes of .data and .bss; stack: peak bytes
hash ✓: the hash in tests/golden.txt at both opt-levels; on wasm nothing else is measured
proved for each program at both opt-levels: no panic, no allocator, no functions for arithmetic on
  f64, the sizes and places of variables (identity and products are suites of tests: their asserts
  may panic)
";

/// Which of the two M4F rows to choose.
const TUNED: &str = "\
M4F-tuned: -C target-cpu=cortex-m4, which uses VMUL and VADD in place of VMLA: more instructions,
  the same bits; for a Cortex-M4 choose it, because there a VMLA takes three cycles, a VMUL and a
  VADD one each
";

#[cfg(test)]
mod tests {
    use super::*;

    /// M3 needs this much RAM for a program, and M0 is declared to be too small for it.
    fn left_out(ram: u64) -> Measured {
        let mut measured = Measured::new(String::new());
        let program = Program { name: "digits".to_owned(), hash: 0 };
        measured.too_small(&program, Board::named("M0"));
        let figures = &mut measured.row(&program, "M3").figures;
        figures[Figure::Ram as usize] = Some(ram);
        figures[Figure::StackSmall as usize] = Some(500);
        figures[Figure::StackFast as usize] = Some(1000);
        measured.sort(&[program]);
        measured
    }

    #[test]
    fn a_program_is_left_out_only_where_it_does_not_fit() {
        let measured = left_out(38_000);
        assert!(measured.judge().is_ok());
        assert_eq!(measured.verdict(&measured.rows[0]), "needs 38 KiB RAM, has 16");
        assert!(left_out((16 << 10) - 499).judge().is_ok());
        assert!(left_out((16 << 10) - 500).judge().is_err());
    }

    #[test]
    fn both_opt_levels_come_together() {
        let program = Program { name: "xor".to_owned(), hash: 7 };
        let run = |stack| Run {
            hash: 7,
            stack,
            net: 0,
            trainer: 0,
            ruler: 2001,
            infer: Some(1),
            step: Some(2),
        };
        let mut levels = Profile::ALL.map(|_| Measured::new(String::new()));
        for ((level, profile), right) in levels.iter_mut().zip(Profile::ALL).zip([true, false]) {
            level.run(&program, Board::named("M0"), profile, &run(100 + u64::from(right)), right);
            level.complain(&program, Board::named("M0"), profile, vec!["odd".to_owned()]);
        }
        let [mut measured, fast] = levels;
        measured.absorb(fast);
        assert_eq!((measured.rows.len(), measured.complaints.len()), (1, 2));
        let row = &measured.rows[0];
        assert_eq!(
            (row.hashes.as_slice(), measured.verdict(row).as_str()),
            ([true, false].as_slice(), "✗")
        );
        let figure = |figure: Figure| row.figures[figure as usize];
        assert_eq!(
            [Figure::StackSmall, Figure::StackFast, Figure::Step].map(figure),
            [Some(101), Some(100), Some(2)]
        );
    }

    #[test]
    fn both_opt_levels_count() {
        let program = Program { name: "xor".to_owned(), hash: 7 };
        let run = |hash| Run {
            hash,
            stack: 100,
            net: 0,
            trainer: 0,
            ruler: 2001,
            infer: Some(1),
            step: Some(2),
        };
        for (small, fast, mark) in [(true, true, "✓"), (true, false, "✗"), (false, true, "✗")]
        {
            let mut measured = Measured::new(String::new());
            measured.run(&program, Board::named("M0"), Profile::Small, &run(7), small);
            measured.run(&program, Board::named("M0"), Profile::Fast, &run(7), fast);
            assert_eq!(measured.verdict(&measured.rows[0]), mark);
        }
        let mut measured = Measured::new(String::new());
        measured.no_run(&program, Board::named("M0"));
        assert_eq!(measured.verdict(&measured.rows[0]), "✗");
        measured.wasm(&program, Some(8));
        assert_eq!(measured.verdict(&measured.rows[1]), "✗");
        assert_eq!(
            measured.judge().expect_err("another hash").to_string(),
            "1 complaints, the first: xor on wasm: hash: expected 0000000000000007, \
             got 0000000000000008"
        );
    }
}
