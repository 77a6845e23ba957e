//! The figures of a program on a board, the file that holds them, and the comparison with that
//! file.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::paths;

/// The kinds of figures, in the order of columns.
#[derive(Clone, Copy)]
pub enum Figure {
    /// Instructions of an inference, at opt-level 3.
    Infer,
    /// Instructions of a training step, at opt-level 3.
    Step,
    /// Bytes of flash at opt-level s, without data.
    FlashSmall,
    /// The same at opt-level 3.
    FlashFast,
    /// Bytes of data sets and weights in flash.
    Data,
    /// Bytes of static RAM.
    Ram,
    /// Peak bytes of stack at opt-level s.
    StackSmall,
    /// The same at opt-level 3.
    StackFast,
}

impl Figure {
    pub const ALL: [Self; 8] = [
        Self::Infer,
        Self::Step,
        Self::FlashSmall,
        Self::FlashFast,
        Self::Data,
        Self::Ram,
        Self::StackSmall,
        Self::StackFast,
    ];

    /// Its name in the file and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Infer => "instructions-inference",
            Self::Step => "instructions-step",
            Self::FlashSmall => "flash-s",
            Self::FlashFast => "flash-3",
            Self::Data => "data",
            Self::Ram => "ram",
            Self::StackSmall => "stack-s",
            Self::StackFast => "stack-3",
        }
    }
}

/// The figures of a program, in the order of `Figure::ALL`. `None` means that it has none.
pub type Figures = [Option<u64>; Figure::ALL.len()];

/// Figures by program and board.
pub type Table = BTreeMap<(String, String), Figures>;

/// The growth of a figure that is allowed, in per cent.
const TOLERANCE: u64 = 2;

fn path() -> PathBuf {
    paths::root().join("tests/firmware/figures.txt")
}

/// The recorded figures.
pub struct Recorded {
    /// The compiler, and the origin of its standard library.
    pub compiler: String,
    pub figures: Table,
}

impl Recorded {
    /// Reads the file.
    pub fn read() -> Result<Self> {
        let text = fs::read_to_string(path()).context(
            "cannot read tests/firmware/figures.txt, which `cargo xtask bless figures` writes",
        )?;
        Self::parse(&text).context(
            "tests/firmware/figures.txt is damaged; `cargo xtask bless figures` writes it again",
        )
    }

    fn parse(text: &str) -> Result<Self> {
        let mut lines = text.lines();
        let compiler = lines.next().context("it is empty")?.to_owned();
        // The second line is the heading.
        let mut figures = Table::new();
        for line in lines.skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [program, board, values @ ..] = words.as_slice() else {
                bail!("no figures in the line {line:?}");
            };
            let values: Vec<Option<u64>> = values
                .iter()
                .map(|&value| if value == "-" { Ok(None) } else { value.parse().map(Some) })
                .collect::<Result<_, _>>()
                .with_context(|| format!("no number in the line {line:?}"))?;
            let Ok(values) = Figures::try_from(values) else {
                bail!("expected {} figures in the line {line:?}", Figure::ALL.len());
            };
            figures.insert(((*program).to_owned(), (*board).to_owned()), values);
        }
        Ok(Self { compiler, figures })
    }

    /// Writes the file: rows in the order of tables.
    pub fn write(compiler: &str, rows: &[(&str, &str, Figures)]) -> Result<()> {
        fs::write(path(), Self::text(compiler, rows))
            .context("cannot write tests/firmware/figures.txt")
    }

    fn text(compiler: &str, rows: &[(&str, &str, Figures)]) -> String {
        let mut lines = vec![[vec!["program".to_owned(), "board".to_owned()], names()].concat()];
        for (program, board, figures) in rows {
            let figures =
                figures.map(|figure| figure.map_or("-".to_owned(), |figure| figure.to_string()));
            lines.push(
                [vec![(*program).to_owned(), (*board).to_owned()], figures.to_vec()].concat(),
            );
        }
        let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
        let mut text = format!("{compiler}\n");
        for line in &lines {
            let cells =
                line.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column {
                    0 | 1 => format!("{cell:width$}"),
                    _ => format!("{cell:>width$}"),
                });
            text += &cells.collect::<Vec<_>>().join("  ");
            text += "\n";
        }
        text
    }
}

