//! Titles and abstracts as sources really send them.

use crate::harness::environment::shared;
use flate2::read::MultiGzDecoder;
use paperboy::text::{clean_line, clean_text};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Title and abstract of every record of a file.
fn texts(path: &Path) -> Vec<[String; 2]> {
    let file = File::open(path).unwrap();
    let file: Box<dyn Read> = if path.extension().is_some_and(|extension| extension == "gz") {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    let lines = BufReader::new(file).lines().map(Result::unwrap);
    let field =
        |record: &serde_json::Value, key: &str| record[key].as_str().unwrap_or_default().to_owned();
    lines
        .map(|line| {
            let record: serde_json::Value = serde_json::from_str(&line).unwrap();
            [field(&record, "title"), field(&record, "abstract")]
        })
        .collect()
}

/// Every text under `"title"` and `"abstract"` in recorded answers of Crossref.
fn crossref(folder: &Path, found: &mut Vec<[String; 2]>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            crossref(&path, found);
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        for (key, at) in [("\"title\":", 0), ("\"abstract\":", 1)] {
            for rest in text.split(key).skip(1) {
                let rest = rest.trim_start().trim_start_matches('[').trim_start();
                let mut values = serde_json::Deserializer::from_str(rest).into_iter::<String>();
                if let Some(Ok(value)) = values.next() {
                    let mut record = [String::new(), String::new()];
                    record[at] = value;
                    found.push(record);
                }
            }
        }
    }
}

/// Whether a backslash is followed by a letter, as the name of a macro is.
fn holds_macro(text: &str) -> bool {
    text.split('\\')
        .skip(1)
        .any(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()))
}

#[test]
fn of_real_records_with_formulas_hardly_any_keeps_a_macro() {
    let wanted = [
        "papers_arxiv_abs.jsonl",
        "papers_hf_daily.jsonl.gz",
        "papers_arxiv",
        "sources",
    ]
    .map(shared);
    let [Some(abstracts), Some(daily), Some(months), Some(sources)] = wanted else {
        return;
    };
    let months = std::fs::read_dir(months)
        .unwrap()
        .map(|month| month.unwrap().path());
    let mut files = vec![abstracts, daily];
    files.extend(months.filter(|path| path.to_string_lossy().contains(".jsonl")));
    let mut records: Vec<[String; 2]> = files.iter().flat_map(|path| texts(path)).collect();
    for folder in ["crossref_habanero", "crossref_hepcrawl"] {
        crossref(&sources.join(folder), &mut records);
    }
    let (mut with_math, mut kept, mut with_tags) = (0_u32, Vec::new(), Vec::new());
    for [title, text] in &records {
        if !(title.contains(['\\', '$', '<']) || text.contains(['\\', '$', '<'])) {
            continue;
        }
        with_math += 1;
        let clean = format!("{}\n{}", clean_line(title), clean_text(text));
        if holds_macro(&clean) {
            kept.push(clean.clone());
        }
        if ["<jats:", "<mml:", "</", "<math"]
            .iter()
            .any(|tag| clean.contains(tag))
        {
            with_tags.push(clean);
        }
    }
    println!(
        "{} records, {with_math} with markup, {} keep a macro, {} a tag",
        records.len(),
        kept.len(),
        with_tags.len()
    );
    let most = f64::from(with_math) * 0.005;
    assert!(
        (kept.len() as f64) < most,
        "{} of {with_math}: {:#?}",
        kept.len(),
        &kept[..kept.len().min(5)]
    );
    assert!(
        (with_tags.len() as f64) < most,
        "{} of {with_math}: {:#?}",
        with_tags.len(),
        &with_tags[..with_tags.len().min(5)]
    );
}
