//! Parses a mail that came back into a [`Report`]. Pure.
//!
//! The machine's parts are read first (RFC 3464, RFC 5965), prose only where
//! there is none. Nothing here knows whether a report is about a mail of ours.

mod arf;
mod auto_reply;
mod detection;
mod dsn;
mod headers;
mod leave_request;
mod mime;
mod notice;
mod returned_mail;
pub mod ses;

pub use arf::Complaint;
pub use dsn::{DsnAction, FailedRecipient};
pub use headers::Headers;
pub use mime::MAIL_BYTES_MAX;

use crate::refusal::{EnhancedCode, addresses, find_command, find_reply, gives_reason, start_of};
use mime::{Part, parts, tidied};

/// The kind of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportKind {
    /// A server tells what became of a mail.
    Delivery(Vec<FailedRecipient>),
    /// A person or a provider complains.
    Complaint(Vec<Complaint>),
    /// A machine answers.
    AutoReply,
    /// A person wants to leave.
    Leaving,
    /// Anything else.
    Other,
}

/// A mail that came back, as far as it can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The kind of mail.
    pub kind: ReportKind,
    /// Its own headers.
    pub headers: Headers,
    /// The headers of the mail that it is about, where it quotes them.
    pub returned: Headers,
}

impl Report {
    /// The addresses that it was sent to, where the headers say so.
    pub fn sent_to(&self) -> Vec<String> {
        sent_to(&self.headers)
    }

    /// The identifier of the mail that it is about, without angle brackets.
    pub fn returned_message_id(&self) -> Option<&str> {
        self.returned.get("message-id").and_then(bare_id)
    }

    /// The envelope sender of the mail that it is about, as complaints quote it.
    pub fn mail_from(&self) -> impl Iterator<Item = &str> {
        let complaints = match &self.kind {
            ReportKind::Complaint(complaints) => complaints.as_slice(),
            _ => &[],
        };
        complaints
            .iter()
            .filter_map(|complaint| complaint.mail_from.as_deref())
    }

    /// Its own identifier, without angle brackets.
    pub fn message_id(&self) -> Option<&str> {
        self.headers.get("message-id").and_then(bare_id)
    }
}

fn bare_id(value: &str) -> Option<&str> {
    let inner = value.split_once('<').map_or(value, |(_, rest)| rest);
    let inner = inner.split_once('>').map_or(inner, |(id, _)| id).trim();
    (!inner.is_empty() && inner.len() <= 998).then_some(inner)
}

fn sent_to(headers: &Headers) -> Vec<String> {
    let names = [
        "x-original-to",
        "delivered-to",
        "envelope-to",
        "x-envelope-to",
        "to",
        "apparently-to",
        "cc",
        "x-forwarded-to",
    ];
    let mut all: Vec<String> = Vec::new();
    for value in names.iter().flat_map(|name| headers.all(name)) {
        for (start, end) in addresses::addresses(value).take(50) {
            let address = &value[start..end];
            if all.len() < 100 && !all.iter().any(|known| addresses::is_same(known, address)) {
                all.push(address.to_owned());
            }
        }
    }
    all
}

/// Reads a mail.
pub fn read(mail: &[u8]) -> Report {
    let mail = tidied(mail);
    let outer = read_one(&mail);
    // Some gateways wrap the report that they were given into one of their own, which says less.
    let says_nothing = match &outer.kind {
        ReportKind::Delivery(failures) => failures
            .iter()
            .all(|one| one.status.is_none() && one.reply.is_none()),
        ReportKind::Other => true,
        _ => false,
    };
    if says_nothing
        && outer
            .returned
            .parameter("content-type", "report-type")
            .is_some_and(|kind| kind.eq_ignore_ascii_case("delivery-status"))
    {
        let (_, parts) = parts(&mail);
        if let Some(inner) = parts
            .iter()
            .rev()
            .find(|part| HOLDERS.contains(&part.kind.as_str()))
        {
            let inner = read_one(&tidied(&inner.bytes()));
            if matches!(inner.kind, ReportKind::Delivery(_)) {
                return Report {
                    headers: outer.headers,
                    ..inner
                };
            }
        }
    }
    outer
}

