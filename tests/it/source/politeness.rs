//! How providers are asked: in turn, whoever asks; never led astray; no more than needed.

use crate::harness::fake_http::{FakeHttp, Reply};
use chrono::{DateTime, TimeDelta, Utc};
use paperboy::clock::{Clock, FixedClock};
use paperboy::http::{Http, HttpEnv, HttpError, HttpRequest, HttpSettings, Provider, is_public};
use paperboy::intake::{PollScope, fetch_papers, poll};
use paperboy::random::NoChance;
use paperboy::source::SourceSettings;
use paperboy::store::sqlite::SqliteStore;
use paperboy::store::{Db, PaperStore, SourcePause, SourceStore, SourceTurn};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn noon() -> DateTime<Utc> {
    at("2026-08-04T12:00:00Z")
}

fn source(endpoint: &str, categories: &[&str]) -> SourceSettings {
    SourceSettings {
        categories: categories
            .iter()
            .map(|category| (*category).to_owned())
            .collect(),
        endpoint: Some(endpoint.to_owned()),
        verify: false,
        ..SourceSettings::new("arxiv", &paperboy::source::arxiv::KIND)
    }
}

/// A process: its own connection to the database, its own client. Waiting moves the
/// clock that all share in small steps: nobody's request is given up for lost meanwhile.
fn process(path: &Path, clock: &Arc<FixedClock>) -> (Db, Http) {
    let moved = Arc::clone(clock);
    let around = HttpEnv {
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        chance: Arc::new(NoChance),
        sleep: Arc::new(move |wait| {
            moved.set(
                moved.now()
                    + TimeDelta::from_std(wait)
                        .unwrap()
                        .min(TimeDelta::milliseconds(20)),
            );
            Box::pin(tokio::task::yield_now())
        }),
    };
    (
        Db::new(SqliteStore::open(path).unwrap()),
        Http::new(HttpSettings::named("test"), around).unwrap(),
    )
}

const FEED: &str =
    "<rss><channel><pubDate>Tue, 04 Aug 2026 00:00:00 -0400</pubDate></channel></rss>";

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_ask_at_once_take_turns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.db");
    SqliteStore::migrate(&path).unwrap();
    let arxiv = FakeHttp::start().await;
    let clock = Arc::new(FixedClock::at(noon()));
    let categories = ["cs.AI", "cs.CL", "cs.LG"];
    for category in categories {
        arxiv
            .on(&format!("/rss/{category}"))
            .says(Reply::ok(FEED).after(Duration::from_millis(20)));
    }
    let source = source(&arxiv.url(), &categories);
    let all: Vec<_> = (0..3)
        .map(|_| {
            let ((db, http), source) = (process(&path, &clock), source.clone());
            tokio::spawn(async move {
                poll(&db, &http, &source, PollScope::Everything)
                    .await
                    .unwrap()
            })
        })
        .collect();
    for polled in all {
        assert_eq!(polled.await.unwrap().asked, 3);
    }
    assert_eq!(arxiv.paths().len(), 9);
    assert_eq!(
        arxiv.connections_max(),
        1,
        "one connection, all processes together"
    );
    assert!(
        clock.now() >= noon() + TimeDelta::seconds(8 * 3),
        "and three seconds from one to the next"
    );
}

#[test]
fn a_turn_is_given_once_and_given_up_for_lost_in_time() {
    let mut store = SqliteStore::in_memory().unwrap();
    let (minutes, later) = (TimeDelta::minutes(2), noon() + TimeDelta::hours(24));
    let take = |store: &mut SqliteStore, now: DateTime<Utc>| {
        store
            .take_source_turn("arxiv", now + minutes, later, now)
            .unwrap()
    };
    let turn = noon() + minutes;
    assert_eq!(take(&mut store, noon()), SourceTurn::Ours(turn));
    assert_eq!(
        take(&mut store, noon() + TimeDelta::seconds(1)),
        SourceTurn::NotBefore(turn)
    );
    // It ends three seconds after the answer.
    store
        .end_source_turn("arxiv", turn, noon() + TimeDelta::seconds(4))
        .unwrap();
    assert_eq!(
        take(&mut store, noon() + TimeDelta::seconds(2)),
        SourceTurn::NotBefore(noon() + TimeDelta::seconds(4))
    );
    // Another provider is another matter.
    assert!(matches!(
        store.take_source_turn("other", turn, later, noon()),
        Ok(SourceTurn::Ours(_))
    ));
    // Whoever had it died: another one takes it, and the dead one's end changes nothing.
    let lost = noon() + TimeDelta::seconds(10);
    assert_eq!(take(&mut store, lost), SourceTurn::Ours(lost + minutes));
    let next = lost + minutes + TimeDelta::seconds(1);
    assert_eq!(take(&mut store, next), SourceTurn::Ours(next + minutes));
    store
        .end_source_turn("arxiv", lost + minutes, next)
        .unwrap();
    assert!(matches!(take(&mut store, next), SourceTurn::NotBefore(_)));
    // A clock that was set back holds nobody up.
    assert!(matches!(
        take(&mut store, noon() - TimeDelta::days(1)),
        SourceTurn::Ours(_)
    ));
    let pause = SourcePause {
        provider: "arxiv".to_owned(),
        until: later,
        reason: "busy".to_owned(),
    };
    store.pause_source(&pause).unwrap();
    assert_eq!(
        take(&mut store, noon() + TimeDelta::hours(1)),
        SourceTurn::Paused(pause)
    );
}

