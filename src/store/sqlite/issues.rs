//! Issues and their picks.

use super::SqliteStore;
use super::packed::{self, Packed};
use super::row::{Columns, date_text, json_text};
use super::subscribers::{subscriber, with_interests};
use crate::store::{
    DeliveryId, History, IssueStore, NewIssue, NextLook, PaperRow, Publishable, SentPaper, Skipped,
    StoreError,
};
use crate::subscriber::{Subscriber, SubscriberId};
use chrono::{DateTime, NaiveDate, Utc};
use rusqlite::{Connection, OptionalExtension, Transaction, named_params};
use std::collections::HashMap;

impl IssueStore for SqliteStore {
    fn publishable(
        &mut self,
        after: SubscriberId,
        limit: u32,
    ) -> Result<Vec<Publishable>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT * FROM subscribers
              WHERE id > :after AND status = 'active'
              ORDER BY id
              LIMIT :limit",
        )?;
        let rows = statement.query_map(
            named_params! { ":after": after.0, ":limit": limit },
            with_schedule,
        )?;
        let rows = rows.collect::<Result<_, _>>()?;
        Ok(with_history(&self.conn, rows, None)?)
    }

    fn publishable_one(
        &mut self,
        id: SubscriberId,
        before: NaiveDate,
    ) -> Result<Option<Publishable>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT * FROM subscribers WHERE id = :id")?;
        let found = statement
            .query_row(named_params! { ":id": id.0 }, with_schedule)
            .optional()?;
        Ok(with_history(&self.conn, found.into_iter().collect(), Some(before))?.pop())
    }

    fn due_subscribers(
        &mut self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Publishable>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT * FROM subscribers
              WHERE next_due_at <= :now AND status = 'active'
              ORDER BY next_due_at, id
              LIMIT :limit",
        )?;
        let rows = statement.query_map(
            named_params! { ":now": now.timestamp(), ":limit": limit },
            with_schedule,
        )?;
        let rows = rows.collect::<Result<_, _>>()?;
        Ok(with_history(&self.conn, rows, None)?)
    }

    fn next_look(&mut self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT min(next_due_at) AS next_due_at
               FROM subscribers
              WHERE next_due_at IS NOT NULL",
        )?;
        let next = statement.query_row([], |row| {
            Columns::of("subscribers", row).instant_if_any("next_due_at")
        })?;
        Ok(next)
    }

    fn enter_looks(&mut self, looks: &[NextLook]) -> Result<(), StoreError> {
        let tx = self.write()?;
        for look in looks {
            tx.prepare_cached(
                "UPDATE subscribers
                    SET next_due_at = :at, awaits = :awaits
                  WHERE id = :id AND revision = :revision",
            )?
            .execute(named_params! {
                ":id": look.subscriber.0, ":revision": look.revision,
                ":at": look.at.map(|at| at.timestamp()), ":awaits": look.awaits,
            })?;
        }
        Ok(tx.commit()?)
    }

    fn look_at_waiting(&mut self) -> Result<u64, StoreError> {
        let woken = self.conn.execute(
            "UPDATE subscribers SET next_due_at = 0 WHERE awaits = 1",
            [],
        )?;
        Ok(woken as u64)
    }

    fn skip_issues(
        &mut self,
        skipped: &[(SubscriberId, NaiveDate, Skipped)],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let tx = self.write()?;
        for (subscriber, local_date, why) in skipped {
            tx.prepare_cached(
                "INSERT INTO skipped (subscriber_id, local_date, why, at)
                 SELECT id, :date, :why, :now
                   FROM subscribers
                  WHERE id = :id
                    AND NOT EXISTS (SELECT 1 FROM issues WHERE subscriber_id = :id
                        AND local_date = :date)
                     ON CONFLICT (subscriber_id, local_date) DO NOTHING",
            )?
            .execute(named_params! {
                ":id": subscriber.0,
                ":date": date_text(*local_date),
                ":why": why.word(),
                ":now": now.timestamp(),
            })?;
        }
        Ok(tx.commit()?)
    }

    fn was_skipped(
        &mut self,
        subscriber: SubscriberId,
        local_date: NaiveDate,
    ) -> Result<bool, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT 1 FROM skipped WHERE subscriber_id = :id AND local_date = :date",
        )?;
        Ok(statement
            .exists(named_params! { ":id": subscriber.0, ":date": date_text(local_date) })?)
    }

    fn begin_readings(
        &mut self,
        first_days: &[(SubscriberId, NaiveDate)],
    ) -> Result<(), StoreError> {
        let tx = self.write()?;
        for (subscriber, first_day) in first_days {
            tx.prepare_cached(
                "UPDATE subscribers SET first_day = :day WHERE id = :id AND first_day IS NULL",
            )?
            .execute(named_params! { ":id": subscriber.0, ":day": date_text(*first_day) })?;
        }
        Ok(tx.commit()?)
    }

    fn papers_sent(
        &mut self,
        subscribers: &[SubscriberId],
        from: PaperRow,
    ) -> Result<Vec<SentPaper>, StoreError> {
        let mut sent = Vec::new();
        // Papers sent under a name that turned out to be another paper's.
        let mut merged = self.conn.prepare_cached(
            "SELECT row, merged_into
               FROM papers
              WHERE merged_into IS NOT NULL AND row >= :from",
        )?;
        let merged = merged.query_map(named_params! { ":from": from.0 }, |row| {
            Ok((PaperRow(row.get("row")?), PaperRow(row.get("merged_into")?)))
        })?;
        let merged: HashMap<PaperRow, PaperRow> = merged.collect::<Result<_, _>>()?;
        let mut statement = self.conn.prepare_cached(
            "SELECT picks.paper AS paper, deliveries.local_date AS local_date
               FROM picks
               JOIN deliveries ON deliveries.id = picks.issue_id
              WHERE picks.subscriber_id = :id AND picks.paper >= :from
                AND (deliveries.state NOT IN ('rejected', 'expired') OR deliveries.resent = 1)",
        )?;
        for id in subscribers {
            let rows =
                statement.query_map(named_params! { ":id": id.0, ":from": from.0 }, |row| {
                    let paper = PaperRow(row.get("paper")?);
                    Ok(SentPaper {
                        subscriber: *id,
                        paper: merged.get(&paper).copied().unwrap_or(paper),
                        local_date: Columns::of("deliveries", row).date("local_date")?,
                    })
                })?;
            for row in rows {
                sent.push(row?);
            }
        }
        Ok(sent)
    }

    fn has_issue(
        &mut self,
        subscriber: SubscriberId,
        local_date: NaiveDate,
    ) -> Result<bool, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT 1 FROM issues WHERE subscriber_id = :id AND local_date = :date",
        )?;
        Ok(statement
            .exists(named_params! { ":id": subscriber.0, ":date": date_text(local_date) })?)
    }

    fn enqueue_issues(
        &mut self,
        issues: &[NewIssue],
        now: DateTime<Utc>,
    ) -> Result<Vec<Option<DeliveryId>>, StoreError> {
        // Before the write lock is taken, so that others can write meanwhile.
        let mails = packed::pack(&self.conn, &mut self.dictionaries, issues)?;
        let tx = self.write()?;
        packed::insert_dictionaries(&tx, &mails)?;
        let mut queued = Vec::with_capacity(issues.len());
        for (issue, mail) in issues.iter().zip(&mails) {
            queued.push(enqueue(&tx, issue, mail, now)?);
        }
        tx.commit()?;
        Ok(queued)
    }
}

