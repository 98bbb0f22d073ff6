//! Finding papers: by words, by names, by likeness.

use chrono::{DateTime, NaiveDate, Utc};
use paperboy::archive::{SimilarityIndex, refresh_signatures, similar_papers};
use paperboy::archive::{VectorSearch, search};
use paperboy::paper::Paper;
use paperboy::paper::query::SearchQuery;
use paperboy::store::sqlite::SqliteStore;
use paperboy::store::{Db, PaperRow, PaperStore};

fn noon() -> DateTime<Utc> {
    "2026-08-04T12:00:00Z".parse().unwrap()
}

fn paper(id: &str, title: &str, text: &str, author: &str, category: &str, day: &str) -> Paper {
    Paper {
        abstract_text: text.to_owned(),
        authors: vec![author.to_owned()],
        categories: vec![category.to_owned()],
        announced: Some(day.parse::<NaiveDate>().unwrap()),
        ..Paper::new(id.parse().unwrap(), title.to_owned())
    }
}

fn archive() -> Db {
    let mut store = SqliteStore::in_memory().unwrap();
    let sorting = Paper {
        doi: Some("10.1000/Sort".to_owned()),
        url: Some("https://www.biorxiv.org/content/1".to_owned()),
        ..paper(
            "sort-1",
            "Sorting networks",
            "We sort fast, with low-rank maps.",
            "Ada Lovelace",
            "cs.DS",
            "2026-08-03",
        )
    };
    let papers = [
        paper(
            "2608.00001",
            "Rings of integers",
            "Poincaré studied rings, too.",
            "Emmy Noether",
            "math.NT",
            "2026-08-01",
        ),
        paper(
            "2608.00002",
            "Integers in rings",
            "Rank is low in rings.",
            "Max Noether",
            "math.AG",
            "2026-08-02",
        ),
        sorting,
        paper(
            "2608.00004",
            "A survey of sorting",
            "Sorts of sorting, surveyed.",
            "Alan Turing",
            "cs.LG",
            "2026-08-04",
        ),
        paper(
            "hep-th/0608005",
            "Strings",
            "Strings on rings.",
            "Henri Poincaré",
            "hep-th",
            "2026-08-04",
        ),
    ];
    store.take_in("jsonl", &papers, noon()).unwrap();
    Db::new(store)
}

fn found(db: &Db, query: &str) -> Vec<String> {
    let found = search(db, &SearchQuery::parse(query), 0, 10, None).unwrap();
    assert!(!found.has_more);
    found
        .papers
        .into_iter()
        .map(|stored| stored.paper.id.to_string())
        .collect()
}

#[track_caller]
fn check(query: &str, wanted: &[&str]) {
    let mut got = found(&archive(), query);
    got.sort();
    let mut wanted = wanted.to_vec();
    wanted.sort_unstable();
    assert_eq!(got, wanted, "{query}");
}

#[test]
fn words_are_stemmed_phrases_are_exact_and_fields_narrow() {
    check("integer ring", &["2608.00001", "2608.00002"]);
    check("\"rings of integers\"", &["2608.00001"]);
    check("poincare", &["2608.00001", "hep-th/0608005"]);
    check("author:poincare", &["hep-th/0608005"]);
    check("author:\"Emmy Noether\"", &["2608.00001"]);
    check("title:strings", &["hep-th/0608005"]);
    check("low-rank", &["sort-1"]);
    check("sorting -survey", &["sort-1"]);
    check("rings cat:math.*", &["2608.00001", "2608.00002"]);
    check(
        "rings cat:math.AG cat:hep-th",
        &["2608.00002", "hep-th/0608005"],
    );
    check("cat:math", &["2608.00001", "2608.00002"]);
    check("from:2026-08-04", &["2608.00004", "hep-th/0608005"]);
    check("rings from:2026-08-02 until:2026-08-03", &["2608.00002"]);
    check("source:biorxiv", &["sort-1"]);
    check("source:arxiv sorting", &["2608.00004"]);
    check("-rings from:2026-08-04", &["2608.00004"]);
}

