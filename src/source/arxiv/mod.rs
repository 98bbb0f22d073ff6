//! arXiv: each category's feed of the day, lists of changes, and single papers.
//!
//! A poll (`source.rs`) has three steps. [`Arxiv::fetch_feeds`] fetches the feeds, and
//! [`batch`] decides on papers and coverage by the rules of `feed_coverage.rs`.
//! [`Arxiv::catch_up`] and [`judge_caught`] do the same with the catch-up pages, and
//! [`Arxiv::harvest`] and [`judge_harvests`] with the lists of changes (OAI-PMH), for days
//! that the feeds have lost and for those to be checked (`harvest.rs`).

mod api;
mod calendar;
mod catchup;
mod feed;
mod feed_coverage;
mod harvest;
mod listing;
mod markup;
mod oai;
mod oai_client;
mod source;

pub use api::{ApiError, IDS_MAX, LookupResult, Page, ReadError, read as read_answer};
pub use calendar::{eastern_date, first_day, is_working_day};
pub use catchup::{Caught, judge_caught, offered_days};
pub use feed::{Announcement, Feed, Listed, read as read_feed};
pub use feed_coverage::{FeedResult, is_due, judge};
pub use harvest::{Harvest, harvested_ids, is_harvest_due, judge_harvests, wanted_days};
pub use listing::{Listing, read as read_listing};
pub use oai::{OaiPage, OaiProblem, OaiRecord, older_set_of, read as read_oai, set_of};

use super::recorded::cut_off;
use super::{Batch, Record, Unreadable};
use crate::coverage::Coverage;
use crate::http::{Http, HttpError, Pause, Provider};
use crate::paper::PaperId;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
pub use source::KIND;
use std::collections::{BTreeMap, HashMap};

const FEED_HOST: &str = "https://rss.arxiv.org";
const API_HOST: &str = "https://export.arxiv.org";
const OAI_HOST: &str = "https://oaipmh.arxiv.org";
const PAGES_HOST: &str = "https://arxiv.org";

/// arXiv's terms of use for its APIs: one request every three seconds and one
/// connection, all hosts together (info.arxiv.org/help/api/tou.html).
const SPACING: TimeDelta = TimeDelta::seconds(3);

/// Failed feeds in a row, each tried several times, after which a poll gives up.
const UNANSWERED_MAX: u32 = 3;

/// The hosts of arXiv.
#[derive(Debug, Clone)]
pub struct Arxiv {
    provider: Provider,
    feeds: String,
    api: String,
    oai: String,
    pages: String,
}

/// Result of fetching feeds.
#[derive(Debug)]
pub struct FeedResults {
    /// One result for each requested category, in order.
    pub results: Vec<(String, FeedResult)>,
    /// Pause that arXiv asked for; the remaining categories were not requested.
    pub pause: Option<Pause>,
}

impl Arxiv {
    /// The hosts of arXiv, or `endpoint` in place of all of them.
    pub fn new(endpoint: Option<&str>) -> Self {
        let name = endpoint.map_or_else(
            || "arxiv".to_owned(),
            |endpoint| format!("arxiv at {endpoint}"),
        );
        Arxiv {
            provider: Provider {
                name,
                spacing: SPACING,
            },
            feeds: endpoint.unwrap_or(FEED_HOST).to_owned(),
            api: endpoint.unwrap_or(API_HOST).to_owned(),
            oai: endpoint.unwrap_or(OAI_HOST).to_owned(),
            pages: endpoint.unwrap_or(PAGES_HOST).to_owned(),
        }
    }

