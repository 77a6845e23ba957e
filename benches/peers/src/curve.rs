//! Times over the width and over the batch of a network w-w-10, as tables and as plots.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use comfy_table::presets::{ASCII_MARKDOWN, NOTHING};
use comfy_table::{CellAlignment, Table};
use plotters::prelude::*;

use crate::cliff::COLORS;
use crate::measure::{Outcome, Times};
use crate::report::short;
use crate::workload::{Kind, SAMPLES, WIDTH, Workload};

/// What grows along a curve.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Axis {
    Width,
    Batch,
}

/// What is timed along a curve.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Work {
    Step,
    Inference,
}

impl Axis {
    pub const ALL: [Self; 2] = [Self::Width, Self::Batch];

    fn name(self) -> &'static str {
        match self {
            Self::Width => "width",
            Self::Batch => "batch",
        }
    }

    /// The heading, with the unit.
    fn title(self, work: Work) -> String {
        match (self, work) {
            (Self::Width, Work::Step) => format!("Training w-w-10, batch {SAMPLES}, ns a step"),
            (Self::Width, Work::Inference) => {
                "Inference w-w-10, ns a sample, one sample a call".to_owned()
            }
            (Self::Batch, Work::Step) => {
                format!("Training {WIDTH}-{WIDTH}-10 by batch, ns a step")
            }
            (Self::Batch, Work::Inference) => {
                format!("Inference {WIDTH}-{WIDTH}-10, ns a sample, a batch a call")
            }
        }
    }

    /// The place of a workload on this axis. `None` where it belongs to another curve.
    fn place(self, work: Work, workload: &Workload) -> Option<usize> {
        match (self, work, workload.kind) {
            (Self::Width, Work::Step, Kind::Step(net)) if net.batch == SAMPLES => Some(net.hidden),
            (Self::Width, Work::Inference, Kind::One(net)) => Some(net.hidden),
            (Self::Batch, Work::Step, Kind::Step(net)) if net.hidden == WIDTH => Some(net.batch),
            (Self::Batch, Work::Inference, Kind::Batch(net)) => Some(net.batch),
            _ => None,
        }
    }
}

/// Everything that was measured.
pub struct Curves {
    pub cpu: String,
    /// The peers' names. The first `ours` are this library.
    pub names: Vec<String>,
    pub ours: usize,
    pub results: Vec<(Workload, Vec<(usize, Outcome)>)>,
}

/// A place on an axis, its workload, and what the contenders reached.
type Point<'a> = (usize, &'a Workload, &'a [(usize, Outcome)]);

