//! The outbox from the ledger to the server and back, over real sockets and a real database.

use crate::harness::fake_smtp::{At, FakeRelay};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use paperboy::clock::{Clock, FixedClock};
use paperboy::outbox::smtp::Timeouts;
use paperboy::outbox::{
    DeliverError, DeliveryService, OnUncertain, Protocol, RateLimits, RetrySettings, Security,
    SendingLock, SmtpSettings, Summary, Transport,
};
use paperboy::random::NoChance;
use paperboy::store::sqlite::SqliteStore;
use paperboy::store::{Db, DeliveryRow, DeliveryState, LedgerTurn, NewIssue, OutboxFilter};
use paperboy::subscriber::{NewSubscriber, Preferences, Status};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// An operator's outbox: a database, a relay, and a clock that is moved by hand.
pub(crate) struct Outbox {
    folder: TempDir,
    db: Db,
    clock: Arc<FixedClock>,
    pub(crate) relay: FakeRelay,
    pub(crate) settings: SmtpSettings,
    pub(crate) timeouts: Timeouts,
    stop: CancellationToken,
}

impl Outbox {
    /// With one connection, so that the order of events is known.
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = SqliteStore::migrate(&folder.path().join("paperboy.db")).unwrap();
        let relay = FakeRelay::start().await;
        let settings = SmtpSettings {
            port: relay.port(),
            security: Security::None,
            connections: 1,
            rate: RateLimits {
                per_second: 0,
                per_minute: 0,
                per_hour: 0,
            },
            ..SmtpSettings::default()
        };
        Outbox {
            folder,
            db: Db::new(store),
            clock: Arc::new(FixedClock::at("2026-08-04T07:00:00Z".parse().unwrap())),
            relay,
            settings,
            timeouts: Timeouts::all(Duration::from_secs(20)),
            stop: CancellationToken::new(),
        }
    }

    pub(crate) fn with_connections(mut self, connections: usize) -> Self {
        self.settings.connections = connections;
        self
    }

    pub(crate) fn with_retry(mut self, change: impl FnOnce(&mut RetrySettings)) -> Self {
        change(&mut self.settings.retry);
        self
    }

    /// Composes an issue for each of `names`, at example.org, and queues it.
    pub(crate) fn queues(&self, names: &[&str]) {
        let now = self.clock.now();
        let people: Vec<NewSubscriber> = names
            .iter()
            .map(|name| subscriber(&address(name)))
            .collect();
        self.db
            .run_here(|store| {
                store.enter_subscribers(&people, now)?;
                let mut issues = Vec::new();
                for person in &people {
                    let found = store.subscriber(&person.address)?.expect("was entered");
                    issues.push(issue(
                        &found.address,
                        found.id,
                        now + self.settings.retry.shelf_life,
                    ));
                }
                assert!(
                    store
                        .enqueue_issues(&issues, now)?
                        .iter()
                        .all(Option::is_some)
                );
                Ok(())
            })
            .unwrap();
    }

    /// Queues an issue for `name`, dated so many days later.
    fn queues_on(&self, name: &str, day: i64) {
        let now = self.clock.now();
        let person = subscriber(&address(name));
        self.db
            .run_here(|store| {
                store.enter_subscribers(std::slice::from_ref(&person), now)?;
                let found = store.subscriber(&person.address)?.expect("was entered");
                let issue = issue(
                    &found.address,
                    found.id,
                    now + self.settings.retry.shelf_life,
                );
                let (date, message_id) = (
                    issue.local_date + TimeDelta::days(day),
                    format!("{day}.{}", issue.message_id),
                );
                store.enqueue_issues(
                    &[NewIssue {
                        local_date: date,
                        message_id,
                        ..issue
                    }],
                    now,
                )?;
                Ok(())
            })
            .unwrap();
    }

    fn service(&self) -> DeliveryService {
        self.service_to(&Transport::Smtp(self.settings.clone()))
    }

    fn service_to(&self, transport: &Transport) -> DeliveryService {
        let sender =
            Arc::new(|id: paperboy::store::DeliveryId| format!("bounces+{}@example.org", id.0));
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let (db, stop) = (self.db.clone(), self.stop.clone());
        DeliveryService::with_timeouts(
            db,
            clock,
            Arc::new(NoChance),
            transport,
            sender,
            stop,
            self.timeouts,
        )
        .unwrap()
    }

    pub(crate) async fn delivers(&self) -> Summary {
        self.service()
            .with_holder("us")
            .run_until_empty(false)
            .await
            .unwrap()
    }

    pub(crate) fn passes(&self, time: TimeDelta) {
        self.clock.set(self.clock.now() + time);
    }

    pub(crate) fn rows(&self) -> Vec<DeliveryRow> {
        self.db
            .run_here(|store| store.deliveries(&OutboxFilter::default()))
            .unwrap()
    }

    pub(crate) fn row(&self, name: &str) -> DeliveryRow {
        let address = address(name);
        self.rows()
            .into_iter()
            .find(|row| row.address == address)
            .unwrap()
    }

    pub(crate) fn state(&self, name: &str) -> DeliveryState {
        self.row(name).state
    }

    /// How many deliveries stand where.
    fn states(&self) -> BTreeMap<&'static str, u64> {
        let counts = self.db.run_here(|store| store.count_deliveries()).unwrap();
        counts
            .into_iter()
            .map(|(state, count)| (state.word(), count))
            .collect()
    }

    pub(crate) fn suppressed(&self) -> Vec<String> {
        let suppressions = self.db.run_here(|store| store.suppressions()).unwrap();
        suppressions
            .into_iter()
            .map(|suppression| suppression.address.to_string())
            .collect()
    }
}

