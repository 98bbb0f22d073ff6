//! The pages from outside: what a browser and a mail provider's robot see.

use crate::harness::town;
use crate::web::attacks::without_our_script;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use paperboy::clock::FixedClock;
use paperboy::edition::Composer;
use paperboy::paper::Paper;
use paperboy::store::Db;
use paperboy::store::sqlite::SqliteStore;
use paperboy::subscriber::{NewSubscriber, Preferences, Status, SubscriberId};
use paperboy::token::Scope;
use paperboy::web::{Pages, WebState, router};
use std::sync::Arc;
use tower::ServiceExt as _;

pub(crate) struct House {
    pub(crate) db: Db,
    pub(crate) site: WebState,
    pub(crate) clock: Arc<FixedClock>,
}

impl House {
    pub(crate) fn new() -> Self {
        House::of(SqliteStore::in_memory().unwrap(), town::composer())
    }

    /// A site over a database, whose mails and links are those of `composer`.
    pub(crate) fn of(store: SqliteStore, composer: Composer) -> Self {
        let db = Db::new(store);
        let clock = Arc::new(FixedClock::at("2026-08-04T12:00:00Z".parse().unwrap()));
        let pages = Arc::new(Pages::new("Paper digest", &[], ""));
        let composer = Arc::new(composer);
        let site = WebState {
            db: db.clone(),
            pages,
            composer: Arc::new(move || Arc::clone(&composer)),
            settings: Arc::default(),
            clock: clock.clone(),
            queued: Arc::default(),
            shared: Arc::default(),
        };
        House { db, site, clock }
    }

    /// A subscriber, and the path of their unsubscribe link.
    pub(crate) fn subscribes(&self, address: &str) -> (SubscriberId, String) {
        let subscriber = NewSubscriber {
            address: address.parse().unwrap(),
            name: String::new(),
            status: Status::Active,
            preferences: Preferences::default(),
            interests: Vec::new(),
        };
        let now = self.site.clock.now();
        let id = self.db.run_here(|store| {
            store.enter_subscribers(std::slice::from_ref(&subscriber), now)?;
            Ok(store.subscriber(&subscriber.address)?.unwrap().id)
        });
        let id = id.unwrap();
        (
            id,
            format!(
                "/unsubscribe?t={}",
                (self.site.composer)().signer.sign(Scope::Unsubscribe, id.0)
            ),
        )
    }

    pub(crate) fn status(&self, id: SubscriberId) -> Option<Status> {
        let found = self
            .db
            .run_here(|store| store.subscriber_by_id(id))
            .unwrap();
        found.map(|subscriber| subscriber.status)
    }

    pub(crate) async fn ask(&self, request: Request<Body>) -> (StatusCode, Response<()>, String) {
        let (parts, body) = router(self.site.clone())
            .oneshot(request)
            .await
            .unwrap()
            .into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        (
            parts.status,
            Response::from_parts(parts, ()),
            String::from_utf8(bytes.to_vec()).unwrap(),
        )
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, String) {
        let (status, _, body) = self
            .ask(Request::get(path).body(Body::empty()).unwrap())
            .await;
        (status, body)
    }

    pub(crate) async fn post(&self, path: &str, kind: &str, body: &str) -> (StatusCode, String) {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, kind)
            // A cookie must not matter.
            .header(header::COOKIE, "session=somebody-else")
            .body(Body::from(body.to_owned()))
            .unwrap();
        let (status, response, body) = self.ask(request).await;
        assert!(
            !response.headers().contains_key(header::LOCATION),
            "RFC 8058 section 3.1: no redirect"
        );
        assert!(!response.headers().contains_key(header::SET_COOKIE));
        (status, body)
    }
}

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
const ONE_CLICK: &str = "List-Unsubscribe=One-Click";

#[tokio::test]
async fn one_click_acts_in_both_encodings_and_again() {
    let house = House::new();
    let (first, link) = house.subscribes("a@example.org");
    for _ in 0..2 {
        assert_eq!(house.post(&link, FORM, ONE_CLICK).await.0, StatusCode::OK);
        assert_eq!(house.status(first), Some(Status::Unsubscribed));
    }
    let (second, link) = house.subscribes("b@example.org");
    let multipart = "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n";
    assert_eq!(
        house
            .post(&link, "multipart/form-data; boundary=x", multipart)
            .await
            .0,
        StatusCode::OK
    );
    assert_eq!(house.status(second), Some(Status::Unsubscribed));
}

