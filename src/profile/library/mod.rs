//! Reads and writes reference libraries: BibTeX, RIS, CSL-JSON, Zotero's JSON, or a list of
//! ids. Pure: bytes in, works out.
//!
//! The content of a file, not its name, tells its format. Libraries are full of mistakes, so
//! each entry fails by itself and is skipped with its line and the reason.

mod bibtex;
mod ids;
mod json;
mod ris;
mod tex_escapes;
mod write;

pub use write::{to_bibtex, to_csl_json, to_ris};

use crate::paper::PaperId;
use crate::text::{clean_line, clean_text, encoding, fold};
use serde::Serialize;
use std::collections::HashSet;

/// The format of a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LibraryFormat {
    /// BibTeX or BibLaTeX.
    Bibtex,
    /// The RIS format of reference managers.
    Ris,
    /// The JSON format of CSL.
    Csl,
    /// Zotero's JSON, of its API or of Better BibTeX.
    Zotero,
    /// A list of ids, one a line.
    Ids,
}

/// One work of a library.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Work {
    /// The clean title in one line; empty in a list of ids.
    pub title: String,
    /// The clean abstract; empty if there is none.
    pub abstract_text: String,
    /// Author names in order, given name first.
    pub authors: Vec<String>,
    /// Its ids, the most reliable first: arXiv id, DOI, `pmid:`.
    pub ids: Vec<PaperId>,
}

/// An entry that is not a work, or cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SkippedEntry {
    /// The line on which it begins, from 1; in JSON the number of the entry.
    pub line: usize,
    /// The reason for skipping it.
    pub reason: String,
}

/// The content of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// Its format.
    pub form: LibraryFormat,
    /// The number of entries, skipped ones included.
    pub read: usize,
    /// Its works, each once.
    pub works: Vec<Work>,
    /// Skipped entries.
    pub skipped: Vec<SkippedEntry>,
}

/// The reason why a file is not a library.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LibraryError {
    /// It is empty.
    #[error("there is nothing in it")]
    Empty,
    /// Its format is unknown.
    #[error("it is neither BibTeX, RIS, CSL-JSON, Zotero JSON nor a list of ids")]
    Unknown,
    /// It begins like JSON but is malformed.
    #[error("line {line} is not JSON: {reason}")]
    Json {
        /// The line, from 1.
        line: usize,
        /// The message of the JSON parser.
        reason: String,
    },
}

/// Reads a library.
pub fn read_library(bytes: &[u8]) -> Result<Library, LibraryError> {
    let text = encoding::decode(bytes);
    let start = text.trim_start();
    if start.is_empty() {
        return Err(LibraryError::Empty);
    }
    let (form, entries) = if start.starts_with(['{', '[']) && !start.starts_with("{\\") {
        json::read(&text)?
    } else if ris::is_ris(&text) {
        (LibraryFormat::Ris, ris::read(&text))
    } else if bibtex::is_bibtex(&text) {
        (LibraryFormat::Bibtex, bibtex::read(&text))
    } else if ids::is_list(&text) {
        (LibraryFormat::Ids, ids::read(&text))
    } else {
        return Err(LibraryError::Unknown);
    };
    Ok(gather(form, entries))
}

/// An entry of a file with its line.
struct LibraryEntry {
    line: usize,
    content: Result<RawEntry, String>,
}

/// The uncleaned fields of an entry.
#[derive(Default)]
struct RawEntry {
    title: String,
    abstract_text: String,
    /// In their natural order: `Emmy Noether`.
    authors: Vec<String>,
    /// Texts that hold nothing but an arXiv id.
    arxiv: Vec<String>,
    doi: String,
    pmid: String,
    /// Texts in which an arXiv id or a DOI may stand among other things.
    mentions: Vec<String>,
}