    /// Provider whose rate limit the requests count against.
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// Fetches the feeds of `categories`, one after the other, until arXiv asks for a pause.
    /// After several failures in a row the rest fails without a request.
    pub async fn fetch_feeds(&self, http: &Http, categories: &[String]) -> FeedResults {
        let mut results = Vec::new();
        let mut unanswered = 0;
        for (at, category) in categories.iter().enumerate() {
            let result = match self.fetch_feed(http, category).await {
                Ok(result) => {
                    unanswered = 0;
                    result
                }
                Err(HttpError::AskedToWait(pause)) => {
                    return FeedResults {
                        results,
                        pause: Some(pause),
                    };
                }
                Err(error) => {
                    unanswered += 1;
                    if unanswered == UNANSWERED_MAX {
                        let why = format!("not asked for, since arXiv does not answer: {error}");
                        let rest = categories[at + 1..].iter();
                        results.push((category.clone(), FeedResult::Failed(error.to_string())));
                        results.extend(
                            rest.map(|category| {
                                (category.clone(), FeedResult::Failed(why.clone()))
                            }),
                        );
                        break;
                    }
                    FeedResult::Failed(error.to_string())
                }
            };
            results.push((category.clone(), result));
        }
        FeedResults {
            results,
            pause: None,
        }
    }

    async fn fetch_feed(&self, http: &Http, category: &str) -> Result<FeedResult, HttpError> {
        let url = format!("{}/rss/{category}", self.feeds);
        let answer = http.get(&self.provider, &url).await?;
        Ok(match read_feed(&answer.body, &url) {
            Ok(mut feed) if answer.status < 300 => {
                // A paper without categories is at least in the one whose feed it is in.
                for listed in feed
                    .entries
                    .iter_mut()
                    .flatten()
                    .filter(|listed| listed.paper.categories.is_empty())
                {
                    listed.paper.categories.push(category.to_owned());
                }
                FeedResult::Seen(feed)
            }
            Ok(_) => FeedResult::Failed(format!("{url} answers with status {}", answer.status)),
            Err(why) if answer.status < 300 => FeedResult::Failed(why),
            Err(why) => FeedResult::Failed(format!(
                "{url} answers with status {}: {why}",
                answer.status
            )),
        })
    }

    fn api_url(&self, asked: &[(&str, &str)]) -> String {
        let mut url = reqwest::Url::parse(&format!("{}/api/query", self.api))
            .expect("hosts and endpoints are addresses");
        url.query_pairs_mut().extend_pairs(asked);
        url.into()
    }
}

