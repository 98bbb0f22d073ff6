//! A Maildir into which a mail server puts reports.
//!
//! What is ours moves from `new` to `cur`, marked as seen; what is not stays
//! where it is, untouched, and nothing is ever deleted.

use std::collections::HashSet;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Mails that are taken in one step, so that a flood leaves room for stopping.
pub const STEP_MAILS: usize = 500;

/// Names of mails that are not ours that are remembered.
const STRANGERS_MAX: usize = 100_000;

/// What is known of a Maildir between two looks at it.
#[derive(Debug, Default)]
pub struct Watch {
    strangers: HashSet<std::ffi::OsString>,
}

/// A mail in `new`.
#[derive(Debug)]
pub struct Waiting {
    path: PathBuf,
    name: std::ffi::OsString,
    /// Its bytes, cut to what is read.
    pub mail: Vec<u8>,
}

impl Watch {
    /// Names of up to [`STEP_MAILS`] mails in `new` that have not been looked at, oldest first.
    ///
    /// Fails if `folder` is no Maildir.
    pub fn look(&mut self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        if self.strangers.len() > STRANGERS_MAX {
            self.strangers.clear();
        }
        let mut found: Vec<PathBuf> = std::fs::read_dir(folder.join("new"))?
            .filter_map(Result::ok)
            .filter(|entry| !self.strangers.contains(&entry.file_name()))
            .map(|entry| entry.path())
            .collect();
        // Names begin with the time of delivery.
        found.sort();
        found.truncate(STEP_MAILS);
        Ok(found)
    }

    /// Leaves a mail that is not ours where it is, and does not look at it again.
    pub fn leave(&mut self, waiting: Waiting) {
        self.strangers.insert(waiting.name);
    }
}

impl Waiting {
    /// Reads the mail at `path`; `None` if somebody else has taken it.
    pub fn read(path: PathBuf, bytes_max: usize) -> io::Result<Option<Self>> {
        let file = match std::fs::File::open(&path) {
            Ok(file) if file.metadata()?.is_file() => file,
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut mail = Vec::new();
        file.take(bytes_max as u64).read_to_end(&mut mail)?;
        let name = path.file_name().unwrap_or_default().to_owned();
        Ok(Some(Waiting { path, name, mail }))
    }

    /// Moves a mail that was taken in to `cur`, marked as seen.
    pub fn settle(self, folder: &Path) -> io::Result<()> {
        let mut name = self.name;
        let is_flagged = name.to_string_lossy().contains(":2,");
        if !is_flagged {
            name.push(":2,S");
        }
        let cur = folder.join("cur");
        std::fs::create_dir_all(&cur)?;
        match std::fs::rename(&self.path, cur.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            moved => moved,
        }
    }
}
