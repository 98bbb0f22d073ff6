//! The store keeps its promises.

pub(crate) mod api_keys;
pub(crate) mod old_picks;
pub(crate) mod promises;
pub(crate) mod requests;
pub(crate) mod vectors;
