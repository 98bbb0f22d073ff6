//! The papers most like one: by what they are told, that this follows what the papers
//! say, what a page shows of it, and how good it is.

use crate::harness::environment::shared;
use crate::web::robots::House;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use chrono::{DateTime, TimeDelta, Utc};
use paperboy::archive::{SimilarityIndex, refresh_background, refresh_signatures, similar_papers};
use paperboy::intake::Import;
use paperboy::paper::Paper;
use paperboy::profile::features::{own_term, people, weigh};
use paperboy::profile::{Features, Group, TermCounter};
use paperboy::ranking::similar::likeness;
use paperboy::store::sqlite::SqliteStore;
use paperboy::store::{Db, NewSignature, PaperRow, StoredPaper};

fn noon() -> DateTime<Utc> {
    "2026-08-04T12:00:00Z".parse().unwrap()
}

fn paper(id: &str, title: &str, text: &str, author: &str) -> Paper {
    Paper {
        abstract_text: text.to_owned(),
        authors: vec![author.to_owned()],
        categories: vec!["physics.geo-ph".to_owned()],
        announced: Some("2026-08-04".parse().unwrap()),
        ..Paper::new(id.parse().unwrap(), title.to_owned())
    }
}

fn some_papers() -> Vec<Paper> {
    let ice = "We measure how glaciers flow and how their ice melts.";
    let mut papers = vec![
        paper("2608.00001", "Glaciers in motion", ice, "Louis Agassiz"),
        paper("2608.00002", "Motion of glaciers", ice, "Horace Saussure"),
        paper(
            "2608.00003",
            "Melting ice",
            "How glaciers melt.",
            "Ada Lovelace",
        ),
        paper(
            "10.1101/fish",
            "Fossil fish",
            "We describe bones.",
            "Louis Agassiz",
        ),
    ];
    papers.extend((10..60).map(|at| {
        paper(
            &format!("2607.000{at}"),
            &format!("Note {at} on proofs"),
            "We prove theorems.",
            "Emmy Noether",
        )
    }));
    papers
}

fn take_in(db: &Db, papers: &[Paper]) {
    db.run_here(|store| store.take_in("jsonl", papers, noon()))
        .unwrap();
}

fn stored(db: &Db, id: &str) -> StoredPaper {
    db.run_here(|store| store.paper(&id.parse().unwrap()))
        .unwrap()
        .unwrap()
}

fn signature(db: &Db, id: &str) -> Option<Vec<u8>> {
    let row = stored(db, id).row;
    db.run_here(|store| store.signature(row)).unwrap()
}

/// The ids of those like `id`.
fn like(db: &Db, id: &str) -> Vec<String> {
    let index = SimilarityIndex::read(db).unwrap();
    let found = similar_papers(db, &index, &stored(db, id), 8, None).unwrap();
    found
        .iter()
        .map(|other| other.paper.id.to_string())
        .collect()
}

fn shown(page: &str) -> Vec<&str> {
    let Some((_, similar)) = page.split_once("Similar papers</h2>") else {
        return Vec::new();
    };
    similar
        .split("href=\"/papers/")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect()
}

/// The same work as the fourth, from elsewhere, and the second withdrawn.
fn merged_and_withdrawn() -> [Paper; 2] {
    let glaciers = some_papers().swap_remove(1);
    let same = Paper {
        same_as: vec!["10.1101/fish".parse().unwrap()],
        ..glaciers
    };
    [
        same,
        Paper {
            withdrawn: true,
            version: Some(2),
            ..some_papers().swap_remove(2)
        },
    ]
}

