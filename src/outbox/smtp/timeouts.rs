//! Timeouts of the SMTP commands.

use std::time::Duration;

/// The longest wait for each step of a conversation.
///
/// The defaults are the minimum of RFC 5321 section 4.5.3.2, which it asks
/// senders to grant; connecting and leaving are ours to choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// The TCP connection.
    pub connect: Duration,
    /// The server's greeting and its answer to EHLO, together.
    pub greeting: Duration,
    /// STARTTLS, AUTH and RSET, for which the RFC gives no number.
    pub command: Duration,
    /// The reply to MAIL.
    pub mail: Duration,
    /// The reply to RCPT.
    pub rcpt: Duration,
    /// The reply to DATA.
    pub data: Duration,
    /// Sending the text.
    pub text: Duration,
    /// The reply to the dot. Too short a wait here makes duplicates (section 4.5.3.2.6).
    pub dot: Duration,
    /// The reply to QUIT, which changes nothing.
    pub quit: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            connect: Duration::from_secs(30),
            greeting: Duration::from_mins(5),
            command: Duration::from_mins(5),
            mail: Duration::from_mins(5),
            rcpt: Duration::from_mins(5),
            data: Duration::from_mins(2),
            text: Duration::from_mins(3),
            dot: Duration::from_mins(10),
            quit: Duration::from_secs(2),
        }
    }
}

impl Timeouts {
    /// The same short wait for every step: for tests.
    pub fn all(wait: Duration) -> Self {
        Timeouts {
            connect: wait,
            greeting: wait,
            command: wait,
            mail: wait,
            rcpt: wait,
            data: wait,
            text: wait,
            dot: wait,
            quit: wait,
        }
    }
}
