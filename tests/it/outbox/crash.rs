//! What is left when the sender dies at any point, judged by the relay's own log.
//!
//! The real program empties a queue over two connections. It dies, is started
//! again, and finishes; then `outbox list` is compared with what the relay kept.

use crate::harness::fake_smtp::{FakeRelay, Kept};
use crate::outbox::delivery::{issue, subscriber};
use chrono::TimeDelta;
use paperboy::clock::{Clock, SystemClock};
use paperboy::store::Db;
use paperboy::store::sqlite::SqliteStore;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::{JoinSet, spawn_blocking};

const CONNECTIONS: usize = 2;
const MAILS: usize = 5;

/// A folder with settings for `relay` and a queue of `mails`.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
}

impl Place {
    pub(crate) fn with_queue(relay: &FakeRelay, mails: usize) -> Self {
        Self::in_folder(tempfile::tempdir().unwrap(), relay, mails)
    }

    pub(crate) fn in_folder(folder: TempDir, relay: &FakeRelay, mails: usize) -> Self {
        let place = Place { folder };
        let settings = format!(
            "[site]\nbase_url = 'https://digest.example.org'\nfrom = 'digest@example.org'\n\
             contact = 'op@example.org'\nsecret_file = 'secret'\n[smtp]\nport = {}\nsecurity = 'none'\n\
             connections = {CONNECTIONS}\nper_second = 0\nresend_after_minutes = 0\nretry_minutes = [0]\n\
             breaker_seconds = 0\n",
            relay.port()
        );
        std::fs::write(place.path("paperboy.toml"), settings).unwrap();
        std::fs::write(place.path("secret"), "x".repeat(32)).unwrap();
        let (store, _) = SqliteStore::migrate(&place.path("paperboy.db")).unwrap();
        let (db, now) = (Db::new(store), SystemClock.now());
        let people: Vec<_> = (0..mails)
            .map(|at| subscriber(&format!("reader{at:04}@example.org")))
            .collect();
        db.run_here(|store| {
            store.enter_subscribers(&people, now)?;
            let mut issues = Vec::new();
            for person in &people {
                let found = store.subscriber(&person.address)?.unwrap();
                let mut issue = issue(&found.address, found.id, now + TimeDelta::hours(18));
                issue
                    .message
                    .extend_from_slice("papers, and more of them\r\n".repeat(80).as_bytes());
                issues.push(issue);
            }
            store.enqueue_issues(&issues, now)
        })
        .unwrap();
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts `deliver`, to die at point number `die_at`; 0 for never.
    pub(crate) fn starts(&self, die_at: usize) -> Child {
        let mut command = paperboy(self.folder.path());
        command
            .args(["deliver", "--until-empty"])
            .env("PAPERBOY_DIE_AT", die_at.to_string());
        command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Runs `deliver` and answers whether it came to its end.
    pub(crate) fn delivers(&self, die_at: usize) -> bool {
        self.starts(die_at)
            .wait_with_output()
            .unwrap()
            .status
            .success()
    }

    /// The outbox, as the program shows it.
    pub(crate) fn outbox(&self) -> Vec<Row> {
        let listed = paperboy(self.folder.path())
            .args(["outbox", "list", "--json"])
            .output()
            .unwrap();
        let rows: Vec<Value> = serde_json::from_slice(&listed.stdout).unwrap();
        let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
        rows.iter()
            .map(|row| Row {
                address: text(row, "address"),
                state: text(row, "state"),
                message_id: text(row, "message_id"),
                attempts: row["attempts"].as_u64().unwrap() as usize,
            })
            .collect()
    }
}

/// A line of `outbox list --json`.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) address: String,
    pub(crate) state: String,
    message_id: String,
    attempts: usize,
}

fn paperboy(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paperboy"));
    command.arg("-c").arg(folder.join("paperboy.toml"));
    command
}

/// Compares the ledger with the relay's log, after so many deaths.
#[track_caller]
pub(crate) fn judge(rows: &[Row], kept: &[Kept], deaths: usize, story: &str) {
    let mut copies: BTreeMap<&str, Vec<&Kept>> = BTreeMap::new();
    for mail in kept {
        copies.entry(&mail.to).or_default().push(mail);
    }
    let mut second_copies = 0;
    for row in rows {
        let copies = copies.remove(row.address.as_str()).unwrap_or_default();
        assert!(
            copies.len() <= 2,
            "{story}: {} copies of {row:?}",
            copies.len()
        );
        assert!(
            copies.len() <= row.attempts,
            "{story}: sent unrecorded: {row:?}"
        );
        match row.state.as_str() {
            "accepted" => assert!(!copies.is_empty(), "{story}: never arrived: {row:?}"),
            // Only a mail that was under way at two deaths is left to a person.
            "held" => assert!(deaths > 1 && row.attempts >= 2, "{story}: {row:?}"),
            _ => panic!("{story}: not final: {row:?}"),
        }
        for copy in &copies {
            assert_eq!(copy.bytes, copies[0].bytes, "{story}: {row:?}");
            let head = format!("Message-ID: {}\r\n", row.message_id);
            assert!(copy.bytes.starts_with(head.as_bytes()), "{story}: {row:?}");
        }
        second_copies += copies.len().saturating_sub(1);
    }
    assert!(
        copies.is_empty(),
        "{story}: nobody queued what went to {:?}",
        copies.keys()
    );
    assert!(
        second_copies <= deaths * CONNECTIONS,
        "{story}: {second_copies} second copies"
    );
}

/// Every commit and every write to a socket is a point, before and after.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_point_the_sender_dies_at_everybody_gets_one_mail_and_nobody_three() {
    sweep(1, MAILS).await;
}

