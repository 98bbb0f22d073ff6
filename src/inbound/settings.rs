//! The `[inbound]` settings.

use crate::links::ReturnAddresses;
use secrecy::SecretString;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The `[inbound]` settings.
#[derive(Debug, Clone, Default)]
pub struct InboundSettings {
    /// The addresses to which mail comes back.
    pub addresses: ReturnAddresses,
    /// The Maildir into which a mail server puts what comes to these addresses.
    pub maildir: Option<PathBuf>,
    /// The mailbox on another server into which it comes.
    pub imap: Option<ImapSettings>,
    /// The LMTP server for a mail server on this machine.
    pub lmtp: Option<LmtpSettings>,
    /// The keys of the providers that may report by webhook.
    pub webhooks: WebhookSettings,
}

/// The encryption of an IMAP connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImapSecurity {
    /// TLS from the first byte.
    Tls,
    /// TLS after a greeting in the clear.
    StartTls,
    /// None: on this machine alone.
    None,
}

/// The `[inbound.imap]` settings.
#[derive(Debug, Clone)]
pub struct ImapSettings {
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The encryption of the connection.
    pub security: ImapSecurity,
    /// The user name.
    pub username: String,
    /// The password.
    pub password: SecretString,
    /// The mailbox that is read.
    pub mailbox: String,
    /// The mailbox to which reports are moved once they are read; without it they are only marked
    /// as seen.
    pub done_mailbox: Option<String>,
    /// Certificates to trust besides the system's, PEM.
    pub ca_file: Option<PathBuf>,
}

/// The `[inbound.lmtp]` settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LmtpSettings {
    /// The address on which the LMTP server listens.
    pub listen: SocketAddr,
}

/// The `[inbound.webhooks]` settings: a provider whose key is absent is not listened to.
#[derive(Debug, Clone, Default)]
pub struct WebhookSettings {
    /// The SNS topic of SES' notifications, `arn:aws:sns:…`.
    pub ses_topic: Option<String>,
    /// The password, in basic authentication or as `?token=`, that Postmark is told.
    pub postmark_secret: Option<SecretString>,
    /// The same for Brevo.
    pub brevo_secret: Option<SecretString>,
    /// Mailgun's HTTP webhook signing key.
    pub mailgun_signing_key: Option<SecretString>,
    /// `SendGrid`'s verification key, base 64 of its DER.
    pub sendgrid_public_key: Option<String>,
}
