//! Alarms, from the finding to the mailbox and the webhook.

use crate::harness::environment::{missing, python_with};
use crate::harness::fake_smtp::FakeRelay;
use crate::harness::town::{Town, composer, instant};
use crate::outbox::delivery::{issue, subscriber};
use chrono::{DateTime, TimeDelta, Utc};
use paperboy::clock::{Clock, FixedClock};
use paperboy::edition::Composer;
use paperboy::findings::webhook::SIGNATURE_HEADER;
use paperboy::findings::{
    AlarmMonitor, AlarmSettings, AlarmWebhook, FactSettings, MonitorContext, RunMail, RunReporter,
    WebhookSender, relay_name,
};
use paperboy::outbox::smtp::Timeouts;
use paperboy::outbox::{
    DeliveryService, RateLimits, RetrySettings, Security, SmtpSettings, Transport,
};
use paperboy::random::NoChance;
use paperboy::store::sqlite::SqliteStore;
use paperboy::store::{AlarmRow, Db, OutboxFilter};
use paperboy::subscriber::Status;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

/// A monitored installation with a relay and a clock that tests set.
struct Watched {
    folder: TempDir,
    db: Db,
    clock: Arc<FixedClock>,
    relay: FakeRelay,
    smtp: SmtpSettings,
    composer: Arc<Composer>,
    watch: AlarmMonitor,
    poster: WebhookSender,
    settings: AlarmSettings,
}

impl Watched {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = SqliteStore::migrate(&folder.path().join("paperboy.db")).unwrap();
        let (db, relay) = (Db::new(store), FakeRelay::start().await);
        let clock = Arc::new(FixedClock::at(instant("2026-03-26T12:00")));
        let smtp = SmtpSettings {
            port: relay.port(),
            security: Security::None,
            connections: 1,
            rate: RateLimits {
                per_second: 0,
                per_minute: 0,
                per_hour: 0,
            },
            retry: RetrySettings {
                breaker: TimeDelta::seconds(60),
                ..RetrySettings::default()
            },
            ..SmtpSettings::default()
        };
        let unstored = Arc::default();
        let watch = AlarmMonitor::new(
            db.clone(),
            Arc::clone(&clock) as Arc<dyn Clock>,
            Arc::clone(&unstored),
        );
        let poster = WebhookSender {
            db: db.clone(),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            unstored,
        };
        let settings = AlarmSettings::default();
        Watched {
            folder,
            db,
            clock,
            relay,
            smtp,
            composer: Arc::new(composer()),
            watch,
            poster,
            settings,
        }
    }

    fn house(&self) -> MonitorContext {
        MonitorContext {
            settings: self.settings.clone(),
            facts: FactSettings {
                relay: relay_name(&Transport::Smtp(self.smtp.clone())),
                latest_send: TimeDelta::hours(3),
                sources: Vec::new(),
            },
            database: self.folder.path().join("paperboy.db"),
            certificate: None,
            witness: None,
        }
    }

    fn queues(&self, name: &str) {
        let (now, person) = (self.clock.now(), subscriber(&format!("{name}@example.org")));
        self.db
            .run_here(|store| {
                store.enter_subscribers(std::slice::from_ref(&person), now)?;
                let mut found = store.subscriber(&person.address)?.expect("was entered");
                store.enqueue_issues(
                    &[issue(&found.address, found.id, now + TimeDelta::hours(18))],
                    now,
                )?;
                // Nothing is published here, so the reader must not be overdue.
                found.details.status = Status::Paused;
                store.save_subscriber(&found, now)
            })
            .unwrap();
    }

    async fn delivers(&self) {
        let sender =
            Arc::new(|id: paperboy::store::DeliveryId| format!("bounces+{}@example.org", id.0));
        let service = DeliveryService::with_timeouts(
            self.db.clone(),
            Arc::clone(&self.clock) as Arc<dyn Clock>,
            Arc::new(NoChance),
            &Transport::Smtp(self.smtp.clone()),
            sender,
            CancellationToken::new(),
            Timeouts::all(Duration::from_secs(20)),
        );
        service
            .unwrap()
            .with_holder("us")
            .run_until_empty(false)
            .await
            .unwrap();
    }

    /// Minutes pass; in each, mail is sent and the monitor looks once.
    async fn pass(&self, minutes: i64) {
        for _ in 0..minutes {
            self.clock.set(self.clock.now() + TimeDelta::minutes(1));
            self.delivers().await;
            self.watch.step(self.house(), &self.composer).await.unwrap();
        }
    }

    fn alarms(&self) -> Vec<AlarmRow> {
        self.db
            .run_here(|store| store.alarms(DateTime::UNIX_EPOCH))
            .unwrap()
    }

    fn standing(&self) -> Vec<String> {
        self.alarms()
            .into_iter()
            .filter(AlarmRow::stands)
            .map(|alarm| alarm.name)
            .collect()
    }

    /// The mails to the operator: subject and text.
    fn told(&self) -> Vec<(String, String)> {
        let parser = mail_parser::MessageParser::default();
        let kept = self.relay.kept_for("operator@example.org");
        kept.iter()
            .map(|mail| {
                let message = parser.parse(&mail.bytes).unwrap();
                let text = message
                    .body_text(0)
                    .unwrap()
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ");
                (message.subject().unwrap().to_owned(), text)
            })
            .collect()
    }
}

