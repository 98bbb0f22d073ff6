//! Vectors in the store: order, completeness, and models that are never mixed.

use crate::harness::tiny_models;
use chrono::{DateTime, NaiveDate, Utc};
use paperboy::archive::VectorSearch as _;
use paperboy::archive::{ActiveEmbedder, StoredVectors, VectorError, refresh_vectors};
use paperboy::embedding::Embedder;
use paperboy::model;
use paperboy::paper::Paper;
use paperboy::store::sqlite::SqliteStore;
use paperboy::store::{Db, NewVector, PaperRow, PaperStore as _, VectorStore};
use std::path::Path;
use std::sync::Arc;

fn now() -> DateTime<Utc> {
    "2026-08-05T06:00:00Z".parse().unwrap()
}

fn paper(number: u32, title: &str) -> Paper {
    Paper {
        abstract_text: "Rings. Fields.".to_owned(),
        announced: NaiveDate::from_ymd_opt(2026, 8, 1 + number % 4),
        ..Paper::new(
            format!("2608.{number:05}").parse().unwrap(),
            title.to_owned(),
        )
    }
}

fn store(papers: u32) -> SqliteStore {
    let mut store = SqliteStore::in_memory().unwrap();
    let papers: Vec<Paper> = (1..=papers)
        .map(|number| paper(number, &format!("Ring graph {number}")))
        .collect();
    store.take_in("file", &papers, now()).unwrap();
    store
}

