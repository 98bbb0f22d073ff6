//! Takes in a report: reads it, judges it, looks up the delivery, decides and records.

use super::decide::{Action, Decision, Proof, SOFT_AMONG, decide};
use super::evidence::{Envelope, Evidence, ReportChannel, evidence};
use super::report::{Report, read};
use super::settings::InboundSettings;
use super::verdict::{Class, Verdict, verdicts};
use crate::store::{DeliveryKey, NewReport, Reported, Store, StoreError};
use crate::subscriber::{Address, SubscriberId};
use crate::token::Signer;
use chrono::{DateTime, Utc};
use ring::digest::{SHA256, digest};
use std::fmt::Write as _;

/// The number of reports on one delivery that are recorded: a holder of its token could write
/// without end.
const REPORTS_MAX: u32 = 20;

/// Recipients of one report that are looked up: our mails have one each.
const LOOKUPS_MAX: usize = 100;

/// The result of taking in a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The verdicts, one for each recipient; at least one.
    pub verdicts: Vec<Verdict>,
    /// The decision about the recipient of our delivery.
    pub decision: Decision,
    /// Whether it is for us: it came to our addresses, or is about a mail of ours.
    pub is_ours: bool,
    /// Whether it was recorded before.
    pub is_repeated: bool,
    /// The subscriber who is to be asked whether they want to leave.
    pub asks: Option<SubscriberId>,
}

/// Takes reports in.
#[derive(Debug, Clone)]
pub struct Reception {
    /// Our addresses.
    pub settings: InboundSettings,
    /// Checks our tokens.
    pub signer: Signer,
}

/// The delivery that a report is about, with the proof.
struct MatchedDelivery {
    delivery: Reported,
    proof: Proof,
}

impl Reception {
    /// Takes in a mail as it came.
    pub fn take_mail(
        &self,
        store: &mut dyn Store,
        mail: &[u8],
        envelope: &Envelope,
        dry: bool,
        now: DateTime<Utc>,
    ) -> Result<Receipt, StoreError> {
        let report = read(mail);
        let key = match report.message_id() {
            Some(id) => format!("id:{}", hex(id.as_bytes())),
            None => format!("mail:{}", hex(mail)),
        };
        self.take_report(store, &report, &key, envelope, dry, now)
    }

    /// Takes in a report that has been read. `key` is the same for the same report.
    pub fn take_report(
        &self,
        store: &mut dyn Store,
        report: &Report,
        key: &str,
        envelope: &Envelope,
        dry: bool,
        now: DateTime<Utc>,
    ) -> Result<Receipt, StoreError> {
        let proved = evidence(report, envelope, &self.settings, &self.signer);
        let all = verdicts(report);
        let mut receipt = Receipt {
            decision: Decision {
                action: Action::None,
                why: "nothing in it proves that it is about a mail of ours",
            },
            is_ours: proved.is_any(),
            is_repeated: false,
            asks: None,
            verdicts: all,
        };
        if let Some(leaving) = leaving(store, report, &receipt.verdicts, &proved)? {
            let (decision, new) = leaving;
            receipt.is_ours = true;
            receipt.decision = decision;
            if decision.action == Action::Unsubscribe {
                receipt.verdicts[0].class = Class::Unsubscribe;
            }
            if let Some(new) = new {
                receipt.asks = new
                    .subscriber
                    .filter(|_| decision.action == Action::Confirm && !dry);
                let new = NewReport {
                    key: key.to_owned(),
                    source: envelope.source.word(),
                    ..new
                };
                receipt.is_repeated = !dry && !store.record_report(&new, REPORTS_MAX, now)?;
            }
            return Ok(receipt);
        }
        // A report tells of one mail, and a mail of ours has one recipient: it is judged by the
        // verdict on that one.
        let Some(about) = about(store, &receipt.verdicts, &proved, envelope.source)? else {
            return Ok(receipt);
        };
        receipt.is_ours = true;
        let of_it = |verdict: &&Verdict| {
            let is_it = |one: &Option<String>| {
                one.as_ref()
                    .is_some_and(|one| one.eq_ignore_ascii_case(about.delivery.address.as_str()))
            };
            is_it(&verdict.recipient) || is_it(&verdict.given)
        };
        let verdict = receipt
            .verdicts
            .iter()
            .find(of_it)
            .unwrap_or(&receipt.verdicts[0]);
        let earlier = store.deliveries_before(about.delivery.id, SOFT_AMONG - 1)?;
        receipt.decision = decide(verdict, &about.delivery, about.proof, &earlier, now);
        if receipt.decision.action == Action::None || dry {
            return Ok(receipt);
        }
        let new = recorded(
            key,
            verdict,
            &about.delivery,
            receipt.decision.action,
            envelope.source,
        );
        let is_new = store.record_report(&new, REPORTS_MAX, now)?;
        receipt.is_repeated = !is_new;
        if is_new {
            say(&new, receipt.decision);
        }
        Ok(receipt)
    }
}

