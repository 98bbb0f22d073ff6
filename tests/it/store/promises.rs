//! The promises of the store, one test each, on every back end.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use paperboy::paper::{Paper, PaperId};
use paperboy::pick::{Reason, Section};
use paperboy::store::sqlite::SqliteStore;
use paperboy::store::{
    AttemptRecord, Coverage, CoverageState, CoverageUpdate, DeliveryId, DeliveryState, Disposition,
    Entered, IntakeOutcome, LedgerTurn, NewIssue, NewPick, NextLook, OperatorOutcome, OutboxFilter,
    PaperRow, PaperStore, RetentionClass, SetAside, Settlement, Skipped, SourcePause, Store,
};
use paperboy::subscriber::{Address, Interest, NewSubscriber, Preferences, Status, SubscriberId};

fn on_every_backend(promise: impl Fn(&mut dyn Store)) {
    promise(&mut SqliteStore::in_memory().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let (mut on_disk, _) = SqliteStore::migrate(&folder.path().join("p.db")).unwrap();
    promise(&mut on_disk);
}

fn noon() -> DateTime<Utc> {
    "2026-08-04T12:00:00Z".parse().unwrap()
}

fn today() -> NaiveDate {
    noon().date_naive()
}

fn paper(id: &str) -> Paper {
    Paper {
        abstract_text: "We show that it holds.".to_owned(),
        authors: vec!["Emmy Noether".to_owned()],
        categories: vec!["math.AG".to_owned()],
        announced: Some(today()),
        published: Some(noon()),
        upvotes: Some(3),
        ..Paper::new(id.parse::<PaperId>().unwrap(), format!("On {id}"))
    }
}

fn reader(address: &str) -> NewSubscriber {
    NewSubscriber {
        address: address.parse().unwrap(),
        name: String::new(),
        status: Status::Active,
        preferences: Preferences::default(),
        interests: vec![Interest {
            name: "Rings".to_owned(),
            liked: vec!["2510.12793".parse().unwrap()],
            ..Interest::default()
        }],
    }
}

fn enter(store: &mut dyn Store, address: &str) -> SubscriberId {
    store.enter_subscribers(&[reader(address)], noon()).unwrap();
    store
        .subscriber(&address.parse().unwrap())
        .unwrap()
        .unwrap()
        .id
}

fn issue(subscriber: SubscriberId, date: NaiveDate, picks: &[PaperRow]) -> NewIssue {
    NewIssue {
        subscriber,
        local_date: date,
        covers: Some((date, date)),
        address: "a@example.org".parse().unwrap(),
        subject: "One paper".to_owned(),
        message_id: format!("{}.{}@example.org", subscriber.0, date),
        message: b"Subject: One paper\r\n\r\nbody\r\n".to_vec(),
        picks: picks
            .iter()
            .map(|paper| NewPick {
                paper: *paper,
                score: 0.5,
                section: Section::Interest("Rings".to_owned()),
                reasons: vec![Reason::New],
            })
            .collect(),
        expires_at: noon() + TimeDelta::hours(18),
    }
}

/// A store with one reader and one queued issue.
fn queued(store: &mut dyn Store) -> (SubscriberId, DeliveryId) {
    let id = enter(store, "a@example.org");
    assert!(
        store
            .enqueue_issues(&[issue(id, today(), &[])], noon())
            .unwrap()[0]
            .is_some()
    );
    let row = store
        .deliveries(&OutboxFilter::default())
        .unwrap()
        .remove(0);
    (id, row.id)
}

fn settlement(id: DeliveryId, code: u16, disposition: Disposition) -> Settlement {
    let attempt = AttemptRecord {
        stage: "dot".to_owned(),
        code: Some(code),
        enhanced: None,
        text: "as the server said".to_owned(),
        duration_ms: 7,
    };
    Settlement {
        id,
        attempt,
        disposition,
        soft: false,
    }
}

fn settle(store: &mut dyn Store, settlement: Settlement, now: DateTime<Utc>) {
    store
        .record_turn(
            &LedgerTurn {
                settlements: vec![settlement],
                ..LedgerTurn::default()
            },
            now,
        )
        .unwrap();
}

fn mark(store: &mut dyn Store, id: DeliveryId, now: DateTime<Utc>) {
    store
        .record_turn(
            &LedgerTurn {
                marks: vec![id],
                ..LedgerTurn::default()
            },
            now,
        )
        .unwrap();
}

fn state(store: &mut dyn Store, id: DeliveryId) -> DeliveryState {
    store
        .deliveries(&OutboxFilter::default())
        .unwrap()
        .iter()
        .find(|row| row.id == id)
        .unwrap()
        .state
}

#[test]
fn taking_in_twice_changes_nothing() {
    on_every_backend(|store| {
        let papers = [paper("2608.00001"), paper("hep-th/9901001")];
        assert_eq!(
            store.take_in("import", &papers, noon()).unwrap(),
            [IntakeOutcome::New, IntakeOutcome::New]
        );
        let before = store.paper(&papers[0].id).unwrap().unwrap();
        assert_eq!(before.paper, papers[0]);
        let later = noon() + TimeDelta::days(1);
        assert_eq!(
            store.take_in("import", &papers, later).unwrap(),
            [IntakeOutcome::Known, IntakeOutcome::Known]
        );
        assert_eq!(store.paper(&papers[0].id).unwrap().unwrap(), before);
        assert_eq!(store.count_papers().unwrap(), 2);
    });
}

#[test]
fn a_replacement_is_not_a_new_paper() {
    on_every_backend(|store| {
        let first = Paper {
            version: Some(1),
            ..paper("2608.00001")
        };
        let second = Paper {
            version: Some(2),
            title: "Better".to_owned(),
            announced: Some(today() + TimeDelta::days(9)),
            ..first.clone()
        };
        store
            .take_in("import", std::slice::from_ref(&first), noon())
            .unwrap();
        assert_eq!(
            store
                .take_in("import", std::slice::from_ref(&second), noon())
                .unwrap(),
            [IntakeOutcome::Changed]
        );
        // The old record comes by again, and is known to be old.
        assert_eq!(
            store.take_in("import", &[first], noon()).unwrap(),
            [IntakeOutcome::Known]
        );
        let known = store.paper(&second.id).unwrap().unwrap().paper;
        assert_eq!(
            (known.title.as_str(), known.announced),
            ("Better", Some(today()))
        );
        assert_eq!(store.papers_announced(today(), today()).unwrap().len(), 1);
    });
}

#[test]
fn papers_are_found_by_any_words_and_no_query_is_an_error() {
    on_every_backend(|store| {
        let mut erdos = paper("2608.00001");
        erdos.authors = vec!["Paul Erdős".to_owned()];
        store
            .take_in("import", &[erdos, paper("2608.00002")], noon())
            .unwrap();
        let mut found = |query: &str| store.search_papers(query, 10).unwrap().len();
        assert_eq!(found("holding"), 2, "stems");
        assert_eq!(found("erdos"), 1, "accents");
        assert_eq!(found("shows tha"), 2, "the last word may be a beginning");
        assert_eq!(found("nothing like it"), 0);
        for query in [
            "",
            "\"",
            "AND",
            "NEAR(",
            "title:",
            "-",
            "*",
            "a OR",
            "'; DROP TABLE papers; --",
        ] {
            found(query);
        }
    });
}

#[test]
fn the_newest_day_is_that_of_complete_announcements() {
    on_every_backend(|store| {
        assert_eq!(store.newest_day(NaiveDate::MAX).unwrap(), None);
        let undated = Paper {
            announced: None,
            ..paper("2608.00002")
        };
        store
            .take_in("import", &[paper("2608.00001"), undated], noon())
            .unwrap();
        assert_eq!(store.newest_day(NaiveDate::MAX).unwrap(), Some(today()));
        assert_eq!(
            store.newest_day(today() - TimeDelta::days(1)).unwrap(),
            None
        );
        let coverage = store.coverage(NaiveDate::MIN, NaiveDate::MAX).unwrap();
        assert_eq!(
            (coverage.len(), coverage[0].date, coverage[0].papers),
            (1, today(), 1)
        );
    });
}

fn news(category: &str, date: NaiveDate, state: CoverageState) -> CoverageUpdate {
    let announced_at = Some(noon() - TimeDelta::hours(8));
    CoverageUpdate {
        category: category.to_owned(),
        date,
        state,
        declared: Some(2),
        papers: 1,
        announced_at,
        note: "n".to_owned(),
    }
}

#[test]
fn a_batch_is_taken_in_with_its_news_and_marks_no_other_day() {
    on_every_backend(|store| {
        let tomorrow = today() + TimeDelta::days(1);
        let looks = [
            news("math.AG", today(), CoverageState::Complete),
            news("math.NT", today(), CoverageState::Quiet),
            news("math.AG", tomorrow, CoverageState::Waiting),
        ];
        let late = Paper {
            announced: Some(tomorrow),
            ..paper("2608.00002")
        };
        let taken = store
            .take_batch("arxiv", &[paper("2608.00001"), late], &looks, noon())
            .unwrap();
        assert_eq!(taken, [IntakeOutcome::New, IntakeOutcome::New]);
        assert_eq!(
            store.newest_day(NaiveDate::MAX).unwrap(),
            Some(today()),
            "a day that is waited for is not complete"
        );
        assert_eq!(
            (
                store.count_announced(today()).unwrap(),
                store.count_announced(tomorrow).unwrap()
            ),
            (1, 1)
        );
        let rows = store.coverage(NaiveDate::MIN, NaiveDate::MAX).unwrap();
        let shown: Vec<(&str, CoverageState, bool)> = rows
            .iter()
            .map(|row| (row.category.as_str(), row.state, row.completed_at.is_some()))
            .collect();
        assert_eq!(
            shown,
            [
                ("math.AG", CoverageState::Complete, true),
                ("math.NT", CoverageState::Quiet, true),
                ("math.AG", CoverageState::Waiting, false)
            ]
        );
        let expected = Coverage {
            source: "arxiv".to_owned(),
            category: "math.AG".to_owned(),
            date: today(),
            state: CoverageState::Complete,
            declared: Some(2),
            papers: 1,
            announced_at: Some(noon() - TimeDelta::hours(8)),
            checked_at: noon(),
            completed_at: Some(noon()),
            note: "n".to_owned(),
        };
        assert_eq!(rows[0], expected);

        // What is new in a complete day moves the instant, in its category only.
        let later = noon() + TimeDelta::hours(1);
        store
            .take_batch("arxiv", &[paper("2608.00003")], &looks[..2], later)
            .unwrap();
        let rows = store.coverage(today(), today()).unwrap();
        assert_eq!(
            (rows[0].completed_at, rows[1].completed_at),
            (Some(later), Some(noon()))
        );
        assert_eq!((rows[0].checked_at, rows[1].checked_at), (later, later));
    });
}

#[test]
fn known_papers_are_told_with_their_days() {
    on_every_backend(|store| {
        let undated = Paper {
            announced: None,
            ..paper("2608.00002")
        };
        store
            .take_in("import", &[paper("2608.00001"), undated], noon())
            .unwrap();
        let ids =
            ["2608.00001", "2608.00002", "2608.00003"].map(|id| id.parse::<PaperId>().unwrap());
        let days = store.announcement_days(&ids).unwrap();
        assert_eq!(
            days,
            [(ids[0].clone(), Some(today())), (ids[1].clone(), None)]
        );
    });
}

#[test]
fn the_longer_of_two_pauses_is_kept() {
    on_every_backend(|store| {
        assert_eq!(store.source_pause("arxiv").unwrap(), None);
        let pause = |hours, reason: &str| SourcePause {
            provider: "arxiv".to_owned(),
            until: noon() + TimeDelta::hours(hours),
            reason: reason.to_owned(),
        };
        store.pause_source(&pause(2, "two")).unwrap();
        store.pause_source(&pause(1, "one")).unwrap();
        assert_eq!(store.source_pause("arxiv").unwrap(), Some(pause(2, "two")));
        store.pause_source(&pause(3, "three")).unwrap();
        assert_eq!(
            store.source_pause("arxiv").unwrap(),
            Some(pause(3, "three"))
        );
        assert_eq!(store.source_pause("elsewhere").unwrap(), None);
    });
}

#[test]
fn set_aside_records_are_kept_once() {
    on_every_backend(|store| {
        let record = SetAside {
            place: "f:1".to_owned(),
            reason: "no id".to_owned(),
            record: "{}".to_owned(),
        };
        store
            .set_aside("import", std::slice::from_ref(&record), noon())
            .unwrap();
        store.set_aside("import", &[record], noon()).unwrap();
    });
}

#[test]
fn a_subscriber_is_read_back_as_entered() {
    on_every_backend(|store| {
        let ada = reader("Ada@example.org");
        assert_eq!(
            store
                .enter_subscribers(std::slice::from_ref(&ada), noon())
                .unwrap(),
            [Entered::New]
        );
        let known = store
            .subscriber(&"ada@EXAMPLE.org".parse().unwrap())
            .unwrap()
            .unwrap();
        assert_eq!(known.details, ada);
        assert_eq!(
            store
                .enter_subscribers(std::slice::from_ref(&ada), noon())
                .unwrap(),
            [Entered::Known]
        );
        let other = NewSubscriber {
            name: "Ada".to_owned(),
            ..ada
        };
        assert_eq!(
            store.enter_subscribers(&[other], noon()).unwrap(),
            [Entered::Changed]
        );
    });
}

#[test]
fn an_import_does_not_resubscribe_addresses_that_left() {
    on_every_backend(|store| {
        let id = enter(store, "a@example.org");
        assert!(store.unsubscribe(id, "one-click", noon()).unwrap());
        assert!(
            !store.unsubscribe(id, "one-click", noon()).unwrap(),
            "leaving twice is leaving once"
        );
        let again = store
            .enter_subscribers(&[reader("A@example.org")], noon())
            .unwrap();
        assert_eq!(again, [Entered::Left(Status::Unsubscribed)]);
        assert_eq!(store.publishable(SubscriberId(0), 10).unwrap().len(), 0);
    });
}

#[test]
fn the_number_of_a_removed_subscriber_is_never_given_again() {
    on_every_backend(|store| {
        let first = enter(store, "a@example.org");
        assert!(store.remove_subscriber(first, noon()).unwrap());
        assert!(!store.remove_subscriber(first, noon()).unwrap());
        assert!(enter(store, "b@example.org") > first);
    });
}

#[test]
fn an_issue_is_queued_once_for_a_subscriber_and_date() {
    on_every_backend(|store| {
        let (id, _) = queued(store);
        assert_eq!(
            store
                .enqueue_issues(&[issue(id, today(), &[])], noon())
                .unwrap(),
            [None]
        );
        assert!(store.has_issue(id, today()).unwrap());
        let tomorrow = today() + TimeDelta::days(1);
        assert!(
            store
                .enqueue_issues(&[issue(id, tomorrow, &[])], noon())
                .unwrap()[0]
                .is_some()
        );
        store.unsubscribe(id, "one-click", noon()).unwrap();
        let later = today() + TimeDelta::days(2);
        assert_eq!(
            store
                .enqueue_issues(&[issue(id, later, &[])], noon())
                .unwrap(),
            [None],
            "they have left"
        );
    });
}

#[test]
fn a_paper_counts_as_sent_unless_its_mail_failed() {
    on_every_backend(|store| {
        store
            .take_in("import", &[paper("2608.00001")], noon())
            .unwrap();
        let row = store
            .paper(&"2608.00001".parse().unwrap())
            .unwrap()
            .unwrap()
            .row;
        let id = enter(store, "a@example.org");
        store
            .enqueue_issues(&[issue(id, today(), &[row])], noon())
            .unwrap();
        assert_eq!(store.papers_sent(&[id], PaperRow(0)).unwrap().len(), 1);
        assert!(
            store.publishable(SubscriberId(0), 9).unwrap()[0]
                .history
                .is_some()
        );
        let claimed = store.claim_due(1, noon()).unwrap().remove(0);
        settle(
            store,
            settlement(claimed.id, 554, Disposition::Rejected { suppress: false }),
            noon(),
        );
        assert_eq!(store.papers_sent(&[id], PaperRow(0)).unwrap().len(), 0);
        assert!(
            store.publishable(SubscriberId(0), 9).unwrap()[0]
                .history
                .is_none()
        );
    });
}

#[test]
fn unsubscribing_holds_queued_mails() {
    on_every_backend(|store| {
        let (subscriber, delivery) = queued(store);
        store.unsubscribe(subscriber, "one-click", noon()).unwrap();
        assert_eq!(state(store, delivery), DeliveryState::Held);
        assert_eq!(store.claim_due(9, noon()).unwrap().len(), 0);
    });
}

#[test]
fn the_record_of_what_was_sent_outlives_the_subscriber() {
    on_every_backend(|store| {
        let (subscriber, _) = queued(store);
        store.remove_subscriber(subscriber, noon()).unwrap();
        let rows = store.deliveries(&OutboxFilter::default()).unwrap();
        assert_eq!(
            (rows[0].address.as_str(), rows[0].state),
            ("a@example.org", DeliveryState::Held)
        );
    });
}

#[test]
fn a_changed_schedule_has_the_subscriber_considered_again() {
    on_every_backend(|store| {
        let id = enter(store, "a@example.org");
        let due = |store: &mut dyn Store| store.due_subscribers(noon(), 10).unwrap();
        let [entered] = due(store).try_into().unwrap();
        let look = |revision| NextLook {
            subscriber: id,
            revision,
            at: Some(noon() + TimeDelta::days(1)),
            awaits: true,
        };
        // Worked out from what they have chosen since: not entered.
        store.enter_looks(&[look(entered.revision - 1)]).unwrap();
        assert_eq!(due(store).len(), 1);
        store.enter_looks(&[look(entered.revision)]).unwrap();
        assert_eq!(
            (due(store).len(), store.next_look().unwrap()),
            (0, Some(noon() + TimeDelta::days(1)))
        );
        assert_eq!(store.look_at_waiting().unwrap(), 1);
        assert_eq!(due(store).len(), 1);

        store.enter_looks(&[look(entered.revision)]).unwrap();
        let mut subscriber = store.subscriber_by_id(id).unwrap().unwrap();
        subscriber.details.preferences.timezone = "Asia/Tokyo".parse().unwrap();
        store.save_subscriber(&subscriber, noon()).unwrap();
        assert_eq!(due(store)[0].due_from, noon(), "when they joined");
        store.unsubscribe(id, "web", noon()).unwrap();
        assert_eq!((due(store).len(), store.next_look().unwrap()), (0, None));
    });
}

#[test]
fn a_returning_subscriber_gets_no_issue_that_was_due_meanwhile() {
    on_every_backend(|store| {
        let id = enter(store, "a@example.org");
        let mut change = |days: i64, status: Status, pause_until: Option<&str>| {
            let mut subscriber = store.subscriber_by_id(id).unwrap().unwrap();
            subscriber.details.status = status;
            subscriber.details.preferences.pause_until =
                pause_until.map(|date| date.parse().unwrap());
            store
                .save_subscriber(&subscriber, noon() + TimeDelta::days(days))
                .unwrap();
            let due_from = store
                .publishable_one(id, today())
                .unwrap()
                .unwrap()
                .due_from;
            (due_from - noon()).num_days()
        };
        assert_eq!(change(1, Status::Paused, None), 0);
        assert_eq!(change(2, Status::Active, None), 2);
        assert_eq!(change(3, Status::Active, Some("2026-08-20")), 2);
        assert_eq!(
            change(4, Status::Active, None),
            4,
            "the pause was ended early"
        );
        assert_eq!(change(5, Status::Active, Some("2026-08-10")), 4);
        assert_eq!(change(7, Status::Active, None), 4, "it had ended by itself");
    });
}

#[test]
fn a_date_without_an_issue_is_decided_once() {
    on_every_backend(|store| {
        let (id, _) = queued(store);
        let tomorrow = today().succ_opt().unwrap();
        store
            .skip_issues(
                &[(id, today(), Skipped::Late), (id, tomorrow, Skipped::Empty)],
                noon(),
            )
            .unwrap();
        assert!(
            !store.was_skipped(id, today()).unwrap(),
            "there is an issue"
        );
        assert!(store.was_skipped(id, tomorrow).unwrap());
        assert_eq!(
            store
                .forget_old(RetentionClass::Skipped, noon(), 9)
                .unwrap(),
            0
        );
        assert!(store.was_skipped(id, tomorrow).unwrap());
        assert_eq!(
            store
                .forget_old(RetentionClass::Skipped, noon() + TimeDelta::seconds(1), 9)
                .unwrap(),
            1
        );
        assert!(!store.was_skipped(id, tomorrow).unwrap());
    });
}

#[test]
fn a_person_holds_retries_and_drops_what_no_sender_has_in_hand() {
    on_every_backend(|store| {
        store
            .take_in("import", &[paper("2510.12793")], noon())
            .unwrap();
        let row = store
            .paper(&"2510.12793".parse().unwrap())
            .unwrap()
            .unwrap()
            .row;
        let id = enter(store, "a@example.org");
        store
            .enqueue_issues(&[issue(id, today(), &[row])], noon())
            .unwrap();
        let delivery = store.deliveries(&OutboxFilter::default()).unwrap()[0].id;
        let until = noon() + TimeDelta::days(2);
        assert_eq!(
            store.hold_deliveries(&[delivery], noon()).unwrap(),
            [OperatorOutcome::Done]
        );
        assert_eq!(store.claim_due(9, noon()).unwrap(), []);
        assert_eq!(
            store.retry_deliveries(&[delivery], until, noon()).unwrap(),
            [OperatorOutcome::Done]
        );
        let [claimed] = store.claim_due(9, noon()).unwrap().try_into().unwrap();
        assert_eq!((claimed.resent, claimed.expires_at), (false, until));
        let in_hand = [OperatorOutcome::Not(DeliveryState::Claimed)];
        assert_eq!(store.hold_deliveries(&[delivery], noon()).unwrap(), in_hand);
        assert_eq!(
            store.retry_deliveries(&[delivery], until, noon()).unwrap(),
            in_hand
        );
        assert_eq!(store.drop_deliveries(&[delivery], noon()).unwrap(), in_hand);

        // The server may have it: sent by hand again it counts as sent once before.
        mark(store, delivery, noon());
        store.recover_claims(None, noon()).unwrap();
        assert_eq!(state(store, delivery), DeliveryState::Held);
        assert_eq!(
            store.retry_deliveries(&[delivery], until, noon()).unwrap(),
            [OperatorOutcome::MayDuplicate]
        );
        assert!(store.claim_due(9, noon()).unwrap()[0].resent);
        store.recover_claims(None, noon()).unwrap();
        assert_eq!(
            store.drop_deliveries(&[delivery], noon()).unwrap(),
            [OperatorOutcome::Done]
        );
        assert_eq!(store.message(delivery).unwrap(), None);
        assert_eq!(
            store.retry_deliveries(&[delivery], until, noon()).unwrap(),
            [OperatorOutcome::Not(DeliveryState::Expired)]
        );
        // Its papers may have been read, so they do not come again.
        assert_eq!(store.papers_sent(&[id], PaperRow(0)).unwrap().len(), 1);
        assert_eq!(
            store.hold_deliveries(&[DeliveryId(99)], noon()).unwrap(),
            [OperatorOutcome::Unknown]
        );
    });
}

#[test]
fn a_person_suppresses_an_address_and_allows_it_again() {
    on_every_backend(|store| {
        let (id, delivery) = queued(store);
        let address: Address = "A@example.org".parse().unwrap();
        assert!(store.suppress(&address, "asked by phone", noon()).unwrap());
        assert!(!store.suppress(&address, "asked again", noon()).unwrap());
        assert_eq!(store.suppressions().unwrap()[0].reason, "asked by phone");
        assert_eq!(
            store.subscriber_by_id(id).unwrap().unwrap().status,
            Status::Suppressed
        );
        let until = noon() + TimeDelta::days(2);
        assert_eq!(
            store.retry_deliveries(&[delivery], until, noon()).unwrap(),
            [OperatorOutcome::Suppressed]
        );
        assert!(store.lift_suppression(&address, noon()).unwrap());
        assert!(!store.lift_suppression(&address, noon()).unwrap());
        assert_eq!(
            store.subscriber_by_id(id).unwrap().unwrap().status,
            Status::Active
        );
    });
}

#[test]
fn a_claim_is_nobody_elses() {
    on_every_backend(|store| {
        let (_, delivery) = queued(store);
        let claimed = store.claim_due(9, noon()).unwrap();
        assert_eq!(
            (claimed.len(), claimed[0].id, claimed[0].attempts),
            (1, delivery, 0)
        );
        assert_eq!(store.claim_due(9, noon()).unwrap().len(), 0);
        assert_eq!(store.waiting(noon()).unwrap(), (0, None));
    });
}

#[test]
fn claims_of_a_dead_sender_are_released_if_nothing_was_offered() {
    on_every_backend(|store| {
        let (_, delivery) = queued(store);
        store.claim_due(9, noon()).unwrap();
        let recovered = store.recover_claims(Some(noon()), noon()).unwrap();
        assert_eq!(
            (recovered.released, recovered.uncertain, recovered.held),
            (1, 0, 0)
        );
        assert_eq!(state(store, delivery), DeliveryState::Rendered);
        assert_eq!(
            store.claim_due(9, noon()).unwrap()[0].attempts,
            0,
            "it costs no try"
        );
    });
}

#[test]
fn a_mail_that_may_have_been_sent_is_resent_once_and_then_held() {
    on_every_backend(|store| {
        let (_, delivery) = queued(store);
        let first = store.claim_due(9, noon()).unwrap().remove(0);
        mark(store, delivery, noon());
        let resend_at = noon() + TimeDelta::minutes(10);
        assert_eq!(
            store
                .recover_claims(Some(resend_at), noon())
                .unwrap()
                .uncertain,
            1
        );
        assert_eq!(state(store, delivery), DeliveryState::Uncertain);
        assert_eq!(
            store.claim_due(9, noon()).unwrap().len(),
            0,
            "not before its time"
        );
        let second = store.claim_due(9, resend_at).unwrap().remove(0);
        assert!(second.resent && second.message == first.message);
        mark(store, delivery, resend_at);
        assert_eq!(
            store
                .recover_claims(Some(resend_at), resend_at)
                .unwrap()
                .held,
            1
        );
        assert_eq!(state(store, delivery), DeliveryState::Held);
    });
}

#[test]
fn too_late_is_expired_and_perhaps_sent_is_held() {
    on_every_backend(|store| {
        let (_, delivery) = queued(store);
        let late = noon() + TimeDelta::hours(19);
        assert_eq!(store.claim_due(9, late).unwrap().len(), 0);
        assert_eq!(state(store, delivery), DeliveryState::Expired);
        assert_eq!(store.message(delivery).unwrap(), None);
    });
    on_every_backend(|store| {
        let (_, delivery) = queued(store);
        store.claim_due(9, noon()).unwrap();
        mark(store, delivery, noon());
        store.recover_claims(Some(noon()), noon()).unwrap();
        assert_eq!(
            store
                .claim_due(9, noon() + TimeDelta::hours(19))
                .unwrap()
                .len(),
            0
        );
        assert_eq!(state(store, delivery), DeliveryState::Held);
    });
}

#[test]
fn settling_records_the_try_and_drops_the_bytes() {
    on_every_backend(|store| {
        let (_, delivery) = queued(store);
        store.claim_due(9, noon()).unwrap();
        let later = noon() + TimeDelta::minutes(5);
        settle(
            store,
            settlement(delivery, 451, Disposition::Deferred(later)),
            noon(),
        );
        assert_eq!(state(store, delivery), DeliveryState::Deferred);
        assert_eq!(store.waiting(noon()).unwrap(), (0, Some(later)));
        assert_eq!(store.claim_due(9, later).unwrap()[0].attempts, 1);
        mark(store, delivery, later);
        settle(
            store,
            settlement(delivery, 250, Disposition::Accepted),
            later,
        );
        let codes: Vec<Option<u16>> = store
            .attempts(delivery)
            .unwrap()
            .iter()
            .map(|(_, attempt)| attempt.code)
            .collect();
        assert_eq!(codes, [Some(451), Some(250)]);
        assert_eq!(store.message(delivery).unwrap(), None);
        assert_eq!(
            store.count_deliveries().unwrap(),
            [(DeliveryState::Accepted, 1)]
        );
    });
}

#[test]
fn a_refused_address_is_suppressed_and_a_released_claim_costs_nothing() {
    on_every_backend(|store| {
        let (_, delivery) = queued(store);
        store.claim_due(9, noon()).unwrap();
        settle(
            store,
            settlement(delivery, 421, Disposition::Released),
            noon(),
        );
        assert_eq!(store.claim_due(9, noon()).unwrap()[0].attempts, 0);
        settle(
            store,
            settlement(delivery, 550, Disposition::Rejected { suppress: true }),
            noon(),
        );
        let address: Address = "a@example.org".parse().unwrap();
        assert_eq!(store.suppressions().unwrap()[0].address, address);
        assert_eq!(
            store.subscriber(&address).unwrap().unwrap().status,
            Status::Suppressed
        );
        // Others go on.
        let other = enter(store, "b@example.org");
        let to_other = NewIssue {
            address: "b@example.org".parse().unwrap(),
            ..issue(other, today(), &[])
        };
        store.enqueue_issues(&[to_other], noon()).unwrap();
        assert_eq!(store.claim_due(9, noon()).unwrap().len(), 1);
    });
}

#[test]
fn one_process_sends_at_a_time() {
    on_every_backend(|store| {
        let until = noon() + TimeDelta::minutes(2);
        assert_eq!(
            store.lease_sending("one", until, noon()).unwrap().holder,
            "one"
        );
        assert_eq!(
            store.lease_sending("two", until, noon()).unwrap().holder,
            "one"
        );
        assert_eq!(
            store
                .lease_sending("two", until + TimeDelta::minutes(2), until)
                .unwrap()
                .holder,
            "two"
        );
        store.end_sending("two").unwrap();
        assert_eq!(
            store.lease_sending("one", until, noon()).unwrap().holder,
            "one"
        );
    });
}

#[test]
fn an_upgrade_equals_a_fresh_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.db");
    let schema = |path: &std::path::Path| {
        let conn = rusqlite::Connection::open(path).unwrap();
        let mut statement = conn
            .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
            .unwrap();
        let rows = statement
            .query_map([], |row| row.get::<_, String>(0))
            .unwrap();
        rows.collect::<Result<Vec<_>, _>>().unwrap()
    };
    SqliteStore::migrate(&path).unwrap();
    let fresh = schema(&path);
    let (_, migrated) = SqliteStore::migrate(&path).unwrap();
    assert_eq!(migrated.from, migrated.to);
    assert_eq!(schema(&path), fresh);
    // The first release, with a paper in it.
    let old = folder.path().join("old.db");
    let conn = rusqlite::Connection::open(&old).unwrap();
    conn.execute_batch(include_str!("../../../migrations/sqlite/0001_init.sql"))
        .unwrap();
    conn.execute_batch(
        "PRAGMA user_version = 1;
         INSERT INTO papers (id, title, abstract, authors, categories, seen_at, changed_at)
         VALUES ('2608.00001', 'On towers', '', '[]', '[]', 1, 1);",
    )
    .unwrap();
    drop(conn);
    let (mut store, migrated) = SqliteStore::migrate(&old).unwrap();
    assert_eq!(migrated.from, 1);
    assert_eq!(schema(&old), fresh);
    let known = store
        .paper(&"2608.00001".parse().unwrap())
        .unwrap()
        .unwrap()
        .paper;
    assert_eq!(known, Paper::new(known.id.clone(), "On towers".to_owned()));
}

