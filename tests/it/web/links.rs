//! Properties of all pages by link: their language, how long links are valid, that GET
//! changes nothing, and pages below a path.

use crate::harness::town;
use crate::web::robots::{FORM, House};
use crate::web::signup::{form, link, mails};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use paperboy::clock::Clock as _;
use paperboy::edition::Composer;
use paperboy::links::Links;
use paperboy::pick::Thumb;
use paperboy::store::sqlite::SqliteStore;
use paperboy::store::{ConsentContext, NewRequest, OutboxFilter, RequestKind};
use paperboy::subscriber::{LinkHolder, SubscriberId};
use paperboy::token::Scope;
use rusqlite::types::Value;
use std::fmt::Write as _;
use std::path::Path;

/// A subscriber whose links were never retired.
pub(crate) fn first(id: SubscriberId) -> LinkHolder {
    LinkHolder { id, generation: 0 }
}

/// A site whose pages are at `base_url`.
fn house_at(base_url: &str) -> House {
    let mut composer: Composer = town::composer();
    base_url.clone_into(&mut composer.site.base_url);
    House::of(SqliteStore::in_memory().unwrap(), composer)
}

/// A reader with a language and an issue of two papers, with all of their links.
fn reader(house: &House, language: &str) -> (SubscriberId, Vec<String>) {
    let papers = house.announces(&["Adapters of low rank", "Prompts that last"]);
    let (id, leave) = house.subscribes("ada@example.org");
    let mut ada = house.stored(id);
    language.clone_into(&mut ada.details.preferences.language);
    house
        .db
        .run_here(|store| store.save_subscriber(&ada, house.clock.now()))
        .unwrap();
    house.sends(id, &papers);
    let mut all = links(house, house.stored(id).holder());
    all.push(leave);
    (id, all)
}

/// Every link in a reader's issue except the one that unsubscribes.
fn links(house: &House, of: LinkHolder) -> Vec<String> {
    let composer = (house.site.composer)();
    let links = Links {
        site: &composer.site,
        signer: &composer.signer,
    };
    let mut all = vec![
        links.preferences(of),
        links.issue(of, "2026-08-04".parse().unwrap()),
        links.feed(of),
    ];
    for paper in [1, 2] {
        all.extend(
            [Thumb::More, Thumb::Less, Thumb::Save].map(|thumb| links.feedback(of, paper, thumb)),
        );
    }
    let base_url = &composer.site.base_url;
    all.iter()
        .map(|url| url.strip_prefix(base_url.as_str()).unwrap().to_owned())
        .collect()
}

async fn asked_in(house: &House, language: &str, path: &str) -> String {
    let request = Request::get(path)
        .header(header::ACCEPT_LANGUAGE, language)
        .body(Body::empty())
        .unwrap();
    house.ask(request).await.2
}

#[tokio::test]
async fn pages_are_in_the_language_of_the_reader_or_of_the_visitor() {
    for (language, thumb, leaving, gone) in [
        (
            "en",
            "Nothing has been changed yet",
            "Unsubscribe?",
            "You have left",
        ),
        (
            "de",
            "Noch hat sich nichts geändert",
            "Abbestellen?",
            "Sie haben abbestellt",
        ),
        (
            "ja",
            "まだ何も変わっていません",
            "購読を解除しますか",
            "購読を解除しました",
        ),
    ] {
        let house = House::new();
        let (_, all) = reader(&house, language);
        let leave = all.last().unwrap();
        let feedback = all.iter().find(|url| url.starts_with("/feedback")).unwrap();
        for (path, said) in [(feedback, thumb), (leave, leaving)] {
            // The language of the browser does not matter.
            let page = asked_in(&house, "fr", path).await;
            assert!(
                page.contains(said) && page.contains(&format!("<html lang=\"{language}\"")),
                "{path} {page}"
            );
        }
        let (_, page) = house.post(leave, FORM, "List-Unsubscribe=One-Click").await;
        assert!(page.contains(gone), "{page}");
        let nobody = asked_in(
            &house,
            &format!("xx;q=1, {language}-XX;q=0.7"),
            "/confirm?t=nonsense",
        )
        .await;
        assert!(
            nobody.contains(&format!("<html lang=\"{language}\"")),
            "{nobody}"
        );
    }
}

