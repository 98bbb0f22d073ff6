//! Fetches papers from the outside world.
//!
//! A source turns responses into [`Record`]s: a paper, or a record that cannot be
//! read, with the reason. It does not use the database; [`crate::intake`] stores
//! the result. A malformed record is set aside and costs neither the other records
//! nor the batch.
//!
//! To add a source, write its file with a `KIND` (see [`SourceKind`]) and an
//! implementation of [`Source`] or [`daily::DailySource`], add it to the modules and
//! to [`KINDS`] below, and describe it in `config/template.toml`.

pub mod arxiv;
mod authors;
pub mod biorxiv;
mod charset;
pub mod crossref;
pub mod daily;
mod dates;
pub mod feed;
pub mod fetch;
pub mod huggingface;
mod identifiers;
mod json;
pub mod jsonl;
pub mod openalex;
pub mod openreview;
pub mod pagination;
pub mod provider_client;
pub mod pubmed;
pub mod recorded;
pub mod semantic_scholar;
mod settings;
mod xml;

pub use fetch::{FetchResult, FetchWindow, Probe, Source};
pub use provider_client::brief;
pub use settings::{Need, SourceKind, SourceSettings};

use crate::coverage::CoverageUpdate;
use crate::paper::Paper;

/// Every kind of source, in the order in which the settings list them.
pub static KINDS: [&SourceKind; 11] = [
    &arxiv::KIND,
    &huggingface::KIND,
    &biorxiv::BIORXIV,
    &biorxiv::MEDRXIV,
    &pubmed::KIND,
    &openreview::KIND,
    &crossref::KIND,
    &openalex::KIND,
    &semantic_scholar::KIND,
    &feed::KIND,
    &jsonl::KIND,
];

/// One record of a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A paper.
    Paper(Box<Paper>),
    /// A record that cannot be read.
    Unreadable(Unreadable),
}

/// A record that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// File and line, or address of the response and number of the record.
    pub place: String,
    /// Why it cannot be read.
    pub reason: String,
    /// The record, truncated if it is long.
    pub record: String,
}

impl From<Result<Paper, Unreadable>> for Record {
    fn from(entry: Result<Paper, Unreadable>) -> Self {
        match entry {
            Ok(paper) => Record::Paper(Box::new(paper)),
            Err(unreadable) => Record::Unreadable(unreadable),
        }
    }
}

/// Papers and coverage of one fetch, ready to be stored.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// Each paper once.
    pub papers: Vec<Paper>,
    /// Records that cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// Coverage of the source's days.
    pub coverage: Vec<CoverageUpdate>,
    /// Records read.
    pub read: u64,
    /// Records of a paper that the batch already had.
    pub merged: u64,
    /// New versions of papers that are unknown here, and records that are not papers.
    pub passed_over: u64,
}
