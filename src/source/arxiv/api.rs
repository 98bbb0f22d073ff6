//! The API at export.arxiv.org/api/query: single papers by id, and searches.
//!
//! The API does not know announcements: its papers have no announcement day. It answers
//! 429 below its documented rate, and an error may come as a paper with status 200.

use super::markup::{Element, take_apart};
use super::{Arxiv, Unreadable, is_category};
use crate::http::{Http, HttpError};
use crate::paper::{Paper, PaperId};
use crate::text::{clean_tex_line, clean_tex_text, cut};
use chrono::{DateTime, Utc};
use std::collections::HashSet;

/// Ids in one request.
pub const IDS_MAX: usize = 100;

/// Papers in one page. The API gives up to 2,000, and fails more often the more are asked for.
const PAGE_PAPERS: usize = 100;

/// Papers that a search may reach; beyond, the API answers with status 400.
const SEARCH_MAX: usize = 30_000;

/// How often a page is asked for that came without the papers it should hold.
const PAGE_TRIES: u32 = 3;

const TITLE_CHARS_MAX: usize = 2_000;

/// Reasons why the API returned no papers.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// There is no answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// It answers that the question is wrong.
    #[error("arXiv's API answers: {0}")]
    Refused(String),
    /// The answer is none.
    #[error("arXiv's API answers {url} with status {status} and {what}")]
    Nonsense {
        /// The requested address.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The content of the response.
        what: String,
    },
    /// Papers are there, and do not come.
    #[error(
        "arXiv's API says that there are {total} papers, and {tries} times gave none from number {start} on"
    )]
    EmptyPage {
        /// How many it says there are.
        total: usize,
        /// Number of the first missing paper.
        start: usize,
        /// Number of tries.
        tries: u32,
    },
}

/// Papers from the API.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LookupResult {
    /// In the order of the API.
    pub papers: Vec<Paper>,
    /// Entries that could not be read.
    pub unreadable: Vec<Unreadable>,
    /// How many it says there are.
    pub total: usize,
    /// Counts that do not match, for the log.
    pub oddities: Vec<String>,
}

/// One page of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Its papers, and what should have been some.
    pub entries: Vec<Result<Paper, Unreadable>>,
    /// How many there are in all pages, where the answer says.
    pub total: Option<usize>,
    /// Whether its end is there.
    pub is_whole: bool,
}

/// Reads an answer. The error says what the API says of the question, or what the
/// answer is instead of one.
pub fn read(bytes: &[u8], place: &str) -> Result<Page, ReadError> {
    let document = take_apart(bytes).map_err(ReadError::NoAnswer)?;
    let total = document
        .head
        .text("totalResults")
        .and_then(|text| text.parse().ok());
    let mut entries = Vec::new();
    for (at, entry) in document.entries.into_iter().enumerate() {
        let place = format!("{place} entry {}", at + 1);
        entries.push(match entry {
            Err(broken) => Err(Unreadable {
                place,
                reason: broken.reason,
                record: broken.text,
            }),
            Ok(entry) => {
                // An error comes as a paper, with status 200 or 400.
                if entry
                    .text("id")
                    .is_some_and(|id| id.contains("/api/errors"))
                {
                    let said = entry
                        .text("summary")
                        .or(entry.text("title"))
                        .unwrap_or_default();
                    return Err(ReadError::Refused(cut(&clean_tex_line(said), 300)));
                }
                paper(&entry).map_err(|reason| Unreadable {
                    place,
                    reason,
                    record: entry.raw,
                })
            }
        });
    }
    Ok(Page {
        entries,
        total,
        is_whole: document.is_whole,
    })
}

/// Reasons why a response holds no papers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadError {
    /// The API refuses the question, in its words.
    Refused(String),
    /// The response is something else.
    NoAnswer(String),
}

fn paper(entry: &Element) -> Result<Paper, String> {
    let address = entry.text("id").ok_or("no id in it")?;
    let (id, version) = PaperId::parse(address).map_err(|error| format!("{address:?}: {error}"))?;
    if !id.is_arxiv() {
        return Err(format!("{address:?} is no id of arXiv"));
    }
    let title = entry
        .text("title")
        .map(clean_tex_line)
        .filter(|title| !title.is_empty())
        .ok_or("no title in it")?;
    let instant = |name: &str| -> Result<Option<DateTime<Utc>>, String> {
        let Some(text) = entry.text(name) else {
            return Ok(None);
        };
        let at = DateTime::parse_from_rfc3339(text)
            .map_err(|_| format!("{name} {text:?} is no instant"))?;
        Ok(Some(at.to_utc()))
    };
    let (published, updated) = (instant("published")?, instant("updated")?);
    let mut categories: Vec<String> = Vec::new();
    let primary = entry.attributes("primary_category", "term");
    // The classes of the ACM and the AMS stand among the categories.
    for code in primary
        .chain(entry.attributes("category", "term"))
        .filter(|code| is_category(code))
    {
        if !categories.iter().any(|known| known == code) {
            categories.push(code.to_owned());
        }
    }
    Ok(Paper {
        url: Some(format!("https://arxiv.org/abs/{id}")),
        version,
        abstract_text: clean_tex_text(entry.text("summary").unwrap_or_default()),
        authors: entry
            .texts("author/name")
            .map(clean_tex_line)
            .filter(|name| !name.is_empty())
            .collect(),
        categories,
        published,
        updated,
        doi: entry.text("doi").map(clean_tex_line),
        comment: entry.text("comment").map(clean_tex_line),
        ..Paper::new(id, cut(&title, TITLE_CHARS_MAX))
    })
}