impl Curves {
    /// The workloads of a curve with their places on the axis, in this order.
    fn curve(&self, axis: Axis, work: Work) -> Vec<Point<'_>> {
        let mut all: Vec<_> = self
            .results
            .iter()
            .filter_map(|(workload, outcomes)| {
                Some((axis.place(work, workload)?, workload, outcomes.as_slice()))
            })
            .collect();
        all.sort_by_key(|(place, ..)| *place);
        all
    }

    /// The tables of all curves.
    pub fn text(&self, markdown: bool) -> String {
        let mut text = format!("CPU: {}\n", self.cpu);
        let heading = if markdown { "## " } else { "" };
        for axis in Axis::ALL {
            for work in [Work::Step, Work::Inference] {
                let curve = self.curve(axis, work);
                if !curve.is_empty() {
                    let _ = write!(text, "\n{heading}{}\n\n", axis.title(work));
                    let _ = writeln!(text, "{}", self.table(axis, &curve, markdown));
                }
            }
        }
        for line in self.wrong() {
            let _ = writeln!(text, "\n{line}");
        }
        text
    }

    fn table(&self, axis: Axis, curve: &[Point<'_>], markdown: bool) -> Table {
        let mut table = Table::new();
        table.load_style(if markdown { ASCII_MARKDOWN } else { NOTHING });
        let mut header = vec![axis.name().to_owned()];
        header.extend(self.names.iter().cloned());
        let peers = self.names.len() > self.ours;
        if peers {
            header.push("ratio, rosenblatt to the best peer".to_owned());
        }
        table.set_header(header);
        for (place, workload, outcomes) in curve {
            let mut row = vec![place.to_string()];
            row.extend((0..self.names.len()).map(|name| match at(outcomes, name) {
                Some(Outcome::Timed(Times { median, spread, .. })) => {
                    format!("{} ±{:.0}%", short(workload.figure(*median)), 100.0 * spread)
                }
                Some(Outcome::Wrong(_)) => "wrong".to_owned(),
                None => String::new(),
            }));
            if peers {
                let ratio = self.ratio(outcomes).map(|ratio| format!("{ratio:.2}"));
                row.push(ratio.unwrap_or_default());
            }
            table.add_row(row);
        }
        for column in table.column_iter_mut() {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }

    /// The best time of this library, divided by the best one of the peers.
    fn ratio(&self, outcomes: &[(usize, Outcome)]) -> Option<f64> {
        let best = |ours: bool| {
            outcomes
                .iter()
                .filter(|(place, _)| (*place < self.ours) == ours)
                .filter_map(|(_, outcome)| match outcome {
                    Outcome::Timed(times) => Some(times.median),
                    Outcome::Wrong(_) => None,
                })
                .min_by(f64::total_cmp)
        };
        Some(best(true)? / best(false)?)
    }

    /// The contenders whose result was wrong, a line each.
    pub fn wrong(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (workload, outcomes) in &self.results {
            for (place, outcome) in outcomes {
                if let Outcome::Wrong(why) = outcome {
                    lines.push(format!("{} at {workload}, not timed: {why}", self.names[*place]));
                }
            }
        }
        lines
    }

    /// Draws the times over an axis, a line for each contender: steps above, inference below. Both
    /// directions are logarithmic.
    pub fn plot(&self, axis: Axis, path: &Path) -> Result<()> {
        let area = SVGBackend::new(path, (900, 1000)).into_drawing_area();
        area.fill(&WHITE)?;
        let area = area.titled(&self.cpu, ("sans-serif", 15))?;
        let (above, below) = area.split_vertically(485);
        for (area, work) in [(above, Work::Step), (below, Work::Inference)] {
            let lines: Vec<Vec<(f64, f64)>> =
                (0..self.names.len()).map(|name| self.line(axis, work, name)).collect();
            let points = || lines.iter().flatten();
            let (Some(least), Some(most)) = (
                points().map(|(_, y)| *y).min_by(f64::total_cmp),
                points().map(|(_, y)| *y).max_by(f64::total_cmp),
            ) else {
                continue;
            };
            let right = points().map(|(x, _)| *x).fold(2.0, f64::max);
            let mut chart = ChartBuilder::on(&area)
                .caption(axis.title(work), ("sans-serif", 13))
                .margin(8)
                .x_label_area_size(32)
                .y_label_area_size(70)
                .build_cartesian_2d(
                    (0.9..right * 1.1).log_scale(),
                    (least / 1.2..most * 1.2).log_scale(),
                )?;
            chart
                .configure_mesh()
                .x_desc(axis.name())
                .x_label_formatter(&|x| format!("{x}"))
                .y_label_formatter(&|y| format!("{y}"))
                .label_style(("sans-serif", 11))
                .draw()?;
            for ((name, line), color) in self.names.iter().zip(lines).zip(COLORS.iter().cycle()) {
                // This library's lines are thick.
                let width =
                    if self.names.iter().take(self.ours).any(|one| one == name) { 2 } else { 1 };
                let style = color.stroke_width(width);
                chart
                    .draw_series(LineSeries::new(line, style).point_size(2))?
                    .label(name.as_str())
                    .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], style));
            }
            chart
                .configure_series_labels()
                .position(SeriesLabelPosition::UpperLeft)
                .background_style(WHITE.mix(0.8))
                .label_font(("sans-serif", 11))
                .draw()?;
        }
        area.present()?;
        Ok(())
    }

    /// The figures of a contender over an axis.
    fn line(&self, axis: Axis, work: Work, name: usize) -> Vec<(f64, f64)> {
        self.curve(axis, work)
            .into_iter()
            .filter_map(|(place, workload, outcomes)| match at(outcomes, name)? {
                Outcome::Timed(times) => Some((place as f64, workload.figure(times.median))),
                Outcome::Wrong(_) => None,
            })
            .collect()
    }
}

/// The outcome of a contender.
fn at(outcomes: &[(usize, Outcome)], name: usize) -> Option<&Outcome> {
    outcomes.iter().find(|(place, _)| *place == name).map(|(_, outcome)| outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{BATCHES, WIDTHS, sweep};

    /// All workloads, with the time 100 for this library and 50 for a peer.
    fn curves() -> Curves {
        let timed = |median| Outcome::Timed(Times { median, spread: 0.0, error: 0.0 });
        let outcomes = || vec![(0, timed(100.0)), (1, timed(50.0))];
        Curves {
            cpu: String::new(),
            names: vec!["rosenblatt".to_owned(), "peer".to_owned()],
            ours: 1,
            results: sweep().into_iter().rev().map(|one| (one, outcomes())).collect(),
        }
    }

    #[test]
    fn each_curve_has_all_its_places_in_order() {
        let curves = curves();
        let mut batches = [&BATCHES[..], &[SAMPLES]].concat();
        batches.sort_unstable();
        for work in [Work::Step, Work::Inference] {
            for (axis, expected) in [(Axis::Width, &WIDTHS[..]), (Axis::Batch, &batches)] {
                let places: Vec<usize> =
                    curves.curve(axis, work).iter().map(|(place, ..)| *place).collect();
                assert_eq!(places, expected, "{}", axis.title(work));
            }
        }
    }

    #[test]
    fn an_inference_counts_by_sample_and_a_step_by_call() {
        let curves = curves();
        let last = |work| *curves.line(Axis::Batch, work, 0).last().unwrap();
        assert_eq!(last(Work::Step), (1024.0, 100.0));
        assert_eq!(last(Work::Inference), (1024.0, 100.0 / 1024.0));
    }

    #[test]
    fn the_ratio_is_to_the_best_peer_and_a_wrong_result_is_named() {
        let mut curves = curves();
        assert_eq!(curves.ratio(&curves.results[0].1), Some(2.0));
        assert!(curves.wrong().is_empty());
        curves.results[0].1[1].1 = Outcome::Wrong("why".to_owned());
        assert_eq!(curves.ratio(&curves.results[0].1), None);
        assert_eq!(curves.wrong().len(), 1);
    }
}
