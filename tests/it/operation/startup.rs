//! Running the service: refusals to start, the log, retention, and the status endpoints.

use crate::harness::fake_smtp::{At, FakeRelay};
use crate::outbox::delivery::{issue, subscriber};
use chrono::{DateTime, TimeDelta, Utc};
use paperboy::clock::{Clock, FixedClock, SystemClock};
use paperboy::outbox::smtp::Timeouts;
use paperboy::outbox::{DeliveryService, RateLimits, Security, SmtpSettings, Transport};
use paperboy::random::NoChance;
use paperboy::run_figures::RunFigures;
use paperboy::store::sqlite::SqliteStore;
use paperboy::store::{Db, DeliveryState, RetentionClass, RunRow};
use paperboy::upkeep::{RetentionSettings, SLICE, run_upkeep};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Time limit of every wait, on a busy machine.
const LIMIT: Duration = Duration::from_secs(90);

/// A folder with settings, and the program.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new(relay_port: u16) -> Self {
        let place = Place {
            folder: tempfile::tempdir().unwrap(),
        };
        place.says(&["init", "."]);
        place.writes(relay_port, "", "");
        place
    }

    /// Settings with `site` in `[site]` and `more` at the end.
    fn writes(&self, relay_port: u16, site: &str, more: &str) {
        let base = if site.contains("base_url") {
            ""
        } else {
            "base_url = \"http://localhost:8080\"\n"
        };
        let settings = format!(
            "[site]\n{base}{site}\nfrom = \"digest@lab.test\"\ncontact = \"operator@lab.test\"\n\
             [smtp]\nhost = \"127.0.0.1\"\nport = {relay_port}\nsecurity = \"none\"\nper_second = 0\n\
             [web]\nlisten = \"127.0.0.1:0\"\n[[source]]\nkind = \"jsonl\"\npath = \"papers.jsonl\"\n{more}"
        );
        fs::write(self.path("paperboy.toml"), settings).unwrap();
        if !self.path("papers.jsonl").exists() {
            let papers: Vec<String> = (0..5)
                .map(|at| {
                    let day = SystemClock.now().date_naive();
                    format!(r#"{{"id":"2603.{at:05}","title":"Counting to {at}","announced":"{day}","upvotes":{at}}}"#)
                })
                .collect();
            fs::write(self.path("papers.jsonl"), papers.join("\n")).unwrap();
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paperboy"));
        command
            .args(words)
            .current_dir(self.folder.path())
            .env("TZ", "UTC")
            .env_remove("PAPERBOY_LOG");
        command
    }

    fn runs(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    fn says(&self, words: &[&str]) -> String {
        let output = self.runs(words);
        assert!(
            output.status.success(),
            "{words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    fn starts(&self, change: impl FnOnce(&mut Command)) -> Service {
        let log = self.path("log");
        let mut command = self.command(&["run"]);
        change(&mut command);
        let child = command
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Service { child, log }
    }
}

struct Service {
    child: Child,
    log: PathBuf,
}

impl Service {
    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    async fn waits(&self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let began = Instant::now();
        while !is_so(self) {
            assert!(began.elapsed() < LIMIT, "not yet: {what}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn page(&self, path: &str) -> String {
        let log = self.log();
        let address = log
            .split("listen")
            .nth(1)
            .unwrap()
            .trim_start_matches(['=', '"', ':']);
        let address = address.split([' ', '\n', '"']).next().unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn stops(&mut self) {
        let sent = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(
            sent.success() && self.child.wait().unwrap().success(),
            "{}",
            self.log()
        );
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_service_does_not_start_with_what_would_lose_or_leak_mail() {
    let place = Place::new(1);
    let refused = |site: &str, more: &str, code: i32, words: &[&str]| {
        place.writes(1, site, more);
        let output = place.runs(&["run", "--role", "publish"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{said}");
        for word in words {
            assert!(said.contains(word), "{word:?} is not in {said}");
        }
    };
    refused(
        "base_url = \"http://papers.uni-anywhere.de\"",
        "",
        2,
        &["site.base_url", "serve the pages by https"],
    );
    refused(
        "secret_file = \"nowhere\"",
        "",
        2,
        &["site.secret_file", "nowhere"],
    );
    fs::write(place.path("short"), "short").unwrap();
    refused(
        "secret_file = \"short\"",
        "",
        2,
        &["must hold at least 32 bytes, not 5"],
    );
    let far = "[dkim]\ndomain = \"lab.test\"\nselector = \"s\"\nrsa_key_file = \"none.pem\"";
    refused("", far, 2, &["dkim.rsa_key_file", "none.pem"]);
    refused(
        "",
        "[inbound]\nbounce_address = \"nobody\"",
        2,
        &["inbound.bounce_address"],
    );
    fs::create_dir(place.path("own")).unwrap();
    fs::write(
        place.path("own/digest.html"),
        "{% if nothing %}{{ no.such.value }}{% endif %}{{ also.nothing }}",
    )
    .unwrap();
    refused("", "[digest]\ntemplates = \"own\"", 2, &["digest.html"]);

    // A secret that every user can read and reach; all reasons are reported together.
    let open = fs::Permissions::from_mode;
    fs::set_permissions(place.folder.path(), open(0o755)).unwrap();
    fs::set_permissions(place.path("secret"), open(0o644)).unwrap();
    refused(
        "base_url = \"http://papers.uni-anywhere.de\"",
        "",
        2,
        &["run `chmod o= ", "serve the pages by https"],
    );
    let checked = place.runs(&["check", "--dns", "127.0.0.1:1"]);
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(
        said.contains("fail  settings") && said.contains("run `chmod o= "),
        "{said}"
    );
    fs::set_permissions(place.path("secret"), open(0o600)).unwrap();

    let conn = rusqlite::Connection::open(place.path("paperboy.db")).unwrap();
    let schema: i64 = conn
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    conn.pragma_update(None, "user_version", 999).unwrap();
    refused("", "", 1, &["newer than this paperboy"]);
    conn.pragma_update(None, "user_version", schema).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_starts_with_problems_that_pass_by_themselves() {
    // The relay is down; the file of the source is gone; names cannot be resolved.
    let place = Place::new(1);
    fs::remove_file(place.path("papers.jsonl")).unwrap();
    let mut service = place.starts(|_| {});
    service
        .waits("ready", |service| service.log().contains("ready"))
        .await;
    // The unreadable source is stored for the alarms.
    service
        .waits("the look", |service| {
            service.log().contains("the source cannot be polled")
        })
        .await;
    let failing = || {
        let mut store = SqliteStore::open(&place.path("paperboy.db")).unwrap();
        let store: &mut dyn paperboy::store::Store = &mut store;
        store.failing_sources().unwrap()
    };
    service
        .waits("the note", |_| {
            failing().iter().any(|failing| failing.source == "jsonl")
        })
        .await;
    service.stops();
    fs::write(
        place.path("papers.jsonl"),
        r#"{"id":"2603.00001","title":"Counting"}"#,
    )
    .unwrap();
    let mut service = place.starts(|_| {});
    service
        .waits("the source again", |_| failing().is_empty())
        .await;
    service.stops();
}

/// The log lines about each issue, in order.
fn journeys(log: &str) -> BTreeMap<i64, Vec<String>> {
    let mut journeys: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for line in log.lines() {
        let line: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        if let Some(issue) = line["issue"].as_i64() {
            journeys
                .entry(issue)
                .or_default()
                .push(line["message"].as_str().unwrap().to_owned());
        }
    }
    journeys
}

#[tokio::test(flavor = "multi_thread")]
async fn one_number_leads_from_composing_to_the_servers_answer_and_the_log_names_nobody() {
    let relay = FakeRelay::start().await;
    relay
        .on(At::Rcpt)
        .to("reader1@lab.test")
        .says("550 5.1.1 <reader1@lab.test>: no such user reader1@lab.test");
    relay
        .on(At::Rcpt)
        .to("reader2@lab.test")
        .says("450 4.2.1 <reader2@lab.test> come back later");
    relay
        .on(At::Text)
        .to("reader3@lab.test")
        .once()
        .keeps_it_and_closes();
    let place = Place::new(relay.port());
    place.writes(
        relay.port(),
        "",
        "[log]\nformat = \"json\"\n[inbound]\nbounce_address = \"bounces@lab.test\"\n",
    );
    let hour = (SystemClock.now() + TimeDelta::seconds(8))
        .format("%H:%M:%S")
        .to_string();
    for at in 0..4 {
        let address = format!("reader{at}@lab.test");
        place.says(&[
            "subscribers",
            "add",
            &address,
            "--min-score",
            "0",
            "--send-at",
            &hour,
        ]);
    }
    let mut service = place.starts(|command| {
        command.env("PAPERBOY_LOG", "trace");
    });
    let ends = [
        "delivery accepted",
        "delivery rejected by the server",
        "delivery deferred",
        "it is resent once",
    ];
    service
        .waits("four ends", |service| {
            ends.iter().all(|end| service.log().contains(end))
        })
        .await;

    // A report about the accepted mail comes back.
    let sent = relay.kept_for("reader0@lab.test").remove(0);
    let report = format!(
        "From: mailer-daemon@lab.test\r\nTo: {}\r\nSubject: failed\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nno\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mx.lab.test\r\n\r\nFinal-Recipient: rfc822; reader0@lab.test\r\nAction: failed\r\n\
         Status: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 reader0@lab.test unknown\r\n\r\n--b--\r\n",
        sent.from
    );
    fs::write(place.path("report.eml"), report).unwrap();
    let taken = place
        .command(&["inbound", "report.eml"])
        .env("PAPERBOY_LOG_FORMAT", "json")
        .output()
        .unwrap();
    service.stops();
    let inbound = String::from_utf8_lossy(&taken.stderr).into_owned();
    let log = service.log() + &inbound;
    let leak = log.lines().find(|line| line.contains('@'));
    assert_eq!(leak, None, "an address is in the log");

    let rows: Vec<Value> = (0..4)
        .map(|at| {
            let shown = place.says(&["outbox", "show", &format!("reader{at}@lab.test"), "--json"]);
            serde_json::from_str::<Vec<Value>>(&shown)
                .unwrap()
                .remove(0)
        })
        .collect();
    let journeys = journeys(&log);
    let story = |at: usize| journeys[&rows[at]["issue"].as_i64().unwrap()].join(" | ");
    let begins = "issue composed and queued | claimed | ";
    assert!(
        story(0).starts_with(&format!(
            "{begins}handing over | delivery accepted | recorded"
        )),
        "{}",
        story(0)
    );
    assert!(story(0).contains("a report was taken in"), "{}", story(0));
    assert_eq!(
        story(1),
        format!("{begins}delivery rejected by the server | recorded")
    );
    assert_eq!(story(2), format!("{begins}delivery deferred | recorded"));
    assert!(
        story(3).starts_with(&format!(
            "{begins}handing over | the connection was lost after the text"
        )),
        "{}",
        story(3)
    );
    let shown = place.says(&["outbox", "show", "reader0@lab.test"]);
    assert!(
        shown.contains(&format!("issue {}", rows[0]["issue"])),
        "{shown}"
    );
    // At the default level the log has the outcome of each mail.
    let at_info = log
        .lines()
        .filter(|line| line.contains("delivery accepted") && line.contains("\"INFO\""));
    assert!(at_info.count() >= 1);
}

/// Old rows, as in a large and old installation.
fn ages(path: &Path, rows: i64, long_ago: DateTime<Utc>) {
    let conn = rusqlite::Connection::open(path).unwrap();
    let at = long_ago.timestamp();
    conn.execute_batch(&format!(
        "BEGIN;
         INSERT INTO papers (id, title, abstract, authors, categories, seen_at, changed_at)
         VALUES ('2001.00001', 'a', 'b', '[]', '[]', {at}, {at});
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {rows})
         INSERT INTO clicks (subscriber_id, paper, at_ms, is_head, agent, network)
         SELECT (SELECT min(id) FROM subscribers), 1, {at} * 1000 + n, 0, 'browser', '192.0.2.0' FROM n;
         INSERT INTO deliveries (id, address, local_date, subject, message_id, state, attempts, queued_at, expires_at, at)
         VALUES (-1, 'x@lab.test', '2020-01-01', '', 'x', 'accepted', {rows}, {at}, {at}, {at});
         UPDATE deliveries SET id = (SELECT min(id) - 1 FROM deliveries WHERE id > 0) WHERE id = -1;
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {rows})
         INSERT INTO attempts (delivery_id, number, at, stage, code, text, duration_ms)
         SELECT (SELECT min(id) FROM deliveries), n, {at}, 'dot', 250, 'ok', 1 FROM n;
         COMMIT;"
    ))
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_goes_out_while_old_rows_are_forgotten() {
    const ROWS: i64 = 100_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paperboy.db");
    let (store, _) = SqliteStore::migrate(&path).unwrap();
    let reader: Vec<Box<dyn paperboy::store::Store>> =
        vec![Box::new(SqliteStore::open_to_read(&path).unwrap())];
    let (db, relay) = (
        Db::new(store).with_readers(reader),
        FakeRelay::start().await,
    );
    let now: DateTime<Utc> = "2026-03-26T03:30:00Z".parse().unwrap();
    let people: Vec<_> = (0..300)
        .map(|at| subscriber(&format!("reader{at}@lab.test")))
        .collect();
    db.run_here(|store| {
        store.enter_subscribers(&people, now)?;
        for person in &people {
            let found = store.subscriber(&person.address)?.expect("was entered");
            store.enqueue_issues(
                &[issue(&found.address, found.id, now + TimeDelta::hours(18))],
                now,
            )?;
        }
        Ok(())
    })
    .unwrap();
    ages(&path, ROWS, now - TimeDelta::days(1_000));
    let before = db.run_here(|store| store.count_attempts()).unwrap();
    let smtp = SmtpSettings {
        port: relay.port(),
        security: Security::None,
        connections: 2,
        rate: RateLimits {
            per_second: 0,
            per_minute: 0,
            per_hour: 0,
        },
        ..SmtpSettings::default()
    };
    let courier = DeliveryService::with_timeouts(
        db.clone(),
        Arc::new(FixedClock::at(now)) as Arc<dyn Clock>,
        Arc::new(NoChance),
        &Transport::Smtp(smtp),
        Arc::new(|id| format!("bounces+{}@lab.test", id.0)),
        CancellationToken::new(),
        Timeouts::all(Duration::from_secs(20)),
    )
    .unwrap();
    let (is_tending, began) = (Arc::new(AtomicBool::new(true)), Instant::now());
    let tending = {
        let (db, is_tending) = (db.clone(), Arc::clone(&is_tending));
        tokio::spawn(async move {
            let tended = run_upkeep(&db, &RetentionSettings::default(), now, || true)
                .await
                .unwrap();
            is_tending.store(false, Ordering::SeqCst);
            (tended, began.elapsed())
        })
    };
    courier.run_until_empty(false).await.unwrap();
    let sent_in = began.elapsed();
    let was_tending = is_tending.load(Ordering::SeqCst);
    let (tended, tended_in) = tending.await.unwrap();
    println!(
        "300 mails in {sent_in:?}, {} rows forgotten in {tended_in:?}",
        2 * ROWS
    );
    assert_eq!(relay.kept().len(), 300);
    assert!(
        was_tending,
        "mail waited for the end of it: {sent_in:?} of {tended_in:?}"
    );
    let rows = ROWS as u64;
    assert_eq!(
        tended.forgotten,
        [
            (RetentionClass::Attempts, rows),
            (RetentionClass::Clicks, rows)
        ]
    );
    assert!(tended.pages > 0, "room is given back");
    assert_eq!(tended.damage, [] as [&str; 0]);
    let log = fs::metadata(folder.path().join("paperboy.db-wal")).map_or(0, |log| log.len());
    assert!(log < 4 << 20, "the log is cut: {log} bytes");
    // Counters do not fall.
    let class = |counts: &[(Option<u16>, u64)]| {
        counts
            .iter()
            .find(|(class, _)| *class == Some(2))
            .unwrap()
            .1
    };
    let after = db.run_here(|store| store.count_attempts()).unwrap();
    assert_eq!(class(&after), class(&before) + 300);
    assert!(u64::from(SLICE) < rows / 50, "in many slices");
}

#[test]
fn a_mail_held_too_long_expires_and_its_text_is_deleted() {
    let place = Place::new(1);
    place.says(&["subscribers", "add", "ada@lab.test", "--min-score", "0"]);
    place.says(&["papers", "import", "papers.jsonl"]);
    place.says(&["publish", "--now", "2100-01-01T12:00:00Z"]);
    place.says(&["outbox", "hold", "ada@lab.test"]);
    let mut store = SqliteStore::open(&place.path("paperboy.db")).unwrap();
    let store: &mut dyn paperboy::store::Store = &mut store;
    let now = SystemClock.now() + TimeDelta::seconds(1);
    assert_eq!(
        store
            .forget_old(RetentionClass::HeldTexts, now - TimeDelta::days(30), 9)
            .unwrap(),
        0
    );
    assert_eq!(
        store.forget_old(RetentionClass::HeldTexts, now, 9).unwrap(),
        1
    );
    let row = store
        .deliveries(&paperboy::store::OutboxFilter::default())
        .unwrap()
        .remove(0);
    assert_eq!(
        (row.state, store.message(row.id).unwrap()),
        (DeliveryState::Expired, None)
    );
    assert!(
        row.text
            .unwrap()
            .starts_with("held, and nobody decided in time")
    );
}

#[test]
fn a_migration_is_tried_on_a_copy() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place { folder };
    fs::write(place.path("secret"), "x".repeat(32)).unwrap();
    place.writes(1, "", "");
    // A database of the first release.
    let conn = rusqlite::Connection::open(place.path("paperboy.db")).unwrap();
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite");
    let mut files: Vec<PathBuf> = fs::read_dir(migrations)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    for file in &files[..9] {
        conn.execute_batch(&fs::read_to_string(file).unwrap())
            .unwrap();
    }
    conn.pragma_update(None, "user_version", 9).unwrap();
    drop(conn);
    let bytes = || fs::read(place.path("paperboy.db")).unwrap();
    let before = bytes();
    let said = place.says(&["migrate", "--dry-run"]);
    let last = files.len();
    assert!(
        said.contains(&format!("from schema 9 to {last}")) && said.contains("nothing was changed"),
        "{said}"
    );
    assert!(bytes()[100..] == before[100..], "not a byte of its pages");
    let json: Value =
        serde_json::from_str(&place.says(&["migrate", "--dry-run", "--json"])).unwrap();
    assert_eq!(
        (json["from"].as_u64(), json["to"].as_u64()),
        (Some(9), Some(last as u64))
    );
    assert!(
        json["bytes_after"].as_u64() > json["bytes_before"].as_u64() && json["seconds"].is_f64(),
        "{json}"
    );
    let left: Vec<String> = fs::read_dir(place.folder.path())
        .unwrap()
        .filter_map(|file| file.unwrap().file_name().into_string().ok())
        .filter(|name| name.contains("dry-run"))
        .collect();
    assert_eq!(left, [] as [&str; 0], "the copy is gone");
    place.says(&["migrate"]);
    assert!(
        place
            .says(&["migrate", "--dry-run"])
            .contains("there is nothing to do")
    );
}

/// The names of metrics in `text`, each with the labels that it is queried by.
fn metrics(text: &str) -> BTreeSet<(String, Vec<(String, String)>)> {
    let mut found = BTreeSet::new();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for (at, _) in text.match_indices("paperboy_") {
        let rest = &text[at..];
        let name = &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())];
        let labels = rest[name.len()..]
            .strip_prefix('{')
            .and_then(|rest| rest.split('}').next())
            .unwrap_or_default();
        let labels = labels.split(',').filter_map(|label| {
            let (key, value) = label.split_once("=\"")?;
            Some((
                key.trim().to_owned(),
                value.trim_end_matches('"').to_owned(),
            ))
        });
        found.insert((
            name.to_owned(),
            labels.filter(|(key, _)| !key.ends_with('~')).collect(),
        ));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_of_the_dashboard_and_the_alert_rules_exist() {
    let relay = FakeRelay::start().await;
    let place = Place::new(relay.port());
    place.says(&["subscribers", "add", "ada@lab.test", "--min-score", "0"]);
    place.says(&["papers", "import", "papers.jsonl"]);
    place.says(&["publish", "--now", "2100-01-01T12:00:00Z"]);
    place.says(&["deliver"]);
    place.says(&["fetch"]);
    let now = SystemClock.now();
    let conn = rusqlite::Connection::open(place.path("paperboy.db")).unwrap();
    conn.execute(
        "INSERT INTO reports (key, address_key, class, diagnostic, source, action, at)
         VALUES ('k', 'ada@lab.test', 'policy', '', 'alias', 'alarm', ?1)",
        [now.timestamp()],
    )
    .unwrap();
    drop(conn);
    {
        let mut store = SqliteStore::open(&place.path("paperboy.db")).unwrap();
        let store: &mut dyn paperboy::store::Store = &mut store;
        store.note_upkeep("", now).unwrap();
        let run = RunRow {
            date: now.date_naive(),
            since: now,
            at: now,
            figures: RunFigures::default(),
        };
        assert!(store.save_run(&run, None, now).unwrap());
    }
    let mut service = place.starts(|_| {});
    service
        .waits("ready", |service| service.log().contains("ready"))
        .await;
    service
        .waits("sending", |service| {
            service.page("/metrics").contains("paperboy_sending 1")
        })
        .await;
    service
        .waits("alarms", |service| {
            service
                .page("/metrics")
                .contains("{name=\"policy_refused\"} 1")
        })
        .await;
    let page = service.page("/metrics");
    let ready = service.page("/readyz");
    assert!(
        ready.contains("200 OK") && ready.contains(r#""alarm":"policy_refused""#),
        "{ready}"
    );
    service.stops();
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    let board: Value =
        serde_json::from_str(&fs::read_to_string(deploy.join("grafana.json")).unwrap()).unwrap();
    let asked = board["panels"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|panel| panel["targets"].as_array().unwrap());
    let mut text: Vec<String> = asked
        .map(|target| target["expr"].as_str().unwrap().to_owned())
        .collect();
    assert!(text.len() >= 15, "{text:?}");
    text.push(fs::read_to_string(deploy.join("alerts.yml")).unwrap());
    for (name, labels) in metrics(&text.join("\n")) {
        let is_there = page.lines().any(|line| {
            line.strip_prefix(&name)
                .is_some_and(|rest| rest.starts_with([' ', '{']))
                && labels
                    .iter()
                    .all(|(key, value)| line.contains(&format!("{key}=\"{value}\"")))
        });
        assert!(is_there, "{name}{labels:?} is not in\n{page}");
    }
    // `check` shows alarms that stand, too.
    let said = String::from_utf8(place.runs(&["check", "--dns", "127.0.0.1:1"]).stdout).unwrap();
    assert!(
        said.contains("alarm      policy_refused, since ")
            && said.contains("nobody is suppressed for it"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_is_told_when_it_is_ready_reloads_lives_and_stops() {
    let relay = FakeRelay::start().await;
    let place = Place::new(relay.port());
    let address = place.path("notify");
    let socket = UnixDatagram::bind(&address).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let mut service = place.starts(|command| {
        command
            .env("NOTIFY_SOCKET", &address)
            .env("WATCHDOG_USEC", "400000");
    });
    let mut told = Vec::new();
    let mut hears = |word: &str| {
        let began = Instant::now();
        loop {
            let mut bytes = [0; 4096];
            if let Ok(length) = socket.recv(&mut bytes) {
                told.extend(
                    String::from_utf8_lossy(&bytes[..length])
                        .lines()
                        .map(str::to_owned),
                );
            }
            if let Some(at) = told.iter().position(|line| line.starts_with(word)) {
                told.drain(..=at);
                return;
            }
            assert!(began.elapsed() < LIMIT, "not told {word}: {told:?}");
        }
    };
    hears("READY=1");
    hears("WATCHDOG=1");
    hears("WATCHDOG=1");
    let id = service.child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-HUP", &id])
            .status()
            .unwrap()
            .success()
    );
    hears("RELOADING=1");
    hears("READY=1");
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    hears("STOPPING=1");
    assert!(service.child.wait().unwrap().success());
}
