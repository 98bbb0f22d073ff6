//! Alarms and daily summaries.

use super::SqliteStore;
use super::requests::enqueue;
use super::row::{Columns, date_text, json_text};
use crate::run_figures::RunFigures;
use crate::store::{
    AlarmRow, AlarmStore, DeliveryId, FailingSource, IncidentCounts, NewNotice, RunRow, StoreError,
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

/// `deliveries.kind` of mails to the operator, which belong to no subscriber.
const TO_THE_OPERATOR: &str = "('alarm', 'run')";

impl AlarmStore for SqliteStore {
    fn alarms(&mut self, since: DateTime<Utc>) -> Result<Vec<AlarmRow>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT * FROM alarms WHERE over_at IS NULL
              UNION ALL
             SELECT * FROM alarms WHERE over_at >= :since
              ORDER BY since DESC, id DESC",
        )?;
        let rows = statement.query_map(named_params! { ":since": since.timestamp() }, alarm)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn save_alarms(
        &mut self,
        alarms: &[AlarmRow],
        mail: Option<&NewNotice>,
        now: DateTime<Utc>,
    ) -> Result<Option<DeliveryId>, StoreError> {
        let tx = self.write()?;
        for alarm in alarms {
            if alarm.raised_at.is_none() && alarm.over_at.is_some() {
                tx.prepare_cached("DELETE FROM alarms WHERE id = :id")?
                    .execute(named_params! { ":id": alarm.id })?;
                continue;
            }
            let sql = if alarm.id == 0 {
                "INSERT INTO alarms (name, about, text, remedy, detail, since, seen_at, raised_at,
                    over_at, mailed_at,
                                     mail_done, posted_at, post_done)
                 VALUES (:name, :about, :text, :remedy, :detail, :since, :seen, :raised, :over,
                     :mailed, :done,
                         :posted, :post_done)
                     ON CONFLICT DO NOTHING"
            } else {
                "UPDATE alarms
                    SET text = :text, remedy = :remedy, detail = :detail, since = :since,
                        seen_at = :seen,
                        raised_at = :raised, over_at = :over, mailed_at = :mailed, mail_done = :done
                  WHERE id = :id AND name = :name AND about = :about"
            };
            let mut statement = tx.prepare_cached(sql)?;
            let seconds = |at: Option<DateTime<Utc>>| at.map(|at| at.timestamp());
            let mut values: Vec<(&str, &dyn rusqlite::ToSql)> = Vec::new();
            let (since, seen) = (alarm.since.timestamp(), alarm.seen_at.timestamp());
            let (raised, over, mailed) = (
                seconds(alarm.raised_at),
                seconds(alarm.over_at),
                seconds(alarm.mailed_at),
            );
            values.extend::<[(&str, &dyn rusqlite::ToSql); 11]>([
                (":name", &alarm.name),
                (":about", &alarm.about),
                (":text", &alarm.text),
                (":remedy", &alarm.remedy),
                (":detail", &alarm.detail),
                (":since", &since),
                (":seen", &seen),
                (":raised", &raised),
                (":over", &over),
                (":mailed", &mailed),
                (":done", &alarm.mail_done),
            ]);
            let posted = seconds(alarm.posted_at);
            if alarm.id == 0 {
                values.extend::<[(&str, &dyn rusqlite::ToSql); 2]>([
                    (":posted", &posted),
                    (":post_done", &alarm.post_done),
                ]);
            } else {
                values.push((":id", &alarm.id));
            }
            statement.execute(values.as_slice())?;
        }
        let mailed = mail.map(|mail| enqueue(&tx, mail, now)).transpose()?;
        tx.commit()?;
        Ok(mailed)
    }

    fn note_posted(
        &mut self,
        id: i64,
        is_over: bool,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached("UPDATE alarms SET posted_at = :now, post_done = :over WHERE id = :id")?
            .execute(named_params! { ":id": id, ":now": now.timestamp(), ":over": is_over })?;
        Ok(())
    }

    fn incident_counts(&mut self, since: DateTime<Utc>) -> Result<IncidentCounts, StoreError> {
        let (conn, at) = (&self.conn, since.timestamp());
        let first = first_delivery_since(conn, since)?;
        let count = |sql: &str, first: i64| -> rusqlite::Result<u64> {
            let mut statement = conn.prepare_cached(sql)?;
            let values: &[(&str, &dyn rusqlite::ToSql)] = &[(":since", &at), (":first", &first)];
            let known = |name: &str| sql.contains(name);
            let values: Vec<_> = values
                .iter()
                .copied()
                .filter(|(name, _)| known(name))
                .collect();
            statement.query_row(values.as_slice(), |row| row.get(0))
        };
        let mut set_aside = conn.prepare_cached(
            "SELECT source, count(*) AS n FROM set_aside WHERE at >= :since GROUP BY source
                ORDER BY source",
        )?;
        let set_aside = set_aside.query_map(named_params! { ":since": at }, |row| {
            Ok((row.get("source")?, row.get("n")?))
        })?;
        Ok(IncidentCounts {
            composed: count(
                "SELECT count(*) FROM deliveries WHERE id >= :first AND kind = 'issue'",
                first,
            )?,
            accepted: count(
                "SELECT count(*) FROM deliveries WHERE id >= :first AND kind = 'issue'
                    AND state = 'accepted'",
                first,
            )?,
            expired: count(
                "SELECT count(*) FROM deliveries
                  WHERE state = 'expired' AND at >= :since AND kind = 'issue' AND soft = 0",
                0,
            )?,
            held: count(
                &format!(
                    "SELECT count(*) FROM deliveries
                      WHERE state = 'held' AND kind NOT IN {TO_THE_OPERATOR}
                        AND coalesce(text, '') NOT LIKE 'the address is suppressed%'"
                ),
                0,
            )?,
            refused_for_policy: count(
                &format!(
                    "SELECT count(*) FROM deliveries
                      WHERE id >= :first AND kind NOT IN {TO_THE_OPERATOR} AND code >= 500
                          AND enhanced LIKE '5.7.%'"
                ),
                first,
            )?,
            suppressed: count("SELECT count(*) FROM suppressions WHERE at >= :since", 0)?,
            skipped_late: count(
                "SELECT count(*) FROM skipped WHERE why = 'late' AND at >= :since",
                0,
            )?,
            papers_complete: count(
                "SELECT coalesce(sum(parsed), 0) FROM coverage WHERE state = 'complete'
                    AND completed_at >= :since",
                0,
            )?,
            set_aside: set_aside.collect::<Result<_, _>>()?,
            last_try: conn
                .prepare_cached(
                    "SELECT max(at) AS at FROM deliveries WHERE id >= :first AND attempts > 0",
                )?
                .query_row(named_params! { ":first": first }, |row| {
                    Columns::of("deliveries", row).instant_if_any("at")
                })?,
        })
    }

    fn note_look(
        &mut self,
        source: &str,
        why: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        match why {
            None => self
                .conn
                .prepare_cached("DELETE FROM sources_failing WHERE source = :source")?
                .execute(named_params! { ":source": source })?,
            Some(why) => self
                .conn
                .prepare_cached(
                    "INSERT INTO sources_failing (source, since, why)
                     VALUES (:source, :now, :why)
                         ON CONFLICT (source) DO UPDATE SET why = :why",
                )?
                .execute(
                    named_params! { ":source": source, ":now": now.timestamp(), ":why": why },
                )?,
        };
        Ok(())
    }

    fn failing_sources(&mut self) -> Result<Vec<FailingSource>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT * FROM sources_failing ORDER BY source")?;
        let rows = statement.query_map([], |row| {
            let columns = Columns::of("sources_failing", row);
            Ok(FailingSource {
                source: columns.get("source")?,
                since: columns.instant("since")?,
                why: columns.get("why")?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn count_issues(&mut self, since: DateTime<Utc>) -> Result<u64, StoreError> {
        let first = first_delivery_since(&self.conn, since)?;
        let mut statement = self.conn.prepare_cached(
            "SELECT count(*) FROM deliveries WHERE id >= :first AND kind = 'issue'",
        )?;
        Ok(statement.query_row(named_params! { ":first": first }, |row| row.get(0))?)
    }

    fn overdue_readers(&mut self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut statement = self.conn.prepare_cached(
            // A subscriber who changed something is considered from then on.
            "SELECT count(*) FROM subscribers
              WHERE next_due_at <= :before AND status = 'active'
                  AND max(next_due_at, changed_at, due_from) <= :before",
        )?;
        Ok(
            statement.query_row(named_params! { ":before": before.timestamp() }, |row| {
                row.get(0)
            })?,
        )
    }

    fn oldest_due_to_readers(
        &mut self,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let mut statement = self.conn.prepare_cached(&format!(
            "SELECT next_at FROM deliveries
              WHERE next_at <= :now AND kind NOT IN {TO_THE_OPERATOR}
              ORDER BY next_at
              LIMIT 1"
        ))?;
        let oldest = statement
            .query_row(named_params! { ":now": now.timestamp() }, |row| {
                Columns::of("deliveries", row).instant("next_at")
            })
            .optional()?;
        Ok(oldest)
    }

    fn run_figures(
        &mut self,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<RunFigures, StoreError> {
        let conn = &self.conn;
        let window = named_params! { ":since": since.timestamp(), ":until": until.timestamp() };
        let count = |sql: &str| -> rusqlite::Result<u64> {
            conn.prepare_cached(sql)?
                .query_row(window, |row| row.get::<_, Option<u64>>(0))
                .map(Option::unwrap_or_default)
        };
        let mut figures = RunFigures {
            papers: {
                let first = first_paper_since(conn, since)?;
                conn.prepare_cached(
                    "SELECT count(*) FROM papers WHERE row >= :first AND seen_at < :until
                        AND merged_into IS NULL",
                )?
                .query_row(
                    named_params! {
                        ":first": first,
                        ":until": until.timestamp(),
                    },
                    |row| row.get(0),
                )?
            },
            empty: count(
                "SELECT count(*) FROM skipped WHERE why = 'empty' AND at >= :since AND at < :until",
            )?,
            bounces: count(
                "SELECT count(*) FROM reports WHERE class IN ('hard', 'soft', 'policy')
                    AND at >= :since AND at < :until",
            )?,
            complaints: count(
                "SELECT count(*) FROM reports WHERE class = 'complaint' AND at >= :since
                    AND at < :until",
            )?,
            joined: count(
                "SELECT count(*) FROM subscribers
                  WHERE joined_at >= :since AND joined_at < :until AND status <> 'pending'",
            )?,
            left: count(
                "SELECT count(*) FROM subscribers WHERE left_at >= :since AND left_at < :until",
            )?,
            ..RunFigures::default()
        };
        figures.readers = conn.query_row(
            "SELECT count(*) FROM subscribers WHERE status = 'active'",
            [],
            |row| row.get(0),
        )?;
        let mut states = conn.prepare_cached(
            "SELECT state, count(*) AS n FROM deliveries
              WHERE id >= :first AND kind = 'issue' AND queued_at >= :since AND queued_at < :until
              GROUP BY state",
        )?;
        let first = first_delivery_since(conn, since)?;
        let mut rows = states.query(named_params! {
            ":first": first,
            ":since": since.timestamp(),
            ":until": until.timestamp(),
        })?;
        while let Some(row) = rows.next()? {
            let (state, n): (String, u64) = (row.get("state")?, row.get("n")?);
            figures.composed += n;
            match state.as_str() {
                "accepted" => figures.accepted += n,
                "rejected" => figures.rejected += n,
                "expired" => figures.expired += n,
                "uncertain" | "held" => figures.uncertain += n,
                _ => figures.deferred += n,
            }
        }
        let mut late = conn.prepare_cached(
            "SELECT source, category, date, state FROM coverage
              WHERE date >= :first AND date <= :last AND state NOT IN ('complete', 'quiet')
              ORDER BY date, source, category
              LIMIT 50",
        )?;
        let late = late.query_map(
            named_params! {
                ":first": date_text(since.date_naive()),
                ":last": date_text(until.date_naive()),
            },
            |row| {
                let (source, category): (String, String) =
                    (row.get("source")?, row.get("category")?);
                let (date, state): (String, String) = (row.get("date")?, row.get("state")?);
                let of = if category.is_empty() {
                    source
                } else {
                    format!("{source} {category}")
                };
                Ok(format!("{of} {date} ({state})"))
            },
        )?;
        figures.sources_late = late.collect::<Result<_, _>>()?;
        figures.next = conn
            .prepare_cached(
                "SELECT min(next_due_at) AS next FROM subscribers WHERE next_due_at > :until",
            )?
            .query_row(named_params! { ":until": until.timestamp() }, |row| {
                Columns::of("subscribers", row).instant_if_any("next")
            })?;
        Ok(figures)
    }

    fn save_run(
        &mut self,
        run: &RunRow,
        mail: Option<&NewNotice>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let tx = self.write()?;
        let inserted = tx
            .prepare_cached(
                "INSERT INTO runs (date, since, at, figures)
                 VALUES (:date, :since, :at, :figures)
                     ON CONFLICT (date) DO NOTHING",
            )?
            .execute(named_params! {
                ":date": date_text(run.date),
                ":since": run.since.timestamp(),
                ":at": run.at.timestamp(),
                ":figures": json_text(&run.figures),
            })?;
        if inserted == 0 {
            return Ok(false);
        }
        if let Some(mail) = mail {
            enqueue(&tx, mail, now)?;
        }
        tx.commit()?;
        Ok(true)
    }

    fn runs(&mut self, limit: u32) -> Result<Vec<RunRow>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT * FROM runs ORDER BY date DESC LIMIT :limit")?;
        let rows = statement.query_map(named_params! { ":limit": limit }, |row| {
            let columns = Columns::of("runs", row);
            Ok(RunRow {
                date: columns.date("date")?,
                since: columns.instant("since")?,
                at: columns.instant("at")?,
                figures: columns.json("figures")?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn waits(&mut self, since: DateTime<Utc>, limit: u32) -> Result<Vec<u64>, StoreError> {
        let first = first_delivery_since(&self.conn, since)?;
        let mut statement = self.conn.prepare_cached(
            "SELECT max(at - queued_at, 0) AS waited FROM deliveries
              WHERE id >= :first AND kind = 'issue' AND state = 'accepted'
              ORDER BY id DESC
              LIMIT :limit",
        )?;
        let rows = statement
            .query_map(named_params! { ":first": first, ":limit": limit }, |row| {
                row.get("waited")
            })?;
        let mut waits: Vec<u64> = rows.collect::<Result<_, _>>()?;
        waits.sort_unstable();
        Ok(waits)
    }
}

fn alarm(row: &Row<'_>) -> rusqlite::Result<AlarmRow> {
    let columns = Columns::of("alarms", row);
    Ok(AlarmRow {
        id: columns.get("id")?,
        name: columns.get("name")?,
        about: columns.get("about")?,
        text: columns.get("text")?,
        remedy: columns.get("remedy")?,
        detail: columns.get("detail")?,
        since: columns.instant("since")?,
        seen_at: columns.instant("seen_at")?,
        raised_at: columns.instant_if_any("raised_at")?,
        over_at: columns.instant_if_any("over_at")?,
        mailed_at: columns.instant_if_any("mailed_at")?,
        mail_done: columns.get("mail_done")?,
        posted_at: columns.instant_if_any("posted_at")?,
        post_done: columns.get("post_done")?,
    })
}

/// Returns the number of the first delivery queued at or after `since`.
pub(super) fn first_delivery_since(
    conn: &Connection,
    since: DateTime<Utc>,
) -> rusqlite::Result<i64> {
    first_since(
        conn,
        "SELECT id, queued_at FROM deliveries WHERE id >= :from ORDER BY id LIMIT 1",
        since,
    )
}

/// Returns the row of the first paper taken in at or after `since`.
fn first_paper_since(conn: &Connection, since: DateTime<Utc>) -> rusqlite::Result<i64> {
    first_since(
        conn,
        "SELECT row, seen_at FROM papers WHERE row >= :from ORDER BY row LIMIT 1",
        since,
    )
}

/// Finds, by bisection, the first row at or after an instant in a table whose rows are
/// numbered in the order of time: a query for the last day does not read years. `sql`
/// returns number and instant of the first row from `:from` on.
fn first_since(conn: &Connection, sql: &str, since: DateTime<Utc>) -> rusqlite::Result<i64> {
    let mut statement = conn.prepare_cached(sql)?;
    let (mut before, mut after) = (0_i64, i64::MAX);
    while before < after {
        let middle = before + (after - before) / 2;
        let found: Option<(i64, i64)> = statement
            .query_row(named_params! { ":from": middle }, |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        match found {
            Some((row, at)) if at < since.timestamp() => before = row + 1,
            // There is no row between `middle` and the row that was found.
            _ => after = middle,
        }
    }
    Ok(before)
}
