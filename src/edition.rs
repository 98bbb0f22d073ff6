//! Publishing: issues of due subscribers are ranked, composed and queued.
//!
//! [`Publisher`] goes through the subscribers in batches. For each batch it reads facts
//! from the store, ranks and composes on all cores without it, and queues the finished
//! issues: the database never waits for ranking, and memory does not grow with the
//! number of subscribers.
//!
//! A service does not visit every subscriber: each has an instant of its next look, and
//! [`Publisher::for_due`] reads those alone. A changed preference sets that instant to
//! "at once"; a look sets it to the due instant of the next issue, or to the end of the
//! wait if papers that they follow are missing (`due_decision`, `missing_papers`).

pub mod clicks;
mod composer;
mod coverage_window;
mod due_decision;
mod examples;
mod follow;
mod leave_question;
mod library;
mod missing_papers;
mod notice;
mod paper_news;
mod pick_outcomes;
mod preview;
mod publish_loop;
mod publisher;
mod rerender;
mod trending;
mod votes;

pub use composer::{Composed, Composer};
pub use examples::YOUR_PICKS;
pub use follow::follow_author;
pub use library::{LibraryImport, YOUR_LIBRARY, import_library};
pub use notice::Addressee;
pub use pick_outcomes::{PickOutcome, PickOutcomes, RankOutcomes, pick_outcomes};
pub use preview::{
    ExplainedPaper, PickSummary, coming_date, explain_paper, explain_picks, preview, preview_again,
    preview_for,
};
pub use publish_loop::PublishLoop;
pub use publisher::{AsOf, MAX_LATENESS, Published, Publisher};
pub use rerender::rerender_issue;
pub use trending::{DayInOrder, day_in_order, trending};

use crate::store::StoreError;

/// Reasons that publishing stopped. What was queued before stays.
#[derive(Debug, thiserror::Error)]
pub enum EditionError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A template fails on an issue.
    #[error("cannot render the issue of subscriber {subscriber}")]
    Template {
        /// Number of the subscriber.
        subscriber: i64,
        /// File, line and problem.
        #[source]
        cause: crate::digest::TemplateError,
    },
    /// A value cannot stand in a header.
    #[error("cannot build the message for subscriber {subscriber}")]
    Message {
        /// Number of the subscriber.
        subscriber: i64,
        /// The header and its problem.
        #[source]
        cause: crate::digest::MessageError,
    },
    /// A notice cannot be written.
    #[error("cannot write the notice {kind}")]
    Notice {
        /// Word of its kind.
        kind: &'static str,
        /// Why it cannot be written.
        #[source]
        cause: crate::digest::notices::NoticeError,
    },
}
