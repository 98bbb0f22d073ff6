//! What came back, from the mail to what is done about it.

use crate::harness::environment::shared;
use crate::outbox::delivery::{issue, subscriber};
use chrono::{DateTime, TimeDelta, Utc};
use paperboy::inbound::decide::Action;
use paperboy::inbound::report::{ReportKind, read};
use paperboy::inbound::verdict::{Class, verdicts};
use paperboy::inbound::{Envelope, InboundSettings, Receipt, Reception};
use paperboy::links::ReturnAddresses;
use paperboy::refusal::Reason;
use paperboy::store::sqlite::SqliteStore;
use paperboy::store::{
    AttemptRecord, Db, DeliveryId, Disposition as Settled, LedgerTurn, NewIssue, ReportsOf,
    RetentionClass, Settlement,
};
use paperboy::subscriber::{Status, SubscriberId};
use paperboy::token::{Scope, Signer};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// An operator whose issues were accepted, and come back.
pub(crate) struct Desk {
    pub(crate) db: Db,
    pub(crate) reception: Reception,
    pub(crate) now: DateTime<Utc>,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let settings = InboundSettings {
            addresses: ReturnAddresses {
                bounce: Some("bounces@digest.example".parse().unwrap()),
                unsubscribe: Some("leave@digest.example".parse().unwrap()),
            },
            ..InboundSettings::default()
        };
        let signer = Signer::new(&secrecy::SecretSlice::from(vec![7; 32]));
        Desk {
            db: Db::new(SqliteStore::in_memory().unwrap()),
            reception: Reception { settings, signer },
            now: "2026-08-04T12:00:00Z".parse().unwrap(),
        }
    }

    /// An issue for `name` of so many days after the first that a server took.
    pub(crate) fn sends(&self, name: &str, day: i64) -> DeliveryId {
        let person = subscriber(&format!("{name}@example.org"));
        let at = self.now + TimeDelta::days(day);
        self.db
            .run_here(|store| {
                store.enter_subscribers(std::slice::from_ref(&person), at)?;
                let found = store.subscriber(&person.address)?.unwrap();
                let new = issue(&person.address, found.id, at + TimeDelta::hours(18));
                let message_id = format!("{day}.{}", new.message_id);
                let local_date = new.local_date + TimeDelta::days(day);
                store.enqueue_issues(
                    &[NewIssue {
                        local_date,
                        message_id,
                        ..new
                    }],
                    at,
                )?;
                let claimed = store.claim_due(10, at)?;
                let id = claimed[0].id;
                store.record_turn(
                    &LedgerTurn {
                        marks: vec![id],
                        ..LedgerTurn::default()
                    },
                    at,
                )?;
                let attempt = AttemptRecord {
                    stage: "dot".into(),
                    code: Some(250),
                    enhanced: None,
                    text: "ok".into(),
                    duration_ms: 1,
                };
                let settlement = Settlement {
                    id,
                    attempt,
                    disposition: Settled::Accepted,
                    soft: false,
                };
                store.record_turn(
                    &LedgerTurn {
                        settlements: vec![settlement],
                        ..LedgerTurn::default()
                    },
                    at,
                )?;
                Ok(id)
            })
            .unwrap()
    }

    /// The VERP address of a delivery.
    pub(crate) fn bounces(&self, id: DeliveryId) -> String {
        let token = self.reception.signer.sign(Scope::Bounce, id.0);
        self.reception
            .settings
            .addresses
            .envelope_sender(&token)
            .unwrap()
    }

    fn takes(&self, mail: &str) -> Receipt {
        let envelope = Envelope::default();
        let take = |store: &mut dyn paperboy::store::Store| {
            self.reception
                .take_mail(store, mail.as_bytes(), &envelope, false, self.now)
        };
        self.db.run_here(take).unwrap()
    }

    pub(crate) fn status(&self, name: &str) -> Status {
        let address = format!("{name}@example.org").parse().unwrap();
        self.db
            .run_here(|store| store.subscriber(&address))
            .unwrap()
            .unwrap()
            .status
    }

    fn subscriber_id(&self, name: &str) -> SubscriberId {
        let address = format!("{name}@example.org").parse().unwrap();
        self.db
            .run_here(|store| store.subscriber(&address))
            .unwrap()
            .unwrap()
            .id
    }

    pub(crate) fn suppressed(&self) -> Vec<String> {
        let all = self.db.run_here(|store| store.suppressions()).unwrap();
        all.into_iter().map(|one| one.address.to_string()).collect()
    }
}

