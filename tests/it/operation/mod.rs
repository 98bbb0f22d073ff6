//! The program as its operator runs it.

pub(crate) mod alarms;
pub(crate) mod check;
pub(crate) mod cli;
pub(crate) mod daemon;
pub(crate) mod disk_full;
pub(crate) mod observability;
pub(crate) mod packaging;
pub(crate) mod startup;
pub(crate) mod trial;
