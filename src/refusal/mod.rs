//! Decides whose fault a refusal is, from the words and codes of a mail server.
//!
//! One table serves both SMTP replies ([`crate::outbox`]) and returned reports
//! ([`crate::inbound`]). Pure.

pub mod addresses;
mod code;
mod command;
mod matching;
mod phrases;
mod reason;
#[cfg(test)]
pub(crate) mod texts;

pub use code::{EnhancedCode, find_reply};
pub use command::{Command, find_command};
pub use matching::{gives_reason, holds, wording};
pub use reason::{Basis, Diagnosis, Fault, REASONS, Reason, diagnose};

/// The longest part of a text that is read, in bytes.
const TEXT_BYTES_MAX: usize = 4_000;

/// A refusal, as far as it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refusal<'a> {
    /// The command that was refused.
    pub command: Option<Command>,
    /// The three digits of the reply.
    pub reply: Option<u16>,
    /// The enhanced status code.
    pub code: Option<EnhancedCode>,
    /// The server's words.
    pub text: &'a str,
    /// The recipient's address, whose words are none of the server's; empty if it is not known.
    pub address: &'a str,
}

/// The longest start of `text` that has at most `bytes` bytes and ends between two characters.
pub fn start_of(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len()))
        .rev()
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(0);
    &text[..end]
}
