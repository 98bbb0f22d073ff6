//! Works of readers' libraries.

use super::{PaperRow, StoreError};
use crate::paper::PaperId;
use crate::subscriber::SubscriberId;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A work of a library that is not among the papers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LibraryWork {
    /// Key of the work: an id, else its title and first author.
    pub key: String,
    /// Title, on one line.
    pub title: String,
    /// Abstract; empty if the library has none.
    #[serde(rename = "abstract")]
    pub abstract_text: String,
    /// Authors, in order.
    pub authors: Vec<String>,
    /// Ids: arXiv id, DOI, `pmid:`.
    pub ids: Vec<PaperId>,
}

/// The names by which a work is looked up among the papers.
#[derive(Debug, Clone, Copy)]
pub struct WorkNames<'a> {
    /// Ids, the most reliable first.
    pub ids: &'a [PaperId],
    /// The title.
    pub title: &'a str,
}

/// Works of libraries.
pub trait LibraryStore {
    /// Returns, for each of `works`, the papers that match: the one that one of its ids names,
    /// else those with its title, up to punctuation and case. The caller compares the authors.
    fn find_works(&mut self, works: &[WorkNames<'_>]) -> Result<Vec<WorkMatch>, StoreError>;

    /// Adds works to the library of the interest of this name, and returns how many were new.
    /// A known work stays as it is, except that a missing abstract is filled in.
    fn add_library(
        &mut self,
        subscriber: SubscriberId,
        interest: &str,
        works: &[LibraryWork],
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError>;

    /// Returns up to `limit` works of each interest of these readers, by reader and interest;
    /// those with an abstract first, newest first.
    fn library_of(
        &mut self,
        subscribers: &[SubscriberId],
        limit: u32,
    ) -> Result<Vec<(SubscriberId, String, LibraryWork)>, StoreError>;

    /// Counts the works of each interest of a reader, by name.
    fn count_library(&mut self, subscriber: SubscriberId)
    -> Result<Vec<(String, u64)>, StoreError>;

    /// Moves the works and thumbs of the interest `old` to its new name.
    fn rename_interest(
        &mut self,
        subscriber: SubscriberId,
        old: &str,
        new: &str,
    ) -> Result<(), StoreError>;

    /// Deletes the works of the interest of this name. Thumbs stay: they are about papers, and
    /// count for the nearest interest that is left.
    fn forget_library(
        &mut self,
        subscriber: SubscriberId,
        interest: &str,
    ) -> Result<u64, StoreError>;
}

/// The papers that match a work of a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkMatch {
    /// The paper with one of its ids.
    ById(PaperRow, PaperId),
    /// Papers with its title, each with its authors.
    ByTitle(Vec<(PaperRow, PaperId, Vec<String>)>),
}
