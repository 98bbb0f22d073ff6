//! Sources other than arXiv, from the network to the store: a scripted server in their place.

use crate::harness::fake_http::{FakeHttp, Reply};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use paperboy::clock::{Clock, FixedClock};
use paperboy::coverage::Coverage;
use paperboy::http::{Http, HttpEnv, HttpSettings};
use paperboy::intake::{PollScope, PollSummary, poll};
use paperboy::paper::{Paper, PaperId};
use paperboy::random::NoChance;
use paperboy::source::{SourceKind, SourceSettings};
use paperboy::store::Db;
use paperboy::store::sqlite::SqliteStore;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::Arc;
use tempfile::TempDir;

/// An installation with one source, and a clock that moves when somebody waits.
struct Desk {
    _folder: TempDir,
    db: Db,
    server: FakeHttp,
    http: Http,
    clock: Arc<FixedClock>,
    source: SourceSettings,
}

impl Desk {
    /// At noon on Tuesday, 4 August 2026.
    async fn with(kind: &'static SourceKind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = SqliteStore::migrate(&folder.path().join("paperboy.db")).unwrap();
        let clock = Arc::new(FixedClock::at("2026-08-04T12:00:00Z".parse().unwrap()));
        let moved = Arc::clone(&clock);
        let around = HttpEnv {
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            chance: Arc::new(NoChance),
            sleep: Arc::new(move |wait| {
                moved.set(moved.now() + TimeDelta::from_std(wait).unwrap());
                Box::pin(std::future::ready(()))
            }),
        };
        let named = HttpSettings::named("+https://digest.example.org; mailto:op@example.org");
        let http = Http::new(
            HttpSettings {
                contact: Some("op@example.org".to_owned()),
                ..named
            },
            around,
        )
        .unwrap();
        let server = FakeHttp::start().await;
        let source = SourceSettings {
            endpoint: Some(server.url()),
            query: Some("ants & bees".to_owned()),
            ..SourceSettings::new(kind.word, kind)
        };
        Desk {
            _folder: folder,
            db: Db::new(store),
            server,
            http,
            clock,
            source,
        }
    }

    /// The source answers this wherever nothing else is scripted for `path`.
    fn says(&self, path: &str, body: impl Into<Vec<u8>>) {
        self.server.on(path).says(Reply::ok(body));
    }

    async fn polls(&self, ask: PollScope) -> PollSummary {
        poll(&self.db, &self.http, &self.source, ask).await.unwrap()
    }

    fn passes_to(&self, now: &str) {
        self.clock.set(now.parse().unwrap());
    }

    fn coverage(&self) -> Vec<Coverage> {
        self.db
            .run_here(|store| store.coverage(NaiveDate::MIN, NaiveDate::MAX))
            .unwrap()
    }

    /// `08-03 complete 2`
    fn days(&self) -> Vec<String> {
        let line = |row: &Coverage| {
            let category = if row.category.is_empty() {
                String::new()
            } else {
                format!(" {}", row.category)
            };
            format!(
                "{}{category} {} {}",
                row.date.format("%m-%d"),
                row.state.word(),
                row.papers
            )
        };
        self.coverage().iter().map(line).collect()
    }

    fn note(&self, day: &str) -> String {
        let day = date(day);
        self.coverage()
            .into_iter()
            .find(|row| row.date == day)
            .map(|row| row.note)
            .unwrap_or_default()
    }

