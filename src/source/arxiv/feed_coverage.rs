//! Coverage of each category's days, as its feeds prove it. Pure.
//!
//! # The rule
//!
//! arXiv announces at 20:00 Eastern time, Sunday to Thursday; a category's feed
//! shows that announcement from the following midnight, for one day, dated that day.
//! The feed does not tell the number of papers, so RSS alone proves nothing. The rules:
//!
//! - **complete**: the feed has papers announced on the day, ends as a document
//!   should, and is not the last announcement over again (feeds of single
//!   categories have been seen to stand still under a new date). It was written
//!   four hours after the announcement, so it is believed at once. As feeds have
//!   also been seen to grow, it is looked at again an hour or more after its last
//!   change, until a fetch changes nothing; papers that came later are filled in.
//! - **quiet**: the day's feed is valid and empty, and nothing can be expected
//!   of it: it is a Saturday, a Sunday or a day that arXiv has named; or another
//!   category's announcement of the day is here; or the next evening has come.
//!   An absence is observed, never assumed.
//! - **waiting** until six in the morning, Eastern time, **stalled** from then
//!   on: the feed is that of an earlier day, empty on a working day, broken off,
//!   or repeats itself.
//! - **failed**: the feed cannot be had or read.
//!
//! A day that passes while it is not settled is stalled for good as far as feeds
//! go, and so is a working day on which nobody looked. What other ways there are
//! to fill it stands in `harvest.rs`.

use super::calendar::{announced_at, eastern_date, is_evening, is_working_day};
use super::{Feed, feed::ENTRIES_MAX};
use crate::coverage::{Coverage, CoverageState, CoverageUpdate};
use crate::paper::PaperId;
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Timelike, Utc};
use chrono_tz::America::New_York;
use std::collections::{BTreeMap, BTreeSet};

/// The hour, Eastern time, from which a working day without its batch is stalled.
pub(super) const STALLED_HOUR: u32 = 6;

/// How long after the last change a settled day is looked at again.
pub(super) const SECOND_LOOK: TimeDelta = TimeDelta::hours(1);

/// How far back days are noticed on which nobody looked.
pub(super) const GAP_DAYS: u64 = 31;

/// Result of fetching the feed of a category.
#[derive(Debug, Clone, PartialEq)]
pub enum FeedResult {
    /// Its feed.
    Seen(Feed),
    /// It could not be fetched or read; with the reason.
    Failed(String),
    /// It was not requested; with the reason.
    NotAsked(String),
}

/// Whether `category` is worth a request now.
pub fn is_due(category: &str, known: &[Coverage], now: DateTime<Utc>) -> bool {
    let today = eastern_date(now);
    let row = known
        .iter()
        .find(|row| row.category == category && row.date == today);
    match row.and_then(|row| Some((row.completed_at?, row.checked_at))) {
        None => true,
        Some((completed_at, checked_at)) => {
            checked_at < completed_at + SECOND_LOOK && now >= completed_at + SECOND_LOOK
        }
    }
}

/// Coverage of each category and day that the results prove something about.
///
/// `announced` holds the announcement days of known papers, `known` the coverage of this
/// source.
pub fn judge(
    results: &[(String, FeedResult)],
    announced: &BTreeMap<PaperId, Option<NaiveDate>>,
    known: &[Coverage],
    now: DateTime<Utc>,
) -> Vec<CoverageUpdate> {
    let found: Vec<(&str, Found)> = results
        .iter()
        .map(|(category, result)| (category.as_str(), Found::new(result, announced)))
        .collect();
    let arrived: BTreeSet<NaiveDate> = found
        .iter()
        .flat_map(|(_, found)| found.days.iter())
        .filter(|(_, day)| day.problem.is_none())
        .map(|(date, _)| *date)
        .chain(
            known
                .iter()
                .filter(|row| row.state == CoverageState::Complete)
                .map(|row| row.date),
        )
        .collect();
    found
        .iter()
        .flat_map(|(category, found)| found.judge(category, &arrived, known, now))
        .collect()
}

/// The content of a result by day.
struct Found {
    /// The day of the feed; `None` if there is no feed.
    date: Option<NaiveDate>,
    days: BTreeMap<NaiveDate, FoundDay>,
    unreadable: usize,
    is_whole: bool,
    failure: Option<String>,
    is_asked: bool,
}

