//! The promises of keys and of lists that are read piece by piece.

use paperboy::store::sqlite::SqliteStore;
use paperboy::store::{
    ConsentContext, Entered, IdempotencyKey, IdempotencyState, KeyId, KeyScope, KeyStore, NewKey,
    OperatorActionStore, PagedListStore, RequestStore, StoredAnswer, SubscriberStore,
};
use paperboy::subscriber::{Address, NewSubscriber, Preferences, Status, SubscriberId};

use chrono::{DateTime, TimeDelta, Utc};

fn noon() -> DateTime<Utc> {
    "2026-08-04T12:00:00Z".parse().unwrap()
}

fn key(name: &str, hash: &str) -> NewKey {
    NewKey {
        name: name.to_owned(),
        hash: hash.to_owned(),
        scopes: vec![KeyScope::Read, KeyScope::Papers],
        per_minute: 60,
        expires_at: Some(noon() + TimeDelta::days(1)),
    }
}

fn reader(address: &str, status: Status) -> NewSubscriber {
    NewSubscriber {
        address: address.parse().unwrap(),
        name: String::new(),
        status,
        preferences: Preferences::default(),
        interests: Vec::new(),
    }
}

#[test]
fn a_key_is_found_by_its_hash_and_its_name_is_free_once_it_is_revoked() {
    let mut store = SqliteStore::in_memory().unwrap();
    let id = store.make_key(&key("ci", "h1"), noon()).unwrap().unwrap();
    assert_eq!(store.make_key(&key("ci", "h2"), noon()).unwrap(), None);
    let found = store.key_of_hash("h1").unwrap().unwrap();
    assert_eq!(
        (found.id, found.scopes.len(), found.per_minute),
        (id, 2, 60)
    );
    assert_eq!(
        (found.made_at, found.used_at, found.revoked_at),
        (noon(), None, None)
    );
    assert_eq!(store.key_of_hash("h2").unwrap(), None);
    store.note_key_used(id, noon()).unwrap();
    assert!(store.revoke_key("ci", noon()).unwrap());
    assert!(!store.revoke_key("ci", noon()).unwrap());
    let second = store.make_key(&key("ci", "h2"), noon()).unwrap().unwrap();
    assert_ne!(second, id);
    let all = store.keys().unwrap();
    assert_eq!(
        all.iter()
            .map(|key| key.revoked_at.is_some())
            .collect::<Vec<_>>(),
        [true, false]
    );
    assert_eq!(all[0].used_at, Some(noon()));
}

/// `request` begins at `at`, by the rules of a day and two minutes.
fn begins(
    store: &mut SqliteStore,
    name: &IdempotencyKey,
    request: &str,
    at: DateTime<Utc>,
) -> IdempotencyState {
    store
        .begin_answer(
            name,
            request,
            at - TimeDelta::days(1),
            at - TimeDelta::minutes(2),
            at,
        )
        .unwrap()
}

#[test]
fn a_request_is_begun_once_and_answered_the_same_for_a_day() {
    let mut store = SqliteStore::in_memory().unwrap();
    let id = store.make_key(&key("ci", "h1"), noon()).unwrap().unwrap();
    let name = IdempotencyKey {
        key: id,
        name: "one".to_owned(),
    };
    assert_eq!(
        begins(&mut store, &name, "a", noon()),
        IdempotencyState::Ours
    );
    assert_eq!(
        begins(&mut store, &name, "a", noon()),
        IdempotencyState::Underway
    );
    assert_eq!(
        begins(&mut store, &name, "b", noon()),
        IdempotencyState::Other
    );
    // Another key's names are its own.
    let other = store
        .make_key(&key("other", "h2"), noon())
        .unwrap()
        .unwrap();
    assert_eq!(
        begins(
            &mut store,
            &IdempotencyKey {
                key: other,
                ..name.clone()
            },
            "b",
            noon()
        ),
        IdempotencyState::Ours
    );
    // Given up, or cut off: it may be begun again.
    store.drop_answer(&name).unwrap();
    assert_eq!(
        begins(&mut store, &name, "a", noon()),
        IdempotencyState::Ours
    );
    let later = noon() + TimeDelta::minutes(3);
    assert_eq!(
        begins(&mut store, &name, "a", later),
        IdempotencyState::Ours
    );
    let answer = StoredAnswer {
        status: 201,
        headers: vec![("location".to_owned(), "/x".to_owned())],
        body: b"{}".to_vec(),
        about: None,
    };
    store.finish_answer(&name, &answer).unwrap();
    store.drop_answer(&name).unwrap();
    assert_eq!(
        begins(&mut store, &name, "a", later + TimeDelta::hours(23)),
        IdempotencyState::Answered(answer)
    );
    assert_eq!(
        begins(&mut store, &name, "a", later + TimeDelta::hours(25)),
        IdempotencyState::Ours
    );
}