    fn paper(&self, id: &str) -> Option<Paper> {
        let id: PaperId = id.parse().unwrap();
        self.db
            .run_here(|store| store.paper(&id))
            .unwrap()
            .map(|stored| stored.paper)
    }
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn shown(paper: &Paper) -> String {
    serde_json::to_string_pretty(paper).unwrap()
}

fn hf(id: &str, votes: u32) -> Value {
    json!({"paper": {"id": id, "title": format!("On {id}"), "summary": "We <b>see</b>.", "upvotes": votes,
        "authors": [{"name": "Ada Lovelace"}], "githubRepo": "https://github.com/a/b", "publishedAt": "2026-08-02T10:00:00.000Z"}})
}

#[tokio::test]
async fn a_day_of_hugging_face_is_read_again_until_it_is_over_and_votes_have_settled() {
    let desk = Desk::with(&paperboy::source::huggingface::KIND).await;
    let at = |day: &str| format!("/api/daily_papers?date=2026-08-{day}&p=0&limit=100");
    for day in ["01", "02", "03"] {
        desk.says(&at(day), "[]");
    }
    desk.says(
        &at("04"),
        json!([hf("2608.00001", 5), {"paper": {"id": "2608.00002"}}]).to_string(),
    );
    let polled = desk.polls(PollScope::WhatIsDue).await;
    assert_eq!((polled.asked, polled.new, polled.rejected), (4, 1, 1));
    assert_eq!(
        desk.days(),
        [
            "08-01 quiet 0",
            "08-02 quiet 0",
            "08-03 quiet 0",
            "08-04 waiting 1"
        ]
    );
    // The day is not over, so nobody is told that it is here, and nobody waits for it.
    let today = desk.coverage().pop().unwrap();
    assert_eq!(
        today.announced_at,
        Some("2026-08-05T00:00:00Z".parse::<DateTime<Utc>>().unwrap())
    );

    desk.passes_to("2026-08-05T00:20:00Z");
    desk.says(
        &at("04"),
        json!([hf("2608.00001", 9), hf("2608.00003", 1)]).to_string(),
    );
    desk.says(&at("05"), "[]");
    desk.polls(PollScope::WhatIsDue).await;
    assert_eq!(desk.days()[3..], ["08-04 complete 2", "08-05 waiting 0"]);
    assert_eq!(desk.paper("2608.00001").unwrap().upvotes, Some(9));

    // A week later the votes are read once more, and after a month no longer.
    desk.passes_to("2026-08-11T12:00:00Z");
    for day in ["06", "07", "08", "09", "10", "11"] {
        desk.says(&at(day), "[]");
    }
    desk.says(
        &at("04"),
        json!([hf("2608.00001", 99), hf("2608.00003", 1)]).to_string(),
    );
    desk.polls(PollScope::WhatIsDue).await;
    let paper = desk.paper("2608.00001").unwrap();
    assert_eq!(
        (paper.upvotes, paper.announced),
        (Some(99), Some(date("2026-08-04")))
    );
    let asked = desk.server.paths().len();
    desk.polls(PollScope::WhatIsDue).await;
    assert_eq!(desk.server.paths().len(), asked + 1, "only today is open");
    insta::assert_snapshot!(shown(&paper));
}

fn posted(doi: &str, version: &str, date: &str, category: &str) -> Value {
    json!({"doi": doi, "title": format!("On {doi}"), "authors": "Lovelace, A.; Goedel, K.;", "date": date,
        "version": version, "type": "new results", "category": category, "abstract": "We see.", "published": "NA", "server": "biorxiv"})
}

#[tokio::test]
async fn biorxiv_is_paged_to_its_end_and_its_versions_are_told_apart() {
    let mut desk = Desk::with(&paperboy::source::biorxiv::BIORXIV).await;
    desk.source.categories = vec!["Cell Biology".to_owned()];
    let empty = json!({"messages": [{"status": "no posts found"}], "collection": []}).to_string();
    for day in ["2026-08-01", "2026-08-02", "2026-08-04"] {
        desk.says(
            &format!("/details/biorxiv/{day}/{day}/0/json"),
            empty.clone(),
        );
    }
    let page = |records: Vec<Value>, cursor: u32, total: Value| {
        json!({"messages": [{"status": "ok", "cursor": cursor, "count": records.len(), "total": total}], "collection": records}).to_string()
    };
    let first = vec![
        posted("10.1101/1", "1", "2026-8-3", "cell_biology"),
        posted("10.1101/2", "2", "2026-08-03", "cell biology"),
    ];
    let second = vec![
        posted("10.1101/3", "1", "2026-08-03", "zoology"),
        json!({"doi": "10.1101/4", "title": "x", "date": "?"}),
    ];
    desk.says(
        "/details/biorxiv/2026-08-03/2026-08-03/0/json",
        page(first, 0, json!("4")),
    );
    desk.says(
        "/details/biorxiv/2026-08-03/2026-08-03/2/json",
        page(second, 2, json!(4)),
    );
    let polled = desk.polls(PollScope::WhatIsDue).await;
    // The second version is of a preprint that is not known here; zoology is not asked for.
    assert_eq!(
        (polled.read, polled.new, polled.passed_over, polled.rejected),
        (4, 1, 2, 1)
    );
    assert_eq!(
        desk.days(),
        [
            "08-01 quiet 0",
            "08-02 quiet 0",
            "08-03 complete 1",
            "08-04 waiting 0"
        ]
    );
    let paper = desk.paper("10.1101/1").unwrap();
    assert_eq!(
        (paper.announced, paper.authors.clone()),
        (
            Some(date("2026-08-03")),
            vec!["A. Lovelace".to_owned(), "K. Goedel".to_owned()]
        )
    );

    // The next day its second version comes, and is published: no new announcement.
    desk.passes_to("2026-08-05T12:00:00Z");
    let mut revised = posted("10.1101/1", "2", "2026-08-04", "cell biology");
    revised["published"] = json!("10.1000/Journal.1");
    desk.says(
        "/details/biorxiv/2026-08-04/2026-08-04/0/json",
        page(vec![revised], 0, json!(1)),
    );
    desk.says("/details/biorxiv/2026-08-05/2026-08-05/0/json", empty);
    let polled = desk.polls(PollScope::WhatIsDue).await;
    assert_eq!((polled.new, polled.changed), (0, 1));
    let paper = desk.paper("10.1101/1").unwrap();
    assert_eq!(
        (paper.version, paper.announced),
        (Some(2), Some(date("2026-08-03")))
    );
    assert_eq!(paper.doi.as_deref(), Some("10.1000/journal.1"));
}

#[tokio::test]
async fn a_count_that_does_not_match_and_a_page_that_breaks_off_are_said() {
    let desk = Desk::with(&paperboy::source::biorxiv::MEDRXIV).await;
    let record = posted("10.1101/1", "1", "2026-08-02", "x");
    let short =
        json!({"messages": [{"status": "ok", "total": 50}], "collection": [record]}).to_string();
    let none = json!({"messages": [{"status": "no posts found"}], "collection": []}).to_string();
    desk.says(
        "/details/medrxiv/2026-08-01/2026-08-01/0/json",
        "{\"messages\": [{\"stat",
    );
    desk.says("/details/medrxiv/2026-08-02/2026-08-02/0/json", short);
    desk.says("/details/medrxiv/2026-08-02/2026-08-02/1/json", none);
    desk.says(
        "/details/medrxiv/2026-08-03/2026-08-03/0/json",
        json!({"messages": [{"status": "error: database"}]}).to_string(),
    );
    let polled = desk.polls(PollScope::WhatIsDue).await;
    assert_eq!(
        desk.days(),
        [
            "08-01 failed 0",
            "08-02 stalled 1",
            "08-03 failed 0",
            "08-04 failed 0"
        ]
    );
    assert!(
        desk.note("2026-08-01").contains("not JSON"),
        "{}",
        desk.note("2026-08-01")
    );
    assert_eq!(desk.note("2026-08-02"), "1 of 50 records came");
    assert!(
        desk.note("2026-08-03").contains("error: database"),
        "{}",
        desk.note("2026-08-03")
    );
    assert_eq!(polled.failures.len(), 3);
    assert!(desk.paper("10.1101/1").is_some(), "what came is kept");
}

fn pubmed_set(ids: &[u32]) -> String {
    let articles = ids.iter().fold(String::new(), |mut all, id| {
        let _ = write!(
            all,
            "<PubmedArticle><MedlineCitation><PMID>{id}</PMID><Article><ArticleTitle>On {id}</ArticleTitle></Article>\
             </MedlineCitation><PubmedData><ArticleIdList><ArticleId IdType=\"pmc\">PMC{id}</ArticleId></ArticleIdList>\
             </PubmedData></PubmedArticle>"
        );
        all
    });
    format!("<?xml version=\"1.0\"?><PubmedArticleSet>{articles}</PubmedArticleSet>")
}

#[tokio::test]
async fn pubmed_is_searched_by_the_day_of_entry_and_fetched_in_batches() {
    let desk = Desk::with(&paperboy::source::pubmed::KIND).await;
    let found = |count: usize| {
        json!({"esearchresult": {"count": count.to_string(), "webenv": "W", "querykey": "1"}})
            .to_string()
    };
    desk.server
        .on("/entrez/eutils/esearch.fcgi")
        .says(Reply::ok(found(0)))
        .then(Reply::ok(found(3)))
        .then(Reply::ok(found(0)));
    let error = "<eFetchResult><ERROR>Unable to obtain query</ERROR></eFetchResult>";
    desk.server
        .on("/entrez/eutils/efetch.fcgi")
        .says(Reply::ok(error))
        .then(Reply::ok(pubmed_set(&[101, 102])))
        .then(Reply::ok(pubmed_set(&[103])));
    let polled = desk.polls(PollScope::WhatIsDue).await;
    assert_eq!((polled.new, polled.failures.len()), (3, 0));
    assert_eq!(
        desk.days(),
        ["08-02 quiet 0", "08-03 complete 3", "08-04 waiting 0"]
    );
    let asked = desk.server.paths();
    let search =
        "db=pubmed&term=ants+%26+bees&datetype=edat&mindate=2026%2F08%2F03&maxdate=2026%2F08%2F03";
    assert!(
        asked.iter().any(|target| target.contains(search)),
        "{asked:?}"
    );
    assert!(
        asked
            .iter()
            .all(|target| target.contains("tool=paperboy&email=op%40example.org")),
        "{asked:?}"
    );
    let paper = desk.paper("pmid:102").unwrap();
    assert_eq!(paper.same_as, ["pmc:PMC102".parse().unwrap()]);
    assert_eq!(paper.announced, Some(date("2026-08-03")));
}

fn work(doi: &str, more: &Value) -> Value {
    let mut work = json!({"DOI": doi, "title": [format!("On {doi}")], "type": "journal-article",
        "author": [{"given": "Ada", "family": "Lovelace"}, {"name": "The Group"}], "container-title": ["A Journal"], "volume": "7",
        "abstract": "<jats:title>Abstract</jats:title><jats:p>We <jats:italic>see</jats:italic> \
                     <mml:math><mml:msup><mml:mi>x</mml:mi><mml:mn>2</mml:mn></mml:msup></mml:math>.</jats:p>",
        "issued": {"date-parts": [[2026, 9]]}});
    work.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    work
}

#[tokio::test]
async fn crossref_is_walked_along_its_cursors_and_circles_end() {
    let mut desk = Desk::with(&paperboy::source::crossref::KIND).await;
    desk.source.journals = vec!["1476-4687".to_owned()];
    let page = |works: Vec<Value>, total: u32, next: &str| {
        json!({"status": "ok", "message": {"total-results": total, "next-cursor": next, "items": works}}).to_string()
    };
    let url = |day: &str, cursor: &str| {
        format!(
            "/works?filter=from-created-date%3A2026-08-{day}%2Cuntil-created-date%3A2026-08-{day}%2Cissn%3A1476-4687\
             &rows=200&cursor={cursor}&query=ants+%26+bees&mailto=op%40example.org"
        )
    };
    let preprint = json!({"relation": {"has-preprint": [{"id-type": "doi", "id": "10.48550/arXiv.2608.00009"}]}});
    let notice = json!({"update-to": [{"DOI": "10.1000/old", "type": "retraction"}]});
    let cover = json!({"title": ["Issue Information"]});
    desk.says(
        &url("02", "*"),
        page(
            vec![work("10.1000/A", &preprint), work("10.1000/n", &notice)],
            4,
            "c+1",
        ),
    );
    desk.says(
        &url("02", "c%2B1"),
        page(
            vec![work("10.1000/b", &cover), json!({"DOI": "10.1000/c"})],
            4,
            "c2",
        ),
    );
    // The next day gives the same cursor again and again, and the one after an empty page.
    desk.says(
        &url("03", "*"),
        page(vec![work("10.1000/d", &json!({}))], 9, "*"),
    );
    desk.says(
        &url("04", "*"),
        page(vec![work("10.1000/e", &json!({}))], 2, "x"),
    );
    desk.says(&url("04", "x"), page(vec![], 2, "y"));
    let polled = desk.polls(PollScope::WhatIsDue).await;
    assert_eq!(
        desk.days(),
        ["08-02 complete 1", "08-03 failed 1", "08-04 waiting 1"]
    );
    assert_eq!((polled.new, polled.rejected, polled.passed_over), (3, 1, 2));
    assert!(
        desk.note("2026-08-03").contains("leads back"),
        "{}",
        desk.note("2026-08-03")
    );
    assert!(
        desk.note("2026-08-04").contains("3 times an empty page"),
        "{}",
        desk.note("2026-08-04")
    );
    insta::assert_snapshot!(shown(&desk.paper("10.1000/a").unwrap()));
}

#[tokio::test]
async fn openalex_without_a_key_says_so_and_rests() {
    let mut desk = Desk::with(&paperboy::source::openalex::KIND).await;
    let refused = Reply::status(401)
        .with_body(r#"{"error":"Missing key","message":"An API key is required"}"#);
    desk.server.on("/works").says(refused);
    let polled = desk.polls(PollScope::WhatIsDue).await;
    assert_eq!(desk.days(), ["08-01 failed 0"], "one day says it");
    assert!(
        desk.note("2026-08-01").contains("does it want an api_key?"),
        "{}",
        desk.note("2026-08-01")
    );
    assert!(polled.paused_until.is_some());
    desk.polls(PollScope::WhatIsDue).await;
    assert_eq!(desk.server.paths().len(), 1, "it rests");

    // With the key it is asked at once, and the key is shown to nobody.
    desk.source.api_key = Some("hush".to_owned().into());
    let work = json!({"id": "https://openalex.org/W7", "doi": "https://doi.org/10.1000/X", "title": "On <i>x</i>",
        "abstract_inverted_index": {"see": [1], "We": [0], "bees.": [2]}, "publication_date": "2026-08-03",
        "authorships": [{"author": {"display_name": "Ada Lovelace"}}], "ids": {"pmid": "https://pubmed.ncbi.nlm.nih.gov/12"},
        "locations": [{"landing_page_url": "https://arxiv.org/abs/2608.00001"}], "is_retracted": false});
    desk.server.on("/works").says(Reply::ok(
        json!({"meta": {"count": 1, "next_cursor": null}, "results": [work, {"id": "https://openalex.org/W8"}]})
            .to_string(),
    ));
    let polled = desk.polls(PollScope::WhatIsDue).await;
    assert!(desk.server.paths()[1].contains("api_key=hush"));
    assert!(
        polled
            .set_aside
            .iter()
            .all(|record| !record.place.contains("hush")),
        "{:?}",
        polled.set_aside
    );
    assert_eq!(
        desk.days(),
        [
            "08-01 complete 1",
            "08-02 complete 1",
            "08-03 complete 1",
            "08-04 waiting 1"
        ]
    );
    let paper = desk.paper("2608.00001").unwrap();
    assert_eq!(
        (paper.title.as_str(), paper.abstract_text.as_str()),
        ("On x", "We see bees.")
    );
    assert_eq!(
        paper.same_as,
        ["openalex:W7".parse().unwrap(), "pmid:12".parse().unwrap()]
    );
}

#[tokio::test]
async fn semantic_scholar_is_walked_along_its_tokens_and_a_storm_of_429_is_sat_out() {
    let mut desk = Desk::with(&paperboy::source::semantic_scholar::KIND).await;
    desk.source.api_key = Some("hush".to_owned().into());
    let page = |ids: &[&str], token: Value| {
        let data: Vec<Value> = ids.iter().map(|id| json!({"paperId": id, "title": format!("On {id}"), "externalIds": {"DOI": format!("10.1000/{id}"), "CorpusId": 3}})).collect();
        Reply::ok(json!({"total": 2, "token": token, "data": data}).to_string())
    };
    desk.server
        .on("/graph/v1/paper/search/bulk")
        .says(Reply::status(429).header("Retry-After", "20"))
        .then(page(&["a"], json!("T")))
        .then(page(&["b"], Value::Null))
        .then(Reply::ok(r#"{"total": 0, "data": []}"#));
    let polled = desk.polls(PollScope::WhatIsDue).await;
    assert_eq!((polled.new, polled.paused_until), (2, None));
    assert_eq!(
        desk.days(),
        [
            "08-01 complete 2",
            "08-02 quiet 0",
            "08-03 quiet 0",
            "08-04 waiting 0"
        ]
    );
    assert!(
        desk.server.paths()[2].contains("&token=T"),
        "{:?}",
        desk.server.paths()
    );
    assert!(
        desk.server
            .asked()
            .iter()
            .all(|asked| asked.header("x-api-key") == "hush")
    );
    assert_eq!(
        desk.paper("10.1000/a").unwrap().same_as,
        ["s2:a".parse().unwrap()]
    );

    // A long pause ends the look, survives it, and takes nothing back.
    desk.passes_to("2026-08-05T12:00:00Z");
    desk.server
        .on("/graph/v1/paper/search/bulk")
        .says(Reply::status(429).header("Retry-After", "3600"));
    let polled = desk.polls(PollScope::WhatIsDue).await;
    assert_eq!(
        polled.paused_until,
        Some("2026-08-05T13:00:00Z".parse().unwrap())
    );
    let asked = desk.server.paths().len();
    desk.polls(PollScope::Everything).await;
    assert_eq!(desk.server.paths().len(), asked);
    assert_eq!(desk.days()[0], "08-01 complete 2");
}

fn note(id: &str, changed: &str) -> Value {
    let at = changed.parse::<DateTime<Utc>>().unwrap().timestamp_millis();
    json!({"id": id, "forum": id, "cdate": 1_780_000_000_000_i64, "tmdate": at, "content": {"title": {"value": format!("On {id}")},
        "abstract": {"value": "We see."}, "authors": {"value": ["Ada Lovelace"]}, "venue": {"value": "TMLR"}, "venueid": {"value": "TMLR"}}})
}

#[tokio::test]
async fn papers_of_a_venue_are_announced_when_they_are_first_seen() {
    let mut desk = Desk::with(&paperboy::source::openreview::KIND).await;
    desk.source.venues = vec!["TMLR".to_owned()];
    let page = |notes: Vec<Value>| json!({"count": notes.len(), "notes": notes}).to_string();
    desk.says(
        "/notes",
        page(vec![
            note("old", "2026-08-01T00:00:00Z"),
            json!({"id": "bad"}),
        ]),
    );
    let polled = desk.polls(PollScope::WhatIsDue).await;
    assert_eq!((polled.new, polled.rejected), (1, 1));
    // Its own date is long past: the first look goes back a month.
    assert_eq!(
        desk.paper("openreview:old").unwrap().announced,
        Some(date("2026-07-04"))
    );
    assert_eq!(desk.days(), ["07-04 TMLR complete 1", "08-04 TMLR quiet 0"]);
    desk.passes_to("2026-08-06T12:00:00Z");
    desk.says(
        "/notes",
        page(vec![
            note("new", "2026-08-06T10:00:00Z"),
            note("old", "2026-08-01T00:00:00Z"),
        ]),
    );
    desk.polls(PollScope::WhatIsDue).await;
    assert_eq!(
        desk.days()[1..],
        [
            "08-04 TMLR complete 1",
            "08-05 TMLR quiet 0",
            "08-06 TMLR quiet 0"
        ]
    );
    desk.says("/notes", r#"{"name":"Error","message":"venue not found"}"#);
    desk.passes_to("2026-08-07T12:00:00Z");
    desk.polls(PollScope::WhatIsDue).await;
    assert_eq!(desk.days().last().unwrap(), "08-07 TMLR failed 0");
}

async fn journal(feed: impl Into<Vec<u8>>) -> Desk {
    let mut desk = Desk::with(&paperboy::source::feed::KIND).await;
    desk.source.url = Some("https://journal.example.org/rss.xml?x=1".to_owned());
    desk.says("/rss.xml?x=1", feed);
    desk
}

fn rss(items: &[(&str, &str)]) -> String {
    let items = items.iter().fold(String::new(), |mut all, (id, date)| {
        let date = if date.is_empty() {
            String::new()
        } else {
            format!("<dc:date>{date}</dc:date>")
        };
        let _ = write!(
            all,
            "<item><title>On {id}</title><prism:doi>10.1000/{id}</prism:doi>{date}</item>"
        );
        all
    });
    format!(
        "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>A Journal</title>{items}</channel></rss>"
    )
}

#[tokio::test]
async fn items_of_a_feed_are_announced_between_the_last_look_and_this_one() {
    let desk = journal(rss(&[
        ("a", "2026-08-03"),
        ("b", "2026-05-01"),
        ("c", "2026-12-01"),
        ("d", ""),
    ]))
    .await;
    let polled = desk.polls(PollScope::WhatIsDue).await;
    assert_eq!((polled.new, polled.rejected), (4, 0));
    let announced = |id: &str| {
        desk.paper(&format!("10.1000/{id}"))
            .unwrap()
            .announced
            .unwrap()
            .to_string()
    };
    assert_eq!(
        [
            announced("a"),
            announced("b"),
            announced("c"),
            announced("d")
        ],
        ["2026-08-03", "2026-07-04", "2026-08-04", "2026-08-04"]
    );
    assert_eq!(
        desk.days(),
        ["07-04 complete 1", "08-03 complete 1", "08-04 complete 2"]
    );

    // A week off: one with a date in it keeps that, one from before is new today.
    desk.passes_to("2026-08-11T12:00:00Z");
    desk.says(
        "/rss.xml?x=1",
        rss(&[
            ("e", "2026-08-07"),
            ("f", "2026-07-01"),
            ("a", "2026-08-03"),
        ]),
    );
    desk.polls(PollScope::WhatIsDue).await;
    assert_eq!(
        [announced("e"), announced("f"), announced("a")],
        ["2026-08-07", "2026-08-04", "2026-08-03"]
    );
    assert_eq!(
        desk.days()[2..],
        [
            "08-04 complete 2",
            "08-05 quiet 0",
            "08-06 quiet 0",
            "08-07 complete 1",
            "08-08 quiet 0",
            "08-09 quiet 0",
            "08-10 quiet 0",
            "08-11 quiet 0"
        ]
    );
}

#[tokio::test]
async fn a_feed_that_has_not_changed_is_not_sent_again() {
    let desk = journal("").await;
    let tagged = Reply::ok(rss(&[("a", "2026-08-04")])).header("ETag", "\"v1\"");
    desk.server
        .on("/rss.xml?x=1")
        .says(tagged)
        .then(Reply::status(304));
    desk.polls(PollScope::WhatIsDue).await;
    desk.passes_to("2026-08-05T12:00:00Z");
    let polled = desk.polls(PollScope::WhatIsDue).await;
    assert_eq!(
        (polled.new, polled.changed, polled.failures.len()),
        (0, 0, 0)
    );
    assert_eq!(desk.server.asked()[1].header("if-none-match"), "\"v1\"");
    assert_eq!(desk.days(), ["08-04 complete 1", "08-05 quiet 0"]);
}

#[tokio::test]
async fn a_feed_that_is_away_has_one_failed_day_until_it_is_back() {
    let desk = journal(rss(&[("a", "2026-08-04")])).await;
    desk.polls(PollScope::WhatIsDue).await;
    desk.server
        .on("/rss.xml?x=1")
        .says(Reply::ok("<html><body>Sign in</body></html>"));
    desk.polls(PollScope::WhatIsDue).await;
    assert_eq!(desk.days(), ["08-04 complete 1"], "the day was read");
    for day in ["05", "06", "07"] {
        desk.passes_to(&format!("2026-08-{day}T12:00:00Z"));
        let polled = desk.polls(PollScope::WhatIsDue).await;
        assert_eq!(polled.failures.len(), 1);
    }
    assert_eq!(desk.days(), ["08-04 complete 1", "08-05 failed 0"]);
    desk.says("/rss.xml?x=1", rss(&[("b", "2026-08-06")]));
    desk.polls(PollScope::WhatIsDue).await;
    assert_eq!(
        desk.days(),
        [
            "08-04 complete 1",
            "08-05 quiet 0",
            "08-06 complete 1",
            "08-07 quiet 0"
        ]
    );
}

#[tokio::test]
async fn a_feed_that_breaks_off_or_must_wait_says_so_until_it_is_whole() {
    let whole = rss(&[("a", "2026-08-04"), ("b", "2026-08-04")]);
    let desk = journal(&whole[..whole.len() - 60]).await;
    let polled = desk.polls(PollScope::WhatIsDue).await;
    assert_eq!((polled.new, polled.failures.len()), (1, 1));
    assert_eq!(desk.days(), ["08-04 stalled 1"]);
    assert!(
        desk.note("2026-08-04").contains("breaks off"),
        "{}",
        desk.note("2026-08-04")
    );
    desk.says("/rss.xml?x=1", whole);
    desk.polls(PollScope::WhatIsDue).await;
    assert_eq!(desk.days(), ["08-04 complete 2"]);
    desk.passes_to("2026-08-05T12:00:00Z");
    let storm = Reply::status(429).header("Retry-After", "Wed, 05 Aug 2026 18:00:00 GMT");
    desk.server.on("/rss.xml?x=1").says(storm);
    let polled = desk.polls(PollScope::WhatIsDue).await;
    assert_eq!(
        polled.paused_until,
        Some("2026-08-05T18:00:00Z".parse().unwrap())
    );
    assert_eq!(desk.days(), ["08-04 complete 2", "08-05 waiting 0"]);
    assert_eq!(
        desk.note("2026-08-05"),
        "asked to wait until 2026-08-05 18:00 UTC"
    );
}

#[tokio::test]
async fn a_feed_of_bad_things_costs_the_bad_things_only() {
    let long: String = (0..3_000).fold(String::new(), |all, at| {
        all + &format!("<dc:creator>Author Number{at}</dc:creator>")
    });
    let feed = format!(
        "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?><rdf:RDF><channel><title>J</title></channel>\
         <item><title>0</title><link>https://example.org/?id=1</link>{long}</item>\
         <item><title>Caf\u{e9} &amp;lt;b&amp;gt;bold&amp;lt;/b&amp;gt; &eacute; AT&T</title><link>https://example.org/?id=2</link>\
         <description><![CDATA[<p>One.</p><p>Two <script>alert(1)</script>.]]></description></item>\
         <item><title>\u{202e}evil\u{0}</title><guid>https://doi.org/10.1000/EVIL</guid><pubDate>Mon, 03 Aug 2026 10:00:00 EDT</pubDate></item>\
         <item><title></title></item><item><title>Editorial Board</title></item>\
         <item><title>open<item><title>last</title><guid>urn:x:1</guid></item></rdf:RDF>"
    );
    // In Latin-1, but for the mark that Latin-1 has not.
    let bytes: Vec<u8> = feed
        .chars()
        .filter(|c| (*c as u32) < 256)
        .map(|c| c as u8)
        .collect();
    let desk = journal(bytes).await;
    let polled = desk.polls(PollScope::WhatIsDue).await;
    assert_eq!(
        (polled.read, polled.new, polled.passed_over, polled.rejected),
        (7, 4, 2, 1)
    );
    assert_eq!(polled.set_aside[0].reason, "it has no end");
    let all = desk
        .db
        .run_here(|store| store.papers_announced(NaiveDate::MIN, NaiveDate::MAX))
        .unwrap();
    let mut shown: Vec<String> = all
        .iter()
        .map(|stored| {
            format!(
                "{} | {} | {} authors",
                stored.paper.title,
                stored.paper.abstract_text.replace('\n', "/"),
                stored.paper.authors.len()
            )
        })
        .collect();
    shown.sort();
    insta::assert_snapshot!(shown.join("\n"));
}

#[tokio::test]
async fn a_json_feed_is_a_feed() {
    let feed = json!({"version": "https://jsonfeed.org/version/1.1", "title": "J", "items": [
        {"id": "1", "title": "On bees", "content_html": "<p>We see.</p>", "url": "https://example.org/1", "authors": [{"name": "Ada"}],
         "date_published": "2026-08-04T10:00:00Z", "tags": ["Zoology", "Research article"]},
        {"id": 2, "content_text": "no title"}]});
    let desk = journal(feed.to_string()).await;
    let polled = desk.polls(PollScope::WhatIsDue).await;
    assert_eq!((polled.new, polled.passed_over), (1, 1));
    assert_eq!(desk.days(), ["08-04 complete 1"]);
}

#[tokio::test]
async fn days_that_were_missed_are_filled_from_a_date_on() {
    let desk = Desk::with(&paperboy::source::huggingface::KIND).await;
    desk.says("/api/daily_papers", "[]");
    desk.polls(PollScope::WhatIsDue).await;
    desk.says(
        "/api/daily_papers?date=2026-07-20&p=0&limit=100",
        json!([hf("2607.00001", 1)]).to_string(),
    );
    let polled = desk.polls(PollScope::Since(date("2026-07-20"))).await;
    assert_eq!((polled.asked, polled.new), (16, 1));
    assert_eq!(
        (desk.days().len(), desk.days()[0].as_str()),
        (16, "07-20 complete 1")
    );

    // Off for a week: every day of it is asked for.
    desk.passes_to("2026-08-12T12:00:00Z");
    desk.polls(PollScope::WhatIsDue).await;
    assert_eq!(desk.days().len(), 24);
}

#[tokio::test]
async fn a_source_that_does_not_answer_is_not_asked_for_all_its_days() {
    let desk = Desk::with(&paperboy::source::huggingface::KIND).await;
    desk.server.on("/api/daily_papers").says(Reply::status(502));
    let polled = desk.polls(PollScope::WhatIsDue).await;
    assert_eq!(
        (polled.asked, polled.failures.len()),
        (3, 2),
        "two days, and the newest one"
    );
    assert_eq!(desk.days(), ["08-01 failed 0", "08-02 failed 0"]);
}

/// A JSON value of the kind that no reader expects.
fn any_json() -> impl proptest::strategy::Strategy<Value = Value> {
    use proptest::prelude::*;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z0-9./:-]{0,12}|\\PC{0,8}".prop_map(Value::from),
    ];
    let keys = proptest::sample::select(vec![
        "paper",
        "id",
        "title",
        "summary",
        "authors",
        "name",
        "messages",
        "collection",
        "status",
        "total",
        "doi",
        "date",
        "message",
        "items",
        "DOI",
        "author",
        "relation",
        "results",
        "abstract_inverted_index",
        "locations",
        "data",
        "paperId",
        "externalIds",
        "notes",
        "content",
        "value",
        "tmdate",
        "issued",
        "date-parts",
        "version",
        "forum",
    ]);
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((keys.clone().prop_map(str::to_owned), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest::proptest! {
    #[test]
    fn no_json_makes_a_reader_fail(value in any_json()) {
        use paperboy::source::{biorxiv, crossref, feed, huggingface, openalex, openreview, semantic_scholar};
        let list = |key: &str| json!({key: [value.clone()]});
        let _ = huggingface::read(&value, date("2026-08-04"), "x");
        let _ = huggingface::read(&json!([value.clone()]), date("2026-08-04"), "x");
        for answer in [value.clone(), list("collection")] { let _ = biorxiv::read(&answer, "x"); }
        for answer in [value.clone(), json!({"message": list("items")})] { let _ = crossref::read(&answer, "x"); }
        for answer in [value.clone(), list("results")] { let _ = openalex::read(&answer, "x"); }
        for answer in [value.clone(), list("data")] { let _ = semantic_scholar::read(&answer, "x"); }
        for answer in [value.clone(), list("notes")] { let _ = openreview::read(&answer, "x"); }
        let _ = feed::read(list("items").to_string().as_bytes(), None, "x");
    }

    #[test]
    fn no_damage_makes_the_feed_reader_fail(at in 0_usize..300, byte: u8, end in 0_usize..400) {
        let mut bytes = rss(&[("a", "2026-08-03"), ("b", "")]).into_bytes();
        let at = at.min(bytes.len() - 1);
        bytes[at] = byte;
        let _ = paperboy::source::feed::read(&bytes, None, "x");
        let _ = paperboy::source::feed::read(&bytes[..end.min(bytes.len())], None, "x");
    }
}