fn enqueue(
    tx: &Transaction<'_>,
    issue: &NewIssue,
    mail: &Packed,
    now: DateTime<Utc>,
) -> Result<Option<DeliveryId>, StoreError> {
    // A subscriber who left or paused while the issue was composed gets none.
    let inserted = tx
        .prepare_cached(
            "INSERT INTO issues (subscriber_id, local_date, covers_from, covers_to, composed_at)
             SELECT id, :date, :from, :to, :now
               FROM subscribers
              WHERE id = :subscriber AND status = 'active'
                 ON CONFLICT (subscriber_id, local_date) DO NOTHING",
        )?
        .execute(named_params! {
            ":subscriber": issue.subscriber.0,
            ":date": date_text(issue.local_date),
            ":from": issue.covers.map(|(first, _)| first.to_string()),
            ":to": issue.covers.map(|(_, last)| last.to_string()),
            ":now": now.timestamp(),
        })?;
    if inserted == 0 {
        return Ok(None);
    }
    let id = tx.last_insert_rowid();
    // A reader who could not be reached with the last issue gets this one instead of both.
    tx.prepare_cached(
        "UPDATE deliveries
            SET expires_at = min(expires_at, :now)
          WHERE subscriber_id = :subscriber AND state = 'deferred' AND local_date < :date",
    )?
    .execute(named_params! {
        ":subscriber": issue.subscriber.0,
        ":date": date_text(issue.local_date),
        ":now": now.timestamp(),
    })?;
    tx.prepare_cached(
        "INSERT INTO deliveries (id, subscriber_id, address, local_date, subject, message_id,
            state, queued_at,
                                 expires_at, next_at, at)
         VALUES (:id, :subscriber, :address, :date, :subject, :message_id, 'rendered', :now,
                 :expires, :now, :now)",
    )?
    .execute(named_params! {
        ":id": id,
        ":subscriber": issue.subscriber.0,
        ":address": issue.address.as_str(),
        ":date": date_text(issue.local_date),
        ":subject": issue.subject,
        ":message_id": issue.message_id,
        ":expires": issue.expires_at.timestamp(),
        ":now": now.timestamp(),
    })?;
    packed::insert(tx, id, mail)?;
    let mut insert_pick = tx.prepare_cached(
        "INSERT INTO picks (subscriber_id, paper, issue_id, position, score, section, reason, kind)
         VALUES (:subscriber, :paper, :issue, :position, :score, :section, :reason, :kind)",
    )?;
    for (position, pick) in issue.picks.iter().enumerate() {
        insert_pick.execute(named_params! {
            ":subscriber": issue.subscriber.0,
            ":paper": pick.paper.0,
            ":issue": id,
            ":position": position as i64,
            ":score": f64::from(pick.score),
            ":section": json_text(&pick.section),
            ":reason": json_text(&pick.reasons),
            ":kind": pick.kind().word(),
        })?;
    }
    Ok(Some(DeliveryId(id)))
}