#[tokio::test]
async fn pages_are_read_while_something_is_being_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.db");
    let (store, _) = SqliteStore::migrate(&path).unwrap();
    let reader = |_| -> Box<dyn Store> { Box::new(SqliteStore::open_to_read(&path).unwrap()) };
    let db = paperboy::store::Db::new(store).with_readers((0..2).map(reader).collect());
    let (written, held) = (
        std::sync::mpsc::channel::<()>(),
        tokio::sync::oneshot::channel(),
    );
    let (let_go, waits) = written;
    let writing = tokio::spawn({
        let db = db.clone();
        async move {
            db.run(move |store| {
                let taken = store.take_in("import", &[paper("2608.00001")], noon())?;
                let _ = held.0.send(());
                waits.recv().unwrap();
                Ok(taken)
            })
            .await
        }
    });
    held.1.await.unwrap();
    // A reader sees what was committed, though the writer has not been given back.
    assert_eq!(db.read(|store| store.count_papers()).await.unwrap(), 1);
    // It cannot write, and a job that panics costs no reader.
    let refused = db
        .read(|store| store.take_in("import", &[paper("2608.00002")], noon()))
        .await;
    assert!(refused.is_err());
    for _ in 0..3 {
        let db = db.clone();
        let panicked = tokio::spawn(async move {
            db.read(|_| -> Result<(), _> { panic!("a bug in a page") })
                .await
        });
        assert!(panicked.await.is_err());
    }
    assert_eq!(db.read(|store| store.count_papers()).await.unwrap(), 1);
    let_go.send(()).unwrap();
    assert_eq!(writing.await.unwrap().unwrap(), [IntakeOutcome::New]);
}