#[tokio::test]
async fn one_click_answers_200_for_people_who_are_gone() {
    let house = House::new();
    let (id, link) = house.subscribes("a@example.org");
    house
        .db
        .run_here(|store| store.remove_subscriber(id, house.site.clock.now()))
        .unwrap();
    assert_eq!(house.post(&link, FORM, ONE_CLICK).await.0, StatusCode::OK);
    assert_eq!(house.get(&link).await.0, StatusCode::OK);
}

#[tokio::test]
async fn following_the_link_changes_nothing() {
    let house = House::new();
    let (id, link) = house.subscribes("ada@example.org");
    let (status, page) = house.get(&link).await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        page.contains("a…@example.org") && page.contains("method=\"post\""),
        "{page}"
    );
    assert!(
        !page.contains("ada@example.org"),
        "the page says no more than its owner needs"
    );
    let head = Request::head(&link).body(Body::empty()).unwrap();
    assert_eq!(house.ask(head).await.0, StatusCode::OK);
    assert_eq!(house.status(id), Some(Status::Active));
}

#[tokio::test]
async fn a_body_without_one_click_changes_nothing() {
    let house = House::new();
    let (id, link) = house.subscribes("a@example.org");
    for (kind, body) in [
        (FORM, ""),
        (FORM, "List-Unsubscribe=Maybe"),
        ("text/plain", "hello"),
        ("multipart/form-data", ONE_CLICK),
        ("multipart/form-data; boundary=x", "--x\r\nbroken"),
    ] {
        assert_eq!(
            house.post(&link, kind, body).await.0,
            StatusCode::BAD_REQUEST,
            "{kind} {body}"
        );
    }
    let other_scope = format!(
        "/unsubscribe?t={}",
        (house.site.composer)().signer.sign(Scope::Bounce, id.0)
    );
    for path in [
        "/unsubscribe",
        "/unsubscribe?t=",
        "/unsubscribe?t=%00",
        other_scope.as_str(),
    ] {
        assert_eq!(
            house.post(path, FORM, ONE_CLICK).await.0,
            StatusCode::BAD_REQUEST,
            "{path}"
        );
        assert_eq!(house.get(path).await.0, StatusCode::BAD_REQUEST, "{path}");
    }
    let huge = "x".repeat(1 << 20);
    assert_eq!(
        house.post(&link, FORM, &huge).await.0,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(house.status(id), Some(Status::Active));
}

#[tokio::test]
async fn pages_load_nothing_foreign_and_tell_no_address() {
    let house = House::new();
    let (_, link) = house.subscribes("a@example.org");
    for path in ["/", link.as_str(), "/papers/none", "/nowhere"] {
        let (_, response, _) = house
            .ask(Request::get(path).body(Body::empty()).unwrap())
            .await;
        let header = |name| {
            response
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap())
                .unwrap_or_default()
        };
        let policy = header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{path}: {policy}"
        );
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
    }
}

