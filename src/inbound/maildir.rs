//! A Maildir into which a mail server puts reports.
//!
//! Our reports move to `cur`, marked as seen; other mail stays untouched, and nothing is ever
//! deleted. A mail program that looks into the
//! Maildir moves mails from `new` to `cur` before they are read, so those in
//! `cur` that nobody has seen are looked at, too.

use std::collections::HashSet;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Mails that are taken in one step, so that a flood leaves room for stopping.
pub const STEP_MAILS: usize = 500;

/// Names of mails that are not ours that are remembered.
const STRANGERS_MAX: usize = 100_000;

/// The state of a Maildir between two scans.
#[derive(Debug, Default)]
pub struct MaildirScan {
    strangers: HashSet<std::ffi::OsString>,
    /// The change time of `cur` at its last scan, for it grows for ever.
    read_cur: Option<SystemTime>,
}

/// A mail that nobody has seen.
#[derive(Debug)]
pub struct Waiting {
    path: PathBuf,
    name: std::ffi::OsString,
    /// Its bytes, cut to what is read.
    pub mail: Vec<u8>,
}

impl MaildirScan {
    /// Paths of up to [`STEP_MAILS`] mails that have been neither seen nor looked at, oldest first.
    ///
    /// Fails if `folder` is no Maildir.
    pub fn look(&mut self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        if self.strangers.len() > STRANGERS_MAX {
            self.strangers.clear();
        }
        let mut found = self.unknown_in(&folder.join("new"))?;
        let cur = folder.join("cur");
        let changed = std::fs::metadata(&cur)
            .and_then(|about| about.modified())
            .ok();
        if changed.is_some() && changed != self.read_cur {
            found.extend(
                self.unknown_in(&cur)?
                    .into_iter()
                    .filter(|path| !is_seen(path)),
            );
            // The next step must find the mails that did not fit into this one.
            self.read_cur = changed.filter(|_| found.len() <= STEP_MAILS);
        }
        // Names begin with the time of delivery.
        found.sort_by(|one, other| one.file_name().cmp(&other.file_name()));
        found.truncate(STEP_MAILS);
        Ok(found)
    }

    fn unknown_in(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let entries = std::fs::read_dir(folder)?.filter_map(Result::ok);
        // Names with a dot in front are no mails (cr.yp.to/proto/maildir.html).
        let is_mail = |name: &std::ffi::OsStr| !name.as_encoded_bytes().starts_with(b".");
        let unknown = entries.filter(|entry| {
            is_mail(&entry.file_name()) && !self.strangers.contains(&entry.file_name())
        });
        Ok(unknown.map(|entry| entry.path()).collect())
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
        let text = name.to_string_lossy();
        if let Some((base, flags)) = text.rsplit_once(":2,") {
            // Flags stand in the order of the alphabet.
            let flags: std::collections::BTreeSet<char> = flags.chars().chain(['S']).collect();
            name = format!("{base}:2,{}", flags.into_iter().collect::<String>()).into();
        } else {
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

/// Whether the flags in the name of a mail say that it was seen (cr.yp.to/proto/maildir.html).
fn is_seen(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.rsplit_once(":2,")
        .is_some_and(|(_, flags)| flags.contains('S'))
}
