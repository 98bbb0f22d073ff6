//! Writes papers as BibTeX, RIS and CSL-JSON for reference managers.
//!
//! No title or name can break out of its entry: in BibTeX all special signs of TeX are
//! escaped, in RIS every value is one line.

use crate::paper::{Paper, PaperId, Registry};
use crate::text::{clean_line, family_name, fold, is_group};
use chrono::{Datelike, NaiveDate};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fmt::Write as _;

/// A name in two parts, or that of a group.
enum AuthorName<'a> {
    Person { family: &'a str, given: &'a str },
    Whole(&'a str),
}

fn name(whole: &str) -> AuthorName<'_> {
    let is_group = is_group(whole) || whole.contains(',') || fold(whole).contains(" and ");
    // The family name as it is spelt: the shortest end that folds to it, alone or with a part
    // joined by a hyphen (El-Naggar).
    let family = family_name(whole);
    let joined = format!(" {family}");
    let mut ends = whole
        .char_indices()
        .rev()
        .filter(|(_, c)| c.is_whitespace())
        .map(|(at, c)| at + c.len_utf8());
    let start = ends.find(|at| {
        let end = fold(&whole[*at..]);
        end == family || end.ends_with(&joined)
    });
    match start {
        Some(at) if !is_group && !family.is_empty() => AuthorName::Person {
            family: &whole[at..],
            given: whole[..at].trim_end(),
        },
        _ => AuthorName::Whole(whole),
    }
}

/// The day on which a paper was published, else announced.
fn day(paper: &Paper) -> Option<NaiveDate> {
    paper
        .published
        .map(|at| at.date_naive())
        .or(paper.announced)
}

/// Its DOI as the source gave it.
fn doi(paper: &Paper) -> Option<String> {
    let names = std::iter::once(&paper.id).chain(&paper.same_as);
    let named = names
        .filter(|id| matches!(id.registry(), Registry::Doi | Registry::Preprint))
        .map(ToString::to_string);
    paper.doi.clone().or_else(|| named.into_iter().next())
}

fn arxiv(paper: &Paper) -> Option<&PaperId> {
    std::iter::once(&paper.id)
        .chain(&paper.same_as)
        .find(|id| id.is_arxiv())
}

/// Writes BibTeX.
pub fn to_bibtex(papers: &[&Paper]) -> String {
    let (mut out, mut keys) = (String::new(), HashSet::new());
    for paper in papers {
        let kind = if paper.journal.is_some() {
            "article"
        } else {
            "misc"
        };
        let _ = writeln!(out, "@{kind}{{{},", key(paper, &mut keys));
        let mut field = |name: &str, value: &str| {
            let _ = writeln!(out, "  {name} = {{{value}}},");
        };
        // The inner braces keep the capitals of the title.
        field("title", &format!("{{{}}}", tex(&clean_line(&paper.title))));
        let authors: Vec<String> = paper
            .authors
            .iter()
            .map(|author| match name(author) {
                AuthorName::Person { family, given: "" } => format!("{{{}}}", tex(family)),
                AuthorName::Person { family, given } => format!("{}, {}", tex(family), tex(given)),
                AuthorName::Whole(whole) => format!("{{{}}}", tex(&clean_line(whole))),
            })
            .collect();
        if !authors.is_empty() {
            field("author", &authors.join(" and "));
        }
        if let Some(day) = day(paper) {
            field("year", &day.year().to_string());
            field("month", &day.month().to_string());
        }
        if let Some(journal) = &paper.journal {
            field("journal", &tex(&clean_line(journal)));
        }
        if let Some(id) = arxiv(paper) {
            field("eprint", id.as_str());
            field("archiveprefix", "arXiv");
            if let Some(class) = paper.categories.first() {
                field("primaryclass", &tex(class));
            }
        }
        if let Some(doi) = doi(paper) {
            field("doi", &tex(&clean_line(&doi)));
        }
        if let Some(url) = paper.link() {
            field("url", &tex(&clean_line(&url)));
        }
        if !paper.abstract_text.is_empty() {
            field("abstract", &tex(&clean_line(&paper.abstract_text)));
        }
        out.push_str("}\n\n");
    }
    out
}