#[tokio::test]
async fn papers_are_shown_with_their_text_escaped() {
    let house = House::new();
    let line = br#"{"id":"hep-th/9901001","title":"Is $p < q$? <script>alert(1)</script>","abstract":"A & B","authors":["Emmy Noether"],"categories":["hep-th"],"announced":"2026-08-04","upvotes":2}"#;
    let mut reader = paperboy::source::jsonl::Reader::new(&line[..], "f".to_owned()).unwrap();
    let record = reader.next_record().unwrap().unwrap();
    let mut import = paperboy::intake::Import::new(house.site.clock.now());
    import.take_in(&house.db, vec![record]).unwrap();
    let (status, list) = house.get("/").await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        list.contains("href=\"/papers/hep-th/9901001\"") && list.contains("2 votes"),
        "{list}"
    );
    let (status, page) = house.get("/papers/hep-th/9901001").await;
    assert_eq!(status, StatusCode::OK);
    let page = without_our_script(&page);
    assert!(
        page.contains("Is p &lt; q?") && page.contains("A &amp; B") && !page.contains("<script"),
        "{page}"
    );
    assert_eq!(
        house.get("/papers/2608.99999").await.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(house.get("/papers/%0a").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_day_has_pages_filters_and_neighbours() {
    let house = House::new();
    let day = |text: &str| text.parse::<chrono::NaiveDate>().unwrap();
    let papers: Vec<Paper> = (1..=70)
        .map(|number| Paper {
            announced: Some(if number == 70 {
                day("2026-08-01")
            } else {
                day("2026-08-04")
            }),
            categories: vec![if number % 2 == 0 { "cs.LG" } else { "math.AG" }.to_owned()],
            upvotes: Some(number),
            ..Paper::new(
                format!("2608.{number:05}").parse().unwrap(),
                format!("Title {number} <b>"),
            )
        })
        .collect();
    let now = house.site.clock.now();
    house
        .db
        .run_here(|store| store.take_in("import", &papers, now))
        .unwrap();
    let (_, first) = house.get("/").await;
    assert!(
        first.contains("69 papers announced on Tuesday, 4 August 2026")
            && first.contains("Page 1 of 3."),
        "{first}"
    );
    assert!(
        first.contains("Title 69 &lt;b&gt;") && !first.contains("Title 39 "),
        "{first}"
    );
    assert!(
        first.contains("href=\"/archive/2026-08-01\"") && first.contains("href=\"/?page=2\""),
        "{first}"
    );
    let (_, third) = house.get("/archive/2026-08-04?page=3").await;
    assert!(
        third.contains("Title 9 &lt;b&gt;") && !third.contains("Title 10 "),
        "{third}"
    );
    let (_, sifted) = house.get("/archive/2026-08-04?category=math.AG").await;
    assert!(
        sifted.contains("35 papers in Algebraic Geometry") && !sifted.contains("Title 68 "),
        "{sifted}"
    );
    assert!(
        sifted.contains("href=\"/archive/2026-08-04?page=2&amp;category=math.AG\""),
        "{sifted}"
    );
    let (status, nothing) = house
        .get("/archive/2026-08-04?category=%22%27%3Cscript%3E&page=-1")
        .await;
    assert!(
        status == StatusCode::OK && !nothing.contains("<script>"),
        "{nothing}"
    );
    for path in [
        "/archive/2026-08-05",
        "/archive/soon",
        "/archive/99999-01-01",
    ] {
        assert_eq!(house.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    let (_, days) = house.get("/archive").await;
    assert!(days.contains("Saturday, 1 August 2026"), "{days}");
}

#[tokio::test]
async fn feeds_and_the_sitemap_are_well_formed() {
    let house = House::new();
    let paper = Paper {
        announced: Some("2026-08-04".parse().unwrap()),
        authors: vec!["A & B".to_owned()],
        categories: vec!["cs.LG".to_owned()],
        abstract_text: "1 < 2 \"&\" ]]>".to_owned(),
        ..Paper::new(
            "10.1000/a<b>&c".parse().unwrap(),
            "<Tagged> & \"quoted\"".to_owned(),
        )
    };
    let now = house.site.clock.now();
    house
        .db
        .run_here(|store| store.take_in("import", std::slice::from_ref(&paper), now))
        .unwrap();
    for path in ["/feed.atom", "/feed.atom?category=cs.LG", "/sitemap.xml"] {
        let (status, body) = house.get(path).await;
        assert_eq!(status, StatusCode::OK);
        let mut reader = quick_xml::Reader::from_str(&body);
        loop {
            match reader.read_event() {
                Ok(quick_xml::events::Event::Eof) => break,
                event => drop(event.unwrap()),
            }
        }
        assert!(
            body.contains("https://digest.example.org/papers/10.1000/a%3Cb%3E"),
            "{body}"
        );
    }
    let (_, body) = house.get("/feed.json?category=cs.LG").await;
    let feed: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(feed["items"][0]["title"], "<Tagged> & \"quoted\"");
    assert_eq!(feed["items"][0]["date_published"], "2026-08-04T00:00:00Z");
    let (_, body) = house.get("/feed.json?category=cs.CL").await;
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&body).unwrap()["items"],
        serde_json::json!([])
    );
    assert!(
        house
            .get("/robots.txt")
            .await
            .1
            .contains("Sitemap: https://digest.example.org/sitemap.xml")
    );
}

#[tokio::test]
async fn a_page_that_has_not_changed_is_not_sent_again() {
    let house = House::new();
    let (_, first, _) = house
        .ask(Request::get("/").body(Body::empty()).unwrap())
        .await;
    let tag = first.headers()[header::ETAG].clone();
    let again = Request::get("/")
        .header(header::IF_NONE_MATCH, tag)
        .body(Body::empty())
        .unwrap();
    let (status, _, body) = house.ask(again).await;
    assert_eq!((status, body.as_str()), (StatusCode::NOT_MODIFIED, ""));
    // Pages for one person are never cached.
    let (_, link) = house.subscribes("ada@example.org");
    let (_, response, _) = house
        .ask(Request::get(link).body(Body::empty()).unwrap())
        .await;
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
}