#[tokio::test]
async fn older_links_can_be_retired_except_the_one_that_unsubscribes() {
    let house = House::new();
    let (id, old) = reader(&house, "en");
    for url in &old {
        assert_eq!(house.get(url).await.0, StatusCode::OK, "{url}");
    }
    let (_, page) = house
        .post(
            &house.preferences("/preferences/account", id),
            FORM,
            &form(&[("act", "retire")]),
        )
        .await;
    assert!(page.contains("no longer work"), "{page}");
    for url in &old {
        let works = url.starts_with("/unsubscribe");
        assert_eq!(house.get(url).await.0 == StatusCode::OK, works, "{url}");
        assert!(
            !house
                .post(url, FORM, "act=leave&do=more")
                .await
                .0
                .is_success(),
            "{url}"
        );
    }
    // The page itself and later mails use new links.
    let again = link(
        &page
            .replace("href=\"/", " https://digest.example.org/")
            .replace('"', " "),
        "/preferences/sent?t=",
    );
    assert_eq!(house.get(&again).await.0, StatusCode::OK);
    for url in links(&house, house.stored(id).holder()) {
        assert!(!old.contains(&url), "{url}");
        assert_eq!(house.get(&url).await.0, StatusCode::OK, "{url}");
    }
}

#[tokio::test]
async fn the_old_mailbox_of_a_reader_who_moved_has_no_access() {
    let house = House::new();
    let (id, old) = reader(&house, "en");
    let moving = form(&[("act", "move"), ("email", "ada@example.net")]);
    house
        .post(
            &house.preferences("/preferences/account", id),
            FORM,
            &moving,
        )
        .await;
    let old_address = house.stored(id).address.to_string();
    let asked = mails(&house, &old_address)
        .into_iter()
        .find(|mail| mail.contains("/confirm?t="))
        .unwrap();
    let agrees = [
        link(&mails(&house, "ada@example.net")[0], "/confirm?t="),
        link(&asked, "/confirm?t="),
    ];
    house.post(&agrees[0], FORM, "").await;
    let (_, page) = house.post(&agrees[1], FORM, "").await;
    for url in old.iter().filter(|url| !url.starts_with("/unsubscribe")) {
        assert_eq!(house.get(url).await.0, StatusCode::NOT_FOUND, "{url}");
    }
    let (_, fresh) = page
        .split_once("href=\"https://digest.example.org/preferences")
        .unwrap();
    let fresh = format!("/preferences{}", fresh.split('"').next().unwrap());
    assert_eq!(house.get(&fresh).await.0, StatusCode::OK);
}

/// All rows of the database, without recorded clicks and without data derived from
/// papers, which a preview refreshes.
fn dump(path: &Path) -> Vec<(String, Vec<Vec<Value>>)> {
    let db = rusqlite::Connection::open(path).unwrap();
    let mut names = db
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        .unwrap();
    let names: Vec<String> = names
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let rows = |name: &String| {
        let mut statement = db
            .prepare(&format!("SELECT * FROM \"{name}\" ORDER BY 1, 2"))
            .unwrap();
        let columns = statement.column_count();
        let rows = statement
            .query_map([], |row| {
                (0..columns).map(|at| row.get::<_, Value>(at)).collect()
            })
            .unwrap();
        rows.map(Result::unwrap).collect()
    };
    names
        .iter()
        .filter(|name| {
            ![
                "clicks",
                "background",
                "signatures",
                "unsigned",
                "archive_changes",
            ]
            .contains(&name.as_str())
        })
        .map(|name| (name.clone(), rows(name)))
        .collect()
}

