//! One work is one paper, whoever tells of it and in whatever order.

use crate::harness::town::Town;
use chrono::{DateTime, Utc};
use paperboy::coverage::{CoverageState, CoverageUpdate};
use paperboy::paper::{Paper, PaperId};
use paperboy::store::sqlite::SqliteStore;
use paperboy::store::{IntakeOutcome, PaperRow, PaperStore, SplitOutcome, StoredPaper, WorkStore};
use proptest::prelude::*;
use std::collections::BTreeSet;

const TITLE: &str = "Counting sheep in linear time";

fn id(text: &str) -> PaperId {
    text.parse().unwrap()
}

fn noon() -> DateTime<Utc> {
    "2026-08-04T12:00:00Z".parse().unwrap()
}

fn store() -> SqliteStore {
    SqliteStore::in_memory().unwrap()
}

/// A record of the work about sheep.
fn record(name: &str, change: impl FnOnce(&mut Paper)) -> Paper {
    let mut paper = Paper {
        abstract_text: "We count sheep. It takes linear time.".to_owned(),
        authors: vec!["Ada Lovelace".to_owned(), "Emmy Noether".to_owned()],
        ..Paper::new(id(name), TITLE.to_owned())
    };
    change(&mut paper);
    paper
}

fn preprint() -> Paper {
    record("2608.00001", |paper| {
        paper.version = Some(1);
        paper.categories = vec!["cs.DS".to_owned()];
        paper.announced = Some("2026-08-04".parse().unwrap());
    })
}

fn article() -> Paper {
    record("10.1000/sheep.7", |paper| {
        "Counting Sheep in Linear-Time".clone_into(&mut paper.title);
        paper.authors = vec!["Lovelace, A.".to_owned(), "Noether, E.".to_owned()];
        paper.announced = Some("2026-09-01".parse().unwrap());
        paper.doi = Some("10.1000/Sheep.7".to_owned());
        paper.journal = Some("Journal of Sheep 7".to_owned());
    })
}

fn take(store: &mut SqliteStore, source: &str, paper: &Paper) -> IntakeOutcome {
    store
        .take_in(source, std::slice::from_ref(paper), noon())
        .unwrap()[0]
}

fn all(store: &mut SqliteStore) -> Vec<StoredPaper> {
    store.papers_after(PaperRow(0), 1_000).unwrap()
}

fn only(store: &mut SqliteStore) -> StoredPaper {
    let mut papers = all(store);
    assert_eq!(papers.len(), 1, "{papers:#?}");
    assert_eq!(store.count_papers().unwrap(), 1);
    papers.remove(0)
}

#[test]
fn a_published_preprint_is_the_preprint_and_keeps_its_day() {
    let mut store = store();
    assert_eq!(take(&mut store, "arxiv", &preprint()), IntakeOutcome::New);
    assert_eq!(
        take(&mut store, "crossref", &article()),
        IntakeOutcome::Merged
    );
    let paper = only(&mut store).paper;
    assert_eq!((paper.id.as_str(), paper.version), ("2608.00001", Some(1)));
    assert_eq!(paper.announced, preprint().announced);
    assert_eq!(paper.same_as, [id("10.1000/sheep.7")]);
    assert_eq!(paper.journal.as_deref(), Some("Journal of Sheep 7"));
    assert_eq!(paper.authors, preprint().authors);
    assert_eq!(paper.categories, ["cs.DS"]);
    let found = store
        .paper(&id("https://doi.org/10.1000/SHEEP.7"))
        .unwrap()
        .unwrap();
    assert_eq!(found.paper, paper);
    // Nothing is announced on the journal's day.
    assert_eq!(
        store
            .count_announced("2026-09-01".parse().unwrap())
            .unwrap(),
        0
    );
    for again in [(preprint(), "arxiv"), (article(), "crossref")] {
        assert_eq!(take(&mut store, again.1, &again.0), IntakeOutcome::Known);
    }
    assert_eq!(only(&mut store).paper, paper);
}