/// The facts about a subscriber's schedule.
struct Scheduled {
    subscriber: Subscriber,
    due_from: DateTime<Utc>,
    revision: i64,
    first_day: Option<NaiveDate>,
}

fn with_schedule(row: &rusqlite::Row<'_>) -> rusqlite::Result<Scheduled> {
    let columns = Columns::of("subscribers", row);
    Ok(Scheduled {
        subscriber: subscriber(row)?,
        due_from: columns.instant("due_from")?,
        revision: columns.get("revision")?,
        first_day: columns.date_if_any("first_day")?,
    })
}

fn with_history(
    conn: &Connection,
    rows: Vec<Scheduled>,
    before: Option<NaiveDate>,
) -> rusqlite::Result<Vec<Publishable>> {
    let (subscribers, schedules): (Vec<_>, Vec<_>) = rows
        .into_iter()
        .map(|row| (row.subscriber, (row.due_from, row.revision, row.first_day)))
        .unzip();
    let mut publishable = Vec::with_capacity(subscribers.len());
    // Papers whose mail was rejected or expired were not read: their days are covered again.
    let mut history = conn.prepare_cached(
        "SELECT max(issues.local_date) AS local_date, max(composed_at) AS composed_at,
                min(covers_from) AS covers_from, max(covers_to) AS covers_to
           FROM issues
           JOIN deliveries ON deliveries.id = issues.id
          WHERE issues.subscriber_id = :id
            AND (deliveries.state NOT IN ('rejected', 'expired') OR deliveries.resent = 1)
            AND (:before IS NULL OR issues.local_date < :before)",
    )?;
    for (subscriber, (due_from, revision, first_day)) in with_interests(conn, subscribers)?
        .into_iter()
        .zip(schedules)
    {
        let id = named_params! {
            ":id": subscriber.id.0,
            ":before": before.map(|date| date.to_string()),
        };
        let history = history.query_row(id, |row| {
            let columns = Columns::of("issues", row);
            let (local_date, composed_at) = (
                columns.date_if_any("local_date")?,
                columns.instant_if_any("composed_at")?,
            );
            let covers = columns
                .date_if_any("covers_from")?
                .zip(columns.date_if_any("covers_to")?);
            Ok(local_date
                .zip(composed_at)
                .map(|(local_date, composed_at)| History {
                    local_date,
                    composed_at,
                    covers,
                }))
        })?;
        publishable.push(Publishable {
            subscriber,
            due_from,
            revision,
            first_day,
            history,
        });
    }
    Ok(publishable)
}