fn names() -> Vec<String> {
    Figure::ALL.map(|figure| figure.name().to_owned()).to_vec()
}

/// The comparison of new figures with the recorded ones.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Figures that grew by more than the tolerance or were not recorded, one line each.
    pub grown: Vec<String>,
    /// Other changes, for the reader.
    pub changed: Vec<String>,
}

/// Compares the figures just measured with the recorded ones. They may be a part of the whole.
pub fn compare(recorded: &Table, now: &Table) -> Comparison {
    let mut comparison = Comparison::default();
    for ((program, board), figures) in now {
        let Some(before) = recorded.get(&(program.clone(), board.clone())) else {
            comparison.grown.push(format!("{program} on {board}: not recorded"));
            continue;
        };
        for ((figure, before), now) in Figure::ALL.into_iter().zip(before).zip(figures) {
            let name = figure.name();
            match (*before, *now) {
                (before, now) if before == now => {}
                (Some(before), Some(now)) => {
                    let change = 100.0 * (now as f64 - before as f64) / before as f64;
                    let line = format!(
                        "{program} on {board}: {name} was {before} and is {now} ({change:+.1} %)"
                    );
                    if 100 * now > (100 + TOLERANCE) * before {
                        comparison.grown.push(line);
                    } else {
                        comparison.changed.push(line);
                    }
                }
                (None, Some(now)) => comparison
                    .grown
                    .push(format!("{program} on {board}: {name} was none and is {now}")),
                (Some(before), None) => {
                    comparison
                        .changed
                        .push(format!("{program} on {board}: {name} was {before} and is none"));
                }
                (None, None) => unreachable!("equal figures are skipped above"),
            }
        }
    }
    comparison
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIGURES: Figures =
        [Some(1000), Some(5000), Some(3000), Some(4000), None, Some(884), Some(100), Some(200)];

    fn table(figures: Figures) -> Table {
        [(("xor".to_owned(), "M4F".to_owned()), figures)].into()
    }

    /// The comparison after one figure has changed.
    fn with(figure: usize, value: Option<u64>) -> Comparison {
        let mut figures = FIGURES;
        figures[figure] = value;
        compare(&table(FIGURES), &table(figures))
    }

    #[test]
    fn planted_growth_is_named() {
        for (index, figure) in Figure::ALL.into_iter().enumerate() {
            let Some(before) = FIGURES[index] else {
                continue;
            };
            let comparison = with(index, Some(before + before / 50 + 1));
            assert_eq!(comparison.grown.len(), 1, "{}", figure.name());
            assert!(
                comparison.grown[0]
                    .starts_with(&format!("xor on M4F: {} was {before}", figure.name()))
            );
            assert_eq!(with(index, Some(before + before / 50)).grown.len(), 0, "2 % are allowed");
        }
    }

    #[test]
    fn what_was_nothing_has_grown() {
        assert_eq!(with(4, Some(4)).grown, ["xor on M4F: data was none and is 4"]);
        assert_eq!(compare(&Table::new(), &table(FIGURES)).grown, ["xor on M4F: not recorded"]);
    }

    #[test]
    fn no_change_and_shrinking_are_fine() {
        assert_eq!(compare(&table(FIGURES), &table(FIGURES)), Comparison::default());
        assert_eq!(with(0, Some(900)).grown.len(), 0);
        assert_eq!(
            with(0, Some(900)).changed,
            ["xor on M4F: instructions-inference was 1000 and is 900 (-10.0 %)"]
        );
        // A part of the boards may be measured alone.
        assert_eq!(compare(&table(FIGURES), &Table::new()), Comparison::default());
    }

    #[test]
    fn the_file_gives_back_what_it_took() {
        let text = Recorded::text("rustc 1.2.3", &[("xor", "M4F", FIGURES)]);
        let read = Recorded::parse(&text).expect("its own text");
        assert_eq!((read.compiler.as_str(), read.figures), ("rustc 1.2.3", table(FIGURES)));
        assert!(Recorded::parse(&text.replace("884", "x")).is_err());
        assert!(Recorded::parse(&text.replace("884", "")).is_err());
        assert!(Recorded::parse("").is_err());
    }
}