/// A delivery status notification as Postfix writes it.
pub(crate) fn dsn(to: &str, recipient: &str, status: &str, words: &str, original: &str) -> String {
    format!(
        "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example (Mail Delivery System)\r\nTo: {to}\r\nMessage-ID: \
         <{recipient}.{status}.{}@mx.example>\r\nSubject: Undelivered Mail Returned to Sender\r\nMIME-Version: \
         1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n--b\r\n\r\nIt could not \
         be delivered.\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; \
         mx.example\r\n\r\nFinal-Recipient: rfc822; {recipient}\r\nAction: failed\r\nStatus: {status}\r\nDiagnostic-Code: smtp; \
         {words}\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n{original}\r\n\r\n--b--\r\n",
        to.len()
    )
}

const UNKNOWN: &str = "550 5.1.1 no such user (in reply to RCPT TO command)";

#[test]
fn a_signed_report_of_a_dead_address_suppresses_it_once_with_its_evidence() {
    let desk = Desk::new();
    let id = desk.sends("ada", 0);
    let mail = dsn(
        &desk.bounces(id),
        "ada@example.org",
        "5.1.1",
        UNKNOWN,
        "Subject: papers",
    );
    let receipt = desk.takes(&mail);
    assert_eq!(
        (receipt.verdicts[0].class, receipt.decision.action),
        (Class::Hard, Action::Suppress)
    );
    assert_eq!(desk.suppressed(), ["ada@example.org"]);
    assert_eq!(desk.status("ada"), Status::Suppressed);
    assert!(desk.takes(&mail).is_repeated);
    let address = "ada@example.org".parse().unwrap();
    let evidence = desk
        .db
        .run_here(|store| store.suppression_evidence(&address))
        .unwrap()
        .unwrap();
    assert_eq!(
        (evidence.status.as_deref(), evidence.source.as_str()),
        (Some("5.1.1"), "mail")
    );
    assert!(evidence.diagnostic.contains("no such user"), "{evidence:?}");
    let reports = desk
        .db
        .run_here(|store| store.reports(&ReportsOf::Delivery(id), 9))
        .unwrap();
    assert_eq!(reports.len(), 1);
    // Whoever has mended it may be written to again.
    desk.db
        .run_here(|store| store.lift_suppression(&address, desk.now))
        .unwrap();
    assert_eq!(desk.status("ada"), Status::Active);
}

#[test]
fn forged_reports_suppress_nobody() {
    let desk = Desk::new();
    let id = desk.sends("ada", 0);
    let token = desk.bounces(id);
    let (local, domain) = token.split_once('@').unwrap();
    let other = Signer::new(&secrecy::SecretSlice::from(vec![8; 32])).sign(Scope::Bounce, id.0);
    let forged = [
        // No token, another's token, a token of another kind, a damaged one.
        "bounces@digest.example".to_owned(),
        format!("bounces+{other}@digest.example"),
        format!(
            "bounces+{}@digest.example",
            desk.reception.signer.sign(Scope::Unsubscribe, id.0)
        ),
        format!("{}@{domain}", &local[..local.len() - 1]),
    ];
    for to in forged {
        desk.takes(&dsn(
            &to,
            "ada@example.org",
            "5.1.1",
            UNKNOWN,
            "Message-ID: <guessed@example.org>",
        ));
    }
    // A Message-ID of ours proves nothing about somebody else.
    let original = format!(
        "Message-ID: <0.issue.{}@example.org>",
        desk.subscriber_id("ada").0
    );
    desk.sends("bob", 0);
    desk.takes(&dsn(
        "bounces@digest.example",
        "bob@example.org",
        "5.1.1",
        UNKNOWN,
        &original,
    ));
    // An answer of a machine is no failure, whatever it is sent to.
    desk.takes(&format!(
        "To: {token}\r\nAuto-Submitted: auto-replied\r\nSubject: away\r\n\r\n550 5.1.1 no such user\r\n"
    ));
    desk.takes(&format!(
        "To: {token}\r\nFrom: x@spam.example\r\nSubject: buy\r\n\r\nBest prices\r\n"
    ));
    assert_eq!(desk.suppressed(), Vec::<String>::new());
    assert_eq!(
        (desk.status("ada"), desk.status("bob")),
        (Status::Active, Status::Active)
    );
    // With the right recipient it does.
    desk.takes(&dsn(
        "bounces@digest.example",
        "ada@example.org",
        "5.1.1",
        UNKNOWN,
        &original,
    ));
    assert_eq!(desk.suppressed(), ["ada@example.org"]);
}

