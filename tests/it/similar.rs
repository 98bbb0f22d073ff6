//! The kept lists of similar papers: what they hold, when they are made anew, and
//! that a page shows nothing that has since been merged, withdrawn or reworded.

use crate::place::missing;
use crate::web::House;
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use paperboy::edition::find::similar;
use paperboy::edition::{refresh_background, refresh_similar};
use paperboy::intake::Import;
use paperboy::paper::Paper;
use paperboy::profile::features::weigh;
use paperboy::profile::{Background, TermCounter};
use paperboy::ranking::similar::likeness;
use paperboy::store::sqlite::SqliteStore;
use paperboy::store::{Db, PaperRow, SimilarRound, SimilarTo, StoredPaper};
use std::path::PathBuf;

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
        paper("2608.00003", "Melting ice", "How glaciers melt.", "Ada Lovelace"),
        paper("2608.00004", "Fossil fish", "We describe bones.", "Louis Agassiz"),
    ];
    papers.extend((10..60).map(|at| {
        paper(&format!("2607.000{at}"), &format!("Note {at} on proofs"), "We prove theorems.", "Emmy Noether")
    }));
    papers
}

fn take_in(db: &Db, papers: &[Paper]) {
    db.run_here(|store| store.take_in("jsonl", papers, noon())).unwrap();
}

fn round(db: &Db, at: DateTime<Utc>) -> Option<u64> {
    refresh_similar(db, at, &|| false).unwrap()
}

fn stored(db: &Db, id: &str) -> StoredPaper {
    db.run_here(|store| store.paper(&id.parse().unwrap())).unwrap().unwrap()
}

/// The ids in the list of `id`; `None` where there is none.
fn listed(db: &Db, id: &str) -> Option<Vec<String>> {
    let row = stored(db, id).row;
    let found = db.run_here(|store| store.similar_papers(row)).unwrap();
    found.map(|papers| papers.iter().map(|other| other.paper.id.to_string()).collect())
}

