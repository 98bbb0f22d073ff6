//! Recorded responses of sources in files, recognized by their content.
//!
//! Feeds of any kind, responses of arXiv (feed, API, OAI-PMH), days of Hugging Face, sets
//! of `PubMed` records. Everything else is JSON lines ([`super::jsonl`]).

use super::jsonl::unpacked;
use super::{Record, Unreadable, arxiv, charset, feed, huggingface, pubmed};
use crate::paper::Paper;
use chrono::NaiveDate;
use serde_json::Value;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;

/// Largest response that is read, decompressed: some ten times the largest feed.
const BYTES_MAX: u64 = 64 << 20;

/// Bytes that are enough to recognize a file.
const HEAD_BYTES: usize = 4_000;

/// The records of a recorded response; `None` if the file does not begin like one. No paper
/// is announced later than `today`: journals use future dates.
pub fn read_file(path: &Path, today: NaiveDate) -> io::Result<Option<Vec<Record>>> {
    let mut file = unpacked(BufReader::with_capacity(1 << 16, File::open(path)?))?;
    if !begins_like_an_answer(file.fill_buf()?) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    let invalid = |why| io::Error::new(io::ErrorKind::InvalidData, why);
    if bytes.len() as u64 > BYTES_MAX {
        return Err(invalid(format!(
            "longer than any answer ({} MB)",
            BYTES_MAX >> 20
        )));
    }
    let place = path.display().to_string();
    // The caller adds the name of the file.
    let without_place = |why: String| {
        why.strip_prefix(&format!("{place} "))
            .map_or(why.clone(), str::to_owned)
    };
    read(&bytes, &place, today)
        .map(Some)
        .map_err(|why| invalid(without_place(why)))
}

/// Whether a file begins like markup, a list, or a JSON Feed.
fn begins_like_an_answer(start: &[u8]) -> bool {
    let head = charset::decode(&start[..start.len().min(HEAD_BYTES)], None);
    let head = beginning(&head);
    head.starts_with(['<', '['])
        || (head.starts_with('{')
            && head.contains("\"version\"")
            && head.contains("jsonfeed.org/version/"))
}

fn beginning(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\0')
}

/// The records of a response. The error says what it is instead.
pub fn read(bytes: &[u8], place: &str, today: NaiveDate) -> Result<Vec<Record>, String> {
    let text = charset::decode(&bytes[..bytes.len().min(HEAD_BYTES)], None);
    let head = beginning(&text);
    if head.starts_with('[') {
        return list(bytes, place);
    }
    if head.contains("<PubmedArticleSet") || head.contains("<eFetchResult") {
        let papers = pubmed::read(bytes, None, place)?;
        return Ok(papers.into_iter().map(Record::from).collect());
    }
    let mut answer = Err(String::new());
    if head.contains("arxiv.org") || head.contains("<OAI-PMH") {
        answer = arxiv::records(bytes, place);
        let holds_papers = |records: &Vec<Record>| {
            records
                .iter()
                .any(|record| matches!(record, Record::Paper(_)))
        };
        if head.contains("<OAI-PMH") || answer.as_ref().is_ok_and(holds_papers) {
            return answer;
        }
    }
    // Perhaps a feed that only mentions arXiv.
    match (feed::read(bytes, None, place), answer) {
        (Ok(items), Ok(records)) if items.entries.is_empty() => Ok(records),
        (Ok(items), _) => {
            let cut = (!items.is_whole).then(|| Err(cut_off(place)));
            let dated = |item: feed::Item| Paper {
                announced: item.date.map(|date| date.min(today)),
                ..item.paper
            };
            let papers = items.entries.into_iter().map(|entry| entry.map(dated));
            Ok(papers.chain(cut).map(Record::from).collect())
        }
        (Err(why), Err(other)) => Err(if other.is_empty() { why } else { other }),
        (Err(_), records) => records,
    }
}

