//! Formats words and numbers for the operator's pages.

use crate::store::{DeliveryState, MailLine, ReportRow};
use crate::text::cut;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

/// Rows on a page of a list.
pub(super) const PAGE_ROWS: u32 = 50;

/// Longest reply of a server in a list.
const WORDS_CHARS_MAX: usize = 160;

/// `12:03` of today, else with the date.
pub(super) fn clock(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let form = if at.date_naive() == now.date_naive() {
        "%H:%M:%S"
    } else {
        "%Y-%m-%d %H:%M"
    };
    at.format(form).to_string()
}

/// `12:03:10 (5 minutes ago)`
pub(super) fn when(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!("{} ({})", clock(at, now), ago(at, now))
}

/// `5 minutes ago`, `in 2 hours`
pub(super) fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let apart = span(if at > now { at - now } else { now - at });
    match at > now {
        _ if (now - at).abs() < TimeDelta::seconds(2) => "now".to_owned(),
        true => format!("in {apart}"),
        false => format!("{apart} ago"),
    }
}

/// `5 minutes`
pub(super) fn span(time: TimeDelta) -> String {
    let (number, unit) = match time.num_seconds() {
        seconds @ ..120 => (seconds, "second"),
        seconds @ ..7_200 => (seconds / 60, "minute"),
        seconds @ ..172_800 => (seconds / 3_600, "hour"),
        seconds => (seconds / 86_400, "day"),
    };
    counted(number.max(0) as u64, unit)
}

/// `1 mail`, `12,345 mails`
pub(super) fn counted(number: u64, what: &str) -> String {
    format!(
        "{} {what}{}",
        grouped(number),
        if number == 1 { "" } else { "s" }
    )
}

/// `12,345`
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The words for a delivery's state.
pub(super) fn state_words(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Rendered => "queued",
        DeliveryState::Claimed => "in hand",
        DeliveryState::HandingOver => "being handed over",
        DeliveryState::Accepted => "sent",
        DeliveryState::Deferred => "deferred",
        DeliveryState::Rejected => "refused",
        DeliveryState::Uncertain => "uncertain",
        DeliveryState::Held => "held",
        DeliveryState::Expired => "given up",
    }
}

/// One option of a list.
#[derive(Serialize)]
pub(super) struct Choice {
    pub(super) word: &'static str,
    pub(super) text: &'static str,
    pub(super) is_chosen: bool,
}

/// A mail in a list.
#[derive(Serialize)]
pub(super) struct MailView {
    pub(super) id: i64,
    pub(super) date: String,
    pub(super) kind: String,
    pub(super) address: String,
    pub(super) subject: String,
    pub(super) state: &'static str,
    pub(super) word: &'static str,
    pub(super) attempts: u32,
    pub(super) since: String,
    pub(super) next: Option<String>,
    pub(super) said: String,
    /// Whether it can be retried, held or dropped.
    pub(super) is_open: bool,
}

impl MailView {
    pub(super) fn new(mail: &MailLine, now: DateTime<Utc>) -> Self {
        let row = &mail.row;
        MailView {
            id: row.id.0,
            date: row.local_date.to_string(),
            kind: mail.kind.clone(),
            address: row.address.clone(),
            subject: row.subject.clone(),
            state: state_words(row.state),
            word: row.state.word(),
            attempts: row.attempts,
            is_open: matches!(
                row.state,
                DeliveryState::Rendered
                    | DeliveryState::Deferred
                    | DeliveryState::Uncertain
                    | DeliveryState::Held
            ),
            since: clock(row.at, now),
            next: row.next_at.map(|next| when(next, now)),
            said: said(
                row.stage.as_deref(),
                row.code,
                row.enhanced.as_deref(),
                row.text.as_deref(),
                WORDS_CHARS_MAX,
            ),
        }
    }
}

/// The server's reply, with the SMTP command.
pub(super) fn said(
    stage: Option<&str>,
    code: Option<u16>,
    enhanced: Option<&str>,
    text: Option<&str>,
    most: usize,
) -> String {
    let parts = [
        stage.map(|stage| format!("{stage}:")),
        code.map(|code| code.to_string()),
        enhanced.map(str::to_owned),
        text.map(str::to_owned),
    ];
    cut(
        &parts.into_iter().flatten().collect::<Vec<_>>().join(" "),
        most,
    )
}

/// A report in a list.
#[derive(Serialize)]
pub(super) struct ReportView {
    at: String,
    class: String,
    why: String,
    diagnostic: String,
    source: String,
    action: String,
}

impl ReportView {
    pub(super) fn new(report: &ReportRow, now: DateTime<Utc>) -> Self {
        let why = [report.reason.as_deref(), report.status.as_deref()];
        ReportView {
            at: clock(report.at, now),
            class: report.class.clone(),
            why: why.into_iter().flatten().collect::<Vec<_>>().join(" "),
            diagnostic: report.diagnostic.clone(),
            source: report.source.clone(),
            action: report.action.clone(),
        }
    }
}

/// A query string of the pairs that are not empty.
pub(super) fn query(pairs: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty()));
    query.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_numbers_read_well() {
        let now = DateTime::from_timestamp(1_785_844_800, 0).unwrap();
        assert_eq!(ago(now - TimeDelta::seconds(90), now), "90 seconds ago");
        assert_eq!(ago(now + TimeDelta::minutes(61), now), "in 61 minutes");
        assert_eq!(ago(now - TimeDelta::hours(50), now), "2 days ago");
        assert_eq!(ago(now, now), "now");
        assert_eq!(counted(1, "mail"), "1 mail");
        assert_eq!(counted(1_234_567, "mail"), "1,234,567 mails");
        assert_eq!(grouped(100), "100");
    }
}
