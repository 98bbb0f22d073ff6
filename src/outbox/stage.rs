//! The commands at which an attempt can end.

use serde::Serialize;
use std::fmt;

/// The last stage that a conversation with a server reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SmtpStage {
    /// The attempt ended before there was a conversation: the program was stopping, or the relay
    /// rests.
    Queue,
    /// The TCP connection.
    Connect,
    /// The server's first words (RFC 5321 section 3.1).
    Greeting,
    /// The reply to EHLO.
    Ehlo,
    /// STARTTLS (RFC 3207) or TLS from the first byte (RFC 8314).
    #[serde(rename = "starttls")]
    StartTls,
    /// The login (RFC 4954).
    Auth,
    /// MAIL FROM: the server judges the sender.
    Mail,
    /// RCPT TO: the server judges the recipient.
    Rcpt,
    /// DATA, answered before the text leaves.
    Data,
    /// The text and the lone dot that ends it. From here on the server may have the message.
    Dot,
    /// The file in a Maildir.
    Maildir,
}

impl SmtpStage {
    /// The stage as it is stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            SmtpStage::Queue => "queue",
            SmtpStage::Connect => "connect",
            SmtpStage::Greeting => "greeting",
            SmtpStage::Ehlo => "ehlo",
            SmtpStage::StartTls => "starttls",
            SmtpStage::Auth => "auth",
            SmtpStage::Mail => "mail",
            SmtpStage::Rcpt => "rcpt",
            SmtpStage::Data => "data",
            SmtpStage::Dot => "dot",
            SmtpStage::Maildir => "maildir",
        }
    }

    /// Whether the ledger says by then that the text may have left.
    pub fn is_marked(self) -> bool {
        matches!(self, SmtpStage::Dot | SmtpStage::Maildir)
    }

    /// Whether the server had begun to judge one recipient: what it refuses
    /// earlier is about us, not about them.
    pub fn concerns_recipient(self) -> bool {
        matches!(self, SmtpStage::Rcpt | SmtpStage::Data | SmtpStage::Dot)
    }
}

impl fmt::Display for SmtpStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
