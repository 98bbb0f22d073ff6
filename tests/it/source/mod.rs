//! From the sources to the store: fetching, reading and merging papers.

pub(crate) mod arxiv;
pub(crate) mod arxiv_recorded;
pub(crate) mod arxiv_week;
pub(crate) mod identity;
pub(crate) mod merging;
pub(crate) mod politeness;
pub(crate) mod real_text;
pub(crate) mod recorded;
pub(crate) mod sources;
