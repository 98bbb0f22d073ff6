//! Export and erasure, which need a fresh link.

use crate::store::requests::moves;
use crate::web::robots::{FORM, House};
use crate::web::signup::{form, link, mails};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use chrono::TimeDelta;
use paperboy::clock::Clock as _;
use paperboy::pick::Thumb;
use paperboy::store::sqlite::SqliteStore;
use paperboy::store::{
    Agent, Channel, Click, ConsentContext, Db, Effect, LibraryWork, NewFeedback, NewReport,
    NewRequest, PaperRow, RequestKind,
};
use paperboy::subscriber::{Interest, Status, SubscriberId};
use paperboy::token::Scope;

/// A reader with rows in every table.
fn reader(house: &House, papers: &[PaperRow]) -> SubscriberId {
    let (id, _) = house.subscribes("Ada.Lovelace@example.org");
    house.sends(id, papers);
    let mut ada = house.stored(id);
    "Ada Lovelace".clone_into(&mut ada.details.name);
    ada.details.interests.push(Interest {
        name: "Lovelace's engines".to_owned(),
        ..Interest::default()
    });
    let now = house.clock.now();
    let asking = || ConsentContext {
        wording: "1".to_owned(),
        page: "/lovelace".to_owned(),
        network: "192.0.2.77".to_owned(),
    };
    let asks = |kind, to: &str| NewRequest {
        kind,
        address: to.parse().unwrap(),
        subscriber: Some(id),
        details: ada.to_record().to_string(),
        asking: asking(),
    };
    let work = LibraryWork {
        key: "lovelace".to_owned(),
        title: "Notes by Lovelace".to_owned(),
        abstract_text: "Engines of Lovelace".to_owned(),
        authors: vec!["Ada Lovelace".to_owned()],
        ids: Vec::new(),
    };
    let report = |address: &str| NewReport {
        key: format!("report-{address}"),
        delivery: None,
        subscriber: Some(id),
        address: address.parse().unwrap(),
        class: "soft",
        reason: None,
        status: Some("4.2.2".to_owned()),
        diagnostic: format!("452 mailbox of {address} is full"),
        source: "mail",
        action: "noted",
        effect: Effect::Remember,
    };
    let (report, old_report) = (
        report("ada.lovelace@example.org"),
        report("lovelace@example.net"),
    );
    house
        .db
        .run_here(|store| {
            store.save_subscriber(&ada, now)?;
            // A change of the address and back.
            for to in ["lovelace@example.net", "ada.lovelace@example.org"] {
                moves(store, id, to, now);
            }
            store.ask(
                &asks(RequestKind::Preferences, "ada.lovelace@example.org"),
                None,
                now,
            )?;
            let said = |thumb| NewFeedback {
                subscriber: id,
                paper: papers[0],
                thumb,
                interest: Some("Lovelace's engines".to_owned()),
                channel: Channel::Web,
            };
            store.give_feedback(&said(Thumb::More), now)?;
            store.give_feedback(&said(Thumb::Save), now)?;
            store.mute_author(id, "Not Lovelace", now)?;
            store.add_library(id, "Lovelace's engines", &[work], now)?;
            let click = Click {
                subscriber: id,
                paper: papers[0],
                at: now,
                is_head: false,
                agent: Agent::Browser,
                network: "192.0.2.0".to_owned(),
            };
            store.record_click(&click)?;
            store.record_report(&report, 9, now)?;
            store.record_report(&old_report, 9, now)?;
            Ok(())
        })
        .unwrap();
    id
}

/// Asks for a link of that kind, and returns it from the mail.
async fn fresh_link(house: &House, id: SubscriberId, act: &str) -> String {
    let (status, _) = house
        .post(
            &house.preferences("/preferences/account", id),
            FORM,
            &format!("act={act}"),
        )
        .await;
    assert_eq!(status, StatusCode::OK);
    link(
        mails(house, "ada.lovelace@example.org").last().unwrap(),
        "/owner?t=",
    )
}

#[tokio::test]
async fn an_export_holds_everything_and_looking_at_the_link_fetches_nothing() {
    let house = House::new();
    let papers = house.announces(&["Engines"]);
    let id = reader(&house, &papers);
    let link = fresh_link(&house, id, "export").await;
    let (status, page) = house.get(&link).await;
    assert!(
        status == StatusCode::OK && page.contains("Download the file") && !page.contains("Engines"),
        "{page}"
    );
    let request = Request::post(&link).body(Body::empty()).unwrap();
    let (status, response, file) = house.ask(request).await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        response.headers()[header::CONTENT_DISPOSITION]
            .to_str()
            .unwrap()
            .starts_with("attachment")
    );
    let file: serde_json::Value = serde_json::from_str(&file).unwrap();
    assert_eq!(file["subscriber"]["name"], "Ada Lovelace");
    assert_eq!(file["issues"][0]["picks"][0]["title"], "Engines");
    for (list, at_least) in [
        ("consents", 2),
        ("requests", 3),
        ("feedback", 1),
        ("saved", 1),
        ("muted_authors", 1),
        ("library", 1),
        ("clicks", 1),
        ("deliveries", 2),
        ("reports", 1),
    ] {
        assert!(
            file[list].as_array().unwrap().len() >= at_least,
            "{list}: {file}"
        );
    }
}