#[derive(Default)]
struct FoundDay {
    papers: u32,
    note: String,
    problem: Option<String>,
}

impl Found {
    fn new(result: &FeedResult, announced: &BTreeMap<PaperId, Option<NaiveDate>>) -> Self {
        let nothing = |failure: &String, is_asked| Found {
            date: None,
            days: BTreeMap::new(),
            unreadable: 0,
            is_whole: true,
            failure: Some(failure.clone()),
            is_asked,
        };
        let feed = match result {
            FeedResult::Failed(why) => return nothing(why, true),
            FeedResult::NotAsked(why) => return nothing(why, false),
            FeedResult::Seen(feed) => feed,
        };
        let Some(feed_date) = feed.date else {
            return nothing(&"the feed has no date".to_owned(), true);
        };
        let mut days: BTreeMap<NaiveDate, FoundDay> = BTreeMap::new();
        let mut primary: BTreeMap<NaiveDate, (u32, u32)> = BTreeMap::new();
        for listed in feed.entries.iter().flatten() {
            let Some(date) = listed.paper.announced else {
                continue;
            };
            days.entry(date).or_default().papers += 1;
            // A paper may be listed here long after it was announced elsewhere;
            // it is new in its primary category once.
            if listed.announcement == super::Announcement::New {
                let (new, repeated) = primary.entry(date).or_default();
                *new += 1;
                let before = announced.get(&listed.paper.id).copied().flatten();
                *repeated += u32::from(before.is_some_and(|before| before < date));
            }
        }
        let unreadable = feed.entries.iter().filter(|entry| entry.is_err()).count();
        for (date, day) in &mut days {
            let mut notes = Vec::new();
            if unreadable > 0 && *date == feed_date {
                notes.push(count(unreadable, "could not be read"));
            }
            if feed.entries.len() >= ENTRIES_MAX {
                notes.push(format!(
                    "the feed is full ({ENTRIES_MAX} entries): new papers may be missing"
                ));
            }
            day.note = notes.join("; ");
            if !feed.is_whole {
                day.problem = Some("the feed breaks off".to_owned());
            } else if primary
                .get(date)
                .is_some_and(|(new, repeated)| new == repeated)
            {
                day.problem = Some("the feed repeats an earlier announcement".to_owned());
            }
        }
        Found {
            date: Some(feed_date),
            days,
            unreadable,
            is_whole: feed.is_whole,
            failure: None,
            is_asked: true,
        }
    }

