//! Rows of panels: named lines in a common coordinate system, and paths over the contour lines of a
//! loss surface.

use super::plot::{legend, on_canvas};
use anyhow::Result;
use plotters::{
    coord::{
        Shift,
        ranged1d::{AsRangedCoord, ValueFormatter},
    },
    prelude::*,
};
use std::{ops::Range, path::Path};

/// A line through points, with its own colour.
#[derive(Clone)]
pub struct Line {
    /// Name in the legend
    pub name: &'static str,
    /// Index into the palette
    pub color: usize,
    /// The points
    pub points: Vec<(f32, f32)>,
}

/// Lines in a common coordinate system.
pub struct Lines {
    /// Title above the panel
    pub title: String,
    /// Label of the x axis
    pub x: &'static str,
    /// Label of the y axis
    pub y: &'static str,
    /// Whether the y axis is logarithmic
    pub logarithmic: bool,
    /// The lines
    pub lines: Vec<Line>,
}

/// Contour lines of a function of two parameters, and the paths of optimizers that minimize it.
pub struct Landscape<'a> {
    /// Title above the panel
    pub title: String,
    /// Labels of the axes
    pub axes: (&'static str, &'static str),
    /// Range of the first parameter
    pub x: Range<f32>,
    /// Range of the second parameter
    pub y: Range<f32>,
    /// The function
    pub height: &'a dyn Fn(f32, f32) -> f32,
    /// Heights of the contour lines
    pub levels: &'a [f32],
    /// Position of the minimum
    pub minimum: (f32, f32),
    /// The paths, with a dot for each step
    pub paths: Vec<Line>,
    /// Whether there is a legend
    pub legend: bool,
}

/// One part of the picture.
pub enum Panel<'a> {
    /// Lines in a coordinate system
    Lines(Lines),
    /// Paths over a surface
    Landscape(Landscape<'a>),
}

/// Distinguishable colours (Okabe and Ito, 2008).
const PALETTE: [RGBColor; 8] = [
    RGBColor(0, 0, 0),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 158, 115),
    RGBColor(213, 94, 0),
    RGBColor(0, 114, 178),
    RGBColor(204, 121, 167),
    RGBColor(150, 140, 30),
];

fn color(i: usize) -> RGBColor {
    PALETTE[i % PALETTE.len()]
}

