//! News of papers that a subscriber knows, for those who want it.

use super::composer::Plan;
use crate::pick::PaperNews;
use crate::store::{Db, PaperEvent, StoreError};
use crate::subscriber::{Preferences, Subscriber};
use chrono::{DateTime, Utc};

/// The news for an issue: one event of each paper, oldest first.
pub(crate) fn wanted_news(
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

/// Adds the news to the plan.
pub(crate) fn plan(db: &Db, plan: &mut Plan) -> Result<(), StoreError> {
    plan.news = wanted_news(db, &plan.subscriber, plan.news_since)?;
    Ok(())
}

/// The most important wanted event of each paper.
fn choose(mut events: Vec<PaperEvent>, preferences: &Preferences) -> Vec<PaperEvent> {
    events.retain(|event| match event.news {
        PaperNews::Replaced(_) | PaperNews::Withdrawn => preferences.replacements,
        PaperNews::Published(_) => preferences.publications,
    });
    let weight = |news: &PaperNews| match news {
        PaperNews::Replaced(version) => (0, *version),
        PaperNews::Published(_) => (1, 0),
        PaperNews::Withdrawn => (2, 0),
    };
    events.sort_by_key(|event| (event.paper.row, std::cmp::Reverse(weight(&event.news))));
    events.dedup_by_key(|event| event.paper.row);
    events.sort_by_key(|event| (event.day, event.paper.row));
    events
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::Paper;
    use crate::store::{PaperRow, StoredPaper};

    fn event(row: i64, day: &str, news: PaperNews) -> PaperEvent {
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
    fn check(replacements: bool, publications: bool, expected: &[(i64, PaperNews)]) {
        let all = vec![
            event(1, "2026-08-05", PaperNews::Replaced(2)),
            event(1, "2026-08-06", PaperNews::Replaced(3)),
            event(1, "2026-08-06", PaperNews::Published("Sheep".to_owned())),
            event(2, "2026-08-04", PaperNews::Replaced(2)),
            event(2, "2026-08-04", PaperNews::Withdrawn),
        ];
        let preferences = Preferences {
            replacements,
            publications,
            ..Preferences::default()
        };
        let chosen: Vec<(i64, PaperNews)> = choose(all, &preferences)
            .iter()
            .map(|event| (event.paper.row.0, event.news.clone()))
            .collect();
        assert_eq!(chosen, expected);
    }

    #[test]
    fn one_wanted_event_of_each_paper_is_chosen() {
        let withdrawn = (2, PaperNews::Withdrawn);
        let published = (1, PaperNews::Published("Sheep".to_owned()));
        let replaced = (1, PaperNews::Replaced(3));
        check(true, true, &[withdrawn.clone(), published.clone()]);
        check(true, false, &[withdrawn, replaced]);
        check(false, true, &[published]);
        check(false, false, &[]);
    }
}