#[test]
fn a_preprint_of_a_known_article_is_the_article() {
    let mut store = store();
    assert_eq!(take(&mut store, "crossref", &article()), IntakeOutcome::New);
    assert_eq!(
        take(&mut store, "arxiv", &preprint()),
        IntakeOutcome::Merged
    );
    let paper = only(&mut store).paper;
    // The name that was known first stays; the first announcement counts, whoever made it.
    assert_eq!(paper.id, id("10.1000/sheep.7"));
    assert_eq!(paper.announced, preprint().announced);
    assert_eq!(paper.same_as, [id("2608.00001")]);
    assert_eq!(paper.title, TITLE);
    assert_eq!(
        store
            .paper(&id("arXiv:2608.00001v3"))
            .unwrap()
            .unwrap()
            .paper,
        paper
    );
    // arXiv's next version is one of the same work.
    let second = Paper {
        version: Some(2),
        title: "Counting sheep faster".to_owned(),
        ..preprint()
    };
    assert_eq!(take(&mut store, "arxiv", &second), IntakeOutcome::Changed);
    assert_eq!(only(&mut store).paper.title, "Counting sheep faster");
    assert_eq!(take(&mut store, "arxiv", &preprint()), IntakeOutcome::Known);
}

/// What each of five sources says of one work.
fn tellers() -> [(&'static str, Paper); 5] {
    [
        ("arxiv", preprint()),
        (
            "huggingface",
            record("2608.00001", |paper| {
                "We count sheep…".clone_into(&mut paper.abstract_text);
                paper.announced = Some("2026-08-05".parse().unwrap());
                paper.upvotes = Some(12);
            }),
        ),
        (
            "semantic_scholar",
            record("s2:0123456789abcdef0123456789abcdef01234567", |paper| {
                "COUNTING SHEEP".clone_into(&mut paper.title);
                paper.same_as = vec![id("2608.00001"), id("10.1000/sheep.7"), id("CorpusId:9")];
                paper.categories = vec!["Computer Science".to_owned()];
            }),
        ),
        (
            "pubmed",
            record("pmid:77", |paper| {
                paper.authors = vec!["Lovelace A".to_owned(), "Noether E".to_owned()];
                paper.doi = Some("10.1000/sheep.7".to_owned());
                paper.categories = ["Sheep", "Humans", "Mathematics", "Wool", "Grass"]
                    .map(str::to_owned)
                    .to_vec();
            }),
        ),
        ("crossref", article()),
    ]
}

/// The paper, whichever of its names was known first.
fn nameless(stored: &StoredPaper) -> (Paper, BTreeSet<PaperId>) {
    let paper = stored.paper.clone();
    let names = paper
        .same_as
        .iter()
        .cloned()
        .chain([paper.id.clone()])
        .collect();
    (
        Paper {
            id: id("x"),
            same_as: Vec::new(),
            version: None,
            ..paper
        },
        names,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn whoever_tells_of_a_work_first_it_is_the_same_paper(
        order in Just((0..5_usize).collect::<Vec<_>>()).prop_shuffle(),
        at_once: bool,
    ) {
        let tellers = tellers();
        let mut expected = store();
        for (source, paper) in &tellers {
            take(&mut expected, source, paper);
        }
        let mut told = store();
        if at_once {
            // A file in which all records are of one source, and of one name only one.
            let papers: Vec<Paper> = order.iter().filter(|at| **at != 1).map(|at| tellers[*at].1.clone()).collect();
            told.take_in("import", &papers, noon()).unwrap();
            told.take_in("huggingface", &[tellers[1].1.clone()], noon()).unwrap();
        } else {
            for at in &order {
                take(&mut told, tellers[*at].0, &tellers[*at].1);
            }
        }
        let (paper, names) = nameless(&only(&mut told));
        let (expected, expected_names) = nameless(&only(&mut expected));
        prop_assert_eq!(&paper, &expected);
        prop_assert_eq!(&names, &expected_names);
        prop_assert_eq!(paper.upvotes, Some(12));
        prop_assert_eq!(&paper.categories, &["cs.DS", "Sheep", "Humans", "Mathematics"]);
        for name in names {
            prop_assert!(told.paper(&name).unwrap().is_some(), "{}", name);
        }
        // Hearing it all again changes nothing.
        if !at_once {
            for (source, paper) in &tellers {
                prop_assert_eq!(take(&mut told, source, paper), IntakeOutcome::Known);
            }
        }
    }
}

#[test]
fn twins_are_kept_apart() {
    let mut store = store();
    let twins = |title: &str| {
        ["10.1000/a", "pmid:5", "2608.00009"]
            .map(|name| record(name, |paper| paper.title = title.to_owned()))
    };
    for title in [
        "Editorial",
        "Introduction",
        "Correction to: Counting sheep in linear time",
        "On sheep",
    ] {
        let mut store = SqliteStore::in_memory().unwrap();
        assert_eq!(
            store.take_in("import", &twins(title), noon()).unwrap(),
            [IntakeOutcome::New; 3],
            "{title}"
        );
    }
    let parts = [
        record("10.1000/a", |paper| {
            paper.title = format!("{TITLE}. Part I");
        }),
        record("2608.00009", |paper| {
            paper.title = format!("{TITLE}. Part II");
        }),
        // One title, but names of one kind that differ.
        record("2608.00001", |_| {}),
        record("2608.00002", |_| {}),
        // A DOI that two papers of arXiv claim makes them no one work.
        record("2608.00003", |paper| {
            paper.doi = Some("10.1000/volume".to_owned());
        }),
        record("2608.00004", |paper| {
            paper.doi = Some("10.1000/volume".to_owned());
        }),
    ];
    assert_eq!(
        store.take_in("import", &parts, noon()).unwrap(),
        [IntakeOutcome::New; 6]
    );
    assert_eq!(
        store.take_in("import", &parts, noon()).unwrap(),
        [IntakeOutcome::Known; 6]
    );
}

/// Two papers that a third record shows to be one.
fn joined(store: &mut SqliteStore) -> (StoredPaper, Paper) {
    let article = Paper {
        title: "Sheep counted".to_owned(),
        ..article()
    };
    assert_eq!(take(store, "arxiv", &preprint()), IntakeOutcome::New);
    assert_eq!(take(store, "crossref", &article), IntakeOutcome::New);
    assert_eq!(all(store).len(), 2);
    let both = record("pmid:77", |paper| {
        "Sheep, counted at last".clone_into(&mut paper.title);
        paper.same_as = vec![id("10.1000/sheep.7"), id("2608.00001")];
    });
    assert_eq!(take(store, "pubmed", &both), IntakeOutcome::Merged);
    (only(store), article)
}

#[test]
fn a_record_that_names_both_makes_two_papers_one() {
    let mut store = store();
    let (paper, article) = joined(&mut store);
    assert_eq!(paper.row, PaperRow(1));
    assert_eq!(paper.paper.id, id("2608.00001"));
    for name in ["2608.00001", "10.1000/sheep.7", "pmid:77"] {
        assert_eq!(store.paper(&id(name)).unwrap().unwrap(), paper, "{name}");
    }
    // The words of the row that is gone find nothing twice.
    assert_eq!(store.search_papers("sheep", 10).unwrap().len(), 1);
    assert_eq!(take(&mut store, "crossref", &article), IntakeOutcome::Known);
    let asked = [id("pmid:77"), id("nobody"), id("10.1000/sheep.7")];
    let found = store.papers_by_id(&asked).unwrap();
    assert_eq!(
        found
            .iter()
            .map(|(name, _)| name.as_str())
            .collect::<Vec<_>>(),
        ["pmid:77", "10.1000/sheep.7"]
    );
    let records = store.paper_records(paper.row).unwrap();
    let listed: Vec<(&str, &str)> = records
        .iter()
        .map(|record| (record.id.as_str(), record.source.as_str()))
        .collect();
    assert_eq!(
        listed,
        [
            ("10.1000/sheep.7", "crossref"),
            ("2608.00001", "arxiv"),
            ("pmid:77", "pubmed")
        ]
    );
}

#[test]
fn what_was_merged_by_mistake_is_taken_apart_for_good() {
    let mut store = store();
    take(&mut store, "arxiv", &preprint());
    take(&mut store, "crossref", &article());
    // PubMed tells of the article, not of the preprint.
    let pubmed = record("pmid:77", |paper| {
        paper.doi = Some("10.1000/sheep.7".to_owned());
    });
    take(&mut store, "pubmed", &pubmed);
    let before = only(&mut store);
    assert_eq!(
        store.split_paper(&id("nobody"), noon()).unwrap(),
        SplitOutcome::Unknown
    );
    let several =
        SplitOutcome::Several(id("2608.00001"), vec![id("10.1000/sheep.7"), id("pmid:77")]);
    assert_eq!(
        store.split_paper(&id("2608.00001"), noon()).unwrap(),
        several
    );
    let done = SplitOutcome::Done {
        from: id("2608.00001"),
        apart: vec![id("10.1000/sheep.7"), id("pmid:77")],
    };
    assert_eq!(
        store
            .split_paper(&id("doi:10.1000/sheep.7"), noon())
            .unwrap(),
        done
    );
    let papers = all(&mut store);
    assert_eq!(papers.len(), 2);
    assert_eq!((papers[0].row, &papers[0].paper), (before.row, &preprint()));
    assert_eq!(papers[1].paper.id, id("10.1000/sheep.7"));
    assert_eq!(papers[1].paper.journal, article().journal);
    assert_eq!(papers[1].paper.same_as, [id("pmid:77")]);
    assert_eq!(
        store.paper(&id("pmid:77")).unwrap().unwrap().row,
        papers[1].row
    );
    assert_eq!(
        store.split_paper(&id("2608.00001"), noon()).unwrap(),
        SplitOutcome::Whole(id("2608.00001"))
    );
    // The next poll, and a new version, bring nothing together again.
    for (source, paper) in [
        ("arxiv", preprint()),
        ("crossref", article()),
        ("pubmed", pubmed),
    ] {
        assert_eq!(take(&mut store, source, &paper), IntakeOutcome::Known);
    }
    let newer = Paper {
        version: Some(2),
        doi: Some("10.1000/sheep.7".to_owned()),
        ..preprint()
    };
    assert_eq!(take(&mut store, "arxiv", &newer), IntakeOutcome::Changed);
    assert_eq!(
        take(&mut store, "huggingface", &preprint()),
        IntakeOutcome::Changed
    );
    assert_eq!(all(&mut store).len(), 2);
    assert_eq!(
        store.paper(&id("10.1000/sheep.7")).unwrap().unwrap().row,
        papers[1].row
    );
    // The article alone can be taken from PubMed's record, too.
    let done = SplitOutcome::Done {
        from: id("10.1000/sheep.7"),
        apart: vec![id("pmid:77")],
    };
    assert_eq!(
        store.split_paper(&id("10.1000/sheep.7"), noon()).unwrap(),
        done
    );
    assert_eq!(all(&mut store).len(), 3);
}

#[test]
fn papers_that_were_two_are_two_again_when_they_are_taken_apart() {
    let mut store = store();
    let (_, article) = joined(&mut store);
    let done = SplitOutcome::Done {
        from: id("2608.00001"),
        apart: vec![id("10.1000/sheep.7")],
    };
    assert_eq!(
        store.split_paper(&id("10.1000/sheep.7"), noon()).unwrap(),
        done
    );
    let papers = all(&mut store);
    assert_eq!((papers[1].row, &papers[1].paper), (PaperRow(2), &article));
    assert_eq!(store.search_papers("sheep", 10).unwrap().len(), 2);
    let only_a_name = SplitOutcome::OnlyAName(id("10.5555/other"));
    let other = record("10.5555/other", |paper| {
        "Goats".clone_into(&mut paper.title);
        paper.same_as = vec![id("pmid:99")];
    });
    take(&mut store, "crossref", &other);
    assert_eq!(
        store.split_paper(&id("pmid:99"), noon()).unwrap(),
        only_a_name
    );
}

#[test]
fn a_database_of_an_earlier_version_knows_its_papers_by_their_titles() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.db");
    let (mut store, _) = SqliteStore::migrate(&path).unwrap();
    let preprint = Paper {
        doi: Some("10.1000/sheep.7".to_owned()),
        ..preprint()
    };
    take(&mut store, "", &preprint);
    drop(store);
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute("UPDATE papers SET title_key = NULL", [])
        .unwrap();
    old.execute("DELETE FROM paper_names", []).unwrap();
    drop(old);
    let (mut store, _) = SqliteStore::migrate(&path).unwrap();
    assert!(store.paper(&id("10.1000/sheep.7")).unwrap().is_some());
    let pubmed = record("pmid:77", |_| {});
    assert_eq!(take(&mut store, "pubmed", &pubmed), IntakeOutcome::Merged);
}

/// What a source announces on `date`.
fn announces(town: &Town, source: &str, date: &str, papers: &[Paper]) {
    let news = CoverageUpdate {
        category: String::new(),
        date: date.parse().unwrap(),
        state: CoverageState::Complete,
        declared: None,
        papers: papers.len() as u32,
        announced_at: None,
        note: String::new(),
    };
    let now = paperboy::clock::Clock::now(&*town.clock);
    town.db
        .run_here(|store| store.take_batch(source, papers, &[news], now))
        .unwrap();
}

fn another(number: u32, date: &str) -> Paper {
    record(&format!("2608.1{number:04}"), |paper| {
        paper.title = format!("Counting goats in {number} steps");
        "Goats count, too.".clone_into(&mut paper.abstract_text);
        paper.announced = Some(date.parse().unwrap());
        paper.categories = vec!["cs.DS".to_owned()];
    })
}

async fn a_town_that_reads_the_preprint() -> Town {
    let mut town = Town::new("2026-08-04T06:00").await;
    town.subscribes("ada", r#"{"send_at": "07:00"}"#);
    town.subscribes(
        "eve",
        r#"{"send_at": "07:00", "publications": true, "replacements": true}"#,
    );
    let liked = r#"[{"name": "goats", "keywords": ["sheep"], "authors": ["Nobody"], "liked": ["10.1000/SHEEP.7"]}]"#;
    town.subscribes(
        "lou",
        &format!(r#"{{"send_at": "07:00", "publications": true, "interests": {liked}}}"#),
    );
    announces(&town, "arxiv", "2026-08-04", &[preprint()]);
    town.passes_to("2026-08-04T07:10").await;
    for name in ["ada", "eve", "lou"] {
        assert!(town.last_mail_to(name).contains(TITLE), "{name}");
    }
    town
}

#[tokio::test]
async fn a_published_version_of_a_sent_preprint_is_told_to_those_who_ask_and_sent_to_nobody() {
    let mut town = a_town_that_reads_the_preprint().await;
    town.passes_to("2026-08-05T05:00").await;
    let article = Paper {
        announced: Some("2026-08-05".parse().unwrap()),
        ..article()
    };
    announces(
        &town,
        "crossref",
        "2026-08-05",
        &[article, another(1, "2026-08-05")],
    );
    town.passes_to("2026-08-05T07:10").await;
    let mail = town.last_mail_to("ada");
    assert!(
        mail.contains("Counting goats in 1 steps") && !mail.contains("Counting sheep"),
        "{mail}"
    );
    let mail = town.last_mail_to("eve");
    assert!(
        mail.contains("Counting goats") && mail.contains("now published in Journal of Sheep 7"),
        "{mail}"
    );
    assert!(mail.contains(TITLE), "{mail}");
    // Once.
    town.passes_to("2026-08-06T05:00").await;
    announces(&town, "arxiv", "2026-08-06", &[another(2, "2026-08-06")]);
    town.passes_to("2026-08-06T07:10").await;
    let mail = town.last_mail_to("eve");
    assert!(
        mail.contains("Counting goats in 2 steps") && !mail.contains("sheep"),
        "{mail}"
    );
}

#[tokio::test]
async fn news_alone_makes_an_issue_for_who_asks_for_it() {
    let mut town = a_town_that_reads_the_preprint().await;
    town.passes_to("2026-08-05T05:00").await;
    announces(
        &town,
        "arxiv",
        "2026-08-05",
        &[Paper {
            version: Some(3),
            announced: None,
            ..preprint()
        }],
    );
    town.passes_to("2026-08-05T07:10").await;
    assert_eq!(town.mail_to("ada").len(), 1);
    assert_eq!(town.mail_to("lou").len(), 1);
    assert_eq!(town.mail_to("eve").len(), 2);
    let mail = town.last_mail_to("eve");
    assert!(mail.contains("new version (v3)"), "{mail}");
    town.passes_to("2026-08-06T05:00").await;
    let withdrawn = Paper {
        version: Some(4),
        withdrawn: true,
        announced: None,
        ..preprint()
    };
    announces(&town, "arxiv", "2026-08-06", &[withdrawn]);
    announces(&town, "crossref", "2026-08-06", &[article()]);
    town.passes_to("2026-08-06T07:10").await;
    assert!(town.last_mail_to("eve").contains("Withdrawn"));
    let mail = town.last_mail_to("lou");
    let both = "now published in Journal of Sheep 7; Withdrawn by its authors";
    assert!(mail.contains(both), "{mail}");
    assert_eq!(town.mail_to("ada").len(), 1);
}

#[tokio::test]
async fn what_was_sent_under_one_name_is_not_sent_again_under_another() {
    let mut town = Town::new("2026-08-04T06:00").await;
    town.subscribes("ada", r#"{"send_at": "07:00"}"#);
    // Nothing tells yet that these are one.
    let article = Paper {
        title: "Sheep counted".to_owned(),
        announced: Some("2026-08-04".parse().unwrap()),
        ..article()
    };
    announces(
        &town,
        "arxiv",
        "2026-08-03",
        &[Paper {
            announced: None,
            ..preprint()
        }],
    );
    announces(&town, "crossref", "2026-08-04", &[article]);
    town.passes_to("2026-08-04T07:10").await;
    assert!(town.last_mail_to("ada").contains("Sheep counted"));
    town.passes_to("2026-08-05T05:00").await;
    // The record that joins them has the older row announced only now.
    let both = Paper {
        same_as: vec![id("10.1000/sheep.7")],
        version: Some(2),
        announced: Some("2026-08-05".parse().unwrap()),
        ..preprint()
    };
    announces(
        &town,
        "arxiv",
        "2026-08-05",
        &[both, another(1, "2026-08-05")],
    );
    town.passes_to("2026-08-05T07:10").await;
    let mail = town.last_mail_to("ada");
    assert!(
        mail.contains("Counting goats") && !mail.to_lowercase().contains("sheep"),
        "{mail}"
    );
    let subscriber = town
        .db
        .run_here(|store| store.subscriber(&"ada@example.org".parse().unwrap()))
        .unwrap()
        .unwrap();
    let sent = town
        .db
        .run_here(|store| store.papers_sent(&[subscriber.id], PaperRow(0)))
        .unwrap();
    assert!(
        sent.iter().any(|sent| sent.paper == PaperRow(1)),
        "{sent:?}"
    );
}