/// The citation key, `noether1918invariante`; a second entry with it gets `-2`.
fn key(paper: &Paper, taken: &mut HashSet<String>) -> String {
    let letters = |text: &str| -> String {
        text.chars()
            .filter(char::is_ascii_alphanumeric)
            .take(24)
            .collect()
    };
    let author = paper
        .authors
        .first()
        .map(|name| letters(&family_name(name)))
        .unwrap_or_default();
    let year = day(paper)
        .map(|day| day.year().to_string())
        .unwrap_or_default();
    let title = fold(&paper.title);
    let word = letters(
        title
            .split(' ')
            .find(|word| word.len() > 3)
            .unwrap_or_default(),
    );
    let mut key = format!("{author}{year}{word}");
    if key.is_empty() {
        "paper".clone_into(&mut key);
    }
    let first = key.clone();
    let mut number = 1;
    while !taken.insert(key.clone()) {
        number += 1;
        key = format!("{first}-{number}");
    }
    key
}

/// Escapes text for TeX. BibTeX counts braces even behind a backslash, so they are written by
/// name.
fn tex(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("{\\textbackslash}"),
            '{' => out.push_str("{\\textbraceleft}"),
            '}' => out.push_str("{\\textbraceright}"),
            '~' => out.push_str("{\\textasciitilde}"),
            '^' => out.push_str("{\\textasciicircum}"),
            '%' | '&' | '#' | '_' | '$' => {
                out.push('\\');
                out.push(c);
            }
            // An `@` at the start of a line begins an entry; values are one line.
            _ => out.push(c),
        }
    }
    out
}

/// Writes RIS.
pub fn to_ris(papers: &[&Paper]) -> String {
    let mut out = String::new();
    for paper in papers {
        let mut line = |tag: &str, value: &str| {
            let _ = write!(out, "{tag}  - {}\r\n", clean_line(value));
        };
        line(
            "TY",
            if paper.journal.is_some() {
                "JOUR"
            } else {
                "UNPB"
            },
        );
        line("TI", &paper.title);
        for author in &paper.authors {
            match name(author) {
                AuthorName::Person { family, given } if !given.is_empty() => {
                    line("AU", &format!("{family}, {given}"));
                }
                AuthorName::Person { family: whole, .. } | AuthorName::Whole(whole) => {
                    line("AU", whole);
                }
            }
        }
        if let Some(day) = day(paper) {
            line("PY", &day.year().to_string());
            line("DA", &day.format("%Y/%m/%d").to_string());
        }
        if let Some(journal) = &paper.journal {
            line("T2", journal);
        }
        if let Some(doi) = doi(paper) {
            line("DO", &doi);
        }
        if let Some(id) = arxiv(paper) {
            line("AN", &format!("arXiv:{id}"));
        }
        if let Some(url) = paper.link() {
            line("UR", &url);
        }
        for category in &paper.categories {
            line("KW", category);
        }
        if !paper.abstract_text.is_empty() {
            line("AB", &paper.abstract_text);
        }
        out.push_str("ER  - \r\n\r\n");
    }
    out
}

/// Writes indented CSL-JSON.
pub fn to_csl_json(papers: &[&Paper]) -> String {
    let items: Vec<Value> = papers.iter().map(|paper| csl(paper)).collect();
    serde_json::to_string_pretty(&items).expect("texts and numbers have a JSON form")
}

