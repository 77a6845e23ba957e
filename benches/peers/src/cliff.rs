//! This library at many shapes: is one slower than its neighbours?

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use comfy_table::presets::{ASCII_MARKDOWN, NOTHING};
use comfy_table::{CellAlignment, Table};
use plotters::prelude::*;
use rosenblatt::kernels::{Backend, Simd, activation, dispatch, gemm};

use crate::contender::{Contender, contender};
use crate::data::Data;
use crate::measure::{Racer, Times, compare, compare_sums};
use crate::reference::{apply, softmax, wide};
use crate::report::short;
use crate::shape::{Kernel, Pair, Shape, Tile, worst};
use crate::workload::Function;

/// More than this many times the time of the other shape for the same arithmetic is a cliff.
pub const LIMIT: f64 = 1.6;
/// Rows of a table.
const WORST: usize = 10;
/// Times of each of two shapes, in turn.
const ROUNDS: usize = 15;
/// The time of one of them.
const ROUND: Duration = Duration::from_micros(500);

/// Values of a block that is copied.
const BLOCK: usize = 64;

/// What fills the registers of this backend.
pub fn tile(backend: Backend) -> Tile {
    fn of<S: Simd>(_: S) -> Tile {
        Tile { lanes: S::LANES, rows: S::MR, columns: S::NR * S::LANES }
    }
    dispatch!(backend, s => of(s))
}

/// Two shapes with their times.
#[derive(Clone, Copy)]
pub struct Compared {
    pub pair: Pair,
    pub time: Times,
    pub other: Times,
}

impl Compared {
    /// The time for the same arithmetic, divided by that of the other shape.
    pub fn ratio(&self) -> f64 {
        self.times() * self.work()
    }

    /// The time divided by that of the other shape.
    pub fn times(&self) -> f64 {
        self.time.median / self.other.median
    }

    /// Whether it takes longer than the other shape by more than both times spread.
    pub fn is_longer(&self) -> bool {
        let Self { time, other, .. } = self;
        time.median * (1.0 - time.spread) > other.median * (1.0 + other.spread)
    }

    /// The arithmetic of the other shape divided by that of this one. Where the other shape is the
    /// same with padding, this is the ratio of a kernel that computes the padding, too.
    pub fn work(&self) -> f64 {
        self.pair.other.work() as f64 / self.pair.shape.work() as f64
    }
}

/// Makes the contender of a recurrent layer.
type Frames<'a> = dyn Fn(Shape) -> Result<Box<dyn Contender + 'a>> + 'a;

/// Checks both shapes of a pair, then times them in turn. `frames` makes the recurrent layers.
pub fn run<'a>(
    backend: Backend,
    pair: Pair,
    data: &'a Data,
    frames: &Frames<'a>,
) -> Result<Compared> {
    let racer = |shape: Shape| {
        let make = || {
            let mut contender = match shape.kernel {
                kernel if kernel.is_product() => product(backend, shape, data),
                Kernel::Gru | Kernel::Lstm => frames(shape)?,
                _ => function(backend, shape, data),
            };
            let error = check(shape, &contender.check()?, data)?;
            Racer::new(contender, error, ROUND)
        };
        make().with_context(|| format!("{shape} on {backend}"))
    };
    let (mut one, mut other) = (racer(pair.shape)?, racer(pair.other)?);
    for _ in 0..ROUNDS {
        one.run()?;
        other.run()?;
    }
    Ok(Compared { pair, time: one.result(), other: other.result() })
}

/// Numbers from the beginning of a line of the cache, so that both shapes of a pair have the same
/// alignment.
struct Aligned {
    space: Vec<f32>,
    start: usize,
    len: usize,
}

impl Clone for Aligned {
    fn clone(&self) -> Self {
        // A copy of the space could begin elsewhere in a line.
        Self::new(self.get())
    }
}

impl Aligned {
    fn new(values: &[f32]) -> Self {
        let mut space = vec![0.0; values.len() + 16];
        let start = space.as_ptr().align_offset(64);
        space[start..][..values.len()].copy_from_slice(values);
        Self { space, start, len: values.len() }
    }

    fn get(&self) -> &[f32] {
        &self.space[self.start..][..self.len]
    }

    fn get_mut(&mut self) -> &mut [f32] {
        &mut self.space[self.start..][..self.len]
    }
}

