//! One work from many sources, from the network to the store.

use crate::harness::fake_http::{FakeHttp, Reply};
use chrono::{NaiveDate, TimeDelta};
use paperboy::clock::{Clock, FixedClock};
use paperboy::http::{Http, HttpEnv, HttpSettings};
use paperboy::intake::{PollScope, poll};
use paperboy::paper::PaperId;
use paperboy::random::NoChance;
use paperboy::source::{SourceKind, SourceSettings};
use paperboy::store::sqlite::SqliteStore;
use paperboy::store::{Db, PaperRow};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;

const KINDS: [&SourceKind; 4] = [
    &paperboy::source::arxiv::KIND,
    &paperboy::source::huggingface::KIND,
    &paperboy::source::pubmed::KIND,
    &paperboy::source::crossref::KIND,
];

/// What the four say of one work: arXiv on Tuesday, Hugging Face on Wednesday, then
/// `PubMed`, and Crossref, whose record is the only one that tells both names apart.
async fn four_sources() -> FakeHttp {
    let server = FakeHttp::start().await;
    server.on("/rss/cs.LG").says(Reply::ok(
        "<rss><channel><title>cs.LG updates on arXiv.org</title><pubDate>Tue, 04 Aug 2026 00:00:00 -0400</pubDate><item>\
         <title>Counting sheep in sublinear time</title><link>https://arxiv.org/abs/2608.00001v1</link>\
         <description>arXiv:2608.00001v1 Announce Type: new \nAbstract: We count sheep while we sleep, and prove it.\
         </description><guid>oai:arXiv.org:2608.00001v1</guid><category>cs.LG</category><category>stat.ML</category>\
         <pubDate>Tue, 04 Aug 2026 00:00:00 -0400</pubDate><arxiv:announce_type>new</arxiv:announce_type>\
         <dc:creator>Ada Lovelace, Kurt Goedel</dc:creator></item></channel></rss>",
    ));
    server.on("/api/daily_papers").says(Reply::ok("[]"));
    server.on("/api/daily_papers?date=2026-08-05&p=0&limit=100").says(Reply::ok(
        json!([{"paper": {"id": "2608.00001", "title": "Counting sheep in sublinear time", "summary": "We count…",
            "upvotes": 12, "authors": [{"name": "Ada Lovelace"}], "publishedAt": "2026-08-03T10:00:00.000Z"}}])
        .to_string(),
    ));
    let found = |count: &str| {
        json!({"esearchresult": {"count": count, "webenv": "W", "querykey": "1"}}).to_string()
    };
    server
        .on("/entrez/eutils/esearch.fcgi")
        .says(Reply::ok(found("1")));
    server.on("/entrez/eutils/efetch.fcgi").says(Reply::ok(
        "<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>77</PMID><Article>\
         <Journal><Title>Journal of Sheep</Title></Journal>\
         <ArticleTitle>Counting sheep in sublinear time.</ArticleTitle>\
         <AuthorList><Author><LastName>Lovelace</LastName><ForeName>Ada</ForeName></Author></AuthorList></Article>\
         <MeshHeadingList><MeshHeading><DescriptorName>Sleep</DescriptorName></MeshHeading></MeshHeadingList>\
         </MedlineCitation><PubmedData><ArticleIdList><ArticleId IdType=\"doi\">10.1000/sheep.7</ArticleId>\
         </ArticleIdList></PubmedData></PubmedArticle></PubmedArticleSet>",
    ));
    let work = json!({"DOI": "10.1000/SHEEP.7", "title": ["Counting sheep in sublinear time"], "type": "journal-article",
        "author": [{"given": "Ada", "family": "Lovelace"}], "container-title": ["Journal of Sheep"], "volume": "7",
        "subject": ["Animal Science"],
        "relation": {"has-preprint": [{"id-type": "doi", "id": "10.48550/arXiv.2608.00001"}]}});
    server.on("/works").says(Reply::ok(
        json!({"status": "ok", "message": {"total-results": 1, "next-cursor": "c", "items": [work]}}).to_string(),
    ));
    server
}

fn orders(kinds: &[&'static SourceKind]) -> Vec<Vec<&'static SourceKind>> {
    if kinds.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for first in kinds {
        let rest: Vec<&'static SourceKind> =
            kinds.iter().copied().filter(|kind| kind != first).collect();
        all.extend(
            orders(&rest)
                .into_iter()
                .map(|order| [vec![*first], order].concat()),
        );
    }
    all
}

#[tokio::test]
async fn one_work_of_four_sources_is_one_paper_whoever_comes_first() {
    let server = four_sources().await;
    let names: BTreeSet<PaperId> = ["2608.00001", "doi:10.1000/sheep.7", "pmid:77"]
        .map(|name| name.parse().unwrap())
        .into();
    for order in orders(&KINDS) {
        let clock = Arc::new(FixedClock::at("2026-08-05T12:00:00Z".parse().unwrap()));
        let moved = Arc::clone(&clock);
        let around = HttpEnv {
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            chance: Arc::new(NoChance),
            sleep: Arc::new(move |wait| {
                moved.set(moved.now() + TimeDelta::from_std(wait).unwrap());
                Box::pin(std::future::ready(()))
            }),
        };
        let db = Db::new(SqliteStore::in_memory().unwrap());
        let http = Http::new(HttpSettings::named("test"), around).unwrap();
        for kind in &order {
            let source = SourceSettings {
                endpoint: Some(server.url()),
                categories: if **kind == paperboy::source::arxiv::KIND {
                    vec!["cs.LG".to_owned()]
                } else {
                    Vec::new()
                },
                query: Some("sheep".to_owned()),
                verify: false,
                ..SourceSettings::new(kind.word, kind)
            };
            let polled = poll(&db, &http, &source, PollScope::Everything)
                .await
                .unwrap();
            assert_eq!(
                (polled.rejected, &polled.failures),
                (0, &Vec::new()),
                "{order:?} {kind:?}"
            );
        }
        let all = db
            .run_here(|store| store.papers_after(PaperRow(0), 10))
            .unwrap();
        assert_eq!(all.len(), 1, "{order:?}: {all:#?}");
        let paper = &all[0].paper;
        let called: BTreeSet<PaperId> = [vec![paper.id.clone()], paper.same_as.clone()]
            .concat()
            .into_iter()
            .collect();
        assert!(names.is_subset(&called), "{order:?}: {called:?}");
        assert_eq!(paper.categories[..2], ["cs.LG", "stat.ML"], "{order:?}");
        assert_eq!(paper.upvotes, Some(12), "{order:?}");
        assert_eq!(
            paper.abstract_text, "We count sheep while we sleep, and prove it.",
            "{order:?}"
        );
        assert_eq!(
            paper.journal.as_deref(),
            Some("Journal of Sheep, 7"),
            "{order:?}"
        );
        // The first day on which anybody announced it.
        let first: NaiveDate = "2026-08-03".parse().unwrap();
        assert_eq!(paper.announced, Some(first), "{order:?}");
        // It is known by every name.
        for name in &names {
            let found = db.run_here(|store| store.paper(name)).unwrap();
            assert!(
                found.is_some_and(|found| found.paper == *paper),
                "{order:?}: {name}"
            );
        }
    }
}