impl Arxiv {
    /// The papers `ids`, in batches; those that arXiv does not know are missing
    /// from the answer, and so are ids of other sources.
    pub async fn papers(&self, http: &Http, ids: &[PaperId]) -> Result<LookupResult, ApiError> {
        let ids: Vec<&str> = ids
            .iter()
            .filter(|id| id.is_arxiv())
            .map(PaperId::as_str)
            .collect();
        let mut found = LookupResult::default();
        for batch in ids.chunks(IDS_MAX) {
            let list = batch.join(",");
            let page = self
                .page(
                    http,
                    &[
                        ("id_list", &list),
                        ("max_results", &batch.len().to_string()),
                    ],
                )
                .await?;
            found.total += page.entries.len();
            if page.entries.len() > batch.len() {
                found.oddities.push(format!(
                    "{} papers for {} ids",
                    page.entries.len(),
                    batch.len()
                ));
            }
            found.add(page.entries);
        }
        Ok(found)
    }

    /// Up to `limit` papers that `query` finds, the latest submitted first, page by page.
    pub async fn search(
        &self,
        http: &Http,
        query: &str,
        limit: usize,
    ) -> Result<LookupResult, ApiError> {
        let limit = limit.min(SEARCH_MAX);
        let mut found = LookupResult::default();
        let mut start = 0;
        let mut tries = 0;
        while start < limit {
            let asked = PAGE_PAPERS.min(limit - start);
            let page = self
                .page(
                    http,
                    &[
                        ("search_query", query),
                        ("start", &start.to_string()),
                        ("max_results", &asked.to_string()),
                        ("sortBy", "submittedDate"),
                        ("sortOrder", "descending"),
                    ],
                )
                .await?;
            let total = page.total.unwrap_or(start + page.entries.len());
            if start > 0 && total != found.total {
                found
                    .oddities
                    .push(format!("of {} papers there are {total} now", found.total));
            }
            found.total = total;
            let expected = asked.min(total.saturating_sub(start));
            if page.entries.is_empty() && expected > 0 {
                tries += 1;
                if tries == PAGE_TRIES {
                    return Err(ApiError::EmptyPage {
                        total,
                        start,
                        tries,
                    });
                }
                continue;
            }
            tries = 0;
            let came = page.entries.len();
            if came != expected {
                found.oddities.push(format!(
                    "{came} papers from number {start} on, not {expected}"
                ));
            }
            found.add(page.entries);
            start += came;
            if came == 0 || start >= total {
                break;
            }
        }
        Ok(found)
    }

    async fn page(&self, http: &Http, asked: &[(&str, &str)]) -> Result<Page, ApiError> {
        let url = self.api_url(asked);
        let mut tries = 0;
        loop {
            tries += 1;
            let answer = http.get(&self.provider, &url).await?;
            let what = match read(&answer.body, &url) {
                Ok(page) if page.is_whole && answer.status < 400 => return Ok(page),
                Ok(_) => "a page that breaks off".to_owned(),
                Err(ReadError::Refused(said)) => return Err(ApiError::Refused(said)),
                Err(ReadError::NoAnswer(what)) => what,
            };
            // Blank and foreign answers come and go.
            if tries == PAGE_TRIES {
                return Err(ApiError::Nonsense {
                    url,
                    status: answer.status,
                    what,
                });
            }
        }
    }
}

impl LookupResult {
    fn add(&mut self, entries: Vec<Result<Paper, Unreadable>>) {
        let mut known: HashSet<PaperId> =
            self.papers.iter().map(|paper| paper.id.clone()).collect();
        for entry in entries {
            match entry {
                Ok(paper) if !known.insert(paper.id.clone()) => {
                    self.oddities.push(format!("{} twice", paper.id));
                }
                Ok(paper) => self.papers.push(paper),
                Err(unreadable) => self.unreadable.push(unreadable),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_entry_by_entry() {
        let page = read(include_bytes!("fixtures/answer.xml"), "answer.xml").unwrap();
        let shown: Vec<String> = page
            .entries
            .iter()
            .map(|entry| match entry {
                Ok(paper) => serde_json::to_string_pretty(paper).unwrap(),
                Err(unreadable) => format!("! {}: {}", unreadable.place, unreadable.reason),
            })
            .collect();
        insta::assert_snapshot!(format!(
            "{:?} whole: {}\n{}",
            page.total,
            page.is_whole,
            shown.join("\n")
        ));
    }

    #[test]
    fn an_error_in_the_form_of_a_paper_is_an_error() {
        let answer = "<feed><entry><id>https://arxiv.org/api/errors#x</id><title>Error</title>\
                      <summary>incorrect id format for x</summary></entry></feed>";
        assert_eq!(
            read(answer.as_bytes(), "x"),
            Err(ReadError::Refused("incorrect id format for x".to_owned()))
        );
        assert!(matches!(read(b"", "x"), Err(ReadError::NoAnswer(_))));
    }
}