/// Decides about a mail of a person who may want to leave, with the report to be recorded.
fn leaving(
    store: &mut dyn Store,
    report: &Report,
    all: &[Verdict],
    proved: &Evidence,
) -> Result<Option<(Decision, Option<NewReport>)>, StoreError> {
    let class = all[0].class;
    // Any mail of a person to the address with their token ends the subscription; automatic mail
    // does not.
    let by_token = proved
        .leaver
        .filter(|_| matches!(class, Class::Unsubscribe | Class::Unknown));
    if let Some(id) = by_token {
        let why = "their own signed address says so";
        let decision = Decision {
            action: Action::Unsubscribe,
            why,
        };
        let Some(subscriber) = store.subscriber_by_id(id)? else {
            return Ok(Some((
                Decision {
                    action: Action::None,
                    why: "they are no subscriber any more",
                },
                None,
            )));
        };
        let new = NewReport {
            subscriber: Some(id),
            ..wish(subscriber.address.clone(), decision.action)
        };
        return Ok(Some((decision, Some(new))));
    }
    if class != Class::Unsubscribe {
        return Ok(None);
    }
    let Some(from) = report.headers.get("from").and_then(sender) else {
        return Ok(None);
    };
    // An answer to a mail of ours: its Message-ID was told to nobody else.
    for id in &proved.message_ids {
        if let Some(found) = store.reported_delivery(&DeliveryKey::MessageId(id.clone()))?
            && found.address.as_str().eq_ignore_ascii_case(from.as_str())
            && let Some(subscriber) = found.subscriber
        {
            let decision = Decision {
                action: Action::Unsubscribe,
                why: "they answered a mail of ours with it",
            };
            let new = NewReport {
                subscriber: Some(subscriber),
                delivery: Some(found.id),
                ..wish(found.address, decision.action)
            };
            return Ok(Some((decision, Some(new))));
        }
    }
    // Anybody can write any sender: its owner is asked.
    let Some(subscriber) = store.subscriber(&from)? else {
        return Ok(None);
    };
    let decision = Decision {
        action: Action::Confirm,
        why: "only the sender's address speaks for it, and anybody can write that",
    };
    let new = NewReport {
        subscriber: Some(subscriber.id),
        ..wish(from, decision.action)
    };
    Ok(Some((decision, Some(new))))
}

/// The address in From.
fn sender(from: &str) -> Option<Address> {
    let inner = from
        .rsplit_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .map_or(from, |(inner, _)| inner);
    inner.trim().parse().ok()
}

fn wish(address: Address, action: Action) -> NewReport {
    NewReport {
        key: String::new(),
        delivery: None,
        subscriber: None,
        address,
        class: Class::Unsubscribe.word(),
        reason: None,
        status: None,
        diagnostic: String::new(),
        source: "",
        action: action.word(),
        effect: action.effect(Class::Unsubscribe),
    }
}

fn recorded(
    key: &str,
    verdict: &Verdict,
    delivery: &Reported,
    action: Action,
    source: ReportChannel,
) -> NewReport {
    NewReport {
        key: key.to_owned(),
        delivery: Some(delivery.id),
        subscriber: delivery.subscriber,
        address: delivery.address.clone(),
        class: verdict.class.word(),
        reason: verdict.reason.map(crate::refusal::Reason::word),
        status: verdict.status.map(|status| status.to_string()),
        diagnostic: verdict.diagnostic.clone(),
        source: source.word(),
        action: action.word(),
        effect: action.effect(verdict.class),
    }
}

/// The delivery that a report is about, by the strongest proof that holds.
fn about(
    store: &mut dyn Store,
    all: &[Verdict],
    proved: &Evidence,
    source: ReportChannel,
) -> Result<Option<MatchedDelivery>, StoreError> {
    let found = |delivery: Option<Reported>, proof| {
        delivery.map(|delivery| MatchedDelivery { delivery, proof })
    };
    if let Some(id) = proved.delivery {
        let delivery = store.reported_delivery(&DeliveryKey::Id(crate::store::DeliveryId(id)))?;
        if delivery.is_some() {
            return Ok(found(delivery, Proof::Token));
        }
    }
    for id in &proved.message_ids {
        let delivery = store.reported_delivery(&DeliveryKey::MessageId(id.clone()))?;
        if delivery.is_some() {
            return Ok(found(delivery, Proof::MessageId));
        }
    }
    if let Some(subscriber) = proved.subscriber {
        let delivery = store.reported_delivery(&DeliveryKey::LastOf(subscriber))?;
        let is_complaint = all[0].class == Class::Complaint;
        if delivery.is_some() {
            return Ok(found(
                delivery,
                if is_complaint {
                    Proof::Token
                } else {
                    Proof::MessageId
                },
            ));
        }
    }
    if matches!(source, ReportChannel::Provider(_)) {
        for address in all
            .iter()
            .take(LOOKUPS_MAX)
            .filter_map(|verdict| verdict.recipient.as_deref()?.parse().ok())
        {
            let delivery = store.reported_delivery(&DeliveryKey::LastTo(address))?;
            if delivery.is_some() {
                return Ok(found(delivery, Proof::Provider));
            }
        }
    }
    Ok(None)
}

/// One line for the log: never an address or a server's words, which hold addresses.
fn say(report: &NewReport, decision: Decision) {
    let delivery = report.delivery.map_or(0, |id| id.0);
    let (class, reason, status) = (
        report.class,
        report.reason.unwrap_or("-"),
        report.status.as_deref().unwrap_or("-"),
    );
    let source = report.source;
    match decision.action {
        Action::Alarm => tracing::error!(
            issue = delivery,
            report.class = class,
            report.reason = reason,
            report.status = status,
            source,
            "a report says that mail from us is not wanted there: `paperboy outbox stats` and `paperboy check` tell more"
        ),
        action => tracing::info!(
            issue = delivery,
            report.class = class,
            report.reason = reason,
            report.status = status,
            source,
            action = action.word(),
            "a report was taken in: {}",
            decision.why
        ),
    }
}

/// SHA-256 in hexadecimal.
fn hex(bytes: &[u8]) -> String {
    digest(&SHA256, bytes)
        .as_ref()
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
