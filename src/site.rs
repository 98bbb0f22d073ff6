//! The identity of this installation: its name, addresses and keys.

use crate::token::Signer;
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
    /// Secrets of before: links that were signed with them are still good.
    pub old_secrets: Vec<SecretSlice<u8>>,
}

impl Site {
    /// Signs and checks the tokens in links.
    pub fn signer(&self) -> Signer {
        Signer::new(&self.secret).accepting(&self.old_secrets)
    }

    /// The web address of `path`, which starts with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// The domain that mail comes from.
    pub fn mail_domain(&self) -> &str {
        self.from.email.domain()
    }
}
