//! Profiles, ranking, reasons, search and models.

#[cfg(feature = "encoder")]
pub(crate) mod encoder;
pub(crate) mod evaluation;
pub(crate) mod interest_weights;
pub(crate) mod library;
pub(crate) mod models;
pub(crate) mod profiles;
pub(crate) mod reasons;
pub(crate) mod search;
pub(crate) mod similar;
