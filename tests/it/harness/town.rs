//! A town whose readers get papers: the stages over a real database and a real
//! socket, with a clock that is moved by hand.
//!
//! ```ignore
//! let mut town = Town::new("2026-03-26T00:00").await;
//! town.subscribes("ada", r#"{"timezone": "Europe/Berlin", "send_at": "07:00"}"#);
//! town.announces("2026-03-26", "cs.LG");
//! town.passes_to("2026-03-27T00:00").await;
//! assert_eq!(town.mail_to("ada"), ["issue of 2026-03-26 at 2026-03-26T06:00"]);
//! ```

use crate::harness::fake_smtp::FakeRelay;
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use paperboy::archive::ActiveEmbedder;
use paperboy::clock::{Clock, FixedClock};
use paperboy::coverage::{CoverageState, CoverageUpdate};
use paperboy::digest::{Branding, DigestSettings, Templates};
use paperboy::edition::{Composer, PublishLoop, Published};
use paperboy::fields::Fields;
use paperboy::links::ReturnAddresses;
use paperboy::outbox::smtp::Timeouts;
use paperboy::outbox::{DeliveryService, RateLimits, Security, SmtpSettings, Transport};
use paperboy::paper::Paper;
use paperboy::random::NoChance;
use paperboy::site::Site;
use paperboy::store::sqlite::SqliteStore;
use paperboy::store::{Db, OutboxFilter};
use paperboy::subscriber::{Status, Subscriber, read_subscriber};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the town's service takes a step.
const STEP: TimeDelta = TimeDelta::minutes(5);

/// How every title begins; a number follows.
const TITLE: &str = "Learning to count to ";

pub(crate) struct Town {
    pub(crate) db: Db,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) relay: FakeRelay,
    composer: Composer,
    publisher: PublishLoop,
    /// What arrived, and when.
    mail: Vec<Mail>,
    papers: u32,
    /// What publishing came to, all steps together.
    pub(crate) published: Published,
}

#[derive(Debug, Clone)]
struct Mail {
    to: String,
    issue: NaiveDate,
    at: DateTime<Utc>,
    text: String,
}

/// An instant like `2026-03-29T07:00`, in UTC.
pub(crate) fn instant(text: &str) -> DateTime<Utc> {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M")
        .unwrap()
        .and_utc()
}

fn address(name: &str) -> String {
    format!("{name}@example.org")
}

/// A composer with the embedded templates and a secret of sevens.
pub(crate) fn composer() -> Composer {
    let settings = DigestSettings::default();
    let site = Site {
        name: "The town's papers".to_owned(),
        base_url: "https://digest.example.org".to_owned(),
        from: "Papers <digest@example.org>".parse().unwrap(),
        contact: "operator@example.org".parse().unwrap(),
        secret: vec![7; 32].into(),
        old_secrets: Vec::new(),
    };
    Composer {
        branding: Branding::new(&site, &settings),
        templates: Templates::load(&settings).unwrap(),
        signer: site.signer(),
        return_addresses: ReturnAddresses::default(),
        dkim: None,
        model: Arc::new(ActiveEmbedder::new("no models")),
        shelf_life: TimeDelta::hours(18),
        latest_send: TimeDelta::hours(3),
        max_lateness: TimeDelta::hours(12),
        site,
    }
}

impl Town {
    /// A town at `now`, without papers and readers.
    pub(crate) async fn new(now: &str) -> Self {
        Town {
            db: Db::new(SqliteStore::in_memory().unwrap()),
            clock: Arc::new(FixedClock::at(instant(now))),
            relay: FakeRelay::start().await,
            composer: composer(),
            publisher: PublishLoop::default(),
            mail: Vec::new(),
            papers: 0,
            published: Published::default(),
        }
    }

    /// `name` subscribes; `wishes` is what stands in a file of subscribers.
    pub(crate) fn subscribes(&self, name: &str, wishes: &str) {
        let mut wishes: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(wishes).unwrap();
        wishes.insert("email".to_owned(), address(name).into());
        let mut fields = Fields::new(wishes);
        let new = read_subscriber(&mut fields, None).unwrap();
        assert_eq!(fields.into_all_problems(), []);
        let now = self.clock.now();
        self.db
            .run_here(|store| store.enter_subscribers(&[new], now))
            .unwrap();
    }

    /// `name` changes something.
    pub(crate) fn changes(&self, name: &str, change: impl FnOnce(&mut Subscriber)) {
        let (address, now) = (address(name).parse().unwrap(), self.clock.now());
        let mut subscriber = self
            .db
            .run_here(|store| store.subscriber(&address))
            .unwrap()
            .unwrap();
        change(&mut subscriber);
        self.db
            .run_here(|store| store.save_subscriber(&subscriber, now))
            .unwrap();
    }

    pub(crate) fn pauses(&self, name: &str) {
        self.changes(name, |subscriber| {
            subscriber.details.status = Status::Paused;
        });
    }

    pub(crate) fn resumes(&self, name: &str) {
        self.changes(name, |subscriber| {
            subscriber.details.status = Status::Active;
        });
    }