#[tokio::test]
async fn no_other_token_exports_or_erases() {
    let house = House::new();
    let papers = house.announces(&["Engines"]);
    let id = reader(&house, &papers);
    fresh_link(&house, id, "erase").await;
    let mut tokens = Vec::new();
    for scope in [
        Scope::Unsubscribe,
        Scope::Bounce,
        Scope::Preferences,
        Scope::Feedback,
        Scope::Confirm,
        Scope::View,
        Scope::Feed,
    ] {
        tokens.extend((0..9).map(|row| house.token(scope, row)));
    }
    // Requests of other kinds, and unknown ones.
    tokens.extend((0..3).map(|row| house.token(Scope::Owner, row)));
    tokens.extend([
        house.token(Scope::Owner, 99),
        house.token(Scope::Owner, -1),
        String::new(),
    ]);
    for token in tokens {
        let path = format!("/owner?t={token}");
        assert_eq!(
            house.post(&path, FORM, "").await.0,
            StatusCode::NOT_FOUND,
            "{path}"
        );
        assert_eq!(house.get(&path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(house.status(id), Some(Status::Active));
}

#[tokio::test]
async fn an_owner_link_is_valid_for_a_day_and_for_its_address() {
    let house = House::new();
    let papers = house.announces(&["Engines"]);
    let id = reader(&house, &papers);
    let link = fresh_link(&house, id, "export").await;
    // One a day of each kind.
    let before = mails(&house, "ada.lovelace@example.org").len();
    house
        .post(
            &house.preferences("/preferences/account", id),
            FORM,
            "act=export",
        )
        .await;
    assert_eq!(mails(&house, "ada.lovelace@example.org").len(), before);
    assert_eq!(house.get(&link).await.0, StatusCode::OK);
    house.clock.set(house.clock.now() + TimeDelta::hours(25));
    assert_eq!(house.post(&link, FORM, "").await.0, StatusCode::NOT_FOUND);
    let link = fresh_link(&house, id, "erase").await;
    let now = house.clock.now();
    house
        .db
        .run_here(|store| Ok(moves(store, id, "lovelace@example.com", now)))
        .unwrap();
    assert_eq!(house.post(&link, FORM, "").await.0, StatusCode::NOT_FOUND);
    assert_eq!(house.status(id), Some(Status::Active));
}

#[tokio::test]
async fn nothing_of_an_erased_subscriber_is_left_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.db");
    let (store, _) = SqliteStore::migrate(&path).unwrap();
    let mut house = House::new();
    house.db = Db::new(store);
    house.site.db = house.db.clone();
    let papers = house.announces(&["Engines"]);
    let id = reader(&house, &papers);
    let (other, _) = house.subscribes("eve@example.org");
    let traces = |path: &std::path::Path| {
        let wal = path.with_extension("db-wal");
        let mut bytes = std::fs::read(path).unwrap();
        bytes.extend(std::fs::read(wal).unwrap_or_default());
        bytes.make_ascii_lowercase();
        bytes
            .windows(8)
            .filter(|window| *window == b"lovelace")
            .count()
    };
    assert!(traces(&path) > 0, "the test would see it");
    let link = fresh_link(&house, id, "erase").await;
    let (status, page) = house.get(&link).await;
    assert!(
        status == StatusCode::OK && page.contains("This cannot be undone"),
        "{page}"
    );
    assert!(house.status(id).is_some(), "looking erases nothing");
    let (status, page) = house.post(&link, FORM, "").await;
    assert!(
        status == StatusCode::OK && page.contains("Everything was erased"),
        "{page}"
    );
    assert_eq!(
        (house.status(id), house.status(other)),
        (None, Some(Status::Active))
    );
    assert_eq!(house.post(&link, FORM, "").await.0, StatusCode::NOT_FOUND);
    // The next upkeep overwrites the pages freed before.
    assert!(house.db.run_here(|store| store.purge_erased()).unwrap());
    assert!(!house.db.run_here(|store| store.purge_erased()).unwrap());
    drop(house);
    assert_eq!(traces(&path), 0, "the name is still in the file");
}

#[tokio::test]
async fn an_erased_person_can_subscribe_again() {
    let house = House::new();
    let papers = house.announces(&["Engines"]);
    let id = reader(&house, &papers);
    let erase = fresh_link(&house, id, "erase").await;
    house.post(&erase, FORM, "").await;
    house.clock.set(house.clock.now() + TimeDelta::seconds(1));
    house
        .post(
            "/subscribe",
            FORM,
            &form(&[("email", "ada.lovelace@example.org")]),
        )
        .await;
    let confirm = link(
        mails(&house, "ada.lovelace@example.org").last().unwrap(),
        "/confirm?t=",
    );
    assert_eq!(house.post(&confirm, FORM, "").await.0, StatusCode::OK);
}