/// Twenty readers whose mails have much in common, queued; each mail as it was composed.
fn queued_alike(store: &mut dyn Store) -> Vec<Vec<u8>> {
    let issues: Vec<NewIssue> = (0..20)
        .map(|n| {
            let address = format!("reader{n}@example.org");
            let text = "A line that each of them has, whoever it is for.\r\n".repeat(30);
            NewIssue {
                message: format!("To: {address}\r\n\r\n{text}https://p.example.org/u/{n:020}\r\n")
                    .into_bytes(),
                ..issue(enter(store, &address), today(), &[])
            }
        })
        .collect();
    assert!(
        store
            .enqueue_issues(&issues, noon())
            .unwrap()
            .iter()
            .all(Option::is_some)
    );
    issues.into_iter().map(|issue| issue.message).collect()
}

#[test]
fn mails_are_sent_byte_for_byte_as_queued() {
    on_every_backend(|store| {
        let mails = queued_alike(store);
        let claimed = store.claim_due(50, noon()).unwrap();
        assert_eq!(
            claimed
                .iter()
                .map(|claimed| &claimed.message)
                .collect::<Vec<_>>(),
            mails.iter().collect::<Vec<_>>()
        );
        assert_eq!(
            store.message(claimed[7].id).unwrap().as_ref(),
            Some(&mails[7])
        );
    });
}

