//! Plots in a file: curves over epochs, and a map of a network's output.

use anyhow::Result;
use plotters::{
    coord::{CoordTranslate, Shift},
    prelude::*,
};
use std::path::{Path, PathBuf};

/// A path that ends in .svg.
pub fn file(name: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(name);
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("svg") => Ok(path),
        _ => Err("the file's name must end in .svg".into()),
    }
}

/// One line of a diagram.
pub struct Curve {
    /// Name in the legend
    pub name: &'static str,
    /// One value per epoch
    pub values: Vec<f32>,
}

/// The output of a network over a square of its inputs. Positions on both axes are between 0 and 1.
pub struct Map<'a> {
    /// Title
    pub title: &'static str,
    /// The inputs' range on both axes
    pub range: (f32, f32),
    /// The output, from 0 to 1, for an input
    pub output: &'a dyn Fn(f32, f32) -> f32,
    /// Samples and their classes
    pub points: Vec<([f32; 2], bool)>,
}

const SIZE: (u32, u32) = (960, 440);
const LOW: RGBColor = RGBColor(33, 102, 172);
const HIGH: RGBColor = RGBColor(178, 24, 43);

/// Draws `curves` over epochs and, beside them, `map`.
pub fn draw(path: &Path, curves: &[Curve], map: Option<&Map<'_>>) -> Result<()> {
    on_canvas!(path, SIZE, area => panels(area, curves, map))
}

/// Creates the drawing area of a new .svg file and draws on it.
macro_rules! on_canvas {
    ($path:expr, $size:expr, $area:ident => $draw:expr) => {{
        use anyhow::Context as _;
        use plotters::prelude::*;
        let $area = &SVGBackend::new($path, $size).into_drawing_area();
        $draw.with_context(|| format!("{} cannot be written", $path.display()))
    }};
}
pub(crate) use on_canvas;

/// A legend in the upper right corner.
pub fn legend<'a, B, C>(chart: &mut ChartContext<'a, B, C>) -> Result<()>
where
    B: DrawingBackend<ErrorType: 'static> + 'a,
    C: CoordTranslate,
{
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.9))
        .border_style(BLACK)
        .draw()?;
    Ok(())
}

fn panels<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    curves: &[Curve],
    map: Option<&Map<'_>>,
) -> Result<()>
where
    B::ErrorType: 'static,
{
    area.fill(&WHITE)?;
    match map {
        None => draw_curves(area, curves)?,
        Some(map) => {
            let (left, right) = area.split_horizontally(SIZE.0 - SIZE.1);
            draw_curves(&left, curves)?;
            draw_map(&right, map)?;
        }
    }
    area.present()?;
    Ok(())
}

fn draw_curves<B: DrawingBackend>(area: &DrawingArea<B, Shift>, curves: &[Curve]) -> Result<()>
where
    B::ErrorType: 'static,
{
    let epochs = curves.iter().map(|curve| curve.values.len()).max().unwrap_or(0).max(1);
    let top = curves.iter().flat_map(|curve| &curve.values).copied().fold(0.0, f32::max) * 1.05;
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(48)
        .build_cartesian_2d(1..epochs.max(2), 0.0..top.max(f32::MIN_POSITIVE))?;
    chart
        .configure_mesh()
        .x_desc("epoch")
        .x_labels(6)
        .y_labels(6)
        .light_line_style(WHITE)
        .draw()?;
    for (curve, color) in curves.iter().zip([HIGH, LOW, BLACK]) {
        let points = curve.values.iter().enumerate().map(|(i, value)| (i + 1, *value));
        chart
            .draw_series(LineSeries::new(points, color.stroke_width(2)))?
            .label(curve.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
    }
    legend(&mut chart)?;
    Ok(())
}

fn draw_map<B: DrawingBackend>(area: &DrawingArea<B, Shift>, map: &Map<'_>) -> Result<()>
where
    B::ErrorType: 'static,
{
    const CELLS: usize = 80;
    let (low, high) = map.range;
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .caption(map.title, ("sans-serif", 18))
        .x_label_area_size(36)
        .y_label_area_size(36)
        .build_cartesian_2d(low..high, low..high)?;
    chart.configure_mesh().disable_mesh().x_labels(4).y_labels(4).draw()?;
    let cell = (high - low) / CELLS as f32;
    chart.draw_series((0..CELLS * CELLS).map(|i| {
        let (x, y) = (low + cell * (i % CELLS) as f32, low + cell * (i / CELLS) as f32);
        let p = (map.output)(x + cell / 2.0, y + cell / 2.0).clamp(0.0, 1.0);
        let mix = |a: u8, b: u8| (f32::from(a) + (f32::from(b) - f32::from(a)) * p) as u8;
        let color = RGBColor(mix(LOW.0, HIGH.0), mix(LOW.1, HIGH.1), mix(LOW.2, HIGH.2)).mix(0.7);
        Rectangle::new([(x, y), (x + cell, y + cell)], color.filled())
    }))?;
    for ([x, y], class) in &map.points {
        let color = if *class { HIGH } else { LOW };
        chart.draw_series([
            Circle::new((*x, *y), 7, WHITE.filled()),
            Circle::new((*x, *y), 5, color.filled()),
        ])?;
    }
    Ok(())
}

/// Two lines of one color.
pub struct Pair<'a> {
    /// Name in the legend
    pub name: &'a str,
    /// One value per epoch, drawn as a strong line
    pub strong: &'a [f32],
    /// One value per epoch, drawn as a faint line
    pub faint: &'a [f32],
}

/// Distinguishable colors (Okabe and Ito, 2008).
const COLORS: [RGBColor; 7] = [
    RGBColor(0, 0, 0),
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];

/// Draws pairs of curves over epochs, each pair in one color.
pub fn pairs(path: &Path, title: &str, pairs: &[Pair<'_>]) -> Result<()> {
    on_canvas!(path, SIZE, area => draw_pairs(area, title, pairs))
}

fn draw_pairs<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    title: &str,
    pairs: &[Pair<'_>],
) -> Result<()>
where
    B::ErrorType: 'static,
{
    area.fill(&WHITE)?;
    let epochs =
        pairs.iter().map(|pair| pair.strong.len().max(pair.faint.len())).max().unwrap_or(0);
    // Values above 1.2 times the median start are cut off. Otherwise the first epochs would flatten
    // the rest.
    let mut starts: Vec<f32> =
        pairs.iter().filter_map(|pair| pair.strong.first()).copied().collect();
    starts.sort_by(f32::total_cmp);
    let top = starts.get(starts.len() / 2).map_or(1.0, |start| 1.2 * start);
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .caption(title, ("sans-serif", 18))
        .x_label_area_size(36)
        .y_label_area_size(48)
        .build_cartesian_2d(1..epochs.max(2), 0.0..top.max(f32::MIN_POSITIVE))?;
    chart
        .configure_mesh()
        .x_desc("epoch")
        .x_labels(6)
        .y_labels(6)
        .light_line_style(WHITE)
        .draw()?;
    for (pair, color) in pairs.iter().zip(COLORS.into_iter().cycle()) {
        let line = |values: &[f32]| -> Vec<(usize, f32)> {
            values.iter().enumerate().map(|(i, value)| (i + 1, value.min(top))).collect()
        };
        chart.draw_series(LineSeries::new(line(pair.faint), color.mix(0.4).stroke_width(1)))?;
        chart
            .draw_series(LineSeries::new(line(pair.strong), color.stroke_width(2)))?
            .label(pair.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
    }
    legend(&mut chart)?;
    area.present()?;
    Ok(())
}
