//! Delivers into a Maildir: for trials, and for machines on which another program picks mail up.
//!
//! The format is <https://cr.yp.to/proto/maildir.html>: a message is written
//! below `tmp/` and renamed into `new/`. Its name is made from the delivery and
//! the message's bytes, so a crash between the rename and its record leads to
//! the same file again, not to a second one.

use crate::store::DeliveryId;
use ring::digest;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// An open Maildir.
#[derive(Debug, Clone)]
pub(super) struct Maildir {
    root: PathBuf,
}

impl Maildir {
    /// The Maildir at `root`, made if it is not there.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        for part in ["tmp", "new", "cur"] {
            fs::create_dir_all(root.join(part))?;
        }
        Ok(Maildir {
            root: root.to_owned(),
        })
    }

    /// Puts a `message` that may be there already: one that a reader has moved into `cur/` is not
    /// delivered again.
    pub(super) fn put_again(&self, id: DeliveryId, message: &[u8]) -> io::Result<String> {
        let name = file_name(id, message);
        if self.was_read(&name)? {
            Ok(name)
        } else {
            self.put(id, message)
        }
    }

    /// Puts `message` into `new/`, and returns its file name once it is on the disk.
    pub(super) fn put(&self, id: DeliveryId, message: &[u8]) -> io::Result<String> {
        let name = file_name(id, message);
        let unfinished = self.root.join("tmp").join(&name);
        let mut file = File::create(&unfinished)?;
        file.write_all(message)?;
        file.sync_all()?;
        let folder = self.root.join("new");
        fs::rename(&unfinished, folder.join(&name))?;
        // The name is on the disk only once its folder is.
        File::open(&folder)?.sync_all()?;
        Ok(name)
    }

    /// Whether a reader has moved it, perhaps with flags at its end (`:2,S`).
    fn was_read(&self, name: &str) -> io::Result<bool> {
        for entry in fs::read_dir(self.root.join("cur"))? {
            if entry?.file_name().to_string_lossy().starts_with(name) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// `d42.1f3a….paperboy`: fixed for one delivery of the same bytes.
fn file_name(id: DeliveryId, message: &[u8]) -> String {
    let sum = digest::digest(&digest::SHA256, message);
    let mut name = format!("d{}.", id.0);
    for byte in &sum.as_ref()[..8] {
        let _ = write!(name, "{byte:02x}");
    }
    name.push_str(".paperboy");
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(root: &Path, part: &str) -> Vec<String> {
        let entries = fs::read_dir(root.join(part)).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_message_that_is_put_twice_is_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let maildir = Maildir::open(folder.path()).unwrap();
        let first = maildir
            .put(DeliveryId(7), b"Subject: x\r\n\r\nhi\r\n")
            .unwrap();
        assert_eq!(
            maildir
                .put(DeliveryId(7), b"Subject: x\r\n\r\nhi\r\n")
                .unwrap(),
            first
        );
        assert_eq!(names(folder.path(), "new"), std::slice::from_ref(&first));
        assert_eq!(
            fs::read(folder.path().join("new").join(&first)).unwrap(),
            b"Subject: x\r\n\r\nhi\r\n"
        );
        assert!(names(folder.path(), "tmp").is_empty());
        maildir
            .put(DeliveryId(8), b"Subject: x\r\n\r\nhi\r\n")
            .unwrap();
        assert_eq!(names(folder.path(), "new").len(), 2);
    }

    #[test]
    fn a_message_that_was_read_does_not_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let maildir = Maildir::open(folder.path()).unwrap();
        let name = maildir.put(DeliveryId(7), b"x").unwrap();
        let read = folder.path().join("cur").join(format!("{name}:2,S"));
        fs::rename(folder.path().join("new").join(&name), read).unwrap();
        maildir.put_again(DeliveryId(7), b"x").unwrap();
        assert!(names(folder.path(), "new").is_empty());
    }
}