fn shown(page: &str) -> Vec<&str> {
    let Some((_, similar)) = page.split_once("Similar papers</h2>") else { return Vec::new() };
    similar.split("href=\"/papers/").skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

#[test]
fn lists_are_made_for_all_and_again_only_when_something_changed() {
    let db = Db::new(SqliteStore::in_memory().unwrap());
    assert_eq!(round(&db, noon()), None, "an empty archive has nothing to compare");
    take_in(&db, &some_papers());
    assert_eq!(listed(&db, "2608.00001"), None);
    assert_eq!(round(&db, noon()), Some(54));
    let first = listed(&db, "2608.00001").unwrap();
    assert_eq!(first, ["2608.00002", "2608.00003", "2608.00004"]);
    assert_eq!(round(&db, noon() + TimeDelta::days(3)), None);

    let newer = paper("2608.00009", "Glaciers in motion, again", "We measure how glaciers flow.", "Ada Lovelace");
    take_in(&db, &[newer]);
    assert_eq!(round(&db, noon() + TimeDelta::minutes(30)), None, "it is too soon");
    assert!(round(&db, noon() + TimeDelta::hours(1)).unwrap() < 55, "lists that say the same are left alone");
    assert!(listed(&db, "2608.00001").unwrap().contains(&"2608.00009".to_owned()));
}

#[test]
fn a_round_that_is_stopped_is_done_at_the_next_start() {
    let db = Db::new(SqliteStore::in_memory().unwrap());
    take_in(&db, &some_papers());
    assert_eq!(refresh_similar(&db, noon(), &|| true).unwrap(), None);
    assert_eq!(listed(&db, "2608.00001"), None);
    assert_eq!(round(&db, noon()), Some(54));
}

#[test]
fn a_list_goes_with_the_text_that_it_was_made_from() {
    let db = Db::new(SqliteStore::in_memory().unwrap());
    take_in(&db, &some_papers());
    round(&db, noon());
    let mut reworded = some_papers()[0].clone();
    (reworded.version, reworded.abstract_text) = (Some(2), "We were wrong about glaciers.".to_owned());
    take_in(&db, &[reworded]);
    assert_eq!(listed(&db, "2608.00001"), None);
    assert!(listed(&db, "2608.00002").is_some());
}

#[test]
fn rows_that_are_no_papers_are_in_no_list() {
    let db = Db::new(SqliteStore::in_memory().unwrap());
    take_in(&db, &some_papers());
    let (first, second) = (stored(&db, "2608.00001").row, stored(&db, "2608.00002").row);
    let lists = [
        SimilarTo { paper: first, others: vec![PaperRow(9_999), second] },
        SimilarTo { paper: PaperRow(9_999), others: vec![first] },
    ];
    db.run_here(|store| {
        assert_eq!(store.save_similar(&lists).unwrap(), 1);
        assert_eq!(store.save_similar(&lists).unwrap(), 0, "nothing new");
        assert_eq!(store.similar_papers(first).unwrap().unwrap().len(), 1);
        assert_eq!(store.similar_papers(PaperRow(9_999)).unwrap(), None);
        let (papers, newest) = store.extent().unwrap();
        assert_eq!(papers, 54);
        let round = SimilarRound { papers, newest, at: noon() };
        store.save_similar_round(&round).unwrap();
        assert_eq!(store.similar_round().unwrap(), Some(round));
        Ok(())
    })
    .unwrap();
}

#[tokio::test]
async fn a_page_shows_the_kept_list_as_its_papers_are_now() {
    let house = House::new();
    take_in(&house.db, &some_papers());
    let (_, unlisted) = house.get("/papers/2608.00001").await;
    assert_eq!(shown(&unlisted)[..2], ["2608.00002", "2608.00003"], "without a list it is worked out");
    round(&house.db, noon());

    // Another name of what is listed becomes one work with it, and a third is withdrawn.
    let same = Paper {
        same_as: vec!["2608.00004".parse().unwrap()],
        ..paper(
            "2608.00002",
            "Motion of glaciers",
            "We measure how glaciers flow and how their ice melts.",
            "Horace Saussure",
        )
    };
    let withdrawn = Paper { withdrawn: true, version: Some(2), ..some_papers()[2].clone() };
    take_in(&house.db, &[same, withdrawn]);
    house.clock.set(noon() + TimeDelta::minutes(1));
    let (status, page) = house.get("/papers/2608.00001").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(shown(&page), ["2608.00002", "2608.00003"]);
    assert!(page.contains("<strong>Withdrawn</strong>"), "{page}");
}

/// On real papers, by the whole of both texts, and on average.
#[test]
fn what_is_kept_is_nearly_as_like_as_what_a_search_finds() {
    let Some(shared) = std::env::var_os("PAPERBOY_SHARED_DATA").map(PathBuf::from) else {
        return missing("PAPERBOY_SHARED_DATA");
    };
    let file = shared.join("papers_arxiv/2025-03.jsonl.gz");
    if !file.is_file() {
        return missing("the real papers");
    }
    let db = Db::new(SqliteStore::in_memory().unwrap());
    Import::new(noon()).take_in_file(&db, &file, |_, _| {}).unwrap();
    let (count, newest) = db.run_here(|store| store.extent()).unwrap();
    round(&db, noon());
    let background = refresh_background(&db, |_| {}).unwrap();
    let (mut kept, mut searched) = (0.0, 0.0);
    let asked: Vec<PaperRow> = (1..=newest.0).step_by(1 + count as usize / 40).map(PaperRow).collect();
    for asked in db.run_here(|store| store.papers_in_rows(&asked)).unwrap() {
        let list = db.run_here(|store| store.similar_papers(asked.row)).unwrap().unwrap();
        kept += mean(&asked, &list[..8], &background);
        searched += mean(&asked, &similar(&db, &background, &asked, 8, None).unwrap(), &background);
    }
    assert!(kept >= 0.95 * searched, "kept {kept}, searched {searched}");
}

fn mean(asked: &StoredPaper, others: &[StoredPaper], background: &Background) -> f32 {
    let mut counter = TermCounter::new();
    let own = weigh(&counter.paper(&asked.paper), background);
    let all = others.iter().map(|other| likeness(&own, &weigh(&counter.paper(&other.paper), background)));
    all.sum::<f32>() / others.len() as f32
}