fn table(folder: &Path, name: &str, seed: u64) -> Arc<dyn Embedder> {
    let from = folder.join("from").join(name);
    tiny_models::table(&from, seed);
    model::copy(&from, &folder.join("models"), name).unwrap();
    model::open_installed(&folder.join("models"), name).unwrap()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn the_newest_papers_get_their_vectors_first() {
    let mut store = store(9);
    store.begin_model("m", "M", now()).unwrap();
    let all = store.vectors_missing("m", None, 100).unwrap();
    let order: Vec<_> = all
        .iter()
        .map(|stored| (stored.paper.announced, stored.row))
        .collect();
    assert!(order.windows(2).all(|pair| pair[0] > pair[1]), "{order:?}");
    assert_eq!(all.len(), 9);
    let first = store.vectors_missing("m", None, 4).unwrap();
    let rest = store.vectors_missing("m", first.last(), 100).unwrap();
    assert_eq!([first, rest].concat(), all);
}

#[test]
fn papers_without_a_day_come_last_and_are_not_forgotten() {
    let mut store = store(3);
    let undated = [50, 51].map(|number| Paper {
        announced: None,
        ..paper(number, "Without a day")
    });
    store.take_in("file", &undated, now()).unwrap();
    store.begin_model("m", "M", now()).unwrap();
    let mut seen = Vec::new();
    let mut last = None;
    while let Some(next) = store.vectors_missing("m", last.as_ref(), 1).unwrap().pop() {
        seen.push(next.paper.announced.is_some());
        last = Some(next);
    }
    assert_eq!(seen, [true, true, true, false, false]);
}

#[test]
fn vectors_come_back_in_the_order_they_are_asked_for() {
    let mut store = store(3);
    store.begin_model("m", "M", now()).unwrap();
    let papers = store.vectors_missing("m", None, 2).unwrap();
    let vectors = [[0.6_f32, 0.8, 0.0], [0.0, 0.0, 0.0]];
    let new: Vec<NewVector<'_>> = papers
        .iter()
        .zip(&vectors)
        .map(|(paper, vector)| NewVector { paper, vector })
        .collect();
    assert_eq!(store.save_vectors("m", &new).unwrap(), 2);
    assert_eq!(store.count_vectors_missing("m").unwrap(), 1);
    let rows = [PaperRow(99), papers[1].row, papers[0].row];
    let found = store.vectors("m", &rows).unwrap();
    assert_eq!(found[0], None);
    assert_eq!(found[1].as_deref(), Some(&[0.0, 0.0, 0.0][..]));
    assert!(cosine(found[2].as_deref().unwrap(), &vectors[0]) > 0.9999);
    assert_eq!(store.vectors("other", &rows).unwrap(), [None, None, None]);
}

#[test]
fn a_paper_that_changes_loses_its_vector() {
    let mut store = store(2);
    store.begin_model("m", "M", now()).unwrap();
    let papers = store.vectors_missing("m", None, 10).unwrap();
    let new: Vec<NewVector<'_>> = papers
        .iter()
        .map(|paper| NewVector {
            paper,
            vector: &[1.0],
        })
        .collect();
    store.save_vectors("m", &new).unwrap();
    let mut changed = papers[0].paper.clone();
    changed.upvotes = Some(7);
    store.take_in("file", &[changed.clone()], now()).unwrap();
    assert_eq!(
        store.count_vectors_missing("m").unwrap(),
        0,
        "votes are no text"
    );
    changed.abstract_text.push_str(" And graphs.");
    changed.version = Some(2);
    store.take_in("file", &[changed], now()).unwrap();
    let missing = store.vectors_missing("m", None, 10).unwrap();
    assert_eq!(
        missing.iter().map(|stored| stored.row).collect::<Vec<_>>(),
        [papers[0].row]
    );
    // A vector of the text before the change is dropped.
    assert_eq!(store.save_vectors("m", &new[..1]).unwrap(), 0);
    assert_eq!(store.count_vectors_missing("m").unwrap(), 1);
}

#[test]
fn a_switch_shows_the_old_vectors_until_it_is_done_and_none_after() {
    let place = tempfile::tempdir().unwrap();
    let (one, two) = (table(place.path(), "one", 1), table(place.path(), "two", 2));
    assert_ne!(one.name(), two.name());
    let models = place.path().join("models");
    let db = Db::new(store(150));
    let rows: Vec<PaperRow> = (1..=150).map(PaperRow).collect();
    let vectors = |of: &str| db.run_here(|store| store.vectors(of, &rows)).unwrap();
    let active = ActiveEmbedder::new(&models);
    assert!(active.get(&db).unwrap().is_none());

    db.run_here(|store| store.begin_model(one.name(), "one", now()))
        .unwrap();
    assert_eq!(refresh_vectors(&db, &*one, |_| true).unwrap(), 150);
    assert!(
        active.get(&db).unwrap().is_none(),
        "it is not the active one yet"
    );
    assert!(
        db.run_here(|store| store.activate_model(one.name()))
            .unwrap()
    );
    assert_eq!(active.get(&db).unwrap().unwrap().name(), one.name());
    let before = vectors(one.name());

    // The switch is interrupted after the first part.
    db.run_here(|store| store.begin_model(two.name(), "two", now()))
        .unwrap();
    let part = refresh_vectors(&db, &*two, |_| false).unwrap();
    assert!(part > 0 && part < 150);
    assert_eq!(active.get(&db).unwrap().unwrap().name(), one.name());
    assert_eq!(vectors(one.name()), before);
    assert_eq!(vectors(two.name()).iter().flatten().count() as u64, part);

    // It continues from there.
    assert_eq!(refresh_vectors(&db, &*two, |_| true).unwrap(), 150 - part);
    assert!(
        db.run_here(|store| store.activate_model(two.name()))
            .unwrap()
    );
    assert_eq!(active.get(&db).unwrap().unwrap().name(), two.name());
    assert!(vectors(one.name()).iter().all(Option::is_none));
    let papers = db
        .run_here(|store| store.papers_after(PaperRow(0), 200))
        .unwrap();
    let made = two.embed(
        &papers
            .iter()
            .map(|stored| &stored.paper)
            .collect::<Vec<_>>(),
    );
    for (stored, made) in vectors(two.name()).iter().zip(&made) {
        assert!(cosine(stored.as_deref().unwrap(), made) > 0.9999);
    }
    // A process that still uses the old model stores nothing.
    let late = [NewVector {
        paper: &papers[0],
        vector: &[1.0; 8],
    }];
    assert_eq!(
        db.run_here(|store| store.save_vectors(one.name(), &late))
            .unwrap(),
        0
    );
    assert!(
        !db.run_here(|store| store.activate_model(one.name()))
            .unwrap()
    );
    assert_eq!(db.run_here(|store| store.models()).unwrap().len(), 1);
}

#[test]
fn files_that_were_exchanged_are_noticed() {
    let place = tempfile::tempdir().unwrap();
    let one = table(place.path(), "one", 1);
    let models = place.path().join("models");
    let db = Db::new(store(1));
    db.run_here(|store| store.begin_model(one.name(), "one", now()))
        .unwrap();
    db.run_here(|store| store.activate_model(one.name()))
        .unwrap();
    // Another model, installed under the same name.
    std::fs::remove_dir_all(models.join("one")).unwrap();
    tiny_models::table(&place.path().join("other"), 3);
    model::copy(&place.path().join("other"), &models, "one").unwrap();
    assert!(matches!(
        ActiveEmbedder::new(&models).get(&db),
        Err(VectorError::Another { .. })
    ));
    // A modified file.
    std::fs::write(
        models.join("one/model.safetensors"),
        tiny_models::table_weights(4),
    )
    .unwrap();
    let error = model::open_installed(&models, "one")
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("model.safetensors has changed since"),
        "{error}"
    );
    std::fs::remove_dir_all(models.join("one")).unwrap();
    let error = ActiveEmbedder::new(&models).get(&db).err().unwrap();
    assert!(error.to_string().contains("model use none"), "{error}");
}

