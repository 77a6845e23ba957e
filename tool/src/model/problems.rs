//! What is wrong with a file: all of it, not only the first thing.

use anyhow::{Result, bail};

/// Collects what is wrong.
#[derive(Debug, Default)]
pub struct Problems(Vec<String>);

impl Problems {
    /// One more.
    pub fn add(&mut self, problem: impl Into<String>) {
        self.0.push(problem.into());
    }

    /// The value, or one more problem.
    pub fn take<T>(&mut self, result: Result<T, String>) -> Option<T> {
        result.map_err(|problem| self.add(problem)).ok()
    }

    /// Whether nothing is wrong so far.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// # Errors
    /// If there is any: names them all.
    pub fn check(self) -> Result<()> {
        match &self.0[..] {
            [] => Ok(()),
            [one] => bail!("{one}"),
            all => bail!("{} problems:\n  {}", all.len(), all.join("\n  ")),
        }
    }
}