#[test]
fn answers_about_somebody_are_erased_with_them() {
    let mut store = SqliteStore::in_memory().unwrap();
    let id = store.make_key(&key("ci", "h1"), noon()).unwrap().unwrap();
    store
        .enter_subscribers(&[reader("ada@example.org", Status::Active)], noon())
        .unwrap();
    let ada = store
        .subscriber(&"ada@example.org".parse().unwrap())
        .unwrap()
        .unwrap()
        .id;
    let answer = |about| StoredAnswer {
        status: 200,
        headers: Vec::new(),
        body: b"ada@example.org".to_vec(),
        about,
    };
    let name = |name: &str| IdempotencyKey {
        key: id,
        name: name.to_owned(),
    };
    for (text, about) in [("hers", Some(ada)), ("nobody's", None)] {
        begins(&mut store, &name(text), "a", noon());
        store.finish_answer(&name(text), &answer(about)).unwrap();
    }
    begins(&mut store, &name("late"), "a", noon());
    store.erase_subscriber(ada, "hash", noon()).unwrap();
    // It was being written while they were erased.
    store
        .finish_answer(&name("late"), &answer(Some(ada)))
        .unwrap();
    assert_eq!(
        begins(&mut store, &name("hers"), "a", noon()),
        IdempotencyState::Ours
    );
    assert_eq!(
        begins(&mut store, &name("late"), "a", noon()),
        IdempotencyState::Ours
    );
    assert!(matches!(
        begins(&mut store, &name("nobody's"), "a", noon()),
        IdempotencyState::Answered(_)
    ));
    assert_eq!(id, KeyId(1));
}

#[test]
fn a_vouched_subscriber_is_stored_with_the_consent_or_not_at_all() {
    let mut store = SqliteStore::in_memory().unwrap();
    let vouching = ConsentContext {
        wording: "form of May".to_owned(),
        page: "/".to_owned(),
        network: "192.0.2.7".to_owned(),
    };
    let mut vouch = |address: &str| {
        store
            .vouch_for(&reader(address, Status::Active), &vouching, noon())
            .unwrap()
    };
    assert_eq!(vouch("ada@example.org"), Entered::New);
    assert_eq!(vouch("ADA@example.org"), Entered::Known);
    let ada = store
        .subscriber(&"ada@example.org".parse().unwrap())
        .unwrap()
        .unwrap();
    let consents = store.consents(ada.id).unwrap();
    assert_eq!(
        (
            consents.len(),
            consents[0].act.as_str(),
            consents[0].wording.as_str()
        ),
        (1, "vouched", "form of May")
    );
    let gone: Address = "gone@example.org".parse().unwrap();
    store.suppress(&gone, "test", noon()).unwrap();
    assert_eq!(store.suppression(&gone).unwrap().unwrap().reason, "test");
    let left = store
        .vouch_for(
            &reader("gone@example.org", Status::Active),
            &vouching,
            noon(),
        )
        .unwrap();
    assert_eq!(left, Entered::Left(Status::Suppressed));
    assert_eq!(store.subscriber(&gone).unwrap(), None);
}

#[test]
fn lists_are_read_from_any_place_on() {
    let mut store = SqliteStore::in_memory().unwrap();
    let readers = [
        reader("a@example.org", Status::Active),
        reader("b@example.org", Status::Paused),
        reader("c@example.org", Status::Active),
    ];
    store.enter_subscribers(&readers, noon()).unwrap();
    let mut listed = |status, after, limit| {
        let found = store
            .list_subscribers(status, SubscriberId(after), limit)
            .unwrap();
        found.into_iter().map(|one| one.id.0).collect::<Vec<_>>()
    };
    assert_eq!(listed(None, 0, 2), [1, 2]);
    assert_eq!(listed(None, 2, 2), [3]);
    assert_eq!(listed(Some(Status::Active), 0, 9), [1, 3]);
    assert_eq!(listed(Some(Status::Pending), 0, 9), [0; 0]);
    for (address, minute) in [
        ("y@example.org", 0),
        ("x@example.org", 1),
        ("w@example.org", 1),
    ] {
        let at = noon() + TimeDelta::minutes(minute);
        store
            .suppress(&address.parse().unwrap(), "test", at)
            .unwrap();
    }
    let mut suppressed = |from, limit| {
        let found = store.list_suppressions(from, limit).unwrap();
        found
            .into_iter()
            .map(|one| one.address.as_str()[..1].to_owned())
            .collect::<String>()
    };
    assert_eq!(suppressed(noon(), 2), "yw");
    assert_eq!(suppressed(noon() + TimeDelta::minutes(1), 9), "wx");
    assert_eq!(
        store.count_mails_of("2026-08-04".parse().unwrap()).unwrap(),
        []
    );
    assert_eq!(store.list_issues(SubscriberId(1), None, 9).unwrap(), []);
    assert_eq!(store.list_mails(SubscriberId(1), None, 9).unwrap(), []);
}
