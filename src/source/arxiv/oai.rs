//! Reads records of oaipmh.arxiv.org/oai, page by page (OAI-PMH 2.0,
//! openarchives.org/OAI/openarchivesprotocol.html). Pure. Requests are in
//! `oai_client.rs`, announcement days are inferred in `harvest.rs`.
//!
//! # Evidence of a datestamp
//!
//! The `datestamp` of a record is the UTC day of its *last modification*: a new
//! version, a journal reference, a cross-listing, an administrative change of
//! thousands of old papers at once. It is not the day of the announcement.
//!
//! - It proves that the paper had been announced when that day ended, because
//!   arXiv's records appear with the announcement, not before.
//! - It does not prove that the paper is new: most records of a day are changes.
//! - A record that is missing from a list of changes since a day was not changed
//!   since; a paper that was announced since then is in it.
//!
//! # Formats
//!
//! `arXivRaw` holds all versions with the second of their submission and the
//! author names as one string; a version of source type `I` is a withdrawal.
//! `arXiv` holds the names taken apart and two days: `created` is the day of the
//! first version in records of the old server, and that of the current version
//! in records of the one since March 2025, so that it says nothing about
//! announcements. `oai_dc` holds what every repository has. arXiv marks no record
//! as deleted; other repositories, and mirrors, do.

use super::markup::{Element, take_list_apart};
use super::{Unreadable, is_category};
use crate::paper::{Paper, PaperId};
use crate::text::{clean_tex_line, clean_tex_text, cut};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

const TITLE_CHARS_MAX: usize = 2_000;

/// A record.
#[derive(Debug, Clone, PartialEq)]
pub struct OaiRecord {
    /// The paper, without an announcement day.
    pub paper: Paper,
    /// The day of its last modification, in UTC.
    pub datestamp: NaiveDate,
    /// How many versions there are, and when the first one was submitted: in `arXivRaw` only.
    pub submitted: Option<(u32, DateTime<Utc>)>,
}

/// One page of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct OaiPage {
    /// The records that are there.
    pub records: Vec<Result<OaiRecord, Unreadable>>,
    /// Papers whose records are marked as deleted.
    pub deleted: Vec<PaperId>,
    /// With which the next page can be had, unless this is the last one.
    pub token: Option<String>,
    /// Whether its end is there.
    pub is_whole: bool,
}

/// Why an answer holds no records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OaiProblem {
    /// The response is something else.
    NoAnswer(String),
    /// Nothing fits the question: for a harvester, this is no error.
    NoRecordsMatch,
    /// The token is wrong, or has expired.
    BadResumptionToken,
    /// The server does not have this format, of anything or of this record.
    CannotDisseminateFormat,
    /// Any other code of the protocol, with what is said.
    Refused {
        /// `badArgument`, `idDoesNotExist`, …
        code: String,
        /// In the server's words.
        said: String,
    },
}

/// Reads an answer. Errors come with status 200, as the protocol wants it.
pub fn read(bytes: &[u8], place: &str) -> Result<OaiPage, OaiProblem> {
    let document = take_list_apart(bytes).map_err(OaiProblem::NoAnswer)?;
    if let Some(code) = document.head.attributes("error", "code").next() {
        let said = || {
            cut(
                &clean_tex_line(document.head.text("error").unwrap_or_default()),
                300,
            )
        };
        return Err(match code {
            "noRecordsMatch" => OaiProblem::NoRecordsMatch,
            "badResumptionToken" => OaiProblem::BadResumptionToken,
            "cannotDisseminateFormat" => OaiProblem::CannotDisseminateFormat,
            _ => OaiProblem::Refused {
                code: code.to_owned(),
                said: said(),
            },
        });
    }
    let mut page = OaiPage {
        records: Vec::with_capacity(document.entries.len()),
        deleted: Vec::new(),
        token: document.token.filter(|token| !token.is_empty()),
        is_whole: document.is_whole,
    };
    for (at, entry) in document.entries.into_iter().enumerate() {
        let place = format!("{place} record {}", at + 1);
        let entry = match entry {
            Ok(entry) => entry,
            Err(broken) => {
                page.records.push(Err(Unreadable {
                    place,
                    reason: broken.reason,
                    record: broken.text,
                }));
                continue;
            }
        };
        if entry
            .attributes("header", "status")
            .any(|status| status == "deleted")
        {
            page.deleted.extend(
                entry
                    .text("header/identifier")
                    .and_then(|id| id.parse().ok()),
            );
            continue;
        }
        page.records
            .push(record(&entry).map_err(|reason| Unreadable {
                place,
                reason,
                record: entry.raw,
            }));
    }
    Ok(page)
}

