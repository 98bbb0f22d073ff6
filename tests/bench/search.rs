//! How quickly papers are found: beside bare FTS5, on real papers.
//!
//! `cargo bench --bench search`; says "skipped" where the papers are missing.
//! `PAPERBOY_BENCH_PAPERS` limits how many are taken in.

#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on says so by panicking"
)]
#![expect(clippy::print_stdout, reason = "a measurement prints what it measured")]

use paperboy::archive::search;
use paperboy::archive::{SimilarityIndex, refresh_background, similar_papers};
use paperboy::clock::{Clock, SystemClock};
use paperboy::intake::Import;
use paperboy::paper::query::SearchQuery;
use paperboy::profile::features::{own_term, people, weigh};
use paperboy::profile::library::read_library;
use paperboy::profile::{Background, Features, Group, TermCounter};
use paperboy::ranking::similar::likeness;
use paperboy::store::sqlite::SqliteStore;
use paperboy::store::{Db, PaperRow, StoredPaper};
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Similar papers on a page.
const FIRST: usize = 8;

fn main() {
    let shared = std::env::var_os("PAPERBOY_SHARED_DATA").map(PathBuf::from);
    let shared =
        shared.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"));
    let Ok(entries) = std::fs::read_dir(shared.join("papers_arxiv")) else {
        println!("skipped: no papers");
        return;
    };
    let most: u64 = std::env::var("PAPERBOY_BENCH_PAPERS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(60_000);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.db");
    let db = Db::new(SqliteStore::migrate(&path).unwrap().0);
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut import = Import::new(SystemClock.now());
    for file in files {
        if db.run_here(|store| store.count_papers()).unwrap() < most {
            import.take_in_file(&db, &file, |_, _| {}).unwrap();
        }
    }
    let background = refresh_background(&db, |_| {}).unwrap();
    let count = db.run_here(|store| store.count_papers()).unwrap();
    println!("{count} papers");

    // Queries as people type them: two words of one title, all different.
    let step = (count / 400).max(1) as usize;
    let rows: Vec<PaperRow> = (1..=count as i64).step_by(step).map(PaperRow).collect();
    let papers = db.run_here(|store| store.papers_in_rows(&rows)).unwrap();
    let queries: Vec<String> = papers
        .iter()
        .filter_map(|stored| {
            let title = &stored.paper.title;
            let words = title
                .split(|c: char| !c.is_ascii_alphabetic())
                .filter(|word| word.len() > 4);
            let words: Vec<&str> = words.take(2).collect();
            (words.len() == 2).then(|| words.join(" "))
        })
        .collect();
    let bare = rusqlite::Connection::open(&path).unwrap();
    bare.pragma_update(None, "cache_size", -16_384).unwrap();
    let mut statement = bare
        .prepare("SELECT rowid FROM papers_text WHERE papers_text MATCH ?1 ORDER BY rank LIMIT 20")
        .unwrap();
    // Both once before, so that neither reads the disk for the other.
    for timed in [false, true] {
        let start = Instant::now();
        let mut found = 0;
        for query in &queries {
            let rows = statement
                .query_map([query], |row| row.get::<_, i64>(0))
                .unwrap();
            found += rows.count();
        }
        let bare_seconds = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let mut ours = 0;
        for query in &queries {
            ours += search(&db, &SearchQuery::parse(query), 0, 20, None)
                .unwrap()
                .papers
                .len();
        }
        let seconds = start.elapsed().as_secs_f64();
        if timed {
            let per_second = |seconds: f64| queries.len() as f64 / seconds;
            println!(
                "search: {:.0} queries/s ({ours} papers), bare FTS5 {:.0} ({found} rows): ratio {:.2}",
                per_second(seconds),
                per_second(bare_seconds),
                bare_seconds / seconds
            );
        }
    }

    like_papers(&db, &background, &papers);

    let library =
        shared.join("sources/biblio_zotero_bbt/import/Unabbreviate on import #1436-3.bib");
    if let Ok(bytes) = std::fs::read(library) {
        let start = Instant::now();
        let read = read_library(&bytes).unwrap();
        println!(
            "library: {} entries in {:.2} s",
            read.read,
            start.elapsed().as_secs_f64()
        );
    }
}

/// How quickly similar papers are found, and whether they are as like as those that
/// comparing a paper with every other one finds.
fn like_papers(db: &Db, background: &Background, papers: &[StoredPaper]) {
    let start = Instant::now();
    let index = SimilarityIndex::read(db).unwrap();
    let read = start.elapsed();
    let mut found = Vec::new();
    let mut times: Vec<Duration> = papers
        .iter()
        .map(|stored| {
            let start = Instant::now();
            found.push(similar_papers(db, &index, stored, FIRST, None).unwrap());
            start.elapsed()
        })
        .collect();
    times.sort();
    println!(
        "similar: median {:.2} ms, 95th percentile {:.2} ms; signatures read in {:.2} s",
        times[times.len() / 2].as_secs_f64() * 1e3,
        times[times.len() * 95 / 100].as_secs_f64() * 1e3,
        read.as_secs_f64()
    );

    let mut after = PaperRow(0);
    let mut all: Vec<(PaperRow, Features)> = Vec::new();
    loop {
        let batch = db
            .run_here(|store| store.papers_after(after, 2_000))
            .unwrap();
        let Some(last) = batch.last() else { break };
        after = last.row;
        all.par_extend(
            batch
                .par_iter()
                .map_init(TermCounter::new, |counter, stored| {
                    let features = weigh(&counter.paper(&stored.paper), background);
                    (
                        stored.row,
                        by_person(&features, &people(&stored.paper.authors)),
                    )
                }),
        );
    }
    let mean = |asked: &StoredPaper, others: &[PaperRow]| {
        let of = |row: PaperRow| &all[all.binary_search_by_key(&row, |(row, _)| *row).unwrap()].1;
        let likeness: Vec<f32> = others
            .iter()
            .map(|other| likeness(of(asked.row), of(*other)))
            .collect();
        likeness.iter().sum::<f32>() / likeness.len().max(1) as f32
    };
    let (mut ours, mut best, mut both) = (0.0, 0.0, 0);
    for (asked, found) in papers.iter().zip(&found) {
        let own = &all[all
            .binary_search_by_key(&asked.row, |(row, _)| *row)
            .unwrap()]
        .1;
        let mut order: Vec<(f32, PaperRow)> = all
            .par_iter()
            .map(|(row, features)| (likeness(own, features), *row))
            .collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0));
        let order: Vec<PaperRow> = order
            .into_iter()
            .map(|(_, row)| row)
            .filter(|row| *row != asked.row)
            .collect();
        let found: Vec<PaperRow> = found.iter().map(|stored| stored.row).collect();
        best += mean(asked, &order[..found.len()]);
        both += found
            .iter()
            .filter(|row| order[..found.len()].contains(row))
            .count();
        ours += mean(asked, &found);
    }
    println!(
        "mean likeness of the first {FIRST}: {:.1} % of the most there is; {:.1} of them are among the most like",
        100.0 * ours / best,
        both as f64 / papers.len() as f64
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
