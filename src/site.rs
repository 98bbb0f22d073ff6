//! What this instance is called and where it lives.

use lettre::message::Mailbox;
use secrecy::SecretSlice;

/// The `[site]` settings.
#[derive(Debug, Clone)]
pub struct Site {
    /// Its name, as readers see it.
    pub name: String,
    /// Address of the web pages, without a slash at the end.
    pub base_url: String,
    /// Sender of every mail.
    pub from: Mailbox,
    /// The operator.
    pub contact: lettre::Address,
    /// Signs tokens; at least [`crate::token::SECRET_BYTES_MIN`] bytes.
    pub secret: SecretSlice<u8>,
}

impl Site {
    /// The web address of `path`, which starts with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// The domain that mail comes from.
    pub fn mail_domain(&self) -> &str {
        self.from.email.domain()
    }
}