/// Draws rows of panels, each row with its height, into an .svg file.
pub fn draw(path: &Path, width: u32, rows: &[(u32, Vec<Panel<'_>>)]) -> Result<()> {
    let size = (width, rows.iter().map(|(height, _)| height).sum());
    on_canvas!(path, size, area => sheet(area, rows))
}

fn sheet<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    rows: &[(u32, Vec<Panel<'_>>)],
) -> Result<()>
where
    B::ErrorType: 'static,
{
    area.fill(&WHITE)?;
    let mut rest = area.clone();
    for (height, panels) in rows {
        let (row, below) = rest.split_vertically(*height);
        for (part, panel) in row.split_evenly((1, panels.len())).iter().zip(panels) {
            match panel {
                Panel::Lines(lines) => draw_lines(part, lines)?,
                Panel::Landscape(landscape) => draw_landscape(part, landscape)?,
            }
        }
        rest = below;
    }
    area.present()?;
    Ok(())
}

/// The least and the greatest of several numbers.
fn extent(values: impl Iterator<Item = f32>) -> (f32, f32) {
    values.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
}

fn draw_lines<B: DrawingBackend>(area: &DrawingArea<B, Shift>, lines: &Lines) -> Result<()>
where
    B::ErrorType: 'static,
{
    let points = || lines.lines.iter().flat_map(|line| &line.points);
    let (low, high) = extent(points().map(|(_, y)| *y).filter(|y| !lines.logarithmic || *y > 0.0));
    if lines.logarithmic {
        draw_over(area, lines, (low * 0.9..high * 1.1).log_scale())
    } else {
        draw_over(area, lines, low.min(0.0)..high * 1.05)
    }
}

fn draw_over<B, Y>(area: &DrawingArea<B, Shift>, lines: &Lines, y: Y) -> Result<()>
where
    B: DrawingBackend,
    B::ErrorType: 'static,
    Y: AsRangedCoord<Value = f32>,
    Y::CoordDescType: ValueFormatter<f32>,
{
    let (left, right) = extent(lines.lines.iter().flat_map(|line| &line.points).map(|(x, _)| *x));
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .caption(&lines.title, ("sans-serif", 18))
        .x_label_area_size(36)
        .y_label_area_size(56)
        .build_cartesian_2d(left..right, y)?;
    chart
        .configure_mesh()
        .x_desc(lines.x)
        .y_desc(lines.y)
        .x_labels(6)
        .y_labels(6)
        .light_line_style(WHITE)
        .draw()?;
    for line in &lines.lines {
        let color = color(line.color);
        chart
            .draw_series(LineSeries::new(line.points.iter().copied(), color.stroke_width(2)))?
            .label(line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
    }
    legend(&mut chart)?;
    Ok(())
}

fn draw_landscape<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    landscape: &Landscape<'_>,
) -> Result<()>
where
    B::ErrorType: 'static,
{
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .caption(&landscape.title, ("sans-serif", 18))
        .x_label_area_size(36)
        .y_label_area_size(44)
        .build_cartesian_2d(landscape.x.clone(), landscape.y.clone())?;
    chart
        .configure_mesh()
        .disable_mesh()
        .x_desc(landscape.axes.0)
        .y_desc(landscape.axes.1)
        .x_labels(6)
        .y_labels(6)
        .draw()?;
    for level in landscape.levels {
        let segments = contour(landscape, *level);
        chart.draw_series(
            segments.into_iter().map(|ends| PathElement::new(ends, RGBColor(190, 190, 190))),
        )?;
    }
    let (x, y) = landscape.minimum;
    chart.draw_series([Cross::new((x, y), 5, BLACK.stroke_width(2))])?;
    for line in &landscape.paths {
        let color = color(line.color);
        // Each segment is drawn separately. At a sharp turn of a polyline, the corner would be
        // drawn as a long spike.
        let segments = line
            .points
            .windows(2)
            .map(|ends| PathElement::new(ends.to_vec(), color.stroke_width(2)));
        chart
            .draw_series(segments)?
            .label(line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
        chart
            .draw_series(line.points.iter().map(|point| Circle::new(*point, 2, color.filled())))?;
    }
    if landscape.legend {
        legend(&mut chart)?;
    }
    Ok(())
}

/// The contour line of one height: in each cell of a grid, a segment between points on the cell's
/// sides (marching squares).
fn contour(landscape: &Landscape<'_>, level: f32) -> Vec<[(f32, f32); 2]> {
    const CELLS: usize = 120;
    let at = |range: &Range<f32>, i: usize| {
        range.start + (range.end - range.start) * i as f32 / CELLS as f32
    };
    let mut segments = Vec::new();
    for i in 0..CELLS * CELLS {
        let (x0, x1) = (at(&landscape.x, i % CELLS), at(&landscape.x, i % CELLS + 1));
        let (y0, y1) = (at(&landscape.y, i / CELLS), at(&landscape.y, i / CELLS + 1));
        let corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
            .map(|(x, y)| (x, y, (landscape.height)(x, y) - level));
        let mut crossings = (0..4).filter_map(|side| {
            let ((xa, ya, a), (xb, yb, b)) = (corners[side], corners[(side + 1) % 4]);
            let share = a / (a - b);
            ((a < 0.0) != (b < 0.0)).then_some((xa + share * (xb - xa), ya + share * (yb - ya)))
        });
        while let (Some(from), Some(to)) = (crossings.next(), crossings.next()) {
            segments.push([from, to]);
        }
    }
    segments
}
