//! The integration tests: one program, from the outside in.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod arxiv;
mod cli;
mod daemon;
mod delivery;
mod digest;
mod fake_http;
mod fake_smtp;
mod mime;
mod smtp;
mod store;
mod tidy;
mod town;
mod trial;
mod web;
mod week;