#[tokio::test]
async fn relay_alarms_are_mailed_together_once_the_relay_works_again() {
    let mut house = Watched::new().await;
    house.queues("ada");
    house.relay.goes_down().await;
    house.pass(10).await;
    assert_eq!(house.standing(), [] as [&str; 0], "a relay may restart");
    house.pass(10).await;
    assert_eq!(house.standing(), ["relay_down"]);
    // Meanwhile a second problem appears.
    house.settings.backup_folder = Some(house.folder.path().join("backups"));
    house.pass(60).await;
    assert_eq!(house.standing(), ["backup_old", "relay_down"]);
    let queued = house
        .db
        .run_here(|store| store.deliveries(&OutboxFilter::default()))
        .unwrap();
    assert_eq!(
        queued.len(),
        1,
        "no mail about a relay that takes none: {queued:?}"
    );

    house.relay.comes_up().await;
    house.pass(50).await;
    assert_eq!(house.standing(), ["backup_old"]);
    let told = house.told();
    assert_eq!(told.len(), 1, "{told:?}");
    let (subject, text) = &told[0];
    assert!(
        subject.contains("there is no backup in alarms.backup_folder (1 over)"),
        "{subject}"
    );
    assert!(
        text.contains("was so, and is over: the relay 127.0.0.1"),
        "{text}"
    );
    assert!(text.contains("paperboy backup FILE"), "what to do: {text}");
    assert!(
        text.contains("https://digest.example.org/admin"),
        "where to look: {text}"
    );
    assert_eq!(house.relay.kept_for("ada@example.org").len(), 1);

    // A lasting alarm is mailed again after a day, and its end once.
    house.pass(24 * 60).await;
    assert_eq!(house.told().len(), 2);
    assert!(
        house.told()[1].0.contains("still: there is no backup"),
        "{:?}",
        house.told()[1]
    );
    let folder = house.settings.backup_folder.clone().unwrap();
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("paperboy.db"), "a backup").unwrap();
    house.settings.backup_age = TimeDelta::days(36_500);
    house.pass(60).await;
    assert_eq!(house.told().len(), 3);
    assert!(
        house.told()[2].0.contains("over: there is no backup"),
        "{:?}",
        house.told()[2]
    );
    assert_eq!(house.standing(), [] as [&str; 0]);
}

#[tokio::test]
async fn alarm_mail_that_is_turned_off_is_not_sent() {
    let mut house = Watched::new().await;
    house.settings.mail = false;
    house.settings.backup_folder = Some(house.folder.path().join("backups"));
    house.pass(30).await;
    assert_eq!(
        (house.standing(), house.told().len()),
        (vec!["backup_old".to_owned()], 0)
    );
}

#[tokio::test]
async fn mails_to_the_operator_raise_no_alarms() {
    let mut house = Watched::new().await;
    house.settings.backup_folder = Some(house.folder.path().join("backups"));
    house
        .relay
        .on(crate::harness::fake_smtp::At::Rcpt)
        .to("operator@example.org")
        .says("450 4.2.0 later");
    house.pass(20 * 60).await;
    assert_eq!(
        house.standing(),
        ["backup_old"],
        "not that its own mail waits, or expired"
    );
    let mails = house
        .db
        .run_here(|store| store.deliveries(&OutboxFilter::default()))
        .unwrap();
    assert_eq!(mails.len(), 1);
}

