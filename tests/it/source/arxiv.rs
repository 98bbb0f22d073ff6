//! arXiv from the network to the store: a scripted server in its place.

use crate::harness::fake_http::{FakeHttp, Reply};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use paperboy::clock::{Clock, FixedClock, SystemClock};
use paperboy::coverage::{Coverage, CoverageState};
use paperboy::http::{Http, HttpEnv, HttpSettings};
use paperboy::intake::{PollScope, PollSummary, poll};
use paperboy::paper::{Paper, PaperId};
use paperboy::random::NoChance;
use paperboy::source::SourceSettings;
use paperboy::source::arxiv::{ApiError, Arxiv, eastern_date};
use paperboy::store::Db;
use paperboy::store::sqlite::SqliteStore;
use paperboy::trial::{self, PaperInput, Trial};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

/// An installation that fetches: a database, arXiv, and a clock that only moves
/// when it is moved, or when somebody waits.
struct Reading {
    folder: TempDir,
    db: Db,
    arxiv: FakeHttp,
    http: Http,
    clock: Arc<FixedClock>,
    waits: Arc<Mutex<Vec<TimeDelta>>>,
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// The client of the tests: waiting moves the clock.
fn client(clock: &Arc<FixedClock>, waits: &Arc<Mutex<Vec<TimeDelta>>>, timeout: Duration) -> Http {
    let (moved, kept) = (Arc::clone(clock), Arc::clone(waits));
    let settings = HttpSettings {
        timeout,
        ..HttpSettings::named("+https://digest.example.org; mailto:op@example.org")
    };
    let around = HttpEnv {
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        chance: Arc::new(NoChance),
        sleep: Arc::new(move |wait| {
            let wait = TimeDelta::from_std(wait).unwrap();
            kept.lock().unwrap().push(wait);
            moved.set(moved.now() + wait);
            Box::pin(std::future::ready(()))
        }),
    };
    Http::new(settings, around).unwrap()
}

impl Reading {
    /// Early on Tuesday, 4 August 2026, when the feeds have just come out.
    async fn new() -> Self {
        Self::at("2026-08-04T04:10:00Z").await
    }

    async fn at(now: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = SqliteStore::migrate(&folder.path().join("paperboy.db")).unwrap();
        let clock = Arc::new(FixedClock::at(at(now)));
        let waits = Arc::default();
        let http = client(&clock, &waits, Duration::from_secs(10));
        Reading {
            folder,
            db: Db::new(store),
            arxiv: FakeHttp::start().await,
            http,
            clock,
            waits,
        }
    }

    /// Another process takes over: nothing is left but the database.
    fn restarts(&mut self) {
        self.db = Db::new(SqliteStore::open(&self.folder.path().join("paperboy.db")).unwrap());
        self.http = client(&self.clock, &self.waits, Duration::from_secs(10));
    }

    fn passes_to(&self, now: &str) {
        self.clock.set(at(now));
    }

    async fn polls(&self, categories: &[&str], ask: PollScope) -> PollSummary {
        poll(
            &self.db,
            &self.http,
            &source(&self.arxiv.url(), categories),
            ask,
        )
        .await
        .unwrap()
    }

    async fn fetches(&self, categories: &[&str]) -> PollSummary {
        self.polls(categories, PollScope::Everything).await
    }

    fn coverage(&self) -> Vec<Coverage> {
        self.db
            .run_here(|store| store.coverage(NaiveDate::MIN, NaiveDate::MAX))
            .unwrap()
    }

    /// `2026-08-04 cs.LG complete 2`
    fn days(&self) -> Vec<String> {
        let line = |row: &Coverage| {
            format!(
                "{} {} {} {}",
                row.date,
                row.category,
                row.state.word(),
                row.papers
            )
        };
        self.coverage().iter().map(line).collect()
    }