#[test]
fn greek_letters_and_formulas_are_found_however_they_are_typed() {
    let mut store = SqliteStore::in_memory().unwrap();
    let titles = [
        "α-synuclein fibrils",
        "TGFβ signalling",
        "Tests of ΛCDM",
        "Reduction of CO₂ on copper",
        "An alphabet of words",
        "Theta rhythms",
    ];
    for (number, title) in titles.iter().enumerate() {
        let id = format!("2608.{number:05}");
        let paper = paper(
            &id,
            title,
            "A text.",
            "Ada Lovelace",
            "q-bio.BM",
            "2026-08-04",
        );
        store.take_in("jsonl", &[paper], noon()).unwrap();
    }
    let db = Db::new(store);
    for (query, wanted) in [
        ("alpha-synuclein", &["2608.00000"][..]),
        ("α-synuclein", &["2608.00000"]),
        ("alpha", &["2608.00000"]),
        ("TGF-beta", &["2608.00001"]),
        ("TGF-β", &["2608.00001"]),
        ("LambdaCDM", &["2608.00002"]),
        ("Lambda-CDM", &["2608.00002"]),
        ("CO2", &["2608.00003"]),
        ("title:co2", &["2608.00003"]),
        ("θ", &["2608.00005"]),
        ("eta", &[]),
        ("signalling -TGF-beta", &[]),
    ] {
        assert_eq!(found(&db, query), wanted, "{query}");
    }
}

#[test]
fn words_of_other_scripts_are_found_by_their_parts_and_without_accents() {
    let mut store = SqliteStore::in_memory().unwrap();
    let of = |number: u32, title: &str, text: &str| {
        paper(
            &format!("2608.{number:05}"),
            title,
            text,
            "Ada Lovelace",
            "cs.CL",
            "2026-08-04",
        )
    };
    let papers = [
        of(1, "大规模语言模型的推理能力研究", "本文研究BERT模型。"),
        of(2, "量子纠错码综述", "本文综述语言模型。"),
        of(3, "言語モデルの推論", "本論文では推論能力を調べる。"),
        of(
            4,
            "Νευρωνικά δίκτυα",
            "Μελετάμε τα ΔΙΚΤΥΑ και τη διόρθωση σφαλμάτων.",
        ),
        of(5, "الشبكات العصبية", "نقدم شبكات عصبية لمعالجة اللغة."),
    ];
    store.take_in("jsonl", &papers, noon()).unwrap();
    let db = Db::new(store);
    for (query, wanted) in [
        ("语言模型", &["2608.00001", "2608.00002"][..]),
        ("语言模型 推理", &["2608.00001"]),
        ("title:语言模型", &["2608.00001"]),
        ("bert模型", &["2608.00001"]),
        ("言語モデル", &["2608.00003"]),
        ("推論 -量子", &["2608.00003"]),
        ("δικτυα", &["2608.00004"]),
        ("ΔΊΚΤ*", &["2608.00004"]),
        ("σφαλματων", &["2608.00004"]),
        ("العصبية", &["2608.00005"]),
        ("语言学", &[]),
    ] {
        assert_eq!(found(&db, query), wanted, "{query}");
    }
}

#[test]
fn an_id_or_a_doi_finds_its_paper_first() {
    for query in [
        "2608.00002v3",
        "arXiv:2608.00002",
        "https://arxiv.org/abs/2608.00002",
    ] {
        assert_eq!(found(&archive(), query)[0], "2608.00002", "{query}");
    }
    assert_eq!(
        found(&archive(), "https://doi.org/10.1000/SORT")[0],
        "sort-1"
    );
}

#[test]
fn a_search_without_exact_results_is_relaxed_and_marked() {
    let db = archive();
    let query = |text: &str| search(&db, &SearchQuery::parse(text), 0, 10, None).unwrap();
    let some = query("strings zebra");
    assert!(some.is_relaxed && some.papers[0].paper.title == "Strings");
    assert!(query("survey").papers.len() == 1 && !query("survey").is_relaxed);
    assert_eq!(query("integ").papers.len(), 2, "a beginning of a word");
    assert!(query("zebra").papers.is_empty() && !query("zebra").is_relaxed);
    assert!(query("").papers.is_empty());
    // What was left out stays out.
    assert!(query("strings zebra -rings").papers.is_empty());
}

