//! The figures that the project wants to reach on a Cortex-M4F.

use super::boards::M4F;
use super::figures::{Figure, Figures};
use crate::table::table;

/// The largest value of a figure, and that figure of another program to subtract.
struct Goal {
    title: &'static str,
    program: &'static str,
    beyond: Option<&'static str>,
    figure: Figure,
    most: u64,
}

const fn goal(title: &'static str, program: &'static str, figure: Figure, most: u64) -> Goal {
    Goal { title, program, beyond: None, figure, most }
}

const GOALS: [Goal; 10] = [
    goal("digits inference, instructions", "digits-infer", Figure::Infer, 4_200),
    goal("digits step, instructions", "digits", Figure::Step, 360_000),
    goal("xor-sgd step, instructions", "xor-sgd", Figure::Step, 2_600),
    goal("iris step, instructions", "iris", Figure::Step, 12_000),
    goal("exp of 256, instructions", "exp", Figure::Step, 8_200),
    goal("tanh of 256, instructions", "tanh", Figure::Step, 10_000),
    goal("xor, flash at s", "xor", Figure::FlashSmall, 3_072),
    goal("digits-infer, flash at s without data", "digits-infer", Figure::FlashSmall, 1_280),
    // The program `saved` trains like `xor`, then saves and loads.
    Goal {
        beyond: Some("xor"),
        ..goal("save and load, flash at s", "saved", Figure::FlashSmall, 1_536)
    },
    Goal {
        beyond: Some("xor"),
        ..goal("save and load, flash at 3", "saved", Figure::FlashFast, 1_536)
    },
];

impl Goal {
    /// The value, if the programs ran.
    fn got(&self, figures: impl Fn(&str) -> Option<Figures>) -> Option<u64> {
        let of = |program: &str| figures(program)?[self.figure as usize];
        let whole = of(self.program)?;
        Some(whole.saturating_sub(self.beyond.map_or(Some(0), of)?))
    }
}

/// The missed goals of the programs that ran.
pub fn missed(figures: impl Fn(&str) -> Option<Figures>) -> Vec<String> {
    let judge = |goal: Goal| {
        let got = goal.got(&figures)?;
        (got > goal.most)
            .then(|| format!("{} on {M4F}: {got}, wanted at most {}", goal.title, goal.most))
    };
    GOALS.into_iter().filter_map(judge).collect()
}

/// The goals, and whether each is reached. `figures` returns the figures of a program on that
/// board.
pub fn list(figures: impl Fn(&str) -> Option<Figures>) -> Option<String> {
    let rows: Vec<Vec<String>> = GOALS
        .into_iter()
        .filter_map(|goal| {
            let got = goal.got(&figures)?;
            let verdict = if got <= goal.most { "reached" } else { "missed" };
            let title = goal.title.to_owned();
            Some(vec![title, goal.most.to_string(), got.to_string(), verdict.to_owned()])
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
        let [.., Goal { program, figure, most, .. }, _, _, _] = GOALS;
        let figures = |got| {
            move |name: &str| {
                let mut figures = Figures::default();
                figures[figure as usize] = (name == program).then_some(got);
                Some(figures)
            }
        };
        assert!(missed(figures(most)).is_empty());
        assert_eq!(missed(figures(most + 1)).len(), 1);
        assert!(missed(|_| None).is_empty());
    }

    #[test]
    fn a_goal_can_be_the_difference_of_two_programs() {
        let figures = |saved, xor| {
            move |name: &str| {
                let mut figures = Figures::default();
                figures[Figure::FlashFast as usize] =
                    [("saved", saved), ("xor", xor)].into_iter().find(|(of, _)| *of == name)?.1;
                Some(figures)
            }
        };
        assert!(missed(figures(Some(10_536), Some(9_000))).is_empty());
        assert_eq!(missed(figures(Some(10_537), Some(9_000))).len(), 1);
        assert!(missed(figures(Some(10_537), None)).is_empty());
    }
}
