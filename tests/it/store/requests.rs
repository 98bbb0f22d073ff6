//! The promises of requests, consent and notices.

use chrono::{DateTime, TimeDelta, Utc};
use paperboy::store::sqlite::SqliteStore;
use paperboy::store::{
    AGREES_TO, ConsentContext, LedgerStore, NewNotice, NewRequest, OperatorActionStore,
    OutboxFilter, RequestId, RequestKind, RequestOutcome, RequestStore, RetentionClass,
    RetentionStore, Store, SubscriberStore,
};
use paperboy::subscriber::{Address, NewSubscriber, Preferences, Status, SubscriberId};

fn noon() -> DateTime<Utc> {
    "2026-08-04T12:00:00Z".parse().unwrap()
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn reader(text: &str, name: &str) -> NewSubscriber {
    NewSubscriber {
        address: address(text),
        name: name.to_owned(),
        status: Status::Pending,
        preferences: Preferences::default(),
        interests: Vec::new(),
    }
}

fn asking(page: &str) -> ConsentContext {
    ConsentContext {
        wording: "1".to_owned(),
        page: page.to_owned(),
        network: "192.0.2.7".to_owned(),
    }
}

fn asks(store: &mut SqliteStore, kind: RequestKind, text: &str) -> RequestId {
    let request = NewRequest {
        kind,
        address: address(text),
        subscriber: None,
        details: String::new(),
        asking: asking("/"),
    };
    let pending = (kind == RequestKind::Subscribe).then(|| reader(text, ""));
    store.ask(&request, pending.as_ref(), noon()).unwrap()
}

/// Asks both addresses of somebody whether they move, as the page does.
fn ask_both(
    store: &mut dyn Store,
    subscriber: SubscriberId,
    to: &str,
    now: DateTime<Utc>,
) -> [RequestId; 2] {
    let mut ask = |address: Address, details: String| {
        let kind = RequestKind::Move;
        let asking = asking("/preferences/account");
        store
            .ask(
                &NewRequest {
                    kind,
                    address,
                    subscriber: Some(subscriber),
                    details,
                    asking,
                },
                None,
                now,
            )
            .unwrap()
    };
    let new = ask(address(to), to.to_owned());
    [
        new,
        ask(address("old@example.org"), format!("{AGREES_TO}{}", new.0)),
    ]
}

/// Moves somebody, both of whose addresses agree.
pub(crate) fn moves(
    store: &mut dyn Store,
    subscriber: SubscriberId,
    to: &str,
    now: DateTime<Utc>,
) -> RequestOutcome {
    let both = ask_both(store, subscriber, to, now);
    both.map(|id| store.agree_to_move(id, &asking("/confirm"), now).unwrap())[1]
}

fn notice(text: &str, kind: &'static str) -> NewNotice {
    NewNotice {
        kind,
        subscriber: None,
        address: address(text),
        subject: "Please confirm".to_owned(),
        message_id: format!("{kind}.1@digest.example.org"),
        message: b"Subject: Please confirm\r\n\r\nhere\r\n".to_vec(),
        expires_at: noon() + TimeDelta::hours(18),
    }
}

#[test]
fn a_subscriber_is_pending_until_they_confirm() {
    let mut store = SqliteStore::in_memory().unwrap();
    let id = asks(&mut store, RequestKind::Subscribe, "Ada@example.org");
    let status = |store: &mut SqliteStore| {
        store
            .subscriber(&address("ada@example.org"))
            .unwrap()
            .unwrap()
            .status
    };
    assert_eq!(status(&mut store), Status::Pending);
    let details = reader("ada@example.org", "Ada");
    let later = noon() + TimeDelta::hours(1);
    let proved = store
        .confirm_subscription(id, &details, &asking("/confirm"), later)
        .unwrap();
    let RequestOutcome::Done(subscriber) = proved else {
        panic!("{proved:?}")
    };
    assert_eq!(status(&mut store), Status::Active);
    // A link that is followed twice does nothing more, and says whose it is.
    store.unsubscribe(subscriber, "one-click", later).unwrap();
    let again = store
        .confirm_subscription(id, &details, &asking("/confirm"), later)
        .unwrap();
    assert_eq!(again, RequestOutcome::Before(subscriber));
    assert_eq!(status(&mut store), Status::Unsubscribed);
    let acts: Vec<(String, String)> = store
        .consents(subscriber)
        .unwrap()
        .into_iter()
        .map(|consent| (consent.act, consent.page))
        .collect();
    assert_eq!(
        acts,
        [
            ("asked".into(), "/".into()),
            ("confirmed".into(), "/confirm".into())
        ]
    );
}

#[test]
fn a_form_does_not_overwrite_a_subscription_that_runs() {
    let mut store = SqliteStore::in_memory().unwrap();
    let active = NewSubscriber {
        status: Status::Active,
        ..reader("ada@example.org", "Ada")
    };
    store
        .enter_subscribers(std::slice::from_ref(&active), noon())
        .unwrap();
    let id = asks(&mut store, RequestKind::Subscribe, "ada@example.org");
    store
        .confirm_subscription(
            id,
            &reader("ada@example.org", "Somebody"),
            &asking("/confirm"),
            noon(),
        )
        .unwrap();
    assert_eq!(
        store.subscriber(&active.address).unwrap().unwrap().name,
        "Ada"
    );
}

#[test]
fn confirming_again_lifts_a_suppression_and_its_mail_is_sent_before_that() {
    let mut store = SqliteStore::in_memory().unwrap();
    let id = asks(&mut store, RequestKind::Subscribe, "ada@example.org");
    store
        .suppress(&address("ada@example.org"), "550 no such user", noon())
        .unwrap();
    let ids = store
        .enqueue_notices(
            &[
                notice("ada@example.org", "confirm"),
                notice("ada@example.org", "goodbye"),
            ],
            Some(id),
            noon(),
        )
        .unwrap();
    let claimed = store.claim_due(10, noon()).unwrap();
    assert_eq!(
        claimed.iter().map(|claimed| claimed.id).collect::<Vec<_>>(),
        ids[..1]
    );
    let proved = store
        .confirm_subscription(id, &reader("ada@example.org", ""), &asking("/"), noon())
        .unwrap();
    assert!(matches!(proved, RequestOutcome::Done(_)));
    assert!(store.suppressions().unwrap().is_empty());
    assert_eq!(
        store
            .count_mailed(RequestKind::Subscribe, &address("ADA@example.org"), noon())
            .unwrap(),
        1
    );
}

#[test]
fn an_address_moves_unless_somebody_has_it() {
    let mut store = SqliteStore::in_memory().unwrap();
    let entered = ["ada@example.org", "bob@example.org"].map(|text| NewSubscriber {
        status: Status::Active,
        ..reader(text, "")
    });
    store.enter_subscribers(&entered, noon()).unwrap();
    let ada = store.subscriber(&entered[0].address).unwrap().unwrap().id;
    let mut moves = |to: &str| moves(&mut store, ada, to, noon());
    assert_eq!(moves("Bob@example.org"), RequestOutcome::Impossible);
    assert_eq!(moves("ada@example.net"), RequestOutcome::Done(ada));
    assert_eq!(
        store
            .subscriber_by_id(ada)
            .unwrap()
            .unwrap()
            .address
            .as_str(),
        "ada@example.net"
    );
    // Bob was asked and said no, or nothing: what waits, waits.
    let bob = store.subscriber(&entered[1].address).unwrap().unwrap().id;
    let [new, old] = ask_both(&mut store, bob, "bob@example.net", noon());
    assert_eq!(
        store
            .agree_to_move(new, &asking("/confirm"), noon())
            .unwrap(),
        RequestOutcome::Waiting(bob)
    );
    assert_eq!(
        store
            .agree_to_move(new, &asking("/confirm"), noon())
            .unwrap(),
        RequestOutcome::Before(bob)
    );
    assert_eq!(
        store
            .subscriber_by_id(bob)
            .unwrap()
            .unwrap()
            .address
            .as_str(),
        "bob@example.org"
    );
    // The links of before are worthless now, and so is what was asked for by one.
    store.retire_links(bob, noon()).unwrap();
    assert_eq!(
        store
            .agree_to_move(old, &asking("/confirm"), noon())
            .unwrap(),
        RequestOutcome::Impossible
    );
}

#[test]
fn unconfirmed_requests_are_deleted() {
    let mut store = SqliteStore::in_memory().unwrap();
    asks(&mut store, RequestKind::Subscribe, "ada@example.org");
    store
        .enter_subscribers(&[reader("by.hand@example.org", "")], noon())
        .unwrap();
    assert_eq!(
        store
            .forget_old(RetentionClass::Requests, noon(), 9)
            .unwrap(),
        0
    );
    assert_eq!(
        store
            .forget_old(RetentionClass::Requests, noon() + TimeDelta::seconds(1), 9)
            .unwrap(),
        1
    );
    assert!(
        store
            .subscriber(&address("ada@example.org"))
            .unwrap()
            .is_none()
    );
    assert!(
        store
            .subscriber(&address("by.hand@example.org"))
            .unwrap()
            .is_some()
    );
}

#[test]
fn an_erased_subscriber_leaves_a_hash() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.db");
    let (mut store, _) = SqliteStore::migrate(&path).unwrap();
    let id = asks(
        &mut store,
        RequestKind::Subscribe,
        "Ada.Lovelace@example.org",
    );
    store
        .confirm_subscription(
            id,
            &reader("ada.lovelace@example.org", "Ada Lovelace"),
            &asking("/confirm"),
            noon(),
        )
        .unwrap();
    let ada = store
        .subscriber(&address("ada.lovelace@example.org"))
        .unwrap()
        .unwrap()
        .id;
    let to_her = |kind| NewNotice {
        subscriber: Some(ada),
        ..notice("ada.lovelace@example.org", kind)
    };
    store
        .enqueue_notices(&[to_her("confirm"), to_her("welcome")], Some(id), noon())
        .unwrap();
    let in_hand = store.claim_due(1, noon()).unwrap();
    assert!(store.erase_subscriber(ada, "h4sh", noon()).unwrap());
    assert!(!store.erase_subscriber(ada, "h4sh", noon()).unwrap());
    assert!(
        store
            .was_erased(&["other".to_owned(), "h4sh".to_owned()])
            .unwrap()
    );
    assert!(!store.was_erased(&["other".to_owned()]).unwrap());
    // Nothing of it is sent, not even what a sender had in hand.
    assert!(
        store
            .claim_due(10, noon() + TimeDelta::hours(1))
            .unwrap()
            .is_empty()
    );
    let turn = paperboy::store::LedgerTurn {
        marks: vec![in_hand[0].id],
        ..Default::default()
    };
    assert!(store.record_turn(&turn, noon()).unwrap().is_empty());
    let rows = store.deliveries(&OutboxFilter::default()).unwrap();
    assert!(
        rows.len() == 2 && rows.iter().all(|row| row.address == "h4sh"),
        "{rows:?}"
    );
    drop(store);
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); VACUUM")
        .unwrap();
    drop(conn);
    let bytes = std::fs::read(&path).unwrap().to_ascii_lowercase();
    assert!(
        !bytes.windows(8).any(|window| window == b"lovelace"),
        "the name is still in the file"
    );
}