#[test]
fn reading_the_vectors_of_a_day_takes_milliseconds() {
    let mut store = store(1500);
    store.begin_model("m", "M", now()).unwrap();
    let papers = store.vectors_missing("m", None, 1500).unwrap();
    let vector = tiny_models::numbers(1, 384);
    let new: Vec<NewVector<'_>> = papers
        .iter()
        .map(|paper| NewVector {
            paper,
            vector: &vector,
        })
        .collect();
    store.save_vectors("m", &new).unwrap();
    let rows: Vec<PaperRow> = papers.iter().map(|stored| stored.row).collect();
    let began = std::time::Instant::now();
    let found = store.vectors("m", &rows).unwrap();
    let took = began.elapsed();
    eprintln!("1,500 vectors of 384 numbers read in {took:?}");
    assert_eq!(found.iter().flatten().count(), 1500);
    // Twenty times what a release build needs: this one is not optimised, and others work here,
    // too.
    assert!(took < std::time::Duration::from_secs(2), "{took:?}");
}

#[test]
fn nearest_papers_are_those_of_the_stored_vectors() {
    let place = tempfile::tempdir().unwrap();
    let one = table(place.path(), "one", 1);
    let db = Db::new(store(300));
    let asked = paper(7, "Ring graph 7");
    let nearest = StoredVectors::new(&db, Arc::clone(&one));
    assert!(nearest.nearest(&asked, 5).is_empty(), "there are none yet");
    db.run_here(|store| store.begin_model(one.name(), "one", now()))
        .unwrap();
    refresh_vectors(&db, &*one, |_| true).unwrap();

    let rows: Vec<PaperRow> = (1..=300).map(PaperRow).collect();
    let vectors = db
        .run_here(|store| store.vectors(one.name(), &rows))
        .unwrap();
    let own = one.embed(&[&asked]).remove(0);
    let cosine_of = |row: PaperRow| cosine(&own, vectors[row.0 as usize - 1].as_ref().unwrap());
    let found = nearest.nearest(&asked, 20);
    assert_eq!(found.len(), 20);
    let least = found
        .iter()
        .map(|row| cosine_of(*row))
        .fold(f32::MAX, f32::min);
    let better = rows
        .iter()
        .filter(|row| !found.contains(row) && cosine_of(**row) > least + 0.01)
        .count();
    assert_eq!(better, 0, "nothing nearer was passed over");
    assert!(
        found
            .windows(2)
            .all(|two| cosine_of(two[0]) > cosine_of(two[1]) - 0.01),
        "nearest first"
    );
}