/// A webhook that answers with these statuses in turn, then always with the last one.
async fn receiver(statuses: Vec<u16>) -> (String, Arc<Mutex<Vec<(String, String)>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let posts: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    let taken = Arc::clone(&posts);
    tokio::spawn(async move {
        let mut statuses = statuses.into_iter().peekable();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let (head, body) = loop {
                let mut part = [0; 4096];
                let length = stream.read(&mut part).await.unwrap();
                request.extend_from_slice(&part[..length]);
                let text = String::from_utf8_lossy(&request).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else {
                    continue;
                };
                let head = head.to_lowercase();
                let wanted: usize = head
                    .split("content-length: ")
                    .nth(1)
                    .unwrap()
                    .lines()
                    .next()
                    .unwrap()
                    .parse()
                    .unwrap();
                if body.len() >= wanted {
                    break (head.clone(), body.to_owned());
                }
            };
            let status = *statuses.peek().unwrap();
            if statuses.len() > 1 {
                statuses.next();
            }
            taken.lock().unwrap().push((head, body));
            let reply =
                format!("HTTP/1.1 {status} -\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(reply.as_bytes()).await.unwrap();
        }
    });
    (url, posts)
}

const VERIFIES: &str = "
import hashlib, hmac, sys
signature, body = sys.stdin.buffer.read().split(b'\\n', 1)
assert signature == b'sha256=' + hmac.new(b'hook secret', body, hashlib.sha256).hexdigest().encode()
";