fn gather(form: LibraryFormat, entries: Vec<LibraryEntry>) -> Library {
    let read = entries.len();
    let (mut works, mut skipped, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    for LibraryEntry { line, content } in entries {
        let work = content.and_then(|raw| work(&raw, form));
        match work {
            Ok(work) if seen.insert(work.key()) => works.push(work),
            Ok(_) => skipped.push(SkippedEntry {
                line,
                reason: "the same work stands in the file already".to_owned(),
            }),
            Err(reason) => skipped.push(SkippedEntry { line, reason }),
        }
    }
    Library {
        form,
        read,
        works,
        skipped,
    }
}

fn work(raw: &RawEntry, form: LibraryFormat) -> Result<Work, String> {
    let mut title = clean_line(&raw.title);
    // Catalogues end titles like sentences.
    if title.ends_with('.') && !title.ends_with("..") {
        title.pop();
    }
    let ids = ids::of(raw);
    if title.is_empty() && (form != LibraryFormat::Ids || ids.is_empty()) {
        return Err("it has no title".to_owned());
    }
    let authors = raw
        .authors
        .iter()
        .map(|name| clean_line(name))
        .filter(|name| !name.is_empty())
        .collect();
    Ok(Work {
        title,
        abstract_text: clean_text(&raw.abstract_text),
        authors,
        ids,
    })
}

/// A name in its natural order: `Noether, Emmy` is Emmy Noether.
fn person(raw: &str) -> String {
    let name = clean_line(raw);
    let parts: Vec<&str> = name
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect();
    match parts.as_slice() {
        [family, given] => format!("{given} {family}"),
        // `King, Jr., Martin Luther`
        [family, suffix, given] => format!("{given} {family} {suffix}"),
        _ => name,
    }
}

impl Work {
    /// A key that identifies the work: its most reliable id, else title and first author.
    pub fn key(&self) -> String {
        match self.ids.first() {
            Some(id) => id.to_string(),
            None => {
                format!(
                    "{} / {}",
                    fold(&self.title),
                    self.authors
                        .first()
                        .map(|name| fold(name))
                        .unwrap_or_default()
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, form: LibraryFormat) -> Work {
        let library = read_library(text.as_bytes()).unwrap();
        assert_eq!(
            (library.form, library.works.len()),
            (form, 1),
            "{:?}",
            library.skipped
        );
        library.works.into_iter().next().unwrap()
    }

    #[test]
    fn every_form_gives_the_same_work() {
        let bib = "@article{noether,\n title = {Invariante {V}ariationsprobleme},\n author = {Noether, Emmy and \
                   Weyl, Hermann},\n abstract = {On {\\\"u}bung.}, doi = {10.1000/ABC}, eprint = {physics/0503066}, \
                   archiveprefix = {arXiv}}";
        let ris = "TY  - JOUR\nTI  - Invariante Variationsprobleme\nAU  - Noether, Emmy\nAU  - Weyl, Hermann\n\
                   AB  - On übung.\nDO  - 10.1000/ABC\nN1  - arXiv:physics/0503066\nER  - \n";
        let csl = r#"[{"id":"n","type":"article","title":"Invariante Variationsprobleme","author":[{"family":"Noether","given":"Emmy"},
                   {"family":"Weyl","given":"Hermann"}],"abstract":"On übung.","DOI":"10.1000/ABC","note":"arXiv: physics/0503066"}]"#;
        let zotero = r#"{"items":[{"itemType":"journalArticle","title":"Invariante Variationsprobleme",
                   "creators":[{"creatorType":"author","firstName":"Emmy","lastName":"Noether"},{"creatorType":"author","name":"Hermann Weyl"}],
                   "abstractNote":"On übung.","DOI":"10.1000/ABC","extra":"arXiv: physics/0503066 [physics]"}]}"#;
        let work = check(bib, LibraryFormat::Bibtex);
        assert_eq!(work.title, "Invariante Variationsprobleme");
        assert_eq!(work.authors, ["Emmy Noether", "Hermann Weyl"]);
        assert_eq!(work.abstract_text, "On übung.");
        assert_eq!(
            work.ids.iter().map(PaperId::as_str).collect::<Vec<_>>(),
            ["physics/0503066", "10.1000/abc"]
        );
        assert_eq!(check(ris, LibraryFormat::Ris), work);
        assert_eq!(check(csl, LibraryFormat::Csl), work);
        assert_eq!(check(zotero, LibraryFormat::Zotero), work);
    }

    #[test]
    fn other_files_are_refused() {
        assert_eq!(read_library(b" \n"), Err(LibraryError::Empty));
        assert_eq!(
            read_library(b"Dear all,\nplease find attached\n"),
            Err(LibraryError::Unknown)
        );
        assert!(matches!(
            read_library(b"[{\"title\":\n"),
            Err(LibraryError::Json { line: 2, .. })
        ));
        assert_eq!(read_library(b"{\"a\": 1}"), Err(LibraryError::Unknown));
    }

    #[test]
    fn a_list_of_ids_is_one_id_a_line() {
        let library = read_library(
            b"# mine\n2106.09685v2\nhttps://arxiv.org/abs/1706.03762\n\ndoi:10.1000/x\n12 34\n",
        )
        .unwrap();
        assert_eq!(
            (library.form, library.read, library.works.len()),
            (LibraryFormat::Ids, 4, 3)
        );
        assert_eq!(library.skipped[0].line, 6);
        let library =
            read_library(b"2106.09685, 1706.03762;1706.03763\n10.1000/x 10.1000/y\n").unwrap();
        assert_eq!(
            (library.form, library.read, library.works.len()),
            (LibraryFormat::Ids, 5, 5)
        );
    }
}
