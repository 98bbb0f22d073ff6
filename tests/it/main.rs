//! The integration tests: one program, from the outside in.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

mod admin;
mod alarms;
mod api;
mod arxiv;
mod arxiv_recorded;
mod arxiv_week;
mod bounced;
mod bounces;
mod checked;
mod cli;
mod crash;
mod daemon;
mod delivery;
mod dialects;
mod digest;
mod disk;
mod dkim;
#[cfg(feature = "encoder")]
mod encoder;
mod fake_http;
mod fake_smtp;
mod faults;
mod feedback;
mod hooked;
mod hostile;
mod identity;
mod imap;
mod keys;
mod library;
mod manners;
mod mime;
mod model;
mod notices;
mod one_work;
mod operation;
mod owner;
mod packaged;
mod pages;
mod place;
mod postfix;
mod preferences;
mod pressed;
mod ranked;
mod ranking;
mod real_text;
mod recorded;
mod requests;
mod returned;
mod search;
mod servers;
mod signup;
mod similar;
mod smtp;
mod sources;
mod steering;
mod store;
mod tidy;
mod tiny_models;
mod tls;
mod tongues;
mod town;
mod trial;
mod truth;
mod vectors;
mod visitors;
mod watched;
mod ways_in;
mod web;
mod week;
mod weights;
