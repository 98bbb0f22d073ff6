//! From returned mail to suppressions.

pub(crate) mod bounces;
pub(crate) mod dialects;
pub(crate) mod imap;
pub(crate) mod postfix_bounces;
pub(crate) mod service;
pub(crate) mod transports;
pub(crate) mod webhooks;