fn client(is_public: fn(IpAddr) -> bool) -> Http {
    let clock = Arc::new(FixedClock::at(noon()));
    let around = HttpEnv {
        clock: clock as Arc<dyn Clock>,
        chance: Arc::new(NoChance),
        sleep: Arc::new(|_| Box::pin(std::future::ready(()))),
    };
    Http::new(
        HttpSettings {
            is_public,
            ..HttpSettings::named("test")
        },
        around,
    )
    .unwrap()
}

fn provider() -> Provider {
    Provider {
        name: "test".to_owned(),
        spacing: TimeDelta::zero(),
    }
}

#[tokio::test]
async fn a_public_server_cannot_lead_us_to_a_private_one() {
    // 127.0.0.2 plays the Internet, the rest of this machine its own surroundings.
    let public = FakeHttp::start_at("127.0.0.2").await;
    let private = FakeHttp::start().await;
    private.on("/secret").says(Reply::ok("secret"));
    public.on("/here").says(Reply::ok("public"));
    let port = private.url().rsplit(':').next().unwrap().to_owned();
    let http = client(|address| address == IpAddr::from([127, 0, 0, 2]));
    for target in [
        format!("http://127.0.0.1:{port}/secret"),
        // A name that leads there.
        format!("http://localhost:{port}/secret"),
        format!("http://2130706433:{port}/secret"),
        format!("http://[::ffff:7f00:1]:{port}/secret"),
    ] {
        public
            .on("/there")
            .says(Reply::status(302).header("Location", &target));
        let error = http
            .get(&provider(), &format!("{}/there", public.url()))
            .await
            .unwrap_err();
        assert!(
            matches!(error, HttpError::RefusedRedirect { .. }),
            "{target}: {error}"
        );
        assert!(error.to_string().contains("private address"), "{error}");
    }
    assert_eq!(private.paths(), [""; 0]);
    // By way of another public page, too.
    public
        .on("/first")
        .says(Reply::status(301).header("Location", "/there"));
    assert!(
        http.get(&provider(), &format!("{}/first", public.url()))
            .await
            .is_err()
    );
    // Elsewhere in public is well, and so is private to private: an operator's mirror.
    public
        .on("/there")
        .says(Reply::status(307).header("Location", "/here"));
    assert_eq!(
        http.get(&provider(), &format!("{}/there", public.url()))
            .await
            .unwrap()
            .body,
        b"public"
    );
    private
        .on("/mirror")
        .says(Reply::status(308).header("Location", "/secret"));
    assert_eq!(
        http.get(&provider(), &format!("{}/mirror", private.url()))
            .await
            .unwrap()
            .body,
        b"secret"
    );
}

#[tokio::test]
async fn nobody_is_led_to_where_machines_keep_their_keys() {
    // Not even by a mirror on a private address, which may lead to others.
    let mirror = FakeHttp::start().await;
    let http = client(is_public);
    for target in [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fe80::1]/",
        "http://[::ffff:169.254.169.254]/",
    ] {
        mirror
            .on("/x")
            .says(Reply::status(302).header("Location", target));
        let error = http
            .get(&provider(), &format!("{}/x", mirror.url()))
            .await
            .unwrap_err();
        assert!(
            matches!(error, HttpError::RefusedRedirect { .. }),
            "{target}: {error}"
        );
    }
}

