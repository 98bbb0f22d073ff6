//! Listens: what comes back.

use crate::subscriber::Address;
use std::path::PathBuf;

/// The `[inbound]` settings.
#[derive(Debug, Clone, Default)]
pub struct InboundSettings {
    /// Reports come here, at `local+TOKEN@domain` (VERP); without it they go to the sender's address.
    pub bounce_address: Option<Address>,
    /// Mail to this address, at `local+TOKEN@domain`, ends a subscription.
    pub unsubscribe_address: Option<Address>,
    /// The Maildir into which a mail server puts what comes to these addresses.
    pub maildir: Option<PathBuf>,
}

impl InboundSettings {
    /// The address to write to in order to leave, as a link.
    pub fn unsubscribe_mailto(&self, token: &str) -> Option<String> {
        let address = self.unsubscribe_address.as_ref()?;
        Some(format!("mailto:{}", tagged(address, token)))
    }

    /// The envelope sender of the delivery with this token, if reports are to come here.
    pub fn envelope_sender(&self, token: &str) -> Option<String> {
        self.bounce_address.as_ref().map(|address| tagged(address, token))
    }
}

/// `local+TOKEN@domain`.
fn tagged(address: &Address, token: &str) -> String {
    let (local, domain) = address.as_str().rsplit_once('@').unwrap_or((address.as_str(), ""));
    format!("{local}+{token}@{domain}")
}
