//! What became of papers that a subscriber knows, for those who ask for it.

use super::compose::Plan;
use crate::paper::PaperNews;
use crate::store::{Db, PaperEvent, StoreError};
use crate::subscriber::{Preferences, Subscriber};
use chrono::{DateTime, Utc};

/// What is to be told in an issue: one thing of each paper, what was seen first coming first.
pub(crate) fn to_tell(
    db: &Db,
    subscriber: &Subscriber,
    since: DateTime<Utc>,
) -> Result<Vec<PaperEvent>, StoreError> {
    let preferences = &subscriber.preferences;
    if !preferences.replacements && !preferences.publications {
        return Ok(Vec::new());
    }
    let interests = subscriber.interests.iter();
    let liked: Vec<_> = interests
        .flat_map(|interest| interest.liked.iter().cloned())
        .collect();
    let told = db.run_here(|store| store.news_for(subscriber.id, &liked, since))?;
    Ok(choose(told, preferences))
}

/// Adds what is to be told to the plan.
pub(crate) fn plan(db: &Db, plan: &mut Plan) -> Result<(), StoreError> {
    plan.told = to_tell(db, &plan.subscriber, plan.told_since)?;
    Ok(())
}

/// Of what became of each paper the weightiest that is wanted.
fn choose(mut told: Vec<PaperEvent>, preferences: &Preferences) -> Vec<PaperEvent> {
    told.retain(|told| match told.news {
        PaperNews::Replaced(_) | PaperNews::Withdrawn => preferences.replacements,
        PaperNews::Published(_) => preferences.publications,
    });
    let weight = |news: &PaperNews| match news {
        PaperNews::Replaced(version) => (0, *version),
        PaperNews::Published(_) => (1, 0),
        PaperNews::Withdrawn => (2, 0),
    };
    told.sort_by_key(|told| (told.paper.row, std::cmp::Reverse(weight(&told.news))));
    told.dedup_by_key(|told| told.paper.row);
    told.sort_by_key(|told| (told.day, told.paper.row));
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::Paper;
    use crate::store::{PaperRow, StoredPaper};

    fn told(row: i64, day: &str, news: PaperNews) -> PaperEvent {
        let paper = Paper::new(format!("2510.{row:05}").parse().unwrap(), "a".to_owned());
        let seen_at = "2026-08-04T00:00:00Z".parse().unwrap();
        PaperEvent {
            paper: StoredPaper {
                row: PaperRow(row),
                paper,
                seen_at,
            },
            news,
            day: day.parse().unwrap(),
        }
    }

    #[track_caller]
    fn check(replacements: bool, publications: bool, expected: &[&str]) {
        let all = vec![
            told(1, "2026-08-05", PaperNews::Replaced(2)),
            told(1, "2026-08-06", PaperNews::Replaced(3)),
            told(1, "2026-08-06", PaperNews::Published("Sheep".to_owned())),
            told(2, "2026-08-04", PaperNews::Replaced(2)),
            told(2, "2026-08-04", PaperNews::Withdrawn),
        ];
        let preferences = Preferences {
            replacements,
            publications,
            ..Preferences::default()
        };
        let chosen: Vec<String> = choose(all, &preferences)
            .iter()
            .map(|told| format!("{} {}", told.paper.row.0, told.news))
            .collect();
        assert_eq!(chosen, expected);
    }

    #[test]
    fn one_thing_is_told_of_each_paper_if_it_is_asked_for() {
        check(true, true, &["2 withdrawn", "1 published in Sheep"]);
        check(true, false, &["2 withdrawn", "1 replaced: version 3"]);
        check(false, true, &["1 published in Sheep"]);
        check(false, false, &[]);
    }
}