#[test]
fn a_thousand_forged_reports_suppress_nobody() {
    let desk = Desk::new();
    let names: Vec<String> = (0..20).map(|at| format!("reader{at}")).collect();
    let ids: Vec<DeliveryId> = names.iter().map(|name| desk.sends(name, 0)).collect();
    let old = desk.sends("old", -61);
    let erased = desk.sends("erased", 0);
    let erased_token = desk.bounces(erased);
    let erased_id = desk.subscriber_id("erased");
    desk.db
        .run_here(|store| store.erase_subscriber(erased_id, "hash", desk.now))
        .unwrap();
    let stranger_signer = Signer::new(&secrecy::SecretSlice::from(vec![9; 32]));
    let mut actions = BTreeMap::new();
    for at in 0..1_000_usize {
        let (name, id) = (&names[at % 20], ids[at % 20]);
        let address = format!("{name}@example.org");
        let (to, about) = match at / 20 % 6 {
            0 => ("bounces@digest.example".to_owned(), address),
            1 => (
                format!(
                    "bounces+{}@digest.example",
                    stranger_signer.sign(Scope::Bounce, id.0)
                ),
                address,
            ),
            // A token that its own reader has, with the name of another reader: it is not theirs.
            2 => (desk.bounces(id), format!("stranger{at}@example.net")),
            3 => (desk.bounces(old), "old@example.org".to_owned()),
            4 => (erased_token.clone(), "erased@example.org".to_owned()),
            _ => (format!("bounces+{at:026}@digest.example"), address),
        };
        let original = format!("Message-ID: <{at}.guessed@example.org>\r\nTo: {about}");
        // The same token many times is the same mail: it counts once against it.
        let mail = dsn(&to, &about, "5.1.1", UNKNOWN, &original)
            .replace("Message-ID: <", &format!("Message-ID: <{at}."));
        *actions
            .entry(desk.takes(&mail).decision.action.word())
            .or_insert(0) += 1;
    }
    assert_eq!(desk.suppressed(), Vec::<String>::new(), "{actions:?}");
    assert!(names.iter().all(|name| desk.status(name) == Status::Active));
    assert!(
        actions["none"] > 600 && !actions.contains_key("suppress"),
        "{actions:?}"
    );
}

#[test]
fn a_full_mailbox_is_given_up_after_three_issues_in_a_row() {
    let desk = Desk::new();
    let full = |day| {
        let id = desk.sends("ada", day);
        let mail = dsn(
            &desk.bounces(id),
            "ada@example.org",
            "5.2.2",
            &format!("552 5.2.2 mailbox full, day {day}"),
            "",
        );
        desk.takes(&mail.replace("Message-ID: <", &format!("Message-ID: <{day}.")))
            .decision
            .action
    };
    assert_eq!((full(-9), full(-8)), (Action::Count, Action::Count));
    desk.sends("ada", -7); // taken, and not returned
    assert_eq!((full(-6), full(-5)), (Action::Count, Action::Count));
    assert_eq!(full(-4), Action::Suppress);
    assert_eq!(desk.suppressed(), ["ada@example.org"]);
}