#[test]
fn a_mail_whose_stored_text_is_damaged_is_held_and_the_others_go() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.db");
    let store: &mut dyn Store = &mut SqliteStore::migrate(&path).unwrap().0;
    let mails = queued_alike(store);
    let file = rusqlite::Connection::open(&path).unwrap();
    file.execute(
        "UPDATE messages SET bytes = zeroblob(100) WHERE delivery_id = 3",
        [],
    )
    .unwrap();
    let claimed = store.claim_due(50, noon()).unwrap();
    assert_eq!(claimed.len(), mails.len() - 1);
    let row = store
        .deliveries(&OutboxFilter::default())
        .unwrap()
        .remove(2);
    assert_eq!((row.id.0, row.state), (3, DeliveryState::Held));
    assert!(
        row.text
            .as_ref()
            .is_some_and(|text| text.contains("its stored text is damaged")),
        "{:?}",
        row.text
    );
}

#[test]
fn a_dictionary_is_deleted_after_the_last_of_its_mails() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.db");
    let store: &mut dyn Store = &mut SqliteStore::migrate(&path).unwrap().0;
    let count = |what: &str| -> i64 {
        let file = rusqlite::Connection::open(&path).unwrap();
        file.query_row(&format!("SELECT count(*) FROM {what}"), [], |row| {
            row.get(0)
        })
        .unwrap()
    };
    queued_alike(store);
    assert_eq!(count("messages WHERE dictionary IS NOT NULL"), 20);
    for claimed in store.claim_due(50, noon()).unwrap() {
        mark(store, claimed.id, noon());
        settle(
            store,
            settlement(claimed.id, 250, Disposition::Accepted),
            noon(),
        );
    }
    assert_eq!(count("messages"), 0);
    // The next one takes its place.
    let next: Vec<NewIssue> = (0..20)
        .map(|n| {
            let subscriber = store
                .subscriber(&format!("reader{n}@example.org").parse().unwrap())
                .unwrap()
                .unwrap()
                .id;
            NewIssue {
                message: b"another line\r\n".repeat(9),
                ..issue(subscriber, today() + TimeDelta::days(1), &[])
            }
        })
        .collect();
    store.enqueue_issues(&next, noon()).unwrap();
    assert_eq!((count("dictionaries"), count("messages")), (1, 20));
}

