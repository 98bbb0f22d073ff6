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
mod fake_http;
mod fake_smtp;
mod faults;
mod mime;
mod place;
mod postfix;
mod ranking;
mod smtp;
mod store;
mod tidy;
mod tls;
mod town;
mod trial;
mod web;
mod week;
