//! Fetches: the outside world to papers.
//!
//! A source turns what it reads into [`Record`]s: a paper, or what could not be
//! read and why. It knows nothing of the database; [`crate::intake`] stores
//! what it brings. Malformed input costs the record, never the batch.

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

pub use provider_client::brief;
pub use settings::{SourceKind, SourceSettings};

use crate::coverage::CoverageUpdate;
use crate::paper::Paper;

/// One record of a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A paper.
    Paper(Box<Paper>),
    /// Something that should have been one.
    Unreadable {
        /// File and line, or address of the answer.
        place: String,
        /// What is wrong with it.
        reason: String,
        /// As it came, cut if it is long.
        record: String,
    },
}

/// A record of a batch that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Address of the answer, and which entry.
    pub place: String,
    /// What is wrong with it.
    pub reason: String,
    /// As it came, cut if it is long.
    pub record: String,
}

/// What one fetch brings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// Each paper once.
    pub papers: Vec<Paper>,
    /// What could not be read.
    pub unreadable: Vec<Unreadable>,
    /// What is now known of the source's days.
    pub news: Vec<CoverageUpdate>,
    /// Records read.
    pub read: u64,
    /// Records of a paper that the batch held already.
    pub merged: u64,
    /// New versions of papers that are not known here, and records that are no papers.
    pub passed_over: u64,
}
