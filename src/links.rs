//! The addresses of our own pages that stand in mails.
//!
//! Each carries a token of its own scope ([`crate::token`]), so that whoever is
//! forwarded a link can do no more than what that link is for. All but the one
//! that leaves stop working when their reader moves to another address, or asks
//! for it.

use crate::pick::Thumb;
use crate::site::Site;
use crate::subscriber::{Address, LinkHolder, SubscriberId};
use crate::token::{Scope, Signer};
use chrono::NaiveDate;

/// Makes the links with which one reader says something of papers.
#[derive(Debug, Clone)]
pub struct Thumbs(String);

impl Thumbs {
    /// Below `page`, which ends with the token.
    pub fn below(page: String) -> Self {
        Thumbs(page)
    }

    /// See [`Links::feedback`].
    pub fn of(&self, paper: i64, thumb: Thumb) -> String {
        format!("{}&p={paper}&v={}", self.0, thumb.word())
    }
}

/// A link that is to stand in a line of 76 bytes of a header, with a space and a
/// bracket before it, a bracket and a comma behind it.
const HEADER_BYTES: usize = 76 - 4;

/// Makes the links of one site.
#[derive(Debug, Clone, Copy)]
pub struct Links<'a> {
    /// Where its pages are.
    pub site: &'a Site,
    /// Signs them.
    pub signer: &'a Signer,
}

impl Links<'_> {
    /// Ends the subscription (RFC 8058); works for ever, whatever became of other links.
    pub fn unsubscribe(&self, id: SubscriberId) -> String {
        let of = LinkHolder { id, generation: 0 };
        let link = self.with_token("/unsubscribe?t=", Scope::Unsubscribe, of);
        if link.len() <= HEADER_BYTES {
            link
        } else {
            self.with_token("/u/", Scope::Unsubscribe, of)
        }
    }

    /// The subscriber's preferences.
    pub fn preferences(&self, of: LinkHolder) -> String {
        self.with_token("/preferences?t=", Scope::Preferences, of)
    }

    /// Where the reader says something of the paper in row `paper`; GET shows a
    /// page with a button, POST acts.
    pub fn feedback(&self, of: LinkHolder, paper: i64, thumb: Thumb) -> String {
        self.thumbs(of).of(paper, thumb)
    }

    /// The same for all papers of an issue: one signature serves them all.
    pub fn thumbs(&self, of: LinkHolder) -> Thumbs {
        Thumbs(self.with_token("/feedback?t=", Scope::Feedback, of))
    }

    /// One of the subscriber's own issues as a page.
    pub fn issue(&self, of: LinkHolder, local_date: NaiveDate) -> String {
        let page = self.with_token("/issues/", Scope::View, of);
        format!("{page}?d={local_date}")
    }

    /// The subscriber's private Atom feed.
    pub fn feed(&self, of: LinkHolder) -> String {
        self.with_token("/feeds/", Scope::Feed, of)
    }

    fn with_token(&self, path: &str, scope: Scope, of: LinkHolder) -> String {
        self.site.url(&format!(
            "{path}{}",
            self.signer.sign_in(scope, of.id.0, of.generation)
        ))
    }
}

/// The addresses of ours to which mail comes back; a token in each names its recipient.
#[derive(Debug, Clone, Default)]
pub struct ReturnAddresses {
    /// Receives reports, at `local+TOKEN@domain` (VERP); without it they go to the sender's address.
    pub bounce: Option<Address>,
    /// Mail to this address, at `local+TOKEN@domain`, ends a subscription.
    pub unsubscribe: Option<Address>,
}

impl ReturnAddresses {
    /// The address to write to in order to leave, as a link.
    pub fn unsubscribe_mailto(&self, token: &str) -> Option<String> {
        let address = self.unsubscribe.as_ref()?;
        Some(format!("mailto:{}", tagged(address, token)))
    }

    /// The envelope sender of the delivery with this token, if reports are to come here.
    pub fn envelope_sender(&self, token: &str) -> Option<String> {
        self.bounce.as_ref().map(|address| tagged(address, token))
    }
}

/// `local+TOKEN@domain`.
fn tagged(address: &Address, token: &str) -> String {
    let (local, domain) = address
        .as_str()
        .rsplit_once('@')
        .unwrap_or((address.as_str(), ""));
    format!("{local}+{token}@{domain}")
}