/// Records of Hugging Face, each with its day.
fn list(bytes: &[u8], place: &str) -> Result<Vec<Record>, String> {
    let answer: Value = serde_json::from_slice(bytes)
        .map_err(|error| format!("{place} begins like a list of JSON, and breaks: {error}"))?;
    let records = answer.as_array().map(Vec::as_slice).unwrap_or_default();
    if !records.is_empty()
        && !records
            .iter()
            .any(|record| record.pointer("/paper/id").is_some())
    {
        return Err(format!(
            "{place} holds a list that is not one of Hugging Face's; papers are imported as one JSON object a line"
        ));
    }
    Ok(huggingface::read_dated(records, place)
        .into_iter()
        .map(Record::from)
        .collect())
}

pub(super) fn cut_off(place: &str) -> Unreadable {
    let reason = "the document breaks off here".to_owned();
    Unreadable {
        place: place.to_owned(),
        reason,
        record: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `id day` of each paper, `- reason` of what was set aside; or the error.
    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let today = "2026-08-10".parse().unwrap();
        let seen = match read(text.as_bytes(), "x", today) {
            Ok(records) => records
                .into_iter()
                .map(|record| match record {
                    Record::Paper(paper) => {
                        let day = paper
                            .announced
                            .map_or_else(|| "-".to_owned(), |day| day.to_string());
                        format!("{} {day}", paper.id)
                    }
                    Record::Unreadable(unreadable) => format!("- {}", unreadable.reason),
                })
                .collect(),
            Err(why) => vec![why],
        };
        assert_eq!(seen, expected, "{text}");
        assert!(begins_like_an_answer(text.as_bytes()));
    }

    #[test]
    fn a_response_is_recognized_by_its_content() {
        let item = |link: &str, date: &str| {
            format!(
                "<item><title>Ants</title><link>https://{link}</link><pubDate>{date}</pubDate></item>"
            )
        };
        let rss = |items: &str| format!("<rss><channel><title>J</title>{items}</channel></rss>");
        let doi = item("doi.org/10.1000/a", "Tue, 04 Aug 2026 07:00:00 GMT");
        check(&rss(&doi), &["10.1000/a 2026-08-04"]);
        check(
            &rss(&item("doi.org/10.1000/a", "Tue, 01 Dec 2026 07:00:00 GMT")),
            &["10.1000/a 2026-08-10"],
        );
        // A journal that speaks of arXiv.
        let speaks = doi.replace("Ants", "Ants, see https://arxiv.org/abs/2608.00001");
        check(&rss(&speaks), &["10.1000/a 2026-08-04"]);
        check(
            r#"{"version": "https://jsonfeed.org/version/1.1", "items": [
                {"id": "https://doi.org/10.1000/b", "title": "Bees", "date_published": "2026-08-05T10:00:00Z"}]}"#,
            &["10.1000/b 2026-08-05"],
        );
        check(
            r#"[{"paper": {"id": "2608.00001", "title": "Wasps", "submittedOnDailyAt": "2026-08-06T00:25:14.164Z",
                "publishedAt": "2026-08-01T00:00:00Z"}}, {"paper": {"id": "2608.00002"}}]"#,
            &["2608.00001 2026-08-06", "- no title in it"],
        );
        check(
            "<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>1</PMID><Article><ArticleTitle>Flies</ArticleTitle>\
             </Article></MedlineCitation><PubmedData><History><PubMedPubDate PubStatus=\"entrez\"><Year>2026</Year>\
             <Month>8</Month><Day>7</Day></PubMedPubDate></History></PubmedData></PubmedArticle></PubmedArticleSet>",
            &["pmid:1 2026-08-07"],
        );
        check(
            "<html><body>Please log in</body></html>",
            &["x answers with <html>, which is no feed"],
        );
        check(
            "[1, 2]",
            &[
                "x holds a list that is not one of Hugging Face's; papers are imported as one JSON object a line",
            ],
        );
        check("[]", &[]);
    }

    #[test]
    fn json_lines_are_not_a_recorded_response() {
        for text in [
            r#"{"id": "2608.00001", "version": 2}"#,
            "",
            "{",
            "\u{1f}\u{8b}",
        ] {
            assert!(!begins_like_an_answer(text.as_bytes()), "{text:?}");
        }
    }
}
