//! Files that survive a power cut.

use anyhow::{Context, Result};
use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
};

/// Replaces a file as a whole. After a power cut at any moment there is the old file or the new
/// one, never a mixture: the bytes are written into a file beside it, synced, and renamed.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let write = || {
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        // The new name too. Not every system can sync a folder.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let _ = File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all());
        std::io::Result::Ok(())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
