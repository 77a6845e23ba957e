//! The expected output of each example: `expected.txt` in its folder, compared line by line.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::paths;

/// The lines of an output, without those that are empty or name a backend or a plot.
pub fn results(text: &str) -> Vec<&str> {
    let said =
        |line: &&str| !line.is_empty() && !line.contains("backend") && !line.contains("plot");
    text.lines().map(str::trim_end).filter(said).collect()
}

/// Compares an output with the expected one. With `update` it writes the file instead of failing.
/// `run` names the example and its options.
pub fn check(example: &str, run: &str, text: &str, update: bool) -> Result<()> {
    let got = results(text);
    let file = file(example);
    let want = match fs::read_to_string(&file) {
        Err(error) if update && error.kind() == ErrorKind::NotFound => String::new(),
        read => read.with_context(|| format!("cannot read {}; {HOW}", file.display()))?,
    };
    match difference(&results(&want), &got) {
        None => Ok(()),
        Some(difference) if !update => bail!("{run}: {difference}\n{HOW}"),
        Some(difference) => {
            println!("{run}: {difference}\nwritten again: expected.txt of {example}");
            Ok(fs::write(&file, got.join("\n") + "\n")?)
        }
    }
}

const HOW: &str = "if the change is intended: cargo xtask bless examples";

fn file(example: &str) -> PathBuf {
    let lecture = paths::root().join("lecture/examples").join(example);
    let folder =
        if lecture.exists() { lecture } else { paths::root().join("examples").join(example) };
    folder.join("expected.txt")
}

/// The first line that differs, if there is one.
fn difference(want: &[&str], got: &[&str]) -> Option<String> {
    let line = (0..want.len().max(got.len())).find(|&i| want.get(i) != got.get(i))?;
    let shown = |lines: &[&str]| match lines.get(line) {
        Some(text) => format!("{text:?}"),
        None => "nothing".to_owned(),
    };
    Some(format!("line {} is {}, expected is {}", line + 1, shown(got), shown(want)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_hang_on_the_machine_do_not_count() {
        assert_eq!(
            results("backend avx2\n\nloss 0.5 \nplot /tmp/a.svg\nweights 01\n"),
            ["loss 0.5", "weights 01"]
        );
    }

    #[test]
    fn a_wrong_a_missing_and_an_added_line_are_found() {
        let want = ["loss 0.5", "accuracy 4/4"];
        assert_eq!(difference(&want, &want), None);
        assert_eq!(
            difference(&want, &["loss 0.5", "accuracy 3/4"]).as_deref(),
            Some("line 2 is \"accuracy 3/4\", expected is \"accuracy 4/4\"")
        );
        assert_eq!(
            difference(&want, &want[..1]).as_deref(),
            Some("line 2 is nothing, expected is \"accuracy 4/4\"")
        );
        assert_eq!(
            difference(&want[..1], &want).as_deref(),
            Some("line 2 is \"accuracy 4/4\", expected is nothing")
        );
    }
}