fn record(entry: &Element) -> Result<OaiRecord, String> {
    let name = entry
        .text("id")
        .or(entry.text("header/identifier"))
        .ok_or("no id in it")?;
    let (id, _) = PaperId::parse(name).map_err(|error| format!("{name:?}: {error}"))?;
    if !id.is_arxiv() {
        return Err(format!("{name:?} is no id of arXiv"));
    }
    let title = entry
        .text("title")
        .map(clean_tex_line)
        .filter(|title| !title.is_empty())
        .ok_or("no title in it")?;
    let stamp = entry.text("header/datestamp").ok_or("no datestamp in it")?;
    // Other repositories stamp seconds.
    let datestamp = stamp
        .get(..10)
        .unwrap_or(stamp)
        .parse()
        .map_err(|_| format!("datestamp {stamp:?} is no date"))?;
    let versions = versions(entry)?;
    let days = [entry.text("created"), entry.text("updated")].map(|day| day.and_then(midnight));
    let described = entry
        .text("abstract")
        .or_else(|| entry.texts("description").max_by_key(|text| text.len()));
    let comment = entry.text("comments").map(clean_tex_line);
    let version = versions.last();
    let is_withdrawn = version.is_some_and(|version| version.is_withdrawn)
        || comment
            .as_deref()
            .is_some_and(|comment| says_withdrawn(comment, described));
    let paper = Paper {
        version: version.map(|version| version.number),
        abstract_text: clean_tex_text(described.unwrap_or_default()),
        authors: authors(entry),
        categories: categories(entry),
        published: versions.first().map(|version| version.at).or(days[0]),
        updated: version.map(|version| version.at).or(days[1]),
        url: Some(format!("https://arxiv.org/abs/{id}")),
        doi: entry.text("doi").and_then(first_doi),
        journal: entry.text("journal-ref").map(clean_tex_line),
        comment,
        withdrawn: is_withdrawn,
        ..Paper::new(id, cut(&title, TITLE_CHARS_MAX))
    };
    let submitted = versions
        .first()
        .map(|first| (versions.len() as u32, first.at));
    Ok(OaiRecord {
        paper,
        datestamp,
        submitted,
    })
}

struct Version {
    number: u32,
    at: DateTime<Utc>,
    is_withdrawn: bool,
}

/// The versions in `arXivRaw`, the first one first.
fn versions(entry: &Element) -> Result<Vec<Version>, String> {
    let mut numbers = entry.attributes("version", "version");
    let mut versions: Vec<Version> = Vec::new();
    let (mut at, mut flags) = (None, "");
    for (name, text) in entry.in_order() {
        match name {
            "version/date" => {
                let date = DateTime::parse_from_rfc2822(text)
                    // A wrong weekday is no reason to lose the instant.
                    .or_else(|_| {
                        DateTime::parse_from_rfc2822(
                            text.split_once(", ").map_or(text, |(_, rest)| rest),
                        )
                    });
                at = Some(
                    date.map_err(|_| format!("{text:?} is no date of a version"))?
                        .to_utc(),
                );
            }
            "version/source_type" => flags = text,
            "version" => {
                let number = numbers
                    .next()
                    .and_then(|number| number.trim_start_matches('v').parse().ok());
                let (Some(number), Some(date)) = (number, at.take()) else {
                    return Err("a version without number or date".to_owned());
                };
                versions.push(Version {
                    number,
                    at: date,
                    is_withdrawn: flags.contains('I'),
                });
                flags = "";
            }
            _ => {}
        }
    }
    versions.sort_by_key(|version| version.number);
    Ok(versions)
}

/// A comment like "This paper has been withdrawn by the author", or no abstract
/// but such a sentence.
fn says_withdrawn(comment: &str, described: Option<&str>) -> bool {
    let says = |text: &str| {
        let text = text.to_lowercase();
        [
            "has been withdrawn",
            "is withdrawn",
            "been withdrawn by",
            "withdrawn by the author",
            "paper withdrawn",
        ]
        .iter()
        .any(|words| text.contains(words))
            || text.trim_matches(|c: char| !c.is_alphabetic()) == "withdrawn"
    };
    // An abstract that mentions a withdrawal at length is about something else.
    says(comment) || described.is_some_and(|text| text.len() < 200 && says(text))
}

