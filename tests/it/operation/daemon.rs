//! The service as a process: started, signalled, killed.

use crate::harness::fake_smtp::{At, FakeRelay};
use chrono::{TimeDelta, Utc};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Time limit of every wait, on a busy machine.
const LIMIT: Duration = Duration::from_secs(90);

/// A folder with settings, and the program.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    /// The time the program starts at, if the machine has `faketime`.
    faketime: Option<String>,
}

/// A running `paperboy run`.
pub(crate) struct Service {
    pub(crate) child: Child,
    log: PathBuf,
}

impl Place {
    /// Delivers to `relay`, serves its pages on any free port, and has `readers`
    /// (name and hour, UTC) and a file of papers announced on `day`.
    pub(crate) fn new(relay: &FakeRelay, day: &str) -> Self {
        let place = Place {
            folder: tempfile::tempdir().unwrap(),
            faketime: None,
        };
        place.says("init", &["."]);
        place.writes_settings(relay, "");
        let papers: Vec<String> = (0..5)
            .map(|at| {
                format!(r#"{{"id":"2603.{at:05}","title":"Counting to {at}","announced":"{day}","upvotes":{at}}}"#)
            })
            .collect();
        fs::write(place.path("papers.jsonl"), papers.join("\n")).unwrap();
        place
    }

    pub(crate) fn writes_settings(&self, relay: &FakeRelay, more: &str) {
        let settings = format!(
            r#"
[site]
base_url = "http://localhost:8080"
from = "Papers <digest@example.org>"
contact = "operator@example.org"
secret_file = "secret"
[database]
url = "sqlite:paperboy.db"
[smtp]
host = "127.0.0.1"
port = {}
security = "none"
connections = 2
per_second = 0
resend_after_minutes = 0
[web]
listen = "127.0.0.1:0"
[[source]]
kind = "jsonl"
path = "papers.jsonl"
{more}
"#,
            relay.port()
        );
        fs::write(self.path("paperboy.toml"), settings).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_paperboy");
        let mut command = match &self.faketime {
            None => Command::new(program),
            Some(instant) => {
                let mut command = Command::new("faketime");
                command.args([instant.as_str(), program]);
                command
            }
        };
        command
            .args(words)
            .current_dir(self.folder.path())
            .env("TZ", "UTC")
            .env_remove("PAPERBOY_LOG");
        command
    }

    pub(crate) fn runs(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// The output of a command that must succeed.
    pub(crate) fn says(&self, command: &str, words: &[&str]) -> String {
        let words: Vec<&str> = command.split(' ').chain(words.iter().copied()).collect();
        let output = self.runs(&words);
        assert!(
            output.status.success(),
            "{words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// `count` readers, and an issue queued for each.
    fn queues(&self, count: usize) {
        let readers: Vec<String> = (0..count)
            .map(|at| format!(r#"{{"email":"reader{at:03}@example.org","min_score":0}}"#))
            .collect();
        fs::write(self.path("readers.jsonl"), readers.join("\n")).unwrap();
        self.says("subscribers import", &["readers.jsonl"]);
        self.says("papers import", &["papers.jsonl"]);
        let said = self.says("publish --now 2100-01-01T12:00:00Z", &[]);
        assert!(
            said.starts_with(&format!("{count} issues queued")),
            "{said}"
        );
    }

    /// Starts the service and waits until it is ready.
    pub(crate) async fn starts(&self, words: &[&str]) -> Service {
        let mut service = self.starts_without_waiting(words);
        service.logs("ready").await;
        service
    }

    fn starts_without_waiting(&self, words: &[&str]) -> Service {
        let log = self.path(&format!(
            "log-{}",
            fs::read_dir(self.folder.path()).unwrap().count()
        ));
        let stderr = File::create(&log).unwrap();
        let words: Vec<&str> = ["run"].iter().chain(words).copied().collect();
        let child = self
            .command(&words)
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .unwrap();
        Service { child, log }
    }

    /// Deliveries by state.
    fn states(&self) -> BTreeMap<String, u64> {
        let mut states: BTreeMap<String, u64> =
            serde_json::from_str(&self.says("outbox stats --json", &[])).unwrap();
        states.retain(|state, count| *count > 0 && state != "total");
        states
    }
}

impl Service {
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until the log holds `text`.
    pub(crate) async fn logs(&mut self, text: &str) {
        let began = Instant::now();
        while !self.log().contains(text) {
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && began.elapsed() < LIMIT,
                "no {text:?} ({ended:?}) in:\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Its process id, which is not that of the child if that is `faketime`.
    fn number(&self) -> String {
        let said = self
            .log()
            .split("process=")
            .nth(1)
            .and_then(|rest| rest.split_whitespace().next().map(str::to_owned));
        said.unwrap_or_else(|| self.child.id().to_string())
    }

    pub(crate) fn gets(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([signal, &self.number()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    pub(crate) fn gets_killed(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = Command::new("kill")
                .args(["-KILL", &self.number()])
                .status();
            let _ = self.child.kill();
        }
    }

    /// Waits until it has ended; returns the exit code.
    pub(crate) async fn ends(&mut self) -> Option<i32> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(began.elapsed() < LIMIT, "still running:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn stops(&mut self) {
        self.gets("-TERM");
        assert_eq!(self.ends().await, Some(0), "{}", self.log());
    }

    /// The answer to `GET path`.
    pub(crate) async fn page(&self, path: &str) -> String {
        let log = self.log();
        let address = log
            .split("listen=")
            .nth(1)
            .unwrap()
            .split_whitespace()
            .next()
            .unwrap();
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.gets_killed();
        let _ = self.child.wait();
    }
}

pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < LIMIT, "not yet: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn today() -> String {
    now().date_naive().to_string()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the program under test has a real clock"
)]
pub(crate) fn now() -> chrono::DateTime<Utc> {
    Utc::now()
}

#[tokio::test]
async fn papers_go_from_the_source_to_the_reader_at_their_hour() {
    let relay = FakeRelay::start().await;
    let place = Place::new(&relay, &today());
    let hour = (now() + TimeDelta::seconds(4))
        .format("%H:%M:%S")
        .to_string();
    place.says(
        "subscribers add soon@example.org --min-score 0 --send-at",
        &[&hour],
    );
    let later = (now() + TimeDelta::hours(3)).format("%H:%M").to_string();
    place.says(
        "subscribers add later@example.org --min-score 0 --send-at",
        &[&later],
    );
    let mut service = place.starts(&[]).await;
    until("the mail has come", || !relay.kept().is_empty()).await;
    assert_eq!(relay.recipients(), ["soon@example.org"]);
    let health = service.page("/healthz").await;
    assert!(
        health.starts_with("HTTP/1.1 200") && health.ends_with("alive\n"),
        "{health}"
    );
    assert!(service.page("/").await.contains("Counting to 4"));
    service.stops().await;
    let log = service.log();
    assert!(
        log.contains("papers taken in") && log.contains("issues composed"),
        "{log}"
    );
    assert!(
        !log.contains("soon@example.org"),
        "an address in the log: {log}"
    );
    assert_eq!(place.states(), BTreeMap::from([("accepted".to_owned(), 1)]));
}

#[tokio::test]
async fn sigterm_in_mid_delivery_finishes_what_is_under_way_and_exits_0() {
    let relay = FakeRelay::start().await;
    let place = Place::new(&relay, &today());
    place.queues(300);
    let mut service = place.starts(&["--role", "deliver"]).await;
    relay.texts_begun(20).await;
    service.stops().await;
    let (states, kept) = (place.states(), relay.kept().len() as u64);
    assert_eq!(states.get("accepted"), Some(&kept), "{states:?}");
    assert!(kept < 300, "it was stopped in the middle");
    assert_eq!(
        states.get("rendered"),
        Some(&(300 - kept)),
        "the rest is back in the queue: {states:?}"
    );

    let mut service = place.starts(&["--role", "deliver"]).await;
    until("all is delivered", || relay.kept().len() >= 300).await;
    service.stops().await;
    let mut recipients = relay.recipients();
    recipients.dedup();
    assert_eq!(
        (recipients.len(), relay.kept().len()),
        (300, 300),
        "everybody, once"
    );
    assert_eq!(
        place.states(),
        BTreeMap::from([("accepted".to_owned(), 300)])
    );
}

#[tokio::test]
async fn a_second_signal_leaves_at_once() {
    let relay = FakeRelay::start().await;
    let place = Place::new(&relay, &today());
    place.queues(1);
    relay.on(At::Text).keeps_it_and_hangs();
    let mut service = place.starts(&["--role", "deliver"]).await;
    relay.texts_begun(1).await;
    until("it was kept", || !relay.kept().is_empty()).await;
    service.gets("-TERM");
    service.logs("a second signal exits at once").await;
    assert!(
        service.child.try_wait().unwrap().is_none(),
        "the hand-over is not finished"
    );
    service.gets("-TERM");
    assert_eq!(service.ends().await, Some(1));
    assert_eq!(
        place.states(),
        BTreeMap::from([("handing_over".to_owned(), 1)])
    );
}

#[tokio::test]
async fn sigkill_loses_no_mail() {
    let relay = FakeRelay::start().await;
    let place = Place::new(&relay, &today());
    place.queues(200);
    let mut service = place.starts(&["--role", "deliver"]).await;
    relay.texts_begun(20).await;
    service.gets("-KILL");
    service.ends().await;
    let mut service = place.starts(&["--role", "deliver"]).await;
    until("all is settled", || place.states().keys().eq(["accepted"])).await;
    service.stops().await;
    let mut copies: BTreeMap<String, usize> = BTreeMap::new();
    for recipient in relay.recipients() {
        *copies.entry(recipient).or_default() += 1;
    }
    assert_eq!(copies.len(), 200);
    let twice = copies.values().filter(|count| **count == 2).count();
    assert!(
        twice <= 2 && copies.values().all(|count| *count <= 2),
        "at most one for each connection: {twice}"
    );
}

#[tokio::test]
async fn one_process_delivers_and_others_say_which() {
    let relay = FakeRelay::start().await;
    let place = Place::new(&relay, &today());
    let mut first = place.starts(&["--role", "deliver"]).await;
    first.logs("ready").await;
    let holder = format!("`paperboy run`, process {}", first.child.id());
    let mut second = place.starts(&[]).await;
    second.logs(&holder).await;
    assert!(
        second.page("/healthz").await.contains("alive"),
        "its other roles go on"
    );
    let refused = place.runs(&["deliver"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains(&holder));
    place.queues(1);
    first.stops().await;
    let mut kept = relay.kept().len();
    until("the other one has taken over", || {
        kept = kept.max(relay.kept().len());
        kept == 1
    })
    .await;
    second.stops().await;
}

#[tokio::test]
async fn sighup_reads_the_settings_again() {
    let (old, new) = (FakeRelay::start().await, FakeRelay::start().await);
    let place = Place::new(&old, &today());
    let mut service = place.starts(&[]).await;
    fs::write(place.path("paperboy.toml"), "[smtp]\nport = \"none\"\n").unwrap();
    service.gets("-HUP");
    service.logs("the new settings cannot be used").await;
    place.writes_settings(&new, "[inbound]\nbounce_address = \"bounces@example.org\"");
    let settings = fs::read_to_string(place.path("paperboy.toml")).unwrap();
    fs::write(
        place.path("paperboy.toml"),
        settings.replace("127.0.0.1:0", "127.0.0.1:1"),
    )
    .unwrap();
    service.gets("-HUP");
    service.logs("the settings were read again").await;
    service
        .logs("[web] has changed: that needs a restart")
        .await;
    place.queues(3);
    until("the mail has come", || new.kept().len() == 3).await;
    assert_eq!(old.kept().len(), 0);
    assert!(new.kept()[0].from.starts_with("bounces+"));
    service.stops().await;
}

#[tokio::test]
async fn a_service_that_cannot_run_says_why_and_exits() {
    let relay = FakeRelay::start().await;
    let place = Place::new(&relay, &today());
    let check = |words: &[&str], code: i32, said: &str| {
        let output = place.runs(words);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{words:?}: {stderr}");
        assert!(stderr.contains(said), "{words:?}: {stderr}");
    };
    check(
        &["run", "--role", "dance"],
        2,
        "must be some of fetch, publish, deliver, inbound, web",
    );
    place.writes_settings(&relay, "[schedule]\npoll = \"always\"");
    check(&["run"], 2, "schedule.poll = \"always\"");
    place.writes_settings(
        &relay,
        "[dkim]\ndomain = \"example.org\"\nselector = \"s\"\nrsa_key_file = \"secret\"",
    );
    check(&["run"], 2, "dkim: cannot read a private key from");
    place.writes_settings(&relay, "");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let settings = fs::read_to_string(place.path("paperboy.toml")).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    fs::write(
        place.path("paperboy.toml"),
        settings.replace("127.0.0.1:0", &address),
    )
    .unwrap();
    check(&["run"], 1, "web.listen: cannot listen on");
    fs::remove_file(place.path("paperboy.db")).unwrap();
    check(&["run"], 1, "run `paperboy init` or `paperboy migrate`");
}

#[tokio::test]
async fn a_database_that_became_too_new_ends_the_service_with_exit_1() {
    let relay = FakeRelay::start().await;
    let place = Place::new(&relay, &today());
    let mut service = place.starts(&["--role", "publish"]).await;
    let conn = rusqlite::Connection::open(place.path("paperboy.db")).unwrap();
    conn.pragma_update(None, "user_version", 999).unwrap();
    assert_eq!(service.ends().await, Some(1));
    assert!(
        service.log().contains("publish cannot go on"),
        "{}",
        service.log()
    );
}

// The relay must answer while a delivering command is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_while_the_service_runs_and_restored_once_it_has_stopped() {
    let relay = FakeRelay::start().await;
    let place = Place::new(&relay, &today());
    place.queues(20);
    place.says("backup", &["before.db"]);
    let mut service = place.starts(&[]).await;
    until("all is delivered", || relay.kept().len() == 20).await;
    place.says("backup", &["after.db"]);
    let refused = place.runs(&["restore", "before.db"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("stop it first"));
    service.stops().await;

    let said = place.says("restore", &["before.db"]);
    assert!(
        said.contains("20 mails that were waiting are held"),
        "{said}"
    );
    assert_eq!(place.states(), BTreeMap::from([("held".to_owned(), 20)]));
    place.says("deliver", &[]);
    assert_eq!(relay.kept().len(), 20, "nothing is sent again");
    let retried = place.says("outbox retry", &["reader007@example.org"]);
    assert!(retried.contains("a second one is possible"), "{retried}");
    place.says("deliver", &[]);
    assert_eq!(relay.kept_for("reader007@example.org").len(), 2);
    let kept = fs::read_dir(place.folder.path())
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    assert_eq!(
        kept.filter(|name| name.contains("before-restore")).count(),
        1
    );
}

/// Whether the machine has `faketime`; fails if it is required and missing.
fn has_faketime() -> bool {
    let has = Command::new("faketime")
        .args(["2026-03-29 04:00:00", "true"])
        .status()
        .is_ok_and(|status| status.success());
    assert!(
        has || std::env::var_os("PAPERBOY_REQUIRE_ALL").is_none(),
        "faketime is not installed"
    );
    if !has {
        eprintln!("skipped: faketime is not installed");
    }
    has
}

#[tokio::test]
async fn the_whole_program_lives_through_the_hour_that_berlin_leaves_out() {
    if !has_faketime() {
        return;
    }
    let relay = FakeRelay::start().await;
    let mut place = Place::new(&relay, "2026-03-27");
    place.faketime = Some("2026-03-28 12:00:00".to_owned());
    for (name, hour) in [("gap", "02:30"), ("before", "01:59"), ("after", "07:00")] {
        let address = format!("{name}@example.org");
        place.says(
            "subscribers add --min-score 0 --timezone Europe/Berlin --send-at",
            &[hour, &address],
        );
    }
    // 02:59:55 does not exist there: clocks go from 02:00 to 03:00 at 01:00 UTC.
    place.faketime = Some("2026-03-29 00:59:50".to_owned());
    let mut service = place.starts(&[]).await;
    until("both have come", || relay.kept().len() >= 2).await;
    service.stops().await;
    assert_eq!(
        relay.recipients(),
        ["before@example.org", "gap@example.org"]
    );
    let rows: Vec<serde_json::Value> =
        serde_json::from_str(&place.says("outbox list --json", &[])).unwrap();
    for row in rows {
        let (address, at) = (
            row["address"].as_str().unwrap(),
            row["at"].as_str().unwrap(),
        );
        assert_eq!(row["local_date"], "2026-03-29", "{address}");
        let earliest = if address.starts_with("gap") {
            "2026-03-29T01:00:00Z"
        } else {
            "2026-03-29T00:59:50Z"
        };
        assert!(
            at >= earliest && at < "2026-03-29T01:02:00Z",
            "{address} at {at}"
        );
    }
}
