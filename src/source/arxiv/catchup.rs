//! Fetches the catch-up pages of a category, and decides on their papers and coverage.

use super::calendar::{announced_at, eastern_date};
use super::listing::{self, Listing};
use super::{Arxiv, Listed, Unreadable};
use crate::coverage::{Coverage, CoverageState, CoverageUpdate};
use crate::http::{Http, HttpError, Provider};
use crate::paper::PaperId;
use crate::source::Batch;
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// Days for which there are pages.
const OFFERED_DAYS: u64 = 90;

/// Interval that robots must keep between pages (robots.txt of arxiv.org, 2026).
const SPACING: TimeDelta = TimeDelta::seconds(15);

/// Pages of one day: each holds 2,000 entries.
const PAGES_MAX: usize = 10;

/// Result of fetching the pages of one category and day.
#[derive(Debug, Clone, PartialEq)]
pub struct Caught {
    /// The category or archive.
    pub category: String,
    /// The announcement day.
    pub date: NaiveDate,
    /// Entries of the pages.
    pub entries: Vec<Result<Listed, Unreadable>>,
    /// Reason why the pages do not prove the day, if they do not.
    pub problem: Option<String>,
}

/// The days of `days` that are missing and that the pages still show.
pub fn offered_days(
    category: &str,
    days: &[NaiveDate],
    known: &[Coverage],
    now: DateTime<Utc>,
) -> Vec<NaiveDate> {
    let today = eastern_date(now);
    let is_settled = |day: NaiveDate| {
        known
            .iter()
            .any(|row| row.category == category && row.date == day && row.state.is_settled())
    };
    let is_offered = |day: &NaiveDate| {
        *day + Days::new(OFFERED_DAYS) >= today && *day < today && !is_settled(*day)
    };
    days.iter().copied().filter(is_offered).collect()
}

impl Arxiv {
    /// The announcement of `date` in `category`.
    pub async fn catch_up(
        &self,
        http: &Http,
        category: &str,
        date: NaiveDate,
    ) -> Result<Caught, HttpError> {
        let provider = Provider {
            spacing: SPACING,
            ..self.provider.clone()
        };
        let mut caught = Caught {
            category: category.to_owned(),
            date,
            entries: Vec::new(),
            problem: None,
        };
        let (mut total, mut ids) = (None, BTreeSet::new());
        for page in 1..=PAGES_MAX {
            let url = format!(
                "{}/catchup/{category}/{date}?abs=True&page={page}",
                self.pages
            );
            let answer = http.get(&provider, &url).await?;
            if answer.status >= 300 {
                caught.problem = Some(format!("{url} answers with status {}", answer.status));
                return Ok(caught);
            }
            let listing: Listing = match listing::read(&answer.body, &url) {
                Ok(listing) if listing.date.is_none_or(|shown| shown == date) => listing,
                Ok(listing) => {
                    let shown = listing
                        .date
                        .map_or_else(String::new, |shown| shown.to_string());
                    caught.problem = Some(format!("{url} shows {shown}"));
                    return Ok(caught);
                }
                Err(what) => {
                    caught.problem = Some(format!("{url} answers with {what}"));
                    return Ok(caught);
                }
            };
            total = total.or(listing.total);
            // Entries of a page that comes twice are skipped.
            let mut is_new = |entry: &Result<Listed, Unreadable>| match entry {
                Ok(listed) => ids.insert(listed.paper.id.clone()),
                Err(_) => true,
            };
            let entries: Vec<_> = listing.entries.into_iter().filter(&mut is_new).collect();
            let came = entries.iter().filter(|entry| entry.is_ok()).count();
            caught.entries.extend(entries);
            if came == 0 || total.is_some_and(|total| caught.entries.len() >= total as usize) {
                break;
            }
        }
        caught.problem = match total {
            None => Some("the page does not say how many entries there are".to_owned()),
            Some(total) if total as usize != caught.entries.len() => Some(format!(
                "{} entries on the pages, which say {total}",
                caught.entries.len()
            )),
            Some(_) => None,
        };
        Ok(caught)
    }
}

/// Papers and coverage of the pages, given the announcement days of known papers. A
/// replacement of an unknown paper is passed over, as in a feed.
pub fn judge_caught(
    caught: &[Caught],
    announced: &BTreeMap<PaperId, Option<NaiveDate>>,
    now: DateTime<Utc>,
) -> Batch {
    let mut batch = Batch::default();
    for caught in caught {
        batch.read += caught.entries.len() as u64;
        batch.unreadable.extend(
            caught
                .entries
                .iter()
                .filter_map(|entry| entry.as_ref().err())
                .cloned(),
        );
        let mut papers = 0;
        for listed in caught.entries.iter().flatten() {
            let mut paper = listed.paper.clone();
            if paper.categories.is_empty() {
                paper.categories.push(caught.category.clone());
            }
            if listed.announcement.is_first() {
                papers += 1;
                paper.announced = Some(caught.date);
                batch.papers.push(paper);
            } else if announced.contains_key(&paper.id) {
                batch.papers.push(paper);
            } else {
                batch.passed_over += 1;
            }
        }
        let unreadable = caught.entries.iter().filter(|entry| entry.is_err()).count();
        let (state, mut note) = match &caught.problem {
            Some(problem) => (
                CoverageState::Stalled,
                format!("not filled from the catch-up page: {problem}"),
            ),
            None if papers == 0 && unreadable == 0 => (
                CoverageState::Quiet,
                "nothing on the catch-up page".to_owned(),
            ),
            None => (CoverageState::Complete, "from the catch-up page".to_owned()),
        };
        if unreadable > 0 {
            note = format!("{note}; {unreadable} could not be read");
        }
        batch.coverage.push(CoverageUpdate {
            category: caught.category.clone(),
            date: caught.date,
            state,
            declared: caught
                .problem
                .is_none()
                .then_some(papers + unreadable as u32),
            papers,
            announced_at: Some(announced_at(caught.date, now)),
            note,
        });
    }
    batch
}
