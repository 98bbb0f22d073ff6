//! bioRxiv and medRxiv: the preprints posted on a day.
//!
//! Built from the documented shape of `api.biorxiv.org/details`, without recorded
//! answers, and lenient for that reason: numbers may be text, fields may lack,
//! dates may be unpadded. Every version is a record of its own: the first announces the
//! paper, later ones replace it. The cursor advances by the number of records that came,
//! not by the page size; the total that the server declares may be too high.

use super::authors;
use super::daily::{DailySource, DayPolicy, DayResult};
use super::dates::day as date_of;
use super::fetch::Arrival;
use super::identifiers::{Identifiers, excerpt};
use super::json::{count, list, text};
use super::provider_client::{FetchError, PageGuard, ProviderClient, error_in};
use super::{SourceKind, SourceSettings, Unreadable};
use crate::http::{Http, Provider};
use crate::paper::Paper;
use crate::text::clean_text;
use chrono::{NaiveDate, TimeDelta};
use serde_json::Value;

const HOST: &str = "https://api.biorxiv.org";

const SPACING: TimeDelta = TimeDelta::seconds(1);

/// Kind `biorxiv`.
pub const BIORXIV: SourceKind = SourceKind::new("biorxiv", |settings| {
    Box::new(Biorxiv::new(settings, "biorxiv"))
});

/// Kind `medrxiv`.
pub const MEDRXIV: SourceKind = SourceKind::new("medrxiv", |settings| {
    Box::new(Biorxiv::new(settings, "medrxiv"))
});

/// One of the two servers.
#[derive(Debug)]
pub struct Biorxiv {
    client: ProviderClient,
    server: &'static str,
    /// Folded; empty for all.
    categories: Vec<String>,
}

/// One page.
#[derive(Debug, Default, PartialEq)]
pub struct Page {
    /// Its records.
    pub entries: Vec<Result<Posted, Unreadable>>,
    /// Number of records in all pages, if the response says.
    pub total: Option<u64>,
}

/// A version of a preprint.
#[derive(Debug, Clone, PartialEq)]
pub struct Posted {
    /// The preprint; announced on the day of its first version.
    pub paper: Paper,
    /// Whether this is its first version.
    pub is_first: bool,
}

impl Biorxiv {
    /// Builds the source for a server.
    pub fn new(source: &SourceSettings, server: &'static str) -> Self {
        Biorxiv {
            // Both are one service at one address.
            client: ProviderClient::new("biorxiv", HOST, source.endpoint.as_deref(), SPACING),
            server,
            categories: source
                .categories
                .iter()
                .map(|category| folded(category))
                .collect(),
        }
    }

    fn is_wanted(&self, paper: &Paper) -> bool {
        self.categories.is_empty()
            || paper
                .categories
                .iter()
                .any(|category| self.categories.contains(&folded(category)))
    }
}

/// `Cell Biology`, `cell_biology`, `cell-biology`: one category.
fn folded(category: &str) -> String {
    category
        .to_lowercase()
        .replace(['_', '-'], " ")
        .trim()
        .to_owned()
}

impl DailySource for Biorxiv {
    fn policy(&self) -> DayPolicy {
        DayPolicy {
            zone: chrono_tz::America::New_York,
            initial_days: 3,
            reread_days: 3,
        }
    }

    fn provider(&self) -> &Provider {
        &self.client.provider
    }

