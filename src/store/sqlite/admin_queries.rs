//! Queries of the operator's pages.

use super::SqliteStore;
use super::deliveries::delivery;
use super::inbound::report_row;
use super::row::Columns;
use crate::store::{
    AdminQueryStore, DeliveryState, LatencyCount, LatencyStart, MailFigures, MailLine, MailSearch,
    StoreError, SubscriberLine, SubscriberSearch, SuppressionLine,
};
use crate::subscriber::{Status, SubscriberId};
use chrono::{DateTime, NaiveDate, Utc};
use rusqlite::{OptionalExtension as _, Row, ToSql, named_params};

impl AdminQueryStore for SqliteStore {
    fn mail_figures(&mut self, since: DateTime<Utc>) -> Result<MailFigures, StoreError> {
        // One snapshot for all queries.
        let tx = self.conn.transaction()?;
        let wanted = named_params! { ":since": since.timestamp() };
        let count = |sql: &str| {
            tx.prepare_cached(sql)?
                .query_row(wanted, |row| row.get::<_, u64>(0))
        };
        let instant = |sql: &str, wanted: &[(&str, &dyn ToSql)]| {
            let at: Option<i64> = tx
                .prepare_cached(sql)?
                .query_row(wanted, |row| row.get(0))?;
            Ok::<_, rusqlite::Error>(at.and_then(|at| DateTime::from_timestamp(at, 0)))
        };
        let states = tx
            .prepare_cached(
                "SELECT state, count(*) AS mails
                   FROM deliveries
                  WHERE queued_at >= :since
                  GROUP BY state",
            )?
            .query_map(wanted, |row| {
                let columns = Columns::of("deliveries", row);
                Ok((
                    columns.word("state", &DeliveryState::WORDS)?,
                    columns.get("mails")?,
                ))
            })?
            .collect::<Result<_, _>>()?;
        Ok(MailFigures {
            composed: count("SELECT count(*) FROM issues WHERE composed_at >= :since")?,
            empty: count("SELECT count(*) FROM skipped WHERE at >= :since AND why = 'empty'")?,
            states,
            last_composed: instant("SELECT max(composed_at) FROM issues", &[])?,
            last_tried: instant(
                "SELECT max(attempts.at)
                   FROM deliveries
                   JOIN attempts ON attempts.delivery_id = deliveries.id
                  WHERE deliveries.queued_at >= :since",
                wanted,
            )?,
        })
    }