/// The ids of the papers in the feeds.
pub fn ids(results: &[(String, FeedResult)]) -> Vec<PaperId> {
    let mut ids: Vec<PaperId> = entries(results)
        .flatten()
        .map(|listed| listed.paper.id.clone())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn entries(results: &[(String, FeedResult)]) -> impl Iterator<Item = &Result<Listed, Unreadable>> {
    results.iter().flat_map(|(_, result)| match result {
        FeedResult::Seen(feed) => feed.entries.as_slice(),
        FeedResult::Failed(_) | FeedResult::NotAsked(_) => &[],
    })
}

/// Papers and coverage of the feeds, given the announcement days of known papers and the
/// known coverage of the source. A replacement of an unknown paper is passed over.
pub fn batch(
    results: &[(String, FeedResult)],
    announced: &BTreeMap<PaperId, Option<NaiveDate>>,
    known: &[Coverage],
    now: DateTime<Utc>,
) -> Batch {
    let mut batch = Batch {
        coverage: judge(results, announced, known, now),
        ..Batch::default()
    };
    let mut places: HashMap<PaperId, usize> = HashMap::new();
    // Announcements come before their replacements.
    let (first, replaced): (Vec<&Listed>, Vec<&Listed>) = entries(results)
        .flatten()
        .partition(|listed| listed.announcement.is_first());
    for listed in first.into_iter().chain(replaced) {
        batch.read += 1;
        match places.get(&listed.paper.id) {
            Some(&at) => {
                batch.merged += 1;
                batch.papers[at] = batch.papers[at].updated_by(&listed.paper);
            }
            None if listed.announcement.is_first() || announced.contains_key(&listed.paper.id) => {
                places.insert(listed.paper.id.clone(), batch.papers.len());
                batch.papers.push(listed.paper.clone());
            }
            None => batch.passed_over += 1,
        }
    }
    batch.unreadable = entries(results)
        .filter_map(|entry| entry.as_ref().err())
        .cloned()
        .collect();
    batch.read += batch.unreadable.len() as u64;
    batch
}

/// The papers of a recorded feed, or of a recorded response of the API or OAI-PMH.
pub fn records(bytes: &[u8], place: &str) -> Result<Vec<Record>, String> {
    match read_oai(bytes, place) {
        Ok(page) => {
            let cut = (!page.is_whole).then(|| cut_off(place));
            let papers = page
                .records
                .into_iter()
                .map(|record| record.map(|record| record.paper));
            return Ok(papers.chain(cut.map(Err)).map(Record::from).collect());
        }
        Err(OaiProblem::NoAnswer(_)) => {}
        Err(OaiProblem::Refused { code, said }) => {
            return Err(format!(
                "an answer of OAI-PMH without records: {code} {said}"
            ));
        }
        Err(OaiProblem::NoRecordsMatch) => return Ok(Vec::new()),
        Err(OaiProblem::BadResumptionToken) => {
            return Err("an answer of OAI-PMH that refuses its token".to_owned());
        }
        Err(OaiProblem::CannotDisseminateFormat) => {
            return Err("an answer of OAI-PMH that lacks the format".to_owned());
        }
    }
    let feed = read_feed(bytes, place)?;
    let cut = (!feed.is_whole).then(|| Err(cut_off(place)));
    let answers = match read_answer(bytes, place) {
        Ok(page) if page.total.is_some() => page.entries,
        Ok(_) => feed
            .entries
            .into_iter()
            .map(|entry| entry.map(|listed| listed.paper))
            .collect(),
        Err(ReadError::Refused(why) | ReadError::NoAnswer(why)) => return Err(why),
    };
    Ok(answers.into_iter().chain(cut).map(Record::from).collect())
}

/// Whether `code` is a category of arXiv, or an archive: `cs.LG`, `hep-th`,
/// `cond-mat.mes-hall`.
pub fn is_category(code: &str) -> bool {
    let (archive, class) = code
        .split_once('.')
        .map_or((code, None), |(archive, class)| (archive, Some(class)));
    let word = |word: &str, letter: fn(&u8) -> bool| {
        !word.is_empty() && word.bytes().all(|byte| letter(&byte) || byte == b'-')
    };
    word(archive, u8::is_ascii_lowercase)
        && class.is_none_or(|class| word(class, u8::is_ascii_alphabetic))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// The recorded answers, where they are.
    fn recorded(folder: &str) -> Vec<(String, Vec<u8>)> {
        let shared = std::env::var("PAPERBOY_SHARED_DATA").map_or_else(
            |_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
            std::path::PathBuf::from,
        );
        let folder = shared.join("sources").join(folder);
        if !folder.is_dir() {
            assert!(
                std::env::var_os("PAPERBOY_REQUIRE_ALL").is_none(),
                "{} is missing",
                folder.display()
            );
            println!("skipped: {} is missing", folder.display());
            return Vec::new();
        }
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path())
            .collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "xml"));
        files.sort();
        let named = |path: std::path::PathBuf| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                std::fs::read(path).unwrap(),
            )
        };
        files.into_iter().map(named).collect()
    }

    #[test]
    fn recorded_feeds_are_read_whole() {
        let mut seen = Vec::new();
        for (name, bytes) in recorded("arxiv_rss") {
            let feed = read_feed(&bytes, &name).unwrap();
            let count = |announcement| {
                feed.entries
                    .iter()
                    .flatten()
                    .filter(|listed| listed.announcement == announcement)
                    .count()
            };
            assert!(feed.is_whole, "{name}");
            assert!(feed.entries.iter().all(Result::is_ok), "{name}");
            seen.push((
                name,
                feed.date.unwrap().to_string(),
                count(Announcement::New),
                count(Announcement::Cross),
            ));
        }
        let seen: Vec<(&str, &str, usize, usize)> = seen
            .iter()
            .map(|(name, date, new, cross)| (name.as_str(), date.as_str(), *new, *cross))
            .collect();
        if !seen.is_empty() {
            assert_eq!(
                seen,
                [
                    ("arxiv_rss_example.xml", "2025-08-20", 2, 5),
                    ("derived_cs.AI_2025-08-20.rss.xml", "2025-08-20", 2, 5),
                    (
                        "derived_empty_weekend_cs.AI_2025-08-23.rss.xml",
                        "2025-08-23",
                        0,
                        0
                    ),
                    ("real_head_cs.CV_2025-09-18.rss.xml", "2025-09-18", 1, 0),
                ]
            );
        }
    }

    #[test]
    fn recorded_answers_of_the_api_are_read_whole() {
        let files = recorded("arxiv_atom")
            .into_iter()
            .chain(recorded("sotawhat_fixtures"));
        for (name, bytes) in
            files.filter(|(name, _)| name.starts_with(['i', 'q']) || name.starts_with("arxiv"))
        {
            if name.contains("id_abc") {
                let refused = ReadError::Refused("incorrect id format for abc".to_owned());
                assert_eq!(read_answer(&bytes, &name), Err(refused));
                continue;
            }
            let page = read_answer(&bytes, &name).unwrap();
            let text = String::from_utf8(bytes).unwrap();
            assert_eq!(
                page.entries.len(),
                text.matches("<entry>").count(),
                "{name}"
            );
            assert!(page.is_whole && page.total.is_some(), "{name}");
            for paper in page.entries.into_iter().map(Result::unwrap) {
                assert!(
                    !paper.authors.is_empty() && !paper.categories.is_empty(),
                    "{name}: {}",
                    paper.id
                );
                assert!(
                    paper.published.is_some() && paper.version.is_some(),
                    "{name}: {}",
                    paper.id
                );
                assert!(
                    paper.categories.iter().all(|code| is_category(code)),
                    "{name}: {:?}",
                    paper.categories
                );
            }
        }
    }

    #[test]
    fn categories_are_archives_and_classes() {
        for right in [
            "cs.LG",
            "hep-th",
            "cond-mat.mes-hall",
            "q-bio.NC",
            "physics.comp-ph",
            "cs",
        ] {
            assert!(is_category(right), "{right}");
        }
        for wrong in [
            "cs.*",
            "CS.LG",
            "cs.",
            ".LG",
            "cs LG",
            "cs.LG+cs.CL",
            "machine learning",
            "68T05",
            "I.2.6",
            "",
        ] {
            assert!(!is_category(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_paper_in_two_feeds_is_one_and_a_replacement_of_an_unknown_paper_is_none() {
        let seen = |category: &str| {
            let feed = read_feed(include_bytes!("fixtures/feed.xml"), category).unwrap();
            (category.to_owned(), FeedResult::Seen(feed))
        };
        let results = [seen("cs.LG"), seen("math.NT")];
        let now = "2026-08-04T05:00:00Z".parse().unwrap();
        let old: PaperId = "hep-th/9901001".parse().unwrap();
        let announced = BTreeMap::from([(old.clone(), None)]);
        let batch = batch(&results, &announced, &[], now);
        assert_eq!(
            (
                batch.read,
                batch.merged,
                batch.passed_over,
                batch.unreadable.len()
            ),
            (16, 4, 2, 6)
        );
        let ids: Vec<(&str, bool)> = batch
            .papers
            .iter()
            .map(|paper| (paper.id.as_str(), paper.announced.is_some()))
            .collect();
        assert_eq!(
            ids,
            [
                ("2608.00001", true),
                ("2608.00002", true),
                ("2608.00005", true),
                ("hep-th/9901001", false)
            ]
        );
        assert_eq!(ids_of_looks(&results), 5);
    }

    #[test]
    fn a_saved_file_is_a_feed_or_an_answer_and_says_where_it_breaks_off() {
        let count = |bytes: &[u8]| {
            let records = records(bytes, "saved.xml").unwrap();
            let is_paper = |record: &&Record| matches!(record, Record::Paper(_));
            (records.iter().filter(is_paper).count(), records.len())
        };
        let feed = include_bytes!("fixtures/feed.xml");
        assert_eq!(count(feed), (5, 8));
        assert_eq!(count(&feed[..feed.len() - 20]), (5, 9));
        assert_eq!(count(include_bytes!("fixtures/answer.xml")), (1, 3));
        assert!(records(b"<html></html>", "saved.xml").is_err());
    }

    fn ids_of_looks(results: &[(String, FeedResult)]) -> usize {
        ids(results).len()
    }
}
