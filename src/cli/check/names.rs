//! Checks the DNS records about the mail: SPF, DKIM, DMARC, MX and PTR.

use super::{CheckLine, Level, line};
use crate::config::Config;
use crate::digest::{DkimSigner, DnsRecord};
use crate::dns::{DnsError, RecordData, RecordType, Resolver, reverse_name};
use crate::outbox::{SmtpSettings, Transport};
use crate::random::{Random, SystemChance};
use std::net::IpAddr;

/// The resolver, and the randomness of its questions.
pub(super) struct DnsCheck<'a> {
    resolver: &'a Resolver,
    random: SystemChance,
}

type DnsResult<T> = Result<T, DnsError>;

/// Checks every record that a receiver of the mail looks up.
pub(super) async fn check(
    config: &Config,
    signer: Option<&DkimSigner>,
    resolver: &Resolver,
) -> Vec<CheckLine> {
    let Transport::Smtp(smtp) = &config.transport else {
        return vec![line(
            "dns",
            Level::Ok,
            "not asked: no mail leaves this machine".to_owned(),
        )];
    };
    let dns = DnsCheck {
        resolver,
        random: SystemChance::new(),
    };
    let from = config.site.mail_domain().to_lowercase();
    let bounces = config
        .inbound
        .addresses
        .bounce
        .as_ref()
        .map_or(from.clone(), |address| address.domain().to_lowercase());
    let mut lines = vec![said(dns.spf(&bounces).await)];
    for record in signer.map(DkimSigner::records).unwrap_or_default() {
        lines.push(said(dns.dkim(&record).await));
    }
    lines.push(said(dns.dmarc(&from).await));
    let reports = config
        .inbound
        .addresses
        .bounce
        .iter()
        .chain(&config.inbound.addresses.unsubscribe);
    let mut domains: Vec<String> = reports
        .map(|address| address.domain().to_lowercase())
        .collect();
    if domains.is_empty() {
        domains.push(bounces);
    }
    domains.dedup();
    for domain in domains {
        lines.push(said(dns.mx(&domain).await));
    }
    lines.extend(
        dns.ptr(smtp)
            .await
            .map_err(unasked)
            .unwrap_or_else(|line| vec![line]),
    );
    // If no name server answers, one line is enough.
    lines.dedup_by(|later, earlier| later.what == "dns" && later.text == earlier.text);
    lines
}

fn said(asked: DnsResult<CheckLine>) -> CheckLine {
    asked.unwrap_or_else(unasked)
}

#[expect(clippy::needless_pass_by_value, reason = "it ends here")]
fn unasked(error: DnsError) -> CheckLine {
    let text = format!(
        "{error}; look at the network and at /etc/resolv.conf, or name another server with --dns"
    );
    line("dns", Level::Warn, text)
}