#[tokio::test]
async fn a_scanner_that_follows_every_link_of_every_mail_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.db");
    let house = House::of(SqliteStore::migrate(&path).unwrap().0, town::composer());
    let (id, mut all) = reader(&house, "en");
    let preferences = all[0].clone();
    all.extend(
        ["preview", "picks", "library", "sent", "account"]
            .map(|page| preferences.replacen("/preferences?", &format!("/preferences/{page}?"), 1)),
    );
    // Every kind of request that mails a link.
    let ada = house.stored(id);
    for (kind, to) in [
        (RequestKind::Subscribe, "new@example.org"),
        (RequestKind::Move, "ada@example.net"),
        (RequestKind::Export, "ada@example.org"),
        (RequestKind::Erase, "ada@example.org"),
    ] {
        let asking = ConsentContext {
            wording: "1".to_owned(),
            page: String::new(),
            network: String::new(),
        };
        let address = to.parse().unwrap();
        let details = ada.to_record().to_string();
        let request = NewRequest {
            kind,
            address,
            subscriber: Some(id),
            details,
            asking,
        };
        let asked = house
            .db
            .run_here(|store| store.ask(&request, None, house.clock.now()))
            .unwrap();
        all.push(format!(
            "/confirm?t={}",
            house.token(Scope::Confirm, asked.0)
        ));
        all.push(format!("/owner?t={}", house.token(Scope::Owner, asked.0)));
    }
    let before = dump(&path);
    assert!(before.iter().map(|(_, rows)| rows.len()).sum::<usize>() > 20);
    for agent in ["Mozilla/5.0", "curl/8", ""] {
        for method in ["GET", "HEAD", "OPTIONS", "PROPFIND"] {
            for url in &all {
                let request = Request::builder()
                    .method(method)
                    .uri(url)
                    .header(header::USER_AGENT, agent);
                let (status, ..) = house.ask(request.body(Body::empty()).unwrap()).await;
                assert!(
                    !status.is_server_error() && !status.is_redirection(),
                    "{method} {url}: {status}"
                );
            }
        }
    }
    assert_eq!(dump(&path), before);
}

#[tokio::test]
async fn pages_below_a_path_lead_nowhere_else() {
    let house = house_at("https://uni.example.org/at/paperboy");
    let (_, all) = reader(&house, "en");
    let mut all: Vec<&str> = all.iter().map(String::as_str).collect();
    all.extend([
        "/",
        "/archive",
        "/archive/2026-08-04",
        "/papers/2608.00001",
        "/search?q=adapters",
        "/subscribe",
        "/no",
    ]);
    for path in all {
        // With a proxy that removes the path, and without.
        let kept = house
            .ask(
                Request::get(format!("/at/paperboy{path}"))
                    .body(Body::empty())
                    .unwrap(),
            )
            .await;
        let taken = house
            .ask(Request::get(path).body(Body::empty()).unwrap())
            .await;
        assert_eq!((kept.0, &kept.2), (taken.0, &taken.2), "{path}");
        assert_eq!(kept.0 == StatusCode::OK, path != "/no", "{path}");
        for start in [" href=\"/", " action=\"/", " formaction=\"/", " src=\"/"] {
            let outside = kept
                .2
                .match_indices(start)
                .find(|(at, start)| !kept.2[at + start.len() - 1..].starts_with("/at/paperboy/"));
            assert_eq!(outside, None, "{path} {}", kept.2);
        }
    }
    let (status, moved, _) = house
        .ask(
            Request::get("/at/paperboy/papers/2608.00001v1")
                .body(Body::empty())
                .unwrap(),
        )
        .await;
    assert_eq!(
        (status, &moved.headers()[header::LOCATION]),
        (
            StatusCode::PERMANENT_REDIRECT,
            &"/at/paperboy/papers/2608.00001".parse().unwrap()
        )
    );
    // Text of visitors is not changed.
    let (_, page) = house.get("/search?q=+href%3D%22/x+action%3D%22/y").await;
    assert!(page.contains("href=&quot;/x action=&quot;/y"), "{page}");
}