    /// The source announces three papers in `category` on `date`.
    pub(crate) fn announces(&mut self, date: &str, category: &str) {
        let papers: Vec<Paper> = (0..3)
            .map(|_| {
                self.papers += 1;
                Paper {
                    abstract_text: "We learn to count further than before.".to_owned(),
                    authors: vec!["Ada Counter".to_owned()],
                    categories: vec![category.to_owned()],
                    announced: Some(date.parse().unwrap()),
                    upvotes: Some(self.papers),
                    ..Paper::new(
                        format!("2603.{:05}", self.papers).parse().unwrap(),
                        format!("{TITLE}{} things", self.papers),
                    )
                }
            })
            .collect();
        self.learns(date, category, CoverageState::Complete, &papers);
    }

    /// The source is known to have nothing in `category` on `date`.
    pub(crate) fn is_quiet(&self, date: &str, category: &str) {
        self.learns(date, category, CoverageState::Quiet, &[]);
    }

    /// What the source has in `category` on `date` has not come yet.
    pub(crate) fn awaits(&self, date: &str, category: &str) {
        self.learns(date, category, CoverageState::Waiting, &[]);
    }

    fn learns(&self, date: &str, category: &str, state: CoverageState, papers: &[Paper]) {
        let now = self.clock.now();
        let news = CoverageUpdate {
            category: category.to_owned(),
            date: date.parse().unwrap(),
            state,
            declared: None,
            papers: papers.len() as u32,
            announced_at: None,
            note: String::new(),
        };
        self.db
            .run_here(|store| store.take_batch("arxiv", papers, &[news], now))
            .unwrap();
    }

    /// Time passes to `then`, and the service does its work.
    pub(crate) async fn passes_to(&mut self, then: &str) {
        let then = instant(then);
        self.works().await;
        while self.clock.now() < then {
            self.clock.set((self.clock.now() + STEP).min(then));
            self.works().await;
        }
    }

    /// Time passes to `then`, and the service is down.
    pub(crate) fn is_down_until(&mut self, then: &str) {
        self.clock.set(instant(then));
        // What it had in mind is gone.
        self.publisher = PublishLoop::default();
    }

    /// One step of the service: publish, deliver.
    async fn works(&mut self) {
        let now = self.clock.now();
        if let Some(published) = self
            .publisher
            .step(&self.db, &self.composer, now, || true)
            .unwrap()
        {
            self.published.queued += published.queued;
            self.published.late += published.late;
            self.published.empty += published.empty;
        }
        let (due, _) = self.db.run_here(|store| store.waiting(now)).unwrap();
        if due > 0 {
            self.service().run_until_empty(false).await.unwrap();
        }
        let rows = self
            .db
            .run_here(|store| store.deliveries(&OutboxFilter::default()))
            .unwrap();
        for kept in &self.relay.kept()[self.mail.len()..] {
            let text = String::from_utf8_lossy(&kept.bytes).into_owned();
            let issue = rows
                .iter()
                .find(|row| text.contains(&row.message_id))
                .unwrap()
                .local_date;
            self.mail.push(Mail {
                to: kept.to.clone(),
                issue,
                at: now,
                text,
            });
        }
    }

    fn service(&self) -> DeliveryService {
        let settings = SmtpSettings {
            port: self.relay.port(),
            security: Security::None,
            connections: 2,
            rate: RateLimits {
                per_second: 0,
                per_minute: 0,
                per_hour: 0,
            },
            ..SmtpSettings::default()
        };
        DeliveryService::with_timeouts(
            self.db.clone(),
            Arc::clone(&self.clock) as Arc<dyn Clock>,
            Arc::new(NoChance),
            &Transport::Smtp(settings),
            Arc::new(|id| format!("bounces+{}@example.org", id.0)),
            CancellationToken::new(),
            Timeouts::all(Duration::from_secs(20)),
        )
        .unwrap()
        .with_holder("the town's service")
    }

    /// What `name` got: which issue, and when (UTC).
    pub(crate) fn mail_to(&self, name: &str) -> Vec<String> {
        let mail = self.mail.iter().filter(|mail| mail.to == address(name));
        mail.map(|mail| format!("{} at {}", mail.issue, mail.at.format("%Y-%m-%dT%H:%M")))
            .collect()
    }

    /// The text of the last mail to `name`, unfolded.
    pub(crate) fn last_mail_to(&self, name: &str) -> String {
        self.mail
            .iter()
            .rev()
            .find(|mail| mail.to == address(name))
            .unwrap()
            .words()
    }

    /// How many papers all mails to `name` held together; a paper that came twice counts twice.
    pub(crate) fn papers_sent_to(&self, name: &str) -> usize {
        let mails = self.mail.iter().filter(|mail| mail.to == address(name));
        mails
            .map(|mail| {
                let text = mail.words();
                let numbers = text
                    .split(TITLE)
                    .skip(1)
                    .filter_map(|rest| rest.split(' ').next());
                numbers.map(str::to_owned).collect::<BTreeSet<_>>().len()
            })
            .sum()
    }
}

impl Mail {
    /// The words of the text part.
    fn words(&self) -> String {
        let message = mail_parser::MessageParser::default()
            .parse(&self.text)
            .unwrap();
        message
            .body_text(0)
            .unwrap()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    }
}