fn read_one(mail: &[u8]) -> Report {
    let (headers, parts) = parts(mail);
    let returned = returned_headers(&parts);
    if let Some(report) = by_machine(&headers, &parts, &returned) {
        return report;
    }
    // A report in prose is text, or text and the returned mail; HTML alone is read as its text.
    let prose = prose(&parts);
    if let Some(Report { kind, returned, .. }) = ses::in_text(&prose) {
        return Report {
            kind,
            headers,
            returned,
        };
    }
    let mut pasted = pasted(&prose);
    explain(&mut pasted, returned_mail::split(&prose).0, &returned);
    let may_paste = !auto_reply::is_bulk(&headers) || detection::is_of_system(&headers);
    if !pasted.is_empty() && may_paste {
        return Report {
            kind: ReportKind::Delivery(pasted),
            headers,
            returned,
        };
    }
    let (notice_text, below) = returned_mail::split(&prose);
    let returned = if returned.is_empty() {
        returned_mail::headers(below)
    } else {
        returned
    };
    let is_report = detection::is_report(&headers, notice_text, &returned, &sent_to(&headers));
    let machine_reply = auto_reply::is_reply(&headers) || auto_reply::is_answer(&headers);
    let kind = if is_report && (!machine_reply || quotes_a_failure(&headers, notice_text)) {
        let mut failures = notice::recipients(&headers, notice_text, &returned, &sent_to(&headers));
        if detection::is_delay(&headers, notice_text) {
            for failure in &mut failures {
                failure.action = DsnAction::Delayed;
            }
        }
        ReportKind::Delivery(failures)
    } else if auto_reply::is_reply(&headers) || auto_reply::is_of_a_machine(&headers) {
        ReportKind::AutoReply
    } else if leave_request::is_request(&headers, &prose) {
        ReportKind::Leaving
    } else {
        ReportKind::Other
    };
    Report {
        kind,
        headers,
        returned,
    }
}

/// Whether an automatic answer is about a mail that did not arrive: Exim marks its reports as
/// answers.
fn quotes_a_failure(headers: &Headers, notice: &str) -> bool {
    let from = headers.decoded("from").unwrap_or_default().to_lowercase();
    let is_daemon = [
        "mailer-daemon",
        "mail delivery",
        "postmaster",
        "post_master",
        "post_office",
        "mail system",
    ]
    .iter()
    .any(|name| from.contains(name));
    headers.has("x-failed-recipients")
        || is_daemon
        || (EnhancedCode::find(notice).is_some() && find_reply(notice).is_some())
}

