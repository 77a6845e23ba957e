//! A grid of small function plots, in a file or as characters in the terminal.

use super::plot::on_canvas;
use anyhow::Result;
use plotters::{coord::Shift, prelude::*};
use std::path::Path;

/// One plot.
pub struct Panel {
    /// Title above the plot
    pub title: String,
    /// Range of the arguments
    pub x: (f32, f32),
    /// Range of the values. Values outside are not drawn
    pub y: (f32, f32),
    /// At most five
    pub lines: Vec<Line>,
}

/// One function.
pub struct Line {
    /// Name in the legend
    pub name: &'static str,
    /// Arguments and values, in the order of the arguments
    pub points: Vec<(f32, f32)>,
}

const COLORS: [RGBColor; 5] = [
    RGBColor(33, 102, 172),
    RGBColor(178, 24, 43),
    RGBColor(27, 120, 55),
    RGBColor(118, 42, 131),
    BLACK,
];
/// The characters for the lines in the terminal.
const MARKS: [char; 5] = ['●', '·', '+', '×', '○'];
/// Size of a panel in pixels.
const SIZE: (u32, u32) = (380, 270);

/// Draws the panels row by row into an .svg file.
pub fn draw(path: &Path, columns: usize, panels: &[Panel]) -> Result<()> {
    let size = (SIZE.0 * columns as u32, SIZE.1 * panels.len().div_ceil(columns) as u32);
    on_canvas!(path, size, area => draw_all(area, columns, panels))
}

fn draw_all<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    columns: usize,
    panels: &[Panel],
) -> Result<()>
where
    B::ErrorType: 'static,
{
    area.fill(&WHITE)?;
    for (area, panel) in
        area.split_evenly((panels.len().div_ceil(columns), columns)).iter().zip(panels)
    {
        draw_panel(area, panel)?;
    }
    area.present()?;
    Ok(())
}

fn draw_panel<B: DrawingBackend>(area: &DrawingArea<B, Shift>, panel: &Panel) -> Result<()>
where
    B::ErrorType: 'static,
{
    let (low, high) = panel.y;
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .caption(&panel.title, ("sans-serif", 16))
        .x_label_area_size(22)
        .y_label_area_size(38)
        .build_cartesian_2d(panel.x.0..panel.x.1, low..high)?;
    chart.configure_mesh().x_labels(7).y_labels(6).light_line_style(WHITE).draw()?;
    for (line, color) in panel.lines.iter().zip(COLORS) {
        let visible = |y: f32| (low..=high).contains(&y);
        // A line that leaves the plot and returns is drawn as two.
        for part in line.points.split(|(_, y)| !visible(*y)).filter(|part| !part.is_empty()) {
            chart.draw_series(LineSeries::new(part.iter().copied(), color.stroke_width(2)))?;
        }
        chart
            .draw_series(std::iter::empty::<PathElement<(f32, f32)>>())?
            .label(line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 14, y)], color.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .label_font(("sans-serif", 12))
        .background_style(WHITE.mix(0.7))
        .draw()?;
    Ok(())
}

/// Prints the panels row by row, each in `width` × `height` characters.
pub fn print(columns: usize, (width, height): (usize, usize), panels: &[Panel]) {
    for row in panels.chunks(columns) {
        let pictures: Vec<Vec<String>> =
            row.iter().map(|panel| picture(panel, (width, height))).collect();
        for line in 0..pictures[0].len() {
            let parts: Vec<&str> = pictures.iter().map(|picture| picture[line].as_str()).collect();
            println!("{}", parts.join("  ").trim_end());
        }
        println!();
    }
}

/// Title, legend, the plot with the greatest and the least value beside it, and the range of the
/// arguments.
fn picture(panel: &Panel, (width, height): (usize, usize)) -> Vec<String> {
    let ((left, right), (low, high)) = (panel.x, panel.y);
    let mut cells = vec![vec![' '; width]; height];
    let place = |at: f32, from: f32, to: f32, n: usize| {
        ((at - from) / (to - from) * (n - 1) as f32).round()
    };
    let row_of = |y: f32| place(y, high, low, height);
    if low <= 0.0 && 0.0 <= high {
        cells[row_of(0.0) as usize].fill('─');
    }
    // The first line is drawn last, on top.
    for (line, mark) in panel.lines.iter().zip(MARKS).rev() {
        for (x, y) in &line.points {
            let (column, row) = (place(*x, left, right, width), row_of(*y));
            if (0.0..width as f32).contains(&column) && (0.0..height as f32).contains(&row) {
                cells[row as usize][column as usize] = mark;
            }
        }
    }
    let total = width + 7;
    let legend: Vec<String> =
        panel.lines.iter().zip(MARKS).map(|(line, mark)| format!("{mark} {}", line.name)).collect();
    let mut lines = vec![pad(&panel.title, total), pad(&legend.join("  "), total)];
    for (i, row) in cells.iter().enumerate() {
        let label = match i {
            0 => format!("{high:>5}"),
            i if i + 1 == height => format!("{low:>5}"),
            _ => " ".repeat(5),
        };
        lines.push(format!("{label} │{}", row.iter().collect::<String>()));
    }
    let (left, right) = (left.to_string(), right.to_string());
    lines.push(format!("{:7}{left}{right:>width$}", "", width = width - left.len()));
    lines
}

/// Truncates or pads text to a width.
fn pad(text: &str, width: usize) -> String {
    format!("{:<width$}", text.chars().take(width).collect::<String>())
}
