//! The integration tests: one program, from the outside in.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

mod digest;
mod harness;
mod inbound;
mod operation;
mod outbox;
mod ranking;
mod source;
mod store;
mod web;
mod whole;