#[tokio::test]
async fn the_webhook_is_told_of_both_ends_in_order_and_again_until_it_takes_it() {
    let mut house = Watched::new().await;
    let (url, posts) = receiver(vec![500, 302, 200]).await;
    let webhook = AlarmWebhook {
        url,
        secret: Some("hook secret".into()),
    };
    let folder = house.folder.path().join("backups");
    house.settings.backup_folder = Some(folder.clone());
    house.pass(1).await;
    assert!(house.poster.step(&webhook).await.is_err());
    assert!(
        house.poster.step(&webhook).await.is_err(),
        "redirects are not followed"
    );
    assert!(house.poster.step(&webhook).await.unwrap());
    assert!(!house.poster.step(&webhook).await.unwrap(), "once");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("paperboy.db"), "a backup").unwrap();
    house.settings.backup_age = TimeDelta::days(36_500);
    house.pass(20).await;
    assert!(house.poster.step(&webhook).await.unwrap());
    assert!(!house.poster.step(&webhook).await.unwrap(), "once");

    let posts = posts.lock().unwrap().clone();
    let bodies: Vec<serde_json::Value> = posts
        .iter()
        .map(|(_, body)| serde_json::from_str(body).unwrap())
        .collect();
    let states: Vec<&str> = bodies
        .iter()
        .map(|body| body["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["raised", "raised", "raised", "over"]);
    let last = bodies.last().unwrap().as_object().unwrap();
    assert_eq!(
        last.keys().collect::<Vec<_>>(),
        ["alarm", "at", "remedy", "state", "text"]
    );
    assert_eq!(last["alarm"], "backup_old");
    assert!(
        last["at"]
            .as_str()
            .unwrap()
            .parse::<DateTime<Utc>>()
            .is_ok()
    );
    let Some(python) = python_with("hashlib") else {
        return missing("python");
    };
    for (head, body) in posts {
        let signature = head
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{SIGNATURE_HEADER}: ")))
            .unwrap();
        let mut command = Command::new(&python);
        let mut check = command
            .args(["-c", VERIFIES])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        check
            .stdin
            .take()
            .unwrap()
            .write_all(format!("{signature}\n{body}").as_bytes())
            .unwrap();
        assert!(
            check.wait().unwrap().success(),
            "{signature} does not fit {body}"
        );
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_written_is_told_without_it() {
    let mut house = Watched::new().await;
    let (url, posts) = receiver(vec![200]).await;
    let webhook = AlarmWebhook { url, secret: None };
    let path = house.folder.path().join("paperboy.db");
    let writable = std::mem::replace(
        &mut house.watch.db,
        Db::new(SqliteStore::open_to_read(&path).unwrap()),
    );
    for _ in 0..5 {
        house.clock.set(house.clock.now() + TimeDelta::minutes(1));
        assert!(
            house
                .watch
                .step(house.house(), &house.composer)
                .await
                .is_err()
        );
    }
    assert!(house.poster.step(&webhook).await.unwrap());
    assert!(!house.poster.step(&webhook).await.unwrap(), "once");
    house.watch.db = writable;
    house.pass(1).await;
    assert!(house.poster.step(&webhook).await.unwrap());
    assert!(!house.poster.step(&webhook).await.unwrap());
    let bodies: Vec<String> = posts
        .lock()
        .unwrap()
        .iter()
        .map(|(_, body)| body.clone())
        .collect();
    assert!(
        bodies[0].contains(r#""alarm":"database_not_writable","state":"raised""#),
        "{bodies:?}"
    );
    assert!(
        bodies[1].contains(r#""alarm":"database_not_writable","state":"over""#),
        "{bodies:?}"
    );
    house.pass(1).await;
    assert!(
        house.told()[0]
            .0
            .contains("was so, and is over: the database cannot be written"),
        "{:?}",
        house.told()
    );
}

#[tokio::test]
async fn each_day_is_summed_up_once_and_by_mail_if_that_is_wanted() {
    let mut town = Town::new("2026-03-26T00:00").await;
    for name in ["ada", "bob"] {
        town.subscribes(name, r#"{"send_at": "07:00", "min_score": 0}"#);
    }
    town.subscribes("eve", r#"{"send_at": "07:00", "min_score": 0}"#);
    town.announces("2026-03-26", "cs.LG");
    town.awaits("2026-03-26", "cs.CL");
    town.passes_to("2026-03-26T19:55").await;
    let teller = RunReporter {
        db: town.db.clone(),
        clock: Arc::clone(&town.clock) as Arc<dyn Clock>,
    };
    let (composer, settings) = (
        Arc::new(composer()),
        AlarmSettings {
            summary: RunMail::Daily,
            ..AlarmSettings::default()
        },
    );
    // The day before had no event, so there is no report of it.
    assert!(!teller.step(&settings, &composer).await.unwrap());
    town.passes_to("2026-03-26T20:00").await;
    assert!(teller.step(&settings, &composer).await.unwrap());
    assert!(!teller.step(&settings, &composer).await.unwrap(), "once");
    let runs = town.db.run_here(|store| store.runs(9)).unwrap();
    let figures = &runs[0].figures;
    assert_eq!(
        (
            runs.len(),
            figures.composed,
            figures.accepted,
            figures.papers
        ),
        (1, 3, 3, 3)
    );
    assert_eq!((figures.readers, figures.joined), (3, 3));
    assert_eq!(figures.sources_late, ["arxiv cs.CL 2026-03-26 (waiting)"]);
    assert_eq!(figures.next, Some(instant("2026-03-27T07:00")));
    let mails = town
        .db
        .run_here(|store| store.deliveries(&OutboxFilter::default()))
        .unwrap();
    let mail = mails
        .iter()
        .find(|mail| mail.address == "operator@example.org")
        .unwrap();
    assert!(mail.subject.contains("3 issues sent"), "{}", mail.subject);

    // A service that was down reports the last day only, and the next report begins there.
    town.is_down_until("2026-03-30T21:00");
    let never = AlarmSettings::default();
    assert!(!teller.step(&never, &composer).await.unwrap());
    let runs = town.db.run_here(|store| store.runs(9)).unwrap();
    let dates: Vec<String> = runs.iter().map(|run| run.date.to_string()).collect();
    assert_eq!(dates, ["2026-03-30", "2026-03-26"]);
    assert_eq!(runs[0].since, instant("2026-03-29T20:00"));
}

#[test]
fn an_alarm_forgets_whoever_is_erased() {
    let mut store = SqliteStore::in_memory().unwrap();
    let store: &mut dyn paperboy::store::Store = &mut store;
    let now = instant("2026-03-26T12:00");
    let ada = subscriber("ada@example.org");
    store
        .enter_subscribers(std::slice::from_ref(&ada), now)
        .unwrap();
    let row = AlarmRow {
        id: 0,
        name: "relay_refuses_us".to_owned(),
        about: String::new(),
        text: "refused".to_owned(),
        remedy: "look".to_owned(),
        detail: "rcpt: 550 5.7.1 <Ada@example.org> is not for you".to_owned(),
        since: now,
        seen_at: now,
        raised_at: Some(now),
        over_at: None,
        mailed_at: None,
        mail_done: false,
        posted_at: None,
        post_done: false,
    };
    store
        .save_alarms(std::slice::from_ref(&row), None, now)
        .unwrap();
    store.save_alarms(&[row], None, now).unwrap();
    assert_eq!(store.alarms(now).unwrap().len(), 1, "one of a kind stands");
    let id = store.subscriber(&ada.address).unwrap().unwrap().id;
    assert!(store.erase_subscriber(id, "hash", now).unwrap());
    assert_eq!(store.alarms(now).unwrap()[0].detail, "");
}
