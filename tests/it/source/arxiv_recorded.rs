//! What arXiv's servers and others have really answered, read file by file. The
//! counts are taken from the bytes by plain searching, not by our readers.

use crate::harness::environment::shared;
use paperboy::source::arxiv::{OaiProblem, Page, ReadError, read_answer, read_feed, read_oai};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The folder of recorded answers, if it is here.
fn recorded(folder: &str) -> Option<PathBuf> {
    shared(&format!("sources/{folder}"))
}

/// All files below a folder with their bytes, by name.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push((
                path.file_name().unwrap().to_string_lossy().into_owned(),
                std::fs::read(&path).unwrap(),
            ));
        }
    }
    all.sort();
    all
}

fn is_xml(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|extension| extension == "xml")
}

fn count(bytes: &[u8], what: &str) -> usize {
    String::from_utf8_lossy(bytes).matches(what).count()
}

#[test]
fn real_records_of_arxiv_are_read_whole() {
    let Some(folder) = recorded("oai_arxiv_hepcrawl") else {
        return;
    };
    let mut all = 0;
    for (name, bytes) in files(&folder).iter().filter(|(name, _)| is_xml(name)) {
        let page = read_oai(bytes, name).unwrap();
        assert_eq!(page.records.len(), count(bytes, "<record>"), "{name}");
        assert!(page.is_whole && page.token.is_none(), "{name}");
        for record in page.records {
            let record = record.unwrap_or_else(|unreadable| panic!("{name}: {unreadable:?}"));
            let paper = record.paper;
            all += 1;
            assert!(
                !paper.authors.is_empty() && !paper.abstract_text.is_empty(),
                "{name}: {}",
                paper.id
            );
            assert!(
                !paper.categories.is_empty() && paper.published.is_some(),
                "{name}: {}",
                paper.id
            );
            assert_eq!(record.submitted, None, "{name}: this format does not tell");
            assert!(!paper.title.contains('\n'));
        }
    }
    assert_eq!(all, 30);
}

#[test]
fn real_records_hold_what_their_authors_wrote() {
    let Some(folder) = recorded("oai_arxiv_hepcrawl") else {
        return;
    };
    let all = files(&folder);
    let (name, bytes) = all
        .iter()
        .find(|(name, _)| name == "sample_arxiv_record0.xml")
        .unwrap();
    let page = read_oai(bytes, name).unwrap();
    let paper = &page.records[0].as_ref().unwrap().paper;
    assert_eq!(
        paper.authors,
        [
            "Planck Collaboration",
            "Jieci Wang",
            "Zehua Tian",
            "Jiliang Jing",
            "Heng Fan"
        ]
    );
    assert_eq!(paper.doi.as_deref(), Some("10.1103/PhysRevD.93.016005"));
    assert_eq!(
        paper.journal.as_deref(),
        Some("Phys.Rev. D93 (2015) 016005")
    );
    assert_eq!(
        paper.categories,
        ["quant-ph", "gr-qc", "hep-th", "chao-dyn", "nlin.CD"]
    );
    assert!(!paper.withdrawn);
}