#[test]
fn papers_are_signed_as_they_come_and_as_they_change() {
    let db = Db::new(SqliteStore::in_memory().unwrap());
    refresh_signatures(&db).unwrap();
    take_in(&db, &some_papers());
    assert!(signature(&db, "2608.00001").is_none() && like(&db, "2608.00001").is_empty());
    assert!(db.run_here(|store| store.is_behind()).unwrap());
    refresh_signatures(&db).unwrap();
    assert!(!db.run_here(|store| store.is_behind()).unwrap());
    assert_eq!(
        like(&db, "2608.00001"),
        ["2608.00002", "2608.00003", "10.1101/fish"]
    );

    // A newcomer, and one that is no longer about fish.
    let newer = paper(
        "2608.00009",
        "Glaciers in motion, again",
        "We measure how glaciers flow.",
        "Ada Lovelace",
    );
    let mut reworded = some_papers().swap_remove(3);
    (reworded.version, reworded.abstract_text) =
        (Some(2), "We describe how glaciers melt.".to_owned());
    take_in(&db, &[newer, reworded]);
    let untouched = signature(&db, "2608.00002");
    assert!(signature(&db, "2608.00009").is_none() && signature(&db, "10.1101/fish").is_none());
    refresh_signatures(&db).unwrap();
    assert!(like(&db, "2608.00001").contains(&"2608.00009".to_owned()));
    assert!(like(&db, "10.1101/fish").contains(&"2608.00003".to_owned()));
    assert_eq!(signature(&db, "2608.00002"), untouched);
}

#[test]
fn a_shorter_list_is_the_beginning_of_a_longer_one() {
    let db = Db::new(SqliteStore::in_memory().unwrap());
    take_in(&db, &some_papers());
    refresh_signatures(&db).unwrap();
    let index = SimilarityIndex::read(&db).unwrap();
    let papers = db
        .run_here(|store| store.papers_after(PaperRow(0), u32::MAX))
        .unwrap();
    for paper in &papers {
        let similar = |limit| similar_papers(&db, &index, paper, limit, None).unwrap();
        let all = similar(40);
        for limit in [0, 1, 8, 17] {
            assert_eq!(
                similar(limit),
                all[..all.len().min(limit)],
                "{}",
                paper.paper.id
            );
        }
    }
}

#[test]
fn namesakes_are_not_one_author() {
    let db = Db::new(SqliteStore::in_memory().unwrap());
    let mut papers = some_papers();
    papers.push(paper("2608.00005", "Tax law", "Of taxes.", "Zichao Wei"));
    papers.push(paper(
        "2608.00006",
        "Opera houses",
        "Of singers.",
        "Zihao Wei",
    ));
    papers.push(paper(
        "2608.00007",
        "Bicycle chains",
        "Of wheels.",
        "Zihao B. Wei",
    ));
    take_in(&db, &papers);
    refresh_signatures(&db).unwrap();
    assert_eq!(like(&db, "2608.00006"), ["2608.00007"]);
    assert!(like(&db, "2608.00005").is_empty());
}