/// Values of the two factors and of the result.
fn lengths(Shape { kernel, m, k, n }: Shape) -> (usize, usize, usize) {
    match kernel {
        Kernel::GemmTn => (m * k, m * n, k * n),
        Kernel::GemmNt => (m * n, k * n, m * k),
        _ => (m * k, k * n, m * n),
    }
}

/// A product with its shape as an argument.
fn product<'a>(backend: Backend, shape: Shape, data: &'a Data) -> Box<dyn Contender + 'a> {
    let Shape { kernel, m, k, n } = shape;
    let (a, b, c) = lengths(shape);
    let (first, second) = (Aligned::new(&data.pool[..a]), Aligned::new(&data.pool[a..a + b]));
    let (zero, result) = (Aligned::new(&vec![0.0; n]), Aligned::new(&vec![0.0; c]));
    let (mut result, mut again) = (result.clone(), result);
    let call = move |result: &mut [f32]| {
        let (a, b, bias) = (black_box(first.get()), second.get(), zero.get());
        dispatch!(backend, s => match kernel {
            Kernel::GemmTn => gemm::gemm_tn(s, m, k, n, a, b, result, false),
            Kernel::GemmNt => gemm::gemm_nt(s, m, k, n, a, b, result),
            _ => gemm::gemm(s, m, k, n, a, b, bias, result),
        });
    };
    let once = call.clone();
    let check = move || {
        once(again.get_mut());
        Ok(again.get().to_vec())
    };
    contender(check, move |_| {
        call(result.get_mut());
        black_box(result.get_mut());
    })
}

/// A function in place. tanh and softmax get the same values in each call: a copy of whole blocks,
/// so that it takes as long for a shape as for the one beside it. ReLU leaves its own result as it
/// is.
fn function<'a>(backend: Backend, shape: Shape, data: &Data) -> Box<dyn Contender + 'a> {
    let len = shape.m * shape.n;
    let mut x = values(shape, data);
    x.resize(len.next_multiple_of(BLOCK), 0.0);
    let x = Aligned::new(&x);
    let map = move |y: &mut [f32]| match shape.kernel {
        Kernel::Softmax => activation::softmax(backend, shape.n, y),
        Kernel::Relu => activation::relu(backend, y),
        _ => activation::tanh(backend, y),
    };
    let (mut y, again) = (x.clone(), x.clone());
    let check = move || {
        let mut y = again.get()[..len].to_vec();
        map(&mut y);
        Ok(y)
    };
    contender(check, move |_| {
        if shape.kernel != Kernel::Relu {
            y.get_mut().copy_from_slice(black_box(x.get()));
        }
        map(&mut y.get_mut()[..len]);
        black_box(y.get_mut());
    })
}

/// The values of a function: uniform in −8 … 8.
fn values(shape: Shape, data: &Data) -> Vec<f32> {
    data.pool[..shape.m * shape.n].iter().map(|x| 8.0 * x).collect()
}

/// Compares a result with the reference.
fn check(shape: Shape, found: &[f32], data: &Data) -> Result<f64> {
    let x = || wide(&values(shape, data));
    match shape.kernel {
        Kernel::Softmax => {
            let rows: Vec<f64> = x().chunks(shape.n).flat_map(softmax).collect();
            compare(found, &rows, 1e-6, 1.0)
        }
        Kernel::Tanh => {
            let tanh: Vec<f64> = x().into_iter().map(|x| apply(Function::Tanh, x)).collect();
            compare(found, &tanh, 1e-6, 1.0)
        }
        Kernel::Relu => {
            let relu: Vec<f64> = x().into_iter().map(|x| x.max(0.0)).collect();
            compare(found, &relu, 0.0, 0.0)
        }
        _ => compare_sums(found, &expected(shape, data)),
    }
}

/// What a product or a layer must give.
fn expected(shape: Shape, data: &Data) -> Vec<f64> {
    let Shape { kernel, m, k, n } = shape;
    if let Some(cell) = kernel.cell() {
        return crate::reference::frames(cell, n, data);
    }
    let (a, b, c) = lengths(shape);
    let (a, b) = (wide(&data.pool[..a]), wide(&data.pool[a..a + b]));
    let mut result = vec![0.0; c];
    for i in 0..m {
        for p in 0..k {
            for j in 0..n {
                match kernel {
                    Kernel::GemmTn => result[p * n + j] += a[i * k + p] * b[i * n + j],
                    Kernel::GemmNt => result[i * k + p] += a[i * n + j] * b[p * n + j],
                    _ => result[i * n + j] += a[i * k + p] * b[p * n + j],
                }
            }
        }
    }
    result
}

