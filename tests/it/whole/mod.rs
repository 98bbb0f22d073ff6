//! All stages together, over days and weeks.

pub(crate) mod batches;
pub(crate) mod weeks;