    fn judge(
        &self,
        category: &str,
        arrived: &BTreeSet<NaiveDate>,
        known: &[Coverage],
        now: DateTime<Utc>,
    ) -> Vec<CoverageUpdate> {
        let today = eastern_date(now);
        let known: BTreeMap<NaiveDate, &Coverage> = known
            .iter()
            .filter(|row| row.category == category)
            .map(|row| (row.date, row))
            .collect();
        let news = |date: NaiveDate, state: CoverageState, papers: u32, note: &str| {
            let seen = announced_at(date, now);
            let before = known.get(&date).and_then(|row| row.announced_at);
            CoverageUpdate {
                category: category.to_owned(),
                date,
                state,
                declared: None,
                papers,
                announced_at: Some(before.map_or(seen, |before| before.min(seen))),
                note: note.to_owned(),
            }
        };
        // State of a missing day.
        let missing = |date: NaiveDate| {
            let eastern = now.with_timezone(&New_York);
            let is_late = date < today || (is_working_day(date) && eastern.hour() >= STALLED_HOUR);
            if is_late {
                CoverageState::Stalled
            } else {
                CoverageState::Waiting
            }
        };
        let is_settled =
            |date: NaiveDate| known.get(&date).is_some_and(|row| row.state.is_settled());
        let Some(feed_date) = self.date else {
            let why = self.failure.as_deref().unwrap_or_default();
            let state = if self.is_asked {
                CoverageState::Failed
            } else {
                missing(today)
            };
            let is_said = !self.is_asked && (is_settled(today) || known.contains_key(&today));
            return if is_said {
                Vec::new()
            } else {
                vec![news(today, state, 0, why)]
            };
        };
        // A clock that is a little behind does not make a feed invalid.
        if feed_date > today + Days::new(1) {
            return vec![news(
                today,
                CoverageState::Failed,
                0,
                &format!("the feed is dated {feed_date}"),
            )];
        }
        let today = today.max(feed_date);
        let mut all = Vec::new();
        for (date, day) in &self.days {
            let (state, note) = match &day.problem {
                None => (CoverageState::Complete, day.note.clone()),
                Some(problem) => (missing(*date), problem.clone()),
            };
            all.push(news(*date, state, day.papers, &note));
        }
        if !self.days.contains_key(&feed_date) {
            all.push(if !self.is_whole {
                news(feed_date, missing(feed_date), 0, "the feed breaks off")
            } else if self.unreadable > 0 {
                let note = format!(
                    "nothing new in it, but {}",
                    count(self.unreadable, "could not be read")
                );
                news(feed_date, missing(feed_date), 0, &note)
            } else if !is_working_day(feed_date) {
                news(
                    feed_date,
                    CoverageState::Quiet,
                    0,
                    "no announcement on this day",
                )
            } else if arrived.contains(&feed_date) {
                news(
                    feed_date,
                    CoverageState::Quiet,
                    0,
                    "nothing new in this category",
                )
            } else if is_evening(feed_date, now) {
                news(feed_date, CoverageState::Quiet, 0, "the feed stayed empty")
            } else {
                news(feed_date, missing(feed_date), 0, "the feed is empty so far")
            });
        }
        if feed_date < today && !self.days.contains_key(&today) {
            let note = format!("the feed is still that of {feed_date}");
            // A mirror may not write feeds at weekends.
            let is_over = !is_working_day(today) && is_evening(today, now);
            let state = if is_over {
                CoverageState::Quiet
            } else {
                missing(today)
            };
            all.push(news(today, state, 0, &note));
        }
        // Days that no feed will show again.
        let said: BTreeSet<NaiveDate> = all.iter().map(|news| news.date).collect();
        let earliest = today.checked_sub_days(Days::new(GAP_DAYS)).unwrap_or(today);
        let first = known.keys().next().map(|first| earliest.max(*first));
        let past = first
            .into_iter()
            .flat_map(|date| date.iter_days())
            .take_while(|date| *date < feed_date);
        for date in past.filter(|date| !said.contains(date)) {
            match known.get(&date).map(|row| row.state) {
                None if is_working_day(date) => {
                    all.push(news(
                        date,
                        CoverageState::Stalled,
                        0,
                        "nobody looked on this day, and feeds hold one day only",
                    ));
                }
                Some(CoverageState::Waiting | CoverageState::Failed) => {
                    all.push(news(
                        date,
                        CoverageState::Stalled,
                        0,
                        "it did not come in its day, and feeds hold one day only",
                    ));
                }
                _ => {}
            }
        }
        all
    }
}