#[tokio::test]
async fn keys_go_to_the_host_that_was_asked_and_to_no_other() {
    let (server, other) = (FakeHttp::start().await, FakeHttp::start().await);
    let http = client(|_| true);
    let question = |path: &str| HttpRequest {
        url: format!("{}{path}", server.url()),
        secret_header: Some(("x-api-key", "s3cret".into())),
        secret_query: Some(("api_key", "s3cret2".into())),
        ..HttpRequest::default()
    };
    server
        .on("/a")
        .says(Reply::status(302).header("Location", "/b?q=1&api_key=s3cret2"));
    server.on("/b").says(Reply::ok("b"));
    assert_eq!(
        http.send(&provider(), &question("/a")).await.unwrap().body,
        b"b"
    );
    let asked = server.asked();
    assert_eq!(
        asked[1].target, "/b?q=1&api_key=s3cret2",
        "on the same host it goes along, once"
    );
    assert_eq!(asked[1].header("x-api-key"), "s3cret");
    // Elsewhere neither goes along, not even where the provider itself repeats it; and not back
    // again.
    let back = format!("{}/b", server.url());
    server.on("/away").says(Reply::status(302).header(
        "Location",
        &format!("{}/c?api_key=s3cret2&q=2", other.url()),
    ));
    other
        .on("/c")
        .says(Reply::status(302).header("Location", &back));
    http.send(&provider(), &question("/away")).await.unwrap();
    assert_eq!(other.asked()[0].target, "/c?q=2");
    assert_eq!(other.asked()[0].header("x-api-key"), "");
    let last = server.asked().pop().unwrap();
    assert_eq!((last.target.as_str(), last.header("x-api-key")), ("/b", ""));
    // Nor does an error show it.
    server
        .on("/odd")
        .says(Reply::status(302).header("Location", "ftp://example.org/?api_key=s3cret2"));
    let error = http
        .send(&provider(), &question("/odd"))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("not encrypted") && !error.contains("s3cret"),
        "{error}"
    );
    let nobody = HttpRequest {
        url: "http://127.0.0.1:1/x".to_owned(),
        ..question("/")
    };
    let error = http
        .send(&provider(), &nobody)
        .await
        .unwrap_err()
        .to_string();
    assert!(!error.contains("s3cret"), "{error}");
}

#[tokio::test]
async fn redirects_end_and_stay_with_the_web() {
    let server = FakeHttp::start().await;
    let http = client(|_| true);
    let url = format!("{}/round", server.url());
    for (target, why) in [
        ("/round", "too many"),
        ("ftp://example.org/x", "not encrypted"),
        ("http://[", "no address"),
    ] {
        server
            .on("/round")
            .says(Reply::status(302).header("Location", target));
        let error = http.get(&provider(), &url).await.unwrap_err().to_string();
        assert!(error.contains(why), "{target}: {error}");
    }
    // A redirect to nowhere is an answer like any other.
    server
        .on("/round")
        .says(Reply::status(302).with_body("where?"));
    assert_eq!(http.get(&provider(), &url).await.unwrap().status, 302);
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let server = FakeHttp::start().await;
    let http = client(|_| false);
    let url = format!("{}/feed", server.url());
    let first = Reply::ok("one")
        .header("ETag", "\"a\"")
        .header("Last-Modified", "Tue, 04 Aug 2026 04:00:00 GMT");
    server
        .on("/feed")
        .says(first)
        .then(Reply::status(304))
        .then(Reply::ok("two"));
    let get = async || http.get(&provider(), &url).await.unwrap();
    assert_eq!(get().await.body, b"one");
    let unchanged = get().await;
    assert_eq!(
        (unchanged.status, unchanged.body.as_slice()),
        (200, &b"one"[..])
    );
    assert_eq!(get().await.body, b"two");
    get().await;
    let asked = server.asked();
    let tags: Vec<&str> = asked
        .iter()
        .map(|asked| asked.header("if-none-match"))
        .collect();
    assert_eq!(
        tags,
        ["", "\"a\"", "\"a\"", ""],
        "an answer without a name is not kept"
    );
    assert_eq!(
        asked[1].header("if-modified-since"),
        "Tue, 04 Aug 2026 04:00:00 GMT"
    );
}

fn answer(ids: &[&str]) -> Reply {
    let entries: Vec<String> = ids
        .iter()
        .map(|id| format!("<entry><id>http://arxiv.org/abs/{id}v1</id><title>Paper {id}</title><published>2026-08-01T00:00:00Z</published></entry>"))
        .collect();
    Reply::ok(format!(
        "<feed><opensearch:totalResults>{}</opensearch:totalResults>{}</feed>",
        ids.len(),
        entries.concat()
    ))
}

