//! The paths of all optimizers over one loss surface, f(x, y) = x²/20 + y² from (−7, 2), as in the
//! lecture.
//!
//! `cargo run --release --example optimizers -- --plot optimizers.svg`

#[path = "../common/mod.rs"]
mod common;

use anyhow::Result;
use bpaf::{Parser, construct};
use common::paths::{self, Landscape, Line, Lines, Panel};
use rosenblatt::{
    kernels::dispatch,
    optimizer::{Optimizer, ZeroState},
    prelude::*,
    schedule::{
        ConstantRate, CosineDecay, ExponentialDecay, InverseTimeDecay, PiecewiseConstant, Schedule,
        StepDecay, WarmUp,
    },
};
use std::process::ExitCode;

/// Command-line arguments.
struct Args {
    common: common::Shared,
    /// Number of steps of each optimizer
    steps: usize,
    /// The height that each must reach
    threshold: f32,
}

/// Parses the command line. Ends the program if an argument is invalid.
fn args() -> Args {
    let common = common::shared();
    let steps = common::option("steps", "N", "How many steps each may take", 300);
    let threshold = common::option("threshold", "HEIGHT", "How low they have to come", 0.01);
    construct!(Args { common, steps, threshold })
        .to_options()
        .descr("Sends every optimizer down one valley, and counts its steps.")
        .run()
}

fn main() -> ExitCode {
    common::end(
        common::start(|| run(&args())),
        "not all optimizers came below the threshold; more --steps or a higher --threshold may \
         help",
    )
}

/// A valley, flat along x and steep along y. At few points the gradient is in line with the
/// minimum.
fn height([x, y]: [f32; 2]) -> f32 {
    x * x / 20.0 + y * y
}

fn gradient([x, y]: [f32; 2]) -> [f32; 2] {
    [x / 10.0, 2.0 * y]
}

const START: [f32; 2] = [-7.0, 2.0];
/// Number of steps in the pictures.
const DRAWN: usize = 40;

/// The position of an optimizer at the start and after each step.
fn descend<O: Optimizer>(backend: Backend, steps: usize, rule: O) -> Vec<[f32; 2]> {
    let (mut w, mut state) = (START, O::State::<[f32; 2]>::ZERO);
    let mut path = vec![w];
    for _ in 0..steps {
        let dw = gradient(w);
        dispatch!(backend, s => rule.update(s, &mut state, &mut w, &dw));
        path.push(w);
    }
    path
}

/// One optimizer and its path.
struct Walk {
    name: &'static str,
    lr: f32,
    path: Vec<[f32; 2]>,
}

fn run(args: &Args) -> Result<bool> {
    // The learning rates of the lecture's picture, for the optimizers in it.
    let walks = {
        fn walk<O: Optimizer>(args: &Args, name: &'static str, rule: O) -> Result<Walk> {
            rule.check()?;
            Ok(Walk { name, lr: rule.lr(), path: descend(args.common.backend, args.steps, rule) })
        }
        [
            walk(args, "SGD", Sgd::with_lr(0.95))?,
            walk(args, "momentum", Momentum::with_lr(0.1))?,
            walk(args, "Nesterov", Nesterov::with_lr(0.1))?,
            walk(args, "AdaGrad", AdaGrad::with_lr(1.5))?,
            walk(args, "RMSProp, decay 0.05", RmsProp { decay: 0.05, ..RmsProp::with_lr(0.3) })?,
            walk(args, "Adam", Adam::with_lr(0.3))?,
            walk(args, "AdamW, λ 0.1", AdamW { weight_decay: 0.1, ..AdamW::with_lr(0.3) })?,
        ]
    };
    println!(
        "f(x, y) = x²/20 + y², from (-7, 2) with f = {}; backend: {}\n",
        height(START),
        args.common.backend
    );
    println!(
        "{:<20} {:>6} {:>14} {:>26} {:>12}",
        "optimizer",
        "lr",
        format!("steps to {}", args.threshold),
        format!("(x, y) after {} steps", args.steps),
        "f there"
    );
    let mut all = true;
    for walk in &walks {
        let reached = walk.path.iter().position(|w| height(*w) <= args.threshold);
        all &= reached.is_some();
        let reached = reached.map_or("never".to_owned(), |steps| steps.to_string());
        let last = walk.path.last().copied().unwrap_or(START);
        println!(
            "{:<20} {:>6} {reached:>14} {:>26} {:>12.2e}",
            walk.name,
            walk.lr,
            format!("({:.4}, {:.4})", last[0], last[1]),
            height(last)
        );
    }
    if let Some(path) = &args.common.plot {
        draw(path, &walks)?;
        println!("\nplot {}", path.display());
    }
    Ok(all)
}