#[test]
fn policy_is_the_operators_business() {
    let desk = Desk::new();
    let id = desk.sends("ada", 0);
    let words = "550 5.7.26 This message does not pass authentication checks (SPF and DKIM both do not pass)";
    let receipt = desk.takes(&dsn(
        &desk.bounces(id),
        "ada@example.org",
        "5.7.26",
        words,
        "",
    ));
    assert_eq!(
        (receipt.verdicts[0].class, receipt.decision.action),
        (Class::Policy, Action::Alarm)
    );
    assert_eq!(desk.suppressed(), Vec::<String>::new());
    let since = desk.now - TimeDelta::days(1);
    let alarms = desk
        .db
        .run_here(|store| store.reports(&ReportsOf::Class("policy", since), 9))
        .unwrap();
    assert_eq!(alarms.len(), 1);
}

#[test]
fn a_redacted_complaint_ends_the_subscription_by_the_token_in_it() {
    let desk = Desk::new();
    desk.sends("ada", 0);
    let leaving = desk
        .reception
        .signer
        .sign(Scope::Unsubscribe, desk.subscriber_id("ada").0);
    let mail = format!(
        "From: fbl@provider.example\r\nTo: abuse@digest.example\r\nMessage-ID: <fbl@provider.example>\r\nContent-Type: \
         multipart/report; report-type=feedback-report; boundary=b\r\n\r\n--b\r\n\r\nA complaint.\r\n--b\r\nContent-Type: \
         message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nOriginal-Rcpt-To: redacted-1@example.org\r\n\r\n--b\r\nContent-Type: \
         message/rfc822\r\n\r\nFrom: us\r\nList-Unsubscribe: <https://digest.example/unsubscribe?t={leaving}>\r\n\r\n--b--\r\n"
    );
    let receipt = desk.takes(&mail);
    assert_eq!(
        (receipt.verdicts[0].class, receipt.decision.action),
        (Class::Complaint, Action::Suppress)
    );
    assert_eq!(desk.status("ada"), Status::Unsubscribed);
    assert_eq!(desk.suppressed(), ["ada@example.org"]);
}

#[test]
fn people_leave_by_their_token_or_by_answering_and_never_by_from_alone() {
    let desk = Desk::new();
    for name in ["ada", "bob", "cyd"] {
        desk.sends(name, 0);
    }
    let token = desk
        .reception
        .signer
        .sign(Scope::Unsubscribe, desk.subscriber_id("ada").0);
    desk.takes(&format!(
        "From: other@example.net\r\nTo: leave+{token}@digest.example\r\nSubject: hello\r\n\r\n\r\n"
    ));
    assert_eq!(desk.status("ada"), Status::Unsubscribed);
    let id = format!("0.issue.{}@example.org", desk.subscriber_id("bob").0);
    let reply = |from: &str| {
        desk.takes(&format!("From: {from}\r\nTo: digest@digest.example\r\nIn-Reply-To: <{id}>\r\nSubject: Re: papers\r\n\r\nAbmelden\r\n> x\r\n"))
    };
    assert_eq!(reply("mallory@example.net").decision.action, Action::None);
    assert_eq!(desk.status("bob"), Status::Active);
    assert_eq!(
        reply("Bob <bob@example.org>").decision.action,
        Action::Unsubscribe
    );
    assert_eq!(desk.status("bob"), Status::Unsubscribed);
    let alone = desk.takes(
        "From: cyd@example.org\r\nTo: leave@digest.example\r\nSubject: unsubscribe\r\n\r\n\r\n",
    );
    assert_eq!(
        (alone.decision.action, desk.status("cyd")),
        (Action::Confirm, Status::Active)
    );
    // A machine that answers at the address for leaving does not leave.
    let token = desk
        .reception
        .signer
        .sign(Scope::Unsubscribe, desk.subscriber_id("cyd").0);
    desk.takes(&format!(
        "From: cyd@example.org\r\nTo: leave+{token}@digest.example\r\nAuto-Submitted: auto-replied\r\n\r\nstop\r\n"
    ));
    assert_eq!(desk.status("cyd"), Status::Active);
}

