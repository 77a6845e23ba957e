//! The tables, as text and as Markdown, and the plot.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Result;
use comfy_table::presets::{ASCII_MARKDOWN, NOTHING};
use comfy_table::{CellAlignment, Table};
use plotters::prelude::*;

use crate::limits::Limits;
use crate::measure::{Outcome, Times};
use crate::recorded::RECORDED;
use crate::workload::{Kind, Section, Workload};

/// Everything that was measured.
pub struct Report {
    pub cpu: String,
    pub limits: Limits,
    /// The peers' names. The first `ours` are this library.
    pub names: Vec<String>,
    pub ours: usize,
    pub results: Vec<(Workload, Vec<(usize, Outcome)>)>,
}

/// Columns of figures that fit beside the names into a line.
const COLUMNS: usize = 7;

impl Report {
    /// The best time of this library, and the best one of the peers with its place.
    fn best(&self, outcomes: &[(usize, Outcome)]) -> (Option<f64>, Option<(usize, f64)>) {
        let best = |ours: bool| {
            outcomes
                .iter()
                .filter(|(place, _)| (*place < self.ours) == ours)
                .filter_map(|(place, outcome)| match outcome {
                    Outcome::Timed(times) => Some((*place, times.median)),
                    Outcome::Wrong(_) => None,
                })
                .min_by(|a, b| a.1.total_cmp(&b.1))
        };
        (best(true).map(|(_, time)| time), best(false))
    }

    /// The ratio of this library to the best peer: of times, or of GFLOP/s.
    fn ratio(&self, workload: &Workload, outcomes: &[(usize, Outcome)]) -> Option<f64> {
        let (ours, peer) = self.best(outcomes);
        let (ours, (_, peer)) = (ours?, peer?);
        Some(workload.figure(ours) / workload.figure(peer))
    }

    /// The tables of all sections.
    pub fn text(&self, markdown: bool) -> String {
        let mut text = String::new();
        let heading = if markdown { "## " } else { "" };
        let _ = writeln!(text, "CPU: {}", self.cpu);
        let _ = writeln!(text, "its limits, one core: {}", self.limits.text());
        for section in Section::ALL {
            let columns: Vec<_> =
                self.results.iter().filter(|(one, _)| one.section() == section).collect();
            for (index, columns) in columns.chunks(COLUMNS).enumerate() {
                let more = if index == 0 { "" } else { ", continued" };
                let _ = write!(text, "\n{heading}{}{more}\n\n", section.title());
                let _ = writeln!(text, "{}", self.table(columns, markdown));
            }
        }
        for line in self.wrong() {
            let _ = writeln!(text, "\n{line}");
        }
        text
    }

    fn table(&self, columns: &[&(Workload, Vec<(usize, Outcome)>)], markdown: bool) -> Table {
        let mut table = Table::new();
        table.load_style(if markdown { ASCII_MARKDOWN } else { NOTHING });
        let mut header = vec![String::new()];
        header.extend(columns.iter().map(|(workload, _)| workload.name()));
        table.set_header(header);

        let mut row = |name: String, cells: Vec<String>| {
            if cells.iter().any(|cell| !cell.is_empty()) {
                table.add_row([vec![name], cells].concat());
            }
        };
        for (place, name) in self.names.iter().enumerate() {
            let cells = columns.iter().map(|(workload, outcomes)| {
                outcomes
                    .iter()
                    .find(|(one, _)| *one == place)
                    .map(|(_, outcome)| match outcome {
                        Outcome::Timed(times) => cell(workload, times),
                        Outcome::Wrong(_) => "wrong".to_owned(),
                    })
                    .unwrap_or_default()
            });
            row(name.clone(), cells.collect());
        }
        for recorded in &RECORDED {
            let cells = columns
                .iter()
                .map(|(workload, _)| recorded.figure(workload).map(short).unwrap_or_default());
            row(format!("recorded: {}", recorded.name), cells.collect());
        }
        let cells = columns.iter().map(|(_, outcomes)| {
            self.best(outcomes).1.map(|(place, _)| self.names[place].clone()).unwrap_or_default()
        });
        row("best peer".to_owned(), cells.collect());
        let cells = columns.iter().map(|(workload, outcomes)| {
            self.ratio(workload, outcomes).map(|ratio| format!("{ratio:.2}")).unwrap_or_default()
        });
        row("ratio, rosenblatt to the best peer".to_owned(), cells.collect());
        let limit = |workload: &Workload| self.limits.nanoseconds(workload);
        let cells = columns.iter().map(|(workload, _)| short(workload.figure(limit(workload))));
        row("limit of the core".to_owned(), cells.collect());
        let cells = columns.iter().map(|(workload, outcomes)| {
            let share = self.best(outcomes).0.map(|ours| limit(workload) / ours);
            share.map(|share| format!("{:.0} %", 100.0 * share)).unwrap_or_default()
        });
        row("rosenblatt reaches of it".to_owned(), cells.collect());

        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }

