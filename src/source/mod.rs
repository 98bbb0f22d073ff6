//! Fetches: the outside world to papers.
//!
//! A source turns what it reads into [`Record`]s: a paper, or what could not be
//! read and why. It knows nothing of the database; [`crate::intake`] stores
//! what it brings. Malformed input costs the record, never the batch.

pub mod http;
pub mod jsonl;
mod settings;

pub use settings::{SourceKind, SourceSettings};

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