#[test]
fn who_asks_to_leave_by_from_alone_is_asked_once_a_day_and_only_if_they_are_a_reader() {
    let desk = Desk::new();
    desk.sends("cyd", 0);
    let writer = crate::harness::town::composer();
    let asks = |from: &str, number: u32, hours: i64| {
        let mail = format!(
            "From: {from}\r\nTo: leave@digest.example\r\nMessage-ID: <{number}@x.example>\r\nSubject: unsubscribe\r\n\r\n\r\n"
        );
        let Some(id) = desk.takes(&mail).asks else {
            return false;
        };
        let now = desk.now + TimeDelta::hours(hours);
        let mut asked = false;
        desk.db
            .run_here(|store| {
                asked = writer.ask_to_leave(store, id, now).unwrap();
                Ok(())
            })
            .unwrap();
        asked
    };
    assert!(
        !asks("mallory@example.net", 1, 0),
        "nobody is asked who is no reader"
    );
    assert!(asks("cyd@example.org", 2, 0));
    assert!(!asks("Cyd <CYD@example.org>", 3, 23));
    assert!(
        !asks("cyd@example.org", 3, 23),
        "and not for the same mail again"
    );
    assert!(asks("cyd@example.org", 4, 25));
    let queued = desk
        .db
        .run_here(|store| store.claim_due(10, desk.now + TimeDelta::hours(25)))
        .unwrap();
    let questions: Vec<_> = queued
        .iter()
        .filter(|one| one.address.as_str() == "cyd@example.org")
        .collect();
    assert!(!questions.is_empty());
    assert_eq!(desk.status("cyd"), Status::Active);
    let cyd = desk.subscriber_id("cyd");
    desk.db
        .run_here(|store| store.unsubscribe(cyd, "page", desk.now))
        .unwrap();
    assert!(!asks("cyd@example.org", 5, 60), "they have left already");
}

#[test]
fn an_erased_reader_leaves_no_report_behind_and_old_reports_are_forgotten() {
    let desk = Desk::new();
    for name in ["ada", "bob"] {
        let id = desk.sends(name, 0);
        desk.takes(&dsn(
            &desk.bounces(id),
            &format!("{name}@example.org"),
            "5.1.1",
            UNKNOWN,
            "",
        ));
    }
    let count = || {
        desk.db
            .run_here(|store| store.count_reports())
            .unwrap()
            .iter()
            .map(|(_, n)| n)
            .sum::<u64>()
    };
    assert_eq!(count(), 2);
    let ada = desk.subscriber_id("ada");
    desk.db
        .run_here(|store| store.erase_subscriber(ada, "hash", desk.now))
        .unwrap();
    assert_eq!(count(), 1);
    let forget = |days| {
        desk.db
            .run_here(|store| {
                store.forget_old(RetentionClass::Reports, desk.now + TimeDelta::days(days), 9)
            })
            .unwrap()
    };
    assert_eq!((forget(0), forget(1)), (0, 1));
    // What was decided on them stands.
    assert_eq!(desk.suppressed(), ["bob@example.org"]);
}

fn collection() -> Option<PathBuf> {
    shared("bounces_sisimai/labels.jsonl").and_then(|labels| labels.parent().map(Path::to_owned))
}

