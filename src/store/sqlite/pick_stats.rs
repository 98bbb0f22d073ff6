//! Feedback on picks.

use super::SqliteStore;
use super::row::{Columns, json_text};
use crate::pick::Section;
use crate::store::{PaperRow, PickKind, PickPlace, PickStats, PickStatsStore, StoreError};
use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Row, named_params};

impl PickStatsStore for SqliteStore {
    fn pick_stats(&mut self, since: DateTime<Utc>) -> Result<Vec<PickStats>, StoreError> {
        // A thumb records the issue and place of its paper, even if the paper was merged since.
        let mut statement = self.conn.prepare_cached(
            "SELECT picks.kind,
                    picks.position + 1 AS rank,
                    count(*) AS shown,
                    count(*) FILTER (WHERE feedback.thumb = 'more') AS more,
                    count(*) FILTER (WHERE feedback.thumb = 'less') AS less,
                    count(*) FILTER (WHERE feedback.thumb = 'save') AS save
               FROM issues
               JOIN picks ON picks.issue_id = issues.id
               LEFT JOIN feedback ON feedback.subscriber_id = picks.subscriber_id
                                 AND feedback.issue_id = picks.issue_id
                                 AND feedback.rank = picks.position + 1
              WHERE issues.composed_at >= :since AND picks.section <> :news
              GROUP BY picks.kind, picks.position
              ORDER BY picks.kind, picks.position",
        )?;
        let rows = statement.query_map(
            named_params! { ":since": since.timestamp(), ":news": json_text(&Section::News) },
            |row| {
                let PickPlace { kind, rank } = place(row)?;
                Ok(PickStats {
                    kind,
                    rank,
                    shown: row.get("shown")?,
                    more: row.get("more")?,
                    less: row.get("less")?,
                    save: row.get("save")?,
                })
            },
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn pick_places(
        &mut self,
        picks: &[(i64, PaperRow)],
        since: DateTime<Utc>,
    ) -> Result<Vec<Option<PickPlace>>, StoreError> {
        let tx = self.conn.transaction()?;
        let mut statement = tx.prepare_cached(
            "SELECT picks.kind, picks.position + 1 AS rank
               FROM picks
               JOIN issues ON issues.id = picks.issue_id
              WHERE picks.issue_id = :issue
                AND picks.paper IN (SELECT row FROM papers WHERE row = :paper
                    OR merged_into = :paper)
                AND issues.composed_at >= :since
                AND picks.section <> :news
              ORDER BY picks.position
              LIMIT 1",
        )?;
        let mut places = Vec::with_capacity(picks.len());
        for (issue, paper) in picks {
            let values = named_params! {
                ":issue": issue,
                ":paper": paper.0,
                ":since": since.timestamp(),
                ":news": json_text(&Section::News),
            };
            places.push(statement.query_row(values, place).optional()?);
        }
        Ok(places)
    }
}

fn place(row: &Row<'_>) -> rusqlite::Result<PickPlace> {
    let kind = Columns::of("picks", row).word("kind", &PickKind::WORDS)?;
    Ok(PickPlace {
        kind,
        rank: row.get("rank")?,
    })
}