    fn paper(&self, id: &str) -> Option<Paper> {
        let id: PaperId = id.parse().unwrap();
        self.db
            .run_here(|store| store.paper(&id))
            .unwrap()
            .map(|stored| stored.paper)
    }
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

/// A feed of that day: `new 1`, `cross 2`, `replace 3v2`, and XML as it stands.
fn feed(day: NaiveDate, entries: &[&str]) -> String {
    let items: Vec<String> = entries
        .iter()
        .map(|entry| {
            if entry.starts_with('<') {
                return (*entry).to_owned();
            }
            let (kind, name) = entry.split_once(' ').unwrap();
            let (number, version) = name.split_once('v').unwrap_or((name, "1"));
            let id = format!("2608.{:05}v{version}", number.parse::<u32>().unwrap());
            format!(
                "<item><title>Paper {number}, version {version}</title>\
                 <link>https://arxiv.org/abs/{id}</link>\
                 <description>arXiv:{id} Announce Type: {kind} \nAbstract: About {number}.</description>\
                 <guid isPermaLink=\"false\">oai:arXiv.org:{id}</guid>\
                 <category>cs.LG</category><category>cs.CL</category>\
                 <pubDate>{} 00:00:00 -0400</pubDate><arxiv:announce_type>{kind}</arxiv:announce_type>\
                 <dc:creator>Ada Lovelace (London, UK), Kurt G\\\"odel</dc:creator></item>",
                day.format("%a, %d %b %Y")
            )
        })
        .collect();
    format!(
        "<?xml version='1.0' encoding='UTF-8'?><rss version=\"2.0\"><channel><title>updates on arXiv.org</title>\
         <pubDate>{} 00:00:00 -0400</pubDate>{}</channel></rss>",
        day.format("%a, %d %b %Y"),
        items.concat()
    )
}

fn tuesday(entries: &[&str]) -> Reply {
    Reply::ok(feed(date("2026-08-04"), entries))
}

#[tokio::test]
async fn an_announcement_is_stored_with_its_coverage() {
    let reading = Reading::new().await;
    reading
        .arxiv
        .on("/rss/cs.LG")
        .says(tuesday(&["new 1", "cross 2", "replace 3v2"]));
    reading
        .arxiv
        .on("/rss/cs.CL")
        .says(tuesday(&["new 2", "cross 1", "new 4"]));
    reading.arxiv.on("/rss/quant-ph").says(tuesday(&[]));
    let polled = reading.fetches(&["cs.LG", "cs.CL", "quant-ph"]).await;
    assert_eq!(
        (
            polled.asked,
            polled.read,
            polled.new,
            polled.merged,
            polled.passed_over
        ),
        (3, 6, 3, 2, 1)
    );
    assert_eq!(
        reading.days(),
        [
            "2026-08-04 cs.CL complete 3",
            "2026-08-04 cs.LG complete 2",
            "2026-08-04 quant-ph quiet 0"
        ]
    );
    let paper = reading.paper("2608.00001").unwrap();
    assert_eq!(paper.authors, ["Ada Lovelace", "Kurt Gödel"]);
    assert_eq!(
        (paper.announced, paper.version),
        (Some(date("2026-08-04")), Some(1))
    );
    assert_eq!(paper.abstract_text, "About 1.");
    assert!(
        reading.paper("2608.00003").is_none(),
        "a replacement of an unknown paper is none"
    );
    let announced_at = reading.coverage()[0].announced_at;
    assert_eq!(
        announced_at,
        Some(at("2026-08-04T04:00:00Z")),
        "midnight in New York"
    );
    assert_eq!(
        reading
            .db
            .run_here(|store| store.newest_day(date("2026-08-09")))
            .unwrap(),
        Some(date("2026-08-04"))
    );

    // The same again changes nothing.
    reading.passes_to("2026-08-04T06:00:00Z");
    let again = reading.fetches(&["cs.LG", "cs.CL", "quant-ph"]).await;
    assert_eq!((again.new, again.changed, again.changes.len()), (0, 0, 0));
    assert!(
        reading
            .coverage()
            .iter()
            .all(|row| row.completed_at < Some(at("2026-08-04T05:00:00Z")))
    );
    assert!(
        reading
            .coverage()
            .iter()
            .all(|row| row.checked_at > at("2026-08-04T05:00:00Z"))
    );
}

#[tokio::test]
async fn a_replacement_is_not_announced_again() {
    let reading = Reading::new().await;
    reading.arxiv.on("/rss/cs.LG").says(tuesday(&["new 1"]));
    reading.fetches(&["cs.LG"]).await;
    reading.passes_to("2026-08-05T04:10:00Z");
    reading.arxiv.on("/rss/cs.LG").says(Reply::ok(feed(
        date("2026-08-05"),
        &["replace 1v2", "new 5"],
    )));
    let polled = reading.fetches(&["cs.LG"]).await;
    assert_eq!((polled.new, polled.changed), (1, 1));
    let paper = reading.paper("2608.00001").unwrap();
    assert_eq!(
        (paper.announced, paper.version),
        (Some(date("2026-08-04")), Some(2))
    );
    assert_eq!(paper.title, "Paper 1, version 2");
    assert_eq!(
        reading.days(),
        ["2026-08-04 cs.LG complete 1", "2026-08-05 cs.LG complete 1"]
    );
}

#[tokio::test]
async fn a_bad_entry_costs_itself_only() {
    let reading = Reading::new().await;
    let bad = "<item><title>open</item>";
    let typed = "<item><title>x</title><guid>oai:arXiv.org:2608.00009v1</guid><announce_type>odd</announce_type></item>";
    reading
        .arxiv
        .on("/rss/cs.LG")
        .says(tuesday(&["new 1", bad, typed, "new 2"]));
    let polled = reading.fetches(&["cs.LG"]).await;
    assert_eq!((polled.read, polled.new, polled.rejected), (4, 2, 2));
    assert!(
        polled.set_aside[0].place.ends_with("/rss/cs.LG entry 2"),
        "{:?}",
        polled.set_aside
    );
    assert_eq!(polled.set_aside[0].record, bad);
    assert_eq!(reading.days(), ["2026-08-04 cs.LG complete 2"]);
    assert_eq!(reading.coverage()[0].note, "2 entries could not be read");
}

#[tokio::test]
async fn a_weekend_feed_is_quiet_and_an_empty_working_day_is_waited_for() {
    let reading = Reading::at("2026-08-08T04:10:00Z").await;
    reading
        .arxiv
        .on("/rss/cs.LG")
        .says(Reply::ok(feed(date("2026-08-08"), &[])));
    reading.fetches(&["cs.LG"]).await;
    assert_eq!(reading.days(), ["2026-08-08 cs.LG quiet 0"]);
    reading.passes_to("2026-08-10T04:10:00Z");
    reading
        .arxiv
        .on("/rss/cs.LG")
        .says(Reply::ok(feed(date("2026-08-10"), &[])));
    reading.fetches(&["cs.LG"]).await;
    assert_eq!(reading.days()[1], "2026-08-10 cs.LG waiting 0");
    reading.passes_to("2026-08-10T15:00:00Z");
    reading.fetches(&["cs.LG"]).await;
    assert_eq!(reading.days()[1], "2026-08-10 cs.LG stalled 0");
    reading
        .arxiv
        .on("/rss/cs.LG")
        .says(Reply::ok(feed(date("2026-08-10"), &["new 7"])));
    reading.fetches(&["cs.LG"]).await;
    assert_eq!(
        reading.days(),
        ["2026-08-08 cs.LG quiet 0", "2026-08-10 cs.LG complete 1"]
    );
}

#[tokio::test]
async fn what_comes_later_is_filled_in() {
    let reading = Reading::new().await;
    reading
        .arxiv
        .on("/rss/cs.LG")
        .says(tuesday(&["new 1"]))
        .then(tuesday(&["new 1", "new 2"]));
    reading.polls(&["cs.LG"], PollScope::WhatIsDue).await;
    reading.passes_to("2026-08-04T04:30:00Z");
    reading.polls(&["cs.LG"], PollScope::WhatIsDue).await;
    assert_eq!(
        reading.arxiv.paths().len(),
        1,
        "a complete day is left alone for an hour"
    );
    reading.passes_to("2026-08-04T05:30:00Z");
    reading.polls(&["cs.LG"], PollScope::WhatIsDue).await;
    assert_eq!(reading.days(), ["2026-08-04 cs.LG complete 2"]);
    assert_eq!(
        reading.coverage()[0].completed_at,
        Some(at("2026-08-04T05:30:00Z"))
    );
    reading.passes_to("2026-08-04T07:00:00Z");
    reading.polls(&["cs.LG"], PollScope::WhatIsDue).await;
    reading.passes_to("2026-08-04T09:00:00Z");
    reading.polls(&["cs.LG"], PollScope::WhatIsDue).await;
    assert_eq!(reading.arxiv.paths().len(), 3, "and then for the day");
}

#[tokio::test]
async fn a_second_look_that_fails_is_repeated() {
    let reading = Reading::new().await;
    reading
        .arxiv
        .on("/rss/cs.LG")
        .says(tuesday(&["new 1"]))
        .then(Reply::status(404))
        .then(tuesday(&["new 1", "new 2"]));
    reading.polls(&["cs.LG"], PollScope::WhatIsDue).await;
    reading.passes_to("2026-08-04T05:30:00Z");
    let polled = reading.polls(&["cs.LG"], PollScope::WhatIsDue).await;
    assert_eq!(polled.failures.len(), 1);
    assert_eq!(
        reading.days(),
        ["2026-08-04 cs.LG complete 1"],
        "what is here stays"
    );
    reading.passes_to("2026-08-04T05:50:00Z");
    reading.polls(&["cs.LG"], PollScope::WhatIsDue).await;
    assert_eq!(reading.days(), ["2026-08-04 cs.LG complete 2"]);
}

#[tokio::test]
async fn retry_after_holds_after_a_restart() {
    let mut reading = Reading::new().await;
    reading.arxiv.on("/rss/cs.LG").says(tuesday(&["new 1"]));
    let busy = Reply::status(429).header("Retry-After", "Tue, 04 Aug 2026 05:00:00 GMT");
    reading
        .arxiv
        .on("/rss/cs.CL")
        .says(busy)
        .then(tuesday(&["new 2"]));
    reading.arxiv.on("/rss/cs.RO").says(tuesday(&["new 3"]));
    let polled = reading.fetches(&["cs.LG", "cs.CL", "cs.RO"]).await;
    assert_eq!(
        (polled.asked, polled.new),
        (1, 1),
        "what came before the pause counts"
    );
    assert_eq!(polled.paused_until, Some(at("2026-08-04T05:00:00Z")));
    assert_eq!(reading.days()[0], "2026-08-04 cs.CL waiting 0");
    let asked = reading.arxiv.paths().len();

    reading.restarts();
    reading.passes_to("2026-08-04T04:59:59Z");
    // Short enough to be sat out now.
    reading
        .polls(&["cs.CL", "cs.RO"], PollScope::Everything)
        .await;
    assert!(
        reading.clock.now() >= at("2026-08-04T05:00:00Z"),
        "nothing is asked before"
    );
    assert_eq!(reading.arxiv.paths()[asked..], ["/rss/cs.CL", "/rss/cs.RO"]);
    assert!(
        reading
            .coverage()
            .iter()
            .all(|row| row.state == CoverageState::Complete)
    );

    reading
        .arxiv
        .on("/rss/cs.LG")
        .says(Reply::status(503).header("Retry-After", "7200"));
    reading.passes_to("2026-08-05T04:10:00Z");
    reading.fetches(&["cs.LG"]).await;
    let asked = reading.arxiv.paths().len();
    reading.restarts();
    let polled = reading.fetches(&["cs.LG"]).await;
    assert_eq!(polled.paused_until, Some(at("2026-08-05T06:10:00Z")));
    assert_eq!(reading.arxiv.paths().len(), asked, "nothing was asked");
}

#[tokio::test]
async fn requests_are_three_seconds_apart_and_one_at_a_time() {
    let mut reading = Reading::new().await;
    for category in ["cs.LG", "cs.CL", "cs.RO", "cs.AI"] {
        let reply = tuesday(&["new 1"]).after(Duration::from_millis(30));
        reading.arxiv.on(&format!("/rss/{category}")).says(reply);
    }
    // Two polls of one process share the gate.
    tokio::join!(
        reading.fetches(&["cs.LG", "cs.CL"]),
        reading.fetches(&["cs.RO", "cs.AI"])
    );
    assert_eq!(*reading.waits.lock().unwrap(), [TimeDelta::seconds(3); 3]);
    assert_eq!(reading.arxiv.connections_max(), 1);
    assert_eq!(reading.arxiv.paths().len(), 4);
    // So does the next process.
    reading.restarts();
    reading.fetches(&["cs.LG"]).await;
    assert_eq!(*reading.waits.lock().unwrap(), [TimeDelta::seconds(3); 4]);
}

#[tokio::test]
async fn we_say_who_we_are() {
    let reading = Reading::new().await;
    reading.arxiv.on("/rss/cs.LG").says(tuesday(&["new 1"]));
    reading.fetches(&["cs.LG"]).await;
    let asked = &reading.arxiv.asked()[0];
    let expected = format!(
        "paperboy/{} (+https://digest.example.org; mailto:op@example.org)",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(asked.header("user-agent"), expected);
    assert!(asked.header("accept-encoding").contains("gzip"));
}

#[tokio::test]
async fn what_is_likely_to_pass_is_tried_again() {
    let reading = Reading::new().await;
    let whole = tuesday(&["new 1", "new 2"]);
    reading
        .arxiv
        .on("/rss/cs.LG")
        .says(Reply::status(502))
        .then(whole.clone().cut_off_after(300))
        .then(whole);
    reading.fetches(&["cs.LG"]).await;
    assert_eq!(reading.arxiv.paths().len(), 3);
    assert_eq!(reading.days(), ["2026-08-04 cs.LG complete 2"]);
}

#[tokio::test]
async fn what_goes_wrong_in_one_category_is_said_there() {
    let reading = Reading::new().await;
    let page = "<html><body>Sorry</body></html>";
    let error = "<rss><channel><title>Feed error for query: cs.XX</title><description>no such archive</description></channel></rss>";
    reading.arxiv.on("/rss/cs.LG").says(tuesday(&["new 1"]));
    reading.arxiv.on("/rss/cs.CL").says(Reply::ok(page));
    reading
        .arxiv
        .on("/rss/cs.XX")
        .says(Reply::status(400).with_body(error));
    reading.arxiv.on("/rss/cs.AI").says(Reply::status(500));
    reading.arxiv.on("/rss/cs.RO").says(Reply::ok(""));
    let broken = feed(date("2026-08-04"), &["new 6", "new 7"]);
    reading
        .arxiv
        .on("/rss/cs.CV")
        .says(Reply::ok(broken[..broken.len() - 100].to_owned()));
    reading
        .fetches(&["cs.AI", "cs.CL", "cs.CV", "cs.LG", "cs.RO", "cs.XX"])
        .await;
    let notes: Vec<String> = reading
        .coverage()
        .iter()
        .map(|row| {
            let note = row.note.replace(&reading.arxiv.url(), "URL");
            format!(
                "{} {} {}: {note}",
                row.category,
                row.state.word(),
                row.papers
            )
        })
        .collect();
    insta::assert_snapshot!(notes.join("\n"));
    assert!(
        reading.paper("2608.00006").is_some(),
        "what came before the break is kept"
    );
}

#[tokio::test]
async fn a_source_that_is_down_is_not_asked_for_every_category() {
    let reading = Reading::new().await;
    let categories = ["cs.AI", "cs.CL", "cs.CV", "cs.LG", "cs.RO"];
    for category in categories {
        reading
            .arxiv
            .on(&format!("/rss/{category}"))
            .says(Reply::status(500));
    }
    let polled = reading.fetches(&categories).await;
    assert_eq!(
        (polled.failures.len(), reading.arxiv.paths().len()),
        (5, 3 * 4)
    );
    assert!(
        reading
            .coverage()
            .iter()
            .all(|row| row.state == CoverageState::Failed)
    );
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_is_given_up() {
    let mut reading = Reading::new().await;
    reading.http = client(&reading.clock, &reading.waits, Duration::from_millis(50));
    reading
        .arxiv
        .on("/rss/cs.LG")
        .says(tuesday(&["new 1"]).after(Duration::from_secs(30)));
    reading.fetches(&["cs.LG"]).await;
    assert_eq!(reading.days(), ["2026-08-04 cs.LG failed 0"]);
    assert!(
        reading.coverage()[0].note.contains("time limit"),
        "{}",
        reading.coverage()[0].note
    );
}

fn answer(total: usize, papers: impl Iterator<Item = usize>) -> Reply {
    let entries: Vec<String> = papers
        .map(|number| {
            format!(
                "<entry><id>http://arxiv.org/abs/2608.{number:05}v1</id><title>Paper {number}</title>\
                 <published>2026-08-01T00:00:00Z</published><summary>x</summary>\
                 <author><name>Ada Lovelace</name></author><arxiv:primary_category term=\"cs.LG\"/></entry>"
            )
        })
        .collect();
    Reply::ok(format!(
        "<feed><opensearch:totalResults>{total}</opensearch:totalResults>{}</feed>",
        entries.concat()
    ))
}

#[tokio::test]
async fn papers_come_by_id_in_batches_of_a_hundred() {
    let reading = Reading::new().await;
    let arxiv = Arxiv::new(Some(&reading.arxiv.url()));
    let ids: Vec<PaperId> = (0..150)
        .map(|number| format!("2608.{number:05}").parse().unwrap())
        .collect();
    reading
        .arxiv
        .on("/api/query")
        .says(answer(100, 0..100))
        .then(answer(49, 100..149));
    let found = arxiv.papers(&reading.http, &ids).await.unwrap();
    assert_eq!((found.papers.len(), found.oddities.len()), (149, 0));
    assert_eq!(
        found.papers[0].announced, None,
        "the API knows nothing of announcements"
    );
    let asked = reading.arxiv.paths();
    assert!(
        asked[0].contains("max_results=100") && asked[1].contains("max_results=50"),
        "{asked:?}"
    );
}

#[tokio::test]
async fn a_search_goes_through_its_pages_and_notices_what_is_odd() {
    let reading = Reading::new().await;
    let arxiv = Arxiv::new(Some(&reading.arxiv.url()));
    // An empty page in the middle, and a page that is short.
    reading
        .arxiv
        .on("/api/query")
        .says(answer(250, 0..100))
        .then(answer(250, 0..0))
        .then(answer(250, 100..199))
        .then(answer(250, 199..250));
    let found = arxiv
        .search(&reading.http, "cat:cs.LG AND all:\"x y\"", 1000)
        .await
        .unwrap();
    assert_eq!((found.papers.len(), found.total), (250, 250));
    assert_eq!(found.oddities, ["99 papers from number 100 on, not 100"]);
    let asked = reading.arxiv.paths();
    assert!(
        asked[0].starts_with("/api/query?search_query=cat%3Acs.LG+AND+all%3A%22x+y%22&start=0"),
        "{asked:?}"
    );
    assert!(asked[2].contains("start=100"), "{asked:?}");

    reading.arxiv.on("/api/query").says(answer(250, 0..0));
    let error = arxiv.search(&reading.http, "x", 1000).await.unwrap_err();
    assert!(
        matches!(
            error,
            ApiError::EmptyPage {
                total: 250,
                start: 0,
                ..
            }
        ),
        "{error}"
    );

    let refused = "<feed><entry><id>http://arxiv.org/api/errors#start</id><title>Error</title><summary>no</summary></entry></feed>";
    for status in [200, 400] {
        reading
            .arxiv
            .on("/api/query")
            .says(Reply::status(status).with_body(refused));
        let error = arxiv.search(&reading.http, "x", 10).await.unwrap_err();
        assert!(
            matches!(&error, ApiError::Refused(said) if said == "no"),
            "{error}"
        );
    }
    reading.arxiv.on("/api/query").says(Reply::ok(""));
    assert!(matches!(
        arxiv.search(&reading.http, "x", 10).await,
        Err(ApiError::Nonsense { .. })
    ));
}

#[tokio::test]
async fn a_file_of_papers_is_read_again_when_it_was_written() {
    let reading = Reading::at("2040-01-01T00:00:00Z").await;
    let path = reading.folder.path().join("papers.jsonl");
    std::fs::write(
        &path,
        "{\"id\":\"a\",\"title\":\"A\",\"announced\":\"2026-08-04\"}\n",
    )
    .unwrap();
    let mut source = source("", &[]);
    (source.name, source.kind, source.path) = (
        "library".to_owned(),
        &paperboy::source::jsonl::KIND,
        Some(path),
    );
    let polled = poll(&reading.db, &reading.http, &source, PollScope::WhatIsDue)
        .await
        .unwrap();
    assert_eq!((polled.new, polled.coverage.len()), (1, 1));
    let again = poll(&reading.db, &reading.http, &source, PollScope::WhatIsDue)
        .await
        .unwrap();
    assert_eq!(
        (again.asked, again.read),
        (0, 0),
        "the file is older than the last reading"
    );
    assert_eq!(
        poll(&reading.db, &reading.http, &source, PollScope::Everything)
            .await
            .unwrap()
            .read,
        1
    );
    assert_eq!(reading.days(), ["2026-08-04  complete 1"]);
}

/// The client of a trial that does not wait.
fn hasty() -> Http {
    let around = HttpEnv {
        sleep: Arc::new(|_| Box::pin(std::future::ready(()))),
        ..HttpEnv::system()
    };
    trial::client(around).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_shows_todays_papers() {
    let arxiv = FakeHttp::start().await;
    let today = eastern_date(SystemClock.now());
    for (category, paper) in [
        ("cs.CL", "new 1"),
        ("cs.LG", "new 2"),
        ("quant-ph", "new 3"),
        ("cs.RO", "new 4"),
    ] {
        arxiv
            .on(&format!("/rss/{category}"))
            .says(Reply::ok(feed(today, &[paper])));
    }
    let material = PaperInput::Arxiv {
        http: hasty(),
        endpoint: Some(arxiv.url()),
        time_limit: Duration::from_secs(30),
    };
    let trial = Trial::run(material, Some(([127, 0, 0, 1], 0).into()))
        .await
        .unwrap();
    assert_eq!(trial.outcome.fallen_back, None);
    assert_eq!((trial.outcome.imported.new, trial.outcome.day), (4, today));
    assert_eq!(trial.outcome.caught.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_falls_back_to_the_samples_and_says_why() {
    let arxiv = FakeHttp::start().await;
    let run = |time_limit| {
        let material = PaperInput::Arxiv {
            http: hasty(),
            endpoint: Some(arxiv.url()),
            time_limit,
        };
        Trial::run(material, Some(([127, 0, 0, 1], 0).into()))
    };
    arxiv.on("/rss/cs.CL").says(Reply::status(500));
    let trial = run(Duration::from_secs(30)).await.unwrap();
    let why = trial.outcome.fallen_back.unwrap();
    assert!(why.contains("status 500") && !why.contains('\n'), "{why}");
    assert!(trial.outcome.is_sample && trial.outcome.caught.len() == 3);

    arxiv
        .on("/rss/cs.CL")
        .says(Reply::ok("").after(Duration::from_mins(1)));
    let trial = run(Duration::from_millis(300)).await.unwrap();
    assert!(
        trial
            .outcome
            .fallen_back
            .unwrap()
            .starts_with("nothing came within")
    );
}