#[test]
fn real_reports_are_read_as_their_labels_say() {
    let Some(folder) = collection() else { return };
    let mut files: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in std::fs::read_to_string(folder.join("labels.jsonl"))
        .unwrap()
        .lines()
    {
        let label: Value = serde_json::from_str(line).unwrap();
        files
            .entry(label["file"].as_str().unwrap().to_owned())
            .or_default()
            .push(label);
    }
    let (mut labels, mut same_hardness, mut status, mut same_status, mut failed, mut named) =
        (0, 0, 0, 0, 0, 0);
    let mut confusion: BTreeMap<(bool, &str), u32> = BTreeMap::new();
    for (file, wanted) in &files {
        let found = verdicts(&read(&std::fs::read(folder.join(file)).unwrap()));
        for (at, label) in wanted.iter().enumerate() {
            let verdict = found.get(at).unwrap_or(&found[0]);
            let is_hard = label["hard"].as_bool().unwrap();
            labels += 1;
            let agrees = (verdict.class == Class::Hard) == is_hard;
            same_hardness += u32::from(agrees);
            if !agrees {
                let found = (
                    verdict.class.word(),
                    verdict.reason.map(Reason::word),
                    &verdict.diagnostic,
                );
                eprintln!(
                    "{file}: {} {}, found {found:?}",
                    label["reason"], label["status"]
                );
            }
            *confusion
                .entry((is_hard, verdict.class.word()))
                .or_default() += 1;
            let code = label["status"].as_str().unwrap();
            // X.0.9YY is Sisimai's own number where the report holds no code.
            let is_real = !code.is_empty()
                && !code
                    .split('.')
                    .nth(2)
                    .is_some_and(|detail| detail.len() == 3 && code[1..].starts_with(".0."));
            if is_real {
                status += 1;
                same_status += u32::from(
                    verdict
                        .status
                        .is_some_and(|status| status.to_string() == code),
                );
            }
            if !["vacation", "feedback"].contains(&label["reason"].as_str().unwrap()) {
                failed += 1;
                let is_named = verdict
                    .recipient
                    .as_ref()
                    .is_some_and(|address| address.contains('@'));
                named += u32::from(is_named);
                if !is_named {
                    eprintln!(
                        "{file}: {} names nobody, {}",
                        label["reason"],
                        verdict.class.word()
                    );
                }
            }
        }
    }
    eprintln!(
        "hardness {same_hardness}/{labels}, status {same_status}/{status}, recipient {named}/{failed}, {confusion:?}"
    );
    assert!(
        f64::from(same_hardness) >= 0.97 * f64::from(labels),
        "{same_hardness}/{labels} {confusion:?}"
    );
    assert!(
        f64::from(same_status) >= 0.98 * f64::from(status),
        "{same_status}/{status}"
    );
    assert!(
        f64::from(named) >= 0.98 * f64::from(failed),
        "{named}/{failed}"
    );
}

#[test]
fn nothing_that_is_no_failure_is_taken_for_one() {
    let Some(folder) = collection() else { return };
    for name in [
        "rfc3834-01",
        "rfc3834-02",
        "rfc3834-03",
        "rfc3834-04",
        "rfc3834-05",
        "rfc3834-06",
    ] {
        let mail = std::fs::read(folder.join(format!("maildir/bsd/{name}.eml"))).unwrap();
        assert_eq!(read(&mail).kind, ReportKind::AutoReply, "{name}");
    }
    for name in ["is-not-bounce-01", "is-not-bounce-02"] {
        let mail = std::fs::read(folder.join(format!("maildir/not/{name}.eml"))).unwrap();
        assert_eq!(read(&mail).kind, ReportKind::Other, "{name}");
    }
    // The same mails with other line ends say the same.
    for name in ["mac", "dos"] {
        let mut same = 0;
        for entry in std::fs::read_dir(folder.join("maildir").join(name)).unwrap() {
            let path = entry.unwrap().path();
            let other = std::fs::read(&path).unwrap();
            same += u32::from(matches!(
                read(&other).kind,
                ReportKind::Delivery(_) | ReportKind::Complaint(_) | ReportKind::AutoReply
            ));
        }
        assert!(same > 50, "{name}: {same}");
    }
}