fn count(entries: usize, what: &str) -> String {
    if entries == 1 {
        format!("1 entry {what}")
    } else {
        format!("{entries} entries {what}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::arxiv::{Announcement, Listed};

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// A feed written as `2026-08-04: 1 2 x3`: its date and its papers, `x` for
    /// cross-listed ones; `…` where it breaks off; `!` for a failure.
    fn fetch_feeds(text: &str) -> FeedResult {
        if let Some(why) = text.strip_prefix('!') {
            return FeedResult::Failed(why.to_owned());
        }
        if text == "?" {
            return FeedResult::NotAsked("asked to wait".to_owned());
        }
        let (day, papers) = text.split_once(':').unwrap();
        let listed = |word: &str| {
            let (announcement, number) = match word.strip_prefix('x') {
                Some(number) => (Announcement::Cross, number),
                None => (Announcement::New, word),
            };
            let (id, _) =
                PaperId::parse(&format!("2608.{:05}", number.parse::<u32>().unwrap())).unwrap();
            let paper = crate::paper::Paper {
                version: Some(1),
                categories: vec!["cs.LG".to_owned()],
                announced: Some(date(day)),
                ..crate::paper::Paper::new(id, "t".to_owned())
            };
            Ok(Listed {
                announcement,
                paper,
            })
        };
        let words = papers.split_whitespace().filter(|word| *word != "…");
        FeedResult::Seen(Feed {
            date: Some(date(day)),
            entries: words.map(listed).collect(),
            is_whole: !papers.contains('…'),
        })
    }

    /// Fetches at instants, each of the feeds of cs.LG and cs.CL, as the store keeps
    /// them; returns what is known of cs.LG in the end.
    fn after(results: &[(&str, &str, &str)]) -> Vec<String> {
        let mut known: BTreeMap<(NaiveDate, String), Coverage> = BTreeMap::new();
        let mut announced = BTreeMap::new();
        for (now, lg, cl) in results {
            let now = at(now);
            let results = [
                ("cs.LG".to_owned(), fetch_feeds(lg)),
                ("cs.CL".to_owned(), fetch_feeds(cl)),
            ];
            let rows: Vec<Coverage> = known.values().cloned().collect();
            for news in judge(&results, &announced, &rows, now) {
                let key = (news.date, news.category.clone());
                let new = Coverage::told("arxiv", known.get(&key), &news, 0, now);
                known.insert(key, new);
            }
            for (_, result) in &results {
                let FeedResult::Seen(feed) = result else {
                    continue;
                };
                for listed in feed.entries.iter().flatten() {
                    announced
                        .entry(listed.paper.id.clone())
                        .or_insert(listed.paper.announced);
                }
            }
        }
        known
            .values()
            .filter(|row| row.category == "cs.LG")
            .map(|row| {
                format!(
                    "{} {} {}",
                    row.date.format("%a %d"),
                    row.state.word(),
                    row.papers
                )
            })
            .collect()
    }

    #[track_caller]
    fn check(results: &[(&str, &str, &str)], expected: &[&str]) {
        assert_eq!(after(results), expected);
    }

    // The 4th of August 2026 is a Tuesday; midnight in New York is 04:00 UTC.

    #[test]
    fn a_days_feed_with_papers_is_complete_at_once() {
        check(
            &[(
                "2026-08-04T04:10:00Z",
                "2026-08-04: 1 2 x3",
                "2026-08-04: x1",
            )],
            &["Tue 04 complete 3"],
        );
        // It stays so whatever comes, and grows.
        check(
            &[
                ("2026-08-04T04:10:00Z", "2026-08-04: 1 2", "!down"),
                ("2026-08-04T05:20:00Z", "2026-08-04: 1 2 3", "!down"),
                ("2026-08-04T06:20:00Z", "!down", "!down"),
            ],
            &["Tue 04 complete 3"],
        );
        // Only listed here: nothing to compare with the day before.
        check(
            &[
                ("2026-08-04T04:10:00Z", "2026-08-04: 1", "2026-08-04: 2"),
                ("2026-08-05T04:10:00Z", "2026-08-05: x2", "2026-08-05: 3"),
            ],
            &["Tue 04 complete 1", "Wed 05 complete 1"],
        );
    }

    #[test]
    fn a_feed_that_stands_still_is_waited_for() {
        let same = [("2026-08-04T04:10:00Z", "2026-08-04: 1 2", "2026-08-04: 3")];
        let then = |now, lg| [same[0], (now, lg, "2026-08-05: 4")];
        check(
            &then("2026-08-05T04:10:00Z", "2026-08-04: 1 2"),
            &["Tue 04 complete 2", "Wed 05 waiting 0"],
        );
        check(
            &then("2026-08-05T04:10:00Z", "2026-08-05: 1 2"),
            &["Tue 04 complete 2", "Wed 05 waiting 2"],
        );
        check(
            &then("2026-08-05T10:10:00Z", "2026-08-05: 1 2"),
            &["Tue 04 complete 2", "Wed 05 stalled 2"],
        );
        check(
            &then("2026-08-05T04:10:00Z", "2026-08-05: 1 2 5"),
            &["Tue 04 complete 2", "Wed 05 complete 3"],
        );
        check(
            &then("2026-08-05T04:10:00Z", "2026-08-05: 5 …"),
            &["Tue 04 complete 2", "Wed 05 waiting 1"],
        );
    }

    #[test]
    fn an_empty_feed_is_quiet_once_nothing_can_be_expected() {
        // Saturday.
        check(
            &[("2026-08-08T04:10:00Z", "2026-08-08:", "2026-08-08:")],
            &["Sat 08 quiet 0"],
        );
        // A named holiday, and the day whose feed would hold its evening.
        check(
            &[("2026-09-07T05:00:00Z", "2026-09-07:", "2026-09-07:")],
            &["Mon 07 quiet 0"],
        );
        check(
            &[("2026-09-08T05:00:00Z", "2026-09-08:", "2026-09-08:")],
            &["Tue 08 quiet 0"],
        );
        // A working day: early, late, in the evening.
        for (now, state) in [
            ("2026-08-07T04:10:00Z", "Fri 07 waiting 0"),
            ("2026-08-07T10:10:00Z", "Fri 07 stalled 0"),
            ("2026-08-08T00:10:00Z", "Fri 07 quiet 0"),
        ] {
            check(&[(now, "2026-08-07:", "2026-08-07:")], &[state]);
        }
        // The announcement is here, with nothing in this category.
        check(
            &[("2026-08-07T04:10:00Z", "2026-08-07:", "2026-08-07: 1")],
            &["Fri 07 quiet 0"],
        );
        // It came after all.
        check(
            &[
                ("2026-08-07T04:10:00Z", "2026-08-07:", "2026-08-07: 1"),
                ("2026-08-07T05:20:00Z", "2026-08-07: 2", "2026-08-07: 1"),
            ],
            &["Fri 07 complete 1"],
        );
    }

    #[test]
    fn a_feed_that_cannot_be_had_fails_the_day_it_is_asked_on() {
        check(
            &[("2026-08-04T04:10:00Z", "!down", "!down")],
            &["Tue 04 failed 0"],
        );
        check(
            &[("2026-08-04T04:10:00Z", "2026-09-04: 1", "!down")],
            &["Tue 04 failed 0"],
        );
        check(&[("2026-08-04T04:10:00Z", "?", "?")], &["Tue 04 waiting 0"]);
        check(
            &[
                ("2026-08-04T04:10:00Z", "!down", "!down"),
                ("2026-08-04T04:30:00Z", "2026-08-04: 1", "!down"),
            ],
            &["Tue 04 complete 1"],
        );
    }

    #[test]
    fn days_that_no_feed_will_show_again_are_stalled() {
        check(
            &[
                ("2026-08-04T04:10:00Z", "2026-08-04: 1", "!down"),
                ("2026-08-05T04:10:00Z", "!down", "!down"),
                // Thursday is missed; the weekend is none.
                ("2026-08-10T04:10:00Z", "2026-08-10: 2", "!down"),
            ],
            &[
                "Tue 04 complete 1",
                "Wed 05 stalled 0",
                "Thu 06 stalled 0",
                "Fri 07 stalled 0",
                "Mon 10 complete 1",
            ],
        );
    }

    #[test]
    fn the_evening_of_an_empty_day_may_be_observed_the_day_after() {
        check(
            &[
                ("2026-08-04T04:10:00Z", "2026-08-04:", "!down"),
                ("2026-08-05T04:01:00Z", "2026-08-04:", "!down"),
            ],
            &["Tue 04 quiet 0", "Wed 05 waiting 0"],
        );
    }

    #[test]
    fn a_settled_day_is_looked_at_once_more_an_hour_later() {
        let row = |completed: &str, checked: &str| {
            let results = [("cs.LG".to_owned(), fetch_feeds("2026-08-04: 1"))];
            let news = judge(&results, &BTreeMap::new(), &[], at(completed)).remove(0);
            Coverage {
                checked_at: at(checked),
                ..Coverage::told("arxiv", None, &news, 1, at(completed))
            }
        };
        let check = |completed, checked, now, expected| {
            assert_eq!(
                is_due("cs.LG", &[row(completed, checked)], at(now)),
                expected,
                "{completed} {checked} {now}"
            );
        };
        check(
            "2026-08-04T04:10:00Z",
            "2026-08-04T04:10:00Z",
            "2026-08-04T04:30:00Z",
            false,
        );
        check(
            "2026-08-04T04:10:00Z",
            "2026-08-04T04:10:00Z",
            "2026-08-04T05:10:00Z",
            true,
        );
        check(
            "2026-08-04T04:10:00Z",
            "2026-08-04T05:10:00Z",
            "2026-08-04T05:30:00Z",
            false,
        );
        check(
            "2026-08-04T04:10:00Z",
            "2026-08-04T05:10:00Z",
            "2026-08-05T04:00:00Z",
            true,
        );
        assert!(is_due(
            "cs.CL",
            &[row("2026-08-04T04:10:00Z", "2026-08-04T04:10:00Z")],
            at("2026-08-04T04:30:00Z")
        ));
    }
}
