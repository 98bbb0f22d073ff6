//! The integration tests: one program, from the outside in.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod arxiv;
mod cli;
mod crash;
mod daemon;
mod delivery;
mod digest;
mod disk;
mod dkim;
#[cfg(feature = "encoder")]
mod encoder;
mod fake_http;
mod fake_smtp;
mod faults;
mod mime;
mod model;
mod place;
mod postfix;
mod smtp;
mod store;
mod tidy;
mod tiny_models;
mod tls;
mod town;
mod trial;
mod vectors;
mod web;
mod week;