/// What one backend reached.
pub struct Backends {
    pub name: String,
    pub tile: Tile,
    /// Beside the next larger shape that fills the registers.
    pub larger: Vec<Compared>,
    /// Shapes that fill them, beside the next smaller one that does.
    pub smaller: Vec<Compared>,
}

/// The tables of all backends.
pub fn text(cpu: &str, backends: &[Backends], markdown: bool) -> String {
    let mut text = format!("CPU: {cpu}\n");
    let heading = if markdown { "## " } else { "" };
    for Backends { name, tile, larger, smaller } in backends {
        let Tile { lanes, rows, columns } = tile;
        let over = |all: &[Compared]| all.iter().filter(|one| one.ratio() > LIMIT).count();
        let slower: Vec<Compared> = larger.iter().filter(|one| one.is_longer()).copied().collect();
        let _ = writeln!(
            text,
            "\n{heading}{name}: {lanes} lanes, tiles of {rows} by {columns}\n\n\
             {} of {} shapes take more than {LIMIT} times the time for their arithmetic of the \
             next larger one that fills the registers. {} take longer than that one as a whole, by \
             more than the times spread. \
             {} of {} shapes that fill the registers take more than {LIMIT} times the time for \
             their arithmetic of the next smaller one that does.",
            over(larger),
            larger.len(),
            slower.len(),
            over(smaller),
            smaller.len(),
        );
        let mut part = |title: &str, all: &[Compared], key: fn(&Compared) -> f64| {
            if !all.is_empty() {
                let table = table(&worst(all, WORST, key), markdown);
                let _ = writeln!(text, "\n{title}:\n\n{table}");
            }
        };
        part("The worst, beside the next larger", larger, Compared::ratio);
        part("Longer than the next larger as a whole", &slower, Compared::times);
        part(
            "The worst of those that fill the registers, beside the next smaller",
            smaller,
            Compared::ratio,
        );
    }
    text
}