fn authors(entry: &Element) -> Vec<String> {
    let mut names = Vec::new();
    let (mut forenames, mut keyname, mut suffix) = ("", "", "");
    for (name, text) in entry.in_order() {
        match name {
            "author/keyname" => keyname = text,
            "author/forenames" => forenames = text,
            "author/suffix" => suffix = text,
            "authors/author" => {
                let whole = [forenames, keyname, suffix].map(str::trim);
                let whole: Vec<&str> = whole.into_iter().filter(|part| !part.is_empty()).collect();
                names.push(clean_tex_line(&whole.join(" ")));
                (forenames, keyname, suffix) = ("", "", "");
            }
            // "Luger, Rodrigo"
            "creator" => {
                let (key, fore) = text.split_once(',').unwrap_or((text, ""));
                names.push(clean_tex_line(&format!("{} {}", fore.trim(), key.trim())));
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    if names.is_empty() {
        crate::source::authors::names(entry.text("authors").unwrap_or_default())
    } else {
        names
    }
}

/// The categories; those that `oai_dc` has only in words, by the sets of the record.
fn categories(entry: &Element) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let listed = entry
        .text("categories")
        .unwrap_or_default()
        .split_whitespace()
        .map(str::to_owned);
    let sets = entry.texts("header/setSpec").filter_map(category_of);
    let sets: Vec<String> = if entry.text("categories").is_some() {
        Vec::new()
    } else {
        sets.collect()
    };
    for code in listed.chain(sets).filter(|code| is_category(code)) {
        if !all.contains(&code) {
            all.push(code);
        }
    }
    all
}

/// The set of a category or archive, as the server has them since March 2025:
/// `cs:cs:LG`, `physics:hep-th`, `physics:cond-mat:mes-hall`, `cs:cs`.
pub fn set_of(category: &str) -> String {
    let (archive, class) = category
        .split_once('.')
        .map_or((category, None), |(a, c)| (a, Some(c)));
    let class = class.map_or_else(String::new, |class| format!(":{class}"));
    format!("{}:{archive}{class}", group_of(archive))
}

/// The set that holds a category in the older hierarchy, which knew no
/// categories: `cs`, `physics:hep-th`, `physics:physics`.
pub fn older_set_of(category: &str) -> String {
    let archive = category.split('.').next().unwrap_or(category);
    let group = group_of(archive);
    if group == archive && group != "physics" {
        group.to_owned()
    } else {
        format!("{group}:{archive}")
    }
}

/// arXiv's groups have the name of an archive each; physics holds all others.
fn group_of(archive: &str) -> &str {
    match archive {
        "cs" | "econ" | "eess" | "math" | "q-bio" | "q-fin" | "stat" => archive,
        _ => "physics",
    }
}

/// The category that a set is, if it is one: not `cs` or `math:math`.
fn category_of(set: &str) -> Option<String> {
    let mut parts = set.trim().split(':');
    let group = parts.next()?;
    match (parts.next(), parts.next()) {
        (Some(archive), Some(class)) => Some(format!("{archive}.{class}")),
        (Some(archive), None) if group == "physics" => Some(archive.to_owned()),
        _ => None,
    }
}

/// The first of several DOIs: `10.1103/a, 10.1103/b`.
fn first_doi(text: &str) -> Option<String> {
    let first = text
        .split([',', ';', ' ', '\n'])
        .map(str::trim)
        .find(|doi| doi.starts_with("10."))?;
    Some(clean_tex_line(first))
}

fn midnight(day: &str) -> Option<DateTime<Utc>> {
    day.parse::<NaiveDate>()
        .ok()
        .map(|day| day.and_time(NaiveTime::MIN).and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(records: &str, end: &str) -> Vec<u8> {
        format!("<?xml version='1.0'?><OAI-PMH xmlns='x'><responseDate>2026-08-04T06:00:00Z</responseDate><request/>{records}{end}").into()
    }

    #[test]
    fn both_formats_are_read() {
        let answer = page(
            "<ListRecords>\
             <record><header><identifier>oai:arXiv.org:2608.00001</identifier><datestamp>2026-08-04</datestamp>\
             <setSpec>cs:cs:LG</setSpec></header><metadata><arXivRaw xmlns='r'><id>2608.00001</id><submitter>A</submitter>\
             <version version='v1'><date>Mon, 3 Aug 2026 15:00:01 GMT</date><size>1kb</size></version>\
             <version version='v2'><date>Tue, 4 Aug 2026 01:00:00 GMT</date><size>0kb</size><source_type>I</source_type></version>\
             <title>Two $\\alpha$\n  lines</title><authors>Kurt G\\\"odel and Emmy Noether (G\\\"ottingen)</authors>\
             <categories>cs.LG math.IT</categories><comments>This paper has been withdrawn</comments>\
             <journal-ref>J. 1 (2026)</journal-ref><doi>10.1/A, 10.1/b</doi><abstract>  Text &lt;b&gt;.\n</abstract>\
             </arXivRaw></metadata></record>\
             <record><header><identifier>oai:arXiv.org:hep-th/9901001</identifier><datestamp>2026-08-04</datestamp></header>\
             <metadata><arXiv><id>hep-th/9901001</id><created>1999-01-01</created><updated>2001-01-01</updated>\
             <authors><author><keyname>Noether</keyname><forenames>Emmy</forenames></author>\
             <author><keyname>King</keyname><forenames>M.</forenames><suffix>Jr.</suffix><affiliation>X, Y</affiliation></author></authors>\
             <title>Old</title><categories>hep-th</categories><abstract>A</abstract></arXiv></metadata></record>\
             <record><header status='deleted'><identifier>oai:arXiv.org:2608.00003</identifier>\
             <datestamp>2026-08-04</datestamp></header></record>\
             <record><header><identifier>oai:arXiv.org:2608.00004</identifier></header></record>\
             <resumptionToken expires='x'>verb%3DListRecords&amp;skip=2</resumptionToken></ListRecords>",
            "</OAI-PMH>",
        );
        let page = read(&answer, "oai").unwrap();
        assert_eq!(
            (page.records.len(), page.deleted.len(), page.is_whole),
            (3, 1, true)
        );
        assert_eq!(page.token.as_deref(), Some("verb%3DListRecords&skip=2"));
        let raw = page.records[0].as_ref().unwrap();
        assert_eq!(
            raw.submitted,
            Some((2, "2026-08-03T15:00:01Z".parse().unwrap()))
        );
        insta::assert_snapshot!(
            serde_json::to_string_pretty(&[&raw.paper, &page.records[1].as_ref().unwrap().paper])
                .unwrap()
        );
        assert_eq!(
            page.records[2].as_ref().unwrap_err().reason,
            "no title in it"
        );
    }

    #[test]
    fn an_error_with_status_200_is_an_error() {
        let refused = |code: &str, said: &str| OaiProblem::Refused {
            code: code.to_owned(),
            said: said.to_owned(),
        };
        for (error, problem) in [
            ("<error code='noRecordsMatch'/>", OaiProblem::NoRecordsMatch),
            (
                "<error code=\"badResumptionToken\">expired</error>",
                OaiProblem::BadResumptionToken,
            ),
            (
                "<error code='cannotDisseminateFormat'/>",
                OaiProblem::CannotDisseminateFormat,
            ),
            (
                "<error code='badArgument'>no &lt;such&gt; date</error>",
                refused("badArgument", "no <such> date"),
            ),
        ] {
            assert_eq!(
                read(&page(error, "</OAI-PMH>"), "x"),
                Err(problem),
                "{error}"
            );
        }
        for nonsense in [
            "",
            "Retry after",
            "<html><body>503</body></html>",
            "<rss><item/></rss>",
        ] {
            assert!(
                matches!(read(nonsense.as_bytes(), "x"), Err(OaiProblem::NoAnswer(_))),
                "{nonsense}"
            );
        }
    }

    #[test]
    fn the_end_of_a_list_and_a_break_are_told_apart() {
        for (end, token, whole) in [
            ("<resumptionToken/></ListRecords></OAI-PMH>", None, true),
            (
                "<resumptionToken expires='x'></resumptionToken></ListRecords></OAI-PMH>",
                None,
                true,
            ),
            ("</ListRecords></OAI-PMH>", None, true),
            ("<resumptionToken>abc</resumptionToken>", Some("abc"), false),
            ("<resumptionTok", None, false),
        ] {
            let page = read(&page("<ListRecords><record><header/></record>", end), "x").unwrap();
            assert_eq!(
                (page.token.as_deref(), page.is_whole),
                (token, whole),
                "{end}"
            );
        }
    }

    #[test]
    fn sets_are_group_archive_and_class() {
        for (category, set, older) in [
            ("cs.LG", "cs:cs:LG", "cs"),
            ("cs", "cs:cs", "cs"),
            ("math.NA", "math:math:NA", "math"),
            ("hep-th", "physics:hep-th", "physics:hep-th"),
            (
                "cond-mat.mes-hall",
                "physics:cond-mat:mes-hall",
                "physics:cond-mat",
            ),
            (
                "physics.comp-ph",
                "physics:physics:comp-ph",
                "physics:physics",
            ),
            ("math-ph", "physics:math-ph", "physics:math-ph"),
            ("q-bio.NC", "q-bio:q-bio:NC", "q-bio"),
        ] {
            assert_eq!(
                (set_of(category).as_str(), older_set_of(category).as_str()),
                (set, older),
                "{category}"
            );
        }
        assert_eq!(
            category_of("physics:cond-mat:mes-hall").as_deref(),
            Some("cond-mat.mes-hall")
        );
        assert_eq!(category_of("physics:hep-th").as_deref(), Some("hep-th"));
        assert_eq!((category_of("cs"), category_of("math:math")), (None, None));
    }

    #[test]
    fn a_withdrawal_is_said_in_a_comment() {
        for comment in [
            "This paper has been withdrawn by the author due to an error",
            "Withdrawn.",
            "Paper withdrawn",
        ] {
            assert!(says_withdrawn(comment, None), "{comment}");
        }
        for comment in [
            "12 pages, withdrawn results of [3] discussed",
            "Money withdrawn from banks: a study",
        ] {
            assert!(!says_withdrawn(comment, None), "{comment}");
        }
    }
}
