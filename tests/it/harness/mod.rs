//! The harness: scripted and real servers, and a town of readers.

pub(crate) mod environment;
pub(crate) mod fake_http;
pub(crate) mod fake_smtp;
pub(crate) mod mail_servers;
pub(crate) mod mime;
pub(crate) mod tiny_models;
pub(crate) mod town;