fn table(all: &[&Compared], markdown: bool) -> Table {
    let mut table = Table::new();
    table.load_style(if markdown { ASCII_MARKDOWN } else { NOTHING });
    table.set_header([
        "shape",
        "ns",
        "beside",
        "ns",
        "time for the same arithmetic",
        "= time",
        "· arithmetic",
    ]);
    let time = |times: &Times| format!("{} ±{:.0}%", short(times.median), 100.0 * times.spread);
    for one in all {
        table.add_row([
            one.pair.shape.to_string(),
            time(&one.time),
            one.pair.other.to_string(),
            time(&one.other),
            format!("{:.2}", one.ratio()),
            format!("{:.2}", one.times()),
            format!("{:.2}", one.work()),
        ]);
    }
    for column in [1, 3, 4, 5, 6] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// A colour for each backend.
pub const COLORS: [RGBColor; 6] = [
    RGBColor(120, 120, 120),
    RGBColor(70, 130, 180),
    RGBColor(60, 160, 90),
    RGBColor(205, 92, 92),
    RGBColor(150, 100, 190),
    RGBColor(220, 150, 40),
];

/// One of the two lists of a backend.
type Side = fn(&Backends) -> &[Compared];

/// Draws the ratios over the arithmetic, a colour for each backend: above beside the next larger
/// shape, below beside the next smaller one.
pub fn plot(cpu: &str, backends: &[Backends], path: &Path) -> Result<()> {
    let area = SVGBackend::new(path, (900, 900)).into_drawing_area();
    area.fill(&WHITE)?;
    let title = format!("Time for the same arithmetic: {cpu}");
    let area = area.titled(&title, ("sans-serif", 15))?;
    let (above, below) = area.split_vertically(430);
    let panels: [(_, _, Side); 2] = [
        (above, "÷ that of the next larger shape that fills the registers", |one| &one.larger),
        (below, "full shapes: ÷ that of the next smaller one", |one| &one.smaller),
    ];
    for (area, caption, side) in panels {
        let all: Vec<&Compared> = backends.iter().flat_map(side).collect();
        if all.is_empty() {
            continue;
        }
        let most = all.iter().map(|one| one.pair.shape.work()).max().unwrap_or(1) as f64;
        let high = all.iter().map(|one| one.ratio()).fold(2.0, f64::max) * 1.1;
        let low = all.iter().map(|one| one.ratio()).fold(0.5, f64::min) / 1.1;
        let mut chart = ChartBuilder::on(&area)
            .caption(caption, ("sans-serif", 13))
            .margin(8)
            .x_label_area_size(32)
            .y_label_area_size(40)
            .build_cartesian_2d((0.9..most * 1.1).log_scale(), (low..high).log_scale())?;
        chart
            .configure_mesh()
            .x_desc("multiply-adds, or values of a function")
            .x_label_formatter(&|x| format!("{x}"))
            .y_label_formatter(&|y| format!("{y}"))
            .label_style(("sans-serif", 11))
            .draw()?;
        chart.draw_series(LineSeries::new([(0.9, LIMIT), (most * 1.1, LIMIT)], BLACK))?;
        for (backend, color) in backends.iter().zip(COLORS) {
            let points = side(backend).iter().map(|one| {
                let at = (one.pair.shape.work() as f64, one.ratio());
                Circle::new(at, 2, color.filled())
            });
            chart
                .draw_series(points)?
                .label(backend.name.as_str())
                .legend(move |(x, y)| Circle::new((x + 8, y), 3, color.filled()));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE.mix(0.8))
            .label_font(("sans-serif", 11))
            .draw()?;
    }
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(median: f64) -> Times {
        Times { median, spread: 0.0, error: 0.0 }
    }

    fn gru(n: usize) -> Shape {
        Shape { kernel: Kernel::Gru, m: 1, k: 1, n }
    }

    #[test]
    fn a_ratio_is_of_times_and_of_arithmetic() {
        let pair = Pair { shape: gru(40), other: gru(24) };
        let one = Compared { pair, time: times(2643.0), other: times(473.0) };
        // 4,960 multiply-adds beside 1,824.
        assert!((one.ratio() - 2643.0 / 473.0 * 1824.0 / 4960.0).abs() < 1e-12);
        assert!(one.ratio() > LIMIT);
    }

    #[test]
    fn the_text_counts_what_exceeds_the_limit() {
        let pair = Pair { shape: gru(8), other: gru(16) };
        let compared = |time| Compared { pair, time: times(time), other: times(100.0) };
        // The arithmetic of 16 units is 3.7 times that of 8.
        let larger = [20.0, 50.0, 150.0].map(compared).to_vec();
        let tile = Tile { lanes: 8, rows: 4, columns: 16 };
        let backend = Backends { name: "avx2".into(), tile, larger, smaller: Vec::new() };
        let text = text("none", &[backend], false);
        assert!(text.contains("2 of 3 shapes"), "{text}");
        assert!(text.contains("1 take longer"), "{text}");
        assert!(text.contains("0 of 0 shapes"), "{text}");
    }

    #[test]
    fn a_time_within_the_spread_is_not_longer() {
        let pair = Pair { shape: gru(8), other: gru(16) };
        let wide = |median| Times { median, spread: 0.1, error: 0.0 };
        assert!(Compared { pair, time: times(101.0), other: times(100.0) }.is_longer());
        assert!(!Compared { pair, time: wide(110.0), other: wide(100.0) }.is_longer());
    }

    #[test]
    fn each_product_and_function_is_right_and_a_wrong_number_is_seen() {
        let data = Data::new();
        for (kernel, n) in [
            (Kernel::Gemm, 7),
            (Kernel::GemmTn, 7),
            (Kernel::GemmNt, 7),
            (Kernel::Softmax, 9),
            (Kernel::Tanh, 9),
            (Kernel::Relu, 9),
        ] {
            for backend in Backend::available() {
                let shape = if kernel.is_product() {
                    Shape { kernel, m: 5, k: 6, n }
                } else {
                    Shape { kernel, m: 1, k: 1, n }
                };
                let mut contender = match kernel {
                    kernel if kernel.is_product() => product(backend, shape, &data),
                    _ => function(backend, shape, &data),
                };
                let mut found = contender.check().unwrap();
                check(shape, &found, &data).unwrap();
                found[3] += 0.1;
                assert!(check(shape, &found, &data).is_err(), "{shape}");
                assert!(check(shape, &found[1..], &data).is_err(), "{shape}");
            }
        }
    }
}
