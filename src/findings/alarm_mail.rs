//! The words of alarm mails. Pure. Pure.

use super::history::News;
use crate::digest::notices::Notice;
use crate::store::AlarmRow;
use chrono::{DateTime, Utc};

/// The mail about `news`, of which there is at least one.
pub(super) fn notice(
    news: &[(&AlarmRow, News)],
    url: Option<String>,
    now: DateTime<Utc>,
) -> Notice {
    let since = news.iter().map(|(row, _)| row.since).min().unwrap_or(now);
    match news {
        [(row, news)] => Notice::Alarm {
            problem: headline(row, *news),
            details: details(row, *news),
            remedy: (!is_over(*news)).then(|| row.remedy.clone()),
            since,
            url,
        },
        several => {
            let standing = several.iter().filter(|(_, news)| !is_over(*news)).count();
            let over = several.len() - standing;
            let problem = match (standing, over) {
                (0, over) => format!("{over} problems are over"),
                (1, over) => format!("{} ({over} over)", several_first(several)),
                (standing, 0) => format!("{standing} problems: {}, …", several_first(several)),
                (standing, over) => format!(
                    "{standing} problems, {over} over: {}, …",
                    several_first(several)
                ),
            };
            let mut lines = Vec::new();
            for (row, news) in several {
                lines.push(format!(
                    "{} (since {})",
                    headline(row, *news),
                    row.since.format("%Y-%m-%d %H:%M UTC")
                ));
                if !is_over(*news) {
                    lines.push(format!("→ {}", row.remedy));
                }
            }
            Notice::Alarm {
                problem,
                details: lines,
                remedy: None,
                since,
                url,
            }
        }
    }
}

fn is_over(news: News) -> bool {
    matches!(news, News::Over | News::Passed)
}

fn several_first<'a>(several: &[(&'a AlarmRow, News)]) -> &'a str {
    several
        .iter()
        .find(|(_, news)| !is_over(*news))
        .map_or("", |(row, _)| row.text.as_str())
}

fn headline(row: &AlarmRow, news: News) -> String {
    match news {
        News::Raised => row.text.clone(),
        News::Lasts => format!("still: {}", row.text),
        News::Over => format!("over: {}", row.text),
        News::Passed => format!("was so, and is over: {}", row.text),
    }
}

fn details(row: &AlarmRow, news: News) -> Vec<String> {
    let mut details = Vec::new();
    if !row.detail.is_empty() {
        details.push(row.detail.lines().collect::<Vec<_>>().join("; "));
    }
    if let Some(over) = row.over_at.filter(|_| is_over(news)) {
        details.push(format!(
            "from {} to {}",
            row.since.format("%Y-%m-%d %H:%M"),
            over.format("%Y-%m-%d %H:%M UTC")
        ));
    }
    details
}