/// A sender that dies again where it died before may leave a mail that went out twice: it is held,
/// not sent a third time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_point_the_sender_keeps_dying_at_nobody_gets_three() {
    sweep(3, 2).await;
}

/// Dies so many times at point n, for n from 1 until a run comes to its end without passing that
/// many.
async fn sweep(deaths: usize, mails: usize) {
    const LANES: usize = 3;
    let mut lanes = JoinSet::new();
    for lane in 1..=LANES {
        lanes.spawn(async move {
            let mut point = lane;
            loop {
                let relay = FakeRelay::start().await;
                let place = Place::with_queue(&relay, mails);
                let (place, came_to_its_end) = spawn_blocking(move || {
                    let ended = place.delivers(point);
                    for _ in 1..deaths {
                        place.delivers(point);
                    }
                    assert!(
                        ended || place.delivers(0),
                        "the last run failed after point {point}"
                    );
                    (place, ended)
                })
                .await
                .unwrap();
                judge(
                    &place.outbox(),
                    &relay.kept(),
                    deaths,
                    &format!("dead {deaths} times at point {point}"),
                );
                if came_to_its_end {
                    return point;
                }
                point += LANES;
            }
        });
    }
    let points = lanes.join_all().await;
    eprintln!("points on the way: about {points:?}");
    // A commit and two writes for each mail at least, each with two points.
    assert!(
        points.iter().all(|points| *points > mails * 6),
        "{points:?}"
    );
}

/// The same at moments that nobody chose; `PAPERBOY_ROUNDS` and `PAPERBOY_SEED` do more, or the
/// same again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_the_sender_is_killed_everybody_gets_one_mail_and_nobody_three() {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .map(|text| text.parse::<u64>().unwrap())
    };
    let now = SystemClock.now().timestamp_micros();
    let seed = number("PAPERBOY_SEED").unwrap_or(now as u64 % 1_000_000);
    eprintln!("PAPERBOY_SEED={seed}");
    let mut lcg = seed;
    let mut chance = move |below: u64| {
        // Knuth's MMIX generator.
        lcg = lcg
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (lcg >> 33) % below
    };
    for round in 0..number("PAPERBOY_ROUNDS").unwrap_or(8) {
        let relay = FakeRelay::start().await;
        let place = Place::with_queue(&relay, 40);
        let deaths = 1 + chance(3) as usize;
        let waits: Vec<u64> = (0..deaths).map(|_| 5 + chance(120)).collect();
        let story = format!("seed {seed}, round {round}, killed after {waits:?} ms");
        let place = spawn_blocking(move || {
            for wait in waits {
                let mut child = place.starts(0);
                #[expect(
                    clippy::disallowed_methods,
                    reason = "there is no event: any moment will do"
                )]
                std::thread::sleep(Duration::from_millis(wait));
                child.kill().unwrap();
                child.wait().unwrap();
            }
            assert!(place.delivers(0));
            place
        })
        .await
        .unwrap();
        judge(&place.outbox(), &relay.kept(), deaths, &story);
    }
}