#[tokio::test]
async fn the_unsubscribe_header_is_not_refolded_by_relays() {
    for base_url in [
        "https://a.example",
        "https://digest.informatik.uni-example.org",
        "https://digest.informatik.uni-example.org/reading/paperboy/of/the/whole/faculty",
    ] {
        let house = house_at(base_url);
        house
            .post("/subscribe", FORM, &form(&[("email", "ada@example.org")]))
            .await;
        let confirm = mails(&house, "ada@example.org").pop().unwrap();
        let at = confirm.find("/confirm?t=").unwrap();
        house
            .post(confirm[at..].split_whitespace().next().unwrap(), FORM, "")
            .await;
        let rows = house
            .db
            .run_here(|store| store.deliveries(&OutboxFilter::default()))
            .unwrap();
        let welcome = rows.iter().max_by_key(|row| row.id).unwrap();
        let message = house
            .db
            .run_here(|store| store.message(welcome.id))
            .unwrap()
            .unwrap();
        let message = String::from_utf8(message).unwrap();
        let (_, header) = message.split_once("\r\nList-Unsubscribe: ").unwrap();
        let mut header = header.split_inclusive("\r\n");
        let first = header.next().unwrap().to_owned();
        let whole: String = std::iter::once(first.as_str())
            .chain(header.take_while(|line| line.starts_with(' ')))
            .collect();
        let url = whole.trim().trim_matches(['<', '>']);
        assert!(
            url.starts_with(base_url) && !url.contains(char::is_whitespace),
            "{whole}"
        );
        let most = format!("List-Unsubscribe: {whole}")
            .lines()
            .map(str::len)
            .max()
            .unwrap();
        // An address is never broken; one longer than 76 characters has a line of its own.
        assert!(
            most <= 76 || (base_url.len() > 46 && most <= url.len() + 4),
            "{most} {whole}"
        );
        let path = url.strip_prefix(base_url).unwrap();
        assert_eq!(house.get(path).await.0, StatusCode::OK, "{path}");
        let (status, page) = house.post(path, FORM, "List-Unsubscribe=One-Click").await;
        assert!(
            status == StatusCode::OK && page.contains("You have left"),
            "{page}"
        );
    }
}

#[tokio::test]
async fn no_host_that_a_visitor_names_stands_on_a_page_or_in_a_mail() {
    let house = House::new();
    let (_, all) = reader(&house, "en");
    for path in all.iter().map(String::as_str).chain([
        "/",
        "/subscribe",
        "/nowhere",
        "/papers/2608.00001",
        "/feed.atom",
    ]) {
        for name in [
            "host",
            "x-forwarded-host",
            "x-host",
            "forwarded",
            "x-original-url",
            "x-forwarded-prefix",
        ] {
            let request = Request::get(path)
                .header(name, "evil.example")
                .body(Body::empty())
                .unwrap();
            let (status, response, body) = house.ask(request).await;
            assert!(
                !status.is_server_error() && !body.contains("evil.example"),
                "{path} {name}: {body}"
            );
            assert!(
                !response.headers().contains_key(header::LOCATION),
                "{path} {name}"
            );
        }
    }
    let request = Request::post("/subscribe")
        .header(header::HOST, "evil.example")
        .header(header::CONTENT_TYPE, FORM);
    house
        .ask(request.body(Body::from("email=new@example.org")).unwrap())
        .await;
    let mail = mails(&house, "new@example.org").pop().unwrap();
    assert!(
        mail.contains("https://digest.example.org/confirm?t=") && !mail.contains("evil"),
        "{mail}"
    );
}

#[tokio::test]
async fn thousands_of_interests_are_refused_at_once_and_those_of_before_stay() {
    let house = House::new();
    let (id, _) = house.subscribes("ada@example.org");
    let mut fields = String::from("interests=");
    for number in 0..5_000 {
        write!(
            fields,
            "&interests[{number}].name=I{number}&interests[{number}].more=2608.00001"
        )
        .unwrap();
    }
    for path in [
        house.preferences("/preferences", id),
        "/subscribe?".to_owned(),
    ] {
        let (status, page) = house.post(&path, FORM, &fields).await;
        assert!(status.is_client_error(), "{path}: {status} {page}");
        assert!(page.len() < 2_000_000, "{} bytes", page.len());
    }
    assert!(house.stored(id).interests.is_empty());
}