#[test]
fn answers_of_other_repositories_are_told_apart() {
    let Some(folder) = recorded("oai_sickle") else {
        return;
    };
    for (name, bytes) in files(&folder).iter().filter(|(name, _)| is_xml(name)) {
        let read = read_oai(bytes, name);
        let code = String::from_utf8_lossy(bytes)
            .split("error code=\"")
            .nth(1)
            .map(|rest| rest.split('"').next().unwrap().to_owned());
        match (code.as_deref(), read) {
            (Some("noRecordsMatch"), read) => assert_eq!(read, Err(OaiProblem::NoRecordsMatch)),
            (Some("badResumptionToken"), read) => {
                assert_eq!(read, Err(OaiProblem::BadResumptionToken));
            }
            (Some("cannotDisseminateFormat"), read) => {
                assert_eq!(read, Err(OaiProblem::CannotDisseminateFormat));
            }
            (Some(code), Err(OaiProblem::Refused { code: found, .. })) => assert_eq!(code, found),
            (None, Err(OaiProblem::NoAnswer(_))) => assert_eq!(name, "ListRecordsBroken.xml"),
            (None, Ok(page)) => {
                let deleted = count(bytes, "<header status=\"deleted\">");
                let records = count(bytes, "<record>");
                if records > 0 {
                    assert_eq!(page.records.len(), records - deleted, "{name}");
                    // Their names are none of papers.
                    assert!(page.deleted.len() <= deleted, "{name}");
                }
                // They are no papers of arXiv, and say so one by one.
                assert!(
                    page.records
                        .iter()
                        .all(|record| record.as_ref().is_err_and(|bad| !bad.reason.is_empty()))
                );
                // The last page of a list has an empty one.
                let text = String::from_utf8_lossy(bytes);
                let has_token = text
                    .split_once("</resumptionToken>")
                    .is_some_and(|(before, _)| !before.ends_with('>'));
                assert_eq!(page.token.is_some(), has_token, "{name}: {:?}", page.token);
                assert!(page.is_whole, "{name}");
            }
            (code, read) => panic!("{name}: {code:?} {read:?}"),
        }
    }
}

#[test]
fn single_records_in_dublin_core_are_read() {
    let Some(folder) = recorded("oai_dc_pyingest") else {
        return;
    };
    let mut ids = Vec::new();
    for (name, bytes) in files(&folder)
        .iter()
        .filter(|(name, _)| name.starts_with("oai_") && !name.ends_with("tagged"))
    {
        let page = read_oai(bytes, name).unwrap();
        assert_eq!((page.records.len(), page.is_whole), (1, true), "{name}");
        let paper = page.records.into_iter().next().unwrap().unwrap().paper;
        assert_eq!(paper.authors.len(), count(bytes, "<dc:creator>"), "{name}");
        assert!(!paper.abstract_text.is_empty(), "{name}");
        ids.push(paper.id.to_string());
    }
    ids.sort();
    let expected = [
        "0901.2443",
        "1711.04702",
        "1711.05739",
        "astro-ph/9501013",
        "cond-mat/9706061",
        "hep-th/0408048",
        "math/0306266",
    ];
    assert_eq!(ids, expected);
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// An answer in `arXivRaw` as arXiv's server writes it, of the rows of its test database.
fn raw_answer(papers: &BTreeMap<String, Vec<Value>>) -> String {
    let mut records = String::new();
    for (id, versions) in papers {
        let current = versions
            .iter()
            .find(|version| version["is_current"] == 1)
            .unwrap();
        let text = |key: &str| current[key].as_str().map(|text| escaped(text.trim()));
        let field = |tag: &str, key: &str| {
            text(key).map_or_else(String::new, |text| format!("<{tag}>{text}</{tag}>"))
        };
        write!(
            records,
            "<record><header><identifier>oai:arXiv.org:{id}</identifier><datestamp>2011-02-03</datestamp></header>\
             <metadata><arXivRaw xmlns=\"http://arxiv.org/OAI/arXivRaw/\"><id>{id}</id>"
        )
        .unwrap();
        for version in versions {
            let at: chrono::NaiveDateTime = chrono::NaiveDateTime::parse_from_str(
                version["created"].as_str().unwrap(),
                "%Y-%m-%d %H:%M:%S",
            )
            .unwrap();
            let flag = if version["is_withdrawn"] == 1 {
                "<source_type>I</source_type>"
            } else {
                ""
            };
            let date = at.format("%a, %d %b %Y %H:%M:%S GMT");
            write!(
                records,
                "<version version=\"v{}\"><date>{date}</date><size>1kb</size>{flag}</version>",
                version["version"]
            )
            .unwrap();
        }
        let rest = [
            field("title", "title"),
            field("authors", "authors"),
            field("categories", "abs_categories"),
            field("comments", "comments"),
            field("journal-ref", "journal_ref"),
            field("doi", "doi"),
            field("abstract", "abstract"),
        ];
        write!(records, "{}</arXivRaw></metadata></record>", rest.concat()).unwrap();
    }
    format!(
        "<?xml version=\"1.0\"?><OAI-PMH><ListRecords>{records}<resumptionToken/></ListRecords></OAI-PMH>"
    )
}

#[test]
fn versions_and_withdrawals_of_real_papers_are_read() {
    let Some(folder) = recorded("oai_arxiv_metadata") else {
        return;
    };
    let text = std::fs::read_to_string(folder.join("metadata.jsonl")).unwrap();
    let mut papers: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        papers
            .entry(row["paper_id"].as_str().unwrap().to_owned())
            .or_default()
            .push(row);
    }
    // Some histories in the database have no current version.
    papers.retain(|_, versions| versions.iter().any(|version| version["is_current"] == 1));
    let answer = raw_answer(&papers);
    let page = read_oai(answer.as_bytes(), "metadata").unwrap();
    assert!(page.is_whole && page.token.is_none());
    assert_eq!(page.records.len(), papers.len());
    let (mut withdrawn, mut expected_withdrawn) = (Vec::new(), Vec::new());
    for record in page.records {
        let record = record.unwrap();
        let (id, paper) = (record.paper.id.to_string(), record.paper);
        let versions = &papers[&id];
        let last = versions
            .iter()
            .max_by_key(|version| version["version"].as_i64())
            .unwrap();
        let first = versions
            .iter()
            .min_by_key(|version| version["version"].as_i64())
            .unwrap();
        let (number, submitted) = record.submitted.unwrap();
        assert_eq!(number as usize, versions.len(), "{id}");
        assert_eq!(
            submitted.format("%Y-%m-%d %H:%M:%S").to_string(),
            first["created"].as_str().unwrap(),
            "{id}"
        );
        assert_eq!(
            paper.version.map(i64::from),
            last["version"].as_i64(),
            "{id}"
        );
        assert!(!paper.title.is_empty() && !paper.authors.is_empty(), "{id}");
        let current = versions
            .iter()
            .find(|version| version["is_current"] == 1)
            .unwrap();
        let categories: Vec<&str> = current["abs_categories"]
            .as_str()
            .unwrap()
            .split(' ')
            .collect();
        assert_eq!(
            paper.categories.len(),
            categories.len(),
            "{id}: {:?} {categories:?}",
            paper.categories
        );
        if paper.withdrawn {
            withdrawn.push(id.clone());
        }
        let says = current["comments"]
            .as_str()
            .is_some_and(|comment| comment.to_lowercase().contains("has been withdrawn"));
        if last["is_withdrawn"] == 1 || says {
            expected_withdrawn.push(id);
        }
    }
    assert_eq!(withdrawn, expected_withdrawn);
    assert!(withdrawn.len() >= 7, "{withdrawn:?}");
}