#[test]
fn signatures_do_not_depend_on_how_a_file_was_cut() {
    let sign = |pieces: usize| {
        let db = Db::new(SqliteStore::in_memory().unwrap());
        some_papers()
            .chunks(pieces)
            .for_each(|papers| take_in(&db, papers));
        refresh_signatures(&db).unwrap();
        some_papers()
            .iter()
            .map(|paper| signature(&db, paper.id.as_str()).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(sign(7), sign(1_000));
}

#[test]
fn a_merged_paper_has_no_signature_and_gets_one_when_split() {
    let db = Db::new(SqliteStore::in_memory().unwrap());
    take_in(&db, &some_papers());
    refresh_signatures(&db).unwrap();
    let gone = stored(&db, "10.1101/fish").row;
    let index = SimilarityIndex::read(&db).unwrap();
    take_in(&db, &merged_and_withdrawn());
    assert!(
        db.run_here(|store| store.signature(gone))
            .unwrap()
            .is_none()
    );
    let found = similar_papers(&db, &index, &stored(&db, "2608.00001"), 8, None).unwrap();
    assert!(
        found.iter().all(|other| other.row != gone),
        "what was read before still names it"
    );
    refresh_signatures(&db).unwrap();
    assert_eq!(like(&db, "2608.00001"), ["2608.00002", "2608.00003"]);

    db.run_here(|store| store.split_paper(&"10.1101/fish".parse().unwrap(), noon()))
        .unwrap();
    refresh_signatures(&db).unwrap();
    assert_eq!(stored(&db, "10.1101/fish").row, gone);
    assert!(signature(&db, "10.1101/fish").is_some());
}

#[test]
fn a_paper_that_changes_while_it_is_signed_stays_unsigned() {
    let db = Db::new(SqliteStore::in_memory().unwrap());
    take_in(&db, &some_papers());
    refresh_signatures(&db).unwrap();
    let reworded = |version, text: &str| {
        let paper = some_papers().swap_remove(0);
        take_in(
            &db,
            &[Paper {
                version: Some(version),
                abstract_text: text.to_owned(),
                ..paper
            }],
        );
    };
    reworded(2, "We were wrong about glaciers.");
    let read = db.run_here(|store| store.papers_unsigned(10)).unwrap();
    assert_eq!(
        read.iter()
            .map(|stored| stored.paper.id.as_str())
            .collect::<Vec<_>>(),
        ["2608.00001"]
    );
    reworded(3, "We were right about glaciers.");
    let signed: Vec<_> = read
        .into_iter()
        .map(|paper| NewSignature {
            paper,
            terms: vec![0; 5],
        })
        .collect();
    db.run_here(|store| store.sign(&signed)).unwrap();
    assert_eq!(signature(&db, "2608.00001"), None);
    assert_eq!(
        db.run_here(|store| store.papers_unsigned(10))
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn only_the_newest_signatures_are_read() {
    let db = Db::new(SqliteStore::in_memory().unwrap());
    let read = |most| {
        let mut rows = Vec::new();
        db.run_here(|store| store.each_signature(most, &mut |row, _| rows.push(row.0)))
            .unwrap();
        rows
    };
    assert!(read(2).is_empty());
    let all: Vec<_> = [3, 5, 9].map(|row| (PaperRow(row), vec![1; 5])).into();
    db.run_here(|store| store.save_signatures(&all)).unwrap();
    assert_eq!(
        (read(1), read(2), read(3), read(9)),
        (vec![9], vec![5, 9], vec![3, 5, 9], vec![3, 5, 9])
    );
}

#[test]
fn what_pages_show_has_changed_only_when_something_came_of_it() {
    let db = Db::new(SqliteStore::in_memory().unwrap());
    let changes = || db.run_here(|store| store.changes()).unwrap().papers;
    let mut last = changes();
    let mut has_changed = || {
        let now = changes();
        std::mem::replace(&mut last, now) != now
    };
    take_in(&db, &some_papers());
    assert!(has_changed());
    take_in(&db, &some_papers());
    assert!(!has_changed(), "all of it was known");
    refresh_signatures(&db).unwrap();
    assert!(has_changed());
    refresh_signatures(&db).unwrap();
    assert!(!has_changed());
    take_in(&db, &merged_and_withdrawn());
    assert!(has_changed());
    db.run_here(|store| store.split_paper(&"10.1101/fish".parse().unwrap(), noon()))
        .unwrap();
    assert!(has_changed());
}

#[tokio::test]
async fn a_page_shows_what_is_like_its_paper_as_it_is_now() {
    let house = House::new();
    take_in(&house.db, &some_papers());
    let (_, page) = house.get("/papers/2608.00001").await;
    assert_eq!(shown(&page), ["2608.00002", "2608.00003", "10.1101/fish"]);

    take_in(&house.db, &merged_and_withdrawn());
    house.clock.set(noon() + TimeDelta::minutes(1));
    let (status, page) = house.get("/papers/2608.00001").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(shown(&page), ["2608.00002", "2608.00003"]);
    assert!(page.contains("<strong>Withdrawn</strong>"), "{page}");
}

#[tokio::test]
async fn the_page_of_a_newcomer_shows_what_is_like_it_a_minute_later() {
    let house = House::new();
    take_in(&house.db, &some_papers());
    house.get("/papers/2608.00001").await;
    take_in(
        &house.db,
        &[paper(
            "2608.00009",
            "Glaciers again",
            "We measure how glaciers flow.",
            "Ada Lovelace",
        )],
    );
    let (status, page) = house.get("/papers/2608.00009").await;
    assert_eq!(
        (status, shown(&page).len()),
        (StatusCode::OK, 0),
        "it was looked at a moment ago"
    );
    house.clock.set(noon() + TimeDelta::minutes(1));
    let (_, page) = house.get("/papers/2608.00009").await;
    assert_eq!(shown(&page).len(), 3);
}

#[tokio::test]
async fn similar_papers_are_in_the_language_of_the_page() {
    let house = House::new();
    take_in(&house.db, &some_papers());
    for (language, day) in [
        ("en", "4 August 2026"),
        ("de", "4. August 2026"),
        ("en", "4 August 2026"),
    ] {
        let asked = Request::get("/papers/2608.00001").header(header::ACCEPT_LANGUAGE, language);
        let (_, _, page) = house.ask(asked.body(Body::empty()).unwrap()).await;
        let (_, below) = page.split_once("<ol class=\"papers\">").unwrap();
        assert_eq!(below.matches(day).count(), 3, "{below}");
    }
}

#[tokio::test]
async fn an_unused_index_is_evicted_and_read_again() {
    let house = House::new();
    take_in(&house.db, &some_papers());
    house.get("/papers/2608.00001").await;
    take_in(
        &house.db,
        &[paper(
            "2608.00009",
            "Glaciers again",
            "We measure how glaciers flow.",
            "Ada Lovelace",
        )],
    );
    house
        .site
        .shared
        .evict_unused(noon() + TimeDelta::minutes(14));
    assert_eq!(
        shown(&house.get("/papers/2608.00009").await.1).len(),
        0,
        "somebody asked a moment ago"
    );
    house
        .site
        .shared
        .evict_unused(noon() + TimeDelta::minutes(16));
    assert_eq!(shown(&house.get("/papers/2608.00009").await.1).len(), 3);
}

#[tokio::test]
async fn a_cached_page_is_served_until_its_papers_change() {
    let house = House::new();
    take_in(&house.db, &some_papers());
    let (_, first) = house.get("/archive/2026-08-04").await;
    house.clock.set(noon() + TimeDelta::minutes(30));
    assert_eq!(house.get("/archive/2026-08-04").await.1, first);
    let voted = Paper {
        upvotes: Some(50),
        ..paper("2608.00009", "Glaciers again", "They flow.", "Ada Lovelace")
    };
    take_in(&house.db, &[voted]);
    house.clock.set(noon() + TimeDelta::minutes(31));
    assert!(
        house
            .get("/archive/2026-08-04")
            .await
            .1
            .contains("Glaciers again")
    );
}

/// By the whole of both texts, on real papers, and on average; it is 93 %.
#[test]
fn papers_found_by_signature_are_nearly_as_similar_as_by_full_comparison() {
    let Some(file) = shared("papers_arxiv/2025-03.jsonl.gz") else {
        return;
    };
    let db = Db::new(SqliteStore::in_memory().unwrap());
    Import::new(noon())
        .take_in_file(&db, &file, |_, _| {})
        .unwrap();
    let background = refresh_background(&db, |_| {}).unwrap();
    let papers = db
        .run_here(|store| store.papers_after(PaperRow(0), u32::MAX))
        .unwrap();
    let mut counter = TermCounter::new();
    let mut features = |paper: &Paper| {
        by_person(
            &weigh(&counter.paper(paper), &background),
            &people(&paper.authors),
        )
    };
    let all: Vec<Features> = papers
        .iter()
        .map(|stored| features(&stored.paper))
        .collect();
    let index = SimilarityIndex::read(&db).unwrap();
    let (mut found, mut best) = (0.0, 0.0);
    for asked in (0..papers.len()).step_by(1 + papers.len() / 40) {
        let mut order: Vec<f32> = all
            .iter()
            .map(|other| likeness(&all[asked], other))
            .collect();
        let ours = similar_papers(&db, &index, &papers[asked], 8, None).unwrap();
        let place = |row: PaperRow| {
            papers
                .binary_search_by_key(&row, |stored| stored.row)
                .unwrap()
        };
        found += ours
            .iter()
            .map(|other| order[place(other.row)])
            .sum::<f32>();
        // Itself aside.
        order.swap_remove(asked);
        order.sort_by(|a, b| b.total_cmp(a));
        best += order[..ours.len()].iter().sum::<f32>();
    }
    assert!(
        found >= 0.92 * best,
        "found {found}, the most there is {best}"
    );
}

/// The same features with the people in place of their terms.
fn by_person(features: &Features, people: &[(u32, u32)]) -> Features {
    let own = |(term, weight): &(u32, f32)| match Group::of(*term) {
        Group::Author => (own_term(people, *term), *weight),
        Group::Text | Group::Category => (*term, *weight),
    };
    let mut features: Vec<(u32, f32)> = features.0.iter().map(own).collect();
    features.sort_unstable_by_key(|(term, _)| *term);
    Features(features)
}
