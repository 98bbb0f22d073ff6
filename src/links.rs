//! Links in mails to our own pages.
//!
//! Each has a token of its own scope ([`crate::token`]), so that the recipient of a forwarded
//! link can do no more than that link permits. All but the unsubscribe link become invalid
//! when the reader moves to another address, or asks for it.

use crate::pick::Thumb;
use crate::site::Site;
use crate::subscriber::{Address, LinkHolder, SubscriberId};
use crate::token::{Scope, Signer};
use chrono::NaiveDate;

/// Makes one reader's links for feedback on papers.
#[derive(Debug, Clone)]
pub struct Thumbs(String);

impl Thumbs {
    /// Makes links below `page`, which ends with the token.
    pub fn below(page: String) -> Self {
        Thumbs(page)
    }

    /// Returns the link that gives `thumb` to the paper in row `paper`.
    pub fn of(&self, paper: i64, thumb: Thumb) -> String {
        format!("{}&p={paper}&v={}", self.0, thumb.word())
    }
}

/// Longest link that fits into a header line of 76 bytes with a space and a bracket before
/// it, a bracket and a comma behind it.
const HEADER_BYTES: usize = 76 - 4;

/// Makes the links of one site.
#[derive(Debug, Clone, Copy)]
pub struct Links<'a> {
    /// Site of the pages.
    pub site: &'a Site,
    /// Signer of the tokens.
    pub signer: &'a Signer,
}

impl Links<'_> {
    /// Returns the unsubscribe link (RFC 8058), which is valid for ever.
    pub fn unsubscribe(&self, id: SubscriberId) -> String {
        let of = LinkHolder { id, generation: 0 };
        let link = self.with_token("/unsubscribe?t=", Scope::Unsubscribe, of);
        if link.len() <= HEADER_BYTES {
            link
        } else {
            self.with_token("/u/", Scope::Unsubscribe, of)
        }
    }

    /// Returns the link to the subscriber's preferences.
    pub fn preferences(&self, of: LinkHolder) -> String {
        self.with_token("/preferences?t=", Scope::Preferences, of)
    }

    /// Returns the link that gives `thumb` to the paper in row `paper`; GET shows a page with
    /// a button, POST acts.
    pub fn feedback(&self, of: LinkHolder, paper: i64, thumb: Thumb) -> String {
        self.thumbs(of).of(paper, thumb)
    }

    /// Returns the feedback links of an issue: one signature serves all its papers.
    pub fn thumbs(&self, of: LinkHolder) -> Thumbs {
        Thumbs(self.with_token("/feedback?t=", Scope::Feedback, of))
    }

    /// Returns the link to one of the subscriber's issues.
    pub fn issue(&self, of: LinkHolder, local_date: NaiveDate) -> String {
        let page = self.with_token("/issues/", Scope::View, of);
        format!("{page}?d={local_date}")
    }

    /// Returns the link to the subscriber's private Atom feed.
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

/// Addresses of ours for returned mail; a token in each identifies the delivery.
#[derive(Debug, Clone, Default)]
pub struct ReturnAddresses {
    /// Address of reports, used as `local+TOKEN@domain` (VERP); without it they go to the
    /// sender's address.
    pub bounce: Option<Address>,
    /// Address of unsubscribe mails, used as `local+TOKEN@domain`.
    pub unsubscribe: Option<Address>,
}

impl ReturnAddresses {
    /// Returns the unsubscribe address as a link.
    pub fn unsubscribe_mailto(&self, token: &str) -> Option<String> {
        let address = self.unsubscribe.as_ref()?;
        Some(format!("mailto:{}", tagged(address, token)))
    }

    /// Returns the envelope sender of the delivery with this token, if there is an address of
    /// reports.
    pub fn envelope_sender(&self, token: &str) -> Option<String> {
        self.bounce.as_ref().map(|address| tagged(address, token))
    }
}

/// Returns `local+TOKEN@domain`.
fn tagged(address: &Address, token: &str) -> String {
    let (local, domain) = address
        .as_str()
        .rsplit_once('@')
        .unwrap_or((address.as_str(), ""));
    format!("{local}+{token}@{domain}")
}
