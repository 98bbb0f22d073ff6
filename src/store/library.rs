//! The works that readers bring along in their libraries.

use super::{PaperRow, StoreError};
use crate::paper::PaperId;
use crate::subscriber::SubscriberId;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A work of a library that is not among the papers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LibraryWork {
    /// Tells it from every other work: an id, else its title and first author.
    pub key: String,
    /// One line.
    pub title: String,
    /// Empty if the library has none.
    #[serde(rename = "abstract")]
    pub abstract_text: String,
    /// In its order.
    pub authors: Vec<String>,
    /// Its names: arXiv id, DOI, `pmid:`.
    pub ids: Vec<PaperId>,
}

/// How a work may be found among the papers.
#[derive(Debug, Clone, Copy)]
pub struct WorkNames<'a> {
    /// Its ids, the surest first.
    pub ids: &'a [PaperId],
    /// Its title.
    pub title: &'a str,
}

/// Verbs about libraries.
pub trait LibraryStore {
    /// For each of `works`, the papers it may be: the one that one of its ids
    /// names, else those with its title, as far as punctuation and case allow.
    /// Whether the authors fit is for the caller to say.
    fn find_works(&mut self, works: &[WorkNames<'_>]) -> Result<Vec<WorkMatch>, StoreError>;

    /// Adds works to what the interest of this name learns from; returns how
    /// many were not there yet. Those that were stay as they are, but for an
    /// abstract that they lacked.
    fn add_library(
        &mut self,
        subscriber: SubscriberId,
        interest: &str,
        works: &[LibraryWork],
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError>;

    /// Up to `limit` works of each interest of these readers, by reader and
    /// interest; those with an abstract first, newest first.
    fn library_of(
        &mut self,
        subscribers: &[SubscriberId],
        limit: u32,
    ) -> Result<Vec<(SubscriberId, String, LibraryWork)>, StoreError>;

    /// How many works each interest of a reader learns from, by name.
    fn count_library(&mut self, subscriber: SubscriberId)
    -> Result<Vec<(String, u64)>, StoreError>;

    /// Calls what hangs on the interest `old` by its new name: works and thumbs.
    fn rename_interest(
        &mut self,
        subscriber: SubscriberId,
        old: &str,
        new: &str,
    ) -> Result<(), StoreError>;

    /// Forgets the works of the interest of this name. Thumbs stay: they are
    /// about papers, and count for the nearest interest that is left.
    fn forget_library(
        &mut self,
        subscriber: SubscriberId,
        interest: &str,
    ) -> Result<u64, StoreError>;
}

/// What may be a work of a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkMatch {
    /// This paper, by an id.
    ById(PaperRow, PaperId),
    /// One of these, by title; each with its authors.
    ByTitle(Vec<(PaperRow, PaperId, Vec<String>)>),
}