    /// The contenders whose result was wrong, a line each.
    pub fn wrong(&self) -> Vec<String> {
        self.results
            .iter()
            .flat_map(|(workload, outcomes)| {
                outcomes.iter().filter_map(move |(place, outcome)| match outcome {
                    Outcome::Wrong(why) => {
                        Some(format!("{} at {workload}, not timed: {why}", self.names[*place]))
                    }
                    Outcome::Timed(_) => None,
                })
            })
            .collect()
    }

    /// Draws how many times as fast as the best peer this library is, a bar for each workload. Both
    /// directions have the same scale: twice as fast is as far from the middle as half as fast.
    pub fn plot(&self, path: &Path) -> Result<()> {
        let bars: Vec<(String, f64)> = self
            .results
            .iter()
            .filter_map(|(workload, outcomes)| {
                let (ours, peer) = self.best(outcomes);
                let (ours, (place, peer)) = (ours?, peer?);
                Some((format!("{workload}, {}", self.names[place]), (peer / ours).log2()))
            })
            .collect();
        if bars.is_empty() {
            return Ok(());
        }
        let most = bars.iter().map(|(_, power)| *power).fold(1.0, f64::max).ceil();
        let least = bars.iter().map(|(_, power)| *power).fold(-1.0, f64::min).floor();
        let height = 70 + 18 * bars.len() as u32;
        let area = SVGBackend::new(path, (900, height)).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(format!("Times as fast as the best peer: {}", self.cpu), ("sans-serif", 15))
            .margin(8)
            .x_label_area_size(24)
            .y_label_area_size(250)
            .build_cartesian_2d(least..most, (0..bars.len()).into_segmented())?;
        let label = |at: &SegmentValue<usize>| match at {
            SegmentValue::CenterOf(at) => {
                bars.get(bars.len() - 1 - at).map(|(name, _)| name.clone()).unwrap_or_default()
            }
            _ => String::new(),
        };
        chart
            .configure_mesh()
            .disable_y_mesh()
            .x_labels((most - least) as usize + 1)
            .x_label_formatter(&|power| format!("{}", power.exp2()))
            .y_labels(bars.len())
            .y_label_formatter(&label)
            .label_style(("sans-serif", 11))
            .draw()?;
        chart.draw_series(bars.iter().rev().enumerate().map(|(at, (_, power))| {
            let color = if *power >= 0.0 { RGBColor(70, 130, 180) } else { RGBColor(205, 92, 92) };
            let mut bar = Rectangle::new(
                [(0.0, SegmentValue::Exact(at)), (*power, SegmentValue::Exact(at + 1))],
                color.filled(),
            );
            bar.set_margin(3, 3, 0, 0);
            bar
        }))?;
        area.present()?;
        Ok(())
    }
}

/// A figure, its spread, and the largest relative error of a function.
fn cell(workload: &Workload, times: &Times) -> String {
    let figure = short(workload.figure(times.median));
    let figure = format!("{figure} ±{:.0}%", 100.0 * times.spread);
    match workload.kind {
        // A function can be faster because it is less exact.
        Kind::Elementwise(_) | Kind::Softmax(_) => format!("{figure} ({:.0e})", times.error),
        _ => figure,
    }
}

/// Three digits, or all before the point.
pub fn short(figure: f64) -> String {
    let digits = match figure {
        x if x >= 100.0 => 0,
        x if x >= 10.0 => 1,
        x if x >= 1.0 => 2,
        _ => 3,
    };
    format!("{figure:.digits$}")
}

/// The CPU's name, family and model.
pub fn cpu() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find(|line| line.split(':').next().map(str::trim) == Some(name));
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim())
    };
    match field("model name") {
        Some(name) => {
            let number = |name| field(name).unwrap_or("?");
            format!("{name}, family {} model {}", number("cpu family"), number("model"))
        }
        None => format!("{}, of unknown name", std::env::consts::ARCH),
    }
}