/// Reads the parts for machines, if there are any.
fn by_machine(headers: &Headers, parts: &[Part<'_>], returned: &Headers) -> Option<Report> {
    let complaints: Vec<Complaint> = parts
        .iter()
        .filter(|part| part.kind == "message/feedback-report")
        .map(|part| arf::complaint(&part.text()))
        .collect();
    let report = |kind| {
        Some(Report {
            kind,
            headers: headers.clone(),
            returned: returned.clone(),
        })
    };
    // Microsoft's Junk Mail Reporting Program sends the mail back with its reader's address, and no
    // report.
    let complainers: Vec<String> = returned
        .all("x-hmxmroriginalrecipient")
        .filter_map(|value| addresses::first(value).map(str::to_owned))
        .collect();
    if complaints.is_empty()
        && !complainers.is_empty()
        && !parts.iter().any(|part| part.kind.ends_with("-status"))
    {
        let complaint = Complaint {
            kind: "abuse".to_owned(),
            recipients: complainers,
            mail_from: None,
        };
        return report(ReportKind::Complaint(vec![complaint]));
    }
    if !complaints.is_empty() {
        return report(ReportKind::Complaint(complaints));
    }
    let is_receipt = headers
        .parameter("content-type", "report-type")
        .is_some_and(|kind| kind.eq_ignore_ascii_case("disposition-notification"));
    let receipts: Vec<&Part<'_>> = parts
        .iter()
        .filter(|part| part.kind == "message/disposition-notification")
        .collect();
    // A receipt that says "rejected": Dovecot's way to refuse after the server took it.
    let refuses = (is_receipt || !receipts.is_empty())
        && prose(parts)
            .to_lowercase()
            .contains("automatically rejected");
    if (is_receipt || !receipts.is_empty()) && !refuses {
        return report(ReportKind::AutoReply);
    }
    let statuses = parts
        .iter()
        .filter(|part| part.kind.ends_with("delivery-status"));
    let mut failures: Vec<FailedRecipient> = statuses
        .chain(receipts.iter().copied())
        .flat_map(|part| dsn::recipients(&part.text()))
        .collect();
    if failures.is_empty() {
        return None;
    }
    let prose = prose(parts);
    let (notice, _) = returned_mail::split(&prose);
    explain(&mut failures, notice, returned);
    report(ReportKind::Delivery(failures))
}

/// Adds what the notice for people tells, where the part for machines says little.
fn explain(failures: &mut [FailedRecipient], notice: &str, returned: &Headers) {
    let is_only = failures.len() == 1;
    for failure in failures.iter_mut().take(100) {
        if failure.recipient.is_none() && is_only {
            let below = notice::recipients(&Headers::default(), notice, returned, &[]);
            failure.recipient = below.into_iter().next().and_then(|one| one.recipient);
        }
        let from = failure
            .recipient
            .as_deref()
            .and_then(|address| notice.find(address));
        let said = match from {
            Some(at) if !is_only => &notice[at..],
            _ if is_only => notice,
            _ => continue,
        };
        let said = start_of(said, 3_000);
        failure.command = failure.command.or_else(|| find_command(said));
        let tells =
            failure.diagnostic.split_whitespace().count() >= 3 || gives_reason(&failure.diagnostic);
        if tells || failure.action == DsnAction::Delivered {
            continue;
        }
        let joined = format!("{} {said}", failure.diagnostic);
        joined.trim().clone_into(&mut failure.diagnostic);
        failure.reply = failure.reply.or_else(|| find_reply(said));
        if failure.status.is_none_or(EnhancedCode::says_nothing) {
            failure.status = EnhancedCode::find(said).or(failure.status);
        }
    }
}

/// A delivery-status part that was pasted, forwarded or quoted as text.
fn pasted(prose: &str) -> Vec<FailedRecipient> {
    let lower = prose.to_ascii_lowercase();
    if !(lower.contains("final-recipient:") && lower.contains("action:")) {
        return Vec::new();
    }
    let plain: Vec<&str> = prose
        .lines()
        .map(|line| line.trim_start_matches(['>', '|', ' ']))
        .collect();
    dsn::recipients(&plain.join("\n"))
}

/// The text for people.
fn prose(parts: &[Part<'_>]) -> String {
    let mut text = String::new();
    for part in parts
        .iter()
        .filter(|part| part.kind == "text/plain" || part.kind == "text")
        .take(3)
    {
        text.push_str(&part.text());
        text.push('\n');
    }
    if text.trim().is_empty() {
        text = parts
            .iter()
            .find(|part| part.kind == "text/html")
            .map(Part::text)
            .unwrap_or_default();
    }
    text
}

/// The kinds of parts that hold a mail, or its headers (RFC 6522 section 3, RFC 6532).
const HOLDERS: [&str; 6] = [
    "message/rfc822",
    "text/rfc822-headers",
    "message/rfc822-headers",
    "message/global",
    "message/global-headers",
    "text/rfc822",
];

/// The headers of the returned mail, from the part that holds it.
fn returned_headers(parts: &[Part<'_>]) -> Headers {
    let part = parts
        .iter()
        .rev()
        .find(|part| HOLDERS.contains(&part.kind.as_str()));
    part.map(|part| Headers::split(&part.bytes()).0)
        .unwrap_or_default()
}
