//! The figures that the project wants to reach on a Cortex-M4F.

use super::boards::M4F;
use super::figures::{Figure, Figures};
use crate::table::table;

/// The goals: title, program, figure, and the largest value that reaches the goal.
const GOALS: [(&str, &str, Figure, u64); 8] = [
    ("digits inference, instructions", "digits-infer", Figure::Infer, 4_200),
    ("digits step, instructions", "digits", Figure::Step, 360_000),
    ("xor-sgd step, instructions", "xor-sgd", Figure::Step, 2_600),
    ("iris step, instructions", "iris", Figure::Step, 12_000),
    ("exp of 256, instructions", "exp", Figure::Step, 8_200),
    ("tanh of 256, instructions", "tanh", Figure::Step, 10_000),
    ("xor, flash at s", "xor", Figure::FlashSmall, 3_072),
    ("digits-infer, flash at s without data", "digits-infer", Figure::FlashSmall, 1_280),
];

/// The missed goals of the programs that ran.
pub fn missed(figures: impl Fn(&str) -> Option<Figures>) -> Vec<String> {
    let judge = |(what, program, figure, goal): (&str, &str, Figure, u64)| {
        let got = figures(program)?[figure as usize]?;
        (got > goal).then(|| format!("{what} on {M4F}: {got}, wanted at most {goal}"))
    };
    GOALS.into_iter().filter_map(judge).collect()
}

/// The goals, and whether each is reached. `figures` returns the figures of a program on that
/// board.
pub fn list(figures: impl Fn(&str) -> Option<Figures>) -> Option<String> {
    let rows: Vec<Vec<String>> = GOALS
        .into_iter()
        .filter_map(|(what, program, figure, goal)| {
            let got = figures(program)?[figure as usize]?;
            let verdict = if got <= goal { "reached" } else { "missed" };
            Some(vec![what.to_owned(), goal.to_string(), got.to_string(), verdict.to_owned()])
        })
        .collect();
    let title = format!("targets on {M4F}");
    (!rows.is_empty()).then(|| table(&[title.as_str(), "at most", "is", ""], rows, [1, 2]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_that_is_missed_is_a_complaint() {
        let (_, program, figure, goal) = GOALS[6];
        let figures = |got| {
            move |name: &str| {
                let mut figures = Figures::default();
                figures[figure as usize] = (name == program).then_some(got);
                Some(figures)
            }
        };
        assert!(missed(figures(goal)).is_empty());
        assert_eq!(missed(figures(goal + 1)).len(), 1);
        assert!(missed(|_| None).is_empty());
    }
}
