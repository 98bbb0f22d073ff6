//! Finds proof in a report that it is about a mail of ours. Pure.
//!
//! Anybody can write a report, so an address is never suppressed on its word alone: the report must
//! carry a secret of that mail, a signed token or the Message-ID (which is keyed, too), or come
//! from a provider that has signed it.

use super::report::Report;
use super::settings::InboundSettings;
use crate::subscriber::{Address, SubscriberId};
use crate::token::{Scope, Signer};

/// The envelope of a report, and its channel.
#[derive(Debug, Clone, Default)]
pub struct Envelope {
    /// The envelope recipients, if the mail server gives them.
    pub to: Vec<String>,
    /// `mail`, `ses`, `postmark`, …
    pub source: ReportChannel,
}

/// The channel by which a report came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReportChannel {
    /// A mail.
    #[default]
    Mail,
    /// A provider's signed webhook; it names the recipient truly.
    Provider(&'static str),
}

impl ReportChannel {
    /// The word that is stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            ReportChannel::Mail => "mail",
            ReportChannel::Provider(name) => name,
        }
    }
}

/// The proofs in a report, the strongest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    /// The delivery whose signed token it carries.
    pub delivery: Option<i64>,
    /// The subscriber whose signed token for leaving stands in the returned mail.
    pub subscriber: Option<SubscriberId>,
    /// The subscriber whose signed token stands in the address that it was sent to.
    pub leaver: Option<SubscriberId>,
    /// Message-IDs of the mail that it is about or answers, without angle brackets.
    pub message_ids: Vec<String>,
    /// Whether it came to one of our addresses for such mail.
    pub is_to_us: bool,
}

impl Evidence {
    /// Whether the report is for us.
    pub fn is_any(&self) -> bool {
        self.delivery.is_some()
            || self.subscriber.is_some()
            || self.leaver.is_some()
            || self.is_to_us
    }
}

/// Tokens that are tried: a header of ten thousand addresses is nobody's.
const TOKENS_MAX: usize = 200;
const MESSAGE_IDS_MAX: usize = 20;

/// Collects the proofs in `report`.
pub fn evidence(
    report: &Report,
    envelope: &Envelope,
    settings: &InboundSettings,
    signer: &Signer,
) -> Evidence {
    let mut to = envelope.to.clone();
    to.extend(report.sent_to());
    let mut found = Evidence::default();
    for address in to.iter().take(TOKENS_MAX) {
        let (local, token, domain) = parts(address);
        if let Some(token) = token {
            found.delivery = found
                .delivery
                .or_else(|| signer.verify(Scope::Bounce, token).ok());
            let leaver = signer
                .verify(Scope::Unsubscribe, token)
                .ok()
                .map(SubscriberId);
            found.leaver = found.leaver.or(leaver);
        }
        let is_ours = |ours: &Option<Address>| {
            ours.as_ref().is_some_and(|ours| {
                let (our_local, _, our_domain) = parts(ours.as_str());
                local.eq_ignore_ascii_case(our_local) && domain.eq_ignore_ascii_case(our_domain)
            })
        };
        found.is_to_us |=
            is_ours(&settings.addresses.bounce) || is_ours(&settings.addresses.unsubscribe);
    }
    // The returned mail quotes its envelope sender and the links to unsubscribe.
    let senders = [
        "return-path",
        "x-original-mail-from",
        "x-envelope-from",
        "errors-to",
        "x-original-sender",
    ];
    let quoted = senders
        .iter()
        .flat_map(|name| report.returned.all(name))
        .chain(report.mail_from());
    for value in quoted.take(TOKENS_MAX) {
        let token = parts(value.trim().trim_matches(['<', '>'])).1;
        found.delivery = found
            .delivery
            .or_else(|| token.and_then(|token| signer.verify(Scope::Bounce, token).ok()));
    }
    for value in report.returned.all("list-unsubscribe").take(5) {
        for word in value
            .split(|c: char| !c.is_ascii_alphanumeric())
            .take(TOKENS_MAX)
        {
            let id = signer
                .verify(Scope::Unsubscribe, word)
                .ok()
                .map(SubscriberId);
            found.subscriber = found.subscriber.or(id);
        }
    }
    let ids = report.returned_message_id().into_iter().map(str::to_owned);
    let answered = [
        "in-reply-to",
        "references",
        "original-message-id",
        "x-original-message-id",
        "x-ms-exchange-parent-message-id",
    ];
    let answered = answered.iter().flat_map(|name| report.headers.all(name));
    let answered = answered
        .flat_map(|value| value.split(['<', '>', ' ', ',']))
        .filter(|id| id.contains('@'))
        .map(str::to_owned);
    found.message_ids = ids.chain(answered).take(MESSAGE_IDS_MAX).collect();
    found
}

/// Splits `local+token@domain`.
fn parts(address: &str) -> (&str, Option<&str>, &str) {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    match local.split_once('+') {
        Some((local, token)) => (local, Some(token), domain),
        None => (local, None, domain),
    }
}
