//! Whole mails: digests, notices and signatures.

pub(crate) mod dkim;
pub(crate) mod mails;
pub(crate) mod notices;