/// What the fuzz target runs.
fn read_without_harm(mail: &[u8]) {
    let report = read(mail);
    let found = verdicts(&report);
    assert!(!found.is_empty());
    assert!(
        found
            .iter()
            .all(|verdict| verdict.diagnostic.chars().count() <= 500
                && !verdict.diagnostic.contains('\n'))
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_without_harm(mail in proptest::collection::vec(any::<u8>(), 0..4_000)) {
        read_without_harm(&mail);
    }

    #[test]
    fn any_pieces_of_reports_are_read_without_harm(pieces in proptest::collection::vec(0..PIECES.len(), 0..120)) {
        let mail: String = pieces.into_iter().map(|at| PIECES[at]).collect();
        read_without_harm(mail.as_bytes());
    }
}

const PIECES: &[&str] = &[
    "\n",
    "\r\n",
    "\n\n",
    "--b\n",
    "--b--\n",
    "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n",
    "Content-Type: message/delivery-status\n",
    "Content-Type: message/rfc822\n",
    "Content-Type: message/feedback-report\n",
    "Content-Type: text/plain; charset=iso-2022-jp\n",
    "Content-Transfer-Encoding: base64\n",
    "Content-Transfer-Encoding: quoted-printable\n",
    "Final-Recipient: rfc822; ä@example.org\n",
    "Action: failed\n",
    "Status: 5.1.1\n",
    "Status: 5.\n",
    "Diagnostic-Code: smtp; 550-'\n",
    "Diagnostic-Code: smtp; <550 é\n",
    "550 5.1.1 <a@b.example>... no\n",
    "<a@b.example>:\n",
    "\u{1b}$B",
    "=?utf-8?Q?=C3?=",
    "=E4=",
    "From: MAILER-DAEMON@x\n",
    "Subject: failure notice\n",
    "@",
    "@@@",
    "é@é",
    "\"@",
    "{\"notificationType\":\"Bounce\"}",
    "--- Below this line is a copy of the message.\n",
    "To: x@y.example\n",
    "Received: by x\n",
    "550",
    "5.1.1",
    "\u{0}",
    "> Final-Recipient: x\n> Action: y\n",
    "X-Failed-Recipients: a@b.example,\n",
];

#[test]
fn huge_deep_and_crowded_mails_take_linear_time() {
    // An eighth of each, then all of it: a reader that is not linear needs 64 times as long for
    // all.
    let (small, large) = (huge_mails(8), huge_mails(1));
    for (at, (part, whole)) in small.iter().zip(&large).enumerate() {
        let seconds = |mail: &str| {
            let began = Instant::now();
            read_without_harm(mail.as_bytes());
            began.elapsed().as_secs_f64()
        };
        let (little, much) = (seconds(part), seconds(whole));
        eprintln!(
            "mail {at}: {} MB in {much:.2} s, an eighth in {little:.2} s",
            whole.len() >> 20
        );
        assert!(
            much < 24.0 * little + 5.0,
            "mail {at} took {much} s, an eighth of it {little} s"
        );
    }
    assert_eq!(verdicts(&read(large[8].as_bytes())).len(), 10_000);
    assert_eq!(verdicts(&read(large[9].as_bytes())).len(), 10_000);
}

/// Mails of 50 MB or so, divided by `part`.
fn huge_mails(part: usize) -> Vec<String> {
    let head = "From: MAILER-DAEMON@x\nSubject: failure notice\n";
    let crowd = (0..10_000 / part).fold(String::new(), |mut text, at| {
        let _ = write!(
            text,
            "Final-Recipient: rfc822; r{at}@example.org\nAction: failed\nStatus: 5.1.1\n\n"
        );
        text
    });
    let in_prose = (0..10_000 / part).fold(String::new(), |mut text, at| {
        let _ = write!(text, "<r{at}@example.org>:\nno such user\n\n");
        text
    });
    let nested = |kind: &str, depth: usize| {
        (0..depth).fold(String::from(head), |mut text, at| {
            let _ = write!(text, "Content-Type: {kind}; boundary=b{at}\n\n--b{at}\n");
            text
        })
    };
    vec![
        format!("{head}\n{}", "a@b.example x ".repeat((4 << 20) / part)),
        format!("{head}\n{}", "\n".repeat((50 << 20) / part)),
        format!("{head}\n{}", "@".repeat((50 << 20) / part)),
        format!("{head}\n{}", "550 5.1.1 <".repeat((5 << 20) / part)),
        format!(
            "{head}Content-Type: text/html\n\n{}",
            "<b>".repeat((10 << 20) / part)
        ),
        format!(
            "{head}Content-Transfer-Encoding: base64\n\n{}",
            "YWFh".repeat((12 << 20) / part)
        ),
        nested("multipart/mixed", 500_000 / part),
        nested("message/rfc822", 500_000 / part),
        format!(
            "{head}Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: x\n\n{crowd}\n--b--\n"
        ),
        format!("{head}\n{in_prose}"),
        "X: y\n".repeat((10 << 20) / part),
        format!(
            "{head}Content-Transfer-Encoding: quoted-printable\n\n{}",
            "=E4=\n=".repeat((8 << 20) / part)
        ),
        format!(
            "{head}Subject: {}\n\nx",
            "=?utf-8?B?".repeat((4 << 20) / part)
        ),
    ]
}