impl DnsCheck<'_> {
    async fn ask(&self, name: &str, kind: RecordType) -> DnsResult<Vec<RecordData>> {
        self.resolver
            .ask(name, kind, &self.random as &dyn Random)
            .await
    }

    /// The texts of `name` that begin with the tag `version`.
    async fn texts(&self, name: &str, version: &str) -> DnsResult<Vec<String>> {
        let texts = self
            .ask(name, RecordType::Txt)
            .await?
            .into_iter()
            .filter_map(|record| match record {
                RecordData::Text(text) => Some(text),
                _ => None,
            });
        let begins = |text: &String| {
            let head: String = text
                .chars()
                .filter(|c| !c.is_whitespace())
                .take(version.len())
                .collect();
            head.eq_ignore_ascii_case(version)
        };
        Ok(texts.filter(begins).collect())
    }

    async fn addresses(&self, name: &str) -> DnsResult<Vec<IpAddr>> {
        let mut records = self.ask(name, RecordType::A).await?;
        records.extend(self.ask(name, RecordType::Aaaa).await?);
        Ok(records
            .into_iter()
            .filter_map(|r| {
                if let RecordData::Address(address) = r {
                    Some(address)
                } else {
                    None
                }
            })
            .collect())
    }

    async fn spf(&self, domain: &str) -> DnsResult<CheckLine> {
        let found = self.texts(domain, "v=spf1").await?;
        let (verdict, text) = match found.as_slice() {
            [] => (
                Level::Fail,
                format!(
                    "{domain} has no SPF record, so many servers refuse or junk the mail; publish a TXT record like \
                     \"v=spf1 a mx -all\", or the one that your relay's manual gives"
                ),
            ),
            [one]
                if one
                    .to_lowercase()
                    .split_whitespace()
                    .any(|term| term == "+all" || term == "all") =>
            {
                (
                    Level::Fail,
                    format!(
                        "{domain} has {one:?}, which lets everybody send in its name: end it with -all or ~all"
                    ),
                )
            }
            [one] => (
                Level::Ok,
                format!("{domain} has {one:?}: your relay must be among these"),
            ),
            several => (
                Level::Fail,
                format!(
                    "{domain} has {} SPF records, so none counts (RFC 7208 section 4.5): make them one",
                    several.len()
                ),
            ),
        };
        Ok(line("spf", verdict, text))
    }

    async fn dkim(&self, ours: &DnsRecord) -> DnsResult<CheckLine> {
        let name = &ours.name;
        let found = self
            .ask(name, RecordType::Txt)
            .await?
            .into_iter()
            .find_map(|record| match record {
                RecordData::Text(text) => Some(text),
                _ => None,
            });
        let wanted = tag(&ours.value, "p");
        let (verdict, text) = match found.as_deref().map(|text| tag(text, "p")) {
            None => (
                Level::Fail,
                format!("there is no {name}, so no signature counts; publish {ours}"),
            ),
            Some(key) if key == wanted => (Level::Ok, format!("{name} holds the key that signs")),
            Some(key) if key.as_deref() == Some("") => (
                Level::Fail,
                format!("{name} is revoked (an empty p=), so no signature counts; publish {ours}"),
            ),
            Some(_) => (
                Level::Fail,
                format!("{name} holds another key than the one that signs; publish {ours}"),
            ),
        };
        Ok(line("dkim", verdict, text))
    }

    async fn dmarc(&self, from: &str) -> DnsResult<CheckLine> {
        // A domain without a record has that of its organisation (RFC 7489 section 6.6.3). The
        // list of organisational domains changes, so all parents with two labels are asked.
        let mut domain = from;
        loop {
            let name = format!("_dmarc.{domain}");
            match self.texts(&name, "v=DMARC1").await?.as_slice() {
                [] => {}
                [one] => {
                    let policy = tag(one, "p").unwrap_or_default();
                    return Ok(match policy.as_str() {
                        "none" | "quarantine" | "reject" => {
                            line("dmarc", Level::Ok, format!("{name} has {one:?}"))
                        }
                        _ => line(
                            "dmarc",
                            Level::Warn,
                            format!(
                                "{name} has {one:?}, which has no policy: add p=none, p=quarantine or p=reject"
                            ),
                        ),
                    });
                }
                _ => {
                    let text = format!(
                        "{name} has more than one DMARC record, so none counts: make them one"
                    );
                    return Ok(line("dmarc", Level::Fail, text));
                }
            }
            match domain.split_once('.') {
                Some((_, parent)) if parent.contains('.') => domain = parent,
                _ => break,
            }
        }
        let text = format!(
            "_dmarc.{from} has no record, and large providers ask for one; publish a TXT record \"v=DMARC1; p=none\""
        );
        Ok(line("dmarc", Level::Warn, text))
    }

    async fn mx(&self, domain: &str) -> DnsResult<CheckLine> {
        let mut servers: Vec<(u16, String)> = Vec::new();
        for record in self.ask(domain, RecordType::Mx).await? {
            if let RecordData::Mx(preference, server) = record {
                servers.push((preference, server));
            }
        }
        servers.sort();
        let lost = "reports and unsubscribe mails to it are lost";
        let (verdict, text) = match servers.first() {
            Some((_, server)) if server.is_empty() => (
                Level::Fail,
                format!(
                    "{domain} says that it takes no mail (RFC 7505): {lost}; give it an MX record"
                ),
            ),
            Some((_, server)) if self.addresses(server).await?.is_empty() => (
                Level::Fail,
                format!("{domain} has its mail taken by {server}, which has no address: {lost}"),
            ),
            Some((_, server)) => (Level::Ok, format!("mail to {domain} is taken by {server}")),
            // RFC 5321 section 5.1: without MX records the domain itself takes the mail.
            None if self.addresses(domain).await?.is_empty() => (
                Level::Fail,
                format!("{domain} has neither MX record nor address: {lost}; give it an MX record"),
            ),
            None => (
                Level::Warn,
                format!(
                    "{domain} has no MX record, so mail goes to the machine of that name itself"
                ),
            ),
        };
        Ok(line("mx", verdict, text))
    }

    /// Checks that the relay's name and its addresses lead to each other, as Gmail requires.
    async fn ptr(&self, smtp: &SmtpSettings) -> DnsResult<Vec<CheckLine>> {
        let is_here = smtp
            .host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
            || smtp.host == "localhost";
        let name = match &smtp.hello_name {
            Some(name) if is_here => name,
            _ if is_here => {
                let text = "the relay is this machine: put its public name into smtp.hello_name to have it checked";
                return Ok(vec![line("ptr", Level::Ok, text.to_owned())]);
            }
            _ => &smtp.host,
        };
        let addresses = match name.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => self.addresses(name).await?,
        };
        if addresses.is_empty() {
            return Ok(vec![line(
                "ptr",
                Level::Warn,
                format!("{name} has no address in DNS"),
            )]);
        }
        let mut lines = Vec::new();
        for address in addresses {
            let mut names = Vec::new();
            for record in self.ask(&reverse_name(address), RecordType::Ptr).await? {
                if let RecordData::Name(name) = record {
                    names.push(name);
                }
            }
            let mut leads_back = false;
            for name in &names {
                leads_back |= self.addresses(name).await?.contains(&address);
            }
            // A provider may send from other machines than those that take mail from us.
            let (verdict, text) = match names.first() {
                None => (
                    Level::Warn,
                    format!(
                        "{address} has no name (PTR): if it is what sends to the world, have its network publish one"
                    ),
                ),
                Some(named) if leads_back => (Level::Ok, format!("{address} is {named}, and back")),
                Some(named) => (
                    Level::Warn,
                    format!(
                        "{address} is called {named}, which does not lead back to it: make the two agree"
                    ),
                ),
            };
            lines.push(line("ptr", verdict, text));
        }
        Ok(lines)
    }
}

/// The value of a tag in a list of them (RFC 6376 section 3.2), without spaces.
fn tag(text: &str, name: &str) -> Option<String> {
    let value = text.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key.trim() == name).then_some(value)
    })?;
    Some(value.chars().filter(|c| !c.is_whitespace()).collect())
}