#[tokio::test]
async fn papers_that_readers_name_are_asked_for_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.db");
    SqliteStore::migrate(&path).unwrap();
    let arxiv = FakeHttp::start().await;
    let clock = Arc::new(FixedClock::at(noon()));
    let (db, http) = process(&path, &clock);
    arxiv.on("/rss/cs.LG").says(Reply::ok(FEED));
    let source = source(&arxiv.url(), &["cs.LG"]);
    let enters = |name: &str, liked: &str, disliked: &str| {
        let wishes = serde_json::json!({"email": format!("{name}@example.org"),
            "interests": [{"name": "x", "description": "y", "liked": [liked, "10.1000/journal"], "disliked": [disliked]}]});
        let mut fields = paperboy::fields::Fields::new(wishes.as_object().unwrap().clone());
        let new = paperboy::subscriber::read_subscriber(&mut fields, None).unwrap();
        let now = clock.now();
        db.run_here(|store| store.enter_subscribers(&[new], now))
            .unwrap();
    };
    let queries = || {
        arxiv
            .paths()
            .into_iter()
            .filter(|path| path.starts_with("/api"))
            .count()
    };
    enters("ada", "2106.09685", "9999.99999");
    arxiv.on("/api/query").says(answer(&["2106.09685"]));
    let polled = poll(&db, &http, &source, PollScope::WhatIsDue)
        .await
        .unwrap();
    assert_eq!((polled.new, queries()), (1, 1));
    let stored = db
        .run_here(|store| store.paper(&"2106.09685".parse().unwrap()))
        .unwrap()
        .unwrap()
        .paper;
    assert_eq!(
        stored.announced, None,
        "it can be liked, and no issue announces it"
    );
    // Neither what came nor what arXiv does not know is asked for again.
    clock.set(noon() + TimeDelta::hours(2));
    poll(&db, &http, &source, PollScope::WhatIsDue)
        .await
        .unwrap();
    enters("emmy", "2106.09685", "9999.99999");
    poll(&db, &http, &source, PollScope::WhatIsDue)
        .await
        .unwrap();
    assert_eq!(queries(), 1);
    // A name that the API refuses costs itself only.
    enters("grace", "2513.00001", "1706.03762");
    let refused = "<feed><entry><id>http://arxiv.org/api/errors#x</id><title>Error</title><summary>incorrect id format</summary></entry></feed>";
    arxiv
        .on("/api/query")
        .says(Reply::status(400).with_body(refused))
        .then(answer(&["1706.03762"]))
        .then(Reply::status(400).with_body(refused));
    let polled = poll(&db, &http, &source, PollScope::WhatIsDue)
        .await
        .unwrap();
    assert_eq!((polled.new, queries()), (1, 4), "{polled:?}");
    // An answer that fails is asked for again.
    enters("rosa", "2001.00001", "2001.00002");
    arxiv.on("/api/query").says(Reply::status(500));
    assert_eq!(
        poll(&db, &http, &source, PollScope::WhatIsDue)
            .await
            .unwrap()
            .notes
            .len(),
        1
    );
    arxiv
        .on("/api/query")
        .says(answer(&["2001.00001", "2001.00002"]));
    assert_eq!(
        poll(&db, &http, &source, PollScope::WhatIsDue)
            .await
            .unwrap()
            .new,
        2
    );
    // Who asks for one paper gets it at once.
    arxiv.on("/api/query").says(answer(&["2002.00001"]));
    assert_eq!(
        fetch_papers(&db, &http, &source, &["2002.00001".parse().unwrap()])
            .await
            .unwrap()
            .new,
        1
    );
}

#[tokio::test]
async fn a_pause_is_written_down_whatever_was_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.db");
    SqliteStore::migrate(&path).unwrap();
    let arxiv = FakeHttp::start().await;
    let clock = Arc::new(FixedClock::at(noon()));
    let source = source(&arxiv.url(), &["cs.LG"]);
    arxiv.on("/api/query").says(Reply::status(429));
    let (db, http) = process(&path, &clock);
    let id = ["2106.09685".parse().unwrap()];
    let polled = fetch_papers(&db, &http, &source, &id).await.unwrap();
    assert_eq!(polled.paused_until, Some(noon() + TimeDelta::minutes(10)));
    let (db, http) = process(&path, &clock);
    let again = fetch_papers(&db, &http, &source, &id).await.unwrap();
    assert_eq!(
        (again.paused_until, arxiv.paths().len()),
        (polled.paused_until, 1),
        "another process keeps it"
    );
}
