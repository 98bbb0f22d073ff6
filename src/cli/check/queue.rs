//! The mail that waits: for how long, and for whom.

use super::{Finding, Verdict, finding};
use crate::cli::context::{CliContext, now};
use crate::config::Config;
use crate::store::DeliveryState;
use chrono::TimeDelta;

/// Mail that could have been sent this long ago is stuck: relays ask for less when they greylist.
const STUCK: TimeDelta = TimeDelta::hours(1);

pub(super) fn check(config: &Config) -> Vec<Finding> {
    // Without a database nothing waits, and that is said elsewhere.
    let Ok(db) = CliContext::db(config) else {
        return Vec::new();
    };
    let now = now();
    let read = db.run_here(|store| {
        Ok::<_, crate::store::StoreError>((
            store.count_deliveries()?,
            store.oldest_due(now)?,
            store.relay_pauses()?,
            store.sender()?,
        ))
    });
    let Ok((counts, oldest_due, pauses, sender)) = read else {
        return Vec::new();
    };
    let count = |wanted: DeliveryState| {
        counts
            .iter()
            .filter(|(state, _)| *state == wanted)
            .map(|(_, n)| n)
            .sum::<u64>()
    };
    let mut findings = Vec::new();
    for (relay, pause) in pauses
        .iter()
        .filter(|(_, pause)| pause.refuses_us && pause.until > now)
    {
        let text = format!(
            "{relay} refuses all mail from us until further notice ({}): look at the login, SPF, DKIM, DMARC, PTR and \
             block lists; mail waits meanwhile",
            pause.reason
        );
        findings.push(finding("outbox", Verdict::Fail, text));
    }
    let waiting = count(DeliveryState::Rendered) + count(DeliveryState::Deferred);
    match oldest_due {
        Some(since) if now - since > STUCK => {
            let nobody = sender.is_none_or(|lease| lease.until < now);
            let remedy = if nobody {
                "nobody sends it: start the service (`paperboy run`)"
            } else {
                "the lines on the relay say why; if there is nothing, it takes mail too slowly (smtp.connections, per_hour)"
            };
            let since = since.format("%Y-%m-%d %H:%M UTC");
            findings.push(finding(
                "outbox",
                Verdict::Fail,
                format!("{waiting} mails wait, due since {since}: {remedy}"),
            ));
        }
        _ => {
            let text = format!("{waiting} mails wait, none for longer than an hour");
            findings.push(finding("outbox", Verdict::Ok, text));
        }
    }
    let held = count(DeliveryState::Held);
    if held > 0 {
        let text = format!(
            "{held} mails are held for you to decide, since the server may have them: `paperboy outbox list --state held`, \
             then `outbox retry` or `outbox drop`"
        );
        findings.push(finding("outbox", Verdict::Warn, text));
    }
    findings
}