    async fn day(&self, http: &Http, date: NaiveDate) -> DayResult {
        let mut day = DayResult::default();
        let mut pages = PageGuard::default();
        let mut cursor = 0_u64;
        let mut wanted = 0;
        loop {
            let url = self.client.url(
                &format!("/details/{}/{date}/{date}/{cursor}/json", self.server),
                &[],
            );
            let came = match pages.go_on(&cursor.to_string()) {
                Ok(()) => self
                    .client
                    .json(http, &url)
                    .await
                    .and_then(|answer| read(&answer, &url)),
                Err(error) => Err(error),
            };
            let page = match came {
                Ok(page) => page,
                Err(error) => {
                    day.error = Some(error);
                    break;
                }
            };
            day.declared = page.total.or(day.declared);
            let came = page.entries.len() as u64;
            for entry in page.entries {
                match entry {
                    Ok(posted) if !self.is_wanted(&posted.paper) => day.skipped += 1,
                    Ok(Posted {
                        paper,
                        is_first: true,
                    }) => {
                        wanted += 1;
                        day.arrivals.push(Arrival::Announced(paper));
                    }
                    Ok(Posted {
                        paper,
                        is_first: false,
                    }) => day.arrivals.push(Arrival::Replaced(paper)),
                    Err(unreadable) => day.unreadable.push(unreadable),
                }
            }
            day.read += came;
            cursor += came;
            if came == 0 || day.declared.is_none_or(|total| cursor >= total) {
                break;
            }
        }
        if !self.categories.is_empty() && day.read > 0 {
            day.note = format!("{wanted} new in {}", self.categories.join(", "));
        }
        day
    }
}

/// Reads one page.
pub fn read(answer: &Value, place: &str) -> Result<Page, FetchError> {
    let status = text(answer, "/messages/0/status").unwrap_or_default();
    let records = list(answer, "/collection");
    if records.is_empty()
        && answer.pointer("/collection").is_none()
        && !status.starts_with("no posts")
    {
        let said = error_in(answer).unwrap_or(if status.is_empty() {
            "no collection".to_owned()
        } else {
            status
        });
        return Err(FetchError::Invalid(format!("{place} answers {said:?}")));
    }
    if records.is_empty() && !status.is_empty() && status != "ok" && !status.starts_with("no posts")
    {
        return Err(FetchError::Invalid(format!("{place} answers {status:?}")));
    }
    let read = |(at, record): (usize, &Value)| {
        posted(record).map_err(|reason| Unreadable {
            place: format!("{place} record {}", at + 1),
            reason,
            record: excerpt(&record.to_string()),
        })
    };
    let entries = records.iter().enumerate().map(read).collect();
    Ok(Page {
        entries,
        total: count(answer, "/messages/0/total"),
    })
}

fn posted(record: &Value) -> Result<Posted, String> {
    let title = text(record, "/title").ok_or("no title in it")?;
    let doi = text(record, "/doi").ok_or("no DOI in it")?;
    let names = Identifiers {
        doi: Some(doi.clone()),
        ..Identifiers::default()
    };
    let paper = names.paper(&title)?;
    let date = text(record, "/date").ok_or("no date in it")?;
    let date = date_of(&date).ok_or_else(|| format!("date {date:?} cannot be read"))?;
    let version = text(record, "/version")
        .and_then(|version| version.trim_start_matches('v').parse::<u32>().ok());
    let is_first = version.is_none_or(|version| version <= 1);
    // DOI of the published article, another id of the work.
    let published_as = text(record, "/published").filter(|doi| doi.starts_with("10."));
    let journal = super::identifiers::doi(published_as.as_deref().unwrap_or_default());
    let authors = authors::people(&text(record, "/authors").unwrap_or_default());
    let server = text(record, "/server").unwrap_or_default().to_lowercase();
    let host = if server.contains("med") || doi.contains("medrxiv") {
        "www.medrxiv.org"
    } else {
        "www.biorxiv.org"
    };
    let kind = text(record, "/type").unwrap_or_default().to_lowercase();
    let version_text = version
        .map(|version| format!("v{version}"))
        .unwrap_or_default();
    let at = date.and_time(chrono::NaiveTime::MIN).and_utc();
    Ok(Posted {
        is_first,
        paper: Paper {
            url: Some(format!("https://{host}/content/{}{version_text}", paper.id)),
            withdrawn: kind.contains("withdraw")
                || paper.title.to_lowercase().starts_with("withdrawn"),
            version,
            abstract_text: clean_text(&text(record, "/abstract").unwrap_or_default()),
            authors,
            categories: text(record, "/category").into_iter().collect(),
            announced: is_first.then_some(date),
            published: is_first.then_some(at),
            updated: Some(at),
            doi: journal.or(paper.doi),
            ..paper
        },
    })
}
