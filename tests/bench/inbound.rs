//! How many reports are read and judged in a second, and how many read,
//! decided on and recorded, on one core: `cargo bench --bench inbound`, with
//! the collection in `PAPERBOY_SHARED_DATA` for the first figure.

use chrono::{NaiveDate, TimeDelta};
use paperboy::clock::{Clock as _, SystemClock};
use paperboy::inbound::report::read;
use paperboy::inbound::verdict::verdicts;
use paperboy::inbound::{Envelope, InboundSettings, Reception};
use paperboy::links::ReturnAddresses;
use paperboy::store::sqlite::SqliteStore;
use paperboy::store::{AttemptRecord, DeliveryId, Disposition, LedgerTurn, NewIssue, Settlement};
use paperboy::store::{InboundStore as _, IssueStore as _, LedgerStore as _, SubscriberStore as _};
use paperboy::subscriber::{Address, NewSubscriber, Preferences, Status};
use paperboy::token::{Scope, Signer};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

const SECONDS: f64 = 3.0;

/// Readers whose mail comes back.
const READERS: usize = 5_000;

fn main() {
    reading();
    recording().expect("a database in a new folder can be written");
}

fn reading() {
    let shared = std::env::var_os("PAPERBOY_SHARED_DATA").map(PathBuf::from);
    let shared =
        shared.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"));
    let folder = shared.join("bounces_sisimai/maildir/bsd");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: there are no reports in {}", folder.display());
        return;
    };
    let mails: Vec<Vec<u8>> = entries
        .filter_map(|entry| std::fs::read(entry.ok()?.path()).ok())
        .collect();
    let (mut count, began) = (0_u64, Instant::now());
    while began.elapsed().as_secs_f64() < SECONDS {
        for mail in &mails {
            black_box(verdicts(&read(black_box(mail))));
            count += 1;
        }
    }
    let rate = count as f64 / began.elapsed().as_secs_f64();
    eprintln!(
        "{} real reports, read and judged: {rate:.0} a second",
        mails.len()
    );
}

/// From the bytes to the committed suppression, each report in a transaction of its own on a real disk.
fn recording() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("bench.db");
    let (mut store, _) = SqliteStore::migrate(&path)?;
    let settings = InboundSettings {
        addresses: ReturnAddresses {
            bounce: Some("bounces@digest.example".parse().expect("it is an address")),
            unsubscribe: None,
        },
        ..InboundSettings::default()
    };
    let reception = Reception {
        settings,
        signer: Signer::new(&secrecy::SecretSlice::from(vec![7; 32])),
    };
    let mails: Vec<String> = accepted(&mut store)?
        .into_iter()
        .map(|(address, id)| {
            let token = reception.signer.sign(Scope::Bounce, id.0);
            let to = reception
                .settings
                .addresses
                .envelope_sender(&token)
                .expect("there is a bounce address");
            report(&to, &address)
        })
        .collect();
    let began = Instant::now();
    for mail in &mails {
        reception.take_mail(
            &mut store,
            mail.as_bytes(),
            &Envelope::default(),
            false,
            SystemClock.now(),
        )?;
    }
    let rate = READERS as f64 / began.elapsed().as_secs_f64();
    let recorded: u64 = store.count_reports()?.iter().map(|(_, count)| count).sum();
    assert_eq!(recorded, READERS as u64);
    eprintln!("{READERS} reports, read, decided on and recorded: {rate:.0} a second");
    Ok(())
}

fn accepted(store: &mut SqliteStore) -> anyhow::Result<Vec<(Address, DeliveryId)>> {
    let at = SystemClock.now();
    let people: Vec<NewSubscriber> = (0..READERS)
        .map(|at| NewSubscriber {
            address: format!("reader{at:04}@example.org")
                .parse()
                .expect("it is an address"),
            name: String::new(),
            status: Status::Active,
            preferences: Preferences::default(),
            interests: Vec::new(),
        })
        .collect();
    store.enter_subscribers(&people, at)?;
    let date = NaiveDate::from_ymd_opt(2026, 8, 4).expect("it is a date");
    let mut issues = Vec::with_capacity(READERS);
    for person in &people {
        let found = store
            .subscriber(&person.address)?
            .expect("they were entered");
        issues.push(NewIssue {
            subscriber: found.id,
            local_date: date,
            covers: Some((date, date)),
            address: person.address.clone(),
            subject: "papers".to_owned(),
            message: b"To: x\r\n\r\npapers\r\n".to_vec(),
            message_id: format!("issue.{}@example.org", found.id.0),
            picks: Vec::new(),
            expires_at: at + TimeDelta::hours(18),
        });
    }
    store.enqueue_issues(&issues, at)?;
    let claimed = store.claim_due(READERS as u32, at)?;
    let marks = claimed.iter().map(|one| one.id).collect();
    store.record_turn(
        &LedgerTurn {
            marks,
            ..LedgerTurn::default()
        },
        at,
    )?;
    let attempt = || AttemptRecord {
        stage: "dot".into(),
        code: Some(250),
        enhanced: None,
        text: "ok".into(),
        duration_ms: 1,
    };
    let settle = |id| Settlement {
        id,
        attempt: attempt(),
        disposition: Disposition::Accepted,
        soft: false,
    };
    let settlements = claimed.iter().map(|one| settle(one.id)).collect();
    store.record_turn(
        &LedgerTurn {
            settlements,
            ..LedgerTurn::default()
        },
        at,
    )?;
    Ok(claimed
        .into_iter()
        .map(|one| (one.address, one.id))
        .collect())
}

/// A report as Postfix writes it, with the returned mail of a day with ten papers.
fn report(to: &str, address: &Address) -> String {
    let papers =
        "A line of an abstract, as long as lines in mails are, about ranking.\r\n".repeat(150);
    format!(
        "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example (Mail Delivery System)\r\nTo: {to}\r\nMessage-ID: \
         <{address}@mx.example>\r\nSubject: Undelivered Mail Returned to Sender\r\nMIME-Version: \
         1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n--b\r\n\r\nIt could \
         not be delivered.\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; \
         mx.example\r\n\r\nFinal-Recipient: rfc822; {address}\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: \
         smtp; 550 5.1.1 <{address}>: user unknown (in reply to RCPT TO command)\r\n\r\n--b\r\nContent-Type: \
         message/rfc822\r\n\r\nTo: {address}\r\nSubject: papers\r\n\r\n{papers}\r\n--b--\r\n"
    )
}
