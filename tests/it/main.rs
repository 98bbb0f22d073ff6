//! The integration tests: one program, from the outside in.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod arxiv;
mod bounces;
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
mod feedback;
mod identity;
mod library;
mod mime;
mod model;
mod notices;
mod place;
mod postfix;
mod ranking;
mod real_text;
mod requests;
mod search;
mod signup;
mod smtp;
mod store;
mod tidy;
mod tiny_models;
mod tls;
mod town;
mod trial;
mod vectors;
mod ways_in;
mod web;
mod week;