#[test]
fn cut_off_and_spoilt_answers_cost_what_is_spoilt() {
    for folder in [
        "oai_arxiv_hepcrawl",
        "arxiv_atom",
        "arxiv_rss",
        "oai_sickle",
    ] {
        let Some(folder) = recorded(folder) else {
            return;
        };
        for (name, bytes) in files(&folder).iter().filter(|(name, _)| is_xml(name)) {
            let whole = read_oai(bytes, name).map_or(0, |page| page.records.len());
            for part in 1..12 {
                let cut = &bytes[..bytes.len() * part / 12];
                if let Ok(page) = read_oai(cut, name) {
                    assert!(!page.is_whole, "{name} {part}");
                    assert!(page.records.len() <= whole, "{name} {part}");
                }
                let _ = read_feed(cut, name);
                let _: Result<Page, ReadError> = read_answer(cut, name);
                // A byte that is no UTF-8, and a bracket too many.
                let mut spoilt = bytes.clone();
                let at = bytes.len() * part / 12;
                spoilt[at] = 0xff;
                if let Ok(page) = read_oai(&spoilt, name) {
                    assert!(
                        page.records.iter().filter(|record| record.is_err()).count() <= 1
                            || name.contains("List")
                    );
                }
                let _ = (read_feed(&spoilt, name), read_answer(&spoilt, name));
                spoilt[at] = b'<';
                let _ = (
                    read_oai(&spoilt, name),
                    read_feed(&spoilt, name),
                    read_answer(&spoilt, name),
                );
            }
        }
    }
}