fn csl(paper: &Paper) -> Value {
    let authors: Vec<Value> = paper
        .authors
        .iter()
        .map(|author| match name(author) {
            AuthorName::Person { family, given } if !given.is_empty() => {
                json!({ "family": family, "given": given })
            }
            AuthorName::Person { family: whole, .. } | AuthorName::Whole(whole) => {
                json!({ "literal": whole })
            }
        })
        .collect();
    let mut item = json!({
        "id": paper.id.as_str(),
        "type": if paper.journal.is_some() { "article-journal" } else { "article" },
        "title": paper.title,
        "author": authors,
    });
    let mut set = |key: &str, value: Value| {
        item[key] = value;
    };
    if let Some(day) = day(paper) {
        set(
            "issued",
            json!({ "date-parts": [[day.year(), day.month(), day.day()]] }),
        );
    }
    if let Some(journal) = &paper.journal {
        set("container-title", json!(journal));
    }
    if let Some(id) = arxiv(paper) {
        set("number", json!(format!("arXiv:{id}")));
        if paper.journal.is_none() {
            set("publisher", json!("arXiv"));
        }
    }
    if let Some(doi) = doi(paper) {
        set("DOI", json!(doi));
    }
    if let Some(url) = paper.link() {
        set("URL", json!(url));
    }
    if !paper.abstract_text.is_empty() {
        set("abstract", json!(paper.abstract_text));
    }
    item
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::library::read_library;

    fn paper(id: &str, title: &str, authors: &[&str]) -> Paper {
        Paper {
            abstract_text: "First.\n\nTY  - JOUR\n@article{x, title = {y}}\nER  - ".to_owned(),
            authors: authors.iter().map(|name| (*name).to_owned()).collect(),
            announced: NaiveDate::from_ymd_opt(2026, 8, 4),
            doi: Some("10.1000/a_b(1)%20&c".to_owned()),
            ..Paper::new(id.parse().unwrap(), title.to_owned())
        }
    }

    #[test]
    fn a_name_with_a_hyphen_has_two_parts_too() {
        for (whole, wanted) in [
            ("Nadine El-Naggar", "El-Naggar"),
            ("Ada M. Smith-Jones", "Smith-Jones"),
            ("Jean-Luc Picard", "Picard"),
        ] {
            assert!(
                matches!(name(whole), AuthorName::Person { family, .. } if family == wanted),
                "{whole}"
            );
        }
    }

    /// Checks that our own readers read each entry back.
    #[track_caller]
    fn check(title: &str, authors: &[&str]) {
        let papers = [
            paper("2608.00001", title, authors),
            paper("2608.00002", "Another", &[]),
        ];
        let papers: Vec<&Paper> = papers.iter().collect();
        for text in [to_bibtex(&papers), to_ris(&papers), to_csl_json(&papers)] {
            let library = read_library(text.as_bytes()).unwrap();
            assert_eq!(library.works.len(), 2, "{:?}\n{text}", library.skipped);
            assert_eq!(library.works[0].title, title, "{text}");
            assert_eq!(library.works[0].authors, authors, "{text}");
            assert_eq!(library.works[0].ids[0].as_str(), "2608.00001", "{text}");
            assert!(
                library.works[0].abstract_text.starts_with("First."),
                "{text}"
            );
            assert_eq!(library.works[1].title, "Another");
        }
    }

    #[test]
    fn every_form_is_read_back() {
        check(
            "Invariante Variationsprobleme",
            &["Emmy Noether", "Hermann Weyl"],
        );
        check(
            "100% of A & B, #1_2 @home: \"quoted\" – ünï 日本",
            &["Ludwig van der Meer", "Zoë Ångström"],
        );
        check(
            "An end, and more = {less",
            &["The Sheep Collaboration", "Plato"],
        );
        check("} closes, { opens", &["Ada Lovelace"]);
    }

    #[test]
    fn no_key_is_given_twice() {
        let twins = [
            paper("2608.00001", "Sheep graze", &["Ada Lovelace"]),
            paper("2608.00002", "Sheep graze", &["Ada Lovelace"]),
        ];
        let text = to_bibtex(&twins.iter().collect::<Vec<_>>());
        assert!(
            text.contains("@misc{lovelace2026sheep,")
                && text.contains("@misc{lovelace2026sheep-2,"),
            "{text}"
        );
    }

    #[test]
    fn nothing_is_written_of_nothing() {
        assert_eq!(to_bibtex(&[]) + &to_ris(&[]), "");
        assert_eq!(to_csl_json(&[]), "[]");
    }
}