/// Draws all paths in one picture, each in a picture of its own, and the height over the steps.
fn draw(path: &std::path::Path, walks: &[Walk]) -> Result<()> {
    let lines: Vec<_> = walks
        .iter()
        .enumerate()
        .map(|(color, walk)| Line {
            name: walk.name,
            color,
            points: walk.path.iter().take(DRAWN + 1).map(|[x, y]| (*x, *y)).collect(),
        })
        .collect();
    let landscape = |title: String, paths, legend| {
        Panel::Landscape(Landscape {
            title,
            axes: ("x", "y"),
            x: -8.0..8.0,
            y: -3.2..3.2,
            height: &|x, y| height([x, y]),
            levels: &[0.05, 0.25, 0.6, 1.2, 2.0, 3.0, 4.2, 5.6, 7.2, 9.0],
            minimum: (0.0, 0.0),
            paths,
            legend,
        })
    };
    let single = |i: usize| landscape(walks[i].name.to_owned(), vec![lines[i].clone()], false);
    let heights = Lines {
        title: "f over the steps".to_owned(),
        x: "step",
        y: "f",
        logarithmic: true,
        lines: walks
            .iter()
            .enumerate()
            .map(|(color, walk)| Line {
                name: walk.name,
                color,
                points: (walk.path.iter().take(DRAWN + 1).enumerate())
                    .map(|(step, w)| (step as f32, height(*w)))
                    .collect(),
            })
            .collect(),
    };
    let rows = [
        (
            460,
            vec![
                landscape(format!("{DRAWN} steps over x²/20 + y²"), lines.clone(), true),
                Panel::Lines(heights),
            ],
        ),
        (250, (0..4).map(single).collect()),
        (250, (4..7).map(single).collect()),
        (320, vec![Panel::Lines(schedules()?)]),
    ];
    paths::draw(path, 1280, &rows)
}

/// The learning rate over 200 steps for each schedule.
fn schedules() -> Result<Lines> {
    fn line<S: Schedule>(name: &'static str, color: usize, schedule: S) -> Result<Line> {
        schedule.check()?;
        Ok(Line {
            name,
            color,
            points: (0..=200).map(|step| (step as f32, schedule.at(step))).collect(),
        })
    }
    let lr = 1.0;
    let cosine = CosineDecay { lr, decay_steps: 200, alpha: 0.0 };
    let lines = vec![
        line("constant", 0, ConstantRate { lr })?,
        line(
            "inverse time, 1 after 50",
            1,
            InverseTimeDecay { lr, decay_steps: 50, decay_rate: 1.0, staircase: false },
        )?,
        line("step, half every 50", 2, StepDecay { lr, drop: 0.5, every: 50 })?,
        line(
            "exponential, half in 50",
            3,
            ExponentialDecay { lr, decay_steps: 50, decay_rate: 0.5, staircase: false },
        )?,
        line("cosine over 200", 5, cosine)?,
        line(
            "warm-up of 30, cosine to 0.1",
            4,
            WarmUp {
                start: 0.0,
                steps: 30,
                then: CosineDecay { decay_steps: 170, alpha: 0.1, ..cosine },
            },
        )?,
        line(
            "piecewise constant",
            6,
            PiecewiseConstant { lr: 0.9, then: [(80, 0.6), (140, 0.3)] },
        )?,
    ];
    Ok(Lines {
        title: "learning-rate schedules".to_owned(),
        x: "step",
        y: "learning rate",
        logarithmic: false,
        lines,
    })
}
