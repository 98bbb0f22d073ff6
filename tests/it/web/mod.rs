//! The pages and the API, from outside.

pub(crate) mod admin;
pub(crate) mod api;
pub(crate) mod attacks;
pub(crate) mod export_and_erasure;
pub(crate) mod feedback;
pub(crate) mod forms;
pub(crate) mod languages;
pub(crate) mod links;
pub(crate) mod preferences;
pub(crate) mod robots;
pub(crate) mod signup;
pub(crate) mod steering;