#[test]
fn pages_follow_each_other_without_gaps() {
    let db = archive();
    for dense in [None, Some(&Reversed as &dyn VectorSearch)] {
        let page =
            |offset: u32| search(&db, &SearchQuery::parse("rings"), offset, 1, dense).unwrap();
        let pages: Vec<_> = (0..8)
            .map(page)
            .take_while(|page| !page.papers.is_empty())
            .collect();
        let ids: std::collections::BTreeSet<_> = pages
            .iter()
            .map(|page| page.papers[0].paper.id.clone())
            .collect();
        assert_eq!(ids.len(), pages.len(), "no paper twice");
        assert!(
            pages.iter().rev().skip(1).all(|page| page.has_more) && !pages.last().unwrap().has_more
        );
        assert_eq!(pages.len(), if dense.is_some() { 5 } else { 3 });
    }
    assert!(
        search(&db, &SearchQuery::parse("rings"), u32::MAX, u32::MAX, None)
            .unwrap()
            .papers
            .is_empty()
    );
}

/// Every paper is near; the later the nearer.
struct Reversed;

impl VectorSearch for Reversed {
    fn nearest(&self, _: &Paper, limit: usize) -> Vec<PaperRow> {
        (1..=5).rev().map(PaperRow).take(limit).collect()
    }
}

#[test]
fn meaning_adds_to_words_and_filters_hold_for_it() {
    let db = archive();
    let ids = |query: &str| -> Vec<String> {
        let found = search(&db, &SearchQuery::parse(query), 0, 10, Some(&Reversed)).unwrap();
        found
            .papers
            .into_iter()
            .map(|stored| stored.paper.id.to_string())
            .collect()
    };
    assert_eq!(ids("zebra from:2026-08-04 -survey"), ["hep-th/0608005"]);
    assert_eq!(ids("strings")[0], "hep-th/0608005");
    assert_eq!(ids("author:turing"), ["2608.00004"]);
}

#[test]
fn similar_papers_share_a_subject_or_authors() {
    let mut store = SqliteStore::in_memory().unwrap();
    let ice = "We measure how glaciers flow and how their ice melts.";
    let mut papers = vec![
        paper(
            "2608.00001",
            "Glaciers in motion",
            ice,
            "Louis Agassiz",
            "physics.geo-ph",
            "2026-08-01",
        ),
        paper(
            "2608.00002",
            "Motion of glaciers",
            ice,
            "Horace Saussure",
            "physics.geo-ph",
            "2026-08-01",
        ),
        paper(
            "10.1101/x",
            "Glaciers in motion",
            ice,
            "L. Agassiz",
            "geology",
            "2026-08-02",
        ),
        paper(
            "2608.00004",
            "Fossil fish",
            "We describe bones.",
            "Louis Agassiz",
            "q-bio.PE",
            "2026-08-02",
        ),
    ];
    papers.extend((10..60).map(|at| {
        let title = format!("Note {at} on proofs");
        paper(
            &format!("2607.000{at}"),
            &title,
            "We prove theorems.",
            "Ada Lovelace",
            "math.LO",
            "2026-07-01",
        )
    }));
    store.take_in("jsonl", &papers, noon()).unwrap();
    let db = Db::new(store);
    refresh_signatures(&db).unwrap();
    let index = SimilarityIndex::read(&db).unwrap();
    let first = db
        .run_here(|store| store.paper(&papers[0].id))
        .unwrap()
        .unwrap();
    let like = |limit: usize, dense: Option<&dyn VectorSearch>| -> Vec<String> {
        let found = similar_papers(&db, &index, &first, limit, dense).unwrap();
        found
            .into_iter()
            .map(|stored| stored.paper.id.to_string())
            .collect()
    };
    assert_eq!(
        like(2, None),
        ["2608.00002", "2608.00004"],
        "not the same work from elsewhere"
    );
    assert!(!like(50, Some(&Reversed)).contains(&"10.1101/x".to_owned()));
    assert_eq!(like(1, Some(&Reversed)).len(), 1);
    assert!(like(0, None).is_empty());
}

proptest::proptest! {
    #[test]
    fn no_text_is_an_error(
        text in proptest::string::string_regex("([\"'*:^(){}+\\-\u{0}\\\\%_;,./ ]|AND|OR|NOT|NEAR|title:|author:|cat:|source:|from:|-|rings|[0-9]{1,4}|\\PC){0,24}").unwrap()
    ) {
        thread_local! { static DB: Db = archive(); }
        DB.with(|db| {
            for dense in [None, Some(&Reversed as &dyn VectorSearch)] {
                search(db, &SearchQuery::parse(&text), 0, 3, dense).unwrap();
            }
        });
    }
}
