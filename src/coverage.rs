//! Coverage: how complete the papers of a source are, per day and category.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// State of the announcement of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CoverageState {
    /// It is missing or incomplete, and not late yet.
    Waiting,
    /// It is complete.
    Complete,
    /// There was none, or nothing in this category.
    Quiet,
    /// It is late.
    Stalled,
    /// The source could not be read.
    Failed,
}

impl CoverageState {
    /// Every state with its word.
    pub const WORDS: [(&'static str, CoverageState); 5] = [
        ("waiting", CoverageState::Waiting),
        ("complete", CoverageState::Complete),
        ("quiet", CoverageState::Quiet),
        ("stalled", CoverageState::Stalled),
        ("failed", CoverageState::Failed),
    ];

    /// Its word in listings.
    pub fn word(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, state)| *state == self)
            .expect("every state has a word")
            .0
    }

    /// Whether the day is complete or quiet.
    pub fn is_settled(self) -> bool {
        matches!(self, CoverageState::Complete | CoverageState::Quiet)
    }
}

/// Coverage of one source in one category on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Coverage {
    /// Name of the source.
    pub source: String,
    /// The category; empty for the whole source.
    pub category: String,
    /// The announcement day.
    pub date: NaiveDate,
    /// Its state.
    pub state: CoverageState,
    /// Number of papers that the source declares, if it does. For arXiv this is the number
    /// in the lists of changes, and set only if the day was checked.
    pub declared: Option<u32>,
    /// Papers read. One that stands in two categories counts in both.
    pub papers: u32,
    /// Time of the announcement; `None` is midnight UTC of the day.
    pub announced_at: Option<DateTime<Utc>>,
    /// Time of the last response; for a day that is not settled, of the last request.
    pub checked_at: DateTime<Utc>,
    /// Since when nothing is missing: there if and only if the state is complete
    /// or quiet. It moves when papers are filled in later.
    pub completed_at: Option<DateTime<Utc>>,
    /// Note for a person.
    pub note: String,
}

/// Coverage of one category on one day, as one fetch proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageUpdate {
    /// The category; empty for the whole source.
    pub category: String,
    /// The announcement day.
    pub date: NaiveDate,
    /// Its state.
    pub state: CoverageState,
    /// Number of papers that the source declares, if it does.
    pub declared: Option<u32>,
    /// Papers read.
    pub papers: u32,
    /// Time of the announcement; `None` is midnight UTC of the day.
    pub announced_at: Option<DateTime<Utc>>,
    /// Note for a person.
    pub note: String,
}

impl Coverage {
    /// Coverage after `news` came at `now`, with `new_papers` of that day which had not
    /// been announced before.
    ///
    /// A settled day stays settled: a later fetch that fails or finds less is evidence
    /// about the source, not about the day. A quiet day may still become complete.
    pub fn told(
        source: &str,
        known: Option<&Coverage>,
        news: &CoverageUpdate,
        new_papers: u32,
        now: DateTime<Utc>,
    ) -> Self {
        let since = known
            .filter(|known| known.state.is_settled())
            .and_then(|known| known.completed_at);
        let keeps = known.filter(|known| match known.state {
            CoverageState::Complete => news.state != CoverageState::Complete,
            CoverageState::Quiet => !news.state.is_settled(),
            _ => false,
        });
        if let Some(known) = keeps {
            // A fetch that proved nothing has to be repeated.
            let checked_at = if news.state.is_settled() {
                now
            } else {
                known.checked_at
            };
            return Coverage {
                checked_at,
                ..known.clone()
            };
        }
        // Issues find papers that were filled in later by this instant.
        let completed_at = match since {
            _ if !news.state.is_settled() => None,
            Some(since) if new_papers == 0 => Some(since),
            _ => Some(now),
        };
        Coverage {
            source: source.to_owned(),
            category: news.category.clone(),
            date: news.date,
            state: news.state,
            declared: news.declared.or(known.and_then(|known| known.declared)),
            papers: news.papers.max(known.map_or(0, |known| known.papers)),
            announced_at: news.announced_at,
            checked_at: now,
            completed_at,
            // A fetch without a note does not remove the note of another one.
            note: match known {
                Some(known) if news.note.is_empty() && known.state == news.state => {
                    known.note.clone()
                }
                _ => news.note.clone(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use CoverageState::{Complete, Failed, Quiet, Stalled, Waiting};

    fn at(hour: u32) -> DateTime<Utc> {
        "2026-08-04T00:00:00Z".parse::<DateTime<Utc>>().unwrap()
            + chrono::TimeDelta::hours(hour.into())
    }

    fn news(state: CoverageState, papers: u32) -> CoverageUpdate {
        CoverageUpdate {
            category: "cs.LG".to_owned(),
            date: at(0).date_naive(),
            state,
            declared: None,
            papers,
            announced_at: None,
            note: String::new(),
        }
    }

    /// Looks at hours 1, 2, …: (what was found, papers, of them new).
    #[track_caller]
    fn check(
        looks: &[(CoverageState, u32, u32)],
        state: CoverageState,
        papers: u32,
        completed_at: Option<u32>,
    ) {
        let mut known: Option<Coverage> = None;
        for ((state, papers, new), hour) in looks.iter().zip(1..) {
            known = Some(Coverage::told(
                "arxiv",
                known.as_ref(),
                &news(*state, *papers),
                *new,
                at(hour),
            ));
        }
        let known = known.unwrap();
        assert_eq!(
            (known.state, known.papers, known.completed_at),
            (state, papers, completed_at.map(at))
        );
        let answered = looks
            .iter()
            .rposition(|look| look.0.is_settled() || !state.is_settled());
        assert_eq!(known.checked_at, at(answered.unwrap() as u32 + 1));
    }

    #[test]
    fn what_was_settled_stays_settled() {
        check(
            &[(Waiting, 0, 0), (Stalled, 0, 0), (Complete, 9, 9)],
            Complete,
            9,
            Some(3),
        );
        check(&[(Complete, 9, 9), (Complete, 9, 0)], Complete, 9, Some(1));
        check(&[(Complete, 9, 9), (Failed, 0, 0)], Complete, 9, Some(1));
        check(&[(Complete, 9, 9), (Quiet, 0, 0)], Complete, 9, Some(1));
        check(&[(Quiet, 0, 0), (Waiting, 0, 0)], Quiet, 0, Some(1));
        check(&[(Failed, 0, 0), (Waiting, 0, 0)], Waiting, 0, None);
    }

    #[test]
    fn what_is_filled_in_later_moves_the_instant() {
        check(
            &[(Complete, 9, 9), (Complete, 12, 3)],
            Complete,
            12,
            Some(2),
        );
        check(&[(Quiet, 0, 0), (Complete, 3, 3)], Complete, 3, Some(2));
        // A paper that another category brought first is no news, but the day was not complete
        // before.
        check(&[(Waiting, 0, 0), (Complete, 3, 0)], Complete, 3, Some(2));
        check(&[(Quiet, 0, 0), (Complete, 3, 0)], Complete, 3, Some(1));
    }
}