#[test]
fn mails_of_several_dates_are_queued_together_though_what_they_share_is_new_or_unused() {
    on_every_backend(|store| {
        let readers: Vec<SubscriberId> = (0..40)
            .map(|n| enter(store, &format!("reader{n}@example.org")))
            .collect();
        // Two dates at a time, as around midnight; the second of them comes again.
        for days in 0..3 {
            let issues: Vec<NewIssue> = (0..40)
                .map(|n| {
                    let date = today() + TimeDelta::days(days + n as i64 % 2);
                    let message = format!("A line of {date} that many have.\r\n")
                        .repeat(9)
                        .into_bytes();
                    NewIssue {
                        message,
                        ..issue(readers[n], date, &[])
                    }
                })
                .collect();
            assert!(
                store
                    .enqueue_issues(&issues, noon())
                    .unwrap()
                    .iter()
                    .all(Option::is_some),
                "day {days}"
            );
            let claimed = store.claim_due(50, noon()).unwrap();
            let sent: Vec<_> = claimed
                .iter()
                .map(|claimed| claimed.message.clone())
                .collect();
            assert_eq!(
                sent,
                issues
                    .into_iter()
                    .map(|issue| issue.message)
                    .collect::<Vec<_>>(),
                "day {days}"
            );
            for claimed in claimed {
                mark(store, claimed.id, noon());
                settle(
                    store,
                    settlement(claimed.id, 250, Disposition::Accepted),
                    noon(),
                );
            }
        }
    });
}

#[test]
fn mails_with_nothing_in_common_are_queued_too() {
    on_every_backend(|store| {
        let issues: Vec<NewIssue> = (0..20)
            .map(|n| NewIssue {
                message: format!("Only {n} has this.").into_bytes(),
                ..issue(
                    enter(store, &format!("reader{n}@example.org")),
                    today(),
                    &[],
                )
            })
            .collect();
        store.enqueue_issues(&issues, noon()).unwrap();
        let sent: Vec<_> = store
            .claim_due(50, noon())
            .unwrap()
            .into_iter()
            .map(|claimed| claimed.message)
            .collect();
        assert_eq!(
            sent,
            issues
                .into_iter()
                .map(|issue| issue.message)
                .collect::<Vec<_>>()
        );
    });
}