fn address(name: &str) -> String {
    if name.contains('@') {
        name.to_owned()
    } else {
        format!("{name}@example.org")
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("reader{at:03}")).collect()
}

fn refs(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

pub(crate) fn subscriber(address: &str) -> NewSubscriber {
    NewSubscriber {
        address: address.parse().unwrap(),
        name: String::new(),
        status: Status::Active,
        preferences: Preferences::default(),
        interests: Vec::new(),
    }
}

pub(crate) fn issue(
    address: &paperboy::subscriber::Address,
    subscriber: paperboy::subscriber::SubscriberId,
    expires_at: DateTime<Utc>,
) -> NewIssue {
    let date = NaiveDate::from_ymd_opt(2026, 8, 4).unwrap();
    let message_id = format!("issue.{}@example.org", subscriber.0);
    NewIssue {
        subscriber,
        local_date: date,
        covers: Some((date, date)),
        address: address.clone(),
        subject: "papers".to_owned(),
        message: format!("Message-ID: <{message_id}>\r\nTo: {address}\r\n\r\n.papers\r\n")
            .into_bytes(),
        message_id,
        picks: Vec::new(),
        expires_at,
    }
}

#[tokio::test]
async fn everything_is_accepted_once() {
    let outbox = Outbox::new().await.with_connections(4);
    let people = names(150);
    outbox.queues(&refs(&people));
    let summary = outbox.delivers().await;
    assert_eq!(
        (summary.queued, summary.accepted, summary.relay_trouble),
        (150, 150, None)
    );
    assert_eq!(
        outbox.relay.recipients(),
        people.iter().map(|name| address(name)).collect::<Vec<_>>()
    );
    assert_eq!(outbox.states(), BTreeMap::from([("accepted", 150)]));
    for kept in outbox.relay.kept() {
        let row = outbox
            .rows()
            .into_iter()
            .find(|row| row.address == kept.to)
            .unwrap();
        assert_eq!(kept.from, format!("bounces+{}@example.org", row.id.0));
        let text = format!(
            "Message-ID: {}\r\nTo: {}\r\n\r\n.papers\r\n",
            row.message_id, row.address
        );
        assert_eq!(String::from_utf8(kept.bytes).unwrap(), text);
    }
    assert!(outbox.relay.connections() <= 4);
    // Nothing is left to do.
    assert_eq!(outbox.delivers().await.queued, 0);
    assert_eq!(outbox.relay.kept().len(), 150);
}

#[tokio::test]
async fn a_connection_carries_so_many_messages() {
    let mut outbox = Outbox::new().await;
    outbox.settings.messages_per_connection = 3;
    outbox.queues(&refs(&names(7)));
    outbox.delivers().await;
    let over: Vec<usize> = outbox
        .relay
        .kept()
        .iter()
        .map(|kept| kept.connection)
        .collect();
    assert_eq!(over, [1, 1, 1, 2, 2, 2, 3]);
    assert_eq!(outbox.relay.commands(1).last().unwrap(), "QUIT");
}

#[tokio::test]
async fn a_refused_recipient_costs_nobody_else() {
    let outbox = Outbox::new().await;
    outbox.queues(&["ada", "gone", "grace", "grey", "full", "hated", "mary"]);
    let relay = &outbox.relay;
    relay
        .on(At::Rcpt)
        .to("gone@example.org")
        .says("550 5.1.1 no such user");
    relay
        .on(At::Rcpt)
        .to("grey@example.org")
        .once()
        .says("451 4.7.1 greylisted");
    relay
        .on(At::Rcpt)
        .to("full@example.org")
        .says("552 5.2.2 mailbox full");
    relay
        .on(At::Text)
        .to("hated@example.org")
        .says("554 5.7.1 looks like spam");
    let summary = outbox.delivers().await;
    let counts = (
        summary.accepted,
        summary.rejected,
        summary.deferred,
        summary.relay_trouble,
    );
    assert_eq!(counts, (3, 2, 2, None));
    assert_eq!(outbox.relay.connections(), 1, "RSET is enough");
    let gone = outbox.row("gone");
    assert_eq!(gone.state, DeliveryState::Rejected);
    assert_eq!(
        (
            gone.stage.as_deref(),
            gone.code,
            gone.enhanced.as_deref(),
            gone.text.as_deref(),
            gone.attempts
        ),
        (
            Some("rcpt"),
            Some(550),
            Some("5.1.1"),
            Some("no such user"),
            1
        )
    );
    assert_eq!(
        outbox.suppressed(),
        ["gone@example.org"],
        "policy suppresses nobody"
    );
    assert_eq!(
        (outbox.state("hated"), outbox.state("full")),
        (DeliveryState::Rejected, DeliveryState::Deferred)
    );

    outbox.passes(TimeDelta::minutes(6));
    let summary = outbox.delivers().await;
    assert_eq!(
        (summary.queued, summary.accepted, summary.deferred),
        (2, 1, 1)
    );
    assert_eq!(outbox.state("grey"), DeliveryState::Accepted);
}

#[tokio::test]
async fn who_is_never_taken_expires_with_the_last_reply() {
    let outbox = Outbox::new().await;
    outbox.queues(&["full"]);
    outbox.relay.on(At::Rcpt).says("452 4.2.2 mailbox full");
    let mut tries = 0;
    while outbox.state("full") != DeliveryState::Expired {
        outbox.delivers().await;
        outbox.passes(TimeDelta::hours(1));
        tries += 1;
        assert!(tries < 30);
    }
    let row = outbox.row("full");
    assert!(
        row.code == Some(452)
            && row
                .text
                .as_ref()
                .is_some_and(|text| text.ends_with("mailbox full")),
        "{row:?}"
    );
    assert_eq!(outbox.relay.kept(), []);
}

#[tokio::test]
async fn a_message_whose_connection_was_lost_is_resent_once_with_the_same_bytes_and_then_held() {
    let outbox = Outbox::new().await;
    outbox.queues(&["ada", "cut", "grace"]);
    outbox
        .relay
        .on(At::Text)
        .to("cut@example.org")
        .keeps_it_and_closes();
    let summary = outbox.delivers().await;
    assert_eq!((summary.accepted, summary.uncertain), (2, 1));
    assert_eq!(outbox.state("cut"), DeliveryState::Uncertain);
    assert_eq!(outbox.delivers().await.accepted, 0, "not before its time");

    outbox.passes(TimeDelta::minutes(10));
    let summary = outbox.delivers().await;
    assert_eq!((summary.held, summary.uncertain), (1, 0));
    assert_eq!(outbox.state("cut"), DeliveryState::Held);
    let copies = outbox.relay.kept_for("cut@example.org");
    assert_eq!(copies.len(), 2);
    assert_eq!(copies[0].bytes, copies[1].bytes);

    outbox.passes(TimeDelta::hours(10));
    outbox.delivers().await;
    assert_eq!(
        outbox.relay.kept_for("cut@example.org").len(),
        2,
        "never a third time"
    );
}

#[tokio::test]
async fn a_lost_connection_may_be_followed_by_acceptance() {
    for how in ["closes", "resets", "hangs", "closes after its reply"] {
        let mut outbox = Outbox::new()
            .await
            .with_retry(|retry| retry.resend_after = TimeDelta::zero());
        let on = outbox.relay.on(At::Text).once();
        match how {
            "closes" => on.closes(),
            "resets" => on.resets(),
            "hangs" => {
                on.keeps_it_and_hangs();
                outbox.timeouts.text = Duration::from_millis(100);
                outbox.timeouts.dot = Duration::from_millis(100);
            }
            _ => on.keeps_it_says_so_and_closes(),
        }
        outbox.queues(&["ada", "grace"]);
        let summary = outbox.delivers().await;
        assert_eq!((summary.accepted, summary.uncertain), (2, 0), "{how}");
        let copies = outbox.relay.kept_for("ada@example.org").len();
        assert_eq!(copies, if how == "hangs" { 2 } else { 1 }, "{how}");
    }
}

#[tokio::test]
async fn an_operator_may_want_to_decide_about_lost_connections() {
    let outbox = Outbox::new()
        .await
        .with_retry(|retry| retry.on_uncertain = OnUncertain::Hold);
    outbox.queues(&["cut"]);
    outbox.relay.on(At::Text).keeps_it_and_closes();
    assert_eq!(outbox.delivers().await.held, 1);
    assert_eq!(outbox.relay.kept().len(), 1);
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_text_costs_only_itself() {
    for at in [At::Greeting, At::Mail, At::Rcpt, At::Data] {
        for how in ["closes", "resets"] {
            let outbox = Outbox::new().await;
            outbox.queues(&["ada", "grace", "mary", "kay"]);
            let rule = outbox
                .relay
                .on(at)
                .after(if at == At::Greeting { 0 } else { 2 })
                .once();
            if how == "closes" {
                rule.closes();
            } else {
                rule.resets();
            }
            let summary = outbox.delivers().await;
            if at == At::Greeting {
                // Not in mid-session: this relay does not want to talk.
                assert!(summary.relay_trouble.is_some());
                continue;
            }
            assert_eq!(
                (summary.accepted, summary.relay_trouble),
                (4, None),
                "{at:?} {how}"
            );
            assert_eq!(
                (outbox.relay.kept().len(), outbox.relay.connections()),
                (4, 2),
                "{at:?} {how}"
            );
            assert!(
                outbox.rows().iter().all(|row| row.attempts == 1),
                "{at:?} {how}"
            );
        }
    }
}

#[tokio::test]
async fn who_breaks_every_connection_waits_alone() {
    let outbox = Outbox::new().await;
    outbox.queues(&["ada", "poison", "grace"]);
    outbox.relay.on(At::Rcpt).to("poison@example.org").closes();
    let summary = outbox.delivers().await;
    assert_eq!(
        (summary.accepted, summary.deferred, summary.relay_trouble),
        (2, 1, None)
    );
    assert_eq!(outbox.row("poison").stage.as_deref(), Some("rcpt"));
}

#[tokio::test]
async fn mail_waits_while_the_relay_is_down_and_goes_out_later() {
    let outbox = Outbox::new().await.with_connections(4);
    outbox.queues(&refs(&names(20)));
    outbox.relay.goes_down().await;
    let summary = outbox.delivers().await;
    assert_eq!(
        (summary.queued, summary.accepted, summary.deferred),
        (20, 0, 0)
    );
    assert!(summary.relay_trouble.unwrap().starts_with("connect: "));
    assert_eq!(outbox.states(), BTreeMap::from([("rendered", 20)]));
    assert!(
        outbox.rows().iter().all(|row| row.attempts == 0),
        "nothing is counted against anybody"
    );

    outbox.relay.comes_up().await;
    outbox.delivers().await;
    assert_eq!(outbox.relay.connections(), 0, "it is given a minute");
    outbox.passes(TimeDelta::seconds(61));
    let summary = outbox.delivers().await;
    assert_eq!((summary.accepted, summary.relay_trouble), (20, None));
    assert_eq!(outbox.relay.kept().len(), 20);
}

#[tokio::test]
async fn a_relay_in_trouble_is_probed_with_one_connection_and_given_longer_and_longer() {
    let outbox = Outbox::new().await.with_connections(4);
    outbox.queues(&refs(&names(20)));
    outbox
        .relay
        .on(At::Greeting)
        .says_and_closes("421 4.3.2 too busy");
    outbox.delivers().await;
    let first = outbox.relay.connections();
    assert!((1..=4).contains(&first));
    for (wait, probes) in [(61, 1), (61, 1), (60, 2), (200, 2), (41, 3)] {
        outbox.passes(TimeDelta::seconds(wait));
        outbox.delivers().await;
        assert_eq!(
            outbox.relay.connections() - first,
            probes,
            "after {wait} seconds more"
        );
    }
    outbox.relay.behaves();
    outbox.passes(TimeDelta::minutes(30));
    assert_eq!(outbox.delivers().await.accepted, 20);
}

#[tokio::test]
async fn a_server_that_closes_after_some_messages_is_asked_again_at_once() {
    let outbox = Outbox::new().await;
    outbox.queues(&refs(&names(9)));
    for connection in 1..=2 {
        outbox
            .relay
            .on(At::Mail)
            .over(connection)
            .after(3)
            .says_and_closes("421 4.7.0 too many messages in this session");
    }
    let summary = outbox.delivers().await;
    assert_eq!(
        (
            summary.accepted,
            summary.relay_trouble,
            outbox.relay.connections()
        ),
        (9, None, 3)
    );
}

#[tokio::test]
async fn a_relay_that_refuses_everybody_loses_no_reader_and_no_issue() {
    let texts = [
        "550 5.7.1 your host is on a blocklist",
        "550 5.1.1 no such user",
        "550 words that nobody knows",
    ];
    for text in texts {
        for connections in [1, 4] {
            let outbox = Outbox::new().await.with_connections(connections);
            outbox.queues(&refs(&names(40)));
            outbox.relay.on(At::Rcpt).says(text);
            let summary = outbox.delivers().await;
            assert_eq!((summary.rejected, summary.accepted), (0, 0), "{text}");
            assert_eq!(summary.relay_trouble, Some(format!("rcpt: {text}")));
            assert_eq!(outbox.suppressed(), Vec::<String>::new(), "{text}");
            let waiting = outbox.states();
            assert_eq!(waiting["deferred"] + waiting["rendered"], 40, "{text}");
            assert!(waiting["deferred"] < 3 + connections as u64, "{text}");

            // A probe that is refused waits, too.
            outbox.passes(TimeDelta::seconds(61));
            assert_eq!(outbox.delivers().await.deferred, 1);
            outbox.relay.behaves();
            outbox.passes(TimeDelta::minutes(10));
            assert_eq!(outbox.delivers().await.accepted, 40, "{text}");
        }
    }
}

#[tokio::test]
async fn a_relay_that_begins_to_refuse_in_the_middle_suppresses_nobody() {
    let outbox = Outbox::new().await;
    outbox.queues(&refs(&names(30)));
    outbox
        .relay
        .on(At::Rcpt)
        .after(12)
        .says("550 5.1.1 unknown today");
    let summary = outbox.delivers().await;
    assert_eq!((summary.accepted, summary.rejected), (12, 0));
    assert!(summary.relay_trouble.is_some());
    assert_eq!(outbox.suppressed(), Vec::<String>::new());
}

#[tokio::test]
async fn dead_addresses_in_a_row_are_believed_when_they_are_refused_again() {
    let outbox = Outbox::new().await;
    let all = names(12);
    outbox.queues(&refs(&all));
    for name in &all[3..6] {
        let to = address(name);
        outbox
            .relay
            .on(At::Rcpt)
            .to(&to)
            .says("550 5.1.1 no such user");
    }
    let service = outbox.service();
    let run = service.begin().await.unwrap();
    run.step().await.unwrap();
    assert_eq!(outbox.states()["accepted"], 3);
    outbox.passes(TimeDelta::seconds(61));
    run.step().await.unwrap();
    run.step().await.unwrap();
    assert_eq!(outbox.suppressed(), Vec::<String>::new());
    outbox.passes(TimeDelta::minutes(10));
    run.step().await.unwrap();
    run.end().await.unwrap();
    let states = outbox.states();
    assert_eq!((states["accepted"], states["rejected"]), (9, 3));
    assert_eq!(outbox.suppressed().len(), 3);
}

#[tokio::test]
async fn a_refused_sender_or_login_pauses_the_run_at_once() {
    let outbox = Outbox::new().await;
    outbox.queues(&refs(&names(5)));
    outbox
        .relay
        .on(At::Mail)
        .says("550 5.7.1 sender not allowed");
    let summary = outbox.delivers().await;
    assert_eq!((summary.rejected, summary.deferred), (0, 0));
    assert!(summary.relay_trouble.unwrap().starts_with("mail: 550"));
    assert_eq!(outbox.states(), BTreeMap::from([("rendered", 5)]));
    assert_eq!(
        outbox
            .relay
            .commands(1)
            .iter()
            .filter(|word| *word == "MAIL")
            .count(),
        1
    );
}

#[tokio::test]
async fn stopping_finishes_what_is_under_way_and_puts_the_rest_back() {
    let outbox = Outbox::new().await.with_connections(2);
    outbox.queues(&refs(&names(20)));
    outbox.relay.on(At::Data).after(3).hangs();
    let service = outbox.service();
    let running = service.run_until_empty(true);
    let stopping = async {
        outbox.relay.texts_begun(3).await;
        outbox.stop.cancel();
    };
    let (summary, ()) = tokio::join!(running, stopping);
    let summary = summary.unwrap();
    assert_eq!(
        (summary.accepted, summary.uncertain, summary.deferred),
        (3, 0, 0)
    );
    assert_eq!(
        outbox.states(),
        BTreeMap::from([("accepted", 3), ("rendered", 17)])
    );
    assert_eq!(outbox.relay.kept().len(), 3);
}

#[tokio::test]
async fn one_sender_at_a_time() {
    let outbox = Outbox::new().await;
    outbox.queues(&["ada"]);
    let (first, second) = (
        outbox.service().with_holder("the daemon"),
        outbox.service().with_holder("a command"),
    );
    let shift = first.begin().await.unwrap();
    let refused = second.run_until_empty(false).await.unwrap_err();
    assert!(
        matches!(&refused, DeliverError::Busy { holder, .. } if holder == "the daemon"),
        "{refused}"
    );
    assert_eq!(outbox.relay.connections(), 0);
    shift.end().await.unwrap();
    assert_eq!(second.run_until_empty(false).await.unwrap().accepted, 1);
}

#[tokio::test]
async fn a_dead_senders_work_is_taken_over_at_once_by_who_has_the_lock() {
    let outbox = Outbox::new()
        .await
        .with_retry(|retry| retry.resend_after = TimeDelta::zero());
    outbox.queues(&["ada", "grace", "mary"]);
    // The dead one had claimed all three, and was handing one over.
    let now = outbox.clock.now();
    outbox
        .db
        .run_here(|store| {
            store.lease_sending("the dead one", now + TimeDelta::minutes(2), now)?;
            let claims = store.claim_due(3, now)?;
            store.record_turn(
                &LedgerTurn {
                    marks: vec![claims[1].id],
                    ..LedgerTurn::default()
                },
                now,
            )
        })
        .unwrap();
    let lock = SendingLock::take(&outbox.folder.path().join("sending.lock"), "us").unwrap();
    let summary = outbox
        .service()
        .with_holder("us")
        .with_lock(lock)
        .run_until_empty(false)
        .await
        .unwrap();
    assert_eq!((summary.queued, summary.accepted), (3, 3));
    assert_eq!(outbox.row("grace").attempts, 2, "the dead one's counts");
}

#[tokio::test]
async fn waiting_for_deferred_mail_ends_when_nothing_waits() {
    let mut outbox = Outbox::new().await.with_retry(|retry| {
        retry.waits = vec![TimeDelta::seconds(3)];
        retry.breaker = TimeDelta::seconds(1);
    });
    outbox.clock = Arc::new(FixedClock::at(outbox.clock.now()));
    outbox.queues(&["ada", "grey", "grace"]);
    outbox
        .relay
        .on(At::Rcpt)
        .to("grey@example.org")
        .times(2)
        .says("450 4.2.0 busy");
    // Time passes whenever the service waits.
    let clock = Arc::clone(&outbox.clock);
    let service = outbox.service().with_listener(Arc::new(move |progress| {
        if let Some(until) = progress.waits_until {
            clock.set(until);
        }
    }));
    let summary = service.run_until_empty(true).await.unwrap();
    assert_eq!((summary.accepted, summary.deferred), (3, 0));
    assert_eq!(outbox.row("grey").attempts, 3);
}

#[tokio::test]
async fn nothing_is_sent_that_cannot_be_recorded() {
    let outbox = Outbox::new().await;
    outbox.queues(&["ada", "grace"]);
    let path = outbox.folder.path().join("paperboy.db");
    // The database refuses the mark: as a full disk does, for every program.
    let trigger =
        "CREATE TRIGGER full BEFORE UPDATE OF state ON deliveries WHEN new.state = 'handing_over'
                   BEGIN SELECT RAISE(ABORT, 'disk full'); END";
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch(trigger)
        .unwrap();
    let stopped = outbox.service().run_until_empty(false).await.unwrap_err();
    assert!(matches!(stopped, DeliverError::NotRecorded(_)), "{stopped}");
    assert_eq!(outbox.relay.kept(), []);
    assert_eq!(
        outbox
            .relay
            .commands(1)
            .iter()
            .filter(|word| *word == "DATA")
            .count(),
        1
    );

    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("DROP TRIGGER full")
        .unwrap();
    assert_eq!(outbox.delivers().await.accepted, 2);
    assert_eq!(outbox.relay.kept().len(), 2);
}

#[tokio::test]
async fn a_maildir_takes_mail_without_a_relay() {
    let outbox = Outbox::new().await;
    outbox.queues(&refs(&names(10)));
    let path = outbox.folder.path().join("mail");
    let summary = outbox
        .service_to(&Transport::Maildir(path.clone()))
        .run_until_empty(false)
        .await
        .unwrap();
    assert_eq!((summary.accepted, outbox.relay.connections()), (10, 0));
    assert_eq!(std::fs::read_dir(path.join("new")).unwrap().count(), 10);
    assert_eq!(outbox.row("reader003").stage.as_deref(), Some("maildir"));
}

/// The lock, as soon as it is free: the one before goes with its sender's last task, and with the
/// last of the processes that other tests were starting at that moment.
async fn lock(path: &std::path::Path) -> SendingLock {
    loop {
        match SendingLock::take(path, "us") {
            Ok(lock) => return lock,
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_crash_at_any_text_nobody_is_missed_and_nobody_gets_three() {
    const CONNECTIONS: usize = 3;
    let outbox = Outbox::new()
        .await
        .with_connections(CONNECTIONS)
        .with_retry(|retry| {
            retry.resend_after = TimeDelta::zero();
        });
    let people = names(60);
    outbox.queues(&refs(&people));
    let path = outbox.folder.path().join("sending.lock");
    let crashes = 12;
    for crash in 1..=crashes {
        let service = outbox
            .service()
            .with_holder("us")
            .with_lock(lock(&path).await);
        let doomed = tokio::runtime::Runtime::new().unwrap();
        doomed.spawn(async move { service.run_until_empty(false).await });
        outbox.relay.texts_begun(4 * crash).await;
        doomed.shutdown_background();
    }
    let service = outbox
        .service()
        .with_holder("us")
        .with_lock(lock(&path).await);
    service.run_until_empty(false).await.unwrap();

    let mut second_copies = 0;
    for name in &people {
        let row = outbox.row(name);
        assert!(
            matches!(row.state, DeliveryState::Accepted | DeliveryState::Held),
            "{row:?}"
        );
        let copies = outbox.relay.kept_for(&address(name));
        assert!(copies.len() <= 2, "{row:?}");
        assert!(
            !copies.is_empty() || row.state == DeliveryState::Held,
            "missed: {row:?}"
        );
        assert!(copies.iter().all(|copy| copy.bytes == copies[0].bytes));
        second_copies += copies.len().saturating_sub(1);
    }
    assert!(second_copies <= CONNECTIONS * crashes, "{second_copies}");
}

#[tokio::test]
async fn what_a_person_takes_out_of_the_queue_is_not_sent() {
    let outbox = Outbox::new().await;
    outbox.queues(&["ada", "left", "grace"]);
    // Held between the claim and the mark, as a command beside us would do it.
    let trigger = "CREATE TRIGGER held AFTER UPDATE OF state ON deliveries
                   WHEN new.state = 'claimed' AND new.address = 'left@example.org'
                   BEGIN UPDATE deliveries SET state = 'held' WHERE id = new.id; END";
    let path = outbox.folder.path().join("paperboy.db");
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch(trigger)
        .unwrap();
    let summary = outbox.delivers().await;
    assert_eq!((summary.accepted, summary.held), (2, 1));
    assert_eq!(
        outbox.relay.recipients(),
        ["ada@example.org", "grace@example.org"]
    );
    let left = outbox.row("left");
    assert_eq!((left.state, left.attempts), (DeliveryState::Held, 0));
    // Nor does a refusal of it change what the person decided.
    outbox.queues(&["left2"]);
    outbox.relay.on(At::Rcpt).says("550 5.1.1 no such user");
    let trigger = trigger
        .replace("left@", "left2@")
        .replace("TRIGGER held", "TRIGGER held2");
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch(&trigger)
        .unwrap();
    outbox.delivers().await;
    assert_eq!(
        (outbox.state("left2"), outbox.suppressed()),
        (DeliveryState::Held, Vec::<String>::new())
    );
}

#[tokio::test]
async fn a_mailbox_that_is_full_for_three_issues_is_suppressed_and_one_success_forgives() {
    let outbox = Outbox::new().await;
    for (day, reply, states) in [
        (0, Some("552 5.2.2 mailbox full"), "deferred"),
        (1, Some("552 5.2.2 mailbox full"), "deferred"),
        (2, None, "accepted"),
        (3, Some("452 4.2.2 mailbox full"), "deferred"),
        (4, Some("452 4.2.2 mailbox full"), "deferred"),
        (5, Some("452 4.2.2 mailbox full"), "rejected"),
    ] {
        outbox.relay.behaves();
        if let Some(reply) = reply {
            outbox.relay.on(At::Rcpt).says(reply);
        }
        outbox.queues_on("full", day);
        outbox.delivers().await;
        let row = outbox.rows().pop().unwrap();
        assert_eq!(row.state.word(), states, "day {day}");
        assert_eq!(outbox.suppressed().is_empty(), day < 5);
        outbox.passes(TimeDelta::days(1));
    }
}

#[tokio::test]
async fn limits_on_the_pace_survive_a_restart() {
    let mut outbox = Outbox::new().await;
    outbox.settings.rate.per_hour = 3;
    outbox.queues(&refs(&names(5)));
    let paced = async |outbox: &Outbox| {
        let running = outbox.service();
        let begun = outbox.relay.kept().len();
        tokio::select! {
            summary = running.run_until_empty(false) => panic!("the limit was forgotten: {summary:?}"),
            () = tokio::time::sleep(Duration::from_millis(400)) => {}
        }
        outbox.relay.kept().len() - begun
    };
    assert_eq!(paced(&outbox).await, 3);
    // Another process, an instant later; the one before left its claims and its lease.
    outbox.passes(TimeDelta::minutes(3));
    assert_eq!(paced(&outbox).await, 0);
    outbox.passes(TimeDelta::minutes(90));
    assert_eq!(outbox.delivers().await.accepted, 2);
}

#[tokio::test]
async fn the_next_issue_ends_the_tries_of_the_one_before() {
    let outbox = Outbox::new()
        .await
        .with_retry(|retry| retry.shelf_life = TimeDelta::days(5));
    outbox.queues_on("grey", 0);
    outbox
        .relay
        .on(At::Rcpt)
        .once()
        .says("451 4.7.1 greylisted");
    outbox.delivers().await;
    outbox.queues_on("grey", 1);
    outbox.passes(TimeDelta::hours(1));
    let summary = outbox.delivers().await;
    assert_eq!((summary.accepted, summary.expired), (1, 1));
    assert_eq!(
        outbox.states(),
        BTreeMap::from([("accepted", 1), ("expired", 1)])
    );
}

#[tokio::test]
async fn a_mail_store_is_spoken_to_in_lmtp() {
    let mut outbox = Outbox::new().await;
    outbox.settings.protocol = Protocol::Lmtp;
    outbox.queues(&["ada", "gone", "grace"]);
    outbox
        .relay
        .on(At::Text)
        .to("gone@example.org")
        .says("550 5.1.1 no such mailbox");
    let summary = outbox.delivers().await;
    assert_eq!(
        (
            summary.accepted,
            summary.rejected,
            outbox.suppressed().len()
        ),
        (2, 1, 1)
    );
    assert_eq!(outbox.relay.commands(1)[..2], ["LHLO", "MAIL"]);
}

#[tokio::test]
async fn one_domain_waits_for_its_turn_and_the_others_go_on() {
    let mut outbox = Outbox::new().await;
    outbox.settings.per_domain_per_minute = 2;
    outbox.queues(&["ada", "ben", "cleo", "dora", "emil@example.com"]);
    let first = outbox.delivers().await;
    assert_eq!(
        (first.queued, first.accepted, first.relay_trouble),
        (5, 3, None)
    );
    assert_eq!(outbox.state("emil@example.com"), DeliveryState::Accepted);
    assert_eq!(
        outbox.state("cleo"),
        DeliveryState::Rendered,
        "waiting costs no try"
    );
    // Half a minute is one message's time.
    outbox.passes(TimeDelta::seconds(31));
    assert_eq!(outbox.delivers().await.accepted, 1);
    outbox.passes(TimeDelta::seconds(31));
    assert_eq!(outbox.delivers().await.accepted, 1);
    assert_eq!(outbox.relay.kept().len(), 5);
}