    fn find_mails(&mut self, search: &MailSearch) -> Result<Vec<MailLine>, StoreError> {
        let (before, limit) = (search.before.map_or(i64::MAX, |id| id.0), search.limit);
        let (id, subscriber) = (search.id.map(|id| id.0), search.subscriber.map(|id| id.0));
        let (state, date) = (
            search.state.map(DeliveryState::word),
            search.local_date.map(|date| date.to_string()),
        );
        let (address, words) = (
            search.address.as_deref().map(str::to_lowercase),
            search.words.as_deref().map(str::to_lowercase),
        );
        // Only the conditions that are set are in the query, so that it can use their index.
        let mut sql = "SELECT * FROM deliveries WHERE id < :before".to_owned();
        let mut wanted: Vec<(&str, &dyn ToSql)> = vec![(":before", &before), (":limit", &limit)];
        let conditions: [(bool, &str, &str, &dyn ToSql); 6] = [
            (id.is_some(), " AND id = :id", ":id", &id),
            (
                subscriber.is_some(),
                " AND subscriber_id = :subscriber",
                ":subscriber",
                &subscriber,
            ),
            (state.is_some(), " AND state = :state", ":state", &state),
            (date.is_some(), " AND local_date = :date", ":date", &date),
            (
                address.is_some(),
                " AND instr(lower(address), :address) > 0",
                ":address",
                &address,
            ),
            (
                words.is_some(),
                " AND instr(lower(concat_ws(' ', stage, code, enhanced, text)), :words) > 0",
                ":words",
                &words,
            ),
        ];
        for (is_set, condition, name, value) in conditions {
            if is_set {
                sql.push_str(condition);
                wanted.push((name, value));
            }
        }
        sql.push_str(" ORDER BY id DESC LIMIT :limit");
        let mut statement = self.conn.prepare_cached(&sql)?;
        let rows = statement.query_map(wanted.as_slice(), mail_line)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn find_subscribers(
        &mut self,
        search: &SubscriberSearch,
    ) -> Result<Vec<SubscriberLine>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT subscribers.*,
                    (SELECT count(*) FROM interests
                        WHERE interests.subscriber_id = subscribers.id) AS interests,
                    (SELECT max(local_date) FROM issues
                        WHERE issues.subscriber_id = subscribers.id) AS last_issue
               FROM subscribers
              WHERE id > :after
                AND (:status IS NULL OR status = :status)
                AND (:text IS NULL OR instr(address_key, :text) > 0
                    OR instr(lower(name), :text) > 0)
              ORDER BY id
              LIMIT :limit",
        )?;
        let rows = statement.query_map(
            named_params! {
                ":after": search.after.map_or(0, |id| id.0),
                ":status": search.status.map(Status::word),
                ":text": search.text.as_deref().map(str::to_lowercase),
                ":limit": search.limit,
            },
            person_line,
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn person(&mut self, id: SubscriberId) -> Result<Option<SubscriberLine>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT subscribers.*,
                    (SELECT count(*) FROM interests
                        WHERE interests.subscriber_id = subscribers.id) AS interests,
                    (SELECT max(local_date) FROM issues
                        WHERE issues.subscriber_id = subscribers.id) AS last_issue
               FROM subscribers
              WHERE id = :id",
        )?;
        Ok(statement
            .query_row(named_params! { ":id": id.0 }, person_line)
            .optional()?)
    }

    fn find_suppressions(
        &mut self,
        text: Option<&str>,
        after: &str,
        limit: u32,
    ) -> Result<Vec<SuppressionLine>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT suppressions.address AS suppressed, suppressions.reason AS because,
                suppressions.at AS since,
                    subscribers.id AS subscriber, suppressions.report_id, reports.*
               FROM suppressions
               LEFT JOIN reports ON reports.id = suppressions.report_id
               LEFT JOIN subscribers ON subscribers.address_key = suppressions.address_key
              WHERE suppressions.address_key > :after
                AND (:text IS NULL OR instr(suppressions.address_key, :text) > 0)
              ORDER BY suppressions.address_key
              LIMIT :limit",
        )?;
        let wanted = named_params! {
            ":text": text.map(str::to_lowercase),
            ":after": after,
            ":limit": limit,
        };
        let rows = statement.query_map(wanted, |row| {
            let columns = Columns::of("suppressions", row);
            let has_report = columns.get::<Option<i64>>("report_id")?.is_some();
            Ok(SuppressionLine {
                address: columns.get("suppressed")?,
                reason: columns.get("because")?,
                at: columns.instant("since")?,
                evidence: if has_report {
                    Some(report_row(row)?)
                } else {
                    None
                },
                subscriber: columns.get::<Option<i64>>("subscriber")?.map(SubscriberId),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn mails_by_day(
        &mut self,
        since: DateTime<Utc>,
    ) -> Result<Vec<(NaiveDate, DeliveryState, u64)>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT date(queued_at, 'unixepoch') AS day, state, count(*) AS mails
               FROM deliveries
              WHERE queued_at >= :since
              GROUP BY day, state
              ORDER BY day",
        )?;
        let rows = statement.query_map(named_params! { ":since": since.timestamp() }, |row| {
            let columns = Columns::of("deliveries", row);
            Ok((
                columns.date("day")?,
                columns.word("state", &DeliveryState::WORDS)?,
                columns.get("mails")?,
            ))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn latencies(
        &mut self,
        from: LatencyStart,
        since: DateTime<Utc>,
    ) -> Result<Vec<LatencyCount>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "WITH announced AS (
                 SELECT date, min(announced_at) AS at
                   FROM coverage
                  WHERE state = 'complete' AND announced_at IS NOT NULL
                  GROUP BY date
             ), taken AS (
                 SELECT deliveries.at AS at,
                        CASE WHEN :from_queueing THEN deliveries.queued_at
                             ELSE coalesce(announced.at, unixepoch(issues.covers_to)) END AS began
                   FROM deliveries
                   JOIN issues ON issues.id = deliveries.id
                   LEFT JOIN announced ON announced.date = issues.covers_to
                  WHERE deliveries.queued_at >= :since AND deliveries.state = 'accepted'
             )
             SELECT date(at, 'unixepoch') AS day,
                 5 * (1 + (max(at - began, 1) - 1) / 300) AS minutes, count(*) AS mails
               FROM taken
              WHERE began IS NOT NULL
              GROUP BY day, minutes
              ORDER BY day, minutes",
        )?;
        let wanted = named_params! {
            ":from_queueing": from == LatencyStart::Queueing,
            ":since": since.timestamp(),
        };
        let rows = statement.query_map(wanted, |row| {
            let columns = Columns::of("deliveries", row);
            Ok(LatencyCount {
                day: columns.date("day")?,
                minutes: columns.get("minutes")?,
                mails: columns.get("mails")?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn reports_by_day(
        &mut self,
        since: DateTime<Utc>,
    ) -> Result<Vec<(NaiveDate, String, u64)>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT date(at, 'unixepoch') AS day, class, count(*) AS reports
               FROM reports
              WHERE at >= :since
              GROUP BY day, class
              ORDER BY day",
        )?;
        let rows = statement.query_map(named_params! { ":since": since.timestamp() }, |row| {
            let columns = Columns::of("reports", row);
            Ok((
                columns.date("day")?,
                columns.get("class")?,
                columns.get("reports")?,
            ))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn mail_line(row: &Row<'_>) -> rusqlite::Result<MailLine> {
    let columns = Columns::of("deliveries", row);
    Ok(MailLine {
        row: delivery(row)?,
        kind: columns.get("kind")?,
        queued_at: columns.instant("queued_at")?,
        expires_at: columns.instant("expires_at")?,
        resent: columns.get("resent")?,
    })
}

fn person_line(row: &Row<'_>) -> rusqlite::Result<SubscriberLine> {
    let columns = Columns::of("subscribers", row);
    let left_by = columns
        .get::<Option<String>>("left_by")?
        .unwrap_or_default();
    Ok(SubscriberLine {
        id: SubscriberId(columns.get("id")?),
        address: columns.get("address")?,
        name: columns.get("name")?,
        status: columns.word("status", &Status::WORDS)?,
        interests: columns.get("interests")?,
        joined_at: columns.instant("joined_at")?,
        left: columns.instant_if_any("left_at")?.map(|at| (at, left_by)),
        last_issue: columns.date_if_any("last_issue")?,
        next_due_at: columns.instant_if_any("next_due_at")?,
    })
}
