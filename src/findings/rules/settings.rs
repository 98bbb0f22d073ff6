//! Findings about settings that are valid but lose, leak or miss something. Pure.

use crate::findings::finding::Finding;
use crate::findings::kind::{FindingKind, Severity};
use std::path::PathBuf;

/// The network from which an address can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// This machine.
    Loopback,
    /// A private network.
    Private,
    /// The internet.
    Public,
}

/// The destination of mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailTarget {
    /// A folder.
    Folder(PathBuf),
    /// A relay, by an encrypted connection or on this machine.
    Relay,
    /// Another machine by an unencrypted connection.
    PlaintextRelay(String),
}

/// The settings that findings are decided from.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent settings, each read by one rule"
)]
pub struct SettingsFacts {
    /// `site.base_url`.
    pub base_url: String,
    /// The host in `base_url`.
    pub host: String,
    /// The network from which that host can be reached.
    pub reach: Reach,
    /// Whether `base_url` may be plain HTTP.
    pub allow_http: bool,
    /// Domain of `site.from`.
    pub from_domain: String,
    /// Domain of `site.contact`.
    pub contact_domain: String,
    /// The destination of mail.
    pub mail: MailTarget,
    /// Whether any source is configured.
    pub has_source: bool,
    /// Secret files that other users may read, and whether they can reach them and we could
    /// change that.
    pub readable_secrets: Vec<(PathBuf, bool)>,
    /// The address of the operator's pages, if it is not loopback and has no TLS.
    pub plaintext_admin: Option<String>,
    /// Whether there is an address for bounces.
    pub has_bounce_address: bool,
    /// Whether there is an address for unsubscribe mail.
    pub has_unsubscribe_address: bool,
    /// `dkim.domain`, if mail is signed here.
    pub dkim_domain: Option<String>,
}

/// Finds settings that lose, leak or miss something. The service does not start with a
/// [`Severity::Fail`]: mail would be lost or leak. A relay or name server that is down is not among
/// them.
pub fn decide(facts: &SettingsFacts) -> Vec<Finding> {
    let mut found: Vec<Finding> = links(facts).into_iter().collect();
    found.extend(examples(facts));
    found.extend(mail(facts));
    if !facts.has_source {
        let what = "no [[source]]: papers come by `papers import` only";
        let remedy = "add a [[source]] to fetch papers daily";
        found.push(Finding::new(FindingKind::NoSource, what, remedy));
    }
    for (path, is_exposed) in &facts.readable_secrets {
        let path = path.display();
        let what = format!("{path} holds a secret and every user of this machine can read it");
        let severity = if *is_exposed {
            Severity::Fail
        } else {
            Severity::Warn
        };
        found.push(
            Finding::new(
                FindingKind::SecretReadable,
                what,
                &format!("run `chmod o= {path}`"),
            )
            .severity(severity),
        );
    }
    if let Some(address) = &facts.plaintext_admin {
        let what = format!(
            "web.admin_listen = \"{address}\": the operator's password travels unencrypted"
        );
        let remedy = "use 127.0.0.1 and a proxy or an SSH tunnel, or tls_cert_file";
        found.push(Finding::new(FindingKind::PlaintextAdmin, what, remedy));
    }
    found.sort_by_key(|finding| finding.severity);
    found
}

fn links(facts: &SettingsFacts) -> Option<Finding> {
    let base_url = &facts.base_url;
    if facts.reach == Reach::Loopback {
        let what =
            format!("site.base_url = {base_url:?}: links in mails work on this machine only");
        let remedy = "put in the address that readers use";
        return Some(Finding::new(FindingKind::LocalLinks, what, remedy));
    }
    if !base_url.starts_with("http:") {
        return None;
    }
    let is_permitted = facts.reach == Reach::Private || is_example(&facts.host) || facts.allow_http;
    Some(if is_permitted {
        let what = format!(
            "site.base_url = {base_url:?}: mail programs offer one-click unsubscription over https \
             only (RFC 8058)"
        );
        let remedy = "serve the pages by https";
        Finding::new(FindingKind::InsecureLinks, what, remedy).severity(Severity::Warn)
    } else {
        let what = format!(
            "site.base_url = {base_url:?}: anybody on the way can read the links in mails and act \
             for your readers"
        );
        let remedy = "serve the pages by https and write https:// (site.allow_http = true permits \
                      it as it is)";
        Finding::new(FindingKind::InsecureLinks, what, remedy)
    })
}

fn examples(facts: &SettingsFacts) -> Vec<Finding> {
    let settings = [
        ("base_url", &facts.host),
        ("from", &facts.from_domain),
        ("contact", &facts.contact_domain),
    ];
    let examples = settings
        .into_iter()
        .filter(|(_, domain)| is_example(domain));
    examples
        .map(|(key, domain)| {
            let what = format!("site.{key} is at {domain}, a domain for documentation");
            Finding::new(FindingKind::ExampleSetting, what, "put in your own").about(key)
        })
        .collect()
}

fn mail(facts: &SettingsFacts) -> Vec<Finding> {
    let mut found = Vec::new();
    match &facts.mail {
        MailTarget::Relay => {}
        MailTarget::Folder(path) => {
            let what = format!("no [smtp]: mail goes to the folder {} only", path.display());
            let remedy = "fill in [smtp] to send mail";
            found.push(Finding::new(FindingKind::NoRelay, what, remedy));
        }
        MailTarget::PlaintextRelay(host) => {
            let what = format!("smtp.security = \"none\": mail travels unencrypted to {host}");
            let remedy = "use starttls or tls";
            found.push(Finding::new(FindingKind::PlaintextRelay, what, remedy));
        }
    }
    if !facts.has_bounce_address {
        let what =
            "no inbound.bounce_address: reports of undeliverable mail go unread to site.from";
        let remedy = "fill it in, with a way to read it ([inbound] maildir, imap or lmtp)";
        found.push(Finding::new(FindingKind::NoBounceAddress, what, remedy));
    }
    if !facts.has_unsubscribe_address {
        let what = "no inbound.unsubscribe_address: readers can unsubscribe on the web only";
        let remedy = "fill it in to offer unsubscription by mail";
        found.push(Finding::new(
            FindingKind::NoUnsubscribeAddress,
            what,
            remedy,
        ));
    }
    // RFC 7489 section 3.1.1: one domain must be the other or lie below it.
    let from = &facts.from_domain;
    let unaligned = facts
        .dkim_domain
        .as_ref()
        .filter(|domain| !lies_within(from, domain) && !lies_within(domain, from));
    if let Some(domain) = unaligned {
        let what = format!(
            "dkim.domain = {domain:?}: DMARC does not count its signature for mail from {from}"
        );
        let remedy = "sign with the domain of site.from";
        found.push(Finding::new(FindingKind::DkimUnaligned, what, remedy));
    }
    found
}

fn lies_within(domain: &str, parent: &str) -> bool {
    let (domain, parent) = (domain.to_lowercase(), parent.to_lowercase());
    let above = domain.strip_suffix(&parent);
    above.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Domains for documentation: RFC 2606 section 3 and RFC 6761 section 6.5.
fn is_example(domain: &str) -> bool {
    ["example.org", "example.com", "example.net", "example"]
        .iter()
        .any(|example| lies_within(domain, example))
}
